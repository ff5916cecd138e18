/* Crafted faults of single rows: each is named by row, field, value and reason, on whichever way
 * into the layer. */
#include "fake_layer.h"

#include "host/exchange/source.h"

#include <stdio.h>
#include <string.h>

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

/* The fault is the second of three rows: it is refused, and its neighbours come through. */
static void
expect_second_refused(struct fake_layer *fake, const char *path, const char *crs, const char *value,
                      const char *reason)
{
    struct host_import_options options = {.flags = HOST_IMPORT_ROW_WISE, .crs = crs};
    struct host_import_report report;
    cim_error error = {0};
    assert_ok(fake_import(fake, path, &options, &report, &error), &error);
    assert_int_equal(report.n_read, 3);
    assert_int_equal(report.n_refused, 1);
    assert_int_equal(report.refusals[0].row, 2);
    assert_string_equal(report.refusals[0].why.param, "geom");
    assert_string_equal(report.refusals[0].why.value, value);
    assert_contains(report.refusals[0].why.en, reason);
    assert_true(report.refusals[0].why.zh[0] != '\0');
    assert_int_equal(fake->n_rows, 2);
    host_import_report_done(&report);
    options.flags = 0;
    assert_int_equal(fake_import(fake, path, &options, &report, &error), CIM_E_INVALID);
    assert_int_equal(report.n_refused, 1);
    assert_int_equal(report.refusals[0].row, 2);
    host_import_report_done(&report);
}

static const char whole[] = "{\"type\":\"Feature\",\"properties\":{\"name\":\"a\"},\"geometry\":"
                            "{\"type\":\"Point\",\"coordinates\":[110,20]}}";

static void
test_geojson_geometry_that_cannot_be_read_is_refused(void **state)
{
    static const struct {
        const char *geometry;
        const char *value;
        const char *reason;
    } cases[] = {
        {"{\"type\":\"Point\",\"coordinates\":[110.3]}", "[110.3]", "at least two"},
        {"{\"type\":\"Point\",\"coordinates\":[null,20]}", "[null,20]", "finite numbers"},
        {"{\"type\":\"Point\",\"coordinates\":[\"110\",\"20\"]}", "[\"110\",\"20\"]", "finite"},
        {"{\"type\":\"Point\",\"coordinates\":[NaN,20]}", "[NaN,20]", "finite numbers"},
        {"{\"type\":\"Point\",\"coordinates\":[]}", "[]", "at least two"},
        {"{\"type\":\"Point\"}", "null", "at least two"},
        {"{\"type\":\"Pont\",\"coordinates\":[110,20]}", "\"Pont\"", "type of a geometry"},
        {"5", "5", "a geometry object"},
        {"[110,20]", "[110,20]", "a geometry object"},
        {"{\"type\":\"MultiPoint\",\"coordinates\":[[110,20],[1]]}", "[1]", "at least two"},
        /* A ring that GDAL would leave out of the polygon. */
        {"{\"type\":\"Polygon\",\"coordinates\":[[[110,20],[111,20],[111,21],[110,20]],[[110,20],"
         "[111]]]}",
         "[111]", "at least two"},
        {"{\"type\":\"MultiLineString\",\"coordinates\":[[[110,20],[111,20]],[[1,2]]]}", "[[1,2]]",
         "too few positions"},
        {"{\"type\":\"GeometryCollection\",\"geometries\":[{\"type\":\"Point\",\"coordinates\":["
         "110]}]}",
         "[110]", "at least two"},
    };
    struct fake_layer *fake = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[2048];
        int n = snprintf(text, sizeof text,
                         "{\"type\":\"FeatureCollection\",\"features\":[%s,{\"type\":\"Feature\","
                         "\"properties\":{\"name\":\"b\"},\"geometry\":%s},%s]}",
                         whole, cases[i].geometry, whole);
        fake_write(fake, "c.geojson", text, (size_t)n);
        expect_second_refused(fake, fake_path(fake, "c.geojson"), NULL, cases[i].value,
                              cases[i].reason);
        for (int rs = 0; rs < 2; rs++) {
            const char *mark = rs != 0 ? "\x1e" : "";
            n = snprintf(text, sizeof text,
                         "%s%s\n%s{\"type\":\"Feature\",\"properties\":{\"name\":\"b\"},"
                         "\"geometry\":%s}\n\n%s%s\n",
                         mark, whole, mark, cases[i].geometry, mark, whole);
            fake_write(fake, "c.geojsonl", text, (size_t)n);
            expect_second_refused(fake, fake_path(fake, "c.geojsonl"), NULL, cases[i].value,
                                  cases[i].reason);
        }
    }
}

static void
test_a_row_without_a_geometry_is_taken(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_report report;
    cim_error error = {0};
    char text[1024];
    const int n = snprintf(text, sizeof text,
                           "%s\n{\"type\":\"Feature\",\"properties\":{\"name\":"
                           "\"b\"},\"geometry\":null}\n",
                           whole);
    fake_write(fake, "n.geojsonl", text, (size_t)n);
    assert_ok(fake_import(fake, fake_path(fake, "n.geojsonl"), NULL, &report, &error), &error);
    assert_int_equal(report.n_written, 2);
    host_import_report_done(&report);
}

static void
write_points(struct fake_layer *fake, const char *first, const char *second)
{
    char text[512];
    const int n =
        snprintf(text, sizeof text, "name,lon,lat\na,%s\nb,%s\nc,%s\n", first, second, first);
    fake_write(fake, "p.csv", text, (size_t)n);
}

static void
test_numbers_that_the_declared_system_cannot_mean(void **state)
{
    struct fake_layer *fake = *state;
    const char *path = fake_path(fake, "p.csv");
    write_points(fake, "110,20", "37499000.5,2212000.25");
    expect_second_refused(fake, path, "cgcs2000", "37499000.500000 2212000.250000", "EPSG:4525");
    write_points(fake, "110,20", "499000.5,2212000.25");
    expect_second_refused(fake, path, "wgs84", "499000.500000 2212000.250000", "look projected");
    write_points(fake, "110,20", "20,110");
    expect_second_refused(fake, path, "cgcs2000", "20.000000 110.000000", "swapped");
    write_points(fake, "400000,2212000", "110.3,20.02");
    expect_second_refused(fake, path, "EPSG:4546", "110.300000 20.020000", "look like degrees");
    /* The easting carries the number of its zone, the declared system has none. */
    write_points(fake, "400000,2212000", "37400000,2212000");
    expect_second_refused(fake, path, "EPSG:4546", "37400000.000000 2212000.000000", "zone");
}

static void
patch_type(const struct fake_layer *fake, const char *name, long at, char type)
{
    FILE *file = fopen(fake_path(fake, name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(type, file), type);
    assert_int_equal(fclose(file), 0);
}

static void
test_shapefile_header_that_lies_about_its_type(void **state)
{
    enum { TYPE_AT = 32, POLYGON = 5, POINT = 1 };
    struct fake_layer *fake = *state;
    struct host_import_report report;
    cim_error error = {0};
    fake_shapefile(fake, "s", 5, "a", true);
    patch_type(fake, "s.shp", TYPE_AT, POLYGON);
    assert_int_equal(fake_import(fake, fake_path(fake, "s.shp"), NULL, &report, &error),
                     CIM_E_INVALID);
    assert_contains(error.en, ".shp names shape type 5, .shx 1");
    host_import_report_done(&report);
    patch_type(fake, "s.shx", TYPE_AT, POLYGON);
    assert_int_equal(fake_import(fake, fake_path(fake, "s.shp"), NULL, &report, &error),
                     CIM_E_INVALID);
    assert_contains(error.en, "names shape type 5, shape 1 is of type 1");
    assert_int_equal(report.n_written, 0);
    host_import_report_done(&report);
    patch_type(fake, "s.shp", TYPE_AT, POINT);
    patch_type(fake, "s.shx", TYPE_AT, POINT);
    assert_ok(fake_import(fake, fake_path(fake, "s.shp"), NULL, &report, &error), &error);
    host_import_report_done(&report);
}

/* What GDAL would take and make other rows of. */
static void
test_csv_whose_rows_do_not_fit_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *reason; /* NULL: it is taken */
    } cases[] = {
        {"name,lon,lat\n\"a, \"\"b\"\"\nc\",110,20\n", NULL},
        {"name,lon,lat\na,110,20,,\n", NULL},
        {"name;lon;lat\na,b;110;20\n", NULL},
        {"name\tlon\tlat\r\na,b\t110\t20\r\n", NULL},
        {"name,lon,lat\na,110,20\n\"b,110,20\nc,110,20\n", "line 3: a quote without an end"},
        {"name,lon,lat\n5\" pipe,110,20\nb,110,20\n7\" pipe,110,20\n",
         "line 2: a quote inside a value"},
        {"name,lon,lat\na,b,110,20\n", "line 2 has 4 values"},
        {"name,lon,lat,name\na,110,20,b\n", "columns 1 and 4"},
    };
    struct fake_layer *fake = *state;
    const char *path = fake_path(fake, "p.csv");
    const struct host_import_options options = {.crs = "cgcs2000"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host_import_report report;
        cim_error error = {0};
        fake_layer_clear(fake);
        fake_write(fake, "p.csv", cases[i].text, strlen(cases[i].text));
        const cim_status status = fake_import(fake, path, &options, &report, &error);
        if (cases[i].reason == NULL) {
            assert_ok(status, &error);
        } else {
            assert_int_equal(status, CIM_E_INVALID);
            assert_string_equal(error.param, "file");
            assert_contains(error.en, cases[i].reason);
        }
        assert_int_equal(fake->n_rows, cases[i].reason == NULL ? 1 : 0);
        host_import_report_done(&report);
    }
}

static void
test_messages_hold_no_folder_of_ours(void **state)
{
    static const char text[] =
        "<?xml version=\"1.0\"?><kml xmlns=\"http://www.opengis.net/kml/2.2\">"
        "<Document><Placemark>";
    struct fake_layer *fake = *state;
    struct host_import_report report;
    cim_error error = {0};
    fake_write(fake, "p.kml", text, sizeof text - 1);
    assert_int_equal(fake_import(fake, fake_path(fake, "p.kml"), NULL, &report, &error),
                     CIM_E_INVALID);
    assert_contains(error.en, "layer.kml");
    assert_null(strstr(error.en, "/tmp"));
    assert_null(strstr(error.zh, "/tmp"));
    host_import_report_done(&report);
}

/* GDAL only warns, and hands out the greatest number there is. */
static void
test_geojson_number_that_is_too_great_is_refused(void **state)
{
    static const char text[] =
        "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\","
        "\"properties\":{\"name\":\"a\",\"count\":99999999999999999999},"
        "\"geometry\":{\"type\":\"Point\",\"coordinates\":[110,20]}}]}";
    struct fake_layer *fake = *state;
    struct host_import_report report;
    cim_error error = {0};
    fake_write(fake, "p.geojson", text, sizeof text - 1);
    assert_int_equal(fake_import(fake, fake_path(fake, "p.geojson"), NULL, &report, &error),
                     CIM_E_INVALID);
    assert_contains(error.en, "64bit");
    assert_int_equal(fake->n_rows, 0);
    host_import_report_done(&report);
}

static void
test_what_lies_outside_or_is_empty_is_told_and_taken(void **state)
{
    static const char rows[] = "name;wkt\n"
                               "a;POINT(110 20)\n"
                               "b;POINT(-110 20)\n"
                               "c;POINT EMPTY\n"
                               "d;POINT(123.5 53.5)\n"
                               "e;POINT(112 3.8)\n";
    struct fake_layer *fake = *state;
    const struct host_import_options options = {.crs = "cgcs2000"};
    struct host_import_report report;
    cim_error error = {0};
    fake_write(fake, "o.csv", rows, strlen(rows));
    assert_ok(fake_import(fake, fake_path(fake, "o.csv"), &options, &report, &error), &error);
    assert_int_equal(report.n_written, 5);
    assert_int_equal(report.n_warned, 2);
    assert_int_equal(report.warnings[0].row, 2);
    assert_string_equal(report.warnings[0].why.param, "geom");
    assert_string_equal(report.warnings[0].why.value, "-110.000000 20.000000");
    assert_contains(report.warnings[0].why.en, "outside of China");
    assert_int_equal(report.warnings[1].row, 3);
    assert_contains(report.warnings[1].why.en, "empty");
    host_import_report_done(&report);
}

/* A KML has `Name`, what people see, beside the attribute `name`. */
static void
test_the_exact_name_of_a_column_wins_and_the_list_before_it(void **state)
{
    static const char text[] = "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":"
                               "\"Feature\",\"properties\":{\"Name\":\"x\",\"name\":\"y\","
                               "\"other\":\"z\"},\"geometry\":{\"type\":\"Point\","
                               "\"coordinates\":[110,20]}}]}";
    struct fake_layer *fake = *state;
    const struct host_import_options lists[] = {
        {.map = NULL}, {.map = "other=name"}, {.map = "Name=name,name=code"}};
    const char *const expected[] = {"y||||;", "z||||;", "x|y|||;"};
    for (size_t i = 0; i < 3; i++) {
        struct host_import_report report;
        cim_error error = {0};
        fake_write(fake, "n.geojson", text, sizeof text - 1);
        assert_ok(fake_import(fake, fake_path(fake, "n.geojson"), &lists[i], &report, &error),
                  &error);
        assert_string_equal(fake->text, expected[i]);
        host_import_report_done(&report);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_geojson_geometry_that_cannot_be_read_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_row_without_a_geometry_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_that_the_declared_system_cannot_mean, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_shapefile_header_that_lies_about_its_type, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_csv_whose_rows_do_not_fit_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages_hold_no_folder_of_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_geojson_number_that_is_too_great_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_lies_outside_or_is_empty_is_told_and_taken, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_exact_name_of_a_column_wins_and_the_list_before_it,
                                        setup, teardown),
    };
    return cmocka_run_group_tests_name("exchange_faults", tests, NULL, NULL);
}
