/* host/http/server.c -- start and stop. */
#include "internal.h"

#include "cim/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LISTEN_BACKLOG = 1024,
    STOP_POLL_US = 2000,
    LAST_ANSWERS_MS = 1000, /* for the 503 of what waited to reach its client */
    DRAIN_IDLE_MS = 3000    /* a client that uses its connection does so within */
};

static bool
copy_text(const char **slot, const char *text)
{
    *slot = strdup(text != NULL ? text : "");
    return *slot != NULL;
}

static void
free_options(struct host_http_options *options)
{
    free((void *)options->address);
    free((void *)options->spool_dir);
    free((void *)options->hosts);
    free((void *)options->trusted_proxies);
    free((void *)options->admin_addresses);
}

cim_status
host_http_new(const struct host_http_options *options, struct host_http **ret_http, cim_error *err)
{
    struct host_http *http = calloc(1, sizeof *http);
    uint32_t seed = 0;
    if (http == NULL) {
        return cim_fail_nomem(err);
    }
    http->options = *options;
    /* All four, even after a failure: none may keep pointing at the caller's text. */
    int failed = 0;
    failed += !copy_text(&http->options.address, options->address);
    failed += !copy_text(&http->options.spool_dir, options->spool_dir);
    failed += !copy_text(&http->options.hosts, options->hosts);
    failed += !copy_text(&http->options.trusted_proxies, options->trusted_proxies);
    failed += !copy_text(&http->options.admin_addresses, options->admin_addresses);
    http->router = host_router_new();
    if (failed > 0 || http->router == NULL) {
        host_http_free(http);
        return cim_fail_nomem(err);
    }
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        seed = (uint32_t)host_monotonic_ms(); /* a prefix of request ids, no secret */
    }
    (void)snprintf(http->id_prefix, sizeof http->id_prefix, "%08x", (unsigned)seed);
    *ret_http = http;
    return CIM_OK;
}

void
host_http_free(struct host_http *http)
{
    if (http == NULL) {
        return;
    }
    host_http_stop(http, 0);
    host_router_free(http->router);
    host_static_free_all(http);
    free_options(&http->options);
    free(http);
}

cim_status
host_http_add_route(struct host_http *http, const struct host_route *route, cim_error *err)
{
    return host_router_add(http->router, route, err);
}

void
host_http_remove_routes(struct host_http *http, const char *plugin_id)
{
    host_router_remove_plugin(http->router, plugin_id);
}

struct each_route {
    void (*each)(void *arg, const struct host_route *route);
    void *arg;
};

static void
pass_route(void *arg, struct host_route_entry *entry)
{
    const struct each_route *pass = arg;
    pass->each(pass->arg, &entry->route);
}

void
host_http_each_route(struct host_http *http,
                     void (*each)(void *arg, const struct host_route *route), void *arg)
{
    struct each_route pass = {each, arg};
    host_router_each(http->router, pass_route, &pass);
}

int32_t
host_http_port(const struct host_http *http)
{
    return http->port;
}

/* ---- start ---- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int32_t
port_of(int fd)
{
    union address bound;
    socklen_t len = sizeof bound;
    memset(&bound, 0, sizeof bound);
    if (getsockname(fd, &bound.any, &len) != 0) {
        return 0;
    }
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

static cim_status
fail_listen(const char *address, int32_t port, const char *why, cim_error *err)
{
    char where[300];
    (void)snprintf(where, sizeof where, "%s:%d", address, (int)port);
    (void)cim_fail(err, CIM_E_IO, "http.port", where, "无法监听 %s：%s", "cannot listen on %s: %s",
                   where, why);
    return CIM_E_IO;
}

/* The address as the system wants it; 0: it is none. */
static socklen_t
parse_address(const char *text, int32_t port, union address *ret_address)
{
    const char *v4 = strcmp(text, "localhost") == 0 ? "127.0.0.1" : text;
    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, v4, &ret_address->v4.sin_addr) == 1) {
        ret_address->v4.sin_family = AF_INET;
        ret_address->v4.sin_port = htons((uint16_t)port);
        return sizeof ret_address->v4;
    }
    if (inet_pton(AF_INET6, text, &ret_address->v6.sin6_addr) == 1) {
        ret_address->v6.sin6_family = AF_INET6;
        ret_address->v6.sin6_port = htons((uint16_t)port);
        return sizeof ret_address->v6;
    }
    return 0;
}

cim_status
host_http_listen(const char *address, int32_t port, int *ret_fd, int32_t *ret_port, cim_error *err)
{
    union address parsed;
    const int on = 1;
    const socklen_t len = parse_address(address, port, &parsed);
    if (len == 0) {
        return fail_listen(address, port, "not an IP address", err);
    }
    const int fd = socket(parsed.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, &parsed.any, len) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        const int number = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return fail_listen(address, port, strerrorname_np(number), err);
    }
    *ret_fd = fd;
    *ret_port = port_of(fd);
    return CIM_OK;
}

__attribute__((format(printf, 2, 0))) static void
log_mhd(void *cls, const char *format, va_list args)
{
    char text[512];
    (void)cls;
    if (!host_log_enabled(CIM_LOG_DEBUG)) {
        return;
    }
    (void)vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    host_log(CIM_LOG_DEBUG, "http", "%s", text);
}

/* Targets are decoded by us, from the bytes that came. */
static size_t
keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *
start_daemon(struct host_http *http, int fd)
{
    const struct host_http_options *options = &http->options;
    const unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC;
    const unsigned idle_s = (unsigned)((options->idle_timeout_ms + 999) / 1000);
    const struct MHD_OptionItem pool[] = {
        {options->event_threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
         options->event_threads, NULL},
        {MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        flags, 0, NULL, NULL, host_event_request, http, MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, host_event_target, http,
        MHD_OPTION_NOTIFY_COMPLETED, host_event_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
        host_event_connection, http, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->max_connections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
        pool, MHD_OPTION_END);
}

cim_status
host_http_start(struct host_http *http, cim_error *err)
{
    const struct host_http_options *options = &http->options;
    int fd = options->listen_fd;
    if (fd > 0) {
        http->port = port_of(fd);
    } else {
        CIM_TRY(host_http_listen(options->address, options->port, &fd, &http->port, err));
    }
    if (options->access_log) {
        http->access_log = host_access_log_new();
    }
    http->clients = host_clients_new(options->client_max);
    cim_status status = http->clients == NULL || (options->access_log && http->access_log == NULL)
                            ? cim_fail_nomem(err)
                            : CIM_OK;
    if (status == CIM_OK) {
        status = host_watch_new(http, &http->watch, err);
    }
    if (status == CIM_OK) {
        status =
            host_pool_new(options->workers, options->queue_max, &options->gate, &http->pool, err);
    }
    if (status == CIM_OK) {
        http->daemon = start_daemon(http, fd);
        if (http->daemon == NULL) {
            status =
                fail_listen(options->address, options->port, "libmicrohttpd refused to start", err);
        }
    }
    if (status != CIM_OK) {
        if (http->daemon == NULL) {
            (void)close(fd);
        }
        host_http_stop(http, 0);
    }
    return status;
}

/* ---- stop ---- */

static void
wait_idle(struct host_http *http, int64_t until_ms)
{
    while (atomic_load(&http->in_flight) > 0 && host_monotonic_ms() < until_ms) {
        (void)usleep(STOP_POLL_US);
    }
}

/* libmicrohttpd ends the process if a connection is still suspended when it stops. Once `closing`
 * shows, nothing is suspended anew, so this comes to an end. */
static void
resume_all(struct host_http *http)
{
    while (host_watch_cut_streams(http->watch, false) > 0) {
        (void)usleep(STOP_POLL_US);
    }
}

void
host_http_drain(struct host_http *http, int64_t limit_ms)
{
    const int64_t began_ms = host_monotonic_ms();
    int64_t took_ms = 0;
    bool over = false;
    atomic_store(&http->draining, 1);
    http->quiesced_fd = MHD_quiesce_daemon(http->daemon);
    while (!over && took_ms < limit_ms) {
        (void)usleep(STOP_POLL_US);
        took_ms = host_monotonic_ms() - began_ms;
        if (took_ms > DRAIN_IDLE_MS) { /* event streams: their clients come back, and go on */
            (void)host_watch_cut_streams(http->watch, true);
        }
        over = atomic_load(&http->in_flight) == 0 &&
               (atomic_load(&http->connections) == 0 || took_ms > DRAIN_IDLE_MS);
    }
}

void
host_http_stop(struct host_http *http, int64_t grace_ms)
{
    MHD_socket listening = MHD_INVALID_SOCKET;
    atomic_store(&http->stopping, 1);
    if (http->daemon != NULL) {
        listening = MHD_quiesce_daemon(http->daemon);
        wait_idle(http, host_monotonic_ms() + grace_ms);
    }
    atomic_store(&http->closing, 1);
    if (http->watch != NULL) {
        (void)host_watch_cut_streams(http->watch, false);
    }
    if (http->pool != NULL) {
        host_pool_stop(http->pool);
    }
    if (http->daemon != NULL) {
        resume_all(http);
        wait_idle(http, host_monotonic_ms() + LAST_ANSWERS_MS);
        resume_all(http);
        MHD_stop_daemon(http->daemon);
        http->daemon = NULL;
    }
    if (listening != MHD_INVALID_SOCKET) {
        (void)close(listening);
    }
    if (http->quiesced_fd > 0) {
        (void)close(http->quiesced_fd);
        http->quiesced_fd = 0;
    }
    host_watch_free(http->watch);
    http->watch = NULL;
    host_pool_free(http->pool);
    http->pool = NULL;
    host_clients_free(http->clients);
    http->clients = NULL;
    host_access_log_free(http->access_log);
    http->access_log = NULL;
}
