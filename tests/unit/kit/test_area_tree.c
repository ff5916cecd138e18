/* tests/unit/kit/test_area_tree.c -- the tree of areas against the facts of Hainan. */
#include "unit.h"

#include "fail_alloc.h"
#include "kit/area_tree.h"

static const struct cim_area_input hainan[] = {
    {"469030", "琼中黎族苗族自治县", "county", "460000", NULL}, /* before its parent */
    {"460000", "海南省", "province", NULL, NULL},
    {"460100", "海口市", "city", "460000", ""},
    {"460105", "秀英区", "county", "460100", "  4601051  460105999 "},
    {"460105100", "长流镇", "town", "460105", NULL},
    {"460105101", "西秀镇", "town", "460105", NULL},
    {"469001", "五指山市", "county", "460000", NULL},
    {"460300", "三沙市", "city", "460000", NULL},
    {"460301", "西沙区", "county", "460300", "460302 460321"},
    {"yangpu", "洋浦经济开发区", "park", "460000", NULL},
};
enum { N_HAINAN = sizeof hainan / sizeof hainan[0] };

static bool
is_within(const struct cim_area_tree *tree, const char *inner, const char *outer)
{
    const int32_t ordinal = cim_area_tree_ordinal(tree, inner);
    const cim_area *area = cim_area_tree_at(tree, cim_area_tree_ordinal(tree, outer));
    assert_non_null(area);
    return ordinal >= area->ordinal && ordinal < area->ordinal_end;
}

static void
test_subtrees_follow_parents_not_prefixes(void **state)
{
    struct cim_area_tree *tree = NULL;
    cim_error err = {0};
    (void)state;
    assert_ok(cim_area_tree_new(hainan, N_HAINAN, 7, &tree, &err), &err);
    assert_int_equal(cim_area_tree_count(tree), N_HAINAN);
    assert_int_equal(cim_area_tree_version(tree), 7);
    assert_true(is_within(tree, "469001", "460000"));
    assert_true(is_within(tree, "469030", "460000"));
    assert_false(is_within(tree, "469001", "460100"));
    assert_true(is_within(tree, "460105101", "460105"));
    assert_true(is_within(tree, "460105101", "460100"));
    assert_false(is_within(tree, "460105101", "460105100"));
    assert_false(is_within(tree, "yangpu", "460300"));
    for (int32_t i = 0; i < N_HAINAN; i++) {
        const cim_area *area = cim_area_tree_at(tree, i);
        assert_int_equal(area->ordinal, i);
        assert_int_equal(cim_area_tree_ordinal(tree, area->code), i);
        assert_true(area->parent < i);
        if (area->parent >= 0) {
            const cim_area *parent = cim_area_tree_at(tree, area->parent);
            assert_true(area->ordinal_end <= parent->ordinal_end);
        }
    }
    assert_string_equal(cim_area_tree_at(tree, 0)->name, "海南省");
    assert_null(cim_area_tree_at(tree, N_HAINAN));
    assert_null(cim_area_tree_at(tree, -1));
    cim_area_tree_free(tree);
}

static void
test_aliases_lead_to_the_area(void **state)
{
    struct cim_area_tree *tree = NULL;
    cim_error err = {0};
    (void)state;
    assert_ok(cim_area_tree_new(hainan, N_HAINAN, 1, &tree, &err), &err);
    const int32_t xisha = cim_area_tree_ordinal(tree, "460301");
    assert_int_equal(cim_area_tree_ordinal(tree, "460302"), xisha);
    assert_int_equal(cim_area_tree_ordinal(tree, "460321"), xisha);
    assert_int_equal(cim_area_tree_ordinal(tree, "460105999"),
                     cim_area_tree_ordinal(tree, "460105"));
    assert_int_equal(cim_area_tree_ordinal(tree, "460322"), -1);
    assert_int_equal(cim_area_tree_ordinal(tree, ""), -1);
    assert_int_equal(cim_area_tree_ordinal(tree, NULL), -1);
    cim_area_tree_free(tree);
    assert_ok(cim_area_tree_new(NULL, 0, 1, &tree, &err), &err);
    assert_int_equal(cim_area_tree_count(tree), 0);
    assert_int_equal(cim_area_tree_ordinal(tree, "460000"), -1);
    cim_area_tree_free(tree);
    cim_area_tree_free(NULL);
}

static void
test_days_are_whole_days_in_beijing(void **state)
{
    const int64_t first_ms = 1587139200000; /* 2020-04-18 in Beijing */
    const int64_t over_ms = 1767196800000;  /* 2026-01-01 */
    struct cim_area_tree *tree = NULL;
    cim_error err = {0};
    (void)state;
    assert_ok(cim_area_tree_new(hainan, N_HAINAN, 1, &tree, &err), &err);
    assert_true(cim_area_tree_steady_until(tree, 0) == INT64_MAX);
    assert_ok(cim_area_tree_set_days(tree, "460302", "2020-04-18", "2025-12-31", &err), &err);
    assert_ok(cim_area_tree_set_days(tree, "469001", NULL, "", &err), &err);
    const cim_area *xisha = cim_area_tree_at(tree, cim_area_tree_ordinal(tree, "460301"));
    assert_true(xisha->from_ms == first_ms && xisha->until_ms == over_ms);
    const cim_area *other = cim_area_tree_at(tree, cim_area_tree_ordinal(tree, "469001"));
    assert_true(other->from_ms == INT64_MIN && other->until_ms == INT64_MAX);
    assert_true(cim_area_tree_steady_until(tree, first_ms - 1) == first_ms);
    assert_true(cim_area_tree_steady_until(tree, first_ms) == over_ms);
    assert_true(cim_area_tree_steady_until(tree, over_ms) == INT64_MAX);
    assert_int_equal(cim_area_tree_set_days(tree, "460301", "2020-04-18", "2020-04-17", &err),
                     CIM_E_INVALID);
    assert_string_equal(err.param, "valid_to");
    assert_int_equal(cim_area_tree_set_days(tree, "460301", "2020-02-30", NULL, &err),
                     CIM_E_INVALID);
    assert_int_equal(cim_area_tree_set_days(tree, "460999", NULL, NULL, &err), CIM_E_NOTFOUND);
    assert_true(xisha->until_ms == over_ms); /* a refusal changes nothing */
    cim_area_tree_free(tree);
}

static void
test_broken_trees_are_refused_by_name(void **state)
{
    static const struct {
        struct cim_area_input inputs[3];
        const char *value;
        const char *message;
    } cases[] = {
        {{{"1", "a", NULL, NULL, NULL}, {"1", "b", NULL, NULL, NULL}, {"2", "c", "", "", ""}},
         "1",
         "occurs twice"},
        {{{"1", "a", "", "", "9"}, {"2", "b", "", "", "9"}, {"3", "c", "", "", ""}},
         "9",
         "occurs twice"},
        {{{"1", "a", "", "", "3"}, {"2", "b", "", "", ""}, {"3", "c", "", "", ""}},
         "3",
         "occurs twice"},
        {{{"1", "a", "", "7", ""}, {"2", "b", "", "", ""}, {"3", "c", "", "", ""}},
         "7",
         "does not exist"},
        {{{"1", "a", "", "2", ""}, {"2", "b", "", "1", ""}, {"3", "c", "", "", ""}}, "2", "cycle"},
        {{{"1", "a", "", "1", ""}, {"2", "b", "", "", ""}, {"3", "c", "", "", ""}}, "1", "cycle"},
        {{{"1", "a", "", "", ""}, {"", "b", "", "", ""}, {"3", "c", "", "", ""}}, "", "area 2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cim_area_tree *tree = NULL;
        cim_error err = {0};
        assert_int_equal(cim_area_tree_new(cases[i].inputs, 3, 1, &tree, &err), CIM_E_INVALID);
        assert_null(tree);
        assert_string_equal(err.value, cases[i].value);
        assert_contains(err.en, cases[i].message);
    }
    struct cim_area_tree *tree = NULL;
    assert_int_equal(cim_area_tree_new(hainan, CIM_AREAS_MAX + 1, 1, &tree, NULL), CIM_E_TOO_LARGE);
}

static void
test_random_trees_number_depth_first(void **state)
{
    enum { COUNT = 3000 };
    static char codes[COUNT][16];
    static struct cim_area_input inputs[COUNT];
    static int parents[COUNT];
    uint64_t seed = 3;
    struct cim_area_tree *tree = NULL;
    cim_error err = {0};
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(codes[i], sizeof codes[i], "c%d", i);
        parents[i] = i > 0 && unit_random_below(&seed, 20) > 0
                         ? (int)unit_random_below(&seed, (uint32_t)i)
                         : -1;
        inputs[i] = (struct cim_area_input){codes[i], "x", "town",
                                            parents[i] >= 0 ? codes[parents[i]] : NULL, NULL};
    }
    assert_ok(cim_area_tree_new(inputs, COUNT, 1, &tree, &err), &err);
    for (int round = 0; round < 20000; round++) {
        const int a = (int)unit_random_below(&seed, COUNT);
        const int b = (int)unit_random_below(&seed, COUNT);
        int up = a;
        while (up >= 0 && up != b) {
            up = parents[up];
        }
        assert_int_equal(is_within(tree, codes[a], codes[b]), up == b);
    }
    cim_area_tree_free(tree);
}

static void
test_survives_every_failed_allocation(void **state)
{
    (void)state;
    for (long nth = 1;; nth++) {
        struct cim_area_tree *tree = NULL;
        fail_alloc_at(nth);
        const cim_status status = cim_area_tree_new(hainan, N_HAINAN, 1, &tree, NULL);
        const int happened = fail_alloc_happened();
        fail_alloc_at(0);
        assert_int_equal(status, happened ? CIM_E_NOMEM : CIM_OK);
        cim_area_tree_free(tree);
        if (!happened) {
            assert_true(nth > 5);
            return;
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subtrees_follow_parents_not_prefixes),
        cmocka_unit_test(test_aliases_lead_to_the_area),
        cmocka_unit_test(test_days_are_whole_days_in_beijing),
        cmocka_unit_test(test_broken_trees_are_refused_by_name),
        cmocka_unit_test(test_random_trees_number_depth_first),
        cmocka_unit_test(test_survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
