/* tests/fuzz/fuzz_host_token.c -- bytes as a signed token, and as its claims: what is let through
 * says what it must, and a refusal hands nothing out. */
#include "fuzz.h"

#include "host/identity/jose.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const char jwks_text[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"xTr4BRkGGO_X1SWReuAwhZlTMZ9PCxMvwWUVR4-OpjsmS8rh"
    "OTcOkRgUadUUUjzwY3g7gUHCetAnEPFziPrsQ_kEzPLmOFj9BT5hBXriVLDqyVW1BSkJZUj--s3XY9JSSPhN"
    "iLQ3AaKzd6BUOnsCmQDZb4JaYpno-ubzpW4WG5JEliCbMXWj0uNZqyocTSQyXl2Ry9SboHbb4SNWz4HfUi3m"
    "DdSVx1hyw9c9zoF-MSJv8BdGbyb87Z-Zc3slfzCLvOr12UlvRD2_IrZJjDUKSi65L9je6Fgk-rEiFcAwvTPW"
    "B5bBxQoCHTfeU1ejZmUap7GU4DbS4juxQ71C6BF8SQ\",\"e\":\"AQAB\",\"kid\":\"r\"},{\"kty\":"
    "\"EC\",\"x\":\"j5lptfPyr4M07A7BLqEQYkv_ACp_iywiwmFy2ScqRlg\",\"y\":\"ojDGPj_BoeX9La5"
    "VQITgl7sEozXy_HKPd-1taaNp4ok\",\"crv\":\"P-256\",\"kid\":\"e\"}]}";

static void
check_claims(struct json_object *claims)
{
    const struct host_jwt_expect expect = {.issuer = "https://idp.example",
                                           .client_id = "cim",
                                           .nonce = "n",
                                           .now_ms = INT64_C(1800000000000),
                                           .skew_ms = 60000};
    cim_error err;
    if (host_jwt_check_id(claims, &expect, &err) == CIM_OK &&
        (!host_claim_has(claims, "iss", expect.issuer) || !host_claim_has(claims, "nonce", "n") ||
         !host_claim_has(claims, "aud", "cim") || host_claim_text(claims, "sub") == NULL)) {
        abort();
    }
    if (host_jwt_check_logout(claims, &expect, &err) == CIM_OK &&
        json_object_object_get_ex(claims, "nonce", NULL)) {
        abort();
    }
    (void)host_claim(claims, "a.b.c");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_object *jwks;
    struct json_object *claims = NULL;
    cim_error err;
    char *text = malloc(size + 1);
    if (text == NULL ||
        (jwks == NULL && host_jwks_parse(jwks_text, strlen(jwks_text), &jwks, &err) != CIM_OK)) {
        abort();
    }
    memcpy(text, data, size);
    text[size] = '\0';
    if (host_jws_open(jwks, text, &claims, &err) == CIM_OK) {
        if (!json_object_is_type(claims, json_type_object)) {
            abort();
        }
    } else if (claims != NULL || err.param[0] == '\0') {
        abort();
    } else {
        claims = json_tokener_parse(text);
    }
    if (json_object_is_type(claims, json_type_object)) {
        check_claims(claims);
    }
    json_object_put(claims);
    free(text);
    return 0;
}
