/* plugin/data/slice.c -- large creates that hold the store's writer for a slice at a time.
 *
 * Rows are read and checked outside of any transaction; a slice of them is inserted in one that may
 * run again, since the gather still has them. See load.h for what others see meanwhile. */
#include "data/load.h"
#include "data/unique.h"

#include "cim/util.h"

bool
lpg_write_is_sliced(const struct lpg_write *write)
{
    const uint32_t whole = CIM_EDIT_DRY_RUN | CIM_EDIT_UNDO | CIM_EDIT_FORGET;
    return write->run.edit->op == CIM_EDIT_CREATE && !write->is_small && write->also == NULL &&
           (write->run.edit->flags & whole) == 0;
}

bool
lpg_write_is_only_checked(const struct lpg_write *write)
{
    const uint32_t flags = write->run.edit->flags;
    return write->run.edit->op == CIM_EDIT_CREATE && !write->is_small && write->also == NULL &&
           (flags & CIM_EDIT_DRY_RUN) != 0 && (flags & CIM_EDIT_UNDO) == 0 &&
           !write->run.scope_has_filters;
}

/* ---- a transaction that may run again ---- */

struct attempt {
    struct lpg_write *write;
    struct lpg_write_mark from; /* what it begins with */
};

static struct attempt
new_attempt(struct lpg_write *write)
{
    const struct lpg_run *run = &write->run;
    return (struct attempt){.write = write,
                            .from = {.n_written = run->n_written,
                                     .n_refused = run->edit->n_refused,
                                     .n_refusals = write->n_refusals,
                                     .n_changes = run->changes.n,
                                     .changes_texts = run->changes.texts.len,
                                     .first_row = write->first_row}};
}

static void
start(const struct attempt *attempt)
{
    struct lpg_write *write = attempt->write;
    struct lpg_run *run = &write->run;
    run->n_written = attempt->from.n_written;
    run->edit->n_refused = attempt->from.n_refused;
    run->first_of_run = 0;
    run->changes.n = attempt->from.n_changes;
    run->changes.texts.len = attempt->from.changes_texts;
    write->n_refusals = attempt->from.n_refusals;
    write->first_row = attempt->from.first_row;
    write->failed = CIM_OK;
}

/* ---- slices ---- */

static cim_status
in_slice(void *arg, cim_tx *tx, cim_error *err)
{
    const struct attempt *attempt = (const struct attempt *)arg;
    struct lpg_write *write = attempt->write;
    start(attempt);
    CIM_TRY(lpg_load_touch(&write->run, tx, write->load_begun, err));
    CIM_TRY(lpg_create_flush(write, tx, err));
    return lpg_write_is_refused(write) ? lpg_refusals_fail(write, err)
                                       : lpg_image_end_run(&write->run, tx, err);
}

cim_status
lpg_slice_write(struct lpg_write *write, cim_error *err)
{
    const struct lpg_data *data = write->run.layer->data;
    struct attempt attempt = new_attempt(write);
    cim_status status = CIM_OK;
    if (write->gather.n > 0) {
        write->run.is_load = true;
        status = data->store->write(data->host, in_slice, &attempt, NULL, err);
        write->load_begun = write->load_begun || status == CIM_OK;
    }
    /* All or nothing: the slice is undone, and the other rows are only looked at. */
    return status != CIM_OK && lpg_write_is_refused(write) ? CIM_OK : status;
}

/* ---- the last transaction ---- */

static cim_status
in_publication(void *arg, cim_tx *tx, cim_error *err)
{
    const struct attempt *attempt = (const struct attempt *)arg;
    struct lpg_write *write = attempt->write;
    cim_edit *edit = write->run.edit;
    start(attempt);
    if (CIM_HAS(cim_edit, edit, begun)) {
        CIM_TRY(edit->begun(edit, tx, err));
    }
    if (write->load_begun) {
        CIM_TRY(lpg_load_touch(&write->run, tx, true, err));
    }
    CIM_TRY(lpg_create_flush(write, tx, err));
    if (lpg_write_is_refused(write)) {
        return lpg_refusals_fail(write, err);
    }
    if (write->load_begun) {
        CIM_TRY(lpg_image_end_run(&write->run, tx, err));
        CIM_TRY(lpg_load_publish(&write->run, tx, err));
    }
    return lpg_write_end(write, tx, err);
}

cim_status
lpg_slice_publish(struct lpg_write *write, int64_t *ret_pos, cim_error *err)
{
    const struct lpg_data *data = write->run.layer->data;
    struct attempt attempt = new_attempt(write);
    write->run.is_load = write->load_begun;
    return data->store->write(data->host, in_publication, &attempt, ret_pos, err);
}
