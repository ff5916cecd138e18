/* Files of every format, made on the spot by GDAL: whole they come through, cut off anywhere they
 * are refused. */
#include "fake_layer.h"

#include "host/exchange/source.h"

#include <cpl_error.h>
#include <cpl_vsi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_POINTS = 40 };

static int
setup(void **state)
{
    *state = fake_layer_new("Point");
    host_gdal_init();
    return 0;
}

static int
teardown(void **state)
{
    fake_layer_free(*state);
    return 0;
}

/* Points with name "名0", … and code "0898", and columns lon and lat. */
static void
make(const char *path, const char *driver, const char *layer_name)
{
    static const char *const fields[] = {"name", "code", "lon", "lat"};
    OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
    GDALDatasetH dataset =
        GDALCreate(GDALGetDriverByName(driver), path, 0, 0, 0, GDT_Unknown, NULL);
    OGRLayerH layer = NULL;
    assert_non_null(dataset);
    assert_int_equal(OSRImportFromEPSG(srs, 4490), OGRERR_NONE);
    OSRSetAxisMappingStrategy(srs, OAMS_TRADITIONAL_GIS_ORDER);
    layer = GDALDatasetCreateLayer(dataset, layer_name, srs, wkbPoint, NULL);
    assert_non_null(layer);
    for (size_t i = 0; i < 4 && strcmp(driver, "DXF") != 0; i++) {
        OGRFieldDefnH field = OGR_Fld_Create(fields[i], OFTString);
        assert_int_equal(OGR_L_CreateField(layer, field, TRUE), OGRERR_NONE);
        OGR_Fld_Destroy(field);
    }
    for (int i = 0; i < N_POINTS; i++) {
        OGRFeatureH feature = OGR_F_Create(OGR_L_GetLayerDefn(layer));
        OGRGeometryH point = OGR_G_CreateGeometry(wkbPoint);
        char text[32];
        OGR_G_SetPoint_2D(point, 0, 110.0 + i * 0.001, 20.0);
        if (OGR_F_GetFieldIndex(feature, "code") >= 0) {
            (void)snprintf(text, sizeof text, "名%d", i);
            OGR_F_SetFieldString(feature, OGR_F_GetFieldIndex(feature, "name"), text);
            OGR_F_SetFieldString(feature, OGR_F_GetFieldIndex(feature, "code"), "0898");
            (void)snprintf(text, sizeof text, "%.3f", 110.0 + i * 0.001);
            OGR_F_SetFieldString(feature, OGR_F_GetFieldIndex(feature, "lon"), text);
            OGR_F_SetFieldString(feature, OGR_F_GetFieldIndex(feature, "lat"), "20");
        }
        (void)OGR_F_SetGeometryDirectly(feature, point); /* a sheet has none */
        if (OGR_L_CreateFeature(layer, feature) != OGRERR_NONE) {
            fail_msg("%s: %s", driver, CPLGetLastErrorMsg());
        }
        OGR_F_Destroy(feature);
    }
    GDALClose(dataset);
    OSRDestroySpatialReference(srs);
}

static const struct {
    const char *driver;
    const char *file;
    const char *crs;
    const char *format;
} formats[] = {
    {"GeoJSON", "m.geojson", NULL, "GeoJSON"},
    {"GPKG", "m.gpkg", NULL, "GeoPackage"},
    {"LIBKML", "m.kml", NULL, "KML"},
    {"LIBKML", "m.kmz", NULL, "KMZ"},
    {"GML", "m.gml", NULL, "GML"},
    {"XLSX", "m.xlsx", "cgcs2000", "XLSX"},
    {"DXF", "m.dxf", "cgcs2000", "DXF"},
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static void
test_every_format_comes_through(void **state)
{
    struct fake_layer *fake = *state;
    for (size_t i = 0; i < N_FORMATS; i++) {
        const struct host_import_options options = {.crs = formats[i].crs};
        struct host_import_report report;
        cim_error error = {0};
        const char *path = fake_path(fake, formats[i].file);
        make(path, formats[i].driver, "points");
        assert_ok(fake_import(fake, path, &options, &report, &error), &error);
        assert_int_equal(report.n_written, N_POINTS);
        assert_string_equal(report.format, formats[i].format);
        assert_true(fake->first[0] > 109.9999 && fake->first[0] < 110.0001);
        assert_true(fake->first[1] > 19.9999 && fake->first[1] < 20.0001);
        if (strcmp(formats[i].driver, "DXF") != 0) {
            assert_contains(fake->text, "名39|0898|"); /* no zero is lost */
        }
        host_import_report_done(&report);
    }
}

static void
test_every_format_cut_off_is_refused(void **state)
{
    struct fake_layer *fake = *state;
    for (size_t i = 0; i < N_FORMATS; i++) {
        const struct host_import_options options = {.crs = formats[i].crs};
        const char *path = fake_path(fake, formats[i].file);
        VSIStatBufL whole;
        make(path, formats[i].driver, "points");
        assert_int_equal(VSIStatL(path, &whole), 0);
        for (int tenth = 1; tenth < 10; tenth += 2) {
            struct host_import_report report;
            cim_error error = {0};
            (void)unlink(path);
            make(path, formats[i].driver, "points");
            assert_int_equal(truncate(path, whole.st_size * tenth / 10), 0);
            if (fake_import(fake, path, &options, &report, &error) == CIM_OK) {
                fail_msg("%s: %d tenths of it were taken as whole (%lld rows)", formats[i].file,
                         tenth, (long long)report.n_written);
            }
            assert_true(error.zh[0] != '\0' && error.en[0] != '\0');
            host_import_report_done(&report);
        }
        (void)unlink(path);
    }
}

static void
zip_folder(const struct fake_layer *fake, const char *zip, const char *folder)
{
    char **names = VSIReadDir(fake_path(fake, folder));
    for (char **name = names; name != NULL && *name != NULL; name++) {
        char from[512];
        char to[600];
        VSIStatBufL info;
        char *bytes = NULL;
        VSILFILE *file = NULL;
        (void)snprintf(from, sizeof from, "%s/%s", fake_path(fake, folder), *name);
        if (VSIStatL(from, &info) != 0 || VSI_ISDIR(info.st_mode)) {
            continue;
        }
        bytes = malloc((size_t)info.st_size + 1);
        file = VSIFOpenL(from, "rb");
        assert_non_null(bytes);
        assert_int_equal(VSIFReadL(bytes, 1, (size_t)info.st_size, file), info.st_size);
        assert_int_equal(VSIFCloseL(file), 0);
        (void)snprintf(to, sizeof to, "/vsizip/%s/data/%s/%s", fake_path(fake, zip), folder, *name);
        file = VSIFOpenL(to, "wb");
        assert_non_null(file);
        assert_int_equal(VSIFWriteL(bytes, 1, (size_t)info.st_size, file), info.st_size);
        assert_int_equal(VSIFCloseL(file), 0);
        free(bytes);
        (void)unlink(from);
    }
    for (char **name = names; name != NULL && *name != NULL; name++) {
        VSIFree(*name);
    }
    VSIFree(names);
}

static void
test_geodatabase_as_a_folder_and_zipped(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_options options = {.source_layer = NULL};
    struct host_import_report report;
    cim_error error = {0};
    make(fake_path(fake, "m.gdb"), "OpenFileGDB", "points");
    assert_ok(fake_import(fake, fake_path(fake, "m.gdb"), &options, &report, &error), &error);
    assert_int_equal(report.n_written, N_POINTS);
    assert_string_equal(report.format, "FileGDB");
    host_import_report_done(&report);
    zip_folder(fake, "g.zip", "m.gdb");
    assert_int_equal(rmdir(fake_path(fake, "m.gdb")), 0);
    assert_ok(fake_import(fake, fake_path(fake, "g.zip"), &options, &report, &error), &error);
    assert_int_equal(report.n_written, N_POINTS);
    assert_contains(fake->text, "名0|0898|");
    host_import_report_done(&report);
    options.source_layer = "nothing";
    assert_int_equal(fake_import(fake, fake_path(fake, "g.zip"), &options, &report, &error),
                     CIM_E_INVALID);
    assert_contains(error.en, "points");
    host_import_report_done(&report);
}

static void
test_closed_lines_of_a_drawing_are_areas(void **state)
{
    static const char drawing[] =
        "0\nSECTION\n2\nENTITIES\n"
        "0\nLWPOLYLINE\n8\nPARCEL\n90\n4\n70\n1\n10\n400000\n20\n2212000\n10\n400090\n20\n2212000\n"
        "10\n400090\n20\n2212090\n10\n400000\n20\n2212090\n"
        "0\nLINE\n8\nROAD\n10\n400000\n20\n2212000\n11\n400090\n21\n2212000\n"
        "0\nENDSEC\n0\nEOF\n";
    struct fake_layer *fake = fake_layer_new("MultiPolygon");
    struct host_import_options options = {.crs = "EPSG:4546"};
    struct host_import_report report;
    cim_error error = {0};
    (void)state;
    fake_write(fake, "d.dxf", drawing, sizeof drawing - 1);
    assert_int_equal(fake_import(fake, fake_path(fake, "d.dxf"), &options, &report, &error),
                     CIM_E_INVALID);
    assert_int_equal(report.n_refused, 1);
    assert_int_equal(report.refusals[0].row, 2);
    assert_contains(report.refusals[0].why.en, "a LINESTRING does not fit");
    host_import_report_done(&report);
    options.source_layer = "PARCEL";
    assert_ok(fake_import(fake, fake_path(fake, "d.dxf"), &options, &report, &error), &error);
    assert_int_equal(report.n_written, 1);
    assert_true(fake->area_deg2 > 6.9e-7 && fake->area_deg2 < 7.1e-7);
    host_import_report_done(&report);
    options.source_layer = "O'NEIL";
    assert_int_equal(fake_import(fake, fake_path(fake, "d.dxf"), &options, &report, &error),
                     CIM_E_INVALID);
    assert_string_equal(error.param, "source_layer");
    host_import_report_done(&report);
    fake_layer_free(fake);
}

static void
test_sheet_without_positions_is_refused_by_row(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_options options = {.crs = "wgs84", .flags = HOST_IMPORT_ROW_WISE};
    struct host_import_report report;
    cim_error error = {0};
    GDALDatasetH dataset = NULL;
    OGRLayerH layer = NULL;
    static const char *const rows[][3] = {{"好", "110", "20"}, {"坏", "一百一十", "20"}};
    static const char *const names[] = {"名称", "经度", "纬度"};
    dataset = GDALCreate(GDALGetDriverByName("XLSX"), fake_path(fake, "t.xlsx"), 0, 0, 0,
                         GDT_Unknown, NULL);
    layer = GDALDatasetCreateLayer(dataset, "Sheet1", NULL, wkbNone, NULL);
    for (int i = 0; i < 3; i++) {
        OGRFieldDefnH field = OGR_Fld_Create(names[i], OFTString);
        assert_int_equal(OGR_L_CreateField(layer, field, TRUE), OGRERR_NONE);
        OGR_Fld_Destroy(field);
    }
    for (int r = 0; r < 2; r++) {
        OGRFeatureH feature = OGR_F_Create(OGR_L_GetLayerDefn(layer));
        for (int i = 0; i < 3; i++) {
            OGR_F_SetFieldString(feature, i, rows[r][i]);
        }
        assert_int_equal(OGR_L_CreateFeature(layer, feature), OGRERR_NONE);
        OGR_F_Destroy(feature);
    }
    GDALClose(dataset);
    assert_ok(fake_import(fake, fake_path(fake, "t.xlsx"), &options, &report, &error), &error);
    assert_int_equal(report.n_written, 1);
    assert_int_equal(report.refusals[0].row, 2);
    assert_string_equal(report.refusals[0].why.param, "经度");
    assert_string_equal(report.refusals[0].why.value, "一百一十");
    host_import_report_done(&report);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_format_comes_through, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_format_cut_off_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_geodatabase_as_a_folder_and_zipped, setup, teardown),
        cmocka_unit_test(test_closed_lines_of_a_drawing_are_areas),
        cmocka_unit_test_setup_teardown(test_sheet_without_positions_is_refused_by_row, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("exchange_made", tests, NULL, NULL);
}
