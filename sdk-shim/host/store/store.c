/* host/store/store.c -- the functions of store.h, handed to the driver of the store. */
#include "host/store/driver.h"

#include "cim/util.h"
#include "host/base/note.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int32_t
clamp(int64_t value, int32_t least, int32_t most)
{
    return (int32_t)(value < least ? least : value > most ? most : value);
}

void
host_store_init(struct host_store *store, const struct host_driver *driver,
                const struct host_store_options *options)
{
    store->driver = driver;
    store->kind = options->kind;
    store->clock = options->clock;
    store->read_only = options->read_only;
    store->max_readers = clamp(options->max_readers, 1, HOST_STORE_READERS_MAX);
    store->read_timeout_ms = options->read_timeout_ms;
    store->write_timeout_ms = options->write_timeout_ms;
    store->acquire_timeout_ms =
        options->acquire_timeout_ms > 0 ? options->acquire_timeout_ms : HOST_STORE_ACQUIRE_MS;
}

int64_t
host_store_now_ms(const struct host_store *store)
{
    return host_clock_now_ms(store->clock);
}

cim_status
host_store_open(const struct host_store_options *options, struct host_store **ret_store,
                cim_error *err)
{
    const char *url = options->url != NULL ? options->url : "";
    if (url[0] == '\0') {
        return host_sqlite_open(options, ret_store, err);
    }
    if (strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0) {
        return host_pg_open(options, ret_store, err);
    }
    return cim_fail(err, CIM_E_INVALID, "store.url", NULL,
                    "应以 postgresql:// 开头，留空则使用内置库",
                    "expected postgresql://…, or nothing for the embedded store");
}

void
host_store_close(struct host_store *store)
{
    if (store != NULL) {
        store->driver->close(store);
    }
}

bool
host_store_is_read_only(const struct host_store *store)
{
    return store->read_only;
}

bool
host_store_is_shared(const struct host_store *store)
{
    return store->driver->shared;
}

const char *
host_store_name(const struct host_store *store)
{
    return store->kind == HOST_STORE_PLATFORM ? "platform.db" : store->driver->name;
}

cim_status
host_store_read(struct host_store *store, const char *sql, const cim_value *values,
                uint32_t n_values, cim_rows **ret_rows, cim_error *err)
{
    atomic_fetch_add(&store->n_reads, 1);
    host_note_progress();
    return store->driver->read(store, sql, values, n_values, ret_rows, err);
}

cim_status
host_store_write(struct host_store *store, cim_tx_fn fn, void *arg, int64_t *ret_pos,
                 cim_error *err)
{
    if (store->read_only) {
        return cim_fail(err, CIM_E_DENIED, NULL, NULL, "此进程只读数据库",
                        "the store is read-only here");
    }
    atomic_fetch_add(&store->n_writes, 1);
    host_note_progress(); /* a load of many short writes never waits long enough to be noted */
    return store->driver->write(store, fn, arg, ret_pos, err);
}

cim_status
host_store_exec(cim_tx *tx, const char *sql, const cim_value *values, uint32_t n_values,
                int64_t *ret_changes, cim_error *err)
{
    host_note_progress();
    return tx->store->driver->exec(tx, sql, values, n_values, ret_changes, err);
}

cim_status
host_store_exec_late(cim_tx *tx, const char *sql, const cim_value *values, uint32_t n_values,
                     cim_error *err)
{
    const struct host_driver *driver = tx->store->driver;
    host_note_progress();
    return driver->exec_late != NULL ? driver->exec_late(tx, sql, values, n_values, err)
                                     : driver->exec(tx, sql, values, n_values, NULL, err);
}

cim_status
host_store_query(cim_tx *tx, const char *sql, const cim_value *values, uint32_t n_values,
                 cim_rows **ret_rows, cim_error *err)
{
    host_note_progress();
    return tx->store->driver->query(tx, sql, values, n_values, ret_rows, err);
}

cim_status
host_store_change(cim_tx *tx, const char *layer, int64_t fid, int32_t op, const char *area_code,
                  const char *owner_org, cim_error *err)
{
    if (op < CIM_CHANGE_CREATE || op > CIM_CHANGE_BULK) {
        return cim_fail(err, CIM_E_INTERNAL, "op", NULL, "变更类型 %d 未知", "unknown change %d",
                        op);
    }
    return tx->store->driver->change(tx, layer, fid, op, area_code, owner_org, err);
}

bool
host_store_refuses_row(cim_status status)
{
    return status == CIM_E_EXISTS || status == CIM_E_INVALID || status == CIM_E_TOO_LARGE;
}

cim_status
host_store_insert(cim_tx *tx, cim_insert *insert, cim_error *err)
{
    if (tx->store->kind != HOST_STORE_DATA || !host_sql_identifier(insert->table)) {
        return cim_fail(err, CIM_E_INVALID, "table", insert->table, "“%s”不是图层表",
                        "'%s' is no layer's table", insert->table);
    }
    if (insert->n_rows > CIM_INSERT_ROWS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "一次最多写入 %d 行",
                        "at most %d rows at once", CIM_INSERT_ROWS_MAX);
    }
    memset(insert->ret_fids, 0, insert->n_rows * sizeof *insert->ret_fids);
    host_note_progress();
    return insert->n_rows > 0 ? tx->store->driver->insert(tx, insert, err) : CIM_OK;
}

void
host_store_loaded(struct host_store *store, const char *table)
{
    if (store->driver->loaded != NULL && !store->read_only && host_sql_identifier(table)) {
        store->driver->loaded(store, table);
    }
}

int64_t
host_store_pos(struct host_store *store)
{
    return atomic_load_explicit(&store->positions.pos, memory_order_acquire);
}

int64_t
host_store_layer_pos(struct host_store *store, const char *layer)
{
    return host_positions_layer(&store->positions, layer);
}

/* Mode and place are ours before any tool writes to it. */
static cim_status
create_file(const char *path, cim_error *err)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cim_fail(err, errno == EEXIST ? CIM_E_EXISTS : CIM_E_IO, "path", path,
                        "无法创建备份文件（%s）", "the backup's file cannot be created (%s)",
                        strerrordesc_np(errno));
    }
    (void)close(fd); /* nothing was written */
    return CIM_OK;
}

cim_status
host_store_backup(struct host_store *store, const char *path, host_store_progress progress,
                  host_store_look look, void *arg, cim_error *err)
{
    CIM_TRY(create_file(path, err));
    return store->driver->backup(store, path, progress, look, arg, err);
}

cim_status
host_store_restore(const char *url, const char *path, cim_error *err)
{
    return host_pg_restore(url, path, err);
}

const char *
host_store_path(const struct host_store *store)
{
    return store->driver->path != NULL ? store->driver->path(store) : NULL;
}

static cim_status
refuse_server(cim_error *err)
{
    return cim_fail(err, CIM_E_STATE, "store.url", NULL, "只有内嵌库有日志文件",
                    "only the embedded store has a log of its own");
}

cim_status
host_store_quiet(struct host_store *store, cim_status (*fn)(void *arg, cim_error *err), void *arg,
                 cim_error *err)
{
    return store->driver->quiet != NULL ? store->driver->quiet(store, fn, arg, err)
                                        : refuse_server(err);
}

cim_status
host_store_checkpoint(struct host_store *store, bool *ret_whole, cim_error *err)
{
    return store->driver->checkpoint != NULL ? store->driver->checkpoint(store, ret_whole, err)
                                             : refuse_server(err);
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
    ret_stats->readers_open = store->driver->readers_open(store);
}
