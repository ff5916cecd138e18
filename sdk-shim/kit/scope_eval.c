/* kit/scope_eval.c -- see scope_eval.h. */
#include "kit/scope_eval.h"

#include <string.h>

bool
cim_resource_matches(const char *pattern, const char *resource)
{
    const size_t len = strlen(pattern);
    if (strcmp(pattern, "*") == 0) {
        return true;
    }
    if (len >= 2 && strcmp(pattern + len - 2, ".*") == 0) {
        return strncmp(pattern, resource, len - 1) == 0 && resource[len - 1] != '\0';
    }
    return strcmp(pattern, resource) == 0;
}

static bool
covers_area(const cim_term *term, int32_t ordinal)
{
    if (term->all_areas != 0) {
        return true;
    }
    if (ordinal < 0 || term->areas == NULL) {
        return false;
    }
    const uint32_t word = (uint32_t)ordinal / 64U;
    return word < term->n_area_words && (term->areas[word] >> ((uint32_t)ordinal % 64U) & 1U) != 0;
}

bool
cim_term_covers(const cim_term *term, int64_t now_ms, int32_t area_ordinal, const char *owner_org,
                size_t owner_len)
{
    if (now_ms < term->from_ms || now_ms >= term->until_ms || !covers_area(term, area_ordinal)) {
        return false;
    }
    return term->owner_org == NULL || (owner_org != NULL && strlen(term->owner_org) == owner_len &&
                                       memcmp(term->owner_org, owner_org, owner_len) == 0);
}

uint32_t
cim_term_field_mode(const cim_term *term, const struct cim_field *field)
{
    for (uint32_t i = 0; i < term->n_field_modes; i++) {
        if (strcmp(term->field_names[i], field->name) == 0) {
            return term->field_modes[i];
        }
    }
    return field->sensitive != CIM_SENSITIVE_NO ? term->sensitive_mode : CIM_FIELD_CLEAR;
}

uint32_t
cim_scope_field_mode(const cim_scope *scope, const struct cim_field *field, int64_t now_ms,
                     int32_t area_ordinal, const char *owner_org, size_t owner_len)
{
    uint32_t most = CIM_FIELD_ABSENT;
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        const cim_term *term = scope->terms[i];
        if (cim_term_covers(term, now_ms, area_ordinal, owner_org, owner_len)) {
            const uint32_t mode = cim_term_field_mode(term, field);
            most = mode > most ? mode : most;
        }
    }
    return most;
}

uint32_t
cim_scope_field_mode_min(const cim_scope *scope, const struct cim_field *field)
{
    uint32_t least = scope->n_terms > 0 ? CIM_FIELD_CLEAR : CIM_FIELD_ABSENT;
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        const uint32_t mode = cim_term_field_mode(scope->terms[i], field);
        least = mode < least ? mode : least;
    }
    return least;
}
