/* The frontier of cost, coverage and exposed persons: equal to the Pareto set of all choices, tried
 * one by one, on hundreds of random cases with and without capacities. */
#include "support/unit.h"

#include "analysis/frontier.h"

#include <math.h>
#include <stdlib.h>

enum { N = 12, M = 9, GROUPS = 8, SETS = 1 << M };

struct instance {
    size_t n, m, p;
    double amount[N];
    double cost[N * M];
    bool fixed[M];
    bool apart[M * M];
    double capacity[M];
    double price[M];
    double persons[GROUPS];
    uint32_t exposed[M * GROUPS];
    size_t exposed_end[M];
};

struct vector {
    double price, covered, exposed;
};

static void
draw(uint64_t *seed, struct instance *in)
{
    size_t n_exposed = 0;
    memset(in, 0, sizeof *in);
    in->n = 1 + unit_random_below(seed, N);
    in->m = 1 + unit_random_below(seed, M);
    in->p = 1 + unit_random_below(seed, 4);
    for (size_t i = 0; i < in->n; i++) {
        in->amount[i] = (double)unit_random_below(seed, 6);
    }
    for (size_t g = 0; g < GROUPS; g++) {
        in->persons[g] = (double)unit_random_below(seed, 50);
    }
    for (size_t j = 0; j < in->m; j++) {
        in->fixed[j] = unit_random_below(seed, 8) == 0;
        in->capacity[j] = (double)unit_random_below(seed, 15);
        in->price[j] = (double)(1 + unit_random_below(seed, 3));
        for (size_t i = 0; i < in->n; i++) {
            in->cost[i * in->m + j] = unit_random_below(seed, 3) == 0 ? 0.0 : in->amount[i];
        }
        for (uint32_t g = 0; g < GROUPS; g++) {
            if (unit_random_below(seed, 4) == 0) {
                in->exposed[n_exposed++] = g;
            }
        }
        in->exposed_end[j] = n_exposed;
    }
    for (size_t j = 0; j < in->m; j++) {
        for (size_t k = 0; k < j; k++) {
            in->apart[j * in->m + k] = in->apart[k * in->m + j] = unit_random_below(seed, 10) == 0;
        }
    }
}

/* The most that the sites of a set cover. With capacities that is the least, over all parts of the
 * set, of what that part may serve and what the others cover (max-flow min-cut). */
static double
covered(const struct instance *in, unsigned set, bool limited)
{
    double least = HUGE_VAL;
    for (unsigned part = limited ? set : 0U;; part = (part - 1U) & set) {
        double sum = 0.0;
        for (size_t j = 0; j < in->m; j++) {
            sum += (part >> j & 1U) != 0 ? in->capacity[j] : 0.0;
        }
        for (size_t i = 0; i < in->n; i++) {
            bool is = false;
            for (size_t j = 0; j < in->m; j++) {
                is = is || ((set & ~part) >> j & 1U) != 0 ? is || in->cost[i * in->m + j] == 0.0
                                                          : is;
            }
            sum += is ? in->amount[i] : 0.0;
        }
        least = fmin(least, sum);
        if (part == 0) {
            return least;
        }
    }
}

static bool
beats(const struct vector *a, const struct vector *b)
{
    return a->price <= b->price && a->covered >= b->covered && a->exposed <= b->exposed;
}

static size_t
try_all(const struct instance *in, bool limited, struct vector *ret_front)
{
    size_t n = 0;
    unsigned fixed = 0;
    for (size_t j = 0; j < in->m; j++) {
        fixed |= in->fixed[j] ? 1U << j : 0U;
    }
    for (unsigned set = 0; set < 1U << in->m; set++) {
        struct vector one = {0.0, covered(in, set | fixed, limited), 0.0};
        bool may = (set & fixed) == 0 && (size_t)__builtin_popcount(set) <= in->p;
        unsigned groups = 0;
        size_t kept = 0;
        for (size_t j = 0; j < in->m; j++) {
            for (size_t k = 0; k < in->m; k++) {
                may = may && !((set >> j & set >> k & 1U) != 0 && in->apart[j * in->m + k]);
            }
            if ((set >> j & 1U) != 0) {
                one.price += in->price[j];
                for (size_t e = j > 0 ? in->exposed_end[j - 1] : 0; e < in->exposed_end[j]; e++) {
                    groups |= 1U << in->exposed[e];
                }
            }
        }
        for (unsigned g = 0; g < GROUPS; g++) {
            one.exposed += (groups >> g & 1U) != 0 ? in->persons[g] : 0.0;
        }
        for (size_t k = 0; k < n && may; k++) {
            may = !beats(&ret_front[k], &one);
        }
        for (size_t k = 0; k < n && may; k++) {
            if (!beats(&one, &ret_front[k])) {
                ret_front[kept++] = ret_front[k];
            }
        }
        if (may) {
            ret_front[kept] = one;
            n = kept + 1;
        }
    }
    return n;
}

static struct lpg_frontier
frontier_of(const struct instance *in, bool limited)
{
    return (struct lpg_frontier){.n = in->n,
                                 .m = in->m,
                                 .p = in->p,
                                 .amount = in->amount,
                                 .cost = in->cost,
                                 .fixed = in->fixed,
                                 .apart = in->apart,
                                 .capacity = limited ? in->capacity : NULL,
                                 .price = in->price,
                                 .persons = in->persons,
                                 .exposed = in->exposed,
                                 .exposed_end = in->exposed_end,
                                 .n_groups = GROUPS};
}

static void
test_equals_the_pareto_set_of_all_choices(void **state)
{
    enum { CASES = 400 };
    uint64_t seed = 71;
    size_t n_points = 0;
    (void)state;
    for (int c = 0; c < CASES; c++) {
        static struct instance in;
        static struct vector front[SETS];
        const bool limited = c % 2 == 0;
        struct lpg_frontier_answer answer = {0};
        struct lpg_frontier frontier;
        size_t n;
        draw(&seed, &in);
        frontier = frontier_of(&in, limited);
        n = try_all(&in, limited, front);
        assert_int_equal(lpg_frontier_find(&frontier, NULL, &answer, NULL), CIM_OK);
        assert_true(answer.complete);
        if (answer.n != n) {
            fail_msg("case %d: %zu points, of %zu", c, answer.n, n);
        }
        for (size_t k = 0; k < n; k++) {
            bool found = false;
            unsigned set = 0;
            const struct lpg_frontier_point *point = &answer.points[k];
            for (size_t s = 0; s < point->n_sites; s++) {
                set |= 1U << point->sites[s];
            }
            for (size_t j = 0; j < in.m; j++) {
                set |= in.fixed[j] ? 1U << j : 0U;
            }
            assert_true(covered(&in, set, limited) == point->covered); /* its sites do it */
            for (size_t f = 0; f < n; f++) {
                found = found ||
                        (front[f].price == point->price && front[f].covered == point->covered &&
                         front[f].exposed == point->exposed);
            }
            assert_true(found);
        }
        n_points += n;
        lpg_frontier_answer_done(&answer);
    }
    assert_true(n_points > 800);
}

/* A budget that ends says so, and what is listed are choices that do not beat each other. */
static void
test_a_small_budget_is_told(void **state)
{
    static struct instance in;
    struct lpg_frontier_answer answer = {0};
    struct lpg_frontier frontier;
    uint64_t seed = 72;
    (void)state;
    do {
        draw(&seed, &in);
    } while (in.m < M || in.p < 4);
    frontier = frontier_of(&in, true);
    frontier.work = 2000.0;
    assert_int_equal(lpg_frontier_find(&frontier, NULL, &answer, NULL), CIM_OK);
    assert_false(answer.complete);
    assert_true(answer.n > 0);
    for (size_t k = 1; k < answer.n; k++) {
        assert_true(answer.points[k].price >= answer.points[k - 1].price);
    }
    lpg_frontier_answer_done(&answer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_the_pareto_set_of_all_choices),
        cmocka_unit_test(test_a_small_budget_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
