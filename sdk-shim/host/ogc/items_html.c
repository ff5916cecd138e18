/* host/ogc/items_html.c -- see items_html.h. */
#include "host/ogc/items_html.h"

#include "cim/util.h"
#include "host/ogc/encode.h"
#include "host/ogc/html.h"
#include "host/ogc/page.h"
#include "host/ogc/schema.h"
#include "host/ogc/sketch.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/time.h"

enum { TABLE_COLUMNS_MAX = 9 };

static void
add_heading(struct cim_buf *out, const struct cim_definition *def, const char *name)
{
    const struct cim_field *field = cim_definition_field(def, name);
    const char *zh = NULL;
    const char *en = NULL;
    if (field != NULL) {
        host_html_label(out, field->title.zh, field->title.en);
    } else if (host_schema_record_title(name, &zh, &en)) {
        host_html_label(out, zh, en);
    } else {
        cim_buf_add_html(out, name);
    }
}

/* A value as a person reads it: code titles, Beijing time. */
static void
add_cell(struct cim_buf *out, const struct cim_definition *def, const cim_column *column,
         int64_t row)
{
    const struct cim_field *field = cim_definition_field(def, column->name);
    char text[CIM_TIME_TEXT_MAX];
    struct cim_buf plain;
    if (!cim_column_present(column, row)) {
        cim_buf_add_text(out, "<span class=\"none\">—</span>");
        return;
    }
    if (column->type == CIM_COL_TIME_MS) {
        cim_time_format_local(cim_column_i64(column, row), text);
        cim_buf_add_html(out, text);
        return;
    }
    if (column->type == CIM_COL_BOOL) {
        const bool yes = cim_column_i64(column, row) != 0;
        host_html_label(out, yes ? "是" : "否", yes ? "yes" : "no");
        return;
    }
    cim_buf_init(&plain, HOST_DOC_BYTES_MAX);
    host_encode_plain(column, row, &plain);
    if (plain.failed == CIM_OK && plain.data != NULL) {
        const struct cim_code *code =
            field != NULL && field->codes != NULL ? cim_code_find(field->codes, plain.data) : NULL;
        if (code != NULL) {
            host_html_label(out, code->title.zh, code->title.en);
        } else {
            cim_buf_add_html(out, plain.data);
        }
        if (field != NULL && field->unit != NULL) {
            cim_buf_add_text(out, " ");
            cim_buf_add_html(out, field->unit);
        }
    }
    cim_buf_done(&plain);
}

/* The columns of the table: what the popup shows, at most a screen's width. */
static size_t
choose_columns(const struct cim_definition *def, const cim_rows *rows,
               const struct host_items_request *request, int32_t ret_columns[TABLE_COLUMNS_MAX])
{
    size_t n = 0;
    if (request->query.properties != NULL) {
        for (uint32_t i = 0; i < request->query.n_properties && n < TABLE_COLUMNS_MAX; i++) {
            const int32_t at = cim_rows_column(rows, request->query.properties[i]);
            if (at >= 0) {
                ret_columns[n++] = at;
            }
        }
        return n;
    }
    for (size_t i = 0; i < def->n_popup && n < TABLE_COLUMNS_MAX - 2; i++) {
        const int32_t at = cim_rows_column(rows, def->popup[i]->name);
        if (at >= 0) {
            ret_columns[n++] = at;
        }
    }
    static const char *const last[] = {"area_code", "updated_at"};
    for (size_t i = 0; i < 2; i++) {
        const int32_t at = cim_rows_column(rows, last[i]);
        if (at >= 0) {
            ret_columns[n++] = at;
        }
    }
    return n;
}

struct table {
    const struct host_ask *ask;
    const struct cim_definition *def;
    struct cim_buf *rows_html;
    struct host_sketch *sketch;
    int32_t fid;
    int32_t geom;
    size_t n_columns;
    int32_t columns[TABLE_COLUMNS_MAX];
    int64_t n_rows;
};

static void
add_row(struct table *table, const cim_batch *batch, int64_t row)
{
    struct cim_buf *out = table->rows_html;
    const int64_t fid = cim_column_i64(batch->columns[table->fid], row);
    cim_buf_add_text(out, "<tr><td><a href=\"");
    cim_buf_add_html(out, table->ask->path);
    cim_buf_addf(out, "/%lld?f=html\">%lld</a></td>", (long long)fid, (long long)fid);
    for (size_t i = 0; i < table->n_columns; i++) {
        cim_buf_add_text(out, "<td>");
        add_cell(out, table->def, batch->columns[table->columns[i]], row);
        cim_buf_add_text(out, "</td>");
    }
    cim_buf_add_text(out, "</tr>\n");
    if (table->geom >= 0 && cim_column_present(batch->columns[table->geom], row)) {
        size_t len = 0;
        const uint8_t *wkb = cim_column_bytes(batch->columns[table->geom], row, &len);
        host_sketch_add(table->sketch, wkb, len);
    }
    table->n_rows++;
}

static cim_status
fill_table(struct table *table, cim_rows *rows, const struct host_items_request *request,
           cim_error *err)
{
    const cim_batch *batch = NULL;
    table->fid = cim_rows_column(rows, "fid");
    table->geom = cim_rows_column(rows, "geom");
    table->n_columns = choose_columns(table->def, rows, request, table->columns);
    if (table->fid < 0) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "图层的行缺少 fid 列",
                        "the layer's rows have no fid column");
    }
    cim_buf_add_text(table->rows_html, "<tr><th>编号<span class=\"en\">id</span></th>");
    for (size_t i = 0; i < table->n_columns; i++) {
        cim_buf_add_text(table->rows_html, "<th>");
        add_heading(table->rows_html, table->def, rows->names[table->columns[i]]);
        cim_buf_add_text(table->rows_html, "</th>");
    }
    cim_buf_add_text(table->rows_html, "</tr>\n");
    for (;;) {
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            return CIM_OK;
        }
        for (int64_t row = 0; row < batch->n_rows; row++) {
            add_row(table, batch, row);
        }
    }
}

static void
add_bar(struct cim_buf *out, const struct host_ask *ask, const struct table *table, int64_t count,
        const char *next)
{
    static const char *const paging[] = {"f", "cursor", NULL};
    static const char *const format[] = {"f", NULL};
    struct cim_buf url;
    cim_buf_init(&url, HOST_DOC_BYTES_MAX);
    cim_buf_addf(out,
                 "<div class=\"bar\"><span>共 %lld 条，本页 %lld 条"
                 "<span class=\"en\">%lld matched, %lld here</span></span>",
                 (long long)count, (long long)table->n_rows, (long long)count,
                 (long long)table->n_rows);
    host_query_text(ask, format, &url);
    static const char *const others[][2] = {{"json", "GeoJSON"}, {"csv", "CSV"}};
    for (size_t i = 0; i < 2; i++) {
        cim_buf_add_text(out, "<a href=\"");
        cim_buf_add_html(out, url.data != NULL ? url.data : "?");
        cim_buf_addf(out, "f=%s\">%s</a>", others[i][0], others[i][1]);
    }
    if (next != NULL) {
        cim_buf_clear(&url);
        host_query_text(ask, paging, &url);
        cim_buf_addf(&url, "f=html&cursor=%lld.", (long long)count);
        host_url_encode(&url, next);
        cim_buf_add_text(out, "<a rel=\"next\" href=\"");
        cim_buf_add_html(out, url.data != NULL ? url.data : "?");
        cim_buf_add_text(out, "\">下一页<span class=\"en\">Next</span></a>");
    }
    cim_buf_add_text(out, "</div>\n");
    cim_buf_done(&url);
}

static cim_status
send_table(const struct host_ask *ask, const struct host_visit *visit,
           struct host_items_request *request, cim_error *err)
{
    const cim_layer *layer = &visit->layer->layer;
    const struct cim_definition *def = visit->layer->definition;
    int64_t count = request->known_count;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_BUF struct cim_buf body;
    CIM_AUTO_BUF struct cim_buf table_html;
    HOST_AUTO_SKETCH struct host_sketch sketch;
    struct table table = {
        .ask = ask, .def = def, .rows_html = &table_html, .sketch = &sketch, .n_rows = 0};
    cim_buf_init(&body, HOST_DOC_BYTES_MAX);
    cim_buf_init(&table_html, HOST_DOC_BYTES_MAX);
    host_sketch_init(&sketch);
    request->query.limit = request->limit == 0 || request->limit > HOST_ITEMS_HTML_LIMIT_MAX
                               ? HOST_ITEMS_HTML_LIMIT_MAX
                               : request->limit;
    CIM_TRY(layer->query(layer->self, &visit->call, &request->query, &rows, err));
    CIM_TRY(fill_table(&table, rows, request, err));
    if (count < 0) {
        cim_query all = request->query;
        all.cursor = NULL;
        all.limit = 0;
        all.n_sort = 0;
        CIM_TRY(layer->count(layer->self, &visit->call, &all, &count, err));
    }
    host_html_begin(&body, ask, def->title.zh, def->title.en);
    add_bar(&body, ask, &table, count, rows->cursor != NULL ? rows->cursor(rows) : NULL);
    host_sketch_write(&sketch, &body);
    cim_buf_add_text(&body, "<div class=\"wide\"><table>");
    cim_buf_add(&body, table_html.data != NULL ? table_html.data : "", table_html.len);
    cim_buf_add_text(&body, "</table></div>");
    host_html_end(&body, ask);
    CIM_TRY(cim_buf_status(&table_html, err));
    CIM_TRY(host_html_headers(ask, err));
    return host_ask_send(ask, ask->offer->mime, &body, err);
}

cim_status
host_items_html(const struct host_ask *ask, const char *layer_id,
                struct host_items_request *request, cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    cim_status status = host_visit_layer(&visit, ask->ogc, ask->call, layer_id,
                                         request->export_all ? CIM_ACT_EXPORT : CIM_ACT_READ, err);
    if (status == CIM_OK) {
        status = send_table(ask, &visit, request, err);
    }
    host_items_request_free(request);
    return status;
}

cim_status
host_item_html(const struct host_ask *ask, const struct host_visit *visit,
               const struct host_items_request *request, cim_error *err)
{
    const cim_layer *layer = &visit->layer->layer;
    const struct cim_definition *def = visit->layer->definition;
    const cim_batch *batch = NULL;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_BUF struct cim_buf body;
    HOST_AUTO_SKETCH struct host_sketch sketch;
    cim_buf_init(&body, HOST_DOC_BYTES_MAX);
    host_sketch_init(&sketch);
    CIM_TRY(layer->query(layer->self, &visit->call, &request->query, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    if (batch->n_rows == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "fid", host_http_path_param(ask->req, "fid"),
                        "没有此要素，或您无权查看", "no such feature, or none that you may see");
    }
    host_html_begin(&body, ask, def->title.zh, def->title.en);
    const int32_t geom = cim_rows_column(rows, "geom");
    if (geom >= 0 && cim_column_present(batch->columns[geom], 0)) {
        size_t len = 0;
        const uint8_t *wkb = cim_column_bytes(batch->columns[geom], 0, &len);
        host_sketch_add(&sketch, wkb, len);
        host_sketch_write(&sketch, &body);
    }
    cim_buf_add_text(&body, "<dl>");
    for (uint32_t i = 0; i < rows->n_columns; i++) {
        if ((int32_t)i != geom) {
            cim_buf_add_text(&body, "<dt>");
            add_heading(&body, def, rows->names[i]);
            cim_buf_add_text(&body, "</dt><dd>");
            add_cell(&body, def, batch->columns[i], 0);
            cim_buf_add_text(&body, "</dd>");
        }
    }
    cim_buf_add_text(&body, "</dl>");
    host_html_end(&body, ask);
    CIM_TRY(host_html_headers(ask, err));
    return host_ask_send(ask, ask->offer->mime, &body, err);
}
