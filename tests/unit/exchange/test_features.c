/* Files as GeoJSON for analyses: drawings, tables, local systems, and what is refused. */
#include "host/exchange/source.h"
#include "unit.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* Writes the text into a file of this ending and reads it; NULL: refused, with *ret_err. */
static struct json_object *
features(const char *ending, const char *text, const char *crs, cim_error *ret_err)
{
    char path[64];
    struct cim_buf out;
    struct json_object *parsed = NULL;
    const struct host_import_options options = {.crs = crs};
    FILE *file;
    (void)snprintf(path, sizeof path, "/tmp/cim-features-%d%s", (int)getpid(), ending);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    cim_buf_init(&out, HOST_FEATURES_BYTES_MAX);
    if (host_exchange_features(path, &options, &out, ret_err) == CIM_OK) {
        parsed = json_tokener_parse(out.data);
        assert_non_null(parsed);
    }
    cim_buf_done(&out);
    (void)unlink(path);
    return parsed;
}

static struct json_object *
member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    assert_true(json_object_object_get_ex(object, key, &value));
    return value;
}

static struct json_object *
feature_at(struct json_object *doc, size_t i)
{
    return json_object_array_get_idx(member(doc, "features"), i);
}

static double
ordinate(struct json_object *point, size_t i)
{
    return json_object_get_double(json_object_array_get_idx(member(point, "coordinates"), i));
}

/* A closed polyline and an open one, in the plane of EPSG:4546. */
static const char drawing[] =
    "0\nSECTION\n2\nENTITIES\n"
    "0\nLWPOLYLINE\n100\nAcDbEntity\n8\nred\n100\nAcDbPolyline\n90\n4\n70\n1\n"
    "10\n420000\n20\n2212000\n10\n420400\n20\n2212000\n10\n420400\n20\n2212300\n10\n420000\n20\n221"
    "2300\n"
    "0\nLWPOLYLINE\n100\nAcDbEntity\n8\nroad\n100\nAcDbPolyline\n90\n2\n70\n0\n"
    "10\n420000\n20\n2212000\n10\n421000\n20\n2212500\n"
    "0\nENDSEC\n0\nEOF\n";

static void
test_a_drawing(void **state)
{
    cim_error err = {0};
    struct json_object *doc;
    (void)state;
    assert_null(features(".dxf", drawing, NULL, &err));
    assert_string_equal(err.param, "crs"); /* a drawing does not say */
    doc = features(".dxf", drawing, "EPSG:4546", &err);
    if (doc == NULL) {
        fail_msg("%s", err.en);
    }
    assert_int_equal(json_object_array_length(member(doc, "features")), 2);
    assert_string_equal(
        json_object_get_string(member(member(feature_at(doc, 0), "geometry"), "type")), "Polygon");
    assert_string_equal(
        json_object_get_string(member(member(feature_at(doc, 1), "geometry"), "type")),
        "LineString");
    assert_string_equal(
        json_object_get_string(member(member(feature_at(doc, 0), "properties"), "Layer")), "red");
    assert_string_equal(json_object_get_string(member(member(doc, "file"), "crs")), "EPSG:4546");
    (void)json_object_put(doc);
}

/* Coordinates of a town that were turned, moved and stretched come back to where they were. */
static void
test_a_local_system(void **state)
{
    static const double places[][2] = {{110.20, 19.95}, {110.5123456, 20.0654321}, {109.9, 19.7}};
    const double turn = 37.5 / 3600.0 * 0.017453292519943295;
    const double scale = 1.0 + 12.0e-6;
    OGRSpatialReferenceH from = OSRNewSpatialReference(NULL);
    OGRSpatialReferenceH to = OSRNewSpatialReference(NULL);
    OGRCoordinateTransformationH forth;
    char text[1024] = "id,x,y\n";
    cim_error err = {0};
    struct json_object *doc;
    (void)state;
    host_gdal_init();
    assert_int_equal(OSRImportFromEPSG(from, 4490), OGRERR_NONE);
    assert_int_equal(OSRImportFromProj4(to, "+proj=tmerc +lat_0=0 +lon_0=110.3333333 +k=1 "
                                            "+x_0=400000 +y_0=-2000000 +ellps=GRS80 "
                                            "+a=6378137 +rf=298.257222101 +units=m"),
                     OGRERR_NONE);
    OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
    OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
    forth = OCTNewCoordinateTransformation(from, to);
    assert_non_null(forth);
    for (int i = 0; i < 3; i++) {
        double x = places[i][0];
        double y = places[i][1];
        assert_true(OCTTransform(forth, 1, &x, &y, NULL));
        x = (x - 1234.5) / scale; /* the turn, backwards */
        y = (y + 987.25) / scale;
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%d,%.6f,%.6f\n", i,
                       cos(turn) * x + sin(turn) * y, -sin(turn) * x + cos(turn) * y);
    }
    doc = features(".csv", text,
                   "local:lon_0=110.3333333,x_0=400000,y_0=-2000000,dx=1234.5,dy=-987.25,"
                   "turn_s=37.5,ppm=12",
                   &err);
    if (doc == NULL) {
        fail_msg("%s [%s]", err.en, err.value);
    }
    for (size_t i = 0; i < 3; i++) {
        struct json_object *point = member(feature_at(doc, i), "geometry");
        assert_true(fabs(ordinate(point, 0) - places[i][0]) < 2e-9);
        assert_true(fabs(ordinate(point, 1) - places[i][1]) < 2e-9);
    }
    (void)json_object_put(doc);
    OCTDestroyCoordinateTransformation(forth);
    OSRDestroySpatialReference(from);
    OSRDestroySpatialReference(to);
}

static void
test_refusals(void **state)
{
    static const struct {
        const char *ending;
        const char *text;
        const char *crs;
        const char *param;
        const char *says;
    } rows[] = {
        {".csv", "id,x,y\n1,110,19\n", "local:x_0=5", "crs", "lon_0"},
        {".csv", "id,x,y\n1,110,19\n", "local:lon_0=1e9", "crs", "central meridian"},
        {".csv", "id,x,y\n1,110,19\n", "local:lon_0=110,foo=1", "crs", "foo"},
        {".csv", "id,x,y\n1,110,19\n", "EPSG:0", "crs", "local:parameters"},
        {".geojson", "{\"type\":\"FeatureCollection\",\"features\":[]}", NULL, "file", "nothing"},
        {".geojson",
         "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"properties\":{},"
         "\"geometry\":{\"type\":\"Point\",\"coordinates\":[999,19]}}]}",
         NULL, "geom", "feature 1"},
        {".txt", "hello", NULL, "file", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cim_error err = {0};
        struct json_object *doc = features(rows[i].ending, rows[i].text, rows[i].crs, &err);
        if (doc != NULL || strcmp(err.param, rows[i].param) != 0 ||
            strstr(err.en, rows[i].says) == NULL || err.zh[0] == '\0') {
            fail_msg("%zu: %s [%s=%s]", i, err.en, err.param, err.value);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_drawing),
                                       cmocka_unit_test(test_a_local_system),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
