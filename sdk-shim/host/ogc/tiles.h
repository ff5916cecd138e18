/* host/ogc/tiles.h -- between the routes of tiles of one collection and of several. */
#ifndef HOST_OGC_TILES_H
#define HOST_OGC_TILES_H

#include "host/ogc/ask.h"
#include "host/ogc/tile_cache.h"

/* Sends it plain or gzipped, as the client takes it; 204 when it is empty. */
cim_status host_tile_send(cim_http_req *req, struct host_tile *tile, cim_error *err);
/* Of what the caller may see; *ret_has false: nothing with a geometry. */
cim_status host_tile_extent(const struct host_visit *visit, double ret_bbox_deg[4], bool *ret_has,
                            cim_error *err);

#endif
