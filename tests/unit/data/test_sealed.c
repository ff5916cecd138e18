/* Encrypted fields: what lies in the store tells nothing, what is read is as ever, whole values are
 * found, everything else over them is refused, and a new key takes over while nothing stands still.
 */
#include "fixture.h"

#include "data/sealed.h"
#include "host/crypt/crypt.h"

#include <dirent.h>
#include <stdlib.h>

static const char CANARY[] = "13987654321";

static const struct text_rows rows = {
    .names = {"uid", "name", "phone", "keeper", "area_code"},
    .n_columns = 5,
    .n_rows = 4,
    .cells = {{"00000000-0000-4000-8000-000000000001", "甲", "13987654321", "张小三", "460105"},
              {"00000000-0000-4000-8000-000000000002", "乙", "0898-66668888", NULL, "460105"},
              {"00000000-0000-4000-8000-000000000003", "丙", "13987654321", NULL, "460106"},
              {"00000000-0000-4000-8000-000000000004", "丁", NULL, NULL, "460106"}}};

static int
setup(void **state)
{
    struct outcome outcome;
    cim_error err = {0};
    const int code = fixture_setup(state);
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_CREATE, 0, &rows, &outcome, &err), &err);
    return code;
}

static cim_status
query_phones(struct fixture *fixture, const cim_scope *scope, const cim_query *query, char *out,
             size_t size, cim_error *err)
{
    const cim_call call = fake_call(scope);
    CIM_AUTO_ROWS cim_rows *found = NULL;
    const cim_batch *batch = NULL;
    size_t len = 0;
    out[0] = '\0';
    CIM_TRY(lpg_layer_query(fixture->things, &call, query, &found, err));
    const uint32_t phone = (uint32_t)cim_rows_column(found, "phone");
    do {
        CIM_TRY(found->next(found, &batch, err));
        for (int64_t row = 0; row < batch->n_rows; row++) {
            const char *text = cell_text(batch, phone, row);
            len += (size_t)snprintf(out + len, size - len, "%s|",
                                    strcmp(text, "(absent)") != 0 ? text : "-");
        }
    } while (batch->n_rows > 0);
    return CIM_OK;
}

static void
expect_phones(struct fixture *fixture, const cim_scope *scope, const char *filter,
              const char *wanted)
{
    char found[256];
    cim_error err = {0};
    const cim_query query = {.struct_size = sizeof query, .filter_json = filter};
    assert_ok(query_phones(fixture, scope, &query, found, sizeof found, &err), &err);
    assert_string_equal(found, wanted);
}

static const cim_scope *
masked_scope(void)
{
    static const cim_term term = {.struct_size = sizeof term,
                                  .actions = 63,
                                  .resource = "*",
                                  .all_areas = 1,
                                  .sensitive_mode = CIM_FIELD_MASKED,
                                  .from_ms = INT64_MIN,
                                  .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&term};
    static const cim_scope scope = {
        .struct_size = sizeof scope, .n_terms = 1, .terms = terms, .areas_version = 5};
    return &scope;
}

/* ---- at rest ---- */

enum { FILE_BYTES_MAX = 32 << 20 };

static bool
stream_holds(FILE *file, const char *text)
{
    char *bytes = malloc(FILE_BYTES_MAX);
    assert_non_null(file);
    assert_non_null(bytes);
    const size_t size = fread(bytes, 1, FILE_BYTES_MAX, file);
    assert_true(size > 0 && size < FILE_BYTES_MAX);
    const bool found = memmem(bytes, size, text, strlen(text)) != NULL;
    free(bytes);
    return found;
}

static bool
file_holds(const char *path, const char *text)
{
    FILE *file = fopen(path, "rb");
    const bool found = stream_holds(file, text);
    assert_int_equal(fclose(file), 0);
    return found;
}

static bool
dump_holds(const char *url, const char *text)
{
    char command[320];
    (void)snprintf(command, sizeof command, "pg_dump --dbname='%s'", url);
    FILE *dump = popen(command, "r");
    const bool found = stream_holds(dump, text);
    assert_int_equal(pclose(dump), 0);
    return found;
}

static void
look_into_files(const char *folder, bool *ret_found_name)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[400];
        if (strncmp(entry->d_name, "cim.gpkg", 8) == 0) {
            (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            assert_false(file_holds(path, CANARY));
            *ret_found_name = *ret_found_name || file_holds(path, "张小三");
        }
    }
    assert_int_equal(closedir(dir), 0);
}

/* The record's name is found, so the search can find; its phone is not. */
static void
test_nothing_lies_clear(void **state)
{
    struct fixture *fixture = *state;
    bool found_name = false;
    if (fixture->fake->url[0] != '\0') {
        assert_false(dump_holds(fixture->fake->url, CANARY));
        found_name = dump_holds(fixture->fake->url, "张小三");
    } else {
        look_into_files(fixture->fake->dir, &found_name);
    }
    assert_true(found_name);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where phone like 'e1:1:%'"),
                     3);
}

static void
test_a_moved_value_is_not_read(void **state)
{
    struct fixture *fixture = *state;
    char found[256];
    cim_error err = {0};
    const cim_query query = {.struct_size = sizeof query};
    assert_ok(host_store_write_one(fixture->fake->store,
                                   "update test_thing set phone = (select phone from test_thing "
                                   "where fid = 1) where fid = 3",
                                   NULL, 0, NULL, &err),
              &err);
    assert_int_equal(query_phones(fixture, fake_scope_all(), &query, found, sizeof found, &err),
                     CIM_E_STATE);
    assert_string_equal(err.param, "phone");
    assert_contains(err.en, "000000000003");
    assert_null(strstr(err.en, CANARY));
}

/* ---- reading ---- */

static void
test_scopes_show_it_as_ever(void **state)
{
    struct fixture *fixture = *state;
    expect_phones(fixture, fake_scope_all(), NULL, "13987654321|0898-66668888|13987654321|-|");
    expect_phones(fixture, masked_scope(), NULL, "139****4321|089******8888|139****4321|-|");
}

static void
test_whole_values_are_found(void **state)
{
    struct fixture *fixture = *state;
    const cim_scope *all = fake_scope_all();
    expect_phones(fixture, all,
                  "{\"op\":\"=\",\"args\":[{\"property\":\"phone\"},\"13987654321\"]}",
                  "13987654321|13987654321|");
    expect_phones(fixture, all,
                  "{\"op\":\"=\",\"args\":[\"089866668888\",{\"property\":\"phone\"}]}",
                  "0898-66668888|");
    expect_phones(fixture, all,
                  "{\"op\":\"=\",\"args\":[{\"property\":\"phone\"},\"13987654320\"]}", "");
    expect_phones(fixture, all,
                  "{\"op\":\"in\",\"args\":[{\"property\":\"phone\"},[\"1\",\"13987654321\","
                  "\"0898-66668888\"]]}",
                  "13987654321|0898-66668888|13987654321|");
    expect_phones(fixture, all,
                  "{\"op\":\"not\",\"args\":[{\"op\":\"=\",\"args\":[{\"property\":\"phone\"},"
                  "\"13987654321\"]}]}",
                  "0898-66668888|");
    expect_phones(fixture, all, "{\"op\":\"isNull\",\"args\":[{\"property\":\"phone\"}]}", "-|");
}

static void
test_order_and_parts_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const sort[] = {"phone"};
    static const char *const filters[] = {
        "{\"op\":\"<\",\"args\":[{\"property\":\"phone\"},\"139\"]}",
        "{\"op\":\"<>\",\"args\":[{\"property\":\"phone\"},\"139\"]}",
        "{\"op\":\"like\",\"args\":[{\"property\":\"phone\"},\"139%\"]}",
        "{\"op\":\"between\",\"args\":[{\"property\":\"phone\"},\"1\",\"2\"]}",
        "{\"op\":\"=\",\"args\":[{\"op\":\"casei\",\"args\":[{\"property\":\"phone\"}]},\"139\"]}",
        "{\"op\":\"=\",\"args\":[{\"property\":\"name\"},{\"property\":\"phone\"}]}"};
    char found[256];
    const cim_call call = fake_call(fake_scope_all());
    for (size_t i = 0; i <= sizeof filters / sizeof filters[0]; i++) {
        cim_error err = {0};
        const bool sorts = i == sizeof filters / sizeof filters[0];
        const cim_query query = {.struct_size = sizeof query,
                                 .filter_json = sorts ? NULL : filters[i],
                                 .n_sort = sorts ? 1 : 0,
                                 .sort = sort};
        assert_int_equal(query_phones(fixture, call.scope, &query, found, sizeof found, &err),
                         CIM_E_INVALID);
    }
    const cim_query plain = {.struct_size = sizeof plain};
    cim_rows *groups = NULL;
    cim_error err = {0};
    assert_int_equal(lpg_data_group_count(fixture->things, &call, &plain,
                                          &(struct lpg_grouping){.n_by = 1, .by = {"phone"}},
                                          &groups, &err),
                     CIM_E_INVALID);
    assert_string_equal(err.param, "phone");
    assert_contains(err.en, "encrypted");
}

/* ---- writing again, new keys ---- */

static void
test_the_same_value_stays_as_it_lies(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome;
    cim_error err = {0};
    const cim_call call = fake_call(fake_scope_all());
    const struct text_rows again = {.names = {"fid", "phone", "name"},
                                    .n_columns = 3,
                                    .n_rows = 1,
                                    .cells = {{"1", "13987654321", "甲二"}}};
    assert_int_equal(one_int(fixture,
                             "select length(phone) - length('e1:1::1:') - 24 from test_thing "
                             "where fid = 1"),
                     80); /* IV 16, text 11, MAC 32: 59 bytes in base64 */
    assert_ok(host_store_write_one(fixture->fake->store,
                                   "create table test_before as select phone from test_thing where "
                                   "fid = 1",
                                   NULL, 0, NULL, &err),
              &err);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &again, &outcome, &err), &err);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing t, test_before b where "
                                      "t.phone = b.phone and t.fid = 1 and t.name = '甲二'"),
                     1);
    assert_int_equal(one_int(fixture, "select count(*) from cim_audit_pending where action = "
                                      "'update' and detail = '{\"fields\":[\"name\"]}'"),
                     1);
}

/* ---- erasing a person ---- */

static cim_status
erase(struct fixture *fixture, const cim_scope *scope, uint32_t flags, const char *fid,
      cim_error *err)
{
    struct outcome outcome;
    const cim_call call = fake_call(scope);
    const struct text_rows row = {.names = {"fid"}, .n_columns = 1, .n_rows = 1, .cells = {{fid}}};
    return write_rows(fixture->things, &call, CIM_EDIT_UPDATE, CIM_EDIT_ERASE | flags, &row,
                      &outcome, err);
}

static void
run_sql(struct fixture *fixture, const char *sql)
{
    cim_error err = {0};
    assert_ok(host_store_write_one(fixture->fake->store, sql, NULL, 0, NULL, &err), &err);
}

static void
put_back(struct fixture *fixture)
{
    run_sql(fixture, "update test_thing set phone = (select phone from test_backup) where fid = 1");
}

static void
test_an_erased_person_is_gone_and_a_backup_does_not_help(void **state)
{
    struct fixture *fixture = *state;
    cim_error err = {0};
    run_sql(fixture, "create table test_backup as select phone from test_thing where fid = 1");
    const int64_t n_changes = one_int(fixture, "select count(*) from cim_change");
    assert_ok(erase(fixture, fake_scope_all(), 0, "1", &err), &err);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where fid = 1 and phone = "
                                      "'e1:erased' and keeper = '已删除' and version = 2"),
                     1);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where search_words like "
                                      "'%张小三%' or search_words like '%zxs%'"),
                     0);
    assert_int_equal(one_int(fixture, "select count(*) from cim_change"), n_changes + 1);
    assert_int_equal(one_int(fixture, "select count(*) from cim_audit_pending where action = "
                                      "'update' and record_fid = 1 and detail = "
                                      "'{\"fields\":[\"phone\",\"keeper\"]}'"),
                     1);
    expect_phones(fixture, fake_scope_all(), NULL, "已删除|0898-66668888|13987654321|-|");
    expect_phones(fixture, masked_scope(), NULL, "已删除|089******8888|139****4321|-|");
    expect_phones(fixture, fake_scope_all(),
                  "{\"op\":\"=\",\"args\":[{\"property\":\"phone\"},\"13987654321\"]}",
                  "13987654321|"); /* of the other person with that number */
    put_back(fixture);
    expect_phones(fixture, fake_scope_all(), NULL, "已删除|0898-66668888|13987654321|-|");
    /* The record goes on: somebody else may take it. */
    struct outcome outcome;
    const cim_call call = fake_call(fake_scope_all());
    const struct text_rows next = {
        .names = {"fid", "phone"}, .n_columns = 2, .n_rows = 1, .cells = {{"1", "13800001111"}}};
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &next, &outcome, &err), &err);
    expect_phones(fixture, masked_scope(), NULL, "138****1111|089******8888|139****4321|-|");
    put_back(fixture);
    assert_ok(erase(fixture, fake_scope_all(), 0, "1", &err), &err); /* again is no error */
}

static void
test_what_has_no_value_stays_without(void **state)
{
    struct fixture *fixture = *state;
    cim_error err = {0};
    assert_ok(erase(fixture, fake_scope_all(), 0, "4", &err), &err);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where fid = 4 and phone is "
                                      "null and keeper is null"),
                     1);
}

static void
test_what_is_not_erased_keeps_its_key(void **state)
{
    struct fixture *fixture = *state;
    static const uint64_t no_area[] = {0};
    static const cim_term term = {.struct_size = sizeof term,
                                  .actions = 63,
                                  .resource = "*",
                                  .areas = no_area,
                                  .n_area_words = 1,
                                  .sensitive_mode = CIM_FIELD_CLEAR,
                                  .from_ms = INT64_MIN,
                                  .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&term};
    static const cim_scope elsewhere = {
        .struct_size = sizeof elsewhere, .n_terms = 1, .terms = terms, .areas_version = 5};
    cim_error err = {0};
    assert_int_equal(erase(fixture, &elsewhere, 0, "1", &err), CIM_E_NOTFOUND);
    assert_ok(erase(fixture, fake_scope_all(), CIM_EDIT_DRY_RUN, "1", &err), &err);
    expect_phones(fixture, fake_scope_all(), NULL, "13987654321|0898-66668888|13987654321|-|");
}

static void
test_a_new_key_leaves_erased_what_is_erased(void **state)
{
    struct fixture *fixture = *state;
    cim_error err = {0};
    int32_t version = 0;
    int64_t n_sealed = 0;
    const struct host_crypt_keys keys = {.file = fixture->fake->key_file};
    run_sql(fixture, "create table test_backup as select phone from test_thing where fid = 1");
    assert_ok(erase(fixture, fake_scope_all(), 0, "1", &err), &err);
    put_back(fixture);
    assert_ok(erase(fixture, fake_scope_all(), 0, "2", &err), &err);
    assert_ok(host_crypt_rotate(&keys, &version, &err), &err);
    host_crypt_close(fixture->fake->crypt);
    assert_ok(host_crypt_open(&keys, false, &fixture->fake->crypt, &err), &err);
    assert_ok(lpg_sealed_run(fixture->data, NULL, &n_sealed, &err), &err);
    assert_int_equal(n_sealed, 2); /* the third, and what the backup brought */
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where phone = 'e1:erased'"),
                     2);
    expect_phones(fixture, fake_scope_all(), NULL, "已删除|已删除|13987654321|-|");
}

static void
test_the_texts_of_a_record_share_their_person(void **state)
{
    struct fixture *fixture = *state;
    cim_error err = {0};
    struct outcome outcome;
    const cim_call call = fake_call(fake_scope_all());
    const struct text_rows change = {
        .names = {"fid", "phone"}, .n_columns = 2, .n_rows = 1, .cells = {{"2", "13800001111"}}};
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where phone like "
                                      "'e1:1:%:2:%' and fid = 2"),
                     1);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &change, &outcome, &err),
              &err);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where phone like "
                                      "'e1:1:%:2:%' and fid = 2"),
                     1);
}

/* An undo brings back what was stored, as it was stored: only where it belongs. */
static void
test_an_undo_takes_what_was_stored(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome;
    char stored[256];
    cim_error err = {0};
    const cim_call call = fake_call(fake_scope_all());
    CIM_AUTO_ROWS cim_rows *found = NULL;
    const cim_batch *batch = NULL;
    assert_ok(host_store_read(fixture->fake->store, "select phone from test_thing where fid = 1",
                              NULL, 0, &found, &err),
              &err);
    assert_ok(found->next(found, &batch, &err), &err);
    cim_copy_text(stored, sizeof stored, cell_text(batch, 0, 0));
    struct text_rows change = {
        .names = {"fid", "phone"}, .n_columns = 2, .n_rows = 1, .cells = {{"1", "13811112222"}}};
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &change, &outcome, &err),
              &err);
    change.cells[0][1] = stored;
    assert_int_equal(
        write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &change, &outcome, &err),
        CIM_E_INVALID); /* anybody else's is no phone number */
    assert_ok(
        write_rows(fixture->things, &call, CIM_EDIT_UPDATE, CIM_EDIT_UNDO, &change, &outcome, &err),
        &err);
    change.cells[0][0] = "2";
    assert_int_equal(
        write_rows(fixture->things, &call, CIM_EDIT_UPDATE, CIM_EDIT_UNDO, &change, &outcome, &err),
        CIM_E_STATE);
    expect_phones(fixture, fake_scope_all(), NULL, "13987654321|0898-66668888|13987654321|-|");
}

static void
test_a_new_key_takes_over(void **state)
{
    struct fixture *fixture = *state;
    cim_error err = {0};
    int32_t version = 0;
    int64_t n_sealed = 0;
    assert_ok(host_store_write_one(fixture->fake->store,
                                   "update test_thing set phone = '13912345678' where fid = 4",
                                   NULL, 0, NULL, &err),
              &err); /* as before the field was encrypted */
    expect_phones(fixture, fake_scope_all(),
                  "{\"op\":\"=\",\"args\":[{\"property\":\"phone\"},\"13912345678\"]}",
                  "13912345678|");
    const int64_t n_changes = one_int(fixture, "select count(*) from cim_change");
    assert_ok(lpg_sealed_run(fixture->data, NULL, &n_sealed, &err), &err);
    assert_int_equal(n_sealed, 1);
    const struct host_crypt_keys keys = {.file = fixture->fake->key_file};
    assert_ok(host_crypt_rotate(&keys, &version, &err), &err);
    host_crypt_close(fixture->fake->crypt); /* as a process that starts now */
    assert_ok(host_crypt_open(&keys, false, &fixture->fake->crypt, &err), &err);
    expect_phones(fixture, fake_scope_all(),
                  "{\"op\":\"=\",\"args\":[{\"property\":\"phone\"},\"13987654321\"]}",
                  "13987654321|13987654321|");
    assert_ok(lpg_sealed_run(fixture->data, NULL, &n_sealed, &err), &err);
    assert_int_equal(n_sealed, 4);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where phone like 'e1:2:%' "
                                      "and version = 1"),
                     4);
    assert_int_equal(one_int(fixture, "select count(*) from cim_change"), n_changes);
    expect_phones(fixture, fake_scope_all(), NULL,
                  "13987654321|0898-66668888|13987654321|13912345678|");
    expect_phones(fixture, fake_scope_all(),
                  "{\"op\":\"=\",\"args\":[{\"property\":\"phone\"},\"13912345678\"]}",
                  "13912345678|");
    assert_ok(lpg_sealed_run(fixture->data, NULL, &n_sealed, &err), &err);
    assert_int_equal(n_sealed, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_lies_clear, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_moved_value_is_not_read, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_scopes_show_it_as_ever, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_whole_values_are_found, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_order_and_parts_are_refused, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_the_same_value_stays_as_it_lies, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_an_undo_takes_what_was_stored, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_an_erased_person_is_gone_and_a_backup_does_not_help,
                                        setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_has_no_value_stays_without, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_erased_keeps_its_key, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_new_key_leaves_erased_what_is_erased, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_the_texts_of_a_record_share_their_person, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_new_key_takes_over, setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("data.sealed", tests, NULL, NULL);
}
