/* host/store/sqlite/macros.c -- the {macros} of the SQL subset, as this driver writes them.
 *
 * {geom :x}, {time :x} and {now} become parameters whose names carry a mark; binding converts the
 * value (statement.c), so that an index on a time is used as it stands. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/sql.h"

#include <string.h>

static cim_status
add_parameter(struct cim_buf *out, const char *macro, const char *argument, cim_error *err)
{
    if (argument[0] != ':' || !host_sql_identifier(argument + 1)) {
        return host_sql_bad_argument(macro, argument, err);
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

/* Beijing keeps +08:00 all the year. */
static cim_status
add_moment(struct cim_buf *out, const char *name, const char *argument, cim_error *err)
{
    static const char form[] = "%Y-%m-%dT%H:%M:%fZ";
    struct host_sql_moment moment;
    CIM_TRY(host_sql_moment(name, argument, &moment, err));
    if (moment.kind == HOST_MOMENT_NEVER) {
        cim_buf_add_text(out, "'9999-12-31T00:00:00.000Z'");
    } else if (moment.kind == HOST_MOMENT_DAY) {
        cim_buf_addf(out, "date(:cim_now, '+8 hours', '%+ld days')", moment.n);
    } else if (moment.kind == HOST_MOMENT_MIDNIGHT) {
        cim_buf_addf(out, "strftime('%s', %s, '%+ld days', '-8 hours')", form, moment.column,
                     moment.n);
    } else {
        cim_buf_addf(out, "strftime('%s', %s, '%+ld seconds')", form, moment.column, moment.n);
    }
    return CIM_OK;
}

static void
add_operand(struct cim_buf *out, const char *operand)
{
    cim_buf_add_text(out, operand[0] == ':' ? ":cim_geom_" : "");
    cim_buf_add_text(out, operand + (operand[0] == ':' ? 1 : 0));
}

/* A constant goes to the right, where cim_relate() keeps it prepared. */
static cim_status
add_relation(struct cim_buf *out, const char *name, enum host_relation relation,
             const char *argument, cim_error *err)
{
    char left[HOST_SQL_OPERAND_MAX];
    char right[HOST_SQL_OPERAND_MAX];
    CIM_TRY(host_sql_operands(name, argument, left, right, err));
    const bool turn = left[0] == ':' && right[0] != ':';
    if (turn && (relation == HOST_WITHIN || relation == HOST_CONTAINS)) {
        relation = relation == HOST_WITHIN ? HOST_CONTAINS : HOST_WITHIN;
    }
    cim_buf_addf(out, "cim_relate(%d, ", (int)relation);
    add_operand(out, turn ? right : left);
    cim_buf_add_text(out, ", ");
    add_operand(out, turn ? left : right);
    cim_buf_add_text(out, turn || right[0] == ':' ? ", 1)" : ", 0)");
    return CIM_OK;
}

/* The index alone; its floats were rounded outwards. */
static cim_status
add_near(struct cim_buf *out, const char *argument, cim_error *err)
{
    char table[HOST_SQL_OPERAND_MAX];
    char box[HOST_SQL_OPERAND_MAX];
    CIM_TRY(host_sql_operands("near", argument, table, box, err));
    const char *p = box + 1;
    cim_buf_addf(out,
                 "%s.fid in (select id from rtree_%s_geom where maxx >= ST_MinX(:cim_geom_%s) and "
                 "minx <= ST_MaxX(:cim_geom_%s) and maxy >= ST_MinY(:cim_geom_%s) and miny <= "
                 "ST_MaxY(:cim_geom_%s))",
                 table, table, p, p, p, p);
    return CIM_OK;
}

static cim_status
expand_query(void *self, const char *name, const char *argument, struct cim_buf *out,
             cim_error *err)
{
    enum host_relation relation = HOST_INTERSECTS;
    (void)self;
    if (host_sql_relation(name, &relation)) {
        return add_relation(out, name, relation, argument, err);
    }
    if (strcmp(name, "near") == 0) {
        return add_near(out, argument, err);
    }
    if (strcmp(name, "pinyin") == 0 || strcmp(name, "string") == 0) {
        if (!host_sql_operand(argument)) {
            return host_sql_bad_argument(name, argument, err);
        }
        cim_buf_addf(out, name[0] == 'p' ? "%s collate cim_pinyin" : "%s", argument);
        return CIM_OK;
    }
    if (strcmp(name, "wkb") == 0 || strcmp(name, "ms") == 0) {
        if (!host_sql_column(argument)) {
            return host_sql_bad_argument(name, argument, err);
        }
        cim_buf_addf(out, name[0] == 'w' ? "%s" : "cim_ms(%s)", argument);
        return CIM_OK;
    }
    if (strcmp(name, "geom") == 0 || strcmp(name, "time") == 0) {
        return add_parameter(out, name, argument, err);
    }
    if (strcmp(name, "date") == 0) {
        if (argument[0] != ':' || !host_sql_identifier(argument + 1)) {
            return host_sql_bad_argument(name, argument, err);
        }
        cim_buf_add_text(out, argument);
        return CIM_OK;
    }
    if (strcmp(name, "bbox") == 0) {
        if (!host_sql_identifier(argument)) {
            return host_sql_bad_argument(name, argument, err);
        }
        add_bbox(out, argument);
        return CIM_OK;
    }
    if (strcmp(name, "now") == 0 && argument[0] == '\0') {
        cim_buf_add_text(out, ":cim_now");
        return CIM_OK;
    }
    return add_moment(out, name, argument, err);
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

const char *
host_sql_type_of_word(const char *word)
{
    for (size_t i = 0; i < sizeof schema_words / sizeof schema_words[0]; i++) {
        if (strcmp(schema_words[i].name, word) == 0) {
            return schema_words[i].text;
        }
    }
    return NULL;
}

static cim_status
add_geometry_column(struct cim_buf *out, const char *type, cim_error *err)
{
    if (host_sql_geometry(type) != NULL) {
        cim_buf_addf(out, "geom %s", type);
        return CIM_OK;
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
    const char *text = argument[0] == '\0' ? host_sql_type_of_word(name) : NULL;
    if (text != NULL) {
        cim_buf_add_text(out, text);
        return CIM_OK;
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
