/* crypt/pkcs11.c -- master keys wrapped by a key that never leaves a hardware security module.
 *
 * The module holds one AES key of 256 bits that is sensitive, not extractable, and does nothing but
 * AES-GCM. A line of the key file is IV, ciphertext and tag of a master key, with the version as
 * additional data, so that no line passes for another. The master keys themselves are in the memory
 * of the platform while it runs: modules that have no SM4 serve as well, and a text that is opened
 * does not wait for one. PKCS #11 2.40; a session is open only while keys are read or written.
 */
#include "host/crypt/internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>
#include <unistd.h>

enum { IV_BYTES = 12, TAG_BYTES = 16, SLOTS_MAX = 64, PIN_MAX = 256, LABEL_BYTES = 32 };

struct pkcs11 {
    struct host_key_provider provider; /* first */
    const struct host_crypt_keys *keys;
    CK_FUNCTION_LIST *module;
    bool initialized;
    CK_SESSION_HANDLE session; /* 0: none */
    CK_OBJECT_HANDLE key;
};

_Static_assert(IV_BYTES + HOST_MASTER_BYTES + TAG_BYTES == HOST_KEPT_BYTES, "a line of the file");

/* ---- errors: the step and what the module said, never the PIN ---- */

static cim_status
fail_token(const struct pkcs11 *self, const char *step, CK_RV code, cim_error *err)
{
    return cim_fail(err, CIM_E_IO, "crypt.pkcs11_module", self->keys->module,
                    "密码模块 %s 的 %s 失败：%s（0x%lx）",
                    "security module %s: %s failed: %s (0x%lx)", self->keys->module, step,
                    p11_kit_strerror(code), (unsigned long)code);
}

#define TRY_CK(self, step, call)                                                                   \
    do {                                                                                           \
        const CK_RV code_ = (call);                                                                \
        if (code_ != CKR_OK) {                                                                     \
            return fail_token((self), (step), code_, err);                                         \
        }                                                                                          \
    } while (0)

/* ---- the token ---- */

/* Labels are 32 characters, filled up with blanks. */
static bool
is_label(const CK_UTF8CHAR *label, const char *wanted)
{
    const size_t len = strlen(wanted);
    if (len > LABEL_BYTES || memcmp(label, wanted, len) != 0) {
        return false;
    }
    for (size_t i = len; i < LABEL_BYTES; i++) {
        if (label[i] != ' ') {
            return false;
        }
    }
    return true;
}

static cim_status
find_slot(struct pkcs11 *self, CK_SLOT_ID *ret_slot, cim_error *err)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;
    TRY_CK(self, "C_GetSlotList", self->module->C_GetSlotList(CK_TRUE, slots, &n));
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;
        if (self->module->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            is_label(info.label, self->keys->token)) {
            *ret_slot = slots[i];
            return CIM_OK;
        }
    }
    return cim_fail(err, CIM_E_STATE, "crypt.pkcs11_token", self->keys->token,
                    "密码模块 %s 中没有标签为“%s”的令牌", "module %s has no token labelled '%s'",
                    self->keys->module, self->keys->token);
}

/* The first line of the file, or what is set. */
static cim_status
read_pin(const struct host_crypt_keys *keys, char pin[PIN_MAX], cim_error *err)
{
    const bool from_file = keys->pin_file != NULL && keys->pin_file[0] != '\0';
    const char *set = keys->pin != NULL ? keys->pin : "";
    ssize_t n = 0;
    pin[0] = '\0';
    if (from_file) {
        const int fd = open(keys->pin_file, O_RDONLY | O_CLOEXEC);
        struct stat info = {0};
        n = fd >= 0 && fstat(fd, &info) == 0 ? read(fd, pin, PIN_MAX - 1) : -1;
        if (fd >= 0) {
            (void)close(fd); /* only read from */
        }
        if (n >= 0 && (info.st_mode & 077U) != 0) {
            return cim_fail(err, CIM_E_STATE, "crypt.pkcs11_pin_file", keys->pin_file,
                            "PIN 文件只能由运行平台的账号读取（chmod 600）",
                            "only the account of the platform may read the PIN's file (chmod 600)");
        }
    } else if (strlen(set) < PIN_MAX) {
        cim_copy_text(pin, PIN_MAX, set);
        n = (ssize_t)strlen(set);
    }
    pin[n > 0 ? n : 0] = '\0';
    pin[strcspn(pin, "\r\n")] = '\0';
    return pin[0] != '\0'
               ? CIM_OK
               : cim_fail(
                     err, CIM_E_STATE, "crypt.pkcs11_pin_file", keys->pin_file,
                     "缺少令牌的 PIN：请设置 crypt.pkcs11_pin_file（文件，权限 600）或环境变量 "
                     "CIM_CRYPT_PKCS11_PIN",
                     "the token's PIN is missing: set crypt.pkcs11_pin_file (a file of mode "
                     "600) or the environment's CIM_CRYPT_PKCS11_PIN");
}

static cim_status
sign_in(struct pkcs11 *self, cim_error *err)
{
    char pin[PIN_MAX];
    CK_SLOT_ID slot = 0;
    CIM_TRY(find_slot(self, &slot, err));
    TRY_CK(self, "C_OpenSession",
           self->module->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                       &self->session));
    CIM_TRY(read_pin(self->keys, pin, err));
    const CK_RV code =
        self->module->C_Login(self->session, CKU_USER, (CK_UTF8CHAR *)pin, (CK_ULONG)strlen(pin));
    OPENSSL_cleanse(pin, sizeof pin);
    return code == CKR_OK || code == CKR_USER_ALREADY_LOGGED_IN
               ? CIM_OK
               : fail_token(self, "C_Login", code, err);
}

/* ---- the wrapping key ---- */

static cim_status
make_key(struct pkcs11 *self, cim_error *err)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_GEN};
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ULONG n_bytes = 32;
    CK_ATTRIBUTE wanted[] = {
        {CKA_LABEL, (void *)(uintptr_t)self->keys->label, (CK_ULONG)strlen(self->keys->label)},
        {CKA_VALUE_LEN, &n_bytes, sizeof n_bytes},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_ENCRYPT, &yes, sizeof yes},
        {CKA_DECRYPT, &yes, sizeof yes},
        {CKA_WRAP, &no, sizeof no},
        {CKA_UNWRAP, &no, sizeof no}};
    TRY_CK(self, "C_GenerateKey",
           self->module->C_GenerateKey(self->session, &mechanism, wanted,
                                       sizeof wanted / sizeof wanted[0], &self->key));
    return CIM_OK;
}

/* A key that somebody else made and that can be read out protects nothing. */
static cim_status
check_key(struct pkcs11 *self, cim_error *err)
{
    CK_BBOOL sensitive = CK_FALSE;
    CK_BBOOL extractable = CK_TRUE;
    CK_ATTRIBUTE asked[] = {{CKA_SENSITIVE, &sensitive, sizeof sensitive},
                            {CKA_EXTRACTABLE, &extractable, sizeof extractable}};
    TRY_CK(self, "C_GetAttributeValue",
           self->module->C_GetAttributeValue(self->session, self->key, asked, 2));
    return sensitive == CK_TRUE && extractable == CK_FALSE
               ? CIM_OK
               : cim_fail(err, CIM_E_STATE, "crypt.pkcs11_key", self->keys->label,
                          "令牌中的密钥“%s”可以导出：应为敏感（CKA_SENSITIVE）且不可导出",
                          "key '%s' of the token can be read out: it must be sensitive and not "
                          "extractable",
                          self->keys->label);
}

static cim_status
find_key(struct pkcs11 *self, bool make, cim_error *err)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_LABEL, (void *)(uintptr_t)self->keys->label, (CK_ULONG)strlen(self->keys->label)}};
    CK_OBJECT_HANDLE found[2];
    CK_ULONG n = 0;
    TRY_CK(
        self, "C_FindObjectsInit",
        self->module->C_FindObjectsInit(self->session, wanted, sizeof wanted / sizeof wanted[0]));
    const CK_RV code = self->module->C_FindObjects(self->session, found, 2, &n);
    (void)self->module->C_FindObjectsFinal(self->session); /* it tells nothing of the keys */
    TRY_CK(self, "C_FindObjects", code);
    if (n == 0 && make) {
        return make_key(self, err);
    }
    if (n != 1) {
        return cim_fail(err, CIM_E_STATE, "crypt.pkcs11_key", self->keys->label,
                        n == 0 ? "令牌“%s”中没有密钥“%s”；库中数据的密钥由它保护，请恢复令牌"
                               : "令牌“%s”中有多个标签为“%s”的密钥",
                        n == 0 ? "token '%s' has no key '%s', which protects the keys of the data: "
                                 "restore the token"
                               : "token '%s' has several keys labelled '%s'",
                        self->keys->token, self->keys->label);
    }
    self->key = found[0];
    return check_key(self, err);
}

/* ---- wrapping ---- */

struct gcm {
    char aad[40];
    CK_GCM_PARAMS params;
    CK_MECHANISM mechanism;
};

static void
set_gcm(struct gcm *gcm, int32_t version, unsigned char *iv)
{
    const int n = snprintf(gcm->aad, sizeof gcm->aad, "cim.crypt/1 master %d", version);
    gcm->params = (CK_GCM_PARAMS){.iv_ptr = iv,
                                  .iv_len = IV_BYTES,
                                  .iv_bits = IV_BYTES * 8,
                                  .aad_ptr = (unsigned char *)gcm->aad,
                                  .aad_len = (unsigned long)n,
                                  .tag_bits = TAG_BYTES * 8};
    gcm->mechanism = (CK_MECHANISM){
        .mechanism = CKM_AES_GCM, .pParameter = &gcm->params, .ulParameterLen = sizeof gcm->params};
}

static cim_status
pkcs11_wrap(struct host_key_provider *provider, int32_t version,
            const unsigned char master[HOST_MASTER_BYTES], unsigned char ret_kept[HOST_KEPT_BYTES],
            cim_error *err)
{
    struct pkcs11 *self = (struct pkcs11 *)provider;
    CK_ULONG n = HOST_KEPT_BYTES - IV_BYTES;
    struct gcm gcm;
    if (RAND_bytes(ret_kept, IV_BYTES) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "无法取得随机数", "no random bytes");
    }
    set_gcm(&gcm, version, ret_kept);
    TRY_CK(self, "C_EncryptInit",
           self->module->C_EncryptInit(self->session, &gcm.mechanism, self->key));
    TRY_CK(self, "C_Encrypt",
           self->module->C_Encrypt(self->session, (unsigned char *)(uintptr_t)master,
                                   HOST_MASTER_BYTES, ret_kept + IV_BYTES, &n));
    return n == HOST_KEPT_BYTES - IV_BYTES
               ? CIM_OK
               : fail_token(self, "C_Encrypt", CKR_ENCRYPTED_DATA_LEN_RANGE, err);
}

static cim_status
pkcs11_unwrap(struct host_key_provider *provider, int32_t version,
              const unsigned char kept[HOST_KEPT_BYTES],
              unsigned char ret_master[HOST_MASTER_BYTES], cim_error *err)
{
    struct pkcs11 *self = (struct pkcs11 *)provider;
    unsigned char own[HOST_KEPT_BYTES]; /* PKCS #11 knows no const; the tag's place for modules that
                                           want it until they have checked it */
    unsigned char master[HOST_KEPT_BYTES];
    CK_ULONG n = sizeof master;
    struct gcm gcm;
    memcpy(own, kept, sizeof own);
    set_gcm(&gcm, version, own);
    TRY_CK(self, "C_DecryptInit",
           self->module->C_DecryptInit(self->session, &gcm.mechanism, self->key));
    const CK_RV code = self->module->C_Decrypt(self->session, own + IV_BYTES,
                                               HOST_KEPT_BYTES - IV_BYTES, master, &n);
    if (code != CKR_OK || n != HOST_MASTER_BYTES) {
        return cim_fail(err, CIM_E_STATE, "crypt.key_file", self->keys->file,
                        "第 %d 版密钥不是令牌“%s”中的密钥“%s”所保护的，或文件被改动（0x%lx）",
                        "key %d was not wrapped by this token (%s, key '%s'), or the file was "
                        "changed (0x%lx)",
                        version, self->keys->token, self->keys->label, (unsigned long)code);
    }
    memcpy(ret_master, master, HOST_MASTER_BYTES);
    OPENSSL_cleanse(master, sizeof master);
    return CIM_OK;
}

/* ---- opening and closing ---- */

static void
pkcs11_close(struct host_key_provider *provider)
{
    struct pkcs11 *self = (struct pkcs11 *)provider;
    if (self->session != 0) {
        (void)self->module->C_CloseSession(self->session); /* the last one signs out */
    }
    if (self->initialized) {
        (void)p11_kit_module_finalize(self->module);
    }
    if (self->module != NULL) {
        p11_kit_module_release(self->module);
    }
    free(self);
}

static cim_status
open_module(struct pkcs11 *self, bool make, cim_error *err)
{
    self->module = p11_kit_module_load(self->keys->module, 0);
    if (self->module == NULL) {
        const char *why = p11_kit_message();
        return cim_fail(err, CIM_E_IO, "crypt.pkcs11_module", self->keys->module,
                        "无法加载密码模块 %s：%s", "security module %s cannot be loaded: %s",
                        self->keys->module, why != NULL ? why : "");
    }
    TRY_CK(self, "C_Initialize", p11_kit_module_initialize(self->module));
    self->initialized = true;
    CIM_TRY(sign_in(self, err));
    return find_key(self, make, err);
}

cim_status
host_pkcs11_open(const struct host_crypt_keys *keys, bool make,
                 struct host_key_provider **ret_provider, cim_error *err)
{
    struct pkcs11 *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return cim_fail_nomem(err);
    }
    self->provider = (struct host_key_provider){.mark = "pkcs11",
                                                .n_kept = HOST_KEPT_BYTES,
                                                .wrap = pkcs11_wrap,
                                                .unwrap = pkcs11_unwrap,
                                                .close = pkcs11_close};
    self->keys = keys;
    const cim_status status = open_module(self, make, err);
    if (status != CIM_OK) {
        pkcs11_close(&self->provider);
        return status;
    }
    *ret_provider = &self->provider;
    return CIM_OK;
}
