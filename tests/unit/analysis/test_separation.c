/* lpg.why-not over a real store: the tables of the standards as domain.md has them and every row of
 * the rules, 1 cm either side of each boundary; the word 合规, what is assumed, who may ask, and
 * what is refused. */
#include "siting_fixture.h"

#include "analysis/json_io.h"
#include "geo/plane.h"
#include "kit/cleanup.h"
#include "kit/time.h"

/* What stands for a receptor in these tests: a wall, an edge or a line east of the site. */
enum body { HOUSE, RATED_HOUSE, ROAD, ELEMENT };

struct receptor {
    const char *receptor;
    enum body body;
    struct house house;
    const char *code; /* of the road or element; the fire rating */
    double half_width_m;
};

static const struct receptor receptors[] = {
    {"open_flame", HOUSE, {1, "warehouse", NULL, "true", "5"}, NULL, 0},
    {"important_public", HOUSE, {1, "school", "true", "false", "9"}, NULL, 0},
    {"other_civil", HOUSE, {1, "dwelling", "false", "false", "9"}, NULL, 0},
    {"industrial", HOUSE, {1, "industrial", NULL, "false", "9"}, NULL, 0},
    {"main_road", ROAD, {0}, "county", 9},
    {"secondary_road", ROAD, {0}, "township", 6},
    {"highway", ROAD, {0}, "expressway", 14},
    {"railway_national", ELEMENT, {0}, "railway_crossing", 0},
    {"power_line", ELEMENT, {0}, "overhead_line", 0},
    {"class_ab_store", ELEMENT, {0}, "chemical_store", 0},
    {"substation", ELEMENT, {0}, "substation", 0},
    {"class_c_store", HOUSE, {1, "warehouse", NULL, "false", "5"}, NULL, 0},
    {"other_road", ROAD, {0}, "county", 9},
    {"dwelling", HOUSE, {1, "dwelling", "false", "false", "9"}, NULL, 0},
    {"high_rise", HOUSE, {1, "office", "false", "false", "30"}, NULL, 0},
    {"residential_area", ELEMENT, {0}, "dense_residential", 0},
    {"railway_siding", ELEMENT, {0}, "railway_siding", 0},
    {"comms_line", ELEMENT, {0}, "comms_line", 0},
    {"oxidising_timber", ELEMENT, {0}, "oxidising_store", 0},
    {"building_12", RATED_HOUSE, {0}, "2", 0},
    {"building_3", RATED_HOUSE, {0}, "3", 0},
    {"building_4", RATED_HOUSE, {0}, "4", 0},
};

static const struct receptor *
receptor_named(const char *name)
{
    for (size_t i = 0; i < sizeof receptors / sizeof receptors[0]; i++) {
        if (strcmp(receptors[i].receptor, name) == 0) {
            return &receptors[i];
        }
    }
    fail_msg("no receptor %s", name);
    return NULL;
}

/* A warehouse of that fire rating. */
static void
add_rated_house(struct fixture *fixture, const char *rating, const double *ring)
{
    static const char *const names[] = {"uid",      "building_no", "name",        "use",
                                        "height_m", "open_flame",  "fire_rating", "area_code"};
    char uid[37];
    const char *const texts[] = {uid, "B1", "B1", "warehouse", "5", "false", rating, "460105"};
    uid_of(1, uid);
    add_record(fixture, "lpg.buildings", names, texts, 8, ring, 5);
}

/* So that its edge is 1000 m east of the site. */
static void
build(struct fixture *fixture, const struct receptor *receptor)
{
    const struct house far_away = {99, "dwelling", "false", "false", "9"};
    double line[4];
    add_house(fixture, &far_away, -9020, 0, -9000, 20); /* so that there are buildings at all */
    if (receptor->body == HOUSE || receptor->body == RATED_HOUSE) {
        double ring[10];
        double azimuth_deg;
        /* its west wall square to the line that the station comes along */
        lpg_geodesic_direct(site_deg, 90.0, 1000.0, line);
        (void)lpg_geodesic_inverse_m(line, site_deg, &azimuth_deg);
        lpg_geodesic_direct(line, azimuth_deg + 90.0, 15.0, ring);
        lpg_geodesic_direct(line, azimuth_deg - 90.0, 15.0, ring + 2);
        lpg_geodesic_direct(ring + 2, azimuth_deg + 180.0, 20.0, ring + 4);
        lpg_geodesic_direct(ring, azimuth_deg + 180.0, 20.0, ring + 6);
        memcpy(ring + 8, ring, 2 * sizeof *ring);
        if (receptor->body == HOUSE) {
            add_house_ring(fixture, &receptor->house, ring, 5);
        } else {
            add_rated_house(fixture, receptor->code, ring);
        }
        return;
    }
    if (receptor->body == ROAD) {
        double foot[2];
        double azimuth_deg;
        lpg_geodesic_direct(site_deg, 90.0, 1000.0 + receptor->half_width_m, foot);
        (void)lpg_geodesic_inverse_m(foot, site_deg, &azimuth_deg);
        lpg_geodesic_direct(foot, azimuth_deg + 90.0, 400.0, line);
        lpg_geodesic_direct(foot, azimuth_deg - 90.0, 400.0, line + 2);
        add_road(fixture, receptor->code, line, 2);
        return;
    }
    struct element element = {.number = 7, .kind = receptor->code, .persons = 0};
    lpg_geodesic_direct(site_deg, 90.0, 1000.0, element.lonlat);
    add_elements(fixture, &element, 1);
}

/* The line of the receptor when the station stands so far west of its edge. */
static struct json_object *
ask_from(struct fixture *fixture, double distance_m, const char *station)
{
    char inputs[4096];
    double at_deg[2];
    lpg_geodesic_direct(site_deg, 90.0, 1000.0 - distance_m, at_deg);
    (void)snprintf(inputs, sizeof inputs,
                   "{\"point\":{\"type\":\"Point\",\"coordinates\":[%.12f,%.12f]},"
                   "\"as_of\":\"2026-11-27\",%s}",
                   at_deg[0], at_deg[1], station);
    return ask(fixture, lpg_why_not_answer, inputs);
}

static void
check_boundary(struct fixture *fixture, const char *receptor, const char *station, double metres)
{
    static const struct {
        double off_m;
        bool ok;
    } sides[] = {{-0.01, false}, {0.0, true}, {0.01, true}};
    for (int i = 0; i < 3; i++) {
        struct json_object *answer = ask_from(fixture, metres + sides[i].off_m, station);
        struct json_object *line = line_of(answer, receptor);
        if (number_at(line, "required_m") != metres ||
            json_object_get_boolean(at(line, "ok")) != sides[i].ok ||
            fabs(number_at(line, "margin_m") - sides[i].off_m) > 0.0011) {
            fail_msg("%s of %s at %.2f m: %s", receptor, station, metres + sides[i].off_m,
                     json_object_to_json_string(line));
        }
        if (!sides[i].ok) {
            assert_string_equal(text_at(answer, "verdict"), "violates");
        }
        (void)json_object_put(answer);
    }
}

#define SUPPLY(volume) "\"volume_m3\":" volume

/* domain.md 1.2 to 1.4 and 1.6, each value at the volumes either side of its band. */
static void
test_supply_tables(void **state)
{
    static const struct {
        const char *receptor;
        const char *station;
        double metres;
    } rows[] = {
        {"open_flame", SUPPLY("20"), 35},
        {"open_flame", SUPPLY("10.001"), 35},
        {"open_flame", SUPPLY("10"), 30},
        {"open_flame", SUPPLY("6.001"), 30},
        {"open_flame", SUPPLY("6"), 25},
        {"open_flame", SUPPLY("3.001"), 25},
        {"open_flame", SUPPLY("3"), 20},
        {"open_flame", SUPPLY("1.001"), 20},
        {"important_public", SUPPLY("15"), 25},
        {"important_public", SUPPLY("10.001"), 25},
        {"important_public", SUPPLY("10.0"), 20},
        {"important_public", SUPPLY("9.9"), 20},
        {"important_public", SUPPLY("6"), 15},
        {"important_public", SUPPLY("3.001"), 15},
        {"important_public", SUPPLY("3"), 12},
        {"important_public", SUPPLY("1.001"), 12},
        {"other_civil", SUPPLY("10.001"), 15},
        {"other_civil", SUPPLY("10"), 10},
        {"other_civil", SUPPLY("3.1"), 8},
        {"other_civil", SUPPLY("3.0"), 6},
        {"main_road", SUPPLY("10.001"), 10},
        {"main_road", SUPPLY("6.001"), 10},
        {"main_road", SUPPLY("6"), 8},
        {"main_road", SUPPLY("1.001"), 8},
        {"main_road", SUPPLY("1"), 8},
        {"secondary_road", SUPPLY("20"), 5},
        {"secondary_road", SUPPLY("3"), 5},
        {"secondary_road", SUPPLY("0.9"), 5},
        {"highway", SUPPLY("20"), 20},
        {"highway", SUPPLY("6.001"), 20},
        {"railway_national", SUPPLY("10.001"), 50},
        {"railway_national", SUPPLY("10"), 40},
        {"power_line", SUPPLY("20"), 60},
        {"power_line", SUPPLY("6.001"), 60},
        {"open_flame", "\"station\":\"group_room\"," SUPPLY("2"), 25},
        {"open_flame", "\"station\":\"group_room\"," SUPPLY("2.001"), 30},
        {"other_civil", "\"station\":\"group_room\"," SUPPLY("2"), 8},
        {"other_civil", "\"station\":\"group_room\"," SUPPLY("4"), 10},
        {"important_public", "\"station\":\"group_room\"," SUPPLY("2"), 15},
        {"important_public", "\"station\":\"group_room\"," SUPPLY("2.1"), 20},
    };
    struct fixture *fixture = *state;
    const char *built = "";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(built, rows[i].receptor) != 0) {
            (void)fixture_clear(state);
            build(fixture, receptor_named(rows[i].receptor));
            built = rows[i].receptor;
        }
        check_boundary(fixture, rows[i].receptor, rows[i].station, rows[i].metres);
    }
}

/* domain.md 1.5: every column of the table of tanks, by total and by single volume. */
static void
test_tank_table(void **state)
{
    static const double total[] = {50, 200, 500, 1000, 2500, 5000, 1e6};
    static const double single[] = {20, 50, 100, 200, 400, 1000, 1e6};
    static const struct {
        const char *receptor;
        double metres[7];
    } rows[] = {{"important_public", {45, 50, 70, 90, 110, 130, 150}},
                {"industrial", {27, 30, 35, 40, 50, 60, 75}},
                {"open_flame", {45, 50, 55, 60, 70, 80, 120}},
                {"substation", {45, 50, 55, 60, 70, 80, 120}},
                {"other_civil", {40, 45, 50, 55, 65, 75, 100}},
                {"class_ab_store", {40, 45, 50, 55, 65, 75, 100}},
                {"railway_national", {60, 70, 70, 80, 80, 100, 100}},
                {"class_c_store", {32, 35, 40, 45, 55, 65, 80}},
                {"highway", {20, 25, 25, 25, 30, 30, 30}},
                {"other_road", {15, 20, 20, 20, 25, 25, 25}}};
    struct fixture *fixture = *state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        (void)fixture_clear(state);
        build(fixture, receptor_named(rows[r].receptor));
        for (int c = 0; c < 7; c++) {
            char station[160];
            (void)snprintf(station, sizeof station,
                           "\"station\":\"storage\",\"volume_m3\":%g,\"tank_m3\":1", total[c]);
            check_boundary(fixture, rows[r].receptor, station, rows[r].metres[c]);
            (void)snprintf(station, sizeof station,
                           "\"station\":\"storage\",\"volume_m3\":%.3f,\"tank_m3\":1",
                           c > 0 ? total[c - 1] + 0.001 : 1.0);
            check_boundary(fixture, rows[r].receptor, station, rows[r].metres[c]);
            /* the stricter of the two columns */
            (void)snprintf(station, sizeof station,
                           "\"station\":\"storage\",\"volume_m3\":1,\"tank_m3\":%g", single[c]);
            check_boundary(fixture, rows[r].receptor, station, rows[r].metres[c]);
        }
    }
}

/* ---- every row of the rules ---- */

/* Members of the inputs that leave row `i` alone to decide about its receptor: of the others those
 * that ask something of such a station do not apply. */
static void
write_alone(const struct lpg_separation_rules *rules, size_t i, double size, struct cim_buf *out)
{
    const struct lpg_separation_rule *rule = &rules->rules[i];
    struct lpg_separation_station_in station = {.stations = 1U << (unsigned)rule->station,
                                                .quantity = {size, 1.0, size}};
    if (rule->station == LPG_STATION_FILLING) {
        station.stations |= 1U << LPG_STATION_STORAGE;
        station.quantity[LPG_BAND_VOLUME] = station.quantity[LPG_BAND_TANK] = NAN;
    }
    if (rule->band == LPG_BAND_TANK) {
        station.quantity[LPG_BAND_TANK] = size;
    }
    assert_int_equal(cim_date_parse("2026-11-27", 10, &station.day), CIM_OK);
    cim_buf_add_text(out, ",\"separations\":{");
    for (size_t k = 0; k < rules->n; k++) {
        if (k != i && rules->rules[k].receptor == rule->receptor &&
            lpg_separation_rule_counts(&rules->rules[k], &station, k)) {
            lpg_out_next(out);
            cim_buf_add_json_text(out, rules->rules[k].rule_no, SIZE_MAX);
            cim_buf_add_text(out, ":0");
        }
    }
    cim_buf_add_char(out, '}');
}

/* What quantity a station of that kind may have at all. */
static void
limits_of(const struct lpg_separation_rule *rule, double *ret_over, double *ret_upto)
{
    static const double over[LPG_SEPARATION_STATIONS] = {6, 1, 0, 0, 0, 0};
    static const double upto[LPG_SEPARATION_STATIONS] = {20, 6, 1, 1e5, 1e5, 4};
    *ret_over = over[rule->station];
    *ret_upto = upto[rule->station];
}

/* A station of the row's kind and, in the unit of its band, of that size. */
static void
write_station(const struct lpg_separation_rule *rule, double size, struct cim_buf *out)
{
    static const char *const kinds[LPG_SEPARATION_STATIONS] = {"supply",  "supply",  "supply",
                                                               "storage", "filling", "group_room"};
    const double tank = rule->band == LPG_BAND_TANK ? size : 1.0;
    char text[160];
    (void)snprintf(text, sizeof text, "\"station\":\"%s\",\"%s\":%.9g", kinds[rule->station],
                   rule->band == LPG_BAND_MASS ? "mass_t" : "volume_m3", size);
    cim_buf_add_text(out, text);
    if (rule->station == LPG_STATION_STORAGE) {
        (void)snprintf(text, sizeof text, ",\"tank_m3\":%.9g", tank);
        cim_buf_add_text(out, text);
    }
}

/* The line of the row's receptor where the row alone decides; NULL: nothing is asked. */
static struct json_object *
ask_alone(struct fixture *fixture, const struct lpg_separation_rules *rules, size_t i, double size,
          double distance_m, struct json_object **ret_answer)
{
    const struct lpg_separation_rule *rule = &rules->rules[i];
    CIM_AUTO_BUF struct cim_buf station;
    cim_buf_init(&station, 4000);
    write_station(rule, size, &station);
    write_alone(rules, i, size, &station);
    cim_buf_add_char(&station, '\0');
    *ret_answer = ask_from(fixture, distance_m, station.data);
    struct json_object *lines = at(*ret_answer, "rules");
    for (size_t k = 0; k < json_object_array_length(lines); k++) {
        struct json_object *line = json_object_array_get_idx(lines, k);
        if (strcmp(text_at(line, "receptor"), lpg_receptor_names[rule->receptor]) == 0) {
            return line;
        }
    }
    return NULL;
}

static void
check_row(struct fixture *fixture, const struct lpg_separation_rules *rules, size_t i, double size,
          double off_m)
{
    const struct lpg_separation_rule *rule = &rules->rules[i];
    const double pole_m =
        lpg_analysis_siting(fixture->analysis)->table->parameters[LPG_SEPARATION_POLE_HEIGHT_M];
    const double required_m = fmax(rule->metres, rule->times_height * pole_m);
    struct json_object *answer = NULL;
    struct json_object *line = ask_alone(fixture, rules, i, size, required_m + off_m, &answer);
    if (line == NULL || strcmp(text_at(line, "rule.rule_no"), rule->rule_no) != 0 ||
        json_object_get_boolean(at(line, "ok")) != (off_m >= 0) ||
        (!rule->not_inside && number_at(line, "required_m") != required_m) ||
        (off_m < 0 && strcmp(text_at(answer, "verdict"), "violates") != 0)) {
        fail_msg("row %s, size %g, %+.2f m: %s", rule->rule_no, size, off_m,
                 json_object_to_json_string(line != NULL ? line : answer));
    }
    (void)json_object_put(answer);
}

/* Beyond its band a row asks nothing, where such a station is still of the row's kind. */
static void
check_beyond(struct fixture *fixture, const struct lpg_separation_rules *rules, size_t i,
             double size)
{
    struct json_object *answer = NULL;
    if (ask_alone(fixture, rules, i, size, 0.0, &answer) != NULL) {
        fail_msg("row %s asks of %g", rules->rules[i].rule_no, size);
    }
    (void)json_object_put(answer);
}

static void
check_all_of(struct fixture *fixture, const struct lpg_separation_rules *rules, size_t i)
{
    const struct lpg_separation_rule *rule = &rules->rules[i];
    const double step = 0.001;
    double least = 0.0;
    double most = 0.0;
    limits_of(rule, &least, &most);
    const double over = rule->band < 0 ? least : fmax(least, rule->over);
    const double upto = rule->band < 0 ? most : fmin(most, rule->upto);
    check_row(fixture, rules, i, over + step, -0.01);
    check_row(fixture, rules, i, upto, -0.01);
    check_row(fixture, rules, i, upto, 0.01);
    if (over > least) {
        check_beyond(fixture, rules, i, over);
    }
    if (upto < most) {
        check_beyond(fixture, rules, i, upto + step);
    }
}

/* 1 cm either side of what each row asks, at both ends of its band and beyond them. A row whose
 * receptor nothing stands for, or that no station meets, fails. */
static void
test_every_row(void **state)
{
    struct fixture *fixture = *state;
    cim_call call = fake_call(NULL);
    cim_error err = {0};
    struct lpg_separation_rules *rules = NULL;
    size_t n = 0;
    fixture->fake->scope = fake_scope_all();
    assert_ok(lpg_separation_rules_take(&lpg_analysis_siting(fixture->analysis)->rules, &call,
                                        &rules, &err),
              &err);
    for (int kind = 0; kind < LPG_RECEPTORS; kind++) {
        bool built = false;
        for (size_t i = 0; i < rules->n; i++) {
            if (rules->rules[i].receptor != kind) {
                continue;
            }
            if (!built) {
                (void)fixture_clear(state);
                build(fixture, receptor_named(lpg_receptor_names[kind]));
                built = true;
            }
            check_all_of(fixture, rules, i);
            n++;
        }
    }
    assert_int_equal(n, rules->n);
    assert_true(n > 300);
    lpg_separation_rules_unref(rules);
}

/* A filling station that says its mass alone: the tanks it may have are taken at their largest, and
 * the answer says so. */
static void
test_filling_with_a_mass_alone(void **state)
{
    struct fixture *fixture = *state;
    struct json_object *answer;
    build(fixture, receptor_named("other_civil"));
    answer = ask_from(fixture, 99.99, "\"station\":\"filling\",\"mass_t\":5");
    assert_string_equal(text_at(answer, "station.judged_as.0"), "storage");
    assert_string_equal(text_at(answer, "station.judged_as.1"), "filling");
    assert_true(number_at(line_of(answer, "other_civil"), "required_m") == 100.0);
    assert_true(json_object_get_boolean(at(answer, "quantity_assumed")));
    assert_int_equal(json_object_array_length(at(answer, "assumed_quantities")), 2);
    assert_string_equal(text_at(answer, "assumed_quantities.0"), "volume_m3");
    assert_string_equal(text_at(answer, "assumed_quantities.1"), "tank_m3");
    (void)json_object_put(answer);
    answer = ask_from(fixture, 39.99, "\"station\":\"filling\",\"mass_t\":5,\"volume_m3\":20");
    assert_true(number_at(line_of(answer, "other_civil"), "required_m") == 40.0);
    assert_int_equal(json_object_array_length(at(answer, "assumed_quantities")), 0);
    (void)json_object_put(answer);
}

/* domain.md 1.4: a class Ⅲ room keeps no distance from buildings, but does not stand in these. */
static void
test_room_not_inside(void **state)
{
    static const struct {
        struct house house;
        const char *receptor;
        bool ok;
    } rows[] = {{{1, "dwelling", "false", "false", "9"}, "dwelling", false},
                {{2, "commercial", "false", "false", "9"}, "important_public", true},
                {{3, "commercial", "true", "false", "9"}, "important_public", false},
                {{4, "commercial", NULL, "false", "9"}, "important_public", false},
                {{5, "commercial", "false", "false", "24.1"}, "high_rise", false},
                {{6, "commercial", "false", "false", "24"}, "high_rise", true},
                {{7, "gas_station_room", NULL, NULL, NULL}, "dwelling", true}};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_object *answer;
        struct json_object *line;
        (void)fixture_clear(state);
        add_house(fixture, &rows[i].house, -10, -10, 10, 10);
        answer = why_not(fixture, 9.99, 0, ",\"volume_m3\":1.0");
        line = line_of(answer, rows[i].receptor);
        assert_string_equal(text_at(line, "test"), "not_inside");
        if (json_object_get_boolean(at(line, "ok")) != rows[i].ok) {
            fail_msg("row %zu: %s", i, json_object_to_json_string(line));
        }
        (void)json_object_put(answer);
        answer = why_not(fixture, 10.01, 0, ",\"volume_m3\":1.0");
        assert_true(json_object_get_boolean(at(line_of(answer, rows[i].receptor), "ok")));
        (void)json_object_put(answer);
    }
}

static void
confirm(struct fixture *fixture, const char *uid, const char *metres)
{
    static const char *const names[] = {"uid",          "confirm_state", "confirmed_by",
                                        "confirmed_on", "confirm_basis", "confirmed_metres"};
    const char *const texts[] = {uid, "confirmed", "王工", "2026-11-20", "已核对原文", metres};
    update_record(fixture, "lpg.separation-rules", names, texts, 6);
}

/* The word 合规 waits until a person has confirmed every row, with the metres that stand there. */
static void
test_word_waits_for_confirmation(void **state)
{
    static const char *const names[] = {"uid", "metres"};
    struct fixture *fixture = *state;
    struct json_object *answer;
    struct json_object *again;
    char uid[37] = "";
    build(fixture, receptor_named("other_civil"));
    answer = ask_from(fixture, 300.0, SUPPLY("15"));
    assert_string_equal(text_at(answer, "verdict"), "to_confirm");
    assert_string_equal(text_at(answer, "verdict_zh"), "待核");
    assert_true(json_object_get_boolean(at(answer, "rules_to_confirm")));
    for (size_t i = 0; i < json_object_array_length(at(answer, "rules")); i++) {
        struct json_object *line = json_object_array_get_idx(at(answer, "rules"), i);
        char metres[32];
        if (!json_object_get_boolean(at(line, "rule.to_confirm"))) {
            assert_string_equal(text_at(line, "rule.confidence"), "C");
            continue;
        }
        assert_string_equal(text_at(line, "rule.confidence"), "L");
        again = ask_from(fixture, 300.0, SUPPLY("15"));
        assert_string_equal(text_at(again, "verdict"), "to_confirm");
        (void)json_object_put(again);
        cim_copy_text(uid, sizeof uid, text_at(line, "rule.uid"));
        (void)snprintf(metres, sizeof metres, "%g", number_at(line, "required_m"));
        confirm(fixture, uid, metres);
    }
    (void)json_object_put(answer);
    assert_true(uid[0] != '\0');
    answer = ask_from(fixture, 300.0, SUPPLY("15"));
    assert_string_equal(text_at(answer, "verdict"), "complies");
    assert_string_equal(text_at(answer, "verdict_zh"), "合规");
    (void)json_object_put(answer);
    /* other metres than those confirmed */
    const char *const texts[] = {uid, "0.5"};
    update_record(fixture, "lpg.separation-rules", names, texts, 2);
    answer = ask_from(fixture, 300.0, SUPPLY("15"));
    assert_string_equal(text_at(answer, "verdict"), "to_confirm");
    (void)json_object_put(answer);
    confirm(fixture, uid, "0");
}

/* What a record does not say is taken at its worst, and told. */
static void
test_unknown_is_worst_and_listed(void **state)
{
    struct fixture *fixture = *state;
    const struct house unsaid = {1, "school", NULL, NULL, "9"};
    const struct house works = {2, "warehouse", NULL, NULL, "9"};
    struct json_object *answer;
    struct json_object *line;
    add_house(fixture, &unsaid, 20, -10, 40, 10);
    add_house(fixture, &works, -60, -10, -40, 10);
    answer = why_not(fixture, 0, 0, ",\"volume_m3\":15");
    line = line_of(answer, "important_public");
    assert_false(json_object_get_boolean(at(line, "ok")));
    assert_string_equal(text_at(line, "nearest.assumed.0"), "important_public");
    assert_string_equal(text_at(line, "nearest.name"), "B1");
    line = line_of(answer, "open_flame");
    assert_true(json_object_get_boolean(at(line, "ok")));
    assert_string_equal(text_at(line, "nearest.assumed.0"), "open_flame");
    (void)json_object_put(answer);
    /* no volume: the strictest band of the class */
    answer = why_not(fixture, 0, 0, ",\"station_class\":\"I\"");
    assert_true(number_at(line_of(answer, "important_public"), "required_m") == 25.0);
    assert_true(json_object_get_boolean(at(answer, "quantity_assumed")));
    (void)json_object_put(answer);
}

/* A planned project counts from its approval, unless it was given up. */
static void
test_projects_count_from_their_day(void **state)
{
    static const char *const names[] = {"uid",   "project_no",       "name",        "use",
                                        "stage", "important_public", "approved_on", "area_code"};
    static const char *const stages[] = {"approved", "cancelled"};
    struct fixture *fixture = *state;
    const struct house house = {99, "dwelling", "false", "false", "9"};
    add_house(fixture, &house, -900, 0, -880, 20);
    for (int i = 0; i < 2; i++) {
        char uid[37];
        double ring[10];
        const char *const texts[] = {uid,       stages[i], "新校区",     "school",
                                     stages[i], "true",    "2026-11-27", "460105"};
        uid_of(300 + i, uid);
        rectangle(20 + 100 * i, -10, 40 + 100 * i, 10, ring);
        add_record(fixture, "lpg.planned-projects", names, texts, 8, ring, 5);
    }
    struct json_object *answer = why_not(fixture, 0, 0, ",\"volume_m3\":15");
    assert_false(json_object_get_boolean(at(line_of(answer, "important_public"), "ok")));
    assert_string_equal(text_at(line_of(answer, "important_public"), "nearest.layer"),
                        "lpg.planned-projects");
    (void)json_object_put(answer);
    answer = why_not(fixture, 100, 0, ",\"volume_m3\":15"); /* beside the one given up */
    assert_true(json_object_get_boolean(at(line_of(answer, "important_public"), "ok")));
    (void)json_object_put(answer);
    char inputs[300];
    (void)snprintf(inputs, sizeof inputs,
                   "{\"point\":{\"type\":\"Point\",\"coordinates\":[%.9f,%.9f]},\"as_of\":"
                   "\"2026-11-26\",\"volume_m3\":15}",
                   site_deg[0], site_deg[1]);
    answer = ask(fixture, lpg_why_not_answer, inputs);
    assert_true(json_object_get_boolean(at(line_of(answer, "important_public"), "ok")));
    (void)json_object_put(answer);
}

/* Rows and metres of one run, and what the answer cites. */
static void
test_override_and_citation(void **state)
{
    struct fixture *fixture = *state;
    struct json_object *answer;
    struct json_object *line;
    build(fixture, receptor_named("other_civil"));
    answer = ask_from(fixture, 7.0, SUPPLY("3"));
    line = line_of(answer, "other_civil");
    assert_true(json_object_get_boolean(at(line, "ok")));
    assert_int_equal(number_at(line, "rule.version"), 1);
    assert_int_equal(strlen(text_at(line, "rule.uid")), 36);
    assert_string_equal(text_at(line, "rule.rule_no"), "51142-8.0.4-3-2b");
    assert_string_equal(text_at(line, "rule.clause"), "GB 51142-2015 表8.0.4");
    assert_string_equal(text_at(line, "rule.from"), "store_wall");
    (void)json_object_put(answer);
    answer = ask_from(fixture, 7.0, SUPPLY("3") ",\"separations\":{\"51142-8.0.4-3-2b\":7.5}");
    line = line_of(answer, "other_civil");
    assert_false(json_object_get_boolean(at(line, "ok")));
    assert_true(json_object_get_boolean(at(line, "rule.overridden")));
    assert_true(number_at(line, "margin_m") == -0.5);
    (void)json_object_put(answer);
}

static void
test_who_may_ask(void **state)
{
    struct fixture *fixture = *state;
    static const uint64_t longhua[] = {1U << 3U}; /* 460106 */
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
    char inputs[300];
    char *text = NULL;
    cim_error err = {0};
    build(fixture, receptor_named("other_civil"));
    (void)snprintf(inputs, sizeof inputs,
                   "{\"point\":{\"type\":\"Point\",\"coordinates\":[%.9f,%.9f]},\"volume_m3\":3,"
                   "\"as_of\":\"2026-11-27\"}",
                   site_deg[0], site_deg[1]);
    /* half of the rules would be worse than none */
    assert_int_equal(ask_text(fixture, lpg_why_not_answer, &scope, inputs, &text, &err),
                     CIM_E_DENIED);
    assert_string_equal(err.value, "lpg.separation-rules");
    term.all_areas = 1;
    assert_int_equal(ask_text(fixture, lpg_why_not_answer, &scope, inputs, &text, &err), CIM_OK);
    free(text);
}

static void
test_bad_inputs_are_named(void **state)
{
    static const struct {
        const char *inputs;
        const char *param;
        cim_status status;
    } rows[] = {
        {"{\"volume_m3\":3}", "point", CIM_E_INVALID},
        {"{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2]},\"volume_m3\":3}", "point",
         CIM_E_INVALID},
        {"{\"point\":{\"type\":\"Point\",\"coordinates\":[19.95,110.2]},\"volume_m3\":3}", "point",
         CIM_E_INVALID},
        {"{\"point\":{\"type\":\"Point\",\"coordinates\":[2.35,48.85]},\"volume_m3\":3}", "point",
         CIM_E_INVALID},
        {"{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]}}", "station_class",
         CIM_E_INVALID},
        {"{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]},\"volume_m3\":20.001}",
         "volume_m3", CIM_E_INVALID},
        {"{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]},\"volume_m3\":7,"
         "\"station_class\":\"II\"}",
         "station_class", CIM_E_INVALID},
        {"{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]},\"volume_m3\":3,"
         "\"separations\":{\"x\":3}}",
         "separations.x", CIM_E_INVALID},
        {"{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]},\"volume_m3\":3,"
         "\"separations\":{\"51142-8.0.4-3-2b\":-1}}",
         "separations.51142-8.0.4-3-2b", CIM_E_INVALID},
        {"{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]},\"volume_m3\":3,"
         "\"as_of\":\"soon\"}",
         "as_of", CIM_E_INVALID},
        {"{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]},\"volume_m3\":3,"
         "\"as_of\":\"1999-01-01\"}",
         "as_of", CIM_E_STATE},
        {"{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]},\"volume_m3\":5,"
         "\"station\":\"group_room\"}",
         "as_of", CIM_E_STATE},
    };
    struct fixture *fixture = *state;
    build(fixture, receptor_named("other_civil"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cim_error err = {0};
        char *text = NULL;
        const cim_status status =
            ask_text(fixture, lpg_why_not_answer, fake_scope_all(), rows[i].inputs, &text, &err);
        free(text);
        if (status != rows[i].status || strcmp(err.param, rows[i].param) != 0 ||
            err.zh[0] == '\0' || err.en[0] == '\0') {
            fail_msg("%s: %d %s %s", rows[i].inputs, status, err.param, err.en);
        }
    }
}

/* Names in C, in the file of receptors and in the code lists are the same. */
static void
test_names_are_those_of_the_codes(void **state)
{
    struct fixture *fixture = *state;
    const struct lpg_separation_table *table = lpg_analysis_siting(fixture->analysis)->table;
    const struct cim_codes *codes = lpg_data_codes(fixture->data);
    const struct cim_code_list *list = cim_codes_find(codes, "receptor_kind");
    assert_int_equal(list->n_codes, LPG_RECEPTORS);
    for (size_t i = 0; i < list->n_codes; i++) {
        assert_string_equal(list->codes[i].value, lpg_receptor_names[i]);
    }
    list = cim_codes_find(codes, "separation_station");
    assert_int_equal(list->n_codes, LPG_SEPARATION_STATIONS);
    for (size_t i = 0; i < list->n_codes; i++) {
        assert_string_equal(list->codes[i].value, lpg_separation_stations[i]);
    }
    list = cim_codes_find(codes, "building_use");
    assert_int_equal(list->n_codes, table->uses.n);
    for (int i = 0; i < table->uses.n; i++) {
        assert_non_null(cim_code_find(list, table->uses.rows[i].name));
    }
    list = cim_codes_find(codes, "road_class");
    assert_int_equal(list->n_codes, table->roads.n);
    for (int i = 0; i < table->elements.n; i++) {
        assert_non_null(
            cim_code_find(cim_codes_find(codes, "risk_kind"), table->elements.rows[i].name));
    }
}

/* Distances hold against brute force: random houses, roads and elements. */
static void
test_distances_by_brute_force(void **state)
{
    enum { HOUSES = 30, ASKS = 40 };
    struct fixture *fixture = *state;
    uint64_t seed = 11;
    double rings[HOUSES][10];
    for (int i = 0; i < HOUSES; i++) {
        const struct house house = {i, "dwelling", "false", "false", "9"};
        const double x = random_between(&seed, -300, 300);
        const double y = random_between(&seed, -300, 300);
        rectangle(x, y, x + random_between(&seed, 8, 60), y + random_between(&seed, 8, 60),
                  rings[i]);
        add_house_ring(fixture, &house, rings[i], 5);
    }
    for (int a = 0; a < ASKS; a++) {
        const double x = random_between(&seed, -350, 350);
        const double y = random_between(&seed, -350, 350);
        double at_deg[2];
        double least = HUGE_VAL;
        struct json_object *answer = why_not(fixture, x, y, ",\"volume_m3\":3");
        offset(x, y, at_deg);
        for (int i = 0; i < HOUSES; i++) {
            for (int e = 0; e < 4; e++) {
                least =
                    fmin(least, brute_segment_m(rings[i] + 2 * e, rings[i] + 2 * e + 2, at_deg));
            }
            if (lpg_ring_contains(rings[i], 5, at_deg)) {
                least = 0.0;
            }
        }
        assert_true(fabs(number_at(line_of(answer, "other_civil"), "distance_m") - least) < 0.0011);
        (void)json_object_put(answer);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_supply_tables, fixture_clear),
        cmocka_unit_test_setup(test_tank_table, fixture_clear),
        cmocka_unit_test_setup(test_every_row, fixture_clear),
        cmocka_unit_test_setup(test_filling_with_a_mass_alone, fixture_clear),
        cmocka_unit_test_setup(test_room_not_inside, fixture_clear),
        cmocka_unit_test_setup(test_word_waits_for_confirmation, fixture_clear),
        cmocka_unit_test_setup(test_unknown_is_worst_and_listed, fixture_clear),
        cmocka_unit_test_setup(test_projects_count_from_their_day, fixture_clear),
        cmocka_unit_test_setup(test_override_and_citation, fixture_clear),
        cmocka_unit_test_setup(test_who_may_ask, fixture_clear),
        cmocka_unit_test_setup(test_bad_inputs_are_named, fixture_clear),
        cmocka_unit_test_setup(test_names_are_those_of_the_codes, fixture_clear),
        cmocka_unit_test_setup(test_distances_by_brute_force, fixture_clear),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
