/* tests/fuzz/fuzz_data_filter.c -- CQL2 JSON: a condition of the SQL subset comes out, or a refusal
 * with words. */
#include "fuzz.h"

#include "data/internal.h"
#include "kit/sql.h"

#include <stdlib.h>

static const char codes_text[] = "{\"kind\":{\"title\":{\"zh\":\"x\"},\"values\":["
                                 "{\"value\":\"a\",\"zh\":\"x\"}]}}";
static const char definition_text[] =
    "{\"id\":\"a.b\",\"title\":{\"zh\":\"x\"},\"table\":\"t\",\"geometry\":\"Point\",\"fields\":["
    "{\"name\":\"name\",\"type\":\"text\",\"title\":{\"zh\":\"x\"}},"
    "{\"name\":\"n\",\"type\":\"integer\",\"title\":{\"zh\":\"x\"}},"
    "{\"name\":\"size\",\"type\":\"number\",\"title\":{\"zh\":\"x\"}},"
    "{\"name\":\"made\",\"type\":\"date\",\"title\":{\"zh\":\"x\"}},"
    "{\"name\":\"seen\",\"type\":\"time\",\"title\":{\"zh\":\"x\"}},"
    "{\"name\":\"yes\",\"type\":\"boolean\",\"title\":{\"zh\":\"x\"}},"
    "{\"name\":\"kind\",\"type\":\"code\",\"codes\":\"kind\",\"title\":{\"zh\":\"x\"}}]}";

static struct lpg_layer layer; /* lives as long as the process */
static struct cim_codes *codes;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lpg_statement statement;
    cim_error err = {0};
    if (layer.def == NULL &&
        (cim_codes_parse("c", codes_text, sizeof codes_text - 1, &codes, NULL) != CIM_OK ||
         cim_definition_parse("d", definition_text, sizeof definition_text - 1, codes, &layer.def,
                              NULL) != CIM_OK)) {
        abort();
    }
    char *text = calloc(1, size + 1);
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)data[i];
    }
    if (lpg_statement_init(&statement, NULL) == CIM_OK) {
        lpg_sql(&statement, "select fid from t where ");
        if (lpg_sql_filter(&statement, &layer, text, NULL, &err) != CIM_OK) {
            (void)(err.code != 0 && err.zh[0] != '\0' && err.en[0] != '\0' ? 0 : (abort(), 0));
        } else if (lpg_statement_finish(&statement, NULL) == CIM_OK &&
                   cim_sql_lint(statement.sql.data, NULL) != CIM_OK) {
            abort();
        }
    }
    lpg_statement_done(&statement);
    free(text);
    return 0;
}
