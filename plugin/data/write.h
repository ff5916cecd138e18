/* plugin/data/write.h -- what write.c, refuse.c and create.c share: an edit on its way. */
#ifndef LPG_DATA_WRITE_H
#define LPG_DATA_WRITE_H

#include "data/gather.h"

enum { LPG_REFUSALS_HELD = 256 /* of a large edit, until they are told */ };

struct lpg_refusal {
    int64_t row;
    cim_error why;
};

/* What a transaction that runs again begins with. */
struct lpg_write_mark {
    int64_t n_written;
    int64_t n_refused;
    size_t n_refusals;
    int64_t n_changes;
    size_t changes_texts;
    int64_t first_row;
};

/* Values that rows of a dry run have had (unique.h). */
struct lpg_seen_value {
    uint64_t a; /* 0: an empty slot */
    uint64_t b;
};

struct lpg_seen {
    size_t capacity; /* a power of two */
    size_t n;
    struct lpg_seen_value *slots;
};

struct lpg_write {
    struct lpg_run run;
    struct lpg_block *staged; /* all rows of a small edit */
    const cim_batch *batch;   /* of a large one: the batch that is borrowed now */
    bool is_small;
    bool started;
    bool tried; /* a dry run got to its end */
    struct lpg_gather gather;
    bool load_begun; /* a slice is in the store */
    struct lpg_seen seen;
    cim_error first; /* what is wrong with the first row that was refused */
    int64_t first_row;
    size_t n_refusals; /* not told yet */
    size_t refusals_capacity;
    struct lpg_refusal *refusals;
    int64_t n_warned;       /* rows whose warnings were told */
    int64_t n_placed;       /* rows whose positions were told */
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

/* All or nothing, and some row was refused: nothing will be stored. */
bool lpg_write_is_refused(const struct lpg_write *write);

/* The failure of such an edit: what is wrong with the first row. */
cim_status lpg_refusals_fail(const struct lpg_write *write, cim_error *err);

/* ---- write.c ---- */

/* The rows of an edit, checked; what a small create gathers is not inserted yet. */
cim_status lpg_write_begin(struct lpg_write *write, cim_tx *tx, cim_error *err);
/* An edit, and those that follow it, in a transaction of their own. */
cim_status lpg_write_whole(struct lpg_write *first, int64_t *ret_pos, cim_error *err);
/* What ends the transaction of an edit: changes, batch, audit, and what the caller adds. */
cim_status lpg_write_end(struct lpg_write *write, cim_tx *tx, cim_error *err);

/* ---- slice.c ---- */

/* A large create of records that nobody sees before all are there (load.h). */
bool lpg_write_is_sliced(const struct lpg_write *write);
/* A large dry run that needs no transaction. */
bool lpg_write_is_only_checked(const struct lpg_write *write);
/* What was gathered, as a slice. Refusals of an edit that is all or nothing are no failure yet. */
cim_status lpg_slice_write(struct lpg_write *write, cim_error *err);
/* The rest, and everything is seen; of an edit that fits into one slice all there is to do. */
cim_status lpg_slice_publish(struct lpg_write *write, int64_t *ret_pos, cim_error *err);

/* ---- create.c ---- */

/* Inserts what was gathered, and notes each record. */
cim_status lpg_create_flush(struct lpg_write *write, cim_tx *tx, cim_error *err);
/* Of one that was inserted. */
cim_status lpg_create_note(struct lpg_write *write, cim_tx *tx, uint32_t i, cim_error *err);

/* ---- together.c ---- */

/* It creates one record, and nothing stands against doing so beside others. */
bool lpg_write_can_join(const struct lpg_write *write);
/* Alone, or in one transaction with what others create at the same time. */
cim_status lpg_write_together(struct lpg_layer *layer, struct lpg_write *write, int64_t *ret_pos,
                              cim_error *err);

#endif
