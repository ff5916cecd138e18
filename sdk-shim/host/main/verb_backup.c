/* host/main/verb_backup.c -- making, listing and checking backups, also beside a host that serves.
 */
#include "assemble.h"
#include "backup_plan.h"
#include "control.h"
#include "verb.h"

#include "args.h"
#include "lock.h"
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
print_line(void *arg, const char *line)
{
    (void)arg;
    printf("%s\n", line);
}

/* The platform that runs works in its own folder. */
static cim_status
make_beside(const struct host_config *config, const char *parent, cim_error *err)
{
    char line[HOST_CONTROL_LINE_MAX];
    char full[PATH_MAX];
    if (parent != NULL && (strchr(parent, '\n') != NULL || strlen(parent) > PATH_MAX / 2)) {
        return cim_fail(err, CIM_E_INVALID, "to", parent, "路径无效", "the path is not valid");
    }
    if (parent != NULL && parent[0] != '/') {
        char here[PATH_MAX / 4];
        if (getcwd(here, sizeof here) == NULL) {
            return cim_fail(err, CIM_E_INVALID, "to", parent, "请使用绝对路径",
                            "use an absolute path");
        }
        (void)snprintf(full, sizeof full, "%s/%s", here, parent);
        parent = full;
    }
    (void)snprintf(line, sizeof line, "backup make %s", parent != NULL ? parent : "");
    return host_control_ask(config, line, err);
}

static cim_status
make(struct host_config *config, const char *parent, cim_error *err)
{
    struct host_assembly assembly;
    char holder[32];
    int64_t pid = 0;
    CIM_TRY(host_lock_holder(host_config_text(config, "var"), &pid, holder, err));
    if (pid != 0 && strcmp(holder, "serve") == 0) {
        return make_beside(config, parent, err);
    }
    CIM_TRY(host_assemble(config, "backup", HOST_LEVEL_STORES, &assembly, err));
    const cim_status status = host_backup_act(&assembly.app, parent, print_line, NULL, err);
    host_disassemble(&assembly);
    return status;
}

static cim_status
list(const char *parent, cim_error *err)
{
    struct host_backup_info *infos = NULL;
    size_t n = 0;
    CIM_TRY(host_backup_list(parent, &infos, &n, err));
    for (size_t i = 0; i < n; i++) {
        char line[256];
        host_backup_line(&infos[i], line, sizeof line);
        printf("%s\n", line);
    }
    if (n == 0) {
        printf("%s 中没有备份 / there is no backup in %s\n", parent, parent);
    }
    free(infos);
    return CIM_OK;
}

static cim_status
check(const char *parent, const char *name, cim_error *err)
{
    struct host_clock *clock = host_clock_new(-1);
    struct host_backup_info info;
    char folder[HOST_BACKUP_PATH_MAX];
    char line[256];
    const bool is_path = strchr(name, '/') != NULL;
    (void)snprintf(folder, sizeof folder, "%s%s%s", is_path ? "" : parent, is_path ? "" : "/",
                   name);
    if (clock == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = host_backup_check(clock, folder, &info, err);
    host_clock_free(clock);
    if (status == CIM_OK) {
        host_backup_line(&info, line, sizeof line);
        printf(
            "%s\n完好：各文件与各表均与清单相符 / sound: every file and table is as the manifest "
            "says\n",
            line);
    }
    return status;
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{"to", false}, {NULL, false}};
    struct host_args args;
    struct host_backup_paths paths;
    struct host_backup_options options;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 2, &args, err));
    CIM_TRY(host_backup_options_of(config, false, &paths, &options, err));
    const char *action = args.n_words > 0 ? args.words[0] : "make";
    const char *to = host_args_option(&args, "to");
    if (strcmp(action, "make") == 0 && args.n_words < 2) {
        return make(config, to, err);
    }
    if (strcmp(action, "list") == 0 && args.n_words == 1) {
        return list(to != NULL ? to : options.parent, err);
    }
    if (strcmp(action, "check") == 0 && args.n_words == 2) {
        return check(to != NULL ? to : options.parent, args.words[1], err);
    }
    return cim_fail(err, CIM_E_INVALID, "action", action, "应为 make、list 或 check NAME",
                    "expected make, list or check NAME");
}

const struct host_verb host_verb_backup = {
    .name = "backup",
    .zh = "备份、列出与核对备份",
    .en = "make, list and check backups",
    .usage =
        "  cim-host backup [make] [--to=DIR]\n"
        "  cim-host backup list [--to=DIR]\n"
        "  cim-host backup check NAME|DIR/NAME [--to=DIR]\n\n"
        "  账号、业务数据与审计锚点，运行中亦可备份；存放于 backup.folder。密钥只在 "
        "backup.with_keys\n"
        "  为 true 时一并备份，否则须另行保管：没有它们，加密的个人信息无法读出。\n"
        "  Accounts, data and the audit's anchors, also while the platform serves; they lie in\n"
        "  backup.folder. Keys go along only with backup.with_keys=true: otherwise keep them\n"
        "  elsewhere, for without them personal data cannot be read.\n",
    .run = run,
};
