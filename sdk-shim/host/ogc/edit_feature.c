/* host/ogc/edit_feature.c -- see edit_feature.h. */
#include "host/ogc/edit_feature.h"

#include "cim/util.h"
#include "host/ogc/doc.h"
#include "kit/geojson.h"
#include "host/ogc/limits.h"
#include "kit/rows.h"

static const char *const record_properties[] = {"fid",       "uid",        "version", "owner_org",
                                                "area_code", "updated_at", NULL};

/* ---- what may be there ---- */

static cim_status
refuse_property(const struct cim_definition *def, const char *name, cim_error *err)
{
    char known[360] = "uid, owner_org, area_code";
    size_t at = strlen(known);
    for (size_t i = 0; i < def->n_fields && at + 1 < sizeof known; i++) {
        const int n = snprintf(known + at, sizeof known - at, ", %s", def->fields[i].name);
        at += n > 0 ? (size_t)n : 0;
    }
    return cim_fail(err, CIM_E_INVALID, name, NULL, "没有此属性；可用：%s",
                    "no such property; there are: %s", known);
}

static bool
is_known(const struct cim_definition *def, const char *name)
{
    for (size_t i = 0; record_properties[i] != NULL; i++) {
        if (strcmp(record_properties[i], name) == 0) {
            return true;
        }
    }
    return cim_definition_field(def, name) != NULL;
}

/* GeoJSON of before 2016 could name another reference system inside. */
static cim_status
check_crs_member(struct json_object *feature, cim_error *err)
{
    struct json_object *crs = NULL;
    if (json_object_object_get_ex(feature, "crs", &crs) && crs != NULL) {
        const char *text = json_object_to_json_string_ext(crs, JSON_C_TO_STRING_PLAIN);
        if (strstr(text, "CRS84") == NULL) {
            return cim_fail(err, CIM_E_INVALID, "crs", text,
                            "GeoJSON 的坐标为 CRS84；其他参考系请用 Content-Crs 请求头指明",
                            "coordinates of GeoJSON are CRS84; name another reference system in "
                            "the header Content-Crs");
        }
    }
    return CIM_OK;
}

cim_status
host_edit_feature_check(const struct cim_definition *def, struct json_object *feature, bool patch,
                        cim_error *err)
{
    struct json_object *member = NULL;
    if (json_object_get_type(feature) != json_type_object) {
        return cim_fail(err, CIM_E_INVALID, "body", NULL, "应为 GeoJSON Feature 对象",
                        "expected a Feature object of GeoJSON");
    }
    const bool typed = json_object_object_get_ex(feature, "type", &member);
    if ((typed || !patch) && (json_object_get_type(member) != json_type_string ||
                              strcmp(json_object_get_string(member), "Feature") != 0)) {
        return cim_fail(err, CIM_E_INVALID, "type", json_object_get_string(member),
                        "type 应为 Feature", "expected the type Feature");
    }
    CIM_TRY(check_crs_member(feature, err));
    if (!json_object_object_get_ex(feature, "properties", &member) || member == NULL) {
        return CIM_OK;
    }
    if (json_object_get_type(member) != json_type_object) {
        return cim_fail(err, CIM_E_INVALID, "properties", json_object_get_string(member),
                        "properties 应为对象或 null", "expected properties as an object or null");
    }
    json_object_object_foreach(member, name, value)
    {
        (void)value;
        if (!is_known(def, name)) {
            return refuse_property(def, name, err);
        }
    }
    return CIM_OK;
}

bool
host_edit_feature_has(struct json_object *feature, const char *column,
                      struct json_object **ret_value)
{
    struct json_object *properties = NULL;
    *ret_value = NULL;
    if (strcmp(column, "geom") == 0) {
        return json_object_object_get_ex(feature, "geometry", ret_value);
    }
    return json_object_object_get_ex(feature, "properties", &properties) && properties != NULL &&
           json_object_object_get_ex(properties, column, ret_value);
}

/* ---- cells ---- */

static cim_status
refuse_type(const char *name, struct json_object *value, const char *zh, const char *en,
            cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, name,
                    json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), "%s%.0s",
                    "%.0s%s", zh, en);
}

/* What stands for a value that the caller may not see must not become the value. */
static bool
looks_masked(const struct cim_field *field, const char *text)
{
    return field != NULL && field->sensitive != CIM_SENSITIVE_NO && strchr(text, '*') != NULL;
}

static cim_status
append_value(const struct host_edit_column *column, struct json_object *value,
             struct cim_batch_builder *builder, uint32_t index, cim_error *err)
{
    const enum cim_field_type wanted = column->field != NULL ? column->field->type : CIM_FIELD_TEXT;
    const enum json_type type = json_object_get_type(value);
    const bool number = wanted == CIM_FIELD_INTEGER || wanted == CIM_FIELD_NUMBER;
    const char *text = NULL;
    if (type == json_type_null) {
        cim_batch_append_null(builder, index);
        return CIM_OK;
    }
    if (number && type != json_type_int && type != json_type_double) {
        return refuse_type(column->name, value, "应为数字", "expected a number", err);
    }
    if (wanted == CIM_FIELD_BOOLEAN && type != json_type_boolean) {
        return refuse_type(column->name, value, "应为 true 或 false", "expected true or false",
                           err);
    }
    if (!number && wanted != CIM_FIELD_BOOLEAN && type != json_type_string) {
        return refuse_type(column->name, value, "应为字符串", "expected a string", err);
    }
    /* Numbers go on as they were written, so that no digit is lost on the way. */
    text = type == json_type_string ? json_object_get_string(value)
                                    : json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    if (looks_masked(column->field, text)) {
        return cim_fail(err, CIM_E_INVALID, column->name, text,
                        "这是脱敏后的值；不改此字段时请省去它",
                        "this is a masked value; leave the property out to keep what is stored");
    }
    cim_batch_append_bytes(builder, index, text, strlen(text));
    return CIM_OK;
}

static cim_status
append_geometry(struct host_edit_reader *reader, struct json_object *value,
                struct cim_batch_builder *builder, uint32_t index, cim_error *err)
{
    if (value == NULL) {
        cim_batch_append_null(builder, index);
        return CIM_OK;
    }
    cim_buf_done(&reader->geometry);
    cim_buf_init(&reader->geometry, HOST_EDIT_RECORD_BYTES_MAX * 8U);
    CIM_TRY(cim_geojson_to_wkb(value, reader->lat_lon, &reader->geometry, err));
    if (reader->check != NULL) {
        CIM_TRY(reader->check(reader->check_arg, reader->n_read,
                              (const uint8_t *)reader->geometry.data, reader->geometry.len, err));
    }
    cim_batch_append_bytes(builder, index, reader->geometry.data, reader->geometry.len);
    return CIM_OK;
}

cim_status
host_edit_feature_append(struct host_edit_reader *reader, struct json_object *feature,
                         struct cim_batch_builder *builder, cim_error *err)
{
    struct json_object *value = NULL;
    if (reader->def->geometry == CIM_GEOMETRY_NONE &&
        host_edit_feature_has(feature, "geom", &value) && value != NULL) {
        return refuse_type("geometry", value, "此图层没有几何，应为 null",
                           "this layer has no geometry, expected null", err);
    }
    for (uint32_t i = 0; i < reader->n_columns; i++) {
        const struct host_edit_column *column = &reader->columns[i];
        if (column->constant != NULL) {
            cim_batch_append_bytes(builder, i, column->constant, strlen(column->constant));
            continue;
        }
        (void)host_edit_feature_has(feature, column->name, &value);
        CIM_TRY(strcmp(column->name, "geom") == 0 ? append_geometry(reader, value, builder, i, err)
                                                  : append_value(column, value, builder, i, err));
    }
    return CIM_OK;
}
