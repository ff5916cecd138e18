/* Files that are written read back equal; they appear whole or not at all. */
#include "fake_layer.h"

#include "host/exchange/source.h"
#include "kit/cleanup.h"

#include <cpl_conv.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { ROWS = 300 };

struct made_rows {
    int64_t next;
    bool fail;
};

static cim_status
make_rows(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct made_rows *made = self;
    while (made->next < ROWS && cim_batch_builder_rows(builder) < 100) {
        const int64_t i = made->next++;
        char name[64];
        uint8_t wkb[21];
        if (made->fail && i == 250) {
            return cim_fail(err, CIM_E_IO, NULL, NULL, "坏", "broken in the middle");
        }
        (void)snprintf(name, sizeof name, "站 “%lld”, a", (long long)i);
        cim_batch_append_i64(builder, 0, i + 1);
        cim_batch_append_bytes(builder, 1, name, 3);
        cim_batch_append_i64(builder, 2, 1763788082000 + i);
        if (i != 7) {
            cim_wkb_from_point(110.0 + (double)i * 0.0013, 18.5 + (double)i * 0.0007, wkb);
            cim_batch_append_bytes(builder, 3, wkb, sizeof wkb);
        }
        cim_batch_append_bytes(builder, 4, name, strlen(name));
        if (i % 3 != 0) {
            cim_batch_append_i64(builder, 5, i * 1000003);
            cim_batch_append_f64(builder, 6, (double)i / 8);
            cim_batch_append_bytes(builder, 7, "2026-11-22", 10);
        }
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static bool fail_in_the_middle;

static cim_status
query(void *self, const cim_call *call, const cim_query *asked, cim_rows **ret_rows, cim_error *err)
{
    static const char *const names[] = {"fid",  "uid",   "updated_at",     "geom",
                                        "name", "count", "size_in_metres", "day"};
    static const uint32_t types[] = {CIM_COL_INT64, CIM_COL_TEXT,  CIM_COL_TIME_MS, CIM_COL_WKB,
                                     CIM_COL_TEXT,  CIM_COL_INT64, CIM_COL_FLOAT64, CIM_COL_TEXT};
    struct made_rows *made = calloc(1, sizeof *made);
    (void)self;
    (void)call;
    (void)asked;
    assert_non_null(made);
    made->fail = fail_in_the_middle;
    return cim_rows_new(8, names, types, make_rows, free, made, ret_rows, err);
}

static int
setup(void **state)
{
    struct fake_layer *fake = fake_layer_new("Point");
    fake->layer.query = query;
    fail_in_the_middle = false;
    *state = fake;
    return 0;
}

static int
teardown(void **state)
{
    fake_layer_free(*state);
    return 0;
}

static cim_status
export_to(struct fake_layer *fake, const char *name, const char *encoding, int64_t *ret_count,
          cim_error *err)
{
    struct host_export_options options = {.encoding = encoding};
    const cim_call call = {.struct_size = sizeof call, .principal = "test", .lang = "zh"};
    const cim_query asked = {.struct_size = sizeof asked};
    CIM_TRY(host_export_format_of(NULL, name, &options.format, err));
    return host_exchange_export(&fake->layer, fake->definition, &call, &asked,
                                fake_path(fake, name), &options, ret_count, err);
}

static void
test_every_format_reads_back_equal(void **state)
{
    static const struct {
        const char *file;
        const char *encoding; /* to write */
        const char *crs;      /* to read */
        const char *seen;
    } cases[] = {
        {"a.geojson", NULL, NULL, "UTF-8"},   {"b.geojsonl", NULL, NULL, "UTF-8"},
        {"c.csv", NULL, "cgcs2000", "UTF-8"}, {"d.gpkg", NULL, NULL, "UTF-8"},
        {"e.shp", NULL, NULL, "UTF-8"},       {"f.shp", "GBK", NULL, "GBK"},
        {"g.zip", NULL, NULL, "UTF-8"},       {"h.xlsx", NULL, "cgcs2000", "UTF-8"},
        {"i.kml", NULL, NULL, "UTF-8"},       {"j.gml", NULL, NULL, "UTF-8"},
        {"k.gdb", NULL, NULL, "UTF-8"},       {"l.gdb.zip", NULL, NULL, "UTF-8"},
        {"m.kmz", NULL, NULL, "UTF-8"},
    };
    struct fake_layer *fake = *state;
    char *expected = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct host_import_options options = {.crs = cases[i].crs};
        struct host_import_report report;
        cim_error error = {0};
        int64_t count = 0;
        assert_ok(export_to(fake, cases[i].file, cases[i].encoding, &count, &error), &error);
        assert_int_equal(count, ROWS);
        assert_ok(fake_import(fake, fake_path(fake, cases[i].file), &options, &report, &error),
                  &error);
        assert_int_equal(report.n_written, ROWS);
        assert_string_equal(report.encoding, cases[i].seen);
        assert_true(fake->box[0] == 110.0 && fake->box[1] == 18.5);
        assert_true(fake->box[2] > 110.38869999 && fake->box[2] < 110.38870001);
        if (expected == NULL) {
            expected = strdup(fake->text);
            assert_contains(expected, "站 “7”, a||7000021|0.8750|2026-11-22;");
            assert_contains(expected, "站 “9”, a||||;");
        } else if (strcmp(cases[i].file, "c.csv") != 0 && cases[i].file[0] < 'e') {
            assert_string_equal(fake->text, expected);
        } else if (cases[i].file[0] >= 'e') {
            /* Sheets and GML come back as text, which the layer parses. */
            assert_contains(fake->text, "站 “299”, a||299000897|37.375");
            assert_contains(fake->text, "|2026-11-22;");
        }
        host_import_report_done(&report);
    }
    free(expected);
    host_folder_remove(fake_path(fake, "k.gdb"));
}

/* As spreadsheets see them: moments in Beijing's time. */
static void
test_sheet_has_dates(void **state)
{
    struct fake_layer *fake = *state;
    cim_error error = {0};
    int64_t count = 0;
    int at[6];
    int zone = 0;
    float seconds = 0;
    assert_ok(export_to(fake, "a.xlsx", NULL, &count, &error), &error);
    CPLSetThreadLocalConfigOption("OGR_XLSX_FIELD_TYPES", "AUTO"); /* not as imports read it */
    GDALDatasetH dataset = GDALOpenEx(fake_path(fake, "a.xlsx"), GDAL_OF_VECTOR, NULL, NULL, NULL);
    assert_non_null(dataset);
    OGRLayerH layer = GDALDatasetGetLayer(dataset, 0);
    assert_int_equal(OGR_L_GetFeatureCount(layer, TRUE), ROWS);
    OGRFeatureDefnH defn = OGR_L_GetLayerDefn(layer);
    const int moment = OGR_FD_GetFieldIndex(defn, "updated_at");
    const int day = OGR_FD_GetFieldIndex(defn, "day");
    assert_true(moment >= 0 && day >= 0);
    assert_int_equal(OGR_Fld_GetType(OGR_FD_GetFieldDefn(defn, moment)), OFTDateTime);
    assert_int_equal(OGR_Fld_GetType(OGR_FD_GetFieldDefn(defn, day)), OFTDate);
    OGR_L_ResetReading(layer);
    OGR_F_Destroy(OGR_L_GetNextFeature(layer)); /* which has no day */
    OGRFeatureH feature = OGR_L_GetNextFeature(layer);
    assert_true(OGR_F_GetFieldAsDateTimeEx(feature, moment, &at[0], &at[1], &at[2], &at[3], &at[4],
                                           &seconds, &zone) != 0);
    /* 1763788082001 is 2025-11-22T05:08:02.001Z */
    assert_true(at[0] == 2025 && at[1] == 11 && at[2] == 22 && at[3] == 13 && at[4] == 8);
    assert_true(seconds > 2.0005F && seconds < 2.0015F);
    assert_string_equal(OGR_F_GetFieldAsString(feature, day), "2026/11/22");
    OGR_F_Destroy(feature);
    GDALClose(dataset);
    CPLSetThreadLocalConfigOption("OGR_XLSX_FIELD_TYPES", NULL);
}

static int
count_files(const struct fake_layer *fake)
{
    DIR *dir = opendir(fake->dir);
    const struct dirent *entry = NULL;
    int n = 0;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    (void)closedir(dir);
    return n;
}

static void
test_failure_leaves_nothing(void **state)
{
    static const char *const files[] = {"a.geojson", "b.csv",  "c.gpkg", "d.shp",
                                        "e.zip",     "f.xlsx", "g.kml",  "h.gml",
                                        "i.dxf",     "j.gdb",  "k.kmz",  "l.gdb.zip"};
    struct fake_layer *fake = *state;
    fail_in_the_middle = true;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        cim_error error = {0};
        int64_t count = 0;
        assert_int_equal(export_to(fake, files[i], NULL, &count, &error), CIM_E_IO);
        assert_contains(error.en, "broken in the middle");
    }
    assert_int_equal(count_files(fake), 0);
}

/* A drawing has no attributes. */
static void
test_drawing_keeps_the_geometries(void **state)
{
    struct fake_layer *fake = *state;
    const struct host_import_options options = {.crs = "cgcs2000"};
    struct host_import_report report;
    cim_error error = {0};
    int64_t count = 0;
    assert_ok(export_to(fake, "a.dxf", NULL, &count, &error), &error);
    assert_int_equal(count, ROWS);
    assert_ok(fake_import(fake, fake_path(fake, "a.dxf"), &options, &report, &error), &error);
    assert_int_equal(report.n_written, ROWS - 1); /* one row has no geometry */
    assert_true(fake->box[2] > 110.38869999 && fake->box[2] < 110.38870001);
    host_import_report_done(&report);
}

static void
test_existing_file_and_bad_names(void **state)
{
    struct fake_layer *fake = *state;
    enum host_export_format format = HOST_EXPORT_GPKG;
    cim_error error = {0};
    int64_t count = 0;
    fake_write(fake, "a.csv", "mine", 4);
    assert_int_equal(export_to(fake, "a.csv", NULL, &count, &error), CIM_E_EXISTS);
    assert_int_equal(export_to(fake, "none/a.csv", NULL, &count, &error), CIM_E_IO);
    assert_int_equal(host_export_format_of("dwg", "a.csv", &format, &error), CIM_E_INVALID);
    assert_int_equal(host_export_format_of(NULL, "a.exe", &format, &error), CIM_E_INVALID);
    assert_ok(host_export_format_of("shp", "a.bin", &format, &error), &error);
    assert_int_equal(format, HOST_EXPORT_SHP);
    assert_ok(host_export_format_of(NULL, "a.gdb.zip", &format, &error), &error);
    assert_int_equal(format, HOST_EXPORT_FILEGDB);
    assert_ok(host_export_format_of(NULL, "a.b.zip", &format, &error), &error);
    assert_int_equal(format, HOST_EXPORT_SHP);
    assert_ok(host_export_format_of(NULL, "a.json", &format, &error), &error);
    assert_int_equal(format, HOST_EXPORT_GEOJSON);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_format_reads_back_equal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sheet_has_dates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drawing_keeps_the_geometries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_existing_file_and_bad_names, setup, teardown),
    };
    return cmocka_run_group_tests_name("exchange_export", tests, NULL, NULL);
}
