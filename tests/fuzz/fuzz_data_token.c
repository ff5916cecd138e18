/* tests/fuzz/fuzz_data_token.c -- paging tokens: one that is taken is written the same again. */
#include "fuzz.h"

#include "data/paging.h"

#include <stdlib.h>
#include <string.h>

static struct cim_definition definition; /* all that the tokens look at */
static const struct lpg_layer layer = {.def = &definition};
static const struct lpg_order order = {
    .n_keys = 3,
    .keys = {{.column = {.name = "name", .type = CIM_FIELD_TEXT}},
             {.column = {.name = "size", .type = CIM_FIELD_NUMBER}, .descending = true},
             {.column = {.name = "seen", .type = CIM_FIELD_TIME}}}};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char id[] = "a.b";
    struct lpg_position position;
    struct cim_buf out;
    char *token = calloc(1, size + 1);
    memcpy(token, data, size);
    definition.id = id;
    lpg_position_init(&position);
    cim_buf_init(&out, 1 << 20);
    /* The second byte's worth of letters says whether a record would have to be read. */
    if (strncmp(token, "Ag", 2) != 0 &&
        lpg_token_read(&layer, &order, token, &position, NULL) == CIM_OK &&
        position.texts.len <= LPG_TOKEN_TEXT_MAX &&
        (lpg_token_write(&layer, &order, &position, &out, NULL) != CIM_OK ||
         strcmp(out.data, token) != 0)) {
        abort();
    }
    cim_buf_done(&out);
    lpg_position_done(&position);
    free(token);
    return 0;
}
