/* plugin/map/mvt.h -- writing one layer of a Mapbox Vector Tile (specification 2.1). */
#ifndef LPG_MAP_MVT_H
#define LPG_MAP_MVT_H

#include "kit/buf.h"

#include <stdbool.h>

enum {
    LPG_MVT_EXTENT = 4096,
    LPG_MVT_BYTES_MAX = 32 << 20,
    LPG_MVT_VALUES_MAX = 1 << 20 /* distinct values of one layer */
};

enum lpg_mvt_type { LPG_MVT_POINT = 1, LPG_MVT_LINE = 2, LPG_MVT_POLYGON = 3 };

struct lpg_mvt;

cim_status lpg_mvt_new(const char *layer_name, struct lpg_mvt **ret_mvt, cim_error *err);
void lpg_mvt_free(struct lpg_mvt *mvt); /* NULL-safe */

/* Keys are numbered once per layer; the text is borrowed until finish. */
uint32_t lpg_mvt_key(struct lpg_mvt *mvt, const char *key);
/* Values are deduplicated. */
uint32_t lpg_mvt_value_text(struct lpg_mvt *mvt, const char *text);
uint32_t lpg_mvt_value_int(struct lpg_mvt *mvt, int64_t value);
uint32_t lpg_mvt_value_double(struct lpg_mvt *mvt, double value);
uint32_t lpg_mvt_value_bool(struct lpg_mvt *mvt, bool value);

/* One feature: begin, tags and geometry commands in any order, end. Coordinates are tile units. */
void lpg_mvt_begin(struct lpg_mvt *mvt, enum lpg_mvt_type type, uint64_t id);
void lpg_mvt_tag(struct lpg_mvt *mvt, uint32_t key, uint32_t value);
void lpg_mvt_point(struct lpg_mvt *mvt, int32_t x, int32_t y);
/* A line of at least two positions; for polygons a ring without its closing position. */
void lpg_mvt_path(struct lpg_mvt *mvt, const int32_t *xy, size_t n_positions, bool close);
/* Drops the feature when nothing was drawn. */
void lpg_mvt_end(struct lpg_mvt *mvt);

/* Appends the layer to a tile that may hold others; nothing when no feature was written. */
cim_status lpg_mvt_append(struct lpg_mvt *mvt, struct cim_buf *tile, cim_error *err);
/* The tile; an empty blob when no feature was written. Frees nothing. */
cim_status lpg_mvt_finish(struct lpg_mvt *mvt, cim_blob *ret_tile, cim_error *err);

#endif
