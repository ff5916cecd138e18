/* plugin/map/read.h -- records of a layer, through its own query, into columns. */
#ifndef LPG_MAP_READ_H
#define LPG_MAP_READ_H

#include "cim/layers.h"
#include "map/features.h"
#include "map/shapes.h"

struct lpg_reading {
    struct lpg_features *features; /* rows are appended; it has its attributes already */
    struct lpg_shapes *shapes;     /* of lines and polygons; NULL: the records are points */
    uint64_t *morton;              /* one per feature, of points; the caller's to free */
    uint32_t morton_capacity;
    int64_t n_skipped; /* records without a geometry that can be drawn */
    int32_t columns[LPG_ATTRIBUTES_MAX];
    int32_t fid;
    int32_t version;
    int32_t geom;
    int32_t area;
    int32_t owner;
};

/* All records, as the platform itself. */
cim_status lpg_read_all(struct lpg_reading *reading, const cim_layer *layer, const cim_call *call,
                        cim_error *err);
/* Those of n fids that are there. */
cim_status lpg_read_fids(struct lpg_reading *reading, const cim_layer *layer, const cim_call *call,
                         const int64_t *fids, uint32_t n, cim_error *err);
/* A record and the version (its low 32 bits) that satisfies a condition. */
struct lpg_version {
    int64_t fid;
    uint32_t version;
};
/* The records that satisfy a grant's row filter, in ascending order of fid: of n fids, or with
 * fids == NULL of all. *ret_versions is the caller's to free. */
cim_status lpg_read_versions(const cim_layer *layer, const cim_call *call, const char *row_filter,
                             const int64_t *fids, uint32_t n, struct lpg_version **ret_versions,
                             uint32_t *ret_n, cim_error *err);
/* How many records the layer holds. */
cim_status lpg_read_count(const cim_layer *layer, const cim_call *call, int64_t *ret_count,
                          cim_error *err);
/* A position for the row appended last. */
cim_status lpg_reading_add_morton(struct lpg_reading *reading, uint64_t code, cim_error *err);

#endif
