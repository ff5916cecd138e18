#include "host/admin/admin.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/base/note.h"
#include "host/http/http.h"
#include "host/plugins/plugins.h"
#include "kit/buf.h"
#include "kit/json.h"

#include <json-c/json.h>

enum { HOST_ADMIN_ANSWER_MAX = 32 << 20, HOST_ADMIN_BODY_MAX = 64 << 10 };

#define ADMIN_PLUGINS "cim.admin.plugins"

/* ---- plugins as JSON ---- */

struct listing {
    struct cim_buf *out;
    const char *only; /* NULL: all */
    size_t n_written;
};

static void
add_object(struct cim_buf *out, const char *name, const struct json_object *object)
{
    cim_buf_addf(out, ",\"%s\":", name);
    cim_buf_add_text(out, object != NULL
                              ? json_object_to_json_string_ext((struct json_object *)object,
                                                               JSON_C_TO_STRING_PLAIN |
                                                                   JSON_C_TO_STRING_NOSLASHESCAPE)
                              : "null");
}

static const struct json_object *
member(const struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return object != NULL && json_object_object_get_ex(object, key, &value) ? value : NULL;
}

static void
add_plugin(void *arg, const struct host_plugin_info *info)
{
    struct listing *listing = arg;
    struct cim_buf *out = listing->out;
    if (listing->only != NULL && strcmp(listing->only, info->id) != 0) {
        return;
    }
    cim_buf_add_text(out, listing->n_written++ > 0 ? ",{\"id\":" : "{\"id\":");
    cim_buf_add_json_text(out, info->id, SIZE_MAX);
    add_object(out, "name", member(info->manifest, "name"));
    add_object(out, "version", member(info->manifest, "version"));
    cim_buf_addf(out, ",\"state\":\"%s\",\"reason\":", host_plugin_state_name(info->state));
    if (info->reason != NULL) {
        cim_buf_add_json_text(out, info->reason, SIZE_MAX);
    } else {
        cim_buf_add_text(out, "null");
    }
    add_object(out, "manifest", info->manifest);
    if (info->failures != NULL) {
        add_object(out, "failures", info->failures);
    } else {
        cim_buf_add_text(out, ",\"failures\":[]");
    }
    if (info->registered != NULL) {
        add_object(out, "registered", info->registered);
    } else {
        cim_buf_add_text(out, ",\"registered\":{\"layers\":[],\"renderers\":[],\"routes\":[]}");
    }
    cim_buf_add_char(out, '}');
}

/* ---- handlers ---- */

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_app *app = self;
    CIM_AUTO_BUF struct cim_buf body;
    struct listing listing = {.out = &body};
    (void)call;
    cim_buf_init(&body, HOST_ADMIN_ANSWER_MAX);
    cim_buf_add_text(&body, "{\"plugins\":[");
    host_plugins_each(app->plugins, add_plugin, &listing);
    cim_buf_add_text(&body, "]}");
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

static cim_status
answer_plugin(const struct host_app *app, const char *id, cim_http_req *req, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    struct listing listing = {.out = &body, .only = id};
    cim_buf_init(&body, HOST_ADMIN_ANSWER_MAX);
    host_plugins_each(app->plugins, add_plugin, &listing);
    if (listing.n_written == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "id", id, "没有插件 %.64s", "there is no plugin %.64s",
                        id);
    }
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

static cim_status
handle_get(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    (void)call;
    return answer_plugin(self, host_http_path_param(req, "id"), req, err);
}

/* Whatever a plugin fails with, the administrator reads the reason: a conflict with the state asked
 * for, never a fault whose text is kept back. */
static cim_status
say_reason(cim_status status, cim_error *err)
{
    if (status == CIM_OK || status == CIM_E_NOTFOUND || status == CIM_E_BUSY) {
        return status;
    }
    if (err != NULL) {
        err->code = CIM_E_STATE;
    }
    return CIM_E_STATE;
}

static cim_status
note_plugin(const struct host_app *app, const cim_call *call, const char *action, const char *id,
            cim_status status)
{
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = action,
                                   .layer = id,
                                   .result = status == CIM_OK ? NULL : "failed"};
    host_audit_note(app->audit, call, &entry);
    return status;
}

static cim_status
handle_enable(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_app *app = self;
    const char *id = host_http_path_param(req, "id");
    host_log(CIM_LOG_INFO, "admin", "%s enables plugin %s", call->principal, id);
    CIM_TRY(note_plugin(app, call, "plugin.enable", id,
                        say_reason(host_plugins_enable(app->plugins, id, err), err)));
    return answer_plugin(app, id, req, err);
}

static cim_status
handle_disable(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_app *app = self;
    const char *id = host_http_path_param(req, "id");
    host_log(CIM_LOG_INFO, "admin", "%s disables plugin %s", call->principal, id);
    CIM_TRY(note_plugin(app, call, "plugin.disable", id,
                        say_reason(host_plugins_disable(app->plugins, id, err), err)));
    return answer_plugin(app, id, req, err);
}

static void
add_table(void *arg, const char *table, int64_t n_rows)
{
    struct cim_buf *out = arg;
    cim_buf_add_text(out, out->data[out->len - 1] == '[' ? "{\"table\":" : ",{\"table\":");
    cim_buf_add_json_text(out, table, SIZE_MAX);
    cim_buf_addf(out, ",\"rows\":%lld}", (long long)n_rows);
}

static cim_status
handle_tables(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_app *app = self;
    CIM_AUTO_BUF struct cim_buf body;
    (void)call;
    cim_buf_init(&body, HOST_ADMIN_ANSWER_MAX);
    cim_buf_add_text(&body, "{\"tables\":[");
    CIM_TRY(
        host_plugins_tables(app->plugins, host_http_path_param(req, "id"), add_table, &body, err));
    cim_buf_add_text(&body, "]}");
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

static void
add_migration(void *arg, const char *file, int32_t done, int32_t total)
{
    struct cim_buf *out = arg;
    if (done < total) {
        cim_buf_add_text(out, out->data[out->len - 1] == '[' ? "" : ",");
        cim_buf_add_json_text(out, file, SIZE_MAX);
    }
}

static cim_status
handle_rehearse(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_app *app = self;
    const char *id = host_http_path_param(req, "id");
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_ADMIN_ANSWER_MAX);
    cim_buf_add_text(&body, "{\"migrations\":[");
    CIM_TRY(note_plugin(
        app, call, "plugin.rehearse", id,
        say_reason(host_plugins_rehearse(app->plugins, id, add_migration, &body, err), err)));
    cim_buf_add_text(&body, "]}");
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

/* What goes for good is named twice: in the path, and in the body. */
static cim_status
read_confirmation(cim_http_req *req, const char *id, bool *ret_purge, cim_error *err)
{
    const char *text = NULL;
    uint64_t len = 0;
    struct json_object *body = NULL;
    CIM_TRY(host_http_body_text(req, HOST_ADMIN_BODY_MAX, &text, &len, err));
    CIM_TRY(cim_json_parse("body", text, (size_t)len, &body, err));
    const struct json_object *confirm = member(body, "confirm");
    const struct json_object *purge = member(body, "purge");
    cim_status status = CIM_OK;
    if (confirm == NULL || strcmp(json_object_get_string((struct json_object *)confirm), id) != 0) {
        status = cim_fail(err, CIM_E_INVALID, "confirm", NULL, "应为插件编号 %.64s，以示确认",
                          "expected the plugin's id, %.64s, to confirm", id);
    } else if (purge != NULL && !json_object_is_type(purge, json_type_boolean)) {
        status = cim_fail(err, CIM_E_INVALID, "purge", NULL, "应为 true 或 false",
                          "expected true or false");
    } else {
        *ret_purge = purge != NULL && json_object_get_boolean(purge) != 0;
    }
    json_object_put(body);
    return status;
}

static cim_status
handle_uninstall(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char text[] = "{\"status\":\"uninstalled\"}";
    const struct host_app *app = self;
    const char *id = host_http_path_param(req, "id");
    cim_blob body = {text, sizeof text - 1, NULL, NULL};
    bool purge = false;
    CIM_TRY(read_confirmation(req, id, &purge, err));
    host_log(CIM_LOG_WARNING, "admin", "%s uninstalls plugin %s%s", call->principal, id,
             purge ? " with its tables" : "");
    CIM_TRY(note_plugin(app, call, purge ? "plugin.purge" : "plugin.uninstall", id,
                        say_reason(host_plugins_uninstall(app->plugins, id, purge, err), err)));
    return host_http_respond(req, 200, "application/json", &body, err);
}

static cim_status
handle_upgrade(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char text[] = "{\"status\":\"accepted\"}";
    cim_blob body = {text, sizeof text - 1, NULL, NULL};
    (void)self;
    host_log(CIM_LOG_INFO, "admin", "%s asks for an upgrade", call->principal);
    CIM_TRY(host_note_ask_upgrade(err));
    return host_http_respond(req, 202, "application/json", &body, err);
}

static cim_status
add_pages(struct host_app *app, cim_error *err)
{
    const struct host_static_options options = {
        .prefix = "/admin/",
        .dir = host_config_text(app->config, "console.dir"),
        .index = "index.html",
        .spa = true,
    };
    /* For everybody: outside of /admin/, which may be open to some addresses alone. */
    const struct host_static_options portal = {
        .prefix = "/portal/", .dir = options.dir, .index = "portal.html", .spa = true};
    if (options.dir[0] == '\0') {
        return CIM_OK;
    }
    CIM_TRY(host_http_static(app->http, &portal, err));
    return host_http_static(app->http, &options, err);
}

cim_status
host_admin_add_routes(struct host_app *app, cim_error *err)
{
    static const struct host_route_param id[] = {
        {"id", "path", "{\"type\":\"string\"}", "插件编号", "Id of the plugin"}, {.name = NULL}};
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/admin/api/plugins",
         .operation_id = "listPlugins",
         .summary_zh = "插件列表",
         .summary_en = "List the plugins",
         .handle = handle_list},
        {.method = "GET",
         .pattern = "/admin/api/plugins/{id}",
         .operation_id = "getPlugin",
         .summary_zh = "一个插件",
         .summary_en = "One plugin",
         .params = id,
         .handle = handle_get},
        {.method = "POST",
         .pattern = "/admin/api/plugins/{id}/enable",
         .operation_id = "enablePlugin",
         .summary_zh = "启用插件",
         .summary_en = "Enable a plugin",
         .params = id,
         .handle = handle_enable},
        {.method = "POST",
         .pattern = "/admin/api/plugins/{id}/disable",
         .operation_id = "disablePlugin",
         .summary_zh = "停用插件",
         .summary_en = "Disable a plugin",
         .params = id,
         .handle = handle_disable},
        {.method = "POST",
         .pattern = "/admin/api/plugins/{id}/rehearse",
         .operation_id = "rehearsePlugin",
         .summary_zh = "试行插件的迁移，随后撤销",
         .summary_en = "Try the migrations of a plugin, and roll them back",
         .params = id,
         .handle = handle_rehearse},
        {.method = "GET",
         .pattern = "/admin/api/plugins/{id}/tables",
         .operation_id = "getPluginTables",
         .summary_zh = "插件的数据表及行数：卸载时保留，清除时删除",
         .summary_en = "Tables of a plugin with their rows: kept when it is uninstalled, dropped "
                       "when it is purged",
         .params = id,
         .handle = handle_tables},
        {.method = "POST",
         .pattern = "/admin/api/plugins/{id}/uninstall",
         .operation_id = "uninstallPlugin",
         .summary_zh = "卸载插件；请求体 {\"confirm\": 插件编号, \"purge\": true 时删除其数据表}",
         .summary_en = "Uninstall a plugin; body {\"confirm\": its id, \"purge\": true drops its "
                       "tables}",
         .params = id,
         .handle = handle_uninstall},
        {.method = "POST",
         .pattern = "/admin/api/platform/upgrade",
         .operation_id = "upgradePlatform",
         .summary_zh = "由新工作进程接替（升级后使用），在途请求不丢失",
         .summary_en = "A new worker takes over, as after an upgrade; nothing in flight is lost",
         .handle = handle_upgrade},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct host_route route = routes[i];
        route.permission = ADMIN_PLUGINS;
        route.self = app;
        CIM_TRY(host_http_add_route(app->http, &route, err));
    }
    host_admin_check_grants(app);
    CIM_TRY(host_explain_add_routes(app, err));
    return add_pages(app, err);
}
