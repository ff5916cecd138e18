/* kit/rows.h -- building and reading cim_batch and cim_rows. */
#ifndef CIM_KIT_ROWS_H
#define CIM_KIT_ROWS_H

#include "cim/rows.h"

#include <stdbool.h>

/* ---- reading ---- */

static inline bool
cim_column_present(const cim_column *column, int64_t row)
{
    return column->validity == NULL ||
           (((unsigned)column->validity[(size_t)row >> 3U] >> ((unsigned)row & 7U)) & 1U) != 0;
}

static inline int64_t
cim_column_i64(const cim_column *column, int64_t row)
{
    return ((const int64_t *)column->values)[row];
}

static inline double
cim_column_f64(const cim_column *column, int64_t row)
{
    return ((const double *)column->values)[row];
}

/* Bytes of a TEXT or WKB value; not NUL-terminated. */
static inline const uint8_t *
cim_column_bytes(const cim_column *column, int64_t row, size_t *ret_len)
{
    const int32_t *offsets = (const int32_t *)column->values;
    *ret_len = (size_t)(offsets[row + 1] - offsets[row]);
    return column->data + offsets[row];
}

/* Index of a column by name, -1 when absent. */
int32_t cim_rows_column(const cim_rows *rows, const char *name);

/* ---- building ---- */

enum { CIM_BATCH_MAX_BYTES = 64 << 20 }; /* of one column; a row that does not fit is an error */

struct cim_batch_builder;

/* Copies names and types. */
cim_status cim_batch_builder_new(uint32_t n_columns, const char *const *names,
                                 const uint32_t *types, struct cim_batch_builder **ret_builder,
                                 cim_error *err);
void cim_batch_builder_free(struct cim_batch_builder *builder); /* NULL-safe */
/* Each row: one append per column, then cim_batch_builder_end_row(). Columns not appended are
 * absent. Errors stick until end_row(), which returns them and drops the row. */
void cim_batch_append_null(struct cim_batch_builder *builder, uint32_t column);
void cim_batch_append_i64(struct cim_batch_builder *builder, uint32_t column, int64_t value);
void cim_batch_append_f64(struct cim_batch_builder *builder, uint32_t column, double value);
void cim_batch_append_bytes(struct cim_batch_builder *builder, uint32_t column, const void *data,
                            size_t len);
cim_status cim_batch_builder_end_row(struct cim_batch_builder *builder, cim_error *err);
/* Takes back what the row at hand appended, and why it failed. */
void cim_batch_builder_drop_row(struct cim_batch_builder *builder);
int64_t cim_batch_builder_rows(const struct cim_batch_builder *builder);
size_t cim_batch_builder_bytes(const struct cim_batch_builder *builder);
/* The batch so far; borrowed until the next reset or append. */
const cim_batch *cim_batch_builder_view(struct cim_batch_builder *builder);
void cim_batch_builder_reset(struct cim_batch_builder *builder);

/* A cim_rows over one fill function: called with an empty builder, appends rows (none: the end).
 * `release` frees `self`. Takes neither on failure. */
typedef cim_status (*cim_rows_fill_fn)(void *self, struct cim_batch_builder *builder,
                                       cim_error *err);
cim_status cim_rows_new(uint32_t n_columns, const char *const *names, const uint32_t *types,
                        cim_rows_fill_fn fill, void (*release)(void *self), void *self,
                        cim_rows **ret_rows, cim_error *err);
/* Sets the paging token (copied; NULL: no more); called from within fill. */
cim_status cim_rows_set_cursor(cim_rows *rows, const char *token, cim_error *err);

/* The number of a row, from 1, among all that were read, from its number among those delivered:
 * skipped[i], ascending, is how many had been delivered before the i-th that was left out. */
int64_t cim_row_with_skipped(const int64_t *skipped, int32_t n_skipped, int64_t delivered);

#endif
