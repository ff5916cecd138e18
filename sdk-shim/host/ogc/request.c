/* host/ogc/request.c -- see request.h. */
#include "host/ogc/request.h"

#include "cim/util.h"
#include "host/ogc/filter.h"

#include <stdlib.h>

struct parse {
    const struct cim_definition *def;
    struct host_crs_worker *crs;
    struct host_items_request *request;
    struct host_filter filter;
    struct host_crs bbox_crs;
    const char *bbox;
    struct host_crs filter_crs;
    const char *expression;
    bool expression_is_json;
};

static cim_status
keep_text(struct host_items_request *request, const char *param, const char *value, char **ret,
          cim_error *err)
{
    if (request->n_texts == HOST_QUERY_PAIRS_MAX) {
        (void)cim_fail(err, CIM_E_TOO_LARGE, param, NULL, "查询参数过多，最多 %d 个",
                       "too many query parameters, at most %d", (int)HOST_QUERY_PAIRS_MAX);
        return CIM_E_TOO_LARGE;
    }
    char *copy = strdup(value);
    if (copy == NULL) {
        (void)cim_fail_nomem(err);
        return CIM_E_NOMEM;
    }
    request->texts[request->n_texts++] = copy;
    *ret = copy;
    return CIM_OK;
}

static cim_status
take_bbox(struct parse *parse, const char *value, cim_error *err)
{
    (void)err;
    parse->bbox = value;
    return CIM_OK;
}

static cim_status
take_bbox_crs(struct parse *parse, const char *value, cim_error *err)
{
    CIM_TRY(host_crs_parse("bbox-crs", value, &parse->bbox_crs, err));
    return host_crs_check(parse->crs, "bbox-crs", &parse->bbox_crs, NULL, err);
}

static cim_status
take_crs(struct parse *parse, const char *value, cim_error *err)
{
    CIM_TRY(host_crs_parse("crs", value, &parse->request->crs, err));
    return host_crs_check(parse->crs, "crs", &parse->request->crs, &parse->request->crs_degrees,
                          err);
}

static cim_status
take_datetime(struct parse *parse, const char *value, cim_error *err)
{
    cim_query *query = &parse->request->query;
    CIM_TRY(host_parse_datetime(value, &query->from_ms, &query->to_ms, err));
    query->flags |= CIM_QUERY_DATETIME;
    return CIM_OK;
}

static cim_status
take_limit(struct parse *parse, const char *value, cim_error *err)
{
    return host_parse_limit(value, HOST_ITEMS_LIMIT_MAX, &parse->request->limit, err);
}

static cim_status
take_cursor(struct parse *parse, const char *value, cim_error *err)
{
    char *text = NULL;
    if (strlen(value) > HOST_CURSOR_MAX) {
        return cim_fail(err, CIM_E_INVALID, "cursor", value, "分页标记过长",
                        "the paging token is too long");
    }
    CIM_TRY(keep_text(parse->request, "cursor", value, &text, err));
    return host_cursor_split(text, &parse->request->known_count, &parse->request->query.cursor,
                             err);
}

static cim_status
take_names(struct parse *parse, const char *param, const char *value, bool signs,
           const char **ret_names, uint32_t *ret_n, cim_error *err)
{
    char *text = NULL;
    size_t n = 0;
    CIM_TRY(keep_text(parse->request, param, value, &text, err));
    CIM_TRY(
        host_parse_names(param, text, parse->def, signs, ret_names, HOST_QUERY_NAMES_MAX, &n, err));
    *ret_n = (uint32_t)n;
    return CIM_OK;
}

static cim_status
take_sortby(struct parse *parse, const char *value, cim_error *err)
{
    struct host_items_request *request = parse->request;
    CIM_TRY(take_names(parse, "sortby", value, true, request->sort, &request->query.n_sort, err));
    request->query.sort = request->sort;
    return CIM_OK;
}

static cim_status
take_properties(struct parse *parse, const char *value, cim_error *err)
{
    struct host_items_request *request = parse->request;
    uint32_t n = 0;
    uint32_t kept = 0;
    CIM_TRY(take_names(parse, "properties", value, false, request->properties, &n, err));
    /* The record columns come anyway; the plugin is asked for fields only. */
    for (uint32_t i = 0; i < n; i++) {
        if (cim_definition_field(parse->def, request->properties[i]) != NULL) {
            request->properties[kept++] = request->properties[i];
        }
    }
    request->query.n_properties = kept;
    request->query.properties = request->properties;
    return CIM_OK;
}

static cim_status
take_area(struct parse *parse, const char *value, cim_error *err)
{
    char *text = NULL;
    CIM_TRY(keep_text(parse->request, "area", value, &text, err));
    parse->request->query.area = text;
    return CIM_OK;
}

static cim_status
take_q(struct parse *parse, const char *value, cim_error *err)
{
    char *text = NULL;
    bool any = false;
    for (size_t i = 0; i < parse->def->n_fields; i++) {
        any = any || host_filter_searches(&parse->def->fields[i]);
    }
    if (*value == '\0') {
        return cim_fail(err, CIM_E_INVALID, "q", value, "应为要查找的文字",
                        "expected the words to look for");
    }
    if (!any) {
        return cim_fail(err, CIM_E_INVALID, "q", value, "此图层没有可查找的字段",
                        "this layer has no field to search");
    }
    CIM_TRY(keep_text(parse->request, "q", value, &text, err));
    parse->request->query.search = text;
    return CIM_OK;
}

static cim_status
take_expression(struct parse *parse, const char *value, cim_error *err)
{
    (void)err;
    parse->expression = value;
    return CIM_OK;
}

static cim_status
take_filter_lang(struct parse *parse, const char *value, cim_error *err)
{
    parse->expression_is_json = strcmp(value, "cql2-json") == 0;
    if (!parse->expression_is_json && strcmp(value, "cql2-text") != 0) {
        return cim_fail(err, CIM_E_INVALID, "filter-lang", value, "应为 cql2-text 或 cql2-json",
                        "expected cql2-text or cql2-json");
    }
    return CIM_OK;
}

static cim_status
take_filter_crs(struct parse *parse, const char *value, cim_error *err)
{
    CIM_TRY(host_crs_parse("filter-crs", value, &parse->filter_crs, err));
    return host_crs_check(parse->crs, "filter-crs", &parse->filter_crs, NULL, err);
}

static cim_status
take_skip_geometry(struct parse *parse, const char *value, cim_error *err)
{
    bool skip = false;
    CIM_TRY(host_parse_flag("skipGeometry", value, &skip, err));
    parse->request->query.flags |= skip ? CIM_QUERY_NO_GEOMETRY : 0;
    return CIM_OK;
}

static cim_status
take_export(struct parse *parse, const char *value, cim_error *err)
{
    return host_parse_flag("export", value, &parse->request->export_all, err);
}

static cim_status
take_f(struct parse *parse, const char *value, cim_error *err)
{
    char *text = NULL;
    CIM_TRY(keep_text(parse->request, "f", value, &text, err));
    parse->request->format = text;
    return CIM_OK;
}

static cim_status
take_lang(struct parse *parse, const char *value, cim_error *err)
{
    char *text = NULL;
    if (strcmp(value, "zh") != 0 && strcmp(value, "en") != 0) {
        return cim_fail(err, CIM_E_INVALID, "lang", value, "应为 zh 或 en", "expected zh or en");
    }
    CIM_TRY(keep_text(parse->request, "lang", value, &text, err));
    parse->request->lang = text;
    return CIM_OK;
}

static cim_status
take_encoding(struct parse *parse, const char *value, cim_error *err)
{
    char *text = NULL;
    if (strcmp(value, "UTF-8") != 0 && strcmp(value, "GBK") != 0) {
        return cim_fail(err, CIM_E_INVALID, "encoding", value, "应为 UTF-8 或 GBK",
                        "expected UTF-8 or GBK");
    }
    CIM_TRY(keep_text(parse->request, "encoding", value, &text, err));
    parse->request->encoding = text;
    return CIM_OK;
}

static cim_status
take_map(struct parse *parse, const char *value, cim_error *err)
{
    char *text = NULL;
    CIM_TRY(keep_text(parse->request, "map", value, &text, err));
    parse->request->map = text;
    return CIM_OK;
}

static const struct {
    const char *name;
    cim_status (*take)(struct parse *parse, const char *value, cim_error *err);
} takers[] = {
    {"bbox", take_bbox},
    {"bbox-crs", take_bbox_crs},
    {"crs", take_crs},
    {"datetime", take_datetime},
    {"limit", take_limit},
    {"cursor", take_cursor},
    {"sortby", take_sortby},
    {"properties", take_properties},
    {"area", take_area},
    {"skipGeometry", take_skip_geometry},
    {"export", take_export},
    {"encoding", take_encoding},
    {"map", take_map},
    {"f", take_f},
    {"lang", take_lang},
    {"q", take_q},
    {"filter", take_expression},
    {"filter-lang", take_filter_lang},
    {"filter-crs", take_filter_crs},
};
enum { N_TAKERS = sizeof takers / sizeof takers[0] };

static cim_status
refuse_unknown(const struct cim_definition *def, const char *name, const char *also, cim_error *err)
{
    char known[300];
    host_property_names(def, known, sizeof known);
    return cim_fail(err, CIM_E_INVALID, name, NULL, "没有此参数；可用：%s, %s",
                    "no such parameter; there are: %s, %s", also, known);
}

static cim_status
take_filter(const struct cim_definition *def, const struct host_pair *pair, const char *also,
            struct host_filter *filter, const struct cim_field **ret_fields, size_t *n_fields,
            size_t max_fields, cim_error *err)
{
    struct host_property property;
    if (!host_property_find(def, pair->name, &property)) {
        return refuse_unknown(def, pair->name, also, err);
    }
    if (property.field != NULL && *n_fields < max_fields) {
        ret_fields[(*n_fields)++] = property.field;
    }
    return host_filter_add(filter, &property, pair->value, err);
}

static cim_status
check_pairs(const struct host_pair *pairs, size_t n_pairs, cim_error *err)
{
    if (n_pairs > HOST_QUERY_PAIRS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "查询参数过多，最多 %d 个",
                        "too many query parameters, at most %d", (int)HOST_QUERY_PAIRS_MAX);
    }
    for (size_t i = 0; i < n_pairs; i++) {
        if (strlen(pairs[i].value) > HOST_QUERY_VALUE_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, pairs[i].name, pairs[i].value,
                            "参数值过长，最多 %d 字节", "the value is too long, at most %d bytes",
                            (int)HOST_QUERY_VALUE_MAX);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(pairs[i].name, pairs[k].name) == 0) {
                return cim_fail(err, CIM_E_INVALID, pairs[i].name, pairs[i].value,
                                "此参数出现了两次", "this parameter is given twice");
            }
        }
    }
    return CIM_OK;
}

static cim_status
take_pair(struct parse *parse, const struct host_pair *pair, cim_error *err)
{
    struct host_items_request *request = parse->request;
    for (size_t i = 0; i < N_TAKERS; i++) {
        if (strcmp(takers[i].name, pair->name) == 0) {
            return takers[i].take(parse, pair->value, err);
        }
    }
    return take_filter(
        parse->def, pair,
        "bbox, bbox-crs, crs, datetime, limit, cursor, sortby, properties, area, q, filter, "
        "filter-lang, filter-crs, f",
        &parse->filter, request->filter_fields, &request->n_filters, HOST_QUERY_PAIRS_MAX, err);
}

static cim_status
finish(struct parse *parse, cim_error *err)
{
    struct host_items_request *request = parse->request;
    cim_query *query = &request->query;
    double box[4];
    double deg[4];
    if (parse->bbox != NULL) {
        CIM_TRY(host_parse_bbox(parse->bbox, box, err));
        CIM_TRY(host_crs_bbox_to_lon_lat(parse->crs, &parse->bbox_crs, box, deg, err));
        CIM_TRY(host_check_bbox(parse->bbox, deg, err));
        query->flags |= CIM_QUERY_BBOX;
        query->bbox_w_deg = deg[0];
        query->bbox_s_deg = deg[1];
        query->bbox_e_deg = deg[2];
        query->bbox_n_deg = deg[3];
    }
    if (!request->export_all) {
        query->flags |= CIM_QUERY_CONCEAL; /* see reveal.h */
        request->limit = request->limit == 0 ? HOST_ITEMS_LIMIT_DEFAULT : request->limit;
        request->limit =
            request->limit > HOST_ITEMS_LIMIT_MAX ? HOST_ITEMS_LIMIT_MAX : request->limit;
    }
    if (parse->expression != NULL) {
        CIM_TRY(host_filter_add_expression(&parse->filter, parse->expression,
                                           parse->expression_is_json, &parse->filter_crs,
                                           parse->crs, err));
    }
    CIM_TRY(host_filter_take(&parse->filter, &request->filter_json, err));
    query->filter_json = request->filter_json;
    return CIM_OK;
}

cim_status
host_items_request_parse(const struct cim_definition *def, const struct host_pair *pairs,
                         size_t n_pairs, struct host_crs_worker *crs,
                         struct host_items_request **ret_request, cim_error *err)
{
    struct parse parse = {.def = def, .crs = crs};
    cim_status status = check_pairs(pairs, n_pairs, err);
    if (status != CIM_OK) {
        return status;
    }
    parse.request = calloc(1, sizeof *parse.request);
    if (parse.request == NULL) {
        return cim_fail_nomem(err);
    }
    parse.request->query.struct_size = sizeof parse.request->query;
    parse.request->crs_degrees = true;
    parse.request->known_count = -1;
    host_filter_init(&parse.filter);
    for (size_t i = 0; i < n_pairs && status == CIM_OK; i++) {
        status = take_pair(&parse, &pairs[i], err);
    }
    if (status == CIM_OK) {
        status = finish(&parse, err);
    }
    host_filter_done(&parse.filter);
    if (status != CIM_OK) {
        host_items_request_free(parse.request);
        return status;
    }
    *ret_request = parse.request;
    return CIM_OK;
}

void
host_items_request_free(struct host_items_request *request)
{
    if (request == NULL) {
        return;
    }
    for (size_t i = 0; i < request->n_texts; i++) {
        free(request->texts[i]);
    }
    free(request->filter_json);
    free(request);
}

static bool
is_among(const char *name, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++) {
        if (strcmp(*list, name) == 0) {
            return true;
        }
    }
    return false;
}

cim_status
host_filters_parse(const struct cim_definition *def, const struct host_pair *pairs, size_t n_pairs,
                   const char *const *also, char **ret_area, char **ret_filter_json,
                   const struct cim_field **ret_fields, size_t max_fields, size_t *ret_n_fields,
                   cim_error *err)
{
    struct host_filter filter;
    const char *area = NULL;
    char *area_copy = NULL;
    size_t n_fields = 0;
    cim_status status = check_pairs(pairs, n_pairs, err);
    host_filter_init(&filter);
    for (size_t i = 0; i < n_pairs && status == CIM_OK; i++) {
        if (strcmp(pairs[i].name, "area") == 0) {
            area = pairs[i].value;
        } else if (!is_among(pairs[i].name, also)) {
            status = take_filter(def, &pairs[i], "area", &filter, ret_fields, &n_fields, max_fields,
                                 err);
        }
    }
    if (status == CIM_OK && area != NULL && (area_copy = strdup(area)) == NULL) {
        status = cim_fail_nomem(err);
    }
    if (status == CIM_OK) {
        status = host_filter_take(&filter, ret_filter_json, err);
    }
    host_filter_done(&filter);
    if (status != CIM_OK) {
        free(area_copy);
        return status;
    }
    *ret_area = area_copy;
    *ret_n_fields = n_fields;
    return CIM_OK;
}

cim_status
host_cursor_split(const char *text, int64_t *ret_count, const char **ret_token, cim_error *err)
{
    const size_t digits = strspn(text, "0123456789");
    int64_t count = -1;
    if (text[digits] != '.' || text[digits + 1] == '\0' ||
        (digits > 0 && !host_parse_integer(text, digits, &count))) {
        return cim_fail(err, CIM_E_INVALID, "cursor", text, "应为上一页 next 链接中的分页标记",
                        "expected the token that the next link of a page holds");
    }
    *ret_count = count;
    *ret_token = text + digits + 1;
    return CIM_OK;
}
