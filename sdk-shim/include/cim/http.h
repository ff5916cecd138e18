/* cim/http.h -- cim.http/1: a plugin's own routes, for what no standard covers.
 *
 * Handlers run on workers, never on the event thread. Bodies in both directions stream: a request
 * body larger than memory waits in a file that the reader hides; a long response is made piece by
 * piece by a producer that is only called when the client has taken what was made before.
 */
#ifndef CIM_HTTP_H
#define CIM_HTTP_H

#include "cim/call.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_HTTP "cim.http/1"

typedef struct cim_http_req cim_http_req;       /* valid until the handler returns */
typedef struct cim_http_writer cim_http_writer; /* valid inside one produce() call */

enum { CIM_HTTP_MORE = 1, CIM_HTTP_END = 0 };

/* Makes a response body piece by piece. release() is called exactly once, also when the client
 * leaves early; a producer handed to respond_stream() belongs to the host from then on, even when
 * that call fails. */
typedef struct cim_http_producer {
    uint32_t struct_size;
    uint32_t reserved;
    void *self;
    /* Writes some pieces (about 64 KiB is right) and sets *ret_more to CIM_HTTP_MORE or
     * CIM_HTTP_END. A failure cuts the connection, so that the client sees a broken body, never a
     * short one that looks whole. `call` stays the same for the whole response. [worker] */
    cim_status (*produce)(void *self, const cim_call *call, cim_http_writer *writer,
                          int32_t *ret_more, cim_error *err);
    void (*release)(void *self);
} cim_http_producer;

typedef struct cim_http_route {
    uint32_t struct_size;
    uint32_t flags;         /* zero */
    const char *method;     /* "GET" */
    const char *pattern;    /* below /apps/<plugin id>/api: "/summary", "/vehicles/{id}/track" */
    const char *permission; /* function point checked before handle(); NULL: signed in is enough */
    const char *summary_zh; /* for the OpenAPI document */
    const char *summary_en;
    /* A failure becomes a problem response. [worker] */
    cim_status (*handle)(void *self, const cim_call *call, cim_http_req *req, cim_error *err);
    void *self;
} cim_http_route;

typedef struct cim_http_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Copies *route. CIM_E_EXISTS: taken; CIM_E_DENIED: not in the manifest. [lifecycle] */
    cim_status (*add_route)(const cim_host *host, const cim_http_route *route, cim_error *err);
    /* Decoded values, NULL when absent. Valid until the handler returns. [worker] */
    const char *(*path_param)(cim_http_req *req, const char *name);
    const char *(*query_param)(cim_http_req *req, const char *name);
    const char *(*header)(cim_http_req *req, const char *name);
    /* Next bytes of the body; *ret_len == 0 at its end. [worker] */
    cim_status (*read_body)(cim_http_req *req, void *buffer, uint64_t capacity, uint64_t *ret_len,
                            cim_error *err);
    /* Memory that lives as long as the request; NULL when out of memory. [worker] */
    void *(*alloc)(cim_http_req *req, uint64_t size);
    /* Adds a response header; before respond…(). [worker] */
    cim_status (*add_header)(cim_http_req *req, const char *name, const char *value,
                             cim_error *err);
    /* Takes *body on CIM_OK (clears it). Exactly one respond…() per request. [worker] */
    cim_status (*respond)(cim_http_req *req, int32_t http_status, const char *mime, cim_blob *body,
                          cim_error *err);
    /* Copies *producer. [worker] */
    cim_status (*respond_stream)(cim_http_req *req, int32_t http_status, const char *mime,
                                 const cim_http_producer *producer, cim_error *err);
    /* Appends to the response body; copies. [worker, inside produce()] */
    cim_status (*write)(cim_http_writer *writer, const void *data, uint64_t len, cim_error *err);
} cim_http_v1;

#ifdef __cplusplus
}
#endif
#endif
