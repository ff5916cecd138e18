/* plugin/analysis/viewshed.c -- lpg.viewshed: what can be seen from a place over the terrain, by
 * GDALViewshedGenerate on the elevation model that is bound to lpg.dem. */
#include "analysis/feature_set.h"
#include "analysis/input_sources.h"
#include "analysis/json_io.h"
#include "analysis/raster.h"
#include "cim/bindings.h"
#include "cim/util.h"

#include <cpl_error.h>
#include <gdal_alg.h>
#include <gdalwarper.h>
#include <math.h>
#include <ogr_srs_api.h>
#include <stdlib.h>

#define DEM "lpg.dem"

enum { SEEN = 255, HIDDEN = 0, FAR = 128 };
static const double CURVATURE = 6.0 / 7.0; /* of the earth less the refraction of light */

struct viewshed {
    struct lpg_task *task;
    double lonlat_deg[2];
    double observer_m;
    double target_m;
    double radius_m;
    struct lpg_grid grid; /* heights; NaN: none */
    int64_t n_missing;    /* cells in reach without a height */
    int64_t n_in_reach;
    int64_t n_seen;
    GEOSGeometry *seen; /* in degrees; NULL: nothing */
    cim_error *err;
};

static cim_status
read_question(struct viewshed *view)
{
    struct json_object *inputs = view->task->inputs;
    view->observer_m = 10.0;
    view->target_m = 1.5;
    view->radius_m = 5000.0;
    CIM_TRY(lpg_in_point(inputs, "point", view->lonlat_deg, view->err));
    CIM_TRY(lpg_in_number(inputs, "observer_m", 0.0, 1000.0, &view->observer_m, view->err));
    CIM_TRY(lpg_in_number(inputs, "target_m", 0.0, 1000.0, &view->target_m, view->err));
    CIM_TRY(lpg_in_number(inputs, "radius_m", 10.0, 50000.0, &view->radius_m, view->err));
    return lpg_in_number(inputs, "cell_m", 0.5, 10000.0, &view->grid.cell_m, view->err);
}

/* ---- the terrain ---- */

static cim_status
open_dem(const struct viewshed *view, GDALDatasetH *ret_dem)
{
    const cim_host *host = view->task->host;
    const cim_bindings_v1 *bindings = host->get_service(host, CIM_SERVICE_BINDINGS);
    const char *const drivers[] = {"GTiff", NULL};
    cim_binding binding = {.struct_size = sizeof binding};
    cim_status status = CIM_HAS(cim_bindings_v1, bindings, get)
                            ? bindings->get(host, DEM, &binding, view->err)
                            : CIM_E_NOTFOUND;
    if (status == CIM_E_NOTFOUND || (status == CIM_OK && binding.path[0] == '\0')) {
        return cim_fail(view->err, CIM_E_STATE, DEM, NULL,
                        "没有高程模型：请管理员在控制台把 lpg.dem 绑定到高程数据",
                        "there is no elevation model: have an administrator bind lpg.dem to one in "
                        "the console");
    }
    CIM_TRY(status);
    *ret_dem = GDALOpenEx(binding.path, GDAL_OF_RASTER | GDAL_OF_READONLY, drivers, NULL, NULL);
    return *ret_dem != NULL ? CIM_OK : lpg_raster_fail(DEM, view->err);
}

/* Metres that a cell of the model is wide at the place. */
static double
native_cell_m(const struct viewshed *view, GDALDatasetH dem)
{
    double place[6] = {0};
    OGRSpatialReferenceH crs = GDALGetSpatialRef(dem);
    double cell = GDALGetGeoTransform(dem, place) == CE_None ? fabs(place[1]) : 0.0;
    if (crs != NULL && OSRIsGeographic(crs) != 0) {
        cell *= 111320.0 * cos(view->lonlat_deg[1] * 0.017453292519943295);
    }
    return cell;
}

static cim_status
lay_grid(struct viewshed *view, GDALDatasetH dem)
{
    struct lpg_grid *grid = &view->grid;
    double half;
    lpg_tm_init(&grid->tm, view->lonlat_deg[0], view->lonlat_deg[1]);
    if (!(grid->cell_m > 0.0)) {
        grid->cell_m = fmax(native_cell_m(view, dem), 1.0);
        grid->cell_m = fmin(grid->cell_m, view->radius_m / 10.0);
        grid->cell_m = fmax(grid->cell_m, view->radius_m / 900.0);
    }
    half = ceil(view->radius_m / grid->cell_m) + 1.0;
    if ((2.0 * half + 1.0) * (2.0 * half + 1.0) > LPG_GRID_CELLS_MAX) {
        return cim_fail(
            view->err, CIM_E_TOO_LARGE, "cell_m", NULL, "像元超过 %d 个：请加大像元或缩小半径",
            "more than %d cells: take larger cells or a smaller radius", LPG_GRID_CELLS_MAX);
    }
    /* the place is the centre of the middle cell */
    grid->columns = 2 * (int)half + 1;
    grid->rows = grid->columns;
    grid->west_m = -(half + 0.5) * grid->cell_m;
    grid->north_m = (half + 0.5) * grid->cell_m;
    return CIM_OK;
}

static cim_status
warp(struct viewshed *view, GDALDatasetH dem, GDALDatasetH terrain)
{
    const double nothing = -32768.0;
    struct lpg_grid *grid = &view->grid;
    GDALRasterBandH band = GDALGetRasterBand(terrain, 1);
    const size_t n = (size_t)grid->columns * (size_t)grid->rows;
    (void)GDALSetRasterNoDataValue(band, nothing);
    (void)GDALFillRaster(band, nothing, 0.0);
    if (GDALReprojectImage(dem, NULL, terrain, NULL, GRA_Bilinear, 0.0, 0.0, NULL, NULL, NULL) !=
        CE_None) {
        return lpg_raster_fail(DEM, view->err);
    }
    grid->values = malloc(n * sizeof *grid->values);
    if (grid->values == NULL) {
        return cim_fail_nomem(view->err);
    }
    if (GDALRasterIO(band, GF_Read, 0, 0, grid->columns, grid->rows, grid->values, grid->columns,
                     grid->rows, GDT_Float64, 0, 0) != CE_None) {
        return lpg_raster_fail(DEM, view->err);
    }
    for (size_t i = 0; i < n; i++) {
        grid->values[i] = grid->values[i] <= nothing ? (double)NAN : grid->values[i];
    }
    if (isnan(grid->values[n / 2])) {
        char value[64];
        (void)snprintf(value, sizeof value, "%.6f, %.6f", view->lonlat_deg[0], view->lonlat_deg[1]);
        return cim_fail(view->err, CIM_E_INVALID, "point", value, "在高程模型的范围之外",
                        "lies outside of the elevation model");
    }
    return CIM_OK;
}

/* Where nothing is known nothing stands in the way: filled with the lowest of what is known. */
static cim_status
fill(struct viewshed *view, GDALDatasetH terrain)
{
    struct lpg_grid *grid = &view->grid;
    const size_t n = (size_t)grid->columns * (size_t)grid->rows;
    double lowest = HUGE_VAL;
    double *filled = malloc(n * sizeof *filled);
    CPLErr written;
    if (filled == NULL) {
        return cim_fail_nomem(view->err);
    }
    for (size_t i = 0; i < n; i++) {
        lowest = isnan(grid->values[i]) ? lowest : fmin(lowest, grid->values[i]);
    }
    for (size_t i = 0; i < n; i++) {
        filled[i] = isnan(grid->values[i]) ? lowest : grid->values[i];
    }
    (void)GDALDeleteRasterNoDataValue(GDALGetRasterBand(terrain, 1));
    written = GDALRasterIO(GDALGetRasterBand(terrain, 1), GF_Write, 0, 0, grid->columns, grid->rows,
                           filled, grid->columns, grid->rows, GDT_Float64, 0, 0);
    free(filled);
    return written == CE_None ? CIM_OK : lpg_raster_fail(DEM, view->err);
}

/* ---- what is seen ---- */

static int
on_progress(double share, const char *message, void *arg)
{
    const struct viewshed *view = arg;
    (void)message;
    return lpg_task_step(view->task, 0.2 + 0.6 * share, "正在计算视域", "looking around",
                         view->err) == CIM_OK;
}

/* Counts, and takes out of the raster what has no height. */
static cim_status
count_seen(struct viewshed *view, GDALDatasetH seen)
{
    const struct lpg_grid *grid = &view->grid;
    const int columns = GDALGetRasterXSize(seen);
    const int rows = GDALGetRasterYSize(seen);
    GDALRasterBandH band = GDALGetRasterBand(seen, 1);
    double place[6];
    int left;
    int top;
    unsigned char *line = malloc((size_t)columns);
    cim_status status = line == NULL ? cim_fail_nomem(view->err) : CIM_OK;
    if (status == CIM_OK && GDALGetGeoTransform(seen, place) != CE_None) {
        status = lpg_raster_fail(DEM, view->err);
    }
    left = status == CIM_OK ? (int)lround((place[0] - grid->west_m) / grid->cell_m) : 0;
    top = status == CIM_OK ? (int)lround((grid->north_m - place[3]) / grid->cell_m) : 0;
    for (int row = 0; status == CIM_OK && row < rows; row++) {
        if (GDALRasterIO(band, GF_Read, 0, row, columns, 1, line, columns, 1, GDT_Byte, 0, 0) !=
            CE_None) {
            status = lpg_raster_fail(DEM, view->err);
            break;
        }
        for (int column = 0; column < columns; column++) {
            const double x = grid->west_m + (left + column + 0.5) * grid->cell_m;
            const double y = grid->north_m - (top + row + 0.5) * grid->cell_m;
            const size_t at = (size_t)(top + row) * (size_t)grid->columns + (size_t)(left + column);
            const bool in_reach = hypot(x, y) <= view->radius_m;
            const bool known = !isnan(grid->values[at]);
            view->n_in_reach += in_reach && known ? 1 : 0;
            view->n_missing += in_reach && !known ? 1 : 0;
            if (!in_reach || !known) {
                line[column] = FAR;
            }
            view->n_seen += line[column] == SEEN ? 1 : 0;
        }
        if (GDALRasterIO(band, GF_Write, 0, row, columns, 1, line, columns, 1, GDT_Byte, 0, 0) !=
            CE_None) {
            status = lpg_raster_fail(DEM, view->err);
        }
    }
    free(line);
    return status;
}

static cim_status
look(struct viewshed *view, GDALDatasetH terrain)
{
    cim_error before = {0};
    GDALDatasetH seen = NULL;
    cim_status status;
    if (view->err != NULL) {
        *view->err = before;
    }
    seen =
        GDALViewshedGenerate(GDALGetRasterBand(terrain, 1), "MEM", "", NULL, 0.0, 0.0,
                             view->observer_m, view->target_m, SEEN, HIDDEN, FAR, -1.0, CURVATURE,
                             GVM_Edge, view->radius_m, on_progress, view, GVOT_NORMAL, NULL);
    if (seen == NULL) {
        return view->err != NULL && view->err->code == CIM_E_CANCELLED
                   ? CIM_E_CANCELLED
                   : lpg_raster_fail("radius_m", view->err);
    }
    status = count_seen(view, seen);
    if (status == CIM_OK) {
        status = lpg_raster_outline(view->task, &view->grid.tm, seen, SEEN, &view->seen, view->err);
    }
    GDALClose(seen);
    return status;
}

/* ---- writing ---- */

static cim_status
write_answer(struct viewshed *view)
{
    struct cim_buf *out = &view->task->out;
    const struct lpg_grid *grid = &view->grid;
    const double cell_m2 = grid->cell_m * grid->cell_m;
    static const char *const used[] = {DEM};
    cim_buf_add_text(out, "{\"visible\":");
    if (view->seen != NULL) {
        CIM_TRY(lpg_shape_write_geojson(view->task, view->seen, view->err));
    } else {
        cim_buf_add_text(out, "{\"type\":\"MultiPolygon\",\"coordinates\":[]}");
    }
    lpg_out_m(out, "visible_m2", (double)view->n_seen * cell_m2);
    lpg_out_m(out, "in_reach_m2", (double)view->n_in_reach * cell_m2);
    lpg_out_m(out, "without_height_m2", (double)view->n_missing * cell_m2);
    lpg_out_m(out, "ground_m", grid->values[(size_t)grid->columns * (size_t)grid->rows / 2]);
    lpg_out_m(out, "cell_m", grid->cell_m);
    lpg_out_key(out, "observer");
    cim_buf_add_char(out, '{');
    lpg_out_point(out, "point", view->lonlat_deg);
    lpg_out_m(out, "observer_m", view->observer_m);
    lpg_out_m(out, "target_m", view->target_m);
    lpg_out_m(out, "radius_m", view->radius_m);
    lpg_out_m(out, "curvature", CURVATURE);
    cim_buf_add_text(out, "},");
    CIM_TRY(lpg_input_sources_write(view->task->host, used, 1, out, view->err));
    cim_buf_add_char(out, '}');
    return CIM_OK;
}

static cim_status
answer(struct viewshed *view, GDALDatasetH *dem, GDALDatasetH *terrain)
{
    CIM_TRY(read_question(view));
    CIM_TRY(open_dem(view, dem));
    CIM_TRY(lay_grid(view, *dem));
    CIM_TRY(lpg_raster_new(&view->grid, GDT_Float64, terrain, view->err));
    CIM_TRY(warp(view, *dem, *terrain));
    CIM_TRY(fill(view, *terrain));
    CIM_TRY(look(view, *terrain));
    return write_answer(view);
}

cim_status
lpg_viewshed_task(struct lpg_task *task, cim_error *err)
{
    cim_error unwanted;
    struct viewshed view = {.task = task, .err = err != NULL ? err : &unwanted};
    GDALDatasetH dem = NULL;
    GDALDatasetH terrain = NULL;
    cim_status status;
    lpg_raster_open();
    CPLPushErrorHandler(CPLQuietErrorHandler); /* told as our own */
    status = answer(&view, &dem, &terrain);
    CPLPopErrorHandler();
    if (terrain != NULL) {
        GDALClose(terrain);
    }
    if (dem != NULL) {
        GDALClose(dem);
    }
    GEOSGeom_destroy_r(task->geos, view.seen);
    free(view.grid.values);
    return status;
}
