/* host/imports/mappings.c -- mappings that somebody keeps for the next file of the same kind: his
 * own, and those that people of his organisation share. */
#include "host/imports/internal.h"

#include "cim/util.h"
#include "host/app.h"
#include "host/audit/audit.h"
#include "host/base/clock.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/identity/json_in.h"
#include "host/plugins/plugins.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/time.h"

#include <json-c/json.h>

enum { MAPPINGS_MAX = 200, CONTENT_MAX = 64 << 10, ANSWER_MAX = 16 << 20 };

/* Who may not import into a layer has no use for its mappings. */
static cim_status
check_layer(struct host_app *app, const cim_call *call, const char *layer_id, cim_error *err)
{
    const struct host_layer *layer = NULL;
    cim_call inner;
    if (layer_id == NULL || layer_id[0] == '\0') {
        return cim_fail(err, CIM_E_INVALID, "layer", NULL, "缺少参数 layer",
                        "parameter layer is missing");
    }
    CIM_TRY(host_exchange_enter(app, call, layer_id, CIM_ACT_CREATE, &inner, &layer, err));
    host_plugins_leave(app->plugins, layer->plugin_id);
    return CIM_OK;
}

static void
note(const struct host_app *app, const cim_call *call, const char *action, const char *layer,
     const char *name)
{
    CIM_AUTO_BUF struct cim_buf detail;
    cim_buf_init(&detail, 4096);
    cim_buf_add_text(&detail, "{\"name\":");
    cim_buf_add_json_text(&detail, name, SIZE_MAX);
    cim_buf_add_char(&detail, '}');
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = action,
                                   .layer = layer,
                                   .detail = cim_buf_status(&detail, NULL) == CIM_OK ? detail.data
                                                                                     : NULL};
    host_audit_note(app->audit, call, &entry);
}

/* ---- list ---- */

static cim_status
add_mapping(const struct host_row *row, const char *me, bool first, struct cim_buf *out,
            cim_error *err)
{
    CIM_AUTO_FREE char *name = host_row_text(row, 0);
    CIM_AUTO_FREE char *owner = host_row_text(row, 1);
    CIM_AUTO_FREE char *content = host_row_text(row, 3);
    char changed[CIM_TIME_TEXT_MAX];
    if (name == NULL || owner == NULL || content == NULL) {
        return cim_fail_nomem(err);
    }
    cim_buf_add_text(out, first ? "{\"name\":" : ",{\"name\":");
    cim_buf_add_json_text(out, name, SIZE_MAX);
    cim_buf_add_text(out, ",\"owner\":");
    cim_buf_add_json_text(out, owner, SIZE_MAX);
    cim_buf_addf(out, ",\"own\":%s,\"shared\":%s", strcmp(owner, me) == 0 ? "true" : "false",
                 host_row_has(row, 2) ? "true" : "false");
    cim_time_format(host_row_i64(row, 4), changed);
    cim_buf_addf(out, ",\"changed\":\"%s\",\"request\":", changed);
    cim_buf_add_text(out, content);
    cim_buf_add_char(out, '}');
    return CIM_OK;
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    const char *layer = host_http_query_param(req, "layer");
    CIM_AUTO_BUF struct cim_buf out;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool first = true;
    cim_buf_init(&out, ANSWER_MAX);
    CIM_TRY(check_layer(app, call, layer, err));
    const cim_value values[] = {
        host_value_text("layer", layer),
        host_value_text("me", call->principal),
        host_value_text("org", host_principal_org(host_http_principal(call))),
    };
    CIM_TRY(host_store_read(app->platform,
                            "select name, owner, org, content, changed_ms from cim_import_mapping "
                            "where layer = :layer and (owner = :me or org = :org) order by name, "
                            "owner",
                            values, 3, &rows, err));
    row.rows = rows;
    cim_buf_add_text(&out, "{\"mappings\":[");
    for (bool there = true;;) {
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            break;
        }
        CIM_TRY(add_mapping(&row, call->principal, first, &out, err));
        first = false;
    }
    cim_buf_add_text(&out, "]}");
    return host_import_respond(req, 200, &out, err);
}

/* ---- keep ---- */

struct mapping {
    const char *layer;
    const char *name;
    bool shared;
    struct json_object *request;
};

/* The request is checked with the words of an import, and holds what a file does not change. */
static cim_status
read_mapping(struct json_object *root, struct mapping *mapping, cim_error *err)
{
    static const char *const keys[] = {"layer", "name", "shared", "request", NULL};
    static const char *const kept[] = {"crs", "map", "set", "values", NULL};
    const struct host_json_in in = {.where = "mapping", .value = root};
    struct host_json_in request;
    HOST_AUTO_IMPORT_REQUEST struct host_import_request parsed = {.json = NULL};
    CIM_TRY(host_json_keys(&in, keys, err));
    CIM_TRY(host_json_text(&in, "layer", HOST_JSON_REQUIRED, &mapping->layer, err));
    CIM_TRY(host_json_text(&in, "name", HOST_JSON_REQUIRED, &mapping->name, err));
    CIM_TRY(host_json_bool(&in, "shared", HOST_JSON_OPTIONAL, &mapping->shared, err));
    CIM_TRY(host_json_object(&in, "request", HOST_JSON_REQUIRED, &request, err));
    CIM_TRY(host_json_keys(&request, kept, err));
    if (strlen(mapping->name) > HOST_IMPORT_NAME_MAX) {
        return host_json_refuse(&in, "name", "至多 200 字节", "at most 200 bytes", err);
    }
    mapping->request = request.value;
    json_object_object_add(request.value, "layer", json_object_new_string(mapping->layer));
    const char *text = json_object_to_json_string_ext(request.value, JSON_C_TO_STRING_PLAIN);
    const cim_status status = host_import_request_parse(text, strlen(text), &parsed, err);
    json_object_object_del(request.value, "layer");
    return status;
}

static cim_status
check_number(struct host_app *app, const cim_call *call, cim_error *err)
{
    const cim_value me = host_value_text("me", call->principal);
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(app->platform,
                            "select count(*) from cim_import_mapping where owner = :me", &me, 1,
                            &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    return host_row_i64(&row, 0) < MAPPINGS_MAX
               ? CIM_OK
               : cim_fail(err, CIM_E_TOO_LARGE, "name", NULL, "每人最多保存 %d 个对应",
                          "at most %d mappings are kept for a person", MAPPINGS_MAX);
}

static cim_status
keep(struct host_app *app, const cim_call *call, const struct mapping *mapping, cim_error *err)
{
    const char *org = host_principal_org(host_http_principal(call));
    if (mapping->shared && org == NULL) {
        return cim_fail(err, CIM_E_STATE, "shared", "true", "您不属于任何组织，不能共享",
                        "you belong to no organisation to share with");
    }
    CIM_TRY(check_layer(app, call, mapping->layer, err));
    CIM_TRY(check_number(app, call, err));
    const cim_value values[] = {
        host_value_text("layer", mapping->layer),
        host_value_text("name", mapping->name),
        host_value_text("me", call->principal),
        host_value_text("org", mapping->shared ? org : NULL),
        host_value_text("content",
                        json_object_to_json_string_ext(mapping->request, JSON_C_TO_STRING_PLAIN)),
        host_value_i64("now", host_clock_now_ms(app->clock)),
    };
    CIM_TRY(
        host_store_write_one(app->platform,
                             "insert into cim_import_mapping (layer, name, owner, org, content, "
                             "changed_ms) values (:layer, :name, :me, :org, :content, :now) on "
                             "conflict (owner, layer, name) do update set org = :org, content = "
                             ":content, changed_ms = :now",
                             values, 6, NULL, err));
    note(app, call, "import.mapping.put", mapping->layer, mapping->name);
    return CIM_OK;
}

static cim_status
handle_put(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct json_object *root = NULL;
    struct mapping mapping = {.layer = NULL};
    const char *text = NULL;
    uint64_t len = 0;
    cim_blob none = {0};
    CIM_TRY(host_http_body_text(req, CONTENT_MAX, &text, &len, err));
    CIM_TRY(host_json_parse("mapping", text, (size_t)len, &root, err));
    cim_status status = read_mapping(root, &mapping, err);
    if (status == CIM_OK) {
        status = keep(self, call, &mapping, err);
    }
    json_object_put(root);
    return status == CIM_OK ? host_http_respond(req, 204, NULL, &none, err) : status;
}

/* One's own alone. */
static cim_status
handle_delete(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    const char *layer = host_http_query_param(req, "layer");
    const char *name = host_http_query_param(req, "name");
    const cim_value values[] = {host_value_text("layer", layer), host_value_text("name", name),
                                host_value_text("me", call->principal)};
    cim_blob none = {0};
    int64_t n = 0;
    CIM_TRY(host_store_write_one(app->platform,
                                 "delete from cim_import_mapping where owner = :me and layer = "
                                 ":layer and name = :name",
                                 values, 3, &n, err));
    if (n == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "name", name, "您没有保存这个对应",
                        "you have kept no such mapping");
    }
    note(app, call, "import.mapping.remove", layer, name);
    return host_http_respond(req, 204, NULL, &none, err);
}

cim_status
host_imports_add_mapping_routes(struct host_app *app, cim_error *err)
{
    static const char text[] = "{\"type\":\"string\"}";
    static const struct host_route_param list[] = {{"layer", "query", text, "图层", "layer"},
                                                   {.name = NULL}};
    static const struct host_route_param one[] = {{"layer", "query", text, "图层", "layer"},
                                                  {"name", "query", text, "名称", "name"},
                                                  {.name = NULL}};
    const struct host_route routes[] = {
        {"GET", "/admin/api/imports/mappings", 0, NULL, "listImportMappings",
         "保存的字段对应：自己的与本组织共享的",
         "Mappings kept: one's own, and those shared in the organisation", list, handle_list, app,
         NULL},
        {"PUT", "/admin/api/imports/mappings", 0, NULL, "putImportMapping", "保存字段对应",
         "Keep a mapping", NULL, handle_put, app, NULL},
        {"DELETE", "/admin/api/imports/mappings", 0, NULL, "deleteImportMapping",
         "删除自己的字段对应", "Delete one's own mapping", one, handle_delete, app, NULL},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        CIM_TRY(host_http_add_route(app->http, &routes[i], err));
    }
    return CIM_OK;
}
