/* host/main/verb_restore.c -- puts a backup back. */
#include "assemble.h"
#include "backup_plan.h"
#include "verb.h"

#include "args.h"
#include "lock.h"
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "kit/time.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whoever was erased since the backup stays erased: keys of persons that are here are newer. */
static void
leave_persons(struct host_backup_extra *extras)
{
    size_t n = 0;
    for (const struct host_backup_extra *extra = extras; extra->name != NULL; extra++) {
        if (strcmp(extra->name, HOST_BACKUP_PERSON_KEYS) != 0 || access(extra->path, F_OK) != 0) {
            extras[n++] = *extra;
        }
    }
    extras[n] = (struct host_backup_extra){.name = NULL};
}

/* "now": all that is archived. */
static cim_status
until_of(const struct host_config *config, const char *until, struct host_backup_target *target,
         cim_error *err)
{
    target->archive = host_backup_archive(config);
    target->until_ms = 253402300799000; /* the last second of 9999 */
    if (target->archive == NULL) {
        return cim_fail(err, CIM_E_INVALID, "until", until,
                        "没有日志归档：请用 --backup.archive_folder 指明其目录",
                        "there is no archive of logs: name its folder with "
                        "--backup.archive_folder");
    }
    if (target->store_url[0] != '\0') {
        return cim_fail(err, CIM_E_INVALID, "until", until,
                        "PostgreSQL 请用其自身的时间点恢复（recovery_target_time）",
                        "for PostgreSQL use its own recovery (recovery_target_time)");
    }
    return strcmp(until, "now") == 0 || cim_time_parse(until, SIZE_MAX, &target->until_ms) == CIM_OK
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "until", until,
                          "应为 2026-11-27T10:30:00（北京时间）这样的时刻，或 now",
                          "expected a moment like 2026-11-27T10:30:00 (Beijing time), or now");
}

static cim_status
put_back(const struct host_config *config, const char *folder, bool replace, const char *until,
         struct host_backup_info *ret_info, cim_error *err)
{
    struct host_backup_paths paths;
    struct host_backup_options options;
    struct host_clock *clock = host_clock_new(-1);
    if (clock == NULL) {
        return cim_fail_nomem(err);
    }
    cim_status status = host_backup_options_of(config, true, &paths, &options, err);
    struct host_backup_target target;
    if (status == CIM_OK) {
        target = (struct host_backup_target){.var = host_config_text(config, "var"),
                                             .store_url = host_config_text(config, "store.url"),
                                             .replace = replace};
        memcpy(target.extras, options.extras, sizeof target.extras);
        leave_persons(target.extras);
        status = until != NULL ? until_of(config, until, &target, err) : CIM_OK;
    }
    if (status == CIM_OK) {
        status = host_backup_restore(clock, folder, &target, ret_info, err);
    }
    host_clock_free(clock);
    return status;
}

/* The restored platform is opened once, which brings it to this program's schema, and told of in
 * its audit. What is missing then is said: the data are back in any case. */
static void
settle(struct host_config *config, const struct host_backup_info *info)
{
    struct host_assembly assembly;
    cim_error err = {.code = CIM_OK};
    if (host_assemble(config, NULL, HOST_LEVEL_IDENTITY, &assembly, &err) == CIM_OK) {
        host_backup_note(&assembly.app, "restore", info, NULL);
        host_disassemble(&assembly);
        return;
    }
    printf("数据已恢复，但平台还不能启动：%s\n"
           "the data are back, but the platform cannot start yet: %s\n",
           err.zh, err.en);
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {
        {"replace", true}, {"until", false}, {NULL, false}};
    struct host_args args;
    struct host_backup_info info;
    char line[256];
    int lock_fd = -1;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 1, &args, err));
    if (args.n_words != 1) {
        return cim_fail(err, CIM_E_INVALID, "folder", NULL, "请给出备份目录",
                        "name the backup's folder");
    }
    CIM_TRY(host_lock_take(host_config_text(config, "var"), "restore", &lock_fd, err));
    const cim_status status =
        put_back(config, args.words[0], host_args_option(&args, "replace") != NULL,
                 host_args_option(&args, "until"), &info, err);
    if (status == CIM_OK) {
        host_backup_line(&info, line, sizeof line);
        printf("%s\n已恢复并逐表核对；所有会话已注销 / restored and compared table by table; all "
               "sessions are closed\n",
               line);
        if (info.reached_ms != 0) {
            char time[CIM_TIME_TEXT_MAX];
            cim_time_format(info.reached_ms, time);
            printf("已按归档的日志推进到 %s / brought forward by the archived logs to %s\n", time,
                   time);
        }
        settle(config, &info);
    }
    (void)close(lock_fd);
    return status;
}

const struct host_verb host_verb_restore = {
    .name = "restore",
    .zh = "恢复备份",
    .en = "put a backup back",
    .usage =
        "  cim-host restore FOLDER [--replace] [--until=MOMENT|now]\n\n"
        "  平台须已停止。先核对备份，再放入数据目录（或 store.url 所指的空 PostgreSQL 库），"
        "并逐表比较。\n"
        "  --replace 先把数据目录中现有的库移到 replaced-…；不删除任何文件。\n"
        "  The platform must not serve. Checks the backup, puts it into the data directory (or "
        "the\n"
        "  empty PostgreSQL database of store.url) and compares every table. --replace moves the\n"
        "  stores that are there to replaced-… first; nothing is deleted.\n"
        "  --until 按 backup.archive_folder 中归档的日志推进到所给时刻（北京时间，或带时区）。\n"
        "  --until brings both stores forward to a moment by the logs archived in\n"
        "  backup.archive_folder (Beijing time, unless it has an offset).\n",
    .run = run,
};
