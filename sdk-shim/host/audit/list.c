/* host/audit/list.c -- entries as JSON, filtered, in pages. */
#include "host/audit/internal.h"

#include "cim/util.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/time.h"

enum { VALUES_MAX = 10, SQL_MAX = 2048 };

struct query {
    struct cim_buf sql;
    uint32_t n_values;
    cim_value values[VALUES_MAX];
};

static void
add_condition(struct query *query, const char *condition, cim_value value)
{
    cim_buf_add_text(&query->sql, query->n_values > 0 ? " and " : " where ");
    cim_buf_add_text(&query->sql, condition);
    query->values[query->n_values++] = value;
}

static void
add_text_condition(struct query *query, const char *condition, const char *name, const char *text)
{
    if (text != NULL) {
        add_condition(query, condition, host_value_text(name, text));
    }
}

static cim_value
time_value(const char *name, int64_t ms)
{
    return (cim_value){.name = name, .type = CIM_COL_TIME_MS, .v.i64 = ms};
}

static void
write_query(struct query *query, const struct host_audit_filter *filter)
{
    cim_buf_add_text(&query->sql, "select seq, {ms at}, " HOST_AUDIT_NAMES " from cim_audit");
    add_text_condition(query, "principal = :principal", "principal", filter->principal);
    add_text_condition(query, "action = :action", "action", filter->action);
    add_text_condition(query, "layer = :layer", "layer", filter->layer);
    add_text_condition(query, "record_uid = :uid", "uid", filter->uid);
    if (filter->fid > 0) {
        add_condition(query, "record_fid = :fid", host_value_i64("fid", filter->fid));
    }
    if (filter->from_ms != INT64_MIN) {
        add_condition(query, "at >= {time :from_time}", time_value("from_time", filter->from_ms));
    }
    if (filter->to_ms != INT64_MAX) {
        add_condition(query, "at < {time :to_time}", time_value("to_time", filter->to_ms));
    }
    if (filter->after > 0) {
        add_condition(query, filter->oldest_first ? "seq > :after" : "seq < :after",
                      host_value_i64("after", filter->after));
    }
    cim_buf_addf(&query->sql, " order by seq%s limit :most", filter->oldest_first ? "" : " desc");
    query->values[query->n_values++] = host_value_i64("most", filter->limit + 1);
}

/* ---- an entry ---- */

static void
add_name(struct cim_buf *out, const char *name)
{
    cim_buf_addf(out, ",\"%s\":", name);
}

static void
add_cell(struct cim_buf *out, const char *name, const struct host_row *row, uint32_t column)
{
    const cim_column *cells = row->batch->columns[column];
    size_t len = 0;
    if (!host_row_has(row, column)) {
        return;
    }
    add_name(out, name);
    if (cells->type == CIM_COL_TEXT) {
        const uint8_t *bytes = cim_column_bytes(cells, row->at, &len);
        cim_buf_add_json_text(out, (const char *)bytes, len);
    } else {
        cim_buf_add_int(out, cim_column_i64(cells, row->at));
    }
}

static void
write_entry(struct cim_buf *out, const struct host_row *row)
{
    static const char *const names[] = {"principal", "action",    "layer",      "fid",    "uid",
                                        "area_code", "owner_org", "request_id", "address"};
    enum { N_NAMES = sizeof names / sizeof names[0], DETAIL = 2 + N_NAMES, RESULT };
    char time[CIM_TIME_TEXT_MAX];
    size_t len = 0;
    cim_time_format(host_row_i64(row, 1), time);
    cim_buf_addf(out, "{\"seq\":%lld,\"at\":\"%s\"", (long long)host_row_i64(row, 0), time);
    for (uint32_t i = 0; i < N_NAMES; i++) {
        add_cell(out, names[i], row, 2 + i);
    }
    if (host_row_has(row, DETAIL)) { /* an object already */
        const uint8_t *bytes = cim_column_bytes(row->batch->columns[DETAIL], row->at, &len);
        add_name(out, "detail");
        cim_buf_add(out, bytes, len);
    }
    add_cell(out, "result", row, RESULT);
    cim_buf_add_char(out, '}');
}

cim_status
host_audit_list(struct host_store *store, const struct host_audit_filter *filter, const char *joint,
                struct cim_buf *out, struct host_audit_page *ret_page, cim_error *err)
{
    struct query query = {.n_values = 0};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {.rows = NULL};
    struct host_audit_page page = {.n = 0};
    bool there = true;
    cim_buf_init(&query.sql, SQL_MAX);
    write_query(&query, filter);
    cim_status status = cim_buf_status(&query.sql, err);
    if (status == CIM_OK) {
        status = host_store_read(store, query.sql.data, query.values, query.n_values, &rows, err);
    }
    row.rows = rows;
    while (status == CIM_OK && there) {
        status = host_row_next(&row, &there, err);
        page.more = there && page.n == filter->limit;
        if (status != CIM_OK || !there || page.more) {
            break;
        }
        cim_buf_add_text(out, page.n++ > 0 ? joint : "");
        write_entry(out, &row);
        page.last = host_row_i64(&row, 0);
    }
    if (rows != NULL) { /* it reads the statement's text until its end */
        rows->release(CIM_TAKE(rows));
    }
    cim_buf_done(&query.sql);
    CIM_TRY(status);
    CIM_TRY(cim_buf_status(out, err));
    *ret_page = page;
    return CIM_OK;
}
