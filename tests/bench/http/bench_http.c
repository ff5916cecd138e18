/* tests/bench/http/bench_http.c -- a server of fixed answers for bench_http.sh: prints its port and
 * serves until its standard input closes.
 *
 *   /event   20 KB, answered on the event thread
 *   /worker  20 KB, through suspend, worker, resume
 *   /health  a line, on the event thread
 *   /stream  20 KB in five pieces by a producer
 */
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/http/http.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BODY_BYTES = 20480, PIECES = 5 };

static char s_body[BODY_BYTES];

static cim_status
answer_body(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    cim_blob body = {s_body, sizeof s_body, NULL, NULL};
    (void)self;
    (void)call;
    return host_http_respond(req, 200, "application/octet-stream", &body, err);
}

static cim_status
answer_line(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    cim_blob body = {"{\"status\":\"ok\"}", 15, NULL, NULL};
    (void)self;
    (void)call;
    return host_http_respond(req, 200, "application/json", &body, err);
}

static cim_status
produce(void *self, const cim_call *call, cim_http_writer *writer, int32_t *ret_more,
        cim_error *err)
{
    int *piece = self;
    (void)call;
    CIM_TRY(host_http_write(writer, s_body, BODY_BYTES / PIECES, err));
    *ret_more = ++*piece < PIECES ? CIM_HTTP_MORE : CIM_HTTP_END;
    return CIM_OK;
}

static cim_status
answer_stream(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const cim_http_producer producer = {.struct_size = sizeof producer,
                                        .self = calloc(1, sizeof(int)),
                                        .produce = produce,
                                        .release = free};
    (void)self;
    (void)call;
    return host_http_respond_stream(req, 200, "application/octet-stream", &producer, err);
}

static cim_status
add_routes(struct host_http *http, cim_error *err)
{
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/event",
         .flags = HOST_ROUTE_EVENT_THREAD,
         .handle = answer_body},
        {.method = "GET", .pattern = "/worker", .handle = answer_body},
        {.method = "GET",
         .pattern = "/health",
         .flags = HOST_ROUTE_EVENT_THREAD,
         .handle = answer_line},
        {.method = "GET", .pattern = "/stream", .handle = answer_stream},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        CIM_TRY(host_http_add_route(http, &routes[i], err));
    }
    return CIM_OK;
}

int
main(int argc, char **argv)
{
    struct host_clock *clock = host_clock_new(-1);
    const struct host_http_options options = {.address = "127.0.0.1",
                                              .event_threads =
                                                  argc > 1 ? (int32_t)strtol(argv[1], NULL, 10) : 1,
                                              .workers = 4,
                                              .max_connections = 4096,
                                              .queue_max = 4096,
                                              .max_body_bytes = 1 << 20,
                                              .max_upload_bytes = 1 << 20,
                                              .spool_dir = "/tmp",
                                              .request_timeout_ms = 30000,
                                              .idle_timeout_ms = 60000,
                                              .access_log = argc > 2,
                                              .clock = clock};
    struct host_http *http = NULL;
    cim_error err = {0};
    char byte;
    (void)signal(SIGPIPE, SIG_IGN);
    host_log_setup(CIM_LOG_INFO, HOST_LOG_JSON);
    memset(s_body, 'x', sizeof s_body);
    cim_status status = host_http_new(&options, &http, &err);
    if (status == CIM_OK) {
        status = add_routes(http, &err);
    }
    if (status == CIM_OK) {
        status = host_http_start(http, &err);
    }
    if (status != CIM_OK) {
        (void)fprintf(stderr, "%s\n", err.en);
        return 1;
    }
    printf("%d\n", (int)host_http_port(http));
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    host_http_stop(http, 500);
    host_http_free(http);
    host_clock_free(clock);
    return 0;
}
