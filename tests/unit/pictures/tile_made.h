/* tests/unit/pictures/tile_made.h -- vector tiles written by hand, one layer each. */
#ifndef TESTS_PICTURES_TILE_MADE_H
#define TESTS_PICTURES_TILE_MADE_H

#include "kit/buf.h"

#include <stdint.h>

/* A feature: type 1 point, 2 line, 3 polygon; `xy` in tile units (4096); `text` of the attribute
 * "name", or NULL; `number` of the attribute "n". */
struct made_feature {
    uint32_t type;
    size_t n_points;
    const int32_t *xy;
    const char *text;
    uint32_t number;
};

void tile_make(struct cim_buf *out, const char *layer, const struct made_feature *features,
               size_t n);

#endif
