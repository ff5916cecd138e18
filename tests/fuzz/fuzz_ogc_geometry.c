/* tests/fuzz/fuzz_ogc_geometry.c -- bytes as WKB on their way to GeoJSON, WKT and a drawing. */
#include "fuzz.h"

#include "host/ogc/encode.h"
#include "host/ogc/sketch.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct host_encode_crs plain = {{HOST_CRS_LON_LAT, 0}, true, NULL};
    static const struct host_encode_crs swapped = {{HOST_CRS_LAT_LON, 4490}, true, NULL};
    const struct host_encode_crs *const both[] = {&plain, &swapped};
    struct host_sketch sketch;
    struct cim_buf out;
    cim_buf_init(&out, 8 << 20);
    for (size_t i = 0; i < 2; i++) {
        cim_buf_clear(&out);
        if (host_encode_geojson(both[i], data, size, &out, NULL) == CIM_OK &&
            out.failed == CIM_OK) {
            struct json_object *parsed = json_tokener_parse(out.data);
            if (parsed == NULL) {
                abort();
            }
            json_object_put(parsed);
        }
        cim_buf_clear(&out);
        (void)host_encode_wkt(both[i], data, size, &out, NULL);
    }
    host_sketch_init(&sketch);
    host_sketch_add(&sketch, data, size);
    cim_buf_clear(&out);
    host_sketch_write(&sketch, &out);
    host_sketch_done(&sketch);
    cim_buf_done(&out);
    return 0;
}
