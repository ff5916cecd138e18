/* host/imports/imports.h -- imports as people do them: hand a file over, look at it, say what goes
 * where, check, run, read the report, repair what was refused and send that again.
 *
 *   POST   /admin/api/imports/files?name=&layer=      the file as body; {"file","name","bytes"}
 *   GET    /admin/api/imports/files/{file}/preview    host_exchange_preview()
 *   DELETE /admin/api/imports/files/{file}
 *   POST   /admin/api/imports/jobs                    request.h; {"job"}
 *   GET    /admin/api/imports/jobs                    one's own, the newest first
 *   GET    /admin/api/imports/jobs/{job}              state, request, report
 *   POST   /admin/api/imports/jobs/{job}/cancel
 *   GET    /admin/api/imports/jobs/{job}/files/{name} report.csv, report.xlsx, refused.csv
 *   GET    /admin/api/imports/mappings?layer=         what is kept for the next file: one's own,
 * and those shared in the organisation PUT    /admin/api/imports/mappings
 * {"layer","name","shared"?,"request":
 *                                                     {"crs","map","set","values"}}
 *   DELETE /admin/api/imports/mappings?layer=&name=   one's own
 *
 * A file belongs to who handed it over and goes after a day; each job has its own link to it, so
 * that one file serves a trial and the import proper. */
#ifndef HOST_IMPORTS_H
#define HOST_IMPORTS_H

#include "cim/base.h"

struct host_app;

/* Registers the kind of job and the routes. Needs http, identity, plugins and jobs; before jobs
 * start. */
cim_status host_imports_add(struct host_app *app, cim_error *err);

#endif
