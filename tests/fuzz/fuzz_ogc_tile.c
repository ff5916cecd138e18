/* tests/fuzz/fuzz_ogc_tile.c -- the address of a tile, "set/level/row/column": refused with words,
 * or inside its set. */
#include "fuzz.h"

#include "host/ogc/tms.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct host_tms *set = NULL;
    const char *words[4] = {"", "", "", ""};
    uint32_t at[3];
    cim_error err = {0};
    char *text = calloc(1, size + 1);
    char *next = text;
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    for (int i = 0; i < 4 && next != NULL; i++) {
        words[i] = next;
        next = strchr(next, '/');
        if (next != NULL) {
            *next++ = '\0';
        }
    }
    if (host_tms_find(words[0], &set, &err) != CIM_OK ||
        host_tms_address(set, words[1], words[2], words[3], set->last, at, &err) != CIM_OK) {
        if (err.code == 0 || err.zh[0] == '\0' || err.en[0] == '\0') {
            abort();
        }
    } else {
        const uint32_t level = at[0] - (uint32_t)set->first;
        if (at[0] > (uint32_t)set->last || at[1] >> level != 0 ||
            at[2] >> (set->degrees ? level + 1 : level) != 0) {
            abort();
        }
    }
    free(text);
    return 0;
}
