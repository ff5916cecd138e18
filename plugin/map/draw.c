/* plugin/map/draw.c -- the layers of one tile, each under the id of its collection and what it is:
 *
 *   ID                   clusters and points, or lines and polygons
 *   ID.labels            of polygons: a point each for the name
 *   ID.hexagons, .areas  of points with rates, above street level: shares per hexagon and per area
 *   ID.hexagons.labels, ID.areas.labels
 *                        a point each for the figure
 *
 * A name written on the polygon itself would repeat with every part and every tile. */
#include "cim/util.h"
#include "kit/cleanup.h"
#include "map/internal.h"
#include "map/rates.h"

#include <stdio.h>
#include <stdlib.h>

enum { LAYER_NAME_MAX = 160 };

/* A layer and that of its labels while they are written. */
struct pair {
    struct lpg_mvt *mvt;
    struct lpg_mvt *labels;
    char names[2][LAYER_NAME_MAX];
};

static void
pair_done(struct pair *pair)
{
    lpg_mvt_free(pair->mvt);
    lpg_mvt_free(pair->labels);
}

static cim_status
pair_begin(struct pair *pair, const char *layer, const char *what, cim_error *err)
{
    cim_status status;
    *pair = (struct pair){.mvt = NULL};
    (void)snprintf(pair->names[0], LAYER_NAME_MAX, "%.120s%s", layer, what);
    (void)snprintf(pair->names[1], LAYER_NAME_MAX, "%.120s%s.labels", layer, what);
    CIM_TRY(lpg_mvt_new(pair->names[0], &pair->mvt, err));
    status = lpg_mvt_new(pair->names[1], &pair->labels, err);
    if (status != CIM_OK) {
        pair_done(pair);
    }
    return status;
}

/* Appends what was written, and frees the pair. */
static cim_status
pair_end(struct pair *pair, cim_status status, struct cim_buf *tile, cim_error *err)
{
    if (status == CIM_OK) {
        status = lpg_mvt_append(pair->mvt, tile, err);
    }
    if (status == CIM_OK) {
        status = lpg_mvt_append(pair->labels, tile, err);
    }
    pair_done(pair);
    return status;
}

static cim_status
draw_shapes(const struct lpg_seen *seen, const struct lpg_shape_extra *extra,
            const cim_tile_request *request, struct pair *pair, cim_error *err)
{
    const struct lpg_shape_stack stack = lpg_snapshot_shapes(seen->snapshot);
    CIM_TRY(lpg_shapes_tile(&stack, &seen->view, extra, request->z, request->col, request->row,
                            pair->mvt, err));
    return lpg_labels_tile(&stack, &seen->view, extra, request->z, request->col, request->row,
                           pair->labels, err);
}

/* ---- rates per area ---- */

static bool
has_area_rates(const struct lpg_map_slot *slot, const cim_tile_request *request)
{
    return slot->source.def->rate_areas != NULL && request->z < LPG_POINTS_SINGLE_ZOOM;
}

/* The polygons are records of another layer: what the caller may see of that one. */
static cim_status
scope_of_areas(struct lpg_map *map, const char *layer, const cim_call *call, cim_call *ret_call,
               cim_error *err)
{
    *ret_call = *call;
    return map->access->scope(map->host, call, layer, CIM_ACT_READ, &ret_call->scope, err);
}

cim_status
lpg_rate_areas_key(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call,
                   const cim_tile_request *request, char key[LPG_VIEW_KEY_SIZE])
{
    const char *areas = slot->source.def->rate_areas;
    char areas_key[LPG_VIEW_KEY_SIZE];
    char joined[LPG_VIEW_KEY_SIZE];
    cim_call own;
    if (!has_area_rates(slot, request)) {
        return CIM_OK;
    }
    CIM_TRY(scope_of_areas(map, areas, call, &own, NULL));
    CIM_TRY(lpg_view_key(own.scope, NULL, NULL, areas_key, NULL));
    CIM_TRY(lpg_view_join_keys(key, 0, areas_key, map->store->layer_pos(map->host, areas), joined,
                               NULL));
    cim_copy_text(key, LPG_VIEW_KEY_SIZE, joined);
    return CIM_OK;
}

struct area_rates {
    struct lpg_map *map;
    const struct lpg_seen *seen; /* the points */
    const struct lpg_opened *opened;
    uint32_t shown;
    struct lpg_rate_count counts[CIM_RATES_MAX]; /* of the polygon at hand */
};

/* A polygon stands for the area whose code its record carries. */
static bool
count_area(void *self, const struct lpg_features *features, uint32_t row)
{
    struct area_rates *rates = self;
    const struct lpg_map *map = rates->map;
    cim_area area = {.struct_size = sizeof area};
    bool any = false;
    const char *code = lpg_dictionary_value(&features->areas, features->area[row])->text;
    if (map->access->area(map->host, map->access->area_ordinal(map->host, code), &area) != CIM_OK) {
        return false;
    }
    lpg_rates_of_area(&rates->opened->stack, &rates->seen->view, rates->opened->all_visible,
                      area.ordinal, area.ordinal_end, rates->counts);
    for (uint32_t r = 0; r < CIM_RATES_MAX; r++) {
        any = any || ((rates->shown >> r & 1U) != 0 && rates->counts[r].of > 0);
    }
    return any;
}

static void
tag_area(void *self, struct lpg_mvt *mvt)
{
    const struct area_rates *rates = self;
    const struct lpg_features *features = rates->opened->stack.newer;
    for (uint32_t r = 0; r < features->n_rates; r++) {
        if ((rates->shown >> r & 1U) != 0) {
            lpg_rate_tag(&features->rates[r], &rates->counts[r], mvt);
        }
    }
}

static cim_status
draw_areas(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call,
           const struct lpg_seen *seen, const struct lpg_opened *opened,
           const cim_tile_request *request, struct cim_buf *tile, cim_error *err)
{
    struct lpg_map_slot *areas = lpg_map_find(map, slot->source.def->rate_areas, slot->degrees);
    struct area_rates rates = {.map = map, .seen = seen, .opened = opened};
    const struct lpg_shape_extra extra = {.self = &rates, .wanted = count_area, .tag = tag_area};
    struct lpg_seen polygons;
    struct pair pair;
    cim_call own;
    cim_status status;
    if (areas == NULL || areas->source.def->geometry == CIM_GEOMETRY_POINT) {
        return cim_fail(err, CIM_E_INTERNAL, "rate_areas", slot->source.def->rate_areas,
                        "不是有瓦片的面图层", "not a layer of polygons with tiles");
    }
    rates.shown = lpg_rates_shown(opened->stack.newer, &seen->view);
    CIM_TRY(scope_of_areas(map, slot->source.def->rate_areas, call, &own, err));
    CIM_TRY(lpg_map_see(map, areas, &own, NULL, NULL, &polygons, err));
    status = pair_begin(&pair, request->layer, ".areas", err);
    if (status == CIM_OK) {
        status = draw_shapes(&polygons, &extra, request, &pair, err);
        status = pair_end(&pair, status, tile, err);
    }
    lpg_map_unsee(&polygons);
    return status;
}

/* ---- points ---- */

static cim_status
draw_clusters(const struct lpg_seen *seen, const struct lpg_opened *opened,
              const cim_tile_request *request, struct cim_buf *tile, cim_error *err)
{
    struct lpg_mvt *mvt;
    char *texts = NULL;
    cim_status status;
    CIM_TRY(lpg_mvt_new(request->layer, &mvt, err));
    status = lpg_points_tile(&opened->stack, &seen->view, opened->all_visible, request->z,
                             request->col, request->row, mvt, &texts, err);
    if (status == CIM_OK) {
        status = lpg_mvt_append(mvt, tile, err);
    }
    lpg_mvt_free(mvt);
    free(texts);
    return status;
}

static cim_status
draw_hexagons(const struct lpg_seen *seen, const struct lpg_opened *opened,
              const cim_tile_request *request, struct cim_buf *tile, cim_error *err)
{
    struct pair pair;
    cim_status status;
    CIM_TRY(pair_begin(&pair, request->layer, ".hexagons", err));
    status = lpg_hexes_tile(&opened->stack, &seen->view, opened->all_visible, request->z,
                            request->col, request->row, pair.mvt, pair.labels, err);
    return pair_end(&pair, status, tile, err);
}

static cim_status
draw_points(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call,
            const struct lpg_seen *seen, const cim_tile_request *request, struct cim_buf *tile,
            cim_error *err)
{
    struct lpg_opened opened;
    cim_status status;
    CIM_TRY(lpg_snapshot_open(seen->snapshot, &seen->view, &opened, err));
    status = draw_clusters(seen, &opened, request, tile, err);
    if (status == CIM_OK && slot->source.def->n_rates > 0 && request->z < LPG_POINTS_SINGLE_ZOOM) {
        status = draw_hexagons(seen, &opened, request, tile, err);
    }
    if (status == CIM_OK && has_area_rates(slot, request)) {
        status = draw_areas(map, slot, call, seen, &opened, request, tile, err);
    }
    lpg_snapshot_close(seen->snapshot, &opened);
    return status;
}

cim_status
lpg_draw_tile(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call,
              const struct lpg_seen *seen, const cim_tile_request *request, cim_blob *ret_tile,
              cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf tile;
    cim_buf_init(&tile, LPG_MVT_BYTES_MAX);
    if (seen->snapshot->base->points != NULL) {
        CIM_TRY(draw_points(map, slot, call, seen, request, &tile, err));
    } else {
        struct pair pair;
        CIM_TRY(pair_begin(&pair, request->layer, "", err));
        CIM_TRY(pair_end(&pair, draw_shapes(seen, NULL, request, &pair, err), &tile, err));
    }
    cim_buf_to_blob(&tile, ret_tile);
    return CIM_OK;
}
