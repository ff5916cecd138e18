/* Real files: every vector file of the test data comes through with count, extent and area. */
#include "fake_layer.h"

#include "host/exchange/source.h"

#include <math.h>
#include <stdio.h>

#define COUNTIES                                                                                   \
    {                                                                                              \
        108.610391, 18.160388, 111.27401, 20.164584                                                \
    }
#define PLACES                                                                                     \
    {                                                                                              \
        108.64037, 16.83912, 112.34064, 20.05278                                                   \
    }

static const struct {
    const char *file;
    const char *layer;        /* geometry */
    const char *crs;          /* to declare, or NULL */
    const char *source_layer; /* or NULL */
    int64_t n;
    double box[4]; /* as the folder's description has it */
    const char *encoding;
} files[] = {
    {"hainan/hainan_airports_ports.geojson",
     "Point",
     NULL,
     NULL,
     5,
     {109.412003, 18.239722, 110.459, 20.027778},
     "UTF-8"},
    {"hainan/hainan_coastline.geojson",
     "Polygon",
     NULL,
     NULL,
     131,
     {108.610391, 18.160388, 111.275395, 20.164584},
     "UTF-8"},
    {"hainan/hainan_counties.geojson",
     "MultiPolygon",
     NULL,
     NULL,
     24,
     {108.610391, 18.160388, 111.27401, 20.164584},
     "UTF-8"},
    {"hainan/hainan_lakes.geojson",
     "Polygon",
     NULL,
     NULL,
     1,
     {109.493614, 19.290837, 109.67834, 19.412497},
     "UTF-8"},
    {"hainan/hainan_places.geojson",
     "Point",
     NULL,
     NULL,
     196,
     {108.64037, 16.83912, 112.34064, 20.05278},
     "UTF-8"},
    {"hainan/hainan_rivers.geojson",
     "LineString",
     NULL,
     NULL,
     4,
     {108.669169, 18.748882, 110.481117, 19.913054},
     "UTF-8"},
    {"hainan/hainan_roads.geojson",
     "LineString",
     NULL,
     NULL,
     1311,
     {108.615, 18.221, 111.025, 20.081},
     "UTF-8"},
    {"hainan/hainan_roads_raw.geojson",
     "LineString",
     NULL,
     NULL,
     5158,
     {108.615, 18.221, 111.025, 20.081},
     "UTF-8"},
    {"hainan/hainan_roads_routable.geojson",
     "LineString",
     NULL,
     NULL,
     1715,
     {108.615, 18.221, 111.025, 20.081},
     "UTF-8"},
    {"hainan/hainan_sansha.geojson",
     "MultiPolygon",
     NULL,
     NULL,
     1,
     {109.461041, 3.838682, 117.842484, 19.533977},
     "UTF-8"},
    {"hainan/hainan_urban_area_ne50m.geojson",
     "Polygon",
     NULL,
     NULL,
     1,
     {110.205191, 19.955113, 110.468172, 20.059241},
     "UTF-8"},
    {"hainan/hainan_townships.csv", "Point", "wgs84", NULL, 243, {0}, "UTF-8"},
    {"formats/shapefile/hainan_counties_utf8.shp",
     "MultiPolygon",
     NULL,
     NULL,
     24,
     {108.610391, 18.160388, 111.27401, 20.164584},
     "UTF-8"},
    {"formats/shapefile/hainan_places_gbk.shp",
     "Point",
     NULL,
     NULL,
     196,
     {108.64037, 16.83912, 112.34064, 20.05278},
     "GBK"},
    {"formats/gpkg/hainan.gpkg",
     "MultiPolygon",
     NULL,
     "counties",
     24,
     {108.610391, 18.160388, 111.27401, 20.164584},
     "UTF-8"},
    {"formats/geojson/hainan_rivers_rfc7946.geojson",
     "LineString",
     NULL,
     NULL,
     4,
     {108.669169, 18.748882, 110.481117, 19.913054},
     "UTF-8"},
    {"formats/filegdb/hainan.gdb", "MultiPolygon", NULL, "counties", 24, COUNTIES, "UTF-8"},
    {"formats/filegdb/hainan.gdb", "Point", NULL, "places", 196, PLACES, "UTF-8"},
    {"formats/filegdb/qgis_test.gdb",
     "MultiPolygon",
     NULL,
     "polys",
     2,
     {153.064281081, -27.621603661, 153.073629834, -27.613255031},
     "UTF-8"},
    {"formats/kml/hainan_places.kml", "Point", NULL, NULL, 196, PLACES, "UTF-8"},
    {"formats/kml/hainan_counties.kmz", "MultiPolygon", NULL, NULL, 24, COUNTIES, "UTF-8"},
    {"formats/kml/qgis_multilayer.kml", "Point", NULL, "Layer2", 1, {3, 50, 3, 50}, "UTF-8"},
    {"formats/kml/togeojson_linestring.kml",
     "LineString",
     NULL,
     NULL,
     2,
     {-122.364383, 37.824322, -122.363917, 37.824787},
     "UTF-8"},
    /* Latitude first in the file. */
    {"formats/gml/hainan_counties.gml", "MultiPolygon", NULL, NULL, 24, COUNTIES, "UTF-8"},
    {"formats/gml/qgis_airports.gml", "Point", NULL, NULL, 76, {0}, "UTF-8"},
    {"formats/dxf/hainan_rivers_epsg4546.dxf",
     "LineString",
     "EPSG:4546",
     NULL,
     4,
     {108.669169, 18.748882, 110.481117, 19.913054},
     "UTF-8"},
    {"formats/shapefile/qgis_points.shp", "Point", NULL, NULL, 17, {0}, "UTF-8"},
    {"formats/shapefile/qgis_lines.shp", "MultiLineString", NULL, NULL, 6, {0}, "UTF-8"},
    {"formats/shapefile/qgis_polys.shp", "MultiPolygon", NULL, NULL, 10, {0}, "UTF-8"},
    {"formats/shapefile/qgis_buildings.shp", "MultiPolygon", NULL, NULL, 401, {0}, "UTF-8"},
    {"formats/gpkg/hainan.gpkg",
     "LineString",
     NULL,
     "rivers",
     4,
     {108.669169, 18.748882, 110.481117, 19.913054},
     "UTF-8"},
};

static void
test_every_file_comes_through(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct fake_layer *fake = fake_layer_new(files[i].layer);
        const struct host_import_options options = {.crs = files[i].crs,
                                                    .source_layer = files[i].source_layer};
        struct host_import_report report;
        cim_error error = {0};
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", CIM_TEST_DATA, files[i].file);
        if (fake_import(fake, path, &options, &report, &error) != CIM_OK) {
            fail_msg("%s: %s [%s %s]", files[i].file, error.en, error.param, error.value);
        }
        if (report.n_written != files[i].n || fake->n_rows != files[i].n) {
            fail_msg("%s: %lld rows", files[i].file, (long long)report.n_written);
        }
        assert_string_equal(report.encoding, files[i].encoding);
        for (int side = 0; side < 4 && files[i].box[0] != 0; side++) {
            if (fabs(fake->box[side] - files[i].box[side]) > 1e-6) {
                fail_msg("%s: side %d is %.9f", files[i].file, side, fake->box[side]);
            }
        }
        host_import_report_done(&report);
        fake_layer_free(fake);
    }
}

/* The published counties in GCJ-02 and the corrected ones: undoing the offset must bring the first
 * onto the second. Corrected polygons were clipped to the coast, so points that both have decide.
 */
static void
test_gcj02_counties_come_to_lie_on_the_corrected_ones(void **state)
{
    struct fake_layer *fake = fake_layer_new("MultiPolygon");
    const struct host_import_options options = {.crs = "gcj02"};
    struct host_import_report report;
    cim_error error = {0};
    char path[512];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/hainan/raw_gcj02/hainan_sansha_gcj02.geojson",
                   CIM_TEST_DATA);
    assert_ok(fake_import(fake, path, &options, &report, &error), &error);
    assert_string_equal(report.crs, "GCJ-02");
    /* hainan_sansha.geojson is the same file put through the usual inverse, rounded to 1e-6. */
    assert_true(fabs(fake->box[0] - 109.461041) < 2e-6);
    assert_true(fabs(fake->box[1] - 3.838682) < 2e-6);
    assert_true(fabs(fake->box[2] - 117.842484) < 2e-6);
    assert_true(fabs(fake->box[3] - 19.533977) < 2e-6);
    host_import_report_done(&report);
    fake_layer_free(fake);
}

/* The areas that ogrinfo and OGR_G_Area() tell of the same files, in square degrees. */
static void
test_area_is_kept_by_every_format(void **state)
{
    static const struct {
        const char *file;
        const char *source_layer;
        double area_deg2;
    } cases[] = {
        {"hainan/hainan_counties.geojson", NULL, 2.922309415},
        {"formats/shapefile/hainan_counties_utf8.shp", NULL, 2.922154822},
        {"formats/gpkg/hainan.gpkg", "counties", 2.922154822},
        {"formats/filegdb/hainan.gdb", "counties", 2.922154822},
        {"formats/kml/hainan_counties.kmz", NULL, 2.921863491},
        {"formats/gml/hainan_counties.gml", NULL, 2.922647619},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake_layer *fake = fake_layer_new("MultiPolygon");
        const struct host_import_options options = {.source_layer = cases[i].source_layer};
        struct host_import_report report;
        cim_error error = {0};
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", CIM_TEST_DATA, cases[i].file);
        assert_ok(fake_import(fake, path, &options, &report, &error), &error);
        if (fabs(fake->area_deg2 - cases[i].area_deg2) > 1e-8) {
            fail_msg("%s: %.9f square degrees", cases[i].file, fake->area_deg2);
        }
        host_import_report_done(&report);
        fake_layer_free(fake);
    }
}

static void
expect(const char *file, const char *geometry, const char *param, const char *part,
       cim_status expected)
{
    struct fake_layer *fake = fake_layer_new(geometry);
    struct host_import_report report;
    cim_error error = {0};
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", CIM_TEST_DATA, file);
    assert_int_equal(fake_import(fake, path, NULL, &report, &error), expected);
    assert_string_equal(error.param, param);
    assert_contains(error.en, part);
    host_import_report_done(&report);
    fake_layer_free(fake);
}

static void
test_real_files_that_are_refused_say_why(void **state)
{
    (void)state;
    expect("formats/dxf/qgis_entities.dwg", "Point", "file", "closed format", CIM_E_UNSUPPORTED);
    expect("formats/dxf/hainan_rivers_epsg4546.dxf", "LineString", "crs", "no reference system",
           CIM_E_INVALID);
    expect("formats/filegdb/hainan.gdb", "Point", "source_layer", "counties, places",
           CIM_E_INVALID);
    expect("hainan/hainan_dem_etopo5.tif", "Point", "file", "rasters", CIM_E_UNSUPPORTED);
    expect("formats/img/hainan_dem_etopo5.img", "Point", "file", "rasters", CIM_E_UNSUPPORTED);
    expect("formats/fbx/box.fbx", "Point", "file", "models", CIM_E_UNSUPPORTED);
    expect("formats/las/qgis_cloud.las", "Point", "file", "models", CIM_E_UNSUPPORTED);
}

static void
test_geopackage_with_two_layers_asks_which(void **state)
{
    struct fake_layer *fake = fake_layer_new("MultiPolygon");
    struct host_import_report report;
    cim_error error = {0};
    char path[512];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/formats/gpkg/hainan.gpkg", CIM_TEST_DATA);
    assert_int_equal(fake_import(fake, path, NULL, &report, &error), CIM_E_INVALID);
    assert_string_equal(error.param, "source_layer");
    host_import_report_done(&report);
    fake_layer_free(fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_file_comes_through),
        cmocka_unit_test(test_gcj02_counties_come_to_lie_on_the_corrected_ones),
        cmocka_unit_test(test_area_is_kept_by_every_format),
        cmocka_unit_test(test_real_files_that_are_refused_say_why),
        cmocka_unit_test(test_geopackage_with_two_layers_asks_which),
    };
    return cmocka_run_group_tests_name("exchange_formats", tests, NULL, NULL);
}
