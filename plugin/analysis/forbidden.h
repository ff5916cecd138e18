/* plugin/analysis/forbidden.h -- the land on which a station would stand too near to something.
 *
 * Never short: a position outside it keeps every distance that the demand asks, to the millimetre.
 * Not much more: what it takes beyond that is at most LPG_FORBIDDEN_EXCESS_M wide, in a plane whose
 * meridian is within 100 km. Arcs are circumscribed as in geo/buffer.h.
 */
#ifndef LPG_ANALYSIS_FORBIDDEN_H
#define LPG_ANALYSIS_FORBIDDEN_H

#include "analysis/separation.h"

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>

#define LPG_FORBIDDEN_EXCESS_M 0.02

enum { LPG_FORBIDDEN_SHAPES_MAX = 500000 };

/* All receptors that may meet `window_deg`, each grown by what it asks and by `wider_m` (half of
 * what stands there). `only`: bits of receptors that count. An area in the plane of `tm`, owned by
 * the caller; empty where nothing is forbidden. CIM_E_CANCELLED, CIM_E_TOO_LARGE past
 * LPG_FORBIDDEN_SHAPES_MAX. [worker] */
cim_status lpg_forbidden_land(GEOSContextHandle_t geos, const struct lpg_tm *tm,
                              const struct lpg_separation_demand *demand, uint32_t only,
                              const double window_deg[4], double wider_m, int32_t day,
                              struct lpg_receptor_views *views, const cim_call *call,
                              GEOSGeometry **ret_land, cim_error *err);

#endif
