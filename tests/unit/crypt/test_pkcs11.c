/* Keys wrapped by a real token, SoftHSM, which this program makes for itself: what lies in the file
 * opens with that token alone, keys rotate while serving, and a file of plain keys is taken over.
 */
#include "unit.h"

#include "cim/util.h"
#include "host/crypt/crypt.h"

#include <ftw.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char MODULE[] = "/usr/lib/softhsm/libsofthsm2.so";
static const char PIN[] = "test-pin-4711";

struct kept {
    char dir[32];
    char file[64];
    char pin_file[64];
    struct host_crypt_keys keys;
};

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void
read_file(const char *path, char text[4096])
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, 4095, file)] = '\0';
    assert_int_equal(fclose(file), 0);
}

static void
make_token(const char *label)
{
    const pid_t child = fork();
    int code = -1;
    assert_true(child >= 0);
    if (child == 0) {
        (void)freopen("/dev/null", "w", stdout);
        (void)execlp("softhsm2-util", "softhsm2-util", "--init-token", "--free", "--label", label,
                     "--so-pin", "test-so-pin", "--pin", PIN, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0); /* Debian: softhsm2 */
}

static int
setup(void **state)
{
    struct kept *kept = calloc(1, sizeof *kept);
    char path[96];
    char text[256];
    assert_non_null(kept);
    (void)snprintf(kept->dir, sizeof kept->dir, "/tmp/cim-token-XXXXXX");
    assert_non_null(mkdtemp(kept->dir));
    (void)snprintf(path, sizeof path, "%s/tokens", kept->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(text, sizeof text, "directories.tokendir = %s\nobjectstore.backend = file\n",
                   path);
    (void)snprintf(path, sizeof path, "%s/softhsm2.conf", kept->dir);
    write_file(path, text);
    assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
    make_token("cim-test");
    (void)snprintf(kept->file, sizeof kept->file, "%s/data.keys", kept->dir);
    (void)snprintf(kept->pin_file, sizeof kept->pin_file, "%s/pin", kept->dir);
    (void)snprintf(text, sizeof text, "%s\n", PIN);
    write_file(kept->pin_file, text);
    kept->keys = (struct host_crypt_keys){.file = kept->file,
                                          .module = MODULE,
                                          .token = "cim-test",
                                          .label = "cim-data",
                                          .pin_file = kept->pin_file};
    *state = kept;
    return 0;
}

static int
remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static int
teardown(void **state)
{
    struct kept *kept = *state;
    assert_int_equal(nftw(kept->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(kept);
    return 0;
}

/* ---- helpers ---- */

static struct host_crypt *
start(const struct host_crypt_keys *keys, bool make)
{
    struct host_crypt *crypt = NULL;
    cim_error err = {0};
    assert_ok(host_crypt_open(keys, make, &crypt, &err), &err);
    return crypt;
}

static void
assert_refused(const struct host_crypt_keys *keys, cim_status status, const char *param,
               const char *why)
{
    struct host_crypt *crypt = NULL;
    cim_error err = {0};
    assert_int_equal(host_crypt_open(keys, true, &crypt, &err), status);
    assert_string_equal(err.param, param);
    assert_contains(err.en, why);
    assert_null(strstr(err.en, PIN));
    assert_null(strstr(err.value, PIN));
}

static cim_crypt_place
home(void)
{
    return (cim_crypt_place){.struct_size = sizeof(cim_crypt_place),
                             .uid_len = 2,
                             .table = "lpg_staff",
                             .column = "phone",
                             .uid = "u1"};
}

static size_t
seal(struct host_crypt *crypt, char sealed[CIM_CRYPT_SEALED_MAX])
{
    const cim_crypt_place place = home();
    size_t n = 0;
    cim_error err = {0};
    assert_ok(host_crypt_seal(crypt, &place, "13800138000", 11, NULL, 0, sealed,
                              CIM_CRYPT_SEALED_MAX, &n, &err),
              &err);
    return n;
}

static void
assert_opens(struct host_crypt *crypt, const char *sealed, size_t len)
{
    const cim_crypt_place place = home();
    char text[CIM_CRYPT_TEXT_MAX];
    size_t n = 0;
    cim_error err = {0};
    assert_ok(host_crypt_unseal(crypt, &place, sealed, len, text, sizeof text, &n, &err), &err);
    assert_int_equal(n, 11);
    assert_memory_equal(text, "13800138000", 11);
}

static void
rotate(const struct host_crypt_keys *keys)
{
    int32_t version = 0;
    cim_error err = {0};
    assert_ok(host_crypt_rotate(keys, &version, &err), &err);
}

/* ---- with the token ---- */

static void
test_the_file_holds_wrapped_keys_that_open_again(void **state)
{
    struct kept *kept = *state;
    char sealed[CIM_CRYPT_SEALED_MAX];
    char text[4096];
    struct host_crypt *crypt = start(&kept->keys, true);
    const size_t len = seal(crypt, sealed);
    host_crypt_close(crypt);
    read_file(kept->file, text);
    assert_memory_equal(text, "1 pkcs11 ", 9);
    assert_int_equal(strlen(text), 9 + 120 + 1);
    crypt = start(&kept->keys, false); /* as the next process */
    assert_opens(crypt, sealed, len);
    host_crypt_close(crypt);
}

static void
test_keys_rotate_while_another_process_serves(void **state)
{
    struct kept *kept = *state;
    char old[CIM_CRYPT_SEALED_MAX];
    char new[CIM_CRYPT_SEALED_MAX];
    struct host_crypt *serving = start(&kept->keys, true);
    const size_t old_len = seal(serving, old);
    rotate(&kept->keys);
    struct host_crypt *other = start(&kept->keys, false);
    const size_t new_len = seal(other, new);
    assert_memory_equal(new, "e1:2:", 5);
    assert_opens(other, old, old_len);
    assert_opens(serving, new, new_len);
    host_crypt_close(other);
    host_crypt_close(serving);
}

static void
test_plain_keys_are_wrapped_by_the_next_rotation(void **state)
{
    struct kept *kept = *state;
    const struct host_crypt_keys plain = {.file = kept->file};
    struct host_crypt_known known[HOST_CRYPT_KEYS_MAX];
    char sealed[CIM_CRYPT_SEALED_MAX];
    char before[4096];
    char after[4096];
    size_t n = 0;
    cim_error err = {0};
    struct host_crypt *crypt = start(&plain, true);
    const size_t len = seal(crypt, sealed);
    host_crypt_close(crypt);
    read_file(kept->file, before);
    host_crypt_close(start(&kept->keys, false)); /* goes on with what is there */
    rotate(&kept->keys);
    read_file(kept->file, after);
    assert_null(strstr(after, strndupa(before + 2, 64)));
    crypt = start(&kept->keys, false);
    assert_opens(crypt, sealed, len);
    host_crypt_close(crypt);
    assert_ok(host_crypt_list(&kept->keys, known, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_true(known[0].wrapped && known[1].wrapped);
    assert_refused(&plain, CIM_E_STATE, "crypt.provider", "crypt.provider=pkcs11");
}

/* ---- what is refused ---- */

static void
test_another_token_opens_nothing(void **state)
{
    struct kept *kept = *state;
    struct host_crypt_keys other = kept->keys;
    host_crypt_close(start(&kept->keys, true));
    make_token("cim-other");
    other.token = "cim-other";
    assert_refused(&other, CIM_E_STATE, "crypt.pkcs11_key", "has no key 'cim-data'");
    char apart[96];
    (void)snprintf(apart, sizeof apart, "%s/apart.keys", kept->dir);
    struct host_crypt_keys fresh = other;
    fresh.file = apart;
    host_crypt_close(start(&fresh, true)); /* the other token has a key of that name now */
    assert_refused(&other, CIM_E_STATE, "crypt.key_file", "was not wrapped by this token");
}

static void
test_a_line_passes_for_no_other(void **state)
{
    struct kept *kept = *state;
    char text[4096];
    host_crypt_close(start(&kept->keys, true));
    read_file(kept->file, text);
    text[0] = '2'; /* the version */
    write_file(kept->file, text);
    assert_refused(&kept->keys, CIM_E_STATE, "crypt.key_file", "the file was changed");
    text[0] = '1';
    text[40] = text[40] == '0' ? '1' : '0';
    write_file(kept->file, text);
    assert_refused(&kept->keys, CIM_E_STATE, "crypt.key_file", "the file was changed");
}

static void
test_what_is_set_wrong_is_named(void **state)
{
    struct kept *kept = *state;
    struct host_crypt_keys wrong = kept->keys;
    wrong.module = "/nowhere/token.so";
    assert_refused(&wrong, CIM_E_IO, "crypt.pkcs11_module", "/nowhere/token.so");
    wrong = kept->keys;
    wrong.token = "nobody's";
    assert_refused(&wrong, CIM_E_STATE, "crypt.pkcs11_token", "no token labelled 'nobody's'");
    wrong = kept->keys;
    wrong.pin_file = NULL;
    assert_refused(&wrong, CIM_E_STATE, "crypt.pkcs11_pin_file", "CIM_CRYPT_PKCS11_PIN");
    wrong.pin = "wrong-pin-1";
    assert_refused(&wrong, CIM_E_IO, "crypt.pkcs11_module", "C_Login");
    assert_int_equal(chmod(kept->pin_file, 0644), 0);
    assert_refused(&kept->keys, CIM_E_STATE, "crypt.pkcs11_pin_file", "chmod 600");
    assert_int_not_equal(access(kept->file, F_OK), 0); /* nothing was made */
    wrong.pin = PIN;
    host_crypt_close(start(&wrong, true)); /* the PIN itself will do */
}

/* A key of that name that somebody made so that it can be read out. */
static void
test_a_key_that_can_be_read_out_is_refused(void **state)
{
    struct kept *kept = *state;
    CK_FUNCTION_LIST *module = p11_kit_module_load(MODULE, 0);
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE key = 0;
    CK_SLOT_ID slots[8];
    CK_ULONG n = 8;
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_GEN};
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ULONG n_bytes = 32;
    CK_UTF8CHAR pin[sizeof PIN];
    char label[] = "cim-data";
    CK_ATTRIBUTE wanted[] = {{CKA_LABEL, label, sizeof label - 1},
                             {CKA_VALUE_LEN, &n_bytes, sizeof n_bytes},
                             {CKA_TOKEN, &yes, sizeof yes},
                             {CKA_SENSITIVE, &no, sizeof no},
                             {CKA_EXTRACTABLE, &yes, sizeof yes}};
    memcpy(pin, PIN, sizeof PIN);
    assert_non_null(module);
    assert_int_equal(p11_kit_module_initialize(module), CKR_OK);
    assert_int_equal(module->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
    assert_int_equal(
        module->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    assert_int_equal(module->C_Login(session, CKU_USER, pin, sizeof PIN - 1), CKR_OK);
    assert_int_equal(module->C_GenerateKey(session, &mechanism, wanted, 5, &key), CKR_OK);
    assert_int_equal(module->C_CloseSession(session), CKR_OK);
    assert_int_equal(p11_kit_module_finalize(module), CKR_OK);
    p11_kit_module_release(module);
    assert_refused(&kept->keys, CIM_E_STATE, "crypt.pkcs11_key", "can be read out");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_file_holds_wrapped_keys_that_open_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_keys_rotate_while_another_process_serves, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_plain_keys_are_wrapped_by_the_next_rotation, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_another_token_opens_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_line_passes_for_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_set_wrong_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_key_that_can_be_read_out_is_refused, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("crypt_pkcs11", tests, NULL, NULL);
}
