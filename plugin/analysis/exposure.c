/* plugin/analysis/exposure.c -- see exposure.h. */
#include "analysis/exposure.h"

#include "geo/plane.h"

#include <math.h>

struct looking {
    const struct lpg_exposure *exposure;
    const struct lpg_tm *tm;
    const double *from;
    const double *to;
    int64_t sum;
};

/* Millimetres of the piece within the radius of a place. */
static int64_t
chord_mm(const struct looking *look, const double lonlat_deg[2])
{
    const double step[2] = {look->to[0] - look->from[0], look->to[1] - look->from[1]};
    const double length = hypot(step[0], step[1]);
    const double scale = lpg_tm_scale(look->tm, look->from[0], look->to[0]);
    const double radius = look->exposure->question->exposure_m * scale;
    double p[2];
    double along;
    double aside;
    double half;
    double begin;
    double end;
    lpg_tm_forward(look->tm, lonlat_deg[0], lonlat_deg[1], p);
    p[0] -= look->from[0];
    p[1] -= look->from[1];
    along = (p[0] * step[0] + p[1] * step[1]) / length;
    aside = (p[0] * step[1] - p[1] * step[0]) / length;
    if (fabs(aside) >= radius) {
        return 0;
    }
    half = sqrt(radius * radius - aside * aside);
    begin = fmax(along - half, 0.0);
    end = fmin(along + half, length);
    return end > begin ? llround((end - begin) / scale * 1e3) : 0;
}

static int
add_element(void *arg, uint32_t i)
{
    struct looking *look = arg;
    struct lpg_sites_view *view = &look->exposure->views->elements;
    const struct lpg_site_facts *facts = &view->sites->facts[i];
    const struct lpg_route_kind *kind =
        &look->exposure->question->table->kinds[view->sites->code[i]];
    const double persons = facts->persons >= 0.0 ? facts->persons : kind->persons_worst;
    const int32_t day = look->exposure->question->as_of_day;
    int64_t mm;
    if (!(persons > 0.0) || facts->from_day > day || facts->to_day < day ||
        (kind->residents && look->exposure->views->users.sites != NULL)) {
        return 0;
    }
    mm = chord_mm(look, view->sites->lonlat + 2 * (size_t)i);
    if (mm > 0 && lpg_sites_visible(view, i)) {
        look->sum += llround(persons) * mm;
    }
    return 0;
}

static int
add_household(void *arg, uint32_t i)
{
    struct looking *look = arg;
    struct lpg_sites_view *view = &look->exposure->views->users;
    const double persons =
        look->exposure->question->table->parameters[LPG_ROUTE_PERSONS_PER_HOUSEHOLD];
    const int64_t mm = chord_mm(look, view->sites->lonlat + 2 * (size_t)i);
    if (mm > 0 && lpg_sites_visible(view, i)) {
        look->sum += llround(persons * (double)mm);
    }
    return 0;
}

/* A piece so short that the box around it holds little beside it. */
static void
add_piece(struct looking *look)
{
    const double min[2] = {fmin(look->from[0], look->to[0]), fmin(look->from[1], look->to[1])};
    const double max[2] = {fmax(look->from[0], look->to[0]), fmax(look->from[1], look->to[1])};
    const struct lpg_route_views *views = look->exposure->views;
    double degrees[4];
    lpg_plane_degrees(look->tm, min, max, look->exposure->question->exposure_m, degrees);
    if (views->elements.sites != NULL) {
        lpg_sites_search_in_order(views->elements.sites, degrees, add_element, look);
    }
    if (views->users.sites != NULL) {
        lpg_sites_search_in_order(views->users.sites, degrees, add_household, look);
    }
}

int64_t
lpg_exposure_along(const struct lpg_exposure *exposure, const struct lpg_tm *tm, const double *xy,
                   size_t n)
{
    const double piece_m = 1000.0;
    struct looking look = {.exposure = exposure, .tm = tm};
    for (size_t i = 0; i + 1 < n; i++) {
        const double *a = xy + 2 * i;
        const double length_m = hypot(a[2] - a[0], a[3] - a[1]);
        const int pieces = (int)ceil(length_m / piece_m);
        for (int k = 0; k < pieces; k++) {
            const double s = (double)k / pieces;
            const double t = (double)(k + 1) / pieces;
            const double from[2] = {a[0] + s * (a[2] - a[0]), a[1] + s * (a[3] - a[1])};
            const double to[2] = {a[0] + t * (a[2] - a[0]), a[1] + t * (a[3] - a[1])};
            look.from = from;
            look.to = to;
            add_piece(&look);
        }
    }
    return look.sum;
}
