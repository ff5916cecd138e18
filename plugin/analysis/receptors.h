/* plugin/analysis/receptors.h -- what separations are kept from: buildings, planned projects, roads
 * and risk elements, each as the receptors it is, with what it does not say taken at its worst.
 */
#ifndef LPG_ANALYSIS_RECEPTORS_H
#define LPG_ANALYSIS_RECEPTORS_H

#include "analysis/separation_table.h"
#include "analysis/sites.h"
#include "geo/tm.h"

enum lpg_receptor_layer {
    LPG_RECEPTORS_BUILDINGS,
    LPG_RECEPTORS_PROJECTS,
    LPG_RECEPTORS_ROADS,
    LPG_RECEPTORS_ELEMENTS,
    LPG_RECEPTOR_LAYERS
};
extern const char *const lpg_receptor_layers[LPG_RECEPTOR_LAYERS];

struct lpg_receptor_caches {
    const struct lpg_separation_table *table;
    struct lpg_sites_cache layers[LPG_RECEPTOR_LAYERS];
};

struct lpg_receptor_views {
    const struct lpg_separation_table *table;
    struct lpg_sites_view layers[LPG_RECEPTOR_LAYERS]; /* no sites: he may not read it */
};

/* One record, or one segment of a road. Positions are borrowed, in degrees. */
struct lpg_receptor_seen {
    enum lpg_receptor_layer layer;
    uint32_t record;
    uint32_t kinds;   /* bits of enum lpg_receptor; 0 for the station's own kind of room */
    uint32_t assumed; /* LPG_ASSUMED_… of all its kinds */
    bool own_room;
    bool holds_room;     /* a use in which a class III station may have its room */
    double storeys;      /* of a building; NaN: not said */
    double fire_rating;  /* likewise, 1 to 4 */
    double height_m;     /* of what has a height in its rule */
    double half_width_m; /* from the line to its edge */
    const double *edges; /* pairs of ends; a position: both the same */
    size_t n_edges;
    bool area; /* the edges close it */
};

/* Keeps table, host and data. [lifecycle] */
cim_status lpg_receptor_caches_init(struct lpg_receptor_caches *caches,
                                    const struct lpg_separation_table *table, const cim_host *host,
                                    struct lpg_data *data, cim_error *err);
void lpg_receptor_caches_done(struct lpg_receptor_caches *caches); /* also of {0} */

/* `bbox_deg`: where the caller will look. CIM_E_DENIED without the buildings; CIM_E_STATE where
 * that layer has no records. [worker] */
cim_status lpg_receptor_views_open(struct lpg_receptor_caches *caches, const cim_call *call,
                                   const double bbox_deg[4], struct lpg_receptor_views *ret_views,
                                   cim_error *err);
void lpg_receptor_views_done(struct lpg_receptor_views *views); /* also of {0} */

/* Calls seen() for all that is in force on `day`, is visible to the caller and may meet the box;
 * non-zero ends it. */
typedef int (*lpg_receptor_fn)(void *arg, const struct lpg_receptor_seen *seen);
void lpg_receptors_visit(struct lpg_receptor_views *views, const double bbox_deg[4], int32_t day,
                         lpg_receptor_fn seen, void *arg);

/* The part of `assumed` that made it this receptor. */
uint32_t lpg_receptor_assumed(enum lpg_receptor kind, uint32_t assumed);

/* The outline of a station in the plane of `tm`: pairs of ends, xy; a position is one edge with
 * both ends the same. */
struct lpg_outline {
    struct lpg_tm tm;
    const double *edges;
    size_t n_edges;
    bool area;
};

/* Geodesic metres between the outline and the receptor's edge, to 1 mm within 1 km of the plane's
 * origin; 0 where one is inside the other. `ret_inside` (may be NULL): the outline reaches into the
 * receptor. [any] */
double lpg_receptor_distance_m(const struct lpg_outline *outline,
                               const struct lpg_receptor_seen *seen, bool *ret_inside);

#endif
