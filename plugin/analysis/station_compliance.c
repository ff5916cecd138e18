/* plugin/analysis/station_compliance.c -- lpg.station-compliance: every station against every rule,
 * and for those that stand too near the cheapest cure, each proved by judging it again. */
#include "analysis/forbidden.h"
#include "analysis/json_io.h"
#include "analysis/siting.h"
#include "cim/util.h"
#include "geo/geodesic.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CURE_REACH_MAX_M = 5000, OUTLINE_EDGES_MAX = 100000 };

/* Values of a station, as siting.c reads them. */
enum { CLASS, LIMIT_L, FULL_L, TANK_M3 };

struct cure_smaller {
    bool found;
    double volume_m3;
};

struct cure_move {
    bool found;
    double lonlat_deg[2];
    double metres;
    double azimuth_deg;
};

struct assessed {
    uint32_t record;
    struct lpg_separation_station_in station;
    struct lpg_separation_judgement judgement;
    bool class_differs; /* from that of its volume */
    bool outline_known;
    double worst_m; /* metres short, or the least margin; what the ranking goes by */
    struct cure_smaller smaller;
    struct cure_move move;
};

struct run {
    struct lpg_siting *siting;
    const cim_call *call;
    struct lpg_siting_run *with;
    struct lpg_sites_view stations;
    GEOSContextHandle_t geos;
    struct lpg_outline outline; /* of the station at hand */
    double *edges;
    size_t n_edges;
    size_t edges_capacity;
    double position_deg[2];
    cim_error *err;
    cim_status status;
};

/* ---- the station ---- */

static void
station_of(struct run *run, uint32_t record, struct assessed *assessed)
{
    const struct lpg_sites *sites = run->stations.sites;
    const double *values = sites->values + LPG_SITES_VALUES_MAX * (size_t)record;
    struct lpg_separation_station_in *station = &assessed->station;
    double volume_m3 =
        fmax(values[LIMIT_L], values[FULL_L]) / 1000.0; /* fmax takes the known one */
    int number;
    *station = (struct lpg_separation_station_in){
        .quantity = {NAN, NAN, NAN}, .day = run->with->day, .override_m = run->with->override_m};
    switch ((enum lpg_station_kind)sites->code[record]) {
    case LPG_STATION_KIND_STORAGE:
    case LPG_STATION_KIND_FILLING:
        station->stations = 1U << LPG_STATION_STORAGE;
        if (sites->code[record] == LPG_STATION_KIND_FILLING) {
            station->stations |= 1U << LPG_STATION_FILLING;
        }
        station->quantity[LPG_BAND_VOLUME] = values[TANK_M3];
        station->quantity[LPG_BAND_TANK] = values[TANK_M3]; /* no tank is larger than all of them */
        return;
    case LPG_STATION_KIND_ROOM:
        station->stations = 1U << LPG_STATION_GROUP_ROOM;
        station->quantity[LPG_BAND_VOLUME] = volume_m3;
        return;
    case LPG_STATION_KIND_SUPPLY:
        break;
    }
    number = volume_m3 > 0.0 ? lpg_separation_class(run->siting->table, volume_m3) : -1;
    assessed->class_differs =
        number >= 0 && values[CLASS] >= 0.0 && number != LPG_STATION_CLASS1 + (int)values[CLASS];
    if (number < 0 && !(volume_m3 > 0.0) && values[CLASS] >= 0.0) {
        number = LPG_STATION_CLASS1 + (int)values[CLASS];
    }
    if (volume_m3 > 0.0) {
        station->quantity[LPG_BAND_VOLUME] = volume_m3;
    }
    /* above class Ⅰ it is a storage station; of no known class, the strictest */
    station->stations = 1U << (unsigned)(number >= 0       ? number
                                         : volume_m3 > 0.0 ? LPG_STATION_STORAGE
                                                           : LPG_STATION_CLASS1);
}

static bool
in_edges(const double *edges, size_t n, const double p[2])
{
    bool in = false;
    for (size_t i = 0; i < n; i++) {
        const double *a = edges + 4 * i;
        const double *b = a + 2;
        if ((a[1] > p[1]) != (b[1] > p[1]) &&
            p[0] < a[0] + (p[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0])) {
            in = !in;
        }
    }
    return in;
}

/* The gas station's room that the station stands in is its wall. */
static int
see_own_room(void *arg, const struct lpg_receptor_seen *seen)
{
    struct run *run = arg;
    if (!seen->own_room || !seen->area || seen->n_edges > OUTLINE_EDGES_MAX ||
        !in_edges(seen->edges, seen->n_edges, run->position_deg)) {
        return 0;
    }
    if (seen->n_edges > run->edges_capacity) {
        double *grown = realloc(run->edges, seen->n_edges * 4 * sizeof *grown);
        if (grown == NULL) {
            run->status = cim_fail_nomem(run->err);
            return 1;
        }
        run->edges = grown;
        run->edges_capacity = seen->n_edges;
    }
    for (size_t i = 0; i < 2 * seen->n_edges; i++) {
        lpg_tm_forward(&run->outline.tm, seen->edges[2 * i], seen->edges[2 * i + 1],
                       run->edges + 2 * i);
    }
    run->n_edges = seen->n_edges;
    return 1;
}

static cim_status
outline_of(struct run *run, uint32_t record, bool *ret_known)
{
    static const double here[4] = {0.0, 0.0, 0.0, 0.0};
    const double *at = run->stations.sites->lonlat + 2 * (size_t)record;
    const double box_deg[4] = {at[0], at[1], at[0], at[1]};
    memcpy(run->position_deg, at, sizeof run->position_deg);
    lpg_tm_init(&run->outline.tm, at[0], at[1]);
    run->n_edges = 0;
    lpg_receptors_visit(&run->with->views, box_deg, run->with->day, see_own_room, run);
    *ret_known = run->n_edges > 0;
    run->outline.edges = *ret_known ? run->edges : here;
    run->outline.n_edges = *ret_known ? run->n_edges : 1;
    run->outline.area = *ret_known;
    return run->status;
}

static double
outline_radius_m(const struct run *run)
{
    double radius = 0.0;
    for (size_t i = 0; i < 2 * run->outline.n_edges; i++) {
        radius = fmax(radius, hypot(run->outline.edges[2 * i], run->outline.edges[2 * i + 1]));
    }
    return radius;
}

/* ---- cures ---- */

static cim_status
judge_as(struct run *run, const struct lpg_separation_station_in *station,
         struct lpg_separation_judgement *ret_judgement)
{
    struct lpg_separation_demand demand;
    lpg_separation_demand_of(run->with->rules, station, &demand);
    return lpg_separation_judge(&demand, &run->outline, run->with->day, &run->with->views,
                                ret_judgement, run->err);
}

/* The same kind of station with this volume. */
static struct lpg_separation_station_in
with_volume(const struct run *run, const struct lpg_separation_station_in *station,
            double volume_m3)
{
    struct lpg_separation_station_in smaller = *station;
    const uint32_t supply =
        1U << LPG_STATION_CLASS1 | 1U << LPG_STATION_CLASS2 | 1U << LPG_STATION_CLASS3;
    smaller.quantity[LPG_BAND_VOLUME] = volume_m3;
    if ((station->stations & supply) != 0) {
        smaller.stations = 1U << (unsigned)lpg_separation_class(run->siting->table, volume_m3);
    } else if (!isnan(station->quantity[LPG_BAND_TANK])) {
        smaller.quantity[LPG_BAND_TANK] = fmin(station->quantity[LPG_BAND_TANK], volume_m3);
    }
    return smaller;
}

/* The ends of the bands below, largest first; the largest that keeps every distance. */
static cim_status
cure_by_volume(struct run *run, struct assessed *assessed)
{
    const struct lpg_separation_rules *rules = run->with->rules;
    double below_m3 = assessed->station.quantity[LPG_BAND_VOLUME];
    while (below_m3 > 0.0) {
        struct lpg_separation_judgement judgement;
        struct lpg_separation_station_in smaller;
        double next_m3 = 0.0;
        for (size_t i = 0; i < rules->n; i++) {
            const struct lpg_separation_rule *rule = &rules->rules[i];
            const double ends[2] = {rule->over, rule->upto};
            for (int k = 0; k < 2 && rule->band == LPG_BAND_VOLUME; k++) {
                if (ends[k] < below_m3 && ends[k] > next_m3) {
                    next_m3 = ends[k];
                }
            }
        }
        below_m3 = next_m3;
        if (!(next_m3 > 0.0)) {
            break;
        }
        smaller = with_volume(run, &assessed->station, next_m3);
        CIM_TRY(judge_as(run, &smaller, &judgement));
        if (judgement.verdict != LPG_VERDICT_VIOLATES) {
            assessed->smaller = (struct cure_smaller){true, next_m3};
            return CIM_OK;
        }
    }
    return CIM_OK;
}

/* The position nearest to the plane's origin that is not forbidden, within `reach_m`. */
static cim_status
nearest_allowed(struct run *run, const struct lpg_separation_demand *demand, double reach_m,
                bool *ret_found, double ret_xy[2])
{
    GEOSGeometry *land = NULL;
    GEOSGeometry *origin = NULL;
    GEOSGeometry *border = NULL;
    GEOSCoordSequence *pair = NULL;
    double window_deg[4];
    *ret_found = false;
    lpg_separation_window(&run->outline.tm, reach_m + demand->reach_m + 200.0, window_deg);
    CIM_TRY(lpg_forbidden_land(run->geos, &run->outline.tm, demand, UINT32_MAX, window_deg,
                               outline_radius_m(run), run->with->day, &run->with->views, run->call,
                               &land, run->err));
    origin = GEOSGeom_createPointFromXY_r(run->geos, 0.0, 0.0);
    border = GEOSBoundary_r(run->geos, land);
    pair = origin != NULL && border != NULL && GEOSisEmpty_r(run->geos, border) == 0
               ? GEOSNearestPoints_r(run->geos, origin, border)
               : NULL;
    if (pair != NULL && GEOSCoordSeq_getXY_r(run->geos, pair, 1, &ret_xy[0], &ret_xy[1]) != 0) {
        *ret_found = hypot(ret_xy[0], ret_xy[1]) <= reach_m;
    }
    GEOSCoordSeq_destroy_r(run->geos, pair);
    GEOSGeom_destroy_r(run->geos, border);
    GEOSGeom_destroy_r(run->geos, origin);
    GEOSGeom_destroy_r(run->geos, land);
    return CIM_OK;
}

/* Whether the station, moved as it is, keeps every distance there. */
static cim_status
prove_move(struct run *run, const struct assessed *assessed, const double lonlat_deg[2],
           bool *ret_holds)
{
    struct lpg_separation_judgement judgement;
    const struct lpg_tm here = run->outline.tm;
    cim_status status;
    lpg_tm_init(&run->outline.tm, lonlat_deg[0], lonlat_deg[1]);
    status = judge_as(run, &assessed->station, &judgement);
    run->outline.tm = here;
    CIM_TRY(status);
    *ret_holds = judgement.verdict != LPG_VERDICT_VIOLATES;
    return CIM_OK;
}

static cim_status
cure_by_move(struct run *run, struct assessed *assessed)
{
    struct lpg_separation_demand demand;
    lpg_separation_demand_of(run->with->rules, &assessed->station, &demand);
    for (double reach_m = 100.0; reach_m <= CURE_REACH_MAX_M; reach_m *= 4.0) {
        struct cure_move move = {.found = true};
        double xy[2];
        bool found;
        CIM_TRY(nearest_allowed(run, &demand, reach_m, &found, xy));
        if (!found) {
            continue;
        }
        lpg_tm_inverse(&run->outline.tm, xy[0], xy[1], move.lonlat_deg);
        for (int k = 0; k < 2; k++) { /* as it is written: 0.1 mm */
            move.lonlat_deg[k] = nearbyint(move.lonlat_deg[k] * 1e9) / 1e9;
        }
        move.metres = lpg_geodesic_inverse_m(run->position_deg, move.lonlat_deg, &move.azimuth_deg);
        CIM_TRY(prove_move(run, assessed, move.lonlat_deg, &found));
        if (found) {
            assessed->move = move;
        }
        return CIM_OK;
    }
    return CIM_OK;
}

/* ---- all of them ---- */

static double
worst_of(const struct lpg_separation_judgement *judgement)
{
    double worst = HUGE_VAL;
    for (size_t i = 0; i < judgement->n; i++) {
        const struct lpg_separation_line *line = &judgement->lines[i];
        if (line->found && !line->not_inside) {
            worst = fmin(worst, line->margin_m);
        } else if (line->short_of) {
            worst = fmin(worst, 0.0);
        }
    }
    return worst;
}

static cim_status
assess(struct run *run, uint32_t record, struct assessed *assessed)
{
    struct lpg_separation_demand demand;
    *assessed = (struct assessed){.record = record};
    station_of(run, record, assessed);
    CIM_TRY(outline_of(run, record, &assessed->outline_known));
    lpg_separation_demand_of(run->with->rules, &assessed->station, &demand);
    CIM_TRY(lpg_separation_judge(&demand, &run->outline, run->with->day, &run->with->views,
                                 &assessed->judgement, run->err));
    assessed->worst_m = worst_of(&assessed->judgement);
    if (assessed->judgement.verdict == LPG_VERDICT_COMPLIES && !assessed->outline_known) {
        assessed->judgement.verdict = LPG_VERDICT_TO_CONFIRM; /* its walls are not known */
    }
    if (assessed->judgement.verdict != LPG_VERDICT_VIOLATES) {
        return CIM_OK;
    }
    CIM_TRY(cure_by_volume(run, assessed));
    return cure_by_move(run, assessed);
}

/* Violations first, the shortest of metres first; then by uid. */
static int
compare(const void *a, const void *b, void *arg)
{
    const struct assessed *x = a;
    const struct assessed *y = b;
    const struct lpg_sites *sites = arg;
    if (x->judgement.verdict != y->judgement.verdict) {
        return x->judgement.verdict > y->judgement.verdict ? -1 : 1;
    }
    if (x->worst_m != y->worst_m) {
        return x->worst_m < y->worst_m ? -1 : 1;
    }
    return strcmp(sites->text + sites->facts[x->record].uid,
                  sites->text + sites->facts[y->record].uid);
}

/* ---- writing ---- */

/* "cure": the first of them in words. */
static void
write_cure_text(const struct assessed *assessed, struct cim_buf *out)
{
    static const char *const winds_zh[] = {"北", "东北", "东", "东南", "南", "西南", "西", "西北"};
    static const char *const winds_en[] = {"north", "north-east", "east", "south-east",
                                           "south", "south-west", "west", "north-west"};
    if (assessed->smaller.found) {
        cim_buf_addf(out, ",\"cure\":{\"zh\":\"总容积减至 %g m³\",\"en\":\"volume down to %g m³\"}",
                     assessed->smaller.volume_m3, assessed->smaller.volume_m3);
    } else if (assessed->move.found) {
        const int wind = (int)lround(fmod(assessed->move.azimuth_deg + 360.0, 360.0) / 45.0) % 8;
        cim_buf_addf(out, ",\"cure\":{\"zh\":\"向%s移 %.1f m\",\"en\":\"%.1f m to the %s\"}",
                     winds_zh[wind], assessed->move.metres, assessed->move.metres, winds_en[wind]);
    } else {
        cim_buf_add_text(out, ",\"cure\":null");
    }
}

static void
write_cures(const struct assessed *assessed, struct cim_buf *out)
{
    lpg_out_key(out, "cures");
    cim_buf_add_char(out, '[');
    if (assessed->smaller.found) {
        cim_buf_add_text(out, "{\"cure\":\"smaller_volume\",\"volume_m3\":");
        cim_buf_add_double(out, assessed->smaller.volume_m3);
        cim_buf_add_char(out, '}');
    }
    if (assessed->move.found) {
        lpg_out_next(out);
        cim_buf_add_text(out, "{\"cure\":\"move\"");
        lpg_out_m(out, "metres", assessed->move.metres);
        lpg_out_key(out, "azimuth_deg");
        cim_buf_add_coordinate(
            out, nearbyint(fmod(assessed->move.azimuth_deg + 360.0, 360.0) * 10.0) / 10.0);
        lpg_out_point(out, "to", assessed->move.lonlat_deg);
        cim_buf_add_char(out, '}');
    }
    cim_buf_add_char(out, ']');
    write_cure_text(assessed, out);
}

static cim_status
write_assessed(struct run *run, const struct assessed *assessed, struct cim_buf *out)
{
    const struct lpg_sites *sites = run->stations.sites;
    const char *uid = sites->text + sites->facts[assessed->record].uid;
    struct lpg_separation_demand demand;
    lpg_separation_demand_of(run->with->rules, &assessed->station, &demand);
    lpg_out_next(out);
    cim_buf_add_text(out, "{\"type\":\"Feature\"");
    lpg_out_text(out, "id", uid);
    lpg_out_point(out, "geometry", sites->lonlat + 2 * (size_t)assessed->record);
    lpg_out_key(out, "properties");
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "uid", uid);
    lpg_out_text(out, "name", sites->text + sites->facts[assessed->record].name);
    lpg_siting_write_station(&assessed->station, run->with->day, out);
    lpg_out_m(out, "short_m", assessed->worst_m < 0.0 ? -assessed->worst_m : 0.0);
    lpg_out_m(out, "least_margin_m", assessed->worst_m);
    lpg_out_flag(out, "class_differs", assessed->class_differs);
    lpg_out_flag(out, "outline_known", assessed->outline_known);
    lpg_separation_write(&demand, &assessed->judgement, &assessed->station, &run->with->views, out);
    write_cures(assessed, out);
    cim_buf_add_text(out, "}}");
    return cim_buf_status(out, run->err);
}

static cim_status
write_all(struct run *run, const struct assessed *all, size_t n, struct cim_buf *out)
{
    int64_t counts[3] = {0, 0, 0};
    cim_buf_add_text(out, "{\"stations\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < n; i++) {
        counts[all[i].judgement.verdict]++;
        CIM_TRY(write_assessed(run, &all[i], out));
    }
    cim_buf_add_text(out, "]}");
    lpg_out_key(out, "totals");
    cim_buf_add_char(out, '{');
    lpg_out_int(out, "stations", (int64_t)n);
    lpg_out_int(out, "violates", counts[LPG_VERDICT_VIOLATES]);
    lpg_out_int(out, "to_confirm", counts[LPG_VERDICT_TO_CONFIRM]);
    lpg_out_int(out, "complies", counts[LPG_VERDICT_COMPLIES]);
    cim_buf_add_text(out, "}}");
    return cim_buf_status(out, run->err);
}

static cim_status
assess_all(struct run *run, struct json_object *inputs, cim_job *job, struct cim_buf *out)
{
    const struct lpg_sites *sites = run->stations.sites;
    const char *wanted = json_object_get_string(lpg_in_member(inputs, "station"));
    CIM_AUTO_FREE struct assessed *all = malloc((sites->n_records + 1U) * sizeof *all);
    size_t n = 0;
    if (all == NULL) {
        return cim_fail_nomem(run->err);
    }
    for (uint32_t i = 0; i < sites->n_records; i++) {
        if (!lpg_sites_visible(&run->stations, i) ||
            (wanted != NULL && strcmp(wanted, sites->text + sites->facts[i].uid) != 0)) {
            continue;
        }
        CIM_TRY(assess(run, i, &all[n]));
        n++;
        CIM_TRY(cim_heed_cancel(run->call, run->err));
        if (job != NULL) {
            job->progress(job, (double)(i + 1) / sites->n_records, "正在核对站点",
                          "judging the stations");
        }
    }
    if (wanted != NULL && n == 0) {
        return cim_fail(run->err, CIM_E_NOTFOUND, "station", wanted, "没有这个站点，或无权读取",
                        "there is no such station, or it is not yours to read");
    }
    qsort_r(all, n, sizeof *all, compare, (void *)(uintptr_t)sites);
    return write_all(run, all, n, out);
}

cim_status
lpg_station_compliance_answer(struct lpg_siting *siting, const cim_call *call, cim_job *job,
                              const char *inputs_json, cim_blob *ret_result, cim_error *err)
{
    static const double everywhere_deg[4] = {-180.0, -90.0, 180.0, 90.0};
    struct json_object *inputs = NULL;
    struct lpg_siting_run with = {0};
    struct run run = {.siting = siting, .call = call, .with = &with, .err = err};
    CIM_AUTO_BUF struct cim_buf out;
    cim_status status;
    cim_buf_init(&out, LPG_SITING_RESULT_MAX);
    CIM_TRY(cim_json_parse("inputs", inputs_json, strlen(inputs_json), &inputs, err));
    status = lpg_siting_open(siting, call, inputs, everywhere_deg, &with, err);
    if (status == CIM_OK) {
        status = lpg_sites_view_open(&siting->stations, call, everywhere_deg, &run.stations, err);
    }
    if (status == CIM_OK && run.stations.sites == NULL) {
        status = cim_fail(err, CIM_E_DENIED, "layer", "lpg.stations", "没有读取站点的授权",
                          "not granted to read the stations");
    }
    if (status == CIM_OK) {
        run.geos = GEOS_init_r();
        status = run.geos == NULL ? cim_fail_nomem(err) : assess_all(&run, inputs, job, &out);
    }
    if (run.geos != NULL) {
        GEOS_finish_r(run.geos);
    }
    free(run.edges);
    lpg_sites_view_done(&run.stations);
    lpg_siting_run_done(&with);
    (void)json_object_put(inputs);
    CIM_TRY(status);
    cim_buf_to_blob(&out, ret_result);
    return CIM_OK;
}
