/* plugin/map/map.c -- see map.h. */
#include "map/map.h"

#include "cim/plugin.h"
#include "cim/util.h"
#include "data/change_log.h"
#include "kit/cleanup.h"
#include "map/cluster.h"
#include "map/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LPG_SAVE_LEAST = 1000 /* fewer are read from the store as fast */ };

cim_status
lpg_map_new(const cim_host *host, const struct lpg_map_layer *layers, size_t n_layers,
            struct lpg_map **ret_map, cim_error *err)
{
    struct lpg_map *map = calloc(1, sizeof *map);
    if (map == NULL) {
        return cim_fail_nomem(err);
    }
    map->host = host;
    map->store = host->get_service(host, CIM_SERVICE_STORE);
    map->access = host->get_service(host, CIM_SERVICE_ACCESS);
    map->slots = calloc(2 * n_layers + 1, sizeof *map->slots);
    if (map->slots == NULL) {
        free(map);
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < 2 * n_layers; i++) {
        map->slots[i].source = layers[i % n_layers];
        map->slots[i].degrees = i >= n_layers;
        (void)pthread_mutex_init(&map->slots[i].lock, NULL);
        (void)pthread_mutex_init(&map->slots[i].loading, NULL);
    }
    map->n_slots = 2 * n_layers;
    map->save_least = LPG_SAVE_LEAST;
    (void)pthread_mutex_init(&map->lock, NULL);
    (void)pthread_cond_init(&map->wake, NULL);
    *ret_map = map;
    return CIM_OK;
}

void
lpg_map_free(struct lpg_map *map)
{
    if (map == NULL) {
        return;
    }
    lpg_map_stop(map);
    for (size_t i = 0; i < map->n_slots; i++) {
        lpg_snapshot_unref(map->slots[i].current);
        (void)pthread_mutex_destroy(&map->slots[i].lock);
        (void)pthread_mutex_destroy(&map->slots[i].loading);
    }
    (void)pthread_cond_destroy(&map->wake);
    (void)pthread_mutex_destroy(&map->lock);
    free(map->slots);
    free(map);
}

struct lpg_map_slot *
lpg_map_find(struct lpg_map *map, const char *layer, bool degrees)
{
    for (size_t i = 0; i < map->n_slots; i++) {
        if (map->slots[i].degrees == degrees && strcmp(map->slots[i].source.def->id, layer) == 0) {
            return &map->slots[i];
        }
    }
    return NULL;
}

/* The tile's cell of the quadtree over a square: for the grids in degrees it spans 360 degrees, of
 * which WorldCRS84Quad begins with the upper half as two tiles, and that of CGCS2000 with the same
 * two as level 1. */
static cim_status
to_quadtree(const cim_tile_request *request, cim_tile_request *ret_cell, cim_error *err)
{
    const bool degrees = request->tms != CIM_TMS_WEB_MERCATOR_QUAD;
    const uint32_t z = request->z + (request->tms == CIM_TMS_WORLD_CRS84_QUAD ? 1 : 0);
    if (request->tms < CIM_TMS_WEB_MERCATOR_QUAD || request->tms > CIM_TMS_CGCS2000_QUAD) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "tileMatrixSetId", NULL, "没有这个瓦片矩阵集",
                        "no such tile matrix set");
    }
    if (z > CIM_TILE_ZOOM_MAX || (degrees && z < 1) || request->col >> z != 0 ||
        request->row >> (degrees ? z - 1 : z) != 0) {
        return cim_fail(err, CIM_E_INVALID, "tile", NULL, "瓦片行列号超出级别 %u 的范围",
                        "tile row or column out of range at zoom %u", request->z);
    }
    *ret_cell = *request;
    ret_cell->z = z;
    return CIM_OK;
}

cim_status
lpg_map_tile_key(void *self, const cim_call *call, const cim_tile_request *request,
                 char ret_key[CIM_TILE_KEY_MAX])
{
    struct lpg_map *map = self;
    struct lpg_map_slot *slot =
        lpg_map_find(map, request->layer, false); /* one key for all grids */
    char view_key[LPG_VIEW_KEY_SIZE];
    cim_tile_request cell;
    if (slot == NULL || to_quadtree(request, &cell, NULL) != CIM_OK) {
        return CIM_E_NOTFOUND;
    }
    CIM_TRY(lpg_view_key(call->scope, request->area, request->filter_json, view_key, NULL));
    CIM_TRY(lpg_rate_areas_key(map, slot, call, &cell, view_key));
    (void)snprintf(ret_key, CIM_TILE_KEY_MAX, "%" PRIx64 "-%s",
                   (uint64_t)map->store->layer_pos(map->host, request->layer), view_key);
    return CIM_OK;
}

struct lpg_snapshot *
lpg_map_current(struct lpg_map_slot *slot, int64_t at_least)
{
    struct lpg_snapshot *snapshot = NULL;
    (void)pthread_mutex_lock(&slot->lock);
    if (slot->current != NULL && slot->current->pos >= at_least) {
        snapshot = slot->current;
        lpg_snapshot_ref(snapshot);
    }
    (void)pthread_mutex_unlock(&slot->lock);
    return snapshot;
}

void
lpg_map_publish(struct lpg_map_slot *slot, struct lpg_snapshot *snapshot)
{
    struct lpg_snapshot *old;
    lpg_snapshot_ref(snapshot);
    (void)pthread_mutex_lock(&slot->lock);
    old = slot->current;
    slot->current = snapshot;
    (void)pthread_mutex_unlock(&slot->lock);
    lpg_snapshot_unref(old);
}

/* From `old` and the change log; *ret_snapshot stays NULL when that cannot be done. */
static cim_status
advance(struct lpg_map *map, struct lpg_map_slot *slot, const struct lpg_snapshot *old,
        const cim_call *call, int64_t until, struct lpg_snapshot **ret_snapshot, cim_error *err)
{
    CIM_AUTO_FREE int64_t *fids = malloc(LPG_OVERLAY_TOUCHED_MAX * sizeof *fids);
    uint32_t n = 0;
    bool known = false;
    cim_status status;
    if (fids == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(lpg_changes_read(map->host, map->store, slot->source.def->id, old->pos, until, fids,
                             LPG_OVERLAY_TOUCHED_MAX, &n, &known, err));
    if (!known) {
        return CIM_OK;
    }
    status =
        lpg_snapshot_advance(old, &slot->source.layer, call, fids, n, until, ret_snapshot, err);
    return status == CIM_E_TOO_LARGE ? CIM_OK : status;
}

/* With slot->loading held. */
static cim_status
refresh(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call,
        struct lpg_snapshot **ret_snapshot, cim_error *err)
{
    const char *id = slot->source.def->id;
    const int64_t layer_pos = map->store->layer_pos(map->host, id);
    const int64_t store_pos = map->store->pos(map->host);
    const int64_t until = store_pos > layer_pos ? store_pos : layer_pos;
    struct lpg_snapshot *old = lpg_map_current(slot, INT64_MIN);
    struct lpg_snapshot *snapshot = NULL;
    cim_status status = CIM_OK;
    if (old == NULL) {
        old = lpg_map_open_saved(map, slot);
    }
    if (old != NULL && old->pos >= layer_pos) { /* as saved, and nothing changed since */
        snapshot = old;
        lpg_snapshot_ref(snapshot);
    } else if (old != NULL) {
        status = advance(map, slot, old, call, until, &snapshot, err);
    }
    lpg_snapshot_unref(old);
    CIM_TRY(status);
    if (snapshot == NULL) {
        CIM_TRY(lpg_snapshot_load(slot->source.def, slot->degrees, &slot->source.layer, call, until,
                                  &snapshot, err));
    }
    lpg_map_publish(slot, snapshot);
    lpg_map_upkeep(map, slot, snapshot);
    *ret_snapshot = snapshot;
    return CIM_OK;
}

cim_status
lpg_map_take(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call,
             struct lpg_snapshot **ret_snapshot, cim_error *err)
{
    const int64_t wanted = map->store->layer_pos(map->host, slot->source.def->id);
    struct lpg_snapshot *snapshot = lpg_map_current(slot, wanted);
    cim_status status = CIM_OK;
    if (snapshot == NULL) {
        (void)pthread_mutex_lock(&slot->loading);
        snapshot = lpg_map_current(slot, wanted); /* the loader before us may have brought it */
        if (snapshot == NULL) {
            status = refresh(map, slot, call, &snapshot, err);
        }
        (void)pthread_mutex_unlock(&slot->loading);
    }
    if (status == CIM_OK) {
        *ret_snapshot = snapshot;
    }
    return status;
}

void
lpg_map_unsee(struct lpg_seen *seen)
{
    lpg_view_done(&seen->view);
    lpg_snapshot_unref(seen->snapshot);
}

cim_status
lpg_map_see(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call, const char *area,
            const char *filter_json, struct lpg_seen *seen, cim_error *err)
{
    cim_status status;
    CIM_TRY(lpg_map_take(map, slot, call, &seen->snapshot, err));
    status = lpg_view_open(lpg_snapshot_features(seen->snapshot), map->host, map->access, call,
                           area, filter_json, &seen->view, err);
    if (status != CIM_OK) {
        lpg_snapshot_unref(seen->snapshot);
        return status;
    }
    status = lpg_snapshot_judge(seen->snapshot, &slot->source.layer, call, &seen->view, err);
    if (status != CIM_OK) {
        lpg_map_unsee(seen);
    }
    return status;
}

static cim_status
fail_layer(const char *layer, cim_error *err)
{
    return cim_fail(err, CIM_E_NOTFOUND, "layer", layer, "没有这个图层的瓦片",
                    "no tiles of such a layer");
}

cim_status
lpg_map_tile(void *self, const cim_call *call, const cim_tile_request *request, cim_blob *ret_tile,
             cim_error *err)
{
    struct lpg_map *map = self;
    struct lpg_map_slot *slot =
        lpg_map_find(map, request->layer, request->tms != CIM_TMS_WEB_MERCATOR_QUAD);
    cim_tile_request cell;
    struct lpg_seen seen;
    cim_status status;
    CIM_TRY(slot != NULL ? CIM_OK : fail_layer(request->layer, err));
    CIM_TRY(to_quadtree(request, &cell, err));
    CIM_TRY(lpg_map_see(map, slot, call, request->area, request->filter_json, &seen, err));
    status = lpg_draw_tile(map, slot, call, &seen, &cell, ret_tile, err);
    lpg_map_unsee(&seen);
    return status;
}

cim_status
lpg_map_cluster(struct lpg_map *map, const cim_call *call, const char *layer, const char *area,
                const char *filter_json, int64_t id, uint64_t skip, uint32_t limit,
                struct lpg_cluster *ret_cluster, cim_error *err)
{
    struct lpg_map_slot *slot = lpg_map_find(map, layer, lpg_cluster_is_degrees(id));
    struct lpg_seen seen;
    cim_status status;
    CIM_TRY(slot != NULL ? CIM_OK : fail_layer(layer, err));
    CIM_TRY(lpg_map_see(map, slot, call, area, filter_json, &seen, err));
    status =
        seen.snapshot->base->points != NULL
            ? lpg_snapshot_cluster(seen.snapshot, &seen.view, id, skip, limit, ret_cluster, err)
            : cim_fail(err, CIM_E_INVALID, "layer", layer, "该图层不是点图层，没有聚合点",
                       "the layer has no points and so no clusters");
    lpg_map_unsee(&seen);
    return status;
}
