/* host/ogc/ask.c -- see ask.h. */
#include "host/ogc/ask.h"

#include "cim/util.h"
#include "host/identity/areas.h"
#include "host/identity/identity.h"
#include "host/ogc/html.h"
#include "kit/scope_eval.h"

static cim_status
collect(void *arg, const char *name, const char *value, cim_error *err)
{
    struct host_ask *ask = arg;
    if (ask->n_pairs == HOST_QUERY_PAIRS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, name, NULL, "查询参数过多，最多 %d 个",
                        "too many query parameters, at most %d", (int)HOST_QUERY_PAIRS_MAX);
    }
    ask->pairs[ask->n_pairs++] = (struct host_pair){name, value != NULL ? value : ""};
    return CIM_OK;
}

cim_status
host_ask_begin(struct host_ask *ask, struct host_ogc *ogc, const cim_call *call, cim_http_req *req,
               cim_error *err)
{
    const char *lang = NULL;
    ask->ogc = ogc;
    ask->call = call;
    ask->req = req;
    ask->base = host_http_base_url(req);
    ask->path = host_http_path(req);
    ask->offer = NULL;
    ask->n_pairs = 0;
    CIM_TRY(host_http_each_query(req, collect, ask, err));
    lang = host_ask_param(ask, "lang");
    if (lang != NULL && strcmp(lang, "zh") != 0 && strcmp(lang, "en") != 0) {
        return cim_fail(err, CIM_E_INVALID, "lang", lang, "应为 zh 或 en", "expected zh or en");
    }
    lang = lang != NULL ? lang : call->lang;
    ask->chinese = lang == NULL || strcmp(lang, "en") != 0;
    return CIM_OK;
}

const char *
host_ask_param(const struct host_ask *ask, const char *name)
{
    for (size_t i = 0; i < ask->n_pairs; i++) {
        if (strcmp(ask->pairs[i].name, name) == 0) {
            return ask->pairs[i].value;
        }
    }
    return NULL;
}

static const char *const common[] = {"f", "lang", NULL}; /* of every route */

static bool
is_one_of(const char *name, const char *const *names)
{
    for (; names != NULL && *names != NULL; names++) {
        if (strcmp(*names, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_allowed(const char *name, const char *const *names)
{
    return is_one_of(name, common) || is_one_of(name, names);
}

static cim_status
refuse_param(const char *name, const char *const *names, cim_error *err)
{
    char known[240] = "f, lang";
    size_t at = strlen(known);
    for (; names != NULL && *names != NULL && at + 1 < sizeof known; names++) {
        if (!is_one_of(*names, common)) {
            const int n = snprintf(known + at, sizeof known - at, ", %s", *names);
            at += n > 0 ? (size_t)n : 0;
        }
    }
    return cim_fail(err, CIM_E_INVALID, name, NULL, "没有此参数；可用：%s",
                    "no such parameter; there are: %s", known);
}

cim_status
host_ask_allow(const struct host_ask *ask, const char *const *names, cim_error *err)
{
    for (size_t i = 0; i < ask->n_pairs; i++) {
        if (!is_allowed(ask->pairs[i].name, names)) {
            return refuse_param(ask->pairs[i].name, names, err);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(ask->pairs[i].name, ask->pairs[k].name) == 0) {
                return cim_fail(err, CIM_E_INVALID, ask->pairs[i].name, ask->pairs[i].value,
                                "此参数出现了两次", "this parameter is given twice");
            }
        }
    }
    return CIM_OK;
}

cim_status
host_ask_choose(struct host_ask *ask, const struct host_offer *offers, size_t n_offers,
                cim_error *err)
{
    CIM_TRY(host_format_choose(offers, n_offers, host_ask_param(ask, "f"),
                               host_http_header(ask->req, "Accept"), &ask->offer, err));
    return host_http_add_header(ask->req, "Vary", "Accept, Accept-Encoding", err);
}

cim_status
host_ask_choose_doc(struct host_ask *ask, const char *json_mime, cim_error *err)
{
    static const struct host_offer plain[] = {
        {HOST_FORMAT_JSON, "json", "application/json", NULL},
        {HOST_FORMAT_HTML, "html", "text/html; charset=utf-8", "application/xhtml+xml"}};
    static const struct host_offer schema[] = {
        {HOST_FORMAT_JSON, "json", "application/schema+json", "application/json"},
        {HOST_FORMAT_HTML, "html", "text/html; charset=utf-8", "application/xhtml+xml"}};
    return host_ask_choose(ask, strcmp(json_mime, "application/schema+json") == 0 ? schema : plain,
                           2, err);
}

cim_status
host_ask_plain(struct host_ask *ask, struct host_ogc *ogc, const cim_call *call, cim_http_req *req,
               const char *json_mime, cim_error *err)
{
    CIM_TRY(host_ask_begin(ask, ogc, call, req, err));
    CIM_TRY(host_ask_allow(ask, NULL, err));
    return host_ask_choose_doc(ask, json_mime, err);
}

cim_status
host_ask_send(const struct host_ask *ask, const char *mime, struct cim_buf *body, cim_error *err)
{
    cim_blob blob = {.data = NULL};
    cim_status status = CIM_OK;
    CIM_TRY(cim_buf_status(body, err));
    cim_buf_to_blob(body, &blob);
    status = host_http_respond(ask->req, 200, mime, &blob, err);
    if (blob.release != NULL) {
        blob.release(&blob);
    }
    return status;
}

cim_status
host_ask_send_doc(const struct host_ask *ask, struct json_object *doc, const char *title_zh,
                  const char *title_en, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_DOC_BYTES_MAX);
    if (ask->offer->format == HOST_FORMAT_HTML) {
        host_html_begin(&body, ask, title_zh, title_en);
        host_html_document(&body, doc);
        host_html_end(&body, ask);
        CIM_TRY(host_html_headers(ask, err));
    } else {
        host_doc_write(doc, &body);
    }
    return host_ask_send(ask, ask->offer->mime, &body, err);
}

/* ---- layers ---- */

static cim_status
refuse_action(const char *layer_id, uint32_t action, cim_error *err)
{
    switch (action) {
    case CIM_ACT_EXPORT:
        return cim_fail(err, CIM_E_DENIED, NULL, NULL, "没有导出图层 %s 的权限",
                        "you may not export the layer %s", layer_id);
    case CIM_ACT_CREATE:
        return cim_fail(err, CIM_E_DENIED, NULL, NULL, "没有在图层 %s 新建要素的权限",
                        "you may not create features of the layer %s", layer_id);
    case CIM_ACT_UPDATE:
        return cim_fail(err, CIM_E_DENIED, NULL, NULL, "没有修改图层 %s 的权限",
                        "you may not change features of the layer %s", layer_id);
    case CIM_ACT_DELETE:
        return cim_fail(err, CIM_E_DENIED, NULL, NULL, "没有删除图层 %s 要素的权限",
                        "you may not delete features of the layer %s", layer_id);
    default:
        return cim_fail(err, CIM_E_DENIED, NULL, NULL, "没有查看图层 %s 的权限",
                        "you may not read the layer %s", layer_id);
    }
}

static cim_status
check_scope(struct host_visit *visit, struct host_ogc *ogc, const char *layer_id, uint32_t action,
            cim_error *err)
{
    CIM_TRY(host_identity_scope(ogc->app->identity, host_http_principal(&visit->call), layer_id,
                                action, visit->call.now_ms, &visit->call.scope, err));
    if (visit->call.scope->n_terms == 0) {
        return refuse_action(layer_id, action, err);
    }
    return CIM_OK;
}

cim_status
host_visit_layer(struct host_visit *visit, struct host_ogc *ogc, const cim_call *call,
                 const char *layer_id, uint32_t action, cim_error *err)
{
    visit->plugins = NULL;
    visit->renderer = NULL;
    visit->call = *call;
    CIM_TRY(
        host_plugins_enter_layer(ogc->app->plugins, layer_id, &visit->call, &visit->layer, err));
    visit->plugins = ogc->app->plugins;
    return check_scope(visit, ogc, layer_id, action, err);
}

cim_status
host_visit_renderer(struct host_visit *visit, struct host_ogc *ogc, const cim_call *call,
                    const char *layer_id, cim_error *err)
{
    visit->plugins = NULL;
    visit->call = *call;
    CIM_TRY(host_plugins_enter_renderer(ogc->app->plugins, layer_id, &visit->call, &visit->renderer,
                                        &visit->layer, err));
    visit->plugins = ogc->app->plugins;
    return check_scope(visit, ogc, layer_id, CIM_ACT_READ, err);
}

void
host_visit_end(struct host_visit *visit)
{
    if (visit->plugins != NULL) {
        host_plugins_leave(visit->plugins, visit->layer->plugin_id);
        visit->plugins = NULL;
    }
}

bool
host_may_read(const struct host_ask *ask, const char *layer_id)
{
    const cim_scope *scope = NULL;
    return host_identity_scope(ask->ogc->app->identity, host_http_principal(ask->call), layer_id,
                               CIM_ACT_READ, ask->call->now_ms, &scope, NULL) == CIM_OK &&
           scope->n_terms > 0;
}

cim_status
host_check_visible(const cim_scope *scope, const struct cim_field *field, cim_error *err)
{
    if (cim_scope_field_mode_min(scope, field) == CIM_FIELD_CLEAR) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_DENIED, field->name, NULL, "此字段对您脱敏，不能用于筛选或排序",
                    "this field is masked for you and cannot filter or sort");
}

cim_status
host_check_area(struct host_ogc *ogc, const char *area, cim_error *err)
{
    if (area == NULL || cim_area_tree_ordinal(host_areas_tree(ogc->app->areas), area) >= 0) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, "area", area, "没有此区划代码，如 460100 为海口市",
                    "no such area code; 460100, for example, is Haikou");
}

cim_status
host_ogc_route(struct host_ogc *ogc, const char *pattern, uint32_t flags, const char *operation_id,
               const char *zh, const char *en, const struct host_route_param *params,
               host_handler_fn handle, cim_error *err)
{
    const struct host_route route = {.method = "GET",
                                     .pattern = pattern,
                                     .flags = flags,
                                     .operation_id = operation_id,
                                     .summary_zh = zh,
                                     .summary_en = en,
                                     .params = params,
                                     .handle = handle,
                                     .self = ogc};
    return host_http_add_route(ogc->app->http, &route, err);
}
