/* host/store/pg/relate.c -- spatial predicates by PostGIS, with the answers of GEOS.
 *
 * PostGIS places points in polygons by arithmetic of its own, which rounds: a point within a
 * nanometre of a slanting edge may come out on another side than with GEOS, which the embedded
 * store asks. So for points GEOS is asked here, too, and quickly: inside is a prepared test, far
 * outside one with a box of a tenth of a millimetre round the point, and only what is near the edge
 * needs the matrix. */
#include "host/store/pg/pg.h"

#include "cim/util.h"

static void
add_operand(struct cim_buf *out, const char *operand)
{
    if (operand[0] == ':') {
        cim_buf_addf(out, "st_geomfromwkb(:cim_geom_%s, %d)", operand + 1, HOST_STORE_SRS);
    } else {
        cim_buf_add_text(out, operand);
    }
}

/* `area` is the one that may have an inside for the points of `points`. */
static void
add_points(struct cim_buf *out, const char *points, const char *area)
{
    cim_buf_addf(out,
                 "st_containsproperly(%s, %s) or st_intersects(st_expand(%s, 1e-9), %s) and not "
                 "st_relate(%s, %s, 'FF*FF****')",
                 area, points, points, area, points, area);
}

static void
add_intersects(struct cim_buf *out, const char *a, const char *b)
{
    cim_buf_addf(out,
                 "(case when st_dimension(%s) > 0 and st_dimension(%s) > 0 then st_intersects(%s, "
                 "%s) when st_dimension(%s) > 0 then ",
                 a, b, a, b, a);
    add_points(out, b, a);
    cim_buf_add_text(out, " else ");
    add_points(out, a, b);
    cim_buf_add_text(out, " end)");
}

/* For one point, to lie in a geometry is to lie in its inside; several may lie on its edge. */
static void
add_contains(struct cim_buf *out, const char *a, const char *b)
{
    cim_buf_addf(out,
                 "(case when st_dimension(%s) > 0 then st_contains(%s, %s) when "
                 "st_geometrytype(%s) = 'ST_Point' then st_containsproperly(%s, %s) else "
                 "st_relate(%s, %s, 'T*****FF*') end)",
                 b, a, b, b, a, b, a, b);
}

cim_status
host_pg_add_relation(struct cim_buf *out, const char *name, enum host_relation relation,
                     const char *argument, cim_error *err)
{
    char left[HOST_SQL_OPERAND_MAX];
    char right[HOST_SQL_OPERAND_MAX];
    CIM_TRY(host_sql_operands(name, argument, left, right, err));
    CIM_AUTO_BUF struct cim_buf a;
    CIM_AUTO_BUF struct cim_buf b;
    cim_buf_init(&a, 2 * HOST_SQL_OPERAND_MAX);
    cim_buf_init(&b, 2 * HOST_SQL_OPERAND_MAX);
    add_operand(&a, left);
    add_operand(&b, right);
    CIM_TRY(cim_buf_status(&a, err));
    CIM_TRY(cim_buf_status(&b, err));
    switch (relation) {
    case HOST_INTERSECTS:
        add_intersects(out, a.data, b.data);
        break;
    case HOST_DISJOINT:
        cim_buf_add_text(out, "(not ");
        add_intersects(out, a.data, b.data);
        cim_buf_add_text(out, ")");
        break;
    case HOST_CONTAINS:
        add_contains(out, a.data, b.data);
        break;
    case HOST_WITHIN:
        add_contains(out, b.data, a.data);
        break;
    case HOST_TOUCHES:
    case HOST_CROSSES:
    case HOST_OVERLAPS:
    case HOST_EQUALS:
    default:
        cim_buf_addf(out, "st_%s(%s, %s)", name + 2, a.data, b.data);
    }
    return CIM_OK;
}

cim_status
host_pg_add_near(struct cim_buf *out, const char *argument, cim_error *err)
{
    char table[HOST_SQL_OPERAND_MAX];
    char box[HOST_SQL_OPERAND_MAX];
    CIM_TRY(host_sql_operands("near", argument, table, box, err));
    cim_buf_addf(out, "%s.geom && ", table);
    add_operand(out, box);
    return CIM_OK;
}
