/* plugin/analysis/receptors.c -- see receptors.h. */
#include "analysis/receptors.h"

#include "cim/util.h"
#include "geo/geodesic.h"
#include "geo/plane.h"

#include <float.h>
#include <math.h>

const char *const lpg_receptor_layers[LPG_RECEPTOR_LAYERS] = {
    "lpg.buildings", "lpg.planned-projects", "lpg.roads", "lpg.risk-elements"};

/* Places of the values that sites keep of buildings and projects. */
enum { STOREYS, HEIGHT, HIGH_RISE, PUBLIC, FLAME, RATING, HOUSEHOLDS, STAGE };

static const char *const high_rise_codes[] = {"none", "one", "two", NULL};
static const char *const rating_codes[] = {"1", "2", "3", "4", NULL};
static const char *const cancelled_codes[] = {"cancelled", NULL};

/* ---- caches and views ---- */

cim_status
lpg_receptor_caches_init(struct lpg_receptor_caches *caches,
                         const struct lpg_separation_table *table, const cim_host *host,
                         struct lpg_data *data, cim_error *err)
{
    const struct lpg_sites_spec specs[LPG_RECEPTOR_LAYERS] = {
        {.code_field = "use",
         .code = lpg_separation_row_code,
         .arg = &table->uses,
         .name_field = "name",
         .persons_field = "residents",
         .values = {[STOREYS] = {"storeys", NULL},
                    [HEIGHT] = {"height_m", NULL},
                    [HIGH_RISE] = {"high_rise_class", high_rise_codes},
                    [PUBLIC] = {"important_public", NULL},
                    [FLAME] = {"open_flame", NULL},
                    [RATING] = {"fire_rating", rating_codes},
                    [HOUSEHOLDS] = {"households", NULL}}},
        {.code_field = "use",
         .code = lpg_separation_row_code,
         .arg = &table->uses,
         .name_field = "name",
         .persons_field = "residents",
         .from_field = "approved_on",
         .values = {[STOREYS] = {"storeys", NULL},
                    [HEIGHT] = {"height_m", NULL},
                    [HIGH_RISE] = {"high_rise_class", high_rise_codes},
                    [PUBLIC] = {"important_public", NULL},
                    [STAGE] = {"stage", cancelled_codes}}},
        {.code_field = "class",
         .code = lpg_separation_row_code,
         .arg = &table->roads,
         .name_field = "name"},
        {.code_field = "kind",
         .code = lpg_separation_row_code,
         .arg = &table->elements,
         .name_field = "name",
         .persons_field = "persons",
         .from_field = "valid_from",
         .to_field = "valid_to"}};
    caches->table = table;
    for (int i = 0; i < LPG_RECEPTOR_LAYERS; i++) {
        struct lpg_sites_spec spec = specs[i];
        spec.layer = lpg_receptor_layers[i];
        CIM_TRY(lpg_sites_cache_init(&caches->layers[i], host, data, &spec, err));
    }
    return CIM_OK;
}

void
lpg_receptor_caches_done(struct lpg_receptor_caches *caches)
{
    for (int i = 0; i < LPG_RECEPTOR_LAYERS; i++) {
        lpg_sites_cache_done(&caches->layers[i]);
    }
}

cim_status
lpg_receptor_views_open(struct lpg_receptor_caches *caches, const cim_call *call,
                        const double bbox_deg[4], struct lpg_receptor_views *ret_views,
                        cim_error *err)
{
    struct lpg_receptor_views views = {.table = caches->table};
    cim_status status = CIM_OK;
    for (int i = 0; i < LPG_RECEPTOR_LAYERS && status == CIM_OK; i++) {
        status = lpg_sites_view_open(&caches->layers[i], call, bbox_deg, &views.layers[i], err);
    }
    if (status == CIM_OK && views.layers[LPG_RECEPTORS_BUILDINGS].sites == NULL) {
        status = cim_fail(err, CIM_E_DENIED, "layer", lpg_receptor_layers[LPG_RECEPTORS_BUILDINGS],
                          "没有读取建筑的授权", "not granted to read the buildings");
    }
    if (status != CIM_OK) {
        lpg_receptor_views_done(&views);
        return status;
    }
    *ret_views = views;
    return CIM_OK;
}

void
lpg_receptor_views_done(struct lpg_receptor_views *views)
{
    for (int i = 0; i < LPG_RECEPTOR_LAYERS; i++) {
        lpg_sites_view_done(&views->layers[i]);
    }
}

/* ---- what a record is ---- */

#define BIT(kind) (1U << (unsigned)(kind))

/* Height in metres, worst where only the storeys are said; NaN: neither. */
static double
height_of(const struct lpg_separation_table *table, const double *values, uint32_t *assumed)
{
    if (values[HEIGHT] > 0.0) {
        return values[HEIGHT];
    }
    *assumed |= LPG_ASSUMED_HEIGHT;
    return values[STOREYS] > 0.0
               ? values[STOREYS] * table->parameters[LPG_SEPARATION_STOREY_HEIGHT_M]
               : NAN;
}

/* 0 no high-rise, 1 class one, 2 class two. */
static int
high_rise_of(const struct lpg_separation_table *table, const struct lpg_separation_row *use,
             const double *values, uint32_t *assumed)
{
    double height_m;
    if (values[HIGH_RISE] >= 0.0) {
        return (int)values[HIGH_RISE];
    }
    height_m = height_of(table, values, assumed);
    if (isnan(height_m)) {
        return 1;
    }
    if (use->residential && !use->unknown_public) {
        return height_m > table->parameters[LPG_SEPARATION_CLASS_ONE_DWELLING_M] ? 1
               : height_m > table->parameters[LPG_SEPARATION_HIGH_DWELLING_M]    ? 2
                                                                                 : 0;
    }
    /* what makes a lower one class one, floor areas and such, is not said: the worst */
    if (height_m > table->parameters[LPG_SEPARATION_HIGH_OTHER_M]) {
        *assumed |= LPG_ASSUMED_HEIGHT;
        return 1;
    }
    return 0;
}

static void
classify_rated(const double *values, struct lpg_receptor_seen *seen)
{
    if (isnan(values[RATING])) {
        seen->assumed |= LPG_ASSUMED_RATING;
    }
    seen->kinds |= BIT(values[RATING] <= 1.0   ? LPG_RECEPTOR_BUILDING_12
                       : values[RATING] == 2.0 ? LPG_RECEPTOR_BUILDING_3
                                               : LPG_RECEPTOR_BUILDING_4);
}

static void
classify_civil(const struct lpg_separation_table *table, const struct lpg_separation_row *use,
               const double *values, struct lpg_receptor_seen *seen)
{
    const int high = high_rise_of(table, use, values, &seen->assumed);
    bool important = values[PUBLIC] > 0.0;
    if (isnan(values[PUBLIC]) && use->unknown_public) {
        important = true;
        seen->assumed |= LPG_ASSUMED_PUBLIC;
    }
    if (high != 0) {
        seen->kinds |= BIT(LPG_RECEPTOR_HIGH_RISE);
    }
    if (important || high == 1) {
        seen->kinds &= ~BIT(LPG_RECEPTOR_OTHER_CIVIL);
        seen->kinds |= BIT(LPG_RECEPTOR_IMPORTANT_PUBLIC);
    }
    if (use->residential) {
        if (isnan(values[HOUSEHOLDS])) {
            seen->assumed |= LPG_ASSUMED_HOUSEHOLDS;
        }
        if (!(values[HOUSEHOLDS] < table->parameters[LPG_SEPARATION_RESIDENTIAL_HOUSEHOLDS])) {
            seen->kinds |= BIT(LPG_RECEPTOR_RESIDENTIAL_AREA);
        }
    }
}

static void
classify_building(const struct lpg_separation_table *table, const struct lpg_separation_row *use,
                  const double *values, struct lpg_receptor_seen *seen)
{
    seen->kinds = use->receptors;
    seen->own_room = use->own_room;
    seen->holds_room = use->holds_room;
    seen->storeys = values[STOREYS];
    seen->fire_rating = values[RATING] + 1.0; /* its place in rating_codes */
    if ((use->receptors & BIT(LPG_RECEPTOR_OTHER_CIVIL)) != 0) {
        classify_civil(table, use, values, seen);
    }
    if (values[FLAME] > 0.0 || (isnan(values[FLAME]) && use->unknown_flame)) {
        seen->kinds |= BIT(LPG_RECEPTOR_OPEN_FLAME);
        seen->assumed |= isnan(values[FLAME]) ? LPG_ASSUMED_FLAME : 0;
    }
    if (use->rated) {
        classify_rated(values, seen);
    }
    if (use->own_room) {
        seen->kinds = 0;
    }
}

static void
classify(const struct lpg_receptor_views *views, const struct lpg_sites *sites,
         struct lpg_receptor_seen *seen)
{
    const int code = sites->code[seen->record];
    const struct lpg_separation_row *row;
    switch (seen->layer) {
    case LPG_RECEPTORS_BUILDINGS:
    case LPG_RECEPTORS_PROJECTS:
        classify_building(views->table, &views->table->uses.rows[code],
                          sites->values + LPG_SITES_VALUES_MAX * (size_t)seen->record, seen);
        return;
    case LPG_RECEPTORS_ROADS:
        row = &views->table->roads.rows[code];
        seen->kinds = row->receptors;
        seen->half_width_m = row->half_width_m;
        seen->assumed =
            LPG_ASSUMED_ROAD_WIDTH | (row->unknown_class ? (uint32_t)LPG_ASSUMED_ROAD_CLASS : 0);
        return;
    case LPG_RECEPTORS_ELEMENTS:
    case LPG_RECEPTOR_LAYERS:
        break;
    }
    row = &views->table->elements.rows[code];
    seen->kinds = row->receptors;
    seen->height_m = views->table->parameters[LPG_SEPARATION_POLE_HEIGHT_M];
    seen->assumed = (row->unknown_pole ? LPG_ASSUMED_POLE : 0U) |
                    (row->unknown_railway ? LPG_ASSUMED_RAILWAY : 0U) | LPG_ASSUMED_OUTLINE;
}

uint32_t
lpg_receptor_assumed(enum lpg_receptor kind, uint32_t assumed)
{
    uint32_t mine = LPG_ASSUMED_ROAD_WIDTH | LPG_ASSUMED_ROAD_CLASS | LPG_ASSUMED_POLE |
                    LPG_ASSUMED_RAILWAY | LPG_ASSUMED_OUTLINE;
    if (kind == LPG_RECEPTOR_IMPORTANT_PUBLIC) {
        mine |= LPG_ASSUMED_PUBLIC | LPG_ASSUMED_HEIGHT;
    }
    if (kind == LPG_RECEPTOR_HIGH_RISE) {
        mine |= LPG_ASSUMED_HEIGHT;
    }
    if (kind == LPG_RECEPTOR_OPEN_FLAME) {
        mine |= LPG_ASSUMED_FLAME;
    }
    if (kind == LPG_RECEPTOR_RESIDENTIAL_AREA) {
        mine |= LPG_ASSUMED_HOUSEHOLDS;
    }
    if (kind == LPG_RECEPTOR_BUILDING_4) {
        mine |= LPG_ASSUMED_RATING;
    }
    return assumed & mine;
}

/* ---- visiting ---- */

struct visit {
    struct lpg_receptor_views *views;
    enum lpg_receptor_layer layer;
    int32_t day;
    lpg_receptor_fn seen;
    void *arg;
    int ended;
};

static int
visit_item(void *arg, uint32_t i)
{
    struct visit *visit = arg;
    struct lpg_sites_view *view = &visit->views->layers[visit->layer];
    const struct lpg_sites *sites = view->sites;
    struct lpg_receptor_seen seen = {.layer = visit->layer, .record = lpg_sites_record(sites, i)};
    const struct lpg_site_facts *facts = &sites->facts[seen.record];
    double position[4];
    if (visit->day < facts->from_day || visit->day > facts->to_day ||
        (visit->layer == LPG_RECEPTORS_PROJECTS &&
         sites->values[LPG_SITES_VALUES_MAX * (size_t)seen.record + STAGE] >= 0.0) ||
        !lpg_sites_visible(view, seen.record)) {
        return 0;
    }
    if (sites->areas) {
        const size_t first = seen.record > 0 ? sites->edge_end[seen.record - 1] : 0;
        seen.area = true;
        seen.edges = sites->edges + 4 * first;
        seen.n_edges = sites->edge_end[seen.record] - first;
    } else if (sites->lines) {
        seen.edges = sites->lonlat + 4 * (size_t)i;
        seen.n_edges = 1;
    } else {
        position[0] = position[2] = sites->lonlat[2 * (size_t)i];
        position[1] = position[3] = sites->lonlat[2 * (size_t)i + 1];
        seen.edges = position;
        seen.n_edges = 1;
    }
    classify(visit->views, sites, &seen);
    visit->ended = visit->seen(visit->arg, &seen);
    return visit->ended;
}

void
lpg_receptors_visit(struct lpg_receptor_views *views, const double bbox_deg[4], int32_t day,
                    lpg_receptor_fn seen, void *arg)
{
    struct visit visit = {.views = views, .day = day, .seen = seen, .arg = arg};
    for (int i = 0; i < LPG_RECEPTOR_LAYERS && visit.ended == 0; i++) {
        visit.layer = (enum lpg_receptor_layer)i;
        if (views->layers[i].sites != NULL) {
            lpg_sites_search_in_order(views->layers[i].sites, bbox_deg, visit_item, &visit);
        }
    }
}

/* ---- distance ---- */

/* Even-odd over edges in the plane. */
static bool
contains(const double *edges, size_t n, const double p[2])
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

/* Of one edge in degrees; long ones in halves along the geodesic. */
static double
edge_distance_m(const struct lpg_outline *outline, const double *ends_deg, double edge[4])
{
    enum { EDGE_MAX_M = 1000 };
    double least = DBL_MAX;
    lpg_tm_forward(&outline->tm, ends_deg[0], ends_deg[1], edge);
    lpg_tm_forward(&outline->tm, ends_deg[2], ends_deg[3], edge + 2);
    if (hypot(edge[2] - edge[0], edge[3] - edge[1]) > EDGE_MAX_M) {
        double azimuth_deg;
        double half[8] = {ends_deg[0], ends_deg[1], 0, 0, 0, 0, ends_deg[2], ends_deg[3]};
        double unused[4];
        const double length_m = lpg_geodesic_inverse_m(ends_deg, ends_deg + 2, &azimuth_deg);
        lpg_geodesic_direct(ends_deg, azimuth_deg, length_m / 2.0, half + 2);
        half[4] = half[2];
        half[5] = half[3];
        return fmin(edge_distance_m(outline, half, unused),
                    edge_distance_m(outline, half + 4, unused));
    }
    for (size_t k = 0; k < outline->n_edges; k++) {
        const double *own = outline->edges + 4 * k;
        least = fmin(least, lpg_segments_distance_m(&outline->tm, own, own + 2, edge, edge + 2));
    }
    return least;
}

double
lpg_receptor_distance_m(const struct lpg_outline *outline, const struct lpg_receptor_seen *seen,
                        bool *ret_inside)
{
    const double *own = outline->edges;
    double least = DBL_MAX;
    double first[2] = {0.0, 0.0};
    bool inside = false;
    for (size_t i = 0; i < seen->n_edges; i++) {
        double edge[4];
        least = fmin(least, edge_distance_m(outline, seen->edges + 4 * i, edge));
        /* even-odd, edge by edge */
        if (seen->area && contains(edge, 1, own)) {
            inside = !inside;
        }
        if (i == 0) {
            first[0] = edge[0];
            first[1] = edge[1];
        }
    }
    if (seen->area && outline->area && !inside) {
        /* it may lie within the outline, or cross it */
        inside = least == 0.0 || contains(outline->edges, outline->n_edges, first);
    }
    if (ret_inside != NULL) {
        *ret_inside = inside;
    }
    return inside ? 0.0 : fmax(least - seen->half_width_m, 0.0);
}
