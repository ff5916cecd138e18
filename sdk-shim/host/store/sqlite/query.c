/* host/store/sqlite/query.c -- results of statements as cim_rows, and the statements of a
 * transaction. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/time.h"

#include <math.h>
#include <stdlib.h>

/* A cursor over a running statement. Of a read it holds the connection until its end. */
struct host_rows {
    struct host_connection *conn;
    struct host_statement *statement; /* NULL once it ended */
    struct host_sqlite_tx *tx;        /* NULL: a read */
    struct host_rows *next_open;      /* of the transaction */
    int64_t time_left_ms;             /* spent in SQLite, not waiting for clients; 0: any time */
    uint32_t n_columns;
    bool has_row; /* the statement stands on a row that no batch holds yet */
    bool cut_off; /* the transaction ended under it */
    uint32_t *types;
    const char *const *names; /* of the statement: valid while it is ours */
};

static void
end_statement(struct host_rows *rows)
{
    struct host_connection *conn = rows->conn;
    if (rows->statement == NULL) {
        return;
    }
    host_statement_put(conn, rows->statement);
    rows->statement = NULL;
    rows->has_row = false;
    if (rows->tx == NULL) {
        host_reader_release(conn);
        return;
    }
    for (struct host_rows **at = &rows->tx->open_rows; *at != NULL; at = &(*at)->next_open) {
        if (*at == rows) {
            *at = rows->next_open;
            break;
        }
    }
    rows->tx = NULL;
}

void
host_rows_end_all(struct host_sqlite_tx *tx)
{
    while (tx->open_rows != NULL) {
        tx->open_rows->cut_off = true;
        end_statement(tx->open_rows);
    }
}

static void
rows_free(void *self)
{
    struct host_rows *rows = self;
    end_statement(rows);
    free(rows->types);
    free(rows);
}

static cim_status
step(struct host_rows *rows, cim_error *err)
{
    const int code = sqlite3_step(rows->statement->stmt);
    rows->has_row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE
               ? CIM_OK
               : host_sqlite_fail(rows->conn->db, code, "query", err);
}

static cim_status
wrong_type(const struct host_rows *rows, uint32_t column, const char *wanted, cim_error *err)
{
    return cim_fail(err, CIM_E_INTERNAL, rows->names[column], NULL,
                    "列“%s”的值类型不一致（应为 %s），请在语句中使用 cast",
                    "column '%s' mixes types (expected %s): use cast in the statement",
                    rows->names[column], wanted);
}

static cim_status
append_int(const struct host_rows *rows, struct cim_batch_builder *builder, uint32_t column,
           sqlite3_stmt *stmt, cim_error *err)
{
    const int i = (int)column;
    if (sqlite3_column_type(stmt, i) == SQLITE_INTEGER) {
        cim_batch_append_i64(builder, column, sqlite3_column_int64(stmt, i));
        return CIM_OK;
    }
    if (sqlite3_column_type(stmt, i) == SQLITE_FLOAT) {
        const double value = sqlite3_column_double(stmt, i);
        if (fabs(value) < 9e15 && value == trunc(value)) {
            cim_batch_append_i64(builder, column, (int64_t)value);
            return CIM_OK;
        }
    }
    return wrong_type(rows, column, "integer", err);
}

static cim_status
append_time(const struct host_rows *rows, struct cim_batch_builder *builder, uint32_t column,
            sqlite3_stmt *stmt, cim_error *err)
{
    const int i = (int)column;
    int64_t ms = 0;
    if (sqlite3_column_type(stmt, i) == SQLITE_INTEGER) {
        cim_batch_append_i64(builder, column, sqlite3_column_int64(stmt, i));
        return CIM_OK;
    }
    if (sqlite3_column_type(stmt, i) != SQLITE_TEXT ||
        cim_time_parse((const char *)sqlite3_column_text(stmt, i),
                       (size_t)sqlite3_column_bytes(stmt, i), &ms) != CIM_OK) {
        return wrong_type(rows, column, "time", err);
    }
    cim_batch_append_i64(builder, column, ms);
    return CIM_OK;
}

static void
append_blob(const struct host_rows *rows, struct cim_batch_builder *builder, uint32_t column,
            sqlite3_stmt *stmt)
{
    const void *blob = sqlite3_column_blob(stmt, (int)column);
    size_t len = (size_t)sqlite3_column_bytes(stmt, (int)column);
    const uint8_t *wkb = NULL;
    size_t wkb_len = 0;
    if (rows->statement->plans[column] == HOST_PLAN_GEOMETRY &&
        host_geometry_wkb(blob, len, &wkb, &wkb_len)) {
        blob = wkb;
        len = wkb_len;
    }
    cim_batch_append_bytes(builder, column, blob != NULL ? blob : "", len);
}

static cim_status
append_row(const struct host_rows *rows, struct cim_batch_builder *builder, cim_error *err)
{
    sqlite3_stmt *stmt = rows->statement->stmt;
    for (uint32_t c = 0; c < rows->n_columns; c++) {
        const int i = (int)c;
        if (sqlite3_column_type(stmt, i) == SQLITE_NULL) {
            cim_batch_append_null(builder, c);
            continue;
        }
        switch (rows->types[c]) {
        case CIM_COL_INT64:
        case CIM_COL_BOOL:
            CIM_TRY(append_int(rows, builder, c, stmt, err));
            break;
        case CIM_COL_FLOAT64:
            if (sqlite3_column_type(stmt, i) == SQLITE_TEXT) {
                return wrong_type(rows, c, "number", err);
            }
            cim_batch_append_f64(builder, c, sqlite3_column_double(stmt, i));
            break;
        case CIM_COL_TIME_MS:
            CIM_TRY(append_time(rows, builder, c, stmt, err));
            break;
        case CIM_COL_WKB:
            append_blob(rows, builder, c, stmt);
            break;
        default: {
            const void *text = sqlite3_column_text(stmt, i);
            cim_batch_append_bytes(builder, c, text, (size_t)sqlite3_column_bytes(stmt, i));
            break;
        }
        }
    }
    return cim_batch_builder_end_row(builder, err);
}

/* The time that one call may take; the clock stands while the client is slow. */
static void
start_clock(struct host_rows *rows, int64_t now_ms)
{
    if (rows->time_left_ms > 0) {
        rows->conn->deadline_ms = now_ms + rows->time_left_ms;
    }
}

static void
stop_clock(struct host_rows *rows, int64_t since_ms)
{
    if (rows->statement != NULL && rows->time_left_ms > 0) {
        const int64_t left = rows->time_left_ms - (host_monotonic_ms() - since_ms);
        rows->time_left_ms = left > 1 ? left : 1;
        rows->conn->deadline_ms = 0;
    }
}

static cim_status
fill_steps(struct host_rows *rows, struct cim_batch_builder *builder, cim_error *err)
{
    while (rows->has_row && cim_batch_builder_rows(builder) < HOST_STORE_BATCH_ROWS &&
           cim_batch_builder_bytes(builder) < HOST_STORE_BATCH_BYTES) {
        CIM_TRY(append_row(rows, builder, err));
        CIM_TRY(step(rows, err));
    }
    return CIM_OK;
}

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct host_rows *rows = self;
    const int64_t since_ms = host_monotonic_ms();
    cim_status status = CIM_OK;
    if (rows->cut_off) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "事务已结束，不能再读取其结果",
                        "the transaction has ended, its rows cannot be read any more");
    }
    if (rows->statement == NULL) {
        return CIM_OK;
    }
    start_clock(rows, since_ms);
    status = fill_steps(rows, builder, err);
    if (status != CIM_OK || !rows->has_row) {
        end_statement(rows); /* gives the connection back as early as can be */
    } else {
        stop_clock(rows, since_ms);
    }
    return status;
}

static uint32_t
type_of(const struct host_rows *rows, int column)
{
    switch (rows->statement->plans[column]) {
    case HOST_PLAN_INT64:
        return CIM_COL_INT64;
    case HOST_PLAN_FLOAT64:
        return CIM_COL_FLOAT64;
    case HOST_PLAN_BOOL:
        return CIM_COL_BOOL;
    case HOST_PLAN_TIME:
        return CIM_COL_TIME_MS;
    case HOST_PLAN_GEOMETRY:
    case HOST_PLAN_BLOB:
        return CIM_COL_WKB;
    case HOST_PLAN_TEXT:
        return CIM_COL_TEXT;
    default:
        break;
    }
    switch (rows->has_row ? sqlite3_column_type(rows->statement->stmt, column) : SQLITE_NULL) {
    case SQLITE_INTEGER:
        return CIM_COL_INT64;
    case SQLITE_FLOAT:
        return CIM_COL_FLOAT64;
    case SQLITE_BLOB:
        return CIM_COL_WKB;
    default:
        return CIM_COL_TEXT;
    }
}

static cim_status
describe(struct host_rows *rows, cim_error *err)
{
    sqlite3_stmt *stmt = rows->statement->stmt;
    if (sqlite3_column_count(stmt) != rows->statement->n_columns) {
        CIM_TRY(host_statement_replan(rows->statement, err));
    }
    rows->n_columns = (uint32_t)rows->statement->n_columns;
    rows->names = (const char *const *)rows->statement->names;
    rows->types = calloc((size_t)rows->n_columns + 1, sizeof *rows->types);
    if (rows->types == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < rows->n_columns; i++) {
        rows->types[i] = type_of(rows, (int)i);
    }
    return CIM_OK;
}

/* Binds, takes the first step (so that failures come now, and types are known), makes rows. */
static cim_status
start(struct host_rows *rows, const cim_value *values, uint32_t n_values, cim_rows **ret_rows,
      cim_error *err)
{
    const int64_t since_ms = host_monotonic_ms();
    CIM_TRY(host_statement_bind(rows->conn, rows->statement, values, n_values, true, err));
    start_clock(rows, since_ms);
    CIM_TRY(step(rows, err));
    CIM_TRY(describe(rows, err));
    stop_clock(rows, since_ms);
    return cim_rows_new(rows->n_columns, rows->names, rows->types, fill, rows_free, rows, ret_rows,
                        err);
}

static cim_status
open_rows(struct host_connection *conn, struct host_sqlite_tx *tx, const char *sql,
          const cim_value *values, uint32_t n_values, cim_rows **ret_rows, cim_error *err)
{
    struct host_rows *rows = calloc(1, sizeof *rows);
    cim_status status = CIM_OK;
    if (rows == NULL) {
        return cim_fail_nomem(err);
    }
    rows->conn = conn;
    rows->time_left_ms = tx != NULL ? tx->base.timeout_ms : conn->store->base.read_timeout_ms;
    status = host_statement_get(conn, sql, &rows->statement, err);
    if (status != CIM_OK) {
        free(rows);
        return status;
    }
    if (tx != NULL) {
        rows->tx = tx;
        rows->next_open = tx->open_rows;
        tx->open_rows = rows;
    } else if (!sqlite3_stmt_readonly(rows->statement->stmt)) {
        status = cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "read 只接受查询语句",
                          "read takes a select only");
    }
    if (status == CIM_OK && rows->statement->n_columns == 0) {
        status = cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "该语句没有结果列",
                          "the statement has no result columns");
    }
    if (status == CIM_OK) {
        status = start(rows, values, n_values, ret_rows, err);
    }
    if (status != CIM_OK) {
        /* A read that failed leaves its connection to host_sqlite_read(). */
        if (tx == NULL) {
            host_statement_put(conn, rows->statement);
            rows->statement = NULL;
        }
        rows_free(rows);
    }
    return status;
}

cim_status
host_sqlite_read(struct host_store *base, const char *sql, const cim_value *values,
                 uint32_t n_values, cim_rows **ret_rows, cim_error *err)
{
    struct host_connection *conn = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(host_reader_acquire(host_sqlite_of(base), &conn, err));
    status = open_rows(conn, NULL, sql, values, n_values, ret_rows, err);
    if (status != CIM_OK) {
        host_reader_release(conn);
    }
    return status;
}

cim_status
host_sqlite_query(cim_tx *base, const char *sql, const cim_value *values, uint32_t n_values,
                  cim_rows **ret_rows, cim_error *err)
{
    struct host_sqlite_tx *tx = host_sqlite_tx_of(base);
    return open_rows(tx->conn, tx, sql, values, n_values, ret_rows, err);
}

cim_status
host_sqlite_exec(cim_tx *base, const char *sql, const cim_value *values, uint32_t n_values,
                 int64_t *ret_changes, cim_error *err)
{
    const struct host_sqlite_tx *tx = host_sqlite_tx_of(base);
    struct host_statement *statement = NULL;
    cim_status status = CIM_OK;
    int code = SQLITE_OK;
    CIM_TRY(host_statement_get(tx->conn, sql, &statement, err));
    status = host_statement_bind(tx->conn, statement, values, n_values, false, err);
    if (status == CIM_OK) {
        tx->conn->deadline_ms =
            tx->base.timeout_ms > 0 ? host_monotonic_ms() + tx->base.timeout_ms : 0;
        do {
            code = sqlite3_step(statement->stmt);
        } while (code == SQLITE_ROW);
        tx->conn->deadline_ms = 0;
        if (code != SQLITE_DONE) {
            status = host_sqlite_fail(tx->conn->db, code, "exec", err);
        } else if (ret_changes != NULL) {
            *ret_changes = sqlite3_changes64(tx->conn->db);
        }
    }
    host_statement_put(tx->conn, statement);
    return status;
}
