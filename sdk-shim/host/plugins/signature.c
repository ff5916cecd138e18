/* Who made a plugin: `plugin.manifest.sig` beside the manifest is an Ed25519 signature (RFC 8032)
 * of its bytes, and the manifest holds the SHA-256 of every other file. */
#include "cim/util.h"
#include "host/plugins/plugin.h"
#include "kit/cleanup.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <dirent.h>
#include <ftw.h>
#include <json-c/json.h>
#include <stdio.h>

enum { SIGNATURE_BYTES = 64, KEY_BYTES_MAX = 16 << 10, KEYS_MAX = 100 };

struct signed_text {
    const char *text;
    size_t len;
    unsigned char signature[SIGNATURE_BYTES];
};

/* ---- the keys ---- */

static EVP_PKEY *
read_key(const char *path)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *key = file != NULL ? PEM_read_PUBKEY(file, NULL, NULL, NULL) : NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    return key;
}

static bool
is_by(const struct signed_text *text, EVP_PKEY *key)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool ok = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
                    EVP_DigestVerify(ctx, text->signature, SIGNATURE_BYTES,
                                     (const unsigned char *)text->text, text->len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static int
is_pem(const struct dirent *entry)
{
    const size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".pem") == 0;
}

/* Any of the trusted keys will do; one that is no Ed25519 public key is refused by name, for it may
 * have been meant. */
static cim_status
check_keys(const char *keys_dir, const struct signed_text *text, const char *signature_path,
           cim_error *err)
{
    struct dirent **entries = NULL;
    const int n = scandir(keys_dir, &entries, is_pem, alphasort);
    cim_status status = CIM_OK;
    bool signed_by_one = false;
    if (n <= 0 || n > KEYS_MAX) {
        status = cim_fail(err, CIM_E_INVALID, "plugins.keys", keys_dir,
                          "“%s”中应有 1 至 %d 个 .pem 公钥",
                          "'%s': expected 1 to %d public keys, *.pem", keys_dir, KEYS_MAX);
    }
    for (int i = 0; i < n; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", keys_dir, entries[i]->d_name);
        EVP_PKEY *key = status == CIM_OK && !signed_by_one ? read_key(path) : NULL;
        if (key != NULL && EVP_PKEY_id(key) == EVP_PKEY_ED25519) {
            signed_by_one = is_by(text, key);
        } else if (status == CIM_OK && !signed_by_one) {
            status = cim_fail(err, CIM_E_INVALID, "plugins.keys", path,
                              "%.300s 不是 Ed25519 公钥（PEM）",
                              "%.300s is no Ed25519 public key in PEM", path);
        }
        EVP_PKEY_free(key);
        free(entries[i]);
    }
    free((void *)entries);
    if (status == CIM_OK && !signed_by_one) {
        status =
            cim_fail(err, CIM_E_DENIED, "signature", signature_path,
                     "%.200s：不是任何受信任密钥对此清单的签名",
                     "%.200s: is no signature of this manifest by a trusted key", signature_path);
    }
    return status;
}

/* ---- the files ---- */

/* nftw() has no argument of its own. */
static _Thread_local const struct host_manifest *t_manifest;
static _Thread_local char t_unlisted[256];

static int
find_unlisted(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    const char *name = path + strlen(t_manifest->dir) + 1;
    struct json_object *sums = NULL;
    (void)st;
    if (kind == FTW_D || at->level == 0 || strcmp(name, HOST_MANIFEST_FILE) == 0 ||
        strcmp(name, HOST_SIGNATURE_FILE) == 0) {
        return 0;
    }
    (void)json_object_object_get_ex(t_manifest->root, "checksums", &sums);
    if (sums != NULL && kind == FTW_F && json_object_object_get_ex(sums, name, NULL)) {
        return 0;
    }
    cim_copy_text(t_unlisted, sizeof t_unlisted, name);
    return 1;
}

/* A signature vouches for what the manifest lists: nothing else may lie there. */
static cim_status
check_all_listed(const struct host_manifest *manifest, cim_error *err)
{
    t_manifest = manifest;
    const int found = nftw(manifest->dir, find_unlisted, 16, FTW_PHYS);
    if (found == 0) {
        return CIM_OK;
    }
    return cim_fail(
        err, CIM_E_DENIED, "checksums", found > 0 ? t_unlisted : manifest->dir,
        "%.200s 未列入清单的 checksums，签名不能为它担保",
        "%.200s is not in the manifest's checksums: the signature does not vouch for it",
        found > 0 ? t_unlisted : manifest->dir);
}

cim_status
host_manifest_verify_signature(const struct host_manifest *manifest, const char *keys_dir,
                               cim_error *err)
{
    char path[4096];
    CIM_AUTO_FREE char *text = NULL;
    CIM_AUTO_FREE char *signature = NULL;
    size_t signature_len = 0;
    struct signed_text signed_text = {.len = 0};
    CIM_TRY(host_manifest_path(manifest, HOST_SIGNATURE_FILE, NULL, path, sizeof path, err));
    const cim_status status =
        host_read_file(path, SIGNATURE_BYTES, &signature, &signature_len, err);
    if (status == CIM_E_NOTFOUND || (status == CIM_OK && signature_len != SIGNATURE_BYTES)) {
        return cim_fail(
            err, CIM_E_DENIED, "signature", path,
            "%.200s：应为清单的 Ed25519 签名（64 字节）；本平台只启用有签名的插件",
            "%.200s: expected the manifest's Ed25519 signature of 64 bytes; only signed "
            "plugins are enabled here",
            path);
    }
    CIM_TRY(status);
    CIM_TRY(host_read_file(manifest->path, HOST_MANIFEST_BYTES_MAX, &text, &signed_text.len, err));
    signed_text.text = text;
    memcpy(signed_text.signature, signature, SIGNATURE_BYTES);
    CIM_TRY(check_keys(keys_dir, &signed_text, path, err));
    return check_all_listed(manifest, err);
}
