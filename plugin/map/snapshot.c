/* plugin/map/snapshot.c -- see snapshot.h. */
#include "map/snapshot.h"

#include "cim/util.h"
#include "geo/mercator.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/wkb.h"

#include <stdlib.h>
#include <string.h>

/* ---- loading ---- */

struct loader {
    struct lpg_snapshot *snapshot;
    bool is_point;
    uint64_t *morton; /* one per feature, of a point layer */
    uint32_t morton_capacity;
    int32_t columns[LPG_ATTRIBUTES_MAX]; /* of the attributes */
    int32_t geom;
    int32_t fid;
    int32_t area;
    int32_t owner;
};

static cim_status
add_morton(struct loader *loader, uint64_t code, cim_error *err)
{
    const uint32_t i = loader->snapshot->features.n - 1;
    if (i >= loader->morton_capacity) {
        const uint32_t capacity = loader->snapshot->features.capacity;
        uint64_t *grown = realloc(loader->morton, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        loader->morton = grown;
        loader->morton_capacity = capacity;
    }
    loader->morton[i] = code;
    return CIM_OK;
}

static uint32_t
put_column(struct lpg_dictionary *dictionary, const cim_column *column, int64_t row)
{
    size_t len;
    const uint8_t *bytes;
    switch (column->type) {
    case CIM_COL_TEXT:
        bytes = cim_column_bytes(column, row, &len);
        return lpg_dictionary_put_text(dictionary, bytes, len);
    case CIM_COL_FLOAT64:
        return lpg_dictionary_put_number(dictionary, column->type, 0, cim_column_f64(column, row));
    default:
        return lpg_dictionary_put_number(dictionary, column->type, cim_column_i64(column, row), 0);
    }
}

static cim_status
put_code(struct lpg_dictionary *dictionary, const cim_column *column, int64_t row,
         uint32_t *ret_code, cim_error *err)
{
    if (!cim_column_present(column, row)) {
        return CIM_OK;
    }
    *ret_code = put_column(dictionary, column, row);
    return *ret_code == 0 ? cim_fail_nomem(err) : CIM_OK;
}

static cim_status
load_attributes(struct loader *loader, const cim_batch *batch, int64_t row, cim_error *err)
{
    struct lpg_features *features = &loader->snapshot->features;
    const uint32_t i = features->n - 1;
    features->fid[i] = cim_column_i64(batch->columns[loader->fid], row);
    CIM_TRY(put_code(&features->areas, batch->columns[loader->area], row, &features->area[i], err));
    CIM_TRY(
        put_code(&features->owners, batch->columns[loader->owner], row, &features->owner[i], err));
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        CIM_TRY(put_code(&features->attributes[a].dictionary, batch->columns[loader->columns[a]],
                         row, &features->attributes[a].codes[i], err));
    }
    return CIM_OK;
}

static cim_status
load_row(struct loader *loader, const cim_batch *batch, int64_t row, cim_error *err)
{
    struct lpg_snapshot *snapshot = loader->snapshot;
    const cim_column *geom = batch->columns[loader->geom];
    const uint8_t *wkb;
    size_t len;
    double lon;
    double lat;
    uint32_t x;
    uint32_t y;
    if (!cim_column_present(geom, row) || !cim_column_present(batch->columns[loader->area], row)) {
        snapshot->n_skipped++;
        return CIM_OK;
    }
    wkb = cim_column_bytes(geom, row, &len);
    if (!loader->is_point) {
        if (lpg_shapes_add_wkb(&snapshot->shapes, wkb, len, err) == CIM_E_NOMEM) {
            return CIM_E_NOMEM;
        }
        if (snapshot->shapes.n == snapshot->features.n) {
            snapshot->n_skipped++;
            return CIM_OK;
        }
        CIM_TRY(lpg_features_grow(&snapshot->features, err));
        return load_attributes(loader, batch, row, err);
    }
    if (!cim_wkb_point(wkb, len, &lon, &lat) || !lpg_mercator_from_lonlat(lon, lat, &x, &y)) {
        snapshot->n_skipped++;
        return CIM_OK;
    }
    CIM_TRY(lpg_features_grow(&snapshot->features, err));
    CIM_TRY(add_morton(loader, lpg_morton(x, y), err));
    return load_attributes(loader, batch, row, err);
}

static cim_status
find_columns(struct loader *loader, const cim_rows *rows, cim_error *err)
{
    const struct lpg_features *features = &loader->snapshot->features;
    bool found;
    loader->fid = cim_rows_column(rows, "fid");
    loader->area = cim_rows_column(rows, "area_code");
    loader->owner = cim_rows_column(rows, "owner_org");
    loader->geom = cim_rows_column(rows, "geom");
    found = loader->fid >= 0 && loader->area >= 0 && loader->owner >= 0 && loader->geom >= 0;
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        loader->columns[a] = cim_rows_column(rows, features->attributes[a].field->name);
        found = found && loader->columns[a] >= 0;
    }
    return found ? CIM_OK
                 : cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "图层查询缺少列",
                            "a layer query lacks a column");
}

static cim_status
load_rows(struct loader *loader, cim_rows *rows, const cim_call *call, cim_error *err)
{
    CIM_TRY(find_columns(loader, rows, err));
    for (;;) {
        const cim_batch *batch;
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            return CIM_OK;
        }
        if (call->cancelled != NULL && call->cancelled(call) != 0) {
            return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "请求已取消", "cancelled");
        }
        for (int64_t row = 0; row < batch->n_rows; row++) {
            CIM_TRY(load_row(loader, batch, row, err));
        }
    }
}

static cim_status
query_layer(const struct lpg_features *features, const cim_layer *layer, const cim_call *call,
            cim_rows **ret_rows, cim_error *err)
{
    /* A tile is cut to the caller's scope later, from all records; sensitive fields never enter. */
    static const cim_term everything = {.struct_size = sizeof everything,
                                        .actions = CIM_ACT_READ,
                                        .resource = "*",
                                        .all_areas = 1,
                                        .sensitive_mode = CIM_FIELD_ABSENT,
                                        .from_ms = INT64_MIN,
                                        .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&everything};
    static const cim_scope scope = {
        .struct_size = sizeof scope, .n_terms = 1, .terms = terms, .areas_version = 0};
    const char *properties[LPG_ATTRIBUTES_MAX];
    cim_query query = {.struct_size = sizeof query, .properties = properties};
    cim_call own = *call;
    own.scope = &scope;
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        properties[a] = features->attributes[a].field->name;
    }
    query.n_properties = features->n_attributes;
    return layer->query(layer->self, &own, &query, ret_rows, err);
}

static cim_status
load(const struct cim_definition *def, const cim_layer *layer, const cim_call *call,
     struct lpg_snapshot *snapshot, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct loader loader = {.snapshot = snapshot, .is_point = def->geometry == CIM_GEOMETRY_POINT};
    cim_status status;
    CIM_TRY(lpg_features_init(&snapshot->features, def, err));
    CIM_TRY(query_layer(&snapshot->features, layer, call, &rows, err));
    status = load_rows(&loader, rows, call, err);
    if (status != CIM_OK) {
        free(loader.morton);
        return status;
    }
    if (!loader.is_point) {
        return CIM_OK;
    }
    return lpg_points_build(&snapshot->features, CIM_TAKE(loader.morton), &snapshot->points, err);
}

cim_status
lpg_snapshot_load(const struct cim_definition *def, const cim_layer *layer, const cim_call *call,
                  int64_t pos, struct lpg_snapshot **ret_snapshot, cim_error *err)
{
    struct lpg_snapshot *snapshot = calloc(1, sizeof *snapshot);
    cim_status status;
    if (snapshot == NULL) {
        return cim_fail_nomem(err);
    }
    atomic_init(&snapshot->references, 1);
    (void)pthread_mutex_init(&snapshot->lock, NULL);
    snapshot->pos = pos;
    status = load(def, layer, call, snapshot, err);
    if (status != CIM_OK) {
        lpg_snapshot_unref(snapshot);
        return status;
    }
    *ret_snapshot = snapshot;
    return CIM_OK;
}

void
lpg_snapshot_ref(struct lpg_snapshot *snapshot)
{
    (void)atomic_fetch_add(&snapshot->references, 1);
}

void
lpg_snapshot_unref(struct lpg_snapshot *snapshot)
{
    if (snapshot == NULL || atomic_fetch_sub(&snapshot->references, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < LPG_SUBSETS_MAX; i++) {
        lpg_points_free(snapshot->subsets[i].points);
    }
    lpg_points_free(snapshot->points);
    lpg_shapes_done(&snapshot->shapes);
    lpg_features_done(&snapshot->features);
    (void)pthread_mutex_destroy(&snapshot->lock);
    free(snapshot);
}

/* ---- subsets ---- */

static struct lpg_subset *
find_subset(struct lpg_snapshot *snapshot, const char *key)
{
    for (size_t i = 0; i < LPG_SUBSETS_MAX; i++) {
        struct lpg_subset *slot = &snapshot->subsets[i];
        if (slot->points != NULL && strcmp(slot->key, key) == 0) {
            slot->used = ++snapshot->tick;
            slot->readers++;
            return slot;
        }
    }
    return NULL;
}

/* Where a new pyramid goes: a free slot, or the one longest unused that nobody reads. */
static struct lpg_subset *
free_slot(struct lpg_snapshot *snapshot)
{
    struct lpg_subset *oldest = NULL;
    for (size_t i = 0; i < LPG_SUBSETS_MAX; i++) {
        struct lpg_subset *slot = &snapshot->subsets[i];
        if (slot->points == NULL) {
            return slot;
        }
        if (slot->readers == 0 && (oldest == NULL || slot->used < oldest->used)) {
            oldest = slot;
        }
    }
    return oldest;
}

cim_status
lpg_snapshot_subset(struct lpg_snapshot *snapshot, const struct lpg_view *view,
                    struct lpg_points **ret_points, struct lpg_subset **ret_slot, cim_error *err)
{
    struct lpg_subset *slot;
    struct lpg_points *points;
    struct lpg_points *displaced = NULL;
    (void)pthread_mutex_lock(&snapshot->lock);
    slot = find_subset(snapshot, view->key);
    if (slot != NULL) {
        *ret_points = slot->points;
    }
    (void)pthread_mutex_unlock(&snapshot->lock);
    if (slot != NULL) {
        *ret_slot = slot;
        return CIM_OK;
    }
    CIM_TRY(lpg_points_subset(snapshot->points, &snapshot->features, view, &points, err));
    (void)pthread_mutex_lock(&snapshot->lock);
    slot = find_subset(snapshot, view->key); /* somebody may have been faster */
    if (slot != NULL) {
        displaced = points;
        points = slot->points;
    } else {
        slot = free_slot(snapshot);
        if (slot != NULL) {
            displaced = slot->points;
            cim_copy_text(slot->key, sizeof slot->key, view->key);
            slot->points = points;
            slot->used = ++snapshot->tick;
            slot->readers = 1;
        }
    }
    (void)pthread_mutex_unlock(&snapshot->lock);
    lpg_points_free(displaced);
    *ret_points = points;
    *ret_slot = slot;
    return CIM_OK;
}

void
lpg_snapshot_release(struct lpg_snapshot *snapshot, struct lpg_points *points,
                     struct lpg_subset *slot)
{
    if (slot == NULL) {
        lpg_points_free(points);
        return;
    }
    (void)pthread_mutex_lock(&snapshot->lock);
    slot->readers--;
    (void)pthread_mutex_unlock(&snapshot->lock);
}
