/* host/pictures/legend.c -- see legend.h. */
#include "host/pictures/legend.h"

#include "cim/util.h"
#include "host/pictures/canvas.h"
#include "host/pictures/glyphs.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_PX = 22, HEAD_PX = 26, PAD_PX = 10, MARK_PX = 20, TEXT_PX = 13, WIDTH_PX = 260 };

/* One line of the legend: a heading, a class, or a note. */
struct row {
    char text[HOST_PIC_LEGEND_TITLE_MAX];
    struct json_object *entry; /* NULL: text alone */
    bool head;
};

struct sheet {
    const struct host_pic_legend *legend;
    size_t n;
    struct row rows[HOST_PIC_LEGEND_ROWS_MAX];
    struct host_pic_glyphs *glyphs;
    cairo_t *cr;
};

static const char *
text_of(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) &&
                   json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : NULL;
}

static struct row *
add_row(struct sheet *sheet)
{
    struct row *row = sheet->n < HOST_PIC_LEGEND_ROWS_MAX ? &sheet->rows[sheet->n] : NULL;
    sheet->n += row != NULL ? 1 : 0;
    return row;
}

/* A value as the name callback takes it. */
static const char *
value_text(struct json_object *entry)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(entry, "value", &value);
    return value == NULL ? "" : json_object_get_string(value);
}

/* "symbol": false is what the map can be filtered by but does not show. */
static bool
is_drawn(struct json_object *entry)
{
    struct json_object *symbol = NULL;
    return !json_object_object_get_ex(entry, "symbol", &symbol) ||
           json_object_get_boolean(symbol) != 0;
}

/* What the style itself calls a section or class; NULL: named by the layer's field. */
static const char *
title_of(const struct sheet *sheet, struct json_object *entry)
{
    struct json_object *title = NULL;
    return json_object_object_get_ex(entry, "title", &title)
               ? text_of(title, sheet->legend->chinese ? "zh" : "en")
               : NULL;
}

static cim_status
name_row(const struct sheet *sheet, struct row *row, const char *title, const char *layer,
         const char *by, const char *value, cim_error *err)
{
    const struct host_pic_legend *legend = sheet->legend;
    if (title != NULL) {
        cim_copy_text(row->text, sizeof row->text, title);
        return CIM_OK;
    }
    return legend->name(legend->arg, layer, by, value, row->text, sizeof row->text, err);
}

static cim_status
gather_section(struct sheet *sheet, struct json_object *section, cim_error *err)
{
    const struct host_pic_legend *legend = sheet->legend;
    const char *layer = text_of(section, "layer");
    const char *by = text_of(section, "by");
    struct json_object *classes = NULL;
    struct json_object *note = NULL;
    struct row *row = NULL;
    json_object_object_get_ex(section, "classes", &classes);
    json_object_object_get_ex(section, "note", &note);
    if (layer == NULL || !json_object_is_type(classes, json_type_array) || !is_drawn(section)) {
        return CIM_OK;
    }
    const char *title = title_of(sheet, section);
    if ((by != NULL || title != NULL) && (row = add_row(sheet)) != NULL) {
        row->head = true;
        CIM_TRY(name_row(sheet, row, title, layer, by, NULL, err));
    }
    for (size_t i = 0; i < json_object_array_length(classes); i++) {
        struct json_object *entry = json_object_array_get_idx(classes, i);
        if (!is_drawn(entry)) {
            continue;
        }
        if ((row = add_row(sheet)) == NULL) {
            break;
        }
        row->entry = entry;
        CIM_TRY(name_row(sheet, row, title_of(sheet, entry), layer, by, value_text(entry), err));
    }
    const char *text = text_of(note, legend->chinese ? "zh" : "en");
    if (text != NULL && (row = add_row(sheet)) != NULL) {
        cim_copy_text(row->text, sizeof row->text, text);
    }
    return CIM_OK;
}

static cim_status
gather(struct sheet *sheet, cim_error *err)
{
    struct json_object *metadata = NULL;
    struct json_object *sections = NULL;
    json_object_object_get_ex(sheet->legend->style->document, "metadata", &metadata);
    json_object_object_get_ex(metadata, "cim:legend", &sections);
    const size_t n =
        json_object_is_type(sections, json_type_array) ? json_object_array_length(sections) : 0;
    for (size_t i = 0; i < n; i++) {
        CIM_TRY(gather_section(sheet, json_object_array_get_idx(sections, i), err));
    }
    return CIM_OK;
}

/* ---- drawing ---- */

static struct host_pic_color
color_of(struct json_object *entry, const char *key, const char *fallback)
{
    const char *text = text_of(entry, key);
    struct host_pic_color color = {0, 0, 0, 0};
    text = text != NULL ? text : fallback;
    (void)host_pic_color_parse(text, strlen(text), &color);
    return color;
}

static void
ink(cairo_t *cr, const struct host_pic_color *color)
{
    cairo_set_source_rgba(cr, color->r, color->g, color->b, color->a);
}

/* Ends at a width, with "…" where more would follow. */
static cim_status
write_text(struct sheet *sheet, const char *text, bool bold, const char *anchor, double x, double y,
           double size, cim_error *err)
{
    static const struct host_pic_value regular = {.kind = HOST_PIC_TEXT,
                                                  .u.text = {"Noto Sans CJK SC", 16}};
    static const struct host_pic_value heavy = {.kind = HOST_PIC_TEXT,
                                                .u.text = {"Noto Sans CJK SC Bold", 21}};
    struct host_pic_value fonts = {.kind = HOST_PIC_LIST};
    struct host_pic_value value = {.kind = HOST_PIC_TEXT};
    struct host_pic_label *label = NULL;
    fonts.u.list.items = bold ? &heavy : &regular;
    fonts.u.list.n = 1;
    value.u.text.at = text;
    value.u.text.len = strlen(text);
    CIM_TRY(host_pic_label_make(sheet->glyphs, &value, &fonts, 0, anchor, &label, err));
    cairo_save(sheet->cr);
    cairo_translate(sheet->cr, x, y);
    cairo_scale(sheet->cr, size / HOST_PIC_EM, size / HOST_PIC_EM);
    for (size_t i = 0; label != NULL && i < label->n_glyphs; i++) {
        if (label->glyphs[i].glyph->path != NULL) {
            cairo_save(sheet->cr);
            cairo_translate(sheet->cr, label->glyphs[i].x, label->glyphs[i].y);
            cairo_new_path(sheet->cr);
            cairo_append_path(sheet->cr, label->glyphs[i].glyph->path);
            cairo_fill(sheet->cr);
            cairo_restore(sheet->cr);
        }
    }
    cairo_restore(sheet->cr);
    free(label);
    return CIM_OK;
}

static cim_status
draw_mark_text(struct sheet *sheet, struct json_object *entry, double x, double y, cim_error *err)
{
    const struct host_pic_color fill = color_of(entry, "fill", "#000000");
    const char *text = text_of(entry, "text");
    const bool light = 0.299 * fill.r + 0.587 * fill.g + 0.114 * fill.b > 0.65;
    if (text == NULL) {
        return CIM_OK;
    }
    cairo_set_source_rgb(sheet->cr, light ? 0.1 : 1, light ? 0.15 : 1, light ? 0.2 : 1);
    return write_text(sheet, text, true, "center", x, y, 10, err);
}

/* Lays what repeats over the area over the path at hand, in units of the symbol; keeps the path. */
static void
draw_pattern(struct sheet *sheet, struct json_object *entry)
{
    const char *name = text_of(entry, "pattern");
    const struct host_pic_image *image =
        name != NULL ? host_pic_style_image(sheet->legend->style, name, strlen(name)) : NULL;
    cairo_t *cr = sheet->cr;
    cairo_path_t *outline = NULL;
    if (image == NULL || !(image->size_px >= 1)) {
        return;
    }
    outline = cairo_copy_path(cr);
    cairo_save(cr);
    cairo_clip(cr);
    for (double y = 0; y < 24; y += image->size_px) {
        for (double x = 0; x < 24; x += image->size_px) {
            cairo_save(cr);
            cairo_translate(cr, x, y);
            cairo_scale(cr, image->size_px / 24.0, image->size_px / 24.0);
            cairo_new_path(cr);
            host_pic_image_path(cr, image);
            cairo_restore(cr);
            /* lighter than on the map: the class's letter stands on it */
            cairo_set_source_rgba(cr, image->color.r, image->color.g, image->color.b, 0.4);
            cairo_fill(cr);
        }
    }
    cairo_restore(cr);
    cairo_new_path(cr);
    cairo_append_path(cr, outline);
    cairo_path_destroy(outline);
}

/* The class's symbol in a square of MARK_PX around x, y. */
static cim_status
draw_mark(struct sheet *sheet, struct json_object *entry, double x, double y, cim_error *err)
{
    const struct host_pic_color fill = color_of(entry, "fill", "#000000");
    const struct host_pic_color border = color_of(entry, "border", "transparent");
    const char *shape = text_of(entry, "shape");
    const struct host_pic_image *image =
        shape != NULL ? host_pic_style_image(sheet->legend->style, shape, strlen(shape)) : NULL;
    struct json_object *line = NULL;
    cairo_t *cr = sheet->cr;
    ink(cr, &fill);
    if (json_object_object_get_ex(entry, "line", &line)) {
        cairo_set_line_width(cr, fmin(8, json_object_get_double(line)));
        cairo_move_to(cr, x - MARK_PX / 2.0, y);
        cairo_line_to(cr, x + MARK_PX / 2.0, y);
        cairo_stroke(cr);
        return CIM_OK;
    }
    cairo_save(cr);
    cairo_translate(cr, x - MARK_PX / 2.0, y - MARK_PX / 2.0);
    cairo_scale(cr, MARK_PX / 28.0, MARK_PX / 28.0);
    cairo_translate(cr, 2, 2);
    cairo_new_path(cr);
    if (image != NULL) {
        host_pic_image_path(cr, image);
    } else {
        cairo_rectangle(cr, 3, 3, 18, 18);
    }
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_fill_preserve(cr);
    draw_pattern(sheet, entry);
    ink(cr, &border);
    cairo_set_line_width(cr, border.a > 0 ? 3 : 0);
    cairo_stroke(cr);
    cairo_restore(cr);
    return draw_mark_text(sheet, entry, x, y, err);
}

static cim_status
draw_rows(struct sheet *sheet, cim_error *err)
{
    double y = PAD_PX;
    struct json_object *metadata = NULL;
    struct json_object *colors = NULL;
    json_object_object_get_ex(sheet->legend->style->document, "metadata", &metadata);
    json_object_object_get_ex(metadata, "cim:sheet", &colors);
    const struct host_pic_color ground = color_of(colors, "ground", "#ffffff");
    const struct host_pic_color words = color_of(colors, "ink", "#1b2733");
    ink(sheet->cr, &ground);
    cairo_paint(sheet->cr);
    ink(sheet->cr, &words);
    CIM_TRY(
        write_text(sheet, sheet->legend->title, true, "left", PAD_PX, y + HEAD_PX / 2.0, 15, err));
    y += HEAD_PX;
    for (size_t i = 0; i < sheet->n; i++) {
        const struct row *row = &sheet->rows[i];
        const double middle = y + ROW_PX / 2.0;
        double x = PAD_PX;
        if (row->entry != NULL) {
            CIM_TRY(draw_mark(sheet, row->entry, PAD_PX + MARK_PX / 2.0, middle, err));
            x += MARK_PX + 6;
        }
        ink(sheet->cr, &words);
        CIM_TRY(write_text(sheet, row->text, row->head, "left", x, middle, TEXT_PX, err));
        y += ROW_PX;
    }
    return CIM_OK;
}

/* How wide the sheet has to be for its longest line. */
static cim_status
measure(struct sheet *sheet, double *ret_width, cim_error *err)
{
    static const struct host_pic_value font = {.kind = HOST_PIC_TEXT,
                                               .u.text = {"Noto Sans CJK SC Bold", 21}};
    struct host_pic_value fonts = {.kind = HOST_PIC_LIST};
    double widest = WIDTH_PX;
    fonts.u.list.items = &font;
    fonts.u.list.n = 1;
    for (size_t i = 0; i < sheet->n; i++) {
        struct host_pic_value value = {.kind = HOST_PIC_TEXT};
        struct host_pic_label *label = NULL;
        value.u.text.at = sheet->rows[i].text;
        value.u.text.len = strlen(sheet->rows[i].text);
        CIM_TRY(host_pic_label_make(sheet->glyphs, &value, &fonts, 0, "left", &label, err));
        if (label != NULL) {
            widest = fmax(widest, 3 * PAD_PX + MARK_PX + label->right * TEXT_PX / HOST_PIC_EM);
        }
        free(label);
    }
    *ret_width = fmin(widest, 1200);
    return CIM_OK;
}

static cairo_status_t
write_png(void *arg, const unsigned char *data, unsigned int len)
{
    struct cim_buf *out = arg;
    cim_buf_add(out, data, len);
    return out->failed == CIM_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cim_status
draw(struct sheet *sheet, struct cim_buf *out, cim_error *err)
{
    const double ratio = sheet->legend->ratio;
    const double height = 2 * PAD_PX + HEAD_PX + ROW_PX * (double)sheet->n;
    double width = 0;
    CIM_TRY(measure(sheet, &width, err));
    cairo_surface_t *surface = cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, (int)ceil(width * ratio), (int)ceil(height * ratio));
    sheet->cr = cairo_create(surface);
    cairo_scale(sheet->cr, ratio, ratio);
    cim_status status = draw_rows(sheet, err);
    if (status == CIM_OK &&
        cairo_surface_write_to_png_stream(surface, write_png, out) != CAIRO_STATUS_SUCCESS) {
        status = cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "图例无法画出",
                          "the legend could not be drawn");
    }
    cairo_destroy(sheet->cr);
    cairo_surface_destroy(surface);
    return status;
}

cim_status
host_pic_legend_draw(const struct host_pic_legend *legend, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_FREE struct sheet *sheet = calloc(1, sizeof *sheet);
    if (sheet == NULL) {
        return cim_fail_nomem(err);
    }
    sheet->legend = legend;
    sheet->glyphs = host_pic_glyphs_new();
    cim_status status = sheet->glyphs != NULL ? gather(sheet, err) : cim_fail_nomem(err);
    if (status == CIM_OK) {
        status = draw(sheet, out, err);
    }
    host_pic_glyphs_free(sheet->glyphs);
    return status;
}
