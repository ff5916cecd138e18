/* plugin/analysis/median.c -- see median.h. */
#include "analysis/median.h"

#include "cim/util.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum state { FREE, IN, OUT };

struct solver {
    const struct lpg_median *given;
    const cim_call *call;
    double budget;      /* cells that may still be looked at */
    double *multiplier; /* n */
    double *best_multiplier;
    double *gain;         /* m: what a site saves in the relaxation, negative */
    size_t *order;        /* m */
    int *served;          /* n, in the relaxation */
    unsigned char *state; /* m, of the node at hand */
    bool *chosen;         /* m */
    double *nearest;      /* n: cost of the best open site */
    double *second;       /* n: and of the next */
    size_t *nearest_site;
    bool *best; /* m */
    double value;
    bool found;
    bool cancelled;
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

/* Takes cells off the budget; false once it is used up or the caller has gone. */
static bool
spend(struct solver *solver, double cells)
{
    solver->budget -= cells;
    if (solver->call != NULL && solver->call->cancelled != NULL &&
        solver->call->cancelled(solver->call) != 0) {
        solver->cancelled = true;
    }
    return solver->budget > 0.0 && !solver->cancelled;
}

/* ---- choices ---- */

/* Whether site j may join those that are chosen; fixed ones stand where they stand. */
static bool
may_join(const struct solver *solver, size_t j)
{
    for (size_t k = 0; k < solver->given->m; k++) {
        if (solver->chosen[k] && !is_fixed(solver, k) && is_apart(solver, j, k)) {
            return false;
        }
    }
    return true;
}

/* The two best open sites of every demand, and what it all costs. */
static double
assign(struct solver *solver)
{
    double total = 0.0;
    (void)spend(solver, (double)solver->given->n * (double)solver->given->m);
    for (size_t i = 0; i < solver->given->n; i++) {
        solver->nearest[i] = solver->second[i] = DBL_MAX;
        solver->nearest_site[i] = SIZE_MAX;
        for (size_t j = 0; j < solver->given->m; j++) {
            const double cost = solver->chosen[j] ? cost_of(solver, i, j) : DBL_MAX;
            if (cost < solver->nearest[i]) {
                solver->second[i] = solver->nearest[i];
                solver->nearest[i] = cost;
                solver->nearest_site[i] = j;
            } else if (cost < solver->second[i]) {
                solver->second[i] = cost;
            }
        }
        total += solver->nearest[i];
    }
    return total;
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

/* Adds the site that saves most, again and again, to p. False where none may join any more. */
static bool
fill_up(struct solver *solver, size_t n_chosen)
{
    while (n_chosen < solver->given->p) {
        double most = -1.0;
        size_t best = SIZE_MAX;
        (void)assign(solver);
        for (size_t j = 0; j < solver->given->m; j++) {
            double saves = 0.0;
            if (solver->chosen[j] || solver->state[j] == OUT || !may_join(solver, j)) {
                continue;
            }
            for (size_t i = 0; i < solver->given->n; i++) {
                /* the first site serves what nobody served */
                const double now = fmin(solver->nearest[i], 1e100);
                saves += fmax(now - cost_of(solver, i, j), 0.0);
            }
            if (saves > most) {
                most = saves;
                best = j;
            }
        }
        if (best == SIZE_MAX ||
            !spend(solver, (double)solver->given->n * (double)solver->given->m)) {
            return false;
        }
        solver->chosen[best] = true;
        n_chosen++;
    }
    return true;
}

/* What it costs to take in site j in place of k. */
static double
exchange(const struct solver *solver, size_t j, size_t k)
{
    double change = 0.0;
    for (size_t i = 0; i < solver->given->n; i++) {
        const double in = cost_of(solver, i, j);
        const double left = solver->nearest_site[i] == k ? solver->second[i] : solver->nearest[i];
        change += fmin(in, left) - solver->nearest[i];
    }
    return change;
}

/* Exchanges one site for another while that helps. */
static double
improve(struct solver *solver, double value)
{
    bool better = true;
    while (better) {
        better = false;
        for (size_t k = 0; k < solver->given->m && !better; k++) {
            if (!solver->chosen[k] || is_fixed(solver, k) || solver->state[k] == IN) {
                continue;
            }
            for (size_t j = 0; j < solver->given->m && !better; j++) {
                if (solver->chosen[j] || solver->state[j] == OUT) {
                    continue;
                }
                if (!spend(solver, (double)solver->given->n)) {
                    return value;
                }
                solver->chosen[k] = false;
                better = may_join(solver, j) && exchange(solver, j, k) < -1e-9 * fmax(value, 1.0);
                solver->chosen[better ? j : k] = true;
            }
        }
        if (better) {
            value = assign(solver);
        }
    }
    return value;
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
        if (!solver->chosen[j] && solver->state[j] != OUT && may_join(solver, j)) {
            solver->chosen[j] = true;
            n_chosen++;
        }
    }
    if (!fill_up(solver, n_chosen)) {
        return;
    }
    value = assign(solver);
    if (thoroughly) {
        value = improve(solver, value);
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

/* The value of the relaxation, the sites it opens (the first of `order`) and how often each demand
 * is served by them. */
static double
relax(struct solver *solver, struct ranked *ranked, size_t *ret_open)
{
    const size_t m = solver->given->m;
    double value = 0.0;
    size_t n_fixed = 0;
    memset(solver->gain, 0, m * sizeof *solver->gain);
    for (size_t i = 0; i < solver->given->n; i++) {
        const double *row = solver->given->cost + i * m;
        const double multiplier = solver->multiplier[i];
        for (size_t j = 0; j < m; j++) {
            solver->gain[j] += row[j] < multiplier ? row[j] - multiplier : 0.0;
        }
        value += multiplier;
    }
    rank(solver, ranked);
    for (size_t j = 0; j < m; j++) {
        n_fixed += is_fixed(solver, j);
    }
    *ret_open = n_fixed + solver->given->p < m ? n_fixed + solver->given->p : m;
    for (size_t r = 0; r < *ret_open; r++) {
        value += solver->gain[solver->order[r]];
    }
    for (size_t i = 0; i < solver->given->n; i++) {
        solver->served[i] = 0;
        for (size_t r = 0; r < *ret_open; r++) {
            solver->served[i] += cost_of(solver, i, solver->order[r]) < solver->multiplier[i];
        }
    }
    return value;
}

static bool
is_closed(const struct solver *solver, double bound)
{
    return solver->found && bound >= solver->value - 1e-7 * fmax(fabs(solver->value), 1.0);
}

/* Steps along the subgradient from the multipliers at hand; the best bound met. */
static double
bound_node(struct solver *solver, struct ranked *ranked, int steps, bool thoroughly)
{
    const double cells = (double)solver->given->n * (double)solver->given->m;
    double bound = 0.0; /* costs are not negative */
    double scale = 2.0;
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
        } else if (++idle == 20) {
            scale /= 2.0;
            idle = 0;
        }
        if (s == 0 || (thoroughly && s % 25 == 0)) {
            choose(solver, thoroughly);
        }
        for (size_t i = 0; i < solver->given->n; i++) {
            norm += (1.0 - solver->served[i]) * (1.0 - solver->served[i]);
        }
        if (is_closed(solver, bound) || norm == 0.0 || !spend(solver, 2.0 * cells)) {
            break;
        }
        step = scale * (1.05 * (solver->found ? solver->value : value + 1.0) - value + 1e-9) / norm;
        for (size_t i = 0; i < solver->given->n; i++) {
            solver->multiplier[i] =
                fmax(solver->multiplier[i] + step * (1.0 - solver->served[i]), 0.0);
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
    before = depth < DEPTH_MAX && solver->budget > 0.0 && !solver->cancelled ? malloc(m) : NULL;
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
    return solver->multiplier != NULL && solver->best_multiplier != NULL && solver->gain != NULL &&
           solver->order != NULL && solver->served != NULL && solver->state != NULL &&
           solver->chosen != NULL && solver->nearest != NULL && solver->second != NULL &&
           solver->nearest_site != NULL && solver->best != NULL;
}

static void
conclude(struct solver *solver, double open_bound, struct lpg_median_answer *ret_answer)
{
    ret_answer->found = solver->found;
    ret_answer->value = solver->value;
    ret_answer->bound = fmin(open_bound, solver->value);
    ret_answer->proven = is_closed(solver, ret_answer->bound);
    ret_answer->open = solver->best;
    solver->best = NULL;
}

cim_status
lpg_median_solve(const struct lpg_median *median, const cim_call *call,
                 struct lpg_median_answer *ret_answer, cim_error *err)
{
    struct solver solver = {
        .given = median, .call = call, .budget = median->work > 0.0 ? median->work : 4e9};
    struct ranked *ranked = malloc((median->m + 1) * sizeof *ranked);
    cim_status status = CIM_OK;
    if (ranked == NULL || !solver_open(&solver)) {
        status = cim_fail_nomem(err);
    } else {
        double open_bound;
        for (size_t i = 0; i < median->n; i++) { /* what the cheapest site costs: a fair start */
            double least = DBL_MAX;
            for (size_t j = 0; j < median->m; j++) {
                least = fmin(least, cost_of(&solver, i, j));
            }
            solver.multiplier[i] = median->m > 0 ? least : 0.0;
        }
        for (size_t j = 0; j < median->m; j++) {
            solver.order[j] = j;
        }
        open_bound = search(&solver, ranked, 0.0, 0);
        if (solver.cancelled) {
            status = cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "请求已取消", "cancelled");
        } else {
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
