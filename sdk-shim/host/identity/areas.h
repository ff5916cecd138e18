/* host/identity/areas.h -- the area tree of the platform, kept in the data store's cim_area table.
 */
#ifndef HOST_AREAS_H
#define HOST_AREAS_H

#include "kit/area_tree.h"

struct host_store;
struct host_areas;

/* Loads the tree; an empty table gives an empty tree. */
cim_status host_areas_open(struct host_store *store, struct host_areas **ret_areas, cim_error *err);
void host_areas_free(struct host_areas *areas);
/* The tree of now. Trees stay valid until host_areas_free(), so a call may keep using its own. */
const struct cim_area_tree *host_areas_tree(struct host_areas *areas);
/* Replaces the tree by a CSV file (code,name,level,parent,aliases,valid_from,valid_to,managed_by)
 * and reloads it. Refusals name line, column, value. */
cim_status host_areas_import(struct host_areas *areas, const char *csv_path, int64_t *ret_count,
                             cim_error *err);

#endif
