/* host/store/sqlite/gpkg_layer.c -- registering tables of migrations: contents, geometry column,
 * R-tree.
 *
 * The triggers are those of GeoPackage 1.4: `update1` and `update3` of older editions leave wrong
 * entries after an upsert, so update6, update7 and update5 stand in their place. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <string.h>

#define BOUNDS      "ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom)"
#define FILLED(row) "(" row ".geom NOT NULL AND NOT ST_IsEmpty(" row ".geom))"
#define VACANT(row) "(" row ".geom ISNULL OR ST_IsEmpty(" row ".geom))"

struct trigger {
    const char *name;
    const char *event; /* AFTER … */
    const char *when;
    const char *action; /* %w: the table, once or twice */
};

static const struct trigger triggers[] = {
    {"insert", "INSERT", FILLED("NEW"),
     "INSERT OR REPLACE INTO \"rtree_%w_geom\" VALUES (NEW.fid, " BOUNDS ")"},
    {"update2", "UPDATE OF geom", "OLD.fid = NEW.fid AND " VACANT("NEW"),
     "DELETE FROM \"rtree_%w_geom\" WHERE id = OLD.fid"},
    {"update4", "UPDATE", "OLD.fid != NEW.fid AND " VACANT("NEW"),
     "DELETE FROM \"rtree_%w_geom\" WHERE id IN (OLD.fid, NEW.fid)"},
    {"update5", "UPDATE", "OLD.fid != NEW.fid AND " FILLED("NEW"),
     "DELETE FROM \"rtree_%w_geom\" WHERE id = OLD.fid; "
     "INSERT OR REPLACE INTO \"rtree_%w_geom\" VALUES (NEW.fid, " BOUNDS ")"},
    {"update6", "UPDATE OF geom", "OLD.fid = NEW.fid AND " FILLED("NEW") " AND " FILLED("OLD"),
     "UPDATE \"rtree_%w_geom\" SET minx = ST_MinX(NEW.geom), maxx = ST_MaxX(NEW.geom), "
     "miny = ST_MinY(NEW.geom), maxy = ST_MaxY(NEW.geom) WHERE id = NEW.fid"},
    {"update7", "UPDATE OF geom", "OLD.fid = NEW.fid AND " FILLED("NEW") " AND " VACANT("OLD"),
     "INSERT INTO \"rtree_%w_geom\" VALUES (NEW.fid, " BOUNDS ")"},
    {"delete", "DELETE", "OLD.geom NOT NULL", "DELETE FROM \"rtree_%w_geom\" WHERE id = OLD.fid"},
};

static cim_status
add_trigger(struct host_connection *conn, const char *table, const struct trigger *trigger,
            cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf sql;
    cim_buf_init(&sql, 4096);
    cim_buf_addf(&sql, "CREATE TRIGGER \"rtree_%s_geom_%s\" AFTER %s ON \"%s\" WHEN %s BEGIN ",
                 table, trigger->name, trigger->event, table, trigger->when);
    for (const char *at = trigger->action; *at != '\0'; at++) {
        if (at[0] == '%') {
            cim_buf_add_text(&sql, table); /* an identifier without quotes: checked before */
            at++;
        } else {
            cim_buf_add_char(&sql, *at);
        }
    }
    cim_buf_add_text(&sql, "; END");
    CIM_TRY(cim_buf_status(&sql, err));
    return host_connection_exec(conn, sql.data, err);
}

static cim_status
add_rtree(struct host_connection *conn, const char *table, cim_error *err)
{
    CIM_TRY(host_connection_execf(
        conn, err,
        "CREATE VIRTUAL TABLE \"rtree_%w_geom\" USING rtree(id, minx, maxx, miny, maxy);"
        "INSERT INTO gpkg_extensions VALUES (%Q, 'geom', 'gpkg_rtree_index', "
        "'http://www.geopackage.org/spec140/#extension_rtree', 'write-only');"
        "INSERT INTO \"rtree_%w_geom\" SELECT fid, ST_MinX(geom), ST_MaxX(geom), ST_MinY(geom), "
        "ST_MaxY(geom) FROM \"%w\" WHERE geom NOT NULL AND NOT ST_IsEmpty(geom)",
        table, table, table, table));
    for (size_t i = 0; i < sizeof triggers / sizeof triggers[0]; i++) {
        CIM_TRY(add_trigger(conn, table, &triggers[i], err));
    }
    return CIM_OK;
}

cim_status
host_gpkg_add_attributes(struct host_connection *conn, const char *table, cim_error *err)
{
    if (conn->store->base.kind != HOST_STORE_DATA) {
        return CIM_OK;
    }
    return host_connection_execf(
        conn, err,
        "INSERT OR IGNORE INTO gpkg_contents (table_name, data_type, identifier) "
        "VALUES (%Q, 'attributes', %Q)",
        table, table);
}

cim_status
host_gpkg_add_layer(struct host_connection *conn, const char *table, const char *geometry,
                    cim_error *err)
{
    const char *type = host_sql_geometry(geometry);
    CIM_TRY(host_connection_execf(conn, err, "CREATE UNIQUE INDEX \"%w_uid\" ON \"%w\" (uid)",
                                  table, table));
    if (strcmp(geometry, "None") == 0) {
        return host_gpkg_add_attributes(conn, table, err);
    }
    CIM_TRY(host_connection_execf(
        conn, err,
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
        "VALUES (%Q, 'features', %Q, %d);"
        "INSERT INTO gpkg_geometry_columns VALUES (%Q, 'geom', %Q, %d, 0, 0)",
        table, table, HOST_STORE_SRS, table, type, HOST_STORE_SRS));
    return add_rtree(conn, table, err);
}

cim_status
host_gpkg_drop_table(struct host_connection *conn, const char *table, cim_error *err)
{
    return host_connection_execf(conn, err,
                                 "DELETE FROM gpkg_extensions WHERE table_name = %Q;"
                                 "DELETE FROM gpkg_geometry_columns WHERE table_name = %Q;"
                                 "DELETE FROM gpkg_contents WHERE table_name = %Q;"
                                 "DROP TABLE IF EXISTS \"%w\";"
                                 "DROP TABLE IF EXISTS \"rtree_%w_geom\"",
                                 table, table, table, table, table);
}
