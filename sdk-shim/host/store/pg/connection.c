/* host/store/pg/connection.c -- connections, and the pools of those that read and write. */
#include "host/store/pg/pg.h"

#include "cim/util.h"
#include "host/base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOCK_TIMEOUT_MS = 10000 };

/* What the answers of statements depend on. Stored times travel as numbers; texts are in UTF-8.
 * Plans are not compiled: what a statement might read, were a load under way, makes it look dear.
 */
static const char settings[] =
    "set client_encoding to 'UTF8'; set timezone to 'UTC'; set datestyle to 'ISO, YMD'; "
    "set standard_conforming_strings to on; set client_min_messages to warning; "
    "set bytea_output to hex; set synchronous_commit to on; set jit to off;";
static const char reader_settings[] = "set default_transaction_read_only to on;";
/* Short statements that every write needs. */
static const struct {
    const char *name;
    const char *sql;
} prepared[] = {{"cim_begin", "begin"},
                {"cim_commit", "commit"},
                {"cim_savepoint", "savepoint cim"},
                {"cim_release", "release savepoint cim"},
                {"cim_xact", "select cast(cast(pg_current_xact_id() as text) as bigint)"}};

cim_status
host_pg_run(struct host_pg_connection *conn, const char *sql, cim_error *err)
{
    PGresult *result = PQexec(conn->pg, sql);
    const ExecStatusType state = PQresultStatus(result);
    const cim_status status = state == PGRES_COMMAND_OK || state == PGRES_TUPLES_OK
                                  ? CIM_OK
                                  : host_pg_fail(conn, result, err);
    PQclear(result);
    return status;
}

cim_status
host_pg_int(struct host_pg_connection *conn, const char *sql, int64_t *ret_value, cim_error *err)
{
    PGresult *result = PQexec(conn->pg, sql);
    cim_status status = CIM_OK;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        status = host_pg_fail(conn, result, err);
    } else {
        *ret_value = PQntuples(result) > 0 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    }
    PQclear(result);
    return status;
}

void
host_pg_cancel(struct host_pg_connection *conn)
{
    char reason[256];
    PGcancel *cancel = PQgetCancel(conn->pg);
    if (cancel != NULL) {
        (void)PQcancel(cancel, reason, sizeof reason); /* the statement then runs to its end */
        PQfreeCancel(cancel);
    }
}

static cim_status
wait_readable(struct host_pg_connection *conn, int64_t *deadline_ms, cim_error *err)
{
    struct pollfd fd = {.fd = PQsocket(conn->pg), .events = POLLIN};
    int timeout_ms = -1;
    int n = 0;
    if (*deadline_ms != 0) {
        const int64_t left = *deadline_ms - host_monotonic_ms();
        timeout_ms = (int)(left < 0 ? 0 : left > 60000 ? 60000 : left);
    }
    n = poll(&fd, 1, timeout_ms);
    if (n == 0 && *deadline_ms != 0 && host_monotonic_ms() >= *deadline_ms) {
        host_pg_cancel(conn);
        *deadline_ms = 0;
        return CIM_OK;
    }
    if ((n < 0 && errno != EINTR) || (n > 0 && PQconsumeInput(conn->pg) == 0)) {
        conn->stale = true;
        return host_pg_fail(conn, NULL, err);
    }
    return CIM_OK;
}

cim_status
host_pg_result(struct host_pg_connection *conn, int64_t deadline_ms, PGresult **ret_result,
               cim_error *err)
{
    while (PQisBusy(conn->pg) != 0) {
        CIM_TRY(wait_readable(conn, &deadline_ms, err));
    }
    *ret_result = PQgetResult(conn->pg);
    return CIM_OK;
}

void
host_pg_drain(struct host_pg_connection *conn)
{
    PGresult *result = NULL;
    while (!conn->stale && (result = PQgetResult(conn->pg)) != NULL) {
        PQclear(result);
        conn->stale = conn->stale || PQstatus(conn->pg) != CONNECTION_OK;
    }
}

/* The connection stays in one transaction for as long as it lives. */
static cim_status
enter_snapshot(struct host_pg_connection *conn, cim_error *err)
{
    char sql[HOST_PG_SNAPSHOT_MAX + 64];
    (void)snprintf(sql, sizeof sql, "set transaction snapshot '%s'", conn->store->snapshot);
    CIM_TRY(host_pg_run(conn, "begin isolation level repeatable read read only", err));
    return host_pg_run(conn, sql, err);
}

/* A statement waits for locks as long as it may take in all, also where it is only being prepared,
 * which nobody times. */
static cim_status
limit_locks(struct host_pg_connection *conn, cim_error *err)
{
    const struct host_store *store = &conn->store->base;
    const int64_t limit_ms = conn->is_writer ? store->write_timeout_ms : store->read_timeout_ms;
    char sql[64];
    (void)snprintf(sql, sizeof sql, "set lock_timeout to %d",
                   limit_ms > 0 && limit_ms < LOCK_TIMEOUT_MS ? (int)limit_ms : LOCK_TIMEOUT_MS);
    return host_pg_run(conn, sql, err);
}

static cim_status
set_up(struct host_pg_connection *conn, cim_error *err)
{
    int64_t type = 0;
    if (PQserverVersion(conn->pg) < HOST_PG_VERSION_LEAST) {
        return cim_fail(
            err, CIM_E_UNSUPPORTED, "store.url", NULL, "PostgreSQL 版本过低（%d），须为 13 或更新",
            "PostgreSQL %d is too old: 13 or newer is needed", PQserverVersion(conn->pg));
    }
    CIM_TRY(host_pg_run(conn, settings, err));
    CIM_TRY(limit_locks(conn, err));
    CIM_TRY(
        host_pg_int(conn, "select coalesce(cast(to_regtype('geometry') as oid), 0)", &type, err));
    conn->geometry_type = (Oid)type;
    if (!conn->is_writer) {
        CIM_TRY(host_pg_run(conn, reader_settings, err));
        return conn->store->snapshot[0] != '\0' ? enter_snapshot(conn, err) : CIM_OK;
    }
    for (size_t i = 0; i < sizeof prepared / sizeof prepared[0]; i++) {
        PGresult *result = PQprepare(conn->pg, prepared[i].name, prepared[i].sql, 0, NULL);
        const cim_status status =
            PQresultStatus(result) == PGRES_COMMAND_OK ? CIM_OK : host_pg_fail(conn, result, err);
        PQclear(result);
        CIM_TRY(status);
    }
    return CIM_OK;
}

/* libpq would print them. */
static void
log_notice(void *arg, const char *message)
{
    (void)arg;
    host_log(CIM_LOG_DEBUG, "store", "%.*s", (int)strcspn(message, "\n"), message);
}

cim_status
host_pg_connect(struct host_pg *store, bool is_writer, struct host_pg_connection **ret_conn,
                cim_error *err)
{
    static const char *const names[] = {"dbname", "fallback_application_name", "connect_timeout",
                                        NULL};
    const char *const values[] = {store->url, "cim-host", "10", NULL};
    struct host_pg_connection *conn = calloc(1, sizeof *conn);
    cim_status status = CIM_OK;
    if (conn == NULL) {
        return cim_fail_nomem(err);
    }
    conn->store = store;
    conn->is_writer = is_writer;
    cim_buf_init(&conn->bound.texts, HOST_PG_TEXTS_MAX);
    conn->pg = PQconnectdbParams(names, values, 1);
    if (conn->pg == NULL) {
        status = cim_fail_nomem(err);
    } else if (PQstatus(conn->pg) != CONNECTION_OK) {
        status = host_pg_fail(conn, NULL, err);
    } else {
        (void)PQsetNoticeProcessor(conn->pg, log_notice, NULL);
        status = set_up(conn, err);
    }
    if (status != CIM_OK) {
        host_pg_disconnect(conn);
        return status;
    }
    *ret_conn = conn;
    return CIM_OK;
}

void
host_pg_disconnect(struct host_pg_connection *conn)
{
    if (conn != NULL) {
        host_pg_statements_free(conn);
        cim_buf_done(&conn->bound.texts);
        PQfinish(conn->pg);
        free(conn);
    }
}

/* ---- pools ---- */

cim_status
host_pg_pool_init(struct host_pg_pool *pool, int32_t max, int64_t wait_ms, bool writes,
                  cim_error *err)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0) {
        return cim_fail_nomem(err);
    }
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* known to every Linux */
    (void)pthread_mutex_init(&pool->mutex, NULL);                 /* plain: cannot fail */
    (void)pthread_cond_init(&pool->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pool->max = max;
    pool->wait_ms = wait_ms;
    pool->writes = writes;
    return CIM_OK;
}

void
host_pg_pool_done(struct host_pg_pool *pool)
{
    while (pool->free != NULL) {
        struct host_pg_connection *conn = pool->free;
        pool->free = conn->next_free;
        host_pg_disconnect(conn);
    }
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->mutex);
}

static struct timespec
deadline_after(int64_t ms)
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

static void
give_back_place(struct host_pg_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->n_open--;
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->mutex);
}

/* The server may have gone, or closed the connection, while it lay here. */
static bool
is_alive(struct host_pg_connection *conn)
{
    struct pollfd fd = {.fd = PQsocket(conn->pg), .events = POLLIN};
    if (PQstatus(conn->pg) != CONNECTION_OK) {
        return false;
    }
    /* An idle connection has nothing to say but its end, or a change of settings. */
    if (poll(&fd, 1, 0) > 0) {
        return PQconsumeInput(conn->pg) != 0 && PQstatus(conn->pg) == CONNECTION_OK;
    }
    return true;
}

cim_status
host_pg_acquire(struct host_pg *store, struct host_pg_pool *pool,
                struct host_pg_connection **ret_conn, cim_error *err)
{
    const struct timespec deadline = deadline_after(pool->wait_ms);
    struct host_pg_connection *conn = NULL;
    bool fresh = false;
    int waited = 0;
    pthread_mutex_lock(&pool->mutex);
    while (pool->free == NULL && pool->n_open >= pool->max && waited == 0) {
        waited = pthread_cond_timedwait(&pool->freed, &pool->mutex, &deadline);
    }
    if (pool->free != NULL) {
        conn = pool->free;
        pool->free = conn->next_free;
    } else if (pool->n_open < pool->max) {
        fresh = true;
        pool->n_open++;
    }
    pthread_mutex_unlock(&pool->mutex);
    if (conn != NULL && !is_alive(conn)) {
        host_pg_disconnect(conn);
        conn = NULL;
        fresh = true;
    }
    if (fresh) {
        const cim_status status = host_pg_connect(store, pool->writes, &conn, err);
        if (status != CIM_OK) {
            give_back_place(pool);
            return status;
        }
    }
    if (conn == NULL) {
        atomic_fetch_add(&store->base.n_busy, 1);
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "全部 %d 个数据库连接都在使用，请稍后再试",
                        "all %d database connections are taken, try again", pool->max);
    }
    *ret_conn = conn;
    return CIM_OK;
}

void
host_pg_release(struct host_pg_pool *pool, struct host_pg_connection *conn)
{
    const bool frozen = conn->store->snapshot[0] != '\0' && !conn->is_writer;
    if (conn->stale || PQstatus(conn->pg) != CONNECTION_OK ||
        PQtransactionStatus(conn->pg) != (frozen ? PQTRANS_INTRANS : PQTRANS_IDLE)) {
        host_pg_disconnect(conn);
        give_back_place(pool);
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    conn->next_free = pool->free;
    pool->free = conn;
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->mutex);
}
