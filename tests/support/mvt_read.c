/* tests/support/mvt_read.c -- see mvt_read.h. */
#include "support/mvt_read.h"

#include <stdlib.h>
#include <string.h>

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static uint64_t
varint(struct cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (cursor->at == cursor->end) {
            break;
        }
        const uint8_t byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7FU) << shift;
        if ((byte & 0x80U) == 0) {
            return value;
        }
    }
    cursor->bad = true;
    return 0;
}

static struct cursor
bytes(struct cursor *cursor)
{
    const uint64_t len = varint(cursor);
    struct cursor inner = {.at = cursor->at, .end = cursor->at};
    if (cursor->bad || len > (uint64_t)(cursor->end - cursor->at)) {
        cursor->bad = true;
        return inner;
    }
    inner.end = cursor->at + len;
    cursor->at += len;
    return inner;
}

static uint64_t
fixed64(struct cursor *cursor)
{
    uint64_t value = 0;
    if (cursor->end - cursor->at < 8) {
        cursor->bad = true;
        return 0;
    }
    for (unsigned i = 0; i < 8; i++) {
        value |= (uint64_t)cursor->at[i] << (8 * i);
    }
    cursor->at += 8;
    return value;
}

static bool
read_value(struct cursor cursor, struct mvt_value *value)
{
    while (cursor.at < cursor.end && !cursor.bad) {
        const uint64_t tag = varint(&cursor);
        struct cursor text;
        uint64_t bits;
        switch (tag) {
        case 1U << 3U | 2U:
            text = bytes(&cursor);
            *value = (struct mvt_value){
                .kind = 't', .text = (const char *)text.at, .len = (size_t)(text.end - text.at)};
            break;
        case 3U << 3U | 1U:
            bits = fixed64(&cursor);
            value->kind = 'd';
            memcpy(&value->f64, &bits, sizeof bits);
            break;
        case 4U << 3U:
            *value = (struct mvt_value){.kind = 'i', .i64 = (int64_t)varint(&cursor)};
            break;
        case 7U << 3U:
            *value = (struct mvt_value){.kind = 'b', .i64 = (int64_t)varint(&cursor)};
            break;
        default:
            return false;
        }
    }
    return !cursor.bad;
}

static bool
read_feature(struct cursor cursor, struct mvt_feature *feature)
{
    while (cursor.at < cursor.end && !cursor.bad) {
        struct cursor inner;
        switch (varint(&cursor)) {
        case 1U << 3U:
            feature->id = varint(&cursor);
            break;
        case 2U << 3U | 2U:
            inner = bytes(&cursor);
            while (inner.at < inner.end && feature->n_tags < MVT_TAGS_MAX) {
                feature->keys[feature->n_tags] = (uint32_t)varint(&inner);
                feature->values[feature->n_tags++] = (uint32_t)varint(&inner);
            }
            cursor.bad = cursor.bad || inner.bad || inner.at != inner.end;
            break;
        case 3U << 3U:
            feature->type = (uint32_t)varint(&cursor);
            break;
        case 4U << 3U | 2U:
            inner = bytes(&cursor);
            feature->geometry = inner.at;
            feature->geometry_len = (size_t)(inner.end - inner.at);
            break;
        default:
            return false;
        }
    }
    return !cursor.bad;
}

/* One more zeroed element; the room doubles whenever n is a power of two. */
static void *
append(void *array, size_t *n, size_t size)
{
    void *grown = array;
    if ((*n & (*n - 1)) == 0) {
        grown = realloc(array, (*n == 0 ? 1 : *n * 2) * size);
    }
    if (grown == NULL) {
        abort();
    }
    memset((char *)grown + *n * size, 0, size);
    ++*n;
    return grown;
}

static bool
read_layer(struct cursor cursor, struct mvt_layer *layer)
{
    while (cursor.at < cursor.end && !cursor.bad) {
        struct cursor inner;
        switch (varint(&cursor)) {
        case 15U << 3U:
            layer->version = (uint32_t)varint(&cursor);
            break;
        case 1U << 3U | 2U:
            inner = bytes(&cursor);
            if (inner.end - inner.at >= (ptrdiff_t)sizeof layer->name) {
                return false;
            }
            memcpy(layer->name, inner.at, (size_t)(inner.end - inner.at));
            break;
        case 2U << 3U | 2U:
            layer->features = append(layer->features, &layer->n_features, sizeof *layer->features);
            if (!read_feature(bytes(&cursor), &layer->features[layer->n_features - 1])) {
                return false;
            }
            break;
        case 3U << 3U | 2U:
            inner = bytes(&cursor);
            layer->keys = append(layer->keys, &layer->n_keys, sizeof *layer->keys);
            if (inner.end - inner.at >= (ptrdiff_t)sizeof *layer->keys) {
                return false;
            }
            memcpy(layer->keys[layer->n_keys - 1], inner.at, (size_t)(inner.end - inner.at));
            break;
        case 4U << 3U | 2U:
            layer->values = append(layer->values, &layer->n_values, sizeof *layer->values);
            if (!read_value(bytes(&cursor), &layer->values[layer->n_values - 1])) {
                return false;
            }
            break;
        case 5U << 3U:
            layer->extent = (uint32_t)varint(&cursor);
            break;
        default:
            return false;
        }
    }
    return !cursor.bad;
}

static bool
check_tags(const struct mvt_layer *layer)
{
    for (size_t i = 0; i < layer->n_features; i++) {
        for (size_t t = 0; t < layer->features[i].n_tags; t++) {
            if (layer->features[i].keys[t] >= layer->n_keys ||
                layer->features[i].values[t] >= layer->n_values) {
                return false;
            }
        }
    }
    return true;
}

bool
mvt_read(const void *data, size_t len, struct mvt_layer *ret_layer)
{
    struct cursor cursor = {.at = data, .end = (const uint8_t *)data + len};
    bool ok = true;
    memset(ret_layer, 0, sizeof *ret_layer);
    if (len == 0) {
        return true;
    }
    ok = varint(&cursor) == (3U << 3U | 2U) && read_layer(bytes(&cursor), ret_layer) &&
         !cursor.bad && cursor.at == cursor.end && check_tags(ret_layer);
    if (!ok) {
        mvt_done(ret_layer);
    }
    return ok;
}

bool
mvt_read_named(const void *data, size_t len, const char *name, struct mvt_layer *ret_layer)
{
    struct cursor cursor = {.at = data, .end = (const uint8_t *)data + len};
    memset(ret_layer, 0, sizeof *ret_layer);
    while (cursor.at != cursor.end) {
        struct mvt_layer layer = {0};
        if (varint(&cursor) != (3U << 3U | 2U) || !read_layer(bytes(&cursor), &layer) ||
            cursor.bad || !check_tags(&layer)) {
            mvt_done(&layer);
            mvt_done(ret_layer);
            return false;
        }
        if (strcmp(layer.name, name) == 0) {
            *ret_layer = layer;
        } else {
            mvt_done(&layer);
        }
    }
    return true;
}

void
mvt_done(struct mvt_layer *layer)
{
    free(layer->keys);
    free(layer->values);
    free(layer->features);
    memset(layer, 0, sizeof *layer);
}

const struct mvt_value *
mvt_tag(const struct mvt_layer *layer, const struct mvt_feature *feature, const char *key)
{
    for (size_t t = 0; t < feature->n_tags; t++) {
        if (strcmp(layer->keys[feature->keys[t]], key) == 0) {
            return &layer->values[feature->values[t]];
        }
    }
    return NULL;
}

static int32_t
unzigzag(uint64_t value)
{
    return (int32_t)((int64_t)(value >> 1U) ^ -(int64_t)(value & 1U));
}

bool
mvt_walk(const struct mvt_feature *feature,
         void (*each)(void *self, uint32_t command, int32_t x, int32_t y), void *self)
{
    struct cursor cursor = {.at = feature->geometry,
                            .end = feature->geometry + feature->geometry_len};
    int32_t x = 0;
    int32_t y = 0;
    while (cursor.at < cursor.end) {
        const uint64_t head = varint(&cursor);
        const uint32_t command = (uint32_t)(head & 7U);
        if (command == 7U) {
            each(self, command, x, y);
            continue;
        }
        if (command != 1U && command != 2U) {
            return false;
        }
        for (uint64_t i = 0; i < head >> 3U && !cursor.bad; i++) {
            x += unzigzag(varint(&cursor));
            y += unzigzag(varint(&cursor));
            each(self, command, x, y);
        }
        if (cursor.bad) {
            return false;
        }
    }
    return true;
}
