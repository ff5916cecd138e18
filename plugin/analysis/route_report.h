/* plugin/analysis/route_report.h -- a route's report as JSON. */
#ifndef LPG_ANALYSIS_ROUTE_REPORT_H
#define LPG_ANALYSIS_ROUTE_REPORT_H

#include "analysis/route_hazards.h"
#include "kit/buf.h"

enum { LPG_ROUTE_RESULT_MAX = 256 << 20 }; /* bytes of one run's answer */

/* Appends the members of the report, without braces:
 *   "length_m", "elements": a FeatureCollection, "profile": the links, "exposed_population",
 *   "risk", "restrictions", "totals", "assumed".
 * Metres with three decimals, positions with nine. */
void lpg_route_report_write(const struct lpg_route_question *question,
                            const struct lpg_route_views *views,
                            const struct lpg_route_report *report, struct cim_buf *out);
/* The member "kinds": what was looked for, how far, on which basis. */
void lpg_route_kinds_write(const struct lpg_route_question *question, struct cim_buf *out);

#endif
