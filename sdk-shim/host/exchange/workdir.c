/* host/exchange/workdir.c -- the private folder of an import: links to the caller's files, or what
 * was taken out of a zip archive, under names of our own. */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <cpl_vsi.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 16, RATIO_MAX = 500, RATIO_FREE_BYTES = 64 << 20 };

static const char *const shape_parts[] = {"shp", "shx", "dbf", "prj", "cpg"};
enum { N_SHAPE_PARTS = sizeof shape_parts / sizeof shape_parts[0] };

static const char *
extension_of(enum host_file_kind kind)
{
    switch (kind) {
    case HOST_FILE_GEOJSON:
        return "geojson";
    case HOST_FILE_GEOJSONSEQ:
        return "geojsonl";
    case HOST_FILE_GPKG:
        return "gpkg";
    case HOST_FILE_CSV:
        return "csv";
    case HOST_FILE_SHAPEFILE:
    default:
        return "shp";
    }
}

static cim_status
os_fail(const char *what, cim_error *err)
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

static void
inner_path(const struct host_workdir *work, const char *extension, char *out, size_t capacity)
{
    (void)snprintf(out, capacity, "%s/layer.%s", work->dir, extension);
}

static cim_status
link_in(const struct host_workdir *work, const char *path, const char *extension, cim_error *err)
{
    char inner[HOST_PATH_MAX + 32];
    inner_path(work, extension, inner, sizeof inner);
    return symlink(path, inner) == 0 ? CIM_OK : os_fail(inner, err);
}

/* The files that make up one Shapefile, whatever the case of their endings. */
static cim_status
link_shapefile(const struct host_workdir *work, const char *path, cim_error *err)
{
    const size_t len = strlen(path);
    char sibling[HOST_PATH_MAX + 32];
    for (size_t i = 0; i < N_SHAPE_PARTS; i++) {
        struct stat info;
        bool found = false;
        if (len < 4 || path[len - 4] != '.') {
            return i == 0 ? link_in(work, path, "shp", err) : CIM_OK;
        }
        for (int upper = 0; upper < 2 && !found; upper++) {
            (void)snprintf(sibling, sizeof sibling, "%.*s%s", (int)len - 3, path, shape_parts[i]);
            for (char *c = sibling + len - 3; upper != 0 && *c != '\0'; c++) {
                *c = (char)(*c - 'a' + 'A');
            }
            found = lstat(sibling, &info) == 0;
        }
        if (found) {
            CIM_TRY(strcmp(shape_parts[i], "cpg") == 0 && info.st_size == 0
                        ? CIM_OK
                        : host_file_check(sibling, err));
            CIM_TRY(link_in(work, sibling, shape_parts[i], err));
        }
    }
    return CIM_OK;
}

/* ---- archives ---- */

/* Copies one entry with a cap on what really comes out, not on what the archive says. */
static cim_status
unpack(const char *entry, const char *to, int64_t *budget, cim_error *err)
{
    static const char *const too_large[] = {"解压后的数据超过上限",
                                            "the unpacked data are too large"};
    VSILFILE *in = VSIFOpenL(entry, "rb");
    FILE *out = in != NULL ? fopen(to, "wbxe") : NULL;
    char *bytes = malloc(COPY_BYTES);
    cim_status status = CIM_OK;
    size_t n = 0;
    if (in == NULL || out == NULL || bytes == NULL) {
        status = in == NULL ? cim_fail(err, CIM_E_INVALID, "file", NULL, "压缩包中的文件无法读取",
                                       "an entry of the archive cannot be read")
                            : os_fail(to, err);
    }
    while (status == CIM_OK && (n = VSIFReadL(bytes, 1, COPY_BYTES, in)) > 0) {
        *budget -= (int64_t)n;
        if (*budget < 0) {
            status = cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "%s%.0s", "%.0s%s", too_large[0],
                              too_large[1]);
        } else if (fwrite(bytes, 1, n, out) != n) {
            status = os_fail(to, err);
        }
    }
    if (status == CIM_OK && VSIFEofL(in) == 0) {
        status = cim_fail(err, CIM_E_INVALID, "file", NULL, "压缩包损坏，文件无法完整解压",
                          "the archive is damaged: an entry cannot be unpacked whole");
    }
    if (out != NULL && fclose(out) != 0 && status == CIM_OK) {
        status = os_fail(to, err);
    }
    if (in != NULL) {
        (void)VSIFCloseL(in); /* only read */
    }
    free(bytes);
    return status;
}

struct entry {
    char name[512];
    enum host_file_kind kind;
};

static enum host_file_kind
kind_by_name(const char *name)
{
    static const struct {
        const char *extension;
        enum host_file_kind kind;
    } kinds[] = {
        {".shp", HOST_FILE_SHAPEFILE}, {".geojson", HOST_FILE_GEOJSON},
        {".json", HOST_FILE_GEOJSON},  {".geojsonl", HOST_FILE_GEOJSONSEQ},
        {".csv", HOST_FILE_CSV},       {".gpkg", HOST_FILE_GPKG},
    };
    const char *base = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
    const char *dot = strrchr(base, '.');
    /* Hidden files and the shadow copies of macOS are nobody's data. */
    if (dot == NULL || base[0] == '.' || strncmp(name, "__MACOSX/", 9) == 0) {
        return HOST_FILE_UNKNOWN;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcasecmp(dot, kinds[i].extension) == 0) {
            return kinds[i].kind;
        }
    }
    return HOST_FILE_UNKNOWN;
}

static bool
stem_is(const char *name, const char *stem)
{
    const char *base = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
    const size_t len = strlen(stem);
    return strncasecmp(base, stem, len) == 0 && base[len] == '.' &&
           strchr(base + len + 1, '.') == NULL;
}

static bool
is_trick(const char *name)
{
    return name[0] == '/' || strchr(name, '\\') != NULL || strcmp(name, "..") == 0 ||
           strncmp(name, "../", 3) == 0 || strstr(name, "/../") != NULL ||
           strchr(name, '{') != NULL || strchr(name, '}') != NULL;
}

static cim_status
too_many(cim_error *err)
{
    return cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "压缩包内文件超过 %d 个",
                    "more than %d entries in the archive", HOST_IMPORT_ZIP_ENTRIES_MAX);
}

/* The one data file of an archive, or the one that is asked for. */
static cim_status
choose(VSIDIR *dir, const char *wanted, struct entry *ret_entry, int64_t *ret_bytes, cim_error *err)
{
    const VSIDIREntry *entry = NULL;
    int n_entries = 0;
    int n_found = 0;
    while ((entry = VSIGetNextDirEntry(dir)) != NULL) {
        const enum host_file_kind kind = kind_by_name(entry->pszName);
        if (++n_entries > HOST_IMPORT_ZIP_ENTRIES_MAX) {
            return too_many(err);
        }
        if (is_trick(entry->pszName) || strlen(entry->pszName) >= sizeof ret_entry->name) {
            return cim_fail(err, CIM_E_INVALID, "file", entry->pszName, "压缩包内的文件名不可接受",
                            "a name in the archive is not acceptable");
        }
        *ret_bytes += entry->bSizeKnown ? (int64_t)entry->nSize : 0;
        if (kind != HOST_FILE_UNKNOWN &&
            (wanted == NULL || kind == HOST_FILE_GPKG || stem_is(entry->pszName, wanted))) {
            n_found++;
            ret_entry->kind = kind;
            cim_copy_text(ret_entry->name, sizeof ret_entry->name, entry->pszName);
        }
    }
    if (n_found == 1) {
        return CIM_OK;
    }
    return n_found == 0 ? cim_fail(err, CIM_E_INVALID, "file", wanted, "压缩包内没有可导入的文件",
                                   "the archive holds no file to import")
                        : cim_fail(err, CIM_E_INVALID, "source_layer", NULL,
                                   "压缩包内有 %d 个可导入的文件，请用 source_layer 指明其一",
                                   "the archive holds %d files to import: name one as source_layer",
                                   n_found);
}

static cim_status
unpack_shapefile(const struct host_workdir *work, const char *archive, const char *shp,
                 int64_t *budget, cim_error *err)
{
    const size_t stem = strlen(shp) - 3;
    for (size_t i = 0; i < N_SHAPE_PARTS; i++) {
        for (int upper = 0; upper < 2; upper++) {
            char entry[HOST_PATH_MAX * 2];
            char inner[HOST_PATH_MAX + 32];
            VSIStatBufL info;
            int n =
                snprintf(entry, sizeof entry, "%s/%.*s%s", archive, (int)stem, shp, shape_parts[i]);
            for (char *c = entry + n - 3; upper != 0 && n > 3 && *c != '\0'; c++) {
                *c = (char)(*c - 'a' + 'A');
            }
            if (n < (int)sizeof entry && VSIStatL(entry, &info) == 0) {
                inner_path(work, shape_parts[i], inner, sizeof inner);
                CIM_TRY(unpack(entry, inner, budget, err));
                break;
            }
        }
    }
    return CIM_OK;
}

static cim_status
open_archive(struct host_workdir *work, const char *path, const char *wanted, cim_error *err)
{
    char archive[HOST_PATH_MAX + 16];
    char inner[HOST_PATH_MAX + 32];
    char member[HOST_PATH_MAX * 2];
    struct entry entry = {.kind = HOST_FILE_UNKNOWN};
    struct stat info;
    struct host_gdal_errors errors = {0};
    int64_t bytes = 0;
    int64_t budget = HOST_IMPORT_UNZIPPED_MAX;
    cim_status status = CIM_OK;
    VSIDIR *dir = NULL;
    (void)snprintf(archive, sizeof archive, "/vsizip/{%s}", path);
    host_gdal_enter(&errors);
    dir = VSIOpenDir(archive, -1, NULL);
    status = dir != NULL ? choose(dir, wanted, &entry, &bytes, err)
                         : cim_fail(err, CIM_E_INVALID, "file", NULL, "压缩包损坏：读不出目录%s%s",
                                    "the archive is damaged: its directory cannot be read%s%s",
                                    errors.first[0] != '\0' ? ": " : "", errors.first);
    if (dir != NULL) {
        VSICloseDir(dir);
    }
    if (status == CIM_OK && stat(path, &info) == 0 && bytes > RATIO_FREE_BYTES &&
        bytes / RATIO_MAX > (int64_t)info.st_size) {
        status = cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "压缩比超过 %d 倍，拒绝解压",
                          "the archive unpacks to more than %d times its size", RATIO_MAX);
    }
    if (status == CIM_OK && entry.kind == HOST_FILE_SHAPEFILE) {
        status = unpack_shapefile(work, archive, entry.name, &budget, err);
    } else if (status == CIM_OK) {
        (void)snprintf(member, sizeof member, "%s/%s", archive, entry.name);
        inner_path(work, extension_of(entry.kind), inner, sizeof inner);
        status = unpack(member, inner, &budget, err);
    }
    host_gdal_leave();
    work->kind = entry.kind;
    return status;
}

static cim_status
fill(struct host_workdir *work, const char *path, const char *wanted, cim_error *err)
{
    if (work->kind == HOST_FILE_ZIP) {
        CIM_TRY(open_archive(work, path, wanted, err));
    } else if (work->kind == HOST_FILE_SHAPEFILE) {
        CIM_TRY(link_shapefile(work, path, err));
    } else {
        CIM_TRY(link_in(work, path, extension_of(work->kind), err));
    }
    inner_path(work, extension_of(work->kind), work->file, sizeof work->file);
    return CIM_OK;
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
        return os_fail(work.dir, err);
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
host_workdir_done(struct host_workdir *work)
{
    static const char *const others[] = {"geojson",  "geojsonl", "gpkg",        "csv",
                                         "gpkg-wal", "gpkg-shm", "gpkg-journal"};
    char inner[HOST_PATH_MAX + 32];
    if (work->dir[0] == '\0') {
        return;
    }
    for (size_t i = 0; i < N_SHAPE_PARTS; i++) {
        inner_path(work, shape_parts[i], inner, sizeof inner);
        (void)unlink(inner); /* whichever were there */
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        inner_path(work, others[i], inner, sizeof inner);
        (void)unlink(inner);
    }
    (void)rmdir(work->dir);
    work->dir[0] = '\0';
}
