/* plugin/analysis/route_inputs.c -- see route_inputs.h. */
#include "analysis/route_inputs.h"

#include "cim/util.h"
#include "kit/json.h"
#include "kit/time.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>

static struct json_object *
member(struct json_object *object, const char *key)
{
    struct json_object *found = NULL;
    return json_object_is_type(object, json_type_object) &&
                   json_object_object_get_ex(object, key, &found)
               ? found
               : NULL;
}

static bool
is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_double) ||
           json_object_is_type(value, json_type_int);
}

/* What was given, short enough for a message. */
static const char *
given(struct json_object *value)
{
    return value != NULL ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN) : "null";
}

/* ---- routes ---- */

/* Of a line that stands in the document as a number. */
static void
take_positions(struct lpg_lines *lines, struct json_object *number, double **ret_lonlat,
               size_t *ret_n)
{
    struct lpg_line *line = &lines->lines[json_object_get_int64(number)];
    *ret_lonlat = line->lonlat_deg;
    *ret_n = line->n;
    line->lonlat_deg = NULL;
}

/* As the parser has them: what could not be taken out of the text, to say what is wrong. */
static cim_status
read_positions(struct json_object *coordinates, const char *where, double **ret_lonlat,
               size_t *ret_n, cim_error *err)
{
    const size_t n = json_object_is_type(coordinates, json_type_array)
                         ? json_object_array_length(coordinates)
                         : 0;
    double *lonlat;
    if (n < 2) {
        return cim_fail(err, CIM_E_INVALID, where, n == 0 ? NULL : given(coordinates),
                        "应为 GeoJSON LineString，至少两个 [经度, 纬度]",
                        "expected a GeoJSON LineString of at least two [longitude, latitude]");
    }
    if (n > LPG_CHAIN_POSITIONS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, where, NULL, "有 %zu 个点，最多 %d 个，请抽稀或分段",
                        "%zu positions, at most %d: simplify the line, or cut it", n,
                        LPG_CHAIN_POSITIONS_MAX);
    }
    lonlat = malloc(n * 2 * sizeof *lonlat);
    if (lonlat == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *position = json_object_array_get_idx(coordinates, i);
        struct json_object *lon = NULL;
        struct json_object *lat = NULL;
        if (json_object_is_type(position, json_type_array) &&
            json_object_array_length(position) >= 2) {
            lon = json_object_array_get_idx(position, 0);
            lat = json_object_array_get_idx(position, 1);
        }
        if (!is_number(lon) || !is_number(lat)) {
            free(lonlat);
            return cim_fail(err, CIM_E_INVALID, where, given(position),
                            "第 %zu 个点应为 [经度, 纬度]",
                            "position %zu: expected [longitude, latitude]", i + 1);
        }
        lonlat[2 * i] = json_object_get_double(lon);
        lonlat[2 * i + 1] = json_object_get_double(lat);
    }
    *ret_lonlat = lonlat;
    *ret_n = n;
    return CIM_OK;
}

struct reading {
    struct lpg_route_inputs *inputs;
    const struct lpg_route_source *source;
    cim_error *err;
};

static bool
grow(void **array, size_t size, size_t capacity)
{
    void *grown = realloc(*array, size * capacity);
    if (grown != NULL) {
        *array = grown;
    }
    return grown != NULL;
}

/* Room for one more route, which is of the `given`th input. */
static cim_status
make_room(struct lpg_route_inputs *inputs, size_t given_as, const char *where, cim_error *err)
{
    if (inputs->n_routes == LPG_ROUTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, where, NULL, "路线与轨迹分段超过 %d 条，请分次分析",
                        "more than %d routes and pieces of tracks: ask in several runs",
                        LPG_ROUTES_MAX);
    }
    if (inputs->n_routes == inputs->capacity) {
        const size_t capacity = inputs->capacity == 0 ? 8 : inputs->capacity * 2;
        if (!grow((void **)&inputs->routes, sizeof *inputs->routes, capacity) ||
            !grow((void **)&inputs->positions, sizeof *inputs->positions, capacity) ||
            !grow((void **)&inputs->given, sizeof *inputs->given, capacity)) {
            return cim_fail_nomem(err);
        }
        inputs->capacity = capacity;
    }
    inputs->routes[inputs->n_routes] = (struct lpg_route){.id = NULL};
    inputs->positions[inputs->n_routes] = NULL;
    inputs->given[inputs->n_routes] = given_as;
    return CIM_OK;
}

/* ---- driven tracks ---- */

/* "vehicle/from/to", by which the positions of the piece are found again. */
static const char *
keep_id(struct lpg_route_inputs *inputs, const char *vehicle, int64_t from_ms, int64_t to_ms)
{
    char id[200];
    char from[CIM_TIME_TEXT_MAX];
    char to[CIM_TIME_TEXT_MAX];
    struct json_object *text;
    cim_time_format(from_ms, from);
    cim_time_format(to_ms, to);
    (void)snprintf(id, sizeof id, "%.100s/%s/%s", vehicle, from, to);
    text = json_object_new_string(id);
    if (text == NULL || json_object_array_add(inputs->ids, text) != 0) {
        json_object_put(text);
        return NULL;
    }
    return json_object_get_string(text);
}

static cim_status
add_piece(struct lpg_route_inputs *inputs, const char *vehicle, const struct lpg_track *track,
          const struct lpg_track_piece *piece, size_t given_as, const char *where, cim_error *err)
{
    const size_t n = piece->end - piece->begin;
    struct lpg_route *route;
    double *lonlat;
    CIM_TRY(make_room(inputs, given_as, where, err));
    route = &inputs->routes[inputs->n_routes];
    lonlat = malloc(n * 2 * sizeof *lonlat);
    route->id = keep_id(inputs, vehicle, track->at_ms[piece->begin], track->at_ms[piece->end - 1]);
    if (lonlat == NULL || route->id == NULL) {
        free(lonlat);
        return cim_fail_nomem(err);
    }
    memcpy(lonlat, track->lonlat_deg + 2 * piece->begin, n * 2 * sizeof *lonlat);
    route->n = n;
    route->lonlat_deg = lonlat;
    inputs->positions[inputs->n_routes++] = lonlat;
    return CIM_OK;
}

static cim_status
read_moment(struct json_object *value, const char *key, const char *where, int64_t *ret_ms,
            cim_error *err)
{
    struct json_object *text = member(value, key);
    char below[64];
    (void)snprintf(below, sizeof below, "%.40s.%s", where, key);
    return json_object_is_type(text, json_type_string) &&
                   cim_time_parse(json_object_get_string(text), SIZE_MAX, ret_ms) == CIM_OK
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, below, given(text),
                          "应为时间，如 2026-11-27T01:30:00+08:00",
                          "expected a time such as 2026-11-27T01:30:00+08:00");
}

static cim_status
read_track(struct reading *reading, struct json_object *value, size_t given_as, const char *where)
{
    struct lpg_route_inputs *inputs = reading->inputs;
    const double *parameters = inputs->question.table->parameters;
    const char *vehicle = json_object_get_string(member(value, "vehicle"));
    struct lpg_track track = {0};
    struct lpg_track_piece *pieces = NULL;
    size_t n = 0;
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    cim_status status;
    CIM_TRY(read_moment(value, "from", where, &from_ms, reading->err));
    CIM_TRY(read_moment(value, "to", where, &to_ms, reading->err));
    if (to_ms <= from_ms || to_ms - from_ms > LPG_TRACK_DAYS_MAX * INT64_C(86400000)) {
        return cim_fail(reading->err, CIM_E_INVALID, where, given(value),
                        "to 应晚于 from，最多 %d 天", "expected `to` after `from`, %d days at most",
                        LPG_TRACK_DAYS_MAX);
    }
    status =
        reading->source->track(reading->source->arg, vehicle, from_ms, to_ms, &track, reading->err);
    if (status == CIM_OK) {
        status =
            lpg_track_cut(&track, parameters[LPG_ROUTE_TRACK_GAP_S],
                          parameters[LPG_ROUTE_TRACK_SPEED_MAX_KM_H], &pieces, &n, reading->err);
    }
    if (status == CIM_OK && n == 0) {
        status = cim_fail(reading->err, CIM_E_NOTFOUND, where, vehicle,
                          "该车辆在此时段没有行驶轨迹，或无权读取",
                          "the vehicle has no driven track in that span, or it is not yours to "
                          "read");
    }
    for (size_t i = 0; i < n && status == CIM_OK; i++) {
        status = add_piece(inputs, vehicle, &track, &pieces[i], given_as, where, reading->err);
    }
    inputs->many = inputs->many || n > 1;
    free(pieces);
    lpg_track_done(&track);
    return status;
}

/* ---- one of them ---- */

/* A LineString, a Feature of one, the id of a stored route, or a vehicle and a span of time. */
static cim_status
read_route(struct reading *reading, struct json_object *value, size_t given_as, const char *where)
{
    struct lpg_route_inputs *inputs = reading->inputs;
    struct lpg_route *route;
    double **positions;
    struct json_object *geometry = value;
    const char *type = json_object_get_string(member(value, "type"));
    if (type == NULL && json_object_is_type(member(value, "vehicle"), json_type_string)) {
        return read_track(reading, value, given_as, where);
    }
    CIM_TRY(make_room(inputs, given_as, where, reading->err));
    route = &inputs->routes[inputs->n_routes];
    positions = &inputs->positions[inputs->n_routes];
    if (json_object_is_type(value, json_type_string)) {
        route->id = json_object_get_string(value);
        CIM_TRY(reading->source->route(reading->source->arg, route->id, positions, &route->n,
                                       reading->err));
    } else {
        if (type != NULL && strcmp(type, "Feature") == 0) {
            struct json_object *id = member(value, "id");
            route->id = id != NULL ? json_object_get_string(id) : NULL;
            geometry = member(value, "geometry");
            type = json_object_get_string(member(geometry, "type"));
        }
        if (type == NULL || strcmp(type, "LineString") != 0) {
            return cim_fail(reading->err, CIM_E_INVALID, where, type,
                            "应为 GeoJSON LineString、其 Feature、路线编号，或 {vehicle, from, to}",
                            "expected a GeoJSON LineString, a Feature of one, a route's id, or "
                            "{vehicle, from, to}");
        }
        struct json_object *coordinates = member(geometry, "coordinates");
        if (inputs->lines.n > 0 && json_object_is_type(coordinates, json_type_int)) {
            take_positions(&inputs->lines, coordinates, positions, &route->n);
        } else {
            CIM_TRY(read_positions(coordinates, where, positions, &route->n, reading->err));
        }
    }
    route->lonlat_deg = *positions;
    inputs->n_routes++;
    return CIM_OK;
}

static cim_status
read_routes(struct reading *reading)
{
    struct lpg_route_inputs *inputs = reading->inputs;
    struct json_object *one = member(inputs->document, "route");
    struct json_object *many = member(inputs->document, "routes");
    size_t n = 1;
    if ((one != NULL) == (many != NULL)) {
        return cim_fail(reading->err, CIM_E_INVALID, "route", NULL,
                        "应给出 route（一条）或 routes（多条）之一",
                        "expected either route (one) or routes (several)");
    }
    if (many != NULL) {
        n = json_object_is_type(many, json_type_array) ? json_object_array_length(many) : 0;
        if (n < 1 || n > LPG_ROUTES_MAX) {
            return cim_fail(reading->err, CIM_E_INVALID, "routes", NULL, "应为 1 到 %d 条路线",
                            "expected 1 to %d routes", LPG_ROUTES_MAX);
        }
    }
    inputs->many = many != NULL;
    inputs->ids = json_object_new_array();
    if (inputs->ids == NULL) {
        return cim_fail_nomem(reading->err);
    }
    for (size_t i = 0; i < n; i++) {
        char where[32] = "route";
        if (many != NULL) {
            (void)snprintf(where, sizeof where, "routes[%zu]", i);
        }
        CIM_TRY(
            read_route(reading, many != NULL ? json_object_array_get_idx(many, i) : one, i, where));
    }
    return CIM_OK;
}

/* ---- the question ---- */

static cim_status
check_distance(struct json_object *value, const char *where, double *ret_m, cim_error *err)
{
    const double distance_m = is_number(value) ? json_object_get_double(value) : -1.0;
    if (!(distance_m > 0.0 && distance_m <= LPG_ROUTE_DISTANCE_MAX_M)) {
        return cim_fail(err, CIM_E_INVALID, where, given(value), "应大于 0，最多 %d 米",
                        "expected more than 0 and at most %d metres", LPG_ROUTE_DISTANCE_MAX_M);
    }
    *ret_m = distance_m;
    return CIM_OK;
}

static cim_status
find_kind(const struct lpg_route_table *table, const char *kind, const char *where, int *ret_kind,
          cim_error *err)
{
    char known[300] = "";
    *ret_kind = kind != NULL ? lpg_route_table_kind(table, kind, strlen(kind)) : -1;
    if (*ret_kind >= 0) {
        return CIM_OK;
    }
    for (int i = 0; i < table->n_kinds; i++) {
        const size_t len = strlen(known);
        (void)snprintf(known + len, sizeof known - len, "%s%s", i > 0 ? ", " : "",
                       table->kinds[i].kind);
    }
    return cim_fail(err, CIM_E_INVALID, where, kind, "没有这种要素；可用：%s",
                    "no such kind of element; there are: %s", known);
}

/* One number for all kinds, or an object of kind and number. */
static cim_status
read_distances(struct lpg_route_inputs *inputs, cim_error *err)
{
    struct lpg_route_question *question = &inputs->question;
    struct json_object *value = member(inputs->document, "distance_m");
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, distance)
        {
            char where[64];
            int kind;
            (void)snprintf(where, sizeof where, "distance_m.%.40s", key);
            CIM_TRY(find_kind(question->table, key, where, &kind, err));
            CIM_TRY(check_distance(distance, where, &question->override_m[kind], err));
        }
        return CIM_OK;
    }
    if (value != NULL) {
        double distance_m;
        CIM_TRY(check_distance(value, "distance_m", &distance_m, err));
        for (int i = 0; i < question->table->n_kinds; i++) {
            question->override_m[i] = distance_m;
        }
    }
    return CIM_OK;
}

static cim_status
read_kinds(struct lpg_route_inputs *inputs, cim_error *err)
{
    struct lpg_route_question *question = &inputs->question;
    struct json_object *kinds = member(inputs->document, "kinds");
    for (int i = 0; i < question->table->n_kinds; i++) {
        question->wanted[i] = kinds == NULL;
    }
    if (kinds == NULL) {
        return CIM_OK;
    }
    if (!json_object_is_type(kinds, json_type_array) || json_object_array_length(kinds) == 0) {
        return cim_fail(err, CIM_E_INVALID, "kinds", given(kinds), "应为至少一种要素的列表",
                        "expected a list of at least one kind of element");
    }
    for (size_t i = 0; i < json_object_array_length(kinds); i++) {
        char where[32];
        int kind;
        (void)snprintf(where, sizeof where, "kinds[%zu]", i);
        CIM_TRY(find_kind(question->table,
                          json_object_get_string(json_object_array_get_idx(kinds, i)), where, &kind,
                          err));
        question->wanted[kind] = true;
    }
    return CIM_OK;
}

static cim_status
read_day_and_time(struct lpg_route_inputs *inputs, int64_t now_ms, cim_error *err)
{
    struct lpg_route_question *question = &inputs->question;
    struct json_object *as_of = member(inputs->document, "as_of");
    struct json_object *depart_at = member(inputs->document, "depart_at");
    question->as_of_day = cim_time_local_day(now_ms);
    if (as_of != NULL &&
        cim_date_parse(json_object_get_string(as_of), SIZE_MAX, &question->as_of_day) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "as_of", given(as_of), "应为日期，如 2026-11-27",
                        "expected a date such as 2026-11-27");
    }
    if (depart_at != NULL && cim_time_parse(json_object_get_string(depart_at), SIZE_MAX,
                                            &question->depart_ms) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "depart_at", given(depart_at),
                        "应为时间，如 2026-11-27T01:30:00+08:00",
                        "expected a time such as 2026-11-27T01:30:00+08:00");
    }
    question->has_departure = depart_at != NULL;
    return CIM_OK;
}

static cim_status
read_exposure(struct lpg_route_inputs *inputs, cim_error *err)
{
    struct lpg_route_question *question = &inputs->question;
    struct json_object *exposure = member(inputs->document, "exposure_m");
    struct json_object *trips = member(inputs->document, "trips_per_year");
    question->exposure_m = question->table->parameters[LPG_ROUTE_EXPOSURE_M];
    if (exposure != NULL) {
        CIM_TRY(check_distance(exposure, "exposure_m", &question->exposure_m, err));
    }
    if (trips != NULL) {
        question->trips_per_year = is_number(trips) ? json_object_get_double(trips) : -1.0;
        if (!(question->trips_per_year > 0.0 && question->trips_per_year <= 1e6)) {
            return cim_fail(err, CIM_E_INVALID, "trips_per_year", given(trips),
                            "应大于 0，最多 1000000", "expected more than 0 and at most 1000000");
        }
    }
    return CIM_OK;
}

cim_status
lpg_route_inputs_read(const char *json, const struct lpg_route_table *table, int64_t now_ms,
                      const struct lpg_route_source *source, struct lpg_route_inputs *ret_inputs,
                      cim_error *err)
{
    struct lpg_route_inputs inputs = {.question.table = table};
    struct reading reading = {&inputs, source, err};
    cim_status status = lpg_lines_take(json, &inputs.lines, err);
    if (status == CIM_OK) {
        status = cim_json_parse("inputs", inputs.lines.text, strlen(inputs.lines.text),
                                &inputs.document, err);
    }
    if (status == CIM_OK) {
        status = read_kinds(&inputs, err);
    }
    if (status == CIM_OK) {
        status = read_distances(&inputs, err);
    }
    if (status == CIM_OK) {
        status = read_exposure(&inputs, err);
    }
    if (status == CIM_OK) {
        status = read_day_and_time(&inputs, now_ms, err);
    }
    if (status == CIM_OK) {
        status = read_routes(&reading);
    }
    if (status != CIM_OK) {
        lpg_route_inputs_done(&inputs);
        return status;
    }
    *ret_inputs = inputs;
    return CIM_OK;
}

void
lpg_route_inputs_done(struct lpg_route_inputs *inputs)
{
    for (size_t i = 0; i < inputs->n_routes; i++) {
        free(inputs->positions[i]);
    }
    free(inputs->positions);
    free(inputs->routes);
    free(inputs->given);
    (void)json_object_put(inputs->ids);
    lpg_lines_done(&inputs->lines);
    (void)json_object_put(inputs->document);
    *inputs = (struct lpg_route_inputs){0};
}
