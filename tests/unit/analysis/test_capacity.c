/* Stations that serve only so much: who serves whom, and which sites are best, equal to what comes
 * out when every unit of demand is tried with every station, on hundreds of random cases. */
#include "support/unit.h"

#include "analysis/median.h"
#include "analysis/transport.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>

enum { N = 7, M = 8, ROOM = 6 /* no capacity is larger */ };

struct instance {
    size_t n, m, p;
    double amount[N];
    double unit[N][M + 1]; /* the last: of serving nothing */
    double cost[N * M];
    double none[N];
    double capacity[M];
    bool fixed[M];
    bool apart[M * M];
};

static double
random_share(uint64_t *seed)
{
    return (double)(unit_random(seed) >> 11U) * 0x1p-53;
}

static void
draw(uint64_t *seed, struct instance *in)
{
    const bool covering = unit_random_below(seed, 2) == 0;
    double site[M][2];
    memset(in, 0, sizeof *in);
    in->n = 1 + unit_random_below(seed, N);
    in->m = 1 + unit_random_below(seed, M);
    in->p = 1 + unit_random_below(seed, in->m < 3 ? (uint32_t)in->m : 3U);
    for (size_t j = 0; j < in->m; j++) {
        site[j][0] = random_share(seed);
        site[j][1] = random_share(seed);
        in->capacity[j] = (double)unit_random_below(seed, ROOM + 1U);
        in->fixed[j] = unit_random_below(seed, 10) == 0;
    }
    for (size_t j = 0; j < in->m; j++) {
        for (size_t k = 0; k < in->m; k++) {
            in->apart[j * in->m + k] =
                j != k && hypot(site[j][0] - site[k][0], site[j][1] - site[k][1]) < 0.1;
        }
    }
    for (size_t i = 0; i < in->n; i++) {
        const double at[2] = {random_share(seed), random_share(seed)};
        in->amount[i] = (double)unit_random_below(seed, 4);
        for (size_t j = 0; j < in->m; j++) {
            const double d = hypot(site[j][0] - at[0], site[j][1] - at[1]);
            in->unit[i][j] = covering ? (d <= 0.5 ? 0.0 : 1.0) : d;
            in->cost[i * in->m + j] = in->amount[i] * in->unit[i][j];
        }
        in->unit[i][M] = covering ? 1.0 : 100.0;
        in->none[i] = in->amount[i] * in->unit[i][M];
    }
}

/* The least cost of all units from (i, u) on, with what room is left: every station for each. */
static double
try_units(const struct instance *in, const size_t *open, size_t n_open, size_t i, size_t u,
          int *room, double *memo)
{
    double best;
    size_t at = 0;
    if (i == in->n) {
        return 0.0;
    }
    if ((double)u >= in->amount[i]) {
        return try_units(in, open, n_open, i + 1, 0, room, memo);
    }
    for (size_t k = 0; k < n_open; k++) {
        at = at * (ROOM + 1) + (size_t)room[k];
    }
    at = (at * N + i) * 4 + u;
    if (!isnan(memo[at])) {
        return memo[at];
    }
    best = in->unit[i][M] + try_units(in, open, n_open, i, u + 1, room, memo);
    for (size_t k = 0; k < n_open; k++) {
        if (room[k] > 0) {
            room[k]--;
            best = fmin(best,
                        in->unit[i][open[k]] + try_units(in, open, n_open, i, u + 1, room, memo));
            room[k]++;
        }
    }
    memo[at] = best;
    return best;
}

static double
value_of(const struct instance *in, unsigned set)
{
    enum { STATIONS = 5, STATES = 16807 * N * 4 };
    size_t open[M];
    int room[M];
    size_t n_open = 0;
    size_t states = (size_t)N * 4;
    static double memo[STATES];
    for (size_t j = 0; j < in->m; j++) {
        if ((set >> j & 1U) != 0) {
            open[n_open] = j;
            room[n_open++] = (int)in->capacity[j];
            states *= ROOM + 1;
        }
    }
    assert_true(n_open <= STATIONS);
    for (size_t k = 0; k < states; k++) {
        memo[k] = NAN;
    }
    return try_units(in, open, n_open, 0, 0, room, memo);
}

static unsigned
fixed_of(const struct instance *in)
{
    unsigned fixed = 0;
    for (size_t j = 0; j < in->m; j++) {
        fixed |= in->fixed[j] ? 1U << j : 0U;
    }
    return fixed;
}

/* HUGE_VAL where no p sites may stand together. */
static double
exhaustive(const struct instance *in)
{
    const unsigned fixed = fixed_of(in);
    double best = HUGE_VAL;
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

/* Nobody serves more than it may, nobody gets more than it asks, and it costs what it is said to.
 */
static void
check_shares(const struct instance *in, const size_t *open, size_t n_open, const double *served,
             double cost)
{
    double room[M];
    double total = 0.0;
    for (size_t k = 0; k < n_open; k++) {
        room[k] = in->capacity[open[k]];
    }
    for (size_t i = 0; i < in->n; i++) {
        double left = in->amount[i];
        for (size_t k = 0; k < n_open; k++) {
            const double share = served[i * n_open + k];
            assert_true(share >= 0.0 && share == floor(share)); /* whole units */
            room[k] -= share;
            left -= share;
            total += share * in->unit[i][open[k]];
        }
        assert_true(left >= 0.0);
        total += left * in->unit[i][M];
    }
    for (size_t k = 0; k < n_open; k++) {
        assert_true(room[k] >= 0.0);
    }
    assert_true(fabs(total - cost) < 1e-9 * fmax(cost, 1.0));
}

static void
test_transport_equals_all_trials(void **state)
{
    enum { CASES = 600 };
    uint64_t seed = 61;
    (void)state;
    for (int c = 0; c < CASES; c++) {
        static struct instance in;
        size_t open[M];
        double served[N * M];
        double cost = NAN;
        double least;
        unsigned set = 0;
        struct lpg_transport transport = {.amount = in.amount,
                                          .cost = in.cost,
                                          .none = in.none,
                                          .capacity = in.capacity,
                                          .open = open};
        draw(&seed, &in);
        transport.n = in.n;
        transport.stride = in.m;
        for (size_t j = 0; j < in.m && transport.m < 5; j++) {
            if (unit_random_below(&seed, 2) == 0) {
                open[transport.m++] = j;
                set |= 1U << j;
            }
        }
        assert_int_equal(lpg_transport_solve(&transport, &cost, served, NULL), CIM_OK);
        least = value_of(&in, set);
        if (fabs(cost - least) > 1e-9 * fmax(least, 1.0)) {
            fail_msg("case %d: %.12g, least %.12g", c, cost, least);
        }
        check_shares(&in, open, transport.m, served, cost);
    }
}

static void
test_choice_equals_the_exhaustive_optimum(void **state)
{
    enum { CASES = 500 };
    uint64_t seed = 62;
    int n_found = 0;
    int n_tight = 0;
    (void)state;
    for (int c = 0; c < CASES; c++) {
        static struct instance in;
        struct lpg_median_answer answer = {0};
        double optimum;
        unsigned open = 0;
        draw(&seed, &in);
        if (__builtin_popcount(fixed_of(&in)) > 2) {
            continue;
        }
        optimum = exhaustive(&in);
        struct lpg_median median = {.n = in.n,
                                    .m = in.m,
                                    .p = in.p,
                                    .cost = in.cost,
                                    .fixed = in.fixed,
                                    .apart = in.apart,
                                    .capacity = in.capacity,
                                    .amount = in.amount,
                                    .none = in.none};
        assert_int_equal(lpg_median_solve(&median, NULL, &answer, NULL), CIM_OK);
        assert_int_equal(answer.found, isfinite(optimum));
        for (size_t j = 0; j < in.m && answer.found; j++) {
            open |= answer.open[j] ? 1U << j : 0U;
        }
        if (answer.found &&
            (fabs(answer.value - optimum) > 1e-6 * fmax(optimum, 1.0) || !answer.proven ||
             answer.bound > optimum + 1e-6 * fmax(optimum, 1.0) ||
             fabs(value_of(&in, open) - answer.value) > 1e-9 * fmax(optimum, 1.0))) {
            fail_msg("case %d: %.9g, optimum %.9g, bound %.9g, proven %d", c, answer.value, optimum,
                     answer.bound, answer.proven);
        }
        lpg_median_answer_done(&answer);
        if (isfinite(optimum)) {
            struct lpg_median_answer boundless = {0};
            median.capacity = NULL;
            assert_int_equal(lpg_median_solve(&median, NULL, &boundless, NULL), CIM_OK);
            n_found++;
            n_tight += optimum > boundless.value + 1e-6; /* the capacities matter */
            lpg_median_answer_done(&boundless);
        }
    }
    assert_true(n_found > 300 && n_tight > 150);
}

/* Towns of 40 each; stations serve 40, so the best is one in each; and the same answer each time.
 */
static void
test_a_large_case(void **state)
{
    enum { TOWNS = 8, HOMES = 40, SITES = 6, DEMANDS = TOWNS * HOMES, ALL = TOWNS * SITES };
    static double cost[DEMANDS * ALL];
    static double amount[DEMANDS];
    static double none[DEMANDS];
    double capacity[ALL];
    uint64_t seed = 5;
    struct lpg_median_answer first = {0};
    struct lpg_median_answer again = {0};
    (void)state;
    for (int i = 0; i < DEMANDS; i++) {
        const double x = random_share(&seed) * 100.0;
        amount[i] = 1.0;
        none[i] = 1e6;
        for (int j = 0; j < ALL; j++) {
            cost[i * ALL + j] =
                fabs((double)(i / HOMES - j / SITES) * 1000.0 + x - (double)(j % SITES) * 20.0);
            capacity[j] = (double)HOMES;
        }
    }
    const struct lpg_median median = {.n = DEMANDS,
                                      .m = ALL,
                                      .p = TOWNS,
                                      .cost = cost,
                                      .capacity = capacity,
                                      .amount = amount,
                                      .none = none};
    assert_int_equal(lpg_median_solve(&median, NULL, &first, NULL), CIM_OK);
    assert_int_equal(lpg_median_solve(&median, NULL, &again, NULL), CIM_OK);
    assert_true(first.found && first.bound <= first.value);
    assert_true((first.value - first.bound) / first.value <= 0.01);
    for (int t = 0; t < TOWNS; t++) {
        int n = 0;
        for (int j = 0; j < SITES; j++) {
            n += first.open[t * SITES + j];
        }
        assert_int_equal(n, 1);
    }
    assert_true(first.value == again.value && first.bound == again.bound);
    assert_memory_equal(first.open, again.open, ALL * sizeof *first.open);
    lpg_median_answer_done(&first);
    lpg_median_answer_done(&again);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transport_equals_all_trials),
        cmocka_unit_test(test_choice_equals_the_exhaustive_optimum),
        cmocka_unit_test(test_a_large_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
