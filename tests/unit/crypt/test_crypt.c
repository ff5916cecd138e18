/* Sealed texts: the algorithms against their standards, every changed byte and every move refused,
 * old keys still open, and equal texts found by their index whatever key they lie under. */
#include "unit.h"

#include "cim/crypt.h"
#include "host/crypt/crypt.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char PHONE[] = "13800138000";

struct kept {
    char dir[32];
    char file[64];
    struct host_crypt_keys keys;
    struct host_crypt *crypt;
};

static int
setup(void **state)
{
    struct kept *kept = calloc(1, sizeof *kept);
    cim_error err = {0};
    assert_non_null(kept);
    (void)snprintf(kept->dir, sizeof kept->dir, "/tmp/cim-crypt-XXXXXX");
    assert_non_null(mkdtemp(kept->dir));
    (void)snprintf(kept->file, sizeof kept->file, "%s/keys/data.keys", kept->dir);
    kept->keys.file = kept->file;
    assert_ok(host_crypt_open(&kept->keys, true, &kept->crypt, &err), &err);
    *state = kept;
    return 0;
}

static int
teardown(void **state)
{
    struct kept *kept = *state;
    char folder[64];
    host_crypt_close(kept->crypt);
    (void)snprintf(folder, sizeof folder, "%s/keys", kept->dir);
    char persons[96];
    (void)snprintf(persons, sizeof persons, "%s.persons", kept->file);
    (void)unlink(kept->file);
    (void)unlink(persons);
    assert_int_equal(rmdir(folder), 0); /* nothing half-written is left */
    assert_int_equal(rmdir(kept->dir), 0);
    free(kept);
    return 0;
}

static cim_crypt_place
place_of(const char *table, const char *column, const char *uid)
{
    return (cim_crypt_place){.struct_size = sizeof(cim_crypt_place),
                             .uid_len = (uint32_t)strlen(uid),
                             .table = table,
                             .column = column,
                             .uid = uid};
}

static cim_crypt_place
home(void)
{
    return place_of("lpg_staff", "phone", "u1");
}

static size_t
seal(struct host_crypt *crypt, const char *text, char sealed[CIM_CRYPT_SEALED_MAX])
{
    const cim_crypt_place place = home();
    size_t len = 0;
    cim_error err = {0};
    assert_ok(host_crypt_seal(crypt, &place, text, strlen(text), text, strlen(text), sealed,
                              CIM_CRYPT_SEALED_MAX, &len, &err),
              &err);
    assert_true(len < CIM_CRYPT_SEALED_MAX);
    sealed[len] = '\0';
    return len;
}

static cim_status
open_at(struct host_crypt *crypt, cim_crypt_place place, const char *sealed, size_t len,
        char text[CIM_CRYPT_TEXT_MAX + 1])
{
    size_t n = 0;
    const cim_status status =
        host_crypt_unseal(crypt, &place, sealed, len, text, CIM_CRYPT_TEXT_MAX, &n, NULL);
    text[n] = '\0';
    return status;
}

/* ---- the algorithms ---- */

static void
test_sm3_and_sm4_are_the_standards(void **state)
{
    /* GB/T 32905 A.1 and GB/T 32907 A.1 */
    static const unsigned char sm3_abc[] = {0x66, 0xc7, 0xf0, 0xf4, 0x62, 0xee, 0xed, 0xd9,
                                            0xd1, 0xf2, 0xd4, 0x6b, 0xdc, 0x10, 0xe4, 0xe2,
                                            0x41, 0x67, 0xc4, 0x87, 0x5c, 0xf2, 0xf7, 0xa2,
                                            0x29, 0x7d, 0xa0, 0x2b, 0x8f, 0x4b, 0xa8, 0xe0};
    static const unsigned char block[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                          0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
    static const unsigned char sm4_block[] = {0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e,
                                              0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46};
    unsigned char digest[32];
    unsigned char zeros[16] = {0};
    unsigned char out[32];
    unsigned int n = 0;
    int len = 0;
    (void)state;
    assert_int_equal(EVP_Digest("abc", 3, digest, &n, EVP_sm3(), NULL), 1);
    assert_memory_equal(digest, sm3_abc, sizeof sm3_abc);
    /* The key stream of CTR is the cipher of the counter: the standard's block as IV. */
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    assert_non_null(context);
    assert_int_equal(EVP_EncryptInit_ex(context, EVP_sm4_ctr(), NULL, block, block), 1);
    assert_int_equal(EVP_EncryptUpdate(context, out, &len, zeros, sizeof zeros), 1);
    assert_memory_equal(out, sm4_block, sizeof sm4_block);
    EVP_CIPHER_CTX_free(context);
}

/* ---- sealing ---- */

static void
test_round_trips(void **state)
{
    struct kept *kept = *state;
    static char text[CIM_CRYPT_TEXT_MAX + 1];
    static char sealed[CIM_CRYPT_SEALED_MAX];
    static char again[CIM_CRYPT_TEXT_MAX + 1];
    for (size_t len = 0; len <= CIM_CRYPT_TEXT_MAX; len = len < 70 ? len + 1 : len * 3 - 10) {
        memset(text, 'x', len);
        text[len] = '\0';
        const size_t n = seal(kept->crypt, text, sealed);
        assert_true(n > len);
        assert_int_equal(open_at(kept->crypt, home(), sealed, n, again), CIM_OK);
        assert_string_equal(again, text);
    }
    const cim_crypt_place place = home();
    size_t n = 0;
    assert_int_equal(host_crypt_seal(kept->crypt, &place, text, CIM_CRYPT_TEXT_MAX + 1, NULL, 0,
                                     sealed, sizeof sealed, &n, NULL),
                     CIM_E_TOO_LARGE);
}

static void
test_every_changed_byte_is_refused(void **state)
{
    struct kept *kept = *state;
    char sealed[CIM_CRYPT_SEALED_MAX];
    char text[CIM_CRYPT_TEXT_MAX + 1];
    const size_t len = seal(kept->crypt, PHONE, sealed);
    assert_int_equal(open_at(kept->crypt, home(), sealed, len, text), CIM_OK);
    for (size_t i = 0; i < len; i++) {
        const char was = sealed[i];
        for (int c = 1; c < 256; c++) {
            sealed[i] = (char)(was ^ c);
            assert_int_not_equal(open_at(kept->crypt, home(), sealed, len, text), CIM_OK);
        }
        sealed[i] = was;
        assert_int_not_equal(open_at(kept->crypt, home(), sealed, i, text), CIM_OK);
    }
}

static void
test_a_moved_value_is_refused(void **state)
{
    struct kept *kept = *state;
    char sealed[CIM_CRYPT_SEALED_MAX];
    char text[CIM_CRYPT_TEXT_MAX + 1];
    const cim_crypt_place others[] = {
        place_of("lpg_staff", "phone", "u2"), place_of("lpg_staff", "id_no", "u1"),
        place_of("lpg_order", "phone", "u1"), place_of("lpg_staffp", "hone", "u1")};
    const size_t len = seal(kept->crypt, PHONE, sealed);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(open_at(kept->crypt, others[i], sealed, len, text), CIM_E_STATE);
    }
}

/* ---- the index ---- */

static void
test_equal_texts_share_their_index_and_nothing_else(void **state)
{
    struct kept *kept = *state;
    char first[CIM_CRYPT_SEALED_MAX];
    char second[CIM_CRYPT_SEALED_MAX];
    char other[CIM_CRYPT_SEALED_MAX];
    char head[CIM_CRYPT_HEAD_MAX];
    char elsewhere[CIM_CRYPT_HEAD_MAX];
    const cim_crypt_place place = home();
    const cim_crypt_place column = place_of("lpg_staff", "id_no", "u1");
    cim_error err = {0};
    (void)seal(kept->crypt, PHONE, first);
    (void)seal(kept->crypt, PHONE, second);
    (void)seal(kept->crypt, "13800138001", other);
    assert_ok(host_crypt_head(kept->crypt, &place, PHONE, strlen(PHONE), 0, head, &err), &err);
    assert_memory_equal(first, head, strlen(head));
    assert_memory_equal(second, head, strlen(head));
    assert_memory_not_equal(other, head, strlen(head));
    assert_string_not_equal(first, second); /* each with an IV of its own */
    assert_null(strstr(first, PHONE));
    assert_ok(host_crypt_head(kept->crypt, &column, PHONE, strlen(PHONE), 0, elsewhere, &err),
              &err);
    assert_string_not_equal(head, elsewhere);
}

/* ---- persons ---- */

static size_t
seal_of(struct kept *kept, uint64_t person, char sealed[CIM_CRYPT_SEALED_MAX])
{
    cim_crypt_place place = home();
    size_t len = 0;
    cim_error err = {0};
    place.person = person;
    assert_ok(host_crypt_seal(kept->crypt, &place, PHONE, strlen(PHONE), PHONE, strlen(PHONE),
                              sealed, CIM_CRYPT_SEALED_MAX, &len, &err),
              &err);
    assert_int_equal(host_crypt_person_of(sealed, len), person);
    return len;
}

static void
test_an_erased_person_opens_nowhere_and_others_do(void **state)
{
    struct kept *kept = *state;
    char hers[CIM_CRYPT_SEALED_MAX];
    char his[CIM_CRYPT_SEALED_MAX];
    char nobodys[CIM_CRYPT_SEALED_MAX];
    char text[CIM_CRYPT_TEXT_MAX + 1];
    struct host_crypt *other = NULL;
    cim_crypt_place place = home();
    cim_error err = {0};
    size_t n = 0;
    uint64_t she = 0;
    uint64_t he = 0;
    assert_ok(host_crypt_person_new(kept->crypt, &she, &err), &err);
    assert_ok(host_crypt_person_new(kept->crypt, &he, &err), &err);
    const size_t her_len = seal_of(kept, she, hers);
    const size_t his_len = seal_of(kept, he, his);
    const size_t nobodys_len = seal_of(kept, 0, nobodys);
    /* All are found alike. */
    assert_memory_equal(hers, his, 3 + 2 + 25);
    assert_memory_equal(hers, nobodys, 3 + 2 + 25);
    assert_int_equal(open_at(kept->crypt, home(), hers, her_len, text), CIM_OK);
    assert_string_equal(text, PHONE);
    assert_ok(host_crypt_open(&kept->keys, false, &other, &err), &err);
    assert_ok(host_crypt_person_erase(kept->crypt, she, &err), &err);
    assert_ok(host_crypt_person_erase(kept->crypt, she, &err), &err);
    assert_int_equal(open_at(kept->crypt, home(), hers, her_len, text), CIM_E_NOTFOUND);
    assert_int_equal(open_at(other, home(), hers, her_len, text), CIM_E_NOTFOUND);
    assert_int_equal(open_at(other, home(), his, his_len, text), CIM_OK);
    assert_int_equal(open_at(other, home(), nobodys, nobodys_len, text), CIM_OK);
    host_crypt_close(other);
    assert_ok(host_crypt_open(&kept->keys, false, &other, &err), &err);
    assert_int_equal(open_at(other, home(), hers, her_len, text), CIM_E_NOTFOUND);
    host_crypt_close(other);
    place.person = she;
    assert_int_equal(host_crypt_seal(kept->crypt, &place, PHONE, strlen(PHONE), NULL, 0, hers,
                                     sizeof hers, &n, NULL),
                     CIM_E_NOTFOUND);
    assert_int_equal(open_at(kept->crypt, home(), CIM_CRYPT_ERASED, strlen(CIM_CRYPT_ERASED), text),
                     CIM_E_NOTFOUND);
    assert_int_equal(host_crypt_person_erase(kept->crypt, 1000000, NULL), CIM_E_NOTFOUND);
}

static void
test_each_person_has_a_key_of_its_own(void **state)
{
    struct kept *kept = *state;
    char sealed[CIM_CRYPT_SEALED_MAX];
    char text[CIM_CRYPT_TEXT_MAX + 1];
    char path[96];
    unsigned char bytes[16];
    cim_error err = {0};
    uint64_t person = 0;
    assert_ok(host_crypt_person_new(kept->crypt, &person, &err), &err);
    const size_t len = seal_of(kept, person, sealed);
    /* Other bytes in the person's place: the text comes out another one. */
    (void)snprintf(path, sizeof path, "%s.persons", kept->file);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 32, SEEK_SET), 0);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), sizeof bytes);
    bytes[0] ^= 1;
    assert_int_equal(fseek(file, 32, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
    assert_int_equal(fclose(file), 0);
    (void)open_at(kept->crypt, home(), sealed, len, text);
    assert_string_not_equal(text, PHONE);
}

/* ---- keys ---- */

static void
test_old_keys_open_after_a_rotation_by_another_process(void **state)
{
    struct kept *kept = *state;
    char old[CIM_CRYPT_SEALED_MAX];
    char new[CIM_CRYPT_SEALED_MAX];
    char text[CIM_CRYPT_TEXT_MAX + 1];
    char head[CIM_CRYPT_HEAD_MAX];
    struct host_crypt_known known[HOST_CRYPT_KEYS_MAX];
    struct host_crypt *other = NULL;
    int32_t version = 0;
    size_t n = 0;
    cim_error err = {0};
    const cim_crypt_place place = home();
    const size_t old_len = seal(kept->crypt, PHONE, old);
    assert_ok(host_crypt_rotate(&kept->keys, &version, &err), &err);
    assert_int_equal(version, 2);
    assert_ok(host_crypt_list(&kept->keys, known, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_ok(host_crypt_open(&kept->keys, false, &other, &err), &err);
    const size_t new_len = seal(other, PHONE, new);
    assert_memory_equal(new, "e1:2:", 5);
    assert_int_equal(open_at(other, home(), old, old_len, text), CIM_OK);
    assert_string_equal(text, PHONE);
    /* Whoever served all the time meets the key in a text before it has looked at the file. */
    assert_int_equal(open_at(kept->crypt, home(), new, new_len, text), CIM_OK);
    for (uint32_t i = 0; i < 2; i++) {
        assert_ok(host_crypt_head(other, &place, PHONE, strlen(PHONE), i, head, &err), &err);
        assert_memory_equal(i == 0 ? new : old, head, strlen(head));
    }
    assert_int_equal(host_crypt_head(other, &place, PHONE, strlen(PHONE), 2, head, NULL),
                     CIM_E_NOTFOUND);
    host_crypt_close(other);
}

static void
test_a_wrong_file_is_refused(void **state)
{
    struct kept *kept = *state;
    struct host_crypt *other = NULL;
    cim_error err = {0};
    struct stat info;
    assert_int_equal(stat(kept->file, &info), 0);
    assert_int_equal(info.st_mode & 0777U, 0600);
    assert_int_equal(chmod(kept->file, 0640), 0);
    assert_int_equal(host_crypt_open(&kept->keys, true, &other, &err), CIM_E_STATE);
    assert_contains(err.en, "chmod 600");
    assert_int_equal(chmod(kept->file, 0600), 0);
    FILE *file = fopen(kept->file, "a");
    assert_non_null(file);
    assert_true(fputs("2 00112233\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(host_crypt_open(&kept->keys, true, &other, &err), CIM_E_STATE);
    assert_string_equal(err.param, "crypt.key_file");
    assert_int_equal(unlink(kept->file), 0);
    assert_int_equal(host_crypt_open(&kept->keys, false, &other, &err), CIM_E_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sm3_and_sm4_are_the_standards),
        cmocka_unit_test_setup_teardown(test_round_trips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_changed_byte_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_moved_value_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_texts_share_their_index_and_nothing_else, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_erased_person_opens_nowhere_and_others_do, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_each_person_has_a_key_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_keys_open_after_a_rotation_by_another_process,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_wrong_file_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests_name("crypt", tests, NULL, NULL);
}
