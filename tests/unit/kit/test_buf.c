/* tests/unit/kit/test_buf.c -- the growing buffer and the texts written into it. */
#include "unit.h"

#include "fail_alloc.h"
#include "kit/buf.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

static void
test_add_grows_to_the_cap_and_not_past_it(void **state)
{
    struct cim_buf buf;
    cim_error err = {0};
    (void)state;
    cim_buf_init(&buf, 1000);
    for (int i = 0; i < 1000; i++) {
        cim_buf_add_char(&buf, 'a');
    }
    assert_ok(cim_buf_status(&buf, &err), &err);
    assert_int_equal(buf.len, 1000);
    assert_int_equal(strlen(buf.data), 1000);
    cim_buf_add_char(&buf, 'b');
    assert_int_equal(cim_buf_status(&buf, &err), CIM_E_TOO_LARGE);
    assert_contains(err.en, "1000");
    cim_buf_add(&buf, "", 0);
    assert_int_equal(buf.len, 1000);
    cim_buf_clear(&buf);
    assert_ok(cim_buf_status(&buf, &err), &err);
    cim_buf_addf(&buf, "%d/%s", 7, "x");
    assert_string_equal(buf.data, "7/x");
    cim_buf_done(&buf);
    cim_buf_done(NULL);
}

static void
test_addf_longer_than_the_stack_part_is_whole(void **state)
{
    struct cim_buf buf;
    char text[2000];
    (void)state;
    memset(text, 'q', sizeof text);
    text[sizeof text - 1] = '\0';
    cim_buf_init(&buf, SIZE_MAX);
    cim_buf_addf(&buf, "<%s>", text);
    assert_int_equal(buf.len, sizeof text + 1);
    assert_int_equal(buf.data[buf.len - 1], '>');
    cim_buf_done(&buf);
}

static void
test_out_of_memory_sticks(void **state)
{
    struct cim_buf buf;
    cim_error err = {0};
    (void)state;
    cim_buf_init(&buf, 100000);
    cim_buf_add_text(&buf, "before");
    fail_alloc_at(1);
    cim_buf_addf(&buf, "%05000d", 1);
    fail_alloc_at(0);
    cim_buf_add_text(&buf, "after");
    assert_int_equal(cim_buf_status(&buf, &err), CIM_E_NOMEM);
    assert_string_equal(buf.data, "before");
    cim_buf_done(&buf);
}

static void
test_to_blob_moves_the_bytes(void **state)
{
    struct cim_buf buf;
    cim_blob blob = {0};
    (void)state;
    cim_buf_init(&buf, 100);
    cim_buf_add_text(&buf, "hello");
    cim_buf_to_blob(&buf, &blob);
    assert_int_equal(buf.len, 0);
    assert_int_equal(blob.len, 5);
    assert_memory_equal(blob.data, "hello", 5);
    blob.release(&blob);
    assert_null(blob.data);
    cim_buf_to_blob(&buf, &blob);
    assert_int_equal(blob.len, 0);
    blob.release(&blob);
}

static const char *
double_text(struct cim_buf *buf, double value)
{
    cim_buf_clear(buf);
    cim_buf_add_double(buf, value);
    return buf->data;
}

static void
test_add_double_is_shortest(void **state)
{
    struct cim_buf buf;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e15, "1e+15"},
        {123456789012345.0, "123456789012345"},
        {1e-7, "1e-07"},
        {110.3312, "110.3312"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {5e-324, "5e-324"},
        {1.0 / 3.0, "0.3333333333333333"},
        {(double)NAN, "null"},
        {(double)INFINITY, "null"},
    };
    (void)state;
    cim_buf_init(&buf, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(double_text(&buf, cases[i].value), cases[i].text);
    }
    cim_buf_done(&buf);
}

/* Reads without the locale: the digits as an integer, scaled by strtod in the C locale. */
static void
test_add_double_reads_back_in_any_locale(void **state)
{
    struct cim_buf buf;
    uint64_t seed = 20261122;
    locale_t comma = newlocale(LC_NUMERIC_MASK, "de_DE.UTF-8", (locale_t)0);
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    locale_t before = uselocale((locale_t)0);
    (void)state;
    if (comma == (locale_t)0) {
        print_message("no locale with a decimal comma is installed; testing in C alone\n");
        comma = duplocale(plain);
    }
    cim_buf_init(&buf, 1000);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = unit_random(&seed);
        double value = 0;
        if (i % 2 == 0) {
            memcpy(&value, &bits, sizeof value);
        } else {
            value = (double)(int64_t)(bits >> 20U) / pow(10, (double)(bits % 12U));
        }
        if (!isfinite(value)) {
            continue;
        }
        (void)uselocale(comma);
        (void)double_text(&buf, value);
        (void)uselocale(plain);
        const double back = strtod(buf.data, NULL);
        assert_null(strchr(buf.data, ','));
        assert_memory_equal(&back, &value, sizeof value);
    }
    (void)uselocale(before);
    freelocale(comma);
    freelocale(plain);
    cim_buf_done(&buf);
}

static void
test_add_coordinate_cuts_to_nine_decimals(void **state)
{
    struct cim_buf buf;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {110.3312, "110.3312"},
        {-0.0000000001, "0"},
        {20.1234567891, "20.123456789"},
        {-109.5, "-109.5"},
        {37430024.515, "37430024.515"},
        {180, "180"},
        {0.1 + 0.2, "0.3"},
        {1e300, "1e+300"},
        {(double)NAN, "null"},
    };
    (void)state;
    cim_buf_init(&buf, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cim_buf_clear(&buf);
        cim_buf_add_coordinate(&buf, cases[i].value);
        assert_string_equal(buf.data, cases[i].text);
    }
    cim_buf_done(&buf);
}

static void
test_add_int_covers_its_range(void **state)
{
    struct cim_buf buf;
    (void)state;
    cim_buf_init(&buf, 1000);
    cim_buf_add_int(&buf, INT64_MIN);
    cim_buf_add_char(&buf, ' ');
    cim_buf_add_int(&buf, INT64_MAX);
    cim_buf_add_char(&buf, ' ');
    cim_buf_add_int(&buf, 0);
    assert_string_equal(buf.data, "-9223372036854775808 9223372036854775807 0");
    cim_buf_done(&buf);
}

static void
test_add_json_text_escapes_and_repairs(void **state)
{
    struct cim_buf buf;
    static const struct {
        const char *text;
        size_t len;
        const char *json;
    } cases[] = {
        {"", 0, "\"\""},
        {"a\"b\\c\n\t\x01", SIZE_MAX, "\"a\\\"b\\\\c\\n\\t\\u0001\""},
        {"\xE6\xB5\xB7\xE5\x8F\xA3", SIZE_MAX, "\"\xE6\xB5\xB7\xE5\x8F\xA3\""},
        {"\xE6\xB5", SIZE_MAX, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"x\xFFy", SIZE_MAX, "\"x\xEF\xBF\xBDy\""},
        {"\xED\xA0\x80", SIZE_MAX, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xC0\x80", SIZE_MAX, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xF0\x9F\x94\xA5", SIZE_MAX, "\"\xF0\x9F\x94\xA5\""},
        {"a\0b", 3, "\"a\\u0000b\""},
        {"\x7F", 1, "\"\\u007f\""},
    };
    (void)state;
    cim_buf_init(&buf, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cim_buf_clear(&buf);
        cim_buf_add_json_text(&buf, cases[i].text, cases[i].len);
        assert_string_equal(buf.data, cases[i].json);
    }
    cim_buf_done(&buf);
}

static void
test_add_html_escapes_what_opens_markup(void **state)
{
    struct cim_buf buf;
    (void)state;
    cim_buf_init(&buf, 1000);
    cim_buf_add_html(&buf, "<a href=\"x\">'&'</a>");
    assert_string_equal(buf.data, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    cim_buf_done(&buf);
}

/* The same number as printf makes, but where the half lies between them: there one unit off. */
static void
test_add_rounded_and_fixed_are_printf_s(void **state)
{
    uint64_t seed = 5;
    int n_apart = 0;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const double mantissa = (double)unit_random_below(&seed, 1U << 30U) / (double)(1U << 29U);
        const double value = (i % 2 == 0 ? mantissa : -mantissa) *
                             pow(10.0, (double)unit_random_below(&seed, 60) - 30.0);
        double rounded;
        char expected[64];
        CIM_AUTO_BUF struct cim_buf buf;
        cim_buf_init(&buf, 200);
        (void)snprintf(expected, sizeof expected, "%.5e", value);
        cim_buf_add_rounded(&buf, value, 6);
        rounded = strtod(buf.data, NULL);
        n_apart += rounded != strtod(expected, NULL) ? 1 : 0;
        assert_true(fabs(rounded - value) <= 0.501e-5 * fabs(value));
        if (fabs(value) < 9e9) {
            cim_buf_clear(&buf);
            cim_buf_add_fixed(&buf, value, 3);
            assert_true(fabs(strtod(buf.data, NULL) - value) < 0.000501 + fabs(value) * 1e-15);
        }
    }
    assert_in_range(n_apart, 0, 5);
}

static void
test_small_numbers_have_an_exponent(void **state)
{
    static const struct {
        double value;
        const char *rounded;
        const char *whole;
    } cases[] = {
        {0.0, "0", "0"},
        {1.234567891e-7, "1.23457e-07", "1.234567891e-07"},
        {-2e-12, "-2e-12", "-2e-12"},
        {9.9999999e-8, "1e-07", "9.9999999e-08"},
        {1.23457e-5, "1.23457e-05", "1.23457e-05"},
        {1.2e-5, "0.000012", "0.000012"},
        {0.000123457, "0.000123457", "0.000123457"},
        {0.00012345678912, "0.000123457", "0.00012345678912"},
        {1e-22, "1e-22", "1e-22"},
        {1234567.0, "1234570", "1234567"},
        {NAN, "null", "null"},
        {HUGE_VAL, "null", "null"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CIM_AUTO_BUF struct cim_buf buf;
        cim_buf_init(&buf, 200);
        cim_buf_add_rounded(&buf, cases[i].value, 6);
        assert_string_equal(buf.data, cases[i].rounded);
        cim_buf_clear(&buf);
        cim_buf_add_double(&buf, cases[i].value);
        assert_string_equal(buf.data, cases[i].whole);
    }
}

static void
test_keys_have_commas_between(void **state)
{
    CIM_AUTO_BUF struct cim_buf buf;
    (void)state;
    cim_buf_init(&buf, 400);
    cim_buf_add_char(&buf, '{');
    cim_buf_add_key(&buf, "a");
    cim_buf_add_text(&buf, "[{");
    cim_buf_add_key(&buf, "b");
    cim_buf_add_text(&buf, "1}]");
    cim_buf_add_key(&buf, "c_______________________________________________________________d");
    assert_string_equal(buf.data,
                        "{\"a\":[{\"b\":1}],"
                        "\"c_______________________________________________________________d\":");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_grows_to_the_cap_and_not_past_it),
        cmocka_unit_test(test_addf_longer_than_the_stack_part_is_whole),
        cmocka_unit_test(test_out_of_memory_sticks),
        cmocka_unit_test(test_to_blob_moves_the_bytes),
        cmocka_unit_test(test_add_double_is_shortest),
        cmocka_unit_test(test_add_double_reads_back_in_any_locale),
        cmocka_unit_test(test_add_coordinate_cuts_to_nine_decimals),
        cmocka_unit_test(test_add_rounded_and_fixed_are_printf_s),
        cmocka_unit_test(test_small_numbers_have_an_exponent),
        cmocka_unit_test(test_keys_have_commas_between),
        cmocka_unit_test(test_add_int_covers_its_range),
        cmocka_unit_test(test_add_json_text_escapes_and_repairs),
        cmocka_unit_test(test_add_html_escapes_what_opens_markup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
