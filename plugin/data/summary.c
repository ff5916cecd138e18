/* plugin/data/summary.c -- answers of a few numbers: counts and extents. */
#include "data/tally.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/wkb.h"

#include <math.h>

/* ---- a small cache: right as long as the layer's position stands ---- */

static bool
cache_find(struct lpg_layer *layer, uint64_t key, int64_t pos, double numbers[4])
{
    bool found = false;
    (void)pthread_mutex_lock(&layer->mutex);
    for (size_t i = 0; i < LPG_CACHE_SLOTS && !found; i++) {
        struct lpg_cached *slot = &layer->cache[i];
        if (slot->key == key && slot->pos == pos) {
            memcpy(numbers, slot->numbers, sizeof slot->numbers);
            slot->used = ++layer->tick;
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&layer->mutex);
    return found;
}

static void
cache_keep(struct lpg_layer *layer, uint64_t key, int64_t pos, const double numbers[4])
{
    (void)pthread_mutex_lock(&layer->mutex);
    struct lpg_cached *oldest = &layer->cache[0];
    for (size_t i = 0; i < LPG_CACHE_SLOTS; i++) {
        oldest = layer->cache[i].used < oldest->used ? &layer->cache[i] : oldest;
    }
    oldest->key = key;
    oldest->pos = pos;
    oldest->used = ++layer->tick;
    memcpy(oldest->numbers, numbers, sizeof oldest->numbers);
    (void)pthread_mutex_unlock(&layer->mutex);
}

/* Works out the numbers of a finished statement. */
typedef cim_status (*answer_fn)(const struct lpg_layer *layer,
                                const struct lpg_statement *statement, const cim_call *call,
                                double ret_numbers[4], cim_error *err);

static cim_status
answer_cached(struct lpg_layer *layer, const struct lpg_statement *statement, const cim_call *call,
              answer_fn answer, double ret_numbers[4], cim_error *err)
{
    const struct lpg_data *data = layer->data;
    const uint64_t key = lpg_statement_hash(statement);
    /* Read before the statement starts: what it sees is at least this new. */
    const int64_t pos = data->store->layer_pos(data->host, layer->def->id);
    double numbers[4] = {0, 0, 0, 0};
    if (!cache_find(layer, key, pos, numbers)) {
        CIM_TRY(answer(layer, statement, call, numbers, err));
        cache_keep(layer, key, pos, numbers);
    }
    memcpy(ret_numbers, numbers, sizeof numbers);
    return CIM_OK;
}

static cim_status
read_count(const struct lpg_layer *layer, const struct lpg_statement *statement,
           const cim_call *call, double ret_numbers[4], cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    (void)call;
    CIM_TRY(lpg_statement_read(layer->data, statement, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    if (batch->n_rows != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "计数没有结果", "a count gave no row");
    }
    ret_numbers[0] = (double)cim_column_i64(batch->columns[0], 0);
    return CIM_OK;
}

cim_status
lpg_layer_count(void *self, const cim_call *call, const cim_query *query, int64_t *ret_count,
                cim_error *err)
{
    struct lpg_layer *layer = (struct lpg_layer *)self;
    LPG_AUTO_STATEMENT struct lpg_statement statement;
    const cim_scope *scope = NULL;
    double numbers[4];
    CIM_TRY(lpg_statement_init(&statement, err));
    CIM_TRY(lpg_scope_of(layer, call, CIM_ACT_READ, &scope, err));
    lpg_sql(&statement, "select count(*) from %s", layer->def->table);
    CIM_TRY(lpg_sql_where(&statement, layer, query, scope, call->now_ms, err));
    CIM_TRY(lpg_statement_finish(&statement, err));
    if (lpg_tally_count(layer, query, scope, call->now_ms, ret_count)) {
        return CIM_OK;
    }
    CIM_TRY(answer_cached(layer, &statement, call, read_count, numbers, err));
    *ret_count = (int64_t)numbers[0];
    return CIM_OK;
}

static void
widen(double bbox[4], const double other[4])
{
    bbox[0] = other[0] < bbox[0] ? other[0] : bbox[0];
    bbox[1] = other[1] < bbox[1] ? other[1] : bbox[1];
    bbox[2] = other[2] > bbox[2] ? other[2] : bbox[2];
    bbox[3] = other[3] > bbox[3] ? other[3] : bbox[3];
}

static cim_status
read_extent(const struct lpg_layer *layer, const struct lpg_statement *statement,
            const cim_call *call, double ret_numbers[4], cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    double bbox[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    CIM_TRY(lpg_statement_read(layer->data, statement, &rows, err));
    for (;;) {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t i = 0; i < batch->n_rows; i++) {
            size_t len = 0;
            double one[4];
            const uint8_t *wkb = cim_column_bytes(batch->columns[0], i, &len);
            if (cim_wkb_point(wkb, len, &one[0], &one[1])) {
                one[2] = one[0];
                one[3] = one[1];
                widen(bbox, one);
            } else if (cim_wkb_bbox(wkb, len, one, NULL) == CIM_OK) {
                widen(bbox, one);
            }
        }
        if (batch->n_rows == 0) {
            break;
        }
        CIM_TRY(cim_heed_cancel(call, err));
    }
    memcpy(ret_numbers, bbox, sizeof bbox);
    return CIM_OK;
}

cim_status
lpg_layer_extent(void *self, const cim_call *call, const cim_query *query, double ret_bbox_deg[4],
                 cim_error *err)
{
    struct lpg_layer *layer = (struct lpg_layer *)self;
    LPG_AUTO_STATEMENT struct lpg_statement statement;
    const cim_scope *scope = NULL;
    double bbox[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    CIM_TRY(lpg_statement_init(&statement, err));
    CIM_TRY(lpg_scope_of(layer, call, CIM_ACT_READ, &scope, err));
    if (layer->def->geometry != CIM_GEOMETRY_NONE) {
        lpg_sql(&statement, "select {wkb geom} from %s", layer->def->table);
        CIM_TRY(lpg_sql_where(&statement, layer, query, scope, call->now_ms, err));
        lpg_sql(&statement, " and geom is not null");
        CIM_TRY(lpg_statement_finish(&statement, err));
        CIM_TRY(answer_cached(layer, &statement, call, read_extent, bbox, err));
    }
    if (bbox[0] > bbox[2]) {
        return cim_fail(err, CIM_E_NOTFOUND, NULL, NULL, "没有可见的几何",
                        "nothing with a geometry is visible");
    }
    memcpy(ret_bbox_deg, bbox, sizeof bbox);
    return CIM_OK;
}
