/* Delegated administration over its API: a city's administrator and everything that is not his. */
#include "fake_http.h"
#include "fixture.h"

#include <json-c/json.h>

struct site {
    struct fixture *fixture;
    struct host_http *http;
    struct host_http_auth auth;
};

static int
site_setup(void **state)
{
    struct site *site = calloc(1, sizeof *site);
    void *fixture = NULL;
    cim_error error = {0};
    assert_non_null(site);
    assert_int_equal(fixture_setup(&fixture), 0);
    site->fixture = fixture;
    site->http = fake_http_new();
    site->auth = host_identity_http_auth(site->fixture->identity);
    assert_ok(host_identity_add_routes(site->fixture->identity, site->http, &error), &error);
    fixture_put(site->fixture, "province", "platform-admin", "*", NULL, INT64_MAX);
    fixture_put(site->fixture, "city", "access-admin", "4601", NULL, INT64_MAX);
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

/* Asks as `who`; the answer, or NULL and the refusal in *err. Freed by the caller. */
static struct json_object *
ask(struct site *site, const char *who, const char *method, const char *path, const char *name,
    const char *value, const char *body, cim_error *err)
{
    struct cim_http_req req = {.method = method, .path = path, .body = body};
    char token[HOST_TOKEN_TEXT];
    char header[100];
    struct json_object *answer = NULL;
    cim_error error = {0};
    assert_ok(host_sessions_begin(&site->fixture->identity->sessions,
                                  &(struct host_session_start){.kind = HOST_SESSION_BEARER,
                                                               .username = who,
                                                               .now_ms = FIXTURE_NOW_MS,
                                                               .life_ms = 3600000},
                                  token, &error),
              &error);
    (void)snprintf(header, sizeof header, "Bearer %s", token);
    req.headers[0] = (struct fake_header){"Authorization", header};
    req.params[0] = (struct fake_header){name, value};
    if (fake_http_run(site->http, &site->auth, NULL, &req, FIXTURE_NOW_MS, err) == CIM_OK) {
        answer = json_tokener_parse(req.answer);
        assert_non_null(answer);
    }
    fake_http_done(&req);
    return answer;
}

static void
done(struct site *site, const char *who, const char *method, const char *path, const char *name,
     const char *value, const char *body)
{
    cim_error error = {0};
    struct json_object *answer = ask(site, who, method, path, name, value, body, &error);
    if (answer == NULL) {
        fail_msg("%s %s: %s (%s)", method, path, error.en, error.param);
    }
    json_object_put(answer);
}

static void
refused(struct site *site, const char *who, const char *path, const char *name, const char *value,
        const char *body, cim_status status, const char *param)
{
    cim_error error = {0};
    struct json_object *answer =
        ask(site, who,
            name != NULL && strstr(path, "/end") == NULL && strstr(path, "/pass") == NULL ? "PATCH"
                                                                                          : "POST",
            path, name, value, body, &error);
    if (answer != NULL) {
        fail_msg("%s was not refused: %s", path, json_object_to_json_string(answer));
    }
    if (error.code != status || strcmp(error.param, param) != 0) {
        fail_msg("%s: %d %s (%s), expected %d (%s)", path, error.code, error.en, error.param,
                 status, param);
    }
}

static int64_t
matched(struct site *site, const char *who, const char *path, const char *list, size_t *ret_rows)
{
    cim_error error = {0};
    struct json_object *answer = ask(site, who, "GET", path, NULL, NULL, NULL, &error);
    assert_non_null(answer);
    const int64_t n = json_object_get_int64(json_object_object_get(answer, "matched"));
    *ret_rows = json_object_array_length(json_object_object_get(answer, list));
    json_object_put(answer);
    return n;
}

#define ORGS   "/admin/api/orgs"
#define USERS  "/admin/api/users"
#define ROLES  "/admin/api/roles"
#define GRANTS "/admin/api/grants"

static void
add_org(struct site *site, const char *who, const char *code, const char *area)
{
    char body[300];
    (void)snprintf(body, sizeof body,
                   "{\"code\":\"%s\",\"name\":\"组织 %s\",\"kind\":\"gas\",\"area\":\"%s\"}", code,
                   code, area);
    done(site, who, "POST", ORGS, NULL, NULL, body);
}

static void
add_user(struct site *site, const char *who, const char *name, const char *org)
{
    char body[300];
    (void)snprintf(body, sizeof body,
                   "{\"username\":\"%s\",\"display_name\":\"某\",\"org\":\"%s\",\"password\":"
                   "\"" FIXTURE_PASSWORD "\"}",
                   name, org);
    done(site, who, "POST", USERS, NULL, NULL, body);
}

static void
test_orgs_lie_in_the_administrators_areas(void **state)
{
    struct site *site = *state;
    size_t n = 0;
    add_org(site, "province", "sanya", "4602");
    add_org(site, "city", "xiuying", "460105");
    refused(site, "city", ORGS, NULL, NULL,
            "{\"code\":\"x\",\"name\":\"x\",\"kind\":\"gas\",\"area\":\"4602\"}", CIM_E_DENIED,
            "area");
    refused(site, "city", ORGS, NULL, NULL,
            "{\"code\":\"x\",\"name\":\"x\",\"kind\":\"gas\",\"area\":\"*\"}", CIM_E_DENIED,
            "area");
    refused(site, "city", ORGS, NULL, NULL,
            "{\"code\":\"x\",\"name\":\"x\",\"kind\":\"gas\",\"area\":\"9999\"}", CIM_E_INVALID,
            "area");
    refused(site, "city", ORGS, NULL, NULL,
            "{\"code\":\"x\",\"name\":\"x\",\"kind\":\"bank\",\"area\":\"4601\"}", CIM_E_INVALID,
            "kind");
    refused(site, "city", ORGS, NULL, NULL,
            "{\"code\":\"xiuying\",\"name\":\"x\",\"kind\":\"gas\",\"area\":\"4601\"}",
            CIM_E_EXISTS, "code");
    refused(site, "city", ORGS "/{code}", "code", "sanya", "{\"name\":\"ours\"}", CIM_E_DENIED,
            "area");
    refused(site, "city", ORGS "/{code}", "code", "xiuying", "{\"area\":\"4602\"}", CIM_E_DENIED,
            "area");
    refused(site, "city", ORGS "/{code}", "code", "xiuying", "{\"parent\":\"xiuying\"}",
            CIM_E_INVALID, "parent");
    done(site, "city", "PATCH", ORGS "/{code}", "code", "xiuying", "{\"name\":\"秀英燃气办\"}");
    assert_int_equal(matched(site, "city", ORGS, "orgs", &n), 1);
    assert_int_equal(matched(site, "province", ORGS, "orgs", &n), 2);
    add_user(site, "city", "li", "xiuying");
    refused(site, "city", ORGS "/{code}/end", "code", "xiuying", NULL, CIM_E_STATE, "code");
}

static void
test_people_of_elsewhere_are_not_touched(void **state)
{
    struct site *site = *state;
    size_t n = 0;
    add_org(site, "province", "sanya", "4602");
    add_org(site, "city", "xiuying", "460105");
    add_user(site, "province", "wang", "sanya");
    add_user(site, "city", "li", "xiuying");
    refused(site, "city", USERS, NULL, NULL,
            "{\"username\":\"zhao\",\"display_name\":\"z\",\"org\":\"sanya\",\"password\":"
            "\"" FIXTURE_PASSWORD "\"}",
            CIM_E_DENIED, "area");
    refused(site, "city", USERS, NULL, NULL,
            "{\"username\":\"zhao\",\"display_name\":\"z\",\"password\":\"" FIXTURE_PASSWORD "\"}",
            CIM_E_DENIED, "area"); /* of no place: everybody's */
    refused(site, "city", USERS, NULL, NULL,
            "{\"username\":\"li\",\"display_name\":\"z\",\"org\":\"xiuying\",\"password\":"
            "\"" FIXTURE_PASSWORD "\"}",
            CIM_E_EXISTS, "username");
    refused(site, "city", USERS "/{username}", "username", "wang", "{\"display_name\":\"x\"}",
            CIM_E_DENIED, "area");
    refused(site, "city", USERS "/{username}", "username", "li", "{\"org\":\"sanya\"}",
            CIM_E_DENIED, "area");
    refused(site, "city", USERS "/{username}/password", "username", "wang",
            "{\"password\":\"" FIXTURE_PASSWORD "\"}", CIM_E_DENIED, "area");
    /* Not one who holds more than he could give, though he is at home here. */
    done(site, "province", "POST", GRANTS, NULL, NULL,
         "{\"holder_kind\":\"user\",\"holder\":\"li\",\"kind\":\"role\",\"name\":\"regulator\","
         "\"areas\":[\"4602\"],\"why\":\"支援三亚\"}");
    refused(site, "city", USERS "/{username}/password", "username", "li",
            "{\"password\":\"" FIXTURE_PASSWORD "\"}", CIM_E_DENIED, "areas");
    refused(site, "city", USERS "/{username}/end", "username", "li", "{\"why\":\"离职\"}",
            CIM_E_DENIED, "areas");
    refused(site, "city", USERS "/{username}/password", "username", "city",
            "{\"password\":\"" FIXTURE_PASSWORD "\"}", CIM_E_DENIED, "username");
    assert_int_equal(matched(site, "city", USERS, "users", &n), 2); /* li, and the city's own */
    assert_int_equal(n, 2);
}

static void
test_nobody_grants_more_than_he_holds(void **state)
{
    struct site *site = *state;
    add_org(site, "city", "xiuying", "460105");
    add_user(site, "city", "li", "xiuying");
    /* One who may pass on only reading, masked, with names absent, of one organisation, for a year.
     */
    done(site, "province", "POST", ROLES, NULL, NULL,
         "{\"id\":\"own-narrow\",\"zh\":\"窄\",\"en\":\"Narrow\",\"area\":\"4601\",\"content\":{"
         "\"functions\":[\"cim.admin.grants\"],\"pass_on\":[\"lpg.export\"],\"grants\":[{"
         "\"resource\":\"lpg.stations\",\"actions\":[\"read\"],\"sensitive\":\"masked\","
         "\"fields\":{\"name\":\"absent\"},\"owner\":\"org-a\",\"pass_on\":true}]}}");
    add_user(site, "province", "narrow", "xiuying");
    done(site, "province", "POST", GRANTS, NULL, NULL,
         "{\"holder_kind\":\"user\",\"holder\":\"narrow\",\"kind\":\"role\",\"name\":"
         "\"own-narrow\",\"areas\":[\"460105\"],\"until\":\"2027-12-31\",\"why\":\"试点\"}");
#define GIVE(areas, until, content)                                                                \
    "{\"holder_kind\":\"user\",\"holder\":\"li\",\"kind\":\"resource\",\"name\":\"lpg.stations\"," \
    "\"areas\":[\"" areas "\"],\"until\":\"" until "\",\"why\":\"w\",\"content\":{" content "}}"
#define FIT "\"actions\":[\"read\"],\"fields\":{\"name\":\"absent\"},\"owner\":\"org-a\""
    refused(site, "narrow", GRANTS, NULL, NULL, GIVE("460106", "2027-12-31", FIT), CIM_E_DENIED,
            "areas");
    refused(site, "narrow", GRANTS, NULL, NULL, GIVE("460105", "2028-01-01", FIT), CIM_E_DENIED,
            "until");
    refused(site, "narrow", GRANTS, NULL, NULL,
            GIVE("460105", "2027-12-31",
                 "\"actions\":[\"read\",\"export\"],\"fields\":{\"name\":\"absent\"},\"owner\":"
                 "\"org-a\""),
            CIM_E_DENIED, "actions");
    refused(site, "narrow", GRANTS, NULL, NULL,
            GIVE("460105", "2027-12-31", FIT ",\"sensitive\":\"clear\""), CIM_E_DENIED, "fields");
    refused(site, "narrow", GRANTS, NULL, NULL,
            GIVE("460105", "2027-12-31", "\"actions\":[\"read\"],\"owner\":\"org-a\""),
            CIM_E_DENIED, "fields");
    refused(site, "narrow", GRANTS, NULL, NULL,
            GIVE("460105", "2027-12-31", "\"actions\":[\"read\"],\"fields\":{\"name\":\"absent\"}"),
            CIM_E_DENIED, "owner");
    refused(site, "narrow", GRANTS, NULL, NULL,
            "{\"holder_kind\":\"user\",\"holder\":\"li\",\"kind\":\"resource\",\"name\":"
            "\"lpg.*\",\"areas\":[\"460105\"],\"why\":\"w\",\"content\":{" FIT "}}",
            CIM_E_DENIED, "resource");
    refused(site, "narrow", GRANTS, NULL, NULL,
            "{\"holder_kind\":\"user\",\"holder\":\"li\",\"kind\":\"function\",\"name\":"
            "\"lpg.menu.map\",\"areas\":[\"460105\"],\"until\":\"2027-12-31\",\"why\":\"w\"}",
            CIM_E_DENIED, "function");
    refused(site, "narrow", GRANTS, NULL, NULL,
            "{\"holder_kind\":\"user\",\"holder\":\"narrow\",\"kind\":\"function\",\"name\":"
            "\"lpg.export\",\"areas\":[\"460105\"],\"until\":\"2027-12-31\",\"why\":\"w\"}",
            CIM_E_DENIED, "holder");
    refused(site, "narrow", GRANTS, NULL, NULL, GIVE("460105", "2020-01-01", FIT), CIM_E_INVALID,
            "until");
    refused(site, "narrow", GRANTS, NULL, NULL,
            GIVE("460105", "2027-12-31", FIT ",\"all_areas\":true"), CIM_E_INVALID,
            "content.all_areas");
    done(site, "narrow", "POST", GRANTS, NULL, NULL, GIVE("460105", "2027-12-31", FIT));
    done(site, "narrow", "POST", GRANTS, NULL, NULL,
         "{\"holder_kind\":\"user\",\"holder\":\"li\",\"kind\":\"function\",\"name\":"
         "\"lpg.export\",\"areas\":[\"460105\"],\"until\":\"2027-12-31\",\"why\":\"w\"}");
    /* A city gives no function point of the platform that it does not hold. */
    refused(site, "city", GRANTS, NULL, NULL,
            "{\"holder_kind\":\"user\",\"holder\":\"li\",\"kind\":\"function\",\"name\":"
            "\"cim.admin.plugins\",\"areas\":[\"4601\"],\"why\":\"w\"}",
            CIM_E_DENIED, "function");
    refused(site, "city", GRANTS, NULL, NULL,
            "{\"holder_kind\":\"user\",\"holder\":\"li\",\"kind\":\"role\",\"name\":"
            "\"platform-admin\",\"areas\":[\"4601\"],\"why\":\"w\"}",
            CIM_E_DENIED, "function");
    /* A role of the city's own is no way out of the city either. */
    refused(site, "province", GRANTS, NULL, NULL,
            "{\"holder_kind\":\"user\",\"holder\":\"li\",\"kind\":\"role\",\"name\":"
            "\"own-narrow\",\"areas\":[\"4602\"],\"why\":\"w\"}",
            CIM_E_DENIED, "areas");
}

static void
test_who_may_grant_does_not_see(void **state)
{
    struct site *site = *state;
    struct host_principal *principal = NULL;
    const cim_scope *scope = NULL;
    cim_error error = {0};
    assert_ok(host_principal_get(site->fixture->identity, "city", &principal, &error), &error);
    assert_ok(host_identity_scope(site->fixture->identity, principal, "lpg.stations", CIM_ACT_READ,
                                  FIXTURE_NOW_MS, &scope, &error),
              &error);
    assert_int_equal(scope->n_terms, 0);
    assert_int_equal(host_principal_has_function(principal, "lpg.export"), 0);
    assert_int_equal(host_principal_has_function(principal, "cim.admin.users"), 1);
    assert_int_equal(host_principal_has_function(principal, "cim.admin.plugins"), 0);
    host_principal_release(principal);
}

static uint32_t
terms_of(struct site *site, const char *who)
{
    struct host_principal *principal = NULL;
    const cim_scope *scope = NULL;
    cim_error error = {0};
    assert_ok(host_principal_get(site->fixture->identity, who, &principal, &error), &error);
    assert_ok(host_identity_scope(site->fixture->identity, principal, "lpg.stations", CIM_ACT_READ,
                                  FIXTURE_NOW_MS, &scope, &error),
              &error);
    const uint32_t n = scope->n_terms;
    host_principal_release(principal);
    return n;
}

static void
test_leaving_hands_over_and_ends(void **state)
{
    struct site *site = *state;
    size_t n = 0;
    add_org(site, "city", "xiuying", "460105");
    add_user(site, "city", "li", "xiuying");
    add_user(site, "city", "sun", "xiuying");
    done(site, "city", "POST", GRANTS, NULL, NULL,
         "{\"holder_kind\":\"user\",\"holder\":\"li\",\"kind\":\"role\",\"name\":\"regulator\","
         "\"areas\":[\"460105\"],\"until\":\"2027-03-31\",\"why\":\"分管\"}");
    assert_int_equal(terms_of(site, "li"), 1);
    assert_int_equal(terms_of(site, "sun"), 0);
    refused(site, "city", USERS "/{username}/end", "username", "li",
            "{\"why\":\"调离\",\"to\":\"li\"}", CIM_E_INVALID, "to");
    done(site, "city", "POST", USERS "/{username}/end", "username", "li",
         "{\"why\":\"调离\",\"to\":\"sun\"}");
    assert_int_equal(terms_of(site, "li"), 0);
    assert_int_equal(terms_of(site, "sun"), 1);
    assert_int_equal(matched(site, "city", GRANTS, "grants", &n), 2); /* sun's and the city's own */
    assert_int_equal(fixture_int(site->fixture, "select count(*) from cim_grant where holder = "
                                                "'li' and ended_by = 'city'"),
                     1);
    assert_int_equal(
        fixture_int(site->fixture, "select count(*) from cim_session where username = 'li'"), 0);
    refused(site, "city", GRANTS, NULL, NULL,
            "{\"holder_kind\":\"user\",\"holder\":\"li\",\"kind\":\"role\",\"name\":\"regulator\","
            "\"areas\":[\"460105\"],\"why\":\"w\"}",
            CIM_E_STATE, "holder");
}

static void
test_organisation_gives_its_people_what_it_holds(void **state)
{
    struct site *site = *state;
    add_org(site, "city", "xiuying", "460105");
    add_user(site, "city", "li", "xiuying");
    done(site, "city", "POST", GRANTS, NULL, NULL,
         "{\"holder_kind\":\"org\",\"holder\":\"xiuying\",\"kind\":\"role\",\"name\":"
         "\"regulator\",\"why\":\"全员\"}");
    assert_int_equal(terms_of(site, "li"), 1);
    /* It holds where the organisation is, and does not move with it unseen. */
    refused(site, "city", ORGS "/{code}", "code", "xiuying", "{\"area\":\"460106\"}", CIM_E_STATE,
            "area");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_orgs_lie_in_the_administrators_areas),
        TEST(test_people_of_elsewhere_are_not_touched),
        TEST(test_nobody_grants_more_than_he_holds),
        TEST(test_who_may_grant_does_not_see),
        TEST(test_leaving_hands_over_and_ends),
        TEST(test_organisation_gives_its_people_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
