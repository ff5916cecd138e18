/* tests/bench/analysis/bench_analysis.c -- lpg.route-hazards in process and, on the same records
 * and routes, PostGIS through libpq: its buffer and its geodesic plan, prepared, with GiST indexes.
 * CPU of this thread for ours, wall time at the client for PostGIS. */
#include "fixture.h"

#include "analysis/route_inputs.h"
#include "pg_database.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <time.h>

enum { ROUTES = 20, POSITIONS = 4000, TOWNS = 150, RUNS = 40 };

struct town {
    double lonlat[2];
};

struct made {
    struct town towns[TOWNS];
    uint64_t seed;
    int n_elements;
    double *routes[ROUTES];
    size_t n[ROUTES];
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
print_times(const char *what, double *ms, size_t n, double found)
{
    qsort(ms, n, sizeof *ms, compare_double);
    (void)printf("%-58s %8.3f %8.3f %8.0f\n", what, ms[n / 2], ms[n * 95 / 100], found);
    (void)fflush(stdout);
}

/* Towns over the island; six of ten elements within 6 km of one, the rest anywhere. */
static void
make_elements(struct fixture *fixture, struct made *made, int n)
{
    static const char *const kinds[] = {"school",      "kindergarten",      "hospital",
                                        "market",      "dense_residential", "fuel_station",
                                        "water_source"};
    struct element *elements = calloc((size_t)n, sizeof *elements);
    assert_non_null(elements);
    for (int i = 0; i < n; i++) {
        struct element *element = &elements[i];
        *element = (struct element){.number = made->n_elements + i,
                                    .kind = kinds[unit_random_below(&made->seed, 7)],
                                    .persons = (int)unit_random_below(&made->seed, 900)};
        if (unit_random_below(&made->seed, 10) < 6) {
            random_near(&made->seed, made->towns[unit_random_below(&made->seed, TOWNS)].lonlat,
                        6000.0, element->lonlat);
        } else {
            element->lonlat[0] = random_between(&made->seed, 108.6, 111.1);
            element->lonlat[1] = random_between(&made->seed, 18.1, 20.2);
        }
    }
    add_elements(fixture, elements, (size_t)n);
    made->n_elements += n;
    free(elements);
}

/* From town to town, a position every 100 m or so. */
static void
make_routes(struct made *made, double length_m)
{
    for (int r = 0; r < ROUTES; r++) {
        double *lonlat = made->routes[r] != NULL ? made->routes[r] : malloc(POSITIONS * 16);
        double done_m = 0.0;
        size_t n = 1;
        int aim = (int)unit_random_below(&made->seed, TOWNS);
        assert_non_null(lonlat);
        memcpy(lonlat, made->towns[unit_random_below(&made->seed, TOWNS)].lonlat, 16);
        while (done_m < length_m && n < POSITIONS) {
            double heading;
            double edge_m = random_between(&made->seed, 60.0, 140.0);
            if (lpg_geodesic_inverse_m(lonlat + 2 * n - 2, made->towns[aim].lonlat, &heading) <
                500.0) {
                aim = (int)unit_random_below(&made->seed, TOWNS);
            }
            edge_m = fmin(edge_m, length_m - done_m);
            lpg_geodesic_direct(lonlat + 2 * n - 2,
                                heading + random_between(&made->seed, -40.0, 40.0), edge_m,
                                lonlat + 2 * n);
            done_m += edge_m;
            n++;
        }
        made->routes[r] = lonlat;
        made->n[r] = n;
    }
}

/* ---- ours ---- */

static void
measure_answers(struct fixture *fixture, struct made *made, const char *what)
{
    double *ms = malloc(ROUTES * RUNS * sizeof *ms);
    char *inputs[ROUTES];
    double found = 0.0;
    assert_non_null(ms);
    for (int r = 0; r < ROUTES; r++) {
        CIM_AUTO_FREE char *line = line_json(made->routes[r], made->n[r]);
        const size_t size = strlen(line) + 100;
        struct json_object *answer;
        inputs[r] = malloc(size);
        assert_non_null(inputs[r]);
        (void)snprintf(inputs[r], size,
                       "{\"distance_m\":500,\"as_of\":\"2026-11-27\",\"route\":%s}", line);
        answer = run(fixture, inputs[r]);
        found += (double)json_object_array_length(at(answer, "elements.features")) / ROUTES;
        (void)json_object_put(answer);
    }
    for (int i = 0; i < ROUTES * RUNS; i++) {
        cim_call call = fake_call(NULL);
        cim_blob blob = {0};
        cim_error err = {0};
        const double start = now_ms(CLOCK_THREAD_CPUTIME_ID);
        assert_ok(lpg_route_hazards_answer(fixture->analysis, &call, NULL, inputs[i % ROUTES],
                                           &blob, &err),
                  &err);
        ms[i] = now_ms(CLOCK_THREAD_CPUTIME_ID) - start;
        blob.release(&blob);
    }
    print_times(what, ms, ROUTES * RUNS, found);
    for (int r = 0; r < ROUTES; r++) {
        free(inputs[r]);
    }
    free(ms);
}

static int
kind_code(const void *arg, const char *text, size_t len)
{
    return lpg_route_table_kind(arg, text, len);
}

/* Without JSON on either side. */
static void
measure_assess(struct fixture *fixture, struct made *made, const char *what)
{
    struct lpg_sites_cache cache = {0};
    double *ms = malloc(ROUTES * RUNS * sizeof *ms);
    struct lpg_route_table *table;
    struct lpg_route_views views = {0};
    struct lpg_route_question question = {.exposure_m = 200.0, .as_of_day = 20784};
    const double everywhere[4] = {-180.0, -90.0, 180.0, 90.0};
    const cim_call call = fake_call(NULL);
    double found = 0.0;
    cim_error err = {0};
    assert_non_null(ms);
    assert_ok(lpg_route_table_read(ANALYSIS_DIR "/route_hazards.json", &table, &err), &err);
    {
        const struct lpg_sites_spec spec = {.layer = "lpg.risk-elements",
                                            .code_field = "kind",
                                            .code = kind_code,
                                            .arg = table,
                                            .name_field = "name",
                                            .persons_field = "persons"};
        double start;
        assert_ok(lpg_sites_cache_init(&cache, &fixture->fake->host, fixture->data, &spec, &err),
                  &err);
        start = now_ms(CLOCK_MONOTONIC);
        assert_ok(lpg_sites_view_open(&cache, &call, everywhere, &views.elements, &err), &err);
        (void)printf("%-58s %8.1f\n", "  index read and built (wall)",
                     now_ms(CLOCK_MONOTONIC) - start);
    }
    question.table = table;
    for (int i = 0; i < table->n_kinds; i++) {
        question.wanted[i] = true;
        question.override_m[i] = 500.0;
    }
    for (int i = 0; i < ROUTES * RUNS; i++) {
        const struct lpg_route route = {NULL, made->routes[i % ROUTES], made->n[i % ROUTES]};
        struct lpg_route_report report;
        const double start = now_ms(CLOCK_THREAD_CPUTIME_ID);
        assert_ok(lpg_route_assess(&route, &question, &views, &call, &report, &err), &err);
        ms[i] = now_ms(CLOCK_THREAD_CPUTIME_ID) - start;
        found += (double)report.n_hits / (ROUTES * RUNS);
        lpg_route_report_done(&report);
    }
    print_times(what, ms, ROUTES * RUNS, found);
    lpg_sites_view_done(&views.elements);
    lpg_sites_cache_done(&cache);
    lpg_route_table_free(table);
    free(ms);
}

/* What a record that was just written costs the first who asks: the index takes it in. */
static void
measure_edits(struct fixture *fixture, struct made *made, const char *what)
{
    enum { EDITS = 41 };
    double ms[EDITS];
    CIM_AUTO_FREE char *line = line_json(made->routes[0], 2);
    struct cim_buf inputs;
    cim_buf_init(&inputs, 1 << 20);
    cim_buf_addf(&inputs, "{\"distance_m\":500,\"as_of\":\"2026-11-27\",\"route\":%s}", line);
    (void)json_object_put(run(fixture, inputs.data));
    for (int i = 0; i < EDITS; i++) {
        cim_call call = fake_call(NULL);
        cim_blob blob = {0};
        cim_error err = {0};
        double start;
        make_elements(fixture, made, 1);
        start = now_ms(CLOCK_THREAD_CPUTIME_ID);
        assert_ok(
            lpg_route_hazards_answer(fixture->analysis, &call, NULL, inputs.data, &blob, &err),
            &err);
        ms[i] = now_ms(CLOCK_THREAD_CPUTIME_ID) - start;
        blob.release(&blob);
    }
    print_times(what, ms, EDITS, 0.0);
    cim_buf_done(&inputs);
}

/* ---- PostGIS ---- */

static PGresult *
must_pg(PGconn *pg, PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail_msg("%s", PQerrorMessage(pg));
    }
    return result;
}

static void
measure_postgis(PGconn *pg, struct made *made, const char *what, const char *sql)
{
    enum { PG_RUNS = 5 };
    double *ms = malloc(ROUTES * PG_RUNS * sizeof *ms);
    double found = 0.0;
    assert_non_null(ms);
    PQclear(must_pg(pg, PQprepare(pg, what, sql, 1, NULL)));
    for (int i = 0; i < ROUTES * PG_RUNS; i++) {
        const int r = i % ROUTES;
        struct cim_buf wkt;
        const char *values[1];
        PGresult *result;
        double start;
        cim_buf_init(&wkt, 1 << 22);
        cim_buf_add_text(&wkt, "SRID=4490;LINESTRING(");
        for (size_t k = 0; k < made->n[r]; k++) {
            cim_buf_addf(&wkt, "%s%.9f %.9f", k > 0 ? "," : "", made->routes[r][2 * k],
                         made->routes[r][2 * k + 1]);
        }
        cim_buf_add_text(&wkt, ")");
        values[0] = wkt.data;
        start = now_ms(CLOCK_MONOTONIC);
        result = must_pg(pg, PQexecPrepared(pg, what, 1, values, NULL, NULL, 0));
        ms[i] = now_ms(CLOCK_MONOTONIC) - start;
        found += (double)PQntuples(result) / (ROUTES * PG_RUNS);
        PQclear(result);
        cim_buf_done(&wkt);
    }
    print_times(what, ms, ROUTES * PG_RUNS, found);
    free(ms);
}

static void
measure_peers(struct fixture *fixture, struct made *made)
{
    PGconn *pg = PQconnectdb(fixture->fake->url);
    assert_int_equal(PQstatus(pg), CONNECTION_OK);
    PQclear(must_pg(pg, PQexec(pg, "create index if not exists bench_geography on "
                                   "lpg_risk_element using gist ((geom::geography)); "
                                   "analyze lpg_risk_element")));
    measure_postgis(pg, made, "PostGIS, ST_Buffer(geography) and ST_Intersects, ids alone",
                    "with r as materialized (select ST_SetSRID(ST_Buffer(ST_GeogFromText($1), "
                    "500.0)::geometry, 4490) as g) "
                    "select e.fid from lpg_risk_element e, r where ST_Intersects(e.geom, r.g)");
    measure_postgis(pg, made, "PostGIS, ST_DWithin(geography), ids alone",
                    "select e.fid from lpg_risk_element e where "
                    "ST_DWithin(e.geom::geography, ST_GeogFromText($1), 500.0, true)");
    measure_postgis(pg, made, "PostGIS, ST_DWithin(geography) with ST_Distance",
                    "select e.fid, e.kind, ST_Distance(e.geom::geography, ST_GeogFromText($1), "
                    "true) from lpg_risk_element e where "
                    "ST_DWithin(e.geom::geography, ST_GeogFromText($1), 500.0, true)");
    PQfinish(pg);
}

int
main(void)
{
    static struct made made = {.seed = 71};
    struct fixture *fixture = NULL;
    if (!pg_is_there()) {
        (void)fprintf(stderr, "run bench_analysis.sh, which gives a PostgreSQL\n");
        return 1;
    }
    (void)fixture_setup((void **)&fixture);
    for (int i = 0; i < TOWNS; i++) {
        made.towns[i].lonlat[0] = random_between(&made.seed, 108.7, 111.0);
        made.towns[i].lonlat[1] = random_between(&made.seed, 18.3, 20.0);
    }
    (void)printf("%-58s %8s %8s %8s\n", "500 m, 20 routes", "p50 ms", "p95 ms", "found");
    make_elements(fixture, &made, 20000);
    make_routes(&made, 60e3);
    measure_assess(fixture, &made, "60 km, 20 000 elements: the computing");
    measure_answers(fixture, &made, "60 km, 20 000 elements: JSON in, GeoJSON out");
    measure_peers(fixture, &made);
    measure_edits(fixture, &made, "2 positions after an edit, 20 000 elements");
    make_routes(&made, 15e3);
    measure_assess(fixture, &made, "15 km, 20 000 elements: the computing");
    measure_answers(fixture, &made, "15 km, 20 000 elements: JSON in, GeoJSON out");
    make_routes(&made, 240e3);
    measure_assess(fixture, &made, "240 km, 20 000 elements: the computing");
    measure_answers(fixture, &made, "240 km, 20 000 elements: JSON in, GeoJSON out");
    make_routes(&made, 60e3);
    make_elements(fixture, &made, 60000);
    measure_assess(fixture, &made, "60 km, 80 000 elements: the computing");
    measure_answers(fixture, &made, "60 km, 80 000 elements: JSON in, GeoJSON out");
    make_elements(fixture, &made, 240000);
    measure_assess(fixture, &made, "60 km, 320 000 elements: the computing");
    measure_answers(fixture, &made, "60 km, 320 000 elements: JSON in, GeoJSON out");
    measure_edits(fixture, &made, "2 positions after an edit, 320 000 elements");
    measure_peers(fixture, &made);
    for (int r = 0; r < ROUTES; r++) {
        free(made.routes[r]);
    }
    return fixture_teardown((void **)&fixture);
}
