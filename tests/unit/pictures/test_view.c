/* tests/unit/pictures/test_view.c -- boxes, axis order, sizes and zooms of pictures. */
#include "unit.h"
#include "near.h"

#include "host/ogc/map_request.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

static void
test_a_zoom_is_that_of_the_browser(void **state)
{
    const double half = HOST_PIC_MERCATOR_HALF_M;
    struct host_pic_view view = {512, 512, 1, false, -half, -half, half, half};
    (void)state;
    assert_near(host_pic_view_zoom(&view), 0, 1e-12);
    view.west = view.south = 0;
    assert_near(host_pic_view_zoom(&view), 1, 1e-12);
    view.geographic = true;
    view.west = 0;
    view.south = 0;
    view.east = view.north = 90;
    assert_near(host_pic_view_zoom(&view), 2, 1e-12);
}

/* Haikou's oracle of the domain facts: tile 13213/7261 at zoom 14 of the Mercator grid. */
static void
test_places_fall_where_they_should(void **state)
{
    const double half = HOST_PIC_MERCATOR_HALF_M;
    const struct host_pic_view mercator = {1000, 1000, 1, false, -half, -half, half, half};
    const struct host_pic_view geographic = {360, 180, 1, true, -180, -90, 180, 90};
    const double world_x = (110.3312 + 180) / 360;
    const double world_y = (1 - asinh(tan(20.0310 * pi / 180)) / pi) / 2;
    double x = 0;
    double y = 0;
    double place[2];
    (void)state;
    host_pic_view_project(&mercator, world_x, world_y, &x, &y);
    assert_near(floor(x / 1000 * 16384), 13213, 0);
    assert_near(floor(y / 1000 * 16384), 7261, 0);
    host_map_place(&mercator, x, y, place);
    assert_near(place[0], 110.3312, 1e-9);
    assert_near(place[1], 20.0310, 1e-9);
    host_pic_view_project(&geographic, world_x, world_y, &x, &y);
    assert_near(x, 110.3312 + 180, 1e-9);
    assert_near(y, 90 - 20.0310, 1e-9);
    host_map_place(&geographic, x, y, place);
    assert_near(place[0], 110.3312, 1e-9);
}

static void
parse(const char *const *texts, size_t n, struct host_map_request *ret_request)
{
    struct host_pair pairs[8];
    cim_error err = {0};
    for (size_t i = 0; i < n; i++) {
        pairs[i] = (struct host_pair){texts[2 * i], texts[2 * i + 1]};
    }
    if (host_map_request_parse(pairs, n, ret_request, &err) != CIM_OK) {
        fail_msg("%s: %s", err.param, err.en);
    }
}

/* The same box of Hainan, told in every reference system. */
static void
test_a_box_is_the_same_in_every_axis_order(void **state)
{
    static const char *const told[][4] = {
        {"bbox", "108.6,18.1,111.1,20.2", "bbox-crs", "CRS84"},
        {"bbox", "18.1,108.6,20.2,111.1", "bbox-crs", "EPSG:4490"},
        {"bbox", "18.1,108.6,20.2,111.1", "bbox-crs", "EPSG:4326"},
        {"bbox", "12089296.7,2049256.7,12367595.4,2296738.8", "bbox-crs", "EPSG:3857"}};
    const double degrees[4] = {108.6, 18.1, 111.1, 20.2};
    struct host_crs_pool *pool = host_crs_pool_new();
    struct host_crs_worker *worker = host_crs_take(pool);
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct host_map_request request;
        double box[4];
        cim_error err = {0};
        parse(told[i], 2, &request);
        const struct host_crs geographic = {HOST_CRS_LAT_LON, 4490};
        const struct host_crs mercator = {HOST_CRS_OTHER, 3857};
        assert_int_equal(
            host_map_box(worker, &request.bbox_crs, request.bbox, &geographic, box, &err), CIM_OK);
        for (int k = 0; k < 4; k++) {
            assert_near(box[k], degrees[k], 1e-6);
        }
        assert_int_equal(
            host_map_box(worker, &request.bbox_crs, request.bbox, &mercator, box, &err), CIM_OK);
        assert_near(box[0], 12089296.7, 0.1);
        assert_near(box[3], 2296738.8, 0.1);
    }
    host_crs_give(pool, worker);
    host_crs_pool_free(pool);
}

static void
test_what_is_not_said_follows_from_the_rest(void **state)
{
    const double extent[4] = {110, 19, 110, 19};
    const double box[4] = {108, 18, 112, 20};
    static const char *const wide[] = {"width", "800", "crs", "CRS84"};
    static const char *const high[] = {"bbox", "108,18,112,20", "height",  "300",
                                       "crs",  "CRS84",         "bgcolor", "0x80FF0000"};
    struct host_map_request request;
    struct host_pic_view view;
    cim_error err = {0};
    (void)state;
    parse(wide, 2, &request);
    assert_int_equal(host_map_view(NULL, &request, extent, &view, &err), CIM_OK);
    assert_int_equal(view.width, 800);
    assert_int_equal(view.height, 800);
    assert_true(view.east - view.west > 0.01);
    assert_near((view.west + view.east) / 2, 110, 1e-9);
    parse(high, 4, &request);
    assert_int_equal(host_map_view(NULL, &request, box, &view, &err), CIM_OK);
    assert_int_equal(view.width, 600);
    assert_false(request.transparent);
    assert_near(request.background.a, 128 / 255.0, 1e-9);
    assert_near(request.background.r, 1, 1e-9);
}

static const struct {
    const char *name;
    const char *value;
    cim_status status;
} wrong[] = {
    {"width", "0", CIM_E_INVALID},
    {"width", "-3", CIM_E_INVALID},
    {"width", "1e3", CIM_E_INVALID},
    {"width", "4097", CIM_E_TOO_LARGE},
    {"height", "99999999999", CIM_E_TOO_LARGE},
    {"bbox", "1,2,3", CIM_E_INVALID},
    {"bbox", "1,2,3,x", CIM_E_INVALID},
    {"crs", "EPSG:4546", CIM_E_INVALID},
    {"crs", "EPSG:", CIM_E_INVALID},
    {"transparent", "1", CIM_E_INVALID},
    {"bgcolor", "0xGG0000", CIM_E_INVALID},
    {"mm-per-pixel", "0", CIM_E_INVALID},
    {"mm-per-pixel", "nan", CIM_E_INVALID},
};

static void
test_wrong_values_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct host_pair pair = {wrong[i].name, wrong[i].value};
        struct host_map_request request;
        cim_error err = {0};
        assert_int_equal(host_map_request_parse(&pair, 1, &request, &err), wrong[i].status);
        assert_string_equal(err.param, wrong[i].name);
    }
}

static void
test_large_pictures_are_refused_at_the_limit(void **state)
{
    struct host_pic_view view = {4096, 4096, 1, true, 0, 0, 1, 1};
    cim_error err = {0};
    (void)state;
    assert_int_equal(host_pic_view_check(&view, &err), CIM_OK);
    view.width = 4097;
    assert_int_equal(host_pic_view_check(&view, &err), CIM_E_TOO_LARGE);
    assert_string_equal(err.param, "width");
    view.width = 2100;
    view.ratio = 2;
    assert_int_equal(host_pic_view_check(&view, &err), CIM_E_TOO_LARGE);
    view = (struct host_pic_view){10, 10, 1, true, 1, 0, 0, 1};
    assert_int_equal(host_pic_view_check(&view, &err), CIM_E_INVALID);
    view.east = NAN;
    assert_int_equal(host_pic_view_check(&view, &err), CIM_E_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_zoom_is_that_of_the_browser),
        cmocka_unit_test(test_places_fall_where_they_should),
        cmocka_unit_test(test_a_box_is_the_same_in_every_axis_order),
        cmocka_unit_test(test_what_is_not_said_follows_from_the_rest),
        cmocka_unit_test(test_wrong_values_are_named),
        cmocka_unit_test(test_large_pictures_are_refused_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
