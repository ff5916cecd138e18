/* tests/unit/map/stores_world.h -- layers of a real store under a map, and edits of them at random.
 */
#ifndef TESTS_MAP_STORES_WORLD_H
#define TESTS_MAP_STORES_WORLD_H

#include "fixture.h"

#include "map/map.h"

enum { N_AREAS = 6 };
extern const struct cim_area_input areas[N_AREAS];
extern const char *const owners[3];

#define COUNT_OF(list)   (sizeof(list) / sizeof(list)[0])
#define PICK(seed, list) (list)[unit_random_below(seed, COUNT_OF(list))]

struct world {
    struct fixture fixture;
    struct lpg_map_layer sources[3];
    struct lpg_map *map;
    struct lpg_layer *users;
    struct lpg_layer *zones;
    uint64_t seed;
    int64_t now_ms;
    unsigned next_no;
    char cache_dir[64];
    int n_large;  /* edits of many rows so far */
    int n_opened; /* how often a layer was found in its file */
};

void create_users(struct world *world, size_t n);
/* Districts, of each area one; or restricted zones. */
void create_polygons(struct world *world, struct lpg_layer *layer, bool districts, size_t n);
/* One edit of some kind. */
void edit(struct world *world, int step);

#endif
