/* plugin/analysis/forbidden.c -- see forbidden.h. */
#include "analysis/forbidden.h"

#include "analysis/shape_join.h"
#include "analysis/shapes.h"
#include "cim/util.h"

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
    cim_error *err;
    cim_status status;
};

static void
fail_nomem(struct growing *growing)
{
    growing->status = cim_fail_nomem(growing->err);
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
    GEOSGeometry *shape = NULL;
    if (radius_m < 0.0 || seen->n_edges == 0) {
        return 0;
    }
    if (growing->n >= LPG_FORBIDDEN_SHAPES_MAX) {
        growing->status = cim_fail(
            growing->err, CIM_E_TOO_LARGE, "area", NULL, "范围内的对象超过 %d 个，请缩小范围",
            "more than %d receptors in the area: make it smaller", LPG_FORBIDDEN_SHAPES_MAX);
        return 1;
    }
    growing->status = cim_heed_cancel(growing->call, growing->err);
    if (growing->status != CIM_OK) {
        return 1;
    }
    growing->status =
        seen->area ? lpg_shape_area(growing->geos, growing->tm, seen->edges, seen->n_edges, &shape,
                                    growing->err)
                   : lpg_shape_line(growing->geos, growing->tm, seen->edges, &shape, growing->err);
    if (growing->status != CIM_OK) {
        return 1;
    }
    if (shape != NULL) { /* else rings of no extent */
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
    GEOSGeometry *land = NULL;
    lpg_receptors_visit(views, window_deg, day, grow_receptor, &growing);
    if (growing.status == CIM_OK) {
        growing.status = lpg_shape_join(geos, call, growing.shapes, growing.n, 0.0, &land, err);
    } else {
        drop_shapes(&growing);
    }
    free(growing.shapes);
    CIM_TRY(growing.status);
    *ret_land = land;
    return CIM_OK;
}
