/* host/store/store.h -- the stores, whichever database runs.
 *
 * Two are open: that of the platform (accounts, sessions, settings) in `platform.db`, and that of
 * the data with their change log: either `cim.gpkg`, embedded, or PostgreSQL with PostGIS. The
 * functions mirror cim.store/1 (cim/store.h), where their contract is written; both databases speak
 * the same SQL subset.
 *
 * Embedded: SQLite in WAL, one writer thread with group commit; `platform.db` has mode 0600,
 * `cim.gpkg` is a valid GeoPackage that QGIS and GDAL open and only we write. PostgreSQL: a
 * transaction per caller, several at once; one sequencer gives out the positions, and write() waits
 * for it, at most some seconds: past that *ret_pos is 0, what was written stays written.
 */
#ifndef HOST_STORE_H
#define HOST_STORE_H

#include "cim/store.h"

#include <stdbool.h>

struct host_store;
struct host_clock;

enum host_store_kind { HOST_STORE_PLATFORM, HOST_STORE_DATA };

struct host_store_options {
    enum host_store_kind kind;
    const char *path; /* of the file; created when absent */
    const char *url;  /* postgresql://…; NULL or empty: the embedded store at `path` */
    const struct host_clock *clock;
    int32_t max_readers;     /* read connections at most */
    int32_t group_commit_ms; /* how long the writer gathers callers; 0: whoever is there */
    int64_t read_timeout_ms; /* a statement that runs longer is interrupted; 0: no limit */
    /* The same for each statement of a transaction, not of migrations: CIM_E_BUSY, and nothing of
     * the transaction is stored. */
    int64_t write_timeout_ms;
    /* Nothing is made, changed or migrated, write() is CIM_E_DENIED, and positions stay as they
     * were when it was opened: beside a host that serves. */
    bool read_only;
    int64_t acquire_timeout_ms; /* waiting for a read connection; 0: two seconds */
    const char *snapshot;       /* PostgreSQL, with read_only: everything is read as of this one */
    /* Embedded: the log goes back into the file through host_store_checkpoint() alone, also at the
     * end, so that an archive misses nothing of it. All processes that write must agree. */
    bool keep_log;
};

cim_status host_store_open(const struct host_store_options *options, struct host_store **ret_store,
                           cim_error *err);
/* Waits for the writer, checkpoints, closes. NULL-safe. */
void host_store_close(struct host_store *store);
bool host_store_is_read_only(const struct host_store *store);
/* Other hosts may have it open: a server's. */
bool host_store_is_shared(const struct host_store *store);
/* "platform.db", "cim.gpkg" or "postgresql": what people know it by. */
const char *host_store_name(const struct host_store *store);

/* Types of result columns: {wkb c} is WKB and {ms c} (also inside min and max) TIME_MS; a plain
 * column has its declared type (INTEGER INT64, REAL FLOAT64, BOOLEAN BOOL, DATETIME TIME_MS, TEXT
 * and DATE TEXT, geometries WKB); count() and length() are INT64, avg() FLOAT64, cast(x as type)
 * that type. Of any other expression the first row decides, and TEXT if it is absent there; a later
 * value that does not fit is an error that asks for a cast. */
cim_status host_store_read(struct host_store *store, const char *sql, const cim_value *values,
                           uint32_t n_values, cim_rows **ret_rows, cim_error *err);
cim_status host_store_write(struct host_store *store, cim_tx_fn fn, void *arg, int64_t *ret_pos,
                            cim_error *err);
cim_status host_store_exec(cim_tx *tx, const char *sql, const cim_value *values, uint32_t n_values,
                           int64_t *ret_changes, cim_error *err);
/* Of a statement that is not to fail and whose outcome is needed by nobody: it may travel with what
 * comes next. Where it fails all the same the transaction does, at the latest with its commit. */
cim_status host_store_exec_late(cim_tx *tx, const char *sql, const cim_value *values,
                                uint32_t n_values, cim_error *err);
cim_status host_store_query(cim_tx *tx, const char *sql, const cim_value *values, uint32_t n_values,
                            cim_rows **ret_rows, cim_error *err);
cim_status host_store_change(cim_tx *tx, const char *layer, int64_t fid, int32_t op,
                             const char *area_code, const char *owner_org, cim_error *err);
cim_status host_store_insert(cim_tx *tx, cim_insert *insert, cim_error *err);
void host_store_loaded(struct host_store *store, const char *table);
int64_t host_store_pos(struct host_store *store);
int64_t host_store_layer_pos(struct host_store *store, const char *layer);

/* One statement by itself, for callers without several. */
cim_status host_store_write_one(struct host_store *store, const char *sql, const cim_value *values,
                                uint32_t n_values, int64_t *ret_changes, cim_error *err);

/* ---- migrations ---- */

struct host_migration_report {
    int32_t n_applied; /* now */
    int32_t n_present; /* before */
    char last[128];    /* name of the newest */
};
/* Macros of migrations: {record} (the columns every record has), {geom Point}, the types {text}
 * {int} {real} {bool} {date} {time}; as statements of their own {layer TABLE GEOMETRY}, which
 * registers the table in the GeoPackage, indexes uid and makes the R-tree, and {attributes TABLE}
 * for tables that hold no records of a layer.
 *
 * Applies the files NNNN_name.sql of `dir` that `owner` ("host", a plugin id) has not applied yet,
 * in order, each in a transaction, recorded with its checksum. A file that changed after it was
 * applied, or a number that is missing, is refused by name. `progress` may be NULL. */
cim_status host_store_migrate(struct host_store *store, const char *owner, const char *dir,
                              void (*progress)(void *arg, const char *file, int32_t done,
                                               int32_t total),
                              void *arg, struct host_migration_report *ret_report, cim_error *err);
/* Applies what is due in one transaction that is rolled back, whatever comes of it: the failure
 * that host_store_migrate() would meet, or CIM_OK. */
cim_status host_store_rehearse(struct host_store *store, const char *owner, const char *dir,
                               void (*progress)(void *arg, const char *file, int32_t done,
                                                int32_t total),
                               void *arg, cim_error *err);
/* The tables that the applied migrations of `owner` made and that are there still, with their rows.
 */
cim_status host_store_tables_of(struct host_store *store, const char *owner, const char *dir,
                                void (*each)(void *arg, const char *table, int64_t n_rows),
                                void *arg, cim_error *err);
/* Drops those tables, and forgets the migrations and the undoable edits of its layers, all in one
 * transaction. The change log keeps its positions, the audit keeps all. */
cim_status host_store_purge(struct host_store *store, const char *owner, const char *dir,
                            cim_error *err);
/* How many files of `dir` wait to be applied. */
cim_status host_store_migrations_pending(struct host_store *store, const char *owner,
                                         const char *dir, int32_t *ret_pending, cim_error *err);

/* Compares a layer's table, as it is in the database now, with the layer's definition: another
 * program may have dropped or altered it. CIM_E_STATE names the table and what is wrong with it:
 * the column that is missing or of another type, the part of the spatial index that is missing or
 * not ours. Columns beyond the definition are nobody's concern. [any] */
struct cim_definition;
cim_status host_store_check_layer(struct host_store *store, const struct cim_definition *def,
                                  cim_error *err);

/* When each layer changed last, in ms UTC. `each` is called once a layer. [any] */
cim_status host_store_layer_changes(struct host_store *store,
                                    void (*each)(void *arg, const char *layer, int64_t at_ms),
                                    void *arg, cim_error *err);

/* ---- backups ---- */

/* Non-zero: stop. `total` 0: nobody knows how much it is. */
typedef int32_t (*host_store_progress)(void *arg, int64_t done, int64_t total);
/* `frozen` has what the backup has, and may be read until the function returns. */
typedef cim_status (*host_store_look)(void *arg, struct host_store *frozen, cim_error *err);
/* Writes all that the store holds, as of one moment, into the new file `path` (mode 0600) while
 * others write: a database file of the embedded store, an archive of pg_dump otherwise. Then calls
 * `look`. `progress` may be NULL. On failure the file may be there, unfinished. [worker] */
cim_status host_store_backup(struct host_store *store, const char *path,
                             host_store_progress progress, host_store_look look, void *arg,
                             cim_error *err);
/* Puts an archive of pg_dump into the empty database at `url`, in one transaction. A database file
 * needs no more than to be put in its place. [worker] */
cim_status host_store_restore(const char *url, const char *path, cim_error *err);

/* ---- the log of the embedded store (host/archive) ---- */

/* The database's file; NULL: a server has it. The log is beside it, with "-wal" behind its name. */
const char *host_store_path(const struct host_store *store);
/* Runs `fn` while nobody writes, in this process or another one; writers wait. CIM_E_STATE on a
 * server. [worker] */
cim_status host_store_quiet(struct host_store *store, cim_status (*fn)(void *arg, cim_error *err),
                            void *arg, cim_error *err);
/* Copies the log back into the file, as far as readers let it; *ret_whole: all of it, and the next
 * write begins the log anew. Within host_store_quiet() nothing comes in between. */
cim_status host_store_checkpoint(struct host_store *store, bool *ret_whole, cim_error *err);

/* Monotonic counters for /metrics. */
struct host_store_stats {
    int64_t reads;
    int64_t writes;
    int64_t commits;
    int64_t readers_open;
    int64_t busy;
};
void host_store_stats(struct host_store *store, struct host_store_stats *ret_stats);

#endif
