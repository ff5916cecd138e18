/* host/identity/api_sessions.c -- who is signed in from where: one's own sessions, and those of the
 * people whom an administrator administers. */
#include "host/identity/api.h"
#include "host/identity/enter.h"

#include "cim/util.h"
#include "host/base/clock.h"

#include <stdlib.h>

static void
add_session(struct cim_buf *out, const struct host_session *session, const char *own_id)
{
    char id[HOST_SESSION_ID_TEXT];
    host_session_id(session, id);
    cim_buf_addf(out, "{\"id\":\"%s\",\"kind\":\"%s\"", id, host_session_kind_name(session->kind));
    host_api_add(out, "username", session->username);
    host_api_add(out, "address", session->address[0] != '\0' ? session->address : NULL);
    host_api_add(out, "agent", session->agent[0] != '\0' ? session->agent : NULL);
    host_api_add_time(out, "created", session->created_ms);
    host_api_add_time(out, "seen", session->last_seen_ms);
    host_api_add_time(out, "expires", session->expires_ms);
    cim_buf_addf(out, ",\"current\":%s}", strcmp(id, own_id) == 0 ? "true" : "false");
}

/* The id of the session that asks; "" where it is a token's. */
static cim_status
own_id_of(const struct host_api *api, char ret_id[HOST_SESSION_ID_TEXT], cim_error *err)
{
    const char *cookie = host_http_cookie(api->req, HOST_ENTER_COOKIE);
    ret_id[0] = '\0';
    return cookie != NULL ? host_session_id_of(cookie, ret_id, err) : CIM_OK;
}

/* Where the account is at home, for whether the caller administers it. */
static cim_status
is_administered(const struct host_api *api, const struct host_listing *listing,
                const char *username, bool *ret_is, cim_error *err)
{
    struct host_account *account = NULL;
    const cim_status status = host_account_load(api->identity, username, &account, err);
    *ret_is = status == CIM_OK &&
              host_delegate_inside(api->giver, &listing->areas, host_account_home(account));
    host_account_free(account);
    return status == CIM_E_NOTFOUND ? CIM_OK : status;
}

/* Of `username`, or, with a listing, of all that it takes. */
static cim_status
add_sessions(const struct host_api *api, struct host_listing *listing, const char *username,
             struct cim_buf *out, cim_error *err)
{
    char own_id[HOST_SESSION_ID_TEXT];
    struct host_session *list = NULL;
    size_t n = 0;
    bool first = true;
    CIM_TRY(own_id_of(api, own_id, err));
    CIM_TRY(host_sessions_list(&api->identity->sessions, username,
                               host_clock_now_ms(api->giver->clock), &list, &n, err));
    cim_status status = CIM_OK;
    for (size_t i = 0; i < n && status == CIM_OK; i++) {
        const char *const texts[] = {list[i].username, list[i].address, list[i].agent};
        bool taken = listing == NULL || host_listing_matches(listing, texts, 3);
        if (listing != NULL && taken) {
            status = is_administered(api, listing, list[i].username, &taken, err);
            taken = status == CIM_OK && taken && host_listing_take(listing);
        }
        if (taken) {
            cim_buf_add_text(out, first ? "" : ",");
            add_session(out, &list[i], own_id);
            first = false;
        }
    }
    free(list);
    return status;
}

static cim_status
handle_own(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api api = host_api_begin(self, call, req);
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    cim_buf_add_text(&body, "{\"sessions\":[");
    CIM_TRY(add_sessions(&api, NULL, api.giver->username, &body, err));
    cim_buf_add_text(&body, "]}");
    return host_api_answer(&api, 200, &body, err);
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api api = host_api_begin(self, call, req);
    HOST_AUTO_LISTING struct host_listing listing = {0};
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    CIM_TRY(host_listing_begin(&api, HOST_ADMIN_USERS, &listing, err));
    cim_buf_add_text(&body, "{\"sessions\":[");
    CIM_TRY(add_sessions(&api, &listing, NULL, &body, err));
    cim_buf_addf(&body, "],\"matched\":%lld}", (long long)listing.matched);
    return host_api_answer(&api, 200, &body, err);
}

static cim_status
end_one(const struct host_api *api, const char *username, cim_error *err)
{
    const char *id = host_http_path_param(api->req, "id");
    cim_blob nothing = {0};
    CIM_TRY(host_sessions_end_one(&api->identity->sessions, username, id, err));
    host_api_note(api, "session.end", username, id);
    CIM_TRY(host_http_add_header(api->req, "Cache-Control", "no-store", err));
    return host_http_respond(api->req, 204, "application/json", &nothing, err);
}

static cim_status
handle_end_own(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api api = host_api_begin(self, call, req);
    return end_one(&api, api.giver->username, err);
}

static cim_status
handle_end(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api api = host_api_begin(self, call, req);
    struct host_account *account = NULL;
    CIM_TRY(host_api_person(&api, host_http_path_param(req, "username"), &account, err));
    const cim_status status = end_one(&api, account->username, err);
    host_account_free(account);
    return status;
}

cim_status
host_api_session_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    static const struct host_route_param own_params[] = {
        {"id", "path", "{\"type\":\"string\"}", "会话编号", "Id of the session"}, {.name = NULL}};
    static const struct host_route_param params[] = {
        {"username", "path", "{\"type\":\"string\"}", "用户名", "User name"},
        {"id", "path", "{\"type\":\"string\"}", "会话编号", "Id of the session"},
        {.name = NULL}};
    const struct host_route own[] = {
        {.method = "GET",
         .pattern = "/auth/sessions",
         .operation_id = "listOwnSessions",
         .summary_zh = "本人的会话",
         .summary_en = "One's own sessions",
         .handle = handle_own},
        {.method = "DELETE",
         .pattern = "/auth/sessions/{id}",
         .operation_id = "endOwnSession",
         .summary_zh = "结束本人的一个会话",
         .summary_en = "End one of one's own sessions",
         .params = own_params,
         .handle = handle_end_own},
    };
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/admin/api/sessions",
         .operation_id = "listSessions",
         .summary_zh = "会话列表",
         .summary_en = "List sessions",
         .params = host_listing_params,
         .handle = handle_list},
        {.method = "DELETE",
         .pattern = "/admin/api/users/{username}/sessions/{id}",
         .operation_id = "endSession",
         .summary_zh = "结束会话",
         .summary_en = "End a session",
         .params = params,
         .handle = handle_end},
    };
    CIM_TRY(host_api_add_routes(identity, http, NULL, own, sizeof own / sizeof own[0], err));
    return host_api_add_routes(identity, http, HOST_ADMIN_USERS, routes,
                               sizeof routes / sizeof routes[0], err);
}
