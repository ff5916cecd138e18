/* plugin/analysis/siting_choice.c -- see siting_choice.h. */
#include "analysis/siting_choice.h"

#include "analysis/json_io.h"
#include "analysis/median.h"
#include "analysis/siting_metric.h"
#include "cim/util.h"
#include "geo/plane.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct site {
    struct lpg_metric_place place;
    const char *id;  /* as it was given; NULL */
    uint32_t record; /* of an existing station */
    bool existing;
    bool lawful;   /* on the land, no separation short */
    bool eligible; /* and `spacing_m` from stations that go on */
    double least_margin_m;
    enum lpg_separation_verdict verdict;
    double serves; /* weight that is nearest to it, or covered by it, when chosen */
};

struct demand {
    struct lpg_metric_place place;
    double weight;
};

struct choice {
    const struct lpg_choice_ground *ground;
    struct json_object *inputs;
    size_t count;
    bool coverage; /* else the least weighted distance */
    double radius_m;
    double spacing_m;
    bool movable; /* existing stations may give way to other places */
    struct lpg_metric metric;
    struct lpg_sites_view stations;
    size_t n_sites;
    struct site *sites; /* existing ones first */
    size_t n_existing;
    size_t sites_capacity;
    size_t n_demands;
    struct demand *demands;
    size_t demands_capacity;
    double total;
    double off_road;  /* of it what no road is near to */
    double unreached; /* and what none of the chosen stations has a way to */
    struct lpg_median_answer answer;
    bool solved;
    cim_status status;
    cim_error *err;
};

static void
choice_done(struct choice *choice)
{
    lpg_sites_view_done(&choice->stations);
    lpg_metric_done(&choice->metric);
    lpg_median_answer_done(&choice->answer);
    free(choice->sites);
    free(choice->demands);
}

/* ---- inputs ---- */

static cim_status
read_question(struct choice *choice)
{
    double count = 0.0;
    const char *objective = json_object_get_string(lpg_in_member(choice->inputs, "objective"));
    CIM_TRY(lpg_in_number(choice->inputs, "count", 1.0, LPG_CHOICE_COUNT_MAX, &count, choice->err));
    CIM_TRY(lpg_in_number(choice->inputs, "service_radius_m", 1.0, 50000.0, &choice->radius_m,
                          choice->err));
    CIM_TRY(
        lpg_in_number(choice->inputs, "spacing_m", 0.0, 50000.0, &choice->spacing_m, choice->err));
    choice->count = (size_t)count;
    choice->coverage = objective == NULL || strcmp(objective, "max_coverage") == 0;
    if (choice->coverage && !(choice->radius_m > 0.0)) {
        return cim_fail(choice->err, CIM_E_INVALID, "service_radius_m", NULL,
                        "按最大覆盖选址应给出服务半径（米）",
                        "covering the most needs the radius of service, in metres");
    }
    return CIM_OK;
}

/* ---- sites ---- */

static struct site *
add_site(struct choice *choice)
{
    if (choice->n_sites == choice->sites_capacity) {
        const size_t capacity = choice->sites_capacity == 0 ? 256 : choice->sites_capacity * 2;
        struct site *grown = NULL;
        if (choice->n_sites >= LPG_MEDIAN_SITES_MAX) {
            choice->status = cim_fail(
                choice->err, CIM_E_TOO_LARGE, "candidates", NULL, "候选点与现有站点最多 %d 个",
                "at most %d candidates and existing stations", LPG_MEDIAN_SITES_MAX);
            return NULL;
        }
        grown = realloc(choice->sites, capacity * sizeof *grown);
        if (grown == NULL) {
            choice->status = cim_fail_nomem(choice->err);
            return NULL;
        }
        choice->sites = grown;
        choice->sites_capacity = capacity;
    }
    choice->sites[choice->n_sites] = (struct site){.least_margin_m = HUGE_VAL};
    return &choice->sites[choice->n_sites++];
}

/* Supply stations in the area and around it that go on as they are. */
static int
add_existing(void *arg, uint32_t i)
{
    struct choice *choice = arg;
    const struct lpg_sites *sites = choice->stations.sites;
    struct site *site;
    if (sites->code[i] != LPG_STATION_KIND_SUPPLY || !lpg_sites_visible(&choice->stations, i)) {
        return 0;
    }
    site = add_site(choice);
    if (site != NULL) {
        memcpy(site->place.lonlat_deg, sites->lonlat + 2 * (size_t)i,
               sizeof site->place.lonlat_deg);
        site->existing = true;
        site->record = i;
    }
    return site == NULL;
}

static int
by_uid(const void *a, const void *b, void *arg)
{
    const struct lpg_sites *sites = arg;
    return strcmp(sites->text + sites->facts[((const struct site *)a)->record].uid,
                  sites->text + sites->facts[((const struct site *)b)->record].uid);
}

static cim_status
add_existing_stations(struct choice *choice)
{
    const char *existing = json_object_get_string(lpg_in_member(choice->inputs, "existing"));
    const double *box = choice->ground->box_deg;
    const double reach_deg = fmax(choice->radius_m, choice->spacing_m) / 110000.0;
    /* below 60° a degree of longitude is at least half one of latitude */
    const double around_deg[4] = {box[0] - 2.0 * reach_deg, box[1] - reach_deg,
                                  box[2] + 2.0 * reach_deg, box[3] + reach_deg};
    if (existing != NULL && strcmp(existing, "ignore") == 0) {
        return CIM_OK;
    }
    choice->movable = existing != NULL && strcmp(existing, "movable") == 0;
    CIM_TRY(lpg_sites_view_open(&choice->ground->siting->stations, choice->ground->call, around_deg,
                                &choice->stations, choice->err));
    if (choice->stations.sites == NULL) {
        return cim_fail(choice->err, CIM_E_DENIED, "existing", "lpg.stations",
                        "没有读取站点的授权；取得授权，或令 existing 为 ignore",
                        "not granted to read the stations: get the grant, or set existing to "
                        "ignore");
    }
    lpg_sites_search(choice->stations.sites, around_deg, add_existing, choice);
    CIM_TRY(choice->status);
    choice->n_existing = choice->n_sites;
    if (choice->n_sites > 0) {
        qsort_r(choice->sites, choice->n_sites, sizeof *choice->sites, by_uid,
                choice->stations.sites);
    }
    return CIM_OK;
}

/* A Point, or a Feature of one, of a list. */
static cim_status
read_point(struct choice *choice, struct json_object *feature, const char *where, size_t i,
           double ret_lonlat_deg[2])
{
    char name[64];
    struct json_object *holder = json_object_new_object();
    cim_status status;
    (void)snprintf(name, sizeof name, "%s[%zu]", where, i);
    if (holder == NULL) {
        return cim_fail_nomem(choice->err);
    }
    (void)json_object_object_add(holder, name, json_object_get(feature));
    status = lpg_in_point(holder, name, ret_lonlat_deg, choice->err);
    (void)json_object_put(holder);
    return status;
}

static struct json_object *
features_of(struct json_object *collection)
{
    struct json_object *features = lpg_in_member(collection, "features");
    return json_object_is_type(features, json_type_array) ? features : NULL;
}

static cim_status
add_given(struct choice *choice, struct json_object *collection)
{
    struct json_object *features = features_of(collection);
    if (features == NULL || json_object_array_length(features) == 0) {
        return cim_fail(choice->err, CIM_E_INVALID, "candidates", NULL,
                        "应为至少一个点的 GeoJSON FeatureCollection",
                        "expected a GeoJSON FeatureCollection of at least one point");
    }
    for (size_t i = 0; i < json_object_array_length(features); i++) {
        struct json_object *feature = json_object_array_get_idx(features, i);
        struct site *site = add_site(choice);
        if (site == NULL) {
            return choice->status;
        }
        CIM_TRY(read_point(choice, feature, "candidates", i, site->place.lonlat_deg));
        site->id = json_object_get_string(lpg_in_member(feature, "id"));
    }
    return CIM_OK;
}

static cim_status
add_plane_site(struct choice *choice, double x, double y)
{
    struct site *site = add_site(choice);
    if (site == NULL) {
        return choice->status;
    }
    lpg_tm_inverse(choice->ground->tm, x, y, site->place.lonlat_deg);
    for (int k = 0; k < 2; k++) { /* as it is written: 0.1 mm */
        site->place.lonlat_deg[k] = nearbyint(site->place.lonlat_deg[k] * 1e9) / 1e9;
    }
    return CIM_OK;
}

static bool
is_within(const struct lpg_choice_ground *ground, const GEOSPreparedGeometry *shape,
          const double xy[2])
{
    GEOSGeometry *point = GEOSGeom_createPointFromXY_r(ground->geos, xy[0], xy[1]);
    const bool within = point != NULL && GEOSPreparedContains_r(ground->geos, shape, point) == 1;
    GEOSGeom_destroy_r(ground->geos, point);
    return within;
}

/* A square grid over the land, and a place in every part of it that the grid misses. */
static cim_status
add_grid(struct choice *choice, const GEOSPreparedGeometry *land)
{
    const struct lpg_choice_ground *ground = choice->ground;
    const int n_parts = GEOSGetNumGeometries_r(ground->geos, ground->feasible);
    double area_m2 = 0.0;
    double box[4] = {0.0, 0.0, 0.0, 0.0};
    double step_m;
    (void)GEOSArea_r(ground->geos, ground->feasible, &area_m2);
    if (!(area_m2 > 0.0) || GEOSGeom_getXMin_r(ground->geos, ground->feasible, &box[0]) == 0 ||
        GEOSGeom_getYMin_r(ground->geos, ground->feasible, &box[1]) == 0 ||
        GEOSGeom_getXMax_r(ground->geos, ground->feasible, &box[2]) == 0 ||
        GEOSGeom_getYMax_r(ground->geos, ground->feasible, &box[3]) == 0) {
        return CIM_OK;
    }
    step_m = fmax(sqrt(area_m2 / LPG_CHOICE_GRID), 5.0);
    for (double y = box[1] + step_m / 2.0; y < box[3]; y += step_m) {
        for (double x = box[0] + step_m / 2.0; x < box[2]; x += step_m) {
            const double xy[2] = {x, y};
            if (is_within(ground, land, xy)) {
                CIM_TRY(add_plane_site(choice, x, y));
            }
        }
    }
    for (int i = 0; i < n_parts && choice->n_sites - choice->n_existing < 2 * LPG_CHOICE_GRID;
         i++) {
        const GEOSGeometry *part = GEOSGetGeometryN_r(ground->geos, ground->feasible, i);
        GEOSGeometry *inner = GEOSPointOnSurface_r(ground->geos, part);
        double xy[2];
        if (inner != NULL && GEOSGeomGetX_r(ground->geos, inner, &xy[0]) == 1 &&
            GEOSGeomGetY_r(ground->geos, inner, &xy[1]) == 1) {
            choice->status = add_plane_site(choice, xy[0], xy[1]);
        }
        GEOSGeom_destroy_r(ground->geos, inner);
        CIM_TRY(choice->status);
    }
    return CIM_OK;
}

static double
apart_m(const struct choice *choice, const double a[2], const double b[2])
{
    return lpg_tm_distance_m(choice->ground->tm, a, b);
}

/* Inside the land, and not nearer to a station than the spacing; with its least margin. */
static cim_status
judge_site(struct choice *choice, const GEOSPreparedGeometry *land, struct site *site)
{
    static const double here[4] = {0.0, 0.0, 0.0, 0.0};
    const struct lpg_choice_ground *ground = choice->ground;
    struct lpg_outline outline = {.edges = here, .n_edges = 1};
    struct lpg_separation_judgement judgement;
    lpg_tm_init(&outline.tm, site->place.lonlat_deg[0], site->place.lonlat_deg[1]);
    CIM_TRY(lpg_separation_judge(ground->demand, &outline, ground->with->day, &ground->with->views,
                                 &judgement, choice->err));
    site->verdict = judgement.verdict;
    for (size_t i = 0; i < judgement.n; i++) {
        if (judgement.lines[i].found && !judgement.lines[i].not_inside) {
            site->least_margin_m = fmin(site->least_margin_m, judgement.lines[i].margin_m);
        }
    }
    site->lawful =
        is_within(ground, land, site->place.xy) && judgement.verdict != LPG_VERDICT_VIOLATES;
    site->eligible = site->lawful;
    for (size_t k = 0; k < choice->n_existing && !choice->movable && site->eligible; k++) {
        site->eligible =
            apart_m(choice, site->place.xy, choice->sites[k].place.xy) >= choice->spacing_m;
    }
    return CIM_OK;
}

static cim_status
collect_sites(struct choice *choice)
{
    struct json_object *given = lpg_in_member(choice->inputs, "candidates");
    const struct lpg_choice_ground *ground = choice->ground;
    const GEOSPreparedGeometry *land = GEOSPrepare_r(ground->geos, ground->feasible);
    cim_status status = land != NULL ? add_existing_stations(choice) : cim_fail_nomem(choice->err);
    if (status == CIM_OK) {
        status = given != NULL ? add_given(choice, given) : add_grid(choice, land);
    }
    for (size_t i = 0; i < choice->n_sites && status == CIM_OK; i++) {
        struct site *site = &choice->sites[i];
        lpg_metric_place(&choice->metric, &site->place);
        if (!site->existing) {
            status = judge_site(choice, land, site);
        }
    }
    GEOSPreparedGeom_destroy_r(ground->geos, land);
    return status;
}

/* ---- demand ---- */

static bool
add_demand(struct choice *choice, const double lonlat_deg[2], double weight)
{
    if (choice->n_demands == choice->demands_capacity) {
        const size_t capacity = choice->demands_capacity == 0 ? 1024 : choice->demands_capacity * 2;
        struct demand *grown = NULL;
        if (choice->n_demands >= LPG_CHOICE_DEMANDS_MAX) {
            choice->status = cim_fail(
                choice->err, CIM_E_TOO_LARGE, "demand", NULL, "需求点最多 %d 个，请缩小范围或合并",
                "at most %d demands: make the area smaller or join them", LPG_CHOICE_DEMANDS_MAX);
            return false;
        }
        grown = realloc(choice->demands, capacity * sizeof *grown);
        if (grown == NULL) {
            choice->status = cim_fail_nomem(choice->err);
            return false;
        }
        choice->demands = grown;
        choice->demands_capacity = capacity;
    }
    struct demand *demand = &choice->demands[choice->n_demands++];
    *demand = (struct demand){.weight = weight};
    memcpy(demand->place.lonlat_deg, lonlat_deg, sizeof demand->place.lonlat_deg);
    lpg_metric_place(&choice->metric, &demand->place);
    choice->total += weight;
    choice->off_road += lpg_metric_is_off_road(&choice->metric, &demand->place) ? weight : 0.0;
    return true;
}

struct users {
    struct choice *choice;
    struct lpg_sites_view *view;
    const GEOSPreparedGeometry *area;
};

static int
add_user(void *arg, uint32_t i)
{
    struct users *users = arg;
    const double *at = users->view->sites->lonlat + 2 * (size_t)i;
    double xy[2];
    lpg_tm_forward(users->choice->ground->tm, at[0], at[1], xy);
    if (!is_within(users->choice->ground, users->area, xy) || !lpg_sites_visible(users->view, i)) {
        return 0;
    }
    return !add_demand(users->choice, at, 1.0);
}

static cim_status
add_users(struct choice *choice)
{
    const struct lpg_choice_ground *ground = choice->ground;
    struct lpg_sites_view view = {0};
    const GEOSPreparedGeometry *area;
    CIM_TRY(lpg_sites_view_open(&ground->siting->users, ground->call, ground->box_deg, &view,
                                choice->err));
    if (view.sites == NULL) {
        return cim_fail(choice->err, CIM_E_DENIED, "demand", "lpg.end-users",
                        "没有读取用户的授权；取得授权，或给出 demand",
                        "not granted to read the end users: get the grant, or give demand");
    }
    area = GEOSPrepare_r(ground->geos, ground->area);
    if (area == NULL) {
        choice->status = cim_fail_nomem(choice->err);
    } else {
        struct users users = {choice, &view, area};
        lpg_sites_search_in_order(view.sites, ground->box_deg, add_user, &users);
        GEOSPreparedGeom_destroy_r(ground->geos, area);
    }
    lpg_sites_view_done(&view);
    return choice->status;
}

static cim_status
add_given_demand(struct choice *choice, struct json_object *features)
{
    for (size_t i = 0; features != NULL && i < json_object_array_length(features); i++) {
        struct json_object *feature = json_object_array_get_idx(features, i);
        double at_deg[2];
        double weight = 1.0;
        CIM_TRY(read_point(choice, feature, "demand", i, at_deg));
        if (lpg_in_number(lpg_in_member(feature, "properties"), "weight", 0.0, 1e9, &weight,
                          NULL) != CIM_OK) {
            char where[64];
            (void)snprintf(where, sizeof where, "demand[%zu].weight", i);
            return cim_fail(choice->err, CIM_E_INVALID, where, NULL, "应为不小于 0 的数",
                            "expected a number of at least 0");
        }
        if (!add_demand(choice, at_deg, weight)) {
            return choice->status;
        }
    }
    return CIM_OK;
}

static cim_status
collect_demand(struct choice *choice)
{
    struct json_object *given = lpg_in_member(choice->inputs, "demand");
    CIM_TRY(given != NULL ? add_given_demand(choice, features_of(given)) : add_users(choice));
    if (!(choice->total > 0.0)) {
        return cim_fail(choice->err, CIM_E_INVALID, "demand", NULL,
                        "范围内没有需求；请扩大范围，或给出带 weight 的点",
                        "there is no demand in the area: make it larger, or give points with a "
                        "weight");
    }
    return CIM_OK;
}

/* ---- choosing ---- */

/* Sites that take part: existing ones and eligible candidates. */
static size_t
list_open_sites(const struct choice *choice, size_t *list)
{
    size_t n = 0;
    for (size_t i = 0; i < choice->n_sites; i++) {
        if (choice->sites[i].existing || choice->sites[i].eligible) {
            list[n++] = i;
        }
    }
    return n;
}

/* Demand that no road is near to counts as not covered, and in no sum of distances. */
static double
cost_of(const struct choice *choice, const struct demand *demand, double m)
{
    if (choice->coverage) {
        return m <= choice->radius_m ? 0.0 : demand->weight;
    }
    return lpg_metric_is_off_road(&choice->metric, &demand->place) ? 0.0 : demand->weight * m;
}

static cim_status
fill_costs(struct choice *choice, const struct lpg_metric_place *const *demands, const size_t *list,
           size_t m, double *cost)
{
    const size_t n = choice->n_demands;
    const double most_m = choice->coverage ? choice->radius_m : LPG_METRIC_NO_WAY_M;
    CIM_AUTO_FREE uint32_t *nearest = malloc((n + 1) * sizeof *nearest);
    CIM_AUTO_FREE double *metres = malloc((n + 1) * sizeof *metres);
    if (nearest == NULL || metres == NULL) {
        return cim_fail_nomem(choice->err);
    }
    for (size_t j = 0; j < m; j++) {
        const struct lpg_metric_place *place = &choice->sites[list[j]].place;
        CIM_TRY(lpg_metric_nearest(&choice->metric, &place, 1, demands, n, most_m, nearest, metres,
                                   choice->err));
        for (size_t i = 0; i < n; i++) {
            cost[i * m + j] = cost_of(choice, &choice->demands[i], metres[i]);
        }
    }
    return CIM_OK;
}

static cim_status
solve(struct choice *choice, const size_t *list, size_t m, const double *cost, bool *fixed,
      bool *apart)
{
    const struct lpg_median median = {.n = choice->n_demands,
                                      .m = m,
                                      .p = choice->count +
                                           (choice->movable ? choice->n_existing : 0),
                                      .cost = cost,
                                      .fixed = fixed,
                                      .apart = choice->spacing_m > 0.0 ? apart : NULL};
    for (size_t j = 0; j < m; j++) {
        const struct site *one = &choice->sites[list[j]];
        fixed[j] = one->existing && !choice->movable;
        for (size_t k = 0; k < m; k++) {
            const struct site *other = &choice->sites[list[k]];
            /* those that stand already may be as near to each other as they are */
            apart[j * m + k] = j != k && !(one->existing && other->existing) &&
                               apart_m(choice, one->place.xy, other->place.xy) < choice->spacing_m;
        }
    }
    return lpg_median_solve(&median, choice->ground->call, &choice->answer, choice->err);
}

/* What each site that was chosen serves: the nearest serves, and covers where it is near enough. */
static cim_status
share_out(struct choice *choice, const struct lpg_metric_place *const *demands, const size_t *list,
          size_t m)
{
    const double most_m = choice->coverage ? choice->radius_m : LPG_METRIC_NO_WAY_M;
    CIM_AUTO_FREE const struct lpg_metric_place **open = malloc((m + 1) * sizeof *open);
    CIM_AUTO_FREE size_t *site_of = malloc((m + 1) * sizeof *site_of);
    CIM_AUTO_FREE uint32_t *nearest = malloc((choice->n_demands + 1) * sizeof *nearest);
    CIM_AUTO_FREE double *metres = malloc((choice->n_demands + 1) * sizeof *metres);
    size_t n_open = 0;
    if (open == NULL || site_of == NULL || nearest == NULL || metres == NULL) {
        return cim_fail_nomem(choice->err);
    }
    for (size_t j = 0; j < m; j++) {
        if (choice->answer.open[j]) {
            site_of[n_open] = list[j];
            open[n_open++] = &choice->sites[list[j]].place;
        }
    }
    CIM_TRY(lpg_metric_nearest(&choice->metric, open, n_open, demands, choice->n_demands, most_m,
                               nearest, metres, choice->err));
    for (size_t i = 0; i < choice->n_demands; i++) {
        const struct demand *demand = &choice->demands[i];
        if (nearest[i] != UINT32_MAX) {
            choice->sites[site_of[nearest[i]]].serves += demand->weight;
        } else if (!lpg_metric_is_off_road(&choice->metric, &demand->place)) {
            choice->unreached += demand->weight;
        }
    }
    return CIM_OK;
}

static cim_status
choose(struct choice *choice, size_t *list, bool *chosen)
{
    const size_t m = list_open_sites(choice, list);
    CIM_AUTO_FREE double *cost = NULL;
    CIM_AUTO_FREE bool *fixed = calloc(m + 1, sizeof *fixed);
    CIM_AUTO_FREE bool *apart = calloc(m * m + 1, sizeof *apart);
    CIM_AUTO_FREE const struct lpg_metric_place **demands =
        malloc((choice->n_demands + 1) * sizeof *demands);
    if (choice->n_demands * m > LPG_MEDIAN_CELLS_MAX) {
        return cim_fail(choice->err, CIM_E_TOO_LARGE, "demand", NULL,
                        "%zu 个需求点乘 %zu 个候选点超过 %d，请合并需求点或减少候选点",
                        "%zu demands times %zu sites is more than %d: join demands or give fewer "
                        "candidates",
                        choice->n_demands, m, LPG_MEDIAN_CELLS_MAX);
    }
    cost = malloc((choice->n_demands * m + 1) * sizeof *cost);
    if (cost == NULL || fixed == NULL || apart == NULL || demands == NULL) {
        return cim_fail_nomem(choice->err);
    }
    for (size_t i = 0; i < choice->n_demands; i++) {
        demands[i] = &choice->demands[i].place;
    }
    CIM_TRY(fill_costs(choice, demands, list, m, cost));
    CIM_TRY(solve(choice, list, m, cost, fixed, apart));
    choice->solved = choice->answer.found;
    if (choice->solved) {
        CIM_TRY(share_out(choice, demands, list, m));
        for (size_t j = 0; j < m; j++) {
            chosen[list[j]] = choice->answer.open[j];
        }
    }
    return CIM_OK;
}

/* ---- writing ---- */

static cim_status
write_site(const struct choice *choice, const struct site *site, bool with_rules,
           struct cim_buf *out)
{
    static const char *const verdicts[] = {"complies", "to_confirm", "violates"};
    static const double here[4] = {0.0, 0.0, 0.0, 0.0};
    const struct lpg_choice_ground *ground = choice->ground;
    lpg_out_next(out);
    cim_buf_add_text(out, "{\"type\":\"Feature\"");
    lpg_out_point(out, "geometry", site->place.lonlat_deg);
    if (site->id != NULL) {
        lpg_out_text(out, "id", site->id);
    }
    lpg_out_key(out, "properties");
    cim_buf_add_char(out, '{');
    lpg_out_flag(out, "eligible", site->eligible);
    lpg_out_m(out, "least_margin_m", site->least_margin_m);
    if (with_rules) {
        struct lpg_outline outline = {.edges = here, .n_edges = 1};
        struct lpg_separation_judgement judgement;
        lpg_tm_init(&outline.tm, site->place.lonlat_deg[0], site->place.lonlat_deg[1]);
        CIM_TRY(lpg_separation_judge(ground->demand, &outline, ground->with->day,
                                     &ground->with->views, &judgement, choice->err));
        lpg_out_m(out, "serves", site->serves);
        lpg_separation_write(ground->demand, &judgement, ground->station, &ground->with->views,
                             out);
    } else {
        lpg_out_text(out, "verdict", verdicts[site->verdict]);
    }
    cim_buf_add_text(out, "}}");
    return CIM_OK;
}

/* Eligible ones first, those with the most to spare before the others. */
static int
by_margin(const void *a, const void *b)
{
    const struct site *x = *(const struct site *const *)a;
    const struct site *y = *(const struct site *const *)b;
    if (x->eligible != y->eligible) {
        return x->eligible ? -1 : 1;
    }
    if (x->least_margin_m != y->least_margin_m) {
        return x->least_margin_m > y->least_margin_m ? -1 : 1;
    }
    return x < y ? -1 : x > y; /* as they were given */
}

static cim_status
write_candidates(const struct choice *choice, struct cim_buf *out)
{
    const size_t n = choice->n_sites - choice->n_existing;
    CIM_AUTO_FREE const struct site **ranked = malloc((n + 1) * sizeof *ranked);
    if (ranked == NULL) {
        return cim_fail_nomem(choice->err);
    }
    for (size_t i = 0; i < n; i++) {
        ranked[i] = &choice->sites[choice->n_existing + i];
    }
    qsort(ranked, n, sizeof *ranked, by_margin);
    cim_buf_add_text(out, ",\"candidates\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < n; i++) {
        CIM_TRY(write_site(choice, ranked[i], false, out));
    }
    cim_buf_add_text(out, "]}");
    return CIM_OK;
}

/* Why `count` stations cannot stand together: too few places, or else the spacing, without which
 * any of the lawful places may be chosen together. */
static void
write_too_few(const struct choice *choice, struct cim_buf *out)
{
    size_t lawful = 0;
    size_t eligible = 0;
    for (size_t i = 0; i < choice->n_sites; i++) {
        lawful += choice->sites[i].lawful;
        eligible += choice->sites[i].eligible;
    }
    lpg_out_key(out, "too_few");
    if (choice->solved) {
        cim_buf_add_text(out, "null");
        return;
    }
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "without", lawful < choice->count ? "count" : "spacing_m");
    lpg_out_int(out, "places", (int64_t)lawful);
    lpg_out_int(out, "places_spaced", (int64_t)eligible);
    cim_buf_add_char(out, '}');
}

/* Existing stations that give way to places that serve better. */
static void
write_moved(const struct choice *choice, const bool *chosen, struct cim_buf *out)
{
    const struct lpg_sites *sites = choice->stations.sites;
    cim_buf_add_text(out, ",\"moved\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < choice->n_existing && choice->solved && choice->movable; i++) {
        const struct site *site = &choice->sites[i];
        const struct lpg_site_facts *facts = &sites->facts[site->record];
        if (chosen[i]) {
            continue;
        }
        lpg_out_next(out);
        cim_buf_add_text(out, "{\"type\":\"Feature\"");
        lpg_out_point(out, "geometry", site->place.lonlat_deg);
        lpg_out_text(out, "id", sites->text + facts->uid);
        lpg_out_key(out, "properties");
        cim_buf_add_char(out, '{');
        lpg_out_text(out, "name", sites->text + facts->name);
        cim_buf_add_text(out, "}}");
    }
    cim_buf_add_text(out, "]}");
}

/* Least weighted distances without what stands for ways that do not exist. */
static double
told_value(const struct choice *choice, double value)
{
    return choice->coverage ? choice->total - value
                            : value - LPG_METRIC_NO_WAY_M * choice->unreached;
}

static cim_status
write_choice(const struct choice *choice, const bool *chosen, struct cim_buf *out)
{
    const struct lpg_median_answer *answer = &choice->answer;
    const double value = told_value(choice, answer->value);
    const double bound = told_value(choice, answer->bound);
    const double gap = fabs(value - bound) / fmax(fmax(value, bound), 1e-9);
    CIM_TRY(write_candidates(choice, out));
    cim_buf_add_text(out, ",\"chosen\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = choice->n_existing; i < choice->n_sites; i++) {
        if (chosen[i]) {
            CIM_TRY(write_site(choice, &choice->sites[i], true, out));
        }
    }
    cim_buf_add_text(out, "]}");
    write_moved(choice, chosen, out);
    write_too_few(choice, out);
    lpg_out_m(out, "total_demand", choice->total);
    lpg_out_m(out, "off_road_demand", choice->metric.by_road ? choice->off_road : NAN);
    lpg_out_m(out, "unreached_demand",
              choice->solved && !choice->coverage ? choice->unreached : NAN);
    lpg_out_int(out, "existing_stations", (int64_t)choice->n_existing);
    lpg_out_m(out, "covered_demand", choice->solved && choice->coverage ? value : NAN);
    lpg_out_m(out, "weighted_distance_m", choice->solved && !choice->coverage ? value : NAN);
    lpg_out_m(out, "bound", choice->solved ? bound : NAN);
    lpg_out_six(out, "gap", !choice->solved ? NAN : answer->proven ? 0.0 : gap);
    lpg_out_flag(out, "proven", choice->solved && answer->proven);
    return cim_buf_status(out, choice->err);
}

static cim_status
run_choice(struct choice *choice, struct cim_buf *out)
{
    CIM_TRY(read_question(choice));
    CIM_TRY(lpg_metric_open(choice->ground->siting->routing, choice->ground->call, choice->inputs,
                            choice->ground->tm, &choice->metric, choice->err));
    CIM_TRY(collect_sites(choice));
    CIM_TRY(collect_demand(choice));
    CIM_AUTO_FREE size_t *list = calloc(choice->n_sites + 1, sizeof *list);
    CIM_AUTO_FREE bool *chosen = calloc(choice->n_sites + 1, sizeof *chosen);
    if (list == NULL || chosen == NULL) {
        return cim_fail_nomem(choice->err);
    }
    if (choice->ground->job != NULL) {
        choice->ground->job->progress(choice->ground->job, 0.92, "正在优选", "choosing");
    }
    CIM_TRY(choose(choice, list, chosen));
    return write_choice(choice, chosen, out);
}

cim_status
lpg_siting_choose(const struct lpg_choice_ground *ground, struct json_object *inputs,
                  struct cim_buf *out, cim_error *err)
{
    struct choice choice = {.ground = ground, .inputs = inputs, .err = err};
    cim_status status;
    if (lpg_in_member(inputs, "count") == NULL) {
        static const char none[] = "{\"type\":\"FeatureCollection\",\"features\":[]}";
        cim_buf_addf(out, ",\"candidates\":%s,\"chosen\":%s,\"moved\":%s", none, none, none);
        cim_buf_add_text(out, ",\"too_few\":null,\"total_demand\":null,\"off_road_demand\":null,"
                              "\"unreached_demand\":null,\"existing_stations\":null,"
                              "\"covered_demand\":null,\"weighted_distance_m\":null,"
                              "\"bound\":null,\"gap\":null,\"proven\":false");
        return cim_buf_status(out, err);
    }
    status = run_choice(&choice, out);
    choice_done(&choice);
    return status;
}
