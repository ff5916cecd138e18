/* kit/scope_eval.h -- evaluating a scope for one record. */
#ifndef CIM_KIT_SCOPE_EVAL_H
#define CIM_KIT_SCOPE_EVAL_H

#include "cim/scope.h"
#include "kit/definition.h"

#include <stdbool.h>

/* True if `pattern` ("lpg.enterprises", "lpg.*", "*") covers the resource id. */
bool cim_resource_matches(const char *pattern, const char *resource);
/* True if the term covers a record by area, owner and time. `area_ordinal` -1: the record's area is
 * unknown, only all_areas covers it. Row filters are judged where the rows are (SQL). */
bool cim_term_covers(const cim_term *term, int64_t now_ms, int32_t area_ordinal,
                     const char *owner_org, size_t owner_len);
/* The mode that this term alone gives the field. */
uint32_t cim_term_field_mode(const cim_term *term, const struct cim_field *field);
/* The most permissive CIM_FIELD_… mode of `field` among terms that cover the record;
 * CIM_FIELD_ABSENT when none does. Fields that are not sensitive are CLEAR unless a term lists them
 * otherwise. */
uint32_t cim_scope_field_mode(const cim_scope *scope, const struct cim_field *field, int64_t now_ms,
                              int32_t area_ordinal, const char *owner_org, size_t owner_len);
/* The least mode that any term of the scope gives the field: what sort keys and filters may rely
 * on. */
uint32_t cim_scope_field_mode_min(const cim_scope *scope, const struct cim_field *field);
/* Masked form (domain rules: name 张*三, id first 6 last 4, phone 138****8000, address to the
 * street) into `out`, UTF-8. */
struct cim_buf;
void cim_mask_text(enum cim_sensitive kind, const char *text, size_t len, struct cim_buf *out);

#endif
