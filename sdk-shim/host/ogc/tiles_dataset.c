/* host/ogc/tiles_dataset.c -- tiles of several collections in one: OGC API Tiles, dataset tilesets
 * with collections selection. A tile is the tiles of the collections one behind the other, which is
 * a tile with the layers of all of them; each comes from the cache by itself. */
#include "cim/util.h"
#include "host/ogc/ask.h"
#include "host/ogc/request.h"
#include "host/ogc/tile_fetch.h"
#include "host/ogc/tiles.h"
#include "host/ogc/tms.h"
#include "kit/cleanup.h"

enum { COLLECTIONS_MAX = 16, ID_MAX = 80, QUERY_MAX = 2048 };

static const char *const params[] = {"collections", "area", NULL};

struct names {
    size_t n;
    char id[COLLECTIONS_MAX][ID_MAX];
};

static cim_status
fail_names(const char *text, cim_error *err)
{
    return cim_fail(
        err, CIM_E_INVALID, "collections", text, "应为以逗号分隔的 1 到 %d 个不同图层编号",
        "expected 1 to %d different ids of collections, commas between", COLLECTIONS_MAX);
}

static cim_status
read_names(const struct host_ask *ask, struct names *ret_names, cim_error *err)
{
    const char *text = host_ask_param(ask, "collections");
    const char *at = text;
    ret_names->n = 0;
    while (at != NULL) {
        const size_t len = strcspn(at, ",");
        if (len == 0 || len >= ID_MAX || ret_names->n == COLLECTIONS_MAX) {
            return fail_names(text, err);
        }
        char *id = ret_names->id[ret_names->n++];
        memcpy(id, at, len);
        id[len] = '\0';
        for (size_t i = 0; i + 1 < ret_names->n; i++) {
            if (strcmp(ret_names->id[i], id) == 0) {
                return fail_names(text, err);
            }
        }
        at = at[len] == ',' ? at + len + 1 : NULL;
    }
    return ret_names->n > 0 ? CIM_OK : fail_names(text, err);
}

/* ---- descriptions ---- */

static struct json_object *
describe(const struct host_ask *ask, const struct host_tms *set)
{
    struct json_object *doc = json_object_new_object();
    struct json_object *links = NULL;
    struct json_object *item = NULL;
    char url[QUERY_MAX];
    host_doc_text(doc, "title", ask->chinese ? "多图层瓦片" : "Tiles of several collections");
    host_doc_text(doc, "dataType", "vector");
    host_doc_text(doc, "crs", set->crs);
    if (set->uri != NULL) {
        host_doc_text(doc, "tileMatrixSetURI", set->uri);
    }
    links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", "application/json", NULL, "%s/tiles/%s", ask->base, set->id);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme", "application/json",
                  NULL, "%s/tileMatrixSets/%s", ask->base, set->id);
    item = host_doc_object_in(links, NULL);
    (void)snprintf(url, sizeof url,
                   "%s/tiles/%s/{tileMatrix}/{tileRow}/{tileCol}?collections={collections}",
                   ask->base, set->id);
    host_doc_text(item, "href", url);
    host_doc_text(item, "rel", "item");
    host_doc_text(item, "type", host_mvt_mime);
    host_doc_bool(item, "templated", true);
    return doc;
}

static cim_status
tilesets(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    CIM_TRY(host_ask_plain(&ask, self, call, req, "application/json", err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    struct json_object *list = host_doc_array_in(doc, "tilesets");
    for (size_t i = 0; i < HOST_TMS_COUNT; i++) {
        host_doc_append(list, describe(&ask, host_tms_at(i)));
    }
    host_doc_link(host_doc_array_in(doc, "links"), "self", "application/json", NULL, "%s/tiles",
                  ask.base);
    return host_ask_send_doc(&ask, doc, "多图层瓦片", "Tiles of several collections", err);
}

/* The layers of one more collection. */
static cim_status
add_tilejson(const struct host_ask *ask, const struct host_tms *set, const char *id, double bbox[4],
             bool *has_bbox, struct json_object **doc, cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    double own[4];
    bool has = false;
    CIM_TRY(host_visit_renderer(&visit, ask->ogc, ask->call, id, err));
    CIM_TRY(host_tile_extent(&visit, own, &has, err));
    HOST_AUTO_DOC struct json_object *one = host_tms_tilejson(
        set, visit.layer->definition, has ? own : NULL, ask->base, "", ask->chinese);
    for (int i = 0; has && i < 4; i++) {
        const bool wider = !*has_bbox || (i < 2 ? own[i] < bbox[i] : own[i] > bbox[i]);
        bbox[i] = wider ? own[i] : bbox[i];
    }
    *has_bbox = *has_bbox || has;
    if (*doc == NULL) {
        *doc = json_object_get(one);
        return CIM_OK;
    }
    struct json_object *from = json_object_object_get(one, "vector_layers");
    struct json_object *to = json_object_object_get(*doc, "vector_layers");
    for (size_t i = 0; i < json_object_array_length(from); i++) {
        json_object_array_add(to, json_object_get(json_object_array_get_idx(from, i)));
    }
    const int least = json_object_get_int(json_object_object_get(one, "minzoom"));
    const int most = json_object_get_int(json_object_object_get(one, "maxzoom"));
    if (least < json_object_get_int(json_object_object_get(*doc, "minzoom"))) {
        host_doc_int(*doc, "minzoom", least);
    }
    if (most > json_object_get_int(json_object_object_get(*doc, "maxzoom"))) {
        host_doc_int(*doc, "maxzoom", most);
    }
    return CIM_OK;
}

static cim_status
send_tilejson(const struct host_ask *ask, const struct host_tms *set, cim_error *err)
{
    HOST_AUTO_DOC struct json_object *doc = NULL;
    const char *area = host_ask_param(ask, "area");
    CIM_AUTO_BUF struct cim_buf url;
    struct names names;
    double bbox[4] = {0};
    bool has_bbox = false;
    cim_buf_init(&url, QUERY_MAX);
    CIM_TRY(read_names(ask, &names, err));
    CIM_TRY(host_check_area(ask->ogc, area, err));
    for (size_t i = 0; i < names.n; i++) {
        CIM_TRY(add_tilejson(ask, set, names.id[i], bbox, &has_bbox, &doc, err));
    }
    cim_buf_addf(&url, "%s/tiles/%s/{z}/{y}/{x}?collections=", ask->base, set->id);
    host_url_encode(&url, host_ask_param(ask, "collections"));
    if (area != NULL) {
        cim_buf_add_text(&url, "&area=");
        host_url_encode(&url, area);
    }
    CIM_TRY(cim_buf_status(&url, err));
    struct json_object *tiles = json_object_new_array();
    json_object_array_add(tiles, json_object_new_string(url.data));
    host_doc_add(doc, "tiles", tiles);
    host_doc_text(doc, "name", ask->chinese ? "多图层瓦片" : "Tiles of several collections");
    json_object_object_del(doc, "center");
    json_object_object_del(doc, "bounds");
    if (has_bbox) {
        struct json_object *bounds = host_doc_array_in(doc, "bounds");
        for (int i = 0; i < 4; i++) {
            host_doc_append(bounds, host_doc_number_new(bbox[i]));
        }
    }
    return host_ask_send_doc(ask, doc, "多图层瓦片", "Tiles of several collections", err);
}

static cim_status
tileset(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const struct host_offer offers[] = {
        {HOST_FORMAT_JSON, "json", "application/json", NULL},
        {HOST_FORMAT_HTML, "html", "text/html; charset=utf-8", "application/xhtml+xml"},
        {HOST_FORMAT_TILEJSON, "tilejson", "application/json",
         "application/vnd.mapbox.tilejson+json"}};
    const struct host_tms *set = NULL;
    struct host_ask ask;
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_ask_allow(&ask, params, err));
    CIM_TRY(host_tms_find(host_http_path_param(req, "tms"), &set, err));
    CIM_TRY(host_ask_choose(&ask, offers, 3, err));
    if (ask.offer->format == HOST_FORMAT_TILEJSON) {
        return send_tilejson(&ask, set, err);
    }
    HOST_AUTO_DOC struct json_object *doc = describe(&ask, set);
    return host_ask_send_doc(&ask, doc, "多图层瓦片", "Tiles of several collections", err);
}

/* ---- tiles ---- */

/* What one collection adds: its key to `keys` (false in *all_known: it has none), and its bytes to
 * `tile` unless that is NULL. */
static cim_status
add_collection(const struct host_ask *ask, cim_tile_request *request, const char *id,
               struct cim_buf *keys, bool *all_known, struct cim_buf *tile, cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    char key[HOST_TILE_CACHE_KEY_MAX];
    struct host_tile *one = NULL;
    cim_blob body = {.data = NULL};
    CIM_TRY(host_visit_renderer(&visit, ask->ogc, ask->call, id, err));
    request->layer = id;
    const bool known = host_tile_known(&visit, request, key);
    *all_known = *all_known && known;
    cim_buf_add_text(keys, known ? key : id);
    cim_buf_add_char(keys, '\n');
    if (tile == NULL) {
        return CIM_OK;
    }
    CIM_TRY(host_tile_fetch(&visit, ask->ogc, request, known ? key : NULL, &one, err));
    host_tile_body(one, &body);
    if (body.len > 0) {
        cim_buf_add(tile, body.data, (size_t)body.len);
    }
    body.release(&body);
    host_tile_unref(one);
    return cim_buf_status(tile, err);
}

static cim_status
answer(const struct host_ask *ask, cim_tile_request *request, const struct names *names,
       cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf keys;
    CIM_AUTO_BUF struct cim_buf tile;
    bool known = true;
    char etag[24];
    cim_buf_init(&keys, COLLECTIONS_MAX * (HOST_TILE_CACHE_KEY_MAX + 1));
    cim_buf_init(&tile, HOST_TILE_BYTES_MAX);
    for (size_t i = 0; i < names->n; i++) { /* who may not read one of them learns of none */
        CIM_TRY(add_collection(ask, request, names->id[i], &keys, &known, NULL, err));
    }
    CIM_TRY(cim_buf_status(&keys, err));
    CIM_TRY(host_http_add_header(ask->req, "Cache-Control", "private, no-cache", err));
    if (known) {
        cim_blob nothing = {.data = NULL};
        host_tile_etag(keys.data, etag);
        CIM_TRY(host_http_add_header(ask->req, "ETag", etag, err));
        if (host_tile_has_tag(host_http_header(ask->req, "If-None-Match"), etag)) {
            return host_http_respond(ask->req, 304, host_mvt_mime, &nothing, err);
        }
    }
    for (size_t i = 0; i < names->n; i++) {
        CIM_TRY(add_collection(ask, request, names->id[i], &keys, &known, &tile, err));
    }
    cim_blob bytes = {.data = NULL};
    cim_buf_to_blob(&tile, &bytes);
    struct host_tile *whole = host_tile_new(&bytes, host_mvt_mime, INT64_MAX);
    if (whole == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = host_tile_send(ask->req, whole, err);
    host_tile_unref(whole);
    return status;
}

static cim_status
tile(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const struct host_offer offers[] = {
        {HOST_FORMAT_MVT, "mvt", host_mvt_mime,
         "application/vnd.mapbox-vector-tile,application/x-protobuf"}};
    const struct host_tms *set = NULL;
    struct host_ask ask;
    struct names names;
    uint32_t at[3];
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_ask_allow(&ask, params, err));
    CIM_TRY(host_tms_find(host_http_path_param(req, "tms"), &set, err));
    CIM_TRY(host_tms_address(set, host_http_path_param(req, "z"), host_http_path_param(req, "row"),
                             host_http_path_param(req, "col"), set->last, at, err));
    CIM_TRY(host_format_choose(offers, 1, host_ask_param(&ask, "f"),
                               host_http_header(req, "Accept"), &ask.offer, err));
    CIM_TRY(read_names(&ask, &names, err));
    CIM_TRY(host_check_area(ask.ogc, host_ask_param(&ask, "area"), err));
    cim_tile_request request = {.struct_size = sizeof request,
                                .tms = set->tms,
                                .z = at[0],
                                .row = at[1],
                                .col = at[2],
                                .area = host_ask_param(&ask, "area")};
    return answer(&ask, &request, &names, err);
}

static const struct host_route_param route_params[] = {
    {"collections", "query", "{\"type\":\"string\"}", "图层编号，以逗号分隔，最多 16 个",
     "Ids of collections, commas between, at most 16"},
    {"area", "query", "{\"type\":\"string\"}", "区划代码，含其下级",
     "Area code: features in it or below"},
    {NULL, NULL, NULL, NULL, NULL}};

cim_status
host_ogc_dataset_tile_routes(struct host_ogc *ogc, cim_error *err)
{
    CIM_TRY(host_ogc_route(ogc, "/tiles", 0, "getDatasetTileSets", "多图层瓦片集列表",
                           "Tilesets of several collections", NULL, tilesets, err));
    CIM_TRY(host_ogc_route(
        ogc, "/tiles/{tms}", 0, "getDatasetTileSet", "多图层瓦片集说明（f=tilejson 为 TileJSON）",
        "Description of a tileset (f=tilejson for TileJSON)", route_params, tileset, err));
    return host_ogc_route(ogc, "/tiles/{tms}/{z}/{row}/{col}", HOST_ROUTE_TILE, "getDatasetTile",
                          "多个图层的一个矢量瓦片", "One vector tile of several collections",
                          route_params, tile, err);
}
