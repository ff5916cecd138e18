/* host/exchange/spool.c -- see spool.h.
 *
 * The file holds batch after batch: the number of rows, then for each column the validity, the
 * values (or offsets) and the bytes that offsets point into, as they lie in memory. It is read by
 * the process that wrote it. */
#include "host/exchange/spool.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 1100, COLUMNS_MAX = 600 };

struct host_spool {
    FILE *file;
    uint32_t n_columns;
    char *names[COLUMNS_MAX];
    uint32_t types[COLUMNS_MAX];
    int64_t n_rows;
};

static cim_status
io_fail(cim_error *err)
{
    char reason[128] = "";
    const int os = errno;
    const char *text = strerror_r(os, reason, sizeof reason);
    const cim_status status =
        cim_fail(err, CIM_E_IO, NULL, NULL, "暂存数据无法写入或读取（%s），没有导入",
                 "rows cannot be set aside (%s), nothing was imported", text);
    if (err != NULL) {
        err->os_errno = os;
    }
    return status;
}

cim_status
host_spool_open(const char *dir, struct host_spool **ret_spool, cim_error *err)
{
    struct host_spool *spool = calloc(1, sizeof *spool);
    char path[PATH_BYTES_MAX];
    int fd = -1;
    if (spool == NULL) {
        return cim_fail_nomem(err);
    }
    (void)snprintf(path, sizeof path, "%s/rows-XXXXXX", dir);
    fd = mkstemp(path);
    if (fd >= 0) {
        (void)unlink(path); /* so that nothing is left of it */
        spool->file = fdopen(fd, "w+b");
    }
    if (spool->file == NULL) {
        const cim_status status = io_fail(err);
        if (fd >= 0) {
            (void)close(fd);
        }
        free(spool);
        return status;
    }
    *ret_spool = spool;
    return CIM_OK;
}

void
host_spool_free(struct host_spool *spool)
{
    if (spool == NULL) {
        return;
    }
    (void)fclose(spool->file); /* it has no name any more */
    for (uint32_t i = 0; i < spool->n_columns; i++) {
        free(spool->names[i]);
    }
    free(spool);
}

int64_t
host_spool_count(const struct host_spool *spool)
{
    return spool->n_rows;
}

static bool
is_bytes(uint32_t type)
{
    return type == CIM_COL_TEXT || type == CIM_COL_WKB;
}

static size_t
values_size(uint32_t type, int64_t n_rows)
{
    return is_bytes(type) ? (size_t)(n_rows + 1) * sizeof(int32_t) : (size_t)n_rows * 8;
}

/* ---- in ---- */

static bool
put(struct host_spool *spool, const void *data, size_t len)
{
    return len == 0 || fwrite(data, 1, len, spool->file) == len;
}

static bool
put_column(struct host_spool *spool, const cim_column *column, int64_t n_rows)
{
    const uint8_t has_validity = column->validity != NULL ? 1 : 0;
    const int32_t *offsets = column->values;
    return put(spool, &has_validity, 1) &&
           (has_validity == 0 || put(spool, column->validity, (size_t)(n_rows + 7) / 8)) &&
           put(spool, column->values, values_size(column->type, n_rows)) &&
           (!is_bytes(column->type) || put(spool, column->data, (size_t)offsets[n_rows]));
}

static cim_status
put_batch(struct host_spool *spool, const cim_batch *batch, cim_error *err)
{
    bool good = put(spool, &batch->n_rows, sizeof batch->n_rows);
    for (uint32_t c = 0; good && c < batch->n_columns; c++) {
        good = put_column(spool, batch->columns[c], batch->n_rows);
    }
    spool->n_rows += batch->n_rows;
    return good ? CIM_OK : io_fail(err);
}

static cim_status
take_columns(struct host_spool *spool, const cim_rows *rows, cim_error *err)
{
    if (rows->n_columns > COLUMNS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "超过 %d 列", "more than %d columns",
                        COLUMNS_MAX);
    }
    for (uint32_t i = 0; i < rows->n_columns; i++) {
        spool->names[i] = strdup(rows->names[i]);
        spool->types[i] = rows->types[i];
        spool->n_columns++;
        if (spool->names[i] == NULL) {
            return cim_fail_nomem(err);
        }
    }
    return CIM_OK;
}

cim_status
host_spool_fill(struct host_spool *spool, cim_rows *rows,
                int32_t (*progress)(void *arg, int64_t n_rows), void *arg, cim_error *err)
{
    const cim_batch *batch = NULL;
    CIM_TRY(take_columns(spool, rows, err));
    for (;;) {
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            return CIM_OK;
        }
        CIM_TRY(put_batch(spool, batch, err));
        if (progress != NULL && progress(arg, spool->n_rows) != 0) {
            return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "导入已取消，没有保存",
                            "the import was cancelled, nothing was stored");
        }
    }
}

/* ---- out ---- */

struct bytes {
    void *data;
    size_t capacity;
};

struct reader {
    cim_rows rows;
    struct host_spool *spool;
    int64_t n_given;
    cim_batch batch;
    cim_column columns[COLUMNS_MAX];
    const cim_column *views[COLUMNS_MAX];
    struct bytes validity[COLUMNS_MAX];
    struct bytes values[COLUMNS_MAX];
    struct bytes data[COLUMNS_MAX];
};

static cim_status
get(const struct reader *reader, struct bytes *into, size_t len, cim_error *err)
{
    if (len > into->capacity) {
        void *grown = realloc(into->data, len * 2);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        into->data = grown;
        into->capacity = len * 2;
    }
    return len == 0 || fread(into->data, 1, len, reader->spool->file) == len ? CIM_OK
                                                                             : io_fail(err);
}

static cim_status
get_column(struct reader *reader, uint32_t c, int64_t n_rows, cim_error *err)
{
    cim_column *column = &reader->columns[c];
    uint8_t has_validity = 0;
    if (fread(&has_validity, 1, 1, reader->spool->file) != 1) {
        return io_fail(err);
    }
    CIM_TRY(
        get(reader, &reader->validity[c], has_validity != 0 ? (size_t)(n_rows + 7) / 8 : 0, err));
    CIM_TRY(get(reader, &reader->values[c], values_size(column->type, n_rows), err));
    column->validity = has_validity != 0 ? reader->validity[c].data : NULL;
    column->values = reader->values[c].data;
    if (is_bytes(column->type)) {
        const int32_t *offsets = column->values;
        CIM_TRY(get(reader, &reader->data[c], (size_t)offsets[n_rows], err));
        column->data = reader->data[c].data != NULL ? reader->data[c].data : (const uint8_t *)"";
    }
    return CIM_OK;
}

static cim_status
next(cim_rows *rows, const cim_batch **ret_batch, cim_error *err)
{
    struct reader *reader = rows->impl;
    reader->batch.n_rows = 0;
    if (reader->n_given < reader->spool->n_rows) {
        int64_t n_rows = 0;
        if (fread(&n_rows, sizeof n_rows, 1, reader->spool->file) != 1) {
            return io_fail(err);
        }
        for (uint32_t c = 0; c < reader->batch.n_columns; c++) {
            CIM_TRY(get_column(reader, c, n_rows, err));
        }
        reader->batch.n_rows = n_rows;
        reader->n_given += n_rows;
    }
    *ret_batch = &reader->batch;
    return CIM_OK;
}

static void
release(cim_rows *rows)
{
    struct reader *reader = rows->impl;
    for (uint32_t c = 0; c < reader->batch.n_columns; c++) {
        free(reader->validity[c].data);
        free(reader->values[c].data);
        free(reader->data[c].data);
    }
    free(reader);
}

cim_status
host_spool_rows(struct host_spool *spool, cim_rows **ret_rows, cim_error *err)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return cim_fail_nomem(err);
    }
    if (fflush(spool->file) != 0 || fseeko(spool->file, 0, SEEK_SET) != 0) {
        free(reader);
        return io_fail(err);
    }
    reader->spool = spool;
    reader->rows = (cim_rows){.struct_size = sizeof reader->rows,
                              .n_columns = spool->n_columns,
                              .names = (const char *const *)spool->names,
                              .types = spool->types,
                              .next = next,
                              .release = release,
                              .impl = reader};
    reader->batch = (cim_batch){.struct_size = sizeof reader->batch,
                                .n_columns = spool->n_columns,
                                .columns = reader->views};
    for (uint32_t c = 0; c < spool->n_columns; c++) {
        reader->columns[c] = (cim_column){.struct_size = sizeof reader->columns[c],
                                          .type = spool->types[c],
                                          .name = spool->names[c]};
        reader->views[c] = &reader->columns[c];
    }
    *ret_rows = &reader->rows;
    return CIM_OK;
}
