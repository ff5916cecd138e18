/* Who is next: the oldest job whose owner has no more running than allowed. */
#include "host/jobs/internal.h"

#include "host/base/clock.h"
#include "host/base/note.h"
#include "host/plugins/plugins.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_AGAIN_MS = 250 };

void
host_jobs_append(struct host_jobs *jobs, struct host_job *job)
{
    job->next = NULL;
    *jobs->last = job;
    jobs->last = &job->next;
}

void
host_jobs_forget(struct host_jobs *jobs, struct host_job *job)
{
    struct host_job **link = &jobs->first;
    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
    if (jobs->last == &job->next) {
        jobs->last = link;
    }
    host_job_free(job);
}

struct host_job *
host_jobs_find(struct host_jobs *jobs, const char *id)
{
    struct host_job *job = jobs->first;
    while (job != NULL && strcmp(job->info.id, id) != 0) {
        job = job->next;
    }
    return job != NULL && job->info.state <= CIM_JOB_RUNNING ? job : NULL;
}

static int64_t
running_of(const struct host_jobs *jobs, const char *owner)
{
    int64_t n = 0;
    for (const struct host_job *job = jobs->first; job != NULL; job = job->next) {
        n += job->info.state == CIM_JOB_RUNNING && strcmp(job->info.owner, owner) == 0 ? 1 : 0;
    }
    return n;
}

static struct host_job *
next(struct host_jobs *jobs)
{
    const int64_t now_ms = host_monotonic_ms();
    for (struct host_job *job = jobs->first; job != NULL; job = job->next) {
        if (job->info.state == CIM_JOB_ACCEPTED && job->not_before_ms <= now_ms &&
            running_of(jobs, job->info.owner) < jobs->running_per_owner_max) {
            return job;
        }
    }
    return NULL;
}

static void
wait_a_little(struct host_jobs *jobs)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_AGAIN_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
}

void *
host_jobs_worker(void *arg)
{
    struct host_jobs *jobs = arg;
    const struct host_http_gate gate = host_plugins_http_gate(jobs->app->plugins);
    gate.thread_begin(gate.self);
    (void)pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        struct host_job *job = next(jobs);
        if (host_monotonic_ms() - jobs->swept_ms >= HOST_JOB_SWEEP_MS) {
            jobs->swept_ms = host_monotonic_ms();
            (void)pthread_mutex_unlock(&jobs->lock);
            host_jobs_sweep(jobs);
            (void)pthread_mutex_lock(&jobs->lock);
            continue;
        }
        if (job == NULL) {
            wait_a_little(jobs);
            continue;
        }
        job->info.state = CIM_JOB_RUNNING;
        atomic_store(&job->stop, HOST_JOB_GO_ON);
        (void)pthread_mutex_unlock(&jobs->lock);
        host_note_begin(HOST_NOTE_OTHER); /* a crash in here is the plugin's that is inside */
        host_jobs_run(jobs, job);
        host_note_end();
        (void)pthread_mutex_lock(&jobs->lock);
        (void)pthread_cond_broadcast(&jobs->changed);
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    gate.thread_end(gate.self);
    return NULL;
}
