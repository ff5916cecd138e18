/* A snapshot that follows random edits draws and counts what one loaded from scratch does. */
#include "compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { N_EDITS = 1500, N_POLYGON_EDITS = 400 };

static void
follow_edits(bool polygons, int n_edits)
{
    struct world *world = calloc(1, sizeof *world);
    struct lpg_snapshot *following;
    struct lpg_snapshot *merging = NULL; /* what a merge under way began with */
    unsigned caller_seed = 7;
    assert_non_null(world);
    world_init(world, 20261127, polygons);
    following = loaded(world, 1);
    for (int round = 0; round < n_edits; round++) {
        int64_t fids[N_MOST];
        const uint32_t n = world_edit(world, fids);
        struct lpg_snapshot *scratch;
        replace(&following, advanced(world, following, fids, n));
        if (random() % 100 == 0) {
            replace(&merging, following);
            lpg_snapshot_ref(following);
        } else if (merging != NULL && random() % 10 == 0) {
            struct lpg_base *base = NULL;
            struct lpg_snapshot *rebased = NULL;
            assert_int_equal(
                lpg_base_merge(merging->base, merging->overlay, merging->pos, &base, NULL), CIM_OK);
            assert_int_equal(lpg_snapshot_rebase(following, base, &rebased, NULL), CIM_OK);
            lpg_base_unref(base);
            replace(&following, rebased);
            replace(&merging, NULL);
        }
        if (round % 10 != 0) {
            continue;
        }
        caller_seed = 7U + (unsigned)(round / 10 % 10); /* the same callers come again */
        scratch = loaded(world, 1);
        for (int k = 0; k < 10; k++) {
            assert_same_tile(world, following, scratch, &world->records[random() % N_START],
                             &caller_seed);
        }
        lpg_snapshot_unref(scratch);
    }
    lpg_snapshot_unref(merging);
    lpg_snapshot_unref(following);
    free(world);
}

static void
test_after_any_edits_tiles_are_as_loaded_from_scratch(void **state)
{
    (void)state;
    follow_edits(false, N_EDITS);
}

static void
test_after_any_edits_polygons_are_as_loaded_from_scratch(void **state)
{
    (void)state;
    follow_edits(true, N_POLYGON_EDITS);
}

/* ---- a record that was written after the snapshot ---- */

static uint64_t
count_whole(const struct world *world, const struct lpg_snapshot *snapshot,
            const struct caller *caller)
{
    struct lpg_view view;
    uint64_t count = 0;
    assert_int_equal(lpg_view_open(lpg_snapshot_features(snapshot), NULL, &access_service,
                                   &caller->call, NULL, NULL, &view, NULL),
                     CIM_OK);
    assert_int_equal(lpg_snapshot_judge(snapshot, &world->layer, &caller->call, &view, NULL),
                     CIM_OK);
    assert_int_equal(lpg_snapshot_count(snapshot, &view, 0, 0, 0, &count, NULL), CIM_OK);
    lpg_view_done(&view);
    return count;
}

/* The store then judges another version than the one that is drawn. */
static void
test_a_version_that_no_one_judged_is_hidden(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct caller caller;
    unsigned seed = 1;
    int i = 0;
    (void)state;
    assert_non_null(world);
    world_init(world, 20261128, false);
    random_caller(&caller, &seed);
    caller.scope.n_terms = 1;
    caller.terms[0] = (cim_term){.struct_size = sizeof caller.terms[0],
                                 .resource = "*",
                                 .all_areas = 1,
                                 .filter_json = caller.row_filters[0],
                                 .until_ms = INT64_MAX};
    (void)snprintf(caller.row_filters[0], sizeof caller.row_filters[0],
                   "{\"op\":\"=\",\"args\":[{\"property\":\"kind\"},\"k02\"]}");
    caller.filter[0] = '\0';
    caller.area[0] = '\0';
    while (world->records[i].kind != 1 || !world->records[i].drawable) {
        i++;
    }
    const int64_t fid = i + 1;
    struct lpg_snapshot *snapshot = loaded(world, 1);
    const uint64_t before = count_records_of(world, &caller, 0, 0, 0);
    world->records[i].kind = 2;
    world->records[i].version++;
    assert_int_equal(count_whole(world, snapshot, &caller), before); /* as of position 1 */
    replace(&snapshot, advanced(world, snapshot, &fid, 1));
    assert_int_equal(count_whole(world, snapshot, &caller), before + 1);
    world->records[i].kind = 1;
    world->records[i].version++;
    assert_int_equal(count_whole(world, snapshot, &caller), before + 1);
    replace(&snapshot, advanced(world, snapshot, &fid, 1));
    assert_int_equal(count_whole(world, snapshot, &caller), before);
    lpg_snapshot_unref(snapshot);
    free(world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_any_edits_tiles_are_as_loaded_from_scratch),
        cmocka_unit_test(test_after_any_edits_polygons_are_as_loaded_from_scratch),
        cmocka_unit_test(test_a_version_that_no_one_judged_is_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
