/* tests/fuzz/fuzz_kit_wkb.c -- geometries: all readers agree on what is one. */
#include "fuzz.h"

#include "kit/wkb.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cim_wkb_visitor nobody = {.self = NULL};
    const int good = cim_wkb_walk(data, size, &nobody, NULL) == CIM_OK;
    struct cim_buf out;
    double bbox[4] = {0, 0, 0, 0};
    double x = 0;
    double y = 0;
    cim_buf_init(&out, 64 << 20);
    const cim_status printed = cim_wkb_to_geojson(data, size, &out, NULL);
    const cim_status boxed = cim_wkb_bbox(data, size, bbox, NULL);
    if (good != (printed == CIM_OK) || good != (boxed == CIM_OK || boxed == CIM_E_NOTFOUND) ||
        (good && cim_wkb_type(data, size) == 0) ||
        (boxed == CIM_OK && (bbox[0] > bbox[2] || bbox[1] > bbox[3]))) {
        abort();
    }
    if (cim_wkb_point(data, size, &x, &y) && (!good || x < bbox[0] || x > bbox[2])) {
        abort();
    }
    cim_buf_done(&out);
    return 0;
}
