/* host/backup/copy.c -- a backup once more, somewhere else. */
#include "host/backup/manifest.h"

#include "cim/util.h"

static cim_status
copy_one(const char *from, const char *to, const char *name, cim_error *err)
{
    char source[HOST_BACKUP_PATH_MAX];
    char target[HOST_BACKUP_PATH_MAX];
    CIM_TRY(host_backup_path(from, name, source, err));
    CIM_TRY(host_backup_path(to, name, target, err));
    return host_file_copy(source, target, err);
}

static cim_status
copy_all(const struct host_backup_manifest *manifest, const char *from, const char *to,
         const struct host_backup_options *options, cim_error *err)
{
    int64_t done = 0;
    int64_t total = 0;
    for (size_t i = 0; i < manifest->n_files; i++) {
        total += manifest->files[i].bytes;
    }
    for (size_t i = 0; i < manifest->n_files; i++) {
        if (options->progress != NULL && options->progress(options->arg, done, total) != 0) {
            return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "已取消", "cancelled");
        }
        CIM_TRY(copy_one(from, to, manifest->files[i].name, err));
        done += manifest->files[i].bytes;
    }
    CIM_TRY(copy_one(from, to, HOST_BACKUP_MANIFEST, err));
    return host_file_sync(to, err);
}

cim_status
host_backup_copy(const struct host_backup_options *options, const char *name, const char *parent,
                 cim_error *err)
{
    struct host_backup_manifest manifest = {.n_files = 0};
    char from[HOST_BACKUP_PATH_MAX];
    char part[HOST_BACKUP_PATH_MAX];
    CIM_TRY(host_backup_path(options->parent, name, from, err));
    cim_status status = host_backup_manifest_read(from, &manifest, err);
    if (status == CIM_OK) {
        status = host_backup_begin(parent, name, part, err);
        if (status == CIM_OK) {
            status = copy_all(&manifest, from, part, options, err);
            status = host_backup_end(parent, name, part, status, err);
        }
    }
    host_backup_manifest_done(&manifest);
    return status;
}
