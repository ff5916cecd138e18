/* Passwords and random tokens. */
#include "host/identity/internal.h"

#include "cim/util.h"
#include "kit/digest.h"
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
    gate->waiting = 0;
    memset(gate->busy, 0, sizeof gate->busy);
}

void
host_password_gate_done(struct host_password_gate *gate)
{
    (void)pthread_cond_destroy(&gate->changed);
    (void)pthread_mutex_destroy(&gate->lock);
}

static cim_status
fail_argon2(int code, cim_error *err)
{
    return code == ARGON2_MEMORY_ALLOCATION_ERROR
               ? cim_fail_nomem(err)
               : cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "argon2：%s", "argon2: %s",
                          argon2_error_message(code));
}

/* Whether this address may begin now: there is a place, and it has not got one already. */
static bool
may_begin(const struct host_password_gate *gate, const char *address)
{
    int running = 0;
    for (size_t i = 0; i < HOST_ARGON2_AT_ONCE; i++) {
        if (gate->busy[i] && address != NULL && strcmp(gate->addresses[i], address) == 0) {
            return false;
        }
        running += gate->busy[i] ? 1 : 0;
    }
    return running < HOST_ARGON2_AT_ONCE;
}

static size_t
begin(struct host_password_gate *gate, const char *address)
{
    size_t place = 0;
    while (gate->busy[place]) {
        place++;
    }
    gate->busy[place] = true;
    cim_copy_text(gate->addresses[place], sizeof gate->addresses[place],
                  address != NULL ? address : "");
    return place;
}

/* True when one of the places is ours; waits a little for one, but not in a long line. */
static bool
take_place(struct host_password_gate *gate, const char *address, size_t *ret_place)
{
    struct timespec until;
    bool mine = false;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HOST_ARGON2_WAIT_MS / 1000;
    (void)pthread_mutex_lock(&gate->lock);
    mine = may_begin(gate, address);
    if (!mine && gate->waiting < HOST_ARGON2_WAITING) {
        gate->waiting++;
        while (!(mine = may_begin(gate, address)) &&
               pthread_cond_timedwait(&gate->changed, &gate->lock, &until) == 0) {
        }
        gate->waiting--;
    }
    if (mine) {
        *ret_place = begin(gate, address);
    }
    (void)pthread_mutex_unlock(&gate->lock);
    return mine;
}

static void
give_place(struct host_password_gate *gate, size_t place)
{
    (void)pthread_mutex_lock(&gate->lock);
    gate->busy[place] = false;
    (void)pthread_cond_broadcast(&gate->changed);
    (void)pthread_mutex_unlock(&gate->lock);
}

static cim_status
enter(struct host_password_gate *gate, const char *address, size_t *ret_place, cim_error *err)
{
    return take_place(gate, address, ret_place)
               ? CIM_OK
               : cim_fail(err, CIM_E_BUSY, NULL, NULL, "登录请求过多，请稍后再试",
                          "too many sign-ins at once; try again later");
}

cim_status
host_password_hash(struct host_password_gate *gate, const char *password,
                   char ret_hash[HOST_PASSWORD_HASH_MAX], cim_error *err)
{
    unsigned char salt[16];
    size_t place = 0;
    if (RAND_bytes(salt, sizeof salt) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "没有随机数", "no random bytes");
    }
    CIM_TRY(enter(gate, NULL, &place, err));
    const int code = argon2id_hash_encoded(HOST_ARGON2_PASSES, HOST_ARGON2_MEMORY_KIB, 1, password,
                                           strlen(password), salt, sizeof salt, 32, ret_hash,
                                           HOST_PASSWORD_HASH_MAX);
    give_place(gate, place);
    return code == ARGON2_OK ? CIM_OK : fail_argon2(code, err);
}

cim_status
host_password_verify(struct host_password_gate *gate, const char *address, const char *hash,
                     const char *password, bool *ret_same, cim_error *err)
{
    size_t place = 0;
    CIM_TRY(enter(gate, address, &place, err));
    const int code = argon2id_verify(hash, password, strlen(password));
    give_place(gate, place);
    if (code != ARGON2_OK && code != ARGON2_VERIFY_MISMATCH) {
        return fail_argon2(code, err);
    }
    *ret_same = code == ARGON2_OK;
    return CIM_OK;
}

cim_status
host_random_token(char ret_token[HOST_TOKEN_TEXT], cim_error *err)
{
    unsigned char bytes[HOST_TOKEN_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "没有随机数", "no random bytes");
    }
    cim_hex(bytes, sizeof bytes, ret_token);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return CIM_OK;
}

cim_status
host_sha256_text(const char *prefix, const char *text, char ret_hash[HOST_TOKEN_TEXT],
                 cim_error *err)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool done = ctx != NULL && EVP_DigestInit_ex(ctx, cim_sha256(), NULL) == 1 &&
                      EVP_DigestUpdate(ctx, prefix, strlen(prefix)) == 1 &&
                      EVP_DigestUpdate(ctx, text, strlen(text)) == 1 &&
                      EVP_DigestFinal_ex(ctx, bytes, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!done) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "SHA-256 失败", "SHA-256 failed");
    }
    cim_hex(bytes, HOST_TOKEN_BYTES, ret_hash);
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
