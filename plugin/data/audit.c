/* plugin/data/audit.c -- the audit entry of an edit: who, which record, which fields.
 *
 * Names of fields and no values: entries outlive the records, and an erased person must not live on
 * in them. What was there before is in the batch's images, for as long as those are kept. */
#include "data/sealed.h"

#include "cim/util.h"
#include "kit/rows.h"

enum { DETAIL_BYTES_MAX = 16 << 10 }; /* names of every field fit */

/* ---- what differs ---- */

static bool
same(const cim_value *value, const cim_column *column)
{
    size_t len = 0;
    if (value->type == 0 || !cim_column_present(column, 0)) {
        return (value->type == 0) == !cim_column_present(column, 0);
    }
    if (column->type == CIM_COL_TEXT || column->type == CIM_COL_WKB) {
        const uint8_t *bytes = cim_column_bytes(column, 0, &len);
        return value->len == len && memcmp(value->v.ptr, bytes, len) == 0;
    }
    if (value->type == CIM_COL_FLOAT64 && column->type == CIM_COL_FLOAT64) {
        return value->v.f64 == cim_column_f64(column, 0);
    }
    return value->type == column->type && value->v.i64 == cim_column_i64(column, 0);
}

void
lpg_audit_compare(struct lpg_run *run, const cim_batch *batch)
{
    const struct lpg_record *record = &run->record;
    for (uint32_t slot = CIM_RECORD_OWNER_ORG;
         record->op != CIM_EDIT_DELETE && slot < record->n_slots; slot++) {
        const struct cim_field *field = lpg_record_field(record, slot);
        run->is_changed[slot] =
            run->is_changed[slot] || (slot != CIM_RECORD_UPDATED_AT && lpg_run_sets(record, slot) &&
                                      !(field != NULL && field->encrypted
                                            ? lpg_sealed_same(run, slot, batch)
                                            : same(&record->values[slot], batch->columns[slot])));
    }
}

/* ---- the entry ---- */

static const char *
action_of(int32_t op)
{
    return op == CIM_EDIT_CREATE ? "create" : op == CIM_EDIT_DELETE ? "delete" : "update";
}

static void
add_fields(struct cim_buf *detail, const struct lpg_run *run)
{
    const struct lpg_record *record = &run->record;
    const char *joint = "";
    cim_buf_add_text(detail, "\"fields\":[");
    for (uint32_t slot = 0; slot < record->n_slots; slot++) {
        if (run->is_changed[slot]) {
            cim_buf_add_text(detail, joint);
            cim_buf_add_json_text(detail, record->values[slot].name, SIZE_MAX);
            joint = ",";
        }
    }
    cim_buf_add_char(detail, ']');
}

static void
write_detail(struct cim_buf *detail, const struct lpg_run *run)
{
    const char *joint = "";
    cim_buf_add_char(detail, '{');
    if (run->n_written != 1) {
        cim_buf_addf(detail, "\"records\":%lld", (long long)run->n_written);
        joint = ",";
    }
    if (run->batch[0] != '\0') {
        cim_buf_addf(detail, "%s\"batch\":\"%s\"", joint, run->batch);
        joint = ",";
    }
    if (run->record.op == CIM_EDIT_UPDATE || run->record.op == CIM_EDIT_REPLACE) {
        cim_buf_add_text(detail, joint);
        add_fields(detail, run);
    }
    cim_buf_add_char(detail, '}');
}

cim_status
lpg_audit_edit(const struct lpg_run *run, cim_tx *tx, cim_error *err)
{
    const struct lpg_change *change = run->changes.items;
    const char *texts = run->changes.texts.data;
    cim_audit_entry entry = {.struct_size = sizeof entry,
                             .action = action_of(run->record.op),
                             .layer = run->layer->def->id};
    struct cim_buf detail;
    if (run->n_written == 0) {
        return CIM_OK;
    }
    if (run->n_written == 1) {
        change += run->changes.n - 1; /* a record that moved is noted where it was, too */
        entry.fid = run->last_fid;
        entry.uid = run->last_uid;
        entry.area_code = change->area != SIZE_MAX ? texts + change->area : NULL;
        entry.owner_org = change->owner != SIZE_MAX ? texts + change->owner : NULL;
    }
    cim_buf_init(&detail, DETAIL_BYTES_MAX);
    write_detail(&detail, run);
    cim_status status = cim_buf_status(&detail, err);
    if (status == CIM_OK) {
        entry.detail = detail.len > 2 ? detail.data : NULL;
        status = run->layer->data->audit->record(tx, run->call, &entry, err);
    }
    cim_buf_done(&detail);
    return status;
}
