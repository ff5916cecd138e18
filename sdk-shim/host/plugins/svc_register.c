/* cim.layers/1, cim.renderers/1 and cim.analyses/1. */
#include "host/plugins/plugin.h"

static cim_status
add_layer(const cim_host *host, const cim_layer *layer, cim_error *err)
{
    return host_registry_add_layer(host_plugin_of(host), layer, err);
}

const cim_layers_v1 host_svc_layers = {
    .struct_size = sizeof(cim_layers_v1),
    .add_layer = add_layer,
};

static cim_status
add_renderer(const cim_host *host, const cim_renderer *renderer, cim_error *err)
{
    return host_registry_add_renderer(host_plugin_of(host), renderer, err);
}

const cim_renderers_v1 host_svc_renderers = {
    .struct_size = sizeof(cim_renderers_v1),
    .add_renderer = add_renderer,
};

static cim_status
add_analysis(const cim_host *host, const cim_analysis *analysis, cim_error *err)
{
    return host_registry_add_analysis(host_plugin_of(host), analysis, err);
}

const cim_analyses_v1 host_svc_analyses = {
    .struct_size = sizeof(cim_analyses_v1),
    .add_analysis = add_analysis,
};
