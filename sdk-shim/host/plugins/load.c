/* From a library on disk to a descriptor that fits its manifest. */
#include "cim/util.h"
#include "host/plugins/plugin.h"
#include "kit/cleanup.h"

#include <dlfcn.h>

#define ENTRY_NAME "cim_plugin_entry_v1"

/* Far more than a newer SDK may have appended: past it the field holds no size. */
enum { DESC_SIZE_MAX = 4096 };

_Static_assert(sizeof(cim_plugin_desc) == CIM_PLUGIN_DESC_SIZE_V1_0,
               "the descriptor grew: keep the first size, and raise CIM_ABI_MINOR");

static cim_status
mismatch(const struct host_plugin *plugin, const char *what, const char *found,
         const char *expected, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, what, found, "%.120s：%s 为“%.80s”，应为%.120s",
                    "%.120s: %s is '%.80s', expected %.120s", plugin->manifest->library, what,
                    found, expected);
}

static cim_status
mismatch_number(const struct host_plugin *plugin, const char *what, uint32_t found,
                const char *relation, uint32_t expected, cim_error *err)
{
    char found_text[16];
    char expected_text[64];
    (void)snprintf(found_text, sizeof found_text, "%u", found);
    (void)snprintf(expected_text, sizeof expected_text, "%s%u", relation, expected);
    return mismatch(plugin, what, found_text, expected_text, err);
}

static cim_status
check_services(const struct host_plugin *plugin, const cim_plugin_desc *desc, cim_error *err)
{
    for (size_t i = 0; desc->required_services != NULL && desc->required_services[i] != NULL; i++) {
        const char *service = desc->required_services[i];
        if (!host_service_exists(service)) {
            return mismatch(plugin, "required_services", service, "a service that this host has",
                            err);
        }
        if (!host_manifest_has_service(plugin->manifest, service)) {
            return mismatch(plugin, "required_services", service,
                            "a service that the manifest lists", err);
        }
    }
    return CIM_OK;
}

static cim_status
check_desc(const struct host_plugin *plugin, const cim_plugin_desc *desc, cim_error *err)
{
    const struct host_manifest *manifest = plugin->manifest;
    if (desc->abi_major != CIM_ABI_MAJOR) {
        return mismatch_number(plugin, "abi_major", desc->abi_major, "", CIM_ABI_MAJOR, err);
    }
    if (desc->min_host_minor > CIM_ABI_MINOR) {
        return mismatch_number(plugin, "min_host_minor", desc->min_host_minor, "at most ",
                               CIM_ABI_MINOR, err);
    }
    if (desc->id == NULL || strcmp(desc->id, manifest->id) != 0) {
        return mismatch(plugin, "id", desc->id != NULL ? desc->id : "NULL", manifest->id, err);
    }
    if (desc->version == NULL || strcmp(desc->version, manifest->version) != 0) {
        char expected[96];
        (void)snprintf(expected, sizeof expected, "%.40s (restart the platform after an upgrade)",
                       manifest->version);
        return mismatch(plugin, "version", desc->version != NULL ? desc->version : "NULL", expected,
                        err);
    }
    if (desc->thread_model > CIM_THREADS_PARALLEL) {
        return mismatch_number(plugin, "thread_model", desc->thread_model, "at most ",
                               CIM_THREADS_PARALLEL, err);
    }
    if (desc->flags != 0) {
        return mismatch_number(plugin, "flags", desc->flags, "", 0, err);
    }
    if (desc->init == NULL || desc->destroy == NULL) {
        return mismatch(plugin, desc->init == NULL ? "init" : "destroy", "NULL", "a function", err);
    }
    if ((desc->worker_enter == NULL) != (desc->worker_leave == NULL)) {
        return mismatch(plugin, desc->worker_enter == NULL ? "worker_enter" : "worker_leave",
                        "NULL", "both of worker_enter and worker_leave, or none", err);
    }
    return check_services(plugin, desc, err);
}

/* dlerror() names the file and the symbol; it has no Chinese form. */
static cim_status
fail_dl(const char *path, cim_error *err)
{
    const char *text = dlerror();
    return cim_fail(err, CIM_E_INVALID, "library", path, "无法加载插件库：%.300s",
                    "the library cannot be loaded: %.300s", text != NULL ? text : path);
}

cim_status
host_plugin_load(struct host_plugin *plugin, cim_error *err)
{
    char path[4096];
    void *symbol = NULL;
    const cim_plugin_desc *(*entry)(void) = NULL;
    const cim_plugin_desc *theirs = NULL;
    cim_plugin_desc desc;
    CIM_TRY(host_manifest_path(plugin->manifest, plugin->manifest->library, NULL, path, sizeof path,
                               err));
    /* Never closed again: the libraries below a plugin keep thread-local state with destructors. */
    plugin->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (plugin->library == NULL) {
        return fail_dl(path, err);
    }
    CIM_TRY(host_file_hash(path, plugin->library_hash, NULL, err));
    symbol = dlsym(plugin->library, ENTRY_NAME);
    if (symbol == NULL) {
        return cim_fail(err, CIM_E_INVALID, "library", path, "%.200s：没有导出函数 " ENTRY_NAME,
                        "%.200s: expected an exported function " ENTRY_NAME ", found none", path);
    }
    memcpy(&entry, &symbol, sizeof entry);
    theirs = entry();
    if (theirs == NULL) {
        return mismatch(plugin, ENTRY_NAME "()", "NULL", "a descriptor", err);
    }
    if (theirs->struct_size < CIM_PLUGIN_DESC_SIZE_V1_0) {
        return mismatch_number(plugin, "struct_size", theirs->struct_size, "at least ",
                               CIM_PLUGIN_DESC_SIZE_V1_0, err);
    }
    if (theirs->struct_size > DESC_SIZE_MAX) {
        return mismatch_number(plugin, "struct_size", theirs->struct_size, "at most ",
                               DESC_SIZE_MAX, err);
    }
    memset(&desc, 0, sizeof desc);
    memcpy(&desc, theirs, theirs->struct_size < sizeof desc ? theirs->struct_size : sizeof desc);
    CIM_TRY(check_desc(plugin, &desc, err));
    plugin->desc = desc;
    return CIM_OK;
}
