/* tests/unit/pictures/tile_made.c -- see tile_made.h. */
#include "tile_made.h"

#include <string.h>

static void
varint(struct cim_buf *out, uint64_t value)
{
    while (value >= 0x80) {
        cim_buf_add_char(out, (char)(value | 0x80));
        value >>= 7;
    }
    cim_buf_add_char(out, (char)value);
}

static void
bytes(struct cim_buf *out, uint32_t field, const void *data, size_t len)
{
    varint(out, field << 3 | 2);
    varint(out, len);
    cim_buf_add(out, data, len);
}

static uint64_t
zigzag(int32_t value)
{
    return (uint64_t)((uint32_t)value << 1 ^ (uint32_t)(value >> 31));
}

static void
geometry(struct cim_buf *out, const struct made_feature *feature)
{
    int32_t x = 0;
    int32_t y = 0;
    for (size_t i = 0; i < feature->n_points; i++) {
        if (i == 0) {
            varint(out, 1 << 3 | 1);
        } else if (i == 1) {
            varint(out, (feature->n_points - 1) << 3 | 2);
        }
        varint(out, zigzag(feature->xy[2 * i] - x));
        varint(out, zigzag(feature->xy[2 * i + 1] - y));
        x = feature->xy[2 * i];
        y = feature->xy[2 * i + 1];
    }
    if (feature->type == 3) {
        varint(out, 1 << 3 | 7);
    }
}

static void
add_feature(struct cim_buf *layer, const struct made_feature *feature, uint32_t number)
{
    struct cim_buf message;
    struct cim_buf part;
    cim_buf_init(&message, 1 << 20);
    cim_buf_init(&part, 1 << 20);
    varint(&message, 1 << 3);
    varint(&message, number + 1);
    if (feature->text != NULL) {
        varint(&part, 0);
        varint(&part, 2 * (uint64_t)number);
    }
    varint(&part, 1);
    varint(&part, 2 * (uint64_t)number + 1);
    bytes(&message, 2, part.data, part.len);
    varint(&message, 3 << 3);
    varint(&message, feature->type);
    cim_buf_clear(&part);
    geometry(&part, feature);
    bytes(&message, 4, part.data, part.len);
    bytes(layer, 2, message.data, message.len);
    cim_buf_done(&part);
    cim_buf_done(&message);
}

void
tile_make(struct cim_buf *out, const char *name, const struct made_feature *features, size_t n)
{
    struct cim_buf layer;
    struct cim_buf value;
    cim_buf_init(&layer, 1 << 20);
    cim_buf_init(&value, 1 << 16);
    varint(&layer, 15 << 3);
    varint(&layer, 2);
    bytes(&layer, 1, name, strlen(name));
    bytes(&layer, 3, "name", 4);
    bytes(&layer, 3, "n", 1);
    for (uint32_t i = 0; i < n; i++) {
        const char *text = features[i].text != NULL ? features[i].text : "";
        add_feature(&layer, &features[i], i);
        cim_buf_clear(&value);
        bytes(&value, 1, text, strlen(text));
        bytes(&layer, 4, value.data, value.len);
        cim_buf_clear(&value);
        varint(&value, 5 << 3);
        varint(&value, features[i].number);
        bytes(&layer, 4, value.data, value.len);
    }
    bytes(out, 3, layer.data, layer.len);
    cim_buf_done(&value);
    cim_buf_done(&layer);
}
