/* host/store/sqlite/store.c -- opening and closing the embedded store. */
#include "host/store/row.h"
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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
init_locks(struct host_sqlite *store, cim_error *err)
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
init_schema(struct host_sqlite *store, cim_error *err)
{
    struct host_connection *conn = store->writer.conn;
    CIM_TRY(host_connection_exec(conn, "BEGIN IMMEDIATE", err));
    CIM_TRY(host_gpkg_init(conn, err));
    CIM_TRY(host_connection_exec(conn, migration_table, err));
    if (store->base.kind == HOST_STORE_DATA) {
        CIM_TRY(host_gpkg_add_attributes(conn, "cim_migration", err));
        CIM_TRY(host_gpkg_guard_tables(conn, err));
    }
    return host_connection_exec(conn, "COMMIT", err);
}

static cim_status
load_positions(struct host_sqlite *store, cim_error *err)
{
    struct host_connection *conn = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(host_connection_open(store, false, &conn, err));
    status = host_sqlite_positions_load(store, conn, err);
    host_connection_close(conn);
    return status;
}

static cim_status
open_parts(struct host_sqlite *store, const struct host_store_options *options, cim_error *err)
{
    const int32_t gather_ms = options->group_commit_ms;
    store->group_commit_ms = gather_ms < 0                     ? 0
                             : gather_ms > HOST_STORE_GROUP_MS ? HOST_STORE_GROUP_MS
                                                               : gather_ms;
    store->keep_log = options->keep_log;
    store->path = strdup(options->path);
    if (store->path == NULL) {
        return cim_fail_nomem(err);
    }
    if (store->base.read_only) {
        return load_positions(store, err);
    }
    CIM_TRY(create_file(store->path, err));
    CIM_TRY(host_connection_open(store, true, &store->writer.conn, err));
    CIM_TRY(init_schema(store, err));
    return host_writer_start(store, err);
}

static void
close_store(struct host_store *base)
{
    struct host_sqlite *store = host_sqlite_of(base);
    host_writer_stop(store);
    while (store->pool.free != NULL) {
        struct host_connection *conn = store->pool.free;
        store->pool.free = conn->next_free;
        host_connection_close(conn);
    }
    /* The last one out copies the log back, unless it is to be kept. */
    host_connection_close(store->writer.conn);
    host_positions_free(&store->base.positions);
    pthread_cond_destroy(&store->pool.freed);
    pthread_cond_destroy(&store->writer.wake);
    pthread_mutex_destroy(&store->pool.mutex);
    pthread_mutex_destroy(&store->writer.mutex);
    free(store->path);
    free(store);
}

static const char *
path_of(const struct host_store *base)
{
    return ((const struct host_sqlite *)base)->path;
}

static int64_t
readers_open(struct host_store *base)
{
    struct host_sqlite *store = host_sqlite_of(base);
    int64_t n_open = 0;
    pthread_mutex_lock(&store->pool.mutex);
    n_open = store->pool.n_open;
    pthread_mutex_unlock(&store->pool.mutex);
    return n_open;
}

/* ---- migrations ---- */

static cim_status
run_schema(cim_tx *base, const char *statement, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf sql;
    cim_buf_init(&sql, CIM_SQL_TEXT_MAX);
    CIM_TRY(host_sql_expand_schema(statement, &sql, err));
    CIM_TRY(cim_buf_status(&sql, err));
    return sql.len > 0 ? host_connection_exec(host_sqlite_tx_of(base)->conn, sql.data, err)
                       : CIM_OK;
}

static cim_status
add_layer(cim_tx *base, const char *table, const char *geometry, cim_error *err)
{
    return host_gpkg_add_layer(host_sqlite_tx_of(base)->conn, table, geometry, err);
}

static cim_status
add_attributes(cim_tx *base, const char *table, cim_error *err)
{
    return host_gpkg_add_attributes(host_sqlite_tx_of(base)->conn, table, err);
}

static cim_status
drop_table(cim_tx *base, const char *table, cim_error *err)
{
    return host_gpkg_drop_table(host_sqlite_tx_of(base)->conn, table, err);
}

static cim_status
end_migration(cim_tx *base, cim_error *err)
{
    return base->store->kind == HOST_STORE_DATA
               ? host_gpkg_guard_tables(host_sqlite_tx_of(base)->conn, err)
               : CIM_OK;
}

/* ---- what is there of a table ---- */

static const char table_columns[] =
    "select cast(name as text), cast(type as text) from pragma_table_xinfo(:table)";

/* The spatial index and the guards, by name: what of them is not there, and triggers on the index
 * that other programs made (QGIS rebuilds an index with triggers of its own edition). */
static const char table_faults[] =
    "with part (name) as (select 'rtree_' || :table || '_geom' || suffix from (select '' as suffix "
    "union all select '_insert' union all select '_update2' union all select '_update4' union all "
    "select '_update5' union all select '_update6' union all select '_update7' union all select "
    "'_delete') where :has_geometry = 1 union all select 'cim_guard_' || event || '_' || :table "
    "from (select 'insert' as event union all select 'update' union all select 'delete')) "
    "select cast(part.name as text), cast('missing' as text) from part where not exists (select 1 "
    "from sqlite_schema s where s.name = part.name) union all select cast(s.name as text), "
    "cast('foreign' as text) from sqlite_schema s where s.type = 'trigger' and s.tbl_name = :table "
    "and substr(s.name, 1, 6) = 'rtree_' and s.name not in (select name from part)";

static const char tables[] =
    "select cast(name as text) from sqlite_schema where type = 'table' and name not like "
    "'sqlite\\_%' escape '\\' and name not like 'rtree\\_%' escape '\\' and name not like "
    "'gpkg\\_%' escape '\\' and name <> 'cim_migration' order by name";

static const char table_key[] =
    "select cast(name as text) from pragma_table_xinfo(:table) where pk > 0";

static const char last_fid[] =
    "select cast(seq as integer) from sqlite_sequence where name = :table";

static cim_status
set_last_fid(cim_tx *tx, const char *table, int64_t fid, cim_error *err)
{
    const cim_value values[] = {host_value_text("table", table), host_value_i64("fid", fid)};
    int64_t n_changed = 0;
    CIM_TRY(host_sqlite_exec(tx, "update sqlite_sequence set seq = :fid where name = :table",
                             values, 2, &n_changed, err));
    return n_changed > 0
               ? CIM_OK
               : host_sqlite_exec(tx,
                                  "insert into sqlite_sequence (name, seq) values (:table, :fid)",
                                  values, 2, NULL, err);
}

static void
type_of_geometry(const char *type, char *out, size_t out_size)
{
    cim_copy_text(out, out_size, type);
}

static const struct host_driver driver = {
    .name = "cim.gpkg",
    .close = close_store,
    .read = host_sqlite_read,
    .write = host_sqlite_write,
    .exec = host_sqlite_exec,
    .query = host_sqlite_query,
    .change = host_sqlite_change,
    .insert = host_sqlite_insert,
    .readers_open = readers_open,
    .backup = host_sqlite_backup,
    .path = path_of,
    .quiet = host_sqlite_quiet,
    .checkpoint = host_sqlite_checkpoint,
    .schema = run_schema,
    .add_layer = add_layer,
    .add_attributes = add_attributes,
    .drop_table = drop_table,
    .end_migration = end_migration,
    .table_columns = table_columns,
    .table_faults = table_faults,
    .tables = tables,
    .table_key = table_key,
    .last_fid = last_fid,
    .set_last_fid = set_last_fid,
    .type_of_word = host_sql_type_of_word,
    .type_of_geometry = type_of_geometry,
};

cim_status
host_sqlite_open(const struct host_store_options *options, struct host_store **ret_store,
                 cim_error *err)
{
    struct host_sqlite *store = calloc(1, sizeof *store);
    cim_status status = CIM_OK;
    if (store == NULL) {
        return cim_fail_nomem(err);
    }
    host_store_init(&store->base, &driver, options);
    status = init_locks(store, err);
    if (status != CIM_OK) {
        free(store);
        return status;
    }
    status = open_parts(store, options, err);
    if (status != CIM_OK) {
        close_store(&store->base);
        return status;
    }
    *ret_store = &store->base;
    return CIM_OK;
}
