/* host/pictures/style.h -- a MapLibre style, read for drawing pictures.
 *
 * The same file styles the map page. Whatever the pictures cannot draw as the browser does is
 * refused here, naming style, layer, property and value: a picture never differs in silence.
 */
#ifndef HOST_PICTURES_STYLE_H
#define HOST_PICTURES_STYLE_H

#include "host/pictures/expr.h"

#include <stdint.h>

enum {
    HOST_PIC_LAYERS_MAX = 200,
    HOST_PIC_SOURCES_MAX = 32,
    HOST_PIC_IMAGES_MAX = 200,
    HOST_PIC_PATH_OPS_MAX = 512
};

enum host_pic_layer_type {
    HOST_PIC_BACKGROUND,
    HOST_PIC_FILL,
    HOST_PIC_LINE,
    HOST_PIC_CIRCLE,
    HOST_PIC_SYMBOL,
    HOST_PIC_HEATMAP
};

/* Every property that is drawn: id, layer type, "paint" or "layout", name, kind, default, what an
 * enumeration may say, and whether it may depend on the feature. */
#define HOST_PIC_PROPERTIES(X)                                                                     \
    X(BACKGROUND_COLOR, BACKGROUND, "paint", "background-color", COLOR, "#000000", NULL, false)    \
    X(BACKGROUND_OPACITY, BACKGROUND, "paint", "background-opacity", NUMBER, "1", NULL, false)     \
    X(FILL_COLOR, FILL, "paint", "fill-color", COLOR, "#000000", NULL, true)                       \
    X(FILL_OPACITY, FILL, "paint", "fill-opacity", NUMBER, "1", NULL, true)                        \
    X(FILL_OUTLINE, FILL, "paint", "fill-outline-color", COLOR, "", NULL, true)                    \
    X(FILL_PATTERN, FILL, "paint", "fill-pattern", TEXT, "", NULL, true)                           \
    X(LINE_COLOR, LINE, "paint", "line-color", COLOR, "#000000", NULL, true)                       \
    X(LINE_OPACITY, LINE, "paint", "line-opacity", NUMBER, "1", NULL, true)                        \
    X(LINE_WIDTH, LINE, "paint", "line-width", NUMBER, "1", NULL, true)                            \
    X(LINE_BLUR, LINE, "paint", "line-blur", NUMBER, "0", NULL, false)                             \
    X(LINE_DASHES, LINE, "paint", "line-dasharray", LIST, "", NULL, false)                         \
    X(LINE_CAP, LINE, "layout", "line-cap", TEXT, "butt", "butt|round|square", false)              \
    X(LINE_JOIN, LINE, "layout", "line-join", TEXT, "miter", "miter|round|bevel", false)           \
    X(CIRCLE_COLOR, CIRCLE, "paint", "circle-color", COLOR, "#000000", NULL, true)                 \
    X(CIRCLE_OPACITY, CIRCLE, "paint", "circle-opacity", NUMBER, "1", NULL, true)                  \
    X(CIRCLE_RADIUS, CIRCLE, "paint", "circle-radius", NUMBER, "5", NULL, true)                    \
    X(CIRCLE_STROKE, CIRCLE, "paint", "circle-stroke-color", COLOR, "#000000", NULL, true)         \
    X(CIRCLE_STROKE_WIDTH, CIRCLE, "paint", "circle-stroke-width", NUMBER, "0", NULL, true)        \
    X(CIRCLE_STROKE_OPACITY, CIRCLE, "paint", "circle-stroke-opacity", NUMBER, "1", NULL, true)    \
    X(HEATMAP_COLOR, HEATMAP, "paint", "heatmap-color", COLOR, "", NULL, false)                    \
    X(HEATMAP_INTENSITY, HEATMAP, "paint", "heatmap-intensity", NUMBER, "1", NULL, false)          \
    X(HEATMAP_OPACITY, HEATMAP, "paint", "heatmap-opacity", NUMBER, "1", NULL, false)              \
    X(HEATMAP_RADIUS, HEATMAP, "paint", "heatmap-radius", NUMBER, "30", NULL, true)                \
    X(HEATMAP_WEIGHT, HEATMAP, "paint", "heatmap-weight", NUMBER, "1", NULL, true)                 \
    X(PLACEMENT, SYMBOL, "layout", "symbol-placement", TEXT, "point", "point|line", false)         \
    X(SPACING, SYMBOL, "layout", "symbol-spacing", NUMBER, "250", NULL, false)                     \
    X(SORT_KEY, SYMBOL, "layout", "symbol-sort-key", NUMBER, "", NULL, true)                       \
    X(ICON_IMAGE, SYMBOL, "layout", "icon-image", TEXT, "", NULL, true)                            \
    X(ICON_SIZE, SYMBOL, "layout", "icon-size", NUMBER, "1", NULL, true)                           \
    X(ICON_OFFSET, SYMBOL, "layout", "icon-offset", LIST, "", NULL, true)                          \
    X(ICON_ROTATE, SYMBOL, "layout", "icon-rotate", NUMBER, "0", NULL, true)                       \
    X(ICON_ROTATION, SYMBOL, "layout", "icon-rotation-alignment", TEXT, "auto",                    \
      "auto|map|viewport", false)                                                                  \
    X(ICON_PADDING, SYMBOL, "layout", "icon-padding", NUMBER, "2", NULL, false)                    \
    X(ICON_OVERLAP, SYMBOL, "layout", "icon-allow-overlap", BOOL, "false", NULL, false)            \
    X(ICON_IGNORED, SYMBOL, "layout", "icon-ignore-placement", BOOL, "false", NULL, false)         \
    X(ICON_OPTIONAL, SYMBOL, "layout", "icon-optional", BOOL, "false", NULL, false)                \
    X(ICON_COLOR, SYMBOL, "paint", "icon-color", COLOR, "#000000", NULL, true)                     \
    X(ICON_OPACITY, SYMBOL, "paint", "icon-opacity", NUMBER, "1", NULL, true)                      \
    X(ICON_HALO_COLOR, SYMBOL, "paint", "icon-halo-color", COLOR, "transparent", NULL, true)       \
    X(ICON_HALO_WIDTH, SYMBOL, "paint", "icon-halo-width", NUMBER, "0", NULL, true)                \
    X(TEXT_FIELD, SYMBOL, "layout", "text-field", TEXT, "", NULL, true)                            \
    X(TEXT_FONT, SYMBOL, "layout", "text-font", LIST, "", NULL, false)                             \
    X(TEXT_SIZE, SYMBOL, "layout", "text-size", NUMBER, "16", NULL, true)                          \
    X(TEXT_ANCHOR, SYMBOL, "layout", "text-anchor", TEXT, "center",                                \
      "center|left|right|top|bottom|top-left|top-right|bottom-left|bottom-right", false)           \
    X(TEXT_OFFSET, SYMBOL, "layout", "text-offset", LIST, "", NULL, true)                          \
    X(TEXT_WIDTH, SYMBOL, "layout", "text-max-width", NUMBER, "10", NULL, true)                    \
    X(TEXT_PADDING, SYMBOL, "layout", "text-padding", NUMBER, "2", NULL, false)                    \
    X(TEXT_OVERLAP, SYMBOL, "layout", "text-allow-overlap", BOOL, "false", NULL, false)            \
    X(TEXT_IGNORED, SYMBOL, "layout", "text-ignore-placement", BOOL, "false", NULL, false)         \
    X(TEXT_OPTIONAL, SYMBOL, "layout", "text-optional", BOOL, "false", NULL, false)                \
    X(TEXT_COLOR, SYMBOL, "paint", "text-color", COLOR, "#000000", NULL, true)                     \
    X(TEXT_OPACITY, SYMBOL, "paint", "text-opacity", NUMBER, "1", NULL, true)                      \
    X(TEXT_HALO_COLOR, SYMBOL, "paint", "text-halo-color", COLOR, "transparent", NULL, true)       \
    X(TEXT_HALO_WIDTH, SYMBOL, "paint", "text-halo-width", NUMBER, "0", NULL, true)

enum host_pic_property {
#define HOST_PIC_ID(id, type, group, name, kind, fallback, words, data) HOST_PIC_##id,
    HOST_PIC_PROPERTIES(HOST_PIC_ID)
#undef HOST_PIC_ID
        HOST_PIC_N_PROPERTIES
};

struct host_pic_layer {
    char *id;
    enum host_pic_layer_type type;
    char *source;       /* collection id; NULL of a background */
    char *source_layer; /* NULL of a background */
    double min_zoom;
    double max_zoom;
    bool hidden;                                             /* visibility none */
    struct host_pic_expr *filter;                            /* NULL: all */
    struct host_pic_expr *properties[HOST_PIC_N_PROPERTIES]; /* NULL: the default */
};

/* A move, line or curve of an image's outline, in its 24 × 24 box. */
struct host_pic_path_op {
    char command; /* 'M', 'L', 'C', 'Z' */
    double xy[6];
};

struct host_pic_image {
    char *name;
    double size_px; /* of the box as drawn at icon-size 1 */
    bool pattern;   /* fills areas, box by box, in its own colour; else an icon, which the layer
                       colours */
    struct host_pic_color color;
    size_t n_ops;
    struct host_pic_path_op *ops;
};

struct host_pic_style {
    char *id;
    struct json_object *document; /* the file: titles, legend */
    size_t n_layers;
    struct host_pic_layer *layers;
    size_t n_images;
    struct host_pic_image *images;
    size_t n_sources;
    char *sources[HOST_PIC_SOURCES_MAX]; /* collection ids */
    uint64_t hash;                       /* of the text */
};

/* CIM_E_UNSUPPORTED: it cannot be drawn, and *err says what of it; CIM_E_INVALID: no style. */
cim_status host_pic_style_parse(const char *id, const char *text, size_t len,
                                struct host_pic_style **ret_style, cim_error *err);
void host_pic_style_free(struct host_pic_style *style); /* NULL-safe */
const struct host_pic_image *host_pic_style_image(const struct host_pic_style *style,
                                                  const char *name, size_t name_len);

/* Values of a layer for the feature in *eval (or none); defaults where it says nothing. */
double host_pic_number(const struct host_pic_layer *layer, enum host_pic_property property,
                       struct host_pic_eval *eval);
bool host_pic_flag(const struct host_pic_layer *layer, enum host_pic_property property);
struct host_pic_color host_pic_color(const struct host_pic_layer *layer,
                                     enum host_pic_property property, struct host_pic_eval *eval);
/* Text or list; kind HOST_PIC_NULL where there is none. */
struct host_pic_value host_pic_value(const struct host_pic_layer *layer,
                                     enum host_pic_property property, struct host_pic_eval *eval);
/* The word of an enumeration. */
const char *host_pic_word(const struct host_pic_layer *layer, enum host_pic_property property);
static inline bool
host_pic_has(const struct host_pic_layer *layer, enum host_pic_property property)
{
    return layer->properties[property] != NULL;
}

#endif
