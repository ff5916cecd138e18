/* The area tree: import, reload, refusals that leave the tree as it was. */
#include "fixture.h"

#include "kit/cleanup.h"
#include "kit/rows.h"

static void
test_areas_import_sets_order_and_version(void **state)
{
    struct fixture *fixture = *state;
    const struct cim_area_tree *tree = host_areas_tree(fixture->areas);
    const int32_t city = cim_area_tree_ordinal(tree, "4601");
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error error = {0};
    assert_int_equal(cim_area_tree_count(tree), 6);
    assert_int_equal(cim_area_tree_ordinal(tree, "460000"), cim_area_tree_ordinal(tree, "46"));
    assert_int_equal(cim_area_tree_at(tree, city)->ordinal_end, city + 3);
    assert_true(cim_area_tree_version(tree) > 0);
    assert_int_equal(cim_area_tree_version(tree), host_store_layer_pos(fixture->data, "cim.areas"));
    assert_ok(host_store_read(fixture->data,
                              "select ord, ord_end from cim_area where code = '4601'", NULL, 0,
                              &rows, &error),
              &error);
    assert_ok(rows->next(rows, &batch, &error), &error);
    assert_int_equal(cim_column_i64(batch->columns[0], 0), city);
    assert_int_equal(cim_column_i64(batch->columns[1], 0), city + 3);
}

static void
test_areas_survive_a_restart(void **state)
{
    struct fixture *fixture = *state;
    const int64_t version = cim_area_tree_version(host_areas_tree(fixture->areas));
    fixture_restart(fixture);
    assert_int_equal(cim_area_tree_count(host_areas_tree(fixture->areas)), 6);
    assert_int_equal(cim_area_tree_version(host_areas_tree(fixture->areas)), version);
}

static void
test_areas_new_tree_leaves_the_old_one_usable(void **state)
{
    struct fixture *fixture = *state;
    const struct cim_area_tree *old = host_areas_tree(fixture->areas);
    char path[128];
    int64_t count = 0;
    cim_error error = {0};
    fixture_file(fixture, "new.csv",
                 "\xEF\xBB\xBF"
                 "parent,level,name,code\r\n,province,\"海南, \"\"琼\"\"\",46\r\n",
                 path);
    assert_ok(host_areas_import(fixture->areas, path, &count, &error), &error);
    assert_int_equal(count, 1);
    assert_int_equal(cim_area_tree_count(old), 6);
    assert_string_equal(cim_area_tree_at(old, cim_area_tree_ordinal(old, "4601"))->name, "海口市");
    assert_int_equal(cim_area_tree_count(host_areas_tree(fixture->areas)), 1);
    assert_string_equal(cim_area_tree_at(host_areas_tree(fixture->areas), 0)->name, "海南, \"琼\"");
}

static void
test_areas_bad_file_is_refused_by_line_and_column(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "line 1: code"},
        {"code,name,level\n46,a,province\n", "line 1: parent"},
        {"code,name,level,parent\n46,海南,province,\n4 6,a,city,46\n", "line 3: code '4 6'"},
        {"code,name,level,parent\n46,,province,\n", "line 2: name ''"},
        {"code,name,level,parent\n46,海南,state,\n", "line 2: level 'state'"},
        {"code,name,level,parent,valid_from\n46,海南,province,,2024-02-30\n",
         "line 2: valid_from '2024-02-30'"},
        {"code,name,level,parent,valid_from,valid_to\n46,海南,province,,2024-02-02,2024-02-01\n",
         "area 46: it ends before it begins"},
        {"code,name,level,parent\n46,\"海南,province,\n", "line 2: a quote that does not end"},
        {"code,name,level,parent\n46,\"海南\"x,province,\n", "line 2: expected a comma"},
        {"code,name,level,parent\n46,海南,province,\n46,海南,province,\n", "46"},
        {"code,name,level,parent\n46,海南,province,47\n", "47"},
        {"code,name,level,parent\n46,a,province,47\n47,b,province,46\n", "4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[128];
        int64_t count = -1;
        cim_error error = {0};
        fixture_file(fixture, "bad.csv", cases[i].text, path);
        assert_int_equal(host_areas_import(fixture->areas, path, &count, &error), CIM_E_INVALID);
        assert_contains(error.en, cases[i].says);
        assert_int_equal(count, -1);
        assert_int_equal(cim_area_tree_count(host_areas_tree(fixture->areas)), 6);
    }
    {
        int64_t count = -1;
        cim_error error = {0};
        assert_int_equal(host_areas_import(fixture->areas, "no-such.csv", &count, &error),
                         CIM_E_NOTFOUND);
    }
}

/* How many areas the only term of the account holds now. */
static int
areas_granted(struct fixture *fixture, const char *username)
{
    struct host_principal *principal = NULL;
    const cim_scope *scope = NULL;
    cim_error error = {0};
    int n = 0;
    assert_ok(host_principal_get(fixture->identity, username, &principal, &error), &error);
    assert_ok(host_identity_scope(fixture->identity, principal, "lpg.stations", CIM_ACT_READ,
                                  host_clock_now_ms(fixture->clock), &scope, &error),
              &error);
    assert_int_equal(scope->n_terms, 1);
    for (uint32_t i = 0; i < scope->terms[0]->n_area_words; i++) {
        n += __builtin_popcountll(scope->terms[0]->areas[i]);
    }
    host_principal_release(principal);
    return n;
}

/* The clock alone takes the area away: nobody writes, and no account is signed in anew. */
static void
test_areas_past_their_last_day_are_not_granted(void **state)
{
    struct fixture *fixture = *state;
    const int64_t midnight_ms = FIXTURE_NOW_MS + INT64_C(8) * 3600000; /* of 2027-01-16, Beijing */
    char path[128];
    int64_t count = 0;
    cim_error error = {0};
    fixture_file(fixture, "ends.csv",
                 "code,name,level,parent,aliases,valid_from,valid_to\n46,海南,province,,,,\n"
                 "4601,海口市,city,46,,,2027-01-15\n460105,秀英区,county,4601,,,\n"
                 "4602,三亚市,city,46,,2027-01-16,\n",
                 path);
    assert_ok(host_areas_import(fixture->areas, path, &count, &error), &error);
    fixture_put(fixture, "city", "regulator", "4601", NULL, INT64_MAX);
    fixture_put(fixture, "south", "regulator", "4602", NULL, INT64_MAX);
    fixture_put(fixture, "province", "regulator", "46", NULL, INT64_MAX);
    host_clock_set(fixture->clock, midnight_ms - 1);
    assert_int_equal(areas_granted(fixture, "city"), 2);
    assert_int_equal(areas_granted(fixture, "south"), 0);
    assert_int_equal(areas_granted(fixture, "province"), 4);
    host_clock_set(fixture->clock, midnight_ms);
    assert_int_equal(areas_granted(fixture, "city"), 0);
    assert_int_equal(areas_granted(fixture, "south"), 1);
    assert_int_equal(areas_granted(fixture, "province"), 4); /* what lies in 4601 stays readable */
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_areas_import_sets_order_and_version),
        TEST(test_areas_survive_a_restart),
        TEST(test_areas_new_tree_leaves_the_old_one_usable),
        TEST(test_areas_past_their_last_day_are_not_granted),
        TEST(test_areas_bad_file_is_refused_by_line_and_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
