/* host/backup/make.c -- making a backup, and the folder where backups lie. */
#include "host/backup/manifest.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* An interrupted one in the way of another of its name, and any other. */
enum { LEFT_S = 3600, ABANDONED_S = 24 * 3600 };

/* ---- making ---- */

struct pace {
    const struct host_backup_options *options;
    struct host_backup_store *store;
};

static int32_t
tell(void *arg, int64_t done, int64_t total)
{
    const struct pace *pace = arg;
    const struct host_backup_options *options = pace->options;
    return options->progress != NULL ? options->progress(options->arg, done, total) : 0;
}

static cim_status
look_at(void *arg, struct host_store *frozen, cim_error *err)
{
    struct host_backup_store *store = ((const struct pace *)arg)->store;
    if (strcmp(store->store, HOST_BACKUP_ACCOUNTS) == 0) {
        store->pos = -1; /* a copy of the file, which its hash proves */
        return CIM_OK;
    }
    store->pos = host_store_pos(frozen);
    return host_store_contents(frozen, &store->contents, err);
}

static cim_status
add_file(struct host_backup_manifest *manifest, const char *folder, const char *name,
         cim_error *err)
{
    struct host_backup_file *file = &manifest->files[manifest->n_files];
    char path[HOST_BACKUP_PATH_MAX];
    CIM_TRY(host_backup_path(folder, name, path, err));
    CIM_TRY(host_file_sync(path, err));
    cim_copy_text(file->name, sizeof file->name, name);
    CIM_TRY(host_file_hash(path, file->hash, &file->bytes, err));
    manifest->n_files++;
    return CIM_OK;
}

static cim_status
add_store(const struct host_backup_options *options, struct host_store *store, const char *folder,
          struct host_backup_manifest *manifest, size_t index, cim_error *err)
{
    struct host_backup_store *entry = &manifest->stores[index];
    struct pace pace = {.options = options, .store = entry};
    char path[HOST_BACKUP_PATH_MAX];
    const char *name = host_store_name(store);
    cim_copy_text(entry->store, sizeof entry->store, name);
    cim_copy_text(entry->file, sizeof entry->file,
                  strcmp(name, "postgresql") == 0 ? "data.pgdump" : name);
    CIM_TRY(host_backup_path(folder, entry->file, path, err));
    const bool archived = options->archive != NULL && host_store_path(store) != NULL;
    if (archived) {
        CIM_TRY(host_archive_note_begin(options->archive, name, &entry->archive, err));
    }
    CIM_TRY(host_store_backup(store, path, tell, look_at, &pace, err));
    if (archived) {
        CIM_TRY(host_archive_note_end(store, &entry->archive, err));
    }
    return add_file(manifest, folder, entry->file, err);
}

static cim_status
add_extras(const struct host_backup_options *options, const char *folder,
           struct host_backup_manifest *manifest, cim_error *err)
{
    for (const struct host_backup_extra *extra = options->extras; extra->name != NULL; extra++) {
        char path[HOST_BACKUP_PATH_MAX];
        if (access(extra->path, F_OK) == 0) {
            CIM_TRY(host_backup_path(folder, extra->name, path, err));
            CIM_TRY(host_file_copy(extra->path, path, err));
            CIM_TRY(add_file(manifest, folder, extra->name, err));
        }
    }
    return CIM_OK;
}

static cim_status
fill(struct host_app *app, const struct host_backup_options *options, const char *folder,
     struct host_backup_manifest *manifest, cim_error *err)
{
    CIM_TRY(add_store(options, app->platform, folder, manifest, 0, err));
    CIM_TRY(add_store(options, app->store, folder, manifest, 1, err));
    CIM_TRY(add_extras(options, folder, manifest, err));
    CIM_TRY(host_backup_manifest_write(manifest, folder, err));
    return host_file_sync(folder, err);
}

/* One that is being made changes all the time. */
static bool
is_older(const char *path, int64_t age_s)
{
    struct stat info;
    return stat(path, &info) == 0 && time(NULL) - info.st_mtime > age_s;
}

cim_status
host_backup_begin(const char *parent, const char *name, char part[HOST_BACKUP_PATH_MAX],
                  cim_error *err)
{
    char part_name[HOST_BACKUP_NAME_MAX + 8];
    char folder[HOST_BACKUP_PATH_MAX];
    (void)snprintf(part_name, sizeof part_name, "%s.part", name);
    CIM_TRY(host_backup_path(parent, name, folder, err));
    CIM_TRY(host_backup_path(parent, part_name, part, err));
    if (mkdir(parent, 0700) != 0 && errno != EEXIST) {
        return host_file_fail(parent, err);
    }
    if (is_older(part, LEFT_S)) {
        host_file_remove(part);
    }
    if (access(folder, F_OK) == 0 || (mkdir(part, 0700) != 0 && errno == EEXIST)) {
        return cim_fail(err, CIM_E_BUSY, "backup", name, "同一秒已有备份（或正在备份），请稍后再试",
                        "there is a backup of this second, or one is being made: try again");
    }
    return access(part, W_OK) == 0 ? CIM_OK : host_file_fail(part, err);
}

cim_status
host_backup_end(const char *parent, const char *name, const char *part, cim_status status,
                cim_error *err)
{
    char folder[HOST_BACKUP_PATH_MAX];
    if (status == CIM_OK) {
        status = host_backup_path(parent, name, folder, err);
    }
    if (status == CIM_OK && rename(part, folder) != 0) {
        status = host_file_fail(folder, err);
    }
    if (status != CIM_OK) {
        host_file_remove(part);
        return status;
    }
    return host_file_sync(parent, err);
}

cim_status
host_backup_make(struct host_app *app, const struct host_backup_options *options,
                 struct host_backup_info *ret_info, cim_error *err)
{
    struct host_backup_manifest manifest = {.at_ms = host_clock_now_ms(app->clock)};
    char name[HOST_BACKUP_NAME_MAX];
    char part[HOST_BACKUP_PATH_MAX];
    host_backup_name(manifest.at_ms, name);
    CIM_TRY(host_backup_begin(options->parent, name, part, err));
    cim_status status = fill(app, options, part, &manifest, err);
    status = host_backup_end(options->parent, name, part, status, err);
    if (status == CIM_OK) {
        host_backup_manifest_info(&manifest, ret_info);
    }
    host_backup_manifest_done(&manifest);
    return status;
}

/* ---- those that are there ---- */

static bool
is_name(const char *name)
{
    static const char shape[] = "dddddddd"
                                "T"
                                "dddddd"
                                "Z";
    for (size_t i = 0; i < sizeof shape; i++) {
        const bool digit = name[i] >= '0' && name[i] <= '9';
        if (shape[i] == 'd' ? !digit : name[i] != shape[i]) {
            return false;
        }
    }
    return true;
}

static int
newest_first(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*right)->d_name, (*left)->d_name);
}

static int
is_backup(const struct dirent *entry)
{
    return is_name(entry->d_name) ? 1 : 0;
}

/* An interrupted one: "20261127T103000Z.part". */
static int
is_part(const struct dirent *entry)
{
    const size_t len = strlen(entry->d_name);
    char name[HOST_BACKUP_NAME_MAX] = "";
    if (len != strlen("20261127T103000Z.part") || strcmp(entry->d_name + len - 5, ".part") != 0) {
        return 0;
    }
    memcpy(name, entry->d_name, len - 5);
    return is_name(name) ? 1 : 0;
}

static void
free_entries(struct dirent **entries, int n)
{
    for (int i = 0; i < n; i++) {
        free(entries[i]);
    }
    free(entries);
}

static cim_status
read_info(const char *parent, const char *name, struct host_backup_info *ret_info, cim_error *err)
{
    struct host_backup_manifest manifest;
    char folder[HOST_BACKUP_PATH_MAX];
    CIM_TRY(host_backup_path(parent, name, folder, err));
    const cim_status status = host_backup_manifest_read(folder, &manifest, err);
    if (status == CIM_OK) {
        host_backup_manifest_info(&manifest, ret_info);
        cim_copy_text(ret_info->name, sizeof ret_info->name, name);
    }
    host_backup_manifest_done(&manifest);
    return status;
}

static bool
is_there(const char *parent, const char *name)
{
    char folder[HOST_BACKUP_PATH_MAX];
    return host_backup_path(parent, name, folder, NULL) == CIM_OK && access(folder, F_OK) == 0;
}

cim_status
host_backup_list(const char *parent, struct host_backup_info **ret_infos, size_t *ret_n,
                 cim_error *err)
{
    struct dirent **entries = NULL;
    const int n = scandir(parent, &entries, is_backup, newest_first);
    struct host_backup_info *infos = NULL;
    cim_status status = CIM_OK;
    if (n < 0 && errno != ENOENT) {
        return host_file_fail(parent, err);
    }
    infos = calloc(n > 0 ? (size_t)n : 1, sizeof *infos);
    if (infos == NULL) {
        status = cim_fail_nomem(err);
    }
    size_t n_there = 0;
    for (int i = 0; i < n && status == CIM_OK; i++) {
        status = read_info(parent, entries[i]->d_name, &infos[n_there], err);
        if (status == CIM_OK) {
            n_there++;
        } else if (!is_there(parent, entries[i]->d_name)) {
            status = CIM_OK; /* forgotten meanwhile */
        }
    }
    free_entries(entries, n);
    if (status != CIM_OK) {
        free(infos);
        return status;
    }
    *ret_infos = infos;
    *ret_n = n_there;
    return CIM_OK;
}

/* What has the name of a moment is whole, until it has it no more. */
static void
remove_backup(const char *path)
{
    char part[HOST_BACKUP_PATH_MAX + 8];
    (void)snprintf(part, sizeof part, "%s.part", path);
    host_file_remove(rename(path, part) == 0 ? part : path);
}

static cim_status
remove_from(const char *parent, int (*which)(const struct dirent *), int32_t keep, int32_t *n_gone,
            cim_error *err)
{
    struct dirent **entries = NULL;
    const int n = scandir(parent, &entries, which, newest_first);
    if (n < 0) {
        return errno == ENOENT ? CIM_OK : host_file_fail(parent, err);
    }
    for (int i = keep; i < n; i++) {
        char path[HOST_BACKUP_PATH_MAX];
        if (host_backup_path(parent, entries[i]->d_name, path, NULL) != CIM_OK ||
            (which == is_part && !is_older(path, ABANDONED_S))) {
            continue;
        }
        if (which == is_part) {
            host_file_remove(path);
        } else {
            remove_backup(path);
        }
        (*n_gone)++;
    }
    free_entries(entries, n);
    return CIM_OK;
}

cim_status
host_backup_forget(const char *parent, int32_t keep, int32_t *ret_n, cim_error *err)
{
    int32_t n_parts = 0;
    *ret_n = 0;
    CIM_TRY(remove_from(parent, is_part, 0, &n_parts, err));
    return remove_from(parent, is_backup, keep > 0 ? keep : 1, ret_n, err);
}

/* ---- the archived logs ---- */

/* What the oldest or the newest backup noted of each store; false: there is no backup. */
static cim_status
notes_of(const char *parent, bool oldest, struct host_backup_manifest *ret_manifest,
         bool *ret_there, cim_error *err)
{
    struct host_backup_info *infos = NULL;
    size_t n = 0;
    char folder[HOST_BACKUP_PATH_MAX];
    CIM_TRY(host_backup_list(parent, &infos, &n, err));
    *ret_there = n > 0;
    cim_status status = CIM_OK;
    if (n > 0) {
        status = host_backup_path(parent, infos[oldest ? n - 1 : 0].name, folder, err);
    }
    free(infos);
    CIM_TRY(status);
    return *ret_there ? host_backup_manifest_read(folder, ret_manifest, err) : CIM_OK;
}

cim_status
host_backup_forget_logs(const char *parent, const char *archive, cim_error *err)
{
    struct host_backup_manifest manifest = {.n_files = 0};
    bool there = false;
    cim_status status = notes_of(parent, true, &manifest, &there, err);
    for (size_t i = 0; i < HOST_BACKUP_STORES && there && status == CIM_OK; i++) {
        const struct host_backup_store *store = &manifest.stores[i];
        status = host_archive_forget(archive, store->store, &store->archive, err);
    }
    host_backup_manifest_done(&manifest);
    return status;
}

cim_status
host_backup_reaches(const char *parent, const char *archive, bool *ret_reaches, cim_error *err)
{
    struct host_backup_manifest manifest = {.n_files = 0};
    cim_status status = notes_of(parent, false, &manifest, ret_reaches, err);
    for (size_t i = 0; i < HOST_BACKUP_STORES && *ret_reaches && status == CIM_OK; i++) {
        const struct host_backup_store *store = &manifest.stores[i];
        struct host_archive_note now;
        status = host_archive_note_begin(archive, store->store, &now, err);
        *ret_reaches = strcmp(now.generation, store->archive.generation) == 0;
    }
    host_backup_manifest_done(&manifest);
    return status;
}
