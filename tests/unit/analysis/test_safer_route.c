/* lpg.safer-route over a real store: the ways by length, time and exposure, what closes them, who
 * sees what, and why there is none. */
#include "road_fixture.h"

#include "geo/geodesic.h"

#include <math.h>

static char *
ask_between(double from_east, double from_north, double to_east, double to_north, const char *more)
{
    char from[96];
    char to[96];
    static char inputs[1024];
    (void)snprintf(inputs, sizeof inputs, "{\"from\":%s,\"to\":%s,\"as_of\":\"2026-11-27\"%s}",
                   point_json(from_east, from_north, from), point_json(to_east, to_north, to),
                   more);
    return inputs;
}

static size_t
n_ways(struct json_object *answer)
{
    return json_object_array_length(at(answer, "front"));
}

static double
near_m(double value, double expected)
{
    return fabs(value - expected);
}

/* Straight through a town, or around it. */
static void
draw_town(struct fixture *fixture)
{
    const struct street streets[] = {
        {.number = 1, .road_class = "national", .metres = {0, 0, 4000, 0}},
        {.number = 2,
         .road_class = "national",
         .metres = {0, 0, 0, 2000, 4000, 2000, 4000, 0},
         .n = 4}};
    const struct element school = {.number = 1, .kind = "school", .persons = 1000};
    struct element elements[] = {school};
    offset(2000, 50, elements[0].lonlat);
    add_elements(fixture, elements, 1);
    for (size_t i = 0; i < 2; i++) {
        add_street(fixture, &streets[i]);
    }
}

static void
test_short_way_and_safe_way_are_both_told(void **state)
{
    struct fixture *fixture = *state;
    struct json_object *answer;
    const double chord_km = 2.0 * sqrt(200.0 * 200.0 - 50.0 * 50.0) / 1e3;
    draw_town(fixture);
    answer = run_road(fixture, lpg_safer_route_answer, ask_between(0, 0, 4000, 0, ""));
    assert_int_equal(n_ways(answer), 2);
    assert_true(near_m(number_at(answer, "front.0.length_m"), 4000.0) < 0.1);
    assert_true(near_m(number_at(answer, "front.0.time_min"), 4.0) < 0.001);
    assert_true(near_m(number_at(answer, "front.0.exposure_person_km"), 1000.0 * chord_km) < 0.2);
    assert_true(near_m(number_at(answer, "front.1.length_m"), 8000.0) < 0.2);
    assert_true(number_at(answer, "front.1.exposure_person_km") == 0.0);
    assert_true(json_object_get_boolean(at(answer, "complete")));
    assert_true(number_at(answer, "alternatives.features.0.properties.exposed_population") ==
                1000.0);
    assert_string_equal(text_at(answer, "alternatives.features.0.properties.best.0"), "length");
    assert_string_equal(text_at(answer, "alternatives.features.1.properties.best.0"), "exposure");
    assert_int_equal(number_at(answer, "alternatives.features.0.properties.record.exposed_persons"),
                     1000);
    assert_int_equal(number_at(answer, "alternatives.features.0.properties.record.hazard_count"),
                     1);
    assert_string_equal(text_at(answer, "alternatives.features.1.properties.record.state"),
                        "draft");
    (void)json_object_put(answer);
    /* drawn: as many as were asked for, none of the set is lost */
    answer = run_road(fixture, lpg_safer_route_answer,
                      ask_between(0, 0, 4000, 0, ",\"alternatives\":1"));
    assert_int_equal(json_object_array_length(at(answer, "alternatives.features")), 1);
    assert_int_equal(n_ways(answer), 2);
    (void)json_object_put(answer);
}

/* The sum over persons of the metres near them, by steps of a metre along geodesics. */
static double
exposure_by_steps(struct json_object *line, const struct element *elements, size_t n,
                  double radius_m)
{
    struct json_object *coordinates = at(line, "geometry.coordinates");
    double sum = 0.0;
    for (size_t i = 0; i + 1 < json_object_array_length(coordinates); i++) {
        double ends[2][2];
        double azimuth;
        double length_m;
        for (size_t k = 0; k < 2; k++) {
            struct json_object *p = json_object_array_get_idx(coordinates, i + k);
            ends[k][0] = json_object_get_double(json_object_array_get_idx(p, 0));
            ends[k][1] = json_object_get_double(json_object_array_get_idx(p, 1));
        }
        length_m = lpg_geodesic_inverse_m(ends[0], ends[1], &azimuth);
        for (double done = 0.0; done < length_m; done += 1.0) {
            const double step = fmin(1.0, length_m - done);
            double here[2];
            lpg_geodesic_direct(ends[0], azimuth, done + step / 2.0, here);
            for (size_t e = 0; e < n; e++) {
                if (lpg_geodesic_inverse_m(here, elements[e].lonlat, NULL) <= radius_m) {
                    sum += elements[e].persons * step;
                }
            }
        }
    }
    return sum / 1e3;
}

static void
test_exposure_is_the_sum_along_the_way(void **state)
{
    enum { N = 40 };
    struct fixture *fixture = *state;
    struct element elements[N];
    struct json_object *answer;
    uint64_t seed = 11;
    const struct street street = {
        .number = 1, .metres = {0, 0, 1500, 300, 1600, 900, 3000, 1200}, .n = 4};
    const struct street crossing = {.number = 2, .metres = {1000, -500, 1000, 1500}};
    for (int i = 0; i < N; i++) {
        elements[i] = (struct element){.number = i + 1,
                                       .kind = i % 2 == 0 ? "school" : "market",
                                       .persons = 1 + (int)unit_random_below(&seed, 500)};
        offset(unit_random_below(&seed, 3200), unit_random_below(&seed, 1500), elements[i].lonlat);
    }
    add_elements(fixture, elements, N);
    add_street(fixture, &street);
    add_street(fixture, &crossing);
    for (int k = 0; k < 2; k++) { /* there and back, from places between nodes */
        const char *inputs = k == 0 ? ask_between(200, 0, 2900, 1200, ",\"exposure_m\":300")
                                    : ask_between(2900, 1200, 200, 0, ",\"exposure_m\":300");
        double told;
        double summed;
        answer = run_road(fixture, lpg_safer_route_answer, inputs);
        told = number_at(answer, "front.0.exposure_person_km");
        summed = exposure_by_steps(at(answer, "alternatives.features.0"), elements, N, 300.0);
        assert_true(told > 100.0);
        assert_true(fabs(told - summed) < 1e-3 * summed);
        (void)json_object_put(answer);
    }
}

static void
test_zones_close_roads_by_their_hours(void **state)
{
    struct fixture *fixture = *state;
    double ring[10];
    char uid[37];
    char more[200];
    struct zone zone = {
        .number = 7, .ring = ring, .n = 5, .hours_from = "07:00", .hours_to = "09:00"};
    struct json_object *answer;
    draw_town(fixture);
    rectangle(1500, -100, 2500, 100, ring);
    add_zone(fixture, &zone);
    uid_of(7, uid);
    /* hours that nobody knows are all day */
    answer = run_road(fixture, lpg_safer_route_answer, ask_between(0, 0, 4000, 0, ""));
    assert_int_equal(n_ways(answer), 1);
    assert_true(near_m(number_at(answer, "front.0.length_m"), 8000.0) < 0.2);
    assert_string_equal(text_at(answer, "vehicle.hours"), "whole_day");
    (void)json_object_put(answer);
    /* before and after them the short way is open */
    answer = run_road(fixture, lpg_safer_route_answer,
                      ask_between(0, 0, 4000, 0, ",\"depart_at\":\"2026-11-27T06:30:00+08:00\""));
    assert_int_equal(n_ways(answer), 2);
    assert_true(number_at(answer, "alternatives.features.0.properties.wait_min") == 0.0);
    (void)json_object_put(answer);
    /* during them it waits, or goes around */
    answer = run_road(fixture, lpg_safer_route_answer,
                      ask_between(0, 0, 4000, 0, ",\"depart_at\":\"2026-11-27T08:30:00+08:00\""));
    assert_int_equal(n_ways(answer), 2);
    assert_true(near_m(number_at(answer, "alternatives.features.0.properties.wait_min"), 30.0) <
                0.001);
    assert_true(near_m(number_at(answer, "front.0.time_min"), 34.0) < 0.001);
    assert_true(near_m(number_at(answer, "front.1.time_min"), 8.0) < 0.001);
    (void)json_object_put(answer);
    /* it would not get through before seven */
    answer = run_road(fixture, lpg_safer_route_answer,
                      ask_between(0, 0, 4000, 0, ",\"depart_at\":\"2026-11-27T06:57:00+08:00\""));
    assert_true(near_m(number_at(answer, "front.0.time_min"), 127.0) < 0.001);
    (void)json_object_put(answer);
    /* with a permit, or without dangerous goods */
    (void)snprintf(more, sizeof more, ",\"permits\":[\"%s\"]", uid);
    answer = run_road(fixture, lpg_safer_route_answer, ask_between(0, 0, 4000, 0, more));
    assert_int_equal(n_ways(answer), 2);
    (void)json_object_put(answer);
    answer = run_road(fixture, lpg_safer_route_answer,
                      ask_between(0, 0, 4000, 0, ",\"vehicle\":\"emergency\""));
    assert_int_equal(n_ways(answer), 2);
    (void)json_object_put(answer);
}

static void
test_why_there_is_no_way(void **state)
{
    struct fixture *fixture = *state;
    const struct street streets[] = {
        {.number = 1, .metres = {0, 0, 1000, 0}},
        {.number = 2, .metres = {1030, 0, 2000, 0}}, /* 30 m on */
        {.number = 3, .direction = "backward", .metres = {2000, 0, 3000, 0}}};
    double ring[10];
    const struct zone zone = {.number = 7, .ring = ring, .n = 5};
    for (size_t i = 0; i < 3; i++) {
        add_street(fixture, &streets[i]);
    }
    refuse_road(fixture, lpg_safer_route_answer, fake_scope_all(), ask_between(0, 0, 2000, 0, ""),
                CIM_E_STATE, "to", "30.0 m apart");
    refuse_road(fixture, lpg_safer_route_answer, fake_scope_all(),
                ask_between(1500, 0, 2500, 0, ""), CIM_E_STATE, "to", "one-way");
    rectangle(300, -100, 700, 100, ring);
    add_zone(fixture, &zone);
    refuse_road(fixture, lpg_safer_route_answer, fake_scope_all(), ask_between(0, 0, 1000, 0, ""),
                CIM_E_STATE, "to", "老城区");
    refuse_road(fixture, lpg_safer_route_answer, fake_scope_all(),
                ask_between(0, 0, 1000, 0, ",\"depart_at\":\"2026-11-27T08:30:00+08:00\""),
                CIM_E_STATE, "to", "老城区");
}

static void
test_bad_input_is_named(void **state)
{
    struct fixture *fixture = *state;
    const struct street street = {.number = 1, .metres = {0, 0, 1000, 0}};
    refuse_road(fixture, lpg_safer_route_answer, fake_scope_all(), ask_between(0, 0, 1000, 0, ""),
                CIM_E_STATE, "layer", "no roads");
    add_street(fixture, &street);
    refuse_road(fixture, lpg_safer_route_answer, fake_scope_all(), "{}", CIM_E_INVALID, "from",
                "from and to");
    refuse_road(fixture, lpg_safer_route_answer, fake_scope_all(),
                ask_between(0, 0, 1000, 5000, ""), CIM_E_INVALID, "to", "away");
    refuse_road(fixture, lpg_safer_route_answer, fake_scope_all(), ask_between(500, 0, 500, 10, ""),
                CIM_E_INVALID, "to", "same place");
    refuse_road(fixture, lpg_safer_route_answer, fake_scope_all(),
                ask_between(0, 0, 1000, 0, ",\"vehicle\":\"boat\""), CIM_E_INVALID, "vehicle",
                "tanker");
    refuse_road(fixture, lpg_safer_route_answer, fake_scope_all(),
                ask_between(0, 0, 1000, 0, ",\"depart_at\":\"tomorrow\""), CIM_E_INVALID,
                "depart_at", "2026-11-27");
}

/* Roads of an area that he may not read are not there for him, nor are elements. */
static void
test_ways_are_the_callers_own(void **state)
{
    struct fixture *fixture = *state;
    const struct street streets[] = {
        {.number = 1, .area = "460106", .metres = {0, 0, 4000, 0}},
        {.number = 2, .metres = {0, 0, 0, 2000, 4000, 2000, 4000, 0}, .n = 4}};
    const struct street far = {.number = 3, .area = "460106", .metres = {4000, 0, 9000, 0}};
    struct element elements[] = {{.number = 1, .kind = "school", .persons = 9},
                                 {.number = 2, .kind = "school", .persons = 70, .area = "460106"}};
    static const uint64_t xiuying[] = {1U << 2U}; /* 460105 is the third area, depth first */
    cim_term term = {.struct_size = sizeof term,
                     .actions = CIM_ACT_READ,
                     .resource = "*",
                     .areas = xiuying,
                     .n_area_words = 1,
                     .sensitive_mode = CIM_FIELD_MASKED,
                     .from_ms = INT64_MIN,
                     .until_ms = INT64_MAX};
    const cim_term *const terms[] = {&term};
    const cim_scope own = {
        .struct_size = sizeof own, .n_terms = 1, .terms = terms, .areas_version = 5};
    const cim_scope nothing = {.struct_size = sizeof nothing, .areas_version = 5};
    for (size_t i = 0; i < 2; i++) {
        add_street(fixture, &streets[i]);
        offset(2000, 1900, elements[i].lonlat);
    }
    add_street(fixture, &far);
    add_elements(fixture, elements, 2);
    for (int k = 0; k < 2; k++) { /* by areas; then by a filter too, with an index of its own */
        CIM_AUTO_FREE char *text = NULL;
        cim_error err = {0};
        struct json_object *answer;
        term.filter_json = k == 0 ? NULL : "{\"op\":\"=\",\"args\":[1,1]}";
        assert_ok(run_road_text(fixture, lpg_safer_route_answer, &own,
                                ask_between(0, 0, 4000, 0, ""), &text, &err),
                  &err);
        answer = json_tokener_parse(text);
        assert_int_equal(n_ways(answer), 1);
        assert_true(near_m(number_at(answer, "front.0.length_m"), 8000.0) < 0.2);
        assert_true(number_at(answer, "alternatives.features.0.properties.exposed_population") ==
                    9.0);
        assert_int_equal(number_at(answer, "network.edges"), 1);
        (void)json_object_put(answer);
        refuse_road(fixture, lpg_safer_route_answer, &own, ask_between(0, 0, 9000, 0, ""),
                    CIM_E_INVALID, "to", "5000 m away");
    }
    refuse_road(fixture, lpg_safer_route_answer, &nothing, ask_between(0, 0, 4000, 0, ""),
                CIM_E_DENIED, "layer", "roads");
}

/* Streets across each other, with elements between them. */
static void
draw_city(struct fixture *fixture, bool backward)
{
    enum { STREETS = 60 };
    struct street streets[STREETS];
    uint64_t seed = 5;
    for (int i = 0; i < STREETS; i++) {
        streets[i] = (struct street){.number = i + 1};
        for (int k = 0; k < 4; k++) {
            streets[i].metres[k] = unit_random_below(&seed, 5000);
        }
    }
    for (int i = 0; i < STREETS; i++) {
        add_street(fixture, &streets[backward ? STREETS - 1 - i : i]);
    }
    fixture_scatter(fixture, 300);
}

static void
test_same_bytes_on_both_stores_by_eight_at_once(void **state)
{
    assert_same_bytes(*state, draw_city, lpg_safer_route_answer,
                      ask_between(100, 100, 4900, 4900, ""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_short_way_and_safe_way_are_both_told, fixture_clear),
        cmocka_unit_test_setup(test_exposure_is_the_sum_along_the_way, fixture_clear),
        cmocka_unit_test_setup(test_zones_close_roads_by_their_hours, fixture_clear),
        cmocka_unit_test_setup(test_why_there_is_no_way, fixture_clear),
        cmocka_unit_test_setup(test_bad_input_is_named, fixture_clear),
        cmocka_unit_test_setup(test_ways_are_the_callers_own, fixture_clear),
        cmocka_unit_test_setup(test_same_bytes_on_both_stores_by_eight_at_once, fixture_clear),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
