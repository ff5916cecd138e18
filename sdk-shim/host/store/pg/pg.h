/* host/store/pg/pg.h -- what the files of the PostgreSQL driver share.
 *
 * Locks, none held over I/O: `pool.mutex` guards the free connections of a pool, `sequencer.mutex`
 * those who wait for a position. A connection belongs to the thread that took it; the sequencer's
 * to its thread alone.
 */
#ifndef HOST_STORE_PG_H
#define HOST_STORE_PG_H

#include "host/store/driver.h"
#include "kit/rows.h"

#include <libpq-fe.h>
#include <pthread.h>

enum {
    HOST_PG_VERSION_LEAST = 130000, /* pg_current_xact_id() */
    HOST_PG_WRITERS_MAX = 16,       /* transactions at once */
    HOST_PG_WRITE_WAIT_MS = 60000,  /* waiting for one of them */
    HOST_PG_ATTEMPTS_MAX = 6,       /* of a transaction that others got in the way of */
    HOST_PG_POS_WAIT_MS = 10000,    /* waiting for a position after the commit */
    HOST_PG_GRACE_MS = 5000,        /* for the end of what was told to stop */
    HOST_PG_CHANGES_MAX = 4096,     /* noted before they are sent */
    HOST_PG_NAME_MAX = 63,          /* of a parameter */
    HOST_PG_SNAPSHOT_MAX = 64,      /* bytes of the name of an exported one */
    HOST_PG_TEXTS_MAX = 64 << 20    /* of the values of one statement that are rewritten */
};

/* Object ids of the types that values travel in; they are the same in every database. */
enum {
    HOST_PG_BOOL = 16,
    HOST_PG_BYTEA = 17,
    HOST_PG_NAME = 19,
    HOST_PG_INT8 = 20,
    HOST_PG_INT2 = 21,
    HOST_PG_INT4 = 23,
    HOST_PG_TEXT = 25,
    HOST_PG_OID = 26,
    HOST_PG_FLOAT4 = 700,
    HOST_PG_FLOAT8 = 701,
    HOST_PG_UNKNOWN = 705,
    HOST_PG_BPCHAR = 1042,
    HOST_PG_VARCHAR = 1043,
    HOST_PG_DATE = 1082,
    HOST_PG_TIMESTAMPTZ = 1184,
    HOST_PG_NUMERIC = 1700
};

/* ---- SQL as PostgreSQL reads it (sql.c) ---- */

enum host_pg_kind { HOST_PG_PLAIN, HOST_PG_GEOMETRY, HOST_PG_TIME, HOST_PG_NOW };

struct host_pg_parameter {
    char name[HOST_PG_NAME_MAX + 1]; /* as the caller writes it */
    enum host_pg_kind kind;
};

struct host_pg_text {
    char *sql; /* macros expanded, :name as $n */
    int32_t n_parameters;
    struct host_pg_parameter *parameters;
    bool writes; /* insert, update or delete is in it */
};

cim_status host_pg_translate(const char *sql, struct host_pg_text *ret_text, cim_error *err);
void host_pg_text_done(struct host_pg_text *text);
cim_status host_pg_expand_schema(const char *sql, struct cim_buf *out, cim_error *err);
/* {s_intersects A B} and its like, {near TABLE :NAME} (relate.c) */
cim_status host_pg_add_relation(struct cim_buf *out, const char *name, enum host_relation relation,
                                const char *argument, cim_error *err);
cim_status host_pg_add_near(struct cim_buf *out, const char *argument, cim_error *err);

/* ---- prepared statements (statement.c, bind.c) ---- */

struct host_pg_statement {
    char *sql; /* before translation: the key, together with the types */
    uint64_t hash;
    uint64_t used;
    char name[24];
    char many[32]; /* its form for many rows (insert.c); "": not prepared */
    struct host_pg_text text;
    Oid *types; /* of the parameters, as the server sees them */
    int32_t n_columns;
    Oid *column_types;
    struct host_column_mark *marks; /* per column; the name filled in for each */
};

/* Values as they go over the wire; belongs to a connection. */
struct host_pg_bound {
    const char *values[HOST_STORE_PARAMETERS_MAX];
    int lengths[HOST_STORE_PARAMETERS_MAX];
    int formats[HOST_STORE_PARAMETERS_MAX];
    uint8_t numbers[HOST_STORE_PARAMETERS_MAX][8];
    struct cim_buf texts;
    size_t offsets[HOST_STORE_PARAMETERS_MAX]; /* into texts; SIZE_MAX: values holds it */
};

struct host_pg_connection {
    struct host_pg *store;
    PGconn *pg;
    bool is_writer;
    bool stale;         /* to be closed, not to be kept */
    bool silent;        /* the server did not answer in time: another try would not help */
    bool knows_changes; /* the insert into the change log is prepared */
    uint64_t tick;
    Oid geometry_type;
    struct host_pg_statement *statements[HOST_STORE_STATEMENTS_MAX];
    int32_t n_statements;
    struct host_pg_bound bound;
    struct host_pg_connection *next_free;
};

/* The prepared statement that fits the values, and the values bound to it (conn->bound). */
cim_status host_pg_statement_get(struct host_pg_connection *conn, const char *sql,
                                 const cim_value *values, uint32_t n_values,
                                 struct host_pg_statement **ret_statement, cim_error *err);
/* The same without asking the server. CIM_E_NOTFOUND, without words: it is not prepared yet. */
cim_status host_pg_statement_find(struct host_pg_connection *conn, const char *sql,
                                  const cim_value *values, uint32_t n_values,
                                  struct host_pg_statement **ret_statement, cim_error *err);
/* Forgets it here and on the server: its tables have changed. */
void host_pg_statement_drop(struct host_pg_connection *conn, struct host_pg_statement *statement);
void host_pg_statements_free(struct host_pg_connection *conn);
/* CIM_E_UNSUPPORTED, without words: the statement was prepared for other types. */
cim_status host_pg_bind(struct host_pg_connection *conn, const struct host_pg_statement *statement,
                        const cim_value *values, uint32_t n_values, cim_error *err);
/* Type to announce for a value when a statement is prepared; 0: the server finds out. */
Oid host_pg_type_of(const struct host_pg_parameter *parameter, const cim_value *value);
const cim_value *host_pg_find_value(const cim_value *values, uint32_t n_values, uint32_t hint,
                                    const char *name);
void host_pg_put_int(uint8_t *to, uint64_t value, unsigned n_bytes);
/* A binary array, built element by element; NULL is an absent one. (array.c) */
void host_pg_array_start(struct cim_buf *array);
void host_pg_array_add(struct cim_buf *array, const void *bytes, size_t len);
/* As the value of parameter `i`; valid as long as the array is. */
void host_pg_array_bind(struct host_pg_bound *bound, int i, struct cim_buf *array, Oid element,
                        int64_t n_elements);
/* Its only element, as the value of a parameter of that type. */
void host_pg_array_bind_only(struct host_pg_bound *bound, int i, const struct cim_buf *array);
/* Microseconds since 2000, the way timestamptz travels. */
int64_t host_pg_time(int64_t ms);

/* ---- connections (connection.c) ---- */

struct host_pg_pool {
    pthread_mutex_t mutex;
    pthread_cond_t freed;
    struct host_pg_connection *free;
    int32_t n_open;
    int32_t max;
    int64_t wait_ms;
    bool writes;
};

cim_status host_pg_connect(struct host_pg *store, bool is_writer,
                           struct host_pg_connection **ret_conn, cim_error *err);
void host_pg_disconnect(struct host_pg_connection *conn); /* NULL-safe */
cim_status host_pg_pool_init(struct host_pg_pool *pool, int32_t max, int64_t wait_ms, bool writes,
                             cim_error *err);
void host_pg_pool_done(struct host_pg_pool *pool);
cim_status host_pg_acquire(struct host_pg *store, struct host_pg_pool *pool,
                           struct host_pg_connection **ret_conn, cim_error *err);
void host_pg_release(struct host_pg_pool *pool, struct host_pg_connection *conn);

/* ---- waiting (wait.c) ---- */

struct host_pg_limit {
    int64_t until_ms; /* monotonic; 0: none */
    bool told;        /* the server is to stop; what comes then is waited for, not cancelled */
};

/* Of `ms` from now; 0: none. */
struct host_pg_limit host_pg_limit_of(int64_t ms);
/* The next result of what was sent; NULL after the last. Past the limit the server is told to stop,
 * which ends in a failed result, within HOST_PG_GRACE_MS: else the connection is given up. */
cim_status host_pg_result(struct host_pg_connection *conn, struct host_pg_limit *limit,
                          PGresult **ret_result, cim_error *err);
/* The limit of one statement on the connection. */
int64_t host_pg_statement_ms(const struct host_pg_connection *conn);
/* The last result of what was just sent, which is no failed one; `sent`: 1, as libpq says it. NULL:
 * nobody wants it. */
cim_status host_pg_answer(struct host_pg_connection *conn, int sent, int64_t limit_ms,
                          PGresult **ret_result, cim_error *err);
/* Statements without values, one after the other, within the limit of one statement. */
cim_status host_pg_run(struct host_pg_connection *conn, const char *sql, cim_error *err);
cim_status host_pg_ask(struct host_pg_connection *conn, const char *sql, PGresult **ret_result,
                       cim_error *err);
/* The first column of the first row as a number; 0 without rows. */
cim_status host_pg_int(struct host_pg_connection *conn, const char *sql, int64_t *ret_value,
                       cim_error *err);
cim_status host_pg_prepare(struct host_pg_connection *conn, const char *name, const char *sql,
                           int n_types, const Oid *types, cim_error *err);
/* Reads and drops results until the connection is idle again, or of no more use. */
void host_pg_drain(struct host_pg_connection *conn, struct host_pg_limit limit);
/* Tells the server to stop what runs. Where that cannot be said in time the connection is stale. */
void host_pg_cancel(struct host_pg_connection *conn);
/* Waits a while, under the mutex, on a condition of the monotonic clock; false past the limit. */
bool host_pg_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                       const struct host_pg_limit *limit);

cim_status host_pg_backup(struct host_store *base, const char *path, host_store_progress progress,
                          host_store_look look, void *arg, cim_error *err);

/* ---- failures (error.c) ---- */

/* The only place where PostgreSQL's failures become ours. `result` NULL: the connection's. */
cim_status host_pg_fail(const struct host_pg_connection *conn, const PGresult *result,
                        cim_error *err);
/* SQLSTATE of a failed result is one of these. */
bool host_pg_is_state(const PGresult *result, const char *state);
/* The connection is of no more use: the server went, or a prepared statement is out of date. */
bool host_pg_is_lost(const struct host_pg_connection *conn, const PGresult *result);
/* Others got in the way: the transaction can run again. */
bool host_pg_can_retry(const PGresult *result);

/* ---- results (rows.c, cell.c) ---- */

struct host_pg_tx;
struct host_pg_rows;

cim_status host_pg_read(struct host_store *base, const char *sql, const cim_value *values,
                        uint32_t n_values, cim_rows **ret_rows, cim_error *err);
/* Rows of what was just sent in single-row mode. */
cim_status host_pg_rows_of_tx(struct host_pg_tx *tx, const struct host_pg_statement *statement,
                              cim_rows **ret_rows, cim_error *err);
/* Rows of a whole result, which it takes (also on failure). */
cim_status host_pg_rows_of_result(struct host_pg_tx *tx, const struct host_pg_statement *statement,
                                  PGresult *result, cim_rows **ret_rows, cim_error *err);
/* What open cursors have not read yet goes into memory: the connection is needed. */
cim_status host_pg_rows_set_aside(struct host_pg_tx *tx, cim_error *err);
void host_pg_rows_end_all(struct host_pg_tx *tx);

/* cim_rows' type of a column; *ret_sure false: the first value tells. */
uint32_t host_pg_column_type(const struct host_pg_connection *conn, Oid type,
                             enum host_column_plan mark, bool *ret_sure);
uint32_t host_pg_numeric_type(const PGresult *result, int row, int column);
bool host_pg_type_known(const struct host_pg_connection *conn, Oid type);
cim_status host_pg_append(const struct host_pg_connection *conn, Oid oid, uint32_t type,
                          const char *name, const PGresult *result, int row, uint32_t column,
                          struct cim_batch_builder *builder, cim_error *err);

/* ---- transactions (tx.c, exec.c, change.c) ---- */

struct host_pg_tx {
    struct cim_tx base;
    struct host_pg_connection *conn;
    bool begun;
    bool broken;     /* the server has given the transaction up */
    bool again;      /* and it may run once more */
    bool lost;       /* whether the last command was run is not known */
    int32_t n_ahead; /* commands that wait in the pipeline for a sync */
    int64_t xact;    /* its number; 0: not told yet */
    int32_t n_noted;
    int32_t n_sent; /* changes that are with the server already */
    struct cim_buf layers;
    struct cim_buf fids;
    struct cim_buf ops;
    struct cim_buf areas;
    struct cim_buf owners;
    struct host_pg_rows *open_rows;
};

static inline struct host_pg_tx *
host_pg_tx_of(cim_tx *tx)
{
    return (struct host_pg_tx *)tx;
}

cim_status host_pg_write(struct host_store *base, cim_tx_fn fn, void *arg, int64_t *ret_pos,
                         cim_error *err);
cim_status host_pg_exec(cim_tx *base, const char *sql, const cim_value *values, uint32_t n_values,
                        int64_t *ret_changes, cim_error *err);
cim_status host_pg_exec_late(cim_tx *base, const char *sql, const cim_value *values,
                             uint32_t n_values, cim_error *err);
cim_status host_pg_query(cim_tx *base, const char *sql, const cim_value *values, uint32_t n_values,
                         cim_rows **ret_rows, cim_error *err);
cim_status host_pg_change(cim_tx *base, const char *layer, int64_t fid, int32_t op,
                          const char *area_code, const char *owner_org, cim_error *err);
cim_status host_pg_insert(cim_tx *base, cim_insert *insert, cim_error *err); /* insert.c */
/* The prepared statement, its values bound; a failure leaves the transaction usable. */
cim_status host_pg_tx_statement(struct host_pg_tx *tx, const char *sql, const cim_value *values,
                                uint32_t n_values, struct host_pg_statement **ret_statement,
                                cim_error *err);
void host_pg_changes_init(struct host_pg_tx *tx);
void host_pg_changes_done(struct host_pg_tx *tx);
/* Sends what was noted. */
cim_status host_pg_changes_flush(struct host_pg_tx *tx, cim_error *err);
/* Runs the named prepared statement, its values in conn->bound, behind `begin` where the
 * transaction has not begun; `guarded` in a savepoint, so that a failure undoes it alone. The
 * result is the caller's to clear. */
cim_status host_pg_tx_run(struct host_pg_tx *tx, const char *name, int32_t n_parameters,
                          bool guarded, PGresult **ret_result, cim_error *err);

/* Sends it ahead, unguarded: it travels with the next that is run, and its failure is found then
 * and fails the transaction. */
cim_status host_pg_tx_send(struct host_pg_tx *tx, const char *name, int32_t n_parameters,
                           cim_error *err);
/* Waits for what was sent ahead: the connection is needed. */
cim_status host_pg_tx_settle(struct host_pg_tx *tx, cim_error *err);

/* ---- positions (sequencer.c) ---- */

struct host_pg_waiter {
    int64_t xact;
    int64_t pos; /* 0: not yet */
    struct host_pg_waiter *next;
};

struct host_pg_sequencer {
    pthread_t thread;
    bool started;
    int wake_fd;
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    struct host_pg_waiter *waiters;
    bool stop;
    /* of its thread alone */
    struct host_pg_connection *conn;
    bool leads;
    bool ready; /* the change log is there */
    bool complained;
    int64_t seen;
};

cim_status host_pg_sequencer_start(struct host_pg *store, cim_error *err);
void host_pg_sequencer_stop(struct host_pg *store);
/* Something was committed, or a transaction that held others back is over. */
void host_pg_sequencer_wake(struct host_pg *store);
void host_pg_wait_begin(struct host_pg *store, struct host_pg_waiter *waiter);
/* Waits for the position of the transaction, at most HOST_PG_POS_WAIT_MS; 0 when it has none by
 * then. `committed` false: only takes the waiter back. */
int64_t host_pg_wait_end(struct host_pg *store, struct host_pg_waiter *waiter, bool committed);

/* ---- the store (store.c) ---- */

struct host_pg {
    struct host_store base;
    char *url;
    char snapshot[HOST_PG_SNAPSHOT_MAX]; /* "": each statement sees what is there then */
    struct host_pg_pool readers;
    struct host_pg_pool writers;
    struct host_pg_sequencer sequencer;
};

static inline struct host_pg *
host_pg_of(struct host_store *store)
{
    return (struct host_pg *)store;
}

#endif
