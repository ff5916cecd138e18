/* A plugin that counts what happens to it and misbehaves as its setting "mode" says. Built twice:
 * parallel and serialised. */
#include "probe.h"

#include "cim/cim.h"

#include <sched.h>
#include <stdlib.h>

struct probe {
    const cim_host *host;
    const cim_http_v1 *http;
    const cim_store_v1 *store;
    struct probe_board *board;
    const char *mode;
};

struct worker {
    struct probe *probe;
};

static const char definition[] =
    "{\"id\":\"" PROBE_ID ".things\",\"title\":{\"zh\":\"物\",\"en\":\"Things\"},\"table\":"
    "\"" PROBE_ID "_thing\",\"geometry\":\"None\",\"area\":\"area_code\",\"owner\":\"owner_org\","
    "\"label\":\"name\",\"fields\":[{\"name\":\"name\",\"type\":\"text\","
    "\"title\":{\"zh\":\"名\","
    "\"en\":\"Name\"}}]}";

static int
is_mode(const struct probe *probe, const char *mode)
{
    return probe->mode != NULL && strcmp(probe->mode, mode) == 0;
}

static void
enter(struct probe *probe, const struct worker *worker)
{
    struct probe_board *board = probe->board;
    const int now = atomic_fetch_add(&board->inside, 1) + 1;
    int most = atomic_load(&board->most_inside);
    while (now > most && !atomic_compare_exchange_weak(&board->most_inside, &most, now)) {
    }
    (void)atomic_fetch_add(&board->calls, 1);
    if (atomic_load(&board->running) == 0 || worker == NULL || worker->probe != probe) {
        (void)atomic_fetch_add(&board->wrong, 1);
    }
    while (atomic_load(&board->hold) != 0) {
        (void)sched_yield();
    }
}

static void
leave(struct probe *probe)
{
    (void)atomic_fetch_sub(&probe->board->inside, 1);
}

/* ---- the layer ---- */

static cim_status
layer_count(void *self, const cim_call *call, const cim_query *query, int64_t *ret_count,
            cim_error *err)
{
    (void)query;
    (void)err;
    enter(self, call->worker);
    *ret_count = 7;
    leave(self);
    return CIM_OK;
}

static cim_status
layer_extent(void *self, const cim_call *call, const cim_query *query, double ret_bbox_deg[4],
             cim_error *err)
{
    (void)self;
    (void)call;
    (void)query;
    (void)ret_bbox_deg;
    return cim_fail(err, CIM_E_NOTFOUND, NULL, NULL, "无", "none");
}

static cim_status
layer_query(void *self, const cim_call *call, const cim_query *query, cim_rows **ret_rows,
            cim_error *err)
{
    struct probe *probe = self;
    (void)query;
    enter(probe, call->worker);
    leave(probe);
    return probe->store->read(probe->host, "select name from " PROBE_ID "_thing", NULL, 0, ret_rows,
                              err);
}

static cim_status
tile_key(void *self, const cim_call *call, const cim_tile_request *request,
         char ret_key[CIM_TILE_KEY_MAX])
{
    (void)self;
    (void)call;
    (void)request;
    memcpy(ret_key, "k", 2);
    return CIM_OK;
}

static cim_status
tile(void *self, const cim_call *call, const cim_tile_request *request, cim_blob *ret_tile,
     cim_error *err)
{
    (void)request;
    (void)err;
    enter(self, call->worker);
    memset(ret_tile, 0, sizeof *ret_tile);
    leave(self);
    return CIM_OK;
}

/* ---- the routes ---- */

static cim_status
handle_hello(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct probe *probe = self;
    cim_blob body = {.data = "hello", .len = 5};
    enter(probe, call->worker);
    leave(probe);
    return probe->http->respond(req, 200, "text/plain", &body, err);
}

static cim_status
produce(void *self, const cim_call *call, cim_http_writer *writer, int32_t *ret_more,
        cim_error *err)
{
    struct probe *probe = self;
    enter(probe, call->worker);
    leave(probe);
    *ret_more = CIM_HTTP_MORE; /* without end */
    return probe->http->write(writer, "x", 1, err);
}

static void
producer_release(void *self)
{
    struct probe *probe = self;
    if (atomic_load(&probe->board->running) == 0) {
        (void)atomic_fetch_add(&probe->board->wrong, 1);
    }
    (void)atomic_fetch_sub(&probe->board->producers, 1);
}

static cim_status
handle_stream(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct probe *probe = self;
    const cim_http_producer producer = {.struct_size = sizeof producer,
                                        .self = probe,
                                        .produce = produce,
                                        .release = producer_release};
    (void)call;
    (void)atomic_fetch_add(&probe->board->producers, 1);
    return probe->http->respond_stream(req, 200, "text/plain", &producer, err);
}

/* ---- life ---- */

static cim_status
add_layer(struct probe *probe, const char *id, const char *text, cim_error *err)
{
    const cim_layers_v1 *layers = probe->host->get_service(probe->host, CIM_SERVICE_LAYERS);
    cim_layer layer = {.struct_size = sizeof layer,
                       .id = id,
                       .definition = text,
                       .count = layer_count,
                       .extent = layer_extent,
                       .query = layer_query,
                       .self = probe};
    if (is_mode(probe, "short-layer")) {
        layer.struct_size = 40;
    }
    if (is_mode(probe, "layer-without-query")) {
        layer.query = NULL;
    }
    return layers->add_layer(probe->host, &layer, err);
}

static cim_status
add_renderer(struct probe *probe, cim_error *err)
{
    const cim_renderers_v1 *renderers =
        probe->host->get_service(probe->host, CIM_SERVICE_RENDERERS);
    const char *const layers[] = {
        is_mode(probe, "renderer-of-nothing") ? PROBE_ID ".none" : PROBE_ID ".things", NULL};
    const cim_renderer renderer = {.struct_size = sizeof renderer,
                                   .id = PROBE_ID ".tiles",
                                   .layers = layers,
                                   .tile_key = tile_key,
                                   .tile = tile,
                                   .self = probe};
    return renderers->add_renderer(probe->host, &renderer, err);
}

static cim_status
add_routes(struct probe *probe, cim_error *err)
{
    cim_http_route route = {.struct_size = sizeof route,
                            .method = "GET",
                            .pattern = "/hello",
                            .summary_zh = "你好",
                            .summary_en = "Hello",
                            .handle = handle_hello,
                            .self = probe};
    if (is_mode(probe, "unlisted-permission")) {
        route.permission = PROBE_ID ".secret";
    }
    CIM_TRY(probe->http->add_route(probe->host, &route, err));
    if (is_mode(probe, "route-twice")) {
        CIM_TRY(probe->http->add_route(probe->host, &route, err));
    }
    if (is_mode(probe, "missing-route")) {
        return CIM_OK;
    }
    route.pattern = is_mode(probe, "unlisted-route") ? "/other" : "/stream";
    route.handle = handle_stream;
    return probe->http->add_route(probe->host, &route, err);
}

static cim_status
probe_init(const cim_host *host, void **ret_self, cim_error *err)
{
    const cim_config_v1 *config = host->get_service(host, CIM_SERVICE_CONFIG);
    struct probe *probe = calloc(1, sizeof *probe);
    void *board = NULL;
    if (probe == NULL || sscanf(config->get(host, "board"), "%p", &board) != 1) {
        free(probe);
        return cim_fail_nomem(err);
    }
    probe->host = host;
    probe->http = host->get_service(host, CIM_SERVICE_HTTP);
    probe->store = host->get_service(host, CIM_SERVICE_STORE);
    probe->board = board;
    probe->mode = config->get(host, "mode");
    *ret_self = probe;
    (void)atomic_fetch_add(&probe->board->inits, 1);
    if (host->get_service(host, CIM_SERVICE_ACCESS) != NULL) { /* not in the manifest */
        (void)atomic_fetch_add(&probe->board->wrong, 1);
    }
    if (!is_mode(probe, "missing-layer")) {
        CIM_TRY(add_layer(probe, PROBE_ID ".things",
                          is_mode(probe, "bad-definition") ? "{\"id\":1}" : definition, err));
    }
    if (is_mode(probe, "layer-twice")) {
        CIM_TRY(add_layer(probe, PROBE_ID ".things", definition, err));
    }
    if (is_mode(probe, "unlisted-layer")) {
        CIM_TRY(add_layer(probe, PROBE_ID ".others", definition, err));
    }
    CIM_TRY(add_renderer(probe, err));
    CIM_TRY(add_routes(probe, err));
    if (is_mode(probe, "init-fails")) {
        return cim_fail(err, CIM_E_IO, NULL, NULL, "磁盘坏了", "the disk is broken");
    }
    return is_mode(probe, "init-fails-silently") ? CIM_E_IO : CIM_OK;
}

static cim_status
probe_start(void *self, cim_error *err)
{
    struct probe *probe = self;
    cim_rows *rows = NULL;
    /* The tables are there by now. */
    CIM_TRY(probe->store->read(probe->host, "select name from " PROBE_ID "_thing", NULL, 0, &rows,
                               err));
    rows->release(rows);
    if (is_mode(probe, "late-registration")) {
        return add_layer(probe, PROBE_ID ".things", definition, err);
    }
    if (is_mode(probe, "start-fails")) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "没有许可", "no licence");
    }
    (void)atomic_fetch_add(&probe->board->starts, 1);
    atomic_store(&probe->board->running, 1);
    return CIM_OK;
}

static void
probe_stop(void *self)
{
    struct probe *probe = self;
    if (atomic_load(&probe->board->inside) != 0 || atomic_load(&probe->board->workers) != 0 ||
        atomic_load(&probe->board->producers) != 0) {
        (void)atomic_fetch_add(&probe->board->wrong, 1);
    }
    atomic_store(&probe->board->running, 0);
    (void)atomic_fetch_add(&probe->board->stops, 1);
}

static void
probe_destroy(void *self)
{
    struct probe *probe = self;
    if (probe != NULL) {
        (void)atomic_fetch_add(&probe->board->destroys, 1);
        free(probe);
    }
}

static cim_status
probe_worker_enter(void *self, void **ret_worker, cim_error *err)
{
    struct probe *probe = self;
    struct worker *worker = NULL;
    if (is_mode(probe, "worker-fails")) {
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "没有上下文", "no context");
    }
    worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return cim_fail_nomem(err);
    }
    worker->probe = probe;
    (void)atomic_fetch_add(&probe->board->workers, 1);
    (void)atomic_fetch_add(&probe->board->worker_enters, 1);
    *ret_worker = worker;
    return CIM_OK;
}

static void
probe_worker_leave(void *self, void *worker)
{
    struct probe *probe = self;
    (void)atomic_fetch_sub(&probe->board->workers, 1);
    free(worker);
}

const cim_plugin_desc *
cim_plugin_entry_v1(void)
{
    static const char *const services[] = {CIM_SERVICE_CONFIG, CIM_SERVICE_HTTP,
                                           CIM_SERVICE_LAYERS, CIM_SERVICE_RENDERERS,
                                           CIM_SERVICE_STORE,  NULL};
    static const cim_plugin_desc desc = {.struct_size = sizeof desc,
                                         .abi_major = CIM_ABI_MAJOR,
                                         .id = PROBE_ID,
                                         .version = "1.0.0",
                                         .required_services = services,
                                         .thread_model = PROBE_THREADS,
                                         .init = probe_init,
                                         .start = probe_start,
                                         .stop = probe_stop,
                                         .destroy = probe_destroy,
                                         .worker_enter = probe_worker_enter,
                                         .worker_leave = probe_worker_leave};
    return &desc;
}
