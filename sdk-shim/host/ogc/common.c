/* host/ogc/common.c -- the landing page, what we conform to, and the style sheet of the pages. */
#include "cim/util.h"
#include "host/base/config.h"
#include "host/ogc/ask.h"
#include "host/ogc/html.h"
#include "host/pictures/picture.h"
#include "host/ogc/upstream.h"
#include "host/ogc/tile_cache.h"
#include "host/ogc/tile_share.h"

#include <stdlib.h>

/* Only what holds without exception. */
static const char *const conforms[] = {
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landing-page",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/accent-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/arithmetic",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/schemas",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/core-roles-features",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/dataset-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/collections-selection",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
    "http://www.opengis.net/spec/ogcapi-maps-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-maps-1/1.0/conf/collection-map",
    "http://www.opengis.net/spec/ogcapi-maps-1/1.0/conf/dataset-map",
    "http://www.opengis.net/spec/ogcapi-maps-1/1.0/conf/png",
    "http://www.opengis.net/spec/ogcapi-maps-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/ogc-process-description",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/job-list",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/dismiss",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/callback",
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset",
};

static cim_status
landing(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char json[] = "application/json";
    struct host_ask ask;
    CIM_TRY(host_ask_plain(&ask, self, call, req, json, err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    const bool zh = ask.chinese;
    host_doc_text(doc, "title",
                  zh ? "CIM 基础平台 · 瓶装燃气监管" : "CIM platform · bottled LPG supervision");
    host_doc_text(doc, "description",
                  zh ? "按 OGC API 标准提供要素、矢量瓦片、样式、底图与分析。"
                     : "Features, vector tiles, styles, base maps and analyses as OGC APIs.");
    struct json_object *links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", json, zh ? "本页" : "This document", "%s/?f=json", ask.base);
    host_doc_link(links, "alternate", "text/html", zh ? "网页" : "As HTML", "%s/?f=html", ask.base);
    host_doc_link(links, "service-desc", "application/vnd.oai.openapi+json;version=3.0",
                  zh ? "接口定义 (OpenAPI 3.0)" : "API definition", "%s/api?f=json", ask.base);
    host_doc_link(links, "service-doc", "text/html", zh ? "接口说明" : "API documentation",
                  "%s/api?f=html", ask.base);
    host_doc_link(links, "conformance", json, zh ? "符合的标准" : "Conformance", "%s/conformance",
                  ask.base);
    host_doc_link(links, "data", json, zh ? "数据集" : "Collections", "%s/collections", ask.base);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/processes", json,
                  zh ? "分析" : "Processes", "%s/processes", ask.base);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/job-list", json,
                  zh ? "作业" : "Jobs", "%s/jobs", ask.base);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes", json,
                  zh ? "瓦片矩阵集" : "Tile matrix sets", "%s/tileMatrixSets", ask.base);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/styles", json,
                  zh ? "地图样式" : "Styles", "%s/styles", ask.base);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/map", "image/png",
                  zh ? "地图 (PNG)" : "Map as PNG", "%s/map", ask.base);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/ogc-catalog", json,
                  zh ? "数据资源目录" : "Catalogue", "%s/catalogue", ask.base);
    host_doc_link(links, "related", "text/xml", "WMS 1.3.0",
                  "%s/wms?SERVICE=WMS&REQUEST=GetCapabilities", ask.base);
    host_doc_link(links, "related", "text/xml", "WMTS 1.0.0", "%s/wmts/1.0.0/WMTSCapabilities.xml",
                  ask.base);
    host_doc_link(links, "related", json, zh ? "底图" : "Base maps", "%s/basemaps", ask.base);
    return host_ask_send_doc(&ask, doc, "CIM 基础平台", "CIM platform", err);
}

static cim_status
conformance(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    CIM_TRY(host_ask_plain(&ask, self, call, req, "application/json", err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    host_doc_add(doc, "conformsTo", host_doc_texts(conforms, sizeof conforms / sizeof conforms[0]));
    return host_ask_send_doc(&ask, doc, "符合的标准", "Conformance", err);
}

static cim_status
style_sheet(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    cim_blob body = {.data = host_html_css, .len = strlen(host_html_css)};
    (void)self;
    (void)call;
    CIM_TRY(host_http_add_header(req, "Cache-Control", "public, max-age=3600", err));
    return host_http_respond(req, 200, "text/css; charset=utf-8", &body, err);
}

cim_status
host_ogc_common_routes(struct host_ogc *ogc, cim_error *err)
{
    CIM_TRY(host_ogc_route(ogc, "/", HOST_ROUTE_ANONYMOUS, "getLandingPage", "首页", "Landing page",
                           NULL, landing, err));
    CIM_TRY(host_ogc_route(ogc, "/conformance", HOST_ROUTE_ANONYMOUS, "getConformance",
                           "符合的标准", "What this service conforms to", NULL, conformance, err));
    return host_ogc_route(ogc, "/assets/ogc.css", HOST_ROUTE_ANONYMOUS | HOST_ROUTE_HIDDEN,
                          "getPageStyle", "网页样式表", "Style sheet of the pages", NULL,
                          style_sheet, err);
}

/* ---- the module ---- */

static cim_status
add_all_routes(struct host_ogc *ogc, cim_error *err)
{
    CIM_TRY(host_ogc_common_routes(ogc, err));
    CIM_TRY(host_ogc_collection_routes(ogc, err));
    CIM_TRY(host_ogc_item_routes(ogc, err));
    CIM_TRY(host_ogc_search_routes(ogc, err));
    CIM_TRY(host_ogc_edit_routes(ogc, err));
    CIM_TRY(host_ogc_tile_routes(ogc, err));
    CIM_TRY(host_ogc_dataset_tile_routes(ogc, err));
    CIM_TRY(host_ogc_style_routes(ogc, err));
    CIM_TRY(host_ogc_map_routes(ogc, err));
    CIM_TRY(host_ogc_wms_routes(ogc, err));
    CIM_TRY(host_ogc_wmts_routes(ogc, err));
    CIM_TRY(host_ogc_basemap_routes(ogc, err));
    return host_ogc_openapi_routes(ogc, err);
}

cim_status
host_ogc_add_routes(struct host_app *app, cim_error *err)
{
    struct host_ogc *ogc = calloc(1, sizeof *ogc);
    cim_status status = CIM_OK;
    if (ogc == NULL) {
        return cim_fail_nomem(err);
    }
    ogc->app = app;
    ogc->crs = host_crs_pool_new();
    ogc->tiles = host_tile_cache_new(HOST_TILE_CACHE_BYTES);
    if (ogc->crs == NULL || ogc->tiles == NULL) {
        host_ogc_free(ogc);
        return cim_fail_nomem(err);
    }
    status = host_upstream_new(app->config, &ogc->upstream, err);
    if (status == CIM_OK) {
        status = host_tile_share_open(app->store, host_config_text(app->config, "tiles.redis_url"),
                                      &ogc->shared_tiles, err);
    }
    if (status != CIM_OK) {
        host_ogc_free(ogc);
        return status;
    }
    /* From here on routes may point at it: it is freed after the server. */
    app->ogc = ogc;
    return add_all_routes(ogc, err);
}

void
host_ogc_free(struct host_ogc *ogc)
{
    if (ogc == NULL) {
        return;
    }
    host_upstream_free(ogc->upstream);
    host_tile_share_close(ogc->shared_tiles);
    host_tile_cache_free(ogc->tiles);
    host_crs_pool_free(ogc->crs);
    host_pictures_end();
    free(ogc);
}
