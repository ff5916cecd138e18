/* host/main/verb_plugin.c -- lists, enables and disables plugins: of the platform that runs,
 * through its control socket, or of one that does not. */
#include "assemble.h"
#include "control.h"
#include "lock.h"
#include "plugin_act.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/base/config.h"
#include "kit/cleanup.h"

#include <stdio.h>
#include <stdlib.h>

enum action {
    ACTION_LIST,
    ACTION_TABLES,
    ACTION_ENABLE,
    ACTION_REHEARSE,
    ACTION_DISABLE,
    ACTION_UNINSTALL,
    ACTION_PURGE,
    ACTION_INSTALL,
    ACTION_TRY,
    ACTION_ROLLBACK
};

/* As the control socket has them. */
static const char *const WORDS[] = {"list",      "tables", "enable",  "rehearse", "disable",
                                    "uninstall", "purge",  "install", "try",      "rollback"};

static cim_status
read_action(const struct host_args *args, enum action *ret_action, const char **ret_id,
            cim_error *err)
{
    const char *word = args->n_words > 0 ? args->words[0] : "list";
    const bool rehearses = host_args_option(args, "dry-run") != NULL;
    *ret_id = args->n_words > 1 ? args->words[1] : "";
    if (strcmp(word, "list") == 0 && *ret_id[0] == '\0') {
        *ret_action = ACTION_LIST;
    } else if (strcmp(word, "enable") == 0 && *ret_id[0] != '\0') {
        *ret_action = rehearses ? ACTION_REHEARSE : ACTION_ENABLE;
    } else if (strcmp(word, "disable") == 0 && *ret_id[0] != '\0') {
        *ret_action = ACTION_DISABLE;
    } else if (strcmp(word, "uninstall") == 0 && *ret_id[0] != '\0') {
        *ret_action = host_args_option(args, "purge") != NULL ? ACTION_PURGE : ACTION_UNINSTALL;
    } else if (strcmp(word, "install") == 0 && *ret_id[0] != '\0') {
        *ret_action = rehearses ? ACTION_TRY : ACTION_INSTALL;
    } else if (strcmp(word, "rollback") == 0 && *ret_id[0] != '\0') {
        *ret_action = ACTION_ROLLBACK;
    } else {
        return cim_fail(err, CIM_E_INVALID, "action", word,
                        "应为 list、install FILE [--dry-run]、enable ID [--dry-run]、disable ID、"
                        "rollback ID 或 uninstall ID [--purge] [--yes]",
                        "expected list, install FILE [--dry-run], enable ID [--dry-run], disable "
                        "ID, rollback ID or uninstall ID [--purge] [--yes]");
    }
    return CIM_OK;
}

static void
print_plugin(void *arg, const struct host_plugin_info *info)
{
    char line[HOST_CONTROL_LINE_MAX];
    (void)arg;
    host_plugin_line(info, line, sizeof line);
    printf("%s\n", line);
}

static void
print_migration(void *arg, const char *file, int32_t done, int32_t total)
{
    (void)arg;
    if (done < total) {
        printf("%d/%d %s\n", (int)done + 1, (int)total, file);
    }
}

static void
print_table(void *arg, const char *table, int64_t n_rows)
{
    (void)arg;
    printf("%-40s %lld\n", table, (long long)n_rows);
}

static void
print_line(void *arg, const char *line)
{
    (void)arg;
    printf("%s\n", line);
}

static cim_status
act(struct host_app *app, enum action action, const char *id, cim_error *err)
{
    if (action >= ACTION_INSTALL) {
        return host_plugin_bundle_act(app, WORDS[action], id, print_line, NULL, err);
    }
    if (action == ACTION_TABLES) {
        return host_plugins_tables(app->plugins, id, print_table, NULL, err);
    }
    if (action == ACTION_LIST) {
        host_plugins_each(app->plugins, print_plugin, NULL);
        return CIM_OK;
    }
    return host_plugin_act(app, WORDS[action], id, print_migration, NULL, err);
}

/* While it serves. */
static cim_status
ask(const struct host_config *config, enum action action, const char *id, cim_error *err)
{
    char line[HOST_CONTROL_LINE_MAX];
    CIM_AUTO_FREE char *path =
        action == ACTION_INSTALL || action == ACTION_TRY ? realpath(id, NULL) : NULL;
    (void)snprintf(line, sizeof line, "plugin %s %.3000s", WORDS[action], path != NULL ? path : id);
    return host_control_ask(config, line, err);
}

/* With the data directory to ourselves. */
static cim_status
act_alone(struct host_config *config, enum action action, const char *id, cim_error *err)
{
    struct host_assembly assembly;
    CIM_TRY(host_assemble(config, "plugin", HOST_LEVEL_PLUGINS, &assembly, err));
    const cim_status status = act(&assembly.app, action, id, err);
    host_disassemble(&assembly);
    return status;
}

static cim_status
do_it(struct host_config *config, enum action action, const char *id, cim_error *err)
{
    char holder[32];
    int64_t pid = 0;
    CIM_TRY(host_lock_holder(host_config_text(config, "var"), &pid, holder, err));
    return pid != 0 && strcmp(holder, "serve") == 0 ? ask(config, action, id, err)
                                                    : act_alone(config, action, id, err);
}

/* Says what goes and what stays, and asks. */
static cim_status
agree(struct host_config *config, enum action action, const char *id, bool agreed, cim_error *err)
{
    char line[128] = "";
    const bool purges = action == ACTION_PURGE;
    printf("删除：插件 %s 的文件%s。\nGone: the files of plugin %s%s.\n", id,
           purges ? "、下列数据表及其全部记录、可撤销的批量写入" : "", id,
           purges ? ", the tables below with all their records, edits that could be undone" : "");
    printf("保留：%s授权、账号、审计记录与变更日志。\nKept: %sgrants, accounts, audit and change "
           "log.\n\n",
           purges ? "" : "下列数据表及其记录（再次安装后继续使用）、",
           purges ? ""
                  : "the tables below with their records (installing it again goes on with "
                    "them), ");
    CIM_TRY(do_it(config, ACTION_TABLES, id, err));
    if (agreed) {
        return CIM_OK;
    }
    printf("\n输入插件编号以确认 / type the plugin's id to confirm: ");
    (void)fflush(stdout);
    if (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
    }
    return strcmp(line, id) == 0 ? CIM_OK
                                 : cim_fail(err, CIM_E_CANCELLED, NULL, NULL,
                                            "未确认，什么也没有做（脚本可用 --yes）",
                                            "not confirmed, nothing was done (scripts: --yes)");
}

static void
say_before(enum action action)
{
    if (action == ACTION_DISABLE) {
        printf("保留：全部业务数据、表结构、授权与审计记录。停止：该插件的图层、页面和接口，"
               "访问时答以 503；在途请求先完成。\n"
               "Kept: all records, tables, grants and audit. Stopped: its layers, pages and "
               "interfaces, which answer 503; requests in flight finish first.\n");
        (void)fflush(stdout);
    }
}

static void
say_after(enum action action, const char *id)
{
    if (action == ACTION_ENABLE) {
        printf("插件 %s 已启用 / plugin %s is enabled\n", id, id);
    } else if (action == ACTION_REHEARSE) {
        printf("试运行通过，一切照旧 / the rehearsal went well, nothing was changed\n");
    } else if (action == ACTION_DISABLE) {
        printf("插件 %s 已停用 / plugin %s is disabled\n", id, id);
    } else if (action == ACTION_UNINSTALL || action == ACTION_PURGE) {
        printf("插件 %s 已卸载 / plugin %s is uninstalled\n", id, id);
    }
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {
        {"dry-run", true}, {"purge", true}, {"yes", true}, {NULL, false}};
    struct host_args args;
    enum action action = ACTION_LIST;
    const char *id = NULL;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 2, &args, err));
    CIM_TRY(read_action(&args, &action, &id, err));
    say_before(action);
    if (action == ACTION_UNINSTALL || action == ACTION_PURGE) {
        CIM_TRY(agree(config, action, id, host_args_option(&args, "yes") != NULL, err));
    }
    CIM_TRY(do_it(config, action, id, err));
    say_after(action, id);
    return CIM_OK;
}

const struct host_verb host_verb_plugin = {
    .name = "plugin",
    .zh = "列出、启用、停用、卸载插件",
    .en = "list, enable, disable, uninstall plugins",
    .usage =
        "  cim-host plugin list\n"
        "  cim-host plugin enable ID [--dry-run]\n"
        "  cim-host plugin disable ID\n"
        "  cim-host plugin uninstall ID [--purge] [--yes]\n"
        "  cim-host plugin install FILE [--dry-run]\n"
        "  cim-host plugin rollback ID\n\n"
        "  install 以插件包（.tar.gz、.zip）安装或升级：先核对签名与清单、试行迁移，再替换文件；"
        "rollback 退回上一个版本。\n"
        "  install takes a bundle (.tar.gz, .zip): signature and manifest are checked and the "
        "migrations tried\n  before its files take the place of those there; rollback puts the "
        "version before back.\n"
        "  在 plugins.dirs 中查找插件；启用时执行其迁移，--dry-run 只在随后撤销的事务中试行。"
        "平台运行时由它执行。\n"
        "  Plugins are looked for in plugins.dirs; enabling one applies its migrations, "
        "--dry-run tries them\n  in a transaction that is rolled back. While the platform "
        "serves, it does what is asked.\n"
        "  卸载删除插件的文件，数据表保留；--purge 连同数据表删除。先列出去留并要求确认，--yes "
        "不再询问。\n"
        "  Uninstalling removes the plugin's files and keeps its tables; --purge drops them. "
        "What goes and\n  what stays is said first and asked; --yes does not ask.\n",
    .run = run,
};
