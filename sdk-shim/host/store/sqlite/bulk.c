/* host/store/sqlite/bulk.c -- loading many records at once without a trigger call per row.
 *
 * Only the trigger that puts new rows into the R-tree goes; those for changed and deleted rows stay
 * and keep the index right. Afterwards the rows that it lacks are put in, near ones together, which
 * is several times as fast as in the order of arrival. The guard against foreign inserts goes with
 * it: SQLite keeps a journal for every single statement that has any trigger. The transaction holds
 * the file's lock meanwhile, and undoing it brings both triggers back. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"

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

cim_status
host_sqlite_bulk_begin(cim_tx *base, const char *table, cim_error *err)
{
    const struct host_sqlite_tx *tx = host_sqlite_tx_of(base);
    int64_t is_there = 0;
    CIM_TRY(host_gpkg_unguard_inserts(tx->conn, table, err));
    CIM_TRY(has_index(tx, table, &is_there, err));
    if (is_there == 0) {
        return CIM_OK; /* no geometry: nothing to put off */
    }
    return host_connection_execf(tx->conn, err, "DROP TRIGGER IF EXISTS \"rtree_%w_geom_insert\"",
                                 table);
}

cim_status
host_sqlite_bulk_end(cim_tx *base, const char *table, cim_error *err)
{
    const struct host_sqlite_tx *tx = host_sqlite_tx_of(base);
    int64_t is_there = 0;
    CIM_TRY(host_gpkg_guard_inserts(tx->conn, table, err));
    CIM_TRY(has_index(tx, table, &is_there, err));
    if (is_there == 0) {
        return CIM_OK;
    }
    CIM_TRY(host_connection_execf(
        tx->conn, err,
        "INSERT INTO \"rtree_%w_geom\" SELECT fid, ST_MinX(geom), ST_MaxX(geom), ST_MinY(geom), "
        "ST_MaxY(geom) FROM \"%w\" WHERE geom NOT NULL AND NOT ST_IsEmpty(geom) AND fid NOT IN "
        "(SELECT rowid FROM \"rtree_%w_geom_rowid\") ORDER BY cim_cell(geom)",
        table, table, table));
    CIM_TRY(host_connection_execf(tx->conn, err, "DROP TRIGGER IF EXISTS \"rtree_%w_geom_insert\"",
                                  table));
    return host_gpkg_insert_trigger(tx->conn, table, err);
}
