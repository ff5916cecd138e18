/* host/exchange/geometry.c -- the geometry of a feature: in degrees, as the layer has it, and
 * sound. */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "kit/rows.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static OGRwkbGeometryType
wanted_type(enum cim_geometry_type type)
{
    return (OGRwkbGeometryType)type; /* both are the numbers of WKB */
}

/* Point, LineString or Polygon, whether single or multi; 0 for a mixture. */
static int
family(OGRGeometryH geometry)
{
    const int type = (int)wkbFlatten(OGR_G_GetGeometryType(geometry));
    const int n = type == (int)wkbGeometryCollection ? OGR_G_GetGeometryCount(geometry) : 0;
    int found = type <= (int)wkbPolygon        ? type
                : type <= (int)wkbMultiPolygon ? type - (int)wkbPolygon
                                               : 0;
    for (int i = 0; i < n; i++) {
        const int part = family(OGR_G_GetGeometryRef(geometry, i));
        found = i == 0 || part == found ? part : 0;
        if (found == 0) {
            break;
        }
    }
    return found;
}

/* The geometry as the layer has it, or NULL: a single part into a multi, a multi of one out of it,
 * curves as chords. Takes `geometry`. */
static OGRGeometryH
coerce(OGRGeometryH geometry, enum cim_geometry_type type)
{
    const int wanted_family = type <= CIM_GEOMETRY_POLYGON ? (int)type : (int)type - 3;
    const bool to_single = type <= CIM_GEOMETRY_POLYGON;
    OGRGeometryH result = geometry;
    OGR_G_FlattenTo2D(geometry);
    if (OGR_G_HasCurveGeometry(geometry, FALSE)) {
        result = OGR_G_GetLinearGeometry(geometry, 0, NULL);
        OGR_G_DestroyGeometry(geometry);
    }
    if (result == NULL || OGR_G_GetGeometryType(result) == wanted_type(type)) {
        return result;
    }
    if (family(result) == wanted_family && (!to_single || OGR_G_GetGeometryCount(result) == 1)) {
        result = OGR_G_ForceTo(result, wanted_type(type), NULL);
    }
    if (result != NULL &&
        (OGR_G_GetGeometryType(result) != wanted_type(type) || OGR_G_IsEmpty(result))) {
        OGR_G_DestroyGeometry(result);
        result = NULL;
    }
    return result;
}

/* Drawings have no polygons: a closed line is one where the layer has polygons. Takes `geometry`.
 */
static OGRGeometryH
fill_closed_line(OGRGeometryH geometry, enum cim_geometry_type type)
{
    const bool wants_area = type == CIM_GEOMETRY_POLYGON || type == CIM_GEOMETRY_MULTI_POLYGON;
    const int n = wants_area ? OGR_G_GetPointCount(geometry) : 0;
    if (n < 4 || OGR_GT_Flatten(OGR_G_GetGeometryType(geometry)) != wkbLineString ||
        OGR_G_GetX(geometry, 0) != OGR_G_GetX(geometry, n - 1) ||
        OGR_G_GetY(geometry, 0) != OGR_G_GetY(geometry, n - 1)) {
        return geometry;
    }
    return OGR_G_ForceToPolygon(geometry);
}

enum { METRES_LEAST = 1000 }; /* no slip of degrees is as large */

/* Metres where degrees were declared. An easting that carries its zone says which system it is in:
 * CGCS2000 in zones of 3 degrees has the zones 25 to 45 and the codes EPSG:4513 to 4533. */
static cim_status
looks_projected(double x, const char *value, cim_error *err)
{
    enum { ZONE_M = 1000000, ZONE_FIRST = 25, ZONE_LAST = 45, EPSG_OF_FIRST = 4513 };
    const int zone = x > 0 && x < (ZONE_LAST + 1.0) * ZONE_M ? (int)(x / ZONE_M) : 0;
    if (zone >= ZONE_FIRST && zone <= ZONE_LAST) {
        return cim_fail(err, CIM_E_INVALID, "geom", value,
                        "坐标是投影坐标（米），不是经纬度：带号 %d，若为 CGCS2000 三度带，请用 crs "
                        "指明 EPSG:%d",
                        "the coordinates are projected (metres), not degrees: zone %d; if that is "
                        "CGCS2000 in zones of 3 degrees, give crs EPSG:%d",
                        zone, EPSG_OF_FIRST + zone - ZONE_FIRST);
    }
    return cim_fail(err, CIM_E_INVALID, "geom", value,
                    "坐标像投影坐标（米），不是经纬度：请用 crs 指明其坐标系（如 EPSG:4546）",
                    "the coordinates look projected (metres), not degrees: give their reference "
                    "system as crs (such as EPSG:4546)");
}

static cim_status
check_range(OGRGeometryH geometry, cim_error *err)
{
    OGREnvelope box;
    char value[64];
    OGR_G_GetEnvelope(geometry, &box);
    if (isfinite(box.MinX) && isfinite(box.MaxX) && isfinite(box.MinY) && isfinite(box.MaxY) &&
        box.MinX >= -180.0 && box.MaxX <= 180.0 && box.MinY >= -90.0 && box.MaxY <= 90.0) {
        return CIM_OK;
    }
    (void)snprintf(value, sizeof value, "%.6f %.6f", box.MinX, box.MinY);
    if (fabs(box.MinX) > METRES_LEAST || fabs(box.MinY) > METRES_LEAST) {
        return looks_projected(box.MinX, value, err);
    }
    if (box.MinX >= -90.0 && box.MaxX <= 90.0 && box.MaxY > 90.0 && box.MaxY <= 180.0) {
        return cim_fail(err, CIM_E_INVALID, "geom", value,
                        "坐标超出范围（经纬度可能颠倒）：应为经度 -180 至 180、纬度 -90 至 90",
                        "coordinates out of range (longitude and latitude look swapped): expected "
                        "longitude -180 to 180, latitude -90 to 90");
    }
    return cim_fail(err, CIM_E_INVALID, "geom", value,
                    "坐标超出范围：应为经度 -180 至 180、纬度 -90 至 90（坐标系是否声明有误？）",
                    "coordinates out of range: expected longitude -180 to 180, latitude -90 to 90 "
                    "(is the reference system right?)");
}

static cim_status
to_wkb(struct host_source *source, OGRGeometryH geometry, size_t *ret_len, cim_error *err)
{
    const size_t len = OGR_G_WkbSizeEx(geometry);
    if (len > HOST_IMPORT_GEOMETRY_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "geom", NULL, "几何数据超过 %d 字节",
                        "the geometry is larger than %d bytes", HOST_IMPORT_GEOMETRY_BYTES_MAX);
    }
    if (len > source->wkb_capacity) {
        uint8_t *grown = realloc(source->wkb, len * 2);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        source->wkb = grown;
        source->wkb_capacity = len * 2;
    }
    if (OGR_G_ExportToIsoWkb(geometry, wkbNDR, source->wkb) != OGRERR_NONE) {
        return cim_fail(err, CIM_E_INVALID, "geom", NULL, "几何数据无法转换",
                        "the geometry cannot be converted");
    }
    *ret_len = len;
    return CIM_OK;
}

static cim_status
read_ordinate(OGRFeatureH feature, int index, double *ret_value, cim_error *err)
{
    const char *text = OGR_F_GetFieldAsString(feature, index);
    const double value = CPLAtof(text);
    if (CPLGetValueType(text) == CPL_VALUE_STRING || !isfinite(value)) {
        return cim_fail(
            err, CIM_E_INVALID, OGR_Fld_GetNameRef(OGR_F_GetFieldDefnRef(feature, index)), text,
            "坐标应为数字，且两列都要填写", "a coordinate must be a number, and both are needed");
    }
    *ret_value = value;
    return CIM_OK;
}

/* The point of a row of text. A row without one may be a place that nobody knows yet; a position
 * that cannot be read is another matter, and must not be lost in silence. */
static cim_status
make_point(const struct host_source *source, OGRFeatureH feature, OGRGeometryH *ret_point,
           cim_error *err)
{
    double x;
    double y;
    if (!OGR_F_IsFieldSetAndNotNull(feature, source->x_index) &&
        !OGR_F_IsFieldSetAndNotNull(feature, source->y_index)) {
        return CIM_OK;
    }
    CIM_TRY(read_ordinate(feature, source->x_index, &x, err));
    CIM_TRY(read_ordinate(feature, source->y_index, &y, err));
    *ret_point = OGR_G_CreateGeometry(wkbPoint);
    OGR_G_SetPoint_2D(*ret_point, 0, x, y);
    return CIM_OK;
}

static cim_status
make_from_wkt(const struct host_source *source, OGRFeatureH feature, OGRGeometryH *ret_geometry,
              cim_error *err)
{
    const char *text = OGR_F_GetFieldAsString(feature, source->wkt_index);
    char *at = (char *)(uintptr_t)text; /* moved on, not written to */
    OGRGeometryH geometry = NULL;
    if (!OGR_F_IsFieldSetAndNotNull(feature, source->wkt_index)) {
        return CIM_OK;
    }
    if (OGR_G_CreateFromWkt(&at, NULL, &geometry) != OGRERR_NONE || at[strspn(at, " \t")] != '\0') {
        OGR_G_DestroyGeometry(geometry);
        return cim_fail(err, CIM_E_INVALID,
                        OGR_Fld_GetNameRef(OGR_F_GetFieldDefnRef(feature, source->wkt_index)), text,
                        "WKT 无法读取", "the WKT cannot be read");
    }
    *ret_geometry = geometry;
    return CIM_OK;
}

/* GDAL drops what it cannot read of a GeoJSON geometry, but keeps the text. */
cim_status
host_source_check_geojson(struct host_source *source, OGRFeatureH feature, cim_error *err)
{
    const char *text = OGR_F_GetNativeData(feature);
    if (source->lines.file != NULL) {
        return host_geojson_lines_check(&source->lines, err);
    }
    return source->work.kind == HOST_FILE_GEOJSON && text != NULL
               ? host_geojson_check(text, strlen(text), err)
               : CIM_OK;
}

cim_status
host_source_geometry(struct host_source *source, OGRFeatureH feature, OGRGeometryH *ret_geometry,
                     cim_error *err)
{
    OGRGeometryH geometry = OGR_F_StealGeometry(feature);
    if (geometry == NULL && source->wkt_index >= 0) {
        CIM_TRY(make_from_wkt(source, feature, &geometry, err));
    }
    if (geometry == NULL && source->x_index >= 0) {
        CIM_TRY(make_point(source, feature, &geometry, err));
    }
    *ret_geometry = geometry;
    return CIM_OK;
}

/* In degrees, as the layer has it. Takes *geometry, and gives it back as it became. */
static cim_status
fit(struct host_source *source, OGRGeometryH *geometry, cim_error *err)
{
    char name[40] = "";
    cim_copy_text(name, sizeof name, OGR_G_GetGeometryName(*geometry));
    if (source->work.kind == HOST_FILE_DXF) {
        *geometry = fill_closed_line(*geometry, source->geometry);
    }
    *geometry = coerce(*geometry, source->geometry);
    if (*geometry == NULL) {
        return cim_fail(err, CIM_E_INVALID, "geom", name, "几何类型 %s 不能存入 %s 图层",
                        "a %s does not fit a layer of %s", name,
                        cim_geometry_name(source->geometry));
    }
    CIM_TRY(host_crs_in_apply(&source->crs, *geometry, err));
    return check_range(*geometry, err);
}

/* Makes an area valid, and tells of it. Takes *geometry, and gives it back as it became. */
static cim_status
repair(struct host_source *source, OGRGeometryH *geometry, const cim_error *why, cim_error *err)
{
    OGRGeometryH valid = OGR_G_MakeValid(*geometry);
    size_t len = 0;
    valid = valid != NULL ? coerce(valid, source->geometry) : NULL;
    if (valid == NULL) { /* it falls apart into lines, or into more parts than the layer takes */
        if (err != NULL) {
            *err = *why;
        }
        return CIM_E_INVALID;
    }
    OGR_G_DestroyGeometry(*geometry);
    *geometry = valid;
    CIM_TRY(to_wkb(source, valid, &len, err));
    if (source->warned != NULL) {
        cim_error what = *why;
        (void)cim_fail(&what, CIM_OK, "geom", why->value, "已修复：%s%.0s", "made valid: %.0s%s",
                       why->zh, why->en);
        source->warned(source->told_arg, source->n_read, &what);
    }
    return CIM_OK;
}

static void
warn(const struct host_source *source, const char *value, const char *zh, const char *en)
{
    cim_error what = {0};
    if (source->warned != NULL) {
        (void)cim_fail(&what, CIM_OK, "geom", value, "%s%.0s", "%.0s%s", zh, en);
        source->warned(source->told_arg, source->n_read, &what);
    }
}

/* Degrees that are none of ours in a system that was declared right are rare, and slips are not: a
 * sign, a missing digit, a wrong zone. */
static void
warn_outside(const struct host_source *source, OGRGeometryH geometry)
{
    enum { WEST_DEG = 73, EAST_DEG = 136, SOUTH_DEG = 3, NORTH_DEG = 54 }; /* 南海 to 漠河 */
    OGREnvelope box;
    char value[64];
    OGR_G_GetEnvelope(geometry, &box);
    if (box.MinX < WEST_DEG || box.MaxX > EAST_DEG || box.MinY < SOUTH_DEG ||
        box.MaxY > NORTH_DEG) {
        (void)snprintf(value, sizeof value, "%.6f %.6f", box.MinX, box.MinY);
        warn(source, value, "位置在中国范围之外：坐标或坐标系是否有误？",
             "it lies outside of China: are the coordinates and their system right?");
    }
}

/* The geometry as WKB in source->wkb, checked. Takes *geometry, and gives it back. */
static cim_status
check_and_export(struct host_source *source, OGRGeometryH *geometry, size_t *ret_len,
                 cim_error *err)
{
    const bool is_area =
        source->geometry == CIM_GEOMETRY_POLYGON || source->geometry == CIM_GEOMETRY_MULTI_POLYGON;
    cim_error why = {0};
    CIM_TRY(fit(source, geometry, err));
    warn_outside(source, *geometry);
    CIM_TRY(to_wkb(source, *geometry, ret_len, err));
    if (source->geos != NULL) {
        const cim_status status =
            cim_validity_check(source->geos, source->wkb, *ret_len, NULL, &why);
        if (status == CIM_E_INVALID && (source->flags & HOST_IMPORT_REPAIR) != 0) {
            CIM_TRY(repair(source, geometry, &why, err));
            *ret_len = OGR_G_WkbSizeEx(*geometry);
        } else if (status != CIM_OK) {
            if (err != NULL) {
                *err = why;
            }
            return status;
        }
    }
    if (source->rules != NULL) {
        CIM_TRY(host_rules_check(source->rules, source->n_read, source->wkb, *ret_len, err));
    }
    return source->topology != NULL ? host_topology_add(source->topology, source->n_read,
                                                        source->wkb, *ret_len, is_area, err)
                                    : CIM_OK;
}

cim_status
host_source_convert_geometry(struct host_source *source, OGRFeatureH feature,
                             struct cim_batch_builder *builder, cim_error *err)
{
    const uint32_t column = source->columns.n;
    OGRGeometryH geometry = NULL;
    cim_status status = CIM_OK;
    size_t len = 0;
    CIM_TRY(host_source_geometry(source, feature, &geometry, err));
    if (geometry == NULL || OGR_G_IsEmpty(geometry)) {
        if (geometry != NULL) {
            warn(source, OGR_G_GetGeometryName(geometry), "几何为空，按没有几何存入",
                 "the geometry is empty, and stored as none");
        }
        OGR_G_DestroyGeometry(geometry);
        cim_batch_append_null(builder, column);
        return CIM_OK;
    }
    status = check_and_export(source, &geometry, &len, err);
    if (status == CIM_OK) {
        cim_batch_append_bytes(builder, column, source->wkb, len);
    }
    OGR_G_DestroyGeometry(geometry);
    return status;
}

/* What a geometry of the file is taken for: closed lines of a drawing are areas. */
static enum cim_geometry_type
type_for(const struct host_source *source, OGRGeometryH geometry)
{
    const int type = (int)OGR_GT_GetLinear(OGR_GT_Flatten(OGR_G_GetGeometryType(geometry)));
    if (source->work.kind == HOST_FILE_DXF && type == wkbLineString &&
        OGR_G_GetPointCount(geometry) > 3 && OGR_G_IsRing(geometry)) {
        return CIM_GEOMETRY_POLYGON;
    }
    return type >= wkbPoint && type <= wkbMultiPolygon ? (enum cim_geometry_type)type
                                                       : CIM_GEOMETRY_MULTI_POLYGON;
}

cim_status
host_source_any_geometry(struct host_source *source, OGRFeatureH feature, size_t *ret_len,
                         cim_error *err)
{
    OGRGeometryH geometry = NULL;
    cim_status status = CIM_OK;
    *ret_len = 0;
    CIM_TRY(host_source_check_geojson(source, feature, err));
    CIM_TRY(host_source_geometry(source, feature, &geometry, err));
    if (geometry != NULL && !OGR_G_IsEmpty(geometry)) {
        source->geometry = type_for(source, geometry);
        status = check_and_export(source, &geometry, ret_len, err);
    }
    OGR_G_DestroyGeometry(geometry);
    return status;
}
