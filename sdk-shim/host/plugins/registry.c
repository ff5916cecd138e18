/* What a plugin registers in init(): copied, checked against its manifest, dropped as a whole. */
#include "cim/util.h"
#include "host/plugins/plugin.h"
#include "kit/cleanup.h"

#include <json-c/json.h>

_Static_assert(sizeof(cim_layer) == HOST_LAYER_SIZE_V1_0, "append only; keep the first size");
_Static_assert(sizeof(cim_renderer) == HOST_RENDERER_SIZE_V1_0, "append only; keep the first size");
_Static_assert(sizeof(cim_http_route) == HOST_ROUTE_SIZE_V1_0, "append only; keep the first size");

cim_status
host_registry_refuse(const struct host_plugin *plugin, cim_status code, const char *what,
                     const char *value, const char *zh, const char *en, cim_error *err)
{
    (void)cim_fail(err, code, what, value, "%s", "%s", "");
    if (err != NULL) {
        (void)snprintf(err->zh, sizeof err->zh, "插件 %.32s：%s“%.120s”%s", plugin->id, what,
                       value != NULL ? value : "", zh);
        (void)snprintf(err->en, sizeof err->en, "plugin %.32s: %s '%.120s' %s", plugin->id, what,
                       value != NULL ? value : "", en);
    }
    return code;
}

cim_status
host_registry_refuse_unlisted(const struct host_plugin *plugin, const char *what, const char *value,
                              cim_error *err)
{
    return host_registry_refuse(plugin, CIM_E_DENIED, what, value, "未列入 plugin.manifest",
                                "is not listed in plugin.manifest", err);
}

cim_status
host_registry_refuse_taken(const struct host_plugin *plugin, const char *what, const char *value,
                           cim_error *err)
{
    return host_registry_refuse(plugin, CIM_E_EXISTS, what, value, "已被占用", "is taken", err);
}

cim_status
host_registry_check_call(const struct host_plugin *plugin, const char *what, uint32_t struct_size,
                         uint32_t least, cim_error *err)
{
    if (!plugin->registering) {
        return cim_fail(err, CIM_E_STATE, what, NULL, "插件 %.32s：只能在 init 中注册",
                        "plugin %.32s: registration is possible only inside init", plugin->id);
    }
    if (struct_size < least) {
        return cim_fail(err, CIM_E_INVALID, "struct_size", what,
                        "插件 %.32s：%s 的 struct_size 为 %u，至少应为 %u",
                        "plugin %.32s: %s has struct_size %u, expected at least %u", plugin->id,
                        what, struct_size, least);
    }
    return CIM_OK;
}

cim_status
host_registry_copy(const char *text, const char **ret_copy, cim_error *err)
{
    char *made = text != NULL ? strdup(text) : NULL;
    if (text != NULL && made == NULL) {
        return cim_fail_nomem(err);
    }
    *ret_copy = made;
    return CIM_OK;
}

/* ---- layers ---- */

static void
layer_free(struct host_registered_layer *layer)
{
    if (layer != NULL) {
        cim_definition_free(layer->pub.definition);
        free((char *)layer->inner.id);
        free((char *)layer->inner.definition);
        free(layer);
    }
}

static void
cleanup_layer(struct host_registered_layer **layer)
{
    layer_free(*layer);
}

/* The layer of that id in any plugin's registry; only called while no other enable runs. */
static const struct host_registered_layer *
layer_anywhere(const struct host_plugins *plugins, const char *id)
{
    for (size_t p = 0; p < plugins->n_plugins; p++) {
        const struct host_registry *registry = &plugins->plugins[p]->registry;
        for (size_t i = 0; i < registry->n_layers; i++) {
            if (strcmp(registry->layers[i]->inner.id, id) == 0) {
                return registry->layers[i];
            }
        }
    }
    return NULL;
}

static cim_status
load_codes(struct host_plugin *plugin, cim_error *err)
{
    char path[4096];
    CIM_AUTO_FREE char *text = NULL;
    size_t len = 0;
    cim_status status = CIM_OK;
    if (plugin->registry.codes != NULL || plugin->manifest->layers == NULL) {
        return CIM_OK;
    }
    CIM_TRY(host_manifest_path(plugin->manifest, plugin->manifest->layers, "codes.json", path,
                               sizeof path, err));
    status = host_read_file(path, CIM_LAYER_TEXT_MAX, &text, &len, err);
    if (status == CIM_E_NOTFOUND) {
        return CIM_OK; /* a plugin without code lists; a field that names one is refused */
    }
    CIM_TRY(status);
    return cim_codes_parse(path, text, len, &plugin->registry.codes, err);
}

cim_status
host_registry_add_layer(struct host_plugin *plugin, const cim_layer *layer, cim_error *err)
{
    __attribute__((cleanup(cleanup_layer))) struct host_registered_layer *made = NULL;
    struct host_registry *registry = &plugin->registry;
    char where[160];
    CIM_TRY(host_registry_check_call(plugin, "cim_layer", layer->struct_size, HOST_LAYER_SIZE_V1_0,
                                     err));
    if (layer->id == NULL || layer->definition == NULL || layer->count == NULL ||
        layer->extent == NULL || layer->query == NULL) {
        return host_registry_refuse(plugin, CIM_E_INVALID, "layer", layer->id,
                                    "缺少 id、definition、count、extent 或 query",
                                    "lacks id, definition, count, extent or query", err);
    }
    if (!host_manifest_has_resource(plugin->manifest, "layers", layer->id)) {
        return host_registry_refuse_unlisted(plugin, "layer", layer->id, err);
    }
    if (layer_anywhere(plugin->owner, layer->id) != NULL) {
        return host_registry_refuse_taken(plugin, "layer", layer->id, err);
    }
    if (registry->n_layers >= HOST_PLUGIN_LAYERS_MAX) {
        return host_registry_refuse(plugin, CIM_E_TOO_LARGE, "layer", layer->id, "超过 200 个图层",
                                    "is more than 200 layers", err);
    }
    CIM_TRY(load_codes(plugin, err));
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        return cim_fail_nomem(err);
    }
    made->plugin = plugin;
    made->inner = *layer;
    made->inner.id = NULL; /* until ours */
    made->inner.definition = NULL;
    CIM_TRY(host_registry_copy(layer->id, &made->inner.id, err));
    CIM_TRY(host_registry_copy(layer->definition, &made->inner.definition, err));
    (void)snprintf(where, sizeof where, "%.32s: %.100s", plugin->id, layer->id);
    CIM_TRY(cim_definition_parse(where, layer->definition, strlen(layer->definition),
                                 registry->codes, &made->pub.definition, err));
    if (strcmp(made->pub.definition->id, layer->id) != 0) {
        return host_registry_refuse(plugin, CIM_E_INVALID, "layer", layer->id,
                                    "与其定义中的 id 不同", "differs from the id in its definition",
                                    err);
    }
    made->pub.plugin_id = plugin->id;
    made->pub.codes = registry->codes;
    made->pub.library_hash = plugin->library_hash;
    host_serial_layer(made);
    registry->layers[registry->n_layers++] = CIM_TAKE(made);
    return CIM_OK;
}

/* ---- renderers ---- */

static void
renderer_free(struct host_registered_renderer *renderer)
{
    if (renderer != NULL) {
        for (size_t i = 0; i < renderer->n_layers; i++) {
            free((char *)renderer->inner.layers[i]);
        }
        free((void *)renderer->inner.layers);
        free((char *)renderer->inner.id);
        free(renderer);
    }
}

static void
cleanup_renderer(struct host_registered_renderer **renderer)
{
    renderer_free(*renderer);
}

static bool
renderer_anywhere(const struct host_plugins *plugins, const char *id)
{
    for (size_t p = 0; p < plugins->n_plugins; p++) {
        const struct host_registry *registry = &plugins->plugins[p]->registry;
        for (size_t i = 0; i < registry->n_renderers; i++) {
            if (strcmp(registry->renderers[i]->inner.id, id) == 0) {
                return true;
            }
        }
    }
    return false;
}

static cim_status
copy_layers(struct host_registered_renderer *made, const char *const *layers, cim_error *err)
{
    const char **list = NULL;
    size_t n = 0;
    while (layers[n] != NULL && n < HOST_PLUGIN_LAYERS_MAX) {
        n++;
    }
    list = calloc(n + 1, sizeof *list);
    if (list == NULL) {
        return cim_fail_nomem(err);
    }
    made->inner.layers = list;
    for (; made->n_layers < n; made->n_layers++) {
        CIM_TRY(host_registry_copy(layers[made->n_layers], &list[made->n_layers], err));
    }
    return CIM_OK;
}

cim_status
host_registry_add_renderer(struct host_plugin *plugin, const cim_renderer *renderer, cim_error *err)
{
    __attribute__((cleanup(cleanup_renderer))) struct host_registered_renderer *made = NULL;
    struct host_registry *registry = &plugin->registry;
    CIM_TRY(host_registry_check_call(plugin, "cim_renderer", renderer->struct_size,
                                     HOST_RENDERER_SIZE_V1_0, err));
    if (renderer->id == NULL || renderer->layers == NULL || renderer->tile == NULL ||
        renderer->tile_key == NULL) {
        return host_registry_refuse(plugin, CIM_E_INVALID, "renderer", renderer->id,
                                    "缺少 id、layers、tile 或 tile_key",
                                    "lacks id, layers, tile or tile_key", err);
    }
    if (!host_manifest_has_resource(plugin->manifest, "renderers", renderer->id)) {
        return host_registry_refuse_unlisted(plugin, "renderer", renderer->id, err);
    }
    if (renderer_anywhere(plugin->owner, renderer->id)) {
        return host_registry_refuse_taken(plugin, "renderer", renderer->id, err);
    }
    if (registry->n_renderers >= HOST_PLUGIN_RENDERERS_MAX) {
        return host_registry_refuse(plugin, CIM_E_TOO_LARGE, "renderer", renderer->id,
                                    "超过 50 个渲染器", "is more than 50 renderers", err);
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        return cim_fail_nomem(err);
    }
    made->plugin = plugin;
    made->inner = *renderer;
    made->inner.id = NULL;
    made->inner.layers = NULL;
    CIM_TRY(host_registry_copy(renderer->id, &made->inner.id, err));
    CIM_TRY(copy_layers(made, renderer->layers, err));
    made->pub.plugin_id = plugin->id;
    host_serial_renderer(made);
    registry->renderers[registry->n_renderers++] = CIM_TAKE(made);
    return CIM_OK;
}

/* ---- routes ---- */

static void
route_free(struct host_registered_route *route)
{
    if (route != NULL) {
        free((char *)route->inner.method);
        free((char *)route->inner.pattern);
        free((char *)route->inner.permission);
        free((char *)route->inner.summary_zh);
        free((char *)route->inner.summary_en);
        free(route->pattern);
        free(route);
    }
}

static void
cleanup_route(struct host_registered_route **route)
{
    route_free(*route);
}

cim_status
host_registry_add_route(struct host_plugin *plugin, const cim_http_route *route, cim_error *err)
{
    __attribute__((cleanup(cleanup_route))) struct host_registered_route *made = NULL;
    struct host_registry *registry = &plugin->registry;
    CIM_TRY(host_registry_check_call(plugin, "cim_http_route", route->struct_size,
                                     HOST_ROUTE_SIZE_V1_0, err));
    if (route->method == NULL || route->pattern == NULL || route->handle == NULL ||
        route->summary_zh == NULL || route->summary_en == NULL) {
        return host_registry_refuse(plugin, CIM_E_INVALID, "route", route->pattern,
                                    "缺少 method、pattern、handle、summary_zh 或 summary_en",
                                    "lacks method, pattern, handle, summary_zh or summary_en", err);
    }
    if (!host_manifest_has_route(plugin->manifest, route->method, route->pattern)) {
        return host_registry_refuse_unlisted(plugin, "route", route->pattern, err);
    }
    if (route->permission != NULL &&
        !host_manifest_has_permission(plugin->manifest, route->permission)) {
        return host_registry_refuse_unlisted(plugin, "permission", route->permission, err);
    }
    for (size_t i = 0; i < registry->n_routes; i++) {
        if (strcmp(registry->routes[i]->inner.method, route->method) == 0 &&
            strcmp(registry->routes[i]->inner.pattern, route->pattern) == 0) {
            return host_registry_refuse_taken(plugin, "route", route->pattern, err);
        }
    }
    if (registry->n_routes >= HOST_PLUGIN_ROUTES_MAX) {
        return host_registry_refuse(plugin, CIM_E_TOO_LARGE, "route", route->pattern,
                                    "超过 200 个路由", "is more than 200 routes", err);
    }
    made = calloc(1, sizeof *made);
    if (made == NULL ||
        asprintf(&made->pattern, "/apps/%s/api%s", plugin->id, route->pattern) < 0) {
        return cim_fail_nomem(err);
    }
    made->plugin = plugin;
    made->inner.struct_size = sizeof made->inner;
    made->inner.handle = route->handle;
    made->inner.self = route->self;
    CIM_TRY(host_registry_copy(route->method, &made->inner.method, err));
    CIM_TRY(host_registry_copy(route->pattern, &made->inner.pattern, err));
    CIM_TRY(host_registry_copy(route->permission, &made->inner.permission, err));
    CIM_TRY(host_registry_copy(route->summary_zh, &made->inner.summary_zh, err));
    CIM_TRY(host_registry_copy(route->summary_en, &made->inner.summary_en, err));
    registry->routes[registry->n_routes++] = CIM_TAKE(made);
    return CIM_OK;
}

/* ---- the whole ---- */

static bool
registered(const struct host_registry *registry, const char *kind, const char *id)
{
    if (strcmp(kind, "layers") == 0) {
        for (size_t i = 0; i < registry->n_layers; i++) {
            if (strcmp(registry->layers[i]->inner.id, id) == 0) {
                return true;
            }
        }
        return false;
    }
    if (strcmp(kind, "renderers") == 0) {
        for (size_t i = 0; i < registry->n_renderers; i++) {
            if (strcmp(registry->renderers[i]->inner.id, id) == 0) {
                return true;
            }
        }
        return false;
    }
    return host_registry_has_work(registry, id, strcmp(kind, "analyses") == 0);
}

static cim_status
check_promises(const struct host_plugin *plugin, const char *kind, const char *what, cim_error *err)
{
    const struct host_json_in list = host_manifest_resources(plugin->manifest, kind);
    for (size_t i = 0; i < host_json_length(&list); i++) {
        const char *id = json_object_get_string(json_object_array_get_idx(list.value, i));
        if (!registered(&plugin->registry, kind, id)) {
            return host_registry_refuse(plugin, CIM_E_INVALID, what, id,
                                        "列入 plugin.manifest，但未注册",
                                        "is listed in plugin.manifest but was not registered", err);
        }
    }
    return CIM_OK;
}

static cim_status
check_route_promises(const struct host_plugin *plugin, cim_error *err)
{
    const struct host_json_in list = host_manifest_resources(plugin->manifest, "routes");
    for (size_t i = 0; i < host_json_length(&list); i++) {
        struct json_object *route = json_object_array_get_idx(list.value, i);
        const char *method = json_object_get_string(json_object_object_get(route, "method"));
        const char *pattern = json_object_get_string(json_object_object_get(route, "pattern"));
        bool found = false;
        for (size_t k = 0; k < plugin->registry.n_routes && !found; k++) {
            found = strcmp(plugin->registry.routes[k]->inner.method, method) == 0 &&
                    strcmp(plugin->registry.routes[k]->inner.pattern, pattern) == 0;
        }
        if (!found) {
            return host_registry_refuse(plugin, CIM_E_INVALID, "route", pattern,
                                        "列入 plugin.manifest，但未注册",
                                        "is listed in plugin.manifest but was not registered", err);
        }
    }
    return CIM_OK;
}

cim_status
host_registry_check(struct host_plugin *plugin, cim_error *err)
{
    const struct host_registry *registry = &plugin->registry;
    CIM_TRY(check_promises(plugin, "layers", "layer", err));
    CIM_TRY(check_promises(plugin, "renderers", "renderer", err));
    CIM_TRY(check_promises(plugin, "analyses", "analysis", err));
    CIM_TRY(check_promises(plugin, "jobs", "kind of job", err));
    CIM_TRY(check_route_promises(plugin, err));
    for (size_t i = 0; i < registry->n_renderers; i++) {
        const char *const *layers = registry->renderers[i]->inner.layers;
        for (size_t k = 0; layers[k] != NULL; k++) {
            if (!registered(registry, "layers", layers[k])) {
                return host_registry_refuse(plugin, CIM_E_INVALID, "renderer layer", layers[k],
                                            "不是本插件注册的图层",
                                            "is no layer that this plugin registered", err);
            }
        }
    }
    return CIM_OK;
}

cim_status
host_registry_init(struct host_registry *registry, cim_error *err)
{
    registry->layers = calloc(HOST_PLUGIN_LAYERS_MAX, sizeof *registry->layers);
    registry->renderers = calloc(HOST_PLUGIN_RENDERERS_MAX, sizeof *registry->renderers);
    registry->routes = calloc(HOST_PLUGIN_ROUTES_MAX, sizeof *registry->routes);
    registry->works = calloc(HOST_PLUGIN_WORKS_MAX, sizeof *registry->works);
    if (registry->layers == NULL || registry->renderers == NULL || registry->routes == NULL ||
        registry->works == NULL) {
        return cim_fail_nomem(err);
    }
    return CIM_OK;
}

void
host_registry_clear(struct host_plugin *plugin)
{
    struct host_registry *registry = &plugin->registry;
    while (registry->n_layers > 0) {
        layer_free(registry->layers[--registry->n_layers]);
    }
    while (registry->n_renderers > 0) {
        renderer_free(registry->renderers[--registry->n_renderers]);
    }
    while (registry->n_routes > 0) {
        route_free(registry->routes[--registry->n_routes]);
    }
    while (registry->n_works > 0) {
        host_registered_work_free(registry->works[--registry->n_works]);
    }
    cim_codes_free(registry->codes);
    registry->codes = NULL;
}

void
host_registry_done(struct host_plugin *plugin)
{
    host_registry_clear(plugin);
    free(plugin->registry.layers);
    free(plugin->registry.renderers);
    free(plugin->registry.routes);
    free(plugin->registry.works);
}
