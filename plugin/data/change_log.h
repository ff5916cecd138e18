/* plugin/data/change_log.h -- which records of a layer changed, from the store's change log. */
#ifndef LPG_DATA_CHANGE_LOG_H
#define LPG_DATA_CHANGE_LOG_H

#include "cim/store.h"

#include <stdbool.h>

enum {
    LPG_CHANGES_SPAN_MAX = 262144, /* positions that are looked through, of all layers */
    LPG_FIDS_FILTER_MAX = 200,     /* fids in one condition */
    LPG_FIDS_FILTER_SIZE = 64 + LPG_FIDS_FILTER_MAX * 22
};

/* The fids that changed after `after` up to `until`, ascending, each once, at most `capacity`.
 * *ret_known false: they are too many, "many" is all that was noted, or the log does not reach back
 * that far; then load the layer. [worker] */
cim_status lpg_changes_read(const cim_host *host, const cim_store_v1 *store, const char *layer,
                            int64_t after, int64_t until, int64_t *fids, uint32_t capacity,
                            uint32_t *ret_n, bool *ret_known, cim_error *err);
/* "fid in (…)" of the first of n fids, as CQL2 JSON; how many of them it holds. */
uint32_t lpg_fids_filter(const int64_t *fids, uint32_t n, char ret_filter[LPG_FIDS_FILTER_SIZE]);

#endif
