/* The table of jobs. */
#include "host/jobs/internal.h"

#include "host/base/clock.h"
#include "host/store/row.h"
#include "host/store/store.h"

enum { AT_ID, AT_KIND, AT_OWNER, AT_LANG, AT_FLAGS, AT_STATE, AT_ATTEMPTS, AT_FRACTION };
enum { AT_MESSAGE_ZH = AT_FRACTION + 1, AT_MESSAGE_EN, AT_CREATED, AT_STARTED, AT_FINISHED };
enum { AT_UPDATED = AT_FINISHED + 1, AT_EXPIRES, AT_POS, AT_RESULT_BYTES, AT_ERROR_CODE };
enum { AT_ERROR_PARAM = AT_ERROR_CODE + 1, AT_ERROR_VALUE, AT_ERROR_ZH, AT_ERROR_EN, AT_GRANTS };

enum { VALUES_MAX = 28 };

struct host_job *
host_job_new(const char *lang)
{
    struct host_job *job = calloc(1, sizeof *job);
    if (job != NULL && (job->lang = strdup(lang)) == NULL) {
        free(job);
        return NULL;
    }
    return job;
}

void
host_job_free(struct host_job *job)
{
    if (job != NULL) {
        free(job->lang);
        free(job);
    }
}

static cim_value
real(const char *name, double number)
{
    cim_value value = {.name = name, .type = CIM_COL_FLOAT64};
    value.v.f64 = number;
    return value;
}

/* What changes in the life of a job. */
static uint32_t
fill(const struct host_job_info *info, cim_value values[VALUES_MAX])
{
    const bool failed = info->error.code != CIM_OK;
    const cim_value list[] = {
        host_value_text("id", info->id),
        host_value_i64("state", info->state),
        host_value_i64("attempts", info->attempts),
        real("fraction", info->fraction),
        host_value_text("message_zh", info->message_zh),
        host_value_text("message_en", info->message_en),
        host_value_i64("started_ms", info->started_ms),
        host_value_i64("finished_ms", info->finished_ms),
        host_value_i64("updated_ms", info->updated_ms),
        host_value_i64("expires_ms", info->expires_ms),
        host_value_i64("pos", info->pos),
        host_value_i64("result_bytes", info->result_bytes),
        host_value_i64("error_code", info->error.code),
        host_value_text("error_param", failed ? info->error.param : ""),
        host_value_text("error_value", failed ? info->error.value : ""),
        host_value_text("error_zh", failed ? info->error.zh : ""),
        host_value_text("error_en", failed ? info->error.en : ""),
        host_value_i64("grants", info->grants),
    };
    memcpy(values, list, sizeof list);
    return sizeof list / sizeof list[0];
}

cim_status
host_job_row_insert(cim_tx *tx, const struct host_job *job, const struct host_job_request *request,
                    cim_error *err)
{
    cim_value values[VALUES_MAX];
    uint32_t n = fill(&job->info, values);
    values[n++] = host_value_text("kind", job->info.kind);
    values[n++] = host_value_text("owner", job->info.owner);
    values[n++] = host_value_text("lang", job->lang);
    values[n++] = host_value_i64("flags", job->flags);
    values[n++] = host_value_i64("created_ms", job->info.created_ms);
    values[n++] = host_value_text("inputs", request->inputs_json);
    values[n++] =
        host_value_text("request", request->request_json != NULL ? request->request_json : "{}");
    values[n++] = host_value_i64("subscribed", request->subscribed ? 1 : 0);
    return host_store_exec(
        tx,
        "insert into cim_job (" HOST_JOB_COLUMNS
        ", inputs, request, host, not_before_ms, subscribed, told_state, tell_attempts, "
        "tell_at_ms) values (:id, :kind, :owner, :lang, :flags, "
        ":state, :attempts, :fraction, :message_zh, :message_en, :created_ms, :started_ms, "
        ":finished_ms, :updated_ms, :expires_ms, :pos, :result_bytes, :error_code, :error_param, "
        ":error_value, :error_zh, :error_en, :grants, :inputs, :request, '', 0, :subscribed, 0, 0, "
        "0)",
        values, n, NULL, err);
}

cim_status
host_job_row_update(struct host_jobs *jobs, const struct host_job_info *info, int64_t wait_ms,
                    bool *ret_ours, cim_error *err)
{
    cim_value values[VALUES_MAX];
    uint32_t n = fill(info, values);
    int64_t changes = 0;
    values[n++] = host_value_text("host", jobs->host);
    values[n++] = host_value_text("then_host", info->state == CIM_JOB_RUNNING ? jobs->host : "");
    values[n++] = host_value_i64("running", CIM_JOB_RUNNING);
    values[n++] = host_value_i64("not_before_ms", host_clock_now_ms(jobs->machine) + wait_ms);
    CIM_TRY(host_store_write_one(
        jobs->app->store,
        "update cim_job set state = :state, attempts = :attempts, fraction = :fraction, "
        "message_zh = :message_zh, message_en = :message_en, started_ms = :started_ms, "
        "finished_ms = :finished_ms, updated_ms = :updated_ms, expires_ms = :expires_ms, "
        "pos = :pos, result_bytes = :result_bytes, error_code = :error_code, "
        "error_param = :error_param, error_value = :error_value, error_zh = :error_zh, "
        "error_en = :error_en, grants = :grants, host = :then_host, not_before_ms = "
        ":not_before_ms, "
        "tell_attempts = case when :state = :running then tell_attempts else 0 end, tell_at_ms = "
        "case when :state = :running then tell_at_ms else 0 end where id = :id and host = :host "
        "and state = :running",
        values, n, &changes, err));
    if (ret_ours != NULL) {
        *ret_ours = changes > 0;
    }
    return CIM_OK;
}

cim_status
host_job_row_dismiss(struct host_jobs *jobs, const struct host_job_info *info, bool *ret_changed,
                     cim_error *err)
{
    const cim_value values[] = {host_value_text("id", info->id),
                                host_value_i64("dismissed", CIM_JOB_DISMISSED),
                                host_value_i64("running", CIM_JOB_RUNNING),
                                host_value_i64("finished_ms", info->finished_ms),
                                host_value_i64("expires_ms", info->expires_ms)};
    int64_t changes = 0;
    CIM_TRY(host_store_write_one(
        jobs->app->store,
        "update cim_job set state = :dismissed, updated_ms = :finished_ms, finished_ms = "
        ":finished_ms, expires_ms = :expires_ms, tell_attempts = 0, tell_at_ms = 0 where id = :id "
        "and state <= :running",
        values, 5, &changes, err));
    *ret_changed = changes > 0;
    return CIM_OK;
}

cim_status
host_job_row_release(struct host_jobs *jobs, const char *id, cim_error *err)
{
    const cim_value values[] = {host_value_text("id", id), host_value_text("host", jobs->host),
                                host_value_i64("dismissed", CIM_JOB_DISMISSED)};
    return host_store_write_one(jobs->app->store,
                                "update cim_job set host = '' where id = :id and host = :host and "
                                "state = :dismissed",
                                values, 3, NULL, err);
}

static void
read_info(const struct host_row *row, struct host_job_info *info)
{
    *info = (struct host_job_info){
        .state = (int32_t)host_row_i64(row, AT_STATE),
        .attempts = (int32_t)host_row_i64(row, AT_ATTEMPTS),
        .fraction = cim_column_f64(row->batch->columns[AT_FRACTION], row->at),
        .created_ms = host_row_i64(row, AT_CREATED),
        .started_ms = host_row_i64(row, AT_STARTED),
        .finished_ms = host_row_i64(row, AT_FINISHED),
        .updated_ms = host_row_i64(row, AT_UPDATED),
        .expires_ms = host_row_i64(row, AT_EXPIRES),
        .pos = host_row_i64(row, AT_POS),
        .result_bytes = host_row_i64(row, AT_RESULT_BYTES),
        .error.code = (int32_t)host_row_i64(row, AT_ERROR_CODE),
    };
    host_row_copy(row, AT_ID, info->id, sizeof info->id);
    host_row_copy(row, AT_KIND, info->kind, sizeof info->kind);
    host_row_copy(row, AT_OWNER, info->owner, sizeof info->owner);
    host_row_copy(row, AT_MESSAGE_ZH, info->message_zh, sizeof info->message_zh);
    host_row_copy(row, AT_MESSAGE_EN, info->message_en, sizeof info->message_en);
    host_row_copy(row, AT_ERROR_PARAM, info->error.param, sizeof info->error.param);
    host_row_copy(row, AT_ERROR_VALUE, info->error.value, sizeof info->error.value);
    host_row_copy(row, AT_ERROR_ZH, info->error.zh, sizeof info->error.zh);
    host_row_copy(row, AT_ERROR_EN, info->error.en, sizeof info->error.en);
    info->grants = host_row_i64(row, AT_GRANTS);
}

static cim_status
fail_unknown(const char *id, cim_error *err)
{
    return cim_fail(err, CIM_E_NOTFOUND, "jobID", id, "没有作业 %.64s", "there is no job %.64s",
                    id);
}

cim_status
host_job_row_get(struct host_jobs *jobs, const char *id, struct host_job_info *ret_info,
                 cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_text("id", id)};
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(jobs->app->store,
                            "select " HOST_JOB_COLUMNS " from cim_job where id = :id", values, 1,
                            &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return cim_fail(err, CIM_E_NOTFOUND, "jobID", id, "没有作业 %.64s", "there is no job %.64s",
                        id);
    }
    read_info(&row, ret_info);
    return CIM_OK;
}

/* The state if it is wanted, 0, which none has, otherwise. */
static int64_t
state_bit(const struct host_job_filter *filter, int64_t state)
{
    return (filter->states & (1U << state)) != 0 ? state : 0;
}

cim_status
host_job_rows_list(struct host_jobs *jobs, const struct host_job_filter *filter,
                   void (*each)(void *arg, const struct host_job_info *info), void *arg,
                   cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {
        host_value_text("kind", filter->kind != NULL ? filter->kind : ""),
        host_value_i64("any_state", filter->states == 0 ? 1 : 0),
        host_value_i64("state_1", state_bit(filter, 1)),
        host_value_i64("state_2", state_bit(filter, 2)),
        host_value_i64("state_3", state_bit(filter, 3)),
        host_value_i64("state_4", state_bit(filter, 4)),
        host_value_i64("state_5", state_bit(filter, 5)),
        host_value_i64("from_ms", filter->from_ms),
        host_value_i64("to_ms", filter->to_ms != 0 ? filter->to_ms : INT64_MAX),
        host_value_i64("least_ms", filter->least_ms),
        host_value_i64("most_ms", filter->most_ms != 0 ? filter->most_ms : INT64_MAX),
        host_value_i64("now_ms", host_clock_now_ms(jobs->app->clock)),
        host_value_text("owner", filter->owner != NULL ? filter->owner : ""),
        host_value_i64("any_owner", filter->owner == NULL ? 1 : 0),
        host_value_text("after", filter->after != NULL ? filter->after : ""),
        host_value_i64("limit", filter->limit),
    };
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(
        jobs->app->store,
        "select " HOST_JOB_COLUMNS
        " from cim_job where (:kind = '' or kind = :kind) and (:any_state = 1 or "
        "state in (:state_1, :state_2, :state_3, :state_4, :state_5)) and created_ms between "
        ":from_ms and :to_ms and case when "
        "started_ms = 0 then 0 when finished_ms = 0 then :now_ms - started_ms else finished_ms - "
        "started_ms end between :least_ms and :most_ms and (:any_owner = 1 or owner = :owner) and "
        "(:after = '' or id < :after) "
        "order by id desc limit :limit",
        values, sizeof values / sizeof values[0], &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    while (there) {
        struct host_job_info info;
        read_info(&row, &info);
        each(arg, &info);
        CIM_TRY(host_row_next(&row, &there, err));
    }
    return CIM_OK;
}

cim_status
host_job_row_delete(struct host_jobs *jobs, const char *id, bool *ret_gone, cim_error *err)
{
    const cim_value values[] = {host_value_text("id", id),
                                host_value_i64("running", CIM_JOB_RUNNING)};
    int64_t changes = 0;
    CIM_TRY(host_store_write_one(
        jobs->app->store, "delete from cim_job where id = :id and state > :running and host = ''",
        values, 2, &changes, err));
    *ret_gone = changes > 0;
    return CIM_OK;
}

cim_status
host_job_row_inputs(struct host_jobs *jobs, const char *id, char **ret_inputs, char **ret_request,
                    cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_FREE char *inputs = NULL;
    CIM_AUTO_FREE char *request = NULL;
    const cim_value values[] = {host_value_text("id", id)};
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(jobs->app->store, "select inputs, request from cim_job where id = :id",
                            values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return fail_unknown(id, err);
    }
    inputs = host_row_text(&row, 0);
    request = host_row_text(&row, 1);
    if (inputs == NULL || request == NULL) {
        return cim_fail_nomem(err);
    }
    if (ret_inputs != NULL) {
        *ret_inputs = CIM_TAKE(inputs);
    }
    if (ret_request != NULL) {
        *ret_request = CIM_TAKE(request);
    }
    return CIM_OK;
}

cim_status
host_job_rows_expired(struct host_jobs *jobs, int64_t now_ms,
                      void (*each)(void *arg, const char *id), void *arg, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_i64("running", CIM_JOB_RUNNING),
                                host_value_i64("now_ms", now_ms),
                                host_value_i64("most", HOST_JOB_SWEEP_MAX)};
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(jobs->app->store,
                            "select id from cim_job where state > :running and expires_ms <= "
                            ":now_ms and host = '' order by id limit :most",
                            values, 3, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    while (there) {
        char id[CIM_JOB_ID_TEXT];
        host_row_copy(&row, 0, id, sizeof id);
        each(arg, id);
        CIM_TRY(host_row_next(&row, &there, err));
    }
    return CIM_OK;
}

struct host_job *
host_job_of_row(const struct host_row *row)
{
    CIM_AUTO_FREE char *lang = host_row_text(row, AT_LANG);
    struct host_job *job = lang != NULL ? host_job_new(lang) : NULL;
    if (job != NULL) {
        job->flags = (uint32_t)host_row_i64(row, AT_FLAGS);
        read_info(row, &job->info);
    }
    return job;
}
