/* plugin/geo/geodesic.h -- geodesics on the CGCS2000 ellipsoid (EPSG:1024: a 6378137 m,
 * 1/f 298.257222101), by the series of C. F. F. Karney, "Algorithms for geodesics", J. Geodesy 87
 * (2013), as PROJ ships them: right to 15 nm. No state, no context: any thread.
 *
 * Positions are longitude, latitude in degrees, in that order; azimuths clockwise from north.
 */
#ifndef LPG_GEO_GEODESIC_H
#define LPG_GEO_GEODESIC_H

#include <stddef.h>

#define LPG_CGCS2000_A_M 6378137.0
#define LPG_CGCS2000_F   (1.0 / 298.257222101)

/* Length of the geodesic. ret_azimuth_deg, at the first position, may be NULL. [any] */
double lpg_geodesic_inverse_m(const double from_deg[2], const double to_deg[2],
                              double *ret_azimuth_deg);
/* The position `length_m` along the geodesic that starts in this direction. [any] */
void lpg_geodesic_direct(const double from_deg[2], double azimuth_deg, double length_m,
                         double ret_to_deg[2]);
/* Of a ring of n positions (the first is not repeated) whose edges are geodesics, either way round;
 * at most half of the earth. [any] */
double lpg_geodesic_area_m2(const double *lonlat_deg, size_t n);

#endif
