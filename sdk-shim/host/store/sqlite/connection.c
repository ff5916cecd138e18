/* host/store/sqlite/connection.c -- SQLite connections and the pool of those that read. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"
#include "host/base/note.h"
#include "kit/cleanup.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

enum { PROGRESS_OPS = 4000, BUSY_TIMEOUT_MS = 10000 };

cim_status
host_connection_exec(struct host_connection *conn, const char *sql, cim_error *err)
{
    const int code = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? CIM_OK : host_sqlite_fail(conn->db, code, "exec", err);
}

cim_status
host_connection_execf(struct host_connection *conn, cim_error *err, const char *format, ...)
{
    va_list args;
    char *sql = NULL;
    cim_status status = CIM_OK;
    va_start(args, format);
    sql = sqlite3_vmprintf(format, args);
    va_end(args);
    if (sql == NULL) {
        return cim_fail_nomem(err);
    }
    status = host_connection_exec(conn, sql, err);
    sqlite3_free(sql);
    return status;
}

cim_status
host_connection_int(struct host_connection *conn, const char *sql, int64_t *ret_value,
                    cim_error *err)
{
    sqlite3_stmt *stmt = NULL;
    cim_status status = CIM_OK;
    int code = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL);
    if (code != SQLITE_OK) {
        return host_sqlite_fail(conn->db, code, "prepare", err);
    }
    code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        *ret_value = sqlite3_column_int64(stmt, 0);
    } else if (code == SQLITE_DONE) {
        status = cim_fail(err, CIM_E_NOTFOUND, NULL, NULL, "没有结果", "no row");
    } else {
        status = host_sqlite_fail(conn->db, code, "read", err);
    }
    (void)sqlite3_finalize(stmt); /* repeats an error that was told already */
    return status;
}

static int
on_progress(void *arg)
{
    const struct host_connection *conn = arg;
    host_note_progress();
    return conn->deadline_ms != 0 && host_monotonic_ms() > conn->deadline_ms;
}

/* No memory mapping: a page that cannot be read must be an error, not a signal. Temporary data go
 * to files past a size: SQLite walks a statement's journal in memory from its start at every
 * statement, which makes long transactions slow. The cache of the one writer and the log before it
 * is copied back hold what a load touches at random, the leaves of indexes: with less of either
 * each row costs many pages, read and written again. */
static const char writer_settings[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=16000;"
    "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-131072; PRAGMA mmap_size=0;"
    "PRAGMA case_sensitive_like=ON;" /* text compares bytewise, as cim/store.h says */
    "PRAGMA foreign_keys=ON; PRAGMA secure_delete=FAST;";
static const char reader_settings[] = "PRAGMA query_only=ON; PRAGMA case_sensitive_like=ON; "
                                      "PRAGMA cache_size=-8192; PRAGMA mmap_size=0;";

static cim_status
set_up(struct host_connection *conn, cim_error *err)
{
    const int dqs[] = {SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_DQS_DDL};
    (void)sqlite3_extended_result_codes(conn->db, 1); /* cannot fail on an open handle */
    (void)sqlite3_busy_timeout(conn->db, BUSY_TIMEOUT_MS);
    for (size_t i = 0; i < sizeof dqs / sizeof dqs[0]; i++) {
        (void)sqlite3_db_config(conn->db, dqs[i], 0, NULL); /* "x" is a name, never a text */
    }
    sqlite3_progress_handler(conn->db, PROGRESS_OPS, on_progress, conn);
    if (conn->store->keep_log) {
        (void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    CIM_TRY(host_functions_register(conn, err));
    CIM_TRY(host_number_register(conn, err));
    CIM_TRY(host_relate_register(conn, err));
    CIM_TRY(host_text_register(conn, err));
    if (conn->is_writer) {
        CIM_TRY(host_gpkg_check_file(conn, err)); /* before anything is changed in it */
    }
    CIM_TRY(host_connection_exec(conn, conn->is_writer ? writer_settings : reader_settings, err));
    return conn->is_writer && conn->store->keep_log
               ? host_connection_exec(conn, "PRAGMA wal_autocheckpoint=0", err)
               : CIM_OK;
}

/* Of the process: without counts of memory no allocation takes a lock that all connections share.
 * Too late, and without effect, when something else in the process has used SQLite before. */
static void
configure_once(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

cim_status
host_connection_open(struct host_sqlite *store, bool is_writer, struct host_connection **ret_conn,
                     cim_error *err)
{
    const int flags = SQLITE_OPEN_NOMUTEX | (is_writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                                       : SQLITE_OPEN_READONLY);
    struct host_connection *conn = calloc(1, sizeof *conn);
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    cim_status status = CIM_OK;
    int code = SQLITE_OK;
    (void)pthread_once(&once, configure_once);
    if (conn == NULL) {
        return cim_fail_nomem(err);
    }
    conn->store = store;
    conn->is_writer = is_writer;
    code = sqlite3_open_v2(store->path, &conn->db, flags, NULL);
    status =
        code == SQLITE_OK ? set_up(conn, err) : host_sqlite_fail(conn->db, code, store->path, err);
    if (status != CIM_OK) {
        host_connection_close(conn);
        return status;
    }
    *ret_conn = conn;
    return CIM_OK;
}

void
host_connection_close(struct host_connection *conn)
{
    if (conn != NULL) {
        host_statements_free(conn);
        (void)sqlite3_close_v2(conn->db); /* statements are gone: nothing can hold it open */
        free(conn);
    }
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

static cim_status
open_reader(struct host_sqlite *store, struct host_connection **ret_conn, cim_error *err)
{
    const cim_status status = host_connection_open(store, false, ret_conn, err);
    if (status != CIM_OK) {
        pthread_mutex_lock(&store->pool.mutex);
        store->pool.n_open--;
        store->pool.n_busy--;
        pthread_cond_signal(&store->pool.freed);
        pthread_mutex_unlock(&store->pool.mutex);
    }
    return status;
}

cim_status
host_reader_acquire(struct host_sqlite *store, struct host_connection **ret_conn, cim_error *err)
{
    struct host_pool *pool = &store->pool;
    const struct timespec deadline = deadline_after(store->base.acquire_timeout_ms);
    struct host_connection *conn = NULL;
    bool fresh = false;
    int waited = 0;
    pthread_mutex_lock(&pool->mutex);
    while (pool->free == NULL && pool->n_open >= store->base.max_readers && waited == 0) {
        waited = pthread_cond_timedwait(&pool->freed, &pool->mutex, &deadline);
    }
    if (pool->free != NULL) {
        conn = pool->free;
        pool->free = conn->next_free;
        pool->n_busy++;
    } else if (pool->n_open < store->base.max_readers) {
        fresh = true;
        pool->n_open++;
        pool->n_busy++;
    }
    pthread_mutex_unlock(&pool->mutex);
    if (fresh) {
        return open_reader(store, ret_conn, err);
    }
    if (conn == NULL) {
        atomic_fetch_add(&store->base.n_busy, 1);
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "全部 %d 个读连接都在使用，请稍后再试",
                        "all %d read connections are taken, try again", store->base.max_readers);
    }
    *ret_conn = conn;
    return CIM_OK;
}

void
host_reader_release(struct host_connection *conn)
{
    struct host_pool *pool = &conn->store->pool;
    conn->deadline_ms = 0;
    pthread_mutex_lock(&pool->mutex);
    conn->next_free = pool->free;
    pool->free = conn;
    pool->n_busy--;
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->mutex);
}
