/* plugin/map/shapes_tile.c -- tiles of lines and polygons; see shapes.h. */
#include "map/shapes.h"

#include "cim/util.h"
#include "map/clip.h"

#include <stdlib.h>

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

/* The middle of the vertex's cell, in tile units. */
static int32_t
to_units(uint32_t position, int64_t origin, uint32_t z)
{
    enum { CELL_UNITS = LPG_MVT_EXTENT >> LPG_SHAPE_GRID_BITS };
    const uint32_t shift = 32U - LPG_SHAPE_GRID_BITS - z;
    const int64_t cells = (int64_t)(position >> shift) - (origin >> shift);
    const int64_t units = cells * CELL_UNITS + CELL_UNITS / 2;
    const int64_t limit = 1 << 28; /* far outside; keeps the clipper's products in range */
    return (int32_t)(units < -limit ? -limit : units > limit ? limit : units);
}

/* Tile units of a part, of the vertices that this zoom has. */
static cim_status
project(const struct lpg_shapes *shapes, const struct lpg_shape_part *part, const struct tile *tile,
        struct lpg_path *path, cim_error *err)
{
    lpg_path_clear(path);
    for (uint32_t i = part->begin; i < part->end; i++) {
        if (shapes->level[i] <= tile->z) {
            CIM_TRY(lpg_path_add(path, to_units(shapes->xy[2 * (size_t)i], tile->x0, tile->z),
                                 to_units(shapes->xy[2 * (size_t)i + 1], tile->y0, tile->z), err));
        }
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

/* ---- which are drawn ---- */

/* Rows of the tree's shapes about a box, ascending. */
struct rows {
    uint32_t *list;
    uint32_t n;
    uint32_t capacity;
    bool failed;
};

static int
note_row(void *arg, uint32_t i)
{
    struct rows *rows = arg;
    if (rows->n == rows->capacity) {
        const uint32_t capacity = rows->capacity == 0 ? 256 : 2 * rows->capacity;
        uint32_t *grown = realloc(rows->list, capacity * sizeof *grown);
        if (grown == NULL) {
            rows->failed = true;
            return 1;
        }
        rows->list = grown;
        rows->capacity = capacity;
    }
    rows->list[rows->n++] = i;
    return 0;
}

static int
compare_rows(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static cim_status
find_rows(const struct lpg_shapes *shapes, const struct tile *tile, struct rows *ret_rows,
          cim_error *err)
{
    const double size = (double)((int64_t)1 << (32U - tile->z));
    const double buffer = (double)tile->buffer;
    const double box[4] = {(double)tile->x0 - buffer, (double)tile->y0 - buffer,
                           (double)tile->x0 + size + buffer, (double)tile->y0 + size + buffer};
    *ret_rows = (struct rows){.list = NULL};
    if (shapes->tree != NULL) {
        lpg_rtree_search(shapes->tree, box, note_row, ret_rows);
    }
    for (uint32_t i = 0; shapes->tree == NULL && i < shapes->n; i++) {
        (void)note_row(ret_rows, i);
    }
    if (ret_rows->failed) {
        free(ret_rows->list);
        return cim_fail_nomem(err);
    }
    if (shapes->tree != NULL && ret_rows->n > 0) {
        qsort(ret_rows->list, ret_rows->n, sizeof *ret_rows->list, compare_rows);
    }
    return CIM_OK;
}

/* What one of the stack's two parts draws with. */
struct drawing {
    const struct lpg_shapes *shapes;
    const struct lpg_features *features;
    const struct lpg_view *view;
    const struct lpg_shape_extra *extra;
    const struct tile *tile;
    const struct shape_keys *keys;
    struct lpg_path *projected;
    struct lpg_path *clipped;
    struct lpg_mvt *mvt;
};

/* Draws row i; what is not in the tile it leaves out. */
typedef cim_status (*draw_fn)(const struct drawing *drawing, uint32_t i, cim_error *err);

static bool
is_drawn(const struct drawing *drawing, uint32_t i)
{
    return lpg_view_covers(drawing->view, drawing->features, i) &&
           (drawing->extra == NULL ||
            drawing->extra->wanted(drawing->extra->self, drawing->features, i));
}

static void
begin_shape(const struct drawing *drawing, uint32_t i, enum lpg_mvt_type type)
{
    lpg_mvt_begin(drawing->mvt, type, (uint64_t)drawing->features->fid[i]);
    tag_shape(drawing->features, drawing->view, i, drawing->keys, drawing->mvt);
    if (drawing->extra != NULL) {
        drawing->extra->tag(drawing->extra->self, drawing->mvt);
    }
}

static cim_status
draw_geometry(const struct drawing *drawing, uint32_t i, cim_error *err)
{
    const struct lpg_shapes *shapes = drawing->shapes;
    const struct lpg_shape *shape = &shapes->shapes[i];
    cim_status status;
    if (!meets(shape, drawing->tile) || !is_drawn(drawing, i)) {
        return CIM_OK;
    }
    begin_shape(drawing, i, shapes->parts[shape->part_begin].ring ? LPG_MVT_POLYGON : LPG_MVT_LINE);
    status = draw_shape(shapes, shape, drawing->tile, drawing->projected, drawing->clipped,
                        drawing->mvt, err);
    lpg_mvt_end(drawing->mvt);
    return status;
}

static cim_status
draw_label(const struct drawing *drawing, uint32_t i, cim_error *err)
{
    const struct lpg_shape *shape = &drawing->shapes->shapes[i];
    const struct tile *tile = drawing->tile;
    const int64_t size = (int64_t)1 << (32U - tile->z);
    const bool polygon =
        shape->part_begin < shape->part_end && drawing->shapes->parts[shape->part_begin].ring;
    (void)err;
    /* Half open: the point is in one tile of a zoom. */
    if (!polygon || shape->label_x < tile->x0 || shape->label_x >= tile->x0 + size ||
        shape->label_y < tile->y0 || shape->label_y >= tile->y0 + size || !is_drawn(drawing, i)) {
        return CIM_OK;
    }
    begin_shape(drawing, i, LPG_MVT_POINT);
    lpg_mvt_point(drawing->mvt,
                  (int32_t)(((shape->label_x - tile->x0) * LPG_MVT_EXTENT) >> (32U - tile->z)),
                  (int32_t)(((shape->label_y - tile->y0) * LPG_MVT_EXTENT) >> (32U - tile->z)));
    lpg_mvt_end(drawing->mvt);
    return CIM_OK;
}

/* `removed` ascends as the rows do. */
static cim_status
draw_part(const struct drawing *drawing, const uint32_t *removed, uint32_t n_removed, draw_fn draw,
          cim_error *err)
{
    struct rows rows;
    uint32_t r = 0;
    cim_status status;
    CIM_TRY(find_rows(drawing->shapes, drawing->tile, &rows, err));
    status = CIM_OK;
    for (uint32_t k = 0; k < rows.n && status == CIM_OK; k++) {
        while (r < n_removed && removed[r] < rows.list[k]) {
            r++;
        }
        if (r == n_removed || removed[r] != rows.list[k]) {
            status = draw(drawing, rows.list[k], err);
        }
    }
    free(rows.list);
    return status;
}

static cim_status
draw_stack(const struct lpg_shape_stack *stack, const struct lpg_view *view,
           const struct lpg_shape_extra *extra, uint32_t z, uint32_t col, uint32_t row,
           struct lpg_mvt *mvt, draw_fn draw, cim_error *err)
{
    const struct tile tile = {.z = z,
                              .x0 = (int64_t)col << (32U - z),
                              .y0 = (int64_t)row << (32U - z),
                              .buffer =
                                  ((int64_t)LPG_SHAPE_BUFFER_UNITS << (32U - z)) / LPG_MVT_EXTENT};
    struct shape_keys keys;
    struct lpg_path projected = {0};
    struct lpg_path clipped = {0};
    struct drawing drawing = {.shapes = stack->shapes,
                              .features = stack->features,
                              .view = view,
                              .extra = extra,
                              .tile = &tile,
                              .keys = &keys,
                              .projected = &projected,
                              .clipped = &clipped,
                              .mvt = mvt};
    cim_status status;
    number_keys(stack->features, mvt, &keys);
    status = draw_part(&drawing, stack->removed, stack->n_removed, draw, err);
    if (status == CIM_OK && stack->added != NULL) {
        drawing.shapes = stack->added;
        drawing.features = stack->newer;
        status = draw_part(&drawing, NULL, 0, draw, err);
    }
    lpg_path_done(&projected);
    lpg_path_done(&clipped);
    return status;
}

cim_status
lpg_shapes_tile(const struct lpg_shape_stack *stack, const struct lpg_view *view,
                const struct lpg_shape_extra *extra, uint32_t z, uint32_t col, uint32_t row,
                struct lpg_mvt *mvt, cim_error *err)
{
    return draw_stack(stack, view, extra, z, col, row, mvt, draw_geometry, err);
}

cim_status
lpg_labels_tile(const struct lpg_shape_stack *stack, const struct lpg_view *view,
                const struct lpg_shape_extra *extra, uint32_t z, uint32_t col, uint32_t row,
                struct lpg_mvt *mvt, cim_error *err)
{
    return draw_stack(stack, view, extra, z, col, row, mvt, draw_label, err);
}
