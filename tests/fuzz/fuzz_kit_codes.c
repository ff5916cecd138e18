/* tests/fuzz/fuzz_kit_codes.c -- code lists: what is taken can be found again by its value. */
#include "fuzz.h"

#include "kit/definition.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cim_codes *codes = NULL;
    cim_error err = {0};
    if (cim_codes_parse("codes.json", (const char *)data, size, &codes, &err) != CIM_OK) {
        return err.code != 0 && err.zh[0] != '\0' && err.en[0] != '\0' ? 0 : (abort(), 0);
    }
    for (size_t i = 0; i < codes->n_lists; i++) {
        const struct cim_code_list *list = &codes->lists[i];
        if (cim_codes_find(codes, list->id) != list) {
            abort();
        }
        for (size_t j = 0; j < list->n_codes; j++) {
            if (cim_code_find(list, list->codes[j].value) != &list->codes[j]) {
                abort();
            }
        }
    }
    cim_codes_free(codes);
    return 0;
}
