/* plugin/analysis/route_inputs.h -- the inputs of lpg.route-hazards, read and checked. */
#ifndef LPG_ANALYSIS_ROUTE_INPUTS_H
#define LPG_ANALYSIS_ROUTE_INPUTS_H

#include "analysis/line_scan.h"
#include "analysis/route_hazards.h"
#include "analysis/route_track.h"

struct json_object;

enum { LPG_TRACK_DAYS_MAX = 7 }; /* of one span */

struct lpg_route_inputs {
    struct lpg_lines lines;       /* taken out of the text before it was parsed */
    struct json_object *document; /* owns the texts */
    struct json_object *ids;      /* likewise, of pieces of tracks */
    struct lpg_route_question question;
    bool many; /* given as `routes`, or a track in several pieces */
    size_t n_routes;
    size_t capacity;
    struct lpg_route *routes;
    double **positions; /* of each route */
    size_t *given;      /* the number of what it was given as; several are pieces of one track */
};

/* Where routes come from that are not drawn. */
struct lpg_route_source {
    void *arg;
    /* A stored route by its id: pairs in degrees, malloc'd. */
    cim_status (*route)(void *arg, const char *id, double **ret_lonlat_deg, size_t *ret_n,
                        cim_error *err);
    /* Positions of a vehicle in a closed span, in the order of their time, at most
     * LPG_CHAIN_POSITIONS_MAX; none is no failure. */
    cim_status (*track)(void *arg, const char *vehicle, int64_t from_ms, int64_t to_ms,
                        struct lpg_track *ret_track, cim_error *err);
};

/* A problem names the input, such as "routes[3].coordinates[7]". `now_ms`: the day where none is
 * given. Keeps `table`. */
cim_status lpg_route_inputs_read(const char *json, const struct lpg_route_table *table,
                                 int64_t now_ms, const struct lpg_route_source *source,
                                 struct lpg_route_inputs *ret_inputs, cim_error *err);
void lpg_route_inputs_done(struct lpg_route_inputs *inputs); /* also of {0} */

#endif
