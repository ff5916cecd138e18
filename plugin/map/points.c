/* plugin/map/points.c -- see points.h. */
#include "map/points.h"

#include "cim/rows.h"
#include "cim/util.h"
#include "geo/mercator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELLS = 1 << (2 * LPG_CLUSTER_LEVELS),
    CELL_UNITS = LPG_MVT_EXTENT >> LPG_CLUSTER_LEVELS,
    UNITS_PER_PX = LPG_MVT_EXTENT / 512,
    COUNTED_VALUES_MAX = 64 /* of one count_by field */
};

/* ---- building ---- */

static void
bitmap_set(struct lpg_bitmap *bitmap, uint32_t i)
{
    bitmap->words[i / 64U] |= 1ULL << (i % 64U);
}

/* Bits set before position i. */
static uint32_t
bitmap_rank(const struct lpg_bitmap *bitmap, uint32_t i)
{
    const uint64_t below = (1ULL << (i % 64U)) - 1;
    return bitmap->rank[i / 64U] + (uint32_t)__builtin_popcountll(bitmap->words[i / 64U] & below);
}

static cim_status
count_values(struct lpg_points *points, const struct lpg_features *features, uint32_t attribute,
             cim_error *err)
{
    const struct lpg_attribute *a = &features->attributes[attribute];
    const uint32_t n_values = a->dictionary.n > 0 ? a->dictionary.n : 1;
    const size_t n_words = points->n / 64U + 1;
    struct lpg_counted *counted = &points->counted[points->n_counted];
    if (n_values > COUNTED_VALUES_MAX + 1) {
        return cim_fail(err, CIM_E_TOO_LARGE, "count_by", a->field->name, "计数字段最多 %d 个取值",
                        "a count_by field may have at most %d values", COUNTED_VALUES_MAX);
    }
    counted->bitmaps = calloc(n_values, sizeof *counted->bitmaps);
    if (counted->bitmaps == NULL) {
        return cim_fail_nomem(err);
    }
    counted->attribute = attribute;
    counted->n_values = n_values;
    points->n_counted++;
    for (uint32_t v = 1; v < n_values; v++) {
        counted->bitmaps[v].words = calloc(n_words, sizeof(uint64_t));
        counted->bitmaps[v].rank = calloc(n_words, sizeof(uint32_t));
        if (counted->bitmaps[v].words == NULL || counted->bitmaps[v].rank == NULL) {
            return cim_fail_nomem(err);
        }
    }
    for (uint32_t i = 0; i < points->n; i++) {
        const uint32_t code = a->codes[points->row != NULL ? points->row[i] : i];
        if (code != 0) {
            bitmap_set(&counted->bitmaps[code], i);
        }
    }
    for (uint32_t v = 1; v < n_values; v++) {
        uint32_t rank = 0;
        for (size_t w = 0; w < n_words; w++) {
            counted->bitmaps[v].rank[w] = rank;
            rank += (uint32_t)__builtin_popcountll(counted->bitmaps[v].words[w]);
        }
    }
    return CIM_OK;
}

/* Prefix sums, partitions and bitmaps over points->morton, which is in order. */
static cim_status
index_points(struct lpg_points *points, const struct lpg_features *features, cim_error *err)
{
    uint32_t n_partitions = 0;
    points->sum_x = malloc(((size_t)points->n + 1) * sizeof *points->sum_x);
    points->sum_y = malloc(((size_t)points->n + 1) * sizeof *points->sum_y);
    points->partitions =
        calloc(features->areas.n > 0 ? features->areas.n : 1, sizeof *points->partitions);
    if (points->sum_x == NULL || points->sum_y == NULL || points->partitions == NULL) {
        return cim_fail_nomem(err);
    }
    points->sum_x[0] = 0;
    points->sum_y[0] = 0;
    for (uint32_t i = 0; i < points->n; i++) {
        const uint32_t area = features->area[points->row != NULL ? points->row[i] : i];
        uint32_t x;
        uint32_t y;
        lpg_morton_split(points->morton[i], &x, &y);
        points->sum_x[i + 1] = points->sum_x[i] + x;
        points->sum_y[i + 1] = points->sum_y[i] + y;
        if (n_partitions == 0 || points->partitions[n_partitions - 1].area != area) {
            points->partitions[n_partitions++] = (struct lpg_partition){.area = area, .begin = i};
        }
        points->partitions[n_partitions - 1].end = i + 1;
    }
    points->n_partitions = n_partitions;
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        if (features->attributes[a].counted) {
            CIM_TRY(count_values(points, features, a, err));
        }
    }
    return CIM_OK;
}

struct sort_key {
    uint64_t morton;
    uint32_t area;
    uint32_t row;
};

static int
compare_keys(const void *left, const void *right)
{
    const struct sort_key *a = left;
    const struct sort_key *b = right;
    if (a->area != b->area) {
        return a->area < b->area ? -1 : 1;
    }
    if (a->morton != b->morton) {
        return a->morton < b->morton ? -1 : 1;
    }
    return a->row < b->row ? -1 : a->row > b->row;
}

static cim_status
sort_points(struct lpg_features *features, uint64_t *morton, cim_error *err)
{
    const uint32_t n = features->n;
    struct sort_key *keys = malloc(n > 0 ? n * sizeof *keys : 1);
    uint32_t *order = malloc(n > 0 ? n * sizeof *order : 1);
    cim_status status = CIM_OK;
    if (keys == NULL || order == NULL) {
        free(keys);
        free(order);
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < n; i++) {
        keys[i] = (struct sort_key){.morton = morton[i], .area = features->area[i], .row = i};
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    for (uint32_t i = 0; i < n; i++) {
        morton[i] = keys[i].morton;
        order[i] = keys[i].row;
    }
    free(keys);
    status = lpg_features_reorder(features, order, n, err);
    free(order);
    return status;
}

cim_status
lpg_points_build(struct lpg_features *features, uint64_t *morton, struct lpg_points **ret_points,
                 cim_error *err)
{
    struct lpg_points *points = calloc(1, sizeof *points);
    cim_status status;
    if (points == NULL) {
        free(morton);
        return cim_fail_nomem(err);
    }
    points->morton = morton;
    points->n = features->n;
    status = sort_points(features, morton, err);
    if (status == CIM_OK) {
        status = index_points(points, features, err);
    }
    if (status != CIM_OK) {
        lpg_points_free(points);
        return status;
    }
    *ret_points = points;
    return CIM_OK;
}

cim_status
lpg_points_subset(const struct lpg_points *points, const struct lpg_features *features,
                  const struct lpg_view *view, struct lpg_points **ret_points, cim_error *err)
{
    struct lpg_points *subset = calloc(1, sizeof *subset);
    cim_status status = CIM_OK;
    uint32_t n = 0;
    if (subset == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < points->n; i++) {
        n += lpg_view_covers(view, features, i) ? 1 : 0;
    }
    subset->morton = malloc(n > 0 ? n * sizeof *subset->morton : 1);
    subset->rows_owned = malloc(n > 0 ? n * sizeof *subset->rows_owned : 1);
    subset->row = subset->rows_owned;
    if (subset->morton == NULL || subset->rows_owned == NULL) {
        status = cim_fail_nomem(err);
    } else {
        for (uint32_t i = 0; i < points->n; i++) {
            if (lpg_view_covers(view, features, i)) {
                subset->morton[subset->n] = points->morton[i];
                subset->rows_owned[subset->n++] = i;
            }
        }
        status = index_points(subset, features, err);
    }
    if (status != CIM_OK) {
        lpg_points_free(subset);
        return status;
    }
    *ret_points = subset;
    return CIM_OK;
}

void
lpg_points_free(struct lpg_points *points)
{
    if (points == NULL) {
        return;
    }
    for (uint32_t c = 0; c < points->n_counted; c++) {
        for (uint32_t v = 1; v < points->counted[c].n_values; v++) {
            free(points->counted[c].bitmaps[v].words);
            free(points->counted[c].bitmaps[v].rank);
        }
        free(points->counted[c].bitmaps);
    }
    free(points->morton);
    free(points->sum_x);
    free(points->sum_y);
    free(points->partitions);
    free(points->rows_owned);
    free(points);
}

/* ---- reading ---- */

/* First point of [begin, end) whose code is >= `code`. */
static uint32_t
lower_bound(const uint64_t *morton, uint32_t begin, uint32_t end, uint64_t code)
{
    while (begin < end) {
        const uint32_t middle = begin + (end - begin) / 2;
        if (morton[middle] < code) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

/* The points of a partition that lie in the cell: [*ret_begin, *ret_end). */
static void
cell_range(const struct lpg_points *points, uint32_t begin, uint32_t end, uint64_t first,
           uint64_t last, uint32_t *ret_begin, uint32_t *ret_end)
{
    *ret_begin = lower_bound(points->morton, begin, end, first);
    *ret_end = last == UINT64_MAX ? end : lower_bound(points->morton, *ret_begin, end, last + 1);
}

static bool
partition_visible(const struct lpg_partition *partition, const struct lpg_view *view,
                  bool all_visible)
{
    return all_visible || view->area_state[partition->area] == LPG_AREA_VISIBLE;
}

uint64_t
lpg_points_count(const struct lpg_points *points, const struct lpg_view *view, bool all_visible,
                 uint32_t z, uint32_t col, uint32_t row)
{
    const uint64_t first = lpg_morton_cell_first(z, col, row);
    const uint64_t last = lpg_morton_cell_last(z, col, row);
    uint64_t count = 0;
    for (uint32_t p = 0; p < points->n_partitions; p++) {
        uint32_t begin;
        uint32_t end;
        if (partition_visible(&points->partitions[p], view, all_visible)) {
            cell_range(points, points->partitions[p].begin, points->partitions[p].end, first, last,
                       &begin, &end);
            count += end - begin;
        }
    }
    return count;
}

/* Where a tile lies among the 32-bit positions. */
struct tile_frame {
    uint32_t z;
    uint64_t x0;
    uint64_t y0;
};

static int32_t
to_units(uint64_t position, uint64_t origin, uint32_t z)
{
    return (int32_t)(((position - origin) * LPG_MVT_EXTENT) >> (32U - z));
}

struct single_keys {
    uint32_t fid;
    uint32_t area_code;
    uint32_t attributes[LPG_ATTRIBUTES_MAX];
};

static void
single_keys_init(struct single_keys *keys, const struct lpg_features *features, struct lpg_mvt *mvt)
{
    keys->fid = lpg_mvt_key(mvt, "fid");
    keys->area_code = lpg_mvt_key(mvt, "area_code");
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        keys->attributes[a] = lpg_mvt_key(mvt, features->attributes[a].field->name);
    }
}

static void
draw_single(const struct lpg_points *points, const struct lpg_features *features, uint32_t i,
            const struct tile_frame *frame, const struct single_keys *keys, struct lpg_mvt *mvt)
{
    const uint32_t row = points->row != NULL ? points->row[i] : i;
    uint32_t x;
    uint32_t y;
    lpg_morton_split(points->morton[i], &x, &y);
    lpg_mvt_begin(mvt, LPG_MVT_POINT, (uint64_t)features->fid[row]);
    lpg_mvt_tag(mvt, keys->fid, lpg_mvt_value_int(mvt, features->fid[row]));
    lpg_mvt_tag(mvt, keys->area_code,
                lpg_mvt_value_text(mvt, features->areas.values[features->area[row]].text));
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        const struct lpg_attribute *attribute = &features->attributes[a];
        if (attribute->codes[row] != 0) {
            lpg_mvt_tag(
                mvt, keys->attributes[a],
                lpg_value_to_mvt(mvt, &attribute->dictionary.values[attribute->codes[row]]));
        }
    }
    lpg_mvt_point(mvt, to_units(x, frame->x0, frame->z), to_units(y, frame->y0, frame->z));
    lpg_mvt_end(mvt);
}

/* Sums over one cluster cell. */
struct cell {
    uint64_t count;
    uint64_t sum_x; /* relative to the tile's corner: stays below 2^64 for 2^32 points */
    uint64_t sum_y;
    uint32_t some; /* one of its points */
};

struct drawing {
    const struct lpg_points *points;
    const struct lpg_features *features;
    struct tile_frame frame;
    struct cell cells[CELLS];
    uint64_t *value_counts; /* CELLS x total values of all counted attributes */
    uint32_t n_values;
};

static void
add_range(struct drawing *drawing, uint32_t c, uint32_t begin, uint32_t end)
{
    const struct lpg_points *points = drawing->points;
    struct cell *cell = &drawing->cells[c];
    const uint64_t count = end - begin;
    uint64_t *values = drawing->value_counts + (size_t)c * drawing->n_values;
    if (count == 0) {
        return;
    }
    cell->count += count;
    cell->sum_x += points->sum_x[end] - points->sum_x[begin] - count * drawing->frame.x0;
    cell->sum_y += points->sum_y[end] - points->sum_y[begin] - count * drawing->frame.y0;
    cell->some = begin;
    for (uint32_t k = 0; k < points->n_counted; k++) {
        const struct lpg_counted *counted = &points->counted[k];
        for (uint32_t v = 1; v < counted->n_values; v++) {
            values[v] +=
                bitmap_rank(&counted->bitmaps[v], end) - bitmap_rank(&counted->bitmaps[v], begin);
        }
        values += counted->n_values;
    }
}

static void
add_partition(struct drawing *drawing, uint32_t begin, uint32_t end, uint64_t first)
{
    const uint32_t z = drawing->frame.z + LPG_CLUSTER_LEVELS;
    const uint64_t span = UINT64_MAX >> (2U * z); /* codes of a cell, less one */
    uint32_t at = begin;
    while (at < end) {
        const uint32_t c = (uint32_t)((drawing->points->morton[at] - first) / (span + 1));
        const uint64_t last = first + (uint64_t)c * (span + 1) + span;
        uint32_t next = at;
        uint32_t step = 1;
        /* Gallops to the cell's end: cells are few points or many, both cheap. */
        while (next < end && drawing->points->morton[next] <= last) {
            at = next + 1;
            next = end - next > step ? next + step : end;
            step *= 2;
        }
        at = last == UINT64_MAX ? end : lower_bound(drawing->points->morton, at, next, last + 1);
        add_range(drawing, c, begin, at);
        begin = at;
    }
}

int32_t
lpg_cluster_radius_px(uint64_t count)
{
    return count < 10 ? 16 : count < 100 ? 18 : count < 1000 ? 21 : count < 10000 ? 25 : 30;
}

static int32_t
anchor(uint64_t sum, uint64_t count, uint32_t cell, uint32_t z)
{
    const int32_t margin = lpg_cluster_radius_px(count) * UNITS_PER_PX;
    const int32_t low = (int32_t)(cell * CELL_UNITS) + margin;
    const int32_t high = (int32_t)((cell + 1) * CELL_UNITS) - margin;
    const int32_t units = (int32_t)(((sum / count) * LPG_MVT_EXTENT) >> (32U - z));
    return units < low ? low : units > high ? high : units;
}

/* Below 2^53: 5 bits of zoom, then the cell's place among the cells of that zoom. */
static uint64_t
cluster_id(const struct tile_frame *frame, uint32_t c)
{
    const uint32_t z = frame->z + LPG_CLUSTER_LEVELS;
    const uint64_t first =
        frame->z == 0 ? 0 : lpg_morton((uint32_t)frame->x0, (uint32_t)frame->y0) >> (64U - 2U * z);
    return ((uint64_t)z << 40U) | (first + c);
}

struct cluster_keys {
    uint32_t cluster;
    uint32_t count;
    uint32_t cluster_id;
    uint32_t *values;
};

static void
draw_cluster(const struct drawing *drawing, uint32_t c, const struct cluster_keys *keys,
             struct lpg_mvt *mvt)
{
    const struct cell *cell = &drawing->cells[c];
    const uint64_t id = cluster_id(&drawing->frame, c);
    const uint64_t *values = drawing->value_counts + (size_t)c * drawing->n_values;
    uint32_t x;
    uint32_t y;
    lpg_morton_split(c, &x, &y);
    lpg_mvt_begin(mvt, LPG_MVT_POINT, id);
    lpg_mvt_tag(mvt, keys->cluster, lpg_mvt_value_bool(mvt, true));
    lpg_mvt_tag(mvt, keys->count, lpg_mvt_value_int(mvt, (int64_t)cell->count));
    lpg_mvt_tag(mvt, keys->cluster_id, lpg_mvt_value_int(mvt, (int64_t)id));
    for (uint32_t v = 0; v < drawing->n_values; v++) {
        if (values[v] > 0) {
            lpg_mvt_tag(mvt, keys->values[v], lpg_mvt_value_int(mvt, (int64_t)values[v]));
        }
    }
    lpg_mvt_point(mvt, anchor(cell->sum_x, cell->count, x, drawing->frame.z),
                  anchor(cell->sum_y, cell->count, y, drawing->frame.z));
    lpg_mvt_end(mvt);
}

/* "n_<field>_<value>" for every counted value; texts live in *ret_texts until the tile is done. */
static cim_status
name_values(const struct drawing *drawing, struct lpg_mvt *mvt, uint32_t *keys, char **ret_texts,
            cim_error *err)
{
    enum { NAME_SIZE = 128 };
    const struct lpg_points *points = drawing->points;
    char *texts = calloc(drawing->n_values > 0 ? drawing->n_values : 1, NAME_SIZE);
    uint32_t v = 0;
    if (texts == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t k = 0; k < points->n_counted; k++) {
        const struct lpg_attribute *attribute =
            &drawing->features->attributes[points->counted[k].attribute];
        for (uint32_t i = 0; i < points->counted[k].n_values; i++, v++) {
            const struct lpg_value *value = i > 0 ? &attribute->dictionary.values[i] : NULL;
            char *name = texts + (size_t)v * NAME_SIZE;
            if (value == NULL) {
                continue;
            }
            /* A definition counts by codes and booleans alone. */
            const char *text = value->type == CIM_COL_TEXT ? value->text
                               : value->i64 != 0           ? "true"
                                                           : "false";
            (void)snprintf(name, NAME_SIZE, "n_%s_%s", attribute->field->name, text);
            keys[v] = lpg_mvt_key(mvt, name);
        }
    }
    *ret_texts = texts;
    return CIM_OK;
}

static cim_status
draw_cells(struct drawing *drawing, struct lpg_mvt *mvt, char **ret_texts, cim_error *err)
{
    struct single_keys singles;
    struct cluster_keys keys;
    uint32_t *values = calloc(drawing->n_values > 0 ? drawing->n_values : 1, sizeof *values);
    cim_status status;
    if (values == NULL) {
        return cim_fail_nomem(err);
    }
    single_keys_init(&singles, drawing->features, mvt);
    keys = (struct cluster_keys){.cluster = lpg_mvt_key(mvt, "cluster"),
                                 .count = lpg_mvt_key(mvt, "count"),
                                 .cluster_id = lpg_mvt_key(mvt, "cluster_id"),
                                 .values = values};
    status = name_values(drawing, mvt, values, ret_texts, err);
    for (uint32_t c = 0; status == CIM_OK && c < CELLS; c++) {
        if (drawing->cells[c].count == 1) {
            draw_single(drawing->points, drawing->features, drawing->cells[c].some, &drawing->frame,
                        &singles, mvt);
        } else if (drawing->cells[c].count > 1) {
            draw_cluster(drawing, c, &keys, mvt);
        }
    }
    free(values);
    return status;
}

static void
draw_singles(const struct lpg_points *points, const struct lpg_features *features, uint32_t begin,
             uint32_t end, const struct tile_frame *frame, struct lpg_mvt *mvt)
{
    struct single_keys keys;
    single_keys_init(&keys, features, mvt);
    for (uint32_t i = begin; i < end; i++) {
        draw_single(points, features, i, frame, &keys, mvt);
    }
}

cim_status
lpg_points_tile(const struct lpg_points *points, const struct lpg_features *features,
                const struct lpg_view *view, bool all_visible, uint32_t z, uint32_t col,
                uint32_t row, struct lpg_mvt *mvt, char **ret_texts, cim_error *err)
{
    const uint64_t first = lpg_morton_cell_first(z, col, row);
    const uint64_t last = lpg_morton_cell_last(z, col, row);
    struct drawing *drawing = calloc(1, sizeof *drawing);
    cim_status status = CIM_OK;
    if (drawing == NULL) {
        return cim_fail_nomem(err);
    }
    drawing->points = points;
    drawing->features = features;
    drawing->frame = (struct tile_frame){
        .z = z, .x0 = (uint64_t)col << (32U - z), .y0 = (uint64_t)row << (32U - z)};
    for (uint32_t k = 0; k < points->n_counted; k++) {
        drawing->n_values += points->counted[k].n_values;
    }
    drawing->value_counts =
        calloc((size_t)CELLS * (drawing->n_values > 0 ? drawing->n_values : 1), sizeof(uint64_t));
    if (drawing->value_counts == NULL) {
        free(drawing);
        return cim_fail_nomem(err);
    }
    for (uint32_t p = 0; p < points->n_partitions; p++) {
        const struct lpg_partition *partition = &points->partitions[p];
        uint32_t begin;
        uint32_t end;
        if (!partition_visible(partition, view, all_visible)) {
            continue;
        }
        cell_range(points, partition->begin, partition->end, first, last, &begin, &end);
        if (z >= LPG_POINTS_SINGLE_ZOOM) {
            draw_singles(points, features, begin, end, &drawing->frame, mvt);
        } else {
            add_partition(drawing, begin, end, first);
        }
    }
    if (z < LPG_POINTS_SINGLE_ZOOM) {
        status = draw_cells(drawing, mvt, ret_texts, err);
    }
    free(drawing->value_counts);
    free(drawing);
    return status;
}
