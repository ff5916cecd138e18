/* /auth/… and who is let in, through the callbacks that the HTTP server uses. */
#include "fake_http.h"
#include "fixture.h"

#include <json-c/json.h>
#include <stdio.h>

struct site {
    struct fixture *fixture;
    struct host_http *http;
    struct host_http_auth auth;
};

static cim_status
handle_open(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    cim_blob blob = {.data = call->principal, .len = strlen(call->principal)};
    (void)self;
    return host_http_respond(req, 200, "text/plain", &blob, err);
}

static int
site_setup(void **state)
{
    struct site *site = calloc(1, sizeof *site);
    void *fixture = NULL;
    cim_error error = {0};
    const struct host_route routes[] = {
        {.method = "GET", .pattern = "/open", .flags = HOST_ROUTE_ANONYMOUS, .handle = handle_open},
        {.method = "GET", .pattern = "/closed", .handle = handle_open},
        {.method = "POST", .pattern = "/closed", .handle = handle_open},
        {.method = "GET", .pattern = "/export", .permission = "lpg.export", .handle = handle_open},
        {.method = "GET", .pattern = "/admin", .permission = "cim.admin.x", .handle = handle_open},
    };
    assert_non_null(site);
    assert_int_equal(fixture_setup(&fixture), 0);
    site->fixture = fixture;
    site->http = fake_http_new();
    assert_non_null(site->http);
    site->auth = host_identity_http_auth(site->fixture->identity);
    assert_ok(host_identity_add_routes(site->fixture->identity, site->http, &error), &error);
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        assert_ok(host_http_add_route(site->http, &routes[i], &error), &error);
    }
    fixture_put(site->fixture, "province", "regulator", "*", "省住建厅", INT64_MAX);
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

static cim_status
run(struct site *site, struct cim_http_req *req, cim_error *err)
{
    const cim_status status = fake_http_run(site->http, &site->auth, NULL, req,
                                            host_clock_now_ms(site->fixture->clock), err);
    fake_http_done(req);
    return status;
}

static cim_status
sign_in(struct site *site, const char *path, const char *body, struct cim_http_req *req,
        cim_error *err)
{
    memset(req, 0, sizeof *req);
    req->method = "POST";
    req->path = path;
    req->body = body;
    return run(site, req, err);
}

/* Signs in; cookie and CSRF token of the new session. */
static void
log_in(struct site *site, const char *username, const char *old_cookie, char cookie[80],
       char csrf[80])
{
    struct cim_http_req req = {.method = "POST", .path = "/auth/login"};
    struct json_object *me = NULL;
    char body[200];
    cim_error error = {0};
    const char *at = NULL;
    (void)snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"" FIXTURE_PASSWORD "\"}",
                   username);
    req.body = body;
    if (old_cookie != NULL) {
        req.cookies[0] = (struct fake_header){"cim_session", old_cookie};
    }
    assert_ok(run(site, &req, &error), &error);
    assert_int_equal(req.status, 200);
    at = strstr(req.answer_headers, "Set-Cookie: cim_session=");
    assert_non_null(at);
    assert_contains(req.answer_headers, "; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200\n");
    assert_contains(req.answer_headers, "Cache-Control: no-store\n");
    (void)snprintf(cookie, 80, "%.64s", at + strlen("Set-Cookie: cim_session="));
    me = json_tokener_parse(req.answer);
    assert_non_null(me);
    assert_string_equal(json_object_get_string(json_object_object_get(me, "username")), username);
    (void)snprintf(csrf, 80, "%s", json_object_get_string(json_object_object_get(me, "csrf")));
    json_object_put(me);
}

static cim_status
ask(struct site *site, const char *method, const char *path, const char *cookie, const char *csrf,
    struct cim_http_req *req, cim_error *err)
{
    memset(req, 0, sizeof *req);
    req->method = method;
    req->path = path;
    if (cookie != NULL) {
        req->cookies[0] = (struct fake_header){"cim_session", cookie};
    }
    if (csrf != NULL) {
        req->headers[0] = (struct fake_header){"x-csrf-token", csrf};
    }
    return run(site, req, err);
}

static void
test_anonymous_sees_only_open_routes(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    cim_error error = {0};
    assert_ok(ask(site, "GET", "/open", NULL, NULL, &req, &error), &error);
    assert_int_equal(ask(site, "GET", "/closed", NULL, NULL, &req, &error), CIM_E_DENIED);
    assert_string_equal(error.param, ""); /* that is 401, not 403 */
    assert_int_equal(ask(site, "GET", "/auth/me", NULL, NULL, &req, &error), CIM_E_DENIED);
    assert_int_equal(ask(site, "POST", "/auth/logout", NULL, NULL, &req, &error), CIM_E_DENIED);
}

static void
test_login_me_says_who_and_what(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    char cookie[80];
    char csrf[80];
    cim_error error = {0};
    log_in(site, "province", NULL, cookie, csrf);
    assert_ok(ask(site, "GET", "/auth/me", cookie, NULL, &req, &error), &error);
    assert_contains(req.answer, "\"username\":\"province\",\"display_name\":\"测试\",\"roles\":"
                                "[\"regulator\"],\"areas\":[\"*\"],\"org\":\"省住建厅\","
                                "\"functions\":[\"lpg.export\",\"lpg.menu.map\"],\"csrf\":\"");
    assert_contains(req.answer, csrf);
    assert_null(strstr(req.answer, cookie)); /* the token itself is for the cookie alone */
}

static void
test_unsafe_method_needs_the_csrf_token(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    char cookie[80];
    char csrf[80];
    char other_cookie[80];
    char other_csrf[80];
    cim_error error = {0};
    log_in(site, "province", NULL, cookie, csrf);
    log_in(site, "admin", NULL, other_cookie, other_csrf);
    assert_ok(ask(site, "GET", "/closed", cookie, NULL, &req, &error), &error);
    assert_string_equal(req.answer, "province");
    assert_int_equal(ask(site, "POST", "/closed", cookie, NULL, &req, &error), CIM_E_DENIED);
    assert_string_equal(error.param, "X-CSRF-Token"); /* that is 403 */
    assert_int_equal(ask(site, "POST", "/closed", cookie, other_csrf, &req, &error), CIM_E_DENIED);
    assert_int_equal(ask(site, "POST", "/closed", cookie, cookie, &req, &error), CIM_E_DENIED);
    assert_int_equal(ask(site, "POST", "/closed", cookie, "", &req, &error), CIM_E_DENIED);
    assert_ok(ask(site, "POST", "/closed", cookie, csrf, &req, &error), &error);
    assert_int_equal(
        fixture_int(site->fixture, "select count(*) from cim_sign_in_log where event = 'csrf'"), 4);
}

static void
test_login_rotates_and_logout_ends(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    char first[80];
    char second[80];
    char csrf[80];
    cim_error error = {0};
    log_in(site, "province", NULL, first, csrf);
    log_in(site, "province", first, second, csrf);
    assert_string_not_equal(first, second);
    assert_int_equal(ask(site, "GET", "/closed", first, NULL, &req, &error), CIM_E_DENIED);
    assert_int_equal(ask(site, "POST", "/auth/logout", second, NULL, &req, &error), CIM_E_DENIED);
    assert_ok(ask(site, "POST", "/auth/logout", second, csrf, &req, &error), &error);
    assert_int_equal(req.status, 204);
    assert_contains(req.answer_headers, "Set-Cookie: cim_session=; ");
    assert_contains(req.answer_headers, "Max-Age=0");
    assert_int_equal(ask(site, "GET", "/closed", second, NULL, &req, &error), CIM_E_DENIED);
}

static void
test_login_refused_is_401_and_locked_is_429(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    cim_error error = {0};
    static const char wrong[] = "{\"username\":\"province\",\"password\":\"Wrong-password-9\"}";
    for (int i = 0; i < 5; i++) {
        assert_ok(sign_in(site, "/auth/login", wrong, &req, &error), &error);
        assert_int_equal(req.status, 401);
        assert_string_equal(req.mime, "application/problem+json");
        assert_contains(req.answer, "用户名或密码错误");
        assert_null(strstr(req.answer_headers, "Set-Cookie"));
    }
    assert_ok(sign_in(site, "/auth/token", wrong, &req, &error), &error);
    assert_int_equal(req.status, 429);
    assert_contains(req.answer, "urn:cim:problem:too-many");
    assert_contains(req.answer_headers, "Retry-After: 900\n");
}

static void
test_login_bad_body_names_what_is_wrong(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    cim_error error = {0};
    static const struct {
        const char *body;
        const char *param;
    } cases[] = {
        {"", ""},
        {"[]", ""},
        {"{\"username\":\"a\"", ""},
        {"{\"username\":\"a\"}", "password"},
        {"{\"username\":1,\"password\":\"b\"}", "username"},
        {"{\"username\":\"a\",\"password\":\"b\",\"otp\":1}", "otp"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(sign_in(site, "/auth/login", cases[i].body, &req, &error), CIM_E_INVALID);
        assert_string_equal(error.param, cases[i].param);
    }
    assert_int_equal(
        sign_in(site, "/auth/login", "{\"username\":\"a\",\"password\":3}", &req, &error),
        CIM_E_INVALID);
    assert_string_equal(error.value, ""); /* what may be a password is not repeated */
}

static void
test_login_from_another_site_is_refused(void **state)
{
    struct site *site = *state;
    struct cim_http_req req = {.method = "POST",
                               .path = "/auth/login",
                               .body = "{\"username\":\"province\",\"password\":\"" FIXTURE_PASSWORD
                                       "\"}",
                               .headers = {{"Sec-Fetch-Site", "cross-site"}}};
    cim_error error = {0};
    assert_int_equal(run(site, &req, &error), CIM_E_DENIED);
    assert_string_equal(error.param, "Sec-Fetch-Site");
}

static cim_status
ask_bearer(struct site *site, const char *method, const char *path, const char *header,
           struct cim_http_req *req, cim_error *err)
{
    memset(req, 0, sizeof *req);
    req->method = method;
    req->path = path;
    req->headers[0] = (struct fake_header){"Authorization", header};
    return run(site, req, err);
}

static void
test_token_is_a_bearer_without_csrf(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    struct json_object *token = NULL;
    char header[100];
    cim_error error = {0};
    assert_ok(sign_in(site, "/auth/token",
                      "{\"username\":\"province\",\"password\":\"" FIXTURE_PASSWORD "\"}", &req,
                      &error),
              &error);
    assert_int_equal(req.status, 200);
    assert_contains(req.answer, "\"token_type\":\"Bearer\",\"expires_in\":28800}");
    token = json_tokener_parse(req.answer);
    (void)snprintf(header, sizeof header, "Bearer %s",
                   json_object_get_string(json_object_object_get(token, "access_token")));
    json_object_put(token);
    assert_ok(ask_bearer(site, "POST", "/closed", header, &req, &error), &error);
    assert_string_equal(req.answer, "province");
    assert_ok(ask_bearer(site, "GET", "/auth/me", header, &req, &error), &error);
    assert_contains(req.answer, "\"csrf\":null");
    /* as a cookie it is worth nothing; a wrong one is refused even where anonymous would do */
    assert_int_equal(ask(site, "GET", "/closed", header + 7, NULL, &req, &error), CIM_E_DENIED);
    assert_int_equal(ask_bearer(site, "GET", "/open", "Bearer nonsense", &req, &error),
                     CIM_E_DENIED);
    assert_ok(ask_bearer(site, "POST", "/auth/logout", header, &req, &error), &error);
    assert_int_equal(ask_bearer(site, "GET", "/closed", header, &req, &error), CIM_E_DENIED);
}

static void
test_function_points_are_granted_by_role(void **state)
{
    struct site *site = *state;
    struct cim_http_req req;
    char cookie[80];
    char csrf[80];
    cim_error error = {0};
    log_in(site, "province", NULL, cookie, csrf);
    assert_ok(ask(site, "GET", "/export", cookie, NULL, &req, &error), &error);
    assert_int_equal(ask(site, "GET", "/admin", cookie, NULL, &req, &error), CIM_E_DENIED);
    assert_int_equal(ask(site, "GET", "/admin", cookie, NULL, &req, &error), CIM_E_DENIED);
    assert_int_equal(fixture_int(site->fixture,
                                 "select count(*) from cim_sign_in_log where event = 'function' "
                                 "and username = 'province' and reason = 'cim.admin.x'"),
                     1);
    host_clock_set(site->fixture->clock, FIXTURE_NOW_MS + HOST_DENIED_QUIET_MS);
    assert_int_equal(ask(site, "GET", "/admin", cookie, NULL, &req, &error), CIM_E_DENIED);
    assert_int_equal(
        fixture_int(site->fixture, "select count(*) from cim_sign_in_log where event = 'function'"),
        2);
    log_in(site, "admin", NULL, cookie, csrf);
    assert_ok(ask(site, "GET", "/admin", cookie, NULL, &req, &error), &error);
    assert_int_equal(ask(site, "GET", "/export", cookie, NULL, &req, &error), CIM_E_DENIED);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_anonymous_sees_only_open_routes),
        TEST(test_login_me_says_who_and_what),
        TEST(test_unsafe_method_needs_the_csrf_token),
        TEST(test_login_rotates_and_logout_ends),
        TEST(test_login_refused_is_401_and_locked_is_429),
        TEST(test_login_bad_body_names_what_is_wrong),
        TEST(test_login_from_another_site_is_refused),
        TEST(test_token_is_a_bearer_without_csrf),
        TEST(test_function_points_are_granted_by_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
