/* plugin/analysis/median.c -- see median.h. */
#include "analysis/median.h"

#include "analysis/capacity.h"
#include "analysis/quantile.h"
#include "analysis/transport.h"
#include "cim/util.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum state { FREE, IN, OUT };

/* The cheapest sites of a demand, by cost: all whose cost is below `limit`. Most of the work looks
 * at no others, a fraction of the row. */
struct row {
    size_t first; /* in `cells` */
    uint32_t n;
    double limit;
    double most; /* the dearest site of the row */
};

struct cell {
    double cost;
    uint32_t site;
};

struct solver {
    const struct lpg_median *given;
    const cim_call *call;
    double budget; /* cells that may still be looked at */
    struct row *rows;
    size_t n_cells;
    struct cell *cells;
    double *multiplier; /* n */
    double *best_multiplier;
    double *gain;             /* m: what a site saves in the relaxation, negative */
    size_t *order;            /* m */
    double *served;           /* n, in the relaxation */
    struct lpg_wishes wishes; /* with capacities: whom each site would serve in it */
    unsigned char *state;     /* m, of the node at hand */
    bool *chosen;             /* m */
    bool *is_open;            /* m: of the relaxation */
    size_t n_listed;
    size_t *listed;  /* the chosen, in order */
    uint32_t *place; /* m: of a chosen one in `listed` */
    double *nearest; /* n: cost of the best open site */
    double *second;  /* n: and of the next */
    size_t *nearest_site;
    double *saves; /* m: what taking a site in saves */
    double *loses; /* listed: what giving one up costs */
    double *both;  /* m × listed: what of that the one makes up for */
    bool *best;    /* m */
    double value;
    bool integral; /* all costs are whole numbers, so no value lies between two of them */
    bool found;
    bool cancelled;
    bool no_memory;
};

static double
cost_of(const struct solver *solver, size_t i, size_t j)
{
    return solver->given->cost[i * solver->given->m + j];
}

static bool
is_apart(const struct solver *solver, size_t j, size_t k)
{
    return solver->given->apart != NULL && solver->given->apart[j * solver->given->m + k];
}

static bool
is_fixed(const struct solver *solver, size_t j)
{
    return solver->given->fixed != NULL && solver->given->fixed[j];
}

/* Takes cells off the budget, those that no cache holds twice; false once it is used up or the
 * caller has gone. */
static bool
spend(struct solver *solver, double cells)
{
    const size_t cached = 200000;
    solver->budget -= solver->n_cells > cached ? 2.0 * cells : cells;
    solver->cancelled = cim_heed_cancel(solver->call, NULL) != CIM_OK;
    return solver->budget > 0.0 && !solver->cancelled;
}

static size_t
count_fixed(const struct solver *solver)
{
    size_t n = 0;
    for (size_t j = 0; j < solver->given->m; j++) {
        n += is_fixed(solver, j);
    }
    return n;
}

/* ---- rows ---- */

static int
by_cost(const void *a, const void *b)
{
    const struct cell *x = a;
    const struct cell *y = b;
    return x->cost != y->cost ? (x->cost < y->cost ? -1 : 1)
                              : (x->site < y->site ? -1 : x->site > y->site);
}

/* Whether a demand at this cost, or any whole part of it, costs a whole number. */
static bool
is_whole(const struct solver *solver, size_t i, double cost)
{
    const double amount = solver->given->capacity != NULL ? solver->given->amount[i] : 1.0;
    const double unit = amount > 0.0 ? cost / amount : 0.0;
    return cost == floor(cost) && unit == floor(unit) && amount == floor(amount);
}

/* Of each row about so many times the sites that are nearer than one of p evenly spread. */
static bool
make_rows(struct solver *solver)
{
    const size_t n = solver->given->n;
    const size_t m = solver->given->m;
    const double share = fmin(4.0 / (double)(solver->given->p + 1), 1.0);
    size_t capacity = 0;
    solver->integral = lpg_all_whole(solver->given->capacity, m);
    for (size_t i = 0; i < n; i++) {
        const double *costs = solver->given->cost + i * m;
        struct row *row = &solver->rows[i];
        const double below = lpg_share_below(costs, m, share);
        row->first = solver->n_cells;
        row->limit = HUGE_VAL;
        for (size_t j = 0; j < m; j++) {
            row->most = fmax(row->most, costs[j]);
            solver->integral = solver->integral && is_whole(solver, i, costs[j]);
        }
        if (solver->given->capacity != NULL) {
            row->most = solver->given->none[i];
            solver->integral = solver->integral && is_whole(solver, i, row->most);
        }
        if (solver->n_cells + m > capacity) {
            struct cell *grown;
            capacity = capacity * 2 > solver->n_cells + m ? capacity * 2 : solver->n_cells + 64 * m;
            grown = realloc(solver->cells, capacity * sizeof *grown);
            if (grown == NULL) {
                return false;
            }
            solver->cells = grown;
        }
        for (size_t j = 0; j < m; j++) {
            if (costs[j] <= below && costs[j] < row->most) {
                solver->cells[solver->n_cells++] = (struct cell){costs[j], (uint32_t)j};
            } else {
                row->limit = fmin(row->limit, costs[j]);
            }
        }
        row->n = (uint32_t)(solver->n_cells - row->first);
        qsort(solver->cells + row->first, row->n, sizeof *solver->cells, by_cost);
    }
    (void)spend(solver, 4.0 * (double)n * (double)m);
    return true;
}

/* ---- choices ---- */

/* Whether site j may join those that are chosen, but for k (SIZE_MAX: all of them); fixed ones
 * stand where they stand. */
static bool
may_join(const struct solver *solver, size_t j, size_t k)
{
    for (size_t l = 0; l < solver->given->m && solver->given->apart != NULL; l++) {
        if (l != k && solver->chosen[l] && !is_fixed(solver, l) && is_apart(solver, j, l)) {
            return false;
        }
    }
    return true;
}

static void
list_chosen(struct solver *solver)
{
    solver->n_listed = 0;
    for (size_t j = 0; j < solver->given->m; j++) {
        if (solver->chosen[j]) {
            solver->place[j] = (uint32_t)solver->n_listed;
            solver->listed[solver->n_listed++] = j;
        }
    }
}

/* The two best open sites of every demand, and what it all costs. */
static double
assign(struct solver *solver)
{
    double total = 0.0;
    double cells = 0.0;
    list_chosen(solver);
    for (size_t i = 0; i < solver->given->n; i++) {
        const struct row *row = &solver->rows[i];
        const struct cell *cell = solver->cells + row->first;
        int n_found = 0;
        solver->nearest[i] = solver->second[i] = DBL_MAX;
        solver->nearest_site[i] = SIZE_MAX;
        for (uint32_t k = 0; k < row->n && n_found < 2; k++, cells++) {
            if (solver->chosen[cell[k].site]) {
                *(n_found == 0 ? &solver->nearest[i] : &solver->second[i]) = cell[k].cost;
                solver->nearest_site[i] = n_found == 0 ? cell[k].site : solver->nearest_site[i];
                n_found++;
            }
        }
        for (size_t r = 0; r < solver->n_listed && n_found < 2; r++, cells += 8.0) {
            const double cost = cost_of(solver, i, solver->listed[r]);
            if (cost < row->limit) {
                continue; /* it is in the list */
            }
            if (cost < solver->nearest[i]) {
                solver->second[i] = solver->nearest[i];
                solver->nearest[i] = cost;
                solver->nearest_site[i] = solver->listed[r];
            } else if (cost < solver->second[i]) {
                solver->second[i] = cost;
            }
        }
        total += solver->nearest[i];
    }
    (void)spend(solver, cells);
    return total;
}

/* What the chosen cost: each demand at the nearest, or as the capacities allow. */
static double
value_of(struct solver *solver)
{
    const struct lpg_median *given = solver->given;
    double value = assign(solver);
    if (given->capacity != NULL) {
        const struct lpg_transport transport = {.n = given->n,
                                                .amount = given->amount,
                                                .cost = given->cost,
                                                .none = given->none,
                                                .stride = given->m,
                                                .capacity = given->capacity,
                                                .m = solver->n_listed,
                                                .open = solver->listed};
        solver->no_memory =
            lpg_transport_solve(&transport, &value, NULL, NULL) != CIM_OK || solver->no_memory;
        (void)spend(solver, 16.0 * (double)given->n * (double)(solver->n_listed + 1));
    }
    return value;
}

static void
keep_if_better(struct solver *solver, double value)
{
    if (!solver->found || value < solver->value) {
        solver->found = true;
        solver->value = value;
        memcpy(solver->best, solver->chosen, solver->given->m * sizeof *solver->best);
    }
}

/* What a cell does to `saves` and `both`, the demand's best sites being what they are. */
static void
weigh(struct solver *solver, size_t i, size_t site, double cost)
{
    const double nearest = solver->nearest[i];
    const double second = solver->second[i];
    solver->saves[site] += cost < nearest ? fmin(nearest, solver->rows[i].most) - cost : 0.0;
    if (cost < second && solver->nearest_site[i] != SIZE_MAX) {
        /* given up with the nearest, it would have cost the second */
        const size_t k = solver->place[solver->nearest_site[i]];
        solver->both[site * solver->n_listed + k] +=
            fmin(second, solver->rows[i].most) - fmax(cost, nearest);
    }
}

/* What each site would save, each chosen one lose, and each pair make up for: one look at the cells
 * that are nearer than a demand's second site (Whitaker 1983; Resende and Werneck 2007). */
static void
weigh_all(struct solver *solver, bool roughly)
{
    const size_t m = solver->given->m;
    double cells = 0.0;
    memset(solver->saves, 0, m * sizeof *solver->saves);
    memset(solver->loses, 0, (solver->n_listed + 1) * sizeof *solver->loses);
    memset(solver->both, 0, m * solver->n_listed * sizeof *solver->both);
    for (size_t i = 0; i < solver->given->n; i++) {
        const struct row *row = &solver->rows[i];
        const double until = roughly ? fmin(solver->second[i], row->limit) : solver->second[i];
        if (solver->nearest_site[i] != SIZE_MAX) {
            solver->loses[solver->place[solver->nearest_site[i]]] +=
                fmin(solver->second[i], row->most) - solver->nearest[i];
        }
        const struct cell *cell = solver->cells + row->first;
        uint32_t k = 0;
        for (; k < row->n && cell[k].cost < until; k++) {
            weigh(solver, i, cell[k].site, cell[k].cost);
        }
        cells += k;
        for (size_t j = 0; j < m && until > row->limit; j++) { /* those that are not in the list */
            const double cost = cost_of(solver, i, j);
            if (cost >= row->limit && cost < until) {
                weigh(solver, i, j, cost);
            }
        }
        cells += until > row->limit ? (double)m : 0.0;
    }
    (void)spend(solver, cells);
}

/* Adds the site that saves most, again and again, to p. False where none may join any more. */
static bool
fill_up(struct solver *solver, size_t n_chosen)
{
    while (n_chosen < solver->given->p) {
        size_t best = SIZE_MAX;
        (void)assign(solver);
        weigh_all(solver, true);
        for (size_t j = 0; j < solver->given->m; j++) {
            if (!solver->chosen[j] && solver->state[j] != OUT &&
                (best == SIZE_MAX || solver->saves[j] > solver->saves[best]) &&
                may_join(solver, j, SIZE_MAX)) {
                best = j;
            }
        }
        if (best == SIZE_MAX || !spend(solver, (double)solver->given->m)) {
            return false;
        }
        solver->chosen[best] = true;
        n_chosen++;
    }
    return true;
}

/* Exchanges the pair of sites that saves most while any does. */
static double
improve(struct solver *solver, double value)
{
    for (;;) {
        double most = 1e-9 * fmax(value, 1.0);
        size_t in = SIZE_MAX;
        size_t out = SIZE_MAX;
        weigh_all(solver, false);
        for (size_t j = 0; j < solver->given->m; j++) {
            if (solver->chosen[j] || solver->state[j] == OUT) {
                continue;
            }
            for (size_t r = 0; r < solver->n_listed; r++) {
                const size_t k = solver->listed[r];
                const double saved =
                    solver->saves[j] - solver->loses[r] + solver->both[j * solver->n_listed + r];
                if (saved > most && !is_fixed(solver, k) && solver->state[k] != IN &&
                    may_join(solver, j, k)) {
                    most = saved;
                    in = j;
                    out = k;
                }
            }
        }
        if (in == SIZE_MAX || !spend(solver, (double)solver->given->m * (double)solver->n_listed)) {
            return value;
        }
        solver->chosen[out] = false;
        solver->chosen[in] = true;
        value = assign(solver);
    }
}

/* With capacities each exchange is tried by itself, those of the sites that gain most in the
 * relaxation first: the first that saves is made, until none of so many does. */
static double
improve_within(struct solver *solver, double value)
{
    enum { TRIED = 24 };
    bool saved = true;
    while (saved) {
        size_t n_tried = 0;
        saved = false;
        for (size_t r = 0; r < solver->given->m && n_tried < TRIED && !saved; r++) {
            const size_t in = solver->order[r];
            if (solver->chosen[in] || solver->state[in] == OUT) {
                continue;
            }
            n_tried++;
            for (size_t out = 0; out < solver->given->m && !saved; out++) {
                double tried;
                if (!solver->chosen[out] || is_fixed(solver, out) || solver->state[out] == IN ||
                    !may_join(solver, in, out)) {
                    continue;
                }
                if (!spend(solver, 0.0) || solver->no_memory) {
                    return value;
                }
                solver->chosen[out] = false;
                solver->chosen[in] = true;
                tried = value_of(solver);
                saved = tried < value - 1e-9 * fmax(value, 1.0);
                value = saved ? tried : value;
                solver->chosen[out] = !saved;
                solver->chosen[in] = saved;
            }
        }
    }
    return value;
}

/* A good choice to begin with, and multipliers between what the best and the second site of it
 * cost each demand: near to where they end. */
static void
start(struct solver *solver)
{
    for (size_t j = 0; j < solver->given->m; j++) {
        solver->chosen[j] = is_fixed(solver, j);
    }
    if (fill_up(solver, 0)) {
        keep_if_better(solver, value_of(solver));
    }
    (void)assign(solver);
    for (size_t i = 0; i < solver->given->n; i++) {
        const double most = solver->rows[i].most;
        solver->multiplier[i] =
            (fmin(solver->nearest[i], most) + fmin(solver->second[i], most)) / 2.0;
    }
}

/* Chooses from the sites of the node, best gain first, fills up and improves. */
static void
choose(struct solver *solver, bool thoroughly)
{
    size_t n_chosen = 0;
    double value;
    for (size_t j = 0; j < solver->given->m; j++) {
        solver->chosen[j] = is_fixed(solver, j);
    }
    for (size_t r = 0; r < solver->given->m && n_chosen < solver->given->p; r++) {
        const size_t j = solver->order[r];
        if (!solver->chosen[j] && solver->state[j] != OUT && may_join(solver, j, SIZE_MAX)) {
            solver->chosen[j] = true;
            n_chosen++;
        }
    }
    if (!fill_up(solver, n_chosen)) {
        return;
    }
    value = value_of(solver);
    if (thoroughly) {
        value = solver->given->capacity != NULL ? improve_within(solver, value)
                                                : improve(solver, value);
    }
    keep_if_better(solver, value);
}

/* ---- bounds ---- */

struct ranked {
    double gain;
    size_t site;
};

static int
by_gain(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    return x->gain != y->gain ? (x->gain < y->gain ? -1 : 1) : (x->site < y->site ? -1 : 1);
}

/* Sites of the node by what they save, those that are in it first. */
static void
rank(struct solver *solver, struct ranked *ranked)
{
    for (size_t j = 0; j < solver->given->m; j++) {
        ranked[j].site = j;
        ranked[j].gain = is_fixed(solver, j)       ? -DBL_MAX
                         : solver->state[j] == IN  ? -DBL_MAX / 2.0
                         : solver->state[j] == OUT ? DBL_MAX
                                                   : solver->gain[j];
    }
    qsort(ranked, solver->given->m, sizeof *ranked, by_gain);
    for (size_t r = 0; r < solver->given->m; r++) {
        solver->order[r] = ranked[r].site;
    }
}

/* A demand would gain so much by that site. */
static void
wish(struct solver *solver, size_t j, size_t i, double gain)
{
    if (solver->given->capacity != NULL) {
        lpg_wishes_add(&solver->wishes, j, i, gain);
    } else {
        solver->gain[j] += gain;
    }
}

/* How often each demand is served by the sites that are open. */
static void
count_served(struct solver *solver, size_t n_open)
{
    memset(solver->served, 0, solver->given->n * sizeof *solver->served);
    if (solver->given->capacity != NULL) {
        lpg_wishes_count(&solver->wishes, solver->is_open, solver->served);
        return;
    }
    for (size_t i = 0; i < solver->given->n; i++) {
        const struct row *row = &solver->rows[i];
        const struct cell *cell = solver->cells + row->first;
        const double multiplier = solver->multiplier[i];
        int served = 0;
        for (uint32_t k = 0; k < row->n && cell[k].cost < multiplier; k++) {
            served += solver->is_open[cell[k].site];
        }
        for (size_t r = 0; r < n_open && multiplier > row->limit; r++) {
            const double cost = cost_of(solver, i, solver->order[r]);
            served += cost >= row->limit && cost < multiplier;
        }
        solver->served[i] = served;
    }
}

/* The value of the relaxation, the sites it opens (the first of `order`) and how often each demand
 * is served by them. */
static double
relax(struct solver *solver, struct ranked *ranked, size_t *ret_open)
{
    const size_t m = solver->given->m;
    double value = 0.0;
    const size_t n_fixed = count_fixed(solver);
    double cells = 0.0;
    memset(solver->gain, 0, m * sizeof *solver->gain);
    lpg_wishes_clear(&solver->wishes);
    for (size_t i = 0; i < solver->given->n; i++) {
        const struct row *row = &solver->rows[i];
        const struct cell *cell = solver->cells + row->first;
        const double multiplier = solver->multiplier[i];
        uint32_t k = 0;
        for (; k < row->n && cell[k].cost < multiplier; k++) {
            wish(solver, cell[k].site, i, cell[k].cost - multiplier);
        }
        cells += k;
        if (multiplier > row->limit) { /* those that are not in the list */
            for (size_t j = 0; j < m; j++) {
                const double cost = cost_of(solver, i, j);
                if (cost >= row->limit && cost < multiplier) {
                    wish(solver, j, i, cost - multiplier);
                }
            }
            cells += (double)m;
        }
        value += multiplier;
    }
    if (solver->given->capacity != NULL) {
        lpg_wishes_fill(&solver->wishes, m, solver->given->capacity, solver->given->amount,
                        solver->gain);
        cells += (double)solver->wishes.n * log2((double)solver->wishes.n + 1.0);
        solver->no_memory = solver->no_memory || solver->wishes.no_memory;
    }
    rank(solver, ranked);
    *ret_open = n_fixed + solver->given->p < m ? n_fixed + solver->given->p : m;
    for (size_t r = 0; r < *ret_open; r++) {
        value += solver->gain[solver->order[r]];
    }
    memset(solver->is_open, 0, m * sizeof *solver->is_open);
    for (size_t r = 0; r < *ret_open; r++) {
        solver->is_open[solver->order[r]] = true;
    }
    count_served(solver, *ret_open);
    (void)spend(solver, 2.0 * cells);
    return value;
}

static bool
is_closed(const struct solver *solver, double bound)
{
    const double near = 1e-7 * fmax(fabs(solver->value), 1.0);
    return solver->found &&
           bound >= solver->value - (solver->integral ? fmax(1.0 - near, near) : near);
}

/* Steps along the subgradient from the multipliers at hand; the best bound met. */
static double
bound_node(struct solver *solver, struct ranked *ranked, int steps, bool thoroughly)
{
    double bound = 0.0; /* costs are not negative */
    double scale = 1.5;
    int idle = 0;
    for (int s = 0; s < steps; s++) {
        size_t n_open;
        double norm = 0.0;
        double step;
        const double value = relax(solver, ranked, &n_open);
        if (value > bound) {
            bound = value;
            idle = 0;
            memcpy(solver->best_multiplier, solver->multiplier,
                   solver->given->n * sizeof *solver->multiplier);
        } else if (++idle == 10) {
            scale /= 2.0;
            idle = 0;
        }
        if (s == 0 || (thoroughly && s % 20 == 0)) {
            choose(solver, thoroughly && s % 100 == 80);
        }
        for (size_t i = 0; i < solver->given->n; i++) {
            norm += (1.0 - solver->served[i]) * (1.0 - solver->served[i]);
        }
        if (is_closed(solver, bound) || norm == 0.0 || !spend(solver, 0.0) || solver->no_memory) {
            break;
        }
        step = scale * (1.05 * (solver->found ? solver->value : value + 1.0) - value + 1e-9) / norm;
        for (size_t i = 0; i < solver->given->n; i++) {
            /* more than the dearest site costs never helps */
            solver->multiplier[i] =
                fmin(fmax(solver->multiplier[i] + step * (1.0 - solver->served[i]), 0.0),
                     solver->rows[i].most);
        }
    }
    memcpy(solver->multiplier, solver->best_multiplier,
           solver->given->n * sizeof *solver->multiplier);
    return bound;
}

/* ---- branch and bound ---- */

/* Whether p sites can still be chosen; those apart from what is in are out. */
static bool
settle(struct solver *solver)
{
    size_t n_possible = 0;
    size_t n_in = 0;
    for (size_t j = 0; j < solver->given->m; j++) {
        for (size_t k = 0; k < solver->given->m && solver->state[j] == FREE; k++) {
            if (solver->state[k] == IN && is_apart(solver, j, k)) {
                solver->state[j] = OUT;
            }
        }
        n_possible += solver->state[j] != OUT && !is_fixed(solver, j);
        n_in += solver->state[j] == IN;
    }
    return n_possible >= solver->given->p && n_in <= solver->given->p;
}

/* The lowest bound of what was left unexplored below; DBL_MAX where all of it was. */
static double
search(struct solver *solver, struct ranked *ranked, double parent, int depth)
{
    enum { STEPS_ROOT = 400, STEPS_NODE = 60, DEPTH_MAX = 200 };
    const size_t m = solver->given->m;
    double bound;
    double open_bound = DBL_MAX;
    size_t branch = SIZE_MAX;
    size_t n_in = 0;
    unsigned char *before;
    if (!settle(solver)) {
        return DBL_MAX;
    }
    bound =
        fmax(parent, bound_node(solver, ranked, depth == 0 ? STEPS_ROOT : STEPS_NODE, depth == 0));
    if (is_closed(solver, bound)) {
        return DBL_MAX;
    }
    for (size_t j = 0; j < m; j++) {
        n_in += solver->state[j] == IN;
    }
    /* the site that saves most and of which it is not yet said whether it is in */
    for (size_t r = 0; r < m && branch == SIZE_MAX && n_in < solver->given->p; r++) {
        if (solver->state[solver->order[r]] == FREE && !is_fixed(solver, solver->order[r])) {
            branch = solver->order[r];
        }
    }
    if (branch == SIZE_MAX) { /* all is said: choose() has judged it */
        choose(solver, false);
        return DBL_MAX;
    }
    before = depth < DEPTH_MAX && solver->budget > 0.0 && !solver->cancelled && !solver->no_memory
                 ? malloc(m)
                 : NULL;
    if (before == NULL) {
        return bound;
    }
    memcpy(before, solver->state, m);
    for (int side = 0; side < 2; side++) {
        solver->state[branch] = side == 0 ? IN : OUT;
        open_bound = fmin(open_bound, search(solver, ranked, bound, depth + 1));
        memcpy(solver->state, before, m);
    }
    free(before);
    return open_bound;
}

/* ---- the whole ---- */

static void
solver_done(struct solver *solver)
{
    lpg_wishes_done(&solver->wishes);
    free(solver->rows);
    free(solver->cells);
    free(solver->is_open);
    free(solver->listed);
    free(solver->place);
    free(solver->saves);
    free(solver->loses);
    free(solver->both);
    free(solver->multiplier);
    free(solver->best_multiplier);
    free(solver->gain);
    free(solver->order);
    free(solver->served);
    free(solver->state);
    free(solver->chosen);
    free(solver->nearest);
    free(solver->second);
    free(solver->nearest_site);
    free(solver->best);
}

static bool
solver_open(struct solver *solver)
{
    const size_t n = solver->given->n + 1;
    const size_t m = solver->given->m + 1;
    const size_t most = solver->given->p + count_fixed(solver) + 1;
    solver->rows = calloc(n, sizeof *solver->rows);
    solver->is_open = calloc(m, sizeof *solver->is_open);
    solver->listed = calloc(m, sizeof *solver->listed);
    solver->place = calloc(m, sizeof *solver->place);
    solver->saves = calloc(m, sizeof *solver->saves);
    solver->loses = calloc(m, sizeof *solver->loses);
    solver->both = calloc(m * most, sizeof *solver->both);
    solver->multiplier = calloc(n, sizeof *solver->multiplier);
    solver->best_multiplier = calloc(n, sizeof *solver->best_multiplier);
    solver->gain = calloc(m, sizeof *solver->gain);
    solver->order = calloc(m, sizeof *solver->order);
    solver->served = calloc(n, sizeof *solver->served);
    solver->state = calloc(m, sizeof *solver->state);
    solver->chosen = calloc(m, sizeof *solver->chosen);
    solver->nearest = calloc(n, sizeof *solver->nearest);
    solver->second = calloc(n, sizeof *solver->second);
    solver->nearest_site = calloc(n, sizeof *solver->nearest_site);
    solver->best = calloc(m, sizeof *solver->best);
    return solver->rows != NULL && solver->is_open != NULL && solver->listed != NULL &&
           solver->place != NULL && solver->saves != NULL && solver->loses != NULL &&
           solver->both != NULL && solver->multiplier != NULL && solver->best_multiplier != NULL &&
           solver->gain != NULL && solver->order != NULL && solver->served != NULL &&
           solver->state != NULL && solver->chosen != NULL && solver->nearest != NULL &&
           solver->second != NULL && solver->nearest_site != NULL && solver->best != NULL;
}

static void
conclude(struct solver *solver, double open_bound, struct lpg_median_answer *ret_answer)
{
    ret_answer->found = solver->found;
    ret_answer->value = solver->value;
    ret_answer->proven = is_closed(solver, open_bound);
    ret_answer->bound = ret_answer->proven ? solver->value : open_bound;
    ret_answer->open = solver->best;
    solver->best = NULL;
}

cim_status
lpg_median_solve(const struct lpg_median *median, const cim_call *call,
                 struct lpg_median_answer *ret_answer, cim_error *err)
{
    struct solver solver = {.given = median,
                            .call = call,
                            .budget = median->work > 0.0 ? median->work : LPG_MEDIAN_WORK};
    struct ranked *ranked = malloc((median->m + 1) * sizeof *ranked);
    cim_status status = CIM_OK;
    if (ranked == NULL || !solver_open(&solver) || !make_rows(&solver)) {
        status = cim_fail_nomem(err);
    } else {
        double open_bound;
        start(&solver);
        for (size_t j = 0; j < median->m; j++) {
            solver.order[j] = j;
        }
        open_bound = search(&solver, ranked, 0.0, 0);
        status = solver.no_memory ? cim_fail_nomem(err) : cim_heed_cancel(call, err);
        if (status == CIM_OK) {
            conclude(&solver, open_bound, ret_answer);
        }
    }
    free(ranked);
    solver_done(&solver);
    return status;
}

void
lpg_median_answer_done(struct lpg_median_answer *answer)
{
    free(answer->open);
    *answer = (struct lpg_median_answer){0};
}
