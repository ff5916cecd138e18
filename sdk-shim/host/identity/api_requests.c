/* host/identity/api_requests.c -- /catalogue/requests for who asks, /admin/api/requests for who
 * decides. */
#include "host/identity/api.h"
#include "host/identity/requests.h"

#include "host/base/clock.h"
#include "host/identity/areas.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <json-c/json.h>

#define DAY_MS INT64_C(86400000)

static char *
own(const char *text) /* struct host_request borrows here */
{
    return (char *)(uintptr_t)text;
}

/* ---- reading ---- */

static cim_status
load(const struct host_api *api, const char *uid, struct host_request *ret_request, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("uid", uid)};
    CIM_TRY(host_store_read(api->identity->options.platform, HOST_REQUESTS_SQL "where q.uid = :uid",
                            values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    return there ? host_request_read(&row, ret_request, err)
                 : cim_fail(err, CIM_E_NOTFOUND, "uid", uid, "没有申请“%s”",
                            "there is no request '%s'", uid);
}

static cim_status
answer_request(const struct host_api *api, int32_t http_status, const char *uid, cim_error *err)
{
    HOST_AUTO_REQUEST struct host_request request = {.uid = NULL};
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    CIM_TRY(load(api, uid, &request, err));
    host_request_write(&request, host_clock_now_ms(api->giver->clock), &body);
    return host_api_answer(api, http_status, &body, err);
}

/* One's own, also to administrators who are not the requester: not found. */
static cim_status
load_own(const struct host_api *api, struct host_request *ret_request, cim_error *err)
{
    const char *uid = host_http_path_param(api->req, "uid");
    CIM_TRY(load(api, uid, ret_request, err));
    if (strcmp(ret_request->requester, api->giver->username) != 0) {
        host_request_done(ret_request);
        return cim_fail(err, CIM_E_NOTFOUND, "uid", uid, "没有申请“%s”", "there is no request '%s'",
                        uid);
    }
    return CIM_OK;
}

/* Writes the rows of a statement that `wanted` takes, the newest first. */
static cim_status
write_list(const struct host_api *api, const char *sql, const cim_value *values, uint32_t n_values,
           struct host_listing *listing,
           bool (*wanted)(const struct host_api *api, const struct host_listing *listing,
                          const struct host_request *request),
           struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const int64_t now_ms = host_clock_now_ms(api->giver->clock);
    CIM_TRY(host_store_read(api->identity->options.platform, sql, values, n_values, &rows, err));
    row.rows = rows;
    for (;;) {
        HOST_AUTO_REQUEST struct host_request request = {.uid = NULL};
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        CIM_TRY(host_request_read(&row, &request, err));
        const char *const texts[] = {request.requester, request.requester_name, request.resource,
                                     request.reason, request.holder};
        if (wanted(api, listing, &request) && host_listing_matches(listing, texts, 5) &&
            host_listing_take(listing)) {
            cim_buf_add_text(out, listing->written > 1 ? "," : "");
            host_request_write(&request, now_ms, out);
        }
    }
}

/* ---- asking ---- */

struct fields {
    const struct host_api *api;
    struct json_object *list; /* of the body; NULL: all are asked for */
    size_t n_found;
};

static bool
is_listed(struct json_object *list, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), name) == 0) {
            return true;
        }
    }
    return false;
}

static void
count_field(void *arg, const char *field)
{
    struct fields *fields = arg;
    fields->n_found += fields->list != NULL && is_listed(fields->list, field) ? 1 : 0;
}

/* The names with commas, each of them a field of the resource and named once. */
static cim_status
read_fields(const struct host_api *api, const char *resource, const char **ret_fields,
            cim_error *err)
{
    const struct host_resource_check *check = &api->identity->check;
    struct host_json_in list;
    size_t used = 0;
    CIM_TRY(host_json_list(&api->in, "fields", HOST_JSON_OPTIONAL, &list, err));
    struct fields fields = {api, host_json_length(&list) > 0 ? list.value : NULL, 0};
    for (size_t i = 0; i < host_json_length(&list); i++) {
        const char *name = NULL;
        CIM_TRY(host_json_text_at(&list, i, &name, err));
    }
    if (check->may_ask == NULL) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "resource", resource, "此平台没有目录",
                        "this platform has no catalogue");
    }
    CIM_TRY(check->may_ask(check->self, api->call, resource, count_field, &fields, err));
    if (fields.list == NULL) {
        return CIM_OK;
    }
    if (fields.n_found != host_json_length(&list)) {
        return cim_fail(err, CIM_E_INVALID, "fields", json_object_to_json_string(list.value),
                        "应为“%.80s”的字段，每个一次", "expected fields of '%.80s', each once",
                        resource);
    }
    char *text = host_http_alloc(api->req, HOST_REQUEST_FIELDS_MAX);
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < host_json_length(&list); i++) {
        const char *name = NULL;
        CIM_TRY(host_json_text_at(&list, i, &name, err));
        used += (size_t)snprintf(text + used, HOST_REQUEST_FIELDS_MAX - used, "%s%s",
                                 i > 0 ? "," : "", name);
        if (used >= HOST_REQUEST_FIELDS_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "fields", NULL, "字段过多", "too many fields");
        }
    }
    *ret_fields = text;
    return CIM_OK;
}

static cim_status
check_areas(const struct host_api *api, const char *areas, cim_error *err)
{
    char code[HOST_AREA_CODE_MAX + 1];
    if (areas == NULL) {
        return cim_fail(err, CIM_E_INVALID, "areas", NULL, "应写明区划，如 [\"460107\"]",
                        "expected areas such as [\"460107\"]");
    }
    for (const char *at = areas; *at != '\0' && strcmp(areas, "*") != 0;) {
        const size_t len = strcspn(at, ",");
        (void)snprintf(code, sizeof code, "%.*s", (int)len, at);
        if (cim_area_tree_ordinal(api->giver->areas, code) < 0) {
            return cim_fail(err, CIM_E_INVALID, "areas", code, "没有此区划代码，如 460100 为海口市",
                            "no such area code; 460100, for example, is Haikou");
        }
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return CIM_OK;
}

static cim_status
check_until(const struct host_api *api, int64_t until_ms, cim_error *err)
{
    const int64_t now_ms = host_clock_now_ms(api->giver->clock);
    return until_ms > now_ms && until_ms - now_ms <= HOST_REQUEST_DAYS_MAX * DAY_MS
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "until", NULL, "截止日应在今天之后、%d 天之内",
                          "the end must lie after now, within %d days", (int)HOST_REQUEST_DAYS_MAX);
}

/* For whom: oneself, or the organisation one belongs to. */
static cim_status
read_holder(const struct host_api *api, struct host_request *request, cim_error *err)
{
    const char *whom = "me";
    CIM_TRY(host_api_text(api, "for", HOST_JSON_OPTIONAL, &whom, err));
    const bool org = strcmp(whom, "org") == 0;
    if (!org && strcmp(whom, "me") != 0) {
        return cim_fail(err, CIM_E_INVALID, "for", whom, "应为 me（本人）或 org（本组织）",
                        "expected me or org");
    }
    if (org && api->giver->org == NULL) {
        return cim_fail(err, CIM_E_INVALID, "for", whom, "您不属于任何组织",
                        "you belong to no organisation");
    }
    request->holder_kind = own(org ? "org" : "user");
    request->holder = own(org ? api->giver->org : api->giver->username);
    return CIM_OK;
}

static cim_status
check_waiting(const struct host_api *api, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("who", api->giver->username)};
    CIM_TRY(host_store_read(api->identity->options.platform,
                            "select count(*) from cim_request where requester = :who and state = "
                            "'waiting'",
                            values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    return host_row_i64(&row, 0) < HOST_REQUESTS_WAITING_MAX
               ? CIM_OK
               : cim_fail(err, CIM_E_STATE, NULL, NULL, "待审的申请已有 %d 件",
                          "%d requests wait already", (int)HOST_REQUESTS_WAITING_MAX);
}

static cim_status
insert_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    return host_request_insert(tx, arg, err);
}

static cim_status
keep(const struct host_api *api, struct host_request *request, const char *action, cim_error *err)
{
    char uid[37];
    CIM_TRY(check_until(api, request->until_ms, err));
    CIM_TRY(check_waiting(api, err));
    request->requester = own(api->giver->username);
    request->created_ms = host_clock_now_ms(api->giver->clock);
    CIM_TRY(host_new_uid(request->created_ms, uid, err));
    request->uid = uid;
    CIM_TRY(host_store_write(api->identity->options.platform, insert_in_tx, request, NULL, err));
    host_api_note(api, action, uid, request->resource);
    return answer_request(api, 201, uid, err);
}

static cim_status
handle_ask(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"resource", "for",   "fields", "areas",
                                       "export",   "until", "reason", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    struct host_request request = {.uid = NULL};
    const char *texts[4] = {NULL};
    bool exports = false;
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "resource", HOST_JSON_REQUIRED, &texts[0], err));
    CIM_TRY(host_api_text(&api, "reason", HOST_JSON_REQUIRED, &texts[1], err));
    CIM_TRY(host_api_areas(&api, "areas", &texts[2], err));
    CIM_TRY(host_json_bool(&api.in, "export", HOST_JSON_OPTIONAL, &exports, err));
    CIM_TRY(host_api_time(&api, "until", true, &request.until_ms, err));
    CIM_TRY(read_holder(&api, &request, err));
    CIM_TRY(read_fields(&api, texts[0], &texts[3], err));
    CIM_TRY(check_areas(&api, texts[2], err));
    request.resource = own(texts[0]);
    request.reason = own(texts[1]);
    request.areas = own(texts[2]);
    request.fields = own(texts[3]);
    request.actions = own(exports ? "read,export" : "read");
    return keep(&api, &request, "request.ask", err);
}

/* The same once more, to a later end. */
static cim_status
handle_renew(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"until", "reason", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    HOST_AUTO_REQUEST struct host_request before = {.uid = NULL};
    const char *reason = NULL;
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "reason", HOST_JSON_REQUIRED, &reason, err));
    CIM_TRY(load_own(&api, &before, err));
    if (strcmp(before.state, HOST_REQUEST_APPROVED) != 0) {
        return cim_fail(err, CIM_E_STATE, "uid", before.uid, "只有批准过的申请可以续期",
                        "only a request that was approved is renewed");
    }
    struct host_request request = {.holder_kind = before.holder_kind,
                                   .holder = before.holder,
                                   .resource = before.resource,
                                   .actions = before.actions,
                                   .fields = before.fields,
                                   .areas = before.areas,
                                   .renews = before.uid,
                                   .reason = own(reason)};
    CIM_TRY(host_api_time(&api, "until", true, &request.until_ms, err));
    return keep(&api, &request, "request.renew", err);
}

struct decision {
    struct host_request *request;
    struct host_grant *grant; /* NULL: none is made */
    const char *state;
};

static cim_status
decide_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct decision *decision = arg;
    CIM_TRY(host_request_decide(tx, decision->request, decision->state, err));
    return decision->grant != NULL ? host_grant_insert(tx, decision->grant, err) : CIM_OK;
}

/* Keeps the decision; the request's own texts stay its own. */
static cim_status
decide(const struct host_api *api, const struct host_request *request, const char *state,
       const char *why, struct host_grant *grant, cim_error *err)
{
    struct host_request decided = {.uid = request->uid,
                                   .decided_by = own(api->giver->username),
                                   .decided_ms = host_clock_now_ms(api->giver->clock),
                                   .decision = own(why),
                                   .grant_uid = grant != NULL ? grant->uid : NULL};
    struct decision decision = {&decided, grant, state};
    char action[40];
    CIM_TRY(host_store_write(api->identity->options.platform, decide_in_tx, &decision, NULL, err));
    (void)snprintf(action, sizeof action, "request.%s", state);
    host_api_note(api, action, request->uid, why);
    return answer_request(api, 200, request->uid, err);
}

static cim_status
handle_withdraw(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    HOST_AUTO_REQUEST struct host_request request = {.uid = NULL};
    CIM_TRY(load_own(&api, &request, err));
    return decide(&api, &request, HOST_REQUEST_WITHDRAWN, NULL, NULL, err);
}

static bool
is_any(const struct host_api *api, const struct host_listing *listing,
       const struct host_request *request)
{
    (void)api;
    (void)listing;
    (void)request;
    return true;
}

static cim_status
handle_mine(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api api = host_api_begin(self, call, req);
    struct host_listing listing = {.limit = HOST_API_PAGE_MAX};
    CIM_AUTO_BUF struct cim_buf body;
    const cim_value values[] = {host_value_text("who", api.giver->username)};
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    cim_buf_add_text(&body, "{\"requests\":[");
    CIM_TRY(write_list(&api,
                       HOST_REQUESTS_SQL "where q.requester = :who order by q.created_ms "
                                         "desc, q.uid desc",
                       values, 1, &listing, is_any, &body, err));
    cim_buf_addf(&body, "],\"matched\":%lld}", (long long)listing.matched);
    return host_api_answer(&api, 200, &body, err);
}

static cim_status
handle_one(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    HOST_AUTO_REQUEST struct host_request request = {.uid = NULL};
    CIM_TRY(load_own(&api, &request, err));
    return answer_request(&api, 200, request.uid, err);
}

/* ---- deciding ---- */

/* Within reach of who decides; not his own. */
static bool
is_reachable(const struct host_api *api, const struct host_listing *listing,
             const struct host_request *request)
{
    const char *state = host_http_query_param(api->req, "state");
    return (state == NULL || strcmp(state, request->state) == 0) &&
           host_delegate_inside(api->giver, &listing->areas, request->areas);
}

static cim_status
list_all(const struct host_api *api, struct host_listing *listing, struct cim_buf *out,
         cim_error *err)
{
    return write_list(api, HOST_REQUESTS_SQL "order by q.created_ms desc, q.uid desc", NULL, 0,
                      listing, is_reachable, out, err);
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return host_api_answer_list(self, call, req, HOST_ADMIN_GRANTS, "requests", list_all, err);
}

/* One that lies where the caller administers grants. */
static cim_status
load_reachable(const struct host_api *api, struct host_request *ret_request, cim_error *err)
{
    CIM_TRY(load(api, host_http_path_param(api->req, "uid"), ret_request, err));
    cim_status status =
        host_delegate_areas(api->giver, HOST_ADMIN_GRANTS, ret_request->areas, "areas", err);
    if (status == CIM_OK && strcmp(ret_request->requester, api->giver->username) == 0) {
        status = cim_fail(err, CIM_E_DENIED, "uid", ret_request->uid, "不能审批自己的申请",
                          "nobody decides on his own request");
    }
    return status;
}

struct hiding {
    const struct host_request *request;
    struct json_object *modes;
};

static bool
is_asked(const char *fields, const char *name)
{
    const size_t len = strlen(name);
    for (const char *at = fields; *at != '\0';) {
        const size_t part = strcspn(at, ",");
        if (part == len && strncmp(at, name, len) == 0) {
            return true;
        }
        at += part + (at[part] == ',' ? 1 : 0);
    }
    return false;
}

static void
hide_field(void *arg, const char *field)
{
    const struct hiding *hiding = arg;
    if (!is_asked(hiding->request->fields, field)) {
        json_object_object_add(hiding->modes, field, json_object_new_string("absent"));
    }
}

/* {"resource", "actions", "sensitive": "masked", "fields": those not asked for are absent} */
static cim_status
make_content(const struct host_api *api, const struct host_request *request,
             const char **ret_content, cim_error *err)
{
    const struct host_resource_check *check = &api->identity->check;
    struct json_object *content = json_object_new_object();
    struct json_object *actions = json_object_new_array();
    struct hiding hiding = {request, json_object_new_object()};
    json_object_object_add(content, "resource", json_object_new_string(request->resource));
    json_object_array_add(actions, json_object_new_string("read"));
    if (strcmp(request->actions, "read") != 0) {
        json_object_array_add(actions, json_object_new_string("export"));
    }
    json_object_object_add(content, "actions", actions);
    json_object_object_add(content, "sensitive", json_object_new_string("masked"));
    json_object_object_add(content, "fields", hiding.modes);
    cim_status status = CIM_OK;
    if (request->fields != NULL) {
        status =
            check->may_ask(check->self, api->call, request->resource, hide_field, &hiding, err);
    }
    if (status == CIM_OK) {
        status = host_api_keep(api, json_object_to_json_string_ext(content, JSON_C_TO_STRING_PLAIN),
                               ret_content, err);
    }
    json_object_put(content);
    return status;
}

/* Approves as it was asked, or to an earlier end. */
static cim_status
handle_approve(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"until", "why", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    HOST_AUTO_REQUEST struct host_request request = {.uid = NULL};
    struct host_holder holder = {0};
    const char *why = NULL;
    const char *content = NULL;
    char uid[37];
    char note[HOST_API_TEXT_MAX * 2];
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "why", HOST_JSON_OPTIONAL, &why, err));
    CIM_TRY(load_reachable(&api, &request, err));
    int64_t until_ms = request.until_ms;
    CIM_TRY(host_api_time(&api, "until", true, &until_ms, err));
    if (until_ms > request.until_ms) {
        return cim_fail(err, CIM_E_INVALID, "until", NULL, "不能晚于申请的截止日",
                        "not later than the end that was asked for");
    }
    CIM_TRY(make_content(&api, &request, &content, err));
    (void)snprintf(note, sizeof note, "申请 %s：%s", request.uid, request.reason);
    const int64_t now_ms = host_clock_now_ms(api.giver->clock);
    CIM_TRY(host_new_uid(now_ms, uid, err));
    struct host_grant grant = {.uid = uid,
                               .holder_kind = request.holder_kind,
                               .holder = request.holder,
                               .kind = own("resource"),
                               .name = request.resource,
                               .content = own(content),
                               .areas = request.areas,
                               .granted_by = own(call->principal),
                               .granted_ms = now_ms,
                               .why = note,
                               .until_ms = until_ms};
    CIM_TRY(host_give_find_holder(&api, grant.holder_kind, grant.holder, &holder, err));
    CIM_TRY(host_give_check(&api, &holder, &grant, err));
    CIM_TRY(decide(&api, &request, HOST_REQUEST_APPROVED, why, &grant, err));
    host_grants_changed(api.identity, grant.holder_kind, grant.holder);
    return CIM_OK;
}

static cim_status
handle_refuse(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"why", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    HOST_AUTO_REQUEST struct host_request request = {.uid = NULL};
    const char *why = NULL;
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "why", HOST_JSON_REQUIRED, &why, err));
    CIM_TRY(load_reachable(&api, &request, err));
    return decide(&api, &request, HOST_REQUEST_REFUSED, why, NULL, err);
}

cim_status
host_api_request_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    static const char text[] = "{\"type\":\"string\"}";
    static const struct host_route_param one[] = {
        {"uid", "path", text, "申请编号", "Id of the request"}, {.name = NULL}};
    static const struct host_route_param listing[] = {
        {"q", "query", text, "搜索", "Search"},
        {"limit", "query", "{\"type\":\"integer\"}", "每页条数", "Rows of a page"},
        {"offset", "query", "{\"type\":\"integer\"}", "跳过条数", "Rows to skip"},
        {"state", "query", text, "waiting、approved、refused、withdrawn",
         "waiting, approved, refused, withdrawn"},
        {.name = NULL}};
    const struct host_route mine[] = {
        {"GET", "/catalogue/requests", 0, NULL, "listMyRequests", "我的数据申请",
         "One's own requests", NULL, handle_mine, NULL, NULL},
        {"POST", "/catalogue/requests", 0, NULL, "askForData", "申请数据", "Ask for data", NULL,
         handle_ask, NULL, NULL},
        {"GET", "/catalogue/requests/{uid}", 0, NULL, "getMyRequest", "一件申请", "A request", one,
         handle_one, NULL, NULL},
        {"POST", "/catalogue/requests/{uid}/withdraw", 0, NULL, "withdrawRequest", "撤回申请",
         "Withdraw a request", one, handle_withdraw, NULL, NULL},
        {"POST", "/catalogue/requests/{uid}/renew", 0, NULL, "renewRequest", "申请续期",
         "Ask for a later end", one, handle_renew, NULL, NULL},
    };
    const struct host_route admin[] = {
        {"GET", "/admin/api/requests", 0, NULL, "listRequests", "数据申请", "Requests for data",
         listing, handle_list, NULL, NULL},
        {"POST", "/admin/api/requests/{uid}/approve", 0, NULL, "approveRequest", "批准申请",
         "Approve a request", one, handle_approve, NULL, NULL},
        {"POST", "/admin/api/requests/{uid}/refuse", 0, NULL, "refuseRequest", "驳回申请",
         "Refuse a request", one, handle_refuse, NULL, NULL},
    };
    CIM_TRY(host_api_add_routes(identity, http, NULL, mine, sizeof mine / sizeof mine[0], err));
    return host_api_add_routes(identity, http, HOST_ADMIN_GRANTS, admin,
                               sizeof admin / sizeof admin[0], err);
}
