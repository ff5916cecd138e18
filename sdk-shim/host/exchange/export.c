/* host/exchange/export.c -- a layer into a file that appears whole or not at all: it grows in a
 * folder of its own beside its place and is moved there when it is finished. */
#include "host/exchange/export_dataset.h"
#include "host/exchange/export_sheet.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <cpl_vsi.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ZIP_COPY_BYTES = 1 << 16 };

static const struct {
    const char *name;
    const char *extension;
    enum host_export_format format;
} formats[] = {
    {"geojson", ".geojson", HOST_EXPORT_GEOJSON},
    {"geojson", ".json", HOST_EXPORT_GEOJSON},
    {"geojsonl", ".geojsonl", HOST_EXPORT_GEOJSONL},
    {"csv", ".csv", HOST_EXPORT_CSV},
    {"gpkg", ".gpkg", HOST_EXPORT_GPKG},
    {"shp", ".shp", HOST_EXPORT_SHP},
    {"shp", ".zip", HOST_EXPORT_SHP},
    {"kml", ".kml", HOST_EXPORT_KML},
    {"gml", ".gml", HOST_EXPORT_GML},
    {"dxf", ".dxf", HOST_EXPORT_DXF},
    {"xlsx", ".xlsx", HOST_EXPORT_XLSX},
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static bool
ends_with(const char *path, const char *extension)
{
    const size_t len = strlen(path);
    const size_t n = strlen(extension);
    return len > n && strcasecmp(path + len - n, extension) == 0;
}

cim_status
host_export_format_of(const char *name, const char *path, enum host_export_format *ret_format,
                      cim_error *err)
{
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (name != NULL ? strcasecmp(name, formats[i].name) == 0
                         : ends_with(path, formats[i].extension)) {
            *ret_format = formats[i].format;
            return CIM_OK;
        }
    }
    return cim_fail(err, CIM_E_INVALID, "format", name != NULL ? name : path,
                    "导出格式应为 geojson、geojsonl、csv、gpkg、shp、kml、gml、dxf 或 xlsx",
                    "format: expected geojson, geojsonl, csv, gpkg, shp, kml, gml, dxf or xlsx");
}

static const char *
extension_of(enum host_export_format format)
{
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (formats[i].format == format) {
            return formats[i].extension;
        }
    }
    return "";
}

static cim_status
os_fail(const char *path, cim_error *err)
{
    char reason[128] = "";
    const int os = errno;
    const char *text = strerror_r(os, reason, sizeof reason);
    const cim_status status = cim_fail(err, CIM_E_IO, "path", path, "无法写入“%s”（%s）",
                                       "'%s' cannot be written (%s)", path, text);
    if (err != NULL) {
        err->os_errno = os;
    }
    return status;
}

/* ---- the folder in which the file grows ---- */

struct growth {
    char dir[HOST_PATH_MAX];
    char file[HOST_PATH_MAX + 64];
};

static cim_status
growth_open(const char *path, enum host_export_format format, struct growth *ret_growth,
            cim_error *err)
{
    const char *slash = strrchr(path, '/');
    const int len = slash != NULL ? (int)(slash - path) : 1;
    const int n = snprintf(ret_growth->dir, sizeof ret_growth->dir, "%.*s/.cim-export-XXXXXX",
                           len > 0 ? len : 0, slash != NULL ? path : ".");
    if (n < 0 || (size_t)n >= sizeof ret_growth->dir) {
        return cim_fail(err, CIM_E_TOO_LARGE, "path", path, "路径过长", "the path is too long");
    }
    if (mkdtemp(ret_growth->dir) == NULL) {
        return os_fail(path, err);
    }
    (void)snprintf(ret_growth->file, sizeof ret_growth->file, "%s/layer%s", ret_growth->dir,
                   extension_of(format));
    return CIM_OK;
}

typedef cim_status (*part_fn)(void *arg, const char *path, const char *name, cim_error *err);

/* Calls `each` for every file of the folder, by name. */
static cim_status
each_part(const struct growth *growth, part_fn each, void *arg, cim_error *err)
{
    DIR *dir = opendir(growth->dir);
    const struct dirent *entry = NULL;
    cim_status status = CIM_OK;
    if (dir == NULL) {
        return os_fail(growth->dir, err);
    }
    while (status == CIM_OK && (entry = readdir(dir)) != NULL) {
        char path[HOST_PATH_MAX + 300];
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s", growth->dir, entry->d_name);
            status = each(arg, path, entry->d_name, err);
        }
    }
    (void)closedir(dir); /* only read */
    return status;
}

static cim_status
remove_part(void *arg, const char *path, const char *name, cim_error *err)
{
    (void)arg;
    (void)name;
    (void)err;
    (void)unlink(path); /* what cannot be removed stays, hidden */
    return CIM_OK;
}

static void
growth_done(const struct growth *growth)
{
    (void)each_part(growth, remove_part, NULL, NULL);
    (void)rmdir(growth->dir);
}

/* ---- into its place ---- */

/* layer.shp -> PATH with the same ending; other formats have one file. */
static cim_status
move_part(void *arg, const char *path, const char *name, cim_error *err)
{
    const char *target = arg;
    char moved[HOST_PATH_MAX + 300];
    const char *dot = strrchr(name, '.');
    if (ends_with(target, ".shp") && dot != NULL) {
        (void)snprintf(moved, sizeof moved, "%.*s%s", (int)strlen(target) - 4, target, dot);
    } else {
        (void)snprintf(moved, sizeof moved, "%s", target);
    }
    return rename(path, moved) == 0 ? CIM_OK : os_fail(moved, err);
}

struct zip {
    const char *archive;
    const char *stem;
};

static cim_status
copy_into(VSILFILE *to, FILE *from, const char *name, cim_error *err)
{
    CIM_AUTO_FREE char *bytes = malloc(ZIP_COPY_BYTES);
    size_t n = 0;
    if (bytes == NULL) {
        return cim_fail_nomem(err);
    }
    while ((n = fread(bytes, 1, ZIP_COPY_BYTES, from)) > 0) {
        if (VSIFWriteL(bytes, 1, n, to) != n) {
            return cim_fail(err, CIM_E_IO, "path", name, "压缩包写入失败",
                            "the archive could not be written");
        }
    }
    return CIM_OK;
}

static cim_status
zip_part(void *arg, const char *path, const char *name, cim_error *err)
{
    const struct zip *zip = arg;
    char entry[HOST_PATH_MAX * 2];
    const char *dot = strrchr(name, '.');
    struct host_gdal_errors errors = {0};
    cim_status status = CIM_OK;
    VSILFILE *to = NULL;
    FILE *from = NULL;
    if (ends_with(name, ".zip")) {
        return CIM_OK;
    }
    from = fopen(path, "rbe");
    if (from == NULL) {
        return os_fail(path, err);
    }
    (void)snprintf(entry, sizeof entry, "/vsizip/%s/%s%s", zip->archive, zip->stem,
                   dot != NULL ? dot : "");
    host_gdal_enter(&errors);
    to = VSIFOpenL(entry, "wb");
    status = to != NULL ? copy_into(to, from, name, err)
                        : cim_fail(err, CIM_E_IO, "path", name, "压缩包写入失败：%s",
                                   "the archive could not be written: %s", errors.first);
    if (to != NULL && VSIFCloseL(to) != 0 && status == CIM_OK) {
        status = cim_fail(err, CIM_E_IO, "path", name, "压缩包写入失败",
                          "the archive could not be written");
    }
    host_gdal_leave();
    (void)fclose(from); /* only read */
    return status;
}

static cim_status
move_home(const struct growth *growth, const char *path, const char *stem, cim_error *err)
{
    char archive[HOST_PATH_MAX + 64];
    struct zip zip = {.archive = archive, .stem = stem};
    if (!ends_with(path, ".zip")) {
        return each_part(growth, move_part, (void *)(uintptr_t)path, err);
    }
    (void)snprintf(archive, sizeof archive, "%s/layer.zip", growth->dir);
    CIM_TRY(each_part(growth, zip_part, &zip, err));
    return rename(archive, path) == 0 ? CIM_OK : os_fail(path, err);
}

/* ---- the rows ---- */

/* One of the two that write files. */
struct sink {
    bool is_sheet;
    struct host_export_sheet sheet;
    struct host_export_dataset dataset;
};

static cim_status
sink_open(const struct growth *growth, const struct cim_definition *definition,
          const cim_rows *rows, const struct host_export_options *options, struct sink *ret_sink,
          cim_error *err)
{
    ret_sink->is_sheet = options->format == HOST_EXPORT_XLSX;
    return ret_sink->is_sheet ? host_export_sheet_open(growth->file, growth->dir, definition, rows,
                                                       &ret_sink->sheet, err)
                              : host_export_dataset_open(growth->file, definition, rows, options,
                                                         &ret_sink->dataset, err);
}

static cim_status
sink_close(struct sink *sink, cim_error *err)
{
    return sink->is_sheet ? host_export_sheet_close(&sink->sheet, err)
                          : host_export_dataset_close(&sink->dataset, err);
}

static cim_status
write_rows(cim_rows *rows, const struct growth *growth, const struct cim_definition *definition,
           const struct host_export_options *options, int64_t *ret_count, cim_error *err)
{
    struct sink sink;
    cim_status status = CIM_OK;
    const cim_batch *batch = NULL;
    int64_t count = 0;
    CIM_TRY(sink_open(growth, definition, rows, options, &sink, err));
    while (status == CIM_OK) {
        status = rows->next(rows, &batch, err);
        if (status != CIM_OK || batch->n_rows == 0) {
            break;
        }
        status = sink.is_sheet ? host_export_sheet_add(&sink.sheet, batch, err)
                               : host_export_dataset_add(&sink.dataset, batch, err);
        count += batch->n_rows;
        if (status == CIM_OK && options->progress != NULL &&
            options->progress(options->arg, count) != 0) {
            status = cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "导出已取消",
                              "the export was cancelled");
        }
    }
    if (status == CIM_OK) {
        CIM_TRY(sink_close(&sink, err));
        *ret_count = count;
    } else {
        (void)sink_close(&sink, NULL); /* told already */
    }
    return status;
}

cim_status
host_exchange_export(const cim_layer *layer, const struct cim_definition *definition,
                     const cim_call *call, const cim_query *query, const char *path,
                     const struct host_export_options *options, int64_t *ret_count, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct growth growth;
    struct stat info;
    int64_t count = 0;
    cim_status status = CIM_OK;
    if (lstat(path, &info) == 0) {
        return cim_fail(err, CIM_E_EXISTS, "path", path, "文件已存在，不会覆盖",
                        "there is a file already, it is not overwritten");
    }
    CIM_TRY(layer->query(layer->self, call, query, &rows, err));
    CIM_TRY(growth_open(path, options->format, &growth, err));
    status = write_rows(rows, &growth, definition, options, &count, err);
    if (status == CIM_OK) {
        status = move_home(&growth, path, definition->table, err);
    }
    growth_done(&growth);
    if (status == CIM_OK && ret_count != NULL) {
        *ret_count = count;
    }
    return status;
}
