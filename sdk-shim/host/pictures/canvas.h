/* host/pictures/canvas.h -- a picture while it is drawn; private to this folder. */
#ifndef HOST_PICTURES_CANVAS_H
#define HOST_PICTURES_CANVAS_H

#include "host/pictures/mvt.h"
#include "host/pictures/picture.h"

#include <cairo.h>

enum { HOST_PIC_TILE_PX = 512 }; /* a tile as it is drawn at its own zoom */

struct host_pic_glyphs;

struct host_pic_tile {
    uint32_t z;
    uint32_t row;
    uint32_t col;
    double overscale; /* 2^(zoom − z) of integer zooms; 1 unless the source ends earlier */
    int clip[4];      /* device pixels that are this tile's: x0, y0, x1, y1 */
    cim_blob bytes;
    struct host_mvt mvt;
};

struct host_pic_source {
    const char *id;
    size_t n_tiles; /* in the order of MapLibre: row by row */
    struct host_pic_tile *tiles;
};

struct host_pic_canvas {
    const struct host_picture_request *request;
    const struct host_pic_style *style; /* of the layer at hand */
    cairo_surface_t *surface;
    cairo_t *cr;
    double zoom;
    int32_t z; /* its integer part, at least 0 */
    uint64_t tile_bytes;
    size_t n_sources;
    struct host_pic_source *sources;
    uint32_t steps; /* since the caller was last asked for */
    struct host_pic_eval eval;
    struct host_mvt_paths paths;
    struct host_pic_glyphs *glyphs;
};

/* Called often; CIM_E_CANCELLED once the client has gone. */
cim_status host_pic_go_on(struct host_pic_canvas *canvas, cim_error *err);
/* The zoom whose tiles are drawn from. */
int32_t host_pic_whole_zoom(const struct host_pic_view *view);
/* The tiles of a layer's source; loads them when first asked for. */
cim_status host_pic_tiles(struct host_pic_canvas *canvas, const char *source,
                          struct host_pic_source **ret_source, cim_error *err);
/* A place of a tile, in parts of its side from 0 to 1, as style pixels. */
void host_pic_project(const struct host_pic_canvas *canvas, const struct host_pic_tile *tile,
                      double u, double v, double *ret_x, double *ret_y);
bool host_pic_is_drawn(const struct host_pic_canvas *canvas, const struct host_pic_layer *layer);
/* Sets the feature of canvas->eval, the zoom to that of the picture, and says whether the layer's
 * filter takes it. */
bool host_pic_choose(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                     const struct host_mvt_layer *from, const struct host_mvt_feature *feature);
void host_pic_ink(struct host_pic_canvas *canvas, struct host_pic_color color, double opacity);
void host_pic_image_path(cairo_t *cr, const struct host_pic_image *image);
cim_status host_pic_tell(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                         const char *kind, uint64_t id, double x, double y,
                         const struct host_pic_value *text, cim_error *err);

/* One layer of each type. */
cim_status host_pic_draw_background(struct host_pic_canvas *canvas,
                                    const struct host_pic_layer *layer, cim_error *err);
cim_status host_pic_draw_fill(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                              cim_error *err);
cim_status host_pic_draw_line(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                              cim_error *err);
cim_status host_pic_draw_circle(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                                cim_error *err);
cim_status host_pic_draw_heatmap(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                                 cim_error *err);

#endif
