/* tests/fuzz/fuzz_host_process.c -- a body as the inputs of a process, as a description, and as
 * what an analysis answered. */
#include "fuzz.h"

#include "host/jobs/process.h"
#include "host/plugins/plugins.h"
#include "kit/json.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const char inputs_text[] =
    "{\"route\":{\"title\":{\"zh\":\"a\",\"en\":\"a\"},\"schema\":{\"oneOf\":[{\"type\":\"object\","
    "\"format\":\"geojson-geometry\"},{\"type\":\"string\",\"minLength\":3,\"maxLength\":9}]}},"
    "\"distance_m\":{\"title\":{\"zh\":\"b\",\"en\":\"b\"},\"minOccurs\":0,\"schema\":{\"type\":"
    "\"number\",\"minimum\":1,\"exclusiveMaximum\":5000,\"default\":500}},"
    "\"rows\":{\"title\":{\"zh\":\"c\",\"en\":\"c\"},\"minOccurs\":0,\"maxOccurs\":3,\"schema\":{"
    "\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"m\"],"
    "\"additionalProperties\":false,\"properties\":{\"m\":{\"type\":\"integer\"},\"d\":{\"type\":"
    "\"string\",\"format\":\"date\"},\"k\":{\"enum\":[1,\"x\",null]}}}}}}";
static const char outputs_text[] =
    "{\"a\":{\"title\":{\"zh\":\"a\",\"en\":\"a\"},\"schema\":{}},\"b\":{\"title\":{\"zh\":\"b\","
    "\"en\":\"b\"},\"schema\":{\"type\":\"object\",\"format\":\"geojson-feature\"}}}";

static struct host_work work = {.is_analysis = true, .kind.id = "f.f", .version = "1.0.0"};

static void
check(int good)
{
    if (!good) {
        abort();
    }
}

/* What was taken is taken again as it came out, and stays the same. */
static void
as_inputs(struct json_object *given)
{
    struct json_object *once = NULL;
    struct json_object *twice = NULL;
    cim_error err = {0};
    if (host_process_inputs(&work, given, &once, &err) != CIM_OK) {
        check(err.code != 0 && err.param[0] != '\0' && err.zh[0] != '\0' && err.en[0] != '\0');
        return;
    }
    check(host_process_inputs(&work, once, &twice, &err) == CIM_OK);
    check(json_object_equal(once, twice) != 0);
    json_object_put(twice);
    json_object_put(once);
}

static void
as_answer(const char *text, size_t len)
{
    const struct host_process_wish all = {.all = true};
    const struct host_process_wish one = {.raw = true, .n = 1, .ids = {"b"}};
    const char *mime = NULL;
    struct cim_buf out;
    cim_buf_init(&out, 1 << 22);
    if (host_process_check_result(&work, text, len, NULL) == CIM_OK) {
        check(host_process_answer(&work, &all, text, len, "{}", &out, &mime, NULL) == CIM_OK);
        cim_buf_clear(&out);
        check(host_process_answer(&work, &one, text, len, "{}", &out, &mime, NULL) == CIM_OK);
        check(strcmp(mime, "application/geo+json") == 0);
    }
    cim_buf_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *value = NULL;
    char *text = malloc(size + 1);
    check(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (work.inputs == NULL) { /* live as long as the process */
        check(cim_json_parse("in", inputs_text, strlen(inputs_text), &work.inputs, NULL) == CIM_OK);
        check(cim_json_parse("out", outputs_text, strlen(outputs_text), &work.outputs, NULL) ==
              CIM_OK);
    }
    as_answer(text, size);
    if (cim_json_parse("fuzz", text, size, &value, NULL) == CIM_OK) {
        as_inputs(value);
        if (json_object_is_type(value, json_type_object)) {
            (void)host_process_check("fuzz", value, work.outputs, NULL);
        }
    }
    json_object_put(value);
    free(text);
    return 0;
}
