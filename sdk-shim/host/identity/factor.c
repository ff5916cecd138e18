/* The second factor: TOTP as in RFC 6238 (HMAC-SHA-1, 30 s, 6 digits: what authenticator apps
 * take), and recovery codes. Secrets lie sealed in platform.db, recovery codes as SHA-256: they
 * have 50 random bits and each works once.
 */
#include "host/base/clock.h"
#include "host/crypt/crypt.h"
#include "host/identity/internal.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include "cim/util.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

enum {
    STEP_MS = 30000,
    SKEW_STEPS = 1, /* a clock may be off by so many steps, either way */
    SEALED_MAX = 512
};

cim_status
host_totp(const uint8_t *secret, size_t len, int64_t step, char ret_code[7], cim_error *err)
{
    unsigned char counter[8];
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int mac_len = 0;
    for (size_t i = 0; i < sizeof counter; i++) {
        counter[i] = (unsigned char)((uint64_t)step >> (8 * (7 - i)));
    }
    if (HMAC(EVP_sha1(), secret, (int)len, counter, sizeof counter, mac, &mac_len) == NULL ||
        mac_len != 20) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "HMAC 失败", "HMAC failed");
    }
    const unsigned char *at = mac + (mac[19] & 15U); /* RFC 4226 5.3 */
    const uint32_t number = ((uint32_t)(at[0] & 127U) << 24U) | ((uint32_t)at[1] << 16U) |
                            ((uint32_t)at[2] << 8U) | at[3];
    (void)snprintf(ret_code, 7, "%06u", number % 1000000U);
    return CIM_OK;
}

/* RFC 4648 base32 without padding; `alphabet` of 32 letters. */
static void
to_base32(const uint8_t *bytes, size_t n, const char *alphabet, char *out)
{
    uint32_t bits = 0;
    uint32_t n_bits = 0;
    for (size_t i = 0; i < n; i++) {
        bits = (bits << 8U) | bytes[i];
        for (n_bits += 8; n_bits >= 5; n_bits -= 5) {
            *out++ = alphabet[(bits >> (n_bits - 5)) & 31U];
        }
    }
    *out = '\0';
}

static bool
from_base32(const char *text, uint8_t *out, size_t n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0;
    uint32_t n_bits = 0;
    size_t used = 0;
    for (; *text != '\0' && used < n; text++) {
        const char *at = strchr(alphabet, *text);
        if (at == NULL) {
            return false;
        }
        bits = (bits << 5U) | (uint32_t)(at - alphabet);
        n_bits += 5;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[used++] = (uint8_t)(bits >> n_bits);
        }
    }
    return *text == '\0' && used == n;
}

/* ---- at rest ---- */

static cim_crypt_place
place_of(const char *username)
{
    return (cim_crypt_place){.struct_size = sizeof(cim_crypt_place),
                             .uid_len = (uint32_t)strlen(username),
                             .table = "cim_second_factor",
                             .column = "secret",
                             .uid = username};
}

struct factor {
    char secret[HOST_FACTOR_SECRET_TEXT];
    int64_t last_step;
    bool there;
    bool confirmed;
};

static cim_status
open_secret(struct host_identity *identity, const char *username, const char *sealed,
            char ret_secret[HOST_FACTOR_SECRET_TEXT], cim_error *err)
{
    char text[SEALED_MAX];
    size_t len = 0;
    const cim_crypt_place place = place_of(username);
    if (identity->options.crypt == NULL) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "没有密钥，无法验证第二因素",
                        "there are no keys: the second factor cannot be checked");
    }
    CIM_TRY(host_crypt_unseal(identity->options.crypt, &place, sealed, strlen(sealed), text,
                              sizeof text, &len, err));
    if (len != HOST_FACTOR_SECRET_TEXT - 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "第二因素的密钥无效",
                        "the secret of the second factor is not valid");
    }
    memcpy(ret_secret, text, len);
    ret_secret[len] = '\0';
    OPENSSL_cleanse(text, sizeof text);
    return CIM_OK;
}

static cim_status
read_factor(struct host_identity *identity, cim_tx *tx, const char *username,
            struct factor *ret_factor, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    const cim_value values[] = {host_value_text("username", username)};
    CIM_TRY(host_store_query(tx,
                             "select secret, last_step, confirmed_ms from cim_second_factor where "
                             "username = :username",
                             values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &ret_factor->there, err));
    if (!ret_factor->there) {
        return CIM_OK;
    }
    CIM_AUTO_FREE char *sealed = host_row_text(&row, 0);
    if (sealed == NULL) {
        return cim_fail_nomem(err);
    }
    ret_factor->last_step = host_row_i64(&row, 1);
    ret_factor->confirmed = host_row_has(&row, 2);
    return open_secret(identity, username, sealed, ret_factor->secret, err);
}

/* ---- codes ---- */

/* The step whose code this is, newer than the last one that was taken; 0: none. */
static cim_status
find_step(const struct factor *factor, const char *code, int64_t now_ms, int64_t *ret_step,
          cim_error *err)
{
    uint8_t secret[HOST_FACTOR_SECRET_BYTES];
    const int64_t now = now_ms / STEP_MS;
    int64_t found = 0;
    if (strlen(code) != 6 || !from_base32(factor->secret, secret, sizeof secret)) {
        *ret_step = 0;
        return CIM_OK;
    }
    for (int64_t step = now - SKEW_STEPS; step <= now + SKEW_STEPS; step++) {
        char wanted[7];
        CIM_TRY(host_totp(secret, sizeof secret, step, wanted, err));
        if (CRYPTO_memcmp(wanted, code, 6) == 0 && step > factor->last_step) {
            found = step;
        }
    }
    OPENSSL_cleanse(secret, sizeof secret);
    *ret_step = found;
    return CIM_OK;
}

static cim_status
take_step(cim_tx *tx, const char *username, int64_t step, cim_error *err)
{
    const cim_value values[] = {host_value_text("username", username),
                                host_value_i64("step", step)};
    return host_store_exec(tx,
                           "update cim_second_factor set last_step = :step where username = "
                           ":username",
                           values, 2, NULL, err);
}

static cim_status
recovery_hash(const char *username, const char *code, char ret_hash[HOST_TOKEN_TEXT],
              cim_error *err)
{
    CIM_AUTO_FREE char *text = NULL;
    if (asprintf(&text, "%s:%s", username, code) < 0) {
        text = NULL;
        return cim_fail_nomem(err);
    }
    return host_sha256_text("cim-recovery:", text, ret_hash, err);
}

cim_status
host_factor_take(struct host_identity *identity, cim_tx *tx, const char *username, const char *code,
                 int64_t now_ms, bool *ret_good, cim_error *err)
{
    struct factor factor = {0};
    char hash[HOST_TOKEN_TEXT];
    int64_t step = 0;
    int64_t changes = 0;
    *ret_good = false;
    CIM_TRY(read_factor(identity, tx, username, &factor, err));
    if (!factor.there || !factor.confirmed) {
        return CIM_OK;
    }
    if (strlen(code) == HOST_RECOVERY_TEXT - 1) {
        CIM_TRY(recovery_hash(username, code, hash, err));
        const cim_value values[] = {host_value_text("username", username),
                                    host_value_text("hash", hash)};
        CIM_TRY(host_store_exec(tx,
                                "delete from cim_recovery_code where username = :username and "
                                "hash = :hash",
                                values, 2, &changes, err));
        *ret_good = changes == 1;
        return CIM_OK;
    }
    CIM_TRY(find_step(&factor, code, now_ms, &step, err));
    *ret_good = step > 0;
    return step > 0 ? take_step(tx, username, step, err) : CIM_OK;
}

/* ---- setting up ---- */

struct enrolment {
    struct host_identity *identity;
    const char *username;
    const char *sealed;
    const char *code;
    int64_t now_ms;
    char (*recovery)[HOST_RECOVERY_TEXT];
};

static cim_status
begin_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct enrolment *enrolment = arg;
    int64_t changes = 0;
    const cim_value values[] = {
        host_value_text("username", enrolment->username),
        host_value_text("secret", enrolment->sealed),
        host_value_i64("now", enrolment->now_ms),
    };
    CIM_TRY(host_store_exec(tx,
                            "insert into cim_second_factor (username, secret, created_ms, "
                            "last_step) values (:username, :secret, :now, 0) on conflict "
                            "(username) do update set secret = excluded.secret, created_ms = "
                            "excluded.created_ms where cim_second_factor.confirmed_ms is null",
                            values, 3, &changes, err));
    return changes == 1
               ? CIM_OK
               : cim_fail(err, CIM_E_STATE, "factor", NULL, "已设置第二因素；如需更换，请先移除",
                          "a second factor is set up already: remove it first");
}

static void
write_uri(const struct host_identity *identity, const char *username, const char *secret,
          char ret_uri[HOST_FACTOR_URI_MAX])
{
    const char *site = identity->options.site != NULL ? identity->options.site : "CIM";
    char label[HOST_FACTOR_URI_MAX / 2];
    size_t used = 0;
    for (const char *at = site; *at != '\0' && used + 4 < sizeof label; at++) {
        const unsigned char c = (unsigned char)*at;
        const bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        used += (size_t)snprintf(label + used, sizeof label - used, plain ? "%c" : "%%%02X", c);
    }
    (void)snprintf(ret_uri, HOST_FACTOR_URI_MAX, "otpauth://totp/%s:%s?secret=%s&issuer=%s", label,
                   username, secret, label);
}

cim_status
host_factor_begin(struct host_identity *identity, const char *username,
                  char ret_secret[HOST_FACTOR_SECRET_TEXT], char ret_uri[HOST_FACTOR_URI_MAX],
                  cim_error *err)
{
    uint8_t bytes[HOST_FACTOR_SECRET_BYTES];
    char secret[HOST_FACTOR_SECRET_TEXT];
    char sealed[SEALED_MAX];
    size_t len = 0;
    const cim_crypt_place place = place_of(username);
    struct enrolment enrolment = {.identity = identity,
                                  .username = username,
                                  .sealed = sealed,
                                  .now_ms = host_clock_now_ms(identity->options.clock)};
    if (identity->options.crypt == NULL || RAND_bytes(bytes, sizeof bytes) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "没有密钥或随机数",
                        "no keys or no random bytes");
    }
    to_base32(bytes, sizeof bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", secret);
    CIM_TRY(host_crypt_seal(identity->options.crypt, &place, secret, strlen(secret), NULL, 0,
                            sealed, sizeof sealed - 1, &len, err));
    sealed[len] = '\0';
    CIM_TRY(host_store_write(identity->options.platform, begin_in_tx, &enrolment, NULL, err));
    memcpy(ret_secret, secret, sizeof secret);
    write_uri(identity, username, secret, ret_uri);
    return CIM_OK;
}

static cim_status
insert_recovery(const struct enrolment *enrolment, cim_tx *tx, size_t i, cim_error *err)
{
    uint8_t bytes[7]; /* 56 bits, of which 50 are used */
    char text[13];
    char hash[HOST_TOKEN_TEXT];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "没有随机数", "no random bytes");
    }
    to_base32(bytes, sizeof bytes, "0123456789abcdefghjkmnpqrstvwxyz", text);
    (void)snprintf(enrolment->recovery[i], HOST_RECOVERY_TEXT, "%.5s-%.5s", text, text + 5);
    CIM_TRY(recovery_hash(enrolment->username, enrolment->recovery[i], hash, err));
    const cim_value values[] = {host_value_text("username", enrolment->username),
                                host_value_text("hash", hash)};
    return host_store_exec(tx,
                           "insert into cim_recovery_code (username, hash) values (:username, "
                           ":hash)",
                           values, 2, NULL, err);
}

static cim_status
confirm_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct enrolment *enrolment = arg;
    struct factor factor = {0};
    int64_t step = 0;
    const cim_value values[] = {host_value_text("username", enrolment->username),
                                host_value_i64("now", enrolment->now_ms)};
    CIM_TRY(read_factor(enrolment->identity, tx, enrolment->username, &factor, err));
    if (!factor.there || factor.confirmed) {
        return cim_fail(err, CIM_E_STATE, "factor", NULL, "没有待确认的第二因素",
                        "there is no second factor to confirm");
    }
    CIM_TRY(find_step(&factor, enrolment->code, enrolment->now_ms, &step, err));
    if (step == 0) {
        return cim_fail(err, CIM_E_INVALID, "code", NULL,
                        "验证码不正确：请输入应用中现在显示的 6 位数字，并核对手机时间",
                        "the code is wrong: type the 6 digits that the app shows now, and check "
                        "the phone's clock");
    }
    CIM_TRY(take_step(tx, enrolment->username, step, err));
    CIM_TRY(host_store_exec(tx,
                            "update cim_second_factor set confirmed_ms = :now where username = "
                            ":username",
                            values, 2, NULL, err));
    CIM_TRY(host_store_exec(tx, "delete from cim_recovery_code where username = :username", values,
                            1, NULL, err));
    for (size_t i = 0; i < HOST_RECOVERY_CODES; i++) {
        CIM_TRY(insert_recovery(enrolment, tx, i, err));
    }
    return CIM_OK;
}

cim_status
host_factor_confirm(struct host_identity *identity, const char *username, const char *code,
                    char ret_recovery[HOST_RECOVERY_CODES][HOST_RECOVERY_TEXT], cim_error *err)
{
    struct enrolment enrolment = {.identity = identity,
                                  .username = username,
                                  .code = code,
                                  .now_ms = host_clock_now_ms(identity->options.clock),
                                  .recovery = ret_recovery};
    return host_store_write(identity->options.platform, confirm_in_tx, &enrolment, NULL, err);
}

static cim_status
remove_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const cim_value values[] = {host_value_text("username", arg)};
    CIM_TRY(host_store_exec(tx, "delete from cim_second_factor where username = :username", values,
                            1, NULL, err));
    return host_store_exec(tx, "delete from cim_recovery_code where username = :username", values,
                           1, NULL, err);
}

cim_status
host_factor_remove(struct host_identity *identity, const char *username, cim_error *err)
{
    return host_store_write(identity->options.platform, remove_in_tx, (void *)(uintptr_t)username,
                            NULL, err);
}

cim_status
host_identity_remove_factor(struct host_identity *identity, const char *username, cim_error *err)
{
    struct host_account *account = NULL;
    CIM_TRY(host_account_load(identity, username, &account, err));
    host_account_free(account);
    return host_factor_remove(identity, username, err);
}
