/* plugin/analysis/pareto.h -- all ways from one node to another of which none is better in length,
 * time and exposure at once.
 *
 * A label-setting search (E. Q. V. Martins, "On a multicriteria shortest path problem", EJOR 16,
 * 1984) led by lower bounds to the end (L. Mandow, J. L. Pérez de la Cruz, "Multiobjective A*
 * search with consistent heuristics", J. ACM 57, 2010), dominance cut by one criterion (F. J.
 * Pulido, L. Mandow, J. L. Pérez de la Cruz, "Dimensionality reduction in multiobjective shortest
 * path search", Comput. Oper. Res. 64, 2015). Costs are whole numbers, so equal is equal.
 *
 * Time may depend on when an edge is entered, as long as who arrives earlier leaves no later.
 */
#ifndef LPG_ANALYSIS_PARETO_H
#define LPG_ANALYSIS_PARETO_H

#include "cim/call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lpg_criterion { LPG_LENGTH, LPG_TIME, LPG_EXPOSURE, LPG_CRITERIA };

struct lpg_pareto_arc {
    uint32_t from;
    uint32_t to;
    int64_t length;
    int64_t time;
};

struct lpg_pareto_graph {
    uint32_t n_nodes;
    size_t n_arcs;
    const struct lpg_pareto_arc *arcs;
    void *arg;
    /* Exposure of an arc, at least 0; asked once an arc and only of those that are looked at;
     * negative: it failed, and the search with it. */
    int64_t (*exposure)(void *arg, size_t arc);
    /* When an arc is left behind that is reached at this time; -1: never. NULL: time later. */
    int64_t (*pass)(void *arg, size_t arc, int64_t at);
};

struct lpg_pareto_path {
    int64_t cost[LPG_CRITERIA];
    size_t n;
    size_t *arcs; /* in order; owned by the answer */
};

struct lpg_pareto_answer {
    size_t n;                      /* 0: there is no way */
    struct lpg_pareto_path *paths; /* by length, then time, then exposure; no two of equal costs */
    double tolerance; /* 0: all of them. Else there were too many: every way is within this share in
                         every criterion of one that is here */
    bool cut;         /* even so there were too many, and some are missing */
};

/* `labels_max`: how much may be looked at before the tolerance grows; 0: 600 000. CIM_E_CANCELLED,
 * CIM_E_NOMEM, or CIM_E_INTERNAL where exposure() failed. [worker] */
cim_status lpg_pareto_search(const struct lpg_pareto_graph *graph, uint32_t from, uint32_t to,
                             size_t labels_max, const cim_call *call,
                             struct lpg_pareto_answer *ret_answer, cim_error *err);
void lpg_pareto_answer_done(struct lpg_pareto_answer *answer); /* also of {0} */

#endif
