/* cim.http/1. A response that is still being produced holds its plugin: the producer is wrapped in
 * one that counts as a call in flight until release(), and ends early once the plugin was disabled
 * and its grace is over. */
#include "cim/util.h"
#include "host/plugins/plugin.h"

#include <json-c/json.h>
#include <stdlib.h>

_Static_assert(sizeof(cim_http_producer) == HOST_PRODUCER_SIZE_V1_0, "append only");

/* The plugin whose handler runs on this thread: cim_http_req does not say. */
static _Thread_local struct host_plugin *handling;

struct held_producer {
    struct host_plugin *plugin;
    cim_http_producer inner;
};

static cim_status
add_route(const cim_host *host, const cim_http_route *route, cim_error *err)
{
    return host_registry_add_route(host_plugin_of(host), route, err);
}

/* A parameter that the manifest does not name is a mistake that the plugin would never see. */
static cim_status
check_parameter(void *arg, const char *name, const char *value, cim_error *err)
{
    const struct host_json_in *known = arg;
    for (size_t i = 0; i < host_json_length(known); i++) {
        struct json_object *parameter = json_object_array_get_idx(known->value, i);
        if (strcmp(json_object_get_string(json_object_object_get(parameter, "name")), name) == 0) {
            return CIM_OK;
        }
    }
    return host_http_no_such_param(name, value, err);
}

cim_status
host_svc_http_handle(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_route_slot *slot = self;
    struct host_plugin *plugin = slot->plugin;
    struct host_plugin *before = handling;
    const cim_http_route *route = NULL;
    cim_status status = CIM_OK;
    /* We are inside: the registry stands still, but it may be of a later life than the routing. */
    for (size_t i = 0; i < plugin->registry.n_routes && route == NULL; i++) {
        const cim_http_route *inner = &plugin->registry.routes[i]->inner;
        route =
            strcmp(inner->method, slot->method) == 0 && strcmp(inner->pattern, slot->pattern) == 0
                ? inner
                : NULL;
    }
    if (route == NULL) {
        return host_plugin_busy(plugin->id, err);
    }
    struct host_json_in known =
        host_manifest_parameters(plugin->manifest, slot->method, slot->pattern);
    CIM_TRY(host_http_each_query(req, check_parameter, &known, err));
    host_plugin_serial_lock(plugin);
    handling = plugin;
    status = route->handle(route->self, call, req, err);
    handling = before;
    host_plugin_serial_unlock(plugin);
    return status;
}

static cim_status
held_produce(void *self, const cim_call *call, cim_http_writer *writer, int32_t *ret_more,
             cim_error *err)
{
    struct held_producer *held = self;
    cim_call own = *call; /* the worker is that of this thread, which may not be the first one */
    cim_status status = CIM_OK;
    if (atomic_load(&held->plugin->cut)) {
        return host_plugin_busy(held->plugin->id, err);
    }
    CIM_TRY(host_plugin_worker(held->plugin, &own.worker, err));
    host_plugin_serial_lock(held->plugin);
    status = held->inner.produce(held->inner.self, &own, writer, ret_more, err);
    host_plugin_serial_unlock(held->plugin);
    return status;
}

static void
held_release(void *self)
{
    struct held_producer *held = self;
    struct host_plugin *plugin = held->plugin;
    host_plugin_serial_lock(plugin);
    held->inner.release(held->inner.self);
    host_plugin_serial_unlock(plugin);
    free(held);
    host_plugin_leave(plugin);
}

static cim_status
respond_stream(cim_http_req *req, int32_t http_status, const char *mime,
               const cim_http_producer *producer, cim_error *err)
{
    struct held_producer *held = NULL;
    cim_http_producer outer = {.struct_size = sizeof outer};
    if (producer->struct_size < HOST_PRODUCER_SIZE_V1_0) {
        return cim_fail(err, CIM_E_INVALID, "struct_size", NULL,
                        "cim_http_producer 的 struct_size 为 %u，至少应为 %d",
                        "cim_http_producer has struct_size %u, expected at least %d",
                        producer->struct_size, (int)HOST_PRODUCER_SIZE_V1_0);
    }
    held = calloc(1, sizeof *held);
    if (held == NULL || handling == NULL) {
        free(held);
        producer->release(producer->self); /* ours from here on, also on failure */
        return handling == NULL
                   ? cim_fail(err, CIM_E_STATE, NULL, NULL,
                              "respond_stream 只能在路由处理函数中调用",
                              "respond_stream is possible only inside a route's handler")
                   : cim_fail_nomem(err);
    }
    held->plugin = handling;
    held->inner = *producer;
    host_plugin_hold(held->plugin);
    outer.self = held;
    outer.produce = held_produce;
    outer.release = held_release;
    return host_http_respond_stream(req, http_status, mime, &outer, err);
}

const cim_http_v1 host_svc_http = {
    .struct_size = sizeof(cim_http_v1),
    .add_route = add_route,
    .path_param = host_http_path_param,
    .query_param = host_http_query_param,
    .header = host_http_header,
    .read_body = host_http_read_body,
    .alloc = host_http_alloc,
    .add_header = host_http_add_header,
    .respond = host_http_respond,
    .respond_stream = respond_stream,
    .write = host_http_write,
};
