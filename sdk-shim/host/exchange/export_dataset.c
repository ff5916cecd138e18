/* host/exchange/export_dataset.c -- see export_dataset.h. */
#include "host/exchange/export_dataset.h"

#include "cim/util.h"
#include "kit/rows.h"
#include "kit/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_BYTES_MAX = 1 << 20, EXACT_MAX_BITS = 53 };

static cim_status
gdal_fail(const struct host_gdal_errors *errors, cim_error *err)
{
    return cim_fail(err, CIM_E_IO, NULL, NULL, "导出文件写入失败：%s",
                    "the export could not be written: %s",
                    errors->n_failures > 0 ? errors->first : "-");
}

static const struct cim_field *
field_named(const struct cim_definition *definition, const char *name)
{
    return cim_definition_field(definition, name);
}

/* Shapefiles know no time of day, and the texts of JSON and CSV say more than GDAL's notation. A
 * geodatabase keeps dates as moments, to the second. */
static OGRFieldType
type_of(const struct host_export_dataset *dataset, const struct cim_field *field, uint32_t type)
{
    const bool is_date = field != NULL && field->type == CIM_FIELD_DATE;
    const bool has_times =
        dataset->format == HOST_EXPORT_GPKG || dataset->format == HOST_EXPORT_FILEGDB;
    switch (type) {
    case CIM_COL_INT64:
        return OFTInteger64;
    case CIM_COL_BOOL:
        return OFTInteger;
    case CIM_COL_FLOAT64:
        return OFTReal;
    case CIM_COL_TIME_MS:
        return has_times ? OFTDateTime : OFTString;
    default:
        return is_date && (has_times || dataset->format == HOST_EXPORT_SHP) ? OFTDate : OFTString;
    }
}

static cim_status
add_field(struct host_export_dataset *dataset, const struct cim_definition *definition,
          uint32_t column, const struct host_gdal_errors *errors, cim_error *err)
{
    const char *name = dataset->rows->names[column];
    const uint32_t type = dataset->rows->types[column];
    OGRFieldDefnH field =
        OGR_Fld_Create(name, type_of(dataset, field_named(definition, name), type));
    OGRErr added = OGRERR_NONE;
    if (type == CIM_COL_BOOL && dataset->format != HOST_EXPORT_SHP) {
        OGR_Fld_SetSubType(field, OFSTBoolean);
    }
    if (dataset->format == HOST_EXPORT_SHP && OGR_Fld_GetType(field) == OFTString) {
        OGR_Fld_SetWidth(field, 254); /* all that dBASE has */
    }
    added = OGR_L_CreateField(dataset->layer, field, TRUE);
    OGR_Fld_Destroy(field);
    if (added != OGRERR_NONE) {
        return gdal_fail(errors, err);
    }
    dataset->fields[column] = OGR_FD_GetFieldCount(OGR_L_GetLayerDefn(dataset->layer)) - 1;
    return CIM_OK;
}

static cim_status
add_fields(struct host_export_dataset *dataset, const struct cim_definition *definition,
           const struct host_gdal_errors *errors, cim_error *err)
{
    for (uint32_t c = 0; c < dataset->rows->n_columns; c++) {
        dataset->fields[c] = -1;
        if (dataset->rows->types[c] == CIM_COL_WKB || dataset->format == HOST_EXPORT_DXF) {
            continue;
        }
        if (strcmp(dataset->rows->names[c], "fid") == 0) {
            dataset->fid_column = (int)c;
            /* Where the format has no number of its own for a record, it is a column. */
            if (dataset->format == HOST_EXPORT_GPKG || dataset->format == HOST_EXPORT_GEOJSON ||
                dataset->format == HOST_EXPORT_GEOJSONL) {
                continue;
            }
        }
        CIM_TRY(add_field(dataset, definition, c, errors, err));
    }
    return CIM_OK;
}

/* GeoJSON means WGS 84, which CGCS2000 is at our accuracy; the others name EPSG:4490, or what was
 * asked for. */
static OGRSpatialReferenceH
reference_system(const struct host_export_dataset *dataset)
{
    const bool json =
        dataset->format == HOST_EXPORT_GEOJSON || dataset->format == HOST_EXPORT_GEOJSONL;
    OGRSpatialReferenceH srs =
        dataset->crs.epsg != 0 ? OSRClone(dataset->crs.srs) : OSRNewSpatialReference(NULL);
    if (srs != NULL && dataset->crs.epsg == 0) {
        (void)OSRImportFromEPSG(srs, json ? 4326 : 4490); /* both come with PROJ */
        OSRSetAxisMappingStrategy(srs, OAMS_TRADITIONAL_GIS_ORDER);
    }
    return srs;
}

static OGRLayerH
create_layer(struct host_export_dataset *dataset, const char *name,
             const struct cim_definition *definition, const char *encoding)
{
    char encoding_option[48];
    const char *const geojson[] = {"RFC7946=YES", NULL};
    const char *const csv[] = {definition->geometry == CIM_GEOMETRY_POINT ? "GEOMETRY=AS_XY"
                                                                          : "GEOMETRY=AS_WKT",
                               "WRITE_BOM=YES", NULL};
    const char *const gpkg[] = {"FID=fid", "GEOMETRY_NAME=geom", NULL};
    const char *const filegdb[] = {"GEOMETRY_NAME=geom", NULL};
    const char *const shp[] = {encoding_option, NULL};
    const char *const *options[] = {
        [HOST_EXPORT_GEOJSON] = geojson, [HOST_EXPORT_CSV] = csv,         [HOST_EXPORT_GPKG] = gpkg,
        [HOST_EXPORT_SHP] = shp,         [HOST_EXPORT_FILEGDB] = filegdb, [HOST_EXPORT_DXF] = NULL,
    };
    const OGRwkbGeometryType type = definition->geometry == CIM_GEOMETRY_NONE
                                        ? wkbNone
                                        : (OGRwkbGeometryType)definition->geometry;
    OGRSpatialReferenceH srs = reference_system(dataset);
    OGRLayerH layer = NULL;
    (void)snprintf(encoding_option, sizeof encoding_option, "ENCODING=%s",
                   encoding != NULL && strcasecmp(encoding, "GBK") == 0 ? "CP936" : "UTF-8");
    layer = GDALDatasetCreateLayer(dataset->dataset, name, srs, type,
                                   (char **)(uintptr_t)options[dataset->format]);
    OSRDestroySpatialReference(srs);
    return layer;
}

static bool
is_kml(enum host_export_format format)
{
    return format == HOST_EXPORT_KML || format == HOST_EXPORT_KMZ;
}

/* A schema beside a GML would be a second file. What a KML shows as the name of a place is no
 * attribute any more: it is the field `name`, which readers take from there, or a copy of the
 * label. */
static GDALDatasetH
create_file(const char *path, enum host_export_format format, bool has_name)
{
    const char *const gml[] = {"FORMAT=GML3.2", "XSISCHEMA=OFF", NULL};
    const char *const kml[] = {has_name ? "NameField=name" : "NameField=Name", NULL};
    const char *const *options = format == HOST_EXPORT_GML ? gml : is_kml(format) ? kml : NULL;
    return GDALCreate(GDALGetDriverByName(host_export_kind_of(format)->driver), path, 0, 0, 0,
                      GDT_Unknown, (char **)(uintptr_t)options);
}

static cim_status
add_name(struct host_export_dataset *dataset, const struct cim_definition *definition,
         const struct host_gdal_errors *errors, cim_error *err)
{
    OGRFieldDefnH field = OGR_Fld_Create("Name", OFTString);
    const OGRErr added = OGR_L_CreateField(dataset->layer, field, TRUE);
    OGR_Fld_Destroy(field);
    dataset->label_column =
        definition->label != NULL ? cim_rows_column(dataset->rows, definition->label) : -1;
    dataset->name_field = OGR_FD_GetFieldCount(OGR_L_GetLayerDefn(dataset->layer)) - 1;
    return added == OGRERR_NONE ? CIM_OK : gdal_fail(errors, err);
}

cim_status
host_export_dataset_open(const char *path, const struct cim_definition *definition,
                         const cim_rows *rows, const struct host_export_options *options,
                         struct host_export_dataset *ret_dataset, cim_error *err)
{
    struct host_export_dataset dataset = {
        .format = options->format, .rows = rows, .fid_column = -1, .name_field = -1};
    const bool has_name = cim_rows_column(rows, "name") >= 0;
    struct host_gdal_errors errors = {0};
    cim_status status = CIM_OK;
    cim_buf_init(&dataset.scratch, TEXT_BYTES_MAX);
    dataset.fields = calloc((size_t)rows->n_columns + 1, sizeof *dataset.fields);
    if (dataset.fields == NULL) {
        return cim_fail_nomem(err);
    }
    if (options->crs != NULL) {
        status = host_crs_out_open(options->crs, &dataset.crs, err);
    }
    if (status != CIM_OK) {
        (void)host_export_dataset_close(&dataset, NULL); /* told already */
        return status;
    }
    host_gdal_enter(&errors);
    dataset.dataset = create_file(path, options->format, has_name);
    if (dataset.dataset != NULL) {
        dataset.layer = create_layer(&dataset, definition->table, definition, options->encoding);
    }
    status = dataset.layer != NULL ? add_fields(&dataset, definition, &errors, err)
                                   : gdal_fail(&errors, err);
    if (status == CIM_OK && is_kml(options->format) && !has_name) {
        status = add_name(&dataset, definition, &errors, err);
    }
    if (status == CIM_OK && OGR_L_TestCapability(dataset.layer, OLCTransactions) &&
        OGR_L_StartTransaction(dataset.layer) != OGRERR_NONE) {
        status = gdal_fail(&errors, err);
    }
    host_gdal_leave();
    if (status != CIM_OK) {
        (void)host_export_dataset_close(&dataset, NULL); /* told already */
        return status;
    }
    *ret_dataset = dataset;
    ret_dataset->rows = NULL;
    return CIM_OK;
}

static void
set_text(struct host_export_dataset *dataset, OGRFeatureH feature, int field,
         const cim_column *column, int64_t row)
{
    size_t len = 0;
    const uint8_t *bytes = cim_column_bytes(column, row, &len);
    cim_buf_clear(&dataset->scratch);
    cim_buf_add(&dataset->scratch, bytes, len);
    OGR_F_SetFieldString(feature, field, len > 0 ? dataset->scratch.data : "");
}

static void
set_time(OGRFeatureH feature, int field, int64_t ms)
{
    char text[CIM_TIME_TEXT_MAX];
    cim_time_format(ms, text);
    OGR_F_SetFieldString(feature, field, text); /* parsed by GDAL where the field is a time */
}

static void
set_field(struct host_export_dataset *dataset, OGRFeatureH feature, int field,
          const cim_column *column, int64_t row)
{
    if (!cim_column_present(column, row)) {
        OGR_F_SetFieldNull(feature, field);
        return;
    }
    switch (column->type) {
    case CIM_COL_INT64:
    case CIM_COL_BOOL:
        OGR_F_SetFieldInteger64(feature, field, cim_column_i64(column, row));
        break;
    case CIM_COL_FLOAT64:
        OGR_F_SetFieldDouble(feature, field, cim_column_f64(column, row));
        break;
    case CIM_COL_TIME_MS:
        set_time(feature, field, cim_column_i64(column, row));
        break;
    default:
        set_text(dataset, feature, field, column, row);
        break;
    }
}

/* A geodatabase of today keeps large integers as doubles. */
static cim_status
check_exact(const struct host_export_dataset *dataset, const cim_column *column, int64_t row,
            cim_error *err)
{
    const int64_t most = INT64_C(1) << EXACT_MAX_BITS;
    char text[24];
    int64_t value = 0;
    if (dataset->format != HOST_EXPORT_FILEGDB || column->type != CIM_COL_INT64 ||
        !cim_column_present(column, row)) {
        return CIM_OK;
    }
    value = cim_column_i64(column, row);
    if (value >= -most && value <= most) {
        return CIM_OK;
    }
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return cim_fail(err, CIM_E_TOO_LARGE, column->name, text,
                    "FileGDB 存不下 %d 位以上的整数（%s），请导出为 GeoPackage",
                    "a FileGDB holds no integers of more than %d bits (%s): export GeoPackage",
                    EXACT_MAX_BITS, text);
}

static cim_status
set_geometry(const struct host_export_dataset *dataset, OGRFeatureH feature,
             const cim_column *column, int64_t row, cim_error *err)
{
    OGRGeometryH geometry = NULL;
    cim_status status = CIM_OK;
    size_t len = 0;
    const uint8_t *wkb = NULL;
    if (!cim_column_present(column, row)) {
        return CIM_OK;
    }
    wkb = cim_column_bytes(column, row, &len);
    if (OGR_G_CreateFromWkb(wkb, NULL, &geometry, (int)len) != OGRERR_NONE) {
        return cim_fail(err, CIM_E_INTERNAL, "geom", NULL, "存储的几何数据无法读取",
                        "a stored geometry cannot be read");
    }
    status = host_crs_out_apply(&dataset->crs, geometry, err);
    (void)OGR_F_SetGeometryDirectly(feature, geometry); /* takes it, whatever the result */
    return status;
}

static cim_status
add_row(struct host_export_dataset *dataset, const cim_batch *batch, int64_t row, cim_error *err)
{
    struct host_gdal_errors errors = {0};
    OGRFeatureH feature = OGR_F_Create(OGR_L_GetLayerDefn(dataset->layer));
    bool is_drawable = dataset->format != HOST_EXPORT_DXF; /* there is nothing else in a drawing */
    cim_status status = feature != NULL ? CIM_OK : cim_fail_nomem(err);
    for (uint32_t c = 0; status == CIM_OK && c < batch->n_columns; c++) {
        const cim_column *column = batch->columns[c];
        if (column->type == CIM_COL_WKB) {
            status = set_geometry(dataset, feature, column, row, err);
            is_drawable = is_drawable || cim_column_present(column, row);
        } else if (dataset->fields[c] >= 0) {
            status = check_exact(dataset, column, row, err);
            set_field(dataset, feature, dataset->fields[c], column, row);
        } else if ((int)c == dataset->fid_column) {
            (void)OGR_F_SetFID(feature, (GIntBig)cim_column_i64(column, row)); /* any number */
        }
    }
    if (dataset->name_field >= 0 && dataset->label_column >= 0) {
        set_field(dataset, feature, dataset->name_field, batch->columns[dataset->label_column],
                  row);
    }
    host_gdal_enter(&errors);
    if (status == CIM_OK && is_drawable &&
        (OGR_L_CreateFeature(dataset->layer, feature) != OGRERR_NONE || errors.n_failures > 0)) {
        status = gdal_fail(&errors, err);
    }
    host_gdal_leave();
    OGR_F_Destroy(feature);
    return status;
}

cim_status
host_export_dataset_add(struct host_export_dataset *dataset, const cim_batch *batch, cim_error *err)
{
    for (int64_t row = 0; row < batch->n_rows; row++) {
        CIM_TRY(add_row(dataset, batch, row, err));
    }
    return CIM_OK;
}

cim_status
host_export_dataset_close(struct host_export_dataset *dataset, cim_error *err)
{
    struct host_gdal_errors errors = {0};
    host_gdal_enter(&errors);
    if (dataset->layer != NULL && OGR_L_TestCapability(dataset->layer, OLCTransactions) &&
        OGR_L_CommitTransaction(dataset->layer) != OGRERR_NONE) {
        errors.n_failures++;
    }
    if (dataset->dataset != NULL) {
        GDALClose(dataset->dataset);
    }
    host_gdal_leave();
    host_crs_out_done(&dataset->crs);
    free(dataset->fields);
    cim_buf_done(&dataset->scratch);
    *dataset = (struct host_export_dataset){0};
    return errors.n_failures == 0 ? CIM_OK : gdal_fail(&errors, err);
}
