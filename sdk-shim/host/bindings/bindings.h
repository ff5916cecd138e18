/* host/bindings/bindings.h -- datasets of the platform in the place of a plugin's own records.
 *
 * A plugin's manifest names its inputs: roles such as land use or buildings, each a layer of the
 * plugin, or a raster. An administrator binds a role to a dataset: a collection of an OGC API, a
 * feature type of a WFS, a table of PostgreSQL, or a file. A refresh fetches the dataset and makes
 * the layer equal to it in one transaction (exchange/mirror.h), so the layer always holds the last
 * good copy: when the source is down or sends nonsense, nothing changes but the state, which says
 * so. Whoever reads the layer sees where it comes from.
 *
 * Nothing is fetched from anywhere that the settings bindings.hosts and bindings.dirs do not allow:
 * redirects are not followed, and pages of an answer stay with the server that gave the first.
 */
#ifndef HOST_BINDINGS_H
#define HOST_BINDINGS_H

#include "cim/base.h"
#include "host/app.h"
#include "kit/buf.h"

#include <stdbool.h>

struct json_object;

#define HOST_BINDINGS_FUNCTION "cim.admin.bindings"

enum {
    HOST_BINDING_ROLE_MAX = 128,
    HOST_BINDING_TITLE_MAX = 120,
    HOST_BINDING_BODY_MAX = 1 << 20,
    HOST_BINDING_LEASE_MS = 10 * 60 * 1000, /* a refresh that is not renewed so long is over */
    HOST_BINDING_RETRY_MIN = 10,            /* after a failure, unless it is due earlier */
    HOST_BINDING_REFRESH_MIN_MAX = 366 * 24 * 60
};

/* ---- what can be bound ---- */

struct host_binding_role {
    char role[HOST_BINDING_ROLE_MAX];
    char layer[HOST_BINDING_ROLE_MAX]; /* "": a raster */
    char zh[HOST_BINDING_TITLE_MAX];
    char en[HOST_BINDING_TITLE_MAX];
};
/* Calls `each` for the inputs of every plugin whose manifest could be read. */
void host_binding_each_role(struct host_app *app,
                            void (*each)(void *arg, const struct host_binding_role *role),
                            void *arg);
/* CIM_E_NOTFOUND: no plugin has it. */
cim_status host_binding_find_role(struct host_app *app, const char *role,
                                  struct host_binding_role *ret_role, cim_error *err);

/* ---- bindings ---- */

enum host_binding_kind {
    HOST_BINDING_OGCAPI,
    HOST_BINDING_WFS,
    HOST_BINDING_TABLE,
    HOST_BINDING_FILE
};

/* What an administrator asks, as JSON: {"name", "kind": "ogcapi" | "wfs" | "table" | "file", "url",
 * "dataset"?, "username"?, "password"?, "refresh_min"?, "others"?: "remove" | "keep", "import"?}.
 *   name        what people know the source by; printed wherever the records are used
 *   url         ogcapi, wfs: the service; table: postgresql://host/database, or "platform:" for the
 *               database of the platform; file: https://… or a path
 *   dataset     the collection, feature type, or schema.table
 *   username    with a password: HTTP Basic; a password alone is a bearer token
 *   refresh_min minutes between refreshes; 0: only when somebody asks
 *   others      what happens to records of the layer that are not of the source: removed (default)
 *   import      as in host/imports/request.h, without "layer": map, set, values, crs … */
struct host_binding {
    char role[HOST_BINDING_ROLE_MAX];
    struct json_object *root; /* owned; the texts are borrowed from it */
    enum host_binding_kind kind;
    const char *name;
    const char *url;
    const char *dataset;  /* "": none */
    const char *username; /* "": none */
    char *password;       /* owned; NULL: none */
    int64_t refresh_min;
    bool keeps_others;
    struct json_object *import; /* in `root`; NULL: none */
    /* state */
    char *changed_by; /* owned */
    int64_t changed_ms;
    int64_t next_ms; /* 0: never by itself */
    int64_t busy_until_ms;
    int64_t tried_ms; /* 0: never, likewise good_ms */
    int64_t good_ms;
    int64_t n_records;
    int64_t n_created;
    int64_t n_removed;
    int64_t n_refused;
    cim_error error; /* of the last try; code CIM_OK: it went well */
};
/* Reads and checks `text`; also that the settings allow the address. `role`: as in the manifest. */
cim_status host_binding_parse(struct host_app *app, const struct host_binding_role *role,
                              const char *text, size_t len, struct host_binding *ret_binding,
                              cim_error *err);
void host_binding_done(struct host_binding *binding);
#define HOST_AUTO_BINDING __attribute__((cleanup(host_binding_done)))

/* CIM_E_NOTFOUND: the role is not bound. The password is in it. */
cim_status host_binding_load(struct host_app *app, const char *role,
                             struct host_binding *ret_binding, cim_error *err);
/* Stores it, with its state as that of a new one, and due at once. A password that is not given
 * stays, if the address stays. */
cim_status host_binding_save(struct host_app *app, struct host_binding *binding, const char *who,
                             cim_error *err);
/* The password that is kept, where `binding` has none and its address and user are the same. */
cim_status host_binding_keep_password(struct host_app *app, struct host_binding *binding,
                                      cim_error *err);
/* The copy stays as the layer's own records. CIM_E_NOTFOUND: the role is not bound. */
cim_status host_binding_remove(struct host_app *app, const char *role, cim_error *err);
/* The refresh is due now; whoever serves begins it within seconds. */
cim_status host_binding_ask(struct host_app *app, const char *role, cim_error *err);
/* {"role",…,"state"}: the binding as people see it, never its password; what is not bound yet has
 * "bound": false. */
cim_status host_binding_write(struct host_app *app, const struct host_binding_role *role,
                              struct cim_buf *out, cim_error *err);
/* ---- fetching (refresh.c) ---- */

/* Fetches and replaces; keeps the outcome in the state. `stop` may be NULL: non-zero cancels.
 * CIM_E_BUSY: somebody else is at it. */
cim_status host_binding_refresh(struct host_app *app, const char *role, const _Atomic int *stop,
                                cim_error *err);
/* Fetches some records and shows what would be done with them: members of
 * host_exchange_preview(). Nothing is stored. */
cim_status host_binding_test(struct host_app *app, const struct host_binding_role *role,
                             const struct host_binding *binding, struct cim_buf *out,
                             cim_error *err);

/* A thread that refreshes what is due, one binding after the other, while the platform serves. */
struct host_bindings;
cim_status host_bindings_start(struct host_app *app, struct host_bindings **ret_bindings,
                               cim_error *err);
void host_bindings_stop(struct host_bindings *bindings); /* NULL-safe */
/* Something is due: it need not wait for the next look. NULL-safe. [any] */
void host_bindings_wake(struct host_bindings *bindings);

/* /admin/api/bindings…, for holders of HOST_BINDINGS_FUNCTION. */
cim_status host_bindings_add_routes(struct host_app *app, cim_error *err);

#endif
