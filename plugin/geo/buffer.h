/* plugin/geo/buffer.h -- all places within so many metres of a geometry, as a polygon.
 *
 * Never short: every place within `radius_m` (geodesic) of the geometry is inside. Not much more: a
 * place farther than `radius_m` + `excess_m` + 1 cm is outside where the geometry is at most 20 km
 * wide and its edges at most 5 km long; wider ones add up to x² / (2 R²) of the radius (1.2e-4 for
 * 200 km), longer edges their bend. The arcs are circumscribed: GEOS cuts an arc into steps of at
 * most 3/2 of what it is told, so n steps a quarter need r / cos(3π / 8n).
 */
#ifndef LPG_GEO_BUFFER_H
#define LPG_GEO_BUFFER_H

#include "kit/buf.h"

enum {
    LPG_BUFFER_RADIUS_MAX_M = 50000,
    LPG_BUFFER_WIDTH_MAX_M = 400000, /* of the geometry, from west to east */
    LPG_BUFFER_BYTES_MAX = 16 << 20  /* of the geometry */
};

/* Writes little-endian WKB of a Polygon or MultiPolygon in degrees. Edges of the geometry are
 * geodesics; those of the result may be taken for geodesics or for straight in degrees. `excess_m`
 * of 0.01 or more. CIM_E_INVALID: not WKB in range, or a radius out of range; CIM_E_TOO_LARGE past
 * the limits. [any]
 */
cim_status lpg_buffer(const void *wkb, size_t len, double radius_m, double excess_m,
                      struct cim_buf *out, cim_error *err);

#endif
