/* plugin/analysis/median.h -- which p of m sites serve n demands at the least cost: the p-median.
 *
 * Maximal covering is the same problem: a demand costs its weight where it is not covered, and
 * nothing where it is (Church and ReVelle 1974).
 *
 * A Lagrangian relaxation of "each demand is served once" (Cornuejols, Fisher, Nemhauser 1977)
 * gives a bound that holds whatever the multipliers; greedy choice and interchange (Teitz and Bart
 * 1968) give a good start; branch and bound closes the gap, or what is left of it is told. The work
 * is counted, not timed: the same inputs give the same answer on every machine.
 *
 * With capacities a site serves no more than its own (transport.h), a demand may be shared, and
 * what nobody serves costs `none`. The relaxation is then a knapsack a site (capacity.h).
 */
#ifndef LPG_ANALYSIS_MEDIAN_H
#define LPG_ANALYSIS_MEDIAN_H

#include "cim/call.h"

#include <stdbool.h>
#include <stddef.h>

#define LPG_MEDIAN_WORK 1.1e9 /* some four seconds */

enum { LPG_MEDIAN_SITES_MAX = 2000, LPG_MEDIAN_CELLS_MAX = 25000000 };

struct lpg_median {
    size_t n;               /* demands */
    size_t m;               /* sites */
    size_t p;               /* sites to choose beside those that are fixed */
    const double *cost;     /* n rows of m; at least 0, finite */
    const bool *fixed;      /* m: open whatever happens; NULL: none */
    const bool *apart;      /* m × m, symmetric: not both of them chosen; NULL: all may be */
    double work;            /* budget in cells looked at; 0: LPG_MEDIAN_WORK */
    const double *capacity; /* m; NULL: each serves as many as there are */
    const double *amount;   /* n: what of a capacity a demand takes; with capacities alone */
    const double *none;     /* n: the cost of serving nothing of it; with capacities alone */
};

struct lpg_median_answer {
    bool found;   /* false: no p sites may stand together */
    double value; /* cost of `open` */
    double bound; /* no choice costs less */
    bool proven;  /* value and bound are one, but for rounding */
    bool *open;   /* m, fixed ones too; owned */
};

/* Fewer than p sites are never chosen, even where more serve nobody. CIM_E_CANCELLED; CIM_E_NOMEM.
 * [worker] */
cim_status lpg_median_solve(const struct lpg_median *median, const cim_call *call,
                            struct lpg_median_answer *ret_answer, cim_error *err);
void lpg_median_answer_done(struct lpg_median_answer *answer); /* also of {0} */

#endif
