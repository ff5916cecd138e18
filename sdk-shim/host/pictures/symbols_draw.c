/* host/pictures/symbols_draw.c -- draws placed symbols: all icons of a layer, then all texts; of
 * each tile first the halos, then what stands in them, as MapLibre does. */
#include "host/pictures/symbols.h"

#include "cim/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

/* From north to south, so that the nearer lies upon the farther; with a sort key by that. */
static int
by_y(const void *a, const void *b)
{
    const struct host_pic_symbol *x = a;
    const struct host_pic_symbol *y = b;
    if (x->tile != y->tile) {
        return x->tile < y->tile ? -1 : 1;
    }
    if (x->anchor_y != y->anchor_y) {
        return x->anchor_y < y->anchor_y ? -1 : 1;
    }
    return x->order > y->order ? -1 : x->order < y->order;
}

static void
choose(struct host_pic_canvas *canvas, const struct host_pic_symbols *symbols,
       const struct host_pic_symbol *symbol)
{
    (void)host_pic_choose(canvas, symbols->layer, symbol->from, symbol->feature);
}

/* Fills the path at hand, or draws its halo around it; `scale` is that of the current matrix. */
static void
ink_path(struct host_pic_canvas *canvas, bool halo, double width, double scale)
{
    if (!halo) {
        cairo_fill(canvas->cr);
        return;
    }
    cairo_set_dash(canvas->cr, NULL, 0, 0);
    cairo_set_line_join(canvas->cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_width(canvas->cr, 2 * width / scale);
    cairo_stroke(canvas->cr);
}

/* ---- icons ---- */

static void
draw_icon(struct host_pic_canvas *canvas, const struct host_pic_symbols *symbols,
          const struct host_pic_symbol *symbol, bool halo)
{
    const struct host_pic_layer *layer = symbols->layer;
    struct host_pic_eval *eval = &canvas->eval;
    choose(canvas, symbols, symbol);
    const double width = host_pic_number(layer, HOST_PIC_ICON_HALO_WIDTH, eval);
    const double size = host_pic_number(layer, HOST_PIC_ICON_SIZE, eval);
    const double scale = size * symbol->image->size_px / 24;
    double offset[2];
    if (!(scale > 0) || (halo && !(width > 0))) {
        return;
    }
    host_pic_ink(canvas,
                 host_pic_color(layer, halo ? HOST_PIC_ICON_HALO_COLOR : HOST_PIC_ICON_COLOR, eval),
                 host_pic_number(layer, HOST_PIC_ICON_OPACITY, eval));
    cairo_save(canvas->cr);
    cairo_translate(canvas->cr, symbol->x, symbol->y);
    cairo_rotate(canvas->cr, host_pic_number(layer, HOST_PIC_ICON_ROTATE, eval) * pi / 180);
    host_pic_icon_offset(canvas, layer, offset);
    cairo_translate(canvas->cr, offset[0] * size, offset[1] * size);
    cairo_scale(canvas->cr, scale, scale);
    cairo_translate(canvas->cr, -12, -12);
    host_pic_image_path(canvas->cr, symbol->image);
    /* The distance field of the map page ends 6 pixels of the image outside. */
    ink_path(canvas, halo, fmin(width, 6 * size), scale);
    cairo_restore(canvas->cr);
}

/* ---- texts ---- */

static void
draw_glyph(struct host_pic_canvas *canvas, const struct host_pic_glyph *glyph, bool halo,
           double width, double scale)
{
    if (glyph->path != NULL) {
        cairo_new_path(canvas->cr);
        cairo_append_path(canvas->cr, glyph->path);
        ink_path(canvas, halo, width, scale);
    }
}

static void
draw_turned(struct host_pic_canvas *canvas, const struct host_pic_symbol *symbol, double scale,
            bool halo, double width)
{
    for (size_t i = 0; i < symbol->label->n_glyphs; i++) {
        const struct host_pic_placed_glyph *placed = &symbol->label->glyphs[i];
        const struct host_pic_turned_glyph *turned = &symbol->turned[i];
        cairo_save(canvas->cr);
        cairo_translate(canvas->cr, turned->x, turned->y);
        cairo_rotate(canvas->cr, turned->angle - (turned->upright ? pi / 2 : 0));
        cairo_scale(canvas->cr, scale, scale);
        cairo_translate(canvas->cr, -placed->glyph->advance / 2, placed->y);
        draw_glyph(canvas, placed->glyph, halo, width, scale);
        cairo_restore(canvas->cr);
    }
}

static void
draw_level(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
           const struct host_pic_symbol *symbol, double scale, bool halo, double width)
{
    const struct host_pic_value offset = host_pic_value(layer, HOST_PIC_TEXT_OFFSET, &canvas->eval);
    cairo_save(canvas->cr);
    cairo_translate(canvas->cr, symbol->x, symbol->y);
    cairo_scale(canvas->cr, scale, scale);
    if (offset.kind == HOST_PIC_LIST && offset.u.list.n == 2) {
        cairo_translate(canvas->cr, offset.u.list.items[0].u.number * HOST_PIC_EM,
                        offset.u.list.items[1].u.number * HOST_PIC_EM);
    }
    for (size_t i = 0; i < symbol->label->n_glyphs; i++) {
        const struct host_pic_placed_glyph *placed = &symbol->label->glyphs[i];
        cairo_save(canvas->cr);
        cairo_translate(canvas->cr, placed->x, placed->y);
        draw_glyph(canvas, placed->glyph, halo, width, scale);
        cairo_restore(canvas->cr);
    }
    cairo_restore(canvas->cr);
}

static void
draw_text(struct host_pic_canvas *canvas, const struct host_pic_symbols *symbols,
          const struct host_pic_symbol *symbol, bool halo)
{
    const struct host_pic_layer *layer = symbols->layer;
    struct host_pic_eval *eval = &canvas->eval;
    choose(canvas, symbols, symbol);
    const double width = host_pic_number(layer, HOST_PIC_TEXT_HALO_WIDTH, eval);
    const double scale = host_pic_number(layer, HOST_PIC_TEXT_SIZE, eval) / HOST_PIC_EM;
    if (!(scale > 0) || (halo && !(width > 0))) {
        return;
    }
    host_pic_ink(canvas,
                 host_pic_color(layer, halo ? HOST_PIC_TEXT_HALO_COLOR : HOST_PIC_TEXT_COLOR, eval),
                 host_pic_number(layer, HOST_PIC_TEXT_OPACITY, eval));
    if (symbol->line != NULL) {
        draw_turned(canvas, symbol, scale, halo, width);
    } else {
        draw_level(canvas, layer, symbol, scale, halo, width);
    }
}

/* ---- a layer ---- */

static void
draw_group(struct host_pic_canvas *canvas, const struct host_pic_symbols *symbols, size_t begin,
           size_t end, bool text)
{
    for (int halo = 1; halo >= 0; halo--) {
        for (size_t i = begin; i < end; i++) {
            const struct host_pic_symbol *symbol = &symbols->items[i];
            if (text && symbol->show_text) {
                draw_text(canvas, symbols, symbol, halo == 1);
            } else if (!text && symbol->show_icon) {
                draw_icon(canvas, symbols, symbol, halo == 1);
            }
        }
    }
}

static cim_status
tell_all(struct host_pic_canvas *canvas, const struct host_pic_symbols *symbols, cim_error *err)
{
    for (size_t i = 0; i < symbols->n; i++) {
        const struct host_pic_symbol *symbol = &symbols->items[i];
        if (symbol->show_icon) {
            CIM_TRY(host_pic_tell(canvas, symbols->layer, "icon", symbol->feature->id, symbol->x,
                                  symbol->y, NULL, err));
        }
        if (symbol->show_text) {
            choose(canvas, symbols, symbol);
            const struct host_pic_value text =
                host_pic_value(symbols->layer, HOST_PIC_TEXT_FIELD, &canvas->eval);
            CIM_TRY(host_pic_tell(canvas, symbols->layer, "text", symbol->feature->id, symbol->x,
                                  symbol->y, &text, err));
        }
    }
    return CIM_OK;
}

cim_status
host_pic_symbols_draw(struct host_pic_canvas *canvas, struct host_pic_symbols *symbols,
                      cim_error *err)
{
    const struct host_pic_layer *layer = symbols->layer;
    const bool keyed = host_pic_has(layer, HOST_PIC_SORT_KEY);
    const bool overlap = host_pic_flag(layer, HOST_PIC_ICON_OVERLAP) ||
                         host_pic_flag(layer, HOST_PIC_TEXT_OVERLAP) ||
                         host_pic_flag(layer, HOST_PIC_ICON_IGNORED) ||
                         host_pic_flag(layer, HOST_PIC_TEXT_IGNORED);
    if (!keyed && overlap && symbols->n > 0) {
        qsort(symbols->items, symbols->n, sizeof *symbols->items, by_y);
    }
    for (int text = 0; text <= 1; text++) {
        size_t begin = 0;
        for (size_t i = 1; i <= symbols->n; i++) {
            const struct host_pic_symbol *at = symbols->items;
            if (i < symbols->n && at[i].tile == at[begin].tile &&
                at[i].sort_key == at[begin].sort_key) {
                continue;
            }
            CIM_TRY(host_pic_go_on(canvas, err));
            draw_group(canvas, symbols, begin, i, text == 1);
            begin = i;
        }
    }
    return canvas->request->tell != NULL ? tell_all(canvas, symbols, err) : CIM_OK;
}
