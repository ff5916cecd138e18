/* plugin/analysis/capacity.h -- what each site would serve in the relaxation of the p-median where
 * it serves only so much: of the demands that would gain by it those that gain most for what they
 * take of its capacity, the last of them in part (Dantzig 1957: no knapsack holds more).
 */
#ifndef LPG_ANALYSIS_CAPACITY_H
#define LPG_ANALYSIS_CAPACITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lpg_wish {
    uint32_t site;
    uint32_t demand;
    double gain;  /* of serving all of it: negative */
    double share; /* that is served */
};

struct lpg_wishes {
    size_t n;
    size_t capacity;
    struct lpg_wish *all;
    bool no_memory;
};

/* For the next relaxation. */
void lpg_wishes_clear(struct lpg_wishes *wishes);
void lpg_wishes_add(struct lpg_wishes *wishes, size_t site, size_t demand, double gain);
/* Fills the capacities of the `m` sites and adds up what each gains. */
void lpg_wishes_fill(struct lpg_wishes *wishes, size_t m, const double *capacity,
                     const double *amount, double *ret_gain);
/* Adds to `served` (by demand) what the open sites serve. */
void lpg_wishes_count(const struct lpg_wishes *wishes, const bool *is_open, double *served);
void lpg_wishes_done(struct lpg_wishes *wishes); /* also of {0} */

/* NULL: there are none, and so true. */
bool lpg_all_whole(const double *values, size_t n);

#endif
