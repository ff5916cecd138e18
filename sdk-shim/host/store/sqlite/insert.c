/* host/store/sqlite/insert.c -- many rows into one table, without a trigger call per row.
 *
 * The connection leaves out its triggers meanwhile: the guard is for other programs, and the R-tree
 * gets the new rows afterwards, near ones together, which is several times as fast as in the order
 * of arrival. SQLite keeps a journal for every single statement that has any trigger, too. The file
 * keeps its triggers all the time; the transaction holds its lock. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"

enum { ROWS_LEAST = 50 /* fewer are not worth preparing statements again */ };

static cim_status
set_triggers(const struct host_sqlite_tx *tx, int on, cim_error *err)
{
    const int code = sqlite3_db_config(tx->conn->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, on, NULL);
    return code == SQLITE_OK ? CIM_OK : host_sqlite_fail(tx->conn->db, code, "triggers", err);
}

static cim_status
has_index(const struct host_sqlite_tx *tx, const char *table, int64_t *ret_has_index,
          cim_error *err)
{
    char *sql = NULL;
    cim_status status = CIM_OK;
    sql = sqlite3_mprintf("SELECT count(*) FROM gpkg_extensions WHERE table_name = %Q AND "
                          "extension_name = 'gpkg_rtree_index'",
                          table);
    if (sql == NULL) {
        return cim_fail_nomem(err);
    }
    status = host_connection_int(tx->conn, sql, ret_has_index, err);
    sqlite3_free(sql);
    return status;
}

static cim_status
insert_row(const struct host_sqlite_tx *tx, struct host_statement *statement,
           const cim_value *values, uint32_t n_values, int64_t *ret_fid, cim_error *err)
{
    cim_status status = host_statement_bind(tx->conn, statement, values, n_values, false, err);
    if (status == CIM_OK) {
        const int code = sqlite3_step(statement->stmt);
        status = code == SQLITE_DONE ? CIM_OK : host_sqlite_fail(tx->conn->db, code, "insert", err);
    }
    (void)sqlite3_reset(statement->stmt); /* repeats an error that was told already */
    if (status == CIM_OK) {
        *ret_fid = sqlite3_last_insert_rowid(tx->conn->db);
    }
    return status;
}

static cim_status
insert_rows(const struct host_sqlite_tx *tx, cim_insert *insert, struct host_statement *statement,
            cim_error *err)
{
    for (uint32_t row = 0; row < insert->n_rows; row++) {
        cim_error why = {.code = CIM_OK};
        const cim_status status =
            insert_row(tx, statement, insert->values + (size_t)row * insert->n_values,
                       insert->n_values, &insert->ret_fids[row], &why);
        if (host_store_refuses_row(status)) {
            if (insert->refused != NULL && insert->refused(insert, row, &why) != 0) {
                return CIM_OK;
            }
        } else if (status != CIM_OK) {
            if (err != NULL) {
                *err = why;
            }
            return status;
        }
    }
    return CIM_OK;
}

/* Their numbers rise, and nobody else has written in between. */
static cim_status
index_rows(const struct host_sqlite_tx *tx, const cim_insert *insert, cim_error *err)
{
    int64_t first = 0;
    int64_t last = 0;
    for (uint32_t row = 0; row < insert->n_rows; row++) {
        if (insert->ret_fids[row] != 0) {
            first = first == 0 ? insert->ret_fids[row] : first;
            last = insert->ret_fids[row];
        }
    }
    return first == 0 ? CIM_OK
                      : host_connection_execf(
                            tx->conn, err,
                            "INSERT INTO \"rtree_%w_geom\" SELECT fid, ST_MinX(geom), "
                            "ST_MaxX(geom), ST_MinY(geom), ST_MaxY(geom) FROM \"%w\" WHERE fid "
                            "BETWEEN %lld AND %lld AND geom NOT NULL AND NOT ST_IsEmpty(geom) "
                            "ORDER BY cim_cell(geom)",
                            insert->table, insert->table, (long long)first, (long long)last);
}

/* Rows that keep a number of their own lie anywhere among the others. */
static bool
has_fids(const cim_insert *insert)
{
    for (uint32_t i = 0; i < insert->n_values; i++) {
        if (strcmp(insert->values[i].name, "fid") == 0) {
            return true;
        }
    }
    return false;
}

static cim_status
insert_all(const struct host_sqlite_tx *tx, cim_insert *insert, cim_error *err)
{
    struct host_statement *statement = NULL;
    CIM_TRY(host_statement_get(tx->conn, insert->sql, &statement, err));
    const cim_status status = insert_rows(tx, insert, statement, err);
    host_statement_put(tx->conn, statement);
    return status;
}

cim_status
host_sqlite_insert(cim_tx *base, cim_insert *insert, cim_error *err)
{
    const struct host_sqlite_tx *tx = host_sqlite_tx_of(base);
    int64_t indexed = 0;
    if (insert->n_rows < ROWS_LEAST || has_fids(insert)) {
        return insert_all(tx, insert, err);
    }
    CIM_TRY(has_index(tx, insert->table, &indexed, err));
    CIM_TRY(set_triggers(tx, 0, err));
    cim_status status = insert_all(tx, insert, err);
    if (status == CIM_OK && indexed != 0) {
        status = index_rows(tx, insert, err);
    }
    const cim_status again = set_triggers(tx, 1, status == CIM_OK ? err : NULL);
    return status != CIM_OK ? status : again;
}
