/* host/store/copy.c -- see copy.h. Table by table: what the migrations put there goes, the rows
 * come in the order of their key, then both sides are read again and compared. */
#include "host/store/copy.h"
#include "host/store/driver.h"
#include "host/store/row.h"

#include "kit/buf.h"
#include "kit/sql.h"

#include <stdio.h>

enum { SLICE_ROWS = HOST_COPY_SLICE_ROWS };

struct copy {
    const struct host_copy_options *options;
    struct host_copy_pace pace;
};

/* ---- writing ---- */

struct slice {
    struct host_store *source;
    const struct host_copy_shape *shape;
    const char *insert;
    cim_value *values;
    cim_tx *tx;
    int64_t after;
    int64_t n;
    int64_t last;
};

static cim_value
value_of(const struct host_copy_column *column, const cim_column *cells, int64_t row)
{
    cim_value value = {.name = column->name};
    size_t len = 0;
    if (!cim_column_present(cells, row)) {
        return value;
    }
    if (strcmp(column->word, "real") == 0) {
        value.type = CIM_COL_FLOAT64;
        value.v.f64 = cim_column_f64(cells, row);
    } else if (strcmp(column->word, "int") == 0 || strcmp(column->word, "bool") == 0) {
        value.type = CIM_COL_INT64;
        value.v.i64 = cim_column_i64(cells, row);
    } else if (strcmp(column->word, "time") == 0) {
        value.type = CIM_COL_TIME_MS;
        value.v.i64 = cim_column_i64(cells, row);
    } else {
        value.type = strcmp(column->word, "geom") == 0 ? CIM_COL_WKB : CIM_COL_TEXT;
        value.v.ptr = cim_column_bytes(cells, row, &len);
        value.len = (uint32_t)len;
    }
    return value;
}

static cim_status
insert_row(void *arg, const struct host_copy_shape *shape, const cim_batch *batch, int64_t row,
           cim_error *err)
{
    struct slice *slice = arg;
    for (int32_t i = 0; i < shape->n_columns; i++) {
        slice->values[i] = value_of(&shape->columns[i], batch->columns[i], row);
    }
    return host_store_exec(slice->tx, slice->insert, slice->values, (uint32_t)shape->n_columns,
                           NULL, err);
}

static cim_status
write_slice(void *arg, cim_tx *tx, cim_error *err)
{
    struct slice *slice = arg;
    slice->tx = tx;
    return host_copy_slice(slice->source, slice->shape, slice->after, SLICE_ROWS, insert_row, slice,
                           &slice->n, &slice->last, err);
}

static cim_status
make_insert(const struct host_copy_shape *shape, struct cim_buf *out, cim_error *err)
{
    cim_buf_addf(out, "insert into %s (", shape->table);
    for (int32_t i = 0; i < shape->n_columns; i++) {
        cim_buf_addf(out, "%s%s", i > 0 ? ", " : "", shape->columns[i].name);
    }
    cim_buf_add_text(out, ") values (");
    for (int32_t i = 0; i < shape->n_columns; i++) {
        const char *word = shape->columns[i].word;
        const bool is_macro = strcmp(word, "geom") == 0 || strcmp(word, "time") == 0;
        cim_buf_add_text(out, i > 0 ? ", " : "");
        if (is_macro) {
            cim_buf_addf(out, "{%s :%s}", word, shape->columns[i].name);
        } else {
            cim_buf_addf(out, ":%s", shape->columns[i].name);
        }
    }
    cim_buf_add_text(out, ")");
    return cim_buf_status(out, err);
}

static cim_status
read_last_fid(struct host_store *store, const char *table, int64_t *ret_fid, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_text("table", table)};
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(store, store->driver->last_fid, values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    *ret_fid = there ? host_row_i64(&row, 0) : 0;
    return CIM_OK;
}

struct numbering {
    const char *table;
    int64_t last_fid;
};

static cim_status
number_on(void *arg, cim_tx *tx, cim_error *err)
{
    const struct numbering *numbering = arg;
    return tx->store->driver->set_last_fid(tx, numbering->table, numbering->last_fid, err);
}

/* Numbers of records that are gone are not given out again: the log and the audit know them. */
static cim_status
copy_numbering(const struct copy *copy, const struct host_copy_shape *shape, int64_t last,
               cim_error *err)
{
    struct numbering numbering = {.table = shape->table};
    CIM_TRY(read_last_fid(copy->options->source, shape->table, &numbering.last_fid, err));
    if (numbering.last_fid < last) {
        numbering.last_fid = last;
    }
    return numbering.last_fid > 0
               ? host_store_write(copy->options->target, number_on, &numbering, NULL, err)
               : CIM_OK;
}

static cim_status
copy_rows(struct copy *copy, const struct host_copy_shape *shape, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf insert;
    CIM_AUTO_FREE cim_value *values = calloc((size_t)shape->n_columns, sizeof *values);
    char clear[HOST_COPY_NAME_MAX + 16];
    struct slice slice = {.source = copy->options->source,
                          .shape = shape,
                          .values = values,
                          .after = INT64_MIN,
                          .n = SLICE_ROWS};
    cim_buf_init(&insert, CIM_SQL_TEXT_MAX);
    if (values == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(make_insert(shape, &insert, err));
    slice.insert = insert.data;
    (void)snprintf(clear, sizeof clear, "delete from %s", shape->table);
    CIM_TRY(host_store_write_one(copy->options->target, clear, NULL, 0, NULL, err));
    while (slice.n == SLICE_ROWS) {
        CIM_TRY(host_store_write(copy->options->target, write_slice, &slice, NULL, err));
        slice.after = slice.n > 0 ? slice.last : slice.after;
        CIM_TRY(host_copy_tell(&copy->pace, slice.n, err));
    }
    return shape->numbered ? copy_numbering(copy, shape, slice.after, err) : CIM_OK;
}

/* ---- the tables ---- */

/* The source's columns, in the target's order. */
static cim_status
match(const struct host_copy_shape *source, const struct host_copy_shape *target, cim_error *err)
{
    bool same = source->n_columns == target->n_columns;
    for (int32_t i = 0; same && i < target->n_columns; i++) {
        bool found = false;
        for (int32_t j = 0; j < source->n_columns && !found; j++) {
            found = strcmp(source->columns[j].name, target->columns[i].name) == 0 &&
                    strcmp(source->columns[j].word, target->columns[i].word) == 0;
        }
        same = found;
    }
    return same ? CIM_OK
                : cim_fail(err, CIM_E_STATE, "table", target->table,
                           "列在两库中不同（被别的程序改过？）",
                           "the columns are not the same on both sides (did another program alter "
                           "it?)");
}

static cim_status
copy_table(struct copy *copy, struct host_copy_table *table, const struct host_copy_shape *source,
           const struct host_copy_shape *target, cim_error *err)
{
    CIM_TRY(match(source, target, err));
    CIM_TRY(copy_rows(copy, target, err));
    CIM_TRY(
        host_copy_content_read(copy->options->source, target, &copy->pace, &table->source, err));
    CIM_TRY(
        host_copy_content_read(copy->options->target, target, &copy->pace, &table->target, err));
    if (table->source.n_rows == table->target.n_rows &&
        strcmp(table->source.hash, table->target.hash) == 0) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_STATE, "table", table->name,
                    "两边不同：源 %lld 行 %.12s，目标 %lld 行 %.12s",
                    "the sides differ: source %lld rows %.12s, target %lld rows %.12s",
                    (long long)table->source.n_rows, table->source.hash,
                    (long long)table->target.n_rows, table->target.hash);
}

static cim_status
read_and_copy_table(struct copy *copy, struct host_copy_table *table, cim_error *err)
{
    struct host_copy_shape source = {0};
    struct host_copy_shape target = {0};
    cim_error why = {0};
    cim_status status = host_copy_shape_read(copy->options->source, table->name, &source, &why);
    if (status == CIM_OK) {
        status = host_copy_shape_read(copy->options->target, table->name, &target, &why);
    }
    if (status == CIM_OK) {
        status = copy_table(copy, table, &source, &target, &why);
    }
    host_copy_shape_done(&source);
    host_copy_shape_done(&target);
    return status == CIM_OK ? CIM_OK
                            : cim_fail(err, status, "table", table->name, "%s：%s%.0s",
                                       "%s: %.0s%s", table->name, why.zh, why.en);
}

static cim_status
count_all(struct copy *copy, const struct host_copy_report *report, cim_error *err)
{
    for (int32_t i = 0; i < report->n_tables; i++) {
        char sql[HOST_COPY_NAME_MAX + 32];
        int64_t n = 0;
        (void)snprintf(sql, sizeof sql, "select count(*) from %s", report->tables[i].name);
        CIM_TRY(host_copy_count(copy->options->source, sql, &n, err));
        copy->pace.n_total += 3 * n; /* copied, then read on both sides */
    }
    return CIM_OK;
}

cim_status
host_store_copy(const struct host_copy_options *options, struct host_copy_report *report,
                cim_error *err)
{
    struct copy copy = {
        .options = options,
        .pace = {.progress = options->progress, .arg = options->arg},
    };
    const char *unnumbered = options->source->driver->unnumbered;
    int64_t n_waiting = 0;
    if (unnumbered != NULL) {
        CIM_TRY(host_copy_count(options->source, unnumbered, &n_waiting, err));
    }
    if (n_waiting > 0) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL,
                        "源库有 %lld 条变更尚未编号，请先运行 cim-host migrate",
                        "%lld changes of the source have no position yet: run cim-host migrate "
                        "first",
                        (long long)n_waiting);
    }
    CIM_TRY(host_copy_list_tables(options->target, report, err));
    CIM_TRY(count_all(&copy, report, err));
    for (int32_t i = 0; i < report->n_tables; i++) {
        CIM_TRY(read_and_copy_table(&copy, &report->tables[i], err));
    }
    return CIM_OK;
}

cim_status
host_store_is_empty(struct host_store *store, bool *ret_empty, cim_error *err)
{
    struct host_copy_shape shape = {0};
    CIM_TRY(host_copy_shape_read(store, "cim_migration", &shape, err));
    *ret_empty = shape.n_columns == 0;
    host_copy_shape_done(&shape);
    return CIM_OK;
}
