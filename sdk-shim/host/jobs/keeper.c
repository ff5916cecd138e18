/* Hosts of one store look after each other. Each counts up a beat in cim_job_host; a beat that has
 * not moved for some time, by the watch of who looks, tells of a host that is gone, so no two
 * clocks are compared. What it ran is taken up by whoever sees it first. The same thread learns of
 * jobs of this host that were cancelled elsewhere. An embedded store has no other hosts. */
#include "host/jobs/internal.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <time.h>

/* ---- this host ---- */

static cim_status
beat(void *arg, cim_tx *tx, cim_error *err)
{
    const struct host_jobs *jobs = arg;
    const cim_value values[] = {host_value_text("host", jobs->host)};
    int64_t changes = 0;
    CIM_TRY(host_store_exec(tx, "update cim_job_host set beat = beat + 1 where name = :host",
                            values, 1, &changes, err));
    return changes > 0
               ? CIM_OK
               : host_store_exec(tx, "insert into cim_job_host (name, beat) values (:host, 1)",
                                 values, 1, NULL, err);
}

static bool
is_listed(const struct host_job *job, char (*ids)[CIM_JOB_ID_TEXT], int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        if (strcmp(ids[i], job->info.id) == 0) {
            return true;
        }
    }
    return false;
}

/* What the table no longer has as running here: dismissed by a client of another host, or taken up
 * by one that thought this one gone. A job that was taken after the read is not judged by it. */
static void
stop_what_is_not_ours(struct host_jobs *jobs, char (*before)[CIM_JOB_ID_TEXT], int32_t n_before,
                      char (*ids)[CIM_JOB_ID_TEXT], int32_t n)
{
    (void)pthread_mutex_lock(&jobs->lock);
    for (struct host_job *job = jobs->first; job != NULL; job = job->next) {
        if (job->info.state == CIM_JOB_RUNNING && is_listed(job, before, n_before) &&
            !is_listed(job, ids, n)) {
            job->info.state = CIM_JOB_DISMISSED;
            atomic_store(&job->stopped_ms, host_monotonic_ms());
            atomic_store(&job->stop, HOST_JOB_DISMISS);
        }
    }
    (void)pthread_mutex_unlock(&jobs->lock);
}

static int32_t
running_here(struct host_jobs *jobs, char (*ids)[CIM_JOB_ID_TEXT])
{
    int32_t n = 0;
    (void)pthread_mutex_lock(&jobs->lock);
    for (const struct host_job *job = jobs->first; job != NULL && n < HOST_JOB_WORKERS_MAX;
         job = job->next) {
        if (job->info.state == CIM_JOB_RUNNING) {
            memcpy(ids[n++], job->info.id, CIM_JOB_ID_TEXT);
        }
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return n;
}

static cim_status
look_at_own(struct host_jobs *jobs, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_text("host", jobs->host),
                                host_value_i64("running", CIM_JOB_RUNNING)};
    char before[HOST_JOB_WORKERS_MAX][CIM_JOB_ID_TEXT];
    char ids[HOST_JOB_WORKERS_MAX][CIM_JOB_ID_TEXT];
    const int32_t n_before = running_here(jobs, before);
    struct host_row row = {0};
    int32_t n = 0;
    bool there = false;
    if (n_before == 0) {
        return CIM_OK;
    }
    CIM_TRY(host_store_read(jobs->app->store,
                            "select id from cim_job where host = :host and state = :running",
                            values, 2, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    while (there && n < HOST_JOB_WORKERS_MAX) {
        host_row_copy(&row, 0, ids[n++], CIM_JOB_ID_TEXT);
        CIM_TRY(host_row_next(&row, &there, err));
    }
    stop_what_is_not_ours(jobs, before, n_before, ids, n);
    return CIM_OK;
}

/* ---- the others ---- */

/* NULL: there are too many to look after. */
static struct host_job_peer *
find_peer(struct host_jobs *jobs, const char *name)
{
    for (int32_t i = 0; i < jobs->n_peers; i++) {
        if (strcmp(jobs->peers[i].name, name) == 0) {
            return &jobs->peers[i];
        }
    }
    if (jobs->n_peers == HOST_JOB_HOSTS_MAX) {
        return NULL;
    }
    struct host_job_peer *peer = &jobs->peers[jobs->n_peers++];
    cim_copy_text(peer->name, sizeof peer->name, name);
    peer->beat = -1;
    return peer;
}

static cim_status
look_at(struct host_jobs *jobs, const char *name, int64_t beat_now, cim_error *err)
{
    const int64_t now_ms = host_monotonic_ms();
    struct host_job_peer *peer = find_peer(jobs, name);
    if (peer == NULL) {
        return CIM_OK;
    }
    if (peer->beat != beat_now) {
        peer->beat = beat_now;
        peer->seen_ms = now_ms;
        return CIM_OK;
    }
    if (now_ms - peer->seen_ms < HOST_JOB_DEAD_MS) {
        return CIM_OK;
    }
    host_log(CIM_LOG_WARNING, "jobs", "host %s shows no sign of life: its jobs are taken up", name);
    CIM_TRY(host_jobs_settle(jobs, name, beat_now, err));
    *peer = jobs->peers[--jobs->n_peers];
    (void)pthread_mutex_lock(&jobs->lock);
    host_jobs_wake(jobs);
    (void)pthread_mutex_unlock(&jobs->lock);
    return CIM_OK;
}

struct sign {
    char name[HOST_JOB_HOST_TEXT];
    int64_t beat;
};

static cim_status
look_at_others(struct host_jobs *jobs, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_text("host", jobs->host)};
    struct sign signs[HOST_JOB_HOSTS_MAX];
    struct host_row row = {0};
    int32_t n = 0;
    bool there = false;
    CIM_TRY(host_store_read(
        jobs->app->store,
        "select name, beat from cim_job_host where name <> '' and name <> :host order by name",
        values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    while (there && n < HOST_JOB_HOSTS_MAX) {
        host_row_copy(&row, 0, signs[n].name, sizeof signs[n].name);
        signs[n++].beat = host_row_i64(&row, 1);
        CIM_TRY(host_row_next(&row, &there, err));
    }
    for (int32_t i = 0; i < n; i++) {
        CIM_TRY(look_at(jobs, signs[i].name, signs[i].beat, err));
    }
    return CIM_OK;
}

/* ---- the thread ---- */

static cim_status
keep(struct host_jobs *jobs, cim_error *err)
{
    CIM_TRY(host_store_write(jobs->app->store, beat, jobs, NULL, err));
    CIM_TRY(look_at_own(jobs, err));
    return look_at_others(jobs, err);
}

static bool
sleep_until_stop(struct host_jobs *jobs)
{
    struct timespec until;
    bool go_on = false;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += HOST_JOB_BEAT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping && pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until) == 0) {
    }
    go_on = !jobs->stopping;
    (void)pthread_mutex_unlock(&jobs->lock);
    return go_on;
}

static void *
run(void *arg)
{
    struct host_jobs *jobs = arg;
    bool failing = false;
    do {
        cim_error why;
        const bool fails = keep(jobs, &why) != CIM_OK;
        if (fails && !failing) {
            host_log_error("jobs", "signs of life", &why); /* told once */
        }
        failing = fails;
    } while (sleep_until_stop(jobs));
    return NULL;
}

cim_status
host_jobs_keeper_start(struct host_jobs *jobs, cim_error *err)
{
    if (!host_store_is_shared(jobs->app->store) || jobs->keeping) {
        return CIM_OK;
    }
    CIM_TRY(host_store_write(jobs->app->store, beat, jobs, NULL, err));
    if (pthread_create(&jobs->keeper, NULL, run, jobs) != 0) {
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动作业看护线程",
                        "the thread that looks after jobs cannot be started");
    }
    jobs->keeping = true;
    return CIM_OK;
}

void
host_jobs_keeper_stop(struct host_jobs *jobs)
{
    const cim_value values[] = {host_value_text("host", jobs->host)};
    cim_error why;
    if (!jobs->keeping) {
        return;
    }
    (void)pthread_join(jobs->keeper, NULL);
    jobs->keeping = false;
    if (host_store_write_one(jobs->app->store, "delete from cim_job_host where name = :host",
                             values, 1, NULL, &why) != CIM_OK) {
        host_log_error("jobs", "signing off", &why); /* the others will see that it is gone */
    }
}
