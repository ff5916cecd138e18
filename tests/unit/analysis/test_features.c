/* lpg.buffer, lpg.overlay and lpg.topology over a real store and over features: held to geodesics,
 * to points drawn at random, to PostGIS, and to what they must refuse. */
#include "features_fixture.h"

#include <libpq-fe.h>

static size_t
count_of(struct json_object *answer, const char *path)
{
    return json_object_array_length(at(answer, path));
}

/* ---- buffer ---- */

/* Never short, and not much more: each place by its geodesic distance to the nearest point. */
static void
test_buffer_of_a_layer(void **state)
{
    enum { STATIONS = 12, PLACES = 1500 };
    struct fixture *fixture = *state;
    uint64_t seed = 7;
    double stations[STATIONS][2];
    struct json_object *each;
    struct json_object *all;
    int n_in = 0;
    for (int i = 0; i < STATIONS; i++) {
        const double east_m = random_between(&seed, -900, 900);
        const double north_m = random_between(&seed, -900, 900);
        add_station(fixture, i + 1, "supply", "II", "3000", east_m, north_m);
        offset(east_m, north_m, stations[i]);
    }
    each = task(fixture, lpg_buffer_task,
                "{\"features\":\"lpg.stations\",\"distance_m\":300,\"excess_m\":0.1}");
    assert_int_equal(count_of(each, "buffers.features"), STATIONS);
    assert_true(fabs(number_at(each, "area_m2") - STATIONS * 282743.3) < STATIONS * 250.0);
    assert_string_equal(text_at(each, "buffers.features.0.properties.name"), "S1");
    all = task(fixture, lpg_buffer_task,
               "{\"features\":{\"layer\":\"lpg.stations\"},\"distance_m\":300,\"excess_m\":0.1,"
               "\"dissolve\":true}");
    assert_int_equal(count_of(all, "buffers.features"), 1);
    assert_true(number_at(all, "area_m2") < number_at(each, "area_m2"));
    for (int i = 0; i < PLACES; i++) {
        double p[2];
        double nearest_m = HUGE_VAL;
        bool in;
        offset(random_between(&seed, -1300, 1300), random_between(&seed, -1300, 1300), p);
        for (int k = 0; k < STATIONS; k++) {
            nearest_m = fmin(nearest_m, lpg_geodesic_inverse_m(p, stations[k], NULL));
        }
        in = in_geometry(at(all, "buffers.features.0.geometry"), p);
        n_in += in;
        if ((nearest_m <= 300.0 && !in) || (nearest_m > 300.12 && in)) {
            fail_msg("%.9f %.9f lies %.4f m away and is %s", p[0], p[1], nearest_m,
                     in ? "in" : "out");
        }
    }
    assert_true(n_in > 300 && n_in < PLACES - 300);
    (void)json_object_put(each);
    (void)json_object_put(all);
}

static void
test_buffer_by_field(void **state)
{
    struct fixture *fixture = *state;
    const struct element elements[] = {
        {.number = 1, .kind = "school", .lonlat = {110.20, 19.95}, .persons = 5, .buffer_m = 200},
        {.number = 2, .kind = "school", .lonlat = {110.22, 19.95}, .persons = 5}};
    struct json_object *answer;
    add_elements(fixture, elements, 2);
    answer = task(fixture, lpg_buffer_task,
                  "{\"features\":{\"layer\":\"lpg.risk-elements\",\"properties\":[\"buffer_m\"]},"
                  "\"distance_field\":\"buffer_m\",\"distance_m\":50,\"excess_m\":0.01}");
    assert_true(fabs(number_at(answer, "buffers.features.0.properties.area_m2") - 125663.7) < 40);
    assert_true(fabs(number_at(answer, "buffers.features.1.properties.area_m2") - 7854.0) < 5);
    (void)json_object_put(answer);
    assert_refused(fixture, lpg_buffer_task,
                   "{\"features\":\"lpg.risk-elements\",\"distance_field\":\"buffer_m\"}",
                   CIM_E_INVALID, "distance_field", "metres");
}

/* ---- overlay ---- */

static void
scatter_areas(uint64_t *seed, double (*rings)[10], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double x = random_between(seed, -500, 500);
        const double y = random_between(seed, -500, 500);
        const double turn = random_between(seed, 0.0, 1.5);
        const double w = random_between(seed, 30, 300);
        const double h = random_between(seed, 30, 300);
        for (int k = 0; k < 5; k++) {
            const double across = (k % 4 == 1 || k % 4 == 2) ? w : 0.0;
            const double up = k % 4 >= 2 ? h : 0.0;
            offset(x + across * cos(turn) - up * sin(turn), y + across * sin(turn) + up * cos(turn),
                   rings[i] + 2 * (size_t)k);
        }
        for (int k = 0; k < 10; k++) { /* as they will be written */
            rings[i][k] = nearbyint(rings[i][k] * 1e9) / 1e9;
        }
    }
}

static struct json_object *
overlay(struct fixture *fixture, double (*a)[10], double (*b)[10], size_t n, const char *operation)
{
    struct cim_buf inputs;
    struct json_object *answer;
    cim_buf_init(&inputs, 1 << 20);
    cim_buf_add_text(&inputs, "{\"a\":");
    write_areas(&inputs, a, n);
    cim_buf_add_text(&inputs, ",\"b\":");
    write_areas(&inputs, b, n);
    cim_buf_addf(&inputs, ",\"operation\":\"%s\"}", operation);
    answer = task(fixture, lpg_overlay_task, inputs.data);
    cim_buf_done(&inputs);
    return answer;
}

static bool
in_any(double (*rings)[10], size_t n, const double p[2])
{
    for (size_t i = 0; i < n; i++) {
        bool in = false;
        for (int k = 0, j = 3; k < 4; j = k++) {
            const double *s = rings[i] + 2 * (size_t)k;
            const double *t = rings[i] + 2 * (size_t)j;
            if ((s[1] > p[1]) != (t[1] > p[1]) &&
                p[0] < s[0] + (t[0] - s[0]) * (p[1] - s[1]) / (t[1] - s[1])) {
                in = !in;
            }
        }
        if (in) {
            return true;
        }
    }
    return false;
}

static bool
in_pieces(struct json_object *answer, const double p[2])
{
    struct json_object *features = at(answer, "pieces.features");
    for (size_t i = 0; i < json_object_array_length(features); i++) {
        if (in_geometry(at(json_object_array_get_idx(features, i), "geometry"), p)) {
            return true;
        }
    }
    return false;
}

/* Square metres that all pairs share, by PostGIS on the ellipsoid. */
static double
shared_by_postgis(struct fixture *fixture, double (*a)[10], double (*b)[10], size_t n)
{
    PGconn *connection = PQconnectdb(fixture->fake->url);
    struct cim_buf sql;
    PGresult *result;
    double m2;
    double(*const sets[])[10] = {a, b};
    assert_int_equal(PQstatus(connection), CONNECTION_OK);
    cim_buf_init(&sql, 1 << 20);
    cim_buf_add_text(&sql, "with ");
    for (int s = 0; s < 2; s++) {
        cim_buf_addf(&sql, "%s%c(g) as (values ", s > 0 ? "," : "", 'a' + s);
        for (size_t i = 0; i < n; i++) {
            const double *r = sets[s][i];
            cim_buf_addf(&sql,
                         "%s(st_geomfromtext('POLYGON((%.9f %.9f,%.9f %.9f,%.9f %.9f,%.9f %.9f,"
                         "%.9f %.9f))',4490))",
                         i > 0 ? "," : "", r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8],
                         r[9]);
        }
        cim_buf_add_char(&sql, ')');
    }
    cim_buf_add_text(&sql, " select sum(st_area(st_intersection(a.g, b.g)::geography)) from a, b "
                           "where st_intersects(a.g, b.g)");
    result = PQexec(connection, sql.data);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail_msg("%s", PQerrorMessage(connection));
    }
    m2 = strtod(PQgetvalue(result, 0, 0), NULL);
    PQclear(result);
    PQfinish(connection);
    cim_buf_done(&sql);
    return m2;
}

/* Each place is in the answer as it is in the two sets; PostGIS measures the same. */
static void
test_overlay_of_random_areas(void **state)
{
    enum { AREAS = 25, PLACES = 400 };
    static const char *const names[] = {"intersection", "union", "difference",
                                        "symmetric_difference"};
    struct fixture *fixture = *state;
    uint64_t seed = 17;
    for (int round = 0; round < 3; round++) {
        double a[AREAS][10];
        double b[AREAS][10];
        struct json_object *answers[4];
        int n_in[4] = {0};
        scatter_areas(&seed, a, AREAS);
        scatter_areas(&seed, b, AREAS);
        for (int i = 0; i < 4; i++) {
            answers[i] = overlay(fixture, a, b, AREAS, names[i]);
        }
        for (int i = 0; i < PLACES; i++) {
            double p[2];
            offset(random_between(&seed, -800, 800), random_between(&seed, -800, 800), p);
            const bool in_a = in_any(a, AREAS, p);
            const bool in_b = in_any(b, AREAS, p);
            const bool expected[] = {in_a && in_b, in_a || in_b, in_a && !in_b, in_a != in_b};
            for (int k = 0; k < 4; k++) {
                n_in[k] += expected[k];
                assert_int_equal(in_pieces(answers[k], p), expected[k]);
            }
        }
        assert_true(n_in[0] > 10 && n_in[2] > 10);
        if (fixture->fake->url[0] != '\0') {
            const double m2 = shared_by_postgis(fixture, a, b, AREAS);
            assert_true(fabs(m2 - number_at(answers[0], "area_m2")) < m2 * 1e-6);
        }
        assert_true(number_at(answers[0], "pieces.features.0.properties.no") >= 0.0);
        assert_true(number_at(answers[0], "pieces.features.0.properties.b_no") >= 0.0);
        for (int i = 0; i < 4; i++) {
            (void)json_object_put(answers[i]);
        }
    }
}

/* The pieces of an area and what is left of it add up to it. */
static void
test_overlay_parts_an_area(void **state)
{
    struct fixture *fixture = *state;
    double a[1][10];
    double b[1][10];
    struct json_object *shared;
    struct json_object *rest;
    double ring[10];
    rectangle(-100, -100, 100, 100, ring);
    memcpy(a[0], ring, sizeof ring);
    rectangle(-30, -300, 40, 300, ring);
    memcpy(b[0], ring, sizeof ring);
    shared = overlay(fixture, a, b, 1, "intersection");
    rest = overlay(fixture, a, b, 1, "difference");
    assert_true(fabs(number_at(shared, "area_m2") - 70.0 * 200.0) < 0.5);
    assert_true(fabs(number_at(rest, "area_m2") - 130.0 * 200.0) < 0.5);
    assert_string_equal(text_at(rest, "pieces.features.0.geometry.type"), "MultiPolygon");
    (void)json_object_put(shared);
    (void)json_object_put(rest);
}

/* ---- topology ---- */

#define LINE(a, b, c, d)                                                                           \
    "{\"type\":\"Feature\",\"properties\":{},\"geometry\":{\"type\":\"LineString\","               \
    "\"coordinates\":[[" #a "," #b "],[" #c "," #d "]]}}"

static int64_t
found(struct json_object *answer, const char *rule)
{
    char path[64];
    (void)snprintf(path, sizeof path, "counts.%s", rule);
    return json_object_get_int64(at(answer, path));
}

/* Eight squares around a hole, one of them too wide by 2 m. */
static void
test_overlaps_and_gaps(void **state)
{
    struct fixture *fixture = *state;
    double rings[8][10];
    struct cim_buf inputs;
    struct json_object *answer;
    size_t n = 0;
    for (int x = -1; x <= 1; x++) {
        for (int y = -1; y <= 1; y++) {
            if (x != 0 || y != 0) {
                rectangle(100 * x - 50, 100 * y - 50, 100 * x + (n == 0 ? 52 : 50), 100 * y + 50,
                          rings[n]);
                n++;
            }
        }
    }
    cim_buf_init(&inputs, 1 << 20);
    cim_buf_add_text(&inputs, "{\"features\":");
    write_areas(&inputs, rings, 8);
    cim_buf_add_text(&inputs, ",\"rules\":[\"valid\",\"no_overlap\",\"no_gap\"]}");
    answer = task(fixture, lpg_topology_task, inputs.data);
    assert_int_equal(found(answer, "valid"), 0);
    assert_int_equal(found(answer, "no_overlap"), 1);
    assert_int_equal(found(answer, "no_gap"), 1);
    assert_string_equal(text_at(answer, "findings.features.0.properties.rule"), "no_overlap");
    assert_true(fabs(number_at(answer, "findings.features.0.properties.area_m2") - 200.0) < 1.0);
    assert_true(fabs(number_at(answer, "findings.features.1.properties.area_m2") - 10000.0) < 5.0);
    (void)json_object_put(answer);
    cim_buf_done(&inputs);
}

static void
test_rules_between_layers(void **state)
{
    struct fixture *fixture = *state;
    const struct house house = {1, "dwelling", "false", "false", "9"};
    struct json_object *answer;
    add_house(fixture, &house, -10, -10, 10, 10);
    add_station(fixture, 1, "supply", "II", "3000", 0, 0);
    add_station(fixture, 2, "supply", "II", "3000", 500, 0);
    answer = task(fixture, lpg_topology_task,
                  "{\"features\":\"lpg.stations\",\"with\":\"lpg.buildings\",\"rules\":"
                  "[\"within\"]}");
    assert_int_equal(found(answer, "within"), 1);
    assert_string_equal(text_at(answer, "findings.features.0.properties.feature"), "S2");
    (void)json_object_put(answer);
    answer = task(fixture, lpg_topology_task,
                  "{\"features\":\"lpg.stations\",\"with\":\"lpg.buildings\",\"rules\":"
                  "[\"disjoint\"]}");
    assert_string_equal(text_at(answer, "findings.features.0.properties.feature"), "S1");
    assert_string_equal(text_at(answer, "findings.features.0.properties.other"), "B1");
    (void)json_object_put(answer);
}

/* A cross of four that meet, one that ends 3 m short of them, and a lone one. */
static void
test_dangling_ends(void **state)
{
    struct fixture *fixture = *state;
    struct json_object *answer =
        task(fixture, lpg_topology_task,
             "{\"features\":{\"type\":\"FeatureCollection\",\"features\":[" LINE(
                 110.0, 19.0, 110.01,
                 19.0) "," LINE(110.01, 19.0, 110.01,
                                19.01) "," LINE(110.01, 19.01, 110.0,
                                                19.0) "," LINE(110.005, 19.02, 110.005,
                                                               19.00502) "]},"
                                                                         "\"rules\":[\"no_"
                                                                         "dangle\"]}");
    /* the triangle is closed; the fourth begins in the open and ends some 2 m above its long side
     */
    assert_int_equal(found(answer, "no_dangle"), 2);
    assert_true(number_at(answer, "findings.features.1.properties.nearest_m") > 1.0);
    assert_true(number_at(answer, "findings.features.1.properties.nearest_m") < 3.0);
    (void)json_object_put(answer);
}

/* An eight is told with its crossing, and mended on demand. */
static void
test_what_crosses_itself(void **state)
{
    static const char eight[] =
        "\"features\":{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\","
        "\"properties\":{\"name\":\"八字\"},\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[["
        "[110,19],[110.01,19.01],[110.01,19],[110,19.01],[110,19]]]}}]}";
    struct fixture *fixture = *state;
    struct json_object *answer;
    char inputs[1024];
    (void)snprintf(inputs, sizeof inputs, "{%s,\"rules\":[\"valid\"]}", eight);
    answer = task(fixture, lpg_topology_task, inputs);
    assert_int_equal(found(answer, "valid"), 1);
    assert_true(fabs(number_at(answer, "findings.features.0.geometry.coordinates.0") - 110.005) <
                1e-9);
    (void)json_object_put(answer);
    (void)snprintf(inputs, sizeof inputs, "{%s,\"distance_m\":10}", eight);
    assert_refused(fixture, lpg_buffer_task, inputs, CIM_E_INVALID, "features", "repair: true");
    (void)snprintf(inputs, sizeof inputs, "{%s,\"distance_m\":10,\"repair\":true}", eight);
    answer = task(fixture, lpg_buffer_task, inputs);
    assert_int_equal(number_at(answer, "n_repaired"), 1);
    (void)json_object_put(answer);
}

/* ---- refusals ---- */

#define POINTS(at)                                                                                 \
    "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"properties\":null,"     \
    "\"geometry\":{\"type\":\"Point\",\"coordinates\":" at "}}]}"
#define NOTHING "{\"type\":\"FeatureCollection\",\"features\":[]}"

static void
test_refusals(void **state)
{
    static const struct {
        lpg_task_fn task;
        const char *inputs;
        cim_status code;
        const char *param;
        const char *says;
    } rows[] = {
        {lpg_buffer_task, "{\"features\":\"lpg.nothing\",\"distance_m\":5}", CIM_E_INVALID,
         "features", "no such layer"},
        {lpg_buffer_task, "{\"features\":\"lpg.staff\",\"distance_m\":5}", CIM_E_INVALID,
         "features", "with geometries"},
        {lpg_buffer_task, "{\"features\":\"lpg.stations\",\"distance_m\":5}", CIM_E_INVALID,
         "features", "nothing in it"},
        {lpg_buffer_task, "{\"features\":" NOTHING ",\"distance_m\":5}", CIM_E_INVALID, "features",
         "nothing in it"},
        {lpg_buffer_task, "{\"features\":" POINTS("[110,19]") "}", CIM_E_INVALID, "distance_m",
         "distance_field"},
        {lpg_buffer_task, "{\"features\":" POINTS("[110,91]") ",\"distance_m\":5}", CIM_E_INVALID,
         "features", "out of range"},
        {lpg_buffer_task, "{\"features\":" POINTS("[110,89]") ",\"distance_m\":5}", CIM_E_INVALID,
         "features", "within ±180 and ±60"},
        {lpg_buffer_task, "{\"features\":" POINTS("[110,1e999]") ",\"distance_m\":5}",
         CIM_E_INVALID, "features", "features[0]"},
        {lpg_buffer_task, "{\"features\":" POINTS("[110,19]") ",\"distance_m\":1e9}", CIM_E_INVALID,
         "distance_m", "50000"},
        {lpg_buffer_task,
         "{\"features\":{\"layer\":\"lpg.stations\",\"colour\":1},\"distance_m\":5}", CIM_E_INVALID,
         "features", "no member colour"},
        {lpg_buffer_task,
         "{\"features\":{\"layer\":\"lpg.stations\",\"properties\":[\"x\"]},\"distance_m\":5}",
         CIM_E_INVALID, "features", "no field x"},
        {lpg_buffer_task,
         "{\"features\":{\"layer\":\"lpg.stations\",\"bbox\":[1,2]},\"distance_m\":5}",
         CIM_E_INVALID, "features", "bbox"},
        {lpg_overlay_task,
         "{\"a\":" POINTS("[110,19]") ",\"b\":" POINTS("[110,19]") ",\"operation\":\"xor\"}",
         CIM_E_INVALID, "operation", "intersection"},
        {lpg_topology_task, "{\"features\":" POINTS("[110,19]") ",\"rules\":[\"no_gap\"]}",
         CIM_E_INVALID, "rules", "areas"},
        {lpg_topology_task, "{\"features\":" POINTS("[110,19]") ",\"rules\":[\"within\"]}",
         CIM_E_INVALID, "with", "needs another layer"},
        {lpg_topology_task,
         "{\"features\":" POINTS("[110,19]") ",\"with\":" POINTS(
             "[110,19]") ",\"rules\":[\"within\",\"disjoint\"]}",
         CIM_E_INVALID, "rules", "contradict"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(*state, rows[i].task, rows[i].inputs, rows[i].code, rows[i].param,
                       rows[i].says);
    }
}

static int32_t
gone(const cim_call *call)
{
    (void)call;
    return 1;
}

/* Without a grant on the layer there is none; a caller who has left is not worked for; the same
 * inputs give the same bytes. */
static void
test_who_asks(void **state)
{
    static const char inputs[] = "{\"features\":\"lpg.stations\",\"distance_m\":50}";
    static const cim_scope nothing = {.struct_size = sizeof nothing};
    struct fixture *fixture = *state;
    CIM_AUTO_FREE char *first = NULL;
    CIM_AUTO_FREE char *second = NULL;
    char *none = NULL;
    cim_call call = fake_call(NULL);
    cim_error err = {0};
    add_station(fixture, 1, "supply", "II", "3000", 0, 0);
    fixture->fake->scope = &nothing;
    assert_int_equal(task_text(fixture, lpg_buffer_task, &call, inputs, &none, &err), CIM_E_DENIED);
    assert_string_equal(err.param, "features");
    fixture->fake->scope = fake_scope_all();
    assert_ok(task_text(fixture, lpg_buffer_task, &call, inputs, &first, &err), &err);
    assert_ok(task_text(fixture, lpg_buffer_task, &call, inputs, &second, &err), &err);
    assert_string_equal(first, second);
    call.cancelled = gone;
    assert_int_equal(task_text(fixture, lpg_buffer_task, &call, inputs, &none, &err),
                     CIM_E_CANCELLED);
}

/* A million positions and one are refused before any work. */
static void
test_a_million_positions(void **state)
{
    struct cim_buf inputs;
    cim_buf_init(&inputs, 64 << 20);
    cim_buf_add_text(&inputs, "{\"distance_m\":5,\"features\":{\"type\":\"FeatureCollection\","
                              "\"features\":[");
    for (int f = 0; f < 2; f++) {
        cim_buf_addf(&inputs,
                     "%s{\"type\":\"Feature\",\"properties\":{},\"geometry\":{\"type\":"
                     "\"LineString\",\"coordinates\":[",
                     f > 0 ? "," : "");
        for (int i = 0; i < 500001; i++) {
            cim_buf_addf(&inputs, "%s[110.%d,19]", i > 0 ? "," : "", i % 10);
        }
        cim_buf_add_text(&inputs, "]}}");
    }
    cim_buf_add_text(&inputs, "]}}");
    assert_refused(*state, lpg_buffer_task, inputs.data, CIM_E_TOO_LARGE, "features",
                   "at most 1000000 positions");
    cim_buf_done(&inputs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_buffer_of_a_layer, fixture_clear),
        cmocka_unit_test_setup(test_buffer_by_field, fixture_clear),
        cmocka_unit_test_setup(test_overlay_of_random_areas, fixture_clear),
        cmocka_unit_test_setup(test_overlay_parts_an_area, fixture_clear),
        cmocka_unit_test_setup(test_overlaps_and_gaps, fixture_clear),
        cmocka_unit_test_setup(test_rules_between_layers, fixture_clear),
        cmocka_unit_test_setup(test_dangling_ends, fixture_clear),
        cmocka_unit_test_setup(test_what_crosses_itself, fixture_clear),
        cmocka_unit_test_setup(test_refusals, fixture_clear),
        cmocka_unit_test_setup(test_who_asks, fixture_clear),
        cmocka_unit_test_setup(test_a_million_positions, fixture_clear)};
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
