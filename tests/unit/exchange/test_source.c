/* Files that are right: formats, columns, reference systems, geometry types, refusals. */
#include "fake_layer.h"

#include "host/exchange/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int
setup(void **state)
{
    *state = fake_layer_new("Point");
    return 0;
}

static int
teardown(void **state)
{
    fake_layer_free(*state);
    return 0;
}

static const char two_points[] =
    "{\"type\":\"FeatureCollection\",\"features\":[\n"
    "{\"type\":\"Feature\",\"properties\":{\"NAME\":\"甲\",\"代码\":460105,\"count\":\"7\","
    "\"size_in_metres\":2.5,\"day\":\"2026-11-22\",\"other\":1},"
    "\"geometry\":{\"type\":\"Point\",\"coordinates\":[110.3312,20.031,12.5]}},\n"
    "{\"type\":\"Feature\",\"properties\":{\"NAME\":\"乙\"},\"geometry\":null}]}";

static void
import_text(struct fake_layer *fake, const char *name, const char *text,
            const struct host_import_options *options, struct host_import_report *ret_report)
{
    cim_error error = {0};
    fake_write(fake, name, text, strlen(text));
    assert_ok(fake_import(fake, fake_path(fake, name), options, ret_report, &error), &error);
}

static void
expect_first(const struct fake_layer *fake, double lon, double lat, double tolerance)
{
    if (!fake->has_geom || fabs(fake->first[0] - lon) > tolerance ||
        fabs(fake->first[1] - lat) > tolerance) {
        fail_msg("first position %.9f %.9f, expected %.9f %.9f", fake->first[0], fake->first[1],
                 lon, lat);
    }
}

static void
test_geojson_columns_match_by_name_and_title(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_report report;
    import_text(fake, "a.bin", two_points, NULL, &report);
    assert_string_equal(fake->text, "甲|460105|7|2.5000|2026-11-22;乙||||;");
    assert_string_equal(report.format, "GeoJSON");
    assert_string_equal(report.crs, "EPSG:4326");
    assert_int_equal(report.n_read, 2);
    assert_int_equal(report.n_written, 2);
    assert_int_equal(report.n_ignored, 1);
    assert_string_equal(report.ignored[0], "other");
    expect_first(fake, 110.3312, 20.031, 0);
    host_import_report_done(&report);
}

static void
test_map_and_set(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_options options = {.map = "other=count,NAME=code", .set = "name=常,day="};
    struct host_import_report report;
    cim_error error = {0};
    import_text(fake, "a.json", two_points, &options, &report);
    assert_string_equal(fake->text, "常|甲|1|2.5000|;常|乙|||;");
    host_import_report_done(&report);
    options.map = "other=nothing";
    assert_int_equal(fake_import(fake, fake_path(fake, "a.json"), &options, &report, &error),
                     CIM_E_INVALID);
    assert_string_equal(error.value, "nothing");
    options.map = "other";
    assert_int_equal(fake_import(fake, fake_path(fake, "a.json"), &options, &report, &error),
                     CIM_E_INVALID);
    assert_string_equal(error.param, "map");
    host_import_report_done(&report);
}

static void
test_sequence_and_csv(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_options options = {.crs = "cgcs2000"};
    struct host_import_report report;
    import_text(fake, "a.txt",
                "{\"type\":\"Feature\",\"properties\":{\"name\":\"甲\"},\"geometry\":"
                "{\"type\":\"Point\",\"coordinates\":[110.5,20]}}\n"
                "{\"type\":\"Feature\",\"properties\":{\"name\":\"乙\"},\"geometry\":"
                "{\"type\":\"Point\",\"coordinates\":[110.6,20]}}\n",
                NULL, &report);
    assert_string_equal(report.format, "GeoJSONSeq");
    assert_string_equal(fake->text, "甲||||;乙||||;");
    host_import_report_done(&report);
    import_text(
        fake, "b.txt",
        "\xef\xbb\xbf名称,经度,纬度,个数,日期\n\"甲,一\",110.25,19.5,3,2026/01/02\n乙,,,,\n",
        &options, &report);
    assert_string_equal(report.format, "CSV");
    assert_string_equal(fake->text, "甲,一||3||2026/01/02;乙||||;");
    expect_first(fake, 110.25, 19.5, 0);
    host_import_report_done(&report);
    import_text(fake, "c.csv", "name;WKT\n甲;POINT (110.75 19.25)\n", &options, &report);
    assert_string_equal(fake->text, "甲||||;");
    expect_first(fake, 110.75, 19.25, 0);
    host_import_report_done(&report);
}

/* The first line ends past what is looked at to tell the format. */
static void
test_sequence_with_a_very_long_first_line(void **state)
{
    enum { PADDING = 300000 };
    static const char head[] = "{\"type\":\"Feature\",\"properties\":{\"name\":\"甲\",\"other\":\"";
    static const char tail[] =
        "\"},\"geometry\":null}\n"
        "{\"type\":\"Feature\",\"properties\":{\"name\":\"乙\"},\"geometry\":null}\n";
    struct fake_layer *fake = *state;
    struct host_import_report report;
    const size_t len = sizeof head - 1 + PADDING + sizeof tail - 1;
    char *text = malloc(len + 1);
    assert_non_null(text);
    memcpy(text, head, sizeof head - 1);
    memset(text + sizeof head - 1, 'x', PADDING);
    memcpy(text + sizeof head - 1 + PADDING, tail, sizeof tail);
    import_text(fake, "a.bin", text, NULL, &report);
    free(text);
    assert_string_equal(report.format, "GeoJSONSeq");
    assert_int_equal(report.n_written, 2);
    host_import_report_done(&report);
}

static void
test_positions_that_cannot_be_read(void **state)
{
    static const struct {
        const char *text;
        const char *param;
        const char *value;
    } cases[] = {
        {"name,lon,lat\n甲,110.3,abc\n", "lat", "abc"},
        {"name,lon,lat\n甲,东经110,20\n", "lon", "东经110"},
        {"name,lon,lat\n甲,110.3,\n", "lat", ""},
        {"name,lon,lat\n甲,nan,nan\n", "lon", "nan"},
        {"name,lon,lat\n甲,东经110,北纬20\n", "lon", "东经110"},
        {"name,wkt\n甲,POINT (110\n", "wkt", "POINT (110"},
    };
    struct fake_layer *fake = *state;
    const struct host_import_options options = {.crs = "cgcs2000"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host_import_report report;
        cim_error error = {0};
        fake_write(fake, "u.csv", cases[i].text, strlen(cases[i].text));
        assert_int_equal(fake_import(fake, fake_path(fake, "u.csv"), &options, &report, &error),
                         CIM_E_INVALID);
        assert_int_equal(report.n_refused, 1);
        assert_int_equal(report.refusals[0].row, 1);
        assert_string_equal(report.refusals[0].why.param, cases[i].param);
        assert_string_equal(report.refusals[0].why.value, cases[i].value);
        host_import_report_done(&report);
    }
}

static void
test_reference_systems(void **state)
{
    static const struct {
        const char *crs;
        const char *position;
        double lon;
        double lat;
        double tolerance;
    } cases[] = {
        {"wgs84", "110.3312,20.0310", 110.3312, 20.0310, 0},
        {"EPSG:4490", "110.3312,20.0310", 110.3312, 20.0310, 0},
        {"gcj02", "110.3355708,20.0289537", 110.3312, 20.0310, 6e-8},
        {"BD-09", "110.3421186,20.0346296", 110.3312, 20.0310, 6e-8},
        {"EPSG:4546", "430024.515,2215937.987", 110.3312, 20.0310, 1e-8},
        {"EPSG:4525", "37430024.515,2215937.987", 110.3312, 20.0310, 1e-8},
        {"EPSG:4545", "568591.338,2112344.765", 108.6518, 19.0953, 1e-8},
        {"EPSG:3857", "12282013.0,2276886.5", 110.33116, 20.03105, 1e-4},
    };
    struct fake_layer *fake = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct host_import_options options = {.crs = cases[i].crs};
        struct host_import_report report;
        char text[128];
        (void)snprintf(text, sizeof text, "name,x,y\n甲,%s\n", cases[i].position);
        import_text(fake, "p.csv", text, &options, &report);
        if (i < 7) {
            expect_first(fake, cases[i].lon, cases[i].lat, cases[i].tolerance);
        }
        host_import_report_done(&report);
    }
}

static void
test_missing_or_unknown_crs_is_asked_for(void **state)
{
    static const char *const unknown[] = {"EPSG:99999",  "EPSG:4490x", "wgs72",
                                          "/etc/passwd", "EPSG:",      "http://example.org/crs"};
    struct fake_layer *fake = *state;
    struct host_import_report report;
    cim_error error = {0};
    fake_write(fake, "p.csv", "name,x,y\na,110,20\n", 18);
    assert_int_equal(fake_import(fake, fake_path(fake, "p.csv"), NULL, &report, &error),
                     CIM_E_INVALID);
    assert_string_equal(error.param, "crs");
    assert_contains(error.en, "declares no reference system");
    assert_contains(error.zh, "gcj02");
    fake_shapefile(fake, "noprj", 1, "a", false);
    assert_int_equal(fake_import(fake, fake_path(fake, "noprj.shp"), NULL, &report, &error),
                     CIM_E_INVALID);
    assert_string_equal(error.param, "crs");
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        const struct host_import_options options = {.crs = unknown[i]};
        assert_int_equal(fake_import(fake, fake_path(fake, "p.csv"), &options, &report, &error),
                         CIM_E_INVALID);
        assert_string_equal(error.param, "crs");
        assert_string_equal(error.value, unknown[i]);
    }
}

static void
test_refused_rows_keep_their_numbers(void **state)
{
    static const char rows[] = "name,x,y\n"
                               "one,110,20\n"
                               "out,20,110\n"     /* 2: swapped, refused by the reader */
                               "bad,110,20\n"     /* 3: refused by the layer */
                               "far,500000,2e6\n" /* 4: a projected system */
                               "bad,110,20\n"     /* 5 */
                               "six,111,20\n";
    struct fake_layer *fake = *state;
    struct host_import_options options = {.crs = "wgs84"};
    struct host_import_report report;
    cim_error error = {0};
    CIM_AUTO_BUF struct cim_buf json;
    cim_buf_init(&json, 1 << 20);
    fake_write(fake, "r.csv", rows, strlen(rows));
    assert_int_equal(fake_import(fake, fake_path(fake, "r.csv"), &options, &report, &error),
                     CIM_E_INVALID);
    assert_int_equal(report.n_written, 0);
    assert_int_equal(report.n_refused, 4); /* all that is wrong, by whomever refused */
    host_import_report_done(&report);
    options.flags = HOST_IMPORT_ROW_WISE;
    assert_ok(fake_import(fake, fake_path(fake, "r.csv"), &options, &report, &error), &error);
    assert_string_equal(fake->text, "one||||;six||||;");
    assert_int_equal(report.n_read, 6);
    assert_int_equal(report.n_written, 2);
    assert_int_equal(report.n_refused, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(report.refusals[i].row, i + 2);
    }
    assert_contains(report.refusals[0].why.en, "swapped");
    assert_contains(report.refusals[2].why.en, "look projected");
    host_import_report_write(&report, "t.things", &json);
    assert_contains(json.data, "\"layer\":\"t.things\",\"read\":6,\"written\":2,\"refused\":[{"
                               "\"row\":2,\"field\":\"geom\",\"value\":\"20.000000 110.000000\"");
    assert_contains(json.data, "],\"refused_total\":4,");
    host_import_report_done(&report);
}

static void
test_refusals_are_counted_past_their_limit(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_options options = {.crs = "wgs84", .flags = HOST_IMPORT_ROW_WISE};
    struct host_import_report report;
    cim_error error = {0};
    FILE *file = fopen(fake_path(fake, "many.csv"), "w");
    assert_non_null(file);
    (void)fputs("name,x,y\n", file);
    for (int i = 0; i < 3 * HOST_IMPORT_REFUSED_MAX; i++) {
        (void)fprintf(file, "n%d,%d,20\n", i, i % 2 == 0 ? 110 : 999);
    }
    assert_int_equal(fclose(file), 0);
    assert_ok(fake_import(fake, fake_path(fake, "many.csv"), &options, &report, &error), &error);
    assert_int_equal(report.n_refused, 3 * HOST_IMPORT_REFUSED_MAX / 2);
    assert_int_equal(report.n_refusals, HOST_IMPORT_REFUSED_MAX);
    assert_int_equal(report.refusals[HOST_IMPORT_REFUSED_MAX - 1].row, 2 * HOST_IMPORT_REFUSED_MAX);
    host_import_report_done(&report);
}

static int32_t
cancel_at_once(void *arg, int64_t done, int64_t total)
{
    (void)total;
    *(int64_t *)arg = done;
    return 1;
}

static void
test_flags_and_cancel_reach_the_layer(void **state)
{
    struct fake_layer *fake = *state;
    int64_t done = 0;
    struct host_import_options options = {.flags = HOST_IMPORT_DRY_RUN};
    struct host_import_report report;
    cim_error error = {0};
    import_text(fake, "a.json", two_points, &options, &report);
    assert_int_equal(fake->flags, CIM_EDIT_DRY_RUN);
    assert_int_equal(report.dry_run, 1);
    host_import_report_done(&report);
    options = (struct host_import_options){.progress = cancel_at_once, .arg = &done};
    assert_int_equal(fake_import(fake, fake_path(fake, "a.json"), &options, &report, &error),
                     CIM_E_CANCELLED);
    assert_int_equal(done, 1); /* of two: reading is half of the work */
    assert_int_equal(fake->n_rows, 0);
    host_import_report_done(&report);
}

/* Which geometry goes into which layer. */
static void
test_geometry_types_are_fitted(void **state)
{
    static const struct {
        const char *layer;
        const char *wkt;
        bool fits;
    } cases[] = {
        {"Point", "POINT Z (110 20 5)", true},
        {"Point", "MULTIPOINT ((110 20))", true},
        {"Point", "MULTIPOINT ((110 20),(111 20))", false},
        {"Point", "LINESTRING (110 20,111 20)", false},
        {"LineString", "MULTILINESTRING ((110 20,111 20))", true},
        {"LineString", "MULTILINESTRING ((110 20,111 20),(112 20,113 20))", false},
        {"MultiPolygon", "POLYGON ((110 20,111 20,111 21,110 20))", true},
        {"Polygon", "MULTIPOLYGON (((110 20,111 20,111 21,110 20)))", true},
        {"MultiPolygon", "CURVEPOLYGON (CIRCULARSTRING (110 20,111 21,112 20,111 19,110 20))",
         true},
        {"MultiPolygon", "POINT (110 20)", false},
        {"Polygon", "GEOMETRYCOLLECTION (POINT (110 20))", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake_layer *fake = fake_layer_new(cases[i].layer);
        const struct host_import_options options = {.crs = "EPSG:4490"};
        struct host_import_report report;
        cim_error error = {0};
        char text[256];
        const int len = snprintf(text, sizeof text, "name,WKT\na,\"%s\"\n", cases[i].wkt);
        cim_status status = CIM_OK;
        fake_write(fake, "g.csv", text, (size_t)len);
        status = fake_import(fake, fake_path(fake, "g.csv"), &options, &report, &error);
        if ((status == CIM_OK) != cases[i].fits) {
            fail_msg("%s into %s: %s", cases[i].wkt, cases[i].layer, error.en);
        }
        if (!cases[i].fits) {
            assert_contains(report.refusals[0].why.en, "does not fit");
        }
        host_import_report_done(&report);
        fake_layer_free(fake);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_geojson_columns_match_by_name_and_title, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_map_and_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sequence_and_csv, setup, teardown),
        cmocka_unit_test_setup_teardown(test_positions_that_cannot_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sequence_with_a_very_long_first_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reference_systems, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_or_unknown_crs_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_rows_keep_their_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_are_counted_past_their_limit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_flags_and_cancel_reach_the_layer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_geometry_types_are_fitted, setup, teardown),
    };
    return cmocka_run_group_tests_name("exchange_source", tests, NULL, NULL);
}
