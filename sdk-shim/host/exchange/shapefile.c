/* host/exchange/shapefile.c -- a Shapefile whose parts contradict each other is refused before any
 * row is read; GDAL would read what is there and say nothing. */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SHP_HEADER = 100, SHX_RECORD = 8, DBF_HEADER_LEAST = 32 };

struct part {
    unsigned char head[SHP_HEADER];
    int64_t size;
};

static cim_status
damaged(const char *extension, const char *zh, const char *en, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, "file", extension, "Shapefile 的 .%s 文件损坏：%s%.0s",
                    "the .%s file of the Shapefile is damaged: %.0s%s", extension, zh, en);
}

static cim_status
read_part(const char *shp_path, const char *extension, size_t least, struct part *ret_part,
          cim_error *err)
{
    char path[HOST_PATH_MAX + 32];
    const size_t stem = strlen(shp_path) - 3;
    struct stat info;
    FILE *file = NULL;
    size_t n = 0;
    (void)snprintf(path, sizeof path, "%.*s%s", (int)stem, shp_path, extension);
    file = fopen(path, "rbe");
    if (file == NULL) {
        return cim_fail(err, CIM_E_INVALID, "file", extension,
                        "缺少 Shapefile 的 .%s 文件（须与 .shp 一起提供，或打包为 zip）",
                        "the .%s file of the Shapefile is missing (give it beside the .shp, or all "
                        "in one zip)",
                        extension);
    }
    memset(ret_part, 0, sizeof *ret_part);
    n = fread(ret_part->head, 1, sizeof ret_part->head, file);
    ret_part->size = fstat(fileno(file), &info) == 0 ? (int64_t)info.st_size : 0;
    (void)fclose(file); /* only read */
    return n >= least ? CIM_OK : damaged(extension, "文件头不完整", "its header is cut off", err);
}

static int64_t
big_endian(const unsigned char *at)
{
    return (int64_t)((uint32_t)at[0] << 24U | (uint32_t)at[1] << 16U | (uint32_t)at[2] << 8U |
                     (uint32_t)at[3]);
}

static int64_t
little_endian(const unsigned char *at, size_t n)
{
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value |= (uint32_t)at[i] << (8U * i);
    }
    return (int64_t)value;
}

static cim_status
check_main(const struct part *part, const char *extension, cim_error *err)
{
    if (big_endian(part->head) != 9994 || little_endian(part->head + 28, 4) != 1000) {
        return damaged(extension, "不是 Shapefile", "it is no Shapefile", err);
    }
    if (big_endian(part->head + 24) * 2 > part->size) {
        return damaged(extension, "文件被截断，短于其头部所写的长度",
                       "it is cut off, shorter than its header says", err);
    }
    return CIM_OK;
}

/* Every shape is of the type that the header names, or null. */
static cim_status
check_types(const char *shp_path, const struct part *shp, int64_t n_shapes, cim_error *err)
{
    enum { ENTRY = 8, HEAD = 12, NULL_SHAPE = 0 };
    const int64_t type = little_endian(shp->head + 32, 4);
    char shx_path[HOST_PATH_MAX + 32];
    unsigned char entry[ENTRY];
    unsigned char head[HEAD];
    cim_status status = CIM_OK;
    FILE *shx = NULL;
    FILE *file = fopen(shp_path, "rbe");
    (void)snprintf(shx_path, sizeof shx_path, "%.*sshx", (int)strlen(shp_path) - 3, shp_path);
    shx = fopen(shx_path, "rbe");
    if (file == NULL || shx == NULL || fseek(shx, SHP_HEADER, SEEK_SET) != 0) {
        status = damaged("shx", "无法读取", "it cannot be read", err);
    }
    for (int64_t i = 0; status == CIM_OK && i < n_shapes; i++) {
        int64_t found = 0;
        if (fread(entry, 1, ENTRY, shx) != ENTRY) {
            status = damaged("shx", "文件被截断", "it is cut off", err);
        } else if (fseeko(file, (off_t)(big_endian(entry) * 2), SEEK_SET) != 0 ||
                   fread(head, 1, HEAD, file) != HEAD) {
            status = damaged("shx", "索引指向 .shp 之外", "it points outside of the .shp", err);
        } else if ((found = little_endian(head + 8, 4)) != type && found != NULL_SHAPE) {
            status = cim_fail(err, CIM_E_INVALID, "file", "shp",
                              "Shapefile 自相矛盾：头部称几何类型为 %lld，第 %lld 个图形却是 %lld",
                              "the Shapefile contradicts itself: its header names shape type %lld, "
                              "shape %lld is of type %lld",
                              (long long)type, (long long)i + 1, (long long)found);
        }
    }
    if (file != NULL) {
        (void)fclose(file); /* only read */
    }
    if (shx != NULL) {
        (void)fclose(shx); /* only read */
    }
    return status;
}

cim_status
host_shapefile_check(const char *shp_path, cim_error *err)
{
    struct part shp;
    struct part shx;
    struct part dbf;
    int64_t n_shapes = 0;
    int64_t n_records = 0;
    int64_t needed = 0;
    CIM_TRY(read_part(shp_path, "shp", SHP_HEADER, &shp, err));
    CIM_TRY(read_part(shp_path, "shx", SHP_HEADER, &shx, err));
    CIM_TRY(read_part(shp_path, "dbf", DBF_HEADER_LEAST, &dbf, err));
    CIM_TRY(check_main(&shp, "shp", err));
    CIM_TRY(check_main(&shx, "shx", err));
    n_shapes = (big_endian(shx.head + 24) * 2 - SHP_HEADER) / SHX_RECORD;
    n_records = little_endian(dbf.head + 4, 4);
    needed = little_endian(dbf.head + 8, 2) + n_records * little_endian(dbf.head + 10, 2);
    if (needed > dbf.size) {
        return damaged("dbf", "文件被截断，短于其头部所写的长度",
                       "it is cut off, shorter than its header says", err);
    }
    if (n_shapes != n_records) {
        return cim_fail(err, CIM_E_INVALID, "file", "dbf",
                        "Shapefile 自相矛盾：.shx 有 %lld 个图形，.dbf 有 %lld 条记录",
                        "the Shapefile contradicts itself: %lld shapes in .shx, %lld records in "
                        ".dbf",
                        (long long)n_shapes, (long long)n_records);
    }
    if (little_endian(shx.head + 32, 4) != little_endian(shp.head + 32, 4)) {
        return cim_fail(err, CIM_E_INVALID, "file", "shx",
                        "Shapefile 自相矛盾：.shp 称几何类型为 %lld，.shx 称 %lld",
                        "the Shapefile contradicts itself: .shp names shape type %lld, .shx %lld",
                        (long long)little_endian(shp.head + 32, 4),
                        (long long)little_endian(shx.head + 32, 4));
    }
    return check_types(shp_path, &shp, n_shapes, err);
}
