/* plugin/analysis/siting_choice.c -- see siting_choice.h. */
#include "analysis/siting_choice.h"

#include "analysis/json_io.h"
#include "analysis/siting_parts.h"
#include "cim/util.h"
#include "geo/plane.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
choice_done(struct choice *choice)
{
    lpg_sites_view_done(&choice->stations);
    lpg_metric_done(&choice->metric);
    lpg_median_answer_done(&choice->answer);
    lpg_frontier_answer_done(&choice->frontier);
    GEOSPreparedGeom_destroy_r(choice->ground->geos, choice->rooms.area);
    free(choice->sites);
    free(choice->demands);
}

/* ---- inputs ---- */

static cim_status
read_capacities(struct choice *choice)
{
    const char *demand_by = json_object_get_string(lpg_in_member(choice->inputs, "demand_by"));
    choice->capacity = NAN;
    CIM_TRY(lpg_in_number(choice->inputs, "capacity", 1e-3, 1e9, &choice->capacity, choice->err));
    choice->existing_capacity = choice->capacity;
    CIM_TRY(lpg_in_number(choice->inputs, "existing_capacity", 0.0, 1e9, &choice->existing_capacity,
                          choice->err));
    choice->by_gas = demand_by != NULL && strcmp(demand_by, "gas") == 0;
    choice->limited = !isnan(choice->capacity) || !isnan(choice->existing_capacity);
    return CIM_OK;
}

static cim_status
read_frontier(struct choice *choice)
{
    const char *existing = json_object_get_string(lpg_in_member(choice->inputs, "existing"));
    choice->exposure_m = 150.0;
    choice->wants_frontier = json_object_get_boolean(lpg_in_member(choice->inputs, "frontier"));
    CIM_TRY(
        lpg_in_number(choice->inputs, "exposure_m", 1.0, 2000.0, &choice->exposure_m, choice->err));
    if (choice->wants_frontier && !(choice->radius_m > 0.0)) {
        return cim_fail(choice->err, CIM_E_INVALID, "service_radius_m", NULL,
                        "求前沿应给出服务半径（米）：覆盖是其中一项",
                        "the frontier needs the radius of service, in metres: coverage is one of "
                        "its three");
    }
    if (choice->wants_frontier && existing != NULL && strcmp(existing, "movable") == 0) {
        return cim_fail(choice->err, CIM_E_INVALID, "existing", existing,
                        "求前沿时现有站应为 fixed 或 ignore",
                        "with the frontier existing stations are fixed or ignored");
    }
    return CIM_OK;
}

/* A class III station is a room in a building unless it is said otherwise (GB 50028-2006 8.6.7). */
static cim_status
read_places(struct choice *choice)
{
    const char *from = json_object_get_string(lpg_in_member(choice->inputs, "candidates_from"));
    const bool is_class3 = choice->ground->station->stations == 1U << LPG_STATION_CLASS3;
    choice->in_buildings = from != NULL ? strcmp(from, "buildings") == 0 : is_class3;
    if (choice->in_buildings && !is_class3) {
        return cim_fail(choice->err, CIM_E_INVALID, "candidates_from", from,
                        "只有Ⅲ类供应站可以设在建筑内；请令其为 land，或改站点类别",
                        "only a class III supply station may be in a building: set it to land, or "
                        "the class to III");
    }
    return CIM_OK;
}

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
    CIM_TRY(read_capacities(choice));
    CIM_TRY(read_frontier(choice));
    return read_places(choice);
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
    choice->sites[choice->n_sites] =
        (struct site){.least_margin_m = HUGE_VAL,
                      .number = (uint32_t)(choice->n_sites - choice->n_existing + 1),
                      .capacity = choice->capacity,
                      .price = 1.0};
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
        site->capacity = choice->existing_capacity;
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

/* A number that a candidate says of itself. */
static cim_status
read_own(struct choice *choice, struct json_object *feature, size_t i, const char *key,
         double *value)
{
    char where[64];
    struct json_object *properties = lpg_in_member(feature, "properties");
    if (lpg_in_number(properties, key, 0.0, 1e9, value, NULL) == CIM_OK) {
        return CIM_OK;
    }
    (void)snprintf(where, sizeof where, "candidates[%zu].%s", i, key);
    return cim_fail(choice->err, CIM_E_INVALID, where, lpg_in_given(lpg_in_member(properties, key)),
                    "应为不小于 0 的数", "expected a number of at least 0");
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
        CIM_TRY(read_own(choice, feature, i, "capacity", &site->capacity));
        CIM_TRY(read_own(choice, feature, i, "cost", &site->price));
        choice->limited = choice->limited || !isnan(site->capacity);
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

static int
add_room(void *arg, const struct lpg_receptor_seen *seen, const double lonlat_deg[2])
{
    struct choice *choice = arg;
    struct site *site = add_site(choice);
    if (site == NULL) {
        return 1;
    }
    for (int k = 0; k < 2; k++) { /* as it is written: 0.1 mm */
        site->place.lonlat_deg[k] = nearbyint(lonlat_deg[k] * 1e9) / 1e9;
    }
    site->room = true;
    site->record = seen->record;
    site->edges = seen->edges;
    site->n_edges = seen->n_edges;
    return 0;
}

static cim_status
add_rooms(struct choice *choice)
{
    const struct lpg_choice_ground *ground = choice->ground;
    choice->rooms = (struct lpg_rooms){.geos = ground->geos,
                                       .tm = ground->tm,
                                       .area = GEOSPrepare_r(ground->geos, ground->area),
                                       .taken = add_room,
                                       .arg = choice,
                                       .err = choice->err};
    if (choice->rooms.area == NULL) {
        return cim_fail_nomem(choice->err);
    }
    CIM_TRY(
        lpg_rooms_find(&choice->rooms, &ground->with->views, ground->box_deg, ground->with->day));
    return choice->status;
}

double
lpg_choice_apart_m(const struct choice *choice, const double a[2], const double b[2])
{
    return lpg_tm_distance_m(choice->ground->tm, a, b);
}

/* Rules of distances alone, or of what a station must not be inside. */
static struct lpg_separation_demand
only(const struct lpg_separation_demand *demand, bool inside)
{
    struct lpg_separation_demand part = *demand;
    for (int k = 0; k < LPG_RECEPTORS; k++) {
        part.of[k].inside_rule = inside ? part.of[k].inside_rule : -1;
        part.of[k].rule = inside ? -1 : part.of[k].rule;
        part.of[k].height_rule = inside ? -1 : part.of[k].height_rule;
    }
    return part;
}

/* Puts the lines of `more` behind those of `all`. */
static void
join(struct lpg_separation_judgement *all, const struct lpg_separation_judgement *more)
{
    for (size_t i = 0; i < more->n && all->n < LPG_SEPARATION_LINES_MAX; i++) {
        all->lines[all->n++] = more->lines[i];
    }
    all->verdict = more->verdict > all->verdict ? more->verdict : all->verdict;
    all->rules_open = all->rules_open || more->rules_open;
    all->assumed_close = all->assumed_close || more->assumed_close;
}

static cim_status
judge_room(const struct choice *choice, const struct site *site, struct lpg_outline *outline,
           struct lpg_separation_judgement *ret_judgement)
{
    const struct lpg_choice_ground *ground = choice->ground;
    const struct lpg_separation_demand distances = only(ground->demand, false);
    const struct lpg_separation_demand insides = only(ground->demand, true);
    struct lpg_separation_judgement inside;
    CIM_AUTO_FREE double *walls = malloc((site->n_edges + 1) * 4 * sizeof *walls);
    if (walls == NULL) {
        return cim_fail_nomem(choice->err);
    }
    CIM_TRY(lpg_separation_judge(&insides, outline, ground->with->day, &ground->with->views,
                                 &inside, choice->err));
    for (size_t i = 0; i < 2 * site->n_edges; i++) {
        lpg_tm_forward(&outline->tm, site->edges[2 * i], site->edges[2 * i + 1], walls + 2 * i);
    }
    outline->edges = walls;
    outline->n_edges = site->n_edges;
    outline->area = true;
    CIM_TRY(lpg_separation_judge(&distances, outline, ground->with->day, &ground->with->views,
                                 ret_judgement, choice->err));
    join(ret_judgement, &inside);
    return CIM_OK;
}

cim_status
lpg_choice_judge(const struct choice *choice, const struct site *site,
                 struct lpg_separation_judgement *ret_judgement)
{
    static const double here[4] = {0.0, 0.0, 0.0, 0.0};
    const struct lpg_choice_ground *ground = choice->ground;
    struct lpg_outline outline = {.edges = here, .n_edges = 1};
    lpg_tm_init(&outline.tm, site->place.lonlat_deg[0], site->place.lonlat_deg[1]);
    if (site->room) {
        return judge_room(choice, site, &outline, ret_judgement);
    }
    return lpg_separation_judge(ground->demand, &outline, ground->with->day, &ground->with->views,
                                ret_judgement, choice->err);
}

/* Inside the land (a room: on parcels that allow it), and not nearer to a station than the spacing;
 * with its least margin. */
static cim_status
judge_site(struct choice *choice, const GEOSPreparedGeometry *land, struct site *site)
{
    struct lpg_separation_judgement judgement;
    CIM_TRY(lpg_choice_judge(choice, site, &judgement));
    site->verdict = judgement.verdict;
    for (size_t i = 0; i < judgement.n; i++) {
        if (judgement.lines[i].found && !judgement.lines[i].not_inside) {
            site->least_margin_m = fmin(site->least_margin_m, judgement.lines[i].margin_m);
        }
    }
    site->lawful = is_within(choice->ground, land, site->place.xy) &&
                   judgement.verdict != LPG_VERDICT_VIOLATES;
    site->eligible = site->lawful;
    for (size_t k = 0; k < choice->n_existing && !choice->movable && site->eligible; k++) {
        site->eligible = lpg_choice_apart_m(choice, site->place.xy, choice->sites[k].place.xy) >=
                         choice->spacing_m;
    }
    return CIM_OK;
}

static cim_status
collect_sites(struct choice *choice)
{
    struct json_object *given = lpg_in_member(choice->inputs, "candidates");
    const struct lpg_choice_ground *ground = choice->ground;
    const bool in_buildings = given == NULL && choice->in_buildings;
    const GEOSPreparedGeometry *land =
        GEOSPrepare_r(ground->geos, in_buildings ? ground->base : ground->feasible);
    cim_status status = land != NULL ? add_existing_stations(choice) : cim_fail_nomem(choice->err);
    if (status == CIM_OK) {
        status = given != NULL  ? add_given(choice, given)
                 : in_buildings ? add_rooms(choice)
                                : add_grid(choice, land);
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
    if (users->choice->by_gas) {
        const double kg = users->view->sites->values[LPG_SITES_VALUES_MAX * (size_t)i];
        users->choice->unknown += isnan(kg);
        return !add_demand(users->choice, at, isnan(kg) ? 0.0 : kg);
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

/* ---- the whole ---- */

static cim_status
run_choice(struct choice *choice, struct cim_buf *out)
{
    CIM_TRY(read_question(choice));
    CIM_TRY(lpg_metric_open(choice->ground->siting->routing, choice->ground->call, choice->inputs,
                            choice->ground->tm, &choice->metric, choice->err));
    CIM_TRY(collect_sites(choice));
    CIM_TRY(collect_demand(choice));
    CIM_AUTO_FREE bool *chosen = calloc(choice->n_sites + 1, sizeof *chosen);
    if (chosen == NULL) {
        return cim_fail_nomem(choice->err);
    }
    if (choice->ground->job != NULL) {
        choice->ground->job->progress(choice->ground->job, 0.92, "正在优选", "choosing");
    }
    CIM_TRY(lpg_choice_solve(choice, chosen));
    CIM_TRY(choice->wants_frontier ? lpg_choice_frontier(choice) : CIM_OK);
    return lpg_choice_write(choice, chosen, out);
}

cim_status
lpg_siting_choose(const struct lpg_choice_ground *ground, struct json_object *inputs,
                  struct cim_buf *out, cim_error *err)
{
    struct choice choice = {.ground = ground, .inputs = inputs, .err = err};
    cim_status status;
    if (lpg_in_member(inputs, "count") == NULL) {
        lpg_choice_write_none(out);
        return cim_buf_status(out, err);
    }
    status = run_choice(&choice, out);
    choice_done(&choice);
    return status;
}
