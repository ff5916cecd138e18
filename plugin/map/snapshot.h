/* plugin/map/snapshot.h -- one layer in memory, as of one position of the store. */
#ifndef LPG_MAP_SNAPSHOT_H
#define LPG_MAP_SNAPSHOT_H

#include "cim/layers.h"
#include "map/features.h"
#include "map/points.h"
#include "map/shapes.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    LPG_SUBSETS_MAX = 32
}; /* filtered or owner pyramids kept per snapshot, oldest use first out */

struct lpg_subset {
    char key[LPG_VIEW_KEY_SIZE];
    struct lpg_points *points;
    uint64_t used;
    uint32_t readers;
};

struct lpg_snapshot {
    atomic_uint references;
    int64_t pos;
    struct lpg_features features;
    struct lpg_points *points; /* of a point layer; NULL otherwise */
    struct lpg_shapes shapes;
    int64_t n_skipped;    /* records without a geometry that can be drawn */
    pthread_mutex_t lock; /* of the subsets; never held while one is built */
    uint64_t tick;
    struct lpg_subset subsets[LPG_SUBSETS_MAX];
};

/* Reads all records through the layer's own query, as the platform itself. */
cim_status lpg_snapshot_load(const struct cim_definition *def, const cim_layer *layer,
                             const cim_call *call, int64_t pos, struct lpg_snapshot **ret_snapshot,
                             cim_error *err);
void lpg_snapshot_ref(struct lpg_snapshot *snapshot);
void lpg_snapshot_unref(struct lpg_snapshot *snapshot); /* NULL-safe */

/* The pyramid for a view that must be judged record by record; built once per key. *ret_slot is for
 * lpg_snapshot_release(); NULL when the pyramid is the caller's own to free that way. */
cim_status lpg_snapshot_subset(struct lpg_snapshot *snapshot, const struct lpg_view *view,
                               struct lpg_points **ret_points, struct lpg_subset **ret_slot,
                               cim_error *err);
void lpg_snapshot_release(struct lpg_snapshot *snapshot, struct lpg_points *points,
                          struct lpg_subset *slot);

#endif
