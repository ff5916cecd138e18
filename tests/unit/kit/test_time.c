/* tests/unit/kit/test_time.c -- times, dates and UUIDs as text. */
#include "unit.h"

#include "kit/time.h"

#include <time.h>

static const int64_t sample_ms = 1795324082000; /* 2026-11-22T05:08:02Z */

static void
test_time_format_and_parse_known_instants(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {1795324082000, "2026-11-22T05:08:02.000Z"},
        {951782400123, "2000-02-29T00:00:00.123Z"},
        {-62167219200000, "0000-01-01T00:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
    };
    char text[CIM_TIME_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 1;
        cim_time_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(cim_time_parse(text, SIZE_MAX, &ms), CIM_OK);
        assert_int_equal(ms, cases[i].ms);
    }
    cim_time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    cim_time_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void
test_time_parse_accepts_offsets_and_fractions(void **state)
{
    static const char *const same[] = {
        "2026-11-22T05:08:02Z",     "2026-11-22t05:08:02z",      "2026-11-22T13:08:02+08:00",
        "2026-11-22T13:08:02",      "2026-11-22 13:08:02",       "2026-11-22T00:08:02.0009-05:00",
        "2026-11-22T13:08:02+0800", "2026-11-21T23:38:02-05:30",
    };
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        int64_t ms = 0;
        assert_int_equal(cim_time_parse(same[i], SIZE_MAX, &ms), CIM_OK);
        assert_int_equal(ms, sample_ms);
    }
    int64_t ms = 0;
    assert_int_equal(cim_time_parse("2026-11-22T05:08:02.1Z", SIZE_MAX, &ms), CIM_OK);
    assert_int_equal(ms, sample_ms + 100);
    assert_int_equal(cim_time_parse("2026-11-22T13:08", SIZE_MAX, &ms), CIM_OK);
    assert_int_equal(ms, sample_ms - 2000);
    assert_int_equal(cim_time_parse("2016-12-31T23:59:60Z", SIZE_MAX, &ms), CIM_OK);
    assert_int_equal(ms, 1483228800000);
    assert_int_equal(cim_time_parse("2026-11-22T05:08:02Zrest", 20, &ms), CIM_OK);
    assert_int_equal(ms, sample_ms);
}

static void
test_time_parse_refuses_the_rest(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-11-22",
        "2026-11-22T",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T05:60:00Z",
        "2026-11-22T05:08:61Z",
        "2026-11-22T05:08:02+24:00",
        "2026-11-22T05:08:02.Z",
        "2026-11-22T05:08:02ZZ",
        "2026-11-22X05:08:02Z",
        "26-11-22T05:08:02Z",
        " 2026-11-22T05:08:02Z",
        "0000-01-01T00:00:00+01:00",
        "9999-12-31T23:59:60Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms = 42;
        assert_int_equal(cim_time_parse(bad[i], SIZE_MAX, &ms), CIM_E_INVALID);
        assert_int_equal(ms, 42);
    }
}

/* The C library's calendar as the oracle. */
static void
test_time_agrees_with_the_c_library(void **state)
{
    uint64_t seed = 7;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const int64_t ms = (int64_t)(unit_random(&seed) % 315569519999999U) - 62167219200000;
        const time_t seconds = (time_t)((ms - (ms % 1000 + 1000) % 1000) / 1000);
        struct tm tm = {0};
        char expected[64];
        char text[CIM_TIME_TEXT_MAX];
        int64_t back = 0;
        assert_non_null(gmtime_r(&seconds, &tm));
        (void)snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec, (int)((ms % 1000 + 1000) % 1000));
        cim_time_format(ms, text);
        assert_string_equal(text, expected);
        assert_int_equal(cim_time_parse(text, SIZE_MAX, &back), CIM_OK);
        assert_int_equal(back, ms);
    }
}

static void
test_dates_exist_in_the_calendar(void **state)
{
    char text[CIM_TIME_TEXT_MAX];
    int32_t days = 0;
    (void)state;
    assert_int_equal(cim_date_parse("2024-02-29", SIZE_MAX, &days), CIM_OK);
    assert_int_equal(days, 19782);
    cim_date_format(days, text);
    assert_string_equal(text, "2024-02-29");
    assert_int_equal(cim_date_parse("2023-02-29", SIZE_MAX, &days), CIM_E_INVALID);
    assert_int_equal(cim_date_parse("1900-02-29", SIZE_MAX, &days), CIM_E_INVALID);
    assert_int_equal(cim_date_parse("2024-2-29", SIZE_MAX, &days), CIM_E_INVALID);
    assert_int_equal(cim_date_parse("2024-02-29 ", SIZE_MAX, &days), CIM_E_INVALID);
    assert_int_equal(cim_date_parse("2024-00-10", SIZE_MAX, &days), CIM_E_INVALID);
    assert_int_equal(days, 19782);
}

static void
test_beijing_day_begins_at_16_utc(void **state)
{
    char text[CIM_TIME_TEXT_MAX];
    (void)state;
    cim_time_format_local(sample_ms, text);
    assert_string_equal(text, "2026-11-22 13:08");
    assert_int_equal(cim_time_local_day(0), 0);
    assert_int_equal(cim_time_local_day(16 * 3600000 - 1), 0);
    assert_int_equal(cim_time_local_day(16 * 3600000), 1);
    assert_int_equal(cim_time_local_day(-8 * 3600000 - 1), -1);
}

static void
test_uuid7_has_time_version_and_variant(void **state)
{
    static const uint8_t ones[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    static const uint8_t zeros[10] = {0};
    char text[37];
    (void)state;
    /* The example of RFC 9562, appendix A.6. */
    static const uint8_t rfc[10] = {0xCC, 0xC3, 0x18, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F};
    cim_uuid7_format(0x017F22E279B0, rfc, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    cim_uuid7_format(sample_ms, ones, text);
    assert_string_equal(text + 14, "7fff-bfff-ffffffffffff");
    cim_uuid7_format(sample_ms, zeros, text);
    assert_string_equal(text + 14, "7000-8000-000000000000");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_format_and_parse_known_instants),
        cmocka_unit_test(test_time_parse_accepts_offsets_and_fractions),
        cmocka_unit_test(test_time_parse_refuses_the_rest),
        cmocka_unit_test(test_time_agrees_with_the_c_library),
        cmocka_unit_test(test_dates_exist_in_the_calendar),
        cmocka_unit_test(test_beijing_day_begins_at_16_utc),
        cmocka_unit_test(test_uuid7_has_time_version_and_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
