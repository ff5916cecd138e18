/* plugin/analysis/sites_index.h -- inside of sites.h: how an index of a layer is made and follows
 * its edits.
 *
 * All versions of an index share columns to which records are only ever appended; a version knows
 * how many of them it has and which are gone (a bit per record), so what a reader holds never
 * changes. A change appends the records as they are now and marks what they were. Items lie under a
 * tree of those that were there when the columns were made, a smaller one of most that came since,
 * and a short tail that is looked through. Past LPG_SITES_MERGE of them, or when the columns are
 * nearly full, what is left is copied into new columns, in the background and from memory.
 *
 * A change costs its records, a bit per record of the layer and, spread over LPG_SITES_TAIL of
 * them, the sorting of at most LPG_SITES_MERGE items; a search costs that of two trees.
 */
#ifndef LPG_ANALYSIS_SITES_INDEX_H
#define LPG_ANALYSIS_SITES_INDEX_H

#include "analysis/sites.h"

enum {
    LPG_SITES_CHANGES_MAX = 4096, /* at once; more are read with the whole layer */
    LPG_SITES_MERGE = 8192,
    LPG_SITES_TAIL = 256
};

/* The columns' room, shared by versions. Before it is fixed it grows; then readers hold it. */
struct lpg_sites_room {
    atomic_uint references;
    bool fixed;
    bool full;    /* something did not fit */
    bool spoiled; /* an append was broken off: no other may follow */
    size_t items;
    size_t records;
    size_t text;
    size_t edges;
    uint32_t n_fid_slots;
    uint32_t *fid_slots; /* of the newest record of each fid: its number + 1; the writer's alone */
};

struct lpg_sites_tree {
    atomic_uint references;
    uint32_t first; /* item of the tree's number 0 */
    uint32_t end;
    struct lpg_rtree *tree;
};

/* ---- columns (sites_columns.c) ---- */

/* Empty, with a room of its own. */
cim_status lpg_sites_new(const struct lpg_sites_spec *spec, const struct cim_definition *def,
                         struct lpg_sites **ret_sites, cim_error *err);
/* A version that shares the columns, with marks of its own of what is gone. */
cim_status lpg_sites_share(const struct lpg_sites *sites, struct lpg_sites **ret_sites,
                           cim_error *err);
void lpg_sites_ref(struct lpg_sites *sites);
void lpg_sites_unref(struct lpg_sites *sites);          /* NULL-safe */
void lpg_sites_tree_unref(struct lpg_sites_tree *tree); /* NULL-safe */
/* Spare room, and no growing from here on. */
cim_status lpg_sites_settle(struct lpg_sites *sites, cim_error *err);

/* CIM_E_TOO_LARGE with room->full where a fixed room has no more; past the limits of sites.h
 * likewise, without it. */
cim_status lpg_sites_add_text(struct lpg_sites *sites, const void *text, size_t len,
                              uint32_t *ret_place, cim_error *err);
cim_status lpg_sites_add_name(struct lpg_sites *sites, const void *text, size_t len,
                              uint32_t *ret_number, cim_error *err);
cim_status lpg_sites_add_item(struct lpg_sites *sites, const double *from, const double *to,
                              cim_error *err);
cim_status lpg_sites_add_edge(struct lpg_sites *sites, const double *from, const double *to,
                              cim_error *err);
/* Room for the record of number n_records. */
cim_status lpg_sites_reserve_record(struct lpg_sites *sites, cim_error *err);
/* The live records [first, end) of another index of the same layer. `numbers` (of `from`'s records;
 * may be NULL) learns what they are called here. */
cim_status lpg_sites_copy(struct lpg_sites *sites, const struct lpg_sites *from, uint32_t first,
                          uint32_t end, uint32_t *numbers, cim_error *err);
/* Number of the first item of this record or a later one. */
uint32_t lpg_sites_first_item(const struct lpg_sites *sites, uint32_t record);
void lpg_sites_item_box(const struct lpg_sites *sites, uint32_t i, double ret_box[4]);

/* ---- reading (sites_load.c) ---- */

/* Appends the records of the layer's own query. */
cim_status lpg_sites_read(struct lpg_sites *sites, const struct lpg_sites_spec *spec,
                          struct lpg_layer *layer, const cim_call *call, const double *bbox_deg,
                          const char *filter_json, cim_error *err);

/* ---- following edits (sites_index.c) ---- */

/* After reading all: extent, tree, and where edits will come the room for them. */
cim_status lpg_sites_finish(struct lpg_sites *sites, bool follows, cim_error *err);
/* As of `until`, by the change log; *ret_sites stays NULL where that cannot be done and the layer
 * must be read. One caller at a time per room. */
cim_status lpg_sites_advance(const struct lpg_sites *sites, const struct lpg_sites_cache *cache,
                             const cim_call *call, int64_t until, struct lpg_sites **ret_sites,
                             cim_error *err);
bool lpg_sites_wants_merge(const struct lpg_sites *sites, uint32_t limit);
/* The records of `sites` in columns of their own. [any] */
cim_status lpg_sites_compact(const struct lpg_sites *sites, const struct lpg_sites_spec *spec,
                             const struct cim_definition *def, uint32_t *numbers,
                             struct lpg_sites **ret_sites, cim_error *err);
/* What `newer`, a version of the same columns, has beyond `sites`: into `compact`, which was made
 * of `sites` and is nobody's yet. */
cim_status lpg_sites_catch_up(struct lpg_sites *compact, const uint32_t *numbers,
                              const struct lpg_sites *sites, const struct lpg_sites *newer,
                              cim_error *err);

#endif
