/* plugin/data/classes.h -- classes that change by time and not by a write.
 *
 * A field with `next` names the column of its next transition. The rule is SQL beside the
 * definitions, classes/NAME.sql for layer lpg.NAME: a select of fid, version, the class and its
 * next transition, for at most :slice records whose transition is unknown or has come. What it
 * returns is written through the write path, so feed, sums, tiles and ETags follow by themselves.
 *
 * A record that is written gets its class with the write: the expressions of the same select stand
 * in its insert, and in an update that follows its update. So the clock finds only what is due.
 */
#ifndef LPG_DATA_CLASSES_H
#define LPG_DATA_CLASSES_H

#include "data/internal.h"

#include <stdatomic.h>

enum {
    LPG_CLASS_SLICE = 1000,
    LPG_CLASS_SLICES_MAX = 50,
    LPG_CLOCK_BACK_MS = 60000 /* a clock that goes back further makes all records be looked at */
};

/* The select list of a rule. */
struct lpg_class_rule;

/* Reads it from the layer's class_sql. Refuses, naming the file, what is not "select fid, version,
 * EXPRESSION as FIELD, … from …", a name that is no field, and a class or transition that is left
 * out. [lifecycle] */
cim_status lpg_class_rule_open(const struct lpg_layer *layer, const char *file,
                               struct lpg_class_rule **ret_rule, cim_error *err);
void lpg_class_rule_free(struct lpg_class_rule *rule); /* NULL-safe */
/* The expression of field `i` of the definition, over columns of the record; NULL: it has none. The
 * rule may be NULL. */
const char *lpg_class_rule_of(const struct lpg_class_rule *rule, size_t i);

/* Writes what is due, at most LPG_CLASS_SLICES_MAX slices a layer; a layer that fails does not keep
 * the others from it, and the first failure comes back. Where the clock went back, the records
 * whose class is another by now are due, all of them. `stop` may be NULL. From one thread. [worker]
 */
cim_status lpg_classes_run(struct lpg_data *data, const atomic_bool *stop, int64_t *ret_n_written,
                           cim_error *err);

/* The clock job: a thread that runs them about once a second until it is stopped. [lifecycle] */
struct lpg_clock_job;
cim_status lpg_clock_job_start(struct lpg_data *data, struct lpg_clock_job **ret_job,
                               cim_error *err);
void lpg_clock_job_stop(struct lpg_clock_job *job); /* NULL-safe */

#endif
