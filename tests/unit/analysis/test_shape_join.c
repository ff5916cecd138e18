/* Many shapes as one area: that of GEOS's own union and buffer, the same bytes each time, and ended
 * at whichever step the caller leaves. */
#include "support/unit.h"

#include "analysis/shape_join.h"

#include <stdbool.h>

enum { N = 260 };

struct asked {
    cim_call call;
    int left; /* asks until the caller has gone */
};

static int32_t
gone_at_last(const cim_call *call)
{
    struct asked *asked = (struct asked *)call->impl;
    return asked->left-- <= 0;
}

static int
setup(void **state)
{
    *state = GEOS_init_r();
    return *state == NULL;
}

static int
teardown(void **state)
{
    GEOS_finish_r(*state);
    return 0;
}

/* Short lines that cross and touch, or circles about where they begin. */
static void
draw(GEOSContextHandle_t geos, bool circles, size_t n, GEOSGeometry **ret_parts)
{
    uint64_t seed = 7;
    for (size_t i = 0; i < n; i++) {
        const double x = (double)unit_random_below(&seed, 3000);
        const double y = (double)unit_random_below(&seed, 9000);
        GEOSCoordSequence *ends = GEOSCoordSeq_create_r(geos, 2, 2);
        (void)GEOSCoordSeq_setXY_r(geos, ends, 0, x, y);
        (void)GEOSCoordSeq_setXY_r(geos, ends, 1, x + (double)unit_random_below(&seed, 200),
                                   y + 100.0);
        ret_parts[i] = GEOSGeom_createLineString_r(geos, ends);
        if (circles) {
            GEOSGeometry *line = ret_parts[i];
            ret_parts[i] = GEOSBuffer_r(geos, line, 60.0, 4);
            GEOSGeom_destroy_r(geos, line);
        }
    }
}

static GEOSGeometry *
in_one_call(GEOSContextHandle_t geos, bool circles, size_t n)
{
    GEOSGeometry *parts[N];
    GEOSGeometry *all;
    GEOSGeometry *joined;
    draw(geos, circles, n, parts);
    all = GEOSGeom_createCollection_r(geos, GEOS_GEOMETRYCOLLECTION, parts, (unsigned)n);
    joined = circles ? GEOSUnaryUnion_r(geos, all) : GEOSBuffer_r(geos, all, 50.0, 8);
    GEOSGeom_destroy_r(geos, all);
    return joined;
}

static void
test_as_geos_does(void **state)
{
    static const size_t sizes[] = {1, 129, N};
    const GEOSContextHandle_t geos = *state;
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        const bool circles = i % 2 == 0;
        const size_t n = sizes[i / 2];
        GEOSGeometry *wanted = in_one_call(geos, circles, n);
        GEOSGeometry *found[2] = {NULL, NULL};
        GEOSGeometry *apart;
        double m2 = 1.0;
        for (int k = 0; k < 2; k++) {
            GEOSGeometry *parts[N];
            cim_error err = {0};
            draw(geos, circles, n, parts);
            assert_int_equal(
                lpg_shape_join(geos, NULL, parts, n, circles ? 0.0 : 50.0, &found[k], &err),
                CIM_OK);
        }
        assert_int_equal(GEOSisValid_r(geos, found[0]), 1);
        assert_int_equal(GEOSEqualsExact_r(geos, found[0], found[1], 0.0), 1);
        apart = GEOSSymDifference_r(geos, wanted, found[0]);
        assert_int_equal(GEOSArea_r(geos, apart, &m2), 1);
        if (!(m2 < 1e-3)) {
            fail_msg("%zu parts: %g m² apart", n, m2);
        }
        GEOSGeom_destroy_r(geos, apart);
        GEOSGeom_destroy_r(geos, wanted);
        GEOSGeom_destroy_r(geos, found[0]);
        GEOSGeom_destroy_r(geos, found[1]);
    }
}

static void
test_nothing_is_empty(void **state)
{
    const GEOSContextHandle_t geos = *state;
    GEOSGeometry *parts[1];
    GEOSGeometry *found = NULL;
    cim_error err = {0};
    assert_int_equal(lpg_shape_join(geos, NULL, parts, 0, 50.0, &found, &err), CIM_OK);
    assert_int_equal(GEOSisEmpty_r(geos, found), 1);
    GEOSGeom_destroy_r(geos, found);
}

/* Nothing is left behind either; the sanitizer looks. */
static void
test_ends_at_every_step(void **state)
{
    const GEOSContextHandle_t geos = *state;
    int steps = 0;
    for (;; steps++) {
        struct asked asked = {.left = steps};
        GEOSGeometry *parts[N];
        GEOSGeometry *found = NULL;
        cim_error err = {0};
        cim_status status;
        asked.call =
            (cim_call){.struct_size = sizeof asked.call, .cancelled = gone_at_last, .impl = &asked};
        draw(geos, false, N, parts);
        status = lpg_shape_join(geos, &asked.call, parts, N, 50.0, &found, &err);
        if (status == CIM_OK) {
            GEOSGeom_destroy_r(geos, found);
            break;
        }
        assert_int_equal(status, CIM_E_CANCELLED);
        assert_null(found);
    }
    assert_int_equal(steps, 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_geos_does),
        cmocka_unit_test(test_nothing_is_empty),
        cmocka_unit_test(test_ends_at_every_step),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
