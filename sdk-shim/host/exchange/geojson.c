/* host/exchange/geojson.c -- the geometries of GeoJSON, held against the standard before GDAL's
 * reading of them is believed: it leaves out positions, rings and parts that it cannot read, and
 * says nothing. */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64, LINE_LEAST = 2, RING_LEAST = 4, RECORD_SEPARATOR = 0x1e };

/* How deep the coordinates of a type are nested, and how many positions the innermost list needs.
 */
static const struct shape {
    const char *name;
    int depth;
    size_t least;
} shapes[] = {
    {"Point", 0, 0},
    {"MultiPoint", 1, 0},
    {"LineString", 1, LINE_LEAST},
    {"MultiLineString", 2, LINE_LEAST},
    {"Polygon", 2, RING_LEAST},
    {"MultiPolygon", 3, RING_LEAST},
};

static cim_status
refuse(struct json_object *value, const char *zh, const char *en, cim_error *err)
{
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    return cim_fail(err, CIM_E_INVALID, "geom", text, "%s%.0s", "%.0s%s", zh, en);
}

static bool
is_finite_number(struct json_object *value)
{
    const enum json_type type = json_object_get_type(value);
    return (type == json_type_int || type == json_type_double) &&
           isfinite(json_object_get_double(value)) != 0;
}

static cim_status
check_position(struct json_object *position, cim_error *err)
{
    const bool is_list = json_object_get_type(position) == json_type_array;
    const size_t n = is_list ? json_object_array_length(position) : 0;
    bool good = n >= 2;
    for (size_t i = 0; good && i < n; i++) {
        good = is_finite_number(json_object_array_get_idx(position, i));
    }
    return good ? CIM_OK
                : refuse(position, "位置应为至少两个有限的数：[经度, 纬度]",
                         "a position: expected at least two finite numbers, [longitude, latitude]",
                         err);
}

static cim_status
check_coordinates(struct json_object *list, int depth, size_t least, cim_error *err)
{
    size_t n = 0;
    if (depth == 0) {
        return check_position(list, err);
    }
    if (json_object_get_type(list) != json_type_array) {
        return refuse(list, "coordinates 的嵌套层数与几何类型不符：此处应为数组",
                      "coordinates are nested otherwise than the type asks: expected an array here",
                      err);
    }
    n = json_object_array_length(list);
    for (size_t i = 0; i < n; i++) {
        CIM_TRY(check_coordinates(json_object_array_get_idx(list, i), depth - 1, least, err));
    }
    return depth > 1 || n >= least
               ? CIM_OK
               : refuse(list, "点数不足：线至少 2 点，环至少 4 点（首尾相同）",
                        "too few positions: a line needs 2, a ring 4 (the last being the first)",
                        err);
}

static cim_status check_geometry(struct json_object *geometry, int depth, cim_error *err);

static cim_status
check_collection(struct json_object *geometry, int depth, cim_error *err)
{
    struct json_object *parts = NULL;
    (void)json_object_object_get_ex(geometry, "geometries", &parts);
    if (json_object_get_type(parts) != json_type_array || depth > DEPTH_MAX) {
        return refuse(parts, "GeometryCollection 的 geometries 应为数组",
                      "geometries of a GeometryCollection: expected an array", err);
    }
    for (size_t i = 0; i < json_object_array_length(parts); i++) {
        CIM_TRY(check_geometry(json_object_array_get_idx(parts, i), depth + 1, err));
    }
    return CIM_OK;
}

static cim_status
check_geometry(struct json_object *geometry, int depth, cim_error *err)
{
    struct json_object *type = NULL;
    struct json_object *coordinates = NULL;
    const char *name = "";
    if (json_object_get_type(geometry) != json_type_object) {
        return refuse(geometry, "几何应为 GeoJSON 几何对象或 null",
                      "expected a geometry object of GeoJSON, or null", err);
    }
    (void)json_object_object_get_ex(geometry, "type", &type);
    (void)json_object_object_get_ex(geometry, "coordinates", &coordinates);
    name = json_object_get_type(type) == json_type_string ? json_object_get_string(type) : "";
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (strcmp(name, shapes[i].name) == 0) {
            return check_coordinates(coordinates, shapes[i].depth, shapes[i].least, err);
        }
    }
    return strcmp(name, "GeometryCollection") == 0
               ? check_collection(geometry, depth, err)
               : refuse(type, "几何类型未知，应为 Point、LineString、Polygon 或其 Multi 形式",
                        "type of a geometry: expected Point, LineString, Polygon or the Multi form "
                        "of one",
                        err);
}

cim_status
host_geojson_check(const char *text, size_t len, cim_error *err)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    struct json_object *feature = NULL;
    struct json_object *member = NULL;
    const char *type = NULL;
    cim_status status = CIM_OK;
    if (tokener == NULL) {
        return cim_fail_nomem(err);
    }
    feature = json_tokener_parse_ex(tokener, text, (int)len);
    (void)json_object_object_get_ex(feature, "type", &member);
    type = member != NULL ? json_object_get_string(member) : NULL;
    if (type == NULL) {
        status = cim_fail(err, CIM_E_INVALID, "file", NULL, "不是 GeoJSON 的 Feature",
                          "this is no Feature of GeoJSON");
    } else if (strcmp(type, "Feature") != 0) {
        status = check_geometry(feature, 0, err); /* GDAL takes a bare geometry too */
    } else if (json_object_object_get_ex(feature, "geometry", &member) && member != NULL) {
        status = check_geometry(member, 0, err);
    }
    json_object_put(feature);
    json_tokener_free(tokener);
    return status;
}

/* ---- sequences ---- */

cim_status
host_geojson_lines_open(const char *path, struct host_geojson_lines *ret_lines, cim_error *err)
{
    struct host_geojson_lines lines = {.file = fopen(path, "rbe"), .separator = '\n'};
    int first = 0;
    if (lines.file == NULL) {
        return cim_fail(err, CIM_E_IO, "file", path, "文件无法读取", "the file cannot be read");
    }
    first = fgetc(lines.file);
    if (first == RECORD_SEPARATOR) {
        lines.separator = RECORD_SEPARATOR;
    } else {
        rewind(lines.file);
    }
    *ret_lines = lines;
    return CIM_OK;
}

void
host_geojson_lines_done(struct host_geojson_lines *lines)
{
    if (lines->file != NULL) {
        (void)fclose(lines->file); /* only read */
    }
    free(lines->text);
    *lines = (struct host_geojson_lines){0};
}

/* GDAL passes over lines of white space, so do we. */
cim_status
host_geojson_lines_check(struct host_geojson_lines *lines, cim_error *err)
{
    ssize_t n = 0;
    size_t start = 0;
    do {
        n = getdelim(&lines->text, &lines->capacity, lines->separator, lines->file);
        start = n > 0 ? strspn(lines->text, " \t\r\n\x1e\xef\xbb\xbf") : 0;
    } while (n > 0 && lines->text[start] == '\0');
    if (n <= 0 || n > INT32_MAX) {
        return cim_fail(err, CIM_E_INTERNAL, "file", NULL, "文件的行与读出的要素不一致",
                        "the lines of the file and the features read from it part ways");
    }
    return host_geojson_check(lines->text + start, (size_t)n - start, err);
}
