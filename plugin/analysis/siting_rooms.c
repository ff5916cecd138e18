/* plugin/analysis/siting_rooms.c -- see siting_rooms.h. */
#include "analysis/siting_rooms.h"

#include "analysis/json_io.h"
#include "analysis/shapes.h"
#include "cim/util.h"

#include <math.h>

#define BIT(kind) (1U << (unsigned)(kind))

static const char *const fault_names[LPG_ROOM_FAULTS] = {
    "use", "important_public", "high_rise", "open_flame", "fire_rating", "storeys", "small"};

struct looking {
    struct lpg_rooms *rooms;
    const struct lpg_separation_table *table;
};

/* Bits of enum lpg_room_fault; `ret_assumed`: LPG_ASSUMED_… that make them. */
static uint32_t
faults_of(const struct lpg_separation_table *table, const struct lpg_receptor_seen *seen,
          double area_m2, uint32_t *ret_assumed)
{
    static const struct {
        enum lpg_receptor kind;
        enum lpg_room_fault fault;
    } kinds[] = {{LPG_RECEPTOR_DWELLING, LPG_ROOM_USE},
                 {LPG_RECEPTOR_IMPORTANT_PUBLIC, LPG_ROOM_IMPORTANT_PUBLIC},
                 {LPG_RECEPTOR_HIGH_RISE, LPG_ROOM_HIGH_RISE},
                 {LPG_RECEPTOR_OPEN_FLAME, LPG_ROOM_OPEN_FLAME}};
    uint32_t faults = seen->holds_room ? 0U : BIT(LPG_ROOM_USE);
    *ret_assumed = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        if ((seen->kinds & BIT(kinds[k].kind)) != 0) {
            faults |= BIT(kinds[k].fault);
            *ret_assumed |= lpg_receptor_assumed(kinds[k].kind, seen->assumed);
        }
    }
    if (!(seen->fire_rating <= table->parameters[LPG_SEPARATION_ROOM_FIRE_RATING])) {
        faults |= BIT(LPG_ROOM_FIRE_RATING);
        *ret_assumed |= isnan(seen->fire_rating) ? (uint32_t)LPG_ASSUMED_RATING : 0U;
    }
    if (seen->storeys < 1.0) { /* all of it is below the ground */
        faults |= BIT(LPG_ROOM_STOREYS);
    }
    if (area_m2 < table->parameters[LPG_SEPARATION_ROOM_LEAST_M2]) {
        faults |= BIT(LPG_ROOM_SMALL);
    }
    return faults;
}

/* What is assumed of a building that stays out whatever it says of the rest tells nothing. */
static void
count(struct lpg_rooms *rooms, uint32_t faults, uint32_t assumed)
{
    rooms->n_buildings++;
    rooms->n_taken += faults == 0;
    for (unsigned k = 0; k < LPG_ROOM_FAULTS; k++) {
        rooms->n_faults[k] += faults >> k & 1U;
    }
    for (unsigned k = 0; k < LPG_ASSUMED_ALL && (faults & BIT(LPG_ROOM_USE)) == 0; k++) {
        rooms->n_assumed[k] += assumed >> k & 1U;
    }
}

static int
see(void *arg, const struct lpg_receptor_seen *seen)
{
    struct looking *looking = arg;
    struct lpg_rooms *rooms = looking->rooms;
    GEOSGeometry *shape = NULL;
    GEOSGeometry *inner = NULL;
    double at_deg[2];
    double xy[2];
    double area_m2 = 0.0;
    int ended = 0;
    if (seen->layer != LPG_RECEPTORS_BUILDINGS || !seen->area) {
        return 0;
    }
    rooms->status =
        lpg_shape_area(rooms->geos, rooms->tm, seen->edges, seen->n_edges, &shape, rooms->err);
    if (rooms->status != CIM_OK || shape == NULL) {
        return rooms->status != CIM_OK;
    }
    inner = GEOSPointOnSurface_r(rooms->geos, shape);
    if (inner != NULL && GEOSPreparedContains_r(rooms->geos, rooms->area, inner) == 1 &&
        GEOSArea_r(rooms->geos, shape, &area_m2) == 1 &&
        GEOSGeomGetX_r(rooms->geos, inner, &xy[0]) == 1 &&
        GEOSGeomGetY_r(rooms->geos, inner, &xy[1]) == 1) {
        uint32_t assumed;
        const uint32_t faults = faults_of(looking->table, seen, area_m2, &assumed);
        count(rooms, faults, assumed);
        lpg_tm_inverse(rooms->tm, xy[0], xy[1], at_deg);
        ended = faults == 0 ? rooms->taken(rooms->arg, seen, at_deg) : 0;
    }
    GEOSGeom_destroy_r(rooms->geos, inner);
    GEOSGeom_destroy_r(rooms->geos, shape);
    return ended;
}

cim_status
lpg_rooms_find(struct lpg_rooms *rooms, struct lpg_receptor_views *views, const double box_deg[4],
               int32_t day)
{
    struct looking looking = {rooms, views->table};
    lpg_receptors_visit(views, box_deg, day, see, &looking);
    return rooms->status;
}

void
lpg_rooms_write(const struct lpg_rooms *rooms, struct cim_buf *out)
{
    cim_buf_add_char(out, '{');
    lpg_out_int(out, "buildings", rooms->n_buildings);
    lpg_out_int(out, "taken", rooms->n_taken);
    lpg_out_key(out, "not_taken");
    cim_buf_add_char(out, '{');
    for (int k = 0; k < LPG_ROOM_FAULTS; k++) {
        lpg_out_int(out, fault_names[k], rooms->n_faults[k]);
    }
    cim_buf_add_char(out, '}');
    lpg_out_key(out, "assumed");
    cim_buf_add_char(out, '{');
    for (int k = 0; k < LPG_ASSUMED_ALL; k++) {
        if (rooms->n_assumed[k] > 0) {
            lpg_out_int(out, lpg_assumed_names[k], rooms->n_assumed[k]);
        }
    }
    cim_buf_add_text(out, "}}");
}
