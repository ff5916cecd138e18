/* tests/unit/pictures/test_style.c -- every style that we ship can be drawn, and what cannot be
 * drawn is refused by name. */
#include "unit.h"

#include "host/pictures/mvt.h"
#include "host/pictures/style.h"
#include "host/pictures/style_variant.h"
#include "tile_made.h"

#include <json-c/json.h>

#include <dirent.h>
#include <stdlib.h>

/* Is the geometry of a source's layer an area? */
static bool
is_area(const char *source)
{
    char path[512];
    char *text = calloc(1, 1 << 20);
    (void)snprintf(path, sizeof path, "%s/%s.json", LAYERS_DIR, strchr(source, '.') + 1);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    (void)fclose(file);
    const bool area = strstr(text, "\"geometry\": \"Polygon\"") != NULL ||
                      strstr(text, "\"geometry\": \"MultiPolygon\"") != NULL;
    free(text);
    return area;
}

static void
load(const char *name)
{
    char path[512];
    char *text = malloc(1 << 20);
    struct host_pic_style *style = NULL;
    cim_error err = {0};
    (void)snprintf(path, sizeof path, "%s/%s", STYLES_DIR, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    const size_t len = fread(text, 1, 1 << 20, file);
    (void)fclose(file);
    if (host_pic_style_parse(name, text, len, &style, &err) != CIM_OK) {
        fail_msg("%s: %s = %s: %s", name, err.param, err.value, err.en);
    }
    assert_true(style->n_layers > 0 && style->n_sources > 0);
    for (size_t i = 0; i < style->n_layers; i++) {
        const struct host_pic_layer *layer = &style->layers[i];
        if (layer->type == HOST_PIC_SYMBOL && is_area(layer->source) &&
            strstr(layer->source_layer, ".labels") == NULL) {
            fail_msg("%s: %s names areas, which the .labels of the layer are for", name, layer->id);
        }
    }
    host_pic_style_free(style);
    free(text);
}

static void
test_every_style_can_be_drawn(void **state)
{
    DIR *dir = opendir(STYLES_DIR);
    int n = 0;
    (void)state;
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strstr(entry->d_name, ".json") != NULL) {
            load(entry->d_name);
            n++;
        }
    }
    (void)closedir(dir);
    assert_true(n >= 25);
}

#define HEAD                                                                                       \
    "{\"version\":8,\"metadata\":{\"cim:images\":{\"dot\":{\"sdf\":true,\"size\":24,"              \
    "\"path\":\"M0 0 L24 0 L24 24 Z\"},\"rows\":{\"color\":\"#0000ff\",\"size\":8,"                \
    "\"path\":\"M0 0 L24 0 L24 12 L0 12 Z\"}}},\"sources\":{\"x.y\":{\"type\":\"vector\","         \
    "\"url\":\"/collections/x.y/tiles/WebMercatorQuad?f=tilejson\"}},\"layers\":[{\"id\":\"l\","   \
    "\"source\":\"x.y\",\"source-layer\":\"x.y\","

/* What stands in place of the rest of the layer; and which property is named. NULL: it is good. */
static const struct {
    const char *rest;
    const char *param;
} layers[] = {
    {"\"type\":\"circle\",\"paint\":{\"circle-radius\":[\"get\",\"n\"]}}]}", NULL},
    {"\"type\":\"circle\",\"paint\":{\"circle-translate\":[1,2]}}]}", "circle-translate"},
    {"\"type\":\"line\",\"paint\":{\"line-gap-width\":2}}]}", "line-gap-width"},
    {"\"type\":\"line\",\"paint\":{\"line-dasharray\":[4,2]}}]}", NULL},
    {"\"type\":\"line\",\"paint\":{\"line-dasharray\":[4,-2]}}]}", "line-dasharray"},
    {"\"type\":\"line\",\"layout\":{\"line-cap\":\"pointed\"}}]}", "line-cap"},
    {"\"type\":\"line\",\"paint\":{\"line-cap\":\"round\"}}]}", "line-cap"},
    {"\"type\":\"fill\",\"paint\":{\"fill-pattern\":\"rows\"}}]}", NULL},
    {"\"type\":\"fill\",\"paint\":{\"fill-pattern\":\"dot\"}}]}", "fill-pattern"},
    {"\"type\":\"fill\",\"paint\":{\"fill-pattern\":\"missing\"}}]}", "fill-pattern"},
    {"\"type\":\"symbol\",\"layout\":{\"icon-image\":\"rows\"}}]}", "icon-image"},
    {"\"type\":\"fill\",\"paint\":{\"fill-color\":\"chartreuse-ish\"}}]}", "fill-color"},
    {"\"type\":\"fill\",\"paint\":{\"fill-color\":7}}]}", "fill-color"},
    {"\"type\":\"fill\",\"paint\":{\"fill-color\":[\"match\",[\"get\",\"name\"],\"a\",\"#12\",\"#"
     "fff\"]}}]}",
     "fill-color"},
    {"\"type\":\"fill\",\"paint\":{\"fill-opacity\":[\"interpolate\",[\"cubic-bezier\",0,0,1,1],"
     "[\"zoom\"],1,0,2,1]}}]}",
     "fill-opacity"},
    {"\"type\":\"fill\",\"paint\":{\"fill-opacity\":[\"random\"]}}]}", "fill-opacity"},
    {"\"type\":\"fill\",\"filter\":[\"within\",{}]}]}", "filter"},
    {"\"type\":\"symbol\",\"layout\":{\"icon-image\":\"dot\"}}]}", NULL},
    {"\"type\":\"symbol\",\"layout\":{\"icon-image\":\"dash\"}}]}", "icon-image"},
    {"\"type\":\"symbol\",\"layout\":{\"icon-image\":[\"case\",[\"has\",\"n\"],\"dot\",\"dash\"]}}]"
     "}",
     "icon-image"},
    {"\"type\":\"symbol\",\"layout\":{\"text-variable-anchor\":[\"top\"]}}]}",
     "text-variable-anchor"},
    {"\"type\":\"symbol\",\"layout\":{\"text-allow-overlap\":[\"has\",\"n\"]}}]}",
     "text-allow-overlap"},
    {"\"type\":\"symbol\",\"layout\":{\"text-offset\":[1]}}]}", "text-offset"},
    {"\"type\":\"heatmap\",\"paint\":{\"heatmap-color\":[\"interpolate\",[\"linear\"],"
     "[\"heatmap-density\"],0,\"rgba(0,0,255,0)\",1,\"#ff0000\"]}}]}",
     NULL},
    {"\"type\":\"circle\",\"paint\":{\"circle-radius\":[\"heatmap-density\"]}}]}", "circle-radius"},
    {"\"type\":\"fill-extrusion\"}]}", "type"},
    {"\"type\":\"circle\",\"slot\":\"top\"}]}", "slot"},
};

static void
test_what_cannot_be_drawn_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        char text[2048];
        struct host_pic_style *style = NULL;
        cim_error err = {0};
        const int len = snprintf(text, sizeof text, "%s%s", HEAD, layers[i].rest);
        const cim_status status = host_pic_style_parse("s", text, (size_t)len, &style, &err);
        if (layers[i].param == NULL) {
            if (status != CIM_OK) {
                fail_msg("%s: %s", layers[i].rest, err.en);
            }
            host_pic_style_free(style);
            continue;
        }
        assert_int_equal(status, CIM_E_UNSUPPORTED);
        assert_string_equal(err.param, layers[i].param);
        assert_non_null(strstr(err.en, "style s"));
        assert_non_null(strstr(err.zh, "样式 s"));
        assert_true(strlen(err.value) > 0);
    }
}

static void
test_sources_outside_are_refused(void **state)
{
    static const char text[] = "{\"version\":8,\"sources\":{\"x\":{\"type\":\"vector\",\"url\":"
                               "\"https://example.org/tiles.json\"}},\"layers\":[]}";
    struct host_pic_style *style = NULL;
    cim_error err = {0};
    (void)state;
    assert_int_equal(host_pic_style_parse("s", text, sizeof text - 1, &style, &err),
                     CIM_E_UNSUPPORTED);
    assert_string_equal(err.param, "sources");
}

/* Expressions over one feature: name "瓶", n 42. */
static const struct {
    const char *expression;
    const char *result; /* as to-string prints it; "" for null */
} expressions[] = {
    {"[\"get\",\"name\"]", "瓶"},
    {"[\"get\",\"nothing\"]", ""},
    {"[\"to-string\",[\"get\",\"n\"]]", "42"},
    {"[\"case\",[\"has\",\"name\"],\"yes\",\"no\"]", "yes"},
    {"[\"case\",[\"!\",[\"has\",\"name\"]],\"yes\",\"no\"]", "no"},
    {"[\"match\",[\"get\",\"n\"],[1,42],\"in\",\"out\"]", "in"},
    {"[\"match\",[\"get\",\"name\"],\"桶\",\"a\",\"瓶\",\"b\",\"c\"]", "b"},
    {"[\"coalesce\",[\"get\",\"nothing\"],\"else\"]", "else"},
    {"[\"step\",[\"get\",\"n\"],\"a\",10,\"b\",42,\"c\",100,\"d\"]", "c"},
    {"[\"to-string\",[\"interpolate\",[\"linear\"],[\"zoom\"],10,1,12,3]]", "2"},
    {"[\"to-string\",[\"interpolate\",[\"exponential\",2],[\"zoom\"],10,0,12,3]]", "1"},
    {"[\"concat\",[\"get\",\"name\"],\"×\",[\"get\",\"n\"]]", "瓶×42"},
    {"[\"case\",[\"all\",[\">\",[\"get\",\"n\"],41],[\"<=\",[\"get\",\"n\"],42]],\"y\",\"n\"]",
     "y"},
    {"[\"case\",[\"any\",[\"<\",[\"get\",\"n\"],1],[\">=\",[\"get\",\"n\"],43]],\"y\",\"n\"]", "n"},
    {"[\"case\",[\"in\",[\"get\",\"n\"],[\"literal\",[41,42]]],\"y\",\"n\"]", "y"},
    {"[\"to-string\",[\"+\",[\"get\",\"n\"],[\"*\",2,3],[\"-\",8]]]", "40"},
    {"[\"to-string\",[\"max\",[\"get\",\"n\"],[\"/\",100,2]]]", "50"},
    {"[\"geometry-type\"]", "Point"},
    {"[\"case\",[\">\",[\"get\",\"name\"],3],\"y\",\"n\"]", "n"},
};

static void
test_expressions(void **state)
{
    static const int32_t xy[] = {0, 0};
    const struct made_feature feature = {1, 1, xy, "瓶", 42};
    const struct host_pic_place place = {"s", "l", "text-field"};
    struct cim_buf bytes;
    struct host_mvt tile;
    cim_error err = {0};
    (void)state;
    cim_buf_init(&bytes, 1 << 16);
    tile_make(&bytes, "x.y", &feature, 1);
    assert_int_equal(host_mvt_read(bytes.data, bytes.len, &tile, &err), CIM_OK);
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        struct host_pic_eval eval = {
            .zoom = 11, .layer = &tile.layers[0], .feature = &tile.layers[0].features[0]};
        struct json_object *json = json_tokener_parse(expressions[i].expression);
        struct host_pic_expr *expr = NULL;
        if (host_pic_expr_compile(&place, json, HOST_PIC_TEXT, &expr, &err) != CIM_OK) {
            fail_msg("%s: %s", expressions[i].expression, err.en);
        }
        const struct host_pic_value value = host_pic_expr_eval(expr, &eval);
        const size_t len = value.kind == HOST_PIC_TEXT ? value.u.text.len : 0;
        if (len != strlen(expressions[i].result) ||
            (len > 0 && memcmp(value.u.text.at, expressions[i].result, len) != 0)) {
            fail_msg("%s gives %.*s", expressions[i].expression, (int)len, value.u.text.at);
        }
        host_pic_expr_free(expr);
        json_object_put(json);
    }
    host_mvt_done(&tile);
    cim_buf_done(&bytes);
}

static void
test_tiles_that_are_cut_are_refused(void **state)
{
    static const int32_t xy[] = {10, 10, 20, 20, 30, 10};
    const struct made_feature feature = {3, 3, xy, "a", 1};
    struct cim_buf bytes;
    (void)state;
    cim_buf_init(&bytes, 1 << 16);
    tile_make(&bytes, "x.y", &feature, 1);
    for (size_t len = 1; len < bytes.len; len++) {
        struct host_mvt tile;
        cim_error err = {0};
        assert_int_equal(host_mvt_read(bytes.data, len, &tile, &err), CIM_E_INTERNAL);
    }
    cim_buf_done(&bytes);
}

/* A palette changes what it names, where it names it, and nothing else. */
static void
test_variants(void **state)
{
    static const char style[] =
        "{\"version\":8,\"name\":\"one\",\"metadata\":{\"cim:title\":{\"zh\":\"一\"}},\"layers\":[{"
        "\"paint\":{\"fill-color\":[\"step\",[\"get\",\"n\"],\"#ffffff\",7,\"#111111\"],"
        "\"text-color\":\"#ffffff\"}}]}";
    static const char palette[] =
        "{\"title\":{\"zh\":\"夜间\"},\"sheet\":{\"ground\":\"#000000\"},"
        "\"colors\":{\"fill-color\":{\"#ffffff\":\"#222222\"}},"
        "\"styles\":{\"two\":{\"text-color\":{\"#ffffff\":\"#333333\"}}}}";
    static const struct {
        const char *id;
        const char *text_color;
    } cases[] = {{"one", "#ffffff"}, {"two", "#333333"}};
    static const char *const bad[] = {"", "[]", "{}", "{\"colors\":7}", "{\"colors\":{}"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        CIM_AUTO_BUF struct cim_buf out;
        char expected[512];
        cim_error err = {0};
        cim_buf_init(&out, 4096);
        assert_int_equal(host_pic_style_variant(cases[i].id, "night", style, strlen(style), palette,
                                                strlen(palette), &out, &err),
                         CIM_OK);
        (void)snprintf(expected, sizeof expected,
                       "{\"version\":8,\"name\":\"%s-night\",\"metadata\":{\"cim:title\":{\"zh\":"
                       "\"一（夜间）\"},"
                       "\"cim:sheet\":{\"ground\":\"#000000\"}},\"layers\":[{\"paint\":{\"fill-"
                       "color\":[\"step\","
                       "[\"get\",\"n\"],\"#222222\",7,\"#111111\"],\"text-color\":\"%s\"}}]}",
                       cases[i].id, cases[i].text_color);
        assert_int_equal(out.len, strlen(expected));
        assert_memory_equal(out.data, expected, out.len);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CIM_AUTO_BUF struct cim_buf out;
        cim_error err = {0};
        cim_buf_init(&out, 4096);
        assert_int_not_equal(host_pic_style_variant("one", "night", style, strlen(style), bad[i],
                                                    strlen(bad[i]), &out, &err),
                             CIM_OK);
        assert_true(err.en[0] != '\0');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_style_can_be_drawn),
        cmocka_unit_test(test_what_cannot_be_drawn_is_named),
        cmocka_unit_test(test_sources_outside_are_refused),
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_tiles_that_are_cut_are_refused),
        cmocka_unit_test(test_variants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
