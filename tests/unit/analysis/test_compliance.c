/* lpg.station-compliance over a real store: ranking, metres short, and cures that hold. */
#include "siting_fixture.h"

#include "geo/plane.h"

#include <pthread.h>

static const char all_stations[] = "{\"as_of\":\"2026-11-27\"}";

static struct json_object *
station_named(struct json_object *answer, const char *name)
{
    struct json_object *features = at(answer, "stations.features");
    for (size_t i = 0; i < json_object_array_length(features); i++) {
        struct json_object *feature = json_object_array_get_idx(features, i);
        if (strcmp(text_at(feature, "properties.name"), name) == 0) {
            return at(feature, "properties");
        }
    }
    fail_msg("no station %s in %s", name, json_object_to_json_string(answer));
    return NULL;
}

/* The shortest first; the same station with less, or a little farther away. */
static void
test_ranking_and_cures(void **state)
{
    struct fixture *fixture = *state;
    const struct house dwelling = {1, "dwelling", "false", "false", "9"};
    struct json_object *answer;
    struct json_object *station;
    double moved[2];
    add_house(fixture, &dwelling, 0, -200, 30, 200);
    add_station(fixture, 1, "supply", "II", "5000", -7.0, 0.0);   /* 8 m: 1 short */
    add_station(fixture, 2, "supply", "I", "15000", -7.0, 100.0); /* 15 m: 8 short */
    add_station(fixture, 3, "supply", "II", "5000", -8.01, 50.0);
    add_station(fixture, 4, "test", NULL, NULL, -1.0, 0.0); /* no table is its */
    answer = ask(fixture, compliance_answer, all_stations);
    assert_int_equal(number_at(answer, "totals.stations"), 3);
    assert_int_equal(number_at(answer, "totals.violates"), 2);
    assert_int_equal(number_at(answer, "totals.to_confirm"), 1);
    assert_string_equal(text_at(answer, "stations.features.0.properties.name"), "S2");
    assert_string_equal(text_at(answer, "stations.features.1.properties.name"), "S1");
    assert_string_equal(text_at(answer, "stations.features.2.properties.name"), "S3");
    station = station_named(answer, "S1");
    assert_true(fabs(number_at(station, "short_m") - 1.0) < 0.0011);
    /* 3 m³ needs 6 m; or one metre to the west */
    assert_string_equal(text_at(station, "cures.0.cure"), "smaller_volume");
    assert_true(number_at(station, "cures.0.volume_m3") == 3.0);
    assert_string_equal(text_at(station, "cures.1.cure"), "move");
    assert_true(number_at(station, "cures.1.metres") >= 0.999 &&
                number_at(station, "cures.1.metres") < 1.021);
    assert_true(fabs(number_at(station, "cures.1.azimuth_deg") - 270.0) < 1.0);
    moved[0] = json_object_get_double(at(station, "cures.1.to.coordinates.0"));
    offset(-8.0, 0.0, moved);
    assert_true(fabs(number_at(station, "cures.1.to.coordinates.0") - moved[0]) < 3e-7);
    station = station_named(answer, "S2");
    assert_true(fabs(number_at(station, "short_m") - 8.0) < 0.0011);
    assert_true(number_at(station, "cures.0.volume_m3") == 3.0); /* 6 m³ would need 8 m */
    (void)json_object_put(answer);
}

/* From the wall of its own room where that is known; then only is the word possible. */
static void
test_wall_to_wall(void **state)
{
    struct fixture *fixture = *state;
    const struct house dwelling = {1, "dwelling", "false", "false", "9"};
    const struct house room = {2, "gas_station_room", NULL, NULL, NULL};
    struct json_object *answer;
    struct json_object *station;
    add_house(fixture, &dwelling, 0, -50, 30, 50);
    add_house(fixture, &room, -20, -5, -7.5, 5);
    add_station(fixture, 1, "supply", "II", "5000", -15.0, 0.0);
    answer = ask(fixture, compliance_answer, all_stations);
    station = station_named(answer, "S1");
    assert_true(json_object_get_boolean(at(station, "outline_known")));
    assert_true(fabs(number_at(station, "short_m") - 0.5) < 0.0011);
    assert_true(number_at(station, "cures.1.metres") >= 0.499);
    (void)json_object_put(answer);
}

static void
test_volume_decides_the_class(void **state)
{
    struct fixture *fixture = *state;
    const struct house dwelling = {1, "dwelling", "false", "false", "9"};
    struct json_object *answer;
    add_house(fixture, &dwelling, 900, 0, 930, 30);
    add_station(fixture, 1, "supply", "III", "1017", 0.0, 0.0);   /* 22 and 2 bottles */
    add_station(fixture, 2, "supply", "III", "981.5", 0.0, 50.0); /* 21 and 2 */
    add_station(fixture, 3, "supply", "I", "25000", 0.0, 90.0);   /* no supply station any more */
    add_station(fixture, 4, "supply", "II", NULL, 0.0, 20.0);
    answer = ask(fixture, compliance_answer, all_stations);
    assert_string_equal(text_at(station_named(answer, "S1"), "station.judged_as.0"), "class2");
    assert_true(json_object_get_boolean(at(station_named(answer, "S1"), "class_differs")));
    assert_string_equal(text_at(station_named(answer, "S2"), "station.judged_as.0"), "class3");
    assert_false(json_object_get_boolean(at(station_named(answer, "S2"), "class_differs")));
    assert_string_equal(text_at(station_named(answer, "S3"), "station.judged_as.0"), "storage");
    assert_string_equal(text_at(station_named(answer, "S4"), "station.judged_as.0"), "class2");
    assert_true(json_object_get_boolean(at(station_named(answer, "S4"), "quantity_assumed")));
    (void)json_object_put(answer);
}

enum { HOUSES = 60 };

static void
scatter(struct fixture *fixture, uint64_t seed, double rings[HOUSES][10])
{
    for (int i = 0; i < HOUSES; i++) {
        const struct house house = {i, "dwelling", "false", "false", "9"};
        const double x = random_between(&seed, -150, 150);
        const double y = random_between(&seed, -150, 150);
        rectangle(x, y, x + random_between(&seed, 8, 30), y + random_between(&seed, 8, 30),
                  rings[i]);
        add_house_ring(fixture, &house, rings[i], 5);
    }
}

/* `exactly`: along geodesics, slow; else in a plane around the place. */
static double
nearest_wall_m(double rings[HOUSES][10], const double at_deg[2], bool exactly)
{
    static const double origin[2] = {0.0, 0.0};
    double least = HUGE_VAL;
    struct lpg_tm tm;
    lpg_tm_init(&tm, at_deg[0], at_deg[1]);
    for (int i = 0; i < HOUSES; i++) {
        double xy[10];
        if (lpg_ring_contains(rings[i], 5, at_deg)) {
            return 0.0;
        }
        for (int e = 0; e < 5; e++) {
            lpg_tm_forward(&tm, rings[i][2 * e], rings[i][2 * e + 1], xy + 2 * e);
        }
        for (int e = 0; e < 4; e++) {
            const double *a = rings[i] + 2 * e;
            least = fmin(least, exactly ? brute_segment_m(a, a + 2, at_deg)
                                        : lpg_polyline_distance_m(&tm, xy + 2 * e, 2, origin));
        }
    }
    return least;
}

/* A move ends where every distance is kept, and no place that is nearer would do: every
 * 3° at eleven shorter moves. */
static void
test_move_is_the_nearest(void **state)
{
    enum { STATIONS = 12, DIRECTIONS = 120, STEPS = 12 };
    struct fixture *fixture = *state;
    static double rings[HOUSES][10];
    uint64_t seed = 4;
    double from[STATIONS][2];
    int n_moves = 0;
    struct json_object *answer;
    scatter(fixture, 77, rings);
    for (int i = 0; i < STATIONS; i++) {
        const double x = random_between(&seed, -140, 160);
        const double y = random_between(&seed, -140, 160);
        offset(x, y, from[i]);
        add_station(fixture, i, "supply", "II", "5000", x, y);
    }
    answer = ask(fixture, compliance_answer, all_stations);
    for (int i = 0; i < STATIONS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "S%d", i);
        struct json_object *cures = at(station_named(answer, name), "cures");
        struct json_object *move =
            json_object_array_length(cures) > 0
                ? json_object_array_get_idx(cures, json_object_array_length(cures) - 1)
                : NULL;
        if (move == NULL || strcmp(text_at(move, "cure"), "move") != 0) {
            assert_true(nearest_wall_m(rings, from[i], true) >= 8.0 - 0.0006);
            continue;
        }
        const double to[2] = {number_at(move, "to.coordinates.0"),
                              number_at(move, "to.coordinates.1")};
        const double metres = number_at(move, "metres");
        n_moves++;
        assert_true(nearest_wall_m(rings, to, true) >= 8.0 - 0.0006);
        for (int d = 0; d < DIRECTIONS; d++) {
            for (int s = 1; s < STEPS; s++) {
                double q[2];
                const double shorter = fmax(metres - 0.03, 0.0) * s / STEPS;
                lpg_geodesic_direct(from[i], 360.0 * d / DIRECTIONS, shorter, q);
                if (nearest_wall_m(rings, q, false) >= 8.02) {
                    fail_msg("%s moves %.3f m, %.3f m would do", name, metres, shorter);
                }
            }
        }
    }
    assert_true(n_moves >= 6);
    (void)json_object_put(answer);
}

struct worker {
    struct fixture *fixture;
    char *text;
};

static void *
work(void *arg)
{
    struct worker *worker = arg;
    cim_error err = {0};
    if (ask_text(worker->fixture, compliance_answer, fake_scope_all(), all_stations, &worker->text,
                 &err) != CIM_OK) {
        worker->text = strdup(err.en);
    }
    return NULL;
}

static void
test_same_bytes_with_eight_workers(void **state)
{
    enum { WORKERS = 8 };
    struct fixture *fixture = *state;
    static double rings[HOUSES][10];
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    char *alone = NULL;
    cim_error err = {0};
    scatter(fixture, 5, rings);
    for (int i = 0; i < 5; i++) {
        add_station(fixture, i, "supply", "II", "5000", 30.0 * i, 10.0 * i);
    }
    for (int i = 0; i < WORKERS; i++) { /* they also race for the first index */
        workers[i] = (struct worker){fixture, NULL};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_ok(ask_text(fixture, compliance_answer, fake_scope_all(), all_stations, &alone, &err),
              &err);
    for (int i = 0; i < WORKERS; i++) {
        assert_string_equal(workers[i].text, alone);
        free(workers[i].text);
    }
    free(alone);
}

static void
test_one_station_and_none(void **state)
{
    struct fixture *fixture = *state;
    const struct house dwelling = {1, "dwelling", "false", "false", "9"};
    char inputs[160];
    char uid[37];
    char *text = NULL;
    cim_error err = {0};
    struct json_object *answer;
    add_house(fixture, &dwelling, 0, 0, 30, 30);
    add_station(fixture, 1, "supply", "II", "5000", -7.0, 0.0);
    add_station(fixture, 2, "supply", "II", "5000", -7.0, 9.0);
    uid_of(2, uid);
    (void)snprintf(inputs, sizeof inputs, "{\"station\":\"%s\",\"as_of\":\"2026-11-27\"}", uid);
    answer = ask(fixture, compliance_answer, inputs);
    assert_int_equal(number_at(answer, "totals.stations"), 1);
    assert_string_equal(text_at(answer, "stations.features.0.id"), uid);
    (void)json_object_put(answer);
    uid_of(3, uid);
    (void)snprintf(inputs, sizeof inputs, "{\"station\":\"%s\",\"as_of\":\"2026-11-27\"}", uid);
    assert_int_equal(ask_text(fixture, compliance_answer, fake_scope_all(), inputs, &text, &err),
                     CIM_E_NOTFOUND);
    assert_string_equal(err.param, "station");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ranking_and_cures, fixture_clear),
        cmocka_unit_test_setup(test_wall_to_wall, fixture_clear),
        cmocka_unit_test_setup(test_volume_decides_the_class, fixture_clear),
        cmocka_unit_test_setup(test_move_is_the_nearest, fixture_clear),
        cmocka_unit_test_setup(test_same_bytes_with_eight_workers, fixture_clear),
        cmocka_unit_test_setup(test_one_station_and_none, fixture_clear),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
