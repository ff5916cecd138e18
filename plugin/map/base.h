/* plugin/map/base.h -- a layer in memory as it was loaded, merged or saved; never changes after
 * that.
 *
 * Snapshots of one layer share it by reference count. Only its caches, of filtered pyramids and of
 * verdicts on row filters, are written to, under their own locks.
 */
#ifndef LPG_MAP_BASE_H
#define LPG_MAP_BASE_H

#include "cim/layers.h"
#include "map/features.h"
#include "map/points.h"
#include "map/shapes.h"
#include "map/verdict.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LPG_SUBSETS_MAX = 32 }; /* filtered or owner pyramids kept per base, oldest use first out */

struct lpg_subset {
    char key[LPG_VIEW_KEY_SIZE];
    struct lpg_points *points;
    uint64_t used;
    uint32_t readers;
};

struct lpg_base {
    atomic_uint references;
    int64_t pos; /* as of which it is whole */
    void *file;  /* mapped, holds the arrays (saved.h); NULL: they are its own */
    size_t file_len;
    struct lpg_features features;
    struct lpg_points *points; /* of a point layer; NULL otherwise */
    struct lpg_shapes shapes;
    pthread_mutex_t lock; /* of the subsets; never held while one is built */
    uint64_t tick;
    struct lpg_subset subsets[LPG_SUBSETS_MAX];
    struct lpg_verdicts verdicts;
};

struct lpg_overlay;

/* With nothing in it, to be filled by who makes it. */
cim_status lpg_base_new(struct lpg_base **ret_base, cim_error *err);
/* Reads all records through the layer's own query, as the platform itself; `pos`: of the store when
 * that begins. */
cim_status lpg_base_load(const struct cim_definition *def, bool degrees, const cim_layer *layer,
                         const cim_call *call, int64_t pos, struct lpg_base **ret_base,
                         cim_error *err);
/* Base and overlay as one new base as of `pos`, from memory; values in use no more go. */
cim_status lpg_base_merge(const struct lpg_base *base, const struct lpg_overlay *overlay,
                          int64_t pos, struct lpg_base **ret_base, cim_error *err);
void lpg_base_ref(struct lpg_base *base);
void lpg_base_unref(struct lpg_base *base); /* NULL-safe */

/* The pyramid for a view that must be judged record by record; built once per key. *ret_slot is for
 * lpg_base_release(); NULL when the pyramid is the caller's own to free that way. */
cim_status lpg_base_subset(struct lpg_base *base, const struct lpg_view *view,
                           struct lpg_points **ret_points, struct lpg_subset **ret_slot,
                           cim_error *err);
void lpg_base_release(struct lpg_base *base, struct lpg_points *points, struct lpg_subset *slot);

#endif
