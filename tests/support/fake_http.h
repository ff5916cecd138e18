/* tests/support/fake_http.h -- stands in for host/http: keeps routes, runs handlers without a
 * server, and keeps what they answer. */
#ifndef TESTS_FAKE_HTTP_H
#define TESTS_FAKE_HTTP_H

#include "host/http/http.h"

enum {
    FAKE_HTTP_ROUTES_MAX = 200,
    FAKE_HTTP_TEXTS_MAX = 1000,
    FAKE_HTTP_HEADERS_MAX = 16,
    FAKE_HTTP_BODY_MAX = 65536
};

struct fake_header {
    const char *name;
    const char *value;
};

/* One request and what was answered. Zero it, fill the first part, fake_http_run() does the rest.
 */
struct cim_http_req {
    const char *method;
    const char *path;
    const char *body;
    const char *whole_body;                            /* set by reading */
    struct fake_header headers[FAKE_HTTP_HEADERS_MAX]; /* ends with a NULL name */
    struct fake_header cookies[4];
    struct fake_header params[4]; /* of the path, which is given as the route's pattern */
    struct fake_header query[4];

    int32_t status; /* 0: nothing was answered */
    char mime[64];
    char answer[FAKE_HTTP_BODY_MAX];
    char answer_headers[4096]; /* "Name: value\n" */
    bool streaming;
    cim_http_producer producer;
    size_t n_allocated;
    void *allocated[64];
};

struct host_http *fake_http_new(void);
void fake_http_free(struct host_http *http);
/* Resolves, checks the permission, enters the gate, runs the handler, leaves, releases, as the
 * server does. What fails is the result; req->status 0 then. CIM_E_NOTFOUND: no route. */
cim_status fake_http_run(struct host_http *http, const struct host_http_auth *auth,
                         const struct host_http_gate *gate, struct cim_http_req *req,
                         int64_t now_ms, cim_error *err);
/* Frees what handlers allocated, and releases a producer that is still there. */
void fake_http_done(struct cim_http_req *req);
/* Runs the producer once; appends to req->answer. */
cim_status fake_http_produce(struct cim_http_req *req, int32_t *ret_more, cim_error *err);
/* A copy of the route; false when there is none. */
bool fake_http_route(struct host_http *http, const char *method, const char *pattern,
                     struct host_route *ret_route);

#endif
