/* tests/fuzz/fuzz_host_csv.c -- bytes as the CSV of the area list: no field reaches past the text.
 */
#include "fuzz.h"

#include "host/identity/csv.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct host_csv csv;
    bool there = true;
    cim_error err;
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    host_csv_open(&csv, text);
    while (host_csv_next(&csv, "areas.csv", &there, &err) == CIM_OK && there) {
        size_t bytes = 0;
        for (size_t i = 0; i < csv.n_fields; i++) {
            bytes += strlen(csv.fields[i]);
        }
        if (bytes > size || csv.line < 1 || csv.n_fields > HOST_CSV_COLUMNS_MAX) {
            abort();
        }
    }
    free(text);
    return 0;
}
