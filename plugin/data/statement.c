/* plugin/data/statement.c -- SQL that grows together with its bound values. */
#include "data/internal.h"

#include "cim/util.h"

#include <stdlib.h>

cim_status
lpg_statement_init(struct lpg_statement *statement, cim_error *err)
{
    *statement = (struct lpg_statement){.n_values = 0};
    cim_buf_init(&statement->sql, LPG_STATEMENT_TEXT_MAX);
    cim_buf_init(&statement->texts, LPG_STATEMENT_BYTES_MAX);
    statement->values = malloc(LPG_STATEMENT_VALUES_MAX * sizeof *statement->values);
    statement->bounds = malloc(LPG_STATEMENT_VALUES_MAX * sizeof *statement->bounds);
    if (statement->values == NULL || statement->bounds == NULL) {
        return cim_fail_nomem(err);
    }
    return CIM_OK;
}

void
lpg_statement_done(struct lpg_statement *statement)
{
    cim_buf_done(&statement->sql);
    cim_buf_done(&statement->texts);
    free(statement->values);
    free(statement->bounds);
}

void
lpg_sql(struct lpg_statement *statement, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text) {
        statement->failed = CIM_E_INTERNAL;
        return;
    }
    cim_buf_add(&statement->sql, text, (size_t)len);
}

/* The next value with a name of its own, or NULL when there are too many. */
static cim_value *
next_value(struct lpg_statement *statement, uint32_t type)
{
    if (statement->failed != CIM_OK || statement->n_values == LPG_STATEMENT_VALUES_MAX) {
        statement->failed = statement->failed != CIM_OK ? statement->failed : CIM_E_TOO_LARGE;
        return NULL;
    }
    const uint32_t i = statement->n_values++;
    struct lpg_bound *bound = &statement->bounds[i];
    (void)snprintf(bound->name, sizeof bound->name, "p%u", i);
    statement->values[i] = (cim_value){.name = bound->name, .type = type};
    return &statement->values[i];
}

static void
add_parameter(struct lpg_statement *statement, const cim_value *value)
{
    cim_buf_add_char(&statement->sql, ':');
    cim_buf_add_text(&statement->sql, value->name);
}

void
lpg_sql_int(struct lpg_statement *statement, int64_t number)
{
    cim_value *value = next_value(statement, CIM_COL_INT64);
    if (value != NULL) {
        value->v.i64 = number;
        add_parameter(statement, value);
    }
}

void
lpg_sql_real(struct lpg_statement *statement, double number)
{
    cim_value *value = next_value(statement, CIM_COL_FLOAT64);
    if (value != NULL) {
        value->v.f64 = number;
        add_parameter(statement, value);
    }
}

void
lpg_sql_text(struct lpg_statement *statement, const char *text, size_t len)
{
    cim_value *value = next_value(statement, CIM_COL_TEXT);
    if (value != NULL) {
        statement->bounds[statement->n_values - 1].offset = statement->texts.len;
        value->len = (uint32_t)len;
        cim_buf_add(&statement->texts, text, len);
        add_parameter(statement, value);
    }
}

const char *
lpg_sql_geometry(struct lpg_statement *statement, const char *wkb, size_t len)
{
    cim_value *value = next_value(statement, CIM_COL_WKB);
    if (value == NULL) {
        return "";
    }
    statement->bounds[statement->n_values - 1].offset = statement->texts.len;
    value->len = (uint32_t)len;
    cim_buf_add(&statement->texts, wkb, len);
    return value->name;
}

void
lpg_sql_time(struct lpg_statement *statement, int64_t ms)
{
    cim_value *value = next_value(statement, CIM_COL_TIME_MS);
    if (value != NULL) {
        value->v.i64 = ms;
        cim_buf_add_text(&statement->sql, "{time ");
        add_parameter(statement, value);
        cim_buf_add_char(&statement->sql, '}');
    }
}

void
lpg_sql_named_real(struct lpg_statement *statement, const char *name, double number)
{
    cim_value *value = next_value(statement, CIM_COL_FLOAT64);
    if (value != NULL) {
        struct lpg_bound *bound = &statement->bounds[statement->n_values - 1];
        cim_copy_text(bound->name, sizeof bound->name, name);
        value->v.f64 = number;
    }
}

cim_status
lpg_statement_finish(struct lpg_statement *statement, cim_error *err)
{
    if (statement->failed == CIM_E_TOO_LARGE) {
        return cim_fail(err, CIM_E_TOO_LARGE, "filter", NULL, "查询条件过多，最多 %d 个值",
                        "the query has too many conditions: at most %d values",
                        LPG_STATEMENT_VALUES_MAX);
    }
    if (statement->failed != CIM_OK) {
        return cim_fail(err, statement->failed, NULL, NULL, "查询语句构造失败",
                        "the statement could not be built");
    }
    CIM_TRY(cim_buf_status(&statement->sql, err));
    CIM_TRY(cim_buf_status(&statement->texts, err));
    for (uint32_t i = 0; i < statement->n_values; i++) {
        cim_value *value = &statement->values[i];
        if (value->type == CIM_COL_TEXT || value->type == CIM_COL_WKB) {
            const char *base = statement->texts.data != NULL ? statement->texts.data : "";
            value->v.ptr = base + statement->bounds[i].offset;
        }
    }
    return CIM_OK;
}

struct lpg_mark
lpg_statement_mark(const struct lpg_statement *statement)
{
    return (struct lpg_mark){statement->sql.len, statement->texts.len, statement->n_values};
}

void
lpg_statement_rewind(struct lpg_statement *statement, struct lpg_mark mark)
{
    statement->sql.len = mark.sql_len;
    statement->sql.data[mark.sql_len] = '\0';
    statement->texts.len = mark.texts_len;
    statement->n_values = mark.n_values;
}

static uint64_t
hash_bytes(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)data;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * 1099511628211U;
    }
    return hash;
}

uint64_t
lpg_statement_hash(const struct lpg_statement *statement)
{
    uint64_t hash = hash_bytes(14695981039346656037U, statement->sql.data, statement->sql.len);
    for (uint32_t i = 0; i < statement->n_values; i++) {
        const cim_value *value = &statement->values[i];
        hash = hash_bytes(hash, &value->type, sizeof value->type);
        hash = value->type == CIM_COL_TEXT || value->type == CIM_COL_WKB
                   ? hash_bytes(hash, value->v.ptr, value->len)
                   : hash_bytes(hash, &value->v, sizeof value->v);
    }
    return hash != 0 ? hash : 1;
}

cim_status
lpg_statement_read(const struct lpg_data *data, const struct lpg_statement *statement,
                   cim_rows **ret_rows, cim_error *err)
{
    return data->store->read(data->host, statement->sql.data, statement->values,
                             statement->n_values, ret_rows, err);
}
