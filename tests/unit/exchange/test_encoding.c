/* Text that does not say how it is written. */
#include "fake_layer.h"

#include "host/exchange/source.h"

/* 海口市 and 三亚市 in GBK */
#define GBK_HAIKOU "\xba\xa3\xbf\xda\xca\xd0"
#define GBK_SANYA  "\xc8\xfd\xd1\xc7\xca\xd0"

static int
setup(void **state)
{
    *state = fake_layer_new("Point");
    return 0;
}

static int
teardown(void **state)
{
    fake_layer_free(*state);
    return 0;
}

static void
expect_encoding(const struct fake_layer *fake, const char *bytes, const char *declared,
                cim_status expected, const char *label)
{
    struct host_text_in text = {0};
    cim_error error = {0};
    fake_write(fake, "t.csv", bytes, strlen(bytes));
    assert_int_equal(
        host_text_in_open(fake_path(fake, "t.csv"), HOST_FILE_CSV, declared, NULL, &text, &error),
        expected);
    if (expected == CIM_OK) {
        assert_string_equal(text.label, label);
        host_text_in_done(&text);
    } else {
        assert_string_equal(error.param, "encoding");
    }
}

static void
test_encoding_is_told_from_the_bytes(void **state)
{
    const struct fake_layer *fake = *state;
    expect_encoding(fake, "name,lon\nplain,1\n", NULL, CIM_OK, "UTF-8");
    expect_encoding(fake, "name,lon\n海口市,1\n", NULL, CIM_OK, "UTF-8");
    expect_encoding(fake, "name,lon\n" GBK_HAIKOU ",1\n", NULL, CIM_OK, "GBK");
    expect_encoding(fake,
                    "caf\xe9 soir\xe9"
                    "e d\xe9j\xe0 vu\n",
                    NULL, CIM_E_INVALID, NULL);
    expect_encoding(fake, "caf\xe9\n", "ISO-8859-1", CIM_OK, "ISO-8859-1");
    expect_encoding(fake, "x\n", "EBCDIC-17", CIM_E_INVALID, NULL);
    expect_encoding(fake, "name\n" GBK_HAIKOU "\n", "gbk", CIM_OK, "GBK");
}

static void
expect_text(struct host_text_in *text, const char *raw, cim_status expected, const char *out)
{
    CIM_AUTO_BUF struct cim_buf buf;
    cim_error error = {0};
    cim_buf_init(&buf, 4096);
    assert_int_equal(host_text_in_convert(text, raw, &buf, &error), expected);
    if (expected == CIM_OK) {
        assert_string_equal(buf.data != NULL ? buf.data : "", out);
    }
}

static void
test_broken_text_is_refused_and_cut_text_is_trimmed(void **state)
{
    struct fake_layer *fake = *state;
    struct host_text_in utf8;
    struct host_text_in gbk;
    cim_error error = {0};
    host_text_in_utf8(&utf8);
    expect_text(&utf8, "海口", CIM_OK, "海口");
    expect_text(&utf8, "海\xe5\x8f", CIM_OK, "海");
    expect_text(&utf8,
                "a\xff"
                "b",
                CIM_E_INVALID, NULL);
    expect_text(&utf8, "\xc0\xaf", CIM_E_INVALID, NULL);     /* too long a form of '/' */
    expect_text(&utf8, "\xed\xa0\x80", CIM_E_INVALID, NULL); /* half of a pair */
    fake_write(fake, "t.csv", GBK_HAIKOU, 6);
    assert_ok(host_text_in_open(fake_path(fake, "t.csv"), HOST_FILE_CSV, "GBK", NULL, &gbk, &error),
              &error);
    expect_text(&gbk, GBK_SANYA, CIM_OK, "三亚市");
    expect_text(&gbk, GBK_HAIKOU "\xca", CIM_OK, "海口市");
    expect_text(&gbk, "\xba\x20", CIM_E_INVALID, NULL);
    host_text_in_done(&gbk);
}

static void
test_shapefile_in_gbk_without_cpg(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_report report;
    cim_error error = {0};
    fake_shapefile(fake, "gbk", 3, GBK_HAIKOU, true);
    assert_ok(fake_import(fake, fake_path(fake, "gbk.shp"), NULL, &report, &error), &error);
    assert_string_equal(fake->text, "海口市||||;海口市||||;海口市||||;");
    assert_string_equal(report.encoding, "GBK");
    assert_string_equal(report.crs, "EPSG:4490");
    host_import_report_done(&report);
    fake_shapefile(fake, "utf", 2, "三亚", true);
    assert_ok(fake_import(fake, fake_path(fake, "utf.shp"), NULL, &report, &error), &error);
    assert_string_equal(fake->text, "三亚||||;三亚||||;");
    host_import_report_done(&report);
}

/* What is declared wrongly shows as rows that are refused, never as wrong characters. */
static void
test_wrongly_declared_encoding_refuses_rows(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_options options = {.encoding = "UTF-8"};
    struct host_import_report report;
    cim_error error = {0};
    fake_shapefile(fake, "gbk", 3, GBK_HAIKOU, true);
    assert_int_equal(fake_import(fake, fake_path(fake, "gbk.shp"), &options, &report, &error),
                     CIM_E_INVALID);
    assert_int_equal(report.n_refused, 3);
    assert_int_equal(report.n_written, 0);
    assert_string_equal(report.refusals[1].why.param, "name");
    assert_int_equal(report.refusals[1].row, 2);
    host_import_report_done(&report);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_encoding_is_told_from_the_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_text_is_refused_and_cut_text_is_trimmed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_shapefile_in_gbk_without_cpg, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrongly_declared_encoding_refuses_rows, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("exchange_encoding", tests, NULL, NULL);
}
