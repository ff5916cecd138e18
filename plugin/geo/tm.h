/* plugin/geo/tm.h -- a transverse Mercator plane of CGCS2000 with scale 1 on its own meridian.
 *
 * Put the origin into the work area: x is metres east of the origin's meridian, y metres north of
 * its parallel along that meridian. Krüger's series to the fourth order in the third flattening
 * (L. Krüger 1912; C. F. F. Karney, "Transverse Mercator with an accuracy of a few nanometers",
 * J. Geodesy 85, 2011).
 *
 * Error bounds, held to PROJ by tests: positions within 1000 km of the meridian and below 60° are
 * right to 5 um, there and back. The plane is conformal; its scale is not 1 away from the meridian
 * (1 + 1.2e-4 at 100 km): lengths go through lpg_tm_distance_m() of plane.h, which takes it out.
 */
#ifndef LPG_GEO_TM_H
#define LPG_GEO_TM_H

struct lpg_tm {
    double lon_deg; /* of the origin */
    double lat_deg;
    double y0_m;       /* of the origin's parallel, from the equator */
    double inv_2r2_m2; /* 1 / (2 R²), R² the product of both radii of curvature at the origin */
};

/* Origin within -180…180 and -89…89 degrees. */
void lpg_tm_init(struct lpg_tm *tm, double lon_deg, double lat_deg);
/* Positions within 40 degrees of the meridian. [any] */
void lpg_tm_forward(const struct lpg_tm *tm, double lon_deg, double lat_deg, double ret_xy_m[2]);
void lpg_tm_inverse(const struct lpg_tm *tm, double x_m, double y_m, double ret_lonlat_deg[2]);

/* Mean of the scale along the straight line between two easts. */
static inline double
lpg_tm_scale(const struct lpg_tm *tm, double x1_m, double x2_m)
{
    const double q = (x1_m * x1_m + x1_m * x2_m + x2_m * x2_m) * (1.0 / 3.0) * tm->inv_2r2_m2;
    return 1.0 + q * (1.0 + q * (1.0 / 6.0));
}

#endif
