/* What a report says in the words of people: attributes by the titles and codes of the layer they
 * came from, grades by their colours, small numbers as numbers, columns wide enough to be read. */
#include "host/report/blocks.h"

#include "host/pictures/picture.h"
#include "unit.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>

static struct json_object *
parsed(const char *text)
{
    struct json_object *value = json_tokener_parse(text);
    assert_non_null(value);
    return value;
}

static void
name_code(void *arg, const char *layer, const char *field, char *out, size_t out_size)
{
    (void)arg;
    if (strcmp(layer, "lpg.land") == 0 && strcmp(field, "state") == 0 &&
        strcmp(out, "planned") == 0) {
        cim_copy_text(out, out_size, "规划");
    }
}

static void
title_of(void *arg, const char *layer, const char *field, char *out, size_t out_size)
{
    (void)arg;
    if (strcmp(layer, "lpg.land") == 0) {
        cim_copy_text(out, out_size,
                      field == NULL                     ? "用地"
                      : strcmp(field, "state") == 0     ? "现状或规划"
                      : strcmp(field, "parcel_no") == 0 ? "地块编号"
                                                        : field);
    }
}

static const char inputs_text[] =
    "{\"a\":{\"title\":{\"zh\":\"对象\"},\"schema\":{\"x-members\":{\"layer\":{\"x-report\":false}}"
    ","
    "\"oneOf\":[{\"type\":\"string\"},{\"properties\":{\"layer\":{}}}]}}}";
static const char outputs_text[] =
    "{\"pieces\":{\"title\":{\"zh\":\"结果\"},\"schema\":{\"x-properties-of\":{\"a\":\"\","
    "\"b\":\"b_\"}}},"
    "\"bands\":{\"title\":{\"zh\":\"等值面\"},\"schema\":{\"x-grade\":\"from\",\"x-columns\":["
    "{\"path\":\"from\",\"zh\":\"自\"},{\"path\":\"zh\",\"zh\":\"意义\"},{\"path\":\"en\",\"en\":"
    "\"Meaning\"}]}},"
    "\"chance\":{\"title\":{\"zh\":\"概率\"},\"schema\":{}},\"none\":{\"title\":{\"zh\":\"无\"},"
    "\"schema\":{}}}";
static const char result_text[] =
    "{\"pieces\":{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"geometry\":"
    "null,\"properties\":{\"uid\":\"0190\",\"parcel_no\":\"DK1\",\"empty\":null,\"state\":"
    "\"planned\",\"b_state\":\"planned\"}}]},"
    "\"bands\":{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"geometry\":"
    "{\"type\":\"Polygon\",\"coordinates\":[[[110,20],[110.1,20],[110.1,20.1],[110,20]]]},"
    "\"properties\":{\"from\":30,\"zh\":\"多\",\"en\":\"much\"}},{\"type\":\"Feature\","
    "\"geometry\":"
    "{\"type\":\"Polygon\",\"coordinates\":[[[110.2,20],[110.3,20],[110.3,20.1],[110.2,20]]]},"
    "\"properties\":{\"from\":10,\"zh\":\"少\",\"en\":\"little\"}}]},"
    "\"chance\":2.3747e-07,\"none\":0.0}";

struct fixture {
    struct host_report_source source;
    struct host_report_blocks blocks;
    struct cim_buf text; /* all that the blocks say */
};

static void
open_report(struct fixture *fixture, const char *run)
{
    cim_error err = {0};
    *fixture = (struct fixture){.source = {.title = "叠加",
                                           .description = "",
                                           .number = "1",
                                           .office = "",
                                           .date = "2026-11-27",
                                           .inputs = parsed(inputs_text),
                                           .outputs = parsed(outputs_text),
                                           .run = parsed(run),
                                           .result = parsed(result_text),
                                           .chinese = true,
                                           .name = name_code,
                                           .title_of = title_of}};
    cim_buf_init(&fixture->text, 1 << 16);
    assert_ok(host_report_gather(&fixture->source, &fixture->blocks, &err), &err);
    for (size_t i = 0; i < fixture->blocks.n; i++) {
        const struct host_report_table *table = &fixture->blocks.blocks[i].table;
        for (size_t c = 0; table->cells != NULL && c < table->n_columns * (table->n_rows + 1);
             c++) {
            cim_buf_addf(&fixture->text, "%s|", table->cells[c]);
        }
        cim_buf_add_char(&fixture->text, '\n');
    }
}

static void
close_report(struct fixture *fixture)
{
    cim_buf_done(&fixture->text);
    host_report_blocks_done(&fixture->blocks);
    (void)json_object_put(fixture->source.inputs);
    (void)json_object_put(fixture->source.outputs);
    (void)json_object_put(fixture->source.run);
    (void)json_object_put(fixture->source.result);
}

static void
test_attributes_are_called_as_in_their_layer(void **state)
{
    static const char *const runs[] = {
        "{\"process\":\"p\",\"version\":\"1\",\"pos\":1,\"inputs\":{\"a\":\"lpg.land\"}}",
        "{\"process\":\"p\",\"version\":\"1\",\"pos\":1,\"inputs\":{\"a\":{\"layer\":\"lpg.land\"}}"
        "}"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        open_report(&fixture, runs[i]);
        /* those of b are of no layer; what nobody reads or says is no column */
        assert_contains(fixture.text.data, "地块编号|现状或规划|b_state|DK1|规划|planned|");
        assert_contains(fixture.text.data, "对象|用地|");
        assert_null(strstr(fixture.text.data, "lpg.land"));
        close_report(&fixture);
    }
}

static void
test_columns_of_the_other_language_are_left_out(void **state)
{
    struct fixture fixture;
    (void)state;
    open_report(&fixture, "{\"inputs\":{}}");
    assert_contains(fixture.text.data, "自|意义|30|多|10|少|");
    close_report(&fixture);
}

static void
test_a_small_number_is_not_zero(void **state)
{
    struct fixture fixture;
    (void)state;
    open_report(&fixture, "{\"inputs\":{}}");
    assert_contains(fixture.text.data, "概率|2.37e-07|无|0|");
    close_report(&fixture);
}

/* Rising, whatever the order of the features, and the least is yellow. */
static void
test_grades_have_colours(void **state)
{
    struct fixture fixture;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 400, 300);
    cairo_t *cr = cairo_create(surface);
    size_t n_yellow = 0;
    (void)state;
    open_report(&fixture, "{\"inputs\":{}}");
    const struct host_report_layer *layer = &fixture.blocks.layers[1];
    assert_int_equal(layer->n_grades, 2);
    assert_true(fabs(layer->grades[0] - 10.0) < 1e-9 && fabs(layer->grades[1] - 30.0) < 1e-9);
    host_report_draw_map(&fixture.blocks, cr, 400.0, 300.0, 0.0003);
    cairo_surface_flush(surface);
    for (int y = 0; y < 300; y++) {
        const uint32_t *row =
            (const void *)(cairo_image_surface_get_data(surface) +
                           (size_t)y * (size_t)cairo_image_surface_get_stride(surface));
        for (int x = 200; x < 400; x++) { /* where the lesser lies; the legend is on the left */
            n_yellow += (row[x] & 0xffffffU) == 0xffe066;
        }
    }
    assert_true(n_yellow > 10);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    close_report(&fixture);
}

static void
test_widths_are_shared(void **state)
{
    static const struct {
        double wishes[3];
        double widths[3];
    } rows[] = {
        {{20, 30, 50}, {100, 150, 250}},  /* all fit: in proportion */
        {{30, 900, 900}, {30, 235, 235}}, /* the narrow one has what it needs */
        {{30, 200, 900}, {30, 200, 270}}, /* and so has one that fits what it left */
        {{900, 900, 900}, {500.0 / 3, 500.0 / 3, 500.0 / 3}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double widths[3] = {rows[i].wishes[0], rows[i].wishes[1], rows[i].wishes[2]};
        host_report_share_width(3, 500.0, widths);
        for (size_t c = 0; c < 3; c++) {
            assert_true(fabs(widths[c] - rows[i].widths[c]) < 1e-9);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attributes_are_called_as_in_their_layer),
        cmocka_unit_test(test_columns_of_the_other_language_are_left_out),
        cmocka_unit_test(test_a_small_number_is_not_zero),
        cmocka_unit_test(test_grades_have_colours), cmocka_unit_test(test_widths_are_shared)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    host_pictures_end(); /* what Pango keeps for this thread */
    return failed;
}
