/* Chains against brute force over geodesics, and what they refuse. */
#include "places.h"

#include "geo/chain.h"

enum { POSITIONS = 40 };

/* A line that wanders: short and long edges, turns back, crosses itself, repeats positions. */
static size_t
random_line(uint64_t *seed, double ret_lonlat[2 * POSITIONS])
{
    const size_t n = 2 + unit_random_below(seed, POSITIONS - 2);
    double heading = random_between(seed, -180.0, 180.0);
    random_place(seed, ret_lonlat);
    for (size_t i = 1; i < n; i++) {
        const double longest = unit_random_below(seed, 6) == 0 ? 9000.0 : 700.0;
        heading += random_between(seed, -100.0, 100.0);
        if (unit_random_below(seed, 12) == 0) {
            ret_lonlat[2 * i] = ret_lonlat[2 * i - 2];
            ret_lonlat[2 * i + 1] = ret_lonlat[2 * i - 1];
        } else {
            lpg_geodesic_direct(ret_lonlat + 2 * i - 2, heading, random_between(seed, 1.0, longest),
                                ret_lonlat + 2 * i);
        }
    }
    return n;
}

static double
brute_distance_m(const double *lonlat, size_t n, const double p[2])
{
    double least = 1e9;
    for (size_t i = 0; i + 1 < n; i++) {
        least = fmin(least, brute_segment_m(lonlat + 2 * i, lonlat + 2 * i + 2, p));
    }
    return least;
}

static double
brute_length_m(const double *lonlat, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i + 1 < n; i++) {
        sum += lpg_geodesic_inverse_m(lonlat + 2 * i, lonlat + 2 * i + 2, NULL);
    }
    return sum;
}

/* Inside a stretch every position is within the limit, outside none is: sampled along the line. */
static void
check_stretches(const struct lpg_chain *chain, const struct lpg_stretches *stretches,
                const double p[2], double limit_m)
{
    enum { SAMPLES = 300 };
    for (int i = 0; i <= SAMPLES; i++) {
        const double at_m = chain->length_m * i / SAMPLES;
        double q[2];
        double away_m;
        bool inside = false;
        lpg_chain_at(chain, at_m, q);
        away_m = lpg_geodesic_inverse_m(p, q, NULL);
        for (size_t s = 0; s < stretches->n; s++) {
            inside = inside || (at_m >= stretches->stretches[s].from_m - 1e-6 &&
                                at_m <= stretches->stretches[s].to_m + 1e-6);
        }
        if (inside ? away_m > limit_m + 0.002 : away_m < limit_m - 0.002) {
            fail_msg("at %.3f m: %.4f m away, limit %.3f m, %s a stretch", at_m, away_m, limit_m,
                     inside ? "inside" : "outside");
        }
    }
}

static void
test_within_equals_brute_force(void **state)
{
    uint64_t seed = 31;
    int n_found = 0;
    (void)state;
    for (int run = 0; run < 150; run++) {
        double lonlat[2 * POSITIONS];
        const size_t n = random_line(&seed, lonlat);
        struct lpg_stretches stretches = {0};
        struct lpg_chain chain;
        cim_error err;
        const cim_status status = lpg_chain_build(lonlat, n, &chain, &err);
        if (status != CIM_OK) {
            assert_int_equal(status, CIM_E_INVALID); /* all positions alike */
            continue;
        }
        assert_true(fabs(chain.length_m - brute_length_m(lonlat, n)) < 1e-3);
        for (int k = 0; k < 4; k++) {
            const double limit_m = random_between(&seed, 10.0, 1000.0);
            double p[2];
            double xy[2];
            double expected_m;
            struct lpg_chain_near near;
            bool failed = false;
            bool found;
            random_near(&seed, lonlat + 2 * unit_random_below(&seed, (uint32_t)n), 1200.0, p);
            lpg_tm_forward(&chain.tm, p[0], p[1], xy);
            expected_m = brute_distance_m(lonlat, n, p);
            stretches.n = 0;
            found = lpg_chain_within(&chain, xy, limit_m, &near, &stretches, &failed);
            assert_false(failed);
            if (fabs(expected_m - limit_m) < 0.001) {
                continue;
            }
            assert_int_equal(found, expected_m < limit_m);
            if (found) {
                double foot[2];
                n_found++;
                assert_true(fabs(near.distance_m - expected_m) < 0.001);
                lpg_chain_at(&chain, near.at_m, foot);
                assert_true(fabs(lpg_geodesic_inverse_m(p, foot, NULL) - expected_m) < 0.002);
                check_stretches(&chain, &stretches, p, limit_m);
            }
        }
        free(stretches.stretches);
        lpg_chain_done(&chain);
    }
    assert_true(n_found > 150);
}

/* 45 km between positions, up to 190 km off the plane's meridian. */
static void
test_long_edges_are_geodesics(void **state)
{
    enum { N = 14 };
    uint64_t seed = 32;
    double lonlat[2 * N] = {108.3, 18.5};
    struct lpg_chain chain;
    cim_error err;
    (void)state;
    for (size_t i = 1; i < N; i++) {
        lpg_geodesic_direct(lonlat + 2 * i - 2, i % 3 == 0 ? 170.0 : 60.0, 45e3, lonlat + 2 * i);
    }
    assert_ok(lpg_chain_build(lonlat, N, &chain, &err), &err);
    assert_true(fabs(chain.length_m - brute_length_m(lonlat, N)) < 1e-3);
    for (int run = 0; run < 150; run++) {
        struct lpg_chain_near near;
        bool failed = false;
        double p[2];
        double xy[2];
        double expected_m;
        lpg_chain_at(&chain, random_between(&seed, 0.0, chain.length_m), p);
        random_near(&seed, p, 900.0, p);
        lpg_tm_forward(&chain.tm, p[0], p[1], xy);
        expected_m = brute_distance_m(lonlat, N, p);
        assert_true(lpg_chain_within(&chain, xy, 1000.0, &near, NULL, &failed));
        if (fabs(near.distance_m - expected_m) > 0.001) {
            fail_msg("%.5f m, along the geodesic %.5f m", near.distance_m, expected_m);
        }
    }
    lpg_chain_done(&chain);
}

static void
test_line_that_passes_twice_has_two_stretches(void **state)
{
    /* East for 2 km, 400 m north, and back: 200 m from a place between both ways. */
    double lonlat[8] = {110.0, 19.0};
    double p[2];
    double xy[2];
    struct lpg_chain chain;
    struct lpg_chain_near near;
    struct lpg_stretches stretches = {0};
    bool failed = false;
    cim_error err;
    (void)state;
    lpg_geodesic_direct(lonlat, 90.0, 2000.0, lonlat + 2);
    lpg_geodesic_direct(lonlat + 2, 0.0, 400.0, lonlat + 4);
    lpg_geodesic_direct(lonlat + 4, 270.0, 2000.0, lonlat + 6);
    lpg_geodesic_direct(lonlat, 90.0, 1000.0, p);
    lpg_geodesic_direct(p, 0.0, 200.0, p);
    assert_ok(lpg_chain_build(lonlat, 4, &chain, &err), &err);
    lpg_tm_forward(&chain.tm, p[0], p[1], xy);
    assert_true(lpg_chain_within(&chain, xy, 250.0, &near, &stretches, &failed));
    assert_int_equal(stretches.n, 2);
    assert_true(fabs(stretches.stretches[0].from_m - 850.0) < 0.1); /* 1000 - sqrt(250² - 200²) */
    assert_true(fabs(stretches.stretches[0].to_m - 1150.0) < 0.1);
    assert_true(fabs(stretches.stretches[1].from_m - 3250.0) < 0.3);
    assert_true(fabs(stretches.stretches[1].to_m - 3550.0) < 0.3);
    assert_false(lpg_chain_within(&chain, xy, 199.0, &near, NULL, &failed));
    free(stretches.stretches);
    lpg_chain_done(&chain);
}

static void
test_what_is_refused(void **state)
{
    static const struct {
        double lonlat[6];
        size_t n;
        const char *message;
    } cases[] = {
        {{110.0, 19.0}, 1, "at least two different positions"},
        {{110.0, 19.0, 110.0, 19.0, 110.0, 19.0}, 3, "at least two different positions"},
        {{110.0, 19.0, NAN, 19.0}, 2, "position 2: expected [longitude, latitude]"},
        {{110.0, 19.0, 110.0, INFINITY}, 2, "position 2"},
        {{19.0, 110.0, 19.1, 110.0}, 2, "position 1: expected [longitude, latitude]"},
        {{110.0, 19.0, 110.1, 19.0, 114.9, 19.0}, 3, "position 3 is 50"}, /* a jump of 505 km */
        {{-70.0, 19.0, 110.0, 19.0}, 2, "position 2 is"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lpg_chain chain;
        cim_error err;
        assert_int_equal(lpg_chain_build(cases[i].lonlat, cases[i].n, &chain, &err), CIM_E_INVALID);
        assert_contains(err.en, cases[i].message);
        assert_true(err.zh[0] != '\0');
    }
}

static void
test_line_too_wide_or_too_long(void **state)
{
    enum { N = 50 };
    double lonlat[2 * N];
    struct lpg_chain chain;
    cim_error err;
    (void)state;
    for (size_t i = 0; i < N; i++) {
        lonlat[2 * i] = 108.0 + 0.1 * (double)i;
        lonlat[2 * i + 1] = 19.0;
    }
    assert_int_equal(lpg_chain_build(lonlat, N, &chain, &err), CIM_E_INVALID);
    assert_contains(err.en, "at most 400 km");
    for (size_t i = 0; i < N; i++) {
        lonlat[2 * i] = 110.0;
        lonlat[2 * i + 1] = 18.0 + 0.4 * (double)(i % 2);
    }
    assert_int_equal(lpg_chain_build(lonlat, N, &chain, &err), CIM_E_TOO_LARGE);
    assert_contains(err.en, "longer than 2000 km");
}

static void
test_limits_of_size(void **state)
{
    const size_t most = LPG_CHAIN_POSITIONS_MAX;
    double *lonlat = malloc((most + 1) * 2 * sizeof *lonlat);
    struct lpg_chain chain;
    cim_error err;
    (void)state;
    assert_non_null(lonlat);
    for (size_t i = 0; i <= most; i++) {
        lonlat[2 * i] = 110.0 + 1e-6 * (double)i;
        lonlat[2 * i + 1] = 19.0 + 1e-5 * (double)(i % 2);
    }
    assert_ok(lpg_chain_build(lonlat, most, &chain, &err), &err);
    assert_int_equal(chain.n, most);
    lpg_chain_done(&chain);
    assert_int_equal(lpg_chain_build(lonlat, most + 1, &chain, &err), CIM_E_TOO_LARGE);
    assert_contains(err.en, "200001 positions, at most 200000");
    free(lonlat);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_within_equals_brute_force),
        cmocka_unit_test(test_long_edges_are_geodesics),
        cmocka_unit_test(test_line_that_passes_twice_has_two_stretches),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_line_too_wide_or_too_long),
        cmocka_unit_test(test_limits_of_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
