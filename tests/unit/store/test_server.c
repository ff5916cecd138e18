/* What only a database server can do: go away, lock, deadlock, be unreachable. */
#include "fixture.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static void
run_beside(const struct fixture *fixture, const char *sql)
{
    PGconn *pg = PQconnectdb(fixture->url);
    PGresult *result = PQexec(pg, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(pg));
    }
    PQclear(result);
    PQfinish(pg);
}

static const char end_all[] = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where "
                              "datname = current_database() and pid <> pg_backend_pid()";

static cim_status
add_and_note(void *arg, cim_tx *tx, cim_error *err)
{
    CIM_TRY(add_thing(NULL, tx, arg, 110, 20, err));
    return host_store_change(tx, "t.things", 1, CIM_CHANGE_CREATE, NULL, NULL, err);
}

static void
test_lost_connections_are_replaced(void **state)
{
    struct fixture *fixture = *state;
    char first[] = "first";
    char second[] = "second";
    cim_error error = {0};
    int64_t pos = 0;
    assert_ok(host_store_write(fixture->store, add_and_note, first, &pos, &error), &error);
    assert_int_equal(pos, 1);
    assert_int_equal(one_int(fixture->store, "select count(*) from thing"), 1);
    run_beside(fixture, end_all);
    assert_int_equal(one_int(fixture->store, "select count(*) from thing"), 1);
    assert_ok(host_store_write(fixture->store, add_and_note, second, &pos, &error), &error);
    assert_int_equal(pos, 2); /* the sequencer is back as well */
    assert_int_equal(host_store_layer_pos(fixture->store, "t.things"), 2);
}

struct cut {
    struct fixture *fixture;
    int runs;
};

/* The server goes away in the middle of its first run. */
static cim_status
write_and_be_cut(void *arg, cim_tx *tx, cim_error *err)
{
    struct cut *cut = arg;
    CIM_TRY(add_thing(NULL, tx, "cut", 110, 20, err));
    if (cut->runs++ == 0) {
        run_beside(cut->fixture, end_all);
    }
    return add_thing(NULL, tx, "whole", 110, 20, err);
}

static void
test_transaction_that_was_cut_runs_again(void **state)
{
    struct fixture *fixture = *state;
    struct cut cut = {.fixture = fixture};
    cim_error error = {0};
    assert_ok(host_store_write(fixture->store, write_and_be_cut, &cut, NULL, &error), &error);
    assert_int_equal(cut.runs, 2);
    assert_int_equal(one_int(fixture->store, "select count(*) from thing"), 2);
}

struct swap {
    struct fixture *fixture;
    pthread_barrier_t *both;
    const char *first;
    const char *second;
    int runs;
    cim_status status;
};

static cim_status
touch(cim_tx *tx, const char *uid, cim_error *err)
{
    const cim_value value = text_value("uid", uid);
    return host_store_exec(tx, "update thing set version = version + 1 where uid = :uid", &value, 1,
                           NULL, err);
}

static cim_status
touch_both(void *arg, cim_tx *tx, cim_error *err)
{
    struct swap *swap = arg;
    CIM_TRY(touch(tx, swap->first, err));
    if (swap->runs++ == 0) {
        (void)pthread_barrier_wait(swap->both); /* each holds one now, and wants the other's */
    }
    return touch(tx, swap->second, err);
}

static void *
swap_main(void *arg)
{
    struct swap *swap = arg;
    cim_error error = {0};
    swap->status = host_store_write(swap->fixture->store, touch_both, swap, NULL, &error);
    return NULL;
}

static void
test_deadlock_runs_again(void **state)
{
    struct fixture *fixture = *state;
    pthread_barrier_t both;
    pthread_t threads[2];
    struct swap swaps[2] = {
        {.fixture = fixture, .both = &both, .first = "a", .second = "b"},
        {.fixture = fixture, .both = &both, .first = "b", .second = "a"},
    };
    cim_error error = {0};
    assert_ok(add_thing(fixture->store, NULL, "a", 110, 20, &error), &error);
    assert_ok(add_thing(fixture->store, NULL, "b", 110, 20, &error), &error);
    assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, swap_main, &swaps[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(swaps[i].status, CIM_OK);
    }
    (void)pthread_barrier_destroy(&both);
    assert_int_equal(swaps[0].runs + swaps[1].runs, 3);
    assert_int_equal(one_int(fixture->store, "select sum(version) from thing"), 6);
}

/* A value may be absent first and there later, whole or not: one text, several prepared forms. */
static void
test_values_of_changing_types(void **state)
{
    struct fixture *fixture = *state;
    static const char sql[] = "insert into thing (uid, updated_at, size, made_up, built_on) values "
                              "(:uid, {now}, :size, :made_up, :built_on)";
    const cim_value rows[][4] = {
        {text_value("uid", "1"), null_value("size"), null_value("made_up"), null_value("built_on")},
        {text_value("uid", "2"), int_value("size", 2), int_value("made_up", 1),
         text_value("built_on", "2026-02-28")},
        {text_value("uid", "3"), real_value("size", 2.5), int_value("made_up", 0),
         null_value("built_on")},
    };
    const cim_value bad = text_value("name", "2026-02-30");
    cim_value with_nul = text_value("name", "a?b");
    const char nul[] = {'a', '\0', 'b'};
    cim_error error = {0};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(host_store_write_one(fixture->store, sql, rows[i], 4, NULL, &error), &error);
    }
    assert_int_equal(one_int(fixture->store, "select count(*) from thing where size >= 2"), 2);
    assert_int_equal(one_int(fixture->store, "select count(*) from thing where made_up = 1"), 1);
    assert_int_equal(host_store_write_one(fixture->store, "update thing set built_on = :name", &bad,
                                          1, NULL, &error),
                     CIM_E_INVALID);
    with_nul.v.ptr = nul;
    assert_int_equal(host_store_write_one(fixture->store, "update thing set name = :name",
                                          &with_nul, 1, NULL, &error),
                     CIM_E_INVALID);
    assert_int_equal(one_int(fixture->store, "select sum(pieces) is null from thing"), 1);
}

static void
test_addresses_that_lead_nowhere(void **state)
{
    struct fixture *fixture = *state;
    struct host_store_options options = fixture_options(fixture);
    struct host_store *store = NULL;
    cim_error error = {0};
    options.url = "postgresql:///nothing?host=/nowhere&user=cim";
    assert_int_equal(host_store_open(&options, &store, &error), CIM_E_IO);
    assert_contains(error.en, "cannot be reached");
    options.url = "mysql://localhost/x";
    assert_int_equal(host_store_open(&options, &store, &error), CIM_E_INVALID);
    assert_string_equal(error.param, "store.url");
    options.url = fixture->url;
    options.kind = HOST_STORE_PLATFORM;
    assert_int_equal(host_store_open(&options, &store, &error), CIM_E_UNSUPPORTED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lost_connections_are_replaced, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_transaction_that_was_cut_runs_again, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_deadlock_runs_again, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_values_of_changing_types, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_addresses_that_lead_nowhere, fixture_setup,
                                        fixture_teardown),
    };
    if (!pg_is_there()) {
        print_error("this program runs beside a cluster: tests/support/pg.py %s\n", "store_server");
        return 1;
    }
    return cmocka_run_group_tests_name("store_server", tests, NULL, NULL);
}
