/* plugin/analysis/closures.c -- see closures.h. */
#include "analysis/closures.h"

#include "analysis/json_io.h"
#include "cim/util.h"
#include "geo/plane.h"
#include "kit/cleanup.h"
#include "kit/time.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- hours ---- */

int64_t
lpg_zone_passable_ms(const struct lpg_site_facts *facts, int64_t at_ms, int64_t duration_ms)
{
    enum { BEIJING_MS = 8 * 3600000, DAY_MS = 86400000, MINUTE_MS = 60000, DAYS = 9 };
    const int64_t today = cim_time_local_day(at_ms);
    int64_t at = at_ms;
    for (int64_t day = today - 1; day <= today + DAYS; day++) {
        const unsigned weekday = (unsigned)((day % 7 + 7 + 3) % 7); /* 1970-01-01: Thursday */
        const int64_t midnight = day * DAY_MS - BEIJING_MS;
        int64_t from = midnight;
        int64_t to = midnight + DAY_MS;
        if ((facts->weekdays >> weekday & 1U) == 0) {
            continue;
        }
        if (facts->from_minute >= 0) {
            from = midnight + (int64_t)facts->from_minute * MINUTE_MS;
            to = midnight + (int64_t)facts->to_minute * MINUTE_MS;
            to += facts->to_minute <= facts->from_minute ? DAY_MS : 0;
        }
        if (at + duration_ms <= from) {
            return at;
        }
        at = at < to ? to : at;
    }
    return at < (today + DAYS - 1) * DAY_MS ? at : -1;
}

static bool
lies_in(const struct lpg_closure *closure, double from_share, double to_share)
{
    return closure->from < fmax(from_share, to_share) && closure->to > fmin(from_share, to_share);
}

bool
lpg_closures_open(const struct lpg_closures *closures, uint32_t edge, double from_share,
                  double to_share)
{
    for (uint32_t k = closures->first[edge]; k != 0; k = closures->list[k - 1].next) {
        if (lies_in(&closures->list[k - 1], from_share, to_share)) {
            return false;
        }
    }
    return true;
}

int64_t
lpg_closures_leave(const struct lpg_closures *closures, uint32_t edge, double from_share,
                   double to_share, int64_t at_ms, int64_t duration_ms)
{
    int64_t at = at_ms;
    bool moved = true;
    if (lpg_closures_open(closures, edge, from_share, to_share)) {
        return at;
    }
    if (closures->depart_ms == INT64_MIN) {
        return -1;
    }
    for (int round = 0; moved; round++) { /* until no zone moves it */
        moved = false;
        for (uint32_t k = closures->first[edge]; k != 0; k = closures->list[k - 1].next) {
            const struct lpg_closure *closure = &closures->list[k - 1];
            int64_t open;
            if (!lies_in(closure, from_share, to_share)) {
                continue;
            }
            open = lpg_zone_passable_ms(&closures->zones->sites->facts[closure->record],
                                        closures->depart_ms + at, duration_ms);
            if (open < 0 || round > 64) {
                return -1;
            }
            moved = moved || open != closures->depart_ms + at;
            at = open - closures->depart_ms;
        }
    }
    return at;
}

/* ---- where ---- */

struct looking {
    const struct lpg_network *network;
    struct lpg_closures *closures;
    struct json_object *permits;
    const cim_call *call;
    int32_t day;
    int expressway;
    uint32_t record;
    double *edges; /* of the zone at hand, in the plane */
    size_t n_edges;
    size_t capacity;
    cim_status status;
    cim_error *err;
};

static bool
is_inside(const struct looking *look, const double p[2])
{
    bool inside = false;
    for (size_t i = 0; i < look->n_edges; i++) {
        const double *a = look->edges + 4 * i;
        if ((a[1] > p[1]) != (a[3] > p[1]) &&
            p[0] < a[0] + (p[1] - a[1]) / (a[3] - a[1]) * (a[2] - a[0])) {
            inside = !inside;
        }
    }
    return inside;
}

/* The shares of a piece between which it lies in the zone: from > to where it does not. */
static void
cut_piece(const struct looking *look, const double *a, const double *b, double *ret_from,
          double *ret_to)
{
    const double r[2] = {b[0] - a[0], b[1] - a[1]};
    double from = is_inside(look, a) ? 0.0 : 2.0;
    double to = is_inside(look, b) ? 1.0 : -1.0;
    for (size_t i = 0; i < look->n_edges; i++) {
        const double *c = look->edges + 4 * i;
        const double s[2] = {c[2] - c[0], c[3] - c[1]};
        const double away[2] = {c[0] - a[0], c[1] - a[1]};
        const double turn = r[0] * s[1] - r[1] * s[0];
        const double t = turn != 0.0 ? (away[0] * s[1] - away[1] * s[0]) / turn : -1.0;
        const double u = turn != 0.0 ? (away[0] * r[1] - away[1] * r[0]) / turn : -1.0;
        if (t >= 0.0 && t <= 1.0 && u >= 0.0 && u <= 1.0) {
            from = fmin(from, t);
            to = fmax(to, t);
        }
    }
    *ret_from = from;
    *ret_to = to;
}

/* Share of the edge before one of its vertices. */
static double
share_before(const struct lpg_network *network, const struct lpg_edge *edge, uint32_t vertex)
{
    double before_m = 0.0;
    double length_m = 0.0;
    for (uint32_t v = edge->first; v + 1 < edge->first + edge->n; v++) {
        const double m = lpg_tm_distance_m(&network->tm, network->xy + 2 * (size_t)v,
                                           network->xy + 2 * (size_t)v + 2);
        before_m += v < vertex ? m : 0.0;
        length_m += m;
    }
    return vertex + 1 == edge->first + edge->n ? 1.0 : before_m / length_m;
}

static bool
add_closure(struct looking *look, uint32_t edge, double from, double to)
{
    struct lpg_closures *closures = look->closures;
    const uint32_t known = closures->first[edge];
    if (known != 0 && closures->list[known - 1].record == look->record) {
        struct lpg_closure *closure = &closures->list[known - 1];
        closure->from = fmin(closure->from, from);
        closure->to = fmax(closure->to, to);
        return true;
    }
    if (closures->n == closures->capacity) {
        const size_t capacity = closures->capacity == 0 ? 256 : closures->capacity * 2;
        struct lpg_closure *grown = realloc(closures->list, capacity * sizeof *grown);
        if (grown == NULL) {
            look->status = cim_fail_nomem(look->err);
            return false;
        }
        closures->list = grown;
        closures->capacity = capacity;
    }
    closures->list[closures->n++] = (struct lpg_closure){look->record, known, from, to};
    closures->first[edge] = (uint32_t)closures->n;
    return true;
}

static int
look_at_piece(void *arg, uint32_t v)
{
    struct looking *look = arg;
    const struct lpg_network *network = look->network;
    const uint32_t number = network->vertex_edge[v];
    const struct lpg_edge *edge = &network->edges[number];
    const double *p = network->xy + 2 * (size_t)v;
    double from;
    double to;
    double shares[2];
    if (look->closures->zones->sites->code[look->record] == LPG_ZONE_EXPRESSWAYS &&
        edge->road_class != look->expressway) {
        return 0;
    }
    cut_piece(look, p, p + 2, &from, &to);
    if (from > to) {
        return 0;
    }
    shares[0] = share_before(network, edge, v);
    shares[1] = share_before(network, edge, v + 1);
    return !add_closure(look, number, shares[0] + from * (shares[1] - shares[0]),
                        shares[0] + to * (shares[1] - shares[0]));
}

static bool
is_permitted(const struct looking *look, const char *uid)
{
    const size_t n = look->permits != NULL ? json_object_array_length(look->permits) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *given = json_object_get_string(json_object_array_get_idx(look->permits, i));
        if (given != NULL && strcmp(given, uid) == 0) {
            return true;
        }
    }
    return false;
}

static void
look_at_zone(struct looking *look, uint32_t record)
{
    const struct lpg_sites *zones = look->closures->zones->sites;
    const struct lpg_site_facts *facts = &zones->facts[record];
    const size_t begin = record > 0 ? zones->edge_end[record - 1] : 0;
    double box[4] = {HUGE_VAL, HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
    look->record = record;
    look->n_edges = zones->edge_end[record] - begin;
    if (facts->from_day > look->day || facts->to_day < look->day ||
        is_permitted(look, zones->text + facts->uid) ||
        !lpg_sites_visible(look->closures->zones, record)) {
        return;
    }
    if (look->n_edges > look->capacity) {
        double *grown = realloc(look->edges, look->n_edges * 4 * sizeof *grown);
        if (grown == NULL) {
            look->status = cim_fail_nomem(look->err);
            return;
        }
        look->edges = grown;
        look->capacity = look->n_edges;
    }
    for (size_t i = 0; i < 2 * look->n_edges; i++) {
        const double *p = zones->edges + 4 * begin + 2 * i;
        double *xy = look->edges + 2 * i;
        lpg_tm_forward(&look->network->tm, p[0], p[1], xy);
        box[0] = fmin(box[0], xy[0]);
        box[1] = fmin(box[1], xy[1]);
        box[2] = fmax(box[2], xy[0]);
        box[3] = fmax(box[3], xy[1]);
    }
    if (look->n_edges > 0) {
        lpg_rtree_search(look->network->tree, box, look_at_piece, look);
    }
}

cim_status
lpg_closures_find(const struct lpg_network *network, struct lpg_sites_view *zones, int32_t day,
                  int64_t depart_ms, int expressway, struct json_object *permits,
                  const cim_call *call, struct lpg_closures *ret_closures, cim_error *err)
{
    struct lpg_closures closures = {.zones = zones, .depart_ms = depart_ms};
    struct looking look = {.network = network,
                           .closures = &closures,
                           .permits = permits,
                           .call = call,
                           .day = day,
                           .expressway = expressway,
                           .err = err};
    closures.first = calloc(network->n_edges + 1U, sizeof *closures.first);
    if (closures.first == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; zones->sites != NULL && i < zones->sites->n && look.status == CIM_OK;
         i++) {
        look.status = cim_heed_cancel(call, err);
        if (look.status == CIM_OK) {
            look_at_zone(&look, zones->sites->record[i]);
        }
    }
    free(look.edges);
    if (look.status != CIM_OK) {
        lpg_closures_done(&closures);
        return look.status;
    }
    *ret_closures = closures;
    return CIM_OK;
}

void
lpg_closures_done(struct lpg_closures *closures)
{
    free(closures->list);
    free(closures->first);
    *closures = (struct lpg_closures){0};
}
