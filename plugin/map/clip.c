/* plugin/map/clip.c -- see clip.h. */
#include "map/clip.h"

#include "cim/util.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

void
lpg_path_clear(struct lpg_path *path)
{
    path->n = 0;
}

void
lpg_path_done(struct lpg_path *path)
{
    free(path->xy);
    *path = (struct lpg_path){0};
}

cim_status
lpg_path_add(struct lpg_path *path, int32_t x, int32_t y, cim_error *err)
{
    if (path->n == path->capacity) {
        const size_t capacity = path->capacity == 0 ? 128 : path->capacity * 2;
        int32_t *xy;
        if (path->n >= LPG_PATH_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "geom", NULL, "几何顶点过多",
                            "too many vertices");
        }
        xy = realloc(path->xy, capacity * 2 * sizeof *xy);
        if (xy == NULL) {
            return cim_fail_nomem(err);
        }
        path->xy = xy;
        path->capacity = capacity;
    }
    path->xy[2 * path->n] = x;
    path->xy[2 * path->n + 1] = y;
    path->n++;
    return CIM_OK;
}

void
lpg_path_reverse(struct lpg_path *path)
{
    for (size_t i = 0, j = path->n; i + 1 < j; i++) {
        j--;
        const int32_t x = path->xy[2 * i];
        const int32_t y = path->xy[2 * i + 1];
        path->xy[2 * i] = path->xy[2 * j];
        path->xy[2 * i + 1] = path->xy[2 * j + 1];
        path->xy[2 * j] = x;
        path->xy[2 * j + 1] = y;
    }
}

int64_t
lpg_ring_area2(const struct lpg_path *ring)
{
    int64_t area = 0;
    for (size_t i = 0; i < ring->n; i++) {
        const size_t j = i + 1 == ring->n ? 0 : i + 1;
        area += (int64_t)ring->xy[2 * i] * ring->xy[2 * j + 1] -
                (int64_t)ring->xy[2 * j] * ring->xy[2 * i + 1];
    }
    return area;
}

/* One of the square's four half planes: axis 0 is x, 1 is y. */
struct half_plane {
    int axis;
    int32_t bound;
    bool keep_above;
};

static bool
inside(const struct half_plane *plane, const int32_t *position)
{
    const int32_t value = position[plane->axis];
    return plane->keep_above ? value >= plane->bound : value <= plane->bound;
}

static cim_status
add_unless_same(struct lpg_path *path, int32_t x, int32_t y, cim_error *err)
{
    if (path->n > 0 && path->xy[2 * path->n - 2] == x && path->xy[2 * path->n - 1] == y) {
        return CIM_OK;
    }
    return lpg_path_add(path, x, y, err);
}

static cim_status
add_crossing(const struct half_plane *plane, const int32_t *from, const int32_t *to,
             struct lpg_path *out, cim_error *err)
{
    const int other = 1 - plane->axis;
    const double t =
        ((double)plane->bound - from[plane->axis]) / ((double)to[plane->axis] - from[plane->axis]);
    const int32_t value = (int32_t)lround(from[other] + t * ((double)to[other] - from[other]));
    return plane->axis == 0 ? add_unless_same(out, plane->bound, value, err)
                            : add_unless_same(out, value, plane->bound, err);
}

static cim_status
clip_half(const struct lpg_path *in, const struct half_plane *plane, struct lpg_path *out,
          cim_error *err)
{
    lpg_path_clear(out);
    for (size_t i = 0; i < in->n; i++) {
        const int32_t *from = in->xy + 2 * (i == 0 ? in->n - 1 : i - 1);
        const int32_t *to = in->xy + 2 * i;
        if (inside(plane, from) != inside(plane, to)) {
            CIM_TRY(add_crossing(plane, from, to, out, err));
        }
        if (inside(plane, to)) {
            CIM_TRY(add_unless_same(out, to[0], to[1], err));
        }
    }
    return CIM_OK;
}

static void
drop_closing(struct lpg_path *ring)
{
    while (ring->n > 1 && ring->xy[0] == ring->xy[2 * ring->n - 2] &&
           ring->xy[1] == ring->xy[2 * ring->n - 1]) {
        ring->n--;
    }
}

cim_status
lpg_clip_ring(const struct lpg_path *ring, int32_t low, int32_t high, struct lpg_path *ret_ring,
              cim_error *err)
{
    const struct half_plane planes[4] = {
        {0, low, true}, {0, high, false}, {1, low, true}, {1, high, false}};
    struct lpg_path other = {0};
    cim_status status = CIM_OK;
    bool whole = true;
    lpg_path_clear(ret_ring);
    for (size_t i = 0; status == CIM_OK && i < ring->n; i++) {
        const int32_t *position = ring->xy + 2 * i;
        for (int k = 0; k < 4; k++) {
            whole = whole && inside(&planes[k], position);
        }
        status = add_unless_same(ret_ring, position[0], position[1], err);
    }
    drop_closing(ret_ring);
    for (int k = 0; status == CIM_OK && !whole && k < 4; k++) {
        struct lpg_path swap = *ret_ring;
        status = clip_half(&swap, &planes[k], &other, err);
        *ret_ring = other;
        other = swap;
        drop_closing(ret_ring);
    }
    lpg_path_done(&other);
    return status;
}

/* Cuts the segment to the square; false when nothing is left. */
static bool
clip_segment(const int32_t *from, const int32_t *to, int32_t low, int32_t high, int32_t ret_a[2],
             int32_t ret_b[2])
{
    double t0 = 0.0;
    double t1 = 1.0;
    for (int axis = 0; axis < 2; axis++) {
        const double start = from[axis];
        const double delta = (double)to[axis] - start;
        const double bounds[2] = {low - start, high - start};
        if (delta == 0.0) {
            if (bounds[0] > 0.0 || bounds[1] < 0.0) {
                return false;
            }
            continue;
        }
        const double enter = delta > 0.0 ? bounds[0] / delta : bounds[1] / delta;
        const double leave = delta > 0.0 ? bounds[1] / delta : bounds[0] / delta;
        t0 = enter > t0 ? enter : t0;
        t1 = leave < t1 ? leave : t1;
    }
    if (t0 > t1) {
        return false;
    }
    for (int axis = 0; axis < 2; axis++) {
        const double delta = (double)to[axis] - from[axis];
        ret_a[axis] = t0 > 0.0 ? (int32_t)lround(from[axis] + t0 * delta) : from[axis];
        ret_b[axis] = t1 < 1.0 ? (int32_t)lround(from[axis] + t1 * delta) : to[axis];
    }
    return true;
}

cim_status
lpg_clip_line(const struct lpg_path *line, int32_t low, int32_t high, struct lpg_path *scratch,
              void (*each)(void *self, const int32_t *xy, size_t n_positions), void *self,
              cim_error *err)
{
    lpg_path_clear(scratch);
    for (size_t i = 1; i < line->n; i++) {
        const int32_t *to = line->xy + 2 * i;
        int32_t a[2];
        int32_t b[2];
        if (!clip_segment(to - 2, to, low, high, a, b)) {
            continue;
        }
        if (scratch->n > 0 &&
            (scratch->xy[2 * scratch->n - 2] != a[0] || scratch->xy[2 * scratch->n - 1] != a[1])) {
            if (scratch->n > 1) {
                each(self, scratch->xy, scratch->n);
            }
            lpg_path_clear(scratch);
        }
        CIM_TRY(add_unless_same(scratch, a[0], a[1], err));
        CIM_TRY(add_unless_same(scratch, b[0], b[1], err));
    }
    if (scratch->n > 1) {
        each(self, scratch->xy, scratch->n);
    }
    return CIM_OK;
}
