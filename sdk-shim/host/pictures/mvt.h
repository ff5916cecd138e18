/* host/pictures/mvt.h -- reads Mapbox Vector Tiles 2.1, as they come from a renderer.
 *
 * A read tile points into its bytes. Anything that is not as the specification says is refused:
 * a plugin's bytes are no more trusted than a client's.
 */
#ifndef HOST_PICTURES_MVT_H
#define HOST_PICTURES_MVT_H

#include "cim/base.h"
#include "host/pictures/value.h"

#include <stdint.h>

enum { HOST_MVT_POINT = 1, HOST_MVT_LINE = 2, HOST_MVT_POLYGON = 3 };
enum {
    HOST_MVT_LAYERS_MAX = 64,
    HOST_MVT_FEATURES_MAX = 1 << 20, /* of one layer */
    HOST_MVT_VERTICES_MAX = 1 << 22  /* of one feature */
};

struct host_mvt_slice {
    const uint8_t *at;
    size_t len;
};

struct host_mvt_feature {
    uint64_t id; /* 0: none */
    uint32_t type;
    struct host_mvt_slice tags;
    struct host_mvt_slice geometry;
};

struct host_mvt_layer {
    struct host_mvt_slice name;
    uint32_t extent;
    size_t n_keys;
    struct host_mvt_slice *keys;
    size_t n_values;
    struct host_pic_value *values;
    size_t n_features;
    struct host_mvt_feature *features;
};

struct host_mvt {
    size_t n_layers;
    struct host_mvt_layer *layers;
};

cim_status host_mvt_read(const void *data, size_t len, struct host_mvt *ret_tile, cim_error *err);
void host_mvt_done(struct host_mvt *tile); /* zeroed or read */
/* NULL: the tile has none of that name. */
const struct host_mvt_layer *host_mvt_layer(const struct host_mvt *tile, const char *name);
/* Null where the feature has no such attribute. */
struct host_pic_value host_mvt_get(const struct host_mvt_layer *layer,
                                   const struct host_mvt_feature *feature, const char *name,
                                   size_t name_len);

/* Paths of a geometry in tile units: lines, rings, or one point each. Reused from call to call. */
struct host_mvt_paths {
    size_t n_points;
    size_t points_capacity;
    double *xy; /* x, y */
    size_t n_paths;
    size_t paths_capacity;
    size_t *ends; /* path i is points ends[i - 1] … ends[i] */
};
cim_status host_mvt_geometry(const struct host_mvt_feature *feature, struct host_mvt_paths *paths,
                             cim_error *err);
void host_mvt_paths_done(struct host_mvt_paths *paths);
/* For what builds paths of its own. */
cim_status host_mvt_paths_add(struct host_mvt_paths *paths, double x, double y, cim_error *err);
cim_status host_mvt_paths_end(struct host_mvt_paths *paths, cim_error *err);

#endif
