/* tests/unit/ogc/test_edit_read.c -- features that come in: geometries, properties, streams. */
#include "unit.h"

#include "host/ogc/doc.h"
#include "kit/geojson.h"
#include "host/ogc/edit_read.h"
#include "host/ogc/limits.h"
#include "kit/json.h"
#include "kit/rows.h"
#include "kit/wkb.h"
#include "ogc_fixture.h"

static struct ogc_fixture fixture;

static int
load(void **state)
{
    (void)state;
    ogc_fixture_load(&fixture, "enterprises");
    return 0;
}

static int
unload(void **state)
{
    (void)state;
    ogc_fixture_done(&fixture);
    return 0;
}

/* ---- geometries ---- */

static cim_status
read_geometry(const char *text, bool lat_lon, struct cim_buf *out, cim_error *err)
{
    HOST_AUTO_DOC struct json_object *geometry = NULL;
    assert_ok(cim_json_parse("test", text, strlen(text), &geometry, err), err);
    return cim_geojson_to_wkb(geometry, lat_lon, out, err);
}

static void
test_good_geometries_come_back_as_they_went_in(void **state)
{
    static const char *const good[] = {
        "{\"type\":\"Point\",\"coordinates\":[110.25,20]}",
        "{\"type\":\"LineString\",\"coordinates\":[[110,20],[-180,-90],[180,90]]}",
        ("{\"type\":\"Polygon\","
         "\"coordinates\":[[[0,0],[4,0],[4,4],[0,0]],[[1,1],[2,1],[2,2],[1,1]]]}"),
        "{\"type\":\"MultiPoint\",\"coordinates\":[[1,2],[3,4]]}",
        "{\"type\":\"MultiLineString\",\"coordinates\":[[[1,2],[3,4]],[[5,6],[7,8]]]}",
        "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[4,0],[4,4],[0,0]]]]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct cim_buf wkb;
        struct cim_buf text;
        cim_error err = {0};
        cim_buf_init(&wkb, 1 << 16);
        cim_buf_init(&text, 1 << 16);
        assert_ok(read_geometry(good[i], false, &wkb, &err), &err);
        assert_ok(cim_wkb_to_geojson(wkb.data, wkb.len, &text, &err), &err);
        assert_string_equal(text.data, good[i]);
        cim_buf_done(&wkb);
        cim_buf_done(&text);
    }
}

static void
test_axis_order_and_heights(void **state)
{
    struct cim_buf wkb;
    cim_error err = {0};
    double x = 0;
    double y = 0;
    (void)state;
    cim_buf_init(&wkb, 64);
    assert_ok(read_geometry("{\"type\":\"Point\",\"coordinates\":[20,110,7.5]}", true, &wkb, &err),
              &err);
    assert_true(cim_wkb_point(wkb.data, wkb.len, &x, &y));
    assert_true(x == 110 && y == 20);
    cim_buf_done(&wkb);
}

static void
test_bad_geometries_are_refused_by_name(void **state)
{
    static const char *const bad[] = {
        "7",
        "[110,20]",
        "{}",
        "{\"type\":\"Circle\",\"coordinates\":[1,2]}",
        "{\"type\":7,\"coordinates\":[1,2]}",
        "{\"type\":\"GeometryCollection\",\"geometries\":[]}",
        "{\"type\":\"Point\"}",
        "{\"type\":\"Point\",\"coordinates\":null}",
        "{\"type\":\"Point\",\"coordinates\":[1]}",
        "{\"type\":\"Point\",\"coordinates\":[1,2,3,4]}",
        "{\"type\":\"Point\",\"coordinates\":[\"1\",2]}",
        "{\"type\":\"Point\",\"coordinates\":[1,1e999]}",
        "{\"type\":\"Point\",\"coordinates\":[1,2,1e999]}",
        "{\"type\":\"Point\",\"coordinates\":[180.001,2]}",
        "{\"type\":\"Point\",\"coordinates\":[20,110]}",
        "{\"type\":\"Point\",\"coordinates\":[[1,2]]}",
        "{\"type\":\"LineString\",\"coordinates\":[[1,2]]}",
        "{\"type\":\"LineString\",\"coordinates\":[1,2]}",
        "{\"type\":\"Polygon\",\"coordinates\":[]}",
        "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,1],[0,0]]]}",
        "{\"type\":\"Polygon\",\"coordinates\":[[0,0],[1,0],[1,1],[0,0]]}",
        "{\"type\":\"MultiPoint\",\"coordinates\":[[[1,2]]]}",
        "{\"type\":\"MultiPolygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,0]]]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cim_buf wkb;
        cim_error err = {0};
        cim_buf_init(&wkb, 1 << 16);
        if (read_geometry(bad[i], false, &wkb, &err) != CIM_E_INVALID) {
            fail_msg("%s was taken", bad[i]);
        }
        assert_string_equal(err.param, "geometry");
        assert_true(err.zh[0] != '\0' && err.en[0] != '\0' && err.value[0] != '\0');
        cim_buf_done(&wkb);
    }
}

static void
test_positions_are_counted(void **state)
{
    struct cim_buf wkb;
    cim_error err = {0};
    struct json_object *geometry = json_object_new_object();
    struct json_object *line = json_object_new_array();
    (void)state;
    host_doc_text(geometry, "type", "LineString");
    for (size_t i = 0; i < CIM_GEOJSON_POSITIONS_MAX; i++) {
        struct json_object *position = json_object_new_array_ext(2);
        host_doc_append(position, json_object_new_int(1));
        host_doc_append(position, json_object_new_int(2));
        host_doc_append(line, position);
    }
    host_doc_add(geometry, "coordinates", line);
    cim_buf_init(&wkb, CIM_WKB_BYTES_MAX);
    assert_ok(cim_geojson_to_wkb(geometry, false, &wkb, &err), &err);
    host_doc_append(line, json_object_get(json_object_array_get_idx(line, 0)));
    cim_buf_clear(&wkb);
    assert_int_equal(cim_geojson_to_wkb(geometry, false, &wkb, &err), CIM_E_TOO_LARGE);
    assert_string_equal(err.param, "geometry");
    cim_buf_done(&wkb);
    json_object_put(geometry);
}

/* ---- streams ---- */

struct stream {
    const char *text;
    size_t at;
    size_t piece; /* bytes handed out at once */
    int n_refused;
    int64_t refused[8];
    cim_error why;
};

static cim_status
read_stream(void *arg, void *buffer, uint64_t capacity, uint64_t *ret_len, cim_error *err)
{
    struct stream *stream = arg;
    size_t len = strlen(stream->text) - stream->at;
    (void)err;
    len = len < stream->piece ? len : stream->piece;
    assert_true(len <= capacity);
    memcpy(buffer, stream->text + stream->at, len);
    stream->at += len;
    *ret_len = len;
    return CIM_OK;
}

static void
on_refused(void *arg, int64_t row, const cim_error *why)
{
    struct stream *stream = arg;
    assert_true(stream->n_refused < 8);
    stream->refused[stream->n_refused++] = row;
    stream->why = *why;
}

/* Reads all of it; *ret_names: the names of the rows, joined. */
static cim_status
read_all(struct stream *stream, bool row_wise, struct cim_buf *names, cim_error *err)
{
    struct host_edit_reader reader = {.def = fixture.def,
                                      .op = CIM_EDIT_CREATE,
                                      .row_wise = row_wise,
                                      .read = read_stream,
                                      .refused = on_refused,
                                      .arg = stream};
    cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    assert_ok(host_edit_reader_open(&reader, err), err);
    assert_ok(host_edit_reader_rows(&reader, &rows, err), err);
    const int32_t column = cim_rows_column(rows, "name");
    assert_true(column >= 0);
    cim_status status = rows->next(rows, &batch, err);
    while (status == CIM_OK && batch->n_rows > 0) {
        for (int64_t i = 0; i < batch->n_rows; i++) {
            size_t len = 0;
            const uint8_t *text = cim_column_bytes(batch->columns[column], i, &len);
            cim_buf_add(names, text, len);
            cim_buf_add_char(names, '@');
            cim_buf_add_int(names, host_edit_reader_row_of(&reader, (int64_t)i + 1));
            cim_buf_add_char(names, ' ');
        }
        status = rows->next(rows, &batch, err);
    }
    rows->release(rows);
    host_edit_reader_done(&reader);
    return status;
}

#define NAMED(name)                                                                                \
    "{\"type\":\"Feature\",\"geometry\":null,\"properties\":{\"name\":\"" name "\"}}"

static void
test_streams_in_pieces_of_any_size(void **state)
{
    static const char *const texts[] = {
        NAMED("a") "\n" NAMED("b") "\n" NAMED("c") "\n",
        "\n  \r\n" NAMED("a") "\r\n\n" NAMED("b") "\n" NAMED("c"),
        "\x1e" NAMED("a") "\n\x1e" NAMED("b") "\n\x1e\n" NAMED("c") "\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t piece = 1; piece < 300; piece += piece < 4 ? 1 : 37) {
            struct stream stream = {.text = texts[i], .piece = piece};
            struct cim_buf names;
            cim_error err = {0};
            cim_buf_init(&names, 1 << 16);
            assert_ok(read_all(&stream, false, &names, &err), &err);
            assert_string_equal(names.data, "a@1 b@2 c@3 ");
            assert_int_equal(stream.n_refused, 0);
            cim_buf_done(&names);
        }
    }
}

static void
test_wrong_features_are_told_by_their_number(void **state)
{
    static const char text[] = NAMED("a") "\n{\"type\":\"Feature\"\n" NAMED(
        "b") "\n{\"type\":\"Feature\",\"properties\":{\"nmae\":1}}\n" NAMED("c");
    struct stream stream = {.text = text, .piece = 50};
    struct cim_buf names;
    cim_error err = {0};
    (void)state;
    cim_buf_init(&names, 1 << 16);
    assert_ok(read_all(&stream, true, &names, &err), &err);
    assert_string_equal(names.data, "a@1 b@3 c@5 ");
    assert_int_equal(stream.n_refused, 2);
    assert_int_equal(stream.refused[0], 2);
    assert_int_equal(stream.refused[1], 4);
    assert_string_equal(stream.why.param, "nmae");
    assert_contains(stream.why.en, "licence_state");

    stream = (struct stream){.text = text, .piece = 50};
    assert_int_equal(read_all(&stream, false, &names, &err), CIM_E_INVALID);
    cim_buf_done(&names);
}

/* ---- values ---- */

static void
test_values_keep_their_type(void **state)
{
    static const struct {
        const char *properties;
        const char *param;
    } bad[] = {
        {"{\"name\":7}", "name"},
        {"{\"name\":{}}", "name"},
        {"{\"station_count\":\"7\"}", "station_count"},
        {"{\"station_count\":true}", "station_count"},
        {"{\"made_up\":1}", "made_up"},
        {"{\"licence_state\":1}", "licence_state"},
        {"{\"contact_phone\":\"138****0000\"}", "contact_phone"},
        {"{\"geom\":null}", "geom"},
        {"[]", "properties"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[200];
        struct stream stream = {.text = text, .piece = 300};
        struct cim_buf names;
        cim_error err = {0};
        cim_buf_init(&names, 1 << 16);
        (void)snprintf(text, sizeof text, "{\"type\":\"Feature\",\"properties\":%s}",
                       bad[i].properties);
        assert_int_equal(read_all(&stream, false, &names, &err), CIM_E_INVALID);
        assert_string_equal(err.param, bad[i].param);
        cim_buf_done(&names);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_geometries_come_back_as_they_went_in),
        cmocka_unit_test(test_axis_order_and_heights),
        cmocka_unit_test(test_bad_geometries_are_refused_by_name),
        cmocka_unit_test(test_positions_are_counted),
        cmocka_unit_test(test_streams_in_pieces_of_any_size),
        cmocka_unit_test(test_wrong_features_are_told_by_their_number),
        cmocka_unit_test(test_values_keep_their_type),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
