/* plugin/map/overlay.h -- what changed since a base: records that are no more as they were there,
 * and records as they are now. Small, never changes; each new position gets a new one. */
#ifndef LPG_MAP_OVERLAY_H
#define LPG_MAP_OVERLAY_H

#include "map/base.h"

enum {
    LPG_OVERLAY_TOUCHED_MAX = 16384, /* records in all; more: the layer is loaded */
    LPG_OVERLAY_MERGE = 512,         /* from here on it is merged in the background, */
    LPG_OVERLAY_PART = 1024,         /* unless it is less than this part of the base, */
    LPG_OVERLAY_MERGE_MAX = 4096     /* but however large the base from here on */
};

/* A record that was written or deleted, and the position up to which that was read. */
struct lpg_touched {
    int64_t fid;
    int64_t pos;
};

struct lpg_overlay {
    uint32_t n_touched;
    struct lpg_touched *touched;  /* ascending by fid */
    struct lpg_features features; /* the records now; dictionaries go on from the base's */
    struct lpg_points *added;     /* of points: over `features` */
    struct lpg_points *removed;   /* of points: the touched rows of the base */
    struct lpg_shapes shapes;     /* of lines and polygons: over `features` */
    uint32_t n_removed;
    uint32_t *removed_rows; /* of lines and polygons: the touched rows of the base, ascending */
    struct lpg_verdicts verdicts; /* on `features` */
};

/* The overlay with n more records (ascending) as of `pos`, read through the layer. `old`: NULL or
 * one over the same base, as of an earlier position. CIM_E_TOO_LARGE: load the layer. */
cim_status lpg_overlay_advance(const struct lpg_base *base, const struct lpg_overlay *old,
                               const cim_layer *layer, const cim_call *call, const int64_t *fids,
                               uint32_t n, int64_t pos, struct lpg_overlay **ret_overlay,
                               cim_error *err);
/* What `old` has of after `pos`, over a base that has the rest. */
cim_status lpg_overlay_rebase(const struct lpg_base *base, const struct lpg_overlay *old,
                              int64_t pos, struct lpg_overlay **ret_overlay, cim_error *err);
void lpg_overlay_free(struct lpg_overlay *overlay); /* NULL-safe */

#endif
