/* plugin/map/map.h -- tiles of layers from snapshots in memory, one per layer.
 *
 * A snapshot is built from the store when it is first asked for; when the layer's position has
 * moved on, one of points follows by the change log and others are built again. Readers hold it by
 * reference count, so that none is freed under them.
 */
#ifndef LPG_MAP_MAP_H
#define LPG_MAP_MAP_H

#include "cim/access.h"
#include "cim/layers.h"
#include "cim/renderers.h"
#include "cim/store.h"
#include "kit/definition.h"

struct lpg_map;

/* What the map reads a layer through: the same callbacks that the host calls. */
struct lpg_map_layer {
    const struct cim_definition *def;
    cim_layer layer;
};

/* Copies `layers` (the definitions stay borrowed). */
cim_status lpg_map_new(const cim_host *host, const struct lpg_map_layer *layers, size_t n_layers,
                       struct lpg_map **ret_map, cim_error *err);
void lpg_map_free(struct lpg_map *map); /* NULL-safe */
/* One thread that loads the layers before they are asked for, merges what edits left beside them
 * and writes large ones to files in the host's cache_dir. Without it the map works, and loads a
 * layer when too much waits. [lifecycle] */
cim_status lpg_map_start(struct lpg_map *map, cim_error *err);
void lpg_map_stop(struct lpg_map *map); /* NULL-safe */

/* What a cluster of the layer's tiles stands for, of what the caller may see now: `call` has the
 * scope, area and filter as of a tile. `skip` and `limit` page the records. [worker] */
struct lpg_cluster;
cim_status lpg_map_cluster(struct lpg_map *map, const cim_call *call, const char *layer,
                           const char *area, const char *filter_json, int64_t id, uint64_t skip,
                           uint32_t limit, struct lpg_cluster *ret_cluster, cim_error *err);

/* The callbacks of cim_renderer; `self` is the map. */
cim_status lpg_map_tile_key(void *self, const cim_call *call, const cim_tile_request *request,
                            char ret_key[CIM_TILE_KEY_MAX]);
cim_status lpg_map_tile(void *self, const cim_call *call, const cim_tile_request *request,
                        cim_blob *ret_tile, cim_error *err);

#endif
