/* plugin/analysis/separation_rules.h -- the records of lpg.separation-rules in memory.
 *
 * They are one law for all: whoever may not read every one of them gets no answer, since a verdict
 * by half of the rules would be worse than none.
 */
#ifndef LPG_ANALYSIS_SEPARATION_RULES_H
#define LPG_ANALYSIS_SEPARATION_RULES_H

#include "analysis/separation_table.h"
#include "cim/access.h"
#include "cim/plugin.h"
#include "cim/store.h"
#include "data/data.h"

#include <pthread.h>
#include <stdatomic.h>

enum lpg_separation_band { LPG_BAND_VOLUME, LPG_BAND_TANK, LPG_BAND_MASS, LPG_BANDS };
extern const char *const lpg_separation_bands[LPG_BANDS + 1];

enum { LPG_SEPARATION_RULES_MAX = 10000, LPG_RULE_TEXT = 512 };

struct lpg_separation_rule {
    char uid[40];
    char rule_no[256];
    int64_t version;
    int station;
    int receptor;
    bool not_inside; /* no distance: the station does not stand in it */
    double metres;
    double times_height;
    int band; /* -1: whatever the volume */
    double over;
    double upto;
    int32_t from_day;
    int32_t to_day;
    char confidence; /* C, L or U */
    bool confirmed;  /* by a person, and with the metres that stand there now */
    char clause[LPG_RULE_TEXT];
    char edition[LPG_RULE_TEXT / 2];
    char station_datum[32];
    char receptor_datum[32];
};

/* Shared; read-only once read. */
struct lpg_separation_rules {
    atomic_uint references;
    int64_t pos;
    size_t n;
    struct lpg_separation_rule *rules; /* by rule_no */
};

struct lpg_separation_rules_cache {
    const cim_host *host;
    const cim_store_v1 *store;
    const cim_access_v1 *access;
    struct lpg_layer *layer;
    pthread_mutex_t lock; /* of `current` */
    struct lpg_separation_rules *current;
};

/* Keeps host and data. [lifecycle] */
cim_status lpg_separation_rules_init(struct lpg_separation_rules_cache *cache, const cim_host *host,
                                     struct lpg_data *data, cim_error *err);
void lpg_separation_rules_done(struct lpg_separation_rules_cache *cache); /* also of {0} */
/* All rules as of now. CIM_E_DENIED: the caller may not read them all; CIM_E_STATE: there are none;
 * CIM_E_INVALID: one of them cannot be a rule. lpg_separation_rules_unref() it. [worker] */
cim_status lpg_separation_rules_take(struct lpg_separation_rules_cache *cache, const cim_call *call,
                                     struct lpg_separation_rules **ret_rules, cim_error *err);
void lpg_separation_rules_unref(struct lpg_separation_rules *rules); /* NULL-safe */

/* Whether the word 合规 may rest on it. */
static inline bool
lpg_separation_rule_firm(const struct lpg_separation_rule *rule)
{
    return rule->confidence == 'C' || rule->confirmed;
}

#endif
