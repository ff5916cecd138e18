/* Statements: types of columns, binding, limits, time-outs. */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static const char insert_full[] =
    "insert into thing (uid, owner_org, area_code, updated_at, geom, name, code, size, pieces, "
    "made_up, built_on, seen_at) values (:uid, 'o', '460100', {now}, {geom :geom}, :name, :uid, "
    ":size, :pieces, 1, '2026-11-22', {time :seen})";

static void
add_full(struct fixture *fixture, const char *uid, const char *name, double size)
{
    uint8_t wkb[21];
    cim_error error = {0};
    const cim_value values[] = {text_value("uid", uid),   wkb_value("geom", wkb, sizeof wkb),
                                text_value("name", name), real_value("size", size),
                                int_value("pieces", 12),  time_value("seen", 1700000000123)};
    cim_wkb_from_point(110.5, 20.25, wkb);
    assert_ok(host_store_write_one(fixture->store, insert_full, values, 6, NULL, &error), &error);
}

static void
expect_type(const cim_rows *rows, uint32_t column, const char *name, uint32_t type)
{
    assert_string_equal(rows->names[column], name);
    if (rows->types[column] != type) {
        fail_msg("column %s has type %u, expected %u", name, rows->types[column], type);
    }
}

static void
test_columns_have_exact_types(void **state)
{
    struct fixture *fixture = *state;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error error = {0};
    double x = 0;
    double y = 0;
    size_t len = 0;
    const uint8_t *bytes = NULL;
    add_full(fixture, "a", "琼海站", 2.0);
    assert_ok(host_store_read(
                  fixture->store,
                  "select fid, uid, {ms updated_at}, {wkb geom}, size, pieces, made_up, built_on, "
                  "{ms thing.seen_at} as seen, count(*) over () as n, max({ms seen_at}) over () m, "
                  "cast(size as integer) as whole, size * 2 as twice, seen_at, "
                  "{ms seen_at} - {ms updated_at} as span, name from thing",
                  NULL, 0, &rows, &error),
              &error);
    expect_type(rows, 0, "fid", CIM_COL_INT64);
    expect_type(rows, 1, "uid", CIM_COL_TEXT);
    expect_type(rows, 2, "updated_at", CIM_COL_TIME_MS);
    expect_type(rows, 3, "geom", CIM_COL_WKB);
    expect_type(rows, 4, "size", CIM_COL_FLOAT64);
    expect_type(rows, 5, "pieces", CIM_COL_INT64);
    expect_type(rows, 6, "made_up", CIM_COL_BOOL);
    expect_type(rows, 7, "built_on", CIM_COL_TEXT);
    expect_type(rows, 8, "seen", CIM_COL_TIME_MS);
    expect_type(rows, 9, "n", CIM_COL_INT64);
    expect_type(rows, 10, "m", CIM_COL_TIME_MS);
    expect_type(rows, 11, "whole", CIM_COL_INT64);
    expect_type(rows, 12, "twice", CIM_COL_FLOAT64);
    expect_type(rows, 13, "seen_at", CIM_COL_TIME_MS);
    expect_type(rows, 14, "span", CIM_COL_INT64);
    assert_ok(rows->next(rows, &batch, &error), &error);
    assert_int_equal(batch->n_rows, 1);
    assert_int_equal(cim_column_i64(batch->columns[2], 0), FIXTURE_NOW_MS);
    bytes = cim_column_bytes(batch->columns[3], 0, &len);
    assert_true(cim_wkb_point(bytes, len, &x, &y));
    assert_true(x == 110.5 && y == 20.25);
    assert_true(cim_column_f64(batch->columns[4], 0) == 2.0);
    assert_int_equal(cim_column_i64(batch->columns[8], 0), 1700000000123);
    assert_int_equal(cim_column_i64(batch->columns[10], 0), 1700000000123);
    assert_int_equal(cim_column_i64(batch->columns[14], 0), 1700000000123 - FIXTURE_NOW_MS);
    bytes = cim_column_bytes(batch->columns[15], 0, &len);
    assert_int_equal(len, strlen("琼海站"));
    assert_memory_equal(bytes, "琼海站", len);
    assert_ok(rows->next(rows, &batch, &error), &error);
    assert_int_equal(batch->n_rows, 0);
}

static void
test_types_hold_without_rows_and_with_star(void **state)
{
    struct fixture *fixture = *state;
    cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error error = {0};
    assert_ok(host_store_read(fixture->store,
                              "with t as (select * from thing) select count(*) as n, sum(size) "
                              "as total from t",
                              NULL, 0, &rows, &error),
              &error);
    expect_type(rows, 0, "n", CIM_COL_INT64);
    rows->release(rows);
    assert_ok(host_store_read(fixture->store,
                              "select {ms seen_at} as s, thing.*, {wkb geom} as g, "
                              "cast(pieces as real) as p from thing",
                              NULL, 0, &rows, &error),
              &error);
    expect_type(rows, 0, "s", CIM_COL_TIME_MS);
    expect_type(rows, 1, "fid", CIM_COL_INT64);
    expect_type(rows, rows->n_columns - 2, "g", CIM_COL_WKB);
    expect_type(rows, rows->n_columns - 1, "p", CIM_COL_FLOAT64);
    assert_ok(rows->next(rows, &batch, &error), &error);
    assert_int_equal(batch->n_rows, 0);
    rows->release(rows);
}

static void
test_mixed_types_are_an_error(void **state)
{
    struct fixture *fixture = *state;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error error = {0};
    if (pg_is_there()) {
        return; /* one type per column, always */
    }
    assert_ok(host_store_read(fixture->store, "select 1 as v union all select 1.5", NULL, 0, &rows,
                              &error),
              &error);
    assert_int_equal(rows->next(rows, &batch, &error), CIM_E_INTERNAL);
    assert_string_equal(error.param, "v");
    assert_contains(error.en, "cast");
}

static void
expect_read(struct fixture *fixture, const char *sql, const cim_value *values, uint32_t n_values,
            cim_status expected, const char *part)
{
    cim_rows *rows = NULL;
    cim_error error = {0};
    assert_int_equal(host_store_read(fixture->store, sql, values, n_values, &rows, &error),
                     expected);
    assert_null(rows);
    assert_contains(error.en, part);
}

static void
test_wrong_statements_are_refused(void **state)
{
    struct fixture *fixture = *state;
    const cim_value a = int_value("a", 1);
    const cim_value ab[] = {int_value("a", 1), int_value("b", 1)};
    expect_read(fixture, "select :a + :b as s", &a, 1, CIM_E_INTERNAL, "':b' has no value");
    expect_read(fixture, "select :a as s", ab, 2, CIM_E_INTERNAL, "no parameter ':b'");
    expect_read(fixture, "select fid from nothing", NULL, 0, CIM_E_INTERNAL, "nothing");
    expect_read(fixture, "select {quux x} from thing", NULL, 0, CIM_E_INVALID, "quux");
    expect_read(fixture, "select {ms a;b} from thing", NULL, 0, CIM_E_INVALID, "");
    expect_read(fixture, "select 1; select 2", NULL, 0, CIM_E_INVALID, "one statement");
    expect_read(fixture, "delete from thing", NULL, 0, CIM_E_INTERNAL, "select only");
    expect_read(fixture, "select name from thing where {geom :a} is null", &a, 1, CIM_E_INTERNAL,
                "expected a geometry");
#ifndef NDEBUG
    expect_read(fixture, "select name from thing where name ilike 'x'", NULL, 0, CIM_E_INVALID,
                "ilike");
#endif
}

static void
test_batches_are_bounded_and_whole(void **state)
{
    struct fixture *fixture = *state;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error error = {0};
    int64_t expected = 1;
    assert_ok(host_store_read(fixture->store,
                              "with recursive n (i) as (select 1 union all select i + 1 from n "
                              "where i < 5000) select i, 'abc' as t from n",
                              NULL, 0, &rows, &error),
              &error);
    for (;;) {
        assert_ok(rows->next(rows, &batch, &error), &error);
        if (batch->n_rows == 0) {
            break;
        }
        assert_true(batch->n_rows <= 1024);
        for (int64_t i = 0; i < batch->n_rows; i++) {
            assert_int_equal(cim_column_i64(batch->columns[0], i), expected++);
        }
    }
    assert_int_equal(expected, 5001);
}

static void
test_slow_statement_is_stopped(void **state)
{
    struct fixture *fixture = *state;
    struct host_store_options options = fixture_options(fixture);
    const int64_t since = host_monotonic_ms();
    host_store_close(fixture->store);
    options.read_timeout_ms = 100;
    fixture_open(fixture, &options);
    expect_read(fixture,
                "with recursive n (i) as (select 1 union all select i + 1 from n "
                "where i < 1000000000) select count(*) as c from n",
                NULL, 0, CIM_E_BUSY, "too long");
    assert_true(host_monotonic_ms() - since < 5000);
    assert_int_equal(one_int(fixture->store, "select 7 as v"), 7); /* the connection lives */
}

static const char slow_insert[] =
    "insert into thing (uid, updated_at) with recursive n (i) as (select 1 union all select i + 1 "
    "from n where i < 1000000000) select cast(i as text), {now} from n where i > 999999990";

struct slow_write {
    const char *sql;
    bool reads;
};

static cim_status
write_slowly(void *arg, cim_tx *tx, cim_error *err)
{
    const struct slow_write *slow = arg;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(host_store_exec(tx, "insert into thing (uid, updated_at) values ('before', {now})",
                            NULL, 0, NULL, err));
    if (!slow->reads) {
        return host_store_exec(tx, slow->sql, NULL, 0, NULL, err);
    }
    return host_store_query(tx, slow->sql, NULL, 0, &rows, err);
}

/* A statement of a transaction, writing or reading, is stopped as well, and the transaction leaves
 * nothing; the next write goes on. */
static void
test_slow_write_is_stopped(void **state)
{
    static const struct slow_write slow[] = {
        {slow_insert, false},
        {"with recursive n (i) as (select 1 union all select i + 1 from n "
         "where i < 1000000000) select count(*) as c from n",
         true},
    };
    struct fixture *fixture = *state;
    struct host_store_options options = fixture_options(fixture);
    const int64_t since = host_monotonic_ms();
    host_store_close(fixture->store);
    options.write_timeout_ms = 100;
    fixture_open(fixture, &options);
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        struct slow_write arg = slow[i];
        cim_error error = {0};
        assert_int_equal(host_store_write(fixture->store, write_slowly, &arg, NULL, &error),
                         CIM_E_BUSY);
        assert_non_null(strstr(error.en, "too long"));
        assert_int_equal(one_int(fixture->store, "select count(*) as v from thing"), 0);
        assert_ok(host_store_write_one(fixture->store, "delete from thing", NULL, 0, NULL, &error),
                  &error);
    }
    assert_true(host_monotonic_ms() - since < 20000);
}

static void
test_taken_connections_are_busy(void **state)
{
    struct fixture *fixture = *state;
    struct host_store_options options = fixture_options(fixture);
    struct host_store_stats stats;
    cim_rows *held[2] = {NULL};
    cim_error error = {0};
    host_store_close(fixture->store);
    options.max_readers = 2;
    options.acquire_timeout_ms = 50;
    fixture_open(fixture, &options);
    for (int i = 0; i < 2; i++) {
        assert_ok(host_store_read(fixture->store,
                                  "with recursive n (i) as (select 1 union all select i + 1 "
                                  "from n where i < 9000) select i from n",
                                  NULL, 0, &held[i], &error),
                  &error);
    }
    expect_read(fixture, "select 1 as v", NULL, 0, CIM_E_BUSY, "connections are taken");
    host_store_stats(fixture->store, &stats);
    assert_int_equal(stats.busy, 1);
    assert_int_equal(stats.readers_open, 2);
    held[0]->release(held[0]); /* not read to its end */
    assert_int_equal(one_int(fixture->store, "select 1 as v"), 1);
    held[1]->release(held[1]);
}

/* The same text many times over, more texts than the cache holds, and one text twice at once. */
static void
test_statement_cache_keeps_answers_right(void **state)
{
    struct fixture *fixture = *state;
    CIM_AUTO_ROWS cim_rows *outer = NULL;
    cim_error error = {0};
    char sql[64];
    for (int i = 0; i < 600; i++) {
        (void)snprintf(sql, sizeof sql, "select %d as v", i % 200);
        assert_int_equal(one_int(fixture->store, sql), i % 200);
    }
    assert_ok(host_store_read(fixture->store, "select 5 as v", NULL, 0, &outer, &error), &error);
    assert_int_equal(one_int(fixture->store, "select 5 as v"), 5);
}

static cim_status
query_twice(void *arg, cim_tx *tx, cim_error *err)
{
    static const char sql[] = "select fid, name from thing order by fid";
    CIM_AUTO_ROWS cim_rows *first = NULL;
    CIM_AUTO_ROWS cim_rows *second = NULL;
    const cim_batch *batch = NULL;
    (void)arg;
    CIM_TRY(host_store_query(tx, sql, NULL, 0, &first, err));
    CIM_TRY(host_store_query(tx, sql, NULL, 0, &second, err));
    CIM_TRY(first->next(first, &batch, err));
    assert_int_equal(batch->n_rows, 2);
    CIM_TRY(second->next(second, &batch, err));
    assert_int_equal(batch->n_rows, 2);
    return CIM_OK;
}

static void
test_one_statement_runs_twice_at_once(void **state)
{
    struct fixture *fixture = *state;
    cim_error error = {0};
    add_full(fixture, "a", "x", 1);
    add_full(fixture, "b", "y", 2);
    assert_ok(host_store_write(fixture->store, query_twice, NULL, NULL, &error), &error);
}

static void
test_schema_change_reaches_cached_statements(void **state)
{
    struct fixture *fixture = *state;
    struct host_migration_report report;
    cim_rows *rows = NULL;
    uint32_t before = 0;
    cim_error error = {0};
    assert_ok(host_store_read(fixture->store, "select * from note", NULL, 0, &rows, &error),
              &error);
    before = rows->n_columns;
    rows->release(rows);
    fixture_write_file(fixture->migrations, "0002_note.sql",
                       "alter table note add column read_at {time};\n");
    assert_ok(host_store_migrate(fixture->store, "test", fixture->migrations, NULL, NULL, &report,
                                 &error),
              &error);
    assert_ok(host_store_read(fixture->store, "select * from note", NULL, 0, &rows, &error),
              &error);
    assert_int_equal(rows->n_columns, before + 1);
    expect_type(rows, before, "read_at", CIM_COL_TIME_MS);
    rows->release(rows);
}

static void
test_exec_counts_changes(void **state)
{
    struct fixture *fixture = *state;
    cim_error error = {0};
    int64_t changes = -1;
    add_full(fixture, "a", "x", 1);
    assert_ok(host_store_write_one(fixture->store, "update thing set name = 'z'", NULL, 0, &changes,
                                   &error),
              &error);
    assert_int_equal(changes, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_columns_have_exact_types, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_types_hold_without_rows_and_with_star, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_mixed_types_are_an_error, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_wrong_statements_are_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_batches_are_bounded_and_whole, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_slow_statement_is_stopped, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_slow_write_is_stopped, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_taken_connections_are_busy, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_statement_cache_keeps_answers_right, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_one_statement_runs_twice_at_once, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_schema_change_reaches_cached_statements, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_exec_counts_changes, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("store_query", tests, NULL, NULL);
}
