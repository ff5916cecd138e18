/* Counts from memory equal what a walk over the records gives, after any sequence of edits, under
 * any scope. */
#include "fixture.h"

#include "data/load.h"
#include "data/tally.h"

#include <stdlib.h>

enum { STEPS = 70, ASKED = 12, EDIT_ROWS = 40, TEXT = 400, LARGE = 2600 };

static const char *const kinds[] = {"big", "small", NULL};
static const char *const areas[] = {"460105", "460106", "460200", "469001", NULL};
static const char *const owners[] = {"acme", "zeta", NULL};
static const char *const flags[] = {"true", "false", NULL};

#define PICK(seed, list) (list)[unit_random_below(seed, sizeof(list) / sizeof(list)[0])]

/* ---- edits ---- */

static void
create_some(struct fixture *fixture, uint64_t *seed, size_t n)
{
    struct text_rows *rows = calloc(1, sizeof *rows);
    const cim_call call = fake_call(fake_scope_all());
    struct outcome outcome;
    cim_error err = {0};
    assert_non_null(rows);
    *rows = (struct text_rows){.n_columns = 5,
                               .names = {"name", "kind", "made_up", "area_code", "owner_org"},
                               .n_rows = n};
    for (size_t i = 0; i < n; i++) {
        rows->cells[i][0] = "thing";
        rows->cells[i][1] = PICK(seed, kinds);
        rows->cells[i][2] = PICK(seed, flags);
        rows->cells[i][3] = PICK(seed, areas);
        rows->cells[i][4] = PICK(seed, owners);
    }
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_CREATE, 0, rows, &outcome, &err), &err);
    free(rows);
}

/* Of records that may be gone: those are refused, the others are changed. */
static void
change_some(struct fixture *fixture, uint64_t *seed, int32_t op)
{
    const char *const names[] = {"kind", "made_up", "area_code", "owner_org"};
    struct text_rows rows = {.n_columns = op == CIM_EDIT_DELETE ? 1 : 2,
                             .names = {"fid", names[unit_random_below(seed, 4)]},
                             .n_rows = 1 + unit_random_below(seed, EDIT_ROWS)};
    const int64_t most = one_int(fixture, "select coalesce(max(fid), 1) from test_thing");
    const cim_call call = fake_call(fake_scope_all());
    char fids[EDIT_ROWS][24];
    struct outcome outcome;
    cim_error err = {0};
    for (size_t i = 0; i < rows.n_rows; i++) {
        (void)snprintf(fids[i], sizeof fids[i], "%u", 1 + unit_random_below(seed, (uint32_t)most));
        rows.cells[i][0] = fids[i];
        rows.cells[i][1] = rows.names[1][0] == 'k'   ? PICK(seed, kinds)
                           : rows.names[1][0] == 'm' ? PICK(seed, flags)
                           : rows.names[1][0] == 'a' ? PICK(seed, areas)
                                                     : PICK(seed, owners);
    }
    (void)write_rows(fixture->things, &call, op, CIM_EDIT_ROW_WISE, &rows, &outcome, &err);
}

struct source {
    int64_t left;
    uint64_t *seed;
};

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct source *source = self;
    while (source->left > 0 && cim_batch_builder_rows(builder) < 500) {
        const char *kind = PICK(source->seed, kinds);
        const char *area = PICK(source->seed, areas);
        source->left--;
        cim_batch_append_bytes(builder, 0, "many", 4);
        if (kind != NULL) {
            cim_batch_append_bytes(builder, 1, kind, strlen(kind));
        }
        if (area != NULL) {
            cim_batch_append_bytes(builder, 2, area, strlen(area));
        }
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static void
create_many(struct fixture *fixture, uint64_t *seed)
{
    static const char *const names[] = {"name", "kind", "area_code"};
    static const uint32_t types[] = {CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_TEXT};
    const cim_call call = fake_call(fake_scope_all());
    struct source source = {LARGE, seed};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    cim_error err = {0};
    assert_ok(cim_rows_new(3, names, types, fill, NULL, &source, &rows, &err), &err);
    cim_edit edit = {.struct_size = sizeof edit, .op = CIM_EDIT_CREATE, .rows = rows};
    assert_ok(lpg_layer_write(fixture->things, &call, &edit, &err), &err);
}

static void
edit(struct fixture *fixture, uint64_t *seed)
{
    switch (unit_random_below(seed, 16)) {
    case 0:
        create_many(fixture, seed);
        break;
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
        create_some(fixture, seed, 1 + unit_random_below(seed, EDIT_ROWS));
        break;
    case 6:
    case 7:
        change_some(fixture, seed, CIM_EDIT_DELETE);
        break;
    default:
        change_some(fixture, seed, CIM_EDIT_UPDATE);
    }
}

/* ---- questions ---- */

static int
add_leaf(char *out, size_t size, uint64_t *seed)
{
    static const char *const leaves[] = {
        "{\"op\":\"=\",\"args\":[{\"property\":\"kind\"},\"big\"]}",
        "{\"op\":\"<>\",\"args\":[{\"property\":\"kind\"},\"small\"]}",
        "{\"op\":\"in\",\"args\":[{\"property\":\"kind\"},[\"big\",\"huge\"]]}",
        "{\"op\":\"=\",\"args\":[{\"property\":\"made_up\"},true]}",
        "{\"op\":\"<>\",\"args\":[{\"property\":\"made_up\"},true]}",
        "{\"op\":\"isNull\",\"args\":[{\"property\":\"made_up\"}]}",
        "{\"op\":\"in\",\"args\":[{\"property\":\"area_code\"},[\"460105\",\"460200\"]]}",
        "{\"op\":\"=\",\"args\":[{\"property\":\"owner_org\"},\"acme\"]}",
        "{\"op\":\"isNull\",\"args\":[{\"property\":\"area_code\"}]}",
    };
    return snprintf(out, size, "%s", PICK(seed, leaves));
}

static int
add_condition(char *out, size_t size, uint64_t *seed, int depth)
{
    static const char *const ops[] = {"and", "or", "not"};
    const uint32_t op = unit_random_below(seed, 3);
    if (depth == 2 || unit_random_below(seed, 2) == 0) {
        return add_leaf(out, size, seed);
    }
    int at = snprintf(out, size, "{\"op\":\"%s\",\"args\":[", ops[op]);
    at += add_condition(out + at, size - (size_t)at, seed, depth + 1);
    if (op != 2) {
        at += snprintf(out + at, size - (size_t)at, ",");
        at += add_condition(out + at, size - (size_t)at, seed, depth + 1);
    }
    return at + snprintf(out + at, size - (size_t)at, "]}");
}

static const uint64_t haikou[] = {2U | 4U | 8U};
static const uint64_t sanya[] = {16U};
static const cim_term in_haikou = {.struct_size = sizeof in_haikou,
                                   .resource = "*",
                                   .actions = CIM_ACT_READ,
                                   .areas = haikou,
                                   .n_area_words = 1,
                                   .from_ms = INT64_MIN,
                                   .until_ms = INT64_MAX};
static const cim_term acmes = {.struct_size = sizeof acmes,
                               .resource = "*",
                               .actions = CIM_ACT_READ,
                               .all_areas = 1,
                               .owner_org = "acme",
                               .from_ms = INT64_MIN,
                               .until_ms = INT64_MAX};
static const cim_term big_in_sanya = {
    .struct_size = sizeof big_in_sanya,
    .resource = "*",
    .actions = CIM_ACT_READ,
    .areas = sanya,
    .n_area_words = 1,
    .filter_json = "{\"op\":\"=\",\"args\":[{\"property\":\"kind\"},\"big\"]}",
    .from_ms = INT64_MIN,
    .until_ms = INT64_MAX};
static const cim_term over = {.struct_size = sizeof over,
                              .resource = "*",
                              .actions = CIM_ACT_READ,
                              .all_areas = 1,
                              .from_ms = INT64_MIN,
                              .until_ms = 0};

static int64_t
walk(struct fixture *fixture, const cim_call *call, const cim_query *query)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    int64_t n = 0;
    cim_error err = {0};
    assert_ok(lpg_layer_query(fixture->things, call, query, &rows, &err), &err);
    do {
        assert_ok(rows->next(rows, &batch, &err), &err);
        n += batch->n_rows;
    } while (batch->n_rows > 0);
    return n;
}

struct group {
    char key[200];
    int64_t n;
};

enum { GROUPS = 200 };

/* A text as it stands in a key; areas as of the level. */
static void
add_to_key(char *key, size_t size, const char *by, const char *level, const cim_batch *batch,
           const cim_rows *rows, int64_t row)
{
    static const char *const cities[][2] = {{"460105", "460100"}, {"460106", "460100"}};
    uint32_t column = 0;
    while (strcmp(rows->names[column], by) != 0) {
        column++;
    }
    const bool is_flag = batch->columns[column]->type == CIM_COL_BOOL;
    const char *text = !cim_column_present(batch->columns[column], row) ? "(absent)"
                       : !is_flag ? cell_text(batch, column, row)
                       : cim_column_i64(batch->columns[column], row) != 0 ? "1"
                                                                          : "0";
    if (level != NULL && strcmp(by, "area_code") == 0 && text[0] != '(') {
        for (size_t i = 0; i < 2; i++) {
            text = level[0] == 'c' && level[1] == 'i' && strcmp(text, cities[i][0]) == 0
                       ? cities[i][1]
                       : text;
        }
        text = level[0] == 'p' ? "460000" : text;
    }
    (void)snprintf(key + strlen(key), size - strlen(key), "%s|", text);
}

static size_t
walk_groups(struct fixture *fixture, const cim_call *call, const cim_query *query,
            const struct lpg_grouping *grouping, struct group groups[GROUPS])
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    size_t n = 0;
    cim_error err = {0};
    assert_ok(lpg_layer_query(fixture->things, call, query, &rows, &err), &err);
    do {
        assert_ok(rows->next(rows, &batch, &err), &err);
        for (int64_t row = 0; row < batch->n_rows; row++) {
            struct group group = {.key = ""};
            size_t i = 0;
            for (uint32_t k = 0; k < grouping->n_by; k++) {
                add_to_key(group.key, sizeof group.key, grouping->by[k], grouping->area_level,
                           batch, rows, row);
            }
            while (i < n && strcmp(groups[i].key, group.key) != 0) {
                i++;
            }
            if (i == n) {
                assert_true(n < GROUPS);
                groups[n++] = group;
            }
            groups[i].n++;
        }
    } while (batch->n_rows > 0);
    return n;
}

static void
assert_groups(struct fixture *fixture, const cim_call *call, const cim_query *query,
              const struct lpg_grouping *grouping)
{
    static struct group groups[GROUPS];
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    int64_t last = INT64_MAX;
    size_t n_told = 0;
    cim_error err = {0};
    assert_ok(lpg_data_group_count(fixture->things, call, query, grouping, &rows, &err), &err);
    const size_t n = walk_groups(fixture, call, query, grouping, groups);
    do {
        assert_ok(rows->next(rows, &batch, &err), &err);
        for (int64_t row = 0; row < batch->n_rows; row++, n_told++) {
            char key[200] = "";
            size_t i = 0;
            for (uint32_t k = 0; k < grouping->n_by; k++) {
                add_to_key(key, sizeof key, grouping->by[k], NULL, batch, rows, row);
            }
            while (i < n && strcmp(groups[i].key, key) != 0) {
                i++;
            }
            const int64_t count = cim_column_i64(batch->columns[grouping->n_by], row);
            if (i == n || groups[i].n != count || count > last) {
                fail_msg("%s has %lld, %lld are there; the one before had %lld", key,
                         (long long)count, i < n ? (long long)groups[i].n : 0LL, (long long)last);
            }
            last = count;
        }
    } while (batch->n_rows > 0);
    assert_int_equal(n_told, n);
}

static struct lpg_grouping
new_grouping(uint64_t *seed)
{
    static const char *const columns[] = {"kind", "area_code", "owner_org", "made_up"};
    static const char *const levels[] = {"province", "city", "county", NULL};
    struct lpg_grouping grouping = {.n_by = 1 + unit_random_below(seed, 3)};
    const uint32_t first = unit_random_below(seed, 4);
    for (uint32_t i = 0; i < grouping.n_by; i++) {
        grouping.by[i] = columns[(first + i) % 4];
        grouping.area_level = (first + i) % 4 == 1 ? PICK(seed, levels) : grouping.area_level;
    }
    return grouping;
}

/* Asks for a number, or for groups. */
static void
ask(struct fixture *fixture, uint64_t *seed)
{
    static const cim_term *const lists[][3] = {{&in_haikou, NULL, NULL},
                                               {&acmes, &big_in_sanya, NULL},
                                               {&in_haikou, &acmes, &over},
                                               {&over, NULL, NULL},
                                               {&big_in_sanya, NULL, NULL}};
    static const uint32_t sizes[] = {1, 2, 3, 1, 1};
    const uint32_t which = unit_random_below(seed, 6);
    const cim_scope narrow = {.struct_size = sizeof narrow,
                              .n_terms = which < 5 ? sizes[which] : 0,
                              .terms = which < 5 ? lists[which] : NULL,
                              .areas_version = fake_scope_all()->areas_version};
    const cim_call call = fake_call(which < 5 ? &narrow : fake_scope_all());
    cim_query query = {.struct_size = sizeof query, .flags = CIM_QUERY_NO_GEOMETRY};
    char filter[TEXT * 8];
    int64_t count = -1;
    cim_error err = {0};
    if (unit_random_below(seed, 3) > 0) {
        (void)add_condition(filter, sizeof filter, seed, 0);
        query.filter_json = filter;
    }
    query.area = unit_random_below(seed, 3) == 0 ? "460100" : NULL;
    if (unit_random_below(seed, 2) == 0) {
        const struct lpg_grouping grouping = new_grouping(seed);
        assert_groups(fixture, &call, &query, &grouping);
        return;
    }
    assert_ok(lpg_layer_count(fixture->things, &call, &query, &count, &err), &err);
    const int64_t walked = walk(fixture, &call, &query);
    if (count != walked) {
        fail_msg("%lld counted, %lld there: scope %u, %s", (long long)count, (long long)walked,
                 which, query.filter_json != NULL ? query.filter_json : "no filter");
    }
}

static void
test_counts_follow_random_edits(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = 4711;
    cim_error err = {0};
    create_some(fixture, &seed, EDIT_ROWS);
    for (int step = 0; step < STEPS; step++) {
        edit(fixture, &seed);
        ask(fixture, &seed); /* where it has no tally it asks for one */
        assert_ok(lpg_tallies_run(fixture->data, NULL, &err), &err);
        for (int i = 0; i < ASKED; i++) {
            const int64_t n_tallied = fixture->things->n_tallied;
            ask(fixture, &seed);
            assert_int_equal(fixture->things->n_tallied, n_tallied + 1);
        }
    }
    /* Most edits were followed, not counted anew. */
    assert_true(fixture->things->n_tallied > (int64_t)STEPS * ASKED + STEPS / 2);
}

/* What cells cannot judge goes to the store, and is right all the same. */
static void
test_other_conditions_are_the_stores(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    uint64_t seed = 3;
    int64_t count = 0;
    cim_error err = {0};
    cim_query query = {.struct_size = sizeof query};
    create_some(fixture, &seed, EDIT_ROWS);
    assert_ok(lpg_layer_count(fixture->things, &call, &query, &count, &err), &err);
    assert_ok(lpg_tallies_run(fixture->data, NULL, &err), &err);
    query.filter_json = "{\"op\":\"=\",\"args\":[{\"property\":\"name\"},\"thing\"]}";
    assert_ok(lpg_layer_count(fixture->things, &call, &query, &count, &err), &err);
    assert_int_equal(count, EDIT_ROWS);
    query.filter_json = "{\"op\":\"like\",\"args\":[{\"property\":\"kind\"},\"b%\"]}";
    assert_ok(lpg_layer_count(fixture->things, &call, &query, &count, &err), &err);
    assert_int_equal(count, walk(fixture, &call, &query));
    query.filter_json = "{\"op\":\"=\",\"args\":[{\"property\":\"no_such\"},\"b\"]}";
    assert_int_equal(lpg_layer_count(fixture->things, &call, &query, &count, &err), CIM_E_INVALID);
    query.filter_json = NULL;
    /* A column that the tally does not have. */
    const int64_t n_tallied = fixture->things->n_tallied;
    struct lpg_grouping grouping = {.n_by = 2, .by = {"name", "kind"}};
    assert_groups(fixture, &call, &query, &grouping);
    grouping = (struct lpg_grouping){.n_by = 2, .by = {"name", "area_code"}, .area_level = "city"};
    assert_groups(fixture, &call, &query, &grouping);
    assert_int_equal(fixture->things->n_tallied, n_tallied + 2); /* looked at, and left */
    grouping = (struct lpg_grouping){.n_by = 1, .by = {"kind"}, .area_level = "city"};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    assert_int_equal(lpg_data_group_count(fixture->things, &call, &query, &grouping, &rows, &err),
                     CIM_E_INVALID);
    assert_string_equal(err.param, "area_level");
    query.area = "999999";
    assert_int_equal(lpg_layer_count(fixture->things, &call, &query, &count, &err), CIM_E_INVALID);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_counts_follow_random_edits),
        WITH_STORE(test_other_conditions_are_the_stores),
    };
    return cmocka_run_group_tests_name("data_tally", tests, NULL, NULL);
}
