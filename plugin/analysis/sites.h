/* plugin/analysis/sites.h -- the records of one layer as analyses look through them: positions,
 * line segments or boxes of areas under an R-tree, with the few fields that an analysis weighs.
 *
 * An index holds the layer as of one position of the store, all of it, and is shared by callers; it
 * follows edits without being read anew, and what somebody holds never changes. Each caller sees
 * through a view of his own, which judges record by record what his scope covers. Where a scope
 * cannot be judged here (row filters, exceptions by field) the view has an index of its own, read
 * through the layer with that scope. Sensitive fields never enter.
 */
#ifndef LPG_ANALYSIS_SITES_H
#define LPG_ANALYSIS_SITES_H

#include "cim/access.h"
#include "cim/plugin.h"
#include "cim/store.h"
#include "data/data.h"
#include "geo/rtree.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    LPG_SITES_MAX = 4000000,      /* positions or segments */
    LPG_SITES_TEXT_MAX = 1 << 30, /* bytes */
    LPG_SITES_VALUES_MAX = 8
};

/* One more number of a record; a code's place in `codes` (ends with NULL) where they are given. */
struct lpg_sites_value {
    const char *field; /* NULL: not read */
    const char *const *codes;
};

/* What to read of a layer. Fields that are NULL are not read. */
struct lpg_sites_spec {
    const char *layer;
    const char *code_field;
    /* The number of a value of that field, -1: records with it are left out. */
    int (*code)(const void *arg, const char *text, size_t len);
    const void *arg;
    const char *name_field; /* with it the uid is kept too */
    const char *persons_field;
    const char *distance_field;
    const char *from_field; /* days from and to which the record counts */
    const char *to_field;
    const char *pending_field; /* "pending": to be confirmed */
    const char *basis_field;
    const char *all_day_field; /* hours and days of the week on which the record counts */
    const char *hours_from_field;
    const char *hours_to_field;
    const char *weekdays_field; /* "12345": Monday to Friday */
    struct lpg_sites_value values[LPG_SITES_VALUES_MAX];
};

struct lpg_site_facts {
    uint32_t uid; /* places in `text` */
    uint32_t name;
    double persons;    /* NaN: not said */
    double distance_m; /* likewise */
    int32_t from_day;  /* since 1970; INT32_MIN and INT32_MAX: open */
    int32_t to_day;
    bool pending;
    uint8_t weekdays;    /* bit 0: Monday */
    int16_t from_minute; /* of the day in Beijing; -1: all day */
    int16_t to_minute;   /* not after it: past midnight */
    uint32_t basis;      /* place in `text` */
};

struct lpg_sites {
    atomic_uint references;
    int64_t pos;
    uint64_t serial; /* no two versions are alike: what is kept by record numbers names it */
    const char *layer;
    struct lpg_sites_room *room; /* of the columns, which versions share (sites_index.h) */
    uint64_t *gone;              /* a bit per record that is no more; NULL: none */
    uint32_t n_gone;
    bool has_facts;
    bool has_values;
    bool lines;
    bool areas;       /* `lines` is true as well */
    uint32_t n;       /* positions, segments of lines, or areas */
    double *lonlat;   /* pairs; of segments both ends, of areas the corners of the box */
    uint32_t *record; /* of each segment; NULL where positions are records */
    uint32_t n_records;
    double distance_max_m; /* no fact is larger */
    int64_t *fid;
    int16_t *code;
    uint32_t *area; /* numbers of `names` */
    uint32_t *owner;
    struct lpg_site_facts *facts; /* NULL where the spec has no name_field */
    double *values; /* LPG_SITES_VALUES_MAX a record, NaN: not said; NULL where none are read */
    double extent_deg[4]; /* of all positions; west > east: there are none */
    char *text;
    size_t text_len;
    struct lpg_names {
        uint32_t n;
        uint32_t n_slots;
        uint32_t *slots;  /* 0: free, else number + 1 */
        uint32_t *places; /* in `text` */
    } names;
    size_t n_edges; /* of areas, all rings; pairs of ends */
    double *edges;
    size_t *edge_end; /* per record; it begins where the one before ends */
    struct lpg_sites_tree *tree;
    struct lpg_sites_tree *added; /* NULL: none */
};

struct lpg_sites_cache {
    const cim_host *host;
    const cim_store_v1 *store;
    const cim_access_v1 *access;
    struct lpg_layer *layer;
    struct lpg_sites_spec spec;
    pthread_mutex_t lock;  /* of `current`; never held while one is built */
    pthread_mutex_t build; /* one at a time */
    struct lpg_sites *current;
    uint32_t merge_at; /* LPG_SITES_MERGE; tests take less */
    atomic_bool merging;
    bool has_thread;
    pthread_t thread;
};

/* What one caller sees. */
struct lpg_sites_view {
    const cim_host *host;
    const cim_access_v1 *access;
    struct lpg_sites *sites; /* NULL: he may not read the layer */
    const cim_scope *scope;
    int64_t now_ms;
    bool all;          /* every record */
    bool own;          /* an index that nobody else has */
    int32_t *ordinals; /* of the areas, as they are asked for; -2: not yet */
};

/* Keeps all arguments. [lifecycle] */
cim_status lpg_sites_cache_init(struct lpg_sites_cache *cache, const cim_host *host,
                                struct lpg_data *data, const struct lpg_sites_spec *spec,
                                cim_error *err);
void lpg_sites_cache_done(struct lpg_sites_cache *cache); /* also of {0} */

/* `bbox_deg`: where the caller will look; a view with an index of its own holds no more. A layer
 * that he may not read is CIM_OK with no sites. [worker] */
cim_status lpg_sites_view_open(struct lpg_sites_cache *cache, const cim_call *call,
                               const double bbox_deg[4], struct lpg_sites_view *ret_view,
                               cim_error *err);
void lpg_sites_view_done(struct lpg_sites_view *view); /* also of {0} */
/* Also false of what is no more, for a walk through all records. */
bool lpg_sites_visible(struct lpg_sites_view *view, uint32_t record);

/* Calls found() for each item whose box may meet this one (up to 1 m beside it), as
 * lpg_rtree_search(). In no order that means anything: it depends on the edits so far. */
void lpg_sites_search(const struct lpg_sites *sites, const double box_deg[4],
                      lpg_rtree_found_fn found, void *arg);
/* The same by fid, so that equal records give equal bytes whatever came before; in no order when
 * memory runs out. */
void lpg_sites_search_in_order(const struct lpg_sites *sites, const double box_deg[4],
                               lpg_rtree_found_fn found, void *arg);

static inline bool
lpg_sites_gone(const struct lpg_sites *sites, uint32_t record)
{
    return sites->gone != NULL && (sites->gone[record / 64U] >> (record % 64U) & 1U) != 0;
}

static inline uint32_t
lpg_sites_record(const struct lpg_sites *sites, uint32_t i)
{
    return sites->record != NULL ? sites->record[i] : i;
}

#endif
