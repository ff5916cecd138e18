/* tests/unit/pictures/test_ows.c -- parameters of WMS and addresses of WMTS. */
#include "unit.h"

#include "host/ogc/wms_request.h"
#include "host/ogc/wmts_request.h"
#include "near.h"

#include <stdlib.h>

enum { PAIRS_MAX = 32 };

/* "A=b&C=d" as pairs, in `text`. */
static size_t
pairs_of(char *text, struct host_pair *pairs)
{
    size_t n = 0;
    for (char *at = text; at != NULL && *at != '\0';) {
        char *end = strchr(at, '&');
        char *equals = strchr(at, '=');
        assert_non_null(equals);
        if (end != NULL) {
            *end++ = '\0';
        }
        *equals = '\0';
        pairs[n++] = (struct host_pair){at, equals + 1};
        at = end;
    }
    return n;
}

static cim_status
parse(const char *query, struct host_wms_request *request, cim_error *err)
{
    char text[2048];
    struct host_pair pairs[PAIRS_MAX];
    (void)snprintf(text, sizeof text, "%s", query);
    const size_t n = pairs_of(text, pairs);
    const cim_status status = host_wms_request_parse(pairs, n, request, err);
    return status;
}

#define MAP                                                                                        \
    "SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&FORMAT=image/png&LAYERS=a.b,c.d&STYLES=&WIDTH=200&"  \
    "HEIGHT=100&"

/* Hainan in each reference system, as WMS 1.3.0 wants its axes: all are the same box. */
static const struct {
    const char *query;
    bool geographic;
} boxes[] = {
    {MAP "CRS=EPSG:4490&BBOX=18,108,20,112", true},
    {MAP "CRS=EPSG:4326&BBOX=18,108,20,112", true},
    {MAP "CRS=CRS:84&BBOX=108,18,112,20", true},
    {MAP "crs=EPSG:4490&bbox=18,108,20,112", true},
    {MAP "CRS=EPSG:3857&BBOX=12022505,2037548,12467783,2273031", false},
};

static void
test_axes_are_those_of_the_reference_system(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++) {
        struct host_wms_request request;
        cim_error err = {0};
        if (parse(boxes[i].query, &request, &err) != CIM_OK) {
            fail_msg("%s: %s %s", boxes[i].query, err.param, err.en);
        }
        assert_int_equal(request.view.geographic, boxes[i].geographic);
        assert_near(request.view.west, boxes[i].geographic ? 108 : 12022505, 1e-6);
        assert_near(request.view.south, boxes[i].geographic ? 18 : 2037548, 1e-6);
        assert_near(request.view.east, boxes[i].geographic ? 112 : 12467783, 1e-6);
        assert_near(request.view.north, boxes[i].geographic ? 20 : 2273031, 1e-6);
        assert_int_equal(request.n_layers, 2);
        assert_string_equal(request.layers[1], "c.d");
        assert_int_equal(request.n_styles, 0);
    }
}

#define BOX "CRS=CRS:84&BBOX=108,18,112,20&"

static const struct {
    const char *query;
    const char *param;
    const char *code; /* of the ServiceException; NULL */
} wrong[] = {
    {"SERVICE=WMS", "REQUEST", "OperationNotSupported"},
    {"SERVICE=WMS&REQUEST=GetTile", "REQUEST", "OperationNotSupported"},
    {"SERVICE=WFS&REQUEST=GetMap", "SERVICE", NULL},
    {"REQUEST=GetCapabilities", "SERVICE", NULL},
    {"REQUEST=GetMap&VERSION=1.1.1", "VERSION", NULL},
    {"REQUEST=GetMap&VERSION=1.3.0&LAYERS=a&" BOX "WIDTH=1&HEIGHT=1", "FORMAT", "InvalidFormat"},
    {"REQUEST=GetMap&VERSION=1.3.0&FORMAT=image/tiff&LAYERS=a", "FORMAT", "InvalidFormat"},
    {"REQUEST=GetMap&VERSION=1.3.0&FORMAT=image/png&" BOX "WIDTH=1&HEIGHT=1", "LAYERS", NULL},
    {MAP "CRS=EPSG:4546&BBOX=1,2,3,4", "CRS", "InvalidCRS"},
    {MAP "CRS=EPSG:99999&BBOX=1,2,3,4", "CRS", "InvalidCRS"},
    {MAP "CRS=CRS:84&BBOX=1,2,3", "BBOX", NULL},
    {MAP "CRS=CRS:84&BBOX=112,18,108,20", "BBOX", NULL},
    {MAP "CRS=CRS:84&BBOX=nan,18,108,20", "BBOX", NULL},
    {"REQUEST=GetMap&VERSION=1.3.0&FORMAT=image/png&LAYERS=a&STYLES=x,y&" BOX, "STYLES", NULL},
    {"REQUEST=GetMap&VERSION=1.3.0&FORMAT=image/png&LAYERS=a&" BOX "WIDTH=5000&HEIGHT=1", "WIDTH",
     NULL},
    {MAP BOX "TRANSPARENT=maybe", "TRANSPARENT", NULL},
    {MAP BOX "BGCOLOR=red-ish", "BGCOLOR", NULL},
    {MAP BOX "EXCEPTIONS=INIMAGE", "EXCEPTIONS", NULL},
    {"REQUEST=GetLegendGraphic&VERSION=1.3.0&FORMAT=image/png", "LAYER", NULL},
};
#define INFO                                                                                       \
    "REQUEST=GetFeatureInfo&VERSION=1.3.0&LAYERS=a&QUERY_LAYERS=a&WIDTH=200&HEIGHT=100&" BOX
static const struct {
    const char *query;
    const char *param;
    const char *code;
} wrong_info[] = {
    {INFO "INFO_FORMAT=text/html&I=1&J=1", "INFO_FORMAT", "InvalidFormat"},
    {INFO "INFO_FORMAT=text/plain&I=200&J=1", "I", "InvalidPoint"},
    {INFO "INFO_FORMAT=text/plain&I=1&J=-1", "J", "InvalidPoint"},
    {INFO "INFO_FORMAT=text/plain&I=1", "J", "InvalidPoint"},
    {INFO "INFO_FORMAT=text/plain&I=1&J=1&FEATURE_COUNT=0", "FEATURE_COUNT", NULL},
};

static void
check_wrong(const char *query, const char *param, const char *code)
{
    struct host_wms_request request;
    cim_error err = {0};
    assert_int_not_equal(parse(query, &request, &err), CIM_OK);
    if (strcmp(err.param, param) != 0) {
        fail_msg("%s: %s: %s", query, err.param, err.en);
    }
    const char *found = host_wms_code(&err);
    if (code == NULL) {
        assert_null(found);
    } else {
        assert_string_equal(found, code);
    }
}

static void
test_what_is_wrong_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        check_wrong(wrong[i].query, wrong[i].param, wrong[i].code);
    }
    for (size_t i = 0; i < sizeof wrong_info / sizeof wrong_info[0]; i++) {
        check_wrong(wrong_info[i].query, wrong_info[i].param, wrong_info[i].code);
    }
}

static void
test_questions_of_a_pixel(void **state)
{
    struct host_wms_request request;
    cim_error err = {0};
    (void)state;
    assert_int_equal(parse(INFO "INFO_FORMAT=application/json&I=3&J=99&FEATURE_COUNT=5000&DPI=96",
                           &request, &err),
                     CIM_OK);
    assert_near(request.i, 3.5, 0);
    assert_int_equal(request.feature_count, HOST_WMS_FEATURES_MAX);
    assert_false(request.plain);
    assert_string_equal(request.queried[0], "a");
}

/* The oracle of the domain facts: (110.3312, 20.0310) at zoom 14 and 10. */
static const struct {
    const char *grid;
    const char *level;
    const char *row;
    const char *col;
} tiles[] = {
    {"c", "14", "3184", "13213"},
    {"c", "10", "199", "825"},
    {"WorldCRS84Quad", "13", "3184", "13213"},
    {"WebMercatorQuad", "14", "7261", "13213"},
    {"WebMercatorQuad", "10", "453", "825"},
};

static void
test_haikou_lies_in_its_tile_of_each_grid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
        struct host_pic_view view;
        double low[2];
        double high[2];
        cim_error err = {0};
        assert_int_equal(
            host_wmts_view(tiles[i].grid, tiles[i].level, tiles[i].row, tiles[i].col, &view, &err),
            CIM_OK);
        host_map_place(&view, 0, 256, low);
        host_map_place(&view, 256, 0, high);
        assert_true(low[0] <= 110.3312 && 110.3312 < high[0]);
        assert_true(low[1] <= 20.0310 && 20.0310 < high[1]);
    }
}

static const struct {
    const char *address[4];
    const char *param;
    cim_status status;
} no_tiles[] = {
    {{"w", "1", "0", "0"}, "TileMatrixSet", CIM_E_NOTFOUND},
    {{"c", "0", "0", "0"}, "TileMatrix", CIM_E_NOTFOUND},
    {{"c", "19", "0", "0"}, "TileMatrix", CIM_E_NOTFOUND},
    {{"c", "1", "1", "0"}, "TileRow", CIM_E_NOTFOUND},
    {{"c", "1", "0", "2"}, "TileCol", CIM_E_NOTFOUND},
    {{"WebMercatorQuad", "x", "0", "0"}, "TileMatrix", CIM_E_INVALID},
    {{"WebMercatorQuad", "1", "-1", "0"}, "TileRow", CIM_E_NOTFOUND},
};

static void
test_tiles_outside_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof no_tiles / sizeof no_tiles[0]; i++) {
        const char *const *at = no_tiles[i].address;
        struct host_pic_view view;
        cim_error err = {0};
        assert_int_equal(host_wmts_view(at[0], at[1], at[2], at[3], &view, &err),
                         no_tiles[i].status);
        assert_string_equal(err.param, no_tiles[i].param);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axes_are_those_of_the_reference_system),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_questions_of_a_pixel),
        cmocka_unit_test(test_haikou_lies_in_its_tile_of_each_grid),
        cmocka_unit_test(test_tiles_outside_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
