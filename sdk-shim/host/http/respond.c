/* host/http/respond.c -- what a handler answered becomes a response of libmicrohttpd. */
#include "internal.h"

#include "cim/util.h"
#include "host/base/problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEM_MAX_BYTES = 16 << 10 };

#define CSP_PAGE                                                                                   \
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "           \
    "worker-src 'self' blob:; child-src blob:; object-src 'none'; base-uri 'self'; "               \
    "form-action 'self'; frame-ancestors 'self'"
#define CSP_DATA "default-src 'none'; frame-ancestors 'none'"

static const char *
find_header(const struct cim_http_req *req, const char *name)
{
    for (size_t i = 0; i < req->n_headers; i++) {
        if (strcasecmp(req->headers[i].name, name) == 0) {
            return req->headers[i].value;
        }
    }
    return NULL;
}

cim_status
host_http_add_header(cim_http_req *req, const char *name, const char *value, cim_error *err)
{
    if (strpbrk(name, "\r\n: ") != NULL || name[0] == '\0' || strpbrk(value, "\r\n") != NULL) {
        return cim_fail(err, CIM_E_INVALID, "header", name, "响应头“%s”无效",
                        "the response header '%s' is not valid", name);
    }
    if (req->n_headers == RESPONSE_HEADERS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "header", name, "响应头超过 %d 个",
                        "more than %d response headers", RESPONSE_HEADERS_MAX);
    }
    struct host_header *header = &req->headers[req->n_headers];
    header->name = host_arena_text(&req->arena, name, strlen(name));
    header->value = host_arena_text(&req->arena, value, strlen(value));
    if (header->name == NULL || header->value == NULL) {
        return cim_fail_nomem(err);
    }
    req->n_headers++;
    return CIM_OK;
}

static cim_status
begin_response(cim_http_req *req, int32_t http_status, const char *mime, cim_error *err)
{
    if (req->responded) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "这个请求已经回答过",
                        "this request was answered already");
    }
    if (http_status < 200 || http_status > 599) {
        return cim_fail(err, CIM_E_INVALID, "status", NULL, "HTTP 状态码 %d 无效",
                        "%d is no HTTP status", (int)http_status);
    }
    req->mime = mime != NULL ? host_arena_text(&req->arena, mime, strlen(mime)) : NULL;
    if (mime != NULL && req->mime == NULL) {
        return cim_fail_nomem(err);
    }
    req->status = http_status;
    req->responded = true;
    return CIM_OK;
}

cim_status
host_http_respond(cim_http_req *req, int32_t http_status, const char *mime, cim_blob *body,
                  cim_error *err)
{
    CIM_TRY(begin_response(req, http_status, mime, err));
    if (body != NULL) {
        req->blob = *body;
        *body = (cim_blob){0};
    }
    return CIM_OK;
}

cim_status
host_http_respond_no_store(cim_http_req *req, int32_t http_status, const char *mime,
                           struct cim_buf *body, cim_error *err)
{
    cim_blob blob = {0};
    CIM_TRY(cim_buf_status(body, err));
    CIM_TRY(host_http_add_header(req, "Cache-Control", "no-store", err));
    cim_buf_to_blob(body, &blob);
    const cim_status status = host_http_respond(req, http_status, mime, &blob, err);
    if (blob.release != NULL) {
        blob.release(&blob);
    }
    return status;
}

cim_status
host_http_respond_stream(cim_http_req *req, int32_t http_status, const char *mime,
                         const cim_http_producer *producer, cim_error *err)
{
    const cim_status status = begin_response(req, http_status, mime, err);
    if (status != CIM_OK) {
        producer->release(producer->self);
        return status;
    }
    req->stream.producer = *producer;
    req->stream.open = true;
    req->streaming = true;
    return CIM_OK;
}

cim_status
host_http_respond_events(cim_http_req *req, const cim_http_producer *producer, cim_error *err)
{
    CIM_TRY(host_http_respond_stream(req, 200, "text/event-stream; charset=utf-8", producer, err));
    req->stream.events = true;
    return host_http_add_header(req, "X-Accel-Buffering", "no",
                                err); /* nginx passes it on at once */
}

cim_status
host_http_respond_etag(cim_http_req *req, const char *etag, const char *mime, cim_blob *body,
                       cim_error *err)
{
    const char *known = host_http_header(req, "If-None-Match");
    CIM_TRY(host_http_add_header(req, "ETag", etag, err));
    if (host_etag_matches(known, etag)) {
        CIM_TRY(begin_response(req, 304, NULL, err));
        if (body->release != NULL) {
            body->release(body);
        }
        *body = (cim_blob){0};
        return CIM_OK;
    }
    return host_http_respond(req, 200, mime, body, err);
}

bool
host_http_answer(const cim_http_req *req, struct host_http_answer *ret_answer)
{
    if (!req->responded || req->streaming) {
        return false;
    }
    *ret_answer = (struct host_http_answer){.status = req->status,
                                            .mime = req->mime,
                                            .data = req->blob.data,
                                            .len = req->blob.len,
                                            .etag = find_header(req, "ETag"),
                                            .location = find_header(req, "Location")};
    return true;
}

void
host_respond_drop(struct cim_http_req *req)
{
    if (req->blob.release != NULL) {
        req->blob.release(&req->blob);
    }
    req->blob = (cim_blob){0};
    if (req->stream.open && !req->response) {
        req->stream.open = false;
        req->stream.producer.release(req->stream.producer.self);
    }
    if (req->response != NULL) {
        MHD_destroy_response(req->response);
        req->response = NULL;
    }
    req->streaming = false;
    req->responded = false;
    req->n_headers = 0;
}

/* ---- problems ---- */

void
host_respond_problem(struct cim_http_req *req, int32_t http_status, const cim_error *err)
{
    struct cim_buf body;
    cim_blob blob = {0};
    host_respond_drop(req);
    if (http_status == 401) {
        (void)host_http_add_header(req, "WWW-Authenticate", "Bearer realm=\"cim\"", NULL);
    }
    if (http_status == 503 || http_status == 429) {
        (void)host_http_add_header(req, "Retry-After", "2", NULL);
    }
    if (http_status == 405 && req->match.allow[0] != '\0') {
        (void)host_http_add_header(req, "Allow", req->match.allow, NULL);
    }
    cim_buf_init(&body, PROBLEM_MAX_BYTES);
    host_problem_write(&body, http_status, err, req->request_id);
    if (cim_buf_status(&body, NULL) == CIM_OK) {
        cim_buf_to_blob(&body, &blob);
    }
    cim_buf_done(&body);
    (void)host_http_respond(req, http_status, "application/problem+json", &blob, NULL);
}

cim_status
host_respond_raw(struct cim_http_req *req, int32_t http_status, const cim_error *err,
                 struct cim_buf *out)
{
    struct cim_buf body CIM_AUTO_BUF;
    const char *zh = NULL;
    const char *en = NULL;
    cim_buf_init(&body, PROBLEM_MAX_BYTES);
    host_problem_write(&body, http_status, err, req->request_id);
    CIM_TRY(cim_buf_status(&body, NULL));
    host_problem_title(http_status, &zh, &en);
    cim_buf_addf(out,
                 "HTTP/1.1 %d %s\r\nConnection: close\r\nX-Request-Id: %s\r\n"
                 "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                 "Content-Security-Policy: " CSP_DATA "\r\n"
                 "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n\r\n",
                 (int)http_status, en, req->request_id, body.len);
    cim_buf_add(out, body.data, body.len);
    return cim_buf_status(out, NULL);
}

/* ---- the response itself ---- */

static void
add(struct cim_http_req *req, const char *name, const char *value)
{
    if (value != NULL && find_header(req, name) == NULL) {
        (void)MHD_add_response_header(req->response, name, value);
    }
}

static bool
wants_gzip(struct cim_http_req *req)
{
    const bool inline_route =
        req->match.entry != NULL && (req->match.entry->route.flags & HOST_ROUTE_EVENT_THREAD) != 0;
    return !req->streaming && !inline_route && req->blob.len >= GZIP_LEAST_BYTES &&
           host_encoding_accepts_gzip(host_http_header(req, "Accept-Encoding"));
}

/* The compressed form is another representation, so its strong tag is another one too. */
static void
rename_etag(struct cim_http_req *req)
{
    for (size_t i = 0; i < req->n_headers; i++) {
        struct host_header *header = &req->headers[i];
        const size_t len = strlen(header->value);
        if (strcasecmp(header->name, "ETag") == 0 && header->value[0] == '"' && len >= 2) {
            char *renamed = host_arena_alloc(&req->arena, len + 4);
            if (renamed != NULL) {
                (void)snprintf(renamed, len + 4, "%.*s-gz\"", (int)len - 1, header->value);
                header->value = renamed;
            }
        }
    }
}

static void
compress(struct cim_http_req *req)
{
    cim_blob packed = {0};
    if (!wants_gzip(req) || host_encoding_gzip(&req->blob, &packed) != CIM_OK) {
        return;
    }
    if (req->blob.release != NULL) {
        req->blob.release(&req->blob);
    }
    req->blob = packed;
    rename_etag(req);
    (void)host_http_add_header(req, "Content-Encoding", "gzip", NULL);
}

static void
free_blob(void *cls)
{
    cim_blob *blob = cls;
    if (blob->release != NULL) {
        blob->release(blob);
    }
    free(blob);
}

static struct MHD_Response *
blob_response(struct cim_http_req *req)
{
    cim_blob *blob = NULL;
    if (req->blob.len == 0) {
        if (req->blob.release != NULL) {
            req->blob.release(&req->blob);
        }
        req->blob = (cim_blob){0};
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    blob = malloc(sizeof *blob);
    if (blob == NULL) {
        return NULL;
    }
    *blob = req->blob;
    req->sent_bytes = (int64_t)blob->len;
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        blob->len, (void *)blob->data, free_blob, blob);
    if (response == NULL) {
        free(blob);
        return NULL;
    }
    req->blob = (cim_blob){0};
    return response;
}

static const char *
cache_control(const struct cim_http_req *req)
{
    if (find_header(req, "ETag") != NULL) {
        return req->principal != NULL ? "private, no-cache" : "no-cache";
    }
    return "no-store";
}

void
host_respond_finish(struct cim_http_req *req)
{
    const bool html = req->mime != NULL && strncmp(req->mime, "text/html", 9) == 0;
    const bool compressible = req->mime != NULL && host_encoding_compressible(req->mime) &&
                              find_header(req, "Content-Encoding") == NULL;
    if (compressible) {
        compress(req);
    }
    if (req->streaming) {
        host_stream_response(req);
    } else {
        req->response = blob_response(req);
    }
    if (req->response == NULL) {
        return;
    }
    for (size_t i = 0; i < req->n_headers; i++) {
        (void)MHD_add_response_header(req->response, req->headers[i].name, req->headers[i].value);
    }
    if (req->close || atomic_load(&req->http->draining) != 0 ||
        atomic_load(&req->http->stopping) != 0) {
        add(req, "Connection", "close");
    }
    add(req, "Content-Type", req->status != 304 ? req->mime : NULL);
    add(req, "X-Request-Id", req->request_id);
    add(req, "X-Content-Type-Options", "nosniff");
    add(req, "Referrer-Policy", "same-origin");
    if (req->status != 304) { /* its headers replace those of the page that the browser kept */
        /* A worker lives under the policy that its script came with. */
        const bool script = req->mime != NULL && strncmp(req->mime, "text/javascript", 15) == 0;
        add(req, "Content-Security-Policy", html || script ? CSP_PAGE : CSP_DATA);
        add(req, "X-Frame-Options", html ? "SAMEORIGIN" : NULL); /* for browsers before CSP 2 */
    }
    add(req, "Cross-Origin-Resource-Policy", "same-origin");
    add(req, "Cache-Control", cache_control(req));
    add(req, "Vary", compressible ? "Accept-Encoding" : NULL);
}
