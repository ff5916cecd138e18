/* plugin/data/filter_space.c -- spatial predicates of a filter.
 *
 * The exact predicate is the store's, by GEOS on either side. Where a false answer and an absent
 * one are the same to the whole condition, the index narrows the rows first.
 */
#include "data/filter.h"

#include "cim/util.h"
#include "kit/geojson.h"

#include <json-c/json.h>

enum { PARTS_MAX = 1000, BYTES_MAX = LPG_STATEMENT_BYTES_MAX };

/* A literal as GeoJSON, made out of parts that are given as numbers. */
static struct json_object *
geometry(const char *type, const char *key, struct json_object *members)
{
    struct json_object *object = json_object_new_object();
    if (object == NULL || members == NULL ||
        json_object_object_add(object, "type", json_object_new_string(type)) != 0 ||
        json_object_object_add(object, key, members) != 0) {
        json_object_put(members);
        json_object_put(object);
        return NULL;
    }
    return object;
}

static struct json_object *
box_from_text(double w, double s, double e, double n)
{
    char text[400];
    /* A box without width or height is a line or a point: GEOS takes no flat polygon. */
    if (w == e && s == n) {
        (void)snprintf(text, sizeof text, "[%.17g,%.17g]", w, s);
        return geometry("Point", "coordinates", json_tokener_parse(text));
    }
    if (w == e || s == n) {
        (void)snprintf(text, sizeof text, "[[%.17g,%.17g],[%.17g,%.17g]]", w, s, e, n);
        return geometry("LineString", "coordinates", json_tokener_parse(text));
    }
    (void)snprintf(text, sizeof text,
                   "[[[%.17g,%.17g],[%.17g,%.17g],[%.17g,%.17g],[%.17g,%.17g],[%.17g,%.17g]]]", w,
                   s, e, s, e, n, w, n, w, s);
    return geometry("Polygon", "coordinates", json_tokener_parse(text));
}

static cim_status
refuse_box(const struct lpg_filter *filter, struct json_object *box)
{
    return lpg_filter_refuse(filter, json_object_to_json_string(box),
                             "bbox 应为西、南、东、北（度），南不大于北",
                             "bbox: expected west, south, east, north in degrees, south not above "
                             "north");
}

/* Over the antimeridian it is two boxes. */
static cim_status
read_box(const struct lpg_filter *filter, struct json_object *box, struct json_object **ret)
{
    double edge[6];
    const size_t n = json_object_is_type(box, json_type_array) ? json_object_array_length(box) : 0;
    if (n != 4 && n != 6) {
        return refuse_box(filter, box);
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *number = json_object_array_get_idx(box, i);
        if (!json_object_is_type(number, json_type_int) &&
            !json_object_is_type(number, json_type_double)) {
            return refuse_box(filter, box);
        }
        edge[i] = json_object_get_double(number);
    }
    const double w = edge[0];
    const double s = edge[1];
    const double e = edge[n / 2];
    const double north = edge[n / 2 + 1];
    if (!(w >= -180 && w <= 180 && e >= -180 && e <= 180 && s >= -90 && north <= 90 &&
          s <= north)) {
        return refuse_box(filter, box);
    }
    if (w <= e) {
        *ret = box_from_text(w, s, e, north);
    } else {
        struct json_object *parts = json_object_new_array();
        (void)json_object_array_add(parts, box_from_text(w, s, 180, north));
        (void)json_object_array_add(parts, box_from_text(-180, s, e, north));
        *ret = geometry("GeometryCollection", "geometries", parts);
    }
    return *ret != NULL ? CIM_OK : cim_fail_nomem(filter->err);
}

/* Two boxes are one MultiPolygon, so that every predicate takes them. */
static bool
are_polygons(struct json_object *parts)
{
    for (size_t i = 0; i < json_object_array_length(parts); i++) {
        const char *type =
            json_object_get_string(lpg_member(json_object_array_get_idx(parts, i), "type"));
        if (type == NULL || strcmp(type, "Polygon") != 0) {
            return false;
        }
    }
    return true;
}

static cim_status
put_collection(const struct lpg_filter *filter, struct json_object *parts, bool is_box,
               struct cim_buf *out)
{
    const size_t n =
        json_object_is_type(parts, json_type_array) ? json_object_array_length(parts) : 0;
    if (n == 0 || n > PARTS_MAX) {
        return cim_fail(filter->err, CIM_E_INVALID, "filter", "GeometryCollection",
                        "geometries 应有 1 到 %d 个几何", "geometries: expected 1 to %d of them",
                        PARTS_MAX);
    }
    cim_buf_add_char(out, 1);
    cim_buf_add_u32_le(out, is_box && are_polygons(parts) ? 6 : 7);
    cim_buf_add_u32_le(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        CIM_TRY(cim_geojson_to_wkb(json_object_array_get_idx(parts, i), false, out, filter->err));
    }
    return CIM_OK;
}

static cim_status
put_geometry(const struct lpg_filter *filter, struct json_object *value, bool is_box,
             struct cim_buf *out)
{
    const char *type = json_object_get_string(lpg_member(value, "type"));
    cim_status status = CIM_OK;
    if (type != NULL && strcmp(type, "GeometryCollection") == 0) {
        status = put_collection(filter, lpg_member(value, "geometries"), is_box, out);
    } else {
        status = cim_geojson_to_wkb(value, false, out, filter->err);
    }
    if (status != CIM_OK && filter->err != NULL) {
        cim_copy_text(filter->err->param, sizeof filter->err->param, "filter");
    }
    return status == CIM_OK ? cim_buf_status(out, filter->err) : status;
}

static cim_status
read_literal(const struct lpg_filter *filter, struct json_object *value, struct cim_buf *out)
{
    struct json_object *box = lpg_member(value, "bbox");
    struct json_object *made = NULL;
    if (box == NULL || lpg_member(value, "type") != NULL) {
        return put_geometry(filter, value, false, out);
    }
    CIM_TRY(read_box(filter, box, &made));
    const cim_status status = put_geometry(filter, made, true, out);
    json_object_put(made);
    return status;
}

/* One side: "geom", or ":p3" of a bound geometry. */
static cim_status
operand(struct lpg_filter *filter, const char *op, struct json_object *value, char ret_text[16])
{
    struct json_object *property = lpg_member(value, "property");
    struct lpg_column column;
    bool is_geometry = false;
    if (property != NULL) {
        CIM_TRY(lpg_filter_property(filter, property, &column, &is_geometry));
        if (!is_geometry) {
            return lpg_filter_refuse(filter, column.name, "应为几何字段 geometry",
                                     "expected the property geometry");
        }
        cim_copy_text(ret_text, 16, "geom");
        return CIM_OK;
    }
    if (!json_object_is_type(value, json_type_object) || lpg_member(value, "op") != NULL) {
        return lpg_filter_refuse(filter, op, "参数应为字段 geometry 或一个几何",
                                 "expected the property geometry or a geometry as arguments");
    }
    CIM_AUTO_BUF struct cim_buf wkb;
    cim_buf_init(&wkb, BYTES_MAX);
    CIM_TRY(lpg_filter_count(filter));
    CIM_TRY(read_literal(filter, value, &wkb));
    ret_text[0] = ':';
    cim_copy_text(ret_text + 1, 15, lpg_sql_geometry(filter->statement, wkb.data, wkb.len));
    return CIM_OK;
}

cim_status
lpg_filter_space(struct lpg_filter *filter, const char *op, struct json_object *args)
{
    char side[2][16] = {"", ""};
    for (size_t i = 0; i < 2; i++) {
        CIM_TRY(operand(filter, op, json_object_array_get_idx(args, i), side[i]));
    }
    const bool with_index = filter->n_not == 0 && strcmp(op, "s_disjoint") != 0 &&
                            (side[0][0] == ':') != (side[1][0] == ':');
    lpg_sql(filter->statement, "(");
    if (with_index) {
        lpg_sql(filter->statement, "{near %s %s} and ", filter->layer->def->table,
                side[0][0] == ':' ? side[0] : side[1]);
    }
    lpg_sql(filter->statement, "{%s %s %s})", op, side[0], side[1]);
    return CIM_OK;
}
