/* Taking from the queue and adding to it. Hosts that do so come one after the other: each such
 * transaction first writes the row of cim_job_host that has no name, so it sees what the one before
 * it did, and two never take the same job, nor one more of an owner than allowed. */
#include "host/jobs/internal.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/store/row.h"
#include "host/store/store.h"

static cim_status
lock_queue(cim_tx *tx, cim_error *err)
{
    return host_store_exec(tx, "update cim_job_host set beat = beat + 1 where name = ''", NULL, 0,
                           NULL, err);
}

/* ---- taking ---- */

struct take {
    struct host_jobs *jobs;
    struct host_job *job;
};

/* Without the lock, so that an idle host writes nothing. */
static cim_status
something_waits(struct host_jobs *jobs, bool *ret_waits, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_i64("accepted", CIM_JOB_ACCEPTED),
                                host_value_i64("now_ms", host_clock_now_ms(jobs->machine))};
    struct host_row row = {0};
    CIM_TRY(host_store_read(jobs->app->store,
                            "select id from cim_job where state = :accepted and not_before_ms <= "
                            ":now_ms limit 1",
                            values, 2, &rows, err));
    row.rows = rows;
    return host_row_next(&row, ret_waits, err);
}

static cim_status
find_next(const struct take *take, cim_tx *tx, struct host_job **ret_job, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {
        host_value_i64("accepted", CIM_JOB_ACCEPTED),
        host_value_i64("running", CIM_JOB_RUNNING),
        host_value_i64("now_ms", host_clock_now_ms(take->jobs->machine)),
        host_value_i64("most", take->jobs->running_per_owner_max),
    };
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_query(
        tx,
        "select " HOST_JOB_COLUMNS " from cim_job j where j.state = :accepted and j.not_before_ms "
        "<= :now_ms and (select count(*) from cim_job r where r.owner = j.owner and (r.state = "
        ":running or (r.state > :running and r.host <> ''))) < :most order by j.fid limit 1",
        values, 4, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (there) {
        *ret_job = host_job_of_row(&row);
        return *ret_job != NULL ? CIM_OK : cim_fail_nomem(err);
    }
    return CIM_OK;
}

static cim_status
take_next(void *arg, cim_tx *tx, cim_error *err)
{
    struct take *take = arg;
    host_job_free(take->job); /* of a transaction that was rolled back */
    take->job = NULL;
    CIM_TRY(lock_queue(tx, err));
    CIM_TRY(find_next(take, tx, &take->job, err));
    if (take->job == NULL) {
        return CIM_OK;
    }
    const cim_value values[] = {host_value_text("id", take->job->info.id),
                                host_value_text("host", take->jobs->host),
                                host_value_i64("running", CIM_JOB_RUNNING)};
    take->job->info.state = CIM_JOB_RUNNING;
    return host_store_exec(tx, "update cim_job set state = :running, host = :host where id = :id",
                           values, 3, NULL, err);
}

cim_status
host_job_take(struct host_jobs *jobs, struct host_job **ret_job, cim_error *err)
{
    struct take take = {.jobs = jobs};
    bool waits = false;
    cim_status status = CIM_OK;
    *ret_job = NULL;
    CIM_TRY(something_waits(jobs, &waits, err));
    if (!waits) {
        return CIM_OK;
    }
    status = host_store_write(jobs->app->store, take_next, &take, NULL, err);
    if (status != CIM_OK) {
        host_job_free(take.job);
        return status;
    }
    *ret_job = take.job;
    return CIM_OK;
}

/* ---- adding ---- */

struct enqueue {
    struct host_jobs *jobs;
    const struct host_job *job;
    const struct host_job_request *request;
};

static cim_status
count_waiting(cim_tx *tx, const char *owner, int64_t *ret_n, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_i64("accepted", CIM_JOB_ACCEPTED),
                                host_value_text("owner", owner)};
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_query(
        tx,
        owner != NULL ? "select count(*) from cim_job where state = :accepted and owner = :owner"
                      : "select count(*) from cim_job where state = :accepted",
        values, owner != NULL ? 2 : 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    *ret_n = there ? host_row_i64(&row, 0) : 0;
    return CIM_OK;
}

static cim_status
check_room(const struct host_jobs *jobs, cim_tx *tx, const char *owner, cim_error *err)
{
    int64_t own = 0;
    int64_t all = 0;
    CIM_TRY(count_waiting(tx, owner, &own, err));
    if (own >= jobs->waiting_per_owner_max) {
        return cim_fail(err, CIM_E_BUSY, NULL, owner, "%s 已有 %lld 个作业在排队，请稍后再试",
                        "%s has %lld jobs waiting already; try again later", owner, (long long)own);
    }
    CIM_TRY(count_waiting(tx, NULL, &all, err));
    if (all >= jobs->waiting_max) {
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "排队的作业已有 %lld 个，请稍后再试",
                        "%lld jobs wait already; try again later", (long long)all);
    }
    return CIM_OK;
}

static cim_status
enqueue(void *arg, cim_tx *tx, cim_error *err)
{
    const struct enqueue *add = arg;
    const struct host_job_request *request = add->request;
    if (request->taken != NULL) {
        CIM_TRY(request->taken(request->arg, tx, add->job->info.id, err));
    }
    CIM_TRY(lock_queue(tx, err));
    CIM_TRY(check_room(add->jobs, tx, add->job->info.owner, err));
    return host_job_row_insert(tx, add->job, add->request, err);
}

cim_status
host_job_enqueue(struct host_jobs *jobs, const struct host_job *job,
                 const struct host_job_request *request, cim_error *err)
{
    struct enqueue add = {jobs, job, request};
    return host_store_write(jobs->app->store, enqueue, &add, NULL, err);
}

/* ---- taking up what a host left behind ---- */

struct settle {
    struct host_jobs *jobs;
    const char *host;
    int64_t beat;
};

static cim_status
forget_host(const struct settle *settle, cim_tx *tx, bool *ret_go_on, cim_error *err)
{
    const cim_value values[] = {host_value_text("host", settle->host),
                                host_value_i64("beat", settle->beat)};
    int64_t changes = 0;
    *ret_go_on = true;
    if (settle->beat < 0) {
        return CIM_OK;
    }
    CIM_TRY(host_store_exec(tx, "delete from cim_job_host where name = :host and beat = :beat",
                            values, 2, &changes, err));
    *ret_go_on = changes > 0; /* it lives, or another host was quicker */
    return CIM_OK;
}

static cim_status
settle_jobs(void *arg, cim_tx *tx, cim_error *err)
{
    static const char again[] =
        "update cim_job set state = :accepted, host = '', fraction = 0, message_zh = '', "
        "message_en = '', updated_ms = :now_ms where host = :host and state = :running and flags = "
        ":retry and attempts < :most";
    static const char failed[] =
        "update cim_job set state = :failed, host = '', updated_ms = :now_ms, finished_ms = "
        ":now_ms, expires_ms = :expires_ms, error_code = :code, error_zh = :zh, error_en = :en "
        "where host = :host and state = :running";
    const struct settle *settle = arg;
    const int64_t now_ms = host_clock_now_ms(settle->jobs->app->clock);
    bool go_on = false;
    const cim_value host = host_value_text("host", settle->host);
    const cim_value running = host_value_i64("running", CIM_JOB_RUNNING);
    const cim_value now = host_value_i64("now_ms", now_ms);
    const cim_value for_again[] = {host,
                                   running,
                                   now,
                                   host_value_i64("accepted", CIM_JOB_ACCEPTED),
                                   host_value_i64("retry", CIM_JOB_RETRY),
                                   host_value_i64("most", HOST_JOB_ATTEMPTS_MAX)};
    const cim_value for_failed[] = {
        host,
        running,
        now,
        host_value_i64("failed", CIM_JOB_FAILED),
        host_value_i64("expires_ms", now_ms + settle->jobs->keep_ms),
        host_value_i64("code", CIM_E_STATE),
        host_value_text("zh", "平台在作业运行时中断，请重新提交"),
        host_value_text("en", "the platform went away while the job ran; submit it again"),
    };
    CIM_TRY(lock_queue(tx, err));
    CIM_TRY(forget_host(settle, tx, &go_on, err));
    if (!go_on) {
        return CIM_OK;
    }
    CIM_TRY(host_store_exec(tx, again, for_again, 6, NULL, err));
    CIM_TRY(host_store_exec(tx, failed, for_failed, 8, NULL, err));
    return host_store_exec(tx, "update cim_job set host = '' where host = :host", &host, 1, NULL,
                           err);
}

cim_status
host_jobs_settle(struct host_jobs *jobs, const char *host, int64_t beat, cim_error *err)
{
    struct settle settle = {jobs, host, beat};
    return host_store_write(jobs->app->store, settle_jobs, &settle, NULL, err);
}
