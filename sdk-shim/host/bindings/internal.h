/* host/bindings/internal.h -- what the files of this folder share. */
#ifndef HOST_BINDINGS_INTERNAL_H
#define HOST_BINDINGS_INTERNAL_H

#include "host/bindings/bindings.h"

enum { HOST_BINDING_PATH_MAX = 1000, HOST_BINDING_SAMPLE = 100 };

/* What a fetch needs and what comes of it. The texts of `binding` are used, its password too. */
struct host_binding_fetch {
    struct host_app *app;
    const struct host_binding *binding;
    const char *dir; /* of our own, where files may be written */
    int64_t limit;   /* records at most; 0: all */
    /* Told now and then; non-zero cancels. */
    int32_t (*progress)(void *arg);
    void *arg;
    /* results */
    char path[HOST_BINDING_PATH_MAX]; /* of the file to import */
    char crs[32];                     /* that the service names, or ""; the binding's own wins */
    int64_t n;                        /* records in it; -1: not known */
};
/* Whatever kind it is (fetch.c). CIM_E_IO: the source is down or says something else; never holds
 * a password. */
cim_status host_binding_fetch(struct host_binding_fetch *fetch, cim_error *err);

/* Pages of an OGC API, or of a WFS (features.c). */
cim_status host_binding_fetch_ogcapi(struct host_binding_fetch *fetch, cim_error *err);
cim_status host_binding_fetch_wfs(struct host_binding_fetch *fetch, cim_error *err);
/* A table, as GeoPackage (table.c). */
cim_status host_binding_fetch_table(struct host_binding_fetch *fetch, cim_error *err);

/* Where the copy of a raster lies. */
cim_status host_binding_raster_path(struct host_app *app, const char *role, char *out, size_t size,
                                    cim_error *err);
/* CIM_E_INVALID: it is no GeoTIFF with a place on the earth. */
cim_status host_binding_check_raster(const char *path, cim_error *err);

/* ---- one request (download.c) ---- */

enum { HOST_DOWNLOAD_PAGE_MAX = 64 << 20, HOST_DOWNLOAD_TOTAL_S = 600 };
#define HOST_DOWNLOAD_FILE_MAX (INT64_C(2) << 30)

struct host_download;
cim_status host_download_new(struct host_binding_fetch *fetch, struct host_download **ret_download,
                             cim_error *err);
void host_download_free(struct host_download *download); /* NULL-safe */
/* The body of an answer 200; `accept` may be NULL. The address is checked against bindings.hosts.
 */
cim_status host_download_text(struct host_download *download, const char *url, const char *accept,
                              struct cim_buf *out, cim_error *err);
cim_status host_download_file(struct host_download *download, const char *url, const char *path,
                              cim_error *err);

#endif
