/* plugin/analysis/capacity.c -- see capacity.h. */
#include "analysis/capacity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void
lpg_wishes_clear(struct lpg_wishes *wishes)
{
    wishes->n = 0;
}

void
lpg_wishes_done(struct lpg_wishes *wishes)
{
    free(wishes->all);
    *wishes = (struct lpg_wishes){0};
}

void
lpg_wishes_add(struct lpg_wishes *wishes, size_t site, size_t demand, double gain)
{
    if (wishes->n == wishes->capacity) {
        const size_t capacity = wishes->capacity == 0 ? 1024 : 2 * wishes->capacity;
        struct lpg_wish *grown = realloc(wishes->all, capacity * sizeof *grown);
        if (grown == NULL) {
            wishes->no_memory = true;
            return;
        }
        wishes->all = grown;
        wishes->capacity = capacity;
    }
    wishes->all[wishes->n++] = (struct lpg_wish){(uint32_t)site, (uint32_t)demand, gain, 1.0};
}

/* Site by site, the most gained for what it takes first. */
static int
by_worth(const void *a, const void *b, void *arg)
{
    const struct lpg_wish *x = a;
    const struct lpg_wish *y = b;
    const double *amount = arg;
    const double worth_x = x->gain * amount[y->demand]; /* both divided by both amounts */
    const double worth_y = y->gain * amount[x->demand];
    if (x->site != y->site) {
        return x->site < y->site ? -1 : 1;
    }
    return worth_x != worth_y ? (worth_x < worth_y ? -1 : 1)
                              : (x->demand < y->demand ? -1 : x->demand > y->demand);
}

void
lpg_wishes_fill(struct lpg_wishes *wishes, size_t m, const double *capacity, const double *amount,
                double *ret_gain)
{
    double left = 0.0;
    memset(ret_gain, 0, m * sizeof *ret_gain);
    if (wishes->n > 0) {
        qsort_r(wishes->all, wishes->n, sizeof *wishes->all, by_worth, (void *)amount);
    }
    for (size_t k = 0; k < wishes->n; k++) {
        struct lpg_wish *wish = &wishes->all[k];
        const double takes = amount[wish->demand];
        if (k == 0 || wish->site != wish[-1].site) {
            left = capacity[wish->site];
        }
        wish->share = takes <= left ? 1.0 : left / takes;
        left = takes <= left ? left - takes : 0.0;
        ret_gain[wish->site] += wish->share * wish->gain;
    }
}

void
lpg_wishes_count(const struct lpg_wishes *wishes, const bool *is_open, double *served)
{
    for (size_t k = 0; k < wishes->n; k++) {
        const struct lpg_wish *wish = &wishes->all[k];
        served[wish->demand] += is_open[wish->site] ? wish->share : 0.0;
    }
}

bool
lpg_all_whole(const double *values, size_t n)
{
    bool whole = true;
    for (size_t k = 0; values != NULL && k < n; k++) {
        whole = whole && values[k] == floor(values[k]);
    }
    return whole;
}
