/* tests/unit/analysis/town_fixture.h -- a small town of streets in a grid, some missing, some
 * one-way, in the store and as a matrix of shortest ways that knows nothing of the network under
 * test. */
#ifndef ANALYSIS_TOWN_FIXTURE_H
#define ANALYSIS_TOWN_FIXTURE_H

#include "road_fixture.h"

enum { SIDE = 4, NODES = SIDE * SIDE, STREETS_MAX = 2 * SIDE * SIDE };
static const double block_m = 300.0;
static const double no_way_m = 1e6;

/* Streets between neighbours of a grid; some are missing, some one-way. */
struct town {
    double node[NODES][2];
    size_t n_streets;
    struct {
        int ends[2];
        bool forward;
        bool backward;
    } streets[STREETS_MAX];
    double way[NODES][NODES];
};

static inline void
add_town_street(struct fixture *fixture, struct town *town, uint64_t *seed, int a, int b)
{
    const double kind = random_between(seed, 0, 10);
    const bool one_way = kind > 8;
    struct street street = {
        .number = (int)town->n_streets,
        .direction = !one_way   ? "both"
                     : kind > 9 ? "forward"
                                : "backward",
        .metres = {town->node[a][0], town->node[a][1], town->node[b][0], town->node[b][1]}};
    if (kind < 2) {
        return;
    }
    add_street(fixture, &street);
    town->streets[town->n_streets].ends[0] = a;
    town->streets[town->n_streets].ends[1] = b;
    town->streets[town->n_streets].forward = !one_way || kind > 9;
    town->streets[town->n_streets].backward = !one_way || kind <= 9;
    town->n_streets++;
}

static inline double
apart_in_plane(const double a[2], const double b[2])
{
    return hypot(a[0] - b[0], a[1] - b[1]);
}

static inline void
build_town(struct fixture *fixture, struct town *town, uint64_t *seed)
{
    *town = (struct town){.n_streets = 0};
    for (int i = 0; i < NODES; i++) {
        town->node[i][0] = block_m * (i % SIDE);
        town->node[i][1] = block_m * (i / SIDE); /* NOLINT(bugprone-integer-division) */
    }
    for (int i = 0; i < NODES; i++) {
        if (i % SIDE + 1 < SIDE) {
            add_town_street(fixture, town, seed, i, i + 1);
        }
        if (i + SIDE < NODES) {
            add_town_street(fixture, town, seed, i, i + SIDE);
        }
    }
    for (int i = 0; i < NODES; i++) {
        for (int j = 0; j < NODES; j++) {
            town->way[i][j] = i == j ? 0.0 : HUGE_VAL;
        }
    }
    for (size_t k = 0; k < town->n_streets; k++) {
        const int a = town->streets[k].ends[0];
        const int b = town->streets[k].ends[1];
        const double m = apart_in_plane(town->node[a], town->node[b]);
        town->way[a][b] = town->streets[k].forward ? m : HUGE_VAL;
        town->way[b][a] = town->streets[k].backward ? m : HUGE_VAL;
    }
    for (int k = 0; k < NODES; k++) {
        for (int i = 0; i < NODES; i++) {
            for (int j = 0; j < NODES; j++) {
                town->way[i][j] = fmin(town->way[i][j], town->way[i][k] + town->way[k][j]);
            }
        }
    }
}

/* The nearest place on a street. */
struct foot {
    size_t street;
    double along_m;
    double gap_m;
};

static inline struct foot
foot_of(const struct town *town, const double p[2])
{
    struct foot best = {.gap_m = HUGE_VAL};
    for (size_t k = 0; k < town->n_streets; k++) {
        const double *a = town->node[town->streets[k].ends[0]];
        const double *b = town->node[town->streets[k].ends[1]];
        const double m = apart_in_plane(a, b);
        const double along = ((p[0] - a[0]) * (b[0] - a[0]) + (p[1] - a[1]) * (b[1] - a[1])) / m;
        const double on = fmin(fmax(along, 0.0), m);
        const double at[2] = {a[0] + (b[0] - a[0]) * on / m, a[1] + (b[1] - a[1]) * on / m};
        if (apart_in_plane(p, at) < best.gap_m) {
            best = (struct foot){k, on, apart_in_plane(p, at)};
        }
    }
    return best;
}

static inline double
way_m(const struct town *town, const double from[2], const double to[2])
{
    const struct foot p = foot_of(town, from);
    const struct foot q = foot_of(town, to);
    const int *a = town->streets[p.street].ends;
    const int *b = town->streets[q.street].ends;
    const double p_m = apart_in_plane(town->node[a[0]], town->node[a[1]]);
    const double q_m = apart_in_plane(town->node[b[0]], town->node[b[1]]);
    const double leave[2] = {town->streets[p.street].backward ? p.along_m : HUGE_VAL,
                             town->streets[p.street].forward ? p_m - p.along_m : HUGE_VAL};
    const double enter[2] = {town->streets[q.street].forward ? q.along_m : HUGE_VAL,
                             town->streets[q.street].backward ? q_m - q.along_m : HUGE_VAL};
    double least = HUGE_VAL;
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) {
            least = fmin(least, leave[i] + town->way[a[i]][b[j]] + enter[j]);
        }
    }
    if (p.street == q.street && (q.along_m >= p.along_m ? town->streets[p.street].forward
                                                        : town->streets[p.street].backward)) {
        least = fmin(least, fabs(q.along_m - p.along_m));
    }
    return fmin(least + p.gap_m + q.gap_m, no_way_m);
}

/* A place off the streets, so that no separation is short, and beside the middle of the nearest
 * one: at a corner either of two streets might be the one it is reached from. */
static inline void
in_a_block(const struct town *town, uint64_t *seed, double ret_m[2])
{
    struct foot foot;
    do {
        for (int k = 0; k < 2; k++) {
            ret_m[k] = block_m * floor(random_between(seed, 0, SIDE - 1)) +
                       random_between(seed, 60, block_m - 60);
        }
        foot = foot_of(town, ret_m);
    } while (foot.along_m < 1.0 || foot.along_m > block_m - 1.0);
}

#endif
