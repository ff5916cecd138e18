/* host/bundles/bundles.h -- a plugin's bundle (tar.gz or zip, as cpack makes it) put in the place
 * of what is installed, and the way back.
 *
 * Everything that can be found wrong is found before anything is changed: the bundle is unpacked
 * beside the plugin's folder, checked as enabling checks it (signature, checksums), and its
 * migrations are tried and rolled back. Then two renames swap the folders; the one before stays as
 * `.previous-ID`. A plugin that runs is taken over by a new worker, so no request is lost.
 */
#ifndef HOST_BUNDLES_H
#define HOST_BUNDLES_H

#include "cim/base.h"
#include "host/app.h"

#include <stdbool.h>

enum { HOST_BUNDLE_BYTES_MAX = 1 << 30, HOST_BUNDLE_FILES_MAX = 20000, HOST_BUNDLE_LINE_MAX = 400 };

struct host_bundle_report {
    char id[64];
    char version[64];
    char from[64];   /* the version that was there; "": none was */
    bool takes_over; /* a new worker was asked for; false: enable the plugin, or restart, to use it
                      */
};

/* Told what the bundle changes, a line each: "+ layers lpg.x", "- analyses lpg.y",
 * "migration 0019_x.sql". */
typedef void (*host_bundle_say_fn)(void *arg, const char *line);

/* `dry_run`: all checks, and nothing stays. CIM_E_INVALID, CIM_E_DENIED: the bundle is not in
 * order; CIM_E_STATE: the plugin's folder cannot be written by the platform. [any] */
cim_status host_bundle_install(const struct host_app *app, const char *path, bool dry_run,
                               host_bundle_say_fn say, void *arg,
                               struct host_bundle_report *ret_report, cim_error *err);
/* Puts the folder before back. CIM_E_NOTFOUND: there is none; CIM_E_STATE: migrations have been
 * applied that it does not know. Rolling back twice undoes it. [any] */
cim_status host_bundle_rollback(const struct host_app *app, const char *id,
                                struct host_bundle_report *ret_report, cim_error *err);

/* POST /admin/api/plugins/bundles, POST /admin/api/plugins/{id}/rollback. */
cim_status host_bundles_add_routes(struct host_app *app, cim_error *err);

/* ---- unpack.c ---- */
/* Unpacks into the folder, which is there and empty. Names that lead out of it are refused. */
cim_status host_bundle_unpack(const char *path, const char *to, cim_error *err);

#endif
