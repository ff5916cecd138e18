/* plugin/analysis/route_track.c -- see route_track.h. */
#include "analysis/route_track.h"

#include "cim/util.h"
#include "geo/geodesic.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Fixes err by some metres each: only beyond this is a step looked at as too fast. */
#define FIX_ERROR_M 100.0

static void
drop_repeated(struct lpg_track *track)
{
    size_t kept = track->n > 0 ? 1 : 0;
    for (size_t i = 1; i < track->n; i++) {
        const double *at = track->lonlat_deg + 2 * i;
        double *last = track->lonlat_deg + 2 * (kept - 1);
        if (at[0] == last[0] && at[1] == last[1]) {
            track->at_ms[kept - 1] = track->at_ms[i]; /* it stood there until then */
            continue;
        }
        memmove(track->lonlat_deg + 2 * kept, at, 2 * sizeof *at);
        track->at_ms[kept++] = track->at_ms[i];
    }
    track->n = kept;
}

static bool
is_gap(const struct lpg_track *track, size_t i, double gap_s, double speed_max_km_h)
{
    const double seconds = (double)(track->at_ms[i] - track->at_ms[i - 1]) / 1000.0;
    const double length_m =
        lpg_geodesic_inverse_m(track->lonlat_deg + 2 * (i - 1), track->lonlat_deg + 2 * i, NULL);
    return seconds > gap_s || length_m > FIX_ERROR_M + seconds * speed_max_km_h / 3.6;
}

cim_status
lpg_track_cut(struct lpg_track *track, double gap_s, double speed_max_km_h,
              struct lpg_track_piece **ret_pieces, size_t *ret_n, cim_error *err)
{
    struct lpg_track_piece *pieces = NULL;
    size_t n = 0;
    size_t begin = 0;
    drop_repeated(track);
    for (size_t i = 1; i <= track->n; i++) {
        if (i < track->n && !is_gap(track, i, gap_s, speed_max_km_h)) {
            continue;
        }
        if (i - begin >= 2) {
            struct lpg_track_piece *grown = realloc(pieces, (n + 1) * sizeof *grown);
            if (grown == NULL) {
                free(pieces);
                return cim_fail_nomem(err);
            }
            pieces = grown;
            pieces[n++] = (struct lpg_track_piece){begin, i};
        }
        begin = i;
    }
    *ret_pieces = pieces;
    *ret_n = n;
    return CIM_OK;
}

void
lpg_track_done(struct lpg_track *track)
{
    free(track->lonlat_deg);
    free(track->at_ms);
    *track = (struct lpg_track){0};
}
