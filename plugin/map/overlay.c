/* plugin/map/overlay.c -- see overlay.h. */
#include "map/overlay.h"

#include "cim/util.h"
#include "map/read.h"

#include <stdlib.h>

void
lpg_overlay_free(struct lpg_overlay *overlay)
{
    if (overlay == NULL) {
        return;
    }
    lpg_points_free(overlay->added);
    lpg_points_free(overlay->removed);
    lpg_shapes_done(&overlay->shapes);
    free(overlay->removed_rows);
    lpg_features_done(&overlay->features);
    lpg_verdicts_done(&overlay->verdicts);
    free(overlay->touched);
    free(overlay);
}

static const struct lpg_touched *
find_touched(const struct lpg_overlay *overlay, int64_t fid)
{
    uint32_t begin = 0;
    uint32_t end = overlay->n_touched;
    while (begin < end) {
        const uint32_t middle = begin + (end - begin) / 2;
        if (overlay->touched[middle].fid < fid) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin < overlay->n_touched && overlay->touched[begin].fid == fid
               ? &overlay->touched[begin]
               : NULL;
}

/* ---- rows that stay ---- */

static cim_status
carry_code(const struct lpg_dictionary *from, uint32_t code, struct lpg_dictionary *to,
           uint32_t *ret_code, cim_error *err)
{
    if (code == 0) {
        return CIM_OK;
    }
    if (to->older == from->older && code < from->older->n) {
        *ret_code = code;
        return CIM_OK;
    }
    *ret_code = lpg_dictionary_put_value(to, lpg_dictionary_value(from, code));
    return *ret_code == 0 ? cim_fail_nomem(err) : CIM_OK;
}

static cim_status
carry_row(const struct lpg_overlay *old, uint32_t row, struct lpg_reading *reading, cim_error *err)
{
    const struct lpg_features *from = &old->features;
    struct lpg_features *to = reading->features;
    CIM_TRY(lpg_features_grow(to, err));
    if (reading->shapes != NULL) {
        CIM_TRY(lpg_shapes_add_copy(reading->shapes, &old->shapes, row, err));
    } else {
        CIM_TRY(lpg_reading_add_morton(reading, old->added->morton[row], err));
    }
    const uint32_t i = to->n - 1;
    to->fid[i] = from->fid[row];
    to->version[i] = from->version[row];
    CIM_TRY(carry_code(&from->areas, from->area[row], &to->areas, &to->area[i], err));
    CIM_TRY(carry_code(&from->owners, from->owner[row], &to->owners, &to->owner[i], err));
    for (uint32_t k = 0; k < to->n_attributes; k++) {
        const struct lpg_attribute *attribute = &from->attributes[k];
        CIM_TRY(carry_code(&attribute->dictionary, attribute->codes[row],
                           &to->attributes[k].dictionary, &to->attributes[k].codes[i], err));
    }
    return CIM_OK;
}

/* A row stays if its record is touched still, and not later than the row was read. */
static cim_status
carry_rows(const struct lpg_overlay *overlay, const struct lpg_overlay *old,
           struct lpg_reading *reading, cim_error *err)
{
    for (uint32_t row = 0; old != NULL && row < old->features.n; row++) {
        const int64_t fid = old->features.fid[row];
        const struct lpg_touched *now = find_touched(overlay, fid);
        if (now != NULL && now->pos == find_touched(old, fid)->pos) {
            CIM_TRY(carry_row(old, row, reading, err));
        }
    }
    return CIM_OK;
}

/* ---- building ---- */

static int
compare_rows(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

/* The base's rows of touched records, ascending. */
static cim_status
find_removed(const struct lpg_base *base, const struct lpg_overlay *overlay, uint32_t **ret_rows,
             uint32_t *ret_n, cim_error *err)
{
    uint32_t *rows = malloc((overlay->n_touched + 1) * sizeof *rows);
    uint32_t n = 0;
    if (rows == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < overlay->n_touched; i++) {
        const int64_t fid = overlay->touched[i].fid;
        const uint32_t row = base->points != NULL
                                 ? lpg_points_find(base->points, &base->features, fid)
                                 : lpg_shapes_find(&base->features, fid);
        if (row != UINT32_MAX) {
            rows[n++] = row;
        }
    }
    qsort(rows, n, sizeof *rows, compare_rows);
    *ret_rows = rows;
    *ret_n = n;
    return CIM_OK;
}

static cim_status
index_points(const struct lpg_base *base, struct lpg_overlay *overlay, uint64_t *morton,
             cim_error *err)
{
    uint32_t *rows = NULL;
    uint32_t n = 0;
    cim_status status;
    CIM_TRY(lpg_points_build(&overlay->features, morton, &overlay->added, err));
    CIM_TRY(find_removed(base, overlay, &rows, &n, err));
    status = lpg_points_pick(base->points, &base->features, rows, n, &overlay->removed, err);
    free(rows);
    return status;
}

static cim_status
build(const struct lpg_base *base, const struct lpg_overlay *old, struct lpg_overlay *overlay,
      const cim_layer *layer, const cim_call *call, const int64_t *fids, uint32_t n, cim_error *err)
{
    struct lpg_reading reading = {.features = &overlay->features,
                                  .shapes = base->points == NULL ? &overlay->shapes : NULL};
    cim_status status;
    overlay->shapes.degrees = base->shapes.degrees;
    lpg_features_init_like(&overlay->features, &base->features, true);
    status = carry_rows(overlay, old, &reading, err);
    if (status == CIM_OK && n > 0) {
        status = lpg_read_fids(&reading, layer, call, fids, n, err);
    }
    if (status != CIM_OK) {
        free(reading.morton);
        return status;
    }
    if (base->points != NULL) {
        return index_points(base, overlay, reading.morton, err);
    }
    CIM_TRY(lpg_shapes_index(&overlay->shapes, &overlay->features, err));
    return find_removed(base, overlay, &overlay->removed_rows, &overlay->n_removed, err);
}

/* Room for n touched records. */
static cim_status
new_overlay(uint32_t n, struct lpg_overlay **ret_overlay, cim_error *err)
{
    struct lpg_overlay *overlay = calloc(1, sizeof *overlay);
    if (overlay == NULL) {
        return cim_fail_nomem(err);
    }
    overlay->touched = calloc((size_t)n + 1, sizeof *overlay->touched);
    if (overlay->touched == NULL) {
        free(overlay);
        return cim_fail_nomem(err);
    }
    lpg_verdicts_init(&overlay->verdicts);
    *ret_overlay = overlay;
    return CIM_OK;
}

/* Both lists ascend; a record in both counts as of `pos`. */
static void
touch(struct lpg_overlay *overlay, const struct lpg_overlay *old, const int64_t *fids, uint32_t n,
      int64_t pos)
{
    const uint32_t n_old = old != NULL ? old->n_touched : 0;
    uint32_t o = 0;
    for (uint32_t i = 0; i < n; i++) {
        while (o < n_old && old->touched[o].fid < fids[i]) {
            overlay->touched[overlay->n_touched++] = old->touched[o++];
        }
        if (o < n_old && old->touched[o].fid == fids[i]) {
            o++;
        }
        overlay->touched[overlay->n_touched++] = (struct lpg_touched){.fid = fids[i], .pos = pos};
    }
    while (o < n_old) {
        overlay->touched[overlay->n_touched++] = old->touched[o++];
    }
}

cim_status
lpg_overlay_advance(const struct lpg_base *base, const struct lpg_overlay *old,
                    const cim_layer *layer, const cim_call *call, const int64_t *fids, uint32_t n,
                    int64_t pos, struct lpg_overlay **ret_overlay, cim_error *err)
{
    struct lpg_overlay *overlay = NULL;
    cim_status status = new_overlay(n + (old != NULL ? old->n_touched : 0), &overlay, err);
    CIM_TRY(status);
    touch(overlay, old, fids, n, pos);
    status = overlay->n_touched <= LPG_OVERLAY_TOUCHED_MAX
                 ? build(base, old, overlay, layer, call, fids, n, err)
                 : cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "待合并的改动超过 %d 条",
                            "more than %d changes wait to be merged", LPG_OVERLAY_TOUCHED_MAX);
    if (status != CIM_OK) {
        lpg_overlay_free(overlay);
        return status;
    }
    *ret_overlay = overlay;
    return CIM_OK;
}

cim_status
lpg_overlay_rebase(const struct lpg_base *base, const struct lpg_overlay *old, int64_t pos,
                   struct lpg_overlay **ret_overlay, cim_error *err)
{
    struct lpg_overlay *overlay = NULL;
    cim_status status = new_overlay(old->n_touched, &overlay, err);
    CIM_TRY(status);
    for (uint32_t i = 0; i < old->n_touched; i++) {
        if (old->touched[i].pos > pos) {
            overlay->touched[overlay->n_touched++] = old->touched[i];
        }
    }
    status = build(base, old, overlay, NULL, NULL, NULL, 0, err);
    if (status != CIM_OK) {
        lpg_overlay_free(overlay);
        return status;
    }
    *ret_overlay = overlay;
    return CIM_OK;
}
