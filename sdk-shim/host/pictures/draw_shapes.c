/* host/pictures/draw_shapes.c -- backgrounds, fills, lines and circles. */
#include "host/pictures/canvas.h"

#include "cim/util.h"

#include <math.h>

static const double whole_turn = 6.28318530717958647692;
enum { BLUR_STEPS = 8, DASHES_MAX = 8, TEXTURE_RATIO = 2 };

cim_status
host_pic_draw_background(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                         cim_error *err)
{
    (void)err;
    canvas->eval.feature = NULL;
    canvas->eval.zoom = canvas->zoom;
    host_pic_ink(canvas, host_pic_color(layer, HOST_PIC_BACKGROUND_COLOR, &canvas->eval),
                 host_pic_number(layer, HOST_PIC_BACKGROUND_OPACITY, &canvas->eval));
    cairo_paint(canvas->cr);
    return CIM_OK;
}

/* ---- a layer's features, tile by tile ---- */

typedef cim_status (*feature_fn)(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                                 const struct host_pic_tile *tile,
                                 const struct host_mvt_feature *feature, cim_error *err);

static cim_status
each_feature(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
             const struct host_pic_tile *tile, const struct host_mvt_layer *from, feature_fn each,
             cim_error *err)
{
    for (size_t i = 0; i < from->n_features; i++) {
        CIM_TRY(host_pic_go_on(canvas, err));
        if (host_pic_choose(canvas, layer, from, &from->features[i])) {
            CIM_TRY(each(canvas, layer, tile, &from->features[i], err));
        }
    }
    return CIM_OK;
}

/* Only the tile's own pixels: what its buffer holds belongs to its neighbours. */
static void
clip_to_tile(struct host_pic_canvas *canvas, const struct host_pic_tile *tile)
{
    cairo_matrix_t at;
    cairo_get_matrix(canvas->cr, &at);
    cairo_identity_matrix(canvas->cr);
    cairo_rectangle(canvas->cr, tile->clip[0], tile->clip[1], tile->clip[2] - tile->clip[0],
                    tile->clip[3] - tile->clip[1]);
    cairo_clip(canvas->cr);
    cairo_set_matrix(canvas->cr, &at);
}

static cim_status
each_tile(struct host_pic_canvas *canvas, const struct host_pic_layer *layer, bool clip,
          const feature_fn *passes, size_t n_passes, cim_error *err)
{
    struct host_pic_source *source = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(host_pic_tiles(canvas, layer->source, &source, err));
    for (size_t i = 0; i < source->n_tiles && status == CIM_OK; i++) {
        const struct host_pic_tile *tile = &source->tiles[i];
        const struct host_mvt_layer *from = host_mvt_layer(&tile->mvt, layer->source_layer);
        if (from == NULL) {
            continue;
        }
        cairo_save(canvas->cr);
        if (clip) {
            clip_to_tile(canvas, tile);
        }
        for (size_t k = 0; k < n_passes && status == CIM_OK; k++) {
            status = each_feature(canvas, layer, tile, from, passes[k], err);
        }
        cairo_restore(canvas->cr);
    }
    return status;
}

/* The feature's geometry as the current path. */
static cim_status
trace(struct host_pic_canvas *canvas, const struct host_pic_tile *tile,
      const struct host_mvt_feature *feature, cim_error *err)
{
    const double extent = canvas->eval.layer->extent;
    struct host_mvt_paths *paths = &canvas->paths;
    size_t begin = 0;
    CIM_TRY(host_mvt_geometry(feature, paths, err));
    cairo_new_path(canvas->cr);
    for (size_t i = 0; i < paths->n_paths; i++) {
        for (size_t k = begin; k < paths->ends[i]; k++) {
            double x = 0;
            double y = 0;
            host_pic_project(canvas, tile, paths->xy[2 * k] / extent, paths->xy[2 * k + 1] / extent,
                             &x, &y);
            if (k == begin) {
                cairo_move_to(canvas->cr, x, y);
            } else {
                cairo_line_to(canvas->cr, x, y);
            }
        }
        if (feature->type == HOST_MVT_POLYGON) {
            cairo_close_path(canvas->cr);
        }
        begin = paths->ends[i];
    }
    return CIM_OK;
}

/* ---- fills ---- */

/* The image as a texture of the tile: it begins at the tile's corner and is as large as the tile's
 * own pixels, which is how MapLibre lays it. NULL: the feature has none. */
static cairo_pattern_t *
texture(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
        const struct host_pic_tile *tile)
{
    const struct host_pic_value name = host_pic_value(layer, HOST_PIC_FILL_PATTERN, &canvas->eval);
    const struct host_pic_image *image =
        name.kind == HOST_PIC_TEXT
            ? host_pic_style_image(canvas->style, name.u.text.at, name.u.text.len)
            : NULL;
    double corners[4];
    cairo_matrix_t matrix;
    if (image == NULL) {
        return NULL;
    }
    const int side = (int)lround(image->size_px * TEXTURE_RATIO);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, side, side);
    cairo_t *cr = cairo_create(surface);
    cairo_scale(cr, side / 24.0, side / 24.0);
    host_pic_image_path(cr, image);
    cairo_set_source_rgba(cr, image->color.r, image->color.g, image->color.b, image->color.a);
    cairo_fill(cr);
    cairo_destroy(cr);
    cairo_pattern_t *pattern = cairo_pattern_create_for_surface(surface);
    cairo_surface_destroy(surface);
    host_pic_project(canvas, tile, 0, 0, &corners[0], &corners[1]);
    host_pic_project(canvas, tile, 1, 1, &corners[2], &corners[3]);
    const double pixels = HOST_PIC_TILE_PX * tile->overscale * TEXTURE_RATIO;
    cairo_matrix_init_scale(&matrix, pixels / (corners[2] - corners[0]),
                            pixels / (corners[3] - corners[1]));
    cairo_matrix_translate(&matrix, -corners[0], -corners[1]);
    cairo_pattern_set_matrix(pattern, &matrix);
    cairo_pattern_set_extend(pattern, CAIRO_EXTEND_REPEAT);
    return pattern;
}

static cim_status
fill_textured(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
              const struct host_pic_tile *tile, const struct host_mvt_feature *feature,
              double opacity, cim_error *err)
{
    cairo_pattern_t *pattern = texture(canvas, layer, tile);
    cim_status status = pattern != NULL ? trace(canvas, tile, feature, err) : CIM_OK;
    if (pattern != NULL && status == CIM_OK) {
        cairo_save(canvas->cr);
        cairo_clip(canvas->cr);
        cairo_set_source(canvas->cr, pattern);
        cairo_paint_with_alpha(canvas->cr, fmax(0, fmin(1, opacity)));
        cairo_restore(canvas->cr);
    }
    cairo_pattern_destroy(pattern);
    return status;
}

static cim_status
fill_one(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
         const struct host_pic_tile *tile, const struct host_mvt_feature *feature, cim_error *err)
{
    if (feature->type != HOST_MVT_POLYGON) {
        return CIM_OK;
    }
    const double opacity = host_pic_number(layer, HOST_PIC_FILL_OPACITY, &canvas->eval);
    if (host_pic_has(layer, HOST_PIC_FILL_PATTERN)) {
        return fill_textured(canvas, layer, tile, feature, opacity, err);
    }
    CIM_TRY(trace(canvas, tile, feature, err));
    host_pic_ink(canvas, host_pic_color(layer, HOST_PIC_FILL_COLOR, &canvas->eval), opacity);
    cairo_fill(canvas->cr);
    return CIM_OK;
}

static cim_status
outline_one(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
            const struct host_pic_tile *tile, const struct host_mvt_feature *feature,
            cim_error *err)
{
    if (feature->type != HOST_MVT_POLYGON) {
        return CIM_OK;
    }
    CIM_TRY(trace(canvas, tile, feature, err));
    host_pic_ink(canvas, host_pic_color(layer, HOST_PIC_FILL_OUTLINE, &canvas->eval),
                 host_pic_number(layer, HOST_PIC_FILL_OPACITY, &canvas->eval));
    cairo_set_line_width(canvas->cr, 1);
    cairo_set_dash(canvas->cr, NULL, 0, 0);
    cairo_stroke(canvas->cr);
    return CIM_OK;
}

cim_status
host_pic_draw_fill(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                   cim_error *err)
{
    static const feature_fn passes[] = {fill_one, outline_one};
    return each_tile(canvas, layer, true, passes,
                     host_pic_has(layer, HOST_PIC_FILL_OUTLINE) ? 2 : 1, err);
}

/* ---- lines ---- */

static void
set_pen(struct host_pic_canvas *canvas, const struct host_pic_layer *layer, double width)
{
    const char *cap = host_pic_word(layer, HOST_PIC_LINE_CAP);
    const char *join = host_pic_word(layer, HOST_PIC_LINE_JOIN);
    const struct host_pic_value dashes = host_pic_value(layer, HOST_PIC_LINE_DASHES, &canvas->eval);
    double lengths[DASHES_MAX];
    size_t n = 0;
    for (; dashes.kind == HOST_PIC_LIST && n < dashes.u.list.n && n < DASHES_MAX; n++) {
        lengths[n] = dashes.u.list.items[n].u.number * width;
    }
    cairo_set_dash(canvas->cr, lengths, (int)n, 0);
    cairo_set_line_width(canvas->cr, width);
    cairo_set_miter_limit(canvas->cr, 2); /* MapLibre's line-miter-limit */
    cairo_set_line_cap(canvas->cr, cap[0] == 'r'   ? CAIRO_LINE_CAP_ROUND
                                   : cap[0] == 's' ? CAIRO_LINE_CAP_SQUARE
                                                   : CAIRO_LINE_CAP_BUTT);
    cairo_set_line_join(canvas->cr, join[0] == 'r'   ? CAIRO_LINE_JOIN_ROUND
                                    : join[0] == 'b' ? CAIRO_LINE_JOIN_BEVEL
                                                     : CAIRO_LINE_JOIN_MITER);
}

/* Narrower and narrower strokes, each replacing what is under it, so that opacity falls from the
 * inside to the edge. */
static void
stroke_blurred(struct host_pic_canvas *canvas, const struct host_pic_layer *layer, double width,
               double blur)
{
    cairo_path_t *path = cairo_copy_path(canvas->cr);
    cairo_pattern_t *ink = cairo_pattern_reference(cairo_get_source(canvas->cr));
    cairo_push_group_with_content(canvas->cr, CAIRO_CONTENT_ALPHA);
    cairo_set_operator(canvas->cr, CAIRO_OPERATOR_SOURCE);
    for (int i = 1; i <= BLUR_STEPS; i++) {
        const double alpha = (double)i / BLUR_STEPS;
        const double narrower = width - 2 * blur * (alpha - 0.5 / BLUR_STEPS);
        if (narrower <= 0) {
            break;
        }
        set_pen(canvas, layer, narrower);
        cairo_set_source_rgba(canvas->cr, 0, 0, 0, alpha);
        cairo_new_path(canvas->cr);
        cairo_append_path(canvas->cr, path);
        cairo_stroke(canvas->cr);
    }
    cairo_pattern_t *mask = cairo_pop_group(canvas->cr);
    cairo_set_source(canvas->cr, ink);
    cairo_mask(canvas->cr, mask);
    cairo_pattern_destroy(mask);
    cairo_pattern_destroy(ink);
    cairo_path_destroy(path);
}

static cim_status
line_one(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
         const struct host_pic_tile *tile, const struct host_mvt_feature *feature, cim_error *err)
{
    const double width = host_pic_number(layer, HOST_PIC_LINE_WIDTH, &canvas->eval);
    const double blur = host_pic_number(layer, HOST_PIC_LINE_BLUR, &canvas->eval);
    if (feature->type == HOST_MVT_POINT || !(width > 0)) {
        return CIM_OK;
    }
    CIM_TRY(trace(canvas, tile, feature, err));
    host_pic_ink(canvas, host_pic_color(layer, HOST_PIC_LINE_COLOR, &canvas->eval),
                 host_pic_number(layer, HOST_PIC_LINE_OPACITY, &canvas->eval));
    if (blur > 0) {
        stroke_blurred(canvas, layer, width, blur);
        return CIM_OK;
    }
    set_pen(canvas, layer, width);
    cairo_stroke(canvas->cr);
    return CIM_OK;
}

cim_status
host_pic_draw_line(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                   cim_error *err)
{
    static const feature_fn passes[] = {line_one};
    return each_tile(canvas, layer, true, passes, 1, err);
}

/* ---- circles ---- */

static void
draw_circle(struct host_pic_canvas *canvas, const struct host_pic_layer *layer, double x, double y)
{
    struct host_pic_eval *eval = &canvas->eval;
    const double radius = fmax(0, host_pic_number(layer, HOST_PIC_CIRCLE_RADIUS, eval));
    const double stroke = fmax(0, host_pic_number(layer, HOST_PIC_CIRCLE_STROKE_WIDTH, eval));
    cairo_new_path(canvas->cr);
    cairo_arc(canvas->cr, x, y, radius, 0, whole_turn);
    host_pic_ink(canvas, host_pic_color(layer, HOST_PIC_CIRCLE_COLOR, eval),
                 host_pic_number(layer, HOST_PIC_CIRCLE_OPACITY, eval));
    cairo_fill(canvas->cr);
    if (stroke > 0) {
        cairo_arc(canvas->cr, x, y, radius + stroke / 2, 0, whole_turn);
        host_pic_ink(canvas, host_pic_color(layer, HOST_PIC_CIRCLE_STROKE, eval),
                     host_pic_number(layer, HOST_PIC_CIRCLE_STROKE_OPACITY, eval));
        cairo_set_dash(canvas->cr, NULL, 0, 0);
        cairo_set_line_width(canvas->cr, stroke);
        cairo_stroke(canvas->cr);
    }
}

static cim_status
circle_one(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
           const struct host_pic_tile *tile, const struct host_mvt_feature *feature, cim_error *err)
{
    const double extent = canvas->eval.layer->extent;
    struct host_mvt_paths *paths = &canvas->paths;
    if (feature->type != HOST_MVT_POINT) {
        return CIM_OK;
    }
    CIM_TRY(host_mvt_geometry(feature, paths, err));
    for (size_t i = 0; i < paths->n_points; i++) {
        const double u = paths->xy[2 * i] / extent;
        const double v = paths->xy[2 * i + 1] / extent;
        double x = 0;
        double y = 0;
        if (u < 0 || u >= 1 || v < 0 || v >= 1) {
            continue; /* the neighbour's */
        }
        host_pic_project(canvas, tile, u, v, &x, &y);
        draw_circle(canvas, layer, x, y);
        CIM_TRY(host_pic_tell(canvas, layer, "circle", feature->id, x, y, NULL, err));
    }
    return CIM_OK;
}

cim_status
host_pic_draw_circle(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                     cim_error *err)
{
    static const feature_fn passes[] = {circle_one};
    return each_tile(canvas, layer, false, passes, 1, err);
}
