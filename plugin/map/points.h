/* plugin/map/points.h -- points as a Morton-ordered pyramid.
 *
 * One partition per area, each sorted by Morton code: every quadtree cell at every zoom is a
 * contiguous range. Its count is the difference of two searches, its mean position a difference of
 * prefix sums, its count per value a difference of bitmap ranks. A caller's tile adds up the
 * partitions that the caller may see, so what is hidden never enters a sum.
 */
#ifndef LPG_MAP_POINTS_H
#define LPG_MAP_POINTS_H

#include "map/features.h"
#include "map/view.h"

#include <stdatomic.h>

enum {
    LPG_POINTS_BLOCK = 64,       /* points; as many as a word has bits */
    LPG_POINTS_SINGLE_ZOOM = 14, /* from here on every point is drawn by itself */
    LPG_CLUSTER_LEVELS = 3       /* a 512 px tile has 2^3 x 2^3 cells of 64 px */
};

struct lpg_hexes;

struct lpg_partition {
    uint32_t area; /* number in features.areas */
    uint32_t begin;
    uint32_t end;
};

/* One bit per point and value, in blocks, with the count of bits before each block.
 * Of a block the values lie side by side: the ranks of all values at one place, which is what a
 * cell asks for, are two or three lines of the cache and not two for each value. */
struct lpg_counted {
    uint32_t attribute; /* index in features.attributes */
    uint32_t n_values;  /* as its dictionary's n: value 0 is none and has no bits */
    uint64_t *words;    /* block x (n_values - 1) */
    uint32_t *ranks;
};

struct lpg_points {
    uint32_t n;
    uint64_t *morton;
    uint64_t *block_morton; /* of the first point of each block: small enough for the cache */
    uint64_t *sum_x;        /* n + 1 prefix sums of 32-bit positions */
    uint64_t *sum_y;
    const uint32_t *row; /* row of each point in features; NULL: the same number */
    uint32_t n_partitions;
    struct lpg_partition *partitions;
    uint32_t n_counted;
    struct lpg_counted counted[LPG_ATTRIBUTES_MAX];
    uint32_t *rows_owned;
    uint32_t *by_fid; /* rows in the order of fids; NULL in a pyramid of some of the points */
    /* Sums per hexagon and zoom, made when first asked for. */
    _Atomic(struct lpg_hexes *) hexes[LPG_POINTS_SINGLE_ZOOM];
};

/* The row of the i-th point in features; rows ascend. */
static inline uint32_t
lpg_points_row(const struct lpg_points *points, uint32_t i)
{
    return points->row != NULL ? points->row[i] : i;
}

/* What a tile is drawn from: a pyramid, less the points of a second one, plus those of a third.
 * Every count and sum is that of the first, less that of the second, plus that of the third. */
struct lpg_stack {
    const struct lpg_points *points;
    const struct lpg_features *features;
    const struct lpg_points *removed; /* some of `points`' rows; NULL: no overlay */
    const struct lpg_points *added;   /* NULL with `removed` */
    const struct lpg_features *newer; /* rows of `added`; its dictionaries hold all values.
                                       * Without an overlay the same as `features` */
};

/* Radius, outline included, of the symbol that the styles draw for a cluster of `count` points.
 * Anchors keep that far from their cell's edge, so that no two overlap. */
int32_t lpg_cluster_radius_px(uint64_t count);

/* Sorts `features` and builds the pyramid over it. `morton` (one per feature) is consumed. */
cim_status lpg_points_build(struct lpg_features *features, uint64_t *morton,
                            struct lpg_points **ret_points, cim_error *err);
/* Takes a pyramid that was put together elsewhere, in order: morton, n and by_fid are set. */
cim_status lpg_points_index(struct lpg_points *points, const struct lpg_features *features,
                            cim_error *err);
/* The pyramid of the points that the view covers; `features` may be older than the view's. */
cim_status lpg_points_subset(const struct lpg_points *points, const struct lpg_features *features,
                             const struct lpg_view *view, struct lpg_points **ret_points,
                             cim_error *err);
/* The pyramid of n of the points, by their numbers, ascending. */
cim_status lpg_points_pick(const struct lpg_points *points, const struct lpg_features *features,
                           const uint32_t *picked, uint32_t n, struct lpg_points **ret_points,
                           cim_error *err);
/* Those of the points whose rows `others` has, too; both are pyramids of the same rows. */
cim_status lpg_points_meet(const struct lpg_points *points, const struct lpg_points *others,
                           const struct lpg_features *features, struct lpg_points **ret_points,
                           cim_error *err);
/* Row of a record in a pyramid with by_fid; UINT32_MAX when it is not there. */
uint32_t lpg_points_find(const struct lpg_points *points, const struct lpg_features *features,
                         int64_t fid);
void lpg_points_free(struct lpg_points *points); /* NULL-safe */

/* Draws tile (z, col, row). `all_visible`: the points are a subset already made for this view.
 * *ret_texts holds key texts that the tile borrows: free it after lpg_mvt_finish(). */
cim_status lpg_points_tile(const struct lpg_stack *stack, const struct lpg_view *view,
                           bool all_visible, uint32_t z, uint32_t col, uint32_t row,
                           struct lpg_mvt *mvt, char **ret_texts, cim_error *err);

/* How many points of a cell the view's areas hold; for sums and tests. */
uint64_t lpg_points_count(const struct lpg_stack *stack, const struct lpg_view *view,
                          bool all_visible, uint32_t z, uint32_t col, uint32_t row);

#endif
