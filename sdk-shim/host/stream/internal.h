/* host/stream/internal.h -- the inside of the streams; private to this folder.
 *
 * Locks: the hub's is held while streams are woken, so a stream takes it for short only and never
 * over the store, a plugin or identity.
 */
#ifndef HOST_STREAM_INTERNAL_H
#define HOST_STREAM_INTERNAL_H

#include "host/stream/stream.h"

#include "cim/crypt.h"
#include "cim/http.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
    HOST_CHANGE_LAYER_SIZE = 64,
    HOST_CHANGE_AREA_SIZE = 24,
    HOST_CHANGE_OWNER_SIZE = 64,
    HOST_CHANGES_PAGE = 256 /* that a stream looks at in one go */
};

/* A row of cim_change. */
struct host_change {
    int64_t pos;
    int64_t fid; /* 0 with CIM_CHANGE_BULK: many */
    int32_t op;
    char layer[HOST_CHANGE_LAYER_SIZE];
    char area[HOST_CHANGE_AREA_SIZE];   /* "": none */
    char owner[HOST_CHANGE_OWNER_SIZE]; /* "": none */
};

struct host_stream_client {
    struct host_stream_client *next;
    struct host_stream_client *prev;
    struct host_streams *streams;
    cim_http_req *req;
    bool begun; /* the first piece is out */
    bool ready; /* may be woken; under the hub's lock */
    char account[65];
    struct host_principal *principal;
    int64_t checked_ms; /* monotonic, when session and grants were asked last */
    int64_t written_ms; /* monotonic */
    int64_t seen;       /* changes up to this position are dealt with */
    size_t n_layers;    /* 0: all */
    char *layers[HOST_STREAM_LAYERS_MAX];
};

struct host_streams {
    struct host_app *app;
    int64_t max_clients;
    int64_t max_per_account;
    pthread_t thread;
    bool running;
    atomic_bool stopped;
    atomic_llong n_events;
    atomic_llong n_refused;
    pthread_mutex_t lock; /* of what follows */
    int64_t n_clients;
    struct host_stream_client *clients;
    int64_t oldest; /* first position in `recent` */
    int64_t newest;
    struct host_change *recent; /* by pos % HOST_STREAM_RECENT_MAX: positions have no gaps */
};

/* ---- client.c ---- */

/* "layer", "op", "fid" and "area_code" of a change: members without the braces. */
struct cim_buf;
void host_change_write(const struct host_change *change, struct cim_buf *out);

/* ---- subscription_routes.c ---- */

/* What the secret of a subscription is sealed for. */
cim_crypt_place host_subscription_place(const char *uid);

/* ---- changes.c ---- */

/* Up to `capacity` changes after `after` out of the store, in order. */
cim_status host_changes_read(struct host_streams *streams, int64_t after, int32_t capacity,
                             struct host_change *changes, int32_t *ret_n, cim_error *err);
/* The same out of memory where it reaches back that far, else out of the store. *ret_gap: the log
 * does not hold what comes next any more. */
cim_status host_changes_after(struct host_streams *streams, int64_t after, int32_t capacity,
                              struct host_change *changes, int32_t *ret_n, bool *ret_gap,
                              cim_error *err);

/* ---- visible.c ---- */

/* Whether the client's caller may know of the change. */
cim_status host_change_visible(const struct host_stream_client *client, const cim_call *call,
                               const struct host_change *change, bool *ret_visible, cim_error *err);

/* ---- client.c ---- */

cim_status host_stream_open(void *self, const cim_call *call, cim_http_req *req, cim_error *err);

#endif
