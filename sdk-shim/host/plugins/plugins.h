/* host/plugins/plugins.h -- plugins found, loaded, enabled, and what they registered. */
#ifndef HOST_PLUGINS_H
#define HOST_PLUGINS_H

#include "cim/cim.h"
#include "host/app.h"
#include "host/http/http.h"
#include "kit/definition.h"

#include <stdbool.h>

struct json_object;

enum host_plugin_state {
    HOST_PLUGIN_DISABLED,
    HOST_PLUGIN_ENABLING,
    HOST_PLUGIN_ENABLED,
    HOST_PLUGIN_FAILED
};

struct host_layer {
    const char *plugin_id;
    cim_layer layer;          /* owned copies of its texts */
    const char *library_hash; /* SHA-256 of the code that draws it */
    struct cim_definition *definition;
    const struct cim_codes *codes;
};

struct host_renderer {
    const char *plugin_id;
    cim_renderer renderer;
};

/* An analysis, or a kind of job that is none. */
struct host_work {
    const char *plugin_id;
    bool is_analysis;
    cim_job_kind kind;
    /* of an analysis */
    const char *version;
    const char *description_zh;
    const char *description_en;
    struct json_object *inputs; /* parsed; see cim/analyses.h */
    struct json_object *outputs;
};

struct host_plugin_info {
    const char *id;
    const char *dir;                    /* folder of the manifest */
    const struct json_object *manifest; /* borrowed */
    enum host_plugin_state state;
    const char *reason; /* why it failed; NULL otherwise */
    /* What it registered, while enabled, as the JSON of the admin API; borrowed. */
    const struct json_object *registered;
    /* [{"at","kind","number"}…] newest first: how it ended earlier workers; NULL: never. Borrowed.
     */
    const struct json_object *failures;
};

/* Reads the manifests below the folders of `plugins.dirs` (separated by ':'); loads nothing yet.
 * A broken manifest makes that plugin FAILED with the reason, never the host. */
cim_status host_plugins_open(struct host_app *app, struct host_plugins **ret_plugins,
                             cim_error *err);
void host_plugins_free(struct host_plugins *plugins);
enum {
    HOST_FAILURES_OUT = 5,           /* so often … */
    HOST_FAILURES_WINDOW_MS = 60000, /* … within this, and a plugin is put out of service */
    HOST_FAILURES_KEPT = 200         /* of each plugin */
};
struct host_ending;
/* Writes down how earlier workers ended (base/note.h), and puts plugins out of service that keep
 * ending them: they stay so until somebody enables them. Before host_plugins_start_enabled(). */
cim_status host_plugins_note_endings(struct host_plugins *plugins,
                                     const struct host_ending *endings, int32_t n_endings,
                                     cim_error *err);
/* Loads and starts all plugins that platform.db says are enabled. */
cim_status host_plugins_start_enabled(struct host_plugins *plugins, cim_error *err);
/* Loads and starts the plugin that has an analysis or kind of job, over read-only stores beside a
 * host that serves: no migrations, nothing is written down. CIM_E_NOTFOUND: no plugin has it. */
cim_status host_plugins_start_guest(struct host_plugins *plugins, const char *work_id,
                                    cim_error *err);
/* dlopen, checks, migrations, init, start; records the wish in platform.db. CIM_E_NOTFOUND: no such
 * plugin. On failure everything it registered is gone and the state is FAILED. [any] */
cim_status host_plugins_enable(struct host_plugins *plugins, const char *id, cim_error *err);
/* The same; `progress` is told each migration before it is applied. */
typedef void (*host_progress_fn)(void *arg, const char *file, int32_t done, int32_t total);
cim_status host_plugins_enable_telling(struct host_plugins *plugins, const char *id,
                                       host_progress_fn progress, void *arg, cim_error *err);
/* What enabling would do to the store, tried in a transaction that is rolled back: the checks of
 * manifest and files, then every migration that is due. Nothing is loaded, nothing stays. [any] */
cim_status host_plugins_rehearse(struct host_plugins *plugins, const char *id,
                                 host_progress_fn progress, void *arg, cim_error *err);
/* The same of a folder that need not be found yet; *ret_manifest is owned by the caller, and may be
 * NULL: not wanted. [any] */
cim_status host_plugins_rehearse_folder(struct host_plugins *plugins, const char *folder,
                                        host_progress_fn progress, void *arg,
                                        struct json_object **ret_manifest, cim_error *err);
/* The folder of the plugin's migrations; "" when it has none. CIM_E_NOTFOUND: no plugin of that id
 * was found with a sound manifest. [any] */
cim_status host_plugins_migrations(struct host_plugins *plugins, const char *id, char *out,
                                   size_t out_size, cim_error *err);
/* Refuses new calls with 503, waits for those in flight, stops, destroys. Data stay. [any] */
cim_status host_plugins_disable(struct host_plugins *plugins, const char *id, cim_error *err);
/* Disables it and removes its folder; it is found no more. Kept: its tables and migrations, grants,
 * audit, so that installing it again goes on where it was. `with_tables`: its tables go as well, in
 * one transaction. CIM_E_STATE before anything is done where its folder cannot be removed. [any] */
cim_status host_plugins_uninstall(struct host_plugins *plugins, const char *id, bool with_tables,
                                  cim_error *err);
/* The tables of the plugin with their rows: what `with_tables` would take away. [any] */
cim_status host_plugins_tables(struct host_plugins *plugins, const char *id,
                               void (*each)(void *arg, const char *table, int64_t n_rows),
                               void *arg, cim_error *err);
/* Stops all, for shutdown; keeps the wishes. */
void host_plugins_stop_all(struct host_plugins *plugins);

/* "disabled" and so on. */
const char *host_plugin_state_name(enum host_plugin_state state);
/* Id, version, state, and why, in columns. */
void host_plugin_line(const struct host_plugin_info *info, char *out, size_t out_size);
void host_plugins_each(struct host_plugins *plugins,
                       void (*each)(void *arg, const struct host_plugin_info *info), void *arg);

/* ---- lookups; what they return stays valid until the matching leave ---- */

/* Entering counts a call in flight; leaving may happen on another thread, so that a streamed
 * response holds the plugin until its end. Plugins that are not parallel are serialised inside the
 * function pointers handed out here, not by entering. */

/* Finds a layer of an enabled plugin and enters the plugin: fills call->worker, the plugin's state
 * of this thread. CIM_E_NOTFOUND: nobody has it; CIM_E_BUSY: its plugin is not enabled. */
cim_status host_plugins_enter_layer(struct host_plugins *plugins, const char *layer_id,
                                    cim_call *call, const struct host_layer **ret_layer,
                                    cim_error *err);
cim_status host_plugins_enter_renderer(struct host_plugins *plugins, const char *layer_id,
                                       cim_call *call, const struct host_renderer **ret_renderer,
                                       const struct host_layer **ret_layer, cim_error *err);
/* CIM_E_BUSY also for one that a plugin which is not enabled would have. */
cim_status host_plugins_enter_work(struct host_plugins *plugins, const char *id, cim_call *call,
                                   const struct host_work **ret_work, cim_error *err);
/* True once the plugin is about to stop: work inside it should end. [any] */
bool host_plugins_closing(struct host_plugins *plugins, const char *plugin_id);
void host_plugins_leave(struct host_plugins *plugins, const char *plugin_id);
/* Calls `each` for every layer of enabled plugins in order of id; the plugin is entered. */
cim_status host_plugins_each_layer(struct host_plugins *plugins,
                                   cim_status (*each)(void *arg, const struct host_layer *layer,
                                                      bool has_tiles, cim_error *err),
                                   void *arg, cim_error *err);
/* Compares the tables of all layers with their definitions. A layer whose table another program
 * dropped or altered is out of service, alone: entering it is CIM_E_BUSY with the reason, until a
 * later check finds the table whole. Enabling a plugin checks its own. [any] */
void host_plugins_check_tables(struct host_plugins *plugins);
/* Calls `each` for every layer that is out of service so, under a lock. Returns how many. [any] */
size_t host_plugins_each_broken(struct host_plugins *plugins,
                                void (*each)(void *arg, const char *layer_id, const cim_error *why),
                                void *arg);
/* Analyses of enabled plugins in order of id; the plugin is entered. */
cim_status host_plugins_each_analysis(struct host_plugins *plugins,
                                      cim_status (*each)(void *arg, const struct host_work *work,
                                                         cim_error *err),
                                      void *arg, cim_error *err);
/* Path of a style file of an enabled plugin ("enterprises" -> …/styles/enterprises.json) into
 * `out`; CIM_E_NOTFOUND. Ids are [a-z0-9-]. */
cim_status host_plugins_style_path(struct host_plugins *plugins, const char *style_id, char *out,
                                   size_t out_size, cim_error *err);
/* Path of the palette that makes a variant of a style: …/styles/variants/night.json. */
cim_status host_plugins_style_palette(struct host_plugins *plugins, const char *style_id,
                                      const char *variant, char *out, size_t out_size,
                                      cim_error *err);
/* Calls `each` for a style, for those beside it (ID-…), and for every variant of each (`variant`
 * NULL: as its file says); the plugin is entered. */
cim_status host_plugins_each_style(struct host_plugins *plugins, const char *style_id,
                                   cim_status (*each)(void *arg, const char *id,
                                                      const char *variant, cim_error *err),
                                   void *arg, cim_error *err);

/* For host_http_options. */
struct host_http_gate host_plugins_http_gate(struct host_plugins *plugins);

#endif
