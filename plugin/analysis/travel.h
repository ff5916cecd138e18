/* plugin/analysis/travel.h -- the network as one caller's vehicle may use it, how far that is.
 *
 * Whole millimetres and milliseconds: sums do not depend on the order of adding.
 */
#ifndef LPG_ANALYSIS_TRAVEL_H
#define LPG_ANALYSIS_TRAVEL_H

#include "analysis/closures.h"
#include "analysis/network.h"
#include "analysis/routing_table.h"

#define LPG_TRAVEL_NEVER INT64_MAX

struct lpg_travel {
    const struct lpg_network *network;
    const struct lpg_routing_table *table;
    const struct lpg_vehicle *vehicle;
    const struct lpg_closures *closures; /* NULL: nothing is closed */
    uint8_t *ways;                       /* LPG_WAY_… per edge; 0: not for this vehicle */
    int64_t *time_ms;                    /* per edge */
};

/* Edges of roads that `roads` does not show are not there. Arguments are borrowed. [worker] */
cim_status lpg_travel_open(const struct lpg_network *network, struct lpg_sites_view *roads,
                           const struct lpg_routing_table *table, const struct lpg_vehicle *vehicle,
                           const struct lpg_closures *closures, struct lpg_travel *ret_travel,
                           cim_error *err);
void lpg_travel_done(struct lpg_travel *travel); /* also of {0} */

/* A place on an edge. */
struct lpg_stop {
    uint32_t edge;        /* UINT32_MAX: no road is near enough */
    double share;         /* of the edge, from its first vertex */
    double gap_m;         /* from the place to the road */
    double xy[2];         /* on the road */
    double lonlat_deg[2]; /* as it was asked */
};

/* The nearest road of the vehicle's; the same each time where several are as near. */
void lpg_travel_stop(const struct lpg_travel *travel, const double lonlat_deg[2],
                     struct lpg_stop *ret_stop);

/* What Dijkstra's search found out: from several stops over every edge. */
struct lpg_reach {
    int64_t *cost;    /* per node, LPG_TRAVEL_NEVER: not reached */
    uint32_t *source; /* the stop that serves it; among equals the first */
};
/* `stops` that are on no edge are left out; their gaps are part of the cost. Up to `most`.
 * `toward`: ways lead to the stops instead of from them. By time in ms (closures are waited for) or
 * by length in mm (closed edges are not used). [worker] */
cim_status lpg_travel_reach(const struct lpg_travel *travel, const struct lpg_stop *stops,
                            size_t n_stops, bool by_time, bool toward, int64_t most,
                            const cim_call *call, struct lpg_reach *ret_reach, cim_error *err);
void lpg_reach_done(struct lpg_reach *reach); /* also of {0} */
/* Cost at a stop, its gap included, and which of the reach's stops serves it. */
int64_t lpg_travel_cost(const struct lpg_travel *travel, const struct lpg_reach *reach,
                        const struct lpg_stop *stops, size_t n_stops, bool by_time, bool toward,
                        const struct lpg_stop *at, uint32_t *ret_source);
/* Of so many metres off the road. */
int64_t lpg_travel_access(const struct lpg_travel *travel, double gap_m, bool by_time);

/* Appends the positions of the edge between two shares of it, in that order, xy pairs. False: out
 * of memory. */
struct lpg_path {
    size_t n;
    size_t capacity;
    double *xy;
};
bool lpg_network_piece(const struct lpg_network *network, uint32_t edge, double from_share,
                       double to_share, struct lpg_path *path);

#endif
