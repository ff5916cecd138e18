/* host/exchange/formats.c -- the formats that are read, and those that are not, with the way out.
 */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <string.h>
#include <strings.h>

/* ---- read ---- */

/* The text of each feature: see geojson.c. */
static const char *const geojson[] = {"DATE_AS_STRING=YES", "FLATTEN_NESTED_ATTRIBUTES=NO",
                                      "NATIVE_DATA=YES", NULL};
/* An empty encoding hands the bytes through: we convert, and know what is wrong. */
static const char *const shapefile[] = {"ENCODING=", NULL};
/* Geometries are made by us: the driver would leave out what it cannot read. */
static const char *const csv[] = {"EMPTY_STRING_AS_NULL=YES", "HEADERS=YES", NULL};
static const char *const gml[] = {"DOWNLOAD_SCHEMA=NO", "EXPOSE_FID=NO", NULL};

static const struct host_format formats[] = {
    [HOST_FILE_GEOJSON] = {.name = "GeoJSON",
                           .extension = "geojson",
                           .driver = "GeoJSON",
                           .open_options = geojson},
    [HOST_FILE_GEOJSONSEQ] = {.name = "GeoJSONSeq",
                              .extension = "geojsonl",
                              .driver = "GeoJSONSeq"},
    [HOST_FILE_GPKG] = {.name = "GeoPackage",
                        .extension = "gpkg",
                        .driver = "GPKG",
                        .flags = HOST_FORMAT_LAYERS},
    [HOST_FILE_SHAPEFILE] = {.name = "Shapefile",
                             .extension = "shp",
                             .driver = "ESRI Shapefile",
                             .open_options = shapefile,
                             .flags = HOST_FORMAT_ANY_ENCODING},
    [HOST_FILE_CSV] = {.name = "CSV",
                       .extension = "csv",
                       .driver = "CSV",
                       .open_options = csv,
                       .flags = HOST_FORMAT_ANY_ENCODING | HOST_FORMAT_TABLE},
    [HOST_FILE_FILEGDB] = {.name = "FileGDB",
                           .extension = "gdb",
                           .driver = "OpenFileGDB",
                           .flags = HOST_FORMAT_LAYERS},
    [HOST_FILE_KML] = {.name = "KML",
                       .extension = "kml",
                       .driver = "LIBKML",
                       .flags = HOST_FORMAT_LAYERS | HOST_FORMAT_WHOLE},
    [HOST_FILE_KMZ] = {.name = "KMZ",
                       .extension = "kmz",
                       .driver = "LIBKML",
                       .flags = HOST_FORMAT_LAYERS | HOST_FORMAT_WHOLE},
    [HOST_FILE_GML] = {.name = "GML",
                       .extension = "gml",
                       .driver = "GML",
                       .open_options = gml,
                       .flags = HOST_FORMAT_LAYERS},
    [HOST_FILE_XLSX] = {.name = "XLSX",
                        .extension = "xlsx",
                        .driver = "XLSX",
                        .flags = HOST_FORMAT_LAYERS | HOST_FORMAT_WHOLE | HOST_FORMAT_TABLE},
    [HOST_FILE_DXF] = {.name = "DXF",
                       .extension = "dxf",
                       .driver = "DXF",
                       .flags = HOST_FORMAT_WHOLE},
    [HOST_FILE_PARCELS] = {.name = "TXT parcels",
                           .extension = "txt",
                           .flags = HOST_FORMAT_WHOLE | HOST_FORMAT_ANY_ENCODING},
    [HOST_FILE_ZIP] = {.name = "zip", .extension = "zip"},
    [HOST_FILE_UNKNOWN] = {.name = "", .extension = ""},
};

const struct host_format *
host_format_of(enum host_file_kind kind)
{
    return &formats[kind];
}

/* ---- refused ---- */

static const char raster_zh[] = "影像和栅格不是记录，不能导入图层";
static const char raster_en[] = "pictures and rasters are no records of a layer";
static const char model_zh[] = "三维模型和点云不是记录，不能导入图层";
static const char model_en[] = "models and point clouds are no records of a layer";
static const char archive_zh[] = "不支持此压缩格式，请改用 zip";
static const char archive_en[] = "this archive is not read: use zip";

static const struct refused {
    const char *magic;
    size_t length;
    const char *extension; /* where no magic number is known; NULL: by the magic */
    const char *name;
    const char *zh;
    const char *en;
} refused[] = {
    {"AC10", 4, NULL, "DWG", "DWG 是不公开的格式，请在 CAD 中另存为 ASCII DXF",
     "DWG is a closed format: save it as ASCII DXF in the CAD program"},
    {"AutoCAD Binary DXF", 18, NULL, "DXF", "二进制 DXF 不支持，请在 CAD 中另存为 ASCII DXF",
     "binary DXF is not read: save it as ASCII DXF in the CAD program"},
    {"\xd0\xcf\x11\xe0", 4, NULL, "OLE2",
     "旧版 Office 文件（.xls）或 DGN V8：表格请另存为 .xlsx，图形请另存为 DXF",
     "an old Office file (.xls) or DGN V8: save tables as .xlsx, drawings as DXF"},
    {"\0\1\0\0Standard", 12, NULL, "MDB",
     "Access 个人地理数据库已停用，请导出为 FileGDB 或 GeoPackage",
     "personal geodatabases of Access are out of use: export FileGDB or GeoPackage"},
    {"!table", 6, NULL, "MapInfo TAB", "MapInfo TAB 不支持，请导出为 Shapefile 或 GeoPackage",
     "MapInfo TAB is not read: export Shapefile or GeoPackage"},
    {"Version ", 8, "mif", "MapInfo MIF", "MapInfo MIF 不支持，请导出为 Shapefile 或 GeoPackage",
     "MapInfo MIF is not read: export Shapefile or GeoPackage"},
    {"<?xml", 5, "gpx", "GPX", "GPX 轨迹不支持，请转换为 GeoJSON 或 KML",
     "GPX is not read: convert it to GeoJSON or KML"},
    {"%PDF", 4, NULL, "PDF", "PDF 不含可导入的记录，请取得其源数据",
     "a PDF holds no records: ask for the data it was made of"},
    {"", 0, "ecw", "ECW", "ECW 是不公开的影像格式；影像和栅格不是记录，不能导入图层",
     "ECW is a closed format of pictures, which are no records of a layer"},
    {"", 0, "sid", "MrSID", "MrSID 是不公开的影像格式；影像和栅格不是记录，不能导入图层",
     "MrSID is a closed format of pictures, which are no records of a layer"},
    {"II*\0", 4, NULL, "TIFF", raster_zh, raster_en},
    {"MM\0*", 4, NULL, "TIFF", raster_zh, raster_en},
    {"II+\0", 4, NULL, "BigTIFF", raster_zh, raster_en},
    {"EHFA_HEADER_TAG", 15, NULL, "IMG", raster_zh, raster_en},
    {"\x89PNG", 4, NULL, "PNG", raster_zh, raster_en},
    {"\xff\xd8\xff", 3, NULL, "JPEG", raster_zh, raster_en},
    {"Kaydara FBX", 11, NULL, "FBX", model_zh, model_en},
    {"glTF", 4, NULL, "glTF", model_zh, model_en},
    {"LASF", 4, NULL, "LAS", model_zh, model_en},
    {"ISO-10303-21", 12, NULL, "IFC", model_zh, model_en},
    {"Rar!", 4, NULL, "RAR", archive_zh, archive_en},
    {"7z\xbc\xaf", 4, NULL, "7z", archive_zh, archive_en},
    {"\x1f\x8b", 2, NULL, "gzip", archive_zh, archive_en},
    {"", 0, "dbf", "DBF", "单独的 .dbf 没有图形，请把 Shapefile 的各文件打包为 zip",
     "a .dbf alone has no shapes: give all files of the Shapefile in one zip"},
    {"", 0, "shx", "SHX", "请把 Shapefile 的各文件打包为 zip",
     "give all files of the Shapefile in one zip"},
};

cim_status
host_format_refuse(const char *path, const unsigned char *bytes, size_t n, cim_error *err)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct refused *format = &refused[i];
        if (n >= format->length && memcmp(bytes, format->magic, format->length) == 0 &&
            (format->extension == NULL ||
             (dot != NULL && strcasecmp(dot + 1, format->extension) == 0))) {
            return cim_fail(err, CIM_E_UNSUPPORTED, "file", format->name, "%s%.0s", "%.0s%s",
                            format->zh, format->en);
        }
    }
    return CIM_OK;
}
