/* plugin/geo/rtree.h -- a packed R-tree over boxes, built once (sort-tile-recursive: Leutenegger,
 * Lopez, Edgington 1997).
 *
 * The coordinates are whatever plane the caller uses. Boxes are kept as floats rounded outward, so
 * a query finds at least what meets it (near 110° up to 1 m more): check what it gives. About 23
 * bytes an item. Read-only once built: any thread.
 */
#ifndef LPG_GEO_RTREE_H
#define LPG_GEO_RTREE_H

#include "cim/base.h"

struct lpg_rtree;

/* west, south, east, north of item i; a box with west > east is of no item and is left out. */
typedef void (*lpg_rtree_box_fn)(void *arg, uint32_t i, double ret_box[4]);

cim_status lpg_rtree_build(uint32_t n, lpg_rtree_box_fn box, void *arg, struct lpg_rtree **ret_tree,
                           cim_error *err);
void lpg_rtree_free(struct lpg_rtree *tree); /* NULL-safe */
size_t lpg_rtree_bytes(const struct lpg_rtree *tree);

/* Calls found() for each item whose box meets this one; a non-zero answer ends the search. In no
 * order that means anything, but the same each time. */
typedef int (*lpg_rtree_found_fn)(void *arg, uint32_t i);
void lpg_rtree_search(const struct lpg_rtree *tree, const double box[4], lpg_rtree_found_fn found,
                      void *arg);

/* The item with the least distance2(arg, i), which must never be less than the square of the
 * distance from (x, y) to the item's box. The one with the lowest number among equals. -1 for an
 * empty tree. NULL: the distance to the box itself. */
typedef double (*lpg_rtree_distance2_fn)(void *arg, uint32_t i);
int64_t lpg_rtree_nearest(const struct lpg_rtree *tree, double x, double y,
                          lpg_rtree_distance2_fn distance2, void *arg);

#endif
