/* tests/fuzz/fuzz_kit_cql2.c -- CQL2 text: a tree that JSON reads back the same, or a refusal with
 * words. */
#include "fuzz.h"

#include "kit/cql2_text.h"
#include "kit/json.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static void
check_tree(struct json_object *tree)
{
    struct json_object *again = NULL;
    cim_error err = {0};
    const char *text = json_object_to_json_string(tree);
    if (cim_json_parse("f", text, strlen(text), &again, &err) != CIM_OK ||
        json_object_equal(tree, again) == 0) {
        abort();
    }
    json_object_put(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *tree = NULL;
    cim_error err = {0};
    char *text = calloc(1, size + 1);
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)data[i];
    }
    if (cim_cql2_text_parse(text, size, &tree, &err) == CIM_OK) {
        check_tree(tree);
        json_object_put(tree);
    } else if (err.code == 0 || err.zh[0] == '\0' || err.en[0] == '\0' || tree != NULL) {
        abort();
    }
    free(text);
    return 0;
}
