/* host/backup/keeper.c -- backups by themselves, and when asked. */
#include "host/backup/backup.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/base/clock.h"
#include "host/base/files.h"
#include "host/base/log.h"
#include "host/base/ticker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_S = 10, RETRY_MS = 15 * 60 * 1000 };

struct host_backup_keeper {
    struct host_app *app;
    struct host_backup_plan plan;
    struct host_ticker *ticker;
    const _Atomic int *stop;
    int64_t not_before_ms; /* after a failure */
    int64_t no_copy_before_ms;
    pthread_mutex_t lock; /* of `state` */
    struct host_backup_state state;
    _Atomic int64_t last_ms;
    _Atomic int64_t bytes;
    _Atomic int64_t made;
    _Atomic int64_t failures;
    _Atomic int64_t copied_ms;
    _Atomic int64_t copy_failures;
};

void
host_backup_note(struct host_app *app, const char *action, const struct host_backup_info *info,
                 const cim_error *error)
{
    char detail[256];
    (void)snprintf(detail, sizeof detail,
                   "{\"name\":\"%s\",\"bytes\":%lld,\"pos\":%lld,\"rows\":%lld}", info->name,
                   (long long)info->bytes, (long long)info->pos, (long long)info->n_rows);
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = action,
                                   .detail = detail,
                                   .result = error == NULL ? NULL : "failed"};
    host_audit_note(app->audit, NULL, &entry);
}

static int32_t
tell(void *arg, int64_t done, int64_t total)
{
    struct host_backup_keeper *keeper = arg;
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->state.done = done;
    keeper->state.total = total;
    (void)pthread_mutex_unlock(&keeper->lock);
    return atomic_load(keeper->stop);
}

/* ---- one thing at a time ---- */

static bool
begin(struct host_backup_keeper *keeper, enum host_backup_work work, const char *name)
{
    struct host_backup_state *state = &keeper->state;
    (void)pthread_mutex_lock(&keeper->lock);
    const bool idle = state->work == HOST_BACKUP_IDLE;
    if (idle) {
        state->work = work;
        state->since_ms = host_clock_now_ms(keeper->app->clock);
        state->done = 0;
        state->total = 0;
        cim_copy_text(state->name, sizeof state->name, name);
    }
    (void)pthread_mutex_unlock(&keeper->lock);
    return idle;
}

static void
end(struct host_backup_keeper *keeper, const char *name, const cim_error *error)
{
    struct host_backup_state *state = &keeper->state;
    (void)pthread_mutex_lock(&keeper->lock);
    state->last.work = state->work;
    state->last.at_ms = host_clock_now_ms(keeper->app->clock);
    state->last.error = *error;
    cim_copy_text(state->last.name, sizeof state->last.name, name);
    state->work = HOST_BACKUP_IDLE;
    (void)pthread_mutex_unlock(&keeper->lock);
}

cim_status
host_backup_ask(struct host_backup_keeper *keeper, enum host_backup_work work, const char *name,
                cim_error *err)
{
    if (!begin(keeper, work, name != NULL ? name : "")) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "正在备份、核对或复制，请稍后再试",
                        "a backup is being made, checked or copied: try again");
    }
    host_ticker_wake(keeper->ticker);
    return CIM_OK;
}

void
host_backup_state(struct host_backup_keeper *keeper, struct host_backup_state *ret_state)
{
    (void)pthread_mutex_lock(&keeper->lock);
    *ret_state = keeper->state;
    (void)pthread_mutex_unlock(&keeper->lock);
}

const struct host_backup_plan *
host_backup_plan(const struct host_backup_keeper *keeper)
{
    return &keeper->plan;
}

/* ---- making ---- */

static cim_status
check(struct host_backup_keeper *keeper, const char *parent, const char *name,
      struct host_backup_info *ret_info, cim_error *err)
{
    char folder[HOST_BACKUP_PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s/%s", parent, name);
    return host_backup_check(keeper->app->clock, folder, ret_info, err);
}

static cim_status
make(struct host_backup_keeper *keeper, struct host_backup_info *ret_info, cim_error *err)
{
    const char *parent = keeper->plan.options.parent;
    int32_t n_gone = 0;
    CIM_TRY(host_backup_make(keeper->app, &keeper->plan.options, ret_info, err));
    CIM_TRY(check(keeper, parent, ret_info->name, ret_info, err));
    CIM_TRY(host_backup_forget(parent, keeper->plan.keep, &n_gone, err));
    return keeper->plan.options.archive != NULL
               ? host_backup_forget_logs(parent, keeper->plan.options.archive, err)
               : CIM_OK;
}

/* Ends the work that was begun. */
static void
make_and_note(struct host_backup_keeper *keeper)
{
    struct host_backup_info info = {.name = ""};
    cim_error error = {.code = CIM_OK};
    const cim_status status = make(keeper, &info, &error);
    if (status != CIM_OK && atomic_load(keeper->stop) != 0) {
        return; /* given up for the platform's end */
    }
    host_backup_note(keeper->app, "backup", &info, status == CIM_OK ? NULL : &error);
    if (status == CIM_OK) {
        atomic_store(&keeper->last_ms, info.at_ms);
        atomic_store(&keeper->bytes, info.bytes);
        atomic_fetch_add(&keeper->made, 1);
        host_log(CIM_LOG_INFO, "backup", "%s: %lld bytes, %lld rows, checked", info.name,
                 (long long)info.bytes, (long long)info.n_rows);
    } else {
        keeper->not_before_ms = host_clock_now_ms(keeper->app->clock) + RETRY_MS;
        atomic_fetch_add(&keeper->failures, 1);
        host_log_error("backup", "make", &error);
    }
    end(keeper, info.name, &error);
}

/* The newest that is there, whoever made it. */
static cim_status
find_newest(struct host_backup_keeper *keeper, cim_error *err)
{
    struct host_backup_info *infos = NULL;
    size_t n = 0;
    CIM_TRY(host_backup_list(keeper->plan.options.parent, &infos, &n, err));
    atomic_store(&keeper->last_ms, n > 0 ? infos[0].at_ms : 0);
    atomic_store(&keeper->bytes, n > 0 ? infos[0].bytes : 0);
    free(infos);
    return CIM_OK;
}

/* Old enough, or of a generation of the archive that ended. */
static cim_status
is_due(struct host_backup_keeper *keeper, int64_t now_ms, bool *ret_due, cim_error *err)
{
    bool reaches = true;
    CIM_TRY(find_newest(keeper, err));
    if (keeper->plan.every_ms == 0) {
        *ret_due = false;
        return CIM_OK;
    }
    if (keeper->plan.options.archive != NULL) {
        CIM_TRY(host_backup_reaches(keeper->plan.options.parent, keeper->plan.options.archive,
                                    &reaches, err));
    }
    *ret_due = !reaches || now_ms - atomic_load(&keeper->last_ms) >= keeper->plan.every_ms;
    return CIM_OK;
}

static void
make_when_due(struct host_backup_keeper *keeper)
{
    const int64_t now_ms = host_clock_now_ms(keeper->app->clock);
    cim_error error = {.code = CIM_OK};
    bool due = false;
    const cim_status status = is_due(keeper, now_ms, &due, &error);
    if (now_ms < keeper->not_before_ms) {
        return;
    }
    if (status != CIM_OK) {
        keeper->not_before_ms = now_ms + RETRY_MS;
        atomic_fetch_add(&keeper->failures, 1);
        host_log_error("backup", "list", &error);
    } else if (due && begin(keeper, HOST_BACKUP_MAKE, "")) {
        make_and_note(keeper);
    }
}

/* ---- checking one that is there ---- */

static void
check_and_note(struct host_backup_keeper *keeper, const char *name)
{
    struct host_backup_info info = {.name = ""};
    cim_error error = {.code = CIM_OK};
    const cim_status status = check(keeper, keeper->plan.options.parent, name, &info, &error);
    cim_copy_text(info.name, sizeof info.name, name);
    host_backup_note(keeper->app, "backup.check", &info, status == CIM_OK ? NULL : &error);
    if (status != CIM_OK) {
        host_log_error("backup", "check", &error);
    }
    end(keeper, name, &error);
}

/* ---- copying ---- */

/* The name of the newest one where it is not among the copies; empty: there is nothing to do. */
static cim_status
find_uncopied(struct host_backup_keeper *keeper, char ret_name[HOST_BACKUP_NAME_MAX],
              cim_error *err)
{
    struct host_backup_info *infos = NULL;
    struct host_backup_info *copies = NULL;
    size_t n = 0;
    size_t n_copies = 0;
    ret_name[0] = '\0';
    cim_status status = host_backup_list(keeper->plan.options.parent, &infos, &n, err);
    if (status == CIM_OK) {
        status = host_backup_list(keeper->plan.copies, &copies, &n_copies, err);
    }
    if (status == CIM_OK) {
        atomic_store(&keeper->copied_ms, n_copies > 0 ? copies[0].at_ms : 0);
        if (n > 0 && (n_copies == 0 || strcmp(copies[0].name, infos[0].name) < 0)) {
            cim_copy_text(ret_name, HOST_BACKUP_NAME_MAX, infos[0].name);
        }
    }
    free(infos);
    free(copies);
    return status;
}

static cim_status
copy(struct host_backup_keeper *keeper, const char *name, struct host_backup_info *ret_info,
     cim_error *err)
{
    int32_t n_gone = 0;
    char folder[HOST_BACKUP_PATH_MAX];
    CIM_TRY(host_backup_copy(&keeper->plan.options, name, keeper->plan.copies, err));
    if (check(keeper, keeper->plan.copies, name, ret_info, err) != CIM_OK) {
        (void)snprintf(folder, sizeof folder, "%s/%s", keeper->plan.copies, name);
        host_file_remove(folder); /* the next one is made anew */
        return CIM_E_STATE;
    }
    return host_backup_forget(keeper->plan.copies, keeper->plan.keep_copies, &n_gone, err);
}

static void
copy_newest(struct host_backup_keeper *keeper)
{
    const int64_t now_ms = host_clock_now_ms(keeper->app->clock);
    char name[HOST_BACKUP_NAME_MAX] = "";
    struct host_backup_info info = {.name = ""};
    cim_error error = {.code = CIM_OK};
    if (keeper->plan.copies == NULL || now_ms < keeper->no_copy_before_ms) {
        return;
    }
    cim_status status = find_uncopied(keeper, name, &error);
    if (status == CIM_OK && (name[0] == '\0' || !begin(keeper, HOST_BACKUP_COPY, name))) {
        return;
    }
    if (status == CIM_OK) {
        status = copy(keeper, name, &info, &error);
        end(keeper, name, &error);
    }
    if (status != CIM_OK && atomic_load(keeper->stop) != 0) {
        return;
    }
    cim_copy_text(info.name, sizeof info.name, name);
    host_backup_note(keeper->app, "backup.copy", &info, status == CIM_OK ? NULL : &error);
    if (status == CIM_OK) {
        atomic_store(&keeper->copied_ms, info.at_ms);
    } else {
        keeper->no_copy_before_ms = now_ms + RETRY_MS;
        atomic_fetch_add(&keeper->copy_failures, 1);
        host_log_error("backup", "copy", &error);
    }
}

/* ---- the thread ---- */

static void
look(void *arg, const _Atomic int *stop)
{
    struct host_backup_keeper *keeper = arg;
    struct host_backup_state asked;
    keeper->stop = stop;
    host_backup_state(keeper, &asked); /* between two looks it is only at what it was asked for */
    if (asked.work == HOST_BACKUP_MAKE) {
        make_and_note(keeper);
    } else if (asked.work == HOST_BACKUP_CHECK) {
        check_and_note(keeper, asked.name);
    } else {
        make_when_due(keeper);
    }
    if (atomic_load(stop) == 0) {
        copy_newest(keeper);
    }
}

cim_status
host_backup_start(struct host_app *app, const struct host_backup_plan *plan,
                  struct host_backup_keeper **ret_keeper, cim_error *err)
{
    struct host_backup_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL) {
        return cim_fail_nomem(err);
    }
    keeper->app = app;
    keeper->plan = *plan;
    keeper->plan.options.progress = tell;
    keeper->plan.options.arg = keeper;
    (void)pthread_mutex_init(&keeper->lock, NULL); /* plain: cannot fail */
    const cim_status status = host_ticker_start(LOOK_S, look, keeper, &keeper->ticker, err);
    if (status != CIM_OK) {
        (void)pthread_mutex_destroy(&keeper->lock);
        free(keeper);
        return status;
    }
    *ret_keeper = keeper;
    return CIM_OK;
}

void
host_backup_stop(struct host_backup_keeper *keeper)
{
    if (keeper != NULL) {
        host_ticker_stop(keeper->ticker);
        (void)pthread_mutex_destroy(&keeper->lock);
        free(keeper);
    }
}

void
host_backup_stats(struct host_backup_keeper *keeper, struct host_backup_stats *ret_stats)
{
    *ret_stats = (struct host_backup_stats){.last_ms = 0};
    if (keeper != NULL) {
        ret_stats->last_ms = atomic_load(&keeper->last_ms);
        ret_stats->bytes = atomic_load(&keeper->bytes);
        ret_stats->made = atomic_load(&keeper->made);
        ret_stats->failures = atomic_load(&keeper->failures);
        ret_stats->copied_ms = atomic_load(&keeper->copied_ms);
        ret_stats->copy_failures = atomic_load(&keeper->copy_failures);
    }
}
