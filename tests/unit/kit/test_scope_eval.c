/* tests/unit/kit/test_scope_eval.c -- terms per record, and masked forms. */
#include "unit.h"

#include "kit/buf.h"
#include "kit/scope_eval.h"

static const struct cim_field phone = {
    .name = (char *)(uintptr_t) "phone", .type = CIM_FIELD_TEXT, .sensitive = CIM_SENSITIVE_PHONE};
static const struct cim_field plain = {.name = (char *)(uintptr_t) "note", .type = CIM_FIELD_TEXT};

static void
test_resource_patterns(void **state)
{
    (void)state;
    assert_true(cim_resource_matches("*", "lpg.enterprises"));
    assert_true(cim_resource_matches("lpg.*", "lpg.enterprises"));
    assert_true(cim_resource_matches("lpg.enterprises", "lpg.enterprises"));
    assert_false(cim_resource_matches("lpg.enter", "lpg.enterprises"));
    assert_false(cim_resource_matches("lpg.*", "lpgx.enterprises"));
    assert_false(cim_resource_matches("lpg.*", "lpg."));
    assert_false(cim_resource_matches("lpg.*", "lpg"));
    assert_false(cim_resource_matches("", "lpg.enterprises"));
    assert_false(cim_resource_matches("lp*", "lpg.enterprises"));
}

static void
test_term_covers_area_owner_and_time(void **state)
{
    static const uint64_t areas[] = {0, 1U << 5U}; /* ordinal 69 */
    const cim_term term = {.struct_size = sizeof term,
                           .areas = areas,
                           .n_area_words = 2,
                           .owner_org = "acme",
                           .from_ms = 100,
                           .until_ms = 200};
    cim_term everywhere = term;
    (void)state;
    assert_true(cim_term_covers(&term, 100, 69, "acme", 4));
    assert_true(cim_term_covers(&term, 199, 69, "acme", 4));
    assert_false(cim_term_covers(&term, 99, 69, "acme", 4));
    assert_false(cim_term_covers(&term, 200, 69, "acme", 4));
    assert_false(cim_term_covers(&term, 150, 68, "acme", 4));
    assert_false(cim_term_covers(&term, 150, 128, "acme", 4));
    assert_false(cim_term_covers(&term, 150, -1, "acme", 4));
    assert_false(cim_term_covers(&term, 150, 69, "acme2", 5));
    assert_false(cim_term_covers(&term, 150, 69, "acm", 3));
    assert_false(cim_term_covers(&term, 150, 69, NULL, 0));
    everywhere.all_areas = 1;
    everywhere.areas = NULL;
    assert_true(cim_term_covers(&everywhere, 150, -1, "acme", 4));
}

static void
test_field_mode_is_that_of_the_covering_terms(void **state)
{
    static const uint64_t first[] = {1};
    static const uint64_t both[] = {3};
    static const char *const listed[] = {"phone", "note"};
    static const uint8_t modes[] = {CIM_FIELD_ABSENT, CIM_FIELD_MASKED};
    const cim_term clear_first = {.areas = first,
                                  .n_area_words = 1,
                                  .sensitive_mode = CIM_FIELD_CLEAR,
                                  .until_ms = INT64_MAX};
    const cim_term masked_both = {.areas = both,
                                  .n_area_words = 1,
                                  .sensitive_mode = CIM_FIELD_MASKED,
                                  .until_ms = INT64_MAX};
    const cim_term by_name = {.all_areas = 1,
                              .sensitive_mode = CIM_FIELD_CLEAR,
                              .n_field_modes = 2,
                              .field_names = listed,
                              .field_modes = modes,
                              .until_ms = INT64_MAX};
    const cim_term *two[] = {&clear_first, &masked_both};
    const cim_term *one[] = {&by_name};
    const cim_scope scope = {.n_terms = 2, .terms = two};
    const cim_scope named = {.n_terms = 1, .terms = one};
    const cim_scope nothing = {.n_terms = 0};
    (void)state;
    assert_int_equal(cim_scope_field_mode(&scope, &phone, 1, 0, NULL, 0), CIM_FIELD_CLEAR);
    assert_int_equal(cim_scope_field_mode(&scope, &phone, 1, 1, NULL, 0), CIM_FIELD_MASKED);
    assert_int_equal(cim_scope_field_mode(&scope, &phone, 1, 2, NULL, 0), CIM_FIELD_ABSENT);
    assert_int_equal(cim_scope_field_mode(&scope, &plain, 1, 1, NULL, 0), CIM_FIELD_CLEAR);
    assert_int_equal(cim_scope_field_mode(&scope, &plain, 1, 2, NULL, 0), CIM_FIELD_ABSENT);
    assert_int_equal(cim_scope_field_mode_min(&scope, &phone), CIM_FIELD_MASKED);
    assert_int_equal(cim_scope_field_mode_min(&scope, &plain), CIM_FIELD_CLEAR);
    assert_int_equal(cim_scope_field_mode(&named, &phone, 1, -1, NULL, 0), CIM_FIELD_ABSENT);
    assert_int_equal(cim_scope_field_mode(&named, &plain, 1, -1, NULL, 0), CIM_FIELD_MASKED);
    assert_int_equal(cim_scope_field_mode_min(&nothing, &plain), CIM_FIELD_ABSENT);
}

static void
test_masked_forms(void **state)
{
    static const struct {
        enum cim_sensitive kind;
        const char *text;
        const char *masked;
    } cases[] = {
        {CIM_SENSITIVE_NAME, "张小三", "张*三"},
        {CIM_SENSITIVE_NAME, "张三", "张*"},
        {CIM_SENSITIVE_NAME, "张", "*"},
        {CIM_SENSITIVE_NAME, "欧阳小三", "欧**三"},
        {CIM_SENSITIVE_NAME, "", ""},
        {CIM_SENSITIVE_ID, "460100190001010018", "460100********0018"},
        {CIM_SENSITIVE_ID, "460100900101001", "460100*****1001"},
        {CIM_SENSITIVE_ID, "G1234567", "********"},
        {CIM_SENSITIVE_PHONE, "13800138000", "138****8000"},
        {CIM_SENSITIVE_PHONE, "0898-66668888", "089******8888"},
        {CIM_SENSITIVE_PHONE, "66668888", "******88"},
        {CIM_SENSITIVE_PHONE, "12345", "*****"},
        {CIM_SENSITIVE_ADDRESS, "海口市龙华区滨海大道32号5栋301", "海口市龙华区滨海大道***"},
        {CIM_SENSITIVE_ADDRESS, "金贸中路半山花园A栋", "金贸中路***"},
        {CIM_SENSITIVE_ADDRESS, "大坡镇东昌村12号", "大坡镇***"},
        {CIM_SENSITIVE_ADDRESS, "海口市龙华区５栋", "海口市龙华区***"},
        {CIM_SENSITIVE_ADDRESS, "5栋301", "***"},
        {CIM_SENSITIVE_NO, "x海", "**"},
    };
    struct cim_buf out;
    (void)state;
    cim_buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cim_buf_clear(&out);
        cim_buf_add(&out, "", 0);
        cim_mask_text(cases[i].kind, cases[i].text, strlen(cases[i].text), &out);
        assert_string_equal(out.data, cases[i].masked);
    }
    cim_buf_clear(&out);
    cim_mask_text(CIM_SENSITIVE_NAME, "\xE5\xBC", 2, &out); /* broken UTF-8 */
    assert_string_equal(out.data, "*");
    cim_buf_done(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resource_patterns),
        cmocka_unit_test(test_term_covers_area_owner_and_time),
        cmocka_unit_test(test_field_mode_is_that_of_the_covering_terms),
        cmocka_unit_test(test_masked_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
