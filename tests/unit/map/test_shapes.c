/* Clipping, winding and shared borders of lines and polygons. */
#include "cim/plugin.h"
#include "cim/rows.h"
#include "geo/mercator.h"
#include "map/clip.h"
#include "map/shapes.h"
#include "support/mvt_read.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- WKB by hand ---- */

struct wkb {
    uint8_t bytes[1 << 16];
    size_t len;
};

static void
put_u32(struct wkb *wkb, uint32_t value)
{
    memcpy(wkb->bytes + wkb->len, &value, sizeof value);
    wkb->len += sizeof value;
}

static void
put_head(struct wkb *wkb, uint32_t type, uint32_t count)
{
    wkb->bytes[wkb->len++] = 1;
    put_u32(wkb, type);
    put_u32(wkb, count);
}

static void
put_positions(struct wkb *wkb, const double *xy, uint32_t n)
{
    put_u32(wkb, n);
    memcpy(wkb->bytes + wkb->len, xy, (size_t)n * 16);
    wkb->len += (size_t)n * 16;
}

/* ---- drawing one layer of shapes that everybody may see ---- */

static const cim_access_v1 access_service = {.struct_size = sizeof access_service};
static const cim_term everything = {
    .struct_size = sizeof everything, .all_areas = 1, .from_ms = 0, .until_ms = INT64_MAX};
static const cim_term *const terms[] = {&everything};
static const cim_scope scope = {.struct_size = sizeof scope, .n_terms = 1, .terms = terms};
static const cim_call call = {.struct_size = sizeof call, .scope = &scope, .now_ms = 1};

static int32_t
no_ordinal(const cim_host *host, const char *code)
{
    (void)host;
    (void)code;
    return -1;
}

struct drawn {
    struct lpg_features features;
    struct lpg_shapes shapes;
    cim_blob tile;
    struct mvt_layer layer;
};

static void
add_shape(struct drawn *drawn, const struct wkb *wkb)
{
    assert_int_equal(lpg_shapes_add_wkb(&drawn->shapes, wkb->bytes, wkb->len, NULL), CIM_OK);
    assert_int_equal(lpg_features_grow(&drawn->features, NULL), CIM_OK);
    drawn->features.fid[drawn->features.n - 1] = drawn->features.n;
    drawn->features.area[drawn->features.n - 1] =
        lpg_dictionary_put_text(&drawn->features.areas, "460000", 6);
}

static void
draw(struct drawn *drawn, uint32_t z, uint32_t col, uint32_t row)
{
    cim_access_v1 access = access_service;
    struct lpg_view view;
    struct lpg_mvt *mvt;
    access.area_ordinal = no_ordinal;
    assert_int_equal(lpg_view_open(&drawn->features, NULL, &access, &call, NULL, NULL, &view, NULL),
                     CIM_OK);
    assert_int_equal(lpg_mvt_new("shapes", &mvt, NULL), CIM_OK);
    const struct lpg_shape_stack stack = {
        .shapes = &drawn->shapes, .features = &drawn->features, .newer = &drawn->features};
    assert_int_equal(lpg_shapes_tile(&stack, &view, NULL, z, col, row, mvt, NULL), CIM_OK);
    assert_int_equal(lpg_mvt_finish(mvt, &drawn->tile, NULL), CIM_OK);
    assert_true(mvt_read(drawn->tile.data, drawn->tile.len, &drawn->layer));
    lpg_mvt_free(mvt);
    lpg_view_done(&view);
}

static void
undraw(struct drawn *drawn)
{
    mvt_done(&drawn->layer);
    if (drawn->tile.release != NULL) {
        drawn->tile.release(&drawn->tile);
    }
    drawn->tile = (cim_blob){0};
}

static void
done(struct drawn *drawn)
{
    undraw(drawn);
    lpg_shapes_done(&drawn->shapes);
    lpg_features_done(&drawn->features);
}

struct rings {
    int n;
    int64_t area2[16];
    int32_t xy[16][2048][2];
    int positions[16];
};

static void
collect(void *self, uint32_t command, int32_t x, int32_t y)
{
    struct rings *rings = self;
    if (command == 1) {
        rings->n++;
    }
    if (command == 1 || command == 2) {
        const int i = rings->positions[rings->n - 1]++;
        rings->xy[rings->n - 1][i][0] = x;
        rings->xy[rings->n - 1][i][1] = y;
    }
    if (command == 7) {
        const int r = rings->n - 1;
        for (int i = 0; i < rings->positions[r]; i++) {
            const int j = (i + 1) % rings->positions[r];
            rings->area2[r] += (int64_t)rings->xy[r][i][0] * rings->xy[r][j][1] -
                               (int64_t)rings->xy[r][j][0] * rings->xy[r][i][1];
        }
    }
}

static void
test_rings_are_wound_as_the_specification_says(void **state)
{
    /* Both windings of the source, each with a hole wound like its exterior. */
    const double square[2][10] = {{100, 0, 120, 0, 120, 20, 100, 20, 100, 0},
                                  {100, 0, 100, 20, 120, 20, 120, 0, 100, 0}};
    const double hole[2][10] = {{105, 5, 110, 5, 110, 10, 105, 10, 105, 5},
                                {105, 5, 105, 10, 110, 10, 110, 5, 105, 5}};
    (void)state;
    for (int winding = 0; winding < 2; winding++) {
        struct drawn drawn = {0};
        struct wkb wkb = {.len = 0};
        struct rings *rings = calloc(1, sizeof *rings);
        put_head(&wkb, 3, 2);
        put_positions(&wkb, square[winding], 5);
        put_positions(&wkb, hole[winding], 5);
        add_shape(&drawn, &wkb);
        draw(&drawn, 0, 0, 0);
        assert_int_equal(drawn.layer.n_features, 1);
        assert_int_equal(drawn.layer.features[0].type, 3);
        assert_true(mvt_walk(&drawn.layer.features[0], collect, rings));
        assert_int_equal(rings->n, 2);
        assert_true(rings->area2[0] > 0);
        assert_true(rings->area2[1] < 0);
        free(rings);
        done(&drawn);
    }
}

static void
test_a_tile_inside_a_polygon_is_filled_to_its_buffer(void **state)
{
    const double square[10] = {90, -10, 130, -10, 130, 30, 90, 30, 90, -10};
    struct drawn drawn = {0};
    struct wkb wkb = {.len = 0};
    struct rings *rings = calloc(1, sizeof *rings);
    const int64_t side = LPG_MVT_EXTENT + 2 * LPG_SHAPE_BUFFER_UNITS;
    (void)state;
    put_head(&wkb, 3, 1);
    put_positions(&wkb, square, 5);
    add_shape(&drawn, &wkb);
    draw(&drawn, 12, 825 * 4 + 1, 453 * 4 + 1);
    assert_int_equal(drawn.layer.n_features, 1);
    assert_true(mvt_walk(&drawn.layer.features[0], collect, rings));
    assert_int_equal(rings->n, 1);
    assert_true(rings->area2[0] == 2 * side * side);
    free(rings);
    done(&drawn);
}

/* Two neighbours digitised in opposite directions along a wavy border. */
static void
test_a_shared_border_stays_shared_at_every_zoom(void **state)
{
    enum { N = 400 };
    static double border[N][2];
    struct drawn drawn = {0};
    (void)state;
    for (int i = 0; i < N; i++) {
        border[i][0] = 110.0 + 0.01 * sin(i * 0.7) + 0.002 * cos(i * 3.1);
        border[i][1] = 19.0 + i * (1.0 / N);
    }
    for (int side = 0; side < 2; side++) {
        static struct wkb wkb;
        static double ring[N + 3][2];
        const double far = side == 0 ? 109.0 : 111.0;
        wkb.len = 0;
        for (int i = 0; i < N; i++) {
            memcpy(ring[i], border[side == 0 ? i : N - 1 - i], sizeof ring[i]);
        }
        ring[N][0] = far;
        ring[N][1] = ring[N - 1][1];
        ring[N + 1][0] = far;
        ring[N + 1][1] = ring[0][1];
        memcpy(ring[N + 2], ring[0], sizeof ring[0]);
        put_head(&wkb, 3, 1);
        put_positions(&wkb, &ring[0][0], N + 3);
        add_shape(&drawn, &wkb);
    }
    for (uint32_t z = 4; z <= 12; z++) {
        struct rings *left = calloc(1, sizeof *left);
        struct rings *right = calloc(1, sizeof *right);
        uint32_t x;
        uint32_t y;
        int shared = 0;
        assert_true(lpg_mercator_from_lonlat(110.0, 19.5, &x, &y));
        draw(&drawn, z, x >> (32U - z), y >> (32U - z));
        assert_int_equal(drawn.layer.n_features, 2);
        assert_true(mvt_walk(&drawn.layer.features[0], collect, left));
        assert_true(mvt_walk(&drawn.layer.features[1], collect, right));
        for (int i = 0; i < left->positions[0]; i++) {
            const int32_t *p = left->xy[0][i];
            bool on_edge = p[0] <= -LPG_SHAPE_BUFFER_UNITS || p[1] <= -LPG_SHAPE_BUFFER_UNITS ||
                           p[0] >= LPG_MVT_EXTENT + LPG_SHAPE_BUFFER_UNITS ||
                           p[1] >= LPG_MVT_EXTENT + LPG_SHAPE_BUFFER_UNITS;
            bool found = false;
            for (int j = 0; j < right->positions[0]; j++) {
                found = found || memcmp(p, right->xy[0][j], sizeof right->xy[0][j]) == 0;
            }
            shared += found ? 1 : 0;
            /* All but the two far corners of the left polygon lie on the common border. */
            assert_true(found || on_edge || z < 8);
        }
        assert_true(shared >= 2);
        free(left);
        free(right);
        undraw(&drawn);
    }
    done(&drawn);
}

static void
count_piece(void *self, const int32_t *xy, size_t n_positions)
{
    int *pieces = self;
    ++*pieces;
    for (size_t i = 0; i < 2 * n_positions; i++) {
        assert_in_range(xy[i], 0, 100);
    }
    assert_true(n_positions >= 2);
}

static void
test_a_line_that_leaves_and_returns_is_two_pieces(void **state)
{
    int32_t xy[] = {10, 10, 90, 10, 150, 50, 90, 90, 10, 90};
    int32_t outside[] = {-50, -10, 200, -10};
    const struct lpg_path line = {.xy = xy, .n = 5, .capacity = 5};
    const struct lpg_path away = {.xy = outside, .n = 2, .capacity = 2};
    struct lpg_path scratch = {0};
    int pieces = 0;
    (void)state;
    assert_int_equal(lpg_clip_line(&line, 0, 100, &scratch, count_piece, &pieces, NULL), CIM_OK);
    assert_int_equal(pieces, 2);
    pieces = 0;
    assert_int_equal(lpg_clip_line(&away, 0, 100, &scratch, count_piece, &pieces, NULL), CIM_OK);
    assert_int_equal(pieces, 0);
    lpg_path_done(&scratch);
}

static void
test_positions_that_mercator_has_not_are_refused(void **state)
{
    const double line[4] = {110, 19, 200, 19};
    struct lpg_shapes shapes = {0};
    struct wkb wkb = {.len = 0};
    cim_error err;
    (void)state;
    wkb.bytes[wkb.len++] = 1;
    put_u32(&wkb, 2);
    put_positions(&wkb, line, 2);
    assert_int_equal(lpg_shapes_add_wkb(&shapes, wkb.bytes, wkb.len, &err), CIM_E_INVALID);
    assert_string_equal(err.param, "geom");
    assert_int_equal(shapes.n, 0);
    lpg_shapes_done(&shapes);
}

static void
keep_point(void *self, uint32_t command, int32_t x, int32_t y)
{
    int32_t *at = self;
    assert_int_equal(command, 1);
    at[0] = x;
    at[1] = y;
    at[2]++;
}

/* A polygon of two parts, the larger a U around an open bay: its name stands once over all tiles of
 * a zoom, on the larger part and not in the bay. */
static void
test_polygon_of_several_parts_has_one_label(void **state)
{
    const double bay[] = {100, 0,   130, 0,   130, 30,  120, 30,  120,
                          10,  110, 10,  110, 30,  100, 30,  100, 0};
    const double islet[] = {140, 0, 145, 0, 145, 5, 140, 5, 140, 0};
    struct drawn drawn = {0};
    struct wkb wkb = {0};
    cim_access_v1 access = access_service;
    struct lpg_view view;
    int n = 0;
    (void)state;
    access.area_ordinal = no_ordinal;
    put_head(&wkb, 6, 2);
    put_head(&wkb, 3, 1);
    put_positions(&wkb, bay, 9);
    put_head(&wkb, 3, 1);
    put_positions(&wkb, islet, 5);
    add_shape(&drawn, &wkb);
    assert_int_equal(lpg_view_open(&drawn.features, NULL, &access, &call, NULL, NULL, &view, NULL),
                     CIM_OK);
    const struct lpg_shape_stack stack = {
        .shapes = &drawn.shapes, .features = &drawn.features, .newer = &drawn.features};
    for (uint32_t col = 0; col < 8; col++) {
        for (uint32_t row = 0; row < 8; row++) {
            struct lpg_mvt *mvt = NULL;
            int32_t at[3] = {0};
            double lon = 0;
            double lat = 0;
            assert_int_equal(lpg_mvt_new("shapes.labels", &mvt, NULL), CIM_OK);
            assert_int_equal(lpg_labels_tile(&stack, &view, NULL, 3, col, row, mvt, NULL), CIM_OK);
            assert_int_equal(lpg_mvt_finish(mvt, &drawn.tile, NULL), CIM_OK);
            lpg_mvt_free(mvt);
            if (drawn.tile.len > 0) {
                assert_true(mvt_read(drawn.tile.data, drawn.tile.len, &drawn.layer));
                assert_int_equal(drawn.layer.n_features, 1);
                assert_true(mvt_walk(&drawn.layer.features[0], keep_point, at));
                assert_int_equal(at[2], 1);
                lon = (col + at[0] / 4096.0) / 8 * 360 - 180;
                lat = atan(sinh(M_PI * (1 - (row + at[1] / 4096.0) / 4))) * 180 / M_PI;
                assert_true(lon > 100 && lon < 130 && lat > 0 && lat < 30);
                assert_false(lon > 110 && lon < 120 && lat > 10);
                n++;
            }
            undraw(&drawn);
        }
    }
    assert_int_equal(n, 1);
    lpg_view_done(&view);
    done(&drawn);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rings_are_wound_as_the_specification_says),
        cmocka_unit_test(test_a_tile_inside_a_polygon_is_filled_to_its_buffer),
        cmocka_unit_test(test_a_shared_border_stays_shared_at_every_zoom),
        cmocka_unit_test(test_a_line_that_leaves_and_returns_is_two_pieces),
        cmocka_unit_test(test_positions_that_mercator_has_not_are_refused),
        cmocka_unit_test(test_polygon_of_several_parts_has_one_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
