/* host/ogc/tiles.c -- OGC API Tiles over the plugins' renderers. */
#include "cim/util.h"
#include "host/ogc/ask.h"
#include "host/ogc/request.h"
#include "host/ogc/filter.h"
#include "host/ogc/tile_fetch.h"
#include "host/ogc/tiles.h"
#include "host/ogc/tms.h"
#include "kit/cleanup.h"

/* Parameters that stand beside filters. */
static const char *const filters_beside[] = {"f", "lang", NULL};

/* ---- descriptions ---- */

static cim_status
matrix_sets(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    CIM_TRY(host_ask_plain(&ask, self, call, req, "application/json", err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    struct json_object *list = host_doc_array_in(doc, "tileMatrixSets");
    for (size_t i = 0; i < HOST_TMS_COUNT; i++) {
        const struct host_tms *set = host_tms_at(i);
        struct json_object *one = host_doc_object_in(list, NULL);
        host_doc_text(one, "id", set->id);
        host_doc_text(one, "title", ask.chinese ? set->title_zh : set->title_en);
        if (set->uri != NULL) {
            host_doc_text(one, "uri", set->uri);
        }
        host_doc_link(host_doc_array_in(one, "links"), "self", "application/json", NULL,
                      "%s/tileMatrixSets/%s", ask.base, set->id);
    }
    return host_ask_send_doc(&ask, doc, "瓦片矩阵集", "Tile matrix sets", err);
}

static cim_status
matrix_set(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    const struct host_tms *set = NULL;
    CIM_TRY(host_ask_plain(&ask, self, call, req, "application/json", err));
    CIM_TRY(host_tms_find(host_http_path_param(req, "tms"), &set, err));
    HOST_AUTO_DOC struct json_object *doc = host_tms_definition(set, ask.base, ask.chinese);
    return host_ask_send_doc(&ask, doc, "瓦片矩阵集", "Tile matrix set", err);
}

cim_status
host_tile_extent(const struct host_visit *visit, double ret_bbox[4], bool *ret_has, cim_error *err)
{
    const cim_layer *layer = &visit->layer->layer;
    const cim_query all = {.struct_size = sizeof all};
    const cim_status status = layer->extent(layer->self, &visit->call, &all, ret_bbox, err);
    *ret_has = status == CIM_OK;
    return status == CIM_E_NOTFOUND ? CIM_OK : status;
}

static cim_status
tilesets(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    CIM_TRY(host_ask_plain(&ask, self, call, req, "application/json", err));
    const char *id = host_http_path_param(req, "id");
    CIM_TRY(host_visit_renderer(&visit, self, call, id, err));
    const struct cim_definition *def = visit.layer->definition;
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    struct json_object *list = host_doc_array_in(doc, "tilesets");
    for (size_t i = 0; i < HOST_TMS_COUNT; i++) {
        host_doc_append(
            list, host_tms_tileset(host_tms_at(i), def, NULL, ask.base, "", ask.chinese, false));
    }
    struct json_object *links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", "application/json", NULL, "%s/collections/%s/tiles", ask.base, id);
    return host_ask_send_doc(&ask, doc, def->title.zh, def->title.en, err);
}

static void
filter_query(const struct host_ask *ask, struct cim_buf *out)
{
    char separator = '?';
    for (size_t i = 0; i < ask->n_pairs; i++) {
        if (strcmp(ask->pairs[i].name, "f") != 0 && strcmp(ask->pairs[i].name, "lang") != 0) {
            cim_buf_add_char(out, separator);
            host_url_encode(out, ask->pairs[i].name);
            cim_buf_add_char(out, '=');
            host_url_encode(out, ask->pairs[i].value);
            separator = '&';
        }
    }
}

static cim_status
tileset(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const struct host_offer offers[] = {
        {HOST_FORMAT_JSON, "json", "application/json", NULL},
        {HOST_FORMAT_HTML, "html", "text/html; charset=utf-8", "application/xhtml+xml"},
        {HOST_FORMAT_TILEJSON, "tilejson", "application/json",
         "application/vnd.mapbox.tilejson+json"}};
    struct host_ask ask;
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    CIM_AUTO_FREE char *area = NULL;
    CIM_AUTO_FREE char *filter = NULL;
    CIM_AUTO_BUF struct cim_buf query;
    const struct host_tms *set = NULL;
    double bbox[4];
    bool has = false;
    cim_buf_init(&query, HOST_FILTER_BYTES_MAX);
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_tms_find(host_http_path_param(req, "tms"), &set, err));
    CIM_TRY(host_visit_renderer(&visit, self, call, host_http_path_param(req, "id"), err));
    CIM_TRY(host_tile_filters(&ask, &visit, filters_beside, &area, &filter, err));
    CIM_TRY(host_ask_choose(&ask, offers, 3, err));
    CIM_TRY(host_tile_extent(&visit, bbox, &has, err));
    filter_query(&ask, &query);
    CIM_TRY(cim_buf_status(&query, err));
    const struct cim_definition *def = visit.layer->definition;
    const char *rest = query.data != NULL ? query.data : "";
    HOST_AUTO_DOC struct json_object *doc =
        ask.offer->format == HOST_FORMAT_TILEJSON
            ? host_tms_tilejson(set, def, has ? bbox : NULL, ask.base, rest, ask.chinese)
            : host_tms_tileset(set, def, has ? bbox : NULL, ask.base, rest, ask.chinese, true);
    return host_ask_send_doc(&ask, doc, def->title.zh, def->title.en, err);
}

/* ---- tiles ---- */

static bool
takes_gzip(cim_http_req *req)
{
    const char *encodings = host_http_header(req, "Accept-Encoding");
    const char *gzip = encodings != NULL ? strstr(encodings, "gzip") : NULL;
    return gzip != NULL && strncmp(gzip, "gzip;q=0", 8) != 0;
}

cim_status
host_tile_send(cim_http_req *req, struct host_tile *tile, cim_error *err)
{
    cim_blob body = {.data = NULL};
    CIM_TRY(host_http_add_header(req, "Vary", "Accept-Encoding", err));
    if (host_tile_len(tile) == 0) {
        return host_http_respond(req, 204, host_mvt_mime, &body, err);
    }
    if (takes_gzip(req) && host_tile_gzip_body(tile, &body)) {
        const cim_status added = host_http_add_header(req, "Content-Encoding", "gzip", err);
        if (added != CIM_OK) {
            body.release(&body);
            return added;
        }
    } else {
        host_tile_body(tile, &body);
    }
    const cim_status status = host_http_respond(req, 200, host_tile_mime(tile), &body, err);
    if (body.release != NULL) {
        body.release(&body);
    }
    return status;
}

static cim_status
answer_tile(const struct host_visit *visit, struct host_ogc *ogc, cim_http_req *req,
            const cim_tile_request *request, cim_error *err)
{
    char key[HOST_TILE_CACHE_KEY_MAX];
    char etag[24];
    struct host_tile *tile = NULL;
    const bool known = host_tile_known(visit, request, key);
    CIM_TRY(host_http_add_header(req, "Cache-Control", "private, no-cache", err));
    if (known) {
        host_tile_etag(key, etag);
        CIM_TRY(host_http_add_header(req, "ETag", etag, err));
        if (host_tile_has_tag(host_http_header(req, "If-None-Match"), etag)) {
            cim_blob nothing = {.data = NULL};
            return host_http_respond(req, 304, host_mvt_mime, &nothing, err);
        }
    }
    CIM_TRY(host_tile_fetch(visit, ogc, request, known ? key : NULL, &tile, err));
    const cim_status status = host_tile_send(req, tile, err);
    host_tile_unref(tile);
    return status;
}

static cim_status
tile(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const struct host_offer offers[] = {
        {HOST_FORMAT_MVT, "mvt", host_mvt_mime,
         "application/vnd.mapbox-vector-tile,application/x-protobuf"}};
    struct host_ask ask;
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    CIM_AUTO_FREE char *area = NULL;
    CIM_AUTO_FREE char *filter = NULL;
    const struct host_tms *set = NULL;
    uint32_t address[3];
    const char *id = host_http_path_param(req, "id");
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_tms_find(host_http_path_param(req, "tms"), &set, err));
    CIM_TRY(host_tms_address(set, host_http_path_param(req, "z"), host_http_path_param(req, "row"),
                             host_http_path_param(req, "col"), set->last, address, err));
    CIM_TRY(host_format_choose(offers, 1, host_ask_param(&ask, "f"),
                               host_http_header(req, "Accept"), &ask.offer, err));
    CIM_TRY(host_visit_renderer(&visit, self, call, id, err));
    CIM_TRY(host_tile_filters(&ask, &visit, filters_beside, &area, &filter, err));
    const cim_tile_request request = {.struct_size = sizeof request,
                                      .tms = set->tms,
                                      .z = address[0],
                                      .row = address[1],
                                      .col = address[2],
                                      .layer = id,
                                      .area = area,
                                      .filter_json = filter};
    return answer_tile(&visit, self, req, &request, err);
}

static const struct host_route_param filter_params[] = {{"area", "query", "{\"type\":\"string\"}",
                                                         "区划代码，含其下级",
                                                         "Area code: features in it or below"},
                                                        HOST_FILTER_PARAM,
                                                        {NULL, NULL, NULL, NULL, NULL}};

cim_status
host_ogc_tile_routes(struct host_ogc *ogc, cim_error *err)
{
    CIM_TRY(host_ogc_route(ogc, "/tileMatrixSets", 0, "getTileMatrixSets", "瓦片矩阵集",
                           "Tile matrix sets", NULL, matrix_sets, err));
    CIM_TRY(host_ogc_route(ogc, "/tileMatrixSets/{tms}", 0, "getTileMatrixSet", "一个瓦片矩阵集",
                           "One tile matrix set", NULL, matrix_set, err));
    CIM_TRY(host_ogc_route(ogc, "/collections/{id}/tiles", 0, "getTileSets", "瓦片集列表",
                           "Tilesets of a collection", NULL, tilesets, err));
    CIM_TRY(host_ogc_route(ogc, "/collections/{id}/tiles/{tms}", 0, "getTileSet",
                           "瓦片集说明（f=tilejson 为 TileJSON）",
                           "Description of a tileset (f=tilejson for TileJSON)", filter_params,
                           tileset, err));
    return host_ogc_route(ogc, "/collections/{id}/tiles/{tms}/{z}/{row}/{col}", HOST_ROUTE_TILE,
                          "getTile", "一个矢量瓦片", "One vector tile", filter_params, tile, err);
}
