/* tests/unit/pictures/colours.c -- see colours.h. */
#include "colours.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/* From linear sRGB to linear sRGB. */
static const double sees[N_VISIONS][3][3] = {[SEES_ALL] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
                                             [PROTANOPE] = {{0.152286, 1.052583, -0.204868},
                                                            {0.114503, 0.786281, 0.099216},
                                                            {-0.003882, -0.048116, 1.051998}},
                                             [DEUTERANOPE] = {{0.367322, 0.860646, -0.227968},
                                                              {0.280085, 0.672501, 0.047413},
                                                              {-0.011820, 0.042940, 0.968881}}};

static double
linear(double v)
{
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double
cube(double t)
{
    return t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116;
}

static void
to_lab(const double rgb[3], enum vision vision, double lab[3])
{
    static const double xyz_of[3][3] = {{0.4124564, 0.3575761, 0.1804375},
                                        {0.2126729, 0.7151522, 0.0721750},
                                        {0.0193339, 0.1191920, 0.9503041}};
    static const double white[3] = {0.95047, 1, 1.08883};
    double seen[3] = {0};
    double f[3] = {0};
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) {
            seen[i] += sees[vision][i][k] * linear(rgb[k]);
        }
        seen[i] = fmax(0, fmin(1, seen[i]));
    }
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) {
            f[i] += xyz_of[i][k] * seen[k];
        }
        f[i] = cube(f[i] / white[i]);
    }
    lab[0] = 116 * f[1] - 16;
    lab[1] = 500 * (f[0] - f[1]);
    lab[2] = 200 * (f[1] - f[2]);
}

static double
hue_of(double a, double b)
{
    const double h = a == 0 && b == 0 ? 0 : atan2(b, a) * 180 / pi;
    return h < 0 ? h + 360 : h;
}

static double
rad(double deg)
{
    return deg * pi / 180;
}

double
colours_ciede2000(const double lab[2][3])
{
    double c[2];
    double h[2];
    const double mean = (hypot(lab[0][1], lab[0][2]) + hypot(lab[1][1], lab[1][2])) / 2;
    const double g = 0.5 * (1 - sqrt(pow(mean, 7) / (pow(mean, 7) + pow(25, 7))));
    for (int i = 0; i < 2; i++) {
        c[i] = hypot((1 + g) * lab[i][1], lab[i][2]);
        h[i] = hue_of((1 + g) * lab[i][1], lab[i][2]);
    }
    const int gray = c[0] * c[1] == 0;
    const double turn = gray ? 0 : remainder(h[1] - h[0], 360);
    const double dh = 2 * sqrt(c[0] * c[1]) * sin(rad(turn) / 2);
    double middle = gray ? h[0] + h[1] : (h[0] + h[1]) / 2;
    if (!gray && fabs(h[0] - h[1]) > 180) {
        middle += h[0] + h[1] < 360 ? 180 : -180;
    }
    const double l = (lab[0][0] + lab[1][0]) / 2 - 50;
    const double cm = (c[0] + c[1]) / 2;
    const double t = 1 - 0.17 * cos(rad(middle - 30)) + 0.24 * cos(rad(2 * middle)) +
                     0.32 * cos(rad(3 * middle + 6)) - 0.20 * cos(rad(4 * middle - 63));
    const double sl = 1 + 0.015 * l * l / sqrt(20 + l * l);
    const double sc = 1 + 0.045 * cm;
    const double sh = 1 + 0.015 * cm * t;
    const double around = (middle - 275) / 25;
    const double rt =
        -sin(rad(60 * exp(-around * around))) * 2 * sqrt(pow(cm, 7) / (pow(cm, 7) + pow(25, 7)));
    const double dl = (lab[1][0] - lab[0][0]) / sl;
    const double dc = (c[1] - c[0]) / sc;
    return sqrt(dl * dl + dc * dc + dh / sh * (dh / sh) + rt * dc * (dh / sh));
}

double
colours_apart(const double a[3], const double b[3], enum vision vision)
{
    double lab[2][3];
    to_lab(a, vision, lab[0]);
    to_lab(b, vision, lab[1]);
    return colours_ciede2000((const double(*)[3])lab);
}
