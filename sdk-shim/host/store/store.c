/* host/store/store.c -- opening and closing the store. */
#include "host/store/store_internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int64_t
host_store_now_ms(const struct host_store *store)
{
    return host_clock_now_ms(store->clock);
}

/* The file exists before SQLite opens it, so that its mode, and with it the mode of the log beside
 * it, is ours alone from the first byte on. */
static cim_status
create_file(const char *path, cim_error *err)
{
    struct stat info;
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &info) != 0) {
        const int os = errno;
        char reason[128] = "";
        const char *text = strerror_r(os, reason, sizeof reason);
        const cim_status status =
            cim_fail(err, CIM_E_IO, "path", path, "无法打开或创建数据库文件（%s）",
                     "the database file cannot be opened or created (%s)", text);
        if (err != NULL) {
            err->os_errno = os;
        }
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    (void)close(fd); /* nothing was written */
    if (!S_ISREG(info.st_mode)) {
        return cim_fail(err, CIM_E_IO, "path", path, "数据库路径不是普通文件",
                        "the path of the database is no regular file");
    }
    return CIM_OK;
}

static cim_status
init_locks(struct host_store *store, cim_error *err)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0) {
        return cim_fail_nomem(err);
    }
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* known to every Linux */
    (void)pthread_mutex_init(&store->pool.mutex, NULL);           /* plain: cannot fail */
    (void)pthread_mutex_init(&store->writer.mutex, NULL);
    (void)pthread_cond_init(&store->pool.freed, &monotonic);
    (void)pthread_cond_init(&store->writer.wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    store->writer.last = &store->writer.first;
    store->writer.next_pos = 1;
    return CIM_OK;
}

static const char migration_table[] =
    "CREATE TABLE IF NOT EXISTS cim_migration (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
    "owner TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, "
    "applied_at DATETIME NOT NULL, UNIQUE (owner, number))";

static cim_status
init_schema(struct host_store *store, cim_error *err)
{
    struct host_connection *conn = store->writer.conn;
    CIM_TRY(host_connection_exec(conn, "BEGIN IMMEDIATE", err));
    CIM_TRY(host_gpkg_init(conn, err));
    CIM_TRY(host_connection_exec(conn, migration_table, err));
    if (store->kind == HOST_STORE_DATA) {
        CIM_TRY(host_gpkg_add_attributes(conn, "cim_migration", err));
        CIM_TRY(host_gpkg_guard_tables(conn, err));
    }
    return host_connection_exec(conn, "COMMIT", err);
}

static int32_t
clamp(int64_t value, int32_t least, int32_t most)
{
    return (int32_t)(value < least ? least : value > most ? most : value);
}

static cim_status
open_parts(struct host_store *store, const struct host_store_options *options, cim_error *err)
{
    store->kind = options->kind;
    store->clock = options->clock;
    store->max_readers = clamp(options->max_readers, 1, HOST_STORE_READERS_MAX);
    store->group_commit_ms = clamp(options->group_commit_ms, 0, HOST_STORE_GROUP_MS);
    store->read_timeout_ms = options->read_timeout_ms;
    store->acquire_timeout_ms =
        options->acquire_timeout_ms > 0 ? options->acquire_timeout_ms : HOST_STORE_ACQUIRE_MS;
    store->path = strdup(options->path);
    if (store->path == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(create_file(store->path, err));
    CIM_TRY(host_connection_open(store, true, &store->writer.conn, err));
    CIM_TRY(init_schema(store, err));
    return host_writer_start(store, err);
}

cim_status
host_store_open(const struct host_store_options *options, struct host_store **ret_store,
                cim_error *err)
{
    struct host_store *store = calloc(1, sizeof *store);
    cim_status status = CIM_OK;
    if (store == NULL) {
        return cim_fail_nomem(err);
    }
    status = init_locks(store, err);
    if (status != CIM_OK) {
        free(store);
        return status;
    }
    status = open_parts(store, options, err);
    if (status != CIM_OK) {
        host_store_close(store);
        return status;
    }
    *ret_store = store;
    return CIM_OK;
}

void
host_store_close(struct host_store *store)
{
    if (store == NULL) {
        return;
    }
    host_writer_stop(store);
    while (store->pool.free != NULL) {
        struct host_connection *conn = store->pool.free;
        store->pool.free = conn->next_free;
        host_connection_close(conn);
    }
    host_connection_close(store->writer.conn); /* the last one out checkpoints */
    host_positions_free(&store->positions);
    pthread_cond_destroy(&store->pool.freed);
    pthread_cond_destroy(&store->writer.wake);
    pthread_mutex_destroy(&store->pool.mutex);
    pthread_mutex_destroy(&store->writer.mutex);
    free(store->path);
    free(store);
}

struct single {
    const char *sql;
    const cim_value *values;
    uint32_t n_values;
    int64_t changes;
};

static cim_status
run_single(void *arg, cim_tx *tx, cim_error *err)
{
    struct single *single = arg;
    return host_store_exec(tx, single->sql, single->values, single->n_values, &single->changes,
                           err);
}

cim_status
host_store_write_one(struct host_store *store, const char *sql, const cim_value *values,
                     uint32_t n_values, int64_t *ret_changes, cim_error *err)
{
    struct single single = {.sql = sql, .values = values, .n_values = n_values};
    CIM_TRY(host_store_write(store, run_single, &single, NULL, err));
    if (ret_changes != NULL) {
        *ret_changes = single.changes;
    }
    return CIM_OK;
}

void
host_store_stats(struct host_store *store, struct host_store_stats *ret_stats)
{
    ret_stats->reads = atomic_load(&store->n_reads);
    ret_stats->writes = atomic_load(&store->n_writes);
    ret_stats->commits = atomic_load(&store->n_commits);
    ret_stats->busy = atomic_load(&store->n_busy);
    pthread_mutex_lock(&store->pool.mutex);
    ret_stats->readers_open = store->pool.n_open;
    pthread_mutex_unlock(&store->pool.mutex);
}
