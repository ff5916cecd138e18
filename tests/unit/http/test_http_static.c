/* tests/unit/http/test_http_static.c -- folders of pages. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct site {
    struct fixture fixture;
    char dir[64];
    char outside[80];
};

static void
write_file(const char *dir, const char *name, const char *text, size_t repeat)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < repeat; i++) {
        (void)fputs(text, file);
    }
    (void)fclose(file);
}

static int
setup(void **state)
{
    struct site *site = calloc(1, sizeof *site);
    char path[256];
    cim_error err = {0};
    const struct host_http_options options = fixture_options(&site->fixture);
    (void)snprintf(site->dir, sizeof site->dir, "/tmp/cim-site-XXXXXX");
    assert_non_null(mkdtemp(site->dir));
    (void)snprintf(site->outside, sizeof site->outside, "%s.txt", site->dir);
    write_file("/", site->outside + 1, "secret", 1);
    (void)snprintf(path, sizeof path, "%s/assets", site->dir);
    assert_int_equal(mkdir(path, 0755), 0);
    write_file(site->dir, "index.html", "<!doctype html><title>map</title>", 1);
    write_file(site->dir, "assets/app-DiwrgTda.js", "let a = 1;\n", 1000);
    write_file(site->dir, "assets/small.js", "1", 1);
    write_file(site->dir, ".env", "secret", 1);
    (void)snprintf(path, sizeof path, "%s/link.txt", site->dir);
    assert_int_equal(symlink(site->outside, path), 0);
    fixture_start(&site->fixture, &options);
    const struct host_static_options page = {
        .prefix = "/apps/demo/", .dir = site->dir, .index = "index.html", .spa = true};
    assert_int_equal(host_http_static(site->fixture.http, &page, &err), CIM_OK);
    *state = site;
    return 0;
}

static int
teardown(void **state)
{
    struct site *site = *state;
    static const char *const names[] = {"index.html", "assets/app-DiwrgTda.js", "assets/small.js",
                                        ".env", "link.txt"};
    char path[256];
    fixture_stop(&site->fixture, 100);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", site->dir, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/assets", site->dir);
    (void)rmdir(path);
    (void)rmdir(site->dir);
    (void)unlink(site->outside);
    free(site);
    return 0;
}

static void
test_prefix_gives_the_index(void **state)
{
    struct site *site = *state;
    char *answer = client_get(site->fixture.port, "/apps/demo/");
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_header(answer, "Content-Type"), "text/html; charset=utf-8");
    assert_string_equal(answer_header(answer, "Cache-Control"), "no-cache");
    assert_non_null(strstr(answer_header(answer, "Content-Security-Policy"), "worker-src"));
    free(answer);
    answer = client_get(site->fixture.port, "/apps/demo");
    assert_int_equal(answer_status(answer), 308);
    assert_string_equal(answer_header(answer, "Location"), "/apps/demo/");
    free(answer);
}

static void
test_pages_of_the_application_get_the_index(void **state)
{
    struct site *site = *state;
    char *answer = client_get(site->fixture.port, "/apps/demo/layers/enterprises");
    assert_int_equal(answer_status(answer), 200);
    assert_non_null(strstr(answer, "<title>map</title>"));
    free(answer);
    /* but what looks like a file or an interface does not */
    static const char *const missing[] = {"/apps/demo/assets/none.js", "/apps/demo/api/none"};
    for (size_t i = 0; i < 2; i++) {
        answer = client_get(site->fixture.port, missing[i]);
        assert_int_equal(answer_status(answer), 404);
        free(answer);
    }
}

static void
test_hashed_names_never_change(void **state)
{
    struct site *site = *state;
    char *answer = client_ask(site->fixture.port,
                              "GET /apps/demo/assets/app-DiwrgTda.js HTTP/1.1\r\nHost: a\r\n"
                              "Accept-Encoding: gzip\r\nConnection: close\r\n\r\n");
    assert_int_equal(answer_status(answer), 200);
    assert_non_null(strstr(answer_header(answer, "Cache-Control"), "immutable"));
    assert_string_equal(answer_header(answer, "Content-Encoding"), "gzip");
    free(answer);
    answer = client_get(site->fixture.port, "/apps/demo/assets/small.js");
    assert_string_equal(answer_header(answer, "Cache-Control"), "no-cache");
    assert_string_equal(answer_body(answer), "1");
    free(answer);
}

static void
test_known_tag_gives_304_and_a_new_file_a_new_tag(void **state)
{
    struct site *site = *state;
    char request[512];
    char tag[128];
    char *answer = client_get(site->fixture.port, "/apps/demo/assets/small.js");
    (void)snprintf(tag, sizeof tag, "%s", answer_header(answer, "ETag"));
    free(answer);
    (void)snprintf(request, sizeof request,
                   "GET /apps/demo/assets/small.js HTTP/1.1\r\nHost: a\r\nIf-None-Match: %s\r\n"
                   "Connection: close\r\n\r\n",
                   tag);
    answer = client_ask(site->fixture.port, request);
    assert_int_equal(answer_status(answer), 304);
    /* A browser puts the headers of a 304 over those of what it keeps: no policy of its own. */
    assert_null(answer_header(answer, "Content-Security-Policy"));
    free(answer);
    write_file(site->dir, "assets/small.js", "22", 1);
    answer = client_ask(site->fixture.port, request);
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_body(answer), "22");
    free(answer);
}

/* A worker lives under the policy of its script: with a stricter one its fetches would fail. */
static void
test_scripts_come_with_the_policy_of_pages(void **state)
{
    struct site *site = *state;
    char page[512];
    char *answer = client_get(site->fixture.port, "/apps/demo/");
    (void)snprintf(page, sizeof page, "%s", answer_header(answer, "Content-Security-Policy"));
    assert_non_null(strstr(page, "default-src 'self'"));
    free(answer);
    answer = client_get(site->fixture.port, "/apps/demo/assets/small.js");
    assert_string_equal(answer_header(answer, "Content-Security-Policy"), page);
    free(answer);
}

static void
test_nothing_outside_the_folder_is_served(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *path;
        int status;
    } tricks[] = {{"/apps/demo/.env", 404},          {"/apps/demo/link.txt", 404},
                  {"/apps/demo/assets", 200},        {"/apps/demo/assets/", 200},
                  {"/apps/demo/../x.txt", 400},      {"/apps/demo/%2e%2e/x.txt", 400},
                  {"/apps/demo/..%2fx.txt", 400},    {"/apps/demo//etc/passwd", 400},
                  {"/apps/demo/etc/passwd.txt", 404}};
    for (size_t i = 0; i < sizeof tricks / sizeof tricks[0]; i++) {
        char *answer = client_get(site->fixture.port, tricks[i].path);
        if (answer_status(answer) != tricks[i].status || strstr(answer, "secret") != NULL) {
            fail_msg("%s gave %s", tricks[i].path, answer);
        }
        free(answer);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix_gives_the_index),
        cmocka_unit_test(test_pages_of_the_application_get_the_index),
        cmocka_unit_test(test_hashed_names_never_change),
        cmocka_unit_test(test_known_tag_gives_304_and_a_new_file_a_new_tag),
        cmocka_unit_test(test_scripts_come_with_the_policy_of_pages),
        cmocka_unit_test(test_nothing_outside_the_folder_is_served),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
