/* host/store/sqlite/change.c -- the change log and the positions of the store and of each layer.
 *
 * A position is given out inside the writer, so in the order of commits, and without gaps: a
 * savepoint that rolls back returns its positions. What readers see moves after the commit only. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <stdlib.h>
#include <string.h>

static cim_status
load_layers(struct host_sqlite *store, sqlite3_stmt *stmt, struct host_connection *conn,
            int64_t *ret_newest, cim_error *err)
{
    int64_t newest = 0;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const int64_t pos = sqlite3_column_int64(stmt, 1);
        int32_t index = 0;
        CIM_TRY(host_positions_intern(&store->base.positions,
                                      (const char *)sqlite3_column_text(stmt, 0), &index, err));
        if (pos > atomic_load(&store->base.positions.layers[index]->pos)) {
            atomic_store(&store->base.positions.layers[index]->pos, pos);
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
host_sqlite_positions_load(struct host_sqlite *store, struct host_connection *conn, cim_error *err)
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
        if (newest > atomic_load(&store->base.positions.pos)) {
            atomic_store_explicit(&store->base.positions.pos, newest, memory_order_release);
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
host_sqlite_change(cim_tx *base, const char *layer, int64_t fid, int32_t op, const char *area_code,
                   const char *owner_org, cim_error *err)
{
    static const char sql[] =
        "insert into cim_change (pos, layer, fid, op, area_code, owner_org, at) "
        "values (:pos, :layer, :fid, :op, :area_code, :owner_org, {time :at})";
    const struct host_sqlite_tx *tx = host_sqlite_tx_of(base);
    struct host_writer *writer = &host_sqlite_of(base->store)->writer;
    int32_t index = 0;
    const cim_value values[] = {
        int_value("pos", writer->next_pos),
        text_value("layer", layer),
        int_value("fid", fid),
        int_value("op", op),
        text_value("area_code", area_code),
        text_value("owner_org", owner_org),
        {.name = "at", .type = CIM_COL_TIME_MS, .v.i64 = base->now_ms},
    };
    CIM_TRY(host_positions_intern(&base->store->positions, layer, &index, err));
    CIM_TRY(host_sqlite_exec(base, sql, values, sizeof values / sizeof values[0], NULL, err));
    CIM_TRY(note_pending(writer, index, writer->next_pos, tx->first_pending, err));
    writer->next_pos++;
    return CIM_OK;
}

cim_status
host_sqlite_positions_store(struct host_sqlite *store, cim_error *err)
{
    static const char sql[] = "insert into cim_layer_pos (layer, pos) values (:layer, :pos) "
                              "on conflict (layer) do update set pos = excluded.pos";
    struct host_writer *writer = &store->writer;
    struct host_sqlite_tx tx = {.base = {.store = &store->base}, .conn = writer->conn};
    for (int32_t i = 0; i < writer->n_pending; i++) {
        const struct host_pending *pending = &writer->pending[i];
        const cim_value values[] = {
            text_value("layer", store->base.positions.layers[pending->layer]->id),
            int_value("pos", pending->pos),
        };
        bool later = false;
        for (int32_t j = i + 1; j < writer->n_pending && !later; j++) {
            later = writer->pending[j].layer == pending->layer;
        }
        if (!later) {
            CIM_TRY(host_sqlite_exec(&tx.base, sql, values, 2, NULL, err));
        }
    }
    return CIM_OK;
}

void
host_sqlite_positions_publish(struct host_sqlite *store)
{
    struct host_writer *writer = &store->writer;
    for (int32_t i = 0; i < writer->n_pending; i++) {
        atomic_store_explicit(&store->base.positions.layers[writer->pending[i].layer]->pos,
                              writer->pending[i].pos, memory_order_release);
    }
    if (writer->n_pending > 0) {
        atomic_store_explicit(&store->base.positions.pos, writer->next_pos - 1,
                              memory_order_release);
    }
    writer->n_pending = 0;
}
