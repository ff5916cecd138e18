/* host/http/internal.h -- what the files of this module share.
 *
 * Who owns a request: the event thread while the connection runs, one worker while it is suspended.
 * A request is kept by references: one of the connection (dropped when libmicrohttpd says the
 * exchange is complete), one of each queued or running job, one of a streamed response.
 *
 * Locks, outermost first: stream.lock -> watch.lock -> libmicrohttpd's own; pool.lock and
 * router.lock are taken last. No lock is held over a handler or producer.
 */
#ifndef HOST_HTTP_INTERNAL_H
#define HOST_HTTP_INTERNAL_H

#include "http.h"

#include "host/base/clock.h"
#include "host/base/log.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    TARGET_MAX_BYTES = 8192,
    HEADERS_MAX = 100,
    QUERY_PARAMS_MAX = 100,
    PATH_PARAMS_MAX = 8,
    PATH_SEGMENTS_MAX = 32,
    REQUEST_ID_MAX = 64,
    RESPONSE_HEADERS_MAX = 40,
    REQUEST_MEMORY_MAX_BYTES = 64 << 20, /* of host_http_alloc() */
    CONNECTION_MEMORY_BYTES = 16 << 10,
    BODY_MEMORY_BYTES = 1 << 20, /* a body larger than this goes to a spool file */
    BODY_DRAIN_BYTES = 4 << 20,  /* of a refused body still read, so that the refusal arrives */
    BODY_LEAST_RATE = 1024,      /* bytes per second; slower senders get 408 */
    BODY_BYTES_PER_MS = 512,     /* time beyond http.request_timeout_ms for what came */
    STREAM_LOW_BYTES = 64 << 10, /* produce() runs while less than this waits to be sent */
    STREAM_PIECE_MAX_BYTES = 4 << 20, /* of one produce() */
    STREAM_CUT_AFTER_MS = 5000,       /* once the routes of its plugin are removed */
    WATCH_PERIOD_MS = 200,
    GZIP_LEAST_BYTES = 1024
};

/* ---- arena.c: memory of a request ---- */

struct host_arena {
    struct host_arena_block *blocks;
    size_t used;  /* of the newest block */
    size_t total; /* of all blocks */
};
void *host_arena_alloc(struct host_arena *arena, size_t size); /* zeroed; NULL: no memory */
char *host_arena_text(struct host_arena *arena, const char *text, size_t len);
void host_arena_done(struct host_arena *arena);

/* ---- target.c: the request target, pure ---- */

struct host_query_param {
    const char *name;
    const char *value;
};
struct host_target {
    char *path; /* decoded; begins with '/' */
    size_t n_segments;
    const char *segments[PATH_SEGMENTS_MAX]; /* decoded; "/a/" has "a" and "" */
    size_t n_query;
    struct host_query_param *query;
};
/* `raw` as in the request line. Refuses path tricks and bytes that are no text. */
cim_status host_target_parse(const char *raw, struct host_arena *arena,
                             struct host_target *ret_target, cim_error *err);

/* ---- router.c ---- */

enum { LATENCY_BUCKETS = 12 };
extern const int32_t HOST_LATENCY_BOUNDS_MS[LATENCY_BUCKETS]; /* the last: infinity */

enum host_segment_kind { HOST_SEGMENT_LITERAL, HOST_SEGMENT_PARAM, HOST_SEGMENT_REST };
struct host_route_entry {
    struct host_route route; /* owned copies */
    _Atomic int refs;
    _Atomic int64_t cut_at_ms;     /* monotonic; streams end then; 0: not removed */
    struct host_route_entry *next; /* in order of pattern and method */
    _Atomic int64_t latency[LATENCY_BUCKETS];
    _Atomic int64_t latency_sum_us;
    _Atomic int64_t status_class[6];
    size_t n_segments;
    enum host_segment_kind kinds[PATH_SEGMENTS_MAX];
    char *segments[PATH_SEGMENTS_MAX];
};
struct host_router;
struct host_router *host_router_new(void);
void host_router_free(struct host_router *router);
cim_status host_router_add(struct host_router *router, const struct host_route *route,
                           cim_error *err);
void host_router_remove_plugin(struct host_router *router, const char *plugin_id);
struct host_match {
    struct host_route_entry *entry; /* NULL: none; holds a reference */
    size_t n_params;
    struct host_query_param params[PATH_PARAMS_MAX];
    bool path_known;
    char allow[96]; /* methods of the path */
};
/* `method` NULL: only whether the path is known, and what it allows. */
cim_status host_router_match(struct host_router *router, const char *method,
                             const struct host_target *target, struct host_arena *arena,
                             struct host_match *ret_match);
void host_route_entry_unref(struct host_route_entry *entry);
/* The route was removed, and the time its streams had to end is over. */
bool host_route_entry_is_cut(const struct host_route_entry *entry);
/* Calls `each` with a reference held, without the router's lock. */
void host_router_each(struct host_router *router,
                      void (*each)(void *arg, struct host_route_entry *entry), void *arg);

/* ---- pool.c: worker threads ---- */

struct host_job {
    struct host_job *next;
    void (*run)(struct host_job *job);
};
/* Work that must not make other work wait. Each lane has a queue of its own and a share of the
 * workers, so that a flood in one leaves the others their pace. */
enum host_lane {
    HOST_LANE_TILE,   /* HOST_ROUTE_TILE: short, and a map asks for dozens at once */
    HOST_LANE_READ,   /* safe methods */
    HOST_LANE_WRITE,  /* the others */
    HOST_LANE_HEAVY,  /* HOST_ROUTE_HEAVY: long or costly */
    HOST_LANE_STREAM, /* pieces of answers under way */
    HOST_LANES
};
enum host_lane host_lane_of(const struct host_route *route);
struct host_pool;
cim_status host_pool_new(int32_t workers, int32_t queue_max, const struct host_http_gate *gate,
                         struct host_pool **ret_pool, cim_error *err);
/* Takes a place in the bounded queue of a lane of requests; false: full, or stopped. */
bool host_pool_reserve(struct host_pool *pool, enum host_lane lane);
/* A request has its place reserved and always gets in. A stream job: false once stopped. */
bool host_pool_push(struct host_pool *pool, struct host_job *job, enum host_lane lane);
int64_t host_pool_queued(struct host_pool *pool);
/* Runs what is queued, then joins. */
void host_pool_stop(struct host_pool *pool);
void host_pool_free(struct host_pool *pool);

/* ---- body.c ---- */

struct host_body {
    uint8_t *memory;
    size_t len;
    size_t capacity;
    int fd;           /* of the spool file, -1: none */
    char *path;       /* of the spool file */
    uint64_t spooled; /* bytes in the file; those in memory follow */
    uint64_t total;   /* bytes that came */
    uint64_t max;
    uint64_t read_at;
};
void host_body_done(struct host_body *body);
/* Takes what fits into memory; *ret_taken < len: the block is full and must be spooled first. */
cim_status host_body_take(struct host_body *body, const void *data, size_t len, size_t *ret_taken,
                          cim_error *err);
/* Moves the block to the spool file. Blocks on the disk: on workers only. */
cim_status host_body_spool(struct host_body *body, const char *dir, cim_error *err);

/* ---- the request ---- */

struct host_header {
    const char *name;
    const char *value;
};

struct host_piece { /* of a streamed response */
    struct host_piece *next;
    size_t len;
    size_t sent;
    uint8_t data[];
};

struct host_stream {
    pthread_mutex_t lock;
    cim_http_producer producer;
    bool open;      /* the producer is ours and not released */
    bool scheduled; /* a job is queued or runs */
    bool sleeping;  /* the connection is suspended until there is something to send */
    bool idle;      /* produce() waits for host_http_wake() */
    bool woken;     /* while a job was queued or ran */
    bool events;    /* of host_http_respond_events() */
    bool ended;
    bool failed;
    struct host_piece *first;
    struct host_piece *last;
    size_t waiting; /* bytes in the pieces */
};

enum host_req_state {
    REQ_NEW,      /* only the request line is known */
    REQ_BODY,     /* the body arrives */
    REQ_REFUSED,  /* an answer is decided; the body is read and thrown away */
    REQ_LINGER,   /* the answer is sent by hand; the rest is read and thrown away */
    REQ_SPOOLING, /* suspended: a worker writes the body */
    REQ_WAITING,  /* suspended: a worker has it */
    REQ_READY,    /* the response is made */
    REQ_SENT
};

struct cim_http_req {
    struct host_http *http;
    struct MHD_Connection *connection; /* not after `completed` */
    int fd;
    _Atomic int refs;
    _Atomic int gone; /* the client has left */
    enum host_req_state state;
    struct host_arena arena;
    const char *raw_target;
    struct host_target target;
    const char *method; /* static text */
    const char *base_url;
    struct host_match match;
    char client[64];
    char request_id[REQUEST_ID_MAX + 1];
    bool http_1_0;
    bool close;   /* "Connection: close" */
    bool proxied; /* came through a trusted proxy */
    bool responded;
    bool streaming;
    bool watched; /* in the list of watch.c */
    int64_t started_us;
    int64_t deadline_ms; /* monotonic */
    struct host_body body;
    cim_call call;
    struct host_call_context context;
    struct host_principal *principal;
    /* the response */
    const char *mime;
    cim_blob blob;
    size_t n_headers; /* of `headers` below */
    struct MHD_Response *response;
    int64_t sent_bytes;
    struct host_stream stream;
    /* work */
    struct host_job job;
    struct host_job stream_job;
    _Atomic int32_t *client_shares[2]; /* clients.c: of its address, of what it shows; NULL: none */
    int32_t failure_status;
    int32_t status;
    /* watch.c: in the list while suspended */
    struct cim_http_req *watch_next;
    struct cim_http_req *watch_prev;
    /* From here on not cleared when a request begins. */
    struct host_header headers[RESPONSE_HEADERS_MAX];
    cim_error failure; /* of a refused body */
};

int64_t host_now_us(void);
/* As good as cleared, without touching all of its kilobyte. */
static inline void
host_error_clear(cim_error *err)
{
    err->code = CIM_OK;
    err->os_errno = 0;
    err->param[0] = err->value[0] = err->zh[0] = err->en[0] = '\0';
}
struct cim_http_req *host_req_new(struct host_http *http, const char *raw_target);
void host_req_ref(struct cim_http_req *req);
void host_req_unref(struct cim_http_req *req);
/* CIM_OK, or what is wrong with the head; sets request id, client, base URL. */
cim_status host_req_read_head(struct cim_http_req *req, const char *method, const char *version,
                              int32_t *ret_status, cim_error *err);
int32_t host_call_cancelled(const cim_call *call);

/* head.c: pure checks of header values */
bool host_head_host_valid(const char *host);
bool host_head_name_listed(const char *list, const char *host);
bool host_head_request_id_valid(const char *id);

/* event.c */
enum MHD_Result host_event_request(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *data_size, void **context);
void *host_event_target(void *cls, const char *uri, struct MHD_Connection *connection);
void host_event_completed(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_RequestTerminationCode how);
void host_event_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                           enum MHD_ConnectionNotificationCode what);

/* clients.c: how much of the queue and the workers one client may hold. By its session or token, so
 * that an office behind one address is many clients; without one by its address. An address holds
 * twice as much in all, whatever tokens it shows. */
struct host_clients;
struct host_clients *host_clients_new(int32_t most);  /* NULL: out of memory */
void host_clients_free(struct host_clients *clients); /* NULL-safe */
/* False: the client has its share already. Given back by the worker. [any] */
bool host_clients_take(struct host_clients *clients, struct cim_http_req *req);
void host_clients_give_back(struct cim_http_req *req);

/* handle.c: the worker's side */
void host_handle_run(struct host_job *job);
/* Authenticates, runs the handler, makes the response. */
void host_handle(struct cim_http_req *req);

/* respond.c */
void host_respond_problem(struct cim_http_req *req, int32_t http_status, const cim_error *err);
/* Makes req->response of what respond…() left; falls back to a problem. */
void host_respond_finish(struct cim_http_req *req);
/* Drops what a handler answered. */
void host_respond_drop(struct cim_http_req *req);
/* Head and body of a problem as bytes on the wire, for connections that libmicrohttpd cannot
 * answer. */
cim_status host_respond_raw(struct cim_http_req *req, int32_t http_status, const cim_error *err,
                            struct cim_buf *out);

/* encoding.c: pure, and gzip */
bool host_encoding_accepts_gzip(const char *accept_encoding);
bool host_encoding_compressible(const char *mime);
cim_status host_encoding_gzip(const cim_blob *plain, cim_blob *ret_packed);
bool host_etag_matches(const char *if_none_match, const char *etag);

/* stream.c */
void host_stream_init(struct cim_http_req *req);
/* Runs the first produce() on the worker that ran the handler. */
void host_stream_first(struct cim_http_req *req);
void host_stream_response(struct cim_http_req *req);
/* The connection is gone: let the producer go too. */
void host_stream_abandon(struct cim_http_req *req);
/* Fails the stream if its connection sleeps, and wakes it; `idle_only`: only where the producer has
 * nothing to say until something happens, as an event stream. */
void host_stream_cut(struct cim_http_req *req, bool idle_only);
void host_stream_done(struct cim_http_req *req);

/* watch.c: suspended connections, dribbling heads, the access log's writer */
struct host_watch;
struct host_conn { /* one TCP connection */
    struct host_conn *next;
    struct host_conn *prev;
    int fd;
    _Atomic int64_t waiting_since_ms; /* for a whole head; 0: a request is under way */
};
cim_status host_watch_new(struct host_http *http, struct host_watch **ret_watch, cim_error *err);
void host_watch_stop(struct host_watch *watch);
void host_watch_free(struct host_watch *watch);
void host_watch_suspend(struct cim_http_req *req); /* lists the request and suspends it */
void host_watch_resume(struct cim_http_req *req);  /* the reverse */
/* Cuts every sleeping stream, or those that idle; returns how many connections are suspended. */
int32_t host_watch_cut_streams(struct host_watch *watch, bool idle_only);
void host_watch_add_conn(struct host_watch *watch, struct host_conn *conn);
void host_watch_remove_conn(struct host_watch *watch, struct host_conn *conn);

/* access_log.c */
struct host_access_log;
struct host_access_log *host_access_log_new(void);
void host_access_log_free(struct host_access_log *log);
/* Never blocks: what does not fit is counted. */
void host_access_log_add(struct host_access_log *log, const struct cim_http_req *req,
                         int64_t duration_us);
void host_access_log_flush(struct host_access_log *log); /* writes the lines */

/* ---- the server ---- */

struct host_http {
    struct host_http_options options; /* texts are owned copies */
    struct MHD_Daemon *daemon;
    int32_t port;
    struct host_router *router;
    struct host_pool *pool;
    struct host_watch *watch;
    struct host_clients *clients;
    struct host_access_log *access_log;
    char id_prefix[12];
    _Atomic uint64_t next_id;
    int quiesced_fd;      /* taken back from libmicrohttpd by a drain; 0: none */
    _Atomic int draining; /* every answer says "Connection: close" */
    _Atomic int stopping; /* new requests get 503 */
    _Atomic int closing;  /* all work ends now */
    _Atomic int64_t requests;
    _Atomic int64_t errors_4xx;
    _Atomic int64_t errors_5xx;
    _Atomic int64_t in_flight;
    _Atomic int64_t connections;
    _Atomic int64_t refused_busy;
    _Atomic int64_t bytes_out;
    struct host_static *statics;
};

/* static.c */
void host_static_free_all(struct host_http *http);

#endif
