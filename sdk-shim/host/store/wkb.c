/* host/store/wkb.c -- what a geometry must be to be stored, in either database. */
#include "host/store/driver.h"

#include "cim/util.h"
#include "kit/wkb.h"

#include <math.h>

enum { WKB_POINT = 1, WKB_LAST_2D = 7 };

/* The numbers of 2-D types; anything with Z or M, or in EWKB's dialect, is something else. */
static cim_status
check_2d(const uint8_t *wkb, size_t len, cim_error *err)
{
    uint32_t type = 0;
    if (len < 5 || wkb[0] > 1) {
        return cim_fail(err, CIM_E_INVALID, "geom", NULL, "几何数据不是 ISO WKB",
                        "the geometry is no ISO WKB");
    }
    for (unsigned i = 0; i < 4; i++) {
        type |= (uint32_t)wkb[1 + i] << (8U * (wkb[0] == 1 ? i : 3U - i));
    }
    if (type < WKB_POINT || type > WKB_LAST_2D) {
        return cim_fail(err, CIM_E_INVALID, "geom", NULL, "几何类型 %u 不是二维类型 1–7",
                        "geometry type %u: expected a two-dimensional type, 1 to 7", type);
    }
    return CIM_OK;
}

cim_status
host_wkb_check(const void *wkb, size_t len, double ret_bbox[4], enum host_wkb_extent *ret_extent,
               cim_error *err)
{
    double x = 0;
    double y = 0;
    CIM_TRY(check_2d(wkb, len, err));
    if (cim_wkb_point(wkb, len, &x, &y)) {
        if (!isfinite(x) || !isfinite(y)) {
            return cim_fail(err, CIM_E_INVALID, "geom", NULL, "坐标不是有限的数",
                            "a coordinate is no finite number");
        }
        *ret_extent = HOST_WKB_POINT;
        return CIM_OK;
    }
    const cim_status status = cim_wkb_bbox(wkb, len, ret_bbox, err);
    if (status == CIM_OK || status == CIM_E_NOTFOUND) {
        *ret_extent = status == CIM_OK ? HOST_WKB_BOX : HOST_WKB_EMPTY;
        return CIM_OK;
    }
    return status;
}
