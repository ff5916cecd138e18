/* tests/unit/map/world.h -- a layer of records in memory, and edits of it at random. */
#ifndef TESTS_MAP_WORLD_H
#define TESTS_MAP_WORLD_H

#include "cim/layers.h"
#include "kit/definition.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { N_MOST = 3000, N_START = 1200, N_AREAS = 12, N_OWNERS = 5 };

struct record {
    bool there;
    bool drawable;
    int64_t version;
    double lon;
    double lat;
    int area;
    int owner;
    int kind; /* 0: absent */
    int name;
};

struct world {
    bool polygons;                 /* records are polygons about their position, not points */
    pthread_mutex_t lock;          /* where threads share it */
    struct record records[N_MOST]; /* record i has fid i + 1 */
    int n_kinds;                   /* grows: edits bring new kinds, areas and owners */
    int n_areas;
    int n_owners;
    struct cim_field fields[2];
    const struct cim_field *attributes[2];
    const struct cim_field *counted[1];
    char *values[3];
    struct cim_rate rate; /* "done": of kinds 1, 2 and 7 those of 1 and 7 */
    struct cim_definition def;
    cim_layer layer;
};

int32_t never_cancelled(const cim_call *call);
/* A condition on `kind`, as grants and callers use it, and the kind that one asks for; 0: none. */
void kind_filter(unsigned *seed, char *filter, size_t size);
int kind_of(const char *filter_json);
void world_init(struct world *world, unsigned seed, bool polygons);
/* One edit: of one record mostly, of many now and then; their fids, ascending, and how many. */
uint32_t world_edit(struct world *world, int64_t *fids);

#endif
