/* host/pictures/style_variant.c -- see style_variant.h. */
#include "host/pictures/style_variant.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <json-c/json.h>

struct palette {
    struct json_object *all; /* property -> colour -> colour */
    struct json_object *own; /* of this style; goes first */
};

static struct json_object *
member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_is_type(object, json_type_object) &&
                   json_object_object_get_ex(object, key, &value)
               ? value
               : NULL;
}

static const char *
other_color(const struct palette *palette, const char *property, const char *color)
{
    struct json_object *found = member(member(palette->own, property), color);
    if (found == NULL) {
        found = member(member(palette->all, property), color);
    }
    return json_object_is_type(found, json_type_string) ? json_object_get_string(found) : NULL;
}

/* The depth is that of a parsed text: CIM_JSON_DEPTH_MAX. */
static void
paint(const struct palette *palette, const char *property, struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_object: {
        json_object_object_foreach(value, key, inner)
        {
            paint(palette, key, inner);
        }
        break;
    }
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            paint(palette, property, json_object_array_get_idx(value, i));
        }
        break;
    case json_type_string: {
        const char *to = other_color(palette, property, json_object_get_string(value));
        if (to != NULL) {
            json_object_set_string(value, to);
        }
        break;
    }
    default:
        break;
    }
}

/* "安全隐患" -> "安全隐患（夜间）" in every language that both name. */
static cim_status
add_title(struct json_object *titles, struct json_object *variant_titles, cim_error *err)
{
    if (!json_object_is_type(titles, json_type_object)) {
        return CIM_OK;
    }
    json_object_object_foreach(titles, lang, title)
    {
        struct json_object *suffix = member(variant_titles, lang);
        CIM_AUTO_BUF struct cim_buf text;
        cim_buf_init(&text, 1024);
        if (suffix == NULL || !json_object_is_type(title, json_type_string)) {
            continue;
        }
        cim_buf_addf(&text, strcmp(lang, "zh") == 0 ? "%s（%s）" : "%s (%s)",
                     json_object_get_string(title), json_object_get_string(suffix));
        CIM_TRY(cim_buf_status(&text, err));
        json_object_set_string(title, text.data);
    }
    return CIM_OK;
}

static cim_status
name_it(struct json_object *style, const char *id, const char *variant, struct json_object *palette,
        cim_error *err)
{
    char name[160];
    struct json_object *metadata = member(style, "metadata");
    struct json_object *sheet = member(palette, "sheet");
    (void)snprintf(name, sizeof name, "%s-%s", id, variant);
    struct json_object *text = json_object_new_string(name);
    if (text == NULL || json_object_object_add(style, "name", text) != 0) {
        return cim_fail_nomem(err);
    }
    if (metadata != NULL && sheet != NULL &&
        json_object_object_add(metadata, "cim:sheet", json_object_get(sheet)) != 0) {
        return cim_fail_nomem(err);
    }
    return add_title(member(metadata, "cim:title"), member(palette, "title"), err);
}

cim_status
host_pic_style_variant(const char *id, const char *variant, const char *style, size_t style_len,
                       const char *palette, size_t palette_len, struct cim_buf *out, cim_error *err)
{
    struct json_object *document = NULL;
    struct json_object *colors = NULL;
    struct palette use;
    CIM_TRY(cim_json_parse(variant, palette, palette_len, &colors, err));
    cim_status status = cim_json_parse(id, style, style_len, &document, err);
    if (status == CIM_OK && (!json_object_is_type(document, json_type_object) ||
                             !json_object_is_type(member(colors, "colors"), json_type_object))) {
        status =
            cim_fail(err, CIM_E_INVALID, "colors", variant, "样式 %s 应为对象，变体 %s 应有 colors",
                     "the style %s is an object, its variant %s has colors", id, variant);
    }
    if (status == CIM_OK) {
        use.all = member(colors, "colors");
        use.own = member(member(colors, "styles"), id);
        paint(&use, "", document);
        status = name_it(document, id, variant, colors, err);
    }
    if (status == CIM_OK) {
        cim_buf_add_text(out, json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN));
        status = cim_buf_status(out, err);
    }
    json_object_put(document);
    json_object_put(colors);
    return status;
}
