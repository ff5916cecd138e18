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
    const int64_t limit_ms = host_pg_statement_ms(conn);
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
        CIM_TRY(host_pg_prepare(conn, prepared[i].name, prepared[i].sql, 0, NULL, err));
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
    /* What the address says comes last and wins. */
    static const char *const names[] = {"fallback_application_name", "connect_timeout", "dbname",
                                        NULL};
    const char *const values[] = {"cim-host", "10", store->url, NULL};
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
    const struct host_pg_limit limit = host_pg_limit_of(pool->wait_ms);
    struct host_pg_connection *conn = NULL;
    bool fresh = false;
    bool wait = true;
    pthread_mutex_lock(&pool->mutex);
    while (pool->free == NULL && pool->n_open >= pool->max && wait) {
        wait = host_pg_cond_wait(&pool->freed, &pool->mutex, &limit);
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
