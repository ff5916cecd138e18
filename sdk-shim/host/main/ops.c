/* host/main/ops.c -- see ops.h. */
#include "ops.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/backup/backup.h"
#include "host/base/clock.h"
#include "host/http/http.h"
#include "host/plugins/plugins.h"
#include "host/store/store.h"
#include "host/stream/stream.h"
#include "kit/buf.h"

#include <stdio.h>
#include <sys/resource.h>

enum { METRICS_MAX_BYTES = 4 << 20, READY_MAX_BYTES = 1 << 20 };

static cim_status
respond_buf(cim_http_req *req, int32_t status, const char *mime, struct cim_buf *buf,
            cim_error *err)
{
    cim_blob body = {0};
    CIM_TRY(cim_buf_status(buf, err));
    cim_buf_to_blob(buf, &body);
    const cim_status result = host_http_respond(req, status, mime, &body, err);
    if (body.release != NULL) {
        body.release(&body);
    }
    return result;
}

static cim_status
health(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char text[] = "{\"status\":\"ok\",\"version\":\"" HOST_VERSION "\"}";
    cim_blob body = {text, sizeof text - 1, NULL, NULL};
    (void)self;
    (void)call;
    return host_http_respond(req, 200, "application/json", &body, err);
}

static void
add_broken(void *arg, const char *layer_id, const cim_error *why)
{
    struct cim_buf *out = arg;
    cim_buf_add_text(out, out->len > 0 ? ",{\"layer\":" : "{\"layer\":");
    cim_buf_add_json_text(out, layer_id, SIZE_MAX);
    cim_buf_add_text(out, ",\"detail\":");
    cim_buf_add_json_text(out, why->zh, SIZE_MAX);
    cim_buf_add_text(out, ",\"detail_en\":");
    cim_buf_add_json_text(out, why->en, SIZE_MAX);
    cim_buf_add_char(out, '}');
}

/* Ready once every enabled plugin runs, until the stop begins. A layer whose table was altered is
 * told, and the answer stays 200: to take the host out of service would take the others with it. */
static cim_status
ready(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ops *ops = self;
    CIM_AUTO_BUF struct cim_buf body;
    CIM_AUTO_BUF struct cim_buf broken;
    (void)call;
    cim_buf_init(&body, READY_MAX_BYTES);
    cim_buf_init(&broken, READY_MAX_BYTES);
    if (atomic_load(&ops->ready) == 0) {
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "平台正在启动或停止",
                        "the platform is starting or stopping");
    }
    if (host_plugins_each_broken(ops->app->plugins, add_broken, &broken) == 0) {
        cim_buf_add_text(&body, "{\"status\":\"ready\"}");
    } else {
        CIM_TRY(cim_buf_status(&broken, err));
        cim_buf_addf(&body, "{\"status\":\"degraded\",\"layers\":[%s]}", broken.data);
    }
    return respond_buf(req, 200, "application/json", &body, err);
}

static void
add(struct cim_buf *out, const char *name, const char *store, const char *kind, const char *help,
    int64_t value)
{
    if (kind != NULL) {
        cim_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
    }
    if (store != NULL) {
        cim_buf_addf(out, "%s{store=\"%s\"} %lld\n", name, store, (long long)value);
    } else {
        cim_buf_addf(out, "%s %lld\n", name, (long long)value);
    }
}

static void
write_stores(struct cim_buf *out, const struct host_app *app)
{
    struct host_store_stats data;
    struct host_store_stats platform;
    host_store_stats(app->store, &data);
    host_store_stats(app->platform, &platform);
    const struct {
        const char *name;
        const char *kind;
        const char *help;
        int64_t data;
        int64_t platform;
    } series[] = {
        {"cim_store_reads_total", "counter", "Queries.", data.reads, platform.reads},
        {"cim_store_writes_total", "counter", "Writes.", data.writes, platform.writes},
        {"cim_store_commits_total", "counter", "Commits.", data.commits, platform.commits},
        {"cim_store_busy_total", "counter", "Refused: too many readers.", data.busy, platform.busy},
        {"cim_store_readers_open", "gauge", "Open read connections.", data.readers_open,
         platform.readers_open},
    };
    for (size_t i = 0; i < sizeof series / sizeof series[0]; i++) {
        add(out, series[i].name, "data", series[i].kind, series[i].help, series[i].data);
        add(out, series[i].name, "platform", NULL, NULL, series[i].platform);
    }
    add(out, "cim_store_pos", NULL, "gauge", "Newest position of the change log.",
        host_store_pos(app->store));
}

static void
write_audit(struct cim_buf *out, const struct host_app *app)
{
    struct host_audit_stats stats;
    host_audit_stats(app->audit, &stats);
    add(out, "cim_audit_seq", NULL, "gauge", "Newest chained audit entry.", stats.seq);
    add(out, "cim_audit_anchored_seq", NULL, "gauge", "Newest anchored audit entry.",
        stats.anchored);
    add(out, "cim_audit_chain_failures_total", NULL, "counter", "Failures to chain.",
        stats.chain_failures);
    add(out, "cim_audit_anchor_failures_total", NULL, "counter", "Failures to anchor.",
        stats.anchor_failures);
    add(out, "cim_audit_lost_total", NULL, "counter", "Events that could not be kept.", stats.lost);
}

static void
write_streams(struct cim_buf *out, struct host_streams *streams)
{
    struct host_streams_stats stats;
    host_streams_stats(streams, &stats);
    add(out, "cim_streams_open", NULL, "gauge", "Open event streams.", stats.open);
    add(out, "cim_stream_events_total", NULL, "counter", "Events written.", stats.events);
    add(out, "cim_streams_refused_total", NULL, "counter", "Streams over a limit.", stats.refused);
}

static void
write_backups(struct cim_buf *out, struct host_backup_keeper *keeper)
{
    struct host_backup_stats stats;
    host_backup_stats(keeper, &stats);
    add(out, "cim_backup_last_seconds", NULL, "gauge", "When the newest backup was made; 0: never.",
        stats.last_ms / 1000);
    add(out, "cim_backup_bytes", NULL, "gauge", "Size of the newest backup.", stats.bytes);
    add(out, "cim_backups_total", NULL, "counter", "Backups made and checked.", stats.made);
    add(out, "cim_backup_failures_total", NULL, "counter", "Backups that failed.", stats.failures);
    add(out, "cim_backup_copied_last_seconds", NULL, "gauge",
        "When the newest backup that was copied elsewhere was made; 0: none was.",
        stats.copied_ms / 1000);
    add(out, "cim_backup_copy_failures_total", NULL, "counter", "Copies of backups that failed.",
        stats.copy_failures);
}

/* The store that lags behind most counts. */
static void
write_archives(struct cim_buf *out, struct host_archive *const archives[2])
{
    struct host_archive_stats sum = {.last_ms = 0};
    for (size_t i = 0; i < 2; i++) {
        struct host_archive_stats one;
        host_archive_stats(archives[i], &one);
        sum.last_ms = i == 0 || (archives[i] != NULL && one.last_ms < sum.last_ms) ? one.last_ms
                                                                                   : sum.last_ms;
        sum.n_bytes += one.n_bytes;
        sum.n_failures += one.n_failures;
        sum.n_generations += one.n_generations;
    }
    add(out, "cim_archive_last_seconds", NULL, "gauge",
        "Up to when the logs are archived; 0: they are not.", sum.last_ms / 1000);
    add(out, "cim_archive_bytes_total", NULL, "counter", "Written to the archive.", sum.n_bytes);
    add(out, "cim_archive_failures_total", NULL, "counter", "Archivings that failed.",
        sum.n_failures);
    add(out, "cim_archive_generations_total", NULL, "counter",
        "Generations begun: each needs a new backup.", sum.n_generations);
}

static cim_status
metrics(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_ops *ops = self;
    struct cim_buf out CIM_AUTO_BUF;
    struct rusage usage = {0};
    cim_buf_init(&out, METRICS_MAX_BYTES);
    (void)call;
    (void)getrusage(RUSAGE_SELF, &usage);
    host_http_write_metrics(ops->app->http, &out);
    write_stores(&out, ops->app);
    write_audit(&out, ops->app);
    write_streams(&out, ops->app->streams);
    write_backups(&out, ops->backups);
    write_archives(&out, ops->archives);
    add(&out, "cim_uptime_seconds", NULL, "gauge", "Seconds since the start.",
        (host_monotonic_ms() - ops->started_ms) / 1000);
    add(&out, "cim_cpu_milliseconds_total", NULL, "counter", "CPU time used.",
        (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
            (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000);
    add(&out, "cim_memory_peak_kilobytes", NULL, "gauge", "Largest resident size so far.",
        usage.ru_maxrss);
    return respond_buf(req, 200, "text/plain; version=0.0.4; charset=utf-8", &out, err);
}

cim_status
host_ops_add_routes(struct host_ops *ops, cim_error *err)
{
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/health",
         .flags = HOST_ROUTE_ANONYMOUS | HOST_ROUTE_EVENT_THREAD,
         .operation_id = "health",
         .summary_zh = "存活检查",
         .summary_en = "200 while the process is alive",
         .handle = health},
        {.method = "GET",
         .pattern = "/ready",
         .flags = HOST_ROUTE_ANONYMOUS | HOST_ROUTE_EVENT_THREAD,
         .operation_id = "ready",
         .summary_zh = "就绪检查",
         .summary_en = "200 when the platform serves, 503 otherwise",
         .handle = ready},
        {.method = "GET",
         .pattern = "/metrics",
         .permission = "cim.admin.metrics",
         .operation_id = "metrics",
         .summary_zh = "运行指标（Prometheus）",
         .summary_en = "metrics as Prometheus text",
         .handle = metrics},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct host_route route = routes[i];
        route.self = ops;
        CIM_TRY(host_http_add_route(ops->app->http, &route, err));
    }
    return CIM_OK;
}
