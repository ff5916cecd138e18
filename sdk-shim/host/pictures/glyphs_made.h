/* host/pictures/glyphs_made.h -- one glyph at a time; private to glyphs.c and label.c. */
#ifndef HOST_PICTURES_GLYPHS_MADE_H
#define HOST_PICTURES_GLYPHS_MADE_H

#include "host/pictures/glyphs.h"

/* The number of a list of fonts. */
int host_pic_font(struct host_pic_glyphs *glyphs, const struct host_pic_value *fonts);
/* Made when first asked for; lives as long as `glyphs`. */
cim_status host_pic_glyph(struct host_pic_glyphs *glyphs, int font, uint32_t codepoint,
                          const struct host_pic_glyph **ret_glyph, cim_error *err);

#endif
