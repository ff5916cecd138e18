/* plugin/data/tally.h -- how many records a layer has of each kind, in memory: exact counts that
 * read nothing, of all that a query selects or by values.
 *
 * A tally puts every record into a cell: its area, its owner, and its values of the fields that the
 * definition counts by. A count adds up the cells that query and scope let through. The tally
 * remembers the cell of each record, so it follows the change log: a record that changed moves from
 * one cell to another. A condition that cells cannot judge (another field, a box, words) is left to
 * the store, and so is everything while there is no tally yet.
 */
#ifndef LPG_DATA_TALLY_H
#define LPG_DATA_TALLY_H

#include "data/internal.h"

#include <stdatomic.h>

enum {
    LPG_TALLY_DIMS_MAX = 8,        /* area, owner, and fields of the types code and boolean */
    LPG_TALLY_FIDS_MAX = 16 << 20, /* a layer with a greater fid is counted by the store; 64 MiB */
    LPG_TALLY_CELLS_MAX = 200000,  /* likewise */
    LPG_TALLY_CHANGES_MAX = 4096   /* records followed one by one; more: it is made anew */
};

struct lpg_cells;

/* The exact count as of the layer's position or later; false: the store has to count. `scope` and
 * `query` were checked by lpg_sql_where(). [worker] */
bool lpg_tally_count(struct lpg_layer *layer, const cim_query *query, const cim_scope *scope,
                     int64_t now_ms, int64_t *ret_count);
/* Adds a group to `groups` for each combination of values of the columns `by` among the records
 * that lpg_tally_count() counts, with how many there are; false: the store has to, and `groups` is
 * as it was. */
bool lpg_tally_group(struct lpg_layer *layer, const cim_query *query, const cim_scope *scope,
                     int64_t now_ms, const char *const *by, uint32_t n_by,
                     struct lpg_cells *groups);
/* Makes the tallies that counts have missed. From one thread. */
cim_status lpg_tallies_run(struct lpg_data *data, const atomic_bool *stop, cim_error *err);
void lpg_tally_free(struct lpg_tally *tally); /* NULL-safe */

/* ---- cells (cells.c) ---- */

struct lpg_cell_text {
    const char *text; /* NULL: absent */
    size_t len;
};

struct lpg_cell {
    int64_t n;
    uint64_t hash;
    int32_t area;                                  /* ordinal; -1: none */
    struct lpg_cell_text dims[LPG_TALLY_DIMS_MAX]; /* area_code, owner_org, fields */
    uint32_t codes[LPG_TALLY_DIMS_MAX];            /* which value of its dimension each is */
    char *texts;
};

/* The different values of one dimension, numbered as they came. */
struct lpg_cell_values {
    uint32_t n;
    uint32_t *first; /* the first cell that has each */
    uint32_t n_slots;
    uint32_t *slots; /* value + 1; 0: empty */
};

struct lpg_cells {
    uint32_t n;
    uint32_t capacity;
    struct lpg_cell *cells;
    uint32_t n_slots; /* a power of two */
    uint32_t *slots;  /* cell + 1; 0: empty */
    struct lpg_cell_values values[LPG_TALLY_DIMS_MAX];
};

/* The cell of these values, made where there was none. CIM_E_TOO_LARGE past LPG_TALLY_CELLS_MAX;
 * after a failure the cells are good for nothing any more. */
cim_status lpg_cells_find(struct lpg_cells *cells, const struct lpg_cell_text *dims,
                          uint32_t n_dims, uint32_t *ret_cell, cim_error *err);
void lpg_cells_done(struct lpg_cells *cells);

/* ---- conditions on cells (cell_filter.c) ---- */

enum { LPG_CELL_NODES_MAX = 64 };

struct lpg_cell_node {
    int kind;
    uint32_t dim;
    uint32_t n_args;            /* nodes behind this one that are its own */
    struct json_object *values; /* of `in`: an array; of `=`: the value */
};

struct lpg_cell_filter {
    uint32_t n;
    struct lpg_cell_node nodes[LPG_CELL_NODES_MAX];
    struct json_object *root;
};

/* CQL2 JSON over the named dimensions; false: cells cannot judge it. */
bool lpg_cell_filter_open(struct lpg_cell_filter *filter, const char *json,
                          const char *const *names, uint32_t n_dims);
void lpg_cell_filter_done(struct lpg_cell_filter *filter);
bool lpg_cell_filter_passes(const struct lpg_cell_filter *filter, const struct lpg_cell *cell);

/* ---- between tally.c, which makes and follows it, and tally_count.c, which adds up ---- */

struct lpg_tally {
    int64_t pos;
    int64_t areas_version; /* of the cells' ordinals */
    uint32_t n_ordinals;   /* cells that have theirs */
    uint32_t n_dims;
    const char *names[LPG_TALLY_DIMS_MAX];
    struct lpg_cells cells;
    size_t n_fids;
    uint32_t *cell_of; /* by fid: cell + 1; 0: no record */
};

/* The layer's tally, up to date and with the ordinals of now, for this thread alone until it is
 * given back; NULL: there is none to be had now. */
struct lpg_tally *lpg_tally_take(struct lpg_layer *layer);
void lpg_tally_give_back(struct lpg_layer *layer);

#endif
