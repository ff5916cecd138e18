/* host/batches/undo.c -- a batch backwards, through the layer's write. */
#include "host/batches/batches.h"

#include "host/exchange/exchange.h"
#include "host/plugins/plugins.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/buf.h"
#include "kit/json.h"

#include <json-c/json.h>
#include <stdlib.h>

enum { PAGE_ROWS = 256, BATCH_ROWS = 256, COLUMNS_MAX = CIM_LAYER_FIELDS_MAX + 8 };

struct undo {
    struct host_app *app;
    const struct host_batch *batch;
    struct host_undo_report *report;
    uint32_t n_columns;
    const char *names[COLUMNS_MAX];
    uint32_t types[COLUMNS_MAX];
    cim_rows *page; /* of cim_batch_row, newest first */
    struct host_row row;
    bool started;
    bool ended;
    int64_t before;   /* number of the row before */
    int64_t next_fid; /* of a run: down to first_fid */
    int64_t first_fid;
    int64_t version;
    int64_t n_delivered;
    int64_t *fids; /* of the rows delivered, for their refusals */
    size_t fids_capacity;
    struct cim_buf geometry;
};

/* ---- reading what was noted ---- */

static cim_status
open_page(struct undo *undo, cim_error *err)
{
    static const char sql[] =
        "select fid, record_fid, last_fid, version, image from cim_batch_row where batch = :batch "
        "and fid < :before order by fid desc limit :most";
    const cim_value values[] = {host_value_text("batch", undo->batch->id),
                                host_value_i64("before", undo->before),
                                host_value_i64("most", PAGE_ROWS)};
    if (undo->page != NULL) {
        undo->page->release(CIM_TAKE(undo->page));
    }
    CIM_TRY(host_store_read(undo->app->store, sql, values, 3, &undo->page, err));
    undo->row = (struct host_row){.rows = undo->page};
    return CIM_OK;
}

/* Pages end so that no read connection is held longer than a page takes. */
static cim_status
next_noted(struct undo *undo, bool *ret_there, cim_error *err)
{
    bool fresh = undo->page == NULL;
    if (fresh) {
        CIM_TRY(open_page(undo, err));
    }
    CIM_TRY(host_row_next(&undo->row, ret_there, err));
    if (!*ret_there && !fresh) {
        CIM_TRY(open_page(undo, err));
        CIM_TRY(host_row_next(&undo->row, ret_there, err));
    }
    if (*ret_there) {
        undo->before = host_row_i64(&undo->row, 0);
        undo->first_fid = host_row_i64(&undo->row, 1);
        undo->next_fid = host_row_i64(&undo->row, 2);
        undo->version = host_row_i64(&undo->row, 3);
    }
    return CIM_OK;
}

/* ---- as rows of an edit ---- */

static void
append_int(struct cim_batch_builder *builder, uint32_t column, int64_t number)
{
    char text[24];
    const int n = snprintf(text, sizeof text, "%lld", (long long)number);
    cim_batch_append_bytes(builder, column, text, (size_t)n);
}

static cim_status
append_hex(struct undo *undo, struct cim_batch_builder *builder, uint32_t column, const char *hex,
           cim_error *err)
{
    cim_buf_clear(&undo->geometry);
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        const char pair[] = {hex[0], hex[1], '\0'};
        cim_buf_add_char(&undo->geometry, (char)strtoul(pair, NULL, 16));
    }
    CIM_TRY(cim_buf_status(&undo->geometry, err));
    cim_batch_append_bytes(builder, column, undo->geometry.data, undo->geometry.len);
    return CIM_OK;
}

static cim_status
append_image(struct undo *undo, struct cim_batch_builder *builder, cim_error *err)
{
    CIM_AUTO_FREE char *text = host_row_text(&undo->row, 4);
    struct json_object *image = NULL;
    cim_status status = CIM_OK;
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(cim_json_parse("image", text, strlen(text), &image, err));
    for (uint32_t i = 2; i < undo->n_columns && status == CIM_OK; i++) {
        struct json_object *value = NULL;
        if (!json_object_object_get_ex(image, undo->names[i], &value)) {
            cim_batch_append_null(builder, i);
        } else if (undo->types[i] == CIM_COL_WKB) {
            status = append_hex(undo, builder, i, json_object_get_string(value), err);
        } else {
            cim_batch_append_bytes(builder, i, json_object_get_string(value),
                                   (size_t)json_object_get_string_len(value));
        }
    }
    json_object_put(image);
    return status;
}

static cim_status
remember_fid(struct undo *undo, int64_t fid, cim_error *err)
{
    if ((size_t)undo->n_delivered == undo->fids_capacity) {
        const size_t capacity = undo->fids_capacity == 0 ? 1024 : 2 * undo->fids_capacity;
        int64_t *more = realloc(undo->fids, capacity * sizeof *more);
        if (more == NULL) {
            return cim_fail_nomem(err);
        }
        undo->fids = more;
        undo->fids_capacity = capacity;
    }
    undo->fids[undo->n_delivered++] = fid;
    return CIM_OK;
}

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct undo *undo = self;
    while (!undo->ended && cim_batch_builder_rows(builder) < BATCH_ROWS) {
        bool there = true;
        if (!undo->started || undo->next_fid < undo->first_fid) {
            undo->started = true;
            CIM_TRY(next_noted(undo, &there, err));
        }
        if (!there) {
            undo->ended = true;
            break;
        }
        const int64_t fid = undo->next_fid--;
        append_int(builder, 0, fid);
        append_int(builder, 1, undo->version);
        if (undo->batch->op != CIM_EDIT_CREATE) {
            CIM_TRY(append_image(undo, builder, err));
        }
        CIM_TRY(cim_batch_builder_end_row(builder, err));
        CIM_TRY(remember_fid(undo, fid, err));
    }
    return CIM_OK;
}

static void
release(void *self)
{
    (void)self; /* its opener's */
}

static void
add_column(struct undo *undo, const char *name, uint32_t type)
{
    undo->names[undo->n_columns] = name;
    undo->types[undo->n_columns++] = type;
}

static void
rewind_undo(struct undo *undo)
{
    if (undo->page != NULL) {
        undo->page->release(CIM_TAKE(undo->page));
    }
    undo->n_columns = 0;
    undo->started = false;
    undo->ended = false;
    undo->before = INT64_MAX;
    undo->n_delivered = 0;
    undo->report->n_refused = 0;
    undo->report->n_refusals = 0;
}

static void
choose_columns(struct undo *undo, const struct cim_definition *def)
{
    add_column(undo, "fid", CIM_COL_TEXT);
    add_column(undo, "version", CIM_COL_TEXT);
    if (undo->batch->op == CIM_EDIT_CREATE) {
        return;
    }
    if (undo->batch->op == CIM_EDIT_DELETE) {
        add_column(undo, "uid", CIM_COL_TEXT);
    }
    add_column(undo, "owner_org", CIM_COL_TEXT);
    add_column(undo, "area_code", CIM_COL_TEXT);
    if (def->geometry != CIM_GEOMETRY_NONE) {
        add_column(undo, "geom", CIM_COL_WKB);
    }
    for (size_t i = 0; i < def->n_fields; i++) {
        add_column(undo, def->fields[i].name, CIM_COL_TEXT);
    }
}

/* ---- the edit ---- */

static void
on_refused(cim_edit *edit, int64_t row, const cim_error *why)
{
    struct undo *undo = edit->caller;
    struct host_undo_report *report = undo->report;
    report->n_refused++;
    if (report->refusals == NULL) {
        report->refusals = calloc(HOST_BATCH_REFUSED_MAX, sizeof *report->refusals);
    }
    if (report->refusals != NULL && report->n_refusals < HOST_BATCH_REFUSED_MAX) {
        report->refusals[report->n_refusals++] =
            (struct host_batch_refusal){.fid = undo->fids[row - 1], .why = *why};
    }
}

/* Two undoes at once: the second finds the batch taken, also before the first has committed. */
static cim_status
on_begun(cim_edit *edit, cim_tx *tx, cim_error *err)
{
    const struct undo *undo = edit->caller;
    const cim_value id = host_value_text("id", undo->batch->id);
    int64_t n = 0;
    CIM_TRY(host_store_exec(tx,
                            "update cim_batch set undone_by = 'now' where id = :id and undone_by "
                            "is null",
                            &id, 1, &n, err));
    return n == 1 ? CIM_OK
                  : cim_fail(err, CIM_E_STATE, "id", undo->batch->id, "此批次已经撤销",
                             "this batch was undone already");
}

/* A batch of which some records were refused may be undone once more. */
static cim_status
on_ending(cim_edit *edit, cim_tx *tx, cim_error *err)
{
    const struct undo *undo = edit->caller;
    const bool whole = edit->n_refused == 0;
    const cim_value values[] = {
        host_value_text("id", undo->batch->id),
        host_value_text("by", whole ? edit->batch : NULL),
        host_value_text("undo", edit->batch),
    };
    CIM_TRY(host_store_exec(tx, "update cim_batch set undone_by = :by where id = :id", values, 2,
                            NULL, err));
    const cim_value link[] = {values[0], values[2]};
    return host_store_exec(tx, "update cim_batch set undo_of = :id where id = :undo", link, 2, NULL,
                           err);
}

static int32_t
op_of_undo(int32_t op)
{
    return op == CIM_EDIT_CREATE   ? CIM_EDIT_DELETE
           : op == CIM_EDIT_DELETE ? CIM_EDIT_CREATE
                                   : CIM_EDIT_REPLACE;
}

static uint32_t
action_of_undo(int32_t op)
{
    return op == CIM_EDIT_CREATE   ? CIM_ACT_DELETE
           : op == CIM_EDIT_DELETE ? CIM_ACT_CREATE
                                   : CIM_ACT_UPDATE;
}

static cim_status
write_undo(struct undo *undo, const struct host_layer *layer, const cim_call *call, uint32_t flags,
           cim_error *err)
{
    const bool writes = (flags & CIM_EDIT_DRY_RUN) == 0;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    if (layer->layer.write == NULL) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "layer", undo->batch->layer, "此图层只读",
                        "this layer is read-only");
    }
    rewind_undo(undo);
    choose_columns(undo, layer->definition);
    CIM_TRY(
        cim_rows_new(undo->n_columns, undo->names, undo->types, fill, release, undo, &rows, err));
    cim_edit edit = {.struct_size = sizeof edit,
                     .flags = CIM_EDIT_UNDO | flags,
                     .op = op_of_undo(undo->batch->op),
                     .rows = rows,
                     .refused = on_refused,
                     .caller = undo,
                     .begun = writes ? on_begun : NULL,
                     .ending = writes ? on_ending : NULL};
    const cim_status status = layer->layer.write(layer->layer.self, call, &edit, err);
    undo->report->n_written = edit.n_written;
    memcpy(undo->report->batch, edit.batch, sizeof undo->report->batch);
    return status;
}

cim_status
host_batch_undo(struct host_app *app, const cim_call *call, const struct host_batch *batch,
                bool row_wise, struct host_undo_report *ret_report, cim_error *err)
{
    const struct host_layer *layer = NULL;
    struct undo *undo = NULL;
    cim_call inner;
    *ret_report = (struct host_undo_report){.n_written = 0};
    if (batch->undone) {
        return cim_fail(err, CIM_E_STATE, "id", batch->id, "此批次已经撤销",
                        "this batch was undone already");
    }
    CIM_TRY(host_exchange_enter(app, call, batch->layer, action_of_undo(batch->op), &inner, &layer,
                                err));
    undo = calloc(1, sizeof *undo);
    if (undo == NULL) {
        host_plugins_leave(app->plugins, layer->plugin_id);
        return cim_fail_nomem(err);
    }
    undo->app = app;
    undo->batch = batch;
    undo->report = ret_report;
    cim_buf_init(&undo->geometry, CIM_BATCH_MAX_BYTES);
    const cim_status status =
        write_undo(undo, layer, &inner, row_wise ? (uint32_t)CIM_EDIT_ROW_WISE : 0U, err);
    if (status != CIM_OK && ret_report->n_refused > 0 && !row_wise) {
        /* The first refusal ended it: one more pass, which writes nothing, finds the others. */
        (void)write_undo(undo, layer, &inner, CIM_EDIT_ROW_WISE | CIM_EDIT_DRY_RUN, NULL);
        ret_report->n_written = 0;
    }
    host_plugins_leave(app->plugins, layer->plugin_id);
    if (undo->page != NULL) {
        undo->page->release(undo->page);
    }
    cim_buf_done(&undo->geometry);
    free(undo->fids);
    free(undo);
    return status;
}

void
host_undo_report_done(struct host_undo_report *report)
{
    free(report->refusals);
    report->refusals = NULL;
}
