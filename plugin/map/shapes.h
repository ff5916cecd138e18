/* plugin/map/shapes.h -- lines and polygons in 32-bit Web Mercator, clipped and simplified per
 * tile.
 *
 * A vertex is drawn at the middle of its cell of a grid of half a pixel, and only if the vertex
 * before it lies in another one. The grids of all zooms are nested, so that every vertex has one
 * zoom from which on it is drawn, its level, and simplifying is a comparison. Where it is drawn
 * depends on its position alone: two polygons that share a border share it at every zoom, whatever
 * else is edited.
 */
#ifndef LPG_MAP_SHAPES_H
#define LPG_MAP_SHAPES_H

#include "geo/rtree.h"
#include "map/features.h"
#include "map/view.h"

enum {
    LPG_SHAPE_BUFFER_UNITS = 128, /* drawn beyond the tile's edge, 16 px of 512 */
    LPG_SHAPE_GRID_BITS = 10      /* cells of half a pixel along a tile's edge */
};

struct lpg_shape_part {
    uint32_t begin; /* first vertex */
    uint32_t end;
    bool ring;
    bool hole;
};

struct lpg_shape {
    uint32_t part_begin;
    uint32_t part_end;
    uint32_t west; /* envelope of positions */
    uint32_t north;
    uint32_t east;
    uint32_t south;
    uint32_t label_x; /* of polygons: where its name stands */
    uint32_t label_y;
};

/* Row i of the features is shape i. */
struct lpg_shapes {
    bool degrees; /* as of the features */
    uint32_t n;
    uint32_t capacity;
    struct lpg_shape *shapes;
    uint32_t n_parts;
    uint32_t parts_capacity;
    struct lpg_shape_part *parts;
    uint32_t n_vertices;
    uint32_t vertices_capacity;
    uint32_t *xy;           /* pairs */
    uint8_t *level;         /* of each vertex */
    struct lpg_rtree *tree; /* over the envelopes; NULL: the shapes are few */
};

/* Appends one geometry. CIM_E_INVALID when it holds positions that Web Mercator has not. */
cim_status lpg_shapes_add_wkb(struct lpg_shapes *shapes, const void *wkb, size_t len,
                              cim_error *err);
/* Appends shape i of others. */
cim_status lpg_shapes_add_copy(struct lpg_shapes *shapes, const struct lpg_shapes *from, uint32_t i,
                               cim_error *err);
/* Brings shapes and features into the order of fids, which is that of lookups, and builds the tree.
 * Neither changes after that. */
cim_status lpg_shapes_index(struct lpg_shapes *shapes, struct lpg_features *features,
                            cim_error *err);
/* Row of a record of features in the order of fids; UINT32_MAX when it is not there. */
uint32_t lpg_shapes_find(const struct lpg_features *features, int64_t fid);
void lpg_shapes_done(struct lpg_shapes *shapes);

/* What is drawn: shapes, less some of their rows, plus those that are newer. */
struct lpg_shape_stack {
    const struct lpg_shapes *shapes;
    const struct lpg_features *features;
    const uint32_t *removed; /* rows, ascending */
    uint32_t n_removed;
    const struct lpg_shapes *added; /* NULL: none */
    const struct lpg_features *newer;
};

/* What else than its layer knows of a shape: whether it is drawn, and its further tags. */
struct lpg_shape_extra {
    void *self;
    /* Tells row `row` of the features, which the view covers. */
    bool (*wanted)(void *self, const struct lpg_features *features, uint32_t row);
    /* Follows a true answer, before the next question. */
    void (*tag)(void *self, struct lpg_mvt *mvt);
};

/* `extra` may be NULL. */
cim_status lpg_shapes_tile(const struct lpg_shape_stack *stack, const struct lpg_view *view,
                           const struct lpg_shape_extra *extra, uint32_t z, uint32_t col,
                           uint32_t row, struct lpg_mvt *mvt, cim_error *err);

/* The names' places of the polygons that lie in the tile, one for each however many parts it has
 * and however many tiles it spans; with the attributes that the polygons have. */
cim_status lpg_labels_tile(const struct lpg_shape_stack *stack, const struct lpg_view *view,
                           const struct lpg_shape_extra *extra, uint32_t z, uint32_t col,
                           uint32_t row, struct lpg_mvt *mvt, cim_error *err);

/* ---- label.c ---- */

/* A point inside the largest part of a polygon, amid the widest of some sections through it. */
void lpg_label_place(const struct lpg_shapes *shapes, const struct lpg_shape *shape,
                     uint32_t *ret_x, uint32_t *ret_y);

#endif
