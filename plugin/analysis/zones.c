/* plugin/analysis/zones.c -- see zones.h. */
#include "analysis/zones.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/time.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

struct looking {
    const struct lpg_chain *chain;
    struct lpg_sites_view *view;
    int32_t day;
    const cim_call *call;
    struct lpg_zone_stays *stays;
    double *edges; /* of the zone at hand, in the plane: pairs of ends */
    size_t n_edges;
    double min[2];
    double max[2];
    double *cuts; /* chainages where the route crosses its border */
    size_t n_cuts;
    size_t cuts_capacity;
    cim_error *err;
    cim_status status;
};

static cim_status
project_edges(struct looking *look, uint32_t record)
{
    const struct lpg_sites *sites = look->view->sites;
    const size_t first = record > 0 ? sites->edge_end[record - 1] : 0;
    double *grown;
    look->n_edges = sites->edge_end[record] - first;
    grown = realloc(look->edges, (look->n_edges + 1) * 4 * sizeof *grown);
    if (grown == NULL) {
        return cim_fail_nomem(look->err);
    }
    look->edges = grown;
    for (int k = 0; k < 2; k++) {
        look->min[k] = DBL_MAX;
        look->max[k] = -DBL_MAX;
    }
    for (size_t i = 0; i < 2 * look->n_edges; i++) {
        const double *p = sites->edges + 4 * first + 2 * i;
        double *xy = look->edges + 2 * i;
        lpg_tm_forward(&look->chain->tm, p[0], p[1], xy);
        for (int k = 0; k < 2; k++) {
            look->min[k] = fmin(look->min[k], xy[k]);
            look->max[k] = fmax(look->max[k], xy[k]);
        }
    }
    return CIM_OK;
}

/* Even-odd over all rings of the zone. */
static bool
inside(const struct looking *look, const double p[2])
{
    bool in = false;
    for (size_t i = 0; i < look->n_edges; i++) {
        const double *a = look->edges + 4 * i;
        const double *b = a + 2;
        if ((a[1] > p[1]) != (b[1] > p[1]) &&
            p[0] < a[0] + (p[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0])) {
            in = !in;
        }
    }
    return in;
}

static bool
add_cut(struct looking *look, double at_m)
{
    if (look->n_cuts == look->cuts_capacity) {
        const size_t capacity = look->cuts_capacity == 0 ? 64 : look->cuts_capacity * 2;
        double *grown = realloc(look->cuts, capacity * sizeof *grown);
        if (grown == NULL) {
            look->status = cim_fail_nomem(look->err);
            return false;
        }
        look->cuts = grown;
        look->cuts_capacity = capacity;
    }
    look->cuts[look->n_cuts++] = at_m;
    return true;
}

static void
cut_piece(struct looking *look, size_t i)
{
    const double *a = look->chain->xy + 2 * i;
    const double step[2] = {a[2] - a[0], a[3] - a[1]};
    for (size_t e = 0; e < look->n_edges; e++) {
        const double *c = look->edges + 4 * e;
        const double side[2] = {c[2] - c[0], c[3] - c[1]};
        const double away[2] = {c[0] - a[0], c[1] - a[1]};
        const double turn = step[0] * side[1] - step[1] * side[0];
        double t;
        double u;
        if (turn == 0.0) {
            continue; /* along it: its ends are cut by the neighbours */
        }
        t = (away[0] * side[1] - away[1] * side[0]) / turn;
        u = (away[0] * step[1] - away[1] * step[0]) / turn;
        if (t >= 0.0 && t <= 1.0 && u >= 0.0 && u <= 1.0 &&
            !add_cut(look, look->chain->at_m[i] +
                               t * (look->chain->at_m[i + 1] - look->chain->at_m[i]))) {
            return;
        }
    }
}

static bool
apart(const struct looking *look, const double min[2], const double max[2])
{
    return min[0] > look->max[0] || max[0] < look->min[0] || min[1] > look->max[1] ||
           max[1] < look->min[1];
}

static void
find_cuts(struct looking *look)
{
    const struct lpg_chain *chain = look->chain;
    look->n_cuts = 0;
    for (size_t g = 0; g < chain->level_n[0]; g++) {
        const size_t end = (g + 1) * LPG_CHAIN_FAN;
        if (apart(look, chain->level[0][g].min, chain->level[0][g].max)) {
            continue;
        }
        for (size_t i = g * LPG_CHAIN_FAN; i < end && i + 1 < chain->n; i++) {
            const double *a = chain->xy + 2 * i;
            const double min[2] = {fmin(a[0], a[2]), fmin(a[1], a[3])};
            const double max[2] = {fmax(a[0], a[2]), fmax(a[1], a[3])};
            if (!apart(look, min, max)) {
                cut_piece(look, i);
            }
        }
    }
    (void)(add_cut(look, 0.0) && add_cut(look, chain->length_m));
}

static int
compare_cut(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void
add_stay(struct looking *look, uint32_t record, double from_m, double to_m)
{
    struct lpg_zone_stays *stays = look->stays;
    if (stays->n == stays->capacity) {
        const size_t capacity = stays->capacity == 0 ? 16 : stays->capacity * 2;
        struct lpg_zone_stay *grown = NULL;
        if (stays->n >= LPG_ZONE_STAYS_MAX) {
            look->status = cim_fail(
                look->err, CIM_E_TOO_LARGE, NULL, NULL, "路线进出限行区域超过 %d 次，请分段",
                "the route enters restricted zones more than %d times: cut it", LPG_ZONE_STAYS_MAX);
            return;
        }
        grown = realloc(stays->stays, capacity * sizeof *grown);
        if (grown == NULL) {
            look->status = cim_fail_nomem(look->err);
            return;
        }
        stays->stays = grown;
        stays->capacity = capacity;
    }
    stays->stays[stays->n++] = (struct lpg_zone_stay){record, {from_m, to_m}};
}

/* Between two cuts the route is inside as a whole or not at all: its middle tells. */
static void
add_stays(struct looking *look, uint32_t record)
{
    const double least_m = 1e-3;
    const size_t first = look->stays->n;
    qsort(look->cuts, look->n_cuts, sizeof *look->cuts, compare_cut);
    for (size_t k = 0; k + 1 < look->n_cuts && look->status == CIM_OK; k++) {
        const double from_m = look->cuts[k];
        const double to_m = look->cuts[k + 1];
        const double middle_m = (from_m + to_m) / 2.0;
        const size_t i = lpg_chain_piece(look->chain, middle_m);
        const double *a = look->chain->xy + 2 * i;
        const double t =
            (middle_m - look->chain->at_m[i]) / (look->chain->at_m[i + 1] - look->chain->at_m[i]);
        const double p[2] = {a[0] + t * (a[2] - a[0]), a[1] + t * (a[3] - a[1])};
        if (to_m - from_m < least_m || !inside(look, p)) {
            continue;
        }
        if (look->stays->n > first &&
            from_m - look->stays->stays[look->stays->n - 1].at.to_m < least_m) {
            look->stays->stays[look->stays->n - 1].at.to_m = to_m;
        } else {
            add_stay(look, record, from_m, to_m);
        }
    }
}

static int
look_at_zone(void *arg, uint32_t i)
{
    struct looking *look = arg;
    const struct lpg_sites *sites = look->view->sites;
    const uint32_t record = sites->record[i];
    const struct lpg_site_facts *facts = &sites->facts[record];
    if (facts->from_day > look->day || facts->to_day < look->day ||
        !lpg_sites_visible(look->view, record)) {
        return 0;
    }
    look->status = cim_heed_cancel(look->call, look->err);
    if (look->status != CIM_OK) {
        return 1;
    }
    look->status = project_edges(look, record);
    if (look->status == CIM_OK) {
        find_cuts(look);
    }
    if (look->status == CIM_OK) {
        add_stays(look, record);
    }
    return look->status != CIM_OK;
}

/* A stay and what it is sorted by. */
struct order {
    const char *uid;
    struct lpg_zone_stay stay;
};

static int
compare_order(const void *a, const void *b)
{
    const struct order *x = a;
    const struct order *y = b;
    if (x->stay.at.from_m != y->stay.at.from_m) {
        return x->stay.at.from_m < y->stay.at.from_m ? -1 : 1;
    }
    return strcmp(x->uid, y->uid);
}

static cim_status
sort_stays(const struct lpg_sites *sites, struct lpg_zone_stays *stays, cim_error *err)
{
    CIM_AUTO_FREE struct order *orders = malloc((stays->n + 1) * sizeof *orders);
    if (orders == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < stays->n; i++) {
        orders[i].stay = stays->stays[i];
        orders[i].uid = sites->text + sites->facts[stays->stays[i].record].uid;
    }
    qsort(orders, stays->n, sizeof *orders, compare_order);
    for (size_t i = 0; i < stays->n; i++) {
        stays->stays[i] = orders[i].stay;
    }
    return CIM_OK;
}

cim_status
lpg_zones_along(const struct lpg_chain *chain, const double bbox_deg[4],
                struct lpg_sites_view *view, int32_t day, const cim_call *call,
                struct lpg_zone_stays *ret_stays, cim_error *err)
{
    struct looking look = {
        .chain = chain, .view = view, .day = day, .call = call, .stays = ret_stays, .err = err};
    if (view->sites == NULL) {
        return CIM_OK;
    }
    lpg_sites_search(view->sites, bbox_deg, look_at_zone, &look);
    free(look.edges);
    free(look.cuts);
    CIM_TRY(look.status);
    return sort_stays(view->sites, ret_stays, err);
}

bool
lpg_zone_is_closed(const struct lpg_site_facts *facts, int64_t ms)
{
    enum { BEIJING_MIN = 8 * 60, DAY_MIN = 24 * 60, MINUTE_MS = 60000 };
    const int64_t day = cim_time_local_day(ms);
    const int minute = (int)(ms / MINUTE_MS + BEIJING_MIN - day * DAY_MIN);
    const unsigned today = (unsigned)((day % 7 + 7 + 3) % 7); /* 1970-01-01 was a Thursday */
    const unsigned yesterday = (today + 6U) % 7U;
    const bool on_today = (facts->weekdays >> today & 1U) != 0;
    if (facts->from_minute < 0) {
        return on_today;
    }
    if (facts->from_minute < facts->to_minute) {
        return on_today && minute >= facts->from_minute && minute < facts->to_minute;
    }
    return (on_today && minute >= facts->from_minute) ||
           ((facts->weekdays >> yesterday & 1U) != 0 && minute < facts->to_minute);
}
