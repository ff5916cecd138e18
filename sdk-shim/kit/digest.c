/* kit/digest.c -- see digest.h. */
#include "kit/digest.h"

#include <openssl/evp.h>
#include <pthread.h>

static EVP_MD *sha256;

static void
fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

const EVP_MD *
cim_sha256(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fetch);
    return sha256;
}

void
cim_hex(const uint8_t *bytes, size_t n, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4U];
        ret_text[2 * i + 1] = digits[bytes[i] & 15U];
    }
    ret_text[2 * n] = '\0';
}
