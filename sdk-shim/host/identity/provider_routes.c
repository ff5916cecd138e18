/* host/identity/provider_routes.c -- signing in elsewhere: OpenID Connect (authorization code with
 * PKCE), plain OAuth 2, tickets, CAS.
 *
 * What belongs to one sign-in (state, nonce, verifier, where to go after) lies sealed in a cookie
 * of the browser that began it, and nowhere else: a callback in another browser finds nothing to
 * compare with, and no flood of beginnings fills a table. Whatever goes wrong is one clear page
 * that leads back to the local sign-in, and a refusal in the audit.
 */
#include "host/identity/provider_inner.h"
#include "host/identity/api.h"
#include "host/identity/enter.h"
#include "host/identity/cas.h"
#include "host/identity/jose.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/crypt/crypt.h"
#include "kit/buf.h"
#include "kit/cleanup.h"
#include "kit/digest.h"

#include <ctype.h>
#include <json-c/json.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum { FLOW_MS = 600000, FLOW_TEXT_MAX = 2048, FLOW_COOKIE_MAX = 3500, RETURN_MAX = 512 };

#define FLOW_COOKIE "cim_flow"

/* ---- what belongs to one sign-in ---- */

struct flow {
    char state[HOST_TOKEN_TEXT];
    char nonce[HOST_TOKEN_TEXT];
    char verifier[HOST_TOKEN_TEXT];
    char back[RETURN_MAX];          /* path of this site to go to after */
    char redirect[RETURN_MAX + 64]; /* as it was told to the provider */
    int64_t until_ms;
};

static cim_crypt_place
place_of(const struct host_provider *provider)
{
    return (cim_crypt_place){.struct_size = sizeof(cim_crypt_place),
                             .uid_len = (uint32_t)strlen(provider->id),
                             .table = "cim_flow",
                             .column = "cookie",
                             .uid = provider->id};
}

/* A path of this site, and nothing that a browser could take for another one. */
static bool
is_own_path(const char *path)
{
    if (path[0] != '/' || path[1] == '/' || path[1] == '\\' || strlen(path) >= RETURN_MAX) {
        return false;
    }
    for (const char *at = path; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || *at == '\\' || (unsigned char)*at >= 127) {
            return false;
        }
    }
    return true;
}

static cim_status
set_flow_cookie(cim_http_req *req, const char *value, cim_error *err)
{
    CIM_AUTO_FREE char *header = NULL;
    const char *base = host_http_base_url(req);
    /* Lax: it must come with the redirect from the provider's site. */
    if (asprintf(&header, FLOW_COOKIE "=%s; Path=/auth/; HttpOnly; SameSite=Lax; Max-Age=%d%s",
                 value, value[0] != '\0' ? FLOW_MS / 1000 : 0,
                 strncmp(base, "https:", 6) == 0 ? "; Secure" : "") < 0) {
        header = NULL;
        return cim_fail_nomem(err);
    }
    return host_http_add_header(req, "Set-Cookie", header, err);
}

static cim_status
seal_flow(struct host_identity *identity, const struct host_provider *provider,
          const struct flow *flow, char ret_value[FLOW_COOKIE_MAX], cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf text;
    size_t len = 0;
    const cim_crypt_place place = place_of(provider);
    cim_buf_init(&text, FLOW_TEXT_MAX);
    cim_buf_addf(&text, "{\"until\":%lld", (long long)flow->until_ms);
    host_api_add(&text, "state", flow->state);
    host_api_add(&text, "nonce", flow->nonce);
    host_api_add(&text, "verifier", flow->verifier);
    host_api_add(&text, "back", flow->back);
    host_api_add(&text, "redirect", flow->redirect);
    cim_buf_add_char(&text, '}');
    CIM_TRY(cim_buf_status(&text, err));
    CIM_TRY(host_crypt_seal(identity->options.crypt, &place, text.data, text.len, NULL, 0,
                            ret_value, FLOW_COOKIE_MAX - 1, &len, err));
    ret_value[len] = '\0';
    return CIM_OK;
}

static bool
take_member(struct json_object *object, const char *name, char *out, size_t size)
{
    const char *text = host_claim_text(object, name);
    if (text == NULL || strlen(text) >= size) {
        return false;
    }
    cim_copy_text(out, size, text);
    return true;
}

static cim_status
fail_flow(cim_error *err)
{
    return cim_fail(err, CIM_E_DENIED, "state", NULL,
                    "这次登录不是在本浏览器中开始的，或已超过 10 分钟",
                    "this sign-in was not begun in this browser, or more than 10 minutes ago");
}

/* The flow of this browser, if the callback is of it. */
static cim_status
open_flow(struct host_identity *identity, const struct host_provider *provider, cim_http_req *req,
          struct flow *ret_flow, cim_error *err)
{
    AUTO_JSON struct json_object *object = NULL;
    char text[FLOW_COOKIE_MAX];
    size_t len = 0;
    struct flow flow = {0};
    const cim_crypt_place place = place_of(provider);
    const char *cookie = host_http_cookie(req, FLOW_COOKIE);
    const char *state = host_http_query_param(req, "state");
    struct json_object *until = NULL;
    if (cookie == NULL || state == NULL || strlen(cookie) >= FLOW_COOKIE_MAX ||
        host_crypt_unseal(identity->options.crypt, &place, cookie, strlen(cookie), text,
                          sizeof text - 1, &len, NULL) != CIM_OK) {
        return fail_flow(err);
    }
    text[len] = '\0';
    object = json_tokener_parse(text);
    if (object == NULL || !take_member(object, "state", flow.state, sizeof flow.state) ||
        !take_member(object, "nonce", flow.nonce, sizeof flow.nonce) ||
        !take_member(object, "verifier", flow.verifier, sizeof flow.verifier) ||
        !take_member(object, "back", flow.back, sizeof flow.back) ||
        !take_member(object, "redirect", flow.redirect, sizeof flow.redirect) ||
        !json_object_object_get_ex(object, "until", &until)) {
        return fail_flow(err);
    }
    flow.until_ms = json_object_get_int64(until);
    cim_copy_text(ret_flow->back, sizeof ret_flow->back, flow.back);
    if (host_clock_now_ms(identity->options.clock) >= flow.until_ms ||
        strlen(state) != strlen(flow.state) ||
        CRYPTO_memcmp(state, flow.state, strlen(state)) != 0) {
        return fail_flow(err);
    }
    *ret_flow = flow;
    return CIM_OK;
}

/* ---- pages ---- */

/* What happened, in both languages, and the way back to the local sign-in. */
static cim_status
answer_failure(const cim_call *call, cim_http_req *req, const cim_error *why, const char *back,
               cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    const bool busy = why->code == CIM_E_BUSY;
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    cim_buf_add_text(&body, "<!doctype html><html lang=\"zh\"><meta charset=\"utf-8\"><meta "
                            "name=\"viewport\" content=\"width=device-width\"><title>登录未完成 / "
                            "Sign-in not completed</title><h1>登录未完成 / Sign-in not "
                            "completed</h1><p id=\"zh\">");
    cim_buf_add_html(&body, why->zh);
    cim_buf_add_text(&body, "</p><p id=\"en\" lang=\"en\">");
    cim_buf_add_html(&body, why->en);
    cim_buf_add_text(&body, "</p><p><a href=\"");
    cim_buf_add_html(&body, is_own_path(back) ? back : HOST_SIGN_IN_HOME);
    cim_buf_add_text(&body, "\">返回登录，可用本地账号 / Back to the sign-in, also with a local "
                            "account</a></p><p>");
    cim_buf_add_html(&body, call->request_id);
    cim_buf_add_text(&body, "</p></html>");
    if (busy) {
        CIM_TRY(host_http_add_header(req, "Retry-After", "10", err));
    }
    return host_http_respond_no_store(req, busy ? 503 : 401, "text/html; charset=utf-8", &body,
                                      err);
}

static cim_status
redirect(cim_http_req *req, int32_t http_status, const char *url, cim_error *err)
{
    cim_blob nothing = {0};
    CIM_TRY(host_http_add_header(req, "Cache-Control", "no-store", err));
    CIM_TRY(host_http_add_header(req, "Location", url, err));
    return host_http_respond(req, http_status, "text/plain", &nothing, err);
}

void
host_provider_note(struct host_identity *identity, const cim_call *call, cim_http_req *req,
                   const char *event, const char *username, const cim_error *why)
{
    const struct host_sign_in attempt = {.event = event,
                                         .username = username != NULL ? username : "?",
                                         .address = host_http_client_address(req),
                                         .request_id = call->request_id};
    cim_error error;
    if (host_sign_in_log(identity, &attempt, why == NULL ? "ok" : "refused",
                         why == NULL             ? NULL
                         : why->param[0] != '\0' ? why->param
                                                 : "failure",
                         &error) != CIM_OK) {
        host_log_error("identity", "sign-in log", &error);
    }
}

cim_status
host_provider_of_request(struct host_identity *identity, cim_http_req *req,
                         struct host_provider **ret_provider, cim_error *err)
{
    const char *id = host_http_path_param(req, "provider");
    *ret_provider = host_provider_find(identity->providers, id);
    return *ret_provider != NULL && identity->options.crypt != NULL
               ? CIM_OK
               : cim_fail(err, CIM_E_NOTFOUND, "provider", id, "没有这个登录方式",
                          "there is no such sign-in provider");
}

/* ---- beginning ---- */

static cim_status
challenge_of(const char *verifier, char ret_challenge[48], cim_error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    if (EVP_Digest(verifier, strlen(verifier), digest, &len, cim_sha256(), NULL) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "SHA-256 失败", "SHA-256 failed");
    }
    (void)EVP_EncodeBlock((unsigned char *)ret_challenge, digest, (int)len);
    for (char *at = ret_challenge; *at != '\0'; at++) {
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at == '=' ? '\0' : *at;
        if (*at == '\0') {
            break;
        }
    }
    return CIM_OK;
}

static bool
has_tickets(const struct host_provider *provider)
{
    return provider->kind == HOST_PROVIDER_TICKET || provider->kind == HOST_PROVIDER_CAS;
}

static cim_status
make_flow(struct host_identity *identity, const struct host_provider *provider, cim_http_req *req,
          struct flow *flow, cim_error *err)
{
    const char *back = host_http_query_param(req, "return");
    const char *site = identity->options.site_url;
    const char *base = site != NULL && site[0] != '\0' ? site : host_http_base_url(req);
    back = back != NULL ? back : HOST_SIGN_IN_HOME;
    if (!is_own_path(back)) {
        return cim_fail(err, CIM_E_INVALID, "return", back, "应为本站路径，如 /admin/",
                        "expected a path of this site such as /admin/");
    }
    cim_copy_text(flow->back, sizeof flow->back, back);
    flow->until_ms = host_clock_now_ms(identity->options.clock) + FLOW_MS;
    CIM_TRY(host_random_token(flow->state, err));
    /* A portal with tickets gives nothing back but what the address says. */
    const bool ticket = has_tickets(provider);
    (void)snprintf(flow->redirect, sizeof flow->redirect, "%s/auth/callback/%s%s%s", base,
                   provider->id, ticket ? "?state=" : "", ticket ? flow->state : "");
    CIM_TRY(host_random_token(flow->nonce, err));
    return host_random_token(flow->verifier, err);
}

static cim_status
write_request(struct host_provider *provider, const struct flow *flow, struct cim_buf *url,
              cim_error *err)
{
    AUTO_JSON struct json_object *metadata = NULL;
    const char *endpoint = NULL;
    char challenge[48];
    CIM_TRY(host_provider_metadata(provider, &metadata, err));
    CIM_TRY(host_provider_endpoint(metadata, "authorization_endpoint", &endpoint, err));
    CIM_TRY(challenge_of(flow->verifier, challenge, err));
    if (provider->kind == HOST_PROVIDER_CAS) {
        cim_buf_addf(url, "%s?", endpoint);
        host_url_add(url, "service", flow->redirect);
        return cim_buf_status(url, err);
    }
    if (provider->kind == HOST_PROVIDER_TICKET) {
        cim_buf_addf(url, "%s%s", endpoint, strchr(endpoint, '?') != NULL ? "&" : "?");
        host_url_add(url, "client_id", provider->client_id);
        host_url_add(url, "&redirect_uri", flow->redirect);
        return cim_buf_status(url, err);
    }
    cim_buf_addf(url, "%s%sresponse_type=code&", endpoint,
                 strchr(endpoint, '?') != NULL ? "&" : "?");
    host_url_add(url, "client_id", provider->client_id);
    host_url_add(url, "&redirect_uri", flow->redirect);
    host_url_add(url, "&scope", provider->scope);
    host_url_add(url, "&state", flow->state);
    host_url_add(url, "&nonce", flow->nonce);
    host_url_add(url, "&code_challenge", challenge);
    cim_buf_add_text(url, "&code_challenge_method=S256");
    return cim_buf_status(url, err);
}

static cim_status
handle_begin(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_identity *identity = self;
    struct host_provider *provider = NULL;
    struct flow flow = {0};
    char cookie[FLOW_COOKIE_MAX];
    CIM_AUTO_BUF struct cim_buf url;
    cim_error why = {0};
    cim_buf_init(&url, 8192);
    CIM_TRY(host_provider_of_request(identity, req, &provider, err));
    const cim_status status = make_flow(identity, provider, req, &flow, err);
    if (status != CIM_OK) { /* a way to another site, say */
        host_provider_note(identity, call, req, "oidc", NULL, err);
        return status;
    }
    if (write_request(provider, &flow, &url, &why) != CIM_OK) {
        host_provider_note(identity, call, req, "oidc", NULL, &why);
        return answer_failure(call, req, &why, flow.back, err);
    }
    CIM_TRY(seal_flow(identity, provider, &flow, cookie, err));
    CIM_TRY(set_flow_cookie(req, cookie, err));
    return redirect(req, 302, url.data, err);
}

/* ---- the callback ---- */

/* What the provider answers to the browser, before anything is asked of it. */
static cim_status
check_answer(const struct host_provider *provider, cim_http_req *req, cim_error *err)
{
    const char *issuer = host_http_query_param(req, "iss"); /* RFC 9207 */
    const char *code = has_tickets(provider) ? "ticket" : "code";
    if (issuer != NULL && provider->kind == HOST_PROVIDER_OIDC &&
        strcmp(issuer, provider->issuer) != 0) {
        return cim_fail(err, CIM_E_DENIED, "iss", NULL, "应答来自另一个认证系统",
                        "the answer is of another sign-in provider");
    }
    if (host_http_query_param(req, "error") != NULL || host_http_query_param(req, code) == NULL) {
        return cim_fail(err, CIM_E_DENIED, "error", NULL,
                        "统一认证系统没有同意这次登录，或登录被取消",
                        "the sign-in provider did not agree, or the sign-in was cancelled");
    }
    return CIM_OK;
}

cim_status
host_provider_open_token(struct host_provider *provider, const char *token,
                         struct json_object **ret_claims, cim_error *err)
{
    for (int anew = 0; anew < 2; anew++) {
        AUTO_JSON struct json_object *keys = NULL;
        cim_error why = {0};
        CIM_TRY(host_provider_keys(provider, anew != 0, &keys, err));
        const cim_status status = host_jws_open(keys, token, ret_claims, &why);
        if (status != CIM_OK && (strcmp(why.param, "kid") != 0 || anew != 0)) {
            *err = why;
        }
        if (status == CIM_OK || strcmp(why.param, "kid") != 0 || anew != 0) {
            return status;
        }
    }
    return CIM_E_INTERNAL; /* not reached */
}

/* What the ID token does not say; of the same person or not at all. */
static cim_status
add_userinfo(struct host_provider *provider, struct json_object *answer, struct json_object *claims,
             cim_error *err)
{
    AUTO_JSON struct json_object *metadata = NULL;
    AUTO_JSON struct json_object *more = NULL;
    const char *access_token = host_claim_text(answer, "access_token");
    CIM_TRY(host_provider_metadata(provider, &metadata, err));
    if (access_token == NULL || host_claim_text(metadata, "userinfo_endpoint") == NULL) {
        return CIM_OK;
    }
    CIM_TRY(host_provider_userinfo(provider, access_token, &more, err));
    const char *subject = host_claim_text(more, "sub");
    if (subject == NULL || strcmp(subject, host_claim_text(claims, "sub")) != 0) {
        return cim_fail(err, CIM_E_DENIED, "sub", NULL, "用户信息属于另一个人",
                        "the user information is of somebody else");
    }
    json_object_object_foreach(more, key, value)
    {
        if (!json_object_object_get_ex(claims, key, NULL)) {
            (void)json_object_object_add(claims, key, json_object_get(value));
        }
    }
    return CIM_OK;
}

/* From the code to claims that can be relied on. */
static cim_status
learn_claims(struct host_identity *identity, struct host_provider *provider,
             const struct flow *flow, const char *code, struct json_object **ret_claims,
             cim_error *err)
{
    AUTO_JSON struct json_object *answer = NULL;
    AUTO_JSON struct json_object *claims = NULL;
    CIM_TRY(host_provider_exchange(provider, code, flow->verifier, flow->redirect, &answer, err));
    const char *token = host_claim_text(answer, "id_token");
    if (token == NULL) {
        return cim_fail(err, CIM_E_DENIED, "token", NULL, "统一认证系统没有给出 ID 令牌",
                        "the sign-in provider gave no ID token");
    }
    const struct host_jwt_expect expect = {
        .issuer = provider->issuer,
        .client_id = provider->client_id,
        .nonce = flow->nonce,
        .now_ms = host_clock_now_ms(identity->options.clock),
        .skew_ms = provider->skew_ms,
    };
    CIM_TRY(host_provider_open_token(provider, token, &claims, err));
    CIM_TRY(host_jwt_check_id(claims, &expect, err));
    CIM_TRY(add_userinfo(provider, answer, claims, err));
    *ret_claims = CIM_TAKE(claims);
    return CIM_OK;
}

static cim_status
ask_cas(struct host_provider *provider, const struct flow *flow, const char *ticket,
        struct json_object **ret_claims, cim_error *err)
{
    char sid[HOST_TOKEN_TEXT];
    if (!host_cas_ticket_is_good(ticket)) {
        return cim_fail(err, CIM_E_DENIED, "ticket", NULL, "不是 CAS 的服务票据",
                        "this is no service ticket of CAS");
    }
    CIM_TRY(host_provider_ask_cas(provider, ticket, flow->redirect, ret_claims, err));
    CIM_TRY(host_cas_session(ticket, sid, err));
    return json_object_object_add(*ret_claims, "sid", json_object_new_string(sid)) == 0
               ? CIM_OK
               : cim_fail_nomem(err);
}

/* Of a provider without ID tokens: what it says when the platform itself asks about the code or the
 * ticket. The subject may be a number. */
static cim_status
ask_claims(struct host_provider *provider, const struct flow *flow, cim_http_req *req,
           struct json_object **ret_claims, cim_error *err)
{
    AUTO_JSON struct json_object *answer = NULL;
    AUTO_JSON struct json_object *claims = NULL;
    const bool ticket = has_tickets(provider);
    const char *word = host_http_query_param(req, "ticket");
    if (provider->kind == HOST_PROVIDER_CAS) {
        CIM_TRY(ask_cas(provider, flow, word, &claims, err));
    } else if (!ticket) {
        CIM_TRY(host_provider_exchange(provider, host_http_query_param(req, "code"), flow->verifier,
                                       flow->redirect, &answer, err));
        word = host_claim_text(answer, "access_token");
    }
    if (word == NULL) {
        return cim_fail(err, CIM_E_DENIED, "token", NULL, "认证系统没有给出令牌",
                        "the sign-in provider gave no token");
    }
    if (claims == NULL) {
        CIM_TRY(host_provider_ask_user(provider, ticket ? "ticket" : "access_token", word,
                                       flow->redirect, &claims, err));
    }
    struct json_object *subject = host_claim(claims, provider->subject_claim);
    const char *text = json_object_is_type(subject, json_type_int)
                           ? json_object_get_string(subject)
                           : host_claim_text(claims, provider->subject_claim);
    if (text == NULL || text[0] == '\0' || strlen(text) > 255) {
        return cim_fail(err, CIM_E_DENIED, "sub", NULL, "认证系统没有给出用户标识",
                        "the sign-in provider names nobody");
    }
    if (json_object_object_add(claims, "sub", json_object_new_string(text)) != 0) {
        return cim_fail_nomem(err);
    }
    *ret_claims = CIM_TAKE(claims);
    return CIM_OK;
}

static cim_status
let_in(struct host_identity *identity, const struct host_provider *provider,
       struct json_object *claims, cim_http_req *req, char **ret_username,
       struct host_sign_in_step *ret_step, cim_error *err)
{
    const char *sid = host_claim_text(claims, "sid");
    char token[HOST_TOKEN_TEXT];
    const struct host_external external = {
        .provider = provider,
        .subject = host_claim_text(claims, "sub"),
        .claims = claims,
        .now_ms = host_clock_now_ms(identity->options.clock),
    };
    CIM_TRY(host_external_account(identity, &external, ret_username, err));
    const struct host_entry entry = {
        .username = *ret_username,
        .factor = provider->factor_claim != NULL &&
                          host_claim_has(claims, provider->factor_claim, provider->factor_value)
                      ? HOST_FACTOR_PROVIDER
                      : HOST_FACTOR_NOBODY,
        .provider = provider->id,
        .provider_sid = sid,
    };
    return host_enter_begin(identity, req, &entry, ret_step, token, err);
}

static cim_status
finish(struct host_identity *identity, struct host_provider *provider, cim_http_req *req,
       struct flow *flow, char **ret_username, struct host_sign_in_step *ret_step, cim_error *err)
{
    AUTO_JSON struct json_object *claims = NULL;
    CIM_TRY(open_flow(identity, provider, req, flow, err));
    CIM_TRY(check_answer(provider, req, err));
    CIM_TRY(provider->kind == HOST_PROVIDER_OIDC
                ? learn_claims(identity, provider, flow, host_http_query_param(req, "code"),
                               &claims, err)
                : ask_claims(provider, flow, req, &claims, err));
    return let_in(identity, provider, claims, req, ret_username, ret_step, err);
}

static cim_status
handle_callback(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_identity *identity = self;
    struct host_provider *provider = NULL;
    struct flow flow = {0};
    struct host_sign_in_step step = {0};
    CIM_AUTO_FREE char *username = NULL;
    char url[RETURN_MAX + 32];
    cim_error why = {0};
    CIM_TRY(host_provider_of_request(identity, req, &provider, err));
    CIM_TRY(set_flow_cookie(req, "", err)); /* it counts once, whatever comes of it */
    if (finish(identity, provider, req, &flow, &username, &step, &why) != CIM_OK) {
        host_provider_note(identity, call, req, "oidc", username, &why);
        if (why.code != CIM_E_DENIED && why.code != CIM_E_BUSY) {
            *err = why;
            return why.code;
        }
        return answer_failure(call, req, &why, flow.back, err);
    }
    host_provider_note(identity, call, req, "oidc", username, NULL);
    /* A step that is owed here is asked for by the page; what follows "#" stays last. */
    const size_t len = strcspn(flow.back, "#");
    (void)snprintf(url, sizeof url, "%.*s%s%s", (int)len, flow.back,
                   step.kind == HOST_SESSION_COOKIE      ? ""
                   : memchr(flow.back, '?', len) != NULL ? "&sign_in=step"
                                                         : "?sign_in=step",
                   flow.back + len);
    return redirect(req, 303, url, err);
}

/* ---- list and routes ---- */

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_identity *identity = self;
    CIM_AUTO_BUF struct cim_buf body;
    (void)call;
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    cim_buf_add_text(&body, "{\"providers\":[");
    for (size_t i = 0; i < identity->providers->n; i++) {
        const struct host_provider *provider = &identity->providers->providers[i];
        cim_buf_addf(&body, "%s{\"id\":\"%s\"", i > 0 ? "," : "", provider->id);
        host_api_add(&body, "zh", provider->zh);
        host_api_add(&body, "en", provider->en);
        cim_buf_add_char(&body, '}');
    }
    cim_buf_add_text(&body, "]}");
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

cim_status
host_provider_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    static const struct host_route_param params[] = {
        {"provider", "path", "{\"type\":\"string\"}", "登录方式", "Sign-in provider"},
        {"return", "query", "{\"type\":\"string\"}", "登录后的本站路径",
         "Path of this site to go to"},
        {.name = NULL}};
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/auth/providers",
         .flags = HOST_ROUTE_ANONYMOUS,
         .operation_id = "listProviders",
         .summary_zh = "统一认证登录方式",
         .summary_en = "Sign-in providers",
         .handle = handle_list,
         .self = identity},
        {.method = "GET",
         .pattern = "/auth/login/{provider}",
         .flags = HOST_ROUTE_ANONYMOUS | HOST_ROUTE_HEAVY,
         .operation_id = "beginProvider",
         .summary_zh = "转到统一认证登录",
         .summary_en = "Go to a sign-in provider",
         .params = params,
         .handle = handle_begin,
         .self = identity},
        {.method = "GET",
         .pattern = "/auth/callback/{provider}",
         .flags = HOST_ROUTE_ANONYMOUS | HOST_ROUTE_HEAVY,
         .operation_id = "finishProvider",
         .summary_zh = "统一认证登录返回",
         .summary_en = "Come back from a sign-in provider",
         .params = params,
         .handle = handle_callback,
         .self = identity},
        {.method = "POST",
         .pattern = "/auth/callback/{provider}",
         .flags = HOST_ROUTE_ANONYMOUS | HOST_ROUTE_NO_CSRF,
         .operation_id = "casLogout",
         .summary_zh = "CAS 通知退出",
         .summary_en = "A CAS server tells of a logout",
         .params = params,
         .handle = host_provider_logout_request,
         .self = identity},
        {.method = "POST",
         .pattern = "/auth/backchannel/{provider}",
         .flags = HOST_ROUTE_ANONYMOUS | HOST_ROUTE_NO_CSRF | HOST_ROUTE_HEAVY,
         .operation_id = "backchannelLogout",
         .summary_zh = "统一认证通知退出",
         .summary_en = "A sign-in provider tells of a logout",
         .params = params,
         .handle = host_provider_backchannel,
         .self = identity},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        CIM_TRY(host_http_add_route(http, &routes[i], err));
    }
    return CIM_OK;
}
