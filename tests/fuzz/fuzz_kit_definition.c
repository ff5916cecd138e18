/* tests/fuzz/fuzz_kit_definition.c -- layer definitions: what is taken keeps the rules that the
 * rest of the code builds SQL on. */
#include "fuzz.h"

#include "kit/definition.h"

#include <stdlib.h>
#include <string.h>

static const char codes_text[] = "{\"kind\":{\"title\":{\"zh\":\"x\"},\"values\":["
                                 "{\"value\":\"a\",\"zh\":\"x\"}]}}";

static void
must(int good)
{
    if (!good) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    struct cim_codes *codes = NULL;
    struct cim_definition *def = NULL;
    cim_error err = {0};
    must(cim_codes_parse("codes", codes_text, sizeof codes_text - 1, &codes, NULL) == CIM_OK);
    if (cim_definition_parse("fuzz", (const char *)data, size, codes, &def, &err) == CIM_OK) {
        must(def->table[strspn(def->table, allowed)] == '\0');
        must(cim_definition_field(def, def->label) != NULL && def->n_fields > 0);
        for (size_t i = 0; i < def->n_fields; i++) {
            const struct cim_field *field = &def->fields[i];
            must(field->name[strspn(field->name, allowed)] == '\0');
            must(cim_definition_field(def, field->name) == field);
            must((field->type == CIM_FIELD_CODE) == (field->codes != NULL));
        }
        cim_definition_free(def);
    } else {
        must(err.code != 0 && err.zh[0] != '\0' && err.en[0] != '\0');
    }
    cim_codes_free(codes);
    return 0;
}
