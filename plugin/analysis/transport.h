/* plugin/analysis/transport.h -- which station serves which demand where each serves only so much:
 * the transportation problem, solved exactly.
 *
 * Successive shortest paths (Jewell 1958; Busacker and Gowen 1960) in the graph of the stations, of
 * which there are few: an arc from one to another is the cheapest move of what the one serves. A
 * demand may be shared between stations; with whole amounts and capacities no unit is.
 */
#ifndef LPG_ANALYSIS_TRANSPORT_H
#define LPG_ANALYSIS_TRANSPORT_H

#include "cim/base.h"

#include <stddef.h>

struct lpg_transport {
    size_t n;               /* demands */
    const double *amount;   /* n, at least 0 */
    const double *cost;     /* n rows of `stride`: of serving the whole of a demand; finite */
    const double *none;     /* n: of serving nothing of it */
    size_t stride;          /* sites */
    const double *capacity; /* by site */
    size_t m;               /* stations that are open */
    const size_t *open;     /* m: their sites */
};

/* The least cost, and how much of each demand each open station serves (n rows of m, the caller's;
 * NULL: not asked for). CIM_E_NOMEM. [worker] */
cim_status lpg_transport_solve(const struct lpg_transport *transport, double *ret_cost,
                               double *ret_served, cim_error *err);

#endif
