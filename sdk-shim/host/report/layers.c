/* host/report/layers.c -- the GeoJSON outputs of a result as files: what GIS and CAD go on with. */
#include "host/report/blocks.h"

#include "cim/util.h"
#include "host/exchange/source.h"
#include "kit/cleanup.h"
#include "kit/geojson.h"
#include "kit/rows.h"
#include "kit/wkb.h"

#include <cpl_vsi.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROPERTIES_MAX = 60, NAME_BYTES = 64, FILL_ROWS = 500 };

/* ---- every feature of the outputs ---- */

typedef cim_status (*feature_fn)(void *arg, const char *output, struct json_object *geometry,
                                 struct json_object *properties, cim_error *err);

static cim_status
each_of(struct json_object *geojson, const char *output, feature_fn each, void *arg, cim_error *err)
{
    struct json_object *features = host_report_member(geojson, "features");
    const char *type = json_object_get_string(host_report_member(geojson, "type"));
    if (json_object_is_type(features, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(features); i++) {
            CIM_TRY(each_of(json_object_array_get_idx(features, i), output, each, arg, err));
        }
        return CIM_OK;
    }
    return type != NULL && strcmp(type, "Feature") == 0
               ? each(arg, output, host_report_member(geojson, "geometry"),
                      host_report_member(geojson, "properties"), err)
               : each(arg, output, geojson, NULL, err);
}

static cim_status
each_feature(const struct host_report_source *source, const char *only, feature_fn each, void *arg,
             cim_error *err)
{
    bool found = false;
    json_object_object_foreach(source->outputs, id, part)
    {
        struct json_object *value = host_report_member(source->result, id);
        (void)part;
        if (host_report_is_geojson(value) && (only == NULL || strcmp(only, id) == 0)) {
            found = true;
            CIM_TRY(each_of(value, id, each, arg, err));
        }
    }
    return found ? CIM_OK
                 : cim_fail(err, CIM_E_NOTFOUND, "output", only, "结果中没有这个图层",
                            "the result has no such layer");
}

/* ---- GeoJSON ---- */

static cim_status
write_feature(void *arg, const char *output, struct json_object *geometry,
              struct json_object *properties, cim_error *err)
{
    struct cim_buf *out = arg;
    const char *text = properties != NULL
                           ? json_object_to_json_string_ext(properties, JSON_C_TO_STRING_PLAIN)
                           : "{}";
    cim_buf_add_text(out, out->data[out->len - 1] == '[' ? "\n" : ",\n");
    cim_buf_add_text(out, "{\"type\":\"Feature\",\"geometry\":");
    cim_buf_add_text(out, json_object_to_json_string_ext(geometry, JSON_C_TO_STRING_PLAIN));
    cim_buf_add_text(out, ",\"properties\":{\"output\":");
    cim_buf_add_json_text(out, output, SIZE_MAX);
    cim_buf_add_text(out, strcmp(text, "{}") == 0 ? "" : ",");
    cim_buf_add(out, text + 1, strlen(text) - 1); /* from behind its brace */
    cim_buf_add_char(out, '}');
    return cim_buf_status(out, err);
}

cim_status
host_report_geojson(const struct host_report_source *source, const char *only, struct cim_buf *out,
                    cim_error *err)
{
    cim_buf_add_text(out, "{\"type\":\"FeatureCollection\",\"features\":[");
    CIM_TRY(each_feature(source, only, write_feature, out, err));
    cim_buf_add_text(out, "\n]}\n");
    return cim_buf_status(out, err);
}

/* ---- as rows, for the exports ---- */

struct property {
    char name[NAME_BYTES];
    bool number; /* all that were seen are */
};

struct item {
    const char *output;
    struct json_object *geometry;
    struct json_object *properties;
};

struct items {
    bool points; /* dimensions that were seen */
    bool lines;
    bool areas;
    bool several; /* outputs */
    size_t n;
    size_t capacity;
    struct item *list;
    size_t n_properties;
    struct property properties[PROPERTIES_MAX];
    size_t next; /* of the rows */
};

static void
see_properties(struct items *items, struct json_object *properties)
{
    if (!json_object_is_type(properties, json_type_object)) {
        return;
    }
    json_object_object_foreach(properties, key, value)
    {
        const bool number = json_object_is_type(value, json_type_double) ||
                            json_object_is_type(value, json_type_int);
        size_t i = 0;
        if (json_object_is_type(value, json_type_object) || value == NULL) {
            continue;
        }
        while (i < items->n_properties && strcmp(items->properties[i].name, key) != 0) {
            i++;
        }
        if (i == items->n_properties && i < PROPERTIES_MAX && strlen(key) < NAME_BYTES) {
            cim_copy_text(items->properties[i].name, NAME_BYTES, key);
            items->properties[items->n_properties++].number = true;
        }
        if (i < items->n_properties) {
            items->properties[i].number = items->properties[i].number && number;
        }
    }
}

static cim_status
take_item(void *arg, const char *output, struct json_object *geometry,
          struct json_object *properties, cim_error *err)
{
    struct items *items = arg;
    const char *type = json_object_get_string(host_report_member(geometry, "type"));
    if (type == NULL) {
        return CIM_OK;
    }
    if (items->n == items->capacity) {
        const size_t capacity = items->capacity == 0 ? 256 : items->capacity * 2;
        struct item *grown = realloc(items->list, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        items->list = grown;
        items->capacity = capacity;
    }
    items->points = items->points || strstr(type, "Point") != NULL;
    items->lines = items->lines || strstr(type, "LineString") != NULL;
    items->areas = items->areas || strstr(type, "Polygon") != NULL;
    items->several = items->several || (items->n > 0 && strcmp(items->list[0].output, output) != 0);
    items->list[items->n++] = (struct item){output, geometry, properties};
    see_properties(items, properties);
    return CIM_OK;
}

static void
append_property(struct cim_batch_builder *builder, uint32_t column, const struct property *property,
                const struct item *item)
{
    struct json_object *value = host_report_member(item->properties, property->name);
    char *text = NULL;
    if (value == NULL) {
        cim_batch_append_null(builder, column);
    } else if (property->number) {
        cim_batch_append_f64(builder, column, json_object_get_double(value));
    } else {
        text = host_report_value(value, true);
        cim_batch_append_bytes(builder, column, text != NULL ? text : "",
                               text != NULL ? strlen(text) : 0);
        free(text);
    }
}

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct items *items = self;
    for (size_t end = items->next + FILL_ROWS; items->next < items->n && items->next < end;
         items->next++) {
        const struct item *item = &items->list[items->next];
        CIM_AUTO_BUF struct cim_buf wkb;
        cim_buf_init(&wkb, CIM_WKB_BYTES_MAX);
        if (cim_geojson_to_wkb(item->geometry, false, &wkb, NULL) != CIM_OK) {
            continue; /* empty */
        }
        cim_batch_append_bytes(builder, 0, wkb.data, wkb.len);
        cim_batch_append_bytes(builder, 1, item->output, strlen(item->output));
        for (size_t i = 0; i < items->n_properties; i++) {
            append_property(builder, (uint32_t)i + 2, &items->properties[i], item);
        }
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static void
release_nothing(void *self)
{
    (void)self;
}

/* As a layer whose query finds the items. */
static cim_status
query_items(void *self, const cim_call *call, const cim_query *query, cim_rows **ret_rows,
            cim_error *err)
{
    struct items *items = self;
    const char *names[PROPERTIES_MAX + 2] = {"geom", "output"};
    uint32_t types[PROPERTIES_MAX + 2] = {CIM_COL_WKB, CIM_COL_TEXT};
    (void)call;
    (void)query;
    for (size_t i = 0; i < items->n_properties; i++) {
        names[i + 2] = items->properties[i].name;
        types[i + 2] = items->properties[i].number ? CIM_COL_FLOAT64 : CIM_COL_TEXT;
    }
    return cim_rows_new((uint32_t)items->n_properties + 2, names, types, fill, release_nothing,
                        items, ret_rows, err);
}

/* Of one output and one kind of geometry, as a Shapefile has it. */
static cim_status
check_one_kind(const struct host_report_source *source, const struct items *items, cim_error *err)
{
    char names[200] = "";
    if (!items->several && (int)items->points + (int)items->lines + (int)items->areas == 1) {
        return CIM_OK;
    }
    json_object_object_foreach(source->outputs, id, part)
    {
        (void)part;
        if (host_report_is_geojson(host_report_member(source->result, id))) {
            const size_t len = strlen(names);
            (void)snprintf(names + len, sizeof names - len, "%s%.60s", len > 0 ? ", " : "", id);
        }
    }
    return cim_fail(
        err, CIM_E_INVALID, "output", NULL,
        "Shapefile 只能有一个图层、一种几何：请用 output 指明（%s），或改用 geojson、dxf",
        "a Shapefile is one layer of one kind of geometry: name it as output (%s), or "
        "take geojson or dxf",
        names);
}

static cim_status
export_items(struct items *items, enum host_export_format format, const char *path, cim_error *err)
{
    char table[] = "result";
    char name[] = "name";
    const struct cim_definition definition = {.id = table,
                                              .table = table,
                                              .label = name,
                                              .geometry = items->areas ? CIM_GEOMETRY_MULTI_POLYGON
                                                          : items->lines
                                                              ? CIM_GEOMETRY_MULTI_LINE_STRING
                                                              : CIM_GEOMETRY_POINT};
    const cim_layer layer = {
        .struct_size = sizeof layer, .id = table, .query = query_items, .self = items};
    const cim_call call = {.struct_size = sizeof call};
    const cim_query query = {.struct_size = sizeof query};
    const struct host_export_options options = {.format = format};
    return host_exchange_export(&layer, &definition, &call, &query, path, &options, NULL, err);
}

cim_status
host_report_file(const struct host_report_source *source, const char *only, const char *format,
                 const char *work_dir, struct cim_buf *out, cim_error *err)
{
    struct items items = {.n = 0};
    char path[HOST_PATH_MAX];
    enum host_export_format kind;
    vsi_l_offset len = 0;
    GByte *bytes = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(host_export_format_of(format, NULL, &kind, err));
    (void)snprintf(path, sizeof path, "%s/result.%s", work_dir,
                   kind == HOST_EXPORT_SHP ? "zip" : format);
    if (status == CIM_OK) {
        status = each_feature(source, only, take_item, &items, err);
    }
    if (status == CIM_OK && items.n == 0) {
        status = cim_fail(err, CIM_E_NOTFOUND, "output", only, "结果中没有带几何的对象",
                          "nothing of the result has a geometry");
    }
    if (status == CIM_OK && kind == HOST_EXPORT_SHP) {
        status = check_one_kind(source, &items, err);
    }
    if (status == CIM_OK) {
        status = export_items(&items, kind, path, err);
    }
    if (status == CIM_OK && VSIIngestFile(NULL, path, &bytes, &len, HOST_REPORT_BYTES_MAX) == 0) {
        status = cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "文件超过 %d MB",
                          "the file is larger than %d MB", HOST_REPORT_BYTES_MAX >> 20);
    }
    if (status == CIM_OK) {
        cim_buf_add(out, bytes, (size_t)len);
        status = cim_buf_status(out, err);
    }
    VSIFree(bytes);
    (void)unlink(path);
    free(items.list);
    return status;
}
