/* plugin/map/points_cell.h -- finding the points of a cell; between points_tile.c and cluster.c,
 * which search in their innermost loops. */
#ifndef LPG_MAP_POINTS_CELL_H
#define LPG_MAP_POINTS_CELL_H

#include "map/points.h"

/* Bits set before position i. */
static inline uint32_t
lpg_bitmap_rank(const struct lpg_bitmap *bitmap, uint32_t i)
{
    const uint64_t below = (1ULL << (i % 64U)) - 1;
    return bitmap->rank[i / 64U] + (uint32_t)__builtin_popcountll(bitmap->words[i / 64U] & below);
}

/* First point of [begin, end) whose code is >= `code`. */
static inline uint32_t
lpg_points_lower_bound(const uint64_t *morton, uint32_t begin, uint32_t end, uint64_t code)
{
    while (begin < end) {
        const uint32_t middle = begin + (end - begin) / 2;
        if (morton[middle] < code) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

/* The points of a partition that lie in the cell: [*ret_begin, *ret_end). */
static inline void
lpg_points_cell_range(const struct lpg_points *points, uint32_t begin, uint32_t end, uint64_t first,
                      uint64_t last, uint32_t *ret_begin, uint32_t *ret_end)
{
    *ret_begin = lpg_points_lower_bound(points->morton, begin, end, first);
    *ret_end = last == UINT64_MAX
                   ? end
                   : lpg_points_lower_bound(points->morton, *ret_begin, end, last + 1);
}

static inline bool
lpg_partition_visible(const struct lpg_partition *partition, const struct lpg_view *view,
                      bool all_visible)
{
    return all_visible || view->area_state[partition->area] == LPG_AREA_VISIBLE;
}

/* First of the removed whose row is >= `row`. */
static inline uint32_t
lpg_points_removed_from(const struct lpg_points *removed, uint32_t row)
{
    uint32_t begin = 0;
    uint32_t end = removed->n;
    while (begin < end) {
        const uint32_t middle = begin + (end - begin) / 2;
        if (removed->row[middle] < row) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

static inline bool
lpg_points_is_removed(const struct lpg_points *removed, uint32_t row)
{
    const uint32_t at = lpg_points_removed_from(removed, row);
    return at < removed->n && removed->row[at] == row;
}

#endif
