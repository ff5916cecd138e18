/* host/ogc/tile_fetch.h -- one vector tile for one caller, by way of the cache: what the tile route
 * sends and pictures are drawn from. */
#ifndef HOST_OGC_TILE_FETCH_H
#define HOST_OGC_TILE_FETCH_H

#include "host/ogc/ask.h"
#include "host/ogc/tile_cache.h"

extern const char host_mvt_mime[];

/* The key under which the tile's content is known for this caller; false: it is not, ask for it
 * with `key` NULL. [any] */
bool host_tile_known(const struct host_visit *visit, const cim_tile_request *request,
                     char ret_key[HOST_TILE_CACHE_KEY_MAX]);
/* A reference in *ret_tile. `key` as host_tile_known() told, or NULL: not cached. [worker] */
cim_status host_tile_fetch(const struct host_visit *visit, struct host_ogc *ogc,
                           const cim_tile_request *request, const char *key,
                           struct host_tile **ret_tile, cim_error *err);

/* `area` and attribute filters of a query over a layer: refused where they are wrong, or where they
 * would tell what the caller does not see. `also`: other names that are allowed (NULL-terminated).
 * The results are owned. */
cim_status host_tile_filters(const struct host_ask *ask, const struct host_visit *visit,
                             const char *const *also, char **ret_area, char **ret_filter,
                             cim_error *err);
/* A weak tag of a key; and is it among those of If-None-Match? */
void host_tile_etag(const char *key, char ret_etag[24]);
bool host_tile_has_tag(const char *if_none_match, const char *etag);

#endif
