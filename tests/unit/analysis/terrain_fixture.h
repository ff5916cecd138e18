/* tests/unit/analysis/terrain_fixture.h -- an elevation model for the store of fixture.h. */
#ifndef ANALYSIS_TERRAIN_FIXTURE_H
#define ANALYSIS_TERRAIN_FIXTURE_H

#include "siting_fixture.h"

#include <cpl_conv.h>
#include <gdal.h>
#include <ogr_srs_api.h>

/* A plain, 0.12 degrees wide around the site, with a wall of so many metres 1000 m to the east. */
static inline void
make_terrain(struct fixture *fixture, double wall_m)
{
    enum { CELLS = 600 };
    const double cell_deg = 0.0002;
    double place[6] = {site_deg[0] - CELLS / 2 * cell_deg, cell_deg, 0,
                       site_deg[1] + CELLS / 2 * cell_deg, 0,        -cell_deg};
    GDALDatasetH raster;
    OGRSpatialReferenceH crs = OSRNewSpatialReference(NULL);
    char *wkt = NULL;
    double wall_deg[2];
    float *line = calloc(CELLS, sizeof *line);
    int at;
    (void)snprintf(fixture->fake->raster, sizeof fixture->fake->raster, "%s/dem.tif",
                   fixture->fake->dir);
    GDALAllRegister();
    raster = GDALCreate(GDALGetDriverByName("GTiff"), fixture->fake->raster, CELLS, CELLS, 1,
                        GDT_Float32, NULL);
    assert_non_null(raster);
    assert_non_null(line);
    assert_int_equal(OSRImportFromEPSG(crs, 4490), OGRERR_NONE);
    assert_int_equal(OSRExportToWkt(crs, &wkt), OGRERR_NONE);
    assert_int_equal(GDALSetProjection(raster, wkt), CE_None);
    assert_int_equal(GDALSetGeoTransform(raster, place), CE_None);
    CPLFree(wkt);
    OSRDestroySpatialReference(crs);
    offset(1000, 0, wall_deg);
    at = (int)((wall_deg[0] - place[0]) / cell_deg);
    for (int i = at; i < at + 3; i++) {
        line[i] = (float)wall_m;
    }
    for (int row = 0; row < CELLS; row++) {
        assert_int_equal(GDALRasterIO(GDALGetRasterBand(raster, 1), GF_Write, 0, row, CELLS, 1,
                                      line, CELLS, 1, GDT_Float32, 0, 0),
                         CE_None);
    }
    GDALClose(raster);
    free(line);
}

#endif
