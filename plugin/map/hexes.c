/* plugin/map/hexes.c -- see rates.h: hexagons.
 *
 * A hexagon is no range of Morton codes. Where the tile and its eight neighbours hold few points
 * they are looked at one by one; otherwise the pyramid's points are summed up per area and hexagon,
 * once per zoom, and a tile adds up what it finds there by binary search. */
#include "map/rates.h"

#include "cim/util.h"
#include "geo/mercator.h"
#include "map/clip.h"
#include "map/points_cell.h"
#include "map/shapes.h"

#include <math.h>
#include <stdlib.h>

enum {
    FEW = 400,     /* points that are looked at one by one */
    TILE_HEXES = 8 /* hexagons along a row of a tile */
};

/* The lattice of a zoom, in positions. */
struct lattice {
    double width;  /* between centres of a row */
    double height; /* between rows */
};

static struct lattice
lattice_of(uint32_t z)
{
    const double width = ldexp(1.0, 32 - (int)z) / TILE_HEXES;
    return (struct lattice){.width = width, .height = width * sqrt(3.0) / 2};
}

static double
shift_of(int64_t row)
{
    return (row & 1) != 0 ? 1.0 : 0.5;
}

static void
centre_of(const struct lattice *lattice, int64_t row, int64_t col, double *ret_x, double *ret_y)
{
    *ret_x = ((double)col + shift_of(row)) * lattice->width;
    *ret_y = ((double)row + 0.5) * lattice->height;
}

/* The nearest centre is in one of the two rows beside the position. */
static void
find_hex(const struct lattice *lattice, double x, double y, int32_t *ret_row, int32_t *ret_col)
{
    const int64_t row0 = (int64_t)floor(y / lattice->height - 0.5);
    double least = INFINITY;
    for (int64_t row = row0; row <= row0 + 1; row++) {
        const int64_t col = (int64_t)floor(x / lattice->width - shift_of(row) + 0.5);
        double cx;
        double cy;
        centre_of(lattice, row, col, &cx, &cy);
        const double distance2 = (x - cx) * (x - cx) + (y - cy) * (y - cy);
        if (distance2 < least) {
            least = distance2;
            *ret_row = (int32_t)row;
            *ret_col = (int32_t)col;
        }
    }
}

void
lpg_hex_of(uint32_t z, uint32_t x, uint32_t y, int32_t *ret_row, int32_t *ret_col)
{
    const struct lattice lattice = lattice_of(z);
    find_hex(&lattice, x, y, ret_row, ret_col);
}

/* ---- sums of a zoom ---- */

/* Orders by row, then column, also of those that begin at -1. */
static uint64_t
key_of(int32_t row, int32_t col)
{
    return (uint64_t)(uint32_t)(row + 1) << 32U | (uint32_t)(col + 1);
}

struct hex_sum {
    uint64_t key;
    uint32_t n[CIM_RATES_MAX];
    uint32_t of[CIM_RATES_MAX];
};

struct lpg_hexes {
    uint32_t *begins; /* first sum of each partition, and the end */
    uint32_t n;
    uint32_t capacity;
    struct hex_sum *sums; /* ascending within a partition */
};

void
lpg_hexes_free(struct lpg_hexes *hexes)
{
    if (hexes != NULL) {
        free(hexes->begins);
        free(hexes->sums);
        free(hexes);
    }
}

static int
compare_sums(const void *left, const void *right)
{
    const uint64_t a = ((const struct hex_sum *)left)->key;
    const uint64_t b = ((const struct hex_sum *)right)->key;
    return (a > b) - (a < b);
}

/* Of one partition: neighbours in Morton order are neighbours on the ground, so that there are far
 * fewer runs of one hexagon than points; they are sorted and added up. */
static void
settle(struct lpg_hexes *hexes, uint32_t begin)
{
    uint32_t to = begin;
    qsort(hexes->sums + begin, hexes->n - begin, sizeof *hexes->sums, compare_sums);
    for (uint32_t i = begin; i < hexes->n; i++) {
        if (to > begin && hexes->sums[to - 1].key == hexes->sums[i].key) {
            for (uint32_t r = 0; r < CIM_RATES_MAX; r++) {
                hexes->sums[to - 1].n[r] += hexes->sums[i].n[r];
                hexes->sums[to - 1].of[r] += hexes->sums[i].of[r];
            }
        } else {
            hexes->sums[to++] = hexes->sums[i];
        }
    }
    hexes->n = to;
}

static struct hex_sum *
new_sum(struct lpg_hexes *hexes, uint64_t key)
{
    if (hexes->n == hexes->capacity) {
        const uint32_t capacity = hexes->capacity == 0 ? 1024 : 2 * hexes->capacity;
        struct hex_sum *grown = realloc(hexes->sums, capacity * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        hexes->sums = grown;
        hexes->capacity = capacity;
    }
    hexes->sums[hexes->n] = (struct hex_sum){.key = key};
    return &hexes->sums[hexes->n++];
}

/* What pyramid and zoom a tile counts in. */
struct counting {
    const struct lpg_points *points;
    const struct lpg_features *features;
    const struct lpg_rate_codes *codes;
    struct lattice lattice;
};

static bool
has_code(uint64_t codes, uint32_t code)
{
    return code > 0 && (codes >> (code - 1) & 1U) != 0;
}

static uint32_t
code_of(const struct counting *counting, uint32_t i, uint32_t rate)
{
    return counting->features->attributes[counting->features->rates[rate].attribute]
        .codes[lpg_points_row(counting->points, i)];
}

static bool
sum_partition(const struct counting *counting, const struct lpg_partition *partition,
              struct lpg_hexes *hexes)
{
    const uint32_t first = hexes->n;
    struct hex_sum *sum = NULL;
    for (uint32_t i = partition->begin; i < partition->end; i++) {
        uint32_t x;
        uint32_t y;
        int32_t row = 0;
        int32_t col = 0;
        lpg_morton_split(counting->points->morton[i], &x, &y);
        find_hex(&counting->lattice, x, y, &row, &col);
        if (sum == NULL || sum->key != key_of(row, col)) {
            sum = new_sum(hexes, key_of(row, col));
            if (sum == NULL) {
                return false;
            }
        }
        for (uint32_t r = 0; r < counting->features->n_rates; r++) {
            const uint32_t code = code_of(counting, i, r);
            sum->n[r] += has_code(counting->codes[r].numerator, code);
            sum->of[r] += has_code(counting->codes[r].denominator, code);
        }
    }
    settle(hexes, first);
    return true;
}

static cim_status
make_hexes(const struct counting *counting, struct lpg_hexes **ret_hexes, cim_error *err)
{
    const struct lpg_points *points = counting->points;
    struct lpg_hexes *hexes = calloc(1, sizeof *hexes);
    bool ok = hexes != NULL;
    if (ok) {
        hexes->begins = calloc((size_t)points->n_partitions + 1, sizeof *hexes->begins);
        ok = hexes->begins != NULL;
    }
    for (uint32_t p = 0; ok && p < points->n_partitions; p++) {
        ok = sum_partition(counting, &points->partitions[p], hexes);
        hexes->begins[p + 1] = hexes->n;
    }
    if (!ok) {
        lpg_hexes_free(hexes);
        return cim_fail_nomem(err);
    }
    struct hex_sum *fitted = hexes->n > 0 ? realloc(hexes->sums, hexes->n * sizeof *fitted) : NULL;
    hexes->sums = fitted != NULL ? fitted : hexes->sums;
    *ret_hexes = hexes;
    return CIM_OK;
}

/* Two that need it at once both make it, and one is kept. */
static cim_status
take_hexes(const struct counting *counting, uint32_t z, const struct lpg_hexes **ret_hexes,
           cim_error *err)
{
    struct lpg_points *points = (struct lpg_points *)(uintptr_t)counting->points; /* its cache */
    struct lpg_hexes *known = atomic_load(&points->hexes[z]);
    struct lpg_hexes *made = NULL;
    if (known == NULL) {
        CIM_TRY(make_hexes(counting, &made, err));
        if (atomic_compare_exchange_strong(&points->hexes[z], &known, made)) {
            known = made;
        } else {
            lpg_hexes_free(made);
        }
    }
    *ret_hexes = known;
    return CIM_OK;
}

/* ---- a tile's hexagons ---- */

/* Rows and columns that a tile may show. */
struct grid {
    int64_t row;
    int64_t col;
    int64_t n_rows;
    int64_t n_cols;
    struct lpg_rate_count (*counts)[CIM_RATES_MAX];
};

static struct lpg_rate_count *
cell_of(const struct grid *grid, int64_t row, int64_t col)
{
    const int64_t r = row - grid->row;
    const int64_t c = col - grid->col;
    return r >= 0 && r < grid->n_rows && c >= 0 && c < grid->n_cols
               ? grid->counts[r * grid->n_cols + c]
               : NULL;
}

static void
add_point(const struct counting *counting, uint32_t i, uint64_t sign, const struct grid *grid)
{
    struct lpg_rate_count *counts;
    int32_t row = 0;
    int32_t col = 0;
    uint32_t x;
    uint32_t y;
    lpg_morton_split(counting->points->morton[i], &x, &y);
    find_hex(&counting->lattice, x, y, &row, &col);
    counts = cell_of(grid, row, col);
    for (uint32_t r = 0; counts != NULL && r < counting->features->n_rates; r++) {
        const uint32_t code = code_of(counting, i, r);
        counts[r].n += has_code(counting->codes[r].numerator, code) ? sign : 0;
        counts[r].of += has_code(counting->codes[r].denominator, code) ? sign : 0;
    }
}

static void
add_sums(const struct lpg_hexes *hexes, uint32_t partition, uint64_t sign, uint32_t n_rates,
         const struct grid *grid)
{
    uint32_t at = hexes->begins[partition];
    const uint32_t end = hexes->begins[partition + 1];
    for (int64_t row = grid->row; row < grid->row + grid->n_rows; row++) {
        const uint64_t first = key_of((int32_t)row, (int32_t)grid->col);
        const uint64_t last = key_of((int32_t)row, (int32_t)(grid->col + grid->n_cols - 1));
        uint32_t stop = end;
        while (at < stop) { /* first sum of the row's stretch */
            const uint32_t middle = at + (stop - at) / 2;
            if (hexes->sums[middle].key < first) {
                at = middle + 1;
            } else {
                stop = middle;
            }
        }
        for (; at < end && hexes->sums[at].key <= last; at++) {
            const uint64_t key = hexes->sums[at].key;
            struct lpg_rate_count *counts =
                cell_of(grid, (int64_t)(key >> 32U) - 1, (int64_t)(key & UINT32_MAX) - 1);
            for (uint32_t r = 0; r < n_rates; r++) {
                counts[r].n += sign * hexes->sums[at].n[r];
                counts[r].of += sign * hexes->sums[at].of[r];
            }
        }
    }
}

/* The tile and its neighbours as ranges of one partition: at most 9. */
struct ranges {
    uint32_t n;
    uint32_t n_points;
    uint32_t begin[9];
    uint32_t end[9];
};

static void
find_ranges(const struct lpg_points *points, const struct lpg_partition *partition, uint32_t z,
            uint32_t col, uint32_t row, struct ranges *ret_ranges)
{
    const int64_t last = ((int64_t)1 << z) - 1;
    *ret_ranges = (struct ranges){.n = 0};
    for (int64_t r = (int64_t)row - 1; r <= (int64_t)row + 1; r++) {
        for (int64_t c = (int64_t)col - 1; c <= (int64_t)col + 1; c++) {
            if (r >= 0 && r <= last && c >= 0 && c <= last) {
                const uint32_t k = ret_ranges->n++;
                lpg_points_cell_range(points, partition->begin, partition->end,
                                      lpg_morton_cell_first(z, (uint32_t)c, (uint32_t)r),
                                      lpg_morton_cell_last(z, (uint32_t)c, (uint32_t)r),
                                      &ret_ranges->begin[k], &ret_ranges->end[k]);
                ret_ranges->n_points += ret_ranges->end[k] - ret_ranges->begin[k];
            }
        }
    }
}

static cim_status
add_pyramid(const struct counting *counting, const struct lpg_view *view, bool all_visible,
            uint32_t z, uint32_t col, uint32_t row, uint64_t sign, const struct grid *grid,
            cim_error *err)
{
    const struct lpg_points *points = counting->points;
    const struct lpg_hexes *hexes = NULL;
    for (uint32_t p = 0; p < points->n_partitions; p++) {
        struct ranges ranges;
        if (!lpg_partition_visible(&points->partitions[p], view, all_visible)) {
            continue;
        }
        find_ranges(points, &points->partitions[p], z, col, row, &ranges);
        if (ranges.n_points > FEW) {
            CIM_TRY(take_hexes(counting, z, &hexes, err));
            add_sums(hexes, p, sign, counting->features->n_rates, grid);
            continue;
        }
        for (uint32_t k = 0; k < ranges.n; k++) {
            for (uint32_t i = ranges.begin[k]; i < ranges.end[k]; i++) {
                add_point(counting, i, sign, grid);
            }
        }
    }
    return CIM_OK;
}

/* ---- drawing ---- */

struct frame {
    uint32_t z;
    double x0; /* position of the tile's corner */
    double y0;
    double unit; /* positions of a tile unit */
};

static int32_t
to_units(double position, double origin, const struct frame *frame)
{
    return (int32_t)lround((position - origin) / frame->unit);
}

static cim_status
draw_hex(const struct frame *frame, const struct lattice *lattice, double cx, double cy,
         struct lpg_path *ring, struct lpg_path *clipped, struct lpg_mvt *mvt, cim_error *err)
{
    const double rx = lattice->width / 2;
    const double ry = lattice->width / sqrt(3.0);
    /* Clockwise on the screen: exterior by the specification. */
    const double corners[6][2] = {{0, -ry}, {rx, -ry / 2}, {rx, ry / 2},
                                  {0, ry},  {-rx, ry / 2}, {-rx, -ry / 2}};
    lpg_path_clear(ring);
    for (int i = 0; i < 6; i++) {
        CIM_TRY(lpg_path_add(ring, to_units(cx + corners[i][0], frame->x0, frame),
                             to_units(cy + corners[i][1], frame->y0, frame), err));
    }
    CIM_TRY(lpg_clip_ring(ring, -LPG_SHAPE_BUFFER_UNITS, LPG_MVT_EXTENT + LPG_SHAPE_BUFFER_UNITS,
                          clipped, err));
    if (clipped->n >= 3 && lpg_ring_area2(clipped) > 0) {
        lpg_mvt_path(mvt, clipped->xy, clipped->n, true);
    }
    return CIM_OK;
}

/* Below 2^53 and the same in every tile. */
static uint64_t
id_of(int64_t row, int64_t col)
{
    return (uint64_t)(row + 1) << 20U | (uint64_t)(col + 1);
}

static bool
is_told(const struct lpg_rate_count *counts, uint32_t shown)
{
    bool told = false;
    for (uint32_t r = 0; r < CIM_RATES_MAX; r++) {
        told = told || ((shown >> r & 1U) != 0 && counts[r].of > 0);
    }
    return told;
}

static void
tag_rates(const struct lpg_features *features, uint32_t shown, const struct lpg_rate_count *counts,
          struct lpg_mvt *mvt)
{
    for (uint32_t r = 0; r < features->n_rates; r++) {
        if ((shown >> r & 1U) != 0) {
            lpg_rate_tag(&features->rates[r], &counts[r], mvt);
        }
    }
}

static cim_status
draw_grid(const struct lpg_stack *stack, const struct lpg_view *view, const struct frame *frame,
          const struct lattice *lattice, const struct grid *grid, struct lpg_mvt *mvt,
          struct lpg_mvt *labels, cim_error *err)
{
    const uint32_t shown = lpg_rates_shown(stack->newer, view);
    const double size = frame->unit * LPG_MVT_EXTENT;
    struct lpg_path ring = {0};
    struct lpg_path clipped = {0};
    cim_status status = CIM_OK;
    for (int64_t k = 0; k < grid->n_rows * grid->n_cols && status == CIM_OK; k++) {
        const int64_t row = grid->row + k / grid->n_cols;
        const int64_t col = grid->col + k % grid->n_cols;
        double cx;
        double cy;
        if (!is_told(grid->counts[k], shown)) {
            continue;
        }
        centre_of(lattice, row, col, &cx, &cy);
        lpg_mvt_begin(mvt, LPG_MVT_POLYGON, id_of(row, col));
        tag_rates(stack->newer, shown, grid->counts[k], mvt);
        status = draw_hex(frame, lattice, cx, cy, &ring, &clipped, mvt, err);
        lpg_mvt_end(mvt);
        if (cx >= frame->x0 && cx < frame->x0 + size && cy >= frame->y0 && cy < frame->y0 + size) {
            lpg_mvt_begin(labels, LPG_MVT_POINT, id_of(row, col));
            tag_rates(stack->newer, shown, grid->counts[k], labels);
            lpg_mvt_point(labels, (int32_t)((cx - frame->x0) / frame->unit),
                          (int32_t)((cy - frame->y0) / frame->unit));
            lpg_mvt_end(labels);
        }
    }
    lpg_path_done(&ring);
    lpg_path_done(&clipped);
    return status;
}

static cim_status
count_grid(const struct lpg_stack *stack, const struct lpg_view *view, bool all_visible, uint32_t z,
           uint32_t col, uint32_t row, const struct lattice *lattice, const struct grid *grid,
           cim_error *err)
{
    struct lpg_rate_codes codes[CIM_RATES_MAX];
    struct counting counting = {.features = stack->features, .codes = codes, .lattice = *lattice};
    lpg_rates_resolve(stack->newer, codes);
    counting.points = stack->points;
    CIM_TRY(add_pyramid(&counting, view, all_visible, z, col, row, 1, grid, err));
    if (stack->removed == NULL) {
        return CIM_OK;
    }
    counting.points = stack->removed;
    CIM_TRY(add_pyramid(&counting, view, all_visible, z, col, row, UINT64_MAX, grid, err));
    counting.points = stack->added;
    counting.features = stack->newer;
    return add_pyramid(&counting, view, all_visible, z, col, row, 1, grid, err);
}

cim_status
lpg_hexes_tile(const struct lpg_stack *stack, const struct lpg_view *view, bool all_visible,
               uint32_t z, uint32_t col, uint32_t row, struct lpg_mvt *mvt, struct lpg_mvt *labels,
               cim_error *err)
{
    const struct lattice lattice = lattice_of(z);
    const double size = ldexp(1.0, 32 - (int)z);
    const struct frame frame = {
        .z = z, .x0 = col * size, .y0 = row * size, .unit = size / LPG_MVT_EXTENT};
    const double reach = lattice.width + frame.unit * LPG_SHAPE_BUFFER_UNITS;
    struct grid grid;
    cim_status status;
    grid.row = (int64_t)floor((frame.y0 - reach) / lattice.height);
    grid.col = (int64_t)floor((frame.x0 - reach) / lattice.width);
    grid.row = grid.row < -1 ? -1 : grid.row;
    grid.col = grid.col < -1 ? -1 : grid.col;
    grid.n_rows = (int64_t)ceil((frame.y0 + size + reach) / lattice.height) - grid.row + 1;
    grid.n_cols = (int64_t)ceil((frame.x0 + size + reach) / lattice.width) - grid.col + 1;
    grid.counts = calloc((size_t)(grid.n_rows * grid.n_cols), sizeof *grid.counts);
    if (grid.counts == NULL) {
        return cim_fail_nomem(err);
    }
    status = count_grid(stack, view, all_visible, z, col, row, &lattice, &grid, err);
    if (status == CIM_OK) {
        status = draw_grid(stack, view, &frame, &lattice, &grid, mvt, labels, err);
    }
    free(grid.counts);
    return status;
}
