/* host/store/pg/change.c -- changes noted in a transaction, sent as one insert of arrays.
 *
 * They go to cim_change_pending with the transaction's id; the sequencer moves them to cim_change
 * and gives out positions once no older transaction can add any. */
#include "host/store/pg/pg.h"

#include "cim/util.h"

#include <string.h>

enum { CHANGES_BYTES_MAX = 64 << 20, N_ARRAYS = 5 };

static const char insert_changes[] =
    "insert into cim_change_pending (layer, fid, op, area_code, owner_org, at) "
    "select l, f, o, a, w, $6 from unnest($1, $2, $3, $4, $5) as t (l, f, o, a, w)";
/* text[], int8[], int8[], text[], text[], timestamptz */
static const Oid insert_types[] = {1009, 1016, 1016, 1009, 1009, HOST_PG_TIMESTAMPTZ};
/* Most edits change one record, and arrays take the server twice as long. */
static const char insert_change[] =
    "insert into cim_change_pending (layer, fid, op, area_code, owner_org, at) "
    "values ($1, $2, $3, $4, $5, $6)";
static const Oid single_types[] = {HOST_PG_TEXT, HOST_PG_INT8, HOST_PG_INT8,
                                   HOST_PG_TEXT, HOST_PG_TEXT, HOST_PG_TIMESTAMPTZ};

static struct cim_buf *
array_of(struct host_pg_tx *tx, int i)
{
    struct cim_buf *const arrays[N_ARRAYS] = {&tx->layers, &tx->fids, &tx->ops, &tx->areas,
                                              &tx->owners};
    return arrays[i];
}

void
host_pg_changes_init(struct host_pg_tx *tx)
{
    for (int i = 0; i < N_ARRAYS; i++) {
        cim_buf_init(array_of(tx, i), CHANGES_BYTES_MAX);
    }
}

void
host_pg_changes_done(struct host_pg_tx *tx)
{
    for (int i = 0; i < N_ARRAYS; i++) {
        cim_buf_done(array_of(tx, i));
    }
}

static void
add_int8(struct cim_buf *array, int64_t value)
{
    uint8_t bytes[8];
    host_pg_put_int(bytes, (uint64_t)value, sizeof bytes);
    host_pg_array_add(array, bytes, sizeof bytes);
}

static void
add_text(struct cim_buf *array, const char *text)
{
    host_pg_array_add(array, text, text != NULL ? strlen(text) : 0);
}

cim_status
host_pg_change(cim_tx *base, const char *layer, int64_t fid, int32_t op, const char *area_code,
               const char *owner_org, cim_error *err)
{
    struct host_pg_tx *tx = host_pg_tx_of(base);
    if (layer[0] == '\0' || strlen(layer) > HOST_STORE_LAYER_ID_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "layer", layer, "图层名过长或图层过多（上限 %d）",
                        "layer id too long, or more than %d layers", HOST_STORE_LAYERS_MAX);
    }
    if (tx->n_noted == 0) {
        for (int i = 0; i < N_ARRAYS; i++) {
            host_pg_array_start(array_of(tx, i));
        }
    }
    add_text(&tx->layers, layer);
    add_int8(&tx->fids, fid);
    add_int8(&tx->ops, op);
    add_text(&tx->areas, area_code);
    add_text(&tx->owners, owner_org);
    for (int i = 0; i < N_ARRAYS; i++) {
        CIM_TRY(cim_buf_status(array_of(tx, i), err));
    }
    tx->n_noted++;
    return tx->n_noted < HOST_PG_CHANGES_MAX ? CIM_OK : host_pg_changes_flush(tx, err);
}

static cim_status
prepare_one(struct host_pg_connection *conn, const char *name, const char *sql, const Oid *types,
            cim_error *err)
{
    return host_pg_prepare(conn, name, sql, N_ARRAYS + 1, types, err);
}

static cim_status
prepare(struct host_pg_tx *tx, cim_error *err)
{
    struct host_pg_connection *conn = tx->conn;
    if (conn->knows_changes) {
        return CIM_OK;
    }
    CIM_TRY(host_pg_tx_settle(tx, err));
    CIM_TRY(prepare_one(conn, "cim_change", insert_change, single_types, err));
    CIM_TRY(prepare_one(conn, "cim_changes", insert_changes, insert_types, err));
    conn->knows_changes = true;
    return CIM_OK;
}

static void
bind(struct host_pg_tx *tx)
{
    struct host_pg_bound *bound = &tx->conn->bound;
    for (int i = 0; i < N_ARRAYS; i++) {
        const bool is_int = i == 1 || i == 2;
        if (tx->n_noted == 1) {
            host_pg_array_bind_only(bound, i, array_of(tx, i));
        } else {
            host_pg_array_bind(bound, i, array_of(tx, i), is_int ? HOST_PG_INT8 : HOST_PG_TEXT,
                               tx->n_noted);
        }
    }
    host_pg_put_int(bound->numbers[N_ARRAYS], (uint64_t)host_pg_time(tx->base.now_ms), 8);
    bound->values[N_ARRAYS] = (const char *)bound->numbers[N_ARRAYS];
    bound->lengths[N_ARRAYS] = 8;
    bound->formats[N_ARRAYS] = 1;
}

cim_status
host_pg_changes_flush(struct host_pg_tx *tx, cim_error *err)
{
    cim_status status = CIM_OK;
    if (tx->n_noted == 0) {
        return CIM_OK;
    }
    CIM_TRY(host_pg_rows_set_aside(tx, err));
    status = prepare(tx, err);
    if (status != CIM_OK) {
        tx->broken = tx->begun;
        return status;
    }
    bind(tx);
    CIM_TRY(
        host_pg_tx_send(tx, tx->n_noted == 1 ? "cim_change" : "cim_changes", N_ARRAYS + 1, err));
    tx->n_sent += tx->n_noted;
    tx->n_noted = 0;
    return CIM_OK;
}
