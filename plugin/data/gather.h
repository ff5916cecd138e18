/* plugin/data/gather.h -- checked rows, copied and set aside until they are inserted together. */
#ifndef LPG_DATA_GATHER_H
#define LPG_DATA_GATHER_H

#include "data/edit.h"

enum {
    LPG_GATHER_ROWS_MAX = 2000, /* also of a slice, see load.h */
    LPG_GATHER_BYTES_MAX =
        16 << 20 /* of texts and geometries; the row that passes it is the last */
};

struct lpg_gather {
    uint32_t capacity; /* rows */
    uint32_t n;
    uint32_t n_values; /* of each row */
    size_t n_bytes;
    cim_value *values;                  /* row after row, as the plan names them */
    int64_t *rows;                      /* their numbers in the edit */
    int64_t *fids;                      /* after the insert; 0: refused */
    uint32_t place[LPG_RECORD_COLUMNS]; /* of a record column among the values; UINT32_MAX: none */
    struct lpg_piece *pieces;           /* the bytes; the newest first */
};

/* For the rows of the run's plan, at most `max_rows` of them at a time. */
cim_status lpg_gather_init(struct lpg_gather *gather, const struct lpg_run *run, uint32_t max_rows,
                           cim_error *err);
void lpg_gather_done(struct lpg_gather *gather);
bool lpg_gather_is_full(const struct lpg_gather *gather);
/* Copies the values of the record at hand; the gather is not full. */
cim_status lpg_gather_add(struct lpg_gather *gather, struct lpg_run *run, int64_t row,
                          cim_error *err);
void lpg_gather_clear(struct lpg_gather *gather);
/* A record column of a row; NULL: the plan has none. */
const cim_value *lpg_gather_value(const struct lpg_gather *gather, uint32_t i, uint32_t slot);

#endif
