/* tests/unit/http/fixture.h -- a server with handlers for tests, and a raw client. */
#ifndef TEST_HTTP_FIXTURE_H
#define TEST_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/base/clock.h"
#include "host/http/http.h"

#include <stdatomic.h>
#include <string.h>

struct fixture {
    struct host_http *http;
    struct host_clock *clock;
    char dir[64];
    int port;
    _Atomic int producers_made;
    _Atomic int producers_released;
    _Atomic int handlers_running;
    _Atomic int cancelled_seen;
};

/* Options of a small server: 4 workers, bodies 64 KiB, uploads 8 MiB. Change them, then start. */
struct host_http_options fixture_options(struct fixture *fixture);
void fixture_start(struct fixture *fixture, const struct host_http_options *options);
void fixture_stop(struct fixture *fixture, int64_t grace_ms);
/* A running server for a whole test: setup and teardown of CMocka. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* ---- raw client ---- */

int client_connect(int port);
void client_send(int fd, const void *data, size_t len);
void client_send_text(int fd, const char *text);
/* Reads until the server closes or `timeout_ms` pass without a byte; the caller frees. */
char *client_read(int fd, int timeout_ms, size_t *ret_len);
/* One request on a connection of its own; the caller frees the answer. */
char *client_ask(int port, const char *request);
/* "GET path" with Connection: close. */
char *client_get(int port, const char *path);
int answer_status(const char *answer);
/* Value of a header, into a buffer of the helper; NULL when absent. */
const char *answer_header(const char *answer, const char *name);
const char *answer_body(const char *answer);
/* Decodes a chunked body in place; -1 when it is not whole. */
long answer_dechunk(char *body, size_t len);
int wait_until(const _Atomic int *value, int wanted, int timeout_ms);

#endif
