/* plugin/data/edit.h -- one edit under way: what write.c drives and write_row.c does row by row. */
#ifndef LPG_DATA_EDIT_H
#define LPG_DATA_EDIT_H

#include "data/changes.h"
#include "data/record.h"
#include "data/uid.h"

/* A statement whose values are slots of the record, in the order of its text. */
struct lpg_plan {
    struct cim_buf sql;
    uint32_t n_slots;
    uint32_t slots[LPG_SLOTS_MAX];
};

struct lpg_run {
    const struct lpg_layer *layer;
    const cim_call *call;
    cim_edit *edit;
    const cim_scope *scope;
    bool scope_has_filters;
    const char *default_owner; /* of the only organisation that the scope names; or NULL */
    struct lpg_record record;
    struct lpg_placing placing;
    struct lpg_uid_source uids;
    struct lpg_changes changes;
    struct lpg_plan write;       /* insert or update */
    struct cim_buf find_sql;     /* the stored record: its slots in order, by fid or by uid */
    struct cim_buf classify_sql; /* after an update: the classes of :FID; empty: it has none */
    bool writes_words;
    struct cim_buf sealed; /* encrypted values of the record at hand */
    struct cim_buf
        erased; /* uint64_t of each: the persons whose keys an edit that erases destroys */
    struct cim_buf words; /* what the record at hand is found by */
    cim_value args[LPG_SLOTS_MAX + 5];
    char uid[37];
    int64_t n_written;
    int64_t last_fid;
    bool is_changed[LPG_SLOTS_MAX]; /* slots that an update or replacement changed in some record */
    char last_uid[37];
    char batch[37];       /* id of the batch that the edit is; "": it is none */
    bool is_load;         /* created records are noted as a load's (load.h) */
    struct cim_buf image; /* of the stored record at hand */
    int64_t first_of_run; /* of created fids that rise by one; 0: none yet */
    int64_t last_of_run;
};

/* What the store holds of the record that a row names. */
struct lpg_stored {
    int64_t fid;
    int64_t version;
    char uid[37];
    bool has_area;
    bool has_owner;
    char area[LPG_AREA_CODE_MAX];
    char owner[128];
};

cim_status lpg_run_plan(struct lpg_run *run, cim_error *err);
/* Replaces, updates or deletes the record that was read. A refusal leaves the transaction as it
 * was. */
cim_status lpg_run_row(struct lpg_run *run, cim_tx *tx, cim_error *err);
/* Completes the new record that was read and checks it against area and scope; the store is not
 * asked. */
cim_status lpg_run_check_new(struct lpg_run *run, cim_error *err);
/* Takes a created record back, with CIM_E_DENIED, that the scope's row filters do not cover. */
cim_status lpg_run_check_created(const struct lpg_run *run, cim_tx *tx, int64_t fid,
                                 const cim_value *area, cim_error *err);
/* The values of the record at hand as run->write names them, into run->args: how many. */
uint32_t lpg_run_args(struct lpg_run *run);

/* Does an update or a replacement set the slot? */
bool lpg_run_sets(const struct lpg_record *record, uint32_t slot);

/* ---- audit.c ---- */

/* Notes which slots the record at hand changes; `batch` has the stored record in its first row. */
void lpg_audit_compare(struct lpg_run *run, const cim_batch *batch);
/* Who changed what, in the transaction: one record by its id, many by their number. */
cim_status lpg_audit_edit(const struct lpg_run *run, cim_tx *tx, cim_error *err);

/* ---- image.c: nothing where the edit is no batch ---- */

/* Keeps the stored record, which `batch` has in its first row. */
void lpg_image_take(struct lpg_run *run, const cim_batch *batch);
/* Notes the record at hand with the image taken; `version` as in cim/batches.h. */
cim_status lpg_image_note(struct lpg_run *run, cim_tx *tx, int64_t fid, int64_t version,
                          cim_error *err);
cim_status lpg_image_created(struct lpg_run *run, cim_tx *tx, int64_t fid, int64_t version,
                             cim_error *err);
/* Notes the run of created records that is open. */
cim_status lpg_image_end_run(struct lpg_run *run, cim_tx *tx, cim_error *err);
/* The batch itself, at the end of the edit. */
cim_status lpg_image_keep(struct lpg_run *run, cim_tx *tx, cim_error *err);

#endif
