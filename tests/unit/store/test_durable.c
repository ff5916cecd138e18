/* An acknowledgement follows the sync of its bytes: after a power cut at any later moment what was
 * acknowledged is there, whole, and what is there was never half of a transaction. */
#include "fixture.h"
#include "witness_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CALLERS = 6, WRITES = 25, ACKS_MAX = CALLERS * WRITES };

struct ack {
    char uid[16];
    size_t operations; /* of the file system when the caller was told */
};

struct caller {
    struct fixture *fixture;
    int number;
    struct ack acks[WRITES];
};

static cim_status
write_pair(void *arg, cim_tx *tx, cim_error *err)
{
    const char *uid = arg;
    char second[24];
    (void)snprintf(second, sizeof second, "%s'", uid);
    CIM_TRY(add_thing(NULL, tx, uid, 110, 20, err));
    CIM_TRY(add_thing(NULL, tx, second, 111, 20, err));
    return host_store_change(tx, "t.things", 1, CIM_CHANGE_CREATE, NULL, NULL, err);
}

static void *
call(void *arg)
{
    struct caller *caller = arg;
    for (int i = 0; i < WRITES; i++) {
        struct ack *ack = &caller->acks[i];
        cim_error error = {0};
        (void)snprintf(ack->uid, sizeof ack->uid, "%d-%d", caller->number, i);
        if (host_store_write(caller->fixture->store, write_pair, ack->uid, NULL, &error) !=
            CIM_OK) {
            ack->uid[0] = '\0';
        }
        ack->operations = witness_now();
    }
    return NULL;
}

static int
one(sqlite3 *db, const char *sql, const char *uid)
{
    sqlite3_stmt *stmt = NULL;
    int value = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        (uid == NULL || sqlite3_bind_text(stmt, 1, uid, -1, SQLITE_STATIC) == SQLITE_OK) &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        value = sqlite3_column_int(stmt, 0);
    }
    if (value < 0) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    (void)sqlite3_finalize(stmt);
    return value;
}

/* Rebuilds the disk after `operations` and looks what is on it. */
static void
check_cut(const char *dir, size_t operations, const struct caller *callers)
{
    char path[160];
    char log[176];
    sqlite3 *db = NULL;
    witness_rebuild(operations, dir);
    (void)snprintf(path, sizeof path, "%s/cim.gpkg", dir);
    (void)snprintf(log, sizeof log, "%s-shm", path);
    (void)unlink(log); /* lost with the memory it was in */
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    assert_int_equal(one(db,
                         "select count(*) from pragma_integrity_check where integrity_check = "
                         "'ok'",
                         NULL),
                     1);
    for (int c = 0; c < CALLERS; c++) {
        for (int i = 0; i < WRITES; i++) {
            const struct ack *ack = &callers[c].acks[i];
            if (ack->uid[0] != '\0' && ack->operations <= operations &&
                one(db, "select count(*) from thing where uid = ?", ack->uid) != 1) {
                fail_msg("%s was acknowledged after operation %zu and is lost by a cut after %zu",
                         ack->uid, ack->operations, operations);
            }
        }
    }
    assert_int_equal(one(db, "select count(*) from thing", NULL),
                     2 * one(db, "select count(*) from cim_change", NULL));
    assert_int_equal(one(db, "select count(*) - coalesce(max(pos), 0) from cim_change", NULL), 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
test_acknowledgement_follows_sync(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 20; i++) {
        char uid[16];
        cim_error error = {0};
        (void)snprintf(uid, sizeof uid, "s%d", i);
        assert_ok(host_store_write(fixture->store, write_pair, uid, NULL, &error), &error);
        assert_int_equal(witness_unsynced("-wal"), 0);
    }
}

static void
test_power_cut_at_any_moment(void **state)
{
    struct fixture *fixture = *state;
    struct caller *callers = calloc(CALLERS, sizeof *callers);
    pthread_t threads[CALLERS];
    char dir[128];
    const size_t first = witness_now();
    assert_non_null(callers);
    (void)snprintf(dir, sizeof dir, "%s/cut", fixture->dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.fixture = fixture, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    const size_t last = witness_now();
    const size_t stride = (last - first) / 120 + 1;
    assert_true(last > first + 200);
    for (size_t cut = first; cut <= last; cut += stride) {
        check_cut(dir, cut, callers);
    }
    check_cut(dir, last, callers);
    free(callers);
}

static int
watched_setup(void **state)
{
    witness_reset();
    return fixture_setup(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_acknowledgement_follows_sync, watched_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_power_cut_at_any_moment, watched_setup,
                                        fixture_teardown),
    };
    int code = 0;
    if (witness_install() != 0) {
        return 1;
    }
    code = cmocka_run_group_tests_name("store_durable", tests, NULL, NULL);
    witness_reset();
    return code;
}
