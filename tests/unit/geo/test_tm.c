/* The plane against PROJ, its distances against geodesics. */
#include "places.h"

#include "geo/plane.h"

#include <proj.h>

enum { RUNS = 400 };

static void
test_forward_and_inverse_equal_proj(void **state)
{
    uint64_t seed = 11;
    PJ_CONTEXT *context = proj_context_create();
    (void)state;
    for (int run = 0; run < RUNS; run++) {
        char text[200];
        double origin[2];
        double p[2];
        double xy[2];
        double back[2];
        struct lpg_tm tm;
        PJ *pj;
        PJ_COORD out;
        random_place(&seed, origin);
        p[0] = origin[0] + random_between(&seed, -9.0, 9.0);
        p[1] = fmax(fmin(origin[1] + random_between(&seed, -40.0, 40.0), 59.0), -59.0);
        /* GRS80 has the figure of CGCS2000 */
        (void)snprintf(text, sizeof text, "+proj=tmerc +ellps=GRS80 +k=1 +lon_0=%.17g +lat_0=%.17g",
                       origin[0], origin[1]);
        pj = proj_create(context, text);
        assert_non_null(pj);
        out = proj_trans(pj, PJ_FWD, proj_coord(proj_torad(p[0]), proj_torad(p[1]), 0.0, 0.0));
        lpg_tm_init(&tm, origin[0], origin[1]);
        lpg_tm_forward(&tm, p[0], p[1], xy);
        if (fabs(xy[0] - out.xy.x) > 5e-6 || fabs(xy[1] - out.xy.y) > 5e-6) {
            fail_msg("%s: %.9g %.9g: %.7f %.7f, PROJ has %.7f %.7f", text, p[0], p[1], xy[0], xy[1],
                     out.xy.x, out.xy.y);
        }
        lpg_tm_inverse(&tm, xy[0], xy[1], back);
        assert_true(lpg_geodesic_inverse_m(p, back, NULL) < 5e-6);
        (void)proj_destroy(pj);
    }
    (void)proj_context_destroy(context);
}

/* domain.md 7.5: the Gauss-Krüger figures of two places, 500 km false easting taken off. */
static void
test_published_positions(void **state)
{
    static const struct {
        double meridian;
        double lonlat[2];
        double north;
        double east;
    } cases[] = {{111.0, {110.3312, 20.0310}, 2215937.987, 430024.515},
                 {108.0, {110.3312, 20.0310}, 2217498.706, 743957.364},
                 {108.0, {108.6518, 19.0953}, 2112344.765, 568591.338},
                 {111.0, {108.6518, 19.0953}, 2113874.680, 252839.645}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lpg_tm tm;
        double xy[2];
        lpg_tm_init(&tm, cases[i].meridian, 0.0);
        lpg_tm_forward(&tm, cases[i].lonlat[0], cases[i].lonlat[1], xy);
        assert_true(fabs(xy[0] + 500000.0 - cases[i].east) < 6e-4);
        assert_true(fabs(xy[1] - cases[i].north) < 6e-4);
    }
}

static void
test_distances_equal_geodesics(void **state)
{
    uint64_t seed = 12;
    (void)state;
    for (int run = 0; run < 20000; run++) {
        const double reach_m = run % 2 == 0 ? 1000.0 : 10000.0;
        double origin[2];
        double p[2];
        double q[2];
        double a[2];
        double b[2];
        double geodesic_m;
        struct lpg_tm tm;
        random_place(&seed, origin);
        lpg_tm_init(&tm, origin[0], origin[1]);
        lpg_tm_inverse(&tm, random_between(&seed, -190e3, 190e3),
                       random_between(&seed, -990e3, 990e3), p);
        random_near(&seed, p, reach_m, q);
        geodesic_m = lpg_geodesic_inverse_m(p, q, NULL);
        lpg_tm_forward(&tm, p[0], p[1], a);
        lpg_tm_forward(&tm, q[0], q[1], b);
        if (fabs(lpg_tm_distance_m(&tm, a, b) - geodesic_m) > reach_m * 1e-6) {
            fail_msg("from %.9g %.9g: %.6f m, the geodesic has %.6f m", p[0], p[1],
                     lpg_tm_distance_m(&tm, a, b), geodesic_m);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward_and_inverse_equal_proj),
        cmocka_unit_test(test_published_positions),
        cmocka_unit_test(test_distances_equal_geodesics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
