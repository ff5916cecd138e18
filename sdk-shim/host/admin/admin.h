/* host/admin/admin.h -- the admin console: its pages and the API over plugins. */
#ifndef HOST_ADMIN_H
#define HOST_ADMIN_H

#include "host/app.h"
#include "cim/call.h"

/* Registers /admin/api/plugins… (function point cim.admin.plugins) and, where console.dir is set,
 * the pages below /admin/. Needs config, plugins and http. */
cim_status host_admin_add_routes(struct host_app *app, cim_error *err);

enum { HOST_CHECK_FIELDS_MAX = 1024 };
/* From here on grants are held against the definitions of the layers that they cover. */
void host_admin_check_grants(struct host_app *app);
/* Registers /admin/api/why, /admin/api/reach and /auth/why. */
cim_status host_explain_add_routes(struct host_app *app, cim_error *err);

/* ---- erase.c: the personal data of one record ---- */

struct host_erasure {
    const char *layer;
    int64_t fid;     /* > 0, or */
    const char *uid; /* the record's uid */
    const char *reason;
};
struct host_erased {
    int64_t fid;
    char uid[40];
};
/* The principal of `call` needs a grant to update the record. Its sensitive fields say that they
 * were erased, its key is destroyed, images that would undo edits of it go as well, and the audit
 * has who, which record and why. CIM_E_NOTFOUND: no such record, or none that the grant covers. */
cim_status host_erase_person(struct host_app *app, const cim_call *call,
                             const struct host_erasure *erasure, struct host_erased *ret_erased,
                             cim_error *err);
/* Registers POST /admin/api/erasures (function point cim.admin.erasures). */
cim_status host_erase_add_routes(struct host_app *app, cim_error *err);

#endif
