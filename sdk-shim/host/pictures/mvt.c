/* host/pictures/mvt.c -- see mvt.h. */
#include "host/pictures/mvt.h"

#include "cim/util.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
enum { MOVE_TO = 1, LINE_TO = 2, CLOSE_PATH = 7 };

static cim_status
broken(cim_error *err)
{
    return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "瓦片不符合 MVT 2.1",
                    "the tile is no MVT 2.1");
}

static bool
varint(struct host_mvt_slice *in, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (in->len == 0) {
            return false;
        }
        const uint8_t byte = *in->at++;
        in->len--;
        value |= (uint64_t)(byte & 0x7FU) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool
take(struct host_mvt_slice *in, uint64_t len, struct host_mvt_slice *ret_bytes)
{
    if (len > in->len) {
        return false;
    }
    *ret_bytes = (struct host_mvt_slice){in->at, (size_t)len};
    in->at += len;
    in->len -= (size_t)len;
    return true;
}

/* One field of a message: number, and its bytes or its number. */
struct field {
    uint64_t number;
    uint32_t wire;
    uint64_t value;
    struct host_mvt_slice bytes;
};

static bool
next_field(struct host_mvt_slice *in, struct field *ret_field)
{
    uint64_t key = 0;
    if (!varint(in, &key)) {
        return false;
    }
    ret_field->number = key >> 3;
    ret_field->wire = (uint32_t)(key & 7);
    ret_field->bytes = (struct host_mvt_slice){NULL, 0};
    switch (ret_field->wire) {
    case WIRE_VARINT:
        return varint(in, &ret_field->value);
    case WIRE_FIXED64:
        return take(in, 8, &ret_field->bytes);
    case WIRE_FIXED32:
        return take(in, 4, &ret_field->bytes);
    case WIRE_BYTES:
        return varint(in, &ret_field->value) && take(in, ret_field->value, &ret_field->bytes);
    default:
        return false;
    }
}

static int64_t
zigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static bool
read_value(struct host_mvt_slice in, struct host_pic_value *ret_value)
{
    struct field field;
    *ret_value = (struct host_pic_value){.kind = HOST_PIC_NULL};
    while (in.len > 0) {
        if (!next_field(&in, &field)) {
            return false;
        }
        ret_value->kind = HOST_PIC_NUMBER;
        if (field.number == 1 && field.wire == WIRE_BYTES) {
            ret_value->kind = HOST_PIC_TEXT;
            ret_value->u.text.at = (const char *)field.bytes.at;
            ret_value->u.text.len = field.bytes.len;
        } else if (field.number == 2 && field.wire == WIRE_FIXED32) {
            float number = 0;
            memcpy(&number, field.bytes.at, sizeof number);
            ret_value->u.number = (double)number;
        } else if (field.number == 3 && field.wire == WIRE_FIXED64) {
            memcpy(&ret_value->u.number, field.bytes.at, sizeof ret_value->u.number);
        } else if (field.number == 4 && field.wire == WIRE_VARINT) {
            ret_value->u.number = (double)(int64_t)field.value;
        } else if (field.number == 5 && field.wire == WIRE_VARINT) {
            ret_value->u.number = (double)field.value;
        } else if (field.number == 6 && field.wire == WIRE_VARINT) {
            ret_value->u.number = (double)zigzag(field.value);
        } else if (field.number == 7 && field.wire == WIRE_VARINT) {
            ret_value->kind = HOST_PIC_BOOL;
            ret_value->u.flag = field.value != 0;
        } else {
            return false;
        }
    }
    return true;
}

static bool
read_feature(struct host_mvt_slice in, struct host_mvt_feature *ret_feature)
{
    struct field field;
    *ret_feature = (struct host_mvt_feature){.id = 0};
    while (in.len > 0) {
        if (!next_field(&in, &field)) {
            return false;
        }
        if (field.number == 1 && field.wire == WIRE_VARINT) {
            ret_feature->id = field.value;
        } else if (field.number == 2 && field.wire == WIRE_BYTES) {
            ret_feature->tags = field.bytes;
        } else if (field.number == 3 && field.wire == WIRE_VARINT &&
                   field.value <= HOST_MVT_POLYGON) {
            ret_feature->type = (uint32_t)field.value;
        } else if (field.number == 4 && field.wire == WIRE_BYTES &&
                   ret_feature->geometry.at == NULL) {
            ret_feature->geometry = field.bytes;
        } else if (field.number >= 1 && field.number <= 4) {
            return false;
        }
    }
    return ret_feature->geometry.at != NULL;
}

/* Pairs of numbers of keys and values that the layer has. */
static bool
tags_hold(const struct host_mvt_layer *layer, const struct host_mvt_feature *feature)
{
    struct host_mvt_slice tags = feature->tags;
    while (tags.len > 0) {
        uint64_t key = 0;
        uint64_t value = 0;
        if (!varint(&tags, &key) || !varint(&tags, &value) || key >= layer->n_keys ||
            value >= layer->n_values) {
            return false;
        }
    }
    return true;
}

/* How many of each there are, so that nothing grows. */
static bool
count(struct host_mvt_slice in, struct host_mvt_layer *layer)
{
    struct field field;
    while (in.len > 0) {
        if (!next_field(&in, &field)) {
            return false;
        }
        layer->n_features += field.number == 2 ? 1 : 0;
        layer->n_keys += field.number == 3 ? 1 : 0;
        layer->n_values += field.number == 4 ? 1 : 0;
    }
    return layer->n_features <= HOST_MVT_FEATURES_MAX;
}

static bool
fill(struct host_mvt_slice in, struct host_mvt_layer *layer)
{
    struct field field;
    size_t n_features = 0;
    size_t n_keys = 0;
    size_t n_values = 0;
    uint64_t version = 0;
    layer->extent = 4096;
    while (in.len > 0) {
        if (!next_field(&in, &field)) {
            return false;
        }
        if ((field.number >= 1 && field.number <= 4 && field.wire != WIRE_BYTES) ||
            ((field.number == 5 || field.number == 15) && field.wire != WIRE_VARINT)) {
            return false;
        }
        if (field.number == 5) {
            layer->extent = field.value > 0 && field.value <= 1 << 20 ? (uint32_t)field.value : 0;
        } else if (field.number == 15) {
            version = field.value;
        } else if (field.number == 1) {
            layer->name = field.bytes;
        } else if (field.number == 2 &&
                   !read_feature(field.bytes, &layer->features[n_features++])) {
            return false;
        } else if (field.number == 3) {
            layer->keys[n_keys++] = field.bytes;
        } else if (field.number == 4 && !read_value(field.bytes, &layer->values[n_values++])) {
            return false;
        }
    }
    for (size_t i = 0; i < n_features; i++) {
        if (!tags_hold(layer, &layer->features[i])) {
            return false;
        }
    }
    return layer->extent > 0 && layer->name.at != NULL && (version == 1 || version == 2);
}

static cim_status
read_layer(struct host_mvt_slice in, struct host_mvt_layer *layer, cim_error *err)
{
    if (!count(in, layer)) {
        return broken(err);
    }
    layer->features = calloc(layer->n_features + 1, sizeof *layer->features);
    layer->keys = calloc(layer->n_keys + 1, sizeof *layer->keys);
    layer->values = calloc(layer->n_values + 1, sizeof *layer->values);
    if (layer->features == NULL || layer->keys == NULL || layer->values == NULL) {
        return cim_fail_nomem(err);
    }
    return fill(in, layer) ? CIM_OK : broken(err);
}

cim_status
host_mvt_read(const void *data, size_t len, struct host_mvt *ret_tile, cim_error *err)
{
    struct host_mvt tile = {.layers = calloc(HOST_MVT_LAYERS_MAX, sizeof *tile.layers)};
    struct host_mvt_slice in = {data, len};
    struct field field;
    cim_status status = tile.layers != NULL ? CIM_OK : cim_fail_nomem(err);
    while (status == CIM_OK && in.len > 0) {
        if (!next_field(&in, &field)) {
            status = broken(err);
        } else if (field.number == 3 && field.wire == WIRE_BYTES) {
            status = tile.n_layers < HOST_MVT_LAYERS_MAX
                         ? read_layer(field.bytes, &tile.layers[tile.n_layers++], err)
                         : broken(err);
        }
    }
    if (status != CIM_OK) {
        host_mvt_done(&tile);
        return status;
    }
    *ret_tile = tile;
    return CIM_OK;
}

void
host_mvt_done(struct host_mvt *tile)
{
    for (size_t i = 0; i < tile->n_layers; i++) {
        free(tile->layers[i].features);
        free(tile->layers[i].keys);
        free(tile->layers[i].values);
    }
    free(tile->layers);
    *tile = (struct host_mvt){.n_layers = 0};
}

const struct host_mvt_layer *
host_mvt_layer(const struct host_mvt *tile, const char *name)
{
    const size_t len = strlen(name);
    for (size_t i = 0; i < tile->n_layers; i++) {
        const struct host_mvt_layer *layer = &tile->layers[i];
        if (layer->name.len == len && memcmp(layer->name.at, name, len) == 0) {
            return layer;
        }
    }
    return NULL;
}

struct host_pic_value
host_mvt_get(const struct host_mvt_layer *layer, const struct host_mvt_feature *feature,
             const char *name, size_t name_len)
{
    struct host_mvt_slice tags = feature->tags;
    uint64_t key = 0;
    uint64_t value = 0;
    while (tags.len > 0 && varint(&tags, &key) && varint(&tags, &value)) {
        if (key < layer->n_keys && value < layer->n_values && layer->keys[key].len == name_len &&
            memcmp(layer->keys[key].at, name, name_len) == 0) {
            return layer->values[value];
        }
    }
    return (struct host_pic_value){.kind = HOST_PIC_NULL};
}

/* ---- geometry ---- */

cim_status
host_mvt_paths_add(struct host_mvt_paths *paths, double x, double y, cim_error *err)
{
    if (paths->n_points == paths->points_capacity) {
        const size_t capacity = paths->points_capacity > 0 ? paths->points_capacity * 2 : 256;
        double *xy = capacity <= HOST_MVT_VERTICES_MAX
                         ? realloc(paths->xy, capacity * 2 * sizeof *xy)
                         : NULL;
        if (xy == NULL) {
            return cim_fail_nomem(err);
        }
        paths->xy = xy;
        paths->points_capacity = capacity;
    }
    paths->xy[2 * paths->n_points] = x;
    paths->xy[2 * paths->n_points + 1] = y;
    paths->n_points++;
    return CIM_OK;
}

cim_status
host_mvt_paths_end(struct host_mvt_paths *paths, cim_error *err)
{
    if (paths->n_paths == paths->paths_capacity) {
        const size_t capacity = paths->paths_capacity > 0 ? paths->paths_capacity * 2 : 64;
        size_t *ends = realloc(paths->ends, capacity * sizeof *ends);
        if (ends == NULL) {
            return cim_fail_nomem(err);
        }
        paths->ends = ends;
        paths->paths_capacity = capacity;
    }
    paths->ends[paths->n_paths++] = paths->n_points;
    return CIM_OK;
}

void
host_mvt_paths_done(struct host_mvt_paths *paths)
{
    free(paths->xy);
    free(paths->ends);
    *paths = (struct host_mvt_paths){.n_points = 0};
}

/* Ends the path at hand, if it has points. */
static cim_status
end_path(struct host_mvt_paths *paths, cim_error *err)
{
    const size_t begin = paths->n_paths > 0 ? paths->ends[paths->n_paths - 1] : 0;
    return paths->n_points > begin ? host_mvt_paths_end(paths, err) : CIM_OK;
}

/* What the specification has of commands: points are moved to, once or more at
 * once; a line is moved to and drawn; a ring is closed besides, once. `last`:
 * the command before; 0 at the beginning. */
static bool
may_follow(uint32_t type, uint64_t last, uint64_t command, uint64_t n)
{
    switch (command) {
    case MOVE_TO:
        return type == HOST_MVT_POINT
                   ? last == 0
                   : n == 1 && last != MOVE_TO &&
                         (type == HOST_MVT_LINE || last == 0 || last == CLOSE_PATH);
    case LINE_TO:
        return type != HOST_MVT_POINT && last == MOVE_TO;
    case CLOSE_PATH:
        return type == HOST_MVT_POLYGON && last == LINE_TO && n == 1;
    default:
        return false;
    }
}

/* May nothing follow? */
static bool
is_whole(uint32_t type, uint64_t last)
{
    return last == (type == HOST_MVT_POINT  ? MOVE_TO
                    : type == HOST_MVT_LINE ? LINE_TO
                                            : CLOSE_PATH);
}

cim_status
host_mvt_geometry(const struct host_mvt_feature *feature, struct host_mvt_paths *paths,
                  cim_error *err)
{
    struct host_mvt_slice in = feature->geometry;
    int64_t x = 0;
    int64_t y = 0;
    uint64_t last = 0;
    paths->n_points = 0;
    paths->n_paths = 0;
    if (feature->type == 0) { /* unknown: an encoding of its own */
        return CIM_OK;
    }
    while (in.len > 0) {
        uint64_t command = 0;
        if (!varint(&in, &command)) {
            return broken(err);
        }
        const uint64_t n = command >> 3;
        if (n == 0 || !may_follow(feature->type, last, command & 7, n)) {
            return broken(err);
        }
        last = command & 7;
        if (last == CLOSE_PATH) {
            continue;
        }
        if (n > in.len) {
            return broken(err);
        }
        for (uint64_t i = 0; i < n; i++) {
            uint64_t dx = 0;
            uint64_t dy = 0;
            if (!varint(&in, &dx) || !varint(&in, &dy) || dx > UINT32_MAX || dy > UINT32_MAX) {
                return broken(err);
            }
            x += zigzag(dx);
            y += zigzag(dy);
            if (last == MOVE_TO) {
                CIM_TRY(end_path(paths, err));
            }
            CIM_TRY(host_mvt_paths_add(paths, (double)x, (double)y, err));
        }
    }
    return is_whole(feature->type, last) ? end_path(paths, err) : broken(err);
}
