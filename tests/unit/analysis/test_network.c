/* The roads as a graph: where they meet, what is joined and what is not, lengths; ways over it
 * equal to those that a plain search over all edges finds. */
#include "road_fixture.h"

#include "analysis/network.h"

#include <math.h>

static void
open_roads(struct fixture *fixture, const char *inputs, struct lpg_routing_run *ret_run)
{
    const cim_call call = fake_call(NULL);
    struct json_object *parsed = json_tokener_parse(inputs);
    cim_error err = {0};
    fixture->fake->scope = fake_scope_all();
    assert_non_null(parsed);
    assert_ok(lpg_routing_open(lpg_analysis_routing(fixture->analysis), &call, parsed, "emergency",
                               ret_run, &err),
              &err);
    (void)json_object_put(parsed);
}

static size_t
count_repairs(const struct lpg_network *network, enum lpg_repair_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < network->n_repairs; i++) {
        n += network->repairs[i].kind == kind;
    }
    return n;
}

/* Metres by road between two places; NaN: no way. */
static double
metres_between(const struct lpg_routing_run *run, double from_east, double from_north,
               double to_east, double to_north)
{
    double from[2];
    double to[2];
    struct lpg_stop stops[2];
    struct lpg_reach reach = {0};
    cim_error err = {0};
    uint32_t source;
    int64_t cost;
    offset(from_east, from_north, from);
    offset(to_east, to_north, to);
    lpg_travel_stop(&run->travel, from, &stops[0]);
    lpg_travel_stop(&run->travel, to, &stops[1]);
    assert_true(stops[0].edge != UINT32_MAX && stops[1].edge != UINT32_MAX);
    assert_ok(
        lpg_travel_reach(&run->travel, stops, 1, false, false, INT64_MAX - 1, NULL, &reach, &err),
        &err);
    cost = lpg_travel_cost(&run->travel, &reach, stops, 1, false, false, &stops[1], &source);
    lpg_reach_done(&reach);
    return cost == LPG_TRAVEL_NEVER ? NAN : (double)cost / 1e3;
}

static void
test_roads_meet_where_they_touch_or_cross(void **state)
{
    struct fixture *fixture = *state;
    /* an H whose bar touches one side and crosses the other */
    const struct street streets[] = {{.number = 1, .metres = {0, 0, 0, 1000}},
                                     {.number = 2, .metres = {500, 0, 500, 1000}},
                                     {.number = 3, .metres = {0, 400, 600, 400}}};
    struct lpg_routing_run run;
    for (size_t i = 0; i < 3; i++) {
        add_street(fixture, &streets[i]);
    }
    open_roads(fixture, "{}", &run);
    assert_int_equal(run.network->n_edges, 6);
    assert_int_equal(run.network->n_nodes, 7);
    assert_int_equal(count_repairs(run.network, LPG_REPAIR_CROSSING), 1);
    assert_int_equal(count_repairs(run.network, LPG_REPAIR_SNAPPED), 0);
    assert_true(fabs(metres_between(&run, 0, 1000, 500, 1000) - 1700.0) < 0.05);
    lpg_routing_run_done(&run);
}

static void
test_loose_ends_are_joined_within_the_tolerance(void **state)
{
    struct fixture *fixture = *state;
    const struct street streets[] = {
        {.number = 1, .metres = {0, 0, 0, 1000}},
        {.number = 2, .metres = {9.9, 300, 500, 300}},   /* near enough */
        {.number = 3, .metres = {10.1, 600, 500, 600}}}; /* not quite */
    struct lpg_routing_run run;
    for (size_t i = 0; i < 3; i++) {
        add_street(fixture, &streets[i]);
    }
    open_roads(fixture, "{}", &run);
    assert_int_equal(count_repairs(run.network, LPG_REPAIR_SNAPPED), 1);
    assert_true(fabs(run.network->repairs[0].gap_m - 9.9) < 0.01);
    assert_true(fabs(metres_between(&run, 0, 0, 500, 300) - 800.0) < 0.05);
    assert_true(isnan(metres_between(&run, 0, 0, 500, 600)));
    lpg_routing_run_done(&run);
}

static void
test_bridges_meet_roads_at_their_ends_alone(void **state)
{
    struct fixture *fixture = *state;
    const struct street streets[] = {
        {.number = 1, .metres = {0, 0, 0, 400}},
        {.number = 2, .level = "1", .metres = {0, 400, 0, 600}},
        {.number = 3, .metres = {0, 600, 0, 1000}},
        {.number = 4, .metres = {-500, 500, 500, 500}}, /* below the bridge */
        {.number = 5, .level = "-1", .metres = {-500, 200, 500, 200}}};
    struct lpg_routing_run run;
    for (size_t i = 0; i < 5; i++) {
        add_street(fixture, &streets[i]);
    }
    open_roads(fixture, "{}", &run);
    assert_int_equal(run.network->n_edges, 5);
    assert_int_equal(count_repairs(run.network, LPG_REPAIR_OVERPASS), 2);
    assert_int_equal(count_repairs(run.network, LPG_REPAIR_CROSSING), 0);
    assert_true(fabs(metres_between(&run, 0, 0, 0, 1000) - 1000.0) < 0.05);
    assert_true(isnan(metres_between(&run, 0, 0, 500, 500)));
    lpg_routing_run_done(&run);
}

static void
test_one_way_streets_class_and_bans_count(void **state)
{
    struct fixture *fixture = *state;
    const struct street streets[] = {
        {.number = 1, .direction = "forward", .metres = {0, 0, 1000, 0}},
        {.number = 2, .direction = "backward", .metres = {0, 0, 500, 800, 1000, 0}, .n = 3},
        {.number = 3, .road_class = "expressway", .metres = {1000, 0, 2000, 0}},
        {.number = 4, .no_dangerous = "true", .metres = {2000, 0, 3000, 0}}};
    const double round = 2.0 * hypot(500.0, 800.0);
    struct lpg_routing_run run;
    for (size_t i = 0; i < 4; i++) {
        add_street(fixture, &streets[i]);
    }
    open_roads(fixture, "{}", &run);
    assert_true(fabs(metres_between(&run, 0, 0, 1000, 0) - 1000.0) < 0.05);
    assert_true(fabs(metres_between(&run, 1000, 0, 0, 0) - round) < 0.05);
    /* on the one-way street itself: back means all around */
    assert_true(fabs(metres_between(&run, 600, 0, 400, 0) - (400.0 + round + 400.0)) < 0.05);
    assert_true(fabs(metres_between(&run, 400, 0, 600, 0) - 200.0) < 0.05);
    assert_true(fabs(metres_between(&run, 0, 0, 3000, 0) - 3000.0) < 0.05);
    lpg_routing_run_done(&run);
    open_roads(fixture, "{\"vehicle\":\"cylinder_truck\"}", &run);
    assert_true(fabs(metres_between(&run, 0, 0, 2000, 0) - 2000.0) < 0.05);
    assert_int_equal(run.travel.ways[run.network->n_edges - 1], 0);
    lpg_routing_run_done(&run);
    open_roads(fixture, "{\"vehicle\":\"delivery_3\"}", &run);
    assert_int_equal(run.travel.ways[2], 0); /* the expressway */
    lpg_routing_run_done(&run);
}

/* Minutes by the clock and by the class, the road's own limit first. */
static void
test_time_goes_by_class_and_limit(void **state)
{
    struct fixture *fixture = *state;
    const struct street streets[] = {
        {.number = 1, .road_class = "national", .metres = {0, 0, 6000, 0}},
        {.number = 2, .road_class = "national", .speed = "30", .metres = {0, 900, 6000, 900}},
        {.number = 3, .road_class = "national", .speed = "120", .metres = {0, 1800, 6000, 1800}}};
    struct lpg_routing_run run;
    for (size_t i = 0; i < 3; i++) {
        add_street(fixture, &streets[i]);
    }
    open_roads(fixture, "{\"vehicle\":\"tanker\"}", &run);
    assert_true(llabs(run.travel.time_ms[0] - 360000) < 5);
    assert_true(llabs(run.travel.time_ms[1] - 720000) < 5);
    assert_true(llabs(run.travel.time_ms[2] - 360000) < 5); /* never above its own */
    lpg_routing_run_done(&run);
}

/* Over random roads, from every place to every other: what Bellman and Ford's rounds over all edges
 * find, from the edges as they lie in the network. */
static void
test_search_equals_rounds_over_all_edges(void **state)
{
    enum { STREETS = 45, PLACES = 12 };
    struct fixture *fixture = *state;
    struct lpg_routing_run run;
    uint64_t seed = 3;
    size_t n_ways = 0;
    for (int i = 0; i < STREETS; i++) {
        static const char *const directions[] = {NULL, "both", "forward", "backward"};
        struct street street = {.number = i + 1,
                                .direction = directions[unit_random_below(&seed, 4)]};
        for (int k = 0; k < 4; k++) {
            street.metres[k] = unit_random_below(&seed, 4000);
        }
        add_street(fixture, &street);
    }
    open_roads(fixture, "{}", &run);
    assert_true(run.network->n_edges > 200);
    for (int p = 0; p < PLACES; p++) {
        const struct lpg_network *network = run.network;
        double at[2];
        struct lpg_stop stop;
        struct lpg_reach reach = {0};
        const bool by_time = p % 2 == 1;
        int64_t *cost = malloc(network->n_nodes * sizeof *cost);
        bool changed = true;
        cim_error err = {0};
        assert_non_null(cost);
        offset(unit_random_below(&seed, 4000), unit_random_below(&seed, 4000), at);
        lpg_travel_stop(&run.travel, at, &stop);
        assert_true(stop.edge != UINT32_MAX);
        stop.gap_m = 0.0;
        assert_ok(lpg_travel_reach(&run.travel, &stop, 1, by_time, p % 3 == 2, INT64_MAX - 1, NULL,
                                   &reach, &err),
                  &err);
        for (uint32_t i = 0; i < network->n_nodes; i++) {
            cost[i] = LPG_TRAVEL_NEVER;
        }
        while (changed) {
            changed = false;
            for (uint32_t e = 0; e < network->n_edges; e++) {
                const struct lpg_edge *edge = &network->edges[e];
                const int64_t whole = by_time ? run.travel.time_ms[e] : network->edges[e].length_mm;
                for (int side = 0; side < 2; side++) {
                    const bool forward = (side == 0) != (p % 3 == 2);
                    const uint32_t a = side == 0 ? edge->from : edge->to;
                    const uint32_t b = side == 0 ? edge->to : edge->from;
                    int64_t next = LPG_TRAVEL_NEVER;
                    if ((edge->ways & (forward ? LPG_WAY_FORWARD : LPG_WAY_BACKWARD)) == 0) {
                        continue;
                    }
                    if (cost[a] != LPG_TRAVEL_NEVER) {
                        next = cost[a] + whole;
                    }
                    if (stop.edge == e) {
                        const double share = side == 0 ? 1.0 - stop.share : stop.share;
                        const int64_t direct = llround((double)whole * share);
                        next = direct < next ? direct : next;
                    }
                    if (next < cost[b]) {
                        cost[b] = next;
                        changed = true;
                    }
                }
            }
        }
        for (uint32_t i = 0; i < network->n_nodes; i++) {
            assert_int_equal(cost[i], reach.cost[i]);
            n_ways += cost[i] != LPG_TRAVEL_NEVER;
        }
        lpg_reach_done(&reach);
        free(cost);
    }
    assert_true(n_ways > 500);
    lpg_routing_run_done(&run);
}

/* One network for all who ask, until the roads change. */
static void
test_network_is_kept_until_the_roads_change(void **state)
{
    struct fixture *fixture = *state;
    const struct street streets[] = {{.number = 1, .metres = {0, 0, 0, 1000}},
                                     {.number = 2, .metres = {0, 500, 500, 500}}};
    struct lpg_routing_run run;
    const struct lpg_network *first;
    add_street(fixture, &streets[0]);
    open_roads(fixture, "{}", &run);
    first = run.network;
    lpg_routing_run_done(&run);
    open_roads(fixture, "{}", &run);
    assert_ptr_equal(run.network, first);
    add_street(fixture, &streets[1]);
    struct lpg_routing_run after;
    open_roads(fixture, "{}", &after);
    assert_int_equal(run.network->n_edges, 1);
    assert_int_equal(after.network->n_edges, 3);
    lpg_routing_run_done(&after);
    lpg_routing_run_done(&run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_roads_meet_where_they_touch_or_cross, fixture_clear),
        cmocka_unit_test_setup(test_loose_ends_are_joined_within_the_tolerance, fixture_clear),
        cmocka_unit_test_setup(test_bridges_meet_roads_at_their_ends_alone, fixture_clear),
        cmocka_unit_test_setup(test_one_way_streets_class_and_bans_count, fixture_clear),
        cmocka_unit_test_setup(test_time_goes_by_class_and_limit, fixture_clear),
        cmocka_unit_test_setup(test_search_equals_rounds_over_all_edges, fixture_clear),
        cmocka_unit_test_setup(test_network_is_kept_until_the_roads_change, fixture_clear),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
