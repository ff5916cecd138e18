/* host/exchange/source.c -- opening a file with GDAL and pulling its rows. */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FILL_ROWS = 512, FILL_BYTES = 1 << 20, TEXT_MAX_BYTES = 1 << 20 };

/* ---- opening ---- */

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

static cim_status
choose_layer(struct host_source *source, const char *wanted, cim_error *err)
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

static cim_status
open_text(struct host_source *source, const char *declared, cim_error *err)
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

static cim_status
open_geometry(struct host_source *source, const struct host_import_options *options, cim_error *err)
{
    const OGRwkbGeometryType type = OGR_L_GetGeomType(source->layer);
    if (source->geometry == CIM_GEOMETRY_NONE) {
        return CIM_OK;
    }
    if ((host_format_of(source->work.kind)->flags & HOST_FORMAT_TABLE) != 0) {
        host_columns_find_position(OGR_L_GetLayerDefn(source->layer), &source->x_index,
                                   &source->y_index, &source->wkt_index);
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
open_dataset(struct host_source *source, const struct host_import_options *options,
             const struct cim_definition *definition, struct host_import_report *report,
             struct host_gdal_errors *errors, cim_error *err)
{
    const struct host_format *format = host_format_of(source->work.kind);
    if (source->work.kind == HOST_FILE_PARCELS) {
        CIM_TRY(open_parcels(source, options->encoding, err));
    } else {
        source->dataset = open_kind(&source->work);
    }
    if (source->dataset == NULL || errors->n_failures > 0) {
        return cim_fail(err, CIM_E_INVALID, "file", NULL, "文件无法作为 %s 读取：%s",
                        "the file cannot be read as %s: %s", format->name,
                        errors->n_failures > 0 ? errors->first : "-");
    }
    CIM_TRY(choose_layer(source, options->source_layer, err));
    if (source->work.kind == HOST_FILE_GEOJSONSEQ && source->geometry != CIM_GEOMETRY_NONE) {
        CIM_TRY(host_geojson_lines_open(source->work.file, &source->lines, err));
    }
    CIM_TRY(open_text(source, options->encoding, err));
    CIM_TRY(open_geometry(source, options, err));
    CIM_TRY(host_columns_match(OGR_L_GetLayerDefn(source->layer), &source->text, source->work.kind,
                               definition, options, &source->columns, report, err));
    if (source->columns.n == 0 && source->geometry == CIM_GEOMETRY_NONE) {
        return cim_fail(err, CIM_E_INVALID, "file", NULL, "文件没有与图层字段同名的列",
                        "no column of the file has the name of a field of the layer");
    }
    source->total = OGR_L_GetFeatureCount(source->layer, FALSE);
    return CIM_OK;
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
    cim_buf_init(&source->scratch, TEXT_MAX_BYTES);
    source->geometry = definition->geometry;
    source->x_index = -1;
    source->y_index = -1;
    source->wkt_index = -1;
    source->row_wise = (options->flags & HOST_IMPORT_ROW_WISE) != 0;
    status = host_workdir_open(path, options->source_layer, options->work_dir, &source->work, err);
    if (status == CIM_OK && source->work.kind == HOST_FILE_SHAPEFILE) {
        status = host_shapefile_check(source->work.file, err);
    } else if (status == CIM_OK && source->work.kind == HOST_FILE_DXF) {
        status = host_drawing_check(source->work.file, err);
    }
    if (status == CIM_OK) {
        host_gdal_enter(&errors);
        status = open_dataset(source, options, definition, report, &errors, err);
        host_gdal_leave();
    }
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

/* ---- rows ---- */

static cim_status
note_skipped(struct host_source *source, const cim_error *why, cim_error *err)
{
    if (source->n_skipped == source->skipped_capacity) {
        const int32_t capacity = source->skipped_capacity == 0 ? 64 : source->skipped_capacity * 2;
        int64_t *grown = NULL;
        if (capacity > HOST_IMPORT_SKIPPED_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "被拒绝的行超过 %d，导入停止",
                            "more than %d rows were refused, the import stops",
                            HOST_IMPORT_SKIPPED_MAX);
        }
        grown = realloc(source->skipped, (size_t)capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        source->skipped = grown;
        source->skipped_capacity = capacity;
    }
    source->skipped[source->n_skipped++] = source->n_delivered;
    if (source->refused != NULL) {
        source->refused(source->refused_arg, source->n_read, why);
    }
    return CIM_OK;
}

int64_t
host_source_row_of(const struct host_source *source, int64_t delivered)
{
    int32_t low = 0;
    int32_t high = source->n_skipped;
    while (low < high) { /* skips that came before this row */
        const int32_t middle = low + (high - low) / 2;
        if (source->skipped[middle] < delivered) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return delivered + low;
}

/* Takes back what a row has appended: an impossible column makes the builder refuse the row. */
static void
drop_row(struct cim_batch_builder *builder)
{
    cim_batch_append_null(builder, UINT32_MAX);
    (void)cim_batch_builder_end_row(builder, NULL); /* fails, which is the point */
}

static cim_status
take_feature(struct host_source *source, OGRFeatureH feature, struct cim_batch_builder *builder,
             cim_error *err)
{
    cim_error why = {0};
    const cim_status status = host_source_convert(source, feature, builder, &why);
    source->n_read++;
    if (status == CIM_OK) {
        CIM_TRY(cim_batch_builder_end_row(builder, err));
        source->n_delivered++;
        return CIM_OK;
    }
    drop_row(builder);
    if (status != CIM_E_INVALID && status != CIM_E_TOO_LARGE) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    return note_skipped(source, &why, err);
}

static cim_status
finish(struct host_source *source, cim_error *err)
{
    source->ended = true;
    if (source->total >= 0 && source->n_read < source->total) {
        return cim_fail(err, CIM_E_INVALID, "file", NULL,
                        "文件损坏：应有 %lld 条记录，只读出 %lld 条",
                        "the file is damaged: it should hold %lld records, %lld could be read",
                        (long long)source->total, (long long)source->n_read);
    }
    if (source->n_skipped > 0 && !source->row_wise) {
        return cim_fail(err, CIM_E_INVALID, "file", NULL,
                        "%d 行有误，未写入任何数据（可选择逐行导入，跳过有误的行）",
                        "%d rows are wrong, nothing was written (row-wise import leaves them out)",
                        source->n_skipped);
    }
    return CIM_OK;
}

static cim_status
fill_from(struct host_source *source, struct cim_batch_builder *builder,
          struct host_gdal_errors *errors, cim_error *err)
{
    while (cim_batch_builder_rows(builder) < FILL_ROWS &&
           cim_batch_builder_bytes(builder) < FILL_BYTES) {
        OGRFeatureH feature = OGR_L_GetNextFeature(source->layer);
        cim_status status = CIM_OK;
        if (errors->n_failures > 0) {
            OGR_F_Destroy(feature);
            return cim_fail(err, CIM_E_INVALID, "file", NULL, "文件在第 %lld 条记录之后损坏：%s",
                            "the file is damaged after record %lld: %s", (long long)source->n_read,
                            errors->first);
        }
        if (feature == NULL) {
            return finish(source, err);
        }
        status = take_feature(source, feature, builder, err);
        OGR_F_Destroy(feature);
        errors->n_failures = 0; /* of the conversion: that row was refused */
        CIM_TRY(status);
    }
    return CIM_OK;
}

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct host_source *source = self;
    struct host_gdal_errors errors = {0};
    cim_status status = CIM_OK;
    if (source->ended) {
        return CIM_OK;
    }
    host_gdal_enter(&errors);
    status = fill_from(source, builder, &errors, err);
    host_gdal_leave();
    return status;
}

static void
rows_release(void *self)
{
    (void)self; /* the source is its opener's */
}

cim_status
host_source_rows(struct host_source *source, cim_rows **ret_rows, cim_error *err)
{
    const char *names[HOST_IMPORT_FIELDS_MAX + 1];
    uint32_t types[HOST_IMPORT_FIELDS_MAX + 1];
    uint32_t n = source->columns.n;
    for (uint32_t i = 0; i < n; i++) {
        names[i] = source->columns.columns[i].name;
        types[i] = source->columns.columns[i].type;
    }
    if (source->geometry != CIM_GEOMETRY_NONE) {
        names[n] = "geom";
        types[n++] = CIM_COL_WKB;
    }
    return cim_rows_new(n, names, types, fill, rows_release, source, ret_rows, err);
}
