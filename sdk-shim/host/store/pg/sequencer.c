/* host/store/pg/sequencer.c -- one thread in one process gives each change its position.
 *
 * Transactions end in another order than they began, so a reader that asks for "id greater than the
 * last one" misses what an older transaction commits after a younger. The leader (who holds an
 * advisory lock) takes only changes of transactions older than every one that still runs, numbers
 * them without gaps, and tells. The other processes read what it numbered. */
#include "host/store/pg/pg.h"

#include "cim/util.h"
#include "host/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { IDLE_MS = 250, HELD_BACK_MS = 20, RECONNECT_MS = 500, CROWD = 4, CROWD_US = 2000 };

static const char take_lead[] =
    "select case when pg_try_advisory_lock(7236822300125001) then 1 else 0 end";
static const char log_is_there[] =
    "select count(*) from pg_attribute where attrelid = to_regclass('cim_change') and "
    "attname = 'tx'";
static const char load_positions[] = "select layer, pos, cast(0 as bigint) from cim_layer_pos";
/* One statement, one snapshot: whatever committed below its horizon is in it. */
static const char give_positions[] =
    "with due as (delete from cim_change_pending "
    "where tx < pg_snapshot_xmin(pg_current_snapshot()) returning *), "
    "base as (select coalesce(max(pos), 0) as pos from cim_change), "
    "moved as (insert into cim_change (pos, layer, fid, op, area_code, owner_org, at, tx) "
    "select base.pos + row_number() over (order by due.id), due.layer, due.fid, due.op, "
    "due.area_code, due.owner_org, due.at, cast(cast(due.tx as text) as bigint) from due, base "
    "returning pos, layer, tx), "
    "layers as (insert into cim_layer_pos (layer, pos) select layer, max(pos) from moved "
    "group by layer on conflict (layer) do update set pos = excluded.pos) "
    "select layer, max(pos), tx, pg_notify('cim_pos', '') from moved group by layer, tx";

/* ---- those who wait ---- */

void
host_pg_wait_begin(struct host_pg *store, struct host_pg_waiter *waiter)
{
    struct host_pg_sequencer *sequencer = &store->sequencer;
    pthread_mutex_lock(&sequencer->mutex);
    waiter->next = sequencer->waiters;
    sequencer->waiters = waiter;
    pthread_mutex_unlock(&sequencer->mutex);
}

int64_t
host_pg_wait_end(struct host_pg *store, struct host_pg_waiter *waiter, bool committed)
{
    struct host_pg_sequencer *sequencer = &store->sequencer;
    const struct host_pg_limit limit = host_pg_limit_of(HOST_PG_POS_WAIT_MS);
    bool wait = committed;
    pthread_mutex_lock(&sequencer->mutex);
    while (wait && waiter->pos == 0 && !sequencer->stop) {
        wait = host_pg_cond_wait(&sequencer->moved, &sequencer->mutex, &limit);
    }
    for (struct host_pg_waiter **at = &sequencer->waiters; *at != NULL; at = &(*at)->next) {
        if (*at == waiter) {
            *at = waiter->next;
            break;
        }
    }
    pthread_mutex_unlock(&sequencer->mutex);
    return waiter->pos;
}

void
host_pg_sequencer_wake(struct host_pg *store)
{
    const uint64_t one = 1;
    (void)!write(store->sequencer.wake_fd, &one, sizeof one); /* full means: it is awake */
}

/* ---- what was numbered ---- */

static cim_status
publish_row(struct host_pg *store, const PGresult *result, int row, cim_error *err)
{
    struct host_pg_sequencer *sequencer = &store->sequencer;
    const int64_t pos = strtoll(PQgetvalue(result, row, 1), NULL, 10);
    const int64_t xact = strtoll(PQgetvalue(result, row, 2), NULL, 10);
    struct host_positions *positions = &store->base.positions;
    int32_t index = 0;
    CIM_TRY(host_positions_intern(positions, PQgetvalue(result, row, 0), &index, err));
    if (pos > atomic_load(&positions->layers[index]->pos)) {
        atomic_store_explicit(&positions->layers[index]->pos, pos, memory_order_release);
    }
    sequencer->seen = pos > sequencer->seen ? pos : sequencer->seen;
    for (struct host_pg_waiter *waiter = sequencer->waiters; xact != 0 && waiter != NULL;
         waiter = waiter->next) {
        if (waiter->xact == xact && pos > waiter->pos) {
            waiter->pos = pos;
        }
    }
    return CIM_OK;
}

/* Rows of layer, newest position, transaction, of what was just sent. Positions first, then those
 * who wait for them. */
static cim_status
publish(struct host_pg *store, int sent, int *ret_n, cim_error *err)
{
    struct host_pg_sequencer *sequencer = &store->sequencer;
    PGresult *result = NULL;
    cim_status status = CIM_OK;
    *ret_n = 0;
    CIM_TRY(
        host_pg_answer(sequencer->conn, sent, host_pg_statement_ms(sequencer->conn), &result, err));
    *ret_n = PQntuples(result);
    if (*ret_n > 0) {
        pthread_mutex_lock(&sequencer->mutex);
        for (int i = 0; i < *ret_n && status == CIM_OK; i++) {
            status = publish_row(store, result, i, err);
        }
        atomic_store_explicit(&store->base.positions.pos, sequencer->seen, memory_order_release);
        pthread_cond_broadcast(&sequencer->moved);
        pthread_mutex_unlock(&sequencer->mutex);
    }
    PQclear(result);
    return status;
}

static cim_status
read_numbered(struct host_pg *store, int *ret_n, cim_error *err)
{
    char sql[160];
    (void)snprintf(sql, sizeof sql,
                   "select layer, max(pos), coalesce(tx, 0) from cim_change where pos > %" PRId64
                   " group by layer, tx",
                   store->sequencer.seen);
    return publish(store, PQsendQuery(store->sequencer.conn->pg, sql), ret_n, err);
}

/* It runs after every few commits: planning it each time takes as long as running it. */
static cim_status
lead(struct host_pg_sequencer *sequencer, cim_error *err)
{
    CIM_TRY(host_pg_prepare(sequencer->conn, "cim_give", give_positions, 0, NULL, err));
    sequencer->leads = true;
    return CIM_OK;
}

/* ---- the connection ---- */

static void
lose_connection(struct host_pg_sequencer *sequencer)
{
    host_pg_disconnect(sequencer->conn);
    sequencer->conn = NULL;
    sequencer->leads = false; /* the lock went with the connection */
}

static cim_status
get_ready(struct host_pg *store, cim_error *err)
{
    struct host_pg_sequencer *sequencer = &store->sequencer;
    int64_t there = 0;
    int n = 0;
    if (sequencer->conn == NULL) {
        CIM_TRY(host_pg_connect(store, true, &sequencer->conn, err));
        CIM_TRY(host_pg_run(sequencer->conn, "listen cim_pos", err));
        CIM_TRY(host_pg_run(sequencer->conn, "listen cim_wake", err));
    }
    if (!sequencer->ready) {
        CIM_TRY(host_pg_int(sequencer->conn, log_is_there, &there, err));
        if (there == 0) {
            return CIM_OK; /* before the first migration */
        }
        CIM_TRY(publish(store, PQsendQuery(sequencer->conn->pg, load_positions), &n, err));
        sequencer->ready = true;
    }
    return CIM_OK;
}

static cim_status
step(struct host_pg *store, bool woken, int *ret_n, cim_error *err)
{
    struct host_pg_sequencer *sequencer = &store->sequencer;
    int64_t leads = 0;
    *ret_n = 0;
    CIM_TRY(get_ready(store, err));
    if (!sequencer->ready) {
        return CIM_OK;
    }
    if (!sequencer->leads) {
        CIM_TRY(host_pg_int(sequencer->conn, take_lead, &leads, err));
        if (leads == 1) {
            CIM_TRY(lead(sequencer, err));
        }
        CIM_TRY(read_numbered(store, ret_n, err)); /* up to where another led */
    }
    if (sequencer->leads) {
        return publish(store,
                       PQsendQueryPrepared(sequencer->conn->pg, "cim_give", 0, NULL, NULL, NULL, 0),
                       ret_n, err);
    }
    return woken ? host_pg_run(sequencer->conn, "notify cim_wake", err) : CIM_OK;
}

/* ---- the thread ---- */

/* Sleeps until somebody wakes it, here or by a notification. */
static void
doze(struct host_pg_sequencer *sequencer, int timeout_ms, bool *ret_woken)
{
    struct pollfd fds[2] = {{.fd = sequencer->wake_fd, .events = POLLIN}, {.fd = -1}};
    uint64_t count = 0;
    PGnotify *notify = NULL;
    if (sequencer->conn != NULL) {
        fds[1].fd = PQsocket(sequencer->conn->pg);
        fds[1].events = POLLIN;
    }
    (void)poll(fds, 2, timeout_ms); /* whatever ends it, the next step looks */
    *ret_woken = read(sequencer->wake_fd, &count, sizeof count) == (ssize_t)sizeof count;
    if (sequencer->conn != NULL && PQconsumeInput(sequencer->conn->pg) == 1) {
        while ((notify = PQnotifies(sequencer->conn->pg)) != NULL) {
            PQfreemem(notify);
        }
    }
}

static bool
somebody_waits(struct host_pg_sequencer *sequencer, bool *ret_stop)
{
    bool waits = false;
    pthread_mutex_lock(&sequencer->mutex);
    for (const struct host_pg_waiter *at = sequencer->waiters; at != NULL; at = at->next) {
        waits = waits || at->pos == 0;
    }
    *ret_stop = sequencer->stop;
    pthread_mutex_unlock(&sequencer->mutex);
    return waits;
}

static void
complain(struct host_pg_sequencer *sequencer, cim_status status, const cim_error *error)
{
    if (status != CIM_OK && !sequencer->complained) {
        host_log(CIM_LOG_WARNING, "store", "change positions: %s", error->en);
    } else if (status == CIM_OK && sequencer->complained) {
        host_log(CIM_LOG_INFO, "store", "change positions: going on");
    }
    sequencer->complained = status != CIM_OK;
}

static void *
sequencer_main(void *arg)
{
    struct host_pg *store = arg;
    struct host_pg_sequencer *sequencer = &store->sequencer;
    int timeout_ms = 0;
    bool stop = false;
    bool woken = false;
    while (!stop) {
        cim_error error = {0};
        int n = 0;
        const cim_status status = step(store, woken, &n, &error);
        complain(sequencer, status, &error);
        if (status != CIM_OK) {
            lose_connection(sequencer);
            timeout_ms = RECONNECT_MS;
        }
        if (!somebody_waits(sequencer, &stop)) {
            timeout_ms = status == CIM_OK ? IDLE_MS : RECONNECT_MS;
        } else if (status == CIM_OK) {
            /* Somebody's transaction holds the horizon back, or it is just about to commit. */
            timeout_ms = n > 0 || timeout_ms >= IDLE_MS ? 1 : timeout_ms * 2;
            timeout_ms = timeout_ms > HELD_BACK_MS ? HELD_BACK_MS : timeout_ms;
        }
        if (n >= CROWD) {
            /* Many write: more of them for one turn, which costs the server as much as two edits.
             */
            (void)usleep(CROWD_US);
        }
        if (!stop) {
            doze(sequencer, timeout_ms, &woken);
        }
    }
    return NULL;
}

cim_status
host_pg_sequencer_start(struct host_pg *store, cim_error *err)
{
    struct host_pg_sequencer *sequencer = &store->sequencer;
    int n = 0;
    sequencer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (sequencer->wake_fd < 0) {
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法创建 eventfd",
                        "an eventfd cannot be made");
    }
    if (store->base.read_only) { /* as they are now; others give them out */
        CIM_TRY(get_ready(store, err));
        return sequencer->ready ? read_numbered(store, &n, err) : CIM_OK;
    }
    CIM_TRY(step(store, false, &n, err)); /* so that positions are known from the start */
    if (pthread_create(&sequencer->thread, NULL, sequencer_main, store) != 0) {
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动定序线程",
                        "the sequencer's thread cannot be started");
    }
    sequencer->started = true;
    return CIM_OK;
}

void
host_pg_sequencer_stop(struct host_pg *store)
{
    struct host_pg_sequencer *sequencer = &store->sequencer;
    if (sequencer->started) {
        pthread_mutex_lock(&sequencer->mutex);
        sequencer->stop = true;
        pthread_cond_broadcast(&sequencer->moved);
        pthread_mutex_unlock(&sequencer->mutex);
        host_pg_sequencer_wake(store);
        pthread_join(sequencer->thread, NULL);
        sequencer->started = false;
    }
    host_pg_disconnect(sequencer->conn);
    sequencer->conn = NULL;
    if (sequencer->wake_fd >= 0) {
        (void)close(sequencer->wake_fd);
        sequencer->wake_fd = -1;
    }
}
