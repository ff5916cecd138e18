#include "geo.h"

#include <math.h>
#include <stdlib.h>

#define M_PER_E6 0.111195
#define RAD      (3.14159265358979323846 / 180.0)

void
demo_geo_done(struct demo_geo *geo)
{
    for (size_t i = 0; i < geo->n_districts; i++) {
        free(geo->districts[i].band_edges);
    }
    free(geo->districts);
    free(geo->towns);
    free(geo->road_points);
    free(geo->road_start);
    *geo = (struct demo_geo){0};
}

static size_t
band_of(const struct demo_district *district, int32_t lat_e6)
{
    int64_t span = (int64_t)district->high.lat_e6 - district->low.lat_e6 + 1;
    int64_t band = ((int64_t)lat_e6 - district->low.lat_e6) * DEMO_BANDS / span;

    return (size_t)(band < 0 ? 0 : band >= DEMO_BANDS ? DEMO_BANDS - 1 : band);
}

int
demo_district_contains(const struct demo_district *district, struct demo_point point)
{
    size_t band;
    int inside = 0;

    if (point.lon_e6 < district->low.lon_e6 || point.lon_e6 > district->high.lon_e6 ||
        point.lat_e6 < district->low.lat_e6 || point.lat_e6 > district->high.lat_e6) {
        return 0;
    }
    band = band_of(district, point.lat_e6);
    for (size_t i = district->band_start[band]; i < district->band_start[band + 1]; i++) {
        const struct demo_edge *e = &district->band_edges[i];
        int64_t dx, dy, side;

        /* Half-open in latitude: a vertex belongs to one of its two edges. */
        if ((e->a.lat_e6 > point.lat_e6) == (e->b.lat_e6 > point.lat_e6)) {
            continue;
        }
        dx = (int64_t)e->b.lon_e6 - e->a.lon_e6;
        dy = (int64_t)e->b.lat_e6 - e->a.lat_e6;
        side = dx * (point.lat_e6 - e->a.lat_e6) - dy * (point.lon_e6 - e->a.lon_e6);
        if (dy < 0) {
            side = -side;
        }
        inside ^= side > 0;
    }
    return inside;
}

size_t
demo_geo_district_at(const struct demo_geo *geo, struct demo_point point)
{
    for (size_t i = 0; i < geo->n_districts; i++) {
        if (demo_district_contains(&geo->districts[i], point)) {
            return i;
        }
    }
    return geo->n_districts;
}

double
demo_distance_m(struct demo_point a, struct demo_point b)
{
    double mean_lat_deg = ((double)a.lat_e6 + b.lat_e6) / 2e6;
    double dx = ((double)b.lon_e6 - a.lon_e6) * cos(mean_lat_deg * RAD);
    double dy = (double)b.lat_e6 - a.lat_e6;

    return sqrt(dx * dx + dy * dy) * M_PER_E6;
}

struct demo_point
demo_move(struct demo_point from, double east_m, double north_m)
{
    double across = M_PER_E6 * cos(from.lat_e6 / 1e6 * RAD);

    return (struct demo_point){(int32_t)lround(from.lon_e6 + east_m / across),
                               (int32_t)lround(from.lat_e6 + north_m / M_PER_E6)};
}

size_t
demo_geo_nearest_town(const struct demo_geo *geo, size_t district, struct demo_point point)
{
    size_t best = geo->n_towns;
    double best_m = INFINITY;

    for (size_t i = 0; i < geo->n_towns; i++) {
        const struct demo_town *town = &geo->towns[i];
        double m;

        if (town->district != district || town->weight == 0) {
            continue;
        }
        m = demo_distance_m(town->centre, point);
        if (m < best_m) {
            best_m = m;
            best = i;
        }
    }
    return best;
}
