/* template.h -- what the two files of this plugin share. */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include "cim/cim.h"

/* One per instance: the host may start, stop and start again. No other state exists. */
struct template_plugin {
    const cim_host *host;
    const cim_access_v1 *access;
    const cim_config_v1 *config;
    const cim_http_v1 *http;
    const cim_layers_v1 *layers;
    const cim_store_v1 *store;
};

/* notes.c: reads the definition in the plugin's folder and registers the layer. */
cim_status template_register_notes(struct template_plugin *plugin, cim_error *err);
/* How many notes the scope covers. */
cim_status template_count_notes(struct template_plugin *plugin, const cim_scope *scope,
                                int64_t now_ms, const cim_query *query, int64_t *ret_count,
                                cim_error *err);

/* echo.c: registers the analysis template.echo. */
cim_status template_register_echo(struct template_plugin *plugin, cim_error *err);

#endif
