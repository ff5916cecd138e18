/* Known addresses and their positions lead to one another; what lies between, what is ambiguous and
 * what the caller may not read is told as it is. */
#include "fixture.h"

#include "analysis/geocode.h"
#include "geo/geodesic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DOORS = 40, STREETS = 7, POINTS_MAX = 400 };

struct point {
    char text[256];
    double at[2];
    const char *area;
};

static struct point points[POINTS_MAX];
static int n_points;
static struct lpg_gazetteer *gazetteer;

static const struct {
    const char *head;
    const char *street;
    const char *area;
    double from[2];
    double azimuth_deg;
} streets[STREETS] = {
    {"海南省海口市龙华区金贸街道", "国贸路", "460106008", {110.310, 20.020}, 80.0},
    {"海南省海口市龙华区金贸街道", "国贸二横路", "460106008", {110.312, 20.025}, 170.0},
    {"海南省海口市龙华区", "人民大道", "460106", {110.330, 20.040}, 10.0},
    {"海南省海口市秀英区长流镇", "人民大道", "460105101", {110.190, 20.010}, 350.0},
    {"海南省海口市秀英区", "海秀西路", "460105", {110.270, 20.000}, 265.0},
    {"海南省海口市秀英区长流镇", "美梅村", "460105101", {110.200, 20.030}, 30.0},
    {"海南省三亚市", "解放路", "460200", {109.500, 18.250}, 0.0},
};

static void
add_address(struct fixture *fixture, const char *text, const char *kind, const char *area,
            const char *owner, const double at[2])
{
    static const char *const names[] = {"uid", "address", "kind", "area_code", "owner_org"};
    char uid[37];
    const char *texts[] = {uid, text, kind, area, owner};
    struct point *point = &points[n_points++];
    assert_true(n_points <= POINTS_MAX);
    uid_of(n_points, uid);
    (void)snprintf(point->text, sizeof point->text, "%s", text);
    memcpy(point->at, at, sizeof point->at);
    point->area = area;
    add_place(fixture, "lpg.address-points", names, texts, 5, at);
}

/* Odd numbers left of the street, even ones right of it, twelve metres from one to the next. */
static void
place_of_door(int i, int door, double ret_at[2])
{
    double middle[2];
    lpg_geodesic_direct(streets[i].from, streets[i].azimuth_deg, 6.0 * door, middle);
    lpg_geodesic_direct(middle, streets[i].azimuth_deg + (door % 2 == 1 ? -90.0 : 90.0), 9.0,
                        ret_at);
}

static void
add_street(struct fixture *fixture, int i)
{
    for (int door = 1; door <= DOORS; door++) {
        char text[256];
        double at[2];
        if (door == 20) {
            continue; /* to be found between 18 and 22 */
        }
        place_of_door(i, door, at);
        (void)snprintf(text, sizeof text, "%s%s%d号", streets[i].head, streets[i].street, door);
        add_address(fixture, text, "door", streets[i].area, "O1", at);
    }
}

static void
add_town(struct fixture *fixture)
{
    static const double garden[2] = {110.320, 20.030};
    static const double third[2] = {110.3205, 20.0303};
    n_points = 0;
    for (int i = 0; i < STREETS; i++) {
        add_street(fixture, i);
    }
    add_address(fixture, "海南省海口市龙华区金山花园", "neighbourhood", "460106", "O1", garden);
    add_address(fixture, "海南省海口市龙华区金山花园3栋", "building", "460106", "O1", third);
}

static int
setup(void **state)
{
    struct fixture *fixture;
    cim_error err = {0};
    fixture_has_towns = true;
    assert_int_equal(fixture_setup(state), 0);
    fixture = *state;
    assert_ok(
        lpg_gazetteer_new(&fixture->fake->host, fixture->data, ANALYSIS_DIR, &gazetteer, &err),
        &err);
    assert_int_equal(fixture_clear(state), 0);
    add_town(fixture);
    return 0;
}

static int
teardown(void **state)
{
    lpg_gazetteer_free(gazetteer);
    return fixture_teardown(state);
}

static void
look(struct fixture *fixture, const cim_scope *scope, struct lpg_gazetteer_view *ret_view)
{
    static const double anywhere[4] = {-180.0, -90.0, 180.0, 90.0};
    const cim_call call = fake_call(NULL);
    cim_error err = {0};
    fixture->fake->scope = scope;
    assert_ok(lpg_gazetteer_open(gazetteer, &call, anywhere, ret_view, &err), &err);
}

static void
find(struct lpg_gazetteer_view *view, const char *text, const char *bias,
     struct lpg_geocoded *ret_geocoded)
{
    lpg_geocode(view, bias != NULL ? lpg_area_names_of_code(view->names, bias) : -1, text,
                strlen(text), ret_geocoded);
}

static double
off_m(const struct lpg_geocoded *geocoded, const double at[2])
{
    return lpg_geodesic_inverse_m(geocoded->candidates[0].lonlat_deg, at, NULL);
}

/* ---- tests ---- */

/* Clause 7.3.2: known address and point, within 50 m both ways. */
static void
there_and_back(void **state)
{
    struct lpg_gazetteer_view view;
    look(*state, fake_scope_all(), &view);
    for (int i = 0; i < n_points; i++) {
        struct lpg_geocoded geocoded;
        struct lpg_reversed reversed;
        int nearest = 0;
        find(&view, points[i].text, NULL, &geocoded);
        if (geocoded.n == 0 || geocoded.ambiguous || off_m(&geocoded, points[i].at) > 50.0) {
            fail_msg("%s: %d candidates", points[i].text, geocoded.n);
        }
        assert_true(geocoded.grade <= LPG_GRADE_PLACE);
        /* A step aside, so that nothing stands exactly there. */
        const double at[2] = {points[i].at[0] + 0.00003, points[i].at[1] - 0.00002};
        for (int k = 1; k < n_points; k++) {
            if (lpg_geodesic_inverse_m(points[k].at, at, NULL) <
                lpg_geodesic_inverse_m(points[nearest].at, at, NULL)) {
                nearest = k;
            }
        }
        lpg_reverse(&view, at, &reversed);
        assert_true(fabs(reversed.door.distance_m -
                         lpg_geodesic_inverse_m(points[nearest].at, at, NULL)) < 0.001);
        const struct lpg_sites *sites = view.parts[reversed.door.part].view.sites;
        const char *text = sites->text + sites->facts[reversed.door.record].name;
        assert_string_equal(text, points[nearest].text);
        assert_string_equal(lpg_area_names_code(view.names, reversed.area), points[nearest].area);
        find(&view, text, NULL, &geocoded);
        assert_true(off_m(&geocoded, at) <= 50.0);
    }
    lpg_gazetteer_done(&view);
}

struct expected {
    const char *text;
    const char *bias;
    const char *grade;
    int near; /* the point of this number, from 1; 0: nowhere */
};

static void
expect(struct lpg_gazetteer_view *view, const struct expected *expected, double within_m)
{
    struct lpg_geocoded geocoded;
    find(view, expected->text, expected->bias, &geocoded);
    if (strcmp(lpg_geocoded_grade(&geocoded), expected->grade) != 0) {
        fail_msg("%s: %s instead of %s", expected->text, lpg_geocoded_grade(&geocoded),
                 expected->grade);
    }
    if (expected->near == 0) {
        assert_int_equal(geocoded.n, 0);
        return;
    }
    const double off = off_m(&geocoded, points[expected->near - 1].at);
    if (off > within_m) {
        fail_msg("%s: %.1f m off", expected->text, off);
    }
    assert_true(off <= geocoded.candidates[0].error_m + 20.0);
}

static void
grades(void **state)
{
    static const struct expected cases[] = {
        {"龙华区国贸路１８号之一", NULL, "door", 18},
        {"海口市国贸路18号3栋2单元502房", NULL, "door", 18},
        {"海口市龙华区国贸路20号", NULL, "interpolated", 19 /* 20 is not there */},
        {"海口市龙华区国贸路46号", NULL, "interpolated", 39},
        {"海口市龙华区国贸路980号", NULL, "road", 20},
        {"海口市龙华区国贸路", NULL, "road", 20},
        {"海口市国贸2横路7号", NULL, "door", 46},
        {"金山花园3栋502", NULL, "building", 275},
        {"海口市龙华区金山花园9栋502", NULL, "place", 274},
        {"长流镇美梅村12号", NULL, "door", 207},
        {"人民大道12号", "460106", "door", 90},
        {"人民大道12号", "460105", "door", 129},
        {"人民大道12号", NULL, "ambiguous", 90},
        {"海口市秀英区人民大道12号", NULL, "door", 129},
        {"海口市龙华区没有路12号", NULL, "county", 0},
        {"海口市龙华区金贸街道", NULL, "town", 0},
        {"海口市秀英区长流镇那央村委会", NULL, "community", 0},
        {"", NULL, "none", 0},
        {"老爸茶店", NULL, "none", 0},
    };
    struct lpg_gazetteer_view view;
    look(*state, fake_scope_all(), &view);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect(&view, &cases[i],
               strcmp(cases[i].grade, "ambiguous") == 0 ? 1e6
               : strcmp(cases[i].grade, "road") == 0    ? 130.0
                                                        : 50.0);
    }
    lpg_gazetteer_done(&view);
}

/* The door that is not there lies where it would stand: on its own side, between 18 and 22. */
static void
between_doors(void **state)
{
    struct lpg_gazetteer_view view;
    look(*state, fake_scope_all(), &view);
    for (int i = 0; i < STREETS; i++) {
        struct lpg_geocoded geocoded;
        char text[256];
        double at[2];
        place_of_door(i, 20, at);
        (void)snprintf(text, sizeof text, "%s%s20号", streets[i].head, streets[i].street);
        find(&view, text, NULL, &geocoded);
        assert_string_equal(lpg_geocoded_grade(&geocoded), "interpolated");
        assert_true(off_m(&geocoded, at) < 1.0);
        assert_true(geocoded.candidates[0].error_m >= 10.0);
    }
    lpg_gazetteer_done(&view);
}

/* An address of one county with a record of another: told, and nothing of the other county. */
static void
conflicts(void **state)
{
    struct lpg_gazetteer_view view;
    struct lpg_geocoded geocoded;
    look(*state, fake_scope_all(), &view);
    find(&view, "海口市龙华区国贸路18号", "460200", &geocoded);
    assert_true(geocoded.conflicts);
    find(&view, "海口市秀英区国贸路18号", NULL, &geocoded);
    assert_int_equal(geocoded.n, 0);
    assert_false(geocoded.conflicts);
    lpg_gazetteer_done(&view);
}

static void
unread_records_are_not_found(void **state)
{
    static const cim_term others = {.struct_size = sizeof others,
                                    .actions = CIM_ACT_READ,
                                    .resource = "*",
                                    .all_areas = 1,
                                    .owner_org = "O2",
                                    .from_ms = INT64_MIN,
                                    .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&others};
    cim_scope scope = {.struct_size = sizeof scope, .n_terms = 1, .terms = terms};
    struct lpg_gazetteer_view view;
    struct lpg_geocoded geocoded;
    struct lpg_reversed reversed;
    scope.areas_version = fake_scope_all()->areas_version;
    look(*state, &scope, &view);
    find(&view, points[0].text, NULL, &geocoded);
    assert_int_equal(geocoded.n, 0);
    assert_string_equal(lpg_geocoded_grade(&geocoded), "town");
    lpg_reverse(&view, points[0].at, &reversed);
    assert_true(isnan(reversed.door.distance_m));
    lpg_gazetteer_done(&view);
}

/* What is written is found, and what is gone is not; who looked before sees what was. */
static void
edits_are_followed(void **state)
{
    static const char *const names[] = {"uid", "address"};
    struct lpg_gazetteer_view before;
    struct lpg_gazetteer_view after;
    struct lpg_geocoded geocoded;
    char uid[37];
    const char *texts[] = {uid, "海南省三亚市解放路777号"};
    uid_of(n_points - 2, uid); /* the last door of 解放路 */
    look(*state, fake_scope_all(), &before);
    update_record(*state, "lpg.address-points", names, texts, 2);
    look(*state, fake_scope_all(), &after);
    find(&after, texts[1], NULL, &geocoded);
    assert_string_equal(lpg_geocoded_grade(&geocoded), "door");
    assert_true(off_m(&geocoded, points[n_points - 3].at) < 1.0);
    find(&after, points[n_points - 3].text, NULL, &geocoded);
    assert_string_not_equal(lpg_geocoded_grade(&geocoded), "door");
    find(&before, points[n_points - 3].text, NULL, &geocoded);
    assert_string_equal(lpg_geocoded_grade(&geocoded), "door");
    lpg_gazetteer_done(&before);
    lpg_gazetteer_done(&after);
    texts[1] = points[n_points - 3].text;
    update_record(*state, "lpg.address-points", names, texts, 2);
}

/* What the processes answer is JSON of the right shape. */
static void
answers(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(NULL);
    cim_blob blob = {0};
    cim_error err = {0};
    fixture->fake->scope = fake_scope_all();
    assert_ok(lpg_geocode_answer(gazetteer, &call, NULL,
                                 "{\"address\":[\"国贸路18号\",\"国贸路20号（旁）\",\"无\"]}",
                                 &blob, &err),
              &err);
    CIM_AUTO_FREE char *text = strndup(blob.data, blob.len);
    struct json_object *answer = json_tokener_parse(text);
    assert_string_equal(text_at(answer, "matches.features.0.properties.standard"), "国贸路18号");
    assert_string_equal(text_at(answer, "matches.features.0.properties.match"), "door");
    assert_string_equal(text_at(answer, "matches.features.0.properties.area_code"), "460106008");
    assert_string_equal(text_at(answer, "matches.features.1.properties.not_understood"), "旁");
    assert_int_equal((int)number_at(answer, "counts.door"), 1);
    assert_int_equal((int)number_at(answer, "counts.none"), 1);
    json_object_put(answer);
    blob.release(&blob);
    assert_ok(lpg_reverse_answer(gazetteer, &call, NULL,
                                 "{\"point\":{\"type\":\"Point\",\"coordinates\":[110.31,20.02]}}",
                                 &blob, &err),
              &err);
    CIM_AUTO_FREE char *back = strndup(blob.data, blob.len);
    answer = json_tokener_parse(back);
    assert_string_equal(text_at(answer, "places.0.address"), "海南省海口市龙华区金贸街道国贸路1号");
    json_object_put(answer);
    blob.release(&blob);
}

/* Chainage and side along a road that winds. */
static void
roads_are_measured(void **state)
{
    static const char *const names[] = {"name", "class", "area_code"};
    const char *texts[] = {"滨海大道", "primary", "460106"};
    static const double line[] = {110.250, 20.050, 110.252, 20.050, 110.252, 20.052};
    static const double right[2] = {110.2523, 20.051};
    struct lpg_gazetteer_view view;
    struct lpg_reversed reversed;
    struct lpg_geocoded geocoded;
    const struct cim_definition *def =
        lpg_layer_definition(lpg_data_layer(((struct fixture *)*state)->data, "lpg.roads"));
    texts[1] = cim_definition_field(def, "class")->codes->codes[0].value;
    add_line(*state, "lpg.roads", names, texts, 3, line, 3);
    look(*state, fake_scope_all(), &view);
    lpg_reverse(&view, right, &reversed);
    const double foot[2] = {110.252, 20.051};
    const double expected =
        lpg_geodesic_inverse_m(line, line + 2, NULL) + lpg_geodesic_inverse_m(line + 2, foot, NULL);
    assert_true(fabs(reversed.road.chainage_m - expected) < 0.05);
    assert_int_equal(reversed.road.side, 'R');
    assert_true(fabs(reversed.road.distance_m - lpg_geodesic_inverse_m(right, foot, NULL)) < 0.01);
    find(&view, "海口市滨海大道", NULL, &geocoded);
    assert_string_equal(lpg_geocoded_grade(&geocoded), "road");
    lpg_gazetteer_done(&view);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(grades),
        cmocka_unit_test(between_doors),
        cmocka_unit_test(conflicts),
        cmocka_unit_test(unread_records_are_not_found),
        cmocka_unit_test(edits_are_followed),
        cmocka_unit_test(answers),
        cmocka_unit_test(roads_are_measured),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
