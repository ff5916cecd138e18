/* host/main/backup_plan.c -- see backup_plan.h. */
#include "backup_plan.h"

#include "assemble.h"
#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/base/config.h"
#include "host/crypt/crypt.h"
#include "kit/time.h"

#include <stdio.h>

enum { HOUR_MS = 3600 * 1000, LINE_MAX_BYTES = 256 };

const char *
host_backup_archive(const struct host_config *config)
{
    const char *folder = host_config_text(config, "backup.archive_folder");
    return folder[0] != '\0' ? folder : NULL;
}

cim_status
host_backup_options_of(const struct host_config *config, bool keys, struct host_backup_paths *paths,
                       struct host_backup_options *ret_options, cim_error *err)
{
    const struct host_app app = {.config = (struct host_config *)config}; /* only read */
    const char *parent = host_config_text(config, "backup.folder");
    struct host_audit_paths audit;
    struct host_audit_options audit_options;
    struct host_crypt_keys crypt;
    if (parent[0] == '\0') {
        CIM_TRY(host_var_path(config, "backups", paths->parent, sizeof paths->parent, err));
    } else {
        cim_copy_text(paths->parent, sizeof paths->parent, parent);
    }
    CIM_TRY(host_audit_options_of(&app, &audit, &audit_options, err));
    CIM_TRY(host_crypt_keys_of(config, paths->data_keys, &crypt, err));
    (void)snprintf(paths->person_keys, sizeof paths->person_keys, "%s.persons", paths->data_keys);
    cim_copy_text(paths->anchors, sizeof paths->anchors, audit.anchor_file);
    cim_copy_text(paths->audit_key, sizeof paths->audit_key, audit.key_file);
    *ret_options = (struct host_backup_options){.parent = paths->parent,
                                                .archive = host_backup_archive(config),
                                                .extras = {{"audit.anchor", paths->anchors}}};
    if (keys) {
        ret_options->extras[1] = (struct host_backup_extra){"audit.key", paths->audit_key};
        ret_options->extras[2] = (struct host_backup_extra){"data.keys", paths->data_keys};
        ret_options->extras[3] =
            (struct host_backup_extra){HOST_BACKUP_PERSON_KEYS, paths->person_keys};
    }
    return CIM_OK;
}

cim_status
host_backup_plan_of(const struct host_config *config, struct host_backup_paths *paths,
                    struct host_backup_plan *ret_plan, cim_error *err)
{
    *ret_plan = (struct host_backup_plan){
        .every_ms = host_config_int(config, "backup.every_hours") * HOUR_MS,
        .keep = (int32_t)host_config_int(config, "backup.keep"),
        .keep_copies = (int32_t)host_config_int(config, "backup.copy_keep"),
    };
    const char *copies = host_config_text(config, "backup.copy_folder");
    ret_plan->copies = copies[0] != '\0' ? copies : NULL;
    return host_backup_options_of(config, host_config_bool(config, "backup.with_keys"), paths,
                                  &ret_plan->options, err);
}

void
host_backup_line(const struct host_backup_info *info, char *out, size_t out_size)
{
    char time[CIM_TIME_TEXT_MAX];
    cim_time_format_local(info->at_ms, time);
    (void)snprintf(out, out_size,
                   "%s  %s  %-10s  %.1f MiB  %d 表 / tables  %lld 行 / rows  pos %lld", info->name,
                   time, info->store, (double)info->bytes / (1 << 20), (int)info->n_tables,
                   (long long)info->n_rows, (long long)info->pos);
}

static cim_status
make_and_check(struct host_app *app, const char *parent, struct host_backup_info *ret_info,
               cim_error *err)
{
    struct host_backup_paths paths;
    struct host_backup_options options;
    char folder[PATH_MAX + HOST_BACKUP_NAME_MAX + 1];
    CIM_TRY(host_backup_options_of(app->config, host_config_bool(app->config, "backup.with_keys"),
                                   &paths, &options, err));
    options.parent = parent != NULL ? parent : options.parent;
    CIM_TRY(host_backup_make(app, &options, ret_info, err));
    (void)snprintf(folder, sizeof folder, "%s/%s", options.parent, ret_info->name);
    return host_backup_check(app->clock, folder, ret_info, err);
}

cim_status
host_backup_act(struct host_app *app, const char *parent, void (*say)(void *arg, const char *line),
                void *arg, cim_error *err)
{
    struct host_backup_info info = {.name = ""};
    char line[LINE_MAX_BYTES];
    const cim_status status = make_and_check(app, parent, &info, err);
    host_backup_note(app, "backup", &info, status == CIM_OK ? NULL : err);
    if (status == CIM_OK) {
        host_backup_line(&info, line, sizeof line);
        say(arg, line);
    }
    return status;
}
