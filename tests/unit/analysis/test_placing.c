/* Records without a point get one from their address; points that people gave stay. */
#include "fixture.h"

#include "kit/rows.h"
#include "kit/wkb.h"

#include <math.h>
#include <stdio.h>

#define USERS "lpg.end-users"

static const double door_at[2] = {110.310, 20.020};
static const double other_at[2] = {110.315, 20.021};
static const double hand_at[2] = {110.400, 20.100};

static void
add_address(struct fixture *fixture, const char *text, const char *area, const double at[2])
{
    static const char *const names[] = {"address", "kind", "area_code"};
    const char *texts[] = {text, "door", area};
    add_place(fixture, "lpg.address-points", names, texts, 3, at);
}

static int
setup(void **state)
{
    fixture_has_towns = true;
    int failed = fixture_setup(state);
    failed = failed != 0 ? failed : fixture_clear(state);
    add_address(*state, "海南省海口市龙华区金贸街道国贸路12号", "460106008", door_at);
    add_address(*state, "海南省海口市龙华区金贸街道国贸路40号", "460106008", other_at);
    return failed;
}

/* Texts of fields of a user; NULL: not given. */
struct user {
    const char *no;
    const char *address;
    const char *area;
    const char *grade;
    const double *at;
};

static void
create(struct fixture *fixture, int number, const struct user *user)
{
    static const char *const names[] = {"uid",      "user_no",         "kind",
                                        "consumer", "real_name_state", "inspection_state",
                                        "address",  "position_grade",  "area_code"};
    char uid[37];
    const char *texts[] = {uid,      user->no,      "resident",  "residential", "verified",
                           "passed", user->address, user->grade, user->area};
    uid_of(number, uid);
    if (user->at != NULL) {
        add_place(fixture, USERS, names, texts, 9, user->at);
    } else {
        add_record(fixture, USERS, names, texts, 9, NULL, 0);
    }
}

struct told {
    bool has_point;
    double at[2];
    char grade[40];
    char source[80];
    double error_m;
};

static void
copy_cell(const cim_rows *rows, const cim_batch *batch, const char *name, char *to, size_t size)
{
    const cim_column *column = batch->columns[cim_rows_column(rows, name)];
    size_t len = 0;
    const uint8_t *text =
        cim_column_present(column, 0) ? cim_column_bytes(column, 0, &len) : (const uint8_t *)"";
    (void)snprintf(to, size, "%.*s", (int)len, (const char *)text);
}

static struct told
user_of(struct fixture *fixture, int number)
{
    const cim_call call = fake_call(fake_scope_all());
    char uid[37];
    cim_query query = {.struct_size = sizeof query, .uid = uid};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    struct told told = {.error_m = NAN};
    cim_error err = {0};
    uid_of(number, uid);
    assert_ok(lpg_layer_query(lpg_data_layer(fixture->data, USERS), &call, &query, &rows, &err),
              &err);
    assert_ok(rows->next(rows, &batch, &err), &err);
    assert_int_equal(batch->n_rows, 1);
    const cim_column *geom = batch->columns[CIM_RECORD_GEOM];
    told.has_point = cim_column_present(geom, 0);
    if (told.has_point) {
        size_t len = 0;
        const uint8_t *wkb = cim_column_bytes(geom, 0, &len);
        assert_true(cim_wkb_point(wkb, len, &told.at[0], &told.at[1]));
    }
    copy_cell(rows, batch, "position_grade", told.grade, sizeof told.grade);
    copy_cell(rows, batch, "position_source", told.source, sizeof told.source);
    const cim_column *error = batch->columns[cim_rows_column(rows, "position_error_m")];
    if (cim_column_present(error, 0)) {
        told.error_m = cim_column_f64(error, 0);
    }
    return told;
}

static void
assert_at(const struct told *told, const double at[2])
{
    assert_true(told->has_point);
    assert_true(fabs(told->at[0] - at[0]) < 1e-9 && fabs(told->at[1] - at[1]) < 1e-9);
}

/* ---- tests ---- */

static void
an_address_gives_a_point(void **state)
{
    static const struct user at_door = {"U1", "海口市龙华区国贸路12号3栋502房", "460106", NULL,
                                        NULL};
    create(*state, 1, &at_door);
    const struct told told = user_of(*state, 1);
    assert_at(&told, door_at);
    assert_string_equal(told.grade, "door");
    assert_string_equal(told.source, "lpg.address-points");
    assert_true(told.error_m > 0.0 && told.error_m <= 50.0);
}

static void
a_poor_match_gives_none(void **state)
{
    static const struct {
        struct user user;
        const char *grade;
    } cases[] = {
        {{"U10", "海口市龙华区国贸路", "460106", NULL, NULL}, "road"},
        {{"U11", "海口市龙华区金贸街道", "460106", NULL, NULL}, "town"},
        {{"U12", "没有这个地方", "460106", NULL, NULL}, "none"},
        {{"U13", NULL, "460106", NULL, NULL}, "none"},
        /* in another city than the record */
        {{"U14", "海口市龙华区国贸路12号", "460200", NULL, NULL}, "ambiguous"},
    };
    for (int i = 0; i < (int)(sizeof cases / sizeof cases[0]); i++) {
        create(*state, 10 + i, &cases[i].user);
        const struct told told = user_of(*state, 10 + i);
        assert_false(told.has_point);
        assert_string_equal(told.grade, cases[i].grade);
        assert_string_equal(told.source, "");
        assert_true(isnan(told.error_m));
    }
}

static void
a_given_point_stays(void **state)
{
    static const char *const names[] = {"uid", "address"};
    static const struct user given = {"U20", "海口市龙华区国贸路12号", "460106", NULL, hand_at};
    static const struct user surveyed = {"U21", "海口市龙华区国贸路12号", "460106", "survey",
                                         hand_at};
    char uid[37];
    const char *texts[] = {uid, "海口市龙华区国贸路40号"};
    create(*state, 20, &given);
    create(*state, 21, &surveyed);
    for (int i = 20; i <= 21; i++) {
        const char *grade = i == 20 ? "given" : "survey";
        struct told told = user_of(*state, i);
        assert_at(&told, hand_at);
        assert_string_equal(told.grade, grade);
        uid_of(i, uid);
        update_record(*state, USERS, names, texts, 2);
        told = user_of(*state, i);
        assert_at(&told, hand_at);
        assert_string_equal(told.grade, grade);
    }
}

/* Placed by hand is placed for good; what an address placed follows the address. */
static void
hands_have_the_last_word(void **state)
{
    static const char *const names[] = {"uid", "address"};
    static const struct user lost = {"U30", "海口市龙华区国贸路", "460106", NULL, NULL};
    static const struct user found = {"U31", "海口市龙华区国贸路12号", "460106", NULL, NULL};
    char uid[37];
    const char *texts[] = {uid, "海口市龙华区国贸路40号"};
    create(*state, 30, &lost);
    create(*state, 31, &found);
    move_place(*state, USERS, 30, hand_at);
    struct told told = user_of(*state, 30);
    assert_at(&told, hand_at);
    assert_string_equal(told.grade, "manual");
    assert_string_equal(told.source, "");
    uid_of(30, uid);
    update_record(*state, USERS, names, texts, 2);
    told = user_of(*state, 30);
    assert_at(&told, hand_at);
    assert_string_equal(told.grade, "manual");
    uid_of(31, uid);
    update_record(*state, USERS, names, texts, 2);
    told = user_of(*state, 31);
    assert_at(&told, other_at);
    assert_string_equal(told.grade, "door");
    texts[1] = "海口市龙华区国贸路";
    update_record(*state, USERS, names, texts, 2);
    told = user_of(*state, 31);
    assert_false(told.has_point);
    assert_string_equal(told.grade, "road");
}

/* An edit that says nothing of place or address leaves both. */
static void
other_edits_move_nothing(void **state)
{
    static const char *const names[] = {"uid", "cylinders_in_use"};
    static const struct user at_door = {"U40", "海口市龙华区国贸路12号", "460106", NULL, NULL};
    char uid[37];
    const char *texts[] = {uid, "2"};
    create(*state, 40, &at_door);
    uid_of(40, uid);
    update_record(*state, USERS, names, texts, 2);
    const struct told told = user_of(*state, 40);
    assert_at(&told, door_at);
    assert_string_equal(told.grade, "door");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_gives_a_point), cmocka_unit_test(a_poor_match_gives_none),
        cmocka_unit_test(a_given_point_stays),      cmocka_unit_test(hands_have_the_last_word),
        cmocka_unit_test(other_edits_move_nothing),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
