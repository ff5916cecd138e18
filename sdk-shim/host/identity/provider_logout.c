/* host/identity/provider_logout.c -- signing out elsewhere: providers that tell of it, and asking
 * them. */
#include "host/identity/provider_inner.h"
#include "host/identity/api.h"
#include "host/identity/cas.h"
#include "host/identity/enter.h"
#include "host/identity/jose.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdlib.h>

cim_status
host_cas_session(const char *ticket, char ret_sid[HOST_TOKEN_TEXT], cim_error *err)
{
    return host_sha256_text("cas:", ticket, ret_sid, err);
}

/* ---- OpenID Connect ---- */

/* The token of "logout_token=…" in a form; its letters need no decoding. */
static cim_status
read_logout_token(cim_http_req *req, char **ret_token, cim_error *err)
{
    static const char name[] = "logout_token=";
    const char *text = NULL;
    uint64_t len = 0;
    CIM_TRY(host_http_body_text(req, HOST_JWT_MAX_BYTES + 1024, &text, &len, err));
    const char *at = text;
    while (at != NULL && strncmp(at, name, sizeof name - 1) != 0) {
        at = strchr(at, '&');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL) {
        return cim_fail(err, CIM_E_DENIED, "logout_token", NULL, "缺少 logout_token",
                        "logout_token is missing");
    }
    at += sizeof name - 1;
    *ret_token = strndup(at, strcspn(at, "&\r\n"));
    return *ret_token != NULL ? CIM_OK : cim_fail_nomem(err);
}

/* Each logout token counts once: one that was overheard ends no later session. */
static cim_status
take_jti(struct host_provider *provider, const char *jti, cim_error *err)
{
    char hash[HOST_TOKEN_TEXT];
    bool seen = false;
    CIM_TRY(host_sha256_text("jti:", jti, hash, err));
    (void)pthread_mutex_lock(&provider->lock);
    for (size_t i = 0; i < HOST_PROVIDER_JTI_MAX && !seen; i++) {
        seen = strncmp(provider->jtis[i], hash, HOST_SESSION_ID_TEXT - 1) == 0;
    }
    if (!seen) {
        cim_copy_text(provider->jtis[provider->next_jti], HOST_SESSION_ID_TEXT, hash);
        provider->next_jti = (provider->next_jti + 1) % HOST_PROVIDER_JTI_MAX;
    }
    (void)pthread_mutex_unlock(&provider->lock);
    return seen ? cim_fail(err, CIM_E_DENIED, "jti", NULL, "退出令牌已用过",
                           "the logout token was used already")
                : CIM_OK;
}

static cim_status
end_there(struct host_identity *identity, struct host_provider *provider, cim_http_req *req,
          char **ret_username, cim_error *err)
{
    AUTO_JSON struct json_object *claims = NULL;
    CIM_AUTO_FREE char *token = NULL;
    const struct host_jwt_expect expect = {
        .issuer = provider->issuer,
        .client_id = provider->client_id,
        .now_ms = host_clock_now_ms(identity->options.clock),
        .skew_ms = provider->skew_ms,
    };
    CIM_TRY(read_logout_token(req, &token, err));
    CIM_TRY(host_provider_open_token(provider, token, &claims, err));
    CIM_TRY(host_jwt_check_logout(claims, &expect, err));
    CIM_TRY(take_jti(provider, host_claim_text(claims, "jti"), err));
    const char *subject = host_claim_text(claims, "sub");
    if (subject != NULL) {
        const cim_status status =
            host_external_find(identity, provider->id, subject, ret_username, err);
        if (status == CIM_E_NOTFOUND) {
            return CIM_OK; /* nobody here, so nothing to end */
        }
        CIM_TRY(status);
    }
    return host_sessions_end_of_provider(&identity->sessions, provider->id, *ret_username,
                                         host_claim_text(claims, "sid"), err);
}

/* ---- CAS ---- */

/* The value of "logoutRequest=…" in a form, decoded in place of request memory. */
static cim_status
read_logout_request(cim_http_req *req, char **ret_xml, size_t *ret_len, cim_error *err)
{
    static const char name[] = "logoutRequest=";
    const char *text = NULL;
    uint64_t len = 0;
    CIM_TRY(host_http_body_text(req, HOST_JWT_MAX_BYTES, &text, &len, err));
    if (strncmp(text, name, sizeof name - 1) != 0) {
        return cim_fail(err, CIM_E_DENIED, "logoutRequest", NULL, "缺少 logoutRequest",
                        "logoutRequest is missing");
    }
    text += sizeof name - 1;
    const size_t end = strcspn(text, "&\r\n");
    char *xml = host_http_alloc(req, end + 1);
    size_t n = 0;
    if (xml == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < end; i++) {
        if (text[i] == '%' && i + 2 < end && isxdigit((unsigned char)text[i + 1]) != 0 &&
            isxdigit((unsigned char)text[i + 2]) != 0) {
            const char pair[3] = {text[i + 1], text[i + 2], '\0'};
            xml[n++] = (char)strtol(pair, NULL, 16);
            i += 2;
        } else {
            xml[n++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    xml[n] = '\0';
    *ret_xml = xml;
    *ret_len = n;
    return CIM_OK;
}

static cim_status
end_of_ticket(struct host_identity *identity, const struct host_provider *provider,
              cim_http_req *req, cim_error *err)
{
    char *xml = NULL;
    size_t len = 0;
    char ticket[HOST_CAS_TICKET_MAX + 1];
    char sid[HOST_TOKEN_TEXT];
    CIM_TRY(read_logout_request(req, &xml, &len, err));
    CIM_TRY(host_cas_logout(xml, len, ticket, err));
    CIM_TRY(host_cas_session(ticket, sid, err));
    return host_sessions_end_of_provider(&identity->sessions, provider->id, NULL, sid, err);
}

/* Single logout of CAS: the server posts to the address that the ticket was for. It shows who it is
 * by nothing but the ticket, which only it and this platform know; what it can do is end a session.
 */
cim_status
host_provider_logout_request(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_identity *identity = self;
    struct host_provider *provider = NULL;
    CIM_AUTO_BUF struct cim_buf body;
    cim_error why = {0};
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    CIM_TRY(host_provider_of_request(identity, req, &provider, err));
    if (provider->kind != HOST_PROVIDER_CAS) {
        return cim_fail(err, CIM_E_NOTFOUND, "provider", provider->id, "这个登录方式不通知退出",
                        "this sign-in provider tells of no logout");
    }
    const cim_status status = end_of_ticket(identity, provider, req, &why);
    host_provider_note(identity, call, req, "cas.logout", NULL, status == CIM_OK ? NULL : &why);
    if (status != CIM_OK) {
        *err = why;
        return why.code == CIM_E_DENIED ? CIM_E_INVALID : why.code;
    }
    cim_buf_add_text(&body, "{}");
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

cim_status
host_provider_backchannel(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_identity *identity = self;
    struct host_provider *provider = NULL;
    CIM_AUTO_FREE char *username = NULL;
    CIM_AUTO_BUF struct cim_buf body;
    cim_error why = {0};
    cim_buf_init(&body, HOST_AUTH_ANSWER_MAX);
    CIM_TRY(host_provider_of_request(identity, req, &provider, err));
    if (provider->kind != HOST_PROVIDER_OIDC) {
        return cim_fail(err, CIM_E_NOTFOUND, "provider", provider->id, "这个登录方式不通知退出",
                        "this sign-in provider tells of no logout");
    }
    const cim_status status = end_there(identity, provider, req, &username, &why);
    host_provider_note(identity, call, req, "oidc.logout", username,
                       status == CIM_OK ? NULL : &why);
    if (status == CIM_OK) {
        cim_buf_add_text(&body, "{}");
        return host_http_respond_no_store(req, 200, "application/json", &body, err);
    }
    if (why.code != CIM_E_DENIED) {
        *err = why;
        return why.code;
    }
    cim_buf_add_text(&body, "{\"error\":\"invalid_request\"");
    host_api_add(&body, "error_description", why.en);
    cim_buf_add_char(&body, '}');
    return host_http_respond_no_store(req, 400, "application/json", &body, err);
}

cim_status
host_provider_logout_url(struct host_identity *identity, const char *provider_id,
                         const char *base_url, struct cim_buf *out, cim_error *err)
{
    AUTO_JSON struct json_object *metadata = NULL;
    struct host_provider *provider = host_provider_find(identity->providers, provider_id);
    const char *site = identity->options.site_url;
    const char *endpoint = NULL;
    CIM_AUTO_BUF struct cim_buf home;
    cim_buf_init(&home, 1024);
    if (provider == NULL || host_provider_metadata(provider, &metadata, NULL) != CIM_OK ||
        host_provider_endpoint(metadata, "end_session_endpoint", &endpoint, NULL) != CIM_OK) {
        return CIM_OK; /* it cannot be asked: the session here is over in any case */
    }
    const char *back = provider->kind == HOST_PROVIDER_CAS ? "service" : "post_logout_redirect_uri";
    cim_buf_addf(&home, "%s" HOST_SIGN_IN_HOME, site != NULL && site[0] != '\0' ? site : base_url);
    CIM_TRY(cim_buf_status(&home, err));
    cim_buf_addf(out, "%s%s", endpoint, strchr(endpoint, '?') != NULL ? "&" : "?");
    if (provider->kind != HOST_PROVIDER_CAS) {
        host_url_add(out, "client_id", provider->client_id);
        cim_buf_add_char(out, '&');
    }
    host_url_add(out, back, home.data);
    return cim_buf_status(out, err);
}
