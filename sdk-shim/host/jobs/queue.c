/* The threads that take jobs: one of them looks at the queue at a time. */
#include "host/jobs/internal.h"

#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/base/note.h"
#include "host/plugins/plugins.h"

#include <string.h>
#include <time.h>

struct host_job *
host_jobs_find(struct host_jobs *jobs, const char *id)
{
    struct host_job *job = jobs->first;
    while (job != NULL && strcmp(job->info.id, id) != 0) {
        job = job->next;
    }
    return job;
}

void
host_jobs_wake(struct host_jobs *jobs)
{
    jobs->look_ms = 0;
    (void)pthread_cond_broadcast(&jobs->changed);
}

static void
wait_a_little(struct host_jobs *jobs)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += HOST_JOB_LOOK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
}

/* Under the lock, which is let go meanwhile. True when somebody else may want to look at once. */
static bool
take_and_run(struct host_jobs *jobs)
{
    struct host_job *job = NULL;
    struct host_job **link = &jobs->first;
    cim_error why;
    jobs->look_ms = host_monotonic_ms() + HOST_JOB_LOOK_MS;
    (void)pthread_mutex_unlock(&jobs->lock);
    const cim_status status = host_job_take(jobs, &job, &why);
    if (status != CIM_OK && status != CIM_E_BUSY) {
        host_log_error("jobs", "taking a job", &why);
    }
    (void)pthread_mutex_lock(&jobs->lock);
    if (job == NULL) {
        return false;
    }
    if (jobs->stopping) { /* since it was taken: host_jobs_stop() has not seen it */
        atomic_store(&job->stop, HOST_JOB_SHUTDOWN);
    }
    job->next = jobs->first;
    jobs->first = job;
    host_jobs_wake(jobs);
    (void)pthread_mutex_unlock(&jobs->lock);
    host_note_begin(HOST_NOTE_OTHER); /* a crash in here is the plugin's that is inside */
    host_jobs_run(jobs, job);
    host_note_end();
    (void)pthread_mutex_lock(&jobs->lock);
    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
    host_job_free(job);
    host_jobs_wake(jobs);
    return true;
}

void *
host_jobs_worker(void *arg)
{
    struct host_jobs *jobs = arg;
    const struct host_http_gate gate = host_plugins_http_gate(jobs->app->plugins);
    gate.thread_begin(gate.self);
    (void)pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        const int64_t now_ms = host_monotonic_ms();
        if (now_ms - jobs->swept_ms >= HOST_JOB_SWEEP_MS) {
            jobs->swept_ms = now_ms;
            (void)pthread_mutex_unlock(&jobs->lock);
            host_jobs_sweep(jobs);
            (void)pthread_mutex_lock(&jobs->lock);
        } else if (now_ms < jobs->look_ms || !take_and_run(jobs)) {
            wait_a_little(jobs);
        }
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    gate.thread_end(gate.self);
    return NULL;
}
