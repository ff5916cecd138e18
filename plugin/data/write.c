/* plugin/data/write.c -- edits: all rows in one transaction, refused rows told one by one.
 *
 * The store may run a transaction again after it had to roll back. Rows come from a cursor that
 * cannot be rewound, so a small edit is copied first and told about its refusals last; a large one
 * that would have to start again gives up, with nothing written.
 */
#include "data/block.h"
#include "data/edit.h"

#include "cim/util.h"

#include <stdlib.h>

enum { STAGED_ROWS_MAX = 256, PROGRESS_ROWS = 1000, LPG_IMAGE_BYTES_MAX = 160 << 20 };

struct refusal {
    int64_t row;
    cim_error why;
};

struct write {
    struct lpg_run run;
    struct lpg_block *staged; /* all rows of a small edit */
    const cim_batch *batch;   /* of a large one: the batch that is borrowed now */
    bool is_small;
    bool started;
    bool tried; /* a dry run got to its end */
    bool in_bulk;
    cim_error first;
    size_t n_refusals; /* kept, of a small edit */
    struct refusal *refusals;
    struct write *also; /* of the edit that follows in the same transaction */
};

/* ---- refusals ---- */

/* What is wrong with the row alone; the rest ends the edit. */
static bool
is_refusal(cim_status status)
{
    return status == CIM_E_INVALID || status == CIM_E_EXISTS || status == CIM_E_DENIED ||
           status == CIM_E_NOTFOUND || status == CIM_E_VERSION || status == CIM_E_TOO_LARGE;
}

/* A unique index names its column; the value is the row's. */
static void
complete_refusal(const struct lpg_record *record, cim_error *why)
{
    cim_error value = {.code = 0};
    for (uint32_t slot = 0; why->code == CIM_E_EXISTS && slot < record->n_slots; slot++) {
        const cim_value *candidate = &record->values[slot];
        if (candidate->type != 0 && strcmp(candidate->name, why->param) == 0) {
            (void)lpg_refuse_value(why->param, candidate, "", "", &value);
            memcpy(why->value, value.value, sizeof why->value);
        }
    }
}

static void
refuse_row(struct write *write, int64_t row, cim_error *why)
{
    cim_edit *edit = write->run.edit;
    complete_refusal(&write->run.record, why);
    if (edit->n_refused++ == 0) {
        write->first = *why;
    }
    if (write->is_small) {
        write->refusals[write->n_refusals++] = (struct refusal){row, *why};
    } else if (edit->refused != NULL) {
        edit->refused(edit, row, why);
    }
}

/* ---- rows ---- */

static cim_status
write_row(struct write *write, cim_tx *tx, const cim_batch *batch, int64_t row, cim_error *err)
{
    struct lpg_run *run = &write->run;
    cim_edit *edit = run->edit;
    const bool row_wise = (edit->flags & CIM_EDIT_ROW_WISE) != 0;
    cim_error why = {.code = 0};
    edit->n_read++;
    cim_status status = lpg_record_read(&run->record, batch, row, &why);
    if (status == CIM_OK && (row_wise || edit->n_refused == 0)) {
        status = lpg_run_row(run, tx, &why);
    }
    why.code = status;
    if (is_refusal(status)) {
        refuse_row(write, edit->n_read, &why);
        return CIM_OK;
    }
    if (status != CIM_OK) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    return CIM_OK;
}

static cim_status
check_progress(struct write *write, cim_error *err)
{
    cim_edit *edit = write->run.edit;
    const cim_call *call = write->run.call;
    const bool stop = (edit->progress != NULL && edit->progress(edit, edit->n_read) != 0) ||
                      (call->cancelled != NULL && call->cancelled(call) != 0);
    return stop ? cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "写入已取消，没有保存",
                           "the edit was cancelled, nothing was stored")
                : CIM_OK;
}

/* Before row LPG_BULK_ROWS, and after the last. */
static cim_status
bulk(struct write *write, cim_tx *tx, int32_t begin, cim_error *err)
{
    const struct lpg_layer *layer = write->run.layer;
    if (!CIM_HAS(cim_store_v1, layer->data->store, bulk) || write->in_bulk == (begin != 0)) {
        return CIM_OK;
    }
    CIM_TRY(layer->data->store->bulk(tx, layer->def->table, begin, err));
    write->in_bulk = begin != 0;
    return CIM_OK;
}

static cim_status
write_batch(struct write *write, cim_tx *tx, const cim_batch *batch, cim_error *err)
{
    for (int64_t row = 0; row < batch->n_rows; row++) {
        if (write->run.n_written == LPG_BULK_ROWS && write->run.edit->op == CIM_EDIT_CREATE) {
            CIM_TRY(bulk(write, tx, 1, err));
        }
        CIM_TRY(write_row(write, tx, batch, row, err));
        if (write->run.edit->n_read % PROGRESS_ROWS == 0) {
            CIM_TRY(check_progress(write, err));
        }
    }
    return CIM_OK;
}

static cim_status
write_all(struct write *write, cim_tx *tx, cim_error *err)
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

/* The fid of the last record, where a large edit did not ask for each. */
static cim_status
find_last_fid(struct write *write, cim_tx *tx, cim_error *err)
{
    struct lpg_run *run = &write->run;
    cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    char sql[128];
    if (run->edit->op != CIM_EDIT_CREATE || run->changes.n <= LPG_CHANGES_SINGLE_MAX ||
        run->batch[0] != '\0') {
        return CIM_OK;
    }
    (void)snprintf(sql, sizeof sql, "select max(fid) from %s", run->layer->def->table);
    CIM_TRY(run->layer->data->store->query(tx, sql, NULL, 0, &rows, err));
    const cim_status status = rows->next(rows, &batch, err);
    if (status == CIM_OK && batch->n_rows == 1) {
        run->last_fid = ((const int64_t *)batch->columns[0]->values)[0];
    }
    rows->release(rows);
    return status;
}

/* Where the caller knows of batches. */
static void
tell_batch(cim_edit *edit, const char *id)
{
    if (edit->struct_size >= offsetof(cim_edit, batch) + sizeof edit->batch) {
        cim_copy_text(edit->batch, sizeof edit->batch, id);
    }
}

static cim_status
write_edit(struct write *write, cim_tx *tx, cim_error *err)
{
    struct lpg_run *run = &write->run;
    cim_edit *edit = run->edit;
    if (write->started && !write->is_small) {
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "存储撤销了事务，没有保存，请重试",
                        "the store rolled the transaction back, nothing was stored: try again");
    }
    write->started = true;
    write->n_refusals = 0;
    edit->n_read = 0;
    edit->n_refused = 0;
    run->n_written = 0;
    run->first_of_run = 0;
    memset(run->is_changed, 0, sizeof run->is_changed);
    lpg_changes_clear(&run->changes);
    if (CIM_HAS(cim_edit, edit, begun)) {
        CIM_TRY(edit->begun(edit, tx, err));
    }
    CIM_TRY(write_all(write, tx, err));
    if (edit->n_refused > 0 && (edit->flags & CIM_EDIT_ROW_WISE) == 0) {
        if (err != NULL) {
            *err = write->first;
        }
        return write->first.code;
    }
    CIM_TRY(bulk(write, tx, 0, err));
    CIM_TRY(find_last_fid(write, tx, err));
    CIM_TRY(lpg_changes_note(&run->changes, run->layer, tx, err));
    CIM_TRY(lpg_image_keep(run, tx, err));
    CIM_TRY(lpg_audit_edit(run, tx, err));
    edit->n_written = run->n_written;
    edit->last_fid = run->last_fid;
    tell_batch(edit, run->n_written > 0 ? run->batch : "");
    return CIM_HAS(cim_edit, edit, ending) ? edit->ending(edit, tx, err) : CIM_OK;
}

static cim_status
in_transaction(void *arg, cim_tx *tx, cim_error *err)
{
    struct write *first = (struct write *)arg;
    for (struct write *write = first; write != NULL; write = write->also) {
        CIM_TRY(write_edit(write, tx, err));
    }
    if ((first->run.edit->flags & CIM_EDIT_DRY_RUN) != 0) {
        first->tried = true;
        return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "试运行，不保存",
                        "a dry run stores nothing");
    }
    return CIM_OK;
}

/* ---- the edit as a whole ---- */

static cim_status
stage(struct write *write, cim_error *err)
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
    if (write->is_small) {
        write->refusals = malloc(STAGED_ROWS_MAX * sizeof *write->refusals);
        return write->refusals != NULL ? CIM_OK : cim_fail_nomem(err);
    }
    return CIM_OK;
}

/* One record needs no batch: its change is undone by changing it back. */
static cim_status
choose_batch(struct write *write, cim_error *err)
{
    struct lpg_run *run = &write->run;
    const uint32_t flags = run->edit->flags;
    const bool one = write->is_small && (write->staged == NULL || write->staged->batch.n_rows <= 1);
    cim_buf_init(&run->image, LPG_IMAGE_BYTES_MAX);
    if ((flags & (CIM_EDIT_DRY_RUN | CIM_EDIT_FORGET)) != 0 ||
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
prepare(struct write *write, cim_error *err)
{
    struct lpg_run *run = &write->run;
    cim_edit *edit = run->edit;
    if (edit->op < CIM_EDIT_CREATE || edit->op > CIM_EDIT_DELETE) {
        return cim_fail(err, CIM_E_INVALID, "op", NULL, "未知的写入操作", "unknown kind of edit");
    }
    if (run->layer->def->immutable && edit->op != CIM_EDIT_CREATE) {
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
    CIM_TRY(lpg_uid_init(&run->uids, err));
    CIM_TRY(lpg_changes_init(&run->changes, err));
    CIM_TRY(lpg_run_plan(run, err));
    CIM_TRY(stage(write, err));
    return choose_batch(write, err);
}

static void
free_write(struct write *write)
{
    if (write == NULL) {
        return;
    }
    free_write(write->also);
    lpg_record_done(&write->run.record);
    lpg_changes_done(&write->run.changes);
    cim_buf_done(&write->run.write.sql);
    cim_buf_done(&write->run.insert_fid.sql);
    cim_buf_done(&write->run.find_sql);
    cim_buf_done(&write->run.words);
    cim_buf_done(&write->run.image);
    cim_buf_done(&write->run.sealed);
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
          struct write **ret_write, cim_error *err)
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
tell_refusals(const struct write *write)
{
    cim_edit *edit = write->run.edit;
    for (size_t i = 0; i < write->n_refusals && edit->refused != NULL; i++) {
        edit->refused(edit, write->refusals[i].row, &write->refusals[i].why);
    }
}

static void
tell_results(const struct write *write, cim_status status, bool tried, int64_t pos)
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

cim_status
lpg_layer_write(void *self, const cim_call *call, cim_edit *edit, cim_error *err)
{
    const struct lpg_layer *layer = (const struct lpg_layer *)self;
    struct write *first = NULL;
    int64_t pos = 0;
    cim_status status = new_write(layer, call, edit, &first, err);
    if (status == CIM_OK) {
        status = layer->data->store->write(layer->data->host, in_transaction, first, &pos, err);
        for (const struct write *write = first; write != NULL; write = write->also) {
            tell_refusals(write);
        }
    }
    const bool tried = first != NULL && first->tried && status == CIM_E_CANCELLED;
    status = tried ? CIM_OK : status;
    for (const struct write *write = first; write != NULL; write = write->also) {
        tell_results(write, status, tried, pos);
    }
    free_write(first);
    return status;
}
