/* plugin/routes.c -- see routes.h. */
#include "routes.h"

#include "cim/plugin.h"
#include "cim/util.h"
#include "data/data.h"
#include "kit/buf.h"
#include "kit/cleanup.h"
#include "kit/cql2_text.h"
#include "kit/rows.h"
#include "map/cluster.h"
#include "map/map.h"
#include "kit/time.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX_BYTES = 16 << 20 };

static cim_status
respond_json(const struct lpg_routes *routes, cim_http_req *req, struct cim_buf *out,
             cim_error *err)
{
    cim_blob body = {0};
    cim_status status;
    CIM_TRY(cim_buf_status(out, err));
    cim_buf_to_blob(out, &body);
    status = routes->http->respond(req, 200, "application/json", &body, err);
    if (body.release != NULL) {
        body.release(&body);
    }
    return status;
}

/* ---- GET /areas: the tree, cut to what the caller may see, with its ancestors ---- */

/* The LPG theme tells where a caller is at home; base geography is shown to everybody. */
static bool
is_theme(const struct cim_definition *def)
{
    return def->catalogue.class_name != NULL &&
           strcmp(def->catalogue.class_name, "液化石油气专题") == 0;
}

/* Marks the areas of all terms of any layer of the theme, then everything above them. */
static cim_status
mark_visible(const struct lpg_routes *routes, const cim_call *call, int32_t n, uint8_t *visible,
             cim_error *err)
{
    const size_t n_layers = lpg_data_layer_count(routes->data);
    for (size_t l = 0; l < n_layers; l++) {
        const struct cim_definition *def = lpg_layer_definition(lpg_data_layer_at(routes->data, l));
        const cim_scope *scope = NULL;
        if (!is_theme(def)) {
            continue;
        }
        CIM_TRY(routes->access->scope(routes->host, call, def->id, CIM_ACT_READ, &scope, err));
        for (uint32_t t = 0; t < scope->n_terms; t++) {
            const cim_term *term = scope->terms[t];
            for (int32_t i = 0; i < n; i++) {
                const uint32_t word = (uint32_t)i / 64U;
                if (term->all_areas != 0 || (word < term->n_area_words &&
                                             ((term->areas[word] >> ((uint32_t)i % 64U)) & 1U))) {
                    visible[i] = 1;
                }
            }
        }
    }
    /* Depth first: a parent's ordinal is smaller than its children's. */
    for (int32_t i = n - 1; i >= 0; i--) {
        cim_area area = {.struct_size = sizeof area};
        if (visible[i] && routes->access->area(routes->host, i, &area) == CIM_OK &&
            area.parent >= 0) {
            visible[area.parent] = 1;
        }
    }
    return CIM_OK;
}

static void
write_area(const struct lpg_routes *routes, const cim_area *area, int64_t now_ms,
           struct cim_buf *out)
{
    cim_area parent = {.struct_size = sizeof parent};
    char ended[CIM_TIME_TEXT_MAX];
    cim_buf_add_text(out, "{\"code\":");
    cim_buf_add_json_text(out, area->code, SIZE_MAX);
    cim_buf_add_text(out, ",\"name\":");
    cim_buf_add_json_text(out, area->name, SIZE_MAX);
    cim_buf_add_text(out, ",\"level\":");
    cim_buf_add_json_text(out, area->level, SIZE_MAX);
    cim_buf_add_text(out, ",\"parent\":");
    if (area->parent >= 0 && routes->access->area(routes->host, area->parent, &parent) == CIM_OK) {
        cim_buf_add_json_text(out, parent.code, SIZE_MAX);
    } else {
        cim_buf_add_text(out, "null");
    }
    if (area->until_ms <= now_ms) { /* its last day; what lies in it stays readable */
        cim_date_format(cim_time_local_day(area->until_ms - 1), ended);
        cim_buf_addf(out, ",\"ended\":\"%s\"", ended);
    }
    cim_buf_add_text(out, "}");
}

static cim_status
get_areas(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct lpg_routes *routes = self;
    const int32_t n = routes->access->area_count(routes->host);
    CIM_AUTO_FREE uint8_t *visible = calloc(n > 0 ? (size_t)n : 1, 1);
    CIM_AUTO_BUF struct cim_buf out;
    bool first = true;
    cim_buf_init(&out, ANSWER_MAX_BYTES);
    if (visible == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(mark_visible(routes, call, n, visible, err));
    cim_buf_add_text(&out, "{\"areas\":[");
    for (int32_t i = 0; i < n; i++) {
        cim_area area = {.struct_size = sizeof area, .until_ms = INT64_MAX};
        if (visible[i] && routes->access->area(routes->host, i, &area) == CIM_OK) {
            cim_buf_add_text(&out, first ? "" : ",");
            write_area(routes, &area, call->now_ms, &out);
            first = false;
        }
    }
    cim_buf_add_text(&out, "]}");
    return respond_json(routes, req, &out, err);
}

/* The call with the caller's scope for one layer of ours. */
static cim_status
scope_of(const struct lpg_routes *routes, const cim_call *call, const char *layer, cim_call *scoped,
         cim_error *err)
{
    if (layer == NULL || lpg_data_layer(routes->data, layer) == NULL) {
        return cim_fail(err, CIM_E_INVALID, "layer", layer, "应为图层编号，如 lpg.enterprises",
                        "expected a layer id such as lpg.enterprises");
    }
    CIM_TRY(routes->access->scope(routes->host, call, layer, CIM_ACT_READ, &scoped->scope, err));
    return scoped->scope->n_terms > 0
               ? CIM_OK
               : cim_fail(err, CIM_E_DENIED, "layer", layer, "没有读取该图层的授权",
                          "not granted to read this layer");
}

/* ---- GET /summary: counts per value, or per combination of values ---- */

static void
write_value(const cim_column *column, int64_t row, struct cim_buf *out)
{
    size_t len;
    if (!cim_column_present(column, row)) {
        cim_buf_add_text(out, "null");
        return;
    }
    const uint8_t *text = cim_column_bytes(column, row, &len);
    cim_buf_add_json_text(out, (const char *)text, len);
}

/* One column: {"value": …, "count": n}; several: {"values": [… in their order], "count": n}. */
static void
write_group(const cim_batch *batch, int64_t row, uint32_t n_by, struct cim_buf *out)
{
    cim_buf_add_text(out, n_by == 1 ? "{\"value\":" : "{\"values\":[");
    for (uint32_t i = 0; i < n_by; i++) {
        cim_buf_add_text(out, i > 0 ? "," : "");
        write_value(batch->columns[i], row, out);
    }
    cim_buf_add_text(out, n_by == 1 ? ",\"count\":" : "],\"count\":");
    cim_buf_add_int(out, cim_column_i64(batch->columns[n_by], row));
    cim_buf_add_char(out, '}');
}

static cim_status
write_groups(struct lpg_layer *layer, const cim_call *call, const cim_query *query,
             const struct lpg_grouping *grouping, int64_t *ret_total, struct cim_buf *out,
             cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    bool first = true;
    CIM_TRY(lpg_data_group_count(layer, call, query, grouping, &rows, err));
    *ret_total = 0;
    for (;;) {
        const cim_batch *batch;
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            return CIM_OK;
        }
        for (int64_t i = 0; i < batch->n_rows; i++) {
            cim_buf_add_text(out, first ? "" : ",");
            write_group(batch, i, grouping->n_by, out);
            *ret_total += cim_column_i64(batch->columns[grouping->n_by], i);
            first = false;
        }
    }
}

/* "a,b" into `text`, whose pieces the grouping points into. */
static cim_status
read_grouping(const struct lpg_layer *layer, const char *by, char *text, size_t size,
              struct lpg_grouping *grouping, cim_error *err)
{
    const struct cim_definition *def = lpg_layer_definition(layer);
    char *rest = text;
    if (by == NULL || strlen(by) >= size) {
        return cim_fail(err, CIM_E_INVALID, "by", by, "应为图层 %s 的字段名",
                        "expected a field of layer %s", def->id);
    }
    memcpy(text, by, strlen(by) + 1);
    for (char *name = strsep(&rest, ","); name != NULL; name = strsep(&rest, ",")) {
        if (grouping->n_by == LPG_GROUP_BY_MAX) {
            return cim_fail(err, CIM_E_INVALID, "by", by, "最多 %d 个字段", "at most %d properties",
                            LPG_GROUP_BY_MAX);
        }
        if (strcmp(name, "area_code") != 0 && strcmp(name, "owner_org") != 0 &&
            cim_definition_field(def, name) == NULL) {
            return cim_fail(err, CIM_E_INVALID, "by", name, "应为图层 %s 的字段名",
                            "expected a field of layer %s", def->id);
        }
        grouping->by[grouping->n_by++] = name;
    }
    return CIM_OK;
}

static cim_status
get_summary(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct lpg_routes *routes = self;
    const char *id = routes->http->query_param(req, "layer");
    const char *by = routes->http->query_param(req, "by");
    const cim_query query = {.struct_size = sizeof query,
                             .area = routes->http->query_param(req, "area")};
    struct lpg_grouping grouping = {.area_level = routes->http->query_param(req, "area_level")};
    char names[256];
    struct lpg_layer *layer = NULL;
    cim_call scoped = *call;
    CIM_AUTO_BUF struct cim_buf out;
    int64_t total = 0;
    const int64_t pos = id != NULL ? routes->store->layer_pos(routes->host, id) : 0;
    cim_buf_init(&out, ANSWER_MAX_BYTES);
    CIM_TRY(scope_of(routes, call, id, &scoped, err));
    layer = lpg_data_layer(routes->data, id);
    CIM_TRY(read_grouping(layer, by, names, sizeof names, &grouping, err));
    cim_buf_add_text(&out, "{\"layer\":");
    cim_buf_add_json_text(&out, id, SIZE_MAX);
    cim_buf_add_text(&out, ",\"by\":");
    cim_buf_add_json_text(&out, by, SIZE_MAX);
    cim_buf_add_text(&out, ",\"groups\":[");
    CIM_TRY(write_groups(layer, &scoped, &query, &grouping, &total, &out, err));
    cim_buf_add_text(&out, "],\"total\":");
    cim_buf_add_int(&out, total);
    cim_buf_add_text(&out, ",\"pos\":");
    cim_buf_add_int(&out, pos);
    cim_buf_add_text(&out, ",\"as_of_ms\":");
    cim_buf_add_int(&out, call->now_ms);
    cim_buf_add_char(&out, '}');
    return respond_json(routes, req, &out, err);
}

/* ---- GET /cluster: what a cluster of a tile stands for ---- */

static cim_status
read_number(const struct lpg_routes *routes, cim_http_req *req, const char *name, int64_t fallback,
            int64_t most, int64_t *ret_number, cim_error *err)
{
    const char *text = routes->http->query_param(req, name);
    char *end = NULL;
    if (text == NULL && fallback >= 0) {
        *ret_number = fallback;
        return CIM_OK;
    }
    errno = 0;
    *ret_number = text != NULL ? strtoll(text, &end, 10) : -1;
    return errno == 0 && *ret_number >= 0 && *ret_number <= most && *end == '\0' && end != text
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, name, text, "应为 0 到 %lld 的整数",
                          "expected a whole number from 0 to %lld", (long long)most);
}

/* Equality of tile attributes joined by "and", in CQL2 text, as JSON; NULL without a filter. */
static cim_status
read_filter(const char *text, struct json_object **ret_tree, cim_error *err)
{
    return text != NULL && text[0] != '\0' ? cim_cql2_text_parse(text, strlen(text), ret_tree, err)
                                           : CIM_OK;
}

static void
write_cluster(const struct lpg_cluster *cluster, const char *layer, int64_t id, int64_t skip,
              struct cim_buf *out)
{
    cim_buf_add_text(out, "{\"layer\":");
    cim_buf_add_json_text(out, layer, SIZE_MAX);
    cim_buf_addf(out, ",\"id\":%lld,\"count\":%llu,\"zoom\":%u,\"bbox\":", (long long)id,
                 (unsigned long long)cluster->count, (unsigned)cluster->zoom);
    for (size_t i = 0; i < 4 && cluster->count > 0; i++) {
        cim_buf_add_char(out, i > 0 ? ',' : '[');
        cim_buf_add_coordinate(out, cluster->bbox_deg[i]);
    }
    cim_buf_addf(out, "%s,\"offset\":%lld,\"fids\":[", cluster->count > 0 ? "]" : "null",
                 (long long)skip);
    for (uint32_t i = 0; i < cluster->n; i++) {
        cim_buf_addf(out, "%s%lld", i > 0 ? "," : "", (long long)cluster->fids[i]);
    }
    cim_buf_add_text(out, "]}");
}

static cim_status
find_cluster(const struct lpg_routes *routes, const cim_call *call, cim_http_req *req,
             const char *layer, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_FREE struct lpg_cluster *cluster = malloc(sizeof *cluster);
    struct json_object *filter = NULL;
    cim_status status;
    int64_t id = 0;
    int64_t skip = 0;
    int64_t limit = 0;
    CIM_TRY(read_number(routes, req, "id", -1, INT64_MAX, &id, err));
    CIM_TRY(read_number(routes, req, "offset", 0, LPG_FEATURES_MAX, &skip, err));
    CIM_TRY(read_number(routes, req, "limit", 100, LPG_CLUSTER_PAGE_MAX, &limit, err));
    if (cluster == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(read_filter(routes->http->query_param(req, "filter"), &filter, err));
    status = lpg_map_cluster(routes->map, call, layer, routes->http->query_param(req, "area"),
                             filter != NULL ? json_object_to_json_string(filter) : NULL, id,
                             (uint64_t)skip, (uint32_t)limit, cluster, err);
    json_object_put(filter);
    if (status == CIM_OK) {
        write_cluster(cluster, layer, id, skip, out);
    }
    return status;
}

static cim_status
get_cluster(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct lpg_routes *routes = self;
    const char *layer = routes->http->query_param(req, "layer");
    cim_call scoped = *call;
    CIM_AUTO_BUF struct cim_buf out;
    cim_buf_init(&out, ANSWER_MAX_BYTES);
    CIM_TRY(scope_of(routes, call, layer, &scoped, err));
    CIM_TRY(find_cluster(routes, &scoped, req, layer, &out, err));
    return respond_json(routes, req, &out, err);
}

cim_status
lpg_routes_add(struct lpg_routes *routes, cim_error *err)
{
    const cim_http_route areas = {.struct_size = sizeof areas,
                                  .method = "GET",
                                  .pattern = "/areas",
                                  .permission = "lpg.menu.map",
                                  .summary_zh = "可见的行政区划树",
                                  .summary_en = "Tree of areas that the caller may see",
                                  .handle = get_areas,
                                  .self = routes};
    const cim_http_route summary = {.struct_size = sizeof summary,
                                    .method = "GET",
                                    .pattern = "/summary",
                                    .permission = "lpg.menu.map",
                                    .summary_zh = "按一个或几个字段的取值计数，区划可归到某一级",
                                    .summary_en = "Counts per value of one or several properties; "
                                                  "areas may be taken together by level",
                                    .handle = get_summary,
                                    .self = routes};
    const cim_http_route cluster = {.struct_size = sizeof cluster,
                                    .method = "GET",
                                    .pattern = "/cluster",
                                    .permission = "lpg.menu.map",
                                    .summary_zh = "聚合点代表哪些记录、从哪一级起分开",
                                    .summary_en = "Which records a cluster stands for, and from "
                                                  "which zoom on it comes apart",
                                    .handle = get_cluster,
                                    .self = routes};
    CIM_TRY(routes->http->add_route(routes->host, &areas, err));
    CIM_TRY(routes->http->add_route(routes->host, &summary, err));
    return routes->http->add_route(routes->host, &cluster, err);
}
