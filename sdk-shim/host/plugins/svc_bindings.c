/* cim.bindings/1 over the bindings in platform.db (host/bindings). */
#include "host/base/config.h"
#include "host/plugins/plugin.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <json-c/json.h>
#include <unistd.h>

static const char *
text_of(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "";
}

/* The role of an input, and whether it is a raster; NULL: the plugin has no such input. */
static const char *
find_role(const struct host_plugin *plugin, const char *input, bool *ret_raster)
{
    struct json_object *inputs = NULL;
    if (!json_object_object_get_ex(plugin->manifest->root, "inputs", &inputs)) {
        return NULL;
    }
    for (size_t i = 0; i < json_object_array_length(inputs); i++) {
        struct json_object *at = json_object_array_get_idx(inputs, i);
        const char *layer = text_of(at, "layer");
        if (strcmp(layer, input) == 0 || strcmp(text_of(at, "role"), input) == 0) {
            *ret_raster = layer[0] == '\0';
            return text_of(at, "role");
        }
    }
    return NULL;
}

static cim_status
not_bound(const char *input, cim_error *err)
{
    return cim_fail(err, CIM_E_NOTFOUND, "input", input, "没有绑定数据集", "no dataset is bound");
}

static void
fill(const struct host_app *app, const char *role, bool raster, const struct host_row *row,
     const char *name, cim_binding *binding)
{
    cim_copy_text(binding->role, sizeof binding->role, role);
    cim_copy_text(binding->name, sizeof binding->name, name);
    binding->good_ms = host_row_i64(row, 1);
    binding->flags = host_row_has(row, 2) ? (uint32_t)CIM_BINDING_FAILING : 0U;
    binding->path[0] = '\0';
    if (raster) {
        const int n = snprintf(binding->path, sizeof binding->path, "%s/bindings/%s.tif",
                               host_config_text(app->config, "var"), role);
        if (n < 0 || (size_t)n >= sizeof binding->path || access(binding->path, R_OK) != 0) {
            binding->path[0] = '\0';
        }
    }
}

static cim_status
bindings_get(const cim_host *host, const char *input, cim_binding *ret_binding, cim_error *err)
{
    const struct host_plugin *plugin = host_plugin_of(host);
    const struct host_app *app = plugin->owner->app;
    bool raster = false;
    const char *role = find_role(plugin, input, &raster);
    const cim_value value = host_value_text("role", role);
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_FREE char *name = NULL;
    struct host_row row = {0};
    bool there = false;
    if (role == NULL) {
        return not_bound(input, err);
    }
    CIM_TRY(host_store_read(app->platform,
                            "select name, good_ms, error_zh from cim_binding where role = :role",
                            &value, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return not_bound(input, err);
    }
    name = host_row_text(&row, 0);
    if (name == NULL) {
        return cim_fail_nomem(err);
    }
    fill(app, role, raster, &row, name, ret_binding);
    return CIM_OK;
}

const cim_bindings_v1 host_svc_bindings = {
    .struct_size = sizeof(cim_bindings_v1),
    .get = bindings_get,
};
