/* Prints what host/pictures reads of vector tiles, a line of JSON for each file: its layers, or
 * null where it is refused. usage: read_mvt FILE... */
#include "host/pictures/mvt.h"

#include "kit/cleanup.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_object *
text_of(const struct host_mvt_slice *text)
{
    return json_object_new_string_len((const char *)text->at, (int)text->len);
}

static struct json_object *
value_of(const struct host_pic_value *value)
{
    switch (value->kind) {
    case HOST_PIC_TEXT:
        return json_object_new_string_len(value->u.text.at, (int)value->u.text.len);
    case HOST_PIC_BOOL:
        return json_object_new_boolean(value->u.flag);
    case HOST_PIC_NUMBER:
        return json_object_new_double(value->u.number);
    default:
        return NULL;
    }
}

static struct json_object *
tags_of(const struct host_mvt_layer *layer, const struct host_mvt_feature *feature)
{
    struct json_object *tags = json_object_new_object();
    for (size_t i = 0; i < layer->n_keys; i++) {
        const struct host_mvt_slice *key = &layer->keys[i];
        const struct host_pic_value value =
            host_mvt_get(layer, feature, (const char *)key->at, key->len);
        CIM_AUTO_FREE char *name = strndup((const char *)key->at, key->len);
        if (value.kind != HOST_PIC_NULL) {
            json_object_object_add(tags, name, value_of(&value));
        }
    }
    return tags;
}

static struct json_object *
paths_of(const struct host_mvt_paths *paths)
{
    struct json_object *list = json_object_new_array();
    size_t at = 0;
    for (size_t p = 0; p < paths->n_paths; p++) {
        struct json_object *path = json_object_new_array();
        for (; at < paths->ends[p]; at++) {
            struct json_object *point = json_object_new_array();
            json_object_array_add(point, json_object_new_double(paths->xy[2 * at]));
            json_object_array_add(point, json_object_new_double(paths->xy[2 * at + 1]));
            json_object_array_add(path, point);
        }
        json_object_array_add(list, path);
    }
    return list;
}

/* NULL: a geometry is refused. */
static struct json_object *
layer_of(const struct host_mvt_layer *layer, struct host_mvt_paths *paths)
{
    struct json_object *doc = json_object_new_object();
    struct json_object *features = json_object_new_array();
    json_object_object_add(doc, "name", text_of(&layer->name));
    json_object_object_add(doc, "extent", json_object_new_int64(layer->extent));
    json_object_object_add(doc, "features", features);
    for (size_t i = 0; i < layer->n_features; i++) {
        const struct host_mvt_feature *feature = &layer->features[i];
        struct json_object *one = json_object_new_object();
        json_object_array_add(features, one);
        if (host_mvt_geometry(feature, paths, NULL) != CIM_OK) {
            json_object_put(doc);
            return NULL;
        }
        json_object_object_add(one, "id", json_object_new_int64((int64_t)feature->id));
        json_object_object_add(one, "type", json_object_new_int64(feature->type));
        json_object_object_add(one, "tags", tags_of(layer, feature));
        json_object_object_add(one, "paths", paths_of(paths));
    }
    return doc;
}

static struct json_object *
tile_of(const struct host_mvt *tile)
{
    struct host_mvt_paths paths = {.n_points = 0};
    struct json_object *layers = json_object_new_array();
    for (size_t i = 0; i < tile->n_layers && layers != NULL; i++) {
        struct json_object *layer = layer_of(&tile->layers[i], &paths);
        if (layer == NULL) {
            json_object_put(layers);
            layers = NULL;
        } else {
            json_object_array_add(layers, layer);
        }
    }
    host_mvt_paths_done(&paths);
    return layers;
}

static bool
print_file(const char *path)
{
    static char bytes[1 << 20];
    struct host_mvt tile = {.n_layers = 0};
    struct json_object *layers = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    const size_t len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    if (host_mvt_read(bytes, len, &tile, NULL) == CIM_OK) {
        layers = tile_of(&tile);
        host_mvt_done(&tile);
    }
    (void)printf("%s\n", layers != NULL
                             ? json_object_to_json_string_ext(layers, JSON_C_TO_STRING_PLAIN)
                             : "null");
    json_object_put(layers);
    return true;
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!print_file(argv[i])) {
            (void)fprintf(stderr, "read_mvt: %s cannot be read\n", argv[i]);
            return 1;
        }
    }
    return 0;
}
