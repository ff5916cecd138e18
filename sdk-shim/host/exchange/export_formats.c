/* host/exchange/export_formats.c -- the formats that are written. */
#include "host/exchange/export_file.h"

#include "cim/util.h"

#include <string.h>
#include <strings.h>

/* Of KML the driver that writes as it goes; LIBKML keeps all in memory. */
static const struct host_export_kind kinds[] = {
    [HOST_EXPORT_GEOJSON] = {"geojson", ".geojson", ".geojson", "GeoJSON", 0},
    [HOST_EXPORT_GEOJSONL] = {"geojsonl", ".geojsonl", ".geojsonl", "GeoJSONSeq", 0},
    [HOST_EXPORT_CSV] = {"csv", ".csv", ".csv", "CSV", 0},
    [HOST_EXPORT_GPKG] = {"gpkg", ".gpkg", ".gpkg", "GPKG", HOST_EXPORT_ANY_CRS},
    [HOST_EXPORT_SHP] = {"shp", ".shp", ".zip", "ESRI Shapefile", HOST_EXPORT_ANY_CRS},
    [HOST_EXPORT_FILEGDB] = {"gdb", ".gdb", ".gdb.zip", "OpenFileGDB", HOST_EXPORT_ANY_CRS},
    [HOST_EXPORT_KML] = {"kml", ".kml", ".kml", "KML", 0},
    [HOST_EXPORT_KMZ] = {"kmz", ".kml", ".kmz", "KML", 0},
    [HOST_EXPORT_GML] = {"gml", ".gml", ".gml", "GML", HOST_EXPORT_ANY_CRS},
    [HOST_EXPORT_DXF] = {"dxf", ".dxf", ".dxf", "DXF", HOST_EXPORT_ANY_CRS},
    [HOST_EXPORT_XLSX] = {"xlsx", ".xlsx", ".xlsx", NULL, 0},
    [HOST_EXPORT_PARCELS] = {"txt", ".txt", ".txt", NULL, HOST_EXPORT_ANY_CRS},
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

const struct host_export_kind *
host_export_kind_of(enum host_export_format format)
{
    return &kinds[format];
}

const char *
host_export_ending(enum host_export_format format)
{
    return kinds[format].download;
}

bool
host_export_ends_with(const char *path, const char *ending)
{
    const size_t len = strlen(path);
    const size_t n = strlen(ending);
    return len > n && strcasecmp(path + len - n, ending) == 0;
}

cim_status
host_export_format_of(const char *name, const char *path, enum host_export_format *ret_format,
                      cim_error *err)
{
    int found = 0;
    for (int i = HOST_EXPORT_GEOJSON; i < N_KINDS && found == 0; i++) {
        /* "a.gdb.zip" before "a.zip", which stands for a Shapefile */
        const bool ends =
            name == NULL && (host_export_ends_with(path, kinds[i].ending) ||
                             (host_export_ends_with(path, kinds[i].download) &&
                              (i != HOST_EXPORT_SHP || !host_export_ends_with(path, ".gdb.zip"))));
        found = ends || (name != NULL && strcasecmp(name, kinds[i].name) == 0) ? i : 0;
    }
    if (found == 0 && name == NULL && host_export_ends_with(path, ".json")) {
        found = HOST_EXPORT_GEOJSON;
    }
    if (found == 0) {
        return cim_fail(
            err, CIM_E_INVALID, "format", name != NULL ? name : path,
            "导出格式应为 geojson、geojsonl、csv、gpkg、shp、gdb、kml、kmz、gml、dxf、xlsx 或 txt",
            "format: expected geojson, geojsonl, csv, gpkg, shp, gdb, kml, kmz, gml, dxf, xlsx or "
            "txt");
    }
    *ret_format = (enum host_export_format)found;
    return CIM_OK;
}

cim_status
host_export_check_crs(enum host_export_format format, const char *crs, cim_error *err)
{
    if (crs == NULL || (kinds[format].flags & HOST_EXPORT_ANY_CRS) != 0) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, "crs", crs,
                    "%s 只能写经纬度；要投影坐标，请用 gpkg、shp、gdb、gml、dxf 或 txt",
                    "%s holds longitude and latitude alone: for projected coordinates take gpkg, "
                    "shp, gdb, gml, dxf or txt",
                    kinds[format].name);
}
