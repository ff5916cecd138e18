/* host/store/pg/rows.c -- results as cim_rows, row by row as they come in.
 *
 * A read holds its connection until its last row came in. Inside a transaction several cursors may
 * be open on one connection: what they have not read is set aside when it is needed. */
#include "host/store/pg/pg.h"

#include "cim/util.h"
#include "host/base/note.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <stdlib.h>
#include <string.h>

/* A result of one row, or of all of them. */
struct host_pg_piece {
    PGresult *result;
    struct host_pg_piece *next;
};

struct host_pg_rows {
    struct host_pg_connection *conn; /* NULL once nothing more comes */
    struct host_pg *store;
    struct host_pg_tx *tx; /* NULL: a read */
    struct host_pg_rows *next_open;
    int64_t time_left_ms; /* waiting for the server, not for clients; 0: any time */
    struct host_pg_piece *first;
    struct host_pg_piece **last;
    int row; /* of the first piece */
    bool cut_off;
    bool again; /* failed for a reason that a fresh connection does not have */
    uint32_t n_columns;
    Oid geometry_type;
    Oid *oids;
    uint32_t *types;
    char **names;
};

static void
drop_piece(struct host_pg_rows *rows)
{
    struct host_pg_piece *piece = rows->first;
    rows->first = piece->next;
    if (rows->first == NULL) {
        rows->last = &rows->first;
    }
    PQclear(piece->result);
    free(piece);
    rows->row = 0;
}

static cim_status
add_piece(struct host_pg_rows *rows, PGresult *result, cim_error *err)
{
    struct host_pg_piece *piece = calloc(1, sizeof *piece);
    if (piece == NULL) {
        PQclear(result);
        return cim_fail_nomem(err);
    }
    piece->result = result;
    *rows->last = piece;
    rows->last = &piece->next;
    return CIM_OK;
}

/* The connection has sent all that belongs to this cursor. */
static void
end_stream(struct host_pg_rows *rows)
{
    struct host_pg_connection *conn = rows->conn;
    rows->conn = NULL;
    if (conn != NULL && rows->tx == NULL) {
        host_pg_release(&rows->store->readers, conn);
    }
}

static void
leave_tx(struct host_pg_rows *rows)
{
    if (rows->tx != NULL) {
        for (struct host_pg_rows **at = &rows->tx->open_rows; *at != NULL; at = &(*at)->next_open) {
            if (*at == rows) {
                *at = rows->next_open;
                break;
            }
        }
        rows->tx = NULL;
    }
}

static struct host_pg_limit
limit_of(const struct host_pg_rows *rows)
{
    return host_pg_limit_of(rows->time_left_ms);
}

/* Ends it early. A read is stopped on the server, too; a cancel inside a transaction would end the
 * transaction. */
static void
stop_stream(struct host_pg_rows *rows)
{
    if (rows->conn != NULL) {
        struct host_pg_limit limit = limit_of(rows);
        if (rows->tx == NULL) {
            host_pg_cancel(rows->conn);
            limit = host_pg_limit_of(HOST_PG_GRACE_MS);
            limit.told = true;
        }
        host_pg_drain(rows->conn, limit);
        end_stream(rows);
    }
}

static void
rows_free(void *self)
{
    struct host_pg_rows *rows = self;
    stop_stream(rows);
    leave_tx(rows);
    while (rows->first != NULL) {
        drop_piece(rows);
    }
    for (uint32_t i = 0; rows->names != NULL && i < rows->n_columns; i++) {
        free(rows->names[i]);
    }
    free(rows->names);
    free(rows->oids);
    free(rows->types);
    free(rows);
}

/* Takes in the next result, if there is one. */
static cim_status
receive(struct host_pg_rows *rows, cim_error *err)
{
    const int64_t since_ms = host_monotonic_ms();
    struct host_pg_limit limit = limit_of(rows);
    PGresult *result = NULL;
    cim_status status = CIM_OK;
    if (rows->conn == NULL) {
        return CIM_OK;
    }
    host_note_progress();
    status = host_pg_result(rows->conn, &limit, &result, err);
    if (rows->time_left_ms > 0) {
        const int64_t left = rows->time_left_ms - (host_monotonic_ms() - since_ms);
        rows->time_left_ms = left > 1 ? left : 1;
    }
    if (status != CIM_OK) {
        rows->again = !rows->conn->silent;
        if (rows->tx != NULL) {
            rows->tx->broken = true;
        }
        end_stream(rows);
        return status;
    }
    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
        return add_piece(rows, result, err);
    case PGRES_TUPLES_OK: /* the end of the stream, or a whole result */
        host_pg_drain(rows->conn, limit);
        end_stream(rows);
        return add_piece(rows, result, err);
    default:
        status = host_pg_fail(rows->conn, result, err);
        if (host_pg_is_lost(rows->conn, result)) {
            rows->again = true;
            rows->conn->stale = true;
        }
        if (rows->tx != NULL) {
            rows->tx->broken = true;
            rows->tx->again = rows->tx->again || rows->again || host_pg_can_retry(result);
        }
        PQclear(result);
        host_pg_drain(rows->conn, limit);
        end_stream(rows);
        return status;
    }
}

/* Stands on a row: true. */
static cim_status
find_row(struct host_pg_rows *rows, bool *ret_there, cim_error *err)
{
    *ret_there = false;
    for (;;) {
        while (rows->first != NULL && rows->row >= PQntuples(rows->first->result)) {
            drop_piece(rows);
        }
        if (rows->first != NULL) {
            *ret_there = true;
            return CIM_OK;
        }
        if (rows->conn == NULL) {
            return CIM_OK;
        }
        CIM_TRY(receive(rows, err));
    }
}

static cim_status
append_row(struct host_pg_rows *rows, struct cim_batch_builder *builder, cim_error *err)
{
    const struct host_pg_connection types_of = {.geometry_type = rows->geometry_type};
    for (uint32_t c = 0; c < rows->n_columns; c++) {
        CIM_TRY(host_pg_append(&types_of, rows->oids[c], rows->types[c], rows->names[c],
                               rows->first->result, rows->row, c, builder, err));
    }
    rows->row++;
    return cim_batch_builder_end_row(builder, err);
}

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct host_pg_rows *rows = self;
    bool there = false;
    if (rows->cut_off) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "事务已结束，不能再读取其结果",
                        "the transaction has ended, its rows cannot be read any more");
    }
    CIM_TRY(find_row(rows, &there, err));
    while (there && cim_batch_builder_rows(builder) < HOST_STORE_BATCH_ROWS &&
           cim_batch_builder_bytes(builder) < HOST_STORE_BATCH_BYTES) {
        CIM_TRY(append_row(rows, builder, err));
        CIM_TRY(find_row(rows, &there, err));
    }
    return CIM_OK;
}

static cim_status
describe(struct host_pg_rows *rows, const struct host_pg_statement *statement,
         const struct host_pg_connection *conn, cim_error *err)
{
    const size_t n = (size_t)statement->n_columns;
    bool there = false;
    rows->oids = calloc(n + 1, sizeof *rows->oids);
    rows->types = calloc(n + 1, sizeof *rows->types);
    rows->names = calloc(n + 1, sizeof *rows->names);
    if (rows->oids == NULL || rows->types == NULL || rows->names == NULL) {
        return cim_fail_nomem(err);
    }
    rows->n_columns = (uint32_t)n;
    rows->geometry_type = conn->geometry_type;
    for (size_t i = 0; i < n; i++) {
        rows->oids[i] = statement->column_types[i];
        rows->names[i] = strdup(statement->marks[i].name);
        if (rows->names[i] == NULL) {
            return cim_fail_nomem(err);
        }
    }
    CIM_TRY(find_row(rows, &there, err)); /* so that failures come now, and numbers tell */
    for (size_t i = 0; i < n; i++) {
        bool sure = true;
        rows->types[i] = host_pg_column_type(conn, rows->oids[i], statement->marks[i].plan, &sure);
        if (!sure && there) {
            rows->types[i] = host_pg_numeric_type(rows->first->result, rows->row, (int)i);
        }
    }
    return CIM_OK;
}

static cim_status
no_columns(cim_error *err)
{
    return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "该语句没有结果列",
                    "the statement has no result columns");
}

/* Makes rows of what comes on the connection, or of `result`. Takes `result`. */
static cim_status
rows_new(struct host_pg_connection *conn, struct host_pg_tx *tx,
         const struct host_pg_statement *statement, PGresult *result, cim_rows **ret_rows,
         bool *ret_again, cim_error *err)
{
    struct host_pg_rows *rows = calloc(1, sizeof *rows);
    cim_status status = CIM_OK;
    if (rows == NULL) {
        PQclear(result);
        return cim_fail_nomem(err);
    }
    rows->store = conn->store;
    rows->time_left_ms = tx != NULL ? tx->base.timeout_ms : conn->store->base.read_timeout_ms;
    rows->last = &rows->first;
    rows->conn = result == NULL ? conn : NULL;
    if (tx != NULL) {
        rows->tx = tx;
        rows->next_open = tx->open_rows;
        tx->open_rows = rows;
    }
    if (result != NULL) {
        status = add_piece(rows, result, err);
    }
    if (status == CIM_OK) {
        status = describe(rows, statement, conn, err);
    }
    if (status == CIM_OK) {
        status = cim_rows_new(rows->n_columns, (const char *const *)rows->names, rows->types, fill,
                              rows_free, rows, ret_rows, err);
    }
    if (status != CIM_OK) {
        *ret_again = rows->again;
        rows_free(rows);
    }
    return status;
}

/* ---- reads ---- */

static cim_status
send(struct host_pg_connection *conn, const struct host_pg_statement *statement, cim_error *err)
{
    const struct host_pg_bound *bound = &conn->bound;
    if (PQsendQueryPrepared(conn->pg, statement->name, statement->text.n_parameters, bound->values,
                            bound->lengths, bound->formats, 1) != 1 ||
        PQsetSingleRowMode(conn->pg) != 1) {
        conn->stale = true;
        return host_pg_fail(conn, NULL, err);
    }
    return CIM_OK;
}

/* *ret_again: it failed before the first row, for a reason that a fresh connection does not have:
 * the server was away, or tables changed under a statement that was prepared before. */
static cim_status
try_read(struct host_pg *store, const char *sql, const cim_value *values, uint32_t n_values,
         cim_rows **ret_rows, bool *ret_again, cim_error *err)
{
    struct host_pg_connection *conn = NULL;
    struct host_pg_statement *statement = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(host_pg_acquire(store, &store->readers, &conn, err));
    status = host_pg_statement_get(conn, sql, values, n_values, &statement, err);
    if (status == CIM_OK && statement->n_columns == 0) {
        status = statement->text.writes
                     ? cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "read 只接受查询语句",
                                "read takes a select only")
                     : no_columns(err);
    }
    if (status == CIM_OK) {
        status = send(conn, statement, err);
    }
    if (status != CIM_OK) {
        *ret_again = !conn->silent && (conn->stale || PQstatus(conn->pg) != CONNECTION_OK);
        host_pg_release(&store->readers, conn);
        return status;
    }
    return rows_new(conn, NULL, statement, NULL, ret_rows, ret_again, err); /* takes conn */
}

cim_status
host_pg_read(struct host_store *base, const char *sql, const cim_value *values, uint32_t n_values,
             cim_rows **ret_rows, cim_error *err)
{
    bool again = false;
    cim_status status = try_read(host_pg_of(base), sql, values, n_values, ret_rows, &again, err);
    if (status != CIM_OK && again) {
        status = try_read(host_pg_of(base), sql, values, n_values, ret_rows, &again, err);
    }
    return status;
}

/* ---- inside transactions ---- */

cim_status
host_pg_rows_of_tx(struct host_pg_tx *tx, const struct host_pg_statement *statement,
                   cim_rows **ret_rows, cim_error *err)
{
    if (statement->n_columns == 0) {
        return no_columns(err);
    }
    const cim_status status = send(tx->conn, statement, err);
    if (status != CIM_OK) {
        tx->broken = true;
        return status;
    }
    bool again = false; /* noted in the transaction */
    return rows_new(tx->conn, tx, statement, NULL, ret_rows, &again, err);
}

cim_status
host_pg_rows_of_result(struct host_pg_tx *tx, const struct host_pg_statement *statement,
                       PGresult *result, cim_rows **ret_rows, cim_error *err)
{
    bool again = false; /* nothing is asked of the server */
    return rows_new(tx->conn, tx, statement, result, ret_rows, &again, err);
}

cim_status
host_pg_rows_set_aside(struct host_pg_tx *tx, cim_error *err)
{
    for (struct host_pg_rows *rows = tx->open_rows; rows != NULL; rows = rows->next_open) {
        while (rows->conn != NULL) {
            CIM_TRY(receive(rows, err));
        }
    }
    return CIM_OK;
}

void
host_pg_rows_end_all(struct host_pg_tx *tx)
{
    while (tx->open_rows != NULL) {
        struct host_pg_rows *rows = tx->open_rows;
        rows->cut_off = true;
        if (rows->conn != NULL) {
            host_pg_drain(rows->conn, limit_of(rows));
            rows->conn = NULL;
        }
        leave_tx(rows);
    }
}
