/* Whoever floods one lane, or asks for more than a share, leaves the others their pace. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FLOOD = 12, SETTLE_US = 200000 };

static void
open_many(int port, const char *path, const char *token, int *fds, int n)
{
    char request[200];
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", path, token);
    for (int i = 0; i < n; i++) {
        fds[i] = client_connect(port);
        client_send_text(fds[i], request);
    }
}

static void
close_many(const int *fds, int n)
{
    for (int i = 0; i < n; i++) {
        (void)close(fds[i]);
    }
}

static int
status_of(int port, const char *path, const char *token)
{
    char request[200];
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                   "Connection: close\r\n\r\n",
                   path, token);
    char *answer = client_ask(port, request);
    const int status = answer_status(answer);
    if (status == 429) {
        assert_non_null(answer_header(answer, "Retry-After"));
    }
    free(answer);
    return status;
}

static void
test_heavy_work_holds_half_of_the_workers(void **state)
{
    struct fixture *fixture = *state;
    int fds[FLOOD];
    open_many(fixture->port, "/hold-heavy", "a", fds, FLOOD);
    assert_int_equal(wait_until(&fixture->handlers_running, 2, 2000), 2);
    (void)usleep(SETTLE_US);
    assert_int_equal(atomic_load(&fixture->handlers_running), 2);
    assert_int_equal(status_of(fixture->port, "/hello", "b"), 200);
    assert_int_equal(status_of(fixture->port, "/tile", "b"), 200);
    close_many(fds, FLOOD);
}

static void
test_slow_reads_leave_one_worker_to_tiles(void **state)
{
    struct fixture *fixture = *state;
    int fds[FLOOD];
    open_many(fixture->port, "/hold", "a", fds, FLOOD);
    assert_int_equal(wait_until(&fixture->handlers_running, 3, 2000), 3);
    (void)usleep(SETTLE_US);
    assert_int_equal(atomic_load(&fixture->handlers_running), 3);
    assert_int_equal(status_of(fixture->port, "/tile", "b"), 200);
    close_many(fds, FLOOD);
}

static void
test_a_client_holds_its_share_and_no_more(void **state)
{
    struct fixture small;
    struct host_http_options options = fixture_options(&small);
    int fds[2];
    (void)state;
    options.client_max = 2;
    fixture_start(&small, &options);
    open_many(small.port, "/hold", "a", fds, 2);
    assert_int_equal(wait_until(&small.handlers_running, 2, 2000), 2);
    assert_int_equal(status_of(small.port, "/hello", "a"), 429);
    assert_int_equal(status_of(small.port, "/hello", "b"), 200);
    /* What needs no worker counts for nobody. */
    assert_int_equal(status_of(small.port, "/fast", "a"), 200);
    close_many(fds, 2);
    assert_int_equal(wait_until(&small.cancelled_seen, 2, 2000), 2);
    int status = 429;
    for (int i = 0; i < 50 && status == 429; i++) {
        status = status_of(small.port, "/hello", "a");
        (void)usleep(20000);
    }
    assert_int_equal(status, 200);
    fixture_stop(&small, 0);
}

/* Nobody has judged yet what they show. */
static void
test_made_up_tokens_are_no_more_clients(void **state)
{
    struct fixture small;
    struct host_http_options options = fixture_options(&small);
    int fds[4];
    (void)state;
    options.client_max = 2;
    options.workers = 6;
    fixture_start(&small, &options);
    open_many(small.port, "/hold", "a", fds, 2);
    open_many(small.port, "/hold", "b", fds + 2, 2);
    assert_int_equal(wait_until(&small.handlers_running, 4, 2000), 4);
    assert_int_equal(status_of(small.port, "/hello", "c"), 429);
    close_many(fds, 4);
    fixture_stop(&small, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_heavy_work_holds_half_of_the_workers, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_slow_reads_leave_one_worker_to_tiles, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test(test_a_client_holds_its_share_and_no_more),
        cmocka_unit_test(test_made_up_tokens_are_no_more_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
