/* kit/geojson.c -- see geojson.h. */
#include "kit/geojson.h"

#include "cim/util.h"

#include <json-c/json.h>
#include <math.h>

enum { POINT = 1, LINE = 2, POLYGON = 3, MULTI_POINT = 4, MULTI_POLYGON = 6, TYPES = 7 };
enum { LINE_POSITIONS_MIN = 2, RING_POSITIONS_MIN = 4 };

static const char *const names[TYPES] = {NULL,         "Point",           "LineString",  "Polygon",
                                         "MultiPoint", "MultiLineString", "MultiPolygon"};

struct reader {
    bool lat_lon;
    size_t n_positions;
    struct cim_buf *out;
    cim_error *err;
};

/* The value as it stands in the body, cut to what a message holds. */
static cim_status
refuse(const struct reader *reader, struct json_object *value, const char *zh, const char *en)
{
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    return cim_fail(reader->err, CIM_E_INVALID, "geometry", text, "%s%.0s", "%.0s%s", zh, en);
}

static bool
number_of(struct json_object *value, double *ret_number)
{
    const enum json_type type = json_object_get_type(value);
    if (type != json_type_int && type != json_type_double) {
        return false;
    }
    *ret_number = json_object_get_double(value);
    return isfinite(*ret_number);
}

static cim_status
put_position(struct reader *reader, struct json_object *position)
{
    double number[3] = {0, 0, 0};
    const size_t n =
        json_object_get_type(position) == json_type_array ? json_object_array_length(position) : 0;
    bool good = n == 2 || n == 3;
    for (size_t i = 0; good && i < n; i++) {
        good = number_of(json_object_array_get_idx(position, i), &number[i]);
    }
    if (!good) {
        return refuse(reader, position, "位置应为两个或三个有限的数：[经度, 纬度]",
                      "expected a position of two or three finite numbers: [longitude, latitude]");
    }
    const double lon_deg = number[reader->lat_lon ? 1 : 0];
    const double lat_deg = number[reader->lat_lon ? 0 : 1];
    if (lon_deg < -180.0 || lon_deg > 180.0 || lat_deg < -90.0 || lat_deg > 90.0) {
        return refuse(reader, position,
                      "坐标超出范围：应为经度 -180 至 180、纬度 -90 至 90（次序随 Content-Crs）",
                      "coordinates out of range: expected longitude -180 to 180, latitude -90 to "
                      "90, in the order of Content-Crs");
    }
    if (++reader->n_positions > CIM_GEOJSON_POSITIONS_MAX) {
        return cim_fail(reader->err, CIM_E_TOO_LARGE, "geometry", NULL, "几何超过 %d 个点",
                        "the geometry has more than %d positions", (int)CIM_GEOJSON_POSITIONS_MAX);
    }
    cim_buf_add_f64_le(reader->out, lon_deg);
    cim_buf_add_f64_le(reader->out, lat_deg);
    return CIM_OK;
}

static cim_status
begin_list(struct reader *reader, struct json_object *list, size_t least)
{
    if (json_object_get_type(list) != json_type_array) {
        return refuse(reader, list, "coordinates 的嵌套层数与类型不符：此处应为数组",
                      "the nesting of coordinates does not fit the type: expected an array here");
    }
    const size_t n = json_object_array_length(list);
    if (n < least) {
        return refuse(reader, list, "点数或部分数不足（线至少 2 点，环至少 4 点，其余至少 1 个）",
                      "too few: a line needs 2 positions, a ring 4, anything else 1");
    }
    cim_buf_add_u32_le(reader->out, (uint32_t)n);
    return CIM_OK;
}

static cim_status
put_positions(struct reader *reader, struct json_object *list, size_t least)
{
    CIM_TRY(begin_list(reader, list, least));
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        CIM_TRY(put_position(reader, json_object_array_get_idx(list, i)));
    }
    return CIM_OK;
}

static cim_status
put_single(struct reader *reader, uint32_t type, struct json_object *coordinates)
{
    cim_buf_add_char(reader->out, 1);
    cim_buf_add_u32_le(reader->out, type);
    if (type == POINT) {
        return put_position(reader, coordinates);
    }
    if (type == LINE) {
        return put_positions(reader, coordinates, LINE_POSITIONS_MIN);
    }
    CIM_TRY(begin_list(reader, coordinates, 1));
    for (size_t i = 0; i < json_object_array_length(coordinates); i++) {
        CIM_TRY(
            put_positions(reader, json_object_array_get_idx(coordinates, i), RING_POSITIONS_MIN));
    }
    return CIM_OK;
}

static cim_status
put_multi(struct reader *reader, uint32_t type, struct json_object *coordinates)
{
    cim_buf_add_char(reader->out, 1);
    cim_buf_add_u32_le(reader->out, type);
    CIM_TRY(begin_list(reader, coordinates, 1));
    for (size_t i = 0; i < json_object_array_length(coordinates); i++) {
        CIM_TRY(put_single(reader, type - 3, json_object_array_get_idx(coordinates, i)));
    }
    return CIM_OK;
}

static uint32_t
type_of(struct json_object *type)
{
    for (uint32_t i = POINT; i < TYPES && json_object_get_type(type) == json_type_string; i++) {
        if (strcmp(json_object_get_string(type), names[i]) == 0) {
            return i;
        }
    }
    return 0;
}

cim_status
cim_geojson_to_wkb(struct json_object *geometry, bool lat_lon, struct cim_buf *out, cim_error *err)
{
    struct reader reader = {.lat_lon = lat_lon, .out = out, .err = err};
    struct json_object *member = NULL;
    if (json_object_get_type(geometry) != json_type_object) {
        return refuse(&reader, geometry, "几何应为 GeoJSON 对象或 null",
                      "expected a geometry object of GeoJSON, or null");
    }
    (void)json_object_object_get_ex(geometry, "type", &member);
    const uint32_t type = type_of(member);
    if (type == 0) {
        return refuse(&reader, member,
                      "几何类型应为 Point、LineString、Polygon、MultiPoint、MultiLineString 或 "
                      "MultiPolygon",
                      "expected the type Point, LineString, Polygon, MultiPoint, MultiLineString "
                      "or MultiPolygon");
    }
    member = NULL;
    (void)json_object_object_get_ex(geometry, "coordinates", &member);
    CIM_TRY(type < MULTI_POINT ? put_single(&reader, type, member)
                               : put_multi(&reader, type, member));
    return cim_buf_status(out, err);
}
