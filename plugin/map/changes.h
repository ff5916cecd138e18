/* plugin/map/changes.h -- which records of a layer changed, from the store's change log. */
#ifndef LPG_MAP_CHANGES_H
#define LPG_MAP_CHANGES_H

#include "cim/store.h"

#include <stdbool.h>

enum { LPG_CHANGES_SPAN_MAX = 262144 }; /* positions that are looked through, of all layers */

/* The fids that changed after `after` up to `until`, ascending, each once, at most `capacity`.
 * *ret_known false: they are too many, "many" is all that was noted, or the log does not reach back
 * that far; then load the layer. [worker] */
cim_status lpg_changes_read(const cim_host *host, const cim_store_v1 *store, const char *layer,
                            int64_t after, int64_t until, int64_t *fids, uint32_t capacity,
                            uint32_t *ret_n, bool *ret_known, cim_error *err);

#endif
