/* host/main/backups.h -- /admin/api/backups: cim.admin.backups. */
#ifndef HOST_BACKUPS_H
#define HOST_BACKUPS_H

#include "ops.h"

/* `ops` lives as long as the server; until ops->backups runs the answer is 503. */
cim_status host_backups_add_routes(struct host_ops *ops, cim_error *err);

#endif
