/* Sessions and tokens: when they end, that they survive a restart, and how they are kept. */
#include "fixture.h"

#include <stdio.h>

enum { MINUTE_MS = 60000, HOUR_MS = 3600000, IDLE_MS = 30 * MINUTE_MS, LIFE_MS = 12 * HOUR_MS };

static cim_status
find(struct fixture *fixture, enum host_session_kind kind, const char *token, int64_t now_ms)
{
    char username[HOST_USERNAME_MAX + 1];
    return host_sessions_find(&fixture->identity->sessions, kind, token, now_ms, username, NULL);
}

static void
begin(struct fixture *fixture, enum host_session_kind kind, const char *username, int64_t life_ms,
      char token[HOST_TOKEN_TEXT])
{
    cim_error error = {0};
    assert_ok(host_sessions_begin(&fixture->identity->sessions,
                                  &(struct host_session_start){.kind = kind,
                                                               .username = username,
                                                               .now_ms = FIXTURE_NOW_MS,
                                                               .life_ms = life_ms},
                                  token, &error),
              &error);
}

static void
test_session_idle_ends_at_its_millisecond(void **state)
{
    struct fixture *fixture = *state;
    char token[HOST_TOKEN_TEXT];
    int64_t now_ms = FIXTURE_NOW_MS;
    begin(fixture, HOST_SESSION_COOKIE, "province", LIFE_MS, token);
    now_ms += IDLE_MS - 1;
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, token, now_ms), CIM_OK);
    now_ms += IDLE_MS - 1; /* that was a use */
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, token, now_ms), CIM_OK);
    now_ms += IDLE_MS;
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, token, now_ms), CIM_E_DENIED);
}

static void
test_session_absolute_ends_at_its_millisecond(void **state)
{
    struct fixture *fixture = *state;
    char token[HOST_TOKEN_TEXT];
    begin(fixture, HOST_SESSION_COOKIE, "province", LIFE_MS, token);
    for (int64_t ms = 0; ms < LIFE_MS; ms += 20 * MINUTE_MS) {
        assert_int_equal(find(fixture, HOST_SESSION_COOKIE, token, FIXTURE_NOW_MS + ms), CIM_OK);
    }
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, token, FIXTURE_NOW_MS + LIFE_MS - 1),
                     CIM_OK);
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, token, FIXTURE_NOW_MS + LIFE_MS),
                     CIM_E_DENIED);
}

static void
test_token_does_not_idle_and_is_no_cookie(void **state)
{
    struct fixture *fixture = *state;
    char token[HOST_TOKEN_TEXT];
    begin(fixture, HOST_SESSION_BEARER, "province", 8 * HOUR_MS, token);
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, token, FIXTURE_NOW_MS), CIM_E_DENIED);
    assert_int_equal(find(fixture, HOST_SESSION_BEARER, token, FIXTURE_NOW_MS + 8 * HOUR_MS - 1),
                     CIM_OK);
    assert_int_equal(find(fixture, HOST_SESSION_BEARER, token, FIXTURE_NOW_MS + 8 * HOUR_MS),
                     CIM_E_DENIED);
}

static void
test_session_survives_a_restart_and_an_ended_one_does_not(void **state)
{
    struct fixture *fixture = *state;
    char kept[HOST_TOKEN_TEXT];
    char ended[HOST_TOKEN_TEXT];
    cim_error error = {0};
    begin(fixture, HOST_SESSION_COOKIE, "province", LIFE_MS, kept);
    begin(fixture, HOST_SESSION_COOKIE, "province", LIFE_MS, ended);
    assert_ok(host_sessions_end(&fixture->identity->sessions, ended, &error), &error);
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, ended, FIXTURE_NOW_MS), CIM_E_DENIED);
    fixture_restart(fixture);
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, kept, FIXTURE_NOW_MS), CIM_OK);
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, ended, FIXTURE_NOW_MS), CIM_E_DENIED);
    host_clock_set(fixture->clock, FIXTURE_NOW_MS + LIFE_MS);
    fixture_restart(fixture);
    assert_int_equal(fixture_int(fixture, "select count(*) from cim_session"), 0);
}

static void
test_session_last_use_is_kept_over_a_restart(void **state)
{
    struct fixture *fixture = *state;
    char token[HOST_TOKEN_TEXT];
    begin(fixture, HOST_SESSION_COOKIE, "province", LIFE_MS, token);
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, token, FIXTURE_NOW_MS + IDLE_MS - 1),
                     CIM_OK);
    host_clock_set(fixture->clock, FIXTURE_NOW_MS + IDLE_MS);
    fixture_restart(fixture);
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, token, FIXTURE_NOW_MS + IDLE_MS), CIM_OK);
}

static void
test_token_is_kept_as_a_hash(void **state)
{
    struct fixture *fixture = *state;
    char token[HOST_TOKEN_TEXT];
    char hash[HOST_TOKEN_TEXT];
    char sql[256];
    cim_error error = {0};
    begin(fixture, HOST_SESSION_BEARER, "province", LIFE_MS, token);
    assert_int_equal(strlen(token), 64);
    assert_ok(host_sha256_text("", token, hash, &error), &error);
    (void)snprintf(sql, sizeof sql, "select count(*) from cim_session where token_hash = '%s'",
                   hash);
    assert_int_equal(fixture_int(fixture, sql), 1);
    (void)snprintf(sql, sizeof sql, "select count(*) from cim_session where token_hash = '%s'",
                   token);
    assert_int_equal(fixture_int(fixture, sql), 0);
    assert_int_equal(find(fixture, HOST_SESSION_BEARER, hash, FIXTURE_NOW_MS), CIM_E_DENIED);
}

static void
test_token_malformed_is_denied(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {
        "",
        "x",
        "0123",
        "000000000000000000000000000000000000000000000000000000000000000G",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "00000000000000000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(find(fixture, HOST_SESSION_BEARER, bad[i], FIXTURE_NOW_MS), CIM_E_DENIED);
    }
}

static void
test_session_one_more_than_allowed_ends_the_oldest(void **state)
{
    struct fixture *fixture = *state;
    char first[HOST_TOKEN_TEXT];
    char second[HOST_TOKEN_TEXT];
    char token[HOST_TOKEN_TEXT];
    cim_error error = {0};
    begin(fixture, HOST_SESSION_COOKIE, "province", LIFE_MS, first);
    for (int i = 1; i < HOST_SESSIONS_PER_ACCOUNT_MAX; i++) {
        assert_ok(host_sessions_begin(&fixture->identity->sessions,
                                      &(struct host_session_start){.kind = HOST_SESSION_COOKIE,
                                                                   .username = "province",
                                                                   .now_ms = FIXTURE_NOW_MS + i,
                                                                   .life_ms = LIFE_MS},
                                      i == 1 ? second : token, &error),
                  &error);
    }
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, first, FIXTURE_NOW_MS + 100), CIM_OK);
    assert_ok(host_sessions_begin(&fixture->identity->sessions,
                                  &(struct host_session_start){.kind = HOST_SESSION_COOKIE,
                                                               .username = "province",
                                                               .now_ms = FIXTURE_NOW_MS + 100,
                                                               .life_ms = LIFE_MS},
                                  token, &error),
              &error);
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, first, FIXTURE_NOW_MS + 100), CIM_E_DENIED);
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, second, FIXTURE_NOW_MS + 100), CIM_OK);
    assert_int_equal(fixture_int(fixture, "select count(*) from cim_session"),
                     HOST_SESSIONS_PER_ACCOUNT_MAX);
}

static void
test_account_put_again_ends_its_sessions(void **state)
{
    struct fixture *fixture = *state;
    char token[HOST_TOKEN_TEXT];
    fixture_put(fixture, "province", "regulator", "*", NULL, INT64_MAX);
    begin(fixture, HOST_SESSION_COOKIE, "province", LIFE_MS, token);
    fixture_put(fixture, "province", "regulator", "*", NULL, INT64_MAX);
    assert_int_equal(find(fixture, HOST_SESSION_COOKIE, token, FIXTURE_NOW_MS), CIM_E_DENIED);
    assert_int_equal(fixture_int(fixture, "select count(*) from cim_session"), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_session_idle_ends_at_its_millisecond),
        TEST(test_session_absolute_ends_at_its_millisecond),
        TEST(test_token_does_not_idle_and_is_no_cookie),
        TEST(test_session_survives_a_restart_and_an_ended_one_does_not),
        TEST(test_session_last_use_is_kept_over_a_restart),
        TEST(test_token_is_kept_as_a_hash),
        TEST(test_token_malformed_is_denied),
        TEST(test_session_one_more_than_allowed_ends_the_oldest),
        TEST(test_account_put_again_ends_its_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
