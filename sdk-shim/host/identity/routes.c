/* Who asks, and /auth/…. */
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/base/problem.h"
#include "host/identity/api.h"
#include "host/store/row.h"
#include "kit/buf.h"

#include <json-c/json.h>
#include <openssl/crypto.h>
#include <strings.h>

enum { HOST_AUTH_BODY_MAX = 4096, HOST_AUTH_ANSWER_MAX = 256 << 10 };

#define COOKIE_NAME "cim_session"
#define CSRF_HEADER "X-CSRF-Token"

/* The CSRF token follows from the session's own token, which only the browser has. */
static cim_status
csrf_of(const char *token, char ret_csrf[HOST_TOKEN_TEXT], cim_error *err)
{
    return host_sha256_text("cim-csrf:", token, ret_csrf, err);
}

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
    CIM_TRY(csrf_of(token, wanted, err));
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

static cim_status
resolve(void *self, cim_http_req *req, const struct host_route *route,
        struct host_principal **ret_principal, cim_error *err)
{
    struct host_identity *identity = self;
    const int64_t now_ms = host_clock_now_ms(identity->options.clock);
    const char *bearer = bearer_of(req);
    const char *cookie = bearer == NULL ? host_http_cookie(req, COOKIE_NAME) : NULL;
    char username[HOST_USERNAME_MAX + 1];
    cim_status status = CIM_E_DENIED;
    if (bearer != NULL) {
        /* A token that is not good is refused even where anonymous would do: who sends one means
         * to be somebody. */
        CIM_TRY(host_sessions_find(&identity->sessions, HOST_SESSION_BEARER, bearer, now_ms,
                                   username, err));
        return principal_of(identity, username, ret_principal, err);
    }
    if (cookie != NULL) {
        status = host_sessions_find(&identity->sessions, HOST_SESSION_COOKIE, cookie, now_ms,
                                    username, err);
        if (status != CIM_OK && status != CIM_E_DENIED) {
            return status;
        }
    }
    if (status == CIM_OK) {
        if (!is_safe_method(host_http_method(req)) && (route->flags & HOST_ROUTE_NO_CSRF) == 0) {
            CIM_TRY(check_csrf(identity, req, cookie, username, err));
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
    const char *token = bearer != NULL ? bearer : host_http_cookie(req, COOKIE_NAME);
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

/* ---- answers ---- */

static void
add_list(struct cim_buf *out, const char *name, char *const *texts, size_t n)
{
    cim_buf_addf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        cim_buf_add_text(out, i > 0 ? "," : "");
        cim_buf_add_json_text(out, texts[i], SIZE_MAX);
    }
    cim_buf_add_char(out, ']');
}

static void
add_me(struct cim_buf *out, const struct host_principal *principal, const char *csrf)
{
    bool first = true;
    cim_buf_add_text(out, "{\"username\":");
    cim_buf_add_json_text(out, principal->username, SIZE_MAX);
    cim_buf_add_text(out, ",\"display_name\":");
    cim_buf_add_json_text(out, principal->display_name, SIZE_MAX);
    add_list(out, "roles", principal->roles, principal->n_roles);
    add_list(out, "areas", principal->area_codes, principal->n_area_codes);
    cim_buf_add_text(out, ",\"org\":");
    if (principal->org != NULL) {
        cim_buf_add_json_text(out, principal->org, SIZE_MAX);
    } else {
        cim_buf_add_text(out, "null");
    }
    cim_buf_add_text(out, ",\"functions\":[");
    for (size_t i = 0; i < principal->n_functions; i++) {
        if (!principal->functions[i].pass_on &&
            host_principal_has_function(principal, principal->functions[i].id) != 0) {
            cim_buf_add_text(out, first ? "" : ",");
            cim_buf_add_json_text(out, principal->functions[i].id, SIZE_MAX);
            first = false;
        }
    }
    cim_buf_add_text(out, "],\"csrf\":");
    if (csrf != NULL) {
        cim_buf_add_json_text(out, csrf, SIZE_MAX);
    } else {
        cim_buf_add_text(out, "null");
    }
    cim_buf_add_char(out, '}');
}

static cim_status
answer(cim_http_req *req, int32_t http_status, const char *mime, struct cim_buf *body,
       cim_error *err)
{
    cim_blob blob = {0};
    cim_status status = cim_buf_status(body, err);
    CIM_TRY(status);
    CIM_TRY(host_http_add_header(req, "Cache-Control", "no-store", err));
    cim_buf_to_blob(body, &blob);
    status = host_http_respond(req, http_status, mime, &blob, err);
    if (blob.release != NULL) {
        blob.release(&blob);
    }
    return status;
}

static cim_status
answer_me(cim_http_req *req, const struct host_principal *principal, const char *token,
          cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    char csrf[HOST_TOKEN_TEXT];
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    if (token != NULL) {
        CIM_TRY(csrf_of(token, csrf, err));
    }
    add_me(&body, principal, token != NULL ? csrf : NULL);
    return answer(req, 200, "application/json", &body, err);
}

/* A refused sign-in: 401 or, when locked, 429; anything else is the caller's failure. */
static cim_status
answer_refused(struct host_identity *identity, const cim_call *call, cim_http_req *req,
               const cim_error *why, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    const int32_t http_status = why->code == CIM_E_STATE ? 429 : 401;
    char seconds[24];
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    host_problem_write(&body, http_status, why, call->request_id);
    if (http_status == 429) {
        (void)snprintf(seconds, sizeof seconds, "%lld",
                       (long long)(identity->options.lock_ms / 1000));
        CIM_TRY(host_http_add_header(req, "Retry-After", seconds, err));
    }
    return answer(req, http_status, "application/problem+json", &body, err);
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
    static const char *const keys[] = {"username", "password", NULL};
    __attribute__((cleanup(cleanup_json))) struct json_object *root = NULL;
    struct host_json_in in = {.where = "body"};
    const char *text = NULL;
    const char *from[2] = {NULL, NULL};
    uint64_t len = 0;
    CIM_TRY(host_http_body_text(req, HOST_AUTH_BODY_MAX, &text, &len, err));
    CIM_TRY(host_json_parse(in.where, text, (size_t)len, &root, err));
    in.value = root;
    CIM_TRY(host_json_keys(&in, keys, err));
    for (size_t i = 0; i < 2; i++) {
        char *copy = NULL;
        if (host_json_text(&in, keys[i], HOST_JSON_REQUIRED, &from[i], NULL) != CIM_OK) {
            return cim_fail(err, CIM_E_INVALID, keys[i], NULL, "应为文本", "expected a text");
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
    attempt->address = host_http_client_address(req);
    return CIM_OK;
}

/* A page elsewhere must not sign a browser in: old browsers do not say, new ones do. */
static cim_status
check_same_site(cim_http_req *req, cim_error *err)
{
    const char *site = host_http_header(req, "Sec-Fetch-Site");
    if (site != NULL && strcmp(site, "cross-site") == 0) {
        return cim_fail(err, CIM_E_DENIED, "Sec-Fetch-Site", site, "不接受其他网站发起的登录",
                        "a sign-in from another site is not accepted");
    }
    return CIM_OK;
}

static cim_status
set_cookie(struct host_identity *identity, cim_http_req *req, const char *token, cim_error *err)
{
    char header[256];
    const char *base = host_http_base_url(req);
    (void)snprintf(header, sizeof header,
                   COOKIE_NAME "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", token,
                   token[0] != '\0' ? (long long)(identity->options.session_absolute_ms / 1000) : 0,
                   base != NULL && strncmp(base, "https:", 6) == 0 ? "; Secure" : "");
    return host_http_add_header(req, "Set-Cookie", header, err);
}

static bool
is_refusal(cim_status status)
{
    return status == CIM_E_DENIED || status == CIM_E_STATE;
}

static cim_status
handle_login(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_identity *identity = self;
    struct host_sign_in attempt = {.event = "login", .request_id = call->request_id};
    const char *old = host_http_cookie(req, COOKIE_NAME);
    char token[HOST_TOKEN_TEXT];
    struct host_principal *principal = NULL;
    cim_error why;
    cim_status status = CIM_OK;
    CIM_TRY(check_same_site(req, err));
    CIM_TRY(read_credentials(req, &attempt, err));
    status = host_sign_in(identity, &attempt, &why);
    if (is_refusal(status)) {
        return answer_refused(identity, call, req, &why, err);
    }
    if (status != CIM_OK) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    if (old != NULL) { /* a new token at each sign-in, and the one before is worth nothing */
        CIM_TRY(host_sessions_end(&identity->sessions, old, err));
    }
    CIM_TRY(host_sessions_begin(&identity->sessions, HOST_SESSION_COOKIE, attempt.username,
                                host_clock_now_ms(identity->options.clock),
                                identity->options.session_absolute_ms, token, err));
    CIM_TRY(set_cookie(identity, req, token, err));
    CIM_TRY(principal_of(identity, attempt.username, &principal, err));
    status = answer_me(req, principal, token, err);
    host_principal_release(principal);
    return status;
}

static cim_status
handle_token(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_identity *identity = self;
    struct host_sign_in attempt = {.event = "token", .request_id = call->request_id};
    CIM_AUTO_BUF struct cim_buf body;
    char token[HOST_TOKEN_TEXT];
    cim_error why;
    cim_status status = CIM_OK;
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    CIM_TRY(read_credentials(req, &attempt, err));
    status = host_sign_in(identity, &attempt, &why);
    if (is_refusal(status)) {
        return answer_refused(identity, call, req, &why, err);
    }
    if (status != CIM_OK) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    CIM_TRY(host_sessions_begin(&identity->sessions, HOST_SESSION_BEARER, attempt.username,
                                host_clock_now_ms(identity->options.clock),
                                identity->options.token_ms, token, err));
    cim_buf_addf(&body, "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%lld}",
                 token, (long long)(identity->options.token_ms / 1000));
    return answer(req, 200, "application/json", &body, err);
}

static cim_status
handle_me(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    (void)self;
    return answer_me(req, host_http_principal(call),
                     bearer_of(req) == NULL ? host_http_cookie(req, COOKIE_NAME) : NULL, err);
}

static cim_status
handle_logout(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_identity *identity = self;
    const char *bearer = bearer_of(req);
    const char *token = bearer != NULL ? bearer : host_http_cookie(req, COOKIE_NAME);
    const struct host_sign_in attempt = {
        .event = "logout",
        .username = call->principal,
        .address = host_http_client_address(req),
        .request_id = call->request_id,
    };
    cim_blob nothing = {0};
    if (token != NULL) {
        CIM_TRY(host_sessions_end(&identity->sessions, token, err));
    }
    CIM_TRY(host_sign_in_log(identity, &attempt, "ok", NULL, err));
    if (bearer == NULL) {
        CIM_TRY(set_cookie(identity, req, "", err));
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
    return host_api_grant_routes(identity, http, err);
}
