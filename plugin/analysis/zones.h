/* plugin/analysis/zones.h -- where a route lies in areas that are closed to it, and when.
 *
 * Chainage to the centimetre; edges of areas are taken as straight in the route's plane.
 */
#ifndef LPG_ANALYSIS_ZONES_H
#define LPG_ANALYSIS_ZONES_H

#include "analysis/sites.h"
#include "geo/chain.h"

enum { LPG_ZONE_STAYS_MAX = 10000 };

struct lpg_zone_stay {
    uint32_t record;
    struct lpg_stretch at;
};

struct lpg_zone_stays {
    size_t n;
    size_t capacity;
    struct lpg_zone_stay *stays; /* by chainage, then uid */
};

/* `view` is of a layer of areas (sites.h) and may hold no sites. `bbox_deg` holds the chain; `day`
 * since 1970: records must be in force on it. Starts from {0}; free(ret_stays->stays), also after a
 * failure. [worker] */
cim_status lpg_zones_along(const struct lpg_chain *chain, const double bbox_deg[4],
                           struct lpg_sites_view *view, int32_t day, const cim_call *call,
                           struct lpg_zone_stays *ret_stays, cim_error *err);
/* Is the zone closed at this instant? */
bool lpg_zone_is_closed(const struct lpg_site_facts *facts, int64_t ms);

#endif
