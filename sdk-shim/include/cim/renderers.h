/* cim/renderers.h -- cim.renderers/1: tiles of layers. */
#ifndef CIM_RENDERERS_H
#define CIM_RENDERERS_H

#include "cim/call.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_RENDERERS "cim.renderers/1"

enum { CIM_TMS_WEB_MERCATOR_QUAD = 1, CIM_TMS_WORLD_CRS84_QUAD = 2, CIM_TMS_CGCS2000_QUAD = 3 };
enum { CIM_TILE_KEY_MAX = 64, CIM_TILE_ZOOM_MAX = 22 };

typedef struct cim_tile_request {
    uint32_t struct_size;
    uint32_t tms; /* CIM_TMS_… */
    uint32_t z;
    uint32_t row;
    uint32_t col;
    uint32_t reserved;
    const char *layer;
    const char *area;        /* area code: records in it or below; NULL: all */
    const char *filter_json; /* CQL2 JSON; NULL: none */
} cim_tile_request;

typedef struct cim_renderer {
    uint32_t struct_size;
    uint32_t flags; /* zero */
    const char *id;
    const char *const *layers; /* NULL-terminated ids whose tiles it draws */
    /* Text that names the tile's exact content for this caller: same key, same features with the
     * same values, though their order in the bytes may differ. Never blocks, so that the host can
     * answer a cached tile on its event thread; it may ask cim.access/1 for the scope of another
     * layer that the tile shows. CIM_E_STATE: not known yet, ask tile(). [any] */
    cim_status (*tile_key)(void *self, const cim_call *call, const cim_tile_request *request,
                           char ret_key[CIM_TILE_KEY_MAX]);
    /* Mapbox Vector Tile 2.1, not compressed; an empty tile has len 0. [worker] */
    cim_status (*tile)(void *self, const cim_call *call, const cim_tile_request *request,
                       cim_blob *ret_tile, cim_error *err);
    void *self;
} cim_renderer;

typedef struct cim_renderers_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Copies *renderer and its lists. Fails like add_layer. [lifecycle] */
    cim_status (*add_renderer)(const cim_host *host, const cim_renderer *renderer, cim_error *err);
} cim_renderers_v1;

#ifdef __cplusplus
}
#endif
#endif
