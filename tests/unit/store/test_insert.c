/* Many rows at once do what as many single inserts would: each row alone is stored or refused, with
 * its number, and the spatial index knows it. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS_MAX = 1300, COLUMNS = 2, ROUNDS = 40, POINT_BYTES = 21, UID_BYTES = 24 };

static const char insert_thing[] =
    "insert into thing (uid, updated_at, geom) values (:uid, {now}, {geom :geom})";

struct load {
    uint32_t n;
    uint32_t stop_at; /* refusals after which the rest is left; 0: none */
    bool fail;        /* the transaction, after the insert */
    cim_value values[ROWS_MAX * COLUMNS];
    char uids[ROWS_MAX][UID_BYTES];
    uint8_t points[ROWS_MAX][POINT_BYTES];
    int64_t fids[ROWS_MAX];
    bool is_refused[ROWS_MAX];
    uint32_t n_refused;
    int64_t last_refused;
};

static int32_t
on_refused(cim_insert *insert, uint32_t row, const cim_error *why)
{
    struct load *load = insert->caller;
    assert_true(why->code == CIM_E_EXISTS || why->code == CIM_E_INVALID);
    assert_true((int64_t)row > load->last_refused);
    if (why->code == CIM_E_EXISTS) {
        assert_string_equal(why->param, "uid");
    }
    load->last_refused = row;
    load->is_refused[row] = true;
    return ++load->n_refused == load->stop_at;
}

static cim_status
write_load(void *arg, cim_tx *tx, cim_error *err)
{
    struct load *load = arg;
    cim_insert insert = {.struct_size = sizeof insert,
                         .n_values = COLUMNS,
                         .table = "thing",
                         .sql = insert_thing,
                         .values = load->values,
                         .n_rows = load->n,
                         .ret_fids = load->fids,
                         .refused = on_refused,
                         .caller = load};
    load->n_refused = 0;
    load->last_refused = -1;
    memset(load->is_refused, 0, sizeof load->is_refused);
    CIM_TRY(host_store_insert(tx, &insert, err));
    /* The transaction goes on after what was refused. */
    assert_int_equal(add_thing(NULL, tx, load->uids[0], 1, 1, NULL), CIM_E_EXISTS);
    return load->fail ? cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "停", "stop") : CIM_OK;
}

/* `bad`: one row in so many has the uid of another, and one in as many a broken geometry. */
static void
fill(struct load *load, uint32_t n, uint32_t bad, uint64_t *random, uint32_t round)
{
    load->n = n;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t like = i > 0 && bad > 0 && unit_random_below(random, bad) == 0
                                  ? unit_random_below(random, i)
                                  : i;
        const bool broken = i > 0 && bad > 0 && unit_random_below(random, bad) == 0;
        (void)snprintf(load->uids[i], UID_BYTES, "r%u-%u", round, like);
        cim_wkb_from_point(108 + unit_random_below(random, 300000) / 1e5,
                           18 + unit_random_below(random, 200000) / 1e5, load->points[i]);
        load->values[i * COLUMNS] = text_value("uid", load->uids[i]);
        load->values[i * COLUMNS + 1] =
            unit_random_below(random, 8) == 0
                ? null_value("geom")
                : wkb_value("geom", load->points[i], broken ? POINT_BYTES - 4 : POINT_BYTES);
    }
}

/* What as many single inserts would have refused. */
static bool
expect_refused(const struct load *load, uint32_t i)
{
    const cim_value *geom = &load->values[i * COLUMNS + 1];
    if (geom->type != 0 && geom->len != POINT_BYTES) {
        return true;
    }
    for (uint32_t before = 0; before < i; before++) {
        if (load->fids[before] != 0 && strcmp(load->uids[before], load->uids[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int64_t
fid_of(struct host_store *store, const char *uid)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "select coalesce(max(fid), 0) from thing where uid = '%s'",
                   uid);
    return one_int(store, sql);
}

static void
check(struct host_store *store, const struct load *load)
{
    uint32_t n_refused = 0;
    for (uint32_t i = 0; i < load->n; i++) {
        const bool stopped = load->stop_at != 0 && n_refused == load->stop_at;
        if (stopped) {
            assert_false(load->is_refused[i]);
            continue; /* it may have been stored together with one before; the caller undoes all */
        }
        assert_int_equal(load->is_refused[i], expect_refused(load, i));
        assert_int_equal(load->fids[i] == 0, load->is_refused[i]);
        n_refused += load->is_refused[i];
        if (load->fids[i] != 0) {
            assert_int_equal(fid_of(store, load->uids[i]), load->fids[i]);
        }
    }
    assert_int_equal(load->n_refused, n_refused);
    assert_true(load->n < 2 || load->n_refused < load->n);
}

static void
check_index(struct host_store *store)
{
    if (pg_is_there()) {
        return; /* its index is PostGIS's own */
    }
    const int64_t filled = one_int(store, "select count(*) from thing where geom is not null");
    assert_int_equal(one_int(store, "select count(*) from rtree_thing_geom"), filled);
    assert_int_equal(one_int(store, "select count(*) from rtree_thing_geom r join thing t on t.fid "
                                    "= r.id where t.geom is not null and abs(r.minx - "
                                    "ST_MinX(t.geom)) < 1e-4 and abs(r.maxy - ST_MaxY(t.geom)) < "
                                    "1e-4"),
                     filled);
    assert_true(filled > 0);
}

static void
test_rows_are_stored_or_refused_one_by_one(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 5, 49, 50, 51, 300, ROWS_MAX};
    struct fixture *fixture = *state;
    struct load *load = calloc(1, sizeof *load);
    uint64_t random = 17;
    cim_error error = {0};
    assert_non_null(load);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uint32_t n = sizes[round % (sizeof sizes / sizeof sizes[0])];
        fill(load, n, round % 3 == 0 ? 0 : round % 3 == 1 ? 10 : 400, &random, round);
        assert_ok(host_store_write(fixture->store, write_load, load, NULL, &error), &error);
        check(fixture->store, load);
    }
    check_index(fixture->store);
    free(load);
}

static void
test_a_refusal_may_stop_the_rest(void **state)
{
    struct fixture *fixture = *state;
    struct load *load = calloc(1, sizeof *load);
    uint64_t random = 23;
    cim_error error = {0};
    assert_non_null(load);
    load->stop_at = 1;
    for (uint32_t round = 0; round < 8; round++) {
        fill(load, round % 2 == 0 ? 40 : 600, 20, &random, round);
        assert_ok(host_store_write(fixture->store, write_load, load, NULL, &error), &error);
        check(fixture->store, load);
    }
    free(load);
}

static void
test_a_failed_transaction_leaves_table_and_triggers(void **state)
{
    struct fixture *fixture = *state;
    struct load *load = calloc(1, sizeof *load);
    uint64_t random = 29;
    cim_error error = {0};
    assert_non_null(load);
    load->fail = true;
    fill(load, 500, 0, &random, 0);
    assert_int_equal(host_store_write(fixture->store, write_load, load, NULL, &error),
                     CIM_E_CANCELLED);
    assert_int_equal(one_int(fixture->store, "select count(*) from thing"), 0);
    assert_ok(add_thing(fixture->store, NULL, "kept", 110, 20, &error), &error);
    check_index(fixture->store);
    free(load);
}

static cim_status
write_too_many(void *arg, cim_tx *tx, cim_error *err)
{
    cim_insert *insert = arg;
    return host_store_insert(tx, insert, err);
}

static void
test_limits(void **state)
{
    struct fixture *fixture = *state;
    int64_t fid = 0;
    const cim_value values[] = {text_value("uid", "u"), null_value("geom")};
    cim_insert insert = {.struct_size = sizeof insert,
                         .n_values = COLUMNS,
                         .table = "thing",
                         .sql = insert_thing,
                         .values = values,
                         .n_rows = CIM_INSERT_ROWS_MAX + 1,
                         .ret_fids = &fid};
    cim_error error = {0};
    assert_int_equal(host_store_write(fixture->store, write_too_many, &insert, NULL, &error),
                     CIM_E_TOO_LARGE);
    insert.n_rows = 1;
    insert.table = "thing; drop table thing";
    assert_int_equal(host_store_write(fixture->store, write_too_many, &insert, NULL, &error),
                     CIM_E_INVALID);
    insert.table = "thing";
    assert_ok(host_store_write(fixture->store, write_too_many, &insert, NULL, &error), &error);
    assert_true(fid > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_are_stored_or_refused_one_by_one, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_refusal_may_stop_the_rest, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_failed_transaction_leaves_table_and_triggers,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_limits, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("store_insert", tests, NULL, NULL);
}
