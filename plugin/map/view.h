/* plugin/map/view.h -- what one caller may see of one layer: scope, area and filter, resolved
 * against the layer's dictionaries once per request. */
#ifndef LPG_MAP_VIEW_H
#define LPG_MAP_VIEW_H

#include "cim/access.h"
#include "cim/renderers.h"
#include "map/features.h"

enum { LPG_VIEW_CONDITIONS_MAX = 8, LPG_VIEW_KEY_SIZE = 41 };

enum lpg_area_state { LPG_AREA_HIDDEN = 0, LPG_AREA_BY_OWNER = 1, LPG_AREA_VISIBLE = 2 };

struct lpg_view {
    const cim_scope *scope;
    uint8_t *area_state;   /* per number of features.areas */
    int32_t *area_ordinal; /* likewise; -1: not in the tree */
    uint32_t *term_owner;  /* per term: number of features.owners, 0: none or any */
    int64_t now_ms;
    uint32_t n_conditions;
    struct {
        uint32_t attribute; /* index in features.attributes */
        uint32_t code;      /* 0: no record can match */
    } conditions[LPG_VIEW_CONDITIONS_MAX];
    bool by_record;              /* records must be judged one by one */
    char key[LPG_VIEW_KEY_SIZE]; /* same key, same records; as lpg_view_key() */
};

/* Digest (160 bits of SHA-256, hex) of all that decides visibility besides the data: terms, area,
 * filter, version of the area tree. Needs no snapshot and does not block. */
cim_status lpg_view_key(const cim_scope *scope, const char *area, const char *filter_json,
                        char ret_key[LPG_VIEW_KEY_SIZE], cim_error *err);

/* Borrows scope and features. Filters: equality of tile attributes, joined by "and"; anything else
 * is refused by name. */
cim_status lpg_view_open(const struct lpg_features *features, const cim_host *host,
                         const cim_access_v1 *access, const cim_call *call, const char *area,
                         const char *filter_json, struct lpg_view *ret_view, cim_error *err);
void lpg_view_done(struct lpg_view *view);
/* `features`: those of lpg_view_open() or the ones that their dictionaries go on from. */
bool lpg_view_covers(const struct lpg_view *view, const struct lpg_features *features,
                     uint32_t row);

#endif
