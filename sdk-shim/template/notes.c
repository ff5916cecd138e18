/* notes.c -- a layer by hand: read the table, let through what the scope covers.
 *
 * It judges row by row, which is right and simple, and good for some thousands of notes; a layer
 * with more turns its scope into SQL.
 */
#include "template.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/scope_eval.h"

static const char all_sql[] =
    "select fid, uid, version, owner_org, area_code, {ms updated_at} as updated_at, "
    "{wkb geom} as geom, body from template_note where :fid = 0 or fid = :fid order by fid";
static const char bbox_sql[] =
    "select fid, uid, version, owner_org, area_code, {ms updated_at} as updated_at, "
    "{wkb geom} as geom, body from template_note where {bbox template_note} order by fid";

enum { COLUMN_BODY = CIM_RECORD_GEOM + 1, N_COLUMNS };
static const char *const column_names[N_COLUMNS] = {CIM_RECORD_COLUMNS, "body"};
static const uint32_t column_types[N_COLUMNS] = {
    CIM_COL_INT64, CIM_COL_TEXT,    CIM_COL_INT64, CIM_COL_TEXT,
    CIM_COL_TEXT,  CIM_COL_TIME_MS, CIM_COL_WKB,   CIM_COL_TEXT,
};

/* What a cursor over visible notes keeps. */
struct visible {
    const struct template_plugin *plugin;
    const cim_scope *scope;
    int64_t now_ms;
    int64_t left; /* rows still wanted */
    cim_rows *all;
};

/* Say what is not done; never answer a narrower question with a wider result. */
static cim_status
check_query(const cim_query *query, cim_error *err)
{
    if (query->filter_json != NULL || query->area != NULL || query->uid != NULL ||
        query->cursor != NULL || query->n_sort > 0 || (query->flags & CIM_QUERY_DATETIME) != 0) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "query", NULL, "便签只支持 fid、bbox 和 limit",
                        "notes are asked for by fid, bbox and limit only");
    }
    return CIM_OK;
}

static cim_status
read_all(const struct template_plugin *plugin, const cim_query *query, cim_rows **ret_rows,
         cim_error *err)
{
    const cim_value fid[] = {{.name = "fid", .type = CIM_COL_INT64, .v.i64 = query->fid}};
    const cim_value bbox[] = {
        {.name = "bbox_w", .type = CIM_COL_FLOAT64, .v.f64 = query->bbox_w_deg},
        {.name = "bbox_s", .type = CIM_COL_FLOAT64, .v.f64 = query->bbox_s_deg},
        {.name = "bbox_e", .type = CIM_COL_FLOAT64, .v.f64 = query->bbox_e_deg},
        {.name = "bbox_n", .type = CIM_COL_FLOAT64, .v.f64 = query->bbox_n_deg},
    };
    CIM_TRY(check_query(query, err));
    return (query->flags & CIM_QUERY_BBOX) != 0
               ? plugin->store->read(plugin->host, bbox_sql, bbox, 4, ret_rows, err)
               : plugin->store->read(plugin->host, all_sql, fid, 1, ret_rows, err);
}

/* Bytes of a text column; none where the value is absent. */
static const char *
text_at(const cim_batch *batch, int32_t column, int64_t row, size_t *ret_len)
{
    *ret_len = 0;
    return cim_column_present(batch->columns[column], row)
               ? (const char *)cim_column_bytes(batch->columns[column], row, ret_len)
               : "";
}

/* A record is visible if one term covers it. */
static bool
is_visible(const struct visible *visible, const cim_batch *batch, int64_t row)
{
    const struct template_plugin *plugin = visible->plugin;
    char area[32] = "";
    size_t area_len = 0;
    size_t owner_len = 0;
    const char *code = text_at(batch, CIM_RECORD_AREA_CODE, row, &area_len);
    const char *owner = text_at(batch, CIM_RECORD_OWNER_ORG, row, &owner_len);
    int32_t ordinal = -1; /* only terms for all areas cover a record without a known one */
    if (area_len > 0 && area_len < sizeof area) {
        memcpy(area, code, area_len);
        ordinal = plugin->access->area_ordinal(plugin->host, area);
    }
    for (uint32_t i = 0; i < visible->scope->n_terms; i++) {
        if (cim_term_covers(visible->scope->terms[i], visible->now_ms, ordinal, owner, owner_len)) {
            return true;
        }
    }
    return false;
}

static void
append(struct cim_batch_builder *builder, const cim_batch *batch, int64_t row)
{
    for (uint32_t c = 0; c < N_COLUMNS; c++) {
        const cim_column *column = batch->columns[c];
        size_t len = 0;
        if (!cim_column_present(column, row)) {
            cim_batch_append_null(builder, c);
        } else if (column_types[c] == CIM_COL_TEXT || column_types[c] == CIM_COL_WKB) {
            const uint8_t *bytes = cim_column_bytes(column, row, &len);
            cim_batch_append_bytes(builder, c, bytes, len);
        } else {
            cim_batch_append_i64(builder, c, cim_column_i64(column, row));
        }
    }
}

/* Called for each batch; no rows mean the end. */
static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct visible *visible = self;
    const cim_batch *batch = NULL;
    while (cim_batch_builder_rows(builder) == 0 && visible->left > 0) {
        CIM_TRY(visible->all->next(visible->all, &batch, err));
        if (batch->n_rows == 0) {
            break;
        }
        for (int64_t row = 0; row < batch->n_rows && visible->left > 0; row++) {
            if (is_visible(visible, batch, row)) {
                append(builder, batch, row);
                CIM_TRY(cim_batch_builder_end_row(builder, err));
                visible->left--;
            }
        }
    }
    return CIM_OK;
}

static void
visible_free(void *self)
{
    struct visible *visible = self;
    visible->all->release(visible->all);
    free(visible);
}

static cim_status
query_notes(struct template_plugin *plugin, const cim_scope *scope, int64_t now_ms,
            const cim_query *query, cim_rows **ret_rows, cim_error *err)
{
    struct visible *visible = calloc(1, sizeof *visible);
    cim_status status =
        visible != NULL ? read_all(plugin, query, &visible->all, err) : cim_fail_nomem(err);
    if (status != CIM_OK) {
        free(visible);
        return status;
    }
    visible->plugin = plugin;
    visible->scope = scope; /* valid until the call ends, and so is the cursor */
    visible->now_ms = now_ms;
    visible->left = query->limit > 0 ? query->limit : INT64_MAX;
    status = cim_rows_new(N_COLUMNS, column_names, column_types, fill, visible_free, visible,
                          ret_rows, err);
    if (status != CIM_OK) {
        visible_free(visible);
    }
    return status;
}

cim_status
template_count_notes(struct template_plugin *plugin, const cim_scope *scope, int64_t now_ms,
                     const cim_query *query, int64_t *ret_count, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    int64_t count = 0;
    CIM_TRY(query_notes(plugin, scope, now_ms, query, &rows, err));
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        count += batch->n_rows;
    } while (batch->n_rows > 0);
    *ret_count = count;
    return CIM_OK;
}

/* ---- the layer's functions ---- */

static cim_status
layer_query(void *self, const cim_call *call, const cim_query *query, cim_rows **ret_rows,
            cim_error *err)
{
    return query_notes(self, call->scope, call->now_ms, query, ret_rows, err);
}

static cim_status
layer_count(void *self, const cim_call *call, const cim_query *query, int64_t *ret_count,
            cim_error *err)
{
    return template_count_notes(self, call->scope, call->now_ms, query, ret_count, err);
}

/* A little-endian WKB point: a byte of order, four of type, two doubles. */
static cim_status
layer_extent(void *self, const cim_call *call, const cim_query *query, double ret_bbox_deg[4],
             cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    double bbox[4] = {180, 90, -180, -90};
    CIM_TRY(query_notes(self, call->scope, call->now_ms, query, &rows, err));
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t row = 0; row < batch->n_rows; row++) {
            size_t len = 0;
            const uint8_t *wkb = cim_column_bytes(batch->columns[CIM_RECORD_GEOM], row, &len);
            double xy[2];
            if (cim_column_present(batch->columns[CIM_RECORD_GEOM], row) && len == 21) {
                memcpy(xy, wkb + 5, sizeof xy);
                bbox[0] = xy[0] < bbox[0] ? xy[0] : bbox[0];
                bbox[1] = xy[1] < bbox[1] ? xy[1] : bbox[1];
                bbox[2] = xy[0] > bbox[2] ? xy[0] : bbox[2];
                bbox[3] = xy[1] > bbox[3] ? xy[1] : bbox[3];
            }
        }
    } while (batch->n_rows > 0);
    if (bbox[0] > bbox[2]) {
        return cim_fail(err, CIM_E_NOTFOUND, NULL, NULL, "没有可见的便签", "no note is visible");
    }
    memcpy(ret_bbox_deg, bbox, sizeof bbox);
    return CIM_OK;
}

/* The definition is data beside the library, so that a person can read and change it. */
static cim_status
read_definition(const char *plugin_dir, char **ret_text, cim_error *err)
{
    enum { DEFINITION_MAX_BYTES = 65536 };
    CIM_AUTO_FREE char *text = calloc(1, DEFINITION_MAX_BYTES);
    char path[1024];
    FILE *file = NULL;
    size_t len = 0;
    (void)snprintf(path, sizeof path, "%s/layers/notes.json", plugin_dir);
    file = text != NULL ? fopen(path, "r") : NULL;
    if (file != NULL) {
        len = fread(text, 1, DEFINITION_MAX_BYTES - 1, file);
        (void)fclose(file);
    }
    if (len == 0) {
        return cim_fail(err, CIM_E_IO, "layers", path, "无法读取 %s", "cannot read %s", path);
    }
    *ret_text = CIM_TAKE(text);
    return CIM_OK;
}

cim_status
template_register_notes(struct template_plugin *plugin, cim_error *err)
{
    CIM_AUTO_FREE char *definition = NULL;
    cim_layer layer = {
        .struct_size = sizeof layer,
        .id = "template.notes",
        .count = layer_count,
        .extent = layer_extent,
        .query = layer_query,
        .self = plugin,
    };
    CIM_TRY(read_definition(plugin->host->plugin_dir, &definition, err));
    layer.definition = definition; /* the host copies it */
    return plugin->layers->add_layer(plugin->host, &layer, err);
}
