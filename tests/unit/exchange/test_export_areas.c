/* Areas as 国土 TXT and in projected systems: they read back where they were; what a format cannot
 * hold is refused in words. */
#include "fake_layer.h"

#include "host/exchange/source.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A square with a hole, and a part beside it. */
#define PARCEL                                                                                     \
    "MULTIPOLYGON(((110.2 20,110.2 20.01,110.21 20.01,110.21 20,110.2 20),"                        \
    "(110.204 20.004,110.206 20.004,110.206 20.006,110.204 20.006,110.204 20.004)),"               \
    "((110.22 20,110.22 20.001,110.221 20.001,110.22 20)))"

struct made {
    const char *wkt; /* of the second row; NULL: absent */
    const char *name;
    bool done;
};
static struct made made;

static void
append_wkt(struct cim_batch_builder *builder, const char *wkt)
{
    char *text = (char *)(uintptr_t)wkt;
    unsigned char wkb[4096];
    OGRGeometryH geometry = NULL;
    if (wkt == NULL) {
        return;
    }
    assert_int_equal(OGR_G_CreateFromWkt(&text, NULL, &geometry), OGRERR_NONE);
    assert_in_range(OGR_G_WkbSize(geometry), 1, sizeof wkb);
    assert_int_equal(OGR_G_ExportToIsoWkb(geometry, wkbNDR, wkb), OGRERR_NONE);
    cim_batch_append_bytes(builder, 0, wkb, (size_t)OGR_G_WkbSize(geometry));
    OGR_G_DestroyGeometry(geometry);
}

static cim_status
make_rows(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct made *rows = self;
    if (rows->done) {
        return CIM_OK;
    }
    rows->done = true;
    append_wkt(builder, PARCEL);
    cim_batch_append_bytes(builder, 1, "一号", strlen("一号"));
    cim_batch_append_bytes(builder, 2, "0809", 4);
    CIM_TRY(cim_batch_builder_end_row(builder, err));
    append_wkt(builder, rows->wkt);
    cim_batch_append_bytes(builder, 1, rows->name, strlen(rows->name));
    return cim_batch_builder_end_row(builder, err);
}

static void
release(void *self)
{
    (void)self;
}

static cim_status
query(void *self, const cim_call *call, const cim_query *asked, cim_rows **ret_rows, cim_error *err)
{
    static const char *const names[] = {"geom", "name", "code"};
    static const uint32_t types[] = {CIM_COL_WKB, CIM_COL_TEXT, CIM_COL_TEXT};
    (void)self;
    (void)call;
    (void)asked;
    made.done = false;
    return cim_rows_new(3, names, types, make_rows, release, &made, ret_rows, err);
}

static int
setup(void **state)
{
    struct fake_layer *fake = fake_layer_new("MultiPolygon");
    fake->layer.query = query;
    made = (struct made){.wkt = "POLYGON((110.3 20,110.3 20.01,110.31 20.01,110.31 20,110.3 20))",
                         .name = "二号"};
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
export_to(struct fake_layer *fake, const char *name, struct host_export_options *options,
          cim_error *err)
{
    const cim_call call = {.struct_size = sizeof call, .principal = "test", .lang = "zh"};
    const cim_query asked = {.struct_size = sizeof asked};
    int64_t count = 0;
    CIM_TRY(host_export_format_of(NULL, name, &options->format, err));
    return host_exchange_export(&fake->layer, fake->definition, &call, &asked,
                                fake_path(fake, name), options, &count, err);
}

static void
test_projected_files_read_back_where_they_were(void **state)
{
    /* to a tenth of a millimetre; a TXT has millimetres */
    static const struct {
        const char *file;
        const char *crs;
        const char *encoding;
        double within_deg;
    } cases[] = {
        {"a.gpkg", NULL, NULL, 1e-12},         {"b.gpkg", "EPSG:4546", NULL, 1e-9},
        {"c.zip", "EPSG:4526", NULL, 1e-9},    {"d.gdb.zip", "EPSG:4546", NULL, 2e-9},
        {"e.gml", "EPSG:4546", NULL, 1e-9},    {"f.txt", "EPSG:4546", NULL, 5e-9},
        {"g.txt", "EPSG:4525", NULL, 5e-9},    {"h.txt", "EPSG:4497", "GBK", 5e-9},
        {"i.txt", "EPSG:4508", "UTF-8", 5e-9},
    };
    const double box[4] = {110.2, 20, 110.31, 20.01};
    const double area = 1e-4 - 4e-6 + 5e-7 + 1e-4;
    struct fake_layer *fake = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bool is_txt = strstr(cases[i].file, ".txt") != NULL;
        struct host_export_options options = {
            .crs = cases[i].crs, .encoding = cases[i].encoding, .map = "地类编码=code"};
        const struct host_import_options back = {.map =
                                                     is_txt ? "地块名称=name,地类编码=code" : NULL};
        struct host_import_report report;
        cim_error error = {0};
        assert_ok(export_to(fake, cases[i].file, &options, &error), &error);
        assert_ok(fake_import(fake, fake_path(fake, cases[i].file), &back, &report, &error),
                  &error);
        assert_int_equal(report.n_written, 2);
        assert_string_equal(fake->text, "一号|0809|||;二号||||;");
        for (int k = 0; k < 4; k++) {
            assert_true(fabs(fake->box[k] - box[k]) <= cases[i].within_deg);
        }
        assert_true(fabs(fake->area_deg2 - area) < 1e-9);
        host_import_report_done(&report);
    }
}

static void
read_file(const struct fake_layer *fake, const char *name, char *out, size_t size)
{
    FILE *file = fopen(fake_path(fake, name), "rb");
    assert_non_null(file);
    out[fread(out, 1, size - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
}

static void
test_txt_is_laid_out_as_administrations_have_it(void **state)
{
    struct fake_layer *fake = *state;
    struct host_export_options options = {.crs = "EPSG:4525", .map = "地类编码=code,地块编号=name"};
    char text[8192];
    cim_error error = {0};
    assert_ok(export_to(fake, "a.txt", &options, &error), &error);
    read_file(fake, "a.txt", text, sizeof text);
    assert_contains(text, "坐标系=2000国家大地坐标系\r\n几度分带=3\r\n投影类型=高斯克吕格\r\n"
                          "计量单位=米\r\n带号=37\r\n精度=0.001\r\n");
    /* 11 points without those that close the three rings; 1.04 km by 1.11 km */
    assert_contains(text, "[地块坐标]\r\n11,111.8");
    assert_contains(text, ",一号,一号,面,,,0809,@\r\nJ1,1,22");
    assert_contains(text, "J5,2,");
    assert_contains(text, "J9,3,");
    assert_contains(text, "\r\n4,115.8");
    assert_contains(text, ",二号,二号,面,,,,@\r\nJ1,1,2212519.308,37426745.634\r\n");
    assert_contains(text, ",374"); /* eastings carry the zone */
    assert_null(strstr(text, "J12,"));
}

static void
test_what_a_format_cannot_hold_is_refused(void **state)
{
    static const char square[] = "POLYGON((110.3 20,110.3 20.01,110.31 20.01,110.31 20,110.3 20))";
    static const struct {
        const char *file;
        struct host_export_options options;
        const char *wkt;
        const char *name;
        const char *param;
        const char *part;
    } cases[] = {
        {"a.txt", {.crs = NULL}, square, "x", "crs", "is in a zone of CGCS2000"},
        {"a.txt", {.crs = "EPSG:4490"}, square, "x", "crs", "is in a zone of CGCS2000"},
        {"a.txt", {.crs = "EPSG:32649"}, square, "x", "crs", "is in a zone of CGCS2000"},
        {"a.txt", {.crs = "EPSG:2361"}, square, "x", "crs", "tens of metres off"},
        {"a.txt", {.crs = "gcj02"}, square, "x", "crs", "expected EPSG:code"},
        {"a.txt", {.crs = "EPSG:4525"}, NULL, "x", "geom", "record 2 has no area"},
        {"a.txt", {.crs = "EPSG:4525"}, "POINT(110 20)", "x", "geom", "record 2 has no area"},
        {"a.txt", {.crs = "EPSG:4525"}, "POLYGON EMPTY", "x", "geom", "record 2 has no area"},
        {"a.txt", {.crs = "EPSG:4525"}, square, "a,b", "name", "record 2: name has a comma"},
        {"a.txt", {.crs = "EPSG:4525"}, square, "a@b", "name", "record 2: name has a comma"},
        {"a.txt",
         {.crs = "EPSG:4525", .map = "面积=name"},
         square,
         "x",
         "map",
         "there is no '面积'"},
        {"a.txt",
         {.crs = "EPSG:4525", .map = "地块编号=no"},
         square,
         "x",
         "map",
         "there is no 'no'"},
        {"a.txt",
         {.crs = "EPSG:4525", .encoding = "GBK"},
         square,
         "𬭸",
         "encoding",
         "parcel 2 has"},
        {"a.txt",
         {.crs = "EPSG:4544"},
         "POLYGON((117 20,117 21,118 20,117 20))",
         "x",
         "geom",
         "far from where EPSG:4544 is used"},
        {"a.geojson", {.crs = "EPSG:4546"}, square, "x", "crs", "longitude and latitude alone"},
        {"a.kmz", {.crs = "EPSG:4546"}, square, "x", "crs", "longitude and latitude alone"},
        {"a.xlsx", {.crs = "EPSG:4546"}, square, "x", "crs", "longitude and latitude alone"},
        {"a.gpkg", {.crs = "EPSG:1"}, square, "x", "crs", "EPSG:1"},
    };
    struct fake_layer *fake = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host_export_options options = cases[i].options;
        cim_error error = {0};
        made.wkt = cases[i].wkt;
        made.name = cases[i].name;
        assert_int_not_equal(export_to(fake, cases[i].file, &options, &error), CIM_OK);
        assert_string_equal(error.param, cases[i].param);
        assert_contains(error.en, cases[i].part);
        assert_true(strlen(error.zh) > 0);
    }
}

static void
test_points_are_no_parcels(void **state)
{
    struct fake_layer *fake = fake_layer_new("Point");
    struct host_export_options options = {.crs = "EPSG:4525"};
    cim_error error = {0};
    (void)state;
    fake->layer.query = query;
    assert_int_equal(export_to(fake, "a.txt", &options, &error), CIM_E_INVALID);
    assert_contains(error.en, "areas alone");
    assert_contains(error.zh, "面状");
    fake_layer_free(fake); /* fails where something was left behind */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_projected_files_read_back_where_they_were, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_txt_is_laid_out_as_administrations_have_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_a_format_cannot_hold_is_refused, setup, teardown),
        cmocka_unit_test(test_points_are_no_parcels),
    };
    return cmocka_run_group_tests_name("exchange_export_areas", tests, NULL, NULL);
}
