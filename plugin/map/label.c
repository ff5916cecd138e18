/* plugin/map/label.c -- where the name of a polygon stands. */
#include "map/shapes.h"

#include <math.h>
#include <stdlib.h>

enum { SECTIONS = 9, CROSSINGS_MAX = 256 };

static const uint32_t *
vertex(const struct lpg_shapes *shapes, const struct lpg_shape_part *part, uint32_t i)
{
    const uint32_t n = part->end - part->begin;
    return &shapes->xy[2 * (size_t)(part->begin + i % n)];
}

/* Twice the area, in doubles: the largest part is wanted, not the last digit. */
static double
area2(const struct lpg_shapes *shapes, const struct lpg_shape_part *part)
{
    const uint32_t *origin = vertex(shapes, part, 0);
    double sum = 0;
    for (uint32_t i = part->begin; i < part->end; i++) {
        const uint32_t *p = vertex(shapes, part, i - part->begin);
        const uint32_t *q = vertex(shapes, part, i - part->begin + 1);
        sum += ((double)p[0] - origin[0]) * ((double)q[1] - origin[1]) -
               ((double)q[0] - origin[0]) * ((double)p[1] - origin[1]);
    }
    return fabs(sum);
}

static const struct lpg_shape_part *
largest(const struct lpg_shapes *shapes, const struct lpg_shape *shape)
{
    const struct lpg_shape_part *best = &shapes->parts[shape->part_begin];
    double best_area2 = -1;
    for (uint32_t i = shape->part_begin; i < shape->part_end; i++) {
        const struct lpg_shape_part *part = &shapes->parts[i];
        const double area = part->hole ? -1 : area2(shapes, part);
        if (area > best_area2) {
            best_area2 = area;
            best = part;
        }
    }
    return best;
}

/* Where the ring crosses the parallel of `y`: `xs` from `n` on. */
static int
cross(const struct lpg_shapes *shapes, const struct lpg_shape_part *part, double y, double *xs,
      int n)
{
    for (uint32_t i = 0; i < part->end - part->begin && n < CROSSINGS_MAX; i++) {
        const uint32_t *p = vertex(shapes, part, i);
        const uint32_t *q = vertex(shapes, part, i + 1);
        if ((p[1] > y) != (q[1] > y)) {
            xs[n++] = p[0] + (y - p[1]) / ((double)q[1] - p[1]) * ((double)q[0] - p[0]);
        }
    }
    return n;
}

static int
by_value(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

void
lpg_label_place(const struct lpg_shapes *shapes, const struct lpg_shape *shape, uint32_t *ret_x,
                uint32_t *ret_y)
{
    const struct lpg_shape_part *part = largest(shapes, shape);
    const uint32_t last = (uint32_t)(part - shapes->parts) + 1;
    uint32_t north = UINT32_MAX;
    uint32_t south = 0;
    double widest = -1;
    for (uint32_t i = 0; i < part->end - part->begin; i++) {
        const uint32_t y = vertex(shapes, part, i)[1];
        north = y < north ? y : north;
        south = y > south ? y : south;
    }
    *ret_x = vertex(shapes, part, 0)[0];
    *ret_y = vertex(shapes, part, 0)[1];
    for (int s = 1; s <= SECTIONS; s++) {
        /* Half a position off: never through a vertex. */
        const double y = north + floor(((double)south - north) * s / (SECTIONS + 1)) + 0.5;
        double xs[CROSSINGS_MAX];
        int n = cross(shapes, part, y, xs, 0);
        for (uint32_t i = last; i < shape->part_end && shapes->parts[i].hole; i++) {
            n = cross(shapes, &shapes->parts[i], y, xs, n);
        }
        qsort(xs, (size_t)n, sizeof xs[0], by_value);
        for (int i = 0; i + 1 < n; i += 2) {
            if (xs[i + 1] - xs[i] > widest) {
                widest = xs[i + 1] - xs[i];
                *ret_x = (uint32_t)((xs[i] + xs[i + 1]) / 2);
                *ret_y = (uint32_t)y;
            }
        }
    }
}
