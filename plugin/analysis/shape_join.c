/* plugin/analysis/shape_join.c -- see shape_join.h. */
#include "analysis/shape_join.h"

#include "cim/util.h"

#include <math.h>
#include <stdlib.h>

enum { AT_ONCE = 128, QUARTER_STEPS = 8 };

struct part {
    double middle[2];
    size_t number; /* ties are settled by it, so that the same parts make the same bytes */
    GEOSGeometry *shape;
};

struct join {
    GEOSContextHandle_t geos;
    const cim_call *call;
    double width_m;
    cim_error *err;
};

static int
compare(const void *a, const void *b, void *axis)
{
    const struct part *x = a;
    const struct part *y = b;
    const int k = *(const int *)axis;
    if (x->middle[k] != y->middle[k]) {
        return x->middle[k] < y->middle[k] ? -1 : 1;
    }
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Half of them to either side of the longer extent. */
static void
split(struct part *parts, size_t n)
{
    double min[2] = {HUGE_VAL, HUGE_VAL};
    double max[2] = {-HUGE_VAL, -HUGE_VAL};
    int axis;
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 2; k++) {
            min[k] = fmin(min[k], parts[i].middle[k]);
            max[k] = fmax(max[k], parts[i].middle[k]);
        }
    }
    axis = max[0] - min[0] >= max[1] - min[1] ? 0 : 1;
    qsort_r(parts, n, sizeof *parts, compare, &axis);
}

/* Takes the shapes of the parts. */
static GEOSGeometry *
join_few(const struct join *join, struct part *parts, size_t n)
{
    GEOSGeometry *shapes[AT_ONCE];
    GEOSGeometry *all;
    GEOSGeometry *joined = NULL;
    for (size_t i = 0; i < n; i++) {
        shapes[i] = parts[i].shape;
        parts[i].shape = NULL;
    }
    all = GEOSGeom_createCollection_r(join->geos, GEOS_GEOMETRYCOLLECTION, shapes, (unsigned)n);
    if (all != NULL) {
        joined = join->width_m > 0.0 ? GEOSBuffer_r(join->geos, all, join->width_m, QUARTER_STEPS)
                                     : GEOSUnaryUnion_r(join->geos, all);
    }
    GEOSGeom_destroy_r(join->geos, all);
    return joined;
}

static cim_status
join_all(const struct join *join, struct part *parts, size_t n, GEOSGeometry **ret_shape)
{
    GEOSGeometry *halves[2] = {NULL, NULL};
    cim_status status = cim_heed_cancel(join->call, join->err);
    CIM_TRY(status);
    if (n <= AT_ONCE) {
        *ret_shape = join_few(join, parts, n);
    } else {
        split(parts, n);
        status = join_all(join, parts, n / 2, &halves[0]);
        if (status == CIM_OK) {
            status = join_all(join, parts + n / 2, n - n / 2, &halves[1]);
        }
        *ret_shape = status == CIM_OK ? GEOSUnion_r(join->geos, halves[0], halves[1]) : NULL;
        GEOSGeom_destroy_r(join->geos, halves[0]);
        GEOSGeom_destroy_r(join->geos, halves[1]);
        CIM_TRY(status);
    }
    return *ret_shape != NULL ? CIM_OK
                              : cim_fail(join->err, CIM_E_INTERNAL, NULL, NULL, "几何运算失败",
                                         "a geometry could not be made");
}

static void
middle_of(GEOSContextHandle_t geos, const GEOSGeometry *shape, double ret_middle[2])
{
    double min[2] = {0.0, 0.0};
    double max[2] = {0.0, 0.0};
    if (GEOSisEmpty_r(geos, shape) == 0) {
        (void)GEOSGeom_getXMin_r(geos, shape, &min[0]);
        (void)GEOSGeom_getYMin_r(geos, shape, &min[1]);
        (void)GEOSGeom_getXMax_r(geos, shape, &max[0]);
        (void)GEOSGeom_getYMax_r(geos, shape, &max[1]);
    }
    for (int k = 0; k < 2; k++) {
        ret_middle[k] = (min[k] + max[k]) / 2.0;
    }
}

cim_status
lpg_shape_join(GEOSContextHandle_t geos, const cim_call *call, GEOSGeometry **parts, size_t n,
               double width_m, GEOSGeometry **ret_shape, cim_error *err)
{
    const struct join join = {geos, call, width_m, err};
    struct part *list = malloc((n + 1) * sizeof *list);
    cim_status status = CIM_OK;
    if (list == NULL) {
        for (size_t i = 0; i < n; i++) {
            GEOSGeom_destroy_r(geos, parts[i]);
        }
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        list[i] = (struct part){.number = i, .shape = parts[i]};
        middle_of(geos, parts[i], list[i].middle);
    }
    status = join_all(&join, list, n, ret_shape);
    for (size_t i = 0; i < n; i++) {
        GEOSGeom_destroy_r(geos, list[i].shape);
    }
    free(list);
    return status;
}
