/* host/identity/enter_routes.c -- the steps after the password, and one's own password and second
 * factor later on: /auth/password, /auth/factor….
 *
 * Who is halfway (FACTOR, SETUP) has given his password minutes ago. In a whole session each change
 * asks for it again: a browser left open must not be a way to change it.
 */
#include "host/identity/api.h"
#include "host/identity/enter.h"

#include "cim/util.h"
#include "host/base/clock.h"

static cim_status
check_step(const struct host_api *api, enum host_session_kind wanted, cim_error *err)
{
    const enum host_session_kind step = api->giver->step;
    if (step == wanted || (wanted == HOST_SESSION_SETUP && step == HOST_SESSION_COOKIE)) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_STATE, "step", host_session_kind_name(step), "登录的这一步不在此时",
                    "this is not the next step of the sign-in");
}

static struct host_sign_in
attempt_of(const struct host_api *api, const char *event)
{
    return (struct host_sign_in){.event = event,
                                 .username = api->giver->username,
                                 .address = host_http_client_address(api->req),
                                 .request_id = api->call->request_id};
}

/* ---- the code ---- */

static cim_status
handle_code(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"code", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    struct host_sign_in attempt = attempt_of(&api, "factor");
    int64_t locked_ms = 0;
    cim_error why;
    CIM_TRY(check_step(&api, HOST_SESSION_FACTOR, err));
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "code", HOST_JSON_REQUIRED, &attempt.code, err));
    if (host_sign_in_factor(self, &attempt, &locked_ms, &why) != CIM_OK) {
        return host_enter_refused(call, req, &why, locked_ms, err);
    }
    const struct host_entry entry = {.username = attempt.username, .factor = HOST_FACTOR_CODE};
    return host_enter(self, req, &entry, err);
}

/* What is owed, for a page that was come back to from a sign-in provider. */
static cim_status
handle_step(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api api = host_api_begin(self, call, req);
    const char *token = host_http_cookie(req, HOST_ENTER_COOKIE);
    struct host_sign_in_step step;
    if (token == NULL || api.giver->step == HOST_SESSION_COOKIE) {
        return host_enter_answer_me(req, api.giver, token, NULL, err);
    }
    CIM_TRY(host_next_step(
        self, api.giver->username,
        api.giver->step == HOST_SESSION_SETUP ? HOST_FACTOR_CODE : HOST_FACTOR_NOBODY, &step, err));
    const struct host_entry entry = {.username = api.giver->username};
    return host_enter_answer_step(req, &entry, &step, token, err);
}

/* ---- the password ---- */

static cim_status
handle_password(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"old", "password", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    struct host_sign_in attempt = attempt_of(&api, "password");
    const char *password = NULL;
    int64_t locked_ms = 0;
    cim_error why;
    CIM_TRY(check_step(&api, HOST_SESSION_SETUP, err));
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_json_text(&api.in, "old", HOST_JSON_REQUIRED, &attempt.password, err));
    CIM_TRY(host_json_text(&api.in, "password", HOST_JSON_REQUIRED, &password, err));
    if (host_sign_in(self, &attempt, &locked_ms, &why) != CIM_OK) {
        return host_enter_refused(call, req, &why, locked_ms, err);
    }
    CIM_TRY(host_password_check_new(self, attempt.username, attempt.password, password, err));
    CIM_TRY(host_password_set(self, attempt.username, password, false, err));
    host_api_note(&api, "user.password", attempt.username, "own");
    /* All sessions have ended with the old password; this one goes on under a new token. */
    const struct host_entry entry = {.username = attempt.username, .factor = HOST_FACTOR_CODE};
    return host_enter(self, req, &entry, err);
}

/* ---- the second factor ---- */

/* Asks for the password where it was not given just now. */
static cim_status
check_password(const struct host_api *api, const char *event, int64_t *ret_locked_ms,
               cim_error *err)
{
    struct host_sign_in attempt = attempt_of(api, event);
    if (api->giver->step != HOST_SESSION_COOKIE) {
        return CIM_OK;
    }
    CIM_TRY(host_json_text(&api->in, "password", HOST_JSON_REQUIRED, &attempt.password, err));
    return host_sign_in(api->identity, &attempt, ret_locked_ms, err);
}

static cim_status
handle_begin(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"password", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    CIM_AUTO_BUF struct cim_buf body;
    char secret[HOST_FACTOR_SECRET_TEXT];
    char uri[HOST_FACTOR_URI_MAX];
    int64_t locked_ms = 0;
    cim_error why;
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    CIM_TRY(check_step(&api, HOST_SESSION_SETUP, err));
    CIM_TRY(host_api_body(&api, keys, err));
    if (check_password(&api, "factor.begin", &locked_ms, &why) != CIM_OK) {
        return host_enter_refused(call, req, &why, locked_ms, err);
    }
    CIM_TRY(host_factor_begin(self, api.giver->username, secret, uri, err));
    cim_buf_addf(&body, "{\"secret\":\"%s\"", secret);
    host_api_add(&body, "uri", uri);
    cim_buf_add_char(&body, '}');
    return host_api_answer(&api, 200, &body, err);
}

static cim_status
handle_confirm(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"code", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    char codes[HOST_RECOVERY_CODES][HOST_RECOVERY_TEXT];
    CIM_AUTO_BUF struct cim_buf recovery;
    const char *code = NULL;
    cim_buf_init(&recovery, HOST_AUTH_ANSWER_MAX);
    CIM_TRY(check_step(&api, HOST_SESSION_SETUP, err));
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "code", HOST_JSON_REQUIRED, &code, err));
    CIM_TRY(host_factor_confirm(self, api.giver->username, code, codes, err));
    host_api_note(&api, "user.factor", api.giver->username, "own");
    for (size_t i = 0; i < HOST_RECOVERY_CODES; i++) {
        cim_buf_addf(&recovery, "%s\"%s\"", i > 0 ? "," : "[", codes[i]);
    }
    cim_buf_add_char(&recovery, ']');
    CIM_TRY(cim_buf_status(&recovery, err));
    const struct host_entry entry = {.username = api.giver->username,
                                     .factor = HOST_FACTOR_CODE,
                                     .recovery_json = recovery.data};
    return host_enter(self, req, &entry, err);
}

static cim_status
handle_remove(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"password", "code", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    struct host_sign_in attempt = attempt_of(&api, "factor.remove");
    cim_blob nothing = {0};
    int64_t locked_ms = 0;
    cim_error why;
    CIM_TRY(check_step(&api, HOST_SESSION_COOKIE, err));
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_json_text(&api.in, "password", HOST_JSON_REQUIRED, &attempt.password, err));
    CIM_TRY(host_api_text(&api, "code", HOST_JSON_REQUIRED, &attempt.code, err));
    if (host_sign_in(self, &attempt, &locked_ms, &why) != CIM_OK ||
        host_sign_in_factor(self, &attempt, &locked_ms, &why) != CIM_OK) {
        return host_enter_refused(call, req, &why, locked_ms, err);
    }
    CIM_TRY(host_factor_remove(self, attempt.username, err));
    host_api_note(&api, "user.factor.remove", attempt.username, "own");
    CIM_TRY(host_http_add_header(req, "Cache-Control", "no-store", err));
    return host_http_respond(req, 204, "application/json", &nothing, err);
}

cim_status
host_enter_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    const struct host_route routes[] = {
        {.method = "POST",
         .pattern = "/auth/factor",
         .flags = HOST_ROUTE_STEP | HOST_ROUTE_HEAVY,
         .operation_id = "giveCode",
         .summary_zh = "登录第二步：验证码或恢复码",
         .summary_en = "Second step of a sign-in: a code or a recovery code",
         .handle = handle_code,
         .self = identity},
        {.method = "GET",
         .pattern = "/auth/step",
         .flags = HOST_ROUTE_STEP,
         .operation_id = "signInStep",
         .summary_zh = "登录的下一步",
         .summary_en = "The next step of a sign-in",
         .handle = handle_step,
         .self = identity},
        {.method = "POST",
         .pattern = "/auth/password",
         .flags = HOST_ROUTE_STEP | HOST_ROUTE_HEAVY,
         .operation_id = "changePassword",
         .summary_zh = "更改本人密码",
         .summary_en = "Change one's own password",
         .handle = handle_password,
         .self = identity},
        {.method = "POST",
         .pattern = "/auth/factor/begin",
         .flags = HOST_ROUTE_STEP | HOST_ROUTE_HEAVY,
         .operation_id = "beginFactor",
         .summary_zh = "开始设置第二因素",
         .summary_en = "Begin to set up a second factor",
         .handle = handle_begin,
         .self = identity},
        {.method = "POST",
         .pattern = "/auth/factor/confirm",
         .flags = HOST_ROUTE_STEP,
         .operation_id = "confirmFactor",
         .summary_zh = "确认第二因素，返回恢复码",
         .summary_en = "Confirm the second factor; answers with recovery codes",
         .handle = handle_confirm,
         .self = identity},
        {.method = "POST",
         .pattern = "/auth/factor/remove",
         .flags = HOST_ROUTE_HEAVY,
         .operation_id = "removeFactor",
         .summary_zh = "移除本人的第二因素",
         .summary_en = "Remove one's own second factor",
         .handle = handle_remove,
         .self = identity},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        CIM_TRY(host_http_add_route(http, &routes[i], err));
    }
    return CIM_OK;
}
