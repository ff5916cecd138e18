/* host/pictures/glyphs.h -- outlines of characters, and labels laid out with them.
 *
 * One outline per character, as the browser's map draws text too: it is scaled, turned and given
 * its halo freely, and a label's width is the sum of its characters'. Lengths are in units of a
 * 24th of the text size ("units"), y to the south.
 */
#ifndef HOST_PICTURES_GLYPHS_H
#define HOST_PICTURES_GLYPHS_H

#include "host/pictures/value.h"

#include "cim/base.h"

#include <cairo.h>
#include <stdint.h>

enum {
    HOST_PIC_EM = 24,
    HOST_PIC_LABEL_CHARS_MAX = 256,
    HOST_PIC_LABEL_LINES_MAX = 32,
    HOST_PIC_GLYPHS_MAX = 40000, /* different ones of one picture */
    HOST_PIC_FONTS_MAX = 16
};

struct host_pic_glyph {
    uint32_t codepoint;
    int font;
    double advance;
    cairo_path_t *path; /* NULL: nothing to see */
};

struct host_pic_placed_glyph {
    const struct host_pic_glyph *glyph;
    double x; /* of its left end on the baseline, from the anchor */
    double y;
};

struct host_pic_label {
    size_t n_glyphs;
    double left; /* the block, from the anchor */
    double top;
    double right;
    double bottom;
    struct host_pic_placed_glyph glyphs[];
};

struct host_pic_glyphs;

struct host_pic_glyphs *host_pic_glyphs_new(void); /* NULL: out of memory */
void host_pic_glyphs_free(struct host_pic_glyphs *glyphs);

/* `fonts` as of text-font: names in order of preference. `width` is that of text-max-width in ems,
 * 0: one line. `anchor` is that of text-anchor. The label is owned: free(). *ret_label NULL: there
 * is nothing to write. */
cim_status host_pic_label_make(struct host_pic_glyphs *glyphs, const struct host_pic_value *text,
                               const struct host_pic_value *fonts, double width, const char *anchor,
                               struct host_pic_label **ret_label, cim_error *err);
/* Is it written upright where lines of text run downwards? */
bool host_pic_upright(uint32_t codepoint);

#endif
