/* Check digits, codes, grades and calendar of the generator against published values. */

#include "calendar.h"
#include "codes.h"
#include "rng.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static void
uscc_check_characters(void **state)
{
    static const char *const codes[] = {"91350100M000100Y43", "91460100MA5T00010J",
                                        "91460200MA5T00029L", "91469002MA5T00037H"};
    (void)state;

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_int_equal(demo_uscc_check(codes[i]), codes[i][17]);
    }
    assert_int_equal(demo_uscc_check("9146010OMA5T00010"), 0); /* the letter O is not in the set */
    assert_int_equal(demo_uscc_check("91460100"), 0);
    assert_int_equal(demo_body_check("D2143569"), 'X');
}

static void
uscc_made_are_the_known_ones(void **state)
{
    char text[DEMO_USCC_TEXT];
    (void)state;

    demo_uscc_make("460100", 1, text);
    assert_string_equal(text, "91460100MA5T00010J");
    demo_uscc_make("460200", 2, text);
    assert_string_equal(text, "91460200MA5T00029L");
    demo_uscc_make("469002", 3, text);
    assert_string_equal(text, "91469002MA5T00037H");
}

static void
id_card_check_characters(void **state)
{
    static const char *const cards[] = {"11010519491231002X", "440524188001010014",
                                        "460100190001010018"};
    char text[DEMO_ID_CARD_TEXT];
    (void)state;

    for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
        assert_int_equal(demo_id_card_check(cards[i]), cards[i][17]);
    }
    demo_id_card_make("460100", 1, text);
    assert_string_equal(text, "460100190001010018");
    demo_id_card_make("460100", 364999, text);
    assert_memory_equal(text, "46010019001231999", 17);
    demo_id_card_make("460105100", 59 * 1000, text); /* the 60th day of 1900, not a leap year */
    assert_memory_equal(text, "46010519000301000", 17);
}

static void
phones_are_distinct_and_well_formed(void **state)
{
    static char seen[5000][DEMO_PHONE_TEXT];
    (void)state;

    for (uint32_t i = 0; i < 5000; i++) {
        demo_phone_make(i * 14200, seen[i]);
        assert_int_equal(strlen(seen[i]), 11);
        assert_memory_equal(seen[i], "154", 3);
        assert_int_equal(strspn(seen[i], "0123456789"), 11);
        for (uint32_t k = 0; k < i; k++) {
            assert_string_not_equal(seen[i], seen[k]);
        }
    }
}

static void
cameras_and_plates(void **state)
{
    char camera[DEMO_GB28181_TEXT];
    char plate[DEMO_PLATE_TEXT];
    char other[DEMO_PLATE_TEXT];
    (void)state;

    demo_gb28181_make("460105", 7, 1, camera);
    assert_string_equal(camera, "46010500431327000001");
    demo_plate_make('A', 0, 0, plate);
    assert_int_equal(strlen(plate), strlen("琼A12345"));
    demo_plate_make('A', 1, 0, plate);
    assert_int_equal(strlen(plate), strlen("琼AD12345"));
    assert_memory_equal(plate, "琼AD", strlen("琼AD"));
    for (uint32_t i = 0; i < 2000; i++) {
        demo_plate_make('B', (int)(i & 1), i, plate);
        assert_null(strpbrk(plate + strlen("琼"), "IO"));
        demo_plate_make('B', (int)(i & 1), i + 2, other);
        assert_string_not_equal(plate, other);
    }
}

static void
uuid_has_version_variant_and_time(void **state)
{
    char text[DEMO_UUID_TEXT];
    (void)state;

    demo_uuid7_make(INT64_C(0x0123456789ab), UINT64_MAX, UINT64_MAX, text);
    assert_string_equal(text, "01234567-89ab-7fff-bfff-ffffffffffff");
    demo_uuid7_make(0, 0, 0, text);
    assert_string_equal(text, "00000000-0000-7000-8000-000000000000");
}

static void
accident_grades(void **state)
{
    (void)state;

    assert_int_equal(demo_accident_grade(2, 10, 0), DEMO_GRADE_LARGER);
    assert_int_equal(demo_accident_grade(3, 0, 0), DEMO_GRADE_LARGER);
    assert_int_equal(demo_accident_grade(0, 0, 100e6), DEMO_GRADE_EXTRAORDINARY);
    assert_int_equal(demo_accident_grade(0, 9, 9.99e6), DEMO_GRADE_GENERAL);
    assert_int_equal(demo_accident_grade(2, 9, 9999999.99), DEMO_GRADE_GENERAL);
    assert_int_equal(demo_accident_grade(9, 49, 49.99e6), DEMO_GRADE_LARGER);
    assert_int_equal(demo_accident_grade(10, 0, 0), DEMO_GRADE_MAJOR);
    assert_int_equal(demo_accident_grade(0, 50, 0), DEMO_GRADE_MAJOR);
    assert_int_equal(demo_accident_grade(29, 99, 99.9e6), DEMO_GRADE_MAJOR);
    assert_int_equal(demo_accident_grade(30, 0, 0), DEMO_GRADE_EXTRAORDINARY);
    assert_int_equal(demo_accident_grade(0, 100, 0), DEMO_GRADE_EXTRAORDINARY);
    assert_string_equal(demo_grade_code(DEMO_GRADE_LARGER), "larger");
}

static void
calendar(void **state)
{
    static const char *const bad[] = {"2026-02-29", "2026-13-01", "2026-1-01", "2026-00-10",
                                      "2026-11-31", "2026/11/22", "",          "2026-11-22x"};
    char text[DEMO_DATE_TEXT];
    int32_t days;
    (void)state;

    assert_int_equal(demo_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(demo_days_from_civil(2000, 3, 1), 11017);
    for (int32_t d = -400000; d < 400000; d += 7) {
        int32_t year, month, day;
        demo_civil_from_days(d, &year, &month, &day);
        assert_int_equal(demo_days_from_civil(year, month, day), d);
    }
    assert_int_equal(demo_date_parse("2024-02-29", &days), 0);
    demo_date_format(days, text);
    assert_string_equal(text, "2024-02-29");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(demo_date_parse(bad[i], &days), -1);
    }
    /* 00:00 in Beijing is 16:00 of the day before in UTC. */
    assert_int_equal(demo_beijing_ms(1, 0), INT64_C(57600000));
    assert_int_equal(demo_beijing_day(INT64_C(57600000)), 1);
    assert_int_equal(demo_beijing_day(INT64_C(57599999)), 0);
    assert_int_equal(demo_beijing_day(INT64_C(-28800001)), -1);
}

static void
calendar_periods(void **state)
{
    (void)state;

    assert_int_equal(demo_half_year_end(demo_days_from_civil(2026, 1, 1)),
                     demo_days_from_civil(2026, 6, 30));
    assert_int_equal(demo_half_year_end(demo_days_from_civil(2026, 6, 30)),
                     demo_days_from_civil(2026, 6, 30));
    assert_int_equal(demo_half_year_end(demo_days_from_civil(2026, 7, 1)),
                     demo_days_from_civil(2026, 12, 31));
    assert_int_equal(demo_month_end(demo_days_from_civil(2024, 2, 1)),
                     demo_days_from_civil(2024, 2, 29));
    assert_int_equal(demo_month_end(demo_days_from_civil(2026, 12, 31)),
                     demo_days_from_civil(2026, 12, 31));
}

static void
random_streams(void **state)
{
    static const uint16_t weights[] = {0, 1, 9};
    uint32_t hits[3] = {0, 0, 0};
    double sum = 0.0, squares = 0.0;
    struct demo_rng a, b;
    (void)state;

    demo_rng_init(&a, 7, 3, 11);
    demo_rng_init(&b, 7, 3, 11);
    assert_int_equal(demo_rng_next(&a), demo_rng_next(&b));
    demo_rng_init(&b, 7, 3, 12);
    assert_int_not_equal(demo_rng_next(&a), demo_rng_next(&b));
    for (int i = 0; i < 100000; i++) {
        double x = demo_rng_normal(&a);
        int32_t r = demo_rng_range(&a, -3, 3);
        assert_in_range(r + 3, 0, 6);
        hits[demo_rng_pick(&a, weights, 3)]++;
        sum += x;
        squares += x * x;
    }
    assert_int_equal(hits[0], 0);
    assert_in_range(hits[1], 9500, 10500);
    assert_true(sum / 1e5 > -0.02 && sum / 1e5 < 0.02);
    assert_true(squares / 1e5 > 0.97 && squares / 1e5 < 1.03);
}

static void
text_is_cut_between_characters(void **state)
{
    char text[8];
    (void)state;

    demo_text(text, sizeof(text), "%s", "海南");
    assert_string_equal(text, "海南");
    demo_text(text, sizeof(text), "%s", "海南省");
    assert_string_equal(text, "海南");
    demo_text(text, sizeof(text), "%s", "abcdefghi");
    assert_string_equal(text, "abcdefg");
    assert_int_equal(demo_text_fit("海南省", 9, 8), 6);
    assert_int_equal(demo_text_fit("海南省", 9, 9), 9);
    assert_int_equal(demo_text_fit("海南省", 9, 6), 6);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uscc_check_characters),
        cmocka_unit_test(uscc_made_are_the_known_ones),
        cmocka_unit_test(id_card_check_characters),
        cmocka_unit_test(phones_are_distinct_and_well_formed),
        cmocka_unit_test(cameras_and_plates),
        cmocka_unit_test(uuid_has_version_variant_and_time),
        cmocka_unit_test(accident_grades),
        cmocka_unit_test(calendar),
        cmocka_unit_test(calendar_periods),
        cmocka_unit_test(random_streams),
        cmocka_unit_test(text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
