/* tests/fuzz/fuzz_host_geojson.c -- bytes as a Feature: a refusal has a field and words in both
 * languages, and what is taken is taken again. */
#include "fuzz.h"

#include "host/exchange/source.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cim_error err = {0};
    const cim_status status = host_geojson_check((const char *)data, size, &err);
    if (status != CIM_OK && (err.param[0] == '\0' || err.zh[0] == '\0' || err.en[0] == '\0')) {
        abort();
    }
    if (host_geojson_check((const char *)data, size, NULL) != status) {
        abort();
    }
    return 0;
}
