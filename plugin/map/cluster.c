/* plugin/map/cluster.c -- see cluster.h. */
#include "map/cluster.h"

#include "geo/mercator.h"
#include "map/points_cell.h"

#include <math.h>

enum { ZOOM_SHIFT = 40, CELL_ZOOM_MAX = LPG_POINTS_SINGLE_ZOOM - 1 + LPG_CLUSTER_LEVELS };

bool
lpg_cluster_cell(int64_t id, uint64_t *ret_first, uint64_t *ret_last)
{
    const uint64_t own = (uint64_t)id & ~(UINT64_C(1) << LPG_CLUSTER_DEGREES_SHIFT);
    const uint64_t z = own >> ZOOM_SHIFT;
    const uint64_t place = (uint64_t)id & ((1ULL << ZOOM_SHIFT) - 1);
    if (id < 0 || z < LPG_CLUSTER_LEVELS || z > CELL_ZOOM_MAX || place >> (2 * z) != 0) {
        return false;
    }
    *ret_first = place << (64 - 2 * z);
    *ret_last = *ret_first + (UINT64_MAX >> (2 * z));
    return true;
}

/* The points of one partition in the cell, less those that were removed. */
struct range {
    const struct lpg_points *points;
    const struct lpg_features *features;
    const struct lpg_points *removed; /* NULL: none was */
    uint32_t begin;
    uint32_t end;
};

static bool
is_left(const struct range *range, uint32_t i)
{
    return range->removed == NULL ||
           !lpg_points_is_removed(range->removed, lpg_points_row(range->points, i));
}

static uint64_t
count_left(const struct range *range)
{
    const uint64_t n = range->end - range->begin;
    if (range->removed == NULL || n == 0) {
        return n;
    }
    return n -
           (lpg_points_removed_from(range->removed,
                                    lpg_points_row(range->points, range->end - 1) + 1) -
            lpg_points_removed_from(range->removed, lpg_points_row(range->points, range->begin)));
}

struct reading {
    uint64_t least; /* code of the first and last point */
    uint64_t greatest;
    uint64_t skip;
    uint32_t limit;
    struct lpg_cluster *cluster;
};

/* The ends of a range that has points left. */
static void
stretch(struct reading *reading, const struct range *range)
{
    uint32_t first = range->begin;
    uint32_t last = range->end - 1;
    while (!is_left(range, first)) {
        first++;
    }
    while (!is_left(range, last)) {
        last--;
    }
    if (range->points->morton[first] < reading->least) {
        reading->least = range->points->morton[first];
    }
    if (range->points->morton[last] > reading->greatest) {
        reading->greatest = range->points->morton[last];
    }
}

static void
list(struct reading *reading, const struct range *range, uint64_t n_left)
{
    struct lpg_cluster *cluster = reading->cluster;
    if (reading->skip >= n_left) {
        reading->skip -= n_left;
        return;
    }
    for (uint32_t i = range->begin; i < range->end && cluster->n < reading->limit; i++) {
        if (!is_left(range, i)) {
            continue;
        }
        if (reading->skip > 0) {
            reading->skip--;
        } else {
            cluster->fids[cluster->n++] = range->features->fid[lpg_points_row(range->points, i)];
        }
    }
}

static void
read_partitions(struct reading *reading, struct range range, const struct lpg_view *view,
                bool all_visible, uint64_t first, uint64_t last)
{
    for (uint32_t p = 0; range.points != NULL && p < range.points->n_partitions; p++) {
        const struct lpg_partition *partition = &range.points->partitions[p];
        if (!lpg_partition_visible(partition, view, all_visible)) {
            continue;
        }
        lpg_points_cell_range(range.points, partition->begin, partition->end, first, last,
                              &range.begin, &range.end);
        const uint64_t n_left = count_left(&range);
        if (n_left > 0) {
            reading->cluster->count += n_left;
            stretch(reading, &range);
            list(reading, &range, n_left);
        }
    }
}

/* Longitude and latitude of a corner of the quadtree, whose positions fill 32 bits. */
static void
corner(bool degrees, uint64_t x, uint64_t y, double *ret_lon_deg, double *ret_lat_deg)
{
    const double full = 4294967296.0;
    *ret_lon_deg = (double)x / full * 360.0 - 180.0;
    *ret_lat_deg = degrees ? 90.0 - (double)y / full * 360.0
                           : atan(sinh(M_PI * (1.0 - 2.0 * (double)y / full))) * 180.0 / M_PI;
}

/* The smallest cell that both codes lie in, and the zoom of the tiles that draw them apart. */
static void
bound(const struct reading *reading, bool degrees)
{
    struct lpg_cluster *cluster = reading->cluster;
    const uint64_t differ = reading->least ^ reading->greatest;
    const uint32_t level = differ == 0 ? 32 : (uint32_t)__builtin_clzll(differ) / 2;
    const uint64_t size = 1ULL << (32 - level);
    uint32_t x;
    uint32_t y;
    lpg_morton_split(reading->least, &x, &y);
    const uint64_t west = x & ~(size - 1);
    const uint64_t north = y & ~(size - 1);
    corner(degrees, west, north + size, &cluster->bbox_deg[0], &cluster->bbox_deg[1]);
    corner(degrees, west + size, north, &cluster->bbox_deg[2], &cluster->bbox_deg[3]);
    const uint32_t apart = level + 1 - LPG_CLUSTER_LEVELS;
    cluster->zoom = apart < LPG_POINTS_SINGLE_ZOOM ? apart : LPG_POINTS_SINGLE_ZOOM;
}

void
lpg_points_cluster(const struct lpg_stack *stack, const struct lpg_view *view, bool all_visible,
                   uint64_t first, uint64_t last, uint64_t skip, uint32_t limit,
                   struct lpg_cluster *ret_cluster)
{
    struct reading reading = {.least = UINT64_MAX, .skip = skip, .cluster = ret_cluster};
    reading.limit = limit < LPG_CLUSTER_PAGE_MAX ? limit : LPG_CLUSTER_PAGE_MAX;
    ret_cluster->count = 0;
    ret_cluster->n = 0;
    ret_cluster->zoom = LPG_POINTS_SINGLE_ZOOM;
    read_partitions(&reading,
                    (struct range){.points = stack->points,
                                   .features = stack->features,
                                   .removed = stack->removed},
                    view, all_visible, first, last);
    read_partitions(&reading, (struct range){.points = stack->added, .features = stack->newer},
                    view, all_visible, first, last);
    if (ret_cluster->count > 0) {
        bound(&reading, stack->features->degrees);
    }
}
