/* plugin/map/internal.h -- between the files of the map alone. */
#ifndef LPG_MAP_INTERNAL_H
#define LPG_MAP_INTERNAL_H

#include "cim/services.h"
#include "map/map.h"
#include "map/snapshot.h"

struct lpg_map_slot {
    struct lpg_map_layer source;
    pthread_mutex_t lock;    /* of `current`; short */
    pthread_mutex_t loading; /* one that makes the next `current` at a time; taken before `lock` */
    struct lpg_snapshot *current;
    bool merge_wanted; /* under the map's lock */
};

struct lpg_map {
    const cim_host *host;
    const cim_store_v1 *store;
    const cim_access_v1 *access;
    size_t n_slots;
    struct lpg_map_slot *slots;
    /* The thread of upkeep.c. */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool stop;
};

/* A snapshot that holds every change acknowledged before the call; the caller's to unref. */
cim_status lpg_map_take(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call,
                        struct lpg_snapshot **ret_snapshot, cim_error *err);
/* The current one, if it is as of `at_least` or later; NULL otherwise. */
struct lpg_snapshot *lpg_map_current(struct lpg_map_slot *slot, int64_t at_least);
/* Makes it the current one; with slot->loading held. */
void lpg_map_publish(struct lpg_map_slot *slot, struct lpg_snapshot *snapshot);
/* Has the slot's overlay merged when it has grown large beside its base. */
void lpg_map_upkeep(struct lpg_map *map, struct lpg_map_slot *slot,
                    const struct lpg_snapshot *snapshot);

#endif
