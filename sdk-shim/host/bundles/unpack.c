/* host/bundles/unpack.c -- files of a tar.gz or zip archive, through GDAL's virtual file systems.
 */
#include "host/bundles/bundles.h"

#include "cim/util.h"

#include <cpl_string.h>
#include <cpl_vsi.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { COPY_BYTES = 1 << 16, PATH_BYTES = 4096 };

static cim_status
fail_archive(cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, "bundle", NULL, "应为 .tar.gz 或 .zip 插件包，且文件完整",
                    "expected a whole plugin bundle, .tar.gz or .zip");
}

/* By what the file begins with, not by its name: in braces, a name needs no ending. */
static cim_status
open_name(const char *path, char out[PATH_BYTES], cim_error *err)
{
    unsigned char magic[2] = {0};
    FILE *file = fopen(path, "rbe");
    const size_t n = file != NULL ? fread(magic, 1, sizeof magic, file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    if (n == 2 && magic[0] == 0x1F && magic[1] == 0x8B) {
        (void)snprintf(out, PATH_BYTES, "/vsitar/{/vsigzip/%.3000s}", path);
        return CIM_OK;
    }
    if (n == 2 && magic[0] == 'P' && magic[1] == 'K') {
        (void)snprintf(out, PATH_BYTES, "/vsizip/{%.3000s}", path);
        return CIM_OK;
    }
    return fail_archive(err);
}

static bool
is_inside(const char *name)
{
    return name[0] != '\0' && name[0] != '/' && strchr(name, '\\') == NULL &&
           strcmp(name, "..") != 0 && strncmp(name, "../", 3) != 0 &&
           strstr(name, "/../") == NULL &&
           (strlen(name) < 3 || strcmp(name + strlen(name) - 3, "/..") != 0) && strlen(name) < 1000;
}

/* The folders on the way to a file. */
static void
make_folders(char *path, size_t from)
{
    for (char *slash = strchr(path + from, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0755); /* there, or the file fails */
        *slash = '/';
    }
}

static cim_status
copy_entry(const char *from, const char *to, int64_t *budget, cim_error *err)
{
    VSILFILE *in = VSIFOpenL(from, "rb");
    FILE *out = in != NULL ? fopen(to, "wbxe") : NULL;
    char *block = malloc(COPY_BYTES);
    cim_status status = CIM_OK;
    size_t n = 0;
    if (in == NULL || block == NULL) {
        status = block == NULL ? cim_fail_nomem(err) : fail_archive(err);
    } else if (out == NULL) {
        status = cim_fail(err, CIM_E_IO, "bundle", NULL, "无法写入插件目录",
                          "the plugin's folder cannot be written");
    }
    while (status == CIM_OK && (n = VSIFReadL(block, 1, COPY_BYTES, in)) > 0) {
        *budget -= (int64_t)n;
        if (*budget < 0) {
            status = cim_fail(err, CIM_E_TOO_LARGE, "bundle", NULL, "解压后超过 %d MiB",
                              "more than %d MiB when it is unpacked", HOST_BUNDLE_BYTES_MAX >> 20);
        } else if (fwrite(block, 1, n, out) != n) {
            status = cim_fail(err, CIM_E_IO, "bundle", NULL, "磁盘写入失败", "a write failed");
        }
    }
    if (status == CIM_OK && VSIFEofL(in) == 0) {
        status = fail_archive(err);
    }
    if (out != NULL && fclose(out) != 0 && status == CIM_OK) {
        status = cim_fail(err, CIM_E_IO, "bundle", NULL, "磁盘写入失败", "a write failed");
    }
    if (in != NULL) {
        (void)VSIFCloseL(in); /* only read */
    }
    free(block);
    return status;
}

static cim_status
take_entry(const char *archive, const char *name, const char *to, int64_t *budget, cim_error *err)
{
    char from[PATH_BYTES * 2];
    char path[PATH_BYTES];
    VSIStatBufL stat_of;
    const int n = snprintf(path, sizeof path, "%s/%s", to, name);
    if (!is_inside(name) || n < 0 || (size_t)n >= sizeof path) {
        return cim_fail(err, CIM_E_INVALID, "bundle", name, "包内文件名不可用",
                        "a file's name leads out of the bundle, or is too long");
    }
    (void)snprintf(from, sizeof from, "%s/%s", archive, name);
    if (VSIStatL(from, &stat_of) != 0) {
        return fail_archive(err);
    }
    make_folders(path, strlen(to) + 1);
    if (VSI_ISDIR(stat_of.st_mode)) {
        (void)mkdir(path, 0755);
        return CIM_OK;
    }
    return copy_entry(from, path, budget, err);
}

cim_status
host_bundle_unpack(const char *path, const char *to, cim_error *err)
{
    char archive[PATH_BYTES];
    int64_t budget = HOST_BUNDLE_BYTES_MAX;
    cim_status status = CIM_OK;
    CIM_TRY(open_name(path, archive, err));
    char **names = VSIReadDirRecursive(archive);
    const int n = CSLCount(names);
    if (n == 0) {
        status = fail_archive(err);
    } else if (n > HOST_BUNDLE_FILES_MAX) {
        status = cim_fail(err, CIM_E_TOO_LARGE, "bundle", NULL, "超过 %d 个文件",
                          "more than %d files", HOST_BUNDLE_FILES_MAX);
    }
    for (int i = 0; i < n && status == CIM_OK; i++) {
        status = take_entry(archive, names[i], to, &budget, err);
    }
    CSLDestroy(names);
    return status;
}
