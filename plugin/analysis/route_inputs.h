/* plugin/analysis/route_inputs.h -- the inputs of lpg.route-hazards, read and checked. */
#ifndef LPG_ANALYSIS_ROUTE_INPUTS_H
#define LPG_ANALYSIS_ROUTE_INPUTS_H

#include "analysis/route_hazards.h"

struct json_object;

struct lpg_route_inputs {
    struct json_object *document; /* owns the texts */
    struct lpg_route_question question;
    bool many; /* given as `routes` */
    size_t n_routes;
    struct lpg_route *routes;
    double **positions; /* of each route */
};

/* Fetches a stored route by its id: pairs in degrees, malloc'd. */
typedef cim_status (*lpg_route_fetch_fn)(void *arg, const char *id, double **ret_lonlat_deg,
                                         size_t *ret_n, cim_error *err);

/* A problem names the input, such as "routes[3].coordinates[7]". `now_ms`: the day where none is
 * given. Keeps `table`. */
cim_status lpg_route_inputs_read(const char *json, const struct lpg_route_table *table,
                                 int64_t now_ms, lpg_route_fetch_fn fetch, void *arg,
                                 struct lpg_route_inputs *ret_inputs, cim_error *err);
void lpg_route_inputs_done(struct lpg_route_inputs *inputs); /* also of {0} */

#endif
