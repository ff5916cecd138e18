/* host/crypt/crypt.c -- see crypt.h: encrypt, then MAC. */
#include "host/crypt/internal.h"

#include "cim/util.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* 18 bytes of the index: 24 characters of base64 without padding, and no two texts of a province
 * meet by chance. */
enum { RETRY_S = 300 };
enum { INDEX_BYTES = 18, INDEX_TEXT = 24, DATA_EXTRA = HOST_SM4_BYTES + HOST_SM3_BYTES };

/* ---- keys ---- */

static cim_status
fail_exchanged(const struct host_crypt *crypt, size_t i, cim_error *err)
{
    return cim_fail(
        err, CIM_E_STATE, "crypt.key_file", crypt->from.file,
        "加密密钥文件被换过：其中没有正在使用的第 %d 版密钥；平台继续使用原有密钥，请恢复原"
        "文件",
        "the file of the encryption keys was exchanged: key %d, which is in use, is not "
        "in it; the platform goes on with the keys it has: restore the file",
        crypt->keys[i]->known.version);
}

static bool
is_same(const struct host_crypt_known *a, const struct host_crypt_known *b)
{
    return a->version == b->version && strcmp(a->fingerprint, b->fingerprint) == 0;
}

static cim_status
load(struct host_crypt *crypt, cim_error *err)
{
    struct host_master masters[HOST_CRYPT_KEYS_MAX];
    size_t n = 0;
    const size_t have = atomic_load(&crypt->n_keys);
    CIM_TRY(host_masters_read(&crypt->from, masters, &n, &crypt->seen, err));
    cim_status status = CIM_OK;
    for (size_t i = 0; (i < n || i < have) && status == CIM_OK; i++) {
        struct host_crypt_key *key = NULL;
        status = i < n ? host_crypt_key_new(&masters[i], &key, err) : fail_exchanged(crypt, i, err);
        if (status == CIM_OK && i < have) {
            status = is_same(&key->known, &crypt->keys[i]->known) ? CIM_OK
                                                                  : fail_exchanged(crypt, i, err);
            host_crypt_key_free(key);
        } else if (status == CIM_OK) {
            crypt->keys[i] = key;
            atomic_store(&crypt->n_keys, i + 1);
        }
    }
    OPENSSL_cleanse(masters, sizeof masters);
    return status;
}

/* A file that is away or broken just now changes nothing: the keys at hand still serve. It is tried
 * again once it changed, or after a while: a token counts wrong PINs. */
cim_status
host_crypt_look_again(struct host_crypt *crypt, cim_error *err)
{
    struct stat found;
    cim_status status = CIM_OK;
    (void)pthread_mutex_lock(&crypt->lock);
    const time_t now = time(NULL);
    if (stat(crypt->from.file, &found) != 0 || (crypt->retry_at != 0 && now >= crypt->retry_at) ||
        found.st_ino != crypt->seen.st_ino || found.st_size != crypt->seen.st_size ||
        found.st_mtim.tv_sec != crypt->seen.st_mtim.tv_sec ||
        found.st_mtim.tv_nsec != crypt->seen.st_mtim.tv_nsec) {
        status = load(crypt, err);
        crypt->retry_at = status != CIM_OK ? now + RETRY_S : 0;
    }
    (void)pthread_mutex_unlock(&crypt->lock);
    return status;
}

static const struct host_crypt_key *
find_key(struct host_crypt *crypt, uint64_t version)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = atomic_load(&crypt->n_keys); i > 0; i--) {
            if ((uint64_t)crypt->keys[i - 1]->known.version == version) {
                return crypt->keys[i - 1];
            }
        }
        (void)host_crypt_look_again(crypt, NULL); /* the text is refused then */
    }
    return NULL;
}

/* Owned copies, "" for what is not set; false when out of memory. */
static bool
copy_keys(const struct host_crypt_keys *keys, struct host_crypt_keys *to)
{
    const char *const texts[] = {keys->file,  keys->module,   keys->token,
                                 keys->label, keys->pin_file, keys->pin};
    const char **const copies[] = {&to->file,  &to->module,   &to->token,
                                   &to->label, &to->pin_file, &to->pin};
    bool right = true;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *copies[i] = strdup(texts[i] != NULL ? texts[i] : "");
        right = right && *copies[i] != NULL;
    }
    return right;
}

static void
free_keys(struct host_crypt_keys *keys)
{
    const char *const texts[] = {keys->file,  keys->module,   keys->token,
                                 keys->label, keys->pin_file, keys->pin};
    if (keys->pin != NULL) {
        OPENSSL_cleanse((char *)(uintptr_t)keys->pin, strlen(keys->pin));
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free((char *)(uintptr_t)texts[i]);
    }
}

cim_status
host_crypt_open(const struct host_crypt_keys *keys, bool make, struct host_crypt **ret_crypt,
                cim_error *err)
{
    struct host_crypt *crypt = calloc(1, sizeof *crypt);
    if (crypt == NULL) {
        return cim_fail_nomem(err);
    }
    (void)pthread_mutex_init(&crypt->lock, NULL); /* cannot fail for the default kind */
    crypt->persons.fd = -1;
    const bool copied = copy_keys(keys, &crypt->from);
    crypt->sm4_ctr = EVP_CIPHER_fetch(NULL, "SM4-CTR", NULL);
    cim_status status = !copied ? cim_fail_nomem(err)
                        : crypt->sm4_ctr == NULL
                            ? cim_fail(err, CIM_E_UNSUPPORTED, NULL, NULL, "OpenSSL 不支持 SM4-CTR",
                                       "this OpenSSL has no SM4-CTR")
                            : CIM_OK;
    if (status == CIM_OK && make && access(keys->file, F_OK) != 0) {
        struct host_master master = {.version = 1};
        status = host_master_new(1, &master, err);
        if (status == CIM_OK) {
            status = host_masters_write(keys, &master, 1, true, err);
        }
        OPENSSL_cleanse(&master, sizeof master);
    }
    if (status == CIM_OK) {
        status = load(crypt, err);
    }
    if (status == CIM_OK) {
        status = host_persons_open(keys->file, make, &crypt->persons, err);
    }
    atomic_store(&crypt->n_sealing, atomic_load(&crypt->n_keys));
    if (status != CIM_OK) {
        host_crypt_close(crypt);
        return status;
    }
    *ret_crypt = crypt;
    return CIM_OK;
}

void
host_crypt_close(struct host_crypt *crypt)
{
    if (crypt == NULL) {
        return;
    }
    for (size_t i = 0; i < atomic_load(&crypt->n_keys); i++) {
        host_crypt_key_free(crypt->keys[i]);
    }
    host_persons_close(&crypt->persons);
    EVP_CIPHER_free(crypt->sm4_ctr);
    (void)pthread_mutex_destroy(&crypt->lock);
    free_keys(&crypt->from);
    free(crypt);
}

/* ---- pieces ---- */

static cim_status
fail_crypt(cim_error *err)
{
    return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "加解密失败", "the cipher failed");
}

/* Every part with its length before it, so that no two places make the same bytes. */
static bool
mac_part(EVP_MAC_CTX *context, const void *bytes, size_t len)
{
    const unsigned char before[] = {(unsigned char)(len >> 24U), (unsigned char)(len >> 16U),
                                    (unsigned char)(len >> 8U), (unsigned char)len};
    return EVP_MAC_update(context, before, sizeof before) == 1 &&
           EVP_MAC_update(context, bytes, len) == 1;
}

static bool
mac_end(EVP_MAC_CTX *context, bool right, unsigned char ret_mac[HOST_SM3_BYTES])
{
    size_t n = 0;
    right =
        right && EVP_MAC_final(context, ret_mac, &n, HOST_SM3_BYTES) == 1 && n == HOST_SM3_BYTES;
    EVP_MAC_CTX_free(context);
    return right;
}

static bool
mac_of(const struct host_crypt_key *key, const cim_crypt_place *place, const char *head,
       size_t head_len, const unsigned char *data, size_t len,
       unsigned char ret_mac[HOST_SM3_BYTES])
{
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(key->mac);
    const bool right = context != NULL && mac_part(context, place->table, strlen(place->table)) &&
                       mac_part(context, place->column, strlen(place->column)) &&
                       mac_part(context, place->uid, place->uid_len) &&
                       mac_part(context, head, head_len) && mac_part(context, data, len);
    return mac_end(context, right, ret_mac);
}

/* The cipher key of a person, or that of texts without one. */
static cim_status
cipher_key(const struct host_crypt *crypt, const struct host_crypt_key *key, uint64_t person,
           unsigned char ret_key[HOST_SM3_BYTES], cim_error *err)
{
    unsigned char bytes[HOST_PERSON_BYTES];
    if (person == 0) {
        memcpy(ret_key, key->cipher_key, HOST_SM4_BYTES);
        return CIM_OK;
    }
    CIM_TRY(host_persons_read(&crypt->persons, person, bytes, err));
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(key->person);
    const bool right =
        mac_end(context, context != NULL && mac_part(context, bytes, sizeof bytes), ret_key);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return right ? CIM_OK : fail_crypt(err);
}

static bool
run_cipher(const struct host_crypt *crypt, const unsigned char key[HOST_SM4_BYTES],
           const unsigned char iv[HOST_SM4_BYTES], const unsigned char *from, size_t len,
           unsigned char *to)
{
    int n = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const bool right = context != NULL &&
                       EVP_EncryptInit_ex2(context, crypt->sm4_ctr, key, iv, NULL) == 1 &&
                       EVP_EncryptUpdate(context, to, &n, from, (int)len) == 1 && (size_t)n == len;
    EVP_CIPHER_CTX_free(context);
    return right;
}

/* "e1:KEY:INDEX:", or "e1:KEY:" without a text. */
static bool
write_head(const struct host_crypt_key *key, const cim_crypt_place *place, const char *index_text,
           size_t index_len, char ret_head[CIM_CRYPT_HEAD_MAX])
{
    unsigned char mac[HOST_SM3_BYTES];
    unsigned char index[INDEX_TEXT + 1];
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(key->index);
    const bool right = context != NULL && mac_part(context, place->table, strlen(place->table)) &&
                       mac_part(context, place->column, strlen(place->column)) &&
                       mac_part(context, index_text, index_len);
    if (!mac_end(context, right, mac) || EVP_EncodeBlock(index, mac, INDEX_BYTES) != INDEX_TEXT) {
        return false;
    }
    (void)snprintf(ret_head, CIM_CRYPT_HEAD_MAX, "e1:%d:%s:", key->known.version,
                   (const char *)index);
    return true;
}

/* ---- sealing ---- */

cim_status
host_crypt_seal(struct host_crypt *crypt, const cim_crypt_place *place, const char *text,
                size_t len, const char *index_text, size_t index_len, char *out, size_t out_size,
                size_t *ret_len, cim_error *err)
{
    unsigned char data[CIM_CRYPT_TEXT_MAX + DATA_EXTRA];
    unsigned char own[HOST_SM3_BYTES];
    char head[CIM_CRYPT_HEAD_MAX];
    const uint64_t person = CIM_HAS(cim_crypt_place, place, person) ? place->person : 0;
    const struct host_crypt_key *key = crypt->keys[atomic_load(&crypt->n_sealing) - 1];
    if (len > CIM_CRYPT_TEXT_MAX ||
        out_size < CIM_CRYPT_HEAD_MAX + (len + DATA_EXTRA + 2) / 3 * 4 + 1) {
        return cim_fail(err, CIM_E_TOO_LARGE, place->column, NULL, "加密的文本最多 %d 字节",
                        "an encrypted text holds at most %d bytes", CIM_CRYPT_TEXT_MAX);
    }
    (void)snprintf(head, sizeof head, "e1:%d:-:", key->known.version);
    if (index_text != NULL && !write_head(key, place, index_text, index_len, head)) {
        return fail_crypt(err);
    }
    if (person != 0) {
        const size_t at = strlen(head);
        (void)snprintf(head + at, sizeof head - at, "%llu:", (unsigned long long)person);
    }
    const size_t head_len = strlen(head);
    CIM_TRY(cipher_key(crypt, key, person, own, err));
    const bool right =
        RAND_bytes(data, HOST_SM4_BYTES) == 1 &&
        run_cipher(crypt, own, data, (const unsigned char *)text, len, data + HOST_SM4_BYTES) &&
        mac_of(key, place, head, head_len, data, HOST_SM4_BYTES + len, data + HOST_SM4_BYTES + len);
    OPENSSL_cleanse(own, sizeof own);
    if (!right) {
        return fail_crypt(err);
    }
    memcpy(out, head, head_len);
    *ret_len = head_len + (size_t)EVP_EncodeBlock((unsigned char *)out + head_len, data,
                                                  (int)(len + DATA_EXTRA));
    return CIM_OK;
}

/* ---- opening ---- */

static cim_status
refuse(const cim_crypt_place *place, cim_error *err)
{
    return cim_fail(err, CIM_E_STATE, place->column, NULL,
                    "记录 %.*s 的加密字段 %s 打不开：内容被改动、移位，或缺少密钥",
                    "the encrypted field of record %.*s cannot be opened (%s): it was changed or "
                    "moved, or its key is not there",
                    (int)place->uid_len, place->uid, place->column);
}

/* What stands before the base64. */
struct head {
    size_t len; /* 0: this is no sealed text */
    uint64_t version;
    uint64_t person;
};

/* Digits up to a colon, the one way to write the number; the place after it, or 0. */
static size_t
read_number(const char *text, size_t len, size_t at, size_t most, uint64_t *ret_number)
{
    const size_t start = at;
    uint64_t number = 0;
    for (; at < len && at - start < most && text[at] >= '0' && text[at] <= '9'; at++) {
        number = number * 10 + (uint64_t)(text[at] - '0');
    }
    *ret_number = number;
    return at > start && text[start] != '0' && at < len && text[at] == ':' ? at + 1 : 0;
}

static struct head
read_head(const char *sealed, size_t len)
{
    struct head head = {.len = 0};
    if (len < 8 || memcmp(sealed, "e1:", 3) != 0) {
        return head;
    }
    const size_t index = read_number(sealed, len, 3, 10, &head.version);
    const char *end = index > 0 ? memchr(sealed + index, ':', len - index) : NULL;
    if (end == NULL || end - sealed > CIM_CRYPT_HEAD_MAX - 24) {
        return head;
    }
    const size_t after = (size_t)(end - sealed) + 1;
    const bool has_person = memchr(sealed + after, ':', len - after) != NULL; /* never in base64 */
    head.len = has_person ? read_number(sealed, len, after, 18, &head.person) : after;
    return head;
}

/* Only the one way to write the bytes, so that no two sealed texts are the same value. */
static size_t
read_base64(const char *text, size_t len, unsigned char *bytes, size_t size)
{
    size_t padding = len > 1 && text[len - 1] == '=' ? 1 : 0;
    padding += padding == 1 && text[len - 2] == '=' ? 1 : 0;
    if (len % 4 != 0 || len / 4 * 3 > size || memchr(text, '=', len - padding) != NULL ||
        EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len) != (int)(len / 4 * 3)) {
        return 0;
    }
    unsigned char again[8];
    (void)EVP_EncodeBlock(again, bytes + len / 4 * 3 - 3, (int)(3 - padding));
    return memcmp(again, text + len - 4, 4) == 0 ? len / 4 * 3 - padding : 0;
}

cim_status
host_crypt_unseal(struct host_crypt *crypt, const cim_crypt_place *place, const char *sealed,
                  size_t len, char *out, size_t out_size, size_t *ret_len, cim_error *err)
{
    unsigned char data[CIM_CRYPT_TEXT_MAX + DATA_EXTRA + 4];
    unsigned char mac[HOST_SM3_BYTES];
    unsigned char own[HOST_SM3_BYTES];
    if (len == strlen(CIM_CRYPT_ERASED) && memcmp(sealed, CIM_CRYPT_ERASED, len) == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, place->column, NULL, "个人信息已删除",
                        "the personal data were erased");
    }
    const struct head head = read_head(sealed, len);
    const struct host_crypt_key *key = head.len > 0 ? find_key(crypt, head.version) : NULL;
    const size_t n =
        key != NULL ? read_base64(sealed + head.len, len - head.len, data, sizeof data) : 0;
    if (n < DATA_EXTRA || n - DATA_EXTRA > out_size) {
        return refuse(place, err);
    }
    const size_t text_len = n - DATA_EXTRA;
    if (!mac_of(key, place, sealed, head.len, data, n - HOST_SM3_BYTES, mac)) {
        return fail_crypt(err);
    }
    if (CRYPTO_memcmp(mac, data + n - HOST_SM3_BYTES, HOST_SM3_BYTES) != 0) {
        return refuse(place, err);
    }
    CIM_TRY(cipher_key(crypt, key, head.person, own, err));
    const bool right =
        run_cipher(crypt, own, data, data + HOST_SM4_BYTES, text_len, (unsigned char *)out);
    OPENSSL_cleanse(own, sizeof own);
    if (!right) {
        return fail_crypt(err);
    }
    *ret_len = text_len;
    return CIM_OK;
}

cim_status
host_crypt_head(struct host_crypt *crypt, const cim_crypt_place *place, const char *index_text,
                size_t index_len, uint32_t i, char ret_head[CIM_CRYPT_HEAD_MAX], cim_error *err)
{
    const size_t n_sealing = atomic_load(&crypt->n_sealing);
    if (i >= atomic_load(&crypt->n_keys)) {
        return cim_fail(err, CIM_E_NOTFOUND, NULL, NULL, "没有更多密钥", "there are no more keys");
    }
    /* The key that seals, the older ones, and those that only another host seals with yet. */
    const struct host_crypt_key *key = crypt->keys[i < n_sealing ? n_sealing - 1 - i : i];
    if (index_text == NULL) {
        (void)snprintf(ret_head, CIM_CRYPT_HEAD_MAX, "e1:%d:", key->known.version);
        return CIM_OK;
    }
    return write_head(key, place, index_text, index_len, ret_head) ? CIM_OK : fail_crypt(err);
}

/* ---- persons ---- */

cim_status
host_crypt_person_new(struct host_crypt *crypt, uint64_t *ret_person, cim_error *err)
{
    return host_persons_new(&crypt->persons, ret_person, err);
}

uint64_t
host_crypt_person_of(const char *sealed, size_t len)
{
    return read_head(sealed, len).person;
}

cim_status
host_crypt_person_erase(struct host_crypt *crypt, uint64_t person, cim_error *err)
{
    return host_persons_erase(&crypt->persons, person, err);
}
