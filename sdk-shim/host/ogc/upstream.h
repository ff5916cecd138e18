/* host/ogc/upstream.h -- tiles of the national base map, fetched for the client so that the key
 * stays here: time-outs, a size limit, a bound on workers that wait, a cache of its own. */
#ifndef HOST_OGC_UPSTREAM_H
#define HOST_OGC_UPSTREAM_H

#include "cim/base.h"

#include <stdbool.h>

struct host_config;
struct host_upstream;
struct host_tile;

cim_status host_upstream_new(const struct host_config *config, struct host_upstream **ret_upstream,
                             cim_error *err);
void host_upstream_free(struct host_upstream *upstream); /* NULL-safe */
/* Is a key configured? */
bool host_upstream_enabled(const struct host_upstream *upstream);
/* A layer name of Tianditu that we pass on: vec cva img cia ter cta ibo. */
bool host_upstream_has_layer(const char *layer);
/* One tile of the Mercator grid, z 1 to 18; the caller unrefs. CIM_E_STATE: no key; CIM_E_BUSY: too
 * many wait already, or it does not answer; CIM_E_NOTFOUND: there is no such tile. [worker] */
cim_status host_upstream_tile(struct host_upstream *upstream, const char *layer,
                              const uint32_t address[3], struct host_tile **ret_tile,
                              cim_error *err);

#endif
