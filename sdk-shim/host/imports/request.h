/* host/imports/request.h -- how a file is to be imported, as JSON: what the wizard asks, what a
 * saved mapping and a binding keep. */
#ifndef HOST_IMPORT_REQUEST_H
#define HOST_IMPORT_REQUEST_H

#include "host/exchange/exchange.h"

struct json_object;

enum { HOST_IMPORT_REQUEST_MAX = 1 << 20 };

/* {"layer", "name"?, "crs"?, "encoding"?, "source_layer"?, "map"?: [{"column","field"}], "set"?:
 * [{"field","value"}], "values"?: [{"field","from","to"}], "row_wise"?, "dry_run"?, "geometry"?:
 * "refuse" | "repair" | "keep", "compare"?, "overlaps"?} */
struct host_import_request {
    struct json_object *json;
    const char *layer;
    const char *name;
    struct cim_buf map;
    struct cim_buf set;
    struct cim_buf values;
    struct host_import_options options; /* but for what is told and the file */
};
cim_status host_import_request_parse(const char *text, size_t len,
                                     struct host_import_request *ret_request, cim_error *err);
void host_import_request_done(struct host_import_request *request);
#define HOST_AUTO_IMPORT_REQUEST __attribute__((cleanup(host_import_request_done)))

#endif
