/* lpg.siting with capacities, with gas for demand, in buildings, and its frontier against all
 * choices.
 */
#include "land_fixture.h"
#include "town_fixture.h"

/* A station serves no more than it may; what is left over is told, and goes where there is room. */
static void
test_capacities(void **state)
{
    static const double candidates[][2] = {{-300, -300}, {300, -300}, {0, 0}};
    static const double demand[][2] = {{-290, -300}, {310, -300}};
    static const int weights[] = {10, 7};
    struct fixture *fixture = *state;
    const struct house far_away = {99, "dwelling", "false", "false", "9"};
    struct json_object *answer;
    struct cim_buf more;
    add_house(fixture, &far_away, -9020, 0, -9000, 20);
    cim_buf_init(&more, 1 << 14);
    cim_buf_add_text(&more, ",\"volume_m3\":3,\"land_use\":\"ignore\",\"count\":1,"
                            "\"service_radius_m\":50,\"capacity\":6");
    add_points(&more, "candidates", candidates, 3, NULL);
    add_points(&more, "demand", demand, 2, weights);
    answer = land_of(fixture, -400, -400, 400, 400, more.data);
    assert_true(number_at(answer, "covered_demand") == 6.0);
    assert_true(number_at(answer, "bound") == 6.0);
    assert_true(number_at(answer, "chosen.features.0.properties.serves") == 6.0);
    assert_true(number_at(answer, "chosen.features.0.properties.capacity") == 6.0);
    assert_true(number_at(answer, "unserved_demand") == (is_chosen(answer, "c0") ? 4.0 : 1.0));
    (void)json_object_put(answer);

    /* the one that stands there takes four of the ten: six are left for the new one */
    add_station(fixture, 50, "supply", "II", "3000", -300, -290);
    cim_buf_add_text(&more, ",\"existing_capacity\":4");
    answer = land_of(fixture, -400, -400, 400, 400, more.data);
    assert_true(number_at(answer, "covered_demand") == 10.0);
    assert_true(json_object_get_boolean(at(answer, "proven")));
    (void)json_object_put(answer);

    /* the nearest is full: the rest goes to the next, however far */
    memcpy(strstr(more.data, "\"count\":1"), "\"count\":2", 9);
    cim_buf_add_text(&more, ",\"objective\":\"min_distance\",\"existing\":\"ignore\"");
    answer = land_of(fixture, -400, -400, 400, 400, more.data);
    assert_true(number_at(answer, "unserved_demand") == 5.0); /* 17 of 12 */
    assert_true(number_at(answer, "gap") <= 0.0001);
    assert_true(fabs(number_at(answer, "weighted_distance_m") - 120.0) < 0.1);
    (void)json_object_put(answer);
    cim_buf_done(&more);
}

/* What users ordered in a year is their weight where gas is asked for. */
static void
test_demand_by_gas(void **state)
{
    static const double candidates[][2] = {{0, 0}};
    struct fixture *fixture = *state;
    const struct house far_away = {99, "dwelling", "false", "false", "9"};
    struct json_object *answer;
    struct cim_buf more;
    add_house(fixture, &far_away, -9020, 0, -9000, 20);
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"user_no",         "kind",      "consumer",
                                            "real_name_state", "area_code", "inspection_state",
                                            "ordered_12m_kg"};
        static const char *const kg[] = {"180.5", NULL, "60"};
        char number[8];
        const char *const texts[] = {number,   "resident", "residential", "verified",
                                     "460105", "passed",   kg[i]};
        double home[2];
        (void)snprintf(number, sizeof number, "U%d", i);
        offset(10.0 * i, 20, home);
        add_place(fixture, "lpg.end-users", names, texts, 7, home);
    }
    cim_buf_init(&more, 1 << 14);
    cim_buf_add_text(&more, ",\"volume_m3\":3,\"land_use\":\"ignore\",\"count\":1,"
                            "\"service_radius_m\":100,\"demand_by\":\"gas\"");
    add_points(&more, "candidates", candidates, 1, NULL);
    answer = land_of(fixture, -400, -400, 400, 400, more.data);
    assert_true(number_at(answer, "total_demand") == 240.5);
    assert_true(number_at(answer, "covered_demand") == 240.5);
    assert_true(number_at(answer, "unknown_demand") == 1.0);
    (void)json_object_put(answer);
    cim_buf_done(&more);
}

/* A class III station goes into buildings: those that may hold its room, and no others. */
static void
test_rooms_in_buildings(void **state)
{
    /* every 100 m one; the road passes 5 m south of the last */
    static const struct building buildings[] = {
        {0, "commercial", "2", "2", "false", NULL},  {1, "warehouse", "1", "1", "false", NULL},
        {2, "dwelling", "2", "2", "false", "40"},    {3, "commercial", "9", "2", "false", NULL},
        {4, "commercial", "2", "2", NULL, NULL},     {5, "commercial", "2", "3", "false", NULL},
        {6, "commercial", "2", NULL, "false", NULL}, {7, "school", "2", "2", "true", NULL},
        {8, "commercial", "0", "2", "false", NULL},  {9, "commercial", "2", "2", "false", NULL},
        {10, "commercial", "2", "2", "false", NULL}};
    static const double demand[][2] = {{50, 50}};
    struct fixture *fixture = *state;
    struct json_object *answer;
    struct cim_buf more;
    double road[4];
    for (int i = 0; i < 11; i++) {
        const double wide_m = i == 9 ? 3.0 : 20.0; /* 9 m², and 400 m² */
        add_building(fixture, &buildings[i], 100.0 * i, 0, 100.0 * i + wide_m, wide_m);
    }
    offset(980, -14, road); /* half its 9 m to the edge: 5 m to the wall, of 8 */
    offset(1040, -14, road + 2);
    add_road(fixture, "county", road, 2);
    cim_buf_init(&more, 1 << 14);
    cim_buf_add_text(&more, ",\"station_class\":\"III\",\"land_use\":\"ignore\",\"count\":2,"
                            "\"service_radius_m\":300");
    add_points(&more, "demand", demand, 1, NULL);
    answer = land_of(fixture, -50, -50, 1100, 100, more.data);
    assert_int_equal(number_at(answer, "rooms.buildings"), 11);
    assert_int_equal(number_at(answer, "rooms.taken"), 3); /* 0, 1 and the one by the road */
    assert_int_equal(number_at(answer, "rooms.not_taken.use"), 2);
    assert_int_equal(number_at(answer, "rooms.not_taken.high_rise"), 1);
    assert_int_equal(number_at(answer, "rooms.not_taken.important_public"), 2);
    assert_int_equal(number_at(answer, "rooms.not_taken.fire_rating"), 2);
    assert_int_equal(number_at(answer, "rooms.not_taken.storeys"), 1);
    assert_int_equal(number_at(answer, "rooms.not_taken.small"), 1);
    assert_int_equal(number_at(answer, "rooms.assumed.fire_rating"), 1);
    assert_int_equal(number_at(answer, "rooms.assumed.important_public"), 1);
    assert_int_equal(json_object_array_length(at(answer, "candidates.features")), 3);
    assert_string_equal(text_at(answer, "candidates.features.2.properties.name"), "B10");
    assert_string_equal(text_at(answer, "candidates.features.2.properties.verdict"), "violates");
    assert_true(fabs(number_at(answer, "candidates.features.2.properties.least_margin_m") + 3.0) <
                0.01);
    assert_int_equal(json_object_array_length(at(answer, "chosen.features")), 2);
    for (int i = 0; i < 2; i++) {
        struct json_object *one =
            json_object_array_get_idx(at(answer, "chosen.features"), (size_t)i);
        const char *name = text_at(one, "properties.name");
        assert_true(strcmp(name, "B0") == 0 || strcmp(name, "B1") == 0);
        assert_int_equal(json_object_array_length(at(one, "properties.rules")), 5);
    }
    (void)json_object_put(answer);

    /* on the land where it is asked for, as a class II always is */
    cim_buf_add_text(&more, ",\"candidates_from\":\"land\"");
    answer = land_of(fixture, -50, -50, 1100, 100, more.data);
    assert_null(json_object_object_get(answer, "rooms"));
    assert_true(json_object_array_length(at(answer, "candidates.features")) > 3);
    (void)json_object_put(answer);
    cim_buf_done(&more);
}

struct wish {
    double cost, covered, exposed;
};

/* The frontier against all choices: homes that are covered and persons who are exposed by distance
 * alone, everything drawn. */
static void
test_frontier_by_trying_all(void **state)
{
    enum { SITES = 6, HOMES = 10, BLOCKS = 8, CASES = 12, COUNT = 3 };
    struct fixture *fixture = *state;
    uint64_t seed = 17;
    size_t n_points = 0;
    for (int c = 0; c < CASES; c++) {
        double sites[SITES][2];
        double homes[HOMES][2];
        double blocks[BLOCKS][2];
        int weights[HOMES];
        int prices[SITES];
        struct wish front[1 << SITES];
        size_t n = 0;
        struct json_object *answer;
        struct json_object *points;
        struct cim_buf more;
        (void)fixture_clear(state);
        for (int b = 0; b < BLOCKS; b++) {
            char residents[8];
            const struct building block = {b, "dwelling", "2", "2", "false", residents};
            blocks[b][0] = random_between(&seed, -400, 390);
            blocks[b][1] = random_between(&seed, -400, 390);
            (void)snprintf(residents, sizeof residents, "%d", 10 * (b + 1));
            add_building(fixture, &block, blocks[b][0], blocks[b][1], blocks[b][0] + 10,
                         blocks[b][1] + 10);
        }
        for (int j = 0; j < SITES; j++) {
            sites[j][0] = random_between(&seed, -400, 400);
            sites[j][1] = random_between(&seed, -400, 400);
            prices[j] = 1 + (int)random_between(&seed, 0, 3);
        }
        for (int i = 0; i < HOMES; i++) {
            homes[i][0] = random_between(&seed, -400, 400);
            homes[i][1] = random_between(&seed, -400, 400);
            weights[i] = 1 + (int)random_between(&seed, 0, 9);
        }
        cim_buf_init(&more, 1 << 16);
        cim_buf_add_text(&more, ",\"station_class\":\"III\",\"land_use\":\"ignore\",\"count\":3,"
                                "\"service_radius_m\":250,\"frontier\":true,\"exposure_m\":200");
        add_points(&more, "candidates", (const double(*)[2])sites, SITES, prices);
        while (strstr(more.data, "\"weight\":") != NULL) { /* a candidate's is its cost */
            memcpy(strstr(more.data, "\"weight\":"), "\"cost\"  :", 9);
        }
        add_points(&more, "demand", (const double(*)[2])homes, HOMES, weights);
        answer = land_of(fixture, -450, -450, 450, 450, more.data);
        cim_buf_done(&more);
        unsigned lawful = 0;
        for (size_t k = 0; k < SITES; k++) {
            struct json_object *one =
                json_object_array_get_idx(at(answer, "candidates.features"), k);
            if (json_object_get_boolean(at(one, "properties.eligible"))) {
                lawful |= 1U << (unsigned)(text_at(one, "id")[1] - '0');
            }
        }
        for (unsigned set = 0; set < 1U << SITES; set++) {
            struct wish one = {0, 0, 0};
            size_t kept = 0;
            bool beaten = (set & ~lawful) != 0 || __builtin_popcount(set) > COUNT;
            for (int j = 0; j < SITES; j++) {
                one.cost += (set >> j & 1U) != 0 ? prices[j] : 0;
            }
            for (int i = 0; i < HOMES; i++) {
                bool is = false;
                for (int j = 0; j < SITES; j++) {
                    is = is || ((set >> j & 1U) != 0 && apart_in_plane(sites[j], homes[i]) <= 250);
                }
                one.covered += is ? weights[i] : 0;
            }
            for (int b = 0; b < BLOCKS; b++) {
                bool is = false;
                for (int j = 0; j < SITES; j++) {
                    const double aside =
                        fmax(fmax(blocks[b][0] - sites[j][0], sites[j][0] - blocks[b][0] - 10), 0);
                    const double above =
                        fmax(fmax(blocks[b][1] - sites[j][1], sites[j][1] - blocks[b][1] - 10), 0);
                    is = is || ((set >> j & 1U) != 0 && hypot(aside, above) <= 200);
                }
                one.exposed += is ? 10 * (b + 1) : 0;
            }
            for (size_t k = 0; k < n && !beaten; k++) {
                beaten = front[k].cost <= one.cost && front[k].covered >= one.covered &&
                         front[k].exposed <= one.exposed;
            }
            for (size_t k = 0; k < n && !beaten; k++) {
                if (front[k].cost < one.cost || front[k].covered > one.covered ||
                    front[k].exposed < one.exposed) {
                    front[kept++] = front[k];
                }
            }
            if (!beaten) {
                front[kept] = one;
                n = kept + 1;
            }
        }
        points = at(answer, "frontier");
        assert_true(json_object_get_boolean(at(answer, "frontier_complete")));
        assert_int_equal(json_object_array_length(points), n);
        for (size_t k = 0; k < n; k++) {
            bool found = false;
            struct json_object *point = json_object_array_get_idx(points, k);
            for (size_t f = 0; f < n; f++) {
                found = found || (front[f].cost == number_at(point, "cost") &&
                                  front[f].covered == number_at(point, "covered_demand") &&
                                  front[f].exposed == number_at(point, "exposed_residents"));
            }
            assert_true(found);
        }
        n_points += n;
        (void)json_object_put(answer);
    }
    assert_true(n_points > 4 * CASES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_capacities, fixture_clear),
        cmocka_unit_test_setup(test_demand_by_gas, fixture_clear),
        cmocka_unit_test_setup(test_rooms_in_buildings, fixture_clear),
        cmocka_unit_test_setup(test_frontier_by_trying_all, fixture_clear),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
