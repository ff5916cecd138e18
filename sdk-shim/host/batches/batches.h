/* host/batches/batches.h -- edits of many records, kept for a time and undone as a new edit.
 *
 * What cim.batches/1 notes lies in cim_batch and cim_batch_row. An undo reads it backwards and
 * writes it through the layer, with the caller's rights: created records are deleted, deleted ones
 * come back with their fid and uid, changed ones get their old values under a new version. A record
 * that was changed since is refused, and with it the whole undo, unless asked row by row. The undo
 * is a batch as well and can be undone.
 */
#ifndef HOST_BATCHES_H
#define HOST_BATCHES_H

#include "cim/batches.h"
#include "cim/layers.h"
#include "host/app.h"

#include <stdbool.h>

struct cim_buf;

enum {
    HOST_BATCH_ID_TEXT = 37,
    HOST_BATCH_PAGE_MAX = 1000,   /* batches of one page of a listing */
    HOST_BATCH_REFUSED_MAX = 1000 /* refused records listed in a report; the total goes on */
};

/* As in cim/batches.h. */
cim_status host_batches_note(cim_tx *tx, const char *id, const cim_batches_change *change,
                             cim_error *err);
cim_status host_batches_keep(cim_tx *tx, const cim_call *call, const char *id, const char *layer,
                             int32_t op, int64_t n_records, cim_error *err);

struct host_batch {
    char id[HOST_BATCH_ID_TEXT];
    char principal[65];
    char layer[128];
    int32_t op; /* CIM_EDIT_CREATE … */
    int64_t n_records;
    bool undone;
};
/* CIM_E_NOTFOUND: there is none, or its time is over. */
cim_status host_batch_load(struct host_app *app, const char *id, struct host_batch *ret_batch,
                           cim_error *err);

struct host_batch_refusal {
    int64_t fid;
    cim_error why;
};
struct host_undo_report {
    char batch[HOST_BATCH_ID_TEXT]; /* of the undo itself */
    int64_t n_written;
    int64_t n_refused;
    int32_t n_refusals;
    struct host_batch_refusal *refusals;
};
void host_undo_report_done(struct host_undo_report *report);
/* *ret_report is set also when the undo fails, and done by the caller. CIM_E_STATE: undone before;
 * CIM_E_VERSION and its like: a record refused it, nothing was written. */
cim_status host_batch_undo(struct host_app *app, const cim_call *call,
                           const struct host_batch *batch, bool row_wise,
                           struct host_undo_report *ret_report, cim_error *err);
/* Members without the braces: "undone", "batch", "written", "refused", "refused_total". */
void host_undo_report_write(const struct host_undo_report *report, const struct host_batch *batch,
                            struct cim_buf *out);

/* Newest first, as JSON objects with `joint` between them. */
struct host_batch_filter {
    const char *principal; /* NULL: any */
    const char *layer;
    int64_t before; /* number to continue before; 0: start */
    int32_t limit;
};
cim_status host_batches_list(struct host_app *app, const struct host_batch_filter *filter,
                             const char *joint, struct cim_buf *out, int64_t *ret_next,
                             cim_error *err);

/* GET /admin/api/batches, POST /admin/api/batches/{id}/undo: one's own; with the function point
 * cim.admin.batches everybody's. */
cim_status host_batches_add_routes(struct host_app *app, cim_error *err);

#endif
