/* TXT of boundary points: crafted files with known areas and positions, and each fault of theirs.
 */
#include "fake_layer.h"

#include "host/exchange/parcels.h"
#include "host/exchange/source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HEAD                                                                                                    \
    "[属性描述]\r\n格式版本号=1.01版本\r\n坐标系=2000国家大地坐标系\r\n几度分带=3\r\n" \
    "投影类型=高斯克吕格\r\n计量单位=米\r\n带号=37\r\n精度=0.001\r\n转换参数=,,,,,,\r\n"  \
    "[地块坐标]\r\n"
/* 90 m by 90 m with a hole of 30 m by 30 m, and a second part of 10 m by 10 m. */
#define SQUARE                                                                                     \
    "J1,1,2212000.000,37400000.000\r\nJ2,1,2212090.000,37400000.000\r\n"                           \
    "J3,1,2212090.000,37400090.000\r\nJ4,1,2212000.000,37400090.000\r\n"                           \
    "J1,1,2212000.000,37400000.000\r\n"
#define HOLE                                                                                       \
    "J5,2,2212030.000,37400030.000\r\nJ6,2,2212060.000,37400030.000\r\n"                           \
    "J7,2,2212060.000,37400060.000\r\nJ8,2,2212030.000,37400060.000\r\n"                           \
    "J5,2,2212030.000,37400030.000\r\n"
#define APART                                                                                      \
    "J9,3,2212200.000,37400200.000\r\nJ10,3,2212210.000,37400200.000\r\n"                          \
    "J11,3,2212210.000,37400210.000\r\nJ12,3,2212200.000,37400210.000\r\n"
#define FIRST_LINE(n) n ",0.7300,DK-01,一号地块,面,F49G001,公用设施,0809,@\r\n"

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

static void
import_text(struct fake_layer *fake, const char *text, const char *crs)
{
    const struct host_import_options options = {
        .crs = crs, .map = "地块名称=name,地类编码=code,地块面积=size_in_metres"};
    struct host_import_report report;
    cim_error error = {0};
    fake_write(fake, "p.txt", text, strlen(text));
    assert_ok(fake_import(fake, fake_path(fake, "p.txt"), &options, &report, &error), &error);
    assert_string_equal(report.format, "TXT parcels");
    host_import_report_done(&report);
}

static void
test_rings_become_a_polygon_with_hole_and_part(void **state)
{
    struct fake_layer *fake = *state;
    /* Square degrees at this place: metres per degree of the ellipsoid at 19.99° N and the scale of
     * the zone (Snyder 1987, 8-1 to 8-3), near enough for the area at a thousandth. */
    const double lat = 19.9946 * 0.017453292519943295;
    const double e2 = 0.0066943800229;
    const double m = 6378137.0 * (1 - e2) / pow(1 - e2 * sin(lat) * sin(lat), 1.5);
    const double n = 6378137.0 / sqrt(1 - e2 * sin(lat) * sin(lat));
    const double per_deg2 = m * n * cos(lat) * 0.017453292519943295 * 0.017453292519943295;
    import_text(fake, HEAD FIRST_LINE("14") SQUARE HOLE APART, NULL);
    assert_string_equal(fake->text, "一号地块|0809||0.7300|;");
    assert_true(fabs(fake->area_deg2 * per_deg2 - (8100 - 900 + 100)) < 7.3);
    /* Zone 37 has its meridian at 111°: 100 km west of it, and 2212 km north. */
    assert_true(fabs(fake->box[0] - 110.0439) < 1e-3);
    assert_true(fabs(fake->box[1] - 19.9946) < 1e-2);
}

static void
test_zone_in_easting_or_not_is_the_same_place(void **state)
{
    struct fake_layer *fake = *state;
    double box[4];
    import_text(fake, HEAD FIRST_LINE("4") SQUARE, NULL);
    memcpy(box, fake->box, sizeof box);
    import_text(fake,
                HEAD FIRST_LINE("4") "J1,1,2212000,400000\nJ2,1,2212090,400000\n"
                                     "J3,1,2212090,400090\nJ4,1,2212000,400090\n",
                NULL);
    for (int i = 0; i < 4; i++) {
        assert_true(fabs(box[i] - fake->box[i]) < 1e-9);
    }
    import_text(fake, "[地块坐标]\n4,0.81,1,x,面,,,,@\n" SQUARE, "EPSG:4525");
    assert_true(fabs(box[0] - fake->box[0]) < 1e-9);
}

static void
test_gbk_file_is_read(void **state)
{
    struct fake_layer *fake = *state;
    char gbk[4096] = "";
    char *to = gbk;
    char *from = (char *)(uintptr_t)(HEAD FIRST_LINE("4") SQUARE);
    size_t n_from = strlen(from);
    size_t n_to = sizeof gbk - 1;
    iconv_t conversion = iconv_open("GBK", "UTF-8");
    assert_int_equal(iconv(conversion, &from, &n_from, &to, &n_to), 0);
    assert_int_equal(iconv_close(conversion), 0);
    import_text(fake, gbk, NULL);
    assert_string_equal(fake->text, "一号地块|0809||0.7300|;");
}

static void
test_faults_are_named_by_line(void **state)
{
    static const struct {
        const char *text;
        const char *param;
        const char *value;
        const char *part;
    } cases[] = {
        {HEAD FIRST_LINE("4") "J1,1,2212000,37400000\nJ2,1,22120x0,37400000\n", "X", "22120x0",
         "line 13 (parcel 1): X: expected a number"},
        {HEAD FIRST_LINE("4") "J1,1,2212000\n", "界址点", "J1",
         "line 12 (parcel 1): expected point"},
        {HEAD FIRST_LINE("5") "J1,1,2212000,37400000\nJ2,1,2212090,37400000\n"
                              "J3,1,2212090,37400090\n",
         "界址点数", "5", "its head names 5 points, 3 were read"},
        {HEAD FIRST_LINE("4") "J1,1,2212000,38400000\n", "Y", "38400000", "zone in the easting"},
        {HEAD FIRST_LINE("4") "J1,1,37400000,2212000\n", "Y", "2212000", "zone in the easting"},
        {HEAD FIRST_LINE("4") "J1,1,2212000,37400000\nJ2,1,2212090,400000\n", "Y", "400000",
         "some eastings carry the zone"},
        {HEAD "4,0.81,1,x,面\n", "地块", "4,0.81,1,x,面", "expected to end with ,@"},
        {HEAD FIRST_LINE("2") "J1,1,2212000,37400000\nJ2,1,2212090,37400000\n", "圈号", "一号地块",
         "ring 1 has 2 points"},
        {HEAD, "file", "", "holds no parcel"},
        {"[属性描述]\n坐标系=2000国家大地坐标系\n", "file", "", "[地块坐标] is missing"},
        {"[属性描述]\n计量单位=度\n[地块坐标]\n", "计量单位", "度", "expected 米"},
        {"[属性描述]\n几度分带=4\n[地块坐标]\n", "几度分带", "4", "expected 3 or 6"},
        {"[属性描述]\n带号=99\n[地块坐标]\n", "带号", "99", "expected 13 to 23"},
        {"[地块坐标]\n4,0.81,1,x,面,,,,@\n" SQUARE, "crs", "", "no reference system"},
        {"[属性描述]\n坐标系=1980西安坐标系\n几度分带=3\n带号=37\n[地块坐标]\n"
         "4,0.81,1,x,面,,,,@\n" SQUARE,
         "crs", "EPSG:2361", "tens of metres off"},
    };
    struct fake_layer *fake = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host_import_report report;
        cim_error error = {0};
        fake_write(fake, "p.txt", cases[i].text, strlen(cases[i].text));
        assert_int_not_equal(fake_import(fake, fake_path(fake, "p.txt"), NULL, &report, &error),
                             CIM_OK);
        assert_contains(error.en, cases[i].part);
        assert_string_equal(error.param, cases[i].param);
        assert_string_equal(error.value, cases[i].value);
        assert_int_equal(fake->n_rows, 0);
        host_import_report_done(&report);
    }
}

/* Wherever a file is cut, it is refused, or what is missing was only white space. */
static void
test_every_truncation_is_refused(void **state)
{
    static const char whole[] = HEAD FIRST_LINE("14") SQUARE HOLE APART;
    struct fake_layer *fake = *state;
    for (size_t len = 20; len < sizeof whole - 3; len += 7) {
        struct host_import_report report;
        cim_error error = {0};
        const size_t cut = len;
        fake_write(fake, "p.txt", whole, cut);
        if (fake_import(fake, fake_path(fake, "p.txt"), NULL, &report, &error) == CIM_OK) {
            /* Decimals cut off the last point say the same number. */
            assert_true(sizeof whole - 1 - cut <= 6);
        }
        host_import_report_done(&report);
    }
}

static void
test_codes_of_reference_systems(void **state)
{
    static const struct {
        struct host_parcels parcels;
        int32_t code;
    } cases[] = {
        {{.system = "2000国家大地坐标系", .zone_width = 3, .zone = 37, .has_zone_prefix = true},
         4525},
        {{.system = "2000国家大地坐标系", .zone_width = 3, .zone = 37}, 4546},
        {{.system = "CGCS2000", .zone_width = 6, .zone = 19, .has_zone_prefix = true}, 4497},
        {{.system = "CGCS2000", .zone_width = 6, .zone = 19}, 4508},
        {{.system = "80国家大地坐标系", .zone_width = 3, .zone = 37, .has_zone_prefix = true},
         2361},
        {{.system = "1954北京坐标系", .zone_width = 6, .zone = 19, .has_zone_prefix = true}, 21419},
        {{.system = "地方坐标系", .zone_width = 3, .zone = 37}, 0},
        {{.system = "CGCS2000", .zone_width = 3, .zone = 19}, 0},
        {{.system = "CGCS2000", .zone = 37}, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(host_parcels_epsg(&cases[i].parcels), cases[i].code);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rings_become_a_polygon_with_hole_and_part, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_zone_in_easting_or_not_is_the_same_place, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_gbk_file_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults_are_named_by_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_truncation_is_refused, setup, teardown),
        cmocka_unit_test(test_codes_of_reference_systems),
    };
    return cmocka_run_group_tests_name("exchange_parcels", tests, NULL, NULL);
}
