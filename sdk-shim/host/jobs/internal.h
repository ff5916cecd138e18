/* host/jobs/internal.h -- the inside of jobs; private to this folder.
 *
 * Jobs that wait or run are in memory, in the order of their submission, under `lock`; the table
 * has all of them. What a running job says of its progress is in memory and goes to the table now
 * and then. The lock is never held over the store, a plugin or a kind's run().
 */
#ifndef HOST_JOBS_INTERNAL_H
#define HOST_JOBS_INTERNAL_H

#include "host/http/http.h"
#include "host/jobs/jobs.h"
#include "host/plugins/plugins.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    HOST_JOB_KINDS_MAX = 64, /* of the host's own */
    HOST_JOB_WORKERS_MAX = 64,
    HOST_JOB_UNAVAILABLE_MS = 1000, /* until a job whose plugin is not enabled is tried again */
    HOST_JOB_TERM_MS = 400,   /* from being asked to stop until it is killed, in its own process */
    HOST_JOB_FD_MESSAGES = 3, /* of that process */
    HOST_JOB_FD_CONFIG = 4,
    HOST_JOB_GRANTS_MS = 500,  /* grants of a running job's owner are looked at this often */
    HOST_JOB_SWEEP_MS = 60000, /* what is kept long enough is looked for this often */
    HOST_JOB_SWEEP_MAX = 500,  /* and forgotten, at most so many at once */
    HOST_JOB_SAVE_MS = 2000    /* progress goes to the table at most this often */
};

/* Why a running job is told to stop. */
enum host_job_stop { HOST_JOB_GO_ON = 0, HOST_JOB_DISMISS, HOST_JOB_SHUTDOWN, HOST_JOB_GRANTS };

/* One job that is not over. */
struct host_job {
    struct host_job *next;
    atomic_int stop;       /* enum host_job_stop */
    int64_t not_before_ms; /* monotonic */
    uint32_t flags;        /* CIM_JOB_RETRY */
    char *lang;
    struct host_job_info info; /* under the lock */
};

struct host_jobs {
    struct host_app *app;
    char dir[4096]; /* var/jobs */
    int64_t keep_ms;
    int64_t waiting_max;
    int64_t waiting_per_owner_max;
    int64_t running_per_owner_max;
    size_t n_kinds;
    const cim_job_kind *kinds[HOST_JOB_KINDS_MAX];

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    int64_t swept_ms; /* monotonic: when expired jobs were looked for */
    struct host_job *first;
    struct host_job **last;
    int32_t n_workers;
    pthread_t workers[HOST_JOB_WORKERS_MAX];
};

/* ---- queue.c ---- */
/* At the end of the queue. */
void host_jobs_append(struct host_jobs *jobs, struct host_job *job);
/* Takes the job out and frees it. */
void host_jobs_forget(struct host_jobs *jobs, struct host_job *job);
/* The job of that id that waits or runs, or NULL; under the lock. */
struct host_job *host_jobs_find(struct host_jobs *jobs, const char *id);
/* The body of a thread that takes jobs. */
void *host_jobs_worker(void *jobs);
/* Forgets jobs whose time is up. */
void host_jobs_sweep(struct host_jobs *jobs);

/* ---- run.c ---- */

/* What one run has in hand. */
struct host_job_run {
    struct host_jobs *jobs;
    struct host_job *job;
    const struct host_work *work; /* of a plugin; NULL: a kind of the host's own */
    const cim_job_kind *kind;
    struct host_principal *principal;
    struct host_call_context context;
    cim_call call;
    cim_job pub;
    char id[CIM_JOB_ID_TEXT];
    char dir[4200];
    uint64_t fingerprint;       /* of the owner's grants */
    _Atomic int64_t checked_ms; /* monotonic: when they were looked at */
    int64_t saved_ms;           /* monotonic: when the progress went to the table */
};

/* Finds kind and owner of run->job, checks the grant, fills call and pub. Ends with
 * host_job_done(), also when it fails. */
cim_status host_job_prepare(struct host_job_run *run, cim_error *err);
/* Does the work in this process and keeps the result; *ret_bytes of it. */
cim_status host_job_work(struct host_job_run *run, int64_t *ret_bytes, cim_error *err);
void host_job_done(struct host_job_run *run);
/* Runs a job that is marked as running to its end, and writes what came of it. */
void host_jobs_run(struct host_jobs *jobs, struct host_job *job);

/* ---- isolate.c ---- */
/* As host_job_work(), in a process of its own. */
cim_status host_job_isolated(struct host_job_run *run, int64_t *ret_bytes, cim_error *err);

/* ---- jobs.c ---- */
/* The folder and the settings alone; nothing is taken up or settled. */
cim_status host_jobs_open_bare(struct host_app *app, struct host_jobs **ret_jobs, cim_error *err);

/* ---- rows.c ---- */
cim_status host_job_row_insert(struct host_jobs *jobs, const struct host_job *job,
                               const struct host_job_request *request, cim_error *err);
/* State, progress, times, error and result of an existing row. */
cim_status host_job_row_update(struct host_jobs *jobs, const struct host_job_info *info,
                               cim_error *err);
cim_status host_job_row_get(struct host_jobs *jobs, const char *id, struct host_job_info *ret_info,
                            cim_error *err);
cim_status host_job_rows_list(struct host_jobs *jobs, const struct host_job_filter *filter,
                              void (*each)(void *arg, const struct host_job_info *info), void *arg,
                              cim_error *err);
/* Owned by the caller; either may be NULL: not wanted. */
cim_status host_job_row_inputs(struct host_jobs *jobs, const char *id, char **ret_inputs,
                               char **ret_request, cim_error *err);
cim_status host_job_row_delete(struct host_jobs *jobs, const char *id, cim_error *err);
/* Ids of jobs whose time is up, HOST_JOB_SWEEP_MAX at most. */
cim_status host_job_rows_expired(struct host_jobs *jobs, int64_t now_ms,
                                 void (*each)(void *arg, const char *id), void *arg,
                                 cim_error *err);
/* Every job that is not over, oldest first; *ret_job is owned by `each`. */
cim_status host_job_rows_open(struct host_jobs *jobs, void (*each)(void *arg, struct host_job *job),
                              void *arg, cim_error *err);
struct host_job *host_job_new(const char *lang);
void host_job_free(struct host_job *job); /* NULL-safe */

/* ---- files.c ---- */
cim_status host_jobs_dir_of(const struct host_jobs *jobs, const char *id, const char *name,
                            char *out, size_t out_size, cim_error *err);
cim_status host_job_dir_make(const struct host_jobs *jobs, const char *id, cim_error *err);
/* With everything in it. */
void host_job_dir_remove(const struct host_jobs *jobs, const char *id);
/* Moves a file into the folder; across file systems by copying. */
cim_status host_job_file_take(const struct host_jobs *jobs, const char *id, const char *from,
                              const char *name, cim_error *err);
/* Whole or not at all, and on disk. */
cim_status host_job_file_write(const struct host_jobs *jobs, const char *id, const char *name,
                               const void *data, size_t len, cim_error *err);

#endif
