/* Buffers against brute force over geodesics: never short, not much too wide. */
#include "places.h"

#include "geo/buffer.h"
#include "geo/plane.h"
#include "kit/wkb.h"

enum { VERTICES = 12, RING_MAX = 20000 };

/* The rings of the result, in degrees. */
struct rings {
    double *xy;
    size_t n;
    size_t begins[64];
    size_t n_rings;
};

static int
begin_ring(void *self, uint32_t n_points)
{
    struct rings *rings = self;
    (void)n_points;
    assert_true(rings->n_rings < 64);
    rings->begins[rings->n_rings++] = rings->n;
    return 0;
}

static int
add_point(void *self, double x, double y)
{
    struct rings *rings = self;
    assert_true(rings->n < RING_MAX);
    rings->xy[2 * rings->n] = x;
    rings->xy[2 * rings->n + 1] = y;
    rings->n++;
    return 0;
}

static bool
contains(const struct rings *rings, const double p[2])
{
    bool inside = false;
    for (size_t i = 0; i < rings->n_rings; i++) {
        const size_t end = i + 1 < rings->n_rings ? rings->begins[i + 1] : rings->n;
        inside = inside !=
                 lpg_ring_contains(rings->xy + 2 * rings->begins[i], end - rings->begins[i], p);
    }
    return inside;
}

/* A line that turns sharply, folds back and crosses itself. */
static size_t
random_line(uint64_t *seed, double *ret_lonlat)
{
    const size_t n = 1 + unit_random_below(seed, VERTICES);
    double heading = random_between(seed, -180.0, 180.0);
    random_place(seed, ret_lonlat);
    for (size_t i = 1; i < n; i++) {
        heading += random_between(seed, -170.0, 170.0);
        lpg_geodesic_direct(ret_lonlat + 2 * i - 2, heading, random_between(seed, 0.5, 900.0),
                            ret_lonlat + 2 * i);
    }
    return n;
}

static size_t
line_wkb(const double *lonlat, size_t n, uint8_t *ret_wkb)
{
    const uint32_t head[2] = {2, (uint32_t)n};
    if (n == 1) {
        cim_wkb_from_point(lonlat[0], lonlat[1], ret_wkb);
        return 21;
    }
    ret_wkb[0] = 1;
    memcpy(ret_wkb + 1, head, sizeof head);
    memcpy(ret_wkb + 9, lonlat, n * 16);
    return 9 + n * 16;
}

static double
brute_m(const double *lonlat, size_t n, const double p[2])
{
    double least = lpg_geodesic_inverse_m(lonlat, p, NULL);
    for (size_t i = 0; i + 1 < n; i++) {
        least = fmin(least, brute_segment_m(lonlat + 2 * i, lonlat + 2 * i + 2, p));
    }
    return least;
}

static void
test_never_short_and_not_much_too_wide(void **state)
{
    uint64_t seed = 81;
    struct rings rings = {.xy = malloc(RING_MAX * 16)};
    const struct cim_wkb_visitor visitor = {
        .self = &rings, .begin_ring = begin_ring, .point = add_point};
    int n_inside = 0;
    int n_outside = 0;
    (void)state;
    assert_non_null(rings.xy);
    for (int run = 0; run < 120; run++) {
        double lonlat[2 * VERTICES];
        uint8_t wkb[9 + VERTICES * 16];
        const size_t n = random_line(&seed, lonlat);
        const double radius_m = random_between(&seed, 5.0, run % 2 == 0 ? 60.0 : 900.0);
        const double excess_m = run % 3 == 0 ? 0.02 : 1.0;
        struct cim_buf out;
        cim_error err;
        cim_buf_init(&out, 1 << 24);
        rings.n = rings.n_rings = 0;
        assert_ok(lpg_buffer(wkb, line_wkb(lonlat, n, wkb), radius_m, excess_m, &out, &err), &err);
        assert_ok(cim_wkb_walk(out.data, out.len, &visitor, &err), &err);
        for (int k = 0; k < 60; k++) {
            double p[2];
            double away_m;
            random_near(&seed, lonlat + 2 * unit_random_below(&seed, (uint32_t)n), 1.0, p);
            /* most of them close to the border, where it matters */
            lpg_geodesic_direct(p, random_between(&seed, -180.0, 180.0),
                                radius_m + random_between(&seed, -1.2, 1.2) * (k % 3 + 0.02), p);
            away_m = brute_m(lonlat, n, p);
            if (away_m <= radius_m) {
                n_inside++;
                if (!contains(&rings, p)) {
                    fail_msg("run %d: short at %.5f m of %.5f m", run, away_m, radius_m);
                }
            } else if (away_m > radius_m + excess_m + 0.01) {
                n_outside++;
                if (contains(&rings, p)) {
                    fail_msg("run %d: %.5f m is inside, radius %.5f m", run, away_m, radius_m);
                }
            }
        }
        cim_buf_done(&out);
    }
    assert_true(n_inside > 1000 && n_outside > 500);
    free(rings.xy);
}

static void
test_what_is_refused(void **state)
{
    uint8_t point[21];
    struct cim_buf out;
    cim_error err = {0};
    (void)state;
    cim_buf_init(&out, 1 << 20);
    cim_wkb_from_point(110.0, 19.0, point);
    assert_int_equal(lpg_buffer(point, 21, 0.0, 1.0, &out, &err), CIM_E_INVALID);
    assert_string_equal(err.param, "radius_m");
    assert_int_equal(lpg_buffer(point, 21, NAN, 1.0, &out, &err), CIM_E_INVALID);
    assert_int_equal(lpg_buffer(point, 21, 60000.0, 1.0, &out, &err), CIM_E_INVALID);
    assert_int_equal(lpg_buffer(point, 21, 10.0, 0.0, &out, &err), CIM_E_INVALID);
    assert_string_equal(err.param, "excess_m");
    assert_int_equal(lpg_buffer(point, 20, 10.0, 1.0, &out, &err), CIM_E_INVALID);
    cim_wkb_from_point(110.0, 88.0, point);
    assert_int_equal(lpg_buffer(point, 21, 10.0, 1.0, &out, &err), CIM_E_INVALID);
    cim_buf_done(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_short_and_not_much_too_wide),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
