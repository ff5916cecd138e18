/* Results as documents and files: every title, clause and number that they are made of is in them,
 * long tables go over pages, and files come back as they were. */
#include "host/report/blocks.h"

#include "host/exchange/source.h"
#include "host/pictures/picture.h"
#include "unit.h"

#include <cpl_minixml.h>
#include <cpl_vsi.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static const char outputs_text[] =
    "{\"feasible\":{\"title\":{\"zh\":\"可用地\",\"en\":\"Feasible land\"},\"schema\":{\"type\":"
    "\"object\",\"format\":\"geojson-geometry\",\"x-colour\":\"#2f9e44\"}},"
    "\"chosen\":{\"title\":{\"zh\":\"选定的站点\",\"en\":\"Chosen\"},\"schema\":{\"type\":"
    "\"object\","
    "\"format\":\"geojson-feature-collection\",\"x-columns\":[{\"path\":\"name\",\"zh\":"
    "\"站名\"},{\"path\":\"serves\",\"zh\":\"服务\"},{\"path\":\"verdict\",\"zh\":\"结论\","
    "\"values\":{\"to_confirm\":{\"zh\":\"需确认\",\"colour\":\"#f2b705\"}}},{\"path\":\"note\","
    "\"zh\":\"备注\"}]}},"
    "\"moved\":{\"title\":{\"zh\":\"让位的站\"},\"schema\":{\"type\":\"object\"}},"
    "\"rules\":{\"title\":{\"zh\":\"间距\",\"en\":\"Rules\"},\"schema\":{\"type\":\"array\","
    "\"x-columns\":[{\"path\":\"receptor\",\"zh\":\"受体\",\"en\":\"Receptor\",\"codes\":\"lpg."
    "rules/receptor\"},{\"path\":"
    "\"rule.clause\",\"zh\":\"条款\",\"en\":\"Clause\"},{\"path\":\"rule.to_confirm\",\"zh\":"
    "\"确认\",\"en\":\"To confirm\",\"true\":{\"zh\":\"待核\",\"en\":\"to be confirmed\"}}]}},"
    "\"gap\":{\"title\":{\"zh\":\"差距\",\"en\":\"Gap\"},\"schema\":{\"type\":\"number\"}},"
    "\"secret\":{\"title\":{\"zh\":\"不印\"},\"schema\":{\"type\":\"string\",\"x-report\":false}}}";
static const char inputs_text[] =
    "{\"area\":{\"title\":{\"zh\":\"范围\",\"en\":\"Area\"},\"schema\":{\"type\":\"object\"}},"
    "\"volume_m3\":{\"title\":{\"zh\":\"总容积\",\"en\":\"Volume\"},\"schema\":{\"type\":"
    "\"number\"}}}";
static const char run_text[] =
    "{\"process\":\"lpg.siting\",\"version\":\"0.2.0\",\"pos\":77,\"inputs\":{\"volume_m3\":3.1,"
    "\"area\":{\"type\":\"Polygon\",\"coordinates\":[[[110.19,19.94],[110.21,19.94],[110.21,19.96],"
    "[110.19,19.96],[110.19,19.94]]]}}}";

struct fixture {
    struct host_report_source source;
    char dir[32];
};

static struct json_object *
parsed(const char *text)
{
    struct json_object *value = json_tokener_parse(text);
    assert_non_null(value);
    return value;
}

static void
name_nine(void *arg, const char *layer, const char *field, char *out, size_t out_size)
{
    (void)arg;
    assert_string_equal(layer, "lpg.rules");
    assert_string_equal(field, "receptor");
    if (strcmp(out, "受体9") == 0) {
        cim_copy_text(out, out_size, "受体九");
    }
}

static int
setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct cim_buf result;
    assert_non_null(fixture);
    cim_buf_init(&result, 1 << 20);
    cim_buf_add_text(
        &result, "{\"feasible\":{\"type\":\"MultiPolygon\",\"coordinates\":[[[[110.195,19.945],"
                 "[110.2,19.945],[110.2,19.95],[110.195,19.945]]]]},\"chosen\":{\"type\":"
                 "\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"geometry\":{\"type\":"
                 "\"Point\",\"coordinates\":[110.198,19.946]},\"properties\":{\"name\":\"甲站<1>\","
                 "\"serves\":17.25,\"verdict\":\"to_confirm\"}}]},\"moved\":"
                 "{\"type\":\"FeatureCollection\",\"features\":[]},\"gap\":0.0042,\"secret\":"
                 "\"kept-off\",\"rules\":[");
    for (int i = 0; i < 260; i++) {
        cim_buf_addf(&result,
                     "%s{\"receptor\":\"受体%d\",\"rule\":{\"clause\":\"GB 51142-2015 表 "
                     "8.0.4\",\"to_confirm\":%s}}",
                     i > 0 ? "," : "", i, i == 7 ? "true" : "false");
    }
    cim_buf_add_text(&result, "]}");
    fixture->source = (struct host_report_source){.title = "选址",
                                                  .description = "测试",
                                                  .number = "20261127-0a1b2c3d",
                                                  .office = "海口市住房和城乡建设局",
                                                  .date = "2026-11-27",
                                                  .inputs = parsed(inputs_text),
                                                  .outputs = parsed(outputs_text),
                                                  .run = parsed(run_text),
                                                  .result = parsed(result.data),
                                                  .chinese = true,
                                                  .name = name_nine};
    cim_buf_done(&result);
    cim_copy_text(fixture->dir, sizeof fixture->dir, "/tmp/cim-report-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    *state = fixture;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *fixture = *state;
    (void)json_object_put(fixture->source.inputs);
    (void)json_object_put(fixture->source.outputs);
    (void)json_object_put(fixture->source.run);
    (void)json_object_put(fixture->source.result);
    assert_int_equal(rmdir(fixture->dir), 0); /* nothing was left in it */
    free(fixture);
    return 0;
}

/* Everything that the blocks say, one after the other. */
static void
test_what_is_in_it(void **state)
{
    const struct fixture *fixture = *state;
    struct host_report_blocks blocks = {.n = 0};
    struct cim_buf text;
    cim_error err = {0};
    cim_buf_init(&text, 1 << 20);
    assert_ok(host_report_gather(&fixture->source, &blocks, &err), &err);
    assert_int_equal(blocks.n_layers, 3); /* land, stations, and the area that was asked about */
    assert_true(fabs(blocks.layers[0].colour[1] - 0x9e / 255.0) < 1e-9);
    for (size_t i = 0; i < blocks.n; i++) {
        const struct host_report_table *table = &blocks.blocks[i].table;
        cim_buf_addf(&text, "%s\n", blocks.blocks[i].text);
        for (size_t c = 0; table->cells != NULL && c < table->n_columns * (table->n_rows + 1);
             c++) {
            cim_buf_addf(&text, "%s|", table->cells[c]);
        }
    }
    assert_contains(text.data, "差距|0.004|");
    assert_contains(text.data, "受体|条款|确认|");
    assert_contains(text.data, "受体7|GB 51142-2015 表 8.0.4|待核|");
    assert_contains(text.data, "受体8|GB 51142-2015 表 8.0.4||");
    assert_contains(text.data, "共 260 行，列出前 200 行");
    assert_contains(text.data, "总容积|3.1|");
    assert_contains(text.data, "数据位置 pos|77|");
    assert_contains(text.data, "站名|服务|结论|");
    assert_contains(text.data, "甲站<1>|17.25|需确认|");
    assert_contains(text.data, "受体九|");
    assert_null(strstr(text.data, "kept-off"));
    assert_null(strstr(text.data, "备注")); /* a column that says nothing */
    assert_int_equal(blocks.n_layers, 3);   /* and a layer that holds nothing: in no legend */
    cim_buf_done(&text);
    host_report_blocks_done(&blocks);
}

static void
keep(const struct fixture *fixture, const char *name, const struct cim_buf *bytes)
{
    const char *to = getenv("CIM_TEST_KEEP"); /* a folder to look at them in */
    char path[256];
    FILE *file;
    (void)fixture;
    if (to != NULL) {
        (void)snprintf(path, sizeof path, "%s/%s", to, name);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes->data, 1, bytes->len, file), bytes->len);
        assert_int_equal(fclose(file), 0);
    }
}

/* Pixels of that colour on the map. */
static size_t
count_pixels(const struct host_report_blocks *blocks, uint32_t rgb)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 400, 300);
    cairo_t *cr = cairo_create(surface);
    size_t n = 0;
    host_report_draw_map(blocks, cr, 400.0, 300.0, 0.0003);
    cairo_destroy(cr);
    cairo_surface_flush(surface);
    for (int y = 0; y < 300; y++) {
        const uint32_t *row =
            (const void *)(cairo_image_surface_get_data(surface) +
                           (size_t)y * (size_t)cairo_image_surface_get_stride(surface));
        for (int x = 200; x < 400; x++) { /* the legend is in the left half */
            n += (row[x] & 0xffffffU) == rgb;
        }
    }
    cairo_surface_destroy(surface);
    return n;
}

/* A site is painted by its verdict, not by its layer. */
static void
test_painted_by_value(void **state)
{
    const struct fixture *fixture = *state;
    struct host_report_blocks blocks = {.n = 0};
    cim_error err = {0};
    size_t other;
    assert_ok(host_report_gather(&fixture->source, &blocks, &err), &err);
    /* a point at 110.198 is left of the middle of 110.19 to 110.21: put it to the right */
    struct json_object *at = json_tokener_parse("[110.205,19.951]");
    struct json_object *feature = json_object_array_get_idx(
        host_report_member(host_report_member(fixture->source.result, "chosen"), "features"), 0);
    assert_int_equal(
        json_object_object_add(host_report_member(feature, "geometry"), "coordinates", at), 0);
    assert_true(count_pixels(&blocks, 0xf2b705) > 10);
    (void)json_object_object_add(host_report_member(feature, "properties"), "verdict",
                                 json_object_new_string("unheard"));
    other = count_pixels(&blocks, 0xf2b705);
    assert_int_equal(other, 0);
    host_report_blocks_done(&blocks);
}

static void
test_pdf(void **state)
{
    const struct fixture *fixture = *state;
    struct cim_buf out;
    cim_error err = {0};
    int pages = 0;
    cim_buf_init(&out, HOST_REPORT_BYTES_MAX);
    assert_ok(host_report_pdf(&fixture->source, &out, &err), &err);
    assert_memory_equal(out.data, "%PDF-", 5);
    for (size_t i = 0; i + 12 < out.len; i++) {
        pages += memcmp(out.data + i, "/Type /Page", 11) == 0 && out.data[i + 11] != 's' ? 1 : 0;
    }
    assert_true(pages >= 4); /* 200 rows of a table do not fit on fewer */
    keep(fixture, "report.pdf", &out);
    cim_buf_done(&out);
}

static char *
part_of(const char *archive, const char *name)
{
    char path[128];
    GByte *bytes = NULL;
    (void)snprintf(path, sizeof path, "/vsizip/%s/%s", archive, name);
    assert_int_equal(VSIIngestFile(NULL, path, &bytes, NULL, 1 << 26), 1);
    return (char *)bytes;
}

static void
test_docx(void **state)
{
    static const char *const parts[] = {"[Content_Types].xml", "_rels/.rels", "word/document.xml",
                                        "word/styles.xml", "word/_rels/document.xml.rels"};
    const struct fixture *fixture = *state;
    struct cim_buf out;
    cim_error err = {0};
    char *document;
    cim_buf_init(&out, HOST_REPORT_BYTES_MAX);
    assert_ok(host_report_docx(&fixture->source, fixture->dir, &out, &err), &err);
    assert_memory_equal(out.data, "PK\003\004", 4);
    assert_int_equal(
        VSIFCloseL(VSIFileFromMemBuffer("/vsimem/report.zip", (GByte *)out.data, out.len, 0)), 0);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char *text = part_of("/vsimem/report.zip", parts[i]);
        CPLXMLNode *tree = CPLParseXMLString(text);
        assert_non_null(tree); /* well-formed */
        CPLDestroyXMLNode(tree);
        VSIFree(text);
    }
    document = part_of("/vsimem/report.zip", "word/document.xml");
    assert_contains(document, "海口市住房和城乡建设局");
    assert_contains(document, "编号：20261127-0a1b2c3d");
    assert_contains(document, "甲站&lt;1&gt;");
    assert_contains(document, "待核");
    VSIFree(document);
    document = part_of("/vsimem/report.zip", "word/media/map.png");
    assert_memory_equal(document, "\x89PNG", 4);
    VSIFree(document);
    (void)VSIUnlink("/vsimem/report.zip");
    keep(fixture, "report.docx", &out);
    cim_buf_done(&out);
}

/* What was written is read again by the reader of files. */
static struct json_object *
read_again(const struct fixture *fixture, const char *name, const struct cim_buf *bytes,
           const char *crs)
{
    const struct host_import_options options = {.crs = crs};
    struct cim_buf out;
    cim_error err = {0};
    struct json_object *doc;
    char path[128];
    FILE *file;
    (void)snprintf(path, sizeof path, "%s/%s", fixture->dir, name);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->data, 1, bytes->len, file), bytes->len);
    assert_int_equal(fclose(file), 0);
    cim_buf_init(&out, HOST_FEATURES_BYTES_MAX);
    assert_ok(host_exchange_features(path, &options, &out, &err), &err);
    doc = parsed(out.data);
    cim_buf_done(&out);
    (void)unlink(path);
    return doc;
}

static struct json_object *
first_feature(struct json_object *doc)
{
    return json_object_array_get_idx(host_report_member(doc, "features"), 0);
}

static void
test_files(void **state)
{
    const struct fixture *fixture = *state;
    struct cim_buf out;
    cim_error err = {0};
    struct json_object *doc;
    cim_buf_init(&out, HOST_REPORT_BYTES_MAX);
    assert_ok(host_report_geojson(&fixture->source, NULL, &out, &err), &err);
    doc = parsed(out.data);
    assert_int_equal(json_object_array_length(host_report_member(doc, "features")), 2);
    assert_string_equal(json_object_get_string(host_report_member(
                            host_report_member(first_feature(doc), "properties"), "output")),
                        "feasible");
    (void)json_object_put(doc);

    cim_buf_clear(&out);
    assert_int_equal(host_report_file(&fixture->source, NULL, "shp", fixture->dir, &out, &err),
                     CIM_E_INVALID);
    assert_string_equal(err.param, "output");
    assert_contains(err.en, "feasible, chosen");
    assert_ok(host_report_file(&fixture->source, "chosen", "shp", fixture->dir, &out, &err), &err);
    doc = read_again(fixture, "back.zip", &out, NULL);
    assert_string_equal(json_object_get_string(host_report_member(
                            host_report_member(first_feature(doc), "properties"), "name")),
                        "甲站<1>");
    assert_true(json_object_get_double(host_report_member(
                    host_report_member(first_feature(doc), "properties"), "serves")) == 17.25);
    (void)json_object_put(doc);

    cim_buf_clear(&out);
    assert_ok(host_report_file(&fixture->source, NULL, "dxf", fixture->dir, &out, &err), &err);
    doc = read_again(fixture, "back.dxf", &out, "cgcs2000");
    assert_int_equal(json_object_array_length(host_report_member(doc, "features")), 2);
    (void)json_object_put(doc);
    assert_int_equal(host_report_file(&fixture->source, "nothing", "dxf", fixture->dir, &out, &err),
                     CIM_E_NOTFOUND);
    cim_buf_done(&out);
}

/* A result without anything to draw is a document all the same. */
static void
test_nothing_to_draw(void **state)
{
    struct fixture *fixture = *state;
    struct host_report_source source = fixture->source;
    struct cim_buf out;
    cim_error err = {0};
    source.result = parsed("{\"gap\":1}");
    source.run = parsed("{\"process\":\"x\",\"version\":\"1\",\"inputs\":{},\"pos\":1}");
    source.chinese = false;
    source.office = "";
    cim_buf_init(&out, HOST_REPORT_BYTES_MAX);
    assert_ok(host_report_pdf(&source, &out, &err), &err);
    assert_memory_equal(out.data, "%PDF-", 5);
    cim_buf_clear(&out);
    assert_ok(host_report_docx(&source, fixture->dir, &out, &err), &err);
    assert_int_equal(host_report_geojson(&source, NULL, &out, &err), CIM_E_NOTFOUND);
    (void)json_object_put(source.result);
    (void)json_object_put(source.run);
    cim_buf_done(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_in_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_painted_by_value, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pdf, setup, teardown),
        cmocka_unit_test_setup_teardown(test_docx, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_draw, setup, teardown)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    host_pictures_end(); /* what Pango keeps for this thread */
    return failed;
}
