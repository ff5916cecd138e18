/* host/exchange/archive.c -- the one data file of a zip archive, taken out under a name of ours. */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <cpl_vsi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { COPY_BYTES = 1 << 16, RATIO_MAX = 500, RATIO_FREE_BYTES = 64 << 20 };

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
                            : host_workdir_fail(to, err);
    }
    while (status == CIM_OK && (n = VSIFReadL(bytes, 1, COPY_BYTES, in)) > 0) {
        *budget -= (int64_t)n;
        if (*budget < 0) {
            status = cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "%s%.0s", "%.0s%s", too_large[0],
                              too_large[1]);
        } else if (fwrite(bytes, 1, n, out) != n) {
            status = host_workdir_fail(to, err);
        }
    }
    if (status == CIM_OK && VSIFEofL(in) == 0) {
        status = cim_fail(err, CIM_E_INVALID, "file", NULL, "压缩包损坏，文件无法完整解压",
                          "the archive is damaged: an entry cannot be unpacked whole");
    }
    if (out != NULL && fclose(out) != 0 && status == CIM_OK) {
        status = host_workdir_fail(to, err);
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
        {".kml", HOST_FILE_KML},       {".gml", HOST_FILE_GML},
        {".dxf", HOST_FILE_DXF},
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

/* What an entry stands for: its folder, where it is the catalogue of a file geodatabase. */
static enum host_file_kind
kind_of_entry(const char *name, char *ret_stands_for, size_t capacity)
{
    static const char catalogue[] = ".gdb/a00000001.gdbtable";
    const size_t len = strlen(name);
    const size_t n = sizeof catalogue - 1;
    cim_copy_text(ret_stands_for, capacity, name);
    if (len > n && strcasecmp(name + len - n, catalogue) == 0 &&
        strncmp(name, "__MACOSX/", 9) != 0) {
        ret_stands_for[len - (n - 4)] = '\0';
        return HOST_FILE_FILEGDB;
    }
    return kind_by_name(name);
}

/* The one data file of an archive, or the one that is asked for. */
static cim_status
choose(VSIDIR *dir, const char *wanted, struct entry *ret_entry, int64_t *ret_bytes, cim_error *err)
{
    const VSIDIREntry *entry = NULL;
    int n_entries = 0;
    int n_found = 0;
    enum host_file_kind itself = HOST_FILE_UNKNOWN;
    while ((entry = VSIGetNextDirEntry(dir)) != NULL) {
        struct entry found;
        if (++n_entries > HOST_IMPORT_ZIP_ENTRIES_MAX) {
            return too_many(err);
        }
        if (is_trick(entry->pszName) || strlen(entry->pszName) >= sizeof found.name) {
            return cim_fail(err, CIM_E_INVALID, "file", entry->pszName, "压缩包内的文件名不可接受",
                            "a name in the archive is not acceptable");
        }
        *ret_bytes += entry->bSizeKnown ? (int64_t)entry->nSize : 0;
        itself = strcmp(entry->pszName, "xl/workbook.xml") == 0 ? HOST_FILE_XLSX
                 : strcmp(entry->pszName, "doc.kml") == 0       ? HOST_FILE_KMZ
                                                                : itself;
        found.kind = kind_of_entry(entry->pszName, found.name, sizeof found.name);
        if (found.kind != HOST_FILE_UNKNOWN &&
            (wanted == NULL || (host_format_of(found.kind)->flags & HOST_FORMAT_LAYERS) != 0 ||
             stem_is(found.name, wanted))) {
            n_found++;
            *ret_entry = found;
        }
    }
    if (itself != HOST_FILE_UNKNOWN) {
        *ret_entry = (struct entry){.kind = itself};
        return CIM_OK;
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
    for (size_t i = 0; i < HOST_SHAPEFILE_PARTS; i++) {
        for (int upper = 0; upper < 2; upper++) {
            char entry[HOST_PATH_MAX * 2];
            char inner[HOST_PATH_MAX + 32];
            VSIStatBufL info;
            int n = snprintf(entry, sizeof entry, "%s/%.*s%s", archive, (int)stem, shp,
                             host_shapefile_parts[i]);
            for (char *c = entry + n - 3; upper != 0 && n > 3 && *c != '\0'; c++) {
                *c = (char)(*c - 'a' + 'A');
            }
            if (n < (int)sizeof entry && VSIStatL(entry, &info) == 0) {
                host_workdir_path(work, host_shapefile_parts[i], inner, sizeof inner);
                CIM_TRY(unpack(entry, inner, budget, err));
                break;
            }
        }
    }
    return CIM_OK;
}

static cim_status
unpack_geodatabase(const struct host_workdir *work, const char *archive, const char *gdb,
                   int64_t *budget, cim_error *err)
{
    char from[HOST_PATH_MAX * 2];
    char folder[HOST_PATH_MAX + 32];
    const VSIDIREntry *entry = NULL;
    VSIDIR *dir = NULL;
    cim_status status = CIM_OK;
    (void)snprintf(from, sizeof from, "%s/%s", archive, gdb);
    host_workdir_path(work, "gdb", folder, sizeof folder);
    if (mkdir(folder, 0700) != 0) {
        return host_workdir_fail(folder, err);
    }
    dir = VSIOpenDir(from, 0, NULL);
    while (status == CIM_OK && dir != NULL && (entry = VSIGetNextDirEntry(dir)) != NULL) {
        char part[HOST_PATH_MAX * 2 + HOST_GEODATABASE_NAME_MAX + 2];
        char to[HOST_PATH_MAX + HOST_GEODATABASE_NAME_MAX + 34];
        if (host_geodatabase_part(entry->pszName)) {
            (void)snprintf(part, sizeof part, "%s/%s", from, entry->pszName);
            (void)snprintf(to, sizeof to, "%s/%s", folder, entry->pszName);
            status = unpack(part, to, budget, err);
        }
    }
    if (dir != NULL) {
        VSICloseDir(dir);
    }
    return status;
}

static cim_status
unpack_chosen(struct host_workdir *work, const char *archive, const struct entry *entry,
              cim_error *err)
{
    char inner[HOST_PATH_MAX + 32];
    char member[HOST_PATH_MAX * 2];
    int64_t budget = HOST_IMPORT_UNZIPPED_MAX;
    if (entry->kind == HOST_FILE_SHAPEFILE) {
        return unpack_shapefile(work, archive, entry->name, &budget, err);
    }
    if (entry->kind == HOST_FILE_FILEGDB) {
        return unpack_geodatabase(work, archive, entry->name, &budget, err);
    }
    (void)snprintf(member, sizeof member, "%s/%s", archive, entry->name);
    host_workdir_path(work, host_format_of(entry->kind)->extension, inner, sizeof inner);
    return unpack(member, inner, &budget, err);
}

static cim_status
check_sizes(const char *path, const struct entry *entry, int64_t bytes, cim_error *err)
{
    struct stat info;
    if (stat(path, &info) == 0 && bytes > RATIO_FREE_BYTES &&
        bytes / RATIO_MAX > (int64_t)info.st_size) {
        return cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "压缩比超过 %d 倍，拒绝解压",
                        "the archive unpacks to more than %d times its size", RATIO_MAX);
    }
    const int64_t limit = entry->kind == HOST_FILE_XLSX  ? HOST_IMPORT_SHEET_BYTES_MAX
                          : entry->kind == HOST_FILE_KMZ ? HOST_IMPORT_WHOLE_BYTES_MAX
                                                         : INT64_MAX;
    if (bytes > limit) {
        return cim_fail(err, CIM_E_TOO_LARGE, "file", host_format_of(entry->kind)->name,
                        "解压后超过 %lld 字节，请改用 CSV 或 GeoPackage",
                        "it unpacks to more than %lld bytes: use CSV or GeoPackage",
                        (long long)limit);
    }
    return CIM_OK;
}

cim_status
host_archive_open(struct host_workdir *work, const char *path, const char *wanted, cim_error *err)
{
    char archive[HOST_PATH_MAX + 16];
    struct entry entry = {.kind = HOST_FILE_UNKNOWN};
    struct host_gdal_errors errors = {0};
    int64_t bytes = 0;
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
    if (status == CIM_OK) {
        status = check_sizes(path, &entry, bytes, err);
    }
    work->kind = entry.kind;
    if (status == CIM_OK && entry.name[0] != '\0') {
        status = unpack_chosen(work, archive, &entry, err);
        work->unpacked = true;
    }
    host_gdal_leave();
    return status;
}
