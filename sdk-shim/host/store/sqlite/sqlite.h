/* host/store/sqlite/sqlite.h -- what the files of the embedded store share.
 *
 * Locks, none held over I/O: `pool.mutex` guards the free read connections, `queue.mutex` the
 * writer's queue. The writer connection belongs to the writer thread alone.
 */
#ifndef HOST_STORE_SQLITE_H
#define HOST_STORE_SQLITE_H

#include "host/store/driver.h"

#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
    HOST_STORE_QUEUE_MAX = 8192,     /* callers waiting for the writer */
    HOST_STORE_GROUP_MAX = 512,      /* callers per commit */
    HOST_STORE_GROUP_MS = 40,        /* work per commit, unless one caller needs more */
    HOST_STORE_FOREIGN_POLL_MS = 250 /* looking for commits of another process of ours */
};

/* ---- prepared statements (statement.c) ---- */

/* How the macros mark a parameter in the expanded statement. */
enum host_parameter_kind {
    HOST_PARAMETER_PLAIN = 0,
    HOST_PARAMETER_GEOMETRY, /* {geom :x} -> :cim_geom_x */
    HOST_PARAMETER_TIME,     /* {time :x} -> :cim_time_x */
    HOST_PARAMETER_NOW       /* {now} -> :cim_now */
};

struct host_parameter {
    char *name; /* as the caller writes it */
    enum host_parameter_kind kind;
};

struct host_statement {
    sqlite3_stmt *stmt;
    char *sql; /* before expansion: the key */
    uint64_t hash;
    uint64_t used; /* for eviction of the one unused longest */
    int32_t n_columns;
    uint8_t *plans;
    char **names; /* of the result columns */
    int32_t n_parameters;
    struct host_parameter *parameters;
    bool busy;
    bool cached;
};

struct host_connection {
    struct host_sqlite *store;
    sqlite3 *db;
    bool is_writer;
    int64_t deadline_ms; /* monotonic; 0: none */
    uint64_t tick;
    struct host_statement *statements[HOST_STORE_STATEMENTS_MAX];
    int32_t n_statements;
    struct host_connection *next_free;
};

cim_status host_statement_get(struct host_connection *conn, const char *sql,
                              struct host_statement **ret_statement, cim_error *err);
/* Resets it; frees one that is not cached. */
void host_statement_put(struct host_connection *conn, struct host_statement *statement);
cim_status host_statement_bind(struct host_connection *conn, struct host_statement *statement,
                               const cim_value *values, uint32_t n_values, bool copy,
                               cim_error *err);
/* Makes the plans anew after SQLite prepared the statement again for a changed schema. */
cim_status host_statement_replan(struct host_statement *statement, cim_error *err);
void host_statements_free(struct host_connection *conn);

/* ---- connections (connection.c) ---- */

cim_status host_connection_open(struct host_sqlite *store, bool is_writer,
                                struct host_connection **ret_conn, cim_error *err);
void host_connection_close(struct host_connection *conn);
cim_status host_connection_exec(struct host_connection *conn, const char *sql, cim_error *err);
/* First column of the first row; CIM_E_NOTFOUND without rows. */
cim_status host_connection_int(struct host_connection *conn, const char *sql, int64_t *ret_value,
                               cim_error *err);
cim_status host_reader_acquire(struct host_sqlite *store, struct host_connection **ret_conn,
                               cim_error *err);
void host_reader_release(struct host_connection *conn);

/* The only place where SQLite's failures become ours. `what` names the action for people. */
cim_status host_sqlite_fail(sqlite3 *db, int code, const char *what, cim_error *err);

/* ---- SQL (macros.c, geometry.c) ---- */

cim_status host_sql_expand_query(const char *sql, struct cim_buf *out, cim_error *err);
cim_status host_sql_expand_schema(const char *sql, struct cim_buf *out, cim_error *err);
/* "INTEGER" for "int"; NULL for what is no word. */
const char *host_sql_type_of_word(const char *word);
cim_status host_functions_register(struct host_connection *conn, cim_error *err);
/* Functions of number.c, relate.c and text.c. */
cim_status host_number_register(struct host_connection *conn, cim_error *err);
cim_status host_relate_register(struct host_connection *conn, cim_error *err);
cim_status host_text_register(struct host_connection *conn, cim_error *err);

/* WKB inside a GeoPackage binary; false when it is none. */
bool host_geometry_wkb(const void *blob, size_t len, const uint8_t **ret_wkb, size_t *ret_len);
/* A GeoPackage binary in EPSG:4490 from 2-D ISO WKB; *ret_blob by malloc. */
cim_status host_geometry_from_wkb(const void *wkb, size_t len, uint8_t **ret_blob, size_t *ret_len,
                                  cim_error *err);
/* min x, max x, min y, max y; false for empty or broken geometries. */
bool host_geometry_envelope(const void *blob, size_t len, double ret_envelope[4]);

/* ---- the GeoPackage (gpkg.c, gpkg_layer.c) ---- */

/* Refuses a file that is neither fresh nor ours; changes nothing. */
cim_status host_gpkg_check_file(struct host_connection *conn, cim_error *err);
/* Marks a fresh file as ours; a data store becomes a GeoPackage. */
cim_status host_gpkg_init(struct host_connection *conn, cim_error *err);
/* {layer TABLE GEOMETRY} and {attributes TABLE} of migrations. */
cim_status host_gpkg_add_layer(struct host_connection *conn, const char *table,
                               const char *geometry, cim_error *err);
/* With its R-tree and registrations; IF EXISTS. */
cim_status host_gpkg_drop_table(struct host_connection *conn, const char *table, cim_error *err);
cim_status host_gpkg_add_attributes(struct host_connection *conn, const char *table,
                                    cim_error *err);
/* Guards of every table that has none yet: writes of other programs fail on them. */
cim_status host_gpkg_guard_tables(struct host_connection *conn, cim_error *err);
/* `format` as sqlite3_mprintf() has it: %Q a text, %w an identifier within double quotes. */
cim_status host_connection_execf(struct host_connection *conn, cim_error *err, const char *format,
                                 ...);

cim_status host_sqlite_backup(struct host_store *base, const char *path,
                              host_store_progress progress, host_store_look look, void *arg,
                              cim_error *err);

/* ---- positions (change.c) ---- */

/* A change of the open transaction, not published yet. */
struct host_pending {
    int32_t layer;
    int64_t pos;
};

cim_status host_sqlite_positions_load(struct host_sqlite *store, struct host_connection *conn,
                                      cim_error *err);
cim_status host_sqlite_positions_store(struct host_sqlite *store, cim_error *err);
void host_sqlite_positions_publish(struct host_sqlite *store);

/* ---- the writer (writer.c) ---- */

struct host_rows;

/* What cim_tx_fn gets. */
struct host_sqlite_tx {
    struct cim_tx base;
    struct host_connection *conn;
    int32_t first_pending;
    struct host_rows *open_rows; /* cursors that the function has not released yet */
};

static inline struct host_sqlite_tx *
host_sqlite_tx_of(cim_tx *tx)
{
    return (struct host_sqlite_tx *)tx;
}

struct host_job {
    cim_tx_fn fn;
    cim_status (*quiet)(void *arg,
                        cim_error *err); /* in the place of `fn`: see host_store_quiet() */
    void *arg;
    cim_status status;
    cim_error error;
    int64_t pos;
    int32_t attempts;
    sem_t done;
    struct host_job *next;
};

struct host_writer {
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct host_job *first;
    struct host_job **last;
    int32_t n_queued;
    bool stop;
    /* of the writer thread alone */
    struct host_connection *conn;
    int64_t next_pos;
    int64_t data_version;
    struct host_pending *pending;
    int32_t n_pending;
    int32_t pending_capacity;
};

cim_status host_writer_start(struct host_sqlite *store, cim_error *err);
void host_writer_stop(struct host_sqlite *store);
/* Ends the cursors that a cim_tx_fn left open (query.c). */
void host_rows_end_all(struct host_sqlite_tx *tx);

struct host_pool {
    pthread_mutex_t mutex;
    pthread_cond_t freed;
    struct host_connection *free;
    int32_t n_open;
    int32_t n_busy;
};

struct host_sqlite {
    struct host_store base;
    char *path;
    int32_t group_commit_ms;
    bool keep_log;
    struct host_pool pool;
    struct host_writer writer;
};

static inline struct host_sqlite *
host_sqlite_of(struct host_store *store)
{
    return (struct host_sqlite *)store;
}

/* ---- the functions of the driver, where store.c does not have them ---- */

cim_status host_sqlite_read(struct host_store *base, const char *sql, const cim_value *values,
                            uint32_t n_values, cim_rows **ret_rows, cim_error *err);
cim_status host_sqlite_write(struct host_store *base, cim_tx_fn fn, void *arg, int64_t *ret_pos,
                             cim_error *err);
cim_status host_sqlite_exec(cim_tx *base, const char *sql, const cim_value *values,
                            uint32_t n_values, int64_t *ret_changes, cim_error *err);
cim_status host_sqlite_query(cim_tx *base, const char *sql, const cim_value *values,
                             uint32_t n_values, cim_rows **ret_rows, cim_error *err);
cim_status host_sqlite_change(cim_tx *base, const char *layer, int64_t fid, int32_t op,
                              const char *area_code, const char *owner_org, cim_error *err);
cim_status host_sqlite_insert(cim_tx *base, cim_insert *insert, cim_error *err); /* insert.c */
cim_status host_sqlite_quiet(struct host_store *base, cim_status (*fn)(void *arg, cim_error *err),
                             void *arg, cim_error *err);
cim_status host_sqlite_checkpoint(struct host_store *base, bool *ret_whole, cim_error *err);

#endif
