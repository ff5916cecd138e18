/* host/ogc/basemaps.c -- which base maps there are, and the way to the national one. */
#include "cim/util.h"
#include "host/base/config.h"
#include "host/ogc/ask.h"
#include "host/ogc/tile_cache.h"
#include "host/ogc/tms.h"
#include "host/ogc/upstream.h"

enum { TIANDITU_ZOOM_MIN = 1, TIANDITU_ZOOM_MAX = 18 };

struct raster {
    const char *id;
    const char *zh;
    const char *en;
    const char *layers[2]; /* picture, then its labels */
};

static const struct raster rasters[] = {
    {"tianditu-vec", "天地图矢量", "Tianditu vector", {"vec", "cva"}},
    {"tianditu-img", "天地图影像", "Tianditu imagery", {"img", "cia"}},
    {"tianditu-ter", "天地图地形", "Tianditu terrain", {"ter", "cta"}},
};

static void
add_approval(struct json_object *basemap, const char *number)
{
    if (number != NULL && *number != '\0') {
        host_doc_text(basemap, "approval_number", number);
    } else {
        host_doc_add(basemap, "approval_number", NULL);
    }
}

static void
add_raster(struct json_object *list, const struct host_ask *ask, const struct raster *raster,
           const char *approval)
{
    struct json_object *basemap = host_doc_object_in(list, NULL);
    struct json_object *tiles = NULL;
    host_doc_text(basemap, "id", raster->id);
    host_doc_add(basemap, "title", host_doc_text2(raster->zh, raster->en));
    host_doc_text(basemap, "kind", "raster");
    tiles = host_doc_array_in(basemap, "tiles");
    for (size_t i = 0; i < 2; i++) {
        char url[512];
        (void)snprintf(url, sizeof url, "%s/basemaps/tianditu/%s/{z}/{row}/{col}", ask->base,
                       raster->layers[i]);
        host_doc_append(tiles, json_object_new_string(url));
    }
    host_doc_int(basemap, "min_zoom", TIANDITU_ZOOM_MIN);
    host_doc_int(basemap, "max_zoom", TIANDITU_ZOOM_MAX);
    host_doc_text(basemap, "attribution", "天地图 · 国家地理信息公共服务平台");
    add_approval(basemap, approval);
}

static cim_status
basemaps(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ogc *ogc = self;
    struct host_ask ask;
    CIM_TRY(host_ask_plain(&ask, ogc, call, req, "application/json", err));
    const char *approval = host_config_text(ogc->app->config, "basemap.approval_number");
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    struct json_object *list = host_doc_array_in(doc, "basemaps");
    struct json_object *offline = host_doc_object_in(list, NULL);
    host_doc_text(offline, "id", "offline");
    host_doc_add(offline, "title", host_doc_text2("离线底图", "Offline base map"));
    host_doc_text(offline, "kind", "vector");
    host_doc_text(offline, "style", "/styles/basemap");
    host_doc_text(offline, "note", "示意图 非公开发布");
    host_doc_text(offline, "note_en", "Sketch map, not for publication");
    add_approval(offline, NULL);
    if (host_upstream_enabled(ogc->upstream)) {
        for (size_t i = 0; i < sizeof rasters / sizeof rasters[0]; i++) {
            add_raster(list, &ask, &rasters[i], approval);
        }
    }
    return host_ask_send_doc(&ask, doc, "底图", "Base maps", err);
}

static cim_status
tianditu(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ogc *ogc = self;
    struct host_ask ask;
    struct host_tile *tile = NULL;
    uint32_t address[3];
    cim_blob body;
    const char *layer = host_http_path_param(req, "layer");
    CIM_TRY(host_ask_begin(&ask, ogc, call, req, err));
    CIM_TRY(host_ask_allow(&ask, NULL, err));
    if (!host_upstream_has_layer(layer)) {
        return cim_fail(err, CIM_E_NOTFOUND, "layer", layer,
                        "没有此底图图层；可用：vec, cva, img, cia, ter, cta, ibo",
                        "no such base map layer; there are: vec, cva, img, cia, ter, cta, ibo");
    }
    CIM_TRY(host_tms_address(host_tms_at(0), host_http_path_param(req, "z"),
                             host_http_path_param(req, "row"), host_http_path_param(req, "col"),
                             TIANDITU_ZOOM_MAX, address, err));
    if (address[0] < TIANDITU_ZOOM_MIN) {
        return cim_fail(err, CIM_E_NOTFOUND, "tileMatrix", host_http_path_param(req, "z"),
                        "级别为 %d 到 %d", "zooms are %d to %d", (int)TIANDITU_ZOOM_MIN,
                        (int)TIANDITU_ZOOM_MAX);
    }
    CIM_TRY(host_upstream_tile(ogc->upstream, layer, address, &tile, err));
    host_tile_body(tile, &body);
    cim_status status = host_http_add_header(req, "Cache-Control", "private, max-age=86400", err);
    if (status == CIM_OK) {
        status = host_http_respond(req, 200, host_tile_mime(tile), &body, err);
    }
    if (body.release != NULL) {
        body.release(&body);
    }
    host_tile_unref(tile);
    return status;
}

cim_status
host_ogc_basemap_routes(struct host_ogc *ogc, cim_error *err)
{
    CIM_TRY(host_ogc_route(ogc, "/basemaps", 0, "getBasemaps", "底图列表", "The base maps", NULL,
                           basemaps, err));
    return host_ogc_route(ogc, "/basemaps/tianditu/{layer}/{z}/{row}/{col}", 0, "getBasemapTile",
                          "天地图瓦片", "A tile of Tianditu", NULL, tianditu, err);
}
