/* tests/unit/data/test_words.c -- what a record is found by, as it is written, changed and deleted.
 */
#include "fixture.h"

#include "data/words.h"

static const char *const names[] = {
    "海口民生液化气公司", "（海南）长丰燃气", "ＡＢＣ气站１２", "𠮷野气站", "琼山Gas站",
};
enum { N_NAMES = sizeof names / sizeof names[0] };

static void
write_names(struct fixture *fixture)
{
    const cim_call call = fake_call(fake_scope_all());
    struct text_rows rows = {.n_columns = 3, .names = {"name", "phone", "area_code"}};
    struct outcome outcome;
    cim_error err = {0};
    for (size_t i = 0; i < N_NAMES; i++) {
        rows.cells[i][0] = names[i];
        rows.cells[i][1] = "13800138000";
        rows.cells[i][2] = i == 0 ? "460105" : "460200";
    }
    rows.n_rows = N_NAMES;
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_CREATE, 0, &rows, &outcome, &err), &err);
}

/* How many records are found. */
static int64_t
find(struct lpg_layer *layer, const char *text, const cim_scope *scope)
{
    const cim_call call = fake_call(scope);
    const cim_query query = {.struct_size = sizeof query, .search = text};
    int64_t n = -1;
    cim_error err = {0};
    assert_ok(lpg_layer_count(layer, &call, &query, &n, &err), &err);
    return n;
}

static void
test_text_pinyin_and_initials_find_a_record(void **state)
{
    static const struct {
        const char *text;
        int64_t n;
    } cases[] = {
        {"民生", 1},       {"hkms", 1},     {"minsheng", 1}, {"HKMSYHQGS", 1}, {"海口 公司", 1},
        {"公司　海口", 1}, {"海南长丰", 1}, {"长丰(燃", 1},  {"cfrq", 1},      {"zfrq", 1},
        {"abc", 1},        {"ａｂｃ", 1},   {"气站12", 1},   {"𠮷野", 1},      {"𠮷yqz", 1},
        {"gas", 1},        {"气站", 2},     {"气", 4},       {"qz", 2},        {"没有", 0},
        {"生民", 0},       {"公司hkms", 0}, {"13800138", 0}, {"%", 0},         {"|", 0},
    };
    struct fixture *fixture = *state;
    write_names(fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (find(fixture->things, cases[i].text, fake_scope_all()) != cases[i].n) {
            fail_msg("%s: not %lld", cases[i].text, (long long)cases[i].n);
        }
    }
}

static void
test_changes_and_deletions_are_followed(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    struct text_rows rename = {
        .n_columns = 2, .names = {"fid", "name"}, .n_rows = 1, .cells = {{"1", "三亚燃气"}}};
    const struct text_rows resize = {
        .n_columns = 2, .names = {"fid", "size"}, .n_rows = 1, .cells = {{"1", "7"}}};
    const struct text_rows gone = {.n_columns = 1, .names = {"fid"}, .n_rows = 1, .cells = {{"1"}}};
    struct outcome outcome;
    cim_error err = {0};
    write_names(fixture);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &resize, &outcome, &err),
              &err);
    assert_int_equal(find(fixture->things, "hkms", fake_scope_all()), 1);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &rename, &outcome, &err),
              &err);
    assert_int_equal(find(fixture->things, "hkms", fake_scope_all()), 0);
    assert_int_equal(find(fixture->things, "syrq", fake_scope_all()), 1);
    rename.cells[0][1] = "乐东燃气";
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_REPLACE, 0, &rename, &outcome, &err),
              &err);
    assert_int_equal(find(fixture->things, "syrq", fake_scope_all()), 0);
    assert_int_equal(find(fixture->things, "ledong", fake_scope_all()), 1);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_DELETE, 0, &gone, &outcome, &err), &err);
    assert_int_equal(find(fixture->things, "ledong", fake_scope_all()), 0);
}

/* A table without the column, and none of its fields by pinyin. */
static void
test_tables_without_the_column_are_searched_in_their_fields(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    const struct text_rows rows = {
        .n_columns = 1, .names = {"body"}, .n_rows = 2, .cells = {{"100% 液化气"}, {"ABC_d"}}};
    struct outcome outcome;
    cim_error err = {0};
    assert_ok(write_rows(fixture->notes, &call, CIM_EDIT_CREATE, 0, &rows, &outcome, &err), &err);
    assert_int_equal(find(fixture->notes, "液化", fake_scope_all()), 1);
    assert_int_equal(find(fixture->notes, "abc_D", fake_scope_all()), 1);
    assert_int_equal(find(fixture->notes, "0%", fake_scope_all()), 1);
    assert_int_equal(find(fixture->notes, "c%d", fake_scope_all()), 0);
    assert_int_equal(find(fixture->notes, "yhq", fake_scope_all()), 0);
}

static void
test_only_what_the_scope_shows_is_found(void **state)
{
    static const uint64_t haikou[] = {2U | 4U | 8U};
    static const char *const hidden[] = {"name"};
    static const uint8_t masked[] = {CIM_FIELD_MASKED};
    cim_term term = {.struct_size = sizeof term,
                     .resource = "*",
                     .areas = haikou,
                     .n_area_words = 1,
                     .from_ms = INT64_MIN,
                     .until_ms = INT64_MAX};
    const cim_term *const terms[] = {&term};
    const cim_scope scope = {
        .struct_size = sizeof scope, .n_terms = 1, .terms = terms, .areas_version = 5};
    struct fixture *fixture = *state;
    const cim_call call = fake_call(&scope);
    const cim_query query = {.struct_size = sizeof query, .search = "气"};
    const cim_query blank = {.struct_size = sizeof blank, .search = " 　"};
    int64_t n = 0;
    cim_error err = {0};
    write_names(fixture);
    assert_int_equal(find(fixture->things, "气", &scope), 1);
    term.n_field_modes = 1;
    term.field_names = hidden;
    term.field_modes = masked;
    assert_int_equal(lpg_layer_count(fixture->things, &call, &query, &n, &err), CIM_E_DENIED);
    term.n_field_modes = 0;
    assert_int_equal(lpg_layer_count(fixture->things, &call, &blank, &n, &err), CIM_E_INVALID);
    assert_int_equal(lpg_layer_count(fixture->zones, &call, &query, &n, &err), CIM_E_INVALID);
    assert_contains(err.en, "no field to search");
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/* As after the rules of reading changed: words are lost, wrong, or right. */
static void
test_words_are_made_anew(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    const cim_scope nothing = {.struct_size = sizeof nothing,
                               .areas_version = fake_scope_all()->areas_version};
    const cim_call stranger = fake_call(&nothing);
    int64_t n_read = 0;
    int64_t n_changed = 0;
    cim_error err = {0};
    write_names(fixture);
    assert_ok(host_store_write_one(fixture->fake->store,
                                   "update test_thing set search_words = null where fid = 1", NULL,
                                   0, NULL, &err),
              &err);
    assert_ok(host_store_write_one(fixture->fake->store,
                                   "update test_thing set search_words = '|old' where fid = 2",
                                   NULL, 0, NULL, &err),
              &err);
    const int64_t pos = host_store_layer_pos(fixture->fake->store, "test.things");
    assert_int_equal(find(fixture->things, "hkms", fake_scope_all()), 0);
    assert_int_equal(find(fixture->things, "old", fake_scope_all()), 1);
    assert_int_equal(lpg_words_rebuild(fixture->things, &stranger, &n_read, &n_changed, &err),
                     CIM_E_DENIED);
    assert_ok(lpg_words_rebuild(fixture->things, &call, &n_read, &n_changed, &err), &err);
    assert_int_equal(n_read, N_NAMES);
    assert_int_equal(n_changed, 2);
    assert_int_equal(find(fixture->things, "hkms", fake_scope_all()), 1);
    assert_int_equal(find(fixture->things, "old", fake_scope_all()), 0);
    assert_int_equal(one_int(fixture, "select max(version) from test_thing"), 1);
    /* Counts that were kept end with it; a second time there is nothing to do. */
    assert_int_equal(host_store_layer_pos(fixture->fake->store, "test.things"), pos + 1);
    assert_ok(lpg_words_rebuild(fixture->things, &call, &n_read, &n_changed, &err), &err);
    assert_int_equal(n_changed, 0);
    assert_int_equal(host_store_layer_pos(fixture->fake->store, "test.things"), pos + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_text_pinyin_and_initials_find_a_record),
        WITH_STORE(test_changes_and_deletions_are_followed),
        WITH_STORE(test_words_are_made_anew),
        WITH_STORE(test_tables_without_the_column_are_searched_in_their_fields),
        WITH_STORE(test_only_what_the_scope_shows_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
