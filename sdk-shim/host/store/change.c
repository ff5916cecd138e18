/* host/store/change.c -- the change log and the positions of the store and of each layer.
 *
 * A position is given out inside the writer, so in the order of commits, and without gaps: a
 * savepoint that rolls back returns its positions. What readers see moves after the commit only. */
#include "host/store/store_internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

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

/* Of the writer thread (or before it runs): layers are only ever added. */
static cim_status
intern_layer(struct host_positions *positions, const char *layer, int32_t *ret_index,
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

void
host_positions_free(struct host_positions *positions)
{
    const int32_t n = atomic_load(&positions->n_layers);
    for (int32_t i = 0; i < n; i++) {
        free(positions->layers[i]);
    }
}

int64_t
host_store_pos(struct host_store *store)
{
    return atomic_load_explicit(&store->positions.pos, memory_order_acquire);
}

int64_t
host_store_layer_pos(struct host_store *store, const char *layer)
{
    const int32_t index = find_layer(&store->positions, layer);
    return index < 0
               ? 0
               : atomic_load_explicit(&store->positions.layers[index]->pos, memory_order_acquire);
}

static cim_status
load_layers(struct host_store *store, sqlite3_stmt *stmt, struct host_connection *conn,
            int64_t *ret_newest, cim_error *err)
{
    int64_t newest = 0;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const int64_t pos = sqlite3_column_int64(stmt, 1);
        int32_t index = 0;
        CIM_TRY(intern_layer(&store->positions, (const char *)sqlite3_column_text(stmt, 0), &index,
                             err));
        if (pos > atomic_load(&store->positions.layers[index]->pos)) {
            atomic_store(&store->positions.layers[index]->pos, pos);
        }
        newest = pos > newest ? pos : newest;
    }
    if (code != SQLITE_DONE) {
        return host_sqlite_fail(conn->db, code, "positions", err);
    }
    *ret_newest = newest;
    return CIM_OK;
}

cim_status
host_positions_load(struct host_store *store, struct host_connection *conn, cim_error *err)
{
    sqlite3_stmt *stmt = NULL;
    cim_status status = CIM_OK;
    int64_t newest = 0;
    int64_t has_log = 0;
    int code = SQLITE_OK;
    CIM_TRY(host_connection_int(
        conn, "select count(*) from sqlite_schema where name = 'cim_layer_pos'", &has_log, err));
    if (has_log == 0) {
        return CIM_OK;
    }
    code = sqlite3_prepare_v2(conn->db, "select layer, pos from cim_layer_pos", -1, &stmt, NULL);
    status = code == SQLITE_OK ? load_layers(store, stmt, conn, &newest, err)
                               : host_sqlite_fail(conn->db, code, "positions", err);
    (void)sqlite3_finalize(stmt); /* repeats an error that was told already */
    if (status == CIM_OK) {
        if (newest >= store->writer.next_pos) {
            store->writer.next_pos = newest + 1;
        }
        if (newest > atomic_load(&store->positions.pos)) {
            atomic_store_explicit(&store->positions.pos, newest, memory_order_release);
        }
    }
    return status;
}

/* Notes the newest position of a layer; a transaction touches few layers, so a walk will do. */
static cim_status
note_pending(struct host_writer *writer, int32_t layer, int64_t pos, int32_t since, cim_error *err)
{
    for (int32_t i = writer->n_pending - 1; i >= since; i--) {
        if (writer->pending[i].layer == layer) {
            writer->pending[i].pos = pos;
            return CIM_OK;
        }
    }
    if (writer->n_pending == writer->pending_capacity) {
        const int32_t capacity = writer->pending_capacity == 0 ? 64 : writer->pending_capacity * 2;
        struct host_pending *grown =
            realloc(writer->pending, (size_t)capacity * sizeof *writer->pending);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        writer->pending = grown;
        writer->pending_capacity = capacity;
    }
    writer->pending[writer->n_pending++] = (struct host_pending){.layer = layer, .pos = pos};
    return CIM_OK;
}

static cim_value
text_value(const char *name, const char *text)
{
    cim_value value = {.name = name};
    if (text != NULL) {
        value.type = CIM_COL_TEXT;
        value.len = (uint32_t)strlen(text);
        value.v.ptr = text;
    }
    return value;
}

static cim_value
int_value(const char *name, int64_t number)
{
    return (cim_value){.name = name, .type = CIM_COL_INT64, .v.i64 = number};
}

cim_status
host_store_change(cim_tx *tx, const char *layer, int64_t fid, int32_t op, const char *area_code,
                  const char *owner_org, cim_error *err)
{
    static const char sql[] =
        "insert into cim_change (pos, layer, fid, op, area_code, owner_org, at) "
        "values (:pos, :layer, :fid, :op, :area_code, :owner_org, {time :at})";
    struct host_writer *writer = &tx->store->writer;
    int32_t index = 0;
    const cim_value values[] = {
        int_value("pos", writer->next_pos),
        text_value("layer", layer),
        int_value("fid", fid),
        int_value("op", op),
        text_value("area_code", area_code),
        text_value("owner_org", owner_org),
        {.name = "at", .type = CIM_COL_TIME_MS, .v.i64 = tx->now_ms},
    };
    if (op < CIM_CHANGE_CREATE || op > CIM_CHANGE_BULK) {
        return cim_fail(err, CIM_E_INTERNAL, "op", NULL, "变更类型 %d 未知", "unknown change %d",
                        op);
    }
    CIM_TRY(intern_layer(&tx->store->positions, layer, &index, err));
    CIM_TRY(host_store_exec(tx, sql, values, sizeof values / sizeof values[0], NULL, err));
    CIM_TRY(note_pending(writer, index, writer->next_pos, tx->first_pending, err));
    writer->next_pos++;
    return CIM_OK;
}

cim_status
host_positions_store(struct host_store *store, cim_error *err)
{
    static const char sql[] = "insert into cim_layer_pos (layer, pos) values (:layer, :pos) "
                              "on conflict (layer) do update set pos = excluded.pos";
    struct host_writer *writer = &store->writer;
    struct cim_tx tx = {.store = store, .conn = writer->conn};
    for (int32_t i = 0; i < writer->n_pending; i++) {
        const struct host_pending *pending = &writer->pending[i];
        const cim_value values[] = {
            text_value("layer", store->positions.layers[pending->layer]->id),
            int_value("pos", pending->pos),
        };
        bool later = false;
        for (int32_t j = i + 1; j < writer->n_pending && !later; j++) {
            later = writer->pending[j].layer == pending->layer;
        }
        if (!later) {
            CIM_TRY(host_store_exec(&tx, sql, values, 2, NULL, err));
        }
    }
    return CIM_OK;
}

void
host_positions_publish(struct host_store *store)
{
    struct host_writer *writer = &store->writer;
    for (int32_t i = 0; i < writer->n_pending; i++) {
        atomic_store_explicit(&store->positions.layers[writer->pending[i].layer]->pos,
                              writer->pending[i].pos, memory_order_release);
    }
    if (writer->n_pending > 0) {
        atomic_store_explicit(&store->positions.pos, writer->next_pos - 1, memory_order_release);
    }
    writer->n_pending = 0;
}
