/* plugin/data/load.h -- a large create in slices, of which nobody sees any before all are there.
 *
 * A load is a row of cim_load. Each slice is a transaction of its own that notes the fids it
 * created in cim_load_run; queries leave out what lies in such a run (lpg_sql_visible). The last
 * transaction takes the runs away and makes them a batch, with change and audit: from then on
 * everybody sees all of it. Every slice says that the load is alive; one that was silent for
 * LPG_LOAD_LEASE_MS lost its process and is taken back, slice by slice. Unique values of a load are
 * taken while it goes on.
 */
#ifndef LPG_DATA_LOAD_H
#define LPG_DATA_LOAD_H

#include "data/edit.h"

#include <stdatomic.h>

enum {
    LPG_LOAD_LEASE_MS = 60000,
    LPG_LOAD_UNDO_ROWS = 2000 /* taken back in one transaction */
};

/* The condition that the record is no part of a load under way. */
void lpg_sql_visible(struct lpg_statement *statement, const struct lpg_layer *layer);
/* The same as text, of the table and with :LAYER to bind. */
void lpg_load_visible(struct cim_buf *sql, const char *table);

/* Inside a slice. The run's batch is the load's id; `begun` false: this is the first slice.
 * CIM_E_BUSY when somebody took the load back, for dead. */
cim_status lpg_load_touch(const struct lpg_run *run, cim_tx *tx, bool begun, cim_error *err);
/* Hides records of the slice, fids first to last. */
cim_status lpg_load_note(const struct lpg_run *run, cim_tx *tx, int64_t first, int64_t last,
                         cim_error *err);
/* In the last transaction: its records are seen from the commit on, and are a batch to undo. */
cim_status lpg_load_publish(const struct lpg_run *run, cim_tx *tx, cim_error *err);
/* Deletes what the load has stored. What cannot be deleted now stays hidden, for lpg_loads_sweep().
 */
void lpg_load_take_back(const struct lpg_layer *layer, const char *id);
/* Takes back the loads whose process is gone. From one thread. */
cim_status lpg_loads_sweep(struct lpg_data *data, const atomic_bool *stop, int64_t *ret_n_loads,
                           cim_error *err);

#endif
