/* plugin/map/snapshot.h -- one layer as of one position of the store: a base, which many snapshots
 * share, and an overlay of what changed since. Never changes; readers hold it by reference count.
 */
#ifndef LPG_MAP_SNAPSHOT_H
#define LPG_MAP_SNAPSHOT_H

#include "map/base.h"
#include "map/overlay.h"

struct lpg_snapshot {
    atomic_uint references;
    int64_t pos;
    struct lpg_base *base;
    struct lpg_overlay *overlay; /* NULL: nothing changed since */
};

/* Reads all records through the layer's own query, as the platform itself. `degrees`: for the grids
 * in degrees. */
cim_status lpg_snapshot_load(const struct cim_definition *def, bool degrees, const cim_layer *layer,
                             const cim_call *call, int64_t pos, struct lpg_snapshot **ret_snapshot,
                             cim_error *err);
/* The snapshot as of a later position, given the fids (ascending, each once) that
 * changed in between. CIM_E_TOO_LARGE: load it instead. */
cim_status lpg_snapshot_advance(const struct lpg_snapshot *snapshot, const cim_layer *layer,
                                const cim_call *call, const int64_t *fids, uint32_t n, int64_t pos,
                                struct lpg_snapshot **ret_snapshot, cim_error *err);
/* The same records over another base, which is as of the snapshot's position at most. */
cim_status lpg_snapshot_rebase(const struct lpg_snapshot *snapshot, struct lpg_base *base,
                               struct lpg_snapshot **ret_snapshot, cim_error *err);
/* What the base alone holds. Takes it, also when it fails. */
cim_status lpg_snapshot_of(struct lpg_base *base, struct lpg_snapshot **ret_snapshot,
                           cim_error *err);
void lpg_snapshot_ref(struct lpg_snapshot *snapshot);
void lpg_snapshot_unref(struct lpg_snapshot *snapshot); /* NULL-safe */

/* The features whose dictionaries hold every value: what a view is opened on. */
const struct lpg_features *lpg_snapshot_features(const struct lpg_snapshot *snapshot);
/* Has the store say which records satisfy the row filters of the view's scope: kept with the
 * snapshot. Without it those terms cover nothing. */
cim_status lpg_snapshot_judge(const struct lpg_snapshot *snapshot, const cim_layer *layer,
                              const cim_call *call, struct lpg_view *view, cim_error *err);
/* The pyramids of a point layer for one view: the snapshot's own, or those of the records that the
 * view covers. Valid while the snapshot is held. */
struct lpg_opened {
    struct lpg_stack stack;
    bool all_visible; /* as of lpg_points_tile() */
    struct lpg_points *subset;
    struct lpg_subset *slot; /* of the base's cache */
    struct lpg_points *removed;
    struct lpg_points *added;
};

/* Of lines and polygons; valid while the snapshot is held. */
struct lpg_shape_stack lpg_snapshot_shapes(const struct lpg_snapshot *snapshot);

cim_status lpg_snapshot_open(const struct lpg_snapshot *snapshot, const struct lpg_view *view,
                             struct lpg_opened *ret_opened, cim_error *err);
void lpg_snapshot_close(const struct lpg_snapshot *snapshot, struct lpg_opened *opened);
/* A tile of a point layer, as lpg_points_tile(). */
cim_status lpg_snapshot_tile(const struct lpg_snapshot *snapshot, const struct lpg_view *view,
                             uint32_t z, uint32_t col, uint32_t row, struct lpg_mvt *mvt,
                             char **ret_texts, cim_error *err);
struct lpg_cluster;
/* As lpg_points_cluster(); CIM_E_INVALID: no such id. */
cim_status lpg_snapshot_cluster(const struct lpg_snapshot *snapshot, const struct lpg_view *view,
                                int64_t id, uint64_t skip, uint32_t limit,
                                struct lpg_cluster *ret_cluster, cim_error *err);
/* How many of a cell's points the view covers. */
cim_status lpg_snapshot_count(const struct lpg_snapshot *snapshot, const struct lpg_view *view,
                              uint32_t z, uint32_t col, uint32_t row, uint64_t *ret_count,
                              cim_error *err);

#endif
