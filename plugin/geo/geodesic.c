/* plugin/geo/geodesic.c -- see geodesic.h. */
#include "geo/geodesic.h"

#include <geodesic.h>
#include <pthread.h>

static struct geod_geodesic cgcs2000;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
init_cgcs2000(void)
{
    geod_init(&cgcs2000, LPG_CGCS2000_A_M, LPG_CGCS2000_F);
}

static const struct geod_geodesic *
ellipsoid(void)
{
    (void)pthread_once(&once, init_cgcs2000); /* read only from then on */
    return &cgcs2000;
}

double
lpg_geodesic_inverse_m(const double from_deg[2], const double to_deg[2], double *ret_azimuth_deg)
{
    double length_m = 0.0;
    geod_inverse(ellipsoid(), from_deg[1], from_deg[0], to_deg[1], to_deg[0], &length_m,
                 ret_azimuth_deg, NULL);
    return length_m;
}

void
lpg_geodesic_direct(const double from_deg[2], double azimuth_deg, double length_m,
                    double ret_to_deg[2])
{
    geod_direct(ellipsoid(), from_deg[1], from_deg[0], azimuth_deg, length_m, &ret_to_deg[1],
                &ret_to_deg[0], NULL);
}

double
lpg_geodesic_area_m2(const double *lonlat_deg, size_t n)
{
    struct geod_polygon ring;
    double m2 = 0.0;
    geod_polygon_init(&ring, 0);
    for (size_t i = 0; i < n; i++) {
        geod_polygon_addpoint(ellipsoid(), &ring, lonlat_deg[2 * i + 1], lonlat_deg[2 * i]);
    }
    (void)geod_polygon_compute(ellipsoid(), &ring, 0, 1, &m2, NULL);
    return m2 < 0.0 ? -m2 : m2;
}
