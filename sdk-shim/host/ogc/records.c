/* host/ogc/records.c -- /catalogue: OGC API Records; see records.h. */
#include "host/ogc/records.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/bindings/bindings.h"
#include "host/catalogue/lineage.h"
#include "host/ogc/html.h"
#include "kit/time.h"

static const char json_mime[] = "application/json";
static const char geojson_mime[] = "application/geo+json";

static const char *const conforms[] = {
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    HOST_RECORD_CORE,
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-collection",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core-query-parameters",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/records-api",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/sorting",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/oas30",
};

static const struct host_offer offers[] = {
    {HOST_FORMAT_JSON, "json", geojson_mime, "application/json,application/vnd.geo+json"},
    {HOST_FORMAT_HTML, "html", "text/html; charset=utf-8", "application/xhtml+xml"}};

static cim_status
landing(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    CIM_TRY(host_ask_plain(&ask, self, call, req, json_mime, err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    const bool zh = ask.chinese;
    host_doc_text(doc, "title", zh ? "数据资源目录" : "Catalogue of resources");
    host_doc_text(doc, "description",
                  zh ? "平台与插件登记的数据、服务与分析；无权读取的可在此申请。"
                     : "Data, services and analyses of the platform and its plugins; what you may "
                       "not read can be asked for.");
    struct json_object *links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", json_mime, NULL, "%s/catalogue?f=json", ask.base);
    host_doc_link(links, "alternate", "text/html", zh ? "网页" : "As HTML", "%s/catalogue?f=html",
                  ask.base);
    host_doc_link(links, "service-desc", "application/vnd.oai.openapi+json;version=3.0",
                  zh ? "接口定义 (OpenAPI 3.0)" : "API definition", "%s/api?f=json", ask.base);
    host_doc_link(links, "service-doc", "text/html", zh ? "接口说明" : "API documentation",
                  "%s/api?f=html", ask.base);
    host_doc_link(links, "conformance", json_mime, zh ? "符合的标准" : "Conformance",
                  "%s/catalogue/conformance", ask.base);
    host_doc_link(links, "data", json_mime, zh ? "目录" : "Catalogues", "%s/catalogue/collections",
                  ask.base);
    host_doc_link(links, "items", geojson_mime, zh ? "资源" : "Records", "%s" HOST_RECORDS_PATH,
                  ask.base);
    host_doc_link(links, HOST_RECORD_REQUEST, "text/html", zh ? "数据门户" : "Data portal",
                  "%s/portal/", ask.base);
    return host_ask_send_doc(&ask, doc, "数据资源目录", "Catalogue", err);
}

static cim_status
conformance(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    CIM_TRY(host_ask_plain(&ask, self, call, req, json_mime, err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    host_doc_add(doc, "conformsTo", host_doc_texts(conforms, sizeof conforms / sizeof conforms[0]));
    return host_ask_send_doc(&ask, doc, "符合的标准", "Conformance", err);
}

static struct json_object *
describe_catalogue(const struct host_ask *ask)
{
    struct json_object *doc = json_object_new_object();
    const bool zh = ask->chinese;
    host_doc_text(doc, "id", HOST_CATALOGUE_ID);
    host_doc_text(doc, "title", zh ? "数据资源" : "Resources");
    host_doc_text(doc, "description",
                  zh ? "数据集、服务与分析" : "Datasets, services and analyses");
    host_doc_text(doc, "itemType", "record");
    host_doc_text(doc, "type", "Catalog");
    const char *const core[] = {
        "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-collection"};
    host_doc_add(doc, "conformsTo", host_doc_texts(core, 1));
    struct json_object *links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", json_mime, NULL, "%s/catalogue/collections/" HOST_CATALOGUE_ID,
                  ask->base);
    host_doc_link(links, "root", json_mime, zh ? "目录首页" : "Landing page", "%s/catalogue",
                  ask->base);
    host_doc_link(links, "items", geojson_mime, zh ? "资源 (GeoJSON)" : "Records as GeoJSON",
                  "%s" HOST_RECORDS_PATH "?f=json", ask->base);
    host_doc_link(links, "items", "text/html", zh ? "资源（网页）" : "Records as HTML",
                  "%s" HOST_RECORDS_PATH "?f=html", ask->base);
    return doc;
}

static cim_status
collections(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    CIM_TRY(host_ask_plain(&ask, self, call, req, json_mime, err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    struct json_object *links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", json_mime, NULL, "%s/catalogue/collections", ask.base);
    host_doc_append(host_doc_array_in(doc, "collections"), describe_catalogue(&ask));
    return host_ask_send_doc(&ask, doc, "目录", "Catalogues", err);
}

static cim_status
catalogue(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    CIM_TRY(host_ask_plain(&ask, self, call, req, json_mime, err));
    HOST_AUTO_DOC struct json_object *doc = describe_catalogue(&ask);
    return host_ask_send_doc(&ask, doc, "数据资源", "Resources", err);
}

static cim_status
sortables(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const names[] = {"id", "title", "type", "updated"};
    struct host_ask ask;
    CIM_TRY(host_ask_plain(&ask, self, call, req, "application/schema+json", err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    host_doc_text(doc, "$schema", "https://json-schema.org/draft/2020-12/schema");
    host_doc_text(doc, "type", "object");
    struct json_object *properties = host_doc_object_in(doc, "properties");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        host_doc_text(host_doc_object_in(properties, names[i]), "type", "string");
    }
    return host_ask_send_doc(&ask, doc, "可排序的属性", "Sortables", err);
}

/* ---- records ---- */

struct window {
    int64_t limit;
    int64_t offset;
};

static cim_status
read_window(const struct host_ask *ask, struct window *window, cim_error *err)
{
    const char *limit = host_ask_param(ask, "limit");
    const char *offset = host_ask_param(ask, "offset");
    *window = (struct window){HOST_RECORDS_PAGE, 0};
    if (limit != NULL) {
        CIM_TRY(host_parse_limit(limit, HOST_RECORDS_PAGE_MAX, &window->limit, err));
    }
    if (offset != NULL &&
        (!host_parse_integer(offset, strlen(offset), &window->offset) || window->offset < 0)) {
        return cim_fail(err, CIM_E_INVALID, "offset", offset, "应为不小于 0 的整数",
                        "expected a whole number of at least 0");
    }
    return CIM_OK;
}

/* The same question at another offset. */
static void
add_page_link(const struct host_ask *ask, struct json_object *links, const char *rel,
              int64_t offset)
{
    CIM_AUTO_BUF struct cim_buf href;
    cim_buf_init(&href, HOST_DOC_BYTES_MAX);
    cim_buf_addf(&href, "%s" HOST_RECORDS_PATH "?", ask->base);
    for (size_t i = 0; i < ask->n_pairs; i++) {
        if (strcmp(ask->pairs[i].name, "offset") != 0) {
            host_url_encode(&href, ask->pairs[i].name);
            cim_buf_add_char(&href, '=');
            host_url_encode(&href, ask->pairs[i].value);
            cim_buf_add_char(&href, '&');
        }
    }
    cim_buf_addf(&href, "offset=%lld", (long long)offset);
    if (href.failed == CIM_OK) {
        host_doc_link(links, rel, ask->offer->mime, NULL, "%s", href.data);
    }
}

static void
html_records(struct cim_buf *out, const struct host_record_list *list, size_t from, size_t to)
{
    cim_buf_add_text(out, "<div class=\"wide\"><table><tr>"
                          "<th>资源<span class=\"en\">Resource</span></th>"
                          "<th>类型<span class=\"en\">Type</span></th>"
                          "<th>分类<span class=\"en\">Class</span></th>"
                          "<th>共享<span class=\"en\">Sharing</span></th>"
                          "<th>更新周期<span class=\"en\">Update</span></th>"
                          "<th>最近变更<span class=\"en\">Changed</span></th></tr>");
    for (size_t i = from; i < to; i++) {
        const struct host_record *record = &list->at[i];
        struct json_object *properties = NULL;
        struct json_object *title = NULL;
        struct json_object *catalog = NULL;
        struct json_object *sharing = NULL;
        json_object_object_get_ex(record->doc, "properties", &properties);
        json_object_object_get_ex(properties, "x-cim-title", &title);
        json_object_object_get_ex(properties, "catalog", &catalog);
        json_object_object_get_ex(catalog, "sharing", &sharing);
        cim_buf_add_text(out, "<tr><td><a href=\"" HOST_RECORDS_PATH "/");
        cim_buf_add_html(out, record->id);
        cim_buf_add_text(out, "?f=html\">");
        host_html_label(out, host_doc_get(title, "zh"), host_doc_get(title, "en"));
        cim_buf_add_text(out, "</a></td><td>");
        cim_buf_add_html(out, record->type);
        cim_buf_add_text(out, "</td><td>");
        cim_buf_add_html(out, host_doc_get(catalog, "class"));
        cim_buf_add_text(out, "</td><td>");
        cim_buf_add_html(out, host_doc_get(sharing, "title"));
        cim_buf_add_text(out, "</td><td>");
        cim_buf_add_html(out, host_doc_get(catalog, "update"));
        cim_buf_add_text(out, "</td><td>");
        cim_buf_add_html(out, host_doc_get(properties, "updated"));
        cim_buf_add_text(out, "</td></tr>");
    }
    cim_buf_add_text(out, "</table></div>");
}

static cim_status
send_html(const struct host_ask *ask, const struct host_record_list *list, size_t from, size_t to,
          struct json_object *links, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_DOC_BYTES_MAX);
    host_html_begin(&body, ask, "数据资源", "Resources");
    cim_buf_addf(&body, "<div class=\"bar\"><span>共 %zu 项</span>", list->n);
    host_html_document(&body, links);
    cim_buf_add_text(&body, "</div>");
    html_records(&body, list, from, to);
    host_html_end(&body, ask);
    CIM_TRY(host_html_headers(ask, err));
    return host_ask_send(ask, ask->offer->mime, &body, err);
}

static cim_status
items(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    struct window window;
    HOST_AUTO_RECORDS struct host_record_list list = {.ask = NULL};
    char now[CIM_TIME_TEXT_MAX];
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_ask_allow(&ask, host_record_params, err));
    CIM_TRY(host_ask_choose(&ask, offers, 2, err));
    CIM_TRY(read_window(&ask, &window, err));
    CIM_TRY(host_records_list(&ask, NULL, &list, err));
    CIM_TRY(host_records_select(&ask, &list, err));
    const size_t from = (size_t)window.offset < list.n ? (size_t)window.offset : list.n;
    const size_t to = list.n - from > (size_t)window.limit ? from + (size_t)window.limit : list.n;
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    host_doc_text(doc, "type", "FeatureCollection");
    cim_time_format(call->now_ms, now);
    host_doc_text(doc, "timeStamp", now);
    host_doc_int(doc, "numberMatched", (int64_t)list.n);
    host_doc_int(doc, "numberReturned", (int64_t)(to - from));
    struct json_object *links = host_doc_array_in(doc, "links");
    add_page_link(&ask, links, "self", window.offset);
    if (to < list.n) {
        add_page_link(&ask, links, "next", (int64_t)to);
    }
    if (from > 0) {
        const int64_t back = window.offset - window.limit;
        add_page_link(&ask, links, "prev", back > 0 ? back : 0);
    }
    if (ask.offer->format == HOST_FORMAT_HTML) {
        return send_html(&ask, &list, from, to, links, err);
    }
    struct json_object *features = host_doc_array_in(doc, "features");
    for (size_t i = from; i < to; i++) {
        host_record_finish(&ask, &list.at[i]);
        host_doc_append(features, json_object_get(list.at[i].doc));
    }
    CIM_TRY(host_http_add_header(req, "Cache-Control", "private, no-cache", err));
    return host_ask_send_doc(&ask, doc, "", "", err);
}

/* ---- one record ---- */

static cim_status
find(const struct host_ask *ask, const char *id, struct host_record_list *list,
     const struct host_record **ret_record, cim_error *err)
{
    CIM_TRY(host_records_list(ask, id, list, err));
    if (list->n > 0) {
        *ret_record = &list->at[0];
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_NOTFOUND, "recordId", id, "目录中没有资源“%.120s”",
                    "there is no resource '%.120s' in the catalogue", id);
}

static void
add_lineage(void *arg, const struct host_lineage *lineage)
{
    struct json_object *one = host_doc_object_in(arg, NULL);
    char at[CIM_TIME_TEXT_MAX];
    cim_time_format(lineage->at_ms, at);
    host_doc_text(one, "at", at);
    host_doc_text(one, "by", lineage->principal);
    host_doc_text(one, "way", lineage->way);
    host_doc_text(one, "job", lineage->job);
    host_doc_text(one, "source", lineage->source);
}

/* How many records an import wrote is a count of records that the caller may not see. */
static cim_status
add_provenance(const struct host_ask *ask, const struct host_record *record, cim_error *err)
{
    struct json_object *properties = NULL;
    json_object_object_get_ex(record->doc, "properties", &properties);
    if (!record->readable || record->layer[0] == '\0' || strcmp(record->type, "dataset") != 0) {
        return CIM_OK;
    }
    return host_lineage_each(ask->ogc->app, record->layer, add_lineage,
                             host_doc_array_in(properties, "lineage"), err);
}

static cim_status
item(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    HOST_AUTO_RECORDS struct host_record_list list = {.ask = NULL};
    const struct host_record *record = NULL;
    struct json_object *properties = NULL;
    struct json_object *title = NULL;
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_ask_allow(&ask, NULL, err));
    CIM_TRY(host_ask_choose(&ask, offers, 2, err));
    CIM_TRY(find(&ask, host_http_path_param(req, "recordId"), &list, &record, err));
    CIM_TRY(add_provenance(&ask, record, err));
    host_record_finish(&ask, record);
    json_object_object_get_ex(record->doc, "properties", &properties);
    json_object_object_get_ex(properties, "x-cim-title", &title);
    CIM_TRY(host_http_add_header(req, "Cache-Control", "private, no-cache", err));
    return host_ask_send_doc(&ask, record->doc, host_doc_get(title, "zh"),
                             host_doc_get(title, "en"), err);
}

static cim_status
quality(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    HOST_AUTO_RECORDS struct host_record_list list = {.ask = NULL};
    HOST_AUTO_DOC struct json_object *doc = NULL;
    const struct host_record *record = NULL;
    const char *id = host_http_path_param(req, "recordId");
    char changed[CIM_TIME_TEXT_MAX];
    CIM_TRY(host_ask_plain(&ask, self, call, req, json_mime, err));
    CIM_TRY(find(&ask, id, &list, &record, err));
    if (record->layer[0] == '\0') {
        return cim_fail(err, CIM_E_NOTFOUND, "recordId", id, "此资源没有数据质量可测",
                        "the quality of this resource is not measured");
    }
    CIM_TRY(host_record_quality(&ask, record->layer, &doc, err));
    if (record->changed_ms > 0) {
        cim_time_format(record->changed_ms, changed);
        host_doc_text(doc, "changed", changed);
        host_doc_int(doc, "age_s", (call->now_ms - record->changed_ms) / 1000);
    }
    return host_ask_send_doc(&ask, doc, "数据质量", "Quality", err);
}

static cim_status
add_item_routes(struct host_ogc *ogc, cim_error *err)
{
    static const char text[] = "{\"type\":\"string\"}";
    static const struct host_route_param params[] = {
        {"q", "query", text, "搜索；逗号分隔，任一即可", "words; any of those between commas"},
        {"type", "query", text, "类型：dataset、service、process",
         "dataset, service, process; several with commas"},
        {"ids", "query", text, "编号，逗号分隔", "ids, with commas"},
        {"externalIds", "query", text, "资源代码，逗号分隔", "resource codes, with commas"},
        {"bbox", "query", "{\"type\":\"array\",\"items\":{\"type\":\"number\"}}",
         "范围：西,南,东,北", "west,south,east,north"},
        {"datetime", "query", text, "最近变更的时间", "time of the last change"},
        {"sortby", "query", text, "id、title、type、updated，可加 -",
         "id, title, type, updated; '-' before it: descending"},
        {"limit", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}", "每页条数",
         "records of a page"},
        {"offset", "query", "{\"type\":\"integer\",\"minimum\":0}", "跳过条数", "records to skip"},
        {.name = NULL}};
    static const struct host_route_param one[] = {
        {"recordId", "path", text, "资源编号", "id of the resource"}, {.name = NULL}};
    CIM_TRY(host_ogc_route(ogc, HOST_RECORDS_PATH, 0, "getRecords", "查找资源", "Find resources",
                           params, items, err));
    CIM_TRY(host_ogc_route(ogc, HOST_RECORDS_PATH "/{recordId}", 0, "getRecord", "一个资源的元数据",
                           "Metadata of a resource", one, item, err));
    return host_ogc_route(ogc, HOST_RECORDS_PATH "/{recordId}/quality", HOST_ROUTE_HEAVY,
                          "getRecordQuality", "资源的数据质量：完整性与记录数",
                          "Completeness and counts of a resource", one, quality, err);
}

cim_status
host_ogc_add_record_routes(struct host_app *app, cim_error *err)
{
    struct host_ogc *ogc = app->ogc;
    CIM_TRY(host_ogc_route(ogc, "/catalogue", 0, "getCatalogueLandingPage", "数据资源目录首页",
                           "Landing page of the catalogue", NULL, landing, err));
    CIM_TRY(host_ogc_route(ogc, "/catalogue/conformance", 0, "getCatalogueConformance",
                           "目录符合的标准", "What the catalogue conforms to", NULL, conformance,
                           err));
    CIM_TRY(host_ogc_route(ogc, "/catalogue/collections", 0, "getCatalogues", "目录列表",
                           "The catalogues", NULL, collections, err));
    CIM_TRY(host_ogc_route(ogc, "/catalogue/collections/" HOST_CATALOGUE_ID, 0, "getCatalogue",
                           "资源目录", "The catalogue of resources", NULL, catalogue, err));
    CIM_TRY(host_ogc_route(ogc, "/catalogue/collections/" HOST_CATALOGUE_ID "/sortables", 0,
                           "getSortables", "可排序的属性", "What may sort", NULL, sortables, err));
    return add_item_routes(ogc, err);
}
