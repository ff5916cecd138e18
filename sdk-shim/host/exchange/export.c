/* host/exchange/export.c -- a layer into a file that appears whole or not at all. */
#include "host/exchange/export_dataset.h"
#include "host/exchange/export_parcels.h"
#include "host/exchange/export_sheet.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>
#include <sys/stat.h>

/* One of those that write files. */
struct host_export {
    struct host_export_options options;
    char stem[64]; /* names what lies in an archive */
    struct host_growth growth;
    bool open; /* one of these */
    struct host_export_sheet sheet;
    struct host_export_parcels parcels;
    struct host_export_dataset dataset;
};

cim_status
host_export_begin(const char *path, const struct host_export_options *options,
                  struct host_export **ret_export, cim_error *err)
{
    struct host_export *export = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(host_export_check_crs(options->format, options->crs, err));
    export = calloc(1, sizeof *export);
    if (export == NULL) {
        return cim_fail_nomem(err);
    }
    export->options = *options;
    status = host_growth_open(path, options->format, &export->growth, err);
    if (status != CIM_OK) {
        free(export);
        return status;
    }
    *ret_export = export;
    return CIM_OK;
}

cim_status
host_export_open(struct host_export *export, const struct cim_definition *definition,
                 const cim_rows *rows, cim_error *err)
{
    const char *file = export->growth.file;
    const struct host_export_options *options = &export->options;
    cim_status status = CIM_OK;
    cim_copy_text(export->stem, sizeof export->stem, definition->table);
    if (options->format == HOST_EXPORT_XLSX) {
        status =
            host_export_sheet_open(file, export->growth.dir, definition, rows, &export->sheet, err);
    } else if (options->format == HOST_EXPORT_PARCELS) {
        status = host_export_parcels_open(file, definition, rows, options, &export->parcels, err);
    } else {
        status = host_export_dataset_open(file, definition, rows, options, &export->dataset, err);
    }
    export->open = status == CIM_OK;
    return status;
}

cim_status
host_export_add(struct host_export *export, const cim_batch *batch, cim_error *err)
{
    const enum host_export_format format = export->options.format;
    return format == HOST_EXPORT_XLSX      ? host_export_sheet_add(&export->sheet, batch, err)
           : format == HOST_EXPORT_PARCELS ? host_export_parcels_add(&export->parcels, batch, err)
                                           : host_export_dataset_add(&export->dataset, batch, err);
}

static cim_status
close_file(struct host_export *export, cim_error *err)
{
    const enum host_export_format format = export->options.format;
    if (!export->open) {
        return CIM_OK;
    }
    export->open = false;
    return format == HOST_EXPORT_XLSX      ? host_export_sheet_close(&export->sheet, err)
           : format == HOST_EXPORT_PARCELS ? host_export_parcels_close(&export->parcels, err)
                                           : host_export_dataset_close(&export->dataset, err);
}

cim_status
host_export_finish(struct host_export *export, const char *path, cim_error *err)
{
    CIM_TRY(close_file(export, err));
    return host_growth_move(&export->growth, path, export->stem, err);
}

void
host_export_free(struct host_export *export)
{
    if (export != NULL) {
        (void)close_file(export, NULL); /* told already */
        host_growth_done(&export->growth);
        free(export);
    }
}

static cim_status
write_rows(struct host_export *export, const struct cim_definition *definition, cim_rows *rows,
           int64_t *ret_count, cim_error *err)
{
    const struct host_export_options *options = &export->options;
    const cim_batch *batch = NULL;
    int64_t count = 0;
    CIM_TRY(host_export_open(export, definition, rows, err));
    for (;;) {
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            *ret_count = count;
            return CIM_OK;
        }
        CIM_TRY(host_export_add(export, batch, err));
        count += batch->n_rows;
        if (options->progress != NULL && options->progress(options->arg, count) != 0) {
            return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "导出已取消",
                            "the export was cancelled");
        }
    }
}

cim_status
host_exchange_export(const cim_layer *layer, const struct cim_definition *definition,
                     const cim_call *call, const cim_query *query, const char *path,
                     const struct host_export_options *options, int64_t *ret_count, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_export *export = NULL;
    struct stat info;
    int64_t count = 0;
    cim_status status = CIM_OK;
    if (lstat(path, &info) == 0) {
        return cim_fail(err, CIM_E_EXISTS, "path", path, "文件已存在，不会覆盖",
                        "there is a file already, it is not overwritten");
    }
    CIM_TRY(layer->query(layer->self, call, query, &rows, err));
    CIM_TRY(host_export_begin(path, options, &export, err));
    status = write_rows(export, definition, rows, &count, err);
    if (status == CIM_OK) {
        status = host_export_finish(export, path, err);
    }
    host_export_free(export);
    if (status == CIM_OK && ret_count != NULL) {
        *ret_count = count;
    }
    return status;
}
