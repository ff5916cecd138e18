/* tests/fuzz/fuzz_kit_text.c -- JSON strings and masks: whatever goes in, valid JSON comes out, and
 * a mask keeps no identity. */
#include "fuzz.h"

#include "kit/json.h"
#include "kit/scope_eval.h"

#include "kit/buf.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *value = NULL;
    struct cim_buf out;
    cim_buf_init(&out, 64 << 20);
    cim_buf_add_json_text(&out, (const char *)data, size);
    if (memchr(data, '\0', size) == NULL &&
        cim_json_parse("fuzz", out.data, out.len, &value, NULL) != CIM_OK) {
        abort();
    }
    json_object_put(value);
    for (int kind = CIM_SENSITIVE_NO; kind <= CIM_SENSITIVE_ADDRESS; kind++) {
        cim_buf_clear(&out);
        cim_buf_add(&out, "", 0);
        cim_mask_text((enum cim_sensitive)kind, (const char *)data, size, &out);
        if (size > 0 && memchr(out.data, '*', out.len) == NULL) {
            abort();
        }
    }
    cim_buf_done(&out);
    value = NULL;
    if (cim_json_parse("fuzz", (const char *)data, size, &value, NULL) == CIM_OK) {
        json_object_put(value);
    }
    return 0;
}
