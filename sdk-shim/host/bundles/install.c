/* host/bundles/install.c -- see bundles.h. */
#include "host/bundles/bundles.h"

#include "cim/util.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/base/note.h"
#include "host/plugins/plugins.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <ftw.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, OPEN_DIRS = 16 };

/* One at a time: two would swap each other's folders. */
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

/* ---- what is installed ---- */

struct installed {
    const char *id;
    char dir[PATH_BYTES]; /* "": it is not */
    enum host_plugin_state state;
    struct json_object *manifest; /* a copy; owned */
};

static void
take_installed(void *arg, const struct host_plugin_info *info)
{
    struct installed *found = arg;
    if (strcmp(info->id, found->id) == 0) {
        cim_copy_text(found->dir, sizeof found->dir, info->dir);
        found->state = info->state;
        if (info->manifest != NULL) {
            (void)json_object_deep_copy((struct json_object *)info->manifest, &found->manifest,
                                        NULL);
        }
    }
}

static void
find_installed(const struct host_app *app, const char *id, struct installed *ret_found)
{
    *ret_found = (struct installed){.id = id};
    host_plugins_each(app->plugins, take_installed, ret_found);
}

/* The folder that holds plugins: that of the installed one, or the first of plugins.dirs that can
 * be written. */
static cim_status
find_parent(const struct host_app *app, const struct installed *there, char out[PATH_BYTES],
            cim_error *err)
{
    CIM_AUTO_FREE char *dirs = strdup(host_config_text(app->config, "plugins.dirs"));
    char *rest = dirs;
    if (dirs == NULL) {
        return cim_fail_nomem(err);
    }
    if (there->dir[0] != '\0') {
        char *slash;
        cim_copy_text(out, PATH_BYTES, there->dir);
        slash = strrchr(out, '/');
        if (slash != NULL && slash != out) {
            *slash = '\0';
            if (access(out, W_OK | X_OK) == 0) {
                return CIM_OK;
            }
        }
    }
    while (there->dir[0] == '\0' && rest != NULL) {
        const char *dir = strsep(&rest, ":");
        char manifest[PATH_BYTES];
        (void)snprintf(manifest, sizeof manifest, "%.4000s/plugin.manifest", dir);
        if (dir[0] != '\0' && access(dir, W_OK | X_OK) == 0 && access(manifest, F_OK) != 0) {
            cim_copy_text(out, PATH_BYTES, dir);
            return CIM_OK;
        }
    }
    return cim_fail(
        err, CIM_E_STATE, "plugins.dirs", there->dir,
        "插件目录不可由平台写入：请用安装它的方式（如软件包）升级，或设置 plugins.dirs",
        "the plugin folder cannot be written by the platform: upgrade it the way it was "
        "installed (its package), or set plugins.dirs");
}

/* ---- what a bundle has ---- */

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void
remove_folder(const char *path)
{
    (void)nftw(path, remove_one, OPEN_DIRS, FTW_DEPTH | FTW_PHYS); /* a leftover does no harm */
}

/* nftw() has no argument of its own. */
static _Thread_local char t_found[PATH_BYTES];

static int
find_manifest(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    if (kind == FTW_F && strcmp(path + at->base, "plugin.manifest") == 0) {
        cim_copy_text(t_found, sizeof t_found, path);
        t_found[at->base - 1] = '\0';
        return 1;
    }
    return 0;
}

static cim_status
unpack(const char *path, const char *parent, char staged[PATH_BYTES], char folder[PATH_BYTES],
       cim_error *err)
{
    const int n = snprintf(staged, PATH_BYTES, "%s/.staged-XXXXXX", parent);
    if (n < 0 || n >= PATH_BYTES || mkdtemp(staged) == NULL) {
        staged[0] = '\0';
        return cim_fail(err, CIM_E_IO, "plugins.dirs", parent, "无法写入插件目录",
                        "the plugin folder cannot be written");
    }
    CIM_TRY(host_bundle_unpack(path, staged, err));
    t_found[0] = '\0';
    if (nftw(staged, find_manifest, OPEN_DIRS, FTW_PHYS) != 1) {
        return cim_fail(err, CIM_E_INVALID, "bundle", NULL, "包内没有 plugin.manifest",
                        "the bundle has no plugin.manifest");
    }
    cim_copy_text(folder, PATH_BYTES, t_found);
    return chmod(folder, 0755) == 0 ? CIM_OK
                                    : cim_fail(err, CIM_E_IO, "plugins.dirs", folder,
                                               "无法写入插件目录", "a folder cannot be written");
}

/* ---- what it changes ---- */

struct saying {
    host_bundle_say_fn say;
    void *arg;
};

static struct json_object *
list_in(struct json_object *manifest, const char *kind)
{
    struct json_object *resources = NULL;
    struct json_object *list = NULL;
    if (strcmp(kind, "services") != 0) {
        (void)json_object_object_get_ex(manifest, "resources", &resources);
        manifest = resources;
    }
    return json_object_object_get_ex(manifest, kind, &list) &&
                   json_object_is_type(list, json_type_array)
               ? list
               : NULL;
}

static bool
has(struct json_object *list, const char *text)
{
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), text) == 0) {
            return true;
        }
    }
    return false;
}

static void
say_missing(const struct saying *saying, const char *sign, const char *kind,
            struct json_object *list, struct json_object *other)
{
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        if (json_object_is_type(entry, json_type_string) &&
            !has(other, json_object_get_string(entry))) {
            char line[HOST_BUNDLE_LINE_MAX];
            (void)snprintf(line, sizeof line, "%s %s %.200s", sign, kind,
                           json_object_get_string(entry));
            saying->say(saying->arg, line);
        }
    }
}

static void
say_difference(const struct saying *saying, struct json_object *before, struct json_object *after)
{
    static const char *const kinds[] = {"services", "layers", "renderers", "analyses", "jobs"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct json_object *old = before != NULL ? list_in(before, kinds[i]) : NULL;
        struct json_object *new = list_in(after, kinds[i]);
        say_missing(saying, "+", kinds[i], new, old);
        say_missing(saying, "-", kinds[i], old, new);
    }
}

static void
say_migration(void *arg, const char *file, int32_t done, int32_t total)
{
    const struct saying *saying = arg;
    char line[HOST_BUNDLE_LINE_MAX];
    if (done < total) {
        (void)snprintf(line, sizeof line, "migration %.200s", file);
        saying->say(saying->arg, line);
    }
}

static void
copy_version(struct json_object *manifest, char *out, size_t size)
{
    struct json_object *version = NULL;
    out[0] = '\0';
    if (manifest != NULL && json_object_object_get_ex(manifest, "version", &version)) {
        cim_copy_text(out, size, json_object_get_string(version));
    }
}

/* ---- swapping ---- */

static cim_status
fail_swap(const char *path, cim_error *err)
{
    char text[128];
    return cim_fail(err, CIM_E_IO, "plugins.dirs", path, "插件目录无法替换：%s",
                    "the plugin's folder cannot be replaced: %s",
                    strerror_r(errno, text, sizeof text));
}

/* `from` takes the place of `dir`, which becomes `previous`. */
static cim_status
swap(const char *from, const char *dir, const char *previous, cim_error *err)
{
    const bool was_there = access(dir, F_OK) == 0;
    if (was_there) {
        remove_folder(previous);
        if (rename(dir, previous) != 0) {
            return fail_swap(dir, err);
        }
    }
    if (rename(from, dir) != 0) {
        (void)fail_swap(dir, err);
        if (was_there) {
            (void)rename(previous, dir); /* as it was */
        }
        return CIM_E_IO;
    }
    return CIM_OK;
}

/* A plugin that runs goes on as it is until a new worker has its new files. */
static void
take_over(const struct installed *there, struct host_bundle_report *report)
{
    cim_error why;
    if (there->dir[0] != '\0' && there->state == HOST_PLUGIN_DISABLED) {
        return; /* enabling reads the folder */
    }
    report->takes_over = host_note() != NULL && host_note_ask_upgrade(&why) == CIM_OK;
}

/* ---- both ways ---- */

struct places {
    char parent[PATH_BYTES];
    char staged[PATH_BYTES];
    char folder[PATH_BYTES];
    char dir[PATH_BYTES];
    char previous[PATH_BYTES];
};

static cim_status
put_in_place(const struct host_app *app, struct places *places, bool dry_run,
             const struct saying *saying, struct host_bundle_report *report, cim_error *err)
{
    struct json_object *manifest = NULL;
    struct installed there;
    cim_status status = host_plugins_rehearse_folder(app->plugins, places->folder, say_migration,
                                                     (void *)saying, &manifest, err);
    CIM_TRY(status);
    cim_copy_text(report->id, sizeof report->id,
                  json_object_get_string(json_object_object_get(manifest, "id")));
    copy_version(manifest, report->version, sizeof report->version);
    find_installed(app, report->id, &there);
    copy_version(there.manifest, report->from, sizeof report->from);
    say_difference(saying, there.manifest, manifest);
    if (there.dir[0] != '\0') {
        cim_copy_text(places->dir, sizeof places->dir, there.dir);
        status = find_parent(app, &there, places->parent, err);
    } else {
        (void)snprintf(places->dir, sizeof places->dir, "%.4000s/%s", places->parent, report->id);
    }
    (void)snprintf(places->previous, sizeof places->previous, "%.4000s/.previous-%s",
                   places->parent, report->id);
    if (status == CIM_OK && !dry_run) {
        status = swap(places->folder, places->dir, places->previous, err);
        if (status == CIM_OK) {
            take_over(&there, report);
        }
    }
    json_object_put(there.manifest);
    json_object_put(manifest);
    return status;
}

/* Unpacked in the first folder of plugins.dirs that can be written; a plugin that lies in another
 * one has to be on the same file system. */
static cim_status
install(const struct host_app *app, const char *path, bool dry_run, const struct saying *saying,
        struct host_bundle_report *report, cim_error *err)
{
    struct places *places = calloc(1, sizeof *places);
    const struct installed nothing = {.id = ""};
    cim_status status = places != NULL ? CIM_OK : cim_fail_nomem(err);
    if (status == CIM_OK) {
        status = find_parent(app, &nothing, places->parent, err);
    }
    if (status == CIM_OK) {
        status = unpack(path, places->parent, places->staged, places->folder, err);
    }
    if (status == CIM_OK) {
        status = put_in_place(app, places, dry_run, saying, report, err);
    }
    if (places != NULL && places->staged[0] != '\0') {
        remove_folder(places->staged);
    }
    free(places);
    return status;
}

cim_status
host_bundle_install(const struct host_app *app, const char *path, bool dry_run,
                    host_bundle_say_fn say, void *arg, struct host_bundle_report *ret_report,
                    cim_error *err)
{
    const struct saying saying = {say, arg};
    struct host_bundle_report report = {.takes_over = false};
    (void)pthread_mutex_lock(&one);
    const cim_status status = install(app, path, dry_run, &saying, &report, err);
    (void)pthread_mutex_unlock(&one);
    CIM_TRY(status);
    if (!dry_run) {
        host_log(CIM_LOG_INFO, "bundles", "%s: %s installed%s%s", report.id, report.version,
                 report.from[0] != '\0' ? " in the place of " : "", report.from);
    }
    *ret_report = report;
    return CIM_OK;
}

static void
say_nothing(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

static cim_status
roll_back(const struct host_app *app, struct places *places, const struct installed *there,
          struct host_bundle_report *report, cim_error *err)
{
    const struct saying saying = {say_nothing, NULL};
    struct json_object *manifest = NULL;
    CIM_TRY(find_parent(app, there, places->parent, err));
    (void)snprintf(places->previous, sizeof places->previous, "%.4000s/.previous-%s",
                   places->parent, there->id);
    (void)snprintf(places->staged, sizeof places->staged, "%.4000s/.rolled-%s", places->parent,
                   there->id);
    if (access(places->previous, F_OK) != 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "id", there->id, "插件 %.64s 没有上一个版本",
                        "there is no version before of plugin %.64s", there->id);
    }
    CIM_TRY(host_plugins_rehearse_folder(app->plugins, places->previous, say_migration,
                                         (void *)&saying, &manifest, err));
    cim_copy_text(report->id, sizeof report->id, there->id);
    copy_version(manifest, report->version, sizeof report->version);
    copy_version(there->manifest, report->from, sizeof report->from);
    json_object_put(manifest);
    remove_folder(places->staged);
    if (rename(places->previous, places->staged) != 0) {
        return fail_swap(places->previous, err);
    }
    return swap(places->staged, there->dir, places->previous, err);
}

cim_status
host_bundle_rollback(const struct host_app *app, const char *id,
                     struct host_bundle_report *ret_report, cim_error *err)
{
    struct places *places = calloc(1, sizeof *places);
    struct host_bundle_report report = {.takes_over = false};
    struct installed there;
    cim_status status = CIM_OK;
    if (places == NULL) {
        return cim_fail_nomem(err);
    }
    (void)pthread_mutex_lock(&one);
    find_installed(app, id, &there);
    status = there.dir[0] != '\0' ? roll_back(app, places, &there, &report, err)
                                  : cim_fail(err, CIM_E_NOTFOUND, "id", id, "没有插件 %.64s",
                                             "there is no plugin %.64s", id);
    if (status == CIM_OK) {
        take_over(&there, &report);
        host_log(CIM_LOG_INFO, "bundles", "%s: back from %s to %s", id, report.from,
                 report.version);
        *ret_report = report;
    }
    (void)pthread_mutex_unlock(&one);
    json_object_put(there.manifest);
    free(places);
    return status;
}
