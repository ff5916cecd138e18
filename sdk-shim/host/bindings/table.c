/* host/bindings/table.c -- a table of PostgreSQL as a GeoPackage, and the copy of a raster; both
 * are GDAL's. */
#include "host/bindings/internal.h"

#include "cim/util.h"
#include "host/bindings/target.h"
#include "host/exchange/source.h"

#include <cpl_string.h>
#include <gdal_utils.h>

enum { DATABASE_BYTES_MAX = 4096 };

static GDALDatasetH
translate(const struct host_binding_fetch *fetch, GDALDatasetH from, int *ret_usage_error)
{
    char limit[24];
    char **words = NULL;
    GDALVectorTranslateOptions *options = NULL;
    GDALDatasetH to = NULL;
    words = CSLAddString(words, "-f");
    words = CSLAddString(words, "GPKG");
    words = CSLAddString(words, "-nln");
    words = CSLAddString(words, "features");
    if (fetch->limit > 0) {
        (void)snprintf(limit, sizeof limit, "%lld", (long long)fetch->limit);
        words = CSLAddString(words, "-limit");
        words = CSLAddString(words, limit);
    }
    words = CSLAddString(words, fetch->binding->dataset);
    options = GDALVectorTranslateOptionsNew(words, NULL);
    if (options != NULL) {
        to = GDALVectorTranslate(fetch->path, NULL, 1, &from, options, ret_usage_error);
    }
    GDALVectorTranslateOptionsFree(options);
    CSLDestroy(words);
    return to;
}

static cim_status
copy_table(struct host_binding_fetch *fetch, GDALDatasetH from, cim_error *err)
{
    int usage_error = 0;
    GDALDatasetH to = NULL;
    if (GDALDatasetGetLayerByName(from, fetch->binding->dataset) == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "dataset", fetch->binding->dataset,
                        "数据库中没有这个表，或没有读取权限",
                        "the database has no such table, or it may not be read");
    }
    to = translate(fetch, from, &usage_error);
    if (to == NULL) {
        return cim_fail(err, CIM_E_IO, "dataset", fetch->binding->dataset, "表无法读取",
                        "the table cannot be read");
    }
    fetch->n = OGR_L_GetFeatureCount(GDALDatasetGetLayer(to, 0), TRUE);
    GDALClose(to);
    return CIM_OK;
}

/* GDAL's own words may hold the connection's: only their kind is told. */
cim_status
host_binding_fetch_table(struct host_binding_fetch *fetch, cim_error *err)
{
    static const char *const drivers[] = {"PostgreSQL", NULL};
    const struct host_binding *binding = fetch->binding;
    struct host_gdal_errors errors = {0};
    char database[DATABASE_BYTES_MAX];
    GDALDatasetH from = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(host_target_database(fetch->app->config, binding->url, binding->username,
                                 binding->password, database, sizeof database, err));
    (void)snprintf(fetch->path, sizeof fetch->path, "%s/features.gpkg", fetch->dir);
    host_gdal_init();
    host_gdal_enter(&errors);
    from = GDALOpenEx(database, GDAL_OF_VECTOR | GDAL_OF_READONLY, drivers, NULL, NULL);
    memset(database, 0, sizeof database);
    status = from != NULL
                 ? copy_table(fetch, from, err)
                 : cim_fail(err, CIM_E_IO, "url", NULL, "数据库无法连接：请检查地址、账号与密码",
                            "the database cannot be reached: check address, user and password");
    if (from != NULL) {
        GDALClose(from);
    }
    host_gdal_leave();
    return status;
}

cim_status
host_binding_check_raster(const char *path, cim_error *err)
{
    static const char *const drivers[] = {"GTiff", NULL};
    struct host_gdal_errors errors = {0};
    double transform[6];
    bool good = false;
    host_gdal_init();
    host_gdal_enter(&errors);
    GDALDatasetH raster = GDALOpenEx(path, GDAL_OF_RASTER | GDAL_OF_READONLY, drivers, NULL, NULL);
    if (raster != NULL) {
        good = GDALGetRasterCount(raster) >= 1 && GDALGetSpatialRef(raster) != NULL &&
               GDALGetGeoTransform(raster, transform) == CE_None;
        GDALClose(raster);
    }
    host_gdal_leave();
    return good ? CIM_OK
                : cim_fail(err, CIM_E_INVALID, "url", NULL, "应为带坐标系与位置的 GeoTIFF",
                           "expected a GeoTIFF with a reference "
                           "system and a place");
}
