/* plugin/map/mvt.c -- see mvt.h. Field numbers are those of vector_tile.proto 2.1. */
#include "map/mvt.h"

#include "cim/util.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };
enum { TILE_LAYERS = 3 };
enum {
    LAYER_NAME = 1,
    LAYER_FEATURES = 2,
    LAYER_KEYS = 3,
    LAYER_VALUES = 4,
    LAYER_EXTENT = 5,
    LAYER_VERSION = 15
};
enum { FEATURE_ID = 1, FEATURE_TAGS = 2, FEATURE_TYPE = 3, FEATURE_GEOMETRY = 4 };
enum { VALUE_TEXT = 1, VALUE_DOUBLE = 3, VALUE_INT = 4, VALUE_BOOL = 7 };
enum { COMMAND_MOVE = 1, COMMAND_LINE = 2, COMMAND_CLOSE = 7 };
enum { KEYS_MAX = 512, VARINT_MAX = 10 };

struct lpg_mvt {
    struct cim_buf features; /* finished LAYER_FEATURES fields */
    struct cim_buf values;   /* finished LAYER_VALUES fields */
    struct cim_buf tags;     /* of the feature at hand, packed */
    struct cim_buf geometry;
    struct cim_buf field; /* scratch of lpg_mvt_value_text() */
    const char *name;
    const char *keys[KEYS_MAX];
    uint32_t n_keys;
    /* Open hash of values: start and length in `values`, 0 length = free slot. */
    struct value_slot {
        uint32_t start;
        uint32_t len;
        uint32_t index;
    } * slots;
    uint32_t n_slots; /* power of two */
    uint32_t n_values;
    enum lpg_mvt_type type;
    uint64_t id;
    int32_t cursor_x;
    int32_t cursor_y;
    cim_status failed;
};

static size_t
write_varint(char bytes[VARINT_MAX], uint64_t value)
{
    size_t n = 0;
    while (value >= 0x80U) {
        bytes[n++] = (char)(uint8_t)(value | 0x80U);
        value >>= 7U;
    }
    bytes[n++] = (char)(uint8_t)value;
    return n;
}

static size_t
varint_size(uint64_t value)
{
    size_t n = 1;
    while (value >= 0x80U) {
        value >>= 7U;
        n++;
    }
    return n;
}

static void
put_varint(struct cim_buf *out, uint64_t value)
{
    char bytes[VARINT_MAX];
    cim_buf_add(out, bytes, write_varint(bytes, value));
}

static void
put_tag(struct cim_buf *out, uint32_t field, uint32_t wire)
{
    put_varint(out, ((uint64_t)field << 3U) | wire);
}

static void
put_bytes(struct cim_buf *out, uint32_t field, const void *data, size_t len)
{
    put_tag(out, field, WIRE_BYTES);
    put_varint(out, len);
    cim_buf_add(out, data, len);
}

static uint64_t
zigzag(int64_t value)
{
    return ((uint64_t)value << 1U) ^ (uint64_t)(value >> 63U);
}

cim_status
lpg_mvt_new(const char *layer_name, struct lpg_mvt **ret_mvt, cim_error *err)
{
    struct lpg_mvt *mvt = calloc(1, sizeof *mvt);
    if (mvt == NULL) {
        return cim_fail_nomem(err);
    }
    mvt->n_slots = 256;
    mvt->slots = calloc(mvt->n_slots, sizeof *mvt->slots);
    if (mvt->slots == NULL) {
        free(mvt);
        return cim_fail_nomem(err);
    }
    mvt->name = layer_name;
    cim_buf_init(&mvt->features, LPG_MVT_BYTES_MAX);
    cim_buf_init(&mvt->values, LPG_MVT_BYTES_MAX);
    cim_buf_init(&mvt->tags, LPG_MVT_BYTES_MAX);
    cim_buf_init(&mvt->geometry, LPG_MVT_BYTES_MAX);
    cim_buf_init(&mvt->field, LPG_MVT_BYTES_MAX);
    *ret_mvt = mvt;
    return CIM_OK;
}

void
lpg_mvt_free(struct lpg_mvt *mvt)
{
    if (mvt == NULL) {
        return;
    }
    cim_buf_done(&mvt->features);
    cim_buf_done(&mvt->values);
    cim_buf_done(&mvt->tags);
    cim_buf_done(&mvt->geometry);
    cim_buf_done(&mvt->field);
    free(mvt->slots);
    free(mvt);
}

uint32_t
lpg_mvt_key(struct lpg_mvt *mvt, const char *key)
{
    for (uint32_t i = 0; i < mvt->n_keys; i++) {
        if (strcmp(mvt->keys[i], key) == 0) {
            return i;
        }
    }
    if (mvt->n_keys == KEYS_MAX) {
        mvt->failed = CIM_E_TOO_LARGE;
        return 0;
    }
    mvt->keys[mvt->n_keys] = key;
    return mvt->n_keys++;
}

static uint64_t
hash_bytes(const char *data, size_t len)
{
    uint64_t hash = 0xCBF29CE484222325ULL; /* FNV-1a */
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)data[i]) * 0x100000001B3ULL;
    }
    return hash ^ (hash >> 32U);
}

static struct value_slot *
find_slot(struct value_slot *slots, uint32_t n_slots, const char *values, const char *data,
          size_t len)
{
    uint32_t i = (uint32_t)hash_bytes(data, len) & (n_slots - 1);
    while (slots[i].len != 0 &&
           (slots[i].len != len || memcmp(values + slots[i].start, data, len) != 0)) {
        i = (i + 1) & (n_slots - 1);
    }
    return &slots[i];
}

static bool
grow_slots(struct lpg_mvt *mvt)
{
    const uint32_t n = mvt->n_slots * 2;
    struct value_slot *slots = calloc(n, sizeof *slots);
    if (slots == NULL) {
        mvt->failed = CIM_E_NOMEM;
        return false;
    }
    for (uint32_t i = 0; i < mvt->n_slots; i++) {
        if (mvt->slots[i].len != 0) {
            *find_slot(slots, n, mvt->values.data, mvt->values.data + mvt->slots[i].start,
                       mvt->slots[i].len) = mvt->slots[i];
        }
    }
    free(mvt->slots);
    mvt->slots = slots;
    mvt->n_slots = n;
    return true;
}

/* Number of the value whose field of the layer this is. */
static uint32_t
intern_field(struct lpg_mvt *mvt, const char *field, size_t len)
{
    struct value_slot *slot;
    if (mvt->failed != CIM_OK) {
        return 0;
    }
    slot = find_slot(mvt->slots, mvt->n_slots, mvt->values.data, field, len);
    if (slot->len != 0) {
        return slot->index;
    }
    if (mvt->n_values == LPG_MVT_VALUES_MAX) {
        mvt->failed = CIM_E_TOO_LARGE;
        return 0;
    }
    if (mvt->n_values * 2 >= mvt->n_slots) {
        if (!grow_slots(mvt)) {
            return 0;
        }
        slot = find_slot(mvt->slots, mvt->n_slots, mvt->values.data, field, len);
    }
    *slot = (struct value_slot){
        .start = (uint32_t)mvt->values.len, .len = (uint32_t)len, .index = mvt->n_values};
    cim_buf_add(&mvt->values, field, len);
    return mvt->n_values++;
}

uint32_t
lpg_mvt_value_text(struct lpg_mvt *mvt, const char *text)
{
    const size_t len = strlen(text);
    cim_buf_clear(&mvt->field);
    put_tag(&mvt->field, LAYER_VALUES, WIRE_BYTES);
    put_varint(&mvt->field, 1 + varint_size(len) + len);
    put_bytes(&mvt->field, VALUE_TEXT, text, len);
    return mvt->field.failed == CIM_OK ? intern_field(mvt, mvt->field.data, mvt->field.len) : 0;
}

/* A tile has some hundred numbers; they are put together here, at a tenth of what buffers take. */
static uint32_t
intern_scalar(struct lpg_mvt *mvt, uint32_t value_field, uint32_t wire, uint64_t bits)
{
    char field[3 + VARINT_MAX] = {LAYER_VALUES << 3 | WIRE_BYTES};
    size_t n = 3;
    field[2] = (char)(value_field << 3U | wire);
    if (wire == WIRE_FIXED64) {
        for (unsigned i = 0; i < 8; i++) {
            field[n++] = (char)(uint8_t)(bits >> (8U * i));
        }
    } else {
        n += write_varint(field + n, bits);
    }
    field[1] = (char)(n - 2);
    return intern_field(mvt, field, n);
}

uint32_t
lpg_mvt_value_int(struct lpg_mvt *mvt, int64_t value)
{
    return intern_scalar(mvt, VALUE_INT, WIRE_VARINT, (uint64_t)value);
}

uint32_t
lpg_mvt_value_double(struct lpg_mvt *mvt, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return intern_scalar(mvt, VALUE_DOUBLE, WIRE_FIXED64, bits);
}

uint32_t
lpg_mvt_value_bool(struct lpg_mvt *mvt, bool value)
{
    return intern_scalar(mvt, VALUE_BOOL, WIRE_VARINT, value ? 1 : 0);
}

void
lpg_mvt_begin(struct lpg_mvt *mvt, enum lpg_mvt_type type, uint64_t id)
{
    cim_buf_clear(&mvt->tags);
    cim_buf_clear(&mvt->geometry);
    mvt->type = type;
    mvt->id = id;
    mvt->cursor_x = 0;
    mvt->cursor_y = 0;
}

void
lpg_mvt_tag(struct lpg_mvt *mvt, uint32_t key, uint32_t value)
{
    char bytes[2 * VARINT_MAX];
    const size_t n = write_varint(bytes, key);
    cim_buf_add(&mvt->tags, bytes, n + write_varint(bytes + n, value));
}

static void
put_command(struct lpg_mvt *mvt, uint32_t command, size_t count)
{
    put_varint(&mvt->geometry, ((uint64_t)count << 3U) | command);
}

static void
put_position(struct lpg_mvt *mvt, int32_t x, int32_t y)
{
    put_varint(&mvt->geometry, zigzag((int64_t)x - mvt->cursor_x));
    put_varint(&mvt->geometry, zigzag((int64_t)y - mvt->cursor_y));
    mvt->cursor_x = x;
    mvt->cursor_y = y;
}

void
lpg_mvt_point(struct lpg_mvt *mvt, int32_t x, int32_t y)
{
    put_command(mvt, COMMAND_MOVE, 1);
    put_position(mvt, x, y);
}

void
lpg_mvt_path(struct lpg_mvt *mvt, const int32_t *xy, size_t n_positions, bool close)
{
    put_command(mvt, COMMAND_MOVE, 1);
    put_position(mvt, xy[0], xy[1]);
    put_command(mvt, COMMAND_LINE, n_positions - 1);
    for (size_t i = 1; i < n_positions; i++) {
        put_position(mvt, xy[2 * i], xy[2 * i + 1]);
    }
    if (close) {
        put_command(mvt, COMMAND_CLOSE, 1);
    }
}

void
lpg_mvt_end(struct lpg_mvt *mvt)
{
    size_t len;
    if (mvt->geometry.len == 0) {
        return;
    }
    len = 1 + varint_size(mvt->id) + 2 + 1 + varint_size(mvt->geometry.len) + mvt->geometry.len;
    if (mvt->tags.len > 0) {
        len += 1 + varint_size(mvt->tags.len) + mvt->tags.len;
    }
    put_tag(&mvt->features, LAYER_FEATURES, WIRE_BYTES);
    put_varint(&mvt->features, len);
    put_tag(&mvt->features, FEATURE_ID, WIRE_VARINT);
    put_varint(&mvt->features, mvt->id);
    if (mvt->tags.len > 0) {
        put_bytes(&mvt->features, FEATURE_TAGS, mvt->tags.data, mvt->tags.len);
    }
    put_tag(&mvt->features, FEATURE_TYPE, WIRE_VARINT);
    put_varint(&mvt->features, mvt->type);
    put_bytes(&mvt->features, FEATURE_GEOMETRY, mvt->geometry.data, mvt->geometry.len);
}

cim_status
lpg_mvt_append(struct lpg_mvt *mvt, struct cim_buf *tile, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf layer;
    cim_buf_init(&layer, LPG_MVT_BYTES_MAX);
    if (mvt->failed != CIM_OK) {
        return cim_fail(err, mvt->failed, "tile", NULL, "瓦片属性值过多",
                        "too many values in tile");
    }
    CIM_TRY(cim_buf_status(&mvt->features, err));
    CIM_TRY(cim_buf_status(&mvt->values, err));
    CIM_TRY(cim_buf_status(&mvt->tags, err));
    CIM_TRY(cim_buf_status(&mvt->geometry, err));
    CIM_TRY(cim_buf_status(&mvt->field, err));
    if (mvt->features.len > 0) {
        put_tag(&layer, LAYER_VERSION, WIRE_VARINT);
        put_varint(&layer, 2);
        put_bytes(&layer, LAYER_NAME, mvt->name, strlen(mvt->name));
        cim_buf_add(&layer, mvt->features.data, mvt->features.len);
        for (uint32_t i = 0; i < mvt->n_keys; i++) {
            put_bytes(&layer, LAYER_KEYS, mvt->keys[i], strlen(mvt->keys[i]));
        }
        cim_buf_add(&layer, mvt->values.data, mvt->values.len);
        put_tag(&layer, LAYER_EXTENT, WIRE_VARINT);
        put_varint(&layer, LPG_MVT_EXTENT);
        CIM_TRY(cim_buf_status(&layer, err));
        put_bytes(tile, TILE_LAYERS, layer.data, layer.len);
    }
    return cim_buf_status(tile, err);
}

cim_status
lpg_mvt_finish(struct lpg_mvt *mvt, cim_blob *ret_tile, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf tile;
    cim_buf_init(&tile, LPG_MVT_BYTES_MAX);
    CIM_TRY(lpg_mvt_append(mvt, &tile, err));
    cim_buf_to_blob(&tile, ret_tile);
    return CIM_OK;
}
