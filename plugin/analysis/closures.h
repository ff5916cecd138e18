/* plugin/analysis/closures.h -- which edges of the network lie in zones that are closed to a
 * vehicle, and when it may pass.
 *
 * An edge that enters a zone cannot be passed while the zone is closed; a part of it can that ends
 * before the zone. Vehicles may wait before it: so it is never better to arrive later, and an
 * analysis that weighs time may do without the later of two arrivals.
 */
#ifndef LPG_ANALYSIS_CLOSURES_H
#define LPG_ANALYSIS_CLOSURES_H

#include "analysis/network.h"

struct json_object;

enum lpg_zone_code { LPG_ZONE_ALL_ROADS, LPG_ZONE_EXPRESSWAYS };

struct lpg_closures {
    struct lpg_sites_view *zones; /* borrowed */
    int64_t depart_ms;            /* INT64_MIN: not known, so that hours count as the whole day */
    size_t n, capacity;
    struct lpg_closure {
        uint32_t record; /* of the zones */
        uint32_t next;   /* of the same edge, number + 1; 0: no more */
        double from;     /* shares of the edge between which it lies in the zone */
        double to;
    } * list;
    uint32_t *first; /* per edge, number + 1; 0: open */
};

/* `permits`: uids of zones that the vehicle may pass, an array or NULL. `expressway`: the number of
 * that class of road. Zones must be in force on `day`. Zones without sites close nothing. [worker]
 */
cim_status lpg_closures_find(const struct lpg_network *network, struct lpg_sites_view *zones,
                             int32_t day, int64_t depart_ms, int expressway,
                             struct json_object *permits, const cim_call *call,
                             struct lpg_closures *ret_closures, cim_error *err);
void lpg_closures_done(struct lpg_closures *closures); /* also of {0} */

/* Whether a part of an edge lies in no zone at any time. [any] */
bool lpg_closures_open(const struct lpg_closures *closures, uint32_t edge, double from_share,
                       double to_share);
/* From `at_ms` after departure, how long after it this part of an edge may be entered that takes
 * `duration_ms`, so that no zone of it is closed meanwhile; -1: within eight days never. [any] */
int64_t lpg_closures_leave(const struct lpg_closures *closures, uint32_t edge, double from_share,
                           double to_share, int64_t at_ms, int64_t duration_ms);
/* The same of one zone, by the clock. */
int64_t lpg_zone_passable_ms(const struct lpg_site_facts *facts, int64_t at_ms,
                             int64_t duration_ms);

#endif
