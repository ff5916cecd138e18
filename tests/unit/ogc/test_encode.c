/* tests/unit/ogc/test_encode.c -- rows as GeoJSON, CSV and WKT. */
#include "unit.h"

#include "host/ogc/encode.h"
#include "kit/rows.h"
#include "kit/wkb.h"

#include <json-c/json.h>
#include <stdlib.h>

static const char *const names[] = {"fid",        "uid",  "version", "owner_org", "area_code",
                                    "updated_at", "geom", "name",    "score",     "open"};
static const uint32_t types[] = {CIM_COL_INT64,   CIM_COL_TEXT,    CIM_COL_INT64, CIM_COL_TEXT,
                                 CIM_COL_TEXT,    CIM_COL_TIME_MS, CIM_COL_WKB,   CIM_COL_TEXT,
                                 CIM_COL_FLOAT64, CIM_COL_BOOL};
enum { N_COLUMNS = sizeof types / sizeof types[0] };

/* One row given by the fill function, then the end. */
static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    int *calls = self;
    uint8_t wkb[21];
    if ((*calls)++ > 0) {
        return CIM_OK;
    }
    cim_wkb_from_point(110.3312, 20.031, wkb);
    cim_batch_append_i64(builder, 0, 7);
    cim_batch_append_bytes(builder, 1, "u-7", 3);
    cim_batch_append_i64(builder, 2, 3);
    cim_batch_append_bytes(builder, 4, "460100", 6);
    cim_batch_append_i64(builder, 5, 1000);
    cim_batch_append_bytes(builder, 6, wkb, sizeof wkb);
    cim_batch_append_bytes(builder, 7, "海口 \"A\",\n</b>", strlen("海口 \"A\",\n</b>"));
    cim_batch_append_f64(builder, 8, 0.1);
    cim_batch_append_i64(builder, 9, 1);
    return cim_batch_builder_end_row(builder, err);
}

static void
release(void *self)
{
    free(self);
}

static cim_rows *
one_row(void)
{
    cim_rows *rows = NULL;
    cim_error err = {0};
    int *calls = calloc(1, sizeof *calls);
    assert_non_null(calls);
    assert_ok(cim_rows_new(N_COLUMNS, names, types, fill, release, calls, &rows, &err), &err);
    return rows;
}

static const char *
encode(bool csv, const struct host_encode_crs *crs, struct cim_buf *out)
{
    struct host_encoder encoder;
    const cim_batch *batch = NULL;
    cim_error err = {0};
    cim_rows *rows = one_row();
    cim_buf_init(out, 1 << 16);
    assert_ok(host_encoder_init(&encoder, rows, crs, true, &err), &err);
    assert_ok(rows->next(rows, &batch, &err), &err);
    assert_int_equal(batch->n_rows, 1);
    if (csv) {
        host_encode_csv_head(&encoder, rows, out);
        assert_ok(host_encode_csv_line(&encoder, batch, 0, out, &err), &err);
    } else {
        assert_ok(host_encode_feature(&encoder, batch, 0, out, &err), &err);
    }
    host_encoder_done(&encoder);
    rows->release(rows);
    assert_ok(cim_buf_status(out, &err), &err);
    return out->data;
}

static void
test_feature_is_geojson_with_absent_values_null(void **state)
{
    const struct host_encode_crs crs = {{HOST_CRS_LON_LAT, 0}, true, NULL};
    struct cim_buf out;
    (void)state;
    assert_string_equal(
        encode(false, &crs, &out),
        "{\"type\":\"Feature\",\"id\":7,\"geometry\":{\"type\":\"Point\",\"coordinates\":"
        "[110.3312,20.031]},\"properties\":{\"uid\":\"u-7\",\"version\":3,\"owner_org\":null,"
        "\"area_code\":\"460100\",\"updated_at\":\"1970-01-01T00:00:01.000Z\",\"name\":"
        "\"海口 \\\"A\\\",\\n</b>\",\"score\":0.1,\"open\":true}}");
    cim_buf_done(&out);
}

static void
test_coordinates_follow_the_reference_system(void **state)
{
    struct host_crs_pool *pool = host_crs_pool_new();
    struct host_crs_worker *worker = host_crs_take(pool);
    const struct host_encode_crs lat_lon = {{HOST_CRS_LAT_LON, 4490}, true, worker};
    const struct host_encode_crs gauss = {{HOST_CRS_OTHER, 4546}, false, worker};
    struct cim_buf out;
    (void)state;
    assert_contains(encode(false, &lat_lon, &out), "\"coordinates\":[20.031,110.3312]");
    cim_buf_done(&out);
    assert_contains(encode(false, &gauss, &out), "\"coordinates\":[2215937.98");
    assert_contains(out.data, ",430024.51");
    cim_buf_done(&out);
    host_crs_give(pool, worker);
    host_crs_pool_free(pool);
}

static void
test_csv_quotes_what_needs_it(void **state)
{
    const struct host_encode_crs crs = {{HOST_CRS_LON_LAT, 0}, true, NULL};
    struct cim_buf out;
    (void)state;
    assert_string_equal(encode(true, &crs, &out),
                        "\xEF\xBB\xBF"
                        "fid,uid,version,owner_org,area_code,updated_at,lon,lat,name,score,open\r\n"
                        "7,u-7,3,,460100,1970-01-01T00:00:01.000Z,110.3312,20.031,"
                        "\"海口 \"\"A\"\",\n</b>\",0.1,true\r\n");
    cim_buf_done(&out);
}

/* ---- geometries ---- */

static void
put_u32(struct cim_buf *out, uint32_t value)
{
    cim_buf_add(out, &value, sizeof value); /* the machines we run on are little-endian */
}

static void
put_ring(struct cim_buf *out, const double *xy, uint32_t n)
{
    put_u32(out, n);
    cim_buf_add(out, xy, n * 2 * sizeof *xy);
}

static void
put_head(struct cim_buf *out, uint32_t type)
{
    cim_buf_add_char(out, 1);
    put_u32(out, type);
}

static void
make_multi_polygon(struct cim_buf *wkb)
{
    static const double outer[] = {0, 0, 3, 0, 3, 3, 0, 0};
    static const double hole[] = {1, 1, 2, 1, 2, 2, 1, 1};
    static const double second[] = {5, 5, 6, 5, 6, 6, 5, 5};
    cim_buf_init(wkb, 4096);
    put_head(wkb, 6);
    put_u32(wkb, 2);
    put_head(wkb, 3);
    put_u32(wkb, 2);
    put_ring(wkb, outer, 4);
    put_ring(wkb, hole, 4);
    put_head(wkb, 3);
    put_u32(wkb, 1);
    put_ring(wkb, second, 4);
}

static void
test_geometries_in_any_order_of_axes(void **state)
{
    const struct host_encode_crs plain = {{HOST_CRS_LON_LAT, 0}, true, NULL};
    const struct host_encode_crs swapped = {{HOST_CRS_LAT_LON, 4326}, true, NULL};
    struct cim_buf wkb;
    struct cim_buf out;
    cim_error err = {0};
    (void)state;
    make_multi_polygon(&wkb);
    cim_buf_init(&out, 4096);
    assert_ok(host_encode_geojson(&swapped, wkb.data, wkb.len, &out, &err), &err);
    assert_string_equal(out.data,
                        "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[0,3],[3,3],[0,0]],"
                        "[[1,1],[1,2],[2,2],[1,1]]],[[[5,5],[5,6],[6,6],[5,5]]]]}");
    cim_buf_clear(&out);
    assert_ok(host_encode_geojson(&plain, wkb.data, wkb.len, &out, &err), &err);
    assert_contains(out.data, "[[[[0,0],[3,0],[3,3],[0,0]]");
    cim_buf_clear(&out);
    assert_ok(host_encode_wkt(&plain, wkb.data, wkb.len, &out, &err), &err);
    assert_string_equal(out.data, "MULTIPOLYGON (((0 0,3 0,3 3,0 0),(1 1,2 1,2 2,1 1)),"
                                  "((5 5,6 5,6 6,5 5)))");
    cim_buf_clear(&out);
    assert_int_equal(host_encode_wkt(&plain, wkb.data, wkb.len - 3, &out, &err), CIM_E_INVALID);
    cim_buf_done(&out);
    cim_buf_done(&wkb);
}

static void
test_line_and_multi_point_read_back(void **state)
{
    static const double line[] = {108.5, 19, 109, 19.25};
    const struct host_encode_crs swapped = {{HOST_CRS_LAT_LON, 4490}, true, NULL};
    struct cim_buf wkb;
    struct cim_buf out;
    uint8_t point[21];
    cim_error err = {0};
    (void)state;
    cim_buf_init(&wkb, 4096);
    cim_buf_init(&out, 4096);
    put_head(&wkb, 2);
    put_ring(&wkb, line, 2);
    assert_ok(host_encode_geojson(&swapped, wkb.data, wkb.len, &out, &err), &err);
    assert_string_equal(out.data,
                        "{\"type\":\"LineString\",\"coordinates\":[[19,108.5],[19.25,109]]}");
    cim_buf_clear(&wkb);
    cim_buf_clear(&out);
    cim_wkb_from_point(1, 2, point);
    put_head(&wkb, 4);
    put_u32(&wkb, 1);
    cim_buf_add(&wkb, point, sizeof point);
    assert_ok(host_encode_geojson(&swapped, wkb.data, wkb.len, &out, &err), &err);
    assert_string_equal(out.data, "{\"type\":\"MultiPoint\",\"coordinates\":[[2,1]]}");
    cim_buf_clear(&out);
    assert_ok(host_encode_wkt(&swapped, wkb.data, wkb.len, &out, &err), &err);
    assert_string_equal(out.data, "MULTIPOINT ((2 1))");
    cim_buf_done(&wkb);
    cim_buf_done(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feature_is_geojson_with_absent_values_null),
        cmocka_unit_test(test_coordinates_follow_the_reference_system),
        cmocka_unit_test(test_csv_quotes_what_needs_it),
        cmocka_unit_test(test_geometries_in_any_order_of_axes),
        cmocka_unit_test(test_line_and_multi_point_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
