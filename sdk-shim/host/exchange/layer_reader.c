/* host/exchange/layer_reader.c -- geometries of other layers, as the caller may read them. */
#include "host/exchange/exchange.h"

#include "cim/util.h"
#include "host/plugins/plugins.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

enum { NAME_BYTES = 96 };

/* Its label, or its number where it has none. */
static void
name_of(const cim_batch *batch, int32_t label, int64_t row, char name[NAME_BYTES])
{
    size_t len = 0;
    (void)snprintf(name, NAME_BYTES, "fid %lld",
                   (long long)cim_column_i64(batch->columns[CIM_RECORD_FID], row));
    if (label >= 0 && batch->columns[label]->type == CIM_COL_TEXT &&
        cim_column_present(batch->columns[label], row)) {
        const uint8_t *text = cim_column_bytes(batch->columns[label], row, &len);
        char whole[512];
        (void)snprintf(whole, sizeof whole, "%.*s", (int)(len < 500 ? len : 500),
                       (const char *)text);
        cim_copy_text(name, NAME_BYTES, whole);
    }
}

static bool
is_changed(const cim_batch *batch, int64_t row, const char *changed)
{
    char fid[24];
    size_t len = 0;
    if (changed == NULL) {
        return false;
    }
    const uint8_t *uid = cim_column_bytes(batch->columns[CIM_RECORD_UID], row, &len);
    (void)snprintf(fid, sizeof fid, "%lld",
                   (long long)cim_column_i64(batch->columns[CIM_RECORD_FID], row));
    return strcmp(fid, changed) == 0 || (strlen(changed) == len && memcmp(uid, changed, len) == 0);
}

static cim_status
read_rows(const struct host_layer *layer, const cim_call *call, const char *filter_json,
          const double *bbox_deg, const char *changed, host_geometry_fn take, void *to,
          cim_error *err)
{
    const char *const fields[] = {layer->definition->label};
    cim_query query = {.struct_size = sizeof query,
                       .filter_json = filter_json,
                       .properties = fields,
                       .n_properties = 1};
    if (bbox_deg != NULL) {
        query.flags |= CIM_QUERY_BBOX;
        query.bbox_w_deg = bbox_deg[0];
        query.bbox_s_deg = bbox_deg[1];
        query.bbox_e_deg = bbox_deg[2];
        query.bbox_n_deg = bbox_deg[3];
    }
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(layer->layer.query(layer->layer.self, call, &query, &rows, err));
    const int32_t label = cim_rows_column(rows, layer->definition->label);
    const int32_t geom = cim_rows_column(rows, "geom");
    CIM_TRY(rows->next(rows, &batch, err));
    while (batch->n_rows > 0 && geom >= 0) {
        for (int64_t i = 0; i < batch->n_rows; i++) {
            char name[NAME_BYTES];
            size_t len = 0;
            if (!cim_column_present(batch->columns[geom], i) || is_changed(batch, i, changed)) {
                continue;
            }
            const uint8_t *wkb = cim_column_bytes(batch->columns[geom], i, &len);
            name_of(batch, label, i, name);
            CIM_TRY(take(to, name, wkb, len, err));
        }
        CIM_TRY(rows->next(rows, &batch, err));
    }
    return CIM_OK;
}

cim_status
host_layer_read(void *arg, const char *layer_id, const char *filter_json, const double *bbox_deg,
                host_geometry_fn take, void *to, cim_error *err)
{
    const struct host_layer_reading *reading = arg;
    const bool changes =
        reading->changed_layer != NULL && strcmp(reading->changed_layer, layer_id) == 0;
    const struct host_layer *layer = NULL;
    cim_call inner;
    CIM_TRY(host_exchange_enter(reading->app, reading->call, layer_id, CIM_ACT_READ, &inner, &layer,
                                err));
    const cim_status status = read_rows(layer, &inner, filter_json, bbox_deg,
                                        changes ? reading->changed : NULL, take, to, err);
    host_plugins_leave(reading->app->plugins, layer->plugin_id);
    return status;
}
