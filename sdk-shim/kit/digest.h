/* kit/digest.h -- SHA-256 as OpenSSL wants it asked for, and digests as text. */
#ifndef CIM_KIT_DIGEST_H
#define CIM_KIT_DIGEST_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

/* SHA-256, looked up once in the life of the process: OpenSSL 3 looks EVP_sha256() up in its
 * providers at every use, which takes longer than hashing a line. Any thread. NULL: OpenSSL has
 * none, and EVP_DigestInit_ex() fails. */
const EVP_MD *cim_sha256(void);

/* The `n` bytes as 2 n small hexadecimal digits and a NUL. */
void cim_hex(const uint8_t *bytes, size_t n, char *ret_text);

#endif
