/* plugin/map/read.c -- see read.h. */
#include "map/read.h"

#include "cim/util.h"
#include "data/change_log.h"
#include "geo/mercator.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/wkb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

cim_status
lpg_reading_add_morton(struct lpg_reading *reading, uint64_t code, cim_error *err)
{
    const uint32_t i = reading->features->n - 1;
    if (i >= reading->morton_capacity) {
        const uint32_t capacity = reading->features->capacity;
        uint64_t *grown = realloc(reading->morton, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        reading->morton = grown;
        reading->morton_capacity = capacity;
    }
    reading->morton[i] = code;
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
load_attributes(struct lpg_reading *reading, const cim_batch *batch, int64_t row, cim_error *err)
{
    struct lpg_features *features = reading->features;
    const uint32_t i = features->n - 1;
    features->fid[i] = cim_column_i64(batch->columns[reading->fid], row);
    features->version[i] = (uint32_t)cim_column_i64(batch->columns[reading->version], row);
    CIM_TRY(
        put_code(&features->areas, batch->columns[reading->area], row, &features->area[i], err));
    CIM_TRY(
        put_code(&features->owners, batch->columns[reading->owner], row, &features->owner[i], err));
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        CIM_TRY(put_code(&features->attributes[a].dictionary, batch->columns[reading->columns[a]],
                         row, &features->attributes[a].codes[i], err));
    }
    return CIM_OK;
}

static cim_status
load_row(struct lpg_reading *reading, const cim_batch *batch, int64_t row, cim_error *err)
{
    const cim_column *geom = batch->columns[reading->geom];
    const uint8_t *wkb;
    size_t len;
    double lon;
    double lat;
    uint32_t x;
    uint32_t y;
    if (!cim_column_present(geom, row) || !cim_column_present(batch->columns[reading->area], row)) {
        reading->n_skipped++;
        return CIM_OK;
    }
    wkb = cim_column_bytes(geom, row, &len);
    if (reading->shapes != NULL) {
        if (lpg_shapes_add_wkb(reading->shapes, wkb, len, err) == CIM_E_NOMEM) {
            return CIM_E_NOMEM;
        }
        if (reading->shapes->n == reading->features->n) {
            reading->n_skipped++;
            return CIM_OK;
        }
        CIM_TRY(lpg_features_grow(reading->features, err));
        return load_attributes(reading, batch, row, err);
    }
    if (!cim_wkb_point(wkb, len, &lon, &lat) ||
        !(reading->features->degrees ? lpg_degrees_from_lonlat
                                     : lpg_mercator_from_lonlat)(lon, lat, &x, &y)) {
        reading->n_skipped++;
        return CIM_OK;
    }
    CIM_TRY(lpg_features_grow(reading->features, err));
    CIM_TRY(lpg_reading_add_morton(reading, lpg_morton(x, y), err));
    return load_attributes(reading, batch, row, err);
}

static cim_status
find_columns(struct lpg_reading *reading, const cim_rows *rows, cim_error *err)
{
    const struct lpg_features *features = reading->features;
    bool found;
    reading->fid = cim_rows_column(rows, "fid");
    reading->version = cim_rows_column(rows, "version");
    reading->area = cim_rows_column(rows, "area_code");
    reading->owner = cim_rows_column(rows, "owner_org");
    reading->geom = cim_rows_column(rows, "geom");
    found = reading->fid >= 0 && reading->version >= 0 && reading->area >= 0 &&
            reading->owner >= 0 && reading->geom >= 0;
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        reading->columns[a] = cim_rows_column(rows, features->attributes[a].field->name);
        found = found && reading->columns[a] >= 0;
    }
    return found ? CIM_OK
                 : cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "图层查询缺少列",
                            "a layer query lacks a column");
}

static cim_status
load_rows(struct lpg_reading *reading, cim_rows *rows, const cim_call *call, cim_error *err)
{
    CIM_TRY(find_columns(reading, rows, err));
    for (;;) {
        const cim_batch *batch;
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            return CIM_OK;
        }
        CIM_TRY(cim_heed_cancel(call, err));
        for (int64_t row = 0; row < batch->n_rows; row++) {
            CIM_TRY(load_row(reading, batch, row, err));
        }
    }
}

/* The call as the platform itself: a tile is cut to the caller's scope later, from all records;
 * sensitive fields never enter. */
static cim_call
as_platform(const cim_call *call)
{
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
    cim_call own = *call;
    own.scope = &scope;
    return own;
}

cim_status
lpg_read_count(const cim_layer *layer, const cim_call *call, int64_t *ret_count, cim_error *err)
{
    const cim_call own = as_platform(call);
    const cim_query query = {.struct_size = sizeof query};
    return layer->count(layer->self, &own, &query, ret_count, err);
}

static cim_status
query_layer(const struct lpg_features *features, const cim_layer *layer, const cim_call *call,
            const char *filter_json, cim_rows **ret_rows, cim_error *err)
{
    const char *properties[LPG_ATTRIBUTES_MAX];
    const cim_call own = as_platform(call);
    cim_query query = {.struct_size = sizeof query,
                       .properties = properties,
                       .n_properties = features->n_attributes,
                       .filter_json = filter_json};
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        properties[a] = features->attributes[a].field->name;
    }
    return layer->query(layer->self, &own, &query, ret_rows, err);
}

static cim_status
read_filtered(struct lpg_reading *reading, const cim_layer *layer, const cim_call *call,
              const char *filter_json, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(query_layer(reading->features, layer, call, filter_json, &rows, err));
    return load_rows(reading, rows, call, err);
}

cim_status
lpg_read_all(struct lpg_reading *reading, const cim_layer *layer, const cim_call *call,
             cim_error *err)
{
    return read_filtered(reading, layer, call, NULL, err);
}

cim_status
lpg_read_fids(struct lpg_reading *reading, const cim_layer *layer, const cim_call *call,
              const int64_t *fids, uint32_t n, cim_error *err)
{
    char filter[LPG_FIDS_FILTER_SIZE];
    for (uint32_t begin = 0; begin < n;) {
        begin += lpg_fids_filter(fids + begin, n - begin, filter);
        CIM_TRY(read_filtered(reading, layer, call, filter, err));
    }
    return CIM_OK;
}

/* ---- versions ---- */

struct versions {
    struct lpg_version *list;
    uint32_t n;
    uint32_t capacity;
};

static cim_status
add_version(struct versions *versions, int64_t fid, int64_t version, cim_error *err)
{
    if (versions->n == versions->capacity) {
        const uint32_t capacity = versions->capacity > 0 ? 2 * versions->capacity : 256;
        struct lpg_version *grown = versions->n < LPG_FEATURES_MAX
                                        ? realloc(versions->list, capacity * sizeof *grown)
                                        : NULL;
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        versions->list = grown;
        versions->capacity = capacity;
    }
    versions->list[versions->n++] = (struct lpg_version){.fid = fid, .version = (uint32_t)version};
    return CIM_OK;
}

static cim_status
add_versions(struct versions *versions, cim_rows *rows, const cim_call *call, cim_error *err)
{
    const int32_t fid = cim_rows_column(rows, "fid");
    const int32_t version = cim_rows_column(rows, "version");
    while (fid >= 0 && version >= 0) {
        const cim_batch *batch;
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            return CIM_OK;
        }
        CIM_TRY(cim_heed_cancel(call, err));
        for (int64_t row = 0; row < batch->n_rows; row++) {
            CIM_TRY(add_version(versions, cim_column_i64(batch->columns[fid], row),
                                cim_column_i64(batch->columns[version], row), err));
        }
    }
    return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "图层查询缺少列",
                    "a layer query lacks a column");
}

/* The row filter goes as a term of the scope, where the layer judges records by it as for any
 * other question: also by fields that a caller may not filter by. */
static cim_status
read_versions(struct versions *versions, const cim_layer *layer, const cim_call *call,
              const char *row_filter, const char *filter_json, cim_error *err)
{
    const cim_term term = {.struct_size = sizeof term,
                           .actions = CIM_ACT_READ,
                           .resource = "*",
                           .all_areas = 1,
                           .filter_json = row_filter,
                           .from_ms = INT64_MIN,
                           .until_ms = INT64_MAX};
    const cim_term *const terms[] = {&term};
    const cim_scope scope = {.struct_size = sizeof scope, .n_terms = 1, .terms = terms};
    static const char *const no_fields[] = {NULL};
    const cim_query query = {.struct_size = sizeof query,
                             .flags = CIM_QUERY_NO_GEOMETRY,
                             .properties = no_fields,
                             .filter_json = filter_json};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    cim_call own = *call;
    own.scope = &scope;
    CIM_TRY(layer->query(layer->self, &own, &query, &rows, err));
    return add_versions(versions, rows, call, err);
}

static int
compare_versions(const void *left, const void *right)
{
    const int64_t a = ((const struct lpg_version *)left)->fid;
    const int64_t b = ((const struct lpg_version *)right)->fid;
    return (a > b) - (a < b);
}

cim_status
lpg_read_versions(const cim_layer *layer, const cim_call *call, const char *row_filter,
                  const int64_t *fids, uint32_t n, struct lpg_version **ret_versions,
                  uint32_t *ret_n, cim_error *err)
{
    struct versions versions = {0};
    char filter[LPG_FIDS_FILTER_SIZE];
    cim_status status = CIM_OK;
    if (fids == NULL) {
        status = read_versions(&versions, layer, call, row_filter, NULL, err);
    }
    for (uint32_t begin = 0; fids != NULL && begin < n && status == CIM_OK;) {
        begin += lpg_fids_filter(fids + begin, n - begin, filter);
        status = read_versions(&versions, layer, call, row_filter, filter, err);
    }
    if (status != CIM_OK) {
        free(versions.list);
        return status;
    }
    if (versions.n > 0) {
        qsort(versions.list, versions.n, sizeof *versions.list, compare_versions);
    }
    *ret_versions = versions.list;
    *ret_n = versions.n;
    return CIM_OK;
}
