/* plugin/analysis/siting_rooms.h -- buildings that may hold the room of a class III supply station
 * (GB 50028-2006 8.6.7, 8.5.2; guide 6.4.3(4)): what they do not say is taken at its worst. */
#ifndef LPG_ANALYSIS_SITING_ROOMS_H
#define LPG_ANALYSIS_SITING_ROOMS_H

#include "analysis/receptors.h"
#include "cim/call.h"
#include "kit/buf.h"

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>

/* Why a building may not. */
enum lpg_room_fault {
    LPG_ROOM_USE,
    LPG_ROOM_IMPORTANT_PUBLIC,
    LPG_ROOM_HIGH_RISE,
    LPG_ROOM_OPEN_FLAME,
    LPG_ROOM_FIRE_RATING,
    LPG_ROOM_STOREYS,
    LPG_ROOM_SMALL,
    LPG_ROOM_FAULTS
};

struct lpg_rooms {
    GEOSContextHandle_t geos;
    const struct lpg_tm *tm;
    const struct GEOSPrepGeom_t *area; /* in the plane: where they are to be */
    int64_t n_buildings;
    int64_t n_taken;
    int64_t n_faults[LPG_ROOM_FAULTS];  /* buildings; one may have several */
    int64_t n_assumed[LPG_ASSUMED_ALL]; /* buildings with a fault that is only assumed */
    /* A building that may, with a place inside it. Non-zero ends the walk. */
    int (*taken)(void *arg, const struct lpg_receptor_seen *seen, const double lonlat_deg[2]);
    void *arg;
    cim_status status;
    cim_error *err;
};

/* Calls taken() for the buildings in the box that may, by fid. [worker] */
cim_status lpg_rooms_find(struct lpg_rooms *rooms, struct lpg_receptor_views *views,
                          const double box_deg[4], int32_t day);
/* An object: how many there are, and why others were not taken. */
void lpg_rooms_write(const struct lpg_rooms *rooms, struct cim_buf *out);

#endif
