/* plugin/map/verdict.h -- which rows satisfy a grant's row filter: the store's answer, kept.
 *
 * The store judges a record as it is now; a map draws it as it was read. An answer is therefore
 * taken for the version alone that it was given for. Whether a version satisfies a filter never
 * changes, so what is kept stays true; a record that was written in between is hidden from that
 * grant until the map has followed the edit.
 */
#ifndef LPG_MAP_VERDICT_H
#define LPG_MAP_VERDICT_H

#include "cim/layers.h"
#include "map/features.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LPG_VERDICTS_MAX = 16 }; /* filters kept per base or overlay, oldest use first out */

/* One filter's answer, shared by reference count; never changes. */
struct lpg_verdict {
    atomic_uint references;
    uint64_t used;
    char *filter_json;
    uint32_t n_rows;
    uint64_t bits[]; /* one per row */
};

struct lpg_verdicts {
    pthread_mutex_t making; /* one filter is judged at a time; taken before `lock` */
    pthread_mutex_t lock;   /* of what follows; short */
    uint64_t tick;
    struct lpg_verdict *kept[LPG_VERDICTS_MAX];
};

void lpg_verdicts_init(struct lpg_verdicts *verdicts);
void lpg_verdicts_done(struct lpg_verdicts *verdicts);

/* The verdict on all rows of `features`, for the caller to unref. `few`: the rows are few of the
 * layer's records and are asked for by fid. Waits for the store where it is not known yet. */
cim_status lpg_verdicts_get(struct lpg_verdicts *verdicts, const struct lpg_features *features,
                            bool few, const cim_layer *layer, const cim_call *call,
                            const char *filter_json, struct lpg_verdict **ret_verdict,
                            cim_error *err);
void lpg_verdict_unref(struct lpg_verdict *verdict); /* NULL-safe */

/* False for a row that it does not know. */
static inline bool
lpg_verdict_holds(const struct lpg_verdict *verdict, uint32_t row)
{
    return row < verdict->n_rows && (verdict->bits[row / 64U] >> (row % 64U) & 1U) != 0;
}

#endif
