/* host/http/event.c -- the callbacks of libmicrohttpd. All of them run on an event thread, so none
 * blocks: no file, no database, no wait. */
#include "internal.h"

#include "cim/util.h"
#include "host/base/note.h"
#include "host/base/problem.h"
#include "kit/buf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { RAW_MAX_BYTES = 20 << 10 };

static struct host_conn *
conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

void
host_event_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                      enum MHD_ConnectionNotificationCode what)
{
    struct host_http *http = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct host_conn *conn = calloc(1, sizeof *conn);
        atomic_fetch_add(&http->connections, 1);
        if (conn != NULL && info != NULL) {
            conn->fd = info->connect_fd;
            atomic_store(&conn->waiting_since_ms, host_monotonic_ms());
            host_watch_add_conn(http->watch, conn);
        }
        *socket_context = conn;
        return;
    }
    atomic_fetch_sub(&http->connections, 1);
    if (*socket_context != NULL) {
        host_watch_remove_conn(http->watch, *socket_context);
        free(*socket_context);
        *socket_context = NULL;
    }
}

void *
host_event_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
    (void)connection;
    return host_req_new(cls, uri);
}

/* ---- answers made here ---- */

static enum MHD_Result
send_response(struct cim_http_req *req)
{
    if (req->response == NULL) {
        return MHD_NO;
    }
    struct MHD_Response *response = req->response;
    req->state = REQ_SENT;
    req->response = NULL;
    const enum MHD_Result result =
        MHD_queue_response(req->connection, (unsigned)req->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
send_problem(struct cim_http_req *req, int32_t http_status, const cim_error *err)
{
    host_respond_problem(req, http_status, err);
    host_respond_finish(req);
    return send_response(req);
}

/* libmicrohttpd cannot answer in the middle of a body. So the answer is written to the socket,
 * which is idle in that direction, and the rest is read and thrown away until the client sees it.
 */
static enum MHD_Result
linger(struct cim_http_req *req)
{
    struct cim_buf raw CIM_AUTO_BUF;
    cim_buf_init(&raw, RAW_MAX_BYTES);
    req->status = req->failure_status;
    if (host_respond_raw(req, req->failure_status, &req->failure, &raw) != CIM_OK ||
        send(req->fd, raw.data, raw.len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)raw.len) {
        return MHD_NO;
    }
    (void)shutdown(req->fd, SHUT_WR);
    req->state = REQ_LINGER;
    return MHD_YES;
}

static bool
has_body(struct cim_http_req *req, uint64_t *ret_length)
{
    const char *length = host_http_header(req, "Content-Length");
    *ret_length = length != NULL ? strtoull(length, NULL, 10) : 0;
    if (host_http_header(req, "Transfer-Encoding") != NULL) {
        *ret_length = UINT64_MAX;
    }
    return *ret_length > 0;
}

/* The head is enough to say no. How the answer gets out depends on the body that may follow. */
static enum MHD_Result
refuse(struct cim_http_req *req, int32_t http_status, const cim_error *err)
{
    uint64_t length = 0;
    req->failure = *err;
    req->failure_status = http_status;
    if (req->close || host_http_header(req, "Expect") != NULL) {
        req->close = true;
        return send_problem(req, http_status, err);
    }
    if (has_body(req, &length) && length != UINT64_MAX && length > BODY_DRAIN_BYTES) {
        return linger(req);
    }
    req->state = REQ_REFUSED;
    return MHD_YES;
}

static enum MHD_Result
answer_options(struct cim_http_req *req)
{
    cim_blob none = {0};
    (void)host_http_add_header(req, "Allow", req->match.allow, NULL);
    (void)host_http_respond(req, 204, NULL, &none, NULL);
    host_respond_finish(req);
    return send_response(req);
}

/* ---- the head ---- */

static cim_status
route(struct cim_http_req *req, int32_t *ret_status, cim_error *err)
{
    const bool options = strcmp(req->method, "OPTIONS") == 0;
    if (host_router_match(req->http->router, options ? NULL : req->method, &req->target,
                          &req->arena, &req->match) != CIM_OK) {
        *ret_status = 503;
        return cim_fail_nomem(err);
    }
    if (!req->match.path_known) {
        *ret_status = 404;
        return cim_fail(err, CIM_E_NOTFOUND, "path", req->target.path, "没有这个地址",
                        "there is nothing at this path");
    }
    if (req->match.entry == NULL && !options) {
        *ret_status = 405;
        return cim_fail(err, CIM_E_UNSUPPORTED, "method", req->method, "这个地址只接受 %s",
                        "this path takes %s only", req->match.allow);
    }
    return CIM_OK;
}

static cim_status
check_length(struct cim_http_req *req, int32_t *ret_status, cim_error *err)
{
    const struct host_http_options *options = &req->http->options;
    const bool large =
        req->match.entry != NULL && (req->match.entry->route.flags & HOST_ROUTE_LARGE_BODY) != 0;
    uint64_t length = 0;
    req->body.max = (uint64_t)(large ? options->max_upload_bytes : options->max_body_bytes);
    if (has_body(req, &length) && length != UINT64_MAX && length > req->body.max) {
        *ret_status = 413;
        return cim_fail(err, CIM_E_TOO_LARGE, "Content-Length",
                        host_http_header(req, "Content-Length"), "请求体不能超过 %llu 字节",
                        "the body may have at most %llu bytes", (unsigned long long)req->body.max);
    }
    return CIM_OK;
}

static enum MHD_Result
begin(struct cim_http_req *req, struct MHD_Connection *connection, const char *method,
      const char *version)
{
    struct host_http *http = req->http;
    struct host_conn *conn = conn_of(connection);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    cim_error err;
    int32_t http_status = 400;
    host_error_clear(&err);
    req->connection = connection;
    req->fd = info != NULL ? info->connect_fd : -1;
    req->state = REQ_BODY;
    atomic_fetch_add(&http->requests, 1);
    atomic_fetch_add(&http->in_flight, 1);
    if (conn != NULL) {
        atomic_store(&conn->waiting_since_ms, 0);
    }
    cim_status status = host_req_read_head(req, method, version, &http_status, &err);
    if (status == CIM_OK && atomic_load(&http->stopping) != 0) {
        http_status = 503;
        status = cim_fail(&err, CIM_E_BUSY, NULL, NULL, "平台正在停止", "the platform is stopping");
    }
    if (status == CIM_OK) {
        status = route(req, &http_status, &err);
    }
    if (status == CIM_OK) {
        status = check_length(req, &http_status, &err);
    }
    return status == CIM_OK ? MHD_YES : refuse(req, http_status, &err);
}

/* ---- the body ---- */

static void
run_spool(struct host_job *job)
{
    struct cim_http_req *req =
        (struct cim_http_req *)(void *)((char *)job - offsetof(struct cim_http_req, stream_job));
    const cim_status status =
        host_body_spool(&req->body, req->http->options.spool_dir, &req->failure);
    req->state = REQ_BODY;
    if (status != CIM_OK) {
        host_log_error("http", req->request_id, &req->failure);
        req->failure_status = host_problem_http_status(&req->failure);
        req->state = REQ_REFUSED;
        host_body_done(&req->body);
    }
    host_watch_resume(req);
    host_req_unref(req);
}

static enum MHD_Result
spool(struct cim_http_req *req)
{
    req->state = REQ_SPOOLING;
    req->stream_job.run = run_spool;
    host_req_ref(req);
    host_watch_suspend(req);
    if (!host_pool_push(req->http->pool, &req->stream_job, HOST_LANE_STREAM)) {
        req->state = REQ_REFUSED;
        req->failure_status = 503;
        (void)cim_fail(&req->failure, CIM_E_BUSY, NULL, NULL, "平台正在停止",
                       "the platform is stopping");
        host_watch_resume(req);
        host_req_unref(req);
    }
    return MHD_YES;
}

static bool
too_slow(const struct cim_http_req *req)
{
    const int64_t taken_ms = (host_now_us() - req->started_us) / 1000;
    const int64_t allowed_ms =
        req->http->options.request_timeout_ms + (int64_t)(req->body.total / BODY_LEAST_RATE * 1000);
    return taken_ms > allowed_ms;
}

static enum MHD_Result
take_body(struct cim_http_req *req, const char *data, size_t *data_size)
{
    size_t taken = 0;
    const cim_status status = host_body_take(&req->body, data, *data_size, &taken, &req->failure);
    if (status != CIM_OK) {
        req->failure_status = host_problem_http_status(&req->failure);
        *data_size = 0;
        host_body_done(&req->body);
        return linger(req);
    }
    *data_size -= taken;
    if (*data_size > 0) {
        return spool(req);
    }
    if (too_slow(req)) {
        req->failure_status = 408;
        (void)cim_fail(&req->failure, CIM_E_CANCELLED, NULL, NULL, "请求体来得太慢",
                       "the body arrives too slowly");
        host_body_done(&req->body);
        return linger(req);
    }
    return MHD_YES;
}

/* Reads on after a refusal, so that the client gets to see it; but not for ever. */
static enum MHD_Result
throw_away(struct cim_http_req *req, size_t *data_size)
{
    req->body.read_at += *data_size;
    *data_size = 0;
    if (req->body.read_at > BODY_DRAIN_BYTES || too_slow(req)) {
        return req->state == REQ_REFUSED ? linger(req) : MHD_NO;
    }
    return MHD_YES;
}

/* ---- the whole request is there ---- */

static enum MHD_Result
dispatch(struct cim_http_req *req)
{
    struct host_http *http = req->http;
    if (req->match.entry == NULL) {
        return answer_options(req);
    }
    if ((req->match.entry->route.flags & HOST_ROUTE_EVENT_THREAD) != 0) {
        host_handle(req);
        return send_response(req);
    }
    const enum host_lane lane = host_lane_of(&req->match.entry->route);
    if (!host_clients_take(http->clients, req)) {
        cim_error err = {0};
        atomic_fetch_add(&http->refused_busy, 1);
        (void)cim_fail(&err, CIM_E_BUSY, NULL, NULL, "您同时发出的请求超过 %d 个，请稍后再试",
                       "you have more than %d requests under way; try again soon",
                       (int)http->options.client_max);
        return send_problem(req, 429, &err);
    }
    if (!host_pool_reserve(http->pool, lane)) {
        cim_error err = {0};
        host_clients_give_back(req);
        atomic_fetch_add(&http->refused_busy, 1);
        (void)cim_fail(&err, CIM_E_BUSY, NULL, NULL, "平台繁忙，请稍后再试",
                       "the platform is busy; try again soon");
        return send_problem(req, 503, &err);
    }
    req->state = REQ_WAITING;
    req->job.run = host_handle_run;
    host_req_ref(req);
    host_watch_suspend(req);
    (void)host_pool_push(http->pool, &req->job, lane);
    return MHD_YES;
}

static enum MHD_Result
go_on(struct cim_http_req *req, struct MHD_Connection *connection, const char *method,
      const char *version, const char *data, size_t *data_size)
{
    if (req == NULL) {
        return MHD_NO; /* out of memory at the request line */
    }
    switch (req->state) {
    case REQ_NEW:
        return begin(req, connection, method, version);
    case REQ_BODY:
        return *data_size > 0 ? take_body(req, data, data_size) : dispatch(req);
    case REQ_REFUSED:
        return *data_size > 0 ? throw_away(req, data_size)
                              : send_problem(req, req->failure_status, &req->failure);
    case REQ_LINGER:
        return *data_size > 0 ? throw_away(req, data_size) : MHD_NO;
    case REQ_READY:
        return send_response(req);
    case REQ_SPOOLING:
    case REQ_WAITING:
    case REQ_SENT:
        break;
    }
    return MHD_NO;
}

enum MHD_Result
host_event_request(void *cls, struct MHD_Connection *connection, const char *url,
                   const char *method, const char *version, const char *data, size_t *data_size,
                   void **context)
{
    (void)cls;
    (void)url;
    host_note_begin(HOST_NOTE_EVENT);
    const enum MHD_Result result = go_on(*context, connection, method, version, data, data_size);
    host_note_end();
    return result;
}

static void
count(struct cim_http_req *req, int64_t duration_us)
{
    struct host_http *http = req->http;
    struct host_route_entry *entry = req->match.entry;
    atomic_fetch_add(&http->bytes_out, req->sent_bytes);
    if (req->status >= 500) {
        atomic_fetch_add(&http->errors_5xx, 1);
    } else if (req->status >= 400) {
        atomic_fetch_add(&http->errors_4xx, 1);
    }
    if (entry == NULL) {
        return;
    }
    size_t bucket = 0;
    while (bucket < LATENCY_BUCKETS - 1 &&
           duration_us > (int64_t)HOST_LATENCY_BOUNDS_MS[bucket] * 1000) {
        bucket++;
    }
    atomic_fetch_add(&entry->latency[bucket], 1);
    atomic_fetch_add(&entry->latency_sum_us, duration_us);
    atomic_fetch_add(&entry->status_class[req->status / 100 % 6], 1);
}

static void
tell_served(const struct host_http *http, struct cim_http_req *req)
{
    const struct host_route_entry *entry = req->match.entry;
    if (http->options.served == NULL || entry == NULL) {
        return;
    }
    const char *id = host_http_path_param(req, "id");
    const char *wants = host_http_query_param(req, "export");
    const struct host_http_served served = {
        .method = entry->route.method,
        .pattern = entry->route.pattern,
        .resource = id != NULL ? id : host_http_path_param(req, "layer"),
        .principal = req->principal != NULL ? req->call.principal : "",
        .status = req->status,
        .is_export = wants != NULL && strcmp(wants, "true") == 0};
    http->options.served(http->options.served_arg, &served);
}

void
host_event_completed(void *cls, struct MHD_Connection *connection, void **context,
                     enum MHD_RequestTerminationCode how)
{
    struct cim_http_req *req = *context;
    struct host_http *http = cls;
    (void)how;
    if (req == NULL) {
        return;
    }
    *context = NULL;
    if (req->state != REQ_NEW) {
        const int64_t duration_us = host_now_us() - req->started_us;
        struct host_conn *conn = conn_of(connection);
        count(req, duration_us);
        host_access_log_add(http->access_log, req, duration_us);
        tell_served(http, req);
        if (conn != NULL) {
            atomic_store(&conn->waiting_since_ms, host_monotonic_ms());
        }
        atomic_fetch_sub(&http->in_flight, 1);
    }
    atomic_store(&req->gone, 1);
    host_req_unref(req);
}
