/* host/backup/restore.c -- checking a backup and putting it back. */
#include "host/backup/manifest.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/store/store.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- checking ---- */

static cim_status
check_files(const struct host_backup_manifest *manifest, const char *folder, cim_error *err)
{
    for (size_t i = 0; i < manifest->n_files; i++) {
        const struct host_backup_file *file = &manifest->files[i];
        char path[HOST_BACKUP_PATH_MAX];
        char hash[HOST_FILE_HASH_TEXT];
        int64_t n_bytes = 0;
        CIM_TRY(host_backup_path(folder, file->name, path, err));
        CIM_TRY(host_file_hash(path, hash, &n_bytes, err));
        if (n_bytes != file->bytes || strcmp(hash, file->hash) != 0) {
            return cim_fail(err, CIM_E_STATE, "file", file->name,
                            "%s 已损坏：%lld 字节、SHA-256 %.12s…，清单中为 %lld 字节、%.12s…",
                            "%s is damaged: %lld bytes, SHA-256 %.12s…; the manifest says %lld "
                            "bytes, %.12s…",
                            path, (long long)n_bytes, hash, (long long)file->bytes, file->hash);
        }
    }
    return CIM_OK;
}

static bool
is_archive(const struct host_backup_store *store)
{
    return strcmp(store->store, "postgresql") == 0;
}

static bool
lists(const struct host_backup_manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->n_files; i++) {
        if (strcmp(manifest->files[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Opens a store as it is, reading alone, and compares it. */
static cim_status
compare(const struct host_backup_store *wanted, const struct host_store_options *options,
        cim_error *err)
{
    const bool has_tables = options->kind == HOST_STORE_DATA;
    struct host_store *store = NULL;
    CIM_TRY(host_store_open(options, &store, err));
    const cim_status status = has_tables ? host_backup_compare(wanted, store, err) : CIM_OK;
    host_store_close(store);
    return status;
}

static struct host_store_options
options_of(const struct host_clock *clock, size_t index, const char *path, const char *url)
{
    return (struct host_store_options){.kind = index == 0 ? HOST_STORE_PLATFORM : HOST_STORE_DATA,
                                       .path = path,
                                       .url = index == 0 ? NULL : url,
                                       .clock = clock,
                                       .max_readers = 2,
                                       .read_only = true};
}

static cim_status
check(const struct host_clock *clock, const struct host_backup_manifest *manifest,
      const char *folder, cim_error *err)
{
    CIM_TRY(check_files(manifest, folder, err));
    for (size_t i = 0; i < HOST_BACKUP_STORES; i++) {
        const struct host_backup_store *store = &manifest->stores[i];
        char path[HOST_BACKUP_PATH_MAX];
        if (!lists(manifest, store->file)) {
            return cim_fail(err, CIM_E_STATE, "file", store->file, "清单中缺少文件 %s",
                            "the manifest has no file %s", store->file);
        }
        CIM_TRY(host_backup_path(folder, store->file, path, err));
        if (!is_archive(store)) {
            const struct host_store_options options = options_of(clock, i, path, NULL);
            CIM_TRY(compare(store, &options, err));
        }
    }
    return CIM_OK;
}

cim_status
host_backup_check(const struct host_clock *clock, const char *folder,
                  struct host_backup_info *ret_info, cim_error *err)
{
    struct host_backup_manifest manifest;
    cim_status status = host_backup_manifest_read(folder, &manifest, err);
    if (status == CIM_OK) {
        status = check(clock, &manifest, folder, err);
    }
    if (status == CIM_OK) {
        host_backup_manifest_info(&manifest, ret_info);
    }
    host_backup_manifest_done(&manifest);
    return status;
}

/* ---- the place ---- */

/* What a store leaves beside its file. */
static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
static const char *const own_files[] = {"platform.db", "cim.gpkg"};

static cim_status
move_aside(const char *path, const char *aside, const char *name, cim_error *err)
{
    char to[HOST_BACKUP_PATH_MAX];
    if (access(path, F_OK) != 0) {
        return CIM_OK;
    }
    if (mkdir(aside, 0700) != 0 && errno != EEXIST) {
        return host_file_fail(aside, err);
    }
    CIM_TRY(host_backup_path(aside, name, to, err));
    return rename(path, to) == 0 ? CIM_OK : host_file_fail(to, err);
}

static cim_status
clear_file(const struct host_backup_target *target, const char *aside, const char *path,
           const char *name, cim_error *err)
{
    if (access(path, F_OK) != 0) {
        return CIM_OK;
    }
    return target->replace
               ? move_aside(path, aside, name, err)
               : cim_fail(err, CIM_E_EXISTS, "var", path, "%s 已存在；加 --replace 则先移到 %s",
                          "%s is there already; --replace moves it to %s first", path, aside);
}

/* Everything is looked at before anything is moved. */
static cim_status
clear_place(const struct host_backup_manifest *manifest, const struct host_backup_target *target,
            const char *aside, cim_error *err)
{
    char path[HOST_BACKUP_PATH_MAX];
    char name[80];
    for (size_t i = 0; i < sizeof own_files / sizeof own_files[0]; i++) {
        for (size_t s = 0; s < sizeof suffixes / sizeof suffixes[0]; s++) {
            (void)snprintf(name, sizeof name, "%s%s", own_files[i], suffixes[s]);
            CIM_TRY(host_backup_path(target->var, name, path, err));
            CIM_TRY(clear_file(target, aside, path, name, err));
        }
    }
    for (const struct host_backup_extra *extra = target->extras; extra->name != NULL; extra++) {
        if (lists(manifest, extra->name)) {
            CIM_TRY(clear_file(target, aside, extra->path, extra->name, err));
        }
    }
    return CIM_OK;
}

/* ---- putting it there ---- */

static cim_status
check_target(const struct host_backup_store *data, const struct host_backup_target *target,
             cim_error *err)
{
    const bool has_url = target->store_url[0] != '\0';
    if (has_url == is_archive(data)) {
        return CIM_OK;
    }
    return has_url
               ? cim_fail(err, CIM_E_STATE, "store.url", NULL,
                          "备份中的业务数据是 %s：请清空 store.url 后恢复，再用 migrate --to 搬移",
                          "the data of the backup are a %s: restore with store.url empty, then use "
                          "migrate --to",
                          data->file)
               : cim_fail(err, CIM_E_STATE, "store.url", NULL,
                          "备份来自 PostgreSQL：请把 store.url 设为一个空数据库",
                          "the backup is one of PostgreSQL: set store.url to an empty database");
}

static cim_status
check_empty(const struct host_clock *clock, const char *url, cim_error *err)
{
    const struct host_store_options options = options_of(clock, 1, NULL, url);
    struct host_store *store = NULL;
    bool empty = false;
    CIM_TRY(host_store_open(&options, &store, err));
    const cim_status status = host_store_is_empty(store, &empty, err);
    host_store_close(store);
    return status != CIM_OK || empty
               ? status
               : cim_fail(err, CIM_E_EXISTS, "store.url", NULL,
                          "目标数据库中已有本平台的表，须为空库（dropdb、createdb）",
                          "the database has tables of this platform already: it must be empty "
                          "(dropdb, createdb)");
}

static cim_status
put_store(const struct host_clock *clock, const struct host_backup_store *store, size_t index,
          const char *folder, const struct host_backup_target *target, cim_error *err)
{
    char from[HOST_BACKUP_PATH_MAX];
    char to[HOST_BACKUP_PATH_MAX];
    CIM_TRY(host_backup_path(folder, store->file, from, err));
    CIM_TRY(host_backup_path(target->var, own_files[index], to, err));
    if (is_archive(store)) {
        CIM_TRY(host_store_restore(target->store_url, from, err));
    } else {
        CIM_TRY(host_file_copy(from, to, err));
    }
    const struct host_store_options options =
        options_of(clock, index, to, is_archive(store) ? target->store_url : NULL);
    return compare(store, &options, err);
}

/* Of a new data directory there is no folder of keys yet. */
static void
make_parent(const char *path)
{
    char folder[HOST_BACKUP_PATH_MAX];
    cim_copy_text(folder, sizeof folder, path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL && slash != folder) {
        *slash = '\0';
        (void)mkdir(folder, 0700); /* that it is there already is fine; else the copy tells */
    }
}

static cim_status
put_extras(const struct host_backup_manifest *manifest, const char *folder,
           const struct host_backup_target *target, cim_error *err)
{
    for (const struct host_backup_extra *extra = target->extras; extra->name != NULL; extra++) {
        char from[HOST_BACKUP_PATH_MAX];
        if (lists(manifest, extra->name)) {
            CIM_TRY(host_backup_path(folder, extra->name, from, err));
            make_parent(extra->path);
            CIM_TRY(host_file_copy(from, extra->path, err));
        }
    }
    return CIM_OK;
}

static cim_status
ask_pages(struct host_store *store, const char *name, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(host_store_read(
        store, "select count(*) as n from pragma_quick_check(1) where quick_check = 'ok'", NULL, 0,
        &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    return batch->n_rows == 1 && cim_column_i64(batch->columns[0], 0) == 1
               ? CIM_OK
               : cim_fail(err, CIM_E_STATE, "store", name, "%s 未通过完整性检查",
                          "%s does not pass SQLite's check of its pages", name);
}

/* What SQLite has to say of the file that came of it. */
static cim_status
check_pages(const struct host_clock *clock, size_t index, const char *path, cim_error *err)
{
    struct host_store_options options = options_of(clock, index, path, NULL);
    struct host_store *store = NULL;
    options.read_only = false; /* the file says that there is a log beside it, which is made */
    CIM_TRY(host_store_open(&options, &store, err));
    const cim_status status = ask_pages(store, own_files[index], err);
    host_store_close(store);
    return status;
}

/* Both are brought forward before either is opened: one that cannot be fails the restore. */
static cim_status
bring_forward(const struct host_clock *clock, const struct host_backup_manifest *manifest,
              const struct host_backup_target *target, int64_t *ret_ms, cim_error *err)
{
    char path[HOST_BACKUP_PATH_MAX];
    *ret_ms = target->until_ms;
    for (size_t i = 0; i < HOST_BACKUP_STORES; i++) {
        int64_t reached_ms = 0;
        CIM_TRY(host_backup_path(target->var, own_files[i], path, err));
        CIM_TRY(host_archive_replay(target->archive, manifest->stores[i].store,
                                    &manifest->stores[i].archive, target->until_ms, path,
                                    &reached_ms, err));
        *ret_ms = i == 1 ? reached_ms : *ret_ms;
    }
    for (size_t i = 0; i < HOST_BACKUP_STORES; i++) {
        CIM_TRY(host_backup_path(target->var, own_files[i], path, err));
        CIM_TRY(check_pages(clock, i, path, err));
    }
    return CIM_OK;
}

/* Some may have been revoked after the backup. */
static cim_status
close_sessions(const struct host_clock *clock, const struct host_backup_target *target,
               cim_error *err)
{
    char path[HOST_BACKUP_PATH_MAX];
    struct host_store *platform = NULL;
    CIM_TRY(host_backup_path(target->var, own_files[0], path, err));
    struct host_store_options options = options_of(clock, 0, path, NULL);
    options.read_only = false;
    CIM_TRY(host_store_open(&options, &platform, err));
    const cim_status status =
        host_store_write_one(platform, "delete from cim_session", NULL, 0, NULL, err);
    host_store_close(platform);
    return status;
}

static cim_status
restore(const struct host_clock *clock, const struct host_backup_manifest *manifest,
        const char *folder, const struct host_backup_target *target, int64_t *ret_reached_ms,
        cim_error *err)
{
    char aside[HOST_BACKUP_PATH_MAX];
    char name[HOST_BACKUP_NAME_MAX];
    char aside_name[HOST_BACKUP_NAME_MAX + 16];
    host_backup_name(host_clock_now_ms(clock), name);
    (void)snprintf(aside_name, sizeof aside_name, "replaced-%s", name);
    CIM_TRY(host_backup_path(target->var, aside_name, aside, err));
    CIM_TRY(check_target(&manifest->stores[1], target, err));
    CIM_TRY(check(clock, manifest, folder, err));
    if (is_archive(&manifest->stores[1])) {
        CIM_TRY(check_empty(clock, target->store_url, err));
    }
    CIM_TRY(clear_place(manifest, target, aside, err));
    CIM_TRY(put_extras(manifest, folder, target, err));
    /* The accounts come last: without them no platform starts on half of it. */
    CIM_TRY(put_store(clock, &manifest->stores[1], 1, folder, target, err));
    CIM_TRY(put_store(clock, &manifest->stores[0], 0, folder, target, err));
    if (target->archive != NULL) {
        CIM_TRY(bring_forward(clock, manifest, target, ret_reached_ms, err));
    }
    CIM_TRY(close_sessions(clock, target, err));
    return host_file_sync(target->var, err);
}

cim_status
host_backup_restore(const struct host_clock *clock, const char *folder,
                    const struct host_backup_target *target, struct host_backup_info *ret_info,
                    cim_error *err)
{
    struct host_backup_manifest manifest;
    int64_t reached_ms = 0;
    cim_status status = host_backup_manifest_read(folder, &manifest, err);
    if (status == CIM_OK) {
        status = restore(clock, &manifest, folder, target, &reached_ms, err);
    }
    if (status == CIM_OK) {
        host_backup_manifest_info(&manifest, ret_info);
        ret_info->reached_ms = reached_ms;
    }
    host_backup_manifest_done(&manifest);
    return status;
}
