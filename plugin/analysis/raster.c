/* plugin/analysis/raster.c -- see raster.h. */
#include "analysis/raster.h"

#include "analysis/feature_set.h"
#include "analysis/json_io.h"
#include "cim/util.h"
#include "kit/cleanup.h"

#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <gdal_alg.h>
#include <math.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

void
lpg_raster_open(void)
{
    (void)pthread_once(&once, GDALAllRegister);
}

cim_status
lpg_raster_fail(const char *input, cim_error *err)
{
    const char *said = CPLGetLastErrorMsg();
    return cim_fail(err, CIM_E_INVALID, input, NULL, "栅格无法处理：%.200s",
                    "the raster cannot be worked with: %.200s",
                    said != NULL && said[0] != '\0' ? said : "?");
}

/* The plane on CGCS2000, as other programs read it. */
static char *
crs_of(const struct lpg_tm *tm)
{
    OGRSpatialReferenceH crs = OSRNewSpatialReference(NULL);
    char *wkt = NULL;
    if (crs != NULL && OSRImportFromEPSG(crs, 4490) == OGRERR_NONE &&
        OSRSetProjCS(crs, "CGCS2000 / local transverse Mercator") == OGRERR_NONE &&
        OSRSetTM(crs, tm->lat_deg, tm->lon_deg, 1.0, 0.0, 0.0) == OGRERR_NONE) {
        (void)OSRExportToWkt(crs, &wkt);
    }
    OSRDestroySpatialReference(crs);
    return wkt; /* CPLFree() */
}

cim_status
lpg_raster_new(const struct lpg_grid *grid, GDALDataType type, GDALDatasetH *ret_raster,
               cim_error *err)
{
    double place[6] = {grid->west_m, grid->cell_m, 0.0, grid->north_m, 0.0, -grid->cell_m};
    GDALDriverH memory = GDALGetDriverByName("MEM");
    GDALDatasetH raster =
        memory != NULL ? GDALCreate(memory, "", grid->columns, grid->rows, 1, type, NULL) : NULL;
    char *crs = crs_of(&grid->tm);
    const bool placed = raster != NULL && crs != NULL &&
                        GDALSetGeoTransform(raster, place) == CE_None &&
                        GDALSetProjection(raster, crs) == CE_None;
    CPLFree(crs);
    if (!placed ||
        (grid->values != NULL &&
         GDALRasterIO(GDALGetRasterBand(raster, 1), GF_Write, 0, 0, grid->columns, grid->rows,
                      grid->values, grid->columns, grid->rows, GDT_Float64, 0, 0) != CE_None)) {
        if (raster != NULL) {
            GDALClose(raster);
        }
        return lpg_raster_fail(NULL, err);
    }
    *ret_raster = raster;
    return CIM_OK;
}

/* ---- GeoTIFF ---- */

cim_status
lpg_raster_write_geotiff(struct lpg_task *task, const struct lpg_grid *grid, const char *key,
                         cim_error *err)
{
    const char *const options[] = {"COMPRESS=DEFLATE", "PREDICTOR=3", NULL};
    GDALDatasetH raster = NULL;
    GDALDatasetH written = NULL;
    GDALDriverH geotiff = GDALGetDriverByName("GTiff");
    char name[64];
    vsi_l_offset len = 0;
    GByte *bytes = NULL;
    char *text = NULL;
    CIM_TRY(lpg_raster_new(grid, GDT_Float32, &raster, err));
    (void)snprintf(name, sizeof name, "/vsimem/lpg-%p.tif", (void *)task);
    if (geotiff != NULL) {
        written = GDALCreateCopy(geotiff, name, raster, 0, (char **)(uintptr_t)options, NULL, NULL);
    }
    GDALClose(raster);
    if (written != NULL) {
        GDALClose(written);
        bytes = VSIGetMemFileBuffer(name, &len, 1);
    }
    text = bytes != NULL && len < (vsi_l_offset)INT32_MAX / 2 ? CPLBase64Encode((int)len, bytes)
                                                              : NULL;
    CPLFree(bytes);
    if (text == NULL) {
        return lpg_raster_fail(NULL, err);
    }
    lpg_out_text(&task->out, key, text);
    CPLFree(text);
    return CIM_OK;
}

/* ---- outlines ---- */

static int
to_degrees(double *x, double *y, void *arg)
{
    double lonlat[2];
    lpg_tm_inverse(arg, *x, *y, lonlat);
    *x = lonlat[0];
    *y = lonlat[1];
    return 1;
}

/* A geometry of OGR in the plane as a valid one of GEOS in degrees; NULL: it failed. */
static GEOSGeometry *
in_degrees(const struct lpg_task *task, const struct lpg_tm *tm, OGRGeometryH from)
{
    const GEOSContextHandle_t geos = task->geos;
    const int len = OGR_G_WkbSize(from);
    unsigned char *wkb = len > 0 ? malloc((size_t)len) : NULL;
    GEOSWKBReader *reader = GEOSWKBReader_create_r(geos);
    GEOSGeometry *plane = NULL;
    GEOSGeometry *valid = NULL;
    GEOSGeometry *degrees = NULL;
    if (wkb != NULL && reader != NULL && OGR_G_ExportToWkb(from, wkbNDR, wkb) == OGRERR_NONE) {
        plane = GEOSWKBReader_read_r(geos, reader, wkb, (size_t)len);
    }
    if (plane != NULL && GEOSisValid_r(geos, plane) != 1) {
        valid = GEOSMakeValid_r(geos, plane);
        GEOSGeom_destroy_r(geos, plane);
        plane = valid;
    }
    if (plane != NULL) {
        degrees = GEOSGeom_transformXY_r(geos, plane, to_degrees, (void *)(uintptr_t)tm);
    }
    GEOSGeom_destroy_r(geos, plane);
    GEOSWKBReader_destroy_r(geos, reader);
    free(wkb);
    return degrees;
}

/* A layer of areas in memory; the dataset keeps it. */
static OGRLayerH
new_layer(GDALDatasetH *ret_dataset, const char *const *fields, size_t n_fields, OGRFieldType type)
{
    GDALDriverH memory = GDALGetDriverByName("Memory");
    OGRLayerH layer = NULL;
    *ret_dataset = memory != NULL ? GDALCreate(memory, "", 0, 0, 0, GDT_Unknown, NULL) : NULL;
    if (*ret_dataset != NULL) {
        layer = GDALDatasetCreateLayer(*ret_dataset, "areas", NULL, wkbUnknown, NULL);
    }
    for (size_t i = 0; layer != NULL && i < n_fields; i++) {
        OGRFieldDefnH field = OGR_Fld_Create(fields[i], type);
        const OGRErr made = OGR_L_CreateField(layer, field, 1);
        OGR_Fld_Destroy(field);
        layer = made == OGRERR_NONE ? layer : NULL;
    }
    return layer;
}

static cim_status
write_band(struct lpg_task *task, const struct lpg_tm *tm, OGRFeatureH feature,
           const double range[2], const char *const *names, cim_error *err)
{
    GEOSGeometry *shape = in_degrees(task, tm, OGR_F_GetGeometryRef(feature));
    GEOSGeometry *areas = shape != NULL ? lpg_shape_parts(task->geos, shape, 2) : NULL;
    struct json_object *properties = json_object_new_object();
    cim_status status = CIM_OK;
    if (shape == NULL) {
        status = lpg_task_fail_geos("features", err);
    } else if (areas != NULL) {
        (void)json_object_object_add(properties, names[0], lpg_number_new(range[0]));
        (void)json_object_object_add(properties, names[1],
                                     isfinite(range[1]) ? lpg_number_new(range[1]) : NULL);
        (void)json_object_object_add(properties, "area_m2",
                                     lpg_metres_new(lpg_shape_m2(task->geos, areas)));
        status = lpg_feature_write(task, areas, properties, err);
    }
    (void)json_object_put(properties);
    GEOSGeom_destroy_r(task->geos, areas);
    GEOSGeom_destroy_r(task->geos, shape);
    return status;
}

static cim_status
contour(const struct lpg_grid *grid, const double *levels, size_t n_levels, OGRLayerH layer,
        cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf fixed;
    char **options = NULL;
    GDALDatasetH raster = NULL;
    CPLErr made;
    cim_buf_init(&fixed, 1 << 14);
    cim_buf_add_text(&fixed, "FIXED_LEVELS=");
    for (size_t i = 0; i < n_levels; i++) {
        cim_buf_add_text(&fixed, i > 0 ? "," : "");
        cim_buf_add_double(&fixed, levels[i]);
    }
    CIM_TRY(cim_buf_status(&fixed, err));
    CIM_TRY(lpg_raster_new(grid, GDT_Float64, &raster, err));
    options = CSLAddString(options, fixed.data);
    options = CSLAddString(options, "POLYGONIZE=YES");
    options = CSLAddString(options, "ELEV_FIELD_MIN=0");
    options = CSLAddString(options, "ELEV_FIELD_MAX=1");
    made = GDALContourGenerateEx(GDALGetRasterBand(raster, 1), layer, options, NULL, NULL);
    CSLDestroy(options);
    GDALClose(raster);
    return made == CE_None ? CIM_OK : lpg_raster_fail("levels", err);
}

cim_status
lpg_raster_write_bands(struct lpg_task *task, const struct lpg_grid *grid, const double *levels,
                       size_t n_levels, const char *from, const char *to, cim_error *err)
{
    const char *const fields[] = {"low", "high"};
    const char *const names[] = {from, to};
    GDALDatasetH dataset = NULL;
    OGRLayerH layer = new_layer(&dataset, fields, 2, OFTReal);
    OGRFeatureH feature = NULL;
    cim_status status =
        layer != NULL ? contour(grid, levels, n_levels, layer, err) : lpg_raster_fail(NULL, err);
    if (status == CIM_OK) {
        OGR_L_ResetReading(layer);
    }
    while (status == CIM_OK && (feature = OGR_L_GetNextFeature(layer)) != NULL) {
        double range[2] = {OGR_F_GetFieldAsDouble(feature, 0), OGR_F_GetFieldAsDouble(feature, 1)};
        if (range[0] >= levels[n_levels - 1]) {
            range[1] = INFINITY; /* GDAL has the largest number of 32 bits there */
        }
        if (range[1] > levels[0]) { /* below the first level nobody asked */
            status = write_band(task, &grid->tm, feature, range, names, err);
        }
        OGR_F_Destroy(feature);
    }
    if (dataset != NULL) {
        GDALClose(dataset);
    }
    return status;
}

cim_status
lpg_raster_outline(struct lpg_task *task, const struct lpg_tm *tm, GDALDatasetH raster, int value,
                   GEOSGeometry **ret_area, cim_error *err)
{
    const GEOSContextHandle_t geos = task->geos;
    const char *const fields[] = {"value"};
    GDALDatasetH dataset = NULL;
    OGRLayerH layer = new_layer(&dataset, fields, 1, OFTInteger);
    OGRFeatureH feature = NULL;
    GEOSGeometry **parts = NULL;
    unsigned n = 0;
    GEOSGeometry *all = NULL;
    cim_status status = CIM_OK;
    *ret_area = NULL;
    if (layer == NULL ||
        GDALPolygonize(GDALGetRasterBand(raster, 1), NULL, layer, 0, NULL, NULL, NULL) != CE_None) {
        status = lpg_raster_fail(NULL, err);
    } else {
        parts = calloc((size_t)OGR_L_GetFeatureCount(layer, 1) + 1, sizeof(GEOSGeometry *));
        OGR_L_ResetReading(layer);
    }
    while (parts != NULL && (feature = OGR_L_GetNextFeature(layer)) != NULL) {
        if (OGR_F_GetFieldAsInteger(feature, 0) == value) {
            parts[n] = in_degrees(task, tm, OGR_F_GetGeometryRef(feature));
            n += parts[n] != NULL ? 1 : 0;
        }
        OGR_F_Destroy(feature);
    }
    if (n > 0) {
        GEOSGeometry *pieces = GEOSGeom_createCollection_r(geos, GEOS_GEOMETRYCOLLECTION, parts, n);
        GEOSGeometry *joined = pieces != NULL ? GEOSUnaryUnion_r(geos, pieces) : NULL;
        all = joined != NULL ? lpg_shape_parts(geos, joined, 2) : NULL;
        GEOSGeom_destroy_r(geos, joined);
        GEOSGeom_destroy_r(geos, pieces);
        status = all != NULL ? CIM_OK : lpg_task_fail_geos("radius_m", err);
    }
    free(parts);
    if (dataset != NULL) {
        GDALClose(dataset);
    }
    *ret_area = all;
    return status;
}
