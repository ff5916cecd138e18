/* host/catalogue/lineage.h -- where the records of a layer came from. */
#ifndef HOST_CATALOGUE_LINEAGE_H
#define HOST_CATALOGUE_LINEAGE_H

#include "cim/call.h"
#include "host/app.h"

/* One import that wrote something. Texts are borrowed. */
struct host_lineage {
    const char *layer;
    const char *way; /* "file", "job", "command", "binding" */
    const char *job; /* NULL: none */
    const char
        *source; /* name of the file, without folders, or of the bound dataset; may be NULL */
    int64_t n_written;
    int64_t n_refused;
    /* set when read */
    const char *principal;
    int64_t at_ms;
};

enum { HOST_LINEAGE_SHOWN = 20, HOST_LINEAGE_SOURCE_MAX = 200 };

/* Keeps it, by who calls. What cannot be kept is logged: the import itself stands. [worker] */
void host_lineage_note(struct host_app *app, const cim_call *call,
                       const struct host_lineage *lineage);
/* Calls `each` for the newest HOST_LINEAGE_SHOWN of a layer, the newest first. [worker] */
cim_status host_lineage_each(struct host_app *app, const char *layer,
                             void (*each)(void *arg, const struct host_lineage *lineage), void *arg,
                             cim_error *err);

#endif
