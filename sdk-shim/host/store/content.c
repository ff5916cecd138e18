/* host/store/content.c -- what a store holds, table by table: rows and a hash that does not depend
 * on the database. See copy.h. */
#include "host/store/copy.h"
#include "host/store/driver.h"
#include "host/store/row.h"
#include "kit/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum { TABLES_MAX = 4096 };

cim_status
host_copy_tell(struct host_copy_pace *pace, int64_t n_rows, cim_error *err)
{
    pace->n_done += n_rows;
    if (pace->progress == NULL || pace->progress(pace->arg, pace->n_done, pace->n_total) == 0) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "已取消", "cancelled");
}

/* ---- one table ---- */

struct digest {
    EVP_MD_CTX *context;
    bool failed;
};

static void
add_bytes(struct digest *digest, const void *bytes, size_t len)
{
    digest->failed = digest->failed || EVP_DigestUpdate(digest->context, bytes, len) != 1;
}

/* A letter for the type, then eight bytes, the greatest first: the number, or how many follow. */
static void
add_value(struct digest *digest, char letter, uint64_t number, const void *bytes, size_t len)
{
    uint8_t head[9] = {(uint8_t)letter};
    for (unsigned i = 0; i < 8; i++) {
        head[1 + i] = (uint8_t)(number >> (8U * (7 - i)));
    }
    add_bytes(digest, head, sizeof head);
    if (len > 0) {
        add_bytes(digest, bytes, len);
    }
}

static cim_status
digest_row(void *arg, const struct host_copy_shape *shape, const cim_batch *batch, int64_t row,
           cim_error *err)
{
    struct digest *digest = arg;
    (void)err;
    for (int32_t i = 0; i < shape->n_columns; i++) {
        const cim_column *column = batch->columns[i];
        const char *word = shape->columns[i].word;
        uint64_t bits = 0;
        size_t len = 0;
        if (!cim_column_present(column, row)) {
            add_value(digest, '0', 0, NULL, 0);
        } else if (strcmp(word, "real") == 0) {
            const double number = cim_column_f64(column, row) + 0.0; /* -0 is kept as 0 by one */
            memcpy(&bits, &number, sizeof bits);
            add_value(digest, 'r', bits, NULL, 0);
        } else if (strcmp(word, "int") == 0 || strcmp(word, "bool") == 0 ||
                   strcmp(word, "time") == 0) {
            add_value(digest, word[0], (uint64_t)cim_column_i64(column, row), NULL, 0);
        } else {
            const uint8_t *bytes = cim_column_bytes(column, row, &len);
            add_value(digest, word[0] == 't' ? 's' : word[0], len, bytes, len);
        }
    }
    return CIM_OK;
}

static cim_status
digest_slices(struct host_store *store, const struct host_copy_shape *shape,
              struct host_copy_pace *pace, struct digest *digest, int64_t *ret_n_rows,
              cim_error *err)
{
    int64_t after = INT64_MIN;
    int64_t n_rows = 0;
    int64_t n = HOST_COPY_SLICE_ROWS;
    while (n == HOST_COPY_SLICE_ROWS) {
        CIM_TRY(host_copy_slice(store, shape, after, HOST_COPY_SLICE_ROWS, digest_row, digest, &n,
                                &after, err));
        n_rows += n;
        CIM_TRY(host_copy_tell(pace, n, err));
    }
    *ret_n_rows = n_rows;
    return CIM_OK;
}

cim_status
host_copy_content_read(struct host_store *store, const struct host_copy_shape *shape,
                       struct host_copy_pace *pace, struct host_copy_content *ret_content,
                       cim_error *err)
{
    struct digest digest = {.context = EVP_MD_CTX_new()};
    unsigned char hash[EVP_MAX_MD_SIZE];
    cim_status status = CIM_OK;
    digest.failed =
        digest.context == NULL || EVP_DigestInit_ex(digest.context, cim_sha256(), NULL) != 1;
    if (!digest.failed) {
        status = digest_slices(store, shape, pace, &digest, &ret_content->n_rows, err);
        digest.failed = digest.failed || EVP_DigestFinal_ex(digest.context, hash, NULL) != 1;
    }
    EVP_MD_CTX_free(digest.context);
    if (status == CIM_OK && digest.failed) {
        status = cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "SHA-256 失败", "SHA-256 failed");
    }
    if (status == CIM_OK) {
        cim_hex(hash, (HOST_COPY_HASH_TEXT - 1) / 2, ret_content->hash);
    }
    return status;
}

/* ---- all of them ---- */

cim_status
host_copy_list_tables(struct host_store *store, struct host_copy_report *report, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    report->tables = calloc(TABLES_MAX, sizeof *report->tables);
    if (report->tables == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_store_read(store, store->driver->tables, NULL, 0, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    while (there) {
        CIM_AUTO_FREE char *name = host_row_text(&row, 0);
        if (name == NULL) {
            return cim_fail_nomem(err);
        }
        if (report->n_tables == TABLES_MAX || strlen(name) >= HOST_COPY_NAME_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "table", name, "数据表过多或名称过长",
                            "too many tables, or a name that is too long");
        }
        cim_copy_text(report->tables[report->n_tables++].name, HOST_COPY_NAME_MAX, name);
        CIM_TRY(host_row_next(&row, &there, err));
    }
    return CIM_OK;
}

cim_status
host_copy_count(struct host_store *store, const char *sql, int64_t *ret_n, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(store, sql, NULL, 0, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    *ret_n = there ? host_row_i64(&row, 0) : 0;
    return CIM_OK;
}

static cim_status
read_table(struct host_store *store, struct host_copy_table *table, struct host_copy_pace *pace,
           cim_error *err)
{
    struct host_copy_shape shape = {0};
    cim_status status = host_copy_shape_read(store, table->name, &shape, err);
    if (status == CIM_OK) {
        status = host_copy_content_read(store, &shape, pace, &table->source, err);
    }
    host_copy_shape_done(&shape);
    return status;
}

cim_status
host_store_contents(struct host_store *store, struct host_copy_report *report, cim_error *err)
{
    struct host_copy_pace pace = {.progress = NULL};
    CIM_TRY(host_copy_list_tables(store, report, err));
    for (int32_t i = 0; i < report->n_tables; i++) {
        CIM_TRY(read_table(store, &report->tables[i], &pace, err));
    }
    return CIM_OK;
}

void
host_copy_report_done(struct host_copy_report *report)
{
    free(report->tables);
    *report = (struct host_copy_report){0};
}
