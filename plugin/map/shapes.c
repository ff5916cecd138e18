/* plugin/map/shapes.c -- see shapes.h. */
#include "map/shapes.h"

#include "cim/util.h"
#include "geo/mercator.h"
#include "kit/wkb.h"
#include "map/clip.h"

#include <stdlib.h>

/* ---- building ---- */

static bool
reserve(void **array, uint32_t *capacity, uint32_t n, size_t size)
{
    if (n < *capacity) {
        return true;
    }
    const uint32_t grown = *capacity == 0 ? 256 : *capacity * 2;
    void *moved = realloc(*array, grown * size);
    if (moved == NULL) {
        return false;
    }
    *array = moved;
    *capacity = grown;
    return true;
}

struct builder {
    struct lpg_shapes *shapes;
    struct lpg_shape *shape;
    cim_status status;
    uint32_t rings; /* of the polygon at hand */
    bool polygon;
};

static int
open_part(struct builder *builder, bool ring, bool hole)
{
    struct lpg_shapes *shapes = builder->shapes;
    if (!reserve((void **)&shapes->parts, &shapes->parts_capacity, shapes->n_parts,
                 sizeof *shapes->parts)) {
        builder->status = CIM_E_NOMEM;
        return 1;
    }
    shapes->parts[shapes->n_parts++] = (struct lpg_shape_part){
        .begin = shapes->n_vertices, .end = shapes->n_vertices, .ring = ring, .hole = hole};
    return 0;
}

static int
on_begin(void *self, uint32_t type, uint32_t count)
{
    struct builder *builder = self;
    (void)count;
    builder->polygon = type == CIM_GEOMETRY_POLYGON;
    builder->rings = 0;
    return type == CIM_GEOMETRY_LINE_STRING ? open_part(builder, false, false) : 0;
}

static int
on_ring(void *self, uint32_t n_points)
{
    struct builder *builder = self;
    (void)n_points;
    return open_part(builder, true, builder->rings++ > 0);
}

static int
on_point(void *self, double lon_deg, double lat_deg)
{
    struct builder *builder = self;
    struct lpg_shapes *shapes = builder->shapes;
    struct lpg_shape *shape = builder->shape;
    uint32_t x;
    uint32_t y;
    if (shapes->n_parts == shape->part_begin ||
        !lpg_mercator_from_lonlat(lon_deg, lat_deg, &x, &y)) {
        builder->status = CIM_E_INVALID;
        return 1;
    }
    if (!reserve((void **)&shapes->xy, &shapes->vertices_capacity, shapes->n_vertices,
                 2 * sizeof *shapes->xy)) {
        builder->status = CIM_E_NOMEM;
        return 1;
    }
    shapes->xy[2 * (size_t)shapes->n_vertices] = x;
    shapes->xy[2 * (size_t)shapes->n_vertices + 1] = y;
    shapes->n_vertices++;
    shapes->parts[shapes->n_parts - 1].end = shapes->n_vertices;
    shape->west = x < shape->west ? x : shape->west;
    shape->east = x > shape->east ? x : shape->east;
    shape->north = y < shape->north ? y : shape->north;
    shape->south = y > shape->south ? y : shape->south;
    return 0;
}

cim_status
lpg_shapes_add_wkb(struct lpg_shapes *shapes, const void *wkb, size_t len, cim_error *err)
{
    struct lpg_shape shape = {
        .part_begin = shapes->n_parts, .west = UINT32_MAX, .north = UINT32_MAX};
    struct builder builder = {.shapes = shapes, .shape = &shape, .status = CIM_OK};
    const struct cim_wkb_visitor visitor = {
        .self = &builder, .begin = on_begin, .begin_ring = on_ring, .point = on_point};
    cim_status status;
    if (!reserve((void **)&shapes->shapes, &shapes->capacity, shapes->n, sizeof *shapes->shapes)) {
        return cim_fail_nomem(err);
    }
    status = len > 0 ? cim_wkb_walk(wkb, len, &visitor, err) : CIM_OK;
    if (builder.status == CIM_E_NOMEM) {
        return cim_fail_nomem(err);
    }
    if (builder.status != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "geom", NULL, "几何坐标超出范围或类型不符",
                        "geometry out of range or of the wrong type");
    }
    CIM_TRY(status);
    shape.part_end = shapes->n_parts;
    if (shape.part_begin < shape.part_end && shapes->parts[shape.part_begin].ring) {
        lpg_label_place(shapes, &shape, &shape.label_x, &shape.label_y);
    }
    shapes->shapes[shapes->n++] = shape;
    return CIM_OK;
}

void
lpg_shapes_done(struct lpg_shapes *shapes)
{
    free(shapes->shapes);
    free(shapes->parts);
    free(shapes->xy);
    *shapes = (struct lpg_shapes){0};
}

/* ---- drawing ---- */

struct shape_keys {
    uint32_t fid;
    uint32_t area_code;
    uint32_t attributes[LPG_ATTRIBUTES_MAX];
};

static void
number_keys(const struct lpg_features *features, struct lpg_mvt *mvt, struct shape_keys *ret_keys)
{
    ret_keys->fid = lpg_mvt_key(mvt, "fid");
    ret_keys->area_code = lpg_mvt_key(mvt, "area_code");
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        ret_keys->attributes[a] = lpg_mvt_key(mvt, features->attributes[a].field->name);
    }
}

struct tile {
    uint32_t z;
    int64_t x0; /* position of the tile's corner */
    int64_t y0;
    int64_t buffer; /* in positions */
};

static bool
meets(const struct lpg_shape *shape, const struct tile *tile)
{
    const int64_t size = (int64_t)1 << (32U - tile->z);
    return shape->part_begin < shape->part_end && shape->west <= tile->x0 + size + tile->buffer &&
           shape->east >= tile->x0 - tile->buffer &&
           shape->north <= tile->y0 + size + tile->buffer &&
           shape->south >= tile->y0 - tile->buffer;
}

/* Half a pixel of a 512 px tile is 4 units; what falls on one grid point is one vertex. */
enum { SNAP_UNITS = 4 };

static int32_t
to_units(uint32_t position, int64_t origin, uint32_t z)
{
    const int64_t units = (((int64_t)position - origin) * LPG_MVT_EXTENT) >> (32U - z);
    const int64_t snapped = ((units + SNAP_UNITS / 2) / SNAP_UNITS) * SNAP_UNITS;
    const int64_t limit = 1 << 28; /* far outside; keeps the clipper's products in range */
    return (int32_t)(snapped < -limit ? -limit : snapped > limit ? limit : snapped);
}

/* Tile units of a part in `scratch`, repeats dropped; returns the number of positions. */
static cim_status
project(const struct lpg_shapes *shapes, const struct lpg_shape_part *part, const struct tile *tile,
        struct lpg_path *path, cim_error *err)
{
    lpg_path_clear(path);
    for (uint32_t i = part->begin; i < part->end; i++) {
        const int32_t x = to_units(shapes->xy[2 * (size_t)i], tile->x0, tile->z);
        const int32_t y = to_units(shapes->xy[2 * (size_t)i + 1], tile->y0, tile->z);
        if (path->n > 0 && path->xy[2 * path->n - 2] == x && path->xy[2 * path->n - 1] == y) {
            continue;
        }
        CIM_TRY(lpg_path_add(path, x, y, err));
    }
    return CIM_OK;
}

static cim_status
draw_ring(const struct lpg_path *projected, bool hole, struct lpg_path *clipped,
          struct lpg_mvt *mvt, bool *ret_drawn, cim_error *err)
{
    const int32_t low = -LPG_SHAPE_BUFFER_UNITS;
    const int32_t high = LPG_MVT_EXTENT + LPG_SHAPE_BUFFER_UNITS;
    int64_t area;
    *ret_drawn = false;
    CIM_TRY(lpg_clip_ring(projected, low, high, clipped, err));
    area = lpg_ring_area2(clipped);
    if (clipped->n < 3 || area == 0) {
        return CIM_OK;
    }
    /* In tile units, y downward, exterior rings have positive area and holes negative. */
    if ((area > 0) == hole) {
        lpg_path_reverse(clipped);
    }
    lpg_mvt_path(mvt, clipped->xy, clipped->n, true);
    *ret_drawn = true;
    return CIM_OK;
}

struct line_sink {
    struct lpg_mvt *mvt;
};

static void
draw_line(void *self, const int32_t *xy, size_t n_positions)
{
    struct line_sink *sink = self;
    lpg_mvt_path(sink->mvt, xy, n_positions, false);
}

static cim_status
draw_shape(const struct lpg_shapes *shapes, const struct lpg_shape *shape, const struct tile *tile,
           struct lpg_path *projected, struct lpg_path *clipped, struct lpg_mvt *mvt,
           cim_error *err)
{
    struct line_sink sink = {.mvt = mvt};
    bool exterior_drawn = false;
    for (uint32_t p = shape->part_begin; p < shape->part_end; p++) {
        const struct lpg_shape_part *part = &shapes->parts[p];
        CIM_TRY(project(shapes, part, tile, projected, err));
        if (!part->ring) {
            CIM_TRY(lpg_clip_line(projected, -LPG_SHAPE_BUFFER_UNITS,
                                  LPG_MVT_EXTENT + LPG_SHAPE_BUFFER_UNITS, clipped, draw_line,
                                  &sink, err));
            continue;
        }
        if (part->hole && !exterior_drawn) {
            continue; /* a hole in what is too small to see */
        }
        bool drawn;
        CIM_TRY(draw_ring(projected, part->hole, clipped, mvt, &drawn, err));
        if (!part->hole) {
            exterior_drawn = drawn;
        }
    }
    return CIM_OK;
}

static void
tag_shape(const struct lpg_features *features, const struct lpg_view *view, uint32_t i,
          const struct shape_keys *keys, struct lpg_mvt *mvt)
{
    const uint32_t shown = lpg_view_shown(view, features, i);
    lpg_mvt_tag(mvt, keys->fid, lpg_mvt_value_int(mvt, features->fid[i]));
    lpg_mvt_tag(
        mvt, keys->area_code,
        lpg_mvt_value_text(mvt, lpg_dictionary_value(&features->areas, features->area[i])->text));
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        const struct lpg_attribute *attribute = &features->attributes[a];
        if (attribute->codes[i] != 0 && (shown >> a & 1U) != 0) {
            lpg_mvt_tag(mvt, keys->attributes[a],
                        lpg_value_to_mvt(mvt, lpg_dictionary_value(&attribute->dictionary,
                                                                   attribute->codes[i])));
        }
    }
}

static bool
is_drawn(const struct lpg_features *features, const struct lpg_view *view,
         const struct lpg_shape_extra *extra, uint32_t i)
{
    return lpg_view_covers(view, features, i) &&
           (extra == NULL || extra->wanted(extra->self, features, i));
}

cim_status
lpg_shapes_tile(const struct lpg_shapes *shapes, const struct lpg_features *features,
                const struct lpg_view *view, const struct lpg_shape_extra *extra, uint32_t z,
                uint32_t col, uint32_t row, struct lpg_mvt *mvt, cim_error *err)
{
    const struct tile tile = {.z = z,
                              .x0 = (int64_t)col << (32U - z),
                              .y0 = (int64_t)row << (32U - z),
                              .buffer =
                                  ((int64_t)LPG_SHAPE_BUFFER_UNITS << (32U - z)) / LPG_MVT_EXTENT};
    struct shape_keys keys;
    struct lpg_path projected = {0};
    struct lpg_path clipped = {0};
    cim_status status = CIM_OK;
    number_keys(features, mvt, &keys);
    for (uint32_t i = 0; status == CIM_OK && i < shapes->n; i++) {
        const struct lpg_shape *shape = &shapes->shapes[i];
        if (!meets(shape, &tile) || !is_drawn(features, view, extra, i)) {
            continue;
        }
        lpg_mvt_begin(mvt, shapes->parts[shape->part_begin].ring ? LPG_MVT_POLYGON : LPG_MVT_LINE,
                      (uint64_t)features->fid[i]);
        tag_shape(features, view, i, &keys, mvt);
        if (extra != NULL) {
            extra->tag(extra->self, mvt);
        }
        status = draw_shape(shapes, shape, &tile, &projected, &clipped, mvt, err);
        lpg_mvt_end(mvt);
    }
    lpg_path_done(&projected);
    lpg_path_done(&clipped);
    return status;
}

void
lpg_labels_tile(const struct lpg_shapes *shapes, const struct lpg_features *features,
                const struct lpg_view *view, const struct lpg_shape_extra *extra, uint32_t z,
                uint32_t col, uint32_t row, struct lpg_mvt *mvt)
{
    const int64_t x0 = (int64_t)col << (32U - z);
    const int64_t y0 = (int64_t)row << (32U - z);
    const int64_t size = (int64_t)1 << (32U - z);
    struct shape_keys keys;
    number_keys(features, mvt, &keys);
    for (uint32_t i = 0; i < shapes->n; i++) {
        const struct lpg_shape *shape = &shapes->shapes[i];
        const bool polygon =
            shape->part_begin < shape->part_end && shapes->parts[shape->part_begin].ring;
        /* Half open: the point is in one tile of a zoom. */
        if (!polygon || shape->label_x < x0 || shape->label_x >= x0 + size || shape->label_y < y0 ||
            shape->label_y >= y0 + size || !is_drawn(features, view, extra, i)) {
            continue;
        }
        lpg_mvt_begin(mvt, LPG_MVT_POINT, (uint64_t)features->fid[i]);
        tag_shape(features, view, i, &keys, mvt);
        if (extra != NULL) {
            extra->tag(extra->self, mvt);
        }
        lpg_mvt_point(mvt, (int32_t)(((shape->label_x - x0) * LPG_MVT_EXTENT) >> (32U - z)),
                      (int32_t)(((shape->label_y - y0) * LPG_MVT_EXTENT) >> (32U - z)));
        lpg_mvt_end(mvt);
    }
}
