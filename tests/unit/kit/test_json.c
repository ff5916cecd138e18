/* tests/unit/kit/test_json.c -- what json-c would take and make something else of is refused, with
 * its place. */
#include "kit/json.h"
#include "unit.h"

#include <json-c/json.h>
#include <string.h>

static const struct {
    const char *text;
    const char *message; /* in English; NULL: it is taken */
} cases[] = {
    {"{\"a\":1,\"b\":2}", NULL},
    {"{\"a\":1,\"a\":2}", "x:1:8: this key occurs twice in one object"},
    {"{\"name\":1,\"n\\u0061me\":2}", "x:1:11: this key occurs twice in one object"},
    {"{\"名\":1,\"\\u540d\":2}", "x:1:8: this key occurs twice in one object"},
    {"{\"\\ud83d\\ude00\":1,\"😀\":2}", "x:1:19: this key occurs twice in one object"},
    {"{\"a\\/b\":1,\"a/b\":2}", "x:1:11: this key occurs twice in one object"},
    {"{\"a\\nb\":1,\"anb\":2}", NULL},
    {"{\"a\\\\u0061\":1,\"a\\\\u0062\":2}", NULL},
    {"[\"\\ud83d\\ude00\"]", NULL},
    {"[\"a\\ud800b\"]", "x:1:4: a surrogate stands without its pair"},
    {"[\"\\udc00\\ud800\"]", "x:1:3: a surrogate stands without its pair"},
    {"[\"\\ud800\\ud800\"]", "x:1:3: a surrogate stands without its pair"},
    {"[\"\\ud800\"]", "x:1:3: a surrogate stands without its pair"},
    {"[\"\\uD800\\u0041\"]", "x:1:3: a surrogate stands without its pair"},
    {"[\"\\\\ud800\"]", NULL}, /* a backslash, and letters */
    {"[\"\\u0000\"]", "x:1:3: a string must not hold a NUL"},
    {"[9223372036854775807,-9223372036854775807]", NULL},
    {"[9223372036854775808]", "x:1:2: an integer of more than 64 bits"},
    {"[-99999999999999999999]", "x:1:2: an integer of more than 64 bits"},
    {"[99999999999999999999.0,1e20,123456789012345678901234567890E1]", NULL},
    {"[NaN]", "x:1:2: expected a JSON value"},
    {"[01]", "x:1:4: this is not JSON"},
    {"\xEF\xBB\xBF{}", "x:1:1: it begins with a byte order mark"},
};

static void
test_each_text_is_taken_as_it_stands_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_object *value = NULL;
        cim_error err = {0};
        const cim_status status =
            cim_json_parse("x", cases[i].text, strlen(cases[i].text), &value, &err);
        json_object_put(value);
        if (cases[i].message == NULL
                ? status != CIM_OK
                : strncmp(err.en, cases[i].message, strlen(cases[i].message)) != 0) {
            fail_msg("%s: status %d, %s", cases[i].text, status, err.en);
        }
        assert_true(status == CIM_OK || (status == CIM_E_INVALID && err.zh[0] != '\0'));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_text_is_taken_as_it_stands_or_refused),
    };
    return cmocka_run_group_tests_name("kit_json", tests, NULL, NULL);
}
