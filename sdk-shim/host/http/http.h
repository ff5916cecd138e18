/* host/http/http.h -- the HTTP server: libmicrohttpd event threads that never block, worker pool,
 * streaming both ways.
 *
 * Life of a request: the event thread routes it, the body gathers (in memory, then in a spool file
 * written by workers while the connection is suspended), the connection is suspended, a worker
 * authenticates and runs the handler, the connection resumes with the response. A streamed response
 * is produced piece by piece on workers; the connection sleeps while there is nothing to send, and
 * no worker is held while the client is slow.
 *
 * Bodies of text, JSON and vector tiles from 1 KiB on are compressed with gzip where the client
 * takes it, once, on the worker (HOST_ROUTE_EVENT_THREAD: never); streamed ones that do not fit
 * into their first piece stay identity. Every answer carries the security headers; what a handler
 * sets itself wins.
 *
 * The functions on cim_http_req mirror cim.http/1 (cim/http.h).
 */
#ifndef HOST_HTTP_H
#define HOST_HTTP_H

#include "cim/http.h"
#include "cim/util.h"

#include <stdbool.h>

struct cim_buf;
struct host_http;
struct host_principal; /* identity/identity.h */

enum {
    HOST_ROUTE_ANONYMOUS = 1,    /* no sign-in needed */
    HOST_ROUTE_EVENT_THREAD = 2, /* answered at once without a worker; must not block */
    HOST_ROUTE_LARGE_BODY = 4,   /* up to http.max_upload_bytes instead of http.max_body_bytes */
    HOST_ROUTE_HIDDEN = 8,       /* not in the OpenAPI document (pages, assets) */
    HOST_ROUTE_NO_CSRF = 16,     /* unsafe method usable without a CSRF token (sign-in itself) */
    HOST_ROUTE_TILE = 32,  /* admitted before everything else: short, never waits for others */
    HOST_ROUTE_HEAVY = 64, /* at most half of the workers are busy with such */
    HOST_ROUTE_STEP = 128  /* also for who has signed in but for a step: a code, a new password */
};

typedef cim_status (*host_handler_fn)(void *self, const cim_call *call, cim_http_req *req,
                                      cim_error *err);

/* A parameter for the OpenAPI document. in: "path", "query", "header". Lists end with a NULL name.
 */
struct host_route_param {
    const char *name;
    const char *in;
    const char *schema_json; /* "{\"type\":\"integer\",\"minimum\":1}" */
    const char *zh;
    const char *en;
};

struct host_route {
    const char *method;  /* "GET": HEAD comes with it */
    const char *pattern; /* "/collections/{id}/items"; a last segment "{path*}" takes the rest */
    uint32_t flags;
    const char *permission; /* function point, or NULL */
    const char *operation_id;
    const char *summary_zh;
    const char *summary_en;
    const struct host_route_param *params; /* may be NULL */
    host_handler_fn handle;
    void *self;
    const char *plugin_id; /* set for routes of plugins; NULL for the host's own */
};

/* What cim_call.impl points to, in every call that the host makes; filled by hand for work from the
 * command line, with req NULL. */
struct host_call_context {
    const struct host_principal *principal; /* NULL: anonymous */
    cim_http_req *req;
    const char *address; /* of the client; NULL: none */
};

/* Resolves who asks. Route without HOST_ROUTE_ANONYMOUS and nobody signed in: CIM_E_DENIED, which
 * answers 401; with err->param set (a CSRF token is missing) 403. Sets *ret_principal (NULL when
 * anonymous), owned by the callback's module until release. Runs on a worker; release and name on
 * any thread. `resolve` NULL: everybody is anonymous and routes are open (tests). */
struct host_http_auth {
    void *self;
    cim_status (*resolve)(void *self, cim_http_req *req, const struct host_route *route,
                          struct host_principal **ret_principal, cim_error *err);
    void (*release)(void *self, struct host_principal *principal);
    const char *(*name)(const struct host_principal *principal);
    /* 1 if the principal holds the function point. */
    int32_t (*has_function)(void *self, const struct host_principal *principal,
                            const char *function_id);
};

/* Brackets each call of a plugin's handler, so that a plugin can be stopped when none is in flight.
 * enter sets *ret_worker to the plugin's state of this thread; CIM_E_BUSY when it is disabled.
 * Producers need no bracket: cim.http/1 wraps those of plugins, so that a response under way keeps
 * its plugin alive until release(). */
struct host_http_gate {
    void *self;
    cim_status (*enter)(void *self, const char *plugin_id, void **ret_worker, cim_error *err);
    void (*leave)(void *self, const char *plugin_id);
    /* A worker thread of the pool starts or ends. */
    void (*thread_begin)(void *self);
    void (*thread_end)(void *self);
};

struct host_clock;

/* One answer that went out, or broke off. */
struct host_http_served {
    const char *method;
    const char *pattern;   /* of the route */
    const char *resource;  /* what the path names as {id} or {layer}; NULL: nothing */
    const char *principal; /* "": nobody */
    int32_t status;
    bool is_export; /* export=true was asked */
};

struct host_http_options {
    const char *address; /* "127.0.0.1" */
    int32_t port;        /* 0: a free one */
    int listen_fd;       /* > 0: one that listens already, closed at the stop */
    int32_t event_threads;
    int32_t workers;
    int32_t max_connections;
    int32_t queue_max;  /* requests of a lane waiting for a worker; more: 503 with Retry-After */
    int32_t client_max; /* requests of one client waiting or with a worker; more: 429; 0: any */
    int64_t max_body_bytes;
    int64_t max_upload_bytes;
    const char *spool_dir; /* for bodies larger than memory */
    int64_t request_timeout_ms;
    int64_t idle_timeout_ms;
    const char *hosts;           /* accepted host names, separated by commas; "" or NULL: any */
    const char *trusted_proxies; /* addresses or networks, separated by commas; may be NULL */
    const char *admin_addresses; /* the same, that reach /admin; "" or NULL: any */
    bool access_log;
    const struct host_clock *clock;
    struct host_http_auth auth;
    struct host_http_gate gate;
    /* Told of every answer of a route, on the event thread: must not block. NULL: nobody. */
    void (*served)(void *arg, const struct host_http_served *served);
    void *served_arg;
};

/* A socket that listens on an address and port (0: a free one); *ret_port the one it got. */
cim_status host_http_listen(const char *address, int32_t port, int *ret_fd, int32_t *ret_port,
                            cim_error *err);
cim_status host_http_new(const struct host_http_options *options, struct host_http **ret_http,
                         cim_error *err);
/* Before start and, for routes of plugins, while serving. Copies. CIM_E_EXISTS on a clash. [any] */
cim_status host_http_add_route(struct host_http *http, const struct host_route *route,
                               cim_error *err);
/* Removes all routes of a plugin; responses that it still streams are cut after some seconds. [any]
 */
void host_http_remove_routes(struct host_http *http, const char *plugin_id);
/* Calls `each` for every route, in order of pattern; for the OpenAPI document. */
void host_http_each_route(struct host_http *http,
                          void (*each)(void *arg, const struct host_route *route), void *arg);
cim_status host_http_start(struct host_http *http, cim_error *err);
int32_t host_http_port(const struct host_http *http);
/* Stops accepting and goes on answering: clients are told to close with their next answer. Returns
 * when nothing is in flight and they have left, or at most after `limit_ms`. Then stop. */
void host_http_drain(struct host_http *http, int64_t limit_ms);
/* Stops accepting, lets what is in flight finish (at most `grace_ms`), then tells handlers to stop,
 * answers 503 to what waits, cuts streams, joins all threads. Waits for handlers that do not heed
 * cancelled(). */
void host_http_stop(struct host_http *http, int64_t grace_ms);
void host_http_free(struct host_http *http);

/* ---- inside handlers: as in cim/http.h ---- */

const char *host_http_method(cim_http_req *req);
const char *host_http_path(cim_http_req *req); /* decoded; "/collections/lpg.enterprises" */
const char *host_http_path_param(cim_http_req *req, const char *name);
const char *host_http_query_param(cim_http_req *req, const char *name);
/* Calls `each` for every query parameter in order; stops on a failure and returns it. */
cim_status host_http_each_query(cim_http_req *req,
                                cim_status (*each)(void *arg, const char *name, const char *value,
                                                   cim_error *err),
                                void *arg, cim_error *err);
/* What `each` returns for one that the route does not know. */
static inline cim_status
host_http_no_such_param(const char *name, const char *value, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, name, value, "没有参数“%s”", "there is no parameter '%s'",
                    name);
}
const char *host_http_header(cim_http_req *req, const char *name);
const char *host_http_cookie(cim_http_req *req, const char *name);
const char *host_http_client_address(cim_http_req *req);
/* "http://host:port" as the client wrote it (Host, X-Forwarded-* only from trusted proxies). */
const char *host_http_base_url(cim_http_req *req);
cim_status host_http_read_body(cim_http_req *req, void *buffer, uint64_t capacity,
                               uint64_t *ret_len, cim_error *err);
/* The body from its beginning once more. */
void host_http_rewind_body(cim_http_req *req);
/* Whole body of at most `max` bytes in request memory, NUL-terminated; CIM_E_TOO_LARGE past it. */
cim_status host_http_body_text(cim_http_req *req, uint64_t max, const char **ret_text,
                               uint64_t *ret_len, cim_error *err);
/* Path of a file that holds the whole body, for readers that seek; valid until the handler ends. */
cim_status host_http_body_file(cim_http_req *req, const char **ret_path, cim_error *err);
void *host_http_alloc(cim_http_req *req, uint64_t size);
cim_status host_http_add_header(cim_http_req *req, const char *name, const char *value,
                                cim_error *err);
cim_status host_http_respond(cim_http_req *req, int32_t http_status, const char *mime,
                             cim_blob *body, cim_error *err);
/* What no cache keeps; `body` is moved from. */
cim_status host_http_respond_no_store(cim_http_req *req, int32_t http_status, const char *mime,
                                      struct cim_buf *body, cim_error *err);
cim_status host_http_respond_stream(cim_http_req *req, int32_t http_status, const char *mime,
                                    const cim_http_producer *producer, cim_error *err);
cim_status host_http_write(cim_http_writer *writer, const void *data, uint64_t len, cim_error *err);

/* ---- answers that wait for events (text/event-stream) ---- */

/* Beside CIM_HTTP_MORE and _END: what was written goes out, then the connection sleeps, at the cost
 * of a few KiB and no worker, until host_http_wake(). */
enum { HOST_HTTP_WAIT = 2 };
/* As host_http_respond_stream(), for a producer that may wait. */
cim_status host_http_respond_events(cim_http_req *req, const cim_http_producer *producer,
                                    cim_error *err);
/* There may be something to say: produce() runs soon, once for many calls. From the second
 * produce() on until release() of the producer; the caller excludes release(). [any] */
void host_http_wake(cim_http_req *req);

/* Is the address ("10.1.2.3", "fd00::1") one of a list of addresses and networks with commas
 * between ("127.0.0.1, 10.0.0.0/8")? [any] */
bool host_head_address_listed(const char *list, const char *address);
/* The caller; NULL when anonymous. */
const struct host_principal *host_http_principal(const cim_call *call);
/* Adds text and strong ETag handling: 304 without a body when If-None-Match has it. */
cim_status host_http_respond_etag(cim_http_req *req, const char *etag, const char *mime,
                                  cim_blob *body, cim_error *err);

/* What the handler has answered; texts NULL where there is none. Borrowed from the request. */
struct host_http_answer {
    int32_t status;
    const char *mime;
    const void *data;
    uint64_t len;
    const char *etag;
    const char *location;
};
/* False when there is no answer yet, or it is streamed. */
bool host_http_answer(const cim_http_req *req, struct host_http_answer *ret_answer);

struct host_http_stats {
    int64_t requests;
    int64_t errors_4xx;
    int64_t errors_5xx;
    int64_t in_flight;
    int64_t queued;
    int64_t connections;
    int64_t refused_busy;
    int64_t bytes_out;
};
void host_http_stats(struct host_http *http, struct host_http_stats *ret_stats);
/* Within which half and 95 % of all answers since the start were made; bounds of buckets. */
struct host_http_latency {
    double p50_ms;
    double p95_ms;
};
void host_http_latency(struct host_http *http, struct host_http_latency *ret_latency);
/* Counters and the latency histogram of each route, as Prometheus text. */
void host_http_write_metrics(struct host_http *http, struct cim_buf *out);

/* ---- files ---- */

struct host_static_options {
    const char *prefix;    /* "/apps/lpg/": everything below it, and the prefix without its slash */
    const char *dir;       /* folder of the files; need not exist yet */
    const char *index;     /* answers the prefix itself: "index.html" */
    bool spa;              /* the index also answers paths below without a file extension */
    const char *csp;       /* Content-Security-Policy of HTML; NULL: the host's own */
    const char *plugin_id; /* may be NULL */
};
/* Serves a folder to anyone: strong ETag, `immutable` for names with a hash in them
 * ("app-Bx3f9K1q.js"), "x.js.gz" beside "x.js" where the client takes gzip. Names that begin with
 * '.', links that lead out and anything that is no regular file are not found. */
cim_status host_http_static(struct host_http *http, const struct host_static_options *options,
                            cim_error *err);

#endif
