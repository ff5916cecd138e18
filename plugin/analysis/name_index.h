/* plugin/analysis/name_index.h -- the records of an index of sites by what their texts say: doors
 * by road and number, named places, roads by name.
 *
 * Follows the versions of sites.h: a version that only appended records to the columns that were
 * read costs the reading of those records; merged or reread columns are read anew. 24 bytes an
 * entry, at most two entries a record, besides the sites themselves (about 200 bytes an address).
 * What is gone, and what a caller may not see, the view of the sites tells: entries of both are
 * here.
 */
#ifndef LPG_ANALYSIS_NAME_INDEX_H
#define LPG_ANALYSIS_NAME_INDEX_H

#include "address/address.h"
#include "analysis/sites.h"

/* What a source's texts are. */
enum lpg_name_kind {
    LPG_NAMES_ADDRESSES, /* addresses: doors and named places */
    LPG_NAMES_ROADS,
    LPG_NAMES_PLACES
};

struct lpg_name_entry {
    uint64_t key;
    int32_t door; /* of a door; 0 */
    uint32_t record;
};

struct lpg_name_index;

/* The index of this version; `old` (NULL: none) is an earlier one of the same source. Keeps a
 * reference to the sites. Reading ends with CIM_E_CANCELLED once the call is. */
cim_status lpg_name_index_of(struct lpg_sites *sites, enum lpg_name_kind kind,
                             const struct lpg_area_names *names, const cim_call *call,
                             struct lpg_name_index *old, struct lpg_name_index **ret_index,
                             cim_error *err);
void lpg_name_index_ref(struct lpg_name_index *index);
void lpg_name_index_unref(struct lpg_name_index *index); /* NULL-safe */
const struct lpg_sites *lpg_name_index_sites(const struct lpg_name_index *index);
/* Names of areas that the texts were read with. */
int64_t lpg_name_index_areas(const struct lpg_name_index *index);

/* Keys; equal texts of one kind have one, and others by chance with one in 2^64. */
uint64_t lpg_name_key_door(const char *street); /* lpg_name_street() */
uint64_t lpg_name_key_building(const char *name, const char *building);
uint64_t lpg_name_key_place(const char *name);
/* What doors are numbered along: a road with its lane, else a village or neighbourhood with its
 * group, else the area of the tree where it is a village. False: nothing. */
bool lpg_name_street(const struct lpg_area_names *names, const struct lpg_address *address,
                     char ret_street[2 * LPG_ADDRESS_PART_BYTES]);

/* Calls found() for the entries of the key, by rising door; non-zero ends it. */
typedef int (*lpg_name_found_fn)(void *arg, const struct lpg_name_entry *entry);
void lpg_name_index_find(const struct lpg_name_index *index, uint64_t key, lpg_name_found_fn found,
                         void *arg);

#endif
