/* tests/support/mvt_read.h -- a plain reader of vector tiles, written against the specification and
 * not against our writer, for tests to look into tiles. */
#ifndef TESTS_MVT_READ_H
#define TESTS_MVT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MVT_TAGS_MAX = 64 };

struct mvt_value {
    char kind; /* 't' text, 'i' integer, 'd' double, 'b' boolean */
    int64_t i64;
    double f64;
    const char *text; /* not NUL-terminated */
    size_t len;
};

struct mvt_feature {
    uint64_t id;
    uint32_t type;
    size_t n_tags;
    uint32_t keys[MVT_TAGS_MAX];
    uint32_t values[MVT_TAGS_MAX];
    const uint8_t *geometry;
    size_t geometry_len;
};

struct mvt_layer {
    char name[100];
    uint32_t version;
    uint32_t extent;
    size_t n_keys;
    char (*keys)[100];
    size_t n_values;
    struct mvt_value *values;
    size_t n_features;
    struct mvt_feature *features;
};

/* Reads the only layer of a tile; an empty tile gives no features. False when it is malformed. */
bool mvt_read(const void *data, size_t len, struct mvt_layer *ret_layer);
/* Reads the layer of that name among those of a tile; without it there are no features. */
bool mvt_read_named(const void *data, size_t len, const char *name, struct mvt_layer *ret_layer);
void mvt_done(struct mvt_layer *layer);
/* NULL when the feature has no such key. */
const struct mvt_value *mvt_tag(const struct mvt_layer *layer, const struct mvt_feature *feature,
                                const char *key);
/* Walks the commands: `each` gets the command (1 move, 2 line, 7 close) and the position. False
 * when they are malformed. */
bool mvt_walk(const struct mvt_feature *feature,
              void (*each)(void *self, uint32_t command, int32_t x, int32_t y), void *self);

#endif
