/* host/main/assemble.c -- see assemble.h. */
#include "assemble.h"

#include "lock.h"
#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/catalogue/usage.h"
#include "host/crypt/crypt.h"
#include "host/http/http.h"
#include "host/identity/areas.h"
#include "host/directory/directory.h"
#include "host/identity/identity.h"
#include "host/jobs/jobs.h"
#include "host/ogc/ogc.h"
#include "host/plugins/plugins.h"
#include "host/store/store.h"
#include "host/stream/stream.h"
#include "kit/time.h"

#include <limits.h>
#include <unistd.h>

#define DAY_MS INT64_C(86400000)

void
host_setup_log(const struct host_config *config)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    const char *level = host_config_text(config, "log.level");
    const char *format = host_config_text(config, "log.format");
    int32_t least = CIM_LOG_INFO;
    for (int32_t i = 0; i < 4; i++) {
        if (strcmp(levels[i], level) == 0) {
            least = i;
        }
    }
    const bool text =
        strcmp(format, "text") == 0 || (strcmp(format, "auto") == 0 && isatty(STDERR_FILENO) == 1);
    host_log_setup(least, text ? HOST_LOG_TEXT : HOST_LOG_JSON);
}

cim_status
host_var_path(const struct host_config *config, const char *name, char *out, size_t out_size,
              cim_error *err)
{
    const char *var = host_config_text(config, "var");
    const int n = snprintf(out, out_size, "%s/%s", var, name);
    if (var[0] == '\0' || n < 0 || (size_t)n >= out_size) {
        return cim_fail(err, CIM_E_INVALID, "var", var, "数据目录无效",
                        "the data directory is not valid");
    }
    return CIM_OK;
}

cim_status
host_share_path(const char *name, char *out, size_t out_size, cim_error *err)
{
    char program[PATH_MAX];
    const ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    program[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    const int n = snprintf(out, out_size, "%s/../" HOST_SHARE_BELOW_PREFIX "/%s", program, name);
    if (n > 0 && (size_t)n < out_size && access(out, R_OK) == 0) {
        return CIM_OK;
    }
    const int m = snprintf(out, out_size, "%s/%s", HOST_SHARE_SOURCE, name);
    if (m > 0 && (size_t)m < out_size && access(out, R_OK) == 0) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_NOTFOUND, "share", name, "找不到随程序安装的“%s”",
                    "'%s', which comes with the program, is not there", name);
}

static cim_status
make_clock(const struct host_config *config, struct host_clock **ret_clock, cim_error *err)
{
    const char *fixed = host_config_text(config, "clock.fixed");
    int64_t ms = -1;
    if (fixed[0] != '\0' && cim_time_parse(fixed, SIZE_MAX, &ms) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "clock.fixed", fixed,
                        "“%s”不是 RFC 3339 时间，例如 2026-11-22T08:00:00Z",
                        "'%s' is no RFC 3339 time such as 2026-11-22T08:00:00Z", fixed);
    }
    *ret_clock = host_clock_new(ms);
    return *ret_clock != NULL ? CIM_OK : cim_fail_nomem(err);
}

static void
say_migration(void *arg, const char *file, int32_t done, int32_t total)
{
    if (file == NULL || file[0] == '\0') {
        return; /* the end */
    }
    host_log(CIM_LOG_INFO, "migrate", "%s: %s (%d of %d)", (const char *)arg, file, (int)done,
             (int)total);
}

static cim_status
open_store(struct host_assembly *assembly, enum host_store_kind kind, enum host_level level,
           struct host_store **ret_store, cim_error *err)
{
    const struct host_config *config = assembly->app.config;
    const bool platform = kind == HOST_STORE_PLATFORM;
    char path[PATH_MAX];
    char migrations[PATH_MAX];
    struct host_store *store = NULL;
    struct host_migration_report report = {0};
    char label[32];
    cim_copy_text(label, sizeof label, platform ? "platform.db" : "cim.gpkg");
    CIM_TRY(host_var_path(config, label, path, sizeof path, err));
    CIM_TRY(host_share_path(platform ? "migrations/platform" : "migrations/store", migrations,
                            sizeof migrations, err));
    const struct host_store_options options = {
        .kind = kind,
        .path = path,
        .url = platform ? NULL : host_config_text(config, "store.url"),
        .clock = assembly->app.clock,
        .max_readers = (int32_t)host_config_int(config, "store.max_readers"),
        .group_commit_ms = (int32_t)host_config_int(config, "store.group_commit_ms"),
        .read_timeout_ms = host_config_int(config, "store.read_timeout_ms"),
        .write_timeout_ms = host_config_int(config, "store.write_timeout_ms"),
        .read_only = level == HOST_LEVEL_JOB,
        .keep_log = host_config_text(config, "backup.archive_folder")[0] != '\0',
    };
    CIM_TRY(host_store_open(&options, &store, err));
    cim_copy_text(label, sizeof label, host_store_name(store));
    *ret_store = store; /* closed by host_disassemble(), also when a migration fails */
    return level <= HOST_LEVEL_JOB
               ? CIM_OK
               : host_store_migrate(store, "host", migrations, say_migration, label, &report, err);
}

/* ---- audit, keys ---- */

static cim_status
path_of(const struct host_config *config, const char *key, const char *name, char out[PATH_MAX],
        cim_error *err)
{
    const char *set = host_config_text(config, key);
    if (set[0] == '\0') {
        return host_var_path(config, name, out, PATH_MAX, err);
    }
    cim_copy_text(out, PATH_MAX, set);
    return CIM_OK;
}

cim_status
host_audit_options_of(const struct host_app *app, struct host_audit_paths *paths,
                      struct host_audit_options *ret_options, cim_error *err)
{
    const struct host_config *config = app->config;
    CIM_TRY(path_of(config, "audit.key_file", "audit.key", paths->key_file, err));
    CIM_TRY(path_of(config, "audit.anchor_file", "audit.anchor", paths->anchor_file, err));
    *ret_options = (struct host_audit_options){
        .store = app->store,
        .clock = app->clock,
        .key_file = paths->key_file,
        .anchor_file = paths->anchor_file,
        .anchor_ms = host_config_int(config, "audit.anchor_ms"),
    };
    return CIM_OK;
}

static cim_status
open_audit(struct host_assembly *assembly, cim_error *err)
{
    struct host_audit_paths paths;
    struct host_audit_options options;
    CIM_TRY(host_audit_options_of(&assembly->app, &paths, &options, err));
    return host_audit_open(&options, &assembly->app.audit, err);
}

cim_status
host_crypt_keys_of(const struct host_config *config, char path[PATH_MAX],
                   struct host_crypt_keys *ret_keys, cim_error *err)
{
    const bool has_module = strcmp(host_config_text(config, "crypt.provider"), "pkcs11") == 0;
    CIM_TRY(path_of(config, "crypt.key_file", "keys/data.keys", path, err));
    *ret_keys = (struct host_crypt_keys){.file = path};
    if (has_module) {
        ret_keys->module = host_config_text(config, "crypt.pkcs11_module");
        ret_keys->token = host_config_text(config, "crypt.pkcs11_token");
        ret_keys->label = host_config_text(config, "crypt.pkcs11_key");
        ret_keys->pin_file = host_config_text(config, "crypt.pkcs11_pin_file");
        ret_keys->pin = host_config_text(config, "crypt.pkcs11_pin");
    }
    return !has_module || ret_keys->module[0] != '\0'
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "crypt.pkcs11_module", "",
                          "crypt.provider 为 pkcs11 时应给出模块的路径，如 "
                          "/usr/lib/softhsm/libsofthsm2.so",
                          "with crypt.provider=pkcs11 the path of the module is needed, such as "
                          "/usr/lib/softhsm/libsofthsm2.so");
}

static cim_status
open_crypt(struct host_assembly *assembly, cim_error *err)
{
    char path[PATH_MAX];
    struct host_crypt_keys keys;
    CIM_TRY(host_crypt_keys_of(assembly->app.config, path, &keys, err));
    return host_crypt_open_for(assembly->app.store, &keys, &assembly->app.crypt, err);
}

static enum host_second_factor
second_factor_of(const struct host_config *config)
{
    const char *who = host_config_text(config, "sign_in.second_factor");
    return strcmp(who, "all") == 0              ? HOST_FACTOR_ALL
           : strcmp(who, "administrators") == 0 ? HOST_FACTOR_ADMINISTRATORS
                                                : HOST_FACTOR_OPTIONAL;
}

static cim_status
open_identity(struct host_assembly *assembly, enum host_level level, cim_error *err)
{
    struct host_app *app = &assembly->app;
    const struct host_config *config = app->config;
    CIM_TRY(host_areas_open(app->store, &app->areas, err));
    const struct host_identity_options options = {
        .platform = app->platform,
        .areas = app->areas,
        .clock = app->clock,
        .audit = app->audit,
        .redis_url = host_config_text(config, "session.redis_url"),
        .session_idle_ms = host_config_int(config, "session.idle_ms"),
        .session_absolute_ms = host_config_int(config, "session.absolute_ms"),
        .token_ms = host_config_int(config, "session.token_ms"),
        .lock_after = (int32_t)host_config_int(config, "session.lock_after"),
        .lock_ms = host_config_int(config, "session.lock_ms"),
        .crypt = app->crypt,
        .separate_admins = host_config_bool(config, "admin.separate"),
        .second_factor = second_factor_of(config),
        .first_change = host_config_bool(config, "password.first_change"),
        .password_min_chars = (int32_t)host_config_int(config, "password.min_chars"),
        .password_history = (int32_t)host_config_int(config, "password.history"),
        .password_max_age_ms = host_config_int(config, "password.max_age_days") * DAY_MS,
        .site = host_config_text(config, "site.name"),
        .site_url = host_config_text(config, "site.url"),
        .providers = host_config_text(config, "sign_in.providers"),
    };
    CIM_TRY(host_identity_open(&options, &app->identity, err));
    CIM_TRY(host_plugins_open(app, &app->plugins, err));
    if (level > HOST_LEVEL_JOB) {
        CIM_TRY(host_jobs_open(app, &app->jobs, err));
    }
    /* The plugins that were found have declared their settings: what is left is nobody's. */
    return host_config_check_unknown(config, err);
}

static cim_status
assemble(struct host_assembly *assembly, const char *verb, enum host_level level, cim_error *err)
{
    struct host_app *app = &assembly->app;
    const char *var = host_config_text(app->config, "var");
    const bool reads_only = level <= HOST_LEVEL_JOB;
    if (!reads_only && verb != NULL) {
        CIM_TRY(host_lock_take(var, verb, &assembly->lock_fd, err));
    }
    CIM_TRY(make_clock(app->config, &app->clock, err));
    CIM_TRY(open_store(assembly, HOST_STORE_PLATFORM, level, &app->platform, err));
    CIM_TRY(open_store(assembly, HOST_STORE_DATA, level, &app->store, err));
    if (!reads_only) {
        CIM_TRY(open_audit(assembly, err));
    }
    if (level == HOST_LEVEL_JOB || level >= HOST_LEVEL_IDENTITY) {
        CIM_TRY(open_crypt(assembly, err));
        CIM_TRY(open_identity(assembly, level, err));
    }
    if (level >= HOST_LEVEL_PLUGINS) {
        CIM_TRY(host_plugins_start_enabled(app->plugins, err));
    }
    return CIM_OK;
}

cim_status
host_assemble(struct host_config *config, const char *verb, enum host_level level,
              struct host_assembly *assembly, cim_error *err)
{
    *assembly = (struct host_assembly){.app = {.config = config}, .lock_fd = -1};
    const cim_status status = assemble(assembly, verb, level, err);
    if (status != CIM_OK) {
        host_disassemble(assembly);
    }
    return status;
}

void
host_disassemble(struct host_assembly *assembly)
{
    struct host_app *app = &assembly->app;
    host_streams_stop(app->streams); /* it wakes responses of the server */
    /* Plugins take their routes back when they stop, so the server is freed after that; and its
     * workers have left the plugins, since the server has stopped. */
    if (app->http != NULL) {
        host_http_stop(app->http, 0);
    }
    if (app->jobs != NULL) {
        host_jobs_stop(app->jobs);
    }
    if (app->plugins != NULL) {
        host_plugins_stop_all(app->plugins);
    }
    host_http_free(app->http);
    app->http = NULL;
    host_streams_free(app->streams);
    host_ogc_free(app->ogc);
    host_usage_free(app->usage);
    host_jobs_free(app->jobs);
    host_plugins_free(app->plugins);
    host_identity_free(app->identity);
    host_directory_free(app->directory);
    host_areas_free(app->areas);
    host_crypt_close(app->crypt);
    host_audit_close(app->audit);
    host_store_close(app->store);
    host_store_close(app->platform);
    host_clock_free(app->clock);
    if (assembly->lock_fd >= 0) {
        (void)close(assembly->lock_fd);
    }
    *assembly = (struct host_assembly){.lock_fd = -1};
}
