/* plugin/geo/plane.c -- see plane.h. */
#include "geo/plane.h"

#include <float.h>

#define SAGITTA_M 1e-4

double
lpg_plane_edge_max_m(const struct lpg_tm *tm, double x_m)
{
    enum { EDGE_MIN_M = 50, EDGE_MAX_M = 2000 };
    const double edge = sqrt(SAGITTA_M * 4.0 / (tm->inv_2r2_m2 * (fabs(x_m) + 1.0)));
    return fmin(fmax(edge, EDGE_MIN_M), EDGE_MAX_M);
}

double
lpg_segment_nearest(const double a[2], const double b[2], const double p[2])
{
    const double dx = b[0] - a[0];
    const double dy = b[1] - a[1];
    const double len2 = dx * dx + dy * dy;
    const double dot = (p[0] - a[0]) * dx + (p[1] - a[1]) * dy;
    if (!(dot > 0.0)) {
        return 0.0; /* also where a and b are one position */
    }
    return dot < len2 ? dot / len2 : 1.0;
}

double
lpg_segment_distance_m(const struct lpg_tm *tm, const double a[2], const double b[2],
                       const double p[2])
{
    const double t = lpg_segment_nearest(a, b, p);
    const double foot[2] = {a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])};
    return lpg_tm_distance_m(tm, foot, p);
}

/* Twice the signed area of the triangle: on which side of a-b p lies. */
static double
side(const double a[2], const double b[2], const double p[2])
{
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
}

static bool
cross(const double a[2], const double b[2], const double c[2], const double d[2])
{
    return side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0;
}

double
lpg_segments_distance_m(const struct lpg_tm *tm, const double a[2], const double b[2],
                        const double c[2], const double d[2])
{
    if (cross(a, b, c, d)) {
        return 0.0;
    }
    return fmin(fmin(lpg_segment_distance_m(tm, a, b, c), lpg_segment_distance_m(tm, a, b, d)),
                fmin(lpg_segment_distance_m(tm, c, d, a), lpg_segment_distance_m(tm, c, d, b)));
}

double
lpg_polyline_distance_m(const struct lpg_tm *tm, const double *xy, size_t n, const double p[2])
{
    double least = lpg_tm_distance_m(tm, xy, p);
    for (size_t i = 0; i + 1 < n; i++) {
        least = fmin(least, lpg_segment_distance_m(tm, xy + 2 * i, xy + 2 * i + 2, p));
    }
    return least;
}

bool
lpg_ring_contains(const double *xy, size_t n, const double p[2])
{
    bool inside = false;
    for (size_t i = 0, j = n - 1; i < n; j = i++) {
        const double *a = xy + 2 * j;
        const double *b = xy + 2 * i;
        const double turn = side(a, b, p);
        if (turn == 0.0 && p[0] >= fmin(a[0], b[0]) && p[0] <= fmax(a[0], b[0]) &&
            p[1] >= fmin(a[1], b[1]) && p[1] <= fmax(a[1], b[1])) {
            return true;
        }
        if ((a[1] > p[1]) != (b[1] > p[1]) && (turn > 0.0) == (b[1] > a[1])) {
            inside = !inside;
        }
    }
    return inside;
}

double
lpg_polygon_distance_m(const struct lpg_tm *tm, const struct lpg_ring *rings, size_t n_rings,
                       const double p[2])
{
    bool inside = false;
    double least = DBL_MAX;
    for (size_t i = 0; i < n_rings; i++) {
        inside = inside != lpg_ring_contains(rings[i].xy, rings[i].n, p);
        least = fmin(least, lpg_polyline_distance_m(tm, rings[i].xy, rings[i].n, p));
    }
    return inside ? 0.0 : least;
}

void
lpg_plane_degrees(const struct lpg_tm *tm, const double min[2], const double max[2], double reach_m,
                  double ret_deg[4])
{
    const double m_per_deg = 110000.0;          /* less than a degree of latitude anywhere */
    const double reach = reach_m * 1.001 + 1.0; /* more than the plane's scale */
    const double x[2] = {min[0] - reach, max[0] + reach};
    const double y[2] = {min[1] - reach, max[1] + reach};
    const double half = fmax(x[1] - x[0], y[1] - y[0]);
    /* between its corners a side of the box bends by less than this */
    const double bend_m = half * half * tm->inv_2r2_m2 * 6.4e6 + 1.0;
    for (int i = 0; i < 4; i++) {
        double p[2];
        lpg_tm_inverse(tm, x[i % 2], y[i / 2], p);
        ret_deg[0] = i == 0 ? p[0] : fmin(ret_deg[0], p[0]);
        ret_deg[1] = i == 0 ? p[1] : fmin(ret_deg[1], p[1]);
        ret_deg[2] = i == 0 ? p[0] : fmax(ret_deg[2], p[0]);
        ret_deg[3] = i == 0 ? p[1] : fmax(ret_deg[3], p[1]);
    }
    /* below 60° a degree of longitude is at least half one of latitude */
    ret_deg[0] -= bend_m * 2.0 / m_per_deg;
    ret_deg[1] -= bend_m / m_per_deg;
    ret_deg[2] += bend_m * 2.0 / m_per_deg;
    ret_deg[3] += bend_m / m_per_deg;
}
