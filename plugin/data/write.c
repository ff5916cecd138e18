/* plugin/data/write.c -- edits: all rows in one transaction, refused rows told one by one; large
 * creates in slices of which nobody sees any before all are there (slice.c).
 *
 * The store may run a transaction again after it had to roll back. Rows come from a cursor that
 * cannot be rewound, so a small edit is copied first and told about its refusals last; a large one
 * in one transaction that would have to start again gives up, with nothing written.
 */
#include "data/block.h"
#include "data/load.h"
#include "data/sealed.h"
#include "data/unique.h"

#include "cim/util.h"

#include <stdlib.h>

enum {
    STAGED_ROWS_MAX = 256,
    PROGRESS_ROWS = 1000,
    LPG_LOADED_ROWS = 5000,
    GRADE_BYTES_MAX = 64,
    LPG_IMAGE_BYTES_MAX = 160 << 20
};

/* ---- rows ---- */

/* What was gathered, into the store; refusals of a large edit are told at once. Without a
 * transaction it is a slice, or only looked at. */
static cim_status
drain(struct lpg_write *write, cim_tx *tx, cim_error *err)
{
    CIM_TRY(tx != NULL                         ? lpg_create_flush(write, tx, err)
            : lpg_write_is_only_checked(write) ? lpg_unique_check(write, err)
                                               : lpg_slice_write(write, err));
    lpg_gather_clear(&write->gather);
    if (!write->is_small) {
        lpg_refusals_tell(write);
    }
    return CIM_OK;
}

static cim_status
run_row(struct lpg_write *write, cim_tx *tx, cim_error *why)
{
    struct lpg_run *run = &write->run;
    if (lpg_write_is_refused(write)) {
        return CIM_OK; /* only looked at */
    }
    if (run->record.op != CIM_EDIT_CREATE) {
        return lpg_run_row(run, tx, why);
    }
    CIM_TRY(lpg_run_check_new(run, why));
    return lpg_gather_add(&write->gather, run, run->edit->n_read, why);
}

/* Once, also when the transaction runs again; not of a row that is refused. */
static void
tell_warnings(struct lpg_write *write)
{
    const struct lpg_record *record = &write->run.record;
    cim_edit *edit = write->run.edit;
    if (!record->layer->def->has_warnings || edit->n_read <= write->n_warned ||
        !CIM_HAS(cim_edit, edit, warned)) {
        return;
    }
    write->n_warned = edit->n_read;
    for (uint32_t slot = LPG_RECORD_COLUMNS; slot < record->n_slots; slot++) {
        cim_error what = {.code = CIM_OK};
        if (record->given[slot] &&
            lpg_cell_warns(lpg_record_field(record, slot), &record->values[slot], &what)) {
            edit->warned(edit, edit->n_read, &what);
        }
    }
}

/* Likewise of the position that a record has come by. */
static void
tell_placed(struct lpg_write *write)
{
    cim_edit *edit = write->run.edit;
    char grade[GRADE_BYTES_MAX] = "";
    size_t len = 0;
    const char *text = lpg_placing_grade(&write->run, &len);
    if (len == 0 || len >= sizeof grade || edit->n_read <= write->n_placed ||
        !CIM_HAS(cim_edit, edit, placed)) {
        return;
    }
    write->n_placed = edit->n_read;
    memcpy(grade, text, len);
    edit->placed(edit, edit->n_read, grade,
                 cim_placing_is_good(&write->run.layer->def->placing, grade, len));
}

static cim_status
write_row(struct lpg_write *write, cim_tx *tx, const cim_batch *batch, int64_t row, cim_error *err)
{
    struct lpg_run *run = &write->run;
    cim_error why = {.code = 0};
    run->edit->n_read++;
    cim_status status = lpg_record_read(&run->record, batch, row, &why);
    if (status == CIM_OK) {
        tell_warnings(write);
        status = run_row(write, tx, &why);
    }
    if (status == CIM_OK) {
        tell_placed(write);
    }
    why.code = status;
    if (lpg_is_refusal(status)) {
        lpg_refuse(write, run->edit->n_read, run->record.values, run->record.n_slots, &why);
        status = write->failed == CIM_OK ? CIM_OK : cim_fail_nomem(&why);
    }
    if (status != CIM_OK) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    return lpg_gather_is_full(&write->gather) || write->n_refusals >= LPG_REFUSALS_HELD
               ? drain(write, tx, err)
               : CIM_OK;
}

static cim_status
check_progress(struct lpg_write *write, cim_error *err)
{
    cim_edit *edit = write->run.edit;
    const cim_call *call = write->run.call;
    const bool stop = (edit->progress != NULL && edit->progress(edit, edit->n_read) != 0) ||
                      (call->cancelled != NULL && call->cancelled(call) != 0);
    return stop ? cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "写入已取消，没有保存",
                           "the edit was cancelled, nothing was stored")
                : CIM_OK;
}

static cim_status
write_batch(struct lpg_write *write, cim_tx *tx, const cim_batch *batch, cim_error *err)
{
    for (int64_t row = 0; row < batch->n_rows; row++) {
        CIM_TRY(write_row(write, tx, batch, row, err));
        if (write->run.edit->n_read % PROGRESS_ROWS == 0) {
            CIM_TRY(check_progress(write, err));
        }
    }
    return CIM_OK;
}

/* All rows; the last ones stay in the gather. */
static cim_status
read_rows(struct lpg_write *write, cim_tx *tx, cim_error *err)
{
    cim_rows *rows = write->run.edit->rows;
    for (const struct lpg_block *block = write->staged; block != NULL; block = block->next) {
        CIM_TRY(write_batch(write, tx, &block->batch, err));
    }
    while (!write->is_small && write->batch->n_rows > 0) {
        CIM_TRY(write_batch(write, tx, write->batch, err));
        CIM_TRY(rows->next(rows, &write->batch, err));
    }
    return CIM_OK;
}

/* Where the caller knows of batches. */
static void
tell_batch(cim_edit *edit, const char *id)
{
    if (edit->struct_size >= offsetof(cim_edit, batch) + sizeof edit->batch) {
        cim_copy_text(edit->batch, sizeof edit->batch, id);
    }
}

cim_status
lpg_write_end(struct lpg_write *write, cim_tx *tx, cim_error *err)
{
    struct lpg_run *run = &write->run;
    cim_edit *edit = run->edit;
    CIM_TRY(lpg_changes_note(&run->changes, run->layer, tx, err));
    CIM_TRY(lpg_image_keep(run, tx, err));
    CIM_TRY(lpg_audit_edit(run, tx, err));
    edit->n_written = run->n_written;
    edit->last_fid = run->last_fid;
    tell_batch(edit, run->n_written > 0 ? run->batch : "");
    return CIM_HAS(cim_edit, edit, ending) ? edit->ending(edit, tx, err) : CIM_OK;
}

cim_status
lpg_write_begin(struct lpg_write *write, cim_tx *tx, cim_error *err)
{
    struct lpg_run *run = &write->run;
    cim_edit *edit = run->edit;
    if (write->started && !write->is_small) {
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "存储撤销了事务，没有保存，请重试",
                        "the store rolled the transaction back, nothing was stored: try again");
    }
    write->started = true;
    lpg_refusals_forget(write);
    lpg_gather_clear(&write->gather);
    edit->n_read = 0;
    edit->n_refused = 0;
    run->n_written = 0;
    run->first_of_run = 0;
    cim_buf_clear(&run->erased);
    memset(run->is_changed, 0, sizeof run->is_changed);
    lpg_changes_clear(&run->changes);
    if (CIM_HAS(cim_edit, edit, begun)) {
        CIM_TRY(edit->begun(edit, tx, err));
    }
    return read_rows(write, tx, err);
}

static cim_status
write_edit(struct lpg_write *write, cim_tx *tx, cim_error *err)
{
    CIM_TRY(lpg_write_begin(write, tx, err));
    CIM_TRY(drain(write, tx, err));
    return lpg_write_is_refused(write) ? lpg_refusals_fail(write, err)
                                       : lpg_write_end(write, tx, err);
}

static cim_status
in_transaction(void *arg, cim_tx *tx, cim_error *err)
{
    struct lpg_write *first = (struct lpg_write *)arg;
    for (struct lpg_write *write = first; write != NULL; write = write->also) {
        CIM_TRY(write_edit(write, tx, err));
    }
    if ((first->run.edit->flags & CIM_EDIT_DRY_RUN) != 0) {
        first->tried = true;
        return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "试运行，不保存",
                        "a dry run stores nothing");
    }
    for (struct lpg_write *write = first; write != NULL; write = write->also) {
        CIM_TRY(lpg_sealed_destroy(&write->run, err));
    }
    return CIM_OK;
}

/* ---- the edit as a whole ---- */

static cim_status
stage(struct lpg_write *write, cim_error *err)
{
    cim_rows *rows = write->run.edit->rows;
    CIM_TRY(rows->next(rows, &write->batch, err));
    if (write->batch->n_rows > STAGED_ROWS_MAX) {
        return CIM_OK;
    }
    if (write->batch->n_rows > 0) {
        CIM_TRY(lpg_block_copy(write->batch, &write->staged, err));
        CIM_TRY(rows->next(rows, &write->batch, err));
    }
    write->is_small = write->batch->n_rows == 0;
    return CIM_OK;
}

/* A small edit fills it at its end only. */
static cim_status
prepare_gather(struct lpg_write *write, cim_error *err)
{
    const int64_t n_staged = write->staged != NULL ? write->staged->batch.n_rows : 0;
    return write->run.edit->op != CIM_EDIT_CREATE
               ? CIM_OK
               : lpg_gather_init(&write->gather, &write->run,
                                 write->is_small ? (uint32_t)n_staged + 1 : LPG_GATHER_ROWS_MAX,
                                 err);
}

/* One record needs no batch: its change is undone by changing it back. */
static cim_status
choose_batch(struct lpg_write *write, cim_error *err)
{
    struct lpg_run *run = &write->run;
    const uint32_t flags = run->edit->flags;
    const bool one = write->is_small && (write->staged == NULL || write->staged->batch.n_rows <= 1);
    cim_buf_init(&run->image, LPG_IMAGE_BYTES_MAX);
    if ((flags & (CIM_EDIT_DRY_RUN | CIM_EDIT_FORGET | CIM_EDIT_ERASE)) != 0 ||
        (one && (flags & CIM_EDIT_UNDO) == 0)) {
        return CIM_OK;
    }
    return lpg_uid_next(&run->uids, run->call->now_ms, run->batch, err);
}

static void
read_scope(struct lpg_run *run)
{
    const char *owner = NULL;
    bool one_owner = run->scope->n_terms > 0;
    for (uint32_t i = 0; i < run->scope->n_terms; i++) {
        const cim_term *term = run->scope->terms[i];
        run->scope_has_filters = run->scope_has_filters || term->filter_json != NULL;
        one_owner = one_owner && term->owner_org != NULL &&
                    (owner == NULL || strcmp(owner, term->owner_org) == 0);
        owner = term->owner_org;
    }
    run->default_owner = one_owner ? owner : NULL;
}

static uint32_t
action_of(int32_t op)
{
    return op == CIM_EDIT_CREATE   ? CIM_ACT_CREATE
           : op == CIM_EDIT_DELETE ? CIM_ACT_DELETE
                                   : CIM_ACT_UPDATE;
}

static cim_status
prepare(struct lpg_write *write, cim_error *err)
{
    struct lpg_run *run = &write->run;
    cim_edit *edit = run->edit;
    if (edit->op < CIM_EDIT_CREATE || edit->op > CIM_EDIT_DELETE) {
        return cim_fail(err, CIM_E_INVALID, "op", NULL, "未知的写入操作", "unknown kind of edit");
    }
    const bool erases = (edit->flags & CIM_EDIT_ERASE) != 0;
    if (erases && edit->op != CIM_EDIT_UPDATE) {
        return cim_fail(err, CIM_E_INVALID, "op", NULL, "删除个人信息应以修改进行",
                        "erasing persons is an update");
    }
    if (run->layer->def->immutable && edit->op != CIM_EDIT_CREATE && !erases) {
        return cim_fail(err, CIM_E_STATE, "op", NULL, "“%s”的记录写入后不可更改%.0s",
                        "%.0srecords of '%s' are never changed once written",
                        run->layer->def->title.zh, run->layer->def->title.en);
    }
    CIM_TRY(lpg_scope_of(run->layer, run->call, action_of(edit->op), &run->scope, err));
    if (run->scope->n_terms == 0) {
        return cim_fail(err, CIM_E_DENIED, NULL, NULL, "您没有写入此图层的权限",
                        "you have no grant to write this layer");
    }
    read_scope(run);
    CIM_TRY(lpg_record_init(&run->record, run->layer, run->call, edit->op, edit->rows, err));
    run->record.undoes = (edit->flags & CIM_EDIT_UNDO) != 0;
    if (erases) {
        lpg_record_erases(&run->record);
    }
    CIM_TRY(lpg_placing_begin(run, err));
    CIM_TRY(lpg_uid_init(&run->uids, err));
    CIM_TRY(lpg_changes_init(&run->changes, err));
    CIM_TRY(lpg_run_plan(run, err));
    CIM_TRY(stage(write, err));
    CIM_TRY(prepare_gather(write, err));
    return choose_batch(write, err);
}

static void
free_write(struct lpg_write *write)
{
    if (write == NULL) {
        return;
    }
    free_write(write->also);
    lpg_placing_done(&write->run);
    lpg_record_done(&write->run.record);
    lpg_changes_done(&write->run.changes);
    cim_buf_done(&write->run.write.sql);
    cim_buf_done(&write->run.find_sql);
    cim_buf_done(&write->run.classify_sql);
    cim_buf_done(&write->run.words);
    cim_buf_done(&write->run.image);
    cim_buf_done(&write->run.sealed);
    cim_buf_done(&write->run.erased);
    lpg_gather_done(&write->gather);
    lpg_seen_done(&write->seen);
    lpg_block_free(write->staged);
    free(write->refusals);
    free(write);
}

static void
clear_results(cim_edit *edit)
{
    edit->n_read = 0;
    edit->n_written = 0;
    edit->n_refused = 0;
    edit->last_fid = 0;
    edit->pos = 0;
    tell_batch(edit, "");
}

/* The edit, and those that follow it. *ret_write is set, for free_write(), also on failure. */
static cim_status
new_write(const struct lpg_layer *layer, const cim_call *call, cim_edit *edit,
          struct lpg_write **ret_write, cim_error *err)
{
    clear_results(edit);
    *ret_write = calloc(1, sizeof **ret_write);
    if (*ret_write == NULL) {
        return cim_fail_nomem(err);
    }
    (*ret_write)->run.layer = layer;
    (*ret_write)->run.call = call;
    (*ret_write)->run.edit = edit;
    CIM_TRY(prepare(*ret_write, err));
    return CIM_HAS(cim_edit, edit, also)
               ? new_write(layer, call, edit->also, &(*ret_write)->also, err)
               : CIM_OK;
}

static void
tell_results(const struct lpg_write *write, cim_status status, bool tried, int64_t pos)
{
    const struct lpg_run *run = &write->run;
    const bool stored = status == CIM_OK && !tried;
    run->edit->n_written = status == CIM_OK ? run->n_written : 0;
    run->edit->last_fid = stored ? run->last_fid : 0;
    run->edit->pos = stored ? pos : 0;
    if (status != CIM_OK) {
        tell_batch(run->edit, "");
    }
}

/* ---- ways to write ---- */

/* Nothing but the rows' values is asked of the store, and nothing is written. */
static cim_status
check_only(struct lpg_write *write, cim_error *err)
{
    CIM_TRY(read_rows(write, NULL, err));
    CIM_TRY(drain(write, NULL, err));
    write->tried = true;
    return lpg_write_is_refused(write) ? lpg_refusals_fail(write, err) : CIM_OK;
}

static cim_status
write_sliced(struct lpg_write *write, int64_t *ret_pos, cim_error *err)
{
    cim_status status = read_rows(write, NULL, err);
    if (status == CIM_OK) {
        status = lpg_slice_publish(write, ret_pos, err);
        lpg_refusals_tell(write);
    }
    if (status != CIM_OK && write->load_begun) {
        lpg_load_take_back(write->run.layer, write->run.batch);
    }
    return status;
}

cim_status
lpg_write_whole(struct lpg_write *first, int64_t *ret_pos, cim_error *err)
{
    const struct lpg_data *data = first->run.layer->data;
    const cim_status status = data->store->write(data->host, in_transaction, first, ret_pos, err);
    for (struct lpg_write *write = first; write != NULL; write = write->also) {
        lpg_refusals_tell(write);
    }
    return first->tried && status == CIM_E_CANCELLED ? CIM_OK : status;
}

static void
tell_load(const struct lpg_run *run)
{
    const struct lpg_data *data = run->layer->data;
    if (run->n_written >= LPG_LOADED_ROWS && CIM_HAS(cim_store_v1, data->store, loaded)) {
        data->store->loaded(data->host, run->layer->def->table);
    }
}

cim_status
lpg_layer_write(void *self, const cim_call *call, cim_edit *edit, cim_error *err)
{
    struct lpg_layer *layer = (struct lpg_layer *)self;
    struct lpg_write *first = NULL;
    int64_t pos = 0;
    cim_status status = new_write(layer, call, edit, &first, err);
    if (status == CIM_OK) {
        status = lpg_write_is_only_checked(first) ? check_only(first, err)
                 : lpg_write_is_sliced(first)     ? write_sliced(first, &pos, err)
                 : lpg_write_can_join(first)      ? lpg_write_together(layer, first, &pos, err)
                                                  : lpg_write_whole(first, &pos, err);
    }
    if (status == CIM_OK && !first->tried) {
        tell_load(&first->run);
    }
    for (const struct lpg_write *write = first; write != NULL; write = write->also) {
        tell_results(write, status, first->tried, pos);
    }
    free_write(first);
    return status;
}
