/* tests/unit/http/test_http_basic.c -- requests and answers over a raw socket. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct fixture *
of(void **state)
{
    return *state;
}

static void
test_hello_has_body_and_security_headers(void **state)
{
    char *answer = client_get(of(state)->port, "/hello");
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_body(answer), "hello");
    assert_string_equal(answer_header(answer, "Content-Type"), "text/plain");
    assert_string_equal(answer_header(answer, "X-Content-Type-Options"), "nosniff");
    assert_non_null(strstr(answer_header(answer, "Content-Security-Policy"), "frame-ancestors"));
    assert_non_null(answer_header(answer, "Referrer-Policy"));
    assert_string_equal(answer_header(answer, "Cache-Control"), "no-store");
    assert_non_null(answer_header(answer, "X-Request-Id"));
    free(answer);
}

static void
test_event_thread_route_answers(void **state)
{
    char *answer = client_get(of(state)->port, "/fast");
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_body(answer), "hello");
    free(answer);
}

static void
test_head_has_length_and_no_body(void **state)
{
    char *answer =
        client_ask(of(state)->port, "HEAD /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_header(answer, "Content-Length"), "20000");
    assert_string_equal(answer_body(answer), "");
    free(answer);
}

static void
test_pipelined_requests_are_answered_in_order(void **state)
{
    char *answer = client_ask(of(state)->port, "GET /mirror/1 HTTP/1.1\r\nHost: a\r\n\r\n"
                                               "GET /mirror/2 HTTP/1.1\r\nHost: a\r\n\r\n"
                                               "GET /fast HTTP/1.1\r\nHost: a\r\n\r\n"
                                               "GET /mirror/3 HTTP/1.1\r\nHost: a\r\n"
                                               "Connection: close\r\n\r\n");
    const char *first = strstr(answer, "id=1\n");
    const char *second = strstr(answer, "id=2\n");
    const char *fast = strstr(answer, "hello");
    const char *third = strstr(answer, "id=3\n");
    assert_true(first != NULL && first < second && second < fast && fast < third);
    free(answer);
}

static void
test_values_are_decoded(void **state)
{
    char *answer = client_ask(of(state)->port,
                              "GET /mirror/%E6%B5%B7%E5%8F%A3?q=a%26b+c&x=1 HTTP/1.1\r\n"
                              "Host: map.example:8080\r\nCookie: a=b; cim_session=t0k; c=d\r\n"
                              "Accept-Language: en-GB,zh\r\nConnection: close\r\n\r\n");
    assert_int_equal(answer_status(answer), 200);
    assert_non_null(strstr(answer, "id=海口\n"));
    assert_non_null(strstr(answer, "path=/mirror/海口\n"));
    assert_non_null(strstr(answer, "q=a&b c\n"));
    assert_non_null(strstr(answer, "cookie=t0k\n"));
    assert_non_null(strstr(answer, "client=127.0.0.1\n"));
    assert_non_null(strstr(answer, "base=http://map.example:8080\n"));
    assert_non_null(strstr(answer, "lang=en\n"));
    free(answer);
}

static void
test_request_id_is_kept_when_sane(void **state)
{
    char *kept = client_ask(of(state)->port, "GET /hello HTTP/1.1\r\nHost: a\r\n"
                                             "X-Request-Id: trace-0001.a\r\n"
                                             "Connection: close\r\n\r\n");
    char *replaced = client_ask(of(state)->port, "GET /hello HTTP/1.1\r\nHost: a\r\n"
                                                 "X-Request-Id: <script>12345\r\n"
                                                 "Connection: close\r\n\r\n");
    assert_string_equal(answer_header(kept, "X-Request-Id"), "trace-0001.a");
    assert_null(strstr(answer_header(replaced, "X-Request-Id"), "script"));
    free(kept);
    free(replaced);
}

struct refusal {
    const char *request;
    int status;
    const char *text; /* in the answer */
};

static const struct refusal REFUSALS[] = {
    {"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404, "/nothing"},
    {"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 405,
     "Allow: GET, HEAD"},
    {"DELETE /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405, "Allow: POST"},
    {"BREW /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 501, "BREW"},
    {"TRACE /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 501, "TRACE"},
    /* escapes and path tricks */
    {"GET /mirror/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "\"param\":\"path\""},
    {"GET /mirror/%2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "path"},
    {"GET /mirror/%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "path"},
    {"GET /mirror/%c0%ae HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "path"},
    {"GET /mirror/%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "path"},
    {"GET /mirror/a%2fb HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "path"},
    {"GET /mirror/a%5cb HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "path"},
    {"GET /mirror/../hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "path"},
    {"GET /mirror/%2e%2e/hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "path"},
    {"GET //hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "path"},
    {"GET /mirror/x?q=%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400,
     "\"param\":\"q\""},
    {"GET hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, ""},
    /* whom we talk to */
    {"GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n", 400, ""},
    {"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", 400, "Host"},
    {"GET /hello HTTP/1.1\r\nHost: a/../b\r\nConnection: close\r\n\r\n", 400, "Host"},
    {"GET /hello HTTP/1.1\r\nHost: a:99999\r\nConnection: close\r\n\r\n", 400, "Host"},
    /* shapes that a proxy might cut elsewhere */
    {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
     400, "Content-Length"},
    {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400,
     ""},
    {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400,
     ""},
    {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello", 400, ""},
    {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\nhello", 400, ""},
    {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n"
     "Connection: close\r\n\r\nhello",
     415, "Content-Encoding"},
};

static void
test_bad_requests_are_refused(void **state)
{
    for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
        const struct refusal *refusal = &REFUSALS[i];
        char *answer = client_ask(of(state)->port, refusal->request);
        if (answer_status(answer) != refusal->status || strstr(answer, refusal->text) == NULL ||
            strstr(answer, "\r\n\r\nhello") != NULL) {
            fail_msg("request %zu:\n%s\ngave\n%s", i, refusal->request, answer);
        }
        free(answer);
    }
}

/* The second request of a smuggling attempt must not be served. */
static void
test_connection_closes_after_a_smuggling_shape(void **state)
{
    char *answer = client_ask(of(state)->port, REFUSALS[21].request);
    assert_int_equal(answer_status(answer), 400);
    assert_null(strstr(answer + 1, "HTTP/1.1 200"));
    free(answer);
}

static void
test_long_targets_and_heads_are_refused(void **state)
{
    char *request = malloc(80000);
    (void)snprintf(request, 80000, "GET /mirror/");
    memset(request + 12, 'a', 9000);
    (void)snprintf(request + 9012, 100, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char *answer = client_ask(of(state)->port, request);
    assert_int_equal(answer_status(answer), 414);
    free(answer);
    int n = snprintf(request, 80000, "GET /hello HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 150; i++) {
        n += snprintf(request + n, 80000 - (size_t)n, "X-H%d: v\r\n", i);
    }
    (void)snprintf(request + n, 80000 - (size_t)n, "\r\n");
    answer = client_ask(of(state)->port, request);
    assert_int_equal(answer_status(answer), 431);
    free(answer);
    n = snprintf(request, 80000, "GET /hello HTTP/1.1\r\nHost: a\r\nX-Long: ");
    memset(request + n, 'a', 70000);
    (void)snprintf(request + n + 70000, 9, "\r\n\r\n");
    answer = client_ask(of(state)->port, request);
    assert_int_equal(answer_status(answer), 431);
    free(answer);
    free(request);
}

static void
test_options_says_what_is_allowed(void **state)
{
    char *answer = client_ask(of(state)->port, "OPTIONS /hello HTTP/1.1\r\nHost: a\r\n"
                                               "Connection: close\r\n\r\n");
    assert_int_equal(answer_status(answer), 204);
    assert_string_equal(answer_header(answer, "Allow"), "GET, HEAD");
    free(answer);
}

static void
test_problems_are_bilingual_and_hide_what_is_inside(void **state)
{
    char *answer = client_get(of(state)->port, "/fail/1,2");
    assert_int_equal(answer_status(answer), 400);
    assert_string_equal(answer_header(answer, "Content-Type"), "application/problem+json");
    assert_non_null(strstr(answer, "\"detail\":\"应为四个数\""));
    assert_non_null(strstr(answer, "\"detail_en\":\"four numbers expected\""));
    assert_non_null(strstr(answer, "\"param\":\"bbox\",\"value\":\"1,2\""));
    assert_non_null(strstr(answer, answer_header(answer, "X-Request-Id")));
    free(answer);
    answer = client_get(of(state)->port, "/fail/internal");
    assert_int_equal(answer_status(answer), 500);
    assert_null(strstr(answer, "secret"));
    free(answer);
    answer = client_get(of(state)->port, "/fail/silent");
    assert_int_equal(answer_status(answer), 500);
    free(answer);
}

static void
test_gzip_where_the_client_takes_it(void **state)
{
    char *packed = client_ask(of(state)->port, "GET /big HTTP/1.1\r\nHost: a\r\n"
                                               "Accept-Encoding: br, gzip;q=0.5\r\n"
                                               "Connection: close\r\n\r\n");
    assert_int_equal(answer_status(packed), 200);
    assert_string_equal(answer_header(packed, "Content-Encoding"), "gzip");
    assert_string_equal(answer_header(packed, "ETag"), "\"v1-gz\"");
    assert_string_equal(answer_header(packed, "Vary"), "Accept-Encoding");
    assert_true(strtol(answer_header(packed, "Content-Length"), NULL, 10) < 1000);
    free(packed);
    char *plain = client_ask(of(state)->port, "GET /big HTTP/1.1\r\nHost: a\r\n"
                                              "Accept-Encoding: gzip;q=0\r\n"
                                              "Connection: close\r\n\r\n");
    assert_null(answer_header(plain, "Content-Encoding"));
    assert_string_equal(answer_header(plain, "Content-Length"), "20000");
    free(plain);
}

static void
test_known_etag_gives_304(void **state)
{
    char *answer = client_ask(of(state)->port, "GET /big HTTP/1.1\r\nHost: a\r\n"
                                               "If-None-Match: \"v0\", W/\"v1-gz\"\r\n"
                                               "Connection: close\r\n\r\n");
    assert_int_equal(answer_status(answer), 304);
    assert_string_equal(answer_body(answer), "");
    assert_string_equal(answer_header(answer, "ETag"), "\"v1\"");
    free(answer);
    answer = client_ask(of(state)->port, "GET /big HTTP/1.1\r\nHost: a\r\n"
                                         "If-None-Match: \"v\"\r\nConnection: close\r\n\r\n");
    assert_int_equal(answer_status(answer), 200);
    free(answer);
}

static void
test_queue_full_gives_503_with_retry_after(void **state)
{
    struct fixture small;
    struct host_http_options options = fixture_options(&small);
    (void)state;
    options.workers = 1;
    options.queue_max = 1;
    fixture_start(&small, &options);
    const int first = client_connect(small.port);
    client_send_text(first, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(wait_until(&small.handlers_running, 1, 2000), 1);
    const int second = client_connect(small.port);
    client_send_text(second, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    (void)usleep(100000);
    char *answer = client_get(small.port, "/hello");
    assert_int_equal(answer_status(answer), 503);
    assert_non_null(answer_header(answer, "Retry-After"));
    free(answer);
    /* What needs no worker is still served. */
    answer = client_get(small.port, "/fast");
    assert_int_equal(answer_status(answer), 200);
    free(answer);
    struct host_http_stats stats;
    host_http_stats(small.http, &stats);
    assert_int_equal(stats.refused_busy, 1);
    (void)close(first);
    (void)close(second);
    fixture_stop(&small, 0);
}

static void
test_handler_learns_that_the_client_has_left(void **state)
{
    struct fixture *fixture = of(state);
    const int fd = client_connect(fixture->port);
    client_send_text(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(wait_until(&fixture->handlers_running, 1, 2000), 1);
    (void)close(fd);
    assert_int_equal(wait_until(&fixture->cancelled_seen, 1, 1500), 1);
}

static void
test_handler_is_cancelled_at_the_time_limit(void **state)
{
    struct fixture quick;
    struct host_http_options options = fixture_options(&quick);
    (void)state;
    options.request_timeout_ms = 200;
    fixture_start(&quick, &options);
    char *answer = client_get(quick.port, "/hold");
    assert_int_equal(answer_status(answer), 503);
    assert_int_equal(atomic_load(&quick.cancelled_seen), 1);
    free(answer);
    fixture_stop(&quick, 100);
}

static void
test_only_listed_hosts_and_trusted_proxies(void **state)
{
    struct fixture strict;
    struct host_http_options options = fixture_options(&strict);
    (void)state;
    options.hosts = "map.example, localhost";
    options.trusted_proxies = "127.0.0.0/8";
    fixture_start(&strict, &options);
    char *answer = client_ask(strict.port, "GET /mirror/1 HTTP/1.1\r\nHost: evil.example\r\n"
                                           "Connection: close\r\n\r\n");
    assert_int_equal(answer_status(answer), 421);
    free(answer);
    answer = client_ask(strict.port, "GET /mirror/1 HTTP/1.1\r\nHost: map.example\r\n"
                                     "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 127.0.0.2\r\n"
                                     "X-Forwarded-Proto: https\r\nX-Forwarded-Host: cim.example\r\n"
                                     "Connection: close\r\n\r\n");
    assert_non_null(strstr(answer, "client=203.0.113.9\n"));
    assert_non_null(strstr(answer, "base=https://cim.example\n"));
    free(answer);
    fixture_stop(&strict, 100);
}

/* /admin however it is spelled; who stands behind our proxy counts, not who says so himself. */
static void
test_admin_is_for_listed_addresses(void **state)
{
    static const struct {
        const char *path;
        const char *forwarded;
        bool refused;
    } cases[] = {
        {"/admin", "198.51.100.7", false},
        {"/admin/api/x", "198.51.100.7", false},
        {"/admin", "203.0.113.9", true},
        {"/admin/", "203.0.113.9", true},
        {"/%61dmin/api/x", "203.0.113.9", true},
        {"/admin/api/x", "198.51.100.7, 203.0.113.9", true},
        {"/administration", "203.0.113.9", false},
        {"/hello", "203.0.113.9", false},
    };
    struct fixture strict;
    struct host_http_options options = fixture_options(&strict);
    (void)state;
    options.trusted_proxies = "127.0.0.0/8";
    options.admin_addresses = "198.51.100.0/24";
    fixture_start(&strict, &options);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char request[300];
        (void)snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: %s\r\n"
                       "Connection: close\r\n\r\n",
                       cases[i].path, cases[i].forwarded);
        char *answer = client_ask(strict.port, request);
        const int status = answer_status(answer);
        if ((status == 403) != cases[i].refused) {
            fail_msg("%s from %s: %d", cases[i].path, cases[i].forwarded, status);
        }
        free(answer);
    }
    fixture_stop(&strict, 100);
}

static void
test_slow_head_does_not_hold_others(void **state)
{
    struct fixture *fixture = of(state);
    const int fd = client_connect(fixture->port);
    client_send_text(fd, "GET /hello HTTP/1.1\r\nHo");
    char *answer = client_get(fixture->port, "/hello");
    assert_int_equal(answer_status(answer), 200);
    free(answer);
    client_send_text(fd, "st: a\r\nConnection: close\r\n\r\n");
    answer = client_read(fd, 2000, NULL);
    assert_int_equal(answer_status(answer), 200);
    free(answer);
    (void)close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_has_body_and_security_headers),
        cmocka_unit_test(test_event_thread_route_answers),
        cmocka_unit_test(test_head_has_length_and_no_body),
        cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_values_are_decoded),
        cmocka_unit_test(test_request_id_is_kept_when_sane),
        cmocka_unit_test(test_bad_requests_are_refused),
        cmocka_unit_test(test_connection_closes_after_a_smuggling_shape),
        cmocka_unit_test(test_long_targets_and_heads_are_refused),
        cmocka_unit_test(test_options_says_what_is_allowed),
        cmocka_unit_test(test_problems_are_bilingual_and_hide_what_is_inside),
        cmocka_unit_test(test_gzip_where_the_client_takes_it),
        cmocka_unit_test(test_known_etag_gives_304),
        cmocka_unit_test(test_queue_full_gives_503_with_retry_after),
        cmocka_unit_test(test_handler_learns_that_the_client_has_left),
        cmocka_unit_test(test_handler_is_cancelled_at_the_time_limit),
        cmocka_unit_test(test_only_listed_hosts_and_trusted_proxies),
        cmocka_unit_test(test_admin_is_for_listed_addresses),
        cmocka_unit_test(test_slow_head_does_not_hold_others),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
