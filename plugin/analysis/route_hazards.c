/* plugin/analysis/route_hazards.c -- see route_hazards.h. */
#include "analysis/route_hazards.h"

#include "cim/util.h"
#include "geo/plane.h"
#include "kit/cleanup.h"

#include <stdlib.h>

struct run {
    const struct lpg_route_question *question;
    struct lpg_route_views *views;
    const cim_call *call;
    struct lpg_route_report *report;
    struct lpg_stretches scratch;
    uint32_t n_looked; /* since the last look at cancelled() */
    cim_error *err;
    cim_status status;
};

/* Now and then: is there still somebody who waits? Many look-ups of a long route within a wide band
 * may take a millisecond each. */
static void
heed_cancel(struct run *run)
{
    enum { LOOKS = 64 };
    if (++run->n_looked >= LOOKS) {
        run->n_looked = 0;
        run->status = cim_heed_cancel(run->call, run->err);
    }
}

/* ---- looking along the route ---- */

typedef void (*site_fn)(struct run *run, uint32_t i);

struct window {
    struct run *run;
    uint64_t *seen; /* a bit per position */
    site_fn site;
};

static int
visit_once(void *arg, uint32_t i)
{
    struct window *window = arg;
    const uint64_t bit = 1ULL << (i % 64U);
    if ((window->seen[i / 64U] & bit) == 0) {
        window->seen[i / 64U] |= bit;
        window->site(window->run, i);
    }
    return window->run->status != CIM_OK;
}

/* Calls site() once for every position of the index that may be within `reach_m` of the route. */
static void
look_along(struct run *run, const struct lpg_sites *sites, double reach_m, site_fn site)
{
    enum { WINDOW_M = 4000 };
    const struct lpg_chain *chain = &run->report->chain;
    struct window window = {run, calloc(sites->n / 64U + 1, sizeof(uint64_t)), site};
    if (window.seen == NULL) {
        run->status = cim_fail_nomem(run->err);
        return;
    }
    for (size_t i = 0; i < chain->level_n[0] && run->status == CIM_OK;) {
        struct lpg_chain_box box = chain->level[0][i];
        double degrees[4];
        for (i++; i < chain->level_n[0]; i++) {
            const struct lpg_chain_box *next = &chain->level[0][i];
            const struct lpg_chain_box both = {
                {fmin(box.min[0], next->min[0]), fmin(box.min[1], next->min[1])},
                {fmax(box.max[0], next->max[0]), fmax(box.max[1], next->max[1])}};
            if (both.max[0] - both.min[0] > WINDOW_M || both.max[1] - both.min[1] > WINDOW_M) {
                break;
            }
            box = both;
        }
        lpg_plane_degrees(&chain->tm, box.min, box.max, reach_m, degrees);
        lpg_sites_search(sites, degrees, visit_once, &window);
    }
    free(window.seen);
}

static bool
look_up(struct run *run, const double xy[2], double limit_m, struct lpg_chain_near *ret_near,
        struct lpg_stretches *stretches)
{
    bool failed = false;
    const bool found =
        lpg_chain_within(&run->report->chain, xy, limit_m, ret_near, stretches, &failed);
    if (failed) {
        run->status = cim_fail_nomem(run->err);
    } else {
        heed_cancel(run);
    }
    return found;
}

/* ---- persons ---- */

static size_t
link_at(const struct lpg_route_report *report, double at_m)
{
    const double i = floor(at_m / report->chain.length_m * (double)report->n_links);
    return i >= (double)report->n_links ? report->n_links - 1 : i > 0.0 ? (size_t)i : 0;
}

/* Adds to every link that one of the stretches touches, once. */
static void
expose(struct lpg_route_report *report, const struct lpg_stretch *stretches, size_t n,
       double persons)
{
    size_t next = 0; /* first link that has not been added to */
    for (size_t s = 0; s < n; s++) {
        const size_t last = link_at(report, stretches[s].to_m);
        size_t i = link_at(report, stretches[s].from_m);
        for (i = i > next ? i : next; i <= last; i++) {
            report->risks[i].persons += persons;
        }
        next = last + 1 > next ? last + 1 : next;
    }
}

static void
see_household(struct run *run, uint32_t i)
{
    struct lpg_sites_view *view = &run->views->users;
    struct lpg_route_report *report = run->report;
    const double persons = run->question->table->parameters[LPG_ROUTE_PERSONS_PER_HOUSEHOLD];
    struct lpg_chain_near near;
    double xy[2];
    lpg_tm_forward(&report->chain.tm, view->sites->lonlat[2 * (size_t)i],
                   view->sites->lonlat[2 * (size_t)i + 1], xy);
    run->scratch.n = 0;
    if (look_up(run, xy, run->question->exposure_m, &near, &run->scratch) &&
        lpg_sites_visible(view, i)) {
        report->n_households++;
        report->residents += persons;
        expose(report, run->scratch.stretches, run->scratch.n, persons);
    }
}

/* ---- elements ---- */

static bool
add_hit(struct run *run, const struct lpg_route_hit *hit)
{
    struct lpg_route_report *report = run->report;
    if (report->n_hits == report->hits_capacity) {
        const size_t capacity = report->hits_capacity == 0 ? 256 : report->hits_capacity * 2;
        struct lpg_route_hit *grown = NULL;
        if (report->n_hits >= LPG_ROUTE_HITS_MAX) {
            run->status = cim_fail(run->err, CIM_E_TOO_LARGE, "distance_m", NULL,
                                   "范围内的要素超过 %d 个，请缩短距离或路线",
                                   "more than %d elements within the distance: make it or the "
                                   "route shorter",
                                   LPG_ROUTE_HITS_MAX);
            return false;
        }
        grown = realloc(report->hits, capacity * sizeof *grown);
        if (grown == NULL) {
            run->status = cim_fail_nomem(run->err);
            return false;
        }
        report->hits = grown;
        report->hits_capacity = capacity;
    }
    report->hits[report->n_hits++] = *hit;
    return true;
}

/* The distance that makes this element one of the route's, and whose it is. */
static double
limit_of(const struct run *run, int kind, const struct lpg_site_facts *facts,
         enum lpg_limit_from *ret_from)
{
    const struct lpg_route_kind *row = &run->question->table->kinds[kind];
    *ret_from = LPG_LIMIT_INPUT;
    if (run->question->override_m[kind] > 0.0) {
        return run->question->override_m[kind];
    }
    *ret_from = LPG_LIMIT_ELEMENT;
    if (facts->distance_m > 0.0) {
        return fmin(facts->distance_m, LPG_ROUTE_DISTANCE_MAX_M);
    }
    *ret_from = LPG_LIMIT_KIND;
    return row->distance_m > 0.0 ? row->distance_m
                                 : run->question->table->parameters[LPG_ROUTE_ON_LINK_M];
}

static double
individual_risk(const struct run *run)
{
    const struct lpg_route_report *report = run->report;
    double sum = 0.0;
    for (size_t s = 0; s < run->scratch.n; s++) {
        const struct lpg_stretch *stretch = &run->scratch.stretches[s];
        for (size_t i = link_at(report, stretch->from_m); i <= link_at(report, stretch->to_m);
             i++) {
            const double link_m = report->links[i].to_m - report->links[i].from_m;
            const double reach_m = fmin(stretch->to_m, report->links[i].to_m) -
                                   fmax(stretch->from_m, report->links[i].from_m);
            sum += lpg_risk_individual(&report->risks[i], &link_m, &reach_m, 1,
                                       run->question->trips_per_year, 1.0);
        }
    }
    return sum;
}

static void
expose_element(struct run *run, const struct lpg_route_kind *kind, double persons)
{
    struct lpg_route_report *report = run->report;
    if (kind->residents && report->residents_by_users) {
        return; /* they are the end users */
    }
    report->n_elements_exposed++;
    if (kind->residents) {
        report->residents += persons;
    } else {
        report->persons_in_elements += persons;
    }
    expose(report, run->scratch.stretches, run->scratch.n, persons);
}

static bool
in_force(const struct lpg_site_facts *facts, int32_t day)
{
    return facts->from_day <= day && day <= facts->to_day;
}

static void
see_element(struct run *run, uint32_t i)
{
    struct lpg_sites_view *view = &run->views->elements;
    const struct lpg_site_facts *facts = &view->sites->facts[i];
    const int number = view->sites->code[i];
    const struct lpg_route_kind *kind = &run->question->table->kinds[number];
    struct lpg_route_report *report = run->report;
    const double exposure_m = run->question->exposure_m;
    struct lpg_route_hit hit = {.record = i, .kind = number, .persons = facts->persons};
    struct lpg_chain_near near;
    double xy[2];
    bool wanted;
    bool exposed;
    if (!in_force(facts, run->question->as_of_day)) {
        return;
    }
    if (!(facts->persons >= 0.0)) {
        hit.persons = kind->persons_worst;
        hit.persons_assumed = kind->persons_worst > 0.0;
    }
    hit.limit_m = limit_of(run, number, facts, &hit.limit_from);
    wanted = run->question->wanted[number];
    exposed = hit.persons > 0.0;
    lpg_tm_forward(&report->chain.tm, view->sites->lonlat[2 * (size_t)i],
                   view->sites->lonlat[2 * (size_t)i + 1], xy);
    hit.first_stretch = report->stretches.n;
    wanted = wanted && look_up(run, xy, hit.limit_m, &hit.near, &report->stretches);
    run->scratch.n = 0;
    exposed = exposed &&
              (hit.limit_m < exposure_m || !run->question->wanted[number] ||
               (wanted && hit.near.distance_m <= exposure_m)) &&
              look_up(run, xy, exposure_m, &near, &run->scratch);
    if ((wanted || exposed) && !lpg_sites_visible(view, i)) {
        report->stretches.n = hit.first_stretch;
        return;
    }
    if (exposed) {
        expose_element(run, kind, hit.persons);
    }
    if (wanted) {
        hit.n_stretches = report->stretches.n - hit.first_stretch;
        hit.score = 100.0 * kind->weight *
                    (kind->on_link ? 1.0 : fmax(1.0 - hit.near.distance_m / hit.limit_m, 0.0));
        report->n_persons_assumed += hit.persons_assumed;
        report->n_pending += facts->pending;
        (void)add_hit(run, &hit);
    }
}

/* Yearly risk needs the links' probabilities, which need everybody's persons first. */
static void
add_individual_risks(struct run *run)
{
    const struct lpg_sites *sites = run->views->elements.sites;
    for (size_t i = 0; i < run->report->n_hits && run->status == CIM_OK; i++) {
        struct lpg_route_hit *hit = &run->report->hits[i];
        struct lpg_chain_near near;
        double xy[2];
        lpg_tm_forward(&run->report->chain.tm, sites->lonlat[2 * (size_t)hit->record],
                       sites->lonlat[2 * (size_t)hit->record + 1], xy);
        run->scratch.n = 0;
        if (look_up(run, xy, run->question->exposure_m, &near, &run->scratch)) {
            hit->individual_risk = individual_risk(run);
        }
    }
}

/* ---- links ---- */

static cim_status
make_links(struct lpg_route_report *report, double link_m, cim_error *err)
{
    const double wanted = ceil(report->chain.length_m / link_m);
    report->n_links = wanted < 1.0                           ? 1
                      : wanted > (double)LPG_ROUTE_LINKS_MAX ? LPG_ROUTE_LINKS_MAX
                                                             : (size_t)wanted;
    report->links = calloc(report->n_links, sizeof *report->links);
    report->risks = calloc(report->n_links, sizeof *report->risks);
    if (report->links == NULL || report->risks == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < report->n_links; i++) {
        const double n = (double)report->n_links;
        report->links[i].from_m = report->chain.length_m * (double)i / n;
        report->links[i].to_m = report->chain.length_m * (double)(i + 1) / n;
    }
    return CIM_OK;
}

struct nearest_road {
    const struct lpg_sites *sites;
    struct lpg_sites_view *view;
    double p[2]; /* degrees */
    double east; /* metres in a degree there */
    double north;
    double least2;
    int road_class;
};

/* A flat look: whether a road is 30 or 30.1 m away decides nothing. */
static int
see_road(void *arg, uint32_t i)
{
    struct nearest_road *nearest = arg;
    const double *ends = nearest->sites->lonlat + 4 * (size_t)i;
    const double a[2] = {(ends[0] - nearest->p[0]) * nearest->east,
                         (ends[1] - nearest->p[1]) * nearest->north};
    const double b[2] = {(ends[2] - nearest->p[0]) * nearest->east,
                         (ends[3] - nearest->p[1]) * nearest->north};
    const double origin[2] = {0.0, 0.0};
    const double t = lpg_segment_nearest(a, b, origin);
    const double x = a[0] + t * (b[0] - a[0]);
    const double y = a[1] + t * (b[1] - a[1]);
    const double d2 = x * x + y * y;
    const uint32_t record = lpg_sites_record(nearest->sites, i);
    const int road_class = nearest->sites->code[record];
    if ((d2 < nearest->least2 || (d2 == nearest->least2 && road_class < nearest->road_class)) &&
        lpg_sites_visible(nearest->view, record)) {
        nearest->least2 = d2;
        nearest->road_class = road_class;
    }
    return 0;
}

static int
road_class_at(struct run *run, double at_m)
{
    const double match_m = run->question->table->parameters[LPG_ROUTE_ROAD_MATCH_M];
    struct nearest_road nearest = {.sites = run->views->roads.sites,
                                   .view = &run->views->roads,
                                   .least2 = match_m * match_m,
                                   .road_class = -1};
    double box[4];
    if (nearest.sites == NULL) {
        return -1;
    }
    lpg_chain_at(&run->report->chain, at_m, nearest.p);
    nearest.north = 111000.0;
    nearest.east = 111320.0 * cos(nearest.p[1] * (3.14159265358979323846 / 180.0));
    box[0] = nearest.p[0] - match_m / nearest.east;
    box[1] = nearest.p[1] - match_m / nearest.north;
    box[2] = nearest.p[0] + match_m / nearest.east;
    box[3] = nearest.p[1] + match_m / nearest.north;
    lpg_sites_search(nearest.sites, box, see_road, &nearest);
    return nearest.road_class;
}

static double
drive_s(const struct run *run, const struct lpg_route_link *link)
{
    const struct lpg_route_table *table = run->question->table;
    const bool expressway = link->road_class >= 0 &&
                            strcmp(table->classes[link->road_class].road_class, "expressway") == 0;
    const double km_h =
        table
            ->parameters[expressway ? LPG_ROUTE_SPEED_EXPRESSWAY_KM_H : LPG_ROUTE_SPEED_OTHER_KM_H];
    return (link->to_m - link->from_m) / 1000.0 / km_h * 3600.0;
}

/* Road type, speed and probability of each link; its persons are known by now. */
static void
judge_links(struct run *run)
{
    const struct lpg_route_table *table = run->question->table;
    struct lpg_route_report *report = run->report;
    double driven_s = 0.0;
    for (size_t i = 0; i < report->n_links && run->status == CIM_OK; i++) {
        struct lpg_route_link *link = &report->links[i];
        const double km = (link->to_m - link->from_m) / 1000.0;
        const double area_km2 = lpg_risk_band_area_km2(run->question->exposure_m / 1000.0, km);
        const struct lpg_road_type *type;
        heed_cancel(run);
        link->road_class = road_class_at(run, (link->from_m + link->to_m) / 2.0);
        link->urban = report->risks[i].persons / area_km2 >=
                      table->parameters[LPG_ROUTE_URBAN_PERSONS_PER_KM2];
        if (link->road_class < 0) {
            link->road_type = table->worst_type;
            report->n_links_assumed++;
        } else {
            const struct lpg_road_class *road_class = &table->classes[link->road_class];
            link->road_type = link->urban ? road_class->urban : road_class->rural;
        }
        type = &table->types[link->road_type];
        report->risks[i].probability =
            lpg_risk_probability(type->accidents_per_1e6_km, type->release, km);
        if (run->question->has_departure) {
            link->enters_ms = run->question->depart_ms + llround(driven_s * 1e3);
            driven_s += drive_s(run, link);
            report->leaves_ms = run->question->depart_ms + llround(driven_s * 1e3);
        }
    }
    report->risk = lpg_risk_sum(report->risks, report->n_links);
}

/* ---- the whole ---- */

struct order {
    double from_m;
    const char *uid;
    struct lpg_route_hit hit;
};

static int
compare_order(const void *a, const void *b)
{
    const struct order *x = a;
    const struct order *y = b;
    if (x->from_m != y->from_m) {
        return x->from_m < y->from_m ? -1 : 1;
    }
    return strcmp(x->uid, y->uid);
}

static void
sort_hits(struct run *run)
{
    struct lpg_route_report *report = run->report;
    const struct lpg_sites *sites = run->views->elements.sites;
    struct order *orders = malloc((report->n_hits + 1) * sizeof *orders);
    if (orders == NULL) {
        run->status = cim_fail_nomem(run->err);
        return;
    }
    for (size_t i = 0; i < report->n_hits; i++) {
        const struct lpg_route_hit *hit = &report->hits[i];
        orders[i].from_m = report->stretches.stretches[hit->first_stretch].from_m;
        orders[i].uid = sites->text + sites->facts[hit->record].uid;
        orders[i].hit = *hit;
    }
    qsort(orders, report->n_hits, sizeof *orders, compare_order);
    for (size_t i = 0; i < report->n_hits; i++) {
        report->hits[i] = orders[i].hit;
    }
    free(orders);
}

double
lpg_route_reach_m(const struct lpg_route_question *question)
{
    double reach_m = question->exposure_m;
    for (int i = 0; i < question->table->n_kinds; i++) {
        if (question->wanted[i]) {
            /* an element may carry a distance of its own, where none is given for the run */
            reach_m = fmax(reach_m, question->override_m[i] > 0.0 ? question->override_m[i]
                                                                  : LPG_ROUTE_DISTANCE_MAX_M);
        }
    }
    return reach_m;
}

/* The largest distance that any element of the index makes the run look at. */
static double
reach_in(const struct run *run, const struct lpg_sites *sites)
{
    const struct lpg_route_question *question = run->question;
    double reach_m = question->exposure_m;
    bool own = false;
    for (int i = 0; i < question->table->n_kinds; i++) {
        const double kind_m = fmax(question->table->kinds[i].distance_m,
                                   question->table->parameters[LPG_ROUTE_ON_LINK_M]);
        if (question->wanted[i]) {
            own = own || !(question->override_m[i] > 0.0);
            reach_m =
                fmax(reach_m, question->override_m[i] > 0.0 ? question->override_m[i] : kind_m);
        }
    }
    return own ? fmin(fmax(reach_m, sites->distance_max_m), LPG_ROUTE_DISTANCE_MAX_M) : reach_m;
}

static void
assess(struct run *run)
{
    const struct lpg_sites *elements = run->views->elements.sites;
    const struct lpg_sites *users = run->views->users.sites;
    run->report->residents_by_users = users != NULL;
    if (elements != NULL) {
        look_along(run, elements, reach_in(run, elements), see_element);
    }
    if (run->status == CIM_OK && users != NULL) {
        look_along(run, users, run->question->exposure_m, see_household);
    }
    if (run->status == CIM_OK) {
        judge_links(run);
    }
    if (run->status == CIM_OK) {
        sort_hits(run);
    }
    if (run->status == CIM_OK && run->question->trips_per_year > 0.0) {
        add_individual_risks(run);
    }
}

/* The degrees that hold the route, with what a long edge bends beyond its ends. */
static void
extent_of(const struct lpg_route *route, double ret_deg[4])
{
    const double bend_deg = 0.001;
    double box[4] = {HUGE_VAL, HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
    for (size_t i = 0; i < route->n; i++) {
        const double *p = route->lonlat_deg + 2 * i;
        box[0] = fmin(box[0], p[0]);
        box[1] = fmin(box[1], p[1]);
        box[2] = fmax(box[2], p[0]);
        box[3] = fmax(box[3], p[1]);
    }
    for (int k = 0; k < 4; k++) {
        ret_deg[k] = box[k] + (k < 2 ? -bend_deg : bend_deg);
    }
}

cim_status
lpg_route_assess(const struct lpg_route *route, const struct lpg_route_question *question,
                 struct lpg_route_views *views, const cim_call *call,
                 struct lpg_route_report *ret_report, cim_error *err)
{
    struct lpg_route_report report = {0};
    struct run run = {
        .question = question, .views = views, .call = call, .report = &report, .err = err};
    run.status = lpg_chain_build(route->lonlat_deg, route->n, &report.chain, err);
    if (run.status == CIM_OK) {
        run.status = make_links(&report, question->table->parameters[LPG_ROUTE_LINK_M], err);
    }
    if (run.status == CIM_OK) {
        assess(&run);
    }
    if (run.status == CIM_OK) {
        double box[4];
        extent_of(route, box);
        run.status = lpg_zones_along(&report.chain, box, &views->zones, question->as_of_day, call,
                                     &report.zones, err);
    }
    free(run.scratch.stretches);
    if (run.status != CIM_OK) {
        lpg_route_report_done(&report);
        return run.status;
    }
    *ret_report = report;
    return CIM_OK;
}

void
lpg_route_report_done(struct lpg_route_report *report)
{
    lpg_chain_done(&report->chain);
    free(report->hits);
    free(report->stretches.stretches);
    free(report->zones.stays);
    free(report->links);
    free(report->risks);
    *report = (struct lpg_route_report){0};
}
