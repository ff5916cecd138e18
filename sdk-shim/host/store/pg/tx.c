/* host/store/pg/tx.c -- one transaction per caller, several callers at once.
 *
 * What others got in the way of (a deadlock, a server that went away before the commit) runs again,
 * as cim_tx_fn says it may. The caller gets back once its changes have their positions. */
#include "host/store/pg/pg.h"

#include "cim/util.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static _Thread_local const struct host_store *writing; /* by this thread */

/* What was done without a record of its own (a note that many changed) has not asked before. */
static cim_status
find_xact(struct host_pg_tx *tx, cim_error *err)
{
    PGresult *result = NULL;
    if (tx->xact == 0) {
        CIM_TRY(host_pg_tx_run(tx, "cim_xact", 0, true, &result, err));
        PQclear(result);
    }
    return CIM_OK;
}

static cim_status
send_commit(struct host_pg_tx *tx, cim_error *err)
{
    PGresult *result = NULL;
    const cim_status status = host_pg_tx_run(tx, "cim_commit", 0, false, &result, err);
    if (status != CIM_OK) {
        if (tx->lost) {
            tx->again = false; /* it may have been committed: twice would be worse than asking */
            (void)cim_fail(
                err, CIM_E_IO, NULL, NULL,
                "提交时与数据库失去联系，结果未知：请核对后再试，或以同一幂等键重试，不会写入两次",
                "the database was lost during the commit: check before trying again; under the "
                "same idempotency key nothing is written twice");
            if (err != NULL) {
                err->os_errno = ECONNRESET;
            }
            return CIM_E_IO;
        }
        return status;
    }
    /* A transaction that failed before answers a commit with a rollback. */
    const bool committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    return committed ? CIM_OK
                     : cim_fail(err, CIM_E_STATE, NULL, NULL, "事务已失败，没有保存",
                                "the transaction has failed, nothing was stored");
}

static cim_status
commit(struct host_pg *store, struct host_pg_tx *tx, int64_t *ret_pos, cim_error *err)
{
    struct host_pg_waiter waiter = {.pos = 0};
    cim_status status = CIM_OK;
    CIM_TRY(host_pg_changes_flush(tx, err));
    if (!tx->begun) {
        *ret_pos = host_store_pos(&store->base);
        return CIM_OK;
    }
    if (tx->n_sent == 0) {
        CIM_TRY(send_commit(tx, err));
        atomic_fetch_add(&store->base.n_commits, 1);
        *ret_pos = host_store_pos(&store->base);
        return CIM_OK;
    }
    CIM_TRY(find_xact(tx, err));
    waiter.xact = tx->xact;
    host_pg_wait_begin(store, &waiter);
    status = send_commit(tx, err);
    if (status == CIM_OK) {
        atomic_fetch_add(&store->base.n_commits, 1);
        /* Others need the connection more than we, who only wait. */
        host_pg_release(&store->writers, tx->conn);
        tx->conn = NULL;
        host_pg_sequencer_wake(store);
    }
    *ret_pos = host_pg_wait_end(store, &waiter, status == CIM_OK);
    return status;
}

/* One run; *ret_again: it may run once more. */
static cim_status
run_once(struct host_pg *store, cim_tx_fn fn, void *arg, int64_t *ret_pos, bool *ret_again,
         cim_error *err)
{
    struct host_pg_tx tx = {.base = {.store = &store->base,
                                     .now_ms = host_store_now_ms(&store->base),
                                     .timeout_ms = store->base.write_timeout_ms}};
    cim_status status = CIM_OK;
    CIM_TRY(host_pg_acquire(store, &store->writers, &tx.conn, err));
    host_pg_changes_init(&tx);
    writing = &store->base;
    status = fn(arg, &tx.base, err);
    writing = NULL;
    host_pg_rows_end_all(&tx);
    if (status != CIM_OK) {
        (void)host_pg_tx_settle(&tx, NULL); /* which is rolled back all the same */
    }
    if (status == CIM_OK && tx.broken) {
        status = cim_fail(err, CIM_E_STATE, NULL, NULL, "事务已失败，没有保存",
                          "the transaction has failed, nothing was stored");
    }
    if (status == CIM_OK) {
        status = commit(store, &tx, ret_pos, err);
    }
    if (tx.conn != NULL) {
        if (PQtransactionStatus(tx.conn->pg) != PQTRANS_IDLE && !tx.conn->stale) {
            (void)host_pg_run(tx.conn, "rollback", NULL); /* else the connection is closed */
        }
        host_pg_release(&store->writers, tx.conn);
        if (tx.begun) {
            host_pg_sequencer_wake(store); /* it may have held others back */
        }
    }
    host_pg_changes_done(&tx);
    *ret_again = status != CIM_OK && tx.again;
    return status;
}

static void
pause_before(int attempt)
{
    /* Longer each time, and not the same for all that met. */
    const long ms = 2L << attempt;
    struct timespec now;
    struct timespec wait = {.tv_sec = 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    wait.tv_nsec = (ms + now.tv_nsec % (ms * 1000) / 1000) * 1000000;
    (void)nanosleep(&wait, NULL);
}

cim_status
host_pg_write(struct host_store *base, cim_tx_fn fn, void *arg, int64_t *ret_pos, cim_error *err)
{
    cim_status status = CIM_OK;
    bool again = true;
    int64_t pos = 0;
    if (writing == base) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "事务内不能再开事务",
                        "a transaction cannot be started inside a transaction");
    }
    for (int attempt = 0; again; attempt++) {
        if (attempt > 0) {
            pause_before(attempt);
        }
        again = false;
        status = run_once(host_pg_of(base), fn, arg, &pos, &again, err);
        again = again && attempt + 1 < HOST_PG_ATTEMPTS_MAX;
    }
    if (status == CIM_OK && ret_pos != NULL) {
        *ret_pos = pos;
    }
    return status;
}
