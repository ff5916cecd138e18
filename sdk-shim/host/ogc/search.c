/* host/ogc/search.c -- GET /search: words over the records of every layer that the caller may read.
 *
 * Layer by layer and record by record under the caller's terms. A layer whose searched fields are
 * not all in clear to the caller is left out: an answer would tell what the mask hides. */
#include "cim/util.h"
#include "host/ogc/ask.h"
#include "host/ogc/filter.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/wkb.h"

enum { LIMIT_DEFAULT = 5, LIMIT_MAX = 50, LAYER_ID_MAX = 96, LAYERS_MAX = 400 };

struct listing {
    size_t n;
    char ids[LAYERS_MAX][LAYER_ID_MAX];
};

static cim_status
take_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct listing *listing = arg;
    (void)has_tiles;
    if (listing->n == LAYERS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "图层不能超过 %d 个", "at most %d layers",
                        LAYERS_MAX);
    }
    cim_copy_text(listing->ids[listing->n++], LAYER_ID_MAX, layer->layer.id);
    return CIM_OK;
}

static bool
may_be_searched(const struct cim_definition *def, const cim_scope *scope)
{
    bool any = false;
    for (size_t i = 0; i < def->n_fields; i++) {
        if (host_filter_searches(&def->fields[i])) {
            any = true;
            if (host_check_visible(scope, &def->fields[i], NULL) != CIM_OK) {
                return false;
            }
        }
    }
    return any;
}

/* The middle of its box, where a map goes to. */
static void
add_place(struct json_object *feature, const cim_rows *rows, const cim_batch *batch, int64_t row)
{
    const int32_t column = cim_rows_column(rows, "geom");
    size_t len = 0;
    double box[4];
    if (column < 0 || !cim_column_present(batch->columns[column], row)) {
        return;
    }
    const uint8_t *wkb = cim_column_bytes(batch->columns[column], row, &len);
    if (cim_wkb_bbox(wkb, len, box, NULL) == CIM_OK) {
        struct json_object *geometry = host_doc_object_in(feature, "geometry");
        host_doc_text(geometry, "type", "Point");
        struct json_object *position = host_doc_array_in(geometry, "coordinates");
        host_doc_append(position, host_doc_number_new((box[0] + box[2]) / 2));
        host_doc_append(position, host_doc_number_new((box[1] + box[3]) / 2));
    }
}

static void
add_text(struct json_object *feature, const char *key, const cim_rows *rows, const cim_batch *batch,
         const char *name, int64_t row)
{
    const int32_t column = name != NULL ? cim_rows_column(rows, name) : -1;
    size_t len = 0;
    if (column >= 0 && batch->columns[column]->type == CIM_COL_TEXT &&
        cim_column_present(batch->columns[column], row)) {
        const uint8_t *text = cim_column_bytes(batch->columns[column], row, &len);
        host_doc_add(feature, key, json_object_new_string_len((const char *)text, (int)len));
    }
}

static cim_status
add_found(const struct cim_definition *def, cim_rows *rows, struct json_object *features,
          cim_error *err)
{
    const cim_batch *batch = NULL;
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t i = 0; i < batch->n_rows; i++) {
            struct json_object *feature = host_doc_object_in(features, NULL);
            host_doc_int(feature, "id", cim_column_i64(batch->columns[CIM_RECORD_FID], i));
            add_text(feature, "uid", rows, batch, "uid", i);
            add_text(feature, "label", rows, batch, def->label, i);
            add_text(feature, "area_code", rows, batch, "area_code", i);
            add_place(feature, rows, batch, i);
        }
    } while (batch->n_rows > 0);
    return CIM_OK;
}

static cim_status
search_layer(const struct host_ask *ask, const char *id, const char *words, int64_t limit,
             struct json_object *groups, cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_status status = host_visit_layer(&visit, ask->ogc, ask->call, id, CIM_ACT_READ, err);
    if (status == CIM_E_DENIED || status == CIM_E_NOTFOUND || status == CIM_E_BUSY) {
        return CIM_OK;
    }
    CIM_TRY(status);
    const struct cim_definition *def = visit.layer->definition;
    if (!may_be_searched(def, visit.call.scope)) {
        return CIM_OK;
    }
    const char *const properties[] = {def->label};
    const cim_query query = {.struct_size = sizeof query,
                             .flags = CIM_QUERY_CONCEAL,
                             .n_properties = def->label != NULL ? 1 : 0,
                             .properties = properties,
                             .limit = limit,
                             .search = words};
    const cim_layer *layer = &visit.layer->layer;
    CIM_TRY(layer->query(layer->self, &visit.call, &query, &rows, err));
    HOST_AUTO_DOC struct json_object *features = json_object_new_array();
    CIM_TRY(add_found(def, rows, features, err));
    if (json_object_array_length(features) > 0) {
        struct json_object *group = host_doc_object_in(groups, NULL);
        host_doc_text(group, "id", id);
        host_doc_text(group, "title", host_title(ask, &def->title));
        host_doc_add(group, "x-cim-title", host_doc_text2(def->title.zh, def->title.en));
        host_doc_add(group, "features", json_object_get(features));
        host_doc_bool(group, "more", rows->cursor != NULL && rows->cursor(rows) != NULL);
    }
    return CIM_OK;
}

static cim_status
read_limit(const struct host_ask *ask, int64_t *ret_limit, cim_error *err)
{
    const char *text = host_ask_param(ask, "limit");
    *ret_limit = LIMIT_DEFAULT;
    if (text != NULL) {
        CIM_TRY(host_parse_limit(text, LIMIT_MAX, ret_limit, err));
        *ret_limit = *ret_limit > LIMIT_MAX ? LIMIT_MAX : *ret_limit;
    }
    return CIM_OK;
}

static cim_status
search(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const names[] = {"q", "limit", NULL};
    struct host_ogc *ogc = self;
    struct host_ask ask;
    int64_t limit = 0;
    CIM_TRY(host_ask_begin(&ask, ogc, call, req, err));
    CIM_TRY(host_ask_allow(&ask, names, err));
    CIM_TRY(host_ask_choose_doc(&ask, "application/json", err));
    CIM_TRY(read_limit(&ask, &limit, err));
    const char *words = host_ask_param(&ask, "q");
    if (words == NULL || words[strspn(words, " \t")] == '\0') {
        return cim_fail(err, CIM_E_INVALID, "q", words, "应为要查找的文字",
                        "expected the words to look for");
    }
    CIM_AUTO_FREE struct listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_plugins_each_layer(ogc->app->plugins, take_layer, listing, err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    struct json_object *groups = host_doc_array_in(doc, "groups");
    for (size_t i = 0; i < listing->n; i++) {
        CIM_TRY(search_layer(&ask, listing->ids[i], words, limit, groups, err));
    }
    return host_ask_send_doc(&ask, doc, "查找", "Search", err);
}

static const struct host_route_param search_params[] = {
    {"q", "query", "{\"type\":\"string\"}", "要查找的文字，空格分隔：原文、拼音或首字母",
     "Words to look for, blanks between: by text, pinyin or initials"},
    {"limit", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":50,\"default\":5}",
     "每个图层的条数", "Records of each layer"},
    {"f", "query", "{\"type\":\"string\",\"enum\":[\"json\",\"html\"]}", "格式", "Representation"},
    {NULL, NULL, NULL, NULL, NULL}};

cim_status
host_ogc_search_routes(struct host_ogc *ogc, cim_error *err)
{
    return host_ogc_route(ogc, "/search", 0, "search", "查找", "Search the records of all layers",
                          search_params, search, err);
}
