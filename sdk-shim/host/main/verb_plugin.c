/* host/main/verb_plugin.c -- lists, enables and disables plugins. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/plugins/plugins.h"

#include <json-c/json.h>
#include <stdio.h>

static const char *
state_text(enum host_plugin_state state)
{
    switch (state) {
    case HOST_PLUGIN_DISABLED:
        return "disabled";
    case HOST_PLUGIN_ENABLING:
        return "enabling";
    case HOST_PLUGIN_ENABLED:
        return "enabled";
    case HOST_PLUGIN_FAILED:
        return "failed";
    }
    return "?";
}

static void
print_plugin(void *arg, const struct host_plugin_info *info)
{
    struct json_object *version = NULL;
    (void)arg;
    (void)json_object_object_get_ex(info->manifest, "version", &version);
    printf("%-12s %-10s %-10s %s\n", info->id,
           version != NULL ? json_object_get_string(version) : "-", state_text(info->state),
           info->reason != NULL ? info->reason : "");
}

static void
note(struct host_app *app, const char *action, const char *id)
{
    const cim_audit_entry entry = {.struct_size = sizeof entry, .action = action, .layer = id};
    host_audit_note(app->audit, NULL, &entry);
}

static cim_status
act(struct host_app *app, const struct host_args *args, cim_error *err)
{
    const char *action = args->words[0];
    const char *id = args->n_words > 1 ? args->words[1] : NULL;
    if (strcmp(action, "list") == 0 && id == NULL) {
        host_plugins_each(app->plugins, print_plugin, NULL);
        return CIM_OK;
    }
    if (strcmp(action, "enable") == 0 && id != NULL) {
        CIM_TRY(host_plugins_enable(app->plugins, id, err));
        note(app, "plugin.enable", id);
        printf("插件 %s 已启用 / plugin %s is enabled\n", id, id);
        return CIM_OK;
    }
    if (strcmp(action, "disable") == 0 && id != NULL) {
        CIM_TRY(host_plugins_disable(app->plugins, id, err));
        note(app, "plugin.disable", id);
        printf("插件 %s 已停用 / plugin %s is disabled\n", id, id);
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, "action", action, "应为 list、enable ID 或 disable ID",
                    "expected list, enable ID or disable ID");
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{NULL, false}};
    struct host_args args;
    struct host_assembly assembly;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 2, &args, err));
    if (args.n_words == 0) {
        args.words[args.n_words++] = "list";
    }
    CIM_TRY(host_assemble(config, "plugin", HOST_LEVEL_PLUGINS, &assembly, err));
    const cim_status status = act(&assembly.app, &args, err);
    host_disassemble(&assembly);
    return status;
}

const struct host_verb host_verb_plugin = {
    .name = "plugin",
    .zh = "列出、启用、停用插件",
    .en = "list, enable, disable plugins",
    .usage = "  cim-host plugin list\n"
             "  cim-host plugin enable ID\n"
             "  cim-host plugin disable ID\n\n"
             "  在 plugins.dirs 中查找插件；启用时执行其迁移。\n"
             "  Plugins are looked for in plugins.dirs; enabling one applies its migrations.\n",
    .run = run,
};
