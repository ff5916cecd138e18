/* plugin/entry.c -- the LPG plugin meets its host: services in, registrations out. */
#include "analysis/analysis.h"
#include "cim/cim.h"
#include "data/classes.h"
#include "data/data.h"
#include "map/map.h"
#include "routes.h"

#include <stdio.h>
#include <stdlib.h>

struct lpg_plugin {
    const cim_host *host;
    struct lpg_data *data;
    struct lpg_map *map;
    struct lpg_analysis *analysis;
    struct lpg_clock_job *clock_job;
    const char **tile_layers; /* ids, NULL-terminated */
    struct lpg_routes routes;
};

static void
plugin_destroy(void *self)
{
    struct lpg_plugin *plugin = self;
    if (plugin == NULL) {
        return;
    }
    lpg_analysis_free(plugin->analysis);
    lpg_map_free(plugin->map);
    lpg_data_close(plugin->data);
    free(plugin->tile_layers);
    free(plugin);
}

static cim_status
add_renderer(struct lpg_plugin *plugin, cim_error *err)
{
    const cim_renderers_v1 *renderers =
        plugin->host->get_service(plugin->host, CIM_SERVICE_RENDERERS);
    const size_t n = lpg_data_layer_count(plugin->data);
    struct lpg_map_layer *sources = calloc(n + 1, sizeof *sources);
    size_t n_sources = 0;
    cim_status status;
    plugin->tile_layers = calloc(n + 1, sizeof *plugin->tile_layers);
    if (sources == NULL || plugin->tile_layers == NULL) {
        free(sources);
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        struct lpg_layer *layer = lpg_data_layer_at(plugin->data, i);
        const struct cim_definition *def = lpg_layer_definition(layer);
        if (def->geometry != CIM_GEOMETRY_NONE) {
            sources[n_sources].def = def;
            lpg_layer_describe(layer, &sources[n_sources].layer);
            plugin->tile_layers[n_sources++] = def->id;
        }
    }
    status = lpg_map_new(plugin->host, sources, n_sources, &plugin->map, err);
    free(sources);
    CIM_TRY(status);
    const cim_renderer renderer = {.struct_size = sizeof renderer,
                                   .id = "lpg.tiles",
                                   .layers = plugin->tile_layers,
                                   .tile_key = lpg_map_tile_key,
                                   .tile = lpg_map_tile,
                                   .self = plugin->map};
    return renderers->add_renderer(plugin->host, &renderer, err);
}

static cim_status
add_analyses(struct lpg_plugin *plugin, cim_error *err)
{
    char folder[4096];
    if (snprintf(folder, sizeof folder, "%s/analysis", plugin->host->plugin_dir) >=
        (int)sizeof folder) {
        return cim_fail(err, CIM_E_TOO_LARGE, "plugin_dir", plugin->host->plugin_dir,
                        "插件目录路径过长", "the path of the plugin's folder is too long");
    }
    CIM_TRY(lpg_analysis_new(plugin->host, plugin->data, folder, &plugin->analysis, err));
    return lpg_analysis_register(plugin->analysis, err);
}

static cim_status
plugin_init(const cim_host *host, void **ret_self, cim_error *err)
{
    struct lpg_plugin *plugin = calloc(1, sizeof *plugin);
    char layers_dir[4096];
    if (plugin == NULL) {
        return cim_fail_nomem(err);
    }
    *ret_self = plugin; /* destroy() follows a failed init */
    plugin->host = host;
    if (snprintf(layers_dir, sizeof layers_dir, "%s/layers", host->plugin_dir) >=
        (int)sizeof layers_dir) {
        return cim_fail(err, CIM_E_TOO_LARGE, "plugin_dir", host->plugin_dir, "插件目录路径过长",
                        "the path of the plugin's folder is too long");
    }
    CIM_TRY(lpg_data_open(host, layers_dir, &plugin->data, err));
    CIM_TRY(lpg_data_register(plugin->data, err));
    CIM_TRY(add_renderer(plugin, err));
    CIM_TRY(add_analyses(plugin, err));
    plugin->routes = (struct lpg_routes){.host = host,
                                         .http = host->get_service(host, CIM_SERVICE_HTTP),
                                         .access = host->get_service(host, CIM_SERVICE_ACCESS),
                                         .store = host->get_service(host, CIM_SERVICE_STORE),
                                         .data = plugin->data,
                                         .map = plugin->map};
    return lpg_routes_add(&plugin->routes, err);
}

static cim_status
plugin_start(void *self, cim_error *err)
{
    struct lpg_plugin *plugin = self;
    CIM_TRY(lpg_map_start(plugin->map, err));
    return lpg_clock_job_start(plugin->data, &plugin->clock_job, err);
}

static void
plugin_stop(void *self)
{
    struct lpg_plugin *plugin = self;
    lpg_clock_job_stop(plugin->clock_job);
    lpg_map_stop(plugin->map);
    plugin->clock_job = NULL;
}

static const char *const required_services[] = {
    CIM_SERVICE_LOG,      CIM_SERVICE_CLOCK,     CIM_SERVICE_STORE,  CIM_SERVICE_HTTP,
    CIM_SERVICE_LAYERS,   CIM_SERVICE_RENDERERS, CIM_SERVICE_ACCESS, CIM_SERVICE_AUDIT,
    CIM_SERVICE_ANALYSES, CIM_SERVICE_BATCHES,   CIM_SERVICE_CRYPT,  NULL};

static const cim_plugin_desc descriptor = {.struct_size = sizeof descriptor,
                                           .abi_major = CIM_ABI_MAJOR,
                                           .min_host_minor = 0,
                                           .id = "lpg",
                                           .version = LPG_VERSION,
                                           .required_services = required_services,
                                           .thread_model = CIM_THREADS_PARALLEL,
                                           .init = plugin_init,
                                           .start = plugin_start,
                                           .stop = plugin_stop,
                                           .destroy = plugin_destroy};

const cim_plugin_desc *
cim_plugin_entry_v1(void)
{
    return &descriptor;
}
