/* host/store/sqlite/gpkg.c -- the file itself: what makes it a GeoPackage 1.4, and ours. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"
#include "kit/cleanup.h"

enum {
    APPLICATION_GPKG = 0x47504B47,     /* "GPKG" */
    APPLICATION_PLATFORM = 0x43494D50, /* "CIMP" */
    GPKG_VERSION = 10400
};

static const char core_tables[] =
    "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, "
    "organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, "
    "definition TEXT NOT NULL, description TEXT);"
    "CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, "
    "identifier TEXT UNIQUE, description TEXT DEFAULT '', last_change DATETIME NOT NULL "
    "DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')), min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, "
    "max_y DOUBLE, srs_id INTEGER, CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) "
    "REFERENCES gpkg_spatial_ref_sys (srs_id));"
    "CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, "
    "geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, "
    "m TINYINT NOT NULL, CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), "
    "CONSTRAINT uk_gc_table_name UNIQUE (table_name), CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) "
    "REFERENCES gpkg_contents (table_name), CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) "
    "REFERENCES gpkg_spatial_ref_sys (srs_id));"
    "CREATE TABLE gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL,"
    " definition TEXT NOT NULL, scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, "
    "column_name, extension_name));";

/* The three rows that the standard demands, and CGCS2000. */
static const char reference_systems[] =
    "INSERT INTO gpkg_spatial_ref_sys VALUES "
    "('Undefined Cartesian SRS', -1, 'NONE', -1, 'undefined', "
    "'undefined Cartesian coordinate reference system'),"
    "('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', "
    "'undefined geographic coordinate reference system'),"
    "('WGS 84 geodetic', 4326, 'EPSG', 4326, 'GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\","
    "SPHEROID[\"WGS 84\",6378137,298.257223563,AUTHORITY[\"EPSG\",\"7030\"]],"
    "AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0,AUTHORITY[\"EPSG\",\"8901\"]],"
    "UNIT[\"degree\",0.0174532925199433,AUTHORITY[\"EPSG\",\"9122\"]],AXIS[\"Latitude\",NORTH],"
    "AXIS[\"Longitude\",EAST],AUTHORITY[\"EPSG\",\"4326\"]]', "
    "'longitude/latitude coordinates in decimal degrees on the WGS 84 spheroid'),"
    "('China Geodetic Coordinate System 2000', 4490, 'EPSG', 4490, "
    "'GEOGCS[\"China Geodetic Coordinate System 2000\",DATUM[\"China_2000\","
    "SPHEROID[\"CGCS2000\",6378137,298.257222101,AUTHORITY[\"EPSG\",\"1024\"]],"
    "AUTHORITY[\"EPSG\",\"1043\"]],PRIMEM[\"Greenwich\",0,AUTHORITY[\"EPSG\",\"8901\"]],"
    "UNIT[\"degree\",0.0174532925199433,AUTHORITY[\"EPSG\",\"9122\"]],AXIS[\"Latitude\",NORTH],"
    "AXIS[\"Longitude\",EAST],AUTHORITY[\"EPSG\",\"4490\"]]', "
    "'longitude/latitude coordinates in decimal degrees in CGCS2000');";

cim_status
host_gpkg_check_file(struct host_connection *conn, cim_error *err)
{
    const struct host_sqlite *store = conn->store;
    const int64_t wanted =
        store->base.kind == HOST_STORE_DATA ? APPLICATION_GPKG : APPLICATION_PLATFORM;
    int64_t application = 0;
    int64_t n_tables = 0;
    int64_t ours = 0;
    CIM_TRY(host_connection_int(conn, "PRAGMA application_id", &application, err));
    CIM_TRY(host_connection_int(conn, "SELECT count(*) FROM sqlite_schema", &n_tables, err));
    if (application == 0 && n_tables == 0) {
        return CIM_OK; /* fresh */
    }
    CIM_TRY(host_connection_int(
        conn, "SELECT count(*) FROM sqlite_schema WHERE name = 'cim_migration'", &ours, err));
    if (application == wanted && ours == 1) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_STATE, "path", store->path,
                    "该文件不是本平台的数据库，未作改动（请另选路径或用 import 导入其数据）",
                    "the file is no database of this platform and is left alone (choose another "
                    "path, or import its data)");
}

cim_status
host_gpkg_init(struct host_connection *conn, cim_error *err)
{
    int64_t n_tables = 0;
    CIM_TRY(host_connection_int(conn, "SELECT count(*) FROM sqlite_schema", &n_tables, err));
    if (n_tables > 0) {
        return CIM_OK;
    }
    if (conn->store->base.kind == HOST_STORE_PLATFORM) {
        return host_connection_execf(conn, err, "PRAGMA application_id = %d", APPLICATION_PLATFORM);
    }
    CIM_TRY(host_connection_execf(conn, err, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                                  APPLICATION_GPKG, GPKG_VERSION));
    CIM_TRY(host_connection_exec(conn, core_tables, err));
    return host_connection_exec(conn, reference_systems, err);
}

static const char unguarded_tables[] =
    "SELECT name FROM sqlite_schema t WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE "
    "'\\' AND name NOT LIKE 'rtree\\_%' ESCAPE '\\' AND NOT EXISTS (SELECT 1 FROM sqlite_schema g "
    "WHERE g.type = 'trigger' AND g.tbl_name = t.name AND g.name = 'cim_guard_insert_' || t.name)";

static cim_status
guard(struct host_connection *conn, const char *table, const char *event, cim_error *err)
{
    return host_connection_execf(
        conn, err,
        "CREATE TRIGGER \"cim_guard_%w_%w\" BEFORE %s ON \"%w\" WHEN cim_writer() IS NOT 1 "
        "BEGIN SELECT RAISE(ABORT, 'this file is written by cim-host only'); END",
        event, table, event, table);
}

static cim_status
guard_table(struct host_connection *conn, const char *table, cim_error *err)
{
    CIM_TRY(guard(conn, table, "insert", err));
    CIM_TRY(guard(conn, table, "update", err));
    return guard(conn, table, "delete", err);
}

cim_status
host_gpkg_guard_tables(struct host_connection *conn, cim_error *err)
{
    sqlite3_stmt *stmt = NULL;
    cim_status status = CIM_OK;
    int code = sqlite3_prepare_v2(conn->db, unguarded_tables, -1, &stmt, NULL);
    if (code != SQLITE_OK) {
        return host_sqlite_fail(conn->db, code, "guards", err);
    }
    /* A trigger changes the schema under the statement: one table per step, from the start. */
    while (status == CIM_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        char *table = sqlite3_mprintf("%s", (const char *)sqlite3_column_text(stmt, 0));
        (void)sqlite3_reset(stmt); /* the step succeeded */
        status = table != NULL ? guard_table(conn, table, err) : cim_fail_nomem(err);
        sqlite3_free(table);
    }
    if (status == CIM_OK && code != SQLITE_DONE) {
        status = host_sqlite_fail(conn->db, code, "guards", err);
    }
    (void)sqlite3_finalize(stmt); /* repeats an error that was told already */
    return status;
}
