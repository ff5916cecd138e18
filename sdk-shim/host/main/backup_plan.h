/* host/main/backup_plan.h -- backups as the settings want them. */
#ifndef HOST_BACKUP_PLAN_H
#define HOST_BACKUP_PLAN_H

#include "host/backup/backup.h"

#include <limits.h>

struct host_config;

/* Texts that options point into; they live as long as the options. */
#define HOST_BACKUP_PERSON_KEYS "data.keys.persons"

struct host_backup_paths {
    char parent[PATH_MAX];
    char anchors[PATH_MAX];
    char audit_key[PATH_MAX];
    char data_keys[PATH_MAX];
    char person_keys[PATH_MAX + 16];
};

/* Where backups lie, and what goes along: the audit's anchors, and with `keys` the keys. */
cim_status host_backup_options_of(const struct host_config *config, bool keys,
                                  struct host_backup_paths *paths,
                                  struct host_backup_options *ret_options, cim_error *err);
/* Where logs are archived; NULL: nowhere. Lives as long as the settings. */
const char *host_backup_archive(const struct host_config *config);
/* A backup of the platform that is open here, checked and audited; `parent` NULL: as the settings
 * say. `say` is called with lines for people. */
cim_status host_backup_act(struct host_app *app, const char *parent,
                           void (*say)(void *arg, const char *line), void *arg, cim_error *err);
/* Sets `every_ms` 0 when there are to be none. */
cim_status host_backup_plan_of(const struct host_config *config, struct host_backup_paths *paths,
                               struct host_backup_plan *ret_plan, cim_error *err);
/* "20261127T103000Z  cim.gpkg  12 MiB …" */
void host_backup_line(const struct host_backup_info *info, char *out, size_t out_size);

#endif
