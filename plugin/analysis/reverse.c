/* plugin/analysis/reverse.c -- from a position to what stands there; see geocode.h. */
#include "analysis/geocode.h"

#include "geo/geodesic.h"
#include "geo/plane.h"

#include <math.h>

enum { PLACE_REACH_M = 300, SETTLEMENT_ERROR_M = 1000 /* a town's own point is no place nearby */ };

struct nearest {
    struct lpg_gazetteer_part *part;
    int number;
    struct lpg_tm tm;
    const double *at_deg;
    double reach_m;
    struct lpg_nearby *best;
    uint32_t item;
};

/* The position of an item that stands for its record: itself, or the middle of a box. */
static void
item_position(const struct lpg_sites *sites, uint32_t item, double ret_lonlat[2])
{
    const double *at = sites->lonlat + (sites->lines ? 4 : 2) * (size_t)item;
    ret_lonlat[0] = sites->lines ? (at[0] + at[2]) / 2.0 : at[0];
    ret_lonlat[1] = sites->lines ? (at[1] + at[3]) / 2.0 : at[1];
}

static bool
is_nearer(const struct nearest *n, double distance_m, uint32_t record)
{
    const struct lpg_nearby *best = n->best;
    if (distance_m > n->reach_m || !(isnan(best->distance_m) || distance_m <= best->distance_m)) {
        return false;
    }
    /* Of equally near ones the one that was there first, whatever the order of the search. */
    return isnan(best->distance_m) || distance_m < best->distance_m ||
           (best->part == n->number &&
            n->part->view.sites->fid[record] < n->part->view.sites->fid[best->record]);
}

static int
see_point(void *arg, uint32_t item)
{
    struct nearest *n = arg;
    const struct lpg_sites *sites = n->part->view.sites;
    const uint32_t record = lpg_sites_record(sites, item);
    double at[2];
    item_position(sites, item, at);
    const double distance_m = lpg_geodesic_inverse_m(n->at_deg, at, NULL);
    if (is_nearer(n, distance_m, record) && lpg_sites_visible(&n->part->view, record)) {
        *n->best = (struct lpg_nearby){.distance_m = distance_m,
                                       .part = n->number,
                                       .record = record,
                                       .lonlat_deg = {at[0], at[1]}};
    }
    return 0;
}

static int
see_segment(void *arg, uint32_t item)
{
    struct nearest *n = arg;
    const struct lpg_sites *sites = n->part->view.sites;
    const uint32_t record = lpg_sites_record(sites, item);
    const double *ends = sites->lonlat + 4 * (size_t)item;
    const double here[2] = {0.0, 0.0};
    double a[2];
    double b[2];
    lpg_tm_forward(&n->tm, ends[0], ends[1], a);
    lpg_tm_forward(&n->tm, ends[2], ends[3], b);
    const double t = lpg_segment_nearest(a, b, here);
    const double foot[2] = {a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])};
    const double distance_m = lpg_tm_distance_m(&n->tm, here, foot);
    if (is_nearer(n, distance_m, record) && lpg_sites_visible(&n->part->view, record)) {
        const double cross = (b[0] - a[0]) * (0.0 - a[1]) - (b[1] - a[1]) * (0.0 - a[0]);
        *n->best = (struct lpg_nearby){.distance_m = distance_m,
                                       .part = n->number,
                                       .record = record,
                                       .side = cross > 0.0   ? 'L'
                                               : cross < 0.0 ? 'R'
                                                             : '\0'};
        lpg_tm_inverse(&n->tm, foot[0], foot[1], n->best->lonlat_deg);
        n->item = item;
    }
    return 0;
}

/* Along the road from its beginning; its segments follow one another. */
static double
chainage_m(const struct lpg_sites *sites, uint32_t item, const double foot[2])
{
    const uint32_t record = lpg_sites_record(sites, item);
    double sum = lpg_geodesic_inverse_m(sites->lonlat + 4 * (size_t)item, foot, NULL);
    while (item > 0 && lpg_sites_record(sites, item - 1) == record) {
        item--;
        sum += lpg_geodesic_inverse_m(sites->lonlat + 4 * (size_t)item,
                                      sites->lonlat + 4 * (size_t)item + 2, NULL);
    }
    return sum;
}

/* In growing boxes, so that a town's middle is not read whole. */
static void
find_nearest(struct nearest *n, double most_m, lpg_rtree_found_fn see)
{
    const double here[2] = {0.0, 0.0};
    for (double reach_m = 50.0;; reach_m *= 3.0) {
        double box[4];
        n->reach_m = fmin(reach_m, most_m);
        lpg_plane_degrees(&n->tm, here, here, n->reach_m, box);
        lpg_sites_search(n->part->view.sites, box, see, n);
        if (!isnan(n->best->distance_m) || reach_m >= most_m) {
            return;
        }
    }
}

static bool
contains(const struct lpg_sites *sites, uint32_t record, const double at[2])
{
    bool inside = false;
    for (size_t i = record > 0 ? sites->edge_end[record - 1] : 0; i < sites->edge_end[record];
         i++) {
        const double *edge = sites->edges + 4 * i;
        if ((edge[1] > at[1]) != (edge[3] > at[1]) &&
            at[0] < edge[0] + (at[1] - edge[1]) / (edge[3] - edge[1]) * (edge[2] - edge[0])) {
            inside = !inside;
        }
    }
    return inside;
}

struct within {
    struct lpg_gazetteer_view *view;
    const double *at;
    int32_t area;
};

static int32_t
area_of(const struct lpg_gazetteer_view *view, const struct lpg_sites *sites, uint32_t record)
{
    return lpg_area_names_of_code(view->names,
                                  sites->text + sites->names.places[sites->area[record]]);
}

static int
see_area(void *arg, uint32_t item)
{
    struct within *within = arg;
    const struct lpg_sites *sites = within->view->areas.sites;
    const uint32_t record = lpg_sites_record(sites, item);
    if (lpg_sites_visible(&within->view->areas, record) && contains(sites, record, within->at)) {
        const int32_t area = area_of(within->view, sites, record);
        if (lpg_area_names_level(within->view->names, area) >
            lpg_area_names_level(within->view->names, within->area)) {
            within->area = area;
        }
    }
    return 0;
}

/* A door at hand knows its town; polygons seldom go below the county. */
static int32_t
find_area(struct lpg_gazetteer_view *view, const double at[2], const struct lpg_nearby *door)
{
    struct within within = {.view = view, .at = at, .area = -1};
    if (view->areas.sites != NULL && view->areas.sites->areas) {
        const double box[4] = {at[0], at[1], at[0], at[1]};
        lpg_sites_search(view->areas.sites, box, see_area, &within);
    }
    if (door->distance_m <= LPG_REVERSE_AREA_M) {
        const int32_t area = area_of(view, view->parts[door->part].view.sites, door->record);
        if (lpg_area_names_within(view->names, area, within.area)) {
            return area;
        }
    }
    return within.area;
}

void
lpg_reverse(struct lpg_gazetteer_view *view, const double lonlat_deg[2],
            struct lpg_reversed *ret_reversed)
{
    *ret_reversed = (struct lpg_reversed){
        .door.distance_m = NAN, .place.distance_m = NAN, .road.distance_m = NAN};
    for (int i = 0; i < (int)view->n_parts; i++) {
        struct nearest nearest = {.part = &view->parts[i], .number = i, .at_deg = lonlat_deg};
        if (nearest.part->index == NULL) {
            continue;
        }
        lpg_tm_init(&nearest.tm, lonlat_deg[0], lonlat_deg[1]);
        switch (nearest.part->kind) {
        case LPG_NAMES_ADDRESSES:
            nearest.best = &ret_reversed->door;
            find_nearest(&nearest, LPG_REVERSE_REACH_M, see_point);
            break;
        case LPG_NAMES_ROADS:
            nearest.best = &ret_reversed->road;
            find_nearest(&nearest, LPG_REVERSE_REACH_M, see_segment);
            if (!isnan(nearest.best->distance_m) && nearest.best->part == i) {
                nearest.best->chainage_m =
                    chainage_m(nearest.part->view.sites, nearest.item, nearest.best->lonlat_deg);
            }
            break;
        default:
            nearest.best = &ret_reversed->place;
            if (nearest.part->error_m < SETTLEMENT_ERROR_M) {
                find_nearest(&nearest, PLACE_REACH_M, see_point);
            }
        }
    }
    ret_reversed->area = find_area(view, lonlat_deg, &ret_reversed->door);
}
