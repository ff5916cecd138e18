/* plugin/map/points_cell.h -- finding the points of a cell; between points_tile.c and cluster.c,
 * which search in their innermost loops. */
#ifndef LPG_MAP_POINTS_CELL_H
#define LPG_MAP_POINTS_CELL_H

#include "map/points.h"

/* Bits set in the word; the plain instruction set has no instruction for it, and a call for each
 * costs more than all else that a rank takes. */
static inline uint32_t
lpg_bits_set(uint64_t word)
{
    word -= word >> 1U & 0x5555555555555555U;
    word = (word & 0x3333333333333333U) + (word >> 2U & 0x3333333333333333U);
    word = (word + (word >> 4U)) & 0x0F0F0F0F0F0F0F0FU;
    return (uint32_t)((word * 0x0101010101010101U) >> 56U);
}

/* How many of the points before the i-th have the value, which is not 0. */
static inline uint32_t
lpg_counted_rank(const struct lpg_counted *counted, uint32_t value, uint32_t i)
{
    const size_t at = (size_t)(i / LPG_POINTS_BLOCK) * (counted->n_values - 1) + value - 1;
    const uint64_t below = (1ULL << (i % LPG_POINTS_BLOCK)) - 1;
    return counted->ranks[at] + lpg_bits_set(counted->words[at] & below);
}

/* First point of [begin, end) whose code is >= `code`; the codes there ascend. Among the first
 * codes of blocks, then within one block: a search through all codes would wait for memory at
 * nearly every step. */
static inline uint32_t
lpg_points_lower_bound(const struct lpg_points *points, uint32_t begin, uint32_t end, uint64_t code)
{
    uint32_t block = begin / LPG_POINTS_BLOCK + 1; /* the first that begins after `begin` */
    uint32_t block_end = end / LPG_POINTS_BLOCK + (end % LPG_POINTS_BLOCK != 0 ? 1 : 0);
    while (block < block_end) {
        const uint32_t middle = block + (block_end - block) / 2;
        if (points->block_morton[middle] < code) {
            block = middle + 1;
        } else {
            block_end = middle;
        }
    }
    const uint64_t least = (uint64_t)(block - 1) * LPG_POINTS_BLOCK;
    begin = least > begin ? (uint32_t)least : begin;
    end = least + LPG_POINTS_BLOCK < end ? (uint32_t)least + LPG_POINTS_BLOCK : end;
    while (begin < end) {
        const uint32_t middle = begin + (end - begin) / 2;
        if (points->morton[middle] < code) {
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
    *ret_begin = lpg_points_lower_bound(points, begin, end, first);
    *ret_end = last == UINT64_MAX ? end : lpg_points_lower_bound(points, *ret_begin, end, last + 1);
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
