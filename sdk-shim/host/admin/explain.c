/* host/admin/explain.c -- "why may X see Y?" and "what can X see?". */
#include "host/admin/admin.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/http/http.h"
#include "host/identity/areas.h"
#include "host/identity/explain.h"
#include "host/plugins/plugins.h"
#include "kit/area_tree.h"
#include "kit/buf.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/scope_eval.h"

enum { EXPLAIN_BYTES_MAX = 8 << 20, EXPLAIN_TEXT_MAX = 128 };

/* Everything: an explanation reads the record itself and says only what the asker may know of it.
 */
static const cim_term every_record = {.struct_size = sizeof every_record,
                                      .actions = CIM_ACT_READ,
                                      .resource = "*",
                                      .all_areas = 1,
                                      .sensitive_mode = CIM_FIELD_CLEAR,
                                      .until_ms = INT64_MAX};
static const cim_term *const every_terms[] = {&every_record};
static const cim_scope everything = {
    .struct_size = sizeof everything, .n_terms = 1, .terms = every_terms};

static const struct {
    const char *name;
    uint32_t bit;
} action_names[] = {
    {"read", CIM_ACT_READ},     {"create", CIM_ACT_CREATE}, {"update", CIM_ACT_UPDATE},
    {"delete", CIM_ACT_DELETE}, {"export", CIM_ACT_EXPORT}, {"run", CIM_ACT_RUN},
};

static const struct {
    uint32_t bit;
    const char *what;
    const char *zh;
    const char *en;
} lacks_texts[] = {
    {HOST_LACKS_SIGHT, "pass_on", "此项只可转授他人，本人不能查看",
     "held only to be granted to others"},
    {HOST_LACKS_ACTION, "action", "授权不含此操作", "the grant does not have this action"},
    {HOST_LACKS_AREA, "area", "记录不在授权的区划内", "the record lies outside the granted areas"},
    {HOST_LACKS_OWNER, "owner", "记录不属于授权的单位",
     "the record belongs to another organisation"},
    {HOST_LACKS_TIME, "time", "授权尚未生效或已到期", "the grant is not in force yet, or no more"},
    {HOST_LACKS_FILTER, "filter", "记录不满足授权的行条件",
     "the record does not satisfy the row filter"},
};

/* A record as far as access asks about it. */
struct subject {
    bool found;
    int64_t fid;
    char uid[40];
    char area[EXPLAIN_TEXT_MAX];  /* "": none */
    char owner[EXPLAIN_TEXT_MAX]; /* "": none */
};

struct explain {
    struct host_app *app;
    const cim_call *call;
    cim_http_req *req;
    struct host_principal *principal; /* asked about */
    struct host_question question;
    cim_query query;
    const struct host_layer *layer; /* entered */
    cim_call layer_call;
    struct subject subject;
    bool own; /* asked by the principal itself */
};

static void
explain_end(struct explain *explain)
{
    host_principal_release(explain->principal);
    if (explain->layer != NULL) {
        host_plugins_leave(explain->app->plugins, explain->layer->plugin_id);
    }
}
#define AUTO_EXPLAIN __attribute__((cleanup(explain_end)))

/* ---- the question ---- */

static cim_status
need_param(cim_http_req *req, const char *name, const char **ret_text, cim_error *err)
{
    const char *text = host_http_query_param(req, name);
    if (text == NULL || text[0] == '\0') {
        return cim_fail(err, CIM_E_INVALID, name, NULL, "缺少参数 %s", "parameter %s is missing",
                        name);
    }
    *ret_text = text;
    return CIM_OK;
}

static cim_status
read_action(cim_http_req *req, uint32_t *ret_action, cim_error *err)
{
    const char *name = host_http_query_param(req, "action");
    *ret_action = CIM_ACT_READ;
    for (size_t i = 0; i < sizeof action_names / sizeof action_names[0]; i++) {
        if (name == NULL || strcmp(name, action_names[i].name) == 0) {
            *ret_action = action_names[i].bit;
            return CIM_OK;
        }
    }
    return cim_fail(err, CIM_E_INVALID, "action", name,
                    "应为 read、create、update、delete、export 或 run",
                    "expected read, create, update, delete, export or run");
}

static cim_status
read_key(cim_http_req *req, cim_query *query, cim_error *err)
{
    const char *fid = host_http_query_param(req, "fid");
    char *end = NULL;
    query->struct_size = sizeof *query;
    query->flags = CIM_QUERY_NO_GEOMETRY;
    query->limit = 1;
    query->uid = host_http_query_param(req, "uid");
    if (fid != NULL) {
        query->fid = strtoll(fid, &end, 10);
    }
    if ((fid == NULL) == (query->uid == NULL) ||
        (fid != NULL && (*end != '\0' || query->fid <= 0))) {
        return cim_fail(err, CIM_E_INVALID, fid != NULL ? "fid" : "uid", fid,
                        "应给出记录的 fid（正整数）或 uid 之一",
                        "give either the record's fid, a positive number, or its uid");
    }
    return CIM_OK;
}

static void
copy_cell(const cim_batch *batch, uint32_t column, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    if (cim_column_present(batch->columns[column], 0)) {
        const uint8_t *bytes = cim_column_bytes(batch->columns[column], 0, &len);
        len = len < size ? len : size - 1;
        memcpy(out, bytes, len);
        out[len] = '\0';
    }
}

static cim_status
find_record(struct explain *explain, cim_error *err)
{
    const cim_layer *layer = &explain->layer->layer;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    struct subject *subject = &explain->subject;
    explain->layer_call.scope = &everything;
    CIM_TRY(layer->query(layer->self, &explain->layer_call, &explain->query, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    subject->found = batch->n_rows == 1;
    if (subject->found) {
        subject->fid = cim_column_i64(batch->columns[CIM_RECORD_FID], 0);
        copy_cell(batch, CIM_RECORD_UID, subject->uid, sizeof subject->uid);
        copy_cell(batch, CIM_RECORD_AREA_CODE, subject->area, sizeof subject->area);
        copy_cell(batch, CIM_RECORD_OWNER_ORG, subject->owner, sizeof subject->owner);
    }
    return CIM_OK;
}

/* Whether the record satisfies a term's row filter: by the layer that evaluates it when it reads.
 */
static cim_status
judge_filter(struct explain *explain, const cim_term *term, uint32_t *lacks, cim_error *err)
{
    const cim_layer *layer = &explain->layer->layer;
    cim_query query = {
        .struct_size = sizeof query, .fid = explain->subject.fid, .filter_json = term->filter_json};
    int64_t count = 0;
    if (term->filter_json == NULL) {
        return CIM_OK;
    }
    CIM_TRY(layer->count(layer->self, &explain->layer_call, &query, &count, err));
    *lacks |= count == 1 ? 0U : HOST_LACKS_FILTER;
    return CIM_OK;
}

/* ---- the answer ---- */

static void
add_lacks(uint32_t lacks, struct cim_buf *out)
{
    bool first = true;
    cim_buf_addf(out, ",\"covers\":%s,\"missing\":[", lacks == 0 ? "true" : "false");
    for (size_t i = 0; i < sizeof lacks_texts / sizeof lacks_texts[0]; i++) {
        if ((lacks & lacks_texts[i].bit) != 0) {
            cim_buf_addf(out, "%s{\"what\":\"%s\",\"zh\":\"%s\",\"en\":\"%s\"}", first ? "" : ",",
                         lacks_texts[i].what, lacks_texts[i].zh, lacks_texts[i].en);
            first = false;
        }
    }
    cim_buf_add_char(out, ']');
}

static void
add_record(const struct explain *explain, struct cim_buf *out)
{
    const struct subject *subject = &explain->subject;
    const struct cim_area_tree *tree = host_areas_tree(explain->app->areas);
    const int32_t ordinal = explain->question.area_ordinal;
    const cim_area *area = ordinal >= 0 ? cim_area_tree_at(tree, ordinal) : NULL;
    cim_buf_addf(out, ",\"record\":{\"fid\":%lld,\"uid\":", (long long)subject->fid);
    cim_buf_add_json_text(out, subject->uid, SIZE_MAX);
    cim_buf_add_text(out, ",\"area_code\":");
    cim_buf_add_json_text(out, subject->area, SIZE_MAX);
    cim_buf_add_text(out, ",\"area_name\":");
    cim_buf_add_json_text(out, area != NULL ? area->name : "", SIZE_MAX);
    cim_buf_add_text(out, ",\"owner_org\":");
    cim_buf_add_json_text(out, subject->owner, SIZE_MAX);
    cim_buf_add_char(out, '}');
}

static cim_status
add_terms(struct explain *explain, bool *ret_visible, struct cim_buf *out, cim_error *err)
{
    const char *resource = explain->question.resource;
    bool first = true;
    *ret_visible = false;
    cim_buf_add_text(out, ",\"terms\":[");
    for (size_t i = 0; i < host_explain_count(explain->principal); i++) {
        if (!host_explain_is_about(explain->principal, i, resource)) {
            continue;
        }
        uint32_t lacks = host_explain_lacks(explain->principal, i, &explain->question);
        /* Of a record that the term does not reach anyhow, whether it holds would tell of values.
         */
        if (!explain->own || lacks == 0) {
            CIM_TRY(judge_filter(explain, host_explain_term(explain->principal, i), &lacks, err));
        }
        *ret_visible = *ret_visible || lacks == 0;
        cim_buf_add_text(out, first ? "{" : ",{");
        host_explain_write(explain->principal, i, explain->own, out);
        add_lacks(lacks, out);
        cim_buf_add_char(out, '}');
        first = false;
    }
    cim_buf_add_char(out, ']');
    return CIM_OK;
}

static void
add_summary(bool visible, bool any, struct cim_buf *out)
{
    const char *zh = visible ? "可以：至少一项授权覆盖此记录。"
                     : any ? "不可以：没有一项授权覆盖此记录，各项所缺见下表。"
                           : "不可以：对该资源没有任何授权。";
    const char *en = visible ? "Yes: at least one grant covers the record."
                     : any   ? "No: no grant covers the record; what each lacks is told with it."
                             : "No: there is no grant for this resource at all.";
    cim_buf_addf(out, ",\"visible\":%s,\"summary\":{\"zh\":\"%s\",\"en\":\"%s\"}",
                 visible ? "true" : "false", zh, en);
}

static cim_status
begin(struct explain *explain, const char *username, cim_error *err)
{
    CIM_TRY(need_param(explain->req, "resource", &explain->question.resource, err));
    CIM_TRY(read_action(explain->req, &explain->question.action, err));
    CIM_TRY(read_key(explain->req, &explain->query, err));
    CIM_TRY(host_explain_open(explain->app->identity, explain->call, username, &explain->principal,
                              err));
    explain->question.now_ms = explain->call->now_ms;
    explain->layer_call = *explain->call;
    CIM_TRY(host_plugins_enter_layer(explain->app->plugins, explain->question.resource,
                                     &explain->layer_call, &explain->layer, err));
    CIM_TRY(find_record(explain, err));
    explain->question.owner = explain->subject.owner[0] != '\0' ? explain->subject.owner : NULL;
    explain->question.area_ordinal =
        explain->subject.area[0] != '\0'
            ? cim_area_tree_ordinal(host_areas_tree(explain->app->areas), explain->subject.area)
            : -1;
    return CIM_OK;
}

static cim_status
no_record(cim_error *err)
{
    return cim_fail(err, CIM_E_NOTFOUND, "uid", NULL, "没有这条记录，或它不在您管理或可见的范围内",
                    "there is no such record, or it is not in what you administer or see");
}

static cim_status
explain_record(struct explain *explain, bool *ret_visible, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf terms;
    cim_buf_init(&terms, EXPLAIN_BYTES_MAX);
    CIM_TRY(add_terms(explain, ret_visible, &terms, err));
    cim_buf_add_text(out, "{\"principal\":");
    cim_buf_add_json_text(out, host_principal_name(explain->principal), SIZE_MAX);
    cim_buf_add_text(out, ",\"resource\":");
    cim_buf_add_json_text(out, explain->question.resource, SIZE_MAX);
    add_record(explain, out);
    add_summary(*ret_visible, terms.len > sizeof ",\"terms\":[]", out);
    cim_buf_add(out, terms.data, terms.len);
    cim_buf_add_char(out, '}');
    return cim_buf_status(&terms, err);
}

static cim_status
handle_why(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    AUTO_EXPLAIN struct explain explain = {.app = self, .call = call, .req = req};
    CIM_AUTO_BUF struct cim_buf body;
    const char *username = NULL;
    bool visible = false;
    cim_buf_init(&body, EXPLAIN_BYTES_MAX);
    CIM_TRY(need_param(req, "principal", &username, err));
    CIM_TRY(begin(&explain, username, err));
    if (!explain.subject.found ||
        !host_explain_may_tell(call,
                               explain.subject.area[0] != '\0' ? explain.subject.area : NULL)) {
        return no_record(err);
    }
    CIM_TRY(explain_record(&explain, &visible, &body, err));
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

/* About oneself: of a record that one does not see, not even whether it is there. */
static cim_status
handle_own_why(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    AUTO_EXPLAIN struct explain explain = {.app = self, .call = call, .req = req, .own = true};
    CIM_AUTO_BUF struct cim_buf body;
    bool visible = false;
    cim_buf_init(&body, EXPLAIN_BYTES_MAX);
    CIM_TRY(begin(&explain, call->principal, err));
    if (explain.subject.found) {
        struct host_question asked = explain.question;
        bool reads = false;
        CIM_AUTO_BUF struct cim_buf unused;
        cim_buf_init(&unused, EXPLAIN_BYTES_MAX);
        explain.question.action = CIM_ACT_READ;
        CIM_TRY(add_terms(&explain, &reads, &unused, err));
        explain.question = asked;
        explain.subject.found = reads;
    }
    if (!explain.subject.found) {
        return no_record(err);
    }
    CIM_TRY(explain_record(&explain, &visible, &body, err));
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

/* ---- what can X see ---- */

struct reach {
    struct cim_buf *out;
    const struct host_principal *principal;
    size_t term;
    bool first;
};

static cim_status
add_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct reach *reach = arg;
    (void)has_tiles;
    (void)err;
    if (host_explain_is_about(reach->principal, reach->term, layer->layer.id)) {
        cim_buf_add_text(reach->out, reach->first ? "" : ",");
        cim_buf_add_json_text(reach->out, layer->layer.id, SIZE_MAX);
        reach->first = false;
    }
    return CIM_OK;
}

static cim_status
handle_reach(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    AUTO_EXPLAIN struct explain explain = {.app = self, .call = call, .req = req};
    CIM_AUTO_BUF struct cim_buf body;
    const char *username = NULL;
    bool first = true;
    cim_buf_init(&body, EXPLAIN_BYTES_MAX);
    CIM_TRY(need_param(req, "principal", &username, err));
    CIM_TRY(host_explain_open(explain.app->identity, call, username, &explain.principal, err));
    cim_buf_add_text(&body, "{\"principal\":");
    cim_buf_add_json_text(&body, username, SIZE_MAX);
    cim_buf_add_text(&body, ",\"terms\":[");
    for (size_t i = 0; i < host_explain_count(explain.principal); i++) {
        const cim_term *term = host_explain_term(explain.principal, i);
        struct reach reach = {
            .out = &body, .principal = explain.principal, .term = i, .first = true};
        if (call->now_ms >= term->until_ms) {
            continue;
        }
        cim_buf_add_text(&body, first ? "{" : ",{");
        host_explain_write(explain.principal, i, false, &body);
        cim_buf_add_text(&body, ",\"layers\":[");
        CIM_TRY(host_plugins_each_layer(explain.app->plugins, add_layer, &reach, err));
        cim_buf_add_text(&body, "]}");
        first = false;
    }
    cim_buf_add_text(&body, "],\"functions\":");
    host_explain_write_functions(explain.principal, &body);
    cim_buf_add_char(&body, '}');
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

cim_status
host_explain_add_routes(struct host_app *app, cim_error *err)
{
    static const char text[] = "{\"type\":\"string\"}";
    static const struct host_route_param about_record[] = {
        {"resource", "query", text, "图层", "Layer"},
        {"uid", "query", text, "记录的 uid", "uid of the record"},
        {"fid", "query", "{\"type\":\"integer\"}", "记录的 fid", "fid of the record"},
        {"action", "query", text, "操作，默认 read", "Action; read by default"},
        {"principal", "query", text, "用户名（/auth/why 为本人）",
         "Account; oneself for /auth/why"},
        {.name = NULL}};
    static const struct host_route_param about_person[] = {
        {"principal", "query", text, "用户名", "Account"}, {.name = NULL}};
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/admin/api/why",
         .permission = "cim.admin.grants",
         .operation_id = "why",
         .summary_zh = "某人为何能（不能）看到某条记录",
         .summary_en = "Why somebody may, or may not, see a record",
         .params = about_record,
         .handle = handle_why},
        {.method = "GET",
         .pattern = "/admin/api/reach",
         .permission = "cim.admin.grants",
         .operation_id = "reach",
         .summary_zh = "某人能看到什么",
         .summary_en = "What somebody can see",
         .params = about_person,
         .handle = handle_reach},
        {.method = "GET",
         .pattern = "/auth/why",
         .operation_id = "ownWhy",
         .summary_zh = "我为何能看到某条记录",
         .summary_en = "Why I may see a record",
         .params = about_record,
         .handle = handle_own_why},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct host_route route = routes[i];
        route.self = app;
        CIM_TRY(host_http_add_route(app->http, &route, err));
    }
    return CIM_OK;
}
