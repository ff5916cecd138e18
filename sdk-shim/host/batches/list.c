/* host/batches/list.c -- batches as JSON, and one of them; what an undo reports. */
#include "host/batches/batches.h"

#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/buf.h"
#include "kit/time.h"

enum { SQL_MAX = 1024, VALUES_MAX = 4 };

static const char *
op_name(int64_t op)
{
    return op == CIM_EDIT_CREATE ? "create" : op == CIM_EDIT_DELETE ? "delete" : "update";
}

static void
copy_cell(const struct host_row *row, uint32_t column, char *to, size_t capacity)
{
    CIM_AUTO_FREE char *text = host_row_text(row, column);
    cim_copy_text(to, capacity, text);
}

cim_status
host_batch_load(struct host_app *app, const char *id, struct host_batch *ret_batch, cim_error *err)
{
    static const char sql[] = "select principal, layer, op, records, undone_by from cim_batch "
                              "where id = :id";
    const cim_value value = host_value_text("id", id);
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {.rows = NULL};
    bool there = false;
    CIM_TRY(host_store_read(app->store, sql, &value, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return cim_fail(err, CIM_E_NOTFOUND, "id", id, "没有这个批次，或已过保留期",
                        "there is no such batch, or its time is over");
    }
    *ret_batch = (struct host_batch){.op = (int32_t)host_row_i64(&row, 2),
                                     .n_records = host_row_i64(&row, 3),
                                     .undone = host_row_has(&row, 4)};
    cim_copy_text(ret_batch->id, sizeof ret_batch->id, id);
    copy_cell(&row, 0, ret_batch->principal, sizeof ret_batch->principal);
    copy_cell(&row, 1, ret_batch->layer, sizeof ret_batch->layer);
    return CIM_OK;
}

static void
add_cell(struct cim_buf *out, const char *name, const struct host_row *row, uint32_t column)
{
    size_t len = 0;
    if (host_row_has(row, column)) {
        const uint8_t *bytes = cim_column_bytes(row->batch->columns[column], row->at, &len);
        cim_buf_addf(out, ",\"%s\":", name);
        cim_buf_add_json_text(out, (const char *)bytes, len);
    }
}

static void
write_batch(struct cim_buf *out, const struct host_row *row)
{
    size_t len = 0;
    char time[CIM_TIME_TEXT_MAX];
    cim_time_format(host_row_i64(row, 2), time);
    cim_buf_add_text(out, "{\"id\":");
    const uint8_t *id = cim_column_bytes(row->batch->columns[1], row->at, &len);
    cim_buf_add_json_text(out, (const char *)id, len);
    cim_buf_addf(out, ",\"at\":\"%s\",\"op\":\"%s\",\"records\":%lld", time,
                 op_name(host_row_i64(row, 3)), (long long)host_row_i64(row, 4));
    add_cell(out, "layer", row, 5);
    add_cell(out, "principal", row, 6);
    add_cell(out, "request_id", row, 7);
    add_cell(out, "undo_of", row, 8);
    add_cell(out, "undone_by", row, 9);
    cim_buf_add_char(out, '}');
}

static cim_status
write_page(struct host_app *app, const char *sql, const cim_value *values, uint32_t n_values,
           int32_t limit, const char *joint, struct cim_buf *out, int64_t *ret_next, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {.rows = NULL};
    int64_t last = 0;
    bool there = true;
    CIM_TRY(host_store_read(app->store, sql, values, n_values, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    for (int32_t n = 0; there && n < limit; n++) {
        cim_buf_add_text(out, n > 0 ? joint : "");
        write_batch(out, &row);
        last = host_row_i64(&row, 0);
        CIM_TRY(host_row_next(&row, &there, err));
    }
    *ret_next = there ? last : 0;
    return cim_buf_status(out, err);
}

cim_status
host_batches_list(struct host_app *app, const struct host_batch_filter *filter, const char *joint,
                  struct cim_buf *out, int64_t *ret_next, cim_error *err)
{
    cim_value values[VALUES_MAX];
    uint32_t n_values = 0;
    CIM_AUTO_BUF struct cim_buf sql;
    cim_buf_init(&sql, SQL_MAX);
    cim_buf_add_text(&sql, "select fid, id, {ms at}, op, records, layer, principal, request_id, "
                           "undo_of, undone_by from cim_batch where 1 = 1");
    if (filter->principal != NULL) {
        cim_buf_add_text(&sql, " and principal = :principal");
        values[n_values++] = host_value_text("principal", filter->principal);
    }
    if (filter->layer != NULL) {
        cim_buf_add_text(&sql, " and layer = :layer");
        values[n_values++] = host_value_text("layer", filter->layer);
    }
    if (filter->before > 0) {
        cim_buf_add_text(&sql, " and fid < :before");
        values[n_values++] = host_value_i64("before", filter->before);
    }
    cim_buf_add_text(&sql, " order by fid desc limit :most");
    values[n_values++] = host_value_i64("most", filter->limit + 1);
    CIM_TRY(cim_buf_status(&sql, err));
    return write_page(app, sql.data, values, n_values, filter->limit, joint, out, ret_next, err);
}

/* ---- the report ---- */

void
host_undo_report_write(const struct host_undo_report *report, const struct host_batch *batch,
                       struct cim_buf *out)
{
    cim_buf_addf(out, "\"undone\":\"%s\",\"batch\":", batch->id);
    if (report->batch[0] != '\0') {
        cim_buf_add_json_text(out, report->batch, SIZE_MAX);
    } else {
        cim_buf_add_text(out, "null");
    }
    cim_buf_addf(out, ",\"written\":%lld,\"refused\":[", (long long)report->n_written);
    for (int32_t i = 0; i < report->n_refusals; i++) {
        const cim_error *why = &report->refusals[i].why;
        cim_buf_addf(out, "%s{\"fid\":%lld", i > 0 ? "," : "", (long long)report->refusals[i].fid);
        cim_buf_add_member(out, "field", why->param);
        cim_buf_add_member(out, "value", why->value);
        cim_buf_add_member(out, "zh", why->zh);
        cim_buf_add_member(out, "en", why->en);
        cim_buf_add_char(out, '}');
    }
    cim_buf_addf(out, "],\"refused_total\":%lld", (long long)report->n_refused);
}
