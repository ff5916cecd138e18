/* host/http/pool.c -- worker threads over a queue per lane.
 *
 * Lanes take turns, tiles every other one; a lane that has nothing to do leaves its turn to the
 * next. How many workers a lane may hold is bounded, so that slow work never takes all of them.
 */
#include "internal.h"

#include "cim/util.h"
#include "host/base/note.h"

#include <stdlib.h>
#include <string.h>

static const enum host_lane TURNS[] = {HOST_LANE_TILE,  HOST_LANE_READ, HOST_LANE_TILE,
                                       HOST_LANE_WRITE, HOST_LANE_TILE, HOST_LANE_STREAM,
                                       HOST_LANE_TILE,  HOST_LANE_HEAVY};

struct queue {
    struct host_job *first;
    struct host_job *last;
    int64_t n;
};

struct host_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct queue queues[HOST_LANES];
    int64_t reserved[HOST_LANES]; /* places taken, not pushed yet */
    int64_t queue_max;
    int32_t n_busy[HOST_LANES]; /* workers */
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

enum host_lane
host_lane_of(const struct host_route *route)
{
    if ((route->flags & HOST_ROUTE_TILE) != 0) {
        return HOST_LANE_TILE;
    }
    if ((route->flags & HOST_ROUTE_HEAVY) != 0) {
        return HOST_LANE_HEAVY;
    }
    return strcmp(route->method, "GET") == 0 ? HOST_LANE_READ : HOST_LANE_WRITE;
}

/* How many workers the lane may hold: half of them for heavy work, all but one for the rest (the
 * first tile of a large layer waits for the layer, and so do its neighbours). */
static int32_t
most_workers(const struct host_pool *pool, enum host_lane lane)
{
    const int32_t n = pool->n_threads;
    const int32_t most = pool->stopped ? n : lane == HOST_LANE_HEAVY ? n / 2 : n - 1;
    return most > 0 ? most : 1;
}

static bool
may_run(const struct host_pool *pool, enum host_lane lane)
{
    return pool->queues[lane].first != NULL && pool->n_busy[lane] < most_workers(pool, lane);
}

/* The next job, with the lock held; NULL: none that may run now. */
static struct host_job *
pick(struct host_pool *pool, enum host_lane *ret_lane)
{
    enum host_lane lane = TURNS[pool->turn % (sizeof TURNS / sizeof TURNS[0])];
    for (int i = 0; i < HOST_LANES; i++) {
        if (may_run(pool, lane)) {
            *ret_lane = lane;
            pool->n_busy[lane]++;
            return take(&pool->queues[lane]);
        }
        lane = (enum host_lane)((lane + 1) % HOST_LANES);
    }
    return NULL;
}

static bool
finished(const struct host_pool *pool)
{
    bool empty = true;
    for (int lane = 0; lane < HOST_LANES; lane++) {
        empty = empty && pool->reserved[lane] == 0 && pool->queues[lane].first == NULL;
    }
    return pool->stopped && empty;
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
        enum host_lane lane = HOST_LANE_READ;
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
        pool->n_busy[lane]--;
        if (pool->queues[lane].first != NULL) { /* it may have waited for this worker */
            (void)pthread_cond_signal(&pool->wake);
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
host_pool_reserve(struct host_pool *pool, enum host_lane lane)
{
    (void)pthread_mutex_lock(&pool->lock);
    const bool room =
        !pool->stopped && pool->queues[lane].n + pool->reserved[lane] < pool->queue_max;
    pool->reserved[lane] += room;
    (void)pthread_mutex_unlock(&pool->lock);
    return room;
}

bool
host_pool_push(struct host_pool *pool, struct host_job *job, enum host_lane lane)
{
    struct queue *queue = &pool->queues[lane];
    (void)pthread_mutex_lock(&pool->lock);
    if (lane != HOST_LANE_STREAM) {
        pool->reserved[lane]--;
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
    (void)pthread_mutex_unlock(&pool->lock);
    /* After the lock: who wakes would only wait for it again. */
    (void)pthread_cond_signal(&pool->wake);
    return true;
}

int64_t
host_pool_queued(struct host_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    int64_t n = 0;
    for (int lane = 0; lane < HOST_LANES; lane++) {
        n += pool->queues[lane].n;
    }
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
