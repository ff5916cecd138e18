/* host/exchange/crs.c -- the reference system of a file; the one place that decides axis order.
 *
 * All systems are set to the traditional order of GIS, longitude or easting first, whatever their
 * registry entry says; that is how coordinates lie in files and how we store them. */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static cim_status
ask(cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, "crs", NULL,
                    "文件没有声明坐标系，请用 crs 指明：cgcs2000、wgs84、gcj02（高德、腾讯地图）、"
                    "bd09（百度地图）或 EPSG:编号（如 EPSG:4546）",
                    "the file declares no reference system; give one as crs: cgcs2000, wgs84, "
                    "gcj02 (AMap, Tencent), bd09 (Baidu) or EPSG:code (such as EPSG:4546)");
}

static cim_status
unknown(const char *declared, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, "crs", declared,
                    "坐标系“%s”未知，应为 cgcs2000、wgs84、gcj02、bd09、EPSG:编号或 local:参数",
                    "reference system '%s': expected cgcs2000, wgs84, gcj02, bd09, EPSG:code or "
                    "local:parameters",
                    declared);
}

static bool
named(const char *text, const char *a, const char *b)
{
    return strcasecmp(text, a) == 0 || strcasecmp(text, b) == 0;
}

/* Plain longitude and latitude in WGS 84 or CGCS2000: one and the same at our accuracy. */
static bool
is_ours(OGRSpatialReferenceH srs)
{
    const char *code = OSRGetAuthorityCode(srs, NULL);
    const char *name = OSRGetAuthorityName(srs, NULL);
    const char *datum = OSRGetAttrValue(srs, "DATUM", 0);
    if (!OSRIsGeographic(srs)) {
        return false;
    }
    if (name != NULL && code != NULL && strcasecmp(name, "EPSG") == 0) {
        return strcmp(code, "4326") == 0 || strcmp(code, "4490") == 0;
    }
    return datum != NULL && fabs(OSRGetAngularUnits(srs, NULL) - 0.0174532925199433) < 1e-12 &&
           OSRGetPrimeMeridian(srs, NULL) == 0.0 &&
           (named(datum, "WGS_1984", "D_WGS_1984") || named(datum, "China_2000", "D_China_2000") ||
            strcasecmp(datum, "China Geodetic Coordinate System 2000") == 0);
}

/* PROJ would take these for WGS 84 and say nothing. */
static bool
has_secret_datum(OGRSpatialReferenceH srs)
{
    const char *datum = OSRGetAttrValue(srs, "DATUM", 0);
    return datum != NULL && (named(datum, "Xian_1980", "D_Xian_1980") ||
                             named(datum, "Beijing_1954", "D_Beijing_1954"));
}

static void
label(OGRSpatialReferenceH srs, char ret_label[64])
{
    const char *code = OSRGetAuthorityCode(srs, NULL);
    const char *name = OSRGetAuthorityName(srs, NULL);
    const char *title = OSRGetName(srs);
    if (name != NULL && code != NULL) {
        (void)snprintf(ret_label, 64, "%.16s:%.16s", name, code);
    } else {
        cim_copy_text(ret_label, 64, title != NULL ? title : "");
    }
}

static cim_status
open_transform(OGRSpatialReferenceH from, struct host_crs_in *crs, cim_error *err)
{
    OGRSpatialReferenceH to = OSRNewSpatialReference(NULL);
    struct host_gdal_errors errors = {0};
    double use[4] = {0, 0, 0, 0}; /* west, south, east, north */
    host_gdal_enter(&errors);
    if (to != NULL && OSRImportFromEPSG(to, 4490) == OGRERR_NONE) {
        OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
        OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
        crs->transform = OCTNewCoordinateTransformation(from, to);
    }
    host_gdal_leave();
    OSRDestroySpatialReference(to);
    if (crs->transform == NULL) {
        return cim_fail(err, CIM_E_INVALID, "crs", crs->label,
                        "无法由坐标系“%s”换算到 CGCS2000（%s）",
                        "no conversion from '%s' to CGCS2000 (%s)", crs->label, errors.first);
    }
    crs->kind = HOST_CRS_PROJ;
    crs->is_projected = OSRIsProjected(from) != 0;
    if (OSRGetAreaOfUse(from, &use[0], &use[1], &use[2], &use[3], NULL) && use[0] < use[2]) {
        crs->use_w_deg = use[0];
        crs->use_e_deg = use[2];
    }
    return CIM_OK;
}

static cim_status
use(OGRSpatialReferenceH srs, struct host_crs_in *crs, cim_error *err)
{
    if (OSRIsLocal(srs) || (!OSRIsGeographic(srs) && !OSRIsProjected(srs))) {
        return ask(err);
    }
    label(srs, crs->label);
    if (has_secret_datum(srs)) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "crs", crs->label,
                        "西安 80、北京 54 到 CGCS2000 的换算参数因地而异且不公开，直接换算会偏离"
                        "数十米：请先用本地参数转换为 CGCS2000",
                        "the parameters from Xian 1980 and Beijing 1954 to CGCS2000 are local and "
                        "not public, without them points come out tens of metres off: convert to "
                        "CGCS2000 with your local parameters first");
    }
    if (is_ours(srs)) {
        crs->kind = HOST_CRS_SAME;
        return CIM_OK;
    }
    return open_transform(srs, crs, err);
}

static cim_status
use_epsg(const char *declared, const char *digits, struct host_crs_in *crs, cim_error *err)
{
    char *end = NULL;
    const long code = strtol(digits, &end, 10);
    OGRSpatialReferenceH srs = NULL;
    struct host_gdal_errors errors = {0};
    cim_status status = CIM_OK;
    int imported = OGRERR_FAILURE;
    if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || code < 1024 || code > 999999) {
        return unknown(declared, err);
    }
    srs = OSRNewSpatialReference(NULL);
    if (srs == NULL) {
        return cim_fail_nomem(err);
    }
    host_gdal_enter(&errors);
    imported = OSRImportFromEPSG(srs, (int)code);
    host_gdal_leave();
    status = imported == OGRERR_NONE ? use(srs, crs, err) : unknown(declared, err);
    OSRDestroySpatialReference(srs);
    return status;
}

static cim_status
use_local(const char *text, struct host_crs_in *crs, cim_error *err)
{
    OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
    cim_status status = CIM_OK;
    if (srs == NULL) {
        return cim_fail_nomem(err);
    }
    status = host_crs_local(text, srs, &crs->turn, err);
    if (status == CIM_OK) {
        status = use(srs, crs, err);
    }
    OSRDestroySpatialReference(srs);
    return status;
}

static cim_status
use_declared(const char *declared, struct host_crs_in *crs, cim_error *err)
{
    if (named(declared, "gcj02", "gcj-02")) {
        crs->kind = HOST_CRS_GCJ02;
        cim_copy_text(crs->label, sizeof crs->label, "GCJ-02");
        return CIM_OK;
    }
    if (named(declared, "bd09", "bd-09")) {
        crs->kind = HOST_CRS_BD09;
        cim_copy_text(crs->label, sizeof crs->label, "BD-09");
        return CIM_OK;
    }
    if (named(declared, "wgs84", "wgs-84")) {
        return use_epsg(declared, "4326", crs, err);
    }
    if (named(declared, "cgcs2000", "cgcs-2000")) {
        return use_epsg(declared, "4490", crs, err);
    }
    if (strncasecmp(declared, "EPSG:", 5) == 0) {
        return use_epsg(declared, declared + 5, crs, err);
    }
    if (strncasecmp(declared, "local:", 6) == 0) {
        return use_local(declared + 6, crs, err);
    }
    return unknown(declared, err);
}

cim_status
host_crs_in_open(const char *declared, OGRSpatialReferenceH of_file, struct host_crs_in *ret_crs,
                 cim_error *err)
{
    struct host_crs_in crs = {0};
    host_gdal_init();
    if (declared != NULL && declared[0] != '\0') {
        CIM_TRY(use_declared(declared, &crs, err));
    } else if (of_file == NULL) {
        return ask(err);
    } else {
        OGRSpatialReferenceH copy = OSRClone(of_file);
        cim_status status = CIM_OK;
        if (copy == NULL) {
            return cim_fail_nomem(err);
        }
        (void)OSRDemoteTo2D(copy, NULL); /* heights are not kept; a failure changes nothing */
        status = use(copy, &crs, err);
        OSRDestroySpatialReference(copy);
        CIM_TRY(status);
    }
    *ret_crs = crs;
    return CIM_OK;
}

void
host_crs_in_done(struct host_crs_in *crs)
{
    if (crs->transform != NULL) {
        OCTDestroyCoordinateTransformation(crs->transform);
    }
    *crs = (struct host_crs_in){0};
}

static void
shift_points(OGRGeometryH geometry, void (*shift)(double, double, double *))
{
    const int n_parts = OGR_G_GetGeometryCount(geometry);
    const int n_points = n_parts == 0 ? OGR_G_GetPointCount(geometry) : 0;
    for (int i = 0; i < n_parts; i++) {
        shift_points(OGR_G_GetGeometryRef(geometry, i), shift);
    }
    for (int i = 0; i < n_points; i++) {
        double at[2];
        shift(OGR_G_GetX(geometry, i), OGR_G_GetY(geometry, i), at);
        OGR_G_SetPoint_2D(geometry, i, at[0], at[1]);
    }
}

/* Strips overlap, and a city keeps one central meridian for all of itself: two zones of 3 degrees
 * either way are taken. A zone number too much puts points 9 degrees off. */
enum { USE_MARGIN_DEG = 6 };

static cim_status
check_degrees_in_metres(const struct host_crs_in *crs, const OGREnvelope *box, const char *value,
                        cim_error *err)
{
    if (!crs->is_projected || fabs(box->MinX) > 180 || fabs(box->MaxX) > 180 ||
        fabs(box->MinY) > 90 || fabs(box->MaxY) > 90) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, "geom", value,
                    "坐标像经纬度，而坐标系 %s 的坐标以米计：坐标系是否声明有误？",
                    "the coordinates look like degrees, but those of %s are metres: is the "
                    "reference system right?",
                    crs->label);
}

static cim_status
check_use(const struct host_crs_in *crs, const OGREnvelope *box, const char *value, cim_error *err)
{
    if (!crs->is_projected || crs->use_w_deg >= crs->use_e_deg ||
        (box->MinX >= crs->use_w_deg - USE_MARGIN_DEG &&
         box->MaxX <= crs->use_e_deg + USE_MARGIN_DEG)) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, "geom", value,
                    "经度远离 %s 的适用范围（%.2f 至 %.2f）：带号或中央经线是否有误？",
                    "the longitude lies far from where %s is used (%.2f to %.2f): is the zone or "
                    "the central meridian right?",
                    crs->label, crs->use_w_deg, crs->use_e_deg);
}

static cim_status
transform(struct host_crs_in *crs, OGRGeometryH geometry, cim_error *err)
{
    OGREnvelope box;
    char value[64];
    OGR_G_GetEnvelope(geometry, &box);
    (void)snprintf(value, sizeof value, "%.6f %.6f", box.MinX, box.MinY);
    CIM_TRY(check_degrees_in_metres(crs, &box, value, err));
    if (OGR_G_Transform(geometry, crs->transform) != OGRERR_NONE) {
        return cim_fail(err, CIM_E_INVALID, "geom", value,
                        "坐标无法由 %s 换算到 CGCS2000：带号、中央经线或坐标系是否有误？",
                        "the coordinates cannot be converted from %s to CGCS2000: is the zone, the "
                        "central meridian or the reference system right?",
                        crs->label);
    }
    OGR_G_GetEnvelope(geometry, &box);
    return check_use(crs, &box, value, err);
}

cim_status
host_crs_in_apply(struct host_crs_in *crs, OGRGeometryH geometry, cim_error *err)
{
    switch (crs->kind) {
    case HOST_CRS_GCJ02:
        shift_points(geometry, host_shift_from_gcj02);
        return CIM_OK;
    case HOST_CRS_BD09:
        shift_points(geometry, host_shift_from_bd09);
        return CIM_OK;
    case HOST_CRS_PROJ:
        if (crs->turn.scale != 0.0) {
            host_crs_turn_apply(&crs->turn, geometry);
        }
        return transform(crs, geometry, err);
    case HOST_CRS_SAME:
    default:
        return CIM_OK;
    }
}

/* ---- out ---- */

cim_status
host_crs_out_open(const char *declared, struct host_crs_out *ret_crs, cim_error *err)
{
    struct host_crs_out crs = {.epsg = 0};
    if (strncasecmp(declared, "EPSG:", 5) != 0) {
        return cim_fail(err, CIM_E_INVALID, "crs", declared,
                        "导出的坐标系“%s”应为 EPSG:编号（如 EPSG:4526、EPSG:4547）",
                        "reference system '%s': expected EPSG:code (such as EPSG:4526, EPSG:4547)",
                        declared);
    }
    CIM_TRY(host_crs_in_open(declared, NULL, &crs.in, err));
    crs.epsg = (int32_t)strtol(declared + 5, NULL, 10); /* was read before */
    crs.srs = OSRNewSpatialReference(NULL);
    if (crs.srs != NULL && OSRImportFromEPSG(crs.srs, crs.epsg) == OGRERR_NONE) {
        OSRSetAxisMappingStrategy(crs.srs, OAMS_TRADITIONAL_GIS_ORDER);
        crs.transform =
            crs.in.kind == HOST_CRS_PROJ ? OCTGetInverse(crs.in.transform) : crs.transform;
    }
    if (crs.srs == NULL || (crs.in.kind == HOST_CRS_PROJ && crs.transform == NULL)) {
        host_crs_out_done(&crs);
        return cim_fail(err, CIM_E_INVALID, "crs", declared, "无法由 CGCS2000 换算到坐标系“%s”",
                        "no conversion from CGCS2000 to '%s'", declared);
    }
    *ret_crs = crs;
    return CIM_OK;
}

void
host_crs_out_done(struct host_crs_out *crs)
{
    if (crs->transform != NULL) {
        OCTDestroyCoordinateTransformation(crs->transform);
    }
    OSRDestroySpatialReference(crs->srs);
    host_crs_in_done(&crs->in);
    *crs = (struct host_crs_out){.epsg = 0};
}

cim_status
host_crs_out_apply(const struct host_crs_out *crs, OGRGeometryH geometry, cim_error *err)
{
    OGREnvelope box;
    char value[64];
    if (crs->transform == NULL) {
        return CIM_OK;
    }
    OGR_G_GetEnvelope(geometry, &box);
    (void)snprintf(value, sizeof value, "%.6f %.6f", box.MinX, box.MinY);
    CIM_TRY(check_use(&crs->in, &box, value, err));
    return OGR_G_Transform(geometry, crs->transform) == OGRERR_NONE
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "geom", value, "坐标无法换算到 %s",
                          "the coordinates cannot be converted to %s", crs->in.label);
}
