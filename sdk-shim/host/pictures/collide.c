/* host/pictures/collide.c -- see collide.h. A grid of cells, each with the shapes that touch it. */
#include "host/pictures/collide.h"

#include "cim/util.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { CELL_PX = 48 };

struct shape {
    double box[4];
    double x; /* of a circle */
    double y;
    double radius; /* 0: a box */
};

struct cell {
    uint32_t n;
    uint32_t capacity;
    uint32_t *shapes;
};

struct host_pic_taken {
    double width;
    double height;
    int columns;
    int rows;
    struct cell *cells;
    size_t n_shapes;
    size_t capacity;
    struct shape *shapes;
};

struct host_pic_taken *
host_pic_taken_new(double width, double height)
{
    struct host_pic_taken *taken = calloc(1, sizeof *taken);
    if (taken == NULL) {
        return NULL;
    }
    taken->width = width;
    taken->height = height;
    taken->columns = (int)ceil((width + 2 * HOST_PIC_AROUND_PX) / CELL_PX);
    taken->rows = (int)ceil((height + 2 * HOST_PIC_AROUND_PX) / CELL_PX);
    taken->cells = calloc((size_t)taken->columns * (size_t)taken->rows, sizeof *taken->cells);
    if (taken->cells == NULL) {
        free(taken);
        return NULL;
    }
    return taken;
}

void
host_pic_taken_free(struct host_pic_taken *taken)
{
    if (taken == NULL) {
        return;
    }
    for (size_t i = 0; i < (size_t)taken->columns * (size_t)taken->rows; i++) {
        free(taken->cells[i].shapes);
    }
    free(taken->cells);
    free(taken->shapes);
    free(taken);
}

bool
host_pic_taken_inside(const struct host_pic_taken *taken, const double box[4])
{
    return box[2] >= -HOST_PIC_AROUND_PX && box[0] < taken->width + HOST_PIC_AROUND_PX &&
           box[3] >= -HOST_PIC_AROUND_PX && box[1] < taken->height + HOST_PIC_AROUND_PX;
}

static int
cell_at(double at, int n)
{
    return (int)fmax(0, fmin(n - 1, floor((at + HOST_PIC_AROUND_PX) / CELL_PX)));
}

static bool
boxes_meet(const double a[4], const double b[4])
{
    return a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];
}

static bool
circle_meets_box(const struct shape *circle, const double box[4])
{
    const double dx = circle->x - fmax(box[0], fmin(box[2], circle->x));
    const double dy = circle->y - fmax(box[1], fmin(box[3], circle->y));
    return dx * dx + dy * dy <= circle->radius * circle->radius;
}

static bool
shapes_meet(const struct shape *a, const struct shape *b)
{
    const double reach = a->radius + b->radius;
    if (!boxes_meet(a->box, b->box)) {
        return false;
    }
    if (a->radius > 0 && b->radius > 0) {
        const double dx = a->x - b->x;
        const double dy = a->y - b->y;
        return dx * dx + dy * dy <= reach * reach;
    }
    return a->radius > 0   ? circle_meets_box(a, b->box)
           : b->radius > 0 ? circle_meets_box(b, a->box)
                           : true;
}

static bool
is_taken(const struct host_pic_taken *taken, const struct shape *shape)
{
    const int last_row = cell_at(shape->box[3], taken->rows);
    const int last_column = cell_at(shape->box[2], taken->columns);
    for (int row = cell_at(shape->box[1], taken->rows); row <= last_row; row++) {
        for (int col = cell_at(shape->box[0], taken->columns); col <= last_column; col++) {
            const struct cell *cell = &taken->cells[row * taken->columns + col];
            for (uint32_t i = 0; i < cell->n; i++) {
                if (shapes_meet(shape, &taken->shapes[cell->shapes[i]])) {
                    return true;
                }
            }
        }
    }
    return false;
}

static cim_status
note(struct cell *cell, uint32_t shape, cim_error *err)
{
    if (cell->n == cell->capacity) {
        const uint32_t capacity = cell->capacity > 0 ? cell->capacity * 2 : 8;
        uint32_t *grown = realloc(cell->shapes, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        cell->shapes = grown;
        cell->capacity = capacity;
    }
    cell->shapes[cell->n++] = shape;
    return CIM_OK;
}

static cim_status
take(struct host_pic_taken *taken, const struct shape *shape, cim_error *err)
{
    if (taken->n_shapes == taken->capacity) {
        const size_t capacity = taken->capacity > 0 ? taken->capacity * 2 : 256;
        struct shape *grown = realloc(taken->shapes, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        taken->shapes = grown;
        taken->capacity = capacity;
    }
    taken->shapes[taken->n_shapes] = *shape;
    const int last_row = cell_at(shape->box[3], taken->rows);
    const int last_column = cell_at(shape->box[2], taken->columns);
    for (int row = cell_at(shape->box[1], taken->rows); row <= last_row; row++) {
        for (int col = cell_at(shape->box[0], taken->columns); col <= last_column; col++) {
            CIM_TRY(
                note(&taken->cells[row * taken->columns + col], (uint32_t)taken->n_shapes, err));
        }
    }
    taken->n_shapes++;
    return CIM_OK;
}

static struct shape
box_shape(const double box[4])
{
    return (struct shape){.box = {box[0], box[1], box[2], box[3]}};
}

static struct shape
circle_shape(double x, double y, double radius)
{
    return (struct shape){
        .box = {x - radius, y - radius, x + radius, y + radius}, .x = x, .y = y, .radius = radius};
}

bool
host_pic_taken_box(const struct host_pic_taken *taken, const double box[4])
{
    const struct shape shape = box_shape(box);
    return is_taken(taken, &shape);
}

bool
host_pic_taken_circle(const struct host_pic_taken *taken, double x, double y, double radius)
{
    const struct shape shape = circle_shape(x, y, radius);
    return is_taken(taken, &shape);
}

cim_status
host_pic_take_box(struct host_pic_taken *taken, const double box[4], cim_error *err)
{
    const struct shape shape = box_shape(box);
    return take(taken, &shape, err);
}

cim_status
host_pic_take_circle(struct host_pic_taken *taken, double x, double y, double radius,
                     cim_error *err)
{
    const struct shape shape = circle_shape(x, y, radius);
    return take(taken, &shape, err);
}
