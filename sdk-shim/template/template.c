/* template.c -- the smallest plugin that does something; copy it to begin your own.
 *
 * It registers one layer (notes.c), one analysis (echo.c) and one route. Handlers here could run on
 * all workers at once, but the descriptor says SERIALIZED all the same: it is the safe choice to
 * copy.
 */
#include "template.h"

#include "cim/util.h"

#include <stdlib.h>

/* GET /apps/template/api/count: how many notes the caller may see. */
static cim_status
handle_count(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct template_plugin *plugin = self;
    const char *greeting = plugin->config->get(plugin->host, "greeting");
    const cim_scope *scope = NULL;
    const cim_query everything = {.struct_size = sizeof everything};
    int64_t count = 0;
    char *text = plugin->http->alloc(req, 128); /* lives as long as the request: no release() */
    cim_blob body = {.data = text};
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    /* A route of our own is told who asks, not what they may see: that depends on the resource. */
    CIM_TRY(plugin->access->scope(plugin->host, call, "template.notes", CIM_ACT_READ, &scope, err));
    CIM_TRY(template_count_notes(plugin, scope, call->now_ms, &everything, &count, err));
    (void)snprintf(text, 128, "{\"greeting\":\"%.40s\",\"notes\":%lld}",
                   greeting != NULL ? greeting : "", (long long)count);
    body.len = strlen(text);
    return plugin->http->respond(req, 200, "application/json", &body, err);
}

/* Registration happens here and nowhere else; the tables are not there yet. Whatever fails, the
 * host drops all of it and calls destroy() if *ret_self was set. */
static cim_status
template_init(const cim_host *host, void **ret_self, cim_error *err)
{
    struct template_plugin *plugin = calloc(1, sizeof *plugin);
    cim_http_route route = {
        .struct_size = sizeof route,
        .method = "GET",
        .pattern = "/count",
        .permission = "template.count",
        .summary_zh = "可见便签的数量",
        .summary_en = "How many notes the caller may see",
        .handle = handle_count,
    };
    if (plugin == NULL) {
        return cim_fail_nomem(err);
    }
    *ret_self = plugin;
    plugin->host = host;
    plugin->access = host->get_service(host, CIM_SERVICE_ACCESS);
    plugin->config = host->get_service(host, CIM_SERVICE_CONFIG);
    plugin->http = host->get_service(host, CIM_SERVICE_HTTP);
    plugin->layers = host->get_service(host, CIM_SERVICE_LAYERS);
    plugin->store = host->get_service(host, CIM_SERVICE_STORE);
    CIM_TRY(template_register_notes(plugin, err));
    CIM_TRY(template_register_echo(plugin, err));
    route.self = plugin;
    return plugin->http->add_route(host, &route, err);
}

static void
template_destroy(void *self)
{
    free(self);
}

const cim_plugin_desc *
cim_plugin_entry_v1(void)
{
    static const char *const services[] = {CIM_SERVICE_ACCESS,
                                           CIM_SERVICE_ANALYSES,
                                           CIM_SERVICE_CONFIG,
                                           CIM_SERVICE_HTTP,
                                           CIM_SERVICE_LAYERS,
                                           CIM_SERVICE_STORE,
                                           NULL};
    static const cim_plugin_desc desc = {
        .struct_size = sizeof desc,
        .abi_major = CIM_ABI_MAJOR,
        .min_host_minor = 0,
        .id = "template",
        .version = TEMPLATE_VERSION,
        .required_services = services,
        .thread_model = CIM_THREADS_SERIALIZED,
        .init = template_init,
        .destroy = template_destroy,
    };
    return &desc;
}
