/* host/ogc/wmts.c -- WMTS 1.0.0, as parameters and as paths, over the same pictures. */
#include "cim/util.h"
#include "host/base/problem.h"
#include "host/ogc/map_layers.h"
#include "host/ogc/wms_request.h"
#include "host/ogc/wmts_capabilities.h"
#include "host/ogc/wmts_request.h"

#include <math.h>
#include <strings.h>

static cim_status
get_tile(const struct host_ask *ask, const char *layer, const char *style_wanted,
         const struct host_pic_view *view, cim_error *err)
{
    static const struct host_pic_color nothing = {1, 1, 1, 0};
    HOST_AUTO_MAP struct host_map map;
    char style[64];
    host_map_begin(&map, ask->ogc, ask->call);
    const cim_status status = host_map_layer_style(ask, layer, style, sizeof style, err);
    if (status == CIM_E_NOTFOUND) {
        return cim_fail(err, CIM_E_NOTFOUND, "Layer", layer, "没有此图层", "no such layer");
    }
    CIM_TRY(status);
    CIM_TRY(
        host_map_layer_named_style(ask, "Style", layer, style_wanted, style, sizeof style, err));
    CIM_TRY(host_map_add(&map, style, err));
    return host_map_send(&map, ask->req, view, nothing, err);
}

static cim_status
need(const struct host_ask *ask, const char *name, const char **ret_value, cim_error *err)
{
    *ret_value = host_ows_param(ask->pairs, ask->n_pairs, name);
    return *ret_value != NULL ? CIM_OK
                              : cim_fail(err, CIM_E_INVALID, name, NULL, "缺少此参数",
                                         "this parameter is missing");
}

static cim_status
expect(const char *param, const char *value, const char *expected, cim_error *err)
{
    return strcasecmp(value, expected) == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, param, value, "应为 %s", "expected %s", expected);
}

static cim_status
tile_by_parameters(const struct host_ask *ask, cim_error *err)
{
    static const char *const names[] = {"Layer",   "TileMatrixSet", "TileMatrix", "TileRow",
                                        "TileCol", "Format",        "Version"};
    const char *values[7];
    const char *style = host_ows_param(ask->pairs, ask->n_pairs, "Style");
    struct host_pic_view view;
    for (int i = 0; i < 7; i++) {
        CIM_TRY(need(ask, names[i], &values[i], err));
    }
    CIM_TRY(expect("Version", values[6], "1.0.0", err));
    CIM_TRY(expect("Format", values[5], "image/png", err));
    CIM_TRY(host_wmts_view(values[1], values[2], values[3], values[4], &view, err));
    return get_tile(ask, values[0], style != NULL ? style : "", &view, err);
}

static cim_status
serve(struct host_ask *ask, cim_error *err)
{
    const char *service = NULL;
    const char *request = NULL;
    CIM_TRY(need(ask, "Service", &service, err));
    CIM_TRY(expect("Service", service, "WMTS", err));
    CIM_TRY(need(ask, "Request", &request, err));
    if (strcasecmp(request, "GetCapabilities") == 0) {
        return host_wmts_capabilities(ask, err);
    }
    if (strcasecmp(request, "GetTile") == 0) {
        return tile_by_parameters(ask, err);
    }
    return cim_fail(err, CIM_E_UNSUPPORTED, "Request", request, "应为 GetCapabilities 或 GetTile",
                    "expected GetCapabilities or GetTile");
}

/* An OWS 1.1 ExceptionReport. */
static const char *
exception_code(const cim_error *failure)
{
    switch (failure->code) {
    case CIM_E_INVALID:
        return failure->value[0] == '\0' ? "MissingParameterValue" : "InvalidParameterValue";
    case CIM_E_NOTFOUND:
        return strncmp(failure->param, "Tile", 4) == 0 &&
                       strcmp(failure->param, "TileMatrixSet") != 0
                   ? "TileOutOfRange"
                   : "InvalidParameterValue";
    case CIM_E_UNSUPPORTED:
        return "OperationNotSupported";
    default:
        return "NoApplicableCode";
    }
}

static cim_status
send_exception(const struct host_ask *ask, const cim_error *failure, cim_error *err)
{
    const int32_t http_status = host_problem_http_status(failure);
    const bool inside = http_status >= 500 && http_status != 501 && http_status != 503;
    const char *zh = NULL;
    const char *en = NULL;
    cim_blob body = {.data = NULL};
    CIM_AUTO_BUF struct cim_buf xml;
    cim_buf_init(&xml, 1 << 16);
    host_problem_title(http_status, &zh, &en);
    cim_buf_addf(&xml,
                 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ExceptionReport version=\"1.1.0\" "
                 "xmlns=\"http://www.opengis.net/ows/1.1\"><Exception exceptionCode=\"%s\"",
                 exception_code(failure));
    if (failure->param[0] != '\0') {
        cim_buf_add_text(&xml, " locator=\"");
        cim_buf_add_html(&xml, failure->param);
        cim_buf_add_char(&xml, '"');
    }
    cim_buf_add_text(&xml, "><ExceptionText>");
    cim_buf_add_html(&xml, inside ? zh : failure->zh);
    cim_buf_add_text(&xml, " / ");
    cim_buf_add_html(&xml, inside ? en : failure->en);
    cim_buf_add_text(&xml, "</ExceptionText></Exception></ExceptionReport>\n");
    CIM_TRY(cim_buf_status(&xml, err));
    cim_buf_to_blob(&xml, &body);
    const cim_status status =
        host_http_respond(ask->req, http_status, "text/xml; charset=utf-8", &body, err);
    if (body.release != NULL) {
        body.release(&body);
    }
    return status;
}

static cim_status
finish(const struct host_ask *ask, cim_status status, const cim_error *failure, cim_error *err)
{
    if (status == CIM_OK) {
        return CIM_OK;
    }
    if (status == CIM_E_CANCELLED || status == CIM_E_NOMEM || status == CIM_E_BUSY) {
        *err = *failure;
        return status;
    }
    return send_exception(ask, failure, err);
}

static cim_status
wmts(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    cim_error failure = {.code = CIM_OK};
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    return finish(&ask, serve(&ask, &failure), &failure, err);
}

static cim_status
capabilities(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    return host_wmts_capabilities(&ask, err);
}

/* "17.png" is column 17. */
static cim_status
path_tile(struct host_ask *ask, cim_error *err)
{
    const char *file = host_http_path_param(ask->req, "file");
    const size_t len = strlen(file);
    struct host_pic_view view;
    char col[24] = "";
    if (len < 5 || len >= sizeof col || strcmp(file + len - 4, ".png") != 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "TileCol", file, "应为列号加 .png",
                        "expected the column with .png");
    }
    (void)snprintf(col, sizeof col, "%.*s", (int)len - 4, file);
    CIM_TRY(host_wmts_view(host_http_path_param(ask->req, "grid"),
                           host_http_path_param(ask->req, "level"),
                           host_http_path_param(ask->req, "row"), col, &view, err));
    return get_tile(ask, host_http_path_param(ask->req, "layer"),
                    host_http_path_param(ask->req, "style"), &view, err);
}

static cim_status
tile(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    cim_error failure = {.code = CIM_OK};
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_ask_allow(&ask, NULL, err));
    return finish(&ask, path_tile(&ask, &failure), &failure, err);
}

#define TEXT_PARAM(name, in, zh, en)                                                               \
    {                                                                                              \
        name, in, "{\"type\":\"string\"}", zh, en                                                  \
    }

static const struct host_route_param wmts_params[] = {
    TEXT_PARAM("Service", "query", "WMTS", "WMTS"),
    TEXT_PARAM("Request", "query", "GetCapabilities 或 GetTile", "GetCapabilities or GetTile"),
    TEXT_PARAM("Version", "query", "1.0.0", "1.0.0"),
    TEXT_PARAM("Layer", "query", "图层", "Layer"),
    TEXT_PARAM("Style", "query", "样式", "Style"),
    TEXT_PARAM("Format", "query", "image/png", "image/png"),
    TEXT_PARAM("TileMatrixSet", "query", "WebMercatorQuad、WorldCRS84Quad 或 c（天地图经纬度）",
               "WebMercatorQuad, WorldCRS84Quad or c (of 天地图)"),
    TEXT_PARAM("TileMatrix", "query", "级别", "Level"),
    TEXT_PARAM("TileRow", "query", "行号", "Row"),
    TEXT_PARAM("TileCol", "query", "列号", "Column"),
    {NULL, NULL, NULL, NULL, NULL}};

static const struct host_route_param tile_params[] = {
    TEXT_PARAM("layer", "path", "图层", "Layer"),
    TEXT_PARAM("grid", "path", "WebMercatorQuad、WorldCRS84Quad 或 c（天地图经纬度）",
               "WebMercatorQuad, WorldCRS84Quad or c (of 天地图)"),
    TEXT_PARAM("level", "path", "级别", "Level"),
    TEXT_PARAM("file", "path", "列号加 .png", "Column with .png"),
    {NULL, NULL, NULL, NULL, NULL}};

cim_status
host_ogc_wmts_routes(struct host_ogc *ogc, cim_error *err)
{
    CIM_TRY(host_ogc_route(ogc, "/wmts", HOST_ROUTE_HEAVY, "wmts", "WMTS 1.0.0", "WMTS 1.0.0",
                           wmts_params, wmts, err));
    CIM_TRY(host_ogc_route(ogc, "/wmts/1.0.0/WMTSCapabilities.xml", 0, "wmtsCapabilities",
                           "WMTS 能力文档", "What WMTS offers", NULL, capabilities, err));
    return host_ogc_route(ogc, "/wmts/1.0.0/{layer}/{style}/{grid}/{level}/{row}/{file}",
                          HOST_ROUTE_HEAVY, "wmtsTile", "一个图片瓦片", "One tile as a picture",
                          tile_params, tile, err);
}
