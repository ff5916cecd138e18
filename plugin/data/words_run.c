/* plugin/data/words_run.c -- the words of all records anew, while others read and write.
 *
 * Slices are read outside of any transaction and written where the record still is as it was read:
 * who changes it in between writes its words himself. The record stays what it was, its version and
 * time do not move; that searches answer otherwise is noted once, as "many". */
#include "data/words.h"

#include "data/block.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

enum { SLICE_BYTES_MAX = 16 << 20, FIRST_TEXT = 3 /* behind fid, version and the words */ };

struct slice {
    const struct lpg_layer *layer;
    const struct lpg_block *blocks;
    int64_t after_fid;
    int64_t n_read;
    int64_t n_changed;
};

static void
add_words(struct cim_buf *words, const cim_batch *batch, int64_t row)
{
    for (uint32_t i = FIRST_TEXT; i < batch->n_columns; i++) {
        size_t len = 0;
        if (cim_column_present(batch->columns[i], row)) {
            const uint8_t *text = cim_column_bytes(batch->columns[i], row, &len);
            lpg_words_add(words, (const char *)text, len);
        }
    }
}

static bool
same_words(const struct cim_buf *words, const cim_batch *batch, int64_t row)
{
    size_t len = 0;
    if (!cim_column_present(batch->columns[2], row)) {
        return false;
    }
    const uint8_t *stored = cim_column_bytes(batch->columns[2], row, &len);
    return len == words->len && (len == 0 || memcmp(stored, words->data, len) == 0);
}

static cim_status
write_row(struct slice *slice, cim_tx *tx, const cim_batch *batch, int64_t row, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf words;
    char sql[200];
    int64_t n_changed = 0;
    cim_buf_init(&words, LPG_WORDS_BYTES_MAX * 8);
    add_words(&words, batch, row);
    CIM_TRY(cim_buf_status(&words, err));
    if (same_words(&words, batch, row)) {
        return CIM_OK;
    }
    const cim_value values[] = {
        {.name = "words",
         .type = CIM_COL_TEXT,
         .len = (uint32_t)words.len,
         .v.ptr = words.len > 0 ? words.data : ""},
        {.name = "fid", .type = CIM_COL_INT64, .v.i64 = cim_column_i64(batch->columns[0], row)},
        {.name = "version",
         .type = CIM_COL_INT64,
         .v.i64 = cim_column_i64(batch->columns[1], row)}};
    (void)snprintf(sql, sizeof sql,
                   "update %s set " LPG_WORDS_COLUMN
                   " = :words where fid = :fid and version = :version",
                   slice->layer->def->table);
    CIM_TRY(slice->layer->data->store->exec(tx, sql, values, 3, &n_changed, err));
    slice->n_changed += n_changed;
    return CIM_OK;
}

static cim_status
in_transaction(void *arg, cim_tx *tx, cim_error *err)
{
    struct slice *slice = (struct slice *)arg;
    slice->n_changed = 0;
    for (const struct lpg_block *block = slice->blocks; block != NULL; block = block->next) {
        for (int64_t row = 0; row < block->batch.n_rows; row++) {
            CIM_TRY(write_row(slice, tx, &block->batch, row, err));
        }
    }
    return CIM_OK;
}

static cim_status
read_slice(struct slice *slice, struct lpg_block **ret_blocks, cim_error *err)
{
    const struct lpg_layer *layer = slice->layer;
    LPG_AUTO_STATEMENT struct lpg_statement statement;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    bool ended = false;
    CIM_TRY(lpg_statement_init(&statement, err));
    lpg_sql(&statement, "select fid, version, " LPG_WORDS_COLUMN);
    for (size_t i = 0; i < layer->def->n_fields; i++) {
        if (lpg_words_field(&layer->def->fields[i])) {
            lpg_sql(&statement, ", %s", layer->def->fields[i].name);
        }
    }
    lpg_sql(&statement, " from %s where fid > ", layer->def->table);
    lpg_sql_int(&statement, slice->after_fid);
    lpg_sql(&statement, " order by fid limit ");
    lpg_sql_int(&statement, LPG_WORDS_SLICE);
    CIM_TRY(lpg_statement_finish(&statement, err));
    CIM_TRY(lpg_statement_read(layer->data, &statement, &rows, err));
    return lpg_blocks_read(rows, SLICE_BYTES_MAX, ret_blocks, &ended, err);
}

static cim_status
run_slice(struct slice *slice, cim_error *err)
{
    const struct lpg_data *data = slice->layer->data;
    struct lpg_block *blocks = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(read_slice(slice, &blocks, err));
    slice->n_read = 0;
    slice->n_changed = 0;
    for (const struct lpg_block *block = blocks; block != NULL; block = block->next) {
        slice->n_read += block->batch.n_rows;
        slice->after_fid = cim_column_i64(block->batch.columns[0], block->batch.n_rows - 1);
    }
    if (blocks != NULL) {
        slice->blocks = blocks;
        status = data->store->write(data->host, in_transaction, slice, NULL, err);
    }
    lpg_block_free(blocks);
    return status;
}

static cim_status
note_many(void *arg, cim_tx *tx, cim_error *err)
{
    const struct lpg_layer *layer = (const struct lpg_layer *)arg;
    return layer->data->store->change(tx, layer->def->id, 0, CIM_CHANGE_BULK, NULL, NULL, err);
}

static cim_status
check_right(const struct lpg_layer *layer, const cim_call *call, cim_error *err)
{
    const cim_scope *scope = NULL;
    CIM_TRY(lpg_scope_of(layer, call, CIM_ACT_UPDATE, &scope, err));
    return lpg_scope_is_open(scope, call->now_ms)
               ? CIM_OK
               : cim_fail(err, CIM_E_DENIED, "layer", layer->def->id,
                          "须有修改此图层全部记录的权限",
                          "needs the right to update every record of the layer");
}

cim_status
lpg_words_rebuild(struct lpg_layer *layer, const cim_call *call, int64_t *ret_n_read,
                  int64_t *ret_n_changed, cim_error *err)
{
    const struct lpg_data *data = layer->data;
    struct slice slice = {.layer = layer};
    int64_t n_read = 0;
    int64_t n_changed = 0;
    CIM_TRY(check_right(layer, call, err));
    if (lpg_words_kept(layer)) {
        do {
            CIM_TRY(cim_heed_cancel(call, err));
            CIM_TRY(run_slice(&slice, err));
            n_read += slice.n_read;
            n_changed += slice.n_changed;
        } while (slice.n_read > 0);
    }
    if (n_changed > 0) {
        CIM_TRY(data->store->write(data->host, note_many, layer, NULL, err));
    }
    *ret_n_read = n_read;
    *ret_n_changed = n_changed;
    return CIM_OK;
}
