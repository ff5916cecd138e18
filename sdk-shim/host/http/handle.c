/* host/http/handle.c -- the worker's side of a request: who asks, may they, the handler, the
 * answer. */
#include "internal.h"

#include "cim/util.h"
#include "host/base/problem.h"

#include <malloc.h>
#include <string.h>

static const char *
language(struct cim_http_req *req)
{
    const char *wanted = host_http_query_param(req, "lang");
    if (wanted == NULL) {
        wanted = host_http_header(req, "Accept-Language");
    }
    return wanted != NULL && strncasecmp(wanted, "en", 2) == 0 ? "en" : "zh";
}

static void
prepare_call(struct cim_http_req *req)
{
    const struct host_http_options *options = &req->http->options;
    /* A large body takes time to work through as well as to send. */
    req->deadline_ms = host_monotonic_ms() + options->request_timeout_ms +
                       (int64_t)(req->body.total / BODY_BYTES_PER_MS);
    req->context =
        (struct host_call_context){.principal = NULL, .req = req, .address = req->client};
    req->call = (cim_call){
        .struct_size = sizeof req->call,
        .request_id = req->request_id,
        .principal = "",
        .lang = language(req),
        .now_ms = host_clock_now_ms(options->clock),
        .cancelled = host_call_cancelled,
        .impl = &req->context,
    };
}

static cim_status
authenticate(struct cim_http_req *req, int32_t *ret_status, cim_error *err)
{
    const struct host_http_auth *auth = &req->http->options.auth;
    const struct host_route *route = &req->match.entry->route;
    if (auth->resolve == NULL || (route->flags & HOST_ROUTE_EVENT_THREAD) != 0) {
        return CIM_OK;
    }
    const cim_status status = auth->resolve(auth->self, req, route, &req->principal, err);
    if (status == CIM_E_DENIED && err->param[0] == '\0') {
        *ret_status = 401;
    }
    CIM_TRY(status);
    req->context.principal = req->principal;
    if (req->principal != NULL) {
        req->call.principal = auth->name(req->principal);
    }
    if (route->permission != NULL &&
        (req->principal == NULL ||
         auth->has_function(auth->self, req->principal, route->permission) == 0)) {
        *ret_status = req->principal == NULL ? 401 : 403;
        return cim_fail(err, CIM_E_DENIED, "permission", route->permission, "需要功能权限“%s”",
                        "the function '%s' is needed", route->permission);
    }
    return CIM_OK;
}

static cim_status
run_handler(struct cim_http_req *req, cim_error *err)
{
    const struct host_http_gate *gate = &req->http->options.gate;
    const struct host_route *route = &req->match.entry->route;
    const bool gated = route->plugin_id != NULL && gate->enter != NULL;
    if (gated) {
        CIM_TRY(gate->enter(gate->self, route->plugin_id, &req->call.worker, err));
    }
    const cim_status status = route->handle(route->self, &req->call, req, err);
    if (gated) {
        gate->leave(gate->self, route->plugin_id);
    }
    if (req->body.fd >= 0) { /* was large: what reading it took goes back to the system */
        (void)malloc_trim(0);
    }
    return status;
}

static void
log_failure(const struct cim_http_req *req, int32_t http_status, const cim_error *err)
{
    if (http_status == 500 || http_status == 507) {
        host_log_error("http", req->request_id, err);
    }
}

void
host_handle(struct cim_http_req *req)
{
    cim_error err;
    int32_t http_status = 0;
    cim_status status = CIM_OK;
    host_error_clear(&err);
    prepare_call(req);
    if (atomic_load(&req->http->closing) != 0) {
        status = cim_fail(&err, CIM_E_BUSY, NULL, NULL, "平台正在停止", "the platform is stopping");
    } else {
        status = authenticate(req, &http_status, &err);
    }
    if (status == CIM_OK) {
        status = run_handler(req, &err);
        if (status == CIM_E_DENIED && req->principal == NULL) {
            http_status = 401;
        }
    }
    if (status == CIM_OK && !req->responded) {
        status = cim_fail(&err, CIM_E_INTERNAL, NULL, NULL, "处理程序没有回答",
                          "the handler gave no answer");
    }
    if (status == CIM_OK && req->streaming) {
        host_stream_first(req);
    }
    if (status != CIM_OK) {
        err.code = status;
        http_status = http_status != 0 ? http_status : host_problem_http_status(&err);
        log_failure(req, http_status, &err);
        host_respond_problem(req, http_status, &err);
    }
    host_respond_finish(req);
}

void
host_handle_run(struct host_job *job)
{
    struct cim_http_req *req =
        (struct cim_http_req *)(void *)((char *)job - offsetof(struct cim_http_req, job));
    host_handle(req);
    host_clients_give_back(req);
    req->state = REQ_READY;
    host_watch_resume(req);
    host_req_unref(req);
}
