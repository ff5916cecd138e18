/* host/identity/jose.c -- see jose.h. */
#include "host/identity/jose.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <cjose/cjose.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

enum { RSA_MIN_TEXT = 342 }; /* base64url of a modulus of 2048 bits */

static void
cleanup_json(struct json_object **object)
{
    json_object_put(*object);
}

/* Texts of their own for each language, so that nothing of the token is repeated. */
#define refuse(part, zh, en, err)                                                                  \
    cim_fail((err), CIM_E_DENIED, part, NULL, "登录令牌 " part "：" zh, "token, " part ": " en)

/* ---- signature ---- */

/* What each algorithm needs of a key. */
static const struct alg {
    const char *name;
    const char *kty;
    const char *crv; /* NULL: RSA */
} algs[] = {
    {"RS256", "RSA", NULL},   {"RS384", "RSA", NULL},   {"RS512", "RSA", NULL},
    {"PS256", "RSA", NULL},   {"PS384", "RSA", NULL},   {"PS512", "RSA", NULL},
    {"ES256", "EC", "P-256"}, {"ES384", "EC", "P-384"}, {"ES512", "EC", "P-521"},
};

static const struct alg *
find_alg(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof algs / sizeof algs[0]; i++) {
        if (strcmp(algs[i].name, name) == 0) {
            return &algs[i];
        }
    }
    return NULL;
}

static struct json_object *
parse_object(const char *text, size_t len)
{
    struct json_tokener *tokener = json_tokener_new_ex(16);
    struct json_object *object = NULL;
    if (tokener == NULL) {
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    object = json_tokener_parse_ex(tokener, text, (int)len);
    if (json_tokener_get_error(tokener) != json_tokener_success ||
        json_tokener_get_parse_end(tokener) != len ||
        !json_object_is_type(object, json_type_object)) {
        json_object_put(object);
        object = NULL;
    }
    json_tokener_free(tokener);
    return object;
}

static const char *
member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, name, &value) &&
                   json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : NULL;
}

/* The header, from the part before the first dot. */
static struct json_object *
read_header(const char *token)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    cjose_err why;
    struct json_object *header = NULL;
    if (cjose_base64url_decode(token, strcspn(token, "."), &bytes, &len, &why)) {
        header = parse_object((const char *)bytes, len);
    }
    free(bytes);
    return header;
}

cim_status
host_jwks_parse(const char *text, size_t len, struct json_object **ret_jwks, cim_error *err)
{
    struct json_object *keys = NULL;
    struct json_object *jwks = len <= HOST_JWKS_MAX_BYTES ? parse_object(text, len) : NULL;
    if (jwks == NULL || !json_object_object_get_ex(jwks, "keys", &keys) ||
        !json_object_is_type(keys, json_type_array) ||
        json_object_array_length(keys) > HOST_JWKS_KEYS_MAX) {
        json_object_put(jwks);
        return cim_fail(err, CIM_E_INVALID, "jwks", NULL, "不是密钥集（JWKS）",
                        "this is no key set (JWKS)");
    }
    *ret_jwks = jwks;
    return CIM_OK;
}

static bool
key_fits(struct json_object *key, const struct alg *alg, const char *kid)
{
    const char *kty = member(key, "kty");
    const char *use = member(key, "use");
    const char *own_alg = member(key, "alg");
    const char *own_kid = member(key, "kid");
    const char *crv = member(key, "crv");
    const char *n = member(key, "n");
    return kty != NULL && strcmp(kty, alg->kty) == 0 && (use == NULL || strcmp(use, "sig") == 0) &&
           (own_alg == NULL || strcmp(own_alg, alg->name) == 0) &&
           (kid == NULL || (own_kid != NULL && strcmp(kid, own_kid) == 0)) &&
           (alg->crv != NULL ? crv != NULL && strcmp(crv, alg->crv) == 0
                             : n != NULL && strlen(n) >= RSA_MIN_TEXT);
}

static bool
verify_with(cjose_jws_t *jws, struct json_object *key)
{
    const char *text = json_object_to_json_string_ext(key, JSON_C_TO_STRING_PLAIN);
    cjose_err why;
    cjose_jwk_t *jwk = cjose_jwk_import(text, strlen(text), &why);
    const bool good = jwk != NULL && cjose_jws_verify(jws, jwk, &why);
    if (jwk != NULL) {
        (void)cjose_jwk_release(jwk);
    }
    return good;
}

static cim_status
verify(cjose_jws_t *jws, struct json_object *jwks, const struct alg *alg, const char *kid,
       cim_error *err)
{
    struct json_object *keys = json_object_object_get(jwks, "keys");
    bool some = false;
    for (size_t i = 0; i < json_object_array_length(keys); i++) {
        struct json_object *key = json_object_array_get_idx(keys, i);
        if (json_object_is_type(key, json_type_object) && key_fits(key, alg, kid)) {
            some = true;
            if (verify_with(jws, key)) {
                return CIM_OK;
            }
        }
    }
    return some ? refuse("signature", "签名无效", "the signature is not good", err)
                : refuse("kid", "没有这个密钥", "there is no such key", err);
}

static cim_status
check_header(struct json_object *header, const struct alg **ret_alg, cim_error *err)
{
    static const char *const unwanted[] = {"crit", "jwk", "jku", "x5u", "x5c", "b64", "zip"};
    const struct alg *alg = find_alg(member(header, "alg"));
    if (alg == NULL) {
        return refuse("alg", "算法不被接受", "the algorithm is not accepted", err);
    }
    for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++) {
        if (json_object_object_get_ex(header, unwanted[i], NULL)) {
            return refuse("token", "头部含有不接受的成员",
                          "the header has a member that is not "
                          "accepted",
                          err);
        }
    }
    *ret_alg = alg;
    return CIM_OK;
}

static bool
looks_like_jws(const char *token)
{
    const size_t len = strlen(token);
    size_t dots = 0;
    for (const char *at = token; *at != '\0'; at++) {
        dots += *at == '.' ? 1 : 0;
    }
    return len <= HOST_JWT_MAX_BYTES && dots == 2 &&
           strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") ==
               len;
}

static cim_status
open_verified(cjose_jws_t *jws, struct json_object **ret_claims, cim_error *err)
{
    uint8_t *text = NULL; /* of the JWS */
    size_t len = 0;
    cjose_err why;
    struct json_object *claims = cjose_jws_get_plaintext(jws, &text, &len, &why)
                                     ? parse_object((const char *)text, len)
                                     : NULL;
    if (claims == NULL) {
        return refuse("token", "内容不是 JSON 对象", "the content is no JSON object", err);
    }
    *ret_claims = claims;
    return CIM_OK;
}

cim_status
host_jws_open(struct json_object *jwks, const char *token, struct json_object **ret_claims,
              cim_error *err)
{
    __attribute__((cleanup(cleanup_json))) struct json_object *header = NULL;
    const struct alg *alg = NULL;
    cjose_err why;
    if (!looks_like_jws(token)) {
        return refuse("token", "不是签名令牌", "this is no signed token", err);
    }
    header = read_header(token);
    if (header == NULL) {
        return refuse("token", "头部无法读取", "the header cannot be read", err);
    }
    CIM_TRY(check_header(header, &alg, err));
    cjose_jws_t *jws = cjose_jws_import(token, strlen(token), &why);
    if (jws == NULL) {
        return refuse("token", "不是签名令牌", "this is no signed token", err);
    }
    cim_status status = verify(jws, jwks, alg, member(header, "kid"), err);
    if (status == CIM_OK) {
        status = open_verified(jws, ret_claims, err);
    }
    cjose_jws_release(jws);
    return status;
}

/* ---- claims ---- */

struct json_object *
host_claim(struct json_object *claims, const char *path)
{
    struct json_object *value = NULL;
    char name[128];
    if (json_object_object_get_ex(claims, path, &value)) {
        return value;
    }
    const size_t len = strcspn(path, ".");
    if (path[len] == '\0' || len >= sizeof name) {
        return NULL;
    }
    memcpy(name, path, len);
    name[len] = '\0';
    return json_object_object_get_ex(claims, name, &value) &&
                   json_object_is_type(value, json_type_object)
               ? host_claim(value, path + len + 1)
               : NULL;
}

const char *
host_claim_text(struct json_object *claims, const char *path)
{
    struct json_object *value = host_claim(claims, path);
    return json_object_is_type(value, json_type_string) &&
                   strlen(json_object_get_string(value)) ==
                       (size_t)json_object_get_string_len(value)
               ? json_object_get_string(value)
               : NULL;
}

static bool
is_text(struct json_object *value, const char *text)
{
    return json_object_is_type(value, json_type_string) &&
           (size_t)json_object_get_string_len(value) == strlen(text) &&
           strcmp(json_object_get_string(value), text) == 0;
}

bool
host_claim_has(struct json_object *claims, const char *path, const char *text)
{
    struct json_object *value = host_claim(claims, path);
    if (!json_object_is_type(value, json_type_array)) {
        return is_text(value, text);
    }
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        if (is_text(json_object_array_get_idx(value, i), text)) {
            return true;
        }
    }
    return false;
}

/* Seconds since 1970 as milliseconds; false where it is no such number. */
static bool
time_of(struct json_object *claims, const char *name, int64_t *ret_ms)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(claims, name, &value) ||
        !(json_object_is_type(value, json_type_int) ||
          json_object_is_type(value, json_type_double))) {
        return false;
    }
    const double seconds = json_object_get_double(value);
    if (!(seconds >= 0 && seconds < 1e11)) {
        return false;
    }
    *ret_ms = (int64_t)(seconds * 1000);
    return true;
}

static cim_status
check_audience(struct json_object *claims, const char *client_id, cim_error *err)
{
    struct json_object *aud = host_claim(claims, "aud");
    const bool several =
        json_object_is_type(aud, json_type_array) && json_object_array_length(aud) > 1;
    struct json_object *azp = NULL;
    const bool has_azp = json_object_object_get_ex(claims, "azp", &azp);
    if (!host_claim_has(claims, "aud", client_id)) {
        return refuse("aud", "不是发给本平台的", "it is meant for somebody else", err);
    }
    if ((several && !has_azp) || (has_azp && !is_text(azp, client_id))) {
        return refuse("azp", "不是本平台申请的", "somebody else asked for it", err);
    }
    return CIM_OK;
}

static cim_status
check_times(struct json_object *claims, const struct host_jwt_expect *expect, bool needs_exp,
            cim_error *err)
{
    const int64_t now_ms = expect->now_ms;
    const int64_t skew_ms = expect->skew_ms;
    int64_t at_ms = 0;
    const bool has_exp = json_object_object_get_ex(claims, "exp", NULL);
    if ((needs_exp || has_exp) && (!time_of(claims, "exp", &at_ms) || now_ms >= at_ms + skew_ms)) {
        return refuse("exp", "已过期", "it has expired", err);
    }
    if (json_object_object_get_ex(claims, "nbf", NULL) &&
        (!time_of(claims, "nbf", &at_ms) || now_ms < at_ms - skew_ms)) {
        return refuse("nbf", "尚未生效", "it is not valid yet", err);
    }
    if (!time_of(claims, "iat", &at_ms) || at_ms > now_ms + skew_ms ||
        at_ms < now_ms - HOST_JWT_AGE_MS - skew_ms) {
        return refuse("iat", "签发时间不是现在，请核对双方时钟",
                      "it was not issued just now: compare the clocks", err);
    }
    return CIM_OK;
}

static cim_status
check_issuer(struct json_object *claims, const struct host_jwt_expect *expect, cim_error *err)
{
    return is_text(host_claim(claims, "iss"), expect->issuer)
               ? check_audience(claims, expect->client_id, err)
               : refuse("iss", "不是由该认证系统签发", "another issuer made it", err);
}

cim_status
host_jwt_check_id(struct json_object *claims, const struct host_jwt_expect *expect, cim_error *err)
{
    const char *sub = host_claim_text(claims, "sub");
    CIM_TRY(check_issuer(claims, expect, err));
    CIM_TRY(check_times(claims, expect, true, err));
    if (!is_text(host_claim(claims, "nonce"), expect->nonce)) {
        return refuse("nonce", "不是为这次登录签发的", "it is not of this sign-in", err);
    }
    return sub != NULL && sub[0] != '\0' && strlen(sub) <= 255
               ? CIM_OK
               : refuse("sub", "没有用户标识", "it names nobody", err);
}

cim_status
host_jwt_check_logout(struct json_object *claims, const struct host_jwt_expect *expect,
                      cim_error *err)
{
    struct json_object *events = NULL;
    const char *jti = host_claim_text(claims, "jti");
    CIM_TRY(check_issuer(claims, expect, err));
    CIM_TRY(check_times(claims, expect, false, err));
    if (json_object_object_get_ex(claims, "nonce", NULL)) {
        return refuse("nonce", "退出令牌不得含有 nonce", "a logout token has no nonce", err);
    }
    if (!json_object_object_get_ex(claims, "events", &events) ||
        !json_object_is_type(events, json_type_object) ||
        !json_object_object_get_ex(events, "http://schemas.openid.net/event/backchannel-logout",
                                   NULL)) {
        return refuse("events", "不是退出令牌", "this is no logout token", err);
    }
    if (jti == NULL) {
        return refuse("jti", "没有令牌编号", "it has no id", err);
    }
    return host_claim_text(claims, "sub") != NULL || host_claim_text(claims, "sid") != NULL
               ? CIM_OK
               : refuse("sub", "没有用户或会话标识", "it names neither a person nor a session",
                        err);
}
