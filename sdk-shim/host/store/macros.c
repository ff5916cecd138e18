/* host/store/macros.c -- the {macros} of the SQL subset, as this driver writes them.
 *
 * {geom :x}, {time :x} and {now} become parameters whose names carry a mark; binding converts the
 * value (statement.c), so that an index on a time is used as it stands. */
#include "host/store/store_internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/sql.h"

#include <string.h>

enum { IDENTIFIER_MAX = 63 };

bool
host_sql_identifier(const char *name)
{
    const size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return len > 0 && len <= IDENTIFIER_MAX && name[len] == '\0' &&
           !(name[0] >= '0' && name[0] <= '9');
}

/* "t.geom" or "geom". */
static bool
is_column(const char *name)
{
    const char *dot = strchr(name, '.');
    char table[IDENTIFIER_MAX + 1];
    if (dot == NULL) {
        return host_sql_identifier(name);
    }
    if ((size_t)(dot - name) >= sizeof table) {
        return false;
    }
    memcpy(table, name, (size_t)(dot - name));
    table[dot - name] = '\0';
    return host_sql_identifier(table) && host_sql_identifier(dot + 1);
}

static cim_status
bad_argument(const char *name, const char *argument, cim_error *err)
{
    return cim_fail(err, CIM_E_INTERNAL, name, argument, "SQL 宏 {%s %s} 的参数不正确",
                    "SQL macro {%s %s}: expected a column, a table or a :name", name, argument);
}

static cim_status
add_parameter(struct cim_buf *out, const char *macro, const char *argument, cim_error *err)
{
    if (argument[0] != ':' || !host_sql_identifier(argument + 1)) {
        return bad_argument(macro, argument, err);
    }
    cim_buf_addf(out, ":cim_%s_%s", macro, argument + 1);
    return CIM_OK;
}

/* The second half of the union serves a box over the antimeridian and costs nothing without one.
 * The index holds floats that were rounded outwards; cim_meets() is exact. */
static void
add_bbox(struct cim_buf *out, const char *table)
{
    cim_buf_addf(out,
                 "(%s.fid in (select id from rtree_%s_geom where maxx >= :bbox_w and minx <= case "
                 "when :bbox_w > :bbox_e then 180.0 else :bbox_e end and maxy >= :bbox_s and miny "
                 "<= :bbox_n union all select id from rtree_%s_geom where :bbox_w > :bbox_e and "
                 "maxx >= -180.0 and minx <= :bbox_e and maxy >= :bbox_s and miny <= :bbox_n) and "
                 "cim_meets(%s.geom, :bbox_w, :bbox_s, :bbox_e, :bbox_n))",
                 table, table, table, table);
}

static cim_status
expand_query(void *self, const char *name, const char *argument, struct cim_buf *out,
             cim_error *err)
{
    (void)self;
    if (strcmp(name, "wkb") == 0 || strcmp(name, "ms") == 0) {
        if (!is_column(argument)) {
            return bad_argument(name, argument, err);
        }
        cim_buf_addf(out, name[0] == 'w' ? "%s" : "cim_ms(%s)", argument);
        return CIM_OK;
    }
    if (strcmp(name, "geom") == 0 || strcmp(name, "time") == 0) {
        return add_parameter(out, name, argument, err);
    }
    if (strcmp(name, "bbox") == 0) {
        if (!host_sql_identifier(argument)) {
            return bad_argument(name, argument, err);
        }
        add_bbox(out, argument);
        return CIM_OK;
    }
    if (strcmp(name, "now") == 0 && argument[0] == '\0') {
        cim_buf_add_text(out, ":cim_now");
        return CIM_OK;
    }
    return CIM_E_NOTFOUND;
}

static const struct {
    const char *name;
    const char *text;
} schema_words[] = {
    {"record", "fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, uid TEXT NOT NULL, "
               "version INTEGER NOT NULL DEFAULT 1, owner_org TEXT, area_code TEXT, "
               "updated_at DATETIME NOT NULL"},
    {"text", "TEXT"},
    {"int", "INTEGER"},
    {"real", "REAL"},
    {"bool", "BOOLEAN"},
    {"date", "DATE"},
    {"time", "DATETIME"},
};

static const char *const geometry_types[] = {"Point",      "LineString",      "Polygon",
                                             "MultiPoint", "MultiLineString", "MultiPolygon"};

static cim_status
add_geometry_column(struct cim_buf *out, const char *type, cim_error *err)
{
    for (size_t i = 0; i < sizeof geometry_types / sizeof geometry_types[0]; i++) {
        if (strcmp(geometry_types[i], type) == 0) {
            cim_buf_addf(out, "geom %s", type);
            return CIM_OK;
        }
    }
    return cim_fail(err, CIM_E_INVALID, "geom", type, "几何类型“%s”未知",
                    "geometry type '%s': expected Point, LineString, Polygon or their Multi", type);
}

static cim_status
expand_schema(void *self, const char *name, const char *argument, struct cim_buf *out,
              cim_error *err)
{
    if (strcmp(name, "geom") == 0 && argument[0] != ':') {
        return add_geometry_column(out, argument, err);
    }
    if (argument[0] == '\0') {
        for (size_t i = 0; i < sizeof schema_words / sizeof schema_words[0]; i++) {
            if (strcmp(schema_words[i].name, name) == 0) {
                cim_buf_add_text(out, schema_words[i].text);
                return CIM_OK;
            }
        }
    }
    return expand_query(self, name, argument, out, err);
}

cim_status
host_sql_expand_query(const char *sql, struct cim_buf *out, cim_error *err)
{
    return cim_sql_expand(sql, expand_query, NULL, out, err);
}

cim_status
host_sql_expand_schema(const char *sql, struct cim_buf *out, cim_error *err)
{
    return cim_sql_expand(sql, expand_schema, NULL, out, err);
}
