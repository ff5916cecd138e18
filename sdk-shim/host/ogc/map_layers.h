/* host/ogc/map_layers.h -- the layers that WMS and WMTS offer: those of the caller's collections
 * that have tiles and a style, and the offline base map where all of it may be read. */
#ifndef HOST_OGC_MAP_LAYERS_H
#define HOST_OGC_MAP_LAYERS_H

#include "host/ogc/map.h"

enum { HOST_MAP_LAYERS_MAX = 500 };
#define HOST_MAP_BASEMAP "basemap"

struct host_map_layer {
    char name[80]; /* "lpg.stations"; "basemap" */
    char style[64];
    char title_zh[160];
    char title_en[160];
    bool queryable;
    bool has_extent;
    double extent_deg[4]; /* of what the caller sees */
};

struct host_map_layers {
    size_t n;
    struct host_map_layer *items; /* owned */
};

/* Those that the caller may read, in order of name. */
cim_status host_map_layers_list(const struct host_ask *ask, struct host_map_layers *ret_layers,
                                cim_error *err);
void host_map_layers_done(struct host_map_layers *layers);
#define HOST_AUTO_LAYERS __attribute__((cleanup(host_map_layers_done)))
/* The style of a layer by its name. CIM_E_NOTFOUND: none of that name; CIM_E_DENIED. */
cim_status host_map_layer_style(const struct host_ask *ask, const char *name, char *out,
                                size_t out_size, cim_error *err);
/* The same where a client names it: "" and "default" are the layer's own; "STYLE-…" are those
 * beside it and their variants. Another one is CIM_E_NOTFOUND of `param`. */
cim_status host_map_layer_named_style(const struct host_ask *ask, const char *param,
                                      const char *name, const char *wanted, char *out,
                                      size_t out_size, cim_error *err);

#endif
