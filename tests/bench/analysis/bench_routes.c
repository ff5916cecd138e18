/* tests/bench/analysis/bench_routes.c -- shortest ways by road in process and, on the same graph
 * and the same pairs, pgRouting through libpq: whose lengths have to be the same. CPU of this
 * thread for ours, wall time at the client for pgRouting, which reads the graph for each question.
 */
#include "road_fixture.h"

#include "pg_database.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <time.h>

enum { SIDE_MAX = 80, PAIRS = 40 };

struct graph {
    int side; /* streets in a grid of side × side crossings */
    double node[SIDE_MAX * SIDE_MAX][2];
    int n_streets;
    int pairs[PAIRS][2];
    double metres[PAIRS];
};

static double
now_ms(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
compare_double(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void
print_times(const char *what, double *ms, size_t n)
{
    qsort(ms, n, sizeof *ms, compare_double);
    (void)printf("  %-52s %9.3f %9.3f\n", what, ms[n / 2], ms[n * 95 / 100]);
    (void)fflush(stdout);
}

static PGresult *
must_pg(PGconn *pg, PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fail_msg("%s", PQerrorMessage(pg));
    }
    return result;
}

/* A street between two crossings, in the store and in the table that pgRouting reads. */
static void
add_edge(struct fixture *fixture, struct graph *graph, struct cim_buf *rows, int a, int b)
{
    const double *p = graph->node[a];
    const double *q = graph->node[b];
    const struct street street = {.number = graph->n_streets, .metres = {p[0], p[1], q[0], q[1]}};
    add_street(fixture, &street);
    cim_buf_addf(rows, "%d\t%d\t%d\t%.6f\n", graph->n_streets, a, b,
                 hypot(p[0] - q[0], p[1] - q[1]));
    graph->n_streets++;
}

static void
build(struct fixture *fixture, struct graph *graph, PGconn *pg)
{
    uint64_t seed = 7;
    struct cim_buf rows;
    const int n = graph->side * graph->side;
    cim_buf_init(&rows, 1 << 24);
    graph->n_streets = 0;
    for (int i = 0; i < n; i++) { /* 100 m apart, none of them straight */
        graph->node[i][0] = 100.0 * (i % graph->side) + random_between(&seed, -20, 20);
        graph->node[i][1] = 100.0 * floor((double)i / graph->side) + random_between(&seed, -20, 20);
    }
    for (int i = 0; i < n; i++) {
        if (i % graph->side + 1 < graph->side) {
            add_edge(fixture, graph, &rows, i, i + 1);
        }
        if (i + graph->side < n) {
            add_edge(fixture, graph, &rows, i, i + graph->side);
        }
    }
    for (int k = 0; k < PAIRS; k++) {
        graph->pairs[k][0] = (int)random_between(&seed, 0, n - 1);
        graph->pairs[k][1] = (int)random_between(&seed, 0, n - 1);
    }
    PQclear(
        must_pg(pg, PQexec(pg, "drop table if exists bench_edge; create table bench_edge (id "
                               "bigint primary key, source bigint, target bigint, cost float8)")));
    PQclear(PQexec(pg, "copy bench_edge from stdin"));
    assert_int_equal(PQputCopyData(pg, rows.data, (int)rows.len), 1);
    assert_int_equal(PQputCopyEnd(pg, NULL), 1);
    PQclear(must_pg(pg, PQgetResult(pg)));
    PQclear(PQgetResult(pg));
    PQclear(must_pg(pg, PQexec(pg, "analyze bench_edge")));
    cim_buf_done(&rows);
}

static void
stop_at(const struct lpg_routing_run *run, const double metres[2], struct lpg_stop *ret_stop)
{
    double at[2];
    offset(metres[0], metres[1], at);
    lpg_travel_stop(&run->travel, at, ret_stop);
}

static void
measure_ours(const struct lpg_routing_run *run, struct graph *graph)
{
    double ms[PAIRS];
    for (int k = 0; k < PAIRS; k++) {
        struct lpg_stop stops[2];
        struct lpg_reach reach = {0};
        uint32_t source;
        const double start = now_ms(CLOCK_THREAD_CPUTIME_ID);
        stop_at(run, graph->node[graph->pairs[k][0]], &stops[0]);
        stop_at(run, graph->node[graph->pairs[k][1]], &stops[1]);
        assert_int_equal(lpg_travel_reach(&run->travel, stops, 1, false, false, INT64_MAX - 1, NULL,
                                          &reach, NULL),
                         CIM_OK);
        graph->metres[k] = (double)lpg_travel_cost(&run->travel, &reach, stops, 1, false, false,
                                                   &stops[1], &source) /
                           1e3;
        lpg_reach_done(&reach);
        ms[k] = now_ms(CLOCK_THREAD_CPUTIME_ID) - start;
    }
    print_times("ours: one pair, the whole network searched", ms, PAIRS);
}

static void
measure_pgrouting(PGconn *pg, const struct graph *graph)
{
    double ms[PAIRS];
    double worst = 0.0;
    for (int k = 0; k < PAIRS; k++) {
        char ends[2][16];
        const char *const values[] = {ends[0], ends[1]};
        PGresult *result;
        double start;
        double metres;
        (void)snprintf(ends[0], sizeof ends[0], "%d", graph->pairs[k][0]);
        (void)snprintf(ends[1], sizeof ends[1], "%d", graph->pairs[k][1]);
        start = now_ms(CLOCK_MONOTONIC);
        result = must_pg(pg, PQexecParams(pg,
                                          "select coalesce(max(agg_cost), 0) from pgr_dijkstra("
                                          "'select id, source, target, cost from bench_edge', "
                                          "cast($1 as bigint), cast($2 as bigint), false)",
                                          2, NULL, values, NULL, NULL, 0));
        ms[k] = now_ms(CLOCK_MONOTONIC) - start;
        metres = strtod(PQgetvalue(result, 0, 0), NULL);
        worst = fmax(worst, fabs(metres - graph->metres[k]));
        PQclear(result);
    }
    print_times("pgRouting: pgr_dijkstra of one pair", ms, PAIRS);
    (void)printf("  lengths differ by at most %.4f m\n", worst);
    assert_true(worst < 0.1); /* plane and ellipsoid, over 16 km */
}

static void
measure(struct fixture *fixture, struct graph *graph, PGconn *pg)
{
    const cim_call call = fake_call(NULL);
    struct json_object *inputs = json_tokener_parse("{}");
    struct lpg_routing_run run;
    double start;
    (void)fixture_clear((void **)&fixture);
    build(fixture, graph, pg);
    fixture->fake->scope = fake_scope_all();
    start = now_ms(CLOCK_THREAD_CPUTIME_ID);
    assert_int_equal(lpg_routing_open(lpg_analysis_routing(fixture->analysis), &call, inputs,
                                      "emergency", &run, NULL),
                     CIM_OK);
    (void)printf("%d streets; ours: the network made once in %.1f ms\n", graph->n_streets,
                 now_ms(CLOCK_THREAD_CPUTIME_ID) - start);
    measure_ours(&run, graph);
    measure_pgrouting(pg, graph);
    lpg_routing_run_done(&run);
    (void)json_object_put(inputs);
}

int
main(void)
{
    static struct graph graph;
    struct fixture *fixture = NULL;
    PGconn *pg;
    PGresult *made;
    if (!pg_is_there()) {
        (void)fprintf(stderr, "run bench_analysis.sh, which gives a PostgreSQL\n");
        return 1;
    }
    (void)fixture_setup((void **)&fixture);
    pg = PQconnectdb(fixture->fake->url);
    assert_int_equal(PQstatus(pg), CONNECTION_OK);
    made = PQexec(pg, "create extension if not exists pgrouting");
    if (PQresultStatus(made) != PGRES_COMMAND_OK) {
        (void)printf("pgRouting is not there (Debian: postgresql-15-pgrouting): not measured\n");
    } else {
        (void)printf("%-54s %9s %9s\n", "shortest ways, 40 pairs", "p50 ms", "p95 ms");
        for (graph.side = 20; graph.side <= SIDE_MAX; graph.side *= 2) {
            measure(fixture, &graph, pg);
        }
    }
    PQclear(made);
    PQfinish(pg);
    return fixture_teardown((void **)&fixture);
}
