/* lpg.consequence over a real store: rings, who is in them, who helps, and what is refused. */
#include "road_fixture.h"

static struct json_object *
consequence(struct fixture *fixture, const char *more)
{
    char inputs[512];
    (void)snprintf(inputs, sizeof inputs,
                   "{\"point\":{\"type\":\"Point\",\"coordinates\":[%.9f,%.9f]},"
                   "\"as_of\":\"2026-11-27\",%s}",
                   site_deg[0], site_deg[1], more);
    return ask(fixture, lpg_consequence_answer, inputs);
}

static void
add_homes(struct fixture *fixture, int number, const char *residents, double east_m)
{
    static const char *const names[] = {"uid", "building_no", "name",
                                        "use", "residents",   "area_code"};
    char uid[37];
    char text[16];
    double ring[10];
    const char *const texts[] = {uid, text, text, "dwelling", residents, "460105"};
    uid_of(number, uid);
    (void)snprintf(text, sizeof text, "B%d", number);
    rectangle(east_m, -5, east_m + 10, 5, ring);
    add_record(fixture, "lpg.buildings", names, texts, 6, ring, 5);
}

static double
ring_radius(struct json_object *answer, double value)
{
    for (size_t i = 0; i < json_object_array_length(at(answer, "rings.features")); i++) {
        struct json_object *ring = json_object_array_get_idx(at(answer, "rings.features"), i);
        if (number_at(ring, "properties.value") == value) {
            return number_at(ring, "properties.radius_m");
        }
    }
    fail_msg("no ring of %g in %s", value, json_object_to_json_string(answer));
    return 0.0;
}

/* 启动预案 for a full store of 28: 80.6 m and 145.5 m; whom the rings touch, by the millimetre. */
static void
test_full_store(void **state)
{
    static const char *const names[] = {"resource_no", "name", "kind", "area_code"};
    static const char *const fire[] = {"F1", "消防站", "fire_station", "460105"};
    static const char *const farther[] = {"F2", "消防站", "fire_station", "460105"};
    struct fixture *fixture = *state;
    struct element school = {.number = 1, .kind = "school", .persons = 700};
    struct element hospital = {.number = 2, .kind = "hospital", .persons = -1};
    struct element dense = {.number = 3, .kind = "dense_residential", .persons = 9000};
    struct json_object *answer;
    double station_deg[2];
    add_homes(fixture, 11, "40", 80.0);  /* touched by 12.5 */
    add_homes(fixture, 12, "30", 81.0);  /* not, but by 4 */
    add_homes(fixture, 13, NULL, 100.0); /* nobody knows */
    add_homes(fixture, 14, "5", 300.0);
    offset(0, 60, school.lonlat);
    offset(0, 140, hospital.lonlat);
    offset(0, 10, dense.lonlat);
    add_elements(fixture, &school, 1);
    add_elements(fixture, &hospital, 1);
    add_elements(fixture, &dense, 1);
    offset(3000, 0, station_deg);
    add_place(fixture, "lpg.emergency-resources", names, farther, 4, station_deg);
    offset(0, 2000, station_deg);
    add_place(fixture, "lpg.emergency-resources", names, fire, 4, station_deg);
    answer = consequence(fixture, "\"scenario\":\"fireball\",\"mass_kg\":417.2");
    assert_true(fabs(ring_radius(answer, 12.5) - 80.6) < 0.1);
    assert_true(fabs(ring_radius(answer, 4.0) - 145.5) < 0.1);
    assert_true(fabs(ring_radius(answer, 1.6) - 228.3) < 0.2);
    assert_true(number_at(answer, "rings.features.0.properties.value") == 1.6);
    /* ring 2 is 12.5, ring 1 is 4 kW/m² */
    assert_true(number_at(answer, "rings.features.2.properties.persons") == 700.0 + 40.0);
    assert_true(number_at(answer, "rings.features.1.properties.persons") == 700.0 + 40.0 + 30.0);
    assert_int_equal(number_at(answer, "rings.features.1.properties.persons_unknown"), 2);
    assert_true(fabs(number_at(answer, "rings.features.2.properties.schools.0.distance_m") - 60) <
                0.0011);
    assert_int_equal(json_object_array_length(at(answer, "rings.features.2.properties.hospitals")),
                     0);
    assert_int_equal(json_object_array_length(at(answer, "rings.features.1.properties.hospitals")),
                     1);
    assert_string_equal(text_at(answer, "nearest.0.kind"), "fire_station");
    assert_true(fabs(number_at(answer, "nearest.0.distance_m") - 2000.0) < 0.0011);
    assert_int_equal(json_object_array_length(at(answer, "nearest")), 1);
    (void)json_object_put(answer);
}

static void
test_other_scenarios(void **state)
{
    struct fixture *fixture = *state;
    struct json_object *answer;
    add_homes(fixture, 11, "40", 80.0);
    answer = consequence(fixture, "\"scenario\":\"explosion\",\"mass_kg\":417.2");
    assert_true(fabs(ring_radius(answer, 44.0) - 22.73) < 0.12);
    assert_true(fabs(number_at(answer, "model.curves.K.44_kpa_m") - 33.41) < 0.17);
    assert_true(fabs(number_at(answer, "model.tnt_kg") - 307.455) < 1.5);
    (void)json_object_put(answer);
    answer = consequence(fixture, "\"scenario\":\"explosion\",\"mass_kg\":417.2,\"curve\":\"B\"");
    assert_true(fabs(ring_radius(answer, 17.0) - 46.85) < 0.24);
    (void)json_object_put(answer);
    answer = consequence(fixture, "\"scenario\":\"jet\",\"rate_kg_s\":0.5");
    assert_true(fabs(ring_radius(answer, 4.0) - 11.72) < 0.06);
    (void)json_object_put(answer);
    answer = consequence(fixture, "\"scenario\":\"jet\",\"hole_mm\":10");
    assert_true(fabs(number_at(answer, "model.rate_kg_s") - 1.3199) < 0.007);
    (void)json_object_put(answer);
    answer = consequence(fixture, "\"scenario\":\"plume\",\"rate_kg_s\":0.1");
    assert_true(fabs(ring_radius(answer, 100.0) - 29.75) < 0.15);
    assert_false(json_object_get_boolean(at(answer, "model.dense_cloud")));
    (void)json_object_put(answer);
    answer = consequence(fixture, "\"scenario\":\"plume\",\"rate_kg_s\":0.1,\"stability\":\"D\","
                                  "\"wind_m_s\":3");
    assert_true(fabs(ring_radius(answer, 100.0) - 7.66) < 0.04);
    (void)json_object_put(answer);
}

/* The station behind the river is nearer, but the other is there first. */
static void
test_help_comes_by_road(void **state)
{
    static const char *const names[] = {"resource_no", "name", "kind", "area_code"};
    static const char *const near[] = {"F1", "河对岸", "fire_station", "460105"};
    static const char *const far[] = {"F2", "路边", "fire_station", "460105"};
    const struct street streets[] = {{.number = 1, .metres = {0, 0, 5000, 0}},
                                     {.number = 2, .metres = {0, 900, 5000, 900}}};
    struct fixture *fixture = *state;
    struct json_object *answer;
    double at_deg[2];
    add_homes(fixture, 11, "40", 80.0);
    offset(0.0, 900.0, at_deg);
    add_place(fixture, "lpg.emergency-resources", names, near, 4, at_deg);
    offset(3000.0, 0.0, at_deg);
    add_place(fixture, "lpg.emergency-resources", names, far, 4, at_deg);
    answer = consequence(fixture, "\"scenario\":\"fireball\",\"mass_kg\":417.2");
    assert_string_equal(text_at(answer, "nearest.0.name"), "河对岸");
    /* no roads yet */
    assert_null(json_object_object_get(at(answer, "nearest.0"), "by_road"));
    (void)json_object_put(answer);
    add_street(fixture, &streets[0]);
    add_street(fixture, &streets[1]);
    answer = consequence(fixture, "\"scenario\":\"fireball\",\"mass_kg\":417.2");
    assert_string_equal(text_at(answer, "nearest.0.name"), "河对岸");
    assert_string_equal(text_at(answer, "nearest.0.by_road.name"), "路边");
    assert_true(fabs(number_at(answer, "nearest.0.by_road.length_m") - 3000.0) < 0.1);
    assert_true(fabs(number_at(answer, "nearest.0.by_road.time_min") - 3.6) < 0.001);
    (void)json_object_put(answer);
}

/* Where no building or element was recorded nobody knows who is there: that is not nobody. */
static void
test_outside_of_the_data_persons_are_unknown(void **state)
{
    struct fixture *fixture = *state;
    struct json_object *answer;
    add_homes(fixture, 11, "40", 80.0);
    answer = ask(fixture, lpg_consequence_answer,
                 "{\"point\":{\"type\":\"Point\",\"coordinates\":[112.0,17.0]},\"as_of\":"
                 "\"2026-11-27\",\"scenario\":\"fireball\",\"mass_kg\":417.2}");
    assert_true(fabs(ring_radius(answer, 12.5) - 80.6) < 0.1);
    assert_false(json_object_get_boolean(at(answer, "surveyed")));
    assert_null(json_object_object_get(at(answer, "rings.features.0.properties"), "persons"));
    (void)json_object_put(answer);
    answer = consequence(fixture, "\"scenario\":\"fireball\",\"mass_kg\":417.2");
    assert_true(json_object_get_boolean(at(answer, "surveyed")));
    (void)json_object_put(answer);
}

static void
test_bad_inputs_are_named(void **state)
{
    static const struct {
        const char *inputs;
        const char *param;
    } rows[] = {{"\"scenario\":\"flood\"", "scenario"},
                {"\"scenario\":\"fireball\"", "mass_kg"},
                {"\"scenario\":\"fireball\",\"mass_kg\":-1", "mass_kg"},
                {"\"scenario\":\"fireball\",\"mass_kg\":NaN", NULL},
                {"\"scenario\":\"jet\"", "rate_kg_s"},
                {"\"scenario\":\"jet\",\"rate_kg_s\":1,\"hole_mm\":3", "rate_kg_s"},
                {"\"scenario\":\"fireball\",\"mass_kg\":10000001", "mass_kg"}};
    struct fixture *fixture = *state;
    add_homes(fixture, 11, "40", 80.0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char inputs[300];
        char *text = NULL;
        cim_error err = {0};
        (void)snprintf(inputs, sizeof inputs,
                       "{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]},%s}",
                       rows[i].inputs);
        assert_int_equal(
            ask_text(fixture, lpg_consequence_answer, fake_scope_all(), inputs, &text, &err),
            CIM_E_INVALID);
        if (rows[i].param != NULL && strcmp(err.param, rows[i].param) != 0) {
            fail_msg("%s: %s %s", rows[i].inputs, err.param, err.en);
        }
    }
}

static int32_t
gone(const cim_call *call)
{
    (void)call;
    return 1;
}

static void
test_ends_when_the_caller_has_gone(void **state)
{
    static const char inputs[] = "{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]},"
                                 "\"scenario\":\"fireball\",\"mass_kg\":28}";
    struct fixture *fixture = *state;
    cim_call call = fake_call(NULL);
    cim_blob blob = {0};
    cim_error err = {0};
    add_homes(fixture, 11, "40", 30.0);
    fixture->fake->scope = fake_scope_all();
    call.cancelled = gone;
    assert_int_equal(
        lpg_consequence_answer(lpg_analysis_siting(fixture->analysis), &call, inputs, &blob, &err),
        CIM_E_CANCELLED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_full_store, fixture_clear),
        cmocka_unit_test_setup(test_other_scenarios, fixture_clear),
        cmocka_unit_test_setup(test_help_comes_by_road, fixture_clear),
        cmocka_unit_test_setup(test_outside_of_the_data_persons_are_unknown, fixture_clear),
        cmocka_unit_test_setup(test_bad_inputs_are_named, fixture_clear),
        cmocka_unit_test_setup(test_ends_when_the_caller_has_gone, fixture_clear),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
