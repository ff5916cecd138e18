/* One job from its start to what came of it. */
#include "host/jobs/internal.h"

#include "cim/services.h"
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/base/problem.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/jobs/process.h"
#include "host/plugins/plugins.h"
#include "host/store/store.h"
#include "kit/cleanup.h"

#include <malloc.h>

/* Through impl: who narrows a call hands on a copy of it. */
static struct host_job_run *
run_of_call(const cim_call *call)
{
    return (struct host_job_run *)((char *)call->impl - offsetof(struct host_job_run, context));
}

/* ---- what the work sees ---- */

/* The owner's grants changed, or ran out, or the account is gone: what was read for the job is no
 * longer the owner's to see. */
static bool
grants_changed(const struct host_job_run *run)
{
    struct host_app *app = run->jobs->app;
    struct host_principal *now = NULL;
    uint64_t fingerprint = 0;
    const cim_status status = host_principal_get(app->identity, run->call.principal, &now, NULL);
    if (status != CIM_OK) {
        return status == CIM_E_NOTFOUND; /* a store that is busy says nothing about grants */
    }
    fingerprint = host_principal_fingerprint(now, host_clock_now_ms(app->clock));
    host_principal_release(now);
    return fingerprint != run->fingerprint;
}

static void
look_at_grants(struct host_job_run *run)
{
    const int64_t now_ms = host_monotonic_ms();
    int64_t before_ms = atomic_load(&run->checked_ms);
    int go_on = HOST_JOB_GO_ON;
    if (run->job->info.owner[0] != '\0' && now_ms - before_ms >= HOST_JOB_GRANTS_MS &&
        atomic_compare_exchange_strong(&run->checked_ms, &before_ms, now_ms) &&
        grants_changed(run)) {
        (void)atomic_compare_exchange_strong(&run->job->stop, &go_on, HOST_JOB_GRANTS);
    }
}

static int32_t
must_stop(struct host_job_run *run)
{
    look_at_grants(run);
    return atomic_load(&run->job->stop) != HOST_JOB_GO_ON ||
           (run->work != NULL &&
            host_plugins_closing(run->jobs->app->plugins, run->work->plugin_id));
}

static int32_t
on_cancelled(const cim_call *call)
{
    return must_stop(run_of_call(call));
}

static int32_t
on_should_stop(cim_job *pub)
{
    return must_stop(pub->impl);
}

static void
on_progress(cim_job *pub, double fraction, const char *zh, const char *en)
{
    struct host_job_run *run = pub->impl;
    struct host_job_info *info = &run->job->info;
    struct host_job_info copy;
    const int64_t now_ms = host_monotonic_ms();
    bool save = false;
    (void)pthread_mutex_lock(&run->jobs->lock);
    if (info->state == CIM_JOB_RUNNING) {
        info->fraction = fraction >= 0 && fraction <= 1 ? fraction : info->fraction;
        info->updated_ms = host_clock_now_ms(run->jobs->app->clock);
        if (zh != NULL || en != NULL) {
            cim_copy_text(info->message_zh, sizeof info->message_zh, zh != NULL ? zh : en);
            cim_copy_text(info->message_en, sizeof info->message_en, en != NULL ? en : zh);
        }
        save = now_ms - run->saved_ms >= HOST_JOB_SAVE_MS;
        run->saved_ms = save ? now_ms : run->saved_ms;
        copy = *info;
    }
    (void)pthread_mutex_unlock(&run->jobs->lock);
    if (save) {
        (void)host_job_row_update(run->jobs, &copy, 0, NULL, NULL); /* the end is all the same */
    }
}

static void
on_log(cim_job *pub, int32_t level, const char *text)
{
    host_log(level, "jobs", "%s: %.400s", pub->id, text);
}

/* ---- the start ---- */

static cim_status
find_kind(struct host_job_run *run, cim_error *err)
{
    struct host_jobs *jobs = run->jobs;
    for (size_t i = 0; i < jobs->n_kinds; i++) {
        if (strcmp(jobs->kinds[i]->id, run->job->info.kind) == 0) {
            run->kind = jobs->kinds[i];
            return CIM_OK;
        }
    }
    CIM_TRY(host_plugins_enter_work(jobs->app->plugins, run->job->info.kind, &run->call, &run->work,
                                    err));
    run->kind = &run->work->kind;
    return CIM_OK;
}

/* The owner as of now: what was granted when the job was submitted no longer counts. */
static cim_status
find_owner(struct host_job_run *run, cim_error *err)
{
    struct host_identity *identity = run->jobs->app->identity;
    const char *owner = run->job->info.owner;
    if (owner[0] == '\0') {
        run->principal = host_identity_system_principal(identity);
        return run->principal != NULL ? CIM_OK : cim_fail_nomem(err);
    }
    return host_principal_get(identity, owner, &run->principal, err);
}

static cim_status
check_grant(struct host_job_run *run, cim_error *err)
{
    CIM_TRY(host_identity_scope(run->jobs->app->identity, run->principal, run->job->info.kind,
                                CIM_ACT_RUN, run->call.now_ms, &run->call.scope, err));
    if (run->work != NULL && run->work->is_analysis && run->call.scope->n_terms == 0) {
        return cim_fail(err, CIM_E_DENIED, "processID", run->job->info.kind,
                        "没有运行 %.64s 的权限", "not allowed to run %.64s", run->job->info.kind);
    }
    return CIM_OK;
}

cim_status
host_job_prepare(struct host_job_run *run, cim_error *err)
{
    struct host_jobs *jobs = run->jobs;
    memcpy(run->id, run->job->info.id, sizeof run->id);
    run->call = (cim_call){.struct_size = sizeof run->call,
                           .request_id = run->id,
                           .lang = run->job->lang,
                           .now_ms = host_clock_now_ms(jobs->app->clock),
                           .cancelled = on_cancelled,
                           .impl = &run->context};
    CIM_TRY(find_kind(run, err));
    CIM_TRY(find_owner(run, err));
    run->context.principal = run->principal;
    run->call.principal = host_principal_name(run->principal);
    run->fingerprint = host_principal_fingerprint(run->principal, run->call.now_ms);
    atomic_init(&run->checked_ms, host_monotonic_ms());
    CIM_TRY(check_grant(run, err));
    CIM_TRY(host_jobs_dir_of(jobs, run->id, NULL, run->dir, sizeof run->dir, err));
    run->pub = (cim_job){.struct_size = sizeof run->pub,
                         .id = run->id,
                         .dir = run->dir,
                         .pos = host_store_pos(jobs->app->store),
                         .progress = on_progress,
                         .should_stop = on_should_stop,
                         .log = on_log,
                         .impl = run};
    return CIM_OK;
}

void
host_job_done(struct host_job_run *run)
{
    if (run->work != NULL) {
        host_plugins_leave(run->jobs->app->plugins, run->work->plugin_id);
        run->work = NULL;
    }
    host_principal_release(run->principal);
    run->principal = NULL;
}

static cim_status
begin(struct host_job_run *run, cim_error *err)
{
    struct host_jobs *jobs = run->jobs;
    struct host_job_info copy;
    CIM_TRY(host_job_prepare(run, err));
    run->saved_ms = host_monotonic_ms();
    (void)pthread_mutex_lock(&jobs->lock);
    run->job->info.started_ms = run->call.now_ms;
    run->job->info.updated_ms = run->call.now_ms;
    run->job->info.pos = run->pub.pos;
    run->job->info.grants = (int64_t)run->fingerprint;
    run->job->info.attempts++;
    copy = run->job->info;
    (void)pthread_mutex_unlock(&jobs->lock);
    host_log(CIM_LOG_INFO, "jobs", "%s: begins, %s, attempt %d", copy.id, copy.kind,
             (int)copy.attempts);
    return host_job_row_update(jobs, &copy, 0, NULL, err);
}

/* ---- the work ---- */

/* Beside the result of an analysis: what it was the result of. */
static cim_status
keep_run(struct host_job_run *run, const char *inputs, const cim_blob *result, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf text;
    cim_buf_init(&text, HOST_JOB_INPUTS_BYTES_MAX * 2);
    CIM_TRY(host_process_check_result(run->work, result->data, result->len, err));
    host_process_run_json(run->work, inputs, run->pub.pos, &text);
    CIM_TRY(cim_buf_status(&text, err));
    return host_job_file_write(run->jobs, run->id, "run.json", text.data, text.len, err);
}

static cim_status
keep_result(struct host_job_run *run, const char *inputs, const cim_blob *result, cim_error *err)
{
    if (result->len > HOST_JOB_RESULT_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "结果超过 %d MiB",
                        "the result is larger than %d MiB", HOST_JOB_RESULT_BYTES_MAX >> 20);
    }
    if (run->work != NULL && run->work->is_analysis) {
        CIM_TRY(keep_run(run, inputs, result, err));
    }
    return result->len > 0 ? host_job_file_write(run->jobs, run->id, "result.json", result->data,
                                                 result->len, err)
                           : CIM_OK;
}

cim_status
host_job_work(struct host_job_run *run, int64_t *ret_bytes, cim_error *err)
{
    CIM_AUTO_FREE char *inputs = NULL;
    cim_blob result = {0};
    cim_status status = CIM_OK;
    CIM_TRY(host_job_row_inputs(run->jobs, run->id, &inputs, NULL, err));
    status = run->kind->run(run->kind->self, &run->call, &run->pub, inputs, &result, err);
    if (status == CIM_OK) {
        status = keep_result(run, inputs, &result, err);
        *ret_bytes = (int64_t)result.len;
    }
    if (result.release != NULL) {
        result.release(&result);
    }
    return status;
}

/* ---- the end ---- */

static void
put_back(struct host_job_info *info)
{
    info->state = CIM_JOB_ACCEPTED;
    info->fraction = 0;
    info->message_zh[0] = '\0';
    info->message_en[0] = '\0';
}

/* Under the lock. */
static void
settle(struct host_job_run *run, cim_status status, int64_t bytes, const cim_error *why)
{
    struct host_job *job = run->job;
    struct host_job_info *info = &job->info;
    const bool regranted = atomic_load(&job->stop) == HOST_JOB_GRANTS;
    cim_error denied;
    info->updated_ms = host_clock_now_ms(run->jobs->app->clock);
    if (info->state == CIM_JOB_DISMISSED) {
        return;
    }
    if (status == CIM_E_BUSY && run->kind == NULL) { /* its plugin is not enabled: it waits */
        put_back(info);
        return;
    }
    if ((status == CIM_E_CANCELLED && (job->flags & CIM_JOB_RETRY) != 0) ||
        (status == CIM_OK && regranted && run->work != NULL && run->work->is_analysis)) {
        /* Its plugin or the platform stops; or what it answered is no longer its owner's to see. */
        put_back(info);
        return;
    }
    if (status == CIM_E_CANCELLED && regranted) {
        status = cim_fail(&denied, CIM_E_DENIED, NULL, NULL, "运行期间权限已变更，请重新提交",
                          "grants changed while it ran; submit it again");
        why = &denied;
    }
    info->pos = run->pub.pos;
    info->finished_ms = info->updated_ms;
    info->expires_ms = info->finished_ms + run->jobs->keep_ms;
    info->state = status == CIM_OK ? CIM_JOB_SUCCESSFUL : CIM_JOB_FAILED;
    if (status == CIM_OK) {
        info->fraction = 1;
        info->result_bytes = bytes;
    } else {
        info->error = *why;
        info->error.code = status;
    }
}

/* A plugin that does not look at cancelled() keeps a thread that nothing can take from it. */
static void
tell_how_long(const struct host_job *job)
{
    const int64_t stopped_ms = atomic_load(&job->stopped_ms);
    const int64_t late_ms = stopped_ms != 0 ? host_monotonic_ms() - stopped_ms : 0;
    if (late_ms > HOST_JOB_HEED_MS) {
        host_log(CIM_LOG_WARNING, "jobs",
                 "%s: %s went on for %lld ms after it was cancelled; its code should look at "
                 "cancelled(), or be marked CIM_JOB_ISOLATED",
                 job->info.id, job->info.kind, (long long)late_ms);
    }
}

void
host_jobs_run(struct host_jobs *jobs, struct host_job *job)
{
    struct host_job_run run = {.jobs = jobs, .job = job};
    struct host_job_info copy;
    cim_error why = {0};
    int64_t bytes = 0;
    int64_t wait_ms = 0;
    bool ours = false;
    cim_status status = begin(&run, &why);
    if (status == CIM_OK) {
        status = run.work != NULL && (run.kind->flags & CIM_JOB_ISOLATED) != 0
                     ? host_job_isolated(&run, &bytes, &why)
                     : host_job_work(&run, &bytes, &why);
    }
    if (status != CIM_OK && host_problem_http_status(&why) == 500) {
        host_log_error("jobs", run.id, &why); /* its owner is told no more than that */
    }
    tell_how_long(job);
    (void)pthread_mutex_lock(&jobs->lock);
    settle(&run, status, bytes, &why);
    copy = job->info;
    (void)pthread_mutex_unlock(&jobs->lock);
    host_job_done(&run);
    (void)malloc_trim(0); /* else the C library keeps the many small pieces of large inputs */
    wait_ms = atomic_load(&job->stop) == HOST_JOB_SHUTDOWN ? 0 : HOST_JOB_UNAVAILABLE_MS;
    status = copy.state == CIM_JOB_DISMISSED
                 ? CIM_OK
                 : host_job_row_update(jobs, &copy, wait_ms, &ours, &why);
    if (status == CIM_OK && !ours) {
        status = host_job_row_release(jobs, copy.id, &why); /* dismissed meanwhile */
    }
    if (status != CIM_OK) {
        host_log_error("jobs", copy.id, &why);
    }
}
