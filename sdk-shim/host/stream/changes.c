/* host/stream/changes.c -- the change log as the streams read it: newest in memory, older in the
 * store. */
#include "host/stream/internal.h"

#include "cim/util.h"
#include "host/store/store.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

static void
copy_cell(const cim_column *column, int64_t row, char *to, size_t capacity)
{
    size_t len = 0;
    to[0] = '\0';
    if (cim_column_present(column, row)) {
        const uint8_t *bytes = cim_column_bytes(column, row, &len);
        len = len < capacity ? len : capacity - 1;
        memcpy(to, bytes, len);
        to[len] = '\0';
    }
}

static void
take_row(const cim_batch *batch, int64_t row, struct host_change *change)
{
    change->pos = cim_column_i64(batch->columns[0], row);
    copy_cell(batch->columns[1], row, change->layer, sizeof change->layer);
    change->fid = cim_column_i64(batch->columns[2], row);
    change->op = (int32_t)cim_column_i64(batch->columns[3], row);
    copy_cell(batch->columns[4], row, change->area, sizeof change->area);
    copy_cell(batch->columns[5], row, change->owner, sizeof change->owner);
}

cim_status
host_changes_read(struct host_streams *streams, int64_t after, int32_t capacity,
                  struct host_change *changes, int32_t *ret_n, cim_error *err)
{
    static const char sql[] = "select pos, layer, fid, op, area_code, owner_org from cim_change "
                              "where pos > :after order by pos limit :n";
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    const cim_value values[] = {{.name = "after", .type = CIM_COL_INT64, .v.i64 = after},
                                {.name = "n", .type = CIM_COL_INT64, .v.i64 = capacity}};
    int32_t n = 0;
    CIM_TRY(host_store_read(streams->app->store, sql, values, 2, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    while (batch->n_rows > 0) {
        for (int64_t row = 0; row < batch->n_rows && n < capacity; row++) {
            take_row(batch, row, &changes[n++]);
        }
        CIM_TRY(rows->next(rows, &batch, err));
    }
    *ret_n = n;
    return CIM_OK;
}

cim_status
host_changes_after(struct host_streams *streams, int64_t after, int32_t capacity,
                   struct host_change *changes, int32_t *ret_n, bool *ret_gap, cim_error *err)
{
    bool in_memory = false;
    int32_t n = 0;
    (void)pthread_mutex_lock(&streams->lock);
    in_memory = after + 1 >= streams->oldest;
    if (in_memory) {
        while (n < capacity && after + n < streams->newest) {
            changes[n] = streams->recent[(after + n + 1) % HOST_STREAM_RECENT_MAX];
            n++;
        }
    }
    (void)pthread_mutex_unlock(&streams->lock);
    if (!in_memory) {
        CIM_TRY(host_changes_read(streams, after, capacity, changes, &n, err));
    }
    *ret_n = n;
    *ret_gap = n > 0 && changes[0].pos != after + 1;
    return CIM_OK;
}
