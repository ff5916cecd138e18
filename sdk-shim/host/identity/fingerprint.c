/* What a principal may do now, as one number: for long work that must notice when it changes. */
#include "host/identity/internal.h"

#include <string.h>

static void
mix(uint64_t *hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++) { /* FNV-1a */
        *hash = (*hash ^ at[i]) * UINT64_C(0x100000001B3);
    }
}

/* With its NUL, so that neighbours do not run into each other; absent is not empty. */
static void
mix_text(uint64_t *hash, const char *text)
{
    const unsigned char there = text != NULL ? 1 : 0;
    mix(hash, &there, 1);
    if (text != NULL) {
        mix(hash, text, strlen(text) + 1);
    }
}

static void
mix_term(uint64_t *hash, const cim_term *term)
{
    mix(hash, &term->actions, sizeof term->actions);
    mix(hash, &term->all_areas, sizeof term->all_areas);
    mix(hash, &term->sensitive_mode, sizeof term->sensitive_mode);
    mix_text(hash, term->resource);
    mix_text(hash, term->owner_org);
    mix_text(hash, term->filter_json);
    if (term->areas != NULL) {
        mix(hash, term->areas, term->n_area_words * sizeof *term->areas);
    }
    for (uint32_t i = 0; i < term->n_field_modes; i++) {
        mix_text(hash, term->field_names[i]);
        mix(hash, &term->field_modes[i], 1);
    }
}

uint64_t
host_principal_fingerprint(const struct host_principal *principal, int64_t now_ms)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < principal->n_terms; i++) {
        const cim_term *term = &principal->terms[i].term;
        if (!principal->terms[i].pass_on && now_ms >= term->from_ms && now_ms < term->until_ms) {
            mix_term(&hash, term);
        }
    }
    for (size_t i = 0; i < principal->n_functions; i++) {
        if (now_ms < principal->functions[i].until_ms) {
            mix_text(&hash, principal->functions[i].id);
        }
    }
    return hash;
}
