/* host/audit/mac.c -- the key and what is computed with it: HMAC with SM3 (GB/T 32905). */
#include "host/audit/internal.h"

#include "cim/util.h"
#include "kit/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the file ---- */

static void
write_hex(const unsigned char *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4U];
        out[2 * i + 1] = digits[bytes[i] & 15U];
    }
    out[2 * n] = '\0';
}

static cim_status
fail_file(const char *path, cim_error *err)
{
    const int code = errno;
    (void)cim_fail(err, CIM_E_IO, "audit.key_file", path, "无法读写审计密钥文件：%s",
                   "the audit key file cannot be read or written: %s", strerrorname_np(code));
    if (err != NULL) {
        err->os_errno = code;
    }
    return CIM_E_IO;
}

/* The file is there whole or not at all: a key that was cut short would be a key that is lost. */
static cim_status
make_file(const char *path, cim_error *err)
{
    unsigned char bytes[HOST_AUDIT_KEY_BYTES];
    char text[2 * HOST_AUDIT_KEY_BYTES + 2];
    char fresh[4096];
    const size_t len = sizeof text - 1;
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "无法取得随机数", "no random bytes");
    }
    write_hex(bytes, sizeof bytes, text);
    OPENSSL_cleanse(bytes, sizeof bytes);
    text[len - 1] = '\n';
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail_file(path, err);
    }
    const bool written = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    OPENSSL_cleanse(text, sizeof text);
    if (close(fd) != 0 || !written || rename(fresh, path) != 0) {
        return fail_file(path, err);
    }
    return CIM_OK;
}

static cim_status
use_key(const char *text, struct host_audit_key *ret_key, cim_error *err)
{
    char digest[] = "SM3";
    unsigned char bytes[HOST_AUDIT_KEY_BYTES];
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    for (size_t i = 0; i < sizeof bytes; i++) {
        const char pair[] = {text[2 * i], text[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    EVP_MAC_free(mac); /* the context holds it */
    if (context == NULL || EVP_MAC_init(context, bytes, sizeof bytes, params) != 1) {
        EVP_MAC_CTX_free(context);
        return cim_fail(err, CIM_E_UNSUPPORTED, NULL, NULL, "OpenSSL 不支持 HMAC-SM3",
                        "this OpenSSL has no HMAC-SM3");
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    ret_key->context = context;
    return CIM_OK;
}

cim_status
host_audit_key_read(const char *path, bool make, struct host_audit_key *ret_key, cim_error *err)
{
    char text[2 * HOST_AUDIT_KEY_BYTES + 2] = "";
    struct stat info;
    if (make && access(path, F_OK) != 0 && errno == ENOENT) {
        CIM_TRY(make_file(path, err));
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail_file(path, err);
    }
    const ssize_t n = read(fd, text, sizeof text - 1);
    const bool known = fstat(fd, &info) == 0;
    (void)close(fd); /* only read from */
    if (!known || n < 0) {
        return fail_file(path, err);
    }
    if ((info.st_mode & 077U) != 0) {
        return cim_fail(err, CIM_E_STATE, "audit.key_file", path,
                        "审计密钥文件只能由运行平台的账号读取（chmod 600）",
                        "only the account of the platform may read the audit key (chmod 600)");
    }
    if (strspn(text, "0123456789abcdef") != (size_t)2 * HOST_AUDIT_KEY_BYTES) {
        return cim_fail(err, CIM_E_STATE, "audit.key_file", path,
                        "审计密钥文件内容应为 64 个十六进制字符",
                        "expected 64 hexadecimal characters in the audit key file");
    }
    const cim_status status = use_key(text, ret_key, err);
    OPENSSL_cleanse(text, sizeof text);
    return status;
}

void
host_audit_key_done(struct host_audit_key *key)
{
    EVP_MAC_CTX_free(key->context);
    key->context = NULL;
}

/* ---- MACs ---- */

cim_status
host_audit_mac(struct host_audit_key *key, const char *label, const char *text, size_t len,
               char ret_mac[HOST_AUDIT_MAC_TEXT], cim_error *err)
{
    unsigned char bytes[HOST_AUDIT_MAC_TEXT / 2];
    size_t n = 0;
    if (EVP_MAC_init(key->context, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(key->context, (const unsigned char *)label, strlen(label)) != 1 ||
        EVP_MAC_update(key->context, (const unsigned char *)"\n", 1) != 1 ||
        EVP_MAC_update(key->context, (const unsigned char *)text, len) != 1 ||
        EVP_MAC_final(key->context, bytes, &n, sizeof bytes) != 1 || n != sizeof bytes) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "HMAC-SM3 计算失败", "HMAC-SM3 failed");
    }
    write_hex(bytes, n, ret_mac);
    return CIM_OK;
}

cim_status
host_audit_mac_at(struct host_audit_key *key, const char *label, int64_t seq, const char *before,
                  const char *of, char ret_mac[HOST_AUDIT_MAC_TEXT], cim_error *err)
{
    char text[2 * HOST_AUDIT_MAC_TEXT + 32];
    const int n = snprintf(text, sizeof text, "%lld:%.64s:%.64s", (long long)seq, before, of);
    return host_audit_mac(key, label, text, (size_t)n, ret_mac, err);
}

/* Every value with its length before it, so that no two entries make the same text. */
cim_status
host_audit_mac_row(struct host_audit_key *key, const cim_batch *batch, int64_t row, uint32_t first,
                   struct cim_buf *text, char ret_mac[HOST_AUDIT_MAC_TEXT], cim_error *err)
{
    cim_buf_clear(text);
    for (uint32_t i = 0; i < HOST_AUDIT_COLUMNS; i++) {
        const cim_column *column = batch->columns[first + i];
        if (!cim_column_present(column, row)) {
            cim_buf_add_text(text, "-,");
        } else if (column->type == CIM_COL_TEXT) {
            size_t len = 0;
            const uint8_t *bytes = cim_column_bytes(column, row, &len);
            cim_buf_addf(text, "%zu:", len);
            cim_buf_add(text, bytes, len);
            cim_buf_add_char(text, ',');
        } else {
            cim_buf_addf(text, "#%lld,", (long long)cim_column_i64(column, row));
        }
    }
    CIM_TRY(cim_buf_status(text, err));
    return host_audit_mac(key, "row", text->data, text->len, ret_mac, err);
}
