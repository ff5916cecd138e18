/* plugin/address/area_names.h -- the names by which people call the areas of the platform's tree.
 *
 * Besides its own name an area is found by what is left without its ending (海口 of 海口市, 琼中 of
 * 琼中黎族苗族自治县), by the forms of a village's committee (那央村, 那央村委会), and by the
 * tree's aliases. Immutable once built; a new version of the tree needs a new one.
 */
#ifndef LPG_ADDRESS_AREA_NAMES_H
#define LPG_ADDRESS_AREA_NAMES_H

#include "cim/access.h"
#include "cim/plugin.h"

#include <stdbool.h>

enum { LPG_AREA_NAME_CHARS_MAX = 24 };

struct lpg_area_names;

/* Reads the tree of access/1. */
cim_status lpg_area_names_new(const cim_host *host, const cim_access_v1 *access,
                              struct lpg_area_names **ret_names, cim_error *err);
void lpg_area_names_free(struct lpg_area_names *names); /* NULL-safe */
/* Of the tree that was read. */
int64_t lpg_area_names_version(const struct lpg_area_names *names);

/* The area that `text` names below `above` (-1: anywhere), or -1: unknown, or the name of several
 * of which none holds `bias` or lies in it (-1: no bias). *ret_stem: found without its ending. */
int32_t lpg_area_names_find(const struct lpg_area_names *names, int32_t above, int32_t bias,
                            const char *text, size_t len, bool *ret_stem);
/* Characters of the longest name that begins so; 0: none does. */
int lpg_area_names_longest(const struct lpg_area_names *names, const char *begin, size_t len);
/* Whether `inner` is `outer` or lies below it; everything lies in -1, and -1 in nothing else. */
bool lpg_area_names_within(const struct lpg_area_names *names, int32_t inner, int32_t outer);
/* The name; "" for -1. The level 1 province, 2 city, 3 county, 4 town or park, 5 village; 0 for -1.
 */
const char *lpg_area_names_text(const struct lpg_area_names *names, int32_t ordinal);
int lpg_area_names_level(const struct lpg_area_names *names, int32_t ordinal);
const char *lpg_area_names_code(const struct lpg_area_names *names, int32_t ordinal);
int32_t lpg_area_names_parent(const struct lpg_area_names *names, int32_t ordinal); /* -1: none */
/* The ordinal of a code as the tree had it; -1 unknown. */
int32_t lpg_area_names_of_code(const struct lpg_area_names *names, const char *code);

#endif
