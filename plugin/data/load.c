/* plugin/data/load.c -- see load.h. */
#include "data/load.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <string.h>

enum { LOADS_SWEPT_MAX = 16 /* in one round */ };

static cim_value
text_value(const char *name, const char *text)
{
    return (cim_value){
        .name = name, .type = CIM_COL_TEXT, .len = (uint32_t)strlen(text), .v.ptr = text};
}

static cim_value
int_value(const char *name, int64_t number)
{
    return (cim_value){.name = name, .type = CIM_COL_INT64, .v.i64 = number};
}

/* ---- who sees what ---- */

/* Runs do not overlap: the one that begins last before the record is the only one that may hold it.
 * Without any run, which is nearly always, the database looks no further. */
void
lpg_load_visible(struct cim_buf *sql, const char *table)
{
    cim_buf_addf(sql,
                 "(not exists (select 1 from cim_load_run) or coalesce((select r.last_fid from "
                 "cim_load_run r where r.layer = :LAYER and r.first_fid <= %s.fid order by "
                 "r.first_fid desc limit 1), 0) < %s.fid)",
                 table, table);
}

void
lpg_sql_visible(struct lpg_statement *statement, const struct lpg_layer *layer)
{
    const char *table = layer->def->table;
    const char *id = layer->def->id;
    lpg_sql(statement,
            "(not exists (select 1 from cim_load_run) or coalesce((select r.last_fid from "
            "cim_load_run r where r.layer = ");
    lpg_sql_text(statement, id, strlen(id));
    lpg_sql(statement,
            " and r.first_fid <= %s.fid order by r.first_fid desc limit 1), 0) < %s.fid)", table,
            table);
}

/* ---- a load under way ---- */

cim_status
lpg_load_touch(const struct lpg_run *run, cim_tx *tx, bool begun, cim_error *err)
{
    const cim_store_v1 *store = run->layer->data->store;
    const cim_value values[] = {text_value("id", run->batch),
                                text_value("layer", run->layer->def->id)};
    int64_t n_changed = 0;
    if (!begun) {
        return store->exec(tx,
                           "insert into cim_load (id, layer, alive_at) values (:id, :layer, {now})",
                           values, 2, NULL, err);
    }
    CIM_TRY(store->exec(tx,
                        "update cim_load set alive_at = {now} where id = :id and taken_back = 0",
                        values, 1, &n_changed, err));
    return n_changed == 1
               ? CIM_OK
               : cim_fail(
                     err, CIM_E_BUSY, NULL, NULL, "写入停顿超过 %d 秒，已被撤回，没有保存，请重试",
                     "the edit stood still for over %d seconds and was taken back, nothing was "
                     "stored: try again",
                     LPG_LOAD_LEASE_MS / 1000);
}

cim_status
lpg_load_note(const struct lpg_run *run, cim_tx *tx, int64_t first, int64_t last, cim_error *err)
{
    const cim_store_v1 *store = run->layer->data->store;
    const cim_value values[] = {
        text_value("load", run->batch), int_value("last", last), int_value("before", first - 1),
        text_value("layer", run->layer->def->id), int_value("first", first)};
    const cim_value inserted[] = {values[0], values[3], values[4], values[1]};
    int64_t n_changed = 0;
    /* Mostly it goes on where the slice before has ended. */
    CIM_TRY(
        store->exec(tx,
                    "update cim_load_run set last_fid = :last where load = :load and last_fid = "
                    ":before",
                    values, 3, &n_changed, err));
    return n_changed > 0
               ? CIM_OK
               : store->exec(tx,
                             "insert into cim_load_run (load, layer, first_fid, last_fid) values "
                             "(:load, :layer, :first, :last)",
                             inserted, 4, NULL, err);
}

/* ---- its end ---- */

struct piece {
    int64_t fid; /* of the run */
    int64_t first;
    int64_t last;
};

static const char select_run[] = "select fid, first_fid, last_fid from cim_load_run where load = "
                                 ":load and fid > :after order by fid limit 1";

/* The run behind `after`; its fid is 0 past the last. */
static cim_status
next_run(const cim_store_v1 *store, cim_tx *tx, const char *load, int64_t after,
         struct piece *ret_run, cim_error *err)
{
    const cim_value values[] = {text_value("load", load), int_value("after", after)};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(store->query(tx, select_run, values, 2, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    *ret_run = (struct piece){.fid = 0};
    if (batch->n_rows == 1) {
        *ret_run = (struct piece){.fid = cim_column_i64(batch->columns[0], 0),
                                  .first = cim_column_i64(batch->columns[1], 0),
                                  .last = cim_column_i64(batch->columns[2], 0)};
    }
    return CIM_OK;
}

static cim_status
forget(const cim_store_v1 *store, cim_tx *tx, const char *load, int64_t *ret_n, cim_error *err)
{
    const cim_value value = text_value("load", load);
    return store->exec(tx, "delete from cim_load where id = :load", &value, 1, ret_n, err);
}

cim_status
lpg_load_publish(const struct lpg_run *run, cim_tx *tx, cim_error *err)
{
    const struct lpg_data *data = run->layer->data;
    const cim_value value = text_value("load", run->batch);
    struct piece piece = {.fid = 0};
    do {
        CIM_TRY(next_run(data->store, tx, run->batch, piece.fid, &piece, err));
        if (piece.fid != 0) {
            const cim_batches_change change = {.struct_size = sizeof change,
                                               .fid = piece.first,
                                               .last_fid = piece.last,
                                               .version = 1};
            CIM_TRY(data->batches->note(tx, run->batch, &change, err));
        }
    } while (piece.fid != 0);
    CIM_TRY(
        data->store->exec(tx, "delete from cim_load_run where load = :load", &value, 1, NULL, err));
    return forget(data->store, tx, run->batch, NULL, err);
}

/* ---- taking back ---- */

struct taking {
    const struct lpg_layer *layer;
    const char *id;
    int64_t silent_since_ms; /* only then */
    bool marked;
    bool done;
};

/* Before anything is deleted, so that no slice and no publishing comes in between. */
static cim_status
mark(struct taking *taking, cim_tx *tx, cim_error *err)
{
    const cim_value values[] = {
        text_value("load", taking->id),
        {.name = "since", .type = CIM_COL_TIME_MS, .v.i64 = taking->silent_since_ms}};
    int64_t n_changed = 0;
    CIM_TRY(taking->layer->data->store->exec(
        tx, "update cim_load set taken_back = 1 where id = :load and alive_at < {time :since}",
        values, 2, &n_changed, err));
    taking->marked = n_changed == 1;
    taking->done = n_changed == 0;
    return CIM_OK;
}

static cim_status
delete_piece(const struct taking *taking, cim_tx *tx, const struct piece *run, cim_error *err)
{
    const cim_store_v1 *store = taking->layer->data->store;
    const int64_t least = run->last - LPG_LOAD_UNDO_ROWS + 1;
    const int64_t first = least > run->first ? least : run->first;
    const cim_value range[] = {int_value("first", first), int_value("last", run->last)};
    const cim_value shorter[] = {int_value("fid", run->fid), int_value("last", first - 1)};
    char sql[160];
    (void)snprintf(sql, sizeof sql, "delete from %s where fid >= :first and fid <= :last",
                   taking->layer->def->table);
    CIM_TRY(store->exec(tx, sql, range, 2, NULL, err));
    return first == run->first
               ? store->exec(tx, "delete from cim_load_run where fid = :fid", shorter, 1, NULL, err)
               : store->exec(tx, "update cim_load_run set last_fid = :last where fid = :fid",
                             shorter, 2, NULL, err);
}

static cim_status
take_piece(void *arg, cim_tx *tx, cim_error *err)
{
    struct taking *taking = (struct taking *)arg;
    const cim_store_v1 *store = taking->layer->data->store;
    struct piece run = {.fid = 0};
    if (!taking->marked) {
        return mark(taking, tx, err);
    }
    CIM_TRY(next_run(store, tx, taking->id, 0, &run, err));
    taking->done = run.fid == 0;
    return taking->done ? forget(store, tx, taking->id, NULL, err)
                        : delete_piece(taking, tx, &run, err);
}

static cim_status
take_back(const struct lpg_layer *layer, const char *id, int64_t silent_since_ms,
          const atomic_bool *stop, cim_error *err)
{
    const struct lpg_data *data = layer->data;
    struct taking taking = {.layer = layer, .id = id, .silent_since_ms = silent_since_ms};
    while (!taking.done && (stop == NULL || !atomic_load(stop))) {
        CIM_TRY(data->store->write(data->host, take_piece, &taking, NULL, err));
    }
    return CIM_OK;
}

void
lpg_load_take_back(const struct lpg_layer *layer, const char *id)
{
    (void)take_back(layer, id, INT64_MAX, NULL, NULL); /* else the sweep does it */
}

struct dead {
    char id[40];
    struct lpg_layer *layer;
};

static cim_status
find_dead(struct lpg_data *data, int64_t silent_since_ms, struct dead dead[LOADS_SWEPT_MAX],
          size_t *ret_n, cim_error *err)
{
    LPG_AUTO_STATEMENT struct lpg_statement statement;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(lpg_statement_init(&statement, err));
    lpg_sql(&statement, "select id, layer from cim_load where alive_at < ");
    lpg_sql_time(&statement, silent_since_ms);
    lpg_sql(&statement, " order by fid limit ");
    lpg_sql_int(&statement, LOADS_SWEPT_MAX);
    CIM_TRY(lpg_statement_finish(&statement, err));
    CIM_TRY(lpg_statement_read(data, &statement, &rows, err));
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t i = 0; i < batch->n_rows && *ret_n < LOADS_SWEPT_MAX; i++) {
            char layer[128];
            (void)lpg_copy_cell(batch->columns[0], i, dead[*ret_n].id, sizeof dead[*ret_n].id);
            (void)lpg_copy_cell(batch->columns[1], i, layer, sizeof layer);
            dead[*ret_n].layer = lpg_data_layer(data, layer);
            *ret_n += dead[*ret_n].layer != NULL ? 1 : 0;
        }
    } while (batch->n_rows > 0);
    return CIM_OK;
}

cim_status
lpg_loads_sweep(struct lpg_data *data, const atomic_bool *stop, int64_t *ret_n_loads,
                cim_error *err)
{
    const int64_t since_ms = data->clock->now_ms(data->host) - LPG_LOAD_LEASE_MS;
    struct dead dead[LOADS_SWEPT_MAX];
    size_t n = 0;
    *ret_n_loads = 0;
    CIM_TRY(find_dead(data, since_ms, dead, &n, err));
    for (size_t i = 0; i < n; i++) {
        CIM_TRY(take_back(dead[i].layer, dead[i].id, since_ms, stop, err));
        ++*ret_n_loads;
    }
    return CIM_OK;
}
