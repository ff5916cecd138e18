/* plugin/data/rules.c -- see rules.h. */
#include "data/rules.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

static uint32_t
slot_of(const struct lpg_record *record, const struct cim_field *field)
{
    return LPG_RECORD_COLUMNS + (uint32_t)(field - record->layer->def->fields);
}

/* ---- the rules ---- */

static bool
is_before(const cim_value *value, const cim_value *other)
{
    if (value->type == CIM_COL_TIME_MS) {
        return value->v.i64 < other->v.i64;
    }
    /* Dates are texts of one width. */
    return value->len == other->len && memcmp(value->v.ptr, other->v.ptr, value->len) < 0;
}

static cim_status
check_after(const struct lpg_record *record, const struct cim_field *field, const cim_value *values,
            cim_error *err)
{
    const cim_value *value = &values[slot_of(record, field)];
    const cim_value *other = &values[slot_of(record, field->after)];
    char zh[200];
    char en[200];
    if (value->type == 0 || other->type != value->type || !is_before(value, other)) {
        return CIM_OK;
    }
    (void)snprintf(zh, sizeof zh, "不能早于“%.100s”", field->after->title.zh);
    (void)snprintf(en, sizeof en, "expected no earlier than '%.100s'", field->after->title.en);
    return lpg_refuse_value(field->name, value, zh, en, err);
}

static bool
is_condition_met(const struct cim_field *field, const cim_value *value)
{
    const char *wanted = field->required_value;
    if (wanted == NULL || value->type == 0) {
        return wanted == NULL && value->type == 0;
    }
    if (value->type == CIM_COL_TEXT) {
        return value->len == strlen(wanted) && memcmp(value->v.ptr, wanted, value->len) == 0;
    }
    return value->v.i64 == (wanted[0] == '1' ? 1 : 0);
}

static cim_status
refuse_missing(const struct cim_field *field, cim_error *err)
{
    const struct cim_field *other = field->required_if;
    const struct cim_code *code = other->codes != NULL && field->required_value != NULL
                                      ? cim_code_find(other->codes, field->required_value)
                                      : NULL;
    const char *zh = code != NULL                    ? code->title.zh
                     : field->required_value == NULL ? "空"
                     : *field->required_value == '1' ? "是"
                                                     : "否";
    const char *en = code != NULL                    ? code->title.en
                     : field->required_value == NULL ? "absent"
                     : *field->required_value == '1' ? "true"
                                                     : "false";
    return cim_fail(err, CIM_E_INVALID, field->name, NULL, "“%.100s”为“%.100s”时必填%.0s%.0s",
                    "%.0s%.0sa value is required where '%.100s' is %.100s", other->title.zh, zh,
                    other->title.en, en);
}

/* An update answers for the rules that it touches. */
static bool
is_touched(const struct lpg_record *record, uint32_t slot, const struct cim_field *other)
{
    return other != NULL && (record->op != CIM_EDIT_UPDATE || record->given[slot] ||
                             record->given[slot_of(record, other)]);
}

static cim_status
check_all(const struct lpg_record *record, const cim_value *values, cim_error *err)
{
    const struct cim_definition *def = record->layer->def;
    for (size_t i = 0; i < def->n_fields; i++) {
        const struct cim_field *field = &def->fields[i];
        const uint32_t slot = slot_of(record, field);
        if (is_touched(record, slot, field->after)) {
            CIM_TRY(check_after(record, field, values, err));
        }
        /* A sensitive field that is left out of a replacement stays as it is. */
        const bool stays = record->op == CIM_EDIT_REPLACE && !record->given[slot] &&
                           field->sensitive != CIM_SENSITIVE_NO;
        if (is_touched(record, slot, field->required_if) && values[slot].type == 0 && !stays &&
            is_condition_met(field, &values[slot_of(record, field->required_if)])) {
            return refuse_missing(field, err);
        }
    }
    return CIM_OK;
}

cim_status
lpg_rules_check(const struct lpg_record *record, cim_error *err)
{
    return record->layer->def->has_rules ? check_all(record, record->values, err) : CIM_OK;
}

/* ---- updates ---- */

/* Fields that a rule looks at beside one that the update sets. */
static void
find_missing(const struct lpg_record *record, bool missing[LPG_SLOTS_MAX])
{
    const struct cim_definition *def = record->layer->def;
    for (size_t i = 0; i < def->n_fields; i++) {
        const struct cim_field *field = &def->fields[i];
        const struct cim_field *others[] = {field->after, field->required_if};
        for (size_t k = 0; k < 2; k++) {
            const uint32_t slot = slot_of(record, field);
            const uint32_t other = others[k] != NULL ? slot_of(record, others[k]) : slot;
            if (record->given[slot] != record->given[other]) {
                missing[record->given[slot] ? other : slot] = true;
            }
        }
    }
}

static cim_status
select_missing(const struct lpg_run *run, cim_tx *tx, int64_t fid,
               const bool missing[LPG_SLOTS_MAX], cim_rows **ret_rows, cim_error *err)
{
    const struct lpg_record *record = &run->record;
    const cim_value value = {.name = "fid", .type = CIM_COL_INT64, .v.i64 = fid};
    CIM_AUTO_BUF struct cim_buf sql;
    cim_buf_init(&sql, LPG_STATEMENT_TEXT_MAX);
    cim_buf_add_text(&sql, "select fid");
    for (uint32_t slot = LPG_RECORD_COLUMNS; slot < record->n_slots; slot++) {
        if (missing[slot]) {
            const struct cim_field *field = lpg_record_field(record, slot);
            cim_buf_addf(&sql, field->type == CIM_FIELD_TIME ? ", {ms %s}" : ", %s", field->name);
        }
    }
    cim_buf_addf(&sql, " from %s where fid = :fid", record->layer->def->table);
    CIM_TRY(cim_buf_status(&sql, err));
    return record->layer->data->store->query(tx, sql.data, &value, 1, ret_rows, err);
}

static void
take_stored(const cim_column *column, const struct cim_field *field, cim_value *value)
{
    size_t len = 0;
    if (!cim_column_present(column, 0)) {
        return;
    }
    if (column->type == CIM_COL_TEXT) {
        value->v.ptr = cim_column_bytes(column, 0, &len);
        value->len = (uint32_t)len;
    } else if (column->type == CIM_COL_FLOAT64) {
        value->v.f64 = cim_column_f64(column, 0);
    } else {
        value->v.i64 = cim_column_i64(column, 0);
    }
    value->type = field->type == CIM_FIELD_TIME ? CIM_COL_TIME_MS : column->type;
}

cim_status
lpg_rules_check_update(const struct lpg_run *run, cim_tx *tx, int64_t fid, cim_error *err)
{
    const struct lpg_record *record = &run->record;
    bool missing[LPG_SLOTS_MAX] = {false};
    cim_value values[LPG_SLOTS_MAX];
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    uint32_t column = 1;
    if (!record->layer->def->has_rules) {
        return CIM_OK;
    }
    find_missing(record, missing);
    CIM_TRY(select_missing(run, tx, fid, missing, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    if (batch->n_rows != 1) {
        return cim_fail(err, CIM_E_NOTFOUND, "fid", NULL, "没有这条记录",
                        "there is no such record");
    }
    memcpy(values, record->values, record->n_slots * sizeof values[0]);
    for (uint32_t slot = LPG_RECORD_COLUMNS; slot < record->n_slots; slot++) {
        if (missing[slot]) {
            take_stored(batch->columns[column++], lpg_record_field(record, slot), &values[slot]);
        }
    }
    return check_all(record, values, err);
}
