/* host/store/row.h -- reading a few rows of the platform's own tables, one at a time. */
#ifndef HOST_ROW_H
#define HOST_ROW_H

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <stdbool.h>

struct host_row {
    cim_rows *rows; /* borrowed */
    const cim_batch *batch;
    int64_t at;
};

/* Moves to the next row (the first one on a zeroed `at`); *ret_there false at the end. */
static inline cim_status
host_row_next(struct host_row *row, bool *ret_there, cim_error *err)
{
    if (row->batch != NULL && row->at + 1 < row->batch->n_rows) {
        row->at++;
    } else {
        CIM_TRY(row->rows->next(row->rows, &row->batch, err));
        row->at = 0;
    }
    *ret_there = row->batch->n_rows > 0;
    return CIM_OK;
}

static inline bool
host_row_has(const struct host_row *row, uint32_t column)
{
    return cim_column_present(row->batch->columns[column], row->at);
}

/* 0 where the value is absent. */
static inline int64_t
host_row_i64(const struct host_row *row, uint32_t column)
{
    return host_row_has(row, column) ? cim_column_i64(row->batch->columns[column], row->at) : 0;
}

/* An owned copy, "" where the value is absent; NULL when out of memory. */
static inline char *
host_row_text(const struct host_row *row, uint32_t column)
{
    size_t len = 0;
    const uint8_t *bytes = NULL;
    if (!host_row_has(row, column)) {
        return strdup("");
    }
    bytes = cim_column_bytes(row->batch->columns[column], row->at, &len);
    return strndup((const char *)bytes, len);
}

/* Into a buffer, cut to its size; "" where the value is absent. */
static inline void
host_row_copy(const struct host_row *row, uint32_t column, char *out, size_t out_size)
{
    size_t len = 0;
    const uint8_t *bytes = NULL;
    out[0] = '\0';
    if (host_row_has(row, column)) {
        bytes = cim_column_bytes(row->batch->columns[column], row->at, &len);
        len = len < out_size ? len : out_size - 1;
        memcpy(out, bytes, len);
        out[len] = '\0';
    }
}

/* NULL for an absent value; false when out of memory. */
static inline bool
host_row_text_or_null(const struct host_row *row, uint32_t column, char **ret_text)
{
    char *text = host_row_has(row, column) ? host_row_text(row, column) : NULL;
    if (text == NULL && host_row_has(row, column)) {
        return false;
    }
    *ret_text = text;
    return true;
}

static inline cim_value
host_value_text(const char *name, const char *text)
{
    cim_value value = {.name = name};
    if (text != NULL) {
        value.type = CIM_COL_TEXT;
        value.len = (uint32_t)strlen(text);
        value.v.ptr = text;
    }
    return value;
}

static inline cim_value
host_value_i64(const char *name, int64_t number)
{
    cim_value value = {.name = name, .type = CIM_COL_INT64};
    value.v.i64 = number;
    return value;
}

#endif
