/* host/ogc/openapi.h -- the OpenAPI 3.0 document, built from the routes alone. */
#ifndef HOST_OGC_OPENAPI_H
#define HOST_OGC_OPENAPI_H

#include "host/ogc/doc.h"

struct host_http;

/* `collections`: array of the ids to name, or NULL. */
struct json_object *host_openapi_build(struct host_http *http, const char *base, bool chinese,
                                       struct json_object *collections);

#endif
