/* host/identity/api_grants.c -- /admin/api/grants. */
#include "host/identity/api.h"

#include "host/base/clock.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <json-c/json.h>

#define DAY_MS INT64_C(86400000)

/* With the areas in which it counts, and the holder's name. */
#define GRANTS_SQL                                                                                 \
    "select g.uid, g.holder_kind, g.holder, g.kind, g.name, g.content, g.areas, g.org, "           \
    "g.from_ms, g.until_ms, g.granted_by, g.granted_ms, g.why, g.ended_by, g.ended_ms, "           \
    "coalesce(g.areas, o.area, r.area, '*'), coalesce(a.display_name, o.name, r.zh, g.holder) "    \
    "from cim_grant g "                                                                            \
    "left join cim_account a on g.holder_kind = 'user' and a.username = g.holder "                 \
    "left join cim_org o on g.holder_kind = 'org' and o.code = g.holder "                          \
    "left join cim_role r on g.holder_kind = 'role' and r.id = g.holder "

struct listed {
    struct host_grant grant;
    char *areas;
    char *holder_name;
};

static void
listed_done(struct listed *listed)
{
    host_grant_done(&listed->grant);
    free(listed->areas);
    free(listed->holder_name);
}
#define AUTO_LISTED __attribute__((cleanup(listed_done)))

static cim_status
read_listed(const struct host_row *row, struct listed *listed, cim_error *err)
{
    CIM_TRY(host_grant_read(row, &listed->grant, err));
    listed->areas = host_row_text(row, 15);
    listed->holder_name = host_row_text(row, 16);
    return listed->areas != NULL && listed->holder_name != NULL ? CIM_OK : cim_fail_nomem(err);
}

static void
add_grant(struct cim_buf *out, const struct listed *listed)
{
    const struct host_grant *grant = &listed->grant;
    cim_buf_add_text(out, "{\"uid\":");
    cim_buf_add_json_text(out, grant->uid, SIZE_MAX);
    host_api_add(out, "holder_kind", grant->holder_kind);
    host_api_add(out, "holder", grant->holder);
    host_api_add(out, "holder_name", listed->holder_name);
    host_api_add(out, "kind", grant->kind);
    host_api_add(out, "name", grant->name);
    cim_buf_addf(out, ",\"content\":%s", grant->content != NULL ? grant->content : "null");
    host_api_add_areas(out, "areas", grant->areas);
    host_api_add(out, "org", grant->org);
    host_api_add_time(out, "from", grant->from_ms);
    host_api_add_time(out, "until", grant->until_ms);
    host_api_add(out, "granted_by", grant->granted_by);
    host_api_add_time(out, "granted_at", grant->granted_ms);
    host_api_add(out, "why", grant->why);
    host_api_add(out, "ended_by", grant->ended_by);
    host_api_add_time(out, "ended_at", grant->ended_ms);
    cim_buf_add_char(out, '}');
}

/* What a list asks for beside the page. */
struct wish {
    const char *holder_kind;
    const char *holder;
    bool ended;
    int64_t before_ms; /* only what ends before; INT64_MAX: whatever */
    int64_t now_ms;
};

static cim_status
read_wish(const struct host_api *api, struct wish *wish, cim_error *err)
{
    const char *days = host_http_query_param(api->req, "expiring_days");
    const char *ended = host_http_query_param(api->req, "ended");
    wish->holder_kind = host_http_query_param(api->req, "holder_kind");
    wish->holder = host_http_query_param(api->req, "holder");
    wish->ended = ended != NULL && strcmp(ended, "1") == 0;
    wish->now_ms = host_clock_now_ms(api->giver->clock);
    wish->before_ms = INT64_MAX;
    if (days != NULL) {
        char *end = NULL;
        const long n = strtol(days, &end, 10);
        if (end == days || *end != '\0' || n < 1 || n > 3660) {
            return cim_fail(err, CIM_E_INVALID, "expiring_days", days, "应为 1 到 3660 的整数",
                            "expected a whole number from 1 to 3660");
        }
        wish->before_ms = wish->now_ms + n * DAY_MS;
    }
    return CIM_OK;
}

static bool
is_wished(const struct wish *wish, const struct host_grant *grant)
{
    const bool over = grant->ended_ms > 0 || grant->until_ms <= wish->now_ms;
    return (wish->ended || !over) && grant->until_ms <= wish->before_ms &&
           (wish->holder_kind == NULL || strcmp(wish->holder_kind, grant->holder_kind) == 0) &&
           (wish->holder == NULL || strcmp(wish->holder, grant->holder) == 0);
}

static cim_status
list(const struct host_api *api, const struct wish *wish, struct host_listing *listing,
     struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(api->identity->options.platform,
                            GRANTS_SQL "order by g.until_ms, g.holder, g.uid", NULL, 0, &rows,
                            err));
    row.rows = rows;
    for (;;) {
        AUTO_LISTED struct listed listed = {0};
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        CIM_TRY(read_listed(&row, &listed, err));
        const struct host_grant *grant = &listed.grant;
        const char *const texts[] = {grant->holder, listed.holder_name, grant->name, grant->why};
        if (is_wished(wish, grant) &&
            host_delegate_inside(api->giver, &listing->areas, listed.areas) &&
            host_listing_matches(listing, texts, 4) && host_listing_take(listing)) {
            cim_buf_add_text(out, listing->written > 1 ? "," : "");
            add_grant(out, &listed);
        }
    }
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api api = host_api_begin(self, call, req);
    HOST_AUTO_LISTING struct host_listing listing = {0};
    CIM_AUTO_BUF struct cim_buf body;
    struct wish wish = {0};
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    CIM_TRY(host_listing_begin(&api, HOST_ADMIN_GRANTS, &listing, err));
    CIM_TRY(read_wish(&api, &wish, err));
    cim_buf_add_text(&body, "{\"grants\":[");
    CIM_TRY(list(&api, &wish, &listing, &body, err));
    cim_buf_addf(&body, "],\"matched\":%lld}", (long long)listing.matched);
    return host_api_answer(&api, 200, &body, err);
}

static cim_status
load(const struct host_api *api, const char *uid, struct listed *listed, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("uid", uid)};
    CIM_TRY(host_store_read(api->identity->options.platform, GRANTS_SQL "where g.uid = :uid",
                            values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return cim_fail(err, CIM_E_NOTFOUND, "uid", uid, "没有授权“%s”", "there is no grant '%s'",
                        uid);
    }
    return read_listed(&row, listed, err);
}

static cim_status
answer_grant(const struct host_api *api, int32_t http_status, const char *uid, cim_error *err)
{
    AUTO_LISTED struct listed listed = {0};
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    CIM_TRY(load(api, uid, &listed, err));
    add_grant(&body, &listed);
    return host_api_answer(api, http_status, &body, err);
}

/* ---- giving ---- */

/* The content of a resource as it is kept: with its resource inside, as in a manifest. */
static cim_status
read_content(const struct host_api *api, const char *resource, const char **ret_content,
             cim_error *err)
{
    struct host_json_in content;
    CIM_TRY(host_json_object(&api->in, "content", HOST_JSON_REQUIRED, &content, err));
    json_object_object_del(content.value, "resource");
    if (json_object_object_add(content.value, "resource", json_object_new_string(resource)) != 0) {
        return cim_fail_nomem(err);
    }
    return host_api_keep(api, json_object_to_json_string_ext(content.value, JSON_C_TO_STRING_PLAIN),
                         ret_content, err);
}

static char *
own(const char *text) /* struct host_grant borrows here */
{
    return (char *)(uintptr_t)text;
}

static cim_status
read_grant(const struct host_api *api, struct host_grant *grant, cim_error *err)
{
    const char *texts[7] = {NULL};
    CIM_TRY(host_api_text(api, "holder_kind", HOST_JSON_REQUIRED, &texts[0], err));
    CIM_TRY(host_api_text(api, "holder", HOST_JSON_REQUIRED, &texts[1], err));
    CIM_TRY(host_api_text(api, "kind", HOST_JSON_REQUIRED, &texts[2], err));
    CIM_TRY(host_api_text(api, "name", HOST_JSON_REQUIRED, &texts[3], err));
    CIM_TRY(host_api_text(api, "org", HOST_JSON_OPTIONAL, &texts[4], err));
    CIM_TRY(host_api_text(api, "why", HOST_JSON_REQUIRED, &texts[5], err));
    CIM_TRY(host_api_areas(api, "areas", &texts[6], err));
    *grant = (struct host_grant){.holder_kind = own(texts[0]),
                                 .holder = own(texts[1]),
                                 .kind = own(texts[2]),
                                 .name = own(texts[3]),
                                 .org = own(texts[4]),
                                 .why = own(texts[5]),
                                 .areas = own(texts[6]),
                                 .granted_by = own(api->call->principal),
                                 .granted_ms = host_clock_now_ms(api->giver->clock),
                                 .until_ms = INT64_MAX};
    CIM_TRY(host_api_time(api, "from", false, &grant->from_ms, err));
    CIM_TRY(host_api_time(api, "until", true, &grant->until_ms, err));
    if (strcmp(grant->kind, "resource") == 0) {
        const char *content = NULL;
        CIM_TRY(read_content(api, grant->name, &content, err));
        grant->content = own(content);
    }
    return CIM_OK;
}

static cim_status
insert_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    return host_grant_insert(tx, arg, err);
}

static cim_status
handle_create(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"holder_kind", "holder", "kind",  "name", "content", "areas",
                                       "org",         "from",   "until", "why",  NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    struct host_grant grant = {0};
    struct host_holder holder = {0};
    char uid[37];
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(read_grant(&api, &grant, err));
    CIM_TRY(host_give_find_holder(&api, grant.holder_kind, grant.holder, &holder, err));
    CIM_TRY(host_give_check(&api, &holder, &grant, err));
    CIM_TRY(host_new_uid(grant.granted_ms, uid, err));
    grant.uid = uid;
    CIM_TRY(host_store_write(api.identity->options.platform, insert_in_tx, &grant, NULL, err));
    host_grants_changed(api.identity, grant.holder_kind, grant.holder);
    host_api_note(&api, "grant.create", grant.holder, grant.name);
    return answer_grant(&api, 201, uid, err);
}

/* ---- changing and ending ---- */

/* Loads a grant that the caller administers and that still counts. */
static cim_status
find(const struct host_api *api, struct listed *listed, cim_error *err)
{
    const struct host_grant *grant = &listed->grant;
    CIM_TRY(load(api, host_http_path_param(api->req, "uid"), listed, err));
    CIM_TRY(host_delegate_areas(api->giver, HOST_ADMIN_GRANTS, listed->areas, "areas", err));
    if (grant->ended_ms > 0) {
        return cim_fail(err, CIM_E_STATE, "uid", grant->uid, "此授权已结束",
                        "this grant has ended already");
    }
    return CIM_OK;
}

static cim_status
handle_change(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"until", "why", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    AUTO_LISTED struct listed listed = {0};
    struct host_holder holder = {0};
    const char *why = NULL;
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "why", HOST_JSON_REQUIRED, &why, err));
    CIM_TRY(find(&api, &listed, err));
    CIM_TRY(host_api_time(&api, "until", true, &listed.grant.until_ms, err));
    CIM_TRY(
        host_give_find_holder(&api, listed.grant.holder_kind, listed.grant.holder, &holder, err));
    CIM_TRY(host_give_check(&api, &holder, &listed.grant, err));
    const cim_value values[] = {host_value_text("uid", listed.grant.uid),
                                host_value_i64("until", listed.grant.until_ms),
                                host_value_text("why", why)};
    CIM_TRY(host_store_write_one(api.identity->options.platform,
                                 "update cim_grant set until_ms = :until, why = :why where uid = "
                                 ":uid and ended_ms is null",
                                 values, 3, NULL, err));
    host_grants_changed(api.identity, listed.grant.holder_kind, listed.grant.holder);
    host_api_note(&api, "grant.change", listed.grant.uid, why);
    return answer_grant(&api, 200, listed.grant.uid, err);
}

static cim_status
handle_end(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    AUTO_LISTED struct listed listed = {0};
    CIM_TRY(find(&api, &listed, err));
    if (strcmp(listed.grant.holder_kind, "user") == 0 &&
        strcmp(listed.grant.holder, api.giver->username) == 0) {
        return cim_fail(err, CIM_E_DENIED, "uid", listed.grant.uid, "不能更改自己的授权",
                        "nobody changes his own grants");
    }
    const cim_value values[] = {host_value_text("uid", listed.grant.uid),
                                host_value_text("by", call->principal),
                                host_value_i64("now", host_clock_now_ms(api.giver->clock))};
    CIM_TRY(host_store_write_one(api.identity->options.platform,
                                 "update cim_grant set ended_ms = :now, ended_by = :by where uid = "
                                 ":uid and ended_ms is null",
                                 values, 3, NULL, err));
    host_grants_changed(api.identity, listed.grant.holder_kind, listed.grant.holder);
    host_api_note(&api, "grant.end", listed.grant.uid, listed.grant.holder);
    return answer_grant(&api, 200, listed.grant.uid, err);
}

cim_status
host_api_grant_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    static const struct host_route_param uid[] = {
        {"uid", "path", "{\"type\":\"string\"}", "授权编号", "Id of the grant"}, {.name = NULL}};
    static const struct host_route_param listing[] = {
        {"q", "query", "{\"type\":\"string\"}", "搜索", "Search"},
        {"limit", "query", "{\"type\":\"integer\"}", "每页条数", "Rows of a page"},
        {"offset", "query", "{\"type\":\"integer\"}", "跳过条数", "Rows to skip"},
        {"holder_kind", "query", "{\"type\":\"string\",\"enum\":[\"user\",\"org\",\"role\"]}",
         "持有者类别", "Kind of holder"},
        {"holder", "query", "{\"type\":\"string\"}", "持有者", "Holder"},
        {"expiring_days", "query", "{\"type\":\"integer\"}", "若干天内到期",
         "Ending within so many days"},
        {"ended", "query", "{\"type\":\"integer\"}", "1：包括已结束的", "1: also what has ended"},
        {.name = NULL}};
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/admin/api/grants",
         .operation_id = "listGrants",
         .summary_zh = "授权列表，可查即将到期的",
         .summary_en = "List grants, also those that end soon",
         .params = listing,
         .handle = handle_list},
        {.method = "POST",
         .pattern = "/admin/api/grants",
         .operation_id = "createGrant",
         .summary_zh = "授权",
         .summary_en = "Grant",
         .handle = handle_create},
        {.method = "PATCH",
         .pattern = "/admin/api/grants/{uid}",
         .operation_id = "changeGrant",
         .summary_zh = "更改授权的截止时间",
         .summary_en = "Change when a grant ends",
         .params = uid,
         .handle = handle_change},
        {.method = "POST",
         .pattern = "/admin/api/grants/{uid}/end",
         .operation_id = "endGrant",
         .summary_zh = "结束授权",
         .summary_en = "End a grant",
         .params = uid,
         .handle = handle_end},
    };
    return host_api_add_routes(identity, http, HOST_ADMIN_GRANTS, routes,
                               sizeof routes / sizeof routes[0], err);
}
