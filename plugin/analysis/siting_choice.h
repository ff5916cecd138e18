/* plugin/analysis/siting_choice.h -- which of the places where a station may stand serve best. */
#ifndef LPG_ANALYSIS_SITING_CHOICE_H
#define LPG_ANALYSIS_SITING_CHOICE_H

#include "analysis/siting.h"

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>

enum {
    LPG_CHOICE_COUNT_MAX = 100,
    LPG_CHOICE_GRID = 400, /* candidates laid over the land, about */
    LPG_CHOICE_DEMANDS_MAX = 100000
};

/* What siting found out before; all borrowed. */
struct lpg_choice_ground {
    struct lpg_siting *siting;
    const cim_call *call;
    cim_job *job;
    struct lpg_siting_run *with;
    const struct lpg_separation_station_in *station;
    const struct lpg_separation_demand *demand;
    GEOSContextHandle_t geos;
    const struct lpg_tm *tm;
    const double *box_deg;        /* of the area */
    const GEOSGeometry *area;     /* in the plane */
    const GEOSGeometry *base;     /* what land use and control lines leave of it */
    const GEOSGeometry *feasible; /* and separations of that */
};

/* `count`, `candidates`, `demand`, `objective`, `service_radius_m`, `by`, `spacing_m`, `existing`
 * of the inputs; writes "candidates", "chosen", "moved", "too_few", "covered_demand",
 * "total_demand", "off_road_demand", "unreached_demand", "bound", "gap" and "proven" as members of
 * an open object: empty and null without `count`. [worker] */
cim_status lpg_siting_choose(const struct lpg_choice_ground *ground, struct json_object *inputs,
                             struct cim_buf *out, cim_error *err);

#endif
