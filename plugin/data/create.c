/* plugin/data/create.c -- new records into the store, many with one call. */
#include "data/write.h"

#include "cim/util.h"

#include <string.h>

static int32_t
on_refused(cim_insert *insert, uint32_t row, const cim_error *why)
{
    struct lpg_write *write = (struct lpg_write *)insert->caller;
    const uint32_t at = (uint32_t)(insert->ret_fids - write->gather.fids) + row;
    lpg_refuse(write, write->gather.rows[at], insert->values + (size_t)row * insert->n_values,
               insert->n_values, why);
    return (write->run.edit->flags & CIM_EDIT_ROW_WISE) != 0 ? 0 : 1;
}

/* Rows [first, first + n). */
static cim_status
insert(struct lpg_write *write, cim_tx *tx, uint32_t first, uint32_t n, cim_error *err)
{
    const struct lpg_run *run = &write->run;
    struct lpg_gather *gather = &write->gather;
    cim_insert rows = {.struct_size = sizeof rows,
                       .n_values = gather->n_values,
                       .table = run->layer->def->table,
                       .sql = run->write.sql.data,
                       .values = gather->values + (size_t)first * gather->n_values,
                       .n_rows = n,
                       .ret_fids = gather->fids + first,
                       .refused = on_refused,
                       .caller = write};
    CIM_TRY(run->layer->data->store->insert(tx, &rows, err));
    return write->failed == CIM_OK ? CIM_OK : cim_fail_nomem(err);
}

cim_status
lpg_create_note(struct lpg_write *write, cim_tx *tx, uint32_t i, cim_error *err)
{
    struct lpg_run *run = &write->run;
    const struct lpg_gather *gather = &write->gather;
    const cim_value *area = lpg_gather_value(gather, i, CIM_RECORD_AREA_CODE);
    const cim_value *owner = lpg_gather_value(gather, i, CIM_RECORD_OWNER_ORG);
    run->last_fid = gather->fids[i];
    memcpy(run->last_uid, lpg_gather_value(gather, i, CIM_RECORD_UID)->v.ptr, 36); /* as all are */
    lpg_changes_add(&run->changes, run->last_fid, CIM_CHANGE_CREATE,
                    area->type != 0 ? area->v.ptr : NULL, area->len,
                    owner->type != 0 ? owner->v.ptr : NULL, owner->len);
    run->n_written++;
    return lpg_image_created(run, tx, run->last_fid,
                             lpg_gather_value(gather, i, CIM_RECORD_VERSION)->v.i64, err);
}

/* Where terms have row filters, the store itself tells whether they cover a new record. */
static cim_status
insert_filtered(struct lpg_write *write, cim_tx *tx, uint32_t i, cim_error *err)
{
    struct lpg_gather *gather = &write->gather;
    cim_error why = {.code = CIM_OK};
    CIM_TRY(insert(write, tx, i, 1, err));
    if (gather->fids[i] == 0) {
        return CIM_OK;
    }
    const cim_status status = lpg_run_check_created(
        &write->run, tx, gather->fids[i], lpg_gather_value(gather, i, CIM_RECORD_AREA_CODE), &why);
    if (status == CIM_E_DENIED) {
        gather->fids[i] = 0;
        lpg_refuse(write, gather->rows[i], NULL, 0, &why);
        return write->failed == CIM_OK ? CIM_OK : cim_fail_nomem(err);
    }
    if (status != CIM_OK && err != NULL) {
        *err = why;
    }
    return status;
}

cim_status
lpg_create_flush(struct lpg_write *write, cim_tx *tx, cim_error *err)
{
    struct lpg_gather *gather = &write->gather;
    const cim_edit *edit = write->run.edit;
    if (!write->run.scope_has_filters && gather->n > 0) {
        CIM_TRY(insert(write, tx, 0, gather->n, err));
    }
    for (uint32_t i = 0; i < gather->n; i++) {
        if (write->run.scope_has_filters) {
            gather->fids[i] = 0;
            if (edit->n_refused == 0 || (edit->flags & CIM_EDIT_ROW_WISE) != 0) {
                CIM_TRY(insert_filtered(write, tx, i, err));
            }
        }
        if (gather->fids[i] != 0) {
            CIM_TRY(lpg_create_note(write, tx, i, err));
        }
    }
    return CIM_OK;
}
