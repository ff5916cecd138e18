/* Finding plugins, and looking up what they registered. */
#include "cim/util.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/base/note.h"
#include "host/identity/identity.h"
#include "host/plugins/plugin.h"
#include "kit/cleanup.h"

#include <json-c/json.h>

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

/* ---- the list ---- */

struct host_plugin *
host_plugins_find(struct host_plugins *plugins, const char *id)
{
    /* The list is complete before any thread starts and never changes. */
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        if (strcmp(plugins->plugins[i]->id, id) == 0) {
            return plugins->plugins[i];
        }
    }
    return NULL;
}

void
host_plugin_set_state(struct host_plugin *plugin, enum host_plugin_state state,
                      const cim_error *why)
{
    char *reason = NULL;
    if (why != NULL && asprintf(&reason, "%s（%s）", why->zh, why->en) < 0) {
        reason = NULL;
    }
    (void)pthread_mutex_lock(&plugin->owner->lock);
    plugin->state = state;
    free(plugin->reason);
    plugin->reason = reason;
    (void)pthread_mutex_unlock(&plugin->owner->lock);
}

static void
plugin_free(struct host_plugin *plugin)
{
    if (plugin != NULL) {
        host_registry_done(plugin);
        host_route_slots_free(plugin);
        json_object_put(plugin->registered);
        json_object_put(plugin->failures);
        host_manifest_free(plugin->manifest);
        (void)pthread_mutex_destroy(&plugin->serial);
        free(plugin->id);
        free(plugin->dir);
        free(plugin->cache_dir);
        free(plugin->reason);
        free(plugin->published);
        free(plugin);
    }
}

static cim_status
plugin_new(struct host_plugins *plugins, const char *dir, struct host_plugin **ret_plugin,
           cim_error *err)
{
    struct host_plugin *plugin = calloc(1, sizeof *plugin);
    pthread_mutexattr_t attr;
    if (plugin == NULL) {
        return cim_fail_nomem(err);
    }
    (void)pthread_mutexattr_init(&attr);
    (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    (void)pthread_mutex_init(&plugin->serial, &attr);
    (void)pthread_mutexattr_destroy(&attr);
    plugin->owner = plugins;
    plugin->dir = strdup(dir);
    if (plugin->dir == NULL || host_registry_init(&plugin->registry, NULL) != CIM_OK) {
        plugin_free(plugin);
        return cim_fail_nomem(err);
    }
    *ret_plugin = plugin;
    return CIM_OK;
}

/* The id of one whose manifest is broken: its folder's name, made different from the others. */
static char *
stand_in_id(struct host_plugins *plugins, const char *dir)
{
    const char *slash = strrchr(dir, '/');
    const char *name = slash != NULL ? slash + 1 : dir;
    char *id = NULL;
    if (host_plugins_find(plugins, name) == NULL) {
        return strdup(name);
    }
    return asprintf(&id, "%s~%zu", name, plugins->n_plugins) >= 0 ? id : NULL;
}

static cim_status
declare_config(struct host_plugin *plugin, cim_error *err)
{
    struct json_object *list = NULL;
    if (plugin->owner->app->config == NULL ||
        !json_object_object_get_ex(plugin->manifest->root, "config", &list)) {
        return CIM_OK;
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        struct json_object *fallback = json_object_object_get(entry, "default");
        struct json_object *secret = json_object_object_get(entry, "secret");
        char key[128];
        (void)snprintf(key, sizeof key, "%s.%s", plugin->id,
                       json_object_get_string(json_object_object_get(entry, "key")));
        CIM_TRY(host_config_declare(plugin->owner->app->config, key,
                                    fallback != NULL ? json_object_get_string(fallback) : NULL,
                                    secret != NULL && json_object_get_boolean(secret) != 0, err));
    }
    return CIM_OK;
}

static cim_status
read_found(struct host_plugin *plugin, cim_error *err)
{
    struct host_plugins *plugins = plugin->owner;
    struct host_manifest *manifest = NULL;
    const struct host_plugin *other = NULL;
    CIM_TRY(host_manifest_read(plugin->dir, &manifest, err));
    other = host_plugins_find(plugins, manifest->id);
    if (other != NULL) {
        (void)cim_fail(err, CIM_E_EXISTS, "id", manifest->id, "%.160s：id %s 已被 %.160s 占用",
                       "%.160s: id %s is taken by %.160s", manifest->path, manifest->id,
                       other->dir);
        host_manifest_free(manifest);
        return CIM_E_EXISTS;
    }
    plugin->manifest = manifest;
    plugin->id = strdup(manifest->id);
    if (plugin->id == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(declare_config(plugin, err));
    return plugins->app->identity != NULL
               ? host_identity_set_roles(plugins->app->identity, plugin->id,
                                         host_manifest_roles(manifest), err)
               : CIM_OK;
}

/* A folder with a manifest becomes an entry of the list, broken or not. */
static cim_status
add_found(struct host_plugins *plugins, const char *dir, cim_error *err)
{
    struct host_plugin *plugin = NULL;
    cim_error why;
    cim_status status = CIM_OK;
    if (plugins->n_plugins >= HOST_PLUGINS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "plugins.dirs", dir, "超过 %d 个插件",
                        "more than %d plugins", (int)HOST_PLUGINS_MAX);
    }
    CIM_TRY(plugin_new(plugins, dir, &plugin, err));
    status = read_found(plugin, &why);
    if (status != CIM_OK) {
        host_log_error("plugins", dir, &why);
        host_plugin_set_state(plugin, HOST_PLUGIN_FAILED, &why);
    }
    if (plugin->id == NULL) {
        plugin->id = stand_in_id(plugins, dir);
    }
    if (plugin->id == NULL) {
        plugin_free(plugin);
        return cim_fail_nomem(err);
    }
    plugin->index = plugins->n_plugins;
    host_note_name_plugin(plugin->index, plugin->id);
    plugins->plugins[plugins->n_plugins++] = plugin;
    return CIM_OK;
}

static bool
has_manifest(const char *dir, const char *name, char *out, size_t out_size)
{
    char path[4096];
    struct stat st;
    const int n =
        snprintf(out, out_size, "%s%s%s", dir, name != NULL ? "/" : "", name != NULL ? name : "");
    return n > 0 && (size_t)n < out_size &&
           snprintf(path, sizeof path, "%s/" HOST_MANIFEST_FILE, out) < (int)sizeof path &&
           stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int
visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* `dir` itself, or the folders in it, in order of name. A folder that is not there has none. */
static cim_status
search(struct host_plugins *plugins, const char *dir, cim_error *err)
{
    char found[4096];
    struct dirent **entries = NULL;
    cim_status status = CIM_OK;
    int n = 0;
    if (has_manifest(dir, NULL, found, sizeof found)) {
        return add_found(plugins, dir, err);
    }
    n = scandir(dir, &entries, visible, alphasort);
    if (n < 0) {
        if (errno == ENOENT) {
            host_log(CIM_LOG_WARNING, "plugins", "%s: no such folder", dir);
            return CIM_OK;
        }
        return cim_fail(err, CIM_E_IO, "plugins.dirs", dir, "无法读取插件目录",
                        "the plugin folder cannot be read");
    }
    for (int i = 0; i < n; i++) {
        if (status == CIM_OK && has_manifest(dir, entries[i]->d_name, found, sizeof found)) {
            status = add_found(plugins, found, err);
        }
        free(entries[i]);
    }
    free((void *)entries);
    return status;
}

cim_status
host_plugins_open(struct host_app *app, struct host_plugins **ret_plugins, cim_error *err)
{
    struct host_plugins *plugins = calloc(1, sizeof *plugins);
    CIM_AUTO_FREE char *dirs = strdup(host_config_text(app->config, "plugins.dirs"));
    pthread_condattr_t attr;
    cim_status status = CIM_OK;
    char *rest = dirs;
    if (plugins == NULL || dirs == NULL || pthread_key_create(&plugins->thread_key, NULL) != 0) {
        free(plugins);
        return cim_fail_nomem(err);
    }
    plugins->app = app;
    plugins->grace_ms = HOST_PLUGIN_GRACE_MS;
    (void)pthread_mutex_init(&plugins->life, NULL);
    (void)pthread_mutex_init(&plugins->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&plugins->idle, &attr);
    (void)pthread_condattr_destroy(&attr);
    while (rest != NULL && status == CIM_OK) {
        const char *dir = strsep(&rest, ":");
        if (*dir != '\0') {
            status = search(plugins, dir, err);
        }
    }
    if (status != CIM_OK) {
        host_plugins_free(plugins);
        return status;
    }
    *ret_plugins = plugins;
    return CIM_OK;
}

void
host_plugins_free(struct host_plugins *plugins)
{
    if (plugins == NULL) {
        return;
    }
    host_plugins_stop_all(plugins);
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        plugin_free(plugins->plugins[i]);
    }
    while (plugins->threads != NULL) {
        struct host_plugin_thread *thread = plugins->threads;
        plugins->threads = thread->next;
        free(thread);
    }
    (void)pthread_key_delete(plugins->thread_key);
    (void)pthread_cond_destroy(&plugins->idle);
    (void)pthread_mutex_destroy(&plugins->lock);
    (void)pthread_mutex_destroy(&plugins->life);
    free(plugins);
}

const char *
host_plugin_state_name(enum host_plugin_state state)
{
    switch (state) {
    case HOST_PLUGIN_DISABLED:
        return "disabled";
    case HOST_PLUGIN_ENABLING:
        return "enabling";
    case HOST_PLUGIN_ENABLED:
        return "enabled";
    case HOST_PLUGIN_FAILED:
        break;
    }
    return "failed";
}

void
host_plugin_line(const struct host_plugin_info *info, char *out, size_t out_size)
{
    struct json_object *version = NULL;
    (void)json_object_object_get_ex(info->manifest, "version", &version);
    (void)snprintf(out, out_size, "%-12s %-10s %-10s %s", info->id,
                   version != NULL ? json_object_get_string(version) : "-",
                   host_plugin_state_name(info->state), info->reason != NULL ? info->reason : "");
}

void
host_plugins_each(struct host_plugins *plugins,
                  void (*each)(void *arg, const struct host_plugin_info *info), void *arg)
{
    (void)pthread_mutex_lock(&plugins->lock);
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        const struct host_plugin *plugin = plugins->plugins[i];
        if (plugin->gone) {
            continue;
        }
        const struct host_plugin_info info = {
            .id = plugin->id,
            .dir = plugin->dir,
            .manifest = plugin->manifest != NULL ? plugin->manifest->root : NULL,
            .state = plugin->state,
            .reason = plugin->reason,
            .registered = plugin->registered,
            .failures = plugin->failures,
        };
        each(arg, &info);
    }
    (void)pthread_mutex_unlock(&plugins->lock);
}
