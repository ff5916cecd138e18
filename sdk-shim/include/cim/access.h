/* cim/access.h -- cim.access/1: scopes, function points and the tree of areas. */
#ifndef CIM_ACCESS_H
#define CIM_ACCESS_H

#include "cim/call.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_ACCESS "cim.access/1"

/* One area. Ordinals number the tree in depth-first order, so an area and everything below it are
 * the ordinals [ordinal, ordinal_end). Texts are valid for the rest of the call. */
typedef struct cim_area {
    uint32_t struct_size;
    int32_t ordinal;
    int32_t ordinal_end;
    int32_t parent; /* ordinal, or -1 */
    const char *code;
    const char *name;
    const char *level; /* province, city, county, town, village, park */
    /* In force while from_ms <= now < until_ms: only then it takes new records and is granted by
     * its code. What lies in it stays readable through the areas above. */
    int64_t from_ms;
    int64_t until_ms;
} cim_area;

typedef struct cim_access_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* The caller's scope for a resource and one CIM_ACT_…; valid until the call ends. An empty
     * scope is CIM_OK with n_terms == 0. [worker] */
    cim_status (*scope)(const cim_host *host, const cim_call *call, const char *resource,
                        uint32_t action, const cim_scope **ret_scope, cim_error *err);
    /* 1 if the caller holds the function point, such as "lpg.export". [any] */
    int32_t (*has_function)(const cim_host *host, const cim_call *call, const char *function_id);
    /* The area tree. The version changes with the tree, and the ordinals with it. [any] */
    int64_t (*areas_version)(const cim_host *host);
    int32_t (*area_count)(const cim_host *host);
    /* Ordinal of a code or alias; -1 when unknown. [any] */
    int32_t (*area_ordinal)(const cim_host *host, const char *code);
    /* CIM_E_NOTFOUND past the end. Fill ret_area->struct_size first. [any] */
    cim_status (*area)(const cim_host *host, int32_t ordinal, cim_area *ret_area);
} cim_access_v1;

#ifdef __cplusplus
}
#endif
#endif
