/* host/plugins/plugin.h -- one plugin inside the host; private to this folder.
 *
 * Locks, in the order they are taken: `life` (one enable or disable at a time), `lock` (states,
 * counts, the list of threads; never held over a call into a plugin or the store).
 */
#ifndef HOST_PLUGIN_H
#define HOST_PLUGIN_H

#include "host/base/files.h"
#include "host/plugins/manifest.h"
#include "host/plugins/plugins.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    HOST_PLUGINS_MAX = 32,
    HOST_PLUGIN_LAYERS_MAX = 200,
    HOST_PLUGIN_RENDERERS_MAX = 50,
    HOST_PLUGIN_ROUTES_MAX = 200,
    HOST_PLUGIN_WORKS_MAX = 200, /* analyses and kinds of job */
    HOST_PLUGIN_PUBLISHED_MAX_BYTES = 4 << 20,
    /* Sizes of the first release: the least that is accepted, frozen. */
    HOST_LAYER_SIZE_V1_0 = 64,
    HOST_RENDERER_SIZE_V1_0 = 48,
    HOST_ROUTE_SIZE_V1_0 = 64,
    HOST_ANALYSIS_SIZE_V1_0 = 88,
    HOST_JOB_KIND_SIZE_V1_0 = 48,
    HOST_PRODUCER_SIZE_V1_0 = 32,
    /* How long a disabled plugin's responses may still run before they are cut. */
    HOST_PLUGIN_GRACE_MS = 10000
};

struct host_plugin;

/* What was registered. `inner` is the plugin's own struct; the struct handed out calls it straight
 * when the plugin is parallel, else under its mutex. */
struct host_registered_layer {
    struct host_layer pub;
    struct host_plugin *plugin;
    cim_layer inner;
    cim_error broken; /* under `lock`; code CIM_OK: its table is as its definition says */
};

struct host_registered_renderer {
    struct host_renderer pub;
    struct host_plugin *plugin;
    cim_renderer inner;
    size_t n_layers;
};

struct host_registered_route {
    struct host_plugin *plugin;
    cim_http_route inner;
    char *pattern; /* with /apps/<id>/api before it */
};

struct host_registered_work {
    struct host_work pub;
    struct host_plugin *plugin;
    cim_job_kind inner;
};

/* What the HTTP server calls for a route. It outlives the registration, because a request that was
 * routed before the plugin was disabled may arrive after it was enabled anew. */
struct host_route_slot {
    struct host_route_slot *next;
    struct host_plugin *plugin;
    char *method;
    char *pattern; /* as registered: "/summary" */
};

struct host_registry {
    size_t n_layers;
    size_t n_renderers;
    size_t n_routes;
    size_t n_works;
    struct host_registered_layer **layers;
    struct host_registered_renderer **renderers;
    struct host_registered_route **routes;
    struct host_registered_work **works;
    struct cim_codes *codes; /* of the plugin's layers folder; read when first needed */
};

struct host_plugin {
    struct host_plugins *owner;
    size_t index;
    char *id;
    char *dir;
    char *cache_dir;                /* made when it is first enabled; NULL: none */
    struct host_manifest *manifest; /* NULL: broken; replaced under `lock` */

    /* under `lock` */
    enum host_plugin_state state;
    char *reason;
    bool open; /* calls may enter */
    bool gone; /* uninstalled: nobody finds it any more */
    int64_t in_flight;
    struct json_object *registered;
    struct json_object *failures; /* newest first; of earlier workers, so it stays as loaded */

    atomic_bool cut; /* grace is over: streamed responses end now */
    void *library;
    char library_hash[HOST_FILE_HASH_TEXT];
    cim_plugin_desc desc;
    cim_host host;
    void *self;
    bool registering;          /* inside init() */
    host_progress_fn progress; /* while it is enabled, under `life`; may be NULL */
    void *progress_arg;
    struct host_registry registry;
    char *published;               /* what the HTTP server has of it, as one text; NULL: nothing */
    struct host_route_slot *slots; /* only grows, until the plugin is forgotten */
    pthread_mutex_t serial;        /* recursive; for plugins that are not parallel */
};

/* One thread that has called into plugins. */
struct host_plugin_thread {
    struct host_plugin_thread *next;
    struct {
        bool entered;
        void *worker;
    } slots[HOST_PLUGINS_MAX];
};

struct host_plugins {
    struct host_app *app;
    bool guest; /* beside a host that serves: no migrations, nothing written down */
    pthread_mutex_t life;
    pthread_mutex_t lock;
    pthread_cond_t idle; /* some plugin's in_flight fell to 0 */
    pthread_key_t thread_key;
    int64_t grace_ms; /* HOST_PLUGIN_GRACE_MS; tests shorten it */
    struct host_plugin_thread *threads;
    size_t n_plugins;
    struct host_plugin *plugins[HOST_PLUGINS_MAX];
};

static inline bool
host_plugin_is_serial(const struct host_plugin *plugin)
{
    return plugin->desc.thread_model != CIM_THREADS_PARALLEL;
}

static inline void
host_plugin_serial_lock(struct host_plugin *plugin)
{
    if (host_plugin_is_serial(plugin)) {
        (void)pthread_mutex_lock(&plugin->serial);
    }
}

static inline void
host_plugin_serial_unlock(struct host_plugin *plugin)
{
    if (host_plugin_is_serial(plugin)) {
        (void)pthread_mutex_unlock(&plugin->serial);
    }
}

static inline struct host_plugin *
host_plugin_of(const cim_host *host)
{
    return (struct host_plugin *)host->impl;
}

/* ---- gate.c ---- */
/* Counts a call in flight; CIM_E_BUSY when the plugin is closed. */
cim_status host_plugin_enter(struct host_plugin *plugin, cim_error *err);
/* One more for who is inside already. */
void host_plugin_hold(struct host_plugin *plugin);
void host_plugin_leave(struct host_plugin *plugin);
/* The plugin's state of this thread, made on first use; the caller is inside. */
cim_status host_plugin_worker(struct host_plugin *plugin, void **ret_worker, cim_error *err);
/* Closes the gate and waits for what is in flight, at most `grace_ms`; after that streamed
 * responses end at their next piece. True if nothing is in flight any more. */
bool host_plugin_close(struct host_plugin *plugin, int64_t grace_ms);
/* Waits until nothing is in flight, then closes the states of all threads. */
void host_plugin_drain(struct host_plugin *plugin);
cim_status host_plugin_busy(const char *plugin_id, cim_error *err);

/* ---- load.c ---- */
/* Opens the library and checks its descriptor against the manifest; fills library and desc. */
cim_status host_plugin_load(struct host_plugin *plugin, cim_error *err);

/* ---- registry.c ---- */
cim_status host_registry_init(struct host_registry *registry, cim_error *err);
void host_registry_done(struct host_plugin *plugin);
cim_status host_registry_add_layer(struct host_plugin *plugin, const cim_layer *layer,
                                   cim_error *err);
cim_status host_registry_add_renderer(struct host_plugin *plugin, const cim_renderer *renderer,
                                      cim_error *err);
cim_status host_registry_add_route(struct host_plugin *plugin, const cim_http_route *route,
                                   cim_error *err);
/* For every kind of registration: "plugin ID: WHAT 'VALUE' SAYS" in both languages. */
cim_status host_registry_refuse(const struct host_plugin *plugin, cim_status code, const char *what,
                                const char *value, const char *zh, const char *en, cim_error *err);
cim_status host_registry_refuse_unlisted(const struct host_plugin *plugin, const char *what,
                                         const char *value, cim_error *err);
cim_status host_registry_refuse_taken(const struct host_plugin *plugin, const char *what,
                                      const char *value, cim_error *err);
/* Before anything else of a registration: the time and the size of its struct. */
cim_status host_registry_check_call(const struct host_plugin *plugin, const char *what,
                                    uint32_t struct_size, uint32_t least, cim_error *err);
/* An owned copy; NULL stays NULL. */
cim_status host_registry_copy(const char *text, const char **ret_copy, cim_error *err);
/* Everything that the manifest promises was registered, and renderers draw layers that exist. */
cim_status host_registry_check(struct host_plugin *plugin, cim_error *err);
void host_registry_clear(struct host_plugin *plugin);

/* ---- registry_work.c ---- */
cim_status host_registry_add_analysis(struct host_plugin *plugin, const cim_analysis *analysis,
                                      cim_error *err);
cim_status host_registry_add_job_kind(struct host_plugin *plugin, const cim_job_kind *kind,
                                      cim_error *err);
bool host_registry_has_work(const struct host_registry *registry, const char *id, bool is_analysis);
void host_registered_work_free(struct host_registered_work *work); /* NULL-safe */

/* ---- publish.c ---- */
/* {"layers":[…],"renderers":[…],"analyses":[…],"jobs":[…],"routes":[{"method","pattern"}…]} */
struct json_object *host_registry_to_json(const struct host_plugin *plugin);
/* Routes and pages of the plugin towards HTTP: its own, or (closed) ones that say 503. */
cim_status host_registry_publish_routes(struct host_plugin *plugin, cim_error *err);
void host_registry_publish_closed(struct host_plugin *plugin);
void host_route_slots_free(struct host_plugin *plugin);

/* ---- tables.c ---- */
/* The caller is inside the plugin, or it is not open yet: its registry stands still. */
void host_plugin_check_tables(struct host_plugin *plugin);

/* ---- lookup.c ---- */
/* Enters every open plugin; held[i] tells which. Returns how many layers they have. */
size_t host_plugins_hold_open(struct host_plugins *plugins, bool held[HOST_PLUGINS_MAX]);

/* ---- serial.c ---- */
/* Fills the functions handed out, from `inner`. */
void host_serial_layer(struct host_registered_layer *layer);
void host_serial_renderer(struct host_registered_renderer *renderer);
void host_serial_work(struct host_registered_work *work);

/* ---- svc_*.c ---- */
extern const cim_log_v1 host_svc_log;
extern const cim_config_v1 host_svc_config;
extern const cim_clock_v1 host_svc_clock;
extern const cim_store_v1 host_svc_store;
extern const cim_http_v1 host_svc_http;
extern const cim_layers_v1 host_svc_layers;
extern const cim_renderers_v1 host_svc_renderers;
extern const cim_access_v1 host_svc_access;
extern const cim_analyses_v1 host_svc_analyses;
extern const cim_jobs_v1 host_svc_jobs;
extern const cim_audit_v1 host_svc_audit;
extern const cim_batches_v1 host_svc_batches;
extern const cim_bindings_v1 host_svc_bindings;
extern const cim_crypt_v1 host_svc_crypt;
/* What a route of a plugin is called through; `self` is its slot. */
cim_status host_svc_http_handle(void *self, const cim_call *call, cim_http_req *req,
                                cim_error *err);
const void *host_service(const cim_host *host, const char *service_id); /* get_service */
bool host_service_exists(const char *service_id);

/* ---- wishes.c ---- */
cim_status host_wishes_set(struct host_plugins *plugins, const char *id, bool enabled,
                           cim_error *err);
cim_status host_wishes_get(struct host_plugins *plugins, const char *id, bool *ret_enabled,
                           cim_error *err);

/* ---- failures.c ---- */
/* Its history, and if it was put out of service, the state with the reason. Before it is enabled.
 */
cim_status host_failures_load(struct host_plugin *plugin, cim_error *err);

/* ---- plugins.c ---- */
struct host_plugin *host_plugins_find(struct host_plugins *plugins, const char *id);
/* State and reason, from `why` (NULL: none); takes the lock. */
void host_plugin_set_state(struct host_plugin *plugin, enum host_plugin_state state,
                           const cim_error *why);

#endif
