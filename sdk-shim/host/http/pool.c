/* host/http/pool.c -- worker threads over two queues.
 *
 * New requests go first, so that streams of slow and greedy clients never make the others wait; one
 * job in four is a stream's all the same, and at least one worker is never taken by streams.
 */
#include "internal.h"

#include "cim/util.h"
#include "host/base/note.h"

#include <stdlib.h>

enum { STREAM_TURN = 4 };

struct queue {
    struct host_job *first;
    struct host_job *last;
    int64_t n;
};

struct host_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct queue queues[2]; /* by enum host_lane */
    int64_t reserved;       /* places taken, not pushed yet */
    int64_t queue_max;
    int32_t n_streams; /* workers busy with streams */
    uint32_t turn;
    bool stopped;
    struct host_http_gate gate;
    int32_t n_threads;
    pthread_t *threads;
};

static struct host_job *
take(struct queue *queue)
{
    struct host_job *job = queue->first;
    queue->first = job->next;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    queue->n--;
    return job;
}

/* The next job, with the lock held; NULL: none that may run now. */
static struct host_job *
pick(struct host_pool *pool, enum host_lane *ret_lane)
{
    struct queue *requests = &pool->queues[HOST_LANE_REQUEST];
    struct queue *streams = &pool->queues[HOST_LANE_STREAM];
    const int32_t most =
        pool->n_threads > 1 && !pool->stopped ? pool->n_threads - 1 : pool->n_threads;
    const bool stream_may = streams->first != NULL && pool->n_streams < most;
    if (stream_may && (requests->first == NULL || pool->turn % STREAM_TURN == 0)) {
        *ret_lane = HOST_LANE_STREAM;
        pool->n_streams++;
        return take(streams);
    }
    if (requests->first != NULL) {
        *ret_lane = HOST_LANE_REQUEST;
        return take(requests);
    }
    return NULL;
}

static bool
finished(const struct host_pool *pool)
{
    return pool->stopped && pool->reserved == 0 && pool->queues[0].first == NULL &&
           pool->queues[1].first == NULL;
}

static void *
work(void *arg)
{
    struct host_pool *pool = arg;
    if (pool->gate.thread_begin != NULL) {
        pool->gate.thread_begin(pool->gate.self);
    }
    host_note_begin(HOST_NOTE_WORKER);
    host_note_end();
    (void)pthread_mutex_lock(&pool->lock);
    while (!finished(pool)) {
        enum host_lane lane = HOST_LANE_REQUEST;
        struct host_job *job = pick(pool, &lane);
        if (job == NULL) {
            (void)pthread_cond_wait(&pool->wake, &pool->lock);
            continue;
        }
        pool->turn++;
        (void)pthread_mutex_unlock(&pool->lock);
        host_note_queue(-1);
        host_note_begin(HOST_NOTE_WORKER);
        job->run(job);
        host_note_end();
        (void)pthread_mutex_lock(&pool->lock);
        if (lane == HOST_LANE_STREAM) {
            pool->n_streams--;
            if (pool->queues[HOST_LANE_STREAM].first != NULL) {
                (void)pthread_cond_signal(&pool->wake);
            }
        }
    }
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
    if (pool->gate.thread_end != NULL) {
        pool->gate.thread_end(pool->gate.self);
    }
    return NULL;
}

cim_status
host_pool_new(int32_t workers, int32_t queue_max, const struct host_http_gate *gate,
              struct host_pool **ret_pool, cim_error *err)
{
    struct host_pool *pool = calloc(1, sizeof *pool);
    pthread_t *threads = calloc((size_t)workers, sizeof *threads);
    if (pool == NULL || threads == NULL) {
        free(pool);
        free(threads);
        return cim_fail_nomem(err);
    }
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->wake, NULL);
    pool->queue_max = queue_max;
    pool->gate = *gate;
    pool->threads = threads;
    /* Workers read the count: it is set before the first one starts to pick. */
    (void)pthread_mutex_lock(&pool->lock);
    for (int32_t i = 0; i < workers; i++) {
        if (pthread_create(&threads[i], NULL, work, pool) != 0) {
            break;
        }
        pool->n_threads++;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (pool->n_threads < workers) {
        host_pool_free(pool);
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "无法启动 %d 个工作线程",
                        "cannot start %d worker threads", (int)workers);
    }
    *ret_pool = pool;
    return CIM_OK;
}

bool
host_pool_reserve(struct host_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    const bool room =
        !pool->stopped && pool->queues[HOST_LANE_REQUEST].n + pool->reserved < pool->queue_max;
    pool->reserved += room;
    (void)pthread_mutex_unlock(&pool->lock);
    return room;
}

bool
host_pool_push(struct host_pool *pool, struct host_job *job, enum host_lane lane)
{
    struct queue *queue = &pool->queues[lane];
    (void)pthread_mutex_lock(&pool->lock);
    if (lane == HOST_LANE_REQUEST) {
        pool->reserved--;
    } else if (pool->stopped) {
        (void)pthread_mutex_unlock(&pool->lock);
        return false;
    }
    job->next = NULL;
    if (queue->last != NULL) {
        queue->last->next = job;
    } else {
        queue->first = job;
    }
    queue->last = job;
    queue->n++;
    host_note_queue(1);
    (void)pthread_cond_signal(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
    return true;
}

int64_t
host_pool_queued(struct host_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    const int64_t n = pool->queues[0].n + pool->queues[1].n;
    (void)pthread_mutex_unlock(&pool->lock);
    return n;
}

void
host_pool_stop(struct host_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopped = true;
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
    for (int32_t i = 0; i < pool->n_threads; i++) {
        (void)pthread_join(pool->threads[i], NULL);
    }
    pool->n_threads = 0;
}

void
host_pool_free(struct host_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    host_pool_stop(pool);
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}
