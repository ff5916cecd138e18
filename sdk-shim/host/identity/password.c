/* Passwords and random tokens. */
#include "host/identity/internal.h"

#include "cim/util.h"
#include "kit/time.h"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <time.h>

void
host_password_gate_init(struct host_password_gate *gate)
{
    pthread_condattr_t attr;
    (void)pthread_mutex_init(&gate->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&gate->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    gate->running = 0;
    gate->waiting = 0;
}

void
host_password_gate_done(struct host_password_gate *gate)
{
    (void)pthread_cond_destroy(&gate->changed);
    (void)pthread_mutex_destroy(&gate->lock);
}

cim_status
host_password_check_rules(const char *password, cim_error *err)
{
    bool has[4] = {false}; /* lower, upper, digit, other */
    size_t chars = 0;
    for (const char *at = password; *at != '\0'; at++) {
        const unsigned char c = (unsigned char)*at;
        chars += (c & 0xC0U) != 0x80U ? 1 : 0;
        if (c >= 'a' && c <= 'z') {
            has[0] = true;
        } else if (c >= 'A' && c <= 'Z') {
            has[1] = true;
        } else if (c >= '0' && c <= '9') {
            has[2] = true;
        } else {
            has[3] = true;
        }
    }
    if (chars < HOST_PASSWORD_MIN_CHARS || strlen(password) > HOST_PASSWORD_MAX_BYTES) {
        return cim_fail(err, CIM_E_INVALID, "password", NULL, "密码至少 %d 个字符，至多 %d 字节",
                        "a password has at least %d characters and at most %d bytes",
                        (int)HOST_PASSWORD_MIN_CHARS, (int)HOST_PASSWORD_MAX_BYTES);
    }
    if (has[0] + has[1] + has[2] + has[3] < 3) {
        return cim_fail(err, CIM_E_INVALID, "password", NULL,
                        "密码应含大写字母、小写字母、数字、其他字符中的至少三类",
                        "a password has at least three of: lower-case letters, upper-case letters, "
                        "digits, other characters");
    }
    return CIM_OK;
}

static cim_status
fail_argon2(int code, cim_error *err)
{
    return code == ARGON2_MEMORY_ALLOCATION_ERROR
               ? cim_fail_nomem(err)
               : cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "argon2：%s", "argon2: %s",
                          argon2_error_message(code));
}

cim_status
host_password_hash(const char *password, char ret_hash[HOST_PASSWORD_HASH_MAX], cim_error *err)
{
    unsigned char salt[16];
    int code = 0;
    if (RAND_bytes(salt, sizeof salt) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "没有随机数", "no random bytes");
    }
    code = argon2id_hash_encoded(HOST_ARGON2_PASSES, HOST_ARGON2_MEMORY_KIB, 1, password,
                                 strlen(password), salt, sizeof salt, 32, ret_hash,
                                 HOST_PASSWORD_HASH_MAX);
    return code == ARGON2_OK ? CIM_OK : fail_argon2(code, err);
}

/* True when one of the places is ours; waits a little for one, but not in a long line. */
static bool
take_place(struct host_password_gate *gate)
{
    struct timespec until;
    bool mine = false;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HOST_ARGON2_WAIT_MS / 1000;
    (void)pthread_mutex_lock(&gate->lock);
    if (gate->running >= HOST_ARGON2_AT_ONCE && gate->waiting < HOST_ARGON2_WAITING) {
        gate->waiting++;
        while (gate->running >= HOST_ARGON2_AT_ONCE &&
               pthread_cond_timedwait(&gate->changed, &gate->lock, &until) == 0) {
        }
        gate->waiting--;
    }
    mine = gate->running < HOST_ARGON2_AT_ONCE;
    gate->running += mine ? 1 : 0;
    (void)pthread_mutex_unlock(&gate->lock);
    return mine;
}

static void
give_place(struct host_password_gate *gate)
{
    (void)pthread_mutex_lock(&gate->lock);
    gate->running--;
    (void)pthread_cond_signal(&gate->changed);
    (void)pthread_mutex_unlock(&gate->lock);
}

cim_status
host_password_verify(struct host_password_gate *gate, const char *hash, const char *password,
                     bool *ret_same, cim_error *err)
{
    int code = 0;
    if (!take_place(gate)) {
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "登录请求过多，请稍后再试",
                        "too many sign-ins at once; try again later");
    }
    code = argon2id_verify(hash, password, strlen(password));
    give_place(gate);
    if (code != ARGON2_OK && code != ARGON2_VERIFY_MISMATCH) {
        return fail_argon2(code, err);
    }
    *ret_same = code == ARGON2_OK;
    return CIM_OK;
}

static void
to_hex(const unsigned char *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4U];
        out[2 * i + 1] = digits[bytes[i] & 15U];
    }
    out[2 * n] = '\0';
}

cim_status
host_random_token(char ret_token[HOST_TOKEN_TEXT], cim_error *err)
{
    unsigned char bytes[HOST_TOKEN_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "没有随机数", "no random bytes");
    }
    to_hex(bytes, sizeof bytes, ret_token);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return CIM_OK;
}

cim_status
host_sha256_text(const char *prefix, const char *text, char ret_hash[HOST_TOKEN_TEXT],
                 cim_error *err)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool done = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
                      EVP_DigestUpdate(ctx, prefix, strlen(prefix)) == 1 &&
                      EVP_DigestUpdate(ctx, text, strlen(text)) == 1 &&
                      EVP_DigestFinal_ex(ctx, bytes, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!done) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "SHA-256 失败", "SHA-256 failed");
    }
    to_hex(bytes, HOST_TOKEN_BYTES, ret_hash);
    return CIM_OK;
}

cim_status
host_new_uid(int64_t now_ms, char ret_uid[37], cim_error *err)
{
    uint8_t random[10];
    if (RAND_bytes(random, sizeof random) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "没有随机数", "no random bytes");
    }
    cim_uuid7_format(now_ms, random, ret_uid);
    return CIM_OK;
}
