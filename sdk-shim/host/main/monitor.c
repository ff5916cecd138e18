/* host/main/monitor.c -- see monitor.h. */
#include "monitor.h"

#include "host/audit/audit.h"
#include "host/backup/backup.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/time.h"

#include <math.h>
#include <sys/statvfs.h>

enum { ANSWER_MAX = 4 << 20, HOUR_MS = 3600000 };
#define DAY_MS INT64_C(86400000)

void
host_watch_write(struct cim_buf *out, const struct host_watch *watch, bool first)
{
    static const char *const states[] = {"good", "warn", "bad"};
    cim_buf_addf(out, "%s{\"state\":\"%s\"", first ? "" : ",", states[watch->state]);
    cim_buf_add_member(out, "id", watch->id);
    cim_buf_add_member(out, "zh", watch->zh);
    cim_buf_add_member(out, "en", watch->en);
    if (watch->at_ms != 0) {
        char text[CIM_TIME_TEXT_MAX] = "";
        if (watch->at_ms > 0) {
            cim_time_format(watch->at_ms, text);
        }
        cim_buf_add_member(out, "at", text);
    } else {
        cim_buf_add_member(out, "unit", watch->unit);
        cim_buf_add_text(out, ",\"value\":");
        cim_buf_add_double(out, watch->value);
    }
    if (watch->has_limit) {
        cim_buf_add_text(out, ",\"limit\":");
        cim_buf_add_double(out, watch->limit);
    }
    if (watch->detail != NULL) {
        cim_buf_add_member(out, "detail", watch->detail);
    }
    cim_buf_add_char(out, '}');
}

/* A number that warns above its limit; below it with `least`. */
static struct host_watch
number(const char *id, const char *zh, const char *en, const char *unit, double value)
{
    return (struct host_watch){.id = id, .zh = zh, .en = en, .unit = unit, .value = value};
}

static struct host_watch
at_most(struct host_watch watch, double limit)
{
    watch.has_limit = true;
    watch.limit = limit;
    watch.state = watch.value > limit ? HOST_WATCH_WARN : HOST_WATCH_GOOD;
    return watch;
}

static struct host_watch
at_least(struct host_watch watch, double limit)
{
    watch.has_limit = true;
    watch.limit = limit;
    watch.state = watch.value < limit / 2 ? HOST_WATCH_BAD
                  : watch.value < limit   ? HOST_WATCH_WARN
                                          : HOST_WATCH_GOOD;
    return watch;
}

static void
begin_group(struct cim_buf *out, const char *id, const char *zh, const char *en)
{
    const bool first = out->len > 0 && out->data[out->len - 1] == '[';
    cim_buf_addf(out, "%s{\"id\":\"%s\"", first ? "" : ",", id);
    cim_buf_add_member(out, "zh", zh);
    cim_buf_add_member(out, "en", en);
    cim_buf_add_text(out, ",\"items\":[");
}

static void
end_group(struct cim_buf *out)
{
    cim_buf_add_text(out, "]}");
}

static void
write_all(struct cim_buf *out, const struct host_watch *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        host_watch_write(out, &list[i], i == 0);
    }
}

/* One number of one row; 0 where it is absent. */
static cim_status
ask_number(struct host_store *store, const char *sql, const cim_value *values, uint32_t n,
           int64_t *ret_number, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(store, sql, values, n, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    *ret_number = there ? host_row_i64(&row, 0) : 0;
    return CIM_OK;
}

/* ---- groups ---- */

static void
write_requests(const struct host_ops *ops, struct cim_buf *out)
{
    const struct host_config *config = ops->app->config;
    struct host_http_stats stats;
    struct host_http_latency latency;
    host_http_stats(ops->app->http, &stats);
    host_http_latency(ops->app->http, &latency);
    const double errors =
        stats.requests > 0 ? 100.0 * (double)stats.errors_5xx / (double)stats.requests : 0;
    const struct host_watch list[] = {
        number("requests", "请求（启动以来）", "Requests since the start", "",
               (double)stats.requests),
        number("in_flight", "正在处理", "In flight", "", (double)stats.in_flight),
        at_most(number("queued", "排队", "Queued", "", (double)stats.queued),
                (double)host_config_int(config, "http.queue_max") / 2),
        at_most(number("errors", "出错比例（5xx）", "Errors (5xx)", "%", errors),
                (double)host_config_int(config, "monitor.error_permille") / 10),
        at_most(
            number("refused_busy", "因繁忙拒绝", "Refused: busy", "", (double)stats.refused_busy),
            0),
        number("latency_p50", "响应时间（中位）", "Latency, median", "ms", latency.p50_ms),
        at_most(number("latency_p95", "响应时间（95%）", "Latency, 95 %", "ms", latency.p95_ms),
                (double)host_config_int(config, "monitor.latency_ms")),
    };
    begin_group(out, "requests", "请求", "Requests");
    write_all(out, list, sizeof list / sizeof list[0]);
    end_group(out);
}

static cim_status
write_store(const struct host_ops *ops, struct cim_buf *out, cim_error *err)
{
    const struct host_app *app = ops->app;
    struct host_store_stats stats;
    struct statvfs disk;
    int64_t waiting = 0;
    int64_t failed = 0;
    /* what the platform is to answer for: a wrong input is told to whoever gave it */
    const cim_value since[] = {
        host_value_i64("since", host_clock_now_ms(app->clock) - DAY_MS),
        host_value_i64("internal", CIM_E_INTERNAL),
        host_value_i64("memory", CIM_E_NOMEM),
        host_value_i64("busy", CIM_E_BUSY),
        host_value_i64("io", CIM_E_IO),
    };
    host_store_stats(app->store, &stats);
    CIM_TRY(ask_number(app->store, "select count(*) from cim_job where state = 1", NULL, 0,
                       &waiting, err));
    CIM_TRY(ask_number(app->store,
                       "select count(*) from cim_job where state = 4 and finished_ms > :since and "
                       "error_code in (:internal, :memory, :busy, :io)",
                       since, sizeof since / sizeof since[0], &failed, err));
    const bool known = statvfs(host_config_text(app->config, "var"), &disk) == 0;
    const double free_part =
        known && disk.f_blocks > 0 ? 100.0 * (double)disk.f_bavail / (double)disk.f_blocks : 0;
    const struct host_watch list[] = {
        number("commits", "提交", "Commits", "", (double)stats.commits),
        number("pos", "变更序号", "Position", "", (double)host_store_pos(app->store)),
        at_most(
            number("busy", "因读连接不足拒绝", "Refused: too many readers", "", (double)stats.busy),
            0),
        at_least(number("disk", "数据盘剩余", "Free disk", "%", free_part),
                 (double)host_config_int(app->config, "monitor.disk_free_percent")),
        at_most(number("jobs_waiting", "排队作业", "Jobs that wait", "", (double)waiting),
                (double)host_config_int(app->config, "jobs.waiting_max") / 2),
        at_most(
            number("jobs_failed", "失败作业（24 小时）", "Jobs failed in 24 h", "", (double)failed),
            0),
    };
    begin_group(out, "store", "数据库、磁盘与作业", "Store, disk, jobs");
    write_all(out, list, sizeof list / sizeof list[0]);
    end_group(out);
    return CIM_OK;
}

static cim_status
write_sign_ins(const struct host_ops *ops, int64_t now_ms, struct cim_buf *out, cim_error *err)
{
    const struct host_app *app = ops->app;
    const int64_t days = host_config_int(app->config, "monitor.expiry_days");
    const cim_value hour[] = {host_value_i64("since", now_ms - HOUR_MS)};
    const cim_value soon[] = {host_value_i64("now", now_ms),
                              host_value_i64("soon", now_ms + days * DAY_MS)};
    int64_t good = 0;
    int64_t refused = 0;
    int64_t tokens = 0;
    int64_t grants = 0;
    CIM_TRY(
        ask_number(app->platform,
                   "select count(*) from cim_sign_in_log where at_ms > :since and result = 'ok'",
                   hour, 1, &good, err));
    CIM_TRY(
        ask_number(app->platform,
                   "select count(*) from cim_sign_in_log where at_ms > :since and result <> 'ok'",
                   hour, 1, &refused, err));
    CIM_TRY(ask_number(app->platform,
                       "select count(*) from cim_session s join cim_account a on a.username = "
                       "s.username where a.provider = ':service' and s.expires_ms > :now and "
                       "s.expires_ms < :soon",
                       soon, 2, &tokens, err));
    CIM_TRY(ask_number(app->platform,
                       "select count(*) from cim_grant where ended_ms is null and until_ms > :now "
                       "and until_ms < :soon",
                       soon, 2, &grants, err));
    const struct host_watch list[] = {
        number("sign_ins", "登录成功（1 小时）", "Sign-ins in an hour", "", (double)good),
        at_most(number("refused", "登录失败（1 小时）", "Refused in an hour", "", (double)refused),
                (double)host_config_int(app->config, "monitor.refused_sign_ins")),
        at_most(number("tokens", "即将到期的程序令牌", "Tokens of programs that end soon", "",
                       (double)tokens),
                0),
        number("grants", "即将到期的授权", "Grants that end soon", "", (double)grants),
    };
    begin_group(out, "sign_ins", "登录与到期", "Sign-ins and ends");
    write_all(out, list, sizeof list / sizeof list[0]);
    end_group(out);
    return CIM_OK;
}

static void
write_safety(const struct host_ops *ops, int64_t now_ms, struct cim_buf *out)
{
    const struct host_app *app = ops->app;
    const int64_t every_ms = host_config_int(app->config, "backup.every_hours") * HOUR_MS;
    struct host_backup_stats backups;
    struct host_audit_stats audit;
    host_backup_stats(ops->backups, &backups);
    host_audit_stats(app->audit, &audit);
    struct host_watch last = number("backup", "最近一次备份", "Newest backup", "", 0);
    last.at_ms = backups.last_ms > 0 ? backups.last_ms : -1;
    last.state = every_ms == 0                             ? HOST_WATCH_WARN
                 : now_ms - backups.last_ms > 2 * every_ms ? HOST_WATCH_BAD
                                                           : HOST_WATCH_GOOD;
    last.detail = every_ms == 0 ? "backup.every_hours=0" : NULL;
    const bool copies = host_config_text(app->config, "backup.copy_folder")[0] != '\0';
    struct host_watch copied =
        number("backup_copy", "最近一份异地副本", "Newest copy elsewhere", "", 0);
    copied.at_ms = backups.copied_ms > 0 ? backups.copied_ms : -1;
    copied.state = !copies ? HOST_WATCH_WARN
                   : backups.copied_ms < backups.last_ms && now_ms - backups.last_ms > HOUR_MS
                       ? HOST_WATCH_BAD
                       : HOST_WATCH_GOOD;
    copied.detail = copies ? NULL : "backup.copy_folder=";
    const struct host_watch list[] = {
        last,
        at_most(number("backup_failures", "失败的备份", "Backups that failed", "",
                       (double)backups.failures),
                0),
        copied,
        at_most(number("backup_copy_failures", "失败的异地复制", "Copies that failed", "",
                       (double)backups.copy_failures),
                0),
        number("audit", "审计记录", "Audit entries", "", (double)audit.seq),
        at_most(number("audit_behind", "未锚定的审计记录", "Audit entries not anchored", "",
                       (double)(audit.seq - audit.anchored)),
                100000),
        at_most(
            number("audit_lost", "丢失的审计记录", "Audit entries lost", "", (double)audit.lost),
            0),
    };
    begin_group(out, "safety", "备份与审计", "Backups and audit");
    write_all(out, list, sizeof list / sizeof list[0]);
    end_group(out);
}

static void
write_provider(void *arg, const char *zh, const char *en, const char *id, int64_t took_ms,
               int64_t silent_ms)
{
    struct cim_buf *out = arg;
    struct host_watch watch = number(id, zh, en, "ms", (double)took_ms);
    watch.state = silent_ms > 0 ? HOST_WATCH_BAD : HOST_WATCH_GOOD;
    watch.detail = silent_ms > 0  ? "没有应答 / does not answer"
                   : took_ms == 0 ? "尚未使用 / not used yet"
                                  : NULL;
    host_watch_write(out, &watch, out->data[out->len - 1] == '[');
}

static cim_status
handle_monitor(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_ops *ops = self;
    CIM_AUTO_BUF struct cim_buf body;
    char now[CIM_TIME_TEXT_MAX];
    cim_buf_init(&body, ANSWER_MAX);
    cim_time_format(call->now_ms, now);
    cim_buf_addf(&body, "{\"at\":\"%s\",\"uptime_s\":%lld,\"groups\":[", now,
                 (long long)((host_monotonic_ms() - ops->started_ms) / 1000));
    write_requests(ops, &body);
    CIM_TRY(write_store(ops, &body, err));
    CIM_TRY(write_sign_ins(ops, call->now_ms, &body, err));
    begin_group(&body, "providers", "统一认证", "Sign-in providers");
    host_identity_each_provider(ops->app->identity, write_provider, &body);
    end_group(&body);
    begin_group(&body, "feeds", "数据更新", "Feeds");
    CIM_TRY(host_watch_feeds(ops->app, call->now_ms, &body, err));
    end_group(&body);
    write_safety(ops, call->now_ms, &body);
    cim_buf_add_text(&body, "]}");
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

/* ---- settings ---- */

static void
write_setting(void *arg, const struct host_setting_info *setting)
{
    struct cim_buf *out = arg;
    cim_buf_add_text(out, out->data[out->len - 1] == '[' ? "{\"key\":" : ",{\"key\":");
    cim_buf_add_json_text(out, setting->key, SIZE_MAX);
    cim_buf_add_member(out, "value", setting->secret ? "" : setting->value);
    cim_buf_add_member(out, "source", setting->source);
    cim_buf_add_member(out, "zh", setting->zh);
    cim_buf_add_member(out, "en", setting->en);
    cim_buf_addf(out, ",\"secret\":%s,\"set\":%s}", setting->secret ? "true" : "false",
                 setting->value[0] != '\0' ? "true" : "false");
}

static cim_status
handle_settings(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_ops *ops = self;
    CIM_AUTO_BUF struct cim_buf body;
    (void)call;
    cim_buf_init(&body, ANSWER_MAX);
    cim_buf_add_text(&body, "{\"settings\":[");
    host_config_each(ops->app->config, write_setting, &body);
    cim_buf_add_text(&body, "]}");
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

cim_status
host_monitor_add_routes(struct host_ops *ops, cim_error *err)
{
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/admin/api/monitor",
         .permission = "cim.admin.metrics",
         .operation_id = "getMonitor",
         .summary_zh = "运行监控：数值、阈值与告警",
         .summary_en = "What is watched, with thresholds that warn",
         .handle = handle_monitor,
         .self = ops},
        {.method = "GET",
         .pattern = "/admin/api/settings",
         .permission = "cim.admin.metrics",
         .operation_id = "getSettings",
         .summary_zh = "当前设置，密钥不显示",
         .summary_en = "The settings, secrets hidden",
         .handle = handle_settings,
         .self = ops},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        CIM_TRY(host_http_add_route(ops->app->http, &routes[i], err));
    }
    return CIM_OK;
}
