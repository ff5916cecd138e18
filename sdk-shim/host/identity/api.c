/* host/identity/api.c -- see api.h. */
#include "host/identity/api.h"

#include "host/audit/audit.h"
#include "host/base/log.h"
#include "host/store/row.h"
#include "kit/time.h"

#include <json-c/json.h>
#include <stdlib.h>

#define DAY_MS  INT64_C(86400000)
#define ZONE_MS (8 * (DAY_MS / 24)) /* Beijing */

struct host_api
host_api_begin(struct host_identity *identity, const cim_call *call, cim_http_req *req)
{
    return (struct host_api){.identity = identity,
                             .call = call,
                             .req = req,
                             .giver = host_http_principal(call),
                             .in = {.where = "body"}};
}

cim_status
host_api_body(struct host_api *api, const char *const *keys, cim_error *err)
{
    const char *text = NULL;
    uint64_t len = 0;
    CIM_TRY(host_http_body_text(api->req, HOST_API_BODY_MAX, &text, &len, err));
    CIM_TRY(host_json_parse("body", text, (size_t)len, &api->root, err));
    api->in.value = api->root;
    return host_json_keys(&api->in, keys, err);
}

void
host_api_end(struct host_api *api)
{
    json_object_put(api->root);
}

cim_status
host_api_text(const struct host_api *api, const char *key, enum host_json_need need,
              const char **ret_text, cim_error *err)
{
    const char *text = NULL;
    CIM_TRY(host_json_text(&api->in, key, need, &text, err));
    if (text == NULL) {
        return CIM_OK;
    }
    if (strlen(text) > HOST_API_TEXT_MAX || (need == HOST_JSON_REQUIRED && text[0] == '\0')) {
        return cim_fail(err, CIM_E_INVALID, key, text, "%s 应为 1 到 %d 字节的文字",
                        "%s: expected a text of 1 to %d bytes", key, (int)HOST_API_TEXT_MAX);
    }
    *ret_text = text;
    return CIM_OK;
}

cim_status
host_api_text_or_none(const struct host_api *api, const char *key, const char **ret_text,
                      cim_error *err)
{
    struct json_object *value = NULL;
    if (json_object_object_get_ex(api->in.value, key, &value) &&
        (value == NULL || (json_object_is_type(value, json_type_string) &&
                           json_object_get_string_len(value) == 0))) {
        *ret_text = NULL;
        return CIM_OK;
    }
    return host_api_text(api, key, HOST_JSON_OPTIONAL, ret_text, err);
}

cim_status
host_api_areas(const struct host_api *api, const char *key, const char **ret_areas, cim_error *err)
{
    struct host_json_in list;
    size_t used = 0;
    CIM_TRY(host_json_list(&api->in, key, HOST_JSON_OPTIONAL, &list, err));
    if (host_json_length(&list) == 0) {
        return CIM_OK;
    }
    const size_t capacity = host_json_length(&list) * (HOST_AREA_CODE_MAX + 1) + 1;
    char *text = host_http_alloc(api->req, capacity);
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < host_json_length(&list); i++) {
        const char *code = NULL;
        CIM_TRY(host_json_text_at(&list, i, &code, err));
        if (code[0] == '\0' || strlen(code) > HOST_AREA_CODE_MAX || strchr(code, ',') != NULL ||
            (strcmp(code, "*") == 0 && host_json_length(&list) > 1)) {
            return cim_fail(err, CIM_E_INVALID, key, code,
                            "%s 应为区划代码的列表，或仅含一个 *（全部）",
                            "%s: expected a list of area codes, or * alone for all", key);
        }
        used += (size_t)snprintf(text + used, capacity - used, "%s%s", i > 0 ? "," : "", code);
    }
    *ret_areas = text;
    return CIM_OK;
}

cim_status
host_api_time(const struct host_api *api, const char *key, bool end, int64_t *ret_ms,
              cim_error *err)
{
    const char *text = NULL;
    int32_t day = 0;
    CIM_TRY(host_json_text(&api->in, key, HOST_JSON_OPTIONAL, &text, err));
    if (text == NULL || cim_time_parse(text, SIZE_MAX, ret_ms) == CIM_OK) {
        return CIM_OK;
    }
    if (cim_date_parse(text, SIZE_MAX, &day) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, key, text, "%s 应为 YYYY-MM-DD 或 RFC 3339 时间",
                        "%s: expected YYYY-MM-DD or an RFC 3339 time", key);
    }
    *ret_ms = ((int64_t)day + (end ? 1 : 0)) * DAY_MS - ZONE_MS;
    return CIM_OK;
}

cim_status
host_api_answer(const struct host_api *api, int32_t http_status, struct cim_buf *body,
                cim_error *err)
{
    return host_http_respond_no_store(api->req, http_status, "application/json", body, err);
}

void
host_api_add(struct cim_buf *out, const char *name, const char *text)
{
    cim_buf_addf(out, ",\"%s\":", name);
    if (text != NULL) {
        cim_buf_add_json_text(out, text, SIZE_MAX);
    } else {
        cim_buf_add_text(out, "null");
    }
}

void
host_api_add_time(struct cim_buf *out, const char *name, int64_t ms)
{
    char text[CIM_TIME_TEXT_MAX];
    const bool some = ms > 0 && ms < INT64_MAX;
    if (some) {
        cim_time_format(ms, text);
    }
    host_api_add(out, name, some ? text : NULL);
}

void
host_api_add_areas(struct cim_buf *out, const char *name, const char *areas)
{
    cim_buf_addf(out, ",\"%s\":", name);
    if (areas == NULL) {
        cim_buf_add_text(out, "null");
        return;
    }
    cim_buf_add_char(out, '[');
    for (const char *at = areas; *at != '\0';) {
        const size_t len = strcspn(at, ",");
        cim_buf_add_text(out, at > areas ? "," : "");
        cim_buf_add_json_text(out, at, len);
        at += len + (at[len] == ',' ? 1 : 0);
    }
    cim_buf_add_char(out, ']');
}

/* ---- lists ---- */

static cim_status
read_number(const struct host_api *api, const char *name, int64_t max, int64_t *number,
            cim_error *err)
{
    const char *text = host_http_query_param(api->req, name);
    char *end = NULL;
    if (text == NULL) {
        return CIM_OK;
    }
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || value < 0 || value > max) {
        return cim_fail(err, CIM_E_INVALID, name, text, "%s 应为 0 到 %lld 的整数",
                        "%s: expected a whole number from 0 to %lld", name, (long long)max);
    }
    *number = value;
    return CIM_OK;
}

cim_status
host_listing_begin(const struct host_api *api, const char *function_id,
                   struct host_listing *ret_listing, cim_error *err)
{
    struct host_listing listing = {.q = host_http_query_param(api->req, "q"),
                                   .limit = HOST_API_PAGE};
    CIM_TRY(read_number(api, "limit", HOST_API_PAGE_MAX, &listing.limit, err));
    CIM_TRY(read_number(api, "offset", INT32_MAX, &listing.offset, err));
    CIM_TRY(host_delegate_held(api->giver, function_id, &listing.areas, err));
    *ret_listing = listing;
    return CIM_OK;
}

void
host_listing_end(struct host_listing *listing)
{
    free(listing->areas.bits);
}

bool
host_listing_matches(const struct host_listing *listing, const char *const *texts, size_t n)
{
    bool found = listing->q == NULL || listing->q[0] == '\0';
    for (size_t i = 0; i < n && !found; i++) {
        found = texts[i] != NULL && strcasestr(texts[i], listing->q) != NULL;
    }
    return found;
}

bool
host_listing_take(struct host_listing *listing)
{
    const int64_t at = listing->matched++;
    const bool taken = at >= listing->offset && listing->written < listing->limit;
    listing->written += taken ? 1 : 0;
    return taken;
}

cim_status
host_api_answer_list(struct host_identity *identity, const cim_call *call, cim_http_req *req,
                     const char *function_id, const char *name, host_listing_fn write,
                     cim_error *err)
{
    const struct host_api api = host_api_begin(identity, call, req);
    HOST_AUTO_LISTING struct host_listing listing = {0};
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    CIM_TRY(host_listing_begin(&api, function_id, &listing, err));
    cim_buf_addf(&body, "{\"%s\":[", name);
    CIM_TRY(write(&api, &listing, &body, err));
    cim_buf_addf(&body, "],\"matched\":%lld}", (long long)listing.matched);
    return host_api_answer(&api, 200, &body, err);
}

void
host_api_note(const struct host_api *api, const char *action, const char *subject, const char *more)
{
    CIM_AUTO_BUF struct cim_buf detail;
    cim_buf_init(&detail, HOST_API_BODY_MAX);
    cim_buf_add_text(&detail, "{\"subject\":");
    cim_buf_add_json_text(&detail, subject, SIZE_MAX);
    host_api_add(&detail, "more", more);
    cim_buf_add_char(&detail, '}');
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = action,
                                   .layer = "cim.access",
                                   .uid = subject,
                                   .detail = cim_buf_status(&detail, NULL) == CIM_OK ? detail.data
                                                                                     : NULL};
    host_log(CIM_LOG_INFO, "access", "%s: %s %s", api->call->principal, action, subject);
    host_audit_note(api->identity->options.audit, api->call, &entry);
}

/* ---- people ---- */

cim_status
host_api_check_person(const struct host_api *api, const struct host_account *account,
                      cim_error *err)
{
    struct host_principal *subject = NULL;
    if (strcmp(account->username, api->giver->username) == 0) {
        return cim_fail(err, CIM_E_DENIED, "username", account->username,
                        "不能管理自己的账号与权限", "nobody administers himself");
    }
    CIM_TRY(
        host_delegate_areas(api->giver, HOST_ADMIN_USERS, host_account_home(account), "area", err));
    CIM_TRY(host_principal_of(api->identity, account, &subject, err));
    const cim_status status = host_delegate_all(api->giver, subject, err);
    host_principal_release(subject);
    return status;
}

cim_status
host_api_person(const struct host_api *api, const char *username, struct host_account **ret_account,
                cim_error *err)
{
    struct host_account *account = NULL;
    CIM_TRY(host_account_load(api->identity, username, &account, err));
    const cim_status status = host_api_check_person(api, account, err);
    if (status != CIM_OK) {
        host_account_free(account);
        return status;
    }
    *ret_account = account;
    return CIM_OK;
}

/* ---- routes ---- */

const struct host_route_param host_listing_params[] = {
    {"q", "query", "{\"type\":\"string\"}", "搜索", "Search"},
    {"limit", "query", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000}", "每页条数",
     "Rows of a page"},
    {"offset", "query", "{\"type\":\"integer\",\"minimum\":0}", "跳过条数", "Rows to skip"},
    {.name = NULL}};

/* What was tried, on whom, and what it failed at. */
static void
note_refused(const struct host_api_route *route, const cim_call *call, cim_http_req *req,
             const cim_error *why)
{
    static const char *const names[] = {"username", "code", "uid", "id"};
    CIM_AUTO_BUF struct cim_buf detail;
    const char *subject = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && subject == NULL; i++) {
        subject = host_http_path_param(req, names[i]);
    }
    cim_buf_init(&detail, HOST_API_BODY_MAX);
    cim_buf_add_text(&detail, "{\"operation\":");
    cim_buf_add_json_text(&detail, route->operation_id, SIZE_MAX);
    host_api_add(&detail, "param", why->param);
    host_api_add(&detail, "value", why->value);
    host_api_add(&detail, "why", why->en);
    cim_buf_add_char(&detail, '}');
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = "access.refused",
                                   .layer = "cim.access",
                                   .uid = subject,
                                   .detail =
                                       cim_buf_status(&detail, NULL) == CIM_OK ? detail.data : NULL,
                                   .result = "refused"};
    host_audit_note(route->identity->options.audit, call, &entry);
}

static cim_status
handle_route(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api_route *route = self;
    cim_error why = {.code = CIM_OK};
    const cim_status status = route->handle(route->identity, call, req, &why);
    if (status == CIM_E_DENIED) {
        note_refused(route, call, req, &why);
    }
    if (status != CIM_OK && err != NULL) {
        *err = why;
    }
    return status;
}

cim_status
host_api_add_routes(struct host_identity *identity, struct host_http *http, const char *function_id,
                    const struct host_route *routes, size_t n, cim_error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct host_route route = routes[i];
        struct host_api_route *told = calloc(1, sizeof *told);
        if (told == NULL) {
            return cim_fail_nomem(err);
        }
        *told = (struct host_api_route){.next = identity->api_routes,
                                        .identity = identity,
                                        .handle = route.handle,
                                        .operation_id = route.operation_id};
        identity->api_routes = told;
        route.permission = function_id;
        route.handle = handle_route;
        route.self = told;
        CIM_TRY(host_http_add_route(http, &route, err));
    }
    return CIM_OK;
}
