/* cim/batches.h -- cim.batches/1: edits of many records, kept so that they can be undone.
 *
 * The layer notes what an edit does to each record, inside the edit's transaction; the platform
 * keeps it for a time and undoes it through the layer's own `write` (cim/layers.h, CIM_EDIT_UNDO).
 */
#ifndef CIM_BATCHES_H
#define CIM_BATCHES_H

#include "cim/call.h"
#include "cim/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_BATCHES "cim.batches/1"

typedef struct cim_batches_change {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t fid;      /* of the record, or the first of a run of created ones */
    int64_t last_fid; /* of the run; the same for one record */
    int64_t version;  /* that the change gave it; of a deleted record: that it had */
    const char
        *image; /* a deleted or changed record as it was: a JSON object of texts by column, the
                   geometry as WKB in hexadecimal; absent columns left out. NULL: created */
} cim_batches_change;

typedef struct cim_batches_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Inside a cim_tx_fn; `id` is a UUIDv7 of the layer's choice. */
    cim_status (*note)(cim_tx *tx, const char *id, const cim_batches_change *change,
                       cim_error *err);
    /* After the last note: the batch itself. `op` is that of the edit, CIM_EDIT_CREATE …. */
    cim_status (*keep)(cim_tx *tx, const cim_call *call, const char *id, const char *layer,
                       int32_t op, int64_t n_records, cim_error *err);
} cim_batches_v1;

#ifdef __cplusplus
}
#endif
#endif
