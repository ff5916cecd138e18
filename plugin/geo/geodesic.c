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
