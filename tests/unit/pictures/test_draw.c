/* tests/unit/pictures/test_draw.c -- pictures of made tiles, looked at pixel by pixel. */
#include "unit.h"
#include "near.h"

#include "host/pictures/picture.h"
#include "tile_made.h"

#include <cairo.h>
#include <math.h>
#include <stdlib.h>

#define HEAD                                                                                       \
    "{\"version\":8,\"metadata\":{\"cim:images\":{\"box\":{\"sdf\":true,\"size\":24,\"path\":"     \
    "\"M0 0 L24 0 L24 24 L0 24 Z\"},\"rows\":{\"color\":\"#0000ff\",\"size\":8,\"path\":"          \
    "\"M0 0 L24 0 L24 12 L0 12 Z\"}}},\"sources\":{\"x.y\":{\"type\":\"vector\",\"url\":"          \
    "\"/collections/x.y/tiles/WebMercatorQuad?f=tilejson\"}},\"layers\":[{\"id\":\"l\","           \
    "\"source\":\"x.y\",\"source-layer\":\"x.y\","

/* One tile, the world at zoom 0, on 512 pixels; what is told of it. */
struct scene {
    struct cim_buf tile;
    struct cim_buf png;
    cairo_surface_t *surface;
    size_t n_told;
    struct host_pic_told told[64];
    char texts[64][64];
    int asked; /* tiles */
    int cancel_after;
    cim_status status;
    cim_error err;
};

static cim_status
zooms(void *arg, const char *source, int32_t *ret_min, int32_t *ret_max, cim_error *err)
{
    (void)arg;
    (void)err;
    assert_string_equal(source, "x.y");
    *ret_min = 0;
    *ret_max = 0;
    return CIM_OK;
}

static cim_status
give_tile(void *arg, const char *source, uint32_t z, uint32_t row, uint32_t col, cim_blob *ret_tile,
          cim_error *err)
{
    struct scene *scene = arg;
    (void)err;
    assert_string_equal(source, "x.y");
    assert_true(z == 0 && row == 0 && col == 0);
    scene->asked++;
    *ret_tile = (cim_blob){.data = scene->tile.data, .len = scene->tile.len};
    return CIM_OK;
}

static cim_status
tell(void *arg, const struct host_pic_told *told, cim_error *err)
{
    struct scene *scene = arg;
    (void)err;
    if (scene->n_told < 64) {
        scene->told[scene->n_told] = *told;
        (void)snprintf(scene->texts[scene->n_told], 64, "%.*s", (int)told->text_len,
                       told->text != NULL ? told->text : "");
    }
    scene->n_told++;
    return CIM_OK;
}

static struct scene *being_drawn;
static int32_t
cancelled(const cim_call *call)
{
    (void)call;
    return being_drawn->cancel_after-- <= 0;
}

static cairo_status_t
read_bytes(void *arg, unsigned char *data, unsigned int len)
{
    struct cim_buf *from = arg;
    assert_true(len <= from->len);
    memcpy(data, from->data, len);
    memmove(from->data, from->data + len, from->len - len);
    from->len -= len;
    return CAIRO_STATUS_SUCCESS;
}

static struct scene *
draw_view(const char *layer, const struct made_feature *features, size_t n,
          const struct host_pic_view *view, int cancel_after)
{
    struct scene *scene = calloc(1, sizeof *scene);
    struct host_pic_style *style = NULL;
    char text[4096];
    const int len = snprintf(text, sizeof text, "%s%s}]}", HEAD, layer);
    cim_buf_init(&scene->tile, 1 << 20);
    cim_buf_init(&scene->png, 1 << 24);
    tile_make(&scene->tile, "x.y", features, n);
    if (host_pic_style_parse("s", text, (size_t)len, &style, &scene->err) != CIM_OK) {
        fail_msg("%s", scene->err.en);
    }
    const cim_call call = {.struct_size = sizeof call, .cancelled = cancelled};
    const struct host_pic_style *const styles[] = {style};
    const struct host_picture_request request = {.call = &call,
                                                 .styles = styles,
                                                 .n_styles = 1,
                                                 .view = *view,
                                                 .background = {1, 1, 1, 1},
                                                 .arg = scene,
                                                 .zooms = zooms,
                                                 .tile = give_tile,
                                                 .tell = tell};
    being_drawn = scene;
    scene->cancel_after = cancel_after;
    scene->status = host_picture_draw(&request, &scene->png, &scene->err);
    if (scene->status == CIM_OK) {
        scene->surface = cairo_image_surface_create_from_png_stream(read_bytes, &scene->png);
        assert_int_equal(cairo_surface_status(scene->surface), CAIRO_STATUS_SUCCESS);
    }
    host_pic_style_free(style);
    return scene;
}

static struct scene *
draw(const char *layer, const struct made_feature *features, size_t n)
{
    const double half = HOST_PIC_MERCATOR_HALF_M;
    const struct host_pic_view view = {512, 512, 1, false, -half, -half, half, half};
    struct scene *scene = draw_view(layer, features, n, &view, 1 << 30);
    if (scene->status != CIM_OK) {
        fail_msg("%s", scene->err.en);
    }
    return scene;
}

static void
done(struct scene *scene)
{
    if (scene->surface != NULL) {
        cairo_surface_destroy(scene->surface);
    }
    cim_buf_done(&scene->tile);
    cim_buf_done(&scene->png);
    free(scene);
}

/* 0xRRGGBB */
static uint32_t
pixel(const struct scene *scene, int x, int y)
{
    uint32_t value = 0;
    const int stride = cairo_image_surface_get_stride(scene->surface);
    memcpy(&value, cairo_image_surface_get_data(scene->surface) + y * stride + 4 * x, 4);
    return value & 0xFFFFFFU;
}

/* ---- shapes ---- */

static const int32_t middle[] = {2048, 2048};
static const int32_t square[] = {1024, 1024, 3072, 1024, 3072, 3072, 1024, 3072};
static const int32_t across[] = {0, 2048, 4096, 2048};

static void
test_circles_have_radius_and_ring(void **state)
{
    const struct made_feature feature = {1, 1, middle, "a", 20};
    (void)state;
    struct scene *scene = draw("\"type\":\"circle\",\"paint\":{\"circle-color\":\"#ff0000\","
                               "\"circle-radius\":[\"get\",\"n\"],\"circle-stroke-width\":4,"
                               "\"circle-stroke-color\":\"#0000ff\"}",
                               &feature, 1);
    assert_int_equal(pixel(scene, 256, 256), 0xFF0000);
    assert_int_equal(pixel(scene, 256 + 18, 256), 0xFF0000);
    assert_int_equal(pixel(scene, 256 + 21, 256), 0x0000FF);
    assert_int_equal(pixel(scene, 256 - 23, 256), 0x0000FF);
    assert_int_equal(pixel(scene, 256 + 26, 256), 0xFFFFFF);
    assert_int_equal(scene->n_told, 1);
    assert_near(scene->told[0].x, 256, 1e-9);
    assert_int_equal(scene->told[0].id, 1);
    done(scene);
}

static void
test_fills_blend_and_have_outlines(void **state)
{
    const struct made_feature feature = {3, 4, square, "a", 1};
    (void)state;
    struct scene *scene =
        draw("\"type\":\"fill\",\"paint\":{\"fill-color\":\"#000000\",\"fill-opacity\":0.5}",
             &feature, 1);
    assert_int_equal(pixel(scene, 256, 256), 0x7F7F7F);
    assert_int_equal(pixel(scene, 100, 256), 0xFFFFFF);
    done(scene);
    scene = draw("\"type\":\"fill\",\"paint\":{\"fill-color\":\"#00ff00\","
                 "\"fill-outline-color\":\"#ff0000\"}",
                 &feature, 1);
    assert_int_equal(pixel(scene, 256, 256), 0x00FF00);
    assert_int_not_equal(pixel(scene, 128, 256), 0x00FF00);
    done(scene);
    /* Rows of 4 pixels, counted from the corner of the tile. */
    scene = draw("\"type\":\"fill\",\"paint\":{\"fill-pattern\":\"rows\",\"fill-opacity\":0.5}",
                 &feature, 1);
    for (int y = 200; y < 232; y++) {
        assert_int_equal(pixel(scene, 256, y), y % 8 < 4 ? 0x7F7FFF : 0xFFFFFF);
    }
    assert_int_equal(pixel(scene, 100, 200), 0xFFFFFF);
    done(scene);
}

static void
test_lines_have_width_dashes_and_blur(void **state)
{
    const struct made_feature feature = {2, 2, across, "a", 1};
    (void)state;
    struct scene *scene = draw(
        "\"type\":\"line\",\"paint\":{\"line-color\":\"#ff0000\",\"line-width\":10}", &feature, 1);
    assert_int_equal(pixel(scene, 100, 252), 0xFF0000);
    assert_int_equal(pixel(scene, 100, 262), 0xFFFFFF);
    done(scene);
    scene = draw("\"type\":\"line\",\"paint\":{\"line-color\":\"#ff0000\",\"line-width\":10,"
                 "\"line-dasharray\":[4,2]}",
                 &feature, 1);
    assert_int_equal(pixel(scene, 20, 256), 0xFF0000);
    assert_int_equal(pixel(scene, 50, 256), 0xFFFFFF);
    assert_int_equal(pixel(scene, 80, 256), 0xFF0000);
    done(scene);
    scene = draw("\"type\":\"line\",\"paint\":{\"line-color\":\"#000000\",\"line-width\":40,"
                 "\"line-blur\":15}",
                 &feature, 1);
    assert_int_equal(pixel(scene, 100, 256), 0x000000);
    const uint32_t edge = pixel(scene, 100, 256 + 12) & 0xFF;
    assert_true(edge > 0x30 && edge < 0xD0);
    done(scene);
}

static void
test_filters_choose_features(void **state)
{
    static const int32_t left[] = {1024, 2048};
    const struct made_feature features[] = {{1, 1, middle, "a", 1}, {1, 1, left, "b", 2}};
    (void)state;
    struct scene *scene = draw("\"type\":\"circle\",\"filter\":[\"==\",[\"get\",\"name\"],\"b\"],"
                               "\"paint\":{\"circle-radius\":10,\"circle-color\":\"#ff0000\"}",
                               features, 2);
    assert_int_equal(pixel(scene, 256, 256), 0xFFFFFF);
    assert_int_equal(pixel(scene, 128, 256), 0xFF0000);
    done(scene);
}

static void
test_heat_grows_with_weight(void **state)
{
    static const int32_t left[] = {1024, 2048};
    const struct made_feature features[] = {{1, 1, middle, "a", 4}, {1, 1, left, "b", 1}};
    (void)state;
    struct scene *scene =
        draw("\"type\":\"heatmap\",\"paint\":{\"heatmap-weight\":[\"get\",\"n\"],"
             "\"heatmap-radius\":40,\"heatmap-intensity\":0.5,\"heatmap-color\":[\"interpolate\","
             "[\"linear\"],[\"heatmap-density\"],0,\"rgba(0,0,0,0)\",1,\"#000000\"]}",
             features, 2);
    /* The peaks are 0.3989 of weight times intensity. */
    assert_in_range(pixel(scene, 256, 256) & 0xFF, 255 - 204 - 6, 255 - 204 + 6);
    assert_in_range(pixel(scene, 128, 256) & 0xFF, 255 - 51 - 6, 255 - 51 + 6);
    assert_int_equal(pixel(scene, 256, 400), 0xFFFFFF);
    done(scene);
}

/* ---- symbols ---- */

static bool
any_ink(const struct scene *scene, int x0, int y0, int x1, int y1)
{
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < x1; x++) {
            if (pixel(scene, x, y) != 0xFFFFFF) {
                return true;
            }
        }
    }
    return false;
}

static void
test_icons_have_size_and_halo(void **state)
{
    const struct made_feature feature = {1, 1, middle, "a", 1};
    (void)state;
    struct scene *scene =
        draw("\"type\":\"symbol\",\"layout\":{\"icon-image\":\"box\",\"icon-size\":0.5},"
             "\"paint\":{\"icon-color\":\"#ff0000\",\"icon-halo-color\":\"#0000ff\","
             "\"icon-halo-width\":3}",
             &feature, 1);
    assert_int_equal(pixel(scene, 256, 256), 0xFF0000);
    assert_int_equal(pixel(scene, 256 + 5, 256), 0xFF0000);
    assert_int_equal(pixel(scene, 256 + 7, 256), 0x0000FF);
    assert_int_equal(pixel(scene, 256 + 10, 256), 0xFFFFFF);
    done(scene);
}

static void
test_labels_are_chinese_and_do_not_overlap(void **state)
{
    static const int32_t beside[] = {2100, 2060};
    static const int32_t far[] = {3500, 3500};
    const struct made_feature features[] = {
        {1, 1, middle, "供应站", 1}, {1, 1, beside, "储配站", 2}, {1, 1, far, "检验站", 3}};
    (void)state;
    struct scene *scene =
        draw("\"type\":\"symbol\",\"layout\":{\"text-field\":[\"get\",\"name\"],\"text-size\":20,"
             "\"text-font\":[\"Noto Sans CJK SC\"]}",
             features, 3);
    assert_int_equal(scene->n_told, 2);
    assert_string_equal(scene->texts[0], "供应站");
    assert_string_equal(scene->texts[1], "检验站");
    /* Three characters of 20 pixels around the anchor, and nothing past them. */
    assert_true(any_ink(scene, 227, 247, 246, 266));
    assert_true(any_ink(scene, 266, 247, 285, 266));
    assert_false(any_ink(scene, 290, 200, 400, 300));
    done(scene);
    scene = draw("\"type\":\"symbol\",\"layout\":{\"text-field\":[\"get\",\"name\"],"
                 "\"text-allow-overlap\":true}",
                 features, 3);
    assert_int_equal(scene->n_told, 3);
    done(scene);
}

static void
test_long_labels_break_evenly(void **state)
{
    const struct made_feature feature = {1, 1, middle, "海口市金湾示例液化气有限公司", 1};
    (void)state;
    struct scene *scene = draw("\"type\":\"symbol\",\"layout\":{\"text-field\":[\"get\",\"name\"],"
                               "\"text-size\":12,\"text-max-width\":9,\"text-anchor\":\"top\","
                               "\"text-font\":[\"Noto Sans CJK SC\"]}",
                               &feature, 1);
    /* Fourteen characters at most nine wide: two lines of seven, 84 pixels each. */
    assert_true(any_ink(scene, 214, 257, 224, 270));
    assert_true(any_ink(scene, 214, 272, 224, 285));
    assert_false(any_ink(scene, 190, 240, 211, 300));
    assert_false(any_ink(scene, 256, 287, 257, 330));
    assert_false(any_ink(scene, 200, 200, 320, 254));
    done(scene);
}

static void
test_labels_follow_lines(void **state)
{
    static const int32_t down[] = {2048, 4000, 2048, 96};
    const struct made_feature level = {2, 2, across, "海榆中线", 1};
    const struct made_feature upright = {2, 2, down, "海榆中线", 1};
    static const char layer[] =
        "\"type\":\"symbol\",\"layout\":{\"symbol-placement\":\"line\",\"text-size\":16,"
        "\"text-font\":[\"Noto Sans CJK SC\"],\"text-field\":[\"get\",\"name\"]}";
    (void)state;
    struct scene *scene = draw(layer, &level, 1);
    assert_in_range(scene->n_told, 1, 3);
    for (size_t i = 0; i < scene->n_told; i++) {
        assert_near(scene->told[i].y, 256, 1e-6);
        assert_string_equal(scene->texts[i], "海榆中线");
    }
    assert_false(any_ink(scene, 0, 0, 512, 240));
    done(scene);
    scene = draw(layer, &upright, 1);
    assert_in_range(scene->n_told, 1, 3);
    assert_near(scene->told[0].x, 256, 1e-6);
    assert_false(any_ink(scene, 0, 0, 240, 512));
    done(scene);
}

/* ---- bounds ---- */

static void
test_geographic_pictures_put_latitude_upwards(void **state)
{
    /* 45° N, 90° E in the tile: world y of 45° N is 0.359725. */
    static const int32_t place[] = {3072, 1473};
    const struct made_feature feature = {1, 1, place, "a", 1};
    const struct host_pic_view view = {360, 180, 1, true, -180, -90, 180, 90};
    (void)state;
    struct scene *scene = draw_view(
        "\"type\":\"circle\",\"paint\":{\"circle-radius\":3,\"circle-color\":\"#ff0000\"}",
        &feature, 1, &view, 1 << 30);
    assert_int_equal(scene->status, CIM_OK);
    assert_int_equal(pixel(scene, 270, 45), 0xFF0000);
    assert_int_equal(scene->n_told, 1);
    assert_near(scene->told[0].y, 45, 0.05);
    done(scene);
}

static void
test_a_client_that_left_ends_the_drawing(void **state)
{
    enum { MANY = 2000 };
    struct made_feature *features = calloc(MANY, sizeof *features);
    const double half = HOST_PIC_MERCATOR_HALF_M;
    const struct host_pic_view view = {512, 512, 1, false, -half, -half, half, half};
    (void)state;
    for (int i = 0; i < MANY; i++) {
        features[i] = (struct made_feature){1, 1, middle, "a", 1};
    }
    struct scene *scene = draw_view("\"type\":\"circle\"", features, MANY, &view, 5);
    assert_int_equal(scene->status, CIM_E_CANCELLED);
    done(scene);
    free(features);
}

static void
test_areas_with_symbols_of_their_own_are_refused(void **state)
{
    const struct made_feature feature = {3, 4, square, "a", 1};
    const double half = HOST_PIC_MERCATOR_HALF_M;
    const struct host_pic_view view = {512, 512, 1, false, -half, -half, half, half};
    (void)state;
    struct scene *scene = draw_view("\"type\":\"symbol\",\"layout\":{\"text-field\":\"x\"}",
                                    &feature, 1, &view, 1 << 30);
    assert_int_equal(scene->status, CIM_E_UNSUPPORTED);
    assert_non_null(strstr(scene->err.en, ".labels"));
    done(scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_circles_have_radius_and_ring),
        cmocka_unit_test(test_fills_blend_and_have_outlines),
        cmocka_unit_test(test_lines_have_width_dashes_and_blur),
        cmocka_unit_test(test_filters_choose_features),
        cmocka_unit_test(test_heat_grows_with_weight),
        cmocka_unit_test(test_icons_have_size_and_halo),
        cmocka_unit_test(test_labels_are_chinese_and_do_not_overlap),
        cmocka_unit_test(test_long_labels_break_evenly),
        cmocka_unit_test(test_labels_follow_lines),
        cmocka_unit_test(test_geographic_pictures_put_latitude_upwards),
        cmocka_unit_test(test_a_client_that_left_ends_the_drawing),
        cmocka_unit_test(test_areas_with_symbols_of_their_own_are_refused),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    host_pictures_end();
    return failed;
}
