/* tests/unit/http/test_http_stream.c -- streamed responses and stopping with them open. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fixture *
of(void **state)
{
    return *state;
}

static void
test_stream_arrives_whole(void **state)
{
    struct fixture *fixture = of(state);
    const int made = atomic_load(&fixture->producers_made);
    const int fd = client_connect(fixture->port);
    size_t len = 0;
    client_send_text(fd, "GET /stream?n=500000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char *answer = client_read(fd, 5000, &len);
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_header(answer, "Transfer-Encoding"), "chunked");
    char *body = (char *)(uintptr_t)answer_body(answer);
    assert_int_equal(answer_dechunk(body, len - (size_t)(body - answer)), 6000000);
    for (int i = 0; i < 500000; i += 9999) {
        assert_int_equal(strtol(body + (size_t)i * 12, NULL, 10), i);
    }
    free(answer);
    (void)close(fd);
    assert_int_equal(wait_until(&fixture->producers_released, made + 1, 1000), made + 1);
}

static void
test_short_stream_is_an_ordinary_answer(void **state)
{
    char *answer = client_get(of(state)->port, "/stream?n=10");
    assert_string_equal(answer_header(answer, "Content-Length"), "120");
    free(answer);
    answer = client_get(of(state)->port, "/stream?n=0");
    assert_string_equal(answer_header(answer, "Content-Length"), "0");
    free(answer);
}

static void
test_failure_at_the_start_is_a_problem(void **state)
{
    char *answer = client_get(of(state)->port, "/stream?n=100&fail=50");
    assert_int_equal(answer_status(answer), 500);
    assert_string_equal(answer_header(answer, "Content-Type"), "application/problem+json");
    free(answer);
}

static void
test_failure_in_the_middle_cuts_the_body(void **state)
{
    struct fixture *fixture = of(state);
    const int fd = client_connect(fixture->port);
    size_t len = 0;
    client_send_text(fd, "GET /stream?n=100000&fail=50000 HTTP/1.1\r\nHost: a\r\n\r\n");
    char *answer = client_read(fd, 5000, &len);
    assert_int_equal(answer_status(answer), 200);
    char *body = (char *)(uintptr_t)answer_body(answer);
    assert_int_equal(answer_dechunk(body, len - (size_t)(body - answer)), -1);
    free(answer);
    (void)close(fd);
    assert_int_equal(
        wait_until(&fixture->producers_released, atomic_load(&fixture->producers_made), 1000),
        atomic_load(&fixture->producers_made));
}

static void
test_head_of_a_stream_releases_the_producer(void **state)
{
    struct fixture *fixture = of(state);
    char *answer = client_ask(
        fixture->port, "HEAD /stream?n=500000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_body(answer), "");
    free(answer);
    assert_int_equal(
        wait_until(&fixture->producers_released, atomic_load(&fixture->producers_made), 1000),
        atomic_load(&fixture->producers_made));
}

static void
test_client_that_leaves_releases_the_producer(void **state)
{
    struct fixture *fixture = of(state);
    char piece[4096];
    const int fd = client_connect(fixture->port);
    client_send_text(fd, "GET /stream?n=50000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(recv(fd, piece, sizeof piece, 0) > 0);
    (void)close(fd);
    assert_int_equal(
        wait_until(&fixture->producers_released, atomic_load(&fixture->producers_made), 2000),
        atomic_load(&fixture->producers_made));
}

enum { SLOW = 200 };

/* 200 clients that read nothing of an endless answer, 4 workers: the others stay fast, and memory
 * stays small because nothing is produced for those who do not read. */
static void
test_slow_clients_do_not_slow_the_others(void **state)
{
    struct fixture crowd;
    struct host_http_options options = fixture_options(&crowd);
    int slow[SLOW];
    int64_t worst_ms = 0;
    (void)state;
    options.queue_max = SLOW;
    fixture_start(&crowd, &options);
    for (int i = 0; i < SLOW; i++) {
        slow[i] = client_connect(crowd.port);
        const int small = 4096;
        (void)setsockopt(slow[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        client_send_text(slow[i], "GET /stream?n=100000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    assert_int_equal(wait_until(&crowd.producers_made, SLOW, 10000), SLOW);
    for (int i = 0; i < 50; i++) {
        const int64_t before_ms = host_monotonic_ms();
        char *answer = client_get(crowd.port, i % 2 == 0 ? "/hello" : "/fast");
        const int64_t took_ms = host_monotonic_ms() - before_ms;
        assert_int_equal(answer_status(answer), 200);
        free(answer);
        worst_ms = took_ms > worst_ms ? took_ms : worst_ms;
    }
    assert_true(worst_ms < 1000);
    for (int i = 0; i < SLOW; i++) {
        (void)close(slow[i]);
    }
    assert_int_equal(wait_until(&crowd.producers_released, SLOW, 5000), SLOW);
    fixture_stop(&crowd, 500);
}

/* libmicrohttpd ends the process when a connection is suspended at its stop: streams that sleep,
 * handlers that run, requests that wait, bodies that are half there. */
static void
test_stop_with_everything_open(void **state)
{
    struct fixture busy;
    struct host_http_options options = fixture_options(&busy);
    int fds[40];
    (void)state;
    options.workers = 2;
    fixture_start(&busy, &options);
    for (int i = 0; i < 40; i++) {
        fds[i] = client_connect(busy.port);
        client_send_text(fds[i],
                         i < 10   ? "GET /stream?n=100000&pause=20000 HTTP/1.1\r\nHost: a\r\n\r\n"
                         : i < 20 ? "GET /stream?n=100000000 HTTP/1.1\r\nHost: a\r\n\r\n"
                         : i < 30 ? "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"
                                  : "POST /upload HTTP/1.1\r\nHost: a\r\n"
                                    "Content-Length: 2000000\r\n\r\nabc");
    }
    assert_int_equal(wait_until(&busy.handlers_running, 1, 3000), 1);
    const int64_t before_ms = host_monotonic_ms();
    host_http_stop(busy.http, 100);
    assert_true(host_monotonic_ms() - before_ms < 4000);
    assert_int_equal(atomic_load(&busy.producers_released), atomic_load(&busy.producers_made));
    int refused = 0;
    for (int i = 0; i < 40; i++) {
        char *answer = client_read(fds[i], 100, NULL);
        refused += answer_status(answer) == 503;
        free(answer);
        (void)close(fds[i]);
    }
    /* Those that waited or ran got an answer, no cut connection. */
    assert_true(refused >= 10);
    fixture_stop(&busy, 0);
}

static void
test_stop_lets_work_in_flight_finish(void **state)
{
    struct fixture calm;
    const struct host_http_options options = fixture_options(&calm);
    (void)state;
    fixture_start(&calm, &options);
    const int fd = client_connect(calm.port);
    client_send_text(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(wait_until(&calm.handlers_running, 1, 2000), 1);
    host_http_stop(calm.http, 5000);
    char *answer = client_read(fd, 500, NULL);
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_body(answer), "held");
    assert_string_equal(answer_header(answer, "Connection"), "close");
    free(answer);
    (void)close(fd);
    fixture_stop(&calm, 0);
}

static void
test_removed_routes_are_gone_and_their_streams_end(void **state)
{
    struct fixture *fixture = of(state);
    char piece[4096];
    const int fd = client_connect(fixture->port);
    client_send_text(fd, "GET /plugin-stream?n=4000000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(recv(fd, piece, sizeof piece, 0) > 0);
    host_http_remove_routes(fixture->http, "demo");
    char *answer = client_get(fixture->port, "/plugin-stream?n=1");
    assert_int_equal(answer_status(answer), 404);
    free(answer);
    const int64_t until_ms = host_monotonic_ms() + 9000;
    ssize_t n = 1;
    while (n > 0 && host_monotonic_ms() < until_ms) {
        n = recv(fd, piece, sizeof piece, 0);
    }
    assert_true(n <= 0);
    (void)close(fd);
    assert_int_equal(
        wait_until(&fixture->producers_released, atomic_load(&fixture->producers_made), 1000),
        atomic_load(&fixture->producers_made));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_arrives_whole),
        cmocka_unit_test(test_short_stream_is_an_ordinary_answer),
        cmocka_unit_test(test_failure_at_the_start_is_a_problem),
        cmocka_unit_test(test_failure_in_the_middle_cuts_the_body),
        cmocka_unit_test(test_head_of_a_stream_releases_the_producer),
        cmocka_unit_test(test_client_that_leaves_releases_the_producer),
        cmocka_unit_test(test_slow_clients_do_not_slow_the_others),
        cmocka_unit_test(test_stop_with_everything_open),
        cmocka_unit_test(test_stop_lets_work_in_flight_finish),
        cmocka_unit_test(test_removed_routes_are_gone_and_their_streams_end),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
