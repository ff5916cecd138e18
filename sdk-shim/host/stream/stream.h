/* host/stream/stream.h -- GET /stream: changes as server-sent events, to whom they concern.
 *
 * One hub follows the change log and wakes the streams; each stream judges every change by its
 * caller's scope of now and writes what is left, at the pace of its client. A client that comes
 * back says the position it has (Last-Event-ID) and misses nothing that the change log still holds.
 */
#ifndef HOST_STREAM_H
#define HOST_STREAM_H

#include "host/app.h"
#include "cim/base.h"

struct host_streams;

enum {
    HOST_STREAM_RECENT_MAX = 16384, /* changes in memory; who is further behind reads the store */
    HOST_STREAM_LAYERS_MAX = 64,    /* that one client may name */
    HOST_STREAM_ALIVE_MS = 15000,   /* a sign of life when nothing happens */
    HOST_STREAM_RECHECK_MS = 5000   /* session and grants are asked again after */
};

/* Begins to follow the store of `app`. */
cim_status host_streams_new(struct host_app *app, struct host_streams **ret_streams,
                            cim_error *err);
/* Registers /stream. */
cim_status host_streams_add_routes(struct host_streams *streams, cim_error *err);
/* Ends the hub's thread; streams stay until the HTTP server cuts them. NULL-safe. */
void host_streams_stop(struct host_streams *streams);
/* After host_http_free(). NULL-safe. */
void host_streams_free(struct host_streams *streams);

struct host_streams_stats {
    int64_t open;
    int64_t events;  /* written so far */
    int64_t refused; /* over a limit */
};
void host_streams_stats(struct host_streams *streams, struct host_streams_stats *ret_stats);

#endif
