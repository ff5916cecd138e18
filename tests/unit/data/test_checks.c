/* tests/unit/data/test_checks.c -- formats of codes against their published examples. */
#include "unit.h"

#include "data/checks.h"

struct example {
    const char *text;
    bool right;
};

static void
check_all(bool (*check)(const char *, size_t), const struct example *examples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (check(examples[i].text, strlen(examples[i].text)) != examples[i].right) {
            fail_msg("%s: expected %d", examples[i].text, examples[i].right);
        }
    }
}

static void
test_uscc(void **state)
{
    static const struct example forms[] = {
        {"91350100M000100Y43", true},  {"91460100MA5T00010J", true},
        {"91350100M000100Y4", false},  {"91350100M000100Y433", false},
        {"9135010OM000100Y43", false}, {"91350100M000100I43", false},
        {"91350100m000100Y43", false}, {"91350100M000100Y40", true},
    };
    static const struct example digits[] = {
        {"91350100M000100Y43", true}, {"91460100MA5T00010J", true},  {"91460200MA5T00029L", true},
        {"91469002MA5T00037H", true}, {"91350100M000100Y40", false}, {"91350100M000010Y43", false},
    };
    (void)state;
    check_all(lpg_uscc_has_form, forms, sizeof forms / sizeof forms[0]);
    check_all(lpg_uscc_digit_is_right, digits, sizeof digits / sizeof digits[0]);
}

static void
test_id_card(void **state)
{
    static const struct example examples[] = {
        {"11010519491231002X", true},  {"440524188001010014", true},  {"460100190001010018", true},
        {"11010519491231002x", false}, {"110105194912310021", false}, {"11010519490231002X", false},
        {"460100900101001", false},    {"01010519491231002X", false}, {"", false},
        {"990105194912310029", false}, {"470105194912310025", false},
    };
    (void)state;
    check_all(lpg_id_card_is_right, examples, sizeof examples / sizeof examples[0]);
}

static void
test_phone(void **state)
{
    static const struct example examples[] = {
        {"13800138000", true},
        {"12800138000", false},
        {"1380013800", false},
        {"138001380001", false},
        {"0898-66668888", true},
        {"089866668888", true},
        {"010-6666888", true},
        {"0898-66668888-12", true},
        {"0898-666688889", false},
        {"400-123-4567", true},
        {"4001234567", true},
        {"400--1234567", false},
        {"119", true},
        {"12345", true},
        {"1440012345678", true},
        {"2440012345678", false},
        {"+8613800138000", false},
        {"", false},
        {"abc", false},
    };
    (void)state;
    check_all(lpg_phone_has_form, examples, sizeof examples / sizeof examples[0]);
}

static void
test_plate(void **state)
{
    static const struct example examples[] = {
        {"琼A12345", true},    {"琼AD12345", true},  {"琼A12345D", true},  {"琼A1234挂", true},
        {"琼A1234学", true},   {"琼A1234", false},   {"琼I12345", false},  {"琼A1234O", false},
        {"A12345", false},     {"琼AL12345", false}, {"琼A123456", false}, {"海A12345", false},
        {"琼A12345挂", false}, {"琼", false},        {"", false},
    };
    (void)state;
    check_all(lpg_plate_has_form, examples, sizeof examples / sizeof examples[0]);
}

static void
test_gb28181(void **state)
{
    static const struct example examples[] = {
        {"46010500431327000001", true},  {"4601050043132700000", false},
        {"46010500430007000001", false}, {"4601050043132700000A", false},
        {"99010500431327000001", false}, {"46010500435007000001", false},
        {"46010500431347000001", true},
    };
    (void)state;
    check_all(lpg_gb28181_has_form, examples, sizeof examples / sizeof examples[0]);
}

static void
test_body_code(void **state)
{
    static const struct example examples[] = {
        {"D2143569X", true},  {"D2143569-X", true}, {"D2143569-9", false}, {"D214356-9X", false},
        {"d2143569X", false}, {"D2143569", false},  {"D2143569--", false}, {"", false},
    };
    (void)state;
    check_all(lpg_body_code_is_right, examples, sizeof examples / sizeof examples[0]);
}

static void
test_iot_sim(void **state)
{
    static const struct example examples[] = {
        {"1440012345678", true},
        {"1064812345678", true},
        {"1380012345678", false},
        {"144001234567", false},
        {"14400123456789", false},
        {"144001234567x", false},
        {"", false},
    };
    (void)state;
    check_all(lpg_iot_sim_has_form, examples, sizeof examples / sizeof examples[0]);
}

static void
test_hour_minute(void **state)
{
    static const struct example examples[] = {
        {"00:00", true}, {"07:30", true},  {"23:59", true},  {"24:00", true},  {"24:01", false},
        {"7:30", false}, {"07:60", false}, {"25:00", false}, {"07.30", false}, {"", false},
    };
    (void)state;
    check_all(lpg_hour_minute_is_right, examples, sizeof examples / sizeof examples[0]);
}

static void
test_every_check_says_what_it_expects(void **state)
{
    (void)state;
    for (int check = CIM_CHECK_USCC; check <= CIM_CHECK_HOUR_MINUTE; check++) {
        const struct cim_text2_const wanted = lpg_check_expectation((enum cim_check)check);
        assert_true(wanted.zh[0] != '\0' && wanted.en[0] != '\0');
        assert_false(lpg_check_text((enum cim_check)check, "", 0));
    }
    assert_true(lpg_check_text(CIM_CHECK_NONE, "", 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uscc),
        cmocka_unit_test(test_id_card),
        cmocka_unit_test(test_phone),
        cmocka_unit_test(test_plate),
        cmocka_unit_test(test_gb28181),
        cmocka_unit_test(test_body_code),
        cmocka_unit_test(test_iot_sim),
        cmocka_unit_test(test_hour_minute),
        cmocka_unit_test(test_every_check_says_what_it_expects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
