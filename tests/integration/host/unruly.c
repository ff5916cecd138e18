/* tests/integration/host/unruly.c -- a plugin that takes the platform down on request: it crashes,
 * hangs, or takes memory and keeps it. */
#include "cim/cim.h"
#include "cim/util.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { LEAK_BYTES = 256 << 20, PAGE_BYTES = 4096, SLOW_S = 3 };

static const cim_http_v1 *s_http;

static cim_status
say(cim_http_req *req, cim_error *err)
{
    cim_blob body = {.data = "ok", .len = 2};
    return s_http->respond(req, 200, "text/plain", &body, err);
}

static cim_status
handle_ok(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    (void)self;
    (void)call;
    return say(req, err);
}

static cim_status
handle_crash(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    (void)self;
    (void)call;
    (void)raise(SIGSEGV);
    return say(req, err);
}

static cim_status
handle_hang(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    (void)self;
    (void)call;
    (void)req;
    (void)err;
    for (;;) {
        (void)pause();
    }
    return CIM_OK;
}

static cim_status
handle_slow(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    (void)self;
    (void)call;
    (void)sleep(SLOW_S);
    return say(req, err);
}

static cim_status
handle_leak(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static volatile char *kept; /* or the compiler does without it */
    (void)self;
    (void)call;
    kept = malloc(LEAK_BYTES);
    if (kept == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < LEAK_BYTES; i += PAGE_BYTES) {
        kept[i] = 1;
    }
    return say(req, err);
}

static cim_status
init(const cim_host *host, void **ret_self, cim_error *err)
{
    static int self;
    static const struct {
        const char *pattern;
        cim_status (*handle)(void *self, const cim_call *call, cim_http_req *req, cim_error *err);
    } routes[] = {{"/ok", handle_ok},
                  {"/crash", handle_crash},
                  {"/hang", handle_hang},
                  {"/slow", handle_slow},
                  {"/leak", handle_leak}};
    s_http = host->get_service(host, CIM_SERVICE_HTTP);
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const cim_http_route route = {.struct_size = sizeof route,
                                      .method = "GET",
                                      .pattern = routes[i].pattern,
                                      .summary_zh = "捣乱",
                                      .summary_en = "misbehave",
                                      .handle = routes[i].handle};
        CIM_TRY(s_http->add_route(host, &route, err));
    }
    *ret_self = &self;
    return CIM_OK;
}

static void
destroy(void *self)
{
    (void)self;
}

const cim_plugin_desc *
cim_plugin_entry_v1(void)
{
    static const char *const services[] = {CIM_SERVICE_HTTP, NULL};
    static const cim_plugin_desc desc = {
        .struct_size = sizeof desc,
        .abi_major = CIM_ABI_MAJOR,
        .id = "unruly",
        .version = "1.0.0",
        .required_services = services,
        .thread_model = CIM_THREADS_PARALLEL,
        .init = init,
        .destroy = destroy,
    };
    return &desc;
}
