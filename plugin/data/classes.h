/* plugin/data/classes.h -- classes that change by time and not by a write.
 *
 * A field with `next` names the column of its next transition. The rule is SQL beside the
 * definitions, classes/NAME.sql for layer lpg.NAME: a select of fid, version, the class and its
 * next transition, for at most :slice records whose transition is unknown or has come. What it
 * returns is written through the write path, so feed, sums, tiles and ETags follow by themselves.
 */
#ifndef LPG_DATA_CLASSES_H
#define LPG_DATA_CLASSES_H

#include "data/data.h"

#include <stdatomic.h>

enum { LPG_CLASS_SLICE = 1000, LPG_CLASS_SLICES_MAX = 50 };

/* Writes what is due, at most LPG_CLASS_SLICES_MAX slices a layer; a layer that fails does not keep
 * the others from it, and the first failure comes back. `stop` may be NULL. [worker] */
cim_status lpg_classes_run(struct lpg_data *data, const atomic_bool *stop, int64_t *ret_n_written,
                           cim_error *err);

/* The clock job: a thread that runs them about once a second until it is stopped. [lifecycle] */
struct lpg_clock_job;
cim_status lpg_clock_job_start(struct lpg_data *data, struct lpg_clock_job **ret_job,
                               cim_error *err);
void lpg_clock_job_stop(struct lpg_clock_job *job); /* NULL-safe */

#endif
