/* plugin/analysis/density.c -- lpg.density: a kernel density of features by weight.
 *
 * Each feature spreads its weight over the cells within the bandwidth, in the proportions that the
 * kernel has at their centres, so that nothing of it is lost: the sum over all cells is the sum of
 * the weights, whatever the size of a cell. Areas and lines stand at their centroid.
 */
#include "analysis/feature_set.h"
#include "analysis/json_io.h"
#include "analysis/raster.h"
#include "cim/util.h"
#include "geo/geodesic.h"

#include <cpl_error.h>
#include <math.h>
#include <stdlib.h>

enum { CELLS_A_KERNEL_MAX = 200, WIDTH_MAX_M = 400000 };
#define WORK_MAX 2e10 /* cells visited, over all features */

enum kernel { QUARTIC, EPANECHNIKOV, GAUSSIAN, KERNELS };

static const char *const kernels[KERNELS] = {"quartic", "epanechnikov", "gaussian"};

struct density {
    struct lpg_task *task;
    struct lpg_feature_set features;
    const char *weight_field; /* NULL: each counts one */
    double bandwidth_m;
    enum kernel kernel;
    struct lpg_grid grid;
    double *xy; /* of each feature, then its weight: three numbers */
    double total;
    int64_t n_without_weight;
    size_t n_levels;
    double levels[LPG_GRID_LEVELS_MAX];
    cim_error *err;
};

/* The kernel at a share of the bandwidth, not normalised; 0 past 1. The Gaussian has its bandwidth
 * at three standard deviations. */
static double
kernel_at(enum kernel kernel, double share2)
{
    const double rest = 1.0 - share2;
    if (share2 >= 1.0) {
        return 0.0;
    }
    return kernel == QUARTIC ? rest * rest : kernel == EPANECHNIKOV ? rest : exp(-4.5 * share2);
}

/* ---- inputs ---- */

static cim_status
read_levels(struct density *density)
{
    struct json_object *given = lpg_in_member(density->task->inputs, "levels");
    const size_t n =
        json_object_is_type(given, json_type_array) ? json_object_array_length(given) : 0;
    if (n > LPG_GRID_LEVELS_MAX) {
        return cim_fail(density->err, CIM_E_TOO_LARGE, "levels", NULL, "最多 %d 级",
                        "at most %d levels", LPG_GRID_LEVELS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *level = json_object_array_get_idx(given, i);
        const double value = lpg_in_is_number(level) ? json_object_get_double(level) : (double)NAN;
        if (!(value > (i > 0 ? density->levels[i - 1] : 0.0) && isfinite(value))) {
            return cim_fail(density->err, CIM_E_INVALID, "levels", lpg_in_given(level),
                            "应为由小到大的正数", "expected positive numbers that rise");
        }
        density->levels[i] = value;
    }
    density->n_levels = n;
    return CIM_OK;
}

static cim_status
read_question(struct density *density)
{
    struct json_object *inputs = density->task->inputs;
    struct json_object *field = lpg_in_member(inputs, "weight_field");
    const char *kernel = json_object_get_string(lpg_in_member(inputs, "kernel"));
    density->weight_field = field != NULL ? json_object_get_string(field) : NULL;
    density->bandwidth_m = NAN;
    CIM_TRY(
        lpg_in_number(inputs, "bandwidth_m", 1.0, 100000.0, &density->bandwidth_m, density->err));
    if (isnan(density->bandwidth_m)) {
        return cim_fail(density->err, CIM_E_INVALID, "bandwidth_m", NULL, "应给出带宽（米）",
                        "expected the bandwidth in metres");
    }
    density->grid.cell_m = density->bandwidth_m / 10.0;
    CIM_TRY(lpg_in_number(inputs, "cell_m", 0.1, 100000.0, &density->grid.cell_m, density->err));
    if (density->bandwidth_m / density->grid.cell_m > CELLS_A_KERNEL_MAX) {
        return cim_fail(density->err, CIM_E_TOO_LARGE, "cell_m",
                        lpg_in_given(lpg_in_member(inputs, "cell_m")),
                        "像元过小：应不小于带宽的 1/%d",
                        "too small: at least 1/%d of the bandwidth", CELLS_A_KERNEL_MAX);
    }
    for (int i = 0; kernel != NULL && i < KERNELS; i++) {
        density->kernel = strcmp(kernel, kernels[i]) == 0 ? (enum kernel)i : density->kernel;
    }
    return read_levels(density);
}

static cim_status
weight_of(struct density *density, const struct lpg_feature *feature, double *ret_weight)
{
    const double weight =
        density->weight_field != NULL ? lpg_feature_number(feature, density->weight_field) : 1.0;
    *ret_weight = isnan(weight) ? 0.0 : weight;
    density->n_without_weight += isnan(weight) ? 1 : 0;
    return weight < 0.0 ? cim_fail(density->err, CIM_E_INVALID, "weight_field", feature->name,
                                   "“%.60s”的权重为 %g，应不小于 0",
                                   "'%.60s' weighs %g: expected 0 or more", feature->name, weight)
                        : CIM_OK;
}

static cim_status
place_features(struct density *density)
{
    const GEOSContextHandle_t geos = density->task->geos;
    density->xy = malloc(density->features.n * 3 * sizeof *density->xy);
    if (density->xy == NULL) {
        return cim_fail_nomem(density->err);
    }
    for (size_t i = 0; i < density->features.n; i++) {
        const struct lpg_feature *feature = &density->features.features[i];
        GEOSGeometry *centre = GEOSGetCentroid_r(geos, feature->shape);
        double lon = 0.0;
        double lat = 0.0;
        const bool there = centre != NULL && GEOSGeomGetX_r(geos, centre, &lon) == 1 &&
                           GEOSGeomGetY_r(geos, centre, &lat) == 1;
        GEOSGeom_destroy_r(geos, centre);
        if (!there) {
            return lpg_task_fail_geos("features", density->err);
        }
        lpg_tm_forward(&density->grid.tm, lon, lat, density->xy + 3 * i);
        CIM_TRY(weight_of(density, feature, &density->xy[3 * i + 2]));
        density->total += density->xy[3 * i + 2];
    }
    return density->total > 0.0
               ? CIM_OK
               : cim_fail(density->err, CIM_E_INVALID, "weight_field", density->weight_field,
                          "权重合计为 0：没有可计的对象，请检查字段 %.40s",
                          "the weights add up to 0: nothing is there to count; check the field "
                          "%.40s",
                          density->weight_field);
}

/* The extent of all kernels, on whole cells from the plane's origin. */
static cim_status
lay_grid(struct density *density)
{
    struct lpg_grid *grid = &density->grid;
    double box[4] = {HUGE_VAL, HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
    double columns;
    double rows;
    for (size_t i = 0; i < density->features.n; i++) {
        for (int k = 0; k < 2; k++) {
            box[k] = fmin(box[k], density->xy[3 * i + (size_t)k] - density->bandwidth_m);
            box[k + 2] = fmax(box[k + 2], density->xy[3 * i + (size_t)k] + density->bandwidth_m);
        }
    }
    grid->west_m = floor(box[0] / grid->cell_m) * grid->cell_m;
    grid->north_m = ceil(box[3] / grid->cell_m) * grid->cell_m;
    columns = ceil((box[2] - grid->west_m) / grid->cell_m);
    rows = ceil((grid->north_m - box[1]) / grid->cell_m);
    if (columns * rows > LPG_GRID_CELLS_MAX) {
        return cim_fail(density->err, CIM_E_TOO_LARGE, "cell_m", NULL,
                        "共 %.0f 个像元，最多 %d 个：请加大像元或缩小范围",
                        "%.0f cells, at most %d: take larger cells or a smaller area",
                        columns * rows, LPG_GRID_CELLS_MAX);
    }
    grid->columns = (int)columns;
    grid->rows = (int)rows;
    if ((double)density->features.n * pow(2.0 * density->bandwidth_m / grid->cell_m, 2.0) >
        WORK_MAX) {
        return cim_fail(density->err, CIM_E_TOO_LARGE, "cell_m", NULL,
                        "计算量过大：请加大像元或减少对象",
                        "too much to compute: take larger cells or fewer features");
    }
    grid->values = calloc((size_t)grid->columns * (size_t)grid->rows, sizeof *grid->values);
    return grid->values != NULL ? CIM_OK : cim_fail_nomem(density->err);
}

/* ---- spreading ---- */

struct window {
    int left;
    int right;
    int top;
    int bottom;
};

static int
cell_at(double m, double cell_m, int most)
{
    const double at = floor(m / cell_m);
    return at < 0.0 ? 0 : at >= most ? most - 1 : (int)at;
}

static double
share2_at(const struct density *density, const double *at, int column, int row)
{
    const struct lpg_grid *grid = &density->grid;
    const double dx = grid->west_m + (column + 0.5) * grid->cell_m - at[0];
    const double dy = grid->north_m - (row + 0.5) * grid->cell_m - at[1];
    return (dx * dx + dy * dy) / (density->bandwidth_m * density->bandwidth_m);
}

/* Adds the weight `at[2]`, per square kilometre. */
static void
spread(struct density *density, const double *at)
{
    struct lpg_grid *grid = &density->grid;
    const double b = density->bandwidth_m;
    const struct window window = {cell_at(at[0] - b - grid->west_m, grid->cell_m, grid->columns),
                                  cell_at(at[0] + b - grid->west_m, grid->cell_m, grid->columns),
                                  cell_at(grid->north_m - at[1] - b, grid->cell_m, grid->rows),
                                  cell_at(grid->north_m - at[1] + b, grid->cell_m, grid->rows)};
    const double cell_km2 = grid->cell_m * grid->cell_m / 1e6;
    double sum = 0.0;
    for (int row = window.top; row <= window.bottom; row++) {
        for (int column = window.left; column <= window.right; column++) {
            sum += kernel_at(density->kernel, share2_at(density, at, column, row));
        }
    }
    if (!(sum > 0.0)) { /* a cell larger than the bandwidth, its centre out of reach */
        const int row = cell_at(grid->north_m - at[1], grid->cell_m, grid->rows);
        const int column = cell_at(at[0] - grid->west_m, grid->cell_m, grid->columns);
        grid->values[(size_t)row * (size_t)grid->columns + (size_t)column] += at[2] / cell_km2;
        return;
    }
    for (int row = window.top; row <= window.bottom; row++) {
        double *values = grid->values + (size_t)row * (size_t)grid->columns;
        for (int column = window.left; column <= window.right; column++) {
            values[column] += at[2] / cell_km2 / sum *
                              kernel_at(density->kernel, share2_at(density, at, column, row));
        }
    }
}

static cim_status
spread_all(struct density *density)
{
    for (size_t i = 0; i < density->features.n; i++) {
        spread(density, density->xy + 3 * i);
        if (i % 256 == 0) {
            CIM_TRY(lpg_task_step(density->task,
                                  0.1 + 0.7 * (double)i / (double)density->features.n,
                                  "正在计算密度", "spreading the weights", density->err));
        }
    }
    return CIM_OK;
}

/* ---- writing ---- */

static void
write_grid(struct density *density, size_t peak, double mass)
{
    const struct lpg_grid *grid = &density->grid;
    struct cim_buf *out = &density->task->out;
    double lonlat[2];
    lpg_tm_inverse(
        &grid->tm, grid->west_m + ((double)(peak % (size_t)grid->columns) + 0.5) * grid->cell_m,
        grid->north_m - ((double)(peak / (size_t)grid->columns) + 0.5) * grid->cell_m, lonlat);
    lpg_out_point(out, "peak", lonlat);
    lpg_out_six(out, "peak_per_km2", grid->values[peak]);
    lpg_out_m(out, "total_weight", density->total);
    lpg_out_m(out, "mass", mass);
    lpg_out_int(out, "n_features", (int64_t)density->features.n);
    lpg_out_int(out, "n_without_weight", density->n_without_weight);
    lpg_out_key(out, "grid");
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "kernel", kernels[density->kernel]);
    lpg_out_m(out, "bandwidth_m", density->bandwidth_m);
    lpg_out_m(out, "cell_m", grid->cell_m);
    lpg_out_int(out, "columns", grid->columns);
    lpg_out_int(out, "rows", grid->rows);
    lpg_out_m(out, "west_m", grid->west_m);
    lpg_out_m(out, "north_m", grid->north_m);
    lpg_out_m(out, "origin_lon_deg", grid->tm.lon_deg);
    lpg_out_m(out, "origin_lat_deg", grid->tm.lat_deg);
    cim_buf_add_char(out, '}');
}

static cim_status
write_answer(struct density *density)
{
    struct lpg_grid *grid = &density->grid;
    struct cim_buf *out = &density->task->out;
    const struct lpg_feature_set *sets[] = {&density->features};
    const size_t n = (size_t)grid->columns * (size_t)grid->rows;
    size_t peak = 0;
    double mass = 0.0;
    for (size_t i = 0; i < n; i++) {
        mass += grid->values[i];
        peak = grid->values[i] > grid->values[peak] ? i : peak;
    }
    mass *= grid->cell_m * grid->cell_m / 1e6;
    if (density->n_levels == 0) {
        static const double shares[] = {0.05, 0.2, 0.4, 0.6, 0.8};
        for (size_t i = 0; i < 5; i++) {
            density->levels[density->n_levels++] = shares[i] * grid->values[peak];
        }
    }
    CIM_TRY(lpg_task_step(density->task, 0.85, "正在生成等值面", "making the bands", density->err));
    cim_buf_add_text(out, "{\"bands\":{\"type\":\"FeatureCollection\",\"features\":[");
    CIM_TRY(lpg_raster_write_bands(density->task, grid, density->levels, density->n_levels,
                                   "from_per_km2", "to_per_km2", density->err));
    cim_buf_add_text(out, "]}");
    write_grid(density, peak, mass);
    if (json_object_get_boolean(lpg_in_member(density->task->inputs, "raster"))) {
        CIM_TRY(lpg_raster_write_geotiff(density->task, grid, "raster", density->err));
    } else {
        lpg_out_text(out, "raster", NULL);
    }
    CIM_TRY(lpg_feature_sources_write(density->task, sets, 1, density->err));
    cim_buf_add_char(out, '}');
    return CIM_OK;
}

static cim_status
answer(struct density *density)
{
    const double *box = density->features.box_deg;
    double corner[2];
    CIM_TRY(read_question(density));
    CIM_TRY(lpg_feature_set_read(density->task, "features", LPG_FEATURES_ANY, &density->features,
                                 density->err));
    lpg_tm_init(&density->grid.tm, (box[0] + box[2]) / 2.0, (box[1] + box[3]) / 2.0);
    lpg_tm_forward(&density->grid.tm, fmin(box[2], density->grid.tm.lon_deg + 20.0),
                   density->grid.tm.lat_deg, corner);
    if (2.0 * corner[0] > WIDTH_MAX_M) {
        return cim_fail(density->err, CIM_E_TOO_LARGE, "features", NULL,
                        "东西宽最多 %d km，请用 area 或 bbox 挑选",
                        "at most %d km from west to east: choose with area or bbox",
                        WIDTH_MAX_M / 1000);
    }
    CIM_TRY(place_features(density));
    CIM_TRY(lay_grid(density));
    CIM_TRY(spread_all(density));
    return write_answer(density);
}

cim_status
lpg_density_task(struct lpg_task *task, cim_error *err)
{
    struct density density = {.task = task, .err = err};
    cim_status status;
    lpg_raster_open();
    CPLPushErrorHandler(CPLQuietErrorHandler); /* told as our own */
    status = answer(&density);
    CPLPopErrorHandler();
    free(density.xy);
    free(density.grid.values);
    lpg_feature_set_done(&density.features);
    return status;
}
