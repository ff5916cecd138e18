/* Whether the tables of layers are still what their definitions say. */
#include "cim/util.h"
#include "host/base/log.h"
#include "host/plugins/plugin.h"
#include "host/store/store.h"

/* Says what changed since the last check, once. */
static void
settle(struct host_registered_layer *layer, cim_status status, const cim_error *why)
{
    struct host_plugins *plugins = layer->plugin->owner;
    bool was_broken = false;
    bool changed = false;
    (void)pthread_mutex_lock(&plugins->lock);
    was_broken = layer->broken.code != CIM_OK;
    changed = status != CIM_OK ? strcmp(layer->broken.en, why->en) != 0 : was_broken;
    if (changed) {
        layer->broken = status != CIM_OK ? *why : (cim_error){.code = CIM_OK};
    }
    (void)pthread_mutex_unlock(&plugins->lock);
    if (changed && status != CIM_OK) {
        host_log_error("plugins", layer->inner.id, why);
    } else if (changed) {
        host_log(CIM_LOG_INFO, "plugins", "%s: its table is whole again", layer->inner.id);
    }
}

void
host_plugin_check_tables(struct host_plugin *plugin)
{
    struct host_store *store = plugin->owner->app->store;
    for (size_t i = 0; store != NULL && i < plugin->registry.n_layers; i++) {
        struct host_registered_layer *layer = plugin->registry.layers[i];
        cim_error why = {.code = CIM_OK};
        const cim_status status = host_store_check_layer(store, layer->pub.definition, &why);
        /* A database that is busy or away says nothing about the table. */
        if (status == CIM_OK || status == CIM_E_STATE) {
            settle(layer, status, &why);
        }
    }
}

void
host_plugins_check_tables(struct host_plugins *plugins)
{
    bool held[HOST_PLUGINS_MAX] = {false};
    (void)host_plugins_hold_open(plugins, held);
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        if (held[i]) {
            host_plugin_check_tables(plugins->plugins[i]);
            host_plugin_leave(plugins->plugins[i]);
        }
    }
}

size_t
host_plugins_each_broken(struct host_plugins *plugins,
                         void (*each)(void *arg, const char *layer_id, const cim_error *why),
                         void *arg)
{
    size_t n = 0;
    (void)pthread_mutex_lock(&plugins->lock);
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        const struct host_registry *registry = &plugins->plugins[i]->registry;
        for (size_t k = 0; plugins->plugins[i]->open && k < registry->n_layers; k++) {
            if (registry->layers[k]->broken.code != CIM_OK) {
                n++;
                each(arg, registry->layers[k]->inner.id, &registry->layers[k]->broken);
            }
        }
    }
    (void)pthread_mutex_unlock(&plugins->lock);
    return n;
}
