/* host/identity/enter.c -- see enter.h. */
#include "host/identity/enter.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/problem.h"
#include "kit/buf.h"

/* The CSRF token follows from the session's own token, which only the browser has. */
cim_status
host_enter_csrf(const char *token, char ret_csrf[HOST_TOKEN_TEXT], cim_error *err)
{
    return host_sha256_text("cim-csrf:", token, ret_csrf, err);
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
add_me(struct cim_buf *out, const struct host_principal *principal, const char *csrf,
       const char *recovery_json)
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
    if (recovery_json != NULL) {
        cim_buf_addf(out, ",\"recovery\":%s", recovery_json);
    }
    cim_buf_add_char(out, '}');
}

cim_status
host_enter_answer_me(cim_http_req *req, const struct host_principal *principal, const char *token,
                     const char *recovery_json, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    char csrf[HOST_TOKEN_TEXT];
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    if (token != NULL) {
        CIM_TRY(host_enter_csrf(token, csrf, err));
    }
    add_me(&body, principal, token != NULL ? csrf : NULL, recovery_json);
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

cim_status
host_enter_answer_step(cim_http_req *req, const struct host_entry *entry,
                       const struct host_sign_in_step *step, const char *token, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    char csrf[HOST_TOKEN_TEXT];
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    CIM_TRY(host_enter_csrf(token, csrf, err));
    cim_buf_add_text(&body, "{\"username\":");
    cim_buf_add_json_text(&body, entry->username, SIZE_MAX);
    cim_buf_addf(&body, ",\"step\":\"%s\",\"csrf\":\"%s\"",
                 step->kind == HOST_SESSION_FACTOR ? "code"
                 : step->password                  ? "password"
                                                   : "factor",
                 csrf);
    if (entry->recovery_json != NULL) {
        cim_buf_addf(&body, ",\"recovery\":%s", entry->recovery_json);
    }
    cim_buf_add_char(&body, '}');
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

cim_status
host_enter_refused(const cim_call *call, cim_http_req *req, const cim_error *why, int64_t locked_ms,
                   cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    const int32_t http_status = why->code == CIM_E_STATE ? 429 : 401;
    char seconds[24];
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    if (why->code != CIM_E_STATE && why->code != CIM_E_DENIED) {
        if (err != NULL) {
            *err = *why;
        }
        return why->code;
    }
    host_problem_write(&body, http_status, why, call->request_id);
    if (http_status == 429) {
        (void)snprintf(seconds, sizeof seconds, "%lld", (long long)((locked_ms + 999) / 1000));
        CIM_TRY(host_http_add_header(req, "Retry-After", seconds, err));
    }
    return host_http_respond_no_store(req, http_status, "application/problem+json", &body, err);
}

/* ---- the way in ---- */

cim_status
host_enter_same_site(cim_http_req *req, cim_error *err)
{
    const char *site = host_http_header(req, "Sec-Fetch-Site");
    if (site != NULL && strcmp(site, "cross-site") == 0) {
        return cim_fail(err, CIM_E_DENIED, "Sec-Fetch-Site", site, "不接受其他网站发起的登录",
                        "a sign-in from another site is not accepted");
    }
    return CIM_OK;
}

cim_status
host_enter_set_cookie(struct host_identity *identity, cim_http_req *req, const char *token,
                      cim_error *err)
{
    char header[256];
    const char *base = host_http_base_url(req);
    (void)snprintf(header, sizeof header,
                   HOST_ENTER_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s",
                   token,
                   token[0] != '\0' ? (long long)(identity->options.session_absolute_ms / 1000) : 0,
                   base != NULL && strncmp(base, "https:", 6) == 0 ? "; Secure" : "");
    return host_http_add_header(req, "Set-Cookie", header, err);
}

cim_status
host_enter_begin(struct host_identity *identity, cim_http_req *req, const struct host_entry *entry,
                 struct host_sign_in_step *ret_step, char ret_token[HOST_TOKEN_TEXT],
                 cim_error *err)
{
    const char *old = host_http_cookie(req, HOST_ENTER_COOKIE);
    struct host_session before = {0};
    if (old != NULL) { /* of a provider: so are the steps after it */
        (void)host_sessions_copy(&identity->sessions, old, &before, NULL);
    }
    CIM_TRY(host_next_step(identity, entry->username, entry->factor, ret_step, err));
    const struct host_session_start start = {
        .kind = ret_step->kind,
        .username = entry->username,
        .now_ms = host_clock_now_ms(identity->options.clock),
        .life_ms = ret_step->kind == HOST_SESSION_COOKIE ? identity->options.session_absolute_ms
                                                         : HOST_STEP_MS,
        .address = host_http_client_address(req),
        .agent = host_http_header(req, "User-Agent"),
        .provider = entry->provider != NULL ? entry->provider : before.provider,
        .provider_sid = entry->provider != NULL ? entry->provider_sid : before.provider_sid,
    };
    if (old != NULL) { /* a new token at each step, and the one before is worth nothing */
        CIM_TRY(host_sessions_end(&identity->sessions, old, err));
    }
    CIM_TRY(host_sessions_begin(&identity->sessions, &start, ret_token, err));
    return host_enter_set_cookie(identity, req, ret_token, err);
}

cim_status
host_enter(struct host_identity *identity, cim_http_req *req, const struct host_entry *entry,
           cim_error *err)
{
    struct host_sign_in_step step;
    char token[HOST_TOKEN_TEXT];
    struct host_principal *principal = NULL;
    CIM_TRY(host_enter_begin(identity, req, entry, &step, token, err));
    if (step.kind != HOST_SESSION_COOKIE) {
        return host_enter_answer_step(req, entry, &step, token, err);
    }
    CIM_TRY(host_principal_get(identity, entry->username, &principal, err));
    const cim_status status =
        host_enter_answer_me(req, principal, token, entry->recovery_json, err);
    host_principal_release(principal);
    return status;
}
