/* host/exchange/mirror.c -- see mirror.h. */
#include "host/exchange/mirror.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/digest.h"
#include "kit/rows.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum {
    UID_BYTES = 16,
    MARK_BYTES = 4, /* of a uid: which copy it is of */
    UID_TEXT = 36,
    FILL_ROWS = 512,
    FILL_BYTES = 1 << 20,
    FIRST_SLOTS = 1 << 12,
    COLUMNS_MAX = 600
};

struct slot {
    uint8_t uid[UID_BYTES];
    int64_t fid; /* in the layer; 0: not there */
    bool taken;
    bool wanted; /* by a row of the file */
};

struct file_row {
    uint8_t uid[UID_BYTES];
    bool fresh; /* not in the layer */
};

struct mirror {
    const cim_layer *layer;
    const cim_call *call;
    struct host_spool *spool;
    cim_edit *outer;
    EVP_MD_CTX *digest;
    uint8_t mark[MARK_BYTES];
    bool keeps_others;
    size_t n_slots; /* a power of two */
    size_t n_taken;
    struct slot *slots;
    int64_t n_rows; /* of the file */
    int64_t rows_capacity;
    struct file_row *rows;
    int64_t n_copy; /* records of the layer that are of this copy */
    int64_t n_fresh;
    int64_t n_gone;
    int64_t *gone; /* fids */
    int64_t gone_at;
    /* rows to create */
    cim_rows *source;
    const cim_batch *batch;
    int64_t batch_row;
    int64_t at;          /* row of the file, from 0 */
    int64_t *fresh_rows; /* the row of the file, from 1, of each that was handed out */
    int64_t n_handed_out;
    uint32_t n_columns;
    uint32_t columns[COLUMNS_MAX]; /* of the spool */
};

/* ---- uids ---- */

static cim_status
digest_failed(cim_error *err)
{
    return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "无法计算摘要", "no digest can be made");
}

static cim_status
make_mark(struct mirror *mirror, const char *name, cim_error *err)
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    if (EVP_Digest(name, strlen(name), sum, NULL, cim_sha256(), NULL) != 1) {
        return digest_failed(err);
    }
    memcpy(mirror->mark, sum, MARK_BYTES);
    return CIM_OK;
}

static bool
add_cell(EVP_MD_CTX *digest, const cim_column *column, int64_t row)
{
    const uint8_t *bytes = (const uint8_t *)column->values + (size_t)row * sizeof(int64_t);
    size_t len = sizeof(int64_t);
    if (!cim_column_present(column, row)) {
        return true;
    }
    if (column->type == CIM_COL_TEXT || column->type == CIM_COL_WKB) {
        bytes = cim_column_bytes(column, row, &len);
    }
    return EVP_DigestUpdate(digest, column->name, strlen(column->name) + 1) == 1 &&
           EVP_DigestUpdate(digest, &len, sizeof len) == 1 &&
           EVP_DigestUpdate(digest, bytes, len) == 1;
}

/* `turn`: of rows that are equal to the last byte. */
static cim_status
make_uid(struct mirror *mirror, const cim_batch *batch, int64_t row, uint32_t turn,
         uint8_t ret_uid[UID_BYTES], cim_error *err)
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    bool good = EVP_DigestInit_ex(mirror->digest, cim_sha256(), NULL) == 1;
    for (uint32_t i = 0; good && i < mirror->n_columns; i++) {
        good = add_cell(mirror->digest, batch->columns[mirror->columns[i]], row);
    }
    good = good && EVP_DigestUpdate(mirror->digest, &turn, sizeof turn) == 1 &&
           EVP_DigestFinal_ex(mirror->digest, sum, NULL) == 1;
    if (!good) {
        return digest_failed(err);
    }
    memcpy(ret_uid, mirror->mark, MARK_BYTES);
    memcpy(ret_uid + MARK_BYTES, sum, UID_BYTES - MARK_BYTES);
    ret_uid[6] = (uint8_t)((ret_uid[6] & 0x0fU) | 0x80U); /* version 8: made by the application */
    ret_uid[8] = (uint8_t)((ret_uid[8] & 0x3fU) | 0x80U);
    return CIM_OK;
}

static void
format_uid(const uint8_t uid[UID_BYTES], char text[UID_TEXT + 1])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < UID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        text[at++] = digits[uid[i] >> 4U];
        text[at++] = digits[uid[i] & 15U];
    }
    text[at] = '\0';
}

static bool
parse_uid(const uint8_t *text, size_t len, uint8_t ret_uid[UID_BYTES])
{
    size_t n = 0;
    memset(ret_uid, 0, UID_BYTES);
    for (size_t i = 0; i < len && n < (size_t)UID_BYTES * 2; i++) {
        const uint8_t c = text[i];
        if (c != '-') {
            const uint8_t digit = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
            ret_uid[n / 2] = (uint8_t)((unsigned)ret_uid[n / 2] << 4U | (digit & 15U));
            n++;
        }
    }
    return n == (size_t)UID_BYTES * 2;
}

/* ---- the set of uids ---- */

static struct slot *
slot_of(struct slot *slots, size_t n_slots, const uint8_t uid[UID_BYTES])
{
    uint64_t hash = 0;
    memcpy(&hash, uid + UID_BYTES - sizeof hash, sizeof hash); /* the end of a uid is random */
    size_t at = (size_t)(hash * UINT64_C(0x9e3779b97f4a7c15)) & (n_slots - 1);
    while (slots[at].taken && memcmp(slots[at].uid, uid, UID_BYTES) != 0) {
        at = (at + 1) & (n_slots - 1);
    }
    return &slots[at];
}

static cim_status
grow(struct mirror *mirror, cim_error *err)
{
    const size_t n_slots = mirror->n_slots == 0 ? FIRST_SLOTS : mirror->n_slots * 2;
    struct slot *slots = calloc(n_slots, sizeof *slots);
    if (slots == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < mirror->n_slots; i++) {
        if (mirror->slots[i].taken) {
            *slot_of(slots, n_slots, mirror->slots[i].uid) = mirror->slots[i];
        }
    }
    free(mirror->slots);
    mirror->slots = slots;
    mirror->n_slots = n_slots;
    return CIM_OK;
}

static cim_status
find(struct mirror *mirror, const uint8_t uid[UID_BYTES], struct slot **ret_slot, cim_error *err)
{
    if (mirror->n_taken * 2 >= mirror->n_slots) {
        CIM_TRY(grow(mirror, err));
    }
    *ret_slot = slot_of(mirror->slots, mirror->n_slots, uid);
    if (!(*ret_slot)->taken) {
        memcpy((*ret_slot)->uid, uid, UID_BYTES);
        (*ret_slot)->taken = true;
        mirror->n_taken++;
    }
    return CIM_OK;
}

static bool
is_of_copy(const struct mirror *mirror, const struct slot *slot)
{
    return memcmp(slot->uid, mirror->mark, MARK_BYTES) == 0 && slot->uid[6] >> 4U == 8;
}

static cim_status
too_many(cim_error *err)
{
    return cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "记录超过 %d 条", "more than %d records",
                    HOST_MIRROR_ROWS_MAX);
}

/* ---- what is there, what is wanted ---- */

static cim_status
note_stored(struct mirror *mirror, const cim_batch *batch, cim_error *err)
{
    for (int64_t i = 0; i < batch->n_rows; i++) {
        uint8_t uid[UID_BYTES];
        size_t len = 0;
        struct slot *slot = NULL;
        const uint8_t *text = cim_column_bytes(batch->columns[CIM_RECORD_UID], i, &len);
        if (!parse_uid(text, len, uid)) {
            return cim_fail(err, CIM_E_INTERNAL, "uid", NULL, "图层中有记录的 uid 无效",
                            "a record of the layer has no valid uid");
        }
        CIM_TRY(find(mirror, uid, &slot, err));
        slot->fid = cim_column_i64(batch->columns[CIM_RECORD_FID], i);
        mirror->n_copy += is_of_copy(mirror, slot) ? 1 : 0;
    }
    return mirror->n_taken > HOST_MIRROR_ROWS_MAX ? too_many(err) : CIM_OK;
}

static cim_status
read_layer(struct mirror *mirror, cim_error *err)
{
    static const char *const no_fields[] = {NULL};
    const cim_query query = {
        .struct_size = sizeof query, .flags = CIM_QUERY_NO_GEOMETRY, .properties = no_fields};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(mirror->layer->query(mirror->layer->self, mirror->call, &query, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    while (batch->n_rows > 0) {
        CIM_TRY(note_stored(mirror, batch, err));
        CIM_TRY(rows->next(rows, &batch, err));
    }
    return CIM_OK;
}

static cim_status
note_wanted(struct mirror *mirror, const cim_batch *batch, int64_t row, cim_error *err)
{
    struct file_row *note = NULL;
    struct slot *slot = NULL;
    uint32_t turn = 0;
    if (mirror->n_rows == HOST_MIRROR_ROWS_MAX) {
        return too_many(err);
    }
    if (mirror->n_rows == mirror->rows_capacity) {
        const int64_t capacity = mirror->rows_capacity == 0 ? 1024 : mirror->rows_capacity * 2;
        struct file_row *grown = realloc(mirror->rows, (size_t)capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        mirror->rows = grown;
        mirror->rows_capacity = capacity;
    }
    note = &mirror->rows[mirror->n_rows++];
    do {
        CIM_TRY(make_uid(mirror, batch, row, turn++, note->uid, err));
        CIM_TRY(find(mirror, note->uid, &slot, err));
    } while (slot->wanted);
    slot->wanted = true;
    note->fresh = slot->fid == 0;
    mirror->n_fresh += note->fresh ? 1 : 0;
    return CIM_OK;
}

/* Every column but a uid that the file brings along. */
static cim_status
choose_columns(struct mirror *mirror, const cim_rows *rows, cim_error *err)
{
    mirror->n_columns = 0;
    for (uint32_t i = 0; i < rows->n_columns; i++) {
        if (mirror->n_columns == COLUMNS_MAX - 1) {
            return cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "列超过 %d", "more than %d columns",
                            COLUMNS_MAX - 1);
        }
        if (strcmp(rows->names[i], "uid") != 0) {
            mirror->columns[mirror->n_columns++] = i;
        }
    }
    return CIM_OK;
}

static cim_status
read_file(struct mirror *mirror, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(host_spool_rows(mirror->spool, &rows, err));
    CIM_TRY(choose_columns(mirror, rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    while (batch->n_rows > 0) {
        for (int64_t i = 0; i < batch->n_rows; i++) {
            CIM_TRY(note_wanted(mirror, batch, i, err));
        }
        CIM_TRY(rows->next(rows, &batch, err));
    }
    return CIM_OK;
}

static cim_status
list_gone(struct mirror *mirror, cim_error *err)
{
    mirror->gone = calloc(mirror->n_taken + 1, sizeof *mirror->gone);
    mirror->fresh_rows = calloc((size_t)mirror->n_fresh + 1, sizeof *mirror->fresh_rows);
    if (mirror->gone == NULL || mirror->fresh_rows == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < mirror->n_slots; i++) {
        const struct slot *slot = &mirror->slots[i];
        if (slot->taken && slot->fid > 0 && !slot->wanted &&
            (!mirror->keeps_others || is_of_copy(mirror, slot))) {
            mirror->gone[mirror->n_gone++] = slot->fid;
        }
    }
    return CIM_OK;
}

/* ---- rows of the two edits ---- */

static cim_status
fill_gone(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct mirror *mirror = self;
    for (; mirror->gone_at < mirror->n_gone && cim_batch_builder_rows(builder) < FILL_ROWS;
         mirror->gone_at++) {
        cim_batch_append_i64(builder, 0, mirror->gone[mirror->gone_at]);
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static void
copy_cell(struct cim_batch_builder *builder, uint32_t to, const cim_column *column, int64_t row)
{
    size_t len = 0;
    if (!cim_column_present(column, row)) {
        cim_batch_append_null(builder, to);
    } else if (column->type == CIM_COL_TEXT || column->type == CIM_COL_WKB) {
        const uint8_t *bytes = cim_column_bytes(column, row, &len);
        cim_batch_append_bytes(builder, to, bytes, len);
    } else if (column->type == CIM_COL_FLOAT64) {
        cim_batch_append_f64(builder, to, cim_column_f64(column, row));
    } else {
        cim_batch_append_i64(builder, to, cim_column_i64(column, row));
    }
}

static cim_status
copy_row(struct mirror *mirror, struct cim_batch_builder *builder, cim_error *err)
{
    char uid[UID_TEXT + 1];
    format_uid(mirror->rows[mirror->at].uid, uid);
    for (uint32_t i = 0; i < mirror->n_columns; i++) {
        copy_cell(builder, i, mirror->batch->columns[mirror->columns[i]], mirror->batch_row);
    }
    cim_batch_append_bytes(builder, mirror->n_columns, uid, UID_TEXT);
    mirror->fresh_rows[mirror->n_handed_out++] = mirror->at + 1;
    return cim_batch_builder_end_row(builder, err);
}

static cim_status
fill_fresh(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct mirror *mirror = self;
    while (mirror->n_handed_out < mirror->n_fresh && cim_batch_builder_rows(builder) < FILL_ROWS &&
           cim_batch_builder_bytes(builder) < FILL_BYTES) {
        if (mirror->batch == NULL || mirror->batch_row == mirror->batch->n_rows) {
            CIM_TRY(mirror->source->next(mirror->source, &mirror->batch, err));
            mirror->batch_row = 0;
        }
        if (mirror->rows[mirror->at].fresh) {
            CIM_TRY(copy_row(mirror, builder, err));
        }
        mirror->at++;
        mirror->batch_row++;
    }
    return CIM_OK;
}

static void
release(void *self)
{
    (void)self; /* its opener's */
}

static cim_status
open_gone(struct mirror *mirror, cim_rows **ret_rows, cim_error *err)
{
    static const char *const names[] = {"fid"};
    static const uint32_t types[] = {CIM_COL_INT64};
    return cim_rows_new(1, names, types, fill_gone, release, mirror, ret_rows, err);
}

static cim_status
open_fresh(struct mirror *mirror, cim_rows **ret_rows, cim_error *err)
{
    const char *names[COLUMNS_MAX];
    uint32_t types[COLUMNS_MAX];
    CIM_TRY(host_spool_rows(mirror->spool, &mirror->source, err));
    for (uint32_t i = 0; i < mirror->n_columns; i++) {
        names[i] = mirror->source->names[mirror->columns[i]];
        types[i] = mirror->source->types[mirror->columns[i]];
    }
    names[mirror->n_columns] = "uid";
    types[mirror->n_columns] = CIM_COL_TEXT;
    return cim_rows_new(mirror->n_columns + 1, names, types, fill_fresh, release, mirror, ret_rows,
                        err);
}

/* ---- the edits ---- */

static void
on_refused(cim_edit *edit, int64_t row, const cim_error *why)
{
    const struct mirror *mirror = edit->caller;
    if (mirror->outer->refused != NULL) {
        mirror->outer->refused(mirror->outer, mirror->fresh_rows[row - 1], why);
    }
}

static void
on_warned(cim_edit *edit, int64_t row, const cim_error *what)
{
    const struct mirror *mirror = edit->caller;
    mirror->outer->warned(mirror->outer, mirror->fresh_rows[row - 1], what);
}

static void
on_placed(cim_edit *edit, int64_t row, const char *grade, int32_t good)
{
    const struct mirror *mirror = edit->caller;
    mirror->outer->placed(mirror->outer, mirror->fresh_rows[row - 1], grade, good);
}

static int32_t
on_progress(cim_edit *edit, int64_t rows_done)
{
    const struct mirror *mirror = edit->caller;
    return mirror->outer->progress != NULL ? mirror->outer->progress(mirror->outer, rows_done) : 0;
}

static cim_status
on_begun(cim_edit *edit, cim_tx *tx, cim_error *err)
{
    const struct mirror *mirror = edit->caller;
    return mirror->outer->begun(mirror->outer, tx, err);
}

static cim_status
on_ending(cim_edit *edit, cim_tx *tx, cim_error *err)
{
    const struct mirror *mirror = edit->caller;
    return mirror->outer->ending(mirror->outer, tx, err);
}

static cim_status
write_edits(struct mirror *mirror, struct host_mirror_counts *counts, cim_error *err)
{
    cim_edit *outer = mirror->outer;
    CIM_AUTO_ROWS cim_rows *gone = NULL;
    CIM_AUTO_ROWS cim_rows *fresh = NULL;
    CIM_TRY(open_gone(mirror, &gone, err));
    CIM_TRY(open_fresh(mirror, &fresh, err));
    cim_edit create = {.struct_size = sizeof create,
                       .flags = outer->flags,
                       .op = CIM_EDIT_CREATE,
                       .rows = fresh,
                       .refused = on_refused,
                       .warned = outer->warned != NULL ? on_warned : NULL,
                       .placed = outer->placed != NULL ? on_placed : NULL,
                       .progress = on_progress,
                       .ending = outer->ending != NULL ? on_ending : NULL,
                       .caller = mirror};
    cim_edit delete = {.struct_size = sizeof delete,
                       .flags = outer->flags & ~(uint32_t)CIM_EDIT_ROW_WISE,
                       .op = CIM_EDIT_DELETE,
                       .rows = gone,
                       .begun = outer->begun != NULL ? on_begun : NULL,
                       .caller = mirror,
                       .also = &create};
    const cim_status status = mirror->layer->write(mirror->layer->self, mirror->call, &delete, err);
    outer->n_read = mirror->n_rows;
    outer->n_refused = create.n_refused;
    outer->n_written = create.n_written + delete.n_written;
    outer->pos = create.pos;
    memcpy(outer->batch, create.batch[0] != '\0' ? create.batch : delete.batch,
           sizeof outer->batch);
    counts->created = create.n_written;
    counts->removed = delete.n_written;
    return status;
}

static cim_status
run(struct mirror *mirror, const char *name, struct host_mirror_counts *counts, cim_error *err)
{
    mirror->digest = EVP_MD_CTX_new();
    if (mirror->digest == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(make_mark(mirror, name, err));
    CIM_TRY(read_layer(mirror, err));
    CIM_TRY(read_file(mirror, err));
    if (mirror->n_rows == 0 && mirror->n_copy > 0) {
        return cim_fail(err, CIM_E_STATE, "file", NULL,
                        "来源没有记录，而现有副本有 %lld 条：保留现有副本",
                        "the source has no records, the copy has %lld: the copy stays",
                        (long long)mirror->n_copy);
    }
    CIM_TRY(list_gone(mirror, err));
    counts->kept = mirror->n_rows - mirror->n_fresh;
    return mirror->n_fresh + mirror->n_gone > 0 ? write_edits(mirror, counts, err) : CIM_OK;
}

cim_status
host_mirror_write(const cim_layer *layer, const cim_call *call, struct host_spool *spool,
                  const char *name, bool keeps_others, cim_edit *edit,
                  struct host_mirror_counts *ret_counts, cim_error *err)
{
    struct mirror *mirror = calloc(1, sizeof *mirror);
    if (mirror == NULL) {
        return cim_fail_nomem(err);
    }
    mirror->layer = layer;
    mirror->call = call;
    mirror->spool = spool;
    mirror->outer = edit;
    mirror->keeps_others = keeps_others;
    *ret_counts = (struct host_mirror_counts){0};
    const cim_status status = run(mirror, name, ret_counts, err);
    if (mirror->source != NULL) {
        mirror->source->release(mirror->source);
    }
    EVP_MD_CTX_free(mirror->digest);
    free(mirror->slots);
    free(mirror->rows);
    free(mirror->gone);
    free(mirror->fresh_rows);
    free(mirror);
    return status;
}
