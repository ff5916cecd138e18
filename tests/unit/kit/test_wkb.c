/* tests/unit/kit/test_wkb.c -- walking WKB, whole and broken. */
#include "unit.h"

#include "fail_alloc.h"
#include "kit/wkb.h"

#include <math.h>

/* Writes WKB for the tests, in either byte order. */
struct wkb_text {
    uint8_t bytes[4096];
    size_t len;
    bool big;
};

static void
put(struct wkb_text *to, uint64_t bits, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        const unsigned shift = 8U * (to->big ? n_bytes - 1 - i : i);
        to->bytes[to->len++] = (uint8_t)(bits >> shift);
    }
}

static void
put_header(struct wkb_text *to, uint32_t type)
{
    to->bytes[to->len++] = to->big ? 0 : 1;
    put(to, type, 4);
}

static void
put_double(struct wkb_text *to, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    put(to, bits, 8);
}

static void
put_points(struct wkb_text *to, uint32_t n, const double *xy)
{
    put(to, n, 4);
    for (uint32_t i = 0; i < 2 * n; i++) {
        put_double(to, xy[i]);
    }
}

static const double square[] = {0, 0, 4, 0, 4, 4, 0, 4, 0, 0};
static const double hole[] = {1, 1, 2, 1, 2, 2, 1, 1};

static void
put_polygon(struct wkb_text *to)
{
    put_header(to, 3);
    put(to, 2, 4);
    put_points(to, 5, square);
    put_points(to, 4, hole);
}

static void
put_collection(struct wkb_text *to)
{
    put_header(to, 7);
    put(to, 3, 4);
    put_header(to, 1);
    put_double(to, -1.5);
    put_double(to, 7);
    put_header(to, 6);
    put(to, 1, 4);
    put_polygon(to);
    put_header(to, 5);
    put(to, 2, 4);
    put_header(to, 2);
    put_points(to, 2, square);
    put_header(to, 2);
    put_points(to, 2, hole);
}

static const char collection_json[] =
    "{\"type\":\"GeometryCollection\",\"geometries\":[{\"type\":\"Point\",\"coordinates\":[-1.5,7]}"
    ",{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[4,0],[4,4],[0,4],[0,0]],[[1,1],[2,1],[2,"
    "2],[1,1]]]]},{\"type\":\"MultiLineString\",\"coordinates\":[[[0,0],[4,0]],[[1,1],[2,1]]]}]}";

static void
test_geojson_of_every_nesting(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct wkb_text wkb = {.big = big != 0};
        struct cim_buf out;
        cim_error err = {0};
        double bbox[4];
        put_collection(&wkb);
        cim_buf_init(&out, 10000);
        assert_ok(cim_wkb_to_geojson(wkb.bytes, wkb.len, &out, &err), &err);
        assert_string_equal(out.data, collection_json);
        assert_ok(cim_wkb_bbox(wkb.bytes, wkb.len, bbox, &err), &err);
        assert_true(bbox[0] == -1.5 && bbox[1] == 0 && bbox[2] == 4 && bbox[3] == 7);
        cim_buf_done(&out);
    }
}

static void
test_every_truncation_is_refused(void **state)
{
    struct wkb_text wkb = {.big = false};
    const struct cim_wkb_visitor nobody = {.self = NULL};
    cim_error err = {0};
    (void)state;
    put_collection(&wkb);
    assert_ok(cim_wkb_walk(wkb.bytes, wkb.len, &nobody, &err), &err);
    for (size_t len = 0; len < wkb.len; len++) {
        uint8_t *exact = test_malloc(len + 1); /* so that the sanitizer sees a read past the end */
        memcpy(exact, wkb.bytes, len);
        assert_int_equal(cim_wkb_walk(exact, len, &nobody, &err), CIM_E_INVALID);
        assert_string_equal(err.param, "geom");
        test_free(exact);
    }
    wkb.len++;
    assert_int_equal(cim_wkb_walk(wkb.bytes, wkb.len, &nobody, &err), CIM_E_INVALID);
    assert_contains(err.en, "bytes follow");
}

static void
test_lying_counts_and_types_are_refused(void **state)
{
    const struct cim_wkb_visitor nobody = {.self = NULL};
    cim_error err = {0};
    (void)state;
    struct wkb_text lie = {.big = false};
    put_header(&lie, 2);
    put(&lie, 0xFFFFFFFFU, 4);
    put_double(&lie, 1);
    put_double(&lie, 1);
    assert_int_equal(cim_wkb_walk(lie.bytes, lie.len, &nobody, &err), CIM_E_INVALID);
    assert_contains(err.en, "the count is more");

    struct wkb_text mixed = {.big = false};
    put_header(&mixed, 4);
    put(&mixed, 1, 4);
    put_header(&mixed, 2);
    put_points(&mixed, 2, square);
    assert_int_equal(cim_wkb_walk(mixed.bytes, mixed.len, &nobody, &err), CIM_E_INVALID);
    assert_contains(err.en, "another type");

    static const uint32_t types[] = {0, 8, 15, 17, 999, 4001, 0x20000001U, 0x80000001U + 1000U};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct wkb_text odd = {.big = false};
        put_header(&odd, types[i]);
        put_double(&odd, 1);
        put_double(&odd, 1);
        assert_int_equal(cim_wkb_type(odd.bytes, odd.len), 0);
        assert_int_equal(cim_wkb_walk(odd.bytes, odd.len, &nobody, &err), CIM_E_INVALID);
    }
}

static void
test_nesting_has_a_limit(void **state)
{
    const struct cim_wkb_visitor nobody = {.self = NULL};
    cim_error err = {0};
    (void)state;
    for (int depth = CIM_WKB_DEPTH_MAX - 1; depth <= CIM_WKB_DEPTH_MAX; depth++) {
        struct wkb_text deep = {.big = false};
        for (int i = 0; i < depth; i++) {
            put_header(&deep, 7);
            put(&deep, 1, 4);
        }
        put_header(&deep, 1);
        put_double(&deep, 1);
        put_double(&deep, 2);
        assert_int_equal(cim_wkb_walk(deep.bytes, deep.len, &nobody, &err),
                         depth < CIM_WKB_DEPTH_MAX ? CIM_OK : CIM_E_INVALID);
    }
}

static void
test_points_of_every_dimension(void **state)
{
    static const struct {
        uint32_t type;
        int extra;
    } cases[] = {{1, 0},           {1001, 1},        {2001, 1},       {3001, 2},
                 {0x80000001U, 1}, {0x40000001U, 1}, {0xC0000001U, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wkb_text wkb = {.big = i % 2 == 1};
        double x = 0;
        double y = 0;
        put_header(&wkb, cases[i].type);
        put_double(&wkb, 110.5);
        put_double(&wkb, 20.25);
        for (int j = 0; j < cases[i].extra; j++) {
            put_double(&wkb, (double)NAN);
        }
        assert_int_equal(cim_wkb_type(wkb.bytes, wkb.len), 1);
        assert_true(cim_wkb_point(wkb.bytes, wkb.len, &x, &y));
        assert_true(x == 110.5 && y == 20.25);
        assert_false(cim_wkb_point(wkb.bytes, wkb.len - 1, &x, &y));
    }
}

static void
test_empty_and_not_finite(void **state)
{
    cim_error err = {0};
    struct cim_buf out;
    double bbox[4];
    double x = 0;
    double y = 0;
    (void)state;
    struct wkb_text empty = {.big = false};
    put_header(&empty, 1);
    put_double(&empty, (double)NAN);
    put_double(&empty, (double)NAN);
    assert_int_equal(cim_wkb_bbox(empty.bytes, empty.len, bbox, &err), CIM_E_NOTFOUND);
    assert_false(cim_wkb_point(empty.bytes, empty.len, &x, &y));
    cim_buf_init(&out, 1000);
    assert_ok(cim_wkb_to_geojson(empty.bytes, empty.len, &out, &err), &err);
    assert_string_equal(out.data, "{\"type\":\"Point\",\"coordinates\":[]}");
    cim_buf_done(&out);

    struct wkb_text infinite = {.big = false};
    put_header(&infinite, 1);
    put_double(&infinite, 1);
    put_double(&infinite, (double)INFINITY);
    assert_int_equal(cim_wkb_bbox(infinite.bytes, infinite.len, bbox, &err), CIM_E_INVALID);
    assert_contains(err.en, "finite");
}

static int
stop_at_third(void *self, double x, double y)
{
    (void)x;
    (void)y;
    return ++*(int *)self == 3;
}

static void
test_visitor_stops_the_walk(void **state)
{
    struct wkb_text wkb = {.big = false};
    int seen = 0;
    const struct cim_wkb_visitor visitor = {.self = &seen, .point = stop_at_third};
    (void)state;
    put_collection(&wkb);
    assert_int_equal(cim_wkb_walk(wkb.bytes, wkb.len, &visitor, NULL), CIM_E_CANCELLED);
    assert_int_equal(seen, 3);
}

static void
test_geojson_past_the_cap_or_memory_is_an_error(void **state)
{
    struct wkb_text wkb = {.big = false};
    struct cim_buf out;
    cim_error err = {0};
    (void)state;
    put_collection(&wkb);
    cim_buf_init(&out, 50);
    assert_int_equal(cim_wkb_to_geojson(wkb.bytes, wkb.len, &out, &err), CIM_E_TOO_LARGE);
    cim_buf_done(&out);
    cim_buf_init(&out, 5000);
    fail_alloc_at(1);
    assert_int_equal(cim_wkb_to_geojson(wkb.bytes, wkb.len, &out, &err), CIM_E_NOMEM);
    fail_alloc_at(0);
    cim_buf_done(&out);
}

static void
test_from_point_is_wkb(void **state)
{
    uint8_t wkb[21];
    double x = 0;
    double y = 0;
    (void)state;
    cim_wkb_from_point(109.5083, 18.2479, wkb);
    assert_true(cim_wkb_point(wkb, sizeof wkb, &x, &y));
    assert_true(x == 109.5083 && y == 18.2479);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_geojson_of_every_nesting),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_lying_counts_and_types_are_refused),
        cmocka_unit_test(test_nesting_has_a_limit),
        cmocka_unit_test(test_points_of_every_dimension),
        cmocka_unit_test(test_empty_and_not_finite),
        cmocka_unit_test(test_visitor_stops_the_walk),
        cmocka_unit_test(test_geojson_past_the_cap_or_memory_is_an_error),
        cmocka_unit_test(test_from_point_is_wkb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
