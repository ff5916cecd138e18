/* plugin/data/changes.h -- the changes of an edit, noted in the change log at its end. */
#ifndef LPG_DATA_CHANGES_H
#define LPG_DATA_CHANGES_H

#include "data/internal.h"

struct lpg_change {
    int64_t fid;
    int32_t op;
    size_t area; /* offsets into the texts; SIZE_MAX: none */
    size_t owner;
};

/* Up to LPG_CHANGES_SINGLE_MAX; past them the edit is noted as "many". */
struct lpg_changes {
    int64_t n; /* all of them, also those not kept */
    struct lpg_change *items;
    struct cim_buf texts;
};

cim_status lpg_changes_init(struct lpg_changes *changes, cim_error *err);
void lpg_changes_done(struct lpg_changes *changes);
void lpg_changes_clear(struct lpg_changes *changes);
/* Texts may be NULL. */
void lpg_changes_add(struct lpg_changes *changes, int64_t fid, int32_t op, const void *area,
                     size_t area_len, const void *owner, size_t owner_len);
cim_status lpg_changes_note(const struct lpg_changes *changes, const struct lpg_layer *layer,
                            cim_tx *tx, cim_error *err);

#endif
