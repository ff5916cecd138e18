/* Finding the style files of enabled plugins: STYLES/ID.json, and the palettes of their variants,
 * STYLES/variants/NAME.json. */
#include "cim/util.h"
#include "host/plugins/plugin.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char id_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
enum { STYLE_ID_MAX = 64, KIN_MAX = 64 };

static bool
is_id(const char *text)
{
    const size_t len = strspn(text, id_chars);
    return len > 0 && len <= STYLE_ID_MAX && text[len] == '\0';
}

static bool
file_of(const struct host_plugin *plugin, const char *folder, const char *id, char *out,
        size_t out_size)
{
    char name[96];
    struct stat st;
    (void)snprintf(name, sizeof name, "%s%s.json", folder, id);
    return plugin->manifest->styles != NULL &&
           host_manifest_path(plugin->manifest, plugin->manifest->styles, name, out, out_size,
                              NULL) == CIM_OK &&
           stat(out, &st) == 0 && S_ISREG(st.st_mode);
}

/* The first enabled plugin that has the style, entered; NULL: none. */
static struct host_plugin *
enter(struct host_plugins *plugins, const char *style_id, char *out, size_t out_size)
{
    bool held[HOST_PLUGINS_MAX] = {false};
    struct host_plugin *found = NULL;
    if (is_id(style_id)) {
        (void)host_plugins_hold_open(plugins, held);
    }
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        struct host_plugin *plugin = plugins->plugins[i];
        if (held[i] && found == NULL && file_of(plugin, "", style_id, out, out_size)) {
            found = plugin;
        } else if (held[i]) {
            host_plugin_leave(plugin);
        }
    }
    return found;
}

cim_status
host_plugins_style_path(struct host_plugins *plugins, const char *style_id, char *out,
                        size_t out_size, cim_error *err)
{
    struct host_plugin *plugin = enter(plugins, style_id, out, out_size);
    if (plugin == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "styleId", style_id, "没有样式 %.64s",
                        "there is no style %.64s", style_id);
    }
    host_plugin_leave(plugin);
    return CIM_OK;
}

cim_status
host_plugins_style_palette(struct host_plugins *plugins, const char *style_id, const char *variant,
                           char *out, size_t out_size, cim_error *err)
{
    struct host_plugin *plugin = enter(plugins, style_id, out, out_size);
    const bool found =
        plugin != NULL && is_id(variant) && file_of(plugin, "variants/", variant, out, out_size);
    if (plugin != NULL) {
        host_plugin_leave(plugin);
    }
    return found ? CIM_OK
                 : cim_fail(err, CIM_E_NOTFOUND, "styleId", style_id, "样式 %.64s 没有变体 %.64s",
                            "the style %.64s has no variant %.64s", style_id, variant);
}

/* ---- all that go with a layer ---- */

struct names {
    size_t n;
    char items[KIN_MAX][STYLE_ID_MAX + 1];
};

static int
by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Names of FOLDER/PREFIX….json without the ending, in order. */
static void
list(const char *folder, const char *prefix, struct names *names)
{
    DIR *dir = opendir(folder);
    names->n = 0;
    for (const struct dirent *entry = dir != NULL ? readdir(dir) : NULL; entry != NULL;
         entry = readdir(dir)) {
        char name[sizeof entry->d_name];
        cim_copy_text(name, sizeof name, entry->d_name);
        char *dot = strstr(name, ".json");
        if (dot == NULL || dot[5] != '\0') {
            continue;
        }
        *dot = '\0';
        if (is_id(name) && strncmp(name, prefix, strlen(prefix)) == 0 && names->n < KIN_MAX) {
            cim_copy_text(names->items[names->n++], sizeof names->items[0], name);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    if (names->n > 1) {
        qsort(names->items, names->n, sizeof names->items[0], by_name);
    }
}

static cim_status
each_with_variants(const char *id, const struct names *variants,
                   cim_status (*each)(void *arg, const char *id, const char *variant,
                                      cim_error *err),
                   void *arg, cim_error *err)
{
    CIM_TRY(each(arg, id, NULL, err));
    for (size_t i = 0; i < variants->n; i++) {
        CIM_TRY(each(arg, id, variants->items[i], err));
    }
    return CIM_OK;
}

cim_status
host_plugins_each_style(struct host_plugins *plugins, const char *style_id,
                        cim_status (*each)(void *arg, const char *id, const char *variant,
                                           cim_error *err),
                        void *arg, cim_error *err)
{
    char path[4096];
    char prefix[STYLE_ID_MAX + 2];
    struct host_plugin *plugin = enter(plugins, style_id, path, sizeof path);
    if (plugin == NULL) {
        return CIM_OK;
    }
    struct names *kin = calloc(2, sizeof *kin);
    cim_status status = kin != NULL ? CIM_OK : cim_fail_nomem(err);
    if (status == CIM_OK) {
        struct names *variants = kin + 1;
        *strrchr(path, '/') = '\0';
        (void)snprintf(prefix, sizeof prefix, "%s-", style_id);
        list(path, prefix, kin);
        cim_copy_text(path + strlen(path), sizeof path - strlen(path), "/variants");
        list(path, "", variants);
        status = each_with_variants(style_id, variants, each, arg, err);
        for (size_t i = 0; i < kin->n && status == CIM_OK; i++) {
            status = each_with_variants(kin->items[i], variants, each, arg, err);
        }
    }
    host_plugin_leave(plugin);
    free(kin);
    return status;
}
