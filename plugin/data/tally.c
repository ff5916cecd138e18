/* plugin/data/tally.c -- see tally.h: making and following.
 *
 * A tally is made page by page. A record read later than the position the tally is said to be of
 * does no harm: the later change names it again, and it is read anew. What changed is read together
 * with its records by one statement, so that both are of one moment. Nothing is read under the
 * lock; who finds it being read leaves the count to the store. */
#include "data/tally.h"

#include "data/load.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_ROWS = 20000, FIDS_LEAST = 4096 };

void
lpg_tally_free(struct lpg_tally *tally)
{
    if (tally != NULL) {
        lpg_cells_done(&tally->cells);
        free(tally->cell_of);
        free(tally);
    }
}

static struct lpg_tally *
new_tally(const struct lpg_layer *layer)
{
    struct lpg_tally *tally = calloc(1, sizeof *tally);
    if (tally == NULL) {
        return NULL;
    }
    tally->areas_version = -1;
    tally->names[tally->n_dims++] = "area_code";
    tally->names[tally->n_dims++] = "owner_org";
    for (size_t i = 0; i < layer->def->n_count_by && tally->n_dims < LPG_TALLY_DIMS_MAX; i++) {
        const struct cim_field *field = layer->def->count_by[i];
        if ((field->type == CIM_FIELD_CODE || field->type == CIM_FIELD_BOOLEAN) &&
            !field->encrypted) {
            tally->names[tally->n_dims++] = field->name;
        }
    }
    return tally;
}

/* ---- records into cells ---- */

static cim_status
reach(struct lpg_tally *tally, int64_t fid, cim_error *err)
{
    size_t n = tally->n_fids == 0 ? FIDS_LEAST : tally->n_fids;
    if (fid < 0 || fid >= LPG_TALLY_FIDS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "fid", NULL, "编号超过 %d", "a fid over %d",
                        LPG_TALLY_FIDS_MAX);
    }
    while (n <= (size_t)fid) {
        n *= 2;
    }
    if (n > tally->n_fids) {
        uint32_t *grown = realloc(tally->cell_of, n * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        memset(grown + tally->n_fids, 0, (n - tally->n_fids) * sizeof *grown);
        tally->cell_of = grown;
        tally->n_fids = n;
    }
    return CIM_OK;
}

static void
remove_fid(struct lpg_tally *tally, int64_t fid)
{
    if (fid >= 0 && (size_t)fid < tally->n_fids && tally->cell_of[fid] != 0) {
        tally->cells.cells[tally->cell_of[fid] - 1].n--;
        tally->cell_of[fid] = 0;
    }
}

/* The record of a row whose values begin at `first`. */
static cim_status
put_record(struct lpg_tally *tally, int64_t fid, const cim_batch *batch, uint32_t first,
           int64_t row, cim_error *err)
{
    struct lpg_cell_text dims[LPG_TALLY_DIMS_MAX] = {{NULL, 0}};
    uint32_t cell = 0;
    for (uint32_t d = 0; d < tally->n_dims; d++) {
        const cim_column *column = batch->columns[first + d];
        if (!cim_column_present(column, row)) {
            continue;
        }
        if (column->type == CIM_COL_TEXT) {
            dims[d].text = (const char *)cim_column_bytes(column, row, &dims[d].len);
        } else {
            dims[d] = (struct lpg_cell_text){cim_column_i64(column, row) != 0 ? "1" : "0", 1};
        }
    }
    CIM_TRY(reach(tally, fid, err));
    CIM_TRY(lpg_cells_find(&tally->cells, dims, tally->n_dims, &cell, err));
    remove_fid(tally, fid);
    tally->cells.cells[cell].n++;
    tally->cell_of[fid] = cell + 1;
    return CIM_OK;
}

/* Areas are few, and cells come in the order of their records. */
static void
find_ordinals(struct lpg_tally *tally, const struct lpg_data *data)
{
    const int64_t version = data->access->areas_version(data->host);
    char code[64];
    if (version != tally->areas_version) {
        tally->areas_version = version;
        tally->n_ordinals = 0;
    }
    for (; tally->n_ordinals < tally->cells.n; tally->n_ordinals++) {
        struct lpg_cell *cell = &tally->cells.cells[tally->n_ordinals];
        const struct lpg_cell_text *area = &cell->dims[0];
        cell->area = -1;
        if (area->text != NULL && area->len < sizeof code) {
            memcpy(code, area->text, area->len);
            code[area->len] = '\0';
            cell->area = data->access->area_ordinal(data->host, code);
        }
    }
}

/* ---- making ---- */

static void
select_dims(struct lpg_statement *statement, const struct lpg_tally *tally, const char *table)
{
    for (uint32_t d = 0; d < tally->n_dims; d++) {
        lpg_sql(statement, ", %s.%s", table, tally->names[d]);
    }
}

static cim_status
read_page(const struct lpg_layer *layer, struct lpg_tally *tally, int64_t *after, bool *ret_more,
          cim_error *err)
{
    LPG_AUTO_STATEMENT struct lpg_statement statement;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    int64_t n = 0;
    CIM_TRY(lpg_statement_init(&statement, err));
    lpg_sql(&statement, "select fid");
    select_dims(&statement, tally, layer->def->table);
    lpg_sql(&statement, " from %s where fid > ", layer->def->table);
    lpg_sql_int(&statement, *after);
    lpg_sql(&statement, " and ");
    lpg_sql_visible(&statement, layer);
    lpg_sql(&statement, " order by fid limit ");
    lpg_sql_int(&statement, PAGE_ROWS);
    CIM_TRY(lpg_statement_finish(&statement, err));
    CIM_TRY(lpg_statement_read(layer->data, &statement, &rows, err));
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t row = 0; row < batch->n_rows; row++, n++) {
            *after = cim_column_i64(batch->columns[0], row);
            CIM_TRY(put_record(tally, *after, batch, 1, row, err));
        }
    } while (batch->n_rows > 0);
    *ret_more = n == PAGE_ROWS;
    return CIM_OK;
}

static cim_status
make(const struct lpg_layer *layer, const atomic_bool *stop, struct lpg_tally *tally,
     cim_error *err)
{
    const struct lpg_data *data = layer->data;
    int64_t after = 0;
    bool more = true;
    tally->pos = data->store->layer_pos(data->host, layer->def->id);
    while (more) {
        CIM_TRY(read_page(layer, tally, &after, &more, err));
        if (stop != NULL && atomic_load(stop)) {
            return CIM_E_CANCELLED;
        }
    }
    return CIM_OK;
}

cim_status
lpg_tallies_run(struct lpg_data *data, const atomic_bool *stop, cim_error *err)
{
    for (size_t i = 0; i < data->n_layers; i++) {
        struct lpg_layer *layer = data->layers[i];
        cim_error why = {.code = CIM_OK};
        (void)pthread_mutex_lock(&layer->mutex);
        const bool wanted = layer->tally_wanted;
        (void)pthread_mutex_unlock(&layer->mutex);
        if (!wanted) {
            continue;
        }
        struct lpg_tally *tally = new_tally(layer);
        const cim_status status =
            tally != NULL ? make(layer, stop, tally, &why) : cim_fail_nomem(&why);
        if (status != CIM_OK) {
            lpg_tally_free(tally);
            tally = NULL;
        }
        (void)pthread_mutex_lock(&layer->mutex);
        layer->tally_wanted = false;
        layer->tally_refused = layer->tally_refused || status == CIM_E_TOO_LARGE;
        struct lpg_tally *old = layer->tally;
        layer->tally = layer->tally_busy ? old : tally;
        layer->tally_wanted = layer->tally_busy; /* once more: somebody was following the old one */
        old = layer->tally_busy ? tally : old;
        (void)pthread_mutex_unlock(&layer->mutex);
        lpg_tally_free(old);
        if (status != CIM_OK && status != CIM_E_TOO_LARGE && status != CIM_E_CANCELLED) {
            if (err != NULL) {
                *err = why;
            }
            return status;
        }
    }
    return CIM_OK;
}

/* ---- following ---- */

static void
write_changes(const struct lpg_layer *layer, const struct lpg_tally *tally,
              struct lpg_statement *statement)
{
    const char *table = layer->def->table;
    const char *id = layer->def->id;
    lpg_sql(statement, "select c.fid, c.pos, c.op, %s.fid", table);
    select_dims(statement, tally, table);
    lpg_sql(statement, " from (select fid, max(pos) as pos, max(op) as op from cim_change where "
                       "pos > ");
    lpg_sql_int(statement, tally->pos);
    lpg_sql(statement, " and layer = ");
    lpg_sql_text(statement, id, strlen(id));
    lpg_sql(statement, " group by fid) c left join %s on %s.fid = c.fid limit ", table, table);
    lpg_sql_int(statement, LPG_TALLY_CHANGES_MAX + 1);
}

/* Positions are dense: where the one after the tally's is still there, none was dropped. */
static cim_status
reaches_back(const struct lpg_layer *layer, int64_t pos, bool *ret_reaches, cim_error *err)
{
    const cim_value value = {.name = "pos", .type = CIM_COL_INT64, .v.i64 = pos + 1};
    const struct lpg_data *data = layer->data;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(data->store->read(data->host, "select pos from cim_change where pos = :pos", &value, 1,
                              &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    *ret_reaches = batch->n_rows == 1;
    return CIM_OK;
}

/* *ret_followed false: it has to be made anew. */
static cim_status
follow(const struct lpg_layer *layer, struct lpg_tally *tally, bool *ret_followed, cim_error *err)
{
    LPG_AUTO_STATEMENT struct lpg_statement statement;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    int64_t pos = tally->pos;
    int64_t n = 0;
    CIM_TRY(reaches_back(layer, tally->pos, ret_followed, err));
    if (!*ret_followed) {
        return CIM_OK;
    }
    CIM_TRY(lpg_statement_init(&statement, err));
    write_changes(layer, tally, &statement);
    CIM_TRY(lpg_statement_finish(&statement, err));
    CIM_TRY(lpg_statement_read(layer->data, &statement, &rows, err));
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t row = 0; row < batch->n_rows; row++) {
            const int64_t fid = cim_column_i64(batch->columns[0], row);
            if (cim_column_i64(batch->columns[2], row) == CIM_CHANGE_BULK ||
                ++n > LPG_TALLY_CHANGES_MAX) {
                *ret_followed = false;
                return CIM_OK;
            }
            pos = cim_column_i64(batch->columns[1], row) > pos
                      ? cim_column_i64(batch->columns[1], row)
                      : pos;
            if (!cim_column_present(batch->columns[3], row)) {
                remove_fid(tally, fid);
            } else {
                CIM_TRY(put_record(tally, fid, batch, 4, row, err));
            }
        }
    } while (batch->n_rows > 0);
    tally->pos = pos;
    return CIM_OK;
}

struct lpg_tally *
lpg_tally_take(struct lpg_layer *layer)
{
    const struct lpg_data *data = layer->data;
    const int64_t wanted_pos = data->store->layer_pos(data->host, layer->def->id);
    struct lpg_tally *tally = NULL;
    bool followed = true;
    (void)pthread_mutex_lock(&layer->mutex);
    if (!layer->tally_busy && layer->tally != NULL) {
        tally = layer->tally;
        layer->tally_busy = true;
    }
    layer->tally_wanted = layer->tally == NULL && !layer->tally_refused;
    (void)pthread_mutex_unlock(&layer->mutex);
    if (tally != NULL && tally->pos < wanted_pos &&
        (follow(layer, tally, &followed, NULL) != CIM_OK || !followed || tally->pos < wanted_pos)) {
        (void)pthread_mutex_lock(&layer->mutex);
        layer->tally = NULL;
        layer->tally_busy = false;
        layer->tally_wanted = true;
        (void)pthread_mutex_unlock(&layer->mutex);
        lpg_tally_free(tally);
        return NULL;
    }
    if (tally != NULL) {
        find_ordinals(tally, data);
    }
    return tally;
}

void
lpg_tally_give_back(struct lpg_layer *layer)
{
    (void)pthread_mutex_lock(&layer->mutex);
    layer->tally_busy = false;
    layer->n_tallied++;
    (void)pthread_mutex_unlock(&layer->mutex);
}
