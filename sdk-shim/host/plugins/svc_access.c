/* cim.access/1 over identity and the area tree. */
#include "cim/util.h"
#include "host/identity/areas.h"
#include "host/identity/identity.h"
#include "host/plugins/plugin.h"

static const struct cim_area_tree *
tree_of(const cim_host *host)
{
    return host_areas_tree(host_plugin_of(host)->owner->app->areas);
}

static cim_status
access_scope(const cim_host *host, const cim_call *call, const char *resource, uint32_t action,
             const cim_scope **ret_scope, cim_error *err)
{
    return host_identity_scope(host_plugin_of(host)->owner->app->identity,
                               host_http_principal(call), resource, action, call->now_ms, ret_scope,
                               err);
}

static int32_t
access_has_function(const cim_host *host, const cim_call *call, const char *function_id)
{
    (void)host;
    return host_principal_has_function(host_http_principal(call), function_id);
}

static int64_t
access_areas_version(const cim_host *host)
{
    return cim_area_tree_version(tree_of(host));
}

static int32_t
access_area_count(const cim_host *host)
{
    return cim_area_tree_count(tree_of(host));
}

static int32_t
access_area_ordinal(const cim_host *host, const char *code)
{
    return cim_area_tree_ordinal(tree_of(host), code);
}

static cim_status
access_area(const cim_host *host, int32_t ordinal, cim_area *ret_area)
{
    const cim_area *area = cim_area_tree_at(tree_of(host), ordinal);
    const uint32_t size = ret_area->struct_size;
    if (area == NULL) {
        return CIM_E_NOTFOUND;
    }
    memcpy(ret_area, area, size < sizeof *area ? size : sizeof *area);
    ret_area->struct_size = size;
    return CIM_OK;
}

const cim_access_v1 host_svc_access = {
    .struct_size = sizeof(cim_access_v1),
    .scope = access_scope,
    .has_function = access_has_function,
    .areas_version = access_areas_version,
    .area_count = access_area_count,
    .area_ordinal = access_area_ordinal,
    .area = access_area,
};
