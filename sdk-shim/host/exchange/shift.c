/* host/exchange/shift.c -- GCJ-02 and BD-09, the offsets of Chinese map services, and their
 * undoing.
 *
 * GCJ-02 bends positions within China by 300 to 600 m; BD-09 is a second bend on top. Neither has a
 * closed inverse, but both are nearly a shift, so correcting by the error of the forward formula
 * converges fast. CGCS2000 and WGS 84 are one here. */
#include "host/exchange/source.h"

#include <math.h>

static const double pi = 3.14159265358979323846;
static const double axis_m = 6378245.0; /* Krasovsky 1940, as GCJ-02 has it */
static const double eccentricity2 = 0.00669342162296594323;
enum { ROUNDS_MAX = 40 };

/* Three sines of falling frequency, as both offsets have them. */
static double
waves(double t, double a, double b, double c, double d)
{
    return (20.0 * sin(t * pi) + a * sin(t / 3.0 * pi)) * 2.0 / 3.0 +
           (b * sin(t / 12.0 * pi) + c * sin(t * pi / d)) * 2.0 / 3.0;
}

static double
ripple(double x)
{
    return (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0;
}

/* Offsets are defined within China's bounding box only. */
static int
in_china(double lon_deg, double lat_deg)
{
    return lon_deg >= 72.004 && lon_deg <= 137.8347 && lat_deg >= 0.8293 && lat_deg <= 55.8271;
}

void
host_shift_to_gcj02(double lon_deg, double lat_deg, double ret[2])
{
    const double x = lon_deg - 105.0;
    const double y = lat_deg - 35.0;
    const double lat_rad = lat_deg * pi / 180.0;
    const double w2 = 1.0 - eccentricity2 * sin(lat_rad) * sin(lat_rad);
    const double w = sqrt(w2);
    double north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(fabs(x));
    double east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(fabs(x));
    ret[0] = lon_deg;
    ret[1] = lat_deg;
    if (!in_china(lon_deg, lat_deg)) {
        return;
    }
    north += ripple(x) + waves(y, 40.0, 160.0, 320.0, 30.0);
    east += ripple(x) + waves(x, 40.0, 150.0, 300.0, 30.0);
    ret[0] += east * 180.0 / (axis_m / w * cos(lat_rad) * pi);
    ret[1] += north * 180.0 / (axis_m * (1.0 - eccentricity2) / (w2 * w) * pi);
}

void
host_shift_to_bd09(double lon_deg, double lat_deg, double ret[2])
{
    const double turn = pi * 3000.0 / 180.0;
    double gcj[2];
    double radius = 0;
    double angle = 0;
    host_shift_to_gcj02(lon_deg, lat_deg, gcj);
    radius = hypot(gcj[0], gcj[1]) + 0.00002 * sin(gcj[1] * turn);
    angle = atan2(gcj[1], gcj[0]) + 0.000003 * cos(gcj[0] * turn);
    ret[0] = radius * cos(angle) + 0.0065;
    ret[1] = radius * sin(angle) + 0.006;
}

static void
undo(void (*forward)(double, double, double *), double lon_deg, double lat_deg, double ret[2])
{
    double at[2] = {lon_deg, lat_deg};
    for (int round = 0; round < ROUNDS_MAX; round++) {
        double there[2];
        double off[2];
        forward(at[0], at[1], there);
        off[0] = lon_deg - there[0];
        off[1] = lat_deg - there[1];
        at[0] += off[0];
        at[1] += off[1];
        if (fabs(off[0]) < 1e-12 && fabs(off[1]) < 1e-12) {
            break;
        }
    }
    ret[0] = at[0];
    ret[1] = at[1];
}

void
host_shift_from_gcj02(double lon_deg, double lat_deg, double ret[2])
{
    undo(host_shift_to_gcj02, lon_deg, lat_deg, ret);
}

void
host_shift_from_bd09(double lon_deg, double lat_deg, double ret[2])
{
    undo(host_shift_to_bd09, lon_deg, lat_deg, ret);
}
