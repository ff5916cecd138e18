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
#include <sys/random.h>
#include <sys/stat.h>

/* ---- opening ---- */

static cim_status
open_dir(struct host_jobs *jobs, cim_error *err)
{
    const char *var = host_config_text(jobs->app->config, "var");
    const int n = snprintf(jobs->dir, sizeof jobs->dir, "%s/jobs", var);
    if (n < 0 || (size_t)n >= sizeof jobs->dir) {
        return cim_fail(err, CIM_E_TOO_LARGE, "var", var, "路径超过 %zu 字节",
                        "the path is longer than %zu bytes", sizeof jobs->dir);
    }
    if (mkdir(jobs->dir, 0700) != 0 && errno != EEXIST) {
        return cim_fail(err, CIM_E_IO, "var", jobs->dir, "无法创建目录“%s”：%s",
                        "cannot make the directory '%s': %s", jobs->dir, strerrorname_np(errno));
    }
    return CIM_OK;
}

static void
take_up(void *arg, struct host_job *job)
{
    host_jobs_append(arg, job);
}

/* What ran when the platform went away: once more, or it has failed. */
static cim_status
settle_interrupted(struct host_jobs *jobs, cim_error *err)
{
    struct host_job *next = NULL;
    for (struct host_job *job = jobs->first; job != NULL; job = next) {
        struct host_job_info *info = &job->info;
        next = job->next;
        if (info->state != CIM_JOB_RUNNING) {
            continue;
        }
        info->updated_ms = host_clock_now_ms(jobs->app->clock);
        if ((job->flags & CIM_JOB_RETRY) != 0 && info->attempts < HOST_JOB_ATTEMPTS_MAX) {
            info->state = CIM_JOB_ACCEPTED;
            info->fraction = 0;
            CIM_TRY(host_job_row_update(jobs, info, err));
            continue;
        }
        info->state = CIM_JOB_FAILED;
        info->finished_ms = info->updated_ms;
        info->expires_ms = info->finished_ms + jobs->keep_ms;
        (void)cim_fail(&info->error, CIM_E_STATE, NULL, NULL,
                       "平台在作业运行时中断（第 %d 次），请重新提交",
                       "the platform went away while the job ran (attempt %d); submit it again",
                       (int)info->attempts);
        CIM_TRY(host_job_row_update(jobs, info, err));
        host_jobs_forget(jobs, job);
    }
    return CIM_OK;
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
    jobs->last = &jobs->first;
    jobs->keep_ms = host_config_int(app->config, "jobs.keep_ms");
    jobs->waiting_max = host_config_int(app->config, "jobs.waiting_max");
    jobs->waiting_per_owner_max = host_config_int(app->config, "jobs.waiting_per_owner_max");
    jobs->running_per_owner_max = host_config_int(app->config, "jobs.running_per_owner_max");
    (void)pthread_mutex_init(&jobs->lock, NULL);
    (void)pthread_cond_init(&jobs->changed, NULL);
    status = open_dir(jobs, err);
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
    status = host_job_rows_open(jobs, take_up, jobs, err);
    if (status == CIM_OK) {
        status = settle_interrupted(jobs, err);
    }
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
}

void
host_jobs_free(struct host_jobs *jobs)
{
    if (jobs == NULL) {
        return;
    }
    host_jobs_stop(jobs);
    while (jobs->first != NULL) {
        host_jobs_forget(jobs, jobs->first);
    }
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

/* Called twice, so that a flood is refused before it writes and nothing slips in between. */
static cim_status
check_room(struct host_jobs *jobs, const char *owner, cim_error *err)
{
    int64_t all = 0;
    int64_t own = 0;
    for (const struct host_job *job = jobs->first; job != NULL; job = job->next) {
        const int64_t waits = job->info.state == CIM_JOB_ACCEPTED ? 1 : 0;
        all += waits;
        own += strcmp(job->info.owner, owner) == 0 ? waits : 0;
    }
    if (own >= jobs->waiting_per_owner_max) {
        return cim_fail(err, CIM_E_BUSY, NULL, owner, "%s 已有 %lld 个作业在排队，请稍后再试",
                        "%s has %lld jobs waiting already; try again later", owner, (long long)own);
    }
    if (all >= jobs->waiting_max) {
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "排队的作业已有 %lld 个，请稍后再试",
                        "%lld jobs wait already; try again later", (long long)all);
    }
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
    return host_job_row_insert(jobs, job, request, err);
}

cim_status
host_jobs_submit(struct host_jobs *jobs, const struct host_job_request *request,
                 char ret_id[CIM_JOB_ID_TEXT], cim_error *err)
{
    const char *owner = host_principal_name(request->owner);
    char id[CIM_JOB_ID_TEXT];
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
                 : check_room(jobs, owner, err);
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
        memcpy(id, job->info.id, sizeof id);
        status = write_down(jobs, job, request, err);
    }
    if (status != CIM_OK) {
        host_job_dir_remove(jobs, job->info.id);
        host_job_free(job);
        return status;
    }
    (void)pthread_mutex_lock(&jobs->lock);
    host_jobs_append(jobs, job); /* may be gone as soon as the lock is */
    (void)pthread_cond_signal(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
    memcpy(ret_id, id, sizeof id);
    return CIM_OK;
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
    if (job != NULL && info->state <= CIM_JOB_RUNNING) {
        *info = job->info;
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
    if (host_job_row_delete(jobs, id, NULL) == CIM_OK) {
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

static void
dismiss(struct host_jobs *jobs, struct host_job_info *info)
{
    info->state = CIM_JOB_DISMISSED;
    info->updated_ms = host_clock_now_ms(jobs->app->clock);
    info->finished_ms = info->updated_ms;
    info->expires_ms = info->finished_ms + jobs->keep_ms;
}

cim_status
host_jobs_cancel(struct host_jobs *jobs, const struct host_principal *viewer, const char *id,
                 cim_error *err)
{
    struct host_job_info info;
    struct host_job *job = NULL;
    CIM_TRY(host_jobs_get(jobs, viewer, id, &info, err));
    (void)pthread_mutex_lock(&jobs->lock);
    job = host_jobs_find(jobs, id);
    if (job != NULL) {
        const bool waits = job->info.state == CIM_JOB_ACCEPTED;
        atomic_store(&job->stop, HOST_JOB_DISMISS);
        dismiss(jobs, &job->info);
        info = job->info;
        if (waits) {
            host_jobs_forget(jobs, job);
        }
    }
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
    if (job == NULL) {
        return cim_fail(err, CIM_E_STATE, "jobID", id, "作业 %.64s 已经结束", "job %.64s is over",
                        id);
    }
    return host_job_row_update(jobs, &info, err);
}

cim_status
host_jobs_remove(struct host_jobs *jobs, const struct host_principal *viewer, const char *id,
                 cim_error *err)
{
    struct host_job_info info;
    bool busy = false;
    CIM_TRY(host_jobs_get(jobs, viewer, id, &info, err));
    (void)pthread_mutex_lock(&jobs->lock);
    for (const struct host_job *job = jobs->first; job != NULL && !busy; job = job->next) {
        busy = strcmp(job->info.id, id) == 0; /* dismissed, but it still runs, or not over */
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    if (busy) {
        return cim_fail(err, CIM_E_STATE, "jobID", id, "作业 %.64s 尚未结束",
                        "job %.64s is not over", id);
    }
    CIM_TRY(host_job_row_delete(jobs, id, err));
    host_job_dir_remove(jobs, id);
    return CIM_OK;
}
