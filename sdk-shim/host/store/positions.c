/* host/store/positions.c -- the newest position of the store and of each layer, in memory. */
#include "host/store/driver.h"

#include "cim/util.h"
#include "host/store/row.h"

#include <stdlib.h>
#include <string.h>

static int32_t
find_layer(const struct host_positions *positions, const char *layer)
{
    const int32_t n = atomic_load_explicit(&positions->n_layers, memory_order_acquire);
    for (int32_t i = 0; i < n; i++) {
        if (strcmp(positions->layers[i]->id, layer) == 0) {
            return i;
        }
    }
    return -1;
}

/* Of one thread (or before threads run). */
cim_status
host_positions_intern(struct host_positions *positions, const char *layer, int32_t *ret_index,
                      cim_error *err)
{
    const int32_t found = find_layer(positions, layer);
    const int32_t n = atomic_load_explicit(&positions->n_layers, memory_order_relaxed);
    struct host_layer_pos *entry = NULL;
    if (found >= 0) {
        *ret_index = found;
        return CIM_OK;
    }
    if (layer[0] == '\0' || strlen(layer) > HOST_STORE_LAYER_ID_MAX || n >= HOST_STORE_LAYERS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "layer", layer, "图层名过长或图层过多（上限 %d）",
                        "layer id too long, or more than %d layers", HOST_STORE_LAYERS_MAX);
    }
    entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        return cim_fail_nomem(err);
    }
    cim_copy_text(entry->id, sizeof entry->id, layer);
    positions->layers[n] = entry;
    atomic_store_explicit(&positions->n_layers, n + 1, memory_order_release);
    *ret_index = n;
    return CIM_OK;
}

int64_t
host_positions_layer(const struct host_positions *positions, const char *layer)
{
    const int32_t index = find_layer(positions, layer);
    return index < 0 ? 0
                     : atomic_load_explicit(&positions->layers[index]->pos, memory_order_acquire);
}

void
host_positions_free(struct host_positions *positions)
{
    const int32_t n = atomic_load(&positions->n_layers);
    for (int32_t i = 0; i < n; i++) {
        free(positions->layers[i]);
    }
}

cim_status
host_store_layer_changes(struct host_store *store,
                         void (*each)(void *arg, const char *layer, int64_t at_ms), void *arg,
                         cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(store,
                            "select l.layer, {ms c.at} from cim_layer_pos l "
                            "join cim_change c on c.pos = l.pos",
                            NULL, 0, &rows, err));
    row.rows = rows;
    for (;;) {
        char layer[HOST_STORE_LAYER_ID_MAX + 1];
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        host_row_copy(&row, 0, layer, sizeof layer);
        each(arg, layer, host_row_i64(&row, 1));
    }
}
