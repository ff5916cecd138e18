/* host/ogc/items.c -- /collections/{id}/items: pages, exports, single features. */
#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/exchange/exchange.h"
#include "host/ogc/ask.h"
#include "host/ogc/encode.h"
#include "host/ogc/filter.h"
#include "host/ogc/html.h"
#include "host/ogc/item.h"
#include "host/ogc/items_file.h"
#include "host/ogc/items_html.h"
#include "host/ogc/page.h"
#include "host/ogc/reveal.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

static const struct host_offer offers[] = {
    {HOST_FORMAT_JSON, "json", "application/geo+json", "application/json,application/vnd.geo+json"},
    {HOST_FORMAT_HTML, "html", "text/html; charset=utf-8", "application/xhtml+xml"},
    {HOST_FORMAT_GEOJSON_LINES, "geojsonl", "application/x-ndjson", "application/geo+json-seq"},
    {HOST_FORMAT_CSV, "csv", "text/csv; charset=utf-8", NULL},
    /* of exports alone */
    {HOST_FORMAT_FILE, "gpkg", "application/geopackage+sqlite3", NULL},
    {HOST_FORMAT_FILE, "shp", "application/zip", NULL},
    {HOST_FORMAT_FILE, "gdb", "application/zip", NULL},
    {HOST_FORMAT_FILE, "kml", "application/vnd.google-earth.kml+xml", NULL},
    {HOST_FORMAT_FILE, "kmz", "application/vnd.google-earth.kmz", NULL},
    {HOST_FORMAT_FILE, "gml", "application/gml+xml", NULL},
    {HOST_FORMAT_FILE, "dxf", "image/vnd.dxf", NULL},
    {HOST_FORMAT_FILE, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
     NULL},
    {HOST_FORMAT_FILE, "txt", "text/plain", NULL}};
enum { N_OFFERS = sizeof offers / sizeof offers[0], N_PAGE_OFFERS = 4, N_FEATURE_OFFERS = 2 };

/* What the caller's terms do not show may not choose or order records either. */
static cim_status
check_fields(const struct host_items_request *request, const struct cim_definition *def,
             const cim_scope *scope, bool searches, cim_error *err)
{
    for (size_t i = 0; i < request->n_filters; i++) {
        CIM_TRY(host_check_visible(scope, request->filter_fields[i], err));
    }
    for (uint32_t i = 0; i < request->query.n_sort; i++) {
        const char *name = request->sort[i] + (request->sort[i][0] == '-' ? 1 : 0);
        const struct cim_field *field = cim_definition_field(def, name);
        if (field != NULL) {
            CIM_TRY(host_check_visible(scope, field, err));
        }
    }
    for (size_t i = 0; searches && i < def->n_fields; i++) {
        if (host_filter_searches(&def->fields[i])) {
            CIM_TRY(host_check_visible(scope, &def->fields[i], err));
        }
    }
    return CIM_OK;
}

/* Nothing leaves unseen: no entry, no export. */
static cim_status
audit_export(const struct host_ask *ask, const char *layer_id,
             const struct host_items_request *request, cim_error *err)
{
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = "export",
                                   .layer = layer_id,
                                   .area_code = request->query.area};
    return host_audit_event(ask->ogc->app->audit, ask->call, &entry, err);
}

static cim_status
parse_with(struct host_ask *ask, const char *layer_id, struct host_crs_worker *crs,
           struct host_items_request **ret_request, cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    struct host_items_request *request = NULL;
    const char *wants_export = host_ask_param(ask, "export");
    const bool export_all = wants_export != NULL && strcmp(wants_export, "true") == 0;
    CIM_TRY(host_visit_layer(&visit, ask->ogc, ask->call, layer_id,
                             export_all ? CIM_ACT_EXPORT : CIM_ACT_READ, err));
    const struct cim_definition *def = visit.layer->definition;
    CIM_TRY(host_items_request_parse(def, ask->pairs, ask->n_pairs, crs, &request, err));
    cim_status status =
        check_fields(request, def, visit.call.scope, host_ask_param(ask, "q") != NULL, err);
    if (status == CIM_OK) {
        status = host_check_area(ask->ogc, request->query.area, err);
    }
    if (status == CIM_OK && export_all) {
        status = audit_export(ask, layer_id, request, err);
    }
    if (status != CIM_OK) {
        host_items_request_free(request);
        return status;
    }
    *ret_request = request;
    return CIM_OK;
}

static cim_status
parse(struct host_ask *ask, const char *layer_id, struct host_items_request **ret_request,
      cim_error *err)
{
    struct host_crs_worker *crs = host_crs_take(ask->ogc->crs);
    if (crs == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = parse_with(ask, layer_id, crs, ret_request, err);
    host_crs_give(ask->ogc->crs, crs);
    return status;
}

static cim_status
add_headers(const struct host_ask *ask, const char *layer_id,
            const struct host_items_request *request, cim_error *err)
{
    char uri[HOST_CRS_URI_MAX];
    char content_crs[HOST_CRS_URI_MAX + 2];
    char name[200];
    const char *ending = ask->offer->format == HOST_FORMAT_JSON ? "geojson" : ask->offer->name;
    enum host_export_format format = HOST_EXPORT_GEOJSON;
    if (ask->offer->format == HOST_FORMAT_FILE) { /* which says itself in what system it is */
        CIM_TRY(host_export_format_of(ask->offer->name, NULL, &format, err));
        ending = host_export_ending(format) + 1;
    } else {
        host_crs_uri(&request->crs, uri);
        (void)snprintf(content_crs, sizeof content_crs, "<%s>", uri);
        CIM_TRY(host_http_add_header(ask->req, "Content-Crs", content_crs, err));
    }
    CIM_TRY(host_http_add_header(ask->req, "Cache-Control",
                                 request->query.n_reveal > 0 ? "no-store" : "private, no-cache",
                                 err));
    if (!request->export_all) {
        return CIM_OK;
    }
    (void)snprintf(name, sizeof name, "attachment; filename=\"%.100s.%s\"", layer_id, ending);
    return host_http_add_header(ask->req, "Content-Disposition", name, err);
}

/* Where the body has no place for links, the header tells where it goes on. */
static cim_status
add_next_header(const struct host_ask *ask, struct host_page *page, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf header;
    cim_buf_init(&header, HOST_DOC_BYTES_MAX);
    if (ask->offer->format == HOST_FORMAT_JSON) {
        return CIM_OK;
    }
    cim_buf_add_char(&header, '<');
    if (!host_page_next(page, ask->offer->name, &header)) {
        return CIM_OK;
    }
    cim_buf_add_text(&header, ">; rel=\"next\"");
    CIM_TRY(cim_buf_status(&header, err));
    return host_http_add_header(ask->req, "Link", header.data, err);
}

static cim_status
send_page(const struct host_ask *ask, struct host_page *page, bool export_all, cim_error *err)
{
    cim_http_producer producer;
    bool more = false;
    cim_status status = host_page_piece(page, ask->call, &more, err);
    /* A page of lines is made as a whole, since its header tells where the next one begins. */
    while (status == CIM_OK && more && !export_all && ask->offer->format != HOST_FORMAT_JSON) {
        status = host_page_piece(page, ask->call, &more, err);
    }
    if (status != CIM_OK || !more) {
        if (status == CIM_OK) {
            status = add_next_header(ask, page, err);
        }
        if (status == CIM_OK) {
            status = host_ask_send(ask, ask->offer->mime, host_page_buffer(page), err);
        }
        host_page_free(page);
        return status;
    }
    host_page_producer(page, &producer);
    return host_http_respond_stream(ask->req, 200, ask->offer->mime, &producer, err);
}

static cim_status
items(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    struct host_items_request *request = NULL;
    struct host_page *page = NULL;
    const char *id = host_http_path_param(req, "id");
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(parse(&ask, id, &request, err));
    const size_t n_offers = request->export_all ? N_OFFERS : N_PAGE_OFFERS;
    cim_status status = host_ask_choose(&ask, offers, n_offers, err);
    if (status == CIM_OK) {
        status = add_headers(&ask, id, request, err);
    }
    if (status != CIM_OK) {
        host_items_request_free(request);
        return status;
    }
    if (ask.offer->format == HOST_FORMAT_HTML) {
        return host_items_html(&ask, id, request, err);
    }
    if (ask.offer->format == HOST_FORMAT_FILE) {
        return host_items_file(&ask, id, request, err);
    }
    const bool export_all = request->export_all;
    CIM_TRY(host_page_new(&ask, id, request, &page, err));
    return send_page(&ask, page, export_all, err);
}

/* ---- one feature ---- */

cim_status
host_item_key(const char *key, cim_query *query, cim_error *err)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    int64_t fid = 0;
    if (host_parse_integer(key, strlen(key), &fid) && fid > 0) {
        query->fid = fid;
        return CIM_OK;
    }
    bool uid = strlen(key) == sizeof shape - 1;
    for (size_t i = 0; uid && i < sizeof shape - 1; i++) {
        uid = shape[i] == '-' ? key[i] == '-' : strchr("0123456789abcdef", key[i]) != NULL;
    }
    if (!uid) {
        return cim_fail(err, CIM_E_NOTFOUND, "fid", key, "没有此要素；编号应为正整数或 uid",
                        "no such feature; its id is a positive integer or a uid");
    }
    query->uid = key;
    return CIM_OK;
}

/* FNV-1a: the tag only has to differ when the bytes differ, nobody gains by making it collide. */
static uint64_t
hash_bytes(const char *data, size_t len)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)data[i]) * 1099511628211U;
    }
    return hash;
}

static void
add_feature_links(struct cim_buf *out, const struct host_ask *ask, const char *id)
{
    HOST_AUTO_DOC struct json_object *links = json_object_new_array();
    host_doc_link(links, "self", offers[0].mime, NULL, "%s%s?f=json", ask->base, ask->path);
    host_doc_link(links, "alternate", "text/html", NULL, "%s%s?f=html", ask->base, ask->path);
    host_doc_link(links, "collection", "application/json", NULL, "%s/collections/%s", ask->base,
                  id);
    if (out->len > 0 && out->failed == CIM_OK) {
        out->len--; /* the brace that closes the feature */
    }
    cim_buf_add_text(out, ",\"links\":");
    host_doc_write(links, out);
    cim_buf_add_char(out, '}');
}

cim_status
host_item_write(const struct host_ask *ask, const struct host_visit *visit,
                const struct host_items_request *request, struct host_crs_worker *crs,
                struct cim_buf *out, char ret_etag[HOST_ETAG_BYTES], cim_error *err)
{
    const cim_layer *layer = &visit->layer->layer;
    const struct host_encode_crs out_crs = {request->crs, request->crs_degrees, crs};
    const cim_batch *batch = NULL;
    struct host_encoder encoder;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(layer->query(layer->self, &visit->call, &request->query, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    if (batch->n_rows == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "fid", host_http_path_param(ask->req, "fid"),
                        "没有此要素，或您无权查看", "no such feature, or none that you may see");
    }
    const int32_t version = cim_rows_column(rows, "version");
    const int64_t number = version >= 0 && batch->columns[version]->type == CIM_COL_INT64
                               ? cim_column_i64(batch->columns[version], 0)
                               : 0;
    CIM_TRY(host_encoder_init(&encoder, rows, &out_crs, false, err));
    const cim_status status = host_encode_feature(&encoder, batch, 0, out, err);
    host_encoder_done(&encoder);
    CIM_TRY(status);
    add_feature_links(out, ask, visit->layer->layer.id);
    CIM_TRY(cim_buf_status(out, err));
    /* The version first, so that If-Match of a write can compare it alone. */
    (void)snprintf(ret_etag, HOST_ETAG_BYTES, "\"%lld-%016llx\"", (long long)number,
                   (unsigned long long)hash_bytes(out->data, out->len));
    return CIM_OK;
}

static cim_status
send_feature(const struct host_ask *ask, const struct host_visit *visit,
             const struct host_items_request *request, struct host_crs_worker *crs, cim_error *err)
{
    char etag[HOST_ETAG_BYTES];
    cim_blob blob = {.data = NULL};
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_ITEMS_PIECE_BYTES);
    CIM_TRY(host_item_write(ask, visit, request, crs, &body, etag, err));
    cim_buf_to_blob(&body, &blob);
    const cim_status sent = host_http_respond_etag(ask->req, etag, ask->offer->mime, &blob, err);
    if (blob.release != NULL) {
        blob.release(&blob);
    }
    return sent;
}

static cim_status
item_with(struct host_ask *ask, struct host_items_request *request, const char *id,
          const struct host_reveal *reveal, cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    CIM_TRY(host_item_key(host_http_path_param(ask->req, "fid"), &request->query, err));
    request->query.limit = 1;
    CIM_TRY(host_ask_choose(ask, offers, N_FEATURE_OFFERS, err));
    CIM_TRY(host_visit_layer(&visit, ask->ogc, ask->call, id, CIM_ACT_READ, err));
    CIM_TRY(host_reveal_allow(ask, &visit, reveal, &request->query, err));
    CIM_TRY(add_headers(ask, id, request, err));
    if (ask->offer->format == HOST_FORMAT_HTML) {
        return host_item_html(ask, &visit, request, err);
    }
    struct host_crs_worker *crs = host_crs_take(ask->ogc->crs);
    if (crs == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = send_feature(ask, &visit, request, crs, err);
    host_crs_give(ask->ogc->crs, crs);
    return status;
}

static cim_status
item(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const names[] = {"crs",    "properties", "skipGeometry",
                                        "reveal", "reason",     NULL};
    struct host_ask ask;
    struct host_items_request *request = NULL;
    const char *id = host_http_path_param(req, "id");
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    HOST_AUTO_REVEAL struct host_reveal reveal = {.reason = NULL};
    CIM_TRY(host_ask_allow(&ask, names, err));
    CIM_TRY(host_reveal_take(&ask, id, &reveal, err));
    CIM_TRY(parse(&ask, id, &request, err));
    const cim_status status = item_with(&ask, request, id, &reveal, err);
    host_items_request_free(request);
    return status;
}

static const struct host_route_param item_params[] = {
    {"crs", "query", "{\"type\":\"string\",\"format\":\"uri\"}", "输出坐标的参考系",
     "Reference system of the coordinates that come out"},
    {"properties", "query", "{\"type\":\"string\"}", "所要的字段，逗号分隔",
     "Fields wanted, commas between"},
    {"skipGeometry", "query", "{\"type\":\"boolean\",\"default\":false}", "不要几何",
     "Leave the geometry out"},
    {"reveal", "query", "{\"type\":\"string\"}",
     "要查看明文的加密字段，逗号分隔；须写明理由，并记入审计",
     "Encrypted fields to show in clear, commas between; needs a reason, and is audited"},
    {"reason", "query", "{\"type\":\"string\",\"minLength\":5,\"maxLength\":200}", "查看明文的理由",
     "Why they are read in clear"},
    {"f", "query", "{\"type\":\"string\",\"enum\":[\"json\",\"html\"]}", "格式", "Representation"},
    {NULL, NULL, NULL, NULL, NULL}};

static const struct host_route_param items_params[] = {
    {"bbox", "query",
     "{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"minItems\":4,\"maxItems\":6}",
     "范围：西,南,东,北（次序随 bbox-crs）",
     "Box: west,south,east,north, in the order of bbox-crs"},
    {"bbox-crs", "query", "{\"type\":\"string\",\"format\":\"uri\"}", "范围的参考系",
     "Reference system of the box"},
    {"crs", "query", "{\"type\":\"string\",\"format\":\"uri\"}", "输出坐标的参考系",
     "Reference system of the coordinates that come out"},
    {"datetime", "query", "{\"type\":\"string\"}", "时刻、日期或区间，如 2026-01-01/..",
     "Instant, date or interval, such as 2026-01-01/.."},
    {"limit", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000,\"default\":100}",
     "每页条数", "Features on a page"},
    {"cursor", "query", "{\"type\":\"string\"}", "分页标记，取自 next 链接",
     "Paging token, from a next link"},
    {"sortby", "query", "{\"type\":\"string\"}", "排序字段，- 开头为降序，逗号分隔",
     "Fields to sort by, '-' first for descending, commas between"},
    {"properties", "query", "{\"type\":\"string\"}", "所要的字段，逗号分隔",
     "Fields wanted, commas between"},
    {"area", "query", "{\"type\":\"string\"}", "区划代码，含其下级",
     "Area code: features in it or below"},
    {"filter", "query", "{\"type\":\"string\"}", "筛选表达式（CQL2）：见 queryables",
     "A filter expression in CQL2 over the queryables"},
    {"filter-lang", "query",
     "{\"type\":\"string\",\"enum\":[\"cql2-text\",\"cql2-json\"],\"default\":\"cql2-text\"}",
     "筛选表达式的写法", "How the filter is written"},
    {"filter-crs", "query", "{\"type\":\"string\",\"format\":\"uri\"}", "筛选表达式中几何的参考系",
     "Reference system of the geometries in the filter"},
    {"q", "query", "{\"type\":\"string\"}", "查找文字：名称、编号等公开字段中包含",
     "Words that a name, number or other open text field contains"},
    {"skipGeometry", "query", "{\"type\":\"boolean\",\"default\":false}", "不要几何",
     "Leave the geometry out"},
    {"export", "query", "{\"type\":\"boolean\",\"default\":false}",
     "导出全部，不分页（需导出权限）", "All features in one answer (needs the right to export)"},
    {"encoding", "query",
     "{\"type\":\"string\",\"enum\":[\"UTF-8\",\"GBK\"],\"default\":\"UTF-8\"}",
     "导出 shp、txt 的文字编码", "Encoding of the texts of an export as shp or txt"},
    {"map", "query", "{\"type\":\"string\"}",
     "导出 txt 时各栏目所取的字段，如 地块编号=parcel_no,地类编码=code",
     "Of an export as txt: which field a column is taken from"},
    {"f", "query",
     "{\"type\":\"string\",\"enum\":[\"json\",\"html\",\"geojsonl\",\"csv\",\"gpkg\",\"shp\","
     "\"gdb\","
     "\"kml\",\"kmz\",\"gml\",\"dxf\",\"xlsx\",\"txt\"]}",
     "格式；自 gpkg 起只用于导出", "Representation; those from gpkg on are of exports alone"},
    HOST_FILTER_PARAM,
    {NULL, NULL, NULL, NULL, NULL}};

cim_status
host_ogc_item_routes(struct host_ogc *ogc, cim_error *err)
{
    CIM_TRY(host_ogc_route(ogc, "/collections/{id}/items", 0, "getItems", "要素",
                           "Features of a collection", items_params, items, err));
    return host_ogc_route(ogc, "/collections/{id}/items/{fid}", 0, "getItem", "一个要素",
                          "One feature", item_params, item, err);
}
