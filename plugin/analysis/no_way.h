/* plugin/analysis/no_way.h -- why one place cannot be reached from another, and where. */
#ifndef LPG_ANALYSIS_NO_WAY_H
#define LPG_ANALYSIS_NO_WAY_H

#include "analysis/routing.h"

/* CIM_E_STATE with the reason: zones that are closed on the way, roads that this vehicle may not
 * use or not in this direction, or parts of the network that do not meet, with the places where
 * they come nearest. Input "to". [worker] */
cim_status lpg_no_way(struct lpg_routing_run *run, const struct lpg_stop ends[2], cim_error *err);

#endif
