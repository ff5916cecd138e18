/* plugin/map/clip.h -- paths in tile units, clipped to a square. */
#ifndef LPG_MAP_CLIP_H
#define LPG_MAP_CLIP_H

#include "cim/base.h"

enum { LPG_PATH_MAX = 4 << 20 };

struct lpg_path {
    int32_t *xy; /* pairs */
    size_t n;    /* positions */
    size_t capacity;
};

void lpg_path_clear(struct lpg_path *path);
cim_status lpg_path_add(struct lpg_path *path, int32_t x, int32_t y, cim_error *err);
void lpg_path_reverse(struct lpg_path *path);
void lpg_path_done(struct lpg_path *path);

/* Twice the signed area by the surveyor's formula; positive for clockwise rings with y downward. */
int64_t lpg_ring_area2(const struct lpg_path *ring);

/* The part of a ring (its closing position repeated or not) inside [low, high]², as one ring
 * without closing position; it may touch itself along the square's edge (Sutherland and Hodgman
 * 1974). */
cim_status lpg_clip_ring(const struct lpg_path *ring, int32_t low, int32_t high,
                         struct lpg_path *ret_ring, cim_error *err);

/* The pieces of a line inside [low, high]², each handed to `each` (Liang and Barsky 1984).
 * `scratch` holds the piece at hand. */
cim_status lpg_clip_line(const struct lpg_path *line, int32_t low, int32_t high,
                         struct lpg_path *scratch,
                         void (*each)(void *self, const int32_t *xy, size_t n_positions),
                         void *self, cim_error *err);

#endif
