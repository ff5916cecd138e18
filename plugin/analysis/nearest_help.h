/* plugin/analysis/nearest_help.h -- the fire station and the hospital that are there first. */
#ifndef LPG_ANALYSIS_NEAREST_HELP_H
#define LPG_ANALYSIS_NEAREST_HELP_H

#include "analysis/siting.h"

/* The member "nearest": of fire stations and hospitals that the caller may read the nearest as the
 * crow flies, and "by_road" the one that is there first, with its minutes and its shortest way;
 * null where the caller sees no roads or there is no way. [worker] */
cim_status lpg_nearest_help_write(struct lpg_siting *siting, const cim_call *call,
                                  struct json_object *inputs, const double lonlat_deg[2],
                                  struct cim_buf *out, cim_error *err);

#endif
