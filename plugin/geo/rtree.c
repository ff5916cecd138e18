/* plugin/geo/rtree.c -- see rtree.h. */
#include "geo/rtree.h"

#include "cim/util.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { FAN = 16, LEVELS_MAX = 9 };

struct box {
    float min[2];
    float max[2];
};

/* Level 0 holds the items in packed order, each level above one box per FAN below. */
struct lpg_rtree {
    int n_levels;
    uint32_t level_n[LEVELS_MAX];
    struct box *level[LEVELS_MAX];
    uint32_t *items; /* packed order to number */
};

struct entry {
    struct box box;
    uint32_t item;
    float middle[2];
};

static float
down(double value)
{
    const float near = (float)value;
    return (double)near > value ? nextafterf(near, -FLT_MAX) : near;
}

static float
up(double value)
{
    const float near = (float)value;
    return (double)near < value ? nextafterf(near, FLT_MAX) : near;
}

/* ---- building ---- */

static int
compare(const struct entry *a, const struct entry *b, int k)
{
    if (a->middle[k] != b->middle[k]) {
        return a->middle[k] < b->middle[k] ? -1 : 1;
    }
    return a->item < b->item ? -1 : a->item > b->item;
}

static int
compare_x(const void *a, const void *b)
{
    return compare(a, b, 0);
}

static int
compare_y(const void *a, const void *b)
{
    return compare(a, b, 1);
}

/* Vertical slices of about the square root of the number of leaves, each sorted upward. */
static void
tile(struct entry *entries, uint32_t n)
{
    const double leaves = ceil((double)n / FAN);
    const uint32_t slice = (uint32_t)ceil(sqrt(leaves)) * FAN;
    qsort(entries, n, sizeof *entries, compare_x);
    for (uint32_t i = 0; i < n; i += slice) {
        qsort(entries + i, n - i < slice ? n - i : slice, sizeof *entries, compare_y);
    }
}

static cim_status
build_levels(struct lpg_rtree *tree, const struct entry *entries, uint32_t n, cim_error *err)
{
    tree->items = malloc((n > 0 ? n : 1) * sizeof *tree->items);
    tree->level[0] = malloc((n > 0 ? n : 1) * sizeof *tree->level[0]);
    if (tree->items == NULL || tree->level[0] == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < n; i++) {
        tree->items[i] = entries[i].item;
        tree->level[0][i] = entries[i].box;
    }
    tree->level_n[0] = n;
    tree->n_levels = 1;
    while (tree->level_n[tree->n_levels - 1] > 1) {
        const int below = tree->n_levels - 1;
        const uint32_t n_above = (tree->level_n[below] + FAN - 1) / FAN;
        struct box *boxes = malloc(n_above * sizeof *boxes);
        if (boxes == NULL) {
            return cim_fail_nomem(err);
        }
        for (uint32_t i = 0; i < tree->level_n[below]; i++) {
            const struct box *inner = &tree->level[below][i];
            struct box *outer = &boxes[i / FAN];
            if (i % FAN == 0) {
                *outer = *inner;
            }
            for (int k = 0; k < 2; k++) {
                outer->min[k] = fminf(outer->min[k], inner->min[k]);
                outer->max[k] = fmaxf(outer->max[k], inner->max[k]);
            }
        }
        tree->level[tree->n_levels] = boxes;
        tree->level_n[tree->n_levels++] = n_above;
    }
    return CIM_OK;
}

cim_status
lpg_rtree_build(uint32_t n, lpg_rtree_box_fn box, void *arg, struct lpg_rtree **ret_tree,
                cim_error *err)
{
    struct lpg_rtree *tree = calloc(1, sizeof *tree);
    struct entry *entries = malloc((n > 0 ? n : 1) * sizeof *entries);
    uint32_t n_entries = 0;
    cim_status status = CIM_OK;
    if (tree == NULL || entries == NULL) {
        free(tree);
        free(entries);
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < n; i++) {
        struct entry *entry = &entries[n_entries];
        double b[4];
        box(arg, i, b);
        if (b[0] <= b[2] && b[1] <= b[3]) {
            *entry = (struct entry){
                .item = i,
                .box = {{down(b[0]), down(b[1])}, {up(b[2]), up(b[3])}},
                .middle = {(float)((b[0] + b[2]) / 2.0), (float)((b[1] + b[3]) / 2.0)}};
            n_entries++;
        }
    }
    tile(entries, n_entries);
    status = build_levels(tree, entries, n_entries, err);
    free(entries);
    if (status != CIM_OK) {
        lpg_rtree_free(tree);
        return status;
    }
    *ret_tree = tree;
    return CIM_OK;
}

void
lpg_rtree_free(struct lpg_rtree *tree)
{
    if (tree == NULL) {
        return;
    }
    for (int i = 0; i < LEVELS_MAX; i++) {
        free(tree->level[i]);
    }
    free(tree->items);
    free(tree);
}

size_t
lpg_rtree_bytes(const struct lpg_rtree *tree)
{
    size_t bytes = sizeof *tree + tree->level_n[0] * sizeof *tree->items;
    for (int i = 0; i < tree->n_levels; i++) {
        bytes += tree->level_n[i] * sizeof *tree->level[i];
    }
    return bytes;
}

/* ---- searching ---- */

struct search {
    const struct lpg_rtree *tree;
    struct box box;
    lpg_rtree_found_fn found;
    void *arg;
};

static int
search_below(const struct search *search, int level, uint32_t first, uint32_t end)
{
    const struct box *boxes = search->tree->level[level];
    for (uint32_t i = first; i < end; i++) {
        uint32_t below_end;
        int stop;
        if (boxes[i].min[0] > search->box.max[0] || boxes[i].max[0] < search->box.min[0] ||
            boxes[i].min[1] > search->box.max[1] || boxes[i].max[1] < search->box.min[1]) {
            continue;
        }
        if (level == 0) {
            stop = search->found(search->arg, search->tree->items[i]);
        } else {
            below_end = (i + 1) * FAN < search->tree->level_n[level - 1]
                            ? (i + 1) * FAN
                            : search->tree->level_n[level - 1];
            stop = search_below(search, level - 1, i * FAN, below_end);
        }
        if (stop != 0) {
            return stop;
        }
    }
    return 0;
}

void
lpg_rtree_search(const struct lpg_rtree *tree, const double box[4], lpg_rtree_found_fn found,
                 void *arg)
{
    const struct search search = {
        tree, {{down(box[0]), down(box[1])}, {up(box[2]), up(box[3])}}, found, arg};
    const int top = tree->n_levels - 1;
    (void)search_below(&search, top, 0, tree->level_n[top]);
}

struct nearest {
    const struct lpg_rtree *tree;
    double p[2];
    lpg_rtree_distance2_fn distance2;
    void *arg;
    double least2;
    int64_t item;
};

static double
box_distance2(const struct box *box, const double p[2])
{
    double sum = 0.0;
    for (int k = 0; k < 2; k++) {
        const double off = fmax(fmax((double)box->min[k] - p[k], p[k] - (double)box->max[k]), 0.0);
        sum += off * off;
    }
    return sum;
}

/* Children nearest first, so that the rest is seldom entered. */
static void
nearest_below(struct nearest *nearest, int level, uint32_t first, uint32_t end)
{
    const struct lpg_rtree *tree = nearest->tree;
    double away2[FAN];
    uint32_t order[FAN];
    uint32_t n = 0;
    for (uint32_t i = first; i < end; i++) {
        const double d2 = box_distance2(&tree->level[level][i], nearest->p);
        uint32_t at = n++;
        for (; at > 0 && away2[at - 1] > d2; at--) {
            away2[at] = away2[at - 1];
            order[at] = order[at - 1];
        }
        away2[at] = d2;
        order[at] = i;
    }
    for (uint32_t i = 0; i < n && away2[i] <= nearest->least2; i++) {
        if (level > 0) {
            const uint32_t below = tree->level_n[level - 1];
            nearest_below(nearest, level - 1, order[i] * FAN,
                          (order[i] + 1) * FAN < below ? (order[i] + 1) * FAN : below);
        } else {
            const uint32_t item = tree->items[order[i]];
            const double d2 =
                nearest->distance2 != NULL ? nearest->distance2(nearest->arg, item) : away2[i];
            if (d2 < nearest->least2 || (d2 == nearest->least2 && (int64_t)item < nearest->item)) {
                nearest->least2 = d2;
                nearest->item = item;
            }
        }
    }
}

int64_t
lpg_rtree_nearest(const struct lpg_rtree *tree, double x, double y,
                  lpg_rtree_distance2_fn distance2, void *arg)
{
    struct nearest nearest = {tree, {x, y}, distance2, arg, DBL_MAX, -1};
    const int top = tree->n_levels - 1;
    nearest_below(&nearest, top, 0, tree->level_n[top]);
    return nearest.item;
}
