/* host/exchange/export_growth.c -- see export_file.h. */
#include "host/exchange/export_file.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <cpl_vsi.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ZIP_COPY_BYTES = 1 << 16 };

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

cim_status
host_growth_open(const char *path, enum host_export_format format, struct host_growth *ret_growth,
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
    ret_growth->format = format;
    (void)snprintf(ret_growth->file, sizeof ret_growth->file, "%s/layer%s", ret_growth->dir,
                   host_export_kind_of(format)->ending);
    return CIM_OK;
}

void
host_growth_done(const struct host_growth *growth)
{
    host_folder_remove(growth->dir);
}

typedef cim_status (*part_fn)(void *arg, const char *path, const char *name, cim_error *err);

/* Calls `each` for every file of a folder. */
static cim_status
each_part(const char *folder, part_fn each, void *arg, cim_error *err)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry = NULL;
    cim_status status = CIM_OK;
    if (dir == NULL) {
        return os_fail(folder, err);
    }
    while (status == CIM_OK && (entry = readdir(dir)) != NULL) {
        char path[HOST_PATH_MAX + 400];
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            status = each(arg, path, entry->d_name, err);
        }
    }
    (void)closedir(dir); /* only read */
    return status;
}

/* layer.shp -> PATH with the same ending; other formats are one file, or one folder. */
static cim_status
move_part(void *arg, const char *path, const char *name, cim_error *err)
{
    const char *target = arg;
    char moved[HOST_PATH_MAX + 300];
    const char *dot = strrchr(name, '.');
    if (host_export_ends_with(target, ".shp") && dot != NULL) {
        (void)snprintf(moved, sizeof moved, "%.*s%s", (int)strlen(target) - 4, target, dot);
    } else {
        (void)snprintf(moved, sizeof moved, "%s", target);
    }
    return rename(path, moved) == 0 ? CIM_OK : os_fail(moved, err);
}

struct zip {
    const struct host_growth *growth;
    char archive[HOST_PATH_MAX + 64];
    const char *stem;
};

/* A KML within a KMZ without the folder around its places, which GDAL's driver puts on lines of its
 * own: LIBKML finds the attributes of places in a document alone. */
static cim_status
copy_kml(VSILFILE *to, FILE *from, cim_error *err)
{
    static const char open[] = "<Folder><name>";
    static const char close[] = "</Folder>";
    CIM_AUTO_FREE char *line = NULL;
    size_t capacity = 0;
    ssize_t n = 0;
    while ((n = getline(&line, &capacity, from)) > 0) {
        if (strncmp(line, open, sizeof open - 1) != 0 &&
            strncmp(line, close, sizeof close - 1) != 0 &&
            VSIFWriteL(line, 1, (size_t)n, to) != (size_t)n) {
            return cim_fail(err, CIM_E_IO, "path", "doc.kml", "压缩包写入失败",
                            "the archive could not be written");
        }
    }
    return CIM_OK;
}

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

/* What a part is called in the archive. */
static void
name_entry(const struct zip *zip, const char *name, char *out, size_t size)
{
    const char *dot = strrchr(name, '.');
    if (zip->growth->format == HOST_EXPORT_KMZ) {
        (void)snprintf(out, size, "/vsizip/%s/doc.kml", zip->archive);
    } else if (zip->growth->format == HOST_EXPORT_FILEGDB) {
        (void)snprintf(out, size, "/vsizip/%s/%s.gdb/%s", zip->archive, zip->stem, name);
    } else {
        (void)snprintf(out, size, "/vsizip/%s/%s%s", zip->archive, zip->stem,
                       dot != NULL ? dot : "");
    }
}

static cim_status
zip_part(void *arg, const char *path, const char *name, cim_error *err)
{
    const struct zip *zip = arg;
    char entry[HOST_PATH_MAX * 2];
    struct host_gdal_errors errors = {0};
    cim_status status = CIM_OK;
    VSILFILE *to = NULL;
    FILE *from = NULL;
    if (host_export_ends_with(name, ".zip")) {
        return CIM_OK;
    }
    from = fopen(path, "rbe");
    if (from == NULL) {
        return os_fail(path, err);
    }
    name_entry(zip, name, entry, sizeof entry);
    host_gdal_enter(&errors);
    to = VSIFOpenL(entry, "wb");
    status = to != NULL && zip->growth->format == HOST_EXPORT_KMZ ? copy_kml(to, from, err)
             : to != NULL                                         ? copy_into(to, from, name, err)
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

cim_status
host_growth_move(const struct host_growth *growth, const char *path, const char *stem,
                 cim_error *err)
{
    struct zip zip = {.growth = growth, .stem = stem};
    const char *folder = growth->format == HOST_EXPORT_FILEGDB ? growth->file : growth->dir;
    if (growth->format != HOST_EXPORT_KMZ && !host_export_ends_with(path, ".zip")) {
        return each_part(growth->dir, move_part, (void *)(uintptr_t)path, err);
    }
    (void)snprintf(zip.archive, sizeof zip.archive, "%s/layer.zip", growth->dir);
    CIM_TRY(each_part(folder, zip_part, &zip, err));
    return rename(zip.archive, path) == 0 ? CIM_OK : os_fail(path, err);
}
