/* tests/unit/base/test_config.c -- settings from all sources, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/base/config.h"
#include "host/base/problem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char s_file[64];

static int
setup(void **state)
{
    (void)state;
    (void)snprintf(s_file, sizeof s_file, "/tmp/cim-config-XXXXXX");
    const int fd = mkstemp(s_file);
    (void)close(fd);
    (void)unsetenv("CIM_PORT");
    (void)unsetenv("CIM_VAR");
    (void)unsetenv("CIM_HTTP_WORKERS");
    return fd < 0;
}

static int
teardown(void **state)
{
    (void)state;
    return unlink(s_file);
}

static void
write_file(const char *text)
{
    FILE *file = fopen(s_file, "w");
    (void)fputs(text, file);
    (void)fclose(file);
}

static cim_status
load(struct host_config **ret_config, cim_error *err, const char *flag)
{
    const char *args[] = {"--config", s_file, flag != NULL ? flag : "word", NULL};
    const char *const *rest = NULL;
    return host_config_load(args, ret_config, &rest, err);
}

static void
test_sources_rank_file_environment_flags(void **state)
{
    struct host_config *config = NULL;
    cim_error err = {0};
    (void)state;
    write_file("{\"http.port\": 1000, \"http.workers\": 2, \"var\": \"from-file\"}");
    (void)setenv("CIM_PORT", "2000", 1);
    (void)setenv("CIM_HTTP_WORKERS", "3", 1);
    assert_int_equal(load(&config, &err, "--port=3000"), CIM_OK);
    assert_int_equal(host_config_int(config, "http.port"), 3000);
    assert_int_equal(host_config_int(config, "http.workers"), 3);
    assert_string_equal(host_config_text(config, "var"), "from-file");
    assert_string_equal(host_config_text(config, "http.address"), "127.0.0.1");
    assert_true(host_config_bool(config, "log.access"));
    assert_int_equal(host_config_check_unknown(config, &err), CIM_OK);
    host_config_free(config);
    (void)unsetenv("CIM_PORT");
    (void)unsetenv("CIM_HTTP_WORKERS");
}

static void
test_words_and_options_of_the_verb_are_left(void **state)
{
    static const char *const args[] = {"add",        "--roles",     "x",  "--http.port", "99",
                                       "--areas=46", "--var=there", "me", NULL};
    struct host_config *config = NULL;
    const char *const *rest = NULL;
    cim_error err = {0};
    (void)state;
    assert_int_equal(host_config_load(args, &config, &rest, &err), CIM_OK);
    assert_string_equal(rest[0], "add");
    assert_string_equal(rest[1], "--roles");
    assert_string_equal(rest[2], "x");
    assert_string_equal(rest[3], "--areas=46");
    assert_string_equal(rest[4], "me");
    assert_null(rest[5]);
    assert_int_equal(host_config_int(config, "http.port"), 99);
    assert_string_equal(host_config_text(config, "var"), "there");
    host_config_free(config);
}

struct bad {
    const char *file;
    const char *flag;
    const char *names[3]; /* what the message must say */
};

static const struct bad BAD[] = {
    {"{\"http.port\": 70000}", NULL, {"http.port", "70000", "65535"}},
    {"{\"http.port\": -1}", NULL, {"http.port", "'-1'", "integer"}},
    {"{\"log.level\": \"loud\"}", NULL, {"log.level", "loud", "debug|info"}},
    {"{\"http.port\": [1]}", NULL, {"http.port", "/tmp/cim-config-", "number"}},
    {"{\"http.port\": 1,\n \"var\": \"x\"\n \"log.level\": \"info\"}", NULL, {"line 3", "", ""}},
    {"[1]", NULL, {"object", "", ""}},
    {"{\"http.port\": 1", NULL, {"ends too early", "", ""}},
    {"", NULL, {"ends too early", "", ""}},
    {"{}", "--http.port=8o80", {"http.port", "8o80", "flag --http.port"}},
    {"{}", "--http.port= 80", {"http.port", "' 80'", "integer"}},
    {"{}", "--log.access=yes", {"log.access", "yes", "true|false"}},
};

static void
test_wrong_values_are_named_with_their_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct host_config *config = NULL;
        cim_error err = {0};
        write_file(BAD[i].file);
        assert_int_equal(load(&config, &err, BAD[i].flag), CIM_E_INVALID);
        assert_null(config);
        for (size_t k = 0; k < 3; k++) {
            if (strstr(err.en, BAD[i].names[k]) == NULL) {
                fail_msg("case %zu: '%s' does not name '%s'", i, err.en, BAD[i].names[k]);
            }
        }
        assert_true(err.zh[0] != '\0');
    }
}

static void
test_unknown_settings_are_refused_unless_a_plugin_declares_them(void **state)
{
    struct host_config *config = NULL;
    cim_error err = {0};
    (void)state;
    write_file("{\"lpg.depth\": 7}");
    (void)setenv("CIM_LPG_MAP_URL", "from-env", 1);
    assert_int_equal(load(&config, &err, "--lpg.colour=red"), CIM_OK);
    assert_int_equal(host_config_declare(config, "lpg.depth", "1", false, &err), CIM_OK);
    assert_int_equal(host_config_declare(config, "lpg.map-url", NULL, false, &err), CIM_OK);
    assert_int_equal(host_config_declare(config, "lpg.size", "9", false, &err), CIM_OK);
    assert_int_equal(host_config_declare(config, "lpg.size", "9", false, &err), CIM_E_EXISTS);
    assert_int_equal(host_config_declare(config, "http.port", "9", false, &err), CIM_E_EXISTS);
    assert_string_equal(host_config_text(config, "lpg.depth"), "7");
    assert_string_equal(host_config_text(config, "lpg.map-url"), "from-env");
    assert_string_equal(host_config_text(config, "lpg.size"), "9");
    assert_int_equal(host_config_check_unknown(config, &err), CIM_E_INVALID);
    assert_non_null(strstr(err.en, "lpg.colour"));
    assert_non_null(strstr(err.en, "flag --lpg.colour"));
    assert_int_equal(host_config_declare(config, "lpg.colour", "blue", false, &err), CIM_OK);
    assert_string_equal(host_config_text(config, "lpg.colour"), "red");
    assert_int_equal(host_config_check_unknown(config, &err), CIM_OK);
    host_config_free(config);
    (void)unsetenv("CIM_LPG_MAP_URL");
}

static void
test_missing_file_and_value_are_said(void **state)
{
    static const char *const missing[] = {"--config=/nonexistent/cim.json", NULL};
    static const char *const valueless[] = {"--http.port", NULL};
    struct host_config *config = NULL;
    const char *const *rest = NULL;
    cim_error err = {0};
    (void)state;
    assert_int_equal(host_config_load(missing, &config, &rest, &err), CIM_E_NOTFOUND);
    assert_non_null(strstr(err.en, "/nonexistent/cim.json"));
    assert_int_equal(host_config_load(valueless, &config, &rest, &err), CIM_E_INVALID);
    assert_non_null(strstr(err.en, "http.port"));
}

static void
test_failures_have_one_http_status(void **state)
{
    static const struct {
        int32_t code;
        const char *param;
        int32_t os_errno;
        int32_t status;
    } table[] = {{CIM_E_INVALID, "", 0, 400},
                 {CIM_E_DENIED, "", 0, 403},
                 {CIM_E_NOTFOUND, "", 0, 404},
                 {CIM_E_EXISTS, "", 0, 409},
                 {CIM_E_STATE, "", 0, 409},
                 {CIM_E_VERSION, "", 0, 412},
                 {CIM_E_TOO_LARGE, "", 0, 413},
                 {CIM_E_UNSUPPORTED, "", 0, 501},
                 {CIM_E_UNSUPPORTED, "f", 0, 406},
                 {CIM_E_UNSUPPORTED, "Content-Type", 0, 415},
                 {CIM_E_UNSUPPORTED, "file", 0, 415}, /* an upload of no known format */
                 {CIM_E_BUSY, "", 0, 503},
                 {CIM_E_NOMEM, "", 0, 503},
                 {CIM_E_CANCELLED, "", 0, 503},
                 {CIM_E_IO, "", 0, 500},
                 {CIM_E_IO, "", ENOSPC, 507},
                 {CIM_E_INTERNAL, "", 0, 500},
                 {-999, "", 0, 500}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        cim_error err = {.code = table[i].code, .os_errno = table[i].os_errno};
        (void)snprintf(err.param, sizeof err.param, "%s", table[i].param);
        assert_int_equal(host_problem_http_status(&err), table[i].status);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources_rank_file_environment_flags),
        cmocka_unit_test(test_words_and_options_of_the_verb_are_left),
        cmocka_unit_test(test_wrong_values_are_named_with_their_source),
        cmocka_unit_test(test_unknown_settings_are_refused_unless_a_plugin_declares_them),
        cmocka_unit_test(test_missing_file_and_value_are_said),
        cmocka_unit_test(test_failures_have_one_http_status),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
