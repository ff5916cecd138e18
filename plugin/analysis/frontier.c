/* plugin/analysis/frontier.c -- see frontier.h. */
#include "analysis/frontier.h"

#include "analysis/transport.h"
#include "cim/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct search {
    const struct lpg_frontier *given;
    const cim_call *call;
    double budget;
    size_t n_order;
    size_t *order;      /* sites that may be chosen, those that cover most first */
    uint32_t *covering; /* n: how many of the chosen cover it */
    uint32_t *exposing; /* groups: how many of the chosen expose it */
    double *none;       /* n: what leaving a demand out costs: its amount */
    double *least;      /* order, and one more: the lowest price from there on */
    double *whole;      /* m: what a site covers by itself, within its capacity */
    double *gains;      /* p: the largest so far */
    size_t *open;       /* fixed ones, and then the chosen */
    size_t n_fixed;
    size_t n_open;
    struct lpg_frontier_point at; /* of the chosen */
    struct lpg_frontier_point *points;
    size_t n_points;
    size_t capacity;
    bool complete;
    bool cancelled;
    bool no_memory;
};

static double
in_steps(double value)
{
    return nearbyint(value * 1e6) / 1e6;
}

static bool
covers(const struct search *search, size_t i, size_t j)
{
    return search->given->cost[i * search->given->m + j] == 0.0;
}

static bool
goes_on(const struct search *search)
{
    return search->budget > 0.0 && !search->cancelled && !search->no_memory;
}

static void
spend(struct search *search, double work)
{
    search->budget -= work;
    search->cancelled = search->cancelled || cim_heed_cancel(search->call, NULL) != CIM_OK;
}

/* ---- what a choice is worth ---- */

static void
count(struct search *search, size_t j, uint32_t step)
{
    const struct lpg_frontier *given = search->given;
    for (size_t i = 0; i < given->n; i++) {
        search->covering[i] += covers(search, i, j) ? step : 0U;
    }
    for (size_t k = j > 0 ? given->exposed_end[j - 1] : 0; k < given->exposed_end[j]; k++) {
        search->exposing[given->exposed[k]] += step;
    }
}

/* What the open sites cover were they without limit. */
static double
covered_at_most(const struct search *search)
{
    double covered = 0.0;
    for (size_t i = 0; i < search->given->n; i++) {
        covered += search->covering[i] > 0 ? search->given->amount[i] : 0.0;
    }
    return covered;
}

static double
covered_within(struct search *search)
{
    const struct lpg_frontier *given = search->given;
    const struct lpg_transport transport = {.n = given->n,
                                            .amount = given->amount,
                                            .cost = given->cost,
                                            .none = search->none,
                                            .stride = given->m,
                                            .capacity = given->capacity,
                                            .m = search->n_open,
                                            .open = search->open};
    double left_out = 0.0;
    double total = 0.0;
    for (size_t i = 0; i < given->n; i++) {
        total += given->amount[i];
    }
    if (lpg_transport_solve(&transport, &left_out, NULL, NULL) != CIM_OK) {
        search->no_memory = true;
    }
    spend(search, 16.0 * (double)given->n * (double)(search->n_open + 1));
    return total - left_out;
}

static void
weigh(struct search *search)
{
    const struct lpg_frontier *given = search->given;
    struct lpg_frontier_point *at = &search->at;
    at->price = at->exposed = 0.0;
    at->n_sites = search->n_open - search->n_fixed;
    for (size_t k = 0; k < at->n_sites; k++) {
        const size_t j = search->open[search->n_fixed + k];
        at->sites[k] = (uint32_t)j;
        at->price += given->price[j];
    }
    for (size_t k = 0; k < given->n_groups; k++) {
        at->exposed += search->exposing[k] > 0 ? given->persons[k] : 0.0;
    }
    at->covered = given->capacity != NULL ? covered_within(search) : covered_at_most(search);
    at->price = in_steps(at->price);
    at->covered = in_steps(at->covered);
    at->exposed = in_steps(at->exposed);
    spend(search, (double)(given->n + given->n_groups));
}

/* ---- the points ---- */

/* Whether a known choice is as good in all three. */
static bool
is_beaten(const struct search *search, double price, double covered, double exposed)
{
    for (size_t k = 0; k < search->n_points; k++) {
        const struct lpg_frontier_point *point = &search->points[k];
        if (point->price <= price && point->covered >= covered && point->exposed <= exposed) {
            return true;
        }
    }
    return false;
}

/* Keeps the choice at hand, and drops those that it beats. */
static void
keep(struct search *search)
{
    const struct lpg_frontier_point *at = &search->at;
    size_t n_kept = 0;
    spend(search, 2.0 * (double)search->n_points);
    if (is_beaten(search, at->price, at->covered, at->exposed)) {
        return;
    }
    for (size_t k = 0; k < search->n_points; k++) {
        const struct lpg_frontier_point *point = &search->points[k];
        if (at->price > point->price || at->covered < point->covered ||
            at->exposed > point->exposed) {
            search->points[n_kept++] = *point;
        }
    }
    search->n_points = n_kept;
    if (search->n_points == LPG_FRONTIER_POINTS_MAX) {
        search->budget = 0.0;
        search->complete = false;
        return;
    }
    if (search->n_points == search->capacity) {
        const size_t capacity = search->capacity == 0 ? 64 : 2 * search->capacity;
        struct lpg_frontier_point *grown = realloc(search->points, capacity * sizeof *grown);
        if (grown == NULL) {
            search->no_memory = true;
            return;
        }
        search->points = grown;
        search->capacity = capacity;
    }
    search->points[search->n_points++] = *at;
}

/* ---- the search ---- */

static bool
may_join(const struct search *search, size_t j)
{
    for (size_t k = search->n_fixed; k < search->n_open; k++) {
        if (search->given->apart != NULL &&
            search->given->apart[j * search->given->m + search->open[k]]) {
            return false;
        }
    }
    return true;
}

/* The sum of the `most` largest gains of sites from `from` on: what each covers by itself, or what
 * nothing covers yet. */
static double
best_gains(struct search *search, size_t from, size_t most, bool by_themselves)
{
    const struct lpg_frontier *given = search->given;
    size_t n = 0;
    double sum = 0.0;
    for (size_t r = from; r < search->n_order; r++) {
        const size_t j = search->order[r];
        double gain = by_themselves ? search->whole[j] : 0.0;
        size_t k;
        for (size_t i = 0; i < given->n && !by_themselves; i++) {
            gain += search->covering[i] == 0 && covers(search, i, j) ? given->amount[i] : 0.0;
        }
        for (k = n < most ? n++ : most; k > 0 && search->gains[k - 1] < gain; k--) {
            if (k < most) {
                search->gains[k] = search->gains[k - 1];
            }
        }
        if (k < most) {
            search->gains[k] = gain;
        }
    }
    for (size_t k = 0; k < n; k++) {
        sum += search->gains[k];
    }
    spend(search, by_themselves ? (double)search->n_order
                                : (double)given->n * (double)(search->n_order - from + 1));
    return sum;
}

/* The most that choices with the open sites and some from `from` on may cover. */
static double
covered_bound(struct search *search, size_t from)
{
    const size_t most = search->given->p - (search->n_open - search->n_fixed);
    double bound = covered_at_most(search) + best_gains(search, from, most, false);
    if (search->given->capacity != NULL) {
        bound = fmin(bound, search->at.covered + best_gains(search, from, most, true));
    }
    return in_steps(bound);
}

/* All choices with the open sites and any from `from` on. */
static void
descend(struct search *search, size_t from)
{
    double price;
    double exposed;
    double bound;
    weigh(search);
    keep(search);
    if (search->n_open - search->n_fixed == search->given->p || from == search->n_order) {
        return;
    }
    price = search->at.price;
    exposed = search->at.exposed;
    bound = covered_bound(search, from);
    for (size_t r = from; r < search->n_order; r++) {
        const size_t j = search->order[r];
        if (!goes_on(search)) {
            search->complete = false;
            return;
        }
        spend(search, (double)search->n_points);
        if (is_beaten(search, in_steps(price + search->least[r]), bound, exposed)) {
            return;
        }
        if (may_join(search, j)) {
            search->open[search->n_open++] = j;
            count(search, j, 1U);
            descend(search, r + 1);
            count(search, j, UINT32_MAX); /* one less */
            search->n_open--;
        }
    }
}

/* ---- the whole ---- */

struct ranked {
    double whole;
    size_t site;
};

static int
by_whole(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    return x->whole != y->whole ? (x->whole > y->whole ? -1 : 1)
                                : (x->site < y->site ? -1 : x->site > y->site);
}

static int
by_price(const void *a, const void *b)
{
    const struct lpg_frontier_point *x = a;
    const struct lpg_frontier_point *y = b;
    if (x->price != y->price) {
        return x->price < y->price ? -1 : 1;
    }
    return x->covered != y->covered ? (x->covered > y->covered ? -1 : 1)
                                    : (x->exposed < y->exposed ? -1 : x->exposed > y->exposed);
}

static bool
search_open(struct search *search)
{
    const size_t n = search->given->n + 1;
    const size_t m = search->given->m + 1;
    search->order = calloc(m, sizeof *search->order);
    search->covering = calloc(n, sizeof *search->covering);
    search->exposing = calloc(search->given->n_groups + 1, sizeof *search->exposing);
    search->none = calloc(n, sizeof *search->none);
    search->least = calloc(m, sizeof *search->least);
    search->whole = calloc(m, sizeof *search->whole);
    search->gains = calloc(search->given->p + 1, sizeof *search->gains);
    search->open = calloc(m, sizeof *search->open);
    return search->order != NULL && search->covering != NULL && search->exposing != NULL &&
           search->none != NULL && search->least != NULL && search->whole != NULL &&
           search->gains != NULL && search->open != NULL;
}

static void
search_done(struct search *search)
{
    free(search->order);
    free(search->covering);
    free(search->exposing);
    free(search->none);
    free(search->least);
    free(search->whole);
    free(search->gains);
    free(search->open);
    free(search->points);
}

/* Opens the fixed sites and puts the others in order. */
static bool
prepare(struct search *search)
{
    const struct lpg_frontier *given = search->given;
    struct ranked *ranked = calloc(given->m + 1, sizeof *ranked);
    if (ranked == NULL) {
        return false;
    }
    memcpy(search->none, given->amount, given->n * sizeof *search->none);
    for (size_t j = 0; j < given->m; j++) {
        for (size_t i = 0; i < given->n; i++) {
            search->whole[j] += covers(search, i, j) ? given->amount[i] : 0.0;
        }
        if (given->capacity != NULL) {
            search->whole[j] = fmin(search->whole[j], given->capacity[j]);
        }
        if (given->fixed[j]) {
            search->open[search->n_open++] = j;
            for (size_t i = 0; i < given->n; i++) { /* those exposed by it are so anyway */
                search->covering[i] += covers(search, i, j);
            }
        } else {
            ranked[search->n_order++] = (struct ranked){search->whole[j], j};
        }
    }
    search->n_fixed = search->n_open;
    qsort(ranked, search->n_order, sizeof *ranked, by_whole);
    search->least[search->n_order] = HUGE_VAL;
    for (size_t r = search->n_order; r-- > 0;) {
        search->order[r] = ranked[r].site;
        search->least[r] = fmin(search->least[r + 1], given->price[ranked[r].site]);
    }
    free(ranked);
    return true;
}

cim_status
lpg_frontier_find(const struct lpg_frontier *frontier, const cim_call *call,
                  struct lpg_frontier_answer *ret_answer, cim_error *err)
{
    struct search search = {.given = frontier,
                            .call = call,
                            .budget = frontier->work > 0.0 ? frontier->work : LPG_FRONTIER_WORK,
                            .complete = true};
    cim_status status;
    search.no_memory = !search_open(&search) || !prepare(&search);
    if (!search.no_memory) {
        descend(&search, 0);
    }
    status = search.no_memory ? cim_fail_nomem(err) : cim_heed_cancel(call, err);
    if (status == CIM_OK) {
        if (search.n_points > 0) {
            qsort(search.points, search.n_points, sizeof *search.points, by_price);
        }
        *ret_answer = (struct lpg_frontier_answer){
            .n = search.n_points, .points = search.points, .complete = search.complete};
        search.points = NULL;
    }
    search_done(&search);
    return status;
}

void
lpg_frontier_answer_done(struct lpg_frontier_answer *answer)
{
    free(answer->points);
    *answer = (struct lpg_frontier_answer){0};
}
