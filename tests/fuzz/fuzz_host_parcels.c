/* tests/fuzz/fuzz_host_parcels.c -- bytes as a TXT of boundary points: ends, counts what it gives,
 * and a refusal has a field and words in both languages. */
#include "fuzz.h"

#include "host/exchange/parcels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
must(bool good)
{
    if (!good) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct host_parcel *parcel = calloc(1, sizeof *parcel);
    struct host_parcels parcels;
    cim_error err = {0};
    cim_status status = CIM_OK;
    bool there = true;
    must(text != NULL && parcel != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    status = host_parcels_begin(text, &parcels, &err);
    while (status == CIM_OK && there) {
        status = host_parcels_next(&parcels, parcel, &there, &err);
        for (size_t i = 0; status == CIM_OK && there && i < parcel->n_points; i++) {
            must(isfinite(parcel->points[i].north_m) && isfinite(parcel->points[i].east_m));
        }
        must(parcels.at >= text && parcels.at <= text + size);
        must(host_parcels_epsg(&parcels) >= 0);
    }
    must(status == CIM_OK || (err.param[0] != '\0' && err.zh[0] != '\0' && err.en[0] != '\0'));
    host_parcel_done(parcel);
    free(parcel);
    free(text);
    return 0;
}
