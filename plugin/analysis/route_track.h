/* plugin/analysis/route_track.h -- the line that a vehicle drove, from its positions. */
#ifndef LPG_ANALYSIS_ROUTE_TRACK_H
#define LPG_ANALYSIS_ROUTE_TRACK_H

#include "cim/base.h"

#include <stddef.h>

/* Positions in the order of their time; CGCS2000 longitude, latitude. */
struct lpg_track {
    size_t n;
    double *lonlat_deg; /* pairs */
    int64_t *at_ms;
};

/* Positions begin … end - 1 of a track, driven without a gap. */
struct lpg_track_piece {
    size_t begin;
    size_t end;
};

/* Cuts a track where nobody knows which way the vehicle went: where positions are further apart
 * than `gap_s`, or than it can have driven at `speed_max_km_h` (a fix that jumps). First, a
 * position that repeats the one before is taken out: a vehicle that stands has no length. Pieces of
 * one position are none. *ret_pieces is malloc'd; NULL when there are none. CIM_E_NOMEM. [any] */
cim_status lpg_track_cut(struct lpg_track *track, double gap_s, double speed_max_km_h,
                         struct lpg_track_piece **ret_pieces, size_t *ret_n, cim_error *err);
void lpg_track_done(struct lpg_track *track); /* also of {0} */

#endif
