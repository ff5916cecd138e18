/* host/ogc/schema.c -- see schema.h. */
#include "host/ogc/schema.h"

#include "cim/util.h"
#include "kit/scope_eval.h"

static const char *
geometry_format(enum cim_geometry_type type)
{
    switch (type) {
    case CIM_GEOMETRY_POINT:
        return "geometry-point";
    case CIM_GEOMETRY_LINE_STRING:
        return "geometry-linestring";
    case CIM_GEOMETRY_POLYGON:
        return "geometry-polygon";
    case CIM_GEOMETRY_MULTI_POINT:
        return "geometry-multipoint";
    case CIM_GEOMETRY_MULTI_LINE_STRING:
        return "geometry-multilinestring";
    case CIM_GEOMETRY_MULTI_POLYGON:
        return "geometry-multipolygon";
    case CIM_GEOMETRY_NONE:
        break;
    }
    return "geometry-any";
}

static const char *
sensitive_name(enum cim_sensitive kind)
{
    static const char *const names[] = {"", "name", "id", "phone", "address"};
    return names[kind];
}

/* type, format, title and x-cim-title of one property. */
static struct json_object *
add_property(struct json_object *properties, const char *name, enum cim_field_type type,
             const struct cim_text2 *title, bool chinese)
{
    struct json_object *property = host_doc_object_in(properties, name);
    const char *zh = title->zh != NULL ? title->zh : name;
    const char *en = title->en != NULL ? title->en : name;
    host_doc_text(property, "title", chinese ? zh : en);
    host_doc_add(property, "x-cim-title", host_doc_text2(zh, en));
    switch (type) {
    case CIM_FIELD_INTEGER:
        host_doc_text(property, "type", "integer");
        break;
    case CIM_FIELD_NUMBER:
        host_doc_text(property, "type", "number");
        break;
    case CIM_FIELD_BOOLEAN:
        host_doc_text(property, "type", "boolean");
        break;
    case CIM_FIELD_DATE:
        host_doc_text(property, "type", "string");
        host_doc_text(property, "format", "date");
        break;
    case CIM_FIELD_TIME:
        host_doc_text(property, "type", "string");
        host_doc_text(property, "format", "date-time");
        break;
    case CIM_FIELD_TEXT:
    case CIM_FIELD_CODE:
        host_doc_text(property, "type", "string");
        break;
    }
    return property;
}

static void
add_codes(struct json_object *property, const struct cim_code_list *codes)
{
    struct json_object *values = host_doc_array_in(property, "enum");
    struct json_object *titled = host_doc_array_in(property, "x-cim-codes");
    for (size_t i = 0; i < codes->n_codes; i++) {
        struct json_object *code = host_doc_object_in(titled, NULL);
        host_doc_append(values, json_object_new_string(codes->codes[i].value));
        host_doc_text(code, "value", codes->codes[i].value);
        host_doc_text(code, "zh", codes->codes[i].title.zh);
        host_doc_text(code, "en", codes->codes[i].title.en);
    }
}

static struct json_object *
add_field(struct json_object *properties, const struct cim_field *field, bool chinese)
{
    struct json_object *property =
        add_property(properties, field->name, field->type, &field->title, chinese);
    if (field->codes != NULL) {
        add_codes(property, field->codes);
    }
    if (field->has_min) {
        host_doc_number(property, "minimum", field->min);
    }
    if (field->has_max) {
        host_doc_number(property, "maximum", field->max);
    }
    if (field->max_length > 0 && field->sensitive == CIM_SENSITIVE_NO) {
        host_doc_int(property, "maxLength", field->max_length);
    }
    if (field->unit != NULL) {
        host_doc_text(property, "x-ogc-unit", field->unit);
    }
    if (field->sensitive != CIM_SENSITIVE_NO) {
        host_doc_text(property, "x-cim-sensitive", sensitive_name(field->sensitive));
    }
    if (field->encrypted) {
        host_doc_bool(property, "x-cim-encrypted", true);
    }
    return property;
}

static struct json_object *
new_schema(const struct cim_definition *def, const char *url, bool chinese,
           struct json_object **ret_properties)
{
    struct json_object *doc = json_object_new_object();
    const char *title = chinese || def->title.en == NULL ? def->title.zh : def->title.en;
    host_doc_text(doc, "$schema", "https://json-schema.org/draft/2020-12/schema");
    host_doc_text(doc, "$id", url);
    host_doc_text(doc, "title", title);
    host_doc_add(doc, "x-cim-title", host_doc_text2(def->title.zh, def->title.en));
    host_doc_text(doc, "type", "object");
    *ret_properties = host_doc_object_in(doc, "properties");
    return doc;
}

struct record_column {
    const char *name;
    enum cim_field_type type;
    const char *zh;
    const char *en;
};

static const struct record_column record_columns[] = {
    {"fid", CIM_FIELD_INTEGER, "编号", "Feature id"},
    {"uid", CIM_FIELD_TEXT, "全局标识", "Universal id"},
    {"version", CIM_FIELD_INTEGER, "版本", "Version"},
    {"owner_org", CIM_FIELD_TEXT, "归属单位", "Owner organisation"},
    {"area_code", CIM_FIELD_TEXT, "区划代码", "Area code"},
    {"updated_at", CIM_FIELD_TIME, "更新时间", "Updated at"},
};
enum { N_RECORD_COLUMNS = sizeof record_columns / sizeof record_columns[0] };

bool
host_schema_record_title(const char *name, const char **ret_zh, const char **ret_en)
{
    for (size_t i = 0; i < N_RECORD_COLUMNS; i++) {
        if (strcmp(record_columns[i].name, name) == 0) {
            *ret_zh = record_columns[i].zh;
            *ret_en = record_columns[i].en;
            return true;
        }
    }
    return false;
}

static void
add_record_column(struct json_object *properties, const struct record_column *column,
                  const struct cim_definition *def, bool chinese)
{
    const struct cim_text2 title = {(char *)column->zh, (char *)column->en};
    struct json_object *property =
        add_property(properties, column->name, column->type, &title, chinese);
    if (strcmp(column->name, "fid") == 0) {
        host_doc_text(property, "x-ogc-role", "id");
    }
    if (def->time != NULL && strcmp(column->name, def->time) == 0) {
        host_doc_text(property, "x-ogc-role", "primary-instant");
    }
    host_doc_bool(property, "readOnly", true);
}

static void
add_geometry(struct json_object *properties, const struct cim_definition *def, bool chinese)
{
    struct json_object *geometry = NULL;
    if (def->geometry == CIM_GEOMETRY_NONE) {
        return;
    }
    geometry = host_doc_object_in(properties, "geometry");
    host_doc_text(geometry, "title", chinese ? "位置" : "Geometry");
    host_doc_add(geometry, "x-cim-title", host_doc_text2("位置", "Geometry"));
    host_doc_text(geometry, "format", geometry_format(def->geometry));
    host_doc_text(geometry, "x-ogc-role", "primary-geometry");
}

struct json_object *
host_schema_returnables(const struct cim_definition *def, const char *url, bool chinese)
{
    struct json_object *properties = NULL;
    struct json_object *doc = new_schema(def, url, chinese, &properties);
    struct json_object *required = host_doc_array_in(doc, "required");
    for (size_t i = 0; i < N_RECORD_COLUMNS; i++) {
        add_record_column(properties, &record_columns[i], def, chinese);
    }
    add_geometry(properties, def, chinese);
    for (size_t i = 0; i < def->n_fields; i++) {
        const struct cim_field *field = &def->fields[i];
        struct json_object *property = add_field(properties, field, chinese);
        if (def->time != NULL && strcmp(field->name, def->time) == 0) {
            host_doc_text(property, "x-ogc-role", "primary-instant");
        }
        if (field->required) {
            host_doc_append(required, json_object_new_string(field->name));
        }
    }
    return doc;
}

struct json_object *
host_schema_queryables(const struct cim_definition *def, const cim_scope *scope, const char *url,
                       bool chinese)
{
    struct json_object *properties = NULL;
    struct json_object *doc = new_schema(def, url, chinese, &properties);
    for (size_t i = 0; i < N_RECORD_COLUMNS; i++) {
        add_record_column(properties, &record_columns[i], def, chinese);
    }
    add_geometry(properties, def, chinese);
    for (size_t i = 0; i < def->n_fields; i++) {
        if (cim_scope_field_mode_min(scope, &def->fields[i]) == CIM_FIELD_CLEAR) {
            add_field(properties, &def->fields[i], chinese);
        }
    }
    host_doc_bool(doc, "additionalProperties", false);
    return doc;
}
