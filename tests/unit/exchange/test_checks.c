/* What is told beside the plain reading: validity of areas, rows alike, overlaps, values of codes,
 * the preview, and the rows to repair. */
#include "fake_layer.h"

#include "host/exchange/source.h"
#include "kit/cleanup.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
setup(void **state)
{
    *state = fake_layer_new("MultiPolygon");
    return 0;
}

static int
teardown(void **state)
{
    fake_layer_free(*state);
    return 0;
}

/* An area that crosses itself at 110.5 20.5, between two good ones. */
static const char crossing[] = "name;wkt\n"
                               "a;POLYGON((110 20,110 20.1,110.1 20.1,110 20))\n"
                               "b;POLYGON((110 20,111 21,111 20,110 21,110 20))\n"
                               "c;POLYGON((112 20,112 21,113 21,112 20))\n";

static void
test_area_that_crosses_itself_is_refused_with_its_place(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_options options = {.crs = "cgcs2000", .flags = HOST_IMPORT_ROW_WISE};
    struct host_import_report report;
    cim_error error = {0};
    fake_write(fake, "c.csv", crossing, strlen(crossing));
    assert_ok(fake_import(fake, fake_path(fake, "c.csv"), &options, &report, &error), &error);
    assert_int_equal(report.n_written, 2);
    assert_int_equal(report.refusals[0].row, 2);
    assert_string_equal(report.refusals[0].why.value, "110.5000000 20.5000000");
    assert_contains(report.refusals[0].why.en, "Self-intersection");
    assert_contains(report.refusals[0].why.zh, "边界自相交");
    host_import_report_done(&report);
    options.flags = HOST_IMPORT_REPAIR;
    assert_ok(fake_import(fake, fake_path(fake, "c.csv"), &options, &report, &error), &error);
    assert_int_equal(report.n_written, 3);
    assert_int_equal(report.n_warned, 1);
    assert_int_equal(report.warnings[0].row, 2);
    assert_contains(report.warnings[0].why.zh, "已修复：几何无效：边界自相交");
    /* Two triangles of a quarter of a square degree each, beside 0.005 and 0.5. */
    assert_true(fabs(fake->area_deg2 - (0.005 + 0.5 + 0.5)) < 1e-9);
    host_import_report_done(&report);
    options.flags = HOST_IMPORT_ANY_AREA;
    assert_ok(fake_import(fake, fake_path(fake, "c.csv"), &options, &report, &error), &error);
    assert_int_equal(report.n_written, 3);
    host_import_report_done(&report);
}

static void
test_rows_alike_and_overlapping_are_told(void **state)
{
    static const char rows[] =
        "name;wkt\n"
        "a;POLYGON((110 20,110 20.01,110.01 20.01,110.01 20,110 20))\n"
        "b;POLYGON((110.01 20,110.01 20.01,110.02 20.01,110.02 20,110.01 20))\n"
        "c;POLYGON((110.019 20,110.019 20.01,110.03 20.01,110.03 20,110.019 20))\n"
        "d;POLYGON((110.00000001 20,110 20.01,110.01 20.01,110.01 20,"
        "110.00000001 20))\n";
    struct fake_layer *fake = *state;
    struct host_import_options options = {.crs = "cgcs2000",
                                          .flags = HOST_IMPORT_COMPARE | HOST_IMPORT_OVERLAPS |
                                                   HOST_IMPORT_ANY_AREA};
    struct host_import_report report;
    cim_error error = {0};
    double m2 = 0;
    fake_write(fake, "o.csv", rows, strlen(rows));
    assert_ok(fake_import(fake, fake_path(fake, "o.csv"), &options, &report, &error), &error);
    assert_int_equal(report.n_written, 4);
    assert_int_equal(report.n_warned, 3);
    /* 0.001 by 0.01 degrees at 20 north: 104.6 m by 1113.2 m. a and b only touch. */
    assert_int_equal(report.warnings[0].row, 3);
    assert_string_equal(report.warnings[0].why.value, "2");
    assert_int_equal(sscanf(strstr(report.warnings[0].why.en, "about"), "about %lf square", &m2),
                     1);
    assert_true(fabs(m2 - 104.6 * 1113.2) < 500);
    assert_int_equal(report.warnings[1].row, 4);
    assert_int_equal(report.warnings[2].row, 4);
    assert_string_equal(report.warnings[1].why.value, "1");
    host_import_report_done(&report);
    options.flags = HOST_IMPORT_ANY_AREA;
    assert_ok(fake_import(fake, fake_path(fake, "o.csv"), &options, &report, &error), &error);
    assert_int_equal(report.n_warned, 0);
    host_import_report_done(&report);
}

/* The clever way against the plain one: random squares, every pair compared. */
static void
test_overlaps_are_those_of_all_pairs(void **state)
{
    enum { N = 120 };
    struct fake_layer *fake = *state;
    struct host_import_options options = {.crs = "cgcs2000",
                                          .flags = HOST_IMPORT_COMPARE | HOST_IMPORT_OVERLAPS};
    struct host_import_report report;
    cim_error error = {0};
    double at[N][2];
    char *text = malloc(N * 160);
    size_t len = 0;
    int expected = 0;
    assert_non_null(text);
    srand48(20261127);
    len = (size_t)snprintf(text, 160, "name;wkt\n");
    for (int i = 0; i < N; i++) {
        at[i][0] = 110 + drand48() * 0.2;
        at[i][1] = 20 + drand48() * 0.2;
        len += (size_t)snprintf(text + len, 160,
                                "n;POLYGON((%.6f %.6f,%.6f %.6f,%.6f %.6f,%.6f %.6f,%.6f %.6f))\n",
                                at[i][0], at[i][1], at[i][0], at[i][1] + 0.01, at[i][0] + 0.01,
                                at[i][1] + 0.01, at[i][0] + 0.01, at[i][1], at[i][0], at[i][1]);
        for (int j = 0; j < i; j++) {
            const double w = 0.01 - fabs(at[i][0] - at[j][0]);
            const double h = 0.01 - fabs(at[i][1] - at[j][1]);
            expected += w > 1e-6 && h > 1e-6 && w * h * 1.16e10 > 1 ? 1 : 0;
        }
    }
    fake_write(fake, "r.csv", text, len);
    free(text);
    assert_ok(fake_import(fake, fake_path(fake, "r.csv"), &options, &report, &error), &error);
    assert_true(expected > 50);
    assert_int_equal(report.n_warned, expected);
    host_import_report_done(&report);
}

static void
test_lists_of_pairs_and_values(void **state)
{
    static const char rows[] = "a,b=c,unused,wkt\n一,x:y,1,\n二,z,2,\n";
    struct fake_layer *fake = *state;
    struct host_import_options options = {.crs = "cgcs2000",
                                          .map = "a=name,b\\=c=code,unused=",
                                          .set = "day=2026-01-02",
                                          .values = "name:一=壹,code:x\\:y=X\\,1"};
    struct host_import_report report;
    cim_error error = {0};
    fake_write(fake, "v.csv", rows, strlen(rows));
    assert_ok(fake_import(fake, fake_path(fake, "v.csv"), &options, &report, &error), &error);
    assert_string_equal(fake->text, "壹|X,1|||2026-01-02;二|z|||2026-01-02;");
    host_import_report_done(&report);
    options.values = "name=x";
    assert_int_equal(fake_import(fake, fake_path(fake, "v.csv"), &options, &report, &error),
                     CIM_E_INVALID);
    assert_string_equal(error.param, "values");
    host_import_report_done(&report);
    options.values = "none:a=b";
    assert_int_equal(fake_import(fake, fake_path(fake, "v.csv"), &options, &report, &error),
                     CIM_E_INVALID);
    assert_contains(error.en, "no field 'none'");
    host_import_report_done(&report);
}

static void
test_values_have_a_limit(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_options options = {.crs = "cgcs2000"};
    struct host_import_report report;
    cim_error error = {0};
    char *values = calloc(HOST_IMPORT_VALUES_MAX + 1, 20);
    size_t len = 0;
    assert_non_null(values);
    for (int i = 0; i < HOST_IMPORT_VALUES_MAX; i++) {
        len += (size_t)snprintf(values + len, 20, "%sname:%d=x", i > 0 ? "," : "", i);
    }
    options.values = values;
    fake_write(fake, "l.csv", "name,wkt\n499,\n", 14);
    assert_ok(fake_import(fake, fake_path(fake, "l.csv"), &options, &report, &error), &error);
    assert_string_equal(fake->text, "x||||;");
    host_import_report_done(&report);
    (void)snprintf(values + len, 20, ",name:a=b");
    assert_int_equal(fake_import(fake, fake_path(fake, "l.csv"), &options, &report, &error),
                     CIM_E_TOO_LARGE);
    assert_string_equal(error.param, "values");
    host_import_report_done(&report);
    free(values);
}

static struct json_object *
preview(struct fake_layer *fake, const char *name, const char *crs)
{
    const struct host_import_options options = {.crs = crs, .work_dir = fake->dir};
    CIM_AUTO_BUF struct cim_buf out;
    struct json_object *value = NULL;
    cim_error error = {0};
    cim_buf_init(&out, 1 << 20);
    cim_buf_add_char(&out, '{');
    assert_ok(
        host_exchange_preview(fake_path(fake, name), &options, fake->definition, &out, &error),
        &error);
    cim_buf_add_char(&out, '}');
    value = json_tokener_parse(out.data);
    assert_non_null(value);
    return value;
}

static const char *
at(struct json_object *value, const char *key)
{
    struct json_object *member = NULL;
    assert_true(json_object_object_get_ex(value, key, &member));
    return json_object_to_json_string_ext(member, JSON_C_TO_STRING_PLAIN);
}

static void
test_preview_shows_rows_and_asks(void **state)
{
    static const char rows[] = "名称,CODE,other,lon,lat\n一,0898,x,110,20\n二,,y,110.5,20.5\n";
    struct fake_layer *fake = *state;
    struct json_object *value = NULL;
    fake_write(fake, "p.csv", rows, strlen(rows));
    value = preview(fake, "p.csv", NULL);
    assert_contains(at(value, "questions"), "\"param\":\"crs\"");
    assert_string_equal(at(value, "count"), "2");
    assert_string_equal(at(value, "format"), "\"CSV\"");
    assert_contains(at(value, "columns"),
                    "{\"name\":\"名称\",\"type\":\"String\",\"field\":\"name\"");
    assert_contains(at(value, "columns"),
                    "{\"name\":\"CODE\",\"type\":\"String\",\"field\":\"code\"");
    assert_contains(at(value, "columns"), "{\"name\":\"other\",\"type\":\"String\",\"field\":\"\"");
    assert_string_equal(at(value, "rows"),
                        "[[1,\"一\",\"0898\",\"x\",\"110\",\"20\",\"POINT (110 20)\"],"
                        "[2,\"二\",null,\"y\",\"110.5\",\"20.5\",\"POINT (110.5 20.5)\"]]");
    assert_string_equal(at(value, "types"), "{\"Point\":2}");
    json_object_put(value);
    value = preview(fake, "p.csv", "wgs84");
    assert_string_equal(at(value, "questions"), "[]");
    assert_string_equal(at(value, "bbox"), "[110,20,110.5,20.5]");
    json_object_put(value);
}

static void
test_refused_rows_can_be_repaired_and_sent_again(void **state)
{
    struct fake_layer *fake = *state;
    const struct host_import_options options = {
        .crs = "cgcs2000", .flags = HOST_IMPORT_ROW_WISE, .work_dir = fake->dir};
    const struct host_import_repair repairs[] = {{2, "geom", "自相交, \"b\""}};
    struct host_import_report report;
    cim_error error = {0};
    FILE *file = NULL;
    char text[1024] = "";
    fake_write(fake, "c.csv", crossing, strlen(crossing));
    assert_ok(host_exchange_write_repair(fake_path(fake, "c.csv"), &options, fake->definition,
                                         repairs, 1, fake_path(fake, "again.csv"), &error),
              &error);
    file = fopen(fake_path(fake, "again.csv"), "rb");
    assert_non_null(file);
    (void)fread(text, 1, sizeof text - 1, file);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, "\xef\xbb\xbf\"_row\",\"_field\",\"_why\",\"name\",\"wkt\"\r\n"
                              "\"2\",\"geom\",\"自相交, \"\"b\"\"\",\"b\","
                              "\"POLYGON((110 20,111 21,111 20,110 21,110 20))\"\r\n");
    /* Repaired by hand. */
    memcpy(strstr(text, "POLYGON"), "POLYGON((110 20,110 21,111 21,111 20,110 20))", 45);
    fake_write(fake, "again.csv", text, strlen(text));
    assert_ok(fake_import(fake, fake_path(fake, "again.csv"), &options, &report, &error), &error);
    assert_int_equal(report.n_written, 1);
    assert_string_equal(fake->text, "b||||;");
    host_import_report_done(&report);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_area_that_crosses_itself_is_refused_with_its_place,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_alike_and_overlapping_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overlaps_are_those_of_all_pairs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists_of_pairs_and_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_have_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preview_shows_rows_and_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_rows_can_be_repaired_and_sent_again, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("exchange_checks", tests, NULL, NULL);
}
