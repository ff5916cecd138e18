/* host/backup/manifest.h -- manifest.json of a backup. */
#ifndef HOST_BACKUP_MANIFEST_H
#define HOST_BACKUP_MANIFEST_H

#include "host/backup/backup.h"
#include "host/base/files.h"
#include "host/store/copy.h"

#define HOST_BACKUP_MANIFEST "manifest.json"
#define HOST_BACKUP_ACCOUNTS "platform.db"

enum {
    HOST_BACKUP_STORES = 2,
    HOST_BACKUP_FILES_MAX = HOST_BACKUP_STORES + HOST_BACKUP_EXTRAS_MAX
};

struct host_backup_file {
    char name[64];
    int64_t bytes;
    char hash[HOST_FILE_HASH_TEXT];
};

struct host_backup_store {
    char store[16]; /* "platform.db", "cim.gpkg", "postgresql" */
    char file[64];
    int64_t pos;                      /* -1: it has none */
    struct host_copy_report contents; /* of the data, as each table's `source` */
    struct host_archive_note archive; /* where its log was; none: without a generation */
};

struct host_backup_manifest {
    int64_t at_ms;
    struct host_backup_store stores[HOST_BACKUP_STORES]; /* accounts, then data */
    size_t n_files;
    struct host_backup_file files[HOST_BACKUP_FILES_MAX];
};

void host_backup_manifest_done(struct host_backup_manifest *manifest);
cim_status host_backup_manifest_write(const struct host_backup_manifest *manifest,
                                      const char *folder, cim_error *err);
/* Refuses by name what it should not have: names with a slash, missing parts, another format. The
 * caller's to free also on failure. */
cim_status host_backup_manifest_read(const char *folder, struct host_backup_manifest *ret_manifest,
                                     cim_error *err);
void host_backup_manifest_info(const struct host_backup_manifest *manifest,
                               struct host_backup_info *ret_info);
cim_status host_backup_path(const char *folder, const char *name, char out[HOST_BACKUP_PATH_MAX],
                            cim_error *err);
/* A new folder "NAME.part" in `parent`, which is made when it is not there. CIM_E_BUSY: there is
 * one of that name. */
cim_status host_backup_begin(const char *parent, const char *name, char part[HOST_BACKUP_PATH_MAX],
                             cim_error *err);
/* Gives it its name, on the disk; removes it where `status` is a failure, which is returned. */
cim_status host_backup_end(const char *parent, const char *name, const char *part,
                           cim_status status, cim_error *err);
/* "20261127T103000Z" */
void host_backup_name(int64_t at_ms, char out[HOST_BACKUP_NAME_MAX]);
/* CIM_E_STATE names the first table that is not as the manifest has it. */
cim_status host_backup_compare(const struct host_backup_store *wanted, struct host_store *store,
                               cim_error *err);

#endif
