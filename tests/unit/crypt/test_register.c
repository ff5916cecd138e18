/* The fingerprints of keys in the data store, on both stores: a key file that is lost, old or
 * another one is refused by version, and no key seals that the store does not know. */
#include "fixture.h"

#include "cim/util.h"
#include "host/crypt/crypt.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct kept {
    struct fixture *fixture;
    char file[160];
    char aside[160]; /* a copy of the file, or another file */
};

static int
setup(void **state)
{
    struct kept *kept = calloc(1, sizeof *kept);
    assert_non_null(kept);
    assert_int_equal(fixture_setup((void **)&kept->fixture), 0);
    (void)snprintf(kept->file, sizeof kept->file, "%s/data.keys", kept->fixture->dir);
    (void)snprintf(kept->aside, sizeof kept->aside, "%s/aside.keys", kept->fixture->dir);
    *state = kept;
    return 0;
}

static int
teardown(void **state)
{
    struct kept *kept = *state;
    assert_int_equal(fixture_teardown((void **)&kept->fixture), 0);
    free(kept);
    return 0;
}

/* ---- helpers ---- */

static struct host_crypt *
start(struct kept *kept)
{
    struct host_crypt *crypt = NULL;
    cim_error err = {0};
    assert_ok(host_crypt_open_for(kept->fixture->store,
                                  &(struct host_crypt_keys){.file = kept->file}, &crypt, &err),
              &err);
    return crypt;
}

static void
assert_refused(struct kept *kept, const char *why)
{
    struct host_crypt *crypt = NULL;
    cim_error err = {0};
    assert_int_equal(host_crypt_open_for(kept->fixture->store,
                                         &(struct host_crypt_keys){.file = kept->file}, &crypt,
                                         &err),
                     CIM_E_STATE);
    assert_null(crypt);
    assert_string_equal(err.param, "crypt.key_file");
    assert_contains(err.en, why);
    assert_contains(err.en, kept->file);
    assert_contains(err.en, "restore");
}

static void
copy_file(const char *from, const char *to)
{
    char text[8192];
    char fresh[192];
    FILE *file = fopen(from, "r");
    assert_non_null(file);
    const size_t n = fread(text, 1, sizeof text, file);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(fresh, sizeof fresh, "%s.copy", to);
    file = fopen(fresh, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(fresh, 0600), 0);
    assert_int_equal(rename(fresh, to), 0);
}

static void
name_persons(const char *file, char path[200])
{
    (void)snprintf(path, 200, "%s.persons", file);
}

/* As hosts of one database do. */
static void
share_persons(struct kept *kept)
{
    char own[200];
    char other[200];
    name_persons(kept->file, own);
    name_persons(kept->aside, other);
    assert_int_equal(symlink(own, other), 0);
}

static void
rotate(const char *file, int32_t expected)
{
    cim_error err = {0};
    int32_t version = 0;
    assert_ok(host_crypt_rotate(&(struct host_crypt_keys){.file = file}, &version, &err), &err);
    assert_int_equal(version, expected);
}

static int64_t
count_known(const struct kept *kept)
{
    return one_int(kept->fixture->store, "select count(*) from cim_data_key");
}

/* The version that a text is sealed with now. */
static int
sealing_version(struct host_crypt *crypt)
{
    const cim_crypt_place place = {
        .struct_size = sizeof place, .table = "thing", .column = "name", .uid = "u", .uid_len = 1};
    char sealed[CIM_CRYPT_SEALED_MAX];
    size_t n = 0;
    cim_error err = {0};
    assert_ok(host_crypt_seal(crypt, &place, "x", 1, NULL, 0, sealed, sizeof sealed, &n, &err),
              &err);
    return (int)strtol(sealed + strlen("e1:"), NULL, 10);
}

/* ---- at the start ---- */

static void
test_the_first_start_makes_a_key_and_keeps_its_fingerprint(void **state)
{
    struct kept *kept = *state;
    struct host_crypt_known known[HOST_CRYPT_KEYS_MAX];
    cim_error err = {0};
    size_t n = 0;
    host_crypt_close(start(kept));
    assert_int_equal(count_known(kept), 1);
    assert_ok(host_crypt_list(&(struct host_crypt_keys){.file = kept->file}, known, &n, &err),
              &err);
    assert_int_equal(n, 1);
    assert_int_equal(strlen(known[0].fingerprint), HOST_CRYPT_FINGERPRINT_TEXT - 1);
    char sql[160];
    (void)snprintf(sql, sizeof sql,
                   "select count(*) from cim_data_key where version = 1 and fingerprint = '%s'",
                   known[0].fingerprint);
    assert_int_equal(one_int(kept->fixture->store, sql), 1);
    host_crypt_close(start(kept)); /* nothing new */
    assert_int_equal(count_known(kept), 1);
    assert_int_equal(one_int(kept->fixture->store, "select count(*) from cim_audit_pending where "
                                                   "action = 'key.add'"),
                     1);
}

static void
test_a_lost_file_is_not_replaced(void **state)
{
    struct kept *kept = *state;
    host_crypt_close(start(kept));
    copy_file(kept->file, kept->aside);
    assert_int_equal(unlink(kept->file), 0);
    assert_refused(kept, "is not there");
    assert_int_not_equal(access(kept->file, F_OK), 0);
    copy_file(kept->aside, kept->file);
    host_crypt_close(start(kept));
}

static void
test_another_file_is_refused(void **state)
{
    struct kept *kept = *state;
    struct host_crypt *other = NULL;
    cim_error err = {0};
    host_crypt_close(start(kept));
    assert_ok(host_crypt_open(&(struct host_crypt_keys){.file = kept->aside}, true, &other, &err),
              &err);
    host_crypt_close(other);
    copy_file(kept->aside, kept->file);
    assert_refused(kept, "key 1 is not the one");
    assert_int_equal(count_known(kept), 1);
}

static void
test_an_old_file_is_refused(void **state)
{
    struct kept *kept = *state;
    host_crypt_close(start(kept));
    copy_file(kept->file, kept->aside);
    rotate(kept->file, 2);
    host_crypt_close(start(kept));
    assert_int_equal(count_known(kept), 2);
    copy_file(kept->aside, kept->file);
    assert_refused(kept, "lacks key 2");
}

/* ---- while serving ---- */

static void
test_a_key_seals_once_the_store_knows_it(void **state)
{
    struct kept *kept = *state;
    struct host_crypt *crypt = start(kept);
    cim_error err = {0};
    rotate(kept->file, 2);
    assert_int_equal(sealing_version(crypt), 1);
    assert_int_equal(count_known(kept), 1);
    assert_ok(host_crypt_admit(crypt, kept->fixture->store, &err), &err);
    assert_int_equal(count_known(kept), 2);
    assert_int_equal(sealing_version(crypt), 2);
    host_crypt_close(crypt);
}

static void
test_two_hosts_cannot_seal_with_different_keys_of_a_version(void **state)
{
    struct kept *kept = *state;
    struct host_crypt *crypt = start(kept);
    struct host_crypt *other = NULL;
    cim_error err = {0};
    copy_file(kept->file, kept->aside);
    share_persons(kept);
    assert_ok(host_crypt_open_for(kept->fixture->store,
                                  &(struct host_crypt_keys){.file = kept->aside}, &other, &err),
              &err);
    rotate(kept->file, 2);
    rotate(kept->aside, 2);
    assert_ok(host_crypt_admit(crypt, kept->fixture->store, &err), &err);
    assert_int_equal(host_crypt_admit(other, kept->fixture->store, &err), CIM_E_STATE);
    assert_contains(err.en, "key 2 is not the one");
    assert_int_equal(sealing_version(other), 1);
    assert_int_equal(count_known(kept), 2);
    host_crypt_close(other);
    host_crypt_close(crypt);
}

/* ---- keys of persons ---- */

static uint64_t
new_person(struct host_crypt *crypt)
{
    uint64_t person = 0;
    cim_error err = {0};
    assert_ok(host_crypt_person_new(crypt, &person, &err), &err);
    return person;
}

static void
assert_persons_refused(struct kept *kept, const char *why)
{
    struct host_crypt *crypt = NULL;
    cim_error err = {0};
    assert_int_equal(host_crypt_open_for(kept->fixture->store,
                                         &(struct host_crypt_keys){.file = kept->file}, &crypt,
                                         &err),
                     CIM_E_STATE);
    assert_contains(err.en, why);
    assert_contains(err.en, ".persons");
    assert_contains(err.en, "restore");
}

static void
test_a_lost_old_or_other_file_of_persons_is_refused(void **state)
{
    struct kept *kept = *state;
    char path[200];
    char old[200];
    char other[200];
    cim_error err = {0};
    struct host_crypt *crypt = start(kept);
    name_persons(kept->file, path);
    name_persons(kept->aside, other);
    (void)snprintf(old, sizeof old, "%s.old", path);
    copy_file(path, old);
    assert_int_equal(new_person(crypt), 1);
    assert_ok(host_crypt_admit(crypt, kept->fixture->store, &err), &err);
    assert_true(one_int(kept->fixture->store, "select keys from cim_person_file") > 0);
    host_crypt_close(crypt);
    host_crypt_close(start(kept));
    copy_file(old, path);
    assert_persons_refused(kept, "is an old copy");
    crypt = NULL;
    assert_ok(host_crypt_open(&(struct host_crypt_keys){.file = kept->aside}, true, &crypt, &err),
              &err);
    host_crypt_close(crypt);
    copy_file(other, path);
    assert_persons_refused(kept, "is not the file of persons' keys that belongs");
    assert_int_equal(unlink(path), 0);
    assert_persons_refused(kept, "is not there");
    assert_int_not_equal(access(path, F_OK), 0);
}

static void
test_hosts_that_share_the_file_give_no_number_twice(void **state)
{
    enum { EACH = 3000 }; /* several blocks */
    struct kept *kept = *state;
    static bool given[16 * 1024];
    struct host_crypt *crypt = start(kept);
    struct host_crypt *other = NULL;
    cim_error err = {0};
    memset(given, 0, sizeof given);
    copy_file(kept->file, kept->aside);
    share_persons(kept);
    assert_ok(host_crypt_open_for(kept->fixture->store,
                                  &(struct host_crypt_keys){.file = kept->aside}, &other, &err),
              &err);
    for (int i = 0; i < 2 * EACH; i++) {
        const uint64_t person = new_person(i % 2 == 0 ? crypt : other);
        assert_true(person > 0 && person < sizeof given);
        assert_false(given[person]);
        given[person] = true;
    }
    host_crypt_close(other);
    host_crypt_close(crypt);
}

static void
test_an_exchanged_file_is_told_and_changes_nothing(void **state)
{
    struct kept *kept = *state;
    struct host_crypt *crypt = start(kept);
    struct host_crypt *other = NULL;
    cim_error err = {0};
    assert_ok(host_crypt_open(&(struct host_crypt_keys){.file = kept->aside}, true, &other, &err),
              &err);
    host_crypt_close(other);
    rotate(kept->aside, 2);
    copy_file(kept->aside, kept->file);
    assert_int_equal(host_crypt_admit(crypt, kept->fixture->store, &err), CIM_E_STATE);
    assert_contains(err.en, "key 1, which is in use");
    assert_int_equal(sealing_version(crypt), 1);
    assert_int_equal(count_known(kept), 1);
    host_crypt_close(crypt);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_first_start_makes_a_key_and_keeps_its_fingerprint,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_lost_file_is_not_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_file_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_old_file_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_key_seals_once_the_store_knows_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_hosts_cannot_seal_with_different_keys_of_a_version,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_lost_old_or_other_file_of_persons_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_hosts_that_share_the_file_give_no_number_twice, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_exchanged_file_is_told_and_changes_nothing, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("crypt_register", tests, NULL, NULL);
}
