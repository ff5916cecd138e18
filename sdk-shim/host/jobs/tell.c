/* Which subscriber was told what: told_state of the job's row follows its state. */
#include "host/jobs/internal.h"

#include "host/base/clock.h"
#include "host/store/row.h"
#include "host/store/store.h"

static cim_status
find_untold(struct host_jobs *jobs, int64_t now_ms, struct host_job_untold *ret_untold,
            bool *ret_there, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_i64("accepted", CIM_JOB_ACCEPTED),
                                host_value_i64("now_ms", now_ms)};
    struct host_row row = {0};
    char id[CIM_JOB_ID_TEXT];
    CIM_TRY(host_store_read(jobs->app->store,
                            "select id, tell_attempts from cim_job where subscribed = 1 and "
                            "tell_at_ms <= :now_ms and state <> :accepted and told_state <> state "
                            "order by tell_at_ms, fid limit 1",
                            values, 2, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, ret_there, err));
    if (!*ret_there) {
        return CIM_OK;
    }
    host_row_copy(&row, 0, id, sizeof id);
    ret_untold->attempts = host_row_i64(&row, 1) + 1;
    return host_job_row_get(jobs, id, &ret_untold->info, err);
}

cim_status
host_jobs_next_untold(struct host_jobs *jobs, int64_t lease_ms, struct host_job_untold *ret_untold,
                      bool *ret_there, cim_error *err)
{
    const int64_t now_ms = host_clock_now_ms(jobs->machine);
    int64_t changes = 0;
    CIM_TRY(find_untold(jobs, now_ms, ret_untold, ret_there, err));
    if (!*ret_there) {
        return CIM_OK;
    }
    const cim_value values[] = {host_value_text("id", ret_untold->info.id),
                                host_value_i64("state", ret_untold->info.state),
                                host_value_i64("attempts", ret_untold->attempts),
                                host_value_i64("until_ms", now_ms + lease_ms)};
    CIM_TRY(host_store_write_one(jobs->app->store,
                                 "update cim_job set tell_attempts = :attempts, tell_at_ms = "
                                 ":until_ms where id = :id and state = :state and tell_attempts = "
                                 ":attempts - 1",
                                 values, 4, &changes, err));
    *ret_there = changes > 0; /* another host was quicker, or it has a new state */
    return CIM_OK;
}

cim_status
host_jobs_told(struct host_jobs *jobs, const struct host_job_info *info, cim_error *err)
{
    const cim_value values[] = {
        host_value_text("id", info->id), host_value_i64("state", info->state),
        host_value_i64("subscribed", info->state == CIM_JOB_RUNNING ? 1 : 0)};
    return host_store_write_one(jobs->app->store,
                                "update cim_job set told_state = :state, subscribed = :subscribed "
                                "where id = :id and state = :state",
                                values, 3, NULL, err);
}

cim_status
host_jobs_tell_again(struct host_jobs *jobs, const struct host_job_info *info, int64_t wait_ms,
                     cim_error *err)
{
    const cim_value values[] = {
        host_value_text("id", info->id), host_value_i64("state", info->state),
        host_value_i64("at_ms", host_clock_now_ms(jobs->machine) + wait_ms)};
    return host_store_write_one(jobs->app->store,
                                "update cim_job set tell_at_ms = :at_ms where id = :id and state = "
                                ":state",
                                values, 3, NULL, err);
}
