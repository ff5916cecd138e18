/* cim/jobs.h -- cim.jobs/1: work that takes longer than a request.
 *
 * A job is kept in a table of the platform: it has an owner, a state, progress and a result
 * that is kept for a stated time; it waits for its turn, may be cancelled, and is begun anew after
 * a crash where its kind allows. A plugin registers kinds of job in init() (manifest:
 * resources.jobs) and submits from anywhere after start(). Analyses (cim/analyses.h) become jobs by
 * themselves.
 */
#ifndef CIM_JOBS_H
#define CIM_JOBS_H

#include "cim/call.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_JOBS "cim.jobs/1"

enum {
    /* Runs in a process of its own, with limits on memory and time and a read-only store, and is
     * killed when it is cancelled or past a limit. For what cannot be stopped from inside. */
    CIM_JOB_ISOLATED = 1,
    /* Begun anew when the platform went away while it ran, or when the grants of its owner
     * changed. Without it such a job has failed. */
    CIM_JOB_RETRY = 2
};

enum {
    CIM_JOB_ACCEPTED = 1, /* waits for its turn */
    CIM_JOB_RUNNING = 2,
    CIM_JOB_SUCCESSFUL = 3,
    CIM_JOB_FAILED = 4,
    CIM_JOB_DISMISSED = 5 /* cancelled */
};

enum { CIM_JOB_ID_TEXT = 37 }; /* UUIDv7 with its NUL */

/* The work under way, as run() sees it; valid inside run(). */
typedef struct cim_job cim_job;
struct cim_job {
    uint32_t struct_size;
    uint32_t reserved;
    const char *id;  /* "" when it is answered within the request */
    const char *dir; /* folder for files, gone with the result; NULL when answered at once */
    int64_t pos;     /* position of the data as it began, recorded with the result */
    /* Part done from 0 to 1, and what is being done; the texts may be NULL. Cheap: call it as often
     * as is natural. [any] */
    void (*progress)(cim_job *job, double fraction, const char *zh, const char *en);
    /* Non-zero: free what you hold and return CIM_E_CANCELLED, within a second. [any] */
    int32_t (*should_stop)(cim_job *job);
    /* A line in the platform's log, with the job's id; CIM_LOG_…. [any] */
    void (*log)(cim_job *job, int32_t level, const char *text);
    void *impl; /* host private */
};

/* Does the work. `inputs_json` is what was submitted. On CIM_OK *ret_result holds JSON, or nothing.
 * call->principal is the owner, whose grants are those of now; call->cancelled() tells the same as
 * job->should_stop(). [worker] */
typedef cim_status (*cim_job_run_fn)(void *self, const cim_call *call, cim_job *job,
                                     const char *inputs_json, cim_blob *ret_result, cim_error *err);

typedef struct cim_job_kind {
    uint32_t struct_size;
    uint32_t flags;       /* CIM_JOB_… */
    const char *id;       /* "lpg.recount" */
    const char *title_zh; /* as lists of jobs show it */
    const char *title_en;
    cim_job_run_fn run;
    void *self;
} cim_job_kind;

typedef struct cim_job_info {
    uint32_t struct_size;
    int32_t state;   /* CIM_JOB_… */
    double fraction; /* 0 to 1 */
    int64_t created_ms;
    int64_t updated_ms;
} cim_job_info;

typedef struct cim_jobs_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Copies *kind. CIM_E_EXISTS: the id is taken; CIM_E_DENIED: not in the manifest. [lifecycle]
     */
    cim_status (*add_kind)(const cim_host *host, const cim_job_kind *kind, cim_error *err);
    /* Queues a job of one of the plugin's own kinds; it is on disk when this returns. The owner is
     * the caller of `call`, or the platform itself with call NULL. CIM_E_BUSY: too many wait.
     * [worker, and threads of the plugin] */
    cim_status (*submit)(const cim_host *host, const cim_call *call, const char *kind,
                         const char *inputs_json, char ret_id[CIM_JOB_ID_TEXT], cim_error *err);
    /* Of the plugin's own kinds only; CIM_E_NOTFOUND otherwise. Cancelling what is over already is
     * CIM_E_STATE. [worker, and threads of the plugin] */
    cim_status (*cancel)(const cim_host *host, const char *id, cim_error *err);
    /* Fill ret_info->struct_size first. */
    cim_status (*info)(const cim_host *host, const char *id, cim_job_info *ret_info,
                       cim_error *err);
} cim_jobs_v1;

#ifdef __cplusplus
}
#endif
#endif
