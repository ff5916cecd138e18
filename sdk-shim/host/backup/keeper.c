/* host/backup/keeper.c -- backups by themselves. */
#include "host/backup/backup.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/base/ticker.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOOK_S = 10, RETRY_MS = 15 * 60 * 1000 };

struct host_backup_keeper {
    struct host_app *app;
    struct host_backup_plan plan;
    struct host_ticker *ticker;
    const _Atomic int *stop;
    int64_t not_before_ms; /* after a failure */
    _Atomic int64_t last_ms;
    _Atomic int64_t bytes;
    _Atomic int64_t made;
    _Atomic int64_t failures;
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
    const struct host_backup_keeper *keeper = arg;
    (void)done;
    (void)total;
    return atomic_load(keeper->stop);
}

static cim_status
make(struct host_backup_keeper *keeper, struct host_backup_info *ret_info, cim_error *err)
{
    const char *parent = keeper->plan.options.parent;
    char folder[HOST_BACKUP_PATH_MAX];
    int32_t n_gone = 0;
    CIM_TRY(host_backup_make(keeper->app, &keeper->plan.options, ret_info, err));
    (void)snprintf(folder, sizeof folder, "%s/%s", parent, ret_info->name);
    CIM_TRY(host_backup_check(keeper->app->clock, folder, ret_info, err));
    CIM_TRY(host_backup_forget(parent, keeper->plan.keep, &n_gone, err));
    return keeper->plan.options.archive != NULL
               ? host_backup_forget_logs(parent, keeper->plan.options.archive, err)
               : CIM_OK;
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
    if (keeper->plan.options.archive != NULL) {
        CIM_TRY(host_backup_reaches(keeper->plan.options.parent, keeper->plan.options.archive,
                                    &reaches, err));
    }
    *ret_due = !reaches || now_ms - atomic_load(&keeper->last_ms) >= keeper->plan.every_ms;
    return CIM_OK;
}

static void
look(void *arg, const _Atomic int *stop)
{
    struct host_backup_keeper *keeper = arg;
    const int64_t now_ms = host_clock_now_ms(keeper->app->clock);
    struct host_backup_info info = {.name = ""};
    cim_error error = {.code = CIM_OK};
    bool due = false;
    keeper->stop = stop;
    cim_status status = is_due(keeper, now_ms, &due, &error);
    if (status == CIM_OK && (now_ms < keeper->not_before_ms || !due)) {
        return;
    }
    if (status == CIM_OK) {
        status = make(keeper, &info, &error);
    }
    if (status != CIM_OK && atomic_load(stop) != 0) {
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
        keeper->not_before_ms = now_ms + RETRY_MS;
        atomic_fetch_add(&keeper->failures, 1);
        host_log_error("backup", "make", &error);
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
    const cim_status status = host_ticker_start(LOOK_S, look, keeper, &keeper->ticker, err);
    if (status != CIM_OK) {
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
    }
}
