/* plugin/data/image.c -- what an edit of many records does to each, noted so that it can be undone.
 *
 * Of created records runs of fids are kept, of others what they were before. */
#include "data/load.h"

#include "cim/util.h"
#include "kit/rows.h"
#include "kit/time.h"

/* ---- a record as it was ---- */

static void
add_hex(struct cim_buf *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        cim_buf_add_char(out, digits[bytes[i] >> 4U]);
        cim_buf_add_char(out, digits[bytes[i] & 15U]);
    }
}

static void
add_cell(struct cim_buf *out, const cim_column *column)
{
    char time[CIM_TIME_TEXT_MAX];
    size_t len = 0;
    if (column->type == CIM_COL_TEXT) {
        const uint8_t *bytes = cim_column_bytes(column, 0, &len);
        cim_buf_add_json_text(out, (const char *)bytes, len);
        return;
    }
    cim_buf_add_char(out, '"');
    if (column->type == CIM_COL_WKB) {
        const uint8_t *bytes = cim_column_bytes(column, 0, &len);
        add_hex(out, bytes, len);
    } else if (column->type == CIM_COL_FLOAT64) {
        cim_buf_add_double(out, cim_column_f64(column, 0));
    } else if (column->type == CIM_COL_TIME_MS) {
        cim_time_format(cim_column_i64(column, 0), time);
        cim_buf_add_text(out, time);
    } else {
        cim_buf_add_int(out, cim_column_i64(column, 0));
    }
    cim_buf_add_char(out, '"');
}

void
lpg_image_take(struct lpg_run *run, const cim_batch *batch)
{
    const char *joint = "{";
    if (run->batch[0] == '\0') {
        return;
    }
    cim_buf_clear(&run->image);
    for (uint32_t slot = 0; slot < run->record.n_slots; slot++) {
        if (cim_column_present(batch->columns[slot], 0)) {
            cim_buf_add_text(&run->image, joint);
            cim_buf_add_json_text(&run->image, run->record.values[slot].name, SIZE_MAX);
            cim_buf_add_char(&run->image, ':');
            add_cell(&run->image, batch->columns[slot]);
            joint = ",";
        }
    }
    cim_buf_add_char(&run->image, '}');
}

/* ---- notes ---- */

static cim_status
note(const struct lpg_run *run, cim_tx *tx, int64_t first, int64_t last, int64_t version,
     const char *image, cim_error *err)
{
    const cim_batches_change change = {.struct_size = sizeof change,
                                       .fid = first,
                                       .last_fid = last,
                                       .version = version,
                                       .image = image};
    return run->layer->data->batches->note(tx, run->batch, &change, err);
}

cim_status
lpg_image_note(struct lpg_run *run, cim_tx *tx, int64_t fid, int64_t version, cim_error *err)
{
    if (run->batch[0] == '\0') {
        return CIM_OK;
    }
    if (run->n_written >= LPG_BATCH_IMAGES_MAX) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "一次最多修改或删除 %d 条记录",
                        "one edit changes or deletes at most %d records", LPG_BATCH_IMAGES_MAX);
    }
    CIM_TRY(cim_buf_status(&run->image, err));
    return note(run, tx, fid, fid, version, run->image.data, err);
}

cim_status
lpg_image_end_run(struct lpg_run *run, cim_tx *tx, cim_error *err)
{
    const int64_t first = run->first_of_run;
    run->first_of_run = 0;
    return first == 0     ? CIM_OK
           : run->is_load ? lpg_load_note(run, tx, first, run->last_of_run, err)
                          : note(run, tx, first, run->last_of_run, 1, NULL, err);
}

/* Fids rise by one as long as nobody else creates records of the layer. One that continues from a
 * version is a run of its own. */
cim_status
lpg_image_created(struct lpg_run *run, cim_tx *tx, int64_t fid, int64_t version, cim_error *err)
{
    if (run->batch[0] == '\0') {
        return CIM_OK;
    }
    if (version != 1) {
        return note(run, tx, fid, fid, version, NULL, err);
    }
    if (run->first_of_run == 0 || fid != run->last_of_run + 1) {
        CIM_TRY(lpg_image_end_run(run, tx, err));
        run->first_of_run = fid;
    }
    run->last_of_run = fid;
    return CIM_OK;
}

cim_status
lpg_image_keep(struct lpg_run *run, cim_tx *tx, cim_error *err)
{
    if (run->batch[0] == '\0' || run->n_written == 0) {
        return CIM_OK;
    }
    CIM_TRY(lpg_image_end_run(run, tx, err));
    return run->layer->data->batches->keep(tx, run->call, run->batch, run->layer->def->id,
                                           run->record.op, run->n_written, err);
}
