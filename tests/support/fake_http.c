#include "fake_http.h"

#include "cim/util.h"
#include "kit/buf.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

struct host_http {
    pthread_mutex_t lock;
    size_t n_routes;
    struct host_route routes[FAKE_HTTP_ROUTES_MAX];
    size_t n_texts; /* of all routes there ever were: requests may still read them */
    char *texts[FAKE_HTTP_TEXTS_MAX];
};

struct cim_http_writer {
    struct cim_http_req *req;
};

struct host_http *
fake_http_new(void)
{
    struct host_http *http = calloc(1, sizeof *http);
    if (http != NULL) {
        (void)pthread_mutex_init(&http->lock, NULL);
    }
    return http;
}

void
fake_http_free(struct host_http *http)
{
    for (size_t i = 0; i < http->n_texts; i++) {
        free(http->texts[i]);
    }
    (void)pthread_mutex_destroy(&http->lock);
    free(http);
}

/* A copy that lives as long as the server; the same text is kept once. */
static const char *
keep(struct host_http *http, const char *text)
{
    for (size_t i = 0; i < http->n_texts; i++) {
        if (text != NULL && strcmp(http->texts[i], text) == 0) {
            return http->texts[i];
        }
    }
    if (text == NULL || http->n_texts == FAKE_HTTP_TEXTS_MAX) {
        return NULL;
    }
    return http->texts[http->n_texts++] = strdup(text);
}

static const struct host_route *
find(struct host_http *http, const char *method, const char *pattern)
{
    for (size_t i = 0; i < http->n_routes; i++) {
        if (strcmp(http->routes[i].method, method) == 0 &&
            strcmp(http->routes[i].pattern, pattern) == 0) {
            return &http->routes[i];
        }
    }
    return NULL;
}

bool
fake_http_route(struct host_http *http, const char *method, const char *pattern,
                struct host_route *ret_route)
{
    const struct host_route *route = NULL;
    (void)pthread_mutex_lock(&http->lock);
    route = find(http, method, pattern);
    if (route != NULL) {
        *ret_route = *route;
    }
    (void)pthread_mutex_unlock(&http->lock);
    return route != NULL;
}

cim_status
host_http_add_route(struct host_http *http, const struct host_route *route, cim_error *err)
{
    cim_status status = CIM_OK;
    (void)pthread_mutex_lock(&http->lock);
    if (find(http, route->method, route->pattern) != NULL) {
        status = cim_fail(err, CIM_E_EXISTS, "pattern", route->pattern, "已有", "taken");
    } else if (http->n_routes == FAKE_HTTP_ROUTES_MAX) {
        status = cim_fail(err, CIM_E_TOO_LARGE, "pattern", route->pattern, "过多", "too many");
    } else {
        struct host_route *mine = &http->routes[http->n_routes++];
        *mine = *route;
        mine->method = keep(http, route->method);
        mine->pattern = keep(http, route->pattern);
        mine->permission = keep(http, route->permission);
        mine->plugin_id = keep(http, route->plugin_id);
    }
    (void)pthread_mutex_unlock(&http->lock);
    return status;
}

void
host_http_remove_routes(struct host_http *http, const char *plugin_id)
{
    size_t kept = 0;
    (void)pthread_mutex_lock(&http->lock);
    for (size_t i = 0; i < http->n_routes; i++) {
        struct host_route *route = &http->routes[i];
        if (route->plugin_id != NULL && strcmp(route->plugin_id, plugin_id) == 0) {
            continue;
        }
        http->routes[kept++] = *route;
    }
    http->n_routes = kept;
    (void)pthread_mutex_unlock(&http->lock);
}

static cim_status
handle_page(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    cim_blob nothing = {0};
    (void)self;
    (void)call;
    return host_http_respond(req, 200, "text/html", &nothing, err);
}

cim_status
host_http_static(struct host_http *http, const struct host_static_options *options, cim_error *err)
{
    const struct host_route route = {.method = "GET",
                                     .pattern = options->prefix,
                                     .flags = HOST_ROUTE_ANONYMOUS,
                                     .handle = handle_page,
                                     .plugin_id = options->plugin_id};
    return host_http_add_route(http, &route, err);
}

/* ---- running ---- */

static int32_t
never_cancelled(const cim_call *call)
{
    (void)call;
    return 0;
}

static cim_status
run_route(const struct host_route *route, const struct host_http_gate *gate, cim_call *call,
          struct cim_http_req *req, cim_error *err)
{
    cim_status status = CIM_OK;
    if (route->plugin_id != NULL) {
        CIM_TRY(gate->enter(gate->self, route->plugin_id, &call->worker, err));
    }
    status = route->handle(route->self, call, req, err);
    if (route->plugin_id != NULL) {
        gate->leave(gate->self, route->plugin_id);
    }
    return status;
}

cim_status
fake_http_run(struct host_http *http, const struct host_http_auth *auth,
              const struct host_http_gate *gate, struct cim_http_req *req, int64_t now_ms,
              cim_error *err)
{
    struct host_principal *principal = NULL;
    struct host_call_context context = {.req = req};
    struct host_route route;
    cim_call call = {.struct_size = sizeof call,
                     .request_id = "test",
                     .principal = "",
                     .lang = "zh",
                     .now_ms = now_ms,
                     .cancelled = never_cancelled,
                     .impl = &context};
    cim_status status = CIM_OK;
    if (!fake_http_route(http, req->method, req->path, &route)) {
        return cim_fail(err, CIM_E_NOTFOUND, "path", req->path, "没有", "no route");
    }
    if (auth != NULL) {
        CIM_TRY(auth->resolve(auth->self, req, &route, &principal, err));
        context.principal = principal;
        call.principal = principal != NULL ? auth->name(principal) : "";
        if (route.permission != NULL &&
            !auth->has_function(auth->self, principal, route.permission)) {
            status = cim_fail(err, CIM_E_DENIED, "permission", route.permission, "没有", "denied");
        }
    }
    if (status == CIM_OK) {
        status = run_route(&route, gate, &call, req, err);
    }
    if (auth != NULL && principal != NULL) {
        auth->release(auth->self, principal);
    }
    return status;
}

void
fake_http_done(struct cim_http_req *req)
{
    if (req->streaming) {
        req->streaming = false;
        req->producer.release(req->producer.self);
    }
    while (req->n_allocated > 0) {
        free(req->allocated[--req->n_allocated]);
    }
}

cim_status
fake_http_produce(struct cim_http_req *req, int32_t *ret_more, cim_error *err)
{
    struct host_call_context context = {.req = req};
    struct cim_http_writer writer = {.req = req};
    const cim_call call = {.struct_size = sizeof call,
                           .principal = "",
                           .cancelled = never_cancelled,
                           .impl = &context};
    return req->producer.produce(req->producer.self, &call, &writer, ret_more, err);
}

/* ---- inside handlers ---- */

const struct host_principal *
host_http_principal(const cim_call *call)
{
    return ((const struct host_call_context *)call->impl)->principal;
}

const char *
host_http_method(cim_http_req *req)
{
    return req->method;
}

static const char *
value_of(const struct fake_header *list, const char *name)
{
    for (; list->name != NULL; list++) {
        if (strcasecmp(list->name, name) == 0) {
            return list->value;
        }
    }
    return NULL;
}

const char *
host_http_query_param(cim_http_req *req, const char *name)
{
    return value_of(req->query, name);
}

cim_status
host_http_each_query(cim_http_req *req,
                     cim_status (*each)(void *arg, const char *name, const char *value,
                                        cim_error *err),
                     void *arg, cim_error *err)
{
    for (const struct fake_header *at = req->query; at->name != NULL; at++) {
        CIM_TRY(each(arg, at->name, at->value, err));
    }
    return CIM_OK;
}

const char *
host_http_path_param(cim_http_req *req, const char *name)
{
    return value_of(req->params, name);
}

const char *
host_http_header(cim_http_req *req, const char *name)
{
    return value_of(req->headers, name);
}

const char *
host_http_cookie(cim_http_req *req, const char *name)
{
    return value_of(req->cookies, name);
}

const char *
host_http_client_address(cim_http_req *req)
{
    (void)req;
    return "192.0.2.7";
}

const char *
host_http_base_url(cim_http_req *req)
{
    (void)req;
    return "http://127.0.0.1";
}

cim_status
host_http_read_body(cim_http_req *req, void *buffer, uint64_t capacity, uint64_t *ret_len,
                    cim_error *err)
{
    const uint64_t len = req->body != NULL ? strlen(req->body) : 0;
    (void)err;
    req->whole_body = req->whole_body != NULL ? req->whole_body : req->body;
    *ret_len = len < capacity ? len : capacity;
    if (*ret_len > 0) {
        memcpy(buffer, req->body, (size_t)*ret_len);
        req->body += *ret_len;
    }
    return CIM_OK;
}

void
host_http_rewind_body(cim_http_req *req)
{
    req->body = req->whole_body != NULL ? req->whole_body : req->body;
}

/* Sheets are read where a server runs. */
cim_status
host_http_body_file(cim_http_req *req, const char **ret_path, cim_error *err)
{
    (void)req;
    (void)ret_path;
    return cim_fail(err, CIM_E_UNSUPPORTED, NULL, NULL, "这里没有文件", "there are no files here");
}

cim_status
host_http_body_text(cim_http_req *req, uint64_t max, const char **ret_text, uint64_t *ret_len,
                    cim_error *err)
{
    const char *body = req->body != NULL ? req->body : "";
    if (strlen(body) > max) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "过大", "too large");
    }
    *ret_text = body;
    *ret_len = strlen(body);
    return CIM_OK;
}

void *
host_http_alloc(cim_http_req *req, uint64_t size)
{
    if (req->n_allocated == sizeof req->allocated / sizeof req->allocated[0]) {
        return NULL;
    }
    return req->allocated[req->n_allocated++] = malloc((size_t)size);
}

cim_status
host_http_add_header(cim_http_req *req, const char *name, const char *value, cim_error *err)
{
    const size_t used = strlen(req->answer_headers);
    (void)err;
    (void)snprintf(req->answer_headers + used, sizeof req->answer_headers - used, "%s: %s\n", name,
                   value);
    return CIM_OK;
}

cim_status
host_http_respond(cim_http_req *req, int32_t http_status, const char *mime, cim_blob *body,
                  cim_error *err)
{
    (void)err;
    req->status = http_status;
    cim_copy_text(req->mime, sizeof req->mime, mime);
    req->answer[0] = '\0';
    if (body->len > 0) {
        const size_t len =
            body->len < sizeof req->answer ? (size_t)body->len : sizeof req->answer - 1;
        memcpy(req->answer, body->data, len);
        req->answer[len] = '\0';
    }
    if (body->release != NULL) {
        body->release(body);
    }
    memset(body, 0, sizeof *body);
    return CIM_OK;
}

cim_status
host_http_respond_no_store(cim_http_req *req, int32_t http_status, const char *mime,
                           struct cim_buf *body, cim_error *err)
{
    cim_blob blob = {.data = body->data, .len = body->len};
    CIM_TRY(cim_buf_status(body, err));
    CIM_TRY(host_http_add_header(req, "Cache-Control", "no-store", err));
    return host_http_respond(req, http_status, mime, &blob, err);
}

cim_status
host_http_respond_stream(cim_http_req *req, int32_t http_status, const char *mime,
                         const cim_http_producer *producer, cim_error *err)
{
    (void)err;
    req->status = http_status;
    cim_copy_text(req->mime, sizeof req->mime, mime);
    req->producer = *producer;
    req->streaming = true;
    return CIM_OK;
}

cim_status
host_http_write(cim_http_writer *writer, const void *data, uint64_t len, cim_error *err)
{
    const size_t used = strlen(writer->req->answer);
    if (used + len >= sizeof writer->req->answer) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "过大", "too large");
    }
    memcpy(writer->req->answer + used, data, (size_t)len);
    writer->req->answer[used + len] = '\0';
    return CIM_OK;
}
