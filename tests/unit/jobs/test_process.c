/* A process' description, inputs and outputs, without a server. */
#include "unit.h"

#include "host/jobs/process.h"
#include "host/plugins/plugins.h"
#include "kit/json.h"
#include "kit/json_schema.h"

#include <json-c/json.h>
#include <math.h>

static const char inputs_text[] =
    "{\"route\":{\"title\":{\"zh\":\"路线\",\"en\":\"Route\"},\"schema\":{\"oneOf\":["
    "{\"type\":\"object\",\"format\":\"geojson-geometry\"},{\"type\":\"string\",\"minLength\":3}]}}"
    ","
    "\"distance_m\":{\"title\":{\"zh\":\"距离\",\"en\":\"Distance\"},\"minOccurs\":0,"
    "\"schema\":{\"type\":\"number\",\"minimum\":1,\"maximum\":5000,\"default\":500}},"
    "\"kinds\":{\"title\":{\"zh\":\"种类\",\"en\":\"Kinds\"},\"minOccurs\":0,\"maxOccurs\":3,"
    "\"schema\":{\"type\":\"string\",\"enum\":[\"school\",\"hospital\",\"桥梁\"]}},"
    "\"as_of\":{\"title\":{\"zh\":\"日期\",\"en\":\"Day\"},\"minOccurs\":0,"
    "\"schema\":{\"type\":\"string\",\"format\":\"date\"}},"
    "\"rows\":{\"title\":{\"zh\":\"行\",\"en\":\"Rows\"},\"minOccurs\":0,\"schema\":{\"type\":"
    "\"array\",\"maxItems\":2,\"items\":{\"type\":\"object\",\"required\":[\"m\"],"
    "\"additionalProperties\":false,\"properties\":{\"m\":{\"type\":\"integer\","
    "\"exclusiveMinimum\":0}}}}}}";
static const char outputs_text[] =
    "{\"hazards\":{\"title\":{\"zh\":\"危险源\",\"en\":\"Hazards\"},\"schema\":{\"type\":"
    "\"object\","
    "\"format\":\"geojson-feature-collection\"}},"
    "\"total\":{\"title\":{\"zh\":\"合计\",\"en\":\"Total\"},\"schema\":{\"type\":\"number\"}}}";

static struct host_work work = {.is_analysis = true, .kind.id = "t.hazards", .version = "1.2.0"};

static struct json_object *
parse(const char *text)
{
    struct json_object *value = NULL;
    cim_error error = {0};
    assert_ok(cim_json_parse("test", text, strlen(text), &value, &error), &error);
    return value;
}

static int
setup(void **state)
{
    (void)state;
    work.inputs = parse(inputs_text);
    work.outputs = parse(outputs_text);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    json_object_put(work.inputs);
    json_object_put(work.outputs);
    return 0;
}

static void
test_description_is_in_order(void **state)
{
    static const struct {
        const char *inputs;
        const char *says;
    } bad[] = {
        {"{\"a\":{\"title\":\"x\",\"schema\":{}}}", "title: expected {zh, en}"},
        {"{\"a\":{\"title\":{\"zh\":\"x\",\"en\":\"x\"}}}", "schema: expected an object"},
        {"{\"a\":{\"title\":{\"zh\":\"x\",\"en\":\"x\"},\"schema\":{\"pattern\":\"x\"}}}",
         "pattern"},
        {"{\"a\":{\"title\":{\"zh\":\"x\",\"en\":\"x\"},\"schema\":{\"type\":\"float\"}}}", "type"},
        {"{\"a\":{\"title\":{\"zh\":\"x\",\"en\":\"x\"},\"schema\":{},\"must\":1}}", "must"},
        {"{\"a\":{\"title\":{\"zh\":\"x\",\"en\":\"x\"},\"schema\":{},\"minOccurs\":-1}}",
         "minOccurs"},
    };
    cim_error error = {0};
    (void)state;
    assert_ok(host_process_check("t", work.inputs, work.outputs, &error), &error);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct json_object *inputs = parse(bad[i].inputs);
        assert_int_equal(host_process_check("t", inputs, work.outputs, &error), CIM_E_INVALID);
        assert_contains(error.en, bad[i].says);
        assert_true(error.zh[0] != '\0');
        json_object_put(inputs);
    }
}

static void
test_inputs_come_out_in_one_form(void **state)
{
    static const char *const same[] = {
        "{\"route\":\"r-1\",\"kinds\":[\"school\",\"桥梁\"]}",
        "{\"kinds\":[\"school\",\"桥梁\"],\"distance_m\":500,\"route\":{\"value\":\"r-1\"}}",
        ("{\"kinds\":[{\"value\":\"school\"},\"桥梁\"],\"route\":{\"value\":\"r-1\",\"mediaType\":"
         "\"text/plain\"}}"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct json_object *given = parse(same[i]);
        struct json_object *out = NULL;
        cim_error error = {0};
        assert_ok(host_process_inputs(&work, given, &out, &error), &error);
        assert_string_equal(
            json_object_to_json_string_ext(out, JSON_C_TO_STRING_PLAIN),
            "{\"route\":\"r-1\",\"distance_m\":500,\"kinds\":[\"school\",\"桥梁\"]}");
        json_object_put(out);
        json_object_put(given);
    }
}

static void
test_bad_inputs_name_place_value_and_expectation(void **state)
{
    static const struct {
        const char *given;
        const char *param;
        const char *value;
        const char *says;
    } cases[] = {
        {"{}", "inputs.route", "", "is missing"},
        {"{\"route\":\"ab\"}", "inputs.route", "\"ab\"", "at least 3"},
        {"{\"route\":7}", "inputs.route", "7", "one of the forms"},
        {"{\"route\":{\"type\":\"Circle\"}}", "inputs.route", "{\"type\":\"Circle\"}", "GeoJSON"},
        {"{\"route\":{\"href\":\"http://x\"}}", "inputs.route", "", "links (href)"},
        {"{\"route\":\"abc\",\"distance_m\":0}", "inputs.distance_m", "0", "at least 1"},
        {"{\"route\":\"abc\",\"distance_m\":1e300}", "inputs.distance_m", "1e300", "at most 5000"},
        {"{\"route\":\"abc\",\"distance_m\":\"500\"}", "inputs.distance_m", "\"500\"", "a number"},
        {"{\"route\":\"abc\",\"kinds\":[\"school\",\"moon\"]}", "inputs.kinds[1]", "\"moon\"",
         "one of [\"school\""},
        {"{\"route\":\"abc\",\"kinds\":[\"school\",\"school\",\"school\",\"school\"]}",
         "inputs.kinds", "", "at most 3 values, 4 were given"},
        {"{\"route\":\"abc\",\"as_of\":\"2026-02-30\"}", "inputs.as_of", "\"2026-02-30\"",
         "2026-11-27"},
        {"{\"route\":\"abc\",\"rows\":[{\"m\":1},{\"m\":0}]}", "inputs.rows[1].m", "0",
         "more than 0"},
        {"{\"route\":\"abc\",\"rows\":[{\"m\":1.5}]}", "inputs.rows[0].m", "1.5", "a whole number"},
        {"{\"route\":\"abc\",\"rows\":[{}]}", "inputs.rows[0].m", "", "is missing"},
        {"{\"route\":\"abc\",\"rows\":[{\"m\":1,\"k\":2}]}", "inputs.rows[0].k", "", "there is no"},
        {"{\"route\":\"abc\",\"rows\":[{\"m\":1},{\"m\":2},{\"m\":3}]}", "inputs.rows",
         "[{\"m\":1},{\"m\":2},{\"m\":3}]", "items, at most 2"},
        {"{\"route\":\"abc\",\"speed\":3}", "inputs.speed", "", "has no input speed"},
        {"[1]", "inputs", "", "an object"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_object *given = parse(cases[i].given);
        struct json_object *out = NULL;
        cim_error error = {0};
        assert_int_not_equal(host_process_inputs(&work, given, &out, &error), CIM_OK);
        assert_string_equal(error.param, cases[i].param);
        assert_string_equal(error.value, cases[i].value);
        assert_contains(error.en, cases[i].says);
        assert_true(error.zh[0] != '\0');
        json_object_put(given);
    }
}

/* JSON has no NaN; a number that is too large for a double is no number either. */
static void
test_numbers_are_finite(void **state)
{
    struct json_object *schema = parse("{\"type\":\"number\"}");
    struct json_object *value = json_object_new_double((double)NAN);
    struct json_object *huge = json_object_new_double((double)INFINITY);
    cim_error error = {0};
    (void)state;
    assert_int_equal(cim_schema_validate(schema, value, "x", &error), CIM_E_INVALID);
    assert_contains(error.en, "a finite number");
    assert_int_equal(cim_schema_validate(schema, huge, "x", &error), CIM_E_INVALID);
    json_object_put(huge);
    json_object_put(value);
    json_object_put(schema);
}

static void
answer(const char *outputs, const char *response, const char *expected, const char *expected_mime)
{
    static const char result[] =
        "{\"hazards\": {\"type\":\"FeatureCollection\",\"features\":[{\"a\":\"}\\\"]\"}]} ,\n"
        " \"total\":12.5}";
    struct json_object *wanted = outputs != NULL ? parse(outputs) : NULL;
    struct json_object *form = response != NULL ? json_object_new_string(response) : NULL;
    struct host_process_wish wish;
    const char *mime = NULL;
    CIM_AUTO_BUF struct cim_buf out;
    cim_error error = {0};
    cim_buf_init(&out, 4096);
    assert_ok(host_process_wish(&work, wanted, form, &wish, &error), &error);
    assert_ok(host_process_check_result(&work, result, strlen(result), &error), &error);
    assert_ok(host_process_answer(&work, &wish, result, strlen(result), "{\"pos\":3}", &out, &mime,
                                  &error),
              &error);
    assert_string_equal(out.data, expected);
    assert_string_equal(mime, expected_mime);
    json_object_put(wanted);
    json_object_put(form);
}

static void
test_answers_in_the_form_that_was_asked_for(void **state)
{
    static const char json[] = "application/json";
    static const char collection[] =
        "{\"type\":\"FeatureCollection\",\"features\":[{\"a\":\"}\\\"]\"}]}";
    char whole[400];
    (void)state;
    (void)snprintf(whole, sizeof whole,
                   "{\n\"hazards\":{\"mediaType\":\"application/geo+json\",\"value\":%s},"
                   "\"total\":12.5,\"run\":{\"mediaType\":\"application/json\",\"value\":"
                   "{\"pos\":3}}\n}\n",
                   collection);
    answer(NULL, NULL, whole, json);
    answer(NULL, "document", whole, json);
    answer("{\"hazards\":{}}", NULL, collection, "application/geo+json");
    answer("{\"total\":{\"transmissionMode\":\"value\"}}", "raw", "12.5", json);
    answer("{\"total\":{}}", "document", "{\n\"total\":12.5\n}\n", json);
    answer("{\"run\":{}}", NULL, "{\"pos\":3}", json);
}

static void
test_wrong_wishes_and_wrong_answers(void **state)
{
    static const char *const wrong[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"total\":1}",
                                        "{\"hazards\":{}",
                                        "{\"hazards\":{},\"total\":1,\"more\":2}",
                                        "{\"hazards\":{},\"other\":1}",
                                        "{\"hazards\" {}}"};
    struct json_object *unknown = parse("{\"moon\":{}}");
    struct json_object *by_link = parse("{\"total\":{\"transmissionMode\":\"reference\"}}");
    struct json_object *raw = json_object_new_string("raw");
    struct json_object *other = json_object_new_string("xml");
    struct host_process_wish wish;
    cim_error error = {0};
    (void)state;
    assert_int_equal(host_process_wish(&work, unknown, NULL, &wish, &error), CIM_E_INVALID);
    assert_contains(error.en, "has no output moon");
    assert_int_equal(host_process_wish(&work, by_link, NULL, &wish, &error), CIM_E_INVALID);
    assert_contains(error.en, "expected value");
    assert_int_equal(host_process_wish(&work, NULL, raw, &wish, &error), CIM_E_INVALID);
    assert_contains(error.en, "raw is for one output");
    assert_int_equal(host_process_wish(&work, NULL, other, &wish, &error), CIM_E_INVALID);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(host_process_check_result(&work, wrong[i], strlen(wrong[i]), &error),
                         CIM_E_INTERNAL);
    }
    json_object_put(unknown);
    json_object_put(by_link);
    json_object_put(raw);
    json_object_put(other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_description_is_in_order),
        cmocka_unit_test(test_inputs_come_out_in_one_form),
        cmocka_unit_test(test_bad_inputs_name_place_value_and_expectation),
        cmocka_unit_test(test_numbers_are_finite),
        cmocka_unit_test(test_answers_in_the_form_that_was_asked_for),
        cmocka_unit_test(test_wrong_wishes_and_wrong_answers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
