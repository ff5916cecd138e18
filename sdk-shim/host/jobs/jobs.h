/* host/jobs/jobs.h -- work that outlives a request: a queue in the store of the data, threads of
 * every host of that store that take from it, progress, cancel, results that are kept for a while.
 *
 * A kind of job is a cim_job_kind (cim/jobs.h): those of plugins and their analyses are found by
 * themselves, modules of the host add theirs here. Inside run(), call->impl is a host_call_context
 * with the owner's principal of now, as in a request.
 */
#ifndef HOST_JOBS_H
#define HOST_JOBS_H

#include "cim/jobs.h"
#include "cim/store.h"
#include "host/app.h"

#include <stdbool.h>

struct host_jobs;
struct host_principal;

enum {
    HOST_JOB_INPUTS_BYTES_MAX = 16 << 20,
    HOST_JOB_RESULT_BYTES_MAX = 128 << 20,
    HOST_JOB_LIST_MAX = 1000, /* of one page */
    HOST_JOB_ATTEMPTS_MAX = 3
};

/* Who may see and cancel jobs of others. */
#define HOST_JOBS_FUNCTION "cim.admin.jobs"

/* Opens the table and the folder of results. Jobs that ran here when the platform went away wait
 * again, or have failed. Needs config, clock, store, identity and plugins. */
cim_status host_jobs_open(struct host_app *app, struct host_jobs **ret_jobs, cim_error *err);
/* Threads begin to take jobs; those wait until then. */
cim_status host_jobs_start(struct host_jobs *jobs, cim_error *err);
/* Tells what runs to stop and waits for it; what may be begun anew waits for the next start. Before
 * the plugins stop. */
void host_jobs_stop(struct host_jobs *jobs);
void host_jobs_free(struct host_jobs *jobs); /* NULL-safe */

/* In `cim-host run-job`, a process of its own over read-only stores: runs one job, writes its
 * result and says what came of it to the process that started this one. Sets app->jobs. */
cim_status host_jobs_run_here(struct host_app *app, const char *id, cim_error *err);

/* A kind of the host's own, "cim.import". The struct and its texts are kept, not copied.
 * CIM_JOB_ISOLATED has no effect on it. Before start. */
cim_status host_jobs_add_kind(struct host_jobs *jobs, const cim_job_kind *kind, cim_error *err);

struct host_job_request {
    const char *kind;
    const struct host_principal *owner; /* NULL: the platform itself, with every right */
    const char *lang;                   /* of the owner: "zh" or "en"; NULL: "zh" */
    const char *inputs_json;
    const char *request_json; /* what else the client asked for, kept as it is; NULL: nothing */
    /* A file that the job needs: moved into its folder as "input"; NULL: none. It is found there
     * as "<job->dir>/input". */
    const char *file;
    uint32_t flags;  /* CIM_JOB_RETRY as the kind has it, for what follows a crash */
    bool subscribed; /* somebody is to be told of its states: see host_jobs_next_untold() */
    /* Inside the transaction that takes it up, first: what is stored together with the job. A
     * failure leaves no job. NULL: nothing. */
    cim_status (*taken)(void *arg, cim_tx *tx, const char *id, cim_error *err);
    void *arg;
};

/* On disk when this returns. CIM_E_BUSY: too many jobs wait, of the owner or in all. Access was
 * checked by the caller; it is checked again when the job starts (analyses: CIM_ACT_RUN). [any] */
cim_status host_jobs_submit(struct host_jobs *jobs, const struct host_job_request *request,
                            char ret_id[CIM_JOB_ID_TEXT], cim_error *err);

struct host_job_info {
    char id[CIM_JOB_ID_TEXT];
    char kind[128];
    char owner[72]; /* "": the platform */
    int32_t state;  /* CIM_JOB_… */
    int32_t attempts;
    double fraction;
    char message_zh[200]; /* what it is doing */
    char message_en[200];
    int64_t created_ms;
    int64_t started_ms; /* 0: not yet */
    int64_t finished_ms;
    int64_t updated_ms;
    int64_t expires_ms; /* when the result and the row go; 0: not over yet */
    int64_t pos;
    int64_t result_bytes; /* 0: none */
    cim_error error;      /* of a failed one; code CIM_OK otherwise */
    int64_t grants;       /* host_principal_fingerprint() of the owner when it ran */
};

/* `viewer` sees its own jobs, and all with HOST_JOBS_FUNCTION; others are CIM_E_NOTFOUND. NULL: all
 * are seen (work of the platform). */
cim_status host_jobs_get(struct host_jobs *jobs, const struct host_principal *viewer,
                         const char *id, struct host_job_info *ret_info, cim_error *err);
/* Cancels: what waits is dismissed at once, what runs is told to stop and counts as dismissed. What
 * is over is CIM_E_STATE. */
cim_status host_jobs_cancel(struct host_jobs *jobs, const struct host_principal *viewer,
                            const char *id, cim_error *err);

struct host_job_filter {
    const char *kind;  /* NULL: any */
    uint32_t states;   /* bits 1 << CIM_JOB_…; 0: any */
    const char *owner; /* NULL: all that the viewer may see */
    int64_t from_ms;   /* submitted in this closed interval; 0: open at that end */
    int64_t to_ms;
    int64_t least_ms;  /* that ran so long at least, or runs so long already; 0: any */
    int64_t most_ms;   /* and at most; 0: any */
    const char *after; /* id of the last one seen; NULL: from the newest */
    int64_t limit;     /* 1 … HOST_JOB_LIST_MAX */
};
/* The newest first. */
cim_status host_jobs_list(struct host_jobs *jobs, const struct host_principal *viewer,
                          const struct host_job_filter *filter,
                          void (*each)(void *arg, const struct host_job_info *info), void *arg,
                          cim_error *err);
/* What was submitted; both are owned by the caller, and either may be NULL: not wanted. */
cim_status host_jobs_inputs(struct host_jobs *jobs, const char *id, char **ret_inputs,
                            char **ret_request, cim_error *err);
/* What run() answered, and for an analysis which run it was ("" otherwise); owned by the caller.
 * CIM_E_NOTFOUND: there is no result. */
cim_status host_jobs_result(struct host_jobs *jobs, const char *id, char **ret_result,
                            size_t *ret_len, char **ret_run, cim_error *err);
/* Path of the JSON that run() answered. */
cim_status host_jobs_result_path(struct host_jobs *jobs, const char *id, char *out, size_t out_size,
                                 cim_error *err);
/* ---- telling subscribers ---- */

struct host_job_untold {
    struct host_job_info info;
    int64_t attempts; /* to tell this state, this one included */
};
/* A job with a subscriber that was not told its state. The caller has it for `lease_ms`, then
 * others may try; *ret_there false: there is none. [any] */
cim_status host_jobs_next_untold(struct host_jobs *jobs, int64_t lease_ms,
                                 struct host_job_untold *ret_untold, bool *ret_there,
                                 cim_error *err);
/* The state of `info` was told, or never will be. */
cim_status host_jobs_told(struct host_jobs *jobs, const struct host_job_info *info, cim_error *err);
/* It was not: again, when some time has passed. */
cim_status host_jobs_tell_again(struct host_jobs *jobs, const struct host_job_info *info,
                                int64_t wait_ms, cim_error *err);

/* Forgets a job that is over, with its files. CIM_E_STATE when it is not. */
cim_status host_jobs_remove(struct host_jobs *jobs, const struct host_principal *viewer,
                            const char *id, cim_error *err);

#endif
