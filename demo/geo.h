/* demo/geo.h -- the built geography: county polygons, towns, road vertices.
 *
 * Coordinates are whole millionths of a degree, so that a point is tested exactly as it is written.
 */
#ifndef DEMO_GEO_H
#define DEMO_GEO_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DEMO_DISTRICTS_MAX = 200,
    DEMO_TOWNS_MAX = 5000,
    DEMO_EDGES_MAX = 4000000,
    DEMO_ROAD_POINTS_MAX = 4000000,
    DEMO_BANDS = 256,
    DEMO_CODE_TEXT = 16,
    DEMO_NAME_TEXT = 96,
    DEMO_PREFIX_TEXT = 256
};

struct demo_point {
    int32_t lon_e6;
    int32_t lat_e6;
};

struct demo_edge {
    struct demo_point a;
    struct demo_point b;
};

struct demo_district {
    char code[DEMO_CODE_TEXT];
    char name[DEMO_NAME_TEXT];
    char city[DEMO_NAME_TEXT]; /* name of the city above, empty for what hangs under the province */
    struct demo_point low;
    struct demo_point high;
    /* Edges that touch a band of latitude: band_edges[band_start[i] .. band_start[i + 1]). */
    size_t band_start[DEMO_BANDS + 1];
    struct demo_edge *band_edges;
};

struct demo_town {
    char code[DEMO_CODE_TEXT];
    char name[DEMO_NAME_TEXT];
    char label[DEMO_NAME_TEXT];    /* without 镇, 乡 or 街道: for names of stations and firms */
    char prefix[DEMO_PREFIX_TEXT]; /* 海南省 … town, the head of an address */
    size_t district;
    struct demo_point centre;
    uint32_t weight;
    int is_street; /* 街道 */
};

struct demo_geo {
    struct demo_district *districts;
    size_t n_districts;
    struct demo_town *towns;
    size_t n_towns;
    struct demo_point *road_points;
    size_t n_road_points;
    size_t *road_start; /* n_roads + 1: a road's first point */
    size_t n_roads;
};

/* Reads districts.geojson, towns.geojson, roads.geojson and areas.csv. `geo` starts zeroed;
 * whatever the result, demo_geo_done() frees it. */
int demo_geo_load(struct demo_geo *geo, const char *dir, struct demo_error *err);
void demo_geo_done(struct demo_geo *geo);

int demo_district_contains(const struct demo_district *district, struct demo_point point);
/* The district that holds the point, or n_districts. */
size_t demo_geo_district_at(const struct demo_geo *geo, struct demo_point point);
/* The town of that district nearest to the point; n_towns when it has none with people. */
size_t demo_geo_nearest_town(const struct demo_geo *geo, size_t district, struct demo_point point);
/* Metres, planar: good to a few parts in a thousand inside the province. */
double demo_distance_m(struct demo_point a, struct demo_point b);
/* The point moved by metres. */
struct demo_point demo_move(struct demo_point from, double east_m, double north_m);

#endif
