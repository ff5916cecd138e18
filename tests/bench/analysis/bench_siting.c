/* tests/bench/analysis/bench_siting.c -- the choice of sites: published optima of OR-Library's
 * p-medians (J. E. Beasley, "A note on solving large p-median problems", EJOR 21, 1985), the sizes
 * of the design, growth; and the same cases as LP files for CBC and GLPK.
 *
 *   bench_siting [FOLDER with pmed1.txt … pmed40.txt]
 *   bench_siting lp coverage|median DEMANDS SITES P      to standard output
 */
#include "analysis/median.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double
now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
random_share(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(*seed >> 11U) * 0x1p-53;
}

/* ---- drawn cases ---- */

struct drawn {
    size_t n, m, p;
    bool coverage;
    double *cost;
    double *weight;
};

/* Demands about towns in a square of 40 km, sites anywhere; coverage within 3 km. */
static struct drawn
draw(size_t n, size_t m, size_t p, bool coverage)
{
    enum { TOWNS = 60 };
    struct drawn drawn = {
        n, m, p, coverage, malloc(n * m * sizeof(double)), malloc(n * sizeof(double))};
    double towns[TOWNS][2];
    double *sites = malloc(2 * m * sizeof *sites);
    uint64_t seed = 2026;
    if (drawn.cost == NULL || drawn.weight == NULL || sites == NULL) {
        abort();
    }
    for (int t = 0; t < TOWNS; t++) {
        towns[t][0] = 40000.0 * random_share(&seed);
        towns[t][1] = 40000.0 * random_share(&seed);
    }
    for (size_t j = 0; j < 2 * m; j++) {
        sites[j] = 40000.0 * random_share(&seed);
    }
    for (size_t i = 0; i < n; i++) {
        const double *town = towns[(size_t)(TOWNS * random_share(&seed))];
        const double turn = 6.283185307179586 * random_share(&seed);
        const double away = 4000.0 * random_share(&seed);
        const double at[2] = {town[0] + away * cos(turn), town[1] + away * sin(turn)};
        const double weight = 1.0 + floor(9.0 * random_share(&seed));
        drawn.weight[i] = weight;
        for (size_t j = 0; j < m; j++) {
            const double d = hypot(at[0] - sites[2 * j], at[1] - sites[2 * j + 1]);
            drawn.cost[i * m + j] = coverage ? (d <= 3000.0 ? 0.0 : weight) : nearbyint(weight * d);
        }
    }
    free(sites);
    return drawn;
}

/* `room`: how much of all demand p stations may serve together; 0: as much as there is. */
static void
solve_drawn(const char *what, size_t n, size_t m, size_t p, bool coverage, double room)
{
    const double no_way_m = 1e6;
    struct drawn drawn = draw(n, m, p, coverage);
    double *none = malloc(n * sizeof *none);
    double *capacity = malloc(m * sizeof *capacity);
    double all = 0.0;
    struct lpg_median median = {.n = n, .m = m, .p = p, .cost = drawn.cost};
    struct lpg_median_answer answer = {0};
    const double began = now_s();
    double total = 0.0;
    if (none == NULL || capacity == NULL) {
        abort();
    }
    for (size_t i = 0; i < n; i++) {
        all += drawn.weight[i];
        none[i] = drawn.weight[i] * (coverage ? 1.0 : no_way_m);
    }
    for (size_t j = 0; j < m; j++) {
        capacity[j] = floor(room * all / (double)p);
    }
    if (room > 0.0) {
        median.capacity = capacity;
        median.amount = drawn.weight;
        median.none = none;
    }
    if (lpg_median_solve(&median, NULL, &answer, NULL) != CIM_OK) {
        abort();
    }
    for (size_t i = 0; i < n; i++) { /* what covering nothing would cost */
        double most = 0.0;
        for (size_t j = 0; j < m; j++) {
            most = fmax(most, drawn.cost[i * m + j]);
        }
        total += most;
    }
    const double value = coverage ? total - answer.value : answer.value;
    const double bound = coverage ? total - answer.bound : answer.bound;
    (void)printf("%-20s %6zu x %4zu p %3zu  %14.0f  gap %7.4f %%  %s  %6.2f s\n", what, n, m, p,
                 value, 100.0 * fabs(value - bound) / fmax(value, bound),
                 answer.proven ? "proven" : "      ", now_s() - began);
    (void)fflush(stdout);
    lpg_median_answer_done(&answer);
    free(drawn.cost);
    free(drawn.weight);
    free(none);
    free(capacity);
}

/* ---- OR-Library ---- */

/* Of its file pmedopt. */
static const int optima[40] = {5819,  4093, 4250, 3034, 1355,  7824, 5631, 4445,  2734, 1255,
                               7696,  6634, 4374, 2968, 1729,  8162, 6999, 4809,  2845, 1789,
                               9138,  8579, 4619, 2961, 1828,  9917, 8307, 4498,  3033, 1989,
                               10086, 9297, 4700, 3013, 10400, 9934, 5057, 11060, 9423, 5128};

/* All distances by Floyd; of an edge that is given twice the last counts. */
static bool
read_pmed(const char *folder, int number, struct drawn *ret_drawn)
{
    char path[4096];
    FILE *file;
    size_t n;
    size_t n_edges;
    size_t p;
    double *d;
    bool whole;
    (void)snprintf(path, sizeof path, "%s/pmed%d.txt", folder, number);
    file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    whole = fscanf(file, "%zu %zu %zu", &n, &n_edges, &p) == 3 && n >= 2 && n <= 2000;
    d = malloc((whole ? n * n : 1) * sizeof *d);
    if (d == NULL) {
        abort();
    }
    for (size_t i = 0; whole && i < n * n; i++) {
        d[i] = i % (n + 1) == 0 ? 0.0 : 1e9;
    }
    for (size_t e = 0; whole && e < n_edges; e++) {
        size_t a;
        size_t b;
        double cost;
        whole =
            fscanf(file, "%zu %zu %lf", &a, &b, &cost) == 3 && a >= 1 && a <= n && b >= 1 && b <= n;
        if (whole) {
            d[(a - 1) * n + b - 1] = d[(b - 1) * n + a - 1] = cost;
        }
    }
    (void)fclose(file);
    for (size_t k = 0; whole && k < n; k++) {
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < n; j++) {
                d[i * n + j] = fmin(d[i * n + j], d[i * n + k] + d[k * n + j]);
            }
        }
    }
    *ret_drawn = (struct drawn){n, n, p, false, d, NULL};
    if (!whole) {
        free(d);
    }
    return whole;
}

static int
solve_library(const char *folder)
{
    int n_wrong = 0;
    int n_proven = 0;
    int n_read = 0;
    double worst = 0.0;
    const double began = now_s();
    for (int number = 1; number <= 40; number++) {
        struct drawn drawn;
        struct lpg_median_answer answer = {0};
        const int optimum = optima[number - 1];
        double start;
        if (!read_pmed(folder, number, &drawn)) {
            continue;
        }
        n_read++;
        start = now_s();
        const struct lpg_median median = {
            .n = drawn.n, .m = drawn.m, .p = drawn.p, .cost = drawn.cost};
        if (lpg_median_solve(&median, NULL, &answer, NULL) != CIM_OK) {
            abort();
        }
        const double above = 100.0 * (answer.value / optimum - 1.0);
        const bool wrong = answer.value < optimum - 1e-6 || answer.bound > optimum + 1e-6;
        (void)printf("pmed%-3d n %3zu p %3zu  %6.0f  optimum %5d  above %.3f %%  gap %.3f %%  %s "
                     "%5.2f s%s\n",
                     number, drawn.n, drawn.p, answer.value, optimum, above,
                     100.0 * (answer.value - answer.bound) / answer.value,
                     answer.proven ? "proven" : "      ", now_s() - start, wrong ? "  WRONG" : "");
        (void)fflush(stdout);
        n_wrong += wrong;
        n_proven += answer.proven;
        worst = fmax(worst, above);
        lpg_median_answer_done(&answer);
        free(drawn.cost);
    }
    (void)printf(
        "OR-Library: %d of 40, %d proven, worst %.3f %% above the optimum, %d wrong, %.1f s\n",
        n_read, n_proven, worst, n_wrong, now_s() - began);
    return n_wrong > 0;
}

/* ---- for others ---- */

static void
write_lp(const struct drawn *drawn)
{
    (void)printf("Minimize\n obj:");
    if (drawn->coverage) { /* u: what is not covered */
        for (size_t i = 0; i < drawn->n; i++) {
            double most = 0.0;
            for (size_t j = 0; j < drawn->m; j++) {
                most = fmax(most, drawn->cost[i * drawn->m + j]);
            }
            (void)printf(" + %.0f u%zu%s", most, i, i % 8 == 7 ? "\n" : "");
        }
    } else {
        for (size_t i = 0; i < drawn->n; i++) {
            for (size_t j = 0; j < drawn->m; j++) {
                (void)printf(" + %.0f y%zu_%zu%s", drawn->cost[i * drawn->m + j], i, j,
                             j % 8 == 7 ? "\n" : "");
            }
        }
    }
    (void)printf("\nSubject To\n p:");
    for (size_t j = 0; j < drawn->m; j++) {
        (void)printf(" + x%zu%s", j, j % 12 == 11 ? "\n" : "");
    }
    (void)printf(" = %zu\n", drawn->p);
    for (size_t i = 0; i < drawn->n; i++) {
        (void)printf(" d%zu: %s", i, drawn->coverage ? "" : "");
        if (drawn->coverage) {
            (void)printf("u%zu", i);
        }
        for (size_t j = 0; j < drawn->m; j++) {
            if (!drawn->coverage) {
                (void)printf(" + y%zu_%zu%s", i, j, j % 12 == 11 ? "\n" : "");
            } else if (drawn->cost[i * drawn->m + j] == 0.0) {
                (void)printf(" + x%zu", j);
            }
        }
        (void)printf(drawn->coverage ? " >= 1\n" : " = 1\n");
        for (size_t j = 0; j < drawn->m && !drawn->coverage; j++) {
            (void)printf(" y%zu_%zu - x%zu <= 0\n", i, j, j);
        }
    }
    (void)printf("Bounds\n");
    for (size_t i = 0; i < drawn->n && drawn->coverage; i++) {
        (void)printf(" 0 <= u%zu <= 1\n", i);
    }
    (void)printf("Binaries\n");
    for (size_t j = 0; j < drawn->m; j++) {
        (void)printf(" x%zu\n", j);
    }
    (void)printf("End\n");
}

int
main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "lp") == 0) {
        struct drawn drawn = draw(strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10),
                                  strtoul(argv[5], NULL, 10), strcmp(argv[2], "coverage") == 0);
        write_lp(&drawn);
        free(drawn.cost);
        free(drawn.weight);
        return 0;
    }
    (void)printf("sites for demands, processor seconds of one core\n");
    solve_drawn("coverage", 20000, 1000, 15, true, 0.0);
    solve_drawn("p-median", 20000, 1000, 15, false, 0.0);
    solve_drawn("coverage", 5000, 1000, 15, true, 0.0);
    solve_drawn("p-median", 5000, 1000, 15, false, 0.0);
    solve_drawn("coverage", 2000, 200, 10, true, 0.0);
    solve_drawn("p-median", 200, 100, 10, false, 0.0);
    solve_drawn("coverage, capacities", 20000, 1000, 15, true, 0.5);
    solve_drawn("p-median, capacities", 20000, 1000, 15, false, 1.2);
    solve_drawn("coverage, capacities", 2000, 200, 10, true, 0.5);
    solve_drawn("p-median, capacities", 2000, 200, 10, false, 1.2);
    return argc > 1 ? solve_library(argv[1]) : 0;
}
