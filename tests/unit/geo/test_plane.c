/* Segments and polygons of the plane against searches along geodesics. */
#include "places.h"

#include "geo/plane.h"

static void
project(const struct lpg_tm *tm, const double p[2], double ret_xy[2])
{
    lpg_tm_forward(tm, p[0], p[1], ret_xy);
}

static void
test_segment_equals_search_along_geodesic(void **state)
{
    uint64_t seed = 21;
    (void)state;
    for (int run = 0; run < 1500; run++) {
        const double reach_m = run % 2 == 0 ? 1000.0 : 10000.0;
        const double tolerance_m = reach_m * 1e-6;
        struct lpg_tm tm;
        double origin[2];
        double a[2];
        double b[2];
        double p[2];
        double xy[3][2];
        double expected_m;
        double got_m;
        random_place(&seed, origin);
        lpg_tm_init(&tm, origin[0], origin[1]);
        lpg_tm_inverse(&tm, random_between(&seed, -190e3, 190e3),
                       random_between(&seed, -400e3, 400e3), a);
        random_near(&seed, a, lpg_plane_edge_max_m(&tm, 200e3), b);
        random_near(&seed, a, reach_m, p);
        project(&tm, a, xy[0]);
        project(&tm, b, xy[1]);
        project(&tm, p, xy[2]);
        expected_m = brute_segment_m(a, b, p);
        got_m = lpg_segment_distance_m(&tm, xy[0], xy[1], xy[2]);
        if (fabs(got_m - expected_m) > tolerance_m) {
            fail_msg("run %d: %.6f m, along the geodesic %.6f m", run, got_m, expected_m);
        }
    }
}

static void
test_segment_of_one_position(void **state)
{
    struct lpg_tm tm;
    const double a[2] = {3.0, 4.0};
    const double p[2] = {0.0, 0.0};
    (void)state;
    lpg_tm_init(&tm, 110.0, 19.0);
    assert_true(fabs(lpg_segment_distance_m(&tm, a, a, p) - 5.0) < 1e-9);
}

static void
test_segments_meet_or_not(void **state)
{
    struct lpg_tm tm;
    const double a[2] = {0.0, 0.0};
    const double b[2] = {10.0, 10.0};
    const double c[2] = {0.0, 10.0};
    const double d[2] = {10.0, 0.0};
    const double e[2] = {20.0, 0.0};
    const double touch[2] = {5.0, 5.0};
    (void)state;
    lpg_tm_init(&tm, 110.0, 19.0);
    assert_true(lpg_segments_distance_m(&tm, a, b, c, d) == 0.0);
    assert_true(lpg_segments_distance_m(&tm, a, b, c, touch) < 1e-12);
    assert_true(fabs(lpg_segments_distance_m(&tm, a, c, d, e) - 10.0) < 1e-9);
}

static void
test_polygon_inside_hole_outside_border(void **state)
{
    static const double outer[] = {0, 0, 100, 0, 100, 100, 0, 100, 0, 0};
    static const double hole[] = {40, 40, 60, 40, 60, 60, 40, 60, 40, 40};
    const struct lpg_ring rings[] = {{outer, 5}, {hole, 5}};
    static const struct {
        double p[2];
        double distance_m;
    } cases[] = {{{20, 20}, 0.0},   {{50, 50}, 10.0},   {{40, 50}, 0.0}, {{0, 0}, 0.0},
                 {{100, 30}, 0.0},  {{130, 140}, 50.0}, {{-7, 50}, 7.0}, {{50, 58}, 2.0},
                 {{100.5, 0}, 0.5}, {{50, 100}, 0.0}};
    struct lpg_tm tm;
    (void)state;
    lpg_tm_init(&tm, 110.0, 19.0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const double got_m = lpg_polygon_distance_m(&tm, rings, 2, cases[i].p);
        if (fabs(got_m - cases[i].distance_m) > 1e-8) {
            fail_msg("case %zu: %.9f", i, got_m);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_equals_search_along_geodesic),
        cmocka_unit_test(test_segment_of_one_position),
        cmocka_unit_test(test_segments_meet_or_not),
        cmocka_unit_test(test_polygon_inside_hole_outside_border),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
