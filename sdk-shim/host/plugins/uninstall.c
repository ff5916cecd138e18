/* Taking a plugin away: its files, and its tables where that is asked for. */
#include "cim/util.h"
#include "host/base/log.h"
#include "host/plugins/plugin.h"
#include "host/store/store.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

enum { OPEN_DIRS = 16 };

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path); /* a link, never what it leads to: FTW_PHYS */
}

/* Asked before anything is done: a plugin of a system package is removed with the package. */
static cim_status
check_removable(const struct host_plugin *plugin, cim_error *err)
{
    char parent[4096];
    (void)snprintf(parent, sizeof parent, "%.4000s/..", plugin->dir);
    return access(plugin->dir, W_OK | X_OK) == 0 && access(parent, W_OK | X_OK) == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_STATE, "plugins.dirs", plugin->dir,
                          "%.200s 不可由平台删除：请用安装它的方式（如软件包）卸载",
                          "%.200s cannot be removed by the platform: uninstall it the way it was "
                          "installed (its package)",
                          plugin->dir);
}

static cim_status
remove_files(const struct host_plugin *plugin, cim_error *err)
{
    char text[128];
    if (nftw(plugin->dir, remove_one, OPEN_DIRS, FTW_DEPTH | FTW_PHYS) == 0) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_IO, "plugins.dirs", plugin->dir, "%.200s 未能完全删除：%s",
                    "%.200s could not be removed whole: %s", plugin->dir,
                    strerror_r(errno, text, sizeof text));
}

cim_status
host_plugins_uninstall(struct host_plugins *plugins, const char *id, bool with_tables,
                       cim_error *err)
{
    char migrations[4096];
    struct host_plugin *plugin = host_plugins_find(plugins, id);
    CIM_TRY(host_plugins_migrations(plugins, id, migrations, sizeof migrations, err));
    CIM_TRY(check_removable(plugin, err));
    CIM_TRY(host_plugins_disable(plugins, id, err));
    if (with_tables && migrations[0] != '\0') {
        CIM_TRY(host_store_purge(plugins->app->store, id, migrations, err));
    }
    CIM_TRY(remove_files(plugin, err));
    (void)pthread_mutex_lock(&plugins->lock);
    plugin->gone = true;
    (void)pthread_mutex_unlock(&plugins->lock);
    host_log(CIM_LOG_INFO, "plugins", "%s: uninstalled%s", id,
             with_tables ? ", its tables dropped" : ", its tables kept");
    return CIM_OK;
}

cim_status
host_plugins_tables(struct host_plugins *plugins, const char *id,
                    void (*each)(void *arg, const char *table, int64_t n_rows), void *arg,
                    cim_error *err)
{
    char migrations[4096];
    CIM_TRY(host_plugins_migrations(plugins, id, migrations, sizeof migrations, err));
    return migrations[0] != '\0'
               ? host_store_tables_of(plugins->app->store, id, migrations, each, arg, err)
               : CIM_OK;
}
