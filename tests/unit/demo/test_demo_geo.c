/* The geography loader: what it accepts, what it refuses and how, and points in polygons. */

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static int
load(const struct fixture *fixture, struct demo_geo *geo, struct demo_error *err)
{
    memset(geo, 0, sizeof(*geo));
    err->text[0] = '\0';
    return demo_geo_load(geo, fixture->geography, err);
}

static void
loads_names_and_points(void **state)
{
    struct fixture fixture;
    struct demo_geo geo;
    struct demo_error err;
    (void)state;

    fixture_setup(&fixture);
    assert_int_equal(load(&fixture, &geo, &err), 0);
    assert_int_equal(geo.n_districts, 2);
    assert_int_equal(geo.n_towns, 7);
    assert_int_equal(geo.n_road_points, 6);
    assert_string_equal(geo.districts[0].city, "海口市");
    assert_string_equal(geo.districts[1].city, "");
    assert_string_equal(geo.towns[0].prefix, "海南省海口市秀英区甲街道");
    assert_string_equal(geo.towns[3].prefix, "海南省五指山市丁镇");
    assert_string_equal(geo.towns[6].prefix, "海南省五指山市");
    assert_string_equal(geo.towns[0].label, "甲");
    assert_string_equal(geo.towns[5].label, "己");
    assert_string_equal(geo.towns[6].label, "五指山市");
    assert_true(geo.towns[0].is_street);
    assert_false(geo.towns[1].is_street);
    assert_int_equal(geo.towns[1].centre.lon_e6, 110190000);
    demo_geo_done(&geo);
    fixture_remove(&fixture);
}

/* Written apart from the loader: corners of the two districts, tested by plain comparisons. */
static int
in_first(double lon, double lat)
{
    return lon > 110.0 && lon < 110.4 && lat > 19.0 && (lat < 19.2 || (lat < 19.4 && lon < 110.2));
}

static int
in_second(double lon, double lat)
{
    int square = lon > 110.5 && lon < 110.9 && lat > 19.0 && lat < 19.4;
    int hole = lon > 110.6 && lon < 110.7 && lat > 19.1 && lat < 19.2;
    int island = lat > 19.0 && lat < 19.1 && fabs(lon - 111.05) < 0.05 * (19.1 - lat) / 0.1;

    return (square && !hole) || island;
}

static void
points_in_polygons(void **state)
{
    struct fixture fixture;
    struct demo_geo geo;
    struct demo_error err;
    uint32_t hits[2] = {0, 0};
    (void)state;

    fixture_setup(&fixture);
    assert_int_equal(load(&fixture, &geo, &err), 0);
    /* An odd step keeps the grid off the edges. */
    for (int32_t lon = 109900003; lon < 111200000; lon += 4007) {
        for (int32_t lat = 18900011; lat < 19500000; lat += 4013) {
            struct demo_point p = {lon, lat};
            int first = demo_district_contains(&geo.districts[0], p);
            int second = demo_district_contains(&geo.districts[1], p);

            assert_int_equal(first, in_first(lon / 1e6, lat / 1e6));
            assert_int_equal(second, in_second(lon / 1e6, lat / 1e6));
            assert_int_equal(demo_geo_district_at(&geo, p), first ? 0 : second ? 1 : 2);
            hits[0] += (uint32_t)first;
            hits[1] += (uint32_t)second;
        }
    }
    assert_true(hits[0] > 5000 && hits[1] > 7000);
    demo_geo_done(&geo);
    fixture_remove(&fixture);
}

static void
nearest_town_and_distance(void **state)
{
    struct fixture fixture;
    struct demo_geo geo;
    struct demo_error err;
    struct demo_point from = {110331200, 20031000};
    struct demo_point to;
    (void)state;

    fixture_setup(&fixture);
    assert_int_equal(load(&fixture, &geo, &err), 0);
    assert_int_equal(demo_geo_nearest_town(&geo, 0, (struct demo_point){110340000, 19050000}), 2);
    assert_int_equal(demo_geo_nearest_town(&geo, 1, (struct demo_point){112000000, 17000000}), 4);
    to = demo_move(from, 300.0, 400.0);
    assert_true(fabs(demo_distance_m(from, to) - 500.0) < 0.5);
    assert_true(to.lon_e6 > from.lon_e6 && to.lat_e6 > from.lat_e6);
    demo_geo_done(&geo);
    fixture_remove(&fixture);
}

struct fault {
    const char *file;
    const char *from;
    const char *to;
    const char *said; /* part of the message */
};

static void
refuses_and_names_what_is_wrong(void **state)
{
    static const struct fault faults[] = {
        {"towns.geojson", "[110.05, 19.05]", "[110.3, 19.3]", "460105001 lies outside"},
        {"towns.geojson", "\"county_code\": \"460105\"", "\"county_code\": \"999999\"", "999999"},
        {"towns.geojson", "甲街道", "甲\\\"街道", "quote"},
        {"towns.geojson", "甲街道", "", "0 bytes"},
        {"towns.geojson", "[110.05, 19.05]", "[1100.05, 19.05]", "460105001"},
        {"towns.geojson", "\"features\"", "\"fixtures\"", "\"features\""},
        {"districts.geojson", "460105", "460199", "460199"},
        {"districts.geojson", "[[[[110.0, 19.0],", "[[[110.0, 19.0,", "districts.geojson"},
        {"roads.geojson", "[110.65, 19.15]", "[\"a\"]", "roads.geojson: line 0: vertex 1"},
        {"areas.csv", "460105,秀英区,county,460100,,,,", "460105,秀英区,", "areas.csv:4"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct fixture fixture;
        struct demo_geo geo;
        struct demo_error err;

        fixture_setup(&fixture);
        fixture_edit(&fixture, faults[i].file, faults[i].from, faults[i].to);
        assert_int_equal(load(&fixture, &geo, &err), -1);
        if (strstr(err.text, faults[i].said) == NULL) {
            fail_msg("fault %zu: \"%s\" does not say \"%s\"", i, err.text, faults[i].said);
        }
        demo_geo_done(&geo);
        fixture_remove(&fixture);
    }
}

static void
refuses_files_cut_anywhere(void **state)
{
    static const char *const files[] = {"districts.geojson", "towns.geojson", "roads.geojson"};
    (void)state;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        for (long len = 0; len < 420; len += 29) {
            struct fixture fixture;
            struct demo_geo geo;
            struct demo_error err;

            fixture_setup(&fixture);
            fixture_truncate(&fixture, files[i], len);
            assert_int_equal(load(&fixture, &geo, &err), -1);
            assert_non_null(strstr(err.text, files[i]));
            demo_geo_done(&geo);
            fixture_remove(&fixture);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_names_and_points),
        cmocka_unit_test(points_in_polygons),
        cmocka_unit_test(nearest_town_and_distance),
        cmocka_unit_test(refuses_and_names_what_is_wrong),
        cmocka_unit_test(refuses_files_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
