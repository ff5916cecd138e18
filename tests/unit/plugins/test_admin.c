/* The admin API over plugins: who may, and what it says. */
#include "fixture.h"

#include "host/admin/admin.h"
#include "host/identity/internal.h"

#include <json-c/json.h>

struct site {
    struct fixture *fixture;
    struct host_http_auth auth;
    char admin[HOST_TOKEN_TEXT];
    char regulator[HOST_TOKEN_TEXT];
};

static void
put_account(struct site *site, const char *username, const char *roles, char token[HOST_TOKEN_TEXT])
{
    const struct host_account_input input = {.username = username,
                                             .display_name = username,
                                             .password = "Gas-bottle-1",
                                             .roles = roles,
                                             .areas = "*",
                                             .until_ms = INT64_MAX};
    cim_error error = {0};
    assert_ok(host_identity_put_account(site->fixture->app.identity, &input, &error), &error);
    assert_ok(host_sessions_begin(&site->fixture->app.identity->sessions,
                                  &(struct host_session_start){.kind = HOST_SESSION_BEARER,
                                                               .username = username,
                                                               .now_ms = FIXTURE_NOW_MS,
                                                               .life_ms = 3600000},
                                  token, &error),
              &error);
}

static struct site *
site_new(const char *mode)
{
    struct site *site = calloc(1, sizeof *site);
    cim_error error = {0};
    assert_non_null(site);
    site->fixture = fixture_new(PROBE_BUNDLES, mode);
    site->auth = host_identity_http_auth(site->fixture->app.identity);
    put_account(site, "admin", "platform-admin", site->admin);
    put_account(site, "province", "regulator", site->regulator);
    assert_ok(host_admin_add_routes(&site->fixture->app, &error), &error);
    return site;
}

static void
site_free(struct site *site)
{
    fixture_free(site->fixture);
    free(site);
}

static cim_status
ask(struct site *site, const char *token, const char *method, const char *path, const char *id,
    struct cim_http_req *req, cim_error *err)
{
    char header[100];
    cim_status status = CIM_OK;
    memset(req, 0, sizeof *req);
    (void)snprintf(header, sizeof header, "Bearer %s", token != NULL ? token : "");
    req->method = method;
    req->path = path;
    if (token != NULL) {
        req->headers[0] = (struct fake_header){"Authorization", header};
    }
    req->params[0] = (struct fake_header){id != NULL ? "id" : NULL, id};
    status = fake_http_run(site->fixture->app.http, &site->auth, NULL, req, FIXTURE_NOW_MS, err);
    fake_http_done(req);
    return status;
}

static void
expect(const struct cim_http_req *req, const char *state, size_t n_layers)
{
    struct json_object *plugin = json_tokener_parse(req->answer);
    struct json_object *layers = NULL;
    assert_non_null(plugin);
    assert_string_equal(json_object_get_string(json_object_object_get(plugin, "id")), "probe");
    assert_string_equal(json_object_get_string(json_object_object_get(plugin, "version")), "1.0.0");
    assert_string_equal(json_object_get_string(json_object_object_get(plugin, "state")), state);
    assert_null(json_object_object_get(plugin, "reason"));
    assert_string_equal(json_object_get_string(json_object_object_get(
                            json_object_object_get(plugin, "manifest"), "library")),
                        "probe.so");
    layers = json_object_object_get(json_object_object_get(plugin, "registered"), "layers");
    assert_int_equal(json_object_array_length(layers), n_layers);
    json_object_put(plugin);
}

static void
test_admin_only_who_holds_the_function_point(void **state)
{
    struct site *site = site_new(NULL);
    struct cim_http_req req;
    cim_error error = {0};
    static const struct {
        const char *method;
        const char *path;
        const char *id;
    } routes[] = {{"GET", "/admin/api/plugins", NULL},
                  {"GET", "/admin/api/plugins/{id}", "probe"},
                  {"POST", "/admin/api/plugins/{id}/enable", "probe"},
                  {"POST", "/admin/api/plugins/{id}/disable", "probe"}};
    (void)state;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        assert_int_equal(
            ask(site, NULL, routes[i].method, routes[i].path, routes[i].id, &req, &error),
            CIM_E_DENIED);
        assert_int_equal(ask(site, site->regulator, routes[i].method, routes[i].path, routes[i].id,
                             &req, &error),
                         CIM_E_DENIED);
        assert_string_equal(error.value, "cim.admin.plugins");
    }
    assert_int_equal(atomic_load(&site->fixture->board.inits), 0);
    site_free(site);
}

static void
test_admin_enables_and_disables(void **state)
{
    struct site *site = site_new(NULL);
    struct cim_http_req req;
    cim_error error = {0};
    (void)state;
    assert_ok(ask(site, site->admin, "GET", "/admin/api/plugins", NULL, &req, &error), &error);
    assert_contains(req.answer, "{\"plugins\":[{\"id\":\"probe\",\"name\":{\"zh\":\"探针\"");
    assert_contains(req.answer, "{\"id\":\"serial\"");
    assert_ok(
        ask(site, site->admin, "POST", "/admin/api/plugins/{id}/enable", "probe", &req, &error),
        &error);
    expect(&req, "enabled", 1);
    assert_ok(ask(site, site->admin, "GET", "/admin/api/plugins/{id}", "probe", &req, &error),
              &error);
    expect(&req, "enabled", 1);
    assert_ok(
        ask(site, site->admin, "POST", "/admin/api/plugins/{id}/disable", "probe", &req, &error),
        &error);
    expect(&req, "disabled", 0);
    assert_int_equal(
        ask(site, site->admin, "POST", "/admin/api/plugins/{id}/enable", "none", &req, &error),
        CIM_E_NOTFOUND);
    site_free(site);
}

/* An I/O failure inside a plugin is no 500 whose text is kept back: the administrator reads it. */
static void
test_admin_reads_why_a_plugin_failed(void **state)
{
    struct site *site = site_new("init-fails");
    struct cim_http_req req;
    cim_error error = {0};
    (void)state;
    assert_int_equal(
        ask(site, site->admin, "POST", "/admin/api/plugins/{id}/enable", "probe", &req, &error),
        CIM_E_STATE);
    assert_int_equal(error.code, CIM_E_STATE);
    assert_string_equal(error.zh, "磁盘坏了");
    assert_ok(ask(site, site->admin, "GET", "/admin/api/plugins/{id}", "probe", &req, &error),
              &error);
    assert_contains(req.answer,
                    "\"state\":\"failed\",\"reason\":\"磁盘坏了（the disk is broken）\"");
    site_free(site);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admin_only_who_holds_the_function_point),
        cmocka_unit_test(test_admin_enables_and_disables),
        cmocka_unit_test(test_admin_reads_why_a_plugin_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
