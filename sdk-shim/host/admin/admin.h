/* host/admin/admin.h -- the admin console: its pages and the API over plugins. */
#ifndef HOST_ADMIN_H
#define HOST_ADMIN_H

#include "host/app.h"
#include "cim/base.h"

/* Registers /admin/api/plugins… (function point cim.admin.plugins) and, where console.dir is set,
 * the pages below /admin/. Needs config, plugins and http. */
cim_status host_admin_add_routes(struct host_app *app, cim_error *err);

enum { HOST_CHECK_FIELDS_MAX = 1024 };
/* From here on grants are held against the definitions of the layers that they cover. */
void host_admin_check_grants(struct host_app *app);
/* Registers /admin/api/why, /admin/api/reach and /auth/why. */
cim_status host_explain_add_routes(struct host_app *app, cim_error *err);

#endif
