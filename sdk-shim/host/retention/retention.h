/* host/retention/retention.h -- what is kept for a time goes when it is over.
 *
 * Records of a layer whose definition has a `retention` and a `time` of its own go that long after
 * that time and after their last change, through the layer's write path; registers of what exists
 * (enterprises, cylinders, users) never go by themselves; change log, audit, batches and
 * idempotency keys after the time of their setting. All in slices, each a transaction of its own,
 * so that nobody waits. A run is audited. The newest change stays, because positions go on from it.
 */
#ifndef HOST_RETENTION_H
#define HOST_RETENTION_H

#include "cim/base.h"
#include "host/app.h"

#include <stdbool.h>

enum {
    HOST_RETENTION_SLICE = 1000,
    HOST_RETENTION_AUDIT_DAYS_LEAST = 180 /* GB/T 22239: logs are kept for half a year */
};

/* One kind of thing: "lpg.accidents", "changes", "audit", "batches", "idempotency-keys". */
struct host_retention_count {
    const char *what;
    int64_t before_ms; /* what is older goes */
    int64_t n;         /* that went, or with a dry run would go */
};
/* Calls `each` for every kind that has a time. Goes on with the next kind after a failure, which it
 * returns at the end. `stop` may be NULL: non-zero ends the run after a slice. */
cim_status host_retention_run(struct host_app *app, bool dry_run,
                              void (*each)(void *arg, const struct host_retention_count *count),
                              void *arg, const _Atomic int *stop, cim_error *err);

/* Milliseconds of "180d", "6m", "10y", longer rather than shorter: a month has 31 days, a year 366.
 * False: kept for ever, or not said. */
bool host_retention_ms(const char *retention, int64_t *ret_ms);

/* A thread that runs each night after 03:00 in Beijing, while the platform serves. */
struct host_retention;
cim_status host_retention_start(struct host_app *app, struct host_retention **ret_retention,
                                cim_error *err);
void host_retention_stop(struct host_retention *retention); /* NULL-safe */

/* ---- layers.c ---- */

cim_status host_retention_layers(struct host_app *app, bool dry_run,
                                 void (*each)(void *arg, const struct host_retention_count *count),
                                 void *arg, const _Atomic int *stop, cim_error *err);

#endif
