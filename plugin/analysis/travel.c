/* plugin/analysis/travel.c -- see travel.h. */
#include "analysis/travel.h"

#include "cim/util.h"
#include "geo/heap.h"
#include "geo/plane.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the vehicle may use ---- */

cim_status
lpg_travel_open(const struct lpg_network *network, struct lpg_sites_view *roads,
                const struct lpg_routing_table *table, const struct lpg_vehicle *vehicle,
                const struct lpg_closures *closures, struct lpg_travel *ret_travel, cim_error *err)
{
    struct lpg_travel travel = {.network = network,
                                .table = table,
                                .vehicle = vehicle,
                                .closures = closures,
                                .ways = calloc(network->n_edges + 1U, sizeof *travel.ways),
                                .time_ms = calloc(network->n_edges + 1U, sizeof *travel.time_ms)};
    if (travel.ways == NULL || travel.time_ms == NULL) {
        lpg_travel_done(&travel);
        return cim_fail_nomem(err);
    }
    for (uint32_t e = 0; e < network->n_edges; e++) {
        const struct lpg_edge *edge = &network->edges[e];
        double km_h = vehicle->speed_km_h[edge->road_class];
        if (!(km_h > 0.0) || (edge->no_dangerous && vehicle->dangerous_goods) ||
            !lpg_sites_visible(roads, edge->record) ||
            (edge->joins != UINT32_MAX && !lpg_sites_visible(roads, edge->joins))) {
            continue;
        }
        if (edge->speed_km_h > 0) {
            km_h = fmin(km_h, edge->speed_km_h);
        }
        travel.ways[e] = edge->ways;
        travel.time_ms[e] = llround((double)edge->length_mm * 3.6 / km_h);
    }
    *ret_travel = travel;
    return CIM_OK;
}

void
lpg_travel_done(struct lpg_travel *travel)
{
    free(travel->ways);
    free(travel->time_ms);
    *travel = (struct lpg_travel){0};
}

/* ---- places on it ---- */

struct stopping {
    const struct lpg_travel *travel;
    const double *xy;
};

static double
piece_distance2(void *arg, uint32_t v)
{
    const struct stopping *stopping = arg;
    const struct lpg_network *network = stopping->travel->network;
    const double *a = network->xy + 2 * (size_t)v;
    double t;
    double d[2];
    if (stopping->travel->ways[network->vertex_edge[v]] == 0) {
        return HUGE_VAL;
    }
    t = lpg_segment_nearest(a, a + 2, stopping->xy);
    d[0] = a[0] + t * (a[2] - a[0]) - stopping->xy[0];
    d[1] = a[1] + t * (a[3] - a[1]) - stopping->xy[1];
    return d[0] * d[0] + d[1] * d[1];
}

static double
piece_length(const struct lpg_network *network, uint32_t v)
{
    return lpg_tm_distance_m(&network->tm, network->xy + 2 * (size_t)v,
                             network->xy + 2 * (size_t)v + 2);
}

void
lpg_travel_stop(const struct lpg_travel *travel, const double lonlat_deg[2],
                struct lpg_stop *ret_stop)
{
    const struct lpg_network *network = travel->network;
    double xy[2];
    struct stopping stopping = {travel, xy};
    struct lpg_stop stop = {.edge = UINT32_MAX, .gap_m = HUGE_VAL};
    int64_t v;
    memcpy(stop.lonlat_deg, lonlat_deg, sizeof stop.lonlat_deg);
    lpg_tm_forward(&network->tm, lonlat_deg[0], lonlat_deg[1], xy);
    v = lpg_rtree_nearest(network->tree, xy[0], xy[1], piece_distance2, &stopping);
    if (v >= 0 && isfinite(piece_distance2(&stopping, (uint32_t)v))) {
        const uint32_t e = network->vertex_edge[v];
        const struct lpg_edge *edge = &network->edges[e];
        const double *a = network->xy + 2 * (size_t)v;
        const double t = lpg_segment_nearest(a, a + 2, xy);
        double before_m = t * piece_length(network, (uint32_t)v);
        double length_m = 0.0;
        for (uint32_t k = edge->first; k + 1 < edge->first + edge->n; k++) {
            before_m += k < v ? piece_length(network, k) : 0.0;
            length_m += piece_length(network, k);
        }
        stop.xy[0] = a[0] + t * (a[2] - a[0]);
        stop.xy[1] = a[1] + t * (a[3] - a[1]);
        stop.gap_m = lpg_tm_distance_m(&network->tm, xy, stop.xy);
        if (stop.gap_m <= travel->table->access_m) {
            stop.edge = e;
            stop.share = fmin(before_m / length_m, 1.0);
        }
    }
    *ret_stop = stop;
}

int64_t
lpg_travel_access(const struct lpg_travel *travel, double gap_m, bool by_time)
{
    return llround(gap_m * (by_time ? 3600.0 / travel->table->access_km_h : 1e3));
}

/* ---- searching ---- */

static int64_t
edge_cost(const struct lpg_travel *travel, uint32_t edge, double share, bool by_time)
{
    const int64_t whole = by_time ? travel->time_ms[edge] : travel->network->edges[edge].length_mm;
    return share >= 1.0 ? whole : llround((double)whole * share);
}

/* The cost after a part of an edge that is entered at `cost`; LPG_TRAVEL_NEVER: closed. */
static int64_t
pass(const struct lpg_travel *travel, uint32_t edge, double from, double to, bool by_time,
     int64_t cost)
{
    const int64_t more = edge_cost(travel, edge, fabs(to - from), by_time);
    int64_t leave = cost;
    if (travel->closures != NULL) {
        /* by length nobody knows when it is passed: it must be open all day */
        leave = by_time ? lpg_closures_leave(travel->closures, edge, from, to, cost, more)
                : lpg_closures_open(travel->closures, edge, from, to) ? cost
                                                                      : -1;
    }
    return leave < 0 ? LPG_TRAVEL_NEVER : leave + more;
}

struct search {
    const struct lpg_travel *travel;
    struct lpg_reach reach;
    struct lpg_heap heap;
    bool by_time;
    bool failed;
};

static void
settle(struct search *search, uint32_t node, int64_t cost, uint32_t source)
{
    struct lpg_reach *reach = &search->reach;
    if (cost == LPG_TRAVEL_NEVER) {
        return;
    }
    if (cost < reach->cost[node] || (cost == reach->cost[node] && source < reach->source[node])) {
        const struct lpg_heap_item item = {{cost, source, 0}, node};
        reach->cost[node] = cost;
        reach->source[node] = source;
        search->failed = search->failed || !lpg_heap_push(&search->heap, &item);
    }
}

/* Both ends of the stop's edge. Going toward stops, an edge is passed against its ways. */
static void
seed(struct search *search, const struct lpg_stop *stop, uint32_t number, bool toward)
{
    const struct lpg_travel *travel = search->travel;
    const struct lpg_edge *edge;
    const int64_t access = lpg_travel_access(travel, stop->gap_m, search->by_time);
    const uint8_t to_end = toward ? LPG_WAY_BACKWARD : LPG_WAY_FORWARD;
    const uint8_t to_start = toward ? LPG_WAY_FORWARD : LPG_WAY_BACKWARD;
    if (stop->edge == UINT32_MAX) {
        return;
    }
    edge = &travel->network->edges[stop->edge];
    if ((travel->ways[stop->edge] & to_end) != 0) {
        settle(search, edge->to,
               pass(travel, stop->edge, stop->share, 1.0, search->by_time, access), number);
    }
    if ((travel->ways[stop->edge] & to_start) != 0) {
        settle(search, edge->from,
               pass(travel, stop->edge, stop->share, 0.0, search->by_time, access), number);
    }
}

cim_status
lpg_travel_reach(const struct lpg_travel *travel, const struct lpg_stop *stops, size_t n_stops,
                 bool by_time, bool toward, int64_t most, const cim_call *call,
                 struct lpg_reach *ret_reach, cim_error *err)
{
    const struct lpg_network *network = travel->network;
    struct search search = {.travel = travel, .by_time = by_time};
    const uint8_t against = toward ? LPG_WAY_FORWARD | LPG_WAY_BACKWARD : 0;
    uint32_t n_settled = 0;
    cim_status status = CIM_OK;
    search.reach.cost = malloc((network->n_nodes + 1U) * sizeof *search.reach.cost);
    search.reach.source = malloc((network->n_nodes + 1U) * sizeof *search.reach.source);
    if (search.reach.cost == NULL || search.reach.source == NULL) {
        lpg_reach_done(&search.reach);
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < network->n_nodes; i++) {
        search.reach.cost[i] = LPG_TRAVEL_NEVER;
        search.reach.source[i] = UINT32_MAX;
    }
    for (size_t i = 0; i < n_stops; i++) {
        seed(&search, &stops[i], (uint32_t)i, toward);
    }
    while (search.heap.n > 0 && !search.failed && status == CIM_OK) {
        const struct lpg_heap_item item = lpg_heap_pop(&search.heap);
        if (item.key[0] != search.reach.cost[item.id] ||
            item.key[1] != (int64_t)search.reach.source[item.id]) {
            continue; /* a better one came before */
        }
        if (item.key[0] > most) {
            break;
        }
        for (uint32_t k = network->arc_first[item.id]; k < network->arc_first[item.id + 1]; k++) {
            const struct lpg_arc *arc = &network->arcs[k];
            if ((travel->ways[arc->edge] & (arc->way ^ against)) != 0) {
                settle(&search, arc->to, pass(travel, arc->edge, 0.0, 1.0, by_time, item.key[0]),
                       (uint32_t)item.key[1]);
            }
        }
        if (++n_settled % 4096 == 0) {
            status = cim_heed_cancel(call, err);
        }
    }
    lpg_heap_done(&search.heap);
    if (search.failed) {
        status = cim_fail_nomem(err);
    }
    if (status != CIM_OK) {
        lpg_reach_done(&search.reach);
        return status;
    }
    *ret_reach = search.reach;
    return CIM_OK;
}

void
lpg_reach_done(struct lpg_reach *reach)
{
    free(reach->cost);
    free(reach->source);
    *reach = (struct lpg_reach){0};
}

static void
keep_least(int64_t cost, uint32_t source, int64_t *least, uint32_t *ret_source)
{
    if (cost != LPG_TRAVEL_NEVER && (cost < *least || (cost == *least && source < *ret_source))) {
        *least = cost;
        *ret_source = source;
    }
}

int64_t
lpg_travel_cost(const struct lpg_travel *travel, const struct lpg_reach *reach,
                const struct lpg_stop *stops, size_t n_stops, bool by_time, bool toward,
                const struct lpg_stop *at, uint32_t *ret_source)
{
    const uint8_t from_start = toward ? LPG_WAY_BACKWARD : LPG_WAY_FORWARD;
    const uint8_t from_end = toward ? LPG_WAY_FORWARD : LPG_WAY_BACKWARD;
    const struct lpg_edge *edge;
    int64_t least = LPG_TRAVEL_NEVER;
    uint8_t ways;
    *ret_source = UINT32_MAX;
    if (at->edge == UINT32_MAX) {
        return least;
    }
    edge = &travel->network->edges[at->edge];
    ways = travel->ways[at->edge];
    if ((ways & from_start) != 0 && reach->cost[edge->from] != LPG_TRAVEL_NEVER) {
        keep_least(pass(travel, at->edge, 0.0, at->share, by_time, reach->cost[edge->from]),
                   reach->source[edge->from], &least, ret_source);
    }
    if ((ways & from_end) != 0 && reach->cost[edge->to] != LPG_TRAVEL_NEVER) {
        keep_least(pass(travel, at->edge, 1.0, at->share, by_time, reach->cost[edge->to]),
                   reach->source[edge->to], &least, ret_source);
    }
    for (size_t i = 0; i < n_stops; i++) { /* along the edge on which both are */
        const double ahead = at->share - stops[i].share;
        if (stops[i].edge == at->edge &&
            (ahead == 0.0 || (ways & (ahead > 0.0 ? from_start : from_end)) != 0)) {
            keep_least(pass(travel, at->edge, stops[i].share, at->share, by_time,
                            lpg_travel_access(travel, stops[i].gap_m, by_time)),
                       (uint32_t)i, &least, ret_source);
        }
    }
    return least == LPG_TRAVEL_NEVER ? least
                                     : least + lpg_travel_access(travel, at->gap_m, by_time);
}

/* ---- positions ---- */

static bool
add_position(struct lpg_path *path, const double xy[2])
{
    if (path->n > 0 && path->xy[2 * path->n - 2] == xy[0] && path->xy[2 * path->n - 1] == xy[1]) {
        return true;
    }
    if (path->n == path->capacity) {
        const size_t capacity = path->capacity == 0 ? 256 : path->capacity * 2;
        double *grown = realloc(path->xy, capacity * 2 * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        path->xy = grown;
        path->capacity = capacity;
    }
    memcpy(path->xy + 2 * path->n++, xy, 2 * sizeof *xy);
    return true;
}

/* The place at this many metres, before or after the vertices there. */
static void
position_at(const struct lpg_network *network, const struct lpg_edge *edge, double at_m,
            double ret_xy[2])
{
    const uint32_t last = edge->first + edge->n - 1;
    const double *p = network->xy + 2 * (size_t)edge->first;
    double passed_m = 0.0;
    memcpy(ret_xy, network->xy + 2 * (size_t)last, 2 * sizeof *ret_xy);
    for (uint32_t v = edge->first; v < last; v++, p += 2) {
        const double piece_m = piece_length(network, v);
        if (at_m <= passed_m + piece_m && piece_m > 0.0) {
            const double t = fmax((at_m - passed_m) / piece_m, 0.0);
            ret_xy[0] = p[0] + t * (p[2] - p[0]);
            ret_xy[1] = p[1] + t * (p[3] - p[1]);
            return;
        }
        passed_m += piece_m;
    }
}

bool
lpg_network_piece(const struct lpg_network *network, uint32_t edge, double from_share,
                  double to_share, struct lpg_path *path)
{
    const struct lpg_edge *drawn = &network->edges[edge];
    const uint32_t last = drawn->first + drawn->n - 1;
    double length_m = 0.0;
    double at_m = 0.0;
    double xy[2];
    for (uint32_t v = drawn->first; v < last; v++) {
        length_m += piece_length(network, v);
    }
    position_at(network, drawn, from_share * length_m, xy);
    if (!add_position(path, xy)) {
        return false;
    }
    if (from_share <= to_share) {
        for (uint32_t v = drawn->first; v <= last; v++) {
            if (at_m > from_share * length_m && at_m < to_share * length_m &&
                !add_position(path, network->xy + 2 * (size_t)v)) {
                return false;
            }
            at_m += v < last ? piece_length(network, v) : 0.0;
        }
    } else {
        at_m = length_m;
        for (uint32_t v = last + 1; v-- > drawn->first;) {
            if (at_m < from_share * length_m && at_m > to_share * length_m &&
                !add_position(path, network->xy + 2 * (size_t)v)) {
                return false;
            }
            at_m -= v > drawn->first ? piece_length(network, v - 1) : 0.0;
        }
    }
    position_at(network, drawn, to_share * length_m, xy);
    return add_position(path, xy);
}
