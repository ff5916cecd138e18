/* The address of Redis: what is none is refused without repeating it, since it may hold a password;
 * and nothing is taken on trust where nobody answers. */
#include "fixture.h"

#include "host/identity/shared.h"

static void
test_addresses_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {
        "localhost:6379",         "http://localhost", "redis://",        "redis://host:port",
        "redis://host:70000",     "redis://host:0",   "redis://host/db", "redis://secret@host",
        "redis://:secret@host:x", "unix://relative"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct host_shared *shared = NULL;
        cim_error err = {0};
        assert_int_equal(host_shared_open(bad[i], &shared, &err), CIM_E_INVALID);
        assert_string_equal(err.param, "session.redis_url");
        assert_null(strstr(err.en, "secret"));
        assert_string_equal(err.value, "");
        assert_null(shared);
    }
}

static void
test_nobody_answers_and_nobody_is_let_in(void **state)
{
    static const char *const nobody[] = {"redis://127.0.0.1:1", "redis://[::1]:1/2",
                                         "redis://user:pass@127.0.0.1:1", "unix:///nothing/here"};
    (void)state;
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        struct host_shared *shared = NULL;
        struct host_session *session = NULL;
        char text[HOST_SHARED_TEXT_MAX];
        bool mine = true;
        cim_error err = {0};
        assert_ok(host_shared_open(nobody[i], &shared, &err), &err);
        for (int round = 0; round < 3; round++) {
            assert_int_equal(host_shared_get(shared, "ab", &session, &err), CIM_E_BUSY);
            assert_int_equal(host_shared_read(shared, "failures:ann", text, &err), CIM_E_BUSY);
            assert_int_equal(host_shared_claim(shared, "code:ann", 1000, &mine, &err), CIM_E_BUSY);
        }
        assert_null(session);
        host_shared_close(shared);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_that_are_none_are_refused),
        cmocka_unit_test(test_nobody_answers_and_nobody_is_let_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
