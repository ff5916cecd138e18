/* host/exchange/table.c -- a CSV or XLSX as texts, for who wants neither a layer nor geometries. */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_BYTES_MAX = 1 << 20 };

struct reading {
    struct host_source *source;
    struct cim_buf texts; /* of the row at hand, one behind the other, each with its NUL */
    size_t starts[HOST_IMPORT_FIELDS_MAX];
    const char *cells[HOST_IMPORT_FIELDS_MAX];
    int n;
};

static cim_status
open_table(struct reading *reading, const char *path, const char *sheet, cim_error *err)
{
    const struct host_import_options options = {.source_layer = sheet};
    struct host_source *source = reading->source;
    CIM_TRY(host_source_open_file(path, &options, source, err));
    if (source->work.kind != HOST_FILE_CSV && source->work.kind != HOST_FILE_XLSX) {
        return cim_fail(err, CIM_E_INVALID, "file", NULL, "应为 CSV 或 XLSX 表格，而不是 %s",
                        "expected a table, CSV or XLSX, and not %s",
                        host_format_of(source->work.kind)->name);
    }
    if (sheet == NULL && GDALDatasetGetLayerCount(source->dataset) > 0) {
        source->layer = GDALDatasetGetLayer(source->dataset, 0);
    } else {
        CIM_TRY(host_source_choose_layer(source, sheet, err));
    }
    CIM_TRY(host_source_open_text(source, NULL, err));
    reading->n = OGR_FD_GetFieldCount(OGR_L_GetLayerDefn(source->layer));
    return reading->n <= HOST_IMPORT_FIELDS_MAX
               ? CIM_OK
               : cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "文件有 %d 列，上限 %d",
                          "the file has %d columns: at most %d", reading->n,
                          HOST_IMPORT_FIELDS_MAX);
}

static void
begin_cell(struct reading *reading, int i)
{
    reading->starts[i] = reading->texts.len;
}

static void
end_cell(struct reading *reading)
{
    cim_buf_add(&reading->texts, "", 1);
}

/* Hands the row on; a row without any text is none. */
static cim_status
hand_on(struct reading *reading, int64_t row, host_table_row_fn take, void *arg, cim_error *err)
{
    CIM_TRY(cim_buf_status(&reading->texts, err));
    if (reading->texts.len == (size_t)reading->n) {
        return CIM_OK;
    }
    for (int i = 0; i < reading->n; i++) {
        reading->cells[i] = reading->texts.data + reading->starts[i];
    }
    return take(arg, row, reading->cells, (size_t)reading->n, err);
}

static cim_status
read_head(struct reading *reading, host_table_row_fn take, void *arg, cim_error *err)
{
    OGRFeatureDefnH defn = OGR_L_GetLayerDefn(reading->source->layer);
    for (int i = 0; i < reading->n; i++) {
        begin_cell(reading, i);
        CIM_TRY(host_text_in_convert(&reading->source->text,
                                     OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(defn, i)),
                                     &reading->texts, err));
        end_cell(reading);
    }
    return hand_on(reading, 1, take, arg, err);
}

static cim_status
read_row(struct reading *reading, OGRFeatureH feature, int64_t row, host_table_row_fn take,
         void *arg, cim_error *err)
{
    cim_buf_clear(&reading->texts);
    for (int i = 0; i < reading->n; i++) {
        cim_error why = {.code = CIM_OK};
        begin_cell(reading, i);
        const cim_status status =
            host_source_text(reading->source, feature, i, &reading->texts, &why);
        if (status != CIM_OK) {
            return cim_fail(err, status, "file", NULL, "第 %lld 行：%s%.0s", "row %lld: %.0s%s",
                            (long long)row, why.zh, why.en);
        }
        end_cell(reading);
    }
    return hand_on(reading, row, take, arg, err);
}

static cim_status
read_all(struct reading *reading, const char *path, const char *sheet, host_table_row_fn take,
         void *arg, cim_error *err)
{
    OGRFeatureH feature = NULL;
    int64_t row = 1;
    cim_status status = CIM_OK;
    CIM_TRY(open_table(reading, path, sheet, err));
    CIM_TRY(read_head(reading, take, arg, err));
    OGR_L_ResetReading(reading->source->layer);
    while (status == CIM_OK && (feature = OGR_L_GetNextFeature(reading->source->layer)) != NULL) {
        status = read_row(reading, feature, ++row, take, arg, err);
        OGR_F_Destroy(feature);
    }
    return status;
}

cim_status
host_exchange_read_table(const char *path, const char *sheet, host_table_row_fn take, void *arg,
                         cim_error *err)
{
    struct host_gdal_errors errors = {0};
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        return cim_fail_nomem(err);
    }
    reading->source = calloc(1, sizeof *reading->source);
    if (reading->source == NULL) {
        free(reading);
        return cim_fail_nomem(err);
    }
    cim_buf_init(&reading->texts, ROW_BYTES_MAX);
    host_gdal_enter(&errors);
    cim_status status = read_all(reading, path, sheet, take, arg, err);
    host_gdal_leave();
    if (status == CIM_OK && errors.n_failures > 0) {
        status = cim_fail(err, CIM_E_INVALID, "file", NULL, "文件读到一半出错：%s",
                          "the file cannot be read to its end: %s", errors.first);
    }
    if (status != CIM_OK && err != NULL && strcmp(err->param, "file") == 0) {
        err->value[0] = '\0'; /* where the file lies is nobody's business */
    }
    host_source_free(reading->source);
    cim_buf_done(&reading->texts);
    free(reading);
    return status;
}
