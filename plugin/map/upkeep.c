/* plugin/map/upkeep.c -- the map's thread: loads layers before they are asked for, small ones
 * first, then merges overlays into their bases. */
#include "map/internal.h"

#include "cim/plugin.h"
#include "cim/util.h"
#include "map/read.h"

#include <stdlib.h>
#include <time.h>

enum { LOAD_AHEAD_AFTER_S = 1 };

void
lpg_map_upkeep(struct lpg_map *map, struct lpg_map_slot *slot, const struct lpg_snapshot *snapshot)
{
    const struct lpg_overlay *overlay = snapshot->overlay;
    if (overlay == NULL || overlay->n_touched < LPG_OVERLAY_MERGE ||
        overlay->n_touched < snapshot->base->features.n / LPG_OVERLAY_PART) {
        return;
    }
    (void)pthread_mutex_lock(&map->lock);
    slot->merge_wanted = true;
    (void)pthread_cond_signal(&map->wake);
    (void)pthread_mutex_unlock(&map->lock);
}

static void
tell(const struct lpg_map *map, const cim_error *err)
{
    const cim_log_v1 *log = map->host->get_service(map->host, CIM_SERVICE_LOG);
    if (log != NULL && !atomic_load(&map->stop)) {
        log->write(map->host, CIM_LOG_ERROR, "map", err->en);
    }
}

/* ---- loading ahead ---- */

/* `worker` is the map: no host's worker makes these calls, and it stays in copies of the call. */
static int32_t
is_stopping(const cim_call *call)
{
    const struct lpg_map *map = call->worker;
    return atomic_load(&map->stop) ? 1 : 0;
}

struct sized {
    struct lpg_map_slot *slot;
    int64_t n_records;
};

static int
compare_sizes(const void *left, const void *right)
{
    const struct sized *a = left;
    const struct sized *b = right;
    return a->n_records < b->n_records ? -1 : a->n_records > b->n_records;
}

/* A layer that cannot be read now is read when a tile is asked for, which then tells why. */
static void
load_ahead(struct lpg_map *map)
{
    const cim_clock_v1 *clock = map->host->get_service(map->host, CIM_SERVICE_CLOCK);
    const size_t n = map->n_slots / 2; /* those for Web Mercator */
    struct sized *sized = calloc(n + 1, sizeof *sized);
    const cim_call call = {.struct_size = sizeof call,
                           .request_id = "map",
                           .principal = "",
                           .lang = "zh",
                           .now_ms = clock->now_ms(map->host),
                           .worker = map,
                           .cancelled = is_stopping};
    if (sized == NULL) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        sized[i].slot = &map->slots[i];
        (void)lpg_read_count(&map->slots[i].source.layer, &call, &sized[i].n_records, NULL);
    }
    qsort(sized, n, sizeof *sized, compare_sizes);
    for (size_t i = 0; i < n && !atomic_load(&map->stop); i++) {
        struct lpg_snapshot *snapshot = NULL;
        cim_error err = {.code = CIM_OK};
        if (lpg_map_take(map, sized[i].slot, &call, &snapshot, &err) == CIM_OK) {
            lpg_snapshot_unref(snapshot);
        } else {
            tell(map, &err);
        }
    }
    free(sized);
}

/* ---- merging ---- */

/* Edits go on while the base is built; what came meanwhile becomes the overlay of the new one. */
static cim_status
merge(struct lpg_map_slot *slot, const struct lpg_snapshot *from, cim_error *err)
{
    struct lpg_base *base = NULL;
    struct lpg_snapshot *now;
    struct lpg_snapshot *merged = NULL;
    cim_status status = lpg_base_merge(from->base, from->overlay, &base, err);
    CIM_TRY(status);
    (void)pthread_mutex_lock(&slot->loading);
    now = lpg_map_current(slot, INT64_MIN);
    if (now->base == from->base) { /* it was not loaded anew */
        status = lpg_snapshot_rebase(now, base, from->pos, &merged, err);
        if (status == CIM_OK) {
            lpg_map_publish(slot, merged);
            lpg_snapshot_unref(merged);
        }
    }
    (void)pthread_mutex_unlock(&slot->loading);
    lpg_snapshot_unref(now);
    lpg_base_unref(base);
    return status;
}

static void
merge_slot(struct lpg_map *map, struct lpg_map_slot *slot)
{
    struct lpg_snapshot *from = lpg_map_current(slot, INT64_MIN);
    cim_error err = {.code = CIM_OK};
    if (from != NULL && from->overlay != NULL && merge(slot, from, &err) != CIM_OK) {
        tell(map, &err);
    }
    lpg_snapshot_unref(from);
}

/* ---- the thread ---- */

/* The next slot to merge; NULL at the end. */
static struct lpg_map_slot *
next_slot(struct lpg_map *map)
{
    struct lpg_map_slot *slot = NULL;
    (void)pthread_mutex_lock(&map->lock);
    while (slot == NULL && !atomic_load(&map->stop)) {
        for (size_t i = 0; i < map->n_slots && slot == NULL; i++) {
            if (map->slots[i].merge_wanted) {
                slot = &map->slots[i];
                slot->merge_wanted = false;
            }
        }
        if (slot == NULL) {
            (void)pthread_cond_wait(&map->wake, &map->lock);
        }
    }
    (void)pthread_mutex_unlock(&map->lock);
    return slot;
}

/* A command that starts the plugin for a moment shall not load the layers; false at the end. */
static bool
wait_first(struct lpg_map *map)
{
    struct timespec until;
    int code = 0;
    (void)clock_gettime(CLOCK_REALTIME, &until); /* that of the condition; cannot fail */
    until.tv_sec += LOAD_AHEAD_AFTER_S;
    (void)pthread_mutex_lock(&map->lock);
    while (!atomic_load(&map->stop) && code == 0) {
        code = pthread_cond_timedwait(&map->wake, &map->lock, &until);
    }
    (void)pthread_mutex_unlock(&map->lock);
    return !atomic_load(&map->stop);
}

static void *
run(void *arg)
{
    struct lpg_map *map = arg;
    struct lpg_map_slot *slot;
    if (wait_first(map)) {
        load_ahead(map);
    }
    while ((slot = next_slot(map)) != NULL) {
        merge_slot(map, slot);
    }
    return NULL;
}

cim_status
lpg_map_start(struct lpg_map *map, cim_error *err)
{
    if (pthread_create(&map->thread, NULL, run, map) != 0) {
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "地图线程启动失败",
                        "the thread of the map cannot be started");
    }
    map->has_thread = true;
    return CIM_OK;
}

void
lpg_map_stop(struct lpg_map *map)
{
    if (map == NULL || !map->has_thread) {
        return;
    }
    (void)pthread_mutex_lock(&map->lock);
    atomic_store(&map->stop, true);
    (void)pthread_cond_signal(&map->wake);
    (void)pthread_mutex_unlock(&map->lock);
    (void)pthread_join(map->thread, NULL);
    map->has_thread = false;
    atomic_store(&map->stop, false);
}
