/* Same inputs, same data, same bytes: every analysis of the plugin, by one worker and by eight at
 * once, on this store, where records were changed to and fro while it was asked, and on an embedded
 * one where they were written once. */
#include "features_fixture.h"
#include "road_fixture.h"
#include "terrain_fixture.h"

enum { WORKERS = 8, PLACES = 30 };

static const struct example {
    const char *id;
    const char *inputs;
    const char *holds; /* what the answer must hold, so that the question found something */
} examples[] = {
    {"lpg.buffer",
     "{\"features\":\"lpg.risk-elements\",\"distance_m\":300,\"dissolve\":true,\"excess_m\":1}",
     "\"area_m2\":"},
    {"lpg.consequence",
     "{\"scenario\":\"fireball\",\"mass_kg\":400,\"as_of\":\"2026-11-27\",\"point\":{\"type\":"
     "\"Point\",\"coordinates\":[110.205,19.955]}}",
     "\"by_road\":{"},
    {"lpg.density",
     "{\"features\":\"lpg.risk-elements\",\"weight_field\":\"persons\",\"bandwidth_m\":800,"
     "\"kernel\":\"quartic\",\"raster\":true}",
     "\"peak\":{"},
    {"lpg.geocode", "{\"address\":[\"海口市秀英区海秀路8号\",\"海口市秀英区没有路\"]}",
     "\"counts\":{"},
    {"lpg.overlay",
     "{\"a\":\"lpg.buildings\",\"operation\":\"union\",\"b\":{\"type\":\"FeatureCollection\","
     "\"features\":[{\"type\":\"Feature\",\"properties\":{\"zone\":\"A\"},\"geometry\":{\"type\":"
     "\"Polygon\",\"coordinates\":[[[110.201,19.951],[110.212,19.951],[110.212,19.962],"
     "[110.201,19.962],[110.201,19.951]]]}}]}}",
     "\"b_zone\":\"A\""},
    {"lpg.reverse-geocode", "{\"point\":{\"type\":\"Point\",\"coordinates\":[110.205,19.955]}}",
     "\"chainage_m\":"},
    {"lpg.route-hazards",
     "{\"distance_m\":500,\"as_of\":\"2026-11-27\",\"route\":{\"type\":\"LineString\","
     "\"coordinates\":[[110.20,19.95],[110.21,19.96],[110.22,19.96]]}}",
     "\"kind\":\"school\""},
    {"lpg.safer-route",
     "{\"as_of\":\"2026-11-27\",\"vehicle\":\"cylinder_truck\",\"from\":{\"type\":\"Point\","
     "\"coordinates\":[110.2005,19.9501]},\"to\":{\"type\":\"Point\",\"coordinates\":"
     "[110.2175,19.9677]}}",
     "\"exposure_person_km\":"},
    {"lpg.service-area", "{\"ranges\":[600,1500],\"as_of\":\"2026-11-27\"}", "\"served\":"},
    {"lpg.siting",
     "{\"as_of\":\"2026-11-27\",\"station_class\":\"III\",\"volume_m3\":1,\"count\":3,"
     "\"candidates_from\":\"land\",\"capacity\":20,"
     "\"service_radius_m\":400,\"spacing_m\":200,\"land_use\":\"ignore\",\"existing\":\"fixed\","
     "\"objective\":\"max_coverage\",\"area\":{\"type\":\"Polygon\",\"coordinates\":"
     "[[[110.198,19.948],[110.222,19.948],[110.222,19.972],[110.198,19.972],[110.198,19.948]]]}}",
     "\"serves\":"},
    {"lpg.station-compliance", "{\"as_of\":\"2026-11-27\"}", "\"rule\":"},
    {"lpg.topology",
     "{\"rules\":[\"valid\",\"no_overlap\",\"no_gap\"],\"features\":"
     "\"lpg.buildings\"}",
     "\"no_overlap\""},
    {"lpg.viewshed",
     "{\"point\":{\"type\":\"Point\",\"coordinates\":[110.20,19.95]},\"observer_m\":10,"
     "\"target_m\":0,\"radius_m\":1000,\"cell_m\":20}",
     "\"visible\":{"},
    {"lpg.why-not",
     "{\"as_of\":\"2026-11-27\",\"station_class\":\"II\",\"point\":{\"type\":\"Point\","
     "\"coordinates\":[110.205,19.955]}}",
     "\"margin_m\":"},
    /* asks nothing: it writes what records are found by, and tells how many it changed */
    {"lpg.search-words", NULL, NULL},
};

/* Streets 500 m apart, and at random places among them what the analyses look at. */
static void
draw(struct fixture *fixture)
{
    static const char *const kinds[] = {"school", "hospital", "dense_residential"};
    for (int i = 0; i < PLACES; i++) {
        uint64_t seed = 7000 + (uint64_t)i;
        const double x = random_between(&seed, 0, 2000);
        const double y = random_between(&seed, 0, 2000);
        struct element element = {.number = 1 + i, .kind = kinds[i % 3], .persons = 10 + i};
        const struct house house = {1001 + i, i % 5 == 0 ? "school" : "dwelling", "false", "false",
                                    "9"};
        static const char *const names[] = {"uid",      "user_no",         "kind",
                                            "consumer", "real_name_state", "inspection_state",
                                            "area_code"};
        const struct cim_definition *users =
            lpg_layer_definition(lpg_data_layer(fixture->data, "lpg.end-users"));
        char uid[37];
        char number[16];
        double at_deg[2];
        const char *const texts[] = {
            uid,
            number,
            "resident",
            "residential",
            cim_definition_field(users, "real_name_state")->codes->codes[0].value,
            cim_definition_field(users, "inspection_state")->codes->codes[0].value,
            "460105"};
        offset(x, y, element.lonlat);
        add_elements(fixture, &element, 1);
        add_house(fixture, &house, x + 40, y, x + 70, y + 20);
        uid_of(2001 + i, uid);
        (void)snprintf(number, sizeof number, "U%d", i);
        offset(y, x, at_deg);
        add_place(fixture, "lpg.end-users", names, texts, 7, at_deg);
        if (i < 5) {
            const struct street across = {.number = 3001 + i,
                                          .metres = {0, 500 * i, 2000, 500 * i}};
            const struct street along = {.number = 3101 + i, .metres = {500 * i, 0, 500 * i, 2000}};
            static const char *const resource[] = {"uid", "resource_no", "name", "kind",
                                                   "area_code"};
            const char *const is[] = {uid, number, number, i % 2 ? "hospital" : "fire_station",
                                      "460105"};
            add_street(fixture, &across);
            add_street(fixture, &along);
            add_station(fixture, 4001 + i, "supply", "III", "5000", x, y + 60);
            uid_of(5001 + i, uid);
            add_place(fixture, "lpg.emergency-resources", resource, is, 5, at_deg);
        }
    }
    make_terrain(fixture, 20.0);
}

/* As they were in the end: rows lie elsewhere and indexes have been mended. */
static void
change_and_change_back(struct fixture *fixture)
{
    static const char *const names[] = {"uid", "persons"};
    for (int i = 0; i < PLACES; i += 3) {
        char uid[37];
        char persons[16];
        const char *texts[] = {uid, "7777"};
        uid_of(1 + i, uid);
        update_record(fixture, "lpg.risk-elements", names, texts, 2);
        (void)snprintf(persons, sizeof persons, "%d", 10 + i);
        texts[1] = persons;
        update_record(fixture, "lpg.risk-elements", names, texts, 2);
    }
}

struct asked {
    const cim_analysis *analysis;
    const char *inputs;
    char *text;
};

static void *
ask_analysis(void *arg)
{
    struct asked *asked = arg;
    const cim_call call = fake_call(NULL);
    cim_blob blob = {0};
    cim_error err = {0};
    const cim_status status =
        asked->analysis->run(asked->analysis->self, &call, NULL, asked->inputs, &blob, &err);
    if (status != CIM_OK) {
        asked->text = strdup(err.en);
    } else {
        asked->text = strndup(blob.data, blob.len);
        blob.release(&blob);
    }
    return NULL;
}

static const struct example *
example_of(const char *id)
{
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        if (strcmp(examples[i].id, id) == 0) {
            return &examples[i];
        }
    }
    fail_msg("%s has no example here: add one", id);
    return NULL;
}

static void
compare(const struct cim_analysis *here, const struct cim_analysis *there)
{
    const struct example *example = example_of(here->id);
    struct asked askings[WORKERS];
    struct asked alone = {there, example->inputs, NULL};
    pthread_t threads[WORKERS];
    if (example->inputs == NULL) {
        return;
    }
    for (int i = 0; i < WORKERS; i++) { /* they also race for the first index */
        askings[i] = (struct asked){here, example->inputs, NULL};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_analysis, &askings[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)ask_analysis(&alone);
    if (strstr(alone.text, example->holds) == NULL) {
        fail_msg("%s: no %s in %.2000s", example->id, example->holds, alone.text);
    }
    for (int i = 0; i < WORKERS; i++) {
        if (strcmp(alone.text, askings[i].text) != 0) {
            size_t at = 0;
            while (alone.text[at] == askings[i].text[at]) {
                at++;
            }
            at -= at < 60 ? at : 60;
            fail_msg("%s differs:\n%.160s\n%.160s", example->id, alone.text + at,
                     askings[i].text + at);
        }
        free(askings[i].text);
    }
    free(alone.text);
}

static void
test_same_bytes_by_one_and_by_eight(void **state)
{
    struct fixture *here = *state;
    struct fixture *there = NULL;
    const char *url = getenv("CIM_TEST_PG");
    CIM_AUTO_FREE char *kept = url != NULL ? strdup(url) : NULL;
    void *other = NULL;
    cim_error err = {0};
    (void)unsetenv("CIM_TEST_PG");
    assert_int_equal(fixture_setup(&other), 0);
    there = other;
    if (kept != NULL) {
        (void)setenv("CIM_TEST_PG", kept, 1);
    }
    draw(here);
    draw(there);
    assert_ok(lpg_analysis_register(here->analysis, &err), &err);
    assert_ok(lpg_analysis_register(there->analysis, &err), &err);
    assert_int_equal(here->fake->n_analyses, sizeof examples / sizeof examples[0]);
    for (size_t i = 0; i < here->fake->n_analyses; i++) {
        if (i == here->fake->n_analyses / 3) {
            change_and_change_back(here);
        }
        compare(&here->fake->analyses[i], &there->fake->analyses[i]);
    }
    (void)fixture_teardown(&other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes_by_one_and_by_eight),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
