/* host/exchange/source_open.c -- opening a file, with GDAL or by ourselves. */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "host/exchange/sheet_dates.h"
#include "kit/cleanup.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_MAX_BYTES = 1 << 20 };

static GDALDatasetH
open_kind(const struct host_workdir *work)
{
    const struct host_format *format = host_format_of(work->kind);
    const char *const drivers[] = {format->driver, NULL};
    return GDALOpenEx(work->file, GDAL_OF_VECTOR | GDAL_OF_READONLY, drivers, format->open_options,
                      NULL);
}

static cim_status
ask_for_layer(const struct host_source *source, const char *wanted, int n, cim_error *err)
{
    enum { NAMED_MAX = 8 };
    char names[160] = "";
    size_t len = 0;
    for (int i = 0; i < n && i < NAMED_MAX && len < sizeof names - 1; i++) {
        const int added = snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "",
                                   OGR_L_GetName(GDALDatasetGetLayer(source->dataset, i)));
        len += added > 0 ? (size_t)added : 0;
    }
    return cim_fail(err, CIM_E_INVALID, "source_layer", wanted,
                    "文件有 %d 个图层（%s），请用 source_layer 指明其一",
                    "the file holds %d layers (%s): name one as source_layer", n, names);
}

cim_status
host_source_choose_layer(struct host_source *source, const char *wanted, cim_error *err)
{
    const uint32_t flags = host_format_of(source->work.kind)->flags;
    const int n = GDALDatasetGetLayerCount(source->dataset);
    if (source->work.kind == HOST_FILE_DXF) {
        return host_drawing_choose(source, wanted, err);
    }
    if (wanted != NULL && (flags & HOST_FORMAT_LAYERS) != 0) {
        source->layer = GDALDatasetGetLayerByName(source->dataset, wanted);
    } else if (n == 1) {
        source->layer = GDALDatasetGetLayer(source->dataset, 0);
    }
    if (source->layer != NULL) {
        return CIM_OK;
    }
    return n == 0 ? cim_fail(err, CIM_E_INVALID, "file", NULL, "文件中没有图层",
                             "the file holds no layer")
                  : ask_for_layer(source, wanted, n, err);
}

cim_status
host_source_open_text(struct host_source *source, const char *declared, cim_error *err)
{
    char path[HOST_PATH_MAX + 32];
    if (source->work.kind == HOST_FILE_PARCELS) {
        return CIM_OK; /* told when the file was opened */
    }
    if ((host_format_of(source->work.kind)->flags & HOST_FORMAT_ANY_ENCODING) == 0) {
        if (declared != NULL && declared[0] != '\0' && strcasecmp(declared, "UTF-8") != 0) {
            return cim_fail(err, CIM_E_INVALID, "encoding", declared, "此格式的文字总是 UTF-8",
                            "the text of this format is always UTF-8");
        }
        host_text_in_utf8(&source->text);
        return CIM_OK;
    }
    cim_copy_text(path, sizeof path, source->work.file);
    if (source->work.kind == HOST_FILE_SHAPEFILE) {
        const char *hint = GDALGetMetadataItem(source->layer, "ENCODING_FROM_CPG", "SHAPEFILE");
        if (hint == NULL) {
            hint = GDALGetMetadataItem(source->layer, "ENCODING_FROM_LDID", "SHAPEFILE");
        }
        (void)memcpy(path + strlen(path) - 3, "dbf", 3);
        return host_text_in_open(path, source->work.kind, declared, hint, &source->text, err);
    }
    return host_text_in_open(path, source->work.kind, declared, NULL, &source->text, err);
}

cim_status
host_source_open_geometry(struct host_source *source, const struct host_import_options *options,
                          cim_error *err)
{
    const OGRwkbGeometryType type = OGR_L_GetGeomType(source->layer);
    if (source->geometry == CIM_GEOMETRY_NONE) {
        return CIM_OK;
    }
    if ((host_format_of(source->work.kind)->flags & HOST_FORMAT_TABLE) != 0) {
        host_columns_find_position(OGR_L_GetLayerDefn(source->layer), &source->x_index,
                                   &source->y_index, &source->wkt_index);
    }
    if (type == wkbNone && source->x_index < 0 && source->wkt_index < 0 && source->is_placed) {
        source->geometry = CIM_GEOMETRY_NONE; /* the layer finds them by their addresses */
        return CIM_OK;
    }
    if (type == wkbNone && source->x_index < 0 && source->wkt_index < 0) {
        return cim_fail(err, CIM_E_INVALID, "file", NULL,
                        "文件没有几何数据（CSV、XLSX 须有 lon、lat 两列或 WKT 列）",
                        "the file holds no geometries (CSV and XLSX need columns lon and lat, or "
                        "WKT)");
    }
    return host_crs_in_open(options->crs, OGR_L_GetSpatialRef(source->layer), &source->crs, err);
}

static cim_status
open_parcels(struct host_source *source, const char *declared, cim_error *err)
{
    CIM_TRY(host_text_in_open(source->work.file, source->work.kind, declared, NULL, &source->text,
                              err));
    CIM_TRY(host_parcels_open(source->work.file, &source->text, &source->dataset, err));
    /* From here on the text is what was made of it. */
    cim_copy_text(source->encoding, sizeof source->encoding, source->text.label);
    host_text_in_done(&source->text);
    host_text_in_utf8(&source->text);
    return CIM_OK;
}

static cim_status
open_dataset(struct host_source *source, const struct host_import_options *options, cim_error *err)
{
    const struct host_format *format = host_format_of(source->work.kind);
    struct host_gdal_errors errors = {0};
    if (source->work.kind == HOST_FILE_PARCELS) {
        return open_parcels(source, options->encoding, err);
    }
    host_gdal_enter(&errors);
    source->dataset = open_kind(&source->work);
    host_gdal_leave();
    return source->dataset != NULL && errors.n_failures == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "file", NULL, "文件无法作为 %s 读取：%s",
                          "the file cannot be read as %s: %s", format->name,
                          errors.n_failures > 0 ? errors.first : "-");
}

cim_status
host_source_open_file(const char *path, const struct host_import_options *options,
                      struct host_source *source, cim_error *err)
{
    cim_buf_init(&source->scratch, TEXT_MAX_BYTES);
    source->x_index = -1;
    source->y_index = -1;
    source->wkt_index = -1;
    source->flags = options->flags;
    CIM_TRY(host_workdir_open(path, options->source_layer, options->work_dir, &source->work, err));
    if (source->work.kind == HOST_FILE_SHAPEFILE) {
        CIM_TRY(host_shapefile_check(source->work.file, err));
    } else if (source->work.kind == HOST_FILE_DXF) {
        CIM_TRY(host_drawing_check(source->work.file, err));
    } else if (source->work.kind == HOST_FILE_CSV) {
        CIM_TRY(host_csv_check(source->work.file, err));
    }
    return open_dataset(source, options, err);
}

static void
on_found(void *arg, int64_t row, const cim_error *what)
{
    const struct host_source *source = arg;
    if (source->warned != NULL) {
        source->warned(source->told_arg, row, what);
    }
}

cim_status
host_source_open_rules(struct host_source *source, const struct host_import_options *options,
                       const struct cim_definition *definition, cim_error *err)
{
    return host_rules_open(definition, options->reader, options->mirror == NULL, NULL, on_found,
                           source, &source->rules, err);
}

static cim_status
open_checks(struct host_source *source, cim_error *err)
{
    const bool is_area =
        source->geometry == CIM_GEOMETRY_POLYGON || source->geometry == CIM_GEOMETRY_MULTI_POLYGON;
    if (is_area && (source->flags & HOST_IMPORT_ANY_AREA) == 0) {
        source->geos = GEOS_init_r();
        if (source->geos == NULL) {
            return cim_fail_nomem(err);
        }
    }
    return (source->flags & HOST_IMPORT_COMPARE) != 0 && source->geometry != CIM_GEOMETRY_NONE
               ? host_topology_new((source->flags & HOST_IMPORT_OVERLAPS) != 0, on_found, source,
                                   &source->topology, err)
               : CIM_OK;
}

/* Dates that would come out wrong are worse than none. */
static cim_status
check_dates(const struct host_source *source, cim_error *err)
{
    const struct host_source_column *dated = NULL;
    for (uint32_t i = 0; i < source->columns.n && dated == NULL; i++) {
        const struct host_source_column *column = &source->columns.columns[i];
        dated = column->ogr_index >= 0 && host_column_is_time(column) ? column : NULL;
    }
    if (dated == NULL || source->work.kind != HOST_FILE_XLSX ||
        !host_sheet_counts_from_1904(source->work.file)) {
        return CIM_OK;
    }
    return cim_fail(
        err, CIM_E_UNSUPPORTED, dated->name, "date1904",
        "工作簿使用 1904 日期系统，日期会早 4 年零 1 天；请在 Excel 选项中取消“使用 1904 "
        "日期系统”，核对日期后另存",
        "the workbook counts days from 1904, its dates would be four years and a day "
        "too early: switch the 1904 date system off, check the dates and save it anew");
}

static cim_status
open_all(const char *path, const struct host_import_options *options,
         const struct cim_definition *definition, struct host_import_report *report,
         struct host_source *source, cim_error *err)
{
    CIM_TRY(host_source_open_file(path, options, source, err));
    CIM_TRY(host_source_choose_layer(source, options->source_layer, err));
    if (source->work.kind == HOST_FILE_GEOJSONSEQ && source->geometry != CIM_GEOMETRY_NONE) {
        CIM_TRY(host_geojson_lines_open(source->work.file, &source->lines, err));
    }
    CIM_TRY(host_source_open_text(source, options->encoding, err));
    CIM_TRY(host_source_open_geometry(source, options, err));
    CIM_TRY(host_columns_match(OGR_L_GetLayerDefn(source->layer), &source->text, source->work.kind,
                               definition, options, &source->columns, report, err));
    CIM_TRY(check_dates(source, err));
    if (source->columns.n == 0 && source->geometry == CIM_GEOMETRY_NONE) {
        return cim_fail(err, CIM_E_INVALID, "file", NULL, "文件没有与图层字段同名的列",
                        "no column of the file has the name of a field of the layer");
    }
    source->total = OGR_L_GetFeatureCount(source->layer, FALSE);
    return open_checks(source, err);
}

static void
close_dataset(struct host_source *source)
{
    struct host_gdal_errors errors = {0};
    if (source->dataset != NULL) {
        host_gdal_enter(&errors);
        GDALClose(source->dataset);
        host_gdal_leave();
        source->dataset = NULL;
    }
}

void
host_source_free(struct host_source *source)
{
    if (source == NULL) {
        return;
    }
    close_dataset(source);
    host_topology_free(source->topology);
    host_rules_free(source->rules);
    if (source->geos != NULL) {
        GEOS_finish_r(source->geos);
    }
    host_crs_in_done(&source->crs);
    host_text_in_done(&source->text);
    host_columns_done(&source->columns);
    host_geojson_lines_done(&source->lines);
    host_workdir_done(&source->work);
    cim_buf_done(&source->scratch);
    free(source->skipped);
    free(source->wkb);
    free(source);
}

cim_status
host_source_open(const char *path, const struct host_import_options *options,
                 const struct cim_definition *definition, struct host_import_report *report,
                 struct host_source **ret_source, cim_error *err)
{
    struct host_gdal_errors errors = {0};
    struct host_source *source = calloc(1, sizeof *source);
    cim_status status = CIM_OK;
    if (source == NULL) {
        return cim_fail_nomem(err);
    }
    source->geometry = definition->geometry;
    source->is_placed = definition->placing.address != NULL;
    host_gdal_enter(&errors);
    status = open_all(path, options, definition, report, source, err);
    host_gdal_leave();
    if (status != CIM_OK) {
        host_source_free(source);
        return status;
    }
    cim_copy_text(report->format, sizeof report->format, host_format_of(source->work.kind)->name);
    cim_copy_text(report->crs, sizeof report->crs, source->crs.label);
    cim_copy_text(report->encoding, sizeof report->encoding,
                  source->encoding[0] != '\0' ? source->encoding : source->text.label);
    *ret_source = source;
    return CIM_OK;
}
