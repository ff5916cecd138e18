/* host/ogc/tile_share.h -- vector tiles in a Redis that several hosts have in common, behind the
 * cache in memory.
 *
 * A name in Redis is a digest of all that a tile is made from: the key of the cache (layer and its
 * position, what the caller may see, filters), the plugin's code and the layer's definition, and
 * the store's history up to that position. An edit gives another name, so that nothing has to be
 * dropped; what nobody asks for any more ends after HOST_TILE_SHARE_LIFE_MS. Redis that cannot be
 * asked is as if it held nothing.
 */
#ifndef HOST_OGC_TILE_SHARE_H
#define HOST_OGC_TILE_SHARE_H

#include "host/ogc/ask.h"
#include "host/ogc/tile_cache.h"

enum {
    HOST_TILE_SHARE_WAIT_MS = 100,
    HOST_TILE_SHARE_LIFE_MS = 3600000,
    HOST_TILE_SHARE_BYTES_MAX = 1 << 20, /* a larger tile is not put there */
    HOST_TILE_SHARE_NAME_SIZE = 65
};

struct host_tile_share;

/* *ret_share stays NULL where `url` is empty. Fails where it is no address. */
cim_status host_tile_share_open(struct host_store *store, const char *url,
                                struct host_tile_share **ret_share, cim_error *err);
void host_tile_share_close(struct host_tile_share *share); /* NULL-safe */

/* The name of a tile by its key in the cache; false: it is not shared. [worker] */
bool host_tile_share_name(struct host_tile_share *share, const struct host_layer *layer,
                          const char *key, char ret_name[HOST_TILE_SHARE_NAME_SIZE]);
/* NULL: it is not there. [worker] */
struct host_tile *host_tile_share_get(struct host_tile_share *share, const char *name,
                                      const char *mime);
void host_tile_share_put(struct host_tile_share *share, const char *name, struct host_tile *tile);

#endif
