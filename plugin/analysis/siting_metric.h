/* plugin/analysis/siting_metric.h -- how far stations are from the demand they serve: as the crow
 * flies, or along the roads that a vehicle may use. */
#ifndef LPG_ANALYSIS_SITING_METRIC_H
#define LPG_ANALYSIS_SITING_METRIC_H

#include "analysis/routing.h"

/* Metres that stand for a way that does not exist; farther than any on the island. */
#define LPG_METRIC_NO_WAY_M 1e6

struct lpg_metric_place {
    double lonlat_deg[2];
    double xy[2];
    struct lpg_stop stop; /* its road; along roads alone */
};

struct lpg_metric {
    const struct lpg_tm *tm; /* borrowed */
    const cim_call *call;
    bool by_road;
    struct lpg_routing_run with;
};

/* Reads `by`, and by road what lpg_routing_open() reads. `ret_metric` must stay where it is.
 * CIM_E_STATE: by road, and there are none. [worker] */
cim_status lpg_metric_open(struct lpg_routing *routing, const cim_call *call,
                           struct json_object *inputs, const struct lpg_tm *tm,
                           struct lpg_metric *ret_metric, cim_error *err);
void lpg_metric_done(struct lpg_metric *metric); /* also of {0} */

/* Fills in the plane's position, and the road. */
void lpg_metric_place(const struct lpg_metric *metric, struct lpg_metric_place *place);
/* By road, and no road is near. */
bool lpg_metric_is_off_road(const struct lpg_metric *metric, const struct lpg_metric_place *place);

/* Which of the stations is nearest to each of the demands, and how far: UINT32_MAX and
 * LPG_METRIC_NO_WAY_M where none leads there within `most_m`. `n` of either; results are the
 * caller's arrays of n_demands. CIM_E_CANCELLED. [worker] */
cim_status lpg_metric_nearest(const struct lpg_metric *metric,
                              const struct lpg_metric_place *const *stations, size_t n_stations,
                              const struct lpg_metric_place *const *demands, size_t n_demands,
                              double most_m, uint32_t *ret_station, double *ret_m, cim_error *err);

#endif
