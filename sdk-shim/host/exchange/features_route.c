/* host/exchange/features_route.c -- POST /files/features: a file in, GeoJSON out, nothing kept. For
 * what analyses are given to work on: a red line from a drawing, plots from a Shapefile. */
#include "host/exchange/exchange.h"

#include "cim/util.h"
#include "host/app.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/plugins/plugins.h"
#include "kit/cleanup.h"

struct looking {
    struct host_app *app;
    const cim_call *call;
    bool may;
};

static cim_status
look(void *arg, const struct host_work *work, cim_error *err)
{
    struct looking *looking = arg;
    const cim_scope *scope = NULL;
    if (!looking->may) {
        CIM_TRY(host_identity_scope(looking->app->identity, host_http_principal(looking->call),
                                    work->kind.id, CIM_ACT_RUN, looking->call->now_ms, &scope,
                                    err));
        looking->may = scope->n_terms > 0;
    }
    return CIM_OK;
}

/* Reading files costs; it is for those who have an analysis to give them to. */
static cim_status
check_right(struct host_app *app, const cim_call *call, cim_error *err)
{
    struct looking looking = {app, call, false};
    CIM_TRY(host_plugins_each_analysis(app->plugins, look, &looking, err));
    return looking.may ? CIM_OK
                       : cim_fail(err, CIM_E_DENIED, NULL, NULL, "没有运行任何分析的权限",
                                  "you may not run any analysis");
}

static cim_status
check_name(void *arg, const char *name, const char *value, cim_error *err)
{
    static const char *const names[] = {"name", "crs", "encoding", "source_layer"};
    (void)arg;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return CIM_OK;
        }
    }
    return host_http_no_such_param(name, value, err);
}

static const char *
stated(cim_http_req *req, const char *name)
{
    const char *value = host_http_query_param(req, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static cim_status
handle(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    const struct host_import_options options = {.crs = stated(req, "crs"),
                                                .encoding = stated(req, "encoding"),
                                                .source_layer = stated(req, "source_layer")};
    const char *path = NULL;
    CIM_AUTO_BUF struct cim_buf out;
    cim_blob body = {0};
    cim_status status;
    cim_buf_init(&out, HOST_FEATURES_BYTES_MAX);
    CIM_TRY(host_http_each_query(req, check_name, NULL, err));
    CIM_TRY(check_right(app, call, err));
    CIM_TRY(host_http_body_file(req, &path, err));
    if (stated(req, "name") != NULL) {
        CIM_TRY(host_exchange_check_name(path, stated(req, "name"), err));
    }
    status = host_exchange_features(path, &options, &out, err);
    if (status != CIM_OK) {
        if (err != NULL && strcmp(err->param, "file") == 0) {
            err->value[0] = '\0'; /* the name of a spool file says nothing to the client */
        }
        return status;
    }
    cim_buf_to_blob(&out, &body);
    status = host_http_respond(req, 200, "application/geo+json", &body, err);
    if (status != CIM_OK && body.release != NULL) {
        body.release(&body);
    }
    return status;
}

cim_status
host_exchange_add_features_route(struct host_app *app, cim_error *err)
{
    static const char text[] = "{\"type\":\"string\"}";
    static const struct host_route_param params[] = {
        {"name", "query", text, "文件名", "name of the file"},
        {"crs", "query", text,
         "坐标系：cgcs2000、wgs84、gcj02、bd09、EPSG:编号，或 local:lon_0=…,x_0=…,y_0=…",
         "reference system: cgcs2000, wgs84, gcj02, bd09, EPSG:code, or local:lon_0=…,x_0=…,y_0=…"},
        {"encoding", "query", text, "文字编码：UTF-8、GBK", "encoding of text: UTF-8, GBK"},
        {"source_layer", "query", text, "文件中的图层", "layer within the file"},
        {.name = NULL}};
    const struct host_route route = {
        .method = "POST",
        .pattern = "/files/features",
        .flags = HOST_ROUTE_HEAVY,
        .operation_id = "readFeatures",
        .summary_zh = "读取文件（DXF、国土 TXT、Shapefile、GeoJSON、KML 等）为 GeoJSON，不保存",
        .summary_en = "Read a file (DXF, TXT of parcels, Shapefile, GeoJSON, KML and others) as "
                      "GeoJSON; nothing is kept",
        .params = params,
        .handle = handle,
        .self = app};
    return host_http_add_route(app->http, &route, err);
}
