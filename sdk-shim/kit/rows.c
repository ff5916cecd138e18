/* kit/rows.c -- see rows.h. All columns of a builder grow together, by rows. */
#include "kit/rows.h"

#include "cim/util.h"

#include <stdlib.h>

enum { FIRST_ROWS = 64, FIRST_BYTES = 1024 };

struct column {
    cim_column view;
    char *name;
    void *values; /* int64_t, double or int32_t offsets */
    uint8_t *validity;
    uint8_t *data;
    size_t data_len;
    size_t data_capacity;
    int64_t n_present;
    int64_t filled_row; /* last row with an append; -1 none */
};

struct cim_batch_builder {
    uint32_t n_columns;
    int64_t n_rows;
    int64_t capacity;
    cim_status failed;
    uint32_t failed_column;
    struct column *columns;
    const cim_column **views;
    cim_batch batch;
};

static bool
is_bytes(uint32_t type)
{
    return type == CIM_COL_TEXT || type == CIM_COL_WKB;
}

int32_t
cim_rows_column(const cim_rows *rows, const char *name)
{
    for (uint32_t i = 0; i < rows->n_columns; i++) {
        if (strcmp(rows->names[i], name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static void *
copy_bytes(const void *data, size_t len)
{
    void *copy = malloc(len);
    if (copy != NULL) {
        memcpy(copy, data, len);
    }
    return copy;
}

static cim_status
grow_rows(struct cim_batch_builder *builder)
{
    const int64_t capacity = builder->capacity == 0 ? FIRST_ROWS : builder->capacity * 2;
    const size_t old_bits = (size_t)builder->capacity / 8U;
    for (uint32_t i = 0; i < builder->n_columns; i++) {
        struct column *column = &builder->columns[i];
        const size_t bytes = is_bytes(column->view.type) ? ((size_t)capacity + 1U) * sizeof(int32_t)
                                                         : (size_t)capacity * sizeof(int64_t);
        void *values = realloc(column->values, bytes);
        if (values == NULL) {
            return CIM_E_NOMEM;
        }
        column->values = values;
        if (builder->capacity == 0 && is_bytes(column->view.type)) {
            ((int32_t *)values)[0] = 0;
        }
        uint8_t *validity = realloc(column->validity, (size_t)capacity / 8U);
        if (validity == NULL) {
            return CIM_E_NOMEM;
        }
        memset(validity + old_bits, 0, (size_t)capacity / 8U - old_bits);
        column->validity = validity;
    }
    builder->capacity = capacity;
    return CIM_OK;
}

cim_status
cim_batch_builder_new(uint32_t n_columns, const char *const *names, const uint32_t *types,
                      struct cim_batch_builder **ret_builder, cim_error *err)
{
    struct cim_batch_builder *builder = calloc(1, sizeof *builder);
    if (builder == NULL) {
        return cim_fail_nomem(err);
    }
    builder->columns = calloc((size_t)n_columns + 1U, sizeof *builder->columns);
    builder->views = calloc((size_t)n_columns + 1U, sizeof *builder->views);
    if (builder->columns == NULL || builder->views == NULL) {
        cim_batch_builder_free(builder);
        return cim_fail_nomem(err);
    }
    builder->n_columns = n_columns;
    for (uint32_t i = 0; i < n_columns; i++) {
        struct column *column = &builder->columns[i];
        column->name = copy_bytes(names[i], strlen(names[i]) + 1);
        if (column->name == NULL) {
            cim_batch_builder_free(builder);
            return cim_fail_nomem(err);
        }
        column->view = (cim_column){
            .struct_size = sizeof column->view, .type = types[i], .name = column->name};
        column->filled_row = -1;
        builder->views[i] = &column->view;
    }
    if (grow_rows(builder) != CIM_OK) {
        cim_batch_builder_free(builder);
        return cim_fail_nomem(err);
    }
    *ret_builder = builder;
    return CIM_OK;
}

void
cim_batch_builder_free(struct cim_batch_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    for (uint32_t i = 0; i < builder->n_columns; i++) {
        free(builder->columns[i].name);
        free(builder->columns[i].values);
        free(builder->columns[i].validity);
        free(builder->columns[i].data);
    }
    free(builder->columns);
    free(builder->views);
    free(builder);
}

static void
note_failure(struct cim_batch_builder *builder, uint32_t column, cim_status code)
{
    if (builder->failed == CIM_OK) {
        builder->failed = code;
        builder->failed_column = column;
    }
}

/* The column, made ready for a value in the row at hand; NULL after a failure. */
static struct column *
open_cell(struct cim_batch_builder *builder, uint32_t column, bool bytes)
{
    if (builder->failed != CIM_OK) {
        return NULL;
    }
    if (column >= builder->n_columns || is_bytes(builder->columns[column].view.type) != bytes ||
        builder->columns[column].filled_row == builder->n_rows) {
        note_failure(builder, column, CIM_E_INTERNAL);
        return NULL;
    }
    if (builder->n_rows == builder->capacity) {
        const cim_status grown =
            builder->capacity < CIM_BATCH_MAX_ROWS ? grow_rows(builder) : CIM_E_TOO_LARGE;
        if (grown != CIM_OK) {
            note_failure(builder, column, grown);
            return NULL;
        }
    }
    return &builder->columns[column];
}

static void
mark_present(struct cim_batch_builder *builder, struct column *column)
{
    const size_t row = (size_t)builder->n_rows;
    column->validity[row >> 3U] = (uint8_t)(column->validity[row >> 3U] | (1U << (row & 7U)));
    column->n_present++;
    column->filled_row = builder->n_rows;
}

void
cim_batch_append_null(struct cim_batch_builder *builder, uint32_t column)
{
    if (column >= builder->n_columns || builder->columns[column].filled_row == builder->n_rows) {
        note_failure(builder, column, CIM_E_INTERNAL);
    }
}

void
cim_batch_append_i64(struct cim_batch_builder *builder, uint32_t column, int64_t value)
{
    struct column *cell = open_cell(builder, column, false);
    if (cell != NULL && cell->view.type == CIM_COL_FLOAT64) {
        note_failure(builder, column, CIM_E_INTERNAL);
    } else if (cell != NULL) {
        ((int64_t *)cell->values)[builder->n_rows] = value;
        mark_present(builder, cell);
    }
}

void
cim_batch_append_f64(struct cim_batch_builder *builder, uint32_t column, double value)
{
    struct column *cell = open_cell(builder, column, false);
    if (cell != NULL && cell->view.type != CIM_COL_FLOAT64) {
        note_failure(builder, column, CIM_E_INTERNAL);
    } else if (cell != NULL) {
        ((double *)cell->values)[builder->n_rows] = value;
        mark_present(builder, cell);
    }
}

void
cim_batch_append_bytes(struct cim_batch_builder *builder, uint32_t column, const void *data,
                       size_t len)
{
    struct column *cell = open_cell(builder, column, true);
    if (cell == NULL) {
        return;
    }
    if (len > CIM_BATCH_MAX_BYTES || cell->data_len > CIM_BATCH_MAX_BYTES - len) {
        note_failure(builder, column, CIM_E_TOO_LARGE);
        return;
    }
    if (cell->data_len + len > cell->data_capacity || cell->data == NULL) {
        size_t capacity = cell->data_capacity != 0 ? cell->data_capacity : FIRST_BYTES;
        while (capacity < cell->data_len + len) {
            capacity *= 2;
        }
        uint8_t *grown = realloc(cell->data, capacity);
        if (grown == NULL) {
            note_failure(builder, column, CIM_E_NOMEM);
            return;
        }
        cell->data = grown;
        cell->data_capacity = capacity;
    }
    if (len > 0) {
        memcpy(cell->data + cell->data_len, data, len);
    }
    cell->data_len += len;
    mark_present(builder, cell);
}

void
cim_batch_builder_drop_row(struct cim_batch_builder *builder)
{
    const size_t row = (size_t)builder->n_rows;
    builder->failed = CIM_OK;
    if (builder->n_rows == builder->capacity) {
        return; /* nothing was appended */
    }
    for (uint32_t i = 0; i < builder->n_columns; i++) {
        struct column *column = &builder->columns[i];
        if (column->filled_row == builder->n_rows) {
            column->validity[row >> 3U] =
                (uint8_t)(column->validity[row >> 3U] & ~(1U << (row & 7U)));
            column->n_present--;
            column->filled_row = -1;
        }
        if (is_bytes(column->view.type)) {
            column->data_len = (size_t)((const int32_t *)column->values)[builder->n_rows];
        }
    }
}

static cim_status
failed_row(struct cim_batch_builder *builder, cim_error *err)
{
    const cim_status code = builder->failed;
    const uint32_t at = builder->failed_column;
    const char *name = at < builder->n_columns ? builder->columns[at].name : NULL;
    cim_batch_builder_drop_row(builder);
    if (code == CIM_E_NOMEM) {
        return cim_fail_nomem(err);
    }
    if (code == CIM_E_TOO_LARGE) {
        return cim_fail(err, code, name, NULL, "一批最多 %d 行，每列最多 %d 字节",
                        "a batch holds at most %d rows and %d bytes a column", CIM_BATCH_MAX_ROWS,
                        CIM_BATCH_MAX_BYTES);
    }
    return cim_fail(err, code, name, NULL, "第 %u 列的值类型不符或重复",
                    "column %u got a value of another type, or two", at);
}

cim_status
cim_batch_builder_end_row(struct cim_batch_builder *builder, cim_error *err)
{
    if (builder->failed == CIM_OK && builder->n_rows == builder->capacity) {
        /* A row without any value. */
        note_failure(builder, 0,
                     builder->capacity < CIM_BATCH_MAX_ROWS ? grow_rows(builder) : CIM_E_TOO_LARGE);
    }
    if (builder->failed != CIM_OK) {
        return failed_row(builder, err);
    }
    builder->n_rows++;
    for (uint32_t i = 0; i < builder->n_columns; i++) {
        struct column *column = &builder->columns[i];
        if (is_bytes(column->view.type)) {
            ((int32_t *)column->values)[builder->n_rows] = (int32_t)column->data_len;
        }
    }
    return CIM_OK;
}

int64_t
cim_batch_builder_rows(const struct cim_batch_builder *builder)
{
    return builder->n_rows;
}

size_t
cim_batch_builder_bytes(const struct cim_batch_builder *builder)
{
    size_t total = 0;
    for (uint32_t i = 0; i < builder->n_columns; i++) {
        const bool bytes = is_bytes(builder->columns[i].view.type);
        total += builder->columns[i].data_len +
                 (size_t)builder->n_rows * (bytes ? sizeof(int32_t) : sizeof(int64_t));
    }
    return total;
}

const cim_batch *
cim_batch_builder_view(struct cim_batch_builder *builder)
{
    for (uint32_t i = 0; i < builder->n_columns; i++) {
        struct column *column = &builder->columns[i];
        column->view.validity = column->n_present == builder->n_rows ? NULL : column->validity;
        column->view.values = column->values;
        column->view.data = column->data;
    }
    builder->batch = (cim_batch){.struct_size = sizeof builder->batch,
                                 .n_columns = builder->n_columns,
                                 .n_rows = builder->n_rows,
                                 .columns = builder->views};
    return &builder->batch;
}

void
cim_batch_builder_reset(struct cim_batch_builder *builder)
{
    for (uint32_t i = 0; i < builder->n_columns; i++) {
        struct column *column = &builder->columns[i];
        memset(column->validity, 0, (size_t)builder->capacity / 8U);
        column->data_len = 0;
        column->n_present = 0;
        column->filled_row = -1;
    }
    builder->n_rows = 0;
    builder->failed = CIM_OK;
}

/* ---- a pull cursor over a fill function ---- */

struct filled_rows {
    cim_rows base;
    struct cim_batch_builder *builder;
    cim_rows_fill_fn fill;
    void (*release_self)(void *self);
    void *self;
    char *token;
    bool ended;
    uint32_t *types;
    const char **names;
};

static cim_status
filled_next(cim_rows *rows, const cim_batch **ret_batch, cim_error *err)
{
    struct filled_rows *filled = (struct filled_rows *)rows->impl;
    cim_batch_builder_reset(filled->builder);
    if (!filled->ended) {
        CIM_TRY(filled->fill(filled->self, filled->builder, err));
        filled->ended = filled->builder->n_rows == 0;
    }
    *ret_batch = cim_batch_builder_view(filled->builder);
    return CIM_OK;
}

static const char *
filled_cursor(cim_rows *rows)
{
    return ((struct filled_rows *)rows->impl)->token;
}

static void
free_filled(struct filled_rows *filled)
{
    cim_batch_builder_free(filled->builder);
    free(filled->token);
    free(filled->types);
    free(filled->names);
    free(filled);
}

static void
filled_release(cim_rows *rows)
{
    struct filled_rows *filled = (struct filled_rows *)rows->impl;
    if (filled->release_self != NULL) {
        filled->release_self(filled->self);
    }
    free_filled(filled);
}

cim_status
cim_rows_new(uint32_t n_columns, const char *const *names, const uint32_t *types,
             cim_rows_fill_fn fill, void (*release)(void *self), void *self, cim_rows **ret_rows,
             cim_error *err)
{
    struct filled_rows *filled = calloc(1, sizeof *filled);
    if (filled == NULL) {
        return cim_fail_nomem(err);
    }
    filled->types = calloc((size_t)n_columns + 1U, sizeof *filled->types);
    filled->names = calloc((size_t)n_columns + 1U, sizeof *filled->names);
    if (filled->types == NULL || filled->names == NULL) {
        free_filled(filled);
        return cim_fail_nomem(err);
    }
    const cim_status built = cim_batch_builder_new(n_columns, names, types, &filled->builder, err);
    if (built != CIM_OK) {
        free_filled(filled);
        return built;
    }
    for (uint32_t i = 0; i < n_columns; i++) {
        filled->types[i] = types[i];
        filled->names[i] = filled->builder->columns[i].name;
    }
    filled->fill = fill;
    filled->release_self = release;
    filled->self = self;
    filled->base = (cim_rows){.struct_size = sizeof filled->base,
                              .n_columns = n_columns,
                              .names = filled->names,
                              .types = filled->types,
                              .next = filled_next,
                              .cursor = filled_cursor,
                              .release = filled_release,
                              .impl = filled};
    *ret_rows = &filled->base;
    return CIM_OK;
}

cim_status
cim_rows_set_cursor(cim_rows *rows, const char *token, cim_error *err)
{
    struct filled_rows *filled = (struct filled_rows *)rows->impl;
    char *copy = NULL;
    if (token != NULL) {
        copy = copy_bytes(token, strlen(token) + 1);
        if (copy == NULL) {
            return cim_fail_nomem(err);
        }
    }
    free(filled->token);
    filled->token = copy;
    return CIM_OK;
}

int64_t
cim_row_with_skipped(const int64_t *skipped, int32_t n_skipped, int64_t delivered)
{
    int32_t low = 0;
    int32_t high = n_skipped;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (skipped[middle] < delivered) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return delivered + low;
}
