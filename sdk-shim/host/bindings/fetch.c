/* host/bindings/fetch.c -- from wherever a binding points, a file. */
#include "host/bindings/internal.h"

#include "cim/util.h"
#include "host/base/config.h"
#include "host/bindings/target.h"

#include <limits.h>

/* What it is, its bytes tell; the ending is of use for tables as text. */
static const char *
ending_of(const char *url)
{
    const char *dot = strrchr(url, '.');
    return dot != NULL && strlen(dot) <= 9 &&
                   strspn(dot + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"
                                   "KLMNOPQRSTUVWXYZ0123456789") == strlen(dot + 1)
               ? dot
               : "";
}

static cim_status
fetch_file(struct host_binding_fetch *fetch, cim_error *err)
{
    const char *url = fetch->binding->url;
    struct host_download *download = NULL;
    fetch->n = -1;
    if (url[0] == '/') {
        char path[PATH_MAX];
        CIM_TRY(host_target_check_file(fetch->app->config, url, path, err));
        cim_copy_text(fetch->path, sizeof fetch->path, path);
        return CIM_OK;
    }
    (void)snprintf(fetch->path, sizeof fetch->path, "%s/features%s", fetch->dir, ending_of(url));
    CIM_TRY(host_download_new(fetch, &download, err));
    const cim_status status = host_download_file(download, url, fetch->path, err);
    host_download_free(download);
    return status;
}

cim_status
host_binding_fetch(struct host_binding_fetch *fetch, cim_error *err)
{
    fetch->crs[0] = '\0';
    switch (fetch->binding->kind) {
    case HOST_BINDING_OGCAPI:
        cim_copy_text(fetch->crs, sizeof fetch->crs, "wgs84");
        return host_binding_fetch_ogcapi(fetch, err);
    case HOST_BINDING_WFS:
        return host_binding_fetch_wfs(fetch, err);
    case HOST_BINDING_TABLE:
        return host_binding_fetch_table(fetch, err);
    case HOST_BINDING_FILE:
    default:
        return fetch_file(fetch, err);
    }
}

cim_status
host_binding_raster_path(struct host_app *app, const char *role, char *out, size_t size,
                         cim_error *err)
{
    const int n =
        snprintf(out, size, "%s/bindings/%s.tif", host_config_text(app->config, "var"), role);
    return n > 0 && (size_t)n < size ? CIM_OK
                                     : cim_fail(err, CIM_E_INVALID, "var", NULL, "数据目录路径过长",
                                                "the path of the data directory is too long");
}
