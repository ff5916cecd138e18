/* Steps of a sign-in: the code, a new password, setting a second factor up; and sessions seen and
 * ended. */
#include "fake_http.h"
#include "fixture.h"

#include <json-c/json.h>
#include <stdio.h>

#define STEP_MS INT64_C(30000)

struct site {
    struct fixture *fixture;
    struct host_http *http;
    struct host_http_auth auth;
    char cookie[80];
    char csrf[80];
};

static cim_status
handle_open(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    cim_blob blob = {.data = call->principal, .len = strlen(call->principal)};
    (void)self;
    return host_http_respond(req, 200, "text/plain", &blob, err);
}

static void
open_site(struct site *site)
{
    cim_error error = {0};
    const struct host_route closed = {.method = "GET", .pattern = "/closed", .handle = handle_open};
    site->http = fake_http_new();
    assert_non_null(site->http);
    site->auth = host_identity_http_auth(site->fixture->identity);
    assert_ok(host_identity_add_routes(site->fixture->identity, site->http, &error), &error);
    assert_ok(host_http_add_route(site->http, &closed, &error), &error);
}

static int
site_setup(void **state)
{
    struct site *site = calloc(1, sizeof *site);
    void *fixture = NULL;
    assert_non_null(site);
    assert_int_equal(fixture_setup(&fixture), 0);
    site->fixture = fixture;
    open_site(site);
    fixture_put(site->fixture, "province", "regulator", "*", NULL, INT64_MAX);
    fixture_put(site->fixture, "admin", "platform-admin", "*", NULL, INT64_MAX);
    *state = site;
    return 0;
}

static int
site_teardown(void **state)
{
    struct site *site = *state;
    void *fixture = site->fixture;
    fake_http_free(site->http);
    assert_int_equal(fixture_teardown(&fixture), 0);
    free(site);
    return 0;
}

/* With other options, as after a restart with other settings. */
static void
restart_with(struct site *site, const struct host_identity_options *more)
{
    fake_http_free(site->http);
    site->fixture->more = *more;
    fixture_restart(site->fixture);
    open_site(site);
}

/* Asks with the cookie and CSRF token of before and keeps those of the answer. The answer's status
 * where the handler gave one, else the negative code of the failure. */
static int
ask(struct site *site, const char *method, const char *path, const char *body,
    struct cim_http_req *req)
{
    cim_error error = {0};
    memset(req, 0, sizeof *req);
    req->method = method;
    req->path = path;
    req->body = body;
    if (site->cookie[0] != '\0') {
        req->cookies[0] = (struct fake_header){"cim_session", site->cookie};
        req->headers[0] = (struct fake_header){"X-CSRF-Token", site->csrf};
    }
    req->params[0] = (struct fake_header){"id", "0000000000000000"};
    const cim_status status = fake_http_run(site->http, &site->auth, NULL, req,
                                            host_clock_now_ms(site->fixture->clock), &error);
    const char *cookie = strstr(req->answer_headers, "Set-Cookie: cim_session=");
    struct json_object *answer = json_tokener_parse(req->answer);
    if (cookie != NULL) {
        (void)snprintf(site->cookie, sizeof site->cookie, "%.64s",
                       cookie + strlen("Set-Cookie: cim_session="));
    }
    if (answer != NULL && json_object_object_get(answer, "csrf") != NULL) {
        (void)snprintf(site->csrf, sizeof site->csrf, "%s",
                       json_object_get_string(json_object_object_get(answer, "csrf")));
    }
    json_object_put(answer);
    fake_http_done(req);
    return status == CIM_OK ? req->status : -(int)status;
}

/* Signs in; the step that is asked for, "" when it is done. */
static const char *
sign_in(struct site *site, const char *username, const char *password, struct cim_http_req *req)
{
    static char step[32];
    char body[200];
    struct json_object *answer = NULL;
    (void)snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"%s\"}", username,
                   password);
    site->cookie[0] = '\0';
    assert_int_equal(ask(site, "POST", "/auth/login", body, req), 200);
    answer = json_tokener_parse(req->answer);
    struct json_object *value = json_object_object_get(answer, "step");
    (void)snprintf(step, sizeof step, "%s", value != NULL ? json_object_get_string(value) : "");
    json_object_put(answer);
    return step;
}

static bool
is_in(struct site *site)
{
    struct cim_http_req req;
    return ask(site, "GET", "/closed", NULL, &req) == 200;
}

static void
base32(const char *text, uint8_t out[HOST_FACTOR_SECRET_BYTES])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint64_t bits = 0;
    int n_bits = 0;
    size_t n = 0;
    for (; *text != '\0'; text++) {
        bits = (bits << 5U) | (uint64_t)(strchr(alphabet, *text) - alphabet);
        n_bits += 5;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (uint8_t)(bits >> n_bits);
        }
    }
    assert_int_equal(n, HOST_FACTOR_SECRET_BYTES);
}

static void
code_body(const uint8_t *secret, int64_t ms, char out[64])
{
    char code[7];
    cim_error error = {0};
    assert_ok(host_totp(secret, HOST_FACTOR_SECRET_BYTES, ms / STEP_MS, code, &error), &error);
    (void)snprintf(out, 64, "{\"code\":\"%s\"}", code);
}

/* Sets a second factor up; the secret, and the first recovery code. */
static void
enrol(struct site *site, const char *begin_body, uint8_t secret[HOST_FACTOR_SECRET_BYTES],
      char recovery[HOST_RECOVERY_TEXT])
{
    struct cim_http_req req;
    char body[64];
    assert_int_equal(ask(site, "POST", "/auth/factor/begin", begin_body, &req), 200);
    struct json_object *answer = json_tokener_parse(req.answer);
    base32(json_object_get_string(json_object_object_get(answer, "secret")), secret);
    assert_contains(json_object_get_string(json_object_object_get(answer, "uri")),
                    "otpauth://totp/CIM:");
    json_object_put(answer);
    assert_int_equal(ask(site, "POST", "/auth/factor/confirm", "{\"code\":\"000000\"}", &req),
                     -CIM_E_INVALID);
    code_body(secret, host_clock_now_ms(site->fixture->clock), body);
    assert_int_equal(ask(site, "POST", "/auth/factor/confirm", body, &req), 200);
    answer = json_tokener_parse(req.answer);
    struct json_object *codes = json_object_object_get(answer, "recovery");
    assert_int_equal(json_object_array_length(codes), HOST_RECOVERY_CODES);
    (void)snprintf(recovery, HOST_RECOVERY_TEXT, "%s",
                   json_object_get_string(json_object_array_get_idx(codes, 0)));
    json_object_put(answer);
}

/* RFC 6238, appendix B: the last six digits of the table's SHA-1 column. */
static void
test_totp_of_the_rfc(void **state)
{
    static const struct {
        int64_t seconds;
        const char *code;
    } cases[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                 {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char code[7];
        cim_error error = {0};
        assert_ok(host_totp((const uint8_t *)"12345678901234567890", 20, cases[i].seconds / 30,
                            code, &error),
                  &error);
        assert_string_equal(code, cases[i].code);
    }
}

static void
test_factor_is_asked_for_and_no_code_counts_twice(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    uint8_t secret[HOST_FACTOR_SECRET_BYTES];
    char recovery[HOST_RECOVERY_TEXT];
    char body[64];
    const int64_t later_ms = FIXTURE_NOW_MS + 10 * STEP_MS;
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "");
    /* A whole session gives the password again. */
    assert_int_equal(ask(site, "POST", "/auth/factor/begin", "{}", &req), -CIM_E_INVALID);
    assert_int_equal(
        ask(site, "POST", "/auth/factor/begin", "{\"password\":\"Wrong-password-9\"}", &req), 401);
    enrol(site, "{\"password\":\"" FIXTURE_PASSWORD "\"}", secret, recovery);
    assert_true(is_in(site));

    host_clock_set(site->fixture->clock, later_ms);
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "code");
    assert_false(is_in(site));
    assert_int_equal(ask(site, "GET", "/auth/me", NULL, &req), -CIM_E_DENIED);
    assert_int_equal(ask(site, "POST", "/auth/password",
                         "{\"old\":\"" FIXTURE_PASSWORD "\",\"password\":\"Other-bottle-2\"}",
                         &req),
                     -CIM_E_STATE);
    assert_int_equal(ask(site, "POST", "/auth/factor/begin", "{}", &req), -CIM_E_STATE);
    code_body(secret, later_ms - 5 * STEP_MS, body);
    assert_int_equal(ask(site, "POST", "/auth/factor", body, &req), 401);
    code_body(secret, later_ms, body);
    char halfway[80];
    (void)snprintf(halfway, sizeof halfway, "%s", site->cookie);
    assert_int_equal(ask(site, "POST", "/auth/factor", body, &req), 200);
    assert_string_not_equal(halfway, site->cookie); /* a new session */
    assert_true(is_in(site));

    /* The same code once more, and the one of before. */
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "code");
    assert_int_equal(ask(site, "POST", "/auth/factor", body, &req), 401);
    code_body(secret, later_ms - STEP_MS, body);
    assert_int_equal(ask(site, "POST", "/auth/factor", body, &req), 401);
    code_body(secret, later_ms + STEP_MS, body); /* a clock that is fast by a step */
    assert_int_equal(ask(site, "POST", "/auth/factor", body, &req), 200);

    /* A recovery code, once. */
    (void)snprintf(body, sizeof body, "{\"code\":\"%s\"}", recovery);
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "code");
    assert_int_equal(ask(site, "POST", "/auth/factor", body, &req), 200);
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "code");
    assert_int_equal(ask(site, "POST", "/auth/factor", body, &req), 401);
    assert_int_equal(fixture_int(site->fixture, "select count(*) from cim_recovery_code"),
                     HOST_RECOVERY_CODES - 1);
}

/* Who knows the password guesses codes: giving the password again does not buy more guesses. */
static void
test_codes_cannot_be_guessed_by_signing_in_again(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    uint8_t secret[HOST_FACTOR_SECRET_BYTES];
    char recovery[HOST_RECOVERY_TEXT];
    char body[200];
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "");
    enrol(site, "{\"password\":\"" FIXTURE_PASSWORD "\"}", secret, recovery);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "code");
        assert_int_equal(ask(site, "POST", "/auth/factor", "{\"code\":\"999999\"}", &req), 401);
    }
    (void)snprintf(body, sizeof body, "{\"username\":\"province\",\"password\":\"%s\"}",
                   FIXTURE_PASSWORD);
    site->cookie[0] = '\0';
    assert_int_equal(ask(site, "POST", "/auth/login", body, &req), 429);
    assert_contains(req.answer_headers, "Retry-After: 900\n");
}

static void
test_secret_lies_sealed(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    uint8_t secret[HOST_FACTOR_SECRET_BYTES];
    char recovery[HOST_RECOVERY_TEXT];
    char sql[200];
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "");
    enrol(site, "{\"password\":\"" FIXTURE_PASSWORD "\"}", secret, recovery);
    assert_int_equal(fixture_int(site->fixture, "select count(*) from cim_second_factor where "
                                                "secret like 'e1:%' and length(secret) > 100"),
                     1);
    (void)snprintf(sql, sizeof sql, "select count(*) from cim_recovery_code where hash = '%s'",
                   recovery);
    assert_int_equal(fixture_int(site->fixture, sql), 0);
}

static void
test_administrators_set_a_factor_up_first(void **state)
{
    struct site *site = *state;
    const struct host_identity_options more = {.second_factor = HOST_FACTOR_ADMINISTRATORS};
    struct cim_http_req req;
    uint8_t secret[HOST_FACTOR_SECRET_BYTES];
    char recovery[HOST_RECOVERY_TEXT];
    restart_with(site, &more);
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "");
    assert_string_equal(sign_in(site, "admin", FIXTURE_PASSWORD, &req), "factor");
    assert_false(is_in(site));
    enrol(site, "{}", secret, recovery);
    assert_true(is_in(site));
    assert_string_equal(sign_in(site, "admin", FIXTURE_PASSWORD, &req), "code");
    assert_false(is_in(site));
}

/* A token is no way around the steps. */
static void
test_token_needs_what_a_sign_in_needs(void **state)
{
    struct site *site = *state;
    const struct host_identity_options more = {.second_factor = HOST_FACTOR_ADMINISTRATORS};
    struct cim_http_req req;
    uint8_t secret[HOST_FACTOR_SECRET_BYTES];
    char recovery[HOST_RECOVERY_TEXT];
    char code[7];
    char body[200];
    cim_error error = {0};
    restart_with(site, &more);
    static const char plain[] = "{\"username\":\"admin\",\"password\":\"" FIXTURE_PASSWORD "\"}";
    assert_int_equal(ask(site, "POST", "/auth/token", plain, &req), 401);
    assert_contains(req.answer, "\"factor\"");
    assert_string_equal(sign_in(site, "admin", FIXTURE_PASSWORD, &req), "factor");
    enrol(site, "{}", secret, recovery);
    host_clock_set(site->fixture->clock, FIXTURE_NOW_MS + 10 * STEP_MS);
    assert_int_equal(ask(site, "POST", "/auth/token", plain, &req), 401);
    assert_contains(req.answer, "\"code\"");
    assert_ok(host_totp(secret, sizeof secret, FIXTURE_NOW_MS / STEP_MS + 10, code, &error),
              &error);
    (void)snprintf(body, sizeof body,
                   "{\"username\":\"admin\",\"password\":\"" FIXTURE_PASSWORD "\",\"code\":\"%s\"}",
                   code);
    assert_int_equal(ask(site, "POST", "/auth/token", body, &req), 200);
    assert_int_equal(ask(site, "POST", "/auth/token", body, &req), 401);
}

static void
test_password_set_by_another_is_changed_first(void **state)
{
    struct site *site = *state;
    const struct host_identity_options more = {.password_history = 2};
    struct cim_http_req req;
    cim_error error = {0};
    restart_with(site, &more);
    assert_ok(host_password_set(site->fixture->identity, "province", "Start-word-1", true, &error),
              &error);
    assert_string_equal(sign_in(site, "province", "Start-word-1", &req), "password");
    assert_false(is_in(site));
    static const struct {
        const char *body;
        int status;
    } tries[] = {
        {"{\"old\":\"Wrong-password-9\",\"password\":\"Other-bottle-2\"}", 401},
        {"{\"old\":\"Start-word-1\",\"password\":\"Start-word-1\"}", -CIM_E_INVALID},
        {"{\"old\":\"Start-word-1\",\"password\":\"" FIXTURE_PASSWORD "\"}", -CIM_E_INVALID},
        {"{\"old\":\"Start-word-1\",\"password\":\"short\"}", -CIM_E_INVALID},
        {"{\"old\":\"Start-word-1\",\"password\":\"My-province-1\"}", -CIM_E_INVALID},
        {"{\"old\":\"Start-word-1\",\"password\":\"Other-bottle-2\"}", 200},
        {"{\"old\":\"Other-bottle-2\",\"password\":\"Start-word-1\"}", -CIM_E_INVALID},
        {"{\"old\":\"Other-bottle-2\",\"password\":\"Third-bottle-3\"}", 200},
        {"{\"old\":\"Third-bottle-3\",\"password\":\"" FIXTURE_PASSWORD "\"}", 200}, /* long ago */
    };
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        host_clock_set(site->fixture->clock,
                       FIXTURE_NOW_MS + 1 + (int64_t)i); /* one after another */
        const int status = ask(site, "POST", "/auth/password", tries[i].body, &req);
        if (status != tries[i].status) {
            fail_msg("%s: %d", tries[i].body, status);
        }
    }
    assert_true(is_in(site));
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "");
    assert_int_equal(fixture_int(site->fixture, "select count(*) from cim_password_history"), 2);
}

static void
test_password_that_is_old_is_changed(void **state)
{
    struct site *site = *state;
    const int64_t day_ms = 86400000;
    const struct host_identity_options more = {.password_max_age_ms = 90 * day_ms};
    struct cim_http_req req;
    restart_with(site, &more);
    host_clock_set(site->fixture->clock, FIXTURE_NOW_MS + 90 * day_ms - 1);
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "");
    host_clock_set(site->fixture->clock, FIXTURE_NOW_MS + 90 * day_ms);
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "password");
    assert_false(is_in(site));
}

/* What waits for a step does not wait long. */
static void
test_step_ends_after_ten_minutes(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    cim_error error = {0};
    static const char change[] = "{\"old\":\"Start-word-1\",\"password\":\"Other-bottle-2\"}";
    assert_ok(host_password_set(site->fixture->identity, "province", "Start-word-1", true, &error),
              &error);
    assert_string_equal(sign_in(site, "province", "Start-word-1", &req), "password");
    host_clock_set(site->fixture->clock, FIXTURE_NOW_MS + HOST_STEP_MS);
    assert_int_equal(ask(site, "POST", "/auth/password", change, &req), -CIM_E_DENIED);
}

static void
test_sessions_are_seen_and_ended(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    char first[80];
    char id[HOST_SESSION_ID_TEXT];
    cim_error error = {0};
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "");
    (void)snprintf(first, sizeof first, "%s", site->cookie);
    assert_ok(host_session_id_of(first, id, &error), &error);
    assert_string_equal(sign_in(site, "province", FIXTURE_PASSWORD, &req), "");
    assert_int_equal(ask(site, "GET", "/auth/sessions", NULL, &req), 200);
    struct json_object *answer = json_tokener_parse(req.answer);
    struct json_object *list = json_object_object_get(answer, "sessions");
    assert_int_equal(json_object_array_length(list), 2);
    assert_contains(req.answer, id);
    assert_null(strstr(req.answer, first));
    json_object_put(answer);
    assert_int_equal(ask(site, "DELETE", "/auth/sessions/{id}", NULL, &req), -CIM_E_NOTFOUND);
    /* Nobody ends another's. */
    assert_int_equal(host_sessions_end_one(&site->fixture->identity->sessions, "admin", id, &error),
                     CIM_E_NOTFOUND);
    assert_ok(host_sessions_end_one(&site->fixture->identity->sessions, "province", id, &error),
              &error);
    assert_true(is_in(site));
    (void)snprintf(site->cookie, sizeof site->cookie, "%s", first);
    assert_false(is_in(site));
    fixture_restart(site->fixture);
    assert_int_equal(fixture_int(site->fixture, "select count(*) from cim_session"), 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_totp_of_the_rfc),
        TEST(test_factor_is_asked_for_and_no_code_counts_twice),
        TEST(test_codes_cannot_be_guessed_by_signing_in_again),
        TEST(test_secret_lies_sealed),
        TEST(test_administrators_set_a_factor_up_first),
        TEST(test_token_needs_what_a_sign_in_needs),
        TEST(test_password_set_by_another_is_changed_first),
        TEST(test_password_that_is_old_is_changed),
        TEST(test_step_ends_after_ten_minutes),
        TEST(test_sessions_are_seen_and_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
