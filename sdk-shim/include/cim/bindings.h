/* cim/bindings.h -- cim.bindings/1: where the records that a plugin works on come from.
 *
 * The manifest names a plugin's inputs: roles, each a layer of the plugin or a raster. An
 * administrator may bind a role to a dataset of the platform; the platform then keeps the layer, or
 * a file, equal to it. Results that used it say so: an answer without its source cannot be checked.
 */
#ifndef CIM_BINDINGS_H
#define CIM_BINDINGS_H

#include "cim/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_BINDINGS "cim.bindings/1"

enum { CIM_BINDING_FAILING = 1 /* the last refresh failed: this is an older copy */ };

typedef struct cim_binding {
    uint32_t struct_size;
    uint32_t flags;  /* CIM_BINDING_… */
    int64_t good_ms; /* when the copy was fetched; 0: nothing was yet */
    char name[256];  /* of the source, as people know it */
    char role[128];  /* of the manifest */
    char path[4096]; /* of a raster's copy (GeoTIFF); "": none, or the input is a layer */
} cim_binding;

typedef struct cim_bindings_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* `input`: a role of the manifest, or the layer that it names. CIM_E_NOTFOUND: it is not bound,
     * the records are the layer's own. [worker] */
    cim_status (*get)(const cim_host *host, const char *input, cim_binding *ret_binding,
                      cim_error *err);
} cim_bindings_v1;

#ifdef __cplusplus
}
#endif
#endif
