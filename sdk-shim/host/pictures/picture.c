/* host/pictures/picture.c -- see picture.h. */
#include "host/pictures/picture.h"

#include "cim/util.h"
#include "host/pictures/canvas.h"
#include "host/pictures/collide.h"
#include "host/pictures/symbols.h"
#include "kit/buf.h"

#include <math.h>
#include <stdlib.h>

static cairo_status_t
write_png(void *arg, const unsigned char *data, unsigned int len)
{
    struct cim_buf *out = arg;
    cim_buf_add(out, data, len);
    return out->failed == CIM_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static void
close_canvas(struct host_pic_canvas *canvas)
{
    for (size_t i = 0; i < canvas->n_sources; i++) {
        for (size_t k = 0; k < canvas->sources[i].n_tiles; k++) {
            struct host_pic_tile *tile = &canvas->sources[i].tiles[k];
            host_mvt_done(&tile->mvt);
            if (tile->bytes.release != NULL) {
                tile->bytes.release(&tile->bytes);
            }
        }
        free(canvas->sources[i].tiles);
    }
    free(canvas->sources);
    host_mvt_paths_done(&canvas->paths);
    host_pic_glyphs_free(canvas->glyphs);
    if (canvas->cr != NULL) {
        cairo_destroy(canvas->cr);
    }
    if (canvas->surface != NULL) {
        cairo_surface_destroy(canvas->surface);
    }
}

static cim_status
open_canvas(struct host_pic_canvas *canvas, cim_error *err)
{
    const struct host_pic_view *view = &canvas->request->view;
    const struct host_pic_color *ground = &canvas->request->background;
    const int width = (int)lround(view->width * view->ratio);
    const int height = (int)lround(view->height * view->ratio);
    canvas->zoom = host_pic_view_zoom(view);
    canvas->z = host_pic_whole_zoom(view);
    canvas->surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    canvas->cr = cairo_create(canvas->surface);
    canvas->glyphs = host_pic_glyphs_new();
    if (cairo_status(canvas->cr) != CAIRO_STATUS_SUCCESS || canvas->glyphs == NULL) {
        return cim_fail_nomem(err);
    }
    cairo_scale(canvas->cr, width / (double)view->width, height / (double)view->height);
    cairo_set_source_rgba(canvas->cr, ground->r, ground->g, ground->b, ground->a);
    cairo_paint(canvas->cr);
    return CIM_OK;
}

/* ---- layers of all styles, numbered from below ---- */

static size_t
count_layers(const struct host_picture_request *request)
{
    size_t n = 0;
    for (size_t i = 0; i < request->n_styles; i++) {
        n += request->styles[i]->n_layers;
    }
    return n;
}

static const struct host_pic_layer *
layer_at(const struct host_picture_request *request, size_t number,
         const struct host_pic_style **ret_style)
{
    size_t i = 0;
    for (; number >= request->styles[i]->n_layers; i++) {
        number -= request->styles[i]->n_layers;
    }
    *ret_style = request->styles[i];
    return &request->styles[i]->layers[number];
}

/* Symbols of the topmost layer have the first choice of room. */
static cim_status
place_symbols(struct host_pic_canvas *canvas, struct host_pic_symbols *all, size_t n,
              cim_error *err)
{
    const struct host_pic_view *view = &canvas->request->view;
    struct host_pic_taken *taken = host_pic_taken_new(view->width, view->height);
    cim_status status = taken != NULL ? CIM_OK : cim_fail_nomem(err);
    size_t total = 0;
    for (size_t i = n; i-- > 0 && status == CIM_OK;) {
        const struct host_pic_style *style = NULL;
        const struct host_pic_layer *layer = layer_at(canvas->request, i, &style);
        if (layer->type != HOST_PIC_SYMBOL || !host_pic_is_drawn(canvas, layer)) {
            continue;
        }
        status = host_pic_symbols_collect(canvas, style, layer, &all[i], err);
        total += all[i].n;
        if (status == CIM_OK && total > HOST_PIC_SYMBOLS_MAX) {
            status =
                cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "图中的符号超过 %d 个，请放大或筛选",
                         "more than %d symbols in the picture; zoom in or filter",
                         (int)HOST_PIC_SYMBOLS_MAX);
        }
        if (status == CIM_OK) {
            status = host_pic_symbols_place(canvas, &all[i], taken, err);
        }
    }
    host_pic_taken_free(taken);
    return status;
}

static cim_status
draw_layer(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
           struct host_pic_symbols *symbols, cim_error *err)
{
    switch (layer->type) {
    case HOST_PIC_BACKGROUND:
        return host_pic_draw_background(canvas, layer, err);
    case HOST_PIC_FILL:
        return host_pic_draw_fill(canvas, layer, err);
    case HOST_PIC_LINE:
        return host_pic_draw_line(canvas, layer, err);
    case HOST_PIC_CIRCLE:
        return host_pic_draw_circle(canvas, layer, err);
    case HOST_PIC_HEATMAP:
        return host_pic_draw_heatmap(canvas, layer, err);
    case HOST_PIC_SYMBOL:
    default:
        return host_pic_symbols_draw(canvas, symbols, err);
    }
}

static cim_status
draw_layers(struct host_pic_canvas *canvas, cim_error *err)
{
    const size_t n = count_layers(canvas->request);
    struct host_pic_symbols *all = calloc(n + 1, sizeof *all);
    cim_status status = all != NULL ? place_symbols(canvas, all, n, err) : cim_fail_nomem(err);
    for (size_t i = 0; i < n && status == CIM_OK; i++) {
        const struct host_pic_style *style = NULL;
        const struct host_pic_layer *layer = layer_at(canvas->request, i, &style);
        if (host_pic_is_drawn(canvas, layer) &&
            (layer->type != HOST_PIC_SYMBOL || all[i].layer != NULL)) {
            canvas->style = style;
            status = draw_layer(canvas, layer, &all[i], err);
        }
    }
    for (size_t i = 0; all != NULL && i < n; i++) {
        host_pic_symbols_done(&all[i]);
    }
    free(all);
    return status;
}

cim_status
host_picture_draw(const struct host_picture_request *request, struct cim_buf *out, cim_error *err)
{
    struct host_pic_canvas *canvas = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(host_pic_view_check(&request->view, err));
    canvas = calloc(1, sizeof *canvas);
    if (canvas == NULL) {
        return cim_fail_nomem(err);
    }
    canvas->request = request;
    status = open_canvas(canvas, err);
    if (status == CIM_OK) {
        status = draw_layers(canvas, err);
    }
    if (status == CIM_OK && cairo_status(canvas->cr) != CAIRO_STATUS_SUCCESS) {
        status = cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "绘图失败：%s", "drawing failed: %s",
                          cairo_status_to_string(cairo_status(canvas->cr)));
    }
    if (status == CIM_OK && out != NULL &&
        cairo_surface_write_to_png_stream(canvas->surface, write_png, out) !=
            CAIRO_STATUS_SUCCESS) {
        status = cim_buf_status(out, err) != CIM_OK
                     ? out->failed
                     : cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "PNG 无法写出", "no PNG was made");
    }
    close_canvas(canvas);
    free(canvas);
    return status;
}
