/* host/crypt/keys.c -- the key file. */
#include "host/crypt/internal.h"

#include "cim/util.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 24 + 2 * HOST_KEPT_BYTES,
    FILE_MAX_BYTES = HOST_CRYPT_KEYS_MAX * LINE_MAX_BYTES
};

static cim_status
fail_file(const char *path, cim_error *err)
{
    const int code = errno;
    (void)cim_fail(err, CIM_E_IO, "crypt.key_file", path, "无法读写加密密钥文件：%s",
                   "the file of the encryption keys cannot be read or written: %s",
                   strerrorname_np(code));
    if (err != NULL) {
        err->os_errno = code;
    }
    return CIM_E_IO;
}

cim_status
host_master_new(int32_t version, struct host_master *ret_master, cim_error *err)
{
    ret_master->version = version;
    ret_master->wrapped = false;
    return RAND_priv_bytes(ret_master->bytes, HOST_MASTER_BYTES) == 1
               ? CIM_OK
               : cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "无法取得随机数", "no random bytes");
}

/* ---- reading ---- */

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char WRAPPED_MARK[] = "pkcs11 ";

/* A master key as it lies in the file. */
struct line {
    int32_t version;
    bool wrapped;
    unsigned char kept[HOST_KEPT_BYTES];
};

/* "VERSION HEX\n" or "VERSION pkcs11 HEX\n"; the place after it, or NULL. */
static const char *
parse_line(const char *text, struct line *line)
{
    char *end = NULL;
    const long version = strtol(text, &end, 10);
    if (text[0] < '1' || text[0] > '9' || version > INT32_MAX || *end != ' ') {
        return NULL;
    }
    end++;
    line->version = (int32_t)version;
    line->wrapped = strncmp(end, WRAPPED_MARK, strlen(WRAPPED_MARK)) == 0;
    end += line->wrapped ? strlen(WRAPPED_MARK) : 0;
    const size_t n = line->wrapped ? HOST_KEPT_BYTES : HOST_MASTER_BYTES;
    for (size_t i = 0; i < n; i++, end += 2) {
        const int high = hex_digit(end[0]);
        const int low = high >= 0 ? hex_digit(end[1]) : -1;
        if (low < 0) {
            return NULL;
        }
        line->kept[i] = (unsigned char)(high << 4 | low);
    }
    return *end == '\n' ? end + 1 : NULL;
}

static cim_status
parse_file(const char *path, const char *text, struct line *lines, size_t *ret_n, cim_error *err)
{
    size_t n = 0;
    while (text != NULL && text[0] != '\0' && n < HOST_CRYPT_KEYS_MAX) {
        text = parse_line(text, &lines[n]);
        if (text != NULL && n > 0 && lines[n].version <= lines[n - 1].version) {
            text = NULL;
        }
        n++;
    }
    if (n == 0 || text == NULL || text[0] != '\0') {
        return cim_fail(
            err, CIM_E_STATE, "crypt.key_file", path,
            "加密密钥文件每行应为“版本 64 个十六进制字符”或“版本 pkcs11 120 个十六进制字符”，"
            "版本递增，最多 %d 行",
            "expected lines 'VERSION and 64 hexadecimal characters', or 'VERSION pkcs11 "
            "and 120 of them', in the file of the encryption keys, versions growing, at "
            "most %d",
            HOST_CRYPT_KEYS_MAX);
    }
    *ret_n = n;
    return CIM_OK;
}

static cim_status
unwrap(const struct host_crypt_keys *keys, const struct line *lines, size_t n,
       struct host_master *masters, cim_error *err)
{
    struct host_key_provider *plain = host_provider_plain();
    struct host_key_provider *set = NULL; /* asked only for what it has wrapped */
    cim_status status = CIM_OK;
    for (size_t i = 0; i < n && status == CIM_OK; i++) {
        if (lines[i].wrapped && set == NULL) {
            status = host_provider_open(keys, false, &set, err);
        }
        if (lines[i].wrapped && set == plain) {
            status = cim_fail(err, CIM_E_STATE, "crypt.provider", "file",
                              "第 %d 版密钥由密码模块保护：应设置 crypt.provider=pkcs11",
                              "key %d is wrapped by a security module: set crypt.provider=pkcs11",
                              lines[i].version);
        }
        if (status == CIM_OK) {
            struct host_key_provider *provider = lines[i].wrapped ? set : plain;
            masters[i].version = lines[i].version;
            masters[i].wrapped = lines[i].wrapped;
            status =
                provider->unwrap(provider, lines[i].version, lines[i].kept, masters[i].bytes, err);
        }
    }
    if (set != NULL) {
        set->close(set);
    }
    return status;
}

cim_status
host_masters_read(const struct host_crypt_keys *keys,
                  struct host_master ret_masters[HOST_CRYPT_KEYS_MAX], size_t *ret_n,
                  struct stat *ret_stat, cim_error *err)
{
    const char *path = keys->file;
    struct line lines[HOST_CRYPT_KEYS_MAX];
    char text[FILE_MAX_BYTES + 1];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail_file(path, err);
    }
    const ssize_t n = read(fd, text, sizeof text - 1);
    const bool known = fstat(fd, ret_stat) == 0;
    (void)close(fd); /* only read from */
    if (!known || n < 0) {
        return fail_file(path, err);
    }
    text[n] = '\0';
    cim_status status =
        (ret_stat->st_mode & 077U) != 0
            ? cim_fail(err, CIM_E_STATE, "crypt.key_file", path,
                       "加密密钥文件只能由运行平台的账号读取（chmod 600）",
                       "only the account of the platform may read the encryption keys (chmod 600)")
            : parse_file(path, text, lines, ret_n, err);
    OPENSSL_cleanse(text, sizeof text);
    if (status == CIM_OK) {
        status = unwrap(keys, lines, *ret_n, ret_masters, err);
    }
    OPENSSL_cleanse(lines, sizeof lines);
    return status;
}

/* ---- writing ---- */

static void
make_folder(const char *path)
{
    char copy[PATH_MAX];
    cim_copy_text(copy, sizeof copy, path);
    (void)mkdir(dirname(copy), 0700); /* that it is there already is fine; else open() tells */
}

/* All keys by the provider that is set, so that none stays in the file as it is. */
static cim_status
print_keys(const struct host_crypt_keys *keys, const struct host_master *masters, size_t n,
           char text[FILE_MAX_BYTES + 1], size_t *ret_len, cim_error *err)
{
    struct host_key_provider *provider = NULL;
    unsigned char kept[HOST_KEPT_BYTES];
    bool is_first = true; /* to be wrapped at all: what was wrapped has its key already */
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        is_first = is_first && !masters[i].wrapped;
    }
    cim_status status = host_provider_open(keys, is_first, &provider, err);
    for (size_t i = 0; i < n && status == CIM_OK; i++) {
        status = provider->wrap(provider, masters[i].version, masters[i].bytes, kept, err);
        len += (size_t)snprintf(text + len, FILE_MAX_BYTES + 1 - len, "%d %s%s", masters[i].version,
                                provider->mark, provider->mark[0] != '\0' ? " " : "");
        for (size_t k = 0; k < provider->n_kept; k++) {
            len += (size_t)snprintf(text + len, FILE_MAX_BYTES + 1 - len, "%02x", kept[k]);
        }
        text[len++] = '\n';
    }
    OPENSSL_cleanse(kept, sizeof kept);
    if (provider != NULL) {
        provider->close(provider);
    }
    *ret_len = len;
    return status;
}

/* A key that was cut short would be data that is lost: the file is there whole or not at all. */
cim_status
host_masters_write(const struct host_crypt_keys *keys, const struct host_master *masters, size_t n,
                   bool first, cim_error *err)
{
    const char *path = keys->file;
    char fresh[PATH_MAX];
    char text[FILE_MAX_BYTES + 1];
    size_t len = 0;
    CIM_TRY(print_keys(keys, masters, n, text, &len, err));
    make_folder(path);
    if (snprintf(fresh, sizeof fresh, "%s.XXXXXX", path) >= (int)sizeof fresh) {
        return cim_fail(err, CIM_E_INVALID, "crypt.key_file", path, "路径过长",
                        "the path is too long");
    }
    const int fd = mkostemp(fresh, O_CLOEXEC); /* 0600 */
    if (fd < 0) {
        return fail_file(path, err);
    }
    bool done = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    OPENSSL_cleanse(text, sizeof text);
    done = close(fd) == 0 && done;
    /* Two processes that start at once agree: the first link stands. */
    done = done && (first ? link(fresh, path) == 0 || errno == EEXIST : rename(fresh, path) == 0);
    const cim_status status = done ? CIM_OK : fail_file(path, err);
    (void)unlink(fresh); /* gone already after a rename */
    return status;
}

cim_status
host_crypt_rotate(const struct host_crypt_keys *keys, int32_t *ret_version, cim_error *err)
{
    struct host_master masters[HOST_CRYPT_KEYS_MAX];
    struct stat seen;
    size_t n = 0;
    cim_status status = host_masters_read(keys, masters, &n, &seen, err);
    if (status == CIM_OK && n == HOST_CRYPT_KEYS_MAX) {
        status = cim_fail(err, CIM_E_TOO_LARGE, "crypt.key_file", keys->file,
                          "密钥已有 %d 个版本，达到上限", "there are %d keys already, the most",
                          HOST_CRYPT_KEYS_MAX);
    }
    if (status == CIM_OK) {
        status = host_master_new(masters[n - 1].version + 1, &masters[n], err);
    }
    if (status == CIM_OK) {
        status = host_masters_write(keys, masters, n + 1, false, err);
    }
    if (status == CIM_OK) {
        *ret_version = masters[n].version;
    }
    OPENSSL_cleanse(masters, sizeof masters);
    return status;
}

cim_status
host_crypt_list(const struct host_crypt_keys *keys,
                struct host_crypt_known ret_known[HOST_CRYPT_KEYS_MAX], size_t *ret_n,
                cim_error *err)
{
    struct host_crypt *crypt = NULL;
    CIM_TRY(host_crypt_open(keys, false, &crypt, err));
    *ret_n = atomic_load(&crypt->n_keys);
    for (size_t i = 0; i < *ret_n; i++) {
        ret_known[i] = crypt->keys[i]->known;
    }
    host_crypt_close(crypt);
    return CIM_OK;
}
