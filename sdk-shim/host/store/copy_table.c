/* host/store/copy_table.c -- a table as both databases tell it, and its rows in slices. */
#include "host/store/copy.h"
#include "host/store/driver.h"
#include "host/store/row.h"

#include "kit/buf.h"
#include "kit/sql.h"

#include <strings.h>

static cim_status
copy_cell(const struct host_row *row, uint32_t column, char *out, size_t out_size, cim_error *err)
{
    CIM_AUTO_FREE char *text = host_row_text(row, column);
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    cim_copy_text(out, out_size, text);
    return CIM_OK;
}

static cim_status
word_of(const struct host_driver *driver, const char *table, struct host_copy_column *column,
        const char *type, cim_error *err)
{
    static const char *const words[] = {"text", "int", "real", "bool", "date", "time"};
    static const char *const geometries[] = {"Point",      "LineString",      "Polygon",
                                             "MultiPoint", "MultiLineString", "MultiPolygon"};
    char name[64];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(driver->type_of_word(words[i]), type) == 0) {
            cim_copy_text(column->word, sizeof column->word, words[i]);
            return CIM_OK;
        }
    }
    for (size_t i = 0; i < sizeof geometries / sizeof geometries[0]; i++) {
        driver->type_of_geometry(geometries[i], name, sizeof name);
        if (strcasecmp(name, type) == 0) {
            cim_copy_text(column->word, sizeof column->word, "geom");
            return CIM_OK;
        }
    }
    return cim_fail(err, CIM_E_UNSUPPORTED, column->name, type, "数据表 %s 的列 %s 类型 %s 未知",
                    "table %s: the type of column %s is %s, which no migration makes", table,
                    column->name, type);
}

static cim_status
read_columns(struct host_store *store, struct host_copy_shape *shape, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_text("table", shape->table)};
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(store, store->driver->table_columns, values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    while (there) {
        struct host_copy_column *column = &shape->columns[shape->n_columns];
        char type[HOST_COPY_NAME_MAX];
        if (shape->n_columns == HOST_STORE_COLUMNS_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "table", shape->table, "数据表 %s 超过 %d 列",
                            "table %s has more than %d columns", shape->table,
                            HOST_STORE_COLUMNS_MAX);
        }
        CIM_TRY(copy_cell(&row, 0, column->name, sizeof column->name, err));
        CIM_TRY(copy_cell(&row, 1, type, sizeof type, err));
        CIM_TRY(word_of(store->driver, shape->table, column, type, err));
        shape->numbered = shape->numbered || strcmp(column->name, "fid") == 0;
        shape->n_columns++;
        CIM_TRY(host_row_next(&row, &there, err));
    }
    return CIM_OK;
}

static cim_status
read_key(struct host_store *store, struct host_copy_shape *shape, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_text("table", shape->table)};
    struct host_row row = {0};
    bool there = false;
    int32_t n_keys = 0;
    char name[HOST_COPY_NAME_MAX] = "";
    shape->key = -1;
    CIM_TRY(host_store_read(store, store->driver->table_key, values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    while (there) {
        CIM_TRY(copy_cell(&row, 0, name, sizeof name, err));
        n_keys++;
        CIM_TRY(host_row_next(&row, &there, err));
    }
    for (int32_t i = 0; n_keys == 1 && i < shape->n_columns; i++) {
        if (strcmp(shape->columns[i].name, name) == 0 &&
            strcmp(shape->columns[i].word, "int") == 0) {
            shape->key = i;
        }
    }
    return shape->key >= 0 ? CIM_OK
                           : cim_fail(err, CIM_E_UNSUPPORTED, "table", shape->table,
                                      "数据表 %s 的主键不是单个整数列，无法搬移",
                                      "table %s cannot be moved: its primary key is no single "
                                      "column of whole numbers",
                                      shape->table);
}

cim_status
host_copy_shape_read(struct host_store *store, const char *table, struct host_copy_shape *ret_shape,
                     cim_error *err)
{
    struct host_copy_shape shape = {.table = table};
    cim_status status = CIM_OK;
    shape.columns = calloc(HOST_STORE_COLUMNS_MAX, sizeof *shape.columns);
    if (shape.columns == NULL) {
        return cim_fail_nomem(err);
    }
    status = read_columns(store, &shape, err);
    if (status == CIM_OK && shape.n_columns > 0) {
        status = read_key(store, &shape, err);
    }
    if (status != CIM_OK) {
        host_copy_shape_done(&shape);
        return status;
    }
    *ret_shape = shape;
    return CIM_OK;
}

void
host_copy_shape_done(struct host_copy_shape *shape)
{
    free(shape->columns);
    *shape = (struct host_copy_shape){0};
}

static cim_status
each_row(const struct host_copy_shape *shape, cim_rows *rows, host_copy_row_fn each, void *arg,
         int64_t *ret_n, int64_t *ret_last, cim_error *err)
{
    const cim_batch *batch = NULL;
    int64_t n = 0;
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t i = 0; i < batch->n_rows; i++) {
            CIM_TRY(each(arg, shape, batch, i, err));
            *ret_last = cim_column_i64(batch->columns[shape->key], i);
        }
        n += batch->n_rows;
    } while (batch->n_rows > 0);
    *ret_n = n;
    return CIM_OK;
}

cim_status
host_copy_slice(struct host_store *store, const struct host_copy_shape *shape, int64_t after,
                int64_t most, host_copy_row_fn each, void *arg, int64_t *ret_n, int64_t *ret_last,
                cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_BUF struct cim_buf sql;
    const char *key = shape->columns[shape->key].name;
    const cim_value values[] = {host_value_i64("after", after), host_value_i64("most", most)};
    cim_buf_init(&sql, CIM_SQL_TEXT_MAX);
    cim_buf_add_text(&sql, "select ");
    for (int32_t i = 0; i < shape->n_columns; i++) {
        const bool is_geometry = strcmp(shape->columns[i].word, "geom") == 0;
        cim_buf_addf(&sql, is_geometry ? "%s{wkb %s}" : "%s%s", i > 0 ? ", " : "",
                     shape->columns[i].name);
    }
    cim_buf_addf(&sql, " from %s where %s > :after order by %s limit :most", shape->table, key,
                 key);
    CIM_TRY(cim_buf_status(&sql, err));
    CIM_TRY(host_store_read(store, sql.data, values, 2, &rows, err));
    return each_row(shape, rows, each, arg, ret_n, ret_last, err);
}
