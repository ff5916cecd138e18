/* plugin/analysis/safer_route.c -- lpg.safer-route: every way of which none is better in length,
 * time and exposure at once. */
#include "analysis/exposure.h"
#include "analysis/input_sources.h"
#include "analysis/json_io.h"
#include "analysis/no_way.h"
#include "analysis/pareto.h"
#include "analysis/routing.h"
#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALTERNATIVES = 8, ALTERNATIVES_MAX = 50, RESULT_MAX = 64 << 20 };

/* A share of an edge, from one place on it to another. */
struct way {
    uint32_t edge;
    double from;
    double to;
};

struct trip {
    struct lpg_routing *routing;
    const cim_call *call;
    cim_job *job;
    struct lpg_routing_run with;
    struct lpg_route_question question;
    struct lpg_route_views views;
    struct lpg_exposure exposure;
    struct lpg_stop ends[2];
    size_t n_ways, ways_capacity;
    struct way *ways; /* one an arc */
    struct lpg_pareto_arc *arcs;
    int64_t *edge_exposure; /* of whole edges; -1: not known yet */
    struct lpg_path scratch;
    struct lpg_pareto_answer answer;
    size_t n_wanted;
    cim_error *err;
};

static void
trip_done(struct trip *trip)
{
    lpg_pareto_answer_done(&trip->answer);
    lpg_sites_view_done(&trip->views.elements);
    lpg_sites_view_done(&trip->views.users);
    lpg_sites_view_done(&trip->views.roads);
    lpg_sites_view_done(&trip->views.zones);
    lpg_routing_run_done(&trip->with);
    free(trip->ways);
    free(trip->arcs);
    free(trip->edge_exposure);
    free(trip->scratch.xy);
}

/* ---- inputs ---- */

static cim_status
open_trip(struct trip *trip, struct json_object *inputs)
{
    static const double everywhere[4] = {-180.0, -90.0, 180.0, 90.0};
    struct lpg_routing *routing = trip->routing;
    struct lpg_route_question *question = &trip->question;
    double wanted = ALTERNATIVES;
    double places[2][2];
    if (lpg_in_member(inputs, "from") == NULL || lpg_in_member(inputs, "to") == NULL) {
        const char *missing = lpg_in_member(inputs, "from") == NULL ? "from" : "to";
        return cim_fail(trip->err, CIM_E_INVALID, missing, NULL, "应给出起点 from 与终点 to",
                        "expected from and to, both points");
    }
    CIM_TRY(lpg_in_point(inputs, "from", places[0], trip->err));
    CIM_TRY(lpg_in_point(inputs, "to", places[1], trip->err));
    CIM_TRY(lpg_in_number(inputs, "alternatives", 1.0, ALTERNATIVES_MAX, &wanted, trip->err));
    question->table = routing->classes;
    question->exposure_m = routing->classes->parameters[LPG_ROUTE_EXPOSURE_M];
    CIM_TRY(lpg_in_number(inputs, "exposure_m", 1.0, LPG_ROUTE_DISTANCE_MAX_M,
                          &question->exposure_m, trip->err));
    trip->n_wanted = (size_t)wanted;
    CIM_TRY(
        lpg_routing_open(routing, trip->call, inputs, "cylinder_truck", &trip->with, trip->err));
    question->as_of_day = trip->with.day;
    question->has_departure = trip->with.has_departure;
    question->depart_ms = trip->with.depart_ms;
    for (int k = 0; k < routing->classes->n_kinds; k++) {
        question->wanted[k] = true;
    }
    CIM_TRY(lpg_sites_view_open(routing->elements, trip->call, everywhere, &trip->views.elements,
                                trip->err));
    if (trip->views.elements.sites == NULL) {
        return cim_fail(trip->err, CIM_E_DENIED, "layer", "lpg.risk-elements",
                        "没有读取危险要素的授权", "not granted to read the risk elements");
    }
    CIM_TRY(
        lpg_sites_view_open(routing->users, trip->call, everywhere, &trip->views.users, trip->err));
    CIM_TRY(
        lpg_sites_view_open(routing->roads, trip->call, everywhere, &trip->views.roads, trip->err));
    CIM_TRY(
        lpg_sites_view_open(routing->zones, trip->call, everywhere, &trip->views.zones, trip->err));
    trip->exposure = (struct lpg_exposure){question, &trip->views};
    CIM_TRY(lpg_routing_stop(&trip->with, places[0], "from", &trip->ends[0], trip->err));
    CIM_TRY(lpg_routing_stop(&trip->with, places[1], "to", &trip->ends[1], trip->err));
    if (hypot(trip->ends[0].xy[0] - trip->ends[1].xy[0],
              trip->ends[0].xy[1] - trip->ends[1].xy[1]) <= LPG_NETWORK_TOUCH_M) {
        return cim_fail(trip->err, CIM_E_INVALID, "to", NULL, "起点与终点落在道路上的同一处",
                        "from and to lie at the same place of the road");
    }
    return CIM_OK;
}

/* ---- the graph of the run ---- */

static bool
add_way(struct trip *trip, uint32_t from, uint32_t to, uint32_t edge, double from_share,
        double to_share)
{
    const double share = fabs(to_share - from_share);
    const bool whole = share == 1.0;
    const int64_t length = trip->with.network->edges[edge].length_mm;
    const int64_t time = trip->with.travel.time_ms[edge];
    if (trip->n_ways == trip->ways_capacity) {
        const size_t capacity = trip->ways_capacity == 0 ? 4096 : trip->ways_capacity * 2;
        struct way *ways = realloc(trip->ways, capacity * sizeof *ways);
        trip->ways = ways != NULL ? ways : trip->ways;
        struct lpg_pareto_arc *arcs = realloc(trip->arcs, capacity * sizeof *arcs);
        trip->arcs = arcs != NULL ? arcs : trip->arcs;
        if (ways == NULL || arcs == NULL) {
            return false;
        }
        trip->ways_capacity = capacity;
    }
    trip->ways[trip->n_ways] = (struct way){edge, from_share, to_share};
    trip->arcs[trip->n_ways++] =
        (struct lpg_pareto_arc){from, to, whole ? length : llround((double)length * share),
                                whole ? time : llround((double)time * share)};
    return true;
}

/* Both ends of the edge at which the trip starts (side 0) or ends, and the way between both where
 * they lie on one edge. */
static bool
add_stop(struct trip *trip, int side)
{
    const struct lpg_network *network = trip->with.network;
    const struct lpg_stop *stop = &trip->ends[side];
    const struct lpg_stop *other = &trip->ends[1 - side];
    const struct lpg_edge *edge = &network->edges[stop->edge];
    const uint32_t node = network->n_nodes + (uint32_t)side;
    const uint8_t ways = trip->with.travel.ways[stop->edge];
    const bool forward = (ways & LPG_WAY_FORWARD) != 0;
    const bool backward = (ways & LPG_WAY_BACKWARD) != 0;
    if (side == 0) {
        const bool direct =
            stop->edge == other->edge && (other->share > stop->share ? forward : backward);
        return (!direct || add_way(trip, node, node + 1, stop->edge, stop->share, other->share)) &&
               (!forward || add_way(trip, node, edge->to, stop->edge, stop->share, 1.0)) &&
               (!backward || add_way(trip, node, edge->from, stop->edge, stop->share, 0.0));
    }
    return (!forward || add_way(trip, edge->from, node, stop->edge, 0.0, stop->share)) &&
           (!backward || add_way(trip, edge->to, node, stop->edge, 1.0, stop->share));
}

static cim_status
make_graph(struct trip *trip)
{
    const struct lpg_network *network = trip->with.network;
    bool made = true;
    trip->edge_exposure = malloc((network->n_edges + 1U) * sizeof *trip->edge_exposure);
    if (trip->edge_exposure == NULL) {
        return cim_fail_nomem(trip->err);
    }
    for (uint32_t e = 0; e < network->n_edges && made; e++) {
        const struct lpg_edge *edge = &network->edges[e];
        const uint8_t ways = trip->with.travel.ways[e];
        trip->edge_exposure[e] = -1;
        made =
            ((ways & LPG_WAY_FORWARD) == 0 || add_way(trip, edge->from, edge->to, e, 0.0, 1.0)) &&
            ((ways & LPG_WAY_BACKWARD) == 0 || add_way(trip, edge->to, edge->from, e, 1.0, 0.0));
    }
    made = made && add_stop(trip, 0) && add_stop(trip, 1);
    return made ? CIM_OK : cim_fail_nomem(trip->err);
}

static int64_t
exposure_of(void *arg, size_t arc)
{
    struct trip *trip = arg;
    const struct way *way = &trip->ways[arc];
    const bool whole = fabs(way->to - way->from) == 1.0;
    int64_t sum;
    if (whole && trip->edge_exposure[way->edge] >= 0) {
        return trip->edge_exposure[way->edge];
    }
    trip->scratch.n = 0;
    /* as drawn, so that both directions come to the same */
    if (!lpg_network_piece(trip->with.network, way->edge, fmin(way->from, way->to),
                           fmax(way->from, way->to), &trip->scratch)) {
        return -1;
    }
    sum = lpg_exposure_along(&trip->exposure, &trip->with.network->tm, trip->scratch.xy,
                             trip->scratch.n);
    if (whole) {
        trip->edge_exposure[way->edge] = sum;
    }
    return sum;
}

static int64_t
pass(void *arg, size_t arc, int64_t at)
{
    const struct trip *trip = arg;
    const int64_t time = trip->arcs[arc].time;
    const struct way *way = &trip->ways[arc];
    const int64_t leave =
        trip->with.restricted
            ? lpg_closures_leave(&trip->with.closures, way->edge, way->from, way->to, at, time)
            : at;
    return leave < 0 ? -1 : leave + time;
}

static cim_status
find_ways(struct trip *trip)
{
    const uint32_t n_nodes = trip->with.network->n_nodes;
    struct lpg_pareto_graph graph = {
        .n_nodes = n_nodes + 2, .arg = trip, .exposure = exposure_of, .pass = pass};
    CIM_TRY(make_graph(trip));
    graph.n_arcs = trip->n_ways;
    graph.arcs = trip->arcs;
    CIM_TRY(
        lpg_pareto_search(&graph, n_nodes, n_nodes + 1, 0, trip->call, &trip->answer, trip->err));
    return trip->answer.n > 0 ? CIM_OK : lpg_no_way(&trip->with, trip->ends, trip->err);
}

/* ---- choosing what is shown ---- */

/* Of the whole set at most so many: the best of each criterion, then again and again the one that
 * differs most from those there are, each criterion by its range. */
static void
pick(const struct lpg_pareto_answer *answer, size_t most, bool *picked)
{
    int64_t range[LPG_CRITERIA];
    size_t best[LPG_CRITERIA] = {0};
    size_t n = 0;
    for (int k = 0; k < LPG_CRITERIA; k++) {
        int64_t high = answer->paths[0].cost[k];
        for (size_t i = 1; i < answer->n; i++) {
            high = answer->paths[i].cost[k] > high ? answer->paths[i].cost[k] : high;
            best[k] = answer->paths[i].cost[k] < answer->paths[best[k]].cost[k] ? i : best[k];
        }
        range[k] = high - answer->paths[best[k]].cost[k];
    }
    for (int k = 0; k < LPG_CRITERIA && n < most; k++) {
        n += !picked[best[k]];
        picked[best[k]] = true;
    }
    while (n < most && n < answer->n) {
        size_t farthest = SIZE_MAX;
        double far = -1.0;
        for (size_t i = 0; i < answer->n; i++) {
            double near = HUGE_VAL;
            for (size_t j = 0; j < answer->n && !picked[i]; j++) {
                double apart = 0.0;
                for (int k = 0; k < LPG_CRITERIA && picked[j]; k++) {
                    const double d =
                        fabs((double)(answer->paths[i].cost[k] - answer->paths[j].cost[k]));
                    apart = fmax(apart, range[k] > 0 ? d / (double)range[k] : 0.0);
                }
                near = picked[j] ? fmin(near, apart) : near;
            }
            if (!picked[i] && near > far) {
                far = near;
                farthest = i;
            }
        }
        picked[farthest] = true;
        n++;
    }
}

/* ---- writing ---- */

static void
write_stop(const struct lpg_network *network, const char *key, const struct lpg_stop *stop,
           struct cim_buf *out)
{
    double lonlat[2];
    lpg_tm_inverse(&network->tm, stop->xy[0], stop->xy[1], lonlat);
    lpg_out_key(out, key);
    cim_buf_add_char(out, '{');
    lpg_out_point(out, "on_road", lonlat);
    lpg_out_m(out, "gap_m", stop->gap_m);
    cim_buf_add_char(out, '}');
}

static double
round_to(double value, double unit)
{
    return nearbyint(value / unit) * unit;
}

static void
write_best(const struct lpg_pareto_answer *answer, size_t number, struct cim_buf *out)
{
    static const char *const names[LPG_CRITERIA] = {"length", "time", "exposure"};
    lpg_out_key(out, "best");
    cim_buf_add_char(out, '[');
    for (int k = 0; k < LPG_CRITERIA; k++) {
        bool best = true;
        for (size_t i = 0; i < answer->n && best; i++) {
            best = answer->paths[i].cost[k] >= answer->paths[number].cost[k];
        }
        if (best) {
            lpg_out_next(out);
            cim_buf_add_json_text(out, names[k], SIZE_MAX);
        }
    }
    cim_buf_add_char(out, ']');
}

/* What a record of lpg.transport-routes takes, to be approved; its number and name are given by who
 * saves it. */
static void
write_record(const struct lpg_pareto_path *path, const struct lpg_route_report *report,
             struct cim_buf *out)
{
    lpg_out_key(out, "record");
    cim_buf_add_char(out, '{');
    lpg_out_m(out, "length_km", round_to((double)path->cost[LPG_LENGTH] / 1e6, 1e-3));
    lpg_out_int(out, "expected_min", (int64_t)ceil((double)path->cost[LPG_TIME] / 6e4));
    lpg_out_text(out, "state", "draft");
    lpg_out_int(out, "exposed_persons", llround(report->persons_in_elements + report->residents));
    lpg_out_int(out, "hazard_count", (int64_t)report->n_hits);
    cim_buf_add_char(out, '}');
}

static cim_status
write_alternative(struct trip *trip, size_t number, struct cim_buf *out)
{
    const struct lpg_pareto_path *path = &trip->answer.paths[number];
    const struct lpg_network *network = trip->with.network;
    struct lpg_route_report report = {0};
    struct lpg_route route = {0};
    CIM_AUTO_FREE double *lonlat = NULL;
    int64_t driven_ms = 0;
    trip->scratch.n = 0;
    for (size_t i = 0; i < path->n; i++) {
        const struct way *way = &trip->ways[path->arcs[i]];
        driven_ms += trip->arcs[path->arcs[i]].time;
        if (!lpg_network_piece(network, way->edge, way->from, way->to, &trip->scratch)) {
            return cim_fail_nomem(trip->err);
        }
    }
    lonlat = malloc((trip->scratch.n + 1) * 2 * sizeof *lonlat);
    if (lonlat == NULL) {
        return cim_fail_nomem(trip->err);
    }
    for (size_t i = 0; i < trip->scratch.n; i++) {
        lpg_tm_inverse(&network->tm, trip->scratch.xy[2 * i], trip->scratch.xy[2 * i + 1],
                       lonlat + 2 * i);
    }
    route.lonlat_deg = lonlat;
    route.n = trip->scratch.n;
    CIM_TRY(
        lpg_route_assess(&route, &trip->question, &trip->views, trip->call, &report, trip->err));
    lpg_out_next(out);
    cim_buf_add_text(out, "{\"type\":\"Feature\",\"geometry\":{\"type\":\"LineString\",");
    lpg_routing_write_path(network, &trip->scratch, out);
    cim_buf_add_text(out, "},\"properties\":{");
    lpg_out_m(out, "length_m", (double)path->cost[LPG_LENGTH] / 1e3);
    lpg_out_m(out, "time_min", (double)path->cost[LPG_TIME] / 6e4);
    lpg_out_m(out, "wait_min", (double)(path->cost[LPG_TIME] - driven_ms) / 6e4);
    lpg_out_m(out, "exposure_person_km", (double)path->cost[LPG_EXPOSURE] / 1e6);
    lpg_out_m(out, "exposed_population", report.persons_in_elements + report.residents);
    lpg_out_int(out, "hazard_count", (int64_t)report.n_hits);
    lpg_out_six(out, "expected_risk", report.risk.expected);
    lpg_out_int(out, "zones_entered", (int64_t)report.zones.n);
    write_best(&trip->answer, number, out);
    write_record(path, &report, out);
    cim_buf_add_text(out, "}}");
    lpg_route_report_done(&report);
    return CIM_OK;
}

static void
write_front(const struct lpg_pareto_answer *answer, struct cim_buf *out)
{
    lpg_out_key(out, "front");
    cim_buf_add_char(out, '[');
    for (size_t i = 0; i < answer->n; i++) {
        const int64_t *cost = answer->paths[i].cost;
        lpg_out_next(out);
        cim_buf_add_char(out, '{');
        lpg_out_m(out, "length_m", (double)cost[LPG_LENGTH] / 1e3);
        lpg_out_m(out, "time_min", (double)cost[LPG_TIME] / 6e4);
        lpg_out_m(out, "exposure_person_km", (double)cost[LPG_EXPOSURE] / 1e6);
        cim_buf_add_char(out, '}');
    }
    cim_buf_add_char(out, ']');
    lpg_out_flag(out, "complete", answer->tolerance == 0.0 && !answer->cut);
    lpg_out_key(out, "tolerance");
    if (answer->cut) {
        cim_buf_add_text(out, "null");
    } else {
        cim_buf_add_double(out, answer->tolerance);
    }
}

static cim_status
write_answer(struct trip *trip, struct cim_buf *out)
{
    static const char *const used[] = {"lpg.risk-elements", "lpg.end-users", "lpg.roads",
                                       "lpg.restricted-zones"};
    const struct lpg_pareto_answer *answer = &trip->answer;
    CIM_AUTO_FREE bool *picked = calloc(answer->n + 1, sizeof *picked);
    if (picked == NULL) {
        return cim_fail_nomem(trip->err);
    }
    pick(answer, trip->n_wanted, picked);
    cim_buf_add_text(out, "{\"alternatives\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < answer->n; i++) {
        if (picked[i]) {
            CIM_TRY(write_alternative(trip, i, out));
        }
    }
    cim_buf_add_text(out, "]}");
    write_front(answer, out);
    write_stop(trip->with.network, "from", &trip->ends[0], out);
    write_stop(trip->with.network, "to", &trip->ends[1], out);
    lpg_out_m(out, "exposure_m", trip->question.exposure_m);
    lpg_routing_write(&trip->with, out);
    cim_buf_add_char(out, ',');
    CIM_TRY(lpg_input_sources_write(trip->routing->host, used, sizeof used / sizeof used[0], out,
                                    trip->err));
    cim_buf_add_char(out, '}');
    return cim_buf_status(out, trip->err);
}

cim_status
lpg_safer_route_answer(struct lpg_routing *routing, const cim_call *call, cim_job *job,
                       const char *inputs_json, cim_blob *ret_result, cim_error *err)
{
    struct trip trip = {.routing = routing, .call = call, .job = job, .err = err};
    struct json_object *inputs = NULL;
    CIM_AUTO_BUF struct cim_buf out;
    cim_status status;
    cim_buf_init(&out, RESULT_MAX);
    CIM_TRY(cim_json_parse("inputs", inputs_json, strlen(inputs_json), &inputs, err));
    status = open_trip(&trip, inputs);
    if (status == CIM_OK) {
        if (job != NULL) {
            job->progress(job, 0.2, "正在比选路线", "weighing the ways");
        }
        status = find_ways(&trip);
    }
    if (status == CIM_OK) {
        status = write_answer(&trip, &out);
    }
    trip_done(&trip);
    (void)json_object_put(inputs);
    CIM_TRY(status);
    cim_buf_to_blob(&out, ret_result);
    return CIM_OK;
}
