/* host/store/check_layer.c -- is a layer's table still what its definition says? */
#include "host/store/driver.h"

#include "cim/rows.h"
#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/definition.h"
#include "kit/rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_BYTES = 64 };

struct column {
    char name[NAME_MAX_BYTES];
    char type[NAME_MAX_BYTES];
};

struct table {
    int32_t n_columns;
    struct column columns[HOST_STORE_COLUMNS_MAX];
};

static void
copy_bytes(const cim_column *column, int64_t row, char out[NAME_MAX_BYTES])
{
    size_t len = 0;
    const char *text = (const char *)cim_column_bytes(column, row, &len);
    (void)snprintf(out, NAME_MAX_BYTES, "%.*s", (int)len, text);
}

/* The first two columns of a result, both text. */
static cim_status
read_pairs(struct host_store *store, const char *sql, const cim_value *values, uint32_t n_values,
           struct table *ret_pairs, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    ret_pairs->n_columns = 0;
    CIM_TRY(host_store_read(store, sql, values, n_values, &rows, err));
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t i = 0; i < batch->n_rows && ret_pairs->n_columns < HOST_STORE_COLUMNS_MAX;
             i++) {
            struct column *pair = &ret_pairs->columns[ret_pairs->n_columns++];
            copy_bytes(batch->columns[0], i, pair->name);
            copy_bytes(batch->columns[1], i, pair->type);
        }
    } while (batch->n_rows > 0);
    return CIM_OK;
}

static cim_status
check_column(const char *table_name, const struct table *table, const char *name, const char *type,
             cim_error *err)
{
    for (int32_t i = 0; i < table->n_columns; i++) {
        const struct column *column = &table->columns[i];
        if (strcasecmp(column->name, name) != 0) {
            continue;
        }
        if (strcasecmp(column->type, type) == 0) {
            return CIM_OK;
        }
        return cim_fail(err, CIM_E_STATE, name, column->type, "数据表 %s 的列 %s 为 %s，应为 %s",
                        "table %s: column %s is %s, expected %s", table_name, name, column->type,
                        type);
    }
    return cim_fail(err, CIM_E_STATE, name, NULL, "数据表 %s 缺少列 %s（%s）",
                    "table %s lacks the column %s (%s)", table_name, name, type);
}

static const char *
word_of(enum cim_field_type type)
{
    switch (type) {
    case CIM_FIELD_INTEGER:
        return "int";
    case CIM_FIELD_NUMBER:
        return "real";
    case CIM_FIELD_BOOLEAN:
        return "bool";
    case CIM_FIELD_DATE:
        return "date";
    case CIM_FIELD_TIME:
        return "time";
    case CIM_FIELD_TEXT:
    case CIM_FIELD_CODE:
        break;
    }
    return "text";
}

static cim_status
check_columns(const struct host_driver *driver, const struct cim_definition *def,
              const struct table *table, cim_error *err)
{
    static const struct {
        const char *name;
        const char *word;
    } record[] = {{"fid", "int"},        {"uid", "text"},       {"version", "int"},
                  {"owner_org", "text"}, {"area_code", "text"}, {"updated_at", "time"}};
    char type[64];
    for (size_t i = 0; i < sizeof record / sizeof record[0]; i++) {
        CIM_TRY(check_column(def->table, table, record[i].name,
                             driver->type_of_word(record[i].word), err));
    }
    if (def->geometry != CIM_GEOMETRY_NONE) {
        driver->type_of_geometry(cim_geometry_name(def->geometry), type, sizeof type);
        CIM_TRY(check_column(def->table, table, "geom", type, err));
    }
    for (size_t i = 0; i < def->n_fields; i++) {
        CIM_TRY(check_column(def->table, table, def->fields[i].name,
                             driver->type_of_word(word_of(def->fields[i].type)), err));
    }
    return CIM_OK;
}

static cim_status
check(struct host_store *store, const struct cim_definition *def, struct table *scratch,
      cim_error *err)
{
    const cim_value values[] = {
        {.name = "table",
         .type = CIM_COL_TEXT,
         .len = (uint32_t)strlen(def->table),
         .v.ptr = def->table},
        {.name = "has_geometry",
         .type = CIM_COL_INT64,
         .v.i64 = def->geometry != CIM_GEOMETRY_NONE ? 1 : 0},
    };
    CIM_TRY(read_pairs(store, store->driver->table_columns, values, 1, scratch, err));
    if (scratch->n_columns == 0) {
        return cim_fail(err, CIM_E_STATE, "table", def->table, "%s 中没有数据表 %s",
                        "%s has no table %s", host_store_name(store), def->table);
    }
    CIM_TRY(check_columns(store->driver, def, scratch, err));
    CIM_TRY(read_pairs(store, store->driver->table_faults, values, 2, scratch, err));
    if (scratch->n_columns > 0) {
        const struct column *fault = &scratch->columns[0];
        const bool foreign = strcmp(fault->type, "foreign") == 0;
        return cim_fail(err, CIM_E_STATE, "table", def->table,
                        foreign ? "数据表 %s 上的 %s 不是本平台所建" : "数据表 %s 缺少 %s",
                        foreign ? "table %s: %s is not ours" : "table %s: %s is missing",
                        def->table, fault->name);
    }
    return CIM_OK;
}

cim_status
host_store_check_layer(struct host_store *store, const struct cim_definition *def, cim_error *err)
{
    struct table *scratch = calloc(1, sizeof *scratch);
    cim_status status = CIM_OK;
    if (scratch == NULL) {
        return cim_fail_nomem(err);
    }
    status = check(store, def, scratch, err);
    free(scratch);
    return status;
}
