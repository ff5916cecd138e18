/* host/main/serve.c -- see serve.h. */
#include "serve.h"

#include "assemble.h"
#include "backup_plan.h"
#include "backups.h"
#include "control.h"
#include "monitor.h"
#include "ops.h"
#include "cim/util.h"
#include "host/admin/admin.h"
#include "host/audit/audit.h"
#include "host/base/clock.h"
#include "host/batches/batches.h"
#include "host/bundles/bundles.h"
#include "host/bindings/bindings.h"
#include "host/catalogue/usage.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/base/note.h"
#include "host/crypt/crypt.h"
#include "host/exchange/exchange.h"
#include "host/main/directory.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/imports/imports.h"
#include "host/jobs/jobs.h"
#include "host/ogc/callback.h"
#include "host/ogc/ogc.h"
#include "host/ogc/records.h"
#include "host/plugins/plugins.h"
#include "host/retention/retention.h"
#include "host/store/store.h"
#include "host/stream/stream.h"
#include "host/stream/subscriptions.h"
#include "host/supervisor/pulse.h"
#include "host/supervisor/supervisor.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORKERS_LEAST = 4, WORKERS_PER_CORE = 2, TABLE_CHECK_MS = 2000, TICK_MS = 200 };

static cim_status
make_spool_dir(const struct host_config *config, char *out, size_t out_size, cim_error *err)
{
    CIM_TRY(host_var_path(config, "spool", out, out_size, err));
    if (mkdir(out, 0700) != 0 && errno != EEXIST) {
        return cim_fail(err, CIM_E_IO, "var", out, "无法创建目录“%s”：%s",
                        "cannot make the directory '%s': %s", out, strerrorname_np(errno));
    }
    return CIM_OK;
}

static int32_t
worker_count(const struct host_config *config)
{
    const int64_t wanted = host_config_int(config, "http.workers");
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (wanted > 0) {
        return (int32_t)wanted;
    }
    return cores * WORKERS_PER_CORE > WORKERS_LEAST ? (int32_t)cores * WORKERS_PER_CORE
                                                    : WORKERS_LEAST;
}

static cim_status
make_http(struct host_app *app, cim_error *err)
{
    const struct host_config *config = app->config;
    char spool[PATH_MAX];
    CIM_TRY(make_spool_dir(config, spool, sizeof spool, err));
    const struct host_http_options options = {
        .address = host_config_text(config, "http.address"),
        .port = (int32_t)host_config_int(config, "http.port"),
        .listen_fd = host_note() != NULL ? HOST_WORKER_SOCKET_FD : 0,
        .event_threads = (int32_t)host_config_int(config, "http.event_threads"),
        .workers = worker_count(config),
        .max_connections = (int32_t)host_config_int(config, "http.max_connections"),
        .queue_max = (int32_t)host_config_int(config, "http.queue_max"),
        .client_max = (int32_t)host_config_int(config, "http.client_max"),
        .max_body_bytes = host_config_int(config, "http.max_body_bytes"),
        .max_upload_bytes = host_config_int(config, "http.max_upload_bytes"),
        .spool_dir = spool,
        .request_timeout_ms = host_config_int(config, "http.request_timeout_ms"),
        .idle_timeout_ms = host_config_int(config, "http.idle_timeout_ms"),
        .hosts = host_config_text(config, "http.hosts"),
        .trusted_proxies = host_config_text(config, "http.trusted_proxies"),
        .admin_addresses = host_config_text(config, "admin.addresses"),
        .access_log = host_config_bool(config, "log.access"),
        .clock = app->clock,
        .auth = host_identity_http_auth(app->identity),
        .gate = host_plugins_http_gate(app->plugins),
        .served = host_usage_served,
        .served_arg = app->usage,
    };
    return host_http_new(&options, &app->http, err);
}

static cim_status
add_routes(struct host_app *app, struct host_ops *ops, cim_error *err)
{
    CIM_TRY(host_ops_add_routes(ops, err));
    CIM_TRY(host_monitor_add_routes(ops, err));
    CIM_TRY(host_backups_add_routes(ops, err));
    CIM_TRY(host_usage_add_routes(app, err));
    host_identity_read_tables(app->identity, host_exchange_read_table);
    CIM_TRY(host_main_open_directory(app, &app->directory, err));
    CIM_TRY(host_identity_add_routes(app->identity, app->http, err));
    CIM_TRY(host_exchange_add_routes(app, err));
    CIM_TRY(host_exchange_add_features_route(app, err));
    CIM_TRY(host_imports_add(app, err));
    CIM_TRY(host_bindings_add_routes(app, err));
    CIM_TRY(host_admin_add_routes(app, err));
    CIM_TRY(host_bundles_add_routes(app, err));
    CIM_TRY(host_batches_add_routes(app, err));
    CIM_TRY(host_erase_add_routes(app, err));
    CIM_TRY(host_audit_add_routes(app, err));
    CIM_TRY(host_streams_new(app, &app->streams, err));
    CIM_TRY(host_streams_add_routes(app->streams, err));
    CIM_TRY(host_subscriptions_add_routes(app->streams, err));
    CIM_TRY(host_ogc_add_routes(app, err));
    CIM_TRY(host_ogc_add_record_routes(app, err));
    return host_ogc_add_process_routes(app, err);
}

/* As many open files as the system allows: each connection is one. */
static void
raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

void
host_print_url(const char *address, int32_t port)
{
    const bool ipv6 = strchr(address, ':') != NULL;
    printf("http://%s%s%s:%d/\n", ipv6 ? "[" : "", address, ipv6 ? "]" : "", (int)port);
    (void)fflush(stdout);
}

/* Blocked before any thread starts, so that only sigtimedwait() sees them. A supervisor passes
 * SIGINT on as SIGTERM; the terminal sends it to both. */
static void
block_signals(sigset_t *ret_stops)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(ret_stops);
    (void)sigaddset(ret_stops, SIGTERM);
    if (host_note() == NULL) {
        (void)sigaddset(ret_stops, SIGINT);
    } else {
        (void)sigaction(SIGINT, &ignore, NULL);
    }
    (void)pthread_sigmask(SIG_BLOCK, ret_stops, NULL);
    (void)sigaction(SIGHUP, &ignore, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

/* At an upgrade the successor takes up the queue of jobs: what runs here ends or goes back first.
 */
static void
yield_jobs(struct host_app *app)
{
    struct host_note *note = host_note();
    const bool wanted = note != NULL && atomic_load(&note->yield_jobs) != 0;
    const bool yielded = note != NULL && atomic_load(&note->jobs_yielded) != 0;
    cim_error err = {.code = CIM_OK};
    if (wanted && !yielded) {
        host_jobs_stop(app->jobs);
        atomic_store(&note->jobs_yielded, 1);
    } else if (!wanted && yielded) { /* it was given up */
        atomic_store(&note->jobs_yielded, 0);
        if (host_jobs_start(app->jobs, &err) != CIM_OK) {
            host_log_error("serve", "jobs", &err);
        }
    }
}

/* Told once when it begins to fail. */
static void
admit_keys(struct host_app *app, bool *failing)
{
    cim_error err = {.code = CIM_OK};
    const bool fails = host_crypt_admit(app->crypt, app->store, &err) != CIM_OK;
    if (fails && !*failing) {
        host_log_error("crypt", "keys", &err);
    }
    *failing = fails;
}

/* Until a signal asks to stop. Meanwhile other programs may alter the file, and add keys. */
static int
watch(struct host_app *app, const sigset_t *stops)
{
    const struct timespec period = {.tv_nsec = TICK_MS * 1000000L};
    int64_t checked_ms = host_monotonic_ms();
    bool keys_fail = false;
    int signal_number = 0;
    while ((signal_number = sigtimedwait(stops, NULL, &period)) < 0) {
        yield_jobs(app);
        admit_keys(app, &keys_fail);
        if (host_monotonic_ms() - checked_ms >= TABLE_CHECK_MS) {
            host_plugins_check_tables(app->plugins);
            checked_ms = host_monotonic_ms();
        }
    }
    return signal_number;
}

/* A plugin that fails is out of service with its reason; the platform serves. */
static void
start_plugins(struct host_app *app)
{
    const struct host_note *note = host_note();
    cim_error err = {0};
    host_note_begin(HOST_NOTE_OTHER);
    if (note != NULL) {
        if (host_plugins_note_endings(app->plugins, note->endings, note->n_endings, &err) !=
            CIM_OK) {
            host_log_error("plugins", "endings", &err);
        } else {
            atomic_store(&host_note()->endings_taken, 1);
        }
    }
    if (host_plugins_start_enabled(app->plugins, &err) != CIM_OK) {
        host_log_error("plugins", "start", &err);
    }
    host_note_end();
}

static cim_status
start_http(struct host_app *app, cim_error *err)
{
    CIM_TRY(host_http_start(app->http, err));
    if (host_note() != NULL) {
        atomic_store(&host_note()->serving, 1);
    } else {
        host_print_url(host_config_text(app->config, "http.address"), host_http_port(app->http));
    }
    return CIM_OK;
}

/* The command line's socket: the supervisor's, or one of our own. Without one the platform serves
 * all the same. */
static int
control_socket(const struct host_config *config)
{
    cim_error err = {.code = CIM_OK};
    int fd = -1;
    if (host_note() != NULL) {
        return host_note()->has_control != 0 ? HOST_WORKER_CONTROL_FD : -1;
    }
    if (host_control_listen(config, &fd, &err) != CIM_OK) {
        host_log_error("serve", "control", &err);
        return -1;
    }
    return fd;
}

static void
stop_archives(struct host_ops *ops)
{
    for (size_t i = 0; i < 2; i++) {
        host_archive_stop(CIM_TAKE(ops->archives[i]));
    }
}

/* A server archives its log itself. */
static cim_status
start_archives(struct host_ops *ops, cim_error *err)
{
    const struct host_config *config = ops->app->config;
    const char *folder = host_backup_archive(config);
    struct host_store *const stores[2] = {ops->app->platform, ops->app->store};
    for (size_t i = 0; i < 2 && folder != NULL; i++) {
        if (host_store_path(stores[i]) != NULL) {
            CIM_TRY(host_archive_start(stores[i], ops->app->clock, folder,
                                       (int32_t)host_config_int(config, "backup.archive_s"),
                                       host_config_int(config, "backup.archive_log_pages"),
                                       &ops->archives[i], err));
        }
    }
    return CIM_OK;
}

static cim_status
start_backups(struct host_ops *ops, struct host_backup_paths *paths, cim_error *err)
{
    struct host_backup_plan plan;
    CIM_TRY(host_backup_plan_of(ops->app->config, paths, &plan, err));
    return host_backup_start(ops->app, &plan, &ops->backups, err);
}

static cim_status
serve(struct host_app *app, const sigset_t *stops, cim_error *err)
{
    struct host_ops ops = {.app = app, .started_ms = host_monotonic_ms()};
    /* In the place of another one: its clients are not to meet closed plugins. */
    const bool takes_over = host_note() != NULL && host_note()->takes_over != 0;
    const int control_fd = control_socket(app->config);
    struct host_control *control = NULL;
    struct host_retention *retention = NULL;
    struct host_callbacks *callbacks = NULL;
    struct host_subscriptions *subscriptions = NULL;
    struct host_backup_paths backup_paths;
    int signal_number = 0;
    CIM_TRY(host_usage_new(app, &app->usage, err));
    CIM_TRY(make_http(app, err));
    CIM_TRY(add_routes(app, &ops, err));
    CIM_TRY(host_audit_start(app->audit, err));
    if (takes_over) {
        start_plugins(app);
        CIM_TRY(start_http(app, err));
    } else {
        CIM_TRY(start_http(app, err));
        start_plugins(app);
    }
    CIM_TRY(host_jobs_start(app->jobs, err));
    CIM_TRY(host_callbacks_start(app, &callbacks, err));
    CIM_TRY(host_subscriptions_start(app->streams, &subscriptions, err));
    CIM_TRY(host_usage_start(app->usage, err));
    if (control_fd >= 0) {
        CIM_TRY(host_control_start(app, control_fd, &control, err));
    }
    CIM_TRY(host_retention_start(app, &retention, err));
    CIM_TRY(host_bindings_start(app, &app->bindings, err));
    CIM_TRY(start_archives(&ops, err));
    CIM_TRY(start_backups(&ops, &backup_paths, err));
    atomic_store(&ops.ready, 1);
    if (host_note() != NULL) {
        atomic_store(&host_note()->ready, 1);
    }
    host_log(CIM_LOG_INFO, "serve", "ready on port %d, pid %d", (int)host_http_port(app->http),
             (int)getpid());
    signal_number = watch(app, stops);
    host_log(CIM_LOG_INFO, "serve", "signal %d: stopping", signal_number);
    host_control_stop(control);
    if (host_note() == NULL) {
        host_control_close(app->config, control_fd);
    }
    if (host_note() == NULL) { /* whoever asks twice does not want to wait */
        (void)pthread_sigmask(SIG_UNBLOCK, stops, NULL);
    }
    if (host_note() != NULL && atomic_load(&host_note()->drain) != 0) {
        host_http_drain(app->http, host_config_int(app->config, "supervisor.drain_ms"));
    }
    atomic_store(&ops.ready, 0);
    host_http_stop(app->http, host_config_int(app->config, "http.stop_grace_ms"));
    host_jobs_stop(app->jobs);
    host_callbacks_stop(callbacks);
    host_subscriptions_stop(subscriptions);
    host_usage_stop(app->usage);
    host_retention_stop(retention);
    host_bindings_stop(CIM_TAKE(app->bindings));
    host_backup_stop(ops.backups);
    stop_archives(&ops);
    host_plugins_stop_all(app->plugins);
    host_log(CIM_LOG_INFO, "serve", "stopped");
    return CIM_OK;
}

cim_status
host_serve(struct host_config *config, bool supervised, cim_error *err)
{
    struct host_assembly assembly;
    sigset_t stops;
    if (supervised) {
        CIM_TRY(host_note_open(HOST_WORKER_NOTE_FD, err));
    }
    raise_limits();
    block_signals(&stops);
    if (supervised) {
        CIM_TRY(host_pulse_start(err));
    }
    CIM_TRY(
        host_assemble(config, supervised ? NULL : "serve", HOST_LEVEL_IDENTITY, &assembly, err));
    const cim_status status = serve(&assembly.app, &stops, err);
    host_disassemble(&assembly);
    return status;
}
