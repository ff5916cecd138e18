/* tests/unit/http/test_http_target.c -- targets, patterns, header values, content codings: what
 * needs no socket. */
#include "fixture.h"

#include "host/http/internal.h"

#include <stdio.h>
#include <stdlib.h>

struct target_case {
    const char *raw;
    const char *path;  /* NULL: refused */
    const char *query; /* "name=value" of the last parameter */
};

static const struct target_case TARGETS[] = {
    {"/", "/", NULL},
    {"/a", "/a", NULL},
    {"/a/", "/a/", NULL},
    {"/a/b.c/d-e_f~", "/a/b.c/d-e_f~", NULL},
    {"/%61%2e", "/a.", NULL},
    {"/...", "/...", NULL},
    {"/a+b", "/a+b", NULL},
    {"/%E6%B5%B7?x", "/海", "x="},
    {"/a?x=1&y=%41+b", "/a", "y=A b"},
    {"/a?x=1&&", "/a", "x=1"},
    {"/a?=1", "/a", "=1"},
    {"/a?x=a=b", "/a", "x=a=b"},
    {"/a?x=%2F..%2F", "/a", "x=/../"},
    {"http://host:1/a?x=1", "/a", "x=1"},
    {"", NULL, NULL},
    {"a", NULL, NULL},
    {"*", NULL, NULL},
    {"//", NULL, NULL},
    {"/a//b", NULL, NULL},
    {"/.", NULL, NULL},
    {"/..", NULL, NULL},
    {"/a/../b", NULL, NULL},
    {"/a/%2e%2E/b", NULL, NULL},
    {"/a/%2e", NULL, NULL},
    {"/a%2fb", NULL, NULL},
    {"/a%5Cb", NULL, NULL},
    {"/a\\b", NULL, NULL},
    {"/%00", NULL, NULL},
    {"/%0a", NULL, NULL},
    {"/\x01", NULL, NULL},
    {"/%7f", NULL, NULL},
    {"/%", NULL, NULL},
    {"/%4", NULL, NULL},
    {"/%4g", NULL, NULL},
    {"/%80", NULL, NULL},
    {"/%c3", NULL, NULL},
    {"/%c0%af", NULL, NULL},
    {"/%ed%a0%80", NULL, NULL},
    {"/%f4%90%80%80", NULL, NULL},
    {"/%f0%8f%bf%bf", NULL, NULL},
    {"/a#b", NULL, NULL},
    {"/a?x=%00", NULL, NULL},
    {"/a?%ff=1", NULL, NULL},
};

static void
test_targets_are_decoded_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        const struct target_case *one = &TARGETS[i];
        struct host_arena arena = {0};
        struct host_target target = {0};
        cim_error err = {0};
        const cim_status status = host_target_parse(one->raw, &arena, &target, &err);
        if ((status == CIM_OK) != (one->path != NULL)) {
            fail_msg("'%s' gave %d %s", one->raw, (int)status, err.en);
        }
        if (one->path == NULL) {
            assert_int_equal(status, CIM_E_INVALID);
            assert_true(err.en[0] != '\0' && err.zh[0] != '\0');
        } else {
            assert_string_equal(target.path, one->path);
        }
        if (one->query != NULL) {
            char text[128];
            const struct host_query_param *last = &target.query[target.n_query - 1];
            (void)snprintf(text, sizeof text, "%s=%s", last->name, last->value);
            assert_string_equal(text, one->query);
        }
        host_arena_done(&arena);
    }
}

static void
test_parameters_and_segments_have_limits(void **state)
{
    char raw[4096] = "/a?";
    struct host_arena arena = {0};
    struct host_target target = {0};
    cim_error err = {0};
    (void)state;
    for (int i = 0; i < QUERY_PARAMS_MAX; i++) {
        (void)snprintf(raw + strlen(raw), 8, "x=%d&", i % 10);
    }
    assert_int_equal(host_target_parse(raw, &arena, &target, &err), CIM_OK);
    assert_int_equal(target.n_query, QUERY_PARAMS_MAX);
    (void)snprintf(raw + strlen(raw), 8, "y=1");
    assert_int_equal(host_target_parse(raw, &arena, &target, &err), CIM_E_INVALID);
    raw[0] = '\0';
    for (int i = 0; i < PATH_SEGMENTS_MAX; i++) {
        (void)snprintf(raw + strlen(raw), 8, "/s");
    }
    assert_int_equal(host_target_parse(raw, &arena, &target, &err), CIM_OK);
    (void)snprintf(raw + strlen(raw), 8, "/s");
    assert_int_equal(host_target_parse(raw, &arena, &target, &err), CIM_E_INVALID);
    host_arena_done(&arena);
}

/* ---- patterns ---- */

static cim_status
no_handler(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    (void)self;
    (void)call;
    (void)req;
    (void)err;
    return CIM_OK;
}

static cim_status
add(struct host_router *router, const char *method, const char *pattern, const char *plugin)
{
    const struct host_route route = {
        .method = method, .pattern = pattern, .handle = no_handler, .plugin_id = plugin};
    cim_error err = {0};
    return host_router_add(router, &route, &err);
}

static void
expect_match(struct host_router *router, const char *method, const char *raw, const char *pattern,
             const char *param)
{
    struct host_arena arena = {0};
    struct host_target target = {0};
    struct host_match match = {0};
    assert_int_equal(host_target_parse(raw, &arena, &target, NULL), CIM_OK);
    assert_int_equal(host_router_match(router, method, &target, &arena, &match), CIM_OK);
    if (pattern == NULL) {
        assert_null(match.entry);
    } else if (match.entry == NULL) {
        fail_msg("%s matches nothing", raw);
    } else {
        assert_string_equal(match.entry->route.pattern, pattern);
    }
    if (param != NULL) {
        assert_int_equal(match.n_params, 1);
        assert_string_equal(match.params[0].value, param);
    }
    host_route_entry_unref(match.entry);
    host_arena_done(&arena);
}

static void
test_the_most_exact_pattern_wins(void **state)
{
    struct host_router *router = host_router_new();
    (void)state;
    assert_int_equal(add(router, "GET", "/", NULL), CIM_OK);
    assert_int_equal(add(router, "GET", "/a/{path*}", NULL), CIM_OK);
    assert_int_equal(add(router, "GET", "/a/{id}", NULL), CIM_OK);
    assert_int_equal(add(router, "GET", "/a/{id}/items", NULL), CIM_OK);
    assert_int_equal(add(router, "GET", "/a/fixed", NULL), CIM_OK);
    assert_int_equal(add(router, "POST", "/a/fixed", "p"), CIM_OK);
    expect_match(router, "GET", "/", "/", NULL);
    expect_match(router, "HEAD", "/a/fixed", "/a/fixed", NULL);
    expect_match(router, "GET", "/a/other", "/a/{id}", "other");
    expect_match(router, "GET", "/a/other/items", "/a/{id}/items", "other");
    expect_match(router, "GET", "/a/other/else", "/a/{path*}", "other/else");
    expect_match(router, "GET", "/a/fixed/items", "/a/{id}/items", "fixed");
    expect_match(router, "GET", "/a/", "/a/{path*}", "");
    expect_match(router, "GET", "/a", NULL, NULL);
    expect_match(router, "GET", "/b", NULL, NULL);
    expect_match(router, "PUT", "/a/fixed", NULL, NULL);
    expect_match(router, "POST", "/a/fixed", "/a/fixed", NULL);
    host_router_remove_plugin(router, "p");
    expect_match(router, "POST", "/a/fixed", NULL, NULL);
    expect_match(router, "GET", "/a/fixed", "/a/fixed", NULL);
    host_router_free(router);
}

static void
test_clashing_patterns_are_refused(void **state)
{
    struct host_router *router = host_router_new();
    (void)state;
    assert_int_equal(add(router, "GET", "/a/{id}", NULL), CIM_OK);
    assert_int_equal(add(router, "GET", "/a/{other}", NULL), CIM_E_EXISTS);
    assert_int_equal(add(router, "POST", "/a/{other}", NULL), CIM_OK);
    assert_int_equal(add(router, "GET", "/a/b", NULL), CIM_OK);
    assert_int_equal(add(router, "GET", "/a/b", NULL), CIM_E_EXISTS);
    assert_int_equal(add(router, "GET", "no-slash", NULL), CIM_E_INVALID);
    host_router_free(router);
}

/* ---- header values ---- */

static void
test_host_names(void **state)
{
    static const char *const good[] = {"a",         "a.b-c.d",   "a_b:80",     "127.0.0.1:65535",
                                       "[::1]:443", "[fe80::1]", "xn--fiq228c"};
    static const char *const bad[] = {"",        ":80",  "a:",     "a:b", "a b", "a/b",   "a@b",
                                      "a:99999", "[::1", "[zz]:1", "a,b", "a\"", "[::1]x"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(host_head_host_valid(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (host_head_host_valid(bad[i])) {
            fail_msg("'%s' is taken as a host", bad[i]);
        }
    }
    assert_true(host_head_name_listed("", "any"));
    assert_true(host_head_name_listed("a.b, c.d", "C.D:8080"));
    assert_false(host_head_name_listed("a.b,c.d", "c.d.e"));
    assert_false(host_head_name_listed("a.b:80", "a.b:81"));
    assert_true(host_head_name_listed("a.b:80", "a.b:80"));
}

static void
test_networks_of_trusted_proxies(void **state)
{
    (void)state;
    assert_true(host_head_address_listed("10.0.0.0/8", "10.255.0.1"));
    assert_false(host_head_address_listed("10.0.0.0/8", "11.0.0.1"));
    assert_true(host_head_address_listed("192.0.2.16/28", "192.0.2.31"));
    assert_false(host_head_address_listed("192.0.2.16/28", "192.0.2.32"));
    assert_true(host_head_address_listed("::1, 127.0.0.1", "127.0.0.1"));
    assert_true(host_head_address_listed("fd00::/8", "fd12::1"));
    assert_false(host_head_address_listed("fd00::/8", "10.0.0.1"));
    assert_false(host_head_address_listed("10.0.0.0/99", "10.0.0.1"));
    assert_false(host_head_address_listed("junk, /8", "10.0.0.1"));
    assert_true(host_head_address_listed("0.0.0.0/0", "10.0.0.1"));
}

static void
test_accepted_codings(void **state)
{
    (void)state;
    assert_true(host_encoding_accepts_gzip("gzip"));
    assert_true(host_encoding_accepts_gzip("br, GZIP;q=0.2"));
    assert_true(host_encoding_accepts_gzip("*"));
    assert_false(host_encoding_accepts_gzip("gzip;q=0"));
    assert_false(host_encoding_accepts_gzip("gzip; q=0.000, *"));
    assert_false(host_encoding_accepts_gzip("gzipped, identity"));
    assert_false(host_encoding_accepts_gzip(""));
    assert_false(host_encoding_accepts_gzip(NULL));
    assert_true(host_encoding_compressible("text/html; charset=utf-8"));
    assert_true(host_encoding_compressible("application/vnd.oai.openapi+json;version=3.0"));
    assert_false(host_encoding_compressible("image/png"));
}

static void
test_entity_tags(void **state)
{
    (void)state;
    assert_true(host_etag_matches("\"a\"", "\"a\""));
    assert_true(host_etag_matches("\"x\", W/\"a\"", "\"a\""));
    assert_true(host_etag_matches("\"a-gz\"", "\"a\""));
    assert_true(host_etag_matches("*", "\"a\""));
    assert_false(host_etag_matches("\"ab\"", "\"a\""));
    assert_false(host_etag_matches("a", "\"a\""));
    assert_false(host_etag_matches("\"a", "\"a\""));
    assert_false(host_etag_matches(NULL, "\"a\""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets_are_decoded_or_refused),
        cmocka_unit_test(test_parameters_and_segments_have_limits),
        cmocka_unit_test(test_the_most_exact_pattern_wins),
        cmocka_unit_test(test_clashing_patterns_are_refused),
        cmocka_unit_test(test_host_names),
        cmocka_unit_test(test_networks_of_trusted_proxies),
        cmocka_unit_test(test_accepted_codings),
        cmocka_unit_test(test_entity_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
