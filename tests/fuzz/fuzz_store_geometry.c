/* tests/fuzz/fuzz_store_geometry.c -- geometries of the GeoPackage: what other programs wrote is
 * read safely, and what we take reads back as it was given. */
#include "fuzz.h"

#include "host/store/sqlite/sqlite.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double envelope[4] = {0, 0, 0, 0};
    const uint8_t *wkb = NULL;
    size_t len = 0;
    uint8_t *blob = NULL;
    size_t blob_len = 0;
    (void)host_geometry_envelope(data, size, envelope);
    if (host_geometry_wkb(data, size, &wkb, &len) && (wkb < data || wkb + len > data + size)) {
        abort();
    }
    if (host_geometry_from_wkb(data, size, &blob, &blob_len, NULL) != CIM_OK) {
        return 0;
    }
    if (!host_geometry_wkb(blob, blob_len, &wkb, &len) || len != size ||
        memcmp(wkb, data, size) != 0 ||
        (host_geometry_envelope(blob, blob_len, envelope) &&
         (envelope[0] > envelope[1] || envelope[2] > envelope[3]))) {
        abort();
    }
    free(blob);
    return 0;
}
