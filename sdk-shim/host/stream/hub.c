/* host/stream/hub.c -- follows the change log and wakes the streams. */
#include "host/stream/internal.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/http/http.h"
#include "host/store/store.h"

#include <stdlib.h>
#include <time.h>

enum {
    /* Asking for the position costs a load from memory; what happens in between travels together.
     */
    TICK_MS = 20,
    CLIENTS_PER_MS = 50, /* so that serving all of them leaves time for others */
    PAGE = 1024
};

/* Wakes all; who has nothing to say goes back to sleep. Returns how many there are. */
static int64_t
wake_all(struct host_streams *streams)
{
    (void)pthread_mutex_lock(&streams->lock);
    const int64_t n = streams->n_clients;
    for (struct host_stream_client *client = streams->clients; client != NULL;
         client = client->next) {
        if (client->ready) {
            host_http_wake(client->req);
        }
    }
    (void)pthread_mutex_unlock(&streams->lock);
    return n;
}

static void
sleep_ms(int64_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static void
keep(struct host_streams *streams, const struct host_change *changes, int32_t n)
{
    (void)pthread_mutex_lock(&streams->lock);
    for (int32_t i = 0; i < n; i++) {
        streams->recent[changes[i].pos % HOST_STREAM_RECENT_MAX] = changes[i];
    }
    streams->newest = changes[n - 1].pos;
    if (streams->newest - streams->oldest >= HOST_STREAM_RECENT_MAX) {
        streams->oldest = streams->newest - HOST_STREAM_RECENT_MAX + 1;
    }
    (void)pthread_mutex_unlock(&streams->lock);
}

/* Takes up everything that was committed since. Only this thread moves `newest`. */
static cim_status
follow(struct host_streams *streams, struct host_change *page, cim_error *err)
{
    while (streams->newest < host_store_pos(streams->app->store)) {
        int32_t n = 0;
        CIM_TRY(host_changes_read(streams, streams->newest, PAGE, page, &n, err));
        if (n == 0) {
            return CIM_OK;
        }
        keep(streams, page, n);
    }
    return CIM_OK;
}

static void *
run(void *arg)
{
    struct host_streams *streams = arg;
    struct host_change *page = calloc(PAGE, sizeof *page);
    int64_t woken_ms = host_monotonic_ms();
    bool failing = false;
    while (page != NULL && !atomic_load(&streams->stopped)) {
        const int64_t before = streams->newest;
        cim_error err = {0};
        sleep_ms(TICK_MS);
        const bool failed = follow(streams, page, &err) != CIM_OK;
        if (failed && !failing) {
            host_log_error("stream", "change log", &err);
        }
        failing = failed;
        if (streams->newest > before || host_monotonic_ms() - woken_ms >= HOST_STREAM_RECHECK_MS) {
            sleep_ms(wake_all(streams) / CLIENTS_PER_MS);
            woken_ms = host_monotonic_ms();
        }
    }
    free(page);
    return NULL;
}

cim_status
host_streams_new(struct host_app *app, struct host_streams **ret_streams, cim_error *err)
{
    struct host_streams *streams = calloc(1, sizeof *streams);
    if (streams == NULL) {
        return cim_fail_nomem(err);
    }
    (void)pthread_mutex_init(&streams->lock, NULL);
    streams->app = app;
    streams->max_clients = host_config_int(app->config, "stream.max_clients");
    streams->max_per_account = host_config_int(app->config, "stream.max_per_account");
    streams->newest = host_store_pos(app->store);
    streams->oldest = streams->newest + 1;
    streams->recent = calloc(HOST_STREAM_RECENT_MAX, sizeof *streams->recent);
    if (streams->recent == NULL) {
        host_streams_free(streams);
        return cim_fail_nomem(err);
    }
    if (pthread_create(&streams->thread, NULL, run, streams) != 0) {
        host_streams_free(streams);
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "无法启动推送线程",
                        "cannot start the thread of the streams");
    }
    streams->running = true;
    *ret_streams = streams;
    return CIM_OK;
}

void
host_streams_stop(struct host_streams *streams)
{
    if (streams != NULL && streams->running) {
        atomic_store(&streams->stopped, true);
        (void)pthread_join(streams->thread, NULL);
        streams->running = false;
    }
}

void
host_streams_free(struct host_streams *streams)
{
    if (streams == NULL) {
        return;
    }
    host_streams_stop(streams);
    (void)pthread_mutex_destroy(&streams->lock);
    free(streams->recent);
    free(streams);
}

void
host_streams_stats(struct host_streams *streams, struct host_streams_stats *ret_stats)
{
    (void)pthread_mutex_lock(&streams->lock);
    ret_stats->open = streams->n_clients;
    (void)pthread_mutex_unlock(&streams->lock);
    ret_stats->events = atomic_load(&streams->n_events);
    ret_stats->refused = atomic_load(&streams->n_refused);
}

cim_status
host_streams_add_routes(struct host_streams *streams, cim_error *err)
{
    static const struct host_route_param params[] = {
        {"layers", "query", "{\"type\":\"string\"}", "只要这些图层，逗号分隔；缺省为全部可见图层",
         "only these layers, separated by commas; all that are visible by default"},
        {"Last-Event-ID", "header", "{\"type\":\"integer\",\"minimum\":0}",
         "从此位置之后继续；浏览器重连时自动带上",
         "continue after this position; browsers send it when they come back"},
        {NULL, NULL, NULL, NULL, NULL}};
    const struct host_route route = {.method = "GET",
                                     .pattern = "/stream",
                                     .operation_id = "stream",
                                     .summary_zh = "数据变化推送（server-sent events）",
                                     .summary_en = "changes as server-sent events",
                                     .params = params,
                                     .handle = host_stream_open,
                                     .self = streams};
    return host_http_add_route(streams->app->http, &route, err);
}
