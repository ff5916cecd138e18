/* tests/fuzz/fuzz_map_shapes.c -- any geometry as lines and polygons of a tile: refused, or a tile
 * that reads back, inside its buffer, whose first ring of each polygon is an exterior one. */
#include "fuzz.h"

#include "cim/plugin.h"
#include "cim/util.h"
#include "map/shapes.h"
#include "support/mvt_read.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static int32_t
no_ordinal(const cim_host *host, const char *code)
{
    (void)host;
    (void)code;
    return 0;
}

struct ring {
    int32_t first[2];
    int32_t last[2];
    int64_t area2;
    int n_closed;
};

static void
walk(void *self, uint32_t command, int32_t x, int32_t y)
{
    struct ring *ring = self;
    if (command == 7) {
        ring->area2 +=
            (int64_t)ring->last[0] * ring->first[1] - (int64_t)ring->first[0] * ring->last[1];
        must(ring->n_closed++ > 0 || ring->area2 > 0);
        return;
    }
    must(x >= -LPG_SHAPE_BUFFER_UNITS && x <= LPG_MVT_EXTENT + LPG_SHAPE_BUFFER_UNITS &&
         y >= -LPG_SHAPE_BUFFER_UNITS && y <= LPG_MVT_EXTENT + LPG_SHAPE_BUFFER_UNITS);
    if (command == 1) {
        ring->first[0] = x;
        ring->first[1] = y;
        ring->area2 = 0;
    } else {
        ring->area2 += (int64_t)ring->last[0] * y - (int64_t)x * ring->last[1];
    }
    ring->last[0] = x;
    ring->last[1] = y;
}

static void
draw(const struct lpg_shapes *shapes, const struct lpg_features *features, uint32_t z)
{
    static const cim_access_v1 access = {.struct_size = sizeof access, .area_ordinal = no_ordinal};
    static const cim_term everything = {
        .struct_size = sizeof everything, .all_areas = 1, .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&everything};
    static const cim_scope scope = {.struct_size = sizeof scope, .n_terms = 1, .terms = terms};
    static const cim_call call = {.struct_size = sizeof call, .scope = &scope, .now_ms = 1};
    const struct lpg_shape_stack stack = {
        .shapes = shapes, .features = features, .newer = features};
    const struct lpg_shape *shape = &shapes->shapes[0];
    struct lpg_view view;
    struct lpg_mvt *mvt = NULL;
    struct mvt_layer layer;
    cim_blob tile = {0};
    if (shape->west > shape->east) {
        return; /* empty */
    }
    must(lpg_view_open(features, NULL, &access, &call, NULL, NULL, &view, NULL) == CIM_OK);
    must(lpg_mvt_new("s", &mvt, NULL) == CIM_OK);
    must(lpg_shapes_tile(&stack, &view, NULL, z, z == 0 ? 0 : shape->west >> (32U - z),
                         z == 0 ? 0 : shape->north >> (32U - z), mvt, NULL) == CIM_OK);
    must(lpg_mvt_finish(mvt, &tile, NULL) == CIM_OK);
    must(mvt_read(tile.data, tile.len, &layer) && layer.n_features <= 1);
    for (size_t i = 0; i < layer.n_features; i++) {
        struct ring ring = {.n_closed = 0};
        must(mvt_walk(&layer.features[i], walk, &ring));
    }
    mvt_done(&layer);
    if (tile.release != NULL) {
        tile.release(&tile);
    }
    lpg_mvt_free(mvt);
    lpg_view_done(&view);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lpg_shapes shapes = {0};
    struct lpg_features features = {0};
    if (size < 1) {
        return 0;
    }
    shapes.degrees = (data[0] & 0x80U) != 0;
    if (lpg_shapes_add_wkb(&shapes, data + 1, size - 1, NULL) == CIM_OK) {
        must(shapes.n == 1 && lpg_features_grow(&features, NULL) == CIM_OK);
        features.fid[0] = 1;
        features.area[0] = lpg_dictionary_put_text(&features.areas, "a", 1);
        must(lpg_shapes_index(&shapes, &features, NULL) == CIM_OK);
        draw(&shapes, &features, data[0] % 23U);
    }
    lpg_shapes_done(&shapes);
    lpg_features_done(&features);
    return 0;
}
