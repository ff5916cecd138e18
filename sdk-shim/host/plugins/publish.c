/* A plugin's registrations towards the HTTP server and the admin API. */
#include "cim/util.h"
#include "host/base/log.h"
#include "host/plugins/plugin.h"
#include "kit/buf.h"

#include <json-c/json.h>
#include <stdlib.h>

struct json_object *
host_registry_to_json(const struct host_plugin *plugin)
{
    const struct host_registry *registry = &plugin->registry;
    struct json_object *root = json_object_new_object();
    struct json_object *layers = json_object_new_array();
    struct json_object *renderers = json_object_new_array();
    struct json_object *analyses = json_object_new_array();
    struct json_object *jobs = json_object_new_array();
    struct json_object *routes = json_object_new_array();
    for (size_t i = 0; i < registry->n_layers; i++) {
        json_object_array_add(layers, json_object_new_string(registry->layers[i]->inner.id));
    }
    for (size_t i = 0; i < registry->n_renderers; i++) {
        json_object_array_add(renderers, json_object_new_string(registry->renderers[i]->inner.id));
    }
    for (size_t i = 0; i < registry->n_works; i++) {
        const struct host_work *work = &registry->works[i]->pub;
        json_object_array_add(work->is_analysis ? analyses : jobs,
                              json_object_new_string(work->kind.id));
    }
    for (size_t i = 0; i < registry->n_routes; i++) {
        struct json_object *route = json_object_new_object();
        json_object_object_add(route, "method",
                               json_object_new_string(registry->routes[i]->inner.method));
        json_object_object_add(route, "pattern",
                               json_object_new_string(registry->routes[i]->pattern));
        json_object_array_add(routes, route);
    }
    json_object_object_add(root, "layers", layers);
    json_object_object_add(root, "renderers", renderers);
    json_object_object_add(root, "analyses", analyses);
    json_object_object_add(root, "jobs", jobs);
    json_object_object_add(root, "routes", routes);
    return root;
}

/* Its pages; the gate answers 503 for them while the plugin is closed. */
static cim_status
publish_pages(struct host_plugin *plugin, cim_error *err)
{
    char prefix[64];
    char dir[4096];
    const struct host_static_options options = {
        .prefix = prefix,
        .dir = dir,
        .index = "index.html",
        .spa = true,
        .plugin_id = plugin->id,
    };
    if (plugin->manifest->web == NULL) {
        return CIM_OK;
    }
    (void)snprintf(prefix, sizeof prefix, "/apps/%.32s/", plugin->id);
    CIM_TRY(
        host_manifest_path(plugin->manifest, plugin->manifest->web, NULL, dir, sizeof dir, err));
    return host_http_static(plugin->owner->app->http, &options, err);
}

static void
slot_free(struct host_route_slot *slot)
{
    free(slot->method);
    free(slot->pattern);
    free(slot);
}

static struct host_route_slot *
slot_of(struct host_plugin *plugin, const char *method, const char *pattern)
{
    struct host_route_slot *slot = plugin->slots;
    while (slot != NULL &&
           (strcmp(slot->method, method) != 0 || strcmp(slot->pattern, pattern) != 0)) {
        slot = slot->next;
    }
    if (slot != NULL || (slot = calloc(1, sizeof *slot)) == NULL) {
        return slot;
    }
    slot->plugin = plugin;
    slot->method = strdup(method);
    slot->pattern = strdup(pattern);
    if (slot->method == NULL || slot->pattern == NULL) {
        slot_free(slot);
        return NULL;
    }
    slot->next = plugin->slots;
    plugin->slots = slot;
    return slot;
}

void
host_route_slots_free(struct host_plugin *plugin)
{
    while (plugin->slots != NULL) {
        struct host_route_slot *slot = plugin->slots;
        plugin->slots = slot->next;
        slot_free(slot);
    }
}

/* All that its routes and pages say to the server; the same text, nothing to do. */
static cim_status
describe(const struct host_plugin *plugin, struct cim_buf *out, cim_error *err)
{
    cim_buf_add_text(out, plugin->manifest->web != NULL ? plugin->manifest->web : "-");
    for (size_t i = 0; i < plugin->registry.n_routes; i++) {
        const cim_http_route *route = &plugin->registry.routes[i]->inner;
        const struct host_json_in known =
            host_manifest_parameters(plugin->manifest, route->method, route->pattern);
        cim_buf_addf(out, "\n%s %s %s\n%s\n%s\n%s", route->method, route->pattern,
                     route->permission != NULL ? route->permission : "-", route->summary_zh,
                     route->summary_en,
                     known.value != NULL ? json_object_to_json_string(known.value) : "-");
    }
    return cim_buf_status(out, err);
}

/* As the API document wants them; texts are borrowed from the manifest. */
static void
read_parameters(const struct host_plugin *plugin, const cim_http_route *route,
                struct host_route_param params[HOST_MANIFEST_PARAMETERS_MAX + 1])
{
    const struct host_json_in list =
        host_manifest_parameters(plugin->manifest, route->method, route->pattern);
    const size_t n = host_json_length(&list);
    for (size_t i = 0; i < n; i++) {
        struct json_object *at = json_object_array_get_idx(list.value, i);
        struct json_object *schema = json_object_object_get(at, "schema");
        params[i] = (struct host_route_param){
            .name = json_object_get_string(json_object_object_get(at, "name")),
            .in = "query",
            .schema_json = schema != NULL ? json_object_to_json_string(schema) : NULL,
            .zh = json_object_get_string(json_object_object_get(at, "zh")),
            .en = json_object_get_string(json_object_object_get(at, "en"))};
    }
    params[n] = (struct host_route_param){.name = NULL};
}

cim_status
host_registry_publish_routes(struct host_plugin *plugin, cim_error *err)
{
    struct host_http *http = plugin->owner->app->http;
    CIM_AUTO_BUF struct cim_buf text;
    cim_buf_init(&text, HOST_PLUGIN_PUBLISHED_MAX_BYTES);
    if (http == NULL) {
        return CIM_OK; /* command line work serves nothing */
    }
    CIM_TRY(describe(plugin, &text, err));
    if (plugin->published != NULL && strcmp(plugin->published, text.data) == 0) {
        return CIM_OK; /* enabled again: no moment without routes */
    }
    free(plugin->published);
    plugin->published = NULL;
    host_http_remove_routes(http, plugin->id);
    for (size_t i = 0; i < plugin->registry.n_routes; i++) {
        const struct host_registered_route *registered = plugin->registry.routes[i];
        struct host_route_slot *slot =
            slot_of(plugin, registered->inner.method, registered->inner.pattern);
        struct host_route_param params[HOST_MANIFEST_PARAMETERS_MAX + 1];
        read_parameters(plugin, &registered->inner, params);
        const struct host_route route = {
            .method = registered->inner.method,
            .pattern = registered->pattern,
            .params = params,
            .permission = registered->inner.permission,
            .summary_zh = registered->inner.summary_zh,
            .summary_en = registered->inner.summary_en,
            .handle = host_svc_http_handle,
            .self = slot,
            .plugin_id = plugin->id,
        };
        if (slot == NULL) {
            return cim_fail_nomem(err);
        }
        CIM_TRY(host_http_add_route(http, &route, err));
    }
    CIM_TRY(publish_pages(plugin, err));
    plugin->published = strdup(text.data); /* NULL only means to publish again next time */
    return CIM_OK;
}

static cim_status
handle_closed(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_plugin *plugin = self;
    (void)call;
    (void)req;
    return host_plugin_busy(plugin->id, err);
}

void
host_registry_publish_closed(struct host_plugin *plugin)
{
    struct host_http *http = plugin->owner->app->http;
    struct host_json_in list;
    cim_error err;
    if (http == NULL || plugin->manifest == NULL) {
        return;
    }
    free(plugin->published);
    plugin->published = NULL;
    host_http_remove_routes(http, plugin->id);
    list = host_manifest_resources(plugin->manifest, "routes");
    for (size_t i = 0; i < host_json_length(&list); i++) {
        struct json_object *entry = json_object_array_get_idx(list.value, i);
        char pattern[320];
        const struct host_route route = {
            .method = json_object_get_string(json_object_object_get(entry, "method")),
            .pattern = pattern,
            .flags = HOST_ROUTE_HIDDEN,
            .summary_zh = "未启用",
            .summary_en = "not enabled",
            .handle = handle_closed,
            .self = plugin,
            .plugin_id = plugin->id,
        };
        (void)snprintf(pattern, sizeof pattern, "/apps/%s/api%s", plugin->id,
                       json_object_get_string(json_object_object_get(entry, "pattern")));
        if (host_http_add_route(http, &route, &err) != CIM_OK) {
            host_log_error("plugins", "a route of a closed plugin", &err);
        }
    }
    if (publish_pages(plugin, &err) != CIM_OK) {
        host_log_error("plugins", "the pages of a closed plugin", &err);
    }
}
