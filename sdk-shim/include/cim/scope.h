/* cim/scope.h -- what a caller may do: a list of terms, evaluated record by record.
 *
 * A record is visible if at least one term covers it. A field takes the most permissive mode among
 * the terms that cover *that* record. Collapsing the terms into one set of areas, owners and fields
 * would show records that no single term grants: never do it. An empty list allows nothing.
 */
#ifndef CIM_SCOPE_H
#define CIM_SCOPE_H

#include "cim/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CIM_ACT_READ = 1,
    CIM_ACT_CREATE = 2,
    CIM_ACT_UPDATE = 4,
    CIM_ACT_DELETE = 8,
    CIM_ACT_EXPORT = 16,
    CIM_ACT_RUN = 32
};

/* Field modes; a larger number shows more. */
enum { CIM_FIELD_ABSENT = 0, CIM_FIELD_MASKED = 1, CIM_FIELD_CLEAR = 2 };

typedef struct cim_term {
    uint32_t struct_size;
    uint32_t actions;     /* CIM_ACT_… bits */
    const char *resource; /* "lpg.enterprises", "lpg.*" or "*" */
    /* Areas by ordinal (see cim/access.h): bit i set = the area with ordinal i and the records
     * that carry its code. `all_areas` != 0: no restriction, `areas` is NULL. */
    const uint64_t *areas;
    uint32_t n_area_words;
    uint32_t all_areas;
    const char *owner_org;   /* only records of this organisation; NULL: any */
    uint32_t sensitive_mode; /* CIM_FIELD_… of fields that the definition marks sensitive */
    uint32_t n_field_modes;  /* exceptions, by field name */
    const char *const *field_names;
    const uint8_t *field_modes;
    const char *filter_json; /* CQL2 JSON that the record must satisfy; NULL: none */
    int64_t from_ms;         /* valid while from_ms <= now < until_ms */
    int64_t until_ms;
} cim_term;

typedef struct cim_scope {
    uint32_t struct_size;
    uint32_t n_terms;
    const cim_term *const *terms;
    int64_t areas_version; /* of the area tree the ordinals belong to */
} cim_scope;

#ifdef __cplusplus
}
#endif
#endif
