/* plugin/analysis/json_io.c -- see json_io.h. */
#include "analysis/json_io.h"

#include "cim/util.h"
#include "kit/time.h"

#include <math.h>
#include <string.h>

/* ---- reading ---- */

struct json_object *
lpg_in_member(struct json_object *object, const char *key)
{
    struct json_object *found = NULL;
    return json_object_is_type(object, json_type_object) &&
                   json_object_object_get_ex(object, key, &found)
               ? found
               : NULL;
}

bool
lpg_in_is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_double) ||
           json_object_is_type(value, json_type_int);
}

const char *
lpg_in_given(struct json_object *value)
{
    return value != NULL ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN) : "null";
}

cim_status
lpg_in_number(struct json_object *object, const char *key, double min, double max,
              double *ret_value, cim_error *err)
{
    struct json_object *value = lpg_in_member(object, key);
    const double number = lpg_in_is_number(value) ? json_object_get_double(value) : NAN;
    if (value == NULL) {
        return CIM_OK;
    }
    if (!(number >= min && number <= max)) {
        return cim_fail(err, CIM_E_INVALID, key, lpg_in_given(value), "应为 %g 到 %g 的数",
                        "expected a number from %g to %g", min, max);
    }
    *ret_value = number;
    return CIM_OK;
}

cim_status
lpg_in_day(struct json_object *object, const char *key, int32_t *ret_day, cim_error *err)
{
    struct json_object *value = lpg_in_member(object, key);
    if (value != NULL &&
        cim_date_parse(json_object_get_string(value), SIZE_MAX, ret_day) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, key, lpg_in_given(value), "应为日期，如 2026-11-27",
                        "expected a date such as 2026-11-27");
    }
    return CIM_OK;
}

cim_status
lpg_in_point(struct json_object *object, const char *key, double ret_lonlat_deg[2], cim_error *err)
{
    struct json_object *point = lpg_in_member(object, key);
    struct json_object *given = point;
    const char *type = json_object_get_string(lpg_in_member(point, "type"));
    struct json_object *at;
    if (type != NULL && strcmp(type, "Feature") == 0) {
        point = lpg_in_member(point, "geometry");
        type = json_object_get_string(lpg_in_member(point, "type"));
    }
    at = lpg_in_member(point, "coordinates");
    if (type == NULL || strcmp(type, "Point") != 0 || !json_object_is_type(at, json_type_array) ||
        json_object_array_length(at) < 2 || !lpg_in_is_number(json_object_array_get_idx(at, 0)) ||
        !lpg_in_is_number(json_object_array_get_idx(at, 1))) {
        return cim_fail(err, CIM_E_INVALID, key, lpg_in_given(given),
                        "应为 GeoJSON Point [经度, 纬度]",
                        "expected a GeoJSON Point of [longitude, latitude]");
    }
    for (size_t i = 0; i < 2; i++) {
        ret_lonlat_deg[i] = json_object_get_double(json_object_array_get_idx(at, i));
    }
    if (!(fabs(ret_lonlat_deg[0]) <= 180.0 && fabs(ret_lonlat_deg[1]) <= 60.0)) {
        return cim_fail(err, CIM_E_INVALID, key, lpg_in_given(given),
                        "应为经度 ±180、纬度 ±60 以内（度）",
                        "expected degrees within ±180 and ±60");
    }
    return CIM_OK;
}

/* ---- writing ---- */

void
lpg_out_next(struct cim_buf *out)
{
    const char last = out->len > 0 ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[') {
        cim_buf_add_char(out, ',');
    }
}

void
lpg_out_key(struct cim_buf *out, const char *key)
{
    cim_buf_add_key(out, key);
}

void
lpg_out_text(struct cim_buf *out, const char *key, const char *text)
{
    cim_buf_add_member(out, key, text);
}

void
lpg_out_int(struct cim_buf *out, const char *key, int64_t value)
{
    lpg_out_key(out, key);
    cim_buf_add_int(out, value);
}

void
lpg_out_flag(struct cim_buf *out, const char *key, bool value)
{
    lpg_out_key(out, key);
    cim_buf_add_text(out, value ? "true" : "false");
}

void
lpg_out_m(struct cim_buf *out, const char *key, double value)
{
    lpg_out_key(out, key);
    if (isfinite(value)) {
        cim_buf_add_fixed(out, value, 3);
    } else {
        cim_buf_add_text(out, "null");
    }
}

void
lpg_out_six(struct cim_buf *out, const char *key, double value)
{
    lpg_out_key(out, key);
    cim_buf_add_rounded(out, value, 6);
}

void
lpg_out_point(struct cim_buf *out, const char *key, const double lonlat_deg[2])
{
    lpg_out_key(out, key);
    cim_buf_add_text(out, "{\"type\":\"Point\",\"coordinates\":[");
    cim_buf_add_coordinate(out, lonlat_deg[0]);
    cim_buf_add_char(out, ',');
    cim_buf_add_coordinate(out, lonlat_deg[1]);
    cim_buf_add_text(out, "]}");
}
