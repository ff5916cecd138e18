/* plugin/data/paging.h -- sort keys, positions between rows, and their tokens. */
#ifndef LPG_DATA_PAGING_H
#define LPG_DATA_PAGING_H

#include "data/block.h"
#include "data/internal.h"

enum { LPG_TOKEN_MAX = 4096, LPG_TOKEN_TEXT_MAX = 1500 };

struct lpg_key {
    struct lpg_column column;
    uint32_t index; /* of its value in the select list */
    bool descending;
    bool pinyin; /* in the order of people, not of bytes */
};

/* The order of a query: keys, then fid in the direction of the last key. */
struct lpg_order {
    uint32_t n_keys;
    struct lpg_key keys[LPG_SORT_KEYS_MAX];
    bool fid_descending;
};

/* A value of a key. */
struct lpg_key_value {
    bool present;
    int64_t i64; /* integers, booleans, times */
    double f64;
    size_t offset; /* texts: in the position's bytes */
    size_t len;
};

/* The row after which to go on. */
struct lpg_position {
    bool set;
    int64_t fid;
    struct lpg_key_value values[LPG_SORT_KEYS_MAX];
    struct cim_buf texts;
};

void lpg_position_init(struct lpg_position *position);
void lpg_position_done(struct lpg_position *position);
/* Takes the last of `n_rows` rows of a block. */
cim_status lpg_position_take(struct lpg_position *position, const struct lpg_order *order,
                             const cim_batch *batch, int64_t row, cim_error *err);

/* Reads a query's sort texts; index is left for the caller. */
cim_status lpg_order_parse(const struct lpg_layer *layer, const cim_query *query,
                           const cim_scope *scope, struct lpg_order *ret_order, cim_error *err);
/* " order by …" */
void lpg_sql_order(struct lpg_statement *statement, const struct lpg_order *order);
/* "(…)": the rows after the position. */
void lpg_sql_after(struct lpg_statement *statement, const struct lpg_order *order,
                   const struct lpg_position *position);

/* The position as text for URLs. Long texts stay out of it: then the token names the record, whose
 * values are read again. */
cim_status lpg_token_write(const struct lpg_layer *layer, const struct lpg_order *order,
                           const struct lpg_position *position, struct cim_buf *out,
                           cim_error *err);
/* CIM_E_INVALID for a token that is none of ours, or of another layer or order. */
cim_status lpg_token_read(const struct lpg_layer *layer, const struct lpg_order *order,
                          const char *token, struct lpg_position *position, cim_error *err);

#endif
