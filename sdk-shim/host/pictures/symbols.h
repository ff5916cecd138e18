/* host/pictures/symbols.h -- icons and labels: collected, placed without overlap, drawn; private to
 * this folder.
 *
 * In MapLibre's order: the topmost layer is placed first; within a layer tile by tile from the
 * south-east, or across tiles by symbol-sort-key. Boxes have the size of the next whole zoom.
 */
#ifndef HOST_PICTURES_SYMBOLS_H
#define HOST_PICTURES_SYMBOLS_H

#include "host/pictures/canvas.h"
#include "host/pictures/glyphs.h"

struct host_pic_taken;

/* One character of a label that follows a line, on the picture. */
struct host_pic_turned_glyph {
    double x;
    double y;
    double angle;
    bool upright; /* turned back, where the label runs downwards */
};

struct host_pic_symbol {
    const struct host_mvt_layer *from;
    const struct host_mvt_feature *feature;
    uint32_t tile;    /* its place in the source's order of symbols */
    uint32_t order;   /* within the tile */
    int32_t anchor_y; /* in tile units, for the order of drawing */
    double sort_key;
    double x; /* of the anchor on the picture */
    double y;
    const struct host_pic_image *image; /* NULL: no icon */
    struct host_pic_label *label;       /* owned; NULL: no text */
    bool show_icon;
    bool show_text;
    double *line; /* owned: x, y of the line on the picture that the label follows; NULL */
    size_t n_line;
    size_t segment;                       /* of the line, that the anchor lies on */
    struct host_pic_turned_glyph *turned; /* owned; as many as the label has */
};

struct host_pic_symbols {
    const struct host_pic_style *style;
    const struct host_pic_layer *layer;
    size_t n;
    size_t capacity;
    struct host_pic_symbol *items;
};

/* The symbols of a layer, in the order of placing. */
cim_status host_pic_symbols_collect(struct host_pic_canvas *canvas,
                                    const struct host_pic_style *style,
                                    const struct host_pic_layer *layer,
                                    struct host_pic_symbols *symbols, cim_error *err);
cim_status host_pic_symbols_place(struct host_pic_canvas *canvas, struct host_pic_symbols *symbols,
                                  struct host_pic_taken *taken, cim_error *err);
cim_status host_pic_symbols_draw(struct host_pic_canvas *canvas, struct host_pic_symbols *symbols,
                                 cim_error *err);
void host_pic_symbols_done(struct host_pic_symbols *symbols);

/* icon-offset of the feature in canvas->eval, in pixels at icon-size 1, before rotation. */
void host_pic_icon_offset(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                          double ret_px[2]);

/* ---- between symbols.c and line_labels.c ---- */

/* Adds one; takes *symbol (also on failure). */
cim_status host_pic_symbols_add(struct host_pic_canvas *canvas, struct host_pic_symbols *symbols,
                                struct host_pic_symbol *symbol, cim_error *err);
/* Text and fonts of the feature in canvas->eval; *ret_label NULL: none. `one_line`: no breaks. */
cim_status host_pic_symbols_label(struct host_pic_canvas *canvas,
                                  const struct host_pic_layer *layer, bool one_line,
                                  struct host_pic_label **ret_label, cim_error *err);
/* The labels along the lines of one tile. */
cim_status host_pic_lines_collect(struct host_pic_canvas *canvas,
                                  const struct host_pic_layer *layer,
                                  const struct host_pic_tile *tile, uint32_t tile_number,
                                  const struct host_mvt_layer *from,
                                  struct host_pic_symbols *symbols, cim_error *err);
/* Fills symbol->turned for a text size; false: the line is too short. */
bool host_pic_line_turn(struct host_pic_symbol *symbol, double size_px);
/* Are the circles along the label free? Takes them if `take`. *ret_free false: not. */
cim_status host_pic_line_claim(const struct host_pic_symbol *symbol, double diameter_px,
                               double padding_px, bool ask, bool take, struct host_pic_taken *taken,
                               bool *ret_free, cim_error *err);

#endif
