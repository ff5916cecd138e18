/* host/main/plugin_act.c -- see plugin_act.h. */
#include "plugin_act.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/bundles/bundles.h"

#include <stdio.h>
#include <string.h>

static void
note(struct host_app *app, const char *action, const char *id)
{
    const cim_audit_entry entry = {.struct_size = sizeof entry, .action = action, .layer = id};
    host_audit_note(app->audit, NULL, &entry);
}

cim_status
host_plugin_act(struct host_app *app, const char *word, const char *id, host_progress_fn progress,
                void *arg, cim_error *err)
{
    if (strcmp(word, "enable") == 0) {
        CIM_TRY(host_plugins_enable_telling(app->plugins, id, progress, arg, err));
        note(app, "plugin.enable", id);
        return CIM_OK;
    }
    if (strcmp(word, "disable") == 0) {
        CIM_TRY(host_plugins_disable(app->plugins, id, err));
        note(app, "plugin.disable", id);
        return CIM_OK;
    }
    if (strcmp(word, "rehearse") == 0) {
        return host_plugins_rehearse(app->plugins, id, progress, arg, err);
    }
    if (strcmp(word, "uninstall") == 0 || strcmp(word, "purge") == 0) {
        CIM_TRY(host_plugins_uninstall(app->plugins, id, strcmp(word, "purge") == 0, err));
        note(app, strcmp(word, "purge") == 0 ? "plugin.purge" : "plugin.uninstall", id);
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, "action", word,
                    "应为 enable、rehearse、disable、uninstall 或 purge",
                    "expected enable, rehearse, disable, uninstall or purge");
}

cim_status
host_plugin_bundle_act(struct host_app *app, const char *word, const char *what,
                       void (*say)(void *arg, const char *line), void *arg, cim_error *err)
{
    const bool back = strcmp(word, "rollback") == 0;
    const bool tries = strcmp(word, "try") == 0;
    struct host_bundle_report report = {.id = ""};
    char line[HOST_BUNDLE_LINE_MAX];
    CIM_TRY(back ? host_bundle_rollback(app, what, &report, err)
                 : host_bundle_install(app, what, tries, say, arg, &report, err));
    if (!tries) {
        note(app, back ? "plugin.rollback" : "plugin.install", report.id);
    }
    (void)snprintf(line, sizeof line, "%s %s%s%s%s", report.id, report.from,
                   report.from[0] != '\0' ? " -> " : "", report.version,
                   tries               ? "（试行 / rehearsed）"
                   : report.takes_over ? "（新工作进程接替 / a new worker takes over）"
                                       : "");
    say(arg, line);
    return CIM_OK;
}
