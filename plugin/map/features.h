/* plugin/map/features.h -- what a map needs of a layer's records, dictionary-coded, in columns.
 *
 * Every attribute value is a number in its column's dictionary (0: absent), so a filter is a
 * comparison of numbers and a repeated text costs four bytes.
 */
#ifndef LPG_MAP_FEATURES_H
#define LPG_MAP_FEATURES_H

#include "kit/definition.h"
#include "map/mvt.h"

#include <stdbool.h>
#include <stdint.h>

enum { LPG_FEATURES_MAX = 100000000, LPG_ATTRIBUTES_MAX = 32, LPG_RATE_KEY_SIZE = 48 };

struct lpg_value {
    uint32_t type; /* CIM_COL_INT64, _FLOAT64, _TEXT, _BOOL, _TIME_MS */
    uint32_t hash;
    int64_t i64;
    double f64;
    char *text;
};

/* A dictionary may go on from another that does not change any more: it shares that one's numbers
 * and gives new values the next ones. Readers of the older one notice nothing. */
struct lpg_dictionary {
    const struct lpg_dictionary *older; /* has the numbers below its n; NULL: none. One step only */
    struct lpg_value *values; /* from number older->n on; without older [0] is unused: absent */
    uint32_t n;               /* numbers in all, 0 included */
    uint32_t capacity;        /* of `values` */
    uint32_t *slots;          /* open hash of numbers, 0 free */
    uint32_t n_slots;
};

struct lpg_attribute {
    const struct cim_field *field;
    bool counted; /* one of the definition's count_by */
    bool shown;   /* one of its tile attributes */
    struct lpg_dictionary dictionary;
    uint32_t *codes;
};

/* One of the definition's rates: the attribute that it counts by, and the names of its tags. */
struct lpg_rate {
    const struct cim_rate *rate;
    uint32_t attribute;
    char keys[3][LPG_RATE_KEY_SIZE];
};

struct lpg_features {
    bool degrees; /* positions are those of the grids in degrees, not of Web Mercator */
    uint32_t n;
    uint32_t capacity;
    int64_t *fid;
    uint32_t *version;           /* of the record as it was read, its low 32 bits */
    struct lpg_dictionary areas; /* area codes */
    uint32_t *area;
    struct lpg_dictionary owners;
    uint32_t *owner;
    uint32_t n_attributes;
    struct lpg_attribute attributes[LPG_ATTRIBUTES_MAX];
    uint32_t n_rates;
    struct lpg_rate rates[CIM_RATES_MAX];
};

/* Attributes: the definition's tile attributes and count_by fields, each once. */
cim_status lpg_features_init(struct lpg_features *features, const struct cim_definition *def,
                             cim_error *err);
/* The attributes of `model` and no rows. With `goes_on` its dictionaries go on from those of
 * `model`, which must outlive it and stay as it is; otherwise they are empty. */
void lpg_features_init_like(struct lpg_features *features, const struct lpg_features *model,
                            bool goes_on);
void lpg_features_done(struct lpg_features *features);
/* n rows at once, all codes 0; only for features without rows. */
cim_status lpg_features_resize(struct lpg_features *features, uint32_t n, cim_error *err);
/* Room for one more row in every column; the row's codes start as 0. */
cim_status lpg_features_grow(struct lpg_features *features, cim_error *err);
/* Reorders all columns: new row i is old row order[i], for i < n. */
cim_status lpg_features_reorder(struct lpg_features *features, const uint32_t *order, uint32_t n,
                                cim_error *err);
/* NULL when no attribute has that name. */
const struct lpg_attribute *lpg_features_attribute(const struct lpg_features *features,
                                                   const char *name);

/* Number of a value, added when new; 0 when out of memory. */
uint32_t lpg_dictionary_put_text(struct lpg_dictionary *dictionary, const void *text, size_t len);
uint32_t lpg_dictionary_put_number(struct lpg_dictionary *dictionary, uint32_t type, int64_t i64,
                                   double f64);
uint32_t lpg_dictionary_put_value(struct lpg_dictionary *dictionary, const struct lpg_value *value);
/* The value of a number from 1 to n - 1. */
static inline const struct lpg_value *
lpg_dictionary_value(const struct lpg_dictionary *dictionary, uint32_t number)
{
    const uint32_t first = dictionary->older != NULL ? dictionary->older->n : 0;
    return number < first ? &dictionary->older->values[number]
                          : &dictionary->values[number - first];
}
/* Number of a text (or of a number written as text); 0 when it is not there. */
uint32_t lpg_dictionary_find(const struct lpg_dictionary *dictionary, const char *text);

/* A dictionary value as a tile value. */
uint32_t lpg_value_to_mvt(struct lpg_mvt *mvt, const struct lpg_value *value);

#endif
