/* host/jobs/internal.h -- the inside of jobs; private to this folder.
 *
 * The queue is the table cim_job in the store of the data: all hosts of a store take from it, each
 * job is taken by one. A host has in memory, under `lock`, what it runs itself; what a running job
 * says of its progress goes to the table now and then. Every update of a running job's row names
 * the host, so whoever lost a job to a cancel, or to another host, changes nothing any more. The
 * lock is never held over the store, a plugin or a kind's run().
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
    HOST_JOB_HOST_TEXT = 256,
    HOST_JOB_LOOK_MS = 250, /* what another host put into the queue is seen after this long */
    HOST_JOB_UNAVAILABLE_MS = 1000, /* until a job whose plugin is not enabled is tried again */
    HOST_JOB_BEAT_MS = 500,         /* a host shows that it is alive this often */
    HOST_JOB_DEAD_MS = 10000,       /* and counts as gone after this long without a sign */
    HOST_JOB_HOSTS_MAX = 256,
    HOST_JOB_TERM_MS = 400,   /* from being asked to stop until it is killed, in its own process */
    HOST_JOB_FD_MESSAGES = 3, /* of that process */
    HOST_JOB_FD_CONFIG = 4,
    HOST_JOB_HEED_MS = 1000,   /* past a cancel, after which code that went on is named */
    HOST_JOB_GRANTS_MS = 500,  /* grants of a running job's owner are looked at this often */
    HOST_JOB_SWEEP_MS = 60000, /* what is kept long enough is looked for this often */
    HOST_JOB_SWEEP_MAX = 500,  /* and forgotten, at most so many at once */
    HOST_JOB_SAVE_MS = 2000    /* progress goes to the table at most this often */
};

/* Why a running job is told to stop. */
enum host_job_stop { HOST_JOB_GO_ON = 0, HOST_JOB_DISMISS, HOST_JOB_SHUTDOWN, HOST_JOB_GRANTS };

/* One job that this host runs. */
struct host_job {
    struct host_job *next;
    atomic_int stop;            /* enum host_job_stop */
    _Atomic int64_t stopped_ms; /* monotonic: when it was dismissed; 0: it was not */
    uint32_t flags;             /* CIM_JOB_RETRY */
    char *lang;
    struct host_job_info info; /* under the lock */
};

/* Another host, as this one sees it. */
struct host_job_peer {
    char name[HOST_JOB_HOST_TEXT];
    int64_t beat;
    int64_t seen_ms; /* monotonic, here: when the beat was seen to move */
};

struct host_jobs {
    struct host_app *app;
    char dir[4096];                /* jobs.dir */
    char host[HOST_JOB_HOST_TEXT]; /* this one's name */
    struct host_clock *machine;    /* the machine's time, which the platform's clock may not be */
    int64_t keep_ms;
    int64_t waiting_max;
    int64_t waiting_per_owner_max;
    int64_t running_per_owner_max;
    size_t n_kinds;
    const cim_job_kind *kinds[HOST_JOB_KINDS_MAX];

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    int64_t swept_ms;       /* monotonic: when expired jobs were looked for */
    int64_t look_ms;        /* monotonic: when the queue is looked at next */
    struct host_job *first; /* that run here */
    int32_t n_workers;
    pthread_t workers[HOST_JOB_WORKERS_MAX];
    bool keeping; /* the keeper's thread runs */
    pthread_t keeper;
    int32_t n_peers; /* the keeper's alone */
    struct host_job_peer peers[HOST_JOB_HOSTS_MAX];
};

/* ---- queue.c ---- */
/* The job of that id that runs here, or NULL; under the lock. */
struct host_job *host_jobs_find(struct host_jobs *jobs, const char *id);
/* Has the queue looked at now; under the lock. */
void host_jobs_wake(struct host_jobs *jobs);
/* The body of a thread that takes jobs. */
void *host_jobs_worker(void *jobs);
/* Forgets jobs whose time is up. */
void host_jobs_sweep(struct host_jobs *jobs);

/* ---- take.c: transactions that see to it that one host has a job ---- */
/* The oldest job that may run, marked as this host's; *ret_job NULL: none. Owned by the caller. */
cim_status host_job_take(struct host_jobs *jobs, struct host_job **ret_job, cim_error *err);
/* Writes a new job down if the queue has room for it, CIM_E_BUSY otherwise. */
cim_status host_job_enqueue(struct host_jobs *jobs, const struct host_job *job,
                            const struct host_job_request *request, cim_error *err);
/* What a host had that is gone: jobs that may be repeated wait again, others have failed. `beat`:
 * nothing happens unless the host's sign of life is still that one; -1: it is certain. */
cim_status host_jobs_settle(struct host_jobs *jobs, const char *host, int64_t beat, cim_error *err);

/* ---- keeper.c: hosts of one store look after each other ---- */
/* Starts the thread, where the store may have other hosts. */
cim_status host_jobs_keeper_start(struct host_jobs *jobs, cim_error *err);
void host_jobs_keeper_stop(struct host_jobs *jobs);

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
/* The row of a new job, inside a transaction. */
cim_status host_job_row_insert(cim_tx *tx, const struct host_job *job,
                               const struct host_job_request *request, cim_error *err);
/* State, progress, times, error and result of a job that this host runs. A state other than running
 * gives it back; one that waits is not taken before `wait_ms` have passed. *ret_ours false: it was
 * dismissed meanwhile, or is another host's, and nothing was written; may be NULL. */
cim_status host_job_row_update(struct host_jobs *jobs, const struct host_job_info *info,
                               int64_t wait_ms, bool *ret_ours, cim_error *err);
/* Dismisses what waits or runs, wherever; *ret_changed false: it is over already. */
cim_status host_job_row_dismiss(struct host_jobs *jobs, const struct host_job_info *info,
                                bool *ret_changed, cim_error *err);
/* What was dismissed no longer runs here. */
cim_status host_job_row_release(struct host_jobs *jobs, const char *id, cim_error *err);
cim_status host_job_row_get(struct host_jobs *jobs, const char *id, struct host_job_info *ret_info,
                            cim_error *err);
cim_status host_job_rows_list(struct host_jobs *jobs, const struct host_job_filter *filter,
                              void (*each)(void *arg, const struct host_job_info *info), void *arg,
                              cim_error *err);
/* Owned by the caller; either may be NULL: not wanted. */
cim_status host_job_row_inputs(struct host_jobs *jobs, const char *id, char **ret_inputs,
                               char **ret_request, cim_error *err);
/* *ret_gone false: somebody works on it still, or it waits. */
cim_status host_job_row_delete(struct host_jobs *jobs, const char *id, bool *ret_gone,
                               cim_error *err);
/* Ids of jobs whose time is up, HOST_JOB_SWEEP_MAX at most. */
cim_status host_job_rows_expired(struct host_jobs *jobs, int64_t now_ms,
                                 void (*each)(void *arg, const char *id), void *arg,
                                 cim_error *err);
/* The columns of a select that host_job_of_row() reads. */
#define HOST_JOB_COLUMNS                                                                           \
    "id, kind, owner, lang, flags, state, attempts, fraction, message_zh, message_en, "            \
    "created_ms, started_ms, finished_ms, updated_ms, expires_ms, pos, result_bytes, "             \
    "error_code, error_param, error_value, error_zh, error_en, grants"
struct host_row;
/* NULL: out of memory. */
struct host_job *host_job_of_row(const struct host_row *row);
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
