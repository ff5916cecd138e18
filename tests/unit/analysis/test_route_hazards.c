/* lpg.route-hazards over a real store: what is found, for whom, how it is weighed, and what is
 * refused. */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>

/* East from a place west of 海口; metres along it are easy to name. */
static const double start[2] = {110.10, 19.90};
enum { LENGTH_M = 6000 };

static void
place(double along_m, double aside_m, double ret_lonlat[2])
{
    double foot[2];
    double azimuth_deg;
    double end[2];
    lpg_geodesic_direct(start, 90.0, LENGTH_M, end);
    (void)lpg_geodesic_inverse_m(start, end, &azimuth_deg);
    lpg_geodesic_direct(start, azimuth_deg, along_m, foot);
    (void)lpg_geodesic_inverse_m(foot, end, &azimuth_deg);
    lpg_geodesic_direct(foot, azimuth_deg + 90.0, aside_m, ret_lonlat);
}

static char *
inputs_with(const char *more)
{
    double lonlat[4] = {start[0], start[1]};
    char *inputs = malloc(4096);
    assert_non_null(inputs);
    lpg_geodesic_direct(start, 90.0, LENGTH_M, lonlat + 2);
    CIM_AUTO_FREE char *line = line_json(lonlat, 2);
    (void)snprintf(inputs, 4096, "{\"route\":%s,\"as_of\":\"2026-11-27\"%s}", line, more);
    return inputs;
}

static struct json_object *
run_with(struct fixture *fixture, const char *more)
{
    CIM_AUTO_FREE char *inputs = inputs_with(more);
    return run(fixture, inputs);
}

static struct element
element_at(int number, const char *kind, double along_m, double aside_m)
{
    struct element element = {.number = number, .kind = kind, .persons = 0};
    place(along_m, aside_m, element.lonlat);
    return element;
}

static size_t
n_found(struct json_object *answer)
{
    return json_object_array_length(at(answer, "elements.features"));
}

static bool
is_found(struct json_object *answer, int number)
{
    char uid[37];
    uid_of(number, uid);
    for (size_t i = 0; i < n_found(answer); i++) {
        struct json_object *id = NULL;
        struct json_object *feature = json_object_array_get_idx(at(answer, "elements.features"), i);
        (void)json_object_object_get_ex(feature, "id", &id);
        if (strcmp(json_object_get_string(id), uid) == 0) {
            return true;
        }
    }
    return false;
}

static void
test_distance_chainage_and_order(void **state)
{
    struct fixture *fixture = *state;
    const struct element elements[] = {element_at(1, "school", 4000.0, 120.0),
                                       element_at(2, "fuel_station", 1000.0, -60.0)};
    struct json_object *answer;
    add_elements(fixture, elements, 2);
    answer = run_with(fixture, "");
    assert_int_equal(n_found(answer), 2);
    assert_string_equal(text_at(answer, "elements.features.0.properties.kind"), "fuel_station");
    assert_true(fabs(number_at(answer, "elements.features.0.properties.distance_m") - 60.0) <
                0.0011);
    assert_true(fabs(number_at(answer, "elements.features.0.properties.at_m") - 1000.0) < 0.0021);
    assert_true(fabs(number_at(answer, "elements.features.0.properties.from_m") - 920.0) < 0.01);
    assert_true(fabs(number_at(answer, "elements.features.0.properties.to_m") - 1080.0) < 0.01);
    assert_true(fabs(number_at(answer, "elements.features.1.properties.from_m") - 3840.0) < 0.01);
    /* 100 × 1.0 × (1 - 120/200) */
    assert_true(fabs(number_at(answer, "elements.features.1.properties.score") - 40.0) < 0.01);
    assert_true(fabs(number_at(answer, "length_m") - LENGTH_M) < 0.001);
    assert_int_equal(number_at(answer, "totals.by_kind.school"), 1);
    assert_true(json_object_get_boolean(at(answer, "kinds.0.to_confirm")));
    (void)json_object_put(answer);
}

/* The kind's distance, the element's own, one given for the run, one given for one kind. */
static void
test_which_distance_applies(void **state)
{
    struct fixture *fixture = *state;
    struct element elements[] = {
        element_at(1, "school", 1000.0, 199.0), element_at(2, "school", 2000.0, 201.0),
        element_at(3, "school", 3000.0, 290.0), element_at(4, "large_bridge", 4000.0, 29.0),
        element_at(5, "large_bridge", 5000.0, 31.0)};
    struct json_object *answer;
    elements[2].buffer_m = 300.0;
    add_elements(fixture, elements, 5);
    answer = run_with(fixture, "");
    assert_true(is_found(answer, 1) && !is_found(answer, 2) && is_found(answer, 3));
    assert_true(is_found(answer, 4) && !is_found(answer, 5));
    assert_string_equal(text_at(answer, "elements.features.1.properties.limit_from"), "element");
    (void)json_object_put(answer);
    answer = run_with(fixture, ",\"distance_m\":210");
    assert_true(is_found(answer, 1) && is_found(answer, 2) && !is_found(answer, 3));
    assert_true(is_found(answer, 4) && is_found(answer, 5));
    assert_string_equal(text_at(answer, "elements.features.0.properties.limit_from"), "input");
    assert_true(json_object_get_boolean(at(answer, "kinds.0.overridden")));
    (void)json_object_put(answer);
    answer =
        run_with(fixture, ",\"distance_m\":{\"large_bridge\":35},\"kinds\":[\"large_bridge\"]");
    assert_int_equal(n_found(answer), 2);
    assert_true(is_found(answer, 4) && is_found(answer, 5));
    (void)json_object_put(answer);
}

static void
test_records_count_on_their_days(void **state)
{
    struct fixture *fixture = *state;
    struct element elements[] = {element_at(1, "school", 1000.0, 50.0),
                                 element_at(2, "school", 2000.0, 50.0)};
    struct json_object *answer;
    elements[0].valid_to = "2026-11-26";
    elements[1].valid_to = "2026-11-27";
    add_elements(fixture, elements, 2);
    answer = run_with(fixture, "");
    assert_true(!is_found(answer, 1) && is_found(answer, 2));
    (void)json_object_put(answer);
}

static void
test_persons_are_counted_once_per_band(void **state)
{
    struct fixture *fixture = *state;
    struct element elements[] = {
        element_at(1, "school", 2990.0, 150.0),            /* beside several links */
        element_at(2, "hospital", 5000.0, 150.0),          /* persons not said */
        element_at(3, "dense_residential", 4000.0, 50.0)}; /* its residents are households */
    double home[2];
    struct json_object *answer;
    double by_link = 0.0;
    elements[0].persons = 700;
    elements[1].persons = -1;
    elements[2].persons = 5000;
    add_elements(fixture, elements, 3);
    for (int i = 0; i < 4; i++) {
        place(500.0 + 300.0 * i, i == 3 ? 250.0 : 100.0, home); /* the last is too far */
        add_user(fixture, i, i == 2 ? "catering" : "resident", home);
    }
    answer = run_with(fixture, "");
    assert_true(number_at(answer, "exposed_population.in_elements") == 700.0 + 900.0);
    assert_true(number_at(answer, "exposed_population.residents") == 2 * 3.0);
    assert_int_equal(number_at(answer, "exposed_population.households"), 2);
    assert_int_equal(number_at(answer, "assumed.elements_without_persons"), 1);
    assert_string_equal(text_at(answer, "exposed_population.residents_from"), "lpg.end-users");
    /* the school is beside 2990 ± 132 m: the links from 2500 and from 3000 m, once each */
    assert_true(number_at(answer, "profile.5.persons") == 700.0);
    assert_true(number_at(answer, "profile.6.persons") == 700.0);
    assert_true(number_at(answer, "profile.7.persons") == 0.0);
    for (size_t i = 0; i < json_object_array_length(at(answer, "profile")); i++) {
        char path[40];
        (void)snprintf(path, sizeof path, "profile.%zu.risk", i);
        by_link += number_at(answer, path);
    }
    assert_true(fabs(by_link - number_at(answer, "risk.expected")) < 1e-5 * by_link);
    (void)json_object_put(answer);
    /* kinds choose what is listed, not who is exposed */
    answer = run_with(fixture, ",\"kinds\":[\"market\"]");
    assert_int_equal(n_found(answer), 0);
    assert_true(number_at(answer, "exposed_population.in_elements") == 1600.0);
    (void)json_object_put(answer);
}

/* Links take the type of the road they lie on; p is the formula's. */
static void
test_roads_restrictions_and_departure(void **state)
{
    struct fixture *fixture = *state;
    const struct element school = element_at(1, "school", 5500.0, 100.0);
    double road[4];
    struct json_object *answer;
    place(0.0, 10.0, road);
    place(3000.0, 10.0, road + 2);
    add_road(fixture, "expressway", road, 2);
    add_elements(fixture, &school, 1);
    answer = run_with(fixture, ",\"depart_at\":\"2026-11-27T05:59:00+08:00\"");
    assert_string_equal(text_at(answer, "profile.0.road_type"), "rural_freeway");
    assert_string_equal(text_at(answer, "profile.5.road_class"), "expressway");
    /* 0.64 in 10⁶ vehicle-miles, released in 0.090, half a kilometre */
    assert_true(fabs(number_at(answer, "profile.0.probability") -
                     0.64e-6 / 1.609344 * 0.090 * 0.5) < 1e-13);
    /* no road there: the worst of all types, and said so */
    assert_string_equal(text_at(answer, "profile.7.road_type"), "urban_multilane_divided");
    assert_int_equal(number_at(answer, "assumed.links_of_unknown_road"), 6);
    assert_int_equal(json_object_array_length(at(answer, "restrictions")), 2);
    assert_string_equal(text_at(answer, "restrictions.0.restriction"), "key-places");
    assert_string_equal(text_at(answer, "restrictions.1.restriction"), "expressway-night");
    assert_true(number_at(answer, "restrictions.1.from_m") == 0.0);
    assert_true(fabs(number_at(answer, "restrictions.1.to_m") - 3000.0) < 0.01);
    assert_true(json_object_get_boolean(at(answer, "restrictions.1.in_hours")));
    /* 3 km at 80 km/h: 135 s; 3 km at 60: 180 s */
    assert_string_equal(text_at(answer, "totals.arrives_at"), "2026-11-26T22:04:15.000Z");
    (void)json_object_put(answer);
    answer = run_with(fixture, ",\"depart_at\":\"2026-11-27T06:00:00+08:00\"");
    assert_false(json_object_get_boolean(at(answer, "restrictions.1.in_hours")));
    (void)json_object_put(answer);
}

/* A square around the route from 1 to 2 km, a bite out of its north side at 1.4 to 1.6 km. */
static void
notched_square(double ret_ring[2 * 9])
{
    static const double corners[9][2] = {{1000, 400},  {2000, 400},  {2000, -400},
                                         {1600, -400}, {1600, 100},  {1400, 100},
                                         {1400, -400}, {1000, -400}, {1000, 400}};
    for (size_t i = 0; i < 9; i++) {
        place(corners[i][0], corners[i][1], ret_ring + 2 * i);
    }
}

static void
test_restricted_zones_and_their_hours(void **state)
{
    struct fixture *fixture = *state;
    double ring[2 * 9];
    struct zone zone = {.number = 1,
                        .ring = ring,
                        .n = 9,
                        .hours_from = "07:00",
                        .hours_to = "09:00",
                        .weekdays = "12345"};
    /* 2026-11-27 is a Friday; 1 km takes a minute */
    static const struct {
        const char *depart_at;
        bool closed;
    } cases[] = {{"2026-11-27T06:59:00+08:00", true},  {"2026-11-27T06:57:00+08:00", false},
                 {"2026-11-27T08:58:50+08:00", true},  {"2026-11-27T09:00:00+08:00", false},
                 {"2026-11-28T08:00:00+08:00", false}, {"2026-11-30T08:00:00+08:00", true}};
    struct json_object *answer;
    notched_square(ring);
    add_zone(fixture, &zone);
    zone.number = 2; /* no longer in force */
    zone.valid_to = "2026-11-26";
    add_zone(fixture, &zone);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char more[80];
        (void)snprintf(more, sizeof more, ",\"depart_at\":\"%s\"", cases[i].depart_at);
        answer = run_with(fixture, more);
        assert_int_equal(json_object_array_length(at(answer, "restrictions")), 2);
        assert_string_equal(text_at(answer, "restrictions.0.restriction"), "zone");
        assert_string_equal(text_at(answer, "restrictions.0.zh"), "老城区");
        assert_true(fabs(number_at(answer, "restrictions.0.from_m") - 1000.0) < 0.01);
        assert_true(fabs(number_at(answer, "restrictions.0.to_m") - 1400.0) < 0.01);
        assert_true(fabs(number_at(answer, "restrictions.1.from_m") - 1600.0) < 0.01);
        assert_true(fabs(number_at(answer, "restrictions.1.to_m") - 2000.0) < 0.01);
        assert_string_equal(text_at(answer, "restrictions.0.weekdays"), "12345");
        if (json_object_get_boolean(at(answer, "restrictions.0.in_hours")) != cases[i].closed) {
            fail_msg("%s", cases[i].depart_at);
        }
        (void)json_object_put(answer);
    }
}

/* Inside from its first to its last position, far from any border: no crossing tells. */
static void
test_route_wholly_inside_a_zone(void **state)
{
    struct fixture *fixture = *state;
    static const double around[] = {109.0, 19.0,  111.0, 19.0,  111.0,
                                    20.5,  109.0, 20.5,  109.0, 19.0};
    const struct zone zone = {.number = 1, .ring = around, .n = 5};
    static const uint64_t longhua[] = {1U << 3U};
    const cim_term term = {.struct_size = sizeof term,
                           .actions = CIM_ACT_READ,
                           .resource = "*",
                           .areas = longhua,
                           .n_area_words = 1,
                           .sensitive_mode = CIM_FIELD_MASKED,
                           .from_ms = INT64_MIN,
                           .until_ms = INT64_MAX};
    const cim_term *const terms[] = {&term};
    const cim_scope elsewhere = {
        .struct_size = sizeof elsewhere, .n_terms = 1, .terms = terms, .areas_version = 5};
    CIM_AUTO_FREE char *inputs = inputs_with("");
    CIM_AUTO_FREE char *text = NULL;
    cim_error err = {0};
    struct json_object *answer;
    add_zone(fixture, &zone);
    answer = run_with(fixture, "");
    assert_int_equal(json_object_array_length(at(answer, "restrictions")), 1);
    assert_true(number_at(answer, "restrictions.0.from_m") == 0.0);
    assert_true(fabs(number_at(answer, "restrictions.0.to_m") - LENGTH_M) < 0.01);
    assert_string_equal(text_at(answer, "restrictions.0.weekdays"), "1234567");
    (void)json_object_put(answer);
    assert_ok(run_text(fixture, &elsewhere, inputs, &text, &err), &err);
    answer = json_tokener_parse(text);
    assert_int_equal(json_object_array_length(at(answer, "restrictions")), 0);
    (void)json_object_put(answer);
}

static void
test_scope_by_area_owner_and_row_filter(void **state)
{
    struct fixture *fixture = *state;
    static const uint64_t longhua[] = {1U << 3U}; /* 460106 is the fourth area, depth first */
    cim_term term = {.struct_size = sizeof term,
                     .actions = CIM_ACT_READ,
                     .resource = "*",
                     .areas = longhua,
                     .n_area_words = 1,
                     .sensitive_mode = CIM_FIELD_MASKED,
                     .from_ms = INT64_MIN,
                     .until_ms = INT64_MAX};
    const cim_term *const terms[] = {&term};
    const cim_scope scope = {
        .struct_size = sizeof scope, .n_terms = 1, .terms = terms, .areas_version = 5};
    const cim_scope nothing = {.struct_size = sizeof nothing, .areas_version = 5};
    struct element elements[] = {element_at(1, "school", 1000.0, 50.0),
                                 element_at(2, "school", 2000.0, 50.0),
                                 element_at(3, "market", 3000.0, 50.0)};
    CIM_AUTO_FREE char *inputs = inputs_with("");
    cim_error err = {0};
    char *text = NULL;
    struct json_object *answer;
    for (size_t i = 0; i < 3; i++) {
        elements[i].persons = 11 + (int)i;
    }
    elements[1].area = "460106";
    elements[1].owner = "org-a";
    elements[2].area = "460106";
    elements[2].owner = "org-b";
    add_elements(fixture, elements, 3);
    answer = run_with(fixture, ""); /* fills the shared index with everything */
    assert_int_equal(n_found(answer), 3);
    (void)json_object_put(answer);

    assert_ok(run_text(fixture, &scope, inputs, &text, &err), &err);
    answer = json_tokener_parse(text);
    free(text);
    assert_true(!is_found(answer, 1) && is_found(answer, 2) && is_found(answer, 3));
    assert_true(number_at(answer, "exposed_population.in_elements") == 12.0 + 13.0);
    (void)json_object_put(answer);

    term.owner_org = "org-b";
    assert_ok(run_text(fixture, &scope, inputs, &text, &err), &err);
    answer = json_tokener_parse(text);
    free(text);
    assert_int_equal(n_found(answer), 1);
    assert_true(is_found(answer, 3));
    (void)json_object_put(answer);

    term.owner_org = NULL;
    term.filter_json = "{\"op\":\"=\",\"args\":[{\"property\":\"owner_org\"},\"org-a\"]}";
    assert_ok(run_text(fixture, &scope, inputs, &text, &err), &err);
    answer = json_tokener_parse(text);
    free(text);
    assert_int_equal(n_found(answer), 1);
    assert_true(is_found(answer, 2));
    (void)json_object_put(answer);

    assert_int_equal(run_text(fixture, &nothing, inputs, &text, &err), CIM_E_DENIED);
}

static void
test_index_follows_the_layer(void **state)
{
    struct fixture *fixture = *state;
    const struct element first = element_at(1, "school", 1000.0, 50.0);
    const struct element second = element_at(2, "school", 2000.0, 50.0);
    struct json_object *answer;
    add_elements(fixture, &first, 1);
    answer = run_with(fixture, "");
    assert_int_equal(n_found(answer), 1);
    (void)json_object_put(answer);
    add_elements(fixture, &second, 1);
    answer = run_with(fixture, "");
    assert_int_equal(n_found(answer), 2);
    (void)json_object_put(answer);
    delete_element(fixture, 1);
    answer = run_with(fixture, "");
    assert_true(!is_found(answer, 1) && is_found(answer, 2));
    (void)json_object_put(answer);
}

static void
test_stored_route_by_uid_and_number(void **state)
{
    struct fixture *fixture = *state;
    const struct element school = element_at(1, "school", 1000.0, 50.0);
    static const uint64_t longhua[] = {1U << 3U};
    const cim_term term = {.struct_size = sizeof term,
                           .actions = CIM_ACT_READ,
                           .resource = "*",
                           .areas = longhua,
                           .n_area_words = 1,
                           .sensitive_mode = CIM_FIELD_MASKED,
                           .from_ms = INT64_MIN,
                           .until_ms = INT64_MAX};
    const cim_term *const terms[] = {&term};
    const cim_scope elsewhere = {
        .struct_size = sizeof elsewhere, .n_terms = 1, .terms = terms, .areas_version = 5};
    double lonlat[4] = {start[0], start[1]};
    char inputs[200];
    char uid[37];
    char *text = NULL;
    cim_error err = {0};
    struct json_object *drawn = run_with(fixture, "");
    struct json_object *answer;
    (void)json_object_put(drawn);
    lpg_geodesic_direct(start, 90.0, LENGTH_M, lonlat + 2);
    add_elements(fixture, &school, 1);
    add_route(fixture, 7, "460105", lonlat, 2);
    uid_of(7, uid);
    drawn = run_with(fixture, "");
    for (int i = 0; i < 2; i++) {
        (void)snprintf(inputs, sizeof inputs, "{\"route\":\"%s\",\"as_of\":\"2026-11-27\"}",
                       i == 0 ? "R7" : uid);
        answer = run(fixture, inputs);
        assert_string_equal(json_object_to_json_string(answer), json_object_to_json_string(drawn));
        (void)json_object_put(answer);
    }
    (void)json_object_put(drawn);
    /* who may not read the route learns no more than that there is none */
    assert_int_equal(run_text(fixture, &elsewhere, inputs, &text, &err), CIM_E_NOTFOUND);
    assert_string_equal(err.param, "route");
    assert_int_equal(run_text(fixture, fake_scope_all(), "{\"route\":\"R8\"}", &text, &err),
                     CIM_E_NOTFOUND);
}

/* ---- batches and threads ---- */

static void
test_many_routes_are_each_route_alone(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = 52;
    struct cim_buf many;
    struct json_object *singles[5];
    struct json_object *answer;
    fixture_scatter(fixture, 1500);
    cim_buf_init(&many, 1 << 24);
    cim_buf_add_text(&many, "{\"distance_m\":500,\"as_of\":\"2026-11-27\",\"routes\":[");
    for (int i = 0; i < 5; i++) {
        double lonlat[400];
        const size_t n = fixture_wander(&seed, 20e3, lonlat, 200);
        CIM_AUTO_FREE char *line = line_json(lonlat, n);
        struct cim_buf one;
        cim_buf_init(&one, 1 << 20);
        cim_buf_addf(&many,
                     "%s{\"type\":\"Feature\",\"id\":\"R%d\",\"geometry\":", i > 0 ? "," : "", i);
        cim_buf_add_text(&many, line);
        cim_buf_add_text(&many, "}");
        cim_buf_add_text(&one, "{\"distance_m\":500,\"as_of\":\"2026-11-27\",\"route\":");
        cim_buf_add_text(&one, line);
        cim_buf_add_text(&one, "}");
        singles[i] = run(fixture, one.data);
        cim_buf_done(&one);
    }
    cim_buf_add_text(&many, "]}");
    answer = run(fixture, many.data);
    cim_buf_done(&many);
    assert_int_equal(json_object_array_length(at(answer, "results")), 5);
    for (int i = 0; i < 5; i++) {
        struct json_object *result = json_object_array_get_idx(at(answer, "results"), (size_t)i);
        assert_true(n_found(singles[i]) > 0);
        assert_string_equal(json_object_to_json_string(at(result, "elements")),
                            json_object_to_json_string(at(singles[i], "elements")));
        assert_string_equal(json_object_to_json_string(at(result, "risk")),
                            json_object_to_json_string(at(singles[i], "risk")));
        assert_int_equal(text_at(result, "id")[1] - '0', i);
        (void)json_object_put(singles[i]);
    }
    (void)json_object_put(answer);
}

struct worker {
    struct fixture *fixture;
    const char *inputs;
    char *text;
};

static void *
work(void *arg)
{
    struct worker *worker = arg;
    cim_error err = {0};
    if (run_text(worker->fixture, fake_scope_all(), worker->inputs, &worker->text, &err) !=
        CIM_OK) {
        worker->text = strdup(err.en);
    }
    return NULL;
}

static void
test_same_bytes_with_eight_workers(void **state)
{
    enum { WORKERS = 8 };
    struct fixture *fixture = *state;
    uint64_t seed = 53;
    double lonlat[800];
    const size_t n = fixture_wander(&seed, 60e3, lonlat, 400);
    CIM_AUTO_FREE char *line = line_json(lonlat, n);
    struct cim_buf inputs;
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    char *alone = NULL;
    cim_error err = {0};
    fixture_scatter(fixture, 1500);
    cim_buf_init(&inputs, 1 << 20);
    cim_buf_add_text(&inputs, "{\"distance_m\":500,\"as_of\":\"2026-11-27\",\"route\":");
    cim_buf_add_text(&inputs, line);
    cim_buf_add_text(&inputs, "}");
    for (int i = 0; i < WORKERS; i++) { /* they also race for the first index */
        workers[i] = (struct worker){fixture, inputs.data, NULL};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_ok(run_text(fixture, fake_scope_all(), inputs.data, &alone, &err), &err);
    assert_true(strlen(alone) > 5000);
    for (int i = 0; i < WORKERS; i++) {
        assert_string_equal(workers[i].text, alone);
        free(workers[i].text);
    }
    free(alone);
    cim_buf_done(&inputs);
}

/* ---- bad input ---- */

#define LINE "{\"type\":\"LineString\",\"coordinates\":[[110.1,19.9],[110.2,19.9]]}"

static void
test_bad_inputs_are_named(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *inputs;
        const char *param;
        const char *message;
    } cases[] = {
        {"{}", "route", "expected either route (one) or routes (several)"},
        {"{\"route\":" LINE ",\"routes\":[" LINE "]}", "route", "expected either"},
        {"{\"route\":7}", "route", "expected a GeoJSON LineString"},
        {"{\"route\":{\"type\":\"Point\",\"coordinates\":[1,2]}}", "route", "LineString"},
        {"{\"route\":{\"type\":\"LineString\"}}", "route", "at least two"},
        {"{\"route\":{\"type\":\"LineString\",\"coordinates\":[[110,19]]}}", "route",
         "at least two"},
        {"{\"route\":{\"type\":\"LineString\",\"coordinates\":[[110,19],[110,19]]}}", "route",
         "at least two different positions"},
        {"{\"route\":{\"type\":\"LineString\",\"coordinates\":[[110,19],[115,19]]}}", "route",
         "position 2 is 526.4 km from the one before"},
        {"{\"route\":{\"type\":\"LineString\",\"coordinates\":[[110,19],[110.01,\"19\"]]}}",
         "route", "position 2: expected [longitude, latitude]"},
        {"{\"route\":{\"type\":\"LineString\",\"coordinates\":[[19.9,110.1],[19.9,110.2]]}}",
         "route", "position 1: expected [longitude, latitude]"},
        {"{\"route\":{\"type\":\"LineString\",\"coordinates\":[[110,19],[110,1e999]]}}", "", ""},
        {"{\"route\":{\"type\":\"LineString\",\"coordinates\":[[110,19],[NaN,19]]}}", "", ""},
        {"{\"routes\":[" LINE ",{\"type\":\"LineString\",\"coordinates\":[[110,19],[120,19]]}]}",
         "routes[1]", "position 2"},
        {"{\"routes\":[]}", "routes", "expected 1 to 1000 routes"},
        {"{\"route\":" LINE ",\"distance_m\":0}", "distance_m", "more than 0 and at most 10000"},
        {"{\"route\":" LINE ",\"distance_m\":-5}", "distance_m", "more than 0"},
        {"{\"route\":" LINE ",\"distance_m\":1e9}", "distance_m", "at most 10000 metres"},
        {"{\"route\":" LINE ",\"distance_m\":\"500\"}", "distance_m", "more than 0"},
        {"{\"route\":" LINE ",\"distance_m\":{\"casino\":5}}", "distance_m.casino",
         "no such kind of element; there are: school, kindergarten"},
        {"{\"route\":" LINE ",\"kinds\":[\"school\",\"casino\"]}", "kinds[1]", "no such kind"},
        {"{\"route\":" LINE ",\"kinds\":[]}", "kinds", "at least one kind"},
        {"{\"route\":" LINE ",\"as_of\":\"2026-02-30\"}", "as_of", "expected a date"},
        {"{\"route\":" LINE ",\"depart_at\":\"soon\"}", "depart_at", "expected a time"},
        {"{\"route\":" LINE ",\"exposure_m\":0}", "exposure_m", "more than 0"},
        {"{\"route\":" LINE ",\"trips_per_year\":0}", "trips_per_year", "more than 0"},
        {"{\"route\":", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cim_error err = {0};
        char *text = NULL;
        const cim_status status = run_text(fixture, fake_scope_all(), cases[i].inputs, &text, &err);
        if (status != CIM_E_INVALID) {
            fail_msg("%s: status %d %s", cases[i].inputs, status, err.en);
        }
        if (cases[i].message[0] != '\0') {
            assert_string_equal(err.param, cases[i].param);
            assert_contains(err.en, cases[i].message);
        }
        assert_true(err.zh[0] != '\0');
    }
}

static void
test_line_that_crosses_itself_is_right(void **state)
{
    struct fixture *fixture = *state;
    /* a loop: east 2 km, north 1 km, west 1 km, south 2 km; the element beside the crossing */
    double lonlat[10] = {110.1, 19.9};
    struct element element = {.number = 1, .kind = "school", .persons = 10};
    CIM_AUTO_FREE char *line = NULL;
    struct json_object *answer;
    char inputs[1024];
    lpg_geodesic_direct(lonlat, 90.0, 2000.0, lonlat + 2);
    lpg_geodesic_direct(lonlat + 2, 0.0, 1000.0, lonlat + 4);
    lpg_geodesic_direct(lonlat + 4, 270.0, 1000.0, lonlat + 6);
    lpg_geodesic_direct(lonlat + 6, 180.0, 2000.0, lonlat + 8);
    lpg_geodesic_direct(lonlat, 90.0, 1030.0, element.lonlat);
    lpg_geodesic_direct(element.lonlat, 0.0, 40.0, element.lonlat);
    add_elements(fixture, &element, 1);
    line = line_json(lonlat, 5);
    (void)snprintf(inputs, sizeof inputs,
                   "{\"route\":%s,\"as_of\":\"2026-11-27\",\"distance_m\":50}", line);
    answer = run(fixture, inputs);
    assert_int_equal(n_found(answer), 1);
    assert_true(fabs(number_at(answer, "elements.features.0.properties.distance_m") - 30.0) < 0.1);
    assert_int_equal(
        json_object_array_length(at(answer, "elements.features.0.properties.stretches")), 2);
    assert_true(number_at(answer, "exposed_population.in_elements") == 10.0); /* once */
    (void)json_object_put(answer);
}

/* A hairpin within one link passes a place twice: its persons are beside that link once. */
static void
test_hairpin_within_a_link_counts_once(void **state)
{
    struct fixture *fixture = *state;
    double lonlat[8] = {110.1, 19.9};
    struct element element = {.number = 1, .kind = "school", .persons = 10};
    CIM_AUTO_FREE char *line = NULL;
    struct json_object *answer;
    char inputs[1024];
    lpg_geodesic_direct(lonlat, 90.0, 100.0, lonlat + 2);
    lpg_geodesic_direct(lonlat + 2, 0.0, 30.0, lonlat + 4);
    lpg_geodesic_direct(lonlat + 4, 270.0, 100.0, lonlat + 6);
    lpg_geodesic_direct(lonlat, 90.0, 50.0, element.lonlat);
    lpg_geodesic_direct(element.lonlat, 0.0, 15.0, element.lonlat);
    add_elements(fixture, &element, 1);
    line = line_json(lonlat, 4);
    (void)snprintf(inputs, sizeof inputs,
                   "{\"route\":%s,\"as_of\":\"2026-11-27\",\"distance_m\":20,\"exposure_m\":20}",
                   line);
    answer = run(fixture, inputs);
    assert_int_equal(
        json_object_array_length(at(answer, "elements.features.0.properties.stretches")), 2);
    assert_int_equal(json_object_array_length(at(answer, "profile")), 1);
    assert_true(number_at(answer, "profile.0.persons") == 10.0);
    (void)json_object_put(answer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_distance_chainage_and_order, fixture_clear),
        cmocka_unit_test_setup(test_which_distance_applies, fixture_clear),
        cmocka_unit_test_setup(test_records_count_on_their_days, fixture_clear),
        cmocka_unit_test_setup(test_persons_are_counted_once_per_band, fixture_clear),
        cmocka_unit_test_setup(test_roads_restrictions_and_departure, fixture_clear),
        cmocka_unit_test_setup(test_restricted_zones_and_their_hours, fixture_clear),
        cmocka_unit_test_setup(test_route_wholly_inside_a_zone, fixture_clear),
        cmocka_unit_test_setup(test_scope_by_area_owner_and_row_filter, fixture_clear),
        cmocka_unit_test_setup(test_index_follows_the_layer, fixture_clear),
        cmocka_unit_test_setup(test_stored_route_by_uid_and_number, fixture_clear),
        cmocka_unit_test_setup(test_many_routes_are_each_route_alone, fixture_clear),
        cmocka_unit_test_setup(test_same_bytes_with_eight_workers, fixture_clear),
        cmocka_unit_test_setup(test_hairpin_within_a_link_counts_once, fixture_clear),
        cmocka_unit_test_setup(test_bad_inputs_are_named, fixture_clear),
        cmocka_unit_test_setup(test_line_that_crosses_itself_is_right, fixture_clear),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
