/* Who asks, and /auth/…. */
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/base/problem.h"
#include "host/identity/api.h"
#include "host/identity/enter.h"
#include "host/identity/provider.h"
#include "host/store/row.h"
#include "kit/buf.h"

#include <json-c/json.h>
#include <openssl/crypto.h>
#include <strings.h>

enum { HOST_AUTH_BODY_MAX = 4096 };

#define CSRF_HEADER "X-CSRF-Token"

static bool
is_safe_method(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           strcmp(method, "OPTIONS") == 0;
}

static const char *
bearer_of(cim_http_req *req)
{
    const char *header = host_http_header(req, "Authorization");
    return header != NULL && strncasecmp(header, "Bearer ", 7) == 0 ? header + 7 : NULL;
}

static cim_status
check_csrf(struct host_identity *identity, cim_http_req *req, const char *token,
           const char *username, cim_error *err)
{
    char wanted[HOST_TOKEN_TEXT];
    const char *given = host_http_header(req, CSRF_HEADER);
    const struct host_sign_in attempt = {
        .event = "csrf",
        .username = username,
        .address = host_http_client_address(req),
    };
    cim_error why;
    CIM_TRY(host_enter_csrf(token, wanted, err));
    if (given != NULL && strlen(given) == sizeof wanted - 1 &&
        CRYPTO_memcmp(given, wanted, sizeof wanted - 1) == 0) {
        return CIM_OK;
    }
    if (host_sign_in_log(identity, &attempt, "refused", given == NULL ? "missing" : "wrong",
                         &why) != CIM_OK) {
        host_log_error("identity", "sign-in log", &why);
    }
    return cim_fail(err, CIM_E_DENIED, CSRF_HEADER, given == NULL ? "" : "…",
                    "请求头 " CSRF_HEADER " 应为 /auth/me 返回的 csrf",
                    "expected header " CSRF_HEADER " with the csrf of /auth/me");
}

static cim_status
principal_of(struct host_identity *identity, const char *username,
             struct host_principal **ret_principal, cim_error *err)
{
    const cim_status status = host_principal_get(identity, username, ret_principal, err);
    if (status == CIM_E_NOTFOUND) { /* the account went away while its session lived */
        return cim_fail(err, CIM_E_DENIED, NULL, NULL, "账号已不存在", "the account is gone");
    }
    return status;
}

/* A session, or, for routes of the next step, one that waits for it. */
static cim_status
find_cookie(struct host_identity *identity, const struct host_route *route, const char *token,
            int64_t now_ms, char ret_username[HOST_USERNAME_MAX + 1],
            enum host_session_kind *ret_kind, cim_error *err)
{
    static const enum host_session_kind kinds[] = {HOST_SESSION_COOKIE, HOST_SESSION_FACTOR,
                                                   HOST_SESSION_SETUP};
    const size_t n = (route->flags & HOST_ROUTE_STEP) != 0 ? 3 : 1;
    cim_status status = CIM_E_DENIED;
    for (size_t i = 0; i < n && status == CIM_E_DENIED; i++) {
        status =
            host_sessions_find(&identity->sessions, kinds[i], token, now_ms, ret_username, err);
        *ret_kind = kinds[i];
    }
    return status;
}

/* Somebody who has not signed in whole: a name that holds nothing. */
static cim_status
halfway_principal(struct host_identity *identity, const char *username, enum host_session_kind kind,
                  struct host_principal **ret_principal, cim_error *err)
{
    struct host_principal *principal =
        host_principal_new(username, username, NULL, identity->options.clock, NULL);
    if (principal == NULL) {
        return cim_fail_nomem(err);
    }
    principal->step = kind;
    *ret_principal = principal;
    return CIM_OK;
}

static cim_status
resolve(void *self, cim_http_req *req, const struct host_route *route,
        struct host_principal **ret_principal, cim_error *err)
{
    struct host_identity *identity = self;
    const int64_t now_ms = host_clock_now_ms(identity->options.clock);
    const char *bearer = bearer_of(req);
    const char *cookie = bearer == NULL ? host_http_cookie(req, HOST_ENTER_COOKIE) : NULL;
    char username[HOST_USERNAME_MAX + 1];
    cim_status status = CIM_E_DENIED;
    if (bearer != NULL) {
        /* A token that is not good is refused even where anonymous would do: who sends one means
         * to be somebody. */
        CIM_TRY(host_sessions_find(&identity->sessions, HOST_SESSION_BEARER, bearer, now_ms,
                                   username, err));
        return principal_of(identity, username, ret_principal, err);
    }
    enum host_session_kind kind = HOST_SESSION_COOKIE;
    if (cookie != NULL) {
        status = find_cookie(identity, route, cookie, now_ms, username, &kind, err);
        if (status != CIM_OK && status != CIM_E_DENIED) {
            return status;
        }
    }
    if (status == CIM_OK) {
        if (!is_safe_method(host_http_method(req)) && (route->flags & HOST_ROUTE_NO_CSRF) == 0) {
            CIM_TRY(check_csrf(identity, req, cookie, username, err));
        }
        if (kind != HOST_SESSION_COOKIE) {
            return halfway_principal(identity, username, kind, ret_principal, err);
        }
        return principal_of(identity, username, ret_principal, err);
    }
    if ((route->flags & HOST_ROUTE_ANONYMOUS) != 0) {
        *ret_principal = NULL;
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_DENIED, NULL, NULL, "请先登录", "sign in first");
}

cim_status
host_identity_refresh(struct host_identity *identity, cim_http_req *req,
                      struct host_principal **ret_principal, cim_error *err)
{
    const int64_t now_ms = host_clock_now_ms(identity->options.clock);
    const char *bearer = bearer_of(req);
    const char *token = bearer != NULL ? bearer : host_http_cookie(req, HOST_ENTER_COOKIE);
    char username[HOST_USERNAME_MAX + 1];
    if (token == NULL) {
        return cim_fail(err, CIM_E_DENIED, NULL, NULL, "请先登录", "sign in first");
    }
    CIM_TRY(host_sessions_peek(&identity->sessions,
                               bearer != NULL ? HOST_SESSION_BEARER : HOST_SESSION_COOKIE, token,
                               now_ms, username, err));
    return principal_of(identity, username, ret_principal, err);
}

static void
release(void *self, struct host_principal *principal)
{
    (void)self;
    host_principal_release(principal);
}

/* Whether a refusal is news; a client that tries again and again fills no table. */
static bool
is_news(struct host_principal *principal, const char *function_id)
{
    const int64_t now_ms = host_clock_now_ms(principal->clock);
    bool news = false;
    (void)pthread_mutex_lock(&principal->lock);
    news = strncmp(principal->denied, function_id, HOST_DENIED_TEXT_MAX - 1) != 0 ||
           now_ms - principal->denied_ms >= HOST_DENIED_QUIET_MS;
    if (news) {
        cim_copy_text(principal->denied, sizeof principal->denied, function_id);
        principal->denied_ms = now_ms;
    }
    (void)pthread_mutex_unlock(&principal->lock);
    return news;
}

static int32_t
has_function(void *self, const struct host_principal *principal, const char *function_id)
{
    const int32_t held = host_principal_has_function(principal, function_id);
    if (held == 0 && principal != NULL &&
        is_news((struct host_principal *)principal, function_id)) {
        const struct host_sign_in attempt = {.event = "function", .username = principal->username};
        cim_error why;
        if (host_sign_in_log(self, &attempt, "refused", function_id, &why) != CIM_OK) {
            host_log_error("identity", "sign-in log", &why);
        }
    }
    return held;
}

struct host_http_auth
host_identity_http_auth(struct host_identity *identity)
{
    const struct host_http_auth auth = {
        .self = identity,
        .resolve = resolve,
        .release = release,
        .name = host_principal_name,
        .has_function = has_function,
    };
    return auth;
}

/* ---- handlers ---- */

static void
cleanup_json(struct json_object **object)
{
    json_object_put(*object);
}

/* Name and password of the body, in request memory. */
static cim_status
read_credentials(cim_http_req *req, struct host_sign_in *attempt, cim_error *err)
{
    static const char *const keys[] = {"username", "password", "code", NULL};
    __attribute__((cleanup(cleanup_json))) struct json_object *root = NULL;
    struct host_json_in in = {.where = "body"};
    const char *text = NULL;
    const char *from[3] = {NULL, NULL, NULL};
    uint64_t len = 0;
    CIM_TRY(host_http_body_text(req, HOST_AUTH_BODY_MAX, &text, &len, err));
    CIM_TRY(host_json_parse(in.where, text, (size_t)len, &root, err));
    in.value = root;
    CIM_TRY(host_json_keys(&in, keys, err));
    for (size_t i = 0; i < 3; i++) {
        char *copy = NULL;
        if (host_json_text(&in, keys[i], i < 2 ? HOST_JSON_REQUIRED : HOST_JSON_OPTIONAL, &from[i],
                           NULL) != CIM_OK) {
            return cim_fail(err, CIM_E_INVALID, keys[i], NULL, "应为文本", "expected a text");
        }
        if (from[i] == NULL) {
            continue;
        }
        copy = host_http_alloc(req, strlen(from[i]) + 1);
        if (copy == NULL) {
            return cim_fail_nomem(err);
        }
        memcpy(copy, from[i], strlen(from[i]) + 1);
        from[i] = copy;
    }
    attempt->username = from[0];
    attempt->password = from[1];
    attempt->code = from[2];
    attempt->address = host_http_client_address(req);
    return CIM_OK;
}

static cim_status
handle_login(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_identity *identity = self;
    struct host_sign_in attempt = {.event = "login", .request_id = call->request_id};
    int64_t locked_ms = 0;
    cim_error why;
    CIM_TRY(host_enter_same_site(req, err));
    CIM_TRY(read_credentials(req, &attempt, err));
    const cim_status status = host_sign_in(identity, &attempt, &locked_ms, &why);
    if (status != CIM_OK) {
        return host_enter_refused(call, req, &why, locked_ms, err);
    }
    const struct host_entry entry = {.username = attempt.username};
    return host_enter(identity, req, &entry, err);
}

/* A token is for programs, which take no steps: what is missing is said, and nothing given. */
static cim_status
check_token_steps(struct host_identity *identity, const struct host_sign_in *attempt,
                  int64_t *ret_locked_ms, cim_error *err)
{
    struct host_sign_in_step step;
    CIM_TRY(host_next_step(identity, attempt->username, HOST_FACTOR_NOBODY, &step, err));
    if (step.kind == HOST_SESSION_FACTOR) {
        if (attempt->code == NULL) {
            return cim_fail(err, CIM_E_DENIED, "code", NULL, "还需要第二因素的验证码 code",
                            "the code of the second factor is needed too");
        }
        CIM_TRY(host_sign_in_factor(identity, attempt, ret_locked_ms, err));
        CIM_TRY(host_next_step(identity, attempt->username, HOST_FACTOR_CODE, &step, err));
    }
    if (step.kind == HOST_SESSION_COOKIE) {
        return CIM_OK;
    }
    return step.password
               ? cim_fail(err, CIM_E_DENIED, "password", NULL,
                          "密码须先更换：请在页面登录并设置新密码",
                          "the password has to be changed first: sign in with a page")
               : cim_fail(err, CIM_E_DENIED, "factor", NULL, "须先设置第二因素：请在页面登录并设置",
                          "a second factor has to be set up first: sign in with a page");
}

static cim_status
handle_token(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_identity *identity = self;
    struct host_sign_in attempt = {.event = "token", .request_id = call->request_id};
    CIM_AUTO_BUF struct cim_buf body;
    char token[HOST_TOKEN_TEXT];
    int64_t locked_ms = 0;
    cim_error why;
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    CIM_TRY(read_credentials(req, &attempt, err));
    cim_status status = host_sign_in(identity, &attempt, &locked_ms, &why);
    if (status == CIM_OK) {
        status = check_token_steps(identity, &attempt, &locked_ms, &why);
    }
    if (status != CIM_OK) {
        return host_enter_refused(call, req, &why, locked_ms, err);
    }
    const struct host_session_start start = {
        .kind = HOST_SESSION_BEARER,
        .username = attempt.username,
        .now_ms = host_clock_now_ms(identity->options.clock),
        .life_ms = identity->options.token_ms,
        .address = attempt.address,
        .agent = host_http_header(req, "User-Agent"),
    };
    CIM_TRY(host_sessions_begin(&identity->sessions, &start, token, err));
    cim_buf_addf(&body, "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%lld}",
                 token, (long long)(identity->options.token_ms / 1000));
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

static cim_status
handle_me(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    (void)self;
    return host_enter_answer_me(
        req, host_http_principal(call),
        bearer_of(req) == NULL ? host_http_cookie(req, HOST_ENTER_COOKIE) : NULL, NULL, err);
}

static cim_status
handle_logout(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_identity *identity = self;
    const char *bearer = bearer_of(req);
    const char *token = bearer != NULL ? bearer : host_http_cookie(req, HOST_ENTER_COOKIE);
    const struct host_sign_in attempt = {
        .event = "logout",
        .username = call->principal,
        .address = host_http_client_address(req),
        .request_id = call->request_id,
    };
    CIM_AUTO_BUF struct cim_buf url;
    struct host_session session = {0};
    cim_blob nothing = {0};
    cim_buf_init(&url, HOST_AUTH_ANSWER_MAX);
    if (token != NULL) {
        (void)host_sessions_copy(&identity->sessions, token, &session, NULL); /* else it is gone */
        CIM_TRY(host_sessions_end(&identity->sessions, token, err));
    }
    CIM_TRY(host_sign_in_log(identity, &attempt, "ok", NULL, err));
    if (bearer == NULL) {
        CIM_TRY(host_enter_set_cookie(identity, req, "", err));
    }
    if (session.provider[0] != '\0') {
        CIM_TRY(host_provider_logout_url(identity, session.provider, host_http_base_url(req), &url,
                                         err));
    }
    if (url.len > 0) {
        CIM_AUTO_BUF struct cim_buf body;
        cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
        cim_buf_add_text(&body, "{\"logout_url\":");
        cim_buf_add_json_text(&body, url.data, url.len);
        cim_buf_add_char(&body, '}');
        return host_http_respond_no_store(req, 200, "application/json", &body, err);
    }
    CIM_TRY(host_http_add_header(req, "Cache-Control", "no-store", err));
    return host_http_respond(req, 204, "application/json", &nothing, err);
}

cim_status
host_identity_add_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/auth/me",
         .operation_id = "me",
         .summary_zh = "当前用户",
         .summary_en = "Who is signed in",
         .handle = handle_me,
         .self = identity},
        {.method = "POST",
         .pattern = "/auth/login",
         .flags = HOST_ROUTE_ANONYMOUS | HOST_ROUTE_NO_CSRF | HOST_ROUTE_HEAVY,
         .operation_id = "login",
         .summary_zh = "登录",
         .summary_en = "Sign in",
         .handle = handle_login,
         .self = identity},
        {.method = "POST",
         .pattern = "/auth/logout",
         .operation_id = "logout",
         .summary_zh = "退出",
         .summary_en = "Sign out",
         .handle = handle_logout,
         .self = identity},
        {.method = "POST",
         .pattern = "/auth/token",
         .flags = HOST_ROUTE_ANONYMOUS | HOST_ROUTE_NO_CSRF | HOST_ROUTE_HEAVY,
         .operation_id = "token",
         .summary_zh = "获取访问令牌",
         .summary_en = "Get an access token",
         .handle = handle_token,
         .self = identity},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        CIM_TRY(host_http_add_route(http, &routes[i], err));
    }
    CIM_TRY(host_api_area_routes(identity, http, err));
    CIM_TRY(host_api_org_routes(identity, http, err));
    CIM_TRY(host_api_user_routes(identity, http, err));
    CIM_TRY(host_api_role_routes(identity, http, err));
    CIM_TRY(host_api_grant_routes(identity, http, err));
    CIM_TRY(host_api_request_routes(identity, http, err));
    CIM_TRY(host_api_sheet_routes(identity, http, err));
    CIM_TRY(host_api_directory_routes(identity, http, err));
    CIM_TRY(host_api_session_routes(identity, http, err));
    CIM_TRY(host_api_token_routes(identity, http, err));
    CIM_TRY(host_enter_routes(identity, http, err));
    return host_provider_routes(identity, http, err);
}
