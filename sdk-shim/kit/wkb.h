/* kit/wkb.h -- walking ISO WKB without building objects. 2-D; Z and M are skipped. */
#ifndef CIM_KIT_WKB_H
#define CIM_KIT_WKB_H

#include "kit/buf.h"

#include <stdbool.h>

enum { CIM_WKB_DEPTH_MAX = 4, CIM_WKB_BYTES_MAX = 64 << 20 };

/* Called in the order of the bytes. Any may be NULL. A non-zero result stops the walk. */
struct cim_wkb_visitor {
    void *self;
    /* type: 1…7 as in WKB; count: points, rings or parts. */
    int (*begin)(void *self, uint32_t type, uint32_t count);
    int (*begin_ring)(void *self, uint32_t n_points);
    int (*point)(void *self, double x, double y);
    int (*end_ring)(void *self);
    int (*end)(void *self, uint32_t type);
};

/* CIM_E_INVALID for truncated, lying or non-finite input; CIM_E_CANCELLED when a visitor stopped.
 */
cim_status cim_wkb_walk(const void *data, size_t len, const struct cim_wkb_visitor *visitor,
                        cim_error *err);
/* Base type 1…7, or 0 when it is no WKB. */
uint32_t cim_wkb_type(const void *data, size_t len);
/* True and the position when it is a point. */
bool cim_wkb_point(const void *data, size_t len, double *ret_x, double *ret_y);
/* West, south, east, north; CIM_E_NOTFOUND for an empty geometry. */
cim_status cim_wkb_bbox(const void *data, size_t len, double ret_bbox[4], cim_error *err);
/* GeoJSON geometry object. */
cim_status cim_wkb_to_geojson(const void *data, size_t len, struct cim_buf *out, cim_error *err);
/* Little-endian WKB of a point into 21 bytes. */
void cim_wkb_from_point(double x, double y, uint8_t ret_wkb[21]);

#endif
