/* Ways by length, time and exposure: equal to going through all of them, on hundreds of random
 * networks, with and without hours in which roads are closed. */
#include "support/unit.h"

#include "analysis/pareto.h"

#include <stdlib.h>

enum { NODES = 9, ARCS = 30, WAYS = 20000 };

struct net {
    struct lpg_pareto_graph graph;
    struct lpg_pareto_arc arcs[ARCS];
    int64_t exposure[ARCS];
    int64_t shut[ARCS][2]; /* from, to; both 0: open */
    size_t asked[ARCS];
};

static int64_t
exposure_of(void *arg, size_t arc)
{
    struct net *net = arg;
    net->asked[arc]++;
    return net->exposure[arc];
}

/* Waits until the arc is open for as long as it takes. */
static int64_t
pass(void *arg, size_t arc, int64_t at)
{
    const struct net *net = arg;
    const int64_t time = net->arcs[arc].time;
    int64_t leave = at;
    if (net->shut[arc][1] < 0) {
        return -1;
    }
    if (leave < net->shut[arc][1] && leave + time > net->shut[arc][0]) {
        leave = net->shut[arc][1];
    }
    return leave + time;
}

/* Costs in few different values, so that many are equal. */
static void
draw(uint64_t *seed, struct net *net)
{
    const bool hours = unit_random_below(seed, 2) == 0;
    const uint32_t values = unit_random_below(seed, 2) == 0 ? 4 : 1000;
    const uint32_t n_nodes = 2 + unit_random_below(seed, NODES - 1);
    memset(net, 0, sizeof *net);
    net->graph = (struct lpg_pareto_graph){.n_nodes = n_nodes,
                                           .n_arcs = 1 + unit_random_below(seed, ARCS),
                                           .arcs = net->arcs,
                                           .arg = net,
                                           .exposure = exposure_of,
                                           .pass = hours ? pass : NULL};
    for (size_t a = 0; a < net->graph.n_arcs; a++) {
        net->arcs[a] = (struct lpg_pareto_arc){.from = unit_random_below(seed, n_nodes),
                                               .to = unit_random_below(seed, n_nodes),
                                               .length = unit_random_below(seed, values),
                                               .time = 1 + unit_random_below(seed, values)};
        net->exposure[a] = unit_random_below(seed, 3) == 0 ? 0 : unit_random_below(seed, values);
        if (hours && unit_random_below(seed, 3) == 0) {
            net->shut[a][0] = unit_random_below(seed, 2 * values);
            net->shut[a][1] = unit_random_below(seed, 6) == 0
                                  ? -1
                                  : net->shut[a][0] + unit_random_below(seed, values);
        }
    }
}

struct all {
    struct net *net;
    bool used[NODES];
    size_t n;
    int64_t cost[WAYS][LPG_CRITERIA];
    int64_t best[WAYS][LPG_CRITERIA];
};

static void
go_through(struct all *all, uint32_t node, const int64_t cost[LPG_CRITERIA])
{
    const struct net *net = all->net;
    if (node == 1) {
        assert_true(all->n < WAYS);
        memcpy(all->cost[all->n++], cost, sizeof all->cost[0]);
        return;
    }
    all->used[node] = true;
    for (size_t a = 0; a < net->graph.n_arcs; a++) {
        int64_t next[LPG_CRITERIA];
        if (net->arcs[a].from != node || all->used[net->arcs[a].to]) {
            continue;
        }
        next[LPG_LENGTH] = cost[LPG_LENGTH] + net->arcs[a].length;
        next[LPG_TIME] = net->graph.pass != NULL ? pass(all->net, a, cost[LPG_TIME])
                                                 : cost[LPG_TIME] + net->arcs[a].time;
        next[LPG_EXPOSURE] = cost[LPG_EXPOSURE] + net->exposure[a];
        if (next[LPG_TIME] >= 0) {
            go_through(all, net->arcs[a].to, next);
        }
    }
    all->used[node] = false;
}

static bool
no_worse(const int64_t *a, const int64_t *b)
{
    return a[0] <= b[0] && a[1] <= b[1] && a[2] <= b[2];
}

/* `best`: those that none is better than, each once. */
static void
keep_best(struct all *all)
{
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        bool keep = true;
        for (size_t j = 0; j < all->n && keep; j++) {
            const bool same = memcmp(all->cost[i], all->cost[j], sizeof all->cost[0]) == 0;
            keep = same ? j >= i : !no_worse(all->cost[j], all->cost[i]);
        }
        if (keep) {
            memcpy(all->best[n++], all->cost[i], sizeof all->cost[0]);
        }
    }
    all->n = n;
}

/* The arcs of a way lead from start to end and cost what is said. */
static void
check_way(struct net *net, const struct lpg_pareto_path *path)
{
    int64_t cost[LPG_CRITERIA] = {0, 0, 0};
    uint32_t node = 0;
    for (size_t i = 0; i < path->n; i++) {
        const size_t a = path->arcs[i];
        assert_int_equal(net->arcs[a].from, node);
        node = net->arcs[a].to;
        cost[LPG_LENGTH] += net->arcs[a].length;
        cost[LPG_TIME] = net->graph.pass != NULL ? pass(net, a, cost[LPG_TIME])
                                                 : cost[LPG_TIME] + net->arcs[a].time;
        cost[LPG_EXPOSURE] += net->exposure[a];
    }
    assert_int_equal(node, 1);
    assert_memory_equal(cost, path->cost, sizeof cost);
}

static void
test_equals_going_through_all_ways(void **state)
{
    enum { CASES = 1000 };
    static const int64_t nothing[LPG_CRITERIA] = {0, 0, 0};
    static struct all all;
    static struct net net;
    uint64_t seed = 77;
    size_t most = 0;
    int n_none = 0;
    (void)state;
    for (int c = 0; c < CASES; c++) {
        struct lpg_pareto_answer answer = {0};
        draw(&seed, &net);
        memset(all.used, 0, sizeof all.used);
        all.net = &net;
        all.n = 0;
        go_through(&all, 0, nothing);
        keep_best(&all);
        assert_int_equal(lpg_pareto_search(&net.graph, 0, 1, 0, NULL, &answer, NULL), CIM_OK);
        assert_true(answer.tolerance == 0.0 && !answer.cut);
        if (answer.n != all.n) {
            fail_msg("case %d: %zu ways, %zu by going through all", c, answer.n, all.n);
        }
        for (size_t i = 0; i < answer.n; i++) {
            bool found = false;
            for (size_t j = 0; j < all.n && !found; j++) {
                found = memcmp(answer.paths[i].cost, all.best[j], sizeof all.cost[0]) == 0;
            }
            assert_true(found);
            check_way(&net, &answer.paths[i]);
        }
        for (size_t a = 0; a < net.graph.n_arcs; a++) {
            assert_true(net.asked[a] <= 1);
        }
        n_none += answer.n == 0;
        most = answer.n > most ? answer.n : most;
        lpg_pareto_answer_done(&answer);
    }
    assert_true(n_none > 20 && n_none < CASES / 2);
    assert_true(most >= 6);
}

enum { SIDE = 16, GRID = SIDE * SIDE, GRID_ARCS = 4 * GRID };

struct grid {
    struct lpg_pareto_arc arcs[GRID_ARCS];
    int64_t exposure[GRID_ARCS];
};

static int64_t
grid_exposure(void *arg, size_t arc)
{
    return ((struct grid *)arg)->exposure[arc];
}

static struct lpg_pareto_graph
draw_grid(uint64_t *seed, struct grid *grid)
{
    size_t n = 0;
    for (uint32_t i = 0; i < GRID; i++) {
        for (int k = 0; k < 2; k++) {
            const uint32_t to = k == 0 ? i + 1 : i + SIDE;
            if (to >= GRID || (k == 0 && to % SIDE == 0)) {
                continue;
            }
            for (int way = 0; way < 2; way++) {
                grid->arcs[n] = (struct lpg_pareto_arc){way == 0 ? i : to, way == 0 ? to : i,
                                                        100 + unit_random_below(seed, 900),
                                                        100 + unit_random_below(seed, 900)};
                grid->exposure[n++] = unit_random_below(seed, 1000);
            }
        }
    }
    return (struct lpg_pareto_graph){
        .n_nodes = GRID, .n_arcs = n, .arcs = grid->arcs, .arg = grid, .exposure = grid_exposure};
}

/* Where there are too many, every one of them is near one that is told. */
static void
test_too_many_ways_are_told_within_a_tolerance(void **state)
{
    static struct grid grid;
    uint64_t seed = 9;
    const struct lpg_pareto_graph graph = draw_grid(&seed, &grid);
    struct lpg_pareto_answer all = {0};
    struct lpg_pareto_answer some = {0};
    (void)state;
    assert_int_equal(lpg_pareto_search(&graph, 0, GRID - 1, 4000000, NULL, &all, NULL), CIM_OK);
    assert_true(all.tolerance == 0.0 && !all.cut);
    assert_int_equal(lpg_pareto_search(&graph, 0, GRID - 1, 6000, NULL, &some, NULL), CIM_OK);
    if (some.cut || some.tolerance == 0.0) {
        fail_msg("%zu of %zu ways, tolerance %g", some.n, all.n, some.tolerance);
    }
    assert_true(some.n > 0 && some.n < all.n);
    for (size_t i = 0; i < all.n; i++) {
        bool near = false;
        for (size_t j = 0; j < some.n && !near; j++) {
            near = true;
            for (int k = 0; k < LPG_CRITERIA; k++) {
                near = near && (double)some.paths[j].cost[k] <=
                                   (double)all.paths[i].cost[k] * (1.0 + some.tolerance);
            }
        }
        assert_true(near);
    }
    lpg_pareto_answer_done(&some);
    assert_int_equal(lpg_pareto_search(&graph, 0, GRID - 1, 50, NULL, &some, NULL), CIM_OK);
    assert_true(some.cut);
    lpg_pareto_answer_done(&some);
    lpg_pareto_answer_done(&all);
}

static int32_t
gone(const cim_call *call)
{
    (void)call;
    return 1;
}

static int64_t
no_exposure(void *arg, size_t arc)
{
    (void)arg;
    (void)arc;
    return -1;
}

static void
test_ends_when_the_caller_has_gone_or_exposure_fails(void **state)
{
    static struct grid grid;
    uint64_t seed = 9;
    struct lpg_pareto_graph graph = draw_grid(&seed, &grid);
    const cim_call call = {.struct_size = sizeof call, .cancelled = gone};
    struct lpg_pareto_answer answer = {0};
    cim_error err = {0};
    (void)state;
    assert_int_equal(lpg_pareto_search(&graph, 0, GRID - 1, 4000000, &call, &answer, &err),
                     CIM_E_CANCELLED);
    graph.exposure = no_exposure;
    assert_int_equal(lpg_pareto_search(&graph, 0, GRID - 1, 0, NULL, &answer, &err),
                     CIM_E_INTERNAL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_going_through_all_ways),
        cmocka_unit_test(test_too_many_ways_are_told_within_a_tolerance),
        cmocka_unit_test(test_ends_when_the_caller_has_gone_or_exposure_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
