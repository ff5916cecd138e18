/* host/identity/jose.h -- signed tokens of sign-in providers (JWS, RFC 7515) and what an ID token
 * or a logout token must say (OpenID Connect Core 3.1.3.7, Back-Channel Logout 2.6).
 *
 * libcjose checks the signature. What a token may choose is decided here: asymmetric algorithms
 * alone, a key of the provider's set whose type, use and curve fit, no `crit`, no key or address of
 * one in the header. Every refusal is CIM_E_DENIED with the part at fault as err->param: "token",
 * "alg", "kid", "signature", or the name of the claim.
 */
#ifndef HOST_JOSE_H
#define HOST_JOSE_H

#include "cim/base.h"

#include <stdbool.h>

struct json_object;

enum {
    HOST_JWT_MAX_BYTES = 16 << 10,
    HOST_JWKS_MAX_BYTES = 256 << 10,
    HOST_JWKS_KEYS_MAX = 32,
    HOST_JWT_AGE_MS = 600000 /* an ID token is new when it comes with its code */
};

/* A key set as it was fetched, {"keys": […]}. CIM_E_INVALID: it is none. Owned by the caller
 * (json_object_put). */
cim_status host_jwks_parse(const char *text, size_t len, struct json_object **ret_jwks,
                           cim_error *err);
/* The claims of a token whose signature is good; owned by the caller. err->param "kid" alone means
 * that the set may be out of date. */
cim_status host_jws_open(struct json_object *jwks, const char *token,
                         struct json_object **ret_claims, cim_error *err);

struct host_jwt_expect {
    const char *issuer;
    const char *client_id;
    const char *nonce; /* of an ID token */
    int64_t now_ms;
    int64_t skew_ms; /* clocks may differ by so much */
};
cim_status host_jwt_check_id(struct json_object *claims, const struct host_jwt_expect *expect,
                             cim_error *err);
cim_status host_jwt_check_logout(struct json_object *claims, const struct host_jwt_expect *expect,
                                 cim_error *err);

/* The value of a claim by name, or by a path with dots ("realm_access.roles"); NULL: none. */
struct json_object *host_claim(struct json_object *claims, const char *path);
/* Its text; NULL where it is none. */
const char *host_claim_text(struct json_object *claims, const char *path);
/* Is it this text, or a list that has it? */
bool host_claim_has(struct json_object *claims, const char *path, const char *value);

#endif
