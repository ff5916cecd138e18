/* host/exchange/workdir.c -- the private folder of an import: links to the caller's files, or what
 * was taken out of a zip archive (archive.c), under names of our own. */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const host_shapefile_parts[HOST_SHAPEFILE_PARTS] = {"shp", "shx", "dbf", "prj", "cpg"};

cim_status
host_workdir_fail(const char *what, cim_error *err)
{
    char reason[128] = "";
    const int os = errno;
    const char *text = strerror_r(os, reason, sizeof reason);
    const cim_status status = cim_fail(err, CIM_E_IO, "file", what, "“%s”无法建立（%s）",
                                       "'%s' cannot be made (%s)", what, text);
    if (err != NULL) {
        err->os_errno = os;
    }
    return status;
}

void
host_workdir_path(const struct host_workdir *work, const char *extension, char *out,
                  size_t capacity)
{
    (void)snprintf(out, capacity, "%s/layer.%s", work->dir, extension);
}

static cim_status
link_in(const struct host_workdir *work, const char *path, const char *extension, cim_error *err)
{
    char inner[HOST_PATH_MAX + 32];
    host_workdir_path(work, extension, inner, sizeof inner);
    return symlink(path, inner) == 0 ? CIM_OK : host_workdir_fail(inner, err);
}

/* The files that make up one Shapefile, whatever the case of their endings. */
static cim_status
link_shapefile(const struct host_workdir *work, const char *path, cim_error *err)
{
    const size_t len = strlen(path);
    char sibling[HOST_PATH_MAX + 32];
    for (size_t i = 0; i < HOST_SHAPEFILE_PARTS; i++) {
        struct stat info;
        bool found = false;
        if (len < 4 || path[len - 4] != '.') {
            return i == 0 ? link_in(work, path, "shp", err) : CIM_OK;
        }
        for (int upper = 0; upper < 2 && !found; upper++) {
            (void)snprintf(sibling, sizeof sibling, "%.*s%s", (int)len - 3, path,
                           host_shapefile_parts[i]);
            for (char *c = sibling + len - 3; upper != 0 && *c != '\0'; c++) {
                *c = (char)(*c - 'a' + 'A');
            }
            found = lstat(sibling, &info) == 0;
        }
        if (found) {
            CIM_TRY(strcmp(host_shapefile_parts[i], "cpg") == 0 && info.st_size == 0
                        ? CIM_OK
                        : host_file_check(sibling, err));
            CIM_TRY(link_in(work, sibling, host_shapefile_parts[i], err));
        }
    }
    return CIM_OK;
}

bool
host_geodatabase_part(const char *name)
{
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") ==
               strlen(name) &&
           name[0] != '.' && strlen(name) <= HOST_GEODATABASE_NAME_MAX;
}

static cim_status
link_geodatabase(const struct host_workdir *work, const char *path, cim_error *err)
{
    char folder[HOST_PATH_MAX + 32];
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    cim_status status = CIM_OK;
    host_workdir_path(work, "gdb", folder, sizeof folder);
    if (dir == NULL || mkdir(folder, 0700) != 0) {
        status = host_workdir_fail(path, err);
    }
    while (status == CIM_OK && (entry = readdir(dir)) != NULL) {
        char from[HOST_PATH_MAX + HOST_GEODATABASE_NAME_MAX + 2];
        char to[HOST_PATH_MAX + HOST_GEODATABASE_NAME_MAX + 34];
        struct stat info;
        if (!host_geodatabase_part(entry->d_name)) {
            continue;
        }
        (void)snprintf(from, sizeof from, "%s/%s", path, entry->d_name);
        (void)snprintf(to, sizeof to, "%s/%s", folder, entry->d_name);
        if (lstat(from, &info) == 0 && S_ISREG(info.st_mode) && symlink(from, to) != 0) {
            status = host_workdir_fail(to, err);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir); /* only read */
    }
    return status;
}

static cim_status
check_whole(const struct host_workdir *work, cim_error *err)
{
    const struct host_format *format = host_format_of(work->kind);
    struct stat info;
    if ((format->flags & HOST_FORMAT_WHOLE) == 0 || stat(work->file, &info) != 0 ||
        info.st_size <= HOST_IMPORT_WHOLE_BYTES_MAX) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_TOO_LARGE, "file", format->name,
                    "%s 文件须整体读入内存，上限 %d 字节；更大的数据请用 GeoPackage、GeoJSONSeq "
                    "或 CSV",
                    "a %s is read whole into memory, so at most %d bytes: use GeoPackage, "
                    "GeoJSONSeq or CSV for more",
                    format->name, HOST_IMPORT_WHOLE_BYTES_MAX);
}

static cim_status
fill(struct host_workdir *work, const char *path, const char *wanted, cim_error *err)
{
    if (work->kind == HOST_FILE_ZIP) {
        CIM_TRY(host_archive_open(work, path, wanted, err));
    }
    if (work->kind == HOST_FILE_SHAPEFILE && !work->unpacked) {
        CIM_TRY(link_shapefile(work, path, err));
    } else if (work->kind == HOST_FILE_FILEGDB && !work->unpacked) {
        CIM_TRY(link_geodatabase(work, path, err));
    } else if (!work->unpacked) {
        CIM_TRY(link_in(work, path, host_format_of(work->kind)->extension, err));
    }
    host_workdir_path(work, host_format_of(work->kind)->extension, work->file, sizeof work->file);
    return check_whole(work, err);
}

cim_status
host_workdir_open(const char *path, const char *source_layer, const char *parent,
                  struct host_workdir *ret_work, cim_error *err)
{
    struct host_workdir work = {.kind = HOST_FILE_UNKNOWN};
    const char *tmp = parent != NULL ? parent : getenv("TMPDIR");
    cim_status status = CIM_OK;
    CIM_TRY(host_file_check(path, err));
    if (strlen(path) >= HOST_PATH_MAX || strchr(path, '{') != NULL || strchr(path, '}') != NULL) {
        return cim_fail(err, CIM_E_INVALID, "file", path, "路径过长或含有花括号",
                        "the path is too long or holds braces");
    }
    CIM_TRY(host_file_identify(path, &work.kind, err));
    if (snprintf(work.dir, sizeof work.dir, "%s/cim-import-XXXXXX",
                 tmp != NULL && tmp[0] == '/' ? tmp : "/tmp") >= (int)sizeof work.dir ||
        mkdtemp(work.dir) == NULL) {
        return host_workdir_fail(work.dir, err);
    }
    status = fill(&work, path, source_layer, err);
    if (status != CIM_OK) {
        host_workdir_done(&work);
        return status;
    }
    *ret_work = work;
    return CIM_OK;
}

void
host_folder_remove(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char inner[HOST_PATH_MAX * 2];
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner) {
            continue;
        }
        if (lstat(inner, &info) == 0 && S_ISDIR(info.st_mode)) {
            host_folder_remove(inner);
        } else {
            (void)unlink(inner); /* what cannot be removed stays, private */
        }
    }
    if (dir != NULL) {
        (void)closedir(dir); /* only read */
    }
    (void)rmdir(path);
}

void
host_workdir_done(struct host_workdir *work)
{
    if (work->dir[0] != '\0') {
        host_folder_remove(work->dir);
        work->dir[0] = '\0';
    }
}
