/* A base that was saved draws what the one in memory draws, also after edits that follow it; a file
 * that is damaged, of another format, of another definition or grid is refused. */
#include "compare.h"
#include "map/saved.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { N_ROUNDS = 60, N_CHECKS = 8, N_FLIPS = 600 };

struct shelf {
    char dir[64];
    char path[96];
    struct world *world;
};

static const struct lpg_origin origin = {.digest = {1, 2, 3}};

static int
setup(void **state)
{
    struct shelf *shelf = calloc(1, sizeof *shelf);
    assert_non_null(shelf);
    shelf->world = calloc(1, sizeof *shelf->world);
    assert_non_null(shelf->world);
    (void)snprintf(shelf->dir, sizeof shelf->dir, "/tmp/cim-saved-XXXXXX");
    assert_non_null(mkdtemp(shelf->dir));
    (void)snprintf(shelf->path, sizeof shelf->path, "%s/points.mercator.map", shelf->dir);
    world_init(shelf->world, 20261128, false);
    shelf->world->def.id = (char *)(uintptr_t) "points";
    *state = shelf;
    return 0;
}

static int
teardown(void **state)
{
    struct shelf *shelf = *state;
    (void)unlink(shelf->path);
    assert_int_equal(rmdir(shelf->dir), 0); /* nothing lies beside the file */
    free(shelf->world);
    free(shelf);
    return 0;
}

static void
save(const struct shelf *shelf, const struct lpg_snapshot *snapshot)
{
    assert_int_equal(lpg_saved_write(snapshot->base, "points", &origin, shelf->path, NULL), CIM_OK);
}

static cim_status
try_open(const struct shelf *shelf, bool degrees, struct lpg_base **ret_base)
{
    struct lpg_origin read = {.digest = {0}};
    const cim_status status =
        lpg_saved_open(&shelf->world->def, degrees, shelf->path, ret_base, &read, NULL);
    if (status == CIM_OK) {
        assert_memory_equal(&read, &origin, sizeof origin);
    }
    return status;
}

static struct lpg_snapshot *
opened(const struct shelf *shelf)
{
    struct lpg_base *base = NULL;
    struct lpg_snapshot *snapshot = NULL;
    assert_int_equal(try_open(shelf, false, &base), CIM_OK);
    assert_non_null(base->file);
    assert_int_equal(lpg_snapshot_of(base, &snapshot, NULL), CIM_OK);
    return snapshot;
}

static void
assert_same(const struct shelf *shelf, const struct lpg_snapshot *snapshot, unsigned *seed)
{
    struct lpg_snapshot *scratch = loaded(shelf->world, 1);
    for (int k = 0; k < N_CHECKS; k++) {
        assert_same_tile(shelf->world, snapshot, scratch,
                         &shelf->world->records[random() % N_START], seed);
    }
    lpg_snapshot_unref(scratch);
}

static void
edit(const struct shelf *shelf, struct lpg_snapshot **snapshot)
{
    int64_t fids[N_MOST];
    const uint32_t n = world_edit(shelf->world, fids);
    replace(snapshot, advanced(shelf->world, *snapshot, fids, n));
}

static void
test_a_saved_layer_goes_on_as_if_it_had_stayed(void **state)
{
    const struct shelf *shelf = *state;
    unsigned seed = 5;
    struct lpg_snapshot *snapshot = loaded(shelf->world, 7);
    for (int round = 0; round < N_ROUNDS; round++) {
        struct lpg_base *merged = NULL;
        save(shelf, snapshot);
        replace(&snapshot, opened(shelf));
        assert_int_equal(snapshot->pos, snapshot->base->pos);
        assert_same(shelf, snapshot, &seed);
        for (int i = 0; i < 5; i++) {
            edit(shelf, &snapshot);
        }
        assert_same(shelf, snapshot, &seed);
        /* A base made of one in a file and edits is whole in memory: the file may be replaced. */
        assert_int_equal(
            lpg_base_merge(snapshot->base, snapshot->overlay, snapshot->pos, &merged, NULL),
            CIM_OK);
        assert_null(merged->file);
        replace(&snapshot, NULL);
        assert_int_equal(lpg_snapshot_of(merged, &snapshot, NULL), CIM_OK);
        assert_same(shelf, snapshot, &seed);
    }
    lpg_snapshot_unref(snapshot);
}

static void
test_a_file_may_be_replaced_while_it_is_read(void **state)
{
    const struct shelf *shelf = *state;
    unsigned seed = 9;
    struct lpg_snapshot *before = loaded(shelf->world, 7);
    save(shelf, before);
    struct lpg_snapshot *reading = opened(shelf);
    struct world *empty = calloc(1, sizeof *empty);
    assert_non_null(empty);
    world_init(empty, 1, false);
    memset(empty->records, 0, sizeof empty->records);
    struct lpg_snapshot *nothing = loaded(empty, 8);
    save(shelf, nothing);
    assert_same(shelf, reading, &seed);
    struct lpg_snapshot *now = opened(shelf);
    assert_int_equal(now->base->points->n, 0);
    lpg_snapshot_unref(now);
    lpg_snapshot_unref(nothing);
    lpg_snapshot_unref(reading);
    lpg_snapshot_unref(before);
    free(empty);
}

/* ---- what is refused ---- */

static void
assert_refused(const struct shelf *shelf)
{
    struct lpg_base *base = NULL;
    struct lpg_origin read;
    cim_error err = {0};
    assert_int_equal(lpg_saved_open(&shelf->world->def, false, shelf->path, &base, &read, &err),
                     CIM_E_INVALID);
    assert_null(base);
    assert_non_null(strstr(err.en, shelf->path));
}

static void
flip(const struct shelf *shelf, off_t at)
{
    const int fd = open(shelf->path, O_RDWR);
    uint8_t byte = 0;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10U;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

static void
test_any_damage_is_refused(void **state)
{
    const struct shelf *shelf = *state;
    struct lpg_snapshot *snapshot = loaded(shelf->world, 7);
    struct lpg_base *base = NULL;
    struct stat about;
    assert_int_equal(try_open(shelf, false, &base), CIM_E_NOTFOUND);
    save(shelf, snapshot);
    assert_int_equal(stat(shelf->path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    for (int i = 0; i < N_FLIPS; i++) { /* through the head, then anywhere */
        const off_t at = i < 300 ? 3 * i : (off_t)(random() % about.st_size);
        flip(shelf, at);
        if (try_open(shelf, false, &base) == CIM_OK) {
            lpg_base_unref(base);
            base = NULL;
            fail_msg("a flipped bit at %lld is not seen", (long long)at);
        }
        flip(shelf, at);
    }
    struct lpg_snapshot *whole = opened(shelf);
    lpg_snapshot_unref(whole);
    for (int i = 0; i < 50; i++) { /* cut, from nothing on */
        assert_int_equal(truncate(shelf->path, about.st_size * i / 50), 0);
        assert_refused(shelf);
        save(shelf, snapshot);
    }
    assert_int_equal(truncate(shelf->path, about.st_size + 64), 0);
    assert_refused(shelf);
    lpg_snapshot_unref(snapshot);
}

static void
test_another_definition_or_grid_is_refused(void **state)
{
    struct shelf *shelf = *state;
    struct cim_definition *def = &shelf->world->def;
    struct cim_field *kind = &shelf->world->fields[0];
    struct lpg_snapshot *snapshot = loaded(shelf->world, 7);
    struct lpg_base *base = NULL;
    save(shelf, snapshot);
    assert_int_equal(try_open(shelf, true, &base), CIM_E_INVALID);
    char *const name = kind->name;
    kind->name = (char *)(uintptr_t) "sort";
    assert_refused(shelf);
    kind->name = name;
    kind->type = CIM_FIELD_TEXT;
    assert_refused(shelf);
    kind->type = CIM_FIELD_CODE;
    def->n_count_by = 0;
    assert_refused(shelf);
    def->n_count_by = 1;
    def->n_tile_attributes = 1;
    assert_refused(shelf);
    def->n_tile_attributes = 2;
    def->id = (char *)(uintptr_t) "others";
    assert_refused(shelf);
    def->id = (char *)(uintptr_t) "points";
    struct lpg_snapshot *again = opened(shelf);
    lpg_snapshot_unref(again);
    lpg_snapshot_unref(snapshot);
}

static void
test_what_a_killed_writer_left_is_removed(void **state)
{
    const struct shelf *shelf = *state;
    struct lpg_snapshot *snapshot = loaded(shelf->world, 7);
    char left[128];
    (void)snprintf(left, sizeof left, "%s.new-aB3xYz", shelf->path);
    const int fd = open(left, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    save(shelf, snapshot);
    lpg_saved_tidy(shelf->dir);
    assert_int_equal(access(left, F_OK), -1);
    struct lpg_snapshot *whole = opened(shelf);
    lpg_snapshot_unref(whole);
    lpg_snapshot_unref(snapshot);
}

static void
test_a_folder_that_takes_no_file_is_told(void **state)
{
    struct shelf *shelf = *state;
    struct lpg_snapshot *snapshot = loaded(shelf->world, 7);
    cim_error err = {0};
    assert_int_equal(
        lpg_saved_write(snapshot->base, "points", &origin, "/nowhere/points.map", &err), CIM_E_IO);
    assert_non_null(strstr(err.en, "/nowhere/points.map"));
    lpg_snapshot_unref(snapshot);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_saved_layer_goes_on_as_if_it_had_stayed),
        TEST(test_a_file_may_be_replaced_while_it_is_read),
        TEST(test_any_damage_is_refused),
        TEST(test_another_definition_or_grid_is_refused),
        TEST(test_what_a_killed_writer_left_is_removed),
        TEST(test_a_folder_that_takes_no_file_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
