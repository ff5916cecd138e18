/* plugin/map/snapshot.c -- see snapshot.h. */
#include "map/snapshot.h"

#include "cim/util.h"
#include "map/cluster.h"

#include <stdlib.h>

/* Takes both, also when it fails. */
static cim_status
new_snapshot(struct lpg_base *base, struct lpg_overlay *overlay, int64_t pos,
             struct lpg_snapshot **ret_snapshot, cim_error *err)
{
    struct lpg_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        lpg_base_unref(base);
        lpg_overlay_free(overlay);
        return cim_fail_nomem(err);
    }
    atomic_init(&snapshot->references, 1);
    snapshot->pos = pos;
    snapshot->base = base;
    snapshot->overlay = overlay;
    *ret_snapshot = snapshot;
    return CIM_OK;
}

cim_status
lpg_snapshot_load(const struct cim_definition *def, bool degrees, const cim_layer *layer,
                  const cim_call *call, int64_t pos, struct lpg_snapshot **ret_snapshot,
                  cim_error *err)
{
    struct lpg_base *base = NULL;
    CIM_TRY(lpg_base_load(def, degrees, layer, call, pos, &base, err));
    return lpg_snapshot_of(base, ret_snapshot, err);
}

cim_status
lpg_snapshot_of(struct lpg_base *base, struct lpg_snapshot **ret_snapshot, cim_error *err)
{
    return new_snapshot(base, NULL, base->pos, ret_snapshot, err);
}

cim_status
lpg_snapshot_advance(const struct lpg_snapshot *snapshot, const cim_layer *layer,
                     const cim_call *call, const int64_t *fids, uint32_t n, int64_t pos,
                     struct lpg_snapshot **ret_snapshot, cim_error *err)
{
    struct lpg_overlay *overlay = NULL;
    CIM_TRY(lpg_overlay_advance(snapshot->base, snapshot->overlay, layer, call, fids, n, pos,
                                &overlay, err));
    lpg_base_ref(snapshot->base);
    return new_snapshot(snapshot->base, overlay, pos, ret_snapshot, err);
}

cim_status
lpg_snapshot_rebase(const struct lpg_snapshot *snapshot, struct lpg_base *base,
                    struct lpg_snapshot **ret_snapshot, cim_error *err)
{
    struct lpg_overlay *overlay = NULL;
    if (snapshot->pos > base->pos) {
        CIM_TRY(lpg_overlay_rebase(base, snapshot->overlay, base->pos, &overlay, err));
    }
    lpg_base_ref(base);
    return new_snapshot(base, overlay, snapshot->pos, ret_snapshot, err);
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
    lpg_overlay_free(snapshot->overlay); /* its dictionaries go on from the base's */
    lpg_base_unref(snapshot->base);
    free(snapshot);
}

const struct lpg_features *
lpg_snapshot_features(const struct lpg_snapshot *snapshot)
{
    return snapshot->overlay != NULL ? &snapshot->overlay->features : &snapshot->base->features;
}

cim_status
lpg_snapshot_judge(const struct lpg_snapshot *snapshot, const cim_layer *layer,
                   const cim_call *call, struct lpg_view *view, cim_error *err)
{
    struct lpg_overlay *overlay = snapshot->overlay;
    view->base = &snapshot->base->features;
    for (uint32_t i = 0; i < view->scope->n_terms; i++) {
        const char *filter_json = view->scope->terms[i]->filter_json;
        struct lpg_view_term *term = &view->terms[i];
        if (filter_json == NULL) {
            continue;
        }
        CIM_TRY(lpg_verdicts_get(&snapshot->base->verdicts, view->base, false, layer, call,
                                 filter_json, &term->base, err));
        if (overlay != NULL) {
            CIM_TRY(lpg_verdicts_get(&overlay->verdicts, &overlay->features, true, layer, call,
                                     filter_json, &term->overlay, err));
        }
    }
    return CIM_OK;
}

/* ---- reading ---- */

struct lpg_shape_stack
lpg_snapshot_shapes(const struct lpg_snapshot *snapshot)
{
    const struct lpg_overlay *overlay = snapshot->overlay;
    return (struct lpg_shape_stack){.shapes = &snapshot->base->shapes,
                                    .features = &snapshot->base->features,
                                    .removed = overlay != NULL ? overlay->removed_rows : NULL,
                                    .n_removed = overlay != NULL ? overlay->n_removed : 0,
                                    .added = overlay != NULL ? &overlay->shapes : NULL,
                                    .newer = lpg_snapshot_features(snapshot)};
}

void
lpg_snapshot_close(const struct lpg_snapshot *snapshot, struct lpg_opened *opened)
{
    if (opened->subset != NULL) {
        lpg_base_release(snapshot->base, opened->subset, opened->slot);
    }
    lpg_points_free(opened->removed);
    lpg_points_free(opened->added);
}

static cim_status
narrow(const struct lpg_snapshot *snapshot, const struct lpg_view *view, struct lpg_opened *opened,
       cim_error *err)
{
    const struct lpg_overlay *overlay = snapshot->overlay;
    CIM_TRY(lpg_base_subset(snapshot->base, view, &opened->subset, &opened->slot, err));
    opened->stack.points = opened->subset;
    if (overlay == NULL) {
        return CIM_OK;
    }
    CIM_TRY(lpg_points_meet(overlay->removed, opened->subset, &snapshot->base->features,
                            &opened->removed, err));
    CIM_TRY(lpg_points_subset(overlay->added, &overlay->features, view, &opened->added, err));
    opened->stack.removed = opened->removed;
    opened->stack.added = opened->added;
    return CIM_OK;
}

cim_status
lpg_snapshot_open(const struct lpg_snapshot *snapshot, const struct lpg_view *view,
                  struct lpg_opened *opened, cim_error *err)
{
    const struct lpg_overlay *overlay = snapshot->overlay;
    cim_status status;
    *opened = (struct lpg_opened){.stack = {.points = snapshot->base->points,
                                            .features = &snapshot->base->features,
                                            .removed = overlay != NULL ? overlay->removed : NULL,
                                            .added = overlay != NULL ? overlay->added : NULL,
                                            .newer = lpg_snapshot_features(snapshot)},
                                  .all_visible = view->by_record};
    if (!view->by_record) {
        return CIM_OK;
    }
    status = narrow(snapshot, view, opened, err);
    if (status != CIM_OK) {
        lpg_snapshot_close(snapshot, opened);
    }
    return status;
}

cim_status
lpg_snapshot_tile(const struct lpg_snapshot *snapshot, const struct lpg_view *view, uint32_t z,
                  uint32_t col, uint32_t row, struct lpg_mvt *mvt, char **ret_texts, cim_error *err)
{
    struct lpg_opened opened;
    cim_status status;
    CIM_TRY(lpg_snapshot_open(snapshot, view, &opened, err));
    status =
        lpg_points_tile(&opened.stack, view, opened.all_visible, z, col, row, mvt, ret_texts, err);
    lpg_snapshot_close(snapshot, &opened);
    return status;
}

cim_status
lpg_snapshot_count(const struct lpg_snapshot *snapshot, const struct lpg_view *view, uint32_t z,
                   uint32_t col, uint32_t row, uint64_t *ret_count, cim_error *err)
{
    struct lpg_opened opened;
    CIM_TRY(lpg_snapshot_open(snapshot, view, &opened, err));
    *ret_count = lpg_points_count(&opened.stack, view, opened.all_visible, z, col, row);
    lpg_snapshot_close(snapshot, &opened);
    return CIM_OK;
}

cim_status
lpg_snapshot_cluster(const struct lpg_snapshot *snapshot, const struct lpg_view *view, int64_t id,
                     uint64_t skip, uint32_t limit, struct lpg_cluster *ret_cluster, cim_error *err)
{
    struct lpg_opened opened;
    uint64_t first = 0;
    uint64_t last = 0;
    if (!lpg_cluster_cell(id, &first, &last) ||
        lpg_cluster_is_degrees(id) != snapshot->base->features.degrees) {
        return cim_fail(err, CIM_E_INVALID, "id", NULL, "不是聚合点的编号",
                        "not the id of a cluster");
    }
    CIM_TRY(lpg_snapshot_open(snapshot, view, &opened, err));
    lpg_points_cluster(&opened.stack, view, opened.all_visible, first, last, skip, limit,
                       ret_cluster);
    lpg_snapshot_close(snapshot, &opened);
    return CIM_OK;
}
