/* plugin/data/masking.c -- see masking.h.
 *
 * The mode of a field is that of the most permissive term which covers the record at hand: which
 * terms do is worked out row by row, what each of them shows is known beforehand.
 */
#include "data/masking.h"

#include "cim/util.h"
#include "kit/rows.h"
#include "kit/scope_eval.h"

#include <stdlib.h>

enum { AREA_CODE_MAX = 64 };

struct mask_term {
    cim_term term; /* its texts and areas are copies; no filter */
    bool has_filter;
    uint32_t filter_column;
};

struct mask_field {
    const struct cim_field *field;
    uint32_t column;
    uint8_t *modes; /* by term */
};

struct lpg_masking {
    const struct lpg_layer *layer;
    int64_t now_ms;
    uint32_t n_terms;
    uint32_t n_fields;
    struct mask_term *terms;
    struct mask_field *fields; /* only those that some term does not show in clear */
};

void
lpg_masking_free(struct lpg_masking *masking)
{
    if (masking == NULL) {
        return;
    }
    for (uint32_t i = 0; masking->terms != NULL && i < masking->n_terms; i++) {
        free((void *)(uintptr_t)masking->terms[i].term.areas);
        free((void *)(uintptr_t)masking->terms[i].term.owner_org);
    }
    for (uint32_t i = 0; masking->fields != NULL && i < masking->n_fields; i++) {
        free(masking->fields[i].modes);
    }
    free(masking->terms);
    free(masking->fields);
    free(masking);
}

static void *
copy_bytes(const void *from, size_t size)
{
    void *copy = malloc(size > 0 ? size : 1);
    if (copy != NULL && size > 0) {
        memcpy(copy, from, size);
    }
    return copy;
}

static cim_status
copy_term(const cim_term *from, struct mask_term *to, cim_error *err)
{
    to->has_filter = from->filter_json != NULL;
    to->term = (cim_term){.struct_size = sizeof to->term,
                          .n_area_words = from->areas != NULL ? from->n_area_words : 0,
                          .all_areas = from->all_areas,
                          .from_ms = from->from_ms,
                          .until_ms = from->until_ms};
    to->term.areas = copy_bytes(from->areas, to->term.n_area_words * sizeof *from->areas);
    if (from->owner_org != NULL) {
        to->term.owner_org = copy_bytes(from->owner_org, strlen(from->owner_org) + 1);
    }
    return to->term.areas != NULL && (from->owner_org == NULL || to->term.owner_org != NULL)
               ? CIM_OK
               : cim_fail_nomem(err);
}

/* What a list never shows clear, whoever asks. */
static uint8_t
most_mode(const cim_query *query, const struct cim_field *field)
{
    if (!field->encrypted || (query->flags & CIM_QUERY_CONCEAL) == 0) {
        return CIM_FIELD_CLEAR;
    }
    for (uint32_t i = 0; CIM_HAS(cim_query, query, n_reveal) && i < query->n_reveal; i++) {
        if (strcmp(query->reveal[i], field->name) == 0) {
            return CIM_FIELD_CLEAR;
        }
    }
    return CIM_FIELD_MASKED;
}

static bool
is_hidden(const cim_scope *scope, const cim_query *query, const struct cim_field *field)
{
    return most_mode(query, field) < CIM_FIELD_CLEAR ||
           cim_scope_field_mode_min(scope, field) < CIM_FIELD_CLEAR;
}

static cim_status
add_field(struct lpg_masking *masking, const cim_scope *scope, const cim_query *query,
          const struct cim_field *field, uint32_t column, cim_error *err)
{
    struct mask_field *mask = &masking->fields[masking->n_fields];
    mask->modes = malloc(scope->n_terms);
    if (mask->modes == NULL) {
        return cim_fail_nomem(err);
    }
    mask->field = field;
    mask->column = column;
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        const uint8_t mode = (uint8_t)cim_term_field_mode(scope->terms[i], field);
        const uint8_t most = most_mode(query, field);
        mask->modes[i] = mode < most ? mode : most;
    }
    masking->n_fields++;
    return CIM_OK;
}

static cim_status
fill(struct lpg_masking *masking, const cim_scope *scope, const cim_query *query,
     uint32_t first_field, const struct cim_field *const *fields, uint32_t n_fields, cim_error *err)
{
    masking->terms = calloc((size_t)scope->n_terms + 1, sizeof *masking->terms);
    masking->fields = calloc((size_t)n_fields + 1, sizeof *masking->fields);
    if (masking->terms == NULL || masking->fields == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        masking->n_terms++;
        CIM_TRY(copy_term(scope->terms[i], &masking->terms[i], err));
    }
    for (uint32_t i = 0; i < n_fields; i++) {
        if (is_hidden(scope, query, fields[i])) {
            CIM_TRY(add_field(masking, scope, query, fields[i], first_field + i, err));
        }
    }
    return CIM_OK;
}

cim_status
lpg_masking_new(const struct lpg_layer *layer, const cim_call *call, const cim_scope *scope,
                const cim_query *query, uint32_t first_field, const struct cim_field *const *fields,
                uint32_t n_fields, struct lpg_masking **ret_masking, cim_error *err)
{
    bool needed = false;
    for (uint32_t i = 0; i < n_fields && scope->n_terms > 0; i++) {
        needed = needed || is_hidden(scope, query, fields[i]);
    }
    if (!needed) {
        *ret_masking = NULL;
        return CIM_OK;
    }
    struct lpg_masking *masking = calloc(1, sizeof *masking);
    if (masking == NULL) {
        return cim_fail_nomem(err);
    }
    masking->layer = layer;
    masking->now_ms = call->now_ms;
    const cim_status status = fill(masking, scope, query, first_field, fields, n_fields, err);
    if (status != CIM_OK) {
        lpg_masking_free(masking);
        return status;
    }
    *ret_masking = masking;
    return CIM_OK;
}

cim_status
lpg_masking_sql(struct lpg_masking *masking, struct lpg_statement *statement,
                const cim_scope *scope, uint32_t next_index, cim_error *err)
{
    for (uint32_t i = 0; i < masking->n_terms; i++) {
        if (masking->terms[i].has_filter) {
            lpg_sql(statement, ", cast(case when ");
            CIM_TRY(
                lpg_sql_filter(statement, masking->layer, scope->terms[i]->filter_json, NULL, err));
            lpg_sql(statement, " then 1 else 0 end as integer)");
            masking->terms[i].filter_column = next_index++;
        }
    }
    return CIM_OK;
}

/* Rows of one area come together mostly, so the last code is remembered. */
struct area_memory {
    char code[AREA_CODE_MAX];
    size_t len;
    int32_t ordinal;
};

static int32_t
ordinal_of(const struct lpg_data *data, const cim_column *column, int64_t row,
           struct area_memory *memory)
{
    size_t len = 0;
    if (!cim_column_present(column, row)) {
        return -1;
    }
    const uint8_t *code = cim_column_bytes(column, row, &len);
    if (len >= AREA_CODE_MAX) {
        return -1;
    }
    if (len != memory->len || memcmp(code, memory->code, len) != 0) {
        memcpy(memory->code, code, len);
        memory->code[len] = '\0';
        memory->len = len;
        memory->ordinal = data->access->area_ordinal(data->host, memory->code);
    }
    return memory->ordinal;
}

static bool
covers(const struct lpg_masking *masking, const struct mask_term *term, const cim_batch *batch,
       int64_t row, int32_t ordinal)
{
    const cim_column *owner = batch->columns[CIM_RECORD_OWNER_ORG];
    size_t len = 0;
    const char *text = NULL;
    if (term->has_filter && cim_column_i64(batch->columns[term->filter_column], row) == 0) {
        return false;
    }
    if (cim_column_present(owner, row)) {
        text = (const char *)cim_column_bytes(owner, row, &len);
    }
    return cim_term_covers(&term->term, masking->now_ms, ordinal, text, len);
}

/* modes[field][row]: the most permissive of the covering terms. */
static void
find_modes(const struct lpg_masking *masking, const cim_batch *batch, uint8_t *modes)
{
    struct area_memory memory = {.len = SIZE_MAX, .ordinal = -1};
    memset(modes, CIM_FIELD_ABSENT, (size_t)masking->n_fields * (size_t)batch->n_rows);
    for (int64_t row = 0; row < batch->n_rows; row++) {
        const int32_t ordinal =
            ordinal_of(masking->layer->data, batch->columns[CIM_RECORD_AREA_CODE], row, &memory);
        for (uint32_t t = 0; t < masking->n_terms; t++) {
            if (!covers(masking, &masking->terms[t], batch, row, ordinal)) {
                continue;
            }
            for (uint32_t f = 0; f < masking->n_fields; f++) {
                uint8_t *mode = &modes[(size_t)f * (size_t)batch->n_rows + (size_t)row];
                const uint8_t offered = masking->fields[f].modes[t];
                *mode = offered > *mode ? offered : *mode;
            }
        }
    }
}

/* That somebody was erased is no secret where a mask would be shown. */
static bool
is_erased(const char *text, size_t len)
{
    return len == strlen(CIM_ERASED_TEXT) && memcmp(text, CIM_ERASED_TEXT, len) == 0;
}

/* Texts change their length, so the column gets new bytes. */
static cim_status
rewrite_texts(const struct mask_field *mask, struct lpg_block *block, const uint8_t *modes,
              cim_error *err)
{
    cim_column *column = &block->columns[mask->column];
    struct cim_buf *out = &block->replaced[mask->column];
    int32_t *offsets = (int32_t *)(uintptr_t)column->values; /* our own copy */
    int32_t start = offsets[0];
    cim_buf_add(out, "", 0);
    for (int64_t row = 0; row < block->batch.n_rows; row++) {
        const int32_t end = offsets[row + 1];
        const char *text = (const char *)column->data + start;
        const size_t len = (size_t)(end - start);
        offsets[row] = (int32_t)out->len;
        if (cim_column_present(column, row)) {
            if (modes[row] == CIM_FIELD_CLEAR ||
                (modes[row] == CIM_FIELD_MASKED && is_erased(text, len))) {
                cim_buf_add(out, text, len);
            } else if (modes[row] == CIM_FIELD_MASKED) {
                cim_mask_text(mask->field->sensitive, text, len, out);
            } else {
                lpg_block_set_absent(block, mask->column, row);
            }
        }
        start = end;
    }
    offsets[block->batch.n_rows] = (int32_t)out->len;
    CIM_TRY(cim_buf_status(out, err));
    column->data = (const uint8_t *)out->data;
    return CIM_OK;
}

cim_status
lpg_masking_apply(const struct lpg_masking *masking, struct lpg_block *block, cim_error *err)
{
    const cim_batch *batch = &block->batch;
    cim_status status = CIM_OK;
    uint8_t *modes = malloc((size_t)masking->n_fields * (size_t)batch->n_rows + 1);
    if (modes == NULL) {
        return cim_fail_nomem(err);
    }
    find_modes(masking, batch, modes);
    for (uint32_t f = 0; f < masking->n_fields && status == CIM_OK; f++) {
        const struct mask_field *mask = &masking->fields[f];
        const uint8_t *of_field = modes + (size_t)f * (size_t)batch->n_rows;
        if (block->columns[mask->column].type == CIM_COL_TEXT) {
            status = rewrite_texts(mask, block, of_field, err);
            continue;
        }
        for (int64_t row = 0; row < batch->n_rows; row++) {
            if (of_field[row] < CIM_FIELD_CLEAR) {
                lpg_block_set_absent(block, mask->column, row);
            }
        }
    }
    free(modes);
    return status;
}
