/* plugin/analysis/service_area.c -- lpg.service-area: what lies within so many metres or minutes of
 * stations along the roads, or as the crow flies, and whom that serves. */
#include "analysis/input_sources.h"
#include "analysis/json_io.h"
#include "analysis/routing.h"
#include "analysis/shape_join.h"
#include "analysis/shapes.h"
#include "analysis/siting.h"
#include "cim/util.h"
#include "geo/plane.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES_MAX = 10, FACILITIES_MAX = 2000, DEMANDS_MAX = 500000, RESULT_MAX = 64 << 20 };

enum by { BY_LENGTH, BY_TIME, BY_STRAIGHT };

struct facility {
    struct lpg_stop stop;
    double lonlat_deg[2];
    double xy[2];
    const char *id; /* borrowed from the inputs or the stations; NULL */
    const char *name;
    double served[RANGES_MAX];
};

struct area {
    struct lpg_routing *routing;
    const cim_call *call;
    struct json_object *inputs;
    enum by by;
    bool toward;
    double width_m;
    size_t n_ranges;
    double ranges[RANGES_MAX];  /* as given, ascending */
    int64_t limits[RANGES_MAX]; /* mm or ms */
    struct lpg_routing_run with;
    struct lpg_sites_view stations;
    struct lpg_sites_view users;
    struct lpg_tm tm;
    size_t n_facilities, facilities_capacity;
    struct facility *facilities;
    struct lpg_stop *stops; /* of the facilities */
    struct lpg_reach reach;
    size_t n_demands;
    double total;
    double off_road;
    double served[RANGES_MAX];
    GEOSContextHandle_t geos;
    cim_status status;
    cim_error *err;
};

static void
area_done(struct area *area)
{
    if (area->geos != NULL) {
        GEOS_finish_r(area->geos);
    }
    lpg_reach_done(&area->reach);
    lpg_routing_run_done(&area->with);
    lpg_sites_view_done(&area->stations);
    lpg_sites_view_done(&area->users);
    free(area->facilities);
    free(area->stops);
}

/* ---- inputs ---- */

static int
by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static cim_status
read_ranges(struct area *area)
{
    struct json_object *given = lpg_in_member(area->inputs, "ranges");
    const bool time = area->by == BY_TIME;
    const double most = time ? 240.0 : 100000.0;
    const size_t n =
        json_object_is_type(given, json_type_array) ? json_object_array_length(given) : 0;
    if (n < 1 || n > RANGES_MAX) {
        return cim_fail(area->err, CIM_E_INVALID, "ranges", lpg_in_given(given),
                        "应为 1 到 %d 个数的列表（米，或按时间时为分钟）",
                        "expected a list of 1 to %d numbers (metres, or minutes by time)",
                        RANGES_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *value = json_object_array_get_idx(given, i);
        const double range = lpg_in_is_number(value) ? json_object_get_double(value) : NAN;
        if (!(range > 0.0 && range <= most)) {
            char where[32];
            (void)snprintf(where, sizeof where, "ranges[%zu]", i);
            return cim_fail(area->err, CIM_E_INVALID, where, lpg_in_given(value),
                            "应大于 0，最多 %g", "expected more than 0 and at most %g", most);
        }
        area->ranges[area->n_ranges++] = range;
    }
    qsort(area->ranges, n, sizeof *area->ranges, by_value);
    for (size_t i = 0; i < n; i++) {
        area->limits[i] = llround(area->ranges[i] * (time ? 6e4 : 1e3));
    }
    return CIM_OK;
}

static cim_status
read_question(struct area *area)
{
    const char *by = json_object_get_string(lpg_in_member(area->inputs, "by"));
    const char *direction = json_object_get_string(lpg_in_member(area->inputs, "direction"));
    area->by = by == NULL || strcmp(by, "length") == 0 ? BY_LENGTH
               : strcmp(by, "time") == 0               ? BY_TIME
                                                       : BY_STRAIGHT;
    area->toward = direction != NULL && strcmp(direction, "to") == 0;
    area->width_m = 100.0;
    CIM_TRY(lpg_in_number(area->inputs, "width_m", 1.0, 2000.0, &area->width_m, area->err));
    return read_ranges(area);
}

/* ---- facilities ---- */

static struct facility *
add_facility(struct area *area, const double lonlat_deg[2])
{
    if (area->n_facilities == area->facilities_capacity) {
        const size_t capacity = area->facilities_capacity == 0 ? 64 : area->facilities_capacity * 2;
        struct facility *grown = NULL;
        if (area->n_facilities >= FACILITIES_MAX) {
            area->status = cim_fail(area->err, CIM_E_TOO_LARGE, "facilities", NULL,
                                    "站点最多 %d 个，请缩小范围", "at most %d stations: give fewer",
                                    FACILITIES_MAX);
            return NULL;
        }
        grown = realloc(area->facilities, capacity * sizeof *grown);
        if (grown == NULL) {
            area->status = cim_fail_nomem(area->err);
            return NULL;
        }
        area->facilities = grown;
        area->facilities_capacity = capacity;
    }
    area->facilities[area->n_facilities] = (struct facility){.id = NULL};
    memcpy(area->facilities[area->n_facilities].lonlat_deg, lonlat_deg, 2 * sizeof *lonlat_deg);
    return &area->facilities[area->n_facilities++];
}

/* A point of a list, for messages "facilities[3]". */
static cim_status
point_of(struct json_object *feature, const char *list, size_t i, double ret_lonlat_deg[2],
         cim_error *err)
{
    struct json_object *holder = json_object_new_object();
    char where[64];
    cim_status status;
    (void)snprintf(where, sizeof where, "%s[%zu]", list, i);
    if (holder == NULL) {
        return cim_fail_nomem(err);
    }
    (void)json_object_object_add(holder, where, json_object_get(feature));
    status = lpg_in_point(holder, where, ret_lonlat_deg, err);
    (void)json_object_put(holder);
    return status;
}

static cim_status
features_of(struct area *area, const char *key, struct json_object **ret_features)
{
    struct json_object *given = lpg_in_member(area->inputs, key);
    struct json_object *features = lpg_in_member(given, "features");
    *ret_features = NULL;
    if (given == NULL) {
        return CIM_OK;
    }
    if (!json_object_is_type(features, json_type_array) ||
        json_object_array_length(features) == 0) {
        return cim_fail(area->err, CIM_E_INVALID, key, NULL,
                        "应为至少一个点的 GeoJSON FeatureCollection",
                        "expected a GeoJSON FeatureCollection of at least one point");
    }
    *ret_features = features;
    return CIM_OK;
}

static int
by_uid(const void *a, const void *b)
{
    return strcmp(((const struct facility *)a)->id, ((const struct facility *)b)->id);
}

static cim_status
add_stations(struct area *area)
{
    static const double everywhere[4] = {-180.0, -90.0, 180.0, 90.0};
    const struct lpg_sites *sites;
    CIM_TRY(lpg_sites_view_open(area->routing->stations, area->call, everywhere, &area->stations,
                                area->err));
    sites = area->stations.sites;
    if (sites == NULL) {
        return cim_fail(area->err, CIM_E_DENIED, "facilities", "lpg.stations",
                        "没有读取站点的授权；取得授权，或给出 facilities",
                        "not granted to read the stations: get the grant, or give facilities");
    }
    for (uint32_t i = 0; i < sites->n; i++) {
        struct facility *facility;
        if (sites->code[i] != LPG_STATION_KIND_SUPPLY || !lpg_sites_visible(&area->stations, i)) {
            continue;
        }
        facility = add_facility(area, sites->lonlat + 2 * (size_t)i);
        if (facility == NULL) {
            return area->status;
        }
        facility->id = sites->text + sites->facts[i].uid;
        facility->name = sites->text + sites->facts[i].name;
    }
    if (area->n_facilities == 0) {
        return cim_fail(area->err, CIM_E_STATE, "facilities", NULL,
                        "没有可读的供应站，请给出 facilities",
                        "there is no supply station to read: give facilities");
    }
    qsort(area->facilities, area->n_facilities, sizeof *area->facilities, by_uid);
    return CIM_OK;
}

static cim_status
collect_facilities(struct area *area)
{
    struct json_object *features = NULL;
    double box[4] = {HUGE_VAL, HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
    CIM_TRY(features_of(area, "facilities", &features));
    if (features == NULL) {
        CIM_TRY(add_stations(area));
    }
    for (size_t i = 0; features != NULL && i < json_object_array_length(features); i++) {
        struct json_object *feature = json_object_array_get_idx(features, i);
        struct facility *facility;
        double at[2];
        CIM_TRY(point_of(feature, "facilities", i, at, area->err));
        facility = add_facility(area, at);
        if (facility == NULL) {
            return area->status;
        }
        facility->id = json_object_get_string(lpg_in_member(feature, "id"));
        facility->name =
            json_object_get_string(lpg_in_member(lpg_in_member(feature, "properties"), "name"));
    }
    for (size_t i = 0; i < area->n_facilities; i++) {
        const double *at = area->facilities[i].lonlat_deg;
        box[0] = fmin(box[0], at[0]);
        box[1] = fmin(box[1], at[1]);
        box[2] = fmax(box[2], at[0]);
        box[3] = fmax(box[3], at[1]);
    }
    if (area->by == BY_STRAIGHT) {
        lpg_tm_init(&area->tm, (box[0] + box[2]) / 2.0, (box[1] + box[3]) / 2.0);
    } else {
        area->tm = area->with.network->tm;
    }
    area->stops = malloc((area->n_facilities + 1) * sizeof *area->stops);
    if (area->stops == NULL) {
        return cim_fail_nomem(area->err);
    }
    for (size_t i = 0; i < area->n_facilities; i++) {
        struct facility *facility = &area->facilities[i];
        lpg_tm_forward(&area->tm, facility->lonlat_deg[0], facility->lonlat_deg[1], facility->xy);
        if (area->by != BY_STRAIGHT) {
            lpg_travel_stop(&area->with.travel, facility->lonlat_deg, &facility->stop);
            area->stops[i] = facility->stop;
        }
    }
    return CIM_OK;
}

/* ---- demand ---- */

/* The least cost, and of which facility it is. */
static int64_t
cost_to(const struct area *area, const double lonlat_deg[2], uint32_t *ret_facility)
{
    int64_t least = LPG_TRAVEL_NEVER;
    double xy[2];
    *ret_facility = UINT32_MAX;
    if (area->by != BY_STRAIGHT) {
        struct lpg_stop stop;
        lpg_travel_stop(&area->with.travel, lonlat_deg, &stop);
        if (stop.edge == UINT32_MAX) {
            return -1;
        }
        return lpg_travel_cost(&area->with.travel, &area->reach, area->stops, area->n_facilities,
                               area->by == BY_TIME, area->toward, &stop, ret_facility);
    }
    lpg_tm_forward(&area->tm, lonlat_deg[0], lonlat_deg[1], xy);
    for (size_t i = 0; i < area->n_facilities; i++) {
        const int64_t mm = llround(lpg_tm_distance_m(&area->tm, xy, area->facilities[i].xy) * 1e3);
        if (mm < least) {
            least = mm;
            *ret_facility = (uint32_t)i;
        }
    }
    return least;
}

static bool
add_demand(struct area *area, const double lonlat_deg[2], double weight)
{
    uint32_t facility;
    const int64_t cost = cost_to(area, lonlat_deg, &facility);
    if (++area->n_demands > DEMANDS_MAX) {
        area->status = cim_fail(
            area->err, CIM_E_TOO_LARGE, "demand", NULL, "需求点超过 %d 个，请减少站点或范围",
            "more than %d demands: give fewer stations or shorter ranges", DEMANDS_MAX);
        return false;
    }
    if (area->n_demands % 4096 == 0) {
        area->status = cim_heed_cancel(area->call, area->err);
        if (area->status != CIM_OK) {
            return false;
        }
    }
    area->total += weight;
    area->off_road += cost < 0 ? weight : 0.0;
    for (size_t r = 0; cost >= 0 && r < area->n_ranges; r++) {
        if (cost <= area->limits[r]) {
            area->served[r] += weight;
            area->facilities[facility].served[r] += weight;
        }
    }
    return true;
}

static int
add_user(void *arg, uint32_t i)
{
    struct area *area = arg;
    return lpg_sites_visible(&area->users, i) &&
           !add_demand(area, area->users.sites->lonlat + 2 * (size_t)i, 1.0);
}

/* All users that may be served: no way is shorter than the crow's. */
static cim_status
add_users(struct area *area)
{
    double min[2] = {HUGE_VAL, HUGE_VAL};
    double max[2] = {-HUGE_VAL, -HUGE_VAL};
    double degrees[4];
    double reach_m = area->ranges[area->n_ranges - 1];
    if (area->by == BY_TIME) {
        double fastest = area->routing->table->access_km_h;
        for (int i = 0; i < LPG_ROUTE_KINDS_MAX; i++) {
            fastest = fmax(fastest, area->with.vehicle->speed_km_h[i]);
        }
        reach_m *= fastest * 1000.0 / 60.0;
    }
    for (size_t i = 0; i < area->n_facilities; i++) {
        for (int k = 0; k < 2; k++) {
            min[k] = fmin(min[k], area->facilities[i].xy[k]);
            max[k] = fmax(max[k], area->facilities[i].xy[k]);
        }
    }
    lpg_plane_degrees(&area->tm, min, max, reach_m, degrees);
    CIM_TRY(lpg_sites_view_open(area->routing->all_users, area->call, degrees, &area->users,
                                area->err));
    if (area->users.sites == NULL) {
        return cim_fail(area->err, CIM_E_DENIED, "demand", "lpg.end-users",
                        "没有读取用户的授权；取得授权，或给出 demand",
                        "not granted to read the end users: get the grant, or give demand");
    }
    lpg_sites_search_in_order(area->users.sites, degrees, add_user, area);
    return area->status;
}

static cim_status
count_demand(struct area *area)
{
    struct json_object *features = NULL;
    CIM_TRY(features_of(area, "demand", &features));
    if (features == NULL) {
        return add_users(area);
    }
    for (size_t i = 0; i < json_object_array_length(features); i++) {
        struct json_object *feature = json_object_array_get_idx(features, i);
        double at[2];
        double weight = 1.0;
        CIM_TRY(point_of(feature, "demand", i, at, area->err));
        if (lpg_in_number(lpg_in_member(feature, "properties"), "weight", 0.0, 1e9, &weight,
                          NULL) != CIM_OK) {
            char where[64];
            (void)snprintf(where, sizeof where, "demand[%zu].weight", i);
            return cim_fail(area->err, CIM_E_INVALID, where, NULL, "应为不小于 0 的数",
                            "expected a number of at least 0");
        }
        if (!add_demand(area, at, weight)) {
            return area->status;
        }
    }
    return CIM_OK;
}

/* ---- the areas ---- */

struct pieces {
    struct area *area;
    size_t n;
    size_t capacity;
    GEOSGeometry **parts;
};

static bool
add_part(struct pieces *pieces, GEOSGeometry *part)
{
    struct area *area = pieces->area;
    if (part != NULL && pieces->n == pieces->capacity) {
        const size_t capacity = pieces->capacity == 0 ? 256 : pieces->capacity * 2;
        GEOSGeometry **grown = realloc(pieces->parts, capacity * sizeof *grown);
        if (grown == NULL) {
            GEOSGeom_destroy_r(area->geos, part);
            part = NULL;
        } else {
            pieces->parts = grown;
            pieces->capacity = capacity;
        }
    }
    if (part == NULL) {
        area->status = cim_fail_nomem(area->err);
        return false;
    }
    pieces->parts[pieces->n++] = part;
    return true;
}

static bool
add_piece(struct pieces *pieces, struct lpg_path *path, uint32_t edge, double from, double to)
{
    struct area *area = pieces->area;
    GEOSCoordSequence *positions;
    path->n = 0;
    if (!lpg_network_piece(area->with.network, edge, from, to, path)) {
        area->status = cim_fail_nomem(area->err);
        return false;
    }
    if (path->n < 2) {
        return true;
    }
    positions = GEOSCoordSeq_copyFromBuffer_r(area->geos, path->xy, (unsigned)path->n, 0, 0);
    return add_part(pieces,
                    positions != NULL ? GEOSGeom_createLineString_r(area->geos, positions) : NULL);
}

/* How far a part of an edge, entered at `cost`, is passed within the limit: 0…1 of the part. Zones
 * count for all of it. */
static double
share_within(const struct area *area, uint32_t edge, double from, double to, int64_t cost,
             int64_t limit)
{
    const bool time = area->by == BY_TIME;
    const double whole = (double)(time ? area->with.travel.time_ms[edge]
                                       : area->with.network->edges[edge].length_mm) *
                         fabs(to - from);
    int64_t leave = cost;
    if (cost > limit) {
        return 0.0;
    }
    if (area->with.restricted) {
        const struct lpg_closures *closures = &area->with.closures;
        leave = time ? lpg_closures_leave(closures, edge, from, to, cost, llround(whole))
                : lpg_closures_open(closures, edge, from, to) ? cost
                                                              : -1;
    }
    if (leave < 0 || leave > limit) {
        return 0.0;
    }
    return (double)leave + whole <= (double)limit ? 1.0 : (double)(limit - leave) / whole;
}

/* The parts of the roads within the limit. */
static bool
add_roads(struct pieces *pieces, struct lpg_path *path, int64_t limit)
{
    struct area *area = pieces->area;
    const struct lpg_network *network = area->with.network;
    const uint8_t *ways = area->with.travel.ways;
    const uint8_t along = area->toward ? LPG_WAY_BACKWARD : LPG_WAY_FORWARD;
    const uint8_t against = area->toward ? LPG_WAY_FORWARD : LPG_WAY_BACKWARD;
    for (uint32_t e = 0; e < network->n_edges; e++) {
        const struct lpg_edge *edge = &network->edges[e];
        const double a = (ways[e] & along) != 0
                             ? share_within(area, e, 0.0, 1.0, area->reach.cost[edge->from], limit)
                             : 0.0;
        const double b = (ways[e] & against) != 0
                             ? share_within(area, e, 1.0, 0.0, area->reach.cost[edge->to], limit)
                             : 0.0;
        if (a + b >= 1.0) {
            if (!add_piece(pieces, path, e, 0.0, 1.0)) {
                return false;
            }
            continue;
        }
        if ((a > 0.0 && !add_piece(pieces, path, e, 0.0, a)) ||
            (b > 0.0 && !add_piece(pieces, path, e, 1.0 - b, 1.0))) {
            return false;
        }
    }
    for (size_t i = 0; i < area->n_facilities; i++) { /* around each on its own edge */
        const struct lpg_stop *stop = &area->stops[i];
        for (int side = 0; side < 2 && stop->edge != UINT32_MAX; side++) {
            const double end = side == 0 ? 1.0 : 0.0;
            const double share = share_within(
                area, stop->edge, stop->share, end,
                lpg_travel_access(&area->with.travel, stop->gap_m, area->by == BY_TIME), limit);
            if ((ways[stop->edge] & (side == 0 ? along : against)) != 0 && share > 0.0 &&
                !add_piece(pieces, path, stop->edge, stop->share,
                           stop->share + share * (end - stop->share))) {
                return false;
            }
        }
    }
    return true;
}

static bool
add_circles(struct pieces *pieces, double range_m)
{
    struct area *area = pieces->area;
    for (size_t i = 0; i < area->n_facilities; i++) {
        const double *xy = area->facilities[i].xy;
        const double radius = range_m * lpg_tm_scale(&area->tm, xy[0], xy[0]);
        GEOSGeometry *at = GEOSGeom_createPointFromXY_r(area->geos, xy[0], xy[1]);
        GEOSGeometry *circle = at != NULL ? GEOSBuffer_r(area->geos, at, radius, 32) : NULL;
        GEOSGeom_destroy_r(area->geos, at);
        if (!add_part(pieces, circle)) {
            return false;
        }
    }
    return true;
}

/* What can be reached within the range; nothing: an empty collection. */
static GEOSGeometry *
shape_of(struct area *area, size_t range)
{
    struct pieces pieces = {.area = area};
    struct lpg_path path = {0};
    const bool straight = area->by == BY_STRAIGHT;
    const bool made = straight ? add_circles(&pieces, area->ranges[range])
                               : add_roads(&pieces, &path, area->limits[range]);
    GEOSGeometry *shape = NULL;
    free(path.xy);
    if (made) {
        area->status = lpg_shape_join(area->geos, area->call, pieces.parts, pieces.n,
                                      straight ? 0.0 : area->width_m, &shape, area->err);
    } else {
        for (size_t i = 0; i < pieces.n; i++) {
            GEOSGeom_destroy_r(area->geos, pieces.parts[i]);
        }
    }
    free(pieces.parts);
    return shape;
}

/* ---- writing ---- */

static const char *const units[] = {"m", "min", "m"};

static cim_status
write_areas(struct area *area, struct cim_buf *out)
{
    cim_buf_add_text(out, "{\"areas\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t r = 0; r < area->n_ranges; r++) {
        GEOSGeometry *shape = shape_of(area, r);
        double m2 = 0.0;
        cim_status status;
        if (shape == NULL) {
            return area->status;
        }
        (void)GEOSArea_r(area->geos, shape, &m2);
        lpg_out_next(out);
        cim_buf_add_text(out, "{\"type\":\"Feature\",\"geometry\":");
        status = lpg_shape_write(area->geos, &area->tm, shape, out, area->err);
        GEOSGeom_destroy_r(area->geos, shape);
        CIM_TRY(status);
        cim_buf_add_text(out, ",\"properties\":{");
        lpg_out_m(out, "range", area->ranges[r]);
        lpg_out_text(out, "unit", units[area->by]);
        lpg_out_m(out, "area_km2", m2 / 1e6);
        lpg_out_m(out, "served", area->served[r]);
        lpg_out_six(out, "share", area->total > 0.0 ? area->served[r] / area->total : NAN);
        cim_buf_add_text(out, "}}");
    }
    cim_buf_add_text(out, "]}");
    return CIM_OK;
}

static void
write_facilities(const struct area *area, struct cim_buf *out)
{
    lpg_out_key(out, "facilities");
    cim_buf_add_text(out, "{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < area->n_facilities; i++) {
        const struct facility *facility = &area->facilities[i];
        lpg_out_next(out);
        cim_buf_add_text(out, "{\"type\":\"Feature\"");
        if (facility->id != NULL) {
            lpg_out_text(out, "id", facility->id);
        }
        lpg_out_point(out, "geometry", facility->lonlat_deg);
        lpg_out_key(out, "properties");
        cim_buf_add_char(out, '{');
        lpg_out_text(out, "name", facility->name);
        lpg_out_m(out, "gap_m", area->by == BY_STRAIGHT ? NAN : facility->stop.gap_m);
        lpg_out_flag(out, "on_network",
                     area->by == BY_STRAIGHT || facility->stop.edge != UINT32_MAX);
        lpg_out_key(out, "served");
        cim_buf_add_char(out, '[');
        for (size_t r = 0; r < area->n_ranges; r++) {
            lpg_out_next(out);
            cim_buf_add_coordinate(out, nearbyint(facility->served[r] * 1e3) / 1e3);
        }
        cim_buf_add_text(out, "]}}");
    }
    cim_buf_add_text(out, "]}");
}

static cim_status
write_answer(struct area *area, struct cim_buf *out)
{
    static const char *const used[] = {"lpg.roads", "lpg.restricted-zones", "lpg.stations",
                                       "lpg.end-users"};
    CIM_TRY(write_areas(area, out));
    write_facilities(area, out);
    lpg_out_m(out, "total_demand", area->total);
    lpg_out_m(out, "off_road_demand", area->off_road);
    if (area->by == BY_STRAIGHT) {
        cim_buf_add_text(out, ",\"network\":null,\"vehicle\":null");
    } else {
        lpg_routing_write(&area->with, out);
    }
    cim_buf_add_char(out, ',');
    CIM_TRY(lpg_input_sources_write(area->routing->host, used, sizeof used / sizeof used[0], out,
                                    area->err));
    cim_buf_add_char(out, '}');
    return cim_buf_status(out, area->err);
}

static cim_status
run(struct area *area, struct cim_buf *out)
{
    CIM_TRY(read_question(area));
    if (area->by != BY_STRAIGHT) {
        CIM_TRY(lpg_routing_open(area->routing, area->call, area->inputs, "delivery_3", &area->with,
                                 area->err));
    }
    CIM_TRY(collect_facilities(area));
    if (area->by != BY_STRAIGHT) {
        CIM_TRY(lpg_travel_reach(
            &area->with.travel, area->stops, area->n_facilities, area->by == BY_TIME, area->toward,
            area->limits[area->n_ranges - 1], area->call, &area->reach, area->err));
    }
    CIM_TRY(count_demand(area));
    area->geos = GEOS_init_r();
    return area->geos != NULL ? write_answer(area, out) : cim_fail_nomem(area->err);
}

cim_status
lpg_service_area_answer(struct lpg_routing *routing, const cim_call *call, cim_job *job,
                        const char *inputs_json, cim_blob *ret_result, cim_error *err)
{
    struct area area = {.routing = routing, .call = call, .err = err};
    CIM_AUTO_BUF struct cim_buf out;
    cim_status status;
    (void)job;
    cim_buf_init(&out, RESULT_MAX);
    CIM_TRY(cim_json_parse("inputs", inputs_json, strlen(inputs_json), &area.inputs, err));
    status = run(&area, &out);
    area_done(&area);
    (void)json_object_put(area.inputs);
    CIM_TRY(status);
    cim_buf_to_blob(&out, ret_result);
    return CIM_OK;
}
