/* kit/validity.c -- areas held against the rules of OGC Simple Features, by GEOS. */
#include "kit/topology.h"

#include "cim/util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What GEOS says, for people. */
static const struct {
    const char *en;
    const char *zh;
} reasons[] = {
    {"Ring Self-intersection", "环自相交"},
    {"Self-intersection", "边界自相交"},
    {"Hole lies outside shell", "洞在外环之外"},
    {"Holes are nested", "洞互相嵌套"},
    {"Interior is disconnected", "内部不连通"},
    {"Nested shells", "部分互相嵌套"},
    {"Duplicate Rings", "环重复"},
    {"Too few points", "点数不足"},
    {"Invalid Coordinate", "坐标无效"},
    {"Ring is not closed", "环不闭合"},
};

static const char *
in_chinese(const char *reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strncmp(reason, reasons[i].en, strlen(reasons[i].en)) == 0) {
            return reasons[i].zh;
        }
    }
    return reason;
}

static cim_status
refuse(GEOSContextHandle_t geos, const char *reason, GEOSGeometry *place, double ret_place_deg[2],
       cim_error *err)
{
    char at[64] = "";
    double x = 0;
    double y = 0;
    if (place != NULL && GEOSGeomGetX_r(geos, place, &x) == 1 &&
        GEOSGeomGetY_r(geos, place, &y) == 1) {
        (void)snprintf(at, sizeof at, "%.7f %.7f", x, y);
        if (ret_place_deg != NULL) {
            ret_place_deg[0] = x;
            ret_place_deg[1] = y;
        }
    }
    return cim_fail(err, CIM_E_INVALID, "geom", at, "几何无效：%s（位置 %s）%.0s",
                    "the geometry is not valid: %.0s%.0s%s", in_chinese(reason), at, reason);
}

cim_status
cim_validity_check(GEOSContextHandle_t geos, const uint8_t *wkb, size_t len,
                   double ret_place_deg[2], cim_error *err)
{
    GEOSWKBReader *reader = GEOSWKBReader_create_r(geos);
    GEOSGeometry *geometry = NULL;
    GEOSGeometry *place = NULL;
    char *reason = NULL;
    cim_status status = CIM_OK;
    if (ret_place_deg != NULL) {
        ret_place_deg[0] = NAN;
        ret_place_deg[1] = NAN;
    }
    if (reader == NULL) {
        return cim_fail_nomem(err);
    }
    geometry = GEOSWKBReader_read_r(geos, reader, wkb, len);
    GEOSWKBReader_destroy_r(geos, reader);
    if (geometry == NULL) {
        return cim_fail(err, CIM_E_INVALID, "geom", NULL, "几何无效：环不闭合或点数不足",
                        "the geometry is not valid: a ring is open or has too few points");
    }
    if (GEOSisValidDetail_r(geos, geometry, 0, &reason, &place) != 1) {
        status = refuse(geos, reason != NULL ? reason : "", place, ret_place_deg, err);
    }
    GEOSFree_r(geos, reason);
    GEOSGeom_destroy_r(geos, place);
    GEOSGeom_destroy_r(geos, geometry);
    return status;
}
