/* lpg.siting over a real store: feasible land against brute force, land use, conflicts proved by
 * running again, choices along roads against trying all of them, and what is refused. */
#include "land_fixture.h"
#include "town_fixture.h"

#include "geo/plane.h"

/* Even-odd over all rings of a MultiPolygon in degrees. */
static bool
in_land(struct json_object *feasible, const double p[2])
{
    struct json_object *polygons = at(feasible, "coordinates");
    bool in = false;
    for (size_t i = 0; i < json_object_array_length(polygons); i++) {
        struct json_object *rings = json_object_array_get_idx(polygons, i);
        for (size_t r = 0; r < json_object_array_length(rings); r++) {
            struct json_object *ring = json_object_array_get_idx(rings, r);
            for (size_t k = 0; k + 1 < json_object_array_length(ring); k++) {
                double e[4];
                for (size_t c = 0; c < 4; c++) {
                    e[c] = json_object_get_double(json_object_array_get_idx(
                        json_object_array_get_idx(ring, k + c / 2), c % 2));
                }
                if ((e[1] > p[1]) != (e[3] > p[1]) &&
                    p[0] < e[0] + (p[1] - e[1]) / (e[3] - e[1]) * (e[2] - e[0])) {
                    in = !in;
                }
            }
        }
    }
    return in;
}

enum { HOUSES = 25 };

struct walls {
    double rings[HOUSES][10];
    double required_m[HOUSES];
    double road[4];
    double flame[2];
};

/* Dwellings, schools, a road and a flame, without order. */
static void
scatter(struct fixture *fixture, uint64_t seed, struct walls *walls)
{
    const struct element flame = {.number = 1, .kind = "open_flame", .persons = 0};
    struct element lit = flame;
    for (int i = 0; i < HOUSES; i++) {
        const bool school = i % 5 == 0;
        const struct house house = {i, school ? "school" : "dwelling", school ? "true" : "false",
                                    "false", "9"};
        const double x = random_between(&seed, -250, 250);
        const double y = random_between(&seed, -250, 250);
        rectangle(x, y, x + random_between(&seed, 8, 50), y + random_between(&seed, 8, 50),
                  walls->rings[i]);
        walls->required_m[i] = school ? 25.0 : 15.0; /* V = 15 m³ */
        add_house_ring(fixture, &house, walls->rings[i], 5);
    }
    offset(-2500, -120, walls->road);
    offset(2800, 150, walls->road + 2);
    add_road(fixture, "county", walls->road, 2);
    offset(30, 170, lit.lonlat);
    memcpy(walls->flame, lit.lonlat, sizeof walls->flame);
    add_elements(fixture, &lit, 1);
}

/* From p to an edge: along geodesics, slow; or in a plane around p, to find a place to look at. */
static double
edge_m(const double edge[4], const double p[2], bool exactly)
{
    static const double origin[2] = {0.0, 0.0};
    struct lpg_tm tm;
    double xy[4];
    if (exactly) {
        return brute_segment_m(edge, edge + 2, p);
    }
    lpg_tm_init(&tm, p[0], p[1]);
    lpg_tm_forward(&tm, edge[0], edge[1], xy);
    lpg_tm_forward(&tm, edge[2], edge[3], xy + 2);
    return lpg_polyline_distance_m(&tm, xy, 2, origin);
}

/* The least margin there. */
static double
margin_m(struct walls *walls, const double p[2], bool exactly)
{
    double least = lpg_geodesic_inverse_m(walls->flame, p, NULL) - 35.0;
    least = fmin(least, edge_m(walls->road, p, exactly) - 9.0 - 10.0);
    for (int i = 0; i < HOUSES; i++) {
        if (lpg_ring_contains(walls->rings[i], 5, p)) {
            return -walls->required_m[i];
        }
        for (int e = 0; e < 4; e++) {
            const double *a = walls->rings[i] + 2 * e;
            if (fabs(a[0] - p[0]) < 0.0012 && fabs(a[1] - p[1]) < 0.0012) {
                least = fmin(least, edge_m(a, p, exactly) - walls->required_m[i]);
            }
        }
    }
    return least;
}

/* Never a point too near, at most 2 cm lost: random points, and many close to the borders. */
static void
test_land_by_brute_force(void **state)
{
    enum { POINTS = 600 };
    struct fixture *fixture = *state;
    static struct walls walls;
    uint64_t seed = 99;
    int n_in = 0;
    int n_close = 0;
    struct json_object *answer;
    scatter(fixture, 3, &walls);
    answer = land_of(fixture, -300, -300, 300, 300, ",\"volume_m3\":15,\"land_use\":\"ignore\"");
    for (int i = 0; i < POINTS; i++) {
        double p[2];
        double margin;
        bool in;
        offset(random_between(&seed, -299, 299), random_between(&seed, -299, 299), p);
        margin = margin_m(&walls, p, false);
        /* half of them are brought to where it matters: walk by the margin, as it grows 1 m a metre
         */
        for (int step = 0; i % 2 == 0 && step < 12 && fabs(margin) > 0.004; step++) {
            double best[2] = {p[0], p[1]};
            double best_margin = margin;
            for (int d = 0; d < 16; d++) {
                double q[2];
                lpg_geodesic_direct(p, 22.5 * d, fabs(margin), q);
                const double there = margin_m(&walls, q, false);
                if (fabs(there) < fabs(best_margin)) {
                    memcpy(best, q, sizeof best);
                    best_margin = there;
                }
            }
            memcpy(p, best, sizeof best);
            margin = best_margin;
        }
        margin = margin_m(&walls, p, true);
        in = in_land(at(answer, "feasible"), p);
        n_in += in;
        n_close += fabs(margin) < 0.05;
        if (in && margin < -0.0006) {
            fail_msg("a place %.4f m too near is land: %.9f %.9f", -margin, p[0], p[1]);
        }
        double box[10];
        rectangle(-299.9, -299.9, 299.9, 299.9, box);
        if (!in && margin > 0.02 && lpg_ring_contains(box, 5, p)) {
            fail_msg("a place with %.4f m to spare is no land: %.9f %.9f", margin, p[0], p[1]);
        }
    }
    assert_true(n_in > 50 && n_in < POINTS - 50);
    assert_true(n_close > 100);
    (void)json_object_put(answer);
}

/* V 3.0 to 3.1 m³ turns dwellings from 6 to 8 m, and the land shrinks. */
static void
test_volume_shrinks_the_land(void **state)
{
    struct fixture *fixture = *state;
    const struct house dwelling = {1, "dwelling", "false", "false", "9"};
    struct json_object *smaller;
    struct json_object *larger;
    add_house(fixture, &dwelling, -10, -10, 10, 10);
    smaller = land_of(fixture, -100, -100, 100, 100, ",\"volume_m3\":3.0,\"land_use\":\"ignore\"");
    larger = land_of(fixture, -100, -100, 100, 100, ",\"volume_m3\":3.1,\"land_use\":\"ignore\"");
    assert_true(fabs(number_at(smaller, "area_m2") - 40000.0) < 1.0);
    /* the square, its four sides and a circle of 6 or 8 m */
    assert_true(fabs(number_at(smaller, "feasible_m2") - (40000 - 400 - 480 - 113.1)) < 3.0);
    assert_true(fabs(number_at(larger, "feasible_m2") - (40000 - 400 - 640 - 201.1)) < 3.0);
    assert_int_equal(json_object_get_type(at(smaller, "rules")), json_type_array);
    (void)json_object_put(smaller);
    (void)json_object_put(larger);
}

static void
add_parcel(struct fixture *fixture, const char *number, const char *code, double west_m,
           double east_m)
{
    static const char *const names[] = {"parcel_no", "code", "state", "area_code"};
    const char *const texts[] = {number, code, "planned", "460105"};
    double ring[10];
    rectangle(west_m, -100, east_m, 100, ring);
    add_record(fixture, "lpg.land-use", names, texts, 4, ring, 5);
}

static void
test_land_use_and_control_lines(void **state)
{
    static const char *const names[] = {"line_no", "kind", "effect", "area_code"};
    static const char *const texts[] = {"C1", "ecological", "prohibited", "460105"};
    struct fixture *fixture = *state;
    const struct house far_away = {1, "dwelling", "false", "false", "9"};
    struct json_object *answer;
    double ring[10];
    add_house(fixture, &far_away, -900, -10, -880, 10);
    add_parcel(fixture, "P1", "1304", -100, -40);
    add_parcel(fixture, "P2", "0701", -40, 40);
    rectangle(-100, 50, 100, 100, ring);
    add_record(fixture, "lpg.control-lines", names, texts, 4, ring, 5);
    answer = land_of(fixture, -90, -90, 90, 90, ",\"volume_m3\":3");
    assert_true(fabs(number_at(answer, "feasible_m2") - 50.0 * 140.0) < 1.0);
    assert_int_equal(json_object_get_type(at(answer, "rules")), json_type_array);
    (void)json_object_put(answer);
    answer = land_of(fixture, -30, -90, 90, 90, ",\"volume_m3\":3"); /* dwellings and nothing */
    assert_true(json_object_get_boolean(at(answer, "conflict.land_use")));
    assert_int_equal(json_object_array_length(at(answer, "feasible.coordinates")), 0);
    (void)json_object_put(answer);
}

/* Where there is no land, the rules that are named: without them there is, without fewer not. */
static void
test_conflict_is_proved_by_running_again(void **state)
{
    struct fixture *fixture = *state;
    const struct house dwelling = {1, "dwelling", "false", "false", "9"};
    const struct house school = {2, "school", "true", "false", "9"};
    struct json_object *answer;
    struct json_object *rules;
    char more[1024] = ",\"volume_m3\":15,\"land_use\":\"ignore\",\"separations\":{";
    add_house(fixture, &dwelling, -20, -50, -10, 50);
    add_house(fixture, &school, 10, -50, 20, 50);
    answer = land_of(fixture, -9, -30, 9, 30, ",\"volume_m3\":15,\"land_use\":\"ignore\"");
    assert_true(number_at(answer, "feasible_m2") == 0.0);
    rules = at(answer, "conflict.rules");
    assert_int_equal(json_object_array_length(rules), 1); /* 15 m from one or 25 m from the other */
    (void)json_object_put(answer);

    answer = land_of(fixture, -9, -30, -5, 30, ",\"volume_m3\":15,\"land_use\":\"ignore\"");
    rules = at(answer, "conflict.rules");
    assert_int_equal(json_object_array_length(rules), 2);
    for (size_t i = 0; i < 2; i++) {
        char one[256];
        const char *rule_no = json_object_get_string(json_object_array_get_idx(rules, i));
        struct json_object *again;
        (void)snprintf(one, sizeof one,
                       ",\"volume_m3\":15,\"land_use\":\"ignore\",\"separations\":{\"%s\":0}",
                       rule_no);
        again = land_of(fixture, -9, -30, -5, 30, one);
        assert_true(number_at(again, "feasible_m2") == 0.0); /* none of them is idle */
        (void)json_object_put(again);
        (void)snprintf(more + strlen(more), sizeof more - strlen(more), "%s\"%s\":0",
                       i > 0 ? "," : "", rule_no);
    }
    (void)json_object_put(answer);
    (void)snprintf(more + strlen(more), sizeof more - strlen(more), "}");
    answer = land_of(fixture, -9, -30, -5, 30, more);
    assert_true(number_at(answer, "feasible_m2") > 200.0);
    (void)json_object_put(answer);
}

static void
test_assumed_are_counted(void **state)
{
    struct fixture *fixture = *state;
    const struct house unsaid = {1, "school", NULL, "false", "9"};
    struct json_object *answer;
    add_house(fixture, &unsaid, -10, -10, 10, 10);
    answer = land_of(fixture, -100, -100, 100, 100, ",\"volume_m3\":15,\"land_use\":\"ignore\"");
    assert_int_equal(number_at(answer, "assumed.important_public"), 1);
    (void)json_object_put(answer);
}

/* Four clusters of demand, a candidate at each; one stands too near to a dwelling. */
static void
test_choice_of_candidates(void **state)
{
    static const double candidates[][2] = {{-300, -300}, {300, -300}, {-300, 300}, {300, 300}};
    static const double demand[][2] = {{-290, -300}, {310, -300}, {-300, 310}, {300, 290}};
    static const int weights[] = {10, 7, 100, 5};
    struct fixture *fixture = *state;
    const struct house dwelling = {1, "dwelling", "false", "false", "9"};
    struct json_object *answer;
    struct cim_buf more;
    add_house(fixture, &dwelling, -299, 290, -280, 310); /* 1 m from the third candidate */
    cim_buf_init(&more, 1 << 16);
    cim_buf_add_text(&more, ",\"volume_m3\":3,\"land_use\":\"ignore\",\"count\":2,"
                            "\"service_radius_m\":50");
    add_points(&more, "candidates", candidates, 4, NULL);
    add_points(&more, "demand", demand, 4, weights);
    answer = land_of(fixture, -400, -400, 400, 400, more.data);
    assert_true(is_chosen(answer, "c0") && is_chosen(answer, "c1"));
    assert_true(number_at(answer, "covered_demand") == 17.0);
    assert_true(number_at(answer, "total_demand") == 122.0);
    assert_true(number_at(answer, "bound") == 17.0 && number_at(answer, "gap") == 0.0);
    assert_true(json_object_get_boolean(at(answer, "proven")));
    assert_int_equal(json_object_array_length(at(answer, "candidates.features")), 4);
    assert_string_equal(text_at(answer, "candidates.features.3.id"), "c2");
    assert_string_equal(text_at(answer, "candidates.features.3.properties.verdict"), "violates");
    assert_true(number_at(answer, "chosen.features.0.properties.serves") == 10.0);
    assert_true(json_object_array_length(at(answer, "chosen.features.0.properties.rules")) > 3);
    (void)json_object_put(answer);

    /* a station that is there covers the first; the next best are the second and the fourth */
    add_station(fixture, 50, "supply", "II", "3000", -300, -290);
    answer = land_of(fixture, -400, -400, 400, 400, more.data);
    assert_true(is_chosen(answer, "c1") && is_chosen(answer, "c3"));
    assert_true(number_at(answer, "covered_demand") == 22.0);
    assert_int_equal(number_at(answer, "existing_stations"), 1);
    (void)json_object_put(answer);

    cim_buf_add_text(&more, ",\"spacing_m\":650"); /* sides are 600 m, diagonals 849 m */
    answer = land_of(fixture, -400, -400, 400, 400, more.data);
    assert_int_equal(json_object_array_length(at(answer, "chosen.features")), 0);
    assert_true(at(answer, "chosen") != NULL && !json_object_get_boolean(at(answer, "proven")));
    assert_string_equal(text_at(answer, "too_few.without"), "spacing_m");
    assert_true(number_at(answer, "too_few.places") == 3.0);
    assert_true(number_at(answer, "too_few.places_spaced") == 1.0);
    (void)json_object_put(answer);

    /* four on three places: no spacing helps; run again with three and next to none, there are */
    *(strstr(more.data, "\"count\":2") + strlen("\"count\":")) = '4';
    memcpy(strstr(more.data, ":650") + 1, "1.0", 3);
    answer = land_of(fixture, -400, -400, 400, 400, more.data);
    assert_string_equal(text_at(answer, "too_few.without"), "count");
    (void)json_object_put(answer);
    *(strstr(more.data, "\"count\":4") + strlen("\"count\":")) = '3';
    answer = land_of(fixture, -400, -400, 400, 400, more.data);
    assert_int_equal(json_object_array_length(at(answer, "chosen.features")), 3);
    assert_null(json_object_object_get(answer, "too_few"));
    (void)json_object_put(answer);
    cim_buf_done(&more);
}

/* Over the land itself, and for the users in the area: every place that is chosen may be built on.
 */
static void
test_choice_over_the_land(void **state)
{
    struct fixture *fixture = *state;
    static struct walls walls;
    struct json_object *answer;
    struct json_object *features;
    uint64_t seed = 31;
    scatter(fixture, 3, &walls);
    for (int i = 0; i < 40; i++) {
        double home[2];
        offset(random_between(&seed, -280, 280), random_between(&seed, -280, 280), home);
        add_user(fixture, i, "resident", home);
    }
    answer = land_of(fixture, -300, -300, 300, 300,
                     ",\"volume_m3\":15,\"land_use\":\"ignore\",\"count\":3,"
                     "\"objective\":\"min_distance\"");
    features = at(answer, "chosen.features");
    assert_int_equal(json_object_array_length(features), 3);
    assert_true(number_at(answer, "total_demand") == 40.0);
    for (size_t i = 0; i < 3; i++) {
        struct json_object *one = json_object_array_get_idx(features, i);
        const double p[2] = {number_at(one, "geometry.coordinates.0"),
                             number_at(one, "geometry.coordinates.1")};
        assert_true(margin_m(&walls, p, true) >= -0.0006);
        assert_true(in_land(at(answer, "feasible"), p));
    }
    assert_true(number_at(answer, "bound") <= number_at(answer, "weighted_distance_m") + 0.001);
    assert_true(number_at(answer, "gap") <= 0.01);
    (void)json_object_put(answer);
}

/* ---- along roads, against every choice there is ---- */

enum { CANDIDATES = 6, STANDING = 2, DEMANDS = 9 };

struct question {
    bool coverage;
    bool movable;
    double radius_m;
    size_t n_places; /* candidates, then stations that stand there */
    double places[CANDIDATES + STANDING][2];
    double demand[DEMANDS][2];
    int weights[DEMANDS];
    double metres[CANDIDATES + STANDING][DEMANDS];
};

static double
cost_of_set(const struct question *question, unsigned set)
{
    double sum = 0.0;
    for (int i = 0; i < DEMANDS; i++) {
        double least = no_way_m;
        for (size_t j = 0; j < question->n_places; j++) {
            least = (set >> j & 1U) != 0 ? fmin(least, question->metres[j][i]) : least;
        }
        sum += question->weights[i] *
               (question->coverage ? (least <= question->radius_m ? 0.0 : 1.0) : least);
    }
    return sum;
}

/* The least cost of any lawful choice of two new stations. */
static double
best_by_trying(const struct question *question)
{
    const unsigned standing = question->n_places > CANDIDATES ? 3U << CANDIDATES : 0U;
    const int size = 2 + (standing != 0 ? STANDING : 0);
    double best = HUGE_VAL;
    for (unsigned set = 0; set < 1U << question->n_places; set++) {
        if (__builtin_popcount(set) == size &&
            (question->movable || (set & standing) == standing)) {
            best = fmin(best, cost_of_set(question, set));
        }
    }
    return best;
}

/* Whether a way is so near to the radius that rounding decides. */
static bool
is_close(const struct question *question)
{
    for (size_t j = 0; j < question->n_places; j++) {
        for (int i = 0; i < DEMANDS; i++) {
            if (fabs(question->metres[j][i] - question->radius_m) < 0.1) {
                return true;
            }
        }
    }
    return false;
}

static double
told_cost(const struct question *question, struct json_object *answer)
{
    if (question->coverage) {
        return number_at(answer, "total_demand") - number_at(answer, "covered_demand");
    }
    return number_at(answer, "weighted_distance_m") +
           no_way_m * number_at(answer, "unreached_demand");
}

static void
ask_town(struct fixture *fixture, const struct town *town, struct question *question,
         uint64_t *seed)
{
    struct cim_buf more;
    struct json_object *answer;
    double total = 0.0;
    for (int j = 0; j < CANDIDATES; j++) {
        in_a_block(town, seed, question->places[j]);
    }
    for (int i = 0; i < DEMANDS; i++) {
        in_a_block(town, seed, question->demand[i]);
        question->weights[i] = 1 + (int)random_between(seed, 0, 9);
        total += question->weights[i];
    }
    for (size_t j = 0; j < question->n_places; j++) {
        for (int i = 0; i < DEMANDS; i++) {
            question->metres[j][i] = way_m(town, question->places[j], question->demand[i]);
        }
    }
    if (is_close(question)) {
        return;
    }
    cim_buf_init(&more, 1 << 14);
    cim_buf_addf(&more,
                 ",\"volume_m3\":3,\"land_use\":\"ignore\",\"count\":2,\"by\":\"length\","
                 "\"service_radius_m\":%.0f,\"objective\":\"%s\",\"existing\":\"%s\"",
                 question->radius_m, question->coverage ? "max_coverage" : "min_distance",
                 question->movable                 ? "movable"
                 : question->n_places > CANDIDATES ? "fixed"
                                                   : "ignore");
    add_points(&more, "candidates", (const double(*)[2])question->places, CANDIDATES, NULL);
    add_points(&more, "demand", (const double(*)[2])question->demand, DEMANDS, question->weights);
    answer = land_of(fixture, -50, -50, block_m * SIDE, block_m * SIDE, more.data);
    const double best = best_by_trying(question);
    if (fabs(told_cost(question, answer) - best) > 0.05 * total ||
        !json_object_get_boolean(at(answer, "proven"))) {
        fail_msg("%.3f where %.3f can be had: %s", told_cost(question, answer), best, more.data);
    }
    assert_true(number_at(answer, "off_road_demand") == 0.0);
    (void)json_object_put(answer);
    cim_buf_done(&more);
}

static void
test_choice_along_roads_by_trying_all(void **state)
{
    enum { TOWNS = 6, QUESTIONS = 40 };
    struct fixture *fixture = *state;
    const struct house far_away = {99, "dwelling", "false", "false", "9"};
    uint64_t seed = 2026;
    size_t n_moved = 0;
    for (int t = 0; t < TOWNS; t++) {
        struct town town;
        double standing[STANDING][2];
        (void)fixture_clear(state);
        add_house(fixture, &far_away, -9020, 0, -9000, 20);
        build_town(fixture, &town, &seed);
        for (int k = 0; k < STANDING; k++) {
            in_a_block(&town, &seed, standing[k]);
            add_station(fixture, 50 + k, "supply", "II", "3000", standing[k][0], standing[k][1]);
        }
        for (int q = 0; q < QUESTIONS; q++) {
            struct question question = {.coverage = q % 2 == 0,
                                        .movable = q % 3 == 0,
                                        .radius_m = 250.0 + 10.0 * q,
                                        .n_places = CANDIDATES + (q % 3 == 2 ? 0 : STANDING)};
            memcpy(question.places + CANDIDATES, standing, sizeof standing);
            ask_town(fixture, &town, &question, &seed);
            n_moved += question.movable;
        }
    }
    assert_true(n_moved > 0);
}

/* A station that stands badly gives way, and is named. */
static void
test_stations_give_way(void **state)
{
    static const double candidates[][2] = {{300, 300}, {0, 300}};
    static const double demand[][2] = {{300, 310}, {0, 310}};
    static const int weights[] = {10, 10};
    struct fixture *fixture = *state;
    const struct house far_away = {99, "dwelling", "false", "false", "9"};
    struct json_object *answer;
    struct cim_buf more;
    add_house(fixture, &far_away, -9020, 0, -9000, 20);
    add_station(fixture, 50, "supply", "II", "3000", -300, -300);
    cim_buf_init(&more, 1 << 14);
    cim_buf_add_text(&more, ",\"volume_m3\":3,\"land_use\":\"ignore\",\"count\":1,"
                            "\"service_radius_m\":50,\"existing\":\"movable\"");
    add_points(&more, "candidates", candidates, 2, NULL);
    add_points(&more, "demand", demand, 2, weights);
    answer = land_of(fixture, -400, -400, 400, 400, more.data);
    assert_true(number_at(answer, "covered_demand") == 20.0);
    assert_int_equal(json_object_array_length(at(answer, "chosen.features")), 2);
    assert_int_equal(json_object_array_length(at(answer, "moved.features")), 1);
    assert_string_equal(text_at(answer, "moved.features.0.properties.name"), "S50");
    (void)json_object_put(answer);
    cim_buf_done(&more);
}

static void
test_bad_choices_are_named(void **state)
{
    static const struct {
        const char *more;
        const char *param;
    } rows[] = {
        {",\"count\":2", "service_radius_m"},
        {",\"count\":0", "count"},
        {",\"count\":2,\"service_radius_m\":1e999", "service_radius_m"},
        /* no number of JSON: refused with the line and the place */
        {",\"count\":2,\"service_radius_m\":NaN", ""},
        {",\"count\":2,\"service_radius_m\":500,\"demand\":{\"type\":"
         "\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"geometry\":{\"type\":"
         "\"Point\",\"coordinates\":[110.2,19.95]},\"properties\":{\"weight\":NaN}}]}",
         ""},
        {",\"count\":2,\"service_radius_m\":500,\"capacity\":-1", "capacity"},
        {",\"count\":2,\"service_radius_m\":500,\"candidates_from\":\"buildings\"",
         "candidates_from"},
        {",\"count\":2,\"objective\":\"min_distance\",\"frontier\":true", "service_radius_m"},
        {",\"count\":2,\"service_radius_m\":500,\"frontier\":true,"
         "\"existing\":\"movable\"",
         "existing"},
        {",\"count\":2,\"service_radius_m\":500,\"candidates\":{\"type\":"
         "\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"geometry\":{\"type\":"
         "\"Point\",\"coordinates\":[110.2,19.95]},\"properties\":{\"capacity\":-2}}]}",
         "candidates[0].capacity"},
        {",\"count\":2,\"service_radius_m\":500", "demand"},
        {",\"count\":2,\"service_radius_m\":500,\"candidates\":{\"type\":"
         "\"FeatureCollection\",\"features\":[]}",
         "candidates"},
        {",\"count\":2,\"service_radius_m\":500,\"candidates\":{\"type\":"
         "\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"geometry\":null}]}",
         "candidates[0]"}};
    struct fixture *fixture = *state;
    const struct house dwelling = {1, "dwelling", "false", "false", "9"};
    add_house(fixture, &dwelling, -10, -10, 10, 10);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char inputs[700];
        cim_error err = {0};
        char *text = NULL;
        (void)snprintf(inputs, sizeof inputs,
                       "{\"volume_m3\":3,\"land_use\":\"ignore\",\"as_of\":\"2026-11-27\",\"area\":"
                       "{\"type\":\"Polygon\",\"coordinates\":[[[110.2,19.95],[110.201,19.95],"
                       "[110.2,19.951],[110.2,19.95]]]}%s}",
                       rows[i].more);
        const cim_status status =
            ask_text(fixture, siting_answer, fake_scope_all(), inputs, &text, &err);
        free(text);
        if (status != CIM_E_INVALID || strcmp(err.param, rows[i].param) != 0) {
            fail_msg("%s: %d %s %s", rows[i].more, status, err.param, err.en);
        }
    }
}

static void
test_bad_areas_are_named(void **state)
{
    static const struct {
        const char *area;
        cim_status status;
        const char *says;
    } rows[] = {
        {"{\"type\":\"Point\",\"coordinates\":[110.2,19.95]}", CIM_E_INVALID, "Polygon"},
        {"{\"type\":\"Polygon\",\"coordinates\":[[[110.2,19.95],[110.21,19.96],[110.21,19.95],"
         "[110.2,19.96],[110.2,19.95]]]}",
         CIM_E_INVALID, "110.205"},
        {"{\"type\":\"Polygon\",\"coordinates\":[[[2.3,48.8],[2.4,48.8],[2.4,48.9],[2.3,48.8]]]}",
         CIM_E_INVALID, "outside"},
        {"{\"type\":\"Polygon\",\"coordinates\":[[[109,19],[111,19],[111,20],[109,19]]]}",
         CIM_E_TOO_LARGE, "100 km"},
        {"{\"type\":\"Polygon\",\"coordinates\":[[[110,\"x\"],[111,19],[111,20],[109,19]]]}",
         CIM_E_INVALID, "position"},
        {"{\"type\":\"Polygon\",\"coordinates\":[]}", CIM_E_INVALID, "r"},
    };
    struct fixture *fixture = *state;
    const struct house dwelling = {1, "dwelling", "false", "false", "9"};
    add_house(fixture, &dwelling, -10, -10, 10, 10);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char inputs[600];
        cim_error err = {0};
        char *text = NULL;
        (void)snprintf(inputs, sizeof inputs,
                       "{\"volume_m3\":3,\"land_use\":\"ignore\",\"as_of\":\"2026-11-27\","
                       "\"area\":%s}",
                       rows[i].area);
        const cim_status status =
            ask_text(fixture, siting_answer, fake_scope_all(), inputs, &text, &err);
        free(text);
        if (status != rows[i].status || strcmp(err.param, "area") != 0 ||
            strstr(err.en, rows[i].says) == NULL) {
            fail_msg("%s: %d %s %s", rows[i].area, status, err.param, err.en);
        }
    }
}

/* Two parcels that share a side, or lie on each other, are one area; each must be valid. */
static void
test_parcels_of_a_red_line(void **state)
{
    static const struct {
        double second[4]; /* west, south, east, north in metres */
        double area_m2;
    } rows[] = {{{100, -100, 300, 100}, 80000.0}, {{0, -100, 200, 100}, 60000.0}};
    struct fixture *fixture = *state;
    const struct house dwelling = {1, "dwelling", "false", "false", "9"};
    add_house(fixture, &dwelling, -10, -10, 10, 10);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const double *second = rows[i].second;
        double rings[2][10];
        struct cim_buf inputs;
        rectangle(-100, -100, 100, 100, rings[0]);
        rectangle(second[0], second[1], second[2], second[3], rings[1]);
        cim_buf_init(&inputs, 4096);
        cim_buf_add_text(&inputs, "{\"volume_m3\":3,\"land_use\":\"ignore\",\"as_of\":"
                                  "\"2026-11-27\",\"area\":{\"type\":\"MultiPolygon\","
                                  "\"coordinates\":[");
        for (size_t ring = 0; ring < 2; ring++) {
            cim_buf_add_text(&inputs, ring > 0 ? ",[[" : "[[");
            for (size_t at = 0; at < 5; at++) {
                cim_buf_addf(&inputs, "%s[%.9f,%.9f]", at > 0 ? "," : "", rings[ring][2 * at],
                             rings[ring][2 * at + 1]);
            }
            cim_buf_add_text(&inputs, "]]");
        }
        cim_buf_add_text(&inputs, "]}}");
        struct json_object *answer = ask(fixture, siting_answer, inputs.data);
        assert_true(fabs(number_at(answer, "area_m2") - rows[i].area_m2) < 2.0);
        (void)json_object_put(answer);
        cim_buf_done(&inputs);
    }
}

static void
test_a_million_vertices(void **state)
{
    struct fixture *fixture = *state;
    const struct house dwelling = {1, "dwelling", "false", "false", "9"};
    struct cim_buf inputs;
    char *text = NULL;
    cim_error err = {0};
    add_house(fixture, &dwelling, -10, -10, 10, 10);
    cim_buf_init(&inputs, 64 << 20);
    cim_buf_add_text(&inputs, "{\"volume_m3\":3,\"area\":{\"type\":\"Polygon\",\"coordinates\":[[");
    for (int i = 0; i <= 1000000; i++) {
        const double turn = 2.0 * 3.14159265358979323846 * (i % 1000000) / 1e6;
        cim_buf_addf(&inputs, "%s[%.9f,%.9f]", i > 0 ? "," : "", 110.2 + 0.01 * cos(turn),
                     19.95 + 0.01 * sin(turn));
    }
    cim_buf_add_text(&inputs, "]]}}");
    assert_int_equal(cim_buf_status(&inputs, NULL), CIM_OK);
    assert_int_equal(ask_text(fixture, siting_answer, fake_scope_all(), inputs.data, &text, &err),
                     CIM_E_TOO_LARGE);
    assert_string_equal(err.param, "area");
    cim_buf_done(&inputs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_land_by_brute_force, fixture_clear),
        cmocka_unit_test_setup(test_volume_shrinks_the_land, fixture_clear),
        cmocka_unit_test_setup(test_land_use_and_control_lines, fixture_clear),
        cmocka_unit_test_setup(test_conflict_is_proved_by_running_again, fixture_clear),
        cmocka_unit_test_setup(test_assumed_are_counted, fixture_clear),
        cmocka_unit_test_setup(test_choice_of_candidates, fixture_clear),
        cmocka_unit_test_setup(test_choice_over_the_land, fixture_clear),
        cmocka_unit_test_setup(test_choice_along_roads_by_trying_all, fixture_clear),
        cmocka_unit_test_setup(test_stations_give_way, fixture_clear),
        cmocka_unit_test_setup(test_bad_choices_are_named, fixture_clear),
        cmocka_unit_test_setup(test_bad_areas_are_named, fixture_clear),
        cmocka_unit_test_setup(test_parcels_of_a_red_line, fixture_clear),
        cmocka_unit_test_setup(test_a_million_vertices, fixture_clear),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
