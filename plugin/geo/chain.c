/* plugin/geo/chain.c -- see chain.h. */
#include "geo/chain.h"

#include "cim/util.h"
#include "geo/geodesic.h"
#include "geo/plane.h"

#include <float.h>
#include <stdlib.h>

/* ---- building ---- */

static void
describe(const double p[2], char *ret_text, size_t capacity)
{
    (void)snprintf(ret_text, capacity, "[%.9g, %.9g]", p[0], p[1]);
}

static cim_status
check_positions(const double *lonlat, size_t n, cim_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const double *p = lonlat + 2 * i;
        if (!isfinite(p[0]) || !isfinite(p[1]) || fabs(p[0]) > 180.0 ||
            fabs(p[1]) > LPG_CHAIN_LAT_MAX_DEG) {
            char text[80];
            describe(p, text, sizeof text);
            return cim_fail(err, CIM_E_INVALID, NULL, text,
                            "第 %zu 个点应为 [经度, 纬度]（度），纬度不超过 ±%d",
                            "position %zu: expected [longitude, latitude] in degrees, latitude "
                            "within ±%d",
                            i + 1, LPG_CHAIN_LAT_MAX_DEG);
        }
    }
    return CIM_OK;
}

/* The plane's origin in the middle of the line's extent. */
static void
place_plane(const double *lonlat, size_t n, struct lpg_tm *ret_tm)
{
    double min[2] = {lonlat[0], lonlat[1]};
    double max[2] = {lonlat[0], lonlat[1]};
    for (size_t i = 1; i < n; i++) {
        for (int k = 0; k < 2; k++) {
            const double at = lonlat[2 * i + (size_t)k];
            min[k] = at < min[k] ? at : min[k];
            max[k] = at > max[k] ? at : max[k];
        }
    }
    lpg_tm_init(ret_tm, (min[0] + max[0]) / 2.0, (min[1] + max[1]) / 2.0);
}

static cim_status
reserve(struct lpg_chain *chain, size_t n, size_t *capacity, cim_error *err)
{
    const size_t wanted = *capacity == 0 ? n : n > 2 * *capacity ? n : 2 * *capacity;
    double *grown;
    if (n <= *capacity) {
        return CIM_OK;
    }
    if ((grown = realloc(chain->xy, wanted * 2 * sizeof *grown)) == NULL) {
        return cim_fail_nomem(err);
    }
    chain->xy = grown;
    if ((grown = realloc(chain->at_m, wanted * sizeof *grown)) == NULL) {
        return cim_fail_nomem(err);
    }
    chain->at_m = grown;
    *capacity = wanted;
    return CIM_OK;
}

/* Appends the end of an edge and, where it is long, positions along its geodesic before. */
static cim_status
add_edge(struct lpg_chain *chain, const double *from, const double *to, size_t number,
         size_t *capacity, cim_error *err)
{
    const double *last = chain->xy + 2 * (chain->n - 1);
    double end[2];
    double azimuth_deg = 0.0;
    double edge_m;
    size_t pieces = 1;
    double most_m;
    lpg_tm_forward(&chain->tm, to[0], to[1], end);
    edge_m = lpg_tm_distance_m(&chain->tm, last, end);
    if (!(edge_m <= LPG_CHAIN_EDGE_MAX_M)) { /* also where the plane has no such position */
        char text[80];
        describe(to, text, sizeof text);
        return cim_fail(err, CIM_E_INVALID, NULL, text,
                        "第 %zu 个点与前一点相距 %.1f km，最多 %d km；请检查坐标，或在其间补点",
                        "position %zu is %.1f km from the one before, at most %d km: check it, or "
                        "add positions between",
                        number, lpg_geodesic_inverse_m(from, to, NULL) / 1e3,
                        LPG_CHAIN_EDGE_MAX_M / 1000);
    }
    most_m = lpg_plane_edge_max_m(&chain->tm, fmax(fabs(last[0]), fabs(end[0])));
    if (edge_m > most_m) {
        edge_m = lpg_geodesic_inverse_m(from, to, &azimuth_deg);
        pieces = (size_t)ceil(edge_m / most_m);
    }
    CIM_TRY(reserve(chain, chain->n + pieces, capacity, err));
    for (size_t i = 1; i <= pieces; i++) {
        double *xy = chain->xy + 2 * chain->n;
        if (i == pieces) {
            xy[0] = end[0];
            xy[1] = end[1];
        } else {
            double p[2];
            lpg_geodesic_direct(from, azimuth_deg, edge_m * (double)i / (double)pieces, p);
            lpg_tm_forward(&chain->tm, p[0], p[1], xy);
        }
        chain->at_m[chain->n] = chain->length_m + edge_m * (double)i / (double)pieces;
        chain->n++;
    }
    chain->length_m += edge_m;
    if (chain->length_m > LPG_CHAIN_LENGTH_MAX_M) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "全线超过 %d km，请分段",
                        "the line is longer than %d km: cut it", LPG_CHAIN_LENGTH_MAX_M / 1000);
    }
    return CIM_OK;
}

static cim_status
check_width(const struct lpg_chain *chain, cim_error *err)
{
    for (size_t i = 0; i < chain->n; i++) {
        if (fabs(chain->xy[2 * i]) > LPG_CHAIN_WIDTH_MAX_M / 2.0) {
            return cim_fail(err, CIM_E_INVALID, NULL, NULL, "全线东西宽应最多 %d km，请分段",
                            "expected a line of at most %d km from west to east: cut it",
                            LPG_CHAIN_WIDTH_MAX_M / 1000);
        }
    }
    return CIM_OK;
}

static cim_status
add_positions(struct lpg_chain *chain, const double *lonlat, size_t n, cim_error *err)
{
    size_t capacity = 0;
    size_t last = 0;
    CIM_TRY(reserve(chain, n + 8, &capacity, err));
    lpg_tm_forward(&chain->tm, lonlat[0], lonlat[1], chain->xy);
    chain->at_m[0] = 0.0;
    chain->n = 1;
    for (size_t i = 1; i < n; i++) {
        const double *to = lonlat + 2 * i;
        if (to[0] == lonlat[2 * last] && to[1] == lonlat[2 * last + 1]) {
            continue;
        }
        CIM_TRY(add_edge(chain, lonlat + 2 * last, to, i + 1, &capacity, err));
        last = i;
    }
    if (chain->n < 2) {
        return cim_fail(err, CIM_E_INVALID, NULL, NULL, "应有至少两个不同的点",
                        "expected at least two different positions");
    }
    return check_width(chain, err);
}

static void
extend(struct lpg_chain_box *box, const double min[2], const double max[2])
{
    for (int k = 0; k < 2; k++) {
        box->min[k] = min[k] < box->min[k] ? min[k] : box->min[k];
        box->max[k] = max[k] > box->max[k] ? max[k] : box->max[k];
    }
}

static const struct lpg_chain_box nothing = {{DBL_MAX, DBL_MAX}, {-DBL_MAX, -DBL_MAX}};

static cim_status
build_boxes(struct lpg_chain *chain, cim_error *err)
{
    size_t below = chain->n - 1; /* pieces */
    do {
        const size_t n = (below + LPG_CHAIN_FAN - 1) / LPG_CHAIN_FAN;
        struct lpg_chain_box *boxes = malloc(n * sizeof *boxes);
        const struct lpg_chain_box *inner =
            chain->n_levels > 0 ? chain->level[chain->n_levels - 1] : NULL;
        if (boxes == NULL) {
            return cim_fail_nomem(err);
        }
        chain->level[chain->n_levels] = boxes;
        chain->level_n[chain->n_levels] = n;
        chain->n_levels++;
        for (size_t i = 0; i < n; i++) {
            boxes[i] = nothing;
        }
        for (size_t i = 0; i < below; i++) {
            struct lpg_chain_box *box = &boxes[i / LPG_CHAIN_FAN];
            if (inner != NULL) {
                extend(box, inner[i].min, inner[i].max);
            } else {
                extend(box, chain->xy + 2 * i, chain->xy + 2 * i);
                extend(box, chain->xy + 2 * i + 2, chain->xy + 2 * i + 2);
            }
        }
        below = n;
    } while (below > 1 && chain->n_levels < LPG_CHAIN_LEVELS_MAX);
    return CIM_OK;
}

void
lpg_chain_done(struct lpg_chain *chain)
{
    if (chain == NULL) {
        return;
    }
    free(chain->xy);
    free(chain->at_m);
    for (int i = 0; i < chain->n_levels; i++) {
        free(chain->level[i]);
    }
    *chain = (struct lpg_chain){0};
}

cim_status
lpg_chain_build(const double *lonlat_deg, size_t n, struct lpg_chain *ret_chain, cim_error *err)
{
    struct lpg_chain chain = {0};
    cim_status status;
    if (n > LPG_CHAIN_POSITIONS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "有 %zu 个点，最多 %d 个，请抽稀或分段",
                        "%zu positions, at most %d: simplify the line, or cut it", n,
                        LPG_CHAIN_POSITIONS_MAX);
    }
    if (n < 2) {
        return cim_fail(err, CIM_E_INVALID, NULL, NULL, "应有至少两个不同的点",
                        "expected at least two different positions");
    }
    CIM_TRY(check_positions(lonlat_deg, n, err));
    place_plane(lonlat_deg, n, &chain.tm);
    status = add_positions(&chain, lonlat_deg, n, err);
    if (status == CIM_OK) {
        status = build_boxes(&chain, err);
    }
    if (status != CIM_OK) {
        lpg_chain_done(&chain);
        return status;
    }
    *ret_chain = chain;
    return CIM_OK;
}

/* ---- looking up ---- */

struct look_up {
    const struct lpg_chain *chain;
    const double *p;
    double limit_m;
    double reach2; /* square of the limit in the plane, where its scale is largest */
    struct lpg_chain_near *near;
    struct lpg_stretches *stretches;
    size_t first; /* stretch of this look-up */
    bool found;
    bool failed;
};

/* 0.1 mm: pieces that touch give stretches that touch up to rounding. */
#define TOUCH_M 1e-4

static void
add_stretch(struct look_up *look, double from_m, double to_m)
{
    struct lpg_stretches *all = look->stretches;
    if (all->n > look->first && from_m <= all->stretches[all->n - 1].to_m + TOUCH_M) {
        all->stretches[all->n - 1].to_m = fmax(all->stretches[all->n - 1].to_m, to_m);
        return;
    }
    if (all->n == all->capacity) {
        const size_t capacity = all->capacity == 0 ? 64 : all->capacity * 2;
        struct lpg_stretch *grown = realloc(all->stretches, capacity * sizeof *grown);
        if (grown == NULL) {
            look->failed = true;
            return;
        }
        all->stretches = grown;
        all->capacity = capacity;
    }
    all->stretches[all->n++] = (struct lpg_stretch){from_m, to_m};
}

/* Where, near the share t, the piece is at the limit: one step of Newton's method takes out the
 * change of scale along the way. */
static double
at_limit(const struct look_up *look, const double a[2], const double step[2], double t)
{
    const double q[2] = {a[0] + t * step[0], a[1] + t * step[1]};
    const double away_m = lpg_tm_distance_m(&look->chain->tm, q, look->p);
    const double slope = ((q[0] - look->p[0]) * step[0] + (q[1] - look->p[1]) * step[1]) /
                         (away_m > 0.0 ? away_m : 1.0);
    return fabs(slope) > 1e-3 ? t - (away_m - look->limit_m) / slope : t;
}

static void
add_piece_stretch(struct look_up *look, size_t i, double nearest, double distance_plane)
{
    const struct lpg_chain *chain = look->chain;
    const double *a = chain->xy + 2 * i;
    const double step[2] = {a[2] - a[0], a[3] - a[1]};
    const double len = hypot(step[0], step[1]);
    const double limit = look->limit_m * distance_plane;
    const double ahead =
        len > 0.0 ? ((look->p[0] - a[0]) * step[0] + (look->p[1] - a[1]) * step[1]) / (len * len)
                  : 0.0;
    const double aside =
        len > 0.0 ? ((look->p[0] - a[0]) * step[1] - (look->p[1] - a[1]) * step[0]) / len : 0.0;
    const double rest = limit * limit - aside * aside;
    const double half = len > 0.0 && rest > 0.0 ? sqrt(rest) / len : 0.0;
    double from = ahead - half;
    double to = ahead + half;
    from = from > 0.0 ? at_limit(look, a, step, from) : 0.0;
    to = to < 1.0 ? at_limit(look, a, step, to) : 1.0;
    /* rounding must not lose the nearest position, which is within the limit */
    from = fmin(fmax(from, 0.0), nearest);
    to = fmax(fmin(to, 1.0), nearest);
    add_stretch(look, chain->at_m[i] + from * (chain->at_m[i + 1] - chain->at_m[i]),
                chain->at_m[i] + to * (chain->at_m[i + 1] - chain->at_m[i]));
}

static void
look_at_piece(struct look_up *look, size_t i)
{
    const struct lpg_chain *chain = look->chain;
    const double *a = chain->xy + 2 * i;
    const double t = lpg_segment_nearest(a, a + 2, look->p);
    const double foot[2] = {a[0] + t * (a[2] - a[0]), a[1] + t * (a[3] - a[1])};
    const double dx = foot[0] - look->p[0];
    const double dy = foot[1] - look->p[1];
    const double plane2 = dx * dx + dy * dy;
    double scale;
    double distance_m;
    if (plane2 > look->reach2) {
        return;
    }
    scale = lpg_tm_scale(&chain->tm, foot[0], look->p[0]);
    distance_m = sqrt(plane2) / scale;
    if (distance_m > look->limit_m) {
        return;
    }
    if (!look->found || distance_m < look->near->distance_m) {
        look->near->distance_m = distance_m;
        look->near->at_m = chain->at_m[i] + t * (chain->at_m[i + 1] - chain->at_m[i]);
        look->found = true;
    }
    if (look->stretches != NULL) {
        add_piece_stretch(look, i, t, scale);
    }
}

static double
box_distance2(const struct lpg_chain_box *box, const double p[2])
{
    const double dx = p[0] < box->min[0] ? box->min[0] - p[0] : p[0] - box->max[0];
    const double dy = p[1] < box->min[1] ? box->min[1] - p[1] : p[1] - box->max[1];
    return (dx > 0.0 ? dx * dx : 0.0) + (dy > 0.0 ? dy * dy : 0.0);
}

/* Depth at most LPG_CHAIN_LEVELS_MAX; in the order of the chain. */
static void
look_below(struct look_up *look, int level, size_t i)
{
    const struct lpg_chain *chain = look->chain;
    const size_t n = level > 0 ? chain->level_n[level - 1] : chain->n - 1;
    const size_t end = (i + 1) * LPG_CHAIN_FAN < n ? (i + 1) * LPG_CHAIN_FAN : n;
    if (box_distance2(&chain->level[level][i], look->p) > look->reach2) {
        return;
    }
    for (size_t child = i * LPG_CHAIN_FAN; child < end; child++) {
        if (level > 0) {
            look_below(look, level - 1, child);
        } else {
            look_at_piece(look, child);
        }
    }
}

bool
lpg_chain_within(const struct lpg_chain *chain, const double xy_m[2], double limit_m,
                 struct lpg_chain_near *ret_near, struct lpg_stretches *stretches, bool *failed)
{
    struct lpg_chain_near near = {0};
    /* A piece within the limit is at most `limit` of the plane's scale away, which is largest
     * farthest from the meridian. */
    const double farthest = fmax(fabs(xy_m[0]) + 2.0 * limit_m, 1.0);
    const double reach = limit_m * lpg_tm_scale(&chain->tm, farthest, farthest);
    struct look_up look = {.chain = chain,
                           .p = xy_m,
                           .limit_m = limit_m,
                           .reach2 = reach * reach,
                           .near = &near,
                           .stretches = stretches,
                           .first = stretches != NULL ? stretches->n : 0};
    const int top = chain->n_levels - 1;
    for (size_t i = 0; i < chain->level_n[top]; i++) {
        look_below(&look, top, i);
    }
    if (look.failed) {
        *failed = true;
        return false;
    }
    if (look.found) {
        *ret_near = near;
    }
    return look.found;
}

size_t
lpg_chain_piece(const struct lpg_chain *chain, double at_m)
{
    size_t low = 0;
    size_t high = chain->n - 1; /* at_m[low] <= at_m < at_m[high], but at the ends */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (chain->at_m[middle] <= at_m) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

void
lpg_chain_at(const struct lpg_chain *chain, double at_m, double ret_lonlat_deg[2])
{
    const size_t i = lpg_chain_piece(chain, at_m);
    const double span = chain->at_m[i + 1] - chain->at_m[i];
    const double t = span > 0.0 ? fmin(fmax((at_m - chain->at_m[i]) / span, 0.0), 1.0) : 0.0;
    const double *a = chain->xy + 2 * i;
    lpg_tm_inverse(&chain->tm, a[0] + t * (a[2] - a[0]), a[1] + t * (a[3] - a[1]), ret_lonlat_deg);
}
