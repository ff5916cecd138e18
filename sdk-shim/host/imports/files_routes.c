/* host/imports/files_routes.c -- files for imports over HTTP: hand over, look at, delete. */
#include "host/imports/internal.h"

#include "cim/util.h"
#include "host/app.h"
#include "host/http/http.h"
#include "host/plugins/plugins.h"

#include <string.h>

enum { PREVIEW_BYTES_MAX = 4 << 20 };

cim_status
host_import_respond(cim_http_req *req, int32_t http_status, struct cim_buf *out, cim_error *err)
{
    cim_blob body = {0};
    cim_status status = CIM_OK;
    CIM_TRY(cim_buf_status(out, err));
    cim_buf_to_blob(out, &body);
    status = host_http_respond(req, http_status, "application/json", &body, err);
    if (status != CIM_OK && body.release != NULL) {
        body.release(&body);
    }
    return status;
}

static const char *
stated(cim_http_req *req, const char *name)
{
    const char *value = host_http_query_param(req, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* The layer that the request names, entered with the right to import into it: nobody hands over or
 * looks at what he may not import. Ends with host_plugins_leave(). */
static cim_status
enter(struct host_app *app, const cim_call *call, cim_http_req *req,
      const struct host_layer **ret_layer, cim_error *err)
{
    const char *layer_id = stated(req, "layer");
    cim_call inner;
    return layer_id != NULL
               ? host_exchange_enter(app, call, layer_id, CIM_ACT_CREATE, &inner, ret_layer, err)
               : cim_fail(err, CIM_E_INVALID, "layer", NULL, "缺少参数 layer：导入到哪个图层",
                          "parameter layer is missing: the layer to import into");
}

static cim_status
handle_upload(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    CIM_AUTO_BUF struct cim_buf out;
    struct host_import_file file;
    const struct host_layer *layer = NULL;
    const char *name = host_http_query_param(req, "name");
    const char *path = NULL;
    cim_buf_init(&out, 1 << 16);
    if (name == NULL || name[0] == '\0') {
        return cim_fail(err, CIM_E_INVALID, "name", NULL, "缺少参数 name：文件名",
                        "parameter name is missing: the name of the file");
    }
    CIM_TRY(enter(app, call, req, &layer, err));
    host_plugins_leave(app->plugins, layer->plugin_id);
    CIM_TRY(host_http_body_file(req, &path, err));
    CIM_TRY(host_exchange_check_name(path, name, err));
    CIM_TRY(host_import_file_keep(app, call->principal, path, name, &file, err));
    cim_buf_add_text(&out, "{\"file\":");
    cim_buf_add_json_text(&out, file.id, SIZE_MAX);
    cim_buf_add_text(&out, ",\"name\":");
    cim_buf_add_json_text(&out, file.name, SIZE_MAX);
    cim_buf_addf(&out, ",\"bytes\":%lld}", (long long)file.bytes);
    return host_import_respond(req, 201, &out, err);
}

static cim_status
handle_preview(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    CIM_AUTO_BUF struct cim_buf out;
    struct host_import_file file;
    const struct host_import_options options = {.crs = stated(req, "crs"),
                                                .encoding = stated(req, "encoding"),
                                                .source_layer = stated(req, "source_layer")};
    const struct host_layer *layer = NULL;
    cim_status status = CIM_OK;
    cim_buf_init(&out, PREVIEW_BYTES_MAX);
    CIM_TRY(
        host_import_file_get(app, call->principal, host_http_path_param(req, "file"), &file, err));
    cim_buf_add_text(&out, "{\"name\":");
    cim_buf_add_json_text(&out, file.name, SIZE_MAX);
    cim_buf_addf(&out, ",\"bytes\":%lld,", (long long)file.bytes);
    CIM_TRY(enter(app, call, req, &layer, err));
    status = host_exchange_preview(file.path, &options, layer->definition, &out, err);
    host_plugins_leave(app->plugins, layer->plugin_id);
    if (status != CIM_OK) {
        if (err != NULL && strcmp(err->param, "file") == 0 && strchr(err->value, '/') != NULL) {
            err->value[0] = '\0'; /* where it lies says nothing to the client */
        }
        return status;
    }
    cim_buf_add_char(&out, '}');
    return host_import_respond(req, 200, &out, err);
}

static cim_status
handle_delete(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    struct host_import_file file;
    cim_blob none = {0};
    CIM_TRY(
        host_import_file_get(app, call->principal, host_http_path_param(req, "file"), &file, err));
    host_import_file_remove(&file);
    return host_http_respond(req, 204, NULL, &none, err);
}

cim_status
host_imports_add_file_routes(struct host_app *app, cim_error *err)
{
    static const char text[] = "{\"type\":\"string\"}";
    static const struct host_route_param name[] = {
        {"name", "query", text, "文件名", "name of the file"},
        {"layer", "query", text, "导入到哪个图层", "layer to import into"},
        {.name = NULL}};
    static const struct host_route_param look_params[] = {
        {"file", "path", text, "文件编号", "id of the file"},
        {"layer", "query", text, "导入到哪个图层", "layer to import into"},
        {"crs", "query", text, "坐标系", "reference system"},
        {"encoding", "query", text, "文字编码", "encoding of text"},
        {"source_layer", "query", text, "文件中的图层", "layer within the file"},
        {.name = NULL}};
    static const struct host_route_param file[] = {
        {"file", "path", text, "文件编号", "id of the file"}, {.name = NULL}};
    const struct host_route routes[] = {
        {.method = "POST",
         .pattern = "/admin/api/imports/files",
         .flags = HOST_ROUTE_LARGE_BODY | HOST_ROUTE_HEAVY,
         .operation_id = "uploadImportFile",
         .summary_zh = "上传待导入的文件",
         .summary_en = "Hand over a file to import",
         .params = name,
         .handle = handle_upload},
        {.method = "GET",
         .pattern = "/admin/api/imports/files/{file}/preview",
         .flags = HOST_ROUTE_HEAVY,
         .operation_id = "previewImportFile",
         .summary_zh = "预览待导入的文件",
         .summary_en = "Look at a file to import",
         .params = look_params,
         .handle = handle_preview},
        {.method = "DELETE",
         .pattern = "/admin/api/imports/files/{file}",
         .operation_id = "deleteImportFile",
         .summary_zh = "删除待导入的文件",
         .summary_en = "Delete a file to import",
         .params = file,
         .handle = handle_delete},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct host_route route = routes[i];
        route.self = app;
        CIM_TRY(host_http_add_route(app->http, &route, err));
    }
    return CIM_OK;
}
