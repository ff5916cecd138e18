/* host/identity/provider_ask.c -- asking a sign-in provider over HTTP, with libcurl.
 *
 * One that is slow or away holds a worker for HOST_PROVIDER_TOTAL_MS at most and is then let alone
 * for a while, so that it costs the platform little; local sign-in does not depend on it. Metadata
 * and keys are kept for an hour; a token with an unknown key has them fetched anew, not too often.
 */
#include "host/identity/internal.h"
#include "host/identity/provider.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/identity/cas.h"
#include "host/identity/jose.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <ctype.h>
#include <curl/curl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void
start_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void
cleanup_json(struct json_object **object)
{
    json_object_put(*object);
}
#define AUTO_JSON __attribute__((cleanup(cleanup_json)))

bool
host_url_is_safe(const char *url)
{
    static const char *const prefixes[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    if (strncmp(url, "https://", 8) == 0 && url[8] != '\0' && url[8] != '/') {
        return strpbrk(url, " \t\r\n\"<>\\@") == NULL;
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        const size_t len = strlen(prefixes[i]);
        if (strncmp(url, prefixes[i], len) == 0 &&
            (url[len] == ':' || url[len] == '/' || url[len] == '\0')) {
            return strpbrk(url, " \t\r\n\"<>\\@") == NULL;
        }
    }
    return false;
}

static void
add_value(struct cim_buf *url, const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        const unsigned char c = (unsigned char)*at;
        const bool plain = isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
        cim_buf_addf(url, plain ? "%c" : "%%%02X", c);
    }
}

void
host_url_add(struct cim_buf *url, const char *name, const char *value)
{
    cim_buf_addf(url, "%s=", name);
    add_value(url, value);
}

/* ---- one request ---- */

static cim_status
fail_silent(struct host_provider *provider, const char *what, const char *why, cim_error *err)
{
    host_log(CIM_LOG_WARNING, "sign-in", "provider %s, %s: %s", provider->id, what, why);
    return cim_fail(err, CIM_E_BUSY, "provider", provider->id,
                    "统一认证系统暂时没有正常应答，请稍后再试，或用本地账号登录",
                    "the sign-in provider does not answer as it should: try again later, or sign "
                    "in with a local account");
}

static size_t
take_bytes(char *data, size_t size, size_t n, void *arg)
{
    struct cim_buf *body = arg;
    cim_buf_add(body, data, size * n);
    return cim_buf_status(body, NULL) == CIM_OK ? size * n : 0;
}

struct question {
    const char *what; /* for the log */
    const char *url;
    const char *form;   /* NULL: GET */
    const char *user;   /* basic authentication; NULL: none */
    const char *bearer; /* NULL: none */
};

static struct curl_slist *
headers_of(const struct question *question)
{
    struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
    if (question->bearer != NULL) {
        CIM_AUTO_FREE char *text = NULL;
        if (asprintf(&text, "Authorization: Bearer %s", question->bearer) < 0) {
            text = NULL;
        }
        list = text != NULL ? curl_slist_append(list, text) : list;
    }
    return list;
}

static CURLcode
perform(const struct host_provider *provider, const struct question *question,
        struct cim_buf *answer, long *ret_status)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = headers_of(question);
    if (curl == NULL || headers == NULL) {
        curl_slist_free_all(headers);
        curl_easy_cleanup(curl);
        return CURLE_OUT_OF_MEMORY;
    }
    (void)curl_easy_setopt(curl, CURLOPT_URL, question->url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HOST_PROVIDER_CONNECT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)HOST_PROVIDER_TOTAL_MS);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "cim-host");
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (provider->ca_file != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, provider->ca_file);
    }
    if (question->form != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, question->form);
    }
    if (question->user != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        (void)curl_easy_setopt(curl, CURLOPT_USERPWD, question->user);
    }
    const CURLcode code = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return code;
}

static struct json_object *
parse_object(const struct cim_buf *answer)
{
    struct json_object *object =
        answer->data != NULL ? json_tokener_parse(answer->data) : NULL; /* NUL-terminated */
    if (!json_object_is_type(object, json_type_object)) {
        json_object_put(object);
        object = NULL;
    }
    return object;
}

static bool
is_let_alone(struct host_provider *provider)
{
    (void)pthread_mutex_lock(&provider->lock);
    const bool alone = host_monotonic_ms() < provider->silent_until_ms;
    (void)pthread_mutex_unlock(&provider->lock);
    return alone;
}

static void
let_alone(struct host_provider *provider)
{
    (void)pthread_mutex_lock(&provider->lock);
    provider->silent_until_ms = host_monotonic_ms() + HOST_PROVIDER_RETRY_MS;
    (void)pthread_mutex_unlock(&provider->lock);
}

static void
note_time(struct host_provider *provider, int64_t took_ms)
{
    (void)pthread_mutex_lock(&provider->lock);
    provider->took_ms = took_ms > 0 ? took_ms : 1;
    (void)pthread_mutex_unlock(&provider->lock);
}

void
host_identity_each_provider(struct host_identity *identity,
                            void (*each)(void *arg, const char *zh, const char *en, const char *id,
                                         int64_t took_ms, int64_t silent_ms),
                            void *arg)
{
    struct host_providers *providers = identity->providers;
    const int64_t now_ms = host_monotonic_ms();
    for (size_t i = 0; i < providers->n; i++) {
        struct host_provider *provider = &providers->providers[i];
        (void)pthread_mutex_lock(&provider->lock);
        const int64_t took_ms = provider->took_ms;
        const int64_t silent_ms = provider->silent_until_ms - now_ms;
        (void)pthread_mutex_unlock(&provider->lock);
        each(arg, provider->zh, provider->en, provider->id, took_ms, silent_ms > 0 ? silent_ms : 0);
    }
}

/* The text of an answer; *ret_status its status. */
static cim_status
ask_text(struct host_provider *provider, const struct question *question, struct cim_buf *answer,
         long *ret_status, cim_error *err)
{
    (void)pthread_once(&curl_once, start_curl);
    if (is_let_alone(provider)) {
        return fail_silent(provider, question->what, "let alone after a failure", err);
    }
    const int64_t began_ms = host_monotonic_ms();
    const CURLcode code = perform(provider, question, answer, ret_status);
    note_time(provider, host_monotonic_ms() - began_ms);
    if (code != CURLE_OK) {
        let_alone(provider);
        return fail_silent(provider, question->what, curl_easy_strerror(code), err);
    }
    return CIM_OK;
}

/* A JSON object as the answer; *ret_status 0 where `ret_status` is NULL only 200 will do. */
static cim_status
ask(struct host_provider *provider, const struct question *question, long *ret_status,
    struct json_object **ret_answer, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf answer;
    long status = 0;
    char why[64];
    cim_buf_init(&answer, HOST_PROVIDER_ANSWER_MAX);
    CIM_TRY(ask_text(provider, question, &answer, &status, err));
    struct json_object *object = parse_object(&answer);
    if (object == NULL || (ret_status == NULL && status != 200)) {
        json_object_put(object);
        (void)snprintf(why, sizeof why, "status %ld%s", status, object == NULL ? ", no JSON" : "");
        return fail_silent(provider, question->what, why, err);
    }
    if (ret_status != NULL) {
        *ret_status = status;
    }
    *ret_answer = object;
    return CIM_OK;
}

/* ---- metadata and keys ---- */

cim_status
host_provider_endpoint(struct json_object *metadata, const char *name, const char **ret_url,
                       cim_error *err)
{
    const char *url = host_claim_text(metadata, name);
    if (url == NULL || !host_url_is_safe(url)) {
        return cim_fail(err, CIM_E_BUSY, name, NULL, "统一认证系统没有给出可用的 %s",
                        "the sign-in provider names no usable %s", name);
    }
    *ret_url = url;
    return CIM_OK;
}

static cim_status
fetch_metadata(struct host_provider *provider, struct json_object **ret_metadata, cim_error *err)
{
    AUTO_JSON struct json_object *metadata = NULL;
    char url[700];
    const char *said = NULL;
    const size_t len = strlen(provider->issuer);
    (void)snprintf(url, sizeof url, "%s%s.well-known/openid-configuration", provider->issuer,
                   provider->issuer[len - 1] == '/' ? "" : "/");
    const struct question question = {.what = "metadata", .url = url};
    CIM_TRY(ask(provider, &question, NULL, &metadata, err));
    said = host_claim_text(metadata, "issuer");
    if (said == NULL || strcmp(said, provider->issuer) != 0) {
        return fail_silent(provider, "metadata", "it names another issuer", err);
    }
    *ret_metadata = CIM_TAKE(metadata);
    return CIM_OK;
}

cim_status
host_provider_metadata(struct host_provider *provider, struct json_object **ret_metadata,
                       cim_error *err)
{
    struct json_object *metadata = NULL;
    const int64_t now_ms = host_monotonic_ms();
    (void)pthread_mutex_lock(&provider->lock);
    if (provider->metadata != NULL && (provider->kind != HOST_PROVIDER_OIDC ||
                                       now_ms - provider->metadata_ms < HOST_PROVIDER_KEEP_MS)) {
        metadata = json_object_get(provider->metadata);
    }
    (void)pthread_mutex_unlock(&provider->lock);
    if (metadata == NULL) {
        CIM_TRY(fetch_metadata(provider, &metadata, err));
        (void)pthread_mutex_lock(&provider->lock);
        json_object_put(provider->metadata);
        provider->metadata = json_object_get(metadata);
        provider->metadata_ms = now_ms;
        (void)pthread_mutex_unlock(&provider->lock);
    }
    *ret_metadata = metadata;
    return CIM_OK;
}

static cim_status
fetch_keys(struct host_provider *provider, struct json_object **ret_keys, cim_error *err)
{
    AUTO_JSON struct json_object *metadata = NULL;
    AUTO_JSON struct json_object *keys = NULL;
    const char *url = NULL;
    CIM_TRY(host_provider_metadata(provider, &metadata, err));
    CIM_TRY(host_provider_endpoint(metadata, "jwks_uri", &url, err));
    const struct question question = {.what = "keys", .url = url};
    CIM_TRY(ask(provider, &question, NULL, &keys, err));
    const char *text = json_object_to_json_string_ext(keys, JSON_C_TO_STRING_PLAIN);
    if (host_jwks_parse(text, strlen(text), ret_keys, NULL) != CIM_OK) {
        return fail_silent(provider, "keys", "this is no key set", err);
    }
    return CIM_OK;
}

cim_status
host_provider_keys(struct host_provider *provider, bool anew, struct json_object **ret_keys,
                   cim_error *err)
{
    struct json_object *keys = NULL;
    const int64_t now_ms = host_monotonic_ms();
    (void)pthread_mutex_lock(&provider->lock);
    const bool refetch = anew && (provider->keys_anew_ms == 0 ||
                                  now_ms - provider->keys_anew_ms >= HOST_PROVIDER_KEYS_MS);
    if (refetch) {
        provider->keys_anew_ms = now_ms;
    } else if (provider->keys != NULL && now_ms - provider->keys_ms < HOST_PROVIDER_KEEP_MS) {
        keys = json_object_get(provider->keys);
    }
    (void)pthread_mutex_unlock(&provider->lock);
    if (keys == NULL) {
        CIM_TRY(fetch_keys(provider, &keys, err));
        (void)pthread_mutex_lock(&provider->lock);
        json_object_put(provider->keys);
        provider->keys = json_object_get(keys);
        provider->keys_ms = now_ms;
        (void)pthread_mutex_unlock(&provider->lock);
    }
    *ret_keys = keys;
    return CIM_OK;
}

/* ---- the code for a token ---- */

/* RFC 6749 2.3.1: both are form-encoded before they become user and password. */
static cim_status
basic_of(const struct host_provider *provider, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf id;
    CIM_AUTO_BUF struct cim_buf secret;
    cim_buf_init(&id, 4096);
    cim_buf_init(&secret, 4096);
    add_value(&id, provider->client_id);
    add_value(&secret, provider->client_secret);
    CIM_TRY(cim_buf_status(&id, err));
    CIM_TRY(cim_buf_status(&secret, err));
    cim_buf_addf(out, "%s:%s", id.data, secret.data);
    return cim_buf_status(out, err);
}

cim_status
host_provider_exchange(struct host_provider *provider, const char *code, const char *verifier,
                       const char *redirect_uri, struct json_object **ret_answer, cim_error *err)
{
    AUTO_JSON struct json_object *metadata = NULL;
    AUTO_JSON struct json_object *answer = NULL;
    CIM_AUTO_BUF struct cim_buf form;
    CIM_AUTO_BUF struct cim_buf user;
    const char *url = NULL;
    long status = 0;
    cim_buf_init(&form, 16384);
    cim_buf_init(&user, 8192);
    CIM_TRY(host_provider_metadata(provider, &metadata, err));
    CIM_TRY(host_provider_endpoint(metadata, "token_endpoint", &url, err));
    const bool by_post =
        provider->client_secret != NULL &&
        host_claim(metadata, "token_endpoint_auth_methods_supported") != NULL &&
        !host_claim_has(metadata, "token_endpoint_auth_methods_supported", "client_secret_basic");
    cim_buf_add_text(&form, "grant_type=authorization_code&");
    host_url_add(&form, "code", code);
    host_url_add(&form, "&redirect_uri", redirect_uri);
    host_url_add(&form, "&code_verifier", verifier);
    if (provider->client_secret == NULL || by_post) {
        host_url_add(&form, "&client_id", provider->client_id);
    }
    if (by_post) {
        host_url_add(&form, "&client_secret", provider->client_secret);
    }
    CIM_TRY(cim_buf_status(&form, err));
    if (provider->client_secret != NULL && !by_post) {
        CIM_TRY(basic_of(provider, &user, err));
    }
    const struct question question = {
        .what = "token", .url = url, .form = form.data, .user = user.data};
    CIM_TRY(ask(provider, &question, &status, &answer, err));
    if (status != 200) {
        host_log(CIM_LOG_WARNING, "sign-in", "provider %s, token: status %ld", provider->id,
                 status);
        return cim_fail(err, CIM_E_DENIED, "code", NULL, "统一认证系统不认这次登录的授权码",
                        "the sign-in provider does not take the code of this sign-in");
    }
    *ret_answer = CIM_TAKE(answer);
    return CIM_OK;
}

cim_status
host_provider_userinfo(struct host_provider *provider, const char *access_token,
                       struct json_object **ret_claims, cim_error *err)
{
    AUTO_JSON struct json_object *metadata = NULL;
    const char *url = NULL;
    CIM_TRY(host_provider_metadata(provider, &metadata, err));
    CIM_TRY(host_provider_endpoint(metadata, "userinfo_endpoint", &url, err));
    if (strpbrk(access_token, "\r\n") != NULL) {
        return fail_silent(provider, "userinfo", "the access token has line breaks", err);
    }
    const struct question question = {.what = "userinfo", .url = url, .bearer = access_token};
    return ask(provider, &question, NULL, ret_claims, err);
}

/* `template` with the places filled in; *ret_used whether `name` had one. */
static void
fill_places(const char *template, const char *name, const char *value, const char *redirect_uri,
            struct cim_buf *url, bool *ret_used)
{
    const size_t len = strlen(name);
    *ret_used = false;
    for (const char *at = template; *at != '\0';) {
        if (*at == '{' && strncmp(at + 1, name, len) == 0 && at[len + 1] == '}') {
            add_value(url, value);
            at += len + 2;
            *ret_used = true;
        } else if (strncmp(at, "{redirect_uri}", 14) == 0) {
            add_value(url, redirect_uri);
            at += 14;
        } else {
            cim_buf_add_char(url, *at++);
        }
    }
}

cim_status
host_provider_ask_user(struct host_provider *provider, const char *name, const char *value,
                       const char *redirect_uri, struct json_object **ret_claims, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf url;
    bool used = false;
    cim_buf_init(&url, 16384);
    if (strpbrk(value, "\r\n") != NULL) {
        return fail_silent(provider, "userinfo", "the token has line breaks", err);
    }
    fill_places(provider->userinfo_url, name, value, redirect_uri, &url, &used);
    CIM_TRY(cim_buf_status(&url, err));
    const struct question question = {
        .what = "userinfo", .url = url.data, .bearer = used ? NULL : value};
    return ask(provider, &question, NULL, ret_claims, err);
}

cim_status
host_provider_ask_cas(struct host_provider *provider, const char *ticket, const char *service,
                      struct json_object **ret_claims, cim_error *err)
{
    AUTO_JSON struct json_object *metadata = NULL;
    CIM_AUTO_BUF struct cim_buf url;
    CIM_AUTO_BUF struct cim_buf answer;
    const char *endpoint = NULL;
    long status = 0;
    char why[64];
    cim_buf_init(&url, 8192);
    cim_buf_init(&answer, HOST_PROVIDER_ANSWER_MAX);
    CIM_TRY(host_provider_metadata(provider, &metadata, err));
    CIM_TRY(host_provider_endpoint(metadata, "userinfo_endpoint", &endpoint, err));
    cim_buf_addf(&url, "%s?", endpoint);
    host_url_add(&url, "service", service);
    host_url_add(&url, "&ticket", ticket);
    CIM_TRY(cim_buf_status(&url, err));
    const struct question question = {.what = "serviceValidate", .url = url.data};
    CIM_TRY(ask_text(provider, &question, &answer, &status, err));
    if (status != 200 || answer.len == 0) {
        (void)snprintf(why, sizeof why, "status %ld", status);
        return fail_silent(provider, question.what, why, err);
    }
    return host_cas_answer(answer.data, answer.len, ret_claims, err);
}
