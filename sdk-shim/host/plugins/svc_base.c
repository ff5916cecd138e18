/* Services by id, and the small ones: log, configuration, clock. */
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/plugins/plugin.h"

static const struct {
    const char *id;
    const void *table;
} services[] = {
    {CIM_SERVICE_LOG, &host_svc_log},       {CIM_SERVICE_CONFIG, &host_svc_config},
    {CIM_SERVICE_CLOCK, &host_svc_clock},   {CIM_SERVICE_STORE, &host_svc_store},
    {CIM_SERVICE_HTTP, &host_svc_http},     {CIM_SERVICE_LAYERS, &host_svc_layers},
    {CIM_SERVICE_ACCESS, &host_svc_access}, {CIM_SERVICE_RENDERERS, &host_svc_renderers},
    {CIM_SERVICE_JOBS, &host_svc_jobs},     {CIM_SERVICE_ANALYSES, &host_svc_analyses},
    {CIM_SERVICE_AUDIT, &host_svc_audit},   {CIM_SERVICE_BATCHES, &host_svc_batches},
    {CIM_SERVICE_CRYPT, &host_svc_crypt},   {CIM_SERVICE_BINDINGS, &host_svc_bindings},
};

static const void *
table_of(const char *service_id)
{
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (strcmp(services[i].id, service_id) == 0) {
            return services[i].table;
        }
    }
    return NULL;
}

bool
host_service_exists(const char *service_id)
{
    return table_of(service_id) != NULL;
}

const void *
host_service(const cim_host *host, const char *service_id)
{
    const struct host_plugin *plugin = host_plugin_of(host);
    return host_manifest_has_service(plugin->manifest, service_id) ? table_of(service_id) : NULL;
}

static void
log_write(const cim_host *host, int32_t level, const char *component, const char *text)
{
    char name[96];
    (void)snprintf(name, sizeof name, "%s.%s", host_plugin_of(host)->id, component);
    host_log(level, name, "%s", text);
}

static int32_t
log_enabled(const cim_host *host, int32_t level)
{
    (void)host;
    return host_log_enabled(level) ? 1 : 0;
}

const cim_log_v1 host_svc_log = {
    .struct_size = sizeof(cim_log_v1),
    .write = log_write,
    .enabled = log_enabled,
};

static const char *
config_get(const cim_host *host, const char *key)
{
    const struct host_plugin *plugin = host_plugin_of(host);
    const char *fallback = NULL;
    const char *set = NULL;
    char full[128];
    if (!host_manifest_config(plugin->manifest, key, &fallback)) {
        return NULL;
    }
    (void)snprintf(full, sizeof full, "%s.%s", plugin->id, key);
    set = plugin->owner->app->config != NULL ? host_config_text(plugin->owner->app->config, full)
                                             : NULL;
    return set != NULL ? set : fallback;
}

const cim_config_v1 host_svc_config = {
    .struct_size = sizeof(cim_config_v1),
    .get = config_get,
};

static int64_t
clock_now_ms(const cim_host *host)
{
    return host_clock_now_ms(host_plugin_of(host)->owner->app->clock);
}

const cim_clock_v1 host_svc_clock = {
    .struct_size = sizeof(cim_clock_v1),
    .now_ms = clock_now_ms,
};
