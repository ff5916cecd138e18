/* plugin/data/write.h -- what write.c, refuse.c and create.c share: an edit on its way. */
#ifndef LPG_DATA_WRITE_H
#define LPG_DATA_WRITE_H

#include "data/gather.h"

enum { LPG_REFUSALS_HELD = 256 /* of a large edit, until they are told */ };

struct lpg_refusal {
    int64_t row;
    cim_error why;
};

struct lpg_write {
    struct lpg_run run;
    struct lpg_block *staged; /* all rows of a small edit */
    const cim_batch *batch;   /* of a large one: the batch that is borrowed now */
    bool is_small;
    bool started;
    bool tried; /* a dry run got to its end */
    struct lpg_gather gather;
    cim_error first; /* what is wrong with the first row that was refused */
    int64_t first_row;
    size_t n_refusals; /* not told yet */
    size_t refusals_capacity;
    struct lpg_refusal *refusals;
    cim_status failed;      /* memory ran out where nothing could be returned */
    struct lpg_write *also; /* of the edit that follows in the same transaction */
};

/* ---- refuse.c ---- */

/* What is wrong with a row alone; the rest ends the edit. */
bool lpg_is_refusal(cim_status status);
/* Notes it; `values` are those of the row, for the value that a unique index refuses. */
void lpg_refuse(struct lpg_write *write, int64_t row, const cim_value *values, uint32_t n_values,
                const cim_error *why);
/* Tells the caller what was noted, by rising rows. */
void lpg_refusals_tell(struct lpg_write *write);
void lpg_refusals_forget(struct lpg_write *write);

/* ---- create.c ---- */

/* Inserts what was gathered, and notes each record. */
cim_status lpg_create_flush(struct lpg_write *write, cim_tx *tx, cim_error *err);

#endif
