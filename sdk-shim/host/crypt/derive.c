/* host/crypt/derive.c -- the keys of each purpose, from a master key by HMAC-SM3: one block of
 * HKDF-Expand (RFC 5869), which SM3's 32 bytes are enough for. */
#include "host/crypt/internal.h"

#include "cim/util.h"
#include "kit/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

static EVP_MAC_CTX *
keyed_mac(const unsigned char *key, size_t len)
{
    char digest[] = "SM3";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context holds it */
    if (context != NULL && EVP_MAC_init(context, key, len, params) != 1) {
        EVP_MAC_CTX_free(context);
        context = NULL;
    }
    return context;
}

static bool
derive(EVP_MAC_CTX *master, const char *purpose, unsigned char ret_key[HOST_SM3_BYTES])
{
    size_t n = 0;
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(master);
    const bool right =
        context != NULL &&
        EVP_MAC_update(context, (const unsigned char *)purpose, strlen(purpose)) == 1 &&
        EVP_MAC_update(context, (const unsigned char *)"\x01", 1) == 1 &&
        EVP_MAC_final(context, ret_key, &n, HOST_SM3_BYTES) == 1 && n == HOST_SM3_BYTES;
    EVP_MAC_CTX_free(context);
    return right;
}

void
host_crypt_key_free(struct host_crypt_key *key)
{
    if (key != NULL) {
        EVP_MAC_CTX_free(key->mac);
        EVP_MAC_CTX_free(key->index);
        EVP_MAC_CTX_free(key->person);
        OPENSSL_cleanse(key->cipher_key, sizeof key->cipher_key);
        free(key);
    }
}

cim_status
host_crypt_key_new(const struct host_master *master, struct host_crypt_key **ret_key,
                   cim_error *err)
{
    unsigned char derived[HOST_SM3_BYTES];
    EVP_MAC_CTX *root = keyed_mac(master->bytes, HOST_MASTER_BYTES);
    struct host_crypt_key *key = calloc(1, sizeof *key);
    bool right = root != NULL && key != NULL && derive(root, "cim.crypt/1 cipher", derived);
    if (right) {
        key->known.version = master->version;
        key->known.wrapped = master->wrapped;
        memcpy(key->cipher_key, derived, HOST_SM4_BYTES);
        right = derive(root, "cim.crypt/1 mac", derived);
    }
    if (right) {
        key->mac = keyed_mac(derived, sizeof derived);
        right = key->mac != NULL && derive(root, "cim.crypt/1 index", derived);
    }
    if (right) {
        key->index = keyed_mac(derived, sizeof derived);
        right = key->index != NULL && derive(root, "cim.crypt/1 person", derived);
    }
    if (right) {
        key->person = keyed_mac(derived, sizeof derived);
        right = key->person != NULL && derive(root, "cim.crypt/1 fingerprint", derived);
    }
    if (right) {
        cim_hex(derived, HOST_CRYPT_FINGERPRINT_TEXT / 2, key->known.fingerprint);
    }
    OPENSSL_cleanse(derived, sizeof derived);
    EVP_MAC_CTX_free(root);
    if (!right) {
        host_crypt_key_free(key);
        return cim_fail(err, CIM_E_UNSUPPORTED, NULL, NULL, "OpenSSL 不支持 HMAC-SM3",
                        "this OpenSSL has no HMAC-SM3");
    }
    *ret_key = key;
    return CIM_OK;
}
