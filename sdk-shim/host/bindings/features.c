/* host/bindings/features.c -- features of an OGC API or a WFS, page by page, as one file.
 *
 * GeoJSON pages become a text sequence (RFC 8142), numbers as they were written. A WFS that
 * has no GeoJSON gives GML, in one answer. */
#include "host/bindings/internal.h"

#include "cim/util.h"
#include "host/identity/json_in.h"
#include "kit/cleanup.h"

#include <curl/curl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

enum { PAGE_RECORDS = 1000, PAGES_MAX = 100000, RECORDS_MAX = 2000000, RECORD_SEPARATOR = 0x1e };

struct pages {
    struct host_binding_fetch *fetch;
    struct host_download *download;
    struct cim_buf page;
    FILE *file;
    int64_t matched; /* as the last page says; -1: it does not */
    int64_t n_page;  /* records of the last page */
};

static cim_status
refuse_answer(const char *zh, const char *en, cim_error *err)
{
    return cim_fail(err, CIM_E_IO, "url", NULL, "来源的应答不是要素集合：%s%.0s",
                    "%.0sthe answer of the source is no collection of features: %s", zh, en);
}

static cim_status
write_failed(cim_error *err)
{
    return cim_fail(err, CIM_E_IO, NULL, NULL, "磁盘写入失败", "the disk could not be written");
}

/* ---- a page of GeoJSON ---- */

static int64_t
number_of(struct json_object *root, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(root, key, &value) && json_object_is_type(value, json_type_int)
               ? json_object_get_int64(value)
               : -1;
}

/* {"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4490"}}, as GeoJSON of 2008 had it. */
static void
note_crs(struct host_binding_fetch *fetch, struct json_object *root)
{
    struct json_object *crs = NULL;
    struct json_object *properties = NULL;
    struct json_object *name = NULL;
    const char *text = NULL;
    if (json_object_object_get_ex(root, "crs", &crs) &&
        json_object_object_get_ex(crs, "properties", &properties) &&
        json_object_object_get_ex(properties, "name", &name) &&
        (text = json_object_get_string(name)) != NULL && strstr(text, "EPSG:") != NULL) {
        (void)snprintf(fetch->crs, sizeof fetch->crs, "EPSG:%.12s", strrchr(text, ':') + 1);
    }
}

static cim_status
take_features(struct pages *pages, struct json_object *features, cim_error *err)
{
    struct host_binding_fetch *fetch = pages->fetch;
    const size_t n = json_object_array_length(features);
    pages->n_page = (int64_t)n;
    for (size_t i = 0; i < n && (fetch->limit == 0 || fetch->n < fetch->limit); i++) {
        const char *text = json_object_to_json_string_ext(json_object_array_get_idx(features, i),
                                                          JSON_C_TO_STRING_PLAIN);
        if (fetch->n == RECORDS_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "dataset", NULL, "记录超过 %d 条",
                            "more than %d records", RECORDS_MAX);
        }
        if (text == NULL || fputc(RECORD_SEPARATOR, pages->file) < 0 ||
            fputs(text, pages->file) < 0 || fputc('\n', pages->file) < 0) {
            return write_failed(err);
        }
        fetch->n++;
    }
    return CIM_OK;
}

/* *ret_root is the page, owned by the caller. */
static cim_status
read_page(struct pages *pages, const char *url, const char *accept, struct json_object **ret_root,
          cim_error *err)
{
    struct json_object *root = NULL;
    struct json_object *features = NULL;
    cim_error why = {.code = CIM_OK};
    cim_status status = CIM_OK;
    CIM_TRY(host_download_text(pages->download, url, accept, &pages->page, err));
    if (host_json_parse("answer", pages->page.len > 0 ? pages->page.data : "", pages->page.len,
                        &root, &why) != CIM_OK) {
        return refuse_answer(why.zh, why.en, err);
    }
    if (!json_object_object_get_ex(root, "features", &features) ||
        !json_object_is_type(features, json_type_array)) {
        json_object_put(root);
        return refuse_answer("没有 features", "it has no \"features\"", err);
    }
    note_crs(pages->fetch, root);
    pages->matched = number_of(root, "numberMatched");
    pages->matched = pages->matched >= 0 ? pages->matched : number_of(root, "totalFeatures");
    status = take_features(pages, features, err);
    if (status != CIM_OK) {
        json_object_put(root);
        return status;
    }
    *ret_root = root;
    return CIM_OK;
}

static bool
has_enough(const struct host_binding_fetch *fetch)
{
    return fetch->limit > 0 && fetch->n >= fetch->limit;
}

/* A copy with holes is no good copy. */
static cim_status
check_whole(const struct pages *pages, cim_error *err)
{
    const struct host_binding_fetch *fetch = pages->fetch;
    return has_enough(fetch) || pages->matched < 0 || fetch->n >= pages->matched
               ? CIM_OK
               : cim_fail(err, CIM_E_IO, "dataset", NULL, "来源有 %lld 条记录，只取得 %lld 条",
                          "the source has %lld records, only %lld came", (long long)pages->matched,
                          (long long)fetch->n);
}

static cim_status
open_pages(struct host_binding_fetch *fetch, struct pages *pages, cim_error *err)
{
    *pages = (struct pages){.fetch = fetch, .matched = -1};
    cim_buf_init(&pages->page, HOST_DOWNLOAD_PAGE_MAX);
    fetch->n = 0;
    (void)snprintf(fetch->path, sizeof fetch->path, "%s/features.geojsonl", fetch->dir);
    pages->file = fopen(fetch->path, "wbe");
    if (pages->file == NULL) {
        return write_failed(err);
    }
    return host_download_new(fetch, &pages->download, err);
}

static cim_status
close_pages(struct pages *pages, cim_status status, cim_error *err)
{
    const bool good = pages->file == NULL || fclose(pages->file) == 0;
    host_download_free(pages->download);
    cim_buf_done(&pages->page);
    return status == CIM_OK && !good ? write_failed(err) : status;
}

/* ---- addresses ---- */

static cim_status
bad_url(cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, "url", NULL, "地址无效", "the address is not valid");
}

static char *
text_of_url(CURLU *url)
{
    char *text = NULL;
    char *copy = NULL;
    if (curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK) {
        copy = strdup(text);
    }
    curl_free(text);
    return copy;
}

static bool
same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *left = NULL;
    char *right = NULL;
    const bool same = curl_url_get(a, part, &left, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                      curl_url_get(b, part, &right, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                      strcasecmp(left, right) == 0;
    curl_free(left);
    curl_free(right);
    return same;
}

/* ---- OGC API Features ---- */

static cim_status
first_url(const struct host_binding_fetch *fetch, char **ret_url, cim_error *err)
{
    const struct host_binding *binding = fetch->binding;
    const int64_t limit = fetch->limit > 0 ? fetch->limit : PAGE_RECORDS;
    CURLU *url = curl_url();
    char *path = NULL;
    char *whole = NULL;
    char query[40];
    char *dataset = curl_easy_escape(NULL, binding->dataset, 0);
    bool good = url != NULL && dataset != NULL &&
                curl_url_set(url, CURLUPART_URL, binding->url, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK;
    (void)snprintf(query, sizeof query, "limit=%lld", (long long)limit);
    if (good) {
        const size_t len = strlen(path);
        good =
            asprintf(&whole, "%.*s/collections/%s/items",
                     (int)(len > 0 && path[len - 1] == '/' ? len - 1 : len), path, dataset) > 0 &&
            curl_url_set(url, CURLUPART_PATH, whole, 0) == CURLUE_OK &&
            curl_url_set(url, CURLUPART_QUERY, query, CURLU_APPENDQUERY) == CURLUE_OK;
        free(whole);
    }
    *ret_url = good ? text_of_url(url) : NULL;
    curl_free(path);
    curl_free(dataset);
    curl_url_cleanup(url);
    return *ret_url != NULL ? CIM_OK : bad_url(err);
}

/* The address of the next page in *url, or NULL; it stays with the server that is asked. */
static cim_status
follow(struct json_object *root, char **url, cim_error *err)
{
    struct json_object *links = NULL;
    const char *href = NULL;
    if (json_object_object_get_ex(root, "links", &links) &&
        json_object_is_type(links, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(links) && href == NULL; i++) {
            struct json_object *link = json_object_array_get_idx(links, i);
            struct json_object *rel = NULL;
            struct json_object *to = NULL;
            if (json_object_object_get_ex(link, "rel", &rel) &&
                json_object_object_get_ex(link, "href", &to) &&
                strcmp(json_object_get_string(rel), "next") == 0) {
                href = json_object_get_string(to);
            }
        }
    }
    CURLU *before = curl_url();
    CURLU *after = curl_url();
    const bool good = before != NULL && after != NULL && href != NULL &&
                      curl_url_set(before, CURLUPART_URL, *url, 0) == CURLUE_OK &&
                      curl_url_set(after, CURLUPART_URL, *url, 0) == CURLUE_OK &&
                      curl_url_set(after, CURLUPART_URL, href, 0) == CURLUE_OK;
    const bool stays = good && same_part(before, after, CURLUPART_SCHEME) &&
                       same_part(before, after, CURLUPART_HOST) &&
                       same_part(before, after, CURLUPART_PORT);
    free(*url);
    *url = stays ? text_of_url(after) : NULL;
    curl_url_cleanup(before);
    curl_url_cleanup(after);
    return href == NULL || stays
               ? CIM_OK
               : cim_fail(err, CIM_E_DENIED, "url", href, "来源的下一页在另一台服务器上，不予访问",
                          "the next page of the source lies on another server: it is not fetched");
}

cim_status
host_binding_fetch_ogcapi(struct host_binding_fetch *fetch, cim_error *err)
{
    struct pages pages;
    CIM_AUTO_FREE char *url = NULL;
    cim_status status = open_pages(fetch, &pages, err);
    if (status == CIM_OK) {
        status = first_url(fetch, &url, err);
    }
    for (int n = 0; status == CIM_OK && url != NULL && !has_enough(fetch); n++) {
        struct json_object *root = NULL;
        status = n < PAGES_MAX ? read_page(&pages, url, "application/geo+json", &root, err)
                               : refuse_answer("页数过多", "it has too many pages", err);
        if (status == CIM_OK) {
            status = follow(root, &url, err);
        }
        json_object_put(root);
    }
    if (status == CIM_OK) {
        status = check_whole(&pages, err);
    }
    return close_pages(&pages, status, err);
}

/* ---- WFS 2.0 ---- */

static cim_status
wfs_url(const struct host_binding_fetch *fetch, const char *query, char **ret_url, cim_error *err)
{
    CURLU *url = curl_url();
    bool good =
        url != NULL && curl_url_set(url, CURLUPART_URL, fetch->binding->url, 0) == CURLUE_OK;
    /* One pair at a time: a single call would escape the separators. */
    while (good && *query != '\0') {
        char pair[512];
        const size_t len = strcspn(query, "\n");
        (void)snprintf(pair, sizeof pair, "%.*s", (int)len, query);
        good = len < sizeof pair && curl_url_set(url, CURLUPART_QUERY, pair,
                                                 CURLU_APPENDQUERY | CURLU_URLENCODE) == CURLUE_OK;
        query += len + (query[len] == '\n' ? 1 : 0);
    }
    *ret_url = good ? text_of_url(url) : NULL;
    curl_url_cleanup(url);
    return *ret_url != NULL ? CIM_OK : bad_url(err);
}

/* The service's name of GeoJSON, or "" when it has none. */
static cim_status
find_geojson(struct pages *pages, char *out, size_t size, cim_error *err)
{
    static const char *const names[] = {"application/geo+json", "application/json", "geojson",
                                        "GEOJSON", "json"};
    CIM_AUTO_FREE char *url = NULL;
    CIM_TRY(
        wfs_url(pages->fetch, "SERVICE=WFS\nVERSION=2.0.0\nREQUEST=GetCapabilities", &url, err));
    CIM_TRY(host_download_text(pages->download, url, NULL, &pages->page, err));
    if (pages->page.len == 0 || strstr(pages->page.data, "WFS_Capabilities") == NULL) {
        return cim_fail(err, CIM_E_IO, "url", NULL, "该地址不是 WFS 服务",
                        "there is no WFS at this address");
    }
    out[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0] && out[0] == '\0'; i++) {
        char element[64];
        (void)snprintf(element, sizeof element, ">%s<", names[i]);
        if (strstr(pages->page.data, element) != NULL) {
            cim_copy_text(out, size, names[i]);
        }
    }
    return CIM_OK;
}

static cim_status
fetch_json(struct pages *pages, const char *format, cim_error *err)
{
    struct host_binding_fetch *fetch = pages->fetch;
    const int64_t limit = fetch->limit > 0 ? fetch->limit : PAGE_RECORDS;
    for (int n = 0; n < PAGES_MAX; n++) {
        CIM_AUTO_FREE char *url = NULL;
        struct json_object *root = NULL;
        char query[700];
        (void)snprintf(query, sizeof query,
                       "SERVICE=WFS\nVERSION=2.0.0\nREQUEST=GetFeature\nTYPENAMES=%s\n"
                       "OUTPUTFORMAT=%s\nCOUNT=%lld\nSTARTINDEX=%lld",
                       fetch->binding->dataset, format, (long long)limit, (long long)fetch->n);
        CIM_TRY(wfs_url(fetch, query, &url, err));
        CIM_TRY(read_page(pages, url, NULL, &root, err));
        json_object_put(root);
        if (has_enough(fetch) || pages->n_page == 0 ||
            (pages->matched >= 0 ? fetch->n >= pages->matched : pages->n_page < limit)) {
            return check_whole(pages, err);
        }
    }
    return refuse_answer("页数过多", "it has too many pages", err);
}

static int64_t
attribute_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    long long number = -1;
    return at != NULL && sscanf(at + strlen(name), "=\"%lld\"", &number) == 1 ? number : -1;
}

/* The numbers stand in the first element. */
static cim_status
check_gml(struct pages *pages, cim_error *err)
{
    char head[4096];
    FILE *file = fopen(pages->fetch->path, "rbe");
    const size_t n = file != NULL ? fread(head, 1, sizeof head - 1, file) : 0;
    if (file != NULL) {
        (void)fclose(file); /* only read */
    }
    head[n] = '\0';
    if (strstr(head, "FeatureCollection") == NULL) {
        return refuse_answer("没有 FeatureCollection", "it has no FeatureCollection", err);
    }
    const int64_t returned = attribute_of(head, "numberReturned");
    pages->matched = attribute_of(head, "numberMatched");
    pages->fetch->n = returned >= 0 ? returned : -1;
    return returned >= 0 && pages->fetch->limit == 0 ? check_whole(pages, err) : CIM_OK;
}

static cim_status
fetch_gml(struct pages *pages, cim_error *err)
{
    struct host_binding_fetch *fetch = pages->fetch;
    CIM_AUTO_FREE char *url = NULL;
    char query[700];
    int len = snprintf(query, sizeof query,
                       "SERVICE=WFS\nVERSION=2.0.0\nREQUEST=GetFeature\nTYPENAMES=%s",
                       fetch->binding->dataset);
    if (fetch->limit > 0) {
        (void)snprintf(query + len, sizeof query - (size_t)len, "\nCOUNT=%lld",
                       (long long)fetch->limit);
    }
    CIM_TRY(wfs_url(fetch, query, &url, err));
    (void)snprintf(fetch->path, sizeof fetch->path, "%s/features.gml", fetch->dir);
    CIM_TRY(host_download_file(pages->download, url, fetch->path, err));
    return check_gml(pages, err);
}

cim_status
host_binding_fetch_wfs(struct host_binding_fetch *fetch, cim_error *err)
{
    struct pages pages;
    char format[32] = "";
    cim_status status = open_pages(fetch, &pages, err);
    if (status == CIM_OK) {
        status = find_geojson(&pages, format, sizeof format, err);
    }
    if (status == CIM_OK) {
        status = format[0] != '\0' ? fetch_json(&pages, format, err) : fetch_gml(&pages, err);
    }
    return close_pages(&pages, status, err);
}
