/* plugin/analysis/siting_metric.c -- see siting_metric.h. */
#include "analysis/siting_metric.h"

#include "analysis/json_io.h"
#include "cim/util.h"
#include "geo/plane.h"
#include "kit/cleanup.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

cim_status
lpg_metric_open(struct lpg_routing *routing, const cim_call *call, struct json_object *inputs,
                const struct lpg_tm *tm, struct lpg_metric *ret_metric, cim_error *err)
{
    const char *by = json_object_get_string(lpg_in_member(inputs, "by"));
    *ret_metric = (struct lpg_metric){.tm = tm, .call = call};
    if (by == NULL || strcmp(by, "straight") == 0) {
        return CIM_OK;
    }
    if (routing == NULL) {
        return cim_fail(err, CIM_E_STATE, "by", by, "没有路网", "there is no network of roads");
    }
    ret_metric->by_road = true;
    return lpg_routing_open(routing, call, inputs, "delivery_3", &ret_metric->with, err);
}

void
lpg_metric_done(struct lpg_metric *metric)
{
    lpg_routing_run_done(&metric->with);
}

void
lpg_metric_place(const struct lpg_metric *metric, struct lpg_metric_place *place)
{
    lpg_tm_forward(metric->tm, place->lonlat_deg[0], place->lonlat_deg[1], place->xy);
    if (metric->by_road) {
        lpg_travel_stop(&metric->with.travel, place->lonlat_deg, &place->stop);
    }
}

bool
lpg_metric_is_off_road(const struct lpg_metric *metric, const struct lpg_metric_place *place)
{
    return metric->by_road && place->stop.edge == UINT32_MAX;
}

static cim_status
nearest_by_road(const struct lpg_metric *metric, const struct lpg_metric_place *const *stations,
                size_t n_stations, const struct lpg_metric_place *const *demands, size_t n_demands,
                double most_m, uint32_t *ret_station, double *ret_m, cim_error *err)
{
    const int64_t most_mm = most_m < LPG_METRIC_NO_WAY_M ? llround(most_m * 1e3)
                                                         : llround(LPG_METRIC_NO_WAY_M * 1e3) - 1;
    CIM_AUTO_FREE struct lpg_stop *stops = malloc((n_stations + 1) * sizeof *stops);
    struct lpg_reach reach = {0};
    if (stops == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t j = 0; j < n_stations; j++) {
        stops[j] = stations[j]->stop;
    }
    CIM_TRY(lpg_travel_reach(&metric->with.travel, stops, n_stations, false, false, most_mm,
                             metric->call, &reach, err));
    for (size_t i = 0; i < n_demands; i++) {
        int64_t mm = LPG_TRAVEL_NEVER;
        uint32_t station = UINT32_MAX;
        if (demands[i]->stop.edge != UINT32_MAX) {
            mm = lpg_travel_cost(&metric->with.travel, &reach, stops, n_stations, false, false,
                                 &demands[i]->stop, &station);
        }
        const bool there = mm <= most_mm;
        ret_station[i] = there ? station : UINT32_MAX;
        ret_m[i] = there ? (double)mm / 1e3 : LPG_METRIC_NO_WAY_M;
    }
    lpg_reach_done(&reach);
    return CIM_OK;
}

cim_status
lpg_metric_nearest(const struct lpg_metric *metric, const struct lpg_metric_place *const *stations,
                   size_t n_stations, const struct lpg_metric_place *const *demands,
                   size_t n_demands, double most_m, uint32_t *ret_station, double *ret_m,
                   cim_error *err)
{
    if (metric->by_road) {
        return nearest_by_road(metric, stations, n_stations, demands, n_demands, most_m,
                               ret_station, ret_m, err);
    }
    for (size_t i = 0; i < n_demands; i++) {
        ret_station[i] = UINT32_MAX;
        ret_m[i] = LPG_METRIC_NO_WAY_M;
        for (size_t j = 0; j < n_stations; j++) {
            const double m = lpg_tm_distance_m(metric->tm, demands[i]->xy, stations[j]->xy);
            if (m <= most_m && m < ret_m[i]) {
                ret_m[i] = m;
                ret_station[i] = (uint32_t)j;
            }
        }
    }
    return CIM_OK;
}
