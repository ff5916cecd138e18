/* host/main/ops.h -- /health, /ready, /metrics. */
#ifndef HOST_OPS_H
#define HOST_OPS_H

#include "cim/base.h"
#include "host/app.h"

#include <stdatomic.h>

struct host_ops {
    struct host_app *app;
    struct host_backup_keeper *backups; /* NULL: not yet running */
    /* Of platform.db, of the data; NULL: its log is not archived. */
    struct host_archive *archives[2];
    _Atomic int ready;
    int64_t started_ms; /* monotonic */
};

/* `ops` lives as long as the server. */
cim_status host_ops_add_routes(struct host_ops *ops, cim_error *err);

#endif
