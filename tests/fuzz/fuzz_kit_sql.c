/* tests/fuzz/fuzz_kit_sql.c -- the SQL scanner: expansion without macros changes nothing, and the
 * pieces of a script are found in it. */
#include "fuzz.h"

#include "kit/sql.h"

#include <stdlib.h>
#include <string.h>

static cim_status
same(void *self, const char *name, const char *argument, struct cim_buf *out, cim_error *err)
{
    (void)self;
    (void)err;
    if (name[0] == '\0') {
        return CIM_E_NOTFOUND;
    }
    cim_buf_addf(out, "<%s %s>", name, argument);
    return CIM_OK;
}

static cim_status
find(void *self, const char *statement, cim_error *err)
{
    (void)err;
    if (statement[0] == '\0' || (strchr(statement, '-') == NULL && strchr(statement, '*') == NULL &&
                                 strstr((const char *)self, statement) == NULL)) {
        abort();
    }
    return CIM_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *sql = calloc(1, size + 1);
    struct cim_buf out;
    memcpy(sql, data, size);
    cim_buf_init(&out, 64 << 20);
    (void)cim_sql_lint(sql, NULL);
    if (cim_sql_expand(sql, same, NULL, &out, NULL) == CIM_OK && strchr(sql, '{') == NULL &&
        (out.len != strlen(sql) || memcmp(out.data != NULL ? out.data : "", sql, out.len) != 0)) {
        abort();
    }
    (void)cim_sql_split(sql, find, sql, NULL);
    cim_buf_done(&out);
    free(sql);
    return 0;
}
