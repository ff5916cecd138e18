/* Finding layers, renderers and work of enabled plugins. */
#include "cim/util.h"
#include "host/plugins/plugin.h"
#include "kit/cleanup.h"

static struct host_registered_layer *
layer_in(const struct host_plugin *plugin, const char *id)
{
    for (size_t i = 0; i < plugin->registry.n_layers; i++) {
        if (strcmp(plugin->registry.layers[i]->inner.id, id) == 0) {
            return plugin->registry.layers[i];
        }
    }
    return NULL;
}

static struct host_registered_renderer *
renderer_in(const struct host_plugin *plugin, const char *layer_id)
{
    for (size_t i = 0; i < plugin->registry.n_renderers; i++) {
        struct host_registered_renderer *renderer = plugin->registry.renderers[i];
        for (size_t k = 0; k < renderer->n_layers; k++) {
            if (strcmp(renderer->inner.layers[k], layer_id) == 0) {
                return renderer;
            }
        }
    }
    return NULL;
}

static cim_status
out_of_service(const char *layer_id, const cim_error *why, cim_error *err)
{
    (void)cim_fail(
        err, CIM_E_BUSY, "collectionId", layer_id, "图层 %.80s 停用，请管理员运行 cim-host doctor",
        "layer %.80s is out of service, the administrator runs cim-host doctor", layer_id);
    if (err != NULL) {
        const size_t zh = strlen(err->zh);
        const size_t en = strlen(err->en);
        (void)snprintf(err->zh + zh, sizeof err->zh - zh, "：%s", why->zh);
        (void)snprintf(err->en + en, sizeof err->en - en, ": %s", why->en);
    }
    return CIM_E_BUSY;
}

/* Enters the open plugin that has the layer. */
static cim_status
enter_layer(struct host_plugins *plugins, const char *layer_id,
            struct host_registered_layer **ret_layer, cim_error *err)
{
    struct host_registered_layer *layer = NULL;
    const char *closed = NULL;
    cim_error why = {.code = CIM_OK};
    (void)pthread_mutex_lock(&plugins->lock);
    for (size_t i = 0; i < plugins->n_plugins && layer == NULL; i++) {
        struct host_plugin *plugin = plugins->plugins[i];
        if (plugin->open) {
            layer = layer_in(plugin, layer_id);
            if (layer != NULL && layer->broken.code != CIM_OK) {
                why = layer->broken;
                break;
            }
            plugin->in_flight += layer != NULL ? 1 : 0;
        } else if (plugin->manifest != NULL &&
                   host_manifest_has_resource(plugin->manifest, "layers", layer_id)) {
            closed = plugin->id;
        }
    }
    (void)pthread_mutex_unlock(&plugins->lock);
    if (why.code != CIM_OK) {
        return out_of_service(layer_id, &why, err);
    }
    if (layer != NULL) {
        *ret_layer = layer;
        return CIM_OK;
    }
    if (closed != NULL) {
        return host_plugin_busy(closed, err);
    }
    return cim_fail(err, CIM_E_NOTFOUND, "collectionId", layer_id, "没有图层 %.120s",
                    "there is no layer %.120s", layer_id);
}

static cim_status
fill_worker(struct host_plugin *plugin, cim_call *call, cim_error *err)
{
    const cim_status status = host_plugin_worker(plugin, &call->worker, err);
    if (status != CIM_OK) {
        host_plugin_leave(plugin);
    }
    return status;
}

cim_status
host_plugins_enter_layer(struct host_plugins *plugins, const char *layer_id, cim_call *call,
                         const struct host_layer **ret_layer, cim_error *err)
{
    struct host_registered_layer *layer = NULL;
    CIM_TRY(enter_layer(plugins, layer_id, &layer, err));
    CIM_TRY(fill_worker(layer->plugin, call, err));
    *ret_layer = &layer->pub;
    return CIM_OK;
}

cim_status
host_plugins_enter_renderer(struct host_plugins *plugins, const char *layer_id, cim_call *call,
                            const struct host_renderer **ret_renderer,
                            const struct host_layer **ret_layer, cim_error *err)
{
    struct host_registered_layer *layer = NULL;
    struct host_registered_renderer *renderer = NULL;
    CIM_TRY(enter_layer(plugins, layer_id, &layer, err));
    renderer = renderer_in(layer->plugin, layer_id); /* entered: the registry stands still */
    if (renderer == NULL) {
        host_plugin_leave(layer->plugin);
        return cim_fail(err, CIM_E_NOTFOUND, "collectionId", layer_id, "图层 %.120s 没有瓦片",
                        "layer %.120s has no tiles", layer_id);
    }
    CIM_TRY(fill_worker(layer->plugin, call, err));
    *ret_renderer = &renderer->pub;
    *ret_layer = &layer->pub;
    return CIM_OK;
}

static struct host_registered_work *
work_in(const struct host_plugin *plugin, const char *id)
{
    for (size_t i = 0; i < plugin->registry.n_works; i++) {
        if (strcmp(plugin->registry.works[i]->inner.id, id) == 0) {
            return plugin->registry.works[i];
        }
    }
    return NULL;
}

static bool
promises_work(const struct host_plugin *plugin, const char *id)
{
    return plugin->manifest != NULL &&
           (host_manifest_has_resource(plugin->manifest, "analyses", id) ||
            host_manifest_has_resource(plugin->manifest, "jobs", id));
}

cim_status
host_plugins_enter_work(struct host_plugins *plugins, const char *id, cim_call *call,
                        const struct host_work **ret_work, cim_error *err)
{
    struct host_registered_work *work = NULL;
    const char *closed = NULL;
    (void)pthread_mutex_lock(&plugins->lock);
    for (size_t i = 0; i < plugins->n_plugins && work == NULL; i++) {
        struct host_plugin *plugin = plugins->plugins[i];
        if (plugin->open) {
            work = work_in(plugin, id);
            plugin->in_flight += work != NULL ? 1 : 0;
        } else if (promises_work(plugin, id)) {
            closed = plugin->id;
        }
    }
    (void)pthread_mutex_unlock(&plugins->lock);
    if (work == NULL) {
        return closed != NULL ? host_plugin_busy(closed, err)
                              : cim_fail(err, CIM_E_NOTFOUND, "processID", id, "没有分析 %.120s",
                                         "there is no process %.120s", id);
    }
    CIM_TRY(fill_worker(work->plugin, call, err));
    *ret_work = &work->pub;
    return CIM_OK;
}

bool
host_plugins_closing(struct host_plugins *plugins, const char *plugin_id)
{
    const struct host_plugin *plugin = host_plugins_find(plugins, plugin_id);
    bool open = false;
    (void)pthread_mutex_lock(&plugins->lock);
    open = plugin != NULL && plugin->open;
    (void)pthread_mutex_unlock(&plugins->lock);
    return !open;
}

void
host_plugins_leave(struct host_plugins *plugins, const char *plugin_id)
{
    struct host_plugin *plugin = host_plugins_find(plugins, plugin_id);
    if (plugin != NULL) {
        host_plugin_leave(plugin);
    }
}

static int
by_id(const void *a, const void *b)
{
    const struct host_registered_layer *const *left = a;
    const struct host_registered_layer *const *right = b;
    return strcmp((*left)->inner.id, (*right)->inner.id);
}

size_t
host_plugins_hold_open(struct host_plugins *plugins, bool held[HOST_PLUGINS_MAX])
{
    size_t n = 0;
    (void)pthread_mutex_lock(&plugins->lock);
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        held[i] = plugins->plugins[i]->open;
        if (held[i]) {
            plugins->plugins[i]->in_flight++;
            n += plugins->plugins[i]->registry.n_layers;
        }
    }
    (void)pthread_mutex_unlock(&plugins->lock);
    return n;
}

cim_status
host_plugins_each_layer(struct host_plugins *plugins,
                        cim_status (*each)(void *arg, const struct host_layer *layer,
                                           bool has_tiles, cim_error *err),
                        void *arg, cim_error *err)
{
    bool held[HOST_PLUGINS_MAX] = {false};
    const size_t n = host_plugins_hold_open(plugins, held);
    struct host_registered_layer **layers = calloc(n + 1, sizeof(struct host_registered_layer *));
    cim_status status = layers != NULL ? CIM_OK : cim_fail_nomem(err);
    size_t used = 0;
    for (size_t i = 0; i < plugins->n_plugins && layers != NULL; i++) {
        const struct host_registry *registry = &plugins->plugins[i]->registry;
        for (size_t k = 0; held[i] && k < registry->n_layers; k++) {
            layers[used++] = registry->layers[k];
        }
    }
    if (used > 1) {
        qsort((void *)layers, used, sizeof(struct host_registered_layer *), by_id);
    }
    for (size_t i = 0; i < used && status == CIM_OK; i++) {
        const bool has_tiles = renderer_in(layers[i]->plugin, layers[i]->inner.id) != NULL;
        status = each(arg, &layers[i]->pub, has_tiles, err);
    }
    free((void *)layers);
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        if (held[i]) {
            host_plugin_leave(plugins->plugins[i]);
        }
    }
    return status;
}

static int
by_work_id(const void *a, const void *b)
{
    const struct host_registered_work *const *left = a;
    const struct host_registered_work *const *right = b;
    return strcmp((*left)->inner.id, (*right)->inner.id);
}

cim_status
host_plugins_each_analysis(struct host_plugins *plugins,
                           cim_status (*each)(void *arg, const struct host_work *work,
                                              cim_error *err),
                           void *arg, cim_error *err)
{
    bool held[HOST_PLUGINS_MAX] = {false};
    struct host_registered_work **works = NULL;
    cim_status status = CIM_OK;
    size_t used = 0;
    (void)host_plugins_hold_open(plugins, held);
    works = calloc((size_t)HOST_PLUGINS_MAX * HOST_PLUGIN_WORKS_MAX,
                   sizeof(struct host_registered_work *));
    status = works != NULL ? CIM_OK : cim_fail_nomem(err);
    for (size_t i = 0; i < plugins->n_plugins && works != NULL; i++) {
        const struct host_registry *registry = &plugins->plugins[i]->registry;
        for (size_t k = 0; held[i] && k < registry->n_works; k++) {
            if (registry->works[k]->pub.is_analysis) {
                works[used++] = registry->works[k];
            }
        }
    }
    if (used > 1) {
        qsort((void *)works, used, sizeof(struct host_registered_work *), by_work_id);
    }
    for (size_t i = 0; i < used && status == CIM_OK; i++) {
        status = each(arg, &works[i]->pub, err);
    }
    free((void *)works);
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        if (held[i]) {
            host_plugin_leave(plugins->plugins[i]);
        }
    }
    return status;
}
