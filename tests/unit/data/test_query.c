/* tests/unit/data/test_query.c -- random queries against a plain evaluation of the same rows: every
 * page of each. test_query_many.c asks more of them, over many more rows. */
#include "oracle.h"

#include <stdlib.h>

enum { N_QUERIES = 150 };

/* Pages of `limit` rows until the cursor ends; all rows exactly once, in order. */
static void
check_pages(struct fixture *fixture, struct asked *asked, const struct thing *const *expected,
            size_t n_expected, int64_t limit)
{
    const cim_call call = fake_call(asked->scope);
    char token[8000] = "";
    size_t seen = 0;
    cim_error err = {0};
    asked->query.limit = limit;
    asked->query.cursor = NULL;
    for (;;) {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        int64_t in_page = 0;
        assert_ok(lpg_layer_query(fixture->things, &call, &asked->query, &rows, &err), &err);
        for (;;) {
            assert_ok(rows->next(rows, &batch, &err), &err);
            if (batch->n_rows == 0) {
                break;
            }
            for (int64_t i = 0; i < batch->n_rows; i++) {
                assert_true(seen < n_expected);
                check_asked_row(asked, rows, batch, i, expected[seen++]);
                in_page++;
            }
        }
        assert_true(limit == 0 || in_page <= limit);
        const char *next = rows->cursor(rows);
        if (next == NULL) {
            break;
        }
        assert_int_equal(in_page, limit);
        assert_true(strlen(next) < sizeof token);
        (void)snprintf(token, sizeof token, "%s", next);
        asked->query.cursor = token;
    }
    assert_int_equal(seen, n_expected);
}

static void
test_random_queries_equal_a_plain_evaluation(void **state)
{
    static const struct thing *expected[N_ROWS];
    static const char *const some[] = {"size", "phone"};
    struct fixture *fixture = *state;
    uint64_t seed = 2026;
    size_t not_empty = 0;
    load_things(fixture, &seed, N_ROWS);
    for (int round = 0; round < N_QUERIES; round++) {
        struct asked asked;
        size_t n = 0;
        int64_t count = -1;
        cim_error err = {0};
        ask(&asked, &seed);
        for (int i = 0; i < N_ROWS; i++) {
            if (is_wanted(&asked, &things[i])) {
                expected[n++] = &things[i];
            }
        }
        qsort((void *)expected, n, sizeof expected[0], in_order);
        const cim_call call = fake_call(asked.scope);
        assert_ok(lpg_layer_count(fixture->things, &call, &asked.query, &count, &err), &err);
        if (count != (int64_t)n) {
            fail_msg("round %d: %lld rows, expected %zu, filter %s", round, (long long)count, n,
                     asked.query.filter_json);
        }
        if (unit_random_below(&seed, 3) == 0) {
            asked.query.properties = some;
            asked.query.n_properties = 2;
            asked.query.flags |= CIM_QUERY_NO_GEOMETRY;
        }
        check_pages(fixture, &asked, expected, n, 0);
        check_pages(fixture, &asked, expected, n, 1 + unit_random_below(&seed, 900));
        if (n < 200) {
            check_pages(fixture, &asked, expected, n, 1 + unit_random_below(&seed, 7));
        }
        not_empty += n > 0 ? 1 : 0;
        free_asked(&asked);
    }
    assert_true(not_empty > N_QUERIES / 2);
}

static void
test_long_sort_texts_page_as_well(void **state)
{
    enum { N_NOTES = 30, TEXT_LEN = 1900 };
    static char texts[N_NOTES][TEXT_LEN + 1];
    static const char *const sort[] = {"-body"};
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    struct text_rows input = {.n_columns = 1, .names = {"body"}, .n_rows = N_NOTES};
    struct outcome outcome;
    cim_error err = {0};
    char token[8000];
    int seen = 0;
    for (int i = 0; i < N_NOTES; i++) {
        memset(texts[i], 'x', TEXT_LEN);
        texts[i][TEXT_LEN - 1] = (char)('a' + i / 2);
        input.cells[i][0] = texts[i];
    }
    assert_ok(write_rows(fixture->notes, &call, CIM_EDIT_CREATE, 0, &input, &outcome, &err), &err);
    cim_query query = {.struct_size = sizeof query, .limit = 7, .sort = sort, .n_sort = 1};
    for (;;) {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        assert_ok(lpg_layer_query(fixture->notes, &call, &query, &rows, &err), &err);
        assert_ok(rows->next(rows, &batch, &err), &err);
        for (int64_t i = 0; i < batch->n_rows; i++) {
            assert_int_equal(cim_column_i64(batch->columns[0], i), N_NOTES - seen++);
        }
        if (rows->cursor(rows) == NULL) {
            break;
        }
        assert_true(strlen(rows->cursor(rows)) < 100);
        (void)snprintf(token, sizeof token, "%s", rows->cursor(rows));
        query.cursor = token;
    }
    assert_int_equal(seen, N_NOTES);
}

static void
test_groups_count_each_value(void **state)
{
    struct fixture *fixture = *state;
    const cim_query query = {.struct_size = sizeof query};
    uint64_t seed = 9;
    cim_error err = {0};
    load_things(fixture, &seed, N_ROWS);
    for (int narrow = 0; narrow < 2; narrow++) {
        const cim_call call = fake_call(narrow ? &narrow_scope : fake_scope_all());
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        assert_ok(lpg_data_group_count(fixture->things, &call, &query,
                                       &(struct lpg_grouping){.n_by = 1, .by = {"kind"}}, &rows,
                                       &err),
                  &err);
        assert_ok(rows->next(rows, &batch, &err), &err);
        assert_int_equal(batch->n_rows, 3);
        for (int64_t i = 0; i < 3; i++) {
            const char *value = cell_text(batch, 0, i);
            int64_t n = 0;
            for (int j = 0; j < N_ROWS; j++) {
                const char *kind = things[j].kind[0] != '\0' ? things[j].kind : "(absent)";
                n += strcmp(kind, value) == 0 &&
                             (!narrow || in_haikou(&things[j]) || acme_covers(&things[j]))
                         ? 1
                         : 0;
            }
            assert_int_equal(cim_column_i64(batch->columns[1], i), n);
        }
    }
}

static void
test_one_record_by_fid_or_uid(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(&narrow_scope);
    uint64_t seed = 4;
    cim_error err = {0};
    load_things(fixture, &seed, N_ROWS);
    for (int i = 0; i < 50; i++) {
        const bool visible = in_haikou(&things[i]) || acme_covers(&things[i]);
        cim_query query = {.struct_size = sizeof query, .fid = things[i].fid};
        char uid[40] = "";
        for (int by_uid = 0; by_uid < 2; by_uid++) {
            CIM_AUTO_ROWS cim_rows *rows = NULL;
            const cim_batch *batch = NULL;
            assert_ok(lpg_layer_query(fixture->things, &call, &query, &rows, &err), &err);
            assert_ok(rows->next(rows, &batch, &err), &err);
            assert_int_equal(batch->n_rows, visible ? 1 : 0);
            if (visible) {
                assert_int_equal(cim_column_i64(batch->columns[0], 0), things[i].fid);
                (void)snprintf(uid, sizeof uid, "%s", cell_text(batch, 1, 0));
            }
            query.fid = 0;
            query.uid = uid;
        }
    }
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_random_queries_equal_a_plain_evaluation),
        WITH_STORE(test_long_sort_texts_page_as_well),
        WITH_STORE(test_groups_count_each_value),
        WITH_STORE(test_one_record_by_fid_or_uid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
