/* plugin/map/internal.h -- between the files of the map alone. */
#ifndef LPG_MAP_INTERNAL_H
#define LPG_MAP_INTERNAL_H

#include "cim/services.h"
#include "map/map.h"
#include "map/snapshot.h"

struct lpg_map_slot {
    struct lpg_map_layer source;
    bool degrees;            /* for the grids in degrees; loaded when first asked for */
    pthread_mutex_t lock;    /* of `current`; short */
    pthread_mutex_t loading; /* one that makes the next `current` at a time; taken before `lock` */
    struct lpg_snapshot *current;
    _Atomic int64_t saved_pos; /* of the base that lies in the file; 0: none */
    /* Under the map's lock: */
    bool merge_wanted;
    bool save_wanted;
    int64_t save_after_ms; /* monotonic */
};

struct lpg_map {
    const cim_host *host;
    const cim_store_v1 *store;
    const cim_access_v1 *access;
    uint32_t save_least; /* points of a layer that is worth a file */
    size_t n_slots;      /* of every layer for Web Mercator, then of every layer for degrees */
    struct lpg_map_slot *slots;
    /* The thread of upkeep.c. */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool stop;
};

/* NULL: no such layer. */
struct lpg_map_slot *lpg_map_find(struct lpg_map *map, const char *layer, bool degrees);

/* A layer as one caller sees it now. */
struct lpg_seen {
    struct lpg_snapshot *snapshot;
    struct lpg_view view;
};

cim_status lpg_map_see(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call,
                       const char *area, const char *filter_json, struct lpg_seen *ret_seen,
                       cim_error *err);
void lpg_map_unsee(struct lpg_seen *seen);

/* ---- draw.c: the layers of one tile ---- */

cim_status lpg_draw_tile(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call,
                         const struct lpg_seen *seen, const cim_tile_request *request,
                         cim_blob *ret_tile, cim_error *err);
/* Where the tile shows rates per area, adds to its key what the caller sees of the areas. */
cim_status lpg_rate_areas_key(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call,
                              const cim_tile_request *request, char key[LPG_VIEW_KEY_SIZE]);

/* A snapshot that holds every change acknowledged before the call; the caller's to unref. */
cim_status lpg_map_take(struct lpg_map *map, struct lpg_map_slot *slot, const cim_call *call,
                        struct lpg_snapshot **ret_snapshot, cim_error *err);
/* The current one, if it is as of `at_least` or later; NULL otherwise. */
struct lpg_snapshot *lpg_map_current(struct lpg_map_slot *slot, int64_t at_least);
/* Makes it the current one; with slot->loading held. */
void lpg_map_publish(struct lpg_map_slot *slot, struct lpg_snapshot *snapshot);
/* Has the slot's overlay merged when it has grown large beside its base, and a large base that is
 * new written to its file. */
void lpg_map_upkeep(struct lpg_map *map, struct lpg_map_slot *slot,
                    const struct lpg_snapshot *snapshot);
/* A line in the log, unless the map is stopping. */
void lpg_map_tell(const struct lpg_map *map, int32_t level, const char *text);

/* ---- keep.c: layers saved as files ---- */

/* What the slot's file holds; NULL: there is none that fits. With slot->loading held. */
struct lpg_snapshot *lpg_map_open_saved(const struct lpg_map *map, struct lpg_map_slot *slot);
bool lpg_map_may_save(const struct lpg_map *map, const struct lpg_map_slot *slot,
                      const struct lpg_base *base);
cim_status lpg_map_save(const struct lpg_map *map, struct lpg_map_slot *slot, struct lpg_base *base,
                        cim_error *err);
void lpg_map_tidy(const struct lpg_map *map);

#endif
