/* An acknowledgement follows the sync of its bytes: after a power cut at any later moment what was
 * acknowledged is there, whole, and what is there was never half of a transaction.
 *
 * The cut comes at every single write, in three ways: all writes up to there have reached the disk,
 * the last of them by half or whole; or, as disks write in any order, of all that no sync has
 * followed only that one. */
#include "fixture.h"
#include "witness_disk.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALLERS = 6,
    WRITES = 25,
    ACKS_MAX = CALLERS * WRITES,
    LONG_CHARS = 5000,
    COPY_EVERY = 3,
    PAGES_BYTES = 16 << 20
};

struct ack {
    char uid[16];
    size_t operations; /* of the file system when the caller was told; 0: it was refused */
};

struct caller {
    struct fixture *fixture;
    int number;
    struct ack *acks; /* its WRITES */
};

/* Two records, one of them of several pages, and one change. */
static cim_status
write_pair(void *arg, cim_tx *tx, cim_error *err)
{
    static const char lengthen[] = "update thing set name = :name where uid = :uid";
    const char *uid = arg;
    char second[24];
    char name[LONG_CHARS + 1];
    (void)snprintf(second, sizeof second, "%s'", uid);
    memset(name, 'x', LONG_CHARS);
    name[LONG_CHARS] = '\0';
    const cim_value values[] = {text_value("name", name), text_value("uid", second)};
    CIM_TRY(add_thing(NULL, tx, uid, 110, 20, err));
    CIM_TRY(add_thing(NULL, tx, second, 111, 20, err));
    CIM_TRY(host_store_exec(tx, lengthen, values, 2, NULL, err));
    return host_store_change(tx, "t.things", 1, CIM_CHANGE_CREATE, NULL, NULL, err);
}

/* Now and then the log goes back into the file and begins anew. */
static void
copy_back(struct host_store *store)
{
    cim_error error = {0};
    bool whole = false;
    assert_ok(host_store_checkpoint(store, &whole, &error), &error);
}

static void *
call(void *arg)
{
    struct caller *caller = arg;
    for (int i = 0; i < WRITES; i++) {
        struct ack *ack = &caller->acks[i];
        cim_error error = {0};
        (void)snprintf(ack->uid, sizeof ack->uid, "%d-%d", caller->number, i);
        if (host_store_write(caller->fixture->store, write_pair, ack->uid, NULL, &error) ==
            CIM_OK) {
            ack->operations = witness_now();
        }
        if (caller->number == 0 && i % COPY_EVERY == 0) {
            copy_back(caller->fixture->store);
        }
    }
    return NULL;
}

/* ---- what a disk tells ---- */

struct view {
    struct witness_disk disk;
    const struct ack *acks;
    size_t operations;    /* after which the cut came */
    unsigned char *image; /* the database as it was seen last, with what the log adds */
    sqlite3_int64 image_bytes;
    bool present[ACKS_MAX]; /* in that image */
    size_t n_looks;
    size_t n_images;
};

static int
one(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int value = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        value = sqlite3_column_int(stmt, 0);
    }
    if (value < 0) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    (void)sqlite3_finalize(stmt);
    return value;
}

static bool
has(sqlite3 *db, const char *uid)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, "select 1 from thing where uid = ?", -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(stmt, 1, uid, -1, SQLITE_STATIC), SQLITE_OK);
    const bool found = sqlite3_step(stmt) == SQLITE_ROW;
    (void)sqlite3_finalize(stmt);
    return found;
}

static void
check_image(struct view *view)
{
    sqlite3 *db = NULL;
    unsigned char *image = sqlite3_malloc64((sqlite3_uint64)view->image_bytes);
    assert_non_null(image);
    memcpy(image, view->image, (size_t)view->image_bytes);
    memset(image + 18, 1, 2); /* no log beside what is in memory */
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_deserialize(db, "main", image, view->image_bytes, view->image_bytes,
                                         SQLITE_DESERIALIZE_FREEONCLOSE),
                     SQLITE_OK);
    assert_int_equal(
        one(db, "select count(*) from pragma_integrity_check where integrity_check = 'ok'"), 1);
    assert_int_equal(one(db, "select count(*) from thing"),
                     2 * one(db, "select count(*) from cim_change"));
    assert_int_equal(one(db, "select count(*) from thing where length(name) = 5000"),
                     one(db, "select count(*) from cim_change"));
    assert_int_equal(one(db, "select count(*) - coalesce(max(pos), 0) from cim_change"), 0);
    assert_int_equal(one(db, "select coalesce(max(pos), 0) from cim_change"),
                     one(db, "select coalesce(max(pos), 0) from cim_layer_pos"));
    for (int i = 0; i < ACKS_MAX; i++) {
        view->present[i] = has(db, view->acks[i].uid);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    view->n_images++;
}

/* Takes the image over when it is another than before; then it has to be looked through. */
static bool
is_new(struct view *view, sqlite3 *copy)
{
    sqlite3_int64 bytes = 0;
    const unsigned char *image = sqlite3_serialize(copy, "main", &bytes, SQLITE_SERIALIZE_NOCOPY);
    assert_non_null(image);
    if (bytes == view->image_bytes && memcmp(image, view->image, (size_t)bytes) == 0) {
        return false;
    }
    view->image = realloc(view->image, (size_t)bytes);
    assert_non_null(view->image);
    memcpy(view->image, image, (size_t)bytes);
    view->image_bytes = bytes;
    return true;
}

/* The pages are copied, which reads no schema, so that a cut costs little. Nothing is changed by
 * looking: the index of the log stays in memory, the log is not copied back. */
static void
look(void *arg)
{
    static unsigned char pages[PAGES_BYTES];
    struct view *view = arg;
    char path[160];
    sqlite3 *db = NULL;
    sqlite3 *copy = NULL;
    (void)snprintf(path, sizeof path, "%s/cim.gpkg", view->disk.dir);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "pragma locking_mode = exclusive", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_open(":memory:", &copy), SQLITE_OK);
    assert_int_equal(sqlite3_deserialize(copy, "main", pages, 0, sizeof pages, 0), SQLITE_OK);
    sqlite3_backup *backup = sqlite3_backup_init(copy, "main", db, "main");
    assert_non_null(backup);
    assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
    assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
    if (is_new(view, copy)) {
        check_image(view);
    }
    assert_int_equal(sqlite3_close(copy), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    for (int i = 0; i < ACKS_MAX; i++) {
        const struct ack *ack = &view->acks[i];
        if (ack->operations != 0 && ack->operations <= view->operations && !view->present[i]) {
            fail_msg("%s was acknowledged after operation %zu and is lost by a cut after %zu",
                     ack->uid, ack->operations, view->operations);
        }
    }
    view->n_looks++;
}

static void
view_init(struct view *view, const struct fixture *fixture, const char *name,
          const struct ack *acks)
{
    char dir[128];
    (void)snprintf(dir, sizeof dir, "%s/%s", fixture->dir, name);
    witness_disk_init(&view->disk, dir);
    view->acks = acks;
}

static void
view_done(struct view *view)
{
    witness_disk_done(&view->disk);
    free(view->image);
    free(view);
}

/* The power is cut while the operation `number` is under way, and after it. */
static void
cut_at(size_t number, struct view *written, struct view *synced)
{
    const struct witness_operation *operation = witness_operation(number);
    written->operations = number;
    synced->operations = number;
    if (operation->kind == WITNESS_WRITE) {
        witness_disk_do(&written->disk, operation, operation->len / 2);
        look(written);
        witness_disk_try(&synced->disk, operation, look, synced);
    } else if (operation->kind != WITNESS_TRUNCATE) {
        witness_disk_sync(&synced->disk, number);
        synced->operations = number + 1;
        look(synced);
    }
    witness_disk_do(&written->disk, operation, operation->len);
    written->operations = number + 1;
    look(written);
}

static void
replay(const struct fixture *fixture, size_t first, const struct ack *acks)
{
    struct view *written = calloc(1, sizeof *written);
    struct view *synced = calloc(1, sizeof *synced);
    const size_t last = witness_now();
    assert_non_null(written);
    assert_non_null(synced);
    view_init(written, fixture, "written", acks);
    view_init(synced, fixture, "synced", acks);
    for (size_t i = 0; i < first; i++) {
        const struct witness_operation *operation = witness_operation(i);
        witness_disk_do(&written->disk, operation, operation->len);
        if (operation->kind == WITNESS_SYNC || operation->kind == WITNESS_REMOVE) {
            witness_disk_sync(&synced->disk, i);
        }
    }
    for (size_t i = first; i < last; i++) {
        cut_at(i, written, synced);
    }
    print_message("%zu operations, cut %zu times; %zu states were seen whole\n", last - first,
                  written->n_looks + synced->n_looks, written->n_images + synced->n_images);
    for (int i = 0; i < ACKS_MAX; i++) {
        assert_true(acks[i].operations != 0 && written->present[i] && synced->present[i]);
    }
    view_done(written);
    view_done(synced);
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
test_power_cut_at_every_write(void **state)
{
    struct fixture *fixture = *state;
    struct caller callers[CALLERS];
    struct ack *acks = calloc(ACKS_MAX, sizeof *acks);
    pthread_t threads[CALLERS];
    const size_t first = witness_now();
    assert_non_null(acks);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.fixture = fixture, .number = i, .acks = acks + i * WRITES};
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    replay(fixture, first, acks);
    free(acks);
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
        cmocka_unit_test_setup_teardown(test_power_cut_at_every_write, watched_setup,
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
