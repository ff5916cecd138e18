/* plugin/analysis/shape_join.h -- many shapes as one area, in steps that a cancel ends. */
#ifndef LPG_ANALYSIS_SHAPE_JOIN_H
#define LPG_ANALYSIS_SHAPE_JOIN_H

#include "cim/call.h"

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>

#include <stddef.h>

/* All of `parts`, each grown by `width_m` in the plane (arcs of 8 steps to a quarter); 0 for parts
 * that are areas already. GEOS does such a thing in one call, which nothing can end; here near ones
 * are joined first and the call is asked after each. Takes the parts, also when it fails, not the
 * list. Owned by the caller; empty without parts. CIM_E_CANCELLED, CIM_E_INTERNAL where GEOS
 * fails. [worker] */
cim_status lpg_shape_join(GEOSContextHandle_t geos, const cim_call *call, GEOSGeometry **parts,
                          size_t n, double width_m, GEOSGeometry **ret_shape, cim_error *err);

#endif
