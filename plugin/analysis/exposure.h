/* plugin/analysis/exposure.h -- how many persons a vehicle passes, and for how long a way: the sum
 * over all persons of the metres on which it is within the exposure radius of them.
 *
 * It is the integral along the way of the persons who are near (route-hazards adds up the same by
 * links of 500 m), so it adds up over edges and does not depend on where they are cut. Who counts
 * is as in route-hazards: persons of risk elements in force, the kind's worst where a record says
 * nothing; residents from the households, or from residential elements where the caller may not
 * read those.
 */
#ifndef LPG_ANALYSIS_EXPOSURE_H
#define LPG_ANALYSIS_EXPOSURE_H

#include "analysis/route_hazards.h"

struct lpg_exposure {
    const struct lpg_route_question *question;
    struct lpg_route_views *views;
};

/* Of a line of `n` positions (xy pairs in the plane of `tm`), in person-millimetres, whole so that
 * it does not depend on the order in which persons are found. [worker] */
int64_t lpg_exposure_along(const struct lpg_exposure *exposure, const struct lpg_tm *tm,
                           const double *xy, size_t n);

#endif
