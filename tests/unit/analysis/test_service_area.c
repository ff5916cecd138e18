/* lpg.service-area over a real store: who is served equals a plain count, and lies in the area. */
#include "road_fixture.h"

#include "geo/geodesic.h"

#include <math.h>

enum { SIDE = 6, DEMANDS = 200 };

/* Streets every 500 m both ways, so that a way along them is as long as the corner's. */
static void
draw_grid_by(struct fixture *fixture, bool backward)
{
    for (int k = 0; k < SIDE; k++) {
        const int i = backward ? SIDE - 1 - k : k;
        const struct street across = {.number = 1 + i,
                                      .metres = {0, 500.0 * i, 500.0 * (SIDE - 1), 500.0 * i}};
        const struct street along = {.number = 101 + i,
                                     .metres = {500.0 * i, 0, 500.0 * i, 500.0 * (SIDE - 1)}};
        add_street(fixture, &across);
        add_street(fixture, &along);
    }
}

static void
draw_grid(struct fixture *fixture)
{
    draw_grid_by(fixture, false);
}

/* Demands on crossings and halfway between, of weight 1 to 3. */
static double
demand_json(struct cim_buf *out, double ret_at[DEMANDS][3])
{
    uint64_t seed = 21;
    double total = 0.0;
    cim_buf_add_text(out, "{\"type\":\"FeatureCollection\",\"features\":[");
    for (int i = 0; i < DEMANDS; i++) {
        char point[96];
        ret_at[i][0] = 500.0 * unit_random_below(&seed, SIDE);
        ret_at[i][1] = 250.0 * unit_random_below(&seed, 2 * SIDE - 1);
        ret_at[i][2] = 1.0 + unit_random_below(&seed, 3);
        total += ret_at[i][2];
        cim_buf_addf(out, "%s{\"type\":\"Feature\",\"geometry\":%s,\"properties\":{\"weight\":%g}}",
                     i > 0 ? "," : "", point_json(ret_at[i][0], ret_at[i][1], point), ret_at[i][2]);
    }
    cim_buf_add_text(out, "]}");
    return total;
}

static const double stations[2][2] = {{500, 500}, {2000, 1500}};

static struct json_object *
ask_area(struct fixture *fixture, const char *question, double demand[DEMANDS][3],
         double *ret_total)
{
    struct cim_buf inputs;
    char points[2][96];
    struct json_object *answer;
    cim_buf_init(&inputs, 1 << 20);
    cim_buf_addf(&inputs,
                 "{%s,\"facilities\":{\"type\":\"FeatureCollection\",\"features\":[{\"type\":"
                 "\"Feature\",\"id\":\"a\",\"geometry\":%s},{\"type\":\"Feature\",\"id\":\"b\","
                 "\"geometry\":%s}]},\"demand\":",
                 question, point_json(stations[0][0], stations[0][1], points[0]),
                 point_json(stations[1][0], stations[1][1], points[1]));
    *ret_total = demand_json(&inputs, demand);
    cim_buf_add_char(&inputs, '}');
    answer = run_road(fixture, lpg_service_area_answer, inputs.data);
    cim_buf_done(&inputs);
    return answer;
}

static double
least_m(const double *at, bool straight)
{
    double least = HUGE_VAL;
    for (int k = 0; k < 2; k++) {
        const double d[2] = {fabs(at[0] - stations[k][0]), fabs(at[1] - stations[k][1])};
        least = fmin(least, straight ? hypot(d[0], d[1]) : d[0] + d[1]);
    }
    return least;
}

static void
test_served_equals_a_plain_count(void **state)
{
    struct fixture *fixture = *state;
    double demand[DEMANDS][3];
    double total;
    draw_grid(fixture);
    for (int straight = 0; straight < 2; straight++) {
        double counted[2] = {0.0, 0.0};
        double served = 0.0;
        struct json_object *answer = ask_area(fixture,
                                              straight ? "\"ranges\":[1900,700],\"by\":\"straight\""
                                                       : "\"ranges\":[1900,700]",
                                              demand, &total);
        for (int i = 0; i < DEMANDS; i++) {
            counted[0] += least_m(demand[i], straight) <= 700.0 ? demand[i][2] : 0.0;
            counted[1] += least_m(demand[i], straight) <= 1900.0 ? demand[i][2] : 0.0;
        }
        assert_true(counted[0] > 20.0 && counted[0] < counted[1] && counted[1] < total);
        assert_true(number_at(answer, "areas.features.0.properties.range") == 700.0);
        assert_true(number_at(answer, "areas.features.0.properties.served") == counted[0]);
        assert_true(number_at(answer, "areas.features.1.properties.served") == counted[1]);
        assert_true(number_at(answer, "total_demand") == total);
        assert_true(number_at(answer, "off_road_demand") == 0.0);
        served += number_at(answer, "facilities.features.0.properties.served.1");
        served += number_at(answer, "facilities.features.1.properties.served.1");
        assert_true(served == counted[1]);
        (void)json_object_put(answer);
    }
}

/* Six minutes at 25 km/h, the tricycle's speed on such roads. */
static void
test_minutes_are_metres_by_speed(void **state)
{
    struct fixture *fixture = *state;
    double demand[DEMANDS][3];
    double total;
    double counted = 0.0;
    struct json_object *answer;
    draw_grid(fixture);
    answer =
        ask_area(fixture, "\"ranges\":[4.5],\"by\":\"time\",\"direction\":\"to\"", demand, &total);
    for (int i = 0; i < DEMANDS; i++) {
        counted += least_m(demand[i], false) <= 4.5 * 25000.0 / 60.0 ? demand[i][2] : 0.0;
    }
    assert_true(counted > 20.0 && counted < total);
    assert_true(number_at(answer, "areas.features.0.properties.served") == counted);
    assert_string_equal(text_at(answer, "areas.features.0.properties.unit"), "min");
    (void)json_object_put(answer);
}

static void
test_bad_input_is_named(void **state)
{
    struct fixture *fixture = *state;
    static const char none[] =
        "{\"ranges\":[500],\"facilities\":{\"type\":\"FeatureCollection\",\"features\":[]}}";
    draw_grid(fixture);
    refuse_road(fixture, lpg_service_area_answer, fake_scope_all(), "{}", CIM_E_INVALID, "ranges",
                "1 to 10");
    refuse_road(fixture, lpg_service_area_answer, fake_scope_all(), "{\"ranges\":[500,-1]}",
                CIM_E_INVALID, "ranges[1]", "more than 0");
    refuse_road(fixture, lpg_service_area_answer, fake_scope_all(), none, CIM_E_INVALID,
                "facilities", "FeatureCollection");
    refuse_road(fixture, lpg_service_area_answer, fake_scope_all(), "{\"ranges\":[500]}",
                CIM_E_STATE, "facilities", "no supply station");
}

static void
test_same_bytes_on_both_stores_by_eight_at_once(void **state)
{
    char inputs[600];
    char point[96];
    (void)snprintf(inputs, sizeof inputs,
                   "{\"ranges\":[800,1500],\"facilities\":{\"type\":\"FeatureCollection\","
                   "\"features\":[{\"type\":\"Feature\",\"geometry\":%s}]},\"as_of\":"
                   "\"2026-11-27\"}",
                   point_json(1100, 1000, point));
    assert_same_bytes(*state, draw_grid_by, lpg_service_area_answer, inputs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_served_equals_a_plain_count, fixture_clear),
        cmocka_unit_test_setup(test_minutes_are_metres_by_speed, fixture_clear),
        cmocka_unit_test_setup(test_bad_input_is_named, fixture_clear),
        cmocka_unit_test_setup(test_same_bytes_on_both_stores_by_eight_at_once, fixture_clear),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
