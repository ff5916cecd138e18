/* Lines read from the text are those that the parser would have, to the last bit; what is none
 * stays. */
#include "unit.h"

#include "analysis/line_scan.h"
#include "geo/chain.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

static double
random_number(uint64_t *seed)
{
    return ((double)unit_random_below(seed, 1U << 30U) / (double)(1U << 30U) - 0.5) *
           (unit_random_below(seed, 8) == 0 ? 1e-9 : 360.0);
}

static void
add_number(struct cim_buf *out, uint64_t *seed)
{
    const double number = random_number(seed);
    switch (unit_random_below(seed, 9)) {
    case 0:
        cim_buf_addf(out, "%.17g", number);
        break;
    case 1:
        cim_buf_addf(out, "%.15g", number);
        break;
    case 2:
        cim_buf_addf(out, "%.6f", number);
        break;
    case 3:
        cim_buf_addf(out, "%.0f", number);
        break;
    case 4:
        cim_buf_addf(out, "%.14f", number);
        break;
    case 5: /* digits that no double stands behind: some lie near the middle of two */
    case 6:
    case 7:
        cim_buf_addf(out, "%u.%08u%08u", (unsigned)unit_random_below(seed, 180),
                     (unsigned)unit_random_below(seed, 100000000),
                     (unsigned)unit_random_below(seed, 100000000));
        break;
    default:
        cim_buf_addf(out, "%.16E", number);
        break;
    }
}

static void
add_space(struct cim_buf *out, uint64_t *seed)
{
    static const char *const spaces[] = {"", "", "", " ", "\n", "\t "};
    cim_buf_add_text(out, spaces[unit_random_below(seed, 6)]);
}

static void
add_line(struct cim_buf *out, uint64_t *seed, size_t n)
{
    cim_buf_add_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        const size_t width = 2 + (unit_random_below(seed, 5) == 0 ? 1 : 0);
        add_space(out, seed);
        cim_buf_add_text(out, i > 0 ? ",[" : "[");
        for (size_t k = 0; k < width; k++) {
            cim_buf_add_text(out, k > 0 ? "," : "");
            add_space(out, seed);
            add_number(out, seed);
            add_space(out, seed);
        }
        cim_buf_add_char(out, ']');
        add_space(out, seed);
    }
    cim_buf_add_char(out, ']');
}

static struct json_object *
at(struct json_object *document, size_t i, const char *key)
{
    struct json_object *value = NULL;
    (void)json_object_object_get_ex(json_object_array_get_idx(document, i), key, &value);
    return value;
}

static void
test_lines_are_those_of_the_parser(void **state)
{
    uint64_t seed = 91;
    (void)state;
    for (int round = 0; round < 300; round++) {
        const size_t n_lines = 1 + unit_random_below(&seed, 4);
        CIM_AUTO_BUF struct cim_buf text;
        struct lpg_lines lines = {0};
        struct json_object *parsed;
        struct json_object *rest;
        cim_error err = {0};
        cim_buf_init(&text, 1 << 22);
        cim_buf_add_char(&text, '[');
        for (size_t i = 0; i < n_lines; i++) {
            cim_buf_add_text(
                &text, i > 0 ? ",{\"type\":\"LineString\",\"coordinates\""
                             : "{\"s\":\"\\\"coordinates\\\":[[1,2],[3,4]]\",\"coordinates\"");
            add_space(&text, &seed);
            cim_buf_add_char(&text, ':');
            add_space(&text, &seed);
            add_line(&text, &seed, 2 + unit_random_below(&seed, 300));
            cim_buf_add_text(&text, ",\"t\":[1.5,\"coordinates\"]}");
        }
        cim_buf_add_char(&text, ']');
        assert_int_equal(cim_buf_status(&text, NULL), CIM_OK);
        assert_ok(lpg_lines_take(text.data, &lines, &err), &err);
        assert_int_equal(lines.n, n_lines);
        parsed = json_tokener_parse(text.data);
        rest = json_tokener_parse(lines.text);
        assert_non_null(parsed);
        assert_non_null(rest);
        for (size_t i = 0; i < n_lines; i++) {
            struct json_object *coordinates = at(parsed, i, "coordinates");
            assert_int_equal(json_object_get_int64(at(rest, i, "coordinates")), i);
            assert_string_equal(json_object_to_json_string(at(parsed, i, "t")),
                                json_object_to_json_string(at(rest, i, "t")));
            assert_int_equal(lines.lines[i].n, json_object_array_length(coordinates));
            for (size_t k = 0; k < lines.lines[i].n; k++) {
                struct json_object *position = json_object_array_get_idx(coordinates, k);
                const double expected[2] = {
                    json_object_get_double(json_object_array_get_idx(position, 0)),
                    json_object_get_double(json_object_array_get_idx(position, 1))};
                assert_true(lines.lines[i].lonlat_deg[2 * k] == expected[0]);
                assert_true(lines.lines[i].lonlat_deg[2 * k + 1] == expected[1]);
            }
        }
        json_object_put(parsed);
        json_object_put(rest);
        lpg_lines_done(&lines);
    }
}

static void
test_what_is_no_line_stays(void **state)
{
    static const char *const texts[] = {
        "",
        "{\"coordinates\":",
        "{\"coordinates\"",
        "{\"coordinates\":[[1,2]]}",
        "{\"coordinates\":[[1,2],[3]]}",
        "{\"coordinates\":[[1,2],[3,4]",
        "{\"coordinates\":[[1,2],[3,4],]}",
        "{\"coordinates\":[[1,2],[3,04]]}",
        "{\"coordinates\":[[1,2],[3,4.]]}",
        "{\"coordinates\":[[1,2],[3,.4]]}",
        "{\"coordinates\":[[1,2],[3,+4]]}",
        "{\"coordinates\":[[1,2],[3,4e]]}",
        "{\"coordinates\":[[1,2],[3,1e999]]}",
        "{\"coordinates\":[[1,2],[3,NaN]]}",
        "{\"coordinates\":[[1,2],[3,0x10]]}",
        "{\"coordinates\":[[1,2],[3,\"4\"]]}",
        "{\"coordinates\":[[[1,2],[3,4],[5,6],[1,2]]]}",
        "{\"coordinate\":[[1,2],[3,4]],\"x\":\"coordinates\"}",
        "{\"a\":{\"coordinates\":[[1,2],[3,4]]},\"b\":{\"coordinates\":0}}",
        "{\"a\":{\"coordinates\":-1},\"b\":{\"coordinates\":[[1,2],[3,4]]}}",
        "\"\\",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct lpg_lines lines = {0};
        cim_error err = {0};
        assert_ok(lpg_lines_take(texts[i], &lines, &err), &err);
        assert_int_equal(lines.n, 0);
        assert_string_equal(lines.text, texts[i]);
        lpg_lines_done(&lines);
    }
}

static void
test_a_line_at_the_limit_and_past_it(void **state)
{
    (void)state;
    for (size_t n = LPG_CHAIN_POSITIONS_MAX; n <= LPG_CHAIN_POSITIONS_MAX + 1; n++) {
        CIM_AUTO_BUF struct cim_buf text;
        struct lpg_lines lines = {0};
        cim_error err = {0};
        cim_buf_init(&text, 1 << 22);
        cim_buf_add_text(&text, "{\"coordinates\":[");
        for (size_t i = 0; i < n; i++) {
            cim_buf_add_text(&text, i > 0 ? ",[1,2]" : "[1,2]");
        }
        cim_buf_add_text(&text, "]}");
        assert_ok(lpg_lines_take(text.data, &lines, &err), &err);
        assert_int_equal(lines.n, n == LPG_CHAIN_POSITIONS_MAX ? 1 : 0);
        lpg_lines_done(&lines);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_those_of_the_parser),
        cmocka_unit_test(test_what_is_no_line_stays),
        cmocka_unit_test(test_a_line_at_the_limit_and_past_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
