/* host/store/sqlite/writer.c -- the one thread that writes, and its group commit.
 *
 * Callers queue a function and sleep. The writer opens a transaction, runs each function in a
 * savepoint of its own, commits when nobody waits any more (or a limit is reached), and only then
 * wakes them all. One fsync serves the whole group. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"
#include "host/base/note.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { ATTEMPTS_MAX = 3, WAIT_NOTE_MS = 500 };

static struct timespec
time_after(int64_t ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static struct host_job *
pop(struct host_writer *writer)
{
    struct host_job *job = writer->first;
    if (job != NULL) {
        writer->first = job->next;
        if (writer->first == NULL) {
            writer->last = &writer->first;
        }
        writer->n_queued--;
        job->next = NULL;
    }
    return job;
}

/* The next caller, waiting at most until `deadline_ms` (monotonic). */
static struct host_job *
take(struct host_writer *writer, int64_t deadline_ms)
{
    struct host_job *job = NULL;
    int waited = 0;
    pthread_mutex_lock(&writer->mutex);
    while (writer->first == NULL && !writer->stop && waited == 0) {
        const int64_t left_ms = deadline_ms - host_monotonic_ms();
        if (left_ms <= 0) {
            break;
        }
        const struct timespec until = time_after(left_ms);
        waited = pthread_cond_timedwait(&writer->wake, &writer->mutex, &until);
    }
    job = pop(writer);
    pthread_mutex_unlock(&writer->mutex);
    return job;
}

/* Puts a list back in front of the queue, in its order. */
static void
put_back(struct host_writer *writer, struct host_job *first)
{
    struct host_job *last = first;
    int32_t n = 1;
    if (first == NULL) {
        return;
    }
    while (last->next != NULL) {
        last = last->next;
        n++;
    }
    pthread_mutex_lock(&writer->mutex);
    last->next = writer->first;
    if (writer->first == NULL) {
        writer->last = &last->next;
    }
    writer->first = first;
    writer->n_queued += n;
    pthread_mutex_unlock(&writer->mutex);
}

static void
finish(struct host_job *job, cim_status status)
{
    job->status = status;
    (void)sem_post(&job->done); /* fails only past SEM_VALUE_MAX */
}

/* Another process of ours (an import from the command line) may have written in between. */
static cim_status
refresh_positions(struct host_sqlite *store, cim_error *err)
{
    struct host_writer *writer = &store->writer;
    int64_t version = 0;
    CIM_TRY(host_connection_int(writer->conn, "PRAGMA data_version", &version, err));
    if (version != writer->data_version) {
        CIM_TRY(host_sqlite_positions_load(store, writer->conn, err));
        writer->data_version = version;
    }
    return CIM_OK;
}

static cim_status
begin(struct host_sqlite *store, cim_error *err)
{
    cim_status status = host_connection_exec(store->writer.conn, "BEGIN IMMEDIATE", err);
    if (status == CIM_OK) {
        status = refresh_positions(store, err);
        if (status != CIM_OK) {
            (void)host_connection_exec(store->writer.conn, "ROLLBACK", NULL); /* told already */
        }
    }
    return status;
}

/* False when SQLite gave up the whole transaction, with what other callers did in it. The first
 * caller of a group runs without a savepoint, so that a long import pays for none. */
static bool
run_job(struct host_sqlite *store, struct host_job *job, bool has_savepoint)
{
    struct host_writer *writer = &store->writer;
    struct host_connection *conn = writer->conn;
    const int64_t first_pos = writer->next_pos;
    struct host_sqlite_tx tx = {.base = {.store = &store->base,
                                         .now_ms = host_store_now_ms(&store->base),
                                         .timeout_ms = store->base.write_timeout_ms},
                                .conn = conn,
                                .first_pending = writer->n_pending};
    job->status =
        has_savepoint ? host_connection_exec(conn, "SAVEPOINT cim_job", &job->error) : CIM_OK;
    if (job->status == CIM_OK) {
        job->status = job->fn(job->arg, &tx.base, &job->error);
        host_rows_end_all(&tx);
    }
    if (sqlite3_get_autocommit(conn->db) != 0) {
        if (job->status == CIM_OK) {
            job->status = cim_fail(&job->error, CIM_E_IO, NULL, NULL, "数据库撤销了整个事务",
                                   "the database rolled the whole transaction back");
        }
        return false;
    }
    if (job->status == CIM_OK && has_savepoint) {
        job->status = host_connection_exec(conn, "RELEASE cim_job", &job->error);
    }
    if (job->status != CIM_OK) {
        /* What went wrong was told already; if the transaction is lost, the caller sees that. */
        (void)host_connection_exec(conn, has_savepoint ? "ROLLBACK TO cim_job" : "ROLLBACK", NULL);
        if (has_savepoint) {
            (void)host_connection_exec(conn, "RELEASE cim_job", NULL);
        }
        writer->next_pos = first_pos;
        writer->n_pending = tx.first_pending;
    }
    job->pos = writer->next_pos - 1;
    return sqlite3_get_autocommit(conn->db) == 0 || !has_savepoint;
}

static cim_status
commit(struct host_sqlite *store, cim_error *err)
{
    cim_status status = host_sqlite_positions_store(store, err);
    if (status == CIM_OK) {
        status = host_connection_exec(store->writer.conn, "COMMIT", err);
    }
    if (status != CIM_OK && sqlite3_get_autocommit(store->writer.conn->db) == 0) {
        (void)host_connection_exec(store->writer.conn, "ROLLBACK", NULL); /* told already */
    }
    return status;
}

struct group {
    struct host_job *first;
    struct host_job **last;
    int32_t n;
    bool lost;  /* SQLite rolled everything back */
    bool empty; /* there is nothing to commit: that, or the only caller failed */
};

static void
gather(struct host_sqlite *store, struct host_job *job, struct group *group)
{
    struct host_writer *writer = &store->writer;
    const int64_t began_ms = host_monotonic_ms();
    while (job != NULL) {
        const bool kept = run_job(store, job, group->n > 0);
        job->next = NULL;
        *group->last = job;
        group->last = &job->next;
        group->n++;
        group->lost = !kept;
        group->empty = sqlite3_get_autocommit(writer->conn->db) != 0 ||
                       (group->n == 1 && job->status != CIM_OK);
        if (group->empty) {
            return;
        }
        if (group->n >= HOST_STORE_GROUP_MAX ||
            host_monotonic_ms() - began_ms >= HOST_STORE_GROUP_MS) {
            return;
        }
        job = take(writer, began_ms + store->group_commit_ms);
        if (job != NULL && job->quiet != NULL) {
            put_back(writer, job); /* it wants to be alone */
            return;
        }
    }
}

/* After a loss: callers that were fine run again, as cim_tx_fn says they may. */
static void
settle_lost(struct host_sqlite *store, struct group *group)
{
    struct host_job *job = group->first;
    struct host_job *again = NULL;
    struct host_job **last = &again;
    while (job != NULL) {
        struct host_job *next = job->next;
        job->next = NULL;
        if (job->status == CIM_OK && ++job->attempts < ATTEMPTS_MAX) {
            *last = job;
            last = &job->next;
        } else if (job->status == CIM_OK) {
            finish(job, cim_fail(&job->error, CIM_E_BUSY, NULL, NULL, "写入未能完成，请稍后再试",
                                 "the write could not be completed, try again"));
        } else {
            finish(job, job->status);
        }
        job = next;
    }
    put_back(&store->writer, again);
}

static void
settle(struct group *group, cim_status status, const cim_error *error)
{
    struct host_job *job = group->first;
    while (job != NULL) {
        struct host_job *next = job->next; /* the job is its caller's again after finish() */
        if (job->status == CIM_OK && status != CIM_OK) {
            job->status = status;
            job->error = *error;
        }
        finish(job, job->status);
        job = next;
    }
}

/* The open transaction keeps the writers of other processes out; nothing is written in it. */
static void
run_quiet(struct host_sqlite *store, struct host_job *job)
{
    struct host_connection *conn = store->writer.conn;
    cim_status status = begin(store, &job->error);
    if (status == CIM_OK) {
        status = job->quiet(job->arg, &job->error);
        (void)host_connection_exec(conn, "ROLLBACK", NULL); /* there is nothing to lose */
    }
    finish(job, status);
}

static void
run_group(struct host_sqlite *store, struct host_job *job)
{
    struct host_writer *writer = &store->writer;
    struct group group = {.last = &group.first};
    cim_error error = {0};
    cim_status status = begin(store, &error);
    const int64_t first_pos = writer->next_pos;
    if (status != CIM_OK) {
        job->error = error;
        finish(job, status);
        return;
    }
    gather(store, job, &group);
    if (!group.empty) {
        status = commit(store, &error);
    }
    if (group.empty || status != CIM_OK) {
        writer->next_pos = first_pos;
        writer->n_pending = 0;
    } else {
        host_sqlite_positions_publish(store);
        atomic_fetch_add(&store->base.n_commits, 1);
    }
    if (group.lost) {
        settle_lost(store, &group);
    } else {
        settle(&group, status, &error);
    }
}

static void *
writer_main(void *arg)
{
    struct host_sqlite *store = arg;
    struct host_writer *writer = &store->writer;
    bool stop = false;
    while (!stop) {
        struct host_job *job = take(writer, host_monotonic_ms() + HOST_STORE_FOREIGN_POLL_MS);
        if (job != NULL) {
            host_note_begin(HOST_NOTE_EVENT);
            if (job->quiet != NULL) {
                run_quiet(store, job);
            } else {
                run_group(store, job);
            }
            host_note_end();
            continue;
        }
        (void)refresh_positions(store, NULL); /* tried again at the next turn */
        pthread_mutex_lock(&writer->mutex);
        stop = writer->stop && writer->first == NULL;
        pthread_mutex_unlock(&writer->mutex);
    }
    return NULL;
}

cim_status
host_writer_start(struct host_sqlite *store, cim_error *err)
{
    struct host_writer *writer = &store->writer;
    CIM_TRY(host_connection_int(writer->conn, "PRAGMA data_version", &writer->data_version, err));
    CIM_TRY(host_sqlite_positions_load(store, writer->conn, err));
    if (pthread_create(&writer->thread, NULL, writer_main, store) != 0) {
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动写线程",
                        "the writer thread cannot be started");
    }
    writer->started = true;
    return CIM_OK;
}

void
host_writer_stop(struct host_sqlite *store)
{
    struct host_writer *writer = &store->writer;
    if (writer->started) {
        pthread_mutex_lock(&writer->mutex);
        writer->stop = true;
        pthread_cond_broadcast(&writer->wake);
        pthread_mutex_unlock(&writer->mutex);
        pthread_join(writer->thread, NULL);
        writer->started = false;
    }
    free(writer->pending);
    writer->pending = NULL;
}

static cim_status
enqueue(struct host_sqlite *store, struct host_job *job, cim_error *err)
{
    struct host_writer *writer = &store->writer;
    cim_status status = CIM_OK;
    pthread_mutex_lock(&writer->mutex);
    if (writer->stop) {
        status = cim_fail(err, CIM_E_STATE, NULL, NULL, "数据库正在关闭", "the store is closing");
    } else if (writer->n_queued >= HOST_STORE_QUEUE_MAX) {
        status = cim_fail(err, CIM_E_BUSY, NULL, NULL, "等待写入的请求过多（%d），请稍后再试",
                          "%d writes are waiting already, try again", HOST_STORE_QUEUE_MAX);
    } else {
        *writer->last = job;
        writer->last = &job->next;
        writer->n_queued++;
        pthread_cond_signal(&writer->wake);
    }
    pthread_mutex_unlock(&writer->mutex);
    return status;
}

/* Whoever waits for the writer does not stand still while the writer goes on. */
static void
wait_for(sem_t *done)
{
    struct timespec until = time_after(WAIT_NOTE_MS);
    while (sem_clockwait(done, CLOCK_MONOTONIC, &until) != 0) {
        if (errno == ETIMEDOUT) {
            host_note_progress();
            until = time_after(WAIT_NOTE_MS);
        }
    }
}

static cim_status
run_and_wait(struct host_sqlite *store, struct host_job *job, cim_error *err)
{
    cim_status status = CIM_OK;
    if (pthread_equal(pthread_self(), store->writer.thread)) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "事务内不能再开事务",
                        "a transaction cannot be started inside a transaction");
    }
    if (sem_init(&job->done, 0, 0) != 0) {
        return cim_fail_nomem(err);
    }
    status = enqueue(store, job, err);
    if (status == CIM_OK) {
        wait_for(&job->done);
        status = job->status;
        if (status != CIM_OK && err != NULL) {
            *err = job->error;
        }
    } else if (status == CIM_E_BUSY) {
        atomic_fetch_add(&store->base.n_busy, 1);
    }
    (void)sem_destroy(&job->done);
    return status;
}

cim_status
host_sqlite_write(struct host_store *base, cim_tx_fn fn, void *arg, int64_t *ret_pos,
                  cim_error *err)
{
    struct host_job job = {.fn = fn, .arg = arg};
    CIM_TRY(run_and_wait(host_sqlite_of(base), &job, err));
    if (ret_pos != NULL) {
        *ret_pos = job.pos;
    }
    return CIM_OK;
}

cim_status
host_sqlite_quiet(struct host_store *base, cim_status (*fn)(void *arg, cim_error *err), void *arg,
                  cim_error *err)
{
    struct host_job job = {.quiet = fn, .arg = arg};
    return run_and_wait(host_sqlite_of(base), &job, err);
}

/* On a connection of its own: one with an open transaction cannot. */
cim_status
host_sqlite_checkpoint(struct host_store *base, bool *ret_whole, cim_error *err)
{
    struct host_sqlite *store = host_sqlite_of(base);
    struct host_connection *conn = NULL;
    int n_log = 0;
    int n_copied = 0;
    CIM_TRY(host_connection_open(store, true, &conn, err));
    const int code =
        sqlite3_wal_checkpoint_v2(conn->db, "main", SQLITE_CHECKPOINT_PASSIVE, &n_log, &n_copied);
    const cim_status status =
        code == SQLITE_OK ? CIM_OK : host_sqlite_fail(conn->db, code, "checkpoint", err);
    host_connection_close(conn);
    *ret_whole = status == CIM_OK && n_log == n_copied;
    return status;
}
