/* plugin/map/shapes.c -- see shapes.h. */
#include "map/shapes.h"

#include "cim/util.h"
#include "geo/mercator.h"
#include "kit/wkb.h"

#include <stdlib.h>
#include <string.h>

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

static bool
reserve_vertex(struct lpg_shapes *shapes)
{
    uint32_t capacity = shapes->vertices_capacity; /* of both arrays */
    return reserve((void **)&shapes->level, &capacity, shapes->n_vertices, sizeof *shapes->level) &&
           reserve((void **)&shapes->xy, &shapes->vertices_capacity, shapes->n_vertices,
                   2 * sizeof *shapes->xy);
}

/* The zoom from which on two positions lie in different cells: the grid of zoom z is that of the
 * top z + LPG_SHAPE_GRID_BITS bits. */
static uint8_t
level_of(uint32_t x, uint32_t y, uint32_t last_x, uint32_t last_y)
{
    const uint32_t differ = (x ^ last_x) | (y ^ last_y);
    const int level = differ == 0 ? UINT8_MAX : __builtin_clz(differ) - LPG_SHAPE_GRID_BITS + 1;
    return (uint8_t)(level < 0 ? 0 : level);
}

/* To the part at hand, with room for it. */
static void
append_vertex(struct lpg_shapes *shapes, uint32_t x, uint32_t y)
{
    struct lpg_shape_part *part = &shapes->parts[shapes->n_parts - 1];
    const uint32_t i = shapes->n_vertices++;
    shapes->xy[2 * (size_t)i] = x;
    shapes->xy[2 * (size_t)i + 1] = y;
    shapes->level[i] = i == part->begin ? 0
                                        : level_of(x, y, shapes->xy[2 * (size_t)i - 2],
                                                   shapes->xy[2 * (size_t)i - 1]);
    part->end = shapes->n_vertices;
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
        !(shapes->degrees ? lpg_degrees_from_lonlat : lpg_mercator_from_lonlat)(lon_deg, lat_deg,
                                                                                &x, &y)) {
        builder->status = CIM_E_INVALID;
        return 1;
    }
    if (!reserve_vertex(shapes)) {
        builder->status = CIM_E_NOMEM;
        return 1;
    }
    append_vertex(shapes, x, y);
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

cim_status
lpg_shapes_add_copy(struct lpg_shapes *shapes, const struct lpg_shapes *from, uint32_t i,
                    cim_error *err)
{
    struct lpg_shape shape = from->shapes[i];
    if (!reserve((void **)&shapes->shapes, &shapes->capacity, shapes->n, sizeof *shapes->shapes)) {
        return cim_fail_nomem(err);
    }
    shape.part_begin = shapes->n_parts;
    for (uint32_t p = from->shapes[i].part_begin; p < from->shapes[i].part_end; p++) {
        const struct lpg_shape_part *part = &from->parts[p];
        struct builder builder = {.shapes = shapes};
        if (open_part(&builder, part->ring, part->hole) != 0) {
            return cim_fail_nomem(err);
        }
        for (uint32_t v = part->begin; v < part->end; v++) {
            if (!reserve_vertex(shapes)) {
                return cim_fail_nomem(err);
            }
            append_vertex(shapes, from->xy[2 * (size_t)v], from->xy[2 * (size_t)v + 1]);
        }
    }
    shape.part_end = shapes->n_parts;
    shapes->shapes[shapes->n++] = shape;
    return CIM_OK;
}

/* ---- index ---- */

struct fid_row {
    int64_t fid;
    uint32_t row;
};

static int
compare_fids(const void *left, const void *right)
{
    const int64_t a = ((const struct fid_row *)left)->fid;
    const int64_t b = ((const struct fid_row *)right)->fid;
    return (a > b) - (a < b);
}

static cim_status
sort_by_fid(struct lpg_shapes *shapes, struct lpg_features *features, cim_error *err)
{
    const uint32_t n = shapes->n;
    bool in_order = true;
    for (uint32_t i = 1; i < n; i++) {
        in_order = in_order && features->fid[i - 1] < features->fid[i];
    }
    if (in_order) {
        return CIM_OK;
    }
    struct fid_row *rows = malloc(n * sizeof *rows);
    uint32_t *order = malloc(n * sizeof *order);
    struct lpg_shape *sorted = malloc(n * sizeof *sorted);
    cim_status status =
        rows != NULL && order != NULL && sorted != NULL ? CIM_OK : cim_fail_nomem(err);
    if (status == CIM_OK) {
        for (uint32_t i = 0; i < n; i++) {
            rows[i] = (struct fid_row){.fid = features->fid[i], .row = i};
        }
        qsort(rows, n, sizeof *rows, compare_fids);
        for (uint32_t i = 0; i < n; i++) {
            order[i] = rows[i].row;
            sorted[i] = shapes->shapes[order[i]];
        }
        status = lpg_features_reorder(features, order, n, err);
    }
    if (status == CIM_OK) {
        memcpy(shapes->shapes, sorted, n * sizeof *sorted);
    }
    free(rows);
    free(order);
    free(sorted);
    return status;
}

static void
box_of(void *arg, uint32_t i, double ret_box[4])
{
    const struct lpg_shape *shape = &((const struct lpg_shapes *)arg)->shapes[i];
    ret_box[0] = shape->west; /* an empty shape has west > east */
    ret_box[1] = shape->north;
    ret_box[2] = shape->east;
    ret_box[3] = shape->south;
}

cim_status
lpg_shapes_index(struct lpg_shapes *shapes, struct lpg_features *features, cim_error *err)
{
    CIM_TRY(sort_by_fid(shapes, features, err));
    return lpg_rtree_build(shapes->n, box_of, shapes, &shapes->tree, err);
}

uint32_t
lpg_shapes_find(const struct lpg_features *features, int64_t fid)
{
    uint32_t begin = 0;
    uint32_t end = features->n;
    while (begin < end) {
        const uint32_t middle = begin + (end - begin) / 2;
        if (features->fid[middle] < fid) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin < features->n && features->fid[begin] == fid ? begin : UINT32_MAX;
}

void
lpg_shapes_done(struct lpg_shapes *shapes)
{
    lpg_rtree_free(shapes->tree);
    free(shapes->level);
    free(shapes->shapes);
    free(shapes->parts);
    free(shapes->xy);
    *shapes = (struct lpg_shapes){0};
}
