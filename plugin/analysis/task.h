/* plugin/analysis/task.h -- one run of an analysis over features: who asks, what was asked, GEOS.
 */
#ifndef LPG_ANALYSIS_TASK_H
#define LPG_ANALYSIS_TASK_H

#include "cim/jobs.h"
#include "cim/plugin.h"
#include "data/data.h"
#include "kit/buf.h"

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>

struct json_object;

enum { LPG_TASK_RESULT_MAX = 96 << 20 };

struct lpg_task {
    const cim_host *host;
    struct lpg_data *data;
    const cim_call *call;
    cim_job *job; /* NULL: nobody follows it */
    struct json_object *inputs;
    GEOSContextHandle_t geos;
    struct cim_buf out; /* the answer: one JSON object */
};

/* Writes the answer into task->out. */
typedef cim_status (*lpg_task_fn)(struct lpg_task *task, cim_error *err);

/* Parses the inputs, runs, hands over the answer. [worker] */
cim_status lpg_task_run(const cim_host *host, struct lpg_data *data, const cim_call *call,
                        cim_job *job, const char *inputs_json, lpg_task_fn run,
                        cim_blob *ret_result, cim_error *err);
/* Tells how far it is. CIM_E_CANCELLED: nobody waits for the rest. Cheap. */
cim_status lpg_task_step(const struct lpg_task *task, double fraction, const char *zh,
                         const char *en, cim_error *err);
/* GEOS answered nothing: memory, or a geometry that it cannot take. */
cim_status lpg_task_fail_geos(const char *input, cim_error *err);

/* The analyses over any layer that the caller may read, as their process.json describe them. */
cim_status lpg_buffer_task(struct lpg_task *task, cim_error *err);
cim_status lpg_overlay_task(struct lpg_task *task, cim_error *err);
cim_status lpg_topology_task(struct lpg_task *task, cim_error *err);
cim_status lpg_density_task(struct lpg_task *task, cim_error *err);
cim_status lpg_viewshed_task(struct lpg_task *task, cim_error *err);

#endif
