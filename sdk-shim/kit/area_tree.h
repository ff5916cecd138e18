/* kit/area_tree.h -- the tree of administrative areas: codes, aliases, depth-first ordinals, days.
 *
 * A tree, not prefixes: 4690xx hang under the province, 460105100 is no ancestor of 460105101.
 * Immutable once built; a new version replaces it.
 */
#ifndef CIM_KIT_AREA_TREE_H
#define CIM_KIT_AREA_TREE_H

#include "cim/access.h"

#include <stdbool.h>

enum { CIM_AREAS_MAX = 200000 };

struct cim_area_input {
    const char *code;
    const char *name;
    const char *level;
    const char *parent;  /* code; NULL or "" for a root */
    const char *aliases; /* codes separated by spaces; may be NULL */
};

struct cim_area_tree;

/* Copies. Refuses duplicate codes or aliases, unknown parents and cycles, naming the code. */
cim_status cim_area_tree_new(const struct cim_area_input *inputs, size_t n_inputs, int64_t version,
                             struct cim_area_tree **ret_tree, cim_error *err);
/* The days on which an area of the tree is in force, "YYYY-MM-DD" in Beijing, the last one
 * included; NULL or "": without end. Only before others see the tree. */
cim_status cim_area_tree_set_days(struct cim_area_tree *tree, const char *code,
                                  const char *valid_from, const char *valid_to, cim_error *err);
void cim_area_tree_free(struct cim_area_tree *tree);
int64_t cim_area_tree_version(const struct cim_area_tree *tree);
int32_t cim_area_tree_count(const struct cim_area_tree *tree);
int32_t cim_area_tree_ordinal(const struct cim_area_tree *tree, const char *code); /* -1 unknown */
/* Until when the areas in force now_ms stay the same: INT64_MAX where none begins or ends. */
int64_t cim_area_tree_steady_until(const struct cim_area_tree *tree, int64_t now_ms);
/* NULL past the end; valid as long as the tree. */
const cim_area *cim_area_tree_at(const struct cim_area_tree *tree, int32_t ordinal);

#endif
