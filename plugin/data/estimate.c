/* plugin/data/estimate.c -- how the records of a layer spread over the areas, about.
 *
 * A page of records in the order of the table can be found in two ways: by the index on areas,
 * which fetches and sorts everything that is visible, or by walking the table and leaving out the
 * rest. Which is cheaper depends on how much is visible, so it is counted now and then.
 */
#include "data/internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <stdlib.h>

enum { COUNTS_AGE_MS = 60000, SORTED_ROW_COST = 30 };

static void
add_row(const struct lpg_data *data, const cim_batch *batch, int64_t row,
        struct lpg_area_counts *counts)
{
    char code[64];
    size_t len = 0;
    if (!cim_column_present(batch->columns[0], row)) {
        return;
    }
    const uint8_t *text = cim_column_bytes(batch->columns[0], row, &len);
    if (len >= sizeof code) {
        return;
    }
    memcpy(code, text, len);
    code[len] = '\0';
    const int32_t ordinal = data->access->area_ordinal(data->host, code);
    if (ordinal >= 0 && ordinal < counts->n_areas) {
        counts->before[ordinal + 1] += cim_column_i64(batch->columns[1], row);
    }
}

static cim_status
count(const struct lpg_layer *layer, struct lpg_area_counts *counts, cim_error *err)
{
    const struct lpg_data *data = layer->data;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    char sql[160];
    (void)snprintf(sql, sizeof sql, "select area_code, count(*) from %s group by area_code",
                   layer->def->table);
    CIM_TRY(data->store->read(data->host, sql, NULL, 0, &rows, err));
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t i = 0; i < batch->n_rows; i++) {
            add_row(data, batch, i, counts);
        }
    } while (batch->n_rows > 0);
    for (int32_t i = 0; i < counts->n_areas; i++) {
        counts->before[i + 1] += counts->before[i];
    }
    return CIM_OK;
}

static cim_status
refresh(struct lpg_layer *layer, const struct lpg_area_counts *now, cim_error *err)
{
    struct lpg_area_counts fresh = *now;
    fresh.n_areas = layer->data->access->area_count(layer->data->host);
    fresh.before = calloc((size_t)fresh.n_areas + 1, sizeof *fresh.before);
    if (fresh.before == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = count(layer, &fresh, err);
    if (status != CIM_OK) {
        free(fresh.before);
        return status;
    }
    (void)pthread_mutex_lock(&layer->mutex);
    free(layer->counts.before);
    layer->counts = fresh;
    (void)pthread_mutex_unlock(&layer->mutex);
    return CIM_OK;
}

static bool
is_fresh(const struct lpg_area_counts *counts, const struct lpg_area_counts *now)
{
    return counts->before != NULL && counts->areas_version == now->areas_version &&
           (counts->pos == now->pos || (now->taken_ms >= counts->taken_ms &&
                                        now->taken_ms - counts->taken_ms < COUNTS_AGE_MS));
}

cim_status
lpg_area_rows(struct lpg_layer *layer, int32_t first, int32_t end, int64_t *ret_rows,
              cim_error *err)
{
    const struct lpg_data *data = layer->data;
    const struct lpg_area_counts now = {.areas_version = data->access->areas_version(data->host),
                                        .pos = data->store->layer_pos(data->host, layer->def->id),
                                        .taken_ms = data->clock->now_ms(data->host)};
    (void)pthread_mutex_lock(&layer->mutex);
    bool fresh = is_fresh(&layer->counts, &now);
    (void)pthread_mutex_unlock(&layer->mutex);
    if (!fresh) {
        CIM_TRY(refresh(layer, &now, err));
    }
    (void)pthread_mutex_lock(&layer->mutex);
    const struct lpg_area_counts *counts = &layer->counts;
    const int32_t last = end < counts->n_areas ? end : counts->n_areas;
    *ret_rows = first < last ? counts->before[last] - counts->before[first] : 0;
    (void)pthread_mutex_unlock(&layer->mutex);
    return CIM_OK;
}

static int64_t
all_rows(const struct lpg_layer *layer)
{
    struct lpg_layer *open = (struct lpg_layer *)(uintptr_t)layer; /* for its mutex */
    (void)pthread_mutex_lock(&open->mutex);
    const struct lpg_area_counts *counts = &layer->counts;
    const int64_t n_rows = counts->before != NULL ? counts->before[counts->n_areas] : 0;
    (void)pthread_mutex_unlock(&open->mutex);
    return n_rows;
}

void
lpg_sql_area_begin(struct lpg_statement *statement, const struct lpg_layer *layer, int64_t n_rows)
{
    /* Sorting costs by what is visible, walking by what has to be passed for a page of 100: equal
     * where visible * visible = SORTED_ROW_COST * all. An expression keeps the index out, on either
     * store. */
    const double visible = (double)n_rows;
    const bool walk = statement->in_fid_order &&
                      visible * visible > (double)SORTED_ROW_COST * (double)all_rows(layer);
    lpg_sql(statement, "%s in (", walk ? "(area_code || '')" : "area_code");
}
