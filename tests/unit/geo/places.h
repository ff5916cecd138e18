/* tests/unit/geo/places.h -- random positions all over Hainan and Sansha. */
#ifndef GEO_PLACES_H
#define GEO_PLACES_H

#include "geo/geodesic.h"
#include "support/unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static inline double
random_between(uint64_t *state, double low, double high)
{
    return low + (high - low) * (double)(unit_random(state) >> 11U) * 0x1p-53;
}

/* Three of four on the island, the rest from 西沙 down to 曾母暗沙. */
static inline void
random_place(uint64_t *state, double ret_deg[2])
{
    if (unit_random_below(state, 4) > 0) {
        ret_deg[0] = random_between(state, 108.6, 111.1);
        ret_deg[1] = random_between(state, 18.1, 20.2);
    } else {
        ret_deg[0] = random_between(state, 109.5, 118.0);
        ret_deg[1] = random_between(state, 3.5, 17.5);
    }
}

/* At most `reach_m` away. */
static inline void
random_near(uint64_t *state, const double at_deg[2], double reach_m, double ret_deg[2])
{
    lpg_geodesic_direct(at_deg, random_between(state, -180.0, 180.0),
                        random_between(state, 0.0, reach_m), ret_deg);
}

/* Least distance from p to the geodesic a-b, by golden sections: the distance falls, then grows. */
static inline double
brute_segment_m(const double a[2], const double b[2], const double p[2])
{
    const double golden = 0.6180339887498949;
    double azimuth_deg;
    const double length_m = lpg_geodesic_inverse_m(a, b, &azimuth_deg);
    double low = 0.0;
    double high = length_m;
    double q[2];
    double least = fmin(lpg_geodesic_inverse_m(a, p, NULL), lpg_geodesic_inverse_m(b, p, NULL));
    for (int i = 0; i < 60; i++) {
        const double left = high - golden * (high - low);
        const double right = low + golden * (high - low);
        double d_left;
        double d_right;
        lpg_geodesic_direct(a, azimuth_deg, left, q);
        d_left = lpg_geodesic_inverse_m(q, p, NULL);
        lpg_geodesic_direct(a, azimuth_deg, right, q);
        d_right = lpg_geodesic_inverse_m(q, p, NULL);
        least = fmin(least, fmin(d_left, d_right));
        if (d_left < d_right) {
            high = right;
        } else {
            low = left;
        }
    }
    return least;
}

#endif
