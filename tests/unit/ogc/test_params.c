/* tests/unit/ogc/test_params.c -- parameter parsers, each with good and bad input and the words of
 * the refusal. */
#include "unit.h"

#include "host/ogc/params.h"
#include "ogc_fixture.h"

static const struct {
    const char *text;
    double box[4];
} good_boxes[] = {
    {"108.6,18.1,111.1,20.2", {108.6, 18.1, 111.1, 20.2}},
    {"-1,-2,+3,4e0", {-1, -2, 3, 4}},
    {"1,2,-100,3,4,100", {1, 2, 3, 4}}, /* heights left out */
    {"170,-10,-170,10", {170, -10, -170, 10}},
};
static const char *const bad_boxes[] = {
    "",          "1,2,3",     "1,2,3,4,5", "1,2,3,4,5,6,7", "1,2,3,",      ",1,2,3",   "1,2,3,four",
    "1,2,3,nan", "1,2,3,inf", "0x1,2,3,4", "1;2;3;4",       "1,2,3,1e999", " 1,2,3,4", "1,2,3,4 "};

static void
test_bbox_accepts_four_or_six_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_boxes / sizeof good_boxes[0]; i++) {
        double box[4];
        cim_error err = {0};
        assert_ok(host_parse_bbox(good_boxes[i].text, box, &err), &err);
        assert_memory_equal(box, good_boxes[i].box, sizeof box);
    }
    for (size_t i = 0; i < sizeof bad_boxes / sizeof bad_boxes[0]; i++) {
        double box[4] = {9, 9, 9, 9};
        cim_error err = {0};
        assert_int_equal(host_parse_bbox(bad_boxes[i], box, &err), CIM_E_INVALID);
        assert_string_equal(err.param, "bbox");
        assert_string_equal(err.value, bad_boxes[i]);
        assert_contains(err.zh, "应为 4 个");
        assert_contains(err.en, "expected 4 numbers");
        assert_true(box[0] == 9);
    }
}

static void
test_bbox_refuses_positions_off_the_globe(void **state)
{
    static const double off[][4] = {
        {20, 110, 21, 111}, {-181, 0, 0, 1}, {0, -91, 1, 0}, {0, 0, 181, 1}};
    static const double upside_down[4] = {110, 21, 111, 20};
    cim_error err = {0};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(host_check_bbox("text", off[i], &err), CIM_E_INVALID);
        assert_contains(err.en, "axis order");
        assert_contains(err.zh, "坐标次序");
    }
    assert_int_equal(host_check_bbox("text", upside_down, &err), CIM_E_INVALID);
    assert_contains(err.en, "southern edge");
    assert_ok(host_check_bbox("text", good_boxes[3].box, &err), &err);
}

static const struct {
    const char *text;
    int64_t from_ms;
    int64_t to_ms;
} good_times[] = {
    {"1970-01-01T00:00:01Z", 1000, 1000},
    {"1970-01-01T08:00:01+08:00", 1000, 1000},
    {"1970-01-01T00:00:01Z/1970-01-01T00:00:02Z", 1000, 2000},
    {"../1970-01-01T00:00:02Z", INT64_MIN, 2000},
    {"/1970-01-01T00:00:02Z", INT64_MIN, 2000},
    {"1970-01-01T00:00:01Z/..", 1000, INT64_MAX},
    {"1970-01-01T00:00:01Z/", 1000, INT64_MAX},
    /* a day in Beijing */
    {"1970-01-02", 57600000, 144000000 - 1},
    {"1970-01-02/1970-01-03", 57600000, 230400000 - 1},
};
static const char *const bad_times[] = {"",
                                        "..",
                                        "../..",
                                        "/",
                                        "yesterday",
                                        "2026-13-01",
                                        "2026-02-30",
                                        "2026-01-01T25:00:00Z",
                                        "2026-01-01/2026-01-02/2026-01-03",
                                        "2026",
                                        "2026-01-01T00:00:00Zx"};

static void
test_datetime_accepts_instants_days_and_intervals(void **state)
{
    cim_error err = {0};
    int64_t from = 5;
    int64_t to = 6;
    (void)state;
    for (size_t i = 0; i < sizeof good_times / sizeof good_times[0]; i++) {
        assert_ok(host_parse_datetime(good_times[i].text, &from, &to, &err), &err);
        assert_int_equal(from, good_times[i].from_ms);
        assert_int_equal(to, good_times[i].to_ms);
    }
    for (size_t i = 0; i < sizeof bad_times / sizeof bad_times[0]; i++) {
        if (host_parse_datetime(bad_times[i], &from, &to, &err) != CIM_E_INVALID) {
            fail_msg("'%s' is not refused", bad_times[i]);
        }
        assert_string_equal(err.param, "datetime");
        assert_string_equal(err.value, bad_times[i]);
        assert_contains(err.zh, "时刻");
        assert_contains(err.en, "interval from/to");
    }
    assert_int_equal(host_parse_datetime("2026-01-02/2026-01-01", &from, &to, &err), CIM_E_INVALID);
    assert_contains(err.en, "starts after it ends");
}

static void
test_limit_is_a_positive_integer(void **state)
{
    static const char *const bad[] = {"", "0", "-1", "ten", "1.5", "1e3", "99999999999999999999"};
    cim_error err = {0};
    int64_t limit = 7;
    (void)state;
    assert_ok(host_parse_limit("10", 100, &limit, &err), &err);
    assert_int_equal(limit, 10);
    assert_ok(host_parse_limit("1000", 100, &limit, &err), &err); /* cut by the caller */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(host_parse_limit(bad[i], 100, &limit, &err), CIM_E_INVALID);
        assert_string_equal(err.param, "limit");
        assert_string_equal(err.value, bad[i]);
        assert_contains(err.zh, "每页最多 100");
        assert_contains(err.en, "at most 100 a page");
    }
}

static void
test_names_must_be_properties(void **state)
{
    struct ogc_fixture fixture;
    const char *names[3];
    size_t n = 0;
    cim_error err = {0};
    char good[] = "-licence_to,+name,fid";
    char unknown[] = "name,nope";
    char signs[] = "-name";
    char empty[] = "name,,uscc";
    char many[] = "name,uscc,kind,risk";
    (void)state;
    ogc_fixture_load(&fixture, "enterprises");
    assert_ok(host_parse_names("sortby", good, fixture.def, true, names, 3, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_string_equal(names[0], "-licence_to");
    assert_string_equal(names[1], "name");
    assert_string_equal(names[2], "fid");
    assert_int_equal(
        host_parse_names("properties", unknown, fixture.def, false, names, 3, &n, &err),
        CIM_E_INVALID);
    assert_string_equal(err.param, "properties");
    assert_string_equal(err.value, "nope");
    assert_contains(err.en, "there are: org_code, name");
    assert_contains(err.zh, "没有此属性");
    assert_int_equal(host_parse_names("properties", signs, fixture.def, false, names, 3, &n, &err),
                     CIM_E_INVALID);
    assert_int_equal(host_parse_names("sortby", empty, fixture.def, true, names, 3, &n, &err),
                     CIM_E_INVALID);
    assert_int_equal(host_parse_names("sortby", many, fixture.def, true, names, 3, &n, &err),
                     CIM_E_INVALID);
    assert_contains(err.en, "at most 3");
    ogc_fixture_done(&fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bbox_accepts_four_or_six_numbers),
        cmocka_unit_test(test_bbox_refuses_positions_off_the_globe),
        cmocka_unit_test(test_datetime_accepts_instants_days_and_intervals),
        cmocka_unit_test(test_limit_is_a_positive_integer),
        cmocka_unit_test(test_names_must_be_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
