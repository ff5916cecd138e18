/* plugin/analysis/siting_solve.c -- which of the sites serve the demand best, and what each of them
 * serves then. */
#include "analysis/siting_parts.h"
#include "analysis/transport.h"
#include "cim/util.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t
lpg_choice_sites(const struct choice *choice, size_t *list)
{
    size_t n = 0;
    for (size_t i = 0; i < choice->n_sites; i++) {
        if (choice->sites[i].existing || choice->sites[i].eligible) {
            list[n++] = i;
        }
    }
    return n;
}

/* Demand that no road is near to counts as not covered, and in no sum of distances. */
static double
cost_of(const struct choice *choice, const struct demand *demand, bool coverage, double m)
{
    if (coverage) {
        return m <= choice->radius_m ? 0.0 : demand->weight;
    }
    return lpg_metric_is_off_road(&choice->metric, &demand->place) ? 0.0 : demand->weight * m;
}

cim_status
lpg_choice_costs(struct choice *choice, const size_t *list, size_t m, bool coverage, double *cost)
{
    const size_t n = choice->n_demands;
    const double most_m = coverage ? choice->radius_m : LPG_METRIC_NO_WAY_M;
    CIM_AUTO_FREE const struct lpg_metric_place **demands = malloc((n + 1) * sizeof *demands);
    CIM_AUTO_FREE uint32_t *nearest = malloc((n + 1) * sizeof *nearest);
    CIM_AUTO_FREE double *metres = malloc((n + 1) * sizeof *metres);
    if (demands == NULL || nearest == NULL || metres == NULL) {
        return cim_fail_nomem(choice->err);
    }
    for (size_t i = 0; i < n; i++) {
        demands[i] = &choice->demands[i].place;
    }
    for (size_t j = 0; j < m; j++) {
        const struct lpg_metric_place *place = &choice->sites[list[j]].place;
        CIM_TRY(lpg_metric_nearest(&choice->metric, &place, 1, demands, n, most_m, nearest, metres,
                                   choice->err));
        for (size_t i = 0; i < n; i++) {
            cost[i * m + j] = cost_of(choice, &choice->demands[i], coverage, metres[i]);
        }
    }
    return CIM_OK;
}

void
lpg_choice_apart(const struct choice *choice, const size_t *list, size_t m, bool *apart)
{
    for (size_t j = 0; j < m; j++) {
        const struct site *one = &choice->sites[list[j]];
        for (size_t k = 0; k < m; k++) {
            const struct site *other = &choice->sites[list[k]];
            /* those that stand already may be as near to each other as they are */
            apart[j * m + k] =
                j != k && !(one->existing && other->existing) &&
                lpg_choice_apart_m(choice, one->place.xy, other->place.xy) < choice->spacing_m;
        }
    }
}

/* What there is to choose from, and by which numbers. */
struct trade {
    size_t m;
    size_t *list; /* sites that take part */
    double *cost;
    bool *fixed;
    bool *apart;
    double *capacity; /* these three with capacities alone */
    double *amount;
    double *none;
};

static void
trade_done(struct trade *trade)
{
    free(trade->list);
    free(trade->cost);
    free(trade->fixed);
    free(trade->apart);
    free(trade->capacity);
    free(trade->amount);
    free(trade->none);
}

/* Serving nothing of a demand costs what it costs where no station is near. */
static void
fill_capacities(const struct choice *choice, struct trade *trade)
{
    for (size_t j = 0; j < trade->m; j++) {
        const double capacity = choice->sites[trade->list[j]].capacity;
        trade->capacity[j] = isnan(capacity) ? choice->total : capacity;
    }
    for (size_t i = 0; i < choice->n_demands; i++) {
        const struct demand *demand = &choice->demands[i];
        trade->none[i] = cost_of(choice, demand, choice->coverage, LPG_METRIC_NO_WAY_M);
        trade->amount[i] = trade->none[i] > 0.0 ? demand->weight : 0.0;
    }
}

static cim_status
trade_open(struct choice *choice, struct trade *trade)
{
    const size_t n = choice->n_demands;
    trade->list = calloc(choice->n_sites + 1, sizeof *trade->list);
    if (trade->list == NULL) {
        return cim_fail_nomem(choice->err);
    }
    trade->m = lpg_choice_sites(choice, trade->list);
    if (n * trade->m > LPG_MEDIAN_CELLS_MAX) {
        return cim_fail(choice->err, CIM_E_TOO_LARGE, "demand", NULL,
                        "%zu 个需求点乘 %zu 个候选点超过 %d，请合并需求点或减少候选点",
                        "%zu demands times %zu sites is more than %d: join demands or give fewer "
                        "candidates",
                        n, trade->m, LPG_MEDIAN_CELLS_MAX);
    }
    trade->cost = malloc((n * trade->m + 1) * sizeof *trade->cost);
    trade->fixed = calloc(trade->m + 1, sizeof *trade->fixed);
    trade->apart = calloc(trade->m * trade->m + 1, sizeof *trade->apart);
    trade->capacity = calloc(trade->m + 1, sizeof *trade->capacity);
    trade->amount = calloc(n + 1, sizeof *trade->amount);
    trade->none = calloc(n + 1, sizeof *trade->none);
    if (trade->cost == NULL || trade->fixed == NULL || trade->apart == NULL ||
        trade->capacity == NULL || trade->amount == NULL || trade->none == NULL) {
        return cim_fail_nomem(choice->err);
    }
    for (size_t j = 0; j < trade->m; j++) {
        trade->fixed[j] = choice->sites[trade->list[j]].existing && !choice->movable;
    }
    lpg_choice_apart(choice, trade->list, trade->m, trade->apart);
    fill_capacities(choice, trade);
    return lpg_choice_costs(choice, trade->list, trade->m, choice->coverage, trade->cost);
}

static cim_status
solve(struct choice *choice, const struct trade *trade)
{
    const struct lpg_median median = {.n = choice->n_demands,
                                      .m = trade->m,
                                      .p = choice->count +
                                           (choice->movable ? choice->n_existing : 0),
                                      .cost = trade->cost,
                                      .fixed = trade->fixed,
                                      .apart = choice->spacing_m > 0.0 ? trade->apart : NULL,
                                      .capacity = choice->limited ? trade->capacity : NULL,
                                      .amount = choice->limited ? trade->amount : NULL,
                                      .none = choice->limited ? trade->none : NULL};
    return lpg_median_solve(&median, choice->ground->call, &choice->answer, choice->err);
}

/* What each site that was chosen serves: the nearest serves, and covers where it is near enough. */
static cim_status
share_by_nearest(struct choice *choice, const size_t *open, size_t n_open, bool *ret_reached)
{
    const size_t n = choice->n_demands;
    const double most_m = choice->coverage ? choice->radius_m : LPG_METRIC_NO_WAY_M;
    CIM_AUTO_FREE const struct lpg_metric_place **places = malloc((n_open + 1) * sizeof *places);
    CIM_AUTO_FREE const struct lpg_metric_place **demands = malloc((n + 1) * sizeof *demands);
    CIM_AUTO_FREE uint32_t *nearest = malloc((n + 1) * sizeof *nearest);
    CIM_AUTO_FREE double *metres = malloc((n + 1) * sizeof *metres);
    if (places == NULL || demands == NULL || nearest == NULL || metres == NULL) {
        return cim_fail_nomem(choice->err);
    }
    for (size_t k = 0; k < n_open; k++) {
        places[k] = &choice->sites[open[k]].place;
    }
    for (size_t i = 0; i < n; i++) {
        demands[i] = &choice->demands[i].place;
    }
    CIM_TRY(lpg_metric_nearest(&choice->metric, places, n_open, demands, n, most_m, nearest, metres,
                               choice->err));
    for (size_t i = 0; i < n; i++) {
        const struct demand *demand = &choice->demands[i];
        ret_reached[i] = nearest[i] != UINT32_MAX;
        if (!ret_reached[i]) {
            choice->unreached +=
                lpg_metric_is_off_road(&choice->metric, &demand->place) ? 0.0 : demand->weight;
        } else if (!choice->limited) {
            choice->sites[open[nearest[i]]].serves += demand->weight;
        }
    }
    return CIM_OK;
}

/* And where each serves only so much, as costs least. */
static cim_status
share_by_capacity(struct choice *choice, const struct trade *trade, const bool *reached)
{
    const size_t n = choice->n_demands;
    CIM_AUTO_FREE size_t *open = malloc((trade->m + 1) * sizeof *open);
    CIM_AUTO_FREE double *served = NULL;
    struct lpg_transport transport = {.n = n,
                                      .amount = trade->amount,
                                      .cost = trade->cost,
                                      .none = trade->none,
                                      .stride = trade->m,
                                      .capacity = trade->capacity,
                                      .open = open};
    double cost;
    for (size_t j = 0; open != NULL && j < trade->m; j++) {
        if (choice->answer.open[j]) {
            open[transport.m++] = j;
        }
    }
    served = malloc((n * transport.m + 1) * sizeof *served);
    if (open == NULL || served == NULL) {
        return cim_fail_nomem(choice->err);
    }
    CIM_TRY(lpg_transport_solve(&transport, &cost, served, choice->err));
    for (size_t i = 0; i < n; i++) {
        double left = reached[i] ? trade->amount[i] : 0.0;
        for (size_t k = 0; k < transport.m; k++) {
            const double share = served[i * transport.m + k];
            if (trade->cost[i * trade->m + open[k]] < trade->none[i]) {
                choice->sites[trade->list[open[k]]].serves += share;
                left -= share;
            }
        }
        choice->unserved += fmax(left, 0.0);
    }
    return CIM_OK;
}

static cim_status
share_out(struct choice *choice, const struct trade *trade)
{
    CIM_AUTO_FREE size_t *open = malloc((trade->m + 1) * sizeof *open);
    CIM_AUTO_FREE bool *reached = calloc(choice->n_demands + 1, sizeof *reached);
    size_t n_open = 0;
    if (open == NULL || reached == NULL) {
        return cim_fail_nomem(choice->err);
    }
    for (size_t j = 0; j < trade->m; j++) {
        if (choice->answer.open[j]) {
            open[n_open++] = trade->list[j];
        }
    }
    CIM_TRY(share_by_nearest(choice, open, n_open, reached));
    return choice->limited ? share_by_capacity(choice, trade, reached) : CIM_OK;
}

static cim_status
choose_with(struct choice *choice, struct trade *trade, bool *chosen)
{
    CIM_TRY(trade_open(choice, trade));
    CIM_TRY(solve(choice, trade));
    choice->solved = choice->answer.found;
    for (size_t j = 0; j < trade->m && choice->solved; j++) {
        chosen[trade->list[j]] = choice->answer.open[j];
    }
    return choice->solved ? share_out(choice, trade) : CIM_OK;
}

cim_status
lpg_choice_solve(struct choice *choice, bool *chosen)
{
    struct trade trade = {0};
    const cim_status status = choose_with(choice, &trade, chosen);
    trade_done(&trade);
    return status;
}
