/* host/ogc/maps.c -- OGC API Maps and legends. */
#include "cim/util.h"
#include "host/ogc/filter.h"
#include "host/ogc/map_layers.h"
#include "host/ogc/map_request.h"
#include "host/ogc/tile_fetch.h"

static const struct host_offer picture_offers[] = {
    {HOST_FORMAT_PNG, "png", "image/png", "image/*"},
    {HOST_FORMAT_JSON, "json", "application/json", NULL}};

static const double hainan_deg[4] = {108.6, 18.1, 111.1, 20.2};

static cim_status
find_view(const struct host_map *map, const struct host_map_request *request,
          struct host_pic_view *ret_view, cim_error *err)
{
    double extent[4];
    bool has = true;
    struct host_crs_worker *worker = NULL;
    cim_status status = CIM_OK;
    if (!request->has_bbox) {
        CIM_TRY(host_map_extent(map, extent, &has, err));
    }
    worker = host_crs_take(map->ogc->crs);
    status = worker != NULL
                 ? host_map_view(worker, request, has && !request->has_bbox ? extent : hainan_deg,
                                 ret_view, err)
                 : cim_fail_nomem(err);
    host_crs_give(map->ogc->crs, worker);
    return status;
}

static cim_status
answer(const struct host_ask *ask, const struct host_map *map, cim_error *err)
{
    struct host_map_request request;
    struct host_pic_view view;
    CIM_AUTO_BUF struct cim_buf told;
    cim_buf_init(&told, HOST_DOC_BYTES_MAX);
    CIM_TRY(host_map_request_parse(ask->pairs, ask->n_pairs, &request, err));
    CIM_TRY(find_view(map, &request, &view, err));
    if (ask->offer->format == HOST_FORMAT_JSON) {
        CIM_TRY(host_map_tell(map, &view, &told, err));
        return host_ask_send(ask, ask->offer->mime, &told, err);
    }
    request.background.a = request.transparent ? 0 : request.background.a;
    return host_map_send(map, ask->req, &view, request.background, err);
}

/* The style of a layer; CIM_E_NOTFOUND: it has none. */
static cim_status
style_of(struct host_ogc *ogc, const cim_call *call, const char *id, char *out, size_t out_size,
         cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    CIM_TRY(host_visit_renderer(&visit, ogc, call, id, err));
    if (visit.layer->definition->style == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "collectionId", id, "此图层没有样式，不能画成图片",
                        "this layer has no style to draw it with");
    }
    cim_copy_text(out, out_size, visit.layer->definition->style);
    return CIM_OK;
}

static cim_status
collection_map(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    HOST_AUTO_MAP struct host_map map;
    char style[64];
    const char *id = host_http_path_param(req, "id");
    host_map_begin(&map, self, call);
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(style_of(self, call, id, style, sizeof style, err));
    CIM_TRY(host_map_add(&map, style, err));
    const struct host_visit *visit = host_map_visit(&map, id);
    if (visit == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "collectionId", id, "样式 %s 不画此图层",
                        "the style %s does not draw this layer", style);
    }
    map.filtered = id;
    CIM_TRY(host_tile_filters(&ask, visit, host_map_names, &map.area, &map.filter, err));
    CIM_TRY(host_ask_choose(&ask, picture_offers, 2, err));
    return answer(&ask, &map, err);
}

static cim_status
style_map(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    HOST_AUTO_MAP struct host_map map;
    host_map_begin(&map, self, call);
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_ask_allow(&ask, host_map_names, err));
    CIM_TRY(host_ask_choose(&ask, picture_offers, 2, err));
    CIM_TRY(host_map_add(&map, host_http_path_param(req, "style"), err));
    return answer(&ask, &map, err);
}

/* Styles above one another, the lowest first. */
static cim_status
dataset_map(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const names[] = {"bbox",   "bbox-crs",    "crs",     "width",
                                        "height", "transparent", "bgcolor", "mm-per-pixel",
                                        "styles", NULL};
    struct host_ask ask;
    HOST_AUTO_MAP struct host_map map;
    char style[64];
    host_map_begin(&map, self, call);
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_ask_allow(&ask, names, err));
    CIM_TRY(host_ask_choose(&ask, picture_offers, 2, err));
    const char *at = host_ask_param(&ask, "styles");
    at = at == NULL || at[0] == '\0' ? "basemap" : at;
    while (*at != '\0') {
        const size_t len = strcspn(at, ",");
        (void)snprintf(style, sizeof style, "%.*s", (int)(len < 64 ? len : 63), at);
        CIM_TRY(host_map_add(&map, style, err));
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return answer(&ask, &map, err);
}

enum { THUMBNAIL_WIDTH_PX = 320, THUMBNAIL_HEIGHT_PX = 200 };

/* Of a thumbnail: symbols at half their size, and room for those at the edge. */
static const double thumbnail_ratio = 0.5;
static const double thumbnail_margin = 0.08;

static void
add_margin(struct host_pic_view *view)
{
    const double dx = (view->east - view->west) * thumbnail_margin;
    const double dy = (view->north - view->south) * thumbnail_margin;
    view->west -= dx;
    view->east += dx;
    view->south -= dy;
    view->north += dy;
}

/* All that the caller sees of a layer in small, over the base map where he may read all of that. */
static cim_status
thumbnail(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    HOST_AUTO_MAP struct host_map own;
    HOST_AUTO_MAP struct host_map base;
    HOST_AUTO_MAP struct host_map map;
    struct host_map_request request;
    struct host_pic_view view;
    char style[64];
    host_map_begin(&own, self, call);
    host_map_begin(&base, self, call);
    host_map_begin(&map, self, call);
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_ask_allow(&ask, NULL, err));
    CIM_TRY(host_ask_choose(&ask, picture_offers, 1, err));
    CIM_TRY(style_of(self, call, host_http_path_param(req, "id"), style, sizeof style, err));
    CIM_TRY(host_map_add(&own, style, err));
    CIM_TRY(host_map_request_parse(NULL, 0, &request, err));
    request.width = THUMBNAIL_WIDTH_PX;
    request.height = THUMBNAIL_HEIGHT_PX;
    request.ratio = thumbnail_ratio;
    CIM_TRY(find_view(&own, &request, &view, err));
    add_margin(&view);
    if (host_map_add(&base, HOST_MAP_BASEMAP, NULL) == CIM_OK) {
        CIM_TRY(host_map_add(&map, HOST_MAP_BASEMAP, err));
    }
    CIM_TRY(host_map_add(&map, style, err));
    return host_map_send(&map, ask.req, &view, request.background, err);
}

/* ---- legends ---- */

static cim_status
send_legend(const struct host_ask *ask, const struct host_map *map, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf png;
    cim_buf_init(&png, HOST_PIC_PNG_BYTES_MAX);
    CIM_TRY(host_map_legend(map, ask->chinese, 1, &png, err));
    return host_ask_send(ask, "image/png", &png, err);
}

static cim_status
collection_legend(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    HOST_AUTO_MAP struct host_map map;
    char style[64];
    host_map_begin(&map, self, call);
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_ask_allow(&ask, NULL, err));
    CIM_TRY(host_ask_choose(&ask, picture_offers, 1, err));
    CIM_TRY(style_of(self, call, host_http_path_param(req, "id"), style, sizeof style, err));
    CIM_TRY(host_map_add(&map, style, err));
    return send_legend(&ask, &map, err);
}

static cim_status
style_legend(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    HOST_AUTO_MAP struct host_map map;
    host_map_begin(&map, self, call);
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_ask_allow(&ask, NULL, err));
    CIM_TRY(host_ask_choose(&ask, picture_offers, 1, err));
    CIM_TRY(host_map_add(&map, host_http_path_param(req, "style"), err));
    return send_legend(&ask, &map, err);
}

#define MAP_PARAMS                                                                                 \
    {"bbox", "query",                                                                              \
     "{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"minItems\":4,\"maxItems\":6}",         \
     "范围，按 bbox-crs 的轴序；缺省为可见的全部",                                                 \
     "Box in the axis order of bbox-crs; all that is seen"},                                       \
        {"bbox-crs", "query", "{\"type\":\"string\",\"format\":\"uri\"}",                          \
         "范围的参考系，缺省 CRS84", "Reference system of the box; CRS84"},                        \
        {"crs", "query", "{\"type\":\"string\",\"format\":\"uri\"}",                               \
         "图片的参考系：EPSG 3857（缺省）、4490、4326 或 CRS84",                                   \
         "Reference system of the picture: EPSG 3857 (default), 4490, 4326 or CRS84"},             \
        {"width", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":4096}", "宽，像素",    \
         "Width in pixels"},                                                                       \
        {"height", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":4096}", "高，像素",   \
         "Height in pixels"},                                                                      \
        {"transparent", "query", "{\"type\":\"boolean\"}", "底色透明", "Without a ground"},        \
        {"bgcolor", "query", "{\"type\":\"string\"}", "底色，如 0xFFFFFF",                         \
         "Colour of the ground, such as 0xFFFFFF"},                                                \
    {                                                                                              \
        "mm-per-pixel", "query", "{\"type\":\"number\",\"minimum\":0.05,\"maximum\":2}",           \
            "像素的毫米数，缺省 0.28；越小符号占的像素越多",                                       \
            "Millimetres of a pixel, 0.28 by default: with less, symbols take more pixels"         \
    }

static const struct host_route_param map_params[] = {MAP_PARAMS, {NULL, NULL, NULL, NULL, NULL}};
static const struct host_route_param collection_params[] = {
    MAP_PARAMS,
    {"area", "query", "{\"type\":\"string\"}", "区划代码，含其下级",
     "Area code: features in it or below"},
    HOST_FILTER_PARAM,
    {NULL, NULL, NULL, NULL, NULL}};
static const struct host_route_param dataset_params[] = {
    MAP_PARAMS,
    {"styles", "query", "{\"type\":\"string\"}", "样式，从下到上以逗号分隔，缺省为 basemap",
     "Styles from below, with commas between; basemap by default"},
    {NULL, NULL, NULL, NULL, NULL}};

cim_status
host_ogc_map_routes(struct host_ogc *ogc, cim_error *err)
{
    CIM_TRY(host_ogc_route(ogc, "/map", HOST_ROUTE_HEAVY, "getMap",
                           "若干样式画成一张图片（f=json 为图中的符号与文字）",
                           "Styles drawn as one picture (f=json: its symbols and texts)",
                           dataset_params, dataset_map, err));
    CIM_TRY(host_ogc_route(ogc, "/collections/{id}/map", HOST_ROUTE_HEAVY, "getCollectionMap",
                           "图层按其样式画成的图片", "The layer drawn as a picture in its style",
                           collection_params, collection_map, err));
    CIM_TRY(host_ogc_route(ogc, "/styles/{style}/map", HOST_ROUTE_HEAVY, "getStyleMap",
                           "一个样式画成的图片", "A style drawn as a picture", map_params,
                           style_map, err));
    CIM_TRY(host_ogc_route(ogc, "/collections/{id}/thumbnail", HOST_ROUTE_HEAVY, "getThumbnail",
                           "图层的缩略图，只含调用者可见的内容",
                           "A layer in small, as far as the caller sees it", NULL, thumbnail, err));
    CIM_TRY(host_ogc_route(ogc, "/collections/{id}/legend", 0, "getCollectionLegend", "图层的图例",
                           "The legend of a layer", NULL, collection_legend, err));
    return host_ogc_route(ogc, "/styles/{style}/legend", 0, "getStyleLegend", "样式的图例",
                          "The legend of a style", NULL, style_legend, err);
}
