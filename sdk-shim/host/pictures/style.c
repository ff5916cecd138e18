/* host/pictures/style.c -- reads styles; see style.h. */
#include "host/pictures/style.h"

#include "cim/util.h"
#include "host/pictures/path.h"
#include "host/ogc/params.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

struct spec {
    enum host_pic_layer_type type;
    const char *group;
    const char *name;
    enum host_pic_kind kind;
    const char *fallback;
    const char *words; /* of an enumeration */
    bool data;
};

static const struct spec specs[] = {
#define HOST_PIC_SPEC(id, type, group, name, kind, fallback, words, data)                          \
    {HOST_PIC_##type, group, name, HOST_PIC_##kind, fallback, words, data},
    HOST_PIC_PROPERTIES(HOST_PIC_SPEC)
#undef HOST_PIC_SPEC
};

static const char *const type_names[] = {"background", "fill",   "line",
                                         "circle",     "symbol", "heatmap"};

struct reader {
    struct host_pic_style *style;
    const char *layer; /* at hand, for messages */
    const struct spec *spec;
};

static struct host_pic_place
place(const struct reader *reader, const char *property)
{
    return (struct host_pic_place){reader->style->id, reader->layer, property};
}

static cim_status
refuse(const struct reader *reader, const char *property, struct json_object *value, const char *zh,
       const char *en, cim_error *err)
{
    const struct host_pic_place at = place(reader, property);
    return host_pic_refuse(&at, value, zh, en, err);
}

static cim_status
copy_text(const struct reader *reader, const char *property, struct json_object *value,
          char **ret_text, cim_error *err)
{
    if (!json_object_is_type(value, json_type_string)) {
        return refuse(reader, property, value, "应为文本", "expected a text", err);
    }
    *ret_text = strdup(json_object_get_string(value));
    return *ret_text != NULL ? CIM_OK : cim_fail_nomem(err);
}

/* ---- properties ---- */

static bool
word_is_known(const char *words, const char *word)
{
    const size_t len = strlen(word);
    for (const char *at = words; at != NULL && len > 0; at = strchr(at, '|')) {
        at += *at == '|' ? 1 : 0;
        if (strncmp(at, word, len) == 0 && (at[len] == '|' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static cim_status
check_uses(const struct reader *reader, const struct spec *spec, struct json_object *json,
           const struct host_pic_expr *expr, cim_error *err)
{
    const int uses = host_pic_expr_uses(expr);
    const bool density = strcmp(spec->name, "heatmap-color") == 0;
    if ((uses & HOST_PIC_USES_DENSITY) != 0 && !density) {
        return refuse(reader, spec->name, json, "heatmap-density 只能用于 heatmap-color",
                      "heatmap-density is for heatmap-color alone", err);
    }
    if ((uses & HOST_PIC_USES_FEATURE) != 0 && !spec->data) {
        return refuse(reader, spec->name, json, "此属性不能随要素变化",
                      "this property cannot depend on the feature", err);
    }
    if (uses != 0 && (spec->words != NULL || spec->kind == HOST_PIC_BOOL)) {
        return refuse(reader, spec->name, json, "此属性应为常量", "this property is a constant",
                      err);
    }
    return CIM_OK;
}

/* Lists that lay something out hold numbers: two of an offset, some of dashes. */
static cim_status
check_list(const struct reader *reader, const struct spec *spec, struct json_object *json,
           const struct host_pic_expr *expr, cim_error *err)
{
    struct host_pic_eval none = {.zoom = 0};
    const struct host_pic_value value = host_pic_expr_eval(expr, &none);
    const bool fonts = strcmp(spec->name, "text-font") == 0;
    const bool offset =
        strcmp(spec->name, "text-offset") == 0 || strcmp(spec->name, "icon-offset") == 0;
    const enum host_pic_kind kind = fonts ? HOST_PIC_TEXT : HOST_PIC_NUMBER;
    bool good = value.kind == HOST_PIC_LIST && value.u.list.n > 0 && value.u.list.n <= 8 &&
                (!offset || value.u.list.n == 2);
    for (size_t i = 0; good && i < value.u.list.n; i++) {
        good = value.u.list.items[i].kind == kind &&
               (fonts || offset || value.u.list.items[i].u.number >= 0);
    }
    return good ? CIM_OK
                : refuse(reader, spec->name, json, "列表的内容不对",
                         "the list does not hold what it should", err);
}

static bool
takes_images(const struct spec *spec)
{
    return strcmp(spec->name, "icon-image") == 0 || strcmp(spec->name, "fill-pattern") == 0;
}

static cim_status
each_image(void *arg, const struct host_pic_value *value, cim_error *err)
{
    const struct reader *reader = arg;
    char name[64];
    if (value->kind != HOST_PIC_TEXT || value->u.text.len == 0) {
        return CIM_OK;
    }
    const struct host_pic_image *image =
        host_pic_style_image(reader->style, value->u.text.at, value->u.text.len);
    if (image != NULL && image->pattern == (reader->spec->type == HOST_PIC_FILL)) {
        return CIM_OK;
    }
    cim_copy_text(name, sizeof name, value->u.text.at);
    return cim_fail(err, CIM_E_UNSUPPORTED, reader->spec->name, name,
                    "样式 %s 的图层 %s：没有名为 %s 的此类图形 (metadata 的 cim:images)",
                    "style %s, layer %s: there is no image %s of this sort in cim:images of its "
                    "metadata",
                    reader->style->id, reader->layer, name);
}

static cim_status
check_property(struct reader *reader, const struct spec *spec, struct json_object *json,
               const struct host_pic_expr *expr, cim_error *err)
{
    CIM_TRY(check_uses(reader, spec, json, expr, err));
    if (spec->words != NULL && !word_is_known(spec->words, json_object_get_string(json))) {
        char zh[160];
        char en[160];
        (void)snprintf(zh, sizeof zh, "应为 %s", spec->words);
        (void)snprintf(en, sizeof en, "expected %s", spec->words);
        return refuse(reader, spec->name, json, zh, en, err);
    }
    if (spec->kind == HOST_PIC_LIST) {
        return check_list(reader, spec, json, expr, err);
    }
    reader->spec = spec;
    return takes_images(spec) ? host_pic_expr_outputs(expr, each_image, reader, err) : CIM_OK;
}

static cim_status
read_property(struct reader *reader, struct host_pic_layer *layer, const char *group,
              const char *name, struct json_object *json, cim_error *err)
{
    const struct host_pic_place at = place(reader, name);
    if (strcmp(group, "layout") == 0 && strcmp(name, "visibility") == 0) {
        const char *word = json_object_get_string(json);
        layer->hidden = word != NULL && strcmp(word, "none") == 0;
        return layer->hidden || (word != NULL && strcmp(word, "visible") == 0)
                   ? CIM_OK
                   : refuse(reader, name, json, "应为 visible 或 none", "expected visible or none",
                            err);
    }
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        const struct spec *spec = &specs[i];
        if (spec->type == layer->type && strcmp(spec->group, group) == 0 &&
            strcmp(spec->name, name) == 0) {
            CIM_TRY(host_pic_expr_compile(&at, json, spec->kind, &layer->properties[i], err));
            return check_property(reader, spec, json, layer->properties[i], err);
        }
    }
    return refuse(reader, name, json, "没有实现这个属性", "this property is not drawn", err);
}

static cim_status
read_group(struct reader *reader, struct host_pic_layer *layer, const char *group,
           struct json_object *json, cim_error *err)
{
    if (!json_object_is_type(json, json_type_object)) {
        return refuse(reader, group, json, "应为对象", "expected an object", err);
    }
    json_object_object_foreach(json, name, value)
    {
        CIM_TRY(read_property(reader, layer, group, name, value, err));
    }
    return CIM_OK;
}

/* ---- layers ---- */

static cim_status
read_type(const struct reader *reader, struct host_pic_layer *layer, struct json_object *json,
          cim_error *err)
{
    const char *name = json_object_get_string(json);
    for (size_t i = 0; name != NULL && i < sizeof type_names / sizeof type_names[0]; i++) {
        if (strcmp(type_names[i], name) == 0) {
            layer->type = (enum host_pic_layer_type)i;
            return CIM_OK;
        }
    }
    return refuse(reader, "type", json, "应为 background fill line circle symbol heatmap",
                  "expected background, fill, line, circle, symbol or heatmap", err);
}

static cim_status
read_zoom(const struct reader *reader, const char *name, struct json_object *json, double *ret_zoom,
          cim_error *err)
{
    if (!json_object_is_type(json, json_type_int) && !json_object_is_type(json, json_type_double)) {
        return refuse(reader, name, json, "应为数字", "expected a number", err);
    }
    *ret_zoom = json_object_get_double(json);
    return CIM_OK;
}

static cim_status
read_key(struct reader *reader, struct host_pic_layer *layer, const char *key,
         struct json_object *value, cim_error *err)
{
    const struct host_pic_place at = place(reader, key);
    if (strcmp(key, "id") == 0 || strcmp(key, "type") == 0 || strcmp(key, "metadata") == 0) {
        return CIM_OK;
    }
    if (strcmp(key, "source") == 0) {
        return copy_text(reader, key, value, &layer->source, err);
    }
    if (strcmp(key, "source-layer") == 0) {
        return copy_text(reader, key, value, &layer->source_layer, err);
    }
    if (strcmp(key, "minzoom") == 0) {
        return read_zoom(reader, key, value, &layer->min_zoom, err);
    }
    if (strcmp(key, "maxzoom") == 0) {
        return read_zoom(reader, key, value, &layer->max_zoom, err);
    }
    if (strcmp(key, "filter") == 0) {
        return host_pic_expr_compile(&at, value, HOST_PIC_BOOL, &layer->filter, err);
    }
    if (strcmp(key, "paint") == 0 || strcmp(key, "layout") == 0) {
        return read_group(reader, layer, key, value, err);
    }
    return refuse(reader, key, value, "没有实现这个属性", "this property is not drawn", err);
}

static bool
has_source(const struct host_pic_style *style, const char *source)
{
    for (size_t i = 0; source != NULL && i < style->n_sources; i++) {
        if (strcmp(style->sources[i], source) == 0) {
            return true;
        }
    }
    return false;
}

static cim_status
read_layer(struct reader *reader, struct json_object *json, cim_error *err)
{
    struct host_pic_style *style = reader->style;
    struct host_pic_layer *layer = &style->layers[style->n_layers];
    struct json_object *id = NULL;
    struct json_object *type = NULL;
    if (!json_object_is_type(json, json_type_object)) {
        return refuse(reader, "layers", json, "图层应为对象", "a layer is an object", err);
    }
    style->n_layers++;
    layer->min_zoom = -24;
    layer->max_zoom = 25;
    json_object_object_get_ex(json, "id", &id);
    json_object_object_get_ex(json, "type", &type);
    CIM_TRY(copy_text(reader, "id", id, &layer->id, err));
    reader->layer = layer->id;
    CIM_TRY(read_type(reader, layer, type, err));
    json_object_object_foreach(json, key, value)
    {
        CIM_TRY(read_key(reader, layer, key, value, err));
    }
    if (layer->type == HOST_PIC_BACKGROUND) {
        return CIM_OK;
    }
    if (!has_source(style, layer->source) || layer->source_layer == NULL) {
        return refuse(reader, "source", NULL, "应为 sources 中的一个，并带 source-layer",
                      "expected one of the sources, with a source-layer", err);
    }
    return CIM_OK;
}

/* ---- sources and images ---- */

/* "/collections/lpg.stations/tiles/WebMercatorQuad?f=tilejson" names the collection; the source
 * has the same name. */
static cim_status
read_source(struct reader *reader, const char *name, struct json_object *json, cim_error *err)
{
    struct host_pic_style *style = reader->style;
    struct json_object *url = NULL;
    char expected[256];
    json_object_object_get_ex(json, "url", &url);
    (void)snprintf(expected, sizeof expected, "/collections/%s/tiles/WebMercatorQuad?f=tilejson",
                   name);
    if (!json_object_is_type(url, json_type_string) ||
        strcmp(json_object_get_string(url), expected) != 0) {
        return refuse(reader, "sources", json, "来源应为本平台同名集合的瓦片",
                      "a source is the tiles of the collection of its name", err);
    }
    if (style->n_sources == HOST_PIC_SOURCES_MAX) {
        return refuse(reader, "sources", NULL, "来源过多", "too many sources", err);
    }
    style->sources[style->n_sources] = strdup(name);
    return style->sources[style->n_sources++] != NULL ? CIM_OK : cim_fail_nomem(err);
}

static bool
read_pattern_color(struct json_object *image, struct host_pic_color *ret_color)
{
    struct json_object *color = NULL;
    json_object_object_get_ex(image, "color", &color);
    return json_object_is_type(color, json_type_string) &&
           host_pic_color_parse(json_object_get_string(color),
                                (size_t)json_object_get_string_len(color), ret_color);
}

static cim_status
read_image(struct reader *reader, const char *name, struct json_object *json, cim_error *err)
{
    struct host_pic_style *style = reader->style;
    struct host_pic_image *image = &style->images[style->n_images];
    struct host_pic_path_op ops[HOST_PIC_PATH_OPS_MAX];
    struct json_object *path = NULL;
    struct json_object *size = NULL;
    struct json_object *sdf = NULL;
    reader->layer = name;
    json_object_object_get_ex(json, "path", &path);
    json_object_object_get_ex(json, "size", &size);
    json_object_object_get_ex(json, "sdf", &sdf);
    image->size_px = json_object_get_double(size);
    if (!json_object_is_type(path, json_type_string) ||
        !host_pic_path_parse(json_object_get_string(path), ops, HOST_PIC_PATH_OPS_MAX,
                             &image->n_ops)) {
        return refuse(reader, "cim:images", json, "轮廓应为由绝对坐标的 M L C Z 组成的 SVG 路径",
                      "an outline is an SVG path of absolute M, L, C and Z", err);
    }
    image->pattern = read_pattern_color(json, &image->color);
    if (!(image->size_px > 0 && image->size_px <= 128) ||
        image->pattern == (json_object_get_boolean(sdf) != 0)) {
        return refuse(reader, "cim:images", json,
                      "图形应有 size (1–128)，并有 sdf: true（图标）或 color（填充图案）",
                      "an image has a size of 1 to 128 and sdf: true, of an icon, or a color, of a "
                      "pattern",
                      err);
    }
    image->name = strdup(name);
    image->ops = calloc(image->n_ops, sizeof *image->ops);
    if (image->name == NULL || image->ops == NULL) {
        return cim_fail_nomem(err);
    }
    memcpy(image->ops, ops, image->n_ops * sizeof *ops);
    return CIM_OK;
}

static cim_status
read_images(struct reader *reader, struct json_object *document, cim_error *err)
{
    struct host_pic_style *style = reader->style;
    struct json_object *metadata = NULL;
    struct json_object *images = NULL;
    json_object_object_get_ex(document, "metadata", &metadata);
    json_object_object_get_ex(metadata, "cim:images", &images);
    const int n =
        json_object_is_type(images, json_type_object) ? json_object_object_length(images) : 0;
    if (n > HOST_PIC_IMAGES_MAX) {
        return refuse(reader, "cim:images", NULL, "图形过多", "too many images", err);
    }
    style->images = calloc((size_t)n + 1, sizeof *style->images);
    if (style->images == NULL) {
        return cim_fail_nomem(err);
    }
    if (n == 0) {
        return CIM_OK;
    }
    json_object_object_foreach(images, name, image)
    {
        const cim_status status = read_image(reader, name, image, err);
        style->n_images++;
        CIM_TRY(status);
    }
    return CIM_OK;
}

static cim_status
read_document(struct reader *reader, struct json_object *document, cim_error *err)
{
    struct host_pic_style *style = reader->style;
    struct json_object *sources = NULL;
    struct json_object *layers = NULL;
    json_object_object_get_ex(document, "sources", &sources);
    json_object_object_get_ex(document, "layers", &layers);
    if (!json_object_is_type(sources, json_type_object) ||
        !json_object_is_type(layers, json_type_array) ||
        json_object_array_length(layers) > HOST_PIC_LAYERS_MAX) {
        return refuse(reader, "layers", NULL, "样式应有 sources 与 layers",
                      "a style has sources and layers", err);
    }
    json_object_object_foreach(sources, name, source)
    {
        CIM_TRY(read_source(reader, name, source, err));
    }
    CIM_TRY(read_images(reader, document, err));
    style->layers = calloc(json_object_array_length(layers) + 1, sizeof *style->layers);
    if (style->layers == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < json_object_array_length(layers); i++) {
        reader->layer = "layers";
        CIM_TRY(read_layer(reader, json_object_array_get_idx(layers, i), err));
    }
    return CIM_OK;
}

static uint64_t
hash_text(const char *text, size_t len)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211U;
    }
    return hash;
}

cim_status
host_pic_style_parse(const char *id, const char *text, size_t len,
                     struct host_pic_style **ret_style, cim_error *err)
{
    struct host_pic_style *style = calloc(1, sizeof *style);
    struct reader reader = {.style = style, .layer = "-"};
    cim_status status;
    if (style == NULL) {
        return cim_fail_nomem(err);
    }
    style->id = strdup(id);
    style->hash = hash_text(text, len);
    status = style->id != NULL ? cim_json_parse(id, text, len, &style->document, err)
                               : cim_fail_nomem(err);
    if (status == CIM_OK) {
        status = read_document(&reader, style->document, err);
    }
    if (status != CIM_OK) {
        host_pic_style_free(style);
        return status;
    }
    *ret_style = style;
    return CIM_OK;
}

void
host_pic_style_free(struct host_pic_style *style)
{
    if (style == NULL) {
        return;
    }
    for (size_t i = 0; i < style->n_layers; i++) {
        struct host_pic_layer *layer = &style->layers[i];
        host_pic_expr_free(layer->filter);
        for (size_t k = 0; k < HOST_PIC_N_PROPERTIES; k++) {
            host_pic_expr_free(layer->properties[k]);
        }
        free(layer->id);
        free(layer->source);
        free(layer->source_layer);
    }
    for (size_t i = 0; i < style->n_images; i++) {
        free(style->images[i].name);
        free(style->images[i].ops);
    }
    for (size_t i = 0; i < style->n_sources; i++) {
        free(style->sources[i]);
    }
    free(style->layers);
    free(style->images);
    json_object_put(style->document);
    free(style->id);
    free(style);
}

const struct host_pic_image *
host_pic_style_image(const struct host_pic_style *style, const char *name, size_t name_len)
{
    for (size_t i = 0; i < style->n_images; i++) {
        if (strlen(style->images[i].name) == name_len &&
            memcmp(style->images[i].name, name, name_len) == 0) {
            return &style->images[i];
        }
    }
    return NULL;
}

/* ---- values ---- */

static struct host_pic_value
evaluate(const struct host_pic_layer *layer, enum host_pic_property property,
         struct host_pic_eval *eval)
{
    struct host_pic_eval none = {.zoom = 0};
    if (layer->properties[property] == NULL) {
        return (struct host_pic_value){.kind = HOST_PIC_NULL};
    }
    return host_pic_expr_eval(layer->properties[property], eval != NULL ? eval : &none);
}

double
host_pic_number(const struct host_pic_layer *layer, enum host_pic_property property,
                struct host_pic_eval *eval)
{
    const struct host_pic_value value = evaluate(layer, property, eval);
    double fallback = 0;
    if (value.kind == HOST_PIC_NUMBER) {
        return value.u.number;
    }
    (void)host_parse_number(specs[property].fallback, strlen(specs[property].fallback), &fallback);
    return fallback;
}

bool
host_pic_flag(const struct host_pic_layer *layer, enum host_pic_property property)
{
    const struct host_pic_value value = evaluate(layer, property, NULL);
    return value.kind == HOST_PIC_BOOL && value.u.flag;
}

struct host_pic_color
host_pic_color(const struct host_pic_layer *layer, enum host_pic_property property,
               struct host_pic_eval *eval)
{
    const struct host_pic_value value = evaluate(layer, property, eval);
    const char *fallback = specs[property].fallback;
    struct host_pic_color color = {0, 0, 0, 0};
    if (value.kind == HOST_PIC_COLOR) {
        return value.u.color;
    }
    if (value.kind == HOST_PIC_TEXT &&
        host_pic_color_parse(value.u.text.at, value.u.text.len, &color)) {
        return color;
    }
    (void)host_pic_color_parse(fallback, strlen(fallback), &color);
    return color;
}

struct host_pic_value
host_pic_value(const struct host_pic_layer *layer, enum host_pic_property property,
               struct host_pic_eval *eval)
{
    const struct host_pic_value value = evaluate(layer, property, eval);
    return value.kind == specs[property].kind ? value
                                              : (struct host_pic_value){.kind = HOST_PIC_NULL};
}

const char *
host_pic_word(const struct host_pic_layer *layer, enum host_pic_property property)
{
    const struct host_pic_value value = evaluate(layer, property, NULL);
    return value.kind == HOST_PIC_TEXT ? value.u.text.at : specs[property].fallback;
}
