/* host/ogc/tile_cache.h -- bytes of tiles in memory: least recently used go first, identical misses
 * are computed once, and what is being sent stays alive after it was dropped. */
#ifndef HOST_OGC_TILE_CACHE_H
#define HOST_OGC_TILE_CACHE_H

#include "cim/base.h"

#include <stdbool.h>

enum { HOST_TILE_CACHE_KEY_MAX = 768, HOST_TILE_MIME_MAX = 64 };

struct host_tile_cache;
struct host_tile;

/* ---- one tile, counted references ---- */

/* Takes *bytes (also on failure). `until_ms` on the monotonic clock: not used after; INT64_MAX. */
struct host_tile *host_tile_new(cim_blob *bytes, const char *mime, int64_t until_ms);
struct host_tile *host_tile_ref(struct host_tile *tile);
void host_tile_unref(struct host_tile *tile); /* NULL-safe */
bool host_tile_stale(const struct host_tile *tile);
/* Bytes that it takes in memory, a gzipped copy included. */
uint64_t host_tile_cost(const struct host_tile *tile);
const char *host_tile_mime(const struct host_tile *tile);
uint64_t host_tile_len(const struct host_tile *tile);
/* The bytes as a response body that holds a reference. */
void host_tile_body(struct host_tile *tile, cim_blob *ret_body);
/* The same gzipped, made once; false where that would not pay or memory is out. */
bool host_tile_gzip_body(struct host_tile *tile, cim_blob *ret_body);

/* ---- the cache [any] ---- */

struct host_tile_cache *host_tile_cache_new(uint64_t max_bytes); /* NULL: out of memory */
void host_tile_cache_free(struct host_tile_cache *cache);
/* CIM_OK and a reference in *ret_tile: there it is. CIM_OK and NULL: the caller has to make it, and
 * then calls put or abandon with the same key. While another does so, waits at most `wait_ms`;
 * CIM_E_BUSY after that. */
cim_status host_tile_cache_get(struct host_tile_cache *cache, const char *key, int64_t wait_ms,
                               struct host_tile **ret_tile, cim_error *err);
/* Keeps a reference of its own. */
void host_tile_cache_put(struct host_tile_cache *cache, const char *key, struct host_tile *tile);
void host_tile_cache_abandon(struct host_tile_cache *cache, const char *key);

struct host_tile_cache_stats {
    int64_t hits;
    int64_t misses;
    int64_t waits;
    int64_t entries;
    int64_t bytes;
};
void host_tile_cache_stats(struct host_tile_cache *cache, struct host_tile_cache_stats *ret_stats);

#endif
