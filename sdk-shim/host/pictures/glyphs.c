/* host/pictures/glyphs.c -- outlines of characters, by Pango. */
#include "host/pictures/glyphs_made.h"
#include "host/pictures/picture.h"

#include "cim/util.h"

#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1 << 16, FONT_NAME_MAX = 400 };

struct host_pic_glyphs {
    cairo_surface_t *surface;
    cairo_t *cr;
    PangoLayout *layout;
    int n_fonts;
    char fonts[HOST_PIC_FONTS_MAX][FONT_NAME_MAX];
    PangoFontDescription *descriptions[HOST_PIC_FONTS_MAX];
    size_t n_glyphs;
    struct host_pic_glyph *slots[SLOTS]; /* open addressing */
};

struct host_pic_glyphs *
host_pic_glyphs_new(void)
{
    struct host_pic_glyphs *glyphs = calloc(1, sizeof *glyphs);
    cairo_font_options_t *options = cairo_font_options_create();
    if (glyphs != NULL) {
        glyphs->surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
        glyphs->cr = cairo_create(glyphs->surface);
        glyphs->layout = pango_cairo_create_layout(glyphs->cr);
        /* Outlines are scaled: nothing may snap to this size's pixels. */
        cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
        cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
        pango_cairo_context_set_font_options(pango_layout_get_context(glyphs->layout), options);
        pango_layout_set_single_paragraph_mode(glyphs->layout, TRUE);
    }
    cairo_font_options_destroy(options);
    return glyphs;
}

void
host_pic_glyphs_free(struct host_pic_glyphs *glyphs)
{
    if (glyphs == NULL) {
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (glyphs->slots[i] != NULL && glyphs->slots[i]->path != NULL) {
            cairo_path_destroy(glyphs->slots[i]->path);
        }
        free(glyphs->slots[i]);
    }
    for (int i = 0; i < glyphs->n_fonts; i++) {
        pango_font_description_free(glyphs->descriptions[i]);
    }
    g_object_unref(glyphs->layout);
    cairo_destroy(glyphs->cr);
    cairo_surface_destroy(glyphs->surface);
    free(glyphs);
}

void
host_pictures_end(void)
{
    pango_cairo_font_map_set_default(NULL);
}

/* Cairo keeps scaled fonts until the process ends, and fontconfig refers to their patterns by
 * offsets, which the leak checker cannot follow. Freeing them is for debuggers only: both abort
 * when a font is still in use. */
#if defined(__SANITIZE_ADDRESS__)
#define HOST_PIC_LEAK_CHECKER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOST_PIC_LEAK_CHECKER
#endif
#endif
#ifdef HOST_PIC_LEAK_CHECKER
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    /* cairo 1.16 loses 768 bytes for each font that it puts into a PDF */
    return "leak:libfontconfig\nleak:libcairo.so.2\n";
}

__attribute__((visibility("default"))) const char *__lsan_default_options(void);
const char *
__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

/* "Noto Sans CJK SC Bold", "sans-serif" -> the families in order, in the weight of the first. */
static PangoFontDescription *
describe(const struct host_pic_value *fonts)
{
    GString *families = g_string_new(NULL);
    PangoFontDescription *whole = NULL;
    for (size_t i = 0; i < fonts->u.list.n; i++) {
        const struct host_pic_value *item = &fonts->u.list.items[i];
        char *name = g_strndup(item->u.text.at, item->u.text.len);
        PangoFontDescription *one = pango_font_description_from_string(name);
        const char *family = pango_font_description_get_family(one);
        if (family != NULL) {
            g_string_append_printf(families, "%s%s", families->len > 0 ? "," : "", family);
        }
        if (whole == NULL) {
            whole = one;
        } else {
            pango_font_description_free(one);
        }
        g_free(name);
    }
    whole = whole != NULL ? whole : pango_font_description_new();
    pango_font_description_set_family(whole, families->len > 0 ? families->str : "sans-serif");
    pango_font_description_set_absolute_size(whole, (double)HOST_PIC_EM * PANGO_SCALE);
    g_string_free(families, TRUE);
    return whole;
}

int
host_pic_font(struct host_pic_glyphs *glyphs, const struct host_pic_value *fonts)
{
    static const struct host_pic_value standard[] = {
        {.kind = HOST_PIC_TEXT, .u.text = {"sans-serif", 10}}};
    struct host_pic_value list = {.kind = HOST_PIC_LIST};
    char name[FONT_NAME_MAX] = "";
    list.u.list.items = standard;
    list.u.list.n = 1;
    list = fonts->kind == HOST_PIC_LIST ? *fonts : list;
    for (size_t i = 0; i < list.u.list.n; i++) {
        const size_t at = strlen(name);
        (void)snprintf(name + at, sizeof name - at, "%s,", list.u.list.items[i].u.text.at);
    }
    for (int i = 0; i < glyphs->n_fonts; i++) {
        if (strcmp(glyphs->fonts[i], name) == 0) {
            return i;
        }
    }
    if (glyphs->n_fonts == HOST_PIC_FONTS_MAX) {
        return 0;
    }
    cim_copy_text(glyphs->fonts[glyphs->n_fonts], FONT_NAME_MAX, name);
    glyphs->descriptions[glyphs->n_fonts] = describe(&list);
    return glyphs->n_fonts++;
}

static cim_status
make_glyph(struct host_pic_glyphs *glyphs, int font, uint32_t codepoint,
           struct host_pic_glyph **ret_glyph, cim_error *err)
{
    char text[8];
    PangoRectangle logical;
    struct host_pic_glyph *glyph = calloc(1, sizeof *glyph);
    if (glyph == NULL) {
        return cim_fail_nomem(err);
    }
    glyph->codepoint = codepoint;
    glyph->font = font;
    *ret_glyph = glyph;
    if (codepoint < ' ') {
        return CIM_OK; /* a line feed: ends a line, and is not seen */
    }
    pango_layout_set_font_description(glyphs->layout, glyphs->descriptions[font]);
    pango_layout_set_text(glyphs->layout, text, g_unichar_to_utf8(codepoint, text));
    pango_layout_get_extents(glyphs->layout, NULL, &logical);
    glyph->advance = (double)logical.width / PANGO_SCALE;
    cairo_new_path(glyphs->cr);
    cairo_move_to(glyphs->cr, 0, -(double)pango_layout_get_baseline(glyphs->layout) / PANGO_SCALE);
    pango_cairo_layout_path(glyphs->cr, glyphs->layout);
    glyph->path = cairo_copy_path(glyphs->cr);
    return CIM_OK;
}

cim_status
host_pic_glyph(struct host_pic_glyphs *glyphs, int font, uint32_t codepoint,
               const struct host_pic_glyph **ret_glyph, cim_error *err)
{
    size_t at = (codepoint * 2654435761U + (uint32_t)font * 40503U) % SLOTS;
    for (; glyphs->slots[at] != NULL; at = (at + 1) % SLOTS) {
        if (glyphs->slots[at]->codepoint == codepoint && glyphs->slots[at]->font == font) {
            *ret_glyph = glyphs->slots[at];
            return CIM_OK;
        }
    }
    if (glyphs->n_glyphs == HOST_PIC_GLYPHS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "图中的文字种类过多",
                        "too many different characters in the picture");
    }
    CIM_TRY(make_glyph(glyphs, font, codepoint, &glyphs->slots[at], err));
    glyphs->n_glyphs++;
    *ret_glyph = glyphs->slots[at];
    return CIM_OK;
}
