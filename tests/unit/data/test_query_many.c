/* tests/unit/data/test_query_many.c -- generated queries over many rows with absent values, ties,
 * Chinese sort keys and times at Beijing's midnight, against a plain evaluation. The same program
 * runs on both stores, so that both give the same answers.
 *
 * 500 queries over 100 000 rows are what `script/test --all` asks (CIM_TEST_LONG): a minute of
 * processor time on each store. Without it they are asked over N_ROWS_FEW rows.
 *
 * Each query is counted, and its first pages are read; a page is right if its rows are wanted and
 * in order, and no wanted row before its last one is left out. Every page of every query, over
 * fewer rows, is what test_query.c reads. */
#include "oracle.h"

#include <stdlib.h>

enum { N_ROWS_FEW = 15000, N_QUERIES = 500, PAGES = 2, PAGE_ROWS_MAX = 120 };

static const struct thing *wanted[N_ROWS_MANY];
static size_t n_wanted;
static int n_rows;

/* How many of the wanted rows stand up to `last`. */
static size_t
count_up_to(const struct thing *last)
{
    size_t n = 0;
    for (size_t i = 0; i < n_wanted; i++) {
        n += in_order(&wanted[i], &last) <= 0 ? 1 : 0;
    }
    return n;
}

static void
check_page(const struct asked *asked, const cim_rows *rows, const cim_batch *batch,
           const struct thing **last, size_t *n_seen)
{
    for (int64_t row = 0; row < batch->n_rows; row++) {
        const int64_t fid = cim_column_i64(batch->columns[0], row);
        assert_true(fid > 0 && fid <= n_rows);
        const struct thing *thing = &things[fid - 1];
        assert_true(is_wanted(asked, thing));
        assert_true(*last == NULL || in_order(last, &thing) < 0);
        check_asked_row(asked, rows, batch, row, thing);
        *last = thing;
        ++*n_seen;
    }
}

static void
check_pages(struct fixture *fixture, struct asked *asked, int64_t limit)
{
    const cim_call call = fake_call(asked->scope);
    const struct thing *last = NULL;
    char token[8000] = "";
    size_t n_seen = 0;
    bool more = true;
    cim_error err = {0};
    asked->query.limit = limit;
    for (int page = 0; page < PAGES && more; page++) {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        assert_ok(lpg_layer_query(fixture->things, &call, &asked->query, &rows, &err), &err);
        do {
            assert_ok(rows->next(rows, &batch, &err), &err);
            check_page(asked, rows, batch, &last, &n_seen);
        } while (batch->n_rows > 0);
        const size_t due = (size_t)(page + 1) * (size_t)limit;
        assert_int_equal(n_seen, due < n_wanted ? due : n_wanted);
        assert_int_equal(last != NULL ? count_up_to(last) : 0, n_seen);
        more = rows->cursor(rows) != NULL;
        assert_true(more == (n_seen < n_wanted));
        (void)snprintf(token, sizeof token, "%s", more ? rows->cursor(rows) : "");
        asked->query.cursor = token;
    }
}

static void
test_many_rows_equal_a_plain_evaluation(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = 20261127;
    size_t n_some = 0;
    const char *wants_long = getenv("CIM_TEST_LONG");
    n_rows = wants_long != NULL && wants_long[0] != '\0' ? N_ROWS_MANY : N_ROWS_FEW;
    load_things(fixture, &seed, n_rows);
    for (int round = 0; round < N_QUERIES; round++) {
        struct asked asked;
        int64_t count = -1;
        cim_error err = {0};
        ask(&asked, &seed);
        n_wanted = 0;
        for (int i = 0; i < n_rows; i++) {
            if (is_wanted(&asked, &things[i])) {
                wanted[n_wanted++] = &things[i];
            }
        }
        const cim_call call = fake_call(asked.scope);
        assert_ok(lpg_layer_count(fixture->things, &call, &asked.query, &count, &err), &err);
        if (count != (int64_t)n_wanted) {
            fail_msg("round %d: %lld rows, expected %zu, filter %s", round, (long long)count,
                     n_wanted, asked.query.filter_json);
        }
        check_pages(fixture, &asked, 1 + unit_random_below(&seed, PAGE_ROWS_MAX));
        n_some += n_wanted > PAGE_ROWS_MAX ? 1 : 0;
        free_asked(&asked);
    }
    assert_true(n_some > N_QUERIES / 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_rows_equal_a_plain_evaluation, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("data_query_many", tests, NULL, NULL);
}
