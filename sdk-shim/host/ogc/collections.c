/* host/ogc/collections.c -- what there is to read, and what each collection's features look like.
 */
#include "cim/util.h"
#include "host/base/log.h"
#include "host/ogc/ask.h"
#include "host/ogc/html.h"
#include "host/ogc/schema.h"

#include <stdlib.h>

static const char json_mime[] = "application/json";
static const char geojson_mime[] = "application/geo+json";
static const char schema_mime[] = "application/schema+json";

/* The default first, then storage, then what clients here ask for most; others work too. */
static const int32_t listed_epsg[] = {4490, 4326, 3857, 4508, 4545, 4546, 4547, 4525};

struct listed {
    char id[96];
    bool has_tiles;
};

struct listing {
    size_t n;
    size_t capacity;
    struct listed *at;
};

static cim_status
take_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct listing *listing = arg;
    if (listing->n == listing->capacity) {
        const size_t capacity = listing->capacity == 0 ? 32 : listing->capacity * 2;
        struct listed *grown = capacity <= (size_t)HOST_COLLECTIONS_MAX * 2
                                   ? realloc(listing->at, capacity * sizeof *grown)
                                   : NULL;
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        listing->at = grown;
        listing->capacity = capacity;
    }
    cim_copy_text(listing->at[listing->n].id, sizeof listing->at[0].id, layer->layer.id);
    listing->at[listing->n++].has_tiles = has_tiles;
    return CIM_OK;
}

static void
add_crs(struct json_object *doc)
{
    struct json_object *list = host_doc_array_in(doc, "crs");
    struct host_crs crs = {HOST_CRS_LON_LAT, 0};
    char uri[HOST_CRS_URI_MAX];
    host_crs_uri(&crs, uri);
    host_doc_append(list, json_object_new_string(uri));
    for (size_t i = 0; i < sizeof listed_epsg / sizeof listed_epsg[0]; i++) {
        crs.epsg = listed_epsg[i];
        host_crs_uri(&crs, uri);
        host_doc_append(list, json_object_new_string(uri));
    }
    crs.epsg = 4490;
    host_crs_uri(&crs, uri);
    host_doc_text(doc, "storageCrs", uri);
}

static cim_status
add_extent(struct json_object *doc, const struct host_visit *visit, cim_error *err)
{
    const cim_query all = {.struct_size = sizeof all};
    const cim_layer *layer = &visit->layer->layer;
    double bbox[4];
    cim_status status = layer->extent(layer->self, &visit->call, &all, bbox, err);
    if (status == CIM_E_NOTFOUND) {
        return CIM_OK; /* nothing with a geometry: no extent to tell */
    }
    CIM_TRY(status);
    struct json_object *spatial = host_doc_object_in(host_doc_object_in(doc, "extent"), "spatial");
    struct json_object *box = host_doc_array_in(host_doc_array_in(spatial, "bbox"), NULL);
    for (int i = 0; i < 4; i++) {
        host_doc_append(box, host_doc_number_new(bbox[i]));
    }
    host_doc_text(spatial, "crs", "http://www.opengis.net/def/crs/OGC/1.3/CRS84");
    return CIM_OK;
}

static void
add_links(struct json_object *doc, const struct host_ask *ask, const struct cim_definition *def,
          bool has_tiles)
{
    const bool zh = ask->chinese;
    const char *base = ask->base;
    const char *id = def->id;
    struct json_object *links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", json_mime, zh ? "数据集" : "This collection",
                  "%s/collections/%s?f=json", base, id);
    host_doc_link(links, "alternate", "text/html", zh ? "网页" : "As HTML",
                  "%s/collections/%s?f=html", base, id);
    host_doc_link(links, "items", geojson_mime, zh ? "要素 (GeoJSON)" : "Features as GeoJSON",
                  "%s/collections/%s/items?f=json", base, id);
    host_doc_link(links, "items", "text/html", zh ? "要素（网页）" : "Features as HTML",
                  "%s/collections/%s/items?f=html", base, id);
    host_doc_link(links, "items", "text/csv", zh ? "要素 (CSV)" : "Features as CSV",
                  "%s/collections/%s/items?f=csv", base, id);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/schema", schema_mime,
                  zh ? "字段 (JSON Schema)" : "Schema", "%s/collections/%s/schema", base, id);
    host_doc_link(links, "describedby", schema_mime, zh ? "字段 (JSON Schema)" : "Schema",
                  "%s/collections/%s/schema", base, id);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/queryables", schema_mime,
                  zh ? "可筛选的字段" : "Queryables", "%s/collections/%s/queryables", base, id);
    if (has_tiles) {
        host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector", json_mime,
                      zh ? "矢量瓦片集" : "Vector tilesets", "%s/collections/%s/tiles", base, id);
    }
    if (has_tiles && def->style != NULL) {
        host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/map", "image/png",
                      zh ? "地图 (PNG)" : "Map as PNG", "%s/collections/%s/map", base, id);
        host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/legend", "image/png",
                      zh ? "图例" : "Legend", "%s/collections/%s/legend", base, id);
        host_doc_link(links, "preview", "image/png", zh ? "缩略图" : "Thumbnail",
                      "%s/collections/%s/thumbnail", base, id);
    }
    if (def->style != NULL) {
        host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/styles",
                      "application/vnd.mapbox.style+json", zh ? "样式" : "Style", "%s/styles/%s",
                      base, def->style);
    }
}

/* How records get their position from an address, and which grades wait to be placed by hand. */
static void
add_placing(struct json_object *doc, const struct cim_placing *placing)
{
    if (placing->address == NULL) {
        return;
    }
    struct json_object *object = json_object_new_object();
    host_doc_text(object, "address", placing->address->name);
    host_doc_text(object, "grade", placing->grade->name);
    struct json_object *waiting = host_doc_array_in(object, "waiting");
    for (size_t i = 0; i < placing->grade->codes->n_codes; i++) {
        const char *grade = placing->grade->codes->codes[i].value;
        if (!cim_placing_is_good(placing, grade, strlen(grade))) {
            host_doc_append(waiting, json_object_new_string(grade));
        }
    }
    host_doc_add(doc, "x-cim-placing", object);
}

static cim_status
describe(const struct host_ask *ask, const struct host_visit *visit, bool has_tiles,
         struct json_object **ret_doc, cim_error *err)
{
    const struct cim_definition *def = visit->layer->definition;
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    struct json_object *popup = NULL;
    host_doc_text(doc, "id", def->id);
    host_doc_text(doc, "title", host_title(ask, &def->title));
    host_doc_add(doc, "x-cim-title", host_doc_text2(def->title.zh, def->title.en));
    if (def->description.zh != NULL) {
        host_doc_text(doc, "description", host_title(ask, &def->description));
    }
    host_doc_text(doc, "itemType", "feature");
    CIM_TRY(add_extent(doc, visit, err));
    add_crs(doc);
    host_doc_text(doc, "x-cim-geometry", cim_geometry_name(def->geometry));
    host_doc_text(doc, "x-cim-label", def->label);
    popup = host_doc_array_in(doc, "x-cim-popup");
    for (size_t i = 0; i < def->n_popup; i++) {
        host_doc_append(popup, json_object_new_string(def->popup[i]->name));
    }
    add_placing(doc, &def->placing);
    host_doc_add(doc, "x-cim-clauses",
                 host_doc_texts((const char *const *)def->clauses, def->n_clauses));
    add_links(doc, ask, def, has_tiles);
    *ret_doc = doc;
    doc = NULL;
    return CIM_OK;
}

/* Adds the collection, unless the caller may not see it. One that cannot be described is left out,
 * so that the others are seen; it tells its reason when it is asked for itself. */
static cim_status
add_collection(const struct host_ask *ask, const struct listed *listed, struct json_object *list,
               cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit;
    struct json_object *doc = NULL;
    cim_error why = {.code = CIM_OK};
    const cim_status status =
        host_visit_layer(&visit, ask->ogc, ask->call, listed->id, CIM_ACT_READ, err);
    if (status == CIM_E_DENIED || status == CIM_E_NOTFOUND || status == CIM_E_BUSY) {
        return CIM_OK;
    }
    CIM_TRY(status);
    if (describe(ask, &visit, listed->has_tiles, &doc, &why) == CIM_OK) {
        host_doc_append(list, doc);
    } else {
        host_log_error("ogc", listed->id, &why);
    }
    return CIM_OK;
}

static void
html_list(struct cim_buf *out, struct json_object *list)
{
    cim_buf_add_text(out, "<table><tr><th>数据集<span class=\"en\">Collection</span></th>"
                          "<th>说明<span class=\"en\">Description</span></th>"
                          "<th>几何<span class=\"en\">Geometry</span></th><th></th></tr>");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        struct json_object *title = NULL;
        const char *id = host_doc_get(one, "id");
        json_object_object_get_ex(one, "x-cim-title", &title);
        cim_buf_add_text(out, "<tr><td><a href=\"/collections/");
        cim_buf_add_html(out, id);
        cim_buf_add_text(out, "?f=html\">");
        host_html_label(out, host_doc_get(title, "zh"), host_doc_get(title, "en"));
        cim_buf_add_text(out, "</a></td><td>");
        cim_buf_add_html(out, host_doc_get(one, "description"));
        cim_buf_add_text(out, "</td><td>");
        cim_buf_add_html(out, host_doc_get(one, "x-cim-geometry"));
        cim_buf_add_text(out, "</td><td><a href=\"/collections/");
        cim_buf_add_html(out, id);
        cim_buf_add_text(out,
                         "/items?f=html\">要素<span class=\"en\">Features</span></a></td></tr>");
    }
    cim_buf_add_text(out, "</table>");
}

static cim_status
send_list(const struct host_ask *ask, struct json_object *doc, struct json_object *list,
          cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_DOC_BYTES_MAX);
    if (ask->offer->format != HOST_FORMAT_HTML) {
        return host_ask_send_doc(ask, doc, "", "", err);
    }
    host_html_begin(&body, ask, "数据集", "Collections");
    html_list(&body, list);
    host_html_end(&body, ask);
    CIM_TRY(host_html_headers(ask, err));
    return host_ask_send(ask, ask->offer->mime, &body, err);
}

static cim_status
collections(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ogc *ogc = self;
    struct host_ask ask;
    struct listing listing = {0, 0, NULL};
    CIM_TRY(host_ask_plain(&ask, ogc, call, req, json_mime, err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    struct json_object *links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", json_mime, NULL, "%s/collections?f=json", ask.base);
    host_doc_link(links, "alternate", "text/html", NULL, "%s/collections?f=html", ask.base);
    struct json_object *list = host_doc_array_in(doc, "collections");
    cim_status status = host_plugins_each_layer(ogc->app->plugins, take_layer, &listing, err);
    for (size_t i = 0; i < listing.n && status == CIM_OK; i++) {
        status = add_collection(&ask, &listing.at[i], list, err);
    }
    free(listing.at);
    CIM_TRY(status);
    return send_list(&ask, doc, list, err);
}

static bool
has_tiles(struct host_ogc *ogc, const cim_call *call, const char *id)
{
    HOST_AUTO_VISIT struct host_visit visit;
    return host_visit_renderer(&visit, ogc, call, id, NULL) == CIM_OK;
}

static cim_status
collection(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ogc *ogc = self;
    struct host_ask ask;
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    HOST_AUTO_DOC struct json_object *doc = NULL;
    const char *id = host_http_path_param(req, "id");
    CIM_TRY(host_ask_plain(&ask, ogc, call, req, json_mime, err));
    CIM_TRY(host_visit_layer(&visit, ogc, call, id, CIM_ACT_READ, err));
    CIM_TRY(describe(&ask, &visit, has_tiles(ogc, call, id), &doc, err));
    return host_ask_send_doc(&ask, doc, visit.layer->definition->title.zh,
                             visit.layer->definition->title.en, err);
}

static cim_status
schema_of(struct host_ogc *ogc, const cim_call *call, cim_http_req *req, bool queryables,
          cim_error *err)
{
    struct host_ask ask;
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    char url[512];
    const char *id = host_http_path_param(req, "id");
    CIM_TRY(host_ask_plain(&ask, ogc, call, req, schema_mime, err));
    CIM_TRY(host_visit_layer(&visit, ogc, call, id, CIM_ACT_READ, err));
    (void)snprintf(url, sizeof url, "%s/collections/%s/%s", ask.base, id,
                   queryables ? "queryables" : "schema");
    const struct cim_definition *def = visit.layer->definition;
    HOST_AUTO_DOC struct json_object *doc =
        queryables ? host_schema_queryables(def, visit.call.scope, url, ask.chinese)
                   : host_schema_returnables(def, url, ask.chinese);
    return host_ask_send_doc(&ask, doc, def->title.zh, def->title.en, err);
}

static cim_status
schema(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return schema_of(self, call, req, false, err);
}

static cim_status
queryables(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return schema_of(self, call, req, true, err);
}

cim_status
host_ogc_collection_routes(struct host_ogc *ogc, cim_error *err)
{
    CIM_TRY(host_ogc_route(ogc, "/collections", 0, "getCollections", "数据集列表",
                           "The collections", NULL, collections, err));
    CIM_TRY(host_ogc_route(ogc, "/collections/{id}", 0, "getCollection", "一个数据集",
                           "One collection", NULL, collection, err));
    CIM_TRY(host_ogc_route(ogc, "/collections/{id}/schema", 0, "getSchema", "字段的 JSON Schema",
                           "JSON Schema of the features", NULL, schema, err));
    return host_ogc_route(ogc, "/collections/{id}/queryables", 0, "getQueryables", "可筛选的字段",
                          "What may filter", NULL, queryables, err);
}
