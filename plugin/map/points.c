/* plugin/map/points.c -- see points.h. */
#include "map/points.h"

#include "cim/util.h"
#include "geo/mercator.h"
#include "map/points_cell.h"
#include "map/rates.h"

#include <stdlib.h>
#include <string.h>

enum { COUNTED_VALUES_MAX = 64 /* of one count_by field */ };

/* ---- building ---- */

static cim_status
count_values(struct lpg_points *points, const struct lpg_features *features, uint32_t attribute,
             cim_error *err)
{
    const struct lpg_attribute *a = &features->attributes[attribute];
    const uint32_t n_values = a->dictionary.n > 0 ? a->dictionary.n : 1;
    const size_t n_blocks = points->n / LPG_POINTS_BLOCK + 1;
    const size_t stride = n_values - 1;
    struct lpg_counted *counted = &points->counted[points->n_counted];
    if (n_values > COUNTED_VALUES_MAX + 1) {
        return cim_fail(err, CIM_E_TOO_LARGE, "count_by", a->field->name, "计数字段最多 %d 个取值",
                        "a count_by field may have at most %d values", COUNTED_VALUES_MAX);
    }
    counted->attribute = attribute;
    counted->n_values = n_values;
    counted->words = calloc(n_blocks * stride + 1, sizeof *counted->words);
    counted->ranks = calloc(n_blocks * stride + 1, sizeof *counted->ranks);
    points->n_counted++;
    if (counted->words == NULL || counted->ranks == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < points->n; i++) {
        const uint32_t code = a->codes[lpg_points_row(points, i)];
        if (code != 0) {
            counted->words[i / LPG_POINTS_BLOCK * stride + code - 1] |= 1ULL
                                                                        << (i % LPG_POINTS_BLOCK);
        }
    }
    for (size_t at = stride; at < n_blocks * stride; at++) {
        counted->ranks[at] =
            counted->ranks[at - stride] + lpg_bits_set(counted->words[at - stride]);
    }
    return CIM_OK;
}

/* Prefix sums, partitions and counts per value over points->morton. */
cim_status
lpg_points_index(struct lpg_points *points, const struct lpg_features *features, cim_error *err)
{
    uint32_t n_partitions = 0;
    points->block_morton =
        malloc((points->n / LPG_POINTS_BLOCK + 1) * sizeof *points->block_morton);
    points->sum_x = malloc(((size_t)points->n + 1) * sizeof *points->sum_x);
    points->sum_y = malloc(((size_t)points->n + 1) * sizeof *points->sum_y);
    points->partitions =
        calloc(features->areas.n > 0 ? features->areas.n : 1, sizeof *points->partitions);
    if (points->block_morton == NULL || points->sum_x == NULL || points->sum_y == NULL ||
        points->partitions == NULL) {
        return cim_fail_nomem(err);
    }
    points->sum_x[0] = 0;
    points->sum_y[0] = 0;
    for (uint32_t i = 0; i < points->n; i++) {
        const uint32_t area = features->area[lpg_points_row(points, i)];
        uint32_t x;
        uint32_t y;
        if (i % LPG_POINTS_BLOCK == 0) {
            points->block_morton[i / LPG_POINTS_BLOCK] = points->morton[i];
        }
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

struct fid_key {
    int64_t fid;
    uint32_t row;
};

static int
compare_fids(const void *left, const void *right)
{
    const struct fid_key *a = left;
    const struct fid_key *b = right;
    return a->fid < b->fid ? -1 : a->fid > b->fid;
}

static cim_status
sort_fids(struct lpg_points *points, const struct lpg_features *features, cim_error *err)
{
    const uint32_t n = features->n;
    struct fid_key *keys = malloc(n > 0 ? n * sizeof *keys : 1);
    if (keys == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < n; i++) {
        keys[i] = (struct fid_key){.fid = features->fid[i], .row = i};
    }
    qsort(keys, n, sizeof *keys, compare_fids);
    for (uint32_t i = 0; i < n; i++) {
        points->by_fid[i] = keys[i].row;
    }
    free(keys);
    return CIM_OK;
}

/* The rows come in the order of fids as a rule, so that where they went is by_fid already. */
static cim_status
sort_points(struct lpg_points *points, struct lpg_features *features, uint64_t *morton,
            cim_error *err)
{
    const uint32_t n = features->n;
    bool in_order = true;
    struct sort_key *keys = malloc(n > 0 ? n * sizeof *keys : 1);
    uint32_t *order = malloc(n > 0 ? n * sizeof *order : 1);
    cim_status status = CIM_OK;
    points->by_fid = malloc(n > 0 ? n * sizeof *points->by_fid : 1);
    if (keys == NULL || order == NULL || points->by_fid == NULL) {
        free(keys);
        free(order);
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < n; i++) {
        in_order = in_order && (i == 0 || features->fid[i - 1] < features->fid[i]);
        keys[i] = (struct sort_key){.morton = morton[i], .area = features->area[i], .row = i};
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    for (uint32_t i = 0; i < n; i++) {
        morton[i] = keys[i].morton;
        order[i] = keys[i].row;
        points->by_fid[keys[i].row] = i;
    }
    free(keys);
    status = lpg_features_reorder(features, order, n, err);
    free(order);
    return status == CIM_OK && !in_order ? sort_fids(points, features, err) : status;
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
    status = sort_points(points, features, morton, err);
    if (status == CIM_OK) {
        status = lpg_points_index(points, features, err);
    }
    if (status != CIM_OK) {
        lpg_points_free(points);
        return status;
    }
    *ret_points = points;
    return CIM_OK;
}

cim_status
lpg_points_pick(const struct lpg_points *points, const struct lpg_features *features,
                const uint32_t *picked, uint32_t n, struct lpg_points **ret_points, cim_error *err)
{
    struct lpg_points *some = calloc(1, sizeof *some);
    cim_status status = CIM_OK;
    if (some == NULL) {
        return cim_fail_nomem(err);
    }
    some->n = n;
    some->morton = malloc(n > 0 ? n * sizeof *some->morton : 1);
    some->rows_owned = malloc(n > 0 ? n * sizeof *some->rows_owned : 1);
    some->row = some->rows_owned;
    if (some->morton == NULL || some->rows_owned == NULL) {
        status = cim_fail_nomem(err);
    } else {
        for (uint32_t i = 0; i < n; i++) {
            some->morton[i] = points->morton[picked[i]];
            some->rows_owned[i] = lpg_points_row(points, picked[i]);
        }
        status = lpg_points_index(some, features, err);
    }
    if (status != CIM_OK) {
        lpg_points_free(some);
        return status;
    }
    *ret_points = some;
    return CIM_OK;
}

cim_status
lpg_points_subset(const struct lpg_points *points, const struct lpg_features *features,
                  const struct lpg_view *view, struct lpg_points **ret_points, cim_error *err)
{
    uint32_t *covered = malloc(points->n > 0 ? points->n * sizeof *covered : 1);
    uint32_t n = 0;
    cim_status status;
    if (covered == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < points->n; i++) {
        if (lpg_view_covers(view, features, lpg_points_row(points, i))) {
            covered[n++] = i;
        }
    }
    status = lpg_points_pick(points, features, covered, n, ret_points, err);
    free(covered);
    return status;
}

cim_status
lpg_points_meet(const struct lpg_points *points, const struct lpg_points *others,
                const struct lpg_features *features, struct lpg_points **ret_points, cim_error *err)
{
    uint32_t *met = malloc(points->n > 0 ? points->n * sizeof *met : 1);
    uint32_t n = 0;
    uint32_t at = 0;
    cim_status status;
    if (met == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < points->n; i++) {
        const uint32_t row = lpg_points_row(points, i);
        while (at < others->n && lpg_points_row(others, at) < row) {
            at++;
        }
        if (at < others->n && lpg_points_row(others, at) == row) {
            met[n++] = i;
        }
    }
    status = lpg_points_pick(points, features, met, n, ret_points, err);
    free(met);
    return status;
}

uint32_t
lpg_points_find(const struct lpg_points *points, const struct lpg_features *features, int64_t fid)
{
    uint32_t begin = 0;
    uint32_t end = points->n;
    while (begin < end) {
        const uint32_t middle = begin + (end - begin) / 2;
        if (features->fid[points->by_fid[middle]] < fid) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin < points->n && features->fid[points->by_fid[begin]] == fid ? points->by_fid[begin]
                                                                            : UINT32_MAX;
}

void
lpg_points_free(struct lpg_points *points)
{
    if (points == NULL) {
        return;
    }
    for (uint32_t c = 0; c < points->n_counted; c++) {
        free(points->counted[c].words);
        free(points->counted[c].ranks);
    }
    for (size_t z = 0; z < LPG_POINTS_SINGLE_ZOOM; z++) {
        lpg_hexes_free(atomic_load(&points->hexes[z]));
    }
    free(points->morton);
    free(points->block_morton);
    free(points->sum_x);
    free(points->sum_y);
    free(points->partitions);
    free(points->rows_owned);
    free(points->by_fid);
    free(points);
}
