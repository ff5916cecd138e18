/* plugin/map/view.h -- what one caller may see of one layer: scope, area and filter, resolved
 * against the layer's dictionaries once per request. */
#ifndef LPG_MAP_VIEW_H
#define LPG_MAP_VIEW_H

#include "cim/access.h"
#include "cim/renderers.h"
#include "map/features.h"
#include "map/verdict.h"

enum { LPG_VIEW_CONDITIONS_MAX = 16, LPG_VIEW_KEY_SIZE = 41, LPG_VIEW_BOUND_SIZE = 40 };

/* BY_RECORD: of the terms that cover the area, each asks for an owner or has a row filter. */
enum lpg_area_state { LPG_AREA_HIDDEN = 0, LPG_AREA_BY_RECORD = 1, LPG_AREA_VISIBLE = 2 };

/* What one term means for this layer. */
struct lpg_view_term {
    uint32_t owner;              /* number of features.owners; 0: any, or one that owns nothing */
    uint32_t attributes;         /* those that it shows, a bit each */
    struct lpg_verdict *base;    /* its row filter's, on the base; NULL: no filter, or not asked */
    struct lpg_verdict *overlay; /* likewise on the overlay */
};

/* AT_LEAST and AT_MOST are for attributes that have an order: numbers, dates and times. */
enum lpg_condition_kind { LPG_EQUALS, LPG_AT_LEAST, LPG_AT_MOST };

struct lpg_condition {
    uint32_t attribute; /* index in features.attributes */
    enum lpg_condition_kind kind;
    uint32_t code;                  /* of EQUALS; 0: no record can match */
    double number;                  /* the bound; times in UTC milliseconds */
    char text[LPG_VIEW_BOUND_SIZE]; /* instead of it, of a date */
};

struct lpg_view {
    const cim_scope *scope;
    uint8_t *area_state;         /* per number of features.areas */
    int32_t *area_ordinal;       /* likewise; -1: not in the tree */
    struct lpg_view_term *terms; /* as those of the scope */
    int64_t now_ms;
    uint32_t n_conditions;
    struct lpg_condition conditions[LPG_VIEW_CONDITIONS_MAX];
    bool by_record;                  /* records must be judged one by one */
    uint32_t attributes;             /* those that every term shows: no more may be counted by */
    uint32_t some;                   /* those that some term shows */
    const struct lpg_features *base; /* what verdicts called so are about; NULL: none were asked */
    char key[LPG_VIEW_KEY_SIZE];     /* same key, same records; as lpg_view_key() */
};

/* Digest (160 bits of SHA-256, hex) of all that decides besides the data what a tile shows: terms
 * with their fields, area, filter, version of the area tree. Needs no snapshot, does not block. */
cim_status lpg_view_key(const cim_scope *scope, const char *area, const char *filter_json,
                        char ret_key[LPG_VIEW_KEY_SIZE], cim_error *err);

/* One key of two that stand beside a position each. */
cim_status lpg_view_join_keys(const char *first, int64_t first_pos, const char *second,
                              int64_t second_pos, char ret_key[LPG_VIEW_KEY_SIZE], cim_error *err);

/* Borrows scope and features. Filters: comparisons = >= <= of tile attributes with a value, joined
 * by "and"; anything else is refused by name. Terms with a row filter cover nothing until
 * lpg_snapshot_judge(). */
cim_status lpg_view_open(const struct lpg_features *features, const cim_host *host,
                         const cim_access_v1 *access, const cim_call *call, const char *area,
                         const char *filter_json, struct lpg_view *ret_view, cim_error *err);
void lpg_view_done(struct lpg_view *view);
/* `features`: those of lpg_view_open() or the ones that their dictionaries go on from. */
bool lpg_view_covers(const struct lpg_view *view, const struct lpg_features *features,
                     uint32_t row);
/* The attributes of a record that the terms which cover it show, a bit each. */
uint32_t lpg_view_shown(const struct lpg_view *view, const struct lpg_features *features,
                        uint32_t row);

#endif
