/* plugin/analysis/analysis.c -- see analysis.h. */
#include "analysis/analysis.h"

#include "analysis/geocode.h"
#include "analysis/input_sources.h"
#include "analysis/placing.h"
#include "analysis/process.h"
#include "analysis/route_inputs.h"
#include "analysis/route_report.h"
#include "analysis/routing.h"
#include "analysis/search_words.h"
#include "analysis/siting.h"
#include "analysis/task.h"
#include "cim/analyses.h"
#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/wkb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS "lpg.risk-elements"
#define USERS    "lpg.end-users"
#define ROADS    "lpg.roads"
#define ROUTES   "lpg.transport-routes"
#define ZONES    "lpg.restricted-zones"
#define TRACKS   "lpg.vehicle-positions"

enum { PROCESSES = 15 };

struct lpg_analysis {
    const cim_host *host;
    struct lpg_data *data;
    struct lpg_process processes[PROCESSES];
    struct lpg_siting *siting;
    struct lpg_route_table *routes;
    struct lpg_sites_cache elements;
    struct lpg_sites_cache users;
    struct lpg_sites_cache roads;
    struct lpg_sites_cache zones;
    struct lpg_routing routing;
    struct lpg_gazetteer *gazetteer;
};

static int
kind_code(const void *arg, const char *text, size_t len)
{
    return lpg_route_table_kind(arg, text, len);
}

static int
class_code(const void *arg, const char *text, size_t len)
{
    return lpg_route_table_class(arg, text, len);
}

/* Households only: who is in a restaurant or a school counts with the elements. */
static int
household_code(const void *arg, const char *text, size_t len)
{
    (void)arg;
    return len == strlen("resident") && memcmp(text, "resident", len) == 0 ? 0 : -1;
}

/* Every kind of zone is closed: one of them on expressways alone, the others on all roads. */
static int
zone_code(const void *arg, const char *text, size_t len)
{
    static const char expressways[] = "expressway_hours";
    (void)arg;
    return len == strlen(expressways) && memcmp(text, expressways, len) == 0 ? LPG_ZONE_EXPRESSWAYS
                                                                             : LPG_ZONE_ALL_ROADS;
}

void
lpg_analysis_free(struct lpg_analysis *analysis)
{
    if (analysis == NULL) {
        return;
    }
    lpg_gazetteer_free(analysis->gazetteer);
    lpg_routing_done(&analysis->routing);
    lpg_sites_cache_done(&analysis->elements);
    lpg_sites_cache_done(&analysis->users);
    lpg_sites_cache_done(&analysis->roads);
    lpg_sites_cache_done(&analysis->zones);
    lpg_route_table_free(analysis->routes);
    lpg_siting_free(analysis->siting);
    lpg_processes_done(analysis->processes, PROCESSES);
    free(analysis);
}

static cim_status
open_caches(const cim_host *host, struct lpg_analysis *analysis, cim_error *err)
{
    const struct lpg_sites_spec elements = {.layer = ELEMENTS,
                                            .code_field = "kind",
                                            .code = kind_code,
                                            .arg = analysis->routes,
                                            .name_field = "name",
                                            .persons_field = "persons",
                                            .distance_field = "buffer_m",
                                            .from_field = "valid_from",
                                            .to_field = "valid_to",
                                            .pending_field = "confirm_state"};
    const struct lpg_sites_spec users = {
        .layer = USERS, .code_field = "kind", .code = household_code};
    const struct lpg_sites_spec roads = {
        .layer = ROADS,
        .code_field = "class",
        .code = class_code,
        .arg = analysis->routes,
        .name_field = "name",
        .values = {[LPG_ROAD_DIRECTION] = {"direction", lpg_road_directions},
                   [LPG_ROAD_LEVEL] = {"level", NULL},
                   [LPG_ROAD_SPEED] = {"speed_km_h", NULL},
                   [LPG_ROAD_NO_DANGEROUS] = {"no_dangerous_goods", NULL}}};
    const struct lpg_sites_spec zones = {.layer = ZONES,
                                         .code_field = "kind",
                                         .code = zone_code,
                                         .name_field = "name",
                                         .from_field = "valid_from",
                                         .to_field = "valid_to",
                                         .basis_field = "basis",
                                         .all_day_field = "all_day",
                                         .hours_from_field = "hours_from",
                                         .hours_to_field = "hours_to",
                                         .weekdays_field = "weekdays"};
    CIM_TRY(lpg_sites_cache_init(&analysis->zones, host, analysis->data, &zones, err));
    CIM_TRY(lpg_sites_cache_init(&analysis->elements, host, analysis->data, &elements, err));
    CIM_TRY(lpg_sites_cache_init(&analysis->users, host, analysis->data, &users, err));
    return lpg_sites_cache_init(&analysis->roads, host, analysis->data, &roads, err);
}

/* ---- what there is ---- */

static cim_status
run_route_hazards(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
                  cim_blob *ret_result, cim_error *err)
{
    return lpg_route_hazards_answer(self, call, job, inputs_json, ret_result, err);
}

static cim_status
run_why_not(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
            cim_blob *ret_result, cim_error *err)
{
    (void)job;
    return lpg_why_not_answer(((struct lpg_analysis *)self)->siting, call, inputs_json, ret_result,
                              err);
}

static cim_status
run_station_compliance(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
                       cim_blob *ret_result, cim_error *err)
{
    return lpg_station_compliance_answer(((struct lpg_analysis *)self)->siting, call, job,
                                         inputs_json, ret_result, err);
}

static cim_status
run_siting(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
           cim_blob *ret_result, cim_error *err)
{
    return lpg_siting_answer(((struct lpg_analysis *)self)->siting, call, job, inputs_json,
                             ret_result, err);
}

static cim_status
run_geocode(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
            cim_blob *ret_result, cim_error *err)
{
    return lpg_geocode_answer(((struct lpg_analysis *)self)->gazetteer, call, job, inputs_json,
                              ret_result, err);
}

static cim_status
run_reverse_geocode(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
                    cim_blob *ret_result, cim_error *err)
{
    return lpg_reverse_answer(((struct lpg_analysis *)self)->gazetteer, call, job, inputs_json,
                              ret_result, err);
}

static cim_status
run_search_words(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
                 cim_blob *ret_result, cim_error *err)
{
    return lpg_search_words_answer(((struct lpg_analysis *)self)->data, call, job, inputs_json,
                                   ret_result, err);
}

static cim_status
run_consequence(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
                cim_blob *ret_result, cim_error *err)
{
    (void)job;
    return lpg_consequence_answer(((struct lpg_analysis *)self)->siting, call, inputs_json,
                                  ret_result, err);
}

static cim_status
run_task(const struct lpg_analysis *analysis, const cim_call *call, cim_job *job,
         const char *inputs_json, lpg_task_fn run, cim_blob *ret_result, cim_error *err)
{
    return lpg_task_run(analysis->host, analysis->data, call, job, inputs_json, run, ret_result,
                        err);
}

static cim_status
run_buffer(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
           cim_blob *ret_result, cim_error *err)
{
    return run_task(self, call, job, inputs_json, lpg_buffer_task, ret_result, err);
}

static cim_status
run_density(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
            cim_blob *ret_result, cim_error *err)
{
    return run_task(self, call, job, inputs_json, lpg_density_task, ret_result, err);
}

static cim_status
run_overlay(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
            cim_blob *ret_result, cim_error *err)
{
    return run_task(self, call, job, inputs_json, lpg_overlay_task, ret_result, err);
}

static cim_status
run_topology(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
             cim_blob *ret_result, cim_error *err)
{
    return run_task(self, call, job, inputs_json, lpg_topology_task, ret_result, err);
}

static cim_status
run_viewshed(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
             cim_blob *ret_result, cim_error *err)
{
    return run_task(self, call, job, inputs_json, lpg_viewshed_task, ret_result, err);
}

static cim_status
run_safer_route(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
                cim_blob *ret_result, cim_error *err)
{
    return lpg_safer_route_answer(&((struct lpg_analysis *)self)->routing, call, job, inputs_json,
                                  ret_result, err);
}

static cim_status
run_service_area(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
                 cim_blob *ret_result, cim_error *err)
{
    return lpg_service_area_answer(&((struct lpg_analysis *)self)->routing, call, job, inputs_json,
                                   ret_result, err);
}

static const struct lpg_process processes[PROCESSES] = {
    /* GEOS and GDAL cannot be stopped from inside */
    {"lpg.buffer", "buffer.process.json", CIM_JOB_ISOLATED, run_buffer, NULL},
    {"lpg.consequence", "consequence.process.json", CIM_ANALYSIS_SHORT, run_consequence, NULL},
    {"lpg.density", "density.process.json", CIM_JOB_ISOLATED, run_density, NULL},
    {"lpg.geocode", "geocode.process.json", CIM_ANALYSIS_SHORT, run_geocode, NULL},
    {"lpg.overlay", "overlay.process.json", CIM_JOB_ISOLATED, run_overlay, NULL},
    {"lpg.reverse-geocode", "reverse_geocode.process.json", CIM_ANALYSIS_SHORT, run_reverse_geocode,
     NULL},
    {"lpg.route-hazards", "route_hazards.process.json", CIM_ANALYSIS_SHORT, run_route_hazards,
     NULL},
    {"lpg.safer-route", "safer_route.process.json", CIM_ANALYSIS_SHORT, run_safer_route, NULL},
    {"lpg.service-area", "service_area.process.json", CIM_ANALYSIS_SHORT, run_service_area, NULL},
    {"lpg.search-words", "search_words.process.json", 0, run_search_words, NULL},
    {"lpg.siting", "siting.process.json", CIM_JOB_ISOLATED, run_siting, NULL},
    {"lpg.station-compliance", "station_compliance.process.json", CIM_ANALYSIS_SHORT,
     run_station_compliance, NULL},
    {"lpg.topology", "topology.process.json", CIM_JOB_ISOLATED, run_topology, NULL},
    {"lpg.viewshed", "viewshed.process.json", CIM_JOB_ISOLATED, run_viewshed, NULL},
    {"lpg.why-not", "why_not.process.json", CIM_ANALYSIS_SHORT, run_why_not, NULL},
};

struct lpg_siting *
lpg_analysis_siting(struct lpg_analysis *analysis)
{
    return analysis->siting;
}

cim_status
lpg_analysis_new(const cim_host *host, struct lpg_data *data, const char *folder,
                 struct lpg_analysis **ret_analysis, cim_error *err)
{
    struct lpg_analysis *analysis = calloc(1, sizeof *analysis);
    char path[4096];
    cim_status status;
    if (analysis == NULL) {
        return cim_fail_nomem(err);
    }
    analysis->host = host;
    analysis->data = data;
    (void)snprintf(path, sizeof path, "%s/route_hazards.json", folder);
    status = lpg_route_table_read(path, &analysis->routes, err);
    memcpy(analysis->processes, processes, sizeof processes);
    if (status == CIM_OK) {
        status = lpg_processes_read(analysis->processes, PROCESSES, folder, err);
    }
    if (status == CIM_OK) {
        status = lpg_siting_new(host, data, folder, &analysis->siting, err);
    }
    if (status == CIM_OK) {
        status = lpg_gazetteer_new(host, data, folder, &analysis->gazetteer, err);
    }
    if (status == CIM_OK) {
        lpg_placing_serve(analysis->gazetteer, data);
    }
    if (status == CIM_OK) {
        status = open_caches(host, analysis, err);
    }
    if (status == CIM_OK) {
        analysis->routing = (struct lpg_routing){.host = host,
                                                 .classes = analysis->routes,
                                                 .roads = &analysis->roads,
                                                 .zones = &analysis->zones,
                                                 .elements = &analysis->elements,
                                                 .users = &analysis->users,
                                                 .all_users = &analysis->siting->users,
                                                 .stations = &analysis->siting->stations};
        analysis->siting->routing = &analysis->routing;
        status = lpg_routing_init(&analysis->routing, folder, err);
    }
    if (status != CIM_OK) {
        lpg_analysis_free(analysis);
        return status;
    }
    *ret_analysis = analysis;
    return CIM_OK;
}

struct lpg_routing *
lpg_analysis_routing(struct lpg_analysis *analysis)
{
    return &analysis->routing;
}

/* ---- stored routes ---- */

struct fetching {
    struct lpg_analysis *analysis;
    const cim_call *call;
};

struct line {
    double *lonlat;
    size_t n;
    size_t capacity;
};

static int
begin_line(void *self, uint32_t type, uint32_t count)
{
    struct line *line = self;
    (void)type;
    line->capacity = count;
    line->lonlat = malloc((count > 0 ? count : 1) * 2 * sizeof *line->lonlat);
    return line->lonlat == NULL;
}

static int
add_position(void *self, double x, double y)
{
    struct line *line = self;
    if (line->n == line->capacity) {
        return 1;
    }
    line->lonlat[2 * line->n] = x;
    line->lonlat[2 * line->n + 1] = y;
    line->n++;
    return 0;
}

/* By uid, or by its number; through the layer's query, so in the caller's scope. */
static cim_status
fetch_route(void *arg, const char *id, double **ret_lonlat_deg, size_t *ret_n, cim_error *err)
{
    const struct fetching *fetching = arg;
    struct lpg_layer *layer = lpg_data_layer(fetching->analysis->data, ROUTES);
    CIM_AUTO_BUF struct cim_buf filter;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    cim_query query = {.struct_size = sizeof query, .limit = 1};
    const cim_batch *batch = NULL;
    cim_call call = *fetching->call;
    struct line line = {0};
    const struct cim_wkb_visitor visitor = {
        .self = &line, .begin = begin_line, .point = add_position};
    size_t len;
    const uint8_t *wkb;
    cim_status status;
    cim_buf_init(&filter, 1024);
    call.scope = NULL; /* the layer's own */
    if (strlen(id) == 36) {
        query.uid = id;
    } else {
        cim_buf_add_text(&filter, "{\"op\":\"=\",\"args\":[{\"property\":\"route_no\"},");
        cim_buf_add_json_text(&filter, id, SIZE_MAX);
        cim_buf_add_text(&filter, "]}");
        CIM_TRY(cim_buf_status(&filter, err));
        query.filter_json = filter.data;
    }
    if (layer == NULL) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "route", id, "没有路线图层，请给出 LineString",
                        "there is no layer of routes: give a LineString");
    }
    CIM_TRY(lpg_layer_query(layer, &call, &query, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    if (batch->n_rows == 0 || !cim_column_present(batch->columns[CIM_RECORD_GEOM], 0)) {
        return cim_fail(err, CIM_E_NOTFOUND, "route", id, "没有这条路线，或无权读取",
                        "there is no such route, or it is not yours to read");
    }
    wkb = cim_column_bytes(batch->columns[CIM_RECORD_GEOM], 0, &len);
    status = cim_wkb_walk(wkb, len, &visitor, err);
    if (status != CIM_OK) {
        free(line.lonlat);
        return status == CIM_E_CANCELLED ? cim_fail_nomem(err) : status;
    }
    *ret_lonlat_deg = line.lonlat;
    *ret_n = line.n;
    return CIM_OK;
}

/* ---- driven tracks ---- */

static cim_status
add_fixes(struct lpg_track *track, const cim_rows *rows, const cim_batch *batch, cim_error *err)
{
    const int32_t at = cim_rows_column(rows, "fixed_at");
    const int32_t lon = cim_rows_column(rows, "lon");
    const int32_t lat = cim_rows_column(rows, "lat");
    const size_t n = track->n + (size_t)batch->n_rows;
    double *lonlat = realloc(track->lonlat_deg, n * 2 * sizeof *lonlat);
    track->lonlat_deg = lonlat != NULL ? lonlat : track->lonlat_deg;
    int64_t *at_ms = realloc(track->at_ms, n * sizeof *at_ms);
    track->at_ms = at_ms != NULL ? at_ms : track->at_ms;
    if (lonlat == NULL || at_ms == NULL) {
        return cim_fail_nomem(err);
    }
    if (at < 0 || lon < 0 || lat < 0) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "图层查询缺少列",
                        "a layer query lacks a column");
    }
    for (int64_t i = 0; i < batch->n_rows; i++) {
        lonlat[2 * track->n] = cim_column_f64(batch->columns[lon], i);
        lonlat[2 * track->n + 1] = cim_column_f64(batch->columns[lat], i);
        at_ms[track->n++] = cim_column_i64(batch->columns[at], i);
    }
    return CIM_OK;
}

/* Through the layer's query, so in the caller's scope. */
static cim_status
fetch_track(void *arg, const char *vehicle, int64_t from_ms, int64_t to_ms,
            struct lpg_track *ret_track, cim_error *err)
{
    static const char *const properties[] = {"fixed_at", "lon", "lat"};
    static const char *const sort[] = {"fixed_at"};
    const struct fetching *fetching = arg;
    struct lpg_layer *layer = lpg_data_layer(fetching->analysis->data, TRACKS);
    CIM_AUTO_BUF struct cim_buf filter;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    cim_query query = {.struct_size = sizeof query,
                       .flags = CIM_QUERY_DATETIME | CIM_QUERY_NO_GEOMETRY,
                       .from_ms = from_ms,
                       .to_ms = to_ms,
                       .n_properties = 3,
                       .properties = properties,
                       .n_sort = 1,
                       .sort = sort,
                       .limit = LPG_CHAIN_POSITIONS_MAX + 1};
    cim_call call = *fetching->call;
    const cim_batch *batch = NULL;
    cim_buf_init(&filter, 1024);
    call.scope = NULL; /* the layer's own */
    cim_buf_add_text(&filter, "{\"op\":\"=\",\"args\":[{\"property\":\"vehicle_no\"},");
    cim_buf_add_json_text(&filter, vehicle, SIZE_MAX);
    cim_buf_add_text(&filter, "]}");
    CIM_TRY(cim_buf_status(&filter, err));
    query.filter_json = filter.data;
    if (layer == NULL) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "route", vehicle, "没有车辆定位图层",
                        "there is no layer of vehicle positions");
    }
    CIM_TRY(lpg_layer_query(layer, &call, &query, &rows, err));
    for (;;) {
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            return CIM_OK;
        }
        CIM_TRY(cim_heed_cancel(&call, err));
        CIM_TRY(add_fixes(ret_track, rows, batch, err));
        if (ret_track->n > LPG_CHAIN_POSITIONS_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "route", vehicle,
                            "该时段的定位超过 %d 个，请缩短时段",
                            "more than %d positions in that span: ask for a shorter one",
                            LPG_CHAIN_POSITIONS_MAX);
        }
    }
}

/* ---- the run ---- */

#define NO_SINGLE_ROUTE                                                                            \
    "\"length_m\":null,\"elements\":{\"type\":\"FeatureCollection\",\"features\":[]},\"profile\":" \
    "[],"                                                                                          \
    "\"exposed_population\":null,\"risk\":null,\"restrictions\":[],\"totals\":null,\"assumed\":"   \
    "null"

static void
views_done(struct lpg_route_views *views)
{
    lpg_sites_view_done(&views->elements);
    lpg_sites_view_done(&views->users);
    lpg_sites_view_done(&views->roads);
    lpg_sites_view_done(&views->zones);
}

/* Where the run will look: all routes and the reach around them. */
static void
extent_of(const struct lpg_route_inputs *inputs, double ret_bbox_deg[4])
{
    /* below 60° a degree of longitude is at least half one of latitude */
    const double margin_deg = lpg_route_reach_m(&inputs->question) / 110000.0 * 2.0 + 0.001;
    double box[4] = {HUGE_VAL, HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
    for (size_t r = 0; r < inputs->n_routes; r++) {
        for (size_t i = 0; i < inputs->routes[r].n; i++) {
            const double *p = inputs->routes[r].lonlat_deg + 2 * i;
            box[0] = fmin(box[0], p[0]);
            box[1] = fmin(box[1], p[1]);
            box[2] = fmax(box[2], p[0]);
            box[3] = fmax(box[3], p[1]);
        }
    }
    ret_bbox_deg[0] = fmax(box[0] - margin_deg, -180.0);
    ret_bbox_deg[1] = fmax(box[1] - margin_deg, -90.0);
    ret_bbox_deg[2] = fmin(box[2] + margin_deg, 180.0);
    ret_bbox_deg[3] = fmin(box[3] + margin_deg, 90.0);
}

static cim_status
open_views(struct lpg_analysis *analysis, const cim_call *call,
           const struct lpg_route_inputs *inputs, struct lpg_route_views *views, cim_error *err)
{
    double bbox_deg[4];
    extent_of(inputs, bbox_deg);
    CIM_TRY(lpg_sites_view_open(&analysis->elements, call, bbox_deg, &views->elements, err));
    if (views->elements.sites == NULL) {
        return cim_fail(err, CIM_E_DENIED, "layer", ELEMENTS, "没有读取危险要素的授权",
                        "not granted to read the risk elements");
    }
    CIM_TRY(lpg_sites_view_open(&analysis->users, call, bbox_deg, &views->users, err));
    CIM_TRY(lpg_sites_view_open(&analysis->roads, call, bbox_deg, &views->roads, err));
    return lpg_sites_view_open(&analysis->zones, call, bbox_deg, &views->zones, err);
}

static cim_status
write_routes(const struct lpg_route_inputs *inputs, struct lpg_route_views *views,
             const cim_call *call, cim_job *job, struct cim_buf *out, cim_error *err)
{
    for (size_t i = 0; i < inputs->n_routes; i++) {
        struct lpg_route_report report;
        CIM_TRY(cim_heed_cancel(call, err));
        const cim_status status =
            lpg_route_assess(&inputs->routes[i], &inputs->question, views, call, &report, err);
        if (status != CIM_OK) {
            if (err != NULL && err->param[0] == '\0' && status != CIM_E_NOMEM) {
                (void)snprintf(err->param, sizeof err->param,
                               inputs->many ? "routes[%zu]" : "route", inputs->given[i]);
            }
            return status;
        }
        if (inputs->many) {
            cim_buf_add_text(out, i > 0 ? ",{\"id\":" : "{\"id\":");
            if (inputs->routes[i].id != NULL) {
                cim_buf_add_json_text(out, inputs->routes[i].id, SIZE_MAX);
            } else {
                cim_buf_add_text(out, "null");
            }
        }
        lpg_route_report_write(&inputs->question, views, &report, out);
        cim_buf_add_text(out, inputs->many ? "}" : "");
        lpg_route_report_done(&report);
        if (job != NULL) {
            job->progress(job, (double)(i + 1) / (double)inputs->n_routes, "正在分析路线",
                          "judging the routes");
        }
    }
    return cim_buf_status(out, err);
}

static cim_status
answer(struct lpg_analysis *analysis, const cim_call *call, cim_job *job,
       const struct lpg_route_inputs *inputs, cim_blob *ret_result, cim_error *err)
{
    struct lpg_route_views views = {0};
    CIM_AUTO_BUF struct cim_buf out;
    cim_status status = open_views(analysis, call, inputs, &views, err);
    cim_buf_init(&out, LPG_ROUTE_RESULT_MAX);
    if (status == CIM_OK) {
        cim_buf_add_text(&out, inputs->many ? "{\"results\":[" : "{");
        status = write_routes(inputs, &views, call, job, &out, err);
    }
    if (status == CIM_OK) {
        /* every output is there, whichever of the two was asked */
        cim_buf_add_text(&out, inputs->many ? "]," NO_SINGLE_ROUTE : ",\"results\":[]");
        static const char *const used[] = {ELEMENTS, USERS, ROADS, ZONES};
        lpg_route_kinds_write(&inputs->question, &out);
        cim_buf_add_char(&out, ',');
        status =
            lpg_input_sources_write(analysis->host, used, sizeof used / sizeof used[0], &out, err);
        cim_buf_add_char(&out, '}');
    }
    if (status == CIM_OK) {
        status = cim_buf_status(&out, err);
    }
    views_done(&views);
    CIM_TRY(status);
    cim_buf_to_blob(&out, ret_result);
    return CIM_OK;
}

cim_status
lpg_route_hazards_answer(struct lpg_analysis *analysis, const cim_call *call, cim_job *job,
                         const char *inputs_json, cim_blob *ret_result, cim_error *err)
{
    struct fetching fetching = {analysis, call};
    const struct lpg_route_source source = {&fetching, fetch_route, fetch_track};
    struct lpg_route_inputs inputs = {0};
    cim_status status;
    CIM_TRY(
        lpg_route_inputs_read(inputs_json, analysis->routes, call->now_ms, &source, &inputs, err));
    status = answer(analysis, call, job, &inputs, ret_result, err);
    lpg_route_inputs_done(&inputs);
    return status;
}

/* ---- registration ---- */

cim_status
lpg_analysis_register(struct lpg_analysis *analysis, cim_error *err)
{
    return lpg_processes_register(analysis->processes, PROCESSES, analysis->host, analysis, err);
}
