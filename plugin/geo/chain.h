/* plugin/geo/chain.h -- a line with chainage: metres along it from its start.
 *
 * Edges are geodesics. The line lies in a local plane of its own (tm.h, plane.h), long edges split
 * along the geodesic, under a tree of boxes, so that one position is looked up in a few hundred
 * nanoseconds. Errors: distances as in plane.h; chainage below 1 mm per edge and 1e-6 of the
 * length. Read-only once built: any thread.
 */
#ifndef LPG_GEO_CHAIN_H
#define LPG_GEO_CHAIN_H

#include "cim/base.h"
#include "geo/tm.h"

#include <stdbool.h>

enum {
    LPG_CHAIN_POSITIONS_MAX = 200000,
    LPG_CHAIN_EDGE_MAX_M = 50000,     /* a longer one is a jump */
    LPG_CHAIN_LENGTH_MAX_M = 2000000, /* of the whole line */
    LPG_CHAIN_WIDTH_MAX_M = 400000,   /* from west to east, where the plane keeps its bounds */
    LPG_CHAIN_LAT_MAX_DEG = 60
};

struct lpg_chain_box {
    double min[2];
    double max[2];
};

enum { LPG_CHAIN_FAN = 8, LPG_CHAIN_LEVELS_MAX = 9 };

struct lpg_chain {
    struct lpg_tm tm;
    size_t n;     /* positions, at least 2 */
    double *xy;   /* pairs */
    double *at_m; /* chainage of each */
    double length_m;
    int n_levels; /* boxes over 8 pieces, over 8 of those boxes, … up to one */
    size_t level_n[LPG_CHAIN_LEVELS_MAX];
    struct lpg_chain_box *level[LPG_CHAIN_LEVELS_MAX];
};

/* Stretches of a chain in ascending order. Starts as {0}. */
struct lpg_stretches {
    size_t n;
    size_t capacity;
    struct lpg_stretch {
        double from_m;
        double to_m;
    } * stretches;
};

struct lpg_chain_near {
    double distance_m; /* of the nearest position */
    double at_m;       /* its chainage; the first where several are as near */
};

/* `lonlat_deg`: n pairs. Equal neighbours count once. The problem names the position at fault in
 * `err`, its number from 1: CIM_E_INVALID for fewer than two different positions, values that are
 * not finite or out of range, an edge longer than LPG_CHAIN_EDGE_MAX_M, a line too wide;
 * CIM_E_TOO_LARGE past LPG_CHAIN_POSITIONS_MAX or LPG_CHAIN_LENGTH_MAX_M. */
cim_status lpg_chain_build(const double *lonlat_deg, size_t n, struct lpg_chain *ret_chain,
                           cim_error *err);
void lpg_chain_done(struct lpg_chain *chain); /* NULL-safe, also of {0} */

/* False when no part of the chain is within `limit_m` of `xy_m` (in the chain's plane). Else sets
 * *ret_near and appends to *stretches (NULL: not wanted) where it is, stretches that touch joined;
 * what they hold already is kept. False with *failed set when out of memory. [any] */
bool lpg_chain_within(const struct lpg_chain *chain, const double xy_m[2], double limit_m,
                      struct lpg_chain_near *ret_near, struct lpg_stretches *stretches,
                      bool *failed);
/* The position at this chainage, clamped to the chain's ends. */
void lpg_chain_at(const struct lpg_chain *chain, double at_m, double ret_lonlat_deg[2]);
/* Number of the piece that holds this chainage: at_m[i] <= chainage <= at_m[i + 1]. */
size_t lpg_chain_piece(const struct lpg_chain *chain, double at_m);

#endif
