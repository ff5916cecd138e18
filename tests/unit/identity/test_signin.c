/* Passwords: rules, lock-out, and that names which do not exist answer like those that do. */
#include "fixture.h"

#include <argon2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int verifications;
static atomic_int running;
static atomic_int most_running;
static atomic_int verify_takes_ms;

int __real_argon2id_verify(const char *encoded, const void *pwd, size_t pwdlen);
int __wrap_argon2id_verify(const char *encoded, const void *pwd, size_t pwdlen);

int
__wrap_argon2id_verify(const char *encoded, const void *pwd, size_t pwdlen)
{
    const int now = atomic_fetch_add(&running, 1) + 1;
    int code = 0;
    int most = atomic_load(&most_running);
    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now)) {
    }
    (void)atomic_fetch_add(&verifications, 1);
    (void)usleep((useconds_t)atomic_load(&verify_takes_ms) * 1000U);
    code = __real_argon2id_verify(encoded, pwd, pwdlen);
    (void)atomic_fetch_sub(&running, 1);
    return code;
}

static cim_status
try_password(struct fixture *fixture, const char *username, const char *password, cim_error *err)
{
    const struct host_sign_in attempt = {.event = "login",
                                         .username = username,
                                         .password = password,
                                         .address = "192.0.2.7",
                                         .request_id = "r1"};
    return host_sign_in(fixture->identity, &attempt, NULL, err);
}

static void
test_sign_in_right_and_wrong(void **state)
{
    struct fixture *fixture = *state;
    cim_error error = {0};
    fixture_put(fixture, "province", "regulator", "*", NULL, INT64_MAX);
    assert_ok(try_password(fixture, "province", FIXTURE_PASSWORD, &error), &error);
    assert_int_equal(try_password(fixture, "province", "Gas-bottle-2", &error), CIM_E_DENIED);
    assert_int_equal(try_password(fixture, "Province", FIXTURE_PASSWORD, &error), CIM_E_DENIED);
    assert_int_equal(try_password(fixture, "province", "", &error), CIM_E_DENIED);
    assert_int_equal(fixture_int(fixture, "select count(*) from cim_sign_in_log where result = "
                                          "'ok' and username = 'province'"),
                     1);
    assert_int_equal(fixture_int(fixture, "select count(*) from cim_sign_in_log where result = "
                                          "'refused' and reason = 'password' and address = "
                                          "'192.0.2.7'"),
                     2);
    assert_int_equal(
        fixture_int(fixture, "select count(*) from cim_sign_in_log where reason = 'unknown'"), 1);
}

/* Known and unknown names: one verification each, the same words, the same lock. */
static void
test_sign_in_unknown_name_looks_like_a_known_one(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"province", "nobody-here"};
    cim_error error[2][7];
    fixture_put(fixture, "province", "regulator", "*", NULL, INT64_MAX);
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < 7; k++) {
            const int before = atomic_load(&verifications);
            const cim_status status =
                try_password(fixture, names[i], "Wrong-password-9", &error[i][k]);
            assert_int_equal(status, k < 5 ? CIM_E_DENIED : CIM_E_STATE);
            /* A locked name costs no hashing, whoever it may be. */
            assert_int_equal(atomic_load(&verifications), before + (k < 5 ? 1 : 0));
        }
    }
    for (size_t k = 0; k < 7; k++) {
        assert_string_equal(error[0][k].zh, error[1][k].zh);
        assert_string_equal(error[0][k].en, error[1][k].en);
        assert_string_equal(error[0][k].value, error[1][k].value);
    }
}

static void
test_lock_five_failures_lock_for_a_quarter_of_an_hour(void **state)
{
    struct fixture *fixture = *state;
    cim_error error = {0};
    fixture_put(fixture, "haikou", "regulator", "4601", NULL, INT64_MAX);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(try_password(fixture, "haikou", "Wrong-password-9", &error), CIM_E_DENIED);
    }
    assert_ok(try_password(fixture, "haikou", FIXTURE_PASSWORD, &error), &error); /* in a row */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(try_password(fixture, "haikou", "Wrong-password-9", &error), CIM_E_DENIED);
    }
    assert_int_equal(try_password(fixture, "haikou", FIXTURE_PASSWORD, &error), CIM_E_STATE);
    host_clock_set(fixture->clock, FIXTURE_NOW_MS + 15 * 60000 - 1);
    assert_int_equal(try_password(fixture, "haikou", FIXTURE_PASSWORD, &error), CIM_E_STATE);
    fixture_restart(fixture);
    assert_int_equal(try_password(fixture, "haikou", FIXTURE_PASSWORD, &error), CIM_E_STATE);
    host_clock_set(fixture->clock, FIXTURE_NOW_MS + 15 * 60000);
    assert_ok(try_password(fixture, "haikou", FIXTURE_PASSWORD, &error), &error);
}

static void
test_lock_after_one_ends_the_count_starts_anew(void **state)
{
    struct fixture *fixture = *state;
    cim_error error = {0};
    fixture_put(fixture, "haikou", "regulator", "4601", NULL, INT64_MAX);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(try_password(fixture, "haikou", "Wrong-password-9", &error), CIM_E_DENIED);
    }
    host_clock_set(fixture->clock, FIXTURE_NOW_MS + 15 * 60000);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(try_password(fixture, "haikou", "Wrong-password-9", &error), CIM_E_DENIED);
    }
    assert_ok(try_password(fixture, "haikou", FIXTURE_PASSWORD, &error), &error);
}

static void
test_failures_of_made_up_names_are_forgotten(void **state)
{
    struct fixture *fixture = *state;
    cim_error error = {0};
    assert_int_equal(try_password(fixture, "ghost1", "Wrong-password-9", &error), CIM_E_DENIED);
    assert_int_equal(try_password(fixture, "bad name!", "x", &error), CIM_E_DENIED);
    assert_int_equal(fixture_int(fixture, "select count(*) from cim_sign_in_failure"), 2);
    host_clock_set(fixture->clock, FIXTURE_NOW_MS + HOST_FAILURES_KEPT_MS);
    assert_int_equal(try_password(fixture, "ghost2", "Wrong-password-9", &error), CIM_E_DENIED);
    assert_int_equal(fixture_int(fixture, "select count(*) from cim_sign_in_failure"), 1);
}

/* Two locks in a row: the second lasts twice as long, also after a restart; a good sign-in ends
 * the row. */
static void
test_lock_lasts_longer_each_time(void **state)
{
    struct fixture *fixture = *state;
    const int64_t minute_ms = 60000;
    int64_t now_ms = FIXTURE_NOW_MS;
    cim_error error = {0};
    fixture_put(fixture, "haikou", "regulator", "4601", NULL, INT64_MAX);
    for (int lock = 0; lock < 3; lock++) {
        for (int i = 0; i < 5; i++) {
            assert_int_equal(try_password(fixture, "haikou", "Wrong-password-9", &error),
                             CIM_E_DENIED);
        }
        now_ms += (15 << lock) * minute_ms;
        host_clock_set(fixture->clock, now_ms - 1);
        assert_int_equal(try_password(fixture, "haikou", FIXTURE_PASSWORD, &error), CIM_E_STATE);
        assert_contains(error.en, "after 1 minutes");
        host_clock_set(fixture->clock, now_ms);
        fixture_restart(fixture);
    }
    assert_ok(try_password(fixture, "haikou", FIXTURE_PASSWORD, &error), &error);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(try_password(fixture, "haikou", "Wrong-password-9", &error), CIM_E_DENIED);
    }
    host_clock_set(fixture->clock, now_ms + 15 * minute_ms);
    assert_ok(try_password(fixture, "haikou", FIXTURE_PASSWORD, &error), &error);
}

static void
test_password_rules(void **state)
{
    static const struct {
        const char *password;
        bool good;
    } cases[] = {
        {"Abxdef1", false},
        {"Abxdef12", true},
        {"abxdefg1", false},
        {"abxdef1!", true},
        {"ABXDEFGH", false},
        {"密码密码密Ab", false},
        {"密码密码密码Ab", true},
        {"", false},
        {"Password123!", false},
        {"P@ssw0rd2024", false},
        {"Admin@123456", false},
        {"1qaz@WSX", false},
        {"Qwerty!123", false},
        {"Haikou@2026", false},
        {"Haikou@2026-ranqi-guan", true},
        {"Zhang.San-7", false},
        {"no-zhang.SAN-7", false},
        {"12345678@Aa", true},
    };
    char longest[HOST_PASSWORD_MAX_BYTES + 2];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cim_error error = {0};
        const cim_status status =
            host_password_check_rules(0, "zhang.san", cases[i].password, &error);
        if ((status == CIM_OK) != cases[i].good) {
            fail_msg("%s: %s", cases[i].password, error.en);
        }
        assert_true(cases[i].good || error.zh[0] != '\0');
        assert_string_equal(error.value, ""); /* a password is never repeated */
    }
    assert_int_equal(host_password_check_rules(12, "x", "Abxdef12345", NULL), CIM_E_INVALID);
    assert_int_equal(host_password_check_rules(12, "x", "Abxdef123456", NULL), CIM_OK);
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "A1", 2);
    longest[HOST_PASSWORD_MAX_BYTES] = '\0';
    assert_int_equal(host_password_check_rules(0, "x", longest, NULL), CIM_OK);
    longest[HOST_PASSWORD_MAX_BYTES] = 'a';
    longest[HOST_PASSWORD_MAX_BYTES + 1] = '\0';
    assert_int_equal(host_password_check_rules(0, "x", longest, NULL), CIM_E_INVALID);
}

static void
test_account_bad_input_names_the_field(void **state)
{
    struct fixture *fixture = *state;
    const struct host_account_input good = {.username = "a",
                                            .display_name = "A",
                                            .password = FIXTURE_PASSWORD,
                                            .roles = "regulator",
                                            .areas = "4601",
                                            .until_ms = INT64_MAX};
    struct {
        const char *param;
        struct host_account_input input;
    } cases[] = {{"username", good}, {"username", good}, {"display_name", good},
                 {"roles", good},    {"areas", good},    {"password", good}};
    cases[0].input.username = "a b";
    cases[1].input.username = "";
    cases[2].input.display_name = NULL;
    cases[3].input.roles = "Regulator";
    cases[4].input.areas = "46*";
    cases[5].input.password = "short";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cim_error error = {0};
        assert_int_equal(host_identity_put_account(fixture->identity, &cases[i].input, &error),
                         CIM_E_INVALID);
        assert_string_equal(error.param, cases[i].param);
    }
    assert_int_equal(fixture_int(fixture, "select count(*) from cim_account"), 0);
}

struct flood {
    struct fixture *fixture;
    bool from_one_address;
    atomic_int n;
    atomic_int refused_busy;
    atomic_int denied;
};

static void *
flood_thread(void *arg)
{
    struct flood *flood = arg;
    char address[32] = "192.0.2.1";
    const int n = atomic_fetch_add(&flood->n, 1);
    cim_error error = {0};
    if (!flood->from_one_address) {
        (void)snprintf(address, sizeof address, "192.0.2.%d", n);
    }
    const struct host_sign_in attempt = {
        .event = "login", .username = "nobody", .password = "Wrong-password-9", .address = address};
    const cim_status status = host_sign_in(flood->fixture->identity, &attempt, NULL, &error);
    (void)atomic_fetch_add(status == CIM_E_BUSY ? &flood->refused_busy : &flood->denied, 1);
    return NULL;
}

static void
run_flood(struct flood *flood)
{
    pthread_t threads[16];
    atomic_store(&most_running, 0);
    atomic_store(&verify_takes_ms, 400);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, flood_thread, flood), 0);
    }
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    atomic_store(&verify_takes_ms, 0);
}

static void
test_sign_in_flood_is_bounded(void **state)
{
    struct flood flood = {.fixture = *state};
    run_flood(&flood);
    assert_true(atomic_load(&most_running) <= HOST_ARGON2_AT_ONCE);
    assert_true(atomic_load(&flood.denied) >= HOST_ARGON2_AT_ONCE);
    assert_true(atomic_load(&flood.refused_busy) >= 16 - HOST_ARGON2_AT_ONCE - HOST_ARGON2_WAITING);
}

/* Whatever one address does, a place is left for the others. */
static void
test_sign_in_flood_of_one_address_takes_one_place(void **state)
{
    struct flood flood = {.fixture = *state, .from_one_address = true};
    run_flood(&flood);
    assert_int_equal(atomic_load(&most_running), 1);
    assert_true(atomic_load(&flood.denied) >= 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_sign_in_right_and_wrong),
        TEST(test_sign_in_unknown_name_looks_like_a_known_one),
        TEST(test_lock_five_failures_lock_for_a_quarter_of_an_hour),
        TEST(test_lock_after_one_ends_the_count_starts_anew),
        TEST(test_lock_lasts_longer_each_time),
        TEST(test_failures_of_made_up_names_are_forgotten),
        cmocka_unit_test(test_password_rules),
        TEST(test_account_bad_input_names_the_field),
        TEST(test_sign_in_flood_is_bounded),
        TEST(test_sign_in_flood_of_one_address_takes_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
