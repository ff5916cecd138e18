/* plugin/data/column.c -- record columns and fields by name. */
#include "data/internal.h"

#include "cim/util.h"
#include "kit/rows.h"
#include "kit/scope_eval.h"

bool
lpg_column_find(const struct lpg_layer *layer, const char *name, struct lpg_column *ret)
{
    static const struct lpg_column record[] = {
        {"fid", CIM_FIELD_INTEGER, NULL, true},     {"uid", CIM_FIELD_TEXT, NULL, true},
        {"version", CIM_FIELD_INTEGER, NULL, true}, {"owner_org", CIM_FIELD_TEXT, NULL, false},
        {"area_code", CIM_FIELD_TEXT, NULL, false}, {"updated_at", CIM_FIELD_TIME, NULL, true},
    };
    for (size_t i = 0; i < sizeof record / sizeof record[0]; i++) {
        if (strcmp(record[i].name, name) == 0) {
            *ret = record[i];
            return true;
        }
    }
    const struct cim_field *field = cim_definition_field(layer->def, name);
    if (field == NULL) {
        return false;
    }
    *ret = (struct lpg_column){field->name, field->type, field, field->required};
    return true;
}

bool
lpg_copy_cell(const cim_column *column, int64_t row, char *to, size_t capacity)
{
    size_t len = 0;
    to[0] = '\0';
    if (!cim_column_present(column, row)) {
        return false;
    }
    const uint8_t *bytes = cim_column_bytes(column, row, &len);
    len = len < capacity ? len : capacity - 1;
    memcpy(to, bytes, len);
    to[len] = '\0';
    return true;
}

uint32_t
lpg_column_type(enum cim_field_type type)
{
    switch (type) {
    case CIM_FIELD_INTEGER:
        return CIM_COL_INT64;
    case CIM_FIELD_NUMBER:
        return CIM_COL_FLOAT64;
    case CIM_FIELD_BOOLEAN:
        return CIM_COL_BOOL;
    case CIM_FIELD_TIME:
        return CIM_COL_TIME_MS;
    case CIM_FIELD_TEXT:
    case CIM_FIELD_DATE:
    case CIM_FIELD_CODE:
    default:
        return CIM_COL_TEXT;
    }
}

cim_status
lpg_column_must_be_clear(const cim_scope *scope, const struct lpg_column *column, cim_error *err)
{
    if (column->field != NULL && scope->n_terms > 0 &&
        cim_scope_field_mode_min(scope, column->field) < CIM_FIELD_CLEAR) {
        return cim_fail(err, CIM_E_DENIED, column->name, NULL,
                        "您的权限看不到字段“%s”的明文，不能按它筛选、排序或统计",
                        "your grants do not show '%s' in clear, so it cannot filter, sort or count",
                        column->name);
    }
    return CIM_OK;
}
