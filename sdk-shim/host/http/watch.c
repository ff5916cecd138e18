/* host/http/watch.c -- one thread that looks after what nobody else sees: suspended connections
 * whose client has left, heads that never end, and the access log. */
#include "internal.h"

#include "cim/util.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 256, CONN_EVERY = 5, HEAD_SLACK_MS = 5000 };

struct host_watch {
    struct host_http *http;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct cim_http_req *first; /* suspended */
    struct cim_http_req *last;
    int32_t n;
    struct host_conn *conns;
    bool stopped;
    pthread_t thread;
    bool running;
};

static void
link_last(struct host_watch *watch, struct cim_http_req *req)
{
    req->watch_prev = watch->last;
    req->watch_next = NULL;
    if (watch->last != NULL) {
        watch->last->watch_next = req;
    } else {
        watch->first = req;
    }
    watch->last = req;
}

static void
unlink_req(struct host_watch *watch, struct cim_http_req *req)
{
    if (req->watch_prev != NULL) {
        req->watch_prev->watch_next = req->watch_next;
    } else {
        watch->first = req->watch_next;
    }
    if (req->watch_next != NULL) {
        req->watch_next->watch_prev = req->watch_prev;
    } else {
        watch->last = req->watch_prev;
    }
}

void
host_watch_suspend(struct cim_http_req *req)
{
    struct host_watch *watch = req->http->watch;
    (void)pthread_mutex_lock(&watch->lock);
    link_last(watch, req);
    req->watched = true;
    watch->n++;
    (void)pthread_mutex_unlock(&watch->lock);
    MHD_suspend_connection(req->connection);
}

void
host_watch_resume(struct cim_http_req *req)
{
    struct host_watch *watch = req->http->watch;
    struct MHD_Connection *connection = req->connection;
    (void)pthread_mutex_lock(&watch->lock);
    if (req->watched) {
        unlink_req(watch, req);
        req->watched = false;
        watch->n--;
    }
    (void)pthread_mutex_unlock(&watch->lock);
    MHD_resume_connection(connection);
}

/* Takes up to BATCH requests from the head of the list, moving them to its end, and marks those
 * whose client has closed. The poll does not wait, so the lock is held for microseconds. */
static size_t
check_batch(struct host_watch *watch, int32_t *left, struct cim_http_req *gone[BATCH])
{
    struct pollfd fds[BATCH];
    struct cim_http_req *reqs[BATCH];
    size_t n = 0;
    size_t n_gone = 0;
    (void)pthread_mutex_lock(&watch->lock);
    while (n<BATCH && * left> 0 && watch->first != NULL) {
        struct cim_http_req *req = watch->first;
        unlink_req(watch, req);
        link_last(watch, req);
        reqs[n] = req;
        fds[n] = (struct pollfd){.fd = req->fd, .events = POLLRDHUP};
        n++;
        (*left)--;
    }
    if (n > 0 && poll(fds, (nfds_t)n, 0) >= 0) {
        for (size_t i = 0; i < n; i++) {
            const bool left_us = (fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
            const bool cut = host_route_entry_is_cut(reqs[i]->match.entry);
            if (left_us) {
                atomic_store(&reqs[i]->gone, 1);
            }
            if (left_us || cut) {
                host_req_ref(reqs[i]);
                gone[n_gone++] = reqs[i];
            }
        }
    }
    if (n == 0) {
        *left = 0;
    }
    (void)pthread_mutex_unlock(&watch->lock);
    return n_gone;
}

static void
check_suspended(struct host_watch *watch)
{
    (void)pthread_mutex_lock(&watch->lock);
    int32_t left = watch->n;
    (void)pthread_mutex_unlock(&watch->lock);
    while (left > 0) {
        struct cim_http_req *gone[BATCH];
        const size_t n = check_batch(watch, &left, gone);
        for (size_t i = 0; i < n; i++) {
            host_stream_cut(gone[i], false);
            host_req_unref(gone[i]);
        }
    }
}

/* libmicrohttpd's time limit restarts with every byte; a head has to be whole within ours. */
static void
check_heads(struct host_watch *watch)
{
    const int64_t limit_ms =
        host_monotonic_ms() - watch->http->options.idle_timeout_ms - HEAD_SLACK_MS;
    (void)pthread_mutex_lock(&watch->lock);
    for (struct host_conn *conn = watch->conns; conn != NULL; conn = conn->next) {
        const int64_t since_ms = atomic_load(&conn->waiting_since_ms);
        if (since_ms != 0 && since_ms < limit_ms) {
            (void)shutdown(conn->fd, SHUT_RDWR);
        }
    }
    (void)pthread_mutex_unlock(&watch->lock);
}

static void *
run(void *arg)
{
    struct host_watch *watch = arg;
    uint32_t round = 0;
    (void)pthread_mutex_lock(&watch->lock);
    while (!watch->stopped) {
        struct timespec until = {0};
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)WATCH_PERIOD_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&watch->wake, &watch->lock, &until);
        (void)pthread_mutex_unlock(&watch->lock);
        check_suspended(watch);
        if (++round % CONN_EVERY == 0) {
            check_heads(watch);
        }
        host_access_log_flush(watch->http->access_log);
        (void)pthread_mutex_lock(&watch->lock);
    }
    (void)pthread_mutex_unlock(&watch->lock);
    return NULL;
}

cim_status
host_watch_new(struct host_http *http, struct host_watch **ret_watch, cim_error *err)
{
    struct host_watch *watch = calloc(1, sizeof *watch);
    pthread_condattr_t attributes;
    if (watch == NULL) {
        return cim_fail_nomem(err);
    }
    watch->http = http;
    (void)pthread_mutex_init(&watch->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&watch->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (pthread_create(&watch->thread, NULL, run, watch) != 0) {
        host_watch_free(watch);
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "无法启动监视线程",
                        "cannot start the watch thread");
    }
    watch->running = true;
    *ret_watch = watch;
    return CIM_OK;
}

void
host_watch_stop(struct host_watch *watch)
{
    if (watch == NULL || !watch->running) {
        return;
    }
    (void)pthread_mutex_lock(&watch->lock);
    watch->stopped = true;
    (void)pthread_cond_signal(&watch->wake);
    (void)pthread_mutex_unlock(&watch->lock);
    (void)pthread_join(watch->thread, NULL);
    watch->running = false;
}

void
host_watch_free(struct host_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    host_watch_stop(watch);
    (void)pthread_cond_destroy(&watch->wake);
    (void)pthread_mutex_destroy(&watch->lock);
    free(watch);
}

int32_t
host_watch_cut_streams(struct host_watch *watch, bool idle_only)
{
    (void)pthread_mutex_lock(&watch->lock);
    const int32_t n = watch->n;
    struct cim_http_req **reqs = n > 0 ? calloc((size_t)n, sizeof(struct cim_http_req *)) : NULL;
    int32_t taken = 0;
    for (struct cim_http_req *req = watch->first; reqs != NULL && req != NULL && taken < n;
         req = req->watch_next) {
        host_req_ref(req);
        reqs[taken++] = req;
    }
    (void)pthread_mutex_unlock(&watch->lock);
    for (int32_t i = 0; i < taken; i++) {
        host_stream_cut(reqs[i], idle_only);
        host_req_unref(reqs[i]);
    }
    free(reqs);
    return n;
}

void
host_watch_add_conn(struct host_watch *watch, struct host_conn *conn)
{
    (void)pthread_mutex_lock(&watch->lock);
    conn->prev = NULL;
    conn->next = watch->conns;
    if (conn->next != NULL) {
        conn->next->prev = conn;
    }
    watch->conns = conn;
    (void)pthread_mutex_unlock(&watch->lock);
}

void
host_watch_remove_conn(struct host_watch *watch, struct host_conn *conn)
{
    (void)pthread_mutex_lock(&watch->lock);
    if (conn->prev != NULL) {
        conn->prev->next = conn->next;
    } else {
        watch->conns = conn->next;
    }
    if (conn->next != NULL) {
        conn->next->prev = conn->prev;
    }
    (void)pthread_mutex_unlock(&watch->lock);
}
