/* plugin/data/block.c -- see block.h. */
#include "data/block.h"

#include "cim/util.h"

#include <stdlib.h>

static bool
is_bytes(const cim_column *column)
{
    return column->type == CIM_COL_TEXT || column->type == CIM_COL_WKB;
}

static size_t
aligned(size_t size)
{
    return (size + 7U) & ~(size_t)7U;
}

static size_t
values_size(const cim_column *column, int64_t n_rows)
{
    return is_bytes(column) ? ((size_t)n_rows + 1U) * sizeof(int32_t)
                            : (size_t)n_rows * sizeof(int64_t);
}

static size_t
data_size(const cim_column *column, int64_t n_rows)
{
    return is_bytes(column) && n_rows > 0 ? (size_t)((const int32_t *)column->values)[n_rows] : 0;
}

/* Carves `size` bytes off the block's memory. */
static void *
carve(uint8_t **at, size_t size)
{
    void *piece = *at;
    *at += aligned(size);
    return piece;
}

static void
copy_column(struct lpg_block *block, uint32_t i, const cim_column *from, int64_t n_rows,
            uint8_t **at)
{
    const size_t bits = ((size_t)n_rows + 7U) / 8U;
    const size_t values = values_size(from, n_rows);
    const size_t data = data_size(from, n_rows);
    uint8_t *validity = carve(at, bits);
    void *copy = carve(at, values);
    uint8_t *bytes = carve(at, data);
    if (from->validity != NULL) {
        memcpy(validity, from->validity, bits);
    } else {
        memset(validity, 0xFF, bits);
    }
    if (n_rows > 0) {
        memcpy(copy, from->values, values);
    }
    if (data > 0) {
        memcpy(bytes, from->data, data);
    }
    block->columns[i] = (cim_column){.struct_size = sizeof block->columns[i],
                                     .type = from->type,
                                     .validity = validity,
                                     .values = copy,
                                     .data = is_bytes(from) ? bytes : NULL};
    block->views[i] = &block->columns[i];
}

cim_status
lpg_block_copy(const cim_batch *batch, struct lpg_block **ret_block, cim_error *err)
{
    const size_t n = batch->n_columns;
    size_t total = aligned(sizeof(struct lpg_block)) + aligned(n * sizeof(cim_column)) +
                   aligned(n * sizeof(cim_column *)) + aligned(n * sizeof(struct cim_buf));
    for (uint32_t i = 0; i < n; i++) {
        total += aligned(((size_t)batch->n_rows + 7U) / 8U) +
                 aligned(values_size(batch->columns[i], batch->n_rows)) +
                 aligned(data_size(batch->columns[i], batch->n_rows));
    }
    uint8_t *at = malloc(total);
    if (at == NULL) {
        return cim_fail_nomem(err);
    }
    struct lpg_block *block = carve(&at, sizeof *block);
    *block = (struct lpg_block){.bytes = total};
    block->columns = carve(&at, n * sizeof *block->columns);
    block->views = carve(&at, n * sizeof *block->views);
    block->replaced = carve(&at, n * sizeof *block->replaced);
    for (uint32_t i = 0; i < n; i++) {
        cim_buf_init(&block->replaced[i], SIZE_MAX - 1);
        copy_column(block, i, batch->columns[i], batch->n_rows, &at);
    }
    block->batch = (cim_batch){.struct_size = sizeof block->batch,
                               .n_columns = batch->n_columns,
                               .n_rows = batch->n_rows,
                               .columns = block->views};
    *ret_block = block;
    return CIM_OK;
}

void
lpg_block_free(struct lpg_block *block)
{
    while (block != NULL) {
        struct lpg_block *next = block->next;
        for (uint32_t i = 0; i < block->batch.n_columns; i++) {
            cim_buf_done(&block->replaced[i]);
        }
        free(block);
        block = next;
    }
}

void
lpg_block_set_absent(struct lpg_block *block, uint32_t column, int64_t row)
{
    uint8_t *validity = (uint8_t *)(uintptr_t)block->columns[column].validity; /* our own copy */
    validity[(size_t)row >> 3U] =
        (uint8_t)(validity[(size_t)row >> 3U] & ~(1U << ((unsigned)row & 7U)));
}

cim_status
lpg_blocks_read(cim_rows *rows, size_t max_bytes, struct lpg_block **ret_first, bool *ret_ended,
                cim_error *err)
{
    struct lpg_block *first = NULL;
    struct lpg_block **last = &first;
    const cim_batch *batch = NULL;
    cim_status status = CIM_OK;
    size_t bytes = 0;
    bool ended = false;
    while (!ended && bytes < max_bytes) {
        status = rows->next(rows, &batch, err);
        if (status == CIM_OK && batch->n_rows > 0) {
            status = lpg_block_copy(batch, last, err);
        }
        if (status != CIM_OK) {
            lpg_block_free(first);
            return status;
        }
        ended = batch->n_rows == 0;
        if (!ended) {
            bytes += (*last)->bytes;
            last = &(*last)->next;
        }
    }
    *ret_first = first;
    *ret_ended = ended;
    return CIM_OK;
}

/* ---- a cursor ---- */

struct block_rows {
    cim_rows base;
    struct lpg_block *first;
    struct lpg_block *current; /* NULL: at the end */
    bool started;
    char *text; /* the names, one after another */
    const char **names;
    uint32_t *types;
    cim_batch nothing;
};

static cim_status
next_block(cim_rows *rows, const cim_batch **ret_batch, cim_error *err)
{
    struct block_rows *self = (struct block_rows *)rows->impl;
    (void)err;
    self->current = !self->started          ? self->first
                    : self->current != NULL ? self->current->next
                                            : NULL;
    self->started = true;
    *ret_batch = self->current != NULL ? &self->current->batch : &self->nothing;
    return CIM_OK;
}

static void
release_rows(cim_rows *rows)
{
    struct block_rows *self = (struct block_rows *)rows->impl;
    lpg_block_free(self->first);
    free(self->text);
    free(self->names);
    free(self->types);
    free(self);
}

cim_status
lpg_blocks_rows(struct lpg_block *first, uint32_t n_columns, const char *const *names,
                const uint32_t *types, cim_rows **ret_rows, cim_error *err)
{
    size_t text_size = 1;
    for (uint32_t i = 0; i < n_columns; i++) {
        text_size += strlen(names[i]) + 1;
    }
    struct block_rows *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return cim_fail_nomem(err);
    }
    self->base.impl = self;
    self->text = malloc(text_size);
    self->names = calloc((size_t)n_columns + 1, sizeof *self->names);
    self->types = calloc((size_t)n_columns + 1, sizeof *self->types);
    if (self->text == NULL || self->names == NULL || self->types == NULL) {
        release_rows(&self->base);
        return cim_fail_nomem(err);
    }
    char *at = self->text;
    for (uint32_t i = 0; i < n_columns; i++) {
        const size_t size = strlen(names[i]) + 1;
        memcpy(at, names[i], size);
        self->names[i] = at;
        self->types[i] = types[i];
        at += size;
    }
    for (struct lpg_block *block = first; block != NULL; block = block->next) {
        for (uint32_t i = 0; i < n_columns; i++) {
            block->columns[i].name = self->names[i];
        }
    }
    self->first = first;
    self->nothing = (cim_batch){.struct_size = sizeof self->nothing};
    self->base = (cim_rows){.struct_size = sizeof self->base,
                            .n_columns = n_columns,
                            .names = self->names,
                            .types = self->types,
                            .next = next_block,
                            .release = release_rows,
                            .impl = self};
    *ret_rows = &self->base;
    return CIM_OK;
}
