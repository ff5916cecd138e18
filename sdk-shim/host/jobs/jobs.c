/* Opening and closing, submitting, asking, cancelling. */
#include "host/jobs/internal.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/identity/identity.h"
#include "host/plugins/manifest.h"
#include "kit/cleanup.h"
#include "kit/time.h"

#include <errno.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- opening ---- */

static cim_status
open_dir(struct host_jobs *jobs, cim_error *err)
{
    const char *var = host_config_text(jobs->app->config, "var");
    const char *dir = host_config_text(jobs->app->config, "jobs.dir");
    const int n = dir[0] != '\0' ? snprintf(jobs->dir, sizeof jobs->dir, "%s", dir)
                                 : snprintf(jobs->dir, sizeof jobs->dir, "%s/jobs", var);
    if (n < 0 || (size_t)n >= sizeof jobs->dir) {
        return cim_fail(err, CIM_E_TOO_LARGE, "jobs.dir", dir, "路径超过 %zu 字节",
                        "the path is longer than %zu bytes", sizeof jobs->dir);
    }
    if (mkdir(jobs->dir, 0700) != 0 && errno != EEXIST) {
        return cim_fail(err, CIM_E_IO, "jobs.dir", jobs->dir, "无法创建目录“%s”：%s",
                        "cannot make the directory '%s': %s", jobs->dir, strerrorname_np(errno));
    }
    return CIM_OK;
}

/* Unique among the hosts of a store, the same after a restart: the machine and the data directory.
 */
static cim_status
name_host(struct host_jobs *jobs, cim_error *err)
{
    const char *var = host_config_text(jobs->app->config, "var");
    char machine[HOST_NAME_MAX + 1] = "";
    CIM_AUTO_FREE char *path = realpath(var, NULL);
    (void)gethostname(machine, sizeof machine - 1);
    const int n =
        snprintf(jobs->host, sizeof jobs->host, "%s:%s", machine, path != NULL ? path : var);
    return n > 0 && (size_t)n < sizeof jobs->host
               ? CIM_OK
               : cim_fail(err, CIM_E_TOO_LARGE, "var", var, "路径超过 %zu 字节",
                          "the path is longer than %zu bytes", sizeof jobs->host);
}

cim_status
host_jobs_open_bare(struct host_app *app, struct host_jobs **ret_jobs, cim_error *err)
{
    struct host_jobs *jobs = calloc(1, sizeof *jobs);
    cim_status status = CIM_OK;
    if (jobs == NULL) {
        return cim_fail_nomem(err);
    }
    jobs->app = app;
    jobs->machine = host_clock_new(-1);
    jobs->keep_ms = host_config_int(app->config, "jobs.keep_ms");
    jobs->waiting_max = host_config_int(app->config, "jobs.waiting_max");
    jobs->waiting_per_owner_max = host_config_int(app->config, "jobs.waiting_per_owner_max");
    jobs->running_per_owner_max = host_config_int(app->config, "jobs.running_per_owner_max");
    (void)pthread_mutex_init(&jobs->lock, NULL);
    (void)pthread_cond_init(&jobs->changed, NULL);
    status = jobs->machine != NULL ? open_dir(jobs, err) : cim_fail_nomem(err);
    if (status == CIM_OK) {
        status = name_host(jobs, err);
    }
    if (status != CIM_OK) {
        host_jobs_free(jobs);
        return status;
    }
    *ret_jobs = jobs;
    return CIM_OK;
}

cim_status
host_jobs_open(struct host_app *app, struct host_jobs **ret_jobs, cim_error *err)
{
    struct host_jobs *jobs = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(host_jobs_open_bare(app, &jobs, err));
    status = host_jobs_settle(jobs, jobs->host, -1, err); /* what ran here when it went away */
    if (status != CIM_OK) {
        host_jobs_free(jobs);
        return status;
    }
    *ret_jobs = jobs;
    return CIM_OK;
}

cim_status
host_jobs_start(struct host_jobs *jobs, cim_error *err)
{
    const int32_t wanted = (int32_t)host_config_int(jobs->app->config, "jobs.workers");
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->stopping = false; /* also after an upgrade that was given up */
    (void)pthread_mutex_unlock(&jobs->lock);
    CIM_TRY(host_jobs_keeper_start(jobs, err));
    while (jobs->n_workers < wanted) {
        if (pthread_create(&jobs->workers[jobs->n_workers], NULL, host_jobs_worker, jobs) != 0) {
            return cim_fail(err, CIM_E_NOMEM, "jobs.workers", NULL, "无法启动作业线程",
                            "a thread for jobs cannot be started");
        }
        jobs->n_workers++;
    }
    return CIM_OK;
}

void
host_jobs_stop(struct host_jobs *jobs)
{
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    for (struct host_job *job = jobs->first; job != NULL; job = job->next) {
        if (job->info.state == CIM_JOB_RUNNING) {
            int go_on = HOST_JOB_GO_ON;
            (void)atomic_compare_exchange_strong(&job->stop, &go_on, HOST_JOB_SHUTDOWN);
        }
    }
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
    while (jobs->n_workers > 0) {
        (void)pthread_join(jobs->workers[--jobs->n_workers], NULL);
    }
    host_jobs_keeper_stop(jobs);
}

void
host_jobs_free(struct host_jobs *jobs)
{
    if (jobs == NULL) {
        return;
    }
    host_jobs_stop(jobs);
    host_clock_free(jobs->machine);
    (void)pthread_cond_destroy(&jobs->changed);
    (void)pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

cim_status
host_jobs_add_kind(struct host_jobs *jobs, const cim_job_kind *kind, cim_error *err)
{
    for (size_t i = 0; i < jobs->n_kinds; i++) {
        if (strcmp(jobs->kinds[i]->id, kind->id) == 0) {
            return cim_fail(err, CIM_E_EXISTS, "kind", kind->id, "作业类型 %.64s 已存在",
                            "there is a kind of job %.64s already", kind->id);
        }
    }
    if (jobs->n_kinds >= HOST_JOB_KINDS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "kind", kind->id, "作业类型过多",
                        "too many kinds of job");
    }
    jobs->kinds[jobs->n_kinds++] = kind;
    return CIM_OK;
}

/* ---- submitting ---- */

static cim_status
new_id(int64_t now_ms, char ret_id[CIM_JOB_ID_TEXT], cim_error *err)
{
    uint8_t random[10];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "没有随机数", "no random bytes");
    }
    cim_uuid7_format(now_ms, random, ret_id);
    return CIM_OK;
}

static cim_status
write_down(struct host_jobs *jobs, const struct host_job *job,
           const struct host_job_request *request, cim_error *err)
{
    CIM_TRY(host_job_dir_make(jobs, job->info.id, err));
    if (request->file != NULL) {
        CIM_TRY(host_job_file_take(jobs, job->info.id, request->file, "input", err));
    }
    return host_job_enqueue(jobs, job, request, err);
}

cim_status
host_jobs_submit(struct host_jobs *jobs, const struct host_job_request *request,
                 char ret_id[CIM_JOB_ID_TEXT], cim_error *err)
{
    const char *owner = host_principal_name(request->owner);
    struct host_job *job = NULL;
    cim_status status = CIM_OK;
    if (strlen(request->inputs_json) > HOST_JOB_INPUTS_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "inputs", NULL, "输入超过 %d MiB",
                        "the inputs are larger than %d MiB", HOST_JOB_INPUTS_BYTES_MAX >> 20);
    }
    (void)pthread_mutex_lock(&jobs->lock);
    status = jobs->stopping
                 ? cim_fail(err, CIM_E_BUSY, NULL, NULL, "平台正在停止或升级，请稍后再提交",
                            "the platform is stopping or being upgraded; submit the job again soon")
                 : CIM_OK;
    (void)pthread_mutex_unlock(&jobs->lock);
    CIM_TRY(status);
    job = host_job_new(request->lang != NULL ? request->lang : "zh");
    if (job == NULL) {
        return cim_fail_nomem(err);
    }
    job->flags = request->flags & CIM_JOB_RETRY;
    job->info.state = CIM_JOB_ACCEPTED;
    job->info.created_ms = host_clock_now_ms(jobs->app->clock);
    job->info.updated_ms = job->info.created_ms;
    cim_copy_text(job->info.kind, sizeof job->info.kind, request->kind);
    cim_copy_text(job->info.owner, sizeof job->info.owner, owner);
    status = new_id(job->info.created_ms, job->info.id, err);
    if (status == CIM_OK) {
        status = write_down(jobs, job, request, err);
        if (status != CIM_OK) {
            host_job_dir_remove(jobs, job->info.id);
        }
    }
    if (status == CIM_OK) {
        memcpy(ret_id, job->info.id, CIM_JOB_ID_TEXT);
        (void)pthread_mutex_lock(&jobs->lock);
        host_jobs_wake(jobs);
        (void)pthread_mutex_unlock(&jobs->lock);
    }
    host_job_free(job);
    return status;
}

/* ---- asking ---- */

static bool
may_see(const struct host_principal *viewer, const char *owner)
{
    return viewer == NULL || strcmp(host_principal_name(viewer), owner) == 0 ||
           host_principal_has_function(viewer, HOST_JOBS_FUNCTION) != 0;
}

/* What runs is newer in memory. */
static void
refresh(struct host_jobs *jobs, struct host_job_info *info)
{
    const struct host_job *job = NULL;
    (void)pthread_mutex_lock(&jobs->lock);
    job = host_jobs_find(jobs, info->id);
    if (job != NULL && job->info.state == CIM_JOB_RUNNING && info->state == CIM_JOB_RUNNING) {
        *info = job->info;
    } else if (job != NULL && info->state == CIM_JOB_DISMISSED) {
        cim_copy_text(info->message_zh, sizeof info->message_zh,
                      "已取消，但其代码尚未停下，仍占用一个作业线程");
        cim_copy_text(info->message_en, sizeof info->message_en,
                      "cancelled, but its code has not stopped yet and keeps a thread of jobs");
    }
    (void)pthread_mutex_unlock(&jobs->lock);
}

cim_status
host_jobs_get(struct host_jobs *jobs, const struct host_principal *viewer, const char *id,
              struct host_job_info *ret_info, cim_error *err)
{
    struct host_job_info info;
    CIM_TRY(host_job_row_get(jobs, id, &info, err));
    if (!may_see(viewer, info.owner)) {
        return cim_fail(err, CIM_E_NOTFOUND, "jobID", id, "没有作业 %.64s", "there is no job %.64s",
                        id);
    }
    refresh(jobs, &info);
    *ret_info = info;
    return CIM_OK;
}

struct listing {
    struct host_jobs *jobs;
    void (*each)(void *arg, const struct host_job_info *info);
    void *arg;
};

static void
tell(void *arg, const struct host_job_info *info)
{
    const struct listing *listing = arg;
    struct host_job_info fresh = *info;
    refresh(listing->jobs, &fresh);
    listing->each(listing->arg, &fresh);
}

cim_status
host_jobs_list(struct host_jobs *jobs, const struct host_principal *viewer,
               const struct host_job_filter *filter,
               void (*each)(void *arg, const struct host_job_info *info), void *arg, cim_error *err)
{
    struct host_job_filter own = *filter;
    struct listing listing = {jobs, each, arg};
    if (viewer != NULL && host_principal_has_function(viewer, HOST_JOBS_FUNCTION) == 0) {
        if (own.owner != NULL && strcmp(own.owner, host_principal_name(viewer)) != 0) {
            return CIM_OK; /* none that this viewer may see */
        }
        own.owner = host_principal_name(viewer);
    }
    return host_job_rows_list(jobs, &own, tell, &listing, err);
}

cim_status
host_jobs_inputs(struct host_jobs *jobs, const char *id, char **ret_inputs, char **ret_request,
                 cim_error *err)
{
    return host_job_row_inputs(jobs, id, ret_inputs, ret_request, err);
}

cim_status
host_jobs_result_path(struct host_jobs *jobs, const char *id, char *out, size_t out_size,
                      cim_error *err)
{
    return host_jobs_dir_of(jobs, id, "result.json", out, out_size, err);
}

static cim_status
read_file(const struct host_jobs *jobs, const char *id, const char *name, char **ret_text,
          size_t *ret_len, cim_error *err)
{
    char path[4200];
    CIM_TRY(host_jobs_dir_of(jobs, id, name, path, sizeof path, err));
    return host_read_file(path, HOST_JOB_RESULT_BYTES_MAX, ret_text, ret_len, err);
}

cim_status
host_jobs_result(struct host_jobs *jobs, const char *id, char **ret_result, size_t *ret_len,
                 char **ret_run, cim_error *err)
{
    CIM_AUTO_FREE char *run = NULL;
    size_t run_len = 0;
    cim_status status = read_file(jobs, id, "run.json", &run, &run_len, err);
    if (status == CIM_E_NOTFOUND) {
        run = strdup(""); /* no analysis */
        status = run != NULL ? CIM_OK : cim_fail_nomem(err);
    }
    CIM_TRY(status);
    if (read_file(jobs, id, "result.json", ret_result, ret_len, err) != CIM_OK) {
        return cim_fail(err, CIM_E_NOTFOUND, "jobID", id, "作业 %.64s 没有结果",
                        "job %.64s has no result", id);
    }
    *ret_run = CIM_TAKE(run);
    return CIM_OK;
}

/* ---- forgetting ---- */

static void
forget(void *arg, const char *id)
{
    struct host_jobs *jobs = arg;
    bool gone = false;
    if (host_job_row_delete(jobs, id, &gone, NULL) == CIM_OK && gone) {
        host_job_dir_remove(jobs, id);
    }
}

void
host_jobs_sweep(struct host_jobs *jobs)
{
    cim_error why;
    if (host_job_rows_expired(jobs, host_clock_now_ms(jobs->app->clock), forget, jobs, &why) !=
        CIM_OK) {
        host_log_error("jobs", "forgetting old jobs", &why);
    }
}

/* ---- cancelling ---- */

cim_status
host_jobs_cancel(struct host_jobs *jobs, const struct host_principal *viewer, const char *id,
                 cim_error *err)
{
    struct host_job_info info;
    struct host_job *job = NULL;
    bool changed = false;
    CIM_TRY(host_jobs_get(jobs, viewer, id, &info, err));
    info.finished_ms = host_clock_now_ms(jobs->app->clock);
    info.expires_ms = info.finished_ms + jobs->keep_ms;
    CIM_TRY(host_job_row_dismiss(jobs, &info, &changed, err));
    if (!changed) {
        return cim_fail(err, CIM_E_STATE, "jobID", id, "作业 %.64s 已经结束", "job %.64s is over",
                        id);
    }
    (void)pthread_mutex_lock(&jobs->lock);
    job = host_jobs_find(jobs, id);
    if (job != NULL) { /* what runs elsewhere is told by that host's keeper */
        job->info.state = CIM_JOB_DISMISSED;
        atomic_store(&job->stopped_ms, host_monotonic_ms());
        atomic_store(&job->stop, HOST_JOB_DISMISS);
    }
    host_jobs_wake(jobs);
    (void)pthread_mutex_unlock(&jobs->lock);
    return CIM_OK;
}

cim_status
host_jobs_remove(struct host_jobs *jobs, const struct host_principal *viewer, const char *id,
                 cim_error *err)
{
    struct host_job_info info;
    bool gone = false;
    CIM_TRY(host_jobs_get(jobs, viewer, id, &info, err));
    CIM_TRY(host_job_row_delete(jobs, id, &gone, err));
    if (!gone) { /* dismissed, but somebody still works on it; or not over */
        return cim_fail(err, CIM_E_STATE, "jobID", id, "作业 %.64s 尚未结束",
                        "job %.64s is not over", id);
    }
    host_job_dir_remove(jobs, id);
    return CIM_OK;
}
