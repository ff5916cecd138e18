/* plugin/data/sealed_run.c -- sealing what is stored clear or under an older key.
 *
 * The record stays what it was: its version, its time and the change log do not move, since nothing
 * that anybody reads changes. A value that is written in between is left alone, and so is one that
 * cannot be opened.
 */
#include "data/sealed.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

enum { SLICE_BYTES_MAX = 16 << 20 };

struct slice {
    const struct lpg_layer *layer;
    const struct cim_field *field;
    const struct lpg_block *blocks;
    int64_t after_fid; /* of the record before the next slice */
    int64_t n_found;
    int64_t n_sealed;
    int64_t n_refused; /* could not be opened */
};

static cim_value
text_value(const char *name, const void *text, size_t len)
{
    return (cim_value){.name = name, .type = CIM_COL_TEXT, .len = (uint32_t)len, .v.ptr = text};
}

static cim_status
seal_row(struct slice *slice, cim_tx *tx, const cim_batch *batch, int64_t row, cim_error *err)
{
    const struct lpg_data *data = slice->layer->data;
    CIM_AUTO_BUF struct cim_buf fresh;
    char sql[256];
    size_t uid_len = 0;
    size_t len = 0;
    int64_t n_changed = 0;
    const char *uid = (const char *)cim_column_bytes(batch->columns[1], row, &uid_len);
    const char *old = (const char *)cim_column_bytes(batch->columns[2], row, &len);
    cim_buf_init(&fresh, CIM_CRYPT_SEALED_MAX);
    const cim_status status =
        lpg_sealed_again(slice->layer, slice->field, uid, uid_len, old, len, &fresh, err);
    if (status == CIM_E_STATE) {
        slice->n_refused++;
        return CIM_OK;
    }
    CIM_TRY(status);
    const cim_value values[] = {
        text_value("fresh", fresh.data, fresh.len),
        text_value("old", old, len),
        {.name = "fid", .type = CIM_COL_INT64, .v.i64 = cim_column_i64(batch->columns[0], row)}};
    (void)snprintf(sql, sizeof sql, "update %s set %s = :fresh where fid = :fid and %s = :old",
                   slice->layer->def->table, slice->field->name, slice->field->name);
    CIM_TRY(data->store->exec(tx, sql, values, 3, &n_changed, err));
    slice->n_sealed += n_changed;
    return CIM_OK;
}

static cim_status
in_transaction(void *arg, cim_tx *tx, cim_error *err)
{
    struct slice *slice = (struct slice *)arg;
    slice->n_sealed = 0;
    slice->n_refused = 0;
    for (const struct lpg_block *block = slice->blocks; block != NULL; block = block->next) {
        for (int64_t row = 0; row < block->batch.n_rows; row++) {
            CIM_TRY(seal_row(slice, tx, &block->batch, row, err));
        }
    }
    return CIM_OK;
}

/* `head`: how texts of the newest key begin. */
static cim_status
find_rows(struct slice *slice, const char *head, struct lpg_block **ret_blocks, cim_error *err)
{
    const struct lpg_data *data = slice->layer->data;
    const char *name = slice->field->name;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    char past[CIM_CRYPT_HEAD_MAX]; /* the first text after those that begin so */
    char sql[512];
    bool ended = false;
    cim_copy_text(past, sizeof past, head);
    past[strlen(past) - 1]++;
    const cim_value values[] = {text_value("head", head, strlen(head)),
                                text_value("past", past, strlen(past)),
                                {.name = "after", .type = CIM_COL_INT64, .v.i64 = slice->after_fid},
                                {.name = "most", .type = CIM_COL_INT64, .v.i64 = LPG_SEALED_SLICE}};
    (void)snprintf(sql, sizeof sql,
                   "select fid, uid, %s from %s where fid > :after and %s is not null and "
                   "(%s < :head or %s >= :past) and %s <> '" CIM_CRYPT_ERASED "' order by fid "
                   "limit :most",
                   name, slice->layer->def->table, name, name, name, name);
    CIM_TRY(data->store->read(data->host, sql, values, 4, &rows, err));
    return lpg_blocks_read(rows, SLICE_BYTES_MAX, ret_blocks, &ended, err);
}

static cim_status
run_slice(struct slice *slice, const char *head, cim_error *err)
{
    const struct lpg_data *data = slice->layer->data;
    struct lpg_block *blocks = NULL;
    cim_status status = CIM_OK;
    int64_t pos = 0;
    CIM_TRY(find_rows(slice, head, &blocks, err));
    slice->n_found = 0;
    for (const struct lpg_block *block = blocks; block != NULL; block = block->next) {
        slice->n_found += block->batch.n_rows;
        slice->after_fid = cim_column_i64(block->batch.columns[0], block->batch.n_rows - 1);
    }
    if (blocks != NULL) {
        slice->blocks = blocks;
        status = data->store->write(data->host, in_transaction, slice, &pos, err);
        slice->blocks = NULL;
    }
    lpg_block_free(blocks);
    return status;
}

static cim_status
run_field(const struct lpg_layer *layer, const struct cim_field *field, const char *head,
          const atomic_bool *stop, int64_t *n_sealed, cim_error *err)
{
    struct slice slice = {.layer = layer, .field = field, .n_found = LPG_SEALED_SLICE};
    int64_t n_refused = 0;
    while (slice.n_found == LPG_SEALED_SLICE && (stop == NULL || !atomic_load(stop))) {
        CIM_TRY(run_slice(&slice, head, err));
        *n_sealed += slice.n_sealed;
        n_refused += slice.n_refused;
    }
    return n_refused == 0 ? CIM_OK
                          : cim_fail(err, CIM_E_STATE, field->name, layer->def->id,
                                     "图层 %s 的加密字段 %s 有 %lld 个值打不开",
                                     "%s: %s has %lld encrypted values that cannot be opened",
                                     layer->def->id, field->name, (long long)n_refused);
}

/* Values that cannot be opened are told once all others are done. */
cim_status
lpg_sealed_run(struct lpg_data *data, const atomic_bool *stop, int64_t *ret_n_sealed,
               cim_error *err)
{
    const cim_crypt_place nowhere = {
        .struct_size = sizeof nowhere, .table = "", .column = "", .uid = ""};
    char head[CIM_CRYPT_HEAD_MAX];
    int64_t n_sealed = 0;
    cim_status result = CIM_OK;
    CIM_TRY(data->crypt->head(data->host, &nowhere, NULL, 0, 0, head, err));
    for (size_t i = 0; i < data->n_layers && strcmp(head, data->sealed_head) != 0; i++) {
        const struct lpg_layer *layer = data->layers[i];
        for (size_t k = 0; k < layer->def->n_fields; k++) {
            cim_error why = {.code = CIM_OK};
            cim_status status = CIM_OK;
            if (layer->def->fields[k].encrypted) {
                status = run_field(layer, &layer->def->fields[k], head, stop, &n_sealed, &why);
            }
            if (status != CIM_OK && err != NULL && result == CIM_OK) {
                *err = why;
            }
            result = result == CIM_OK ? status : result;
            if (status != CIM_OK && status != CIM_E_STATE) {
                return result; /* the store: another time */
            }
        }
    }
    if (stop == NULL || !atomic_load(stop)) {
        cim_copy_text(data->sealed_head, sizeof data->sealed_head, head);
    }
    *ret_n_sealed = n_sealed;
    return result;
}
