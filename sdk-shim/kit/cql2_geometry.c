/* kit/cql2_geometry.c -- the geometries of CQL2 text: WKT as GeoJSON, and boxes. */
#include "kit/cql2_geometry.h"

#include "cim/util.h"

#include <json-c/json.h>

/* How deep the lists of positions lie in coordinates; a point has none. */
static const struct kind {
    const char *word;
    const char *type;
    int depth;
} kinds[] = {
    {"POINT", "Point", 0},
    {"LINESTRING", "LineString", 1},
    {"POLYGON", "Polygon", 2},
    {"MULTIPOINT", "MultiPoint", 1},
    {"MULTILINESTRING", "MultiLineString", 2},
    {"MULTIPOLYGON", "MultiPolygon", 3},
    {"GEOMETRYCOLLECTION", "GeometryCollection", -1},
    {"BBOX", NULL, 0},
};

static const struct kind *
kind_of(const struct cim_cql2_scan *scan)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (cim_cql2_is_word(scan, kinds[i].word)) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* "POINT Z (1 2 3)" has a word in between, which only a geometry can have. */
static bool
before_z(const struct cim_cql2_scan *scan)
{
    struct cim_cql2_scan ahead = *scan;
    ahead.err = NULL;
    return cim_cql2_scan_next(&ahead) == CIM_OK && cim_cql2_is_word(&ahead, "z") &&
           cim_cql2_before_parenthesis(&ahead);
}

bool
cim_cql2_is_geometry(const struct cim_cql2_scan *scan)
{
    return kind_of(scan) != NULL && (cim_cql2_before_parenthesis(scan) || before_z(scan));
}

static cim_status
append_number(struct cim_cql2_parse *parse, struct json_object *list)
{
    struct json_object *number = NULL;
    const bool negative = cim_cql2_is_sign(&parse->scan, "-");
    if (negative || cim_cql2_is_sign(&parse->scan, "+")) {
        CIM_TRY(cim_cql2_scan_next(&parse->scan));
    }
    const cim_status status = cim_cql2_take_number(parse, negative, &number);
    if (status != CIM_OK) {
        json_object_put(number);
        return status;
    }
    return cim_cql2_append(list, number) == CIM_OK ? CIM_OK : cim_fail_nomem(parse->scan.err);
}

static bool
at_number(const struct cim_cql2_parse *parse)
{
    return parse->scan.token.kind == CIM_CQL2_NUMBER || cim_cql2_is_sign(&parse->scan, "-") ||
           cim_cql2_is_sign(&parse->scan, "+");
}

static cim_status
fill_position(struct cim_cql2_parse *parse, struct json_object *list)
{
    CIM_TRY(append_number(parse, list));
    CIM_TRY(append_number(parse, list));
    return at_number(parse) ? append_number(parse, list) : CIM_OK;
}

static cim_status parse_geometry(struct cim_cql2_parse *parse, struct json_object **ret);

static cim_status parse_coordinates(struct cim_cql2_parse *parse, int depth,
                                    struct json_object **ret);

/* The next of a list's items: a list, a position, or (depth < 0) a geometry of a collection. */
static cim_status
parse_item(struct cim_cql2_parse *parse, int depth, struct json_object **ret)
{
    if (depth < 0) {
        const struct kind *kind = kind_of(&parse->scan);
        return kind != NULL && kind->type != NULL && kind->depth >= 0
                   ? parse_geometry(parse, ret)
                   : cim_cql2_expected(&parse->scan, "一个几何，如 POINT(110.3 20.0)",
                                       "a geometry such as POINT(110.3 20.0)");
    }
    /* The points of a MULTIPOINT may have parentheses of their own. */
    if (depth > 0 || cim_cql2_is_sign(&parse->scan, "(")) {
        return parse_coordinates(parse, depth, ret);
    }
    struct json_object *position = json_object_new_array();
    const cim_status status =
        position != NULL ? fill_position(parse, position) : cim_fail_nomem(parse->scan.err);
    if (status != CIM_OK) {
        json_object_put(position);
        return status;
    }
    *ret = position;
    return CIM_OK;
}

static cim_status
fill_list(struct cim_cql2_parse *parse, int depth, struct json_object *list)
{
    for (;;) {
        struct json_object *item = NULL;
        CIM_TRY(parse_item(parse, depth, &item));
        if (cim_cql2_append(list, item) != CIM_OK) {
            return cim_fail_nomem(parse->scan.err);
        }
        if (!cim_cql2_is_sign(&parse->scan, ",")) {
            return CIM_OK;
        }
        CIM_TRY(cim_cql2_scan_next(&parse->scan));
    }
}

/* "(" what lies `depth` lists above a position ")" */
static cim_status
parse_coordinates(struct cim_cql2_parse *parse, int depth, struct json_object **ret)
{
    CIM_TRY(cim_cql2_deeper(parse));
    CIM_TRY(cim_cql2_take_sign(parse, "("));
    struct json_object *list = json_object_new_array();
    cim_status status = list == NULL ? cim_fail_nomem(parse->scan.err)
                        : depth == 0 ? fill_position(parse, list)
                                     : fill_list(parse, depth < 0 ? depth : depth - 1, list);
    if (status == CIM_OK && !cim_cql2_is_sign(&parse->scan, ")")) {
        status = depth == 0 ? cim_cql2_expected(&parse->scan, "坐标或右括号", "a coordinate or )")
                            : cim_cql2_expected(&parse->scan, "逗号或右括号", "a comma or )");
    }
    status = status == CIM_OK ? cim_cql2_scan_next(&parse->scan) : status;
    parse->depth--;
    if (status != CIM_OK) {
        json_object_put(list);
        return status;
    }
    *ret = list;
    return CIM_OK;
}

static cim_status
parse_geometry(struct cim_cql2_parse *parse, struct json_object **ret)
{
    const struct kind *kind = kind_of(&parse->scan);
    struct json_object *coordinates = NULL;
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    if (cim_cql2_is_word(&parse->scan, "z")) {
        CIM_TRY(cim_cql2_scan_next(&parse->scan));
    }
    CIM_TRY(parse_coordinates(parse, kind->depth, &coordinates));
    struct json_object *object = cim_cql2_member("type", json_object_new_string(kind->type));
    if (object == NULL ||
        json_object_object_add(object, kind->depth < 0 ? "geometries" : "coordinates",
                               coordinates) != 0) {
        json_object_put(coordinates);
        json_object_put(object);
        return cim_fail_nomem(parse->scan.err);
    }
    *ret = object;
    return CIM_OK;
}

/* Four numbers, or six with heights. */
static cim_status
fill_box(struct cim_cql2_parse *parse, struct json_object *list)
{
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    CIM_TRY(cim_cql2_take_sign(parse, "("));
    CIM_TRY(append_number(parse, list));
    while (cim_cql2_is_sign(&parse->scan, ",") && json_object_array_length(list) < 6) {
        CIM_TRY(cim_cql2_scan_next(&parse->scan));
        CIM_TRY(append_number(parse, list));
    }
    const size_t n = json_object_array_length(list);
    if (n != 4 && n != 6) {
        return cim_cql2_expected(&parse->scan, "方框的 4 个（或带高程的 6 个）数",
                                 "the 4 numbers of a box (or 6 with heights)");
    }
    return cim_cql2_take_sign(parse, ")");
}

cim_status
cim_cql2_parse_geometry(struct cim_cql2_parse *parse, struct json_object **ret)
{
    if (!cim_cql2_is_word(&parse->scan, "bbox")) {
        return parse_geometry(parse, ret);
    }
    struct json_object *list = json_object_new_array();
    const cim_status status =
        list != NULL ? fill_box(parse, list) : cim_fail_nomem(parse->scan.err);
    if (status != CIM_OK) {
        json_object_put(list);
        return status;
    }
    *ret = cim_cql2_member("bbox", list);
    return *ret != NULL ? CIM_OK : cim_fail_nomem(parse->scan.err);
}
