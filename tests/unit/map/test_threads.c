/* Readers, writers, merges and saving at once: tiles are asked for on some threads while records
 * change and the map's own thread merges and writes the layer to its file. The thread sanitizer
 * runs this. */
#include "cim/plugin.h"
#include "cim/services.h"
#include "cim/util.h"
#include "compare.h"
#include "kit/rows.h"
#include "map/internal.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { N_LOG = 200000, N_READERS = 2, N_ROUNDS = 60, N_WRITES = 20 };

struct platform {
    cim_host host;
    struct world *world; /* its lock is that of the log, too */
    int64_t log[N_LOG];  /* the fid of position i + 1; 0: many */
    int64_t pos;
    struct lpg_map *map;
    atomic_bool done;
};

/* A read of the log: all that a select answers, made at once. */
struct log_rows {
    bool touched[N_MOST + 1];
    bool probe;
    int at;
};

static cim_status
fill_log(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct log_rows *rows = self;
    for (; rows->at <= N_MOST && cim_batch_builder_rows(builder) < 500; rows->at++) {
        if (rows->touched[rows->at]) {
            cim_batch_append_i64(builder, 0, rows->at);
            if (!rows->probe) {
                cim_batch_append_i64(builder, 1,
                                     rows->at == 0 ? CIM_CHANGE_BULK : CIM_CHANGE_UPDATE);
            }
            CIM_TRY(cim_batch_builder_end_row(builder, err));
        }
    }
    return CIM_OK;
}

/* The selects of changes.c: whether a position is there, and the fids between two; and those of
 * keep.c: migrations, of which there are none, and the change at a position. */
static cim_status
read_log(const cim_host *host, const char *sql, const cim_value *values, uint32_t n_values,
         cim_rows **ret_rows, cim_error *err)
{
    static const char *const names[] = {"fid", "op"};
    static const uint32_t types[] = {CIM_COL_INT64, CIM_COL_INT64};
    struct platform *platform = host->impl;
    struct log_rows *rows = calloc(1, sizeof *rows);
    (void)sql;
    assert_non_null(rows);
    (void)pthread_mutex_lock(&platform->world->lock);
    rows->probe = n_values == 1;
    if (rows->probe) {
        rows->touched[1] = values[0].v.i64 <= platform->pos;
    } else if (n_values > 1) {
        for (int64_t pos = values[0].v.i64; pos < values[1].v.i64; pos++) {
            rows->touched[platform->log[pos]] = true;
        }
    }
    (void)pthread_mutex_unlock(&platform->world->lock);
    return cim_rows_new(rows->probe ? 1 : 2, names, types, fill_log, free, rows, ret_rows, err);
}

static int64_t
newest_pos(const cim_host *host)
{
    struct platform *platform = host->impl;
    int64_t pos;
    (void)pthread_mutex_lock(&platform->world->lock);
    pos = platform->pos;
    (void)pthread_mutex_unlock(&platform->world->lock);
    return pos;
}

static int64_t
newest_layer_pos(const cim_host *host, const char *layer)
{
    (void)layer;
    return newest_pos(host);
}

static int64_t
now_ms(const cim_host *host)
{
    (void)host;
    return 1000;
}

static const void *
get_service(const cim_host *host, const char *id)
{
    static const cim_store_v1 store = {.struct_size = sizeof store,
                                       .read = read_log,
                                       .pos = newest_pos,
                                       .layer_pos = newest_layer_pos};
    static const cim_clock_v1 clock = {.struct_size = sizeof clock, .now_ms = now_ms};
    (void)host;
    return strcmp(id, CIM_SERVICE_STORE) == 0    ? (const void *)&store
           : strcmp(id, CIM_SERVICE_ACCESS) == 0 ? (const void *)&access_service
           : strcmp(id, CIM_SERVICE_CLOCK) == 0  ? (const void *)&clock
                                                 : NULL;
}

static cim_status
count_records(void *self, const cim_call *call, const cim_query *query, int64_t *ret_count,
              cim_error *err)
{
    (void)self;
    (void)call;
    (void)query;
    (void)err;
    *ret_count = N_START;
    return CIM_OK;
}

static void *
keep_reading(void *arg)
{
    struct platform *platform = arg;
    unsigned seed = 11;
    while (!atomic_load(&platform->done)) {
        const cim_tile_request request = {.struct_size = sizeof request,
                                          .tms = CIM_TMS_WEB_MERCATOR_QUAD,
                                          .z = 6,
                                          .col = 51,
                                          .row = 28,
                                          .layer = "points"};
        struct caller caller;
        cim_blob tile = {0};
        seed = seed % 17 + 1; /* the same callers come again */
        unsigned caller_seed = seed;
        random_caller(&caller, &caller_seed);
        assert_int_equal(lpg_map_tile(platform->map, &caller.call, &request, &tile, NULL), CIM_OK);
        if (tile.release != NULL) {
            tile.release(&tile);
        }
    }
    return NULL;
}

static void
write_some(struct platform *platform)
{
    int64_t fids[N_MOST];
    uint32_t n;
    (void)pthread_mutex_lock(&platform->world->lock);
    n = world_edit(platform->world, fids);
    for (uint32_t i = 0; i < n && platform->pos < N_LOG; i++) {
        platform->log[platform->pos++] = random() % 3000 == 0 ? 0 : fids[i];
    }
    (void)pthread_mutex_unlock(&platform->world->lock);
}

static struct lpg_snapshot *
map_snapshot(struct platform *platform)
{
    struct lpg_snapshot *snapshot = NULL;
    assert_int_equal(
        lpg_map_take(platform->map, &platform->map->slots[0], &system_call, &snapshot, NULL),
        CIM_OK);
    return snapshot;
}

/* A map that begins anew goes on from the file. */
static void
assert_saved(struct platform *platform, const struct lpg_map_layer *source, unsigned *caller_seed)
{
    struct lpg_snapshot *scratch = loaded(platform->world, 1);
    assert_int_equal(lpg_map_new(&platform->host, source, 1, &platform->map, NULL), CIM_OK);
    struct lpg_snapshot *opened = lpg_map_open_saved(platform->map, &platform->map->slots[0]);
    assert_non_null(opened);
    lpg_snapshot_unref(opened);
    struct lpg_snapshot *following = map_snapshot(platform);
    assert_same_tile(platform->world, following, scratch, &platform->world->records[0],
                     caller_seed);
    lpg_snapshot_unref(following);
    lpg_snapshot_unref(scratch);
    lpg_map_free(platform->map);
}

static void
test_readers_writers_and_merges_at_once(void **state)
{
    char dir[] = "/tmp/cim-threads-XXXXXX";
    char path[64];
    struct platform *platform = calloc(1, sizeof *platform);
    struct world *world = calloc(1, sizeof *world);
    struct lpg_map_layer source;
    pthread_t readers[N_READERS];
    unsigned caller_seed = 3;
    (void)state;
    assert_non_null(platform);
    assert_non_null(world);
    world_init(world, 20261128, false);
    world->def.id = (char *)(uintptr_t) "points";
    world->layer.count = count_records;
    platform->world = world;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/points.mercator.map", dir);
    platform->host = (cim_host){.struct_size = sizeof platform->host,
                                .impl = platform,
                                .get_service = get_service,
                                .cache_dir = dir};
    source = (struct lpg_map_layer){.def = &world->def, .layer = world->layer};
    assert_int_equal(lpg_map_new(&platform->host, &source, 1, &platform->map, NULL), CIM_OK);
    platform->map->save_least = 1;
    assert_int_equal(lpg_map_start(platform->map, NULL), CIM_OK);
    for (int i = 0; i < N_READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, keep_reading, platform), 0);
    }
    for (int round = 0; round < N_ROUNDS || access(path, F_OK) != 0; round++) {
        assert_true(round < 100 * N_ROUNDS);
        for (int i = 0; i < N_WRITES; i++) {
            write_some(platform);
        }
        struct lpg_snapshot *following = map_snapshot(platform);
        struct lpg_snapshot *scratch = loaded(world, 1);
        for (int k = 0; k < 3; k++) {
            assert_same_tile(world, following, scratch, &world->records[random() % N_START],
                             &caller_seed);
        }
        lpg_snapshot_unref(scratch);
        lpg_snapshot_unref(following);
    }
    atomic_store(&platform->done, true);
    for (int i = 0; i < N_READERS; i++) {
        (void)pthread_join(readers[i], NULL);
    }
    lpg_map_stop(platform->map);
    lpg_map_free(platform->map);
    assert_saved(platform, &source, &caller_seed);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
    free(world);
    free(platform);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_writers_and_merges_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
