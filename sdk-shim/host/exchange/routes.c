/* host/exchange/routes.c -- POST /admin/api/imports: a file as the request's body. */
#include "host/catalogue/lineage.h"
#include "host/exchange/exchange.h"

#include "cim/util.h"
#include "host/app.h"
#include "host/base/problem.h"
#include "host/http/http.h"
#include "host/idempotency/idempotency.h"
#include "host/plugins/plugins.h"

#include <stdlib.h>
#include <string.h>

enum { REPORT_BYTES_MAX = 4 << 20 };

static int32_t
on_progress(void *arg, int64_t done, int64_t total)
{
    const cim_call *call = arg;
    (void)done;
    (void)total;
    return call->cancelled != NULL ? call->cancelled(call) : 0;
}

static cim_status
read_flag(cim_http_req *req, const char *name, uint32_t flag, uint32_t *flags, cim_error *err)
{
    const char *value = host_http_query_param(req, name);
    if (value == NULL || strcmp(value, "0") == 0 || strcmp(value, "false") == 0) {
        return CIM_OK;
    }
    if (strcmp(value, "1") != 0 && strcmp(value, "true") != 0) {
        return cim_fail(err, CIM_E_INVALID, name, value, "%s 应为 1 或 0", "%s: expected 1 or 0",
                        name);
    }
    *flags |= flag;
    return CIM_OK;
}

static cim_status
check_name(void *arg, const char *name, const char *value, cim_error *err)
{
    static const char *const names[] = {"layer", "crs",      "encoding", "source_layer",
                                        "map",   "row_wise", "dry_run",  "set"};
    (void)arg;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return CIM_OK;
        }
    }
    return host_http_no_such_param(name, value, err);
}

/* The report; of a refused file a problem document that carries the report's members. */
static cim_status
respond(cim_http_req *req, const cim_call *call, const char *layer_id,
        const struct host_import_report *report, cim_status status, const cim_error *why,
        cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf out;
    cim_blob body = {0};
    cim_status sent = CIM_OK;
    const bool failed = status != CIM_OK;
    cim_buf_init(&out, REPORT_BYTES_MAX);
    if (failed) {
        host_problem_write(&out, 422, why, call->request_id);
        out.len--; /* its closing brace: the report's members follow */
        cim_buf_add_char(&out, ',');
    } else {
        cim_buf_add_char(&out, '{');
    }
    host_import_report_write(report, layer_id, &out);
    cim_buf_add_char(&out, '}');
    CIM_TRY(cim_buf_status(&out, err));
    cim_buf_to_blob(&out, &body);
    sent = host_http_respond(req, failed ? 422 : 200,
                             failed ? "application/problem+json" : "application/json", &body, err);
    if (sent != CIM_OK && body.release != NULL) {
        body.release(&body);
    }
    return sent;
}

static cim_status
on_begun(void *arg, cim_tx *tx, cim_error *err)
{
    return host_idempotency_take(arg, tx, err);
}

static cim_status
on_ending(void *arg, cim_tx *tx, const cim_edit *edit, cim_error *err)
{
    char body[96];
    if (edit->n_written == 0) {
        return host_idempotency_drop(arg, tx, err);
    }
    (void)snprintf(body, sizeof body, "{\"read\":%lld,\"written\":%lld}", (long long)edit->n_read,
                   (long long)edit->n_written);
    return host_idempotency_note(arg, tx, 200, NULL, body, err);
}

static cim_status
import_into(struct host_app *app, const cim_call *call, cim_http_req *req, const char *layer_id,
            struct host_import_options *options, cim_error *err)
{
    struct host_import_report report = {0};
    const struct host_layer *layer = NULL;
    const char *path = NULL;
    struct host_idempotency once;
    bool answered = false;
    cim_call inner;
    cim_error why = {0};
    cim_status status = CIM_OK;
    CIM_TRY(host_exchange_enter(app, call, layer_id, CIM_ACT_CREATE, &inner, &layer, err));
    status = host_idempotency_begin(&once, app, call, req, &answered, err);
    if (status == CIM_OK && !answered) {
        status = host_http_body_file(req, &path, err);
    }
    if (status != CIM_OK || answered) {
        host_plugins_leave(app->plugins, layer->plugin_id);
        return status;
    }
    struct host_layer_reading reading = {.app = app, .call = call};
    const struct host_layer_reader reader = {host_layer_read, &reading};
    options->reader = &reader;
    options->progress = on_progress;
    options->arg = &inner;
    options->begun = on_begun;
    options->ending = on_ending;
    options->hook_arg = &once;
    status = host_exchange_import(&layer->layer, layer->definition, &inner, path, options, &report,
                                  &why);
    host_plugins_leave(app->plugins, layer->plugin_id);
    if (strcmp(why.param, "file") == 0) {
        why.value[0] = '\0'; /* the name of a spool file says nothing to the client */
    }
    if (status != CIM_OK && once.taken) {
        status = host_idempotency_answer_taken(&once, err);
    } else if (status != CIM_OK && (status != CIM_E_INVALID || report.n_refused == 0)) {
        if (err != NULL) {
            *err = why;
        }
    } else {
        status = respond(req, call, layer_id, &report, status, &why, err);
        host_idempotency_keep(&once);
    }
    if (status == CIM_OK && why.code == CIM_OK && (options->flags & HOST_IMPORT_DRY_RUN) == 0) {
        const struct host_lineage lineage = {.layer = layer_id,
                                             .way = "file",
                                             .n_written = report.n_written,
                                             .n_refused = report.n_refused};
        host_lineage_note(app, call, &lineage);
    }
    host_import_report_done(&report);
    return status;
}

static cim_status
handle(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    const char *layer_id = host_http_query_param(req, "layer");
    struct host_import_options options = {
        .crs = host_http_query_param(req, "crs"),
        .encoding = host_http_query_param(req, "encoding"),
        .source_layer = host_http_query_param(req, "source_layer"),
        .map = host_http_query_param(req, "map"),
        .set = host_http_query_param(req, "set"),
    };
    CIM_TRY(host_http_each_query(req, check_name, NULL, err));
    CIM_TRY(read_flag(req, "row_wise", HOST_IMPORT_ROW_WISE, &options.flags, err));
    CIM_TRY(read_flag(req, "dry_run", HOST_IMPORT_DRY_RUN, &options.flags, err));
    if (layer_id == NULL || layer_id[0] == '\0') {
        return cim_fail(err, CIM_E_INVALID, "layer", NULL, "缺少参数 layer：导入到哪个图层",
                        "parameter layer is missing: the layer to import into");
    }
    return import_into(app, call, req, layer_id, &options, err);
}

cim_status
host_exchange_add_routes(struct host_app *app, cim_error *err)
{
    static const char text[] = "{\"type\":\"string\"}";
    static const char flag[] = "{\"type\":\"boolean\"}";
    static const struct host_route_param params[] = {
        {"layer", "query", text, "图层标识", "layer to import into"},
        {"crs", "query", text, "坐标系：cgcs2000、wgs84、gcj02、bd09 或 EPSG:编号",
         "reference system: cgcs2000, wgs84, gcj02, bd09 or EPSG:code"},
        {"encoding", "query", text, "文字编码：UTF-8、GBK", "encoding of text: UTF-8, GBK"},
        {"source_layer", "query", text, "文件中的图层", "layer within the file"},
        {"map", "query", text, "列与字段的对应：列=字段,…", "columns to fields: column=field,…"},
        {"set", "query", text, "固定值：字段=值,…", "constants: field=value,…"},
        {"row_wise", "query", flag, "跳过有误的行", "leave wrong rows out"},
        {"dry_run", "query", flag, "只检查，不写入", "check only"},
        {"Idempotency-Key", "header", text, "重发时用同一个键：只写一次，回答相同",
         "the same key when sent again: done once, the same answer"},
        {NULL, NULL, NULL, NULL, NULL},
    };
    const struct host_route route = {
        .method = "POST",
        .pattern = "/admin/api/imports",
        .flags = HOST_ROUTE_LARGE_BODY | HOST_ROUTE_HEAVY,
        .operation_id = "importFile",
        .summary_zh = "导入文件（GeoJSON、GeoPackage、CSV、XLSX、KML、KMZ、GML、DXF、国土 "
                      "TXT，压缩的 Shapefile 或 FileGDB）",
        .summary_en = "import a file (GeoJSON, GeoPackage, CSV, XLSX, KML, KMZ, GML, DXF, TXT of "
                      "parcels, zipped Shapefile or FileGDB)",
        .params = params,
        .handle = handle,
        .self = app,
    };
    return host_http_add_route(app->http, &route, err);
}
