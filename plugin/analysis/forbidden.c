/* plugin/analysis/forbidden.c -- see forbidden.h. */
#include "analysis/forbidden.h"

#include "cim/util.h"
#include "geo/geodesic.h"

#include <math.h>
#include <stdlib.h>

#define PI       3.14159265358979323846
#define MARGIN_M 0.002 /* rounding of positions, and what cut edges leave of their curve */

struct growing {
    GEOSContextHandle_t geos;
    const struct lpg_tm *tm;
    const struct lpg_separation_demand *demand;
    uint32_t only;
    double wider_m;
    const cim_call *call;
    GEOSGeometry **shapes;
    size_t n;
    size_t capacity;
    double *xy; /* of the line at hand */
    size_t n_xy;
    size_t xy_capacity;
    cim_error *err;
    cim_status status;
};

static void
fail_nomem(struct growing *growing)
{
    growing->status = cim_fail_nomem(growing->err);
}

/* ---- one receptor as a shape in the plane ---- */

static void
add_position(struct growing *growing, const double lonlat_deg[2])
{
    if (growing->n_xy == growing->xy_capacity) {
        const size_t capacity = growing->xy_capacity == 0 ? 256 : growing->xy_capacity * 2;
        double *grown = realloc(growing->xy, capacity * 2 * sizeof *grown);
        if (grown == NULL) {
            fail_nomem(growing);
            return;
        }
        growing->xy = grown;
        growing->xy_capacity = capacity;
    }
    lpg_tm_forward(growing->tm, lonlat_deg[0], lonlat_deg[1], growing->xy + 2 * growing->n_xy);
    growing->n_xy++;
}

/* The end of an edge, and positions on the way where it is long. */
static void
add_edge(struct growing *growing, const double *ends_deg)
{
    enum { EDGE_MAX_M = 1000 };
    double azimuth_deg;
    const double length_m = lpg_geodesic_inverse_m(ends_deg, ends_deg + 2, &azimuth_deg);
    const int pieces = (int)fmin(ceil(length_m / EDGE_MAX_M), 10000.0);
    for (int i = 1; i < pieces; i++) {
        double at[2];
        lpg_geodesic_direct(ends_deg, azimuth_deg, length_m * i / pieces, at);
        add_position(growing, at);
    }
    add_position(growing, ends_deg + 2);
}

static GEOSCoordSequence *
take_sequence(struct growing *growing)
{
    return GEOSCoordSeq_copyFromBuffer_r(growing->geos, growing->xy, (unsigned)growing->n_xy, 0, 0);
}

/* The positions at hand as a ring of `area` (NULL: the first), which is consumed. Even-odd: a ring
 * in a ring is a hole. A ring that crosses itself is mended, none of it left out. */
static GEOSGeometry *
add_ring(struct growing *growing, GEOSGeometry *area)
{
    GEOSGeometry *ring;
    GEOSGeometry *valid;
    GEOSGeometry *both;
    GEOSCoordSequence *sequence = take_sequence(growing);
    ring = sequence != NULL ? GEOSGeom_createLinearRing_r(growing->geos, sequence) : NULL;
    ring = ring != NULL ? GEOSGeom_createPolygon_r(growing->geos, ring, NULL, 0) : NULL;
    valid = ring != NULL ? GEOSMakeValid_r(growing->geos, ring) : NULL;
    GEOSGeom_destroy_r(growing->geos, ring);
    if (area == NULL || valid == NULL) {
        GEOSGeom_destroy_r(growing->geos, area);
        return valid;
    }
    both = GEOSSymDifference_r(growing->geos, area, valid);
    GEOSGeom_destroy_r(growing->geos, area);
    GEOSGeom_destroy_r(growing->geos, valid);
    return both;
}

static GEOSGeometry *
area_of(struct growing *growing, const struct lpg_receptor_seen *seen)
{
    GEOSGeometry *area = NULL;
    size_t first = 0;
    for (size_t i = 0; i < seen->n_edges && growing->status == CIM_OK; i++) {
        const double *edge = seen->edges + 4 * i;
        const double *start = seen->edges + 4 * first;
        if (i == first) {
            growing->n_xy = 0;
            add_position(growing, edge);
        }
        add_edge(growing, edge);
        if (edge[2] == start[0] && edge[3] == start[1]) {
            if (growing->n_xy >= 4) {
                area = add_ring(growing, area);
                if (area == NULL) {
                    return NULL;
                }
            }
            first = i + 1;
        }
    }
    return area;
}

static GEOSGeometry *
line_of(struct growing *growing, const struct lpg_receptor_seen *seen)
{
    GEOSCoordSequence *sequence;
    growing->n_xy = 0;
    add_position(growing, seen->edges);
    if (seen->edges[0] == seen->edges[2] && seen->edges[1] == seen->edges[3]) {
        sequence = take_sequence(growing);
        return sequence != NULL ? GEOSGeom_createPoint_r(growing->geos, sequence) : NULL;
    }
    add_edge(growing, seen->edges);
    sequence = growing->status == CIM_OK ? take_sequence(growing) : NULL;
    return sequence != NULL ? GEOSGeom_createLineString_r(growing->geos, sequence) : NULL;
}

/* ---- grown by what it asks ---- */

/* Metres, or -1 where nothing is asked of it. */
static double
radius_of(const struct growing *growing, const struct lpg_receptor_seen *seen)
{
    double radius_m = -1.0;
    for (int k = 0; k < LPG_RECEPTORS; k++) {
        int rule;
        double required_m;
        if ((seen->kinds & growing->only & 1U << (unsigned)k) == 0) {
            continue;
        }
        required_m =
            lpg_separation_required_m(growing->demand, (enum lpg_receptor)k, seen->height_m, &rule);
        if (rule >= 0) {
            radius_m = fmax(radius_m, required_m + seen->half_width_m);
        }
        if (growing->demand->of[k].inside_rule >= 0) {
            radius_m = fmax(radius_m, 0.0);
        }
    }
    return radius_m < 0.0 ? radius_m : radius_m + growing->wider_m;
}

static GEOSGeometry *
grow(const struct growing *growing, const GEOSGeometry *shape, double radius_m)
{
    enum { STEPS_MIN = 8, STEPS_MAX = 1024 };
    double box[4] = {0.0, 0.0, 0.0, 0.0};
    const double excess_m = LPG_FORBIDDEN_EXCESS_M / 2.0;
    /* GEOS cuts an arc into steps of at most 3/2 of what it is told (geo/buffer.h) */
    const double wanted = ceil(3.0 * PI / 8.0 / acos(radius_m / (radius_m + excess_m)));
    const int steps = (int)fmin(fmax(wanted, STEPS_MIN), STEPS_MAX);
    double farthest;
    if (GEOSGeom_getXMin_r(growing->geos, shape, &box[0]) == 0 ||
        GEOSGeom_getXMax_r(growing->geos, shape, &box[2]) == 0) {
        return NULL;
    }
    farthest = fmax(fabs(box[0]), fabs(box[2])) + radius_m;
    return GEOSBuffer_r(growing->geos, shape,
                        (radius_m + MARGIN_M) * lpg_tm_scale(growing->tm, farthest, farthest) /
                            cos(3.0 * PI / 8.0 / steps),
                        steps);
}

static bool
keep(struct growing *growing, GEOSGeometry *shape)
{
    if (shape == NULL) {
        growing->status = cim_fail(growing->err, CIM_E_INTERNAL, NULL, NULL, "无法计算间距缓冲区",
                                   "a separation could not be drawn");
        return false;
    }
    if (growing->n == growing->capacity) {
        const size_t capacity = growing->capacity == 0 ? 256 : growing->capacity * 2;
        GEOSGeometry **grown = realloc(growing->shapes, capacity * sizeof *grown);
        if (grown == NULL) {
            GEOSGeom_destroy_r(growing->geos, shape);
            fail_nomem(growing);
            return false;
        }
        growing->shapes = grown;
        growing->capacity = capacity;
    }
    growing->shapes[growing->n++] = shape;
    return true;
}

static int
grow_receptor(void *arg, const struct lpg_receptor_seen *seen)
{
    struct growing *growing = arg;
    const double radius_m = radius_of(growing, seen);
    GEOSGeometry *shape;
    if (radius_m < 0.0 || seen->n_edges == 0) {
        return 0;
    }
    if (growing->n >= LPG_FORBIDDEN_SHAPES_MAX) {
        growing->status = cim_fail(
            growing->err, CIM_E_TOO_LARGE, "area", NULL, "范围内的对象超过 %d 个，请缩小范围",
            "more than %d receptors in the area: make it smaller", LPG_FORBIDDEN_SHAPES_MAX);
        return 1;
    }
    if (growing->call->cancelled != NULL && growing->n % 256 == 0 &&
        growing->call->cancelled(growing->call) != 0) {
        growing->status =
            cim_fail(growing->err, CIM_E_CANCELLED, NULL, NULL, "请求已取消", "cancelled");
        return 1;
    }
    shape = seen->area ? area_of(growing, seen) : line_of(growing, seen);
    if (growing->status == CIM_OK && shape == NULL && seen->area) {
        return 0; /* rings of no extent */
    }
    if (shape != NULL) {
        (void)keep(growing, grow(growing, shape, radius_m));
    }
    GEOSGeom_destroy_r(growing->geos, shape);
    return growing->status != CIM_OK;
}

static void
drop_shapes(struct growing *growing)
{
    for (size_t i = 0; i < growing->n; i++) {
        GEOSGeom_destroy_r(growing->geos, growing->shapes[i]);
    }
    growing->n = 0;
}

cim_status
lpg_forbidden_land(GEOSContextHandle_t geos, const struct lpg_tm *tm,
                   const struct lpg_separation_demand *demand, uint32_t only,
                   const double window_deg[4], double wider_m, int32_t day,
                   struct lpg_receptor_views *views, const cim_call *call, GEOSGeometry **ret_land,
                   cim_error *err)
{
    struct growing growing = {.geos = geos,
                              .tm = tm,
                              .demand = demand,
                              .only = only,
                              .wider_m = wider_m,
                              .call = call,
                              .err = err};
    GEOSGeometry *all = NULL;
    GEOSGeometry *land = NULL;
    lpg_receptors_visit(views, window_deg, day, grow_receptor, &growing);
    if (growing.status == CIM_OK) {
        /* takes the shapes, also when it fails */
        all = GEOSGeom_createCollection_r(geos, GEOS_GEOMETRYCOLLECTION, growing.shapes,
                                          (unsigned)growing.n);
        land = all != NULL ? GEOSUnaryUnion_r(geos, all) : NULL;
        GEOSGeom_destroy_r(geos, all);
        if (land == NULL) {
            growing.status = cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "无法合并间距缓冲区",
                                      "the separations could not be joined");
        }
    } else {
        drop_shapes(&growing);
    }
    free(growing.shapes);
    free(growing.xy);
    CIM_TRY(growing.status);
    *ret_land = land;
    return CIM_OK;
}
