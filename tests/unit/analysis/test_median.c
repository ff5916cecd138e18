/* Which sites serve best: equal to the exhaustive optimum on hundreds of random cases, to known
 * optima of large ones and to those of perfect codes, with bounds that hold, and the same answer
 * each time. */
#include "support/unit.h"

#include "analysis/median.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>

enum { N = 40, M = 11 };

struct instance {
    size_t n, m, p;
    double cost[N * M];
    bool fixed[M];
    bool apart[M * M];
};

static double
random_share(uint64_t *seed)
{
    return (double)(unit_random(seed) >> 11U) * 0x1p-53;
}

/* Distances in a square, or weights of what a site does not cover. */
static void
draw(uint64_t *seed, struct instance *in)
{
    double site[M][2];
    const bool covering = unit_random_below(seed, 2) == 0;
    const bool spaced = unit_random_below(seed, 3) == 0;
    memset(in, 0, sizeof *in);
    in->n = 1 + unit_random_below(seed, N);
    in->m = 1 + unit_random_below(seed, M);
    in->p = 1 + unit_random_below(seed, in->m < 5 ? (uint32_t)in->m : 5U);
    for (size_t j = 0; j < in->m; j++) {
        site[j][0] = random_share(seed);
        site[j][1] = random_share(seed);
        in->fixed[j] = unit_random_below(seed, 8) == 0;
    }
    for (size_t j = 0; j < in->m; j++) {
        for (size_t k = 0; k < in->m; k++) {
            const double d = hypot(site[j][0] - site[k][0], site[j][1] - site[k][1]);
            in->apart[j * in->m + k] = spaced && j != k && d < 0.2;
        }
    }
    for (size_t i = 0; i < in->n; i++) {
        const double at[2] = {random_share(seed), random_share(seed)};
        const double weight = (double)(1 + unit_random_below(seed, 9));
        for (size_t j = 0; j < in->m; j++) {
            const double d = hypot(site[j][0] - at[0], site[j][1] - at[1]);
            in->cost[i * in->m + j] = weight * (covering ? (d <= 0.3 ? 0.0 : 1.0) : d);
        }
    }
}

static double
value_of(const struct instance *in, unsigned open)
{
    double total = 0.0;
    for (size_t i = 0; i < in->n; i++) {
        double least = HUGE_VAL;
        for (size_t j = 0; j < in->m; j++) {
            if ((open >> j & 1U) != 0) {
                least = fmin(least, in->cost[i * in->m + j]);
            }
        }
        total += least;
    }
    return total;
}

/* HUGE_VAL where no p sites may stand together. */
static double
exhaustive(const struct instance *in)
{
    double best = HUGE_VAL;
    unsigned fixed = 0;
    for (size_t j = 0; j < in->m; j++) {
        fixed |= in->fixed[j] ? 1U << j : 0U;
    }
    for (unsigned set = 0; set < 1U << in->m; set++) {
        bool may = (set & fixed) == 0 && (size_t)__builtin_popcount(set) == in->p;
        for (size_t j = 0; j < in->m && may; j++) {
            for (size_t k = 0; k < in->m && may; k++) {
                may = !((set >> j & 1U) != 0 && (set >> k & 1U) != 0 && in->apart[j * in->m + k]);
            }
        }
        if (may) {
            best = fmin(best, value_of(in, set | fixed));
        }
    }
    return best;
}

static void
test_equals_the_exhaustive_optimum(void **state)
{
    enum { CASES = 600 };
    uint64_t seed = 2024;
    int n_impossible = 0;
    (void)state;
    for (int c = 0; c < CASES; c++) {
        static struct instance in;
        struct lpg_median_answer answer = {0};
        struct lpg_median median;
        unsigned open = 0;
        double optimum;
        draw(&seed, &in);
        median = (struct lpg_median){
            .n = in.n, .m = in.m, .p = in.p, .cost = in.cost, .fixed = in.fixed, .apart = in.apart};
        optimum = exhaustive(&in);
        assert_int_equal(lpg_median_solve(&median, NULL, &answer, NULL), CIM_OK);
        assert_int_equal(answer.found, isfinite(optimum));
        if (!answer.found) {
            n_impossible++;
            lpg_median_answer_done(&answer);
            continue;
        }
        for (size_t j = 0; j < in.m; j++) {
            open |= answer.open[j] ? 1U << j : 0U;
        }
        if (fabs(answer.value - optimum) > 1e-6 * fmax(optimum, 1.0) || !answer.proven ||
            answer.bound > optimum + 1e-6 * fmax(optimum, 1.0) ||
            fabs(value_of(&in, open) - answer.value) > 1e-9 * fmax(optimum, 1.0)) {
            fail_msg("case %d: %.9g, optimum %.9g, bound %.9g, proven %d", c, answer.value, optimum,
                     answer.bound, answer.proven);
        }
        lpg_median_answer_done(&answer);
    }
    assert_true(n_impossible > 5 && n_impossible < CASES / 2);
}

/* p towns far apart, each with a site in its middle: those are the optimum. */
static void
test_known_optimum_of_large_cases(void **state)
{
    enum { TOWNS = 15, HOMES = 120, SITES = 12, DEMANDS = TOWNS * HOMES, ALL = TOWNS * SITES };
    uint64_t seed = 5;
    double *cost = malloc((size_t)DEMANDS * ALL * sizeof *cost);
    static double site[ALL][2];
    struct lpg_median_answer answer = {0};
    double known = 0.0;
    (void)state;
    assert_non_null(cost);
    for (int j = 0; j < ALL; j++) {
        const bool middle = j % SITES == 0;
        const double turn = 6.2832 * random_share(&seed);
        site[j][0] = 1000.0 * (j / SITES) + (middle ? 0.0 : 60.0 * cos(turn));
        site[j][1] = middle ? 0.0 : 60.0 * sin(turn);
    }
    for (int i = 0; i < DEMANDS; i += 2) { /* pairs either side of the middle */
        const double turn = 6.2832 * random_share(&seed);
        const double r = 50.0 * random_share(&seed);
        for (int side = 0; side < 2; side++) {
            const double x = 1000.0 * (i / HOMES) + (side == 0 ? r : -r) * cos(turn);
            const double y = (side == 0 ? r : -r) * sin(turn);
            for (int j = 0; j < ALL; j++) {
                cost[(size_t)(i + side) * ALL + (size_t)j] = hypot(x - site[j][0], y - site[j][1]);
            }
            known += r;
        }
    }
    const struct lpg_median median = {.n = DEMANDS, .m = ALL, .p = TOWNS, .cost = cost};
    assert_int_equal(lpg_median_solve(&median, NULL, &answer, NULL), CIM_OK);
    assert_true(fabs(answer.value - known) < 1e-6 * known);
    assert_true(answer.bound <= answer.value + 1e-9 && answer.bound >= 0.99 * known);
    for (int j = 0; j < ALL; j++) {
        assert_int_equal(answer.open[j], j % SITES == 0);
    }
    lpg_median_answer_done(&answer);
    free(cost);
}

/* Vertices are words of `length` letters out of `letters`, as far apart as letters differ. A
 * perfect code that corrects one error (Hamming 1950) has every word within 1 of exactly one of its
 * own, so that no p sites serve the others for less than 1 each. */
static void
check_perfect_code(size_t length, size_t letters, size_t p, bool covering)
{
    struct lpg_median_answer answer = {0};
    size_t n = 1;
    for (size_t i = 0; i < length; i++) {
        n *= letters;
    }
    CIM_AUTO_FREE double *cost = malloc(n * n * sizeof *cost);
    assert_non_null(cost);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            size_t apart = 0;
            for (size_t x = i, y = j, k = 0; k < length; k++, x /= letters, y /= letters) {
                apart += x % letters != y % letters;
            }
            cost[i * n + j] = covering ? (apart <= 1 ? 0.0 : 1.0) : (double)apart;
        }
    }
    const struct lpg_median median = {.n = n, .m = n, .p = p, .cost = cost};
    const double optimum = covering ? 0.0 : (double)(n - p);
    assert_int_equal(lpg_median_solve(&median, NULL, &answer, NULL), CIM_OK);
    if (answer.value != optimum || !answer.proven) {
        fail_msg("%zu words, %zu sites: %.9g, optimum %.9g, bound %.9g, proven %d", n, p,
                 answer.value, optimum, answer.bound, answer.proven);
    }
    lpg_median_answer_done(&answer);
}

static void
test_perfect_codes(void **state)
{
    (void)state;
    check_perfect_code(3, 2, 2, false);  /* 6 */
    check_perfect_code(4, 3, 9, false);  /* 72 */
    check_perfect_code(7, 2, 16, false); /* 112 */
    check_perfect_code(4, 3, 9, true);
    check_perfect_code(7, 2, 16, true);
}

/* A budget that ends leaves a bound that holds; and the same answer each time. */
static void
test_small_budget_leaves_a_gap(void **state)
{
    enum { DEMANDS = 300, SITES = 60 };
    uint64_t seed = 8;
    static double cost[DEMANDS * SITES];
    struct lpg_median_answer first = {0};
    struct lpg_median_answer again = {0};
    struct lpg_median_answer whole = {0};
    double site[SITES][2];
    (void)state;
    for (int j = 0; j < SITES; j++) {
        site[j][0] = random_share(&seed);
        site[j][1] = random_share(&seed);
    }
    for (int i = 0; i < DEMANDS; i++) {
        const double at[2] = {random_share(&seed), random_share(&seed)};
        for (int j = 0; j < SITES; j++) {
            cost[i * SITES + j] = hypot(site[j][0] - at[0], site[j][1] - at[1]);
        }
    }
    struct lpg_median median = {
        .n = DEMANDS, .m = SITES, .p = 6, .cost = cost, .work = 40.0 * DEMANDS * SITES};
    assert_int_equal(lpg_median_solve(&median, NULL, &first, NULL), CIM_OK);
    assert_int_equal(lpg_median_solve(&median, NULL, &again, NULL), CIM_OK);
    assert_true(first.found && first.bound <= first.value);
    assert_true(first.value == again.value && first.bound == again.bound);
    assert_memory_equal(first.open, again.open, SITES * sizeof *first.open);
    median.work = 2e9;
    assert_int_equal(lpg_median_solve(&median, NULL, &whole, NULL), CIM_OK);
    assert_true(whole.proven);
    assert_true(first.bound <= whole.value + 1e-9 && whole.value <= first.value + 1e-9);
    lpg_median_answer_done(&first);
    lpg_median_answer_done(&again);
    lpg_median_answer_done(&whole);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_the_exhaustive_optimum),
        cmocka_unit_test(test_known_optimum_of_large_cases),
        cmocka_unit_test(test_perfect_codes),
        cmocka_unit_test(test_small_budget_leaves_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
