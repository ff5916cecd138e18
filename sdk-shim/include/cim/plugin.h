/* cim/plugin.h -- the entry of a plugin and the host it meets.
 *
 * The host reads `plugin.manifest` before dlopen, then calls the one exported function
 * cim_plugin_entry_v1(), copies min(its size, ours) bytes of the descriptor and checks it against
 * the manifest. Life: entry -> init -> start -> (calls) -> stop -> destroy. After a failed init
 * only destroy follows, if *ret_self was set. Registration happens in init alone; it is staged and
 * rolled back whole if init fails. The library stays loaded after destroy.
 */
#ifndef CIM_PLUGIN_H
#define CIM_PLUGIN_H

#include "cim/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cim_host {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;
    const char *name; /* valid until destroy(), like the version */
    const char *version;
    const char *plugin_dir; /* folder of the plugin's manifest: its layers, styles, pages */
    void *impl;             /* host private */
    /* Vtable of a service id such as "cim.http/1", or NULL where the host has none. Legal from
     * init() on; valid until destroy(). [any] */
    const void *(*get_service)(const cim_host *host, const char *service_id);
    /* Folder on this host's disk for what the plugin can make anew at any time; kept over restarts,
     * in no backup. NULL: none. Present if struct_size reaches it. */
    const char *cache_dir;
};

/* Handlers are never called concurrently / may be called on all workers at once. */
enum { CIM_THREADS_SERIALIZED = 0, CIM_THREADS_PARALLEL = 1 };

typedef struct cim_plugin_desc {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t min_host_minor;
    const char *id;                       /* as in the manifest; static storage, like all below */
    const char *version;                  /* as in the manifest */
    const char *const *required_services; /* NULL-terminated; checked before init() */
    uint32_t thread_model;                /* CIM_THREADS_… */
    uint32_t flags;                       /* zero */
    /* Reads configuration and registers; starts no thread. Sets *ret_self on CIM_OK. [lifecycle] */
    cim_status (*init)(const cim_host *host, void **ret_self, cim_error *err);
    /* Migrations are applied by now; threads are allowed from here. Optional. [lifecycle] */
    cim_status (*start)(void *self, cim_error *err);
    /* No call is in flight any more: join threads, close what they held. Optional. [lifecycle] */
    void (*stop)(void *self);
    /* Accepts NULL and a half-made self. [lifecycle] */
    void (*destroy)(void *self);
    /* State of the plugin for one host worker thread (contexts of PROJ, GEOS, GDAL); the result
     * arrives in cim_call.worker. Both or none. worker_enter runs on that thread, before the first
     * call there. worker_leave runs on that thread when the thread ends, or on the stopping thread
     * just before stop(), when no call is in flight: what it closes must not be bound to the thread
     * that made it. [worker] */
    cim_status (*worker_enter)(void *self, void **ret_worker, cim_error *err);
    void (*worker_leave)(void *self, void *worker);
    /* Reserved for capabilities by id, such as "cim.health/1". Optional. [any] */
    const void *(*get_capability)(void *self, const char *capability_id);
} cim_plugin_desc;

/* Size of the first released descriptor (LP64): the least that a host accepts. */
enum { CIM_PLUGIN_DESC_SIZE_V1_0 = 96 };

/* The only exported symbol. Pure: allocates nothing, calls nothing. [any] */
CIM_EXPORT const cim_plugin_desc *cim_plugin_entry_v1(void);

#ifdef __cplusplus
}
#endif
#endif
