/* plugin/analysis/feasible.c -- lpg.siting, its first part: the land in an area where such a
 * station may stand, what each rule takes of it, and where there is none, which rules stand in the
 * way. */
#include "analysis/forbidden.h"
#include "analysis/json_io.h"
#include "analysis/shapes.h"
#include "analysis/siting_choice.h"
#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/geojson.h"
#include "kit/json.h"
#include "kit/wkb.h"

#include <math.h>
#include <string.h>

#define LAND_LEAST_M2 0.01 /* less is a sliver, no land */

struct land {
    struct lpg_siting *siting;
    const cim_call *call;
    cim_job *job;
    struct lpg_siting_run *with;
    struct lpg_separation_station_in station;
    struct lpg_separation_demand demand;
    GEOSContextHandle_t geos;
    struct lpg_tm tm;
    double box_deg[4];                      /* of the area */
    double window_deg[4];                   /* and what reaches into it */
    GEOSGeometry *area;                     /* in the plane */
    GEOSGeometry *base;                     /* what land use and control lines leave of it */
    GEOSGeometry *forbidden[LPG_RECEPTORS]; /* by receptor; NULL: nothing is asked */
    GEOSGeometry *feasible;
    uint32_t in_the_way; /* bits of receptors, where nothing is feasible */
    int64_t n_assumed[LPG_ASSUMED_ALL];
    cim_error *err;
};

static void
land_done(struct land *land)
{
    if (land->geos == NULL) {
        return;
    }
    GEOSGeom_destroy_r(land->geos, land->area);
    GEOSGeom_destroy_r(land->geos, land->base);
    GEOSGeom_destroy_r(land->geos, land->feasible);
    for (int k = 0; k < LPG_RECEPTORS; k++) {
        GEOSGeom_destroy_r(land->geos, land->forbidden[k]);
    }
    GEOS_finish_r(land->geos);
}

/* Puts `made` (NULL: it failed) in the place of `*shape`. */
static cim_status
replace(const struct land *land, GEOSGeometry **shape, GEOSGeometry *made)
{
    if (made == NULL) {
        return cim_fail(land->err, CIM_E_INTERNAL, NULL, NULL, "几何运算失败",
                        "a geometry could not be made");
    }
    GEOSGeom_destroy_r(land->geos, *shape);
    *shape = made;
    return CIM_OK;
}

static double
area_m2(const struct land *land, const GEOSGeometry *shape)
{
    double m2 = 0.0;
    (void)GEOSArea_r(land->geos, shape, &m2);
    return m2;
}

/* ---- the area ---- */

static cim_status
fail_area(const struct land *land, const char *zh, const char *en)
{
    return cim_fail(land->err, CIM_E_INVALID, "area", NULL, "%s%.0s", "%.0s%s", zh, en);
}

/* Where an area crosses itself, so that it can be mended. */
static cim_status
check_valid(const struct land *land, const GEOSGeometry *shape)
{
    char *reason = NULL;
    GEOSGeometry *where = NULL;
    char place[64] = "";
    double at[2];
    if (GEOSisValidDetail_r(land->geos, shape, 0, &reason, &where) == 1) {
        return CIM_OK;
    }
    if (where != NULL && GEOSGeomGetX_r(land->geos, where, &at[0]) == 1 &&
        GEOSGeomGetY_r(land->geos, where, &at[1]) == 1) {
        (void)snprintf(place, sizeof place, "%.7f, %.7f", at[0], at[1]);
    }
    (void)cim_fail(land->err, CIM_E_INVALID, "area", place,
                   "范围不是合法的面（%s），位置 %s，请改正后再试",
                   "the area is not valid (%s) at %s: mend it and try again",
                   reason != NULL ? reason : "?", place);
    GEOSFree_r(land->geos, reason);
    GEOSGeom_destroy_r(land->geos, where);
    return CIM_E_INVALID;
}

/* Parcels that touch or overlap are one area: a red line of several is seldom valid as it is. */
static cim_status
join_parts(struct land *land)
{
    const int n = GEOSGetNumGeometries_r(land->geos, land->area);
    if (n <= 1 || GEOSisValid_r(land->geos, land->area) == 1) {
        return check_valid(land, land->area);
    }
    for (int i = 0; i < n; i++) {
        CIM_TRY(check_valid(land, GEOSGetGeometryN_r(land->geos, land->area, i)));
    }
    return replace(land, &land->area, GEOSUnaryUnion_r(land->geos, land->area));
}

static int
to_plane(double *x, double *y, void *arg)
{
    double xy[2];
    lpg_tm_forward(arg, *x, *y, xy);
    *x = xy[0];
    *y = xy[1];
    return 1;
}

static int
count_position(void *self, double x, double y)
{
    (void)x;
    (void)y;
    return ++*(int64_t *)self > LPG_SITING_AREA_POSITIONS_MAX;
}

static cim_status
read_wkb(struct land *land, const struct cim_buf *wkb)
{
    GEOSWKBReader *reader = GEOSWKBReader_create_r(land->geos);
    GEOSGeometry *read =
        reader != NULL
            ? GEOSWKBReader_read_r(land->geos, reader, (const unsigned char *)wkb->data, wkb->len)
            : NULL;
    GEOSWKBReader_destroy_r(land->geos, reader);
    return replace(land, &land->area, read);
}

static cim_status
place(struct land *land)
{
    const double *box = land->box_deg;
    double west[2];
    double east[2];
    if (box[0] < -180.0 || box[2] > 180.0 || box[1] < -60.0 || box[3] > 60.0) {
        return fail_area(land, "应为经度 ±180、纬度 ±60 以内（度）",
                         "expected degrees within ±180 and ±60");
    }
    lpg_tm_init(&land->tm, (box[0] + box[2]) / 2.0, (box[1] + box[3]) / 2.0);
    if (box[2] - box[0] > 10.0 || box[3] - box[1] > 10.0) {
        return cim_fail(land->err, CIM_E_TOO_LARGE, "area", NULL, "东西、南北最多 %d km",
                        "at most %d km from west to east and from south to north",
                        LPG_SITING_WIDTH_MAX_M / 1000);
    }
    lpg_tm_forward(&land->tm, box[0], box[1], west);
    lpg_tm_forward(&land->tm, box[2], box[3], east);
    if (east[0] - west[0] > LPG_SITING_WIDTH_MAX_M || east[1] - west[1] > LPG_SITING_WIDTH_MAX_M) {
        return cim_fail(land->err, CIM_E_TOO_LARGE, "area", NULL, "东西、南北最多 %d km",
                        "at most %d km from west to east and from south to north",
                        LPG_SITING_WIDTH_MAX_M / 1000);
    }
    return CIM_OK;
}

/* The area as given, still in degrees, and the plane in its middle. */
static cim_status
read_area(struct land *land, struct json_object *inputs)
{
    struct json_object *geometry = lpg_in_member(inputs, "area");
    const char *type = json_object_get_string(lpg_in_member(geometry, "type"));
    int64_t n_positions = 0;
    const struct cim_wkb_visitor counter = {.self = &n_positions, .point = count_position};
    CIM_AUTO_BUF struct cim_buf wkb;
    cim_buf_init(&wkb, CIM_WKB_BYTES_MAX);
    if (type != NULL && strcmp(type, "Feature") == 0) {
        geometry = lpg_in_member(geometry, "geometry");
        type = json_object_get_string(lpg_in_member(geometry, "type"));
    }
    if (type == NULL || (strcmp(type, "Polygon") != 0 && strcmp(type, "MultiPolygon") != 0)) {
        return fail_area(land, "应为 GeoJSON Polygon 或 MultiPolygon",
                         "expected a GeoJSON Polygon or MultiPolygon");
    }
    if (cim_geojson_to_wkb(geometry, false, &wkb, land->err) != CIM_OK) {
        const cim_status status = (cim_status)land->err->code;
        cim_copy_text(land->err->param, sizeof land->err->param, "area");
        return status;
    }
    if (cim_wkb_walk(wkb.data, wkb.len, &counter, NULL) != CIM_OK ||
        n_positions > LPG_SITING_AREA_POSITIONS_MAX) {
        return cim_fail(land->err, CIM_E_TOO_LARGE, "area", NULL, "范围最多 %d 个点，请抽稀",
                        "at most %d positions: simplify the area", LPG_SITING_AREA_POSITIONS_MAX);
    }
    if (cim_wkb_bbox(wkb.data, wkb.len, land->box_deg, NULL) != CIM_OK) {
        return fail_area(land, "范围是空的", "the area is empty");
    }
    CIM_TRY(place(land));
    CIM_TRY(read_wkb(land, &wkb));
    return join_parts(land);
}

/* ---- land use ---- */

struct parcels {
    struct land *land;
    struct lpg_sites_view *view;
    bool allowed_only; /* those of land-use classes where such a station may stand */
    GEOSGeometry *all;
    cim_status status;
};

static int
add_parcel(void *arg, uint32_t i)
{
    struct parcels *parcels = arg;
    struct land *land = parcels->land;
    const struct lpg_sites *sites = parcels->view->sites;
    const uint32_t record = lpg_sites_record(sites, i);
    const struct lpg_site_facts *facts = &sites->facts[record];
    const size_t first = record > 0 ? sites->edge_end[record - 1] : 0;
    const uint32_t stations = land->siting->table->land_use.rows[sites->code[record]].receptors;
    GEOSGeometry *shape = NULL;
    if (land->with->day < facts->from_day || land->with->day > facts->to_day ||
        (parcels->allowed_only && (stations & land->station.stations) != land->station.stations) ||
        !lpg_sites_visible(parcels->view, record)) {
        return 0;
    }
    parcels->status = lpg_shape_area(land->geos, &land->tm, sites->edges + 4 * first,
                                     sites->edge_end[record] - first, &shape, land->err);
    if (parcels->status == CIM_OK && shape != NULL) {
        parcels->status =
            replace(land, &parcels->all,
                    parcels->all == NULL ? shape : GEOSUnion_r(land->geos, parcels->all, shape));
        if (parcels->all != shape) {
            GEOSGeom_destroy_r(land->geos, shape);
        }
    }
    return parcels->status != CIM_OK;
}

/* All parcels that count, joined; empty where there are none. */
static cim_status
join_parcels(struct land *land, struct lpg_sites_cache *cache, bool allowed_only,
             GEOSGeometry **ret_all)
{
    struct lpg_sites_view view = {0};
    struct parcels parcels = {.land = land, .view = &view, .allowed_only = allowed_only};
    CIM_TRY(lpg_sites_view_open(cache, land->call, land->box_deg, &view, land->err));
    if (view.sites == NULL) {
        return cim_fail(land->err, CIM_E_DENIED, "land_use", cache->spec.layer,
                        "没有读取 %s 的授权；取得授权，或令 land_use 为 ignore",
                        "not granted to read %s: get the grant, or set land_use to ignore",
                        cache->spec.layer);
    }
    parcels.all = GEOSGeom_createEmptyPolygon_r(land->geos);
    lpg_sites_search_in_order(view.sites, land->box_deg, add_parcel, &parcels);
    lpg_sites_view_done(&view);
    if (parcels.status != CIM_OK) {
        GEOSGeom_destroy_r(land->geos, parcels.all);
        return parcels.status;
    }
    *ret_all = parcels.all;
    return CIM_OK;
}

static cim_status
apply_land_use(struct land *land, struct json_object *inputs)
{
    const char *land_use = json_object_get_string(lpg_in_member(inputs, "land_use"));
    GEOSGeometry *parcels = NULL;
    cim_status status;
    CIM_TRY(replace(land, &land->base, GEOSGeom_clone_r(land->geos, land->area)));
    if (land_use != NULL && strcmp(land_use, "ignore") == 0) {
        return CIM_OK;
    }
    CIM_TRY(join_parcels(land, &land->siting->land_use, true, &parcels));
    status = replace(land, &land->base, GEOSIntersection_r(land->geos, land->base, parcels));
    GEOSGeom_destroy_r(land->geos, parcels);
    CIM_TRY(status);
    CIM_TRY(join_parcels(land, &land->siting->control_lines, false, &parcels));
    status = replace(land, &land->base, GEOSDifference_r(land->geos, land->base, parcels));
    GEOSGeom_destroy_r(land->geos, parcels);
    return status;
}

/* ---- separations ---- */

static int
count_assumed(void *arg, const struct lpg_receptor_seen *seen)
{
    struct land *land = arg;
    uint32_t assumed = 0;
    for (int k = 0; k < LPG_RECEPTORS; k++) {
        if ((seen->kinds >> (unsigned)k & 1U) != 0 && land->forbidden[k] != NULL) {
            assumed |= lpg_receptor_assumed((enum lpg_receptor)k, seen->assumed);
        }
    }
    for (unsigned i = 0; i < LPG_ASSUMED_ALL; i++) {
        land->n_assumed[i] += assumed >> i & 1U;
    }
    return 0;
}

static cim_status
subtract(struct land *land)
{
    const double widest_m = 100.0; /* half of the widest road */
    const double slack_deg = 0.0001;
    const double reach_deg =
        (land->demand.reach_m + widest_m +
         land->siting->table->parameters[LPG_SEPARATION_POLE_HEIGHT_M] * 10.0) /
            110000.0 +
        slack_deg;
    /* below 60° a degree of longitude is at least half one of latitude */
    const double window_deg[4] = {land->box_deg[0] - 2.0 * reach_deg, land->box_deg[1] - reach_deg,
                                  land->box_deg[2] + 2.0 * reach_deg, land->box_deg[3] + reach_deg};
    memcpy(land->window_deg, window_deg, sizeof window_deg);
    CIM_TRY(replace(land, &land->feasible, GEOSGeom_clone_r(land->geos, land->base)));
    for (int k = 0; k < LPG_RECEPTORS; k++) {
        if (land->demand.of[k].rule < 0 && land->demand.of[k].height_rule < 0 &&
            land->demand.of[k].inside_rule < 0) {
            continue;
        }
        CIM_TRY(lpg_forbidden_land(land->geos, &land->tm, &land->demand, 1U << (unsigned)k,
                                   window_deg, 0.0, land->with->day, &land->with->views, land->call,
                                   &land->forbidden[k], land->err));
        CIM_TRY(replace(land, &land->feasible,
                        GEOSDifference_r(land->geos, land->feasible, land->forbidden[k])));
        if (land->job != NULL) {
            land->job->progress(land->job, 0.1 + 0.8 * (k + 1) / LPG_RECEPTORS, "正在扣除间距",
                                "taking off the separations");
        }
    }
    lpg_receptors_visit(&land->with->views, window_deg, land->with->day, count_assumed, land);
    return CIM_OK;
}

/* Receptors whose rules together leave nothing, none of them idle: one after the other is put back
 * where something remains. Without them there is land, and with any of them more there is none. */
static cim_status
explain(struct land *land)
{
    GEOSGeometry *rest = NULL;
    if (area_m2(land, land->feasible) >= LAND_LEAST_M2 ||
        area_m2(land, land->base) < LAND_LEAST_M2) {
        return CIM_OK;
    }
    rest = GEOSGeom_clone_r(land->geos, land->base);
    for (int k = 0; k < LPG_RECEPTORS && rest != NULL; k++) {
        GEOSGeometry *less;
        if (land->forbidden[k] == NULL) {
            continue;
        }
        less = GEOSDifference_r(land->geos, rest, land->forbidden[k]);
        if (less != NULL && area_m2(land, less) >= LAND_LEAST_M2) {
            GEOSGeom_destroy_r(land->geos, rest);
            rest = less;
        } else {
            GEOSGeom_destroy_r(land->geos, less);
            land->in_the_way |= 1U << (unsigned)k;
        }
    }
    GEOSGeom_destroy_r(land->geos, rest);
    return CIM_OK;
}

/* ---- writing ---- */

/* The rows in force that ask something of this receptor. */
static void
write_rule_numbers(const struct land *land, int receptor, struct cim_buf *out)
{
    for (size_t i = 0; i < land->demand.rules->n; i++) {
        const struct lpg_separation_rule *rule = &land->demand.rules->rules[i];
        if (rule->receptor == receptor && lpg_separation_rule_counts(rule, &land->station, i)) {
            lpg_out_next(out);
            cim_buf_add_json_text(out, rule->rule_no, SIZE_MAX);
        }
    }
}

static void
write_taken(const struct land *land, struct cim_buf *out)
{
    lpg_out_key(out, "rules");
    cim_buf_add_char(out, '[');
    for (int k = 0; k < LPG_RECEPTORS; k++) {
        const GEOSGeometry *forbidden = land->forbidden[k];
        GEOSGeometry *taken;
        int rule;
        if (forbidden == NULL) {
            continue;
        }
        taken = GEOSIntersection_r(land->geos, land->base, forbidden);
        rule = land->demand.of[k].rule >= 0          ? land->demand.of[k].rule
               : land->demand.of[k].height_rule >= 0 ? land->demand.of[k].height_rule
                                                     : land->demand.of[k].inside_rule;
        lpg_out_next(out);
        cim_buf_add_char(out, '{');
        lpg_out_text(out, "receptor", lpg_receptor_names[k]);
        lpg_out_m(out, "required_m", land->demand.of[k].metres);
        lpg_out_m(out, "takes_m2", taken != NULL ? area_m2(land, taken) : NAN);
        lpg_separation_write_rule(&land->demand.rules->rules[rule], &land->station, (size_t)rule,
                                  out);
        cim_buf_add_char(out, '}');
        GEOSGeom_destroy_r(land->geos, taken);
    }
    cim_buf_add_char(out, ']');
}

static void
write_conflict(const struct land *land, struct cim_buf *out)
{
    const bool no_base = area_m2(land, land->base) < LAND_LEAST_M2;
    lpg_out_key(out, "conflict");
    if (land->in_the_way == 0 && !no_base) {
        cim_buf_add_text(out, "null");
        return;
    }
    cim_buf_add_char(out, '{');
    lpg_out_flag(out, "land_use", no_base);
    lpg_out_key(out, "rules");
    cim_buf_add_char(out, '[');
    for (int k = 0; k < LPG_RECEPTORS; k++) {
        if ((land->in_the_way >> (unsigned)k & 1U) != 0) {
            write_rule_numbers(land, k, out);
        }
    }
    cim_buf_add_text(out, "]}");
}

static cim_status
write_land(struct land *land, struct json_object *inputs, struct cim_buf *out)
{
    const struct lpg_choice_ground ground = {.siting = land->siting,
                                             .call = land->call,
                                             .job = land->job,
                                             .with = land->with,
                                             .station = &land->station,
                                             .demand = &land->demand,
                                             .geos = land->geos,
                                             .tm = &land->tm,
                                             .box_deg = land->box_deg,
                                             .area = land->area,
                                             .base = land->base,
                                             .feasible = land->feasible};
    cim_buf_add_char(out, '{');
    lpg_out_key(out, "feasible");
    CIM_TRY(lpg_shape_write(land->geos, &land->tm, land->feasible, out, land->err));
    lpg_out_m(out, "area_m2", area_m2(land, land->area));
    lpg_out_m(out, "land_use_m2", area_m2(land, land->base));
    lpg_out_m(out, "feasible_m2", area_m2(land, land->feasible));
    lpg_siting_write_station(&land->station, land->with->day, out);
    write_taken(land, out);
    write_conflict(land, out);
    lpg_out_key(out, "assumed");
    cim_buf_add_char(out, '{');
    for (int i = 0; i < LPG_ASSUMED_ALL; i++) {
        if (land->n_assumed[i] > 0) {
            lpg_out_int(out, lpg_assumed_names[i], land->n_assumed[i]);
        }
    }
    cim_buf_add_char(out, '}');
    lpg_separation_write_unmeasured(&land->with->views, out);
    CIM_TRY(lpg_siting_choose(&ground, inputs, out, land->err));
    cim_buf_add_char(out, '}');
    return cim_buf_status(out, land->err);
}

/* ---- the run ---- */

static cim_status
find_land(struct land *land, struct json_object *inputs, struct cim_buf *out)
{
    CIM_TRY(lpg_siting_read_station(inputs, land->siting->table, &land->station, land->err));
    CIM_TRY(
        lpg_siting_open(land->siting, land->call, inputs, land->box_deg, land->with, land->err));
    land->station.day = land->with->day;
    land->station.override_m = land->with->override_m;
    for (int i = 0; i < 4; i++) {
        const double corner_deg[2] = {land->box_deg[i % 2 * 2], land->box_deg[i / 2 * 2 + 1]};
        CIM_TRY(lpg_siting_covers(land->with, corner_deg, "area", land->err));
    }
    lpg_separation_demand_of(land->with->rules, &land->station, &land->demand);
    CIM_TRY(replace(land, &land->area,
                    GEOSGeom_transformXY_r(land->geos, land->area, to_plane, &land->tm)));
    CIM_TRY(apply_land_use(land, inputs));
    CIM_TRY(subtract(land));
    CIM_TRY(explain(land));
    return write_land(land, inputs, out);
}

cim_status
lpg_siting_answer(struct lpg_siting *siting, const cim_call *call, cim_job *job,
                  const char *inputs_json, cim_blob *ret_result, cim_error *err)
{
    struct json_object *inputs = NULL;
    struct lpg_siting_run with = {0};
    cim_error own = {0};
    struct land land = {
        .siting = siting, .call = call, .job = job, .with = &with, .err = err != NULL ? err : &own};
    CIM_AUTO_BUF struct cim_buf out;
    cim_status status;
    cim_buf_init(&out, LPG_SITING_RESULT_MAX);
    CIM_TRY(cim_json_parse("inputs", inputs_json, strlen(inputs_json), &inputs, err));
    land.geos = GEOS_init_r();
    status = land.geos == NULL ? cim_fail_nomem(err) : read_area(&land, inputs);
    if (status == CIM_OK) {
        status = find_land(&land, inputs, &out);
    }
    land_done(&land);
    lpg_siting_run_done(&with);
    (void)json_object_put(inputs);
    CIM_TRY(status);
    cim_buf_to_blob(&out, ret_result);
    return CIM_OK;
}
