/* tests/unit/http/fixture.c -- see fixture.h. */
#include "fixture.h"

#include "cim/util.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- handlers ---- */

static void
release_text(cim_blob *blob)
{
    free(blob->owner);
    *blob = (cim_blob){0};
}

static cim_status
respond_text(cim_http_req *req, const char *mime, const char *text, cim_error *err)
{
    char *copy = strdup(text);
    cim_blob blob = {copy, strlen(copy), release_text, copy};
    const cim_status status = host_http_respond(req, 200, mime, &blob, err);
    if (blob.release != NULL) {
        blob.release(&blob);
    }
    return status;
}

static cim_status
hello(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    (void)self;
    (void)call;
    return respond_text(req, "text/plain", "hello", err);
}

/* What the request said, one item a line. */
static cim_status
mirror(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    char text[2048];
    const char *id = host_http_path_param(req, "id");
    const char *q = host_http_query_param(req, "q");
    const char *cookie = host_http_cookie(req, "cim_session");
    (void)self;
    (void)snprintf(text, sizeof text,
                   "method=%s\npath=%s\nid=%s\nq=%s\ncookie=%s\nclient=%s\nbase=%s\nlang=%s\n",
                   host_http_method(req), host_http_path(req), id != NULL ? id : "-",
                   q != NULL ? q : "-", cookie != NULL ? cookie : "-",
                   host_http_client_address(req), host_http_base_url(req), call->lang);
    return respond_text(req, "text/plain", text, err);
}

static cim_status
big(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    char *text = malloc(20001);
    (void)self;
    (void)call;
    for (int i = 0; i < 20000; i++) {
        text[i] = (char)('a' + i % 7);
    }
    text[20000] = '\0';
    cim_blob blob = {text, 20000, release_text, text};
    return host_http_respond_etag(req, "\"v1\"", "application/json", &blob, err);
}

/* Length and a checksum of the body, read in odd pieces. */
static cim_status
echo(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    uint8_t piece[7777];
    uint64_t n = 0;
    uint64_t total = 0;
    uint32_t sum = 0;
    char text[64];
    (void)self;
    (void)call;
    do {
        CIM_TRY(host_http_read_body(req, piece, sizeof piece, &n, err));
        for (uint64_t i = 0; i < n; i++) {
            sum = sum * 31 + piece[i];
        }
        total += n;
    } while (n > 0);
    (void)snprintf(text, sizeof text, "%llu %u", (unsigned long long)total, sum);
    return respond_text(req, "text/plain", text, err);
}

static cim_status
body_file(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const char *path = NULL;
    char text[64];
    (void)self;
    (void)call;
    CIM_TRY(host_http_body_file(req, &path, err));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    (void)fseek(file, 0, SEEK_END);
    (void)snprintf(text, sizeof text, "%ld", ftell(file));
    (void)fclose(file);
    return respond_text(req, "text/plain", text, err);
}

static cim_status
refuse(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const char *how = host_http_path_param(req, "how");
    (void)self;
    (void)call;
    if (strcmp(how, "internal") == 0) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "秘密", "secret detail");
    }
    if (strcmp(how, "silent") == 0) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, "bbox", how, "应为四个数", "four numbers expected");
}

/* Holds a worker until the call is cancelled, or two seconds. */
static cim_status
hold(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct fixture *fixture = self;
    atomic_fetch_add(&fixture->handlers_running, 1);
    for (int i = 0; i < 400 && call->cancelled(call) == 0; i++) {
        (void)usleep(5000);
    }
    atomic_fetch_sub(&fixture->handlers_running, 1);
    if (call->cancelled(call) != 0) {
        atomic_fetch_add(&fixture->cancelled_seen, 1);
        return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "已取消", "cancelled");
    }
    return respond_text(req, "text/plain", "held", err);
}

struct numbers {
    struct fixture *fixture;
    int64_t next;
    int64_t end;
    int64_t fail_at;
    int64_t pause_us; /* of each piece, which is then one line */
};

static cim_status
produce_numbers(void *self, const cim_call *call, cim_http_writer *writer, int32_t *ret_more,
                cim_error *err)
{
    struct numbers *numbers = self;
    char line[32];
    (void)call;
    if (numbers->pause_us > 0) {
        (void)usleep((useconds_t)numbers->pause_us);
    }
    for (int i = 0; i < (numbers->pause_us > 0 ? 1 : 4096) && numbers->next < numbers->end; i++) {
        if (numbers->next == numbers->fail_at) {
            return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "中断", "broken off");
        }
        (void)snprintf(line, sizeof line, "%011lld\n", (long long)numbers->next++);
        CIM_TRY(host_http_write(writer, line, 12, err));
    }
    *ret_more = numbers->next < numbers->end ? CIM_HTTP_MORE : CIM_HTTP_END;
    return CIM_OK;
}

static void
release_numbers(void *self)
{
    struct numbers *numbers = self;
    atomic_fetch_add(&numbers->fixture->producers_released, 1);
    free(numbers);
}

/* ?n= lines of 12 bytes; ?fail= the line at which it breaks; ?pause= microseconds a line. */
static cim_status
stream(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct fixture *fixture = self;
    const char *n = host_http_query_param(req, "n");
    const char *fail_at = host_http_query_param(req, "fail");
    const char *pause = host_http_query_param(req, "pause");
    struct numbers *numbers = calloc(1, sizeof *numbers);
    (void)call;
    numbers->pause_us = pause != NULL ? strtoll(pause, NULL, 10) : 0;
    numbers->fixture = fixture;
    numbers->end = strtoll(n, NULL, 10);
    numbers->fail_at = fail_at != NULL ? strtoll(fail_at, NULL, 10) : -1;
    atomic_fetch_add(&fixture->producers_made, 1);
    const cim_http_producer producer = {.struct_size = sizeof producer,
                                        .self = numbers,
                                        .produce = produce_numbers,
                                        .release = release_numbers};
    return host_http_respond_stream(req, 200, "text/csv", &producer, err);
}

static void
add_routes(struct fixture *fixture)
{
    const struct host_route routes[] = {
        {.method = "GET", .pattern = "/hello", .handle = hello},
        {.method = "GET", .pattern = "/fast", .flags = HOST_ROUTE_EVENT_THREAD, .handle = hello},
        {.method = "GET", .pattern = "/mirror/{id}", .handle = mirror},
        {.method = "GET", .pattern = "/mirror/{id}/below/{rest*}", .handle = mirror},
        {.method = "GET", .pattern = "/big", .handle = big},
        {.method = "POST", .pattern = "/echo", .handle = echo},
        {.method = "POST", .pattern = "/upload", .flags = HOST_ROUTE_LARGE_BODY, .handle = echo},
        {.method = "POST", .pattern = "/file", .flags = HOST_ROUTE_LARGE_BODY, .handle = body_file},
        {.method = "GET", .pattern = "/fail/{how}", .handle = refuse},
        {.method = "GET", .pattern = "/hold", .handle = hold},
        {.method = "GET", .pattern = "/hold-heavy", .flags = HOST_ROUTE_HEAVY, .handle = hold},
        {.method = "GET", .pattern = "/tile", .flags = HOST_ROUTE_TILE, .handle = hello},
        {.method = "GET", .pattern = "/stream", .handle = stream},
        {.method = "GET", .pattern = "/plugin-stream", .handle = stream, .plugin_id = "demo"},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct host_route route = routes[i];
        cim_error err = {0};
        route.self = fixture;
        assert_int_equal(host_http_add_route(fixture->http, &route, &err), CIM_OK);
    }
}

/* ---- the server ---- */

struct host_http_options
fixture_options(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    (void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/cim-http-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    fixture->clock = host_clock_new(-1);
    return (struct host_http_options){.address = "127.0.0.1",
                                      .event_threads = 1,
                                      .workers = 4,
                                      .max_connections = 1000,
                                      .queue_max = 64,
                                      .max_body_bytes = 64 << 10,
                                      .max_upload_bytes = 8 << 20,
                                      .spool_dir = fixture->dir,
                                      .request_timeout_ms = 10000,
                                      .idle_timeout_ms = 10000,
                                      .clock = fixture->clock};
}

void
fixture_start(struct fixture *fixture, const struct host_http_options *options)
{
    cim_error err = {0};
    assert_int_equal(host_http_new(options, &fixture->http, &err), CIM_OK);
    add_routes(fixture);
    if (host_http_start(fixture->http, &err) != CIM_OK) {
        fail_msg("%s", err.en);
    }
    fixture->port = host_http_port(fixture->http);
}

void
fixture_stop(struct fixture *fixture, int64_t grace_ms)
{
    host_http_stop(fixture->http, grace_ms);
    host_http_free(fixture->http);
    host_clock_free(fixture->clock);
    /* Fails when a spool file was left behind. */
    assert_int_equal(rmdir(fixture->dir), 0);
}

int
fixture_setup(void **state)
{
    struct fixture *fixture = malloc(sizeof *fixture);
    const struct host_http_options options = fixture_options(fixture);
    fixture_start(fixture, &options);
    *state = fixture;
    return 0;
}

int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture_stop(fixture, 200);
    free(fixture);
    return 0;
}

/* ---- raw client ---- */

int
client_connect(int port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void
client_send(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        const ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return; /* the server has said its word; the answer will tell */
        }
        at += n;
        len -= (size_t)n;
    }
}

void
client_send_text(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

char *
client_read(int fd, int timeout_ms, size_t *ret_len)
{
    size_t capacity = 1 << 16;
    size_t len = 0;
    char *text = malloc(capacity + 1);
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, timeout_ms) <= 0) {
            break;
        }
        if (len == capacity) {
            capacity *= 2;
            text = realloc(text, capacity + 1);
        }
        const ssize_t n = recv(fd, text + len, capacity - len, 0);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
    }
    text[len] = '\0';
    if (ret_len != NULL) {
        *ret_len = len;
    }
    return text;
}

char *
client_ask(int port, const char *request)
{
    const int fd = client_connect(port);
    client_send_text(fd, request);
    char *answer = client_read(fd, 5000, NULL);
    (void)close(fd);
    return answer;
}

char *
client_get(int port, const char *path)
{
    char request[4096];
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    return client_ask(port, request);
}

int
answer_status(const char *answer)
{
    return strncmp(answer, "HTTP/1.", 7) == 0 ? (int)strtol(answer + 9, NULL, 10) : -1;
}

const char *
answer_header(const char *answer, const char *name)
{
    static _Thread_local char value[1024];
    const size_t len = strlen(name);
    const char *end = strstr(answer, "\r\n\r\n");
    for (const char *line = strstr(answer, "\r\n"); line != NULL && line < end;
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            const char *from = line + 2 + len + 1 + strspn(line + 2 + len + 1, " ");
            const size_t n = strcspn(from, "\r");
            (void)snprintf(value, sizeof value, "%.*s", (int)n, from);
            return value;
        }
    }
    return NULL;
}

const char *
answer_body(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    return end != NULL ? end + 4 : "";
}

long
answer_dechunk(char *body, size_t len)
{
    size_t at = 0;
    size_t out = 0;
    for (;;) {
        char *end = NULL;
        const unsigned long size = strtoul(body + at, &end, 16);
        if (end == body + at || end[0] != '\r' || end[1] != '\n') {
            return -1;
        }
        at = (size_t)(end - body) + 2;
        if (size == 0) {
            return (long)out;
        }
        if (at + size + 2 > len) {
            return -1;
        }
        memmove(body + out, body + at, size);
        out += size;
        at += size + 2;
    }
}

int
wait_until(const _Atomic int *value, int wanted, int timeout_ms)
{
    for (int waited = 0; waited < timeout_ms && atomic_load(value) != wanted; waited += 5) {
        (void)usleep(5000);
    }
    return atomic_load(value);
}
