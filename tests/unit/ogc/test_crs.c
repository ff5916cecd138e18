/* tests/unit/ogc/test_crs.c -- names of reference systems, axis order, and known positions. */
#include "unit.h"

#include "host/ogc/crs.h"

#include <math.h>

struct name_case {
    const char *text;
    int32_t epsg; /* -1: refused */
    enum host_crs_kind kind;
};

static const struct name_case names[] = {
    {"http://www.opengis.net/def/crs/OGC/1.3/CRS84", 0, HOST_CRS_LON_LAT},
    {"CRS84", 0, HOST_CRS_LON_LAT},
    {"http://www.opengis.net/def/crs/EPSG/0/4490", 4490, HOST_CRS_LAT_LON},
    {"https://www.opengis.net/def/crs/EPSG/0/4326", 4326, HOST_CRS_LAT_LON},
    {"urn:ogc:def:crs:EPSG::4546", 4546, HOST_CRS_OTHER},
    {"EPSG:3857", 3857, HOST_CRS_OTHER},
    {"[EPSG:4547]", 4547, HOST_CRS_OTHER},
    {"", -1, HOST_CRS_LON_LAT},
    {"EPSG:", -1, HOST_CRS_LON_LAT},
    {"EPSG:0", -1, HOST_CRS_LON_LAT},
    {"EPSG:4546x", -1, HOST_CRS_LON_LAT},
    {"EPSG:45461234", -1, HOST_CRS_LON_LAT},
    {"[EPSG:4547", -1, HOST_CRS_LON_LAT},
    {"4490", -1, HOST_CRS_LON_LAT},
    {"http://example.com/crs/1", -1, HOST_CRS_LON_LAT},
    {"http://www.opengis.net/def/crs/EPSG/0/-4490", -1, HOST_CRS_LON_LAT},
};

static void
test_parse_names_and_refuses_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct host_crs crs = {HOST_CRS_OTHER, 77};
        cim_error err = {0};
        const cim_status status = host_crs_parse("crs", names[i].text, &crs, &err);
        if (names[i].epsg < 0) {
            assert_int_equal(status, CIM_E_INVALID);
            assert_string_equal(err.param, "crs");
            assert_string_equal(err.value, names[i].text);
            assert_contains(err.zh, "坐标参考系");
            assert_contains(err.en, "reference system");
            assert_int_equal(crs.epsg, 77); /* untouched */
        } else {
            assert_ok(status, &err);
            assert_int_equal(crs.epsg, names[i].epsg);
            assert_int_equal(crs.kind, names[i].kind);
        }
    }
}

struct position_case {
    int32_t epsg;
    double lon_deg;
    double lat_deg;
    double first;
    double second;
};

/* From the surveyors' tables for Haikou and Dongfang: northing first, then easting. */
static const struct position_case positions[] = {
    {4490, 110.3312, 20.0310, 20.0310, 110.3312},
    {4546, 110.3312, 20.0310, 2215937.987, 430024.515},
    {4508, 110.3312, 20.0310, 2215937.987, 430024.515},
    {4545, 110.3312, 20.0310, 2217498.706, 743957.364},
    {4525, 110.3312, 20.0310, 2215937.987, 37430024.515},
    {4497, 110.3312, 20.0310, 2215937.987, 19430024.515},
    {4545, 108.6518, 19.0953, 2112344.765, 568591.338},
    {4508, 108.6518, 19.0953, 2113874.680, 252839.645},
    {3857, 110.3312, 20.0310, 12282013.03, 2277702.04}, /* easting first */
};

static void
test_positions_come_out_in_axis_order(void **state)
{
    struct host_crs_pool *pool = host_crs_pool_new();
    struct host_crs_worker *worker = host_crs_take(pool);
    (void)state;
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        const struct position_case *one = &positions[i];
        struct host_crs crs = {HOST_CRS_OTHER, 0};
        double first = one->lon_deg;
        double second = one->lat_deg;
        char name[32];
        cim_error err = {0};
        (void)snprintf(name, sizeof name, "EPSG:%d", (int)one->epsg);
        assert_ok(host_crs_parse("crs", name, &crs, &err), &err);
        assert_ok(host_crs_check(worker, "crs", &crs, NULL, &err), &err);
        assert_ok(host_crs_from_lon_lat(worker, &crs, &first, &second, &err), &err);
        if (one->epsg == 3857) {
            assert_true(fabs(first - 6378137.0 * one->lon_deg * 3.14159265358979 / 180) < 0.01);
        } else {
            assert_true(fabs(first - one->first) < 0.001);
            assert_true(fabs(second - one->second) < 0.001);
        }
    }
    host_crs_give(pool, worker);
    host_crs_pool_free(pool);
}

static void
test_check_refuses_unknown_vertical_and_geocentric(void **state)
{
    static const int32_t codes[] = {999999, 5737, 4479};
    struct host_crs_pool *pool = host_crs_pool_new();
    struct host_crs_worker *worker = host_crs_take(pool);
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct host_crs crs = {HOST_CRS_OTHER, codes[i]};
        cim_error err = {0};
        assert_int_equal(host_crs_check(worker, "bbox-crs", &crs, NULL, &err), CIM_E_INVALID);
        assert_string_equal(err.param, "bbox-crs");
        assert_contains(err.value, "EPSG:");
        assert_contains(err.en, "EPSG code");
    }
    host_crs_give(pool, worker);
    host_crs_pool_free(pool);
}

static void
test_more_systems_than_the_cache_holds_still_work(void **state)
{
    struct host_crs_pool *pool = host_crs_pool_new();
    struct host_crs_worker *worker = host_crs_take(pool);
    (void)state;
    for (int32_t round = 0; round < 2; round++) {
        for (int32_t code = 4534; code <= 4554; code++) {
            const struct host_crs crs = {HOST_CRS_OTHER, code};
            double first = 110;
            double second = 20;
            cim_error err = {0};
            assert_ok(host_crs_from_lon_lat(worker, &crs, &first, &second, &err), &err);
            assert_true(first > 2200000 && first < 4000000);
        }
    }
    host_crs_give(pool, worker);
    host_crs_pool_free(pool);
}

static void
test_boxes_come_back_as_west_south_east_north(void **state)
{
    struct host_crs_pool *pool = host_crs_pool_new();
    struct host_crs_worker *worker = host_crs_take(pool);
    const struct host_crs lat_lon = {HOST_CRS_LAT_LON, 4490};
    const struct host_crs gauss = {HOST_CRS_OTHER, 4546};
    const double degrees[4] = {19.9, 110.1, 20.1, 110.4};
    const double metres[4] = {2215937.987 - 1000, 430024.515 - 1000, 2215937.987 + 1000,
                              430024.515 + 1000};
    double box[4];
    cim_error err = {0};
    (void)state;
    assert_ok(host_crs_bbox_to_lon_lat(worker, &lat_lon, degrees, box, &err), &err);
    assert_true(box[0] == 110.1 && box[1] == 19.9 && box[2] == 110.4 && box[3] == 20.1);
    assert_ok(host_crs_bbox_to_lon_lat(worker, &gauss, metres, box, &err), &err);
    assert_true(box[0] < 110.3312 && box[2] > 110.3312 && box[2] - box[0] < 0.03);
    assert_true(box[1] < 20.0310 && box[3] > 20.0310 && box[3] - box[1] < 0.03);
    host_crs_give(pool, worker);
    host_crs_pool_free(pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_names_and_refuses_others),
        cmocka_unit_test(test_positions_come_out_in_axis_order),
        cmocka_unit_test(test_check_refuses_unknown_vertical_and_geocentric),
        cmocka_unit_test(test_more_systems_than_the_cache_holds_still_work),
        cmocka_unit_test(test_boxes_come_back_as_west_south_east_north),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
