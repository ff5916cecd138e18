/* tests/fuzz/fuzz_store_select.c -- column types read off any text stay within their bounds. */
#include "fuzz.h"

#include "host/store/driver.h"

#include <stdlib.h>
#include <string.h>

enum { MARKS = 8 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host_column_mark marks[MARKS];
    int32_t star = 0;
    char *sql = malloc(size + 1);
    if (sql == NULL) {
        return 0;
    }
    memcpy(sql, data, size);
    sql[size] = '\0';
    const int32_t n = host_select_list(sql, marks, MARKS, &star);
    if (n < 0 || n > MARKS || star < -1 || star >= MARKS) {
        abort();
    }
    for (int32_t i = 0; i < n; i++) {
        if (memchr(marks[i].name, '\0', sizeof marks[i].name) == NULL) {
            abort();
        }
    }
    free(sql);
    return 0;
}
