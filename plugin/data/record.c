/* plugin/data/record.c -- see record.h. */
#include "data/rules.h"

#include "data/geometry.h"
#include "data/sealed.h"

#include "cim/util.h"
#include "kit/rows.h"
#include "kit/wkb.h"

static const char *const record_names[] = {CIM_RECORD_COLUMNS};

const struct cim_field *
lpg_record_field(const struct lpg_record *record, uint32_t slot)
{
    return slot < LPG_RECORD_COLUMNS ? NULL
                                     : &record->layer->def->fields[slot - LPG_RECORD_COLUMNS];
}

static const char *
slot_name(const struct lpg_record *record, uint32_t slot)
{
    const struct cim_field *field = lpg_record_field(record, slot);
    return field != NULL ? field->name : record_names[slot];
}

static uint32_t
find_slot(const struct lpg_record *record, const char *name)
{
    uint32_t slot = 0;
    while (slot < record->n_slots && strcmp(slot_name(record, slot), name) != 0) {
        slot++;
    }
    return slot;
}

static cim_status
map_columns(struct lpg_record *record, const cim_rows *rows, cim_error *err)
{
    if (rows->n_columns > LPG_SLOTS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "列数超过 %d", "more than %d columns",
                        LPG_SLOTS_MAX);
    }
    record->n_columns = rows->n_columns;
    for (uint32_t i = 0; i < rows->n_columns; i++) {
        const uint32_t slot = find_slot(record, rows->names[i]);
        if (slot == record->n_slots) {
            return cim_fail(err, CIM_E_INVALID, rows->names[i], NULL, "没有字段“%s”",
                            "there is no property '%s'", rows->names[i]);
        }
        if (record->given[slot]) {
            return cim_fail(err, CIM_E_INVALID, rows->names[i], NULL, "字段“%s”出现两次",
                            "the property '%s' occurs twice", rows->names[i]);
        }
        record->given[slot] = true;
        record->slot_of[i] = slot;
    }
    if (record->given[CIM_RECORD_GEOM] && record->layer->def->geometry == CIM_GEOMETRY_NONE) {
        return cim_fail(err, CIM_E_INVALID, "geom", NULL, "此图层没有几何",
                        "this layer has no geometry");
    }
    if (record->op != CIM_EDIT_CREATE && !record->given[CIM_RECORD_FID] &&
        !record->given[CIM_RECORD_UID]) {
        return cim_fail(err, CIM_E_INVALID, "fid", NULL, "缺少 fid 或 uid，无法确定记录",
                        "expected fid or uid to name the record");
    }
    return CIM_OK;
}

cim_status
lpg_record_init(struct lpg_record *record, const struct lpg_layer *layer, const cim_call *call,
                int32_t op, const cim_rows *rows, cim_error *err)
{
    memset(record, 0, offsetof(struct lpg_record, small));
    cim_buf_init(&record->geometry, CIM_WKB_BYTES_MAX);
    record->area_memory_len = SIZE_MAX;
    record->layer = layer;
    record->call = call;
    record->op = op;
    record->n_slots = LPG_RECORD_COLUMNS + (uint32_t)layer->def->n_fields;
    for (uint32_t slot = 0; slot < record->n_slots; slot++) {
        record->values[slot].name = slot_name(record, slot);
    }
    return map_columns(record, rows, err);
}

static bool
is_key(uint32_t slot)
{
    return slot == CIM_RECORD_FID || slot == CIM_RECORD_UID || slot == CIM_RECORD_VERSION;
}

void
lpg_record_erases(struct lpg_record *record)
{
    record->erases = true;
    for (uint32_t slot = 0; slot < record->n_slots; slot++) {
        const struct cim_field *field = lpg_record_field(record, slot);
        const bool is_person = field != NULL && field->sensitive != CIM_SENSITIVE_NO;
        record->given[slot] = is_person || (record->given[slot] && is_key(slot));
    }
}

/* Set anew for each row: what the row before had no value for may have one here. */
static void
set_erased(struct lpg_record *record)
{
    for (uint32_t slot = LPG_RECORD_COLUMNS; slot < record->n_slots; slot++) {
        const struct cim_field *field = lpg_record_field(record, slot);
        if (field->sensitive != CIM_SENSITIVE_NO) {
            const char *text = field->encrypted ? CIM_CRYPT_ERASED : CIM_ERASED_TEXT;
            record->values[slot].type = CIM_COL_TEXT;
            record->values[slot].v.ptr = text;
            record->values[slot].len = (uint32_t)strlen(text);
        }
    }
}

void
lpg_record_done(struct lpg_record *record)
{
    cim_buf_done(&record->geometry);
}

static bool
is_uuid(const cim_value *value)
{
    const char *text = (const char *)value->v.ptr;
    if (value->type != CIM_COL_TEXT || value->len != 36) {
        return false;
    }
    for (size_t i = 0; i < 36; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (dash ? text[i] != '-' : !hex) {
            return false;
        }
    }
    return true;
}

/* Finds the code in the tree; records keep the code itself where an alias was given. */
static bool
find_area(struct lpg_record *record, const char *text, size_t len)
{
    const struct lpg_data *data = record->layer->data;
    if (len == 0 || len >= LPG_AREA_CODE_MAX || memchr(text, '\0', len) != NULL) {
        return false;
    }
    if (len != record->area_memory_len || memcmp(text, record->area_memory, len) != 0) {
        cim_area area = {.struct_size = sizeof area, .from_ms = INT64_MIN, .until_ms = INT64_MAX};
        memcpy(record->area_memory, text, len);
        record->area_memory[len] = '\0';
        record->area_memory_len = len;
        record->area_memory_ordinal = data->access->area_ordinal(data->host, record->area_memory);
        if (record->area_memory_ordinal >= 0 &&
            data->access->area(data->host, record->area_memory_ordinal, &area) != CIM_OK) {
            record->area_memory_ordinal = -1;
        }
        record->area_memory_code = area.code;
        record->area_memory_in_force =
            record->call->now_ms >= area.from_ms && record->call->now_ms < area.until_ms;
    }
    return record->area_memory_ordinal >= 0;
}

static cim_status
refuse_area(const char *name, const cim_value *value, cim_error *err)
{
    return lpg_refuse_value(name, value, "区划树中没有这个代码", "the area tree has no such code",
                            err);
}

static cim_status
read_record_column(struct lpg_record *record, uint32_t slot, const cim_column *column, int64_t row,
                   cim_error *err)
{
    struct cim_field field = {.name = (char *)(uintptr_t)record_names[slot], /* only read */
                              .type = CIM_FIELD_TEXT,
                              .max_length = 100};
    cim_value *value = &record->values[slot];
    if (slot == CIM_RECORD_FID || slot == CIM_RECORD_VERSION) {
        field.type = CIM_FIELD_INTEGER;
        field.has_min = true;
        field.min = 1;
    } else if (slot == CIM_RECORD_UPDATED_AT) {
        field.type = CIM_FIELD_TIME;
    }
    CIM_TRY(
        lpg_cell_read(record->layer->data, &field, column, row, record->small[slot], value, err));
    if (value->type == 0) {
        return CIM_OK;
    }
    if (slot == CIM_RECORD_UID && !is_uuid(value)) {
        return lpg_refuse_value("uid", value, "应为小写的 UUID", "expected a UUID in lower case",
                                err);
    }
    if (slot == CIM_RECORD_AREA_CODE) {
        if (!find_area(record, (const char *)value->v.ptr, value->len)) {
            return refuse_area("area_code", value, err);
        }
        value->v.ptr = record->area_memory_code;
        value->len = (uint32_t)strlen(record->area_memory_code);
        record->area_ordinal = record->area_memory_ordinal;
        record->area_in_force = record->area_memory_in_force;
    }
    return CIM_OK;
}

static cim_status
read_geometry(struct lpg_record *record, const cim_column *column, int64_t row, cim_error *err)
{
    cim_value *value = &record->values[CIM_RECORD_GEOM];
    size_t len = 0;
    value->type = 0;
    if (!cim_column_present(column, row)) {
        return CIM_OK;
    }
    if (column->type != CIM_COL_WKB) {
        return cim_fail(err, CIM_E_INVALID, "geom", NULL, "几何应以 WKB 给出",
                        "expected the geometry as WKB");
    }
    const uint8_t *wkb = cim_column_bytes(column, row, &len);
    const uint8_t *flat = NULL;
    CIM_TRY(lpg_geometry_normalise(record->layer->def->geometry, wkb, len, &record->geometry, &flat,
                                   &len, err));
    value->type = CIM_COL_WKB;
    value->v.ptr = flat;
    value->len = (uint32_t)len;
    return CIM_OK;
}

static cim_status
read_field(struct lpg_record *record, uint32_t slot, const cim_column *column, int64_t row,
           cim_error *err)
{
    const struct cim_field *field = lpg_record_field(record, slot);
    cim_value *value = &record->values[slot];
    if (record->undoes && lpg_sealed_read(field, column, row, value)) {
        return CIM_OK;
    }
    CIM_TRY(
        lpg_cell_read(record->layer->data, field, column, row, record->small[slot], value, err));
    if (value->type != 0 && field->check == CIM_CHECK_AREA_CODE &&
        !find_area(record, (const char *)value->v.ptr, value->len)) {
        return refuse_area(field->name, value, err);
    }
    return CIM_OK;
}

static cim_status
check_required(const struct lpg_record *record, cim_error *err)
{
    for (uint32_t slot = LPG_RECORD_COLUMNS; slot < record->n_slots; slot++) {
        const struct cim_field *field = lpg_record_field(record, slot);
        const bool set = record->given[slot] || record->op != CIM_EDIT_UPDATE;
        /* A sensitive field that is left out of a replacement stays as it is. */
        const bool stays = record->op == CIM_EDIT_REPLACE && !record->given[slot] &&
                           field->sensitive != CIM_SENSITIVE_NO;
        if (field->required && set && !stays && record->values[slot].type == 0) {
            return cim_fail(err, CIM_E_INVALID, field->name, NULL, "必填",
                            "a value is required here");
        }
    }
    return CIM_OK;
}

cim_status
lpg_record_read(struct lpg_record *record, const cim_batch *batch, int64_t row, cim_error *err)
{
    record->area_ordinal = -1;
    for (uint32_t i = 0; i < record->n_columns; i++) {
        const uint32_t slot = record->slot_of[i];
        const cim_column *column = batch->columns[i];
        if ((record->op == CIM_EDIT_DELETE || record->erases) && !is_key(slot)) {
            continue;
        }
        if (slot == CIM_RECORD_GEOM) {
            CIM_TRY(read_geometry(record, column, row, err));
        } else if (slot < LPG_RECORD_COLUMNS) {
            CIM_TRY(read_record_column(record, slot, column, row, err));
        } else {
            CIM_TRY(read_field(record, slot, column, row, err));
        }
    }
    if (record->erases) {
        set_erased(record);
    }
    if (record->op == CIM_EDIT_DELETE || record->erases) {
        return CIM_OK;
    }
    CIM_TRY(check_required(record, err));
    return record->op == CIM_EDIT_UPDATE ? CIM_OK : lpg_rules_check(record, err);
}
