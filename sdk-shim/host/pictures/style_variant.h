/* host/pictures/style_variant.h -- the same style in other colours: for the night, say.
 *
 * A palette says per property which colour becomes which, for all styles and for single ones:
 *   {"title": {"zh": "夜间", "en": "Night"}, "sheet": {"ground": "#16212e", "ink": "#e8eef4"},
 *    "colors": {"text-halo-color": {"#ffffff": "#0d1620"}},
 *    "styles": {"basemap": {"fill-color": {"#f7f5ee": "#1b2631"}}}}
 * A property is the key that a colour stands under, however deep in an expression. What the palette
 * does not name stays. `sheet` is what legends are drawn on.
 */
#ifndef HOST_PICTURES_STYLE_VARIANT_H
#define HOST_PICTURES_STYLE_VARIANT_H

#include "kit/buf.h"

/* The document of `style` in the palette's colours, appended to `out`; its name is "ID-VARIANT" and
 * its titles say which variant it is. */
cim_status host_pic_style_variant(const char *id, const char *variant, const char *style,
                                  size_t style_len, const char *palette, size_t palette_len,
                                  struct cim_buf *out, cim_error *err);

#endif
