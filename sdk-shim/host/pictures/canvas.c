/* host/pictures/canvas.c -- see canvas.h. */
#include "host/pictures/canvas.h"

#include "cim/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_BETWEEN_QUESTIONS = 64 };

cim_status
host_pic_go_on(struct host_pic_canvas *canvas, cim_error *err)
{
    const cim_call *call = canvas->request->call;
    if (++canvas->steps < STEPS_BETWEEN_QUESTIONS) {
        return CIM_OK;
    }
    canvas->steps = 0;
    if (call != NULL && call->cancelled != NULL && call->cancelled(call) != 0) {
        return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "请求已取消",
                        "the request was cancelled");
    }
    return CIM_OK;
}

void
host_pic_project(const struct host_pic_canvas *canvas, const struct host_pic_tile *tile, double u,
                 double v, double *ret_x, double *ret_y)
{
    const double n = ldexp(1, (int)tile->z);
    host_pic_view_project(&canvas->request->view, (tile->col + u) / n, (tile->row + v) / n, ret_x,
                          ret_y);
}

/* ---- tiles ---- */

/* The device pixels whose centres lie in the tile: neighbours neither overlap nor leave a gap. */
static void
find_clip(const struct host_pic_canvas *canvas, struct host_pic_tile *tile)
{
    const double ratio = canvas->request->view.ratio;
    double xy[4];
    host_pic_project(canvas, tile, 0, 0, &xy[0], &xy[1]);
    host_pic_project(canvas, tile, 1, 1, &xy[2], &xy[3]);
    for (int i = 0; i < 4; i++) {
        const double at = round(xy[i] * ratio);
        tile->clip[i] = at < -1 ? -1 : at > HOST_PIC_SIDE_MAX + 1 ? HOST_PIC_SIDE_MAX + 1 : (int)at;
    }
}

static cim_status
load_tile(struct host_pic_canvas *canvas, const char *source, struct host_pic_tile *tile,
          cim_error *err)
{
    const struct host_picture_request *request = canvas->request;
    canvas->steps = STEPS_BETWEEN_QUESTIONS;
    CIM_TRY(host_pic_go_on(canvas, err));
    CIM_TRY(request->tile(request->arg, source, tile->z, tile->row, tile->col, &tile->bytes, err));
    canvas->tile_bytes += tile->bytes.len;
    if (canvas->tile_bytes > HOST_PIC_TILE_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL,
                        "图中的要素过多（瓦片超过 %d MiB），请放大或筛选",
                        "too many features in the picture (more than %d MiB of tiles); zoom in or "
                        "filter",
                        HOST_PIC_TILE_BYTES_MAX >> 20);
    }
    find_clip(canvas, tile);
    return host_mvt_read(tile->bytes.data, (size_t)tile->bytes.len, &tile->mvt, err);
}

static uint32_t
clamp_tile(double at, int32_t z)
{
    const double last = ldexp(1, z) - 1;
    return (uint32_t)fmax(0, fmin(last, floor(at)));
}

/* The tiles of a source that the picture touches; n 0: none at this zoom or place. */
struct range {
    int32_t z;
    uint32_t col0;
    uint32_t row0;
    uint32_t col1;
    uint32_t row1;
    size_t n;
};

int32_t
host_pic_whole_zoom(const struct host_pic_view *view)
{
    return (int32_t)fmax(0, floor(host_pic_view_zoom(view)));
}

static cim_status
find_range(const struct host_picture_request *request, const char *source, struct range *ret_range,
           cim_error *err)
{
    const int32_t whole = host_pic_whole_zoom(&request->view);
    struct range range = {.n = 0};
    int32_t min_zoom = 0;
    int32_t max_zoom = 0;
    double world[4];
    CIM_TRY(request->zooms(request->arg, source, &min_zoom, &max_zoom, err));
    host_pic_view_world(&request->view, HOST_PIC_MARGIN_PX, world);
    *ret_range = range;
    if (whole < min_zoom || world[2] <= 0 || world[0] >= 1 || world[3] <= 0 || world[1] >= 1) {
        return CIM_OK;
    }
    range.z = whole < max_zoom ? whole : max_zoom;
    range.col0 = clamp_tile(ldexp(world[0], range.z), range.z);
    range.row0 = clamp_tile(ldexp(world[1], range.z), range.z);
    range.col1 = clamp_tile(ldexp(world[2], range.z), range.z);
    range.row1 = clamp_tile(ldexp(world[3], range.z), range.z);
    range.n = (size_t)(range.col1 - range.col0 + 1) * (range.row1 - range.row0 + 1);
    if (range.n > HOST_PIC_TILES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "bbox", NULL, "图片跨越的瓦片过多（%d 以上）",
                        "the picture spans more than %d tiles", (int)HOST_PIC_TILES_MAX);
    }
    *ret_range = range;
    return CIM_OK;
}

cim_status
host_picture_tiles(const struct host_picture_request *request,
                   cim_status (*each)(void *arg, const char *source, uint32_t z, uint32_t row,
                                      uint32_t col, cim_error *err),
                   void *arg, cim_error *err)
{
    for (size_t i = 0; i < request->n_styles; i++) {
        for (size_t k = 0; k < request->styles[i]->n_sources; k++) {
            const char *source = request->styles[i]->sources[k];
            struct range range;
            CIM_TRY(find_range(request, source, &range, err));
            for (size_t t = 0; t < range.n; t++) {
                const uint32_t columns = range.col1 - range.col0 + 1;
                CIM_TRY(each(arg, source, (uint32_t)range.z, range.row0 + (uint32_t)t / columns,
                             range.col0 + (uint32_t)t % columns, err));
            }
        }
    }
    return CIM_OK;
}

static cim_status
load_tiles(struct host_pic_canvas *canvas, struct host_pic_source *source, cim_error *err)
{
    struct range range;
    CIM_TRY(find_range(canvas->request, source->id, &range, err));
    source->tiles = calloc(range.n + 1, sizeof *source->tiles);
    if (source->tiles == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < range.n; i++) {
        const uint32_t columns = range.col1 - range.col0 + 1;
        struct host_pic_tile *tile = &source->tiles[source->n_tiles++];
        *tile = (struct host_pic_tile){.z = (uint32_t)range.z,
                                       .row = range.row0 + (uint32_t)i / columns,
                                       .col = range.col0 + (uint32_t)i % columns,
                                       .overscale = ldexp(1, canvas->z - range.z)};
        CIM_TRY(load_tile(canvas, source->id, tile, err));
    }
    return CIM_OK;
}

cim_status
host_pic_tiles(struct host_pic_canvas *canvas, const char *source,
               struct host_pic_source **ret_source, cim_error *err)
{
    struct host_pic_source *grown = NULL;
    for (size_t i = 0; i < canvas->n_sources; i++) {
        if (strcmp(canvas->sources[i].id, source) == 0) {
            *ret_source = &canvas->sources[i];
            return CIM_OK;
        }
    }
    grown = realloc(canvas->sources, (canvas->n_sources + 1) * sizeof *grown);
    if (grown == NULL) {
        return cim_fail_nomem(err);
    }
    canvas->sources = grown;
    grown[canvas->n_sources] = (struct host_pic_source){.id = source};
    *ret_source = &grown[canvas->n_sources++];
    return load_tiles(canvas, *ret_source, err);
}

/* ---- what every layer needs ---- */

bool
host_pic_is_drawn(const struct host_pic_canvas *canvas, const struct host_pic_layer *layer)
{
    return !layer->hidden && canvas->zoom >= layer->min_zoom && canvas->zoom < layer->max_zoom;
}

bool
host_pic_choose(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                const struct host_mvt_layer *from, const struct host_mvt_feature *feature)
{
    bool chosen = true;
    canvas->eval.layer = from;
    canvas->eval.feature = feature;
    canvas->eval.used = 0;
    if (layer->filter != NULL) {
        /* The browser filters when it reads a tile, at the tile's zoom. */
        canvas->eval.zoom = canvas->z;
        const struct host_pic_value value = host_pic_expr_eval(layer->filter, &canvas->eval);
        chosen = value.kind == HOST_PIC_BOOL && value.u.flag;
    }
    canvas->eval.zoom = canvas->zoom;
    return chosen;
}

void
host_pic_ink(struct host_pic_canvas *canvas, struct host_pic_color color, double opacity)
{
    const double alpha = fmax(0, fmin(1, color.a * opacity));
    cairo_set_source_rgba(canvas->cr, color.r, color.g, color.b, alpha);
}

void
host_pic_image_path(cairo_t *cr, const struct host_pic_image *image)
{
    cairo_new_path(cr);
    for (size_t i = 0; i < image->n_ops; i++) {
        const double *xy = image->ops[i].xy;
        switch (image->ops[i].command) {
        case 'M':
            cairo_move_to(cr, xy[0], xy[1]);
            break;
        case 'L':
            cairo_line_to(cr, xy[0], xy[1]);
            break;
        case 'C':
            cairo_curve_to(cr, xy[0], xy[1], xy[2], xy[3], xy[4], xy[5]);
            break;
        default:
            cairo_close_path(cr);
            break;
        }
    }
}

cim_status
host_pic_tell(struct host_pic_canvas *canvas, const struct host_pic_layer *layer, const char *kind,
              uint64_t id, double x, double y, const struct host_pic_value *text, cim_error *err)
{
    const struct host_pic_view *view = &canvas->request->view;
    struct host_pic_told told = {.layer = layer->id, .kind = kind, .id = id, .x = x, .y = y};
    if (canvas->request->tell == NULL || x < 0 || y < 0 || x >= view->width || y >= view->height) {
        return CIM_OK;
    }
    if (text != NULL) {
        told.text = text->u.text.at;
        told.text_len = text->u.text.len;
    }
    return canvas->request->tell(canvas->request->arg, &told, err);
}
