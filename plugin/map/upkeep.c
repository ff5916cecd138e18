/* plugin/map/upkeep.c -- the map's thread: loads layers before they are asked for, small ones
 * first, then merges overlays into their bases and writes bases to files. */
#include "map/internal.h"

#include "cim/plugin.h"
#include "cim/util.h"
#include "map/read.h"

#include <stdlib.h>
#include <time.h>

/* SAVE_EVERY_MS: a large file is not written after each of many merges. */
enum { LOAD_AHEAD_AFTER_S = 1, SAVE_EVERY_MS = 60000, SAVE_LOOK_S = 1 };

static bool
is_large(const struct lpg_snapshot *snapshot)
{
    const struct lpg_overlay *overlay = snapshot->overlay;
    return overlay != NULL && overlay->n_touched >= LPG_OVERLAY_MERGE &&
           (overlay->n_touched >= snapshot->base->features.n / LPG_OVERLAY_PART ||
            overlay->n_touched >= LPG_OVERLAY_MERGE_MAX);
}

void
lpg_map_upkeep(struct lpg_map *map, struct lpg_map_slot *slot, const struct lpg_snapshot *snapshot)
{
    const bool merge = is_large(snapshot);
    const bool save = lpg_map_may_save(map, slot, snapshot->base);
    if (!merge && !save) {
        return;
    }
    (void)pthread_mutex_lock(&map->lock);
    slot->merge_wanted = slot->merge_wanted || merge;
    slot->save_wanted = slot->save_wanted || save;
    (void)pthread_cond_signal(&map->wake);
    (void)pthread_mutex_unlock(&map->lock);
}

void
lpg_map_tell(const struct lpg_map *map, int32_t level, const char *text)
{
    const cim_log_v1 *log = map->host->get_service(map->host, CIM_SERVICE_LOG);
    if (log != NULL && !atomic_load(&map->stop)) {
        log->write(map->host, level, "map", text);
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
            lpg_map_tell(map, CIM_LOG_ERROR, err.en);
        }
    }
    free(sized);
}

/* ---- merging ---- */

/* Edits go on while the base is built; what came meanwhile becomes the overlay of the new one. */
static cim_status
merge(struct lpg_map *map, struct lpg_map_slot *slot, const struct lpg_snapshot *from,
      cim_error *err)
{
    struct lpg_base *base = NULL;
    struct lpg_snapshot *now;
    struct lpg_snapshot *merged = NULL;
    cim_status status = lpg_base_merge(from->base, from->overlay, from->pos, &base, err);
    CIM_TRY(status);
    (void)pthread_mutex_lock(&slot->loading);
    now = lpg_map_current(slot, INT64_MIN);
    if (now->base == from->base) { /* it was not loaded anew */
        status = lpg_snapshot_rebase(now, base, &merged, err);
        if (status == CIM_OK) {
            lpg_map_publish(slot, merged);
            lpg_map_upkeep(map, slot, merged);
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
    if (from != NULL && from->overlay != NULL && merge(map, slot, from, &err) != CIM_OK) {
        lpg_map_tell(map, CIM_LOG_ERROR, err.en);
    }
    lpg_snapshot_unref(from);
}

/* ---- saving ---- */

static void
save_slot(struct lpg_map *map, struct lpg_map_slot *slot)
{
    struct lpg_snapshot *from = lpg_map_current(slot, INT64_MIN);
    cim_error err = {.code = CIM_OK};
    if (from != NULL && lpg_map_may_save(map, slot, from->base)) {
        if (lpg_map_save(map, slot, from->base, &err) == CIM_OK) {
            atomic_store(&slot->saved_pos, from->base->pos);
        } else {
            lpg_map_tell(map, CIM_LOG_WARNING, err.en);
        }
    }
    lpg_snapshot_unref(from);
}

/* ---- the thread ---- */

typedef void (*work_fn)(struct lpg_map *map, struct lpg_map_slot *slot);

static int64_t
monotonic_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* NULL: nothing now. *ret_later: a slot is to be saved that was saved not long ago. With the map's
 * lock held. */
static work_fn
find_work(struct lpg_map *map, struct lpg_map_slot **ret_slot, bool *ret_later)
{
    const int64_t now_ms = monotonic_ms();
    *ret_later = false;
    for (size_t i = 0; i < map->n_slots; i++) {
        if (map->slots[i].merge_wanted) {
            map->slots[i].merge_wanted = false;
            *ret_slot = &map->slots[i];
            return merge_slot;
        }
    }
    for (size_t i = 0; i < map->n_slots; i++) {
        struct lpg_map_slot *slot = &map->slots[i];
        if (slot->save_wanted && now_ms >= slot->save_after_ms) {
            slot->save_wanted = false;
            slot->save_after_ms = now_ms + SAVE_EVERY_MS;
            *ret_slot = slot;
            return save_slot;
        }
        *ret_later = *ret_later || slot->save_wanted;
    }
    return NULL;
}

static struct timespec
seconds_from_now(int seconds)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until); /* that of the condition; cannot fail */
    until.tv_sec += seconds;
    return until;
}

/* What to do next, and to which slot; NULL at the end. */
static work_fn
next_work(struct lpg_map *map, struct lpg_map_slot **ret_slot)
{
    work_fn work = NULL;
    (void)pthread_mutex_lock(&map->lock);
    while (!atomic_load(&map->stop)) {
        bool later = false;
        work = find_work(map, ret_slot, &later);
        if (work != NULL) {
            break;
        }
        if (later) {
            const struct timespec until = seconds_from_now(SAVE_LOOK_S);
            (void)pthread_cond_timedwait(&map->wake, &map->lock, &until);
        } else {
            (void)pthread_cond_wait(&map->wake, &map->lock);
        }
    }
    (void)pthread_mutex_unlock(&map->lock);
    return work;
}

/* A command that starts the plugin for a moment shall not load the layers; false at the end. */
static bool
wait_first(struct lpg_map *map)
{
    const struct timespec until = seconds_from_now(LOAD_AHEAD_AFTER_S);
    int code = 0;
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
    struct lpg_map_slot *slot = NULL;
    work_fn work;
    if (wait_first(map)) {
        lpg_map_tidy(map);
        load_ahead(map);
    }
    while ((work = next_work(map, &slot)) != NULL) {
        work(map, slot);
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
