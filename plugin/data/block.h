/* plugin/data/block.h -- owned copies of batches, so that no store connection waits for a client.
 */
#ifndef LPG_DATA_BLOCK_H
#define LPG_DATA_BLOCK_H

#include "cim/rows.h"
#include "kit/buf.h"

#include <stdbool.h>

struct lpg_block {
    struct lpg_block *next;
    cim_batch batch;
    cim_column *columns;
    const cim_column **views;
    struct cim_buf *replaced; /* by column: bytes that took the place of the copied ones */
    size_t bytes;
};

/* One allocation for all. Every column gets a validity bitmap. */
cim_status lpg_block_copy(const cim_batch *batch, struct lpg_block **ret_block, cim_error *err);
void lpg_block_free(struct lpg_block *block); /* the whole list; NULL-safe */
void lpg_block_set_absent(struct lpg_block *block, uint32_t column, int64_t row);

/* Reads `rows` to its end or past `max_bytes`; *ret_ended says which. */
cim_status lpg_blocks_read(cim_rows *rows, size_t max_bytes, struct lpg_block **ret_first,
                           bool *ret_ended, cim_error *err);
/* A cursor over blocks, which it takes on success. Names and types are copied. */
cim_status lpg_blocks_rows(struct lpg_block *first, uint32_t n_columns, const char *const *names,
                           const uint32_t *types, cim_rows **ret_rows, cim_error *err);

#endif
