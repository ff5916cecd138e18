/* host/exchange/identify.c -- what a file is, by its first bytes. */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { HEAD_BYTES = 8192 };

/* A file geodatabase is a folder; its catalogue is the first table. */
static bool
is_geodatabase(const char *path)
{
    char table[HOST_PATH_MAX + 32];
    struct stat info;
    (void)snprintf(table, sizeof table, "%s/a00000001.gdbtable", path);
    return lstat(table, &info) == 0 && S_ISREG(info.st_mode);
}

cim_status
host_file_check(const char *path, cim_error *err)
{
    struct stat info;
    if (path[0] != '/') {
        return cim_fail(err, CIM_E_INVALID, "file", path, "须给出文件的绝对路径",
                        "expected an absolute path");
    }
    if (lstat(path, &info) != 0) {
        char reason[128] = "";
        const char *text = strerror_r(errno, reason, sizeof reason);
        return cim_fail(err, CIM_E_NOTFOUND, "file", path, "文件无法打开（%s）",
                        "the file cannot be opened (%s)", text);
    }
    if (S_ISDIR(info.st_mode) && is_geodatabase(path)) {
        return CIM_OK;
    }
    if (!S_ISREG(info.st_mode)) {
        return cim_fail(err, CIM_E_INVALID, "file", path,
                        "须为普通文件（或 .gdb 文件夹），不能是链接、目录或设备",
                        "expected a regular file (or a .gdb folder), no link, folder or device");
    }
    if (info.st_size == 0) {
        return cim_fail(err, CIM_E_INVALID, "file", path, "文件是空的", "the file is empty");
    }
    return CIM_OK;
}

static bool
looks_like_text(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] < 0x09 || (bytes[i] > 0x0d && bytes[i] < 0x20 && bytes[i] != 0x1a)) {
            return false;
        }
    }
    return memchr(bytes, '\n', n) != NULL || memchr(bytes, '\r', n) != NULL;
}

/* One object per line: the first ends, and another begins, before any collection is named. */
static bool
is_sequence(const char *text)
{
    const char *line = strchr(text, '\n');
    if (strstr(text, "FeatureCollection") != NULL) {
        return false;
    }
    while (line != NULL) {
        const char *next = line + strspn(line, "\r\n\t ");
        if (line > text && (line[-1] == '}' || (line[-1] == '\r' && line[-2] == '}')) &&
            *next == '{') {
            return true;
        }
        line = strchr(line + 1, '\n');
    }
    /* One feature, or a first feature longer than what was looked at: read as lines, which also
     * takes a file of a single feature. */
    line = strchr(text, '\n');
    return strstr(text, "\"Feature\"") != NULL && (line == NULL || line[1] == '\0');
}

/* By the root element, past declarations and comments. */
static enum host_file_kind
kind_of_xml(const char *text)
{
    const char *root = text;
    while (root != NULL && (root[1] == '?' || root[1] == '!')) {
        const char *end = strncmp(root, "<!--", 4) == 0 ? strstr(root, "-->") : strchr(root, '>');
        root = end != NULL ? strchr(end, '<') : NULL;
    }
    if (root == NULL) {
        return HOST_FILE_UNKNOWN;
    }
    if (strncmp(root, "<kml", 4) == 0 || strncmp(root, "<kml:kml", 8) == 0) {
        return HOST_FILE_KML;
    }
    return strstr(root, "http://www.opengis.net/gml") != NULL ? HOST_FILE_GML : HOST_FILE_UNKNOWN;
}

/* Pairs of group code and value: "0" SECTION first, maybe after comments ("999"). */
static bool
is_dxf(const char *text)
{
    const char *section = strstr(text, "SECTION");
    return strncmp(text, "999", 3) == 0
               ? section != NULL
               : text[0] == '0' && section == text + 1 + strspn(text + 1, "\r\n");
}

/* 国土 boundary points: "[属性描述]" or "[地块坐标]" in UTF-8 or GBK. */
static bool
is_parcels(const char *text)
{
    return strstr(text, "[属性描述]") != NULL || strstr(text, "[地块坐标]") != NULL ||
           strstr(text, "[\xca\xf4\xd0\xd4\xc3\xe8\xca\xf6]") != NULL ||
           strstr(text, "[\xb5\xd8\xbf\xe9\xd7\xf8\xb1\xea]") != NULL;
}

static enum host_file_kind
kind_of(const unsigned char *bytes, size_t n)
{
    const char *text = (const char *)bytes;
    if (n >= 4 && memcmp(bytes, "PK\003\004", 4) == 0) {
        return HOST_FILE_ZIP;
    }
    if (n >= 16 && memcmp(bytes, "SQLite format 3", 16) == 0) {
        return HOST_FILE_GPKG;
    }
    if (n >= 100 && memcmp(bytes, "\0\0\x27\x0a", 4) == 0) {
        return HOST_FILE_SHAPEFILE;
    }
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
    }
    text += strspn(text, " \t\r\n");
    if (*text == 0x1e) {
        return HOST_FILE_GEOJSONSEQ;
    }
    if (*text == '{') {
        return is_sequence(text) ? HOST_FILE_GEOJSONSEQ : HOST_FILE_GEOJSON;
    }
    if (*text == '<') {
        return kind_of_xml(text);
    }
    if (!looks_like_text(bytes, n)) {
        return HOST_FILE_UNKNOWN;
    }
    if (is_parcels(text)) {
        return HOST_FILE_PARCELS;
    }
    if (is_dxf(text)) {
        return HOST_FILE_DXF;
    }
    return *text != '[' ? HOST_FILE_CSV : HOST_FILE_UNKNOWN;
}

static cim_status
kind_of_file(const char *path, enum host_file_kind *ret_kind, cim_error *err)
{
    unsigned char head[HEAD_BYTES + 1] = {0};
    FILE *file = fopen(path, "rbe");
    size_t n = 0;
    if (file == NULL) {
        return cim_fail(err, CIM_E_IO, "file", path, "文件无法读取", "the file cannot be read");
    }
    n = fread(head, 1, HEAD_BYTES, file);
    (void)fclose(file); /* only read */
    CIM_TRY(host_format_refuse(path, head, n, err));
    *ret_kind = kind_of(head, n);
    return CIM_OK;
}

cim_status
host_file_identify(const char *path, enum host_file_kind *ret_kind, cim_error *err)
{
    enum host_file_kind kind = HOST_FILE_UNKNOWN;
    if (is_geodatabase(path)) {
        *ret_kind = HOST_FILE_FILEGDB;
        return CIM_OK;
    }
    CIM_TRY(kind_of_file(path, &kind, err));
    if (kind == HOST_FILE_UNKNOWN) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "file", path,
                        "无法识别的格式，应为 GeoJSON、GeoPackage、Shapefile 或 FileGDB（打包为 "
                        "zip）、KML、KMZ、GML、CSV、XLSX、DXF 或国土界址点 TXT",
                        "not a known format: expected GeoJSON, GeoPackage, Shapefile or FileGDB "
                        "(zipped), KML, KMZ, GML, CSV, XLSX, DXF or TXT of parcels");
    }
    *ret_kind = kind;
    return CIM_OK;
}
