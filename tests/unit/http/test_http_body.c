/* tests/unit/http/test_http_body.c -- request bodies: spooled, slow, half-sent, too large. */
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fixture *
of(void **state)
{
    return *state;
}

static uint8_t *
make_body(size_t len, uint32_t *ret_sum)
{
    uint8_t *body = malloc(len > 0 ? len : 1);
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        body[i] = (uint8_t)(i * 7 + (i >> 8U));
        sum = sum * 31 + body[i];
    }
    *ret_sum = sum;
    return body;
}

static void
expect_sum(const char *answer, size_t len, uint32_t sum)
{
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "%zu %u", len, sum);
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_body(answer), wanted);
}

static void
post_and_check(int port, const char *path, size_t len)
{
    char head[256];
    uint32_t sum = 0;
    uint8_t *body = make_body(len, &sum);
    const int fd = client_connect(port);
    (void)snprintf(head, sizeof head,
                   "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n"
                   "Connection: close\r\n\r\n",
                   path, len);
    client_send_text(fd, head);
    client_send(fd, body, len);
    char *answer = client_read(fd, 5000, NULL);
    expect_sum(answer, len, sum);
    free(answer);
    free(body);
    (void)close(fd);
}

static void
test_bodies_of_all_sizes_arrive_whole(void **state)
{
    /* around the memory block, the first allocation and the limits */
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 65535, 65536};
    static const size_t large[] = {65537,   1048575, 1048576, 1048577,
                                   2097152, 3000001, 8388607, 8388608};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        post_and_check(of(state)->port, "/echo", sizes[i]);
    }
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        post_and_check(of(state)->port, "/upload", large[i]);
    }
}

static void
send_chunked(int fd, const uint8_t *body, size_t len, size_t step)
{
    char size[32];
    for (size_t at = 0; at < len; at += step) {
        const size_t n = len - at < step ? len - at : step;
        (void)snprintf(size, sizeof size, "%zx\r\n", n);
        client_send_text(fd, size);
        client_send(fd, body + at, n);
        client_send_text(fd, "\r\n");
    }
}

static void
test_chunked_upload_is_spooled_whole(void **state)
{
    const size_t len = 5000003;
    uint32_t sum = 0;
    uint8_t *body = make_body(len, &sum);
    const int fd = client_connect(of(state)->port);
    client_send_text(fd, "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                         "Connection: close\r\n\r\n");
    send_chunked(fd, body, len, 100003);
    client_send_text(fd, "0\r\n\r\n");
    char *answer = client_read(fd, 5000, NULL);
    expect_sum(answer, len, sum);
    free(answer);
    free(body);
    (void)close(fd);
}

static void
test_body_file_holds_everything(void **state)
{
    static const size_t sizes[] = {5, 1048576, 2500000};
    for (size_t i = 0; i < 3; i++) {
        uint32_t sum = 0;
        char head[128];
        char wanted[32];
        uint8_t *body = make_body(sizes[i], &sum);
        const int fd = client_connect(of(state)->port);
        (void)snprintf(head, sizeof head,
                       "POST /file HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n"
                       "Connection: close\r\n\r\n",
                       sizes[i]);
        client_send_text(fd, head);
        client_send(fd, body, sizes[i]);
        char *answer = client_read(fd, 5000, NULL);
        (void)snprintf(wanted, sizeof wanted, "%zu", sizes[i]);
        assert_string_equal(answer_body(answer), wanted);
        free(answer);
        free(body);
        (void)close(fd);
    }
}

static void
test_length_over_the_limit_is_refused_before_the_body(void **state)
{
    char *answer = client_ask(of(state)->port, "POST /echo HTTP/1.1\r\nHost: a\r\n"
                                               "Content-Length: 65537\r\n"
                                               "Expect: 100-continue\r\n\r\n");
    assert_int_equal(answer_status(answer), 413);
    assert_null(strstr(answer, "100 Continue"));
    free(answer);
    /* Without waiting for leave: 20 MB follow, and the refusal arrives all the same. */
    const int fd = client_connect(of(state)->port);
    uint8_t *block = calloc(1, 1 << 20);
    client_send_text(fd, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 20971520\r\n\r\n");
    client_send(fd, block, 1 << 20);
    answer = client_read(fd, 3000, NULL);
    assert_int_equal(answer_status(answer), 413);
    assert_non_null(strstr(answer, "20971520"));
    free(answer);
    free(block);
    (void)close(fd);
}

static void
test_chunks_over_the_limit_are_refused_by_counting(void **state)
{
    const size_t len = 100000;
    uint32_t sum = 0;
    uint8_t *body = make_body(len, &sum);
    const int fd = client_connect(of(state)->port);
    client_send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    send_chunked(fd, body, len, 9000);
    char *answer = client_read(fd, 3000, NULL);
    assert_int_equal(answer_status(answer), 413);
    assert_non_null(strstr(answer, "65536"));
    free(answer);
    free(body);
    (void)close(fd);
}

static void
test_expect_continue_is_answered(void **state)
{
    const int fd = client_connect(of(state)->port);
    client_send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                         "Expect: 100-continue\r\nConnection: close\r\n\r\n");
    char *answer = client_read(fd, 300, NULL);
    assert_non_null(strstr(answer, "HTTP/1.1 100"));
    free(answer);
    client_send_text(fd, "hello");
    answer = client_read(fd, 3000, NULL);
    assert_int_equal(answer_status(answer), 200);
    free(answer);
    (void)close(fd);
}

/* One worker; a client that sends byte by byte must not hold it. */
static void
test_slow_bodies_hold_no_worker(void **state)
{
    struct fixture one;
    struct host_http_options options = fixture_options(&one);
    (void)state;
    options.workers = 1;
    fixture_start(&one, &options);
    int slow[20];
    for (int i = 0; i < 20; i++) {
        slow[i] = client_connect(one.port);
        client_send_text(slow[i], "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                                  "Connection: close\r\n\r\na");
    }
    const int64_t before_ms = host_monotonic_ms();
    char *answer = client_get(one.port, "/hello");
    assert_int_equal(answer_status(answer), 200);
    assert_true(host_monotonic_ms() - before_ms < 500);
    free(answer);
    for (int i = 0; i < 20; i++) {
        client_send_text(slow[i], "b");
    }
    for (int i = 0; i < 20; i++) {
        client_send_text(slow[i], "c");
        answer = client_read(slow[i], 3000, NULL);
        assert_int_equal(answer_status(answer), 200);
        free(answer);
        (void)close(slow[i]);
    }
    fixture_stop(&one, 100);
}

static void
test_dribbled_body_ends_with_408(void **state)
{
    struct fixture quick;
    struct host_http_options options = fixture_options(&quick);
    (void)state;
    options.request_timeout_ms = 300;
    fixture_start(&quick, &options);
    const int fd = client_connect(quick.port);
    client_send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        client_send_text(fd, "x");
        (void)usleep(40000);
    }
    char *answer = client_read(fd, 1000, NULL);
    assert_int_equal(answer_status(answer), 408);
    free(answer);
    (void)close(fd);
    fixture_stop(&quick, 100);
}

static void
test_half_sent_upload_leaves_no_file(void **state)
{
    struct fixture *fixture = of(state);
    struct host_http_stats before;
    struct host_http_stats after;
    uint8_t *block = calloc(1, 3 << 20);
    host_http_stats(fixture->http, &before);
    const int fd = client_connect(fixture->port);
    client_send_text(fd, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
    client_send(fd, block, 3 << 20);
    (void)usleep(100000);
    (void)close(fd);
    free(block);
    int n = 1;
    for (int i = 0; i < 100 && n > 0; i++) {
        DIR *dir = opendir(fixture->dir);
        n = 0;
        for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
            n += entry->d_name[0] != '.';
        }
        (void)closedir(dir);
        (void)usleep(10000);
    }
    assert_int_equal(n, 0);
    host_http_stats(fixture->http, &after);
    assert_int_equal(after.errors_5xx, before.errors_5xx); /* it left by itself */
}

static void
test_full_disk_is_said(void **state)
{
    struct fixture broken;
    struct host_http_options options = fixture_options(&broken);
    (void)state;
    options.spool_dir = "/nonexistent/spool";
    fixture_start(&broken, &options);
    uint8_t *block = calloc(1, 2 << 20);
    const int fd = client_connect(broken.port);
    client_send_text(fd, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 2097152\r\n"
                         "Connection: close\r\n\r\n");
    client_send(fd, block, 2 << 20);
    char *answer = client_read(fd, 3000, NULL);
    assert_int_equal(answer_status(answer), 500);
    free(answer);
    free(block);
    (void)close(fd);
    fixture_stop(&broken, 100);
}

/* A refusal with a small body keeps the connection for the next request. */
static void
test_connection_survives_a_refused_body(void **state)
{
    char *answer = client_ask(of(state)->port,
                              "POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                              "GET /mirror/9 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_int_equal(answer_status(answer), 404);
    assert_non_null(strstr(answer, "id=9\n"));
    free(answer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_of_all_sizes_arrive_whole),
        cmocka_unit_test(test_chunked_upload_is_spooled_whole),
        cmocka_unit_test(test_body_file_holds_everything),
        cmocka_unit_test(test_length_over_the_limit_is_refused_before_the_body),
        cmocka_unit_test(test_chunks_over_the_limit_are_refused_by_counting),
        cmocka_unit_test(test_expect_continue_is_answered),
        cmocka_unit_test(test_slow_bodies_hold_no_worker),
        cmocka_unit_test(test_dribbled_body_ends_with_408),
        cmocka_unit_test(test_half_sent_upload_leaves_no_file),
        cmocka_unit_test(test_full_disk_is_said),
        cmocka_unit_test(test_connection_survives_a_refused_body),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
