/* host/pictures/heatmap.c -- densities as colours.
 *
 * As MapLibre draws them: each point is a Gaussian of its weight and radius, summed on a field of
 * half the picture's resolution, then coloured by heatmap-color.
 */
#include "host/pictures/canvas.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdint.h>

enum { RAMP = 256, RADIUS_MAX_PX = 200 };

static const double gauss_peak = 0.3989422804014327; /* 1 / sqrt(2 pi) */
static const double faint = 1.0 / 255 / 16;          /* what cannot be seen any more */

struct field {
    int width;
    int height;
    double scale; /* cells to a style pixel */
    float *sums;
};

static void
add_point(struct field *field, double x, double y, double weight, double radius)
{
    const double peak = weight * gauss_peak;
    if (peak <= faint || radius <= 0) {
        return;
    }
    /* exp(-4.5 d²) of the distance in radii falls under `faint` here. */
    const double reach = sqrt(-2 * log(faint / peak)) / 3 * radius * field->scale;
    const double by = 3 / (radius * field->scale);
    const double cx = x * field->scale;
    const double cy = y * field->scale;
    const int x0 = (int)fmax(0, floor(cx - reach));
    const int y0 = (int)fmax(0, floor(cy - reach));
    const int x1 = (int)fmin(field->width - 1, ceil(cx + reach));
    const int y1 = (int)fmin(field->height - 1, ceil(cy + reach));
    for (int row = y0; row <= y1; row++) {
        for (int col = x0; col <= x1; col++) {
            const double dx = (col + 0.5 - cx) * by;
            const double dy = (row + 0.5 - cy) * by;
            field->sums[(size_t)row * (size_t)field->width + (size_t)col] +=
                (float)(peak * exp(-0.5 * (dx * dx + dy * dy)));
        }
    }
}

static cim_status
add_feature(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
            const struct host_pic_tile *tile, const struct host_mvt_feature *feature,
            struct field *field, cim_error *err)
{
    const double extent = canvas->eval.layer->extent;
    const double weight = host_pic_number(layer, HOST_PIC_HEATMAP_WEIGHT, &canvas->eval) *
                          host_pic_number(layer, HOST_PIC_HEATMAP_INTENSITY, &canvas->eval);
    const double radius =
        fmin(RADIUS_MAX_PX, host_pic_number(layer, HOST_PIC_HEATMAP_RADIUS, &canvas->eval));
    CIM_TRY(host_mvt_geometry(feature, &canvas->paths, err));
    for (size_t i = 0; i < canvas->paths.n_points; i++) {
        const double u = canvas->paths.xy[2 * i] / extent;
        const double v = canvas->paths.xy[2 * i + 1] / extent;
        double x = 0;
        double y = 0;
        if (u >= 0 && u < 1 && v >= 0 && v < 1) {
            host_pic_project(canvas, tile, u, v, &x, &y);
            add_point(field, x, y, weight, radius);
        }
    }
    return CIM_OK;
}

static cim_status
add_tiles(struct host_pic_canvas *canvas, const struct host_pic_layer *layer, struct field *field,
          cim_error *err)
{
    struct host_pic_source *source = NULL;
    CIM_TRY(host_pic_tiles(canvas, layer->source, &source, err));
    for (size_t i = 0; i < source->n_tiles; i++) {
        const struct host_pic_tile *tile = &source->tiles[i];
        const struct host_mvt_layer *from = host_mvt_layer(&tile->mvt, layer->source_layer);
        for (size_t k = 0; from != NULL && k < from->n_features; k++) {
            CIM_TRY(host_pic_go_on(canvas, err));
            if (from->features[k].type == HOST_MVT_POINT &&
                host_pic_choose(canvas, layer, from, &from->features[k])) {
                CIM_TRY(add_feature(canvas, layer, tile, &from->features[k], field, err));
            }
        }
    }
    return CIM_OK;
}

/* Premultiplied ARGB of each density. */
static void
make_ramp(struct host_pic_canvas *canvas, const struct host_pic_layer *layer, double opacity,
          uint32_t ret_ramp[RAMP])
{
    for (int i = 0; i < RAMP; i++) {
        canvas->eval.density = i / (RAMP - 1.0);
        const struct host_pic_color c =
            host_pic_color(layer, HOST_PIC_HEATMAP_COLOR, &canvas->eval);
        const double a = fmax(0, fmin(1, c.a * opacity));
        ret_ramp[i] = (uint32_t)lround(a * 255) << 24 | (uint32_t)lround(c.r * a * 255) << 16 |
                      (uint32_t)lround(c.g * a * 255) << 8 | (uint32_t)lround(c.b * a * 255);
    }
}

static cim_status
paint(struct host_pic_canvas *canvas, const struct host_pic_layer *layer, const struct field *field,
      cim_error *err)
{
    uint32_t ramp[RAMP];
    cairo_surface_t *image =
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, field->width, field->height);
    if (cairo_surface_status(image) != CAIRO_STATUS_SUCCESS) {
        cairo_surface_destroy(image);
        return cim_fail_nomem(err);
    }
    canvas->eval.feature = NULL;
    make_ramp(canvas, layer, host_pic_number(layer, HOST_PIC_HEATMAP_OPACITY, &canvas->eval), ramp);
    cairo_surface_flush(image);
    const int stride = cairo_image_surface_get_stride(image);
    unsigned char *pixels = cairo_image_surface_get_data(image);
    for (int row = 0; row < field->height; row++) {
        uint32_t *line = (uint32_t *)(void *)(pixels + (ptrdiff_t)row * stride);
        for (int col = 0; col < field->width; col++) {
            const double sum =
                (double)field->sums[(size_t)row * (size_t)field->width + (size_t)col];
            line[col] = ramp[(int)(fmin(1, sum) * (RAMP - 1))];
        }
    }
    cairo_surface_mark_dirty(image);
    cairo_save(canvas->cr);
    cairo_scale(canvas->cr, 1 / field->scale, 1 / field->scale);
    cairo_set_source_surface(canvas->cr, image, 0, 0);
    cairo_paint(canvas->cr);
    cairo_restore(canvas->cr);
    cairo_surface_destroy(image);
    return CIM_OK;
}

cim_status
host_pic_draw_heatmap(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                      cim_error *err)
{
    const struct host_pic_view *view = &canvas->request->view;
    struct field field = {.scale = view->ratio / 2};
    field.width = (int)ceil(view->width * field.scale);
    field.height = (int)ceil(view->height * field.scale);
    CIM_AUTO_FREE float *sums = calloc((size_t)field.width * (size_t)field.height, sizeof *sums);
    if (sums == NULL) {
        return cim_fail_nomem(err);
    }
    field.sums = sums;
    CIM_TRY(add_tiles(canvas, layer, &field, err));
    return paint(canvas, layer, &field, err);
}
