/* plugin/analysis/shapes.h -- records as GEOS geometries in a plane, and back to GeoJSON. */
#ifndef LPG_ANALYSIS_SHAPES_H
#define LPG_ANALYSIS_SHAPES_H

#include "geo/tm.h"
#include "kit/buf.h"

#include <stddef.h>

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>

/* The area that these edges (pairs of ends in degrees, ring by ring) close, by even-odd: a ring in
 * a ring is a hole. A ring that crosses itself is mended, none of it left out. NULL for rings of no
 * extent. Long edges follow the geodesic. Owned by the caller. */
cim_status lpg_shape_area(GEOSContextHandle_t geos, const struct lpg_tm *tm,
                          const double *edges_deg, size_t n_edges, GEOSGeometry **ret_shape,
                          cim_error *err);
/* One edge, or a position where both ends are the same. */
cim_status lpg_shape_line(GEOSContextHandle_t geos, const struct lpg_tm *tm, const double *edge_deg,
                          GEOSGeometry **ret_shape, cim_error *err);
/* The parts of `shape` that are areas, from the plane to degrees, as a MultiPolygon geometry (an
 * object). Edges are cut so that they may be taken for geodesics or straight in degrees. */
cim_status lpg_shape_write(GEOSContextHandle_t geos, const struct lpg_tm *tm,
                           const GEOSGeometry *shape, struct cim_buf *out, cim_error *err);

#endif
