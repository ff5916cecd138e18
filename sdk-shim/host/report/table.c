/* host/report/table.c -- lists of objects as tables. */
#include "host/report/blocks.h"

#include "cim/util.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct column {
    char path[96];
    char title[128];
    char yes[64];               /* what is printed for true; "": 是 */
    struct json_object *values; /* names of values; NULL */
    char layer[96];             /* whose codes they are; "" */
    char field[48];
};

/* ---- values ---- */

static void
write_number(double value, char *out, size_t size)
{
    const double magnitude = fabs(value);
    if (magnitude >= 1e6) {
        (void)snprintf(out, size, "%.0f", value);
    } else if (magnitude >= 0.001 || magnitude <= 0.0) {
        (void)snprintf(out, size, "%.3f", value);
    } else { /* a chance of 2e-7 is not none */
        (void)snprintf(out, size, "%.2e", value);
    }
}

char *
host_report_value(struct json_object *value, bool chinese)
{
    char text[64];
    switch (json_object_get_type(value)) {
    case json_type_boolean:
        return strdup(json_object_get_boolean(value) ? (chinese ? "是" : "yes")
                                                     : (chinese ? "否" : "no"));
    case json_type_double:
        write_number(json_object_get_double(value), text, sizeof text);
        if (strchr(text, '.') != NULL && strchr(text, 'e') == NULL) {
            size_t n = strlen(text);
            while (text[n - 1] == '0') {
                text[--n] = '\0';
            }
            if (text[n - 1] == '.') {
                text[n - 1] = '\0';
            }
        }
        return strdup(strcmp(text, "-0") == 0 ? "0" : text);
    case json_type_int:
    case json_type_string:
        return strdup(json_object_get_string(value));
    case json_type_array: {
        /* of texts and numbers: one after the other */
        struct cim_buf all;
        char *joined = NULL;
        cim_buf_init(&all, 4096);
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            struct json_object *item = json_object_array_get_idx(value, i);
            if (!json_object_is_type(item, json_type_object) &&
                !json_object_is_type(item, json_type_array) && item != NULL) {
                cim_buf_add_text(&all, all.len > 0 ? (chinese ? "、" : ", ") : "");
                cim_buf_add_text(&all, json_object_get_string(item));
            }
        }
        joined = strdup(all.len > 0 && all.failed == CIM_OK ? all.data : "");
        cim_buf_done(&all);
        return joined;
    }
    case json_type_null:
    case json_type_object:
    default:
        return strdup("");
    }
}

/* "rule.clause" of a record. */
static struct json_object *
follow(struct json_object *record, const char *path)
{
    char copy[96];
    char *rest = copy;
    char *step = NULL;
    cim_copy_text(copy, sizeof copy, path);
    while (record != NULL && (step = strsep(&rest, ".")) != NULL) {
        record = host_report_member(record, step);
    }
    return record;
}

/* ---- columns ---- */

/* A Feature's properties, or the object itself. */
static struct json_object *
record_of(struct json_object *item)
{
    struct json_object *properties = host_report_member(item, "properties");
    return properties != NULL ? properties : item;
}

/* "lpg.separation-rules/receptor" */
static void
take_codes(struct column *column, const char *codes)
{
    const char *slash = codes != NULL ? strchr(codes, '/') : NULL;
    if (slash != NULL) {
        (void)snprintf(column->layer, sizeof column->layer, "%.*s", (int)(slash - codes), codes);
        cim_copy_text(column->field, sizeof column->field, slash + 1);
    }
}

static size_t
columns_declared(struct json_object *schema, bool chinese,
                 struct column columns[HOST_REPORT_COLUMNS_MAX])
{
    struct json_object *list = host_report_member(schema, "x-columns");
    const size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    size_t kept = 0;
    for (size_t i = 0; i < n && kept < HOST_REPORT_COLUMNS_MAX; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        const char *path = json_object_get_string(host_report_member(one, "path"));
        const char *title = json_object_get_string(host_report_member(one, chinese ? "zh" : "en"));
        const bool other = host_report_member(one, chinese ? "en" : "zh") != NULL;
        if (path != NULL && (title != NULL || !other)) {
            struct column *column = &columns[kept++];
            cim_copy_text(column->path, sizeof column->path, path);
            cim_copy_text(column->title, sizeof column->title, title != NULL ? title : path);
            cim_copy_text(column->yes, sizeof column->yes, host_report_text(one, "true", chinese));
            column->values = host_report_member(one, "values");
            take_codes(column, json_object_get_string(host_report_member(one, "codes")));
        }
    }
    return kept;
}

/* What a person reads in no table. */
static bool
is_technical(const char *field)
{
    static const char *const fields[] = {"fid",       "uid",        "version", "owner_org",
                                         "area_code", "updated_at", "made_up"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(field, fields[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The layer that an input was asked with; NULL: none. */
static const char *
layer_of(const struct host_report_source *source, const char *input)
{
    struct json_object *given =
        host_report_member(host_report_member(source->run, "inputs"), input);
    struct json_object *layer = host_report_member(given, "layer");
    return json_object_is_type(given, json_type_string) ? json_object_get_string(given)
           : layer != NULL                              ? json_object_get_string(layer)
                                                        : NULL;
}

/* An attribute that came from a layer is called as it is there ("x-properties-of"); the longest
 * beginning counts. Returns its name without that. */
static const char *
take_origin(const struct host_report_source *source, struct json_object *schema, const char *key,
            struct column *column)
{
    struct json_object *from = host_report_member(schema, "x-properties-of");
    const char *field = key;
    const char *layer = NULL;
    size_t longest = 0;
    if (json_object_is_type(from, json_type_object)) {
        json_object_object_foreach(from, input, begins)
        {
            const char *text = json_object_get_string(begins);
            const size_t len = strlen(text);
            if (strncmp(key, text, len) == 0 && len >= longest) {
                longest = len;
                layer = layer_of(source, input);
            }
        }
    }
    field += longest;
    *column = (struct column){.values = NULL};
    cim_copy_text(column->path, sizeof column->path, key);
    cim_copy_text(column->title, sizeof column->title, key);
    if (layer != NULL) {
        cim_copy_text(column->layer, sizeof column->layer, layer);
        cim_copy_text(column->field, sizeof column->field, field);
        if (source->title_of != NULL) {
            source->title_of(source->arg, layer, field, column->title, sizeof column->title);
        }
    }
    return field;
}

static bool
says_something(struct json_object *list, const char *key)
{
    for (size_t i = 0; i < json_object_array_length(list) && i < HOST_REPORT_ROWS_MAX; i++) {
        if (host_report_member(record_of(json_object_array_get_idx(list, i)), key) != NULL) {
            return true;
        }
    }
    return false;
}

/* What the first record has room for, is no object, and is said by one of them. */
static size_t
columns_found(const struct host_report_source *source, struct json_object *list,
              struct json_object *schema, struct column columns[HOST_REPORT_COLUMNS_MAX])
{
    struct json_object *record = record_of(json_object_array_get_idx(list, 0));
    size_t n = 0;
    if (!json_object_is_type(record, json_type_object)) {
        return 0;
    }
    json_object_object_foreach(record, key, value)
    {
        if (n < HOST_REPORT_COLUMNS_MAX && !json_object_is_type(value, json_type_object) &&
            says_something(list, key) &&
            !is_technical(take_origin(source, schema, key, &columns[n]))) {
            n++;
        }
    }
    return n;
}

/* ---- the table ---- */

void
host_report_table_done(struct host_report_table *table)
{
    for (size_t i = 0; table->cells != NULL && i < table->n_columns * (table->n_rows + 1); i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct host_report_table){.n_rows = 0};
}

static char *
cell_of(const struct host_report_source *source, struct json_object *item,
        const struct column *column)
{
    struct json_object *value = follow(record_of(item), column->path);
    char name[256];
    if (value == NULL && strcmp(column->path, "id") == 0) {
        value = host_report_member(item, "id"); /* of a Feature, beside its properties */
    }
    if (column->yes[0] != '\0' && json_object_is_type(value, json_type_boolean)) {
        return strdup(json_object_get_boolean(value) ? column->yes : "");
    }
    if (json_object_is_type(value, json_type_string) && column->layer[0] != '\0' &&
        source->name != NULL) {
        cim_copy_text(name, sizeof name, json_object_get_string(value));
        source->name(source->arg, column->layer, column->field, name, sizeof name);
        return strdup(name);
    }
    return host_report_named(value, column->values, source->chinese);
}

/* Texts of a list by their names. */
static char *
named_list(struct json_object *list, struct json_object *values, bool chinese)
{
    struct json_object *named = json_object_new_array();
    char *text = NULL;
    for (size_t i = 0; named != NULL && i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *name = json_object_is_type(item, json_type_string)
                               ? host_report_text(values, json_object_get_string(item), chinese)
                               : NULL;
        (void)json_object_array_add(named, name != NULL ? json_object_new_string(name)
                                                        : json_object_get(item));
    }
    text = host_report_value(named, chinese);
    (void)json_object_put(named);
    return text;
}

char *
host_report_named(struct json_object *value, struct json_object *values, bool chinese)
{
    const char *text = NULL;
    if (values != NULL && json_object_is_type(value, json_type_array)) {
        return named_list(value, values, chinese);
    }
    if (json_object_is_type(value, json_type_string)) {
        text = host_report_text(values, json_object_get_string(value), chinese);
    } else if (json_object_is_type(value, json_type_object)) {
        text = json_object_get_string(host_report_member(value, chinese ? "zh" : "en"));
    }
    return text != NULL ? strdup(text) : host_report_value(value, chinese);
}

/* Takes out the columns that say nothing in any row. */
static void
drop_blank_columns(struct host_report_table *table)
{
    size_t c = 0;
    while (c < table->n_columns && table->n_columns > 1) {
        size_t row = 1;
        size_t n_kept = 0;
        while (row <= table->n_rows && table->cells[row * table->n_columns + c][0] == '\0') {
            row++;
        }
        if (row <= table->n_rows) {
            c++;
            continue;
        }
        for (size_t k = 0; k < (table->n_rows + 1) * table->n_columns; k++) {
            if (k % table->n_columns == c) {
                free(table->cells[k]);
            } else {
                table->cells[n_kept++] = table->cells[k];
            }
        }
        table->n_columns--;
    }
}

cim_status
host_report_table_of(const struct host_report_source *source, struct json_object *list,
                     struct json_object *schema, struct host_report_table *ret_table,
                     size_t *ret_left_out, cim_error *err)
{
    struct column columns[HOST_REPORT_COLUMNS_MAX] = {{.path = ""}};
    const size_t n = json_object_array_length(list);
    struct host_report_table table = {.n_rows =
                                          n < HOST_REPORT_ROWS_MAX ? n : HOST_REPORT_ROWS_MAX};
    table.n_columns = columns_declared(schema, source->chinese, columns);
    if (table.n_columns == 0 && n > 0) {
        table.n_columns = columns_found(source, list, schema, columns);
    }
    *ret_table = (struct host_report_table){.n_rows = 0};
    *ret_left_out = n - table.n_rows;
    if (table.n_columns == 0 || n == 0) {
        return CIM_OK;
    }
    table.cells = calloc(table.n_columns * (table.n_rows + 1), sizeof(char *));
    if (table.cells == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t row = 0; row <= table.n_rows; row++) {
        struct json_object *item = row > 0 ? json_object_array_get_idx(list, row - 1) : NULL;
        for (size_t c = 0; c < table.n_columns; c++) {
            char *cell = row == 0 ? strdup(columns[c].title) : cell_of(source, item, &columns[c]);
            table.cells[row * table.n_columns + c] = cell;
            if (cell == NULL) {
                host_report_table_done(&table);
                return cim_fail_nomem(err);
            }
        }
    }
    drop_blank_columns(&table);
    *ret_table = table;
    return CIM_OK;
}

void
host_report_share_width(size_t n_columns, double whole, double *widths)
{
    double share = whole / (double)n_columns;
    double sum = 0.0;
    for (size_t c = 0; c < n_columns; c++) {
        sum += widths[c];
    }
    /* the share grows as narrow columns leave some of theirs */
    for (size_t round = 0; round < n_columns; round++) {
        double left = whole;
        size_t n_wide = 0;
        for (size_t c = 0; c < n_columns; c++) {
            left -= widths[c] <= share ? widths[c] : 0.0;
            n_wide += widths[c] <= share ? 0 : 1;
        }
        share = n_wide > 0 ? left / (double)n_wide : share;
    }
    for (size_t c = 0; c < n_columns; c++) {
        widths[c] = sum <= whole ? widths[c] * whole / sum : fmin(widths[c], share);
    }
}
