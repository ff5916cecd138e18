/* tests/fuzz/fuzz_data_geometry.c -- geometries of an edit: what is taken has the layer's type,
 * lies in range, and is taken again as it is. */
#include "fuzz.h"

#include "data/geometry.h"
#include "kit/wkb.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cim_buf out;
    struct cim_buf second;
    cim_buf_init(&out, 64 << 20);
    cim_buf_init(&second, 64 << 20);
    for (int type = CIM_GEOMETRY_POINT; type <= CIM_GEOMETRY_MULTI_POLYGON; type++) {
        const uint8_t *wkb = NULL;
        const uint8_t *again = NULL;
        size_t len = 0;
        size_t again_len = 0;
        double bbox[4];
        if (lpg_geometry_normalise((enum cim_geometry_type)type, data, size, &out, &wkb, &len,
                                   NULL) != CIM_OK) {
            continue;
        }
        if (cim_wkb_type(wkb, len) != (uint32_t)type ||
            cim_wkb_bbox(wkb, len, bbox, NULL) != CIM_OK || bbox[0] < -180 || bbox[2] > 180 ||
            bbox[1] < -90 || bbox[3] > 90 ||
            lpg_geometry_normalise((enum cim_geometry_type)type, wkb, len, &second, &again,
                                   &again_len, NULL) != CIM_OK ||
            again_len != len || memcmp(wkb, again, len) != 0) {
            abort();
        }
    }
    cim_buf_done(&out);
    cim_buf_done(&second);
    return 0;
}
