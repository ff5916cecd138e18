/* tests/fuzz/fuzz_ogc_map.c -- parameters of OGC API Maps, WMS and WMTS, as a query string. */
#include "fuzz.h"

#include "host/ogc/wms_request.h"
#include "host/ogc/wmts_request.h"

#include <stdlib.h>
#include <string.h>

enum { PAIRS_MAX = 32 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const double extent[4] = {108, 18, 111, 20};
    struct host_pair pairs[PAIRS_MAX];
    struct host_wms_request *wms = malloc(sizeof *wms);
    char *text = malloc(size + 1);
    size_t n = 0;
    if (text == NULL || wms == NULL) {
        free(text);
        free(wms);
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *at = text; at != NULL && n < PAIRS_MAX;) {
        char *end = strchr(at, '&');
        if (end != NULL) {
            *end++ = '\0';
        }
        char *equals = strchr(at, '=');
        if (equals != NULL) {
            *equals++ = '\0';
        }
        pairs[n++] = (struct host_pair){at, equals != NULL ? equals : ""};
        at = end;
    }
    struct host_map_request request;
    struct host_pic_view view;
    cim_error err = {0};
    if (host_map_request_parse(pairs, n, &request, &err) == CIM_OK &&
        request.bbox_crs.kind != HOST_CRS_OTHER) {
        (void)host_map_view(NULL, &request, extent, &view, &err);
    }
    if (host_wms_request_parse(pairs, n, wms, &err) != CIM_OK) {
        (void)host_wms_code(&err);
    }
    if (n >= 4) {
        (void)host_wmts_view(pairs[0].value, pairs[1].value, pairs[2].value, pairs[3].value, &view,
                             &err);
    }
    free(text);
    free(wms);
    return 0;
}
