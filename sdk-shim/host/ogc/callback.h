/* host/ogc/callback.h -- OGC API Processes, requirements class callback: who submits a job may name
 * addresses (`subscriber`) that are told when it runs, when it was done, with the results, and when
 * it failed or was dismissed.
 *
 * Messages are told at least once: the job's row says which state was told last, and hosts take
 * turns as with jobs, so a crash or an upgrade loses none. */
#ifndef HOST_OGC_CALLBACK_H
#define HOST_OGC_CALLBACK_H

#include "cim/base.h"
#include "host/app.h"

struct json_object;
struct host_callbacks;

/* Is the member `subscriber` of a request in order? [any] */
cim_status host_subscriber_check(const struct host_app *app, struct json_object *subscriber,
                                 cim_error *err);

/* A thread that tells. After host_ogc_add_routes(). */
cim_status host_callbacks_start(struct host_app *app, struct host_callbacks **ret_callbacks,
                                cim_error *err);
void host_callbacks_stop(struct host_callbacks *callbacks); /* NULL-safe; frees it */

#endif
