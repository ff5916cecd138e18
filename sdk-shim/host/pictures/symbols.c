/* host/pictures/symbols.c -- collects and places symbols; see symbols.h. */
#include "host/pictures/symbols.h"

#include "cim/util.h"
#include "host/pictures/collide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE_PADDING_PX = 4, TILE_UNITS = 8192 };

void
host_pic_symbols_done(struct host_pic_symbols *symbols)
{
    for (size_t i = 0; i < symbols->n; i++) {
        free(symbols->items[i].label);
        free(symbols->items[i].line);
        free(symbols->items[i].turned);
    }
    free(symbols->items);
    *symbols = (struct host_pic_symbols){.n = 0};
}

cim_status
host_pic_symbols_add(struct host_pic_canvas *canvas, struct host_pic_symbols *symbols,
                     struct host_pic_symbol *symbol, cim_error *err)
{
    cim_status status = host_pic_go_on(canvas, err);
    if (status == CIM_OK && symbols->n == HOST_PIC_SYMBOLS_MAX) {
        status = cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "图中的符号超过 %d 个，请放大或筛选",
                          "more than %d symbols in the picture; zoom in or filter",
                          (int)HOST_PIC_SYMBOLS_MAX);
    }
    if (status == CIM_OK && symbols->n == symbols->capacity) {
        const size_t capacity = symbols->capacity > 0 ? symbols->capacity * 2 : 256;
        struct host_pic_symbol *grown = realloc(symbols->items, capacity * sizeof *grown);
        if (grown != NULL) {
            symbols->items = grown;
            symbols->capacity = capacity;
        } else {
            status = cim_fail_nomem(err);
        }
    }
    if (status != CIM_OK) {
        free(symbol->label);
        free(symbol->line);
        free(symbol->turned);
        return status;
    }
    symbols->items[symbols->n++] = *symbol;
    return CIM_OK;
}

/* ---- collecting ---- */

cim_status
host_pic_symbols_label(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                       bool one_line, struct host_pic_label **ret_label, cim_error *err)
{
    struct host_pic_eval *eval = &canvas->eval;
    const struct host_pic_value text = host_pic_value(layer, HOST_PIC_TEXT_FIELD, eval);
    const struct host_pic_value fonts = host_pic_value(layer, HOST_PIC_TEXT_FONT, eval);
    *ret_label = NULL;
    if (text.kind != HOST_PIC_TEXT || text.u.text.len == 0) {
        return CIM_OK;
    }
    const double width = one_line ? 0 : host_pic_number(layer, HOST_PIC_TEXT_WIDTH, eval);
    return host_pic_label_make(canvas->glyphs, &text, &fonts, width,
                               host_pic_word(layer, HOST_PIC_TEXT_ANCHOR), ret_label, err);
}

static const struct host_pic_image *
find_image(struct host_pic_canvas *canvas, const struct host_pic_symbols *symbols)
{
    const struct host_pic_value name =
        host_pic_value(symbols->layer, HOST_PIC_ICON_IMAGE, &canvas->eval);
    return name.kind == HOST_PIC_TEXT
               ? host_pic_style_image(symbols->style, name.u.text.at, name.u.text.len)
               : NULL;
}

static cim_status
collect_feature(struct host_pic_canvas *canvas, const struct host_pic_tile *tile,
                uint32_t tile_number, const struct host_mvt_feature *feature,
                struct host_pic_symbols *symbols, cim_error *err)
{
    const struct host_pic_layer *layer = symbols->layer;
    const double extent = canvas->eval.layer->extent;
    if (feature->type == HOST_MVT_POLYGON) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "symbol-placement", layer->id,
                        "样式 %s 的图层 %s：面上的符号应取自图层的 .labels",
                        "style %s, layer %s: symbols of areas come from the layer's .labels",
                        symbols->style->id, layer->id);
    }
    CIM_TRY(host_mvt_geometry(feature, &canvas->paths, err));
    const size_t n =
        feature->type == HOST_MVT_POINT ? canvas->paths.n_points : canvas->paths.n_paths;
    for (size_t i = 0; i < n; i++) {
        const size_t at = feature->type == HOST_MVT_POINT ? i
                          : i > 0                         ? canvas->paths.ends[i - 1]
                                                          : 0;
        const double u = canvas->paths.xy[2 * at] / extent;
        const double v = canvas->paths.xy[2 * at + 1] / extent;
        if (u < 0 || u >= 1 || v < 0 || v >= 1) {
            continue;
        }
        struct host_pic_symbol symbol = {.from = canvas->eval.layer,
                                         .feature = feature,
                                         .tile = tile_number,
                                         .order = (uint32_t)symbols->n,
                                         .anchor_y = (int32_t)(v * TILE_UNITS)};
        host_pic_project(canvas, tile, u, v, &symbol.x, &symbol.y);
        symbol.sort_key = host_pic_number(layer, HOST_PIC_SORT_KEY, &canvas->eval);
        symbol.image = find_image(canvas, symbols);
        CIM_TRY(host_pic_symbols_label(canvas, layer, false, &symbol.label, err));
        if (symbol.image != NULL || symbol.label != NULL) {
            CIM_TRY(host_pic_symbols_add(canvas, symbols, &symbol, err));
        }
    }
    return CIM_OK;
}

static cim_status
collect_tile(struct host_pic_canvas *canvas, const struct host_pic_tile *tile, uint32_t tile_number,
             const struct host_mvt_layer *from, struct host_pic_symbols *symbols, cim_error *err)
{
    for (size_t i = 0; i < from->n_features; i++) {
        CIM_TRY(host_pic_go_on(canvas, err));
        if (host_pic_choose(canvas, symbols->layer, from, &from->features[i])) {
            CIM_TRY(collect_feature(canvas, tile, tile_number, &from->features[i], symbols, err));
        }
    }
    return CIM_OK;
}

static int
by_key(const void *a, const void *b)
{
    const struct host_pic_symbol *x = a;
    const struct host_pic_symbol *y = b;
    if (x->sort_key != y->sort_key) {
        return x->sort_key < y->sort_key ? -1 : 1;
    }
    if (x->tile != y->tile) {
        return x->tile < y->tile ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

cim_status
host_pic_symbols_collect(struct host_pic_canvas *canvas, const struct host_pic_style *style,
                         const struct host_pic_layer *layer, struct host_pic_symbols *symbols,
                         cim_error *err)
{
    struct host_pic_source *source = NULL;
    const bool lines = strcmp(host_pic_word(layer, HOST_PIC_PLACEMENT), "line") == 0;
    symbols->style = style;
    symbols->layer = layer;
    CIM_TRY(host_pic_tiles(canvas, layer->source, &source, err));
    /* Tiles lie row by row from the north-west: backwards is from the south-east. */
    for (size_t i = source->n_tiles; i-- > 0;) {
        const struct host_pic_tile *tile = &source->tiles[i];
        const struct host_mvt_layer *from = host_mvt_layer(&tile->mvt, layer->source_layer);
        const uint32_t number = (uint32_t)(source->n_tiles - i);
        if (from == NULL) {
            continue;
        }
        CIM_TRY(lines ? host_pic_lines_collect(canvas, layer, tile, number, from, symbols, err)
                      : collect_tile(canvas, tile, number, from, symbols, err));
    }
    if (host_pic_has(layer, HOST_PIC_SORT_KEY) && symbols->n > 0) {
        qsort(symbols->items, symbols->n, sizeof *symbols->items, by_key);
    }
    return CIM_OK;
}

/* ---- placing ---- */

struct rules {
    bool text_overlap;
    bool icon_overlap;
    bool text_ignored;
    bool icon_ignored;
    bool text_optional;
    bool icon_optional;
    bool has_icons;
    bool has_texts;
    double text_padding;
    double icon_padding;
};

static struct rules
rules_of(const struct host_pic_symbols *symbols)
{
    const struct host_pic_layer *layer = symbols->layer;
    struct rules rules = {.text_overlap = host_pic_flag(layer, HOST_PIC_TEXT_OVERLAP),
                          .icon_overlap = host_pic_flag(layer, HOST_PIC_ICON_OVERLAP),
                          .text_ignored = host_pic_flag(layer, HOST_PIC_TEXT_IGNORED),
                          .icon_ignored = host_pic_flag(layer, HOST_PIC_ICON_IGNORED),
                          .text_optional = host_pic_flag(layer, HOST_PIC_TEXT_OPTIONAL),
                          .icon_optional = host_pic_flag(layer, HOST_PIC_ICON_OPTIONAL),
                          .text_padding = host_pic_number(layer, HOST_PIC_TEXT_PADDING, NULL),
                          .icon_padding = host_pic_number(layer, HOST_PIC_ICON_PADDING, NULL)};
    for (size_t i = 0; i < symbols->n; i++) {
        rules.has_icons = rules.has_icons || symbols->items[i].image != NULL;
        rules.has_texts = rules.has_texts || symbols->items[i].label != NULL;
    }
    return rules;
}

static void
text_box(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
         const struct host_pic_symbol *symbol, double padding, double ret_box[4])
{
    const struct host_pic_label *label = symbol->label;
    const struct host_pic_value offset = host_pic_value(layer, HOST_PIC_TEXT_OFFSET, &canvas->eval);
    const double scale = host_pic_number(layer, HOST_PIC_TEXT_SIZE, &canvas->eval) / HOST_PIC_EM;
    const bool has = offset.kind == HOST_PIC_LIST && offset.u.list.n == 2;
    const double dx = has ? offset.u.list.items[0].u.number * HOST_PIC_EM : 0;
    const double dy = has ? offset.u.list.items[1].u.number * HOST_PIC_EM : 0;
    ret_box[0] = symbol->x + (label->left + dx) * scale - padding;
    ret_box[1] = symbol->y + (label->top + dy) * scale - padding;
    ret_box[2] = symbol->x + (label->right + dx) * scale + padding;
    ret_box[3] = symbol->y + (label->bottom + dy) * scale + padding;
}

void
host_pic_icon_offset(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                     double ret_px[2])
{
    const struct host_pic_value value = host_pic_value(layer, HOST_PIC_ICON_OFFSET, &canvas->eval);
    const bool has = value.kind == HOST_PIC_LIST && value.u.list.n == 2;
    ret_px[0] = has ? value.u.list.items[0].u.number : 0;
    ret_px[1] = has ? value.u.list.items[1].u.number : 0;
}

static void
icon_box(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
         const struct host_pic_symbol *symbol, double padding, double ret_box[4])
{
    const double size = host_pic_number(layer, HOST_PIC_ICON_SIZE, &canvas->eval);
    const double angle =
        host_pic_number(layer, HOST_PIC_ICON_ROTATE, &canvas->eval) * 3.14159265358979323846 / 180;
    const double half = (symbol->image->size_px / 2 + IMAGE_PADDING_PX) * size + padding;
    const double reach = half * (fabs(cos(angle)) + fabs(sin(angle)));
    double offset[2];
    host_pic_icon_offset(canvas, layer, offset);
    const double x = symbol->x + size * (offset[0] * cos(angle) - offset[1] * sin(angle));
    const double y = symbol->y + size * (offset[0] * sin(angle) + offset[1] * cos(angle));
    ret_box[0] = x - reach;
    ret_box[1] = y - reach;
    ret_box[2] = x + reach;
    ret_box[3] = y + reach;
}

static bool
box_is_free(const struct host_pic_taken *taken, const double box[4], bool overlap)
{
    return host_pic_taken_inside(taken, box) && (overlap || !host_pic_taken_box(taken, box));
}

/* Joins what icon and text would get alone. */
static void
join(const struct rules *rules, const struct host_pic_symbol *symbol, bool *icon, bool *text)
{
    const bool icon_alone = rules->text_optional || symbol->label == NULL;
    const bool text_alone = rules->icon_optional || symbol->image == NULL;
    if (!icon_alone && !text_alone) {
        *icon = *text = *icon && *text;
    } else if (!text_alone) {
        *text = *icon && *text;
    } else if (!icon_alone) {
        *icon = *icon && *text;
    }
}

static cim_status
claim_text(const struct rules *rules, const struct host_pic_symbol *symbol, const double box[4],
           double circle_px, struct host_pic_taken *taken, cim_error *err)
{
    bool is_free = false;
    if (rules->text_ignored) {
        return CIM_OK;
    }
    return symbol->line != NULL ? host_pic_line_claim(symbol, circle_px, rules->text_padding, false,
                                                      true, taken, &is_free, err)
                                : host_pic_take_box(taken, box, err);
}

static cim_status
place_one(struct host_pic_canvas *canvas, const struct host_pic_symbols *symbols,
          const struct rules *rules, struct host_pic_symbol *symbol, struct host_pic_taken *taken,
          cim_error *err)
{
    const struct host_pic_layer *layer = symbols->layer;
    double text[4] = {0};
    double icon[4] = {0};
    double circle_px = 0;
    bool has_text = false;
    bool has_icon = false;
    (void)host_pic_choose(canvas, layer, symbol->from, symbol->feature);
    canvas->eval.zoom = canvas->z + 1;
    if (symbol->line != NULL) {
        const double size = host_pic_number(layer, HOST_PIC_TEXT_SIZE, &canvas->eval);
        circle_px = fmax(10, symbol->label->bottom - symbol->label->top) * size / HOST_PIC_EM;
        CIM_TRY(host_pic_line_claim(symbol, circle_px, rules->text_padding, !rules->text_overlap,
                                    false, taken, &has_text, err));
    } else if (symbol->label != NULL) {
        text_box(canvas, layer, symbol, rules->text_padding, text);
        has_text = box_is_free(taken, text, rules->text_overlap);
    }
    if (symbol->image != NULL) {
        icon_box(canvas, layer, symbol, rules->icon_padding, icon);
        has_icon = box_is_free(taken, icon, rules->icon_overlap);
    }
    join(rules, symbol, &has_icon, &has_text);
    if (has_text) {
        CIM_TRY(claim_text(rules, symbol, text, circle_px, taken, err));
    }
    if (has_icon && symbol->image != NULL && !rules->icon_ignored) {
        CIM_TRY(host_pic_take_box(taken, icon, err));
    }
    symbol->show_text =
        symbol->label != NULL &&
        (has_text || (rules->text_overlap &&
                      (rules->icon_overlap || !rules->has_icons || rules->icon_optional)));
    symbol->show_icon =
        symbol->image != NULL &&
        (has_icon || (rules->icon_overlap &&
                      (rules->text_overlap || !rules->has_texts || rules->text_optional)));
    return CIM_OK;
}

cim_status
host_pic_symbols_place(struct host_pic_canvas *canvas, struct host_pic_symbols *symbols,
                       struct host_pic_taken *taken, cim_error *err)
{
    const struct rules rules = rules_of(symbols);
    for (size_t i = 0; i < symbols->n; i++) {
        struct host_pic_symbol *symbol = &symbols->items[i];
        CIM_TRY(host_pic_go_on(canvas, err));
        if (symbol->line != NULL) {
            (void)host_pic_choose(canvas, symbols->layer, symbol->from, symbol->feature);
            const double size = host_pic_number(symbols->layer, HOST_PIC_TEXT_SIZE, &canvas->eval);
            if (!host_pic_line_turn(symbol, size)) {
                continue;
            }
        }
        CIM_TRY(place_one(canvas, symbols, &rules, symbol, taken, err));
    }
    return CIM_OK;
}
