/* plugin/geo/tm.c -- see tm.h. */
#include "geo/tm.h"

#include "geo/geodesic.h"

#include <math.h>

#define DEG2RAD (3.14159265358979323846 / 180.0)

/* The third flattening and what follows from it; powers up to the fourth. */
#define N1 (LPG_CGCS2000_F / (2.0 - LPG_CGCS2000_F))
#define N2 (N1 * N1)
#define N3 (N2 * N1)
#define N4 (N2 * N2)
#define E2 (LPG_CGCS2000_F * (2.0 - LPG_CGCS2000_F))
/* Radius of the sphere whose meridian is as long as the ellipsoid's. */
#define RECTIFYING_M (LPG_CGCS2000_A_M / (1.0 + N1) * (1.0 + N2 / 4.0 + N4 / 64.0))

enum { ORDER = 4 };

static const double to_conformal[ORDER] = {
    -2.0 * N1 + 2.0 / 3.0 * N2 + 4.0 / 3.0 * N3 - 82.0 / 45.0 * N4,
    5.0 / 3.0 * N2 - 16.0 / 15.0 * N3 - 13.0 / 9.0 * N4, -26.0 / 15.0 * N3 + 34.0 / 21.0 * N4,
    1237.0 / 630.0 * N4};
static const double from_conformal[ORDER] = {
    2.0 * N1 - 2.0 / 3.0 * N2 - 2.0 * N3 + 116.0 / 45.0 * N4,
    7.0 / 3.0 * N2 - 8.0 / 5.0 * N3 - 227.0 / 45.0 * N4, 56.0 / 15.0 * N3 - 136.0 / 35.0 * N4,
    4279.0 / 630.0 * N4};
static const double to_plane[ORDER] = {
    N1 / 2.0 - 2.0 / 3.0 * N2 + 5.0 / 16.0 * N3 + 41.0 / 180.0 * N4,
    13.0 / 48.0 * N2 - 3.0 / 5.0 * N3 + 557.0 / 1440.0 * N4, 61.0 / 240.0 * N3 - 103.0 / 140.0 * N4,
    49561.0 / 161280.0 * N4};
static const double from_plane[ORDER] = {
    N1 / 2.0 - 2.0 / 3.0 * N2 + 37.0 / 96.0 * N3 - 1.0 / 360.0 * N4,
    1.0 / 48.0 * N2 + 1.0 / 15.0 * N3 - 437.0 / 1440.0 * N4, 17.0 / 480.0 * N3 - 37.0 / 840.0 * N4,
    4397.0 / 161280.0 * N4};

/* Sum of c[j] sin(2 (j + 1) z) for the complex z = u + i v, given the sine and cosine of 2u and the
 * hyperbolic ones of 2v (Clenshaw). */
static void
clenshaw(const double c[ORDER], double sin2u, double cos2u, double sinh2v, double cosh2v,
         double ret_sum[2])
{
    const double re = 2.0 * cos2u * cosh2v; /* 2 cos(2z) */
    const double im = -2.0 * sin2u * sinh2v;
    double b1_re = 0.0;
    double b1_im = 0.0;
    double b2_re = 0.0;
    double b2_im = 0.0;
    for (int j = ORDER - 1; j >= 0; j--) {
        const double b0_re = re * b1_re - im * b1_im - b2_re + c[j];
        const double b0_im = re * b1_im + im * b1_re - b2_im;
        b2_re = b1_re;
        b2_im = b1_im;
        b1_re = b0_re;
        b1_im = b0_im;
    }
    /* times sin(2z) */
    ret_sum[0] = sin2u * cosh2v * b1_re - cos2u * sinh2v * b1_im;
    ret_sum[1] = sin2u * cosh2v * b1_im + cos2u * sinh2v * b1_re;
}

/* The same for real z. */
static double
clenshaw_real(const double c[ORDER], double sin2u, double cos2u)
{
    double b1 = 0.0;
    double b2 = 0.0;
    for (int j = ORDER - 1; j >= 0; j--) {
        const double b0 = 2.0 * cos2u * b1 - b2 + c[j];
        b2 = b1;
        b1 = b0;
    }
    return sin2u * b1;
}

/* x and y in radians of the rectifying sphere. */
static void
project(double lon_rad, double lat_rad, double ret_xy_rad[2])
{
    const double s = sin(lat_rad);
    const double c = cos(lat_rad);
    const double turn = clenshaw_real(to_conformal, 2.0 * s * c, c * c - s * s);
    /* sine and cosine of the small angle between geodetic and conformal latitude, |turn| < 0.004 */
    const double t2 = turn * turn;
    const double sin_turn = turn * (1.0 - t2 / 6.0 * (1.0 - t2 / 20.0));
    const double cos_turn = 1.0 - t2 / 2.0 * (1.0 - t2 / 12.0);
    const double up = s * cos_turn + c * sin_turn;
    const double flat = c * cos_turn - s * sin_turn;
    const double out = flat * cos(lon_rad);
    const double east = flat * sin(lon_rad);
    const double rest = 1.0 - east * east;
    double sum[2];
    clenshaw(to_plane, 2.0 * up * out / rest, (out * out - up * up) / rest, 2.0 * east / rest,
             (1.0 + east * east) / rest, sum);
    ret_xy_rad[0] = atanh(east) + sum[1];
    ret_xy_rad[1] = atan2(up, out) + sum[0];
}

void
lpg_tm_init(struct lpg_tm *tm, double lon_deg, double lat_deg)
{
    const double s = sin(lat_deg * DEG2RAD);
    const double w = 1.0 - E2 * s * s;
    double xy_rad[2];
    tm->lon_deg = lon_deg;
    tm->lat_deg = lat_deg;
    /* R² = a² (1 - e²) / (1 - e² sin² φ)² */
    tm->inv_2r2_m2 = w * w / (2.0 * LPG_CGCS2000_A_M * LPG_CGCS2000_A_M * (1.0 - E2));
    project(0.0, lat_deg * DEG2RAD, xy_rad);
    tm->y0_m = RECTIFYING_M * xy_rad[1];
}

void
lpg_tm_forward(const struct lpg_tm *tm, double lon_deg, double lat_deg, double ret_xy_m[2])
{
    double xy_rad[2];
    project((lon_deg - tm->lon_deg) * DEG2RAD, lat_deg * DEG2RAD, xy_rad);
    ret_xy_m[0] = RECTIFYING_M * xy_rad[0];
    ret_xy_m[1] = RECTIFYING_M * xy_rad[1] - tm->y0_m;
}

void
lpg_tm_inverse(const struct lpg_tm *tm, double x_m, double y_m, double ret_lonlat_deg[2])
{
    const double u = (y_m + tm->y0_m) / RECTIFYING_M;
    const double v = x_m / RECTIFYING_M;
    double sum[2];
    double up;
    double out;
    double east;
    double chi;
    clenshaw(from_plane, sin(2.0 * u), cos(2.0 * u), sinh(2.0 * v), cosh(2.0 * v), sum);
    up = sin(u - sum[0]) / cosh(v - sum[1]);
    out = cos(u - sum[0]);
    east = sinh(v - sum[1]);
    chi = asin(up);
    ret_lonlat_deg[0] = tm->lon_deg + atan2(east, out) / DEG2RAD;
    ret_lonlat_deg[1] =
        (chi + clenshaw_real(from_conformal, sin(2.0 * chi), cos(2.0 * chi))) / DEG2RAD;
}
