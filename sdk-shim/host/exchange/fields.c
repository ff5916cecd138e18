/* host/exchange/fields.c -- which column of a file goes into which field of a layer. */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DBF_NAME_BYTES = 10, NAME_MAX_BYTES = 256 };

/* Record columns that a file may bring along; the platform gives the others. */
static const char *const record_columns[] = {"uid", "owner_org", "area_code"};
/* What geometries of tables are made of. */
static const char *const x_columns[] = {"lon", "lng", "longitude", "x", "经度", NULL};
static const char *const y_columns[] = {"lat", "latitude", "y", "纬度", NULL};
static const char *const wkt_columns[] = {"wkt", "geom", "geometry", NULL};

struct target {
    const char *name;
    const struct cim_field *field; /* NULL: a record column */
};

static bool
same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcasecmp(a, b) == 0;
}

static bool
find_target(const struct cim_definition *definition, const char *name, struct target *ret_target)
{
    for (size_t i = 0; i < definition->n_fields; i++) {
        if (same(definition->fields[i].name, name)) {
            *ret_target = (struct target){definition->fields[i].name, &definition->fields[i]};
            return true;
        }
    }
    for (size_t i = 0; i < sizeof record_columns / sizeof record_columns[0]; i++) {
        if (same(record_columns[i], name)) {
            *ret_target = (struct target){record_columns[i], NULL};
            return true;
        }
    }
    return false;
}

static bool
find_by_title(const struct cim_definition *definition, const char *title, struct target *ret_target)
{
    for (size_t i = 0; i < definition->n_fields; i++) {
        const struct cim_field *field = &definition->fields[i];
        if (same(field->title.zh, title) || same(field->title.en, title)) {
            *ret_target = (struct target){field->name, field};
            return true;
        }
    }
    return false;
}

/* dBASE keeps ten bytes of a name: the start of exactly one field's name or title will do. */
static bool
find_by_start(const struct cim_definition *definition, const char *raw, const char *name,
              struct target *ret_target)
{
    const size_t len = strlen(name);
    int n_found = 0;
    if (strlen(raw) < DBF_NAME_BYTES - 1 || len < 3) {
        return false;
    }
    for (size_t i = 0; i < definition->n_fields; i++) {
        const struct cim_field *field = &definition->fields[i];
        if (strncasecmp(field->name, name, len) == 0 ||
            (field->title.zh != NULL && strncmp(field->title.zh, name, len) == 0)) {
            *ret_target = (struct target){field->name, field};
            n_found++;
        }
    }
    return n_found == 1;
}

static cim_status
no_target(const char *option, const char *name, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, option, name, "图层没有字段“%s”",
                    "the layer has no field '%s'", name);
}

/* ---- columns ---- */

static struct host_source_column *
column_of(struct host_columns *columns, const char *name)
{
    for (uint32_t i = 0; i < columns->n; i++) {
        if (strcmp(columns->columns[i].name, name) == 0) {
            return &columns->columns[i];
        }
    }
    return NULL;
}

static uint32_t
type_for(OGRFieldDefnH file, const struct cim_field *field)
{
    const OGRFieldType type = OGR_Fld_GetType(file);
    const bool is_int = type == OFTInteger || type == OFTInteger64;
    if (field == NULL) {
        return CIM_COL_TEXT;
    }
    if (field->type == CIM_FIELD_INTEGER && is_int) {
        return CIM_COL_INT64;
    }
    if (field->type == CIM_FIELD_NUMBER && (is_int || type == OFTReal)) {
        return CIM_COL_FLOAT64;
    }
    if (field->type == CIM_FIELD_BOOLEAN && is_int && OGR_Fld_GetSubType(file) == OFSTBoolean) {
        return CIM_COL_BOOL;
    }
    return CIM_COL_TEXT;
}

static bool
is_one_of(const char *const *names, const char *name)
{
    while (*names != NULL && !same(*names, name)) {
        names++;
    }
    return *names != NULL;
}

void
host_columns_find_position(OGRFeatureDefnH file, int *ret_x, int *ret_y, int *ret_wkt)
{
    int x = -1;
    int y = -1;
    *ret_wkt = -1;
    for (int i = OGR_FD_GetFieldCount(file) - 1; i >= 0; i--) {
        const char *name = OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(file, i));
        x = is_one_of(x_columns, name) ? i : x;
        y = is_one_of(y_columns, name) ? i : y;
        *ret_wkt = is_one_of(wkt_columns, name) ? i : *ret_wkt;
    }
    *ret_x = y >= 0 ? x : -1;
    *ret_y = x >= 0 ? y : -1;
}

static void
note_ignored(struct host_import_report *report, const char *name)
{
    if (is_one_of(x_columns, name) || is_one_of(y_columns, name) || is_one_of(wkt_columns, name)) {
        return;
    }
    if (report->n_ignored < HOST_IMPORT_IGNORED_MAX) {
        char(*grown)[64] = realloc(report->ignored, (size_t)(report->n_ignored + 1) * 64);
        if (grown != NULL) {
            report->ignored = grown;
            cim_copy_text(report->ignored[report->n_ignored++], 64, name);
        }
    }
}

/* The target that `map` names for a column, if any; the column's very name before one that is
 * alike. */
static cim_status
find_mapped(const char *map, const struct cim_definition *definition, const char *name,
            struct target *ret_target, bool *ret_found, cim_error *err)
{
    CIM_AUTO_FREE char *copy = strdup(map != NULL ? map : "");
    char *rest = copy;
    struct target target = {0};
    bool exact = false;
    *ret_found = false;
    if (copy == NULL) {
        return cim_fail_nomem(err);
    }
    for (;;) {
        char *from = NULL;
        char *to = NULL;
        CIM_TRY(host_pairs_next(&rest, "map", &from, &to, err));
        if (from == NULL) {
            return CIM_OK;
        }
        if (*to != '\0' && !find_target(definition, to, &target)) {
            return no_target("map", to, err);
        }
        exact = strcmp(from, name) == 0;
        if (exact || (!*ret_found && same(from, name))) {
            *ret_target = target;
            ret_target->name = *to != '\0' ? target.name : NULL;
            *ret_found = true;
        }
        if (exact) {
            return CIM_OK;
        }
    }
}

static bool
find_any(const struct cim_definition *definition, enum host_file_kind kind, const char *raw,
         const char *name, struct target *ret_target)
{
    return find_target(definition, name, ret_target) ||
           find_by_title(definition, name, ret_target) ||
           (kind == HOST_FILE_SHAPEFILE && find_by_start(definition, raw, name, ret_target));
}

const char *
host_column_field(const struct cim_definition *definition, enum host_file_kind kind,
                  const char *raw, const char *name)
{
    struct target target = {0};
    return find_any(definition, kind, raw, name, &target) ? target.name : NULL;
}

static cim_status
take_field(OGRFieldDefnH field, int index, struct host_text_in *text, enum host_file_kind kind,
           const struct cim_definition *definition, const struct host_import_options *options,
           struct host_columns *columns, struct host_import_report *report, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf name;
    struct target target = {0};
    bool found = false;
    bool mapped = false;
    struct host_source_column *before = NULL;
    const char *raw = OGR_Fld_GetNameRef(field);
    cim_buf_init(&name, NAME_MAX_BYTES);
    if (host_text_in_convert(text, raw, &name, NULL) != CIM_OK || name.len == 0) {
        return CIM_OK; /* a name that nobody can read matches nothing */
    }
    CIM_TRY(find_mapped(options->map, definition, name.data, &target, &mapped, err));
    found = mapped ? target.name != NULL : find_any(definition, kind, raw, name.data, &target);
    before = found ? column_of(columns, target.name) : NULL;
    /* A name as the layer has it wins over one that is alike, and loses to the caller's list. */
    if (!found ||
        (before != NULL && !mapped && (before->mapped || strcmp(name.data, target.name) != 0))) {
        note_ignored(report, name.data);
        return CIM_OK;
    }
    if (before == NULL) {
        before = &columns->columns[columns->n++];
    }
    *before = (struct host_source_column){.name = target.name,
                                          .type = type_for(field, target.field),
                                          .ogr_index = index,
                                          .ogr_type = OGR_Fld_GetType(field),
                                          .mapped = mapped,
                                          .field = target.field};
    return CIM_OK;
}

static cim_status
take_constants(const struct cim_definition *definition, const char *set,
               struct host_columns *columns, cim_error *err)
{
    char *rest = NULL;
    columns->set_text = strdup(set != NULL ? set : "");
    rest = columns->set_text;
    if (rest == NULL) {
        return cim_fail_nomem(err);
    }
    for (;;) {
        struct target target = {0};
        struct host_source_column *column = NULL;
        char *name = NULL;
        char *value = NULL;
        CIM_TRY(host_pairs_next(&rest, "set", &name, &value, err));
        if (name == NULL) {
            return CIM_OK;
        }
        if (!find_target(definition, name, &target)) {
            return no_target("set", name, err);
        }
        column = column_of(columns, target.name);
        if (column == NULL) {
            column = &columns->columns[columns->n++];
        }
        *column = (struct host_source_column){.name = target.name,
                                              .type = CIM_COL_TEXT,
                                              .ogr_index = -1,
                                              .constant = value,
                                              .field = target.field};
    }
}

static cim_status
take_values(const struct cim_definition *definition, const char *values,
            struct host_columns *columns, cim_error *err)
{
    char *rest = NULL;
    columns->values_text = strdup(values != NULL ? values : "");
    columns->values = calloc(HOST_IMPORT_VALUES_MAX, sizeof *columns->values);
    rest = columns->values_text;
    if (rest == NULL || columns->values == NULL) {
        return cim_fail_nomem(err);
    }
    for (;;) {
        struct target target = {0};
        char *field = NULL;
        char *from = NULL;
        char *to = NULL;
        CIM_TRY(host_pairs_next_value(&rest, &field, &from, &to, err));
        if (field == NULL) {
            return CIM_OK;
        }
        if (!find_target(definition, field, &target)) {
            return no_target("values", field, err);
        }
        if (columns->n_values == HOST_IMPORT_VALUES_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "values", NULL, "值的对应超过 %d 条",
                            "more than %d values", HOST_IMPORT_VALUES_MAX);
        }
        columns->values[columns->n_values++] =
            (struct host_value_map){.field = target.name, .from = from, .to = to};
    }
}

const char *
host_columns_value(const struct host_columns *columns, const struct host_source_column *column,
                   const char *text)
{
    const struct cim_code_list *codes = column->field != NULL ? column->field->codes : NULL;
    for (uint32_t i = 0; i < columns->n_values; i++) {
        if (strcmp(columns->values[i].field, column->name) == 0 &&
            strcmp(columns->values[i].from, text) == 0) {
            return columns->values[i].to;
        }
    }
    for (size_t i = 0; codes != NULL && cim_code_find(codes, text) == NULL && i < codes->n_codes;
         i++) {
        if (same(codes->codes[i].title.zh, text) || same(codes->codes[i].title.en, text)) {
            return codes->codes[i].value;
        }
    }
    return text;
}

cim_status
host_columns_match(OGRFeatureDefnH file, struct host_text_in *text, enum host_file_kind kind,
                   const struct cim_definition *definition,
                   const struct host_import_options *options, struct host_columns *ret_columns,
                   struct host_import_report *report, cim_error *err)
{
    const int n = OGR_FD_GetFieldCount(file);
    if (n > HOST_IMPORT_FIELDS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "文件有 %d 列，上限 %d",
                        "the file has %d columns: at most %d", n, HOST_IMPORT_FIELDS_MAX);
    }
    *ret_columns = (struct host_columns){.n = 0};
    for (int i = 0; i < n; i++) {
        CIM_TRY(take_field(OGR_FD_GetFieldDefn(file, i), i, text, kind, definition, options,
                           ret_columns, report, err));
    }
    CIM_TRY(take_constants(definition, options->set, ret_columns, err));
    return take_values(definition, options->values, ret_columns, err);
}

void
host_columns_done(struct host_columns *columns)
{
    free(columns->set_text);
    free(columns->values);
    free(columns->values_text);
    *columns = (struct host_columns){.n = 0};
}
