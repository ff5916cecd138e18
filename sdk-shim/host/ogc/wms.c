/* host/ogc/wms.c -- WMS 1.3.0 over the same pictures. */
#include "cim/util.h"
#include "host/base/problem.h"
#include "host/ogc/encode.h"
#include "host/ogc/map_layers.h"
#include "host/ogc/wms_capabilities.h"
#include "host/ogc/wms_request.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <math.h>

enum { INFO_REACH_PX = 8, INFO_BYTES_MAX = 16 << 20 };

/* ---- GetMap ---- */

/* A layer that is not there is a fault of the parameter that named it. */
static cim_status
layer_style(const struct host_ask *ask, const char *param, const char *name, char *out,
            size_t out_size, cim_error *err)
{
    const cim_status status = host_map_layer_style(ask, name, out, out_size, err);
    return status == CIM_E_NOTFOUND
               ? cim_fail(err, CIM_E_NOTFOUND, param, name, "没有此图层", "no such layer")
               : status;
}

static cim_status
add_layers(const struct host_ask *ask, const struct host_wms_request *request, struct host_map *map,
           cim_error *err)
{
    char style[64];
    for (size_t i = 0; i < request->n_layers; i++) {
        const char *wanted = i < request->n_styles ? request->styles[i] : "";
        CIM_TRY(layer_style(ask, request->operation == HOST_WMS_LEGEND ? "LAYER" : "LAYERS",
                            request->layers[i], style, sizeof style, err));
        CIM_TRY(host_map_layer_named_style(ask, "STYLES", request->layers[i], wanted, style,
                                           sizeof style, err));
        CIM_TRY(host_map_add(map, style, err));
    }
    return CIM_OK;
}

static cim_status
get_map(const struct host_ask *ask, const struct host_wms_request *request, cim_error *err)
{
    HOST_AUTO_MAP struct host_map map;
    struct host_pic_color ground = request->background;
    host_map_begin(&map, ask->ogc, ask->call);
    CIM_TRY(add_layers(ask, request, &map, err));
    ground.a = request->transparent ? 0 : ground.a;
    return host_map_send(&map, ask->req, &request->view, ground, err);
}

static cim_status
get_legend(const struct host_ask *ask, const struct host_wms_request *request, cim_error *err)
{
    HOST_AUTO_MAP struct host_map map;
    CIM_AUTO_BUF struct cim_buf png;
    cim_buf_init(&png, HOST_PIC_PNG_BYTES_MAX);
    host_map_begin(&map, ask->ogc, ask->call);
    CIM_TRY(add_layers(ask, request, &map, err));
    CIM_TRY(host_map_legend(&map, ask->chinese, 1, &png, err));
    return host_ask_send(ask, "image/png", &png, err);
}

/* ---- GetFeatureInfo ---- */

static void
add_plain(const cim_rows *rows, const cim_batch *batch, int64_t row, const char *layer,
          struct cim_buf *out)
{
    cim_buf_addf(out, "%s\n", layer);
    for (uint32_t i = 0; i < rows->n_columns; i++) {
        if (batch->columns[i]->type == CIM_COL_WKB) {
            continue;
        }
        cim_buf_addf(out, "  %s = ", rows->names[i]);
        host_encode_plain(batch->columns[i], row, out);
        cim_buf_add_char(out, '\n');
    }
}

struct info {
    const struct host_wms_request *request;
    struct host_crs_worker *worker;
    struct cim_buf *out;
    int64_t left;
    int64_t n;
};

static cim_status
add_rows(struct info *info, const char *layer, cim_rows *rows, cim_error *err)
{
    const struct host_encode_crs crs = {{HOST_CRS_LON_LAT, 0}, true, info->worker};
    struct host_encoder encoder;
    cim_status status = CIM_OK;
    CIM_TRY(host_encoder_init(&encoder, rows, &crs, false, err));
    for (;;) {
        const cim_batch *batch = NULL;
        status = rows->next(rows, &batch, err);
        if (status != CIM_OK || batch->n_rows == 0) {
            break;
        }
        for (int64_t row = 0; row < batch->n_rows && info->left > 0 && status == CIM_OK; row++) {
            info->left--;
            if (info->request->plain) {
                add_plain(rows, batch, row, layer, info->out);
                continue;
            }
            cim_buf_add_text(info->out, info->n++ > 0 ? "," : "");
            status = host_encode_feature(&encoder, batch, row, info->out, err);
        }
        if (status != CIM_OK) {
            break;
        }
    }
    host_encoder_done(&encoder);
    return status;
}

/* Records whose geometry comes near the pixel; a hole in the box is no harm, it is a few pixels. */
static cim_status
query_layer(const struct host_ask *ask, const char *name, struct info *info, cim_error *err)
{
    const struct host_pic_view *view = &info->request->view;
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    double low[2];
    double high[2];
    host_map_place(view, info->request->i - INFO_REACH_PX, info->request->j + INFO_REACH_PX, low);
    host_map_place(view, info->request->i + INFO_REACH_PX, info->request->j - INFO_REACH_PX, high);
    const cim_query query = {.struct_size = sizeof query,
                             .flags = CIM_QUERY_BBOX | CIM_QUERY_CONCEAL,
                             .bbox_w_deg = fmax(-180, low[0]),
                             .bbox_s_deg = fmax(-90, low[1]),
                             .bbox_e_deg = fmin(180, high[0]),
                             .bbox_n_deg = fmin(90, high[1]),
                             .limit = info->left};
    if (strcmp(name, HOST_MAP_BASEMAP) == 0) {
        return cim_fail(err, CIM_E_STATE, "QUERY_LAYERS", name, "底图不能查询",
                        "the base map cannot be queried");
    }
    CIM_TRY(host_visit_layer(&visit, ask->ogc, ask->call, name, CIM_ACT_READ, err));
    const cim_layer *layer = &visit.layer->layer;
    CIM_TRY(layer->query(layer->self, &visit.call, &query, &rows, err));
    return add_rows(info, name, rows, err);
}

static bool
is_among(const struct host_wms_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_layers; i++) {
        if (strcmp(request->layers[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static cim_status
query_layers(const struct host_ask *ask, struct info *info, cim_error *err)
{
    const struct host_wms_request *request = info->request;
    char style[64];
    if (!request->plain) {
        cim_buf_add_text(info->out, "{\"type\":\"FeatureCollection\",\"features\":[");
    }
    for (size_t i = 0; i < request->n_queried && info->left > 0; i++) {
        const char *name = request->queried[i];
        CIM_TRY(layer_style(ask, "QUERY_LAYERS", name, style, sizeof style, err));
        if (!is_among(request, name)) {
            return cim_fail(err, CIM_E_STATE, "QUERY_LAYERS", name, "应为 LAYERS 中的图层",
                            "expected one of LAYERS");
        }
        CIM_TRY(query_layer(ask, name, info, err));
    }
    if (!request->plain) {
        cim_buf_add_text(info->out, "]}");
    }
    return cim_buf_status(info->out, err);
}

static cim_status
get_feature_info(const struct host_ask *ask, const struct host_wms_request *request, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf out;
    struct info info = {.request = request, .out = &out, .left = request->feature_count};
    cim_buf_init(&out, INFO_BYTES_MAX);
    info.worker = host_crs_take(ask->ogc->crs);
    if (info.worker == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = query_layers(ask, &info, err);
    host_crs_give(ask->ogc->crs, info.worker);
    CIM_TRY(status);
    return host_ask_send(ask, request->plain ? "text/plain; charset=utf-8" : "application/geo+json",
                         &out, err);
}

/* ---- the service ---- */

static cim_status
serve(struct host_ask *ask, cim_error *err)
{
    struct host_wms_request request;
    CIM_TRY(host_wms_request_parse(ask->pairs, ask->n_pairs, &request, err));
    switch (request.operation) {
    case HOST_WMS_MAP:
        return get_map(ask, &request, err);
    case HOST_WMS_FEATURE_INFO:
        return get_feature_info(ask, &request, err);
    case HOST_WMS_LEGEND:
        return get_legend(ask, &request, err);
    case HOST_WMS_CAPABILITIES:
    default:
        return host_wms_capabilities(ask, err);
    }
}

/* What is wrong, as a ServiceExceptionReport; its status is that of a problem. */
static cim_status
send_exception(const struct host_ask *ask, const cim_error *failure, cim_error *err)
{
    const int32_t http_status = host_problem_http_status(failure);
    const char *code = host_wms_code(failure);
    const char *zh = NULL;
    const char *en = NULL;
    cim_blob body = {.data = NULL};
    CIM_AUTO_BUF struct cim_buf xml;
    cim_buf_init(&xml, 1 << 16);
    host_problem_title(http_status, &zh, &en);
    cim_buf_add_text(&xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<ServiceExceptionReport version=\"1.3.0\" "
                           "xmlns=\"http://www.opengis.net/ogc\"><ServiceException");
    if (code != NULL) {
        cim_buf_addf(&xml, " code=\"%s\"", code);
    }
    if (failure->param[0] != '\0') {
        cim_buf_add_text(&xml, " locator=\"");
        cim_buf_add_html(&xml, failure->param);
        cim_buf_add_char(&xml, '"');
    }
    cim_buf_add_char(&xml, '>');
    /* What went wrong inside is for the log alone, as in problem documents. */
    const bool inside = http_status >= 500 && http_status != 501 && http_status != 503;
    cim_buf_add_html(&xml, inside ? zh : failure->zh);
    if (failure->value[0] != '\0' && !inside) {
        cim_buf_add_text(&xml, " [");
        cim_buf_add_html(&xml, failure->value);
        cim_buf_add_char(&xml, ']');
    }
    cim_buf_add_text(&xml, " / ");
    cim_buf_add_html(&xml, inside ? en : failure->en);
    cim_buf_add_text(&xml, "</ServiceException></ServiceExceptionReport>\n");
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
wms(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    cim_error failure = {.code = CIM_OK};
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    const cim_status status = serve(&ask, &failure);
    if (status == CIM_OK) {
        return CIM_OK;
    }
    if (status == CIM_E_CANCELLED || status == CIM_E_NOMEM || status == CIM_E_BUSY) {
        *err = failure; /* the server's own answers carry Retry-After and the like */
        return status;
    }
    return send_exception(&ask, &failure, err);
}

#define TEXT_PARAM(name, zh, en)                                                                   \
    {                                                                                              \
        name, "query", "{\"type\":\"string\"}", zh, en                                             \
    }

static const struct host_route_param wms_params[] = {
    TEXT_PARAM("SERVICE", "WMS", "WMS"),
    TEXT_PARAM("REQUEST", "GetCapabilities、GetMap、GetFeatureInfo 或 GetLegendGraphic",
               "GetCapabilities, GetMap, GetFeatureInfo or GetLegendGraphic"),
    TEXT_PARAM("VERSION", "1.3.0", "1.3.0"),
    TEXT_PARAM("LAYERS", "图层，从下到上以逗号分隔", "Layers from below, with commas between"),
    TEXT_PARAM("STYLES", "样式，与图层对应；可为空", "A style for each layer; may be empty"),
    TEXT_PARAM("CRS", "EPSG:4490、EPSG:4326、EPSG:3857 或 CRS:84",
               "EPSG:4490, EPSG:4326, EPSG:3857 or CRS:84"),
    TEXT_PARAM("BBOX", "范围，次序随 CRS 的轴序", "Box in the axis order of CRS"),
    TEXT_PARAM("WIDTH", "宽，像素", "Width in pixels"),
    TEXT_PARAM("HEIGHT", "高，像素", "Height in pixels"),
    TEXT_PARAM("FORMAT", "image/png", "image/png"),
    TEXT_PARAM("TRANSPARENT", "TRUE 或 FALSE", "TRUE or FALSE"),
    TEXT_PARAM("BGCOLOR", "底色，如 0xFFFFFF", "Colour of the ground, such as 0xFFFFFF"),
    TEXT_PARAM("QUERY_LAYERS", "要查询的图层", "Layers to query"),
    TEXT_PARAM("INFO_FORMAT", "application/json 或 text/plain", "application/json or text/plain"),
    TEXT_PARAM("FEATURE_COUNT", "要素条数，最多 100", "Features at most, up to 100"),
    TEXT_PARAM("I", "像素列", "Pixel column"),
    TEXT_PARAM("J", "像素行", "Pixel row"),
    TEXT_PARAM("LAYER", "图例的图层", "The layer of a legend"),
    {NULL, NULL, NULL, NULL, NULL}};

cim_status
host_ogc_wms_routes(struct host_ogc *ogc, cim_error *err)
{
    return host_ogc_route(ogc, "/wms", HOST_ROUTE_HEAVY, "wms", "WMS 1.3.0", "WMS 1.3.0",
                          wms_params, wms, err);
}
