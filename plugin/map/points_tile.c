/* plugin/map/points_tile.c -- counts and tiles of a pyramid; see points.h. */
#include "cim/rows.h"
#include "cim/util.h"
#include "geo/mercator.h"
#include "map/cluster.h"
#include "map/points_cell.h"
#include "map/rates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELLS = 1 << (2 * LPG_CLUSTER_LEVELS),
    CELL_UNITS = LPG_MVT_EXTENT >> LPG_CLUSTER_LEVELS,
    UNITS_PER_PX = LPG_MVT_EXTENT / 512,
    NAME_SIZE = 128 /* of "n_<field>_<value>" */
};

static uint64_t
count_cell(const struct lpg_points *points, const struct lpg_view *view, bool all_visible,
           uint64_t first, uint64_t last)
{
    uint64_t count = 0;
    for (uint32_t p = 0; points != NULL && p < points->n_partitions; p++) {
        uint32_t begin;
        uint32_t end;
        if (lpg_partition_visible(&points->partitions[p], view, all_visible)) {
            lpg_points_cell_range(points, points->partitions[p].begin, points->partitions[p].end,
                                  first, last, &begin, &end);
            count += end - begin;
        }
    }
    return count;
}

uint64_t
lpg_points_count(const struct lpg_stack *stack, const struct lpg_view *view, bool all_visible,
                 uint32_t z, uint32_t col, uint32_t row)
{
    const uint64_t first = lpg_morton_cell_first(z, col, row);
    const uint64_t last = lpg_morton_cell_last(z, col, row);
    return count_cell(stack->points, view, all_visible, first, last) -
           count_cell(stack->removed, view, all_visible, first, last) +
           count_cell(stack->added, view, all_visible, first, last);
}

/* Where a tile lies among the 32-bit positions. */
struct tile_frame {
    uint32_t z;
    uint64_t x0;
    uint64_t y0;
};

static int32_t
to_units(uint64_t position, uint64_t origin, uint32_t z)
{
    return (int32_t)(((position - origin) * LPG_MVT_EXTENT) >> (32U - z));
}

struct single_keys {
    uint32_t fid;
    uint32_t area_code;
    uint32_t attributes[LPG_ATTRIBUTES_MAX];
};

static void
single_keys_init(struct single_keys *keys, const struct lpg_features *features, struct lpg_mvt *mvt)
{
    keys->fid = lpg_mvt_key(mvt, "fid");
    keys->area_code = lpg_mvt_key(mvt, "area_code");
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        keys->attributes[a] = lpg_mvt_key(mvt, features->attributes[a].field->name);
    }
}

static void
draw_single(const struct lpg_points *points, const struct lpg_features *features,
            const struct lpg_view *view, uint32_t i, const struct tile_frame *frame,
            const struct single_keys *keys, struct lpg_mvt *mvt)
{
    const uint32_t row = lpg_points_row(points, i);
    const uint32_t shown = lpg_view_shown(view, features, row);
    uint32_t x;
    uint32_t y;
    lpg_morton_split(points->morton[i], &x, &y);
    lpg_mvt_begin(mvt, LPG_MVT_POINT, (uint64_t)features->fid[row]);
    lpg_mvt_tag(mvt, keys->fid, lpg_mvt_value_int(mvt, features->fid[row]));
    lpg_mvt_tag(
        mvt, keys->area_code,
        lpg_mvt_value_text(mvt, lpg_dictionary_value(&features->areas, features->area[row])->text));
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        const struct lpg_attribute *attribute = &features->attributes[a];
        if (attribute->codes[row] != 0 && (shown >> a & 1U) != 0) {
            lpg_mvt_tag(mvt, keys->attributes[a],
                        lpg_value_to_mvt(mvt, lpg_dictionary_value(&attribute->dictionary,
                                                                   attribute->codes[row])));
        }
    }
    lpg_mvt_point(mvt, to_units(x, frame->x0, frame->z), to_units(y, frame->y0, frame->z));
    lpg_mvt_end(mvt);
}

/* Sums over one cluster cell. */
struct cell {
    uint64_t count;
    uint64_t sum_x; /* relative to the tile's corner: stays below 2^64 for 2^32 points */
    uint64_t sum_y;
    uint64_t n_added;    /* of `count` */
    uint32_t some;       /* one of its points */
    uint32_t some_added; /* one of those added */
    bool less;           /* some were removed: `some` may be one of them */
};

/* The three pyramids of a stack. */
enum part { PART_POINTS, PART_REMOVED, PART_ADDED };

struct drawing {
    const struct lpg_stack *stack;
    const struct lpg_view *view;
    bool all_visible;
    struct tile_frame frame;
    struct cell cells[CELLS];
    uint64_t *value_counts; /* CELLS x total values of all counted attributes */
    uint64_t *ranks[2];     /* of those values, at the beginning and the end of a range */
    uint32_t n_values;
    struct lpg_rate_codes rates[CIM_RATES_MAX];
};

static const struct lpg_points *
part_points(const struct lpg_stack *stack, enum part part)
{
    return part == PART_POINTS ? stack->points : part == PART_ADDED ? stack->added : stack->removed;
}

/* Numbers of values in the newest dictionary; the older pyramids know a first part of them. */
static uint32_t
n_values_of(const struct lpg_stack *stack, uint32_t attribute)
{
    const uint32_t n = stack->newer->attributes[attribute].dictionary.n;
    return n > 0 ? n : 1;
}

/* How many of the points before the i-th have each value. */
static void
ranks_at(const struct drawing *drawing, const struct lpg_points *points, uint32_t i,
         uint64_t *ret_ranks)
{
    for (uint32_t k = 0; k < points->n_counted; k++) {
        const struct lpg_counted *counted = &points->counted[k];
        const bool shown = (drawing->view->attributes >> counted->attribute & 1U) != 0;
        for (uint32_t v = 1; shown && v < counted->n_values; v++) {
            ret_ranks[v] = lpg_counted_rank(counted, v, i);
        }
        ret_ranks += n_values_of(drawing->stack, counted->attribute);
    }
}

/* drawing->ranks are those of the range. */
static void
add_range(struct drawing *drawing, enum part part, uint32_t c, uint32_t begin, uint32_t end)
{
    const struct lpg_points *points = part_points(drawing->stack, part);
    const uint64_t sign = part == PART_REMOVED ? UINT64_MAX : 1; /* -1, in sums that wrap */
    struct cell *cell = &drawing->cells[c];
    const uint64_t count = end - begin;
    uint64_t *values = drawing->value_counts + (size_t)c * drawing->n_values;
    cell->count += sign * count;
    cell->sum_x += sign * (points->sum_x[end] - points->sum_x[begin] - count * drawing->frame.x0);
    cell->sum_y += sign * (points->sum_y[end] - points->sum_y[begin] - count * drawing->frame.y0);
    switch (part) {
    case PART_ADDED:
        cell->n_added += count;
        cell->some_added = begin;
        break;
    case PART_REMOVED:
        cell->less = true;
        break;
    case PART_POINTS:
    default:
        cell->some = begin;
    }
    for (uint32_t v = 0; v < drawing->n_values; v++) {
        values[v] += sign * (drawing->ranks[1][v] - drawing->ranks[0][v]);
    }
}

/* The ranges of a partition follow each other: where one ends the next begins. */
static void
add_partition(struct drawing *drawing, enum part part, uint32_t begin, uint32_t end, uint64_t first)
{
    const struct lpg_points *points = part_points(drawing->stack, part);
    const uint32_t z = drawing->frame.z + LPG_CLUSTER_LEVELS;
    const uint64_t span = UINT64_MAX >> (2U * z); /* codes of a cell, less one */
    uint32_t at = begin;
    if (begin < end) {
        ranks_at(drawing, points, begin, drawing->ranks[0]);
    }
    while (at < end) {
        const uint32_t c = (uint32_t)((points->morton[at] - first) / (span + 1));
        const uint64_t last = first + (uint64_t)c * (span + 1) + span;
        at = last == UINT64_MAX ? end : lpg_points_lower_bound(points, at, end, last + 1);
        ranks_at(drawing, points, at, drawing->ranks[1]);
        add_range(drawing, part, c, begin, at);
        uint64_t *const passed = drawing->ranks[0];
        drawing->ranks[0] = drawing->ranks[1];
        drawing->ranks[1] = passed;
        begin = at;
    }
}

int32_t
lpg_cluster_radius_px(uint64_t count)
{
    return count < 10 ? 16 : count < 100 ? 18 : count < 1000 ? 21 : count < 10000 ? 25 : 30;
}

static int32_t
anchor(uint64_t sum, uint64_t count, uint32_t cell, uint32_t z)
{
    const int32_t margin = lpg_cluster_radius_px(count) * UNITS_PER_PX;
    const int32_t low = (int32_t)(cell * CELL_UNITS) + margin;
    const int32_t high = (int32_t)((cell + 1) * CELL_UNITS) - margin;
    const int32_t units = (int32_t)(((sum / count) * LPG_MVT_EXTENT) >> (32U - z));
    return units < low ? low : units > high ? high : units;
}

/* Below 2^53: 5 bits of zoom, then the cell's place among the cells of that zoom. */
static uint64_t
cluster_id(const struct drawing *drawing, uint32_t c)
{
    const struct tile_frame *frame = &drawing->frame;
    const uint64_t grid = drawing->stack->features->degrees ? 1 : 0;
    const uint32_t z = frame->z + LPG_CLUSTER_LEVELS;
    const uint64_t first =
        frame->z == 0 ? 0 : lpg_morton((uint32_t)frame->x0, (uint32_t)frame->y0) >> (64U - 2U * z);
    return grid << LPG_CLUSTER_DEGREES_SHIFT | (uint64_t)z << 40U | (first + c);
}

struct cluster_keys {
    uint32_t cluster;
    uint32_t count;
    uint32_t cluster_id;
    const char *names; /* of values, NAME_SIZE each */
    uint32_t
        *values; /* UINT32_MAX: not in the tile yet, which names nothing that it does not count */
};

/* From the counts per value that the cell has anyhow. */
static void
tag_rates(const struct drawing *drawing, const uint64_t *values, struct lpg_mvt *mvt)
{
    const struct lpg_features *features = drawing->stack->newer;
    const struct lpg_points *points = drawing->stack->points;
    for (uint32_t k = 0; k < points->n_counted; k++) {
        const uint32_t n = n_values_of(drawing->stack, points->counted[k].attribute);
        for (uint32_t r = 0; r < features->n_rates; r++) {
            struct lpg_rate_count count = {0};
            if (features->rates[r].attribute != points->counted[k].attribute) {
                continue;
            }
            for (uint32_t v = 1; v < n; v++) {
                count.n += (drawing->rates[r].numerator >> (v - 1) & 1U) != 0 ? values[v] : 0;
                count.of += (drawing->rates[r].denominator >> (v - 1) & 1U) != 0 ? values[v] : 0;
            }
            lpg_rate_tag(&features->rates[r], &count, mvt);
        }
        values += n;
    }
}

static void
draw_cluster(const struct drawing *drawing, uint32_t c, const struct cluster_keys *keys,
             struct lpg_mvt *mvt)
{
    const struct cell *cell = &drawing->cells[c];
    const uint64_t id = cluster_id(drawing, c);
    const uint64_t *values = drawing->value_counts + (size_t)c * drawing->n_values;
    uint32_t x;
    uint32_t y;
    lpg_morton_split(c, &x, &y);
    lpg_mvt_begin(mvt, LPG_MVT_POINT, id);
    lpg_mvt_tag(mvt, keys->cluster, lpg_mvt_value_bool(mvt, true));
    lpg_mvt_tag(mvt, keys->count, lpg_mvt_value_int(mvt, (int64_t)cell->count));
    lpg_mvt_tag(mvt, keys->cluster_id, lpg_mvt_value_int(mvt, (int64_t)id));
    for (uint32_t v = 0; v < drawing->n_values; v++) {
        if (values[v] > 0 && keys->values[v] == UINT32_MAX) {
            keys->values[v] = lpg_mvt_key(mvt, keys->names + (size_t)v * NAME_SIZE);
        }
        if (values[v] > 0) {
            lpg_mvt_tag(mvt, keys->values[v], lpg_mvt_value_int(mvt, (int64_t)values[v]));
        }
    }
    tag_rates(drawing, values, mvt);
    lpg_mvt_point(mvt, anchor(cell->sum_x, cell->count, x, drawing->frame.z),
                  anchor(cell->sum_y, cell->count, y, drawing->frame.z));
    lpg_mvt_end(mvt);
}

/* "n_<field>_<value>" for every counted value; texts live in *ret_texts until the tile is done. */
static cim_status
name_values(const struct drawing *drawing, char **ret_texts, cim_error *err)
{
    const struct lpg_points *points = drawing->stack->points;
    char *texts = calloc(drawing->n_values > 0 ? drawing->n_values : 1, NAME_SIZE);
    uint32_t v = 0;
    if (texts == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t k = 0; k < points->n_counted; k++) {
        const struct lpg_attribute *attribute =
            &drawing->stack->newer->attributes[points->counted[k].attribute];
        const uint32_t n = n_values_of(drawing->stack, points->counted[k].attribute);
        for (uint32_t i = 0; i < n; i++, v++) {
            const struct lpg_value *value =
                i > 0 ? lpg_dictionary_value(&attribute->dictionary, i) : NULL;
            char *name = texts + (size_t)v * NAME_SIZE;
            if (value == NULL) {
                continue;
            }
            /* A definition counts by codes and booleans alone. */
            const char *text = value->type == CIM_COL_TEXT ? value->text
                               : value->i64 != 0           ? "true"
                                                           : "false";
            (void)snprintf(name, NAME_SIZE, "n_%s_%s", attribute->field->name, text);
        }
    }
    *ret_texts = texts;
    return CIM_OK;
}

/* The one point that is left of a cell: where it lies is the sum of positions, then it is among
 * those of that position, at most one of which was not removed. */
static uint32_t
find_left(const struct drawing *drawing, const struct cell *cell)
{
    const struct lpg_points *points = drawing->stack->points;
    const uint64_t code = lpg_morton((uint32_t)(cell->sum_x + drawing->frame.x0),
                                     (uint32_t)(cell->sum_y + drawing->frame.y0));
    for (uint32_t p = 0; p < points->n_partitions; p++) {
        const struct lpg_partition *partition = &points->partitions[p];
        uint32_t begin;
        uint32_t end;
        if (!lpg_partition_visible(partition, drawing->view, drawing->all_visible)) {
            continue;
        }
        lpg_points_cell_range(points, partition->begin, partition->end, code, code, &begin, &end);
        for (uint32_t i = begin; i < end; i++) {
            if (!lpg_points_is_removed(drawing->stack->removed, lpg_points_row(points, i))) {
                return i;
            }
        }
    }
    return cell->some; /* not reached: the sums say that there is one */
}

static void
draw_only(const struct drawing *drawing, const struct cell *cell, const struct single_keys *keys,
          struct lpg_mvt *mvt)
{
    const struct lpg_stack *stack = drawing->stack;
    if (cell->n_added == 1) {
        draw_single(stack->added, stack->newer, drawing->view, cell->some_added, &drawing->frame,
                    keys, mvt);
    } else {
        draw_single(stack->points, stack->features, drawing->view,
                    cell->less ? find_left(drawing, cell) : cell->some, &drawing->frame, keys, mvt);
    }
}

static cim_status
draw_cells(struct drawing *drawing, struct lpg_mvt *mvt, char **ret_texts, cim_error *err)
{
    struct single_keys singles;
    struct cluster_keys keys;
    uint32_t *values = malloc((drawing->n_values + 1) * sizeof *values);
    cim_status status;
    if (values == NULL) {
        return cim_fail_nomem(err);
    }
    memset(values, 0xFF, (drawing->n_values + 1) * sizeof *values);
    single_keys_init(&singles, drawing->stack->features, mvt);
    keys = (struct cluster_keys){.cluster = lpg_mvt_key(mvt, "cluster"),
                                 .count = lpg_mvt_key(mvt, "count"),
                                 .cluster_id = lpg_mvt_key(mvt, "cluster_id"),
                                 .values = values};
    status = name_values(drawing, ret_texts, err);
    keys.names = *ret_texts;
    for (uint32_t c = 0; status == CIM_OK && c < CELLS; c++) {
        if (drawing->cells[c].count == 1) {
            draw_only(drawing, &drawing->cells[c], &singles, mvt);
        } else if (drawing->cells[c].count > 1) {
            draw_cluster(drawing, c, &keys, mvt);
        }
    }
    free(values);
    return status;
}

/* Rows ascend in both pyramids, so what was removed is met on the way. */
static void
draw_singles(const struct drawing *drawing, enum part part, uint32_t begin, uint32_t end,
             const struct single_keys *keys, struct lpg_mvt *mvt)
{
    const struct lpg_stack *stack = drawing->stack;
    const struct lpg_points *points = part_points(stack, part);
    const struct lpg_points *removed = part == PART_POINTS ? stack->removed : NULL;
    const struct lpg_features *features = part == PART_POINTS ? stack->features : stack->newer;
    uint32_t r = removed != NULL && begin < end
                     ? lpg_points_removed_from(removed, lpg_points_row(points, begin))
                     : 0;
    for (uint32_t i = begin; i < end; i++) {
        if (removed != NULL && r < removed->n && removed->row[r] == lpg_points_row(points, i)) {
            r++;
        } else {
            draw_single(points, features, drawing->view, i, &drawing->frame, keys, mvt);
        }
    }
}

static void
visit_part(struct drawing *drawing, enum part part, uint64_t first, uint64_t last,
           const struct single_keys *singles, struct lpg_mvt *mvt)
{
    const struct lpg_points *points = part_points(drawing->stack, part);
    /* An older pyramid knows fewer values: of the others it has none. */
    memset(drawing->ranks[0], 0, drawing->n_values * sizeof *drawing->ranks[0]);
    memset(drawing->ranks[1], 0, drawing->n_values * sizeof *drawing->ranks[1]);
    for (uint32_t p = 0; points != NULL && p < points->n_partitions; p++) {
        const struct lpg_partition *partition = &points->partitions[p];
        uint32_t begin;
        uint32_t end;
        if (!lpg_partition_visible(partition, drawing->view, drawing->all_visible)) {
            continue;
        }
        lpg_points_cell_range(points, partition->begin, partition->end, first, last, &begin, &end);
        if (singles == NULL) {
            add_partition(drawing, part, begin, end, first);
        } else if (part != PART_REMOVED) {
            draw_singles(drawing, part, begin, end, singles, mvt);
        }
    }
}

cim_status
lpg_points_tile(const struct lpg_stack *stack, const struct lpg_view *view, bool all_visible,
                uint32_t z, uint32_t col, uint32_t row, struct lpg_mvt *mvt, char **ret_texts,
                cim_error *err)
{
    const uint64_t first = lpg_morton_cell_first(z, col, row);
    const uint64_t last = lpg_morton_cell_last(z, col, row);
    const bool clustered = z < LPG_POINTS_SINGLE_ZOOM;
    struct drawing *drawing = calloc(1, sizeof *drawing);
    struct single_keys singles;
    cim_status status = CIM_OK;
    if (drawing == NULL) {
        return cim_fail_nomem(err);
    }
    drawing->stack = stack;
    drawing->view = view;
    drawing->all_visible = all_visible;
    lpg_rates_resolve(stack->newer, drawing->rates);
    drawing->frame = (struct tile_frame){
        .z = z, .x0 = (uint64_t)col << (32U - z), .y0 = (uint64_t)row << (32U - z)};
    for (uint32_t k = 0; k < stack->points->n_counted; k++) {
        drawing->n_values += n_values_of(stack, stack->points->counted[k].attribute);
    }
    drawing->value_counts = calloc(
        (size_t)(CELLS + 2) * (drawing->n_values > 0 ? drawing->n_values : 1), sizeof(uint64_t));
    if (drawing->value_counts == NULL) {
        free(drawing);
        return cim_fail_nomem(err);
    }
    drawing->ranks[0] = drawing->value_counts + (size_t)CELLS * drawing->n_values;
    drawing->ranks[1] = drawing->ranks[0] + drawing->n_values;
    if (!clustered) {
        single_keys_init(&singles, stack->features, mvt);
    }
    for (enum part part = PART_POINTS; part <= PART_ADDED; part++) {
        visit_part(drawing, part, first, last, clustered ? NULL : &singles, mvt);
    }
    if (clustered) {
        status = draw_cells(drawing, mvt, ret_texts, err);
    }
    free(drawing->value_counts);
    free(drawing);
    return status;
}
