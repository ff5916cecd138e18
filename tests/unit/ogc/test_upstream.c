/* tests/unit/ogc/test_upstream.c -- the way to the national base map, against a server of ours. */
#include "unit.h"

#include "fake_platform.h"

#include <stdlib.h>

static struct fixture upstream;
static struct fake_platform platform;
static _Atomic int64_t asked;
static _Atomic int64_t keys_right;

/* Tiles of the service: row 2 is an error page, row 3 too large, the rest a picture. */
static cim_status
wmts(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static char large[3 << 20];
    const char *row = host_http_query_param(req, "TILEROW");
    cim_blob body = {.data = "\x89PNG", .len = 4};
    (void)self;
    (void)call;
    atomic_fetch_add(&asked, 1);
    if (strcmp(host_http_query_param(req, "tk"), "k&y") == 0 &&
        strcmp(host_http_query_param(req, "LAYER"), "vec") == 0 &&
        strcmp(host_http_query_param(req, "TILEMATRIX"), "5") == 0) {
        atomic_fetch_add(&keys_right, 1);
    }
    if (strcmp(row, "2") == 0) {
        body = (cim_blob){.data = "<html>", .len = 6};
        return host_http_respond(req, 200, "text/html", &body, err);
    }
    if (strcmp(row, "3") == 0) {
        body = (cim_blob){.data = large, .len = sizeof large};
    }
    if (strcmp(row, "4") == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, NULL, NULL, "无", "none");
    }
    return host_http_respond(req, 200, "image/png", &body, err);
}

static int
setup(void **state)
{
    static char url[64];
    static const char *args[] = {"--tianditu.key=k&y", url, NULL};
    cim_error err = {0};
    const struct host_http_options options = fixture_options(&upstream);
    const struct host_route route = {.method = "GET", .pattern = "/vec_w/wmts", .handle = wmts};
    (void)state;
    fixture_start(&upstream, &options);
    assert_ok(host_http_add_route(upstream.http, &route, &err), &err);
    (void)snprintf(url, sizeof url, "--tianditu.url=http://127.0.0.1:%d", upstream.port);
    fake_platform_start(&platform, args);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    fake_platform_stop(&platform);
    fixture_stop(&upstream, 500);
    return 0;
}

static void
test_pictures_come_through_once_and_the_key_stays(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        char *answer = fake_get(&platform, "reader", "/basemaps/tianditu/vec/5/14/25", NULL);
        assert_int_equal(answer_status(answer), 200);
        assert_string_equal(answer_header(answer, "Content-Type"), "image/png");
        assert_contains(answer_body(answer), "PNG");
        assert_null(strstr(answer, "k&y"));
        free(answer);
    }
    assert_int_equal(atomic_load(&asked), 1);
    assert_int_equal(atomic_load(&keys_right), 1);
    char *answer = fake_get(&platform, NULL, "/basemaps/tianditu/vec/5/14/25", NULL);
    assert_int_equal(answer_status(answer), 401);
    free(answer);
}

static void
test_what_is_no_picture_is_not_passed_on(void **state)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = {{"/basemaps/tianditu/vec/5/2/0", 503},
                 {"/basemaps/tianditu/vec/5/3/0", 503},
                 {"/basemaps/tianditu/vec/5/4/0", 404},
                 {"/basemaps/tianditu/img/5/1/0", 404}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *answer = fake_get(&platform, "reader", cases[i].path, NULL);
        assert_int_equal(answer_status(answer), cases[i].status);
        assert_contains(answer, "底图");
        assert_null(strstr(answer, "k&y"));
        free(answer);
    }
}

static void
test_the_list_offers_what_is_configured(void **state)
{
    char *answer = fake_get(&platform, "reader", "/basemaps?f=json", NULL);
    (void)state;
    assert_contains(answer, "tianditu-vec");
    assert_contains(answer, "tianditu-img");
    assert_contains(answer, "/basemaps/tianditu/cva/{z}/{row}/{col}");
    assert_contains(answer, "示意图 非公开发布");
    assert_null(strstr(answer, "k&y"));
    free(answer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures_come_through_once_and_the_key_stays),
        cmocka_unit_test(test_what_is_no_picture_is_not_passed_on),
        cmocka_unit_test(test_the_list_offers_what_is_configured),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
