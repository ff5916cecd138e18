/* tests/unit/data/test_query_refused.c -- queries that are refused, and how. */
#include "oracle.h"

#include <math.h>

static void
expect_query(struct fixture *fixture, const cim_query *query, const cim_scope *scope,
             cim_status expected, const char *param, const char *message)
{
    const cim_call call = fake_call(scope);
    cim_rows *rows = NULL;
    cim_error err = {0};
    const cim_status status = lpg_layer_query(fixture->things, &call, query, &rows, &err);
    if (status != expected) {
        fail_msg("%s: status %d (%s)", message, status, err.en);
    }
    if (status == CIM_OK) {
        rows->release(rows);
        return;
    }
    assert_string_equal(err.param, param);
    assert_contains(err.en, message);
    assert_true(err.zh[0] != '\0');
}

static void
test_wrong_filters_are_refused_by_operator_and_property(void **state)
{
    static const struct {
        const char *filter;
        const char *value;
        const char *message;
    } cases[] = {
        {"{\"op\":\"a_contains\",\"args\":[{\"property\":\"name\"},[1]]}", "a_contains",
         "not served"},
        {"{\"op\":\"s_intersects\",\"args\":[{\"property\":\"name\"},{\"bbox\":[1,2,3,4]}]}",
         "name", "the property geometry"},
        {"{\"op\":\"s_intersects\",\"args\":[{\"property\":\"geom\"},{\"bbox\":[1,4,3,2]}]}",
         "[ 1, 4, 3, 2 ]", "south not above"},
        {"{\"op\":\"s_intersects\",\"args\":[{\"property\":\"geom\"},{\"type\":\"Point\","
         "\"coordinates\":[20,110]}]}",
         "[20,110]", "out of range"},
        {"{\"op\":\"s_within\",\"args\":[{\"property\":\"geom\"},{\"type\":\"GeometryCollection\","
         "\"geometries\":[]}]}",
         "GeometryCollection", "1 to 1000"},
        {"{\"op\":\"t_after\",\"args\":[{\"property\":\"name\"},{\"date\":\"2024-01-01\"}]}",
         "name", "a date or a time"},
        {"{\"op\":\"t_after\",\"args\":[{\"property\":\"seen_at\"},{\"interval\":[\"now\",\"..\"]}]"
         "}",
         "now", "expected a date"},
        {"{\"op\":\"t_after\",\"args\":[{\"property\":\"seen_at\"},{\"interval\":[\"..\"]}]}",
         "t_after", "\"interval\""},
        {"{\"op\":\"=\",\"args\":[{\"op\":\"sin\",\"args\":[{\"property\":\"size\"}]},1]}", "sin",
         "no such function"},
        {"{\"op\":\"=\",\"args\":[{\"op\":\"+\",\"args\":[{\"property\":\"name\"},1]},1]}", "name",
         "another type"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"nam\"},1]}", "nam", "no such property"},
        {"{\"op\":\"=\",\"args\":[1,{\"property\":\"geom\"}]}", "geom",
         "compares by the functions"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"size\"},\"1\"]}", "size", "a number"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"size\"}]}", "=", "number of arguments"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"name\"},{\"property\":\"size\"}]}", "size",
         "another type"},
        {"{\"op\":\"and\",\"args\":[]}", "and", "number of arguments"},
        {"{\"op\":\"in\",\"args\":[{\"property\":\"name\"},[]]}", "in", "not empty"},
        {"{\"op\":\"like\",\"args\":[{\"property\":\"size\"},\"1\"]}", "like", "text property"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"built_on\"},\"2024-13-01\"]}", "built_on",
         "a date"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"seen_at\"},\"now\"]}", "seen_at", "a time"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"made_up\"},1]}", "made_up", "true or false"},
        {"[1]", "[ 1 ]", "expected a CQL2"},
        {"{\"op\":\"=\"", "", "ends here"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"name; drop table test_thing\"},\"1\"]}",
         "name; drop table test_thing", "no such property"},
    };
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const cim_query query = {.struct_size = sizeof query, .filter_json = cases[i].filter};
        int64_t count = 0;
        cim_error err = {0};
        expect_query(fixture, &query, fake_scope_all(), CIM_E_INVALID, "filter", cases[i].message);
        assert_int_equal(lpg_layer_count(fixture->things, &call, &query, &count, &err),
                         CIM_E_INVALID);
        assert_string_equal(err.value, cases[i].value);
    }
}

static void
test_filters_have_limits(void **state)
{
    struct fixture *fixture = *state;
    for (int depth = LPG_FILTER_DEPTH_MAX; depth <= LPG_FILTER_DEPTH_MAX + 1; depth++) {
        struct cim_buf text;
        cim_buf_init(&text, 10000);
        for (int i = 0; i < depth; i++) {
            cim_buf_add_text(&text, "{\"op\":\"not\",\"args\":[");
        }
        cim_buf_add_text(&text, "true");
        for (int i = 0; i < depth; i++) {
            cim_buf_add_text(&text, "]}");
        }
        const cim_query query = {.struct_size = sizeof query, .filter_json = text.data};
        expect_query(fixture, &query, fake_scope_all(),
                     depth <= LPG_FILTER_DEPTH_MAX ? CIM_OK : CIM_E_TOO_LARGE, "filter",
                     "over 16 levels");
        cim_buf_done(&text);
    }
    for (int n = LPG_FILTER_VALUES_MAX; n <= LPG_FILTER_VALUES_MAX + 1; n++) {
        struct cim_buf text;
        cim_buf_init(&text, 10000);
        cim_buf_add_text(&text, "{\"op\":\"in\",\"args\":[{\"property\":\"pieces\"},[");
        for (int i = 0; i < n; i++) {
            cim_buf_addf(&text, "%s%d", i > 0 ? "," : "", i);
        }
        cim_buf_add_text(&text, "]]}");
        const cim_query query = {.struct_size = sizeof query, .filter_json = text.data};
        expect_query(fixture, &query, fake_scope_all(),
                     n <= LPG_FILTER_VALUES_MAX ? CIM_OK : CIM_E_TOO_LARGE, "filter",
                     "at most 200");
        cim_buf_done(&text);
    }
}

static void
test_masked_fields_neither_filter_nor_sort_nor_count(void **state)
{
    static const char *const sort[] = {"-phone"};
    struct fixture *fixture = *state;
    const cim_query filter = {
        .struct_size = sizeof filter,
        .filter_json = "{\"op\":\"=\",\"args\":[{\"property\":\"phone\"},\"13800138000\"]}"};
    const cim_query sorted = {.struct_size = sizeof sorted, .sort = sort, .n_sort = 1};
    const cim_query plain = {.struct_size = sizeof plain};
    const cim_call call = fake_call(&narrow_scope);
    cim_rows *rows = NULL;
    cim_error err = {0};
    expect_query(fixture, &filter, &narrow_scope, CIM_E_DENIED, "phone", "in clear");
    expect_query(fixture, &sorted, &narrow_scope, CIM_E_DENIED, "phone", "in clear");
    expect_query(fixture, &filter, fake_scope_all(), CIM_OK, "", "");
    assert_int_equal(lpg_data_group_count(fixture->things, &call, &plain,
                                          &(struct lpg_grouping){.n_by = 1, .by = {"phone"}}, &rows,
                                          &err),
                     CIM_E_DENIED);
}

static void
test_wrong_queries_are_refused(void **state)
{
    static const char *const bad_sort[] = {"nothing"};
    static const char *const twice[] = {"name", "-name"};
    static const char *const bad_property[] = {"nothing"};
    struct fixture *fixture = *state;
    const cim_scope *all = fake_scope_all();
    const cim_scope old = {
        .struct_size = sizeof old, .n_terms = 2, .terms = narrow_scope.terms, .areas_version = 4};
    cim_query query = {.struct_size = sizeof query};
    expect_query(fixture, &query, &old, CIM_E_BUSY, "", "area tree");
    query.sort = bad_sort;
    query.n_sort = 1;
    expect_query(fixture, &query, all, CIM_E_INVALID, "sortby", "no such property");
    query.sort = twice;
    query.n_sort = 2;
    expect_query(fixture, &query, all, CIM_E_INVALID, "sortby", "twice");
    query = (cim_query){.struct_size = sizeof query, .properties = bad_property, .n_properties = 1};
    expect_query(fixture, &query, all, CIM_E_INVALID, "properties", "no such property");
    query = (cim_query){.struct_size = sizeof query, .area = "999999"};
    expect_query(fixture, &query, all, CIM_E_INVALID, "area", "no such area");
    query = (cim_query){.struct_size = sizeof query, .limit = -1};
    expect_query(fixture, &query, all, CIM_E_INVALID, "limit", "positive");
    query = (cim_query){
        .struct_size = sizeof query, .flags = CIM_QUERY_DATETIME, .from_ms = 2, .to_ms = 1};
    expect_query(fixture, &query, all, CIM_E_INVALID, "datetime", "begins after");
    static const double boxes[][4] = {{0, 10, 1, 9},  {-181, 0, 1, 1}, {0, 0, 181, 1},
                                      {0, -91, 1, 1}, {0, 0, 1, 91},   {(double)NAN, 0, 1, 1}};
    for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++) {
        query = (cim_query){.struct_size = sizeof query,
                            .flags = CIM_QUERY_BBOX,
                            .bbox_w_deg = boxes[i][0],
                            .bbox_s_deg = boxes[i][1],
                            .bbox_e_deg = boxes[i][2],
                            .bbox_n_deg = boxes[i][3]};
        expect_query(fixture, &query, all, CIM_E_INVALID, "bbox", "west, south");
    }
}

static void
test_cursors_are_checked_when_they_come_back(void **state)
{
    static const char *const by_name[] = {"name"};
    static const char *const by_size[] = {"size"};
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    cim_query query = {.struct_size = sizeof query, .limit = 1, .sort = by_name, .n_sort = 1};
    cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error err = {0};
    char token[200];
    uint64_t seed = 1;
    load_things(fixture, &seed, N_ROWS);
    assert_ok(lpg_layer_query(fixture->things, &call, &query, &rows, &err), &err);
    assert_ok(rows->next(rows, &batch, &err), &err);
    assert_non_null(rows->cursor(rows));
    (void)snprintf(token, sizeof token, "%s", rows->cursor(rows));
    rows->release(rows);
    query.cursor = token;
    expect_query(fixture, &query, fake_scope_all(), CIM_OK, "", "");
    query.sort = by_size;
    expect_query(fixture, &query, fake_scope_all(), CIM_E_INVALID, "cursor", "none of this");
    query.sort = by_name;
    for (size_t cut = 0; cut < strlen(token); cut++) {
        char part[200];
        (void)snprintf(part, sizeof part, "%.*s", (int)cut, token);
        query.cursor = part;
        expect_query(fixture, &query, fake_scope_all(), CIM_E_INVALID, "cursor", "none of this");
    }
    static const char *const bad[] = {"!", "====", "AAAA", "a b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        query.cursor = bad[i];
        expect_query(fixture, &query, fake_scope_all(), CIM_E_INVALID, "cursor", "none of this");
    }
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_wrong_filters_are_refused_by_operator_and_property),
        WITH_STORE(test_filters_have_limits),
        WITH_STORE(test_masked_fields_neither_filter_nor_sort_nor_count),
        WITH_STORE(test_wrong_queries_are_refused),
        WITH_STORE(test_cursors_are_checked_when_they_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
