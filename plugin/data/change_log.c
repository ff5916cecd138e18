/* plugin/data/change_log.c -- see change_log.h. */
#include "data/change_log.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Positions are dense: when the one after `after` is still there, nothing between was dropped. */
static cim_status
reaches_back(const cim_host *host, const cim_store_v1 *store, int64_t after, bool *ret_reaches,
             cim_error *err)
{
    static const char sql[] = "select pos from cim_change where pos = :pos";
    const cim_value values[] = {{.name = "pos", .type = CIM_COL_INT64, .v.i64 = after + 1}};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(store->read(host, sql, values, 1, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    *ret_reaches = batch->n_rows > 0;
    return CIM_OK;
}

static cim_status
read_fids(const cim_host *host, const cim_store_v1 *store, const char *layer, int64_t after,
          int64_t until, int64_t *fids, uint32_t capacity, uint32_t *ret_n, bool *ret_known,
          cim_error *err)
{
    static const char sql[] =
        "select fid, max(op) from cim_change where pos > :after and pos <= :until and "
        "layer = :layer group by fid order by fid limit :most";
    const cim_value values[] = {
        {.name = "after", .type = CIM_COL_INT64, .v.i64 = after},
        {.name = "until", .type = CIM_COL_INT64, .v.i64 = until},
        {.name = "layer", .type = CIM_COL_TEXT, .len = (uint32_t)strlen(layer), .v.ptr = layer},
        {.name = "most", .type = CIM_COL_INT64, .v.i64 = (int64_t)capacity + 1}};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    uint32_t n = 0;
    CIM_TRY(store->read(host, sql, values, 4, &rows, err));
    for (;;) {
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            break;
        }
        for (int64_t row = 0; row < batch->n_rows; row++) {
            if (n == capacity || cim_column_i64(batch->columns[1], row) == CIM_CHANGE_BULK) {
                *ret_known = false;
                return CIM_OK;
            }
            fids[n++] = cim_column_i64(batch->columns[0], row);
        }
    }
    *ret_n = n;
    *ret_known = true;
    return CIM_OK;
}

cim_status
lpg_changes_read(const cim_host *host, const cim_store_v1 *store, const char *layer, int64_t after,
                 int64_t until, int64_t *fids, uint32_t capacity, uint32_t *ret_n, bool *ret_known,
                 cim_error *err)
{
    bool reaches = false;
    *ret_n = 0;
    *ret_known = false;
    if (until - after > LPG_CHANGES_SPAN_MAX) {
        return CIM_OK;
    }
    CIM_TRY(reaches_back(host, store, after, &reaches, err));
    return reaches
               ? read_fids(host, store, layer, after, until, fids, capacity, ret_n, ret_known, err)
               : CIM_OK;
}

uint32_t
lpg_fids_filter(const int64_t *fids, uint32_t n, char ret_filter[LPG_FIDS_FILTER_SIZE])
{
    const uint32_t n_taken = n > LPG_FIDS_FILTER_MAX ? LPG_FIDS_FILTER_MAX : n;
    int len = snprintf(ret_filter, LPG_FIDS_FILTER_SIZE,
                       "{\"op\":\"in\",\"args\":[{\"property\":\"fid\"},[");
    for (uint32_t i = 0; i < n_taken; i++) {
        len += snprintf(ret_filter + len, LPG_FIDS_FILTER_SIZE - (size_t)len, "%s%" PRId64,
                        i == 0 ? "" : ",", fids[i]);
    }
    (void)snprintf(ret_filter + len, LPG_FIDS_FILTER_SIZE - (size_t)len, "]]}");
    return n_taken;
}
