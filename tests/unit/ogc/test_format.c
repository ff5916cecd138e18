/* tests/unit/ogc/test_format.c -- which representation a client gets. */
#include "unit.h"

#include "host/ogc/format.h"

static const struct host_offer offers[] = {
    {HOST_FORMAT_JSON, "json", "application/geo+json", "application/json"},
    {HOST_FORMAT_HTML, "html", "text/html; charset=utf-8", "application/xhtml+xml"},
    {HOST_FORMAT_CSV, "csv", "text/csv; charset=utf-8", NULL}};

static const struct {
    const char *f;
    const char *accept;
    int format; /* negative: the status */
} cases[] = {
    {NULL, NULL, HOST_FORMAT_JSON},
    {NULL, "", HOST_FORMAT_JSON},
    {NULL, "*/*", HOST_FORMAT_JSON},
    {NULL, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HOST_FORMAT_HTML},
    {NULL, "application/json", HOST_FORMAT_JSON},
    {NULL, "APPLICATION/GEO+JSON", HOST_FORMAT_JSON},
    {NULL, "text/*", HOST_FORMAT_HTML},
    {NULL, "text/csv;q=0.9, text/html;q=0.2", HOST_FORMAT_CSV},
    {NULL, "text/html;q=0, */*", HOST_FORMAT_JSON},
    {NULL, "text/html;q=0.3, application/json;q=0.05", HOST_FORMAT_HTML},
    {NULL, "image/png", CIM_E_UNSUPPORTED},
    {NULL, "application/json;q=0", CIM_E_UNSUPPORTED},
    {"csv", "text/html", HOST_FORMAT_CSV},
    {"html", NULL, HOST_FORMAT_HTML},
    {"xml", NULL, CIM_E_INVALID},
    {"", NULL, CIM_E_INVALID},
    {"JSON", NULL, CIM_E_INVALID},
};

static void
test_f_first_then_accept(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct host_offer *offer = NULL;
        cim_error err = {0};
        const cim_status status =
            host_format_choose(offers, 3, cases[i].f, cases[i].accept, &offer, &err);
        if (cases[i].format < 0) {
            assert_int_equal(status, cases[i].format);
            assert_contains(err.en, cases[i].format == CIM_E_INVALID ? "json, html, csv"
                                                                     : "application/geo+json");
            assert_string_equal(err.param, cases[i].format == CIM_E_INVALID ? "f" : "Accept");
        } else {
            assert_ok(status, &err);
            if ((int)offer->format != cases[i].format) {
                fail_msg("f=%s Accept=%s gives %s", cases[i].f, cases[i].accept, offer->name);
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f_first_then_accept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
