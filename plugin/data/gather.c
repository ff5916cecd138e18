/* plugin/data/gather.c -- see gather.h. */
#include "data/gather.h"

#include "cim/util.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 64 << 10 };

struct lpg_piece {
    struct lpg_piece *next;
    size_t used;
    size_t capacity;
    char bytes[];
};

cim_status
lpg_gather_init(struct lpg_gather *gather, const struct lpg_run *run, uint32_t max_rows,
                cim_error *err)
{
    const uint32_t n_values = run->write.n_slots + (run->writes_words ? 1U : 0U);
    *gather = (struct lpg_gather){.capacity = max_rows, .n_values = n_values};
    for (uint32_t slot = 0; slot < LPG_RECORD_COLUMNS; slot++) {
        gather->place[slot] = UINT32_MAX;
    }
    for (uint32_t i = 0; i < run->write.n_slots; i++) {
        if (run->write.slots[i] < LPG_RECORD_COLUMNS) {
            gather->place[run->write.slots[i]] = i;
        }
    }
    gather->values = malloc((size_t)max_rows * n_values * sizeof *gather->values);
    gather->rows = malloc(max_rows * sizeof *gather->rows);
    gather->fids = malloc(max_rows * sizeof *gather->fids);
    return gather->values != NULL && gather->rows != NULL && gather->fids != NULL
               ? CIM_OK
               : cim_fail_nomem(err);
}

static void
free_pieces(struct lpg_piece *piece)
{
    while (piece != NULL) {
        struct lpg_piece *next = piece->next;
        free(piece);
        piece = next;
    }
}

void
lpg_gather_done(struct lpg_gather *gather)
{
    free_pieces(gather->pieces);
    free(gather->values);
    free(gather->rows);
    free(gather->fids);
    *gather = (struct lpg_gather){.n = 0};
}

bool
lpg_gather_is_full(const struct lpg_gather *gather)
{
    return (gather->n > 0 && gather->n == gather->capacity) ||
           gather->n_bytes >= LPG_GATHER_BYTES_MAX;
}

void
lpg_gather_clear(struct lpg_gather *gather)
{
    struct lpg_piece *kept = gather->pieces;
    if (kept != NULL) {
        free_pieces(kept->next);
        kept->next = NULL;
        kept->used = 0;
    }
    gather->n = 0;
    gather->n_bytes = 0;
}

static const void *
keep_bytes(struct lpg_gather *gather, const void *bytes, size_t len)
{
    struct lpg_piece *piece = gather->pieces;
    if (piece == NULL || piece->capacity - piece->used < len) {
        const size_t capacity = len > PIECE_BYTES ? len : PIECE_BYTES;
        piece = malloc(sizeof *piece + capacity);
        if (piece == NULL) {
            return NULL;
        }
        *piece = (struct lpg_piece){.next = gather->pieces, .capacity = capacity};
        gather->pieces = piece;
    }
    char *copy = piece->bytes + piece->used;
    memcpy(copy, bytes, len);
    piece->used += len;
    gather->n_bytes += len;
    return copy;
}

cim_status
lpg_gather_add(struct lpg_gather *gather, struct lpg_run *run, int64_t row, cim_error *err)
{
    cim_value *values = gather->values + (size_t)gather->n * gather->n_values;
    (void)lpg_run_args(run);
    for (uint32_t i = 0; i < gather->n_values; i++) {
        values[i] = run->args[i];
        if ((values[i].type == CIM_COL_TEXT || values[i].type == CIM_COL_WKB) &&
            values[i].len > 0) {
            values[i].v.ptr = keep_bytes(gather, values[i].v.ptr, values[i].len);
            if (values[i].v.ptr == NULL) {
                return cim_fail_nomem(err);
            }
        }
    }
    gather->rows[gather->n++] = row;
    return CIM_OK;
}

const cim_value *
lpg_gather_value(const struct lpg_gather *gather, uint32_t i, uint32_t slot)
{
    const uint32_t at = gather->place[slot];
    return at != UINT32_MAX ? &gather->values[(size_t)i * gather->n_values + at] : NULL;
}
