/* GCJ-02 and BD-09 against published positions, and there and back again. */
#include "host/exchange/source.h"
#include "unit.h"

#include <math.h>

static void
expect_near(const double at[2], double lon, double lat, double tolerance)
{
    if (fabs(at[0] - lon) > tolerance || fabs(at[1] - lat) > tolerance) {
        fail_msg("%.8f %.8f is not near %.8f %.8f", at[0], at[1], lon, lat);
    }
}

static void
test_known_positions(void **state)
{
    double at[2];
    (void)state;
    host_shift_to_gcj02(110.3312, 20.0310, at);
    expect_near(at, 110.3355708, 20.0289537, 6e-8);
    host_shift_to_bd09(110.3312, 20.0310, at);
    expect_near(at, 110.3421186, 20.0346296, 6e-8);
    host_shift_to_gcj02(109.5083, 18.2479, at);
    expect_near(at, 109.5123944, 18.2462072, 6e-8);
    host_shift_from_gcj02(110.3355708, 20.0289537, at);
    expect_near(at, 110.3312, 20.0310, 6e-8);
    host_shift_from_bd09(110.3421186, 20.0346296, at);
    expect_near(at, 110.3312, 20.0310, 6e-8);
}

static void
test_inverse_undoes_forward(void **state)
{
    uint64_t random = 3;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const double lon = 73.0 + unit_random_below(&random, 6400000) / 1e5;
        const double lat = 1.0 + unit_random_below(&random, 5400000) / 1e5;
        double there[2];
        double back[2];
        host_shift_to_gcj02(lon, lat, there);
        host_shift_from_gcj02(there[0], there[1], back);
        expect_near(back, lon, lat, 1e-9);
        host_shift_to_bd09(lon, lat, there);
        host_shift_from_bd09(there[0], there[1], back);
        expect_near(back, lon, lat, 1e-9);
    }
}

static void
test_outside_china_nothing_moves(void **state)
{
    double at[2];
    (void)state;
    host_shift_to_gcj02(2.35, 48.85, at);
    expect_near(at, 2.35, 48.85, 0);
    host_shift_from_gcj02(-70.0, -33.0, at);
    expect_near(at, -70.0, -33.0, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_positions),
        cmocka_unit_test(test_inverse_undoes_forward),
        cmocka_unit_test(test_outside_china_nothing_moves),
    };
    return cmocka_run_group_tests_name("exchange_shift", tests, NULL, NULL);
}
