/* tests/unit/ogc/test_request.c -- whole requests for items and for tiles. */
#include "unit.h"

#include "host/ogc/request.h"
#include "ogc_fixture.h"

#include <stdlib.h>

struct world {
    struct ogc_fixture fixture;
    struct host_crs_pool *pool;
    struct host_crs_worker *crs;
};

static int
setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    ogc_fixture_load(&world->fixture, "enterprises");
    world->pool = host_crs_pool_new();
    world->crs = host_crs_take(world->pool);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;
    host_crs_give(world->pool, world->crs);
    host_crs_pool_free(world->pool);
    ogc_fixture_done(&world->fixture);
    free(world);
    return 0;
}

static cim_status
parse(struct world *world, const struct host_pair *pairs, size_t n,
      struct host_items_request **ret_request, cim_error *err)
{
    return host_items_request_parse(world->fixture.def, pairs, n, world->crs, ret_request, err);
}

static void
test_everything_at_once_is_understood(void **state)
{
    static const struct host_pair pairs[] = {
        {"bbox", "20,110,20.1,110.5"},
        {"bbox-crs", "http://www.opengis.net/def/crs/EPSG/0/4490"},
        {"crs", "EPSG:4546"},
        {"datetime", "2026-01-01T00:00:00Z/.."},
        {"limit", "20000"},
        {"cursor", "345.abc"},
        {"sortby", "-licence_to,name"},
        {"properties", "name,fid,uscc"},
        {"area", "460100"},
        {"licence_state", "valid"},
        {"station_count", "3"},
        {"f", "json"},
    };
    struct host_items_request *request = NULL;
    cim_error err = {0};
    assert_ok(parse(*state, pairs, sizeof pairs / sizeof pairs[0], &request, &err), &err);
    assert_int_equal(request->query.flags, CIM_QUERY_BBOX | CIM_QUERY_DATETIME | CIM_QUERY_CONCEAL);
    assert_true(request->query.bbox_w_deg == 110 && request->query.bbox_s_deg == 20);
    assert_true(request->query.bbox_e_deg == 110.5 && request->query.bbox_n_deg == 20.1);
    assert_int_equal(request->crs.epsg, 4546);
    assert_false(request->crs_degrees);
    assert_int_equal(request->query.from_ms, 1767225600000);
    assert_int_equal(request->query.to_ms, INT64_MAX);
    assert_int_equal(request->limit, HOST_ITEMS_LIMIT_MAX); /* cut, not refused */
    assert_int_equal(request->known_count, 345);
    assert_string_equal(request->query.cursor, "abc");
    assert_int_equal(request->query.n_sort, 2);
    assert_string_equal(request->query.sort[0], "-licence_to");
    assert_int_equal(request->query.n_properties, 2); /* fid comes anyway */
    assert_string_equal(request->query.properties[1], "uscc");
    assert_string_equal(request->query.area, "460100");
    assert_string_equal(request->format, "json");
    assert_int_equal(request->n_filters, 2);
    assert_string_equal(request->query.filter_json,
                        "{\"op\":\"and\",\"args\":["
                        "{\"op\":\"=\",\"args\":[{\"property\":\"licence_state\"},\"valid\"]},"
                        "{\"op\":\"=\",\"args\":[{\"property\":\"station_count\"},3]}]}");
    host_items_request_free(request);
}

static void
test_expressions_come_in_text_or_json_and_in_any_reference_system(void **state)
{
    static const char text[] = "name like '海%' and s_within(geometry,POINT(20 110))";
    static const char like[] = "{\"op\":\"like\",\"args\":[{\"property\":\"name\"},\"海%\"]}";
    static const char within[] =
        "{\"op\":\"s_within\",\"args\":[{\"property\":\"geometry\"},{\"type\":"
        "\"Point\",\"coordinates\":[110.0,20.0]}]}";
    const struct host_pair in_text[] = {{"filter", text}, {"filter-crs", "EPSG:4490"}};
    const struct host_pair in_json[] = {
        {"licence_state", "valid"},
        {"filter-lang", "cql2-json"},
        {"filter", "{\"op\":\"s_disjoint\",\"args\":[{\"bbox\":[20,110,21,111]},{}]}"},
        {"filter-crs", "http://www.opengis.net/def/crs/EPSG/0/4326"},
    };
    struct host_items_request *request = NULL;
    cim_error err = {0};
    char expected[600];
    (void)snprintf(expected, sizeof expected, "{\"op\":\"and\",\"args\":[%s,%s]}", like, within);
    assert_ok(parse(*state, in_text, 2, &request, &err), &err);
    assert_string_equal(request->query.filter_json, expected);
    host_items_request_free(request);
    assert_ok(parse(*state, in_json, 4, &request, &err), &err);
    assert_contains(request->query.filter_json,
                    "\"valid\"]},{\"op\":\"s_disjoint\",\"args\":[{\"bbox\":"
                    "[110.0,20.0,111.0,21.0]},{}]}]}");
    host_items_request_free(request);
}

static void
test_wrong_expressions_are_refused(void **state)
{
    static const struct {
        struct host_pair pairs[2];
        const char *param;
        const char *message;
    } cases[] = {
        {{{"filter", "name ="}, {"f", "json"}}, "filter", "ends at character 7"},
        {{{"filter", "{\"op\":"}, {"filter-lang", "cql2-json"}}, "filter", "ends here"},
        {{{"filter", "true"}, {"filter-lang", "cql"}}, "filter-lang", "cql2-text or cql2-json"},
        {{{"filter", "true"}, {"filter-crs", "EPSG:1"}}, "filter-crs", "reference system"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host_items_request *request = NULL;
        cim_error err = {0};
        assert_int_equal(parse(*state, cases[i].pairs, 2, &request, &err), CIM_E_INVALID);
        assert_string_equal(err.param, cases[i].param);
        assert_contains(err.en, cases[i].message);
    }
}

static void
test_nothing_given_means_the_first_hundred(void **state)
{
    struct host_items_request *request = NULL;
    cim_error err = {0};
    assert_ok(parse(*state, NULL, 0, &request, &err), &err);
    assert_int_equal(request->limit, HOST_ITEMS_LIMIT_DEFAULT);
    assert_int_equal(request->query.flags, CIM_QUERY_CONCEAL);
    assert_null(request->query.filter_json);
    assert_null(request->query.properties);
    assert_int_equal(request->known_count, -1);
    host_items_request_free(request);
}

static void
test_an_export_has_no_limit_unless_given(void **state)
{
    static const struct host_pair all[] = {{"export", "true"}};
    static const struct host_pair some[] = {{"export", "true"}, {"limit", "700000"}};
    struct host_items_request *request = NULL;
    cim_error err = {0};
    assert_ok(parse(*state, all, 1, &request, &err), &err);
    assert_int_equal(request->limit, 0);
    host_items_request_free(request);
    assert_ok(parse(*state, some, 2, &request, &err), &err);
    assert_int_equal(request->limit, 700000);
    host_items_request_free(request);
}

static void
test_filter_values_are_typed_and_escaped(void **state)
{
    static const struct {
        struct host_pair pair;
        const char *json;
    } cases[] = {
        {{"name", "a\"b\\c"}, "\"a\\\"b\\\\c\"]}"},
        {{"credit_score", "-1.50"}, "},-1.5]}"},
        {{"made_up", "true"}, "},true]}"},
        {{"licence_to", "2026-02-28"}, "},\"2026-02-28\"]}"},
        {{"updated_at", "2026-01-01T08:00:00+08:00"}, "},\"2026-01-01T00:00:00.000Z\"]}"},
        {{"fid", "12"}, "},12]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host_items_request *request = NULL;
        cim_error err = {0};
        assert_ok(parse(*state, &cases[i].pair, 1, &request, &err), &err);
        assert_contains(request->query.filter_json, cases[i].json);
        host_items_request_free(request);
    }
}

static const struct {
    struct host_pair pair;
    const char *zh;
    const char *en;
} bad[] = {
    {{"bbox", "1,2,3"}, "应为 4 个", "expected 4 numbers"},
    {{"bbox", "20,110,21,111"}, "坐标次序", "axis order"},
    {{"bbox-crs", "EPSG:99999"}, "EPSG 代码", "EPSG code"},
    {{"crs", "EPSG:5737"}, "EPSG 代码", "EPSG code"},
    {{"crs", "wgs84"}, "坐标参考系 URI", "URI of a reference system"},
    {{"limit", "0"}, "正整数", "positive integer"},
    {{"datetime", "now"}, "时刻", "instant"},
    {{"cursor", "12345"}, "分页标记", "next link"},
    {{"cursor", "99999999999999999999999.x"}, "分页标记", "next link"},
    {{"sortby", "nope"}, "没有此属性", "no such property"},
    {{"properties", ""}, "没有此属性", "no such property"},
    {{"nope", "1"}, "没有此参数", "no such parameter"},
    {{"Limit", "1"}, "没有此参数", "there are: bbox"},
    {{"station_count", "3.5"}, "应为整数", "expected an integer"},
    {{"credit_score", "high"}, "应为数", "expected a number"},
    {{"made_up", "1"}, "应为 true 或 false", "expected true or false"},
    {{"licence_to", "2026-02-30"}, "应为日期", "expected a date"},
    {{"updated_at", "noon"}, "应为时刻", "expected a time"},
    {{"licence_state", "golden"}, "没有此代码", "expected one of: valid"},
    {{"export", "yes"}, "应为 true 或 false", "expected true or false"},
    {{"lang", "fr"}, "应为 zh 或 en", "expected zh or en"},
};

static void
test_a_search_is_handed_to_the_layer(void **state)
{
    static const struct host_pair pairs[] = {{"q", "100%_\\气"}, {"licence_state", "valid"}};
    static const struct host_pair empty[] = {{"q", ""}};
    struct host_items_request *request = NULL;
    cim_error err = {0};
    assert_ok(parse(*state, pairs, 2, &request, &err), &err);
    assert_string_equal(request->query.search, "100%_\\气");
    assert_contains(request->query.filter_json, "{\"property\":\"licence_state\"},\"valid\"]}");
    host_items_request_free(request);
    assert_int_equal(parse(*state, empty, 1, &request, &err), CIM_E_INVALID);
    assert_string_equal(err.param, "q");
}

static void
test_wrong_input_is_named_with_what_was_expected(void **state)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct host_items_request *request = NULL;
        cim_error err = {0};
        if (parse(*state, &bad[i].pair, 1, &request, &err) != CIM_E_INVALID) {
            fail_msg("%s=%s is not refused", bad[i].pair.name, bad[i].pair.value);
        }
        assert_null(request);
        assert_string_equal(err.param, bad[i].pair.name);
        assert_contains(err.zh, bad[i].zh);
        assert_contains(err.en, bad[i].en);
    }
}

static void
test_twice_and_too_many_are_refused(void **state)
{
    static const struct host_pair twice[] = {{"limit", "1"}, {"f", "json"}, {"limit", "2"}};
    struct host_pair many[HOST_QUERY_PAIRS_MAX + 1];
    struct host_items_request *request = NULL;
    cim_error err = {0};
    char *text = calloc(1, HOST_QUERY_VALUE_MAX + 2);
    assert_int_equal(parse(*state, twice, 3, &request, &err), CIM_E_INVALID);
    assert_contains(err.en, "twice");
    for (size_t i = 0; i <= HOST_QUERY_PAIRS_MAX; i++) {
        many[i] = (struct host_pair){"name", "x"};
    }
    assert_int_equal(parse(*state, many, HOST_QUERY_PAIRS_MAX + 1, &request, &err),
                     CIM_E_TOO_LARGE);
    assert_non_null(text);
    memset(text, 'x', HOST_QUERY_VALUE_MAX);
    many[0].value = text;
    assert_ok(parse(*state, many, 1, &request, &err), &err); /* at the limit */
    host_items_request_free(request);
    text[HOST_QUERY_VALUE_MAX] = 'x';
    assert_int_equal(parse(*state, many, 1, &request, &err), CIM_E_TOO_LARGE);
    free(text);
}

static void
test_tile_filters_take_area_and_fields_only(void **state)
{
    static const char *const also[] = {"f", NULL};
    static const struct host_pair good[] = {{"area", "460100"}, {"risk", "high"}, {"f", "mvt"}};
    static const struct host_pair wrong[] = {{"bbox", "1,2,3,4"}};
    struct world *world = *state;
    const struct cim_field *fields[4];
    char *area = NULL;
    char *filter = NULL;
    size_t n = 0;
    cim_error err = {0};
    /* The code list decides which grades exist. */
    const struct cim_field *risk = cim_definition_field(world->fixture.def, "risk");
    const struct host_pair real[] = {good[0], {"risk", risk->codes->codes[0].value}, good[2]};
    assert_ok(
        host_filters_parse(world->fixture.def, real, 3, also, &area, &filter, fields, 4, &n, &err),
        &err);
    assert_string_equal(area, "460100");
    assert_contains(filter, "{\"property\":\"risk\"}");
    assert_int_equal(n, 1);
    assert_ptr_equal(fields[0], risk);
    free(area);
    free(filter);
    assert_int_equal(
        host_filters_parse(world->fixture.def, wrong, 1, also, &area, &filter, fields, 4, &n, &err),
        CIM_E_INVALID);
    assert_string_equal(err.param, "bbox");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_at_once_is_understood),
        cmocka_unit_test(test_expressions_come_in_text_or_json_and_in_any_reference_system),
        cmocka_unit_test(test_wrong_expressions_are_refused),
        cmocka_unit_test(test_nothing_given_means_the_first_hundred),
        cmocka_unit_test(test_an_export_has_no_limit_unless_given),
        cmocka_unit_test(test_filter_values_are_typed_and_escaped),
        cmocka_unit_test(test_a_search_is_handed_to_the_layer),
        cmocka_unit_test(test_wrong_input_is_named_with_what_was_expected),
        cmocka_unit_test(test_twice_and_too_many_are_refused),
        cmocka_unit_test(test_tile_filters_take_area_and_fields_only),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
