/* plugin/analysis/routing.h -- what the analyses along roads share: the network, who may use it,
 * and when. */
#ifndef LPG_ANALYSIS_ROUTING_H
#define LPG_ANALYSIS_ROUTING_H

#include "analysis/travel.h"
#include "cim/jobs.h"
#include "kit/buf.h"

/* Kept between runs. */
struct lpg_routing {
    const cim_host *host;
    const struct lpg_route_table *classes; /* borrowed, as are the caches */
    struct lpg_sites_cache *roads;
    struct lpg_sites_cache *zones;
    struct lpg_sites_cache *elements;
    struct lpg_sites_cache *users; /* households */
    struct lpg_sites_cache *all_users;
    struct lpg_sites_cache *stations;
    struct lpg_routing_table *table; /* owned */
    struct lpg_network_cache networks;
};

/* Reads <folder>/routing.json. [lifecycle] */
cim_status lpg_routing_init(struct lpg_routing *routing, const char *folder, cim_error *err);
void lpg_routing_done(struct lpg_routing *routing); /* also of {0} */

struct lpg_routing_run {
    struct lpg_sites_view roads;
    struct lpg_sites_view zones;
    struct lpg_network *network;
    const struct lpg_vehicle *vehicle;
    int32_t day;
    bool has_departure;
    int64_t depart_ms;
    bool restricted; /* zones count */
    struct lpg_closures closures;
    struct lpg_travel travel;
};

/* Reads `vehicle`, `as_of`, `depart_at`, `restrictions` and `permits` of the inputs. CIM_E_DENIED
 * without the roads, CIM_E_STATE where there are none. `ret_run` must stay where it is. [worker] */
cim_status lpg_routing_open(struct lpg_routing *routing, const cim_call *call,
                            struct json_object *inputs, const char *vehicle,
                            struct lpg_routing_run *ret_run, cim_error *err);
void lpg_routing_run_done(struct lpg_routing_run *run); /* also of {0} */

/* CIM_E_INVALID where no road that the vehicle may use is near enough. */
cim_status lpg_routing_stop(const struct lpg_routing_run *run, const double lonlat_deg[2],
                            const char *input, struct lpg_stop *ret_stop, cim_error *err);

/* "network": what was made of the roads that the caller sees; "vehicle": as what it was driven. */
void lpg_routing_write(struct lpg_routing_run *run, struct cim_buf *out);
/* "coordinates" of a LineString, in degrees with nine decimals. */
void lpg_routing_write_path(const struct lpg_network *network, const struct lpg_path *path,
                            struct cim_buf *out);

/* lpg.safer-route, lpg.service-area: inputs and answers as their process.json describe them.
 * [worker] */
cim_status lpg_safer_route_answer(struct lpg_routing *routing, const cim_call *call, cim_job *job,
                                  const char *inputs_json, cim_blob *ret_result, cim_error *err);
cim_status lpg_service_area_answer(struct lpg_routing *routing, const cim_call *call, cim_job *job,
                                   const char *inputs_json, cim_blob *ret_result, cim_error *err);

#endif
