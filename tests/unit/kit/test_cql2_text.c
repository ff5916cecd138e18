/* tests/unit/kit/test_cql2_text.c -- CQL2 text and the tree it stands for. */
#include "kit/cql2_text.h"
#include "unit.h"

#include <json-c/json.h>
#include <stdlib.h>

static void
expect_tree(const char *text, const char *json)
{
    struct json_object *tree = NULL;
    cim_error err = {0};
    if (cim_cql2_text_parse(text, strlen(text), &tree, &err) != CIM_OK) {
        fail_msg("%s: %s [%s]", text, err.en, err.value);
    }
    assert_string_equal(json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE),
                        json);
    json_object_put(tree);
}

#define P(name) "{\"property\":\"" name "\"}"

static void
test_operators_bind_as_the_grammar_says(void **state)
{
    (void)state;
    expect_tree(
        "a=1 or b=2 and not c=3",
        "{\"op\":\"or\",\"args\":[{\"op\":\"=\",\"args\":[" P(
            "a") ",1]},"
                 "{\"op\":\"and\",\"args\":[{\"op\":\"=\",\"args\":[" P(
                     "b") ",2]},"
                          "{\"op\":\"not\",\"args\":[{\"op\":\"=\",\"args\":[" P("c") ",3]}]}]}]}");
    expect_tree("a = 1 - 2 - 3 * 2 ^ 2",
                "{\"op\":\"=\",\"args\":[" P(
                    "a") ",{\"op\":\"-\",\"args\":[{\"op\":\"-\",\"args\":[1,2]},"
                         "{\"op\":\"*\",\"args\":[3,{\"op\":\"^\",\"args\":[2,2]}]}]}]}");
    expect_tree("-a > -1.5 AND (x) IS NOT NULL",
                "{\"op\":\"and\",\"args\":[{\"op\":\">\",\"args\":[{\"op\":\"*\",\"args\":[-1," P(
                    "a") "]},-1.5]},"
                         "{\"op\":\"not\",\"args\":[{\"op\":\"isNull\",\"args\":[" P("x") "]}]}]}");
    expect_tree(
        "a BETWEEN 1 AND 2 AND b NOT IN (3, 4)",
        "{\"op\":\"and\",\"args\":[{\"op\":\"between\",\"args\":[" P(
            "a") ",1,2]},"
                 "{\"op\":\"not\",\"args\":[{\"op\":\"in\",\"args\":[" P("b") ",[3,4]]}]}]}");
}

static void
test_texts_names_and_literals(void **state)
{
    (void)state;
    expect_tree("\"单位.名称\"='O''Neill \\'液化气\\''",
                "{\"op\":\"=\",\"args\":[" P("单位.名称") ",\"O'Neill '液化气'\"]}");
    expect_tree("名称　not like '海口%'",
                "{\"op\":\"not\",\"args\":[{\"op\":\"like\",\"args\":[" P("名称") ",\"海口%\"]}]}");
    expect_tree("CaseI(n)=accentI('É')", "{\"op\":\"=\",\"args\":[{\"op\":\"casei\",\"args\":[" P(
                                             "n") "]},"
                                                  "{\"op\":\"accenti\",\"args\":[\"É\"]}]}");
    expect_tree("date=DATE('2026-01-31')",
                "{\"op\":\"=\",\"args\":[" P("date") ",{\"date\":\"2026-01-31\"}]}");
    expect_tree("T_METBY(INTERVAL(a,'..'),TIMESTAMP('2026-01-31T00:00:00Z'))",
                "{\"op\":\"t_metBy\",\"args\":[{\"interval\":[" P(
                    "a") ",\"..\"]},"
                         "{\"timestamp\":\"2026-01-31T00:00:00Z\"}]}");
    expect_tree("a_containedBy(t,('x','y'))",
                "{\"op\":\"a_containedBy\",\"args\":[" P("t") ",[\"x\",\"y\"]]}");
}

static void
test_geometries_become_geojson(void **state)
{
    (void)state;
    expect_tree(
        "s_within(geom,polygon Z((0 0 1,1 0 1,1 1 1,0 0 1)))",
        "{\"op\":\"s_within\",\"args\":[" P("geom") ",{\"type\":\"Polygon\",\"coordinates\":"
                                                    "[[[0,0,1],[1,0,1],[1,1,1],[0,0,1]]]}]}");
    expect_tree(
        "s_touches(geom,MULTIPOINT(1 2,(-3.5 +4)))",
        "{\"op\":\"s_touches\",\"args\":[" P("geom") ",{\"type\":\"MultiPoint\",\"coordinates\":"
                                                     "[[1,2],[-3.5,4]]}]}");
    expect_tree("s_crosses(geom,GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(1 2,3 4)))",
                "{\"op\":\"s_crosses\",\"args\":[" P(
                    "geom") ",{\"type\":\"GeometryCollection\","
                            "\"geometries\":[{\"type\":\"Point\",\"coordinates\":[1,2]},{\"type\":"
                            "\"LineString\","
                            "\"coordinates\":[[1,2],[3,4]]}]}]}");
    expect_tree("s_disjoint(BBOX(1,2,3,4),geom)",
                "{\"op\":\"s_disjoint\",\"args\":[{\"bbox\":[1,2,3,4]}," P("geom") "]}");
}

static void
test_refusals_name_the_place_and_what_was_expected(void **state)
{
    static const struct {
        const char *text;
        const char *value;
        const char *en;
    } cases[] = {
        {"name = 'a", "'a", "at character 8: expected a text that ends"},
        {"size >", "", "ends at character 7; expected a property"},
        {"名称 = '气' 且 b=1", "且", "at character 10: expected an operator"},
        {"(a=1", "", "expected a comma or )"},
        {"a not b", "b", "expected like, in or between"},
        {"a between 1 or 2", "or", "expected and"},
        {"a is 3", "3", "expected null"},
        {"a=1 ; drop table x", "; drop table x", "at character 5: expected"},
        {"s_within(g,POINT(1,2))", ",", "at character 19: expected a number"},
        {"s_within(g,BBOX(1,2,3))", ")", "the 4 numbers of a box"},
        {"date(2020)=a", "2020", "such as '2026-01-31'"},
        {"a=1e999", "1e999", "a double can hold"},
        {"\"\"=1", "\"\"=1", "a property name"},
        {"a=and", "and", "expected a property, a value"},
        {"\xff=1", "", "text in UTF-8"},
        {"", "", "ends at character 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_object *tree = NULL;
        cim_error err = {0};
        assert_int_equal(cim_cql2_text_parse(cases[i].text, strlen(cases[i].text), &tree, &err),
                         CIM_E_INVALID);
        assert_string_equal(err.param, "filter");
        assert_string_equal(err.value, cases[i].value);
        assert_contains(err.en, cases[i].en);
        assert_true(err.zh[0] != '\0');
    }
}

/* `n` openings, then "a=1". */
static cim_status
parse_deep(const char *opening, int n, cim_error *err)
{
    struct json_object *tree = NULL;
    char *text = calloc((size_t)n + 2, strlen(opening) + 1);
    assert_non_null(text);
    char *at = text;
    for (int i = 0; i < n; i++) {
        at = stpcpy(at, opening);
    }
    at = stpcpy(at, "a=1");
    for (int i = 0; i < n && opening[0] == '('; i++) {
        *at++ = ')';
    }
    const cim_status status = cim_cql2_text_parse(text, strlen(text), &tree, err);
    json_object_put(tree);
    free(text);
    return status;
}

static void
test_nesting_and_length_have_limits(void **state)
{
    static const char *const openings[] = {"(", "not "};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        cim_error err = {0};
        assert_ok(parse_deep(openings[i], CIM_CQL2_DEPTH_MAX, &err), &err);
        assert_int_equal(parse_deep(openings[i], CIM_CQL2_DEPTH_MAX + 1, &err), CIM_E_TOO_LARGE);
        assert_contains(err.en, "over 24 levels");
    }
    cim_error err = {0};
    struct json_object *tree = NULL;
    char *text = calloc(1, CIM_CQL2_TEXT_MAX + 2);
    assert_non_null(text);
    memset(text, ' ', CIM_CQL2_TEXT_MAX + 1);
    memcpy(text, "a=1", 3);
    text[CIM_CQL2_TEXT_MAX] = '\0';
    assert_ok(cim_cql2_text_parse(text, CIM_CQL2_TEXT_MAX, &tree, &err), &err);
    json_object_put(tree);
    assert_int_equal(cim_cql2_text_parse(text, CIM_CQL2_TEXT_MAX + 1, &tree, &err),
                     CIM_E_TOO_LARGE);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators_bind_as_the_grammar_says),
        cmocka_unit_test(test_texts_names_and_literals),
        cmocka_unit_test(test_geometries_become_geojson),
        cmocka_unit_test(test_refusals_name_the_place_and_what_was_expected),
        cmocka_unit_test(test_nesting_and_length_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
