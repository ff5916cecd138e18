/* host/pictures/line_labels.c -- labels that follow lines.
 *
 * As in MapLibre: pieces of a line with the same text are joined, cut to the tile, and given an
 * anchor every symbol-spacing where the label fits and the line does not turn too sharply. Places
 * are reckoned in tile pixels (512 to a tile at the whole zoom), so that they do not wander while
 * one zooms.
 */
#include "host/pictures/symbols.h"

#include "cim/util.h"
#include "host/pictures/collide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_MAX = 20000, CORNERS_MAX = 64, TEXT_MAX_BYTES = 512 };

static const double turn_max = 45 * 3.14159265358979323846 / 180; /* text-max-angle */
static const double pi = 3.14159265358979323846;

/* A line in tile pixels, with the feature that its label is of. */
struct piece {
    const struct host_mvt_feature *feature;
    struct host_pic_value text; /* owned bytes */
    size_t n;
    double *xy; /* NULL: joined to another */
};

struct pieces {
    size_t n;
    size_t capacity;
    struct piece *items;
};

static void
pieces_done(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->n; i++) {
        free(pieces->items[i].xy);
        free((char *)(uintptr_t)pieces->items[i].text.u.text.at);
    }
    free(pieces->items);
}

/* ---- joining ---- */

static bool
same_place(const double *a, const double *b)
{
    return fabs(a[0] - b[0]) < 1e-6 && fabs(a[1] - b[1]) < 1e-6;
}

/* `b` goes on where `a` ends; what is left of `b` is empty. */
static cim_status
append_piece(struct piece *a, struct piece *b, cim_error *err)
{
    double *xy = realloc(a->xy, (a->n + b->n) * 2 * sizeof *xy);
    if (xy == NULL) {
        return cim_fail_nomem(err);
    }
    a->xy = xy;
    memcpy(xy + 2 * a->n, b->xy + 2, (b->n - 1) * 2 * sizeof *xy);
    a->n += b->n - 1;
    free(b->xy);
    b->xy = NULL;
    b->n = 0;
    return CIM_OK;
}

/* Joins the last piece to those before it. */
static cim_status
join_last(struct pieces *pieces, cim_error *err)
{
    struct piece *last = &pieces->items[pieces->n - 1];
    struct piece *before = NULL;
    struct piece *after = NULL;
    for (size_t i = 0; i + 1 < pieces->n; i++) {
        struct piece *at = &pieces->items[i];
        if (at->xy == NULL || !host_pic_same(&at->text, &last->text)) {
            continue;
        }
        if (before == NULL && same_place(at->xy + 2 * (at->n - 1), last->xy)) {
            before = at;
        } else if (after == NULL && same_place(last->xy + 2 * (last->n - 1), at->xy)) {
            after = at;
        }
    }
    if (after != NULL) {
        CIM_TRY(append_piece(last, after, err));
    }
    return before != NULL ? append_piece(before, last, err) : CIM_OK;
}

/* ---- cutting to the tile ---- */

/* The part of a → b inside the square [0, side]²; false: none (Liang–Barsky). */
static bool
cut(const double *a, const double *b, double side, double ret_from[2], double ret_to[2])
{
    const double d[2] = {b[0] - a[0], b[1] - a[1]};
    double t0 = 0;
    double t1 = 1;
    for (int i = 0; i < 2; i++) {
        const double ps[2] = {-d[i], d[i]};
        const double qs[2] = {a[i], side - a[i]};
        for (int k = 0; k < 2; k++) {
            if (ps[k] == 0 && qs[k] < 0) {
                return false;
            }
            if (ps[k] < 0) {
                t0 = fmax(t0, qs[k] / ps[k]);
            } else if (ps[k] > 0) {
                t1 = fmin(t1, qs[k] / ps[k]);
            }
        }
    }
    if (t0 > t1) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        ret_from[i] = a[i] + t0 * d[i];
        ret_to[i] = a[i] + t1 * d[i];
    }
    return true;
}

/* ---- anchors ---- */

struct line {
    const double *xy;
    size_t n;
};

static double
distance(const double *a, const double *b)
{
    return hypot(b[0] - a[0], b[1] - a[1]);
}

static double
length_of(const struct line *line)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < line->n; i++) {
        sum += distance(line->xy + 2 * i, line->xy + 2 * i + 2);
    }
    return sum;
}

static double
heading(const double *a, const double *b)
{
    return atan2(b[1] - a[1], b[0] - a[0]);
}

/* Does the line turn by at most the limit within every window along the label? */
static bool
is_smooth(const struct line *line, size_t segment, const double *anchor, double label,
          double window)
{
    double corners[CORNERS_MAX][2]; /* where, how much */
    size_t first = 0;
    size_t n = 0;
    double sum = 0;
    double at = 0;
    const double *p = anchor;
    size_t i = segment + 1;
    while (at > -label / 2) {
        if (i == 0) {
            return false;
        }
        i--;
        at -= distance(line->xy + 2 * i, p);
        p = line->xy + 2 * i;
    }
    at += distance(line->xy + 2 * i, line->xy + 2 * i + 2);
    i++;
    while (at < label / 2) {
        if (i + 1 >= line->n || n == CORNERS_MAX) {
            return false;
        }
        const double turn = heading(line->xy + 2 * i - 2, line->xy + 2 * i) -
                            heading(line->xy + 2 * i, line->xy + 2 * i + 2);
        corners[n][0] = at;
        corners[n][1] = fabs(remainder(turn, 2 * pi));
        sum += corners[n++][1];
        while (at - corners[first][0] > window) {
            sum -= corners[first++][1];
        }
        if (sum > turn_max) {
            return false;
        }
        at += distance(line->xy + 2 * i, line->xy + 2 * i + 2);
        i++;
    }
    return true;
}

/* Labels of one tile with where they already stand: the same text keeps its distance. */
struct stand {
    const struct host_pic_value *text;
    double xy[2];
};

struct collect {
    struct host_pic_canvas *canvas;
    const struct host_pic_tile *tile;
    uint32_t tile_number;
    struct host_pic_symbols *symbols;
    double side; /* of the tile, in tile pixels */
    double spacing;
    double scale; /* tile pixels to a unit of the largest text */
    size_t n_stands;
    size_t stands_capacity;
    struct stand *stands;
};

static cim_status
stand_here(struct collect *c, const struct host_pic_value *text, const double *xy, bool *ret_free,
           cim_error *err)
{
    *ret_free = false;
    for (size_t i = 0; i < c->n_stands; i++) {
        if (host_pic_same(c->stands[i].text, text) &&
            distance(c->stands[i].xy, xy) < c->spacing / 2) {
            return CIM_OK;
        }
    }
    if (c->n_stands == c->stands_capacity) {
        const size_t capacity = c->stands_capacity > 0 ? c->stands_capacity * 2 : 64;
        struct stand *grown = realloc(c->stands, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        c->stands = grown;
        c->stands_capacity = capacity;
    }
    c->stands[c->n_stands++] = (struct stand){text, {xy[0], xy[1]}};
    *ret_free = true;
    return CIM_OK;
}

static cim_status
add_symbol(struct collect *c, const struct piece *piece, const struct line *line, size_t segment,
           const double *xy, cim_error *err)
{
    struct host_pic_symbol symbol = {.from = c->canvas->eval.layer,
                                     .feature = piece->feature,
                                     .tile = c->tile_number,
                                     .order = (uint32_t)c->symbols->n,
                                     .segment = segment,
                                     .n_line = line->n};
    (void)host_pic_choose(c->canvas, c->symbols->layer, symbol.from, symbol.feature);
    symbol.sort_key = host_pic_number(c->symbols->layer, HOST_PIC_SORT_KEY, &c->canvas->eval);
    CIM_TRY(host_pic_symbols_label(c->canvas, c->symbols->layer, true, &symbol.label, err));
    if (symbol.label == NULL) {
        return CIM_OK;
    }
    symbol.line = malloc(line->n * 2 * sizeof *symbol.line);
    symbol.turned = calloc(symbol.label->n_glyphs, sizeof *symbol.turned);
    if (symbol.line == NULL || symbol.turned == NULL) {
        free(symbol.label);
        free(symbol.line);
        free(symbol.turned);
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < line->n; i++) {
        host_pic_project(c->canvas, c->tile, line->xy[2 * i] / c->side,
                         line->xy[2 * i + 1] / c->side, &symbol.line[2 * i],
                         &symbol.line[2 * i + 1]);
    }
    host_pic_project(c->canvas, c->tile, xy[0] / c->side, xy[1] / c->side, &symbol.x, &symbol.y);
    return host_pic_symbols_add(c->canvas, c->symbols, &symbol, err);
}

/* Anchors every `spacing` from `offset` on; *ret_n how many. */
static cim_status
resample(struct collect *c, const struct piece *piece, const struct line *line, double label,
         double offset, double spacing, size_t *ret_n, cim_error *err)
{
    const double whole = length_of(line);
    const double window = 3.0 / 5 * HOST_PIC_EM * c->scale;
    double passed = 0;
    double marked = offset - spacing;
    *ret_n = 0;
    for (size_t i = 0; i + 1 < line->n; i++) {
        const double *a = line->xy + 2 * i;
        const double *b = a + 2;
        const double segment = distance(a, b);
        while (marked + spacing < passed + segment) {
            bool is_free = false;
            marked += spacing;
            const double t = (marked - passed) / segment;
            const double xy[2] = {a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t};
            CIM_TRY(host_pic_go_on(c->canvas, err));
            if (xy[0] < 0 || xy[0] >= c->side || xy[1] < 0 || xy[1] >= c->side ||
                marked - label / 2 < 0 || marked + label / 2 > whole ||
                !is_smooth(line, i, xy, label, window)) {
                continue;
            }
            ++*ret_n;
            CIM_TRY(stand_here(c, &piece->text, xy, &is_free, err));
            if (is_free) {
                CIM_TRY(add_symbol(c, piece, line, i, xy, err));
            }
        }
        passed += segment;
    }
    return CIM_OK;
}

static cim_status
anchor_line(struct collect *c, const struct piece *piece, const struct line *line, double units,
            cim_error *err)
{
    const double label = units * c->scale;
    const double *head = line->xy;
    const bool goes_on = head[0] == 0 || head[0] == c->side || head[1] == 0 || head[1] == c->side;
    const double over = c->tile->overscale;
    double spacing = c->spacing;
    size_t n = 0;
    if (spacing - label < spacing / 4) {
        spacing = label + spacing / 4;
    }
    const double offset = goes_on ? fmod(spacing / 2 * over, spacing)
                                  : fmod((units / 2 + 2 * HOST_PIC_EM) * c->scale * over, spacing);
    CIM_TRY(resample(c, piece, line, label, offset, spacing, &n, err));
    if (n == 0 && !goes_on) {
        return resample(c, piece, line, label, length_of(line) / 2, spacing, &n, err);
    }
    return CIM_OK;
}

/* ---- a tile ---- */

static cim_status
cut_and_anchor(struct collect *c, const struct piece *piece, double units, cim_error *err)
{
    double *xy = malloc(piece->n * 2 * sizeof *xy);
    struct line line = {xy, 0};
    cim_status status = xy != NULL ? CIM_OK : cim_fail_nomem(err);
    for (size_t i = 0; i + 1 < piece->n && status == CIM_OK; i++) {
        double from[2];
        double to[2];
        const bool inside = cut(piece->xy + 2 * i, piece->xy + 2 * i + 2, c->side, from, to);
        if (line.n > 0 && (!inside || !same_place(xy + 2 * (line.n - 1), from))) {
            status = anchor_line(c, piece, &line, units, err);
            line.n = 0;
        }
        if (!inside || same_place(from, to)) {
            continue;
        }
        if (line.n == 0) {
            memcpy(xy, from, sizeof from);
            line.n = 1;
        }
        memcpy(xy + 2 * line.n, to, sizeof to);
        line.n++;
    }
    if (status == CIM_OK && line.n > 1) {
        status = anchor_line(c, piece, &line, units, err);
    }
    free(xy);
    return status;
}

static cim_status
add_piece(struct pieces *pieces, const struct host_mvt_feature *feature,
          const struct host_pic_value *text, const double *xy, size_t n, double scale,
          cim_error *err)
{
    struct piece piece = {.feature = feature, .n = n, .text = *text};
    if (n < 2 || pieces->n == PIECES_MAX) {
        return CIM_OK;
    }
    if (pieces->n == pieces->capacity) {
        const size_t capacity = pieces->capacity > 0 ? pieces->capacity * 2 : 64;
        struct piece *grown = realloc(pieces->items, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        pieces->items = grown;
        pieces->capacity = capacity;
    }
    char *bytes = malloc(text->u.text.len);
    piece.xy = malloc(n * 2 * sizeof *piece.xy);
    if (bytes == NULL || piece.xy == NULL) {
        free(bytes);
        free(piece.xy);
        return cim_fail_nomem(err);
    }
    memcpy(bytes, text->u.text.at, text->u.text.len);
    piece.text.u.text.at = bytes;
    for (size_t i = 0; i < 2 * n; i++) {
        piece.xy[i] = xy[i] * scale;
    }
    pieces->items[pieces->n++] = piece;
    return join_last(pieces, err);
}

static cim_status
gather(struct collect *c, const struct host_pic_layer *layer, const struct host_mvt_layer *from,
       struct pieces *pieces, cim_error *err)
{
    struct host_pic_canvas *canvas = c->canvas;
    for (size_t i = 0; i < from->n_features; i++) {
        const struct host_mvt_feature *feature = &from->features[i];
        size_t begin = 0;
        CIM_TRY(host_pic_go_on(canvas, err));
        if (feature->type == HOST_MVT_POINT || !host_pic_choose(canvas, layer, from, feature)) {
            continue;
        }
        const struct host_pic_value text =
            host_pic_value(layer, HOST_PIC_TEXT_FIELD, &canvas->eval);
        if (text.kind != HOST_PIC_TEXT || text.u.text.len == 0 ||
            text.u.text.len > TEXT_MAX_BYTES) {
            continue;
        }
        CIM_TRY(host_mvt_geometry(feature, &canvas->paths, err));
        for (size_t k = 0; k < canvas->paths.n_paths; k++) {
            const size_t end = canvas->paths.ends[k];
            CIM_TRY(add_piece(pieces, feature, &text, canvas->paths.xy + 2 * begin, end - begin,
                              c->side / from->extent, err));
            begin = end;
        }
    }
    return CIM_OK;
}

/* How long the label is, in units; 0: nothing to write. */
static cim_status
measure(struct collect *c, const struct host_pic_layer *layer, const struct host_mvt_layer *from,
        const struct piece *piece, double *ret_units, cim_error *err)
{
    struct host_pic_label *label = NULL;
    (void)host_pic_choose(c->canvas, layer, from, piece->feature);
    c->canvas->eval.zoom = 18; /* where text is largest: anchors stay while one zooms */
    c->scale = host_pic_number(layer, HOST_PIC_TEXT_SIZE, &c->canvas->eval) / HOST_PIC_EM;
    CIM_TRY(host_pic_symbols_label(c->canvas, layer, true, &label, err));
    *ret_units = label != NULL ? label->right - label->left : 0;
    free(label);
    return CIM_OK;
}

cim_status
host_pic_lines_collect(struct host_pic_canvas *canvas, const struct host_pic_layer *layer,
                       const struct host_pic_tile *tile, uint32_t tile_number,
                       const struct host_mvt_layer *from, struct host_pic_symbols *symbols,
                       cim_error *err)
{
    struct pieces pieces = {.n = 0};
    struct collect c = {.canvas = canvas,
                        .tile = tile,
                        .tile_number = tile_number,
                        .symbols = symbols,
                        .side = HOST_PIC_TILE_PX * tile->overscale,
                        .spacing = fmax(1, host_pic_number(layer, HOST_PIC_SPACING, NULL))};
    cim_status status = gather(&c, layer, from, &pieces, err);
    for (size_t i = 0; i < pieces.n && status == CIM_OK; i++) {
        double units = 0;
        if (pieces.items[i].xy == NULL) {
            continue;
        }
        status = measure(&c, layer, from, &pieces.items[i], &units, err);
        if (status == CIM_OK && units > 0) {
            status = cut_and_anchor(&c, &pieces.items[i], units, err);
        }
    }
    free(c.stands);
    pieces_done(&pieces);
    return status;
}

/* ---- on the picture ---- */

/* The place `along` pixels from the anchor, forwards or backwards; false: the line ends before. */
static bool
walk(const struct host_pic_symbol *symbol, double along, struct host_pic_turned_glyph *ret_place)
{
    const double anchor[2] = {symbol->x, symbol->y};
    const double *from = anchor;
    double left = fabs(along);
    size_t next = along >= 0 ? symbol->segment + 1 : symbol->segment;
    for (;;) {
        const double *to = symbol->line + 2 * next;
        const double length = distance(from, to);
        if (length >= left && length > 0) {
            const double t = left / length;
            ret_place->x = from[0] + (to[0] - from[0]) * t;
            ret_place->y = from[1] + (to[1] - from[1]) * t;
            ret_place->angle = along >= 0 ? heading(from, to) : heading(to, from);
            return true;
        }
        left -= length;
        from = to;
        if (along >= 0 ? ++next >= symbol->n_line : next-- == 0) {
            return false;
        }
    }
}

static bool
turn_all(struct host_pic_symbol *symbol, double scale, bool flip, bool downwards)
{
    for (size_t i = 0; i < symbol->label->n_glyphs; i++) {
        const struct host_pic_placed_glyph *glyph = &symbol->label->glyphs[i];
        struct host_pic_turned_glyph *turned = &symbol->turned[i];
        const double along = (glyph->x + glyph->glyph->advance / 2) * scale;
        if (!walk(symbol, flip ? -along : along, turned)) {
            return false;
        }
        turned->angle += flip ? pi : 0;
        turned->upright = downwards && host_pic_upright(glyph->glyph->codepoint);
    }
    return true;
}

bool
host_pic_line_turn(struct host_pic_symbol *symbol, double size_px)
{
    const double scale = size_px / HOST_PIC_EM;
    const size_t last = symbol->label->n_glyphs - 1;
    bool has_upright = false;
    if (!turn_all(symbol, scale, false, false)) {
        return false;
    }
    for (size_t i = 0; i <= last; i++) {
        has_upright = has_upright || host_pic_upright(symbol->label->glyphs[i].glyph->codepoint);
    }
    const double dx = symbol->turned[last].x - symbol->turned[0].x;
    const double dy = symbol->turned[last].y - symbol->turned[0].y;
    const bool downwards = has_upright && fabs(dy) > fabs(dx);
    return turn_all(symbol, scale, downwards ? dy < 0 : dx < 0, downwards);
}

cim_status
host_pic_line_claim(const struct host_pic_symbol *symbol, double diameter_px, double padding_px,
                    bool ask, bool take, struct host_pic_taken *taken, bool *ret_free,
                    cim_error *err)
{
    const struct host_pic_turned_glyph *first = &symbol->turned[0];
    const struct host_pic_turned_glyph *last = &symbol->turned[symbol->label->n_glyphs - 1];
    const double radius = diameter_px / 2 + padding_px;
    const double length = hypot(last->x - first->x, last->y - first->y);
    const double padded = fmax(0, length - radius / 2);
    const int n = length <= radius / 2 ? 1 : (int)ceil(padded / (radius * 2.5)) + 1;
    bool inside = false;
    *ret_free = false;
    for (int i = 0; i < n; i++) {
        const double t = n == 1 ? 0.5 : (radius / 4 + padded * i / (n - 1)) / length;
        /* The glyph nearest to that part of the label: the circles follow the line as it does. */
        const size_t glyph = (size_t)lround(t * (double)(symbol->label->n_glyphs - 1));
        const double x = symbol->turned[glyph].x;
        const double y = symbol->turned[glyph].y;
        const double box[4] = {x - radius, y - radius, x + radius, y + radius};
        inside = inside || host_pic_taken_inside(taken, box);
        if (ask && host_pic_taken_circle(taken, x, y, radius)) {
            return CIM_OK;
        }
        if (take) {
            CIM_TRY(host_pic_take_circle(taken, x, y, radius, err));
        }
    }
    *ret_free = inside;
    return CIM_OK;
}
