/* Positions, Morton codes and tile numbers. */
#include "geo/mercator.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static void
test_tile_numbers_are_those_of_tianditu(void **state)
{
    uint32_t x;
    uint32_t y;
    (void)state;
    assert_true(lpg_mercator_from_lonlat(110.3312, 20.0310, &x, &y));
    assert_int_equal(x >> (32 - 14), 13213);
    assert_int_equal(y >> (32 - 14), 7261);
    assert_int_equal(x >> (32 - 10), 825);
    assert_int_equal(y >> (32 - 10), 453);
}

static void
test_positions_outside_the_world_are_refused(void **state)
{
    uint32_t x = 1;
    uint32_t y = 1;
    (void)state;
    assert_false(lpg_mercator_from_lonlat(180.0001, 0, &x, &y));
    assert_false(lpg_mercator_from_lonlat(0, -90.0001, &x, &y));
    assert_false(lpg_mercator_from_lonlat(NAN, 0, &x, &y));
    assert_false(lpg_mercator_from_lonlat(0, INFINITY, &x, &y));
    assert_int_equal(x, 1);
}

static void
test_edges_of_the_world_stay_inside(void **state)
{
    uint32_t x;
    uint32_t y;
    (void)state;
    assert_true(lpg_mercator_from_lonlat(-180, 90, &x, &y));
    assert_int_equal(x, 0);
    assert_int_equal(y, 0);
    assert_true(lpg_mercator_from_lonlat(180, -90, &x, &y));
    assert_int_equal(x, UINT32_MAX);
    assert_int_equal(y, UINT32_MAX);
    assert_true(lpg_mercator_from_lonlat(0, 0, &x, &y));
    assert_int_equal(x, 1U << 31U);
    assert_int_equal(y, 1U << 31U);
}

static void
test_morton_codes_split_into_what_they_came_from(void **state)
{
    (void)state;
    srandom(7);
    for (int i = 0; i < 10000; i++) {
        const uint32_t x = (uint32_t)random() * 2654435761U;
        const uint32_t y = (uint32_t)random() * 2246822519U;
        uint32_t x2;
        uint32_t y2;
        lpg_morton_split(lpg_morton(x, y), &x2, &y2);
        assert_int_equal(x, x2);
        assert_int_equal(y, y2);
    }
}

static void
test_a_cell_holds_exactly_the_codes_of_its_positions(void **state)
{
    (void)state;
    srandom(8);
    for (int i = 0; i < 10000; i++) {
        const uint32_t x = (uint32_t)random() * 2654435761U;
        const uint32_t y = (uint32_t)random() * 2246822519U;
        const uint32_t z = (uint32_t)random() % 33U;
        const uint32_t col = z == 0 ? 0 : x >> (32U - z);
        const uint32_t row = z == 0 ? 0 : y >> (32U - z);
        const uint64_t code = lpg_morton(x, y);
        assert_true(code >= lpg_morton_cell_first(z, col, row));
        assert_true(code <= lpg_morton_cell_last(z, col, row));
        if (z > 0) {
            const uint32_t other = col ^ 1U;
            assert_false(code >= lpg_morton_cell_first(z, other, row) &&
                         code <= lpg_morton_cell_last(z, other, row));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tile_numbers_are_those_of_tianditu),
        cmocka_unit_test(test_positions_outside_the_world_are_refused),
        cmocka_unit_test(test_edges_of_the_world_stay_inside),
        cmocka_unit_test(test_morton_codes_split_into_what_they_came_from),
        cmocka_unit_test(test_a_cell_holds_exactly_the_codes_of_its_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
