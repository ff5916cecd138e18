/* plugin/map/cluster.h -- what a cluster of a tile stands for: how many records, where they lie,
 * from which zoom on they are drawn apart, and which they are.
 *
 * A cluster is a cell of the quadtree, named by its id: 5 bits of the cell's zoom from bit 40 on,
 * below them its place in Morton order. So the answer needs no memory of the tile that it came
 * from, and counts what the caller may see now.
 */
#ifndef LPG_MAP_CLUSTER_H
#define LPG_MAP_CLUSTER_H

#include "map/points.h"

enum { LPG_CLUSTER_PAGE_MAX = 1000 };

struct lpg_cluster {
    uint64_t count;
    /* Of tiles in which they no longer are one symbol; LPG_POINTS_SINGLE_ZOOM at most, where every
     * record has its own. */
    uint32_t zoom;
    double bbox_deg[4]; /* west, south, east, north of the smallest cell that holds them all */
    uint32_t n;         /* of the page */
    int64_t fids[LPG_CLUSTER_PAGE_MAX]; /* in an order that stays while nothing changes */
};

/* Bit 45 of the ids of the grids in degrees. */
enum { LPG_CLUSTER_DEGREES_SHIFT = 45 };
static inline bool
lpg_cluster_is_degrees(int64_t id)
{
    return ((uint64_t)id >> LPG_CLUSTER_DEGREES_SHIFT & 1U) != 0;
}

/* The cell of an id as tiles carry it, as its first and last Morton code; false: no such id. */
bool lpg_cluster_cell(int64_t id, uint64_t *ret_first, uint64_t *ret_last);
/* `skip` records are left out before a page of at most `limit`. Costs a few searches per area and
 * the page, however many records there are. A cell without records has count 0. */
void lpg_points_cluster(const struct lpg_stack *stack, const struct lpg_view *view,
                        bool all_visible, uint64_t first, uint64_t last, uint64_t skip,
                        uint32_t limit, struct lpg_cluster *ret_cluster);

#endif
