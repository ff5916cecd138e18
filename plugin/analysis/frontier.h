/* plugin/analysis/frontier.h -- of all choices of up to p sites those that no other beats at once
 * in cost, in demand covered and in persons exposed: the Pareto set.
 *
 * A depth-first search over sets of sites. Nothing that holds a set costs less or exposes fewer
 * than it, and what it may still cover is bounded by the best gains of the sites that are left
 * (covering is submodular: Nemhauser, Wolsey, Fisher 1978), so a branch ends where a choice that is
 * known already is as good as all that may come. The work is counted, not timed.
 */
#ifndef LPG_ANALYSIS_FRONTIER_H
#define LPG_ANALYSIS_FRONTIER_H

#include "cim/call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LPG_FRONTIER_WORK 4e8 /* some four seconds */

enum { LPG_FRONTIER_POINTS_MAX = 2000, LPG_FRONTIER_SITES_MAX = 100 /* in one choice */ };

struct lpg_frontier {
    size_t n;                /* demands */
    size_t m;                /* sites */
    size_t p;                /* sites to choose at most, beside those that are fixed */
    const double *amount;    /* n */
    const double *cost;      /* n rows of m: 0 where the site covers the demand, else its amount */
    const bool *fixed;       /* m: open whatever happens, and at no cost */
    const bool *apart;       /* m × m, or NULL: as in median.h */
    const double *capacity;  /* m, or NULL: likewise */
    const double *price;     /* m, at least 0 */
    const double *persons;   /* of each group of persons */
    const uint32_t *exposed; /* groups that a site exposes, site after site */
    const size_t *exposed_end; /* m: where those of a site end; they begin where the last ended */
    size_t n_groups;
    double work; /* budget; 0: LPG_FRONTIER_WORK */
};

/* No two are equal in all three. Numbers are in steps of 1e-6, so that the order of sums is none of
 * their business. */
struct lpg_frontier_point {
    double price;
    double covered;
    double exposed;
    size_t n_sites;
    uint32_t sites[LPG_FRONTIER_SITES_MAX];
};

struct lpg_frontier_answer {
    size_t n;
    struct lpg_frontier_point *points; /* cheapest first, of those the most covered; owned */
    bool complete; /* else the work, or the room for points, ended first: there may be better */
};

/* CIM_E_CANCELLED; CIM_E_NOMEM. [worker] */
cim_status lpg_frontier_find(const struct lpg_frontier *frontier, const cim_call *call,
                             struct lpg_frontier_answer *ret_answer, cim_error *err);
void lpg_frontier_answer_done(struct lpg_frontier_answer *answer); /* also of {0} */

#endif
