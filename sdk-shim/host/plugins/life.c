/* Enabling and disabling: one at a time, whole or not at all. */
#include "cim/util.h"
#include "host/base/note.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/identity/identity.h"
#include "host/plugins/plugin.h"
#include "host/store/store.h"

#include <errno.h>
#include <json-c/json.h>
#include <sys/stat.h>

/* Takes up the manifest as it is on disk now. */
static cim_status
reread_manifest(struct host_plugin *plugin, cim_error *err)
{
    struct host_manifest *manifest = NULL;
    struct host_manifest *old = NULL;
    CIM_TRY(host_manifest_read(plugin->dir, &manifest, err));
    if (strcmp(manifest->id, plugin->id) != 0) {
        (void)cim_fail(err, CIM_E_INVALID, "id", manifest->id,
                       "%.200s：id 为 %s，应为 %s；更改 id 后需重启平台",
                       "%.200s: id is %s, expected %s; restart the platform after changing an id",
                       manifest->path, manifest->id, plugin->id);
        host_manifest_free(manifest);
        return CIM_E_INVALID;
    }
    (void)pthread_mutex_lock(&plugin->owner->lock);
    old = plugin->manifest;
    plugin->manifest = manifest;
    (void)pthread_mutex_unlock(&plugin->owner->lock);
    host_manifest_free(old);
    return plugin->owner->app->identity != NULL
               ? host_identity_set_roles(plugin->owner->app->identity, plugin->id,
                                         host_manifest_roles(manifest), err)
               : CIM_OK;
}

static void
say_migration(void *arg, const char *file, int32_t done, int32_t total)
{
    const struct host_plugin *plugin = arg;
    if (done < total) { /* told once more at the end, without a file */
        host_log(CIM_LOG_INFO, "plugins", "%s: migration %s (%d of %d)", plugin->id, file, done + 1,
                 total);
    }
    if (plugin->progress != NULL) {
        plugin->progress(plugin->progress_arg, file, done, total);
    }
}

static cim_status
migrate(struct host_plugin *plugin, cim_error *err)
{
    struct host_migration_report report;
    char dir[4096];
    if (plugin->owner->guest || plugin->manifest->migrations == NULL ||
        plugin->owner->app->store == NULL) {
        return CIM_OK;
    }
    CIM_TRY(host_manifest_path(plugin->manifest, plugin->manifest->migrations, NULL, dir,
                               sizeof dir, err));
    return host_store_migrate(plugin->owner->app->store, plugin->id, dir, say_migration, plugin,
                              &report, err);
}

/* A plugin that fails without a word still gets a reason. */
static cim_status
failed_in(const struct host_plugin *plugin, const char *where, cim_status status, cim_error *err)
{
    if (err->zh[0] == '\0' && err->en[0] == '\0') {
        (void)cim_fail(err, status, NULL, NULL, "插件 %s 的 %s 失败，状态 %d",
                       "plugin %s: %s failed with status %d", plugin->id, where, (int)status);
    }
    err->code = status;
    return status;
}

/* A folder under `cache` of the data directory. Without one the plugin works, and makes anew what
 * it would have kept. */
static void
make_cache_dir(struct host_plugin *plugin)
{
    const struct host_config *config = plugin->owner->app->config;
    char path[4096];
    if (plugin->cache_dir != NULL || plugin->owner->guest || config == NULL) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/cache", host_config_text(config, "var"));
    bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
    const int n =
        snprintf(path, sizeof path, "%s/cache/%s", host_config_text(config, "var"), plugin->id);
    made = made && n < (int)sizeof path && (mkdir(path, 0700) == 0 || errno == EEXIST);
    if (made) {
        plugin->cache_dir = strdup(path);
    } else {
        host_log(CIM_LOG_WARNING, "plugins", "%s: cannot make the folder %s: %s", plugin->id, path,
                 strerrorname_np(errno));
    }
}

static cim_status
run_init(struct host_plugin *plugin, cim_error *err)
{
    cim_status status = CIM_OK;
    plugin->host.struct_size = sizeof plugin->host;
    plugin->host.abi_major = CIM_ABI_MAJOR;
    plugin->host.abi_minor = CIM_ABI_MINOR;
    plugin->host.name = "cim-host";
    plugin->host.version = HOST_VERSION;
    plugin->host.plugin_dir = plugin->dir;
    make_cache_dir(plugin);
    plugin->host.cache_dir = plugin->cache_dir;
    plugin->host.impl = plugin;
    plugin->host.get_service = host_service;
    plugin->self = NULL;
    plugin->registering = true;
    memset(err, 0, sizeof *err);
    status = plugin->desc.init(&plugin->host, &plugin->self, err);
    plugin->registering = false;
    if (status != CIM_OK) {
        return failed_in(plugin, "init", status, err);
    }
    return host_registry_check(plugin, err);
}

/* After init: tables, start, routes, the wish, and last of all the gate. */
static cim_status
run_start(struct host_plugin *plugin, bool *ret_started, cim_error *err)
{
    cim_status status = CIM_OK;
    CIM_TRY(migrate(plugin, err));
    if (plugin->desc.start != NULL) {
        memset(err, 0, sizeof *err);
        status = plugin->desc.start(plugin->self, err);
        if (status != CIM_OK) {
            return failed_in(plugin, "start", status, err);
        }
    }
    *ret_started = true;
    CIM_TRY(host_registry_publish_routes(plugin, err));
    return host_wishes_set(plugin->owner, plugin->id, true, err);
}

/* That the files are those of the manifest, and where keys are named that one of them vouches for
 * it. Before any of its code is loaded. */
static cim_status
verify(const struct host_plugins *plugins, const struct host_manifest *manifest, cim_error *err)
{
    const char *keys = host_config_text(plugins->app->config, "plugins.keys");
    if (keys[0] != '\0') {
        CIM_TRY(host_manifest_verify_signature(manifest, keys, err));
    }
    return host_manifest_verify(manifest, err);
}

static cim_status
bring_up(struct host_plugin *plugin, cim_error *err)
{
    cim_status status = CIM_OK;
    bool started = false;
    CIM_TRY(reread_manifest(plugin, err));
    CIM_TRY(verify(plugin->owner, plugin->manifest, err));
    CIM_TRY(host_plugin_load(plugin, err));
    atomic_store(&plugin->cut, false);
    status = run_init(plugin, err);
    if (status == CIM_OK) {
        status = run_start(plugin, &started, err);
    }
    if (status == CIM_OK) {
        return CIM_OK;
    }
    if (started && plugin->desc.stop != NULL) {
        plugin->desc.stop(plugin->self);
    }
    if (plugin->self != NULL) {
        plugin->desc.destroy(plugin->self);
        plugin->self = NULL;
    }
    host_registry_publish_closed(plugin);
    host_registry_clear(plugin);
    return status;
}

static cim_status
enable_locked(struct host_plugin *plugin, cim_error *err)
{
    cim_error why;
    cim_status status = CIM_OK;
    struct json_object *registered = NULL;
    if (plugin->state == HOST_PLUGIN_ENABLED) {
        return host_wishes_set(plugin->owner, plugin->id, true, err);
    }
    host_plugin_set_state(plugin, HOST_PLUGIN_ENABLING, NULL);
    host_note_enter(plugin->index);
    status = bring_up(plugin, &why);
    host_note_leave();
    if (status != CIM_OK) {
        host_log_error("plugins", plugin->id, &why);
        host_plugin_set_state(plugin, HOST_PLUGIN_FAILED, &why);
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    registered = host_registry_to_json(plugin);
    host_plugin_check_tables(plugin);
    (void)pthread_mutex_lock(&plugin->owner->lock);
    plugin->registered = registered;
    plugin->state = HOST_PLUGIN_ENABLED;
    plugin->open = true;
    (void)pthread_mutex_unlock(&plugin->owner->lock);
    host_log(CIM_LOG_INFO, "plugins", "%s %s: enabled", plugin->id, plugin->manifest->version);
    return CIM_OK;
}

enum take_down_why { TAKE_DOWN_DISABLED, TAKE_DOWN_SHUTDOWN };

static void
take_down(struct host_plugin *plugin, enum take_down_why why)
{
    /* Its routes stay, and the gate answers 503. Only where clients hold on to long responses are
     * they taken away, so that the server cuts those off too that do not read; at shutdown it has
     * done so already. */
    if (!host_plugin_close(plugin, plugin->owner->grace_ms) && why == TAKE_DOWN_DISABLED) {
        host_registry_publish_closed(plugin);
    }
    host_plugin_drain(plugin);
    host_note_enter(plugin->index);
    if (plugin->desc.stop != NULL) {
        plugin->desc.stop(plugin->self);
    }
    plugin->desc.destroy(plugin->self);
    host_note_leave();
    plugin->self = NULL;
    host_registry_clear(plugin);
    (void)pthread_mutex_lock(&plugin->owner->lock);
    json_object_put(plugin->registered);
    plugin->registered = NULL;
    (void)pthread_mutex_unlock(&plugin->owner->lock);
    host_log(CIM_LOG_INFO, "plugins", "%s: disabled", plugin->id);
}

static cim_status
find(struct host_plugins *plugins, const char *id, struct host_plugin **ret_plugin, cim_error *err)
{
    *ret_plugin = host_plugins_find(plugins, id);
    return *ret_plugin != NULL && !(*ret_plugin)->gone
               ? CIM_OK
               : cim_fail(err, CIM_E_NOTFOUND, "id", id, "没有插件 %.64s",
                          "there is no plugin %.64s", id);
}

cim_status
host_plugins_enable(struct host_plugins *plugins, const char *id, cim_error *err)
{
    return host_plugins_enable_telling(plugins, id, NULL, NULL, err);
}

cim_status
host_plugins_enable_telling(struct host_plugins *plugins, const char *id, host_progress_fn progress,
                            void *arg, cim_error *err)
{
    struct host_plugin *plugin = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(find(plugins, id, &plugin, err));
    (void)pthread_mutex_lock(&plugins->life);
    plugin->progress = progress;
    plugin->progress_arg = arg;
    status = enable_locked(plugin, err);
    plugin->progress = NULL;
    (void)pthread_mutex_unlock(&plugins->life);
    return status;
}

cim_status
host_plugins_rehearse_folder(struct host_plugins *plugins, const char *folder,
                             host_progress_fn progress, void *arg,
                             struct json_object **ret_manifest, cim_error *err)
{
    struct host_manifest *manifest = NULL;
    char dir[4096];
    CIM_TRY(host_manifest_read(folder, &manifest, err));
    cim_status status = verify(plugins, manifest, err);
    if (status == CIM_OK && manifest->migrations != NULL) {
        status = host_manifest_path(manifest, manifest->migrations, NULL, dir, sizeof dir, err);
        if (status == CIM_OK) {
            status =
                host_store_rehearse(plugins->app->store, manifest->id, dir, progress, arg, err);
        }
    }
    if (status == CIM_OK && ret_manifest != NULL) {
        *ret_manifest = json_object_get(manifest->root);
    }
    host_manifest_free(manifest);
    return status;
}

cim_status
host_plugins_rehearse(struct host_plugins *plugins, const char *id, host_progress_fn progress,
                      void *arg, cim_error *err)
{
    struct host_plugin *plugin = NULL;
    CIM_TRY(find(plugins, id, &plugin, err));
    return host_plugins_rehearse_folder(plugins, plugin->dir, progress, arg, NULL, err);
}

cim_status
host_plugins_migrations(struct host_plugins *plugins, const char *id, char *out, size_t out_size,
                        cim_error *err)
{
    struct host_plugin *plugin = NULL;
    struct host_manifest *manifest = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(find(plugins, id, &plugin, err));
    CIM_TRY(host_manifest_read(plugin->dir, &manifest, err));
    out[0] = '\0';
    if (manifest->migrations != NULL) {
        status = host_manifest_path(manifest, manifest->migrations, NULL, out, out_size, err);
    }
    host_manifest_free(manifest);
    return status;
}

cim_status
host_plugins_disable(struct host_plugins *plugins, const char *id, cim_error *err)
{
    struct host_plugin *plugin = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(find(plugins, id, &plugin, err));
    (void)pthread_mutex_lock(&plugins->life);
    status = host_wishes_set(plugins, id, false, err);
    if (status == CIM_OK) {
        if (plugin->open) {
            take_down(plugin, TAKE_DOWN_DISABLED);
        }
        host_plugin_set_state(plugin, HOST_PLUGIN_DISABLED, NULL);
    }
    (void)pthread_mutex_unlock(&plugins->life);
    return status;
}

cim_status
host_plugins_start_enabled(struct host_plugins *plugins, cim_error *err)
{
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        struct host_plugin *plugin = plugins->plugins[i];
        bool wished = false;
        CIM_TRY(host_wishes_get(plugins, plugin->id, &wished, err));
        CIM_TRY(host_failures_load(plugin, err));
        (void)pthread_mutex_lock(&plugins->life);
        if (wished) {
            (void)enable_locked(plugin, NULL); /* its reason is in the state and in the log */
        } else {
            host_registry_publish_closed(plugin);
        }
        (void)pthread_mutex_unlock(&plugins->life);
    }
    return CIM_OK;
}

cim_status
host_plugins_start_guest(struct host_plugins *plugins, const char *work_id, cim_error *err)
{
    cim_status status = CIM_OK;
    plugins->guest = true;
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        struct host_plugin *plugin = plugins->plugins[i];
        if (plugin->manifest != NULL &&
            (host_manifest_has_resource(plugin->manifest, "analyses", work_id) ||
             host_manifest_has_resource(plugin->manifest, "jobs", work_id))) {
            (void)pthread_mutex_lock(&plugins->life);
            status = enable_locked(plugin, err);
            (void)pthread_mutex_unlock(&plugins->life);
            return status;
        }
    }
    return cim_fail(err, CIM_E_NOTFOUND, "kind", work_id, "没有分析或作业 %.64s",
                    "there is no analysis or kind of job %.64s", work_id);
}

void
host_plugins_stop_all(struct host_plugins *plugins)
{
    (void)pthread_mutex_lock(&plugins->life);
    for (size_t i = plugins->n_plugins; i > 0; i--) {
        struct host_plugin *plugin = plugins->plugins[i - 1];
        if (plugin->open) {
            take_down(plugin, TAKE_DOWN_SHUTDOWN);
            host_plugin_set_state(plugin, HOST_PLUGIN_DISABLED, NULL);
        }
    }
    (void)pthread_mutex_unlock(&plugins->life);
}
