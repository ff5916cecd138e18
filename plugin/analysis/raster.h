/* plugin/analysis/raster.h -- a grid of cells in a local plane (geo/tm.h), by GDAL: as GeoTIFF, as
 * bands between levels, as outlines of cells. */
#ifndef LPG_ANALYSIS_RASTER_H
#define LPG_ANALYSIS_RASTER_H

#include "analysis/task.h"
#include "geo/tm.h"

#include <gdal.h>

enum { LPG_GRID_CELLS_MAX = 4000000, LPG_GRID_LEVELS_MAX = 50 };

struct lpg_grid {
    struct lpg_tm tm;
    double west_m; /* outer corner of the first cell */
    double north_m;
    double cell_m;
    int columns;
    int rows;
    double *values; /* row by row from the north; owned by whoever made it */
};

/* Drivers, once for the process. [any] */
void lpg_raster_open(void);
/* An empty dataset of this extent in memory, one band, or one with the grid's values. The plane is
 * its CRS, on CGCS2000. Ends with GDALClose(). */
cim_status lpg_raster_new(const struct lpg_grid *grid, GDALDataType type, GDALDatasetH *ret_raster,
                          cim_error *err);
/* What the last failure of GDAL said, as an error of `input`. */
cim_status lpg_raster_fail(const char *input, cim_error *err);

/* "key": a compressed GeoTIFF of 32-bit numbers in base64. */
cim_status lpg_raster_write_geotiff(struct lpg_task *task, const struct lpg_grid *grid,
                                    const char *key, cim_error *err);
/* A Feature for each band between neighbouring levels (rising), and above the last: areas with
 * properties `from` and `to`. Appends to the list that is open in task->out. */
cim_status lpg_raster_write_bands(struct lpg_task *task, const struct lpg_grid *grid,
                                  const double *levels, size_t n_levels, const char *from,
                                  const char *to, cim_error *err);
/* The cells of a band that have this value, as one area in degrees; NULL: none has it. Owned. */
cim_status lpg_raster_outline(struct lpg_task *task, const struct lpg_tm *tm, GDALDatasetH raster,
                              int value, GEOSGeometry **ret_area, cim_error *err);

#endif
