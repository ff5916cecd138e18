/* plugin/geo/plane.h -- distances in metres between positions of one local plane (tm.h).
 *
 * Everything is in the x, y of the plane; results are metres on the ellipsoid, the plane's scale
 * taken out. A straight line of the plane stands for the geodesic between its ends: it leaves it by
 * at most s² |x| / (8 R²), 0.1 mm for 500 m within 100 km of the meridian, so longer edges are
 * split along the geodesic first (lpg_plane_edge_max_m() says how long, chain.h does it).
 *
 * Error bounds, held to geodesics and to brute force by tests: with edges split so, within 200 km
 * of the plane's meridian and 1000 km of its parallel, 1 mm at up to 1 km and 1 cm at up to 10 km.
 */
#ifndef LPG_GEO_PLANE_H
#define LPG_GEO_PLANE_H

#include "geo/tm.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Length of the geodesic between two positions. [any] */
static inline double
lpg_tm_distance_m(const struct lpg_tm *tm, const double a[2], const double b[2])
{
    const double dx = b[0] - a[0];
    const double dy = b[1] - a[1];
    return sqrt(dx * dx + dy * dy) / lpg_tm_scale(tm, a[0], b[0]);
}

/* Longest edge whose straight line stays within 0.1 mm of the geodesic, up to `x_m` off the
 * meridian. */
double lpg_plane_edge_max_m(const struct lpg_tm *tm, double x_m);

/* Share of the way from a to b, 0…1, of the position nearest to p. */
double lpg_segment_nearest(const double a[2], const double b[2], const double p[2]);
double lpg_segment_distance_m(const struct lpg_tm *tm, const double a[2], const double b[2],
                              const double p[2]);
/* 0 when the segments meet. */
double lpg_segments_distance_m(const struct lpg_tm *tm, const double a[2], const double b[2],
                               const double c[2], const double d[2]);
/* `n` >= 1 positions, xy pairs. */
double lpg_polyline_distance_m(const struct lpg_tm *tm, const double *xy, size_t n,
                               const double p[2]);
/* Even-odd: true inside or on the border. The ring need not repeat its first position. */
bool lpg_ring_contains(const double *xy, size_t n, const double p[2]);

/* west, south, east, north of a box in degrees that holds everything within `reach_m` of a box of
 * the plane; below 60°. */
void lpg_plane_degrees(const struct lpg_tm *tm, const double min[2], const double max[2],
                       double reach_m, double ret_deg[4]);

/* Rings of one polygon: the outer one, then holes, each closed. */
struct lpg_ring {
    const double *xy;
    size_t n;
};
/* 0 inside and on the border; in a hole the distance to its edge. */
double lpg_polygon_distance_m(const struct lpg_tm *tm, const struct lpg_ring *rings, size_t n_rings,
                              const double p[2]);

#endif
