/* host/identity/api_tokens.c -- tokens of programs and devices.
 *
 * A program has an account of its own without a password; what it may do is granted to the account
 * like to anybody. A token is shown once, kept as a hash, lasts to its end, and is seen and ended
 * where sessions are.
 */
#include "host/identity/api.h"

#include "cim/util.h"
#include "host/base/clock.h"

#include <stdlib.h>

#define TOKEN_MAX_MS (INT64_C(400) * 86400000)

static cim_status
check_life(const struct host_api *api, int64_t *ret_life_ms, cim_error *err)
{
    const int64_t now_ms = host_clock_now_ms(api->giver->clock);
    int64_t until_ms = 0;
    CIM_TRY(host_api_time(api, "until", true, &until_ms, err));
    if (until_ms <= now_ms || until_ms - now_ms > TOKEN_MAX_MS) {
        return cim_fail(err, CIM_E_INVALID, "until", NULL, "应写明截止时间，至多 400 天之后",
                        "expected when it ends, at most 400 days from now");
    }
    *ret_life_ms = until_ms - now_ms;
    return CIM_OK;
}

/* Of a person the oldest would end; a program's must not end unasked. */
static cim_status
check_room(const struct host_api *api, const char *username, cim_error *err)
{
    struct host_session *list = NULL;
    size_t n = 0;
    CIM_TRY(host_sessions_list(&api->identity->sessions, username,
                               host_clock_now_ms(api->giver->clock), &list, &n, err));
    free(list);
    return n < HOST_SESSIONS_PER_ACCOUNT_MAX
               ? CIM_OK
               : cim_fail(err, CIM_E_TOO_LARGE, "username", username,
                          "令牌已有 %d 个，请先撤销不用的",
                          "there are %d tokens already: end those that are not used", (int)n);
}

static cim_status
issue(const struct host_api *api, const struct host_account *account, const char *name,
      cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    char token[HOST_TOKEN_TEXT];
    char id[HOST_SESSION_ID_TEXT];
    struct host_session_start start = {
        .kind = HOST_SESSION_BEARER,
        .username = account->username,
        .now_ms = host_clock_now_ms(api->giver->clock),
        .agent = name,
    };
    cim_buf_init(&body, HOST_API_BODY_MAX);
    if (account->ended || account->provider == NULL ||
        strcmp(account->provider, HOST_PROVIDER_SERVICE) != 0) {
        return cim_fail(err, CIM_E_STATE, "username", account->username,
                        "只有在用的服务账号才有令牌；人员用 POST /auth/token",
                        "tokens are for accounts of programs that have not ended; people use POST "
                        "/auth/token");
    }
    CIM_TRY(check_life(api, &start.life_ms, err));
    CIM_TRY(check_room(api, account->username, err));
    CIM_TRY(host_sessions_begin(&api->identity->sessions, &start, token, err));
    CIM_TRY(host_session_id_of(token, id, err));
    host_api_note(api, "token.create", account->username, id);
    cim_buf_addf(&body, "{\"id\":\"%s\",\"token\":\"%s\"", id, token);
    host_api_add(&body, "name", name);
    host_api_add_time(&body, "until", start.now_ms + start.life_ms);
    cim_buf_add_char(&body, '}');
    return host_api_answer(api, 201, &body, err);
}

static cim_status
handle_issue(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"name", "until", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    struct host_account *account = NULL;
    const char *name = NULL;
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "name", HOST_JSON_REQUIRED, &name, err));
    if (strlen(name) >= HOST_SESSION_AGENT_MAX) {
        return cim_fail(err, CIM_E_INVALID, "name", name, "名称至多 %d 字节",
                        "a name has at most %d bytes", (int)HOST_SESSION_AGENT_MAX - 1);
    }
    CIM_TRY(host_api_person(&api, host_http_path_param(req, "username"), &account, err));
    const cim_status status = issue(&api, account, name, err);
    host_account_free(account);
    return status;
}

cim_status
host_api_token_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    static const struct host_route_param params[] = {
        {"username", "path", "{\"type\":\"string\"}", "用户名", "User name"}, {.name = NULL}};
    const struct host_route routes[] = {
        {.method = "POST",
         .pattern = "/admin/api/users/{username}/tokens",
         .operation_id = "issueToken",
         .summary_zh = "为服务账号签发令牌",
         .summary_en = "Issue a token to the account of a program",
         .params = params,
         .handle = handle_issue},
    };
    return host_api_add_routes(identity, http, HOST_ADMIN_USERS, routes,
                               sizeof routes / sizeof routes[0], err);
}
