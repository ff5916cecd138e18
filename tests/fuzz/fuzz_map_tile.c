/* tests/fuzz/fuzz_map_tile.c -- a filter of a tile, its address and the id of a cluster: refused
 * with words, or a tile that reads back with no more records than the layer has. */
#include "fuzz.h"

#include "cim/plugin.h"
#include "cim/util.h"
#include "geo/mercator.h"
#include "map/cluster.h"
#include "map/points.h"
#include "map/rates.h"
#include "support/mvt_read.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { N_POINTS = 60, HEAD = 21 /* z, column, row, cluster id */ };

static struct cim_field kind;
static const struct cim_field *kinds[1];
static struct lpg_features features; /* these live as long as the process */
static struct lpg_points *points;

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

static void
set_up(void)
{
    static const char *const values[] = {"a", "b", "c"};
    uint64_t *morton = calloc(N_POINTS, sizeof *morton);
    kind = (struct cim_field){.name = (char *)(uintptr_t) "kind", .type = CIM_FIELD_CODE};
    kinds[0] = &kind;
    const struct cim_definition def = {.geometry = CIM_GEOMETRY_POINT,
                                       .n_tile_attributes = 1,
                                       .tile_attributes = kinds,
                                       .n_count_by = 1,
                                       .count_by = kinds};
    must(morton != NULL && lpg_features_init(&features, &def, NULL) == CIM_OK);
    for (uint32_t i = 0; i < N_POINTS; i++) {
        must(lpg_features_grow(&features, NULL) == CIM_OK);
        morton[i] = lpg_morton(i * 71582788U, i % 5 == 0 ? 0 : UINT32_MAX - i * 40000000U);
        features.fid[i] = i + 1;
        features.area[i] = lpg_dictionary_put_text(&features.areas, "a", 1);
        features.attributes[0].codes[i] =
            lpg_dictionary_put_text(&features.attributes[0].dictionary, values[i % 3], 1);
    }
    must(lpg_points_build(&features, morton, &points, NULL) == CIM_OK);
}

static void
draw(const struct lpg_view *view, uint32_t z, uint32_t col, uint32_t row)
{
    struct lpg_points *subset = NULL;
    struct lpg_mvt *mvt = NULL;
    struct mvt_layer layer;
    cim_blob tile = {0};
    char *texts = NULL;
    int64_t n = 0;
    must(lpg_points_subset(points, &features, view, &subset, NULL) == CIM_OK);
    const struct lpg_stack stack = {.points = subset, .features = &features, .newer = &features};
    must(lpg_mvt_new("t", &mvt, NULL) == CIM_OK);
    must(lpg_points_tile(&stack, view, true, z, col, row, mvt, &texts, NULL) == CIM_OK);
    must(lpg_mvt_finish(mvt, &tile, NULL) == CIM_OK);
    must(mvt_read(tile.data, tile.len, &layer));
    for (size_t i = 0; i < layer.n_features; i++) {
        const struct mvt_value *count = mvt_tag(&layer, &layer.features[i], "count");
        n += count != NULL ? count->i64 : 1;
    }
    must(n == (int64_t)lpg_points_count(&stack, view, true, z, col, row) && n <= N_POINTS);
    mvt_done(&layer);
    if (tile.release != NULL) {
        tile.release(&tile);
    }
    lpg_mvt_free(mvt);
    free(texts);
    lpg_points_free(subset);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const cim_access_v1 access = {.struct_size = sizeof access, .area_ordinal = no_ordinal};
    static const cim_term everything = {
        .struct_size = sizeof everything, .all_areas = 1, .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&everything};
    static const cim_scope scope = {.struct_size = sizeof scope, .n_terms = 1, .terms = terms};
    static const cim_call call = {.struct_size = sizeof call, .scope = &scope, .now_ms = 1};
    static struct lpg_cluster cluster;
    struct lpg_view view;
    cim_error err = {0};
    uint32_t at[2];
    int64_t id;
    uint64_t first = 0;
    uint64_t last = 0;
    if (size < HEAD) {
        return 0;
    }
    if (points == NULL) {
        set_up();
    }
    const uint32_t z = data[0] % (CIM_TILE_ZOOM_MAX + 1);
    memcpy(at, data + 1, sizeof at);
    memcpy(&id, data + 1 + sizeof at, sizeof id);
    char *filter = calloc(1, size - HEAD + 1);
    must(filter != NULL);
    memcpy(filter, data + HEAD, size - HEAD);
    const cim_status status = lpg_view_open(&features, NULL, &access, &call, NULL,
                                            filter[0] != '\0' ? filter : NULL, &view, &err);
    free(filter);
    if (status != CIM_OK) {
        must(err.code != 0 && err.zh[0] != '\0' && err.en[0] != '\0');
        return 0;
    }
    draw(&view, z, z == 0 ? 0 : at[0] >> (32U - z), z == 0 ? 0 : at[1] >> (32U - z));
    if (lpg_cluster_cell(id, &first, &last)) {
        const struct lpg_stack stack = {
            .points = points, .features = &features, .newer = &features};
        must(first <= last);
        lpg_points_cluster(&stack, &view, true, first, last, 0, 10, &cluster);
        must(cluster.count <= N_POINTS && cluster.n <= 10);
    }
    lpg_view_done(&view);
    return 0;
}
